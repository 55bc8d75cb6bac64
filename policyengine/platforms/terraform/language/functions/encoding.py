"""Encodings and digests."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import urllib.parse
import uuid
from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.characters import normal
from policyengine.platforms.terraform.language.coercion import convert
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.functions.calling import (
    Calling,
    HclFunction,
    PlainFunction,
    TreeFunction,
)
from policyengine.platforms.terraform.language.kinds import ANY_LIST
from policyengine.platforms.terraform.language.plain import Invalid, to_string
from policyengine.platforms.terraform.language.values import (
    Encoded,
    List,
    Object,
    Tree,
    decided,
    history,
    null,
    plain,
    through,
    unknown_of,
)

if TYPE_CHECKING:
    from policyengine.platforms.terraform.language.plain import Plain


def _encoded(form: str) -> TreeFunction:
    def compute(calling: Calling, given: Tree) -> Tree:
        return Encoded(given, form, calling.span)

    return TreeFunction("T", compute)


def _decoded(form: str) -> TreeFunction:
    def compute(calling: Calling, given: Tree) -> Tree:
        del calling
        return document(given if null(given) else convert(given, "string"), form)

    return TreeFunction("T", compute)


def _base64encode(calling: Calling, given: Tree) -> Tree:
    if isinstance(given, List | Object):
        raise Invalid("a collection is no string")
    if isinstance(given, Known):
        to_string(given.value)  # raises Invalid for null
    return Encoded(given, "base64", calling.span)


def _base64decode(calling: Calling, first: Tree) -> Tree:
    if isinstance(first, Encoded) and first.form == "base64":
        return through(convert(first.tree, "string"), *first.via)
    if not decided(first):
        return unknown_of(first)
    text = to_string(plain(first)).replace("\r", "").replace("\n", "")
    try:
        return Known(normal(base64.b64decode(text, validate=True).decode()), calling.span, history(first))
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
    return urllib.parse.quote_plus(text, safe="")


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


def _gzip(calling: Calling, text: str) -> Tree:
    del text
    return Unknown("base64gzip() is not computed: another program compresses to other bytes", calling.span)


FUNCTIONS: dict[str, HclFunction] = {
    "jsonencode": _encoded("json"),
    "yamlencode": _encoded("yaml"),
    "jsondecode": _decoded("json"),
    "yamldecode": _decoded("yaml"),
    "base64encode": TreeFunction("T", _base64encode),
    "base64decode": TreeFunction("T", _base64decode),
    "base64gzip": TreeFunction("s", _gzip),
    "csvdecode": PlainFunction("s", _csvdecode, gives=ANY_LIST),
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
