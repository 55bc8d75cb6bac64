"""What a step gives to machines, services and images in plain sight: names of variables, and env files."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge import rollout
from policyengine.knowledge.names import is_example
from policyengine.model.nodes import WrittenVariable
from policyengine.model.value import Known, known
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.model.nodes import ShellCommand, Variable
    from policyengine.model.source import Source, Span
    from policyengine.model.value import Value

_SET = regex(r"(?:^|[\s,{'\"@^|~])([A-Za-z_]\w*)=(?!secretref:|\$\(|`)(?=[^\s,}'\"])")
_WRITTEN = regex(r"\b([A-Z][A-Z0-9_]{0,99})=[^\n;&|]{0,200}?>>?\s{0,9}[\"']?[\w./~-]{0,200}\.env\b")
_INTO = regex(r">>?[ \t]{0,9}[\"']?([\w./-]{1,200})")
_NAMED = regex(r"(?<![\w$-])([A-Za-z_]\w{0,99})=")
_HEREDOC = regex(r"<<-?[ \t]*[\"']?(\w{1,40})[\"']?[^\n]*\n((?s:.*?))\n[ \t]*\1(?!\w)")
_ALONE = regex(r"[\"']?\$\{?\{?[^=]{1,200}>")
_SECRETS = "secrets."
_ENV_FILE = regex(r"(?:[\w-]+)?\.env(?:\.[\w-]+)?")


def given(commands: Iterable[ShellCommand], uses: Value[str], inputs: Sequence[Variable]) -> Iterator[Known[str]]:
    """The names of variables that a step gives to what it deploys, or writes to another machine."""
    wanted = rollout.sets((_action(uses),))
    for each in inputs:
        if each.key in wanted:
            yield from (Known(name, each.key_span) for name in _SET.findall(known(each.value, "")))
    for command in commands:
        options, taken = rollout.sets(command.argv), False
        for word in command.words:
            name = word.text.partition("=")[0]
            if name.startswith("-"):
                taken = name in options  # with all words up to the next option
            if taken:
                text = word.text.removeprefix(name).removeprefix("=") if name in options else word.text
                yield from (Known(each, word.span) for each in _SET.findall(text))
        told = command.remote and command.program in ("echo", "printf")
        for word in command.inner[1:] if told else ():
            if not word.literal:
                yield from (Known(each, word.span) for each in _SET.findall(word.text)[:1])
        for word in command.words if command.starts("aws", "ssm", "send-command") else ():
            yield from (Known(each, word.span) for each in _WRITTEN.findall(word.text[:20_000]))


def shipped(commands: Iterable[ShellCommand], uses: Value[str], inputs: Sequence[Variable]) -> Iterator[Known[str]]:
    """The env files that a step copies to another machine."""
    wanted = rollout.copies((_action(uses),)) or ()
    for each in inputs:
        if each.key in wanted:
            paths = (path.strip() for path in known(each.value, "").replace("\n", ",").split(","))
            yield from (Known(path, each.key_span) for path in paths if _is_private(path))
    for command in commands:
        inner = command.inner
        if rollout.copies(command.argv) is not None and inner and ":" in inner[-1].text:
            yield from (Known(word.text, word.span) for word in inner[1:-1] if _is_private(word.text))


def written(commands: Iterable[ShellCommand], step: Span, source: Source) -> Iterator[WrittenVariable]:
    """The variables that a step with secrets writes into env files; without a name, the whole file."""
    if _SECRETS not in source.slice(step):
        return
    for command in commands:
        if command.remote or command.contained or command.span.path != source.path or not command.words:
            continue
        line = source.slice(command.span)
        into = next((each for each in _INTO.findall(line) if _is_private(each)), None)
        if into is None or not command.words[0].text.endswith(("echo", "printf", "cat", "tee")):
            continue
        path = posixpath.normpath(posixpath.join(command.directory, into))
        start = command.span.start
        told = _HEREDOC.search(source.text, start, min(start + _MOST, step.end)) if "<<" in line else None
        names = _NAMED.findall(told[2] if told is not None else line) or ([""] if _ALONE.search(line) else [])
        yield from (WrittenVariable(name, path, command.span) for name in names)


_MOST = 5_000
"""So many characters of a text that a script writes are looked at."""


def _action(uses: Value[str]) -> str:
    return known(uses, "").partition("@")[0]


def _is_private(path: str) -> bool:
    """Whether a path is that of an env file with values of its own."""
    name = PurePosixPath(path).name
    return not path.startswith(("!", "-")) and _ENV_FILE.fullmatch(name) is not None and not is_example(name)
