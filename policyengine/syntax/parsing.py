"""Parse a file with a tree-sitter grammar, in a time that grows with its length, and find its nodes in the text.

tree-sitter mends errors by reading the rest of a file again at each of its words (200,000 characters of `(/[` take it
four minutes), and follows several readings of an ambiguous text at once. Both are counted, and a file that needs ten
times more of the first than any of 4,000 public TypeScript files is given up.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cache
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import ReadError, Source, Span
from policyengine.patterns import regex

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Point

_CHUNK = 4096
"""Bytes that the parser is given at once."""

_READS = (100, 20)
"""How often it may ask for bytes: at least, and for each chunk of the file. Public files: 12, and 2.3 a chunk."""

_CHECKS = (100, 300)
"""How often it may call back, once in a hundred steps: at least, and for each chunk. The densest code: 194 a chunk."""

_WIDE = regex(r"[^\x00-\x7f]")


class Parsed(Struct, frozen=True, eq=False):
    """The tree of a file. tree-sitter counts bytes; `wide` are the ends of wide characters, `extra` what they add."""

    source: Source
    root: Node
    wide: tuple[int, ...]
    extra: tuple[int, ...]

    def offset(self, byte: int) -> int:
        """The code point that starts at a byte."""
        if not self.wide:
            return byte
        index = bisect_right(self.wide, byte)
        return byte - self.extra[index - 1] if index else byte

    def span(self, node: Node) -> Span:
        """Where a node stands."""
        return Span(self.source.path, self.offset(node.start_byte), self.offset(node.end_byte))

    def text(self, node: Node) -> str:
        """The text of a node."""
        return self.source.slice(self.span(node))


class Incomplete(LookupError):  # noqa: N818  said of the code
    """Broken code: a node lacks a part that its type must have."""


def part(node: Node, name: str) -> Node:
    """A part of a node that its type must have.

    Raises:
        Incomplete: the code is broken.
    """
    found = node.child_by_field_name(name)
    if found is None:
        raise Incomplete(name)
    return found


@cache
def grammar(package: str, function: str = "language") -> Language:
    """The grammar that a function of a package for tree-sitter gives.

    Only the compiled module is loaded: the package around it imports importlib.resources for queries that are not
    asked, which takes longer than a script of usual length.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    from importlib.machinery import PathFinder  # noqa: PLC0415  loaded by now
    from importlib.util import find_spec, module_from_spec  # noqa: PLC0415  as above

    from tree_sitter import Language  # noqa: PLC0415  as below

    found = find_spec(package)
    places = found.submodule_search_locations if found is not None else None
    binding = PathFinder.find_spec(f"{package}._binding", places) if places else None
    if binding is None or binding.loader is None:
        raise ModuleNotFoundError(f"{package} is not installed; install policyengine-iac again")
    module = module_from_spec(binding)
    binding.loader.exec_module(module)
    return Language(getattr(module, function)())


def parse(source: Source, language: Language) -> Parsed:
    """The tree of a file. What the grammar does not know is an ERROR node in it.

    Raises:
        ReadError: the file takes far more work than its length explains.
    """
    from tree_sitter import Parser  # noqa: PLC0415  only files that ask for it pay for the library

    data = source.text.encode("utf-8", "replace")
    chunks = len(data) // _CHUNK
    reads, checks = (least + each * chunks for least, each in (_READS, _CHECKS))
    read = checked = 0

    def given(offset: int, _: Point) -> bytes:
        nonlocal read
        read += 1
        return data[offset : offset + _CHUNK]

    def given_up(_: int, __: bool) -> bool:  # noqa: FBT001  the library gives it
        nonlocal checked
        checked += 1
        return read > reads or checked > checks

    try:
        tree = Parser(language).parse(given, progress_callback=given_up)
    except ValueError:
        where = source.span(0, 0)
        raise ReadError("is too tangled to be read", where, "git-ignore it if it is generated") from None
    wide: list[int] = []
    extra: list[int] = []
    if len(data) > len(source.text):
        added = 0
        for match in _WIDE.finditer(source.text):
            added += len(match[0].encode("utf-8", "replace")) - 1
            wide.append(match.end() + added)
            extra.append(added)
    return Parsed(source, tree.root_node, tuple(wide), tuple(extra))
