"""The static part of a SARIF log: rules, notification descriptors and taxonomies. Nothing of a finding is in them."""

from __future__ import annotations

import re
import string
import uuid
from itertools import product
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from policyengine.knowledge.weaknesses import weakness
from policyengine.patterns import regex
from policyengine.reports.view import rules
from policyengine.rules.coverage import side_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from policyengine.rules.evaluate import Report
    from policyengine.rules.rule import Finding, Pack, Rule

HOME = "https://github.com/policyengine-iac/policyengine"
NO_PAGE = f"{HOME}/blob/main/docs/packs.md#the-page-of-a-rule"
"""What is shown of a rule whose pack names no page."""
UNREAD_PAGE = f"{HOME}/blob/main/docs/reports.md#what-could-not-be-read"
NOT_READ = "PE9001"
NOT_DONE = "PE9002"
LEFT_OUT = "PE9003"
COMPARED = "PE9004"
CONFIGURED = "PE9005"
CHOSEN = "PE9006"
LEFT_OPEN = "PE9007"
LONGEST = 1024
"""Characters of a message or a description that GitHub shows."""

MORE = 101
"""The number of the first place that belongs to a further finding of the same rule on the same line."""
REMEDY, DOUBT, FURTHER = "remedy", "doubt", "more"
"""What may follow a message: what mends it, why its pair is not certain, what else the rule finds on the line."""
_TAILS = {
    REMEDY: " Remedy: '{n}'.",
    DOUBT: " That both mirror each other is not certain: '{n}'.",
    FURTHER: f" On the same line [this rule also finds]({MORE}): '{{n}}'.",
}
_BARE = {
    DOUBT: " That both mirror each other is not certain.",
    FURTHER: f" The same line has [another finding of this rule]({MORE}).",
}
_MOST_ARGUMENTS = 5

_MAX_TAGS = 10
_SENTENCE = regex(r"[.!?…]\Z")

Json = dict[str, object]


class Template(Struct, frozen=True):
    """A message as SARIF spells it: `'{0}'` for the first placeholder, and the placeholders' names in that order."""

    text: str
    names: tuple[str, ...]


def template(rule: Rule[Any], variant: str) -> Template:
    """The SARIF template of one of a rule's messages.

    Every placeholder stands in single quotes. A message without a placeholder gets the subject's name at its end,
    because GitHub groups alerts of one text.
    """
    pieces: list[str] = []
    names: list[str] = []
    parts = list(string.Formatter().parse(rule.messages[variant]))
    for number, (literal, name, _, _) in enumerate(parts):
        pieces.append(literal.translate(_BRACES))
        if name is None:
            continue
        if name not in names:
            names.append(name)
        following = parts[number + 1][0] if number + 1 < len(parts) else ""
        quoted = "".join(pieces).endswith("'") and following.startswith("'")
        pieces.append(f"{{{names.index(name)}}}" if quoted else f"'{{{names.index(name)}}}'")
    text = "".join(pieces).strip()
    if not names:
        names.append("")
        text = f"{text.rstrip('.')} ('{{0}}')"
    return Template(sentence(text), tuple(names))


def told(rule: Rule[Any], made: Template, tails: Iterable[str]) -> Template:
    """The template of a message with what follows it, whose arguments come last, by the names of the tails.

    Where five arguments are used up, a tail says what it can without one.
    """
    text, names = made.text, made.names
    for tail in tails:
        if len(names) < _MOST_ARGUMENTS:
            text += _TAILS[tail].replace("{n}", f"{{{len(names)}}}")
            names = (*names, tail)
        elif tail != REMEDY:
            text += _BARE[tail]
        elif rule.remedy:
            text += f" {sentence(rule.remedy.translate(_BRACES))}"
    return Template(text, names)


def _strings(rule: Rule[Any]) -> Iterator[tuple[str, str]]:
    """Each message of a rule, alone and with what may follow it, by its id."""
    for variant in rule.messages:
        made = template(rule, variant)
        yield variant, made.text
        for remedied, doubtful, further in product((False, True), repeat=3):
            tails = [*[REMEDY] * remedied, *[DOUBT] * doubtful, *[FURTHER] * further]
            if tails and (remedied or not rule.remedy):
                yield ".".join((variant, *tails)), told(rule, made, tails).text


_BRACES = str.maketrans("{}", "()")
_QUOTED = regex(r"(?<!\w)'([^']*)'(?!\w)")
_FALSE_LINK = regex(r"\](?=\()")


