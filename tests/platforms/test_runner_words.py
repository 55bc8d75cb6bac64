"""Every option and file name of task runners, package managers and shells by which scripts are followed, asked once."""

from __future__ import annotations

import pytest

from policyengine.model.nodes import Job, Step
from policyengine.platforms.github import workflows
from policyengine.testing.memory import Memory

CI = ".github/workflows/ci.yml"
E2E = "playwright test"
MAKE = f"e2e:\n\t{E2E}\n"
JUST = f"e2e:\n  {E2E}\n"
TASK = f'version: "3"\ntasks:\n  e2e: {{cmds: [{E2E}]}}\n'
PACKAGE = f'{{"name": "web", "scripts": {{"e2e": "{E2E}"}}}}'


def ran(line: str, files: dict[str, str]) -> tuple[Step, ...]:
    workflow = f"on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          {line}\n"
    tree = Memory({CI: workflow, **files})
    (job,) = [each for each in workflows.lower(CI, tree).nodes if isinstance(each, Job)]
    return job.steps


def followed(line: str, files: dict[str, str]) -> list[str]:
    """The files in which the tests that a line leads to stand; why there may be more."""
    (step,) = ran(line, files)
    return [each.span.path for each in step.activities] + ([step.gap.reason] if step.gap is not None else [])


