"""The report for people: findings by side of the hexagon, both places of each with their lines, and a summary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes import Node
from policyengine.reports.identity import SHORT, identity
from policyengine.reports.lines import shown, visible, width
from policyengine.reports.view import View, plain, rules
from policyengine.rules.coverage import account, accounts, changed, side_of
from policyengine.rules.rule import Severity
from policyengine.rules.waivers import debt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.graph import Unpaired
    from policyengine.model.source import Span
    from policyengine.reports.view import Place
    from policyengine.rules.coverage import Account, SideAccount
    from policyengine.rules.evaluate import Failure, Open, Report, Result

_COLOURS = {"error": "1;31", "warning": "1;33", "note": "1;36"}
ASCII = str.maketrans(
    {
        "│": "|",
        "─": "-",
        "┌": "-",
        "├": "-",
        "→": ">",
        "⬢": "*",
        "✓": "ok",
        "·": "-",
        "…": "~",
        "✗": "x",
        "×": "x",
        "–": "-",
        "↔": "=",
    }
)

_FIRST = 3
"""So many of too many findings of one rule and kind are shown whole, and the others as lines."""
_MOST_LEFT = 8
"""So many nodes without a twin are named."""
_MOST_ALIKE = 4
"""So many choices of one kind and reason are named; the graph holds all."""


class Style(Struct, frozen=True):
    """How a report is set: with ANSI colours, with box characters, with every undecided question.

    `prefix` goes before each path, so that a path can be opened from the working directory. A `quiet` report ends with
    its last finding; `statistics` counts findings by rule in place of listing them. Up to `most` findings of one rule
    and kind are shown whole.
    """

    colour: bool = False
    unicode: bool = True
    undecided: bool = False
    quiet: bool = False
    statistics: bool = False
    most: int = 6
    prefix: str = ""


def report(found: Report, style: Style) -> str:
    """The whole report, ending in a line end."""
    text = "".join(f"{line}\n" for line in Writer(View.of(found), style).lines())
    return text if style.unicode else text.translate(ASCII)


class Writer(Struct, frozen=True):
    """Writes the parts of a report as lines."""

    view: View
    style: Style

    def paint(self, code: str, text: str) -> str:
        """The text in a colour, where there shall be colours."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.style.colour and text else text

    def lines(self) -> Iterator[str]:
        """The lines of the whole report."""
        found = self.view.report
        if self.style.statistics:
            yield from self.counts()
        for title, results in () if self.style.statistics else self.groups():
            yield self.paint("1", f"── {title} " + "─" * max(4, 76 - width(title)))
            yield ""
            for alike in _alike(results):
                former: Result | None = None
                whole = len(alike) if len(alike) <= self.style.most else _FIRST
                for result in alike[:whole]:
                    yield from self.finding(result, former)
                    yield ""
                    former = result
                if whole < len(alike):
                    yield from self.more(alike[whole:])
                    yield ""
        if found.failures:
            yield self.paint("1;31", "── Not done " + "─" * 68)
            yield ""
            for failure in found.failures:
                yield from self.failure(failure)
            yield ""
        if self.style.undecided and found.undecided:
            yield self.paint("1", "── Undecided " + "─" * 67)
            yield ""
            for question in found.undecided:
                yield from self.question(question)
        if not self.style.quiet:
            yield from self.summary()

    def counts(self) -> Iterator[str]:
        """How many findings each rule has, the most first."""
        found = self.view.report
        counted = Counter((each.rule.id, each.severity, each.rule.summary) for each in found.results)
        longest = max((len(rule) for rule, _, _ in counted), default=0)
        for (rule, severity, summary), count in sorted(counted.items(), key=lambda each: (-each[1], each[0])):
            weight = self.paint(_COLOURS[severity.value], severity.value.ljust(7))
            yield f"{count:5}  {rule.ljust(longest)}  {weight}  {visible(summary)}"
        if counted:
            yield ""

    def more(self, results: Sequence[Result]) -> Iterator[str]:
        """Further findings like those before them, a line each."""
        first = results[0]
        head = self.paint(_COLOURS[first.severity.value], f"{first.severity.value}[{first.rule.id}]")
        yield f"{head} {len(results)} more like these, which '--format concise' lists with their remedies:"
        for result in results:
            yield f"  {self.where(result.span)}  {visible(plain(self.view.message(result)))}"

    def groups(self) -> Iterator[tuple[str, list[Result]]]:
        """The findings of each side with its title, errors first, and alike ones together."""
        for pack in self.view.report.packs:
            mine = [result for result in self.view.report.results if result.pack == pack.name and not result.folded]
            for key in sorted({side_of(result.rule.id) for result in mine}):
                title = f"{key} · {pack.sides[key]}" if key in pack.sides else pack.name
                side = [result for result in mine if side_of(result.rule.id) == key]
                yield title, sorted(side, key=lambda each: (-each.severity.rank, each.rule.id))

    def finding(self, result: Result, former: Result | None = None) -> Iterator[str]:
        """A finding with its places and notes; where the `former` one has the same places, what that does not say."""
        colour = _COLOURS[result.severity.value]
        head = self.paint(colour, f"{result.severity.value}[{result.rule.id}]")
        yield f"{head} {self.paint('1', visible(plain(self.view.message(result))))}"
        related = self.view.related(result)
        places = (result.rule.id, result.span, result.related)
        if (
            former is not None
            and former.subject != result.subject
            and places == (former.rule.id, former.span, former.related)
        ):
            yield self.note(1, "note", f"at the same place, of {result.subject}")
            said = [*self.notes(former)]
            yield from (self.note(1, *each) for each in self.notes(result) if each not in said and each[0] != "why")
            return
        gutter = max(self.gutter(place.span) for place in (self.view.at(result), *related))
        yield from self.place(self.view.at(result), gutter, "┌", "^", colour)
        for place in related:
            yield from self.place(place, gutter, "├", "─", "1;34")
        yield from (self.note(gutter, *each) for each in self.notes(result))

    def notes(self, result: Result) -> Iterator[tuple[str, str]]:
        """What is said of a finding below its places, each with the word that says what it is."""
        if result.pair is not None and not result.pair.certain:
            why = f" ({'; '.join(result.pair.reasons)})" if result.pair.reasons else ""
            yield "note", f"the pair is not certain, so this weighs one step less{why}"
        if result.systems:
            more = f" and {len(result.systems) - _MOST_ALIKE} more" if len(result.systems) > _MOST_ALIKE else ""
            yield "system", f"{', '.join(result.systems[:_MOST_ALIKE])}{more}"
        if result.environments:
            yield "note", f"only in {', '.join(result.environments)}"
        if remedy := self.view.remedy(result):
            fix = result.finding.fix
            yield "help", f"{remedy} ({fix.applicability} fix)" if fix is not None and fix.exact else remedy
        doubtful = result.pair is not None and not result.pair.certain
        if doubtful or any(place.via for place in (self.view.at(result), *self.view.related(result))):
            folder = self.style.prefix.rstrip("/")
            yield "why", f"policyengine explain {identity(result)[:SHORT]}{f' {folder}' * bool(folder)}"

    def gutter(self, span: Span) -> int:
        """How many digits the number of its last line has."""
        source = self.view.source(span.path)
        return len(str(source.position(min(max(span.start, span.end), len(source.text))).line)) if source else 1

    def place(self, place: Place, gutter: int, corner: str, mark: str, colour: str) -> Iterator[str]:
        """A place with its lines, what is meant marked in them, and the way of its value."""
        what = " ".join(each for each in (place.what, f"({place.node})" if place.node else "") if each)
        bar = self.paint("34", "│")
        arrow = self.paint("34", corner + "─")
        about = f"  {self.paint('2', self.shown(what))}" if what else ""
        yield f"{' ' * gutter} {arrow} {self.where(place.span)}{about}"
        source = self.view.source(place.span.path)
        if source is not None and place.span.start <= len(source.text):
            for line in shown(source, place.span):
                if line is None:
                    yield f"{self.paint('34', '…'.rjust(gutter))} {bar}"
                    continue
                yield f"{self.paint('34', str(line.number).rjust(gutter))} {bar} {line.text}".rstrip()
                marks = self.paint(colour, mark * (line.end - line.start))
                yield f"{' ' * gutter} {bar} {' ' * line.start}{marks}"
        if place.via:
            within = any(place.span.holds(step.span) for step in place.via)  # the value is made of parts
            end = [] if within else [self.where(place.span)]
            steps = " → ".join([*(f"{step.what} {self.where(step.span)}".strip() for step in place.via), *end])
            yield self.note(gutter, "via", steps)

    def note(self, gutter: int, kind: str, text: str) -> str:
        """A line below a place."""
        return f"{' ' * gutter} {self.paint('34', '=')} {self.paint('1', kind + ':')} {self.shown(text)}"

    def shown(self, text: str) -> str:
        """Words for people, without secrets and without what could harm a terminal."""
        return visible(self.view.redactor.text(text))

    def where(self, span: Span) -> str:
        """`path:line:column`, as a terminal opens it."""
        if self.view.outside(span.path):
            return visible(span.path)
        line, column = self.view.position(span)
        return f"{visible(self.style.prefix + span.path)}:{line}:{column}"

    def failure(self, failure: Failure) -> Iterator[str]:
        """Work that could not be done."""
        where = f"{self.where(failure.span)}: " if failure.span is not None else ""
        head = self.paint(_COLOURS["error"], "failure")
        yield f"{head} {where}{self.shown(failure.message)}"
        if failure.advice:
            yield self.note(1, "help", failure.advice)
        for call in failure.trace:
            yield self.note(1, "at", call)

    def question(self, question: Open) -> Iterator[str]:
        """A question that stayed open, with its place."""
        reason = self.shown(question.reason)
        yield f"{self.paint('2', question.rule)} {self.shown(question.subject)}: {reason}"
        place = question.span
        source = self.view.source(place.path)
        for line in shown(source, place)[:1] if source is not None else ():
            if line is not None:
                gutter = len(str(line.number))
                bar = self.paint("34", "│")
                yield f"{' ' * gutter} {self.paint('34', '┌─')} {self.where(place)}"
                yield f"{self.paint('34', str(line.number))} {bar} {line.text}"
                yield f"{' ' * gutter} {bar} {' ' * line.start}{self.paint('36', '^' * (line.end - line.start))}"
        if source is None:
            yield f"  {self.paint('34', '┌─')} {self.where(place)}"
        yield ""

    def summary(self) -> Iterator[str]:
        """What each side comes to, and what is to be said of the whole."""
        found = self.view.report
        counted = account(found)
        crashed = {side_of(failure.rule) for failure in found.failures if failure.rule}
        shown_packs = {pack.name for pack, _ in rules(found)}
        sides = [side for side in counted.sides if side.pack in shown_packs]
        longest = max((width(f"{side.key} {side.title}") for side in sides), default=0)
        for side in sides:
            worst = [each for each in found.results if each.pack == side.pack and side_of(each.rule.id) == side.key]
            name = f"{side.key} {side.title}"
            yield self.side(f"{name}{' ' * (longest - width(name))}", side, worst, crashed=side.key in crashed)
        yield ""
        yield from self.systems()
        yield from self.left_over(counted)
        yield from self.closing(counted)

    def side(self, title: str, side: SideAccount, results: Sequence[Result], *, crashed: bool) -> str:
        """One side: `✓ 5 compared`, `2 errors  7 compared`, `? 3 open`, `– nothing to compare: no cloud side found`."""
        counts = Counter(result.severity for result in results if not result.folded)
        worst = max(counts, key=lambda each: each.rank, default=None)
        parts = [
            self.paint(_COLOURS[each.value], _count(counts[each], each.value)) for each in Severity if counts[each]
        ]
        if crashed:
            parts.append(self.paint(_COLOURS["error"], "✗ a rule crashed"))
        if side.unchanged:
            parts.append(self.paint("2", f"{side.unchanged} unchanged"))
        if side.conventions:
            parts.append(self.paint("2", _count(side.conventions, "convention")))
        if side.open:
            parts.append(self.paint("33", f"? {side.open} open"))
        if side.without_twin:
            parts.append(self.paint("33", f"? {side.without_twin} without a twin"))
        if side.compared:
            done = f"{side.compared} compared"
            parts.append(self.paint("32", f"✓ {done}") if side.green and not crashed else self.paint("2", done))
        if not parts:
            parts = [self.paint("2", f"– nothing to compare: {side.nothing}" if side.ran else "– not checked")]
        calm = "32" if side.green else "2"
        cell = self.paint(_COLOURS["error"] if crashed else _COLOURS[worst.value] if worst else calm, "⬢")
        return f"  {cell} {title}  {'  '.join(parts)}"

    def systems(self) -> Iterator[str]:
        """A line for each of several systems with the sides of the hexagon; of many those without a finding are one."""
        found = self.view.report
        counts: dict[str, Counter[Severity]] = {name: Counter() for name in found.systems}
        for result in found.results:
            for name in result.systems:
                counts[name][result.severity] += not result.folded
        longest = max(map(width, found.systems), default=0)
        calm = []
        for name, own in accounts(found).items():
            said = [_count(counts[name][each], each.value) for each in Severity if counts[name][each]]
            said += [f"no {side} side" for side in own.missing]
            if not said and len(found.systems) > _MOST_LEFT:
                calm.append(name)
                continue
            sides = " ".join(f"{side.key}{_mark(side)}" for side in own.sides if side.ran)
            pairs = _count(len(found.systems[name].graph.pairs), "pair")
            yield f"  {visible(name)}{' ' * (longest - width(name))}  {'  '.join([sides, *said, pairs])}"
        if calm:
            more = " …" if len(calm) > _MOST_ALIKE else ""
            without = f"{_count(len(calm), 'system')} without a finding: {', '.join(calm[:_MOST_ALIKE])}{more}"
            yield self.paint("32", f"  {visible(without)}")
        if found.systems:
            yield ""

    def left_over(self, counted: Account) -> Iterator[str]:
        """Who mirrors nothing although the other side has its like: a line for each kind and side."""
        graph = self.view.report.graph
        groups: dict[tuple[str, str], list[Unpaired]] = {}
        for each in counted.unpaired:
            node = graph.get(Node, each.node)
            if node is not None and each.like and not each.aside:
                groups.setdefault((node.side.value, type(node).__name__.lower()), []).append(each)
        for (where, kind), left in sorted(groups.items()):
            names = [node.name for each in left if (node := graph.get(Node, each.node)) is not None]
            more = f" and {len(names) - _MOST_LEFT} more" if len(names) > _MOST_LEFT else ""
            listed = ", ".join(f"'{name}'" for name in names[:_MOST_LEFT])
            near = left[0].candidates[0] if len(left) == 1 and left[0].candidates else None
            other = graph.get(Node, near.node) if near is not None else None
            nearest = f"; the nearest is '{other.name}'" if other is not None else ""
            line = f"{where} {kind} without a twin: {listed}{more}{nearest}"
            yield self.paint("33", f"  ? {self.shown(line)}")
        if groups:
            yield ""

    def closing(self, counted: Account) -> Iterator[str]:
        """The last lines: counts, what to do next, what was chosen."""
        found = self.view.report
        counts = Counter(result.severity for result in found.results if not result.folded)
        if counts:
            parts = ", ".join(_count(counts[each], each.value) for each in Severity if counts[each])
            head = f"{_count(counts.total(), 'finding')}: {parts}"
        else:
            none = "No finding" if found.since is None else "No new finding"
            head = self.paint("1;32" if not found.failures else "1", none)
        read = f"{_count(len(found.sources), 'file')} read, {_count(len(found.rules), 'rule')} checked"
        pairs = _count(len(found.graph.pairs), "pair")
        yield f"{self.paint('1', head) if counts else head}  ·  {read}, {pairs}"
        folded = sum(result.folded for result in found.results)
        if folded:
            shown_ = f"{_count(folded, 'convention')} of the strict profile {'is' if folded == 1 else 'are'} not met"
            yield self.paint("2", f"{shown_}; --profile strict shows {'it' if folded == 1 else 'them'}")
        if counted.advice:
            yield counted.advice
        if found.failures:
            yield self.paint("1;31", f"{_count(len(found.failures), 'failure')}: the report is not complete")
        if found.since is not None:
            yield self.paint("1", visible(changed(found)))
        if found.waived:
            yield self.shown(debt(found))
        if found.fixed:
            more = f" and {len(found.fixed) - _MOST_ALIKE} more" if len(found.fixed) > _MOST_ALIKE else ""
            yield self.paint("32", visible(f"fixed: {', '.join(found.fixed[:_MOST_ALIKE])}{more}"))
        if found.undecided:
            yield f"{len(found.undecided)} undecided{self.reasons()}"
            if not self.style.undecided:
                yield self.paint("2", "  --undecided shows each with its place")
        for remark in found.remarks:
            yield self.paint("33", f"{self.where(remark.span)}: {self.shown(remark.message)}")
        if found.configuration:
            yield self.paint("2", visible(f"configuration: {self.style.prefix}{found.configuration}"))
        alike: dict[tuple[str, str], list[str]] = {}
        for choice in found.graph.choices:
            alike.setdefault((choice.what, choice.reason), []).append(choice.chosen)
        for (what, reason), chosen in alike.items():
            more = f" and {len(chosen) - _MOST_ALIKE} more" if len(chosen) > _MOST_ALIKE else ""
            yield self.paint("2", self.shown(f"{what}: {', '.join(chosen[:_MOST_ALIKE])}{more} ({reason})"))

    def reasons(self) -> str:
        """The commonest reasons of open questions."""
        common = Counter(self.shown(each.reason) for each in self.view.report.undecided)
        top = sorted(common.items(), key=lambda each: (-each[1], each[0]))[:3]
        more = len(common) - len(top)
        shown_reasons = "".join(f"\n  {count} × {reason}" for reason, count in top)
        return shown_reasons + (f"\n  and {more} more reasons" if more > 1 else "\n  and 1 more reason" if more else "")


def _alike(results: Sequence[Result]) -> list[list[Result]]:
    """Results that are sorted by severity and rule, in groups of one rule, message and severity."""
    groups: dict[tuple[Severity, str, str], list[Result]] = {}
    for each in results:
        groups.setdefault((each.severity, each.rule.id, each.finding.variant), []).append(each)
    return list(groups.values())


def _mark(side: SideAccount) -> str:
    """What one side of the hexagon comes to: findings, open questions, a tick, or nothing compared."""
    if side.findings > side.conventions:
        return "✗"
    return "?" if side.open or side.without_twin else "✓" if side.green else "–"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
