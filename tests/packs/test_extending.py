"""A pack that extends another: rules off, other severities, other parameters, further cases; and what is wrong with one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from policyengine import cli

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = """
from typing import Annotated
from msgspec import Meta, Struct
from policyengine.api import Finding, Pack, Severity, Service, hookimpl, rule

class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    most: int = 3
    least: int = 1

class Options(Struct, frozen=True, forbid_unknown_fields=True):
    word: Annotated[str, Meta(description="What is said.")] = "base"
    limits: Limits = Limits()

@rule("BASE001", severity=Severity.ERROR, message="'{name}' is '{word}', of '{least}' to '{most}'.")
def first(graph, options):
    '''A service is there.'''
    for each in graph.all(Service):
        args = {"name": each.name, "word": options.word, "least": options.limits.least, "most": options.limits.most}
        yield Finding(subject=each, at=each, args=args)

@rule("BASE002", severity=Severity.ERROR, message="'{name}' is there.")
def second(graph, options):
    '''A service is there again.'''
    for each in graph.all(Service):
        yield Finding(subject=each, at=each, args={"name": each.name}, severity=Severity.WARNING)

@hookimpl
def policyengine_pack():
    return Pack(name="base", version="1.4.0", rules=(first, second), options=Options)
"""
OTHER = """
from pathlib import Path
from policyengine.api import Extends, Pack, Severity, hookimpl

@hookimpl
def policyengine_pack():
    return Pack(name="NAME", rules=(), version="1.0.0", extends=(Extends(CHANGES),), cases=Path(__file__).with_name("cases"))
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    for name in [each for each in sys.modules if each.startswith("acme")]:
        del sys.modules[name]


class Packs:
    """A base pack, packs that extend it, and a tree of one service."""

    def __init__(self, folder: Path, *changes: str) -> None:
        self.folder = folder
        (folder / "tree").mkdir()
        (folder / "tree" / "docker-compose.yml").write_text("services:\n  web:\n    image: nginx:1.27\n")
        (folder / "acme_base.py").write_text(BASE)
        self.words = ["--pack", str(folder / "acme_base.py")]
        for number, each in enumerate(changes):
            text = OTHER.replace("NAME", f"other{number or ''}").replace("CHANGES", each)
            (folder / f"acme_other{number}.py").write_text(text)
            self.words += ["--pack", str(folder / f"acme_other{number}.py")]

    def found(self, capsys: pytest.CaptureFixture[str], own: str = "") -> list[tuple[str, str]]:
        """Severity and message of what is found."""
        (self.folder / "tree" / "policyengine.yaml").write_text(f"version: 1\n{own}")
        words = ["scan", str(self.folder / "tree"), "--select", "BASE", "--no-cache", "--format", "json", *self.words]
        assert cli.main(words) in (0, 1), capsys.readouterr().err
        return [(each["severity"], each["message"]) for each in json.loads(capsys.readouterr().out)["findings"]]


def test_a_pack_switches_rules_of_another_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = Packs(tmp_path, "'base', disable=('BASE001',)")
    assert packs.found(capsys) == [("warning", "'web' is there.")]


