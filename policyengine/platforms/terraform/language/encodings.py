"""The texts that `jsonencode`, `yamlencode` and `base64encode` make of plain data, byte for byte Terraform's."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from policyengine.patterns import regex
from policyengine.platforms.terraform.language.numbers import format_number
from policyengine.platforms.terraform.language.plain import to_string

if TYPE_CHECKING:
    import re

    from policyengine.platforms.terraform.language.plain import Plain

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode(value: Plain, form: str) -> str:
    """The text that jsonencode, yamlencode or base64encode gives. Raises Invalid."""
    match form:
        case "json":
            return _json(value)
        case "yaml":
            text = _yaml(value, 0)
            if isinstance(value, dict | list) and value:
                return text
            return f"{text}\n" if isinstance(value, dict | list | str) else f"{text}\n...\n"  # a plain scalar is marked
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