def arguments(made: Template, finding: Finding, tails: Mapping[str, str], hide: Callable[[str], str]) -> list[str]:
    """What fills a template: one line each, without braces, and without what could be taken for a link."""
    return [
        _QUOTED.sub(r'"\1"', text_of(tails[name]))
        if name in tails
        else text_of(hide(finding.subject.name if not name else str(finding.args[name])))
        for name in made.names
    ]


def text_of(value: str) -> str:
    """A value as it may stand in a message."""
    named = " ".join(value.split()).replace("'{'", "an opening brace").replace("'}'", "a closing brace")
    return _FALSE_LINK.sub("] ", named).translate(_BRACES)


def fill(text: str, values: list[str]) -> str:
    """A template with its arguments."""
    return re.sub(r"\{(\d)\}", lambda match: values[int(match[1])], text)


def sentence(text: str) -> str:
    """The text with a full stop when it has none at its end."""
    return text if _SENTENCE.search(text) else f"{text}."


def clipped(text: str, longest: int = LONGEST) -> str:
    """The text, or as much of it as fits, with an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


class Catalogue(Struct, frozen=True):
    """The descriptors of a run and where each stands in its list."""

    rules: list[Json]
    notifications: list[Json]
    taxonomies: list[Json]
    supported: list[Json]
    index: dict[str, int]
    mandates: dict[str, Json]

    def tells(self, rule: str, name: str, text: str) -> bool:
        """Whether the message of a rule by that name is this text, and not what is said of production in its place."""
        strings = cast("dict[str, dict[str, str]]", self.rules[self.index[rule]]["messageStrings"])
        return strings[name]["text"] == text


def catalogue(report: Report) -> Catalogue:
    """The descriptors of all evaluated rules, of the engine's own, and of the mandates and weaknesses they name."""
    evaluated = list(rules(report))
    taxonomies, references = _taxonomies(report, evaluated)
    strict = report.profile == "strict"
    made = [_rule(pack, rule, references, strict=strict) for pack, rule in evaluated]
    made.append(_own(NOT_READ, "FileNotRead", "A file could not be read, so findings in it are missing.", "error"))
    return Catalogue(
        rules=made,
        notifications=[
            _notification(NOT_READ, "FileNotRead", "A file could not be read, so findings in it are missing."),
            _notification(NOT_DONE, "WorkNotDone", "A part of the work could not be done, so findings may be missing."),
            _notification(
                LEFT_OUT, "ResultsLeftOut", "The log holds less than was found, to keep within GitHub's limits."
            ),
            _notification(COMPARED, "Compared", "What was compared, what stays open, and who mirrors nothing.", "note"),
            _notification(CONFIGURED, "ConfigurationRemark", "The configuration says what does not hold any more."),
            _notification(CHOSEN, "Chosen", "What was taken where there was a choice, and why.", "note"),
            _notification(LEFT_OPEN, "LeftOpen", "A question of a rule that the files do not answer.", "note"),
        ],
        taxonomies=taxonomies,
        supported=[
            {key: each[key] for key in ("name", "guid")} | {"index": number} for number, each in enumerate(taxonomies)
        ],
        index={str(each["id"]): number for number, each in enumerate(made)},
        mandates={
            rule.id: references[pack.name, rule.mandate]
            for pack, rule in evaluated
            if (pack.name, rule.mandate) in references
        },
    )


def _rule(pack: Pack[Any], rule: Rule[Any], references: dict[tuple[str, str], Json], *, strict: bool) -> Json:
    tags = [
        *dict.fromkeys([*([] if rule.security is None else ["security"]), "parity", *_titles(pack, rule), *rule.tags])
    ]
    tags = [tag for tag in tags if tag != "security" or rule.security is not None]
    tags += [f"external/cwe/cwe-{number:03}" for number in rule.cwe]
    properties: Json = {
        "tags": tags[:_MAX_TAGS],
        "precision": "high" if strict and rule.precision == "medium" else rule.precision,
        "problem.severity": "recommendation" if rule.severity.value == "note" else rule.severity.value,
    }
    if rule.security is not None:
        properties["security-severity"] = f"{rule.security:.1f}"
    mandate = pack.mandates.get(rule.mandate, "")
    uri = pack.help_uri.format(id=rule.id) or NO_PAGE
    why = rule.rationale or rule.summary
    remedy = sentence(rule.remedy) if rule.remedy else ""
    keys = [(pack.name, rule.mandate), *(("CWE", f"CWE-{number}") for number in rule.cwe)]
    return {
        "id": rule.id,
        "name": re.sub(r"\W|_", "", rule.name),
        "shortDescription": {"text": clipped(sentence(rule.summary))},
        "fullDescription": {"text": clipped(" ".join(f"{sentence(rule.summary)} {rule.rationale}".split()))},
        "help": {
            "text": f"{sentence(rule.summary)}\n\n{why}\n\n"
            + (f"Remedy: {remedy}\n\n" if remedy else "")
            + (f"Mandate {rule.mandate}: {mandate}\n" if mandate else ""),
            "markdown": f"# {rule.id} {rule.summary}\n\n{why}\n\n"
            + (f"**Remedy** {remedy}\n\n" if remedy else "")
            + (f"**Mandate {rule.mandate}** {mandate}\n\n" if mandate else "")
            + (
                f"[Examples and guards]({uri})\n" if pack.help_uri else f"`policyengine explain {rule.id}` says more.\n"
            ),
        },
        "helpUri": uri,
        "messageStrings": {name: {"text": text} for name, text in _strings(rule)},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": properties,
        "relationships": [{"target": references[key], "kinds": ["relevant"]} for key in keys if key in references],
    }


