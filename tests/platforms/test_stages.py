from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.nodes import Command, Stage
from policyengine.model.source import Source, Span
from policyengine.model.value import Absent, Floating, Known, Unknown, Value
from policyengine.platforms.docker.image import is_dockerfile, lower, stages
from policyengine.syntax.dockerfile import read
from policyengine.testing.memory import Memory
from tests.trees import scan

if TYPE_CHECKING:
    from pathlib import Path


def lowered(text: str, **args: str) -> tuple[Stage, ...]:
    given: dict[str, Value[str]] = {key: Known(value, Span("compose.yaml", 5, 6)) for key, value in args.items()}
    return stages(read(Source("Dockerfile", text)), given)


def last(text: str, **args: str) -> Stage:
    return lowered(text, **args)[-1]


def told(text: str, value: Value[str] | None) -> tuple[str, str]:
    """A Known value, and what stands at its place."""
    assert isinstance(value, Known)
    return value.value, text[value.span.start : value.span.end]


def base(stage: Stage) -> str:
    assert isinstance(stage.base, Known)
    return str(stage.base.value)


def environment(stage: Stage) -> dict[str, str]:
    return {each.key: each.value.value for each in stage.environment if isinstance(each.value, Known)}


def test_stages_are_named_numbered_and_the_last_is_marked() -> None:
    found = lowered("FROM node:22 AS Deps\nFROM deps\nFROM alpine AS final\n")
    assert [(each.id, each.name, each.index, each.last, each.parent) for each in found] == [
        ("dockerfile:Dockerfile#deps", "Deps", 0, False, ""),
        ("dockerfile:Dockerfile#1", "1", 1, False, "dockerfile:Dockerfile#deps"),
        ("dockerfile:Dockerfile#final", "final", 2, True, ""),
    ]


def test_a_stage_inherits_through_from_what_it_does_not_set() -> None:
    text = (
        'FROM node:22 AS a\nUSER app\nENV X=1\nWORKDIR /srv\nEXPOSE 80\nCMD ["x"]\nFROM a AS b\nWORKDIR sub\nENV Y=$X\n'
    )
    stage = last(text)
    assert base(stage) == "node:22"
    assert told(text, stage.user) == ("app", "app")
    assert [step.what for step in stage.user.via] == ["FROM a"]
    assert told(text, stage.workdir) == ("/srv/sub", "sub")
    assert environment(stage) == {"X": "1", "Y": "1"}
    assert [port.target.value for port in stage.exposed if isinstance(port.target, Known)] == [80]
    assert isinstance(stage.command, Known)
    assert stage.command.value == Command(("x",))


def test_the_default_user_of_a_listed_base_is_known_at_the_from() -> None:
    text = "FROM node:22-slim\nRUN true\n"
    stage = last(text)
    assert told(text, stage.user) == ("root", "FROM node:22-slim")
    assert stage.user.via[0].what == "default of node"
    assert told(text, stage.libc) == ("glibc", "FROM node:22-slim")


def test_the_user_of_an_unlisted_base_is_unknown() -> None:
    stage = last("FROM ghcr.io/acme/base\n")
    assert isinstance(stage.user, Unknown)
    assert "ghcr.io/acme/base" in stage.user.reason
    assert last("FROM ghcr.io/acme/base\nUSER node\n").user == Known("node", Span("Dockerfile", 28, 32))


def test_an_argument_before_from_names_the_image_and_is_the_place_to_edit() -> None:
    text = 'ARG TAG=22\nARG IMAGE="node:${TAG}-slim"\nFROM ${IMAGE}\n'
    stage = last(text)
    assert base(stage) == "node:22-slim"
    assert text[stage.base.span.start : stage.base.span.end] == "node:${TAG}-slim"
    assert [(step.what, text[step.span.start : step.span.end]) for step in stage.base.via] == [
        ("${IMAGE}", "${IMAGE}"),
        ("TAG", "22"),
    ]


def test_a_build_argument_beats_the_default() -> None:
    stage = last("ARG TAG=22\nFROM node:$TAG\n", TAG="20")
    assert base(stage) == "node:20"
    stage = last("ARG IMAGE=a\nFROM $IMAGE\n", IMAGE="node:18")
    assert stage.base.span == Span("compose.yaml", 5, 6)


def test_an_argument_before_from_reaches_a_stage_only_when_declared_in_it() -> None:
    text = "ARG A=1\nFROM alpine\nENV BEFORE=x$A\nARG A\nENV AFTER=x$A\n"
    assert environment(last(text)) == {"BEFORE": "x", "AFTER": "x1"}


def test_an_argument_ends_with_its_stage_and_env_does_not() -> None:
    text = "FROM alpine AS a\nARG A=1\nENV E=$A\nFROM a\nENV F=$A$E\n"
    assert environment(last(text)) == {"E": "1", "F": "1"}


