"""SARIF 2.1.0 as GitHub code scanning shows it best, within its limits.

One run, one location a result, links from the message to the other side, GitHub's own line hash as the fingerprint,
and every text free of secrets. The profile `full` adds waived results (as suppressions) and fixes for other viewers;
GitHub would turn both into trouble.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine import __version__
from policyengine.model.nodes import Node
from policyengine.model.source import Source, Span
from policyengine.reports.identity import digest, identity, unique
from policyengine.reports.json import coverage, systems
from policyengine.reports.line_hash import line_hashes
from policyengine.reports.regions import Regions
from policyengine.reports.sarif_invocation import Invocation, undone
from policyengine.reports.sarif_rules import (
    DOUBT,
    FURTHER,
    HOME,
    LONGEST,
    MORE,
    NOT_READ,
    REMEDY,
    Catalogue,
    Json,
    arguments,
    catalogue,
    clipped,
    fill,
    sentence,
    template,
    text_of,
    told,
)
from policyengine.reports.view import LINK, Place, View, plain
from policyengine.rules.coverage import account
from policyengine.rules.rule import links
from policyengine.rules.waivers import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from policyengine.rules.evaluate import Failure, Report, Result, Waived
    from policyengine.rules.rule import Fix

MAX_BYTES = 10_000_000
"""Bytes of a log after gzip that GitHub accepts."""
MAX_RESULTS = 25_000
MAX_PLACES = 1_000
_MAX_STEPS = 20


class Options(Struct, frozen=True):
    """How a log is made.

    `prefix` leads from the root of the URIs to the scanned root. `repository` is its address and commit. `unread`
    gives the text of a file that no reader could use, so that its failure can be shown as a result. `compared` tells
    that the report was held against a baseline or an earlier commit.
    """

    profile: str = "github"
    compared: bool = False
    category: str = ""
    prefix: str = ""
    exit_code: int = 0
    repository: tuple[str, str] = ("urn:uuid:00000000-0000-0000-0000-000000000000", "")
    unread: Callable[[str], str | None] = lambda _: None
    max_bytes: int = MAX_BYTES
    max_results: int = MAX_RESULTS


class Log(Struct, frozen=True):
    """A log as text, and a sentence for each kind of thing that GitHub's limits left no room for."""

    text: str
    left_out: tuple[str, ...] = ()


class _Alert(Struct, frozen=True):
    """One result of the log: what is found on one line by one rule."""

    rule: str
    level: str
    rank: int
    span: Span
    body: Json


def report(found: Report, options: Options) -> Log:
    """The log of a report, ending in a line end."""
    maker = _Maker.of(found, options)
    alerts, sentences = _limited(maker.alerts(), options.max_results)
    while True:
        text = _text(maker, alerts, sentences)
        size = len(text)
        if size > options.max_bytes:
            size = len(gzip.compress(text.encode(), 6, mtime=0))
        if size <= options.max_bytes or not alerts:
            return Log(text, (*sentences, *maker.unplaced()))
        keep = max(0, min(len(alerts) - 1, int(len(alerts) * options.max_bytes / size * 0.95)))
        alerts, sentences = _limited(alerts, keep, sentences)


def _limited(alerts: list[_Alert], most: int, said: Sequence[str] = ()) -> tuple[list[_Alert], list[str]]:
    if len(alerts) <= most:
        return alerts, list(said)
    ranked = sorted(range(len(alerts)), key=lambda number: (-alerts[number].rank, number))
    kept = [alerts[number] for number in sorted(ranked[:most])]
    earlier = sum(int(sentence_.split()[0]) for sentence_ in said)
    number = earlier + len(alerts) - most
    left = f"{number} of {most + number} results, the least severe, are left out of the SARIF log"
    return kept, [f"{left} to keep within GitHub's limits"]


