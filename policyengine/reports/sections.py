"""Secrets that what is around them tells: a table of settings, a manifest of Kubernetes, a row of SQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.knowledge import secrets
from policyengine.patterns import regex
from policyengine.reports.literals import LONGEST, literal, strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.reports.literals import Range


def ranges(text: str, path: str) -> Iterator[Range]:
    """The secrets of the sections of a text; `path` tells how it is to be read."""
    if path.endswith(".toml"):
        yield from _settings(text)
    if "Secret" in text:
        yield from _manifests(text)
    if "<<" in text:
        yield from _variables(text)
    if "chpasswd:" in text:
        yield from _accounts(text)
    if path.endswith(".sql"):
        yield from _rows(text)


_SETTINGS = regex(r"(?m)^\[(?:[\w-]+\.){0,5}(?:secrets|vault|credentials)\][^\r\n]*")
_NEXT = regex(r"(?m)^\[")


def _settings(text: str) -> Iterator[Range]:
    """Tables of TOML that hold nothing but secrets: `[edge_runtime.secrets]`."""
    for match in _SETTINGS.finditer(text):
        following = _NEXT.search(text, match.end())
        yield from strings(text, match.end(), len(text) if following is None else following.start())


_MANIFEST = regex(r"""(?m)^(?P<indent>[ \t]*)kind:[ \t]*["']?Secret["']?[ \t]*\r?$""")
_DOCUMENT = regex(r"(?m)^[ \t]*(?:---|[A-Z]{2,12}[ \t]*\r?$)")
_DATA = regex(r"(?m)^[ \t]*(?:stringData|data):[ \t]*(?P<flow>\{[^}\r\n]*\})?")
_ENTRY = regex(
    r"""[ \t]*(?:\r?\n)+(?P<indent>[ \t]*)["']?[\w./-]+["']?:[ \t]*(?P<quote>["']?)
    (?P<value>[^\r\n]*?)(?P=quote)[ \t]*(?=\r?\n|\Z)""",
    re.VERBOSE,
)
_FLOW = regex(r"""[\w./-]+["']?:[ \t]*["']?(?P<value>[^"',}\s]+)""")


def _manifests(text: str) -> Iterator[Range]:
    """What a Secret of Kubernetes holds, in a file or in a heredoc."""
    done = 0
    for match in _MANIFEST.finditer(text):
        if match.start() < done:
            continue
        ends = _DOCUMENT.search(text, match.end(), match.end() + LONGEST)
        begins = text.rfind("---", max(done, match.start() - LONGEST), match.start())
        begins = max(begins, done, match.start() - LONGEST)
        end = done = min(len(text), match.end() + LONGEST) if ends is None else ends.start()
        for data in _DATA.finditer(text, begins, end):
            if data["flow"]:
                for each in _FLOW.finditer(text, *data.span("flow")):
                    yield from literal(text, *each.span("value"))
            entry = _ENTRY.match(text, data.end(), end)
            while entry is not None and len(entry["indent"]) > len(match["indent"]):
                yield from literal(text, *entry.span("value"))
                entry = _ENTRY.match(text, entry.end(), end)


_CHPASSWD = regex(r"\bchpasswd:[^\n]{0,80}\r?\n(?:[ \t]+expire:[^\n]*\n)?[ \t]+list:[^\n]*\n")
_ACCOUNT = regex(r"""[ \t]+(?:-[ \t]+)?["']?[\w.-]+:(?P<value>[^\s"']+)["']?[ \t]*\r?(?:\n|\Z)""")


def _accounts(text: str) -> Iterator[Range]:
    """The lines `user:password` that cloud-init hands to `chpasswd`."""
    for match in _CHPASSWD.finditer(text):
        at = match.end()
        while (line := _ACCOUNT.match(text, at)) is not None:
            yield from literal(text, *line.span("value"))
            at = line.end()


_OPENED = regex(r"""(?<![\w$<-])(?P<key>[A-Za-z_]\w{1,80})<<(?P<mark>\$?\{?[A-Za-z_]\w*\}?)\b[^\r\n]*""")
_PRINTED = regex(
    r"""\b(?:echo|printf)[ \t]+(?:-\w+[ \t]+|["']%s(?:\\n)?["'][ \t]+){0,2}["']?
    (?P<value>(?<=")[^"\r\n]*|(?<=')[^'\r\n]*|[^\s"';>]+)""",
    re.VERBOSE,
)


def _variables(text: str) -> Iterator[Range]:
    """`NAME<<EOF`, its lines and `EOF`, as jobs of GitHub write variables of several lines."""
    for match in _OPENED.finditer(text):
        if not secrets.may_hold_secret(match["key"]):
            continue
        end = text.find(match["mark"], match.end(), match.end() + LONGEST)
        printed = [*_PRINTED.finditer(text, match.end(), max(end, match.end()))]
        for each in printed:
            if not each["value"].startswith(match["mark"]):
                yield from literal(text, *each.span("value"))
        if not printed and end > 0:
            line = text.rfind("\n", 0, end)
            yield from literal(text, match.end(), max(line, match.end()))


_INSERT = regex(
    r"""(?i)\binsert\s{1,20}into\s{1,20}[\w."`]{1,120}\s{0,20}\((?P<columns>[^()]{1,4000})\)\s{0,20}values\s{0,20}"""
)
_TOKEN = regex(r"'(?P<text>(?:[^']|'')*)'|[(),;]")


_NEXT_ROW = regex(r"\s{0,200},\s{0,200}\(")


def _rows(text: str) -> Iterator[Range]:
    """The values of columns whose names tell a secret."""
    for match in _INSERT.finditer(text):
        columns = [each.strip().strip('"`') for each in match["columns"].split(",")]
        held = [at for at, name in enumerate(columns) if secrets.may_hold_secret(name)]
        depth = index = 0
        for token in _TOKEN.finditer(text, match.end(), match.end() + LONGEST) if held else ():
            sign = token[0]
            depth += (sign == "(") - (sign == ")")
            if sign == ";" or (sign == ")" and not depth and not _NEXT_ROW.match(text, token.end())):
                break
            if depth == 1 and sign in "(,":
                index = index + 1 if sign == "," else 0
            elif token["text"] and index in held and depth:
                yield from literal(text, *token.span("text"))