def test_env_beats_an_argument_of_the_same_name() -> None:
    assert environment(last("FROM alpine\nENV A=env\nARG A=arg\nENV B=$A\n", A="given"))["B"] == "env"


def test_all_values_of_one_env_see_the_variables_before_it() -> None:
    assert environment(last("FROM alpine\nENV A=old\nENV A=new B=$A\n")) == {"A": "new", "B": "old"}


def test_a_variable_that_the_base_image_sets_is_unknown() -> None:
    stage = last("FROM node:22\nENV PATH=/x:$PATH V=$NODE_VERSION W=$NOTHING\n")
    values = {each.key: each.value for each in stage.environment}
    assert isinstance(values["PATH"], Unknown)
    assert isinstance(values["V"], Unknown)
    assert values["W"] == Known("", values["W"].span)
    opened = last("FROM acme/base\nENV W=$NOTHING X=${N:+y}\n")
    assert all(isinstance(each.value, Unknown) for each in opened.environment)


def test_the_platform_arguments_are_unknown_until_a_build_names_them() -> None:
    text = "FROM --platform=$BUILDPLATFORM node:22\nARG TARGETARCH\nENV A=$TARGETARCH\n"
    stage = last(text)
    assert isinstance(stage.platform, Unknown)
    assert isinstance(stage.environment[0].value, Unknown)
    assert environment(last(text, TARGETARCH="arm64")) == {"A": "arm64"}
    text = "FROM --platform=linux/amd64 node:22\n"
    assert told(text, last(text).platform) == ("linux/amd64", "linux/amd64")


def test_entrypoint_resets_an_inherited_command_but_not_its_own() -> None:
    assert isinstance(last('FROM node:22\nENTRYPOINT ["a"]\n').command, Absent)
    stage = last('FROM node:22\nCMD ["b"]\nENTRYPOINT ["a"]\n')
    assert isinstance(stage.command, Known)
    assert stage.command.value == Command(("b",))
    assert isinstance(last('FROM alpine AS a\nCMD b\nFROM a\nENTRYPOINT ["c"]\n').command, Absent)


def test_the_commands_of_a_listed_base_are_known() -> None:
    stage = last("FROM node:22\n")
    assert isinstance(stage.entrypoint, Known)
    assert isinstance(stage.command, Known)
    assert (stage.entrypoint.value.words, stage.command.value.words) == (("docker-entrypoint.sh",), ("node",))


@pytest.mark.parametrize(
    ("shell", "read"),
    [('["/bin/bash", "-ec"]', True), ('["powershell", "-Command"]', False), ('["python3", "-c"]', False)],
)
def test_what_another_shell_runs_is_not_read_as_this_one(shell: str, *, read: bool) -> None:
    (first, *more) = last(
        f"FROM node:22\nRUN apt-get install -y curl\nSHELL {shell}\nRUN apt-get install -y wget\n"
    ).packages
    assert first == Known("curl", first.span)
    assert [isinstance(each, Known) and each.value for each in more] == ["wget"] * read


def test_shell_form_is_one_word() -> None:
    text = "FROM alpine\nCMD exec node \\\n  server.js\n"
    command = last(text).command
    assert isinstance(command, Known)
    assert command.value == Command(("exec node   server.js",), shell=True)


def test_healthchecks_of_both_forms_and_none() -> None:
    text = "FROM alpine\nHEALTHCHECK --interval=5s --retries=3 CMD wget -q http://x || exit 1\n"
    check = last(text).healthcheck
    assert check is not None
    assert isinstance(check.test, Known)
    assert check.test.value.words == ("wget -q http://x || exit 1",)
    assert text[check.test.span.start : check.test.span.end] == "wget -q http://x || exit 1"
    assert told(text, check.interval) == ("5s", "5s")
    json = last('FROM alpine\nHEALTHCHECK CMD ["node", "-e", "1"]\n').healthcheck
    assert json is not None
    assert isinstance(json.test, Known)
    assert json.test.value == Command(("node", "-e", "1"))
    off = last("FROM alpine AS a\nHEALTHCHECK CMD x\nFROM a\nHEALTHCHECK NONE\n").healthcheck
    assert off is not None
    assert off.disabled


def test_exposed_ports_ranges_and_protocols() -> None:
    text = "FROM alpine\nARG P=9000\nEXPOSE 80 53/udp 3000-3002 $P\nEXPOSE 80/tcp\n"
    found = [(port.target.value, port.protocol) for port in last(text).exposed if isinstance(port.target, Known)]
    assert found == [(53, "udp"), (3000, "tcp"), (3001, "tcp"), (3002, "tcp"), (9000, "tcp"), (80, "tcp")]


