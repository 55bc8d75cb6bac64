"""A folder → the files in it that git would keep, read on demand and never from outside the root."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge.names import unlisted_folders
from policyengine.model.budget import PER_CHARACTER, Budget
from policyengine.model.ignoring import compile_patterns
from policyengine.model.source import ReadError, Source, Span, UsageError
from policyengine.repository.decoding import PROGRAMS, Withheld, decode
from policyengine.repository.files import Index, index
from policyengine.repository.git_index import Committed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from policyengine.model.ignoring import GitPatterns

T = TypeVar("T")


MAX_BYTES = 10_000_000
"""A larger file is not read: configuration is written by people."""

CONFIGURATIONS = ("policyengine.yaml", "policyengine.yml", ".policyengine.yaml")
"""The names of configurations, the preferred one first."""

BASELINE = "policyengine.baseline.json"
"""The file of findings that are known, which names what they are about and is never read as a part of the system."""

INSTALLED = ".terraform/modules/"
"""Where Terraform installs the modules of a root module, beside a list of them."""


class Tree(Struct, frozen=True):
    """The scanned tree.

    `failures` collects a ReadError for each file that was asked for and could not be read, `withheld` why the text of
    others is not known. `edited` are texts that stand for those of files on disk, or of files that are not there yet.
    `part` tells that not all of the folder was asked for in which the configuration stands.
    """

    root: Path
    paths: tuple[str, ...]
    failures: dict[str, ReadError] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    edited: Mapping[str, str] = {}
    part: bool = False
    _known: frozenset[str] = field(default=frozenset())
    _installed: set[str] = field(default_factory=set)
    _read: dict[str, Source | None] = field(default_factory=dict)
    _indexes: list[Index] = field(default_factory=list)
    _made: dict[tuple[str, object], object] = field(default_factory=dict)
    _inside: dict[str, Tree] = field(default_factory=dict)
    _straight: dict[str, bool] = field(default_factory=dict)

    def __contains__(self, path: object) -> bool:
        return path in self._known

    def without(self, patterns: Sequence[str]) -> Tree:
        """The tree without the files that patterns as in .gitignore leave out."""
        if not patterns:
            return self
        left_out = compile_patterns(patterns)
        return self.only(lambda path: not left_out.covers(path))

    def only(self, wanted: Callable[[str], bool]) -> Tree:
        """The tree without the files whose paths are not wanted."""
        paths = tuple(filter(wanted, self.paths))
        return replace(self, paths=paths, _known=frozenset(paths), _indexes=[])

    def inside(self, folder: str) -> Tree:
        """The tree of a folder of this one, with paths that begin in it."""
        paths = tuple(path[len(folder) + 1 :] for path in self.below(folder))
        edited = {path[len(folder) + 1 :]: text for path, text in self.edited.items() if path.startswith(f"{folder}/")}
        self._inside[folder] = Tree(self.root / folder, paths, edited=edited, _known=frozenset(paths))
        return self._inside[folder]

    def leaving(self, files: Iterable[Path | None]) -> Tree:
        """The tree without files that a command writes or keeps: what they say is no part of the system."""
        places = [Path(os.path.abspath(file)) for file in files if file is not None]  # noqa: PTH100  as in `discover`
        own = {place.relative_to(self.root).as_posix() for place in places if place.is_relative_to(self.root)}
        return self.only(lambda path: path not in own) if own & self._known else self

    def beneath(self, root: Path) -> Tree:
        """The tree with its paths from a folder above its own."""
        if root == self.root:
            return self
        within = self.root.relative_to(root).as_posix()
        paths = tuple(f"{within}/{path}" for path in self.paths)
        return Tree(root, paths, part=self.part, _known=frozenset(paths))

    def editing(self, texts: Mapping[str, str]) -> Tree:
        """The tree as it would be with other texts, of which nothing is read yet."""
        known = self._known.union(texts)
        return Tree(self.root, tuple(sorted(known)), edited=texts, part=self.part, _known=known)

    @property
    def name(self) -> str:
        """The name of the root's folder."""
        return self.root.name

    @property
    def repository(self) -> str:
        """`owner/name` of the repository that the root is, in lower case; empty where that is not known."""
        from policyengine.repository import identity  # noqa: PLC0415  few trees ask

        return identity.full_name(self.root)

    def below(self, folder: str) -> tuple[str, ...]:
        """The paths in a folder and in those below it."""
        return self._index().below(folder)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return path in self._known

    def named(self, *names: str) -> tuple[str, ...]:
        """The paths whose file name is one of these."""
        return self._index().named(names)

    def ending(self, *endings: str) -> tuple[str, ...]:
        """The paths that end so; each ending begins with a dot."""
        return self._index().ending(endings)

    def holding(self, *parts: str) -> tuple[str, ...]:
        """The paths that hold one of these texts."""
        return self._index().holding(parts)

    def _index(self) -> Index:
        if not self._indexes:
            self._indexes.append(index(self.paths))
        return self._indexes[0]

    def read(self, path: str) -> Source | None:
        """The file at a path relative to the root, or None. A link is resolved; one out of the root is a failure."""
        if path not in self._known and path not in self._installed:
            return None
        if path not in self._read:
            try:
                found = self._read[path] = self._load(path)
                self.budget.left += len(found.text) * PER_CHARACTER
            except Withheld as error:
                self.withheld.setdefault(path, f"it {error.message}")
                self._read[path] = None
            except ReadError as error:
                self.failures.setdefault(path, error)
                self._read[path] = None
        return self._read[path]

    def _load(self, path: str) -> Source:
        """The file as it is on disk, or as it is edited."""
        if not self.edited:
            return load(self.root, path, straight=self._is_straight(parent(path)))
        new = self.edited.get(path)
        if new is not None and not os.path.lexists(self.root / path):
            return Source(path, new)
        found = load(self.root, path)
        return Source(found.path, self.edited.get(found.path, found.text), found.bom)

    def _is_straight(self, folder: str) -> bool:
        """Whether no link lies on the way from the root to a folder."""
        if folder not in self._straight:
            real, root = (os.path.realpath(self.root / each) for each in (folder, ""))
            self._straight[folder] = real == os.path.join(root, folder).rstrip("/")  # noqa: PTH118  of texts
        return self._straight[folder]

    def once(self, path: str, reader: Callable[[Source], T]) -> T | None:
        """What a pure reader makes of a file, once for all who ask.

        Raises:
            ReadError: the reader does, each time.
        """
        key = (path, reader)
        if key not in self._made:
            source = self.read(path)
            if source is None:
                return None
            try:
                self._made[key] = reader(source)
            except ReadError as error:
                self._made[key] = error
        found = self._made[key]
        if isinstance(found, ReadError):
            raise found
        return cast("T | None", found)

    def real(self, folder: str) -> str:
        """Where a folder really lies when links within the tree lead to it; the folder itself where none do."""
        try:
            real = (self.root / folder).resolve().relative_to(self.root.resolve()).as_posix()
        except (OSError, RuntimeError, ValueError):
            return folder
        return "" if real == "." else real

    def installed(self, folder: str) -> tuple[str, ...]:
        """The files below a folder of modules that Terraform installed, which `paths` leaves out; `read` takes them."""
        above, inside, _ = f"{folder}/".partition(INSTALLED)
        if not inside or f"{above}{INSTALLED}modules.json" not in self._known:
            return ()
        try:
            if not (self.root / folder).resolve().is_relative_to(self.root.resolve()):
                return ()
        except (OSError, RuntimeError):
            return ()
        found: list[str] = []
        unlisted = unlisted_folders()
        for place, folders, names in os.walk(self.root / folder):
            folders[:] = sorted(set(folders) - unlisted)
            within = Path(place).relative_to(self.root).as_posix()
            found.extend(f"{within}/{name}" for name in names if _utf8(name))
        self._installed.update(found)
        return tuple(sorted(found))

    def known(self, path: str) -> Source | None:
        """The file at a path, if it was read."""
        return self._read.get(path)

    @property
    def unread(self) -> tuple[str, ...]:
        """The files that were asked for so far and withheld their text, those of trees inside of this one, too."""
        inner = (f"{folder}/{path}" for folder, tree in self._inside.items() for path in tree.unread)
        return (*self.withheld, *inner)

    @property
    def sources(self) -> dict[str, Source]:
        """The files read so far, by their own path."""
        return {source.path: source for _, source in sorted(self._read.items()) if source is not None}


