"""Cases: edits of a reference stack, and what they state of the findings. Read from `HEX402.yaml` and its like."""

from __future__ import annotations

from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from policyengine.model.source import ReadError, Source, UsageError
from policyengine.repository.configuration import at, typed, where
from policyengine.rules.rule import Severity
from policyengine.syntax import yaml
from policyengine.testing.marks import CaseError, Mark, strip_marks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Edit(Struct, frozen=True):
    """One change of one file: `replace` (which must match exactly once) by `text`, a new file, or a deletion.

    `text` may hold marks.
    """

    path: str
    replace: str | None = None
    text: str | None = None

    @property
    def plain(self) -> str:
        """The new text without marks; empty for a deletion."""
        return strip_marks(self.path, self.text or "", "")[0]

    @property
    def kept(self) -> bool:
        """Whether it only marks what is there."""
        return self.replace is not None and self.replace == self.plain

    @property
    def kind(self) -> str:
        """`replace`, `create` or `delete`."""
        if self.replace is not None:
            return "replace"
        return "delete" if self.text is None else "create"


class Said(Struct, frozen=True):
    """What a case states of a finding, or what a finding is. None is what a case does not state.

    `pair` is the id of the subject's twin and whether the pair is uncertain, `becomes` are the lines that the fix
    changes, after it, by path; an empty text or mapping is a finding without them.
    """

    rule: str
    severity: Severity
    message: str
    subject: str | None = None
    pair: str | None = None
    fix: str | None = None
    becomes: Mapping[str, str] | None = None


class Question(Struct, frozen=True):
    """What a case states of an open question, or what one is."""

    rule: str
    reason: str
    subject: str | None = None


class Case(Struct, frozen=True):
    """One named variation of the reference stack, and what is found in it."""

    rule: str
    name: str
    edits: tuple[Edit, ...]
    findings: tuple[Said, ...] = ()
    questions: tuple[Question, ...] = ()

    @property
    def diverging(self) -> bool:
        """Whether something must be reported."""
        return any(not mark.what for edit in self.edits for mark in self.marks(edit))

    def marks(self, edit: Edit) -> list[Mark]:
        """The marks of one of its edits, with offsets into the edit's own text."""
        return strip_marks(edit.path, edit.text or "", self.rule)[1]

    def marked(self, edit: Edit, rule: str) -> list[tuple[str, str]]:
        """What an edit marks for a rule: the text, and what the mark says of it."""
        return [(edit.plain[mark.start : mark.end], mark.what) for mark in self.marks(edit) if mark.rule == rule]


def load_cases(file: Path) -> tuple[Case, ...]:
    """The cases of a file such as HEX402.yaml, whose name is the rule's id.

    Raises:
        CaseError: the file does not have the form of a case file.
    """
    source = Source(file.name, file.read_text("utf-8"))
    try:
        document = yaml.read(source)
        written = typed(source, document, list[_Written])
    except ReadError as error:
        raise CaseError(f"{where(source, error.span)}: {error}") from error
    except UsageError as error:
        raise CaseError(str(error)) from error
    made: list[Case] = []
    for number, each in enumerate(written):
        try:
            made.append(_case(file.stem, each))
        except CaseError as error:
            raise CaseError(f"{where(source, at(document, [number]).span)}: {error}") from error
    return tuple(made)


class _Change(Struct, forbid_unknown_fields=True):
    replace: str | None = None
    with_: str | None = field(default=None, name="with")
    keep: str | None = None
    create: str | None = None
    delete: Literal[True] | None = None


class _Finding(Struct, forbid_unknown_fields=True):
    error: str = ""
    warning: str = ""
    note: str = ""
    rule: str = ""
    subject: str | None = None
    pair: str | None = None
    fix: str | None = None
    becomes: str | dict[str, str] | None = None


class _Open(Struct, forbid_unknown_fields=True):
    reason: str
    rule: str = ""
    subject: str | None = None


class _Written(Struct, forbid_unknown_fields=True):
    """A case as its file writes it."""

    name: str
    edit: dict[str, _Change | list[_Change]]
    findings: list[_Finding] = []
    open: list[_Open] = []


def _case(rule: str, written: _Written) -> Case:
    edits = tuple(
        _edit(path, change)
        for path, changes in written.edit.items()
        for change in (changes if isinstance(changes, list) else [changes])
    )
    marks = [mark for edit in edits for mark in strip_marks(edit.path, edit.text or "", rule)[1]]
    questions = tuple(
        Question(name.strip(), each.reason, each.subject)
        for each in written.open
        for name in (each.rule or rule).split(",")
    )
    return Case(rule, written.name, edits, tuple(_said(rule, each, marks) for each in written.findings), questions)


def _edit(path: str, change: _Change) -> Edit:
    if (
        not path
        or path.startswith(("/", "\\"))
        or ".." in path.replace("\\", "/").split("/")
        or PureWindowsPath(path).drive
    ):
        raise CaseError(f"'{path}' leads out of the tree; a path begins at its root, as 'infra/main.tf'")
    match change:
        case _Change(str(old), str(new), None, None, None):
            return Edit(path, old, new)
        case _Change(None, None, str(marked), None, None):
            return Edit(path, _plain(marked), marked)
        case _Change(None, None, None, str(text), None):
            return Edit(path, None, text)
        case _Change(None, None, None, None, True):
            return Edit(path)
        case _:
            raise CaseError(f"the edit of {path} must have 'replace' and 'with', 'keep', 'create' or 'delete'")


def _said(case_rule: str, written: _Finding, marks: Sequence[Mark]) -> Said:
    given = [(each, text) for each in Severity if (text := getattr(written, each.value))]
    if len(given) != 1:
        raise CaseError("a finding has its message under 'error', 'warning' or 'note'")
    ((severity, message),) = given
    rule, becomes = written.rule or case_rule, written.becomes
    if isinstance(becomes, str):
        becomes = {next((mark.path for mark in marks if mark.rule == rule and not mark.what), ""): becomes}
    return Said(rule, severity, message, written.subject, written.pair, written.fix, becomes)


def _plain(text: str) -> str:
    return strip_marks("", text, "")[0]


def edited(case: Case, reference: Mapping[str, str]) -> tuple[dict[str, str], list[Mark]]:
    """The files of the reference stack with a case applied, and the case's marks.

    Raises:
        CaseError: an edit does not fit the reference.
    """
    files = dict(reference)
    for edit in case.edits:
        if edit.kind != "create" and edit.path not in files:
            hint = "" if reference else "; it is empty: 'reference' lies beside the cases, or --reference names it"
            raise CaseError(f"{case.rule}, {case.name}: the reference has no file {edit.path}{hint}")
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
