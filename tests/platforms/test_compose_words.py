"""What the libraries of Docker Compose make of its short forms: go-shellwords, go-units, Go's path, net and %v."""

from __future__ import annotations

import pytest

from policyengine.model.nodes import Role, Service
from policyengine.model.source import ReadError, Source
from policyengine.model.text import Text
from policyengine.platforms import Settings
from policyengine.platforms.compose import ComposePart, words
from policyengine.platforms.compose import project as compose
from policyengine.platforms.compose.located import Branch, Leaf, Node, Plain, go_text, string
from policyengine.platforms.compose.rebasing import is_remote
from policyengine.platforms.compose.shapes import size
from policyengine.platforms.compose.short import clean, is_address, is_file_path, ports, volume
from policyengine.testing.memory import Memory


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", ()),
        ("  ", ()),
        ("run", ("run",)),
        (" run  it\tnow\r\n", ("run", "it", "now")),
        ("run 'a b' \"c d\"", ("run", "a b", "c d")),
        ("run ''", ("run", "")),
        ("run a'b'\"c\"", ("run", "abc")),
        ("run 'a\"b' \"c'd\"", ("run", 'a"b', "c'd")),
        ("run a\\ b", ("run", "a b")),
        ("run 'a\\b'", ("run", "a\\b")),
        ('run "a\\"b"', ("run", 'a"b')),
        ("run \\'", ("run", "'")),
        ('run "a\\nb" \\t', ("run", "a\nb", "\t")),
        ("run `a\\n'b` $(a\\t)", ("run", "`a\\n'b`", "$(a\\t)")),
        ("run 1a>out", ("run", "1a")),
        ("run a) b) c", None),
        ("run \\\\$(a)", None),
        ("run `a b`", ("run", "`a b`")),
        ("run '`'", ("run", "`")),
        ('run "`"', ("run", "`")),
        ("run $(a b)", ("run", "$(a b)")),
        ("run $(a 'b')", ("run", "$(a 'b')")),
        ("run '(' \")\"", ("run", "(", ")")),
        ("run; more", ("run",)),
        ("run & more", ("run",)),
        ("run | more", ("run",)),
        ("run < in", ("run",)),
        ("run > out", ("run",)),
        ("run a>out", ("run", "a")),
        ("run a2>out", ("run", "a2")),
        ("run 2>out", ("run",)),
        ("run 12>out", ("run",)),
        ("run 'a;b' \"c|d\" `e&f` $(g<h)", ("run", "a;b", "c|d", "`e&f`", "$(g<h)")),
        ("run 'a", None),
        ('run "a', None),
        ("run `a", None),
        ("run a\\", None),
        ("run (a)", None),
        ("run a(b)", None),
        ("run $(a", None),
        ("run $(a (b))", None),
    ],
)
def test_a_line_is_split_as_go_shellwords_does(line: str, expected: tuple[str, ...] | None) -> None:
    assert words.split(line) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("32", 32), ("32b", 32), ("32B", 32), ("32k", 32 << 10), ("32K", 32 << 10), ("32kb", 32 << 10), ("32Kb", 32 << 10),
        ("32kib", 32 << 10), ("32Mb", 32 << 20), ("32Gb", 32 << 30), ("32Tb", 32 << 40), ("32Pb", 32 << 50), ("32.5kB", 33280),
        ("32.5 kB", 33280), ("32.5 B", 32), ("0.3 K", 307), (".3kB", 307), ("0.", 0), ("0. ", 0), ("0.b", 0), ("0.0B", 0), ("0m", 0),
        ("0.0m", 0), ("-1", -1), ("", None), ("hello", None), (".", None), (". ", None), (" ", None), ("  ", None), (" 32b", None),
        ("32m b", None), ("32bm", None), ("-32kb", None), ("32x", None), ("32mm", None), ("32 kk", None), ("1 1k", None),
        ("1_0k", 10240), ("1_0.5", 10), ("1e1_0", 10**10), ("0x1p4", 16), ("1__0", None), ("1_", None), ("_1", None), ("0x10", None),
    ],
)  # fmt: skip
def test_a_size_is_read_as_go_units_does(text: str, expected: int | None) -> None:
    assert size(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, "<nil>"), (True, "true"), (False, "false"), (3, "3"), (-3, "-3"), (1.5, "1.5"), (1e21, "1e+21"), (2.0, "2"), ("x", "x")],
)  # fmt: skip
def test_a_value_is_printed_as_go_does(value: Plain, expected: str) -> None:
    assert go_text(value) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", "a"), ("a/", "a"), ("/", "/"), ("//", "/"), ("//a", "/a"), ("a//b", "a/b"), ("a/./b", "a/b"), ("a/../b", "b"),
        ("../a", "../a"), ("/../a", "/a"), ("./a", "a"), (".", "."), ("", "."), ("a/b/../..", "."),
    ],
)  # fmt: skip
def test_a_path_is_cleaned_as_go_does(path: str, expected: str) -> None:
    assert clean(path) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", True), ("10.0.0.1", True), ("::1", True), ("fe80::1", True), ("::ffff:1.2.3.4", True), ("256.0.0.1", False),
        ("1.2.3", False), ("localhost", False), ("fe80::1%eth0", False), ("", False), ("[::1]", False),
    ],
)  # fmt: skip
def test_an_address_is_one_of_go(text: str, expected: bool) -> None:
    assert is_address(text) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (".", True), ("./a", True), ("../a", True), ("/a", True), ("~/a", True), ("C:\\a", True), ("c:/a", True), ("\\\\host\\a", True),
        ("data", False), ("my.data", False), ("1:", False), ("c", False), ("", False), ("\\a", False),
    ],
)  # fmt: skip
def test_a_mount_of_a_path_is_told_from_one_of_a_volume(source: str, expected: bool) -> None:
    assert is_file_path(source) is expected


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("https://x/a.git", True), ("http://x/a.tar", True), ("git://x/a", True), ("ssh://x/a", True), ("git@x:a.git", True),
        ("github.com/a/b", True), ("service:base", True), ("docker-image://alpine", True), ("oci-layout://x", True), (".", False),
        ("./github.com/a", False), ("git", False), ("services", False), ("/srv", False),
    ],
)  # fmt: skip
def test_a_build_context_elsewhere_is_told_from_a_folder(context: str, expected: bool) -> None:
    assert is_remote(context) is expected


