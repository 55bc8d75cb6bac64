"""The programs of a command line, from the one that only runs the next to the one that does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.programs import (
    UNLISTED,
    Commands,
    Layer,
    Option,
    Program,
    Runs,
    commands,
    entry,
    is_tool,
    works,
)
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEEPEST = 24
ASSIGNED = regex(r"[A-Za-z_]\w*=")


def read(words: Sequence[str]) -> tuple[Layer, ...]:
    """The layers of a command line, from the outside in; the last is the program that does the work."""
    known, key = commands(), tuple(words)
    found = known.read.get(key)
    if found is None:
        found = known.read[key] = _read(known, key)
    return found


def _read(known: Commands, words: tuple[str, ...]) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    at: int | None = 0
    while at is not None and len(layers) < _DEEPEST:
        while at < len(words) and ASSIGNED.match(words[at]):
            at += 1
        if at == len(words):
            break
        layer, at = _layer(known, words, at)
        layers.append(layer)
    return tuple(layers)


def _layer(known: Commands, words: tuple[str, ...], start: int) -> tuple[Layer, int | None]:
    """The program at `start`, and where the command begins that it runs."""
    path, rest, options = _sub_commands(known, words, start)
    program = known.programs.get(path) or UNLISTED
    runs = program.runs
    if runs is not None and not runs.lines:
        behind, operands, at, script = _wrapped(words, rest, program, runs)
        inner = at if script is None else None
        image = next((each for each in operands if runs.place == "container" and is_tool(known, words[each])), None)
        if image is not None:
            inner = image
        elif inner is not None and runs.known and not works(known, words[inner]):
            inner = None
        if inner is not None or script is not None:
            subject = words[operands[-1]] if operands else ""
            if runs.known and inner is not None:
                operands = (*operands, inner)  # it may be a script of that name as well
            layer = Layer(path, start, rest, (*options, *behind), operands, runs.place, subject, script, runs.joined)
            return layer, inner
    if program is UNLISTED and "/" not in words[start] and "--" in words[rest:-1]:  # `a -- npx b`
        inner = words.index("--", rest) + 1
        if works(known, words[inner]) and not any(works(known, word) for word in words[rest : inner - 1]):
            return Layer(path, start, rest, tuple(options)), inner
    behind, operands = _arguments(words, rest, program)
    layer = Layer(path, start, rest, (*options, *behind), operands)
    if runs is None:
        return layer, None
    named = next((option.index for option in layer.options if option.name in runs.files), None)
    piped = any(option.name in runs.stdin for option in layer.options)
    file = operands[0] if runs.file and operands and not piped else named
    if file is not None and len(operands) > 1 and file == operands[0] and _is_manager(known, words[operands[1]]):
        return Layer(path, start, rest, layer.options, operands[:1], runs.place, words[file], file=file), operands[1]
    return replace(layer, place=runs.place, subject=words[operands[0]] if operands else "", file=file), None


def _is_manager(known: Commands, word: str) -> bool:
    """Whether a word is a package manager: `node with-env.js npm run build` runs it."""
    program = known.programs.get(entry(known, word))
    return program is not None and program.source in {"bun", "npm", "pnpm", "yarn"}


def _sub_commands(known: Commands, words: tuple[str, ...], start: int) -> tuple[str, int, list[Option]]:
    """The longest path of the table at `start`, the index behind it, and the options between its words."""
    path = longer = entry(known, words[start])
    rest = at = start + 1
    options: list[Option] = []
    found: list[Option] = []
    while at < len(words):
        program = known.programs.get(longer) or UNLISTED
        option = _option(words, at, program)
        if option is not None:
            found.append(option)
            at = option.index + 1
            continue
        below = f"{longer} {words[at]}"
        if below not in known.paths:
            break
        longer, at = known.paths[below] or below, at + 1
        if longer in known.programs:
            path, rest, options = longer, at, list(found)
    return path, rest, options


def _wrapped(
    words: tuple[str, ...], at: int, program: Program, runs: Runs
) -> tuple[list[Option], tuple[int, ...], int | None, int | None]:
    """Options and operands of a wrapper, where the command begins that it runs, and which word is a script."""
    options: list[Option] = []
    operands: list[int] = []
    marked = False
    while at < len(words):
        option = _option(words, at, program)
        if words[at] == "--":
            at, marked = at + 1, True
            break
        if (
            option is not None
            and option.name in runs.script
            and (runs.place != "container" or len(operands) == runs.operands)
        ):
            return options, tuple(operands), None, option.index
        if option is not None and option.name in runs.module:
            return options, tuple(operands), option.index, None
        if runs.operands and len(operands) == runs.operands and not runs.script:
            break
        if option is not None:
            options.append(option)
            at = option.index + 1
        elif len(operands) < runs.operands or runs.marked:
            operands.append(at)
            at += 1
        elif ASSIGNED.match(words[at]):
            at += 1
        else:
            break
    lacks = len(operands) < runs.operands or (runs.marked and not marked)
    if at >= len(words) or lacks or (words[at].startswith("-") and not marked):
        return options, tuple(operands), None, None
    return options, tuple(operands), None if runs.joined else at, at if runs.joined else None


def _arguments(words: tuple[str, ...], at: int, program: Program) -> tuple[list[Option], tuple[int, ...]]:
    """All options and operands from `at` on; behind `--` are operands only."""
    options: list[Option] = []
    operands: list[int] = []
    while at < len(words):
        option = _option(words, at, program)
        if option is not None:
            options.append(option)
            at = option.index
        elif words[at] == "--":
            return options, (*operands, *range(at + 1, len(words)))
        else:
            operands.append(at)
        at += 1
    return options, tuple(operands)


_CLUSTER = 6
"""So long are letters of options that are written together at most: `-czvf`; `-DskipTests` is one option."""


def _option(words: tuple[str, ...], at: int, program: Program) -> Option | None:
    """The option at an index, with its value; None for another word."""
    word, valued = words[at], program.taking
    name, equals, value = word.partition("=")
    behind = words[at + 1] if at + 1 < len(words) else ""
    if (word in valued and at + 1 < len(words)) or (word in program.numbered and behind.isdecimal()):
        return Option(word, behind, at + 1)
    if word in {"-", "--"} or not word.startswith(("-", "+") if "+o" in valued else "-"):
        return None
    if equals:
        return Option(name, value, at)
    if word[1:2] != "-" and word[:2] in valued and len(word) > 2:
        return Option(word[:2], word[2:], at)
    last = f"-{word[-1]}"
    if len(word) <= _CLUSTER and word[1:].isalpha() and last in valued and at + 1 < len(words):
        return Option(last, behind, at + 1)
    return Option(word, "", at)
