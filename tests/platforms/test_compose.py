"""Compose for analysis: the nodes that services become, the place of every value, and what no file decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.image import ImageRef
from policyengine.model.nodes import Build, Cache, Command, Database, Mount, Origin, Port, Role, Service
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Absent, Floating, Known, Unknown, Value
from policyengine.platforms import Settings
from policyengine.platforms.compose import ComposePart
from policyengine.platforms.compose import project as compose
from policyengine.platforms.compose.load import load
from policyengine.platforms.compose.located import leaves
from policyengine.testing.memory import Memory
from tests.oracle.compose.projects import PROJECTS

if TYPE_CHECKING:
    from policyengine.platforms import Lowered


def lowered(files: Memory) -> Lowered:
    return compose.lower(files, Settings(ComposePart()))


def service(files: Memory, name: str = "app") -> Service:
    result = lowered(files)
    assert result.problems == ()
    return next(node for node in result.nodes if isinstance(node, Service) and node.name == name)


def one(text: str, **more: str) -> tuple[Memory, Service]:
    files = Memory({"compose.yaml": text, **{key.replace("_dot_", "."): value for key, value in more.items()}})
    return files, service(files)


def known(value: Value[str] | None) -> Known[str]:
    assert isinstance(value, Known)
    return value


CONSEQUENCE = "service 'b' extends 'app', which is not in compose.yaml"
"""What follows from two services that extend each other once one of them is left out."""


def problem(text: str, **more: str) -> ReadError:
    files = Memory({"compose.yaml": text, **{key.replace("_dot_", "."): value for key, value in more.items()}})
    result = lowered(files)
    assert {each.message for each in result.problems} <= {result.problems[0].message, CONSEQUENCE}
    return result.problems[0]


def test_a_datastore_is_read_from_its_image() -> None:
    files = Memory(
        {"compose.yaml": "services:\n  db:\n    image: postgres:16.4\n    environment: {POSTGRES_DB: shop}\n"}
    )
    database = next(node for node in lowered(files).nodes if isinstance(node, Database))
    assert (database.id, database.service) == ("compose:services.db/database", "compose:services.db")
    assert isinstance(database.version, Known)
    assert files.at(database.version.span) == "postgres:16.4"
    assert known(database.database_name).value == "shop"


def test_a_cache_and_its_service_have_the_role() -> None:
    files = Memory({"compose.yaml": "services: {redis: {image: 'redis:7-alpine'}}"})
    assert service(files, "redis").role is Role.CACHE
    assert [node.id for node in lowered(files).nodes if isinstance(node, Cache)] == ["compose:services.redis/cache"]


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("services: {app: {image: 'ghcr.io/acme/web:1'}}", Role.APP),
        ("services: {app: {build: .}}", Role.APP),
        ("services: {app: {image: 'axllent/mailpit:v1'}}", Role.TOOL),
        ("services: {app: {image: 'nginx:1.27'}}", Role.PROXY),
        ("services: {app: {build: ., command: npx prisma migrate deploy}}", Role.JOB),
        ("services: {app: {build: ., command: [sh, -c, 'npx prisma migrate deploy && node server.js']}}", Role.APP),
        (
            "services: {app: {build: .}, b: {image: x, depends_on: {app: {condition: service_completed_successfully}}}}",
            Role.JOB,
        ),
    ],
)
def test_the_role_of_a_service(text: str, role: Role) -> None:
    assert one(text)[1].role is role


def test_a_default_in_a_template_is_the_place_of_the_value() -> None:
    files, app = one("services:\n  app:\n    image: ${IMAGE:-acme/app:1.2}\n")
    assert isinstance(app.image, Known)
    assert isinstance(app.image.value, ImageRef)
    assert files.at(app.image.span) == "acme/app:1.2"
    assert [(step.what, files.at(step.span)) for step in app.image.via] == [
        ("${IMAGE:-acme/app:1.2}", "${IMAGE:-acme/app:1.2}")
    ]


def test_a_variable_of_dot_env_is_the_place_of_the_value() -> None:
    files, app = one("services:\n  app:\n    image: x\n    user: $WHO\n", _dot_env="WHO='node' # c\n")
    user = known(app.user)
    assert (user.value, user.span.path, files.at(user.span)) == ("node", ".env", "node")
    assert user.via[0].what == "$WHO"


def test_an_example_stands_in_for_dot_env_and_says_so() -> None:
    files = Memory({"compose.yaml": "services: {app: {image: x, user: '${WHO}'}}", ".env.example": "WHO=node\n"})
    user = known(service(files).user)
    assert files.at(user.span) == "node"
    assert [step.what for step in user.via] == ["${WHO}", ".env.example stands in for .env"]


def test_what_an_example_leaves_blank_is_there_to_be_filled_in() -> None:
    files = Memory(
        {
            "compose.yaml": (
                "services: {app: {image: x, user: '${WHO:-node}', ports: ['${PORT}:${PORT}'], env_file: .env}}"
            ),
            ".env.example": "PORT=\nWHO=\nMODE=dev\n",
        }
    )
    app = service(files)
    (port,) = app.ports
    assert [type(each) for each in (port.target, port.published)] == [Unknown, Unknown]
    assert known(app.user).value == "node"
    told = {each.key: each.value for each in app.environment}
    assert known(told["MODE"]).value == "dev"
    blank = told["PORT"]
    assert isinstance(blank, Unknown)
    assert blank.reason == ".env.example, which stands in for .env, leaves it blank"
    assert blank.span.path == ".env.example"


def test_what_an_env_file_of_its_own_leaves_blank_is_blank() -> None:
    files = Memory({"compose.yaml": "services: {app: {image: x, env_file: app.env}}", "app.env": "PORT=\n"})
    assert [known(each.value).value for each in service(files).environment] == [""]


def test_a_variable_that_no_file_sets_is_unknown() -> None:
    files, app = one("services: {app: {image: 'acme/app:${TAG}', user: '${WHO:?set it}', ports: ['${PORT}:3000']}}")
    assert isinstance(app.image, Floating)
    assert (app.image.value.repository, str(app.image.value)) == ("acme/app", "acme/app:${TAG}")
    assert [each.reason for each in app.image.value.undecided] == ["the variable 'TAG' set outside the files"]
    assert files.at(app.image.span) == "acme/app:${TAG}"
    assert isinstance(app.user, Unknown)
    (port,) = app.ports
    assert isinstance(port.target, Known)
    assert port.target.value == 3000
    assert files.at(port.target.span) == "3000"
    assert isinstance(port.published, Unknown)


@pytest.mark.parametrize("template", ["$X", "${X}", "${X:+some}", "${X+some}", "${X:?needed}", "a-${X}", "${Y:-$X}"])
def test_what_depends_on_a_variable_that_no_file_sets_is_unknown_and_never_absent(template: str) -> None:
    _, app = one(f"services:\n  app:\n    image: '{template}'\n    user: '{template}'\n")
    for value in (app.image, app.user):
        assert isinstance(value, Unknown)
        assert value.reason == "the variable 'X' set outside the files"


@pytest.mark.parametrize(
    ("template", "user"),
    [("${X:-node}", "node"), ("${SET:+node}", "node"), ("${EMPTY+node}", "node"), ("${SET-root}", "node")],
)
def test_what_files_decide_of_a_template_is_known(template: str, user: str) -> None:
    _, app = one(f"services: {{app: {{image: x, user: '{template}'}}}}", _dot_env="SET=node\nEMPTY=\n")
    assert known(app.user).value == user


@pytest.mark.parametrize("template", ["${EMPTY:+node}", "$EMPTY"])
def test_an_attribute_that_files_make_empty_is_known_to_be_so(template: str) -> None:
    _, app = one(f"services: {{app: {{image: x, user: '{template}'}}}}", _dot_env="EMPTY=\n")
    assert known(app.user).value == ""


def test_a_value_that_may_be_empty_decides_no_alternative() -> None:
    text = "services: {app: {image: x, environment: {A: '$OUT'}, env_file: v.env}}"
    _, app = one(text, **{"v.env": "B=${A:+b}\nC=${A+c}\nD=${A:-d}\n"})
    values = {each.key: each.value for each in app.environment}
    assert isinstance(values["B"], Unknown)
    assert known(values["C"]).value == "c"
    assert isinstance(values["D"], Unknown)


def test_a_variable_of_dot_env_that_is_not_decided_does_not_give_way_to_a_default() -> None:
    text = "services: {app: {image: x, user: '${A:-root}', hostname: h, platform: '${BARE:-linux/arm64}'}}"
    _, app = one(text, _dot_env="A=$OUT\nBARE\n")
    assert isinstance(app.user, Unknown)
    assert app.user.reason == "the variable 'OUT' set outside the files"
    assert known(app.platform).value == "linux/arm64"


@pytest.mark.parametrize("settings", ["COMPOSE_FILE=$X\n", "COMPOSE_PROFILES=$X\n", "COMPOSE_PROJECT_NAME=$X\n"])
def test_a_setting_of_compose_that_is_not_decided_settles_nothing(settings: str) -> None:
    assert known(one("services: {app: {image: x, user: node}}", _dot_env=settings)[1].user).value == "node"


def test_ports_of_which_a_variable_is_a_part_stay_apart() -> None:
    _, app = one("services:\n  app:\n    image: x\n    ports: ['$A:80', '$B:80', '$IP:1:2/$P', '[::1]:3:4']\n")
    targets = [port.target.value if isinstance(port.target, Known) else None for port in app.ports]
    published = [port.published for port in app.ports]
    assert targets == [80, 80, 2, 4]
    assert [isinstance(each, Unknown) for each in published] == [True, True, False, False]
    assert [isinstance(port.host_ip, Unknown) for port in app.ports] == [False, False, True, False]
    assert [isinstance(port.protocol, Unknown) for port in app.ports] == [False, False, True, False]
    assert (app.ports[0].host_ip, app.ports[3].host_ip, app.ports[0].protocol) == ("", "::1", "tcp")


def test_a_project_name_that_is_not_decided_makes_no_name() -> None:
    text = "name: '$OUT'\nservices: {app: {image: 'acme/app:${COMPOSE_PROJECT_NAME}'}}"
    undecided = one(text)[1].image
    assert isinstance(undecided, Floating)
    assert isinstance(undecided.value.tag, Unknown)
    image = one(text.replace("$OUT", "shop"))[1].image
    assert isinstance(image, Known)
    assert image.value.text == "acme/app:shop"


def test_an_env_file_whose_name_is_not_decided_leaves_a_gap_and_no_path() -> None:
    _, app = one("services: {app: {image: x, env_file: '$FILE'}}")
    assert app.env_files == ()
    assert app.environment_gap is not None


def test_each_number_of_a_port_has_its_own_place() -> None:
    files, app = one("services: {app: {image: x, ports: ['127.0.0.1:3005:3000/tcp', 80], expose: ['9000']}}")
    first, second, third = app.ports
    assert isinstance(first.target, Known)
    assert isinstance(first.published, Known)
    assert (files.at(first.published.span), files.at(first.target.span)) == ("3005", "3000")
    assert first.host_ip == "127.0.0.1"
    assert second == Port(
        Known(80, second.span), Unknown("Docker chooses a free port of the host", second.span), second.span
    )
    assert files.at(second.span) == "80"
    assert isinstance(third.published, Absent)


def test_environment_beats_env_file_and_both_keep_their_places() -> None:
    files, app = one(
        "services:\n  app:\n    image: x\n    env_file: [one.env, two.env]\n    environment:\n      - B=own\n      - C\n",
        one_dot_env="A=1\nB=file\nD=${A}-x\n",
        two_dot_env="A=2\n",
    )
    rows = {each.key: each for each in app.environment}
    assert {key: files.at(known(rows[key].value).span) for key in "AB"} == {"A": "2", "B": "own"}
    assert (rows["A"].origin, rows["B"].origin) == (Origin.ENV_FILE, Origin.ENVIRONMENT)
    assert files.at(rows["A"].key_span) == "A"
    assert known(rows["A"].value).via[0].what == "env_file two.env"
    assert known(rows["D"].value).value == "1-x"
    assert isinstance(rows["C"].value, Unknown)
    assert [(file.path, file.found, files.at(file.span)) for file in app.env_files] == [
        ("one.env", True, "one.env"),
        ("two.env", True, "two.env"),
    ]


def test_an_untracked_env_file_is_replaced_by_its_example() -> None:
    files = Memory({"compose.yaml": "services: {app: {image: x, env_file: .env.local}}", ".env.example": "A=1\n"})
    app = service(files)
    (file,) = app.env_files
    assert (file.path, file.found, file.stand_in) == (".env.local", True, ".env.example")
    assert app.environment_gap is None
    assert files.at(known(app.environment[0].value).span) == "1"


def test_an_env_file_without_a_stand_in_leaves_a_gap() -> None:
    files, app = one("services: {app: {image: x, env_file: secret.env}}")
    assert app.environment_gap is not None
    assert app.environment_gap.reason == "the env file 'secret.env' is not among the files"
    assert files.at(app.environment_gap.span) == "secret.env"
    assert not app.env_files[0].found


def test_an_optional_env_file_leaves_no_gap() -> None:
    _, app = one("services: {app: {image: x, env_file: [{path: x.env, required: false}]}}")
    assert app.environment_gap is None


def test_an_override_file_is_merged_and_is_the_place_of_what_it_sets() -> None:
    files = Memory(
        {
            "compose.yaml": "services: {app: {image: x, user: one, environment: {A: 1}}}",
            "compose.override.yml": "services: {app: {user: two, environment: {B: 2}}}",
        }
    )
    app = service(files)
    assert (known(app.user).span.path, files.at(known(app.user).span)) == ("compose.override.yml", "two")
    assert [(each.key, known(each.value).value, known(each.value).span.path) for each in app.environment] == [
        ("A", "1", "compose.yaml"),
        ("B", "2", "compose.override.yml"),
    ]


def test_an_extended_service_says_where_a_value_came_from() -> None:
    files = Memory(
        {
            "compose.yaml": "services: {app: {extends: {file: base/b.yml, service: b}}}",
            "base/b.yml": "services: {b: {build: ctx, user: node}}",
        }
    )
    app = service(files)
    assert files.at(known(app.user).span) == "node"
    assert known(app.user).via[0].what == "extends b"
    assert app.build is not None
    assert known(app.build.context).value == "base/ctx"
    assert known(app.build.dockerfile).value == "base/ctx/Dockerfile"


def test_anchors_and_merge_keys_are_part_of_the_history() -> None:
    files, app = one("x-a: &a\n  user: node\nservices:\n  app:\n    <<: *a\n    image: x\n")
    user = known(app.user)
    assert files.at(user.span) == "node"
    assert [step.what for step in user.via] == ["<<: *a"]


def test_an_included_projects_paths_start_at_its_folder() -> None:
    files = Memory(
        {
            "compose.yaml": "include: [sub/compose.yaml]",
            "sub/compose.yaml": "services: {app: {build: ., env_file: a.env, volumes: ['./d:/d']}}",
            "sub/a.env": "A=1\n",
        }
    )
    app = service(files)
    assert app.build is not None
    assert known(app.build.dockerfile).value == "sub/Dockerfile"
    assert app.env_files[0].path == "sub/a.env"
    assert [known(mount.source).value for mount in app.mounts] == ["sub/d"]


def test_a_build_of_a_project_in_a_folder_is_relative_to_the_root() -> None:
    files = Memory(
        {
            "docker/compose.yaml": "services:\n  app:\n    image: acme/app:1\n    build:\n      context: ..\n"
            "      dockerfile: docker/Dockerfile\n      target: runner\n      args: {A: 1}\n"
            "      platforms: [linux/amd64, linux/arm64]\n"
        }
    )
    build = service(files).build
    assert isinstance(build, Build)
    assert (known(build.context).value, known(build.dockerfile).value) == (".", "docker/Dockerfile")
    assert isinstance(build.platforms, Known)
    assert build.platforms.value == ("linux/amd64", "linux/arm64")
    assert [files.at(span) for span in build.platform_spans] == ["linux/amd64", "linux/arm64"]
    assert [(each.key, known(each.value).value, each.origin) for each in build.args] == [("A", "1", Origin.ARGUMENT)]


def test_a_build_outside_the_repository_is_unknown() -> None:
    _, app = one("services: {app: {build: ../other}}")
    assert app.build is not None
    assert isinstance(app.build.context, Unknown)


def test_commands_health_checks_and_the_rest() -> None:
    files, app = one(
        "services:\n  app:\n    image: x\n    command: node 'a b.js' --flag\n    entrypoint: [/e]\n"
        "    healthcheck: {test: [CMD-SHELL, 'curl x'], interval: 10s, retries: 3}\n    init: true\n    read_only: true\n"
        "    tmpfs: ['/tmp:size=1m']\n    volumes: ['data:/data:ro', './src:/src']\n    networks: {n: {aliases: [web]}}\n"
        "    hostname: cc\n    links: ['db:pg']\n    extra_hosts: ['h:1.1.1.1']\n    stop_grace_period: 30s\n"
        "    deploy: {replicas: 2, resources: {limits: {cpus: '0.5', memory: 512M}}}\n    platform: linux/amd64\n"
        "    labels: {parity.cloud: aws_ecs_task_definition.app}\n"
        "  db: {image: 'postgres:16'}\nnetworks: {n: }\nvolumes: {data: }\n"
    )
    assert isinstance(app.command, Known)
    assert app.command.value == Command(("node", "a b.js", "--flag"))
    assert app.healthcheck is not None
    assert isinstance(app.healthcheck.test, Known)
    assert app.healthcheck.test.value == Command(("curl x",), shell=True)
    assert app.init is not None
    assert isinstance(app.init, Known)
    assert files.at(app.init.span) == "true"
    kinds = [(mount.kind, known(mount.target).value, mount.read_only) for mount in app.mounts]
    assert kinds == [("volume", "/data", True), ("bind", "/src", False), ("tmpfs", "/tmp", False)]  # noqa: S108
    assert isinstance(app.mounts[0], Mount)
    assert [(each.network, each.aliases) for each in app.networks] == [("n", ("web",))]
    assert app.hostnames == ("cc",)
    assert service(files, "db").hostnames == ("pg",)
    assert app.extra_hosts == ("h",)
    assert [each.service for each in app.depends_on] == ["db"]
    assert (known(app.cpus).value, known(app.memory).value) == ("0.5", "512M")
    assert app.count is not None
    assert isinstance(app.count, Known)
    assert app.count.value == 2
    assert known(app.parity).value == "aws_ecs_task_definition.app"


def test_what_a_service_asks_of_the_kernel_is_told_in_one_spelling_with_its_places() -> None:
    files, app = one(
        "services:\n  app:\n    image: x\n    shm_size: 1gb\n    cap_add: [CAP_SYS_PTRACE, net_admin]\n    cap_drop: [ALL]\n"
        "    ulimits: {nproc: 100, nofile: {soft: 10, hard: '${HARD:-20}'}}\n    sysctls: [net.core.somaxconn=1024]\n"
    )
    assert {each.key: known(each.value).value for each in app.kernel} == {
        "shm_size": "1024",
        "cap_add.SYS_PTRACE": "true",
        "cap_add.NET_ADMIN": "true",
        "cap_drop.ALL": "true",
        "ulimits.nproc": "100:100",
        "ulimits.nofile": "10:20",
        "sysctls.net.core.somaxconn": "1024",
    }
    places = [files.at(each.key_span) for each in app.kernel]
    assert places == ["1gb", "CAP_SYS_PTRACE", "net_admin", "ALL", "nproc", "nofile", "net.core.somaxconn"]


def test_a_kernel_limit_that_no_file_decides_is_unknown() -> None:
    _, app = one("services: {app: {image: x, shm_size: $SHM, cap_add: ['$CAP'], ulimits: {nofile: $MANY}}}")
    assert [isinstance(each.value, Unknown) for each in app.kernel] == [True, True, True]


def test_the_cloud_twin_may_stand_in_a_comment() -> None:
    files, app = one("services:\n  # parity: cloud=aws_db_instance.main\n  app:\n    image: x\n")
    assert files.at(known(app.parity).span) == "aws_db_instance.main"


def test_disabled_services_are_nodes_with_their_profiles() -> None:
    files = Memory({"compose.yaml": "services: {app: {image: x}, tool: {image: y, profiles: [dev]}}"})
    assert service(files, "tool").profiles == ("dev",)


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (("compose.yaml", "docker/compose.yaml"), "compose.yaml"),
        (("examples/compose.yaml", "z/y/docker-compose.yml"), "z/y/docker-compose.yml"),
        (("test/compose.yaml",), "test/compose.yaml"),
        (("b/compose.yml", "a/compose.yml"), "a/compose.yml"),
    ],
)
def test_the_project_nearest_to_the_root_counts(paths: tuple[str, ...], chosen: str) -> None:
    files = Memory(dict.fromkeys(paths, "services: {app: {image: x}}"))
    (choice,) = lowered(files).choices
    assert (choice.what, choice.chosen) == ("Compose project", chosen)


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("services: {app: {image: x, depends_on: [gone]}}", "undefined service 'gone'", "gone"),
        ("services: {app: {extends: gone}}", "extends 'gone', which is not in compose.yaml", "gone"),
        ("services: {app: {extends: b}, b: {extends: app}}", "services extend each other", "b"),
        ("services:\n  app:\n    image: x\n    image: y\n", "the key 'image' twice", "image"),
        ("include: [../out.yml]", "'../out.yml' leads out of the scanned root", "../out.yml"),
        ("include: [/etc/passwd]", "'/etc/passwd' leads out of the scanned root", "/etc/passwd"),
        ("services: {app: {extends: {file: ../../x.yml, service: a}}}", "leads out", "../../x.yml"),
        ("include: [compose.yaml]", "files include each other", "compose.yaml"),
        ("services: {app: {image: x, ports: ['a:b']}}", "has the invalid port", "a:b"),
        ("services: {app: {image: x, foo: 1}}", "services.app does not allow the key 'foo'", "foo"),
        ("services: {app: {image: x, user: '${'}}", "invalid interpolation format", "${"),
        ("services: {app: {image: x, privileged: '${U:-maybe}'}}", "which is not a boolean", "maybe"),
    ],
)
def test_what_docker_refuses_is_one_problem_at_its_place(text: str, message: str, at: str) -> None:
    error = problem(text)
    files = Memory({"compose.yaml": text})
    assert message in error.message
    assert files.at(error.span) == at


REFUSED_AT_A_PLACE = """\
services:
  web: {image: 'web:1', user: node, depends_on: [gone, db]}
  api:
    image: api:1
    ports: ['${API_PORT}:${API_PORT}']
    user: node
    user: root
  db: {image: 'postgres:16.4'}
