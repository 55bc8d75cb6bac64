"""Machines whose start script writes a Compose file."""

from __future__ import annotations

from policyengine.model.image import ImageRef, Version
from policyengine.model.nodes import Database, Definitions, Node, Origin, Role, Service, Side
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Value
from policyengine.platforms import Settings
from policyengine.platforms.compose import reads
from policyengine.platforms.terraform import TerraformPart
from policyengine.platforms.terraform.root_modules import lower
from policyengine.testing.memory import Memory

PLAIN = Settings(TerraformPart(), jobs=1, cache=False, reads={"compose": reads})


def nodes(texts: dict[str, str]) -> dict[str, Node]:
    found = lower(Memory(texts), PLAIN)
    assert found.problems == ()
    return {node.id: node for node in found.nodes if not isinstance(node, Definitions)}


def service(texts: dict[str, str], node_id: str) -> Service:
    node = nodes(texts)[node_id]
    assert isinstance(node, Service)
    return node


def text(texts: dict[str, str], span: Span) -> str:
    return texts[span.path][span.start : span.end]


def image(value: Value[ImageRef]) -> str:
    assert isinstance(value, Known)
    return value.value.text


PROVIDER = 'provider "aws" {\n  region = "eu-central-1"\n}\n'


def test_a_here_document_that_a_shell_script_writes_makes_services_where_it_stands() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_instance" "web" {\n'
        + "  user_data = <<-EOF\n"
        + "    #!/bin/bash\n"
        + "    cat > /opt/docker-compose.yml <<'COMPOSE'\n"
        + "    services:\n"
        + "      db:\n"
        + "        image: postgres:16.3\n"
        + "        ports:\n"
        + '          - "5432:5432"\n'
        + "    COMPOSE\n"
        + "    docker compose -f /opt/docker-compose.yml up -d\n"
        + "  EOF\n}\n"
    }
    found = nodes(texts)
    database = found["terraform:aws_instance.web#db/database"]
    assert isinstance(database, Database)
    assert database.side is Side.CLOUD
    assert isinstance(database.version, Known)
    assert database.version.value == Version(16, 3)
    assert text(texts, database.version.span) == "postgres:16.3"
    running = found["terraform:aws_instance.web#db"]
    assert isinstance(running, Service)
    assert (running.role, running.group) == (Role.DATABASE, "terraform:aws_instance.web")
    assert database.service == running.id
    assert text(texts, running.span) == "db"
    assert text(texts, running.ports[0].span) == "5432:5432"


def test_what_terraform_interpolates_keeps_its_place_and_its_address() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'variable "tag" {\n  default = "16.2"\n}\nvariable "key" {}\n'
        + 'resource "aws_db_instance" "main" {\n  engine = "postgres"\n}\n'
        + 'resource "aws_instance" "web" {\n  user_data = <<EOF\n'
        + "cat <<'C' > compose.yaml\nservices:\n  db:\n    image: postgres:${var.tag}\n  web:\n    image: shop/web:1\n"
        + "    environment:\n      DB_HOST: ${aws_db_instance.main.address}\n      KEY: ${var.key}\n      A: $${A}\nC\nEOF\n}\n"
    }
    assert image(service(texts, "terraform:aws_instance.web#db").image) == "postgres:16.2"
    web = service(texts, "terraform:aws_instance.web#web")
    host, key, other = web.environment
    assert isinstance(host.value, Unknown)
    assert host.value.reason == "aws_db_instance.main.address is known only after apply"
    assert host.references == ("aws_db_instance.main.address",)
    assert text(texts, host.value.span) == "aws_db_instance.main.address"
    assert isinstance(key.value, Unknown)
    assert key.value.reason == "variable 'key' has no value in the repository"
    assert isinstance(other.value, Unknown)
    assert other.value.reason == "the variable 'A' set outside the files"
    edges = lower(Memory(texts), PLAIN).edges
    assert [(edge.source, edge.target) for edge in edges] == [(web.id, "terraform:aws_db_instance.main")]


def test_env_files_that_the_script_writes_beside_it_count() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_instance" "web" {\n  user_data = file("start.sh")\n}\n',
        "start.sh": "cd /opt/app\ncat > .env <<'E'\nTAG=1.27\nE\ntee app.env <<'E' >/dev/null\nMODE=production\nE\n"
        "cat > docker-compose.yml <<'E'\nservices:\n  web:\n    image: shop/web:${TAG}\n    env_file: app.env\nE\n",
    }
    web = service(texts, "terraform:aws_instance.web#web")
    assert image(web.image) == "shop/web:1.27"
    (mode,) = web.environment
    assert isinstance(mode.value, Known)
    assert (mode.value.value, text(texts, mode.value.span)) == ("production", "production")
    assert web.env_files == ()
    assert web.environment_gap is None


