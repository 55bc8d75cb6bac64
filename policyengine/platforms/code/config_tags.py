"""What the tags of Go's structs ask of the environment, as caarlos0/env, cleanenv and envconfig read them.

A field that is a struct itself is no setting: its tag gives those within it the beginning of their names. What
envconfig reads is looked for by its whole name, and then by its tag alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from policyengine.patterns import regex
from policyengine.platforms.code.config_values import Environment, Guard, Lit, constant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tree_sitter import Node

    from policyengine.platforms.code.config_go import Go

PREFIX_ELSEWHERE = "what its name begins with is told elsewhere"
IN_A_FILE = "a configuration file may give it"
_TAG = regex(r'([\w-]+):"((?:[^"\\]|\\.)*)"')
_PROCESS = regex(r'envconfig\.(?:Must)?Process\(\s*(?:"(\w*)"|(\w+)\s*,)')
_INLINE = regex(r",\s*default=(.*)\Z")
_STRUCT = "struct_type"
_DEFAULTS = ("envDefault", "default", "env-default")
_REQUIRED = ("required", "env-required")
_FILES = frozenset({"yaml", "json", "toml", "edn"})
"""The tags under which cleanenv takes a field from a configuration file, which meets `env-required` too."""


class _Field(NamedTuple):
    """A field of a struct with its tags, and what the names of `env` and of `envconfig` begin with there."""

    node: Node
    tags: Mapping[str, tuple[str, int]]
    plain: str = ""
    nested: str = ""


def follow(go: Go) -> None:
    """Note what the structs of a file ask."""
    text = go.code.source.text
    process = _PROCESS.search(text)
    named = process and process[2] and regex(rf'\b{process[2]}\s*=\s*["`](\w*)["`]').search(text)
    prefix = None if process is None else process[1] if process[1] is not None else named[1] if named else None
    always = "RequiredIfNoDef: true" in text or "RequiredIfNoDef:true" in text
    for field in _fields(go):
        _ask(go, field, prefix, always=always)


def _fields(go: Go) -> Iterator[_Field]:
    structs: dict[str, Node] = {}
    unnamed: list[Node] = []
    waiting = [go.code.root]
    within: set[str] = set()
    while waiting:
        node = waiting.pop()
        waiting.extend(reversed(node.named_children))
        parent = node.parent
        if node.type == _STRUCT and parent is not None:
            name = parent.child_by_field_name("name") if parent.type == "type_spec" else None
            if name is not None:
                structs[go.code.text(name)] = node
            elif _field_of(parent) is None:
                unnamed.append(node)
        elif node.type == "type_identifier" and parent is not None and _field_of(parent) is not None:
            within.add(go.code.text(node))
    tops = {name: node for name, node in structs.items() if name not in within} or structs
    for node in (*tops.values(), *unnamed):
        yield from _within(go, node, structs, _Field(node, {}), ())


def _field_of(parent: Node) -> Node | None:
    """The field whose type, or the target of whose pointer, stands directly in `parent`."""
    if parent.type == "pointer_type" and parent.parent is not None:
        parent = parent.parent
    return parent if parent.type == "field_declaration" else None


def _within(
    go: Go, struct: Node, structs: Mapping[str, Node], outer: _Field, above: tuple[int, ...]
) -> Iterator[_Field]:
    for node in (each for body in struct.named_children for each in body.named_children):
        if node.type != "field_declaration":
            continue
        tag = node.child_by_field_name("tag")
        found = _TAG.finditer(go.code.text(tag)) if tag is not None else ()
        start = go.code.span(tag).start if tag is not None else 0
        tags = {match[1]: (match[2], start + match.start(2)) for match in found}
        kind = node.child_by_field_name("type")
        if kind is not None and kind.type == "pointer_type":
            kind = kind.named_children[0]
        inner = kind if kind is not None and kind.type == _STRUCT else None
        if inner is None and kind is not None and kind.type == "type_identifier":
            inner = structs.get(go.code.text(kind))
        field = _Field(node, tags, outer.plain, outer.nested)
        begins = _prefix(tags)
        if inner is None:
            if begins is not None:
                go.gaps.append("settings within settings are not read")
            yield field
        elif inner.id not in above:
            name = node.child_by_field_name("name")
            label = tags["envconfig"][0] if tags.get("envconfig", ("", 0))[0] else go.code.text(name) if name else ""
            nested = f"{outer.nested}{label}_" if label else outer.nested
            deeper = _Field(node, tags, outer.plain + (begins or ""), nested)
            yield from _within(go, inner, structs, deeper, (*above, inner.id))


def _prefix(tags: Mapping[str, tuple[str, int]]) -> str | None:
    """What the names of settings within a field begin with, as its tag says; None where it says nothing."""
    for name in ("envPrefix", "env-prefix"):
        if name in tags:
            return tags[name][0]
    options = tags.get("env", ("", 0))[0].split(",")[1:]
    return next((each.strip()[7:] for each in options if each.strip().startswith("prefix=")), None)


def _ask(go: Go, field: _Field, prefix: str | None, *, always: bool) -> None:
    label = next((each for each in ("env", "envconfig") if each in field.tags), None)
    if label is None:
        return
    written, at = field.tags[label]
    name, *options = (each.strip() for each in written.split(","))
    if not name:
        return
    names = [field.plain + name]
    if label == "envconfig":
        whole = "_".join(each for each in (prefix, field.nested + name) if each).upper()
        names = [whole, name] if whole != name else [name]
    for each in names:
        go.read(each, go.code.source.span(at, at + len(name)), Environment())
    given = next((field.tags[each] for each in _DEFAULTS if each in field.tags), None)
    if given is None and (inline := _INLINE.search(written)) is not None:
        given = (inline[1], at + inline.start(1))
    asked = {"required", "notEmpty"} & set(options) or any(
        field.tags.get(each, ("",))[0] == "true" for each in _REQUIRED
    )
    must = given is None and (asked or (always and label == "env"))
    in_file = "env-required" in field.tags and not _FILES.isdisjoint(field.tags)
    if must and (in_file or (label == "envconfig" and prefix is None)):
        for each in names:
            go.note(each, reason=IN_A_FILE if in_file else PREFIX_ELSEWHERE, tested=False)
    elif must:
        go.stop([Guard(tuple(reversed(names)))])
    else:
        text, start = given or ("", 0)
        default = constant(Lit(text, go.code.source.span(start, start + len(text)), text)) if text else None
        for each in names:
            go.note(each, default=default)