"""


def test_the_rest_of_a_project_that_docker_refuses_at_a_place_is_read() -> None:
    result = lowered(Memory({"compose.yaml": REFUSED_AT_A_PLACE, ".env": "API_PORT=\n"}))
    assert [each.message for each in result.problems] == [
        "the mapping has the key 'user' twice",
        "the port ':' names no container port",
        "service 'web' depends on the undefined service 'gone'",
    ]
    services = {each.name: each for each in result.nodes if isinstance(each, Service)}
    assert sorted(services) == ["api", "db", "web"]
    assert [each.service for each in services["web"].depends_on] == ["db"]
    assert [each.id for each in result.nodes if isinstance(each, Database)] == ["compose:services.db/database"]


def test_a_service_that_docker_refuses_in_part_is_in_doubt_and_no_other() -> None:
    result = lowered(Memory({"compose.yaml": REFUSED_AT_A_PLACE, ".env": "API_PORT=\n"}))
    doubts = {each.name: each.doubt for each in result.nodes if isinstance(each, Service)}
    assert {name: doubt.reason for name, doubt in doubts.items() if doubt is not None} == {
        "api": "Compose refuses its service: the mapping has the key 'user' twice",
    }


def test_a_service_is_in_doubt_where_docker_refuses_what_it_extends() -> None:
    text = "services: {app: {extends: {file: base.yaml, service: base}}, other: {image: x}}"
    files = Memory({"compose.yaml": text, "base.yaml": "services: {base: {image: x, foo: 1}}"})
    doubts = {each.name: each.doubt for each in lowered(files).nodes}
    assert doubts["other"] is None
    assert doubts["app"] is not None


def test_a_project_with_a_fault_in_each_of_many_services_is_refused_as_a_whole() -> None:
    text = "services: {" + ", ".join(f"s{n}: {{image: x, foo{n}: 1}}" for n in range(30)) + "}"
    result = lowered(Memory({"compose.yaml": text}))
    assert len(result.problems) == 1
    assert result.nodes == ()


def test_a_malformed_line_of_an_env_file_is_told_and_loses_no_other() -> None:
    files = Memory({"compose.yaml": "services: {app: {image: x, env_file: a.env}}", "a.env": "A=1\nB C\nD='\nE=2\n"})
    result = lowered(files)
    (app,) = (node for node in result.nodes if isinstance(node, Service))
    assert {each.key: type(each.value).__name__ for each in app.environment} == {
        "A": "Known",
        "D": "Unknown",
        "E": "Known",
    }
    assert app.environment_gap == Unknown(
        "a malformed line of an env file: a blank stands in the name of a variable", Span("a.env", 4, 7)
    )
    assert result.problems == ()
    assert [(each.chosen, each.reason) for each in result.choices[1:]] == [
        ("a.env:2", "a blank stands in the name of a variable; write KEY=value"),
        ("a.env:3", "the value has no closing '; close the quotes on the line the value ends"),
    ]


def deep(levels: int) -> str:
    return "services: {app: {image: x, x-a: " + "[" * levels + "]" * levels + "}}"


HOSTILE = {
    "aliases": "x-0: &a0 [1,2,3,4,5,6,7,8,9]\n"
    + "".join(f"x-{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
    + "services: {app: {image: x}}\n",
    "depth": deep(100_000),
    "expressions": "services: {app: {image: '" + "${A:-b}" * 100_000 + "'}}",
    "nested expressions": "services: {app: {image: '" + "${A:-" * 20_000 + "}" * 20_000 + "'}}",
    "port range": "services: {app: {image: x, ports: ['1-65535:1-65535/x']}}",
    "digits": "services: {app: {image: x, scale: " + "9" * 20_000 + "}}",
    "size": "services: {app: {image: x}}\nx-a:\n" + "- a\n" * 300_000,
    "extends": "services:\n"
    + "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(3000))
    + "  s3000: {image: x}\n",
    "depends": "services:\n"
    + "".join(f"  s{n}: {{image: x, depends_on: [{', '.join(f's{m}' for m in range(n))}]}}\n" for n in range(60))
    + "  z: {image: x, depends_on: [z]}\n",
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_project_is_one_problem(name: str) -> None:
    assert problem(HOSTILE[name]).message


def test_a_variable_that_grows_without_end_is_undecided() -> None:
    text = "services: {app: {image: x, user: '${A}'}}"
    _, app = one(text, _dot_env="A=aa\n" + "A=${A}${A}\n" * 60)
    assert isinstance(app.user, Unknown)


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_exact_parts_of_every_value_stand_in_their_files(name: str) -> None:
    asked = PROJECTS[name]
    files = Memory({key: text.removeprefix("\ufeff") for key, text in asked.files.items()})
    try:
        project = load(files, "", asked.chain, name="project")
    except ReadError as error:
        source = files.read(error.span.path)
        assert error.span.end <= (len(source.text) if source is not None else 0)
        return
    for path, leaf in leaves(project.model):
        for piece in leaf.text.pieces if leaf.text is not None else ():
            if piece.exact and piece.text and piece.span.path in files.texts:
                assert files.at(piece.span) == piece.text, path
