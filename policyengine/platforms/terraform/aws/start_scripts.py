"""The files that a machine's start script writes: here-documents of a shell script, `write_files` of cloud-init.

Sources: POSIX shell, "Here-Document"; https://cloudinit.readthedocs.io (cloud-config, write_files).
"""

from __future__ import annotations

import posixpath
import re
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.source import ReadError, Source
from policyengine.model.text import Text
from policyengine.model.value import Known, Unknown
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
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.platforms.terraform.resources.stack import Stack

HOLE = "POLICYENGINE_PART_"
"""A part that is not known stands in a written file as the variable of this name and a number."""

LONGEST = 262_144
"""Characters of a start script; no cloud takes a longer one."""

MOST = 500
"""Files that a script may write, and places in one that the shell may expand; beyond, they are not read."""

_HOLE = regex(HOLE + r"(\d+)")
_OPENER = regex(
    r"^(?P<line>[^\n]*?<<(?P<dash>-?)[ \t]*(?P<quote>[\"'\\]?)(?P<mark>[A-Za-z_]\w*)[\"']?[^\n]*)\n", re.MULTILINE
)
_PATH = r"[\"']?([\w./${}~-]+)"
_TARGET = regex(rf"(?:>\s*|\btee\s+(?:-a\s+)?(?:--\s+)?){_PATH}")
_DIRECTORY = regex(r"^[ \t]*(?:sudo\s+)?(?:cd|pushd)[ \t]+[\"']?([^\s;&|\"']+)", re.MULTILINE)
_DECODED = regex(
    rf"\$\{{{HOLE}(\d+)\}}[\"']?\s*\|\s*base64\s+(?:-d|-D|--decode)\s*(?:>|\|\s*(?:sudo\s+)?tee)\s*{_PATH}"
)
_EXPANDED = regex(r"\\([$`\\])|\\\n|`[^`\n]*`|\$\((?:[^()\n]|\([^()\n]*\))*\)")


class WrittenFile(Struct, frozen=True):
    """A file that a start script writes. Variables called `HOLE` and a number stand for `holes`."""

    path: str
    text: Text


class StartScript:
    """What a machine is told to do when it starts, and the files that writes."""

    def __init__(self, stack: Stack, tree: Tree) -> None:
        self._stack = stack
        self.holes: list[Tree] = []
        self.files: dict[str, Text] = {}
        for part in self._parts(tree):
            for file in self._written(part):
                self.files[file.path] = file.text

    def hole(self, name: str) -> Tree | None:
        """The part that a variable stands for."""
        match = _HOLE.fullmatch(name)
        return self.holes[int(match[1])] if match is not None and int(match[1]) < len(self.holes) else None

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

    def _written(self, tree: Tree) -> Iterator[WrittenFile]:
        text = self._joined(tree)
        if text is None or len(text.written) > LONGEST:
            return
        if text.written.lstrip().startswith("#cloud-config"):
            yield from self._cloud_config(tree, text)
        else:
            yield from self._shell(text)

    def _joined(self, tree: Tree) -> Text | None:
        """The text of a value with variables for what is not known in it."""
        match tree:
            case Known(None):
                return None
            case Known(span=span, via=via):
                return Text.at(to_string(tree.value), span, via)
            case Composite(parts):
                found = [each for part in parts if (each := self._joined(part)) is not None]
                return Text.join(found) if found else None
            case Encoded(inner, form, span, via) if form != "base64" and decided(inner):
                return Text.at(encoded_text(tree), span, via)
            case _:
                self.holes.append(tree)
                written = f"${{{HOLE}{len(self.holes) - 1}}}"
                return Text.made(written, tree.span, tree.via)

    # shell

    def _shell(self, text: Text) -> Iterator[WrittenFile]:
        at = 0
        for _ in range(MOST):
            opener = _OPENER.search(text.written, at)
            if opener is None:
                break
            at = opener.end()
            tabs = r"\t*" if opener["dash"] else ""
            closer = re.compile(rf"^{tabs}{re.escape(opener['mark'])}[ \t]*$", re.MULTILINE).search(text.written, at)
            if closer is None:
                continue
            body = text.cut(at, closer.start())
            if opener["dash"]:
                body = _untabbed(body)
            if not opener["quote"]:
                body = self._expanded(body)
            at = closer.end()
            target = _TARGET.search(opener["line"].replace(f"<<{opener['dash']}", "  "))
            if target is not None:
                yield WrittenFile(_path(text.written, opener.start(), target[1]), body)
        for match in _DECODED.finditer(text.written):
            part = self.holes[int(match[1])]
            inner = self._joined(part.tree) if isinstance(part, Encoded) else None
            if inner is not None:
                yield WrittenFile(_path(text.written, match.start(), match[2]), inner)

    def _expanded(self, body: Text) -> Text:
        """A here-document in which the shell expands: escapes resolved, commands as parts that are not known."""
        pieces: list[Text] = []
        at = 0
        for match in islice(_EXPANDED.finditer(body.written), MOST):
            pieces.append(body.cut(at, match.start()))
            if match[1]:
                pieces.append(body.cut(match.end() - 1, match.end()))
            elif match[0] != "\\\n":
                span = body.cut(match.start(), match.end()).pieces[0].span
                hole = self._joined(Unknown("the output of a command on the machine", span))
                if hole is not None:
                    pieces.append(hole)
            at = match.end()
        pieces.append(body.cut(at))
        return Text.join(pieces)

    # cloud-init

    def _cloud_config(self, tree: Tree, text: Text) -> Iterator[WrittenFile]:
        """The entries of `write_files`."""
        for entry in self._entries(tree, text):
            path, content, encoding = (entry.get(name) for name in ("path", "content", "encoding"))
            if path is None or content is None or not path.written:
                continue
            if encoding is not None and encoding.written in ("b64", "base64"):
                hole = self.hole(content.written.strip().removeprefix("${").removesuffix("}"))
                decoded = self._joined(hole.tree) if isinstance(hole, Encoded) else None
                if decoded is None:
                    continue
                content = decoded
            yield WrittenFile(path.written, content)

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

        source = Source("\0cloud-config", text.written)
        try:
            found = yaml.read(source)
        except ReadError:
            return
        files = found.get("write_files") if isinstance(found, Mapping) else None
        for item in files.items if isinstance(files, Sequence) else ():
            if isinstance(item, Mapping):
                yield {
                    entry.key.text: _unfolded(text, unfold(source, entry.value))
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
                texts = {key: self._joined(value) for key, value in item.entries.items() if not _collection(value)}
                yield {key: text for key, text in texts.items() if text is not None}


def _collection(tree: Tree) -> bool:
    return isinstance(tree, List | Object) or (decided(tree) and isinstance(plain(tree), list | dict))


def _unfolded(text: Text, scalar: Text) -> Text:
    """The places in the files of a scalar that was read from a joined text."""
    return Text.join(
        cut if piece.exact else Text.made(piece.text, cut.place)
        for piece in scalar.pieces
        for cut in [text.cut(piece.span.start, piece.span.end)]
    )


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
