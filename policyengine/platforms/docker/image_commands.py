"""The shell commands of RUN instructions: which packages they install, and which users they create."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.packages import manager as manager_of
from policyengine.model.nodes import ShellCommand, Variable, Word
from policyengine.model.value import Absent, Known
from policyengine.patterns import regex
from policyengine.syntax import shell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from policyengine.model.source import Span
    from policyengine.model.text import Text
    from policyengine.model.value import Value

_LONGEST = 131_072  # what Linux takes as one argument (MAX_ARG_STRLEN): a longer RUN cannot start
_MOST_JOINED = 500
_NAME = regex(r"[A-Za-z_@][\w.+@/-]*|\d[\w.+-]*[A-Za-z][\w.+-]*")
_PINNED = regex(r"(?<=.)[=<>~].*")
_FORGIVING = frozenset({"||", "set +e", "&", "|"})


def commands(script: Text, *, errexit: bool = False, pipefail: bool = False) -> tuple[ShellCommand, ...]:
    """The simple commands of a script in the order in which they stand."""
    if len(script.written) > _LONGEST or script.written.count("&&") > _MOST_JOINED:
        script = script.cut(0, _LONGEST // 40)
    read = shell.read(script, errexit=errexit, pipefail=pipefail)
    return tuple(
        replace(each.read(), forgiven=each.ignored is not None and each.ignored.marker in _FORGIVING)
        for each in read.commands
    )


def exec_command(words: Sequence[Word], span: Span) -> ShellCommand:
    """The one command of a JSON form."""
    return ShellCommand(tuple(words), span)


def packages(found: Iterable[ShellCommand], evaluate: Callable[[Word], Value[str]]) -> Iterator[Value[str]]:
    """The system packages (and global npm packages) that the commands install, without their versions."""
    for command in found:
        words = command.inner
        if not words:
            continue
        manager = manager_of(words[0].text.rpartition("/")[2])
        if manager is None:
            if _clones_pgvector(words):
                yield Known("pgvector", command.span)
            continue
        arguments = list(_arguments(words[1:], manager.valued))
        if not arguments or arguments[0].text not in manager.install:
            continue
        if manager.globally and not any(word.text in manager.globally for word in words):
            continue
        for word in arguments[1:]:
            yield from _package(word, evaluate, npm=bool(manager.globally))


def _package(word: Word, evaluate: Callable[[Word], Value[str]], *, npm: bool) -> Iterator[Value[str]]:
    if word.literal:
        value: Value[str] = Known(word.text, word.span)
    else:
        value = evaluate(word)
    if not isinstance(value, Known):
        yield value
        return
    for text in value.value.split():
        plain = text[:1] + text[1:].partition("@")[0] if npm else _PINNED.sub("", text)
        if _NAME.fullmatch(plain):
            span = value.span
            if span.end - span.start == len(text):
                span = span._replace(end=span.start + len(plain))
            yield Known(plain, span, value.via)


def _arguments(words: Iterable[Word], valued: Sequence[str]) -> Iterator[Word]:
    """The words that are neither flags nor values of flags."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.text in valued:
            skip = True
        elif not word.text.startswith("-"):
            yield word


def _clones_pgvector(words: Sequence[Word]) -> bool:
    """`git clone … github.com/pgvector/pgvector`: it is then built from source."""
    texts = [word.text for word in words]
    return texts[:2] == ["git", "clone"] and any("github.com/pgvector/pgvector" in text for text in texts)


_USER_VALUED = frozenset(
    """-u --uid -g --gid -G --groups --ingroup -h --home --home-dir -d -s --shell -c --comment --gecos -K --key -k -p
    --password -b --base-dir --skel --firstuid --lastuid -e --expiredate -f --inactive""".split()  # noqa: SIM905
)
_UID_FLAGS = frozenset({"-u", "--uid"})


def users(found: Iterable[ShellCommand], evaluate: Callable[[Word], Value[str]]) -> Iterator[Variable]:
    """The users that `adduser` and `useradd` create: name and uid, Absent where none is given."""
    for command in found:
        words = command.inner
        if not words or words[0].text.rpartition("/")[2] not in {"adduser", "useradd", "usermod"}:
            continue
        renames = words[0].text.endswith("usermod")
        uid: Value[str] | None = None
        names: list[Word] = []
        previous = ""
        for word in words[1:]:
            text = word.text
            if previous:
                if previous in _UID_FLAGS:
                    uid = _value(word, evaluate)
                previous = ""
            elif text.startswith("--uid="):
                uid = _value(Word(text[6:], word.span._replace(start=word.span.start + 6), word.literal), evaluate)
            elif re.fullmatch(r"-[a-zA-Z]*u", text) or text in _USER_VALUED:
                previous = "-u" if text.endswith("u") and not text.startswith("--") else text
            elif re.fullmatch(r"-u\d+", text):
                uid = Known(text[2:], word.span._replace(start=word.span.start + 2))
            elif re.fullmatch(r"-[a-zA-Z]+[ghGdscKkp]", text):
                previous = text
            elif not text.startswith(("-", "+")):
                names.append(word)
        if not names or (renames and uid is None):
            continue
        name = _value(names[0], evaluate)
        if isinstance(name, Known) and name.value:
            yield Variable(name.value, names[0].span, Absent(names[0].span) if uid is None else uid)


def _value(word: Word, evaluate: Callable[[Word], Value[str]]) -> Value[str]:
    return Known(word.text, word.span) if word.literal else evaluate(word)