def _text(maker: _Maker, alerts: Sequence[_Alert], sentences: Sequence[str]) -> str:
    options = maker.options
    uri, commit = options.repository
    provenance: Json = {"repositoryUri": uri, "mappedTo": {"uriBaseId": "%SRCROOT%"}}
    if commit:
        provenance["revisionId"] = commit
    descriptors = maker.catalogue
    run: Json = {
        "tool": {
            "driver": {
                "name": "policyengine",
                "fullName": f"policyengine {__version__}",
                "organization": "policyengine",
                "version": __version__,
                "semanticVersion": __version__,
                "informationUri": HOME,
                "rules": descriptors.rules,
                "notifications": descriptors.notifications,
                "supportedTaxonomies": descriptors.supported,
            }
        },
        **({"automationDetails": {"id": f"{options.category.rstrip('/')}/"}} if options.category else {}),
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        "versionControlProvenance": [provenance],
        "invocations": [
            Invocation(maker.found, maker.view, maker.catalogue, maker.regions, maker.any_source).told(
                sentences, options.exit_code
            )
        ],
        "taxonomies": descriptors.taxonomies,
        "results": [],
        "properties": maker.view.redactor.document(
            {
                "coverage": coverage(account(maker.found)),
                **({"debt": maker.view.debt} if maker.found.waived else {}),
                **systems(maker.found),
            }
        ),
    }
    document = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    text = json.dumps(document, ensure_ascii=False, indent=1)
    if alerts:  # one line a result: quick to write, and a difference between two logs can be read
        lines = ",\n".join(f"    {json.dumps(alert.body, ensure_ascii=False)}" for alert in alerts)
        before, _, after = text.partition('"results": []')
        text = f'{before}"results": [\n{lines}\n   ]{after}'
    return f"{text}\n"


