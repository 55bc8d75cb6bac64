"""What command lines do: by program and words, never by searching a line.

A command line is a list of words. `read` takes off what only runs the rest (`timeout 60`, `infisical run --`, `npx`,
`docker compose exec app`): each is a `Layer`, the last is the program that does the work. `deeds` says what they do.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, cast

from policyengine.knowledge.layers import ASSIGNED, read
from policyengine.knowledge.programs import (
    UNLISTED,
    Commands,
    Deed,
    Kind,
    Layer,
    Option,
    Place,
    commands,
    program_name,
    says,
    words_of,
)
from policyengine.knowledge.programs import entry as path_of
from policyengine.knowledge.programs import works as has_work
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "Deed",
    "Kind",
    "Layer",
    "Option",
    "Place",
    "about",
    "deeds",
    "is_listed",
    "named",
    "program_name",
    "read",
    "script_names",
    "scripts",
    "tells",
    "words_of",
    "works",
]

_SWITCHED_OFF = frozenset({"false", "none"})
_PREFIX = regex(r"\A(npm|pnpm|yarn|bun):")
_COMMAND = regex(r"[\"']?\bcommand[\"']?\s*[:=]\s*\[([^\[\]]*)\]")
_LISTED = regex(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s,'\"]+)")
_ADDRESS = regex(r"https?[:-]|\d+\Z|:\d+")


def deeds(words: Sequence[str]) -> tuple[Deed, ...]:
    """What a command line does, as far as its words tell; what its scripts do is told by their own lines."""
    known, key = commands(), tuple(words)
    found = known.told.get(key)
    if found is None:
        found = known.told[key] = _deeds(known, key)
    return found


def named(name: str) -> frozenset[Kind]:
    """What the name of a script, a target or a task says that it does: `db:migrate`, `run-migrations`, `test:unit`."""
    words = words_of(name)
    return frozenset(kind for kind, entry in commands().names.items() if entry.fits(words))


def only_looks(name: str) -> bool:
    """Whether the name of what would deploy says that it does something about that instead: `validate-compose.yml`."""
    return not commands().names["deploy"].none.isdisjoint(words_of(name))


def about(name: str, *kinds: Kind) -> bool:
    """Whether the name of a container or a resource speaks of something of these kinds: `dev-migrations`."""
    words = words_of(name)
    return any(commands().names[kind].speaks(words) for kind in kinds)


def drops_privileges(program: str) -> bool:
    """Whether a program runs another one as a user without the rights of root: `gosu`."""
    known = commands()
    found = known.programs.get(path_of(known, program))
    return found is not None and found.runs is not None and found.runs.user


def is_init(program: str) -> bool:
    """Whether a program runs another one as process 1 should, handing on signals and reaping children: `tini`."""
    known = commands()
    found = known.programs.get(path_of(known, program))
    return found is not None and found.runs is not None and found.runs.reaps


def tells(layer: Layer) -> bool:
    """Whether a program is only asked to list or to tell something."""
    program = commands().programs.get(layer.path) or UNLISTED
    return any(option.name in program.tells for option in layer.options)


def fetches(layer: Layer) -> bool:
    """Whether a program brings files that are not the repository's."""
    return (commands().programs.get(layer.path) or UNLISTED).fetches


def may_deploy(layer: Layer) -> bool:
    """Whether a program deploys with one of its sub-commands."""
    program = commands().programs.get(layer.path) or UNLISTED
    return any(kind.startswith("deploy") and " " not in key and key for key, kind in program.does.items())


def is_listed(layer: Layer) -> bool:
    """Whether the table lists a program, and no program file tells what it does."""
    return layer.path in commands().programs and layer.file is None


def works(word: str) -> bool:
    """Whether it is known what the program does that a word names, so that its file need not be read."""
    return has_work(commands(), word)


