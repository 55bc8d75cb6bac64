"""Running the function of a rule: what it may give, how long it may take, and what is told of its crash."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from policyengine.model.change import Edit
from policyengine.model.nodes import Node
from policyengine.model.source import Span, UsageError
from policyengine.model.value import Absent, Floating, Known, Unknown
from policyengine.rules.rule import Compared, Finding, Fix, Severity, Undecided, links, place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType, TracebackType

    from policyengine.model.graph import Graph
    from policyengine.rules.rule import Outcome, Rule

SECONDS = 30.0
"""Processor time that a rule may take. Those of the built-in pack stay below a second on the largest trees known."""

MOST = 25_000
"""So many findings and open questions a rule may give, as many results as code scanning takes of a run
(https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/troubleshoot-sarif-uploads)."""

_WAITING = 10
"""So many times as long as it may work a rule may last, asleep or waiting, on a machine that has other things to do."""
_MOST_COMPARED = 20 * MOST
_VARIABLE = "POLICYENGINE_RULE_SECONDS"
_LONGEST = 300
_MOST_FRAMES = 8


class Stopped(BaseException):
    """A rule took too long, which its text says. No `except Exception` of a pack holds it up."""


class Flawed(Struct, frozen=True):
    """What went wrong with a rule: a sentence, and where in the pack's own code, the call that crashed last."""

    message: str
    trace: tuple[str, ...] = ()


def limit() -> float:
    """The processor time that a rule may take, in seconds; `POLICYENGINE_RULE_SECONDS` says another.

    Raises:
        UsageError: it is no positive number.
    """
    told = os.environ.get(_VARIABLE)
    if told is None:
        return SECONDS
    try:
        seconds = float(told)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{_VARIABLE} is '{told}'; write a number of seconds above 0")
    return seconds


class Timer(Struct):
    """Stops a rule that works or waits too long: raises `Stopped` between `begin` and `end`, never outside."""

    seconds: float
    works: bool = False
    running: bool = False

    def begin(self) -> None:
        """Count from here."""
        self.running = True
        if self.works:
            signal.setitimer(signal.ITIMER_VIRTUAL, self.seconds, 1.0)
            signal.setitimer(signal.ITIMER_REAL, self.seconds * _WAITING, 1.0)

    def end(self) -> None:
        """Count no more."""
        self.running = False
        if self.works:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)

    def stop(self, number: int, _: FrameType | None) -> None:
        """What the signals call."""
        if self.running and number == signal.SIGVTALRM:
            raise Stopped(f"{self.seconds:g} seconds of processor time")
        if self.running:
            raise Stopped(f"{self.seconds * _WAITING:g} seconds")


@contextmanager
def limited(seconds: float) -> Iterator[Timer]:
    """A timer for the rules that run within.

    The timer of the process counts its own work only, so a busy machine stops no rule; a second one stops what only
    waits, after much longer. Where there are none (on Windows, beside the main thread) nothing is stopped; a single
    call into C is where it looks for signals, as a pattern does.
    """
    timer = Timer(seconds)
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield timer
        return
    before = [(number, signal.signal(number, timer.stop)) for number in (signal.SIGVTALRM, signal.SIGALRM)]
    timer.works = True
    try:
        yield timer
    finally:
        timer.end()
        for number, handler in before:
            signal.signal(number, handler)


