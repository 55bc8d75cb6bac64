"""The files that a machine's start script writes: here-documents of a shell script, `write_files` of cloud-init.

Sources: POSIX shell, "Here-Document"; https://cloudinit.readthedocs.io (cloud-config, write_files).
"""

from __future__ import annotations

import posixpath
import re
from itertools import islice
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError, Source
from policyengine.model.text import Piece, Text
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid, to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
    decided,
    encoded_text,
    plain,
    unknown_of,
)
from policyengine.platforms.terraform.providers.connections import repository_name
from policyengine.platforms.terraform.resources.facts import symbolic
from policyengine.platforms.terraform.workspace.repositories import repository_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.platforms.terraform.resources.stack import Stack

LONGEST = 262_144
"""Characters of a start script; no cloud takes a longer one."""

MOST = 500
"""Files that a script may write, and places in one that the shell may expand; beyond, they are not read."""

_OPENER = regex(
    r"^(?P<line>[^\n]*?<<(?P<dash>-?)[ \t]*(?P<quote>[\"'\\]?)(?P<mark>[A-Za-z_]\w*)[\"']?[^\n]*)\n", re.MULTILINE
)
_PATH = r"[\"']?([\w./${}~-]+)"
_TARGET = regex(rf"(?:>\s*|\btee\s+(?:-a\s+)?(?:--\s+)?){_PATH}")
_DIRECTORY = regex(r"^[ \t]*(?:sudo\s+)?(?:cd|pushd)[ \t]+[\"']?([^\s;&|\"']+)", re.MULTILINE)
_DECODED = regex(rf"[\"']?\s*\|\s*base64\s+(?:-d|-D|--decode)\s*(?:>|\|\s*(?:sudo\s+)?tee)\s*{_PATH}")
_EXPANDED = regex(r"\\([$`\\])|\\\n|`[^`\n]*`|\$\((?:[^()\n]|\([^()\n]*\))*\)|\$(?:\{(\w+)\}|(\w+))")
_ASSIGNED = regex(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=(?:\"([^\n\"`$\\]*)\"|'([^\n']*)'|([^\s\"'`$\\;&|()]+))[ \t]*$",
    re.MULTILINE,
)
_STARTED = regex(r"\bdocker[ -]compose\b([^\n;&|]{1,300}?)[ \t]up\b")
_FILE = regex(rf"(?:-f|--file)[ \t=]+{_PATH}")


class StartScript:
    """What a machine is told to do when it starts, and the files that writes."""

    def __init__(self, stack: Stack, tree: Tree) -> None:
        self._stack = stack
        self._encoded: list[tuple[Unknown, Encoded]] = []  # what stands for an encoded part in a text
        self.files: dict[str, Text] = {}
        self.scripts: list[Text] = []
        self.started: tuple[str, ...] = ()  # the files of the Compose project that it starts, on the machine
        for part in self._parts(tree):
            self.files.update(self._written(part))

    def _parts(self, tree: Tree) -> Iterator[Tree]:
        """The script, or each part of a multi-part archive."""
        while isinstance(tree, Encoded) and tree.form == "base64":
            tree = tree.tree
        source = self._stack.at(tree.address) if isinstance(tree, Reference) else None
        if source is None or source.kind not in ("cloudinit_config", "template_cloudinit_config"):
            yield tree
            return
        for section in source.blocks("part"):
            content = section.tree("content")
            if content is not None:
                yield content

    def _written(self, tree: Tree) -> Iterator[tuple[str, Text]]:
        text = self.joined(tree)
        if text is None or len(text.written) > LONGEST:
            return
        if text.lstrip().startswith("#cloud-config"):
            yield from self._cloud_config(tree, text)
        else:
            self.scripts.append(text)
            up = _STARTED.search(text.written)
            if up is not None and not self.started:
                self.started = tuple(_path(text.written, up.start(), each) for each in _FILE.findall(up[1]))
            yield from self._shell(text)

    def joined(self, tree: Tree) -> Text | None:
        """The text of a value, undecided where it is not known; None for null."""
        match tree:
            case Known(None):
                return None
            case Known(span=span, via=via):
                return Text.at(to_string(tree.value), span, via)
            case Composite(parts):
                found = [each for part in parts if (each := self.joined(part)) is not None]
                return Text.join(found) if found else None
            case Encoded(inner, form, span, via) if form != "base64" and decided(inner):
                return Text.at(encoded_text(tree), span, via)
            case Encoded(span=span, via=via):
                unknown = Unknown("what is encoded is not read as text", span, via)
                self._encoded.append((unknown, tree))
                return Text.undecided(symbolic(tree), unknown, via)
            case Reference(address, "repository_url", span, via) if name := repository_name(self._stack, address):
                registry, path = repository_url(name, span, via).parts
                account = Text.undecided("${ecr}", unknown_of(registry), (Via(tree.text, span), *via))
                return Text.join([account, Text.made(to_string(plain(path)), span, via)])
            case _:
                unknown = unknown_of(tree)
                step = (Via(tree.text, tree.span),) if isinstance(tree, Reference) else ()
                return Text.undecided(symbolic(tree), unknown, (*step, *unknown.via))

    def _decoded(self, piece: Piece) -> Text | None:
        """What is in an encoded part that stands in a text."""
        for unknown, encoded in self._encoded:
            if piece.unknown is unknown:
                return self.joined(encoded.tree)
        return None

    # shell

    def _shell(self, text: Text) -> Iterator[tuple[str, Text]]:
        shape = text.masked("x")
        given = {
            match[1]: text.cut(*match.span(match.lastindex or 0)) for match in islice(_ASSIGNED.finditer(shape), MOST)
        }
        at = 0
        for _ in range(MOST):
            opener = _OPENER.search(shape, at)
            if opener is None:
                break
            at = opener.end()
            tabs = r"\t*" if opener["dash"] else ""
            closer = re.compile(rf"^{tabs}{re.escape(opener['mark'])}[ \t]*$", re.MULTILINE).search(shape, at)
            if closer is None:
                continue
            body = text.cut(at, closer.start())
            if opener["dash"]:
                body = _untabbed(body)
            if not opener["quote"]:
                body = self._expanded(body, given)
            at = closer.end()
            target = _TARGET.search(opener["line"].replace(f"<<{opener['dash']}", "  "))
            if target is not None:
                yield (_path(text.written, opener.start(), target[1]), body)
        at = 0
        for piece in text.pieces:
            at += len(piece.text)
            match = text.match(_DECODED, at) if piece.unknown is not None else None
            inner = self._decoded(piece) if match is not None else None
            if match is not None and inner is not None:
                yield (_path(text.written, at, match[1].written), inner)

    def _expanded(self, body: Text, given: Mapping[str, Text]) -> Text:
        """A here-document in which the shell expands: escapes resolved, commands as parts that are not known.

        `given` are the variables that the script sets by a text.
        """
        pieces: list[Text] = []
        at = 0
        for match in islice(_EXPANDED.finditer(body.masked("x")), MOST):
            pieces.append(body.cut(at, match.start()))
            name = match[2] or match[3]
            if match[1]:
                pieces.append(body.cut(match.end() - 1, match.end()))
            elif name:
                pieces.append(given.get(name) or body.cut(match.start(), match.end()))
            elif match[0] != "\\\n":
                span = body.cut(match.start(), match.end()).pieces[0].span
                pieces.append(Text.undecided(match[0], Unknown("the output of a command on the machine", span)))
            at = match.end()
        pieces.append(body.cut(at))
        return Text.join(pieces)

    # cloud-init

    def _cloud_config(self, tree: Tree, text: Text) -> Iterator[tuple[str, Text]]:
        """The entries of `write_files`."""
        for entry in self._entries(tree, text):
            path, content, encoding = (entry.get(name) for name in ("path", "content", "encoding"))
            if path is None or content is None or not path.written:
                continue
            if encoding is not None and encoding.written in ("b64", "base64"):
                stripped = content.strip().pieces
                decoded = self._decoded(stripped[0]) if len(stripped) == 1 else None
                if decoded is None:
                    continue
                content = decoded
            yield (path.written, content)

    def _entries(self, tree: Tree, text: Text) -> Iterator[dict[str, Text]]:
        encoded = next(
            (each for each in (tree.parts if isinstance(tree, Composite) else ()) if isinstance(each, Encoded)), None
        )
        if encoded is not None and encoded.form in ("yaml", "json"):
            yield from self._encoded_entries(encoded)
            return
        from policyengine.syntax import yaml  # noqa: PLC0415 - only for cloud-init
        from policyengine.syntax.folding import unfold  # noqa: PLC0415 - as above
        from policyengine.syntax.tree import Mapping, Scalar, Sequence  # noqa: PLC0415 - as above

        source = Source("", text.masked("x"))
        try:
            found = yaml.read(source)
        except ReadError:
            return
        files = found.get("write_files") if isinstance(found, Mapping) else None
        for item in files.items if isinstance(files, Sequence) else ():
            if isinstance(item, Mapping):
                yield {
                    entry.key.text: unfold(source, entry.value).traced(text)
                    for entry in item.entries
                    if isinstance(entry.value, Scalar)
                }

    def _encoded_entries(self, encoded: Encoded) -> Iterator[dict[str, Text]]:
        try:
            tree = document(encoded, encoded.form)
        except Invalid:
            return
        files = tree.entries.get("write_files") if isinstance(tree, Object) else None
        for item in files.items if isinstance(files, List) else ():
            if isinstance(item, Object):
                texts = {key: self.joined(value) for key, value in item.entries.items() if not _collection(value)}
                yield {key: text for key, text in texts.items() if text is not None}


def _collection(tree: Tree) -> bool:
    return isinstance(tree, List | Object) or (decided(tree) and isinstance(plain(tree), list | dict))


def _untabbed(body: Text) -> Text:
    """Lines without the tabs before them, as `<<-` has it."""
    pieces: list[Text] = []
    at = 0
    for line in body.written.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip("\t"))
        pieces.append(body.cut(at + indent, at + len(line)))
        at += len(line)
    return Text.join(pieces) if pieces else body


def _path(script: str, at: int, target: str) -> str:
    """Where a file is written: below the directory that the script changed into before."""
    directory = ""
    for match in _DIRECTORY.finditer(script, 0, at):
        directory = posixpath.join(directory, match[1])
    return posixpath.join(directory, target)