def script_names(words: Sequence[str], layer: Layer) -> tuple[str, ...]:
    """The scripts, targets or tasks of the tree that a layer names; empty for a program that has none."""
    program = commands().programs.get(layer.path.partition(" ")[0])
    scripts = program.scripts if program is not None else None
    if scripts is None:
        return ()
    given = [name for value in layer.values(*scripts.targets) for name in value.split(",")]
    head = layer.path.split()[1:]
    operands = [*head, *(words[index] for index in layer.operands if not ASSIGNED.match(words[index]))]
    if operands and operands[0] in scripts.after:
        del operands[0]
    elif not operands or operands[0] in scripts.own or not (scripts.direct or operands[0] in scripts.bare):
        operands.clear()
    return (*given, *(operands if scripts.all else operands[:1]))


def scripts(words: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """The command lines and scripts that a command line holds, each with the index of its first word.

    `sh -c '…'`, `ssh host …`, `eval …`, `concurrently 'npm:dev' …`, `run-s build test`.
    """
    layers = read(words)
    layer = layers[-1] if layers else None
    program = commands().programs.get(layer.path) if layer is not None else None
    if layer is None or program is None or tells(layer):
        return ()
    if program.overrides:
        return tuple(_overriding(layer, program.overrides))
    if program.runs is None:
        return ()
    if layer.script is not None:
        return ((layer.script, " ".join(words[layer.script :]) if layer.joined else words[layer.script]),)
    match program.runs.lines:
        case "prefixed":
            return tuple((index, _PREFIX.sub(r"\1 run ", words[index])) for index in layer.operands)
        case "scripts":
            kept = (index for index in layer.operands if not _ADDRESS.match(words[index]))
            return tuple((index, words[index] if " " in words[index] else f"npm run {words[index]}") for index in kept)
        case _:
            return ()


def _overriding(layer: Layer, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The command lines in the JSON of options: `{"containerOverrides": [{"command": ["prisma", "migrate"]}]}`."""
    for option in layer.options:
        if option.name in names:
            for found in _COMMAND.findall(option.value):
                yield option.index, shlex.join("".join(word) for word in _LISTED.findall(found))


def _deeds(known: Commands, words: tuple[str, ...]) -> tuple[Deed, ...]:
    found: list[Deed] = []
    place: Place = ""
    layers = read(words)
    for layer in layers:
        for kind, tool in _told(known, words, layer):
            found.append(Deed(kind, tool or layer.path.partition(" ")[0], layer.start, place))
        place = layer.place or place
    if all(deed.kind == "start" for deed in found):
        found.extend(_by_name(known, words, layers))
    return tuple(found)


def _told(known: Commands, words: tuple[str, ...], layer: Layer) -> Iterator[tuple[Kind, str]]:
    """What the table says of a layer: kinds, and the tools where they are not the program."""
    program = known.programs.get(layer.path) or UNLISTED
    names = {option.name for option in layer.options if option.value not in _SWITCHED_OFF}
    last = {option.name for option in layer.options if option.index == len(words) - 1 and not option.value}
    if tells(layer) or not known.unless["every"].options.isdisjoint(last):
        return
    if program.only and program.only.isdisjoint(names):
        return
    given = [words[index] for index in layer.operands]
    elsewhere = [any(mark in word for mark in program.to) for word in given]
    if program.to and (elsewhere.count(True) != 1 or not elsewhere[-1]):
        return
    if any(not program.besides.isdisjoint(words_of(word)) for word in given):
        return
    operands = [(words[index], _doubtful(layer, index)) for index in layer.operands]
    before = layer.operands[0] if program.runs is not None and layer.operands else len(words)
    texts = [
        *(program.does[key] for key in _longest(program.does, operands)),
        *(each for key, each in program.tasks.items() if any(_is_task(key, word) for word, _ in operands)),
        *("test" for key, without in program.tested.items() if _tests(key, without, operands, layer)),
        *(each for key, each in program.says.items() if any(says(words_of(word), (key,)) for word, _ in operands)),
        *(
            program.options[option.name]
            for option in layer.options
            if option.name in program.options and option.index < before
        ),
    ]
    for text in dict.fromkeys(texts):
        kind, _, tool = text.partition(" ")
        telling = known.unless.get(kind)
        if kind and (telling is None or telling.options.isdisjoint(names)):
            yield cast("Kind", kind), tool


def _longest(does: dict[str, str], operands: list[tuple[str, bool]]) -> list[str]:
    """The longest of the word sequences that the operands begin with."""
    return sorted((key for key in does if _begins(key.split(), operands)), key=len)[-1:]


def _begins(wanted: list[str], operands: list[tuple[str, bool]]) -> bool:
    """Whether the operands begin with words, but for those that may be the value of an option."""
    at = 0
    for word, doubtful in operands:
        if at == len(wanted):
            break
        if word == wanted[at]:
            at += 1
        elif not doubtful:
            return False
    return at == len(wanted)


def _doubtful(layer: Layer, index: int) -> bool:
    """Whether a word may be the value of an option that the table does not list."""
    return any(option.index == index - 1 and not option.value and len(option.name) > 1 for option in layer.options)


def _is_task(key: str, word: str) -> bool:
    return word == key or (key.startswith(":") and word.rpartition(":")[2] == key[1:])


def _tests(key: str, without: Sequence[str], operands: Sequence[tuple[str, bool]], layer: Layer) -> bool:
    """Whether a task runs the tests, which no option leaves out."""
    given = {form for each in layer.options for form in (each.name, f"{each.name} {each.value.rpartition(':')[2]}")}
    return given.isdisjoint(without) and any(_is_task(key, word) for word, _ in operands)


def _by_name(known: Commands, words: tuple[str, ...], layers: tuple[Layer, ...]) -> Iterator[Deed]:
    """What the names of scripts, targets and program files say, where nothing else does."""
    place: Place = ""
    if layers and tells(layers[-1]):
        return
    for layer in layers:
        kinds = {kind for name in script_names(words, layer) for kind in named(name)}
        if kinds:
            yield from (Deed(kind, "", layer.start, place, named=True) for kind in sorted(kinds))
            return
        place = layer.place or place
    last = layers[-1] if layers else None
    if last is not None and last.place == "container":
        yield from (Deed(kind, "", last.start, "container", named=True) for kind in _of_service(known, last))
    elif last is not None:
        yield from _by_file(known, words, last, place)


def _of_service(known: Commands, layer: Layer) -> Iterator[Kind]:
    """What the name of a service says that is run without a command: `docker compose run unit-tests`, `… phpunit`."""
    name = words_of(layer.subject)
    programs = (known.programs.get(word) or UNLISTED for word in name)
    if "test" in named(layer.subject) or any(each.does.get("", "").startswith("test") for each in programs):
        yield "test"
    elif "migrate" in named(layer.subject):
        yield "migrate"


def _by_file(known: Commands, words: tuple[str, ...], layer: Layer, place: Place) -> Iterator[Deed]:
    """What the name of the program file or module says, or the first words of a program that is not listed."""
    program = known.programs.get(layer.path)
    listed = program or UNLISTED
    file = layer.file if program is not None and (layer.operands or layer.file is not None) else layer.start
    path = words[file] if file is not None else ""
    module = layer.value(*listed.runs.module) if listed.runs is not None and listed.runs.module else None
    last = path.rpartition("/")[2].partition(".")[0] if module is None else module.rpartition(".")[2]
    stem = words_of(path if listed.runs is not None and listed.runs.files else last)
    verbs = [words[index] for index in layer.operands[:2]] if program is None else []
    tool = listed.runs.tool if listed.runs is not None else ""
    for kind, entry in known.names.items():
        if entry.tells_file(stem, path) or (entry.files == "any" and entry.begins(verbs)):
            yield Deed(kind, tool, layer.start, place, named=True)
