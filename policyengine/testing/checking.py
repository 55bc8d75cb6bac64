"""A case against the engine: what is found in the edited stack, and what the case marks and states."""

from __future__ import annotations

import json
import shutil
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from policyengine import engine
from policyengine.plugins import Plugins, environment
from policyengine.repository import discover
from policyengine.syntax.editing import applied
from policyengine.testing.case import Question, Said, edited
from policyengine.testing.marks import CaseError, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from policyengine.platforms.units import Kept
    from policyengine.rules.evaluate import Report, Result
    from policyengine.rules.rule import Fix, Pack
    from policyengine.testing.case import Case

_UNCERTAIN = " (uncertain)"


class Tried(Struct, frozen=True):
    """What was found for a case, against what it marks and states; all of it is empty where they are equal.

    `unmarked` are places that are reported and not marked, `unreported` those that are marked and not reported,
    `others` lines on failures of the engine and on what is stated otherwise. `files` are the scanned texts.
    """

    report: Report
    files: Mapping[str, str]
    unmarked: tuple[Mark, ...] = ()
    unreported: tuple[Mark, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether what is found is what the case says."""
        return not (self.unmarked or self.unreported or self.others)


def tried(
    case: Case,
    reference: Mapping[str, str],
    folder: Path,
    plugins: Plugins | Sequence[Pack[Any]],
    *,
    strict: bool = False,
    kept: Kept | None = None,
) -> Tried:
    """Scan the edited reference in the folder, and compare. With `strict` everything must be stated.

    With `kept` what other cases read alike is not read again.

    Raises:
        CaseError: the case does not fit the reference.
    """
    files, marks = edited(case, reference)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report = scan_files(files, folder, plugins, kept=kept)
    stated = {(mark.rule, mark.what != "?") for mark in marks if mark.what}
    found = [
        mark for mark in sorted(_found(report)) if strict or not mark.what or (mark.rule, mark.what != "?") in stated
    ]
    lines = [f"failure: {failure.span and failure.span.path}: {failure.message}" for failure in report.failures]
    places = [(result.rule.id, result.span, result.subject) for result in report.results]
    if len(places) != len(set(places)):
        lines.append("the same place is reported twice of one node by one rule")
    findings = [said(result, files) for result in report.results]
    questions = [Question(each.rule, each.reason, each.subject) for each in report.undecided]
    lines += _unlike(case.findings, findings, strict=strict)
    lines += _unlike(case.questions, questions, strict=strict)
    return Tried(
        report,
        files,
        tuple(mark for mark in found if mark not in marks),
        tuple(mark for mark in marks if mark not in found),
        tuple(lines),
    )


def check(
    case: Case,
    reference: Mapping[str, str],
    folder: Path,
    plugins: Plugins | Sequence[Pack[Any]],
    *,
    strict: bool = False,
    kept: Kept | None = None,
) -> Report:
    """Scan the edited reference and compare what is found with what the case marks and states.

    With `strict` everything must be stated: each linked place, each finding with its subject, pair and fix, and each
    open question. With `kept`, made once for many cases, what others read alike is not read again.

    Raises:
        CaseError: they differ, or the engine failed somewhere; the message lists what is too much and what is missing.
    """
    found = tried(case, reference, folder, plugins, strict=strict, kept=kept)
    if not found.equal:
        lines = [f"reported, not marked: {_show(mark, found.files)}" for mark in found.unmarked]
        lines += [f"marked, not reported: {_show(mark, found.files)}" for mark in found.unreported]
        lines += [*found.others, "what is found, as a case states it:"]
        lines += (f"  {line}" for line in statement(case.rule, found.report, found.files).splitlines())
        raise CaseError("\n  ".join([f"{case.rule}, {case.name}:", *lines]))
    return found.report


def scan_files(
    files: Mapping[str, str],
    folder: Path,
    plugins: Plugins | Sequence[Pack[Any]],
    *,
    cache: bool = False,
    jobs: int = 1,
    kept: Kept | None = None,
) -> Report:
    """Write `files` below the empty `folder` and scan it with every rule of the plug-ins.

    Packs alone are joined by the installed platforms.
    """
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
    tree = discover.open_tree([folder])
    if not isinstance(plugins, Plugins):
        plugins = replace(environment(), packs=tuple(plugins))
    settings = engine.load_config(tree, plugins)
    return engine.evaluate_tree(tree, settings, plugins, work=engine.Work(jobs=jobs, cache=cache, kept=kept))


def _found(report: Report) -> Iterator[Mark]:
    for result in report.results:
        for number, span in enumerate((result.span, *result.related)):
            yield Mark(*span, result.rule.id, str(number or ""))
    yield from {Mark(*each.span, each.rule, "?") for each in report.undecided}


def said(result: Result, files: Mapping[str, str]) -> Said:
    """What a finding says, as a case states it. `files` are the scanned texts."""
    pair, fix = result.pair, result.finding.fix
    twin = "" if pair is None else pair.cloud if pair.local == result.subject else pair.local
    return Said(
        result.rule.id,
        result.severity,
        result.message,
        result.subject,
        twin + _UNCERTAIN if pair is not None and not pair.certain else twin,
        "" if fix is None else fix.description,
        {} if fix is None else _mended(fix, files),
    )


def _mended(fix: Fix, files: Mapping[str, str]) -> dict[str, str]:
    """The lines that a fix changes, after it and without their indentation, by path; behind a minus, what only goes."""
    found: dict[str, str] = {}
    for path in sorted({edit.span.path for edit in fix.exact}):
        old = files.get(path, "")
        new = applied(old, tuple(edit for edit in fix.exact if edit.span.path == path))
        lines: list[str] = []
        before, after = old.splitlines(), new.splitlines()
        for kind, start, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if kind != "equal":
                lines += [line.strip() for line in after[first:last]] or [
                    f"- {each.strip()}" for each in before[start:end]
                ]
        found[path] = "\n".join(lines)
    return found


def _unlike(stated: Sequence[Said | Question], found: Sequence[Said | Question], *, strict: bool) -> Iterator[str]:
    """A line for each statement that nothing found fits, and with `strict` for each thing found that none states."""
    left = list(found)
    for each in stated:
        fitting = next((other for other in left if _fits(each, other, strict=strict)), None)
        if fitting is None:
            yield f"stated, not found: {_told(each)}"
        else:
            left.remove(fitting)
    if strict:
        yield from (f"found, not stated: {_told(each)}" for each in left)


def _told(each: Said | Question) -> str:
    """What a case states, in one line."""
    if isinstance(each, Question):
        return f"open for {each.rule}: {each.reason}" + (f" (subject {each.subject})" if each.subject else "")
    more = {"subject": each.subject, "pair": each.pair, "fix": each.fix, "becomes": each.becomes}
    told = ", ".join(f"{name} {value!r}" for name, value in more.items() if value is not None)
    return f"{each.severity} of {each.rule}: {each.message}" + (f" ({told})" if told else "")


def _fits(stated: Struct, found: Struct, *, strict: bool) -> bool:
    for name in stated.__struct_fields__:
        wanted, got = getattr(stated, name), getattr(found, name)
        if wanted is None and not (strict and got):
            continue
        if wanted != got:
            return False
    return True


def statement(rule: str, report: Report, files: Mapping[str, str]) -> str:
    """`findings` and `open` of a case file of `rule`, in YAML, as a report would have them."""
    lines = ["findings:"] if report.results else []
    for result in report.results:
        each = said(result, files)
        named = "" if each.rule == rule else each.rule
        lines += _entry(
            {
                each.severity.value: each.message,
                "rule": named,
                "subject": each.subject,
                "pair": each.pair,
                "fix": each.fix,
                **_becomes(each.becomes or {}, result.span.path),
            }
        )
    lines += ["open:"] if report.undecided else []
    rules: dict[tuple[str, str], list[str]] = {}
    for question in report.undecided:
        rules.setdefault((question.reason, question.subject), []).append(question.rule)
    for (reason, subject), names in rules.items():
        lines += _entry({"reason": reason, "rule": "" if names == [rule] else ", ".join(names), "subject": subject})
    return "\n".join(lines)


def _becomes(lines: Mapping[str, str], path: str) -> dict[str, str | Mapping[str, str]]:
    return {"becomes": lines[path] if set(lines) == {path} else lines} if lines else {}


def _entry(texts: Mapping[str, str | Mapping[str, str] | None]) -> Iterator[str]:
    for number, (key, text) in enumerate((key, text) for key, text in texts.items() if text):
        yield f"{'    ' if number else '  - '}{key}: {json.dumps(text, ensure_ascii=False)}"


def _show(mark: Mark, files: Mapping[str, str]) -> str:
    text = files.get(mark.path, "")
    line = text.count("\n", 0, mark.start) + 1
    what = {"": "", "?": " is open"}.get(mark.what, f" links ({mark.what})")
    return f"{mark.rule}{what} at {mark.path}:{line} «{text[mark.start : mark.end]}»"
