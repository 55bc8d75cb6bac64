"""Names of Dockerfiles, users that commands create, and what BuildKit sets itself."""

from __future__ import annotations

import pytest

from policyengine.model.source import Source
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.docker.image import MOST_STAGES, is_dockerfile, lower, stages
from policyengine.syntax.dockerfile import read
from policyengine.testing.memory import Memory


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        *((name, True) for name in (
            "Dockerfile", "dockerfile", "Containerfile", "Dockerfile.production", "Dockerfile-dev", "Dockerfile_x", "api.Dockerfile", "api-dockerfile", "api_Containerfile", "a/b/Dockerfile.prod.v2",
            "Dockerfile.rb.production",
        )),
        *((f"Dockerfile.{ending}", False) for ending in (
            "dockerignore", "md", "mdx", "rst", "adoc", "txt", "py", "ts", "tsx", "js", "jsx", "mjs", "cjs", "go", "rb", "rs", "java", "kt", "php", "sh", "bash", "ps1", "yml", "yaml", "json", "toml", "hcl", "tf", "html",
            "css", "svg", "png", "lock", "patch", "diff", "log", "orig", "rej", "bak", "swp", "m4", "in", "j2", "jinja", "jinja2", "tmpl", "tpl", "template", "erb", "ejs", "hbs", "mustache", "gotmpl", "PY",
        )),
        *((name, False) for name in ("Dockerfiles", "MyDockerfile", "docker", "Dockerfile/x", "Docker file", ".dockerignore")),
    ],
)  # fmt: skip
def test_a_dockerfile_is_known_by_its_name(name: str, is_one: bool) -> None:
    assert is_dockerfile(name) is is_one


def created(line: str) -> dict[str, str | None]:
    (stage,) = stages(read(Source("Dockerfile", f"FROM alpine:3\nARG ID=77\nRUN {line}\n")), {})
    return {each.key: each.value.value if isinstance(each.value, Known) else None for each in stage.users_created}


@pytest.mark.parametrize(
    ("line", "users"),
    [
        ("useradd app", {"app": None}), ("adduser app", {"app": None}), ("/usr/sbin/useradd app", {"app": None}), ("useradd -u 5 app", {"app": "5"}), ("useradd --uid 5 app", {"app": "5"}), ("useradd --uid=5 app", {"app": "5"}),
        ("useradd -u5 app", {"app": "5"}), ("useradd -ru 5 app", {"app": "5"}), ("useradd -u $ID app", {"app": "77"}), ("useradd --uid=${ID} app", {"app": "77"}), ("useradd app -u 5", {"app": "5"}), ("usermod -u 5 app", {"app": "5"}), ("usermod -aG docker app", {}),
        *((f"useradd {flag} value app", {"app": None}) for flag in (
            "-g", "--gid", "-G", "--groups", "--ingroup", "-h", "--home", "--home-dir", "-d", "-s", "--shell", "-c", "--comment", "--gecos", "-K", "--key", "-k", "-p", "--password", "-b", "--base-dir", "--skel", "--firstuid",
            "--lastuid", "-e", "--expiredate", "-f", "--inactive", "-mg", "-mG", "-mh", "-md", "-ms", "-mc", "-mK", "-mk", "-mp",
        )),
        *((f"useradd {flag} app", {"app": None}) for flag in ("-m", "-r", "--system", "--no-create-home", "-M", "-N", "+x")),
        ("adduser -D -H -u 6 -G app app", {"app": "6"}), ("groupadd app", {}), ("useradd", {}), ("useradd $WHO", {}), ("sudo useradd app", {"app": None}), ("useradd a && useradd -u 9 b", {"a": None, "b": "9"}),
    ],
)  # fmt: skip
def test_the_users_that_a_command_creates(line: str, users: dict[str, str | None]) -> None:
    assert {name: uid for name, uid in created(line).items() if uid is not None or name in users} == users


@pytest.mark.parametrize("part", ["PLATFORM", "OS", "ARCH", "VARIANT"])
@pytest.mark.parametrize("side", ["TARGET", "BUILD"])
def test_what_buildkit_sets_is_known_only_where_a_build_names_its_platform(side: str, part: str) -> None:
    (stage,) = stages(read(Source("Dockerfile", f"FROM alpine:3\nARG {side}{part}\nENV A=${side}{part}\n")), {})
    (variable,) = stage.environment
    assert isinstance(variable.value, Unknown)
    assert variable.value.reason == f"{side}{part} depends on the platform that is built"


