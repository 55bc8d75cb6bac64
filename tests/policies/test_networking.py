from __future__ import annotations

import pytest
from clean_hexagon import networking
from clean_hexagon.options import Options
from msgspec import convert

from policyengine.api import (
    Absent,
    Attachment,
    Database,
    Edit,
    EnvironmentFile,
    Finding,
    Known,
    Node,
    Outcome,
    Package,
    Port,
    Role,
    Service,
    Side,
    Span,
    Undecided,
    Unknown,
    Variable,
    Version,
    endpoints,
)
from tests.policies.linked import linked, said

NOWHERE = Span("docker-compose.yml", 0, 3)


def port(published: int | None, target: int) -> Port:
    text = f"{published}:{target}"
    host = Absent(NOWHERE) if published is None else Known(published, Span("docker-compose.yml", 500, 504))
    return Port(Known(target, NOWHERE), host, Span("docker-compose.yml", 500, 500 + len(text)))


def environment(**values: str) -> tuple[Variable, ...]:
    found = []
    at = 1000
    for key, value in values.items():
        found.append(Variable(key, Span(".env", at, at), Known(value, Span(".env", at, at + len(value)))))
        at += 1000
    return tuple(found)


def service(
    name: str,
    *ports: Port,
    role: Role = Role.APP,
    env: tuple[Variable, ...] = (),
    mode: str = "",
    side: Side = Side.LOCAL,
    hostnames: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
    gap: Unknown | None = None,
) -> Service:
    return Service(
        id=f"compose:services.{name}",
        name=name,
        side=side,
        span=NOWHERE,
        role=role,
        group="stack",
        image=Absent(NOWHERE),
        build=None,
        entrypoint=Absent(NOWHERE),
        command=Absent(NOWHERE),
        user=Absent(NOWHERE),
        environment=env,
        environment_gap=gap,
        ports=ports,
        network_mode=Known(mode, NOWHERE) if mode else None,
        hostnames=hostnames,
        networks=(Attachment("default", NOWHERE, aliases),),
    )


def database(name: str = "db") -> Database:
    return Database(
        id=f"compose:services.{name}/database",
        name=name,
        side=Side.LOCAL,
        span=NOWHERE,
        engine=Known("postgres", NOWHERE),
        version=Known(Version(16, 4), NOWHERE),
        service=f"compose:services.{name}",
    )


DB = service("db", port(5434, 5432), role=Role.DATABASE)


def found(*nodes: Node, given: Options | None = None) -> dict[str, list[Finding]]:
    results: dict[str, list[Finding]] = {}
    for rule in networking.RULES:
        outcomes: list[Outcome] = said(rule.check(linked(*nodes), given or Options()))
        findings = [each for each in outcomes if isinstance(each, Finding)]
        for each in findings:
            assert rule.text(each)
        if findings:
            results[rule.id] = findings
    return results


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql://u:p@localhost:5434/db?x=1", [("localhost", 5434, "localhost:5434")]),
        ("postgres://db/app", [("db", 5432, "db")]),
        ("postgresql+asyncpg://u:p%40ss@db:5432/app", [("db", 5432, "db:5432")]),
        ("jdbc:postgresql://localhost:5434/app", [("localhost", 5434, "localhost:5434")]),
        ("mongodb://a:1,b:2/x", [("a", 1, "a:1"), ("b", 2, "b:2")]),
        ("redis://:secret@cache:6379/0", [("cache", 6379, "cache:6379")]),
        ("kafka:9092,localhost:29092", [("kafka", 9092, "kafka:9092"), ("localhost", 29092, "localhost:29092")]),
        ("http://[::1]:3000/x", [("::1", 3000, "[::1]:3000")]),
        ("host=localhost user=u password=p port=5434", [("localhost", 5434, "localhost")]),
        ("Server=localhost;Port=1433;Database=x", [("localhost", 1433, "localhost")]),
        ("user:pass@tcp(localhost:3306)/app", [("localhost", 3306, "localhost:3306")]),
        ("https://api.example.com", [("api.example.com", 443, "api.example.com")]),
        ("text with no address", []),
        ("12:30", [("12", 30, "12:30")]),
        ("", []),
    ],
)
def test_endpoints_are_read_from_values(text: str, expected: list[tuple[str, int, str]]) -> None:
    assert [(each.host, each.port, text[each.start : each.end]) for each in endpoints(text)] == expected


def test_a_published_port_on_localhost_is_reported_at_host_and_port() -> None:
    url = "postgresql://u:p@localhost:5434/app"
    app = service("app", port(3000, 3000), env=environment(DATABASE_URL=url))
    (finding,) = found(app, DB)["HEX501"]
    place = Span(".env", 1000 + url.index("localhost"), 1000 + url.index("/app"))
    assert finding.at == place
    assert finding.fix is not None
    assert finding.fix.exact == (Edit(place, "db:5432"),)