def test_an_onbuild_runs_in_the_stage_on_top() -> None:
    found = lowered("FROM alpine AS a\nONBUILD USER app\nONBUILD ENV X=1\nFROM a\nFROM alpine\n")
    assert isinstance(found[0].user, Known)
    assert isinstance(found[1].user, Known)
    assert (found[0].user.value, found[1].user.value) == ("root", "app")
    assert environment(found[1]) == {"X": "1"}


def test_copies_know_their_stage_and_owner() -> None:
    text = (
        "ARG W=1\nFROM node:22 AS build\nFROM alpine\nARG W\nCOPY --from=0 --chown=node:$W /a /b /c/\n"
        "COPY --from=build x y\nCOPY --from=nginx:1 p q\nADD . .\n"
    )
    assert [(each.sources, each.target, each.stage, each.owner) for each in last(text).copies] == [
        (("/a", "/b"), "/c/", "build", "node:1"),
        (("x",), "y", "build", ""),
        (("p",), "q", "nginx:1", ""),
        ((".",), ".", "", ""),
    ]


def test_a_copy_of_what_only_a_build_knows_is_not_decided() -> None:
    (copy,) = last(
        "FROM alpine\nARG TARGETARCH\nCOPY --chown=$TARGETARCH:1 a app-${TARGETARCH} /srv/$TARGETARCH\n"
    ).copies
    assert copy.sources[0] == "a"
    for part in (copy.sources[1], copy.target, copy.owner):
        assert isinstance(part, Unknown)


@pytest.mark.parametrize(
    ("run", "packages"),
    [
        ("apt-get update && apt-get install -y --no-install-recommends curl=7.88* git && rm -rf /x", ["curl", "git"]),
        ("apt-get -o Dpkg::Use-Pty=0 -y install curl", ["curl"]),
        ("apk add --no-cache --virtual .deps 'curl>8' bash~=5", ["curl", "bash"]),
        ("set -eux; \\\n  apk add curl; \\\n  # why\n  apk del x", ["curl"]),
        ("npm install -g pnpm@9 @nestjs/cli@10", ["pnpm", "@nestjs/cli"]),
        ("npm install express", []),
        ("npm ci", []),
        ("if true; then apt-get install -y postgresql-16-pgvector; fi", ["postgresql-16-pgvector"]),
        ("git clone --branch v0.8.0 https://github.com/pgvector/pgvector.git && make install", ["pgvector"]),
        ('["apt-get", "install", "-y", "curl"]', ["curl"]),
        ("<<EOF\napt-get update\napt-get install -y curl\nEOF", ["curl"]),
        ("bash -c 'apt-get install -y curl'", []),
        ("microdnf install -y nmap-ncat", ["nmap-ncat"]),
    ],
)
def test_packages_that_a_run_installs(run: str, packages: list[str]) -> None:
    text = f"FROM alpine\nRUN {run}\n"
    found = last(text).packages
    assert [each.value for each in found if isinstance(each, Known)] == packages
    for each in found:
        if packages != ["pgvector"]:
            assert told(text, each)[0] == told(text, each)[1]


def test_a_package_named_by_the_major_of_the_base() -> None:
    text = "FROM postgres:16.4\nRUN apt-get install -y postgresql-$PG_MAJOR-pgvector\n"
    assert [each.value for each in last(text).packages if isinstance(each, Known)] == ["postgresql-16-pgvector"]


def test_the_user_of_microsofts_images_by_its_number() -> None:
    found = last("FROM mcr.microsoft.com/dotnet/aspnet:10.0-alpine\nUSER $APP_UID\n").user
    assert isinstance(found, Known)
    assert found.value == "1654"


def test_a_package_that_a_shell_variable_names_is_unknown() -> None:
    (package,) = last("FROM alpine\nRUN X=curl; apk add $X\n").packages
    assert isinstance(package, Unknown)


@pytest.mark.parametrize(
    ("run", "users"),
    [
        ("adduser -D -u 1001 app", {"app": "1001"}),
        ("useradd --uid 1001 --gid 0 -m app", {"app": "1001"}),
        ("addgroup --system --gid 1001 nodejs && adduser --system --uid 1002 nextjs", {"nextjs": "1002"}),
        ("adduser -S app -G app", {"app": ""}),
        ("groupadd -r app && useradd -r -g app -u ${UID} app", {"app": "1234"}),
        ("useradd -ms /bin/bash app", {"app": ""}),
        ("usermod -u 2000 node", {"node": "2000"}),
    ],
)
def test_users_that_a_run_creates(run: str, users: dict[str, str]) -> None:
    stage = last(f"FROM alpine\nARG UID=1234\nRUN {run}\n")
    assert {
        each.key: each.value.value if isinstance(each.value, Known) else "" for each in stage.users_created
    } == users