_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


def load(root: Path, path: str, *, straight: bool = False) -> Source:
    """Read one file below the root; `straight` tells that no folder on the way is a link.

    Raises:
        Withheld: it is encrypted, or a link to a file of the tree that is not there.
        ReadError: it is no regular file, lies outside the root, is too large, or is not UTF-8 text.
    """
    where, descriptor = Span(path, 0, 0), None
    if straight and hasattr(os, "O_NOFOLLOW"):
        with contextlib.suppress(OSError):  # a link, or whatever is told below
            descriptor = os.open(f"{root}/{path}", _FLAGS)
    if descriptor is None:
        descriptor, path = _resolved(root, path)
    with open(descriptor, "rb") as stream:  # noqa: PTH123  a descriptor, so that nothing is swapped in between
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ReadError("is not a regular file", where, "remove it or rename it")
        if status.st_size > MAX_BYTES:
            if stream.read(max(map(len, PROGRAMS))).startswith(PROGRAMS):
                raise Withheld("is a program or an archive", where)
            size = f"{status.st_size / 1e6:.0f} MB"
            raise ReadError(f"has {size}, over the limit of {MAX_BYTES // 1_000_000} MB", where, "git-ignore it")
        return decode(stream.read(MAX_BYTES + 1), path)


def _resolved(root: Path, path: str) -> tuple[int, str]:
    """The open file that a path leads to, and its own path."""
    where, file = Span(path, 0, 0), root / path
    try:
        real = file.resolve(strict=True)
    except FileNotFoundError as error:
        inside = file.is_symlink() and Path(os.path.realpath(file)).is_relative_to(root.resolve())
        kind = Withheld if inside else ReadError
        raise kind(f"cannot be opened: {_why(error)}", where, "repair or remove the link") from error
    except (OSError, RuntimeError) as error:
        raise ReadError(f"cannot be opened: {_why(error)}", where, "repair or remove the link") from error
    try:
        path = real.relative_to(root.resolve()).as_posix()
    except ValueError as error:
        raise ReadError("links to a place outside the scanned root", where, "move the file into the root") from error
    try:
        return os.open(real, _FLAGS), path
    except OSError as error:
        raise ReadError(f"cannot be opened: {_why(error)}", where, "check its permissions") from error