def leaf(text: str) -> Leaf:
    source = Source("compose.yaml", text)
    return string(Text.of(source), source.span(0, len(text)))


def plain(node: Node) -> object:
    if isinstance(node, Branch):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    assert isinstance(node, Leaf)
    return node.value


def short_port(**more: object) -> dict[str, object]:
    return {"mode": "ingress", "protocol": "tcp"} | more


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [short_port(target=80)]),
        ("80/udp", [short_port(target=80, protocol="udp")]),
        ("80/SCTP", [short_port(target=80, protocol="sctp")]),
        ("8080:80", [short_port(target=80, published="8080")]),
        ("127.0.0.1:8080:80", [short_port(target=80, published="8080", host_ip="127.0.0.1")]),
        ("127.0.0.1::80", [short_port(target=80, host_ip="127.0.0.1")]),
        ("[::1]:8080:80", [short_port(target=80, published="8080", host_ip="::1")]),
        ("::1:8080:80", [short_port(target=80, published="8080", host_ip="::1")]),
        (":80", [short_port(target=80)]),
        ("80-81", [short_port(target=80), short_port(target=81)]),
        ("90-91:80-81", [short_port(target=80, published="90"), short_port(target=81, published="91")]),
        ("90-92:80", [short_port(target=80, published="90-92")]),
        ("90-90:80", [short_port(target=80, published="90")]),
        ("9-10", [short_port(target=10), short_port(target=9)]),
        ("65535", [short_port(target=65535)]),
        ("0:80", [short_port(target=80, published="0")]),
    ],
)
def test_a_short_port_is_read_as_docker_does(text: str, expected: list[dict[str, object]]) -> None:
    assert [plain(each) for each in ports(leaf(text))] == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "names no container port"),
        ("80:", "names no container port"),
        ("80/icmp", "has the unknown protocol 'icmp'"),
        ("65536", "has the invalid port '65536'"),
        ("80-", "has the invalid port '80-'"),
        ("a", "has the invalid port 'a'"),
        ("81-80", "has the invalid range '81-80'"),
        ("90-92:80-81", "has ranges of different length"),
        ("90:80-81", "has ranges of different length"),
        ("localhost:90:80", "has an invalid IP address"),
        ("[::1:90:80", "has an invalid IP address"),
        ("[x]:90:80", "has an invalid IP address"),
    ],
)
def test_a_short_port_is_refused_as_docker_does(text: str, why: str) -> None:
    with pytest.raises(ReadError) as caught:
        ports(leaf(text))
    assert str(caught.value.message) == f"the port '{text}' {why}"
    assert caught.value.span == Source("compose.yaml", text).span(0, len(text))