def test_tools_are_those_of_the_base_and_of_installed_packages() -> None:
    assert last("FROM node:22-slim\n").tools == Known(("bash", "sh"), Span("Dockerfile", 0, 17))
    tools = last("FROM node:22-slim\nRUN apt-get install -y curl\n").tools
    assert isinstance(tools, Known)
    assert tools.value == ("bash", "curl", "sh")
    assert last("FROM acme/base\n").tools is None


def test_a_named_context_replaces_the_image() -> None:
    found = stages(
        read(Source("Dockerfile", "FROM base\n")), {}, {"base": Unknown("another service's image", Span("c", 0, 1))}
    )
    assert isinstance(found[0].base, Unknown)
    assert found[0].base.reason == "another service's image"


def test_a_word_that_cannot_be_expanded_is_unknown() -> None:
    stage = last("FROM alpine\nUSER ${U?must be set}\n")
    assert isinstance(stage.user, Unknown)
    assert "must be set" in stage.user.reason


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Dockerfile", True),
        ("a/Dockerfile.production", True),
        ("api.Dockerfile", True),
        ("Containerfile", True),
        ("dockerfile", True),
        ("Dockerfile-dev", True),
        ("Dockerfile.dockerignore", False),
        ("Dockerfile.j2", False),
        ("dockerfile.py", False),
        ("Dockerfile.md", False),
        ("MyDockerfiles/x", False),
    ],
)
def test_which_names_are_dockerfiles(path: str, *, expected: bool) -> None:
    assert is_dockerfile(path) is expected


@pytest.mark.parametrize(
    "text",
    [
        "FROM alpine\n" + "ENV A=$A$A$A$A\n" * 20_000,
        "FROM alpine\nENV A=" + "x" * 100_000 + "\n" + "ENV B=$A$A\n" * 20_000,
        "FROM alpine\n" + "".join(f"ENV A{n}=$A{n - 1}x\n" for n in range(20_000)),
        "FROM alpine AS s0\n" + "".join(f"FROM s{n} AS s{n + 1}\nENV A{n}=1\n" for n in range(10_000)),
        "FROM alpine\n" + "EXPOSE 1-65535\n" * 20_000,
        "FROM alpine\nEXPOSE " + "1-65535 " * 50_000,
        "FROM alpine\nRUN " + "a && " * 80_000 + "b",
        "FROM alpine\n" + "ONBUILD ONBUILD RUN x\n" * 15_000,
        "FROM alpine\nRUN " + "$(" * 100_000,
        "ARG A=" + "y" * 300_000 + "\nFROM ${A//y/yyyyyyyy}\n",
        "FROM alpine\nENV A=" + "a" * 20_000 + "\nENV B=${A//" + "*a" * 2_000 + "/x}\n",
    ],
    ids=range(11),
)
def test_hostile_dockerfiles_are_lowered_to_their_end(text: str) -> None:
    assert stages(read(Source("Dockerfile", text)), {}) is not None


def test_floating_arguments_are_used() -> None:
    found = stages(read(Source("Dockerfile", "ARG V\nFROM node:$V\n")), {"V": Floating("22", Span("c", 0, 2))})
    assert base(found[0]) == "node:22"


def test_stages_beyond_the_limit_are_a_problem_with_its_place() -> None:
    text = "FROM alpine:3.20\n" * 301
    found = lower("Dockerfile", Memory({"Dockerfile": text}))
    assert len(found.nodes) == 300
    assert [(problem.message, problem.span.start) for problem in found.problems] == [
        ("there are over 300 stages", 300 * len("FROM alpine:3.20\n"))
    ]


def test_a_dockerfile_of_another_frontend_is_left_aside_and_said(tmp_path: Path) -> None:
    """`# syntax=` may name a frontend with instructions of its own; BuildKit runs it as an image, and we do not."""
    plus = "# syntax = edrevo/dockerfile-plus\nINCLUDE+ ./setup.Dockerfile\nFROM node:22\n"
    own = "# syntax=mirror.example.org:5000/docker/dockerfile:1.7-labs\nFROM node:22\nNOPE x\n"
    readable = "# syntax=ghcr.io/acme/frontend:1\nFROM node:22\n"
    report = scan(tmp_path, {"plus.Dockerfile": plus, "own.Dockerfile": own, "readable.Dockerfile": readable})
    assert [(each.what, each.chosen, each.reason) for each in report.graph.choices] == [
        ("Dockerfile left aside", "plus.Dockerfile", "it is written for the frontend 'edrevo/dockerfile-plus'")
    ]
    assert [each.span.path for each in report.failures if each.span is not None] == ["own.Dockerfile"]
    assert {each.dockerfile for each in report.graph.all(Stage)} == {"own.Dockerfile", "readable.Dockerfile"}