class _Maker(Struct, frozen=True):
    found: Report
    options: Options
    view: View
    catalogue: Catalogue
    regions: Regions
    extra: dict[str, Source | None] = field(default_factory=dict)
    hashes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Report, options: Options) -> _Maker:
        view = View.of(found)
        return cls(found, options, view, catalogue(found), Regions(view.source, options.prefix))

    # --- results

    def alerts(self) -> list[_Alert]:
        """The results in the report's order; those of one rule on one line are one."""
        grouped: dict[tuple[str, str, int], list[tuple[Result, Waived | None]]] = {}
        full = self.options.profile == "full"
        waived = [(each.result, each) for each in self.found.waived] if full else []
        known = self.found.since.unchanged if self.found.since is not None else ()
        for result, told_of in (*((result, None) for result in (*self.found.results, *known)), *waived):
            if self.view.source(result.span.path) is not None:
                line = self.view.position(result.span)[0]
                grouped.setdefault((result.rule.id, result.span.path, line), []).append((result, told_of))
        seen: dict[str, int] = {}
        unchanged = {id(each) for each in known}
        made = [self._alert(group, seen, unchanged) for group in grouped.values()]
        made.extend(self._unread_alerts(seen))
        return sorted(made, key=lambda alert: (alert.span, alert.rule))

    def unplaced(self) -> list[str]:
        """That there are results which stand in no file of the tree, as in a configuration that lies elsewhere."""
        outside = [each.span.path for each in self.found.results if self.view.source(each.span.path) is None]
        many = f"{len(outside)} result{'' if len(outside) == 1 else 's'}"
        return [f"{many} at '{outside[0]}', outside of the tree, cannot stand in the SARIF log"] if outside else []

    def _alert(self, group: list[tuple[Result, Waived | None]], seen: dict[str, int], unchanged: set[int]) -> _Alert:
        group = sorted(group, key=lambda each: (bool(each[1]), -each[0].severity.rank, each[0].span))
        first, waiver = group[0]
        related = [*self.view.related(first)]
        message = self._message(first, [result for result, _ in group[1:]])
        body: Json = {
            "ruleId": first.rule.id,
            "ruleIndex": self.catalogue.index[first.rule.id],
            "level": first.severity.value,
            "kind": "fail",
            "message": message,
            "locations": [self._location(self.view.at(first))],
        }
        places = [
            {"id": number, **self._location(place)}
            for number, place in enumerate(related, 1)
            if self.view.source(place.span.path) is not None
        ]
        places += self._further([result for result, _ in group[1:]])
        if links(str(message["text"])):
            body["relatedLocations"] = places[:MAX_PLACES]
        if flow := self._flow(first):
            body["codeFlows"] = [flow]
        body["partialFingerprints"] = {
            "primaryLocationLineHash": self._hash(first.span),
            "parityIdentity/v1": unique(identity(first), seen),
        }
        if properties := self._properties(first):
            body["properties"] = properties
        if mandate := self.catalogue.mandates.get(first.rule.id):
            body["taxa"] = [mandate]
        if self.options.profile == "full":
            body["suppressions"] = [] if waiver is None else [self._suppression(waiver)]
            if self.options.compared:
                there = id(first) in unchanged if waiver is None else self._accepted(waiver)
                body["baselineState"] = "unchanged" if there else "new"
            if first.finding.fix is not None and first.finding.fix.exact:
                body["fixes"] = [self._fix(first.finding.fix)]
        return _Alert(first.rule.id, first.severity.value, first.severity.rank, first.span, body)

    def _accepted(self, waiver: Waived) -> bool:
        """Whether the baseline or the earlier commit accepts a result too."""
        since = self.found.since
        return waiver.known or (since is not None and identity(waiver.result) in since.accepted)

    def _suppression(self, waiver: Waived) -> Json:
        """Why a result is accepted, by whom and until when; where it says so itself, the place of the comment."""
        said = f"{waiver.reason} ({shown(waiver)})" if waiver.is_debt else waiver.reason
        made: Json = {
            "kind": "inSource" if waiver.inline else "external",
            "status": "accepted",
            "justification": self.view.redactor.text(said),
        }
        if waiver.inline and waiver.at is not None and self.view.source(waiver.at.path) is not None:
            made["location"] = self._location(Place(waiver.at, "", "", ()))
        return made

    def _properties(self, result: Result) -> Json:
        """What GitHub does not show: where a finding holds, and how far its pair is certain."""
        pair = result.pair
        told: Json = {"environments": list(result.environments), "systems": list(result.systems)}
        if pair is not None and not pair.certain:
            told["pair"] = {
                "local": pair.local,
                "cloud": pair.cloud,
                "score": pair.score,
                "reasons": list(pair.reasons),
            }
            told["precision"] = "medium"
        return {name: each for name, each in told.items() if each}

    def _message(self, result: Result, others: Sequence[Result] = ()) -> Json:
        """What is found, what mends it, why its pair is not certain, and the `others` of its rule on its line."""
        tails = {
            REMEDY: self.view.remedy(result),
            DOUBT: "" if result.pair is None or result.pair.certain else "; ".join(result.pair.reasons) or "few facts",
            FURTHER: "; ".join(self._plain(each).rstrip(".") for each in others),
        }
        tails = {name: text for name, text in tails.items() if text}
        made = told(result.rule, template(result.rule, result.finding.variant), tails)
        values = arguments(made, result.finding, tails, self.view.redactor.text)
        text = self._valid_links(fill(made.text, values), result)
        if len(text) > LONGEST:
            values = [clipped(value, 120) for value in values]
            text = clipped(self._valid_links(fill(made.text, values), result))
        message: Json = {"text": text}
        named = ".".join((result.finding.variant, *tails))
        if self.catalogue.tells(result.rule.id, named, made.text):
            message |= {"id": named, "arguments": values}
        return message

    def _plain(self, result: Result) -> str:
        """What is found, alone and without links."""
        made = template(result.rule, result.finding.variant)
        return plain(fill(made.text, arguments(made, result.finding, {}, self.view.redactor.text)))

    def _valid_links(self, text: str, result: Result) -> str:
        """The text without links to places that the log does not have."""
        shown = {
            number
            for number, span in enumerate(result.related, 1)
            if number <= MAX_PLACES and self.view.source(span.path) is not None
        } | {MORE}
        return LINK.sub(lambda match: match[0] if int(match["number"]) in shown else match["text"], text)

    def _further(self, results: Sequence[Result]) -> list[Json]:
        """The other findings of one rule on one line, as places with their messages; numbered from `MORE` on."""
        places: list[Place] = []
        for result in results:
            places += [replace(self.view.at(result), what=self._plain(result)), *self.view.related(result)]
        return [{"id": number, **self._location(place)} for number, place in enumerate(places, MORE)]

    def _location(self, place: Place) -> Json:
        made: Json = {"physicalLocation": self.regions.physical(place.span)}
        if place.node:
            node = self.found.graph.get(Node, place.node)
            made["logicalLocations"] = [
                {"name": node.name if node else place.node, "fullyQualifiedName": place.node, "kind": "resource"}
            ]
        what = text_of(plain(place.what))
        what = (
            f"{what[:1].upper()}{what[1:]}" if what else f"In '{text_of(place.node)}'" if place.node else "This place"
        )
        made["message"] = {"text": sentence(what)}
        return made

    def _flow(self, result: Result) -> Json | None:
        """Both places of a finding, each after the steps its value came through, from where it is used."""
        at, related = self.view.at(result), self.view.related(result)
        steps: list[tuple[Span, str]] = []
        for place in (at, *related):
            name = text_of(plain(place.what)) or place.node or result.subject
            for step in place.via:
                what = text_of(self.view.redactor.text(step.what))
                steps.append((step.span, f"{name} takes it from '{what}'" if what else f"A part of {name}"))
            steps.append((place.span, f"The side to edit: {name}" if place is at else f"The other side: {name}"))
        steps = [step for step in steps if self.view.source(step[0].path) is not None][:_MAX_STEPS]
        if len(steps) < 2:
            return None
        return {
            "message": {"text": "The places of this finding."},
            "threadFlows": [
                {
                    "locations": [
                        {
                            "location": {
                                "physicalLocation": self.regions.physical(span),
                                "message": {"text": sentence(text)},
                            }
                        }
                        for span, text in steps
                    ]
                }
            ],
        }

    def _fix(self, fix: Fix) -> Json:
        changes: dict[str, list[Json]] = {}
        for edit in fix.exact:
            text = self.view.redactor.text(edit.text)
            changes.setdefault(edit.span.path, []).append(
                {"deletedRegion": self.regions.exact(edit.span), "insertedContent": {"text": text}}
            )
        return {
            "description": {"text": sentence(clipped(self.view.redactor.text(fix.description)))},
            "properties": {"applicability": fix.applicability},
            "artifactChanges": [
                {"artifactLocation": self.regions.artifact(path), "replacements": replacements}
                for path, replacements in changes.items()
            ],
        }

    # --- failures

    def _unread_alerts(self, seen: dict[str, int]) -> Iterator[_Alert]:
        grouped: dict[tuple[str, int], list[tuple[Span, Failure]]] = {}
        for failure in self.found.failures:
            if failure.span is not None and (source := self.any_source(failure.span.path)) is not None:
                at = min(failure.span.start, len(source.text))
                span = Span(source.path, at, min(max(failure.span.end, at), len(source.text)))
                grouped.setdefault((source.path, source.position(at).line), []).append((span, failure))
        for group in grouped.values():
            span, first = group[0]
            values = [text_of("; ".join(dict.fromkeys(undone(self.view, failure) for _, failure in group)))]
            text = clipped(f"This file could not be read: '{values[0]}'.")
            body: Json = {
                "ruleId": NOT_READ,
                "ruleIndex": self.catalogue.index[NOT_READ],
                "level": "error",
                "kind": "fail",
                "message": {"text": text, "id": "default", "arguments": [clipped(values[0], 990)]},
                "locations": [{"physicalLocation": self._regions_with_extra().physical(span)}],
                "partialFingerprints": {
                    "primaryLocationLineHash": self._hash(span),
                    "parityIdentity/v1": unique(digest(NOT_READ, span.path, first.message), seen),
                },
            }
            if self.options.profile == "full":
                body["suppressions"] = []
                if self.options.compared:
                    body["baselineState"] = "new"
            yield _Alert(NOT_READ, "error", 4, span, body)

    def any_source(self, path: str) -> Source | None:
        """The masked text of a file, or the text of one that no reader could use, or None."""
        source = self.view.source(path)
        if source is None:
            if path not in self.extra:
                text = self.options.unread(path)
                bom = text is not None and text.startswith("\ufeff")
                self.extra[path] = None if text is None else Source(path, text[1:] if bom else text, bom)
            source = self.extra[path]
        return source

    def _regions_with_extra(self) -> Regions:
        return Regions(self._shown, self.options.prefix)

    def _shown(self, path: str) -> Source | None:
        """The file to quote, of which nothing was understood."""
        source = self.any_source(path)
        return None if source is None else self.view.redactor.outline(source)

    def _hash(self, span: Span) -> str:
        if span.path not in self.hashes:
            source = self.found.sources.get(span.path) or self.extra.get(span.path)
            self.hashes[span.path] = line_hashes(source) if source is not None else ()
        line = (
            (self.found.sources.get(span.path) or self.extra[span.path] or Source(span.path, ""))
            .position(span.start)
            .line
        )
        return self.hashes[span.path][line - 1]
