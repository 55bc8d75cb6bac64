"""`$X` and its relatives, against a port of BuildKit's lexer over a whole table and random words."""

from __future__ import annotations

import random
from itertools import product

import pytest

from policyengine.syntax.dockerfile.words import WordError, expand

lexer = pytest.importorskip("e2b_dockerfile_utils")
pytestmark = pytest.mark.oracle

ENVIRONMENT = {
    "WORD": "hello",
    "EMPTY": "",
    "SPACED": "a b  c",
    "PATHS": "foo/bar/foo.tar.gz",
    "STARS": "x*y?z",
    "_LINES": "één\ntwee",
    "A1": "$WORD",
}
NAMES = ("WORD", "EMPTY", "SPACED", "PATHS", "STARS", "_LINES", "A1", "UNSET", "1", "@", "")
MODIFIERS = (":-", "-", ":+", "+", ":?", "?", "#", "##", "%", "%%", "/", "//", ":#", ":%", "=", "^", ":", ":=")
OPERANDS = (
    "",
    "x",
    "a b",
    "'q $WORD'",
    '"q $WORD"',
    "$WORD",
    "${UNSET:-deep}",
    "foo",
    "*o",
    "o*",
    "?",
    "*",
    "\\*",
    "\\}",
    "fo/ba",
    "o/",
    "\\/",
    "f*/x",
)
FRAMES = ("{}", '"{}"', "'{}'", "a{}b", "{} {}", "\\{}", "<<{}")


def table() -> list[str]:
    words = [f"${{{name}{modifier}{operand}}}" for name, modifier, operand in product(NAMES, MODIFIERS, OPERANDS)]
    words += [f"${name}" for name in NAMES] + [f"${{{name}}}" for name in NAMES]
    words += [frame.format(word, word) for frame, word in product(FRAMES[1:], words[::7])]
    return [
        *words,
        "$",
        "${",
        "${}",
        "${:}",
        "${WORD",
        "$$",
        "$$WORD",
        "'",
        '"',
        "\\",
        "a\\",
        '"\\',
        "${WORD:-${EMPTY:-'}'}}",
        "$(x)",
        "`x`",
    ]


def theirs(word: str, escape: str, *, keep: bool) -> tuple[str, tuple[str, ...]] | None:
    shell = lexer.ShellLex(escape, env=ENVIRONMENT, skip_unset_env=keep)
    try:
        # the port yields an empty word for '' on its own; Go's own buffer test drops it
        return shell.process_word(word), tuple(each for each in shell.process_words(word) if each)
    except (ValueError, RecursionError):
        return None


def ours(word: str, escape: str, *, keep: bool) -> tuple[str, tuple[str, ...]] | None:
    try:
        found = expand(word, ENVIRONMENT, escape=escape, keep_unset=keep)
    except WordError:
        return None
    return found.text, tuple(piece.text for piece in found.pieces)


@pytest.mark.parametrize("escape", ["\\", "`"])
@pytest.mark.parametrize("keep", [False, True])
def test_the_whole_table_expands_as_buildkit_does(escape: str, *, keep: bool) -> None:
    words = table()
    assert len(words) > 5_000
    different = [
        (word, ours(word, escape, keep=keep), theirs(word, escape, keep=keep))
        for word in words
        if ours(word, escape, keep=keep) != theirs(word, escape, keep=keep)
    ]
    assert different == []


def test_random_words_expand_as_buildkit_does() -> None:
    pick = random.Random(7)
    atoms = [
        *"ab'\"\\$ {}:/*?<-+#%",
        "$WORD",
        "${PATHS",
        "${UNSET",
        "${EMPTY:-",
        "\\*",
        "é",
        "\t",
        "\u2003",
        "<<",
        "foo",
    ]
    for _ in range(8_000):
        word = "".join(pick.choice(atoms) for _ in range(pick.randint(1, 9)))
        assert ours(word, "\\", keep=False) == theirs(word, "\\", keep=False), word
        assert ours(word, "`", keep=True) == theirs(word, "`", keep=True), word
