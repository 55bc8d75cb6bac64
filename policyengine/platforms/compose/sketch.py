"""What Compose files say at first sight: enough to choose among them, and to tell one system from another."""

from __future__ import annotations

import posixpath
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge.names import words
from policyengine.model import image
from policyengine.model.nodes import Beside, Role, Side
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.docker.datastore import image_role
from policyengine.syntax import yaml
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_NUMBER = regex(r"\d{2,5}")
_STORES = frozenset({Role.DATABASE, Role.CACHE, Role.QUEUE})


class Sketch(NamedTuple):
    """What a Compose file says at first sight.

    `complete` are the services that it says how to get, `partial` those that it only changes, `needs` those that they
    depend on. `runs` tells whether one of them may be an application, `stores` how many are datastores. `builds` are
    the folders in which images are built, `names` those of these images and of the project, `included` other files,
    `numbers` all that stand in `ports`. `changes` tells whether it says of a build only what is another there, and not
    of what it is made: `build: {target: dev}`.
    """

    complete: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    runs: bool = False
    stores: int = 0
    builds: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    included: frozenset[str] = frozenset()
    numbers: frozenset[int] = frozenset()
    changes: bool = False

    def beside(self, other: Sketch) -> Sketch:
        """What two files say together."""
        complete = self.complete | other.complete
        return Sketch(
            complete,
            (self.partial | other.partial) - complete,
            self.needs | other.needs,
            self.runs or other.runs,
            self.stores + other.stores,
            self.builds | other.builds,
            self.names | other.names,
            self.included | other.included,
            self.numbers | other.numbers,
            self.changes or other.changes,
        )


def sketch(tree: Files, paths: tuple[str, ...]) -> Sketch:
    """What files say together; one that cannot be read may say anything, which reading it will tell."""
    found = Sketch()
    for path in paths:
        try:
            found = found.beside(tree.once(path, sketch_of) or Sketch())
        except ReadError:
            return Sketch(frozenset({path}), runs=True)
    return found


def sketch_of(source: Source) -> Sketch:
    """What one file says.

    Raises:
        ReadError: it is no YAML.
    """
    if "services" not in source.text and "include" not in source.text:
        return Sketch()
    documents = (each for each in yaml.read_all(source, []) if isinstance(each, Mapping))
    return reduce(Sketch.beside, (_document(source, each) for each in documents), Sketch())


def _document(source: Source, top: Mapping) -> Sketch:
    folder, services = posixpath.dirname(source.path), top.get("services")
    complete, partial, needs, builds, names = set[str](), set[str](), set[str](), set[str](), set[str]()
    numbers, stores, runs, changes = set[int](), 0, top.get("include") is not None, False
    if isinstance(name := top.get("name"), Scalar):
        names.add(name.text)
    for entry in services.entries if isinstance(services, Mapping) else ():
        told = entry.value if isinstance(entry.value, Mapping) else Mapping((), Span(source.path, 0, 0))
        got = any(told.get(key) is not None for key in ("image", "build", "extends", "provider"))
        (complete if got else partial).add(entry.key.text)
        build, called = told.get("build"), told.get("image")
        role = Role.APP if build is not None else _role(called, entry.key.text)
        runs, stores = runs or role is Role.APP, stores + (role in _STORES)
        needs.update(_entries(told.get("depends_on")))
        numbers.update(_numbers(told.get("ports")))
        if build is not None:
            context = build.get("context") if isinstance(build, Mapping) else build
            builds.add(_within(folder, context.text if isinstance(context, Scalar) else "."))
            built = image.parse(called.text) if isinstance(called, Scalar) else None
            names.add(entry.key.text if built is None else built.repository.rpartition("/")[2])
        if isinstance(build, Mapping) and build.get("context") is None and build.get("dockerfile") is None:
            changes = True
    return Sketch(
        frozenset(complete),
        frozenset(partial),
        frozenset(needs),
        runs,
        stores,
        frozenset(builds),
        frozenset(names),
        frozenset(_within(folder, each) for each in _included(top.get("include"))),
        frozenset(numbers),
        changes,
    )


def others(tree: Files, chosen: frozenset[str]) -> Iterator[Beside]:
    """What the Compose files start that are no part of the project."""
    for path in tree.ending(".yml", ".yaml"):
        if path not in chosen and "compose" in words(posixpath.basename(path)):
            told, place = sketch(tree, (path,)), Span(path, 0, 0)
            names, ports = sorted(map(str.lower, told.complete)), (Known(each, place) for each in sorted(told.numbers))
            yield Beside(
                id=f"compose:{path}",
                name=path,
                side=Side.LOCAL,
                span=place,
                path=path,
                names=tuple(names),
                ports=tuple(ports),
            )


def _numbers(ports: object) -> Iterator[int]:
    """The numbers that stand in ports, those of defaults in `${PORT:-5432}` too."""
    for item in ports.items if isinstance(ports, Sequence) else ():
        shown = item.get("published") if isinstance(item, Mapping) else item
        yield from map(int, _NUMBER.findall(shown.text)) if isinstance(shown, Scalar) else ()


def _within(folder: str, path: str) -> str:
    """A path as it lies in the tree; that of the root is empty."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    return "" if joined == "." else joined


def _included(told: object) -> Iterator[str]:
    """The files that `include` names."""
    for each in told.items if isinstance(told, Sequence) else ():
        path = each.get("path") if isinstance(each, Mapping) else each
        for one in path.items if isinstance(path, Sequence) else (path,):
            if isinstance(one, Scalar):
                yield one.text


def _entries(told: object) -> Iterator[str]:
    """The entries of a list or the keys of a mapping."""
    if isinstance(told, Mapping):
        yield from (each.key.text for each in told.entries)
    elif isinstance(told, Sequence):
        yield from (each.text for each in told.items if isinstance(each, Scalar))


def _role(told: object, name: str) -> Role | None:
    if not isinstance(told, Scalar):
        return None
    found = image.parse(told.text)
    return Role.APP if found is None else image_role(image.engine_of(found, told.span), name)
