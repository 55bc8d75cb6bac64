"""Every word of the tables of names, variables and ports is asked, and those who read them give its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge import loading, names, ports, variables
from policyengine.knowledge.names import Names
from policyengine.knowledge.ports import Ports
from policyengine.knowledge.variables import Variables
from policyengine.linking import naming
from policyengine.model.nodes import Database, EnvironmentFile, Package, Role, Service, Side
from policyengine.model.value import Known
from policyengine.platforms.terraform.workspace.roots import environment_of
from policyengine.syntax.environment import Environment
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins
    from policyengine.rules.evaluate import Report

NAMES = loading.table("names", Names)
VARIABLES = loading.table("variables", Variables)
PORTS = loading.table("ports", Ports)


# --- the words of names


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("DB_PASSWORD", ("db", "password")),
        ("dbPassword", ("db", "password")),
        ("db-password", ("db", "password")),
        ("APIKey2", ("api", "key", "2")),
        ("Storage__PublicUrl", ("storage", "public", "url")),
        ("", ()),
        ("__", ()),
    ],
)
def test_a_name_has_the_same_words_however_it_joins_them(name: str, parts: tuple[str, ...]) -> None:
    assert names.words(name) == parts


def test_the_runs_of_words_are_joined_with_their_ranges() -> None:
    assert list(names.runs(("a", "b", "c"))) == [
        (0, 1, "a"), (0, 2, "ab"), (0, 3, "abc"), (1, 2, "b"), (1, 3, "bc"), (2, 3, "c"),
    ]  # fmt: skip


@pytest.mark.parametrize("word", NAMES.environments)
def test_every_reader_takes_a_word_for_the_same_environment(word: str) -> None:
    environment = NAMES.environments[word].environment
    assert names.environment(word) == environment
    assert word in names.environment_words(environment)
    deployed = environment in NAMES.nearest_to_production
    assert environment_of(f"acme-{word}-eu") == (word if deployed else "")
    assert (names.distance_to_production(environment) is not None) is deployed
    left = naming.stem(f"{word}-billing")
    assert left == ({"billing"} if environment != "test" else {"billing", word})


def test_production_is_nearest_to_itself_and_tests_are_farthest() -> None:
    order = sorted(NAMES.nearest_to_production, key=lambda each: names.distance_to_production(each) or 0)
    assert order == ["prod", "staging", "dev", "test"]
    assert names.distance_to_production("local") is None


@pytest.mark.parametrize("word", NAMES.filler)
def test_filler_tells_no_part_of_a_system_from_another(word: str) -> None:
    assert names.is_filler(word)
    assert naming.stem(f"{word}-billing") == {"billing"}
    assert naming.stem(word) == {word}


@pytest.mark.parametrize("word", NAMES.synonyms)
def test_words_that_mean_the_same_are_one_word(word: str) -> None:
    meaning = NAMES.synonyms[word].means
    assert names.meaning(word) == names.meaning(meaning) == meaning
    assert naming.stem(f"billing-{word}") == naming.stem(f"billing-{meaning}") == {"billing", meaning}


@pytest.mark.parametrize("word", NAMES.tests)
def test_a_word_for_tests_says_what_a_node_is_for(word: str) -> None:
    assert names.speaks_of_tests(word)
    assert naming.for_tests(f"db-{word}")
    assert not naming.for_tests(f"db-{word}ish")


@pytest.mark.parametrize("entry", NAMES.dead_letters)
def test_a_queue_of_dead_letters_is_part_of_another(entry: str, tmp_path: Path, installed: Plugins) -> None:
    for name in (entry.replace(" ", "-"), f"orders_{entry.replace(' ', '_')}", f"orders{entry.replace(' ', '')}"):
        assert names.is_dead_letters(name)
    terraform = f'resource "aws_sqs_queue" "orders_{entry.replace(" ", "_")}" {{\n  name = "orders"\n}}\n'
    files = {"compose.yaml": "services:\n  web:\n    image: nginx:1.29.3\n", "main.tf": terraform}
    assert "HEX102" not in {each.rule.id for each in scan_files(files, tmp_path, installed).results}
    assert not names.is_dead_letters("orders")


@pytest.mark.parametrize("entry", NAMES.placeholders)
def test_a_placeholder_host_is_there_to_be_replaced(entry: str) -> None:
    for host in (f"{entry.replace(' ', '-')}.com", f"app.{entry.replace(' ', '')}.org", entry.replace(" ", "")):
        assert names.is_placeholder_host(host)
    assert not names.is_placeholder_host(f"{entry.replace(' ', '')}ish.com")


@pytest.mark.parametrize("folder", NAMES.folders)
def test_every_reader_knows_a_folder_that_does_not_hold_the_application(
    folder: str, tmp_path: Path, installed: Plugins
) -> None:
    entry = NAMES.folders[folder]
    assert names.folder_kind(folder) == entry.kind
    assert names.folder_kinds(f"a/{folder.upper()}/b/file") == {entry.kind}
    assert names.folder_kinds(f"a/b/{folder}") == frozenset()
    assert (names.folder_kind(f"our-{folder}") == entry.kind) is entry.ending
    assert (folder in names.unlisted_folders()) is entry.unlisted
    compose = "services:\n  {}:\n    image: postgres:16.10\n"
    files = {f"{folder}/compose.yaml": compose.format("aside"), "z/deploy/here/compose.yaml": compose.format("own")}
    chosen = scan_files(files, tmp_path / "both", installed).graph
    assert [each.name for each in chosen.all(Database)] == ["own"]
    del files["z/deploy/here/compose.yaml"]
    files[f"{folder}/package.json"] = '{"name": "aside"}'
    alone = scan_files(files, tmp_path / "alone", installed).graph
    last = [] if entry.unlisted or entry.kind in ("beside", "foreign") else ["aside"]
    assert [each.name for each in alone.all(Database)] == last
    listed = [] if entry.unlisted else sorted(files)
    assert [path for path in alone.paths if path.startswith(folder)] == listed
    own = entry.kind in ("beside", "document", "test")
    assert [each.name for each in alone.all(Package)] == (["aside"] if own else [])


@pytest.mark.parametrize("word", NAMES.stand_ins)
def test_a_file_stands_for_one_that_is_not_committed(word: str, tmp_path: Path, installed: Plugins) -> None:
    valued = not NAMES.stand_ins[word].valueless
    assert (word in names.stand_ins()) is valued
    assert names.is_example(f".env.{word}")
    assert not names.is_example(f".env.{word}ish")
    files = {
        "compose.yaml": "services:\n  app:\n    image: ghcr.io/acme/app:1.0\n    env_file: .env.local\n",
        f".env.local.{word}": "PORT=3000\n",
    }
    graph = scan_files(files, tmp_path, installed).graph
    (app,) = graph.apps(Side.LOCAL)
    assert [variable.key for variable in app.environment] == (["PORT"] if valued else [])
    assert [file.example for file in graph.all(EnvironmentFile)] == [True]


@pytest.mark.parametrize(
    "word",
    [
        *NAMES.elsewhere,
        *(word for word, entry in NAMES.environments.items() if entry.environment in ("prod", "staging")),
    ],
)
def test_the_address_in_a_file_for_elsewhere_is_none_of_the_laptop(
    word: str, tmp_path: Path, installed: Plugins
) -> None:
    for path in (f"{word}/.env", f".env.{word}", f"config/shop-{word}.env"):
        assert not names.is_for_the_laptop(path)
    assert names.is_for_the_laptop(f"{word}ish/.env")
    wrong = "NEXTAUTH_URL=http://app.hndigest.com\n"
    report = scan_files({f"{word}/.env": wrong, "products/.env": wrong}, tmp_path, installed)
    assert [each.span.path for each in report.results if each.rule.id == "HEX506"] == ["products/.env"]


@pytest.mark.parametrize("entry", NAMES.jobs)
def test_a_container_of_that_name_does_one_thing_on_both_sides(entry: str, tmp_path: Path, installed: Plugins) -> None:
    word = entry.replace(" ", "")
    beside = NAMES.jobs[entry].beside
    own = [word, f"shop-{word}", f"shop_{entry.replace(' ', '_')}_1"]
    for name in own:
        assert names.does_one_thing(name) is (not beside)
        assert names.does_one_thing(name, beside=True)
    assert not names.does_one_thing(f"{word}ish", beside=True)
    services = "".join(f"  {name}:\n    image: ghcr.io/acme/app:1.0\n" for name in [*own, "web"])
    containers = "".join(
        f'    {{ name = "{name}", image = "ghcr.io/acme/app:1.0", essential = false }},\n' for name in own
    )
    files = {
        "compose.yaml": f"services:\n{services}",
        "main.tf": (
            'resource "aws_ecs_service" "app" {\n  name = "app"\n  cluster = "main"\n'
            "  task_definition = aws_ecs_task_definition.app.arn\n  desired_count = 1\n}\n"
            'resource "aws_ecs_task_definition" "app" {\n  family = "app"\n  container_definitions = jsonencode([\n'
            f'{containers}    {{ name = "web", image = "ghcr.io/acme/app:1.0" }},\n  ])\n}}\n'
        ),
    }
    graph = scan_files(files, tmp_path, installed).graph
    roles = {(each.side, each.name): each.role for each in graph.all(Service)}
    for name in own:
        assert roles[Side.LOCAL, name] is (Role.APP if beside else Role.JOB)
        assert roles[Side.CLOUD, name] is Role.JOB
    assert roles[Side.LOCAL, "web"] is roles[Side.CLOUD, "web"] is Role.APP


@pytest.mark.parametrize(
    ("command", "job"),
    [
        ("npx prisma migrate deploy", True),
        ('sh -c "mc alias set s3 http://s3:9000 a b && mc mb -p s3/files; exit 0"', True),
        ("python manage.py collectstatic --noinput", True),
        ('sh -c "python manage.py migrate && python manage.py collectstatic"', True),
        ('sh -c "npx prisma migrate deploy && node dist/main.js"', False),
        ('sh -c "python manage.py migrate && gunicorn shop.wsgi"', False),
        ("node dist/main.js", False),
    ],
)
def test_a_service_that_only_prepares_a_store_is_a_job(
    command: str, job: bool, tmp_path: Path, installed: Plugins
) -> None:
    compose = f"services:\n  worker:\n    image: ghcr.io/acme/app:1.0\n    command: {command}\n"
    (service,) = scan_files({"compose.yaml": compose}, tmp_path, installed).graph.all(Service)
    assert service.role is (Role.JOB if job else Role.APP)


@pytest.mark.parametrize("word", [*NAMES.mocks, *NAMES.tests])
def test_a_path_that_speaks_of_tests_holds_no_secret_of_the_application(
    word: str, tmp_path: Path, installed: Plugins
) -> None:
    for path in (f"{word}/.env", f"{word}.env", f"shop/.env.{word}"):
        assert names.is_for_tests(path)
    assert not names.is_for_tests(f"{word}ish/.env")
    files = {f"{word}/.env": "ALPHA_SECRET=Zx81kQpo02LmNv57\n", "social/.env": "ALPHA_SECRET=Zx81kQpo02LmNv57\n"}
    report = scan_files(files, tmp_path, installed)
    assert [each.span.path for each in report.results if each.rule.id == "HEX302"] == ["social/.env"]


# --- variables


@pytest.mark.parametrize("word", VARIABLES.store_words)
def test_a_word_of_a_store_speaks_of_its_engines(word: str) -> None:
    entry = VARIABLES.store_words[word]
    for engine in entry.engines:
        assert variables.speaks_of((word,), engine)
        assert variables.speaks_of(("orders", word), engine)
    assert not variables.speaks_of((word,), "acmedb")
    assert variables.is_store_address(("orders", word, "url")) is entry.password
    split = variables.split_host(f"{word.upper()}_HOST")
    assert split is not None
    assert (split.words, split.port) == (frozenset({word}), f"{word.upper()}_PORT")
    split = variables.split_host(f"HOST_{word.upper()}")
    assert split is not None
    assert (split.words, split.port) == (frozenset({word}), f"PORT_{word.upper()}")


def test_an_engine_is_spoken_of_by_its_own_word() -> None:
    assert variables.speaks_of(("acmedb",), "acmedb")


@pytest.mark.parametrize("word", VARIABLES.address_ends)
def test_a_name_that_ends_in_an_address_holds_one(word: str) -> None:
    holds = VARIABLES.address_ends[word].holds
    assert variables.is_address(f"ORDERS_{word.upper()}")
    assert variables.is_address(word.upper())
    assert not variables.is_address(f"{word.upper()}_ORDERS")
    assert variables.holds_host(word) is (holds == "host")
    assert variables.is_store_address(("database", word)) is (holds == "url")
    assert (variables.split_host(f"DB_{word.upper()}") is not None) is (holds == "host")


def test_only_names_of_a_host_go_with_a_port() -> None:
    assert variables.split_host("HOST") is None
    assert variables.split_host("APP_URL") is None
    assert variables.split_host("HOST_NAME") is None
    split = variables.split_host("PGHOST")
    assert split is not None
    assert (split.words, split.port) == (frozenset({"pg"}), "PGPORT")


@pytest.mark.parametrize("name", VARIABLES.databases)
def test_the_variable_that_creates_a_database_names_it_however_the_image_is_told(
    name: str, tmp_path: Path, installed: Plugins
) -> None:
    image = {
        "postgres": "postgres:16.10",
        "mysql": "mysql:8.4.7",
        "mariadb": "mariadb:11.8.3",
        "mongodb": "mongo:8.0.12",
    }[VARIABLES.databases[name].engine]
    files = {
        "compose.yaml": (
            f"services:\n  pulled:\n    image: {image}\n    environment: {{{name}: shop}}\n"
            f"  built:\n    build: .\n    environment: {{{name}: shop}}\n"
        ),
        "Dockerfile": f"FROM {image}\n",
    }
    found = {each.name: each.database_name for each in scan_files(files, tmp_path, installed).graph.all(Database)}
    assert set(found) == {"pulled", "built"}
    for value in found.values():
        assert isinstance(value, Known)
        assert value.value == "shop"


def spelled(pattern: str) -> str:
    return pattern.replace("*", "ACME")


@pytest.fixture(scope="module")
def required(tmp_path_factory: pytest.TempPathFactory, installed: Plugins) -> Report:
    """A deployed application that requires every variable of the table and one of its own."""
    keys = "\n".join(f"  {spelled(name)}: z.string()," for name in VARIABLES.given)
    files = {
        "src/config.ts": f'import {{ z }} from "zod";\nexport const config = z.object({{\n  OWN: z.string(),\n{keys}\n}}).parse(process.env);\n',
        "package.json": '{"name": "shop", "scripts": {"start": "node ."}, "dependencies": {"zod": "4.0.0"}}',
        "Dockerfile.production": "FROM node:22.20.0\nCOPY . .\nUSER node\n",
        "compose.yaml": "services:\n  app:\n    build: {context: ., dockerfile: Dockerfile.production}\n    image: ghcr.io/acme/shop:1.0\n",
        "main.tf": (
            'resource "aws_ecs_service" "app" {\n  name = "app"\n  cluster = "main"\n'
            "  task_definition = aws_ecs_task_definition.app.arn\n  desired_count = 1\n}\n"
            'resource "aws_ecs_task_definition" "app" {\n  family = "app"\n  container_definitions = jsonencode([\n'
            '    { name = "app", image = "ghcr.io/acme/shop:1.0", essential = true },\n  ])\n}\n'
        ),
    }
    return scan_files(files, tmp_path_factory.mktemp("required"), installed)


def test_what_a_platform_sets_is_not_asked_of_the_task_definition(required: Report) -> None:
    (finding,) = [each.finding for each in required.results if each.rule.id == "HEX303"]
    missing = set(str(dict(finding.args)["keys"]).split(", "))
    for name in VARIABLES.given:
        given = variables.given_by(spelled(name), "container") or variables.given_by(spelled(name), "image")
        demanded = variables.given_by(spelled(name), "role")  # settings that demand credentials do not ask the role
        assert (spelled(name) in missing) is (not given or demanded), name
    assert "OWN" in missing


@pytest.mark.parametrize("name", VARIABLES.given)
def test_what_a_machine_sets_is_unknown_to_a_command_and_what_nobody_sets_is_empty(name: str) -> None:
    entry, closed = VARIABLES.given[name], Environment(closed=True)
    for giver in ("container", "image", "machine"):
        assert variables.given_by(spelled(name), giver) or giver not in entry.by
    assert (closed.get(spelled(name)) is None) is variables.given_by(spelled(name), "machine")
    assert closed.get("OWN_VALUE") == ""
    if "*" not in name:
        assert all(
            (name in variables.given_names(giver)) is (giver in entry.by) for giver in ("container", "image", "machine")
        )
        assert not VARIABLES.given[name].by or variables.given_by(f"X{name}X", "image") is False


@pytest.mark.parametrize("prefix", VARIABLES.published_prefixes)
def test_what_is_built_into_a_page_is_for_browsers(prefix: str) -> None:
    assert variables.is_published(f"{prefix}ORDERS")
    assert variables.is_for_browsers(f"{prefix}ORDERS")
    assert not variables.is_published(f"X_{prefix}ORDERS")


@pytest.mark.parametrize("word", VARIABLES.browser_words)
def test_a_word_for_browsers_makes_an_address_theirs(word: str) -> None:
    assert variables.is_for_browsers(f"ORDERS_{word.upper()}_URL")
    assert not variables.is_for_browsers(f"INTERNAL_{word.upper()}_URL")
    assert not variables.is_for_browsers("ORDERS_URL")


@pytest.mark.parametrize("word", VARIABLES.server_words)
def test_a_word_for_servers_makes_an_address_theirs(word: str) -> None:
    assert variables.is_for_servers(f"ORDERS_{word.upper()}_URL")
    assert not variables.is_for_servers("ORDERS_URL")


@pytest.mark.parametrize("word", VARIABLES.own_words)
def test_the_address_of_the_program_itself_is_for_browsers(word: str) -> None:
    for name in (f"{word.upper()}_URL", f"{word.upper()}_BASE_URL", f"{word.upper()}_ROOT_URI"):
        assert variables.is_for_browsers(name)
    assert not variables.is_for_browsers(f"ORDERS_{word.upper()}_URL") or word in VARIABLES.browser_words
    assert variables.is_for_browsers("URL")


# --- ports and hosts


@pytest.mark.parametrize("scheme", PORTS.schemes)
def test_a_scheme_has_its_port(scheme: str) -> None:
    entry = PORTS.schemes[scheme]
    assert ports.port_of_scheme(scheme) == ports.port_of_scheme(f"{scheme}+driver") == entry.port
    assert ports.is_web(scheme) is entry.web
    assert ports.port_of_scheme("acme") is None
    assert ports.is_web("")


@pytest.mark.parametrize("engine", PORTS.engines)
def test_an_engine_listens_on_its_port(engine: str) -> None:
    assert ports.port_of_engine(engine) == PORTS.engines[engine].port
    assert ports.port_of_engine("acmedb") is None


@pytest.mark.parametrize("engine", ["postgres", "mysql", "mariadb"])
def test_the_port_of_a_database_of_the_cloud_is_that_of_the_table(
    engine: str, tmp_path: Path, installed: Plugins
) -> None:
    terraform = (
        f'resource "aws_db_instance" "main" {{\n  identifier = "main"\n  engine = "{engine}"\n}}\n'
        'resource "aws_ecs_service" "app" {\n  name = "app"\n  cluster = "main"\n'
        "  task_definition = aws_ecs_task_definition.app.arn\n}\n"
        'resource "aws_ecs_task_definition" "app" {\n  family = "app"\n  container_definitions = jsonencode([{\n'
        '    name = "app", image = "ghcr.io/acme/shop:1.0"\n'
        '    environment = [{ name = "DB_PORT", value = tostring(aws_db_instance.main.port) }]\n  }])\n}\n'
    )
    (app,) = scan_files({"main.tf": terraform}, tmp_path, installed).graph.apps(Side.CLOUD)
    port = app.variable("DB_PORT")
    assert port is not None
    assert isinstance(port.value, Known)
    assert port.value.value == str(PORTS.engines[engine].port)


@pytest.mark.parametrize("host", PORTS.hosts)
def test_a_host_name_means_the_same_in_every_container(host: str) -> None:
    assert ports.host_kind(host) == PORTS.hosts[host].kind
    assert ports.host_kind("127.1.2.3") == ports.host_kind("app.localhost") == "loopback"
    assert ports.host_kind("db") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("worker", "worker_fast", True),
        ("page", "shop-page", True),
        ("front-web", "frontend-webserver", True),
        ("prod-api", "api", True),
        ("apiServer", "api-server", True),
        ("api", "worker", False),
        ("ab", "abc", False),
        ("db", "prod", False),
    ],
)
def test_names_of_one_part_of_a_system_are_alike(one: str, other: str, same: bool) -> None:
    assert names.alike(one, other) is same
    assert names.alike(other, one) is same


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Dockerfile.dev", True),
        ("local.Dockerfile", True),
        ("docker/develop/Dockerfile", True),
        ("Dockerfile", False),
        ("Dockerfile.prod", False),
    ],
)
def test_a_name_speaks_of_development(name: str, told: bool) -> None:
    assert names.speaks_of_development(name) is told


# --- the words of workflows


@pytest.mark.parametrize("word", NAMES.gates)
def test_a_script_named_so_may_be_a_gate(word: str) -> None:
    name = word.replace(" ", "-")
    assert names.may_be_gate(f"ci/{name}.sh")
    assert names.may_be_gate(f"acme/{name}-action", action=True) is NAMES.gates[word].action
    assert not names.may_be_gate(f"scripts/{name.replace('-', '')}ish.ts")


@pytest.mark.parametrize("word", NAMES.preparations)
def test_a_step_named_so_only_prepares(word: str) -> None:
    assert names.is_preparation(f"acme/{word}-action")
    assert not names.is_preparation(f"{word}ish")


@pytest.mark.parametrize("word", NAMES.publishing)
def test_a_workflow_named_so_publishes(word: str) -> None:
    assert names.speaks_of_publishing(f"test-and-{word}")


@pytest.mark.parametrize("word", NAMES.side_images)
def test_an_image_named_so_is_not_what_runs(word: str) -> None:
    assert names.is_side_image(f"shop-{word}")
    assert names.is_side_image(f"{word}-shop", first=True)
    assert not names.is_side_image(f"shop-{word}", first=True)
    assert not names.is_side_image("latest")


@pytest.mark.parametrize("word", NAMES.browser_tests)
def test_a_service_named_so_runs_the_tests_of_a_browser(word: str) -> None:
    assert names.browser_tests(f"web-{word}") == NAMES.browser_tests[word].means
    assert names.browser_tests("web") == ""