@pytest.mark.parametrize(
    ("line", "path", "text"),
    [
        ("make e2e", "Makefile", MAKE), ("make", "Makefile", MAKE), ("gmake e2e", "GNUmakefile", MAKE), ("make e2e", "makefile", MAKE),
        ("make -C app e2e", "app/Makefile", MAKE), ("make -Capp e2e", "app/Makefile", MAKE), ("make --directory app e2e", "app/Makefile", MAKE), ("make --directory=app e2e", "app/Makefile", MAKE),
        ("make -f other.mk e2e", "other.mk", MAKE), ("make --file other.mk e2e", "other.mk", MAKE), ("make --makefile=other.mk e2e", "other.mk", MAKE), ("make -j 4 e2e", "Makefile", MAKE),
        ("make e2e WHAT=playwright", "Makefile", "e2e:\n\t$(WHAT) test\n"), ("WHAT=playwright make e2e", "Makefile", "e2e:\n\t$(WHAT) test\n"),
        ("cd app && make e2e", "app/Makefile", MAKE), ("pushd app && make e2e", "app/Makefile", MAKE),
        ("just e2e", "justfile", JUST), ("just", "justfile", JUST), ("just e2e", ".justfile", JUST), ("just e2e", "Justfile", JUST), ("just e2e", "JUSTFILE", JUST), ("cd app && just e2e", "justfile", JUST),
        ("just -f app/justfile e2e", "app/justfile", JUST), ("just --justfile app/x.just e2e", "app/x.just", JUST), ("just -d app -f app/justfile e2e", "app/justfile", JUST),
        ("just --working-directory app --justfile app/justfile e2e", "app/justfile", JUST), ("just what=playwright e2e", "justfile", "what := 'x'\ne2e:\n  {{what}} test\n"),
        ("just --set what playwright e2e", "justfile", "what := 'x'\ne2e:\n  {{what}} test\n"),
        ("task e2e", "Taskfile.yml", TASK), ("task e2e", "taskfile.yaml", TASK), ("cd app && task e2e", "Taskfile.yml", TASK), ("task -d app e2e", "app/Taskfile.yml", TASK), ("task --dir app e2e", "app/Taskfile.yml", TASK),
        ("task -t x.yml e2e", "x.yml", TASK), ("task --taskfile x.yml e2e", "x.yml", TASK), ("task e2e WHAT=playwright", "Taskfile.yml", 'version: "3"\ntasks:\n  e2e: {cmds: ["{{.WHAT}} test"]}\n'),
        ("task e2e -- test", "Taskfile.yml", 'version: "3"\ntasks:\n  e2e: {cmds: ["playwright {{.CLI_ARGS}}"]}\n'),
        ("composer run e2e", "composer.json", f'{{"scripts": {{"e2e": "{E2E}"}}}}'), ("composer run-script e2e", "composer.json", f'{{"scripts": {{"e2e": ["@{E2E}"]}}}}'),
        ("composer -d app run e2e", "app/composer.json", f'{{"scripts": {{"e2e": "{E2E}"}}}}'), ("composer run --working-dir app e2e", "app/composer.json", f'{{"scripts": {{"e2e": "{E2E}"}}}}'),
        ("tox -e e2e", "tox.ini", f"[testenv:e2e]\ncommands = {E2E}\n"), ("tox", "tox.ini", f"[testenv]\ncommands =\n  {E2E} {{posargs:x}}\n"),
        ("poe e2e", "pyproject.toml", f'[tool.poe.tasks.e2e]\nshell = "{E2E}"\n'), ("poetry run poe e2e", "pyproject.toml", f'[tool.poe.tasks]\ne2e = {{ composite = ["{E2E}"] }}\n'),
        ("pdm run e2e", "pyproject.toml", f'[tool.pdm.scripts]\ne2e = {{ cmd = "{E2E}" }}\n'), ("hatch run e2e", "pyproject.toml", f'[tool.hatch.envs.default.scripts]\ne2e = "{E2E}"\n'),
        ("hatch run x:e2e", "pyproject.toml", f'[tool.hatch.envs.x.scripts]\ne2e = "{E2E}"\n'), ("task e2e", "pyproject.toml", f'[tool.taskipy.tasks]\ne2e = "{E2E}"\n'),
        *((f"{manager} run e2e", "package.json", PACKAGE) for manager in ("npm", "pnpm", "yarn", "bun")), ("npm run-script e2e", "package.json", PACKAGE), ("npm rum e2e", "package.json", PACKAGE), ("npm urn e2e", "package.json", PACKAGE),
        ("yarn e2e", "package.json", PACKAGE), ("pnpm e2e", "package.json", PACKAGE), ("cd app && npm run e2e", "app/package.json", PACKAGE), ("cd app/deep && npm run e2e", "app/package.json", PACKAGE),
        ("npm --prefix app run e2e", "app/package.json", PACKAGE), ("npm run e2e --prefix app", "app/package.json", PACKAGE), ("pnpm -C app run e2e", "app/package.json", PACKAGE), ("pnpm --dir app run e2e", "app/package.json", PACKAGE), ("yarn --cwd app run e2e", "app/package.json", PACKAGE),
        ("npm run e2e -w web", "app/package.json", PACKAGE), ("npm run e2e --workspace web", "app/package.json", PACKAGE), ("npm run e2e --workspace=app", "app/package.json", PACKAGE), ("pnpm --filter web e2e", "app/package.json", PACKAGE), ("pnpm -F web e2e", "app/package.json", PACKAGE),
        ("pnpm --filter ./app e2e", "app/package.json", PACKAGE), ("pnpm --filter web... e2e", "app/package.json", PACKAGE), ("pnpm --filter {app} e2e", "app/package.json", PACKAGE), ("yarn workspace web e2e", "app/package.json", PACKAGE),
        ("pnpm -r e2e", "app/package.json", PACKAGE), ("pnpm --recursive run e2e", "app/package.json", PACKAGE), ("npm run e2e --workspaces", "app/package.json", PACKAGE), ("npm run e2e -ws", "app/package.json", PACKAGE), ("pnpm -r --parallel e2e", "app/package.json", PACKAGE), ("yarn workspaces run e2e", "app/package.json", PACKAGE),
        ("cd app && pnpm -w e2e", "package.json", PACKAGE), ("cd app && pnpm --workspace-root e2e", "package.json", PACKAGE),
        ("turbo run e2e", "app/package.json", PACKAGE), ("turbo e2e --filter=web", "app/package.json", PACKAGE), ("turbo run e2e -F web", "app/package.json", PACKAGE), ("nx run web:e2e", "app/package.json", PACKAGE), ("nx e2e web", "app/package.json", PACKAGE), ("nx run-many -t e2e", "app/package.json", PACKAGE),
        ("nx run-many --target e2e", "app/package.json", PACKAGE), ("nx affected --targets e2e", "app/package.json", PACKAGE), ("lerna run e2e", "app/package.json", PACKAGE), ("lerna run e2e --scope web", "app/package.json", PACKAGE),
        ("bash run.sh", "run.sh", E2E), ("sh ./run.sh", "run.sh", E2E), ("./run.sh", "run.sh", E2E), ("./run", "run", f"#!/bin/bash\n{E2E}"), ("./run.zsh", "run.zsh", f"#!/usr/bin/env zsh\n{E2E}"), ("source run.sh", "run.sh", E2E), (". ./run.env", "run.env", E2E),
        ("${GITHUB_WORKSPACE}/run.sh", "run.sh", E2E), ("$GITHUB_WORKSPACE/run.sh", "run.sh", E2E), ("bash ${{ github.workspace }}/run.sh", "run.sh", E2E), ("bash -x run.sh", "run.sh", E2E), ("./run.ksh", "run.ksh", E2E), ("./run.bash", "run.bash", E2E),
    ],
)  # fmt: skip
def test_a_line_leads_to_the_tests_in_a_file(line: str, path: str, text: str) -> None:
    assert followed(line, {path: text}) == [path]


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("make gone", {"Makefile": MAKE}, ["the target 'gone' is not in the Makefile"]),
        ("make e2e", {}, ["the Makefile is not in the tree"]),
        ("make -C $WHERE e2e", {"Makefile": MAKE}, ["where make runs is not known"]),
        ("make e2e", {"Makefile": f"SHELL = python3\n{MAKE}"}, ["a Makefile for python3 is not read"]),
        ("make -n e2e", {"Makefile": MAKE}, []),
        ("just gone", {"justfile": JUST}, ["the recipe 'gone' is not in the justfile"]),
        ("just e2e", {}, ["the justfile is not in the tree"]),
        ("just --list", {"justfile": JUST}, []),
        ("task e2e", {}, ["the Taskfile is not in the tree"]),
        ("task e2e", {"Taskfile.yml": "["}, ["the Taskfile cannot be read"]),
        ("composer run gone", {"composer.json": "{}"}, ["the package script 'gone' is not in the tree"]),
        ("composer run gone", {"composer.json": "{"}, ["the package script 'gone' is not in the tree"]),
        ("tox -e gone", {}, ["the package script 'gone' is not in the tree"]),
        ("tox", {"tox.ini": "["}, ["the package script 'tox' is not in the tree"]),
        ("nox -s a", {}, ["the package script 'a' is not read"]),
        ("nox --session a", {}, ["the package script 'a' is not read"]),
        ("nox --sessions a", {}, ["the package script 'a' is not read"]),
        ("nox -e a", {}, ["the package script 'a' is not read"]),
        ("nox", {}, ["the package script 'nox' is not read"]),
        ("poe gone", {"pyproject.toml": "[tool.poe.tasks]\n"}, ["the package script 'gone' is not in the tree"]),
        ("poe gone", {"pyproject.toml": "["}, ["the package script 'gone' is not in the tree"]),
        ("npm run gone", {"package.json": "["}, ["the package script 'gone' is not in the tree"]),
        ("yarn gone", {"package.json": PACKAGE}, []),
        ("npm run gone -w web", {"package.json": PACKAGE}, []),
        ("bash gone.sh", {}, ["the script gone.sh is not in the tree"]),
        ("./gone.sh", {}, ["the script ./gone.sh is not in the tree"]),
        ("source gone.sh", {}, []),
        ("/opt/gone.sh", {}, []),
        ("~/gone.sh", {}, []),
        ("bash $HOME/gone.sh", {}, []),
        ("bash ${RUNNER_TEMP}/gone.sh", {}, []),
        ("bash <(curl https://example.com)", {}, []),
        ("bash https://example.com/x.sh", {}, []),
        ("./run.py", {"run.py": "print(1)"}, ["what ./run.py does is not known"]),
        ("./run.sh", {"run.sh": f"#!/usr/bin/env node\n{E2E}"}, ["what ./run.sh does is not known"]),
        ("docker exec app ./run.sh", {"run.sh": E2E}, ["run.sh"]),
        ("docker exec app ./run.sh", {"a/run.sh": E2E, "b/run.sh": E2E}, []),
        ("ssh host ./run.sh", {"run.sh": E2E}, []),
    ],
)
def test_what_a_line_leads_to_is_missing_or_nothing(line: str, files: dict[str, str], expected: list[str]) -> None:
    assert followed(line, files) == expected


