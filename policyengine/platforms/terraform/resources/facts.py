"""From trees to the values that nodes hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from policyengine.model import image as images
from policyengine.model.image import ImageRef, Version
from policyengine.model.nodes import Command
from policyengine.model.text import Text
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.plain import Invalid, to_bool, to_number, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    decided,
    history,
    plain,
    unknown_of,
)
from policyengine.platforms.terraform.workspace.repositories import repository_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policyengine.model.source import Span

T = TypeVar("T")


def _converted(tree: Tree | None, lacking: Span, convert: Callable[[object], T], kind: str) -> Value[T]:
    if tree is None:
        return Absent(lacking)
    if not decided(tree):
        return unknown_of(tree)
    try:
        return Known(convert(plain(tree)), *_where(tree))
    except Invalid:
        return Unknown(f"the value is no {kind}", tree.span, tree.via)


def _where(tree: Tree) -> tuple[Span, tuple[Via, ...]]:
    """The place to edit and the history of a decided value: a composite of one part is that part."""
    if isinstance(tree, Composite) and len(tree.parts) == 1:
        part = tree.parts[0]
        return part.span, (*tree.via, *part.via)
    return tree.span, history(tree)


def text(tree: Tree | None, lacking: Span) -> Value[str]:
    """A string; Absent at `lacking` where nothing is given."""
    return _converted(tree, lacking, to_string, "string")  # type: ignore[arg-type]


def pieced(tree: Tree | None, lacking: Span) -> Value[str]:
    """A string, of which resources and modules of this configuration may give parts.

    Then it is Floating: the files decide which of them give it, and what stands between. Each stands in it as the
    reference that Terraform writes, `postgres://app@${aws_db_instance.main.address}/shop`.
    """
    if tree is None or decided(tree):
        return text(tree, lacking)
    parts = tree.parts if isinstance(tree, Composite) else (tree,)
    for part in parts:
        if not decided(part) and not (isinstance(part, Reference) and _created(part)):
            return unknown_of(part)
    return Floating(symbolic(tree), tree.span, history(tree))


_LOOKED_UP = regex(r"(?:^|\.)data\.")


def _created(reference: Reference) -> bool:
    """Whether a reference names a resource or module of this configuration, not something that it looks up."""
    return _LOOKED_UP.search(reference.address) is None


def boolean(tree: Tree | None, lacking: Span) -> Value[bool]:
    """A bool."""
    return _converted(tree, lacking, to_bool, "bool")  # type: ignore[arg-type]


def integer(tree: Tree | None, lacking: Span) -> Value[int]:
    """A whole number."""

    def convert(value: object) -> int:
        number = to_number(value)  # type: ignore[arg-type]
        if not isinstance(number, int):
            raise Invalid("a fraction")
        return number

    return _converted(tree, lacking, convert, "whole number")


def version(engine: str, tree: Tree | None, lacking: Span, *, counted: int = 0) -> Value[Version]:
    """A version of an engine. `counted` is in how many numbers a service counts its releases, if not as the engine."""
    found = text(tree, lacking)
    if not isinstance(found, Known):
        return found  # type: ignore[return-value]
    parsed = images.version(found.value)
    if parsed is None:
        return Unknown(f"{found.value!r} is no version", found.span, found.via)
    if counted:
        complete = len(parsed.parts) >= counted
        kept = Version(*parsed.parts[:counted])
        return Known(kept, found.span, found.via) if complete else Floating(kept, found.span, found.via)
    made = images.counted(engine, parsed, found.span)
    match made:
        case Known(inner, span):
            return Known(inner, span, found.via)
        case Floating(inner, span):
            return Floating(inner, span, found.via)
        case _:
            return made


def command(tree: Tree | None, lacking: Span) -> Value[Command]:
    """A command: a list of words, or a string that is one."""
    if tree is None:
        return Absent(lacking)
    match tree:
        case List(items, span, via, gap=None):
            if not items:
                return Absent(lacking)
            words: list[str] = []
            for item in items:
                if not decided(item):
                    return unknown_of(item)
                value = plain(item)
                words.append(to_string(value) if not isinstance(value, list | dict) and value is not None else "")
            return Known(Command(tuple(words)), span, via)
        case _ if decided(tree):
            found = text(tree, lacking)
            if isinstance(found, Known):
                return Known(Command((found.value,)), found.span, found.via)
            return found  # type: ignore[return-value]
        case _:
            return unknown_of(tree)


_ECR_URL = "repository_url"


def symbolic(tree: Tree) -> str:
    """A string with each part that is not known as the reference that stands for it, `${aws_x.y.z}`."""
    match tree:
        case Known(value):
            return "" if value is None else to_string(value)
        case Reference():
            return f"${{{tree.text}}}"
        case Composite(parts):
            return "".join(symbolic(part) for part in parts)
        case Unknown(via=via) if via:
            return f"${{{via[0].what}}}"
        case _:
            return to_string(plain(tree)) if isinstance(tree, Encoded) and decided(tree) else "${…}"


def located(tree: Tree) -> Text:
    """A string with the place of each part; one that is not known is shown as the reference that stands for it."""
    match tree:
        case Composite(parts) if parts:
            return Text.join([located(part) for part in parts])
        case Known(value, span, via):
            return Text.at("" if value is None else to_string(value), span, via)
        case Encoded(span=span, via=via) if decided(tree):
            return Text.at(to_string(plain(tree)), span, via)
        case _:
            unknown = unknown_of(tree)
            return Text.undecided(symbolic(tree), unknown, unknown.via)


def spoken(tree: Tree | None) -> str:
    """A name with parts that are not known, without those parts: `${var.env}-web` is `web`."""
    if tree is not None and decided(tree):
        value = plain(tree)
        return value if isinstance(value, str) else ""
    if not isinstance(tree, Composite):
        return ""
    runs = [""]
    for part in tree.parts:
        if isinstance(part, Known):
            runs[-1] += part.value
        else:
            runs.append("")
    return "-".join(run.strip("-") for run in runs).strip("-_ ")


def image(tree: Tree | None, lacking: Span, repositories: Callable[[str], str | None]) -> Value[ImageRef]:
    """An image reference.

    `repositories` gives the name of the ECR repository at a Terraform address. A reference to one, with a tag or digest
    that only the pipeline knows, is Floating: its repository is fixed, and what decides the rest is Unknown in it.
    """
    if tree is None:
        return Absent(lacking)
    if decided(tree):
        found = text(tree, lacking)
        if not isinstance(found, Known):
            return found  # type: ignore[return-value]
        parsed = images.parse(found.value)
        if parsed is None:
            return Unknown(f"{found.value!r} is no image reference", found.span, found.via)
        return Known(parsed, found.span, found.via)
    read = images.read(located(_repositories_named(tree, repositories)))
    undecided = unknown_of(tree)
    if isinstance(read, Unknown):
        return undecided
    if isinstance(read.tag, Unknown) or isinstance(read.digest, Unknown):
        return Floating(read, tree.span, (*tree.via, *undecided.via))
    return Known(read, tree.span, tree.via)


def tag(tree: Tree | None) -> Known[str] | None:
    """The tag of an image whose repository is not decided, or is no name of one; None where it is not, either."""
    found = None if tree is None else images.tag_of(located(tree))
    return None if found is None or tree is None else Known(found, tree.span, tree.via)


def _repositories_named(tree: Tree, repositories: Callable[[str], str | None]) -> Tree:
    """The tree with references to ECR repositories, and to images of these, replaced by their URLs."""
    match tree:
        case Reference(address, "image_uri", span, via) if (name := repositories(address)) is not None:
            digest = Unknown("the registry tells which image is the newest", span)
            return Composite((*repository_url(name, span, via).parts, Known("@", span), digest), span, via)
        case Reference(address, attribute, span, via) if attribute == _ECR_URL:
            name = repositories(address)
            return tree if name is None else repository_url(name, span, via)
        case Composite(parts, span, via):
            named = tuple(_repositories_named(part, repositories) for part in parts)
            return Composite(named, span, via)  # type: ignore[arg-type]
        case _:
            return tree


_ADDRESS = regex(r"(?:module\.|data\.|var\.|[a-z][a-z0-9]*_[a-z0-9_]*\.)")


def references(tree: Tree) -> tuple[str, ...]:
    """The Terraform addresses that a value is made of, in the order met: references, and the names it passed."""
    found: dict[str, None] = {}
    for each in _addresses(tree, 0):
        if _ADDRESS.match(each):
            found[each] = None
    return tuple(found)


def _addresses(tree: Tree, depth: int) -> Iterator[str]:
    if depth > 12:
        return
    for step in tree.via:
        yield step.what
    match tree:
        case Reference():
            yield tree.text
        case InstanceTree(address):
            yield address
        case Composite(parts):
            for part in parts:
                yield from _addresses(part, depth + 1)
        case Encoded(inner):
            yield from _addresses(inner, depth + 1)
        case List(items):
            for item in items:
                yield from _addresses(item, depth + 1)
        case Object(entries):
            for value in entries.values():
                yield from _addresses(value, depth + 1)
        case _:
            return
