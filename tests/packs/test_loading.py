"""Packs from entry points, files, folders and projects: what is loaded, from where, and what stops the run."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import pytest

from policyengine import cli, plugins
from policyengine.repository.configuration_file import File
from policyengine.rules.parameters import Parameter, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACK = '''
from typing import Annotated
from msgspec import Meta, Struct
from policyengine.api import Finding, Pack, Role, Severity, Side, Service, hookimpl, rule

class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for Acme."""

    forbidden: Annotated[str, Meta(description="The image that nobody may run.")] = "debian:12"

@rule("{prefix}001", mandate="1", severity=Severity.WARNING, message="'{{name}}' is a service.")
def service(graph, options):
    """A service is there."""
    for each in graph.all(Service, side=Side.LOCAL):
        yield Finding(subject=each, at=each, args={{"name": each.name}})

@hookimpl
def policyengine_pack():
    return Pack(name="{name}", version="{version}", rules=(service,), mandates={{"1": "None."}}, options=Options)
'''
BROKEN = "import a_module_that_nobody_has\n"


def listed() -> str:
    """The line of the built-in pack."""
    (pack,) = (each for each in plugins.environment().packs if each.name == "clean-hexagon")
    return f"clean-hexagon 0.1.0   {len(pack.rules)} rules  built in\n"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What a test imports is gone after it."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("acme"):
            del sys.modules[name]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "docker-compose.yml").write_text("services:\n  web:\n    image: nginx:1.27\n")
    return folder


def pack(name: str = "acme", version: str = "1.2.0", prefix: str = "ACME") -> str:
    return PACK.format(name=name, version=version, prefix=prefix)


def installed(folder: Path, text: str, module: str = "acme_policies", version: str = "1.2.0") -> Path:
    """A folder such as pip fills: the module, and the metadata of its distribution."""
    metadata = folder / f"{module}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (folder / f"{module}.py").write_text(text)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(f"[policyengine.packs]\nacme = {module}\n")
    return folder


def run(*words: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return code, out, err


def found(tree: Path, *words: str | Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    _, out, err = run("scan", tree, "--format", "json", "--no-cache", *words, capsys=capsys)
    assert err == ""
    return sorted({each["rule"] for each in json.loads(out)["findings"]})


# where packs come from


def test_an_installed_pack_runs_without_a_flag_and_is_gone_when_it_is(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.syspath_prepend(str(installed(tmp_path / "site", pack())))
        assert found(tree, "--select", "ACME", capsys=capsys) == ["ACME001"]
        line = "acme 1.2.0              1 rule  installed by acme-policies 1.2.0\n"
        assert run("packs", capsys=capsys) == (0, line + listed(), "")
    assert run("packs", capsys=capsys) == (0, listed(), "")
    code, _, err = run("scan", tree, "--select", "ACME", "--no-cache", capsys=capsys)
    assert (code, err) == (2, "policyengine: no rule begins with 'ACME'; see 'policyengine rules'\n")


@pytest.mark.parametrize("stem", ["acme_policies", "acme_of_tomorrow"])
def test_a_named_pack_stands_in_for_the_installed_one_of_its_name(
    stem: str, tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(installed(tmp_path / "site", pack())))
    file = tmp_path / f"{stem}.py"
    file.write_text(pack(version="2.0.0", prefix="NEXT"))
    assert found(tree, "--select", "NEXT", "--pack", file, capsys=capsys) == ["NEXT001"]
    code, _, err = run("scan", tree, "--pack", file, "--select", "ACME", capsys=capsys)
    assert (code, err) == (2, "policyengine: no rule begins with 'ACME'; see 'policyengine rules'\n")
    code, out, _ = run("packs", "acme", "--pack", file, "--format", "json", capsys=capsys)
    (told,) = json.loads(out)["packs"]
    assert told["version"] == "2.0.0"
    assert told["from"] == {
        "distribution": "",
        "path": str(file),
        "replaces": "1.2.0 of acme-policies 1.2.0",
    }
    _, out, _ = run("packs", "acme", "--pack", file, capsys=capsys)
    assert out.startswith(f"acme 2.0.0     1 rule  {file}, in place of 1.2.0 of acme-policies 1.2.0\n")


def test_a_named_pack_that_only_shares_a_module_name_with_an_installed_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(installed(tmp_path / "site", pack())))
    file = tmp_path / "acme_policies.py"
    file.write_text(pack(name="other", prefix="OTHER"))
    said = f"policyengine: policy pack '{file}' has the module name of the installed policy pack 'acme'; rename it\n"
    assert run("packs", "--pack", file, capsys=capsys) == (2, "", said)


@pytest.mark.parametrize("base", ["", "src/"])
@pytest.mark.parametrize("module", ["acme_policies", "acme_policies.rules"])
def test_the_folder_of_a_project_is_a_pack_by_its_entry_point(
    base: str, module: str, tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "project" / base / "acme_policies"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(pack() if module == "acme_policies" else "")
    (folder / "rules.py").write_text(pack())
    points = f'[project]\nname = "acme-policies"\n[project.entry-points."policyengine.packs"]\nacme = "{module}"\n'
    (tmp_path / "project" / "pyproject.toml").write_text(points)
    assert found(tree, "--select", "ACME", "--pack", tmp_path / "project", capsys=capsys) == ["ACME001"]


def test_a_pack_is_listed_with_the_parameters_that_it_documents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "acme.py"
    file.write_text(pack())
    assert run("packs", "acme", "--pack", file, capsys=capsys) == (
        0,
        f"""\
acme 1.2.0     1 rule  {file}

parameters (packs.acme of policyengine.yaml):
  forbidden: string, "debian:12" by default
      The image that nobody may run.
""",
        "",
    )


def test_the_schema_for_editors_holds_the_parameters_of_every_loaded_pack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import jsonschema

    file = tmp_path / "acme.py"
    file.write_text(pack())
    _, out, _ = run("packs", "--pack", file, "--format", "schema", capsys=capsys)
    checks = jsonschema.Draft202012Validator(json.loads(out))
    good = {"version": 1, "packs": {"acme": {"version": ">=1", "forbidden": "x"}, "clean-hexagon": {"version": "<1"}}}
    assert [each.message for each in checks.iter_errors(good)] == []
    bad = {"version": 1, "packs": {"acme": {"forbidden": 3}}}
    assert [each.message for each in checks.iter_errors(bad)] == ["3 is not of type 'string'"]
    assert '"The image that nobody may run."' in out


def test_types_of_parameters_are_said_as_people_say_them() -> None:
    told = {each.name: each for each in parameters(File)}
    assert told["profile"] == Parameter("profile", '"recommended" or "strict"', "", told["profile"].description)
    assert (told["exclude"].type, told["exclude"].default) == ("list of string", "[]")
    assert told["ignore.local"].description == "Compose services that mirror nothing."


class Part(msgspec.Struct, frozen=True):
    """A part of the options of a pack."""

    runner: str = "x"


class Told(msgspec.Struct, frozen=True):
    """Options of every type."""

    needed: str
    word: Literal["major", "minor"] = "minor"
    anything: Any = None
    several: list[Any] = []
    free: dict[str, Any] = {}
    counts: dict[str, int] = {}
    either: int | str = 1
    maybe: bool | None = None
    sizes: tuple[float, ...] = ()
    part: Part = Part()
    parts: list[Part] = []
    days: Annotated[int, msgspec.Meta(description="Until it ends.", ge=1)] = 3


def test_every_type_and_default_of_a_parameter_is_told() -> None:
    assert [(each.name, each.type, each.default, each.description) for each in parameters(Told)] == [
        ("needed", "string", "", ""),
        ("word", '"major" or "minor"', '"minor"', ""),
        ("anything", "any", "null", ""),
        ("several", "list", "[]", ""),
        ("free", "mapping", "{}", ""),
        ("counts", "mapping to integer", "{}", ""),
        ("either", "integer or string", "1", ""),
        ("maybe", "boolean or null", "null", ""),
        ("sizes", "list of number", "[]", ""),
        ("part.runner", "string", '"x"', ""),
        ("parts", "list of mapping", "[]", ""),
        ("days", "integer", "3", "Until it ends."),
    ]


# what policyengine.yaml asks of packs


@pytest.mark.parametrize(
    ("packs", "said"),
    [
        ('acme: {version: ">=1.2,<2"}', ""),
        ("acme: {version: ==1.*, forbidden: nginx}", ""),
        ('acme: {version: ">=2"}', "3:20: the pack 'acme' must have a version >=2, and 1.2.0 is loaded"),
        ("acme: {version: 1.2}", "3:19: '1.2' says no versions of 'acme'; write such as '>=1.2,<2'"),
        ("acme: {version: }", "3:19: '' says no versions of 'acme'; write such as '>=1.2,<2'"),
        ('acme: {version: [">=1"]}', "3:19: '' says no versions of 'acme'; write such as '>=1.2,<2'"),
        ("acme: {forbidden: 3}", "3:21: 'packs.acme.forbidden' must be a text; write it in quotes"),
        ("acme: {forbiden: x}", "3:10: unknown key 'forbiden' in 'packs.acme'; it may be forbidden"),
        (
            "umbrella: {}",
            "3:3: the pack 'umbrella' is not loaded; install it or name it with --pack (loaded are acme, clean-hexagon)",
        ),
    ],
)
def test_the_configuration_says_which_packs_and_versions_must_run(
    packs: str, said: str, tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "acme.py"
    file.write_text(pack())
    (tree / "policyengine.yaml").write_text(f"version: 1\npacks:\n  {packs}\n")
    code, out, err = run("scan", tree, "--pack", file, "--select", "ACME", "--no-cache", capsys=capsys)
    if said:
        assert (code, out, err) == (2, "", f"policyengine: policyengine.yaml:{said}\n")
    else:
        assert (code, err) == (1, "")


def test_a_pack_whose_version_cannot_be_compared_is_no_pack_of_a_version(
    tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "acme.py"
    file.write_text(pack(version="blue"))
    (tree / "policyengine.yaml").write_text('version: 1\npacks:\n  acme: {version: ">=1"}\n')
    said = "policyengine.yaml:3:20: the pack 'acme' has no version that can be compared: 'blue'"
    assert run("scan", tree, "--pack", file, "--no-cache", capsys=capsys) == (2, "", f"policyengine: {said}\n")


def test_the_scanned_repository_brings_no_pack_by_itself(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "acme.py").write_text(pack())
    (tree / "policyengine.yaml").write_text("version: 1\npacks:\n  acme: {}\n")
    code, _, err = run("scan", tree, "--no-cache", capsys=capsys)
    assert code == 2
    assert "the pack 'acme' is not loaded" in err


# what is wrong with a pack stops the run with one sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BROKEN, "does not import: ModuleNotFoundError: No module named 'a_module_that_nobody_has'"),
        ("1 +\n", "does not import: SyntaxError: invalid syntax (acme.py, line 1)"),
        (pack().replace("policyengine_pack", "policyengine_packs"), "implements an unknown hook: PluginValidationError"),
        (pack().replace("@hookimpl", ""), "does not implement the hook 'policyengine_pack'"),
        (pack().replace("return Pack(", "return dict("), "policyengine_pack() returned dict, not a Pack"),
        (pack().replace("rules=(service,)", "rules=(service, service)"), "rule id ACME001 is in the packs 'acme' and 'acme'"),
        (pack(prefix="HEX").replace("HEX001", "HEX208"), "rule id HEX208 is in the packs"),
        (pack(name="clean-hexagon"), "is called 'clean-hexagon', as the built-in pack is, and has none of its rules; rename it"),
        (pack().replace("forbidden:", "version:"), "the pack 'acme' has an option 'version', which in policyengine.yaml says which"),
    ],
)  # fmt: skip
def test_a_broken_pack_is_one_sentence(
    text: str, said: str, tmp_path: Path, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "acme.py"
    file.write_text(text)
    code, out, err = run("packs", "--pack", file, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert run("scan", tree, "--pack", file, capsys=capsys)[0] == 2


def test_a_broken_installed_pack_stops_every_scan(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(installed(tmp_path / "site", BROKEN)))
    code, out, err = run("scan", tree, "--no-cache", capsys=capsys)
    assert (code, out) == (2, "")
    assert err == (
        "policyengine: the installed policy pack 'acme' does not load: ModuleNotFoundError: "
        "No module named 'a_module_that_nobody_has' (acme_policies.py:1); install it into the environment of policyengine\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[project]\nname = 'x'\n", 'pyproject.toml has no [project.entry-points."policyengine.packs"]'),
        ("[project\n", "pyproject.toml cannot be read: TOMLDecodeError"),
        (
            "[project.entry-points.'policyengine.packs']\nacme = 'acme_rules'\n",
            "pyproject.toml names the module 'acme_rules', which is not there",
        ),
    ],
)
def test_a_project_without_a_pack_is_one_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    code, out, err = run("packs", "--pack", tmp_path, capsys=capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