def _titles(pack: Pack[Any], rule: Rule[Any]) -> list[str]:
    title = pack.sides.get(side_of(rule.id), "")
    return ["-".join(re.findall(r"\w+", title.lower()))] if title else []


def _own(rule_id: str, name: str, text: str, level: str) -> Json:
    help_text = f"{text} Mend the file at the place that is shown, or git-ignore it if it is generated."
    return {
        "id": rule_id,
        "name": name,
        "shortDescription": {"text": text},
        "fullDescription": {"text": f"{text} Alerts that are already open in it stay open until it can be read again."},
        "help": {"text": help_text, "markdown": f"# {name}\n\n{help_text}\n"},
        "helpUri": UNREAD_PAGE,
        "messageStrings": {"default": {"text": "This file could not be read: '{0}'."}},
        "defaultConfiguration": {"level": level},
        "properties": {"tags": ["parity", "input"], "precision": "very-high", "problem.severity": level},
    }


def _notification(notification_id: str, name: str, text: str, level: str = "warning") -> Json:
    return {
        "id": notification_id,
        "name": name,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "help": {"text": text},
        "defaultConfiguration": {"level": level},
    }


def _taxonomies(
    report: Report, evaluated: list[tuple[Pack[Any], Rule[Any]]]
) -> tuple[list[Json], dict[tuple[str, str], Json]]:
    """The taxonomies, and a reference to each of their entries by taxonomy and id (a pack's name for mandates)."""
    made: list[Json] = []
    references: dict[tuple[str, str], Json] = {}
    for pack in report.packs:
        if pack.mandates:
            _add(made, references, pack.name, _mandates(pack))
    numbers = sorted({number for _, rule in evaluated for number in rule.cwe})
    if numbers:
        _add(made, references, "CWE", _weaknesses(numbers))
    return made, references


def _add(made: list[Json], references: dict[tuple[str, str], Json], key: str, taxonomy: Json) -> None:
    component = {"name": taxonomy["name"], "index": len(made), "guid": taxonomy["guid"]}
    made.append(taxonomy)
    taxa = taxonomy["taxa"]
    for number, taxon in enumerate(taxa if isinstance(taxa, list) else []):
        references[key, taxon["id"]] = {"id": taxon["id"], "index": number, "toolComponent": component}


def _mandates(pack: Pack[Any]) -> Json:
    return {
        "name": f"{pack.name} mandates",
        "guid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{HOME}/packs/{pack.name}/mandates")),
        "organization": pack.name,
        "version": pack.version,
        "shortDescription": {"text": f"The mandates that the rules of the pack '{pack.name}' answer to."},
        "isComprehensive": True,
        "taxa": [
            {
                "id": key,
                "name": f"Mandate{re.sub(r'[^A-Za-z0-9]', '', key)}",
                "shortDescription": {"text": clipped(sentence(text))},
            }
            for key, text in pack.mandates.items()
        ],
    }


def _weaknesses(numbers: list[int]) -> Json:
    return {
        "name": "CWE",
        "guid": str(uuid.uuid5(uuid.NAMESPACE_URL, "https://cwe.mitre.org/")),
        "organization": "MITRE",
        "version": "4.17",
        "informationUri": "https://cwe.mitre.org/data/published/cwe_v4.17.pdf",
        "shortDescription": {"text": "The Common Weakness Enumeration."},
        "isComprehensive": False,
        "taxa": [
            {"id": f"CWE-{number}", "name": name, "shortDescription": {"text": text}}
            for number in numbers
            for name, text in [weakness(number)]
        ],
    }
