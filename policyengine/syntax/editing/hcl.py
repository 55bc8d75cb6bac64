"""Edits of HCL: attributes of blocks, keys of objects, items of lists, aligned as `terraform fmt` has them."""

from __future__ import annotations

import json
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from policyengine.model.change import Edit, Put, Raw, Wanted
from policyengine.model.source import ReadError, Source
from policyengine.patterns import regex
from policyengine.syntax import hcl
from policyengine.syntax.editing.lines import line_end, line_start, newline, whole_lines
from policyengine.syntax.hcl.syntax import Body, Call, Label, Literal, Name, NestedBlock, ObjectExpression
from policyengine.syntax.hcl.syntax import TupleExpression as List

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Span
    from policyengine.syntax.hcl.syntax import Attribute, Item

_ENCODERS = frozenset({"jsonencode", "yamlencode", "tolist", "toset", "tomap"})
_PLAIN_KEY = regex(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
_ASSIGNMENT = regex(r"([ \t]*)([\w\"-]+)( *)=(?!=)")


def _body(source: Source, at: Span) -> Body | None:
    """The top-level block around a place as the one of its file, which is read whole elsewhere; None where that fails.

    Both are kept for the changes that follow one another there.
    """
    blocks = _blocks(source)
    before = bisect_right(blocks, (at.start, len(source.text)))
    start, end = blocks[before - 1] if before and at.end <= blocks[before - 1][1] else (0, len(source.text))
    return _parsed(source, start, end)


@lru_cache(maxsize=4)
def _blocks(source: Source) -> list[tuple[int, int]]:
    return [(each.start, each.end) for each in hcl.read_blocks(source).blocks]


@lru_cache(maxsize=4)
def _parsed(source: Source, start: int, end: int) -> Body | None:
    try:
        return hcl.parse_file(source, start, end)
    except ReadError:
        return None


def put(source: Source, change: Put) -> tuple[Edit, ...] | None:
    """Makes `keys` lead to a value, from the innermost block or object around a place on."""
    body = _body(source, change.at)
    holder = None if body is None else next(reversed([*_holders(body, source, change.at)]), None)
    return None if holder is None else _put(source, holder, change.keys, change)


def _put(source: Source, node: object, keys: tuple[str, ...], change: Put) -> tuple[Edit, ...] | None:
    match node:
        case Call(name=name, arguments=(inner,)) if name in _ENCODERS:
            return _put(source, inner, keys, change)
        case Body() if keys:
            attribute = node.attribute(keys[0])
            if attribute is not None:
                return _put(source, attribute.value, keys[1:], change)
            nested = node.nested(keys[0])
            if nested:
                return _put(source, nested[0].body, keys[1:], change) if len(nested) == 1 else None
            return _add_attribute(source, node, keys[0], _nested(keys[1:], change.value), change.after)
        case ObjectExpression(items=items) if keys:
            found = next((item for item in items if _key(source, item) == keys[0]), None)
            if found is not None:
                return _put(source, found.value, keys[1:], change)
            return _add_item(source, node, keys[0], _nested(keys[1:], change.value))
        case List(items=items) if keys == ("-",) and (keys != change.keys or node.start == change.at.start):
            return _append(source, node.start, node.end, [(item.start, item.end) for item in items], change.value)
        case _ if keys or isinstance(change.value, (tuple, dict)):
            return None
        case _:
            start, end = _written(source, node)
            return (Edit(source.span(start, end), _flat(change.value)),)


def drop(source: Source, at: Span) -> tuple[Edit, ...] | None:
    """Takes the attribute, block or item at a place away."""
    body = _body(source, at)
    chain = [] if body is None else [*_holders(body, source, at)]
    text = source.text
    for holder in reversed(chain):
        match holder:
            case Body(attributes=attributes, blocks=blocks):
                found = [(each.start, _written(source, each.value)[1]) for each in attributes]
                found += [(each.start, each.body.end) for each in blocks if each.start == at.start]
            case ObjectExpression(items=items) | List(items=items):
                found = [(each.start, _written(source, getattr(each, "value", each))[1]) for each in items]
            case _:
                continue
        for start, inner_end in found:
            if start <= at.start and at.end <= inner_end:
                end = inner_end
                while text[end : end + 1] in (",", " ") and text[end : end + 1]:
                    end += 1
                behind = text[end : line_end(text, end)].strip()
                if text[line_start(text, start) : start].strip() or (behind and not behind.startswith(("#", "//"))):
                    return None
                return (*_closed_up(source, start, end), Edit(whole_lines(source, start, end), ""))
    return None


def _closed_up(source: Source, start: int, end: int) -> tuple[Edit, ...]:
    """The lines around those that go, aligned without them."""
    text, first = source.text, line_start(source.text, start)
    indent, after = text[first:start], whole_lines(source, start, end).end
    group = [*_assignments(text, line_start(text, first - 1), indent, up=True)] if first else []
    group += _assignments(text, after, indent)
    gone = _ASSIGNMENT.match(text, first)
    columns = {len(match[2]) + len(match[3]) for match in group}
    if gone is None or columns != {len(gone[2]) + len(gone[3])}:
        return ()
    return _aligned(source, group, max(len(match[2]) for match in group) + 1)


def _holders(body: Body, source: Source, at: Span) -> Iterator[Body | ObjectExpression | List]:
    """The bodies, objects and lists around a place, the outermost first."""
    yield body
    for block in body.blocks:
        if block.start <= at.start and at.end <= block.body.end:
            yield from _holders(block.body, source, at)
    waiting: list[object] = [each.value for each in body.attributes]
    while waiting:
        node = waiting.pop()
        start, end = getattr(node, "start", 0), getattr(node, "end", 0)
        if isinstance(node, (ObjectExpression, List)) and start <= at.start and at.end <= end:
            yield node
        for name in getattr(node, "__struct_fields__", ()):
            part = getattr(node, name)
            for each in part if isinstance(part, tuple) else (part,):
                if isinstance(each, (NestedBlock, Label)) or not hasattr(each, "__struct_fields__"):
                    continue
                inner = getattr(each, "value", each)
                if each.start <= at.start and at.end <= max(each.end, getattr(inner, "end", 0)) + 1:
                    waiting.append(each)


def _add_attribute(
    source: Source, body: Body, name: str, value: Wanted, after: tuple[str, ...]
) -> tuple[Edit, ...] | None:
    text = source.text
    behind: Attribute | None = next((each for wanted in after if (each := body.attribute(wanted)) is not None), None)
    behind = behind or _last_simple(source, body)
    if behind is not None:
        at = _written(source, behind.value)[1]
        indent = text[line_start(text, behind.start) : behind.start]
    else:
        at = body.start + 1
        outer = line_start(text, body.start)
        indent = text[outer : outer + len(text[outer:]) - len(text[outer:].lstrip(" \t"))] + "  "
    if indent.strip() or "\n" not in text[body.start : body.end]:
        return None
    return _new_line(source, at, indent, name, value, "")


def _last_simple(source: Source, body: Body) -> Attribute | None:
    """The attribute behind which a new one goes: the last on one line before the blocks, else the last before them."""
    first = min((block.start for block in body.blocks), default=body.end)
    before = [each for each in body.attributes if each.start < first] or [*body.attributes]
    simple = [each for each in before if "\n" not in source.text[each.start : _written(source, each.value)[1]]]
    return next(iter([*reversed(simple or before)]), None)


def _add_item(source: Source, node: ObjectExpression, name: str, value: Wanted) -> tuple[Edit, ...] | None:
    text, items = source.text, node.items
    if not items:
        return (Edit(source.span(node.start, node.end), f"{{ {_quoted(name)} = {_flat(value)} }}"),)
    last = items[-1]
    end = _written(source, last.value)[1]
    first = line_start(text, last.start)
    sign = ":" if text[last.key.end : last.value.start].strip(' "').startswith(":") else "="
    quoted = text[last.key.start - 1 : last.key.start] == '"' or text[last.key.start] == '"'
    key = json.dumps(name) if quoted else _quoted(name)
    if text[first : last.start].strip(' \t"') or "\n" not in text[node.start : last.start]:
        return (Edit(source.span(end, end), f", {key} {sign} {_flat(value)}"),)
    indent = text[first : first + len(text[first:]) - len(text[first:].lstrip(" \t"))]
    comma = text[end : end + 1] == ","
    needs = not comma and len(items) > 1 and _ends_with_comma(source, items[-2])
    edits = _new_line(source, end, indent, key, value, "," if comma else "", sign)
    return (Edit(source.span(end, end), ","), *edits) if needs and edits is not None else edits


def _ends_with_comma(source: Source, item: Item) -> bool:
    end = _written(source, item.value)[1]
    return source.text[end : end + 1] == ","


def _new_line(
    source: Source, at: int, indent: str, key: str, value: Wanted, tail: str, sign: str = "="
) -> tuple[Edit, ...]:
    """A line below that of an offset; its sign stands below those of the lines above, which make room for it."""
    text, place, gap = source.text, line_end(source.text, at), " "
    edits: tuple[Edit, ...] = ()
    if sign != "=":
        gap = ""
    elif not isinstance(value, dict):
        group = [*_assignments(text, line_start(text, place), indent, up=True)]
        group += _assignments(text, place + len(newline(text)), indent)
        columns = {len(match[2]) + len(match[3]) for match in group}
        width = max([len(key) + 1, *(columns if len(columns) == 1 else ())])
        if len(columns) == 1 and {width} != columns:
            edits = _aligned(source, group, width)
        gap = " " * (width - len(key)) if len(columns) == 1 else " "
    shown = _value(value, indent)
    line = f"\n{indent}{key}{gap}{sign} {shown}{tail}".replace("\n", newline(text))
    return (*edits, Edit(source.span(place, place), line))


def _aligned(source: Source, group: Sequence[re.Match[str]], width: int) -> tuple[Edit, ...]:
    """The signs of the lines, so far behind the start of their names."""
    return tuple(
        Edit(source.span(*match.span(3)), " " * (width - len(match[2])))
        for match in group
        if len(match[2]) + len(match[3]) != width
    )


def _assignments(text: str, start: int, indent: str, *, up: bool = False) -> Iterator[re.Match[str]]:
    """The assignments on the lines from an offset on, down or up, as long as each line is one."""
    while 0 <= start < len(text):
        end = line_end(text, start)
        match = _ASSIGNMENT.match(text, start, end)
        line = text[start:end]
        if match is None or match[1] != indent or sum(map(line.count, "([{")) != sum(map(line.count, ")]}")):
            return
        yield match
        following = text.find("\n", start) + 1 or len(text)
        start = (line_start(text, start - 1) if start else -1) if up else following


def _append(
    source: Source, start: int, end: int, items: list[tuple[int, int]], value: Wanted
) -> tuple[Edit, ...] | None:
    text = source.text
    if not items:
        return (Edit(source.span(start, end), f"[{_flat(value)}]"),)
    first, last = _outer(source, *items[-1])
    begin = line_start(text, first)
    if text[begin:first].strip() or "\n" not in text[start:first]:
        return (Edit(source.span(last, last), f", {_flat(value)}"),)
    indent, place = text[begin:first], line_end(text, last)
    shown = _value(value, indent) if "\n" in text[first:last] else _flat(value)
    made = f"\n{indent}{shown}".replace("\n", newline(text))
    if text[last : last + 1] == ",":
        return (Edit(source.span(place, place), f"{made},"),)
    if place == last:
        return (Edit(source.span(place, place), f",{made}"),)
    return (Edit(source.span(last, last), ","), Edit(source.span(place, place), made))


def _written(source: Source, node: object) -> tuple[int, int]:
    return _outer(source, node.start, node.end) if hasattr(node, "start") and hasattr(node, "end") else (0, 0)


def _outer(source: Source, start: int, end: int) -> tuple[int, int]:
    """With the quotes around it."""
    text = source.text
    if start > 0 and text[start - 1] == '"' and text[end : end + 1] == '"':
        return start - 1, end + 1
    return start, end


def _key(source: Source, item: Item) -> str:
    match item.key:
        case Name(name=name):
            return name
        case Literal(start, end):
            return source.text[start:end]
        case _:
            return ""


def _quoted(key: str) -> str:
    return key if _PLAIN_KEY.match(key) else json.dumps(key)


def _nested(keys: tuple[str, ...], value: Wanted) -> Wanted:
    for key in reversed(keys):
        value = (value,) if key == "-" else {key: value}
    return value


def _value(value: Wanted, indent: str) -> str:
    """A value as `terraform fmt` has it: an object on lines of its own."""
    match value:
        case dict() if value:
            width = max((len(_quoted(key)) for key, each in value.items() if not isinstance(each, dict)), default=0)
            lines = []
            for key, each in value.items():
                name = _quoted(key) if isinstance(each, dict) else _quoted(key).ljust(width)
                lines.append(f"{indent}  {name} = {_value(each, f'{indent}  ')}")
            return "\n".join(["{", *lines, f"{indent}}}"])
        case _:
            return _flat(value)


def _flat(value: Wanted) -> str:
    match value:
        case Raw(text):
            return text
        case str():
            return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
        case tuple():
            return f"[{', '.join(map(_flat, value))}]"
        case dict():
            return f"{{ {', '.join(f'{_quoted(key)} = {_flat(each)}' for key, each in value.items())} }}"
        case _:
            return json.dumps(value)