def bind(source: str, target: str, **more: object) -> dict[str, object]:
    return {"type": "bind", "source": source, "target": target, "bind": {"create_host_path": True}} | more


def named(target: str, source: str = "", **more: object) -> dict[str, object]:
    return {"type": "volume", "target": target, "volume": {}} | ({"source": source} if source else {}) | more


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/a", {"type": "volume", "target": "/a"}),
        ("/data", named("/data")),
        ("/data/", named("/data")),
        ("data:/x", named("/x", "data")),
        ("./a:/x", bind("./a", "/x")),
        ("./a:/x/:ro", bind("./a", "/x", read_only=True)),
        ("./a:/x:rw", bind("./a", "/x")),
        ("./a:/x:ro,rw", bind("./a", "/x")),
        ("./a:/x:z", bind("./a", "/x", bind={"create_host_path": True, "selinux": "z"})),
        ("./a:/x:Z", bind("./a", "/x", bind={"create_host_path": True, "selinux": "Z"})),
        ("./a:/x:rshared", bind("./a", "/x", bind={"create_host_path": True, "propagation": "rshared"})),
        ("./a:/x:nocopy", bind("./a", "/x", volume={"nocopy": True})),
        ("data:/x:nocopy", named("/x", "data", volume={"nocopy": True})),
        ("data:/x:slave", named("/x", "data", bind={"propagation": "slave"})),
        ("data:/x:z", named("/x", "data", bind={"selinux": "z"})),
        ("data:/x:cached", named("/x", "data")),
        ("C:\\a:/x", bind("C:\\a", "/x")),
        ("${A:-b}:/x", None),
    ],
)
def test_a_short_volume_is_read_as_docker_does(text: str, expected: dict[str, object] | None) -> None:
    found = plain(volume(leaf(text)))
    assert found == expected if expected is not None else "target" in str(found)


@pytest.mark.parametrize(
    ("text", "why"),
    [("", "the volume is empty"), ("aa::b", "the volume 'aa::b' has an empty section"), ("aa:bb:ro:cc", "the volume 'aa:bb:ro:cc' has too many colons")],
)  # fmt: skip
def test_a_short_volume_is_refused_as_docker_does(text: str, why: str) -> None:
    with pytest.raises(ReadError) as caught:
        volume(leaf(text))
    assert caught.value.message == why


@pytest.mark.parametrize(
    ("service", "role"),
    [
        ("{build: .}", Role.APP),
        ("{build: ., restart: 'no'}", Role.APP),
        ("{build: ., command: npx prisma migrate deploy}", Role.JOB),
        ("{build: ., command: npx prisma migrate deploy, restart: 'no'}", Role.JOB),
        ("{build: ., command: npx prisma migrate deploy, restart: false}", Role.JOB),
        ("{build: ., command: npx prisma migrate deploy, restart: on-failure}", Role.JOB),
        ("{build: ., command: npx prisma migrate deploy, restart: always}", Role.APP),
        ("{build: ., command: npx prisma migrate deploy, restart: unless-stopped}", Role.APP),
        ("{build: ., command: npx prisma migrate deploy, ports: ['80:80']}", Role.APP),
        ("{build: ., command: npx prisma migrate deploy && node server.js}", Role.JOB),
        ("{build: ., command: [sh, -c, 'npx prisma migrate deploy && node server.js']}", Role.APP),
        ("{image: 'postgres:16', command: npx prisma migrate deploy}", Role.DATABASE),
    ],
)
def test_a_container_that_prepares_and_ends_is_a_job(service: str, role: Role) -> None:
    files = Memory({"compose.yaml": f"services: {{thing: {service}}}", "Dockerfile": "FROM node:22\n"})
    result = compose.lower(files, Settings(ComposePart()))
    assert [each.role for each in result.nodes if isinstance(each, Service)] == [role]


