"""The case harness: how a rule is tested, and documented, at once. Third-party packs use the same one.

A case edits a reference stack and marks, with `«…»`, each exact span that must be reported::

    - name: one minor behind the cloud
      edit:
        docker/postgres/Dockerfile:
          replace: "FROM postgres:16.10-bookworm"
          with: "FROM «postgres:16.9-bookworm»"

The harness strips the marks, scans the whole edited tree with every rule, and demands that findings equal marks:
nothing more, nothing less. A mark may name another rule that fires with it (`«HEX207|…»`) or several
(`«HEX205,HEX207|…»`). A case without marks is a guard against a false alarm. `keep:` marks text that an edit leaves
alone, for a finding outside the edited text.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine import engine
from policyengine.model.source import Source
from policyengine.patterns import regex
from policyengine.repository import discover
from policyengine.repository.configuration import Config, plain
from policyengine.syntax import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from policyengine.plugins import Plugins
    from policyengine.rules.evaluate import Report

__all__ = ["Case", "CaseError", "Mark", "check", "edited", "load_cases", "scan_files"]

_OPEN, _CLOSE = "«", "»"
_NAMED = regex(r"([A-Z]{1,8}-?[0-9]{1,6}(?:,[A-Z]{1,8}-?[0-9]{1,6})*)\|")


class CaseError(AssertionError):
    """A case that is malformed, or whose findings are not its marks."""


class Mark(Struct, frozen=True, order=True):
    """A span that a rule must report. Offsets are code points into the file without its marks."""

    path: str
    start: int
    end: int
    rule: str


class Edit(Struct, frozen=True):
    """One change of one file: `replace` (which must match exactly once) by `text`, a new file, or a deletion."""

    path: str
    replace: str | None = None
    text: str | None = None

    @property
    def kind(self) -> str:
        """`replace`, `create` or `delete`."""
        if self.replace is not None:
            return "replace"
        return "delete" if self.text is None else "create"


class Case(Struct, frozen=True):
    """One named variation of the reference stack."""

    rule: str
    name: str
    edits: tuple[Edit, ...]
    options: Mapping[str, object] = field(default_factory=dict)

    @property
    def diverging(self) -> bool:
        """Whether something must be reported."""
        return any(edit.text is not None and _OPEN in edit.text for edit in self.edits)


def load_cases(file: Path) -> tuple[Case, ...]:
    """The cases of a file such as HEX402.yaml, whose name is the rule's id.

    Raises:
        CaseError: the file does not have the form of a case file.
    """
    source = Source(file.name, file.read_text("utf-8"))
    data = plain(yaml.read(source))
    if not isinstance(data, list):
        raise CaseError(f"{file.name}: a case file is a list of cases")
    return tuple(_case(file, number, item) for number, item in enumerate(data, 1))


def _case(file: Path, number: int, item: object) -> Case:
    match item:
        case {"name": str(name), "edit": dict(edits), **rest} if not rest:
            return Case(
                file.stem, name, tuple(each for path, edit in edits.items() for each in _edits(file, path, edit))
            )
        case _:
            raise CaseError(f"{file.name}: case {number} must have exactly the keys 'name' and 'edit'")


def _edits(file: Path, path: str, data: object) -> Iterator[Edit]:
    match data:
        case list():
            for each in data:
                yield from _edits(file, path, each)
        case {"replace": str(old), "with": str(new), **rest} if not rest:
            yield Edit(path, old, new)
        case {"keep": str(marked), **rest} if not rest:
            yield Edit(path, _plain(marked), marked)
        case {"create": str(text), **rest} if not rest:
            yield Edit(path, None, text)
        case {"delete": True, **rest} if not rest:
            yield Edit(path)
        case _:
            raise CaseError(
                f"{file.name}: the edit of {path} must have 'replace' and 'with', 'keep', 'create' or 'delete'"
            )


def _plain(text: str) -> str:
    return strip_marks("", text, "")[0]


def strip_marks(path: str, text: str, rule: str) -> tuple[str, list[Mark]]:
    """The text without its marks, and the marks.

    Raises:
        CaseError: a mark is not closed, or closed without being open.
    """
    kept: list[str] = []
    marks: list[Mark] = []
    opened: list[tuple[int, tuple[str, ...]]] = []
    length, index = 0, 0
    while index < len(text):
        if text[index] == _OPEN:
            named = _NAMED.match(text, index + 1)
            opened.append((length, tuple(named[1].split(",")) if named else (rule,)))
            index = named.end() if named else index + 1
        elif text[index] == _CLOSE:
            if not opened:
                raise CaseError(f"{path}: a '{_CLOSE}' without its '{_OPEN}'")
            start, rules = opened.pop()
            marks.extend(Mark(path, start, length, each) for each in rules)
            index += 1
        else:
            following = min((at for sign in (_OPEN, _CLOSE) if (at := text.find(sign, index)) >= 0), default=len(text))
            kept.append(text[index:following])
            length += following - index
            index = following
    if opened:
        raise CaseError(f"{path}: a '{_OPEN}' is not closed")
    return "".join(kept), marks


def edited(case: Case, reference: Mapping[str, str]) -> tuple[dict[str, str], list[Mark]]:
    """The files of the reference stack with a case applied, and the case's marks.

    Raises:
        CaseError: an edit does not fit the reference.
    """
    files = dict(reference)
    for edit in case.edits:
        if edit.kind != "create" and edit.path not in files:
            raise CaseError(f"{case.rule}, {case.name}: the reference has no file {edit.path}")
        if edit.kind == "delete":
            del files[edit.path]
        elif edit.replace is not None and edit.text is not None:
            found = _plain(files[edit.path]).count(edit.replace)
            if found != 1 or files[edit.path].count(edit.replace) != 1:
                raise CaseError(
                    f"{case.rule}, {case.name}: 'replace' must match once in {edit.path}, not {found} times"
                )
            files[edit.path] = files[edit.path].replace(edit.replace, edit.text)
        else:
            files[edit.path] = edit.text or ""
    marks: list[Mark] = []
    touched = {edit.path for edit in case.edits}
    for path in sorted(touched & files.keys()):
        files[path], found_marks = strip_marks(path, files[path], case.rule)
        marks.extend(found_marks)
    return files, sorted(marks)


def read_reference(folder: Path) -> dict[str, str]:
    """The text files of a reference stack, by POSIX path relative to it."""
    files: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open(encoding="utf-8", newline="") as stream:
                files[path.relative_to(folder).as_posix()] = stream.read()
    return files


def scan_files(
    files: Mapping[str, str], folder: Path, plugins: Plugins, *, cache: bool = False, jobs: int = 1
) -> Report:
    """Write `files` below the empty `folder` and scan it with every rule of the plug-ins."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
    tree = discover.open_tree([folder])
    settings: Config = engine.load_config(tree)
    return engine.evaluate_tree(tree, settings, plugins, work=engine.Work(jobs=jobs, cache=cache))