def _why(error: BaseException) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def discover(paths: Sequence[Path], above: Sequence[str] = ()) -> Tree:
    """The tree that holds `paths`: a single folder is the root itself, several have their common parent as root.

    The nearest folder of the same git repository that holds a file with a name of `above` is the root where it is above
    that; the file then belongs to the tree, and nothing else outside of `paths`. Files that git ignores, and folders
    such as `.git` and `node_modules`, are left out.

    Raises:
        FileNotFoundError: a path does not exist.
    """
    tops = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100  links in the given path stay as they are
    for top, given in zip(tops, paths, strict=True):
        if not top.exists():
            raise FileNotFoundError(str(given))
    root = tops[0] if len(tops) == 1 and tops[0].is_dir() else Path(os.path.commonpath([_folder(top) for top in tops]))
    found: set[str] = set()
    named = _above(root, above)
    part = named is not None and named.parent not in tops
    if named is not None and part:
        root = named.parent
        found.add(named.name)
    for top in tops:
        if top.is_dir():
            found.update(_walk(root, top))
        else:
            found.add(top.relative_to(root).as_posix())
    known = frozenset(found)
    return Tree(root, tuple(sorted(found)), part=part, _known=known)


def _above(root: Path, names: Sequence[str]) -> Path | None:
    """The nearest file with one of the names, there or in a folder above, up to that of the git repository, or None."""
    for folder in (root, *root.parents):
        for name in names:
            if (folder / name).is_file():
                return folder / name
        if (folder / ".git").exists():
            return None
    return None


