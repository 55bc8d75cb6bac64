"""Taskfiles: what `task name` runs, and where it stands (the Taskfile schema reference)."""

from __future__ import annotations

import pytest

from policyengine.model.source import ReadError, Source
from policyengine.model.value import Unknown
from policyengine.syntax import taskfile
from policyengine.syntax.environment import Environment

TEXT = """\
version: '3'
vars:
  COMPOSE: docker compose
  SHA: {sh: git rev-parse HEAD}
includes:
  e2e:
    taskfile: ./e2e
    vars: {RUNNER: playwright}
tasks:
  default: task up
  up:
    aliases: [start]
    deps: [build]
    cmds:
      - "{{.COMPOSE}} up -d {{.CLI_ARGS}}"
      - task: e2e:test
      - cmd: docker compose logs
        ignore_error: true
      - defer: docker compose down
  build:
    dir: app
    cmd: docker build -t app:{{.TAG | default "dev"}}-{{.SHA}} .
  deploy-*:
    cmds: ["terraform apply {{.ITEM}} {{.MATCH}}"]
  loop:
    cmds:
      - for: [a, b]
        cmd: run {{.ITEM}}
  maybe:
    cmds: ["{{if .CI}}up{{else}}down{{end}}"]
  windows:
    platforms: [windows]
    cmds: [dir]
"""
E2E = "version: '3'\ntasks:\n  test: {cmds: ['npx {{.RUNNER}} test', {task: clean}]}\n  clean: [rm -r out]\n"


def lines(name: str, **given: str) -> list[tuple[str, str]]:
    files = {"e2e/Taskfile.yml": E2E}
    tasks = taskfile.read(
        Source("Taskfile.yml", TEXT),
        Environment({"RUNNER_OS": "Linux"}, closed=True),
        given,
        lambda path: Source(path, files[path.removeprefix("./")]) if path.removeprefix("./") in files else None,
    )
    return [
        ("gap", line.reason)
        if isinstance(line, Unknown)
        else (line.directory.removeprefix("./"), ("-" if line.ignored else "") + line.text.written)
        for line in tasks.order(name)
    ]


def test_dependencies_and_called_tasks_run_in_their_own_folders() -> None:
    assert lines("start", CLI_ARGS="--wait") == [
        ("app", "docker build -t app:dev-${SHA} ."),
        ("", "docker compose up -d --wait"),
        ("e2e", "npx playwright test"),
        ("e2e", "rm -r out"),
        ("", "-docker compose logs"),
        ("", "-docker compose down"),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deploy-prod", [("", "terraform apply  prod")]),
        ("loop", [("", "run a"), ("", "run b")]),
        ("maybe", [("gap", "a template decides what the task 'maybe' runs")]),
        ("windows", []),
        ("none", [("gap", "the task 'none' is not in the Taskfile")]),
        ("default", [("", "task up")]),
    ],
)
def test_tasks_of_every_form_are_read(name: str, expected: list[tuple[str, str]]) -> None:
    assert lines(name) == expected


def test_variables_of_the_command_line_win() -> None:
    assert lines("build", TAG="v1", SHA="abc") == [("app", "docker build -t app:v1-abc .")]


def test_a_variable_that_nothing_sets_is_kept_within_a_word() -> None:
    tasks = taskfile.read(
        Source("Taskfile.yml", "tasks: {a: {cmd: 'run {{.A}} app:{{.A}}'}}\n"),
        Environment(closed=True),
        {},
        lambda _: None,
    )
    assert [line.text.written for line in tasks.order("a") if isinstance(line, taskfile.TaskCommand)] == [
        "run  app:${A}"
    ]


def test_the_text_of_a_command_stands_where_it_is_written() -> None:
    source = Source("Taskfile.yml", TEXT)
    tasks = taskfile.read(source, Environment(), {}, lambda _: None)
    up = [line for line in tasks.order("up") if isinstance(line, taskfile.TaskCommand)][1]
    at = up.text.written.index("up -d")
    assert source.slice(up.text.span(at, at + 5)) == "up -d"


def test_tasks_that_call_one_another_end() -> None:
    text = "tasks:\n  a: {cmds: [{task: b}, one]}\n  b: {cmds: [{task: a}, two]}\n"
    tasks = taskfile.read(Source("Taskfile.yml", text), Environment(), {}, lambda _: None)
    assert [line.text.written for line in tasks.order("a") if isinstance(line, taskfile.TaskCommand)] == ["two", "one"]


def test_a_file_of_another_shape_is_told() -> None:
    with pytest.raises(ReadError):
        taskfile.read(Source("Taskfile.yml", "- a\n"), Environment(), {}, lambda _: None)
    for text in ("tasks: 1\n", "tasks: {a: {cmds: {b: c}, deps: 1}}\n", "includes: {a: [b]}\ntasks: {a: null}\n"):
        tasks = taskfile.read(Source("Taskfile.yml", text), Environment(), {}, lambda _: None)
        assert not [
            line for line in tasks.order("a") if isinstance(line, taskfile.TaskCommand) and not line.text.written
        ]
