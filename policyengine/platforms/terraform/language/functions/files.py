"""Files below the scanned root, and paths. Nothing outside the root is read."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.functions.calling import Calling, Handler, PlainFunction, TreeFunction
from policyengine.platforms.terraform.language.values import (
    Composite,
    Invalid,
    Object,
    Tree,
    Undecided,
    as_set,
    decided,
    history,
    plain,
    through,
    to_string,
    unknown_of,
)

if TYPE_CHECKING:
    from policyengine.model.source import Source

HERE = "/repository"
"""Stands for the root of the scan in absolute paths: where it lies does not matter."""


@runtime_checkable
class Placed(Protocol):
    """A scope that knows where its root module lies."""

    @property
    def directory_of_root(self) -> str:
        """The directory of the root module relative to the root of the scan."""
        ...


def _path(tree: Tree) -> str:
    return to_string(plain(tree))


def _open(tree: Tree, calling: Calling) -> Source:
    path = _path(tree)
    source = calling.frame.scope.file(path)
    if source is None:
        raise Undecided(Unknown(f"the file {path!r} is not in the repository", tree.span, tree.via))
    return source


def _file(arguments: list[Tree], calling: Calling) -> Tree:
    source = _open(arguments[0], calling)
    return Known(source.text, source.span(0, len(source.text)), (Via(f"file({source.path})", calling.span),))


def _digest(name: str, *, encoded: bool = False) -> TreeFunction:
    def compute(arguments: list[Tree], calling: Calling) -> Tree:
        source = _open(arguments[0], calling)
        data = (b"\xef\xbb\xbf" if source.bom else b"") + source.text.encode()
        digest = hashlib.new(name, data, usedforsecurity=False)
        text = base64.b64encode(digest.digest()).decode() if encoded else digest.hexdigest()
        return Known(text, calling.span, (Via(f"hash of {source.path}", calling.span),))

    return TreeFunction(compute, 1, 1)


def _filebase64(arguments: list[Tree], calling: Calling) -> Tree:
    source = _open(arguments[0], calling)
    data = (b"\xef\xbb\xbf" if source.bom else b"") + source.text.encode()
    return Known(base64.b64encode(data).decode(), calling.span, history(arguments[0]))


def _fileexists(arguments: list[Tree], calling: Calling) -> Tree:
    path = _path(arguments[0])
    if calling.frame.scope.file(path) is not None:
        return Known(value=True, span=calling.span, via=history(arguments[0]))
    return Unknown(f"whether {path!r} exists is not known: it is not in the repository", calling.span)


def glob_pattern(pattern: str) -> re.Pattern[str]:
    """A pattern of fileset() as a regular expression: `*`, `**`, `?`, `[…]`, `{a,b}`."""
    out: list[str] = []
    at = 0
    depth = 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**/", at):
            out.append("(?:[^/]+/)*")
            at += 3
            continue
        if pattern.startswith("**", at):
            out.append(".*")
            at += 2
            continue
        match character:
            case "*":
                out.append("[^/]*")
            case "?":
                out.append("[^/]")
            case "{":
                out.append("(?:")
                depth += 1
            case "}" if depth:
                out.append(")")
                depth -= 1
            case "," if depth:
                out.append("|")
            case "[" if "]" in pattern[at + 2 :]:
                end = pattern.index("]", at + 2)
                inside = pattern[at + 1 : end].replace("\\", "\\\\")
                out.append("[" + ("^" + inside[1:] if inside[0] in "!^" else inside) + "]")
                at = end
            case _:
                out.append(re.escape(character))
        at += 1
    try:
        return re.compile("".join(out) + r"\Z", re.DOTALL)
    except re.error:
        raise Invalid("a pattern of fileset() is not valid") from None


def _fileset(arguments: list[Tree], calling: Calling) -> Tree:
    folder, pattern = _path(arguments[0]), _path(arguments[1])
    if pattern.count("*") > 12:
        raise Undecided(Unknown("a pattern of fileset() is too complex", calling.span))
    listing = calling.frame.scope.listing(folder)
    if listing is None:
        raise Undecided(Unknown(f"the folder {folder!r} is not in the repository", arguments[0].span, arguments[0].via))
    expression = glob_pattern(pattern)
    via = history(*arguments)
    found = [Known(path, calling.span, via) for path in listing if expression.match(path)]
    return as_set(found, calling.span)


def _templatefile(arguments: list[Tree], calling: Calling) -> Tree:
    from policyengine.model.source import ReadError  # noqa: PLC0415 - rare
    from policyengine.platforms.terraform.language.expressions import Frame, evaluate  # noqa: PLC0415 - evaluation calls functions
    from policyengine.syntax.hcl import parse_template  # noqa: PLC0415 - loads the grammar

    if calling.frame.depth:
        raise Invalid("templatefile() is not allowed within a template file")
    source = _open(arguments[0], calling)
    try:
        template = parse_template(source)
    except ReadError as error:
        raise Undecided(Unknown(f"the template {source.path} cannot be read: {error.message}", error.span)) from None
    frame = Frame(source, calling.frame.scope, _names(arguments[1], calling), calling.frame.depth + 1)
    step = Via(f"templatefile({source.path})", calling.span)
    tree = evaluate(template, frame)
    if isinstance(tree, Known | Composite):
        return through(tree, step)
    return tree


def _names(tree: Tree, calling: Calling) -> dict[str, Tree]:
    if isinstance(tree, Object):
        return {key: through(value, *tree.via) for key, value in tree.entries.items()}
    if not decided(tree):
        raise Undecided(unknown_of(tree))
    raise Invalid(f"the variables of {calling.name}() are no object")


def _templatestring(arguments: list[Tree], calling: Calling) -> Tree:
    from policyengine.model.source import ReadError, Source  # noqa: PLC0415 - rare
    from policyengine.platforms.terraform.language.expressions import Frame, evaluate  # noqa: PLC0415 - evaluation calls functions
    from policyengine.syntax.hcl import parse_template  # noqa: PLC0415 - loads the grammar

    if not calling.referenced:
        raise Invalid("templatestring() takes a reference to a template")
    text = to_string(plain(arguments[0]))
    source = Source("\0template", text)
    try:
        template = parse_template(source)
    except ReadError:
        raise Invalid("the template is not valid") from None
    frame = Frame(source, calling.frame.scope, _names(arguments[1], calling), calling.frame.depth + 1)
    return Known(to_string(plain(evaluate(template, frame))), calling.span, history(*arguments))


def _abspath(arguments: list[Tree], calling: Calling) -> Tree:
    path = _path(arguments[0])
    scope = calling.frame.scope
    root = scope.directory_of_root if isinstance(scope, Placed) else ""
    return Known(posixpath.normpath(posixpath.join(HERE, root, path)), calling.span, history(arguments[0]))


def _dirname(path: str) -> str:
    return posixpath.normpath(posixpath.dirname(path)) if posixpath.dirname(path) else "."


FUNCTIONS: dict[str, Handler] = {
    "file": TreeFunction(_file, 1, 1),
    "fileexists": TreeFunction(_fileexists, 1, 1),
    "filebase64": TreeFunction(_filebase64, 1, 1),
    "filemd5": _digest("md5"),
    "filesha1": _digest("sha1"),
    "filesha256": _digest("sha256"),
    "filesha512": _digest("sha512"),
    "filebase64sha256": _digest("sha256", encoded=True),
    "filebase64sha512": _digest("sha512", encoded=True),
    "fileset": TreeFunction(_fileset, 2, 2),
    "templatefile": TreeFunction(_templatefile, 2, 2),
    "templatestring": TreeFunction(_templatestring, 2, 2),
    "abspath": TreeFunction(_abspath, 1, 1),
    "basename": PlainFunction("s", lambda path: posixpath.basename(path.rstrip("/")) or ("/" if path else ".")),
    "dirname": PlainFunction("s", _dirname),
    "pathexpand": PlainFunction("s", lambda path: path),
}
