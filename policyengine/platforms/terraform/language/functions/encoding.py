"""Encodings and digests."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import urllib.parse
import uuid
from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.functions.calling import Calling, Handler, PlainFunction, TreeFunction
from policyengine.platforms.terraform.language.numbers import format_number
from policyengine.platforms.terraform.language.values import (
    Encoded,
    Invalid,
    List,
    Object,
    Tree,
    history,
    plain,
    through,
    to_string,
)

if TYPE_CHECKING:
    import re

    from policyengine.platforms.terraform.language.values import Plain

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode(value: Plain, form: str) -> str:
    """The text that jsonencode, yamlencode or base64encode gives. Raises Invalid."""
    match form:
        case "json":
            return _json(value)
        case "yaml":
            return _yaml(value, 0) + "\n" if not (isinstance(value, dict | list) and value) else _yaml(value, 0)
        case _:
            return base64.b64encode(to_string(value).encode()).decode()


def _json_string(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    for character, escape in _ESCAPES.items():
        if character in quoted:
            quoted = quoted.replace(character, escape)
    return quoted


def _json(value: Plain) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _json_string(value)
    if isinstance(value, list):
        return "[" + ",".join(_json(each) for each in value) + "]"
    if isinstance(value, dict):
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-8", "surrogatepass"))
        return "{" + ",".join(f"{_json_string(key)}:{_json(each)}" for key, each in ordered) + "}"
    return format_number(value)


def _yaml(value: Plain, depth: int) -> str:
    """Terraform's yamlencode: block style, every string and key quoted."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-8", "surrogatepass"))
        return "".join(f"{pad}{_json_string(key)}:{_yaml_item(each, depth)}" for key, each in ordered)
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_yaml_element(each, depth)}" for each in value)
    return _yaml_atom(value, depth)


_QUOTED = regex(r"[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd]|[ ](?:\n|\Z)")
_BEYOND = regex(r"\\u00([0-9a-f]{2})|[\U00010000-\U0010ffff]")
_NAMED = {"00": "0", "07": "a", "08": "b", "09": "t", "0b": "v", "0c": "f", "1b": "e"}


def _yaml_atom(value: Plain, depth: int) -> str:
    if isinstance(value, str):
        if "\n" in value and not _QUOTED.search(value):
            return _yaml_block(value, depth)
        return _BEYOND.sub(_yaml_escape, json.dumps(value, ensure_ascii=False))
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list) else _json(value)


def _yaml_escape(match: re.Match[str]) -> str:
    return f"\\{_NAMED.get(match[1], f'x{match[1].upper()}')}" if match[1] else f"\\U{ord(match[0]):08X}"


def _yaml_block(text: str, depth: int) -> str:
    """Several lines as a block, without the newline behind the last."""
    bare = text.rstrip("\n")
    indented = "2" if text.startswith((" ", "\n")) else ""
    kept = "-" if bare == text else "" if len(text) - len(bare) == 1 and bare else "+"
    pad = "  " * (depth + 1)
    lines = text.removesuffix("\n").split("\n")
    return f"|{indented}{kept}\n" + "\n".join(pad + line if line else "" for line in lines)


def _yaml_item(value: Plain, depth: int) -> str:
    if isinstance(value, dict) and value:
        return "\n" + _yaml(value, depth + 1)
    if isinstance(value, list) and value:
        return "\n" + _yaml(value, depth)
    return f" {_yaml_atom(value, depth)}\n"


def _yaml_element(value: Plain, depth: int) -> str:
    if isinstance(value, dict | list) and value:
        inner = _yaml(value, depth + 1)
        return " " + inner[2 * (depth + 1) :]
    return f" {_yaml_atom(value, depth)}\n"


def _encoded(form: str) -> TreeFunction:
    def compute(arguments: list[Tree], calling: Calling) -> Tree:
        return Encoded(arguments[0], form, calling.span)

    return TreeFunction(compute, 1, 1)


