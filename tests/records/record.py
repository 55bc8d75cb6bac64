"""Reviewed records of what a user sees: the report of `fixtures/diverged`, and the graph of `fixtures/hndigest`.

Each is made from the program's own JSON, one line a fact, so that a change of behaviour is a small difference to read.
`python -m tests.records.record` writes them again.
"""

from __future__ import annotations

import contextlib
import io
import json
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyengine import cli, engine
from policyengine.model.graph import Graph
from policyengine.model.source import Span
from policyengine.reports import concise, explanation, github, gitlab, graph, junit, markdown, pairs, sarif, text
from policyengine.reports import json as report_json
from policyengine.rules.evaluate import Failure, Waived
from tests.records import addresses, asked, awkward, linked, open_values, refusals
from tests.reports import full, sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from policyengine.rules.evaluate import Report

FIXTURES = Path(__file__).parent.parent.parent / "fixtures"
FOLDER = Path(__file__).parent
TREES = FOLDER / "trees"
PLANNED = FOLDER / "planned"
INDENT = "  "


def _program(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        cli.main([*words, "--format", "json", "--no-cache", "--jobs", "1"])
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


def diverged() -> str:
    """Every finding of the diverged tree, with all that a report tells of it, and the open questions."""
    return _report(FIXTURES / "diverged")


def _report(folder: Path) -> str:
    document = _program("scan", str(folder))
    lines = [", ".join(f"{count} {what}" for what, count in document["summary"].items())]
    lines += _choices(document)
    for finding in document["findings"]:
        lines += ["", f"{finding['severity']} {finding['rule']} {finding['subject']}"]
        lines += [INDENT + line for line in _finding(finding)]
    for question in document["undecided"]:
        lines += ["", f"open {question['rule']} {question['subject']}", f"  {question['reason']}"]
        lines += [f"  at {_place(question['place'])}"]
    lines += [f"failure {failure['message']}" for failure in document["failures"]]
    compared = [finding["pair"] for finding in document["findings"] if finding["pair"] is not None]
    lines += ["", *sorted({_pair(pair) for pair in compared})]
    return "\n".join(lines) + "\n"


def compared() -> str:
    """What each rule was asked of in both trees, and what it was held against: what its tick stands for."""
    lines: list[str] = []
    for name in ("diverged", "hndigest"):
        lines.append(name)
        for rule, found in groupby(
            engine.scan([FIXTURES / name], cache=False, jobs=1).compared, lambda each: each.rule
        ):
            asked = [f"{each.subject}{each.against and f' = {each.against}'}" for each in found]
            lines += [f"{INDENT}{rule}", *(f"{INDENT * 2}{each}" for each in asked)]
    return "\n".join(lines) + "\n"


def _finding(finding: dict[str, Any]) -> Iterator[str]:
    yield finding["message"]
    yield f"at {_at(finding['place'])}"
    for number, place in enumerate(finding["related"], 1):
        yield f"({number}) {place['what']}: {_at(place)}"
    if finding["fix"] is not None:
        yield f"fix: {finding['fix']['description']}"
        for edit in finding["fix"]["edits"]:
            yield f"{INDENT}{_place(edit['place'])} becomes «{edit['text']}»"
    pair = finding["pair"]
    if pair is not None:
        yield f"pair {pair['local']} = {pair['cloud']}{'' if pair['certain'] else ' (uncertain)'}"


def _pair(pair: dict[str, Any]) -> str:
    certain = "" if pair["certain"] else " (uncertain)"
    return f"pair {pair['local']} = {pair['cloud']}, {pair['score']}{certain}: {', '.join(pair['reasons'])}"


def _choices(document: dict[str, Any]) -> list[str]:
    return [f"choice {each['what']}: {each['chosen']}, {each['reason']}" for each in document["choices"]]


def _at(place: dict[str, Any]) -> str:
    return "".join([_place(place), f" of {place['node']}" if place["node"] else "", *_history(place["via"])])


def _history(via: object) -> list[str]:
    return [" ← " + f"{step['what']} {_place(step['place'])}".strip() for step in via] if isinstance(via, list) else []


def _place(place: Mapping[Any, Any]) -> str:
    if "start" not in place:
        return str(place["path"])
    start, end = place["start"], place["end"]
    last = f"{end['column']}" if end["line"] == start["line"] else f"{end['line']}:{end['column']}"
    text = f" «{place['text']}»".replace("\n", "\\n") if "text" in place else ""
    return f"{place['path']}:{start['line']}:{start['column']}-{last}{text}"


def hndigest() -> str:
    """Every node of the reference stack with its facts, every edge, and every pair with its score and reasons."""
    return _graph(FIXTURES / "hndigest")


def _graph(folder: Path, *more: str, containers: bool = False) -> str:
    document = _program("graph", str(folder), *more)
    lines = _choices(document)
    for node in document["nodes"]:
        lines += ["", f"{node['type']} {node['id']} '{node['name']}' {node['side']} at {_place(node['place'])}"]
        for name, fact in node["facts"].items():
            lines += _fact(name, fact, _place(node["place"]), INDENT)
    for each in document["containers"] if containers else ():
        lines += ["", f"in force {each['noun']} {each['id']} {each['role']}"]
        for name, fact in each["facts"].items():
            lines += _fact(name, fact, "", INDENT)
    lines += ["", *(f"{e['kind']}: {e['source']} → {e['target']} ({e['reason']})" for e in document["edges"])]
    lines += ["", *(_pair(pair) for pair in document["mirrors"])]
    return "\n".join(lines) + "\n"


def _fact(name: str, fact: object, home: str, indent: str) -> Iterator[str]:
    """The lines of one fact; none where it is empty. `home` is the place of the node, which needs no telling."""
    if fact is None or fact in ("", [], {}):
        return
    parts: list[str] = []
    match fact:
        case {"state": str(state), "place": dict(place), **rest}:
            told = [state, *_inline(rest.get("value", rest.get("reason")))]
            told += [f"at {_place(place)}"] if _place(place) != home else []
            yield f"{indent}{name}: {' '.join(told)}{''.join(_history(rest.get('via', [])))}"
            if len(told) == 1 or not _inline(rest.get("value", rest.get("reason"))):
                parts = list(_fact("value", rest.get("value"), home, indent + INDENT))
        case {"path": str(path), **rest} if rest.keys() <= {"start", "end"}:
            yield f"{indent}{name}: {_place({'path': path} | rest)}"
        case {"id": str(node), **rest} if not rest:
            yield f"{indent}{name}: → {node}"
        case {"key": str(key), **rest}:
            yield from _fact(f"{name} {key}", rest, home, indent)
        case dict():
            parts = [line for key, part in fact.items() for line in _fact(key, part, home, indent + INDENT)]
            if all(line[len(indent + INDENT)] != " " for line in parts):
                yield f"{indent}{name} {'; '.join(part.strip() for part in parts)}"
                return
            yield f"{indent}{name}:"
        case list() if not _inline(fact):
            yield f"{indent}{name}:"
            parts = [line for part in fact for line in _fact("-", part, home, indent + INDENT)]
        case _:
            yield f"{indent}{name}: {_inline(fact)[0]}"
    yield from parts


def _inline(fact: object) -> list[str]:
    """A simple fact in one piece, or nothing."""
    match fact:
        case {"words": list(words), "shell": bool(shell), **rest} if not rest:
            return [json.dumps(words, ensure_ascii=False), *(["in a shell"] if shell else [])]
        case None | dict():
            return []
        case list() if any(isinstance(part, (dict, list)) for part in fact):
            return []
        case _:
            return [json.dumps(fact, ensure_ascii=False)]


def tree(name: str) -> str:
    """The graph of a tree that uses many features of one platform, and what the pack finds in it."""
    return _graph(TREES / name, containers=name == "local") + "\n=====\n" + _report(TREES / name)


def planned() -> str:
    """The graph of a root module as its files, its plan, its state, and both together have it."""
    plan, state = ("--plan", str(PLANNED / "plan.json")), ("--state", str(PLANNED / "state.json"))
    made = [_graph(PLANNED, *more) for more in ((), plan, state, (*plan, *state))]
    return "\n=====\n".join(made).replace(f"{PLANNED.as_posix()}/", "")


FAILURES = (
    Failure("'}' is missing", Span(sample.BROKEN, 9, 10), "close the block"),
    Failure("is not UTF-8 text", Span(sample.LATIN, 2, 3), "save it as UTF-8"),
    Failure("rule SMP402 crashed: KeyError", rule="SMP402"),
    Failure("a worker process died, so files went unread"),
)


def _sample() -> Report:
    """A report made by hand, with all that a report can have."""
    return sample.report(*FAILURES, waived=(Waived(sample.report().results[0], "until the cloud is upgraded"),))


def sample_text() -> str:
    """The report for people in each of its styles."""
    styles = (
        text.Style(undecided=True),
        text.Style(unicode=False, prefix="sub/"),
        text.Style(colour=True),
    )
    made = [text.report(_sample(), style).replace("\x1b", "ESC") for style in styles]
    made.append(text.report(sample.report(clean=True), text.Style()))
    return "\n=====\n".join(made)


def sample_json() -> str:
    """The report for programs."""
    return report_json.report(_sample(), exit_code=3)


def sample_sarif() -> str:
    """The log for GitHub, with everything in it, on lines of its own."""
    options = sarif.Options(profile="full", category="infra", prefix="some where/", exit_code=3)
    log = json.loads(sarif.report(_sample(), options).text)
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def sample_short() -> str:
    """The reports for editors, CI systems and comments, with findings and failures, and without."""
    found = (_sample(), sample.report(clean=True))
    made = [each.report(one) for one in found for each in (github, gitlab, junit, markdown)]
    made += [concise.report(one, "sub/") for one in found]
    return "\n=====\n".join(made)


def sample_graph() -> str:
    """The graph in each of its forms."""
    found = sample.report()
    return "\n=====\n".join(graph.export(found.graph, found.sources, form) for form in ("mermaid", "dot", "json"))


def awkward_text() -> str:
    """A report that is hard to set."""
    styles = (text.Style(undecided=True, most=100), text.Style(unicode=False), text.Style(colour=True, most=100))
    return "\n=====\n".join(text.report(awkward.report(), style).replace("\x1b", "ESC") for style in styles)


def awkward_sarif() -> str:
    """The same for GitHub, and without what GitHub does not show."""
    made = []
    for profile in ("github", "full"):
        log = json.loads(sarif.report(awkward.report(), sarif.Options(profile=profile, exit_code=1)).text)
        made.append(json.dumps(log, indent=1, ensure_ascii=False))
    return "\n=====\n".join(made) + "\n"


def awkward_json() -> str:
    """The same for programs."""
    return report_json.report(awkward.report())


def awkward_graph() -> str:
    """Pairs and graph of the same, for people and programs."""
    found = awkward.graph()
    sources = awkward.report().sources
    made = [pairs.report(found, "text"), pairs.report(found, "json"), pairs.report(Graph(()), "text")]
    made += [graph.export(found, sources, form) for form in ("mermaid", "dot", "json")]
    return "\n=====\n".join(made)


def full_text() -> str:
    """All that a report can tell to people: against an earlier commit, of several systems, and with hardly anything."""
    found = {
        text.Style(undecided=True, prefix="sub/", most=3): full.one(),
        text.Style(colour=True, most=4): full.one(),
        text.Style(statistics=True, quiet=True): full.one(),
        text.Style(colour=True, statistics=True): full.hopeful(),
        text.Style(unicode=False, most=3): full.several(8),
        text.Style(colour=True, statistics=True, undecided=True): full.several(),
    }
    return "\n=====\n".join(text.report(one, style).replace("\x1b", "ESC") for style, one in found.items())


def full_json() -> str:
    """The same for programs; of several systems what one has not."""
    several = json.loads(report_json.report(full.several(4)))
    parts = {"systems": several["systems"], "findings": several["findings"][:1]}
    return "\n=====\n".join((report_json.report(full.one(), exit_code=1), json.dumps(parts, indent=1))) + "\n"


def full_sarif() -> str:
    """The same for GitHub, against a baseline; of several systems what one has not."""
    one = sarif.report(full.one(), sarif.Options(profile="full", compared=True, exit_code=1)).text
    (several,) = json.loads(sarif.report(full.several(3), sarif.Options(exit_code=4)).text)["runs"]
    parts = {"invocations": several["invocations"], "results": several["results"][:1]}
    return "\n=====\n".join(json.dumps(each, indent=1, ensure_ascii=False) for each in (json.loads(one), parts)) + "\n"


def full_short() -> str:
    """The same for editors, CI systems and comments."""
    made = [each.report(full.one(), "sub/") for each in (concise, github, gitlab, junit, markdown)]
    made += [each.report(full.hopeful()) for each in (github, markdown)]
    made += [each.report(full.several(5)) for each in (concise, markdown)]
    return "\n=====\n".join(made)


def drawing() -> str:
    """The reference stack as a drawing."""
    tree = str(FIXTURES / "hndigest")
    made = []
    for form in ("mermaid", "dot"):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            cli.main(["graph", tree, "--format", form, "--no-cache", "--jobs", "1"])
        made.append(out.getvalue())
    return "\n=====\n".join(made)


def explanations() -> str:
    """Explanations of values of each kind, for people and programs."""
    sources, found = awkward.report().sources, awkward.graph()
    settings = (
        explanation.Setting(prefix="sub/"),
        explanation.Setting(unicode=False),
        explanation.Setting(colour=True),
    )
    made = []
    for each in awkward.EXPLANATIONS:
        made += [explanation.text(each, found, sources, setting).replace("\x1b", "ESC") for setting in settings]
        made.append(explanation.data(each, found, sources))
    return "\n=====\n".join(made)


RECORDS: dict[str, Callable[[], str]] = {
    "addresses": addresses.told,
    "asked": asked.told,
    "awkward-graph": awkward_graph,
    "awkward-json": awkward_json,
    "awkward-sarif": awkward_sarif,
    "awkward-text": awkward_text,
    "compared": compared,
    "compose-refusals": refusals.sentences,
    "diverged": diverged,
    "explanations": explanations,
    "full-json": full_json,
    "full-sarif": full_sarif,
    "full-short": full_short,
    "full-text": full_text,
    "hndigest": hndigest,
    "hndigest-drawing": drawing,
    "linked": linked.told,
    "planned": planned,
    "sample-graph": sample_graph,
    "sample-json": sample_json,
    "sample-sarif": sample_sarif,
    "sample-short": sample_short,
    "sample-text": sample_text,
    "terraform-open": open_values.values,
    "terraform-refused": open_values.refused,
    **{f"tree-{folder.name}": partial(tree, folder.name) for folder in sorted(TREES.iterdir())},
}


def main() -> None:
    """Write every record."""
    for name, made in RECORDS.items():
        (FOLDER / f"{name}.txt").write_text(made(), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
