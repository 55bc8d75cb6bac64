"""Applications that are not written for Node: the files that hold their settings, and what these demand."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge import settings
from policyengine.model.value import Known
from policyengine.platforms.code import code_reads
from policyengine.platforms.code.config_candidate import Candidate, unless_refused
from policyengine.platforms.code.package import set_aside
from policyengine.repository.discover import parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyengine.knowledge.settings import Language
    from policyengine.model.nodes import CodeReads, ConfigKey
    from policyengine.model.source import Source
    from policyengine.repository.files import Files

Read = tuple[tuple["ConfigKey", ...], str, list["Source"]]
"""The variables of a file, why there may be more, and the files that were followed for them."""

LARGEST = 200_000
"""Characters of a file that is followed: a longer one is generated."""


def application(path: str, manifests: Sequence[str], files: Files) -> str:
    """The nearest folder upward that holds a manifest, the root when none does."""
    folder = parent(path)
    while folder and not any(files.exists(f"{folder}/{name}") for name in manifests):
        folder = parent(folder)
    return folder


def other_candidates(files: Files) -> Mapping[str, Sequence[Candidate]]:
    """The files with settings of each application that is not written for Node, by its folder."""
    found: dict[str, list[Candidate]] = defaultdict(list)
    for name, language in settings.languages().items():
        own: dict[str, list[Candidate]] = defaultdict(list)
        for path in sorted({*files.ending(*language.endings), *files.named(*language.names)}):
            if language.holds(path) and not set_aside(path) and not settings.serves_upkeep(path):
                read = _candidate(files, path, name, language)
                own[read.directory if read is not None else ""] += [read] if read is not None else []
        for directory, candidates in own.items():
            joined = _joined(candidates) if language.together else candidates
            unread = f"settings in {name} are not read"
            found[directory] += [each if each.keys or each.gap else replace(each, gap=unread) for each in joined]
    return {directory: candidates for directory, candidates in found.items() if candidates}


def _candidate(files: Files, path: str, name: str, language: Language) -> Candidate | None:
    source = files.read(path)
    if source is None:
        return None
    directory = application(path, language.manifests, files) if language.manifests else parent(path)
    library, reader = language.library(source.text), _READERS.get(name)
    read = reader(files, source) if reader is not None and len(source.text) <= LARGEST else None
    keys, gap, others = read or ((), f"settings in {name} are not read", [])
    keys = unless_refused(keys, source)
    library = library or next(filter(None, (language.library(each.text) for each in others)), None)
    return None if library is None else Candidate(path, directory, library[1], keys, gap, order=library[0])


def other_reads(files: Files) -> Mapping[str, tuple[CodeReads, ...]]:
    """What other files of each application in Python and Go read, by its folder."""
    known = settings.languages()
    python, go = (
        any(files.named(*known[each].manifests)) and bool(files.ending(*known[each].endings))
        for each in ("Python", "Go")
    )
    found: dict[str, tuple[CodeReads, ...]] = {}
    if python:
        manifests = known["Python"].manifests
        found |= code_reads.of_python(
            files,
            lambda path: application(path, manifests, files),
            lambda source: unless_refused(_python(files, source, code_reads.may_read)[0], source),
        )
    if go:
        found |= code_reads.of_go(files, lambda source: unless_refused((_go(files, source) or ((),))[0], source))
    return found


def _joined(candidates: Sequence[Candidate]) -> list[Candidate]:
    """One candidate of files that are all loaded: what one of them demands is demanded."""
    keys: dict[str, ConfigKey] = {}
    for key in (key for each in candidates for key in each.keys):
        if key.key not in keys or (isinstance(key.required, Known) and key.required.value):
            keys[key.key] = key
    gap = next((each.gap for each in candidates if each.gap), "")
    first = sorted(candidates, key=lambda each: (each.path.count("/"), each.path))[:1]
    return [replace(each, keys=tuple(keys.values()), gap=gap) for each in first]


def _python(files: Files, source: Source, telling: Callable[[str], object] = bool) -> Read:
    from policyengine.platforms.code.config_python import Program  # noqa: PLC0415  only where there is Python

    language = settings.languages()["Python"]

    def holds(path: str) -> bool:
        return language.holds(path) and files.exists(path)

    def imported(importer: str, module: str) -> Source | None:
        """The file of settings that an import names."""
        path = next(code_reads.python_files(holds, parent(importer), module), None)
        return files.read(path) if path is not None else None

    program = Program(source, imported)
    program.follow(telling)
    return program.keys(), next(iter(program.gaps), ""), [scope.source for scope in program.scopes.values()]


def _go(_: Files, source: Source) -> Read | None:
    from policyengine.platforms.code.config_go import follow  # noqa: PLC0415  only where there is Go

    program = follow(source)
    return None if program is None else (program.keys(), next(iter(program.gaps), ""), [])


def _ruby(_: Files, source: Source) -> Read | None:
    from policyengine.platforms.code.config_ruby import follow  # noqa: PLC0415  only where there is Ruby

    found = follow(source)
    return None if found is None else (*found, [])


def _jvm(files: Files, source: Source) -> Read | None:
    from policyengine.platforms.code.config_placeholders import follow  # noqa: PLC0415  only where there is Spring

    if source.path.endswith(".conf"):
        return None
    account = follow(files, source)
    return account.keys(), next(iter(account.gaps), ""), []


def _dotnet(files: Files, source: Source) -> Read:
    from policyengine.platforms.code.config_dotnet import follow  # noqa: PLC0415  only where there is .NET

    return *follow(files, source), []


_READERS: Mapping[str, Callable[[Files, Source], Read | None]] = {
    ".NET": _dotnet,
    "Go": _go,
    "JVM": _jvm,
    "Python": _python,
    "Ruby": _ruby,
}
