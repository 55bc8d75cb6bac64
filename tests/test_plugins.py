"""Plug-ins: what each hook does, and that a broken one stops the run with one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from msgspec.structs import replace

from policyengine import cli, engine, extend, plugins
from policyengine.hooks import Specification
from policyengine.model.source import UsageError
from policyengine.repository import discover
from policyengine.testing import Case, Memory, check, load_cases, read_reference

ROOT = Path(__file__).parent.parent
PROCFILE = ROOT / "fixtures" / "extensions" / "procfile"
MODULE = PROCFILE / "policyengine_procfile.py"
CASES = load_cases(PROCFILE / "cases" / "PROC001.yaml")

HEAD = "from policyengine.extend import *\nfrom policyengine.extend import hookimpl\n"


def written(folder: Path, text: str, name: str = "odd_plugin") -> str:
    (folder / f"{name}.py").write_text(HEAD + text, "utf-8")
    sys.modules.pop(name, None)
    return str(folder / f"{name}.py")


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


# the example of a platform


@pytest.fixture(scope="module")
def procfile() -> plugins.Plugins:
    found = plugins.load([str(MODULE)])
    return replace(found, packs=tuple(pack for pack in found.packs if pack.name == "procfile"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_platform_of_a_stranger_brings_nodes_and_a_rule(
    case: Case, procfile: plugins.Plugins, tmp_path: Path
) -> None:
    check(case, read_reference(PROCFILE / "reference"), tmp_path / "tree", procfile, strict=True)


def test_nodes_of_a_type_of_a_stranger_stand_exactly_where_they_are_written(procfile: plugins.Plugins) -> None:
    (platform,) = (each for each in procfile.platforms if each.name == "procfile")
    text = "# foreman\nweb:  node server.js \r\nnot a process\nworker:sleep 1"
    files = Memory({"api/Procfile": text, "Procfile.txt": "web: x"})
    (unit,) = platform.units(files, extend.Settings(extend.NoPart()))
    found = [(node.id, files.at(node.span), files.at(node.command.span)) for node in unit.read(files).nodes]  # type: ignore[attr-defined]
    assert found == [
        ("procfile:api/Procfile#web", "web", "node server.js"),
        ("procfile:api/Procfile#worker", "worker", "sleep 1"),
    ]


def test_the_graph_exports_the_node_type_of_a_stranger_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run("graph", str(PROCFILE / "reference"), "--pack", str(MODULE), capsys=capsys)
    nodes = {node["id"]: node for node in json.loads(out)["nodes"]}
    assert (code, err, nodes["procfile:Procfile#web"]["type"]) == (0, "", "Process")
    assert nodes["procfile:Procfile#web"]["place"]["start"] == {"line": 2, "column": 1}


def test_the_example_platform_takes_at_most_120_lines() -> None:
    assert len(MODULE.read_text("utf-8").splitlines()) <= 120


@pytest.mark.install
def test_the_example_platform_installs_and_is_found(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    program = str(tmp_path / "env" / "bin")
    install = [f"{program}/pip", "install", "-q", "--disable-pip-version-check", str(ROOT), str(PROCFILE)]
    subprocess.run(install, check=True, capture_output=True)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "Procfile").write_text("web: node server.js --port 8080\n")
    (tree / "docker-compose.yml").write_text((PROCFILE / "reference" / "docker-compose.yml").read_text())
    command = [f"{program}/policyengine", "scan", str(tree), "--select", "PROC", "--format", "json"]
    done = subprocess.run(command, check=False, capture_output=True, cwd=tmp_path)
    found = json.loads(done.stdout)["findings"]
    assert [(done.returncode, each["rule"]) for each in found] == [(1, "PROC001")]


# every other hook


def test_a_reporter_of_a_stranger_is_a_format_and_shows_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = written(
        tmp_path,
        "def write(report):\n"
        "    return ''.join(f'{v.key}={v.value.value}\\n' for s in report.graph.all(Service) for v in s.environment)\n"
        "@hookimpl\n"
        "def policyengine_reporters():\n    return [Reporter('variables', write, ('.vars',))]\n",
    )
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "docker-compose.yml").write_text(
        "services:\n  app:\n    image: acme/app:1\n    environment: {PORT: '3000', DB_PASSWORD: hunter2-and-more}\n"
    )
    code, out, err = run(
        "scan", str(tree), "--pack", made, "--format", "variables", "--fail-on", "never", capsys=capsys
    )
    assert (code, err) == (0, "")
    assert "PORT=3000" in out
    assert "DB_PASSWORD=" in out
    assert "hunter2" not in out
    report = tmp_path / "report.vars"
    run("scan", str(tree), "--pack", made, "-o", str(report), "--fail-on", "never", capsys=capsys)
    assert report.read_text() == out


def test_evidence_of_a_stranger_makes_a_pair(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "docker-compose.yml").write_text("services:\n  shop:\n    image: acme/shop:1\n")
    (tree / "main.tf").write_text(
        'resource "aws_ecs_task_definition" "x" {\n  family = "x"\n'
        '  container_definitions = jsonencode([{ name = "kiosk", image = "acme/kiosk:1" }])\n}\n'
    )
    made = written(
        tmp_path,
        "def holds(graph, here, there):\n    return float((here.name, there.name) == ('shop', 'kiosk'))\n"
        "@hookimpl\n"
        "def policyengine_evidence():\n    return [Evidence(70, 'the books say so', holds)]\n",
    )
    found = plugins.load([made])
    opened = discover.open_tree([tree])
    graph = engine.build_graph(opened, engine.load_config(opened, found), found, engine.Work(jobs=1, cache=False)).graph
    (pair,) = graph.pairs
    assert (pair.local, pair.cloud) == ("compose:services.shop", "terraform:aws_ecs_task_definition.x#kiosk")
    assert "the books say so" in pair.reasons


def test_an_error_while_linking_loses_only_what_that_step_would_find(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "docker-compose.yml").write_text("services:\n  shop:\n    image: acme/shop:latest\n")
    (tree / "main.tf").write_text(
        'resource "aws_ecs_task_definition" "x" {\n  family = "x"\n'
        '  container_definitions = jsonencode([{ name = "shop", image = "acme/shop:1", user = "root" }])\n}\n'
        'resource "aws_ecs_service" "x" {\n  task_definition = aws_ecs_task_definition.x.arn\n}\n'
    )
    text = "@hookimpl\ndef policyengine_evidence():\n    return [Evidence(70, 'x', lambda graph, here, there: EACH)]\n"
    reports = []
    for number, each in enumerate(("0.0", "1 / 0")):
        (folder := tmp_path / str(number)).mkdir()
        found = plugins.load([written(folder, text.replace("EACH", each))])
        opened = discover.open_tree([tree])
        settings = engine.load_config(opened, found)
        reports.append(engine.evaluate_tree(opened, settings, found, work=engine.Work(jobs=1, cache=False)))
    whole, part = reports
    (failure,) = part.failures
    assert failure.message == "what mirrors what: internal error: ZeroDivisionError"
    assert part.graph.pairs == ()
    kept = {each.rule.id for each in part.results}
    assert "HEX208" in kept
    assert kept <= {each.rule.id for each in whole.results}


# what is wrong stops the run

PLATFORM = "Platform(name='x', title='x', units=lambda files, settings: ())"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("POLICYENGINE_HOOKS = 9\n", "needs version 9 of the hooks, and this is version 1"),
        ("", "implements no hook"),
        ("@hookimpl\ndef policyengine_platforms():\n    return 3\n", "policyengine_platforms() returned int, not a list"),
        ("@hookimpl\ndef policyengine_platforms():\n    return [3]\n", "returned int, not a Platform"),
        ("@hookimpl\ndef policyengine_platforms():\n    return None\n", "returned NoneType, not a list"),
        ("@hookimpl\ndef policyengine_platforms():\n    1 / 0\n", "does not load: ZeroDivisionError"),
        ("@hookimpl\ndef policyengine_platforms(wrong):\n    return []\n", "cannot be registered"),
        (f"@hookimpl\ndef policyengine_platforms():\n    return [{PLATFORM}, {PLATFORM}]\n", "the name of the platform 'x' is taken"),
        (
            f"@hookimpl\ndef policyengine_platforms():\n    return [{PLATFORM.replace(chr(39) + 'x', chr(39) + 'pairs', 1)}]\n",
            "the name of the platform 'pairs' is taken",
        ),
        ("@hookimpl\ndef policyengine_evidence():\n    return ['x']\n", "returned str, not a Evidence"),
        ("@hookimpl\ndef policyengine_reporters():\n    return {}\n", "returned dict, not a list"),
        ("@hookimpl\ndef policyengine_knowledge():\n    return [Facts('weather', {})]\n", "there is no table 'weather'"),
        (
            "@hookimpl\ndef policyengine_terraform_resources():\n    return {'azurerm_x': 3}\n",
            "what the resource type 'azurerm_x' makes cannot be called",
        ),
    ],
)  # fmt: skip
def test_a_broken_plugin_stops_the_run_with_one_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run("scan", str(tmp_path), "--pack", written(tmp_path, text), capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "odd_plugin.py" in err
    assert said in err


def test_a_format_that_is_built_in_is_not_for_plugins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = written(tmp_path, "@hookimpl\ndef policyengine_reporters():\n    return [Reporter('json', str)]\n")
    code, _, err = run("scan", str(tmp_path), "--pack", made, capsys=capsys)
    assert (code, err) == (2, "policyengine: a plug-in brings the format 'json', which is built in\n")


def test_a_reporter_that_crashes_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = written(
        tmp_path,
        "@hookimpl\ndef policyengine_reporters():\n    return [Reporter('odd', lambda report: report.nothing)]\n",
    )
    (tmp_path / "Dockerfile").write_text("FROM debian:12\n")
    code, out, err = run("scan", str(tmp_path), "--pack", made, "--format", "odd", capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith("policyengine: the reporter 'odd' crashed: AttributeError")


def test_two_plugins_for_one_resource_type_stop_the_run(tmp_path: Path) -> None:
    text = "@hookimpl\ndef policyengine_terraform_resources():\n    return {'azurerm_x': print}\n"
    both = [written(tmp_path, text, "first_plugin"), written(tmp_path, text, "second_plugin")]
    with pytest.raises(UsageError, match=r"second_plugin.py' .* 'azurerm_x', which another plug-in does"):
        plugins.load(both)


def test_what_the_guide_of_extensions_names_is_there() -> None:
    hooks = {name for name in vars(Specification) if name.startswith("policyengine_")}
    assert {name for name in hooks if f"`{name}`" in (extend.__doc__ or "")} == hooks