def test_an_env_file_that_only_the_machine_has_leaves_the_environment_open() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_instance" "web" {\n  user_data = file("start.sh")\n}\n',
        "start.sh": "cat > docker-compose.yml <<'E'\nservices:\n  web:\n    build: .\n    env_file: secret.env\n"
        "    volumes:\n      - ./data:/data\nE\n",
    }
    web = service(texts, "terraform:aws_instance.web#web")
    assert web.environment_gap is not None
    assert web.environment_gap.reason == "the env file 'secret.env' is on the machine"
    assert web.build is not None
    assert isinstance(web.build.context, Unknown)
    assert isinstance(web.mounts[0].source, Unknown)


def test_an_unquoted_here_document_is_expanded_by_the_shell_first() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_instance" "web" {\n  user_data = file("start.sh")\n}\n',
        "start.sh": "cat <<E | sudo tee /opt/compose.yml\nservices:\n  web:\n    image: shop/web:1\n    environment:\n"
        "      IP: $(curl -s http://169.254.169.254/latest/meta-data/local-ipv4)\n      PRICE: 5\\$\\$\nE\n",
    }
    address, price = service(texts, "terraform:aws_instance.web#web").environment
    assert isinstance(address.value, Unknown)
    assert address.value.reason == "the output of a command on the machine"
    assert isinstance(price.value, Known)
    assert price.value.value == "5$"


def test_cloud_init_in_a_template_that_is_base64_encoded() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_launch_template" "web" {\n'
        + '  user_data = base64encode(templatefile("init.yaml", { tag = "7.2.4" }))\n}\n',
        "init.yaml": "#cloud-config\npackages: [docker]\nwrite_files:\n  - path: /opt/docker-compose.yml\n    content: |\n"
        "      services:\n        cache:\n          image: redis:${tag}\n        db:\n          image: postgres:16.1\n",
    }
    assert image(service(texts, "terraform:aws_launch_template.web#cache").image) == "redis:7.2.4"
    database = service(texts, "terraform:aws_launch_template.web#db")
    assert image(database.image) == "postgres:16.1"
    assert text(texts, database.image.span) == "postgres:16.1"
    assert database.image.span.path == "init.yaml"


def test_cloud_init_made_by_yamlencode_and_multi_part_archives() -> None:
    compose = "services:\n  db:\n    image: postgres:16.1\n"
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_instance" "a" {\n  user_data = "#cloud-config\\n${yamlencode({\n    write_files = [{\n'
        + '      path = "/opt/docker-compose.yml", content = file("c.yml") }] })}"\n}\n'
        + 'resource "aws_instance" "b" {\n  user_data_base64 = data.cloudinit_config.b.rendered\n}\n'
        + 'data "cloudinit_config" "b" {\n  part {\n    content_type = "text/x-shellscript"\n'
        + '    content = "cat > docker-compose.yml <<\'E\'\\n${file("c.yml")}E\\n"\n  }\n}\n'
        + 'resource "aws_instance" "c" {\n  user_data = <<EOF\n'
        + "echo '${base64encode(file(\"c.yml\"))}' | base64 -d > /opt/docker-compose.yml\nEOF\n}\n",
        "c.yml": compose,
    }
    found = nodes(texts)
    for name in ("a", "b", "c"):
        database = found[f"terraform:aws_instance.{name}#db"]
        assert isinstance(database, Service)
        assert image(database.image) == "postgres:16.1"
        assert database.image.span == Span("c.yml", compose.index("postgres"), len(compose) - 1)


def test_a_machine_without_compose_and_a_compose_file_that_is_not_known() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'variable "compose" {}\nresource "aws_instance" "plain" {\n  user_data = "yum install -y docker-compose"\n}\n'
        + 'resource "aws_instance" "web" {\n  user_data = <<EOF\ncat > docker-compose.yml <<E\n${var.compose}\nE\nEOF\n}\n'
    }
    (only,) = nodes(texts).values()
    assert isinstance(only, Service)
    assert only.id == "terraform:aws_instance.web#compose"
    assert isinstance(only.image, Unknown)
    assert only.image == only.environment_gap


def test_services_behind_a_profile_do_not_run_on_the_machine() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_instance" "web" {\n  user_data = file("start.sh")\n}\n',
        "start.sh": "cat > docker-compose.yml <<'E'\nservices:\n  web:\n    image: shop/web:1\n  debug:\n"
        "    image: postgres:16\n    profiles: [debug]\nE\n",
    }
    assert list(nodes(texts)) == ["terraform:aws_instance.web#web"]