def outcomes(rule: Rule[Any], graph: Graph, options: object, timer: Timer) -> list[Outcome | Flawed]:
    """What a rule gives, and what is wrong with it; what it gave before it crashed stands."""
    made: list[Outcome | Flawed] = []
    try:
        try:
            timer.begin()
            with redirect_stdout(sys.stderr):  # standard output holds the report alone
                _ask(rule, graph, options, made)
        finally:
            timer.end()
    except Stopped as error:
        said = f"rule {rule.id} was stopped: it did not end within {error}"
        made.append(Flawed(said, _frames(error.__traceback__)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  a pack's rule may raise anything, an extension in Rust a panic
        made.append(_crash(rule, graph, error))
    return made


def _ask(rule: Rule[Any], graph: Graph, options: object, made: list[Outcome | Flawed]) -> None:
    told: set[str] = set()
    found: object = rule.check(graph, options)
    if not hasattr(found, "__iter__") or isinstance(found, (str, bytes, Struct)):
        said = f"rule {rule.id} returned {_a(found)}, not findings; yield each of them"
        made.append(Flawed(said, _place(rule, None)))
        return
    given = 0
    for each in found:
        flaw = _flaw(rule, each)
        if not flaw:
            given += not isinstance(each, Compared)
            if given > MOST or len(made) > _MOST_COMPARED:
                said = f"rule {rule.id} was stopped: it gave over {MOST:,} findings and open questions"
                made.append(Flawed(said, _place(rule, found)))
                return
            made.append(each)
        elif flaw not in told:
            told.add(flaw)
            made.append(Flawed(f"rule {rule.id} {flaw}", _place(rule, found)))


def _crash(rule: Rule[Any], graph: Graph, error: BaseException) -> Flawed:
    """The first line of what an error says, and where it was raised. Whatever is secret in it can be found there."""
    said = next(iter(str(error).splitlines()), "")
    for sealed in (*graph.sealed, *(each for one in graph.declaring for each in one.sealed())):
        escaped = repr(sealed.text)[1:-1]  # as a KeyError shows it
        if sealed.text and escaped != sealed.text:
            said = said.replace(escaped, sealed.text)
    what = f"{type(error).__name__}: {said}" if said else type(error).__name__
    what = what if len(what) <= _LONGEST else f"{what[:_LONGEST]}…"
    return Flawed(f"rule {rule.id} crashed: {what}", _frames(error.__traceback__))


def _frames(trace: TracebackType | None) -> tuple[str, ...]:
    """The calls that led there, the last one last, without those within this program."""
    found: list[str] = []
    while trace is not None:
        found += _call(trace.tb_frame.f_code, trace.tb_lineno, str(trace.tb_frame.f_globals.get("__name__", "")))
        trace = trace.tb_next
    return tuple(found[-_MOST_FRAMES:])


def _place(rule: Rule[Any], found: object) -> tuple[str, ...]:
    """Where a rule is that gave something wrong: what it yields just now, or its beginning."""
    frame: FrameType | None = getattr(found, "gi_frame", None)
    code: CodeType | None = getattr(frame, "f_code", getattr(rule.check, "__code__", None))
    if code is None:
        return ()
    line = code.co_firstlineno if frame is None else frame.f_lineno
    return _call(code, line, str(getattr(rule.check, "__module__", "")))


def _call(code: CodeType, line: int, module: str) -> tuple[str, ...]:
    """A line of a pack; nothing for one of this program."""
    import linecache  # noqa: PLC0415  only for what went wrong

    import policyengine  # noqa: PLC0415  as above

    file = Path(code.co_filename)
    if file.is_relative_to(Path(policyengine.__file__).parent):
        return ()
    path = "/".join(file.parts[-(module.count(".") + (2 if file.stem == "__init__" else 1)) :])
    return (f"{path}:{line} in {code.co_name}: {linecache.getline(code.co_filename, line).strip()}",)


def _flaw(rule: Rule[Any], outcome: object) -> str:
    """What is wrong with something that a rule gave, empty for nothing."""
    match outcome:
        case Finding():
            return _flaw_of(rule, outcome)
        case Undecided(subject=Node(), at=Span() as at, reason=str()) if _is_range(at):
            return ""
        case Compared(subject=Node(), against=None | Node()):
            return ""
        case Undecided() | Compared():
            return f"gave {_a(outcome)} whose subject is no node, whose place is none, or whose reason is no text"
        case _:
            return f"gave {_a(outcome)}, which is no Finding, Undecided or Compared"


def _flaw_of(rule: Rule[Any], finding: Finding) -> str:
    if not isinstance(finding.subject, Node):
        return f"gave a finding whose subject is {_a(finding.subject)}, not a node"
    if not isinstance(finding.related, (tuple, list)):
        return f"gave a finding whose related places are {_a(finding.related)}, not a tuple of them"
    for at in (finding.at, *finding.related):
        if not isinstance(at, Span) and not isinstance(getattr(at, "span", None), Span):
            hint = ", or its 'value'" if hasattr(at, "key_span") else ""
            return f"gave a finding without a place: {_a(at)} has none; give a value, a node or a span{hint}"
        if not _is_range(place(at)):
            return f"gave a finding whose place is no range of a file: {tuple(place(at))}"
    if not place(finding.at).path:
        return f"gave a finding of '{finding.subject.id}' without a place: it stands in no file"
    if finding.severity is not None and not isinstance(finding.severity, Severity):
        return f"gave a finding with the severity {finding.severity!r}, which is none"
    if finding.variant not in rule.messages:
        return f"gave a finding with the message '{finding.variant}', which the rule has not"
    if not isinstance(finding.args, Mapping):
        return f"gave a finding whose args are {_a(finding.args)}, not a mapping"
    wrapped = next((name for name, each in finding.args.items() if isinstance(each, _FACTS)), None)
    if wrapped is not None:
        fact = _a(finding.args[wrapped])
        return f"gave a finding with {fact} for '{wrapped}' in its args; give what it holds, its 'value'"
    if finding.fix is not None and not _is_fix(finding.fix):
        return f"gave a finding whose fix is {_a(finding.fix)}, not a Fix of a sentence and edits"
    missing = [name for name in rule.placeholders(finding.variant) if name not in finding.args]
    if missing:
        return f"gave a finding without '{missing[0]}' in its args, which the message '{finding.variant}' needs"
    try:
        text = rule.text(finding)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return f"gave a finding whose args do not fit the message '{finding.variant}': {type(error).__name__}"
    wrong = next((number for number in links(text) if not 1 <= number <= len(finding.related)), None)
    if wrong is not None:
        return f"links place {wrong} in its message, but gave {len(finding.related)} related places"
    return ""


_FACTS = (Known, Floating, Unknown, Absent)


def _is_range(span: Span) -> bool:
    path, start, end = span
    return isinstance(path, str) and type(start) is type(end) is int and 0 <= start <= end


def _is_fix(fix: object) -> bool:
    if not isinstance(fix, Fix) or not isinstance(fix.description, str) or not isinstance(fix.edits, (tuple, list)):
        return False
    return all(_is_edit(each) if isinstance(each, Edit) else isinstance(each, Struct) for each in fix.edits)


def _is_edit(edit: Edit) -> bool:
    return isinstance(edit.span, Span) and _is_range(edit.span) and isinstance(edit.text, str)


def _a(value: object) -> str:
    """What something is called in a sentence."""
    name = type(value).__name__
    return "nothing" if value is None else f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