@pytest.mark.parametrize(
    ("line", "remote"),
    [
        ("docker compose up -d", False), ("docker -H ssh://h compose up -d", True), ("docker --host tcp://h compose up -d", True), ("docker -H unix:///x compose up -d", False),
        ("docker -c far compose up -d", True), ("docker --context far compose up -d", True), ("docker --context default compose up -d", False), ("docker -c desktop-linux compose up -d", False),
        ("DOCKER_HOST=ssh://h docker compose up -d", True), ("DOCKER_HOST=unix:///x docker compose up -d", False), ("ssh h docker compose up -d", True), ("ssh h 'docker compose up -d'", True),
    ],
)  # fmt: skip
def test_where_docker_works(line: str, remote: bool) -> None:
    (step,) = ran(line, {})
    assert [type(each).__name__ for each in step.activities] == (["Deploy"] if remote else ["ComposeUp"])


@pytest.mark.parametrize(
    ("line", "files", "forgiven"),
    [
        ("playwright test", {}, False), ("playwright test || true", {}, True), ("playwright test || exit 1", {}, False), ("! playwright test", {}, False), ("if playwright test; then echo; fi", {}, False), ("playwright test &", {}, False),
        ("playwright test | tee log", {}, True), ("playwright test; echo", {}, False), ("make e2e", {"Makefile": "e2e:\n\t-playwright test\n"}, True), ("make -i e2e", {"Makefile": MAKE}, True), ("make --ignore-errors e2e", {"Makefile": MAKE}, True), ("make -ki e2e", {"Makefile": MAKE}, True),
        ("just e2e", {"justfile": "e2e:\n  -playwright test\n"}, True), ("bash run.sh", {"run.sh": "playwright test\necho"}, True), ("bash -e run.sh", {"run.sh": "playwright test\necho"}, False), ("./run.sh", {"run.sh": "#!/bin/sh -e\nplaywright test\necho"}, False),
        ("bash run.sh", {"run.sh": "#!/bin/sh -e\nplaywright test\necho"}, True), ("bash run.sh", {"run.sh": "set -e\nplaywright test\necho"}, False), ("./run.sh", {"run.sh": "playwright test"}, False), ("bash -c 'playwright test; echo'", {}, True), ("bash -ec 'playwright test; echo'", {}, False),
    ],
)  # fmt: skip
def test_whether_a_failure_is_forgiven(line: str, files: dict[str, str], forgiven: bool) -> None:
    (step,) = ran(line, files)
    assert [getattr(each, "forgiven", None) for each in step.activities] == [forgiven]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("export WHAT=playwright\n          make e2e", ["Makefile"]),
        ("declare -x WHAT=playwright\n          make e2e", ["Makefile"]),
        ("typeset -x WHAT=playwright\n          make e2e", ["Makefile"]),
        ("export OTHER=1 WHAT=playwright\n          make e2e", ["Makefile"]),
        ("export WHAT='playwright'\n          make e2e", ["Makefile"]),
        ("export WHAT=eslint\n          make e2e", []),
        ("export WHAT=playwright WHAT=eslint\n          make e2e", []),
        ("set WHAT=playwright\n          make e2e", []),
    ],
)
def test_a_script_gives_what_it_exports_to_what_it_starts(line: str, expected: list[str]) -> None:
    assert followed(line, {"Makefile": "e2e:\n\t$(WHAT) test\n"}) == expected


@pytest.mark.parametrize("value", ["$(cat what)", "$MADE", "${MADE:-x}", "`cat what`"])
def test_what_is_made_when_a_script_runs_is_not_taken_for_what_it_was(value: str) -> None:
    line = f"export WHAT=playwright\n          export WHAT={value}\n          make e2e"
    assert followed(line, {"Makefile": "e2e:\n\t$(WHAT) test\n"}) == []