def test_hostile_scripts_end() -> None:
    for script in (
        "cat > docker-compose.yml <<A\n" * 20_000,
        "cat > docker-compose.yml <<E\n" + "x: \\$ $(a) `b`\n" * 20_000 + "E\n",
        "#cloud-config\nwrite_files:\n" + "- path: docker-compose.yml\n  content: |\n    a: ${x}\n" * 5_000,
        "cat > docker-compose.yml <<E\n" + "$(" * 100_000 + "\nE\n",
    ):
        texts = {"main.tf": 'resource "aws_instance" "i" {\n  user_data = file("s")\n}\n', "s": script}
        assert all(isinstance(node, Service) for node in nodes(texts).values())


def test_the_address_of_what_an_image_is_made_of_is_in_its_history() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_ecr_repository" "web" {\n  name = "web"\n}\nresource "aws_instance" "web" {\n  user_data = <<EOF\n'
        + "cat <<'C' > compose.yaml\nservices:\n  web:\n    image: ${aws_ecr_repository.web.repository_url}:v1\nC\nEOF\n}\n"
    }
    found = service(texts, "terraform:aws_instance.web#web").image
    assert [step.what for step in found.via] == ["aws_ecr_repository.web.repository_url"]


def test_an_undecided_part_is_unknown_in_quotes_and_in_env_files_where_nothing_is_expanded() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'variable "key" {}\nresource "aws_instance" "web" {\n  user_data = <<EOF\n'
        + "cat <<'C' > app.env\nTOKEN='a-${var.key}'\nPLAIN=b\nC\n"
        + "cat <<'C' > compose.yaml\nservices:\n  web:\n    image: shop/web:1\n    env_file: app.env\n"
        + '    environment:\n      QUOTED: "x \\\\t ${var.key}"\nC\nEOF\n}\n'
    }
    values = {each.key: each.value for each in service(texts, "terraform:aws_instance.web#web").environment}
    for key in ("TOKEN", "QUOTED"):
        value = values[key]
        assert isinstance(value, Unknown)
        assert value.reason == "variable 'key' has no value in the repository"
    plain = values["PLAIN"]
    assert isinstance(plain, Known)
    assert (plain.value, text(texts, plain.span)) == ("b", "b")


def test_without_a_platform_that_reads_compose_files_a_machine_makes_nothing() -> None:
    texts = {
        "main.tf": PROVIDER + 'resource "aws_instance" "web" {\n  user_data = file("start.sh")\n}\n',
        "start.sh": "cat > docker-compose.yml <<'E'\nservices:\n  web:\n    image: shop/web:1\nE\n",
    }
    (node,) = lower(Memory(texts), Settings(TerraformPart(), jobs=1, cache=False)).nodes
    assert isinstance(node, Definitions)


STARTED = """#!/bin/bash
DB_PASSWORD="${db_password}"
cat > /opt/app/.env <<ENV
DB_PASSWORD=$DB_PASSWORD
MODE=s3
ENV
git clone https://github.com/acme/app /opt/app/repo
cd /opt/app/repo/infra
/usr/local/bin/docker-compose -f docker-compose.web.yml up -d --build
"""


def test_a_compose_file_of_the_tree_that_a_start_script_starts_makes_services_with_the_env_file_it_writes() -> None:
    texts = {
        "tf/main.tf": PROVIDER
        + 'variable "db_password" {\n  sensitive = true\n}\n'
        + 'resource "aws_launch_template" "web" {\n'
        + '  user_data = base64encode(templatefile("${path.module}/web.sh", { db_password = var.db_password }))\n}\n',
        "tf/web.sh": STARTED,
        "infra/docker-compose.web.yml": (
            "services:\n  api:\n    build: ../api\n    env_file: /opt/app/.env\n    command: serve ${MODE}\n"
            "    volumes: ['./data:/data']\n"
        ),
        "infra/docker-compose.yml": "services: {api: {build: ../api}}\n",
    }
    api = service(texts, "terraform:aws_launch_template.web#api")
    assert api.side is Side.CLOUD
    assert api.build is not None
    assert isinstance(api.build.context, Known)
    assert api.build.context.value == "api"
    password, mode = (api.variable(key) for key in ("DB_PASSWORD", "MODE"))
    assert password is not None
    assert mode is not None
    assert (password.origin, password.key_span.path, text(texts, password.key_span)) == (
        Origin.ENV_FILE,
        "tf/web.sh",
        "DB_PASSWORD",
    )
    assert isinstance(password.value, Unknown)
    assert any(step.what == "var.db_password" for step in password.value.via)
    assert isinstance(mode.value, Known)
    assert isinstance(api.command, Known)
    assert api.command.value.words == ("serve", "s3")
    assert text(texts, api.span) == "api"


def test_a_compose_file_that_is_not_in_the_tree_makes_no_services() -> None:
    texts = {
        "main.tf": PROVIDER
        + 'resource "aws_instance" "web" {\n  user_data = "cd /opt && docker compose -f web.yml up -d"\n}\n',
        "docker-compose.yml": "services: {api: {image: 'acme/api:1'}}\n",
    }
    assert not any(isinstance(node, Service) for node in nodes(texts).values())
