"""Platforms: what runs these files. Each folder exports one `Platform`, which turns located values into graph nodes.

A platform is a plug-in, the built-in ones too: a module that implements `policyengine_platforms` (see
`policyengine.extend`). Its `__init__` says what there is; what costs time to import is imported by the functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec import Struct

from policyengine.model.source import Span
from policyengine.repository.configuration import at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from policyengine.hooks import ResourceReader
    from policyengine.model.declaration import Declarations
    from policyengine.model.graph import Choice, Edge
    from policyengine.model.nodes import Node, Side
    from policyengine.model.source import ReadError
    from policyengine.model.text import Text
    from policyengine.model.value import Sealed
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Document

P = TypeVar("P", bound=Struct)


class Lowered(Struct, frozen=True):
    """What was made of one unit: nodes, edges between them, what was chosen, what could not be read, what is secret.

    `names` are what the system as a whole is called; names of its parts often begin with them. `declaring` has all that
    the files declare, for rules that ask for more than nodes tell.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    choices: tuple[Choice, ...] = ()
    problems: tuple[ReadError, ...] = ()
    sealed: tuple[Sealed, ...] = ()
    names: tuple[str, ...] = ()
    declaring: tuple[Declarations, ...] = ()


class Written(Struct, frozen=True):
    """What a text of one platform writes for another to read: the files that a start script makes, a buildspec.

    `texts` are the files by their paths, which begin at the folder of the project, or the parts of a document by theirs
    (`phases/build/commands/0`); a piece of one stands elsewhere and may be undecided. `main` is the file to begin with,
    `name` the name of its folder, or of what holds it. `span` is where it is written. `over` are files that come over
    the first. Files that are not written are those of the tree, of which only the end of the path may be known.
    """

    texts: Mapping[str, Text]
    main: str
    name: str = ""
    span: Span = Span("", 0, 0)
    over: tuple[str, ...] = ()


class Unit(Struct, frozen=True):
    """A piece of work: a workflow file, a Compose project, a Terraform root, a Dockerfile, a package.

    `name` is unique in its platform, best the path of the file or folder. `read` makes nodes of it, and sees the tree
    only through the view that it is given, so that what it made can be kept while the view gives the same answers.
    `inputs` is what else it depends on: a value that is equal when the work is the same.
    """

    name: str
    read: Callable[[Files], Lowered]
    inputs: object = None


class Piece(Struct, frozen=True):
    """What can be a side of a system: a Compose project, a root module in all its environments.

    `files` are its files, or the folders that hold them, `folder` is where it stands. `builds` are the folders that
    images of it are built in, `names` those of the images and of the project. `runs` tells whether it runs an
    application, and not only what one needs, or may do so for all that is known; for certain where it is `sure`.
    `included` are files that it takes in.
    """

    side: Side
    files: tuple[str, ...]
    folder: str
    builds: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    runs: bool = True
    included: frozenset[str] = frozenset()
    sure: bool = False


class Wanted(Struct, frozen=True):
    """Which files a platform is for. A tree that has none of them never asks it; without any, it is always asked.

    `names` are whole file names, `endings` ends of them, `parts` stand anywhere in a path.
    """

    names: tuple[str, ...] = ()
    endings: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def found(self, files: Files) -> bool:
        """Whether a tree has one of them."""
        if not (self.names or self.endings or self.parts):
            return True
        return bool(files.named(*self.names) or files.ending(*self.endings) or files.holding(*self.parts))


class FileOption(Struct, frozen=True):
    """An option of the command line that names files outside the tree, once or more often: `--plan FILE`."""

    name: str
    help: str


class Settings(Struct, Generic[P], frozen=True):
    """What a platform is told: its part of policyengine.yaml, the files that its options name, and how to work.

    `environment` is the cloud environment that counts, empty where none is configured. `given` holds the files of a
    `FileOption` by its name. `jobs` is the number of worker processes that a unit may start, 0 for one per processor;
    `cache` tells whether syntax may be kept for the next run. `resources` are the types of Terraform's resources that
    plug-ins bring. `pieces` are the files and folders of the pieces that belong to the system, where the tree holds
    several, else None. `shared` tells that the part holds for more than the tree, so that a file which it names and the
    tree has not is another's. `reads` are the platforms, by their names, that read what a text of another writes.
    `written` is the part as it stands in the file.
    """

    part: P
    environment: str = ""
    given: Mapping[str, tuple[Path, ...]] = {}
    jobs: int = 0
    cache: bool = True
    resources: Mapping[str, ResourceReader] = {}
    reads: Mapping[str, Callable[[Files, Written], Lowered]] = {}
    written: Document | None = None
    pieces: tuple[str, ...] | None = None
    shared: bool = False

    def place(self, *keys: str | int) -> Span:
        """Where the configuration says something: `place("canonical", 0)`; nowhere when there is no such part."""
        return at(self.written, [*keys]).span if self.written is not None else Span("", 0, 0)


class NoPart(Struct, frozen=True, forbid_unknown_fields=True):
    """The part of a platform that has none."""


class Platform(Struct, Generic[P], frozen=True, kw_only=True):
    """What runs some of the files of a tree.

    `name` is its key in policyengine.yaml, where `part` says what may stand: a Struct whose fields all have defaults.
    `title` is what a progress bar shows. `units` finds the work to do; it, too, reads only through the view. `join`
    makes one result of those of all units, where they are more than the sum; the order of units does not matter.
    `reads` makes nodes of what a text of another platform writes, beside the files of the tree. `pieces` tells what can
    be the local or the cloud side of a system, so that a repository of several is told from one of one.
    """

    name: str
    title: str
    units: Callable[[Files, Settings[P]], Iterable[Unit]]
    part: type[P] | None = None
    wants: Wanted = Wanted()
    options: tuple[FileOption, ...] = ()
    join: Callable[[Sequence[Lowered]], Lowered] | None = None
    reads: Callable[[Files, Written], Lowered] | None = None
    pieces: Callable[[Files, Settings[P], Side], Iterable[Piece]] | None = None


def joined(parts: Iterable[Lowered]) -> Lowered:
    """The sum of several results."""
    parts = tuple(parts)
    return Lowered(
        nodes=tuple(node for part in parts for node in part.nodes),
        edges=tuple(edge for part in parts for edge in part.edges),
        choices=tuple(choice for part in parts for choice in part.choices),
        problems=tuple(problem for part in parts for problem in part.problems),
        sealed=tuple(each for part in parts for each in part.sealed),
        names=tuple(name for part in parts for name in part.names),
        declaring=tuple(each for part in parts for each in part.declaring),
    )
