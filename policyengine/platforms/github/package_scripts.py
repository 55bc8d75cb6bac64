"""The scripts of package.json files, and the commands that call them: npm, pnpm, yarn, bun, turbo, nx, lerna."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge import commands as knowledge
from policyengine.model.source import ReadError, Source
from policyengine.model.text import Text
from policyengine.model.value import Unknown
from policyengine.platforms.github.calls import Called, Walk, entered
from policyengine.repository.discover import join
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.knowledge.commands import Layer
    from policyengine.model.nodes import ShellCommand, Word
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Document

MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})
PROJECTS = frozenset({"turbo", "nx", "lerna"})
_RUN = frozenset({"run", "run-script", "rum", "urn"})
_EVERYWHERE = frozenset({"-r", "--recursive", "--workspaces", "--parallel", "workspaces"})


class Packages(Struct):
    """The packages of a tree, read when first asked for."""

    files: Files
    _packages: dict[str, _Package] | None = None

    def script(
        self, manager: str, layer: Layer, made: ShellCommand, walk: Walk, gaps: list[Unknown]
    ) -> Iterator[Called]:
        """`npm run build`, `pnpm --filter web test -- --ci`, `yarn workspace web build`."""
        names = knowledge.script_names(made.argv, layer)
        if not names or (manager == "bun" and "." in names[0]):  # `bun run a.ts` runs a file
            return
        name = "test" if names[0] == "t" else names[0]
        at = next((index for index in layer.operands if made.argv[index] == names[0]), len(made.argv))
        given = {each.name: each.value for each in layer.options if manager == "npm" or each.index < at}
        folder = walk.directory
        for option in ("--prefix", "-C", "--dir", "--cwd"):
            folder = entered(folder, given[option], "") if option in given else folder
        root = manager != "npm" and not {"-w", "--workspace-root"}.isdisjoint(given)
        chosen = next((given[each] for each in ("--workspace", "--filter", "-F", "workspace") if each in given), "")
        if manager == "npm":
            chosen = given.get("-w", chosen)
        everywhere = "-ws" in made.argv[:at] + made.argv[at + 1 :] or not _EVERYWHERE.isdisjoint(given)
        found = False
        behind = made.words[at + 1 :]
        behind = behind[1:] if behind[:1] and behind[0].text == "--" else behind
        for package in self._chosen("" if root else folder, chosen, everywhere=everywhere):
            if name in package.scripts:
                found = True
                yield from self._stages(package, name, manager, behind)
        ran = layer is made.layers[-1] and not _RUN.isdisjoint(made.argv[layer.start + 1 : at])
        there = ("" if root else folder) in self._all()  # where one is that lacks it, it fails for certain
        if not found and ran and not (chosen or everywhere or there):
            gaps.append(Unknown(f"the package script '{name}' is not in the tree", made.span, about=name))

    def _stages(self, package: _Package, name: str, manager: str, behind: Sequence[Word] = ()) -> Iterator[Called]:
        """What runs before a script, the script with the words behind its name, and what runs after it."""
        for each in (f"pre{name}", name, f"post{name}"):
            if each in package.scripts:
                text = unfold(package.source, package.scripts[each])
                if each == name and behind:
                    text = Text.join((text, *(part for word in behind for part in _again(word))))
                yield Called(f"{package.source.path}#{each}", f"{manager} run {each}", text, package.folder)

    def _chosen(self, folder: str, chosen: str, *, everywhere: bool) -> list[_Package]:
        packages = self._all()
        if everywhere:
            return list(packages.values())
        if chosen:
            wanted = chosen.strip("'\"").removeprefix("...").removesuffix("...").removeprefix("{").removesuffix("}")
            plain = wanted.removeprefix("./").rstrip("/")
            return [
                package
                for package in packages.values()
                if wanted in {package.name, package.name.rpartition("/")[2]}
                or package.folder in {plain, join(folder, plain)}
            ]
        at: str | None = folder
        while at is not None:
            if at in packages:
                return [packages[at]]
            at = at.rpartition("/")[0] if at else None
        return []

    def task(self, layer: Layer, made: ShellCommand) -> Iterator[Called]:
        """`turbo run test:e2e --filter=web`, `nx e2e web`, `nx run web:e2e`, `lerna run e2e`."""
        names = knowledge.script_names(made.argv, layer)[:8]
        chosen = next(iter(layer.values("--filter", "-F", "--scope")), "")
        if layer.path == "nx" and names and ":" in names[0]:
            chosen, _, target = names[0].partition(":")
            names = (target.partition(":")[0],)
        elif layer.path == "nx" and len(names) > 1 and layer.value("-t", "--target", "--targets") is None:
            names, chosen = names[:1], names[1]
        for name in names:
            for package in self._chosen(made.directory, chosen, everywhere=not chosen):
                if name in package.scripts:
                    yield from self._stages(package, name, layer.path)

    def _all(self) -> dict[str, _Package]:
        if self._packages is None:
            self._packages = {}
            for path in self.files.named("package.json"):
                package = _read_package(self.files.read(path), path)
                if package is not None:
                    self._packages[package.folder] = package
        return self._packages


def _again(word: Word) -> tuple[Text, Text]:
    """A blank and a word as a script would write it."""
    blank = Text.made(" ", word.span)
    if word.literal:
        return blank, Text.made(shlex.quote(word.text), word.span)
    return blank, Text.undecided(word.text, Unknown("the shell sets it", word.span))


class _Package(Struct, frozen=True):
    """A package.json: where it is, its name and its scripts."""

    source: Source
    folder: str
    name: str
    scripts: dict[str, Scalar]


def _read_package(source: Source | None, path: str) -> _Package | None:
    from policyengine.syntax import json  # noqa: PLC0415  only workflows that call package scripts pay for it

    if source is None:
        return None
    try:
        document: Document = json.read(source)
    except ReadError:
        return None
    if not isinstance(document, Mapping):
        return None
    name = document.get("name")
    scripts = document.get("scripts")
    found = (
        {entry.key.text: entry.value for entry in scripts.entries if isinstance(entry.value, Scalar)}
        if isinstance(scripts, Mapping)
        else {}
    )
    folder = path[: -len("package.json")].rstrip("/")
    return _Package(source, folder, name.text if isinstance(name, Scalar) else "", found)
