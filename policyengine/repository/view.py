"""What a platform sees of a tree: it asks, and each question is on record with a digest of its answer.

No text is kept, and no digest can be turned back, so a record holds no secret value.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from policyengine.model.budget import Budget
    from policyengine.model.source import Source
    from policyengine.repository.files import Files

T = TypeVar("T")

Question = tuple[str, ...]
"""The name of a question to `Files`, and its arguments: `("read", "Dockerfile")`."""


class View(Struct, frozen=True):
    """A tree that records what was asked of it; a `Files`."""

    tree: Files
    answers: dict[Question, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name of the tree's folder."""
        self.answers["name",] = self.tree.name
        return self.tree.name

    @property
    def budget(self) -> Budget:
        """What all who read the tree draw from."""
        return self.tree.budget

    @property
    def repository(self) -> str:
        """`owner/name` of the repository that the tree is."""
        self.answers["repository",] = self.tree.repository
        return self.tree.repository

    @property
    def paths(self) -> Sequence[str]:
        """Every path; ask for less where less is wanted."""
        if ("paths",) not in self.answers:
            self.answers["paths",] = _listed(self.tree.paths)
        return self.tree.paths

    def named(self, *names: str) -> tuple[str, ...]:
        """The paths whose file name is one of these."""
        return self._listing("named", self.tree.named, names)

    def ending(self, *endings: str) -> tuple[str, ...]:
        """The paths that end so."""
        return self._listing("ending", self.tree.ending, endings)

    def holding(self, *parts: str) -> tuple[str, ...]:
        """The paths that hold one of these texts."""
        return self._listing("holding", self.tree.holding, parts)

    def below(self, folder: str) -> tuple[str, ...]:
        """The paths in a folder and in those below it."""
        return self._listing("below", self.tree.below, (folder,))

    def real(self, folder: str) -> str:
        """Where a folder really lies."""
        self.answers["real", folder] = found = self.tree.real(folder)
        return found

    def installed(self, folder: str) -> tuple[str, ...]:
        """The files below a folder of installed modules."""
        return self._listing("installed", self.tree.installed, (folder,))

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        found = self.tree.exists(path)
        self.answers["exists", path] = str(found)
        return found

    def read(self, path: str) -> Source | None:
        """The file, or None."""
        source = self.tree.read(path)
        if ("read", path) not in self.answers:
            self.answers["read", path] = _text(source)
        return source

    def once(self, path: str, reader: Callable[[Source], T]) -> T | None:
        """What a pure reader makes of a file."""
        self.read(path)
        return self.tree.once(path, reader)

    def _listing(
        self, question: str, ask: Callable[..., tuple[str, ...]], arguments: tuple[str, ...]
    ) -> tuple[str, ...]:
        found = ask(*arguments)
        if (question, *arguments) not in self.answers:
            self.answers[question, *arguments] = _listed(found)
        return found


def same(tree: Files, answers: Mapping[Question, str]) -> bool:
    """Whether a tree gives these answers. The cheapest questions come first."""
    return all(_answer(tree, question) == answer for question, answer in sorted(answers.items(), key=_cost))


def _cost(asked: tuple[Question, str]) -> tuple[bool, Question]:
    return asked[0][0] == "read", asked[0]


def _answer(tree: Files, question: Question) -> str:
    match question:
        case ("read", path):
            return _text(tree.read(path))
        case ("exists", path):
            return str(tree.exists(path))
        case ("real", path):
            return tree.real(path)
        case ("name",):
            return tree.name
        case ("repository",):
            return tree.repository
        case ("paths",):
            return _listed(tree.paths)
        case (name, *arguments):
            found: tuple[str, ...] = getattr(tree, name)(*arguments)
            return _listed(found)
        case _:
            return ""


def _listed(paths: Iterable[str]) -> str:
    return blake2b("\0".join(paths).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()


def _text(source: Source | None) -> str:
    """A digest of a text and of whose it is (a link's text is that of another file); empty for none."""
    if source is None:
        return ""
    digest = blake2b(f"{source.path}\0{source.bom}\0".encode("utf-8", "surrogatepass"), digest_size=20)
    digest.update(source.text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