def test_a_file_of_too_many_stages_says_so() -> None:
    text = "FROM alpine:3\n" * (MOST_STAGES + 1)
    lowered = lower("Dockerfile", Memory({"Dockerfile": text}))
    assert [(each.message, each.advice, each.span.start) for each in lowered.problems] == [
        (f"there are over {MOST_STAGES} stages", "split the Dockerfile", 14 * MOST_STAGES)
    ]


@pytest.mark.parametrize(
    ("lines", "workdir", "steps"),
    [
        ("WORKDIR /a", "/a", []), ("WORKDIR /a/", "/a", []), ("WORKDIR //a", "/a", []), ("WORKDIR /a/../b", "/b", []), ("WORKDIR a", "/a", ["WORKDIR /"]), ("WORKDIR /a\nWORKDIR b", "/a/b", ["WORKDIR /a"]), ("WORKDIR /a\nWORKDIR ../b", "/b", ["WORKDIR /a"]),
        ("ENV D=/x\nWORKDIR $D/y", "/x/y", ["D"]),
    ],
)  # fmt: skip
def test_the_working_directory(lines: str, workdir: str, steps: list[str]) -> None:
    (stage,) = stages(read(Source("Dockerfile", f"FROM alpine:3\n{lines}\n")), {})
    assert isinstance(stage.workdir, Known)
    assert (stage.workdir.value, [step.what for step in stage.workdir.via]) == (workdir, steps)


def test_the_working_directory_of_an_image_that_is_not_known() -> None:
    (stage,) = stages(read(Source("Dockerfile", "FROM unknown/thing:1\nWORKDIR a\n")), {})
    assert isinstance(stage.workdir, Unknown)
    assert stage.workdir.reason == "what unknown/thing brings is not in the bundled table"


@pytest.mark.parametrize(
    ("word", "ports"),
    [
        ("80", [(80, "tcp")]), ("80/udp", [(80, "udp")]), ("80/UDP", [(80, "udp")]), ("80/sctp", [(80, "sctp")]), ("80-82", [(80, "tcp"), (81, "tcp"), (82, "tcp")]), ("80 81", [(80, "tcp"), (81, "tcp")]), ("80 80 80/udp", [(80, "tcp"), (80, "udp")]),
        ("82-80", []), ("80/http", ["'80/http' is no port"]), ("x", ["'x' is no port"]), ("$P", ["'x' is no port"]),
    ],
)  # fmt: skip
def test_the_ports_that_expose_names(word: str, ports: list[object]) -> None:
    (stage,) = stages(read(Source("Dockerfile", f"FROM alpine:3\nARG P=x\nEXPOSE {word}\n")), {})
    found = [
        (each.target.value, each.protocol) if isinstance(each.target, Known) else each.target.reason
        for each in stage.exposed
        if isinstance(each.target, Known | Unknown)
    ]
    assert found == ports
    assert all(isinstance(each.published, Absent) for each in stage.exposed)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("HEALTHCHECK NONE", ("absent", False, None, True)), ("HEALTHCHECK none", ("absent", False, None, True)), ("HEALTHCHECK CMD a b", (("a b",), True, None, False)), ('HEALTHCHECK CMD ["a", "b"]', (("a", "b"), False, None, False)),
        ("HEALTHCHECK --interval=5s CMD a", (("a",), True, "5s", False)),
    ],
)  # fmt: skip
def test_the_check_that_healthcheck_asks_for(line: str, told: tuple[object, ...]) -> None:
    (stage,) = stages(read(Source("Dockerfile", f"FROM alpine:3\n{line}\n")), {})
    check = stage.healthcheck
    assert check is not None
    test = check.test
    words = test.value.words if isinstance(test, Known) else "absent"
    shell = test.value.shell if isinstance(test, Known) else False
    interval = check.interval.value if isinstance(check.interval, Known) else None
    assert (words, shell, interval, check.disabled) == told