@pytest.mark.parametrize(
    ("severities", "found"),
    [
        ("{'BASE001': Severity.NOTE}", ["note", "warning"]),
        ("{'BASE': Severity.NOTE}", ["note", "note"]),
        ("{'BASE': Severity.NOTE, 'BASE002': 'error'}", ["note", "error"]),
    ],
)
def test_a_pack_weighs_rules_of_another_anew(
    severities: str, found: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packs = Packs(tmp_path, f"'base', severities={severities}")
    assert [severity for severity, _ in packs.found(capsys)] == found


def test_a_pack_sets_parameters_of_another_and_a_repository_has_the_last_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packs = Packs(tmp_path, "'base', options={'word': 'other', 'limits': {'most': 9}}, disable=('BASE002',)")
    assert packs.found(capsys) == [("error", "'web' is 'other', of '1' to '9'.")]
    own = "packs: {base: {word: own, limits: {least: 5}}}\n"
    assert packs.found(capsys, own) == [("error", "'web' is 'own', of '5' to '9'.")]
    assert cli.main(["packs", "base", *packs.words]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "                       changed by other",
        "",
        "parameters (packs.base of policyengine.yaml):",
        '  word: string, "other" by default',
        "      What is said.",
        "  limits.least: integer, 1 by default",
        "  limits.most: integer, 9 by default",
    ]


def test_a_pack_adds_cases_to_rules_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = Packs(tmp_path, "'base', options={'word': 'other'}")
    (tmp_path / "cases").mkdir()
    compose = "services: {«shop»: {image: nginx}}"
    case = f"- name: a shop\n  edit: {{compose.yaml: {{create: '{compose}'}}}}\n  findings:\n    - error: SAID\n"
    (tmp_path / "cases" / "BASE001.yaml").write_text(
        case.replace("SAID", "\"'shop' is 'other', of '1' to '3'.\""), "utf-8"
    )
    words = ["test", str(tmp_path / "acme_other0.py"), *packs.words[:2]]
    assert cli.main(words) == 0, capsys.readouterr().out
    (tmp_path / "cases" / "BASE009.yaml").write_text(case, "utf-8")
    assert cli.main(words) == 1
    assert "BASE009.yaml: there is no rule 'BASE009' in the pack 'other'" in capsys.readouterr().out


def test_a_pack_in_yaml_changes_another_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = Packs(tmp_path)
    file = tmp_path / "other.yaml"
    changes = "disable: [BASE002], severities: {BASE: note}, options: {limits: {most: 7}}"
    file.write_text(f'pack: other\nversion: "1"\nextends:\n  base: {{version: ">=1", {changes}}}\n')
    packs.words += ["--pack", str(file)]
    assert packs.found(capsys) == [("note", "'web' is 'base', of '1' to '7'.")]
    file.write_text("pack: other\nextends:\n  base: {severities: {BASE: fatal}}\n")
    assert cli.main(["scan", str(tmp_path / "tree"), *packs.words]) == 2
    said = f"policyengine: {file}:3:29: 'extends.base.severities.BASE' must be one of error, note, warning\n"
    assert capsys.readouterr().err == said


def test_two_packs_that_say_the_same_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packs = Packs(
        tmp_path, "'base', disable=('BASE001',)", "'base', disable=('BASE001',), severities={'BASE002': 'note'}"
    )
    assert packs.found(capsys) == [("note", "'web' is there.")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["'bas'"], "the pack 'other' extends 'bas', which is not another loaded pack; loaded are base, clean-hexagon"),
        (["'other'"], "the pack 'other' extends 'other', which is not another loaded pack; loaded are base, clean-hexagon"),
        (["'base', disable=('BASE9',)"], "the pack 'other' extends 'base', where no rule begins with 'BASE9'; did you mean BASE002, BASE001?"),
        (["'base', severities={'HEX': 'note'}"], "the pack 'other' extends 'base', where no rule begins with 'HEX'; see 'policyengine rules'"),
        (["'base', severities={'BASE': 'fatal'}"], "the pack 'other' extends 'base', and makes 'BASE' weigh 'fatal', which is none of error, warning, note"),
        (["'base', options={'wrd': 'x'}"], "the pack 'other' extends 'base', whose options do not fit: Object contains unknown field `wrd`"),
        (["'base', options={'limits': {'most': 'x'}}"], "the pack 'other' extends 'base', whose options do not fit: Expected `int`, got `str` - at `$.limits.most`"),
        (["'base', version='>=2'"], "the pack 'other' extends 'base': the pack 'base' must have a version >=2, and 1.4.0 is loaded"),
        (
            ["'base', severities={'BASE001': 'note'}", "'base', disable=('BASE001',)"],
            "the pack 'other1' extends 'base', and so does 'other', with another 'BASE001'",
        ),
        (
            ["'base', options={'limits': {'most': 4}}", "'base', options={'limits': {'most': 5}}"],
            "the pack 'other1' extends 'base', and so does 'other', with another 'limits.most'",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_extended_so_is_one_sentence(
    changes: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packs = Packs(tmp_path, *changes)
    code = cli.main(["scan", str(tmp_path / "tree"), *packs.words])
    assert (code, *capsys.readouterr()) == (2, "", f"policyengine: {said}\n")


def test_a_pack_that_the_command_line_names_changes_nothing_under_an_organisations_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packs = Packs(tmp_path, "'base', disable=('BASE001',)")
    (tmp_path / "org.yaml").write_text("version: 1\nname: Acme\npacks: {base: {}}\n")
    words = ["scan", str(tmp_path / "tree"), *packs.words, "--org-config", str(tmp_path / "org.yaml")]
    assert cli.main(words) == 2
    said = "policyengine: --pack names 'other', which changes others; Acme does not require it\n"
    assert capsys.readouterr().err == said
    (tmp_path / "org.yaml").write_text("version: 1\nname: Acme\npacks: {base: {}, other: {}}\n")
    assert cli.main(words) == 1