@pytest.mark.parametrize(
    ("name", "service", "role"),
    [
        ("migrate", "{build: .}", Role.JOB),
        ("db-seed", "{build: .}", Role.JOB),
        ("migrate", "{image: 'axllent/mailpit:v1'}", Role.JOB),
        ("migrate", "{image: 'postgres:16'}", Role.DATABASE),
        ("migrate", "{image: 'postgres:16', entrypoint: [sh, /migrate.sh]}", Role.JOB),
        ("store", "{image: 'postgres:16', entrypoint: [sh, /start.sh]}", Role.DATABASE),
        ("migrate", "{build: ., restart: always}", Role.APP),
        ("migrate", "{build: ., ports: ['80:80']}", Role.APP),
        ("web", "{build: .}", Role.APP),
    ],
)
def test_a_container_that_is_called_so_is_a_job(name: str, service: str, role: Role) -> None:
    files = Memory({"compose.yaml": f"services: {{{name}: {service}}}", "Dockerfile": "FROM node:22\n"})
    result = compose.lower(files, Settings(ComposePart()))
    assert [each.role for each in result.nodes if isinstance(each, Service)] == [role]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"), (-0.0, "-0"), (0.5, "0.5"), (-2.5, "-2.5"), (100.0, "100"), (1234.5, "1234.5"), (0.0001, "0.0001"), (0.00012, "0.00012"),
        (0.00001, "1e-05"), (0.0000123, "1.23e-05"), (999999.5, "999999.5"), (1e6, "1e+06"), (1234567.5, "1.2345675e+06"), (1e21, "1e+21"), (1.5e300, "1.5e+300"), (-1e-7, "-1e-07"),
        (float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN"),
    ],
)  # fmt: skip
def test_a_float_is_printed_as_go_does(value: float, expected: str) -> None:
    assert go_text(value) == expected


@pytest.mark.parametrize(
    ("service", "refused"),
    [
        ("{mem_limit: 512m, deploy: {resources: {limits: {memory: 512M}}}}", ""),
        ("{mem_limit: 512m, deploy: {resources: {limits: {memory: 256M}}}}", "another 'mem_limit' than 'deploy.resources' has 'memory'"),
        ("{mem_limit: 512m, deploy: {resources: {limits: {cpus: '1'}}}}", "another 'mem_limit' than 'deploy.resources' has 'memory'"),
        ("{mem_limit: 0, deploy: {resources: {limits: {memory: 256M}}}}", ""),
        ("{mem_limit: 512m}", ""),
        ("{mem_reservation: 64m, deploy: {resources: {reservations: {memory: 64M}}}}", ""),
        ("{mem_reservation: 64m, deploy: {resources: {reservations: {memory: 32M}}}}", "another 'mem_reservation' than 'deploy.resources' has 'memory'"),
        ("{cpus: 0.5, deploy: {resources: {limits: {cpus: '0.5'}}}}", ""),
        ("{cpus: 0.5, deploy: {resources: {limits: {cpus: '0.6'}}}}", "another 'cpus' than 'deploy.resources' has 'cpus'"),
        ("{pids_limit: 10, deploy: {resources: {limits: {pids: 10}}}}", ""),
        ("{pids_limit: 10, deploy: {resources: {limits: {pids: 11}}}}", "another 'pids_limit' than 'deploy.resources' has 'pids'"),
        ("{scale: 2, deploy: {replicas: 2}}", ""),
        ("{scale: 2, deploy: {replicas: 3}}", "has another 'scale' than 'deploy.replicas'"),
        ("{scale: -1}", "runs a negative number of times"),
        ("{scale: 0}", ""),
        ("{scale: 2, container_name: app}", "has a container_name but runs 2 times"),
        ("{deploy: {replicas: 2}, container_name: app}", "has a container_name but runs 2 times"),
        ("{scale: 1, container_name: app}", ""),
        ("{network_mode: 'service:other'}", "depends on the undefined service 'other'"),
        ("{network_mode: 'service:app2'}", ""),
        ("{network_mode: host}", ""),
    ],
)  # fmt: skip
def test_what_docker_refuses_of_two_ways_to_say_one_thing(service: str, refused: str) -> None:
    text = f"services:\n  app: {{image: x, {service[1:]}\n  app2: {{image: x}}\n"
    problems = compose.lower(Memory({"compose.yaml": text}), Settings(ComposePart())).problems
    assert [refused in each.message for each in problems] == ([True] if refused else [])


@pytest.mark.parametrize(
    ("ssh", "accepted"),
    [("[default]", True), ("['id=~/.ssh/key']", True), ("{default: ''}", True), ("[other]", False), ("default", False), ("[1]", False)],
)  # fmt: skip
def test_the_keys_of_a_build_for_ssh(ssh: str, accepted: bool) -> None:
    text = f"services:\n  app:\n    build: {{context: ., ssh: {ssh}}}\n"
    problems = compose.lower(Memory({"compose.yaml": text, "Dockerfile": "FROM x\n"}), Settings(ComposePart())).problems
    assert (not problems) is accepted