def test_an_interpolated_value_is_reported_whole_and_not_edited() -> None:
    value = Known("postgresql://u:p@localhost:5434/app", Span("docker-compose.yml", 10, 20))
    app = service("app", env=(Variable("DATABASE_URL", NOWHERE, value),))
    (finding,) = found(app, DB)["HEX501"]
    assert finding.at == value.span
    assert finding.fix is not None
    assert finding.fix.exact == ()


@pytest.mark.parametrize(
    "values",
    [
        {"DATABASE_URL": "postgresql://u:p@db:5432/app"},
        {"API_URL": "http://localhost:3000"},
        {"PORT": "9000", "SELF_CHECK": "http://localhost:9000"},
        {"NEXT_PUBLIC_API_URL": "http://localhost:8000"},
        {"CORS_ORIGINS": "http://localhost:8000,http://localhost:5173"},
        {"FRONTEND_URL": "http://localhost:8000"},
        {"HOST": "0.0.0.0"},  # noqa: S104  read, never bound
        {"API_HOST": "localhost", "API_PORT": "8000"},
        {"DB_HOST": "0.0.0.0", "DB_PORT": "5434"},  # noqa: S104  as above
        {"OTHER_URL": "http://localhost:4000"},
        {"ADMIN_API": "http://localhost:8081"},
        {"DATABASE_URL": "postgresql://u:p@host.docker.internal:5499/app"},
        {"TIME": "12:30"},
    ],
)
def test_what_is_no_sibling_or_is_for_browsers_is_left_alone(values: dict[str, str]) -> None:
    app = service("app", port(3000, 3000), env=environment(**values))
    api = service("api", port(8000, 8000))
    admin = service("adminer", port(8081, 8080), role=Role.TOOL)
    assert found(app, api, admin, DB, database()) == {}


@pytest.mark.parametrize(
    ("values", "right"),
    [
        ({"DB_HOST": "localhost", "DB_PORT": "5434"}, "db:5432"),
        ({"PGHOST": "127.0.0.1"}, "db:5432"),
        ({"DB_HOST": "localhost"}, "db:5432"),
        ({"API_URL": "http://localhost:8000/v1"}, "api:8000"),
        ({"DB": "postgres://0.0.0.0:5434/x"}, "db:5432"),
        ({"DB": "postgres://host.docker.internal:5434/x"}, "db:5432"),
    ],
)
def test_localhost_for_a_sibling_is_reported(values: dict[str, str], right: str) -> None:
    app = service("app", port(3000, 3000), env=environment(**values))
    (finding,) = found(app, service("api", port(8000, 8000)), DB, database())["HEX501"]
    assert finding.args["right"] == right


@pytest.mark.parametrize("mode", ["host", "service:db"])
def test_a_shared_network_name_space_makes_localhost_right(mode: str) -> None:
    app = service("app", env=environment(DATABASE_URL="postgres://localhost:5432/app"), mode=mode)
    assert "HEX501" not in found(app, DB, database())


def test_containers_of_one_task_share_localhost() -> None:
    app = service("app", env=environment(DATABASE_URL="postgres://localhost:5434/app"), side=Side.CLOUD)
    other = service("db", port(5434, 5432), role=Role.DATABASE, side=Side.CLOUD)
    assert found(app, other) == {}


def test_one_env_file_that_two_services_load_is_one_finding() -> None:
    shared = environment(DATABASE_URL="postgres://localhost:5434/app")
    assert len(found(service("app", env=shared), service("worker", env=shared), DB)["HEX501"]) == 1


def test_an_environment_that_cannot_be_read_whole_is_a_question() -> None:
    gap = Unknown("the file .env is not in the repository", NOWHERE)
    outcomes = said(networking.RULES[0].check(linked(service("app", gap=gap)), Options()))
    assert [type(each) for each in outcomes] == [Undecided]


@pytest.mark.parametrize("host", ["db", "pg", "database"])
def test_a_published_port_behind_any_name_of_the_sibling_is_reported(host: str) -> None:
    sibling = service("db", port(5434, 5432), role=Role.DATABASE, hostnames=("pg",), aliases=("database",))
    app = service("app", env=environment(DATABASE_URL=f"postgres://{host}:5434/app"))
    (finding,) = found(app, sibling)["HEX502"]
    assert finding.args["right"] == f"{host}:5432"
    assert finding.fix is not None
    assert [edit.text for edit in finding.fix.exact] == [f"{host}:5432"]


def test_a_port_that_the_sibling_also_listens_on_is_fine() -> None:
    sibling = service("db", port(5434, 5432), port(None, 5434), role=Role.DATABASE)
    assert found(service("app", env=environment(DATABASE_URL="postgres://db:5434/app")), sibling) == {}


def auth(
    value: str, key: str = "NEXTAUTH_URL", given: Options | None = None, dependency: str = "next"
) -> dict[str, list[Finding]]:
    package = Package(
        id="npm:.",
        name="app",
        side=Side.SOURCE,
        span=NOWHERE,
        path="package.json",
        directory=".",
        ecosystem="npm",
        dependencies=environment(**{dependency: "5"}),
    )
    app = service("app", port(3005, 3005), port(3000, 3000), env=environment(**{key: value}))
    return found(app, package, given=given)


