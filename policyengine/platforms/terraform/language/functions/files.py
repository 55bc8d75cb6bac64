"""Files below the scanned root, and paths. Nothing outside the root is read."""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from typing import Protocol, runtime_checkable

from policyengine.model.source import ReadError, Source
from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    PlainFunction,
    TreeFunction,
    as_object,
)
from policyengine.platforms.terraform.language.numbers import NotComputed
from policyengine.platforms.terraform.language.plain import Invalid, to_string
from policyengine.platforms.terraform.language.scope import HERE, HclFrame
from policyengine.platforms.terraform.language.values import (
    Composite,
    Object,
    Tree,
    as_set,
    decided,
    history,
    plain,
    through,
    unknown_of,
)


@runtime_checkable
class Placed(Protocol):
    """A scope that knows where its root module lies."""

    @property
    def directory_of_root(self) -> str:
        """The directory of the root module relative to the root of the scan."""
        ...


def _open(calling: Calling, tree: Tree) -> Source | Unknown:
    """The file that a path names."""
    if not decided(tree):
        return unknown_of(tree)
    path = to_string(plain(tree))
    source = calling.frame.scope.file(path)
    if source is None:
        return Unknown(f"the file {path!r} is not in the repository", tree.span, tree.via)
    calling.frame.scope.budget.spend(len(source.text) // 64)
    return source


def _file(calling: Calling, path: Tree) -> Tree:
    source = _open(calling, path)
    if isinstance(source, Unknown):
        return source
    return Known(source.text, source.span(0, len(source.text)), (Via(f"file({source.path})", calling.span),))


def _digest(name: str, *, encoded: bool = False) -> TreeFunction:
    def compute(calling: Calling, path: Tree) -> Tree:
        source = _open(calling, path)
        if isinstance(source, Unknown):
            return source
        digest = hashlib.new(name, _data(source), usedforsecurity=False)
        text = base64.b64encode(digest.digest()).decode() if encoded else digest.hexdigest()
        return Known(text, calling.span, (Via(f"hash of {source.path}", calling.span),))

    return TreeFunction("T", compute)


def _data(source: Source) -> bytes:
    return (b"\xef\xbb\xbf" if source.bom else b"") + source.text.encode()


def _filebase64(calling: Calling, path: Tree) -> Tree:
    source = _open(calling, path)
    if isinstance(source, Unknown):
        return source
    return Known(base64.b64encode(_data(source)).decode(), calling.span, history(path))


def _fileexists(calling: Calling, path: Tree) -> Tree:
    if not decided(path):
        return unknown_of(path)
    written = to_string(plain(path))
    if calling.frame.scope.file(written) is not None:
        return Known(value=True, span=calling.span, via=history(path))
    return Unknown(f"whether {written!r} exists is not known: it is not in the repository", calling.span)


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


def _fileset(calling: Calling, place: Tree, wanted: Tree) -> Tree:
    unknown = next((unknown_of(each) for each in (place, wanted) if not decided(each)), None)
    if unknown is not None:
        return unknown
    folder, pattern = to_string(plain(place)), to_string(plain(wanted))
    if pattern.count("*") > 12:
        return Unknown("a pattern of fileset() is too complex", calling.span)
    listing = calling.frame.scope.listing(folder)
    if listing is None:
        return Unknown(f"the folder {folder!r} is not in the repository", place.span, place.via)
    expression = glob_pattern(pattern)
    via = history(place, wanted)
    found = [Known(path, calling.span, via) for path in listing if expression.match(path)]
    return as_set(found, calling.span)


def _templatefile(calling: Calling, path: Tree, variables: Tree) -> Tree:
    from policyengine.syntax.hcl import parse_template  # noqa: PLC0415 - loads the grammar

    if calling.frame.depth:
        raise Invalid("templatefile() is not allowed within a template file")
    source = _open(calling, path)
    if isinstance(source, Unknown):
        return source
    calling.frame.scope.budget.spend(len(source.text))
    try:
        template = parse_template(source)
    except ReadError as error:
        return Unknown(f"the template {source.path} cannot be read: {error.message}", error.span)
    names = as_object(variables, calling.name)
    if isinstance(names, Unknown):
        return names
    step = Via(f"templatefile({source.path})", calling.span)
    frame = HclFrame(source, calling.frame.scope, names.entries, calling.frame.depth + 1)
    tree = calling.evaluate(template, frame)
    if isinstance(tree, Known | Composite):
        return through(tree, step)
    return tree


def _templatestring(calling: Calling, given: Tree, names: Object) -> Tree:
    from policyengine.syntax.hcl import parse_template  # noqa: PLC0415 - loads the grammar

    if not calling.referenced:
        raise Invalid("templatestring() takes a reference to a template")
    if not decided(given):
        return unknown_of(given)
    source = Source("", to_string(plain(given)))
    calling.frame.scope.budget.spend(len(source.text))
    try:
        template = parse_template(source)
    except ReadError:
        raise Invalid("the template is not valid") from None
    made = calling.evaluate(template, HclFrame(source, calling.frame.scope, names.entries, calling.frame.depth + 1))
    return Known(to_string(plain(made)), calling.span, history(given, names)) if decided(made) else unknown_of(made)


def _abspath(calling: Calling, path: Tree) -> Tree:
    if not decided(path):
        return unknown_of(path)
    scope = calling.frame.scope
    root = scope.directory_of_root if isinstance(scope, Placed) else ""
    absolute = posixpath.normpath(posixpath.join(HERE, root, to_string(plain(path))))
    return Known(absolute, calling.span, history(path))


def _dirname(path: str) -> str:
    return posixpath.normpath(posixpath.dirname(path)) if posixpath.dirname(path) else "."


def _pathexpand(path: str) -> str:
    if path == "~" or path.startswith("~/"):
        raise NotComputed("the home directory of whoever runs Terraform is not known")
    if path.startswith("~"):
        raise Invalid("pathexpand() cannot expand the home directory of a user")
    return path


FUNCTIONS: dict[str, HclFunction] = {
    "file": TreeFunction("T", _file),
    "fileexists": TreeFunction("T", _fileexists),
    "filebase64": TreeFunction("T", _filebase64),
    "filemd5": _digest("md5"),
    "filesha1": _digest("sha1"),
    "filesha256": _digest("sha256"),
    "filesha512": _digest("sha512"),
    "filebase64sha256": _digest("sha256", encoded=True),
    "filebase64sha512": _digest("sha512", encoded=True),
    "fileset": TreeFunction("TT", _fileset),
    "templatefile": TreeFunction("TT", _templatefile),
    "templatestring": TreeFunction("TM", _templatestring),
    "abspath": TreeFunction("T", _abspath),
    "basename": PlainFunction("s", lambda path: posixpath.basename(path.rstrip("/")) or ("/" if path else ".")),
    "dirname": PlainFunction("s", _dirname),
    "pathexpand": PlainFunction("s", _pathexpand),
}