def _decoded(form: str) -> TreeFunction:
    def compute(arguments: list[Tree], calling: Calling) -> Tree:  # noqa: ARG001 - the signature of all functions
        from policyengine.platforms.terraform.language.documents import document  # noqa: PLC0415 - needs a reader

        return document(arguments[0], form)

    return TreeFunction(compute, 1, 1)


def _base64encode(arguments: list[Tree], calling: Calling) -> Tree:
    if isinstance(arguments[0], List | Object):
        raise Invalid("a collection is no string")
    if isinstance(arguments[0], Known):
        to_string(arguments[0].value)  # raises Invalid for null
    return Encoded(arguments[0], "base64", calling.span)


def _base64decode(arguments: list[Tree], calling: Calling) -> Tree:
    first = arguments[0]
    if isinstance(first, Encoded) and first.form == "base64":
        return through(first.tree, *first.via)
    text = to_string(plain(first))
    try:
        return Known(base64.b64decode(text, validate=True).decode(), calling.span, history(first))
    except (ValueError, UnicodeDecodeError):
        raise Invalid("base64decode() cannot read the text") from None


def _digest(name: str, *, encoded: bool = False) -> PlainFunction:
    def compute(text: str) -> str:
        digest = hashlib.new(name, text.encode(), usedforsecurity=False)
        return base64.b64encode(digest.digest()).decode() if encoded else digest.hexdigest()

    return PlainFunction("s", compute)


def _csvdecode(text: str) -> list[Plain]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error:
        raise Invalid("csvdecode() cannot read the text") from None
    if not rows:
        raise Invalid("csvdecode() needs a line of headers")
    header, *lines = rows
    if any(len(line) != len(header) for line in lines) or len(set(header)) != len(header):
        raise Invalid("csvdecode() found lines of different length")
    return [dict(zip(header, line, strict=True)) for line in lines]


def _urlencode(text: str) -> str:
    return urllib.parse.quote_plus(text, safe="").replace("~", "~")


def _urldecode(text: str) -> str:
    try:
        return urllib.parse.unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise Invalid("urldecode() cannot read the text") from None


_NAMESPACES = {
    "dns": uuid.NAMESPACE_DNS,
    "url": uuid.NAMESPACE_URL,
    "oid": uuid.NAMESPACE_OID,
    "x500": uuid.NAMESPACE_X500,
}


def _uuidv5(namespace: str, name: str) -> str:
    try:
        space = _NAMESPACES.get(namespace) or uuid.UUID(namespace)
    except ValueError:
        raise Invalid("uuidv5() has an unknown namespace") from None
    return str(uuid.uuid5(space, name))


def _textencode(text: str, charset: str) -> str:
    try:
        return base64.b64encode(text.encode(charset.lower())).decode()
    except (LookupError, UnicodeEncodeError):
        raise Invalid("textencodebase64() does not know the encoding") from None


def _textdecode(text: str, charset: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(charset.lower())
    except (LookupError, ValueError):
        raise Invalid("textdecodebase64() cannot read the text") from None


def _gzip(arguments: list[Tree], calling: Calling) -> Tree:
    to_string(plain(arguments[0]))
    return Unknown("base64gzip() is not computed: another program compresses to other bytes", calling.span)


FUNCTIONS: dict[str, Handler] = {
    "jsonencode": _encoded("json"),
    "yamlencode": _encoded("yaml"),
    "jsondecode": _decoded("json"),
    "yamldecode": _decoded("yaml"),
    "base64encode": TreeFunction(_base64encode, 1, 1),
    "base64decode": TreeFunction(_base64decode, 1, 1),
    "base64gzip": TreeFunction(_gzip, 1, 1),
    "csvdecode": PlainFunction("s", _csvdecode),
    "urlencode": PlainFunction("s", _urlencode),
    "urldecode": PlainFunction("s", _urldecode),
    "md5": _digest("md5"),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
    "base64sha256": _digest("sha256", encoded=True),
    "base64sha512": _digest("sha512", encoded=True),
    "uuidv5": PlainFunction("ss", _uuidv5),
    "textencodebase64": PlainFunction("ss", _textencode),
    "textdecodebase64": PlainFunction("ss", _textdecode),
}