def check(case: Case, reference: Mapping[str, str], folder: Path, plugins: Plugins) -> Report:
    """Scan the edited reference and compare findings with marks.

    Raises:
        CaseError: they differ, or the engine failed somewhere; the message lists what is too much and what is missing.
    """
    files, marks = edited(case, reference)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = scan_files(files, folder, plugins)
    found = sorted(
        Mark(result.span.path, result.span.start, result.span.end, result.rule.id) for result in report.results
    )
    extra = [mark for mark in found if mark not in marks]
    missing = [mark for mark in marks if mark not in found]
    lines = [f"  reported, not marked: {_show(mark, files)}" for mark in extra]
    lines += [f"  marked, not reported: {_show(mark, files)}" for mark in missing]
    lines += [f"  failure: {failure.span and failure.span.path}: {failure.message}" for failure in report.failures]
    if len(found) != len(set(found)):
        lines.append("  the same place is reported twice by one rule")
    if lines:
        lines += [f"  message: {result.rule.id} {result.message}" for result in report.results]
        raise CaseError("\n".join([f"{case.rule}, {case.name}:", *lines]))
    return report


def _show(mark: Mark, files: Mapping[str, str]) -> str:
    text = files.get(mark.path, "")
    line = text.count("\n", 0, mark.start) + 1
    return f"{mark.rule} at {mark.path}:{line} «{text[mark.start : mark.end]}»"