def open_tree(paths: Sequence[Path], configuration: Path | None = None) -> Tree:
    """The tree below `paths`; see `discover`. With a `configuration` given, none is looked for above.

    Raises:
        UsageError: a path does not exist.
    """
    try:
        return discover(paths, () if configuration is not None else CONFIGURATIONS)
    except FileNotFoundError as error:
        raise UsageError(f"'{error}' does not exist; give a folder or files that do") from error


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _walk(root: Path, top: Path) -> Iterator[str]:
    unlisted, committed = unlisted_folders(), Committed(root)
    start = _relative(root, top)
    folders = [start[: at + 1] for at, character in enumerate(start[:-1]) if character == "/"] if start else []
    above = ((folder, _spec(root, folder + ".gitignore")) for folder in ("", *folders) if start)
    stack: list[tuple[str, tuple[tuple[str, GitPatterns], ...]]] = [
        (start, tuple((folder, spec) for folder, spec in above if spec is not None))
    ]
    while stack:
        folder, specs = stack.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            continue
        entries = [entry for entry in entries if _utf8(entry.name)]
        names = {entry.name for entry in entries}
        if ".gitignore" in names:
            spec = _spec(root, folder + ".gitignore")
            specs = (*specs, (folder, spec)) if spec else specs
        for entry in entries:
            path = folder + entry.name
            if entry.is_dir(follow_symlinks=False):
                inner = path + "/"
                if entry.name not in unlisted and (not ignored(specs, inner) or inner in committed.folders):
                    stack.append((inner, specs))
            elif (
                entry.name != BASELINE
                and not _leads_to_folder(entry)
                and (not ignored(specs, path) or path in committed.files)
            ):
                yield path
        modules = f"{folder}{INSTALLED}modules.json"
        if ".terraform" in names and (root / modules).is_file():
            yield modules


def _utf8(name: str) -> bool:
    """Whether a name can be written in a report; one that is not UTF-8 names no file that any tool here reads."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself; who asks for it gets the error
        return False


def _relative(root: Path, top: Path) -> str:
    path = top.relative_to(root).as_posix()
    return "" if path == "." else path + "/"


def _spec(root: Path, path: str) -> GitPatterns | None:
    try:
        lines = load(root, path).text.splitlines()
    except ReadError:
        return None
    return compile_patterns(lines)


def ignored(specs: Sequence[tuple[str, GitPatterns]], path: str) -> bool:
    """Whether .gitignore files, given with their folders from the root down, leave out a path."""
    for folder, spec in reversed(specs):
        verdict = spec.verdict(path[len(folder) :])
        if verdict is not None:
            return verdict
    return False


def parent(path: str) -> str:
    """The folder of a POSIX path, `""` for the root."""
    if "./" not in path and "//" not in path and not path.startswith("/") and not path.endswith(("/", ".")):
        return path.rpartition("/")[0]
    folder = PurePosixPath(path).parent.as_posix()
    return "" if folder == "." else folder


def join(folder: str, path: str) -> str | None:
    """A path relative to the root, from one relative to `folder`; None where it leads out of the root."""
    if path.startswith("/"):
        return None
    parts: list[str] = []
    for part in [*folder.split("/"), *path.split("/")]:
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."