@pytest.mark.parametrize(
    ("key", "value", "variant"),
    [
        ("NEXTAUTH_URL", "http://127.0.0.1:3005", None),
        ("NEXTAUTH_URL", "http://127.0.0.1:3005/api/auth", None),
        ("NEXTAUTH_URL", "http://localhost:3000", "default"),
        ("NEXTAUTH_URL", "http://127.0.0.1:3000", "default"),
        ("NEXTAUTH_URL", "https://127.0.0.1:3005", "default"),
        ("NEXTAUTH_URL", "https://app.example.com", "default"),
        ("NEXTAUTH_URL", "", None),
        ("NEXTAUTH_URL", "<your url>", None),
        ("NEXTAUTH_URL_INTERNAL", "http://localhost:3005", None),
        ("BETTER_AUTH_URL", "http://127.0.0.1:3000", None),
        ("BETTER_AUTH_URL", "http://localhost:3000", "loopback"),
        ("AUTH_URL", "http://auth:8080", None),
        ("APP_URL", "http://localhost:3000", "loopback"),
        ("APP_URL", "https://app.example.com", None),
    ],
)
def test_the_local_address_is_canonical(key: str, value: str, variant: str | None) -> None:
    findings = auth(value, key).get("HEX506", [])
    assert [each.variant for each in findings] == ([] if variant is None else [variant])


def test_auth_url_counts_where_auth_js_is_a_dependency() -> None:
    assert "HEX506" in auth("http://localhost:3000", "AUTH_URL", dependency="next-auth")


def test_a_stated_address_holds_for_every_key() -> None:
    given = convert({"public_url": {"local": "http://127.0.0.1:3000"}}, Options)
    assert auth("http://127.0.0.1:3000", given=given) == {}
    assert [each.variant for each in auth("http://127.0.0.1:3005", "BETTER_AUTH_URL", given)["HEX506"]] == ["default"]


def test_the_path_of_an_address_survives_the_fix() -> None:
    value = "http://localhost:3000/api/auth"
    (finding,) = auth(value)["HEX506"]
    assert finding.fix is not None
    assert finding.fix.exact == (
        Edit(Span(".env", 1000, 1000 + len("http://localhost:3000")), "http://127.0.0.1:3005"),
    )


@pytest.mark.parametrize(
    ("value", "reported"),
    [("https://app.example.com", False), ("http://app.example.com", True), ("https://localhost", True), ("x", False)],
)
def test_the_cloud_address_is_public(value: str, reported: bool) -> None:
    app = service("app", env=environment(NEXTAUTH_URL=value), side=Side.CLOUD)
    assert ("HEX506" in found(app)) is reported


@pytest.mark.parametrize(
    ("path", "value", "reported"),
    [
        (".env.example", "http://localhost:3000", True),
        (".env.example", "https://your-domain.com", False),
        (".env.example", "https://app.acme.dev", False),
        (".env.production.example", "http://localhost:3000", False),
        (".env.test", "http://localhost:3000", False),
    ],
)
def test_env_files_that_nothing_loads(path: str, value: str, reported: bool) -> None:
    file = EnvironmentFile(
        id=f"env:{path}",
        name=path,
        side=Side.LOCAL,
        span=NOWHERE,
        path=path,
        variables=environment(NEXTAUTH_URL=value),
        example=True,
    )
    assert ("HEX506" in found(file)) is reported


CANONICAL = environment(NEXTAUTH_URL="http://127.0.0.1:3005")


def test_a_port_that_nothing_publishes_is_reported_at_the_mapping() -> None:
    (finding,) = found(service("app", port(3000, 3000), env=CANONICAL))["HEX507"]
    assert finding.at == Span("docker-compose.yml", 500, 509)
    assert finding.fix is not None
    assert finding.fix.exact == (Edit(Span("docker-compose.yml", 500, 504), "3005"),)


@pytest.mark.parametrize(
    "nodes",
    [
        (service("app", port(3005, 3000), env=CANONICAL),),
        (service("app", env=CANONICAL), service("edge", port(3005, 80), role=Role.PROXY)),
        (service("app", port(3005, 3005), env=CANONICAL), service("worker", env=CANONICAL)),
        (service("app", env=CANONICAL, mode="host"),),
    ],
)
def test_a_port_that_the_stack_publishes_is_fine(nodes: tuple[Service, ...]) -> None:
    assert "HEX507" not in found(*nodes)


def test_a_datastore_does_not_publish_for_the_application() -> None:
    results = found(service("app", env=CANONICAL), service("db", port(3005, 5432), role=Role.DATABASE))
    assert [each.variant for each in results["HEX507"]] == ["unpublished"]


def test_an_address_that_is_wrong_anyway_is_reported_once() -> None:
    app = service("app", port(3005, 3005), env=environment(NEXTAUTH_URL="http://localhost:4000"))
    assert set(found(app)) == {"HEX506"}
