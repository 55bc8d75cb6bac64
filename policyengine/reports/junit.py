"""JUnit XML, which most CI systems show: a suite a side, a case a rule, a failure a finding."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from policyengine.reports.entry import entries, undone
from policyengine.reports.lines import visible
from policyengine.reports.view import View, plain, rules
from policyengine.rules.coverage import account, side_of
from policyengine.rules.waivers import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.reports.entry import Entry
    from policyengine.rules.evaluate import Report


def report(found: Report, prefix: str = "") -> str:
    """The report as XML. A rule with open questions, or one that nothing was held against, is a skipped case.

    Work that could not be done is an error.
    """
    return "".join(f"{line}\n" for line in _lines(found, prefix))


def _lines(found: Report, prefix: str) -> Iterator[str]:
    view = View.of(found)
    told: dict[str, list[Entry]] = {}
    for entry in entries(view, prefix):
        told.setdefault(entry.result.rule.id, []).append(entry)
    opened = Counter(question.rule for question in found.undecided)
    held = {each.rule for each in found.compared} | {each.result.rule.id for each in found.waived}
    skipped = {rule: "nothing to compare" for rule in found.rules if rule not in held and rule not in told}
    skipped |= {rule: f"{count} open" for rule, count in opened.items() if rule not in told}
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    cases = len(found.rules) + len(found.failures) + len(found.waived)
    yield (
        f'<testsuites name="policyengine" tests="{cases}" failures="{len(found.results)}" '
        f'errors="{len(found.failures)}">'
    )
    for side in account(found).sides:
        mine = [rule for pack, rule in rules(found) if pack.name == side.pack and side_of(rule.id) == side.key]
        if not mine:
            continue
        yield (
            f'  <testsuite name={quoteattr(f"{side.key} {side.title}".strip())} tests="{len(mine)}" '
            f'failures="{side.findings}" skipped="{sum(rule.id in skipped for rule in mine)}">'
        )
        for rule in mine:
            yield f"    <testcase classname={quoteattr(side.pack)} name={quoteattr(f'{rule.id} {rule.summary}')}>"
            for each in told.get(rule.id, ()):
                text = f"{each.at}\n{each.whole}\n" + "".join(f"{other}\n" for other in each.others)
                told_as = f"type={quoteattr(each.severity)} message={quoteattr(each.message)}"
                yield f"      <failure {told_as}>{escape(text)}</failure>"
            if rule.id in skipped:
                yield f'      <skipped message="{skipped[rule.id]}"/>'
            yield "    </testcase>"
        yield "  </testsuite>"
    if found.waived:
        number = len(found.waived)
        yield f'  <testsuite name={quoteattr(visible(view.debt))} tests="{number}" skipped="{number}">'
        for waived in found.waived:
            said = f"{shown(waived)}: {waived.reason}" if waived.is_debt else waived.reason
            about, name = visible(view.redactor.text(said)), visible(plain(view.message(waived.result)))
            yield f"    <testcase classname={quoteattr(waived.result.rule.id)} name={quoteattr(name)}>"
            yield f"      <skipped message={quoteattr(about)}/>"
            yield "    </testcase>"
        yield "  </testsuite>"
    if found.failures:
        yield f'  <testsuite name="not done" tests="{len(found.failures)}" errors="{len(found.failures)}">'
        for lost in undone(view, prefix):
            name = "work" if lost.at is None else lost.at.path
            yield f'    <testcase classname="policyengine" name={quoteattr(name)}>'
            yield f"      <error message={quoteattr(lost.message)}/>"
            yield "    </testcase>"
        yield "  </testsuite>"
    yield "</testsuites>"
