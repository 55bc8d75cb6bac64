"""Read YAML into the located document tree.

Nodes are built here from the events of libyaml's parser, never by PyYAML's composer or loader: those crash the process
on deep nesting, hang on merge-key bombs and lose where an alias stands. Budgets bound depth and what aliases expand
to, so that every consumer may walk the tree as if it were a plain tree. Nothing is typed: a plain scalar keeps its
text (`22:22`, `yes`, `010`), and whoever knows the file's format decides what it means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol, cast

from policyengine.model.source import ReadError, Source, Span
from policyengine.model.value import Via
from policyengine.patterns import regex
from policyengine.syntax.tree import Document, Entry, Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable

DEEPEST = 128
"""Levels of nesting, aliases expanded, that a document may have."""

LARGEST_EXPANSION = 100_000
"""Nodes that all aliases and merge keys of a document may stand for together; Docker Compose has the same limit."""

_STANDARD_TAG = "tag:yaml.org,2002:"
_PROPERTIES = regex(r"(?:(?:!<[^>]*>|[&!][^\s,\[\]{}]*)(?:[ \t]*(?:#[^\r\n]*)?[\r\n]?)*)+")
_BLANK = " \t\r\n\x85\u2028\u2029"
_BLOCK_HEADER = regex(r"[|>][^\r\n\x85\u2028\u2029]*(?:\r\n|[\r\n\x85\u2028\u2029])?")
_UNREADABLE = regex("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class _Mark(Protocol):
    index: int


class _Event(Protocol):
    """What libyaml's events have in common; the attributes below exist on the kinds that need them."""

    start_mark: _Mark
    end_mark: _Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    flow_style: bool | None


class _Anchored(NamedTuple):
    """What an anchor names: the node, how many nodes it expands to, how deep it is."""

    node: Document
    size: int
    height: int


class _Open(NamedTuple):
    """A collection whose end has not come yet."""

    items: list[Document]
    mapping: bool
    start: int
    anchor: str | None
    tag: str
    flow: bool
    before: int  # nodes counted before it
    heights: list[int]  # one number: the greatest height of what it holds


def read(source: Source) -> Document:
    """The one document of a file, which a `---` may end; an empty file reads as an empty plain scalar.

    Raises:
        ReadError: the file is not valid YAML, exceeds a budget, or holds several documents.
    """
    documents = read_all(source)
    if len(documents) > 1 and any(not isinstance(each, Scalar) or each.text for each in documents[1:]):
        raise ReadError("the file holds more than one YAML document", documents[1].span, "keep one document per file")
    return documents[0] if documents else Scalar("", Span(source.path, 0, 0), plain=True)


def read_all(source: Source, repeated: list[ReadError] | None = None) -> tuple[Document, ...]:
    """Every document of a file, in order.

    A list `repeated` takes the errors about repeated keys, whose entries are then all in the tree.

    Raises:
        ReadError: the file is not valid YAML, repeats a key, or exceeds a budget.
    """
    from yaml import YAMLError  # noqa: PLC0415 - 45 ms that runs without YAML do not pay

    try:
        return _documents(source, repeated)
    except (YAMLError, ValueError) as error:
        raise _located(source, error) from error


def _documents(source: Source, repeated: list[ReadError] | None) -> tuple[Document, ...]:
    """The documents, built from events."""
    from yaml import events  # noqa: PLC0415 - see read_all

    path = source.path
    text = source.text
    get_event = _event_source(text)
    new = tuple.__new__
    scalar_event, mapping_start, mapping_end = events.ScalarEvent, events.MappingStartEvent, events.MappingEndEvent
    sequence_start, sequence_end = events.SequenceStartEvent, events.SequenceEndEvent
    alias_event, document_start, stream_end = events.AliasEvent, events.DocumentStartEvent, events.StreamEndEvent

    documents: list[Document] = []
    anchors: dict[str, _Anchored] = {}
    stack: list[_Open] = []
    items = documents
    total = expanded = last_end = 0

    while True:
        event = get_event()
        kind: type = event.__class__
        if kind is scalar_event:
            start, end = event.start_mark.index, event.end_mark.index
            anchor, tag, style = event.anchor, event.tag, event.style
            if anchor is not None or tag is not None:
                start = _after_properties(text, start, end)
            if not style:
                node: Document = new(Scalar, (event.value, new(Span, (path, start, end)), True, _tag(tag), ()))
            else:
                if style in "|>":
                    start, end = _block_content(text, start, end)
                elif end - start > 2:
                    start, end = start + 1, end - 1
                node = new(Scalar, (event.value, new(Span, (path, start, end)), False, _tag(tag), ()))
            last_end = event.end_mark.index if style and style in "'\"" else end
            items.append(node)
            if anchor is not None:
                anchors[anchor] = _Anchored(node, 1, 0)
        elif kind is mapping_start or kind is sequence_start:
            start = event.start_mark.index
            if len(stack) >= DEEPEST:
                _refuse_depth(path, start)
            if event.anchor is not None or event.tag is not None:
                start = _after_properties(text, start, len(text))
            if event.anchor is not None:
                anchors.pop(event.anchor, None)
            items = []
            opened = _Open(
                items,
                kind is mapping_start,
                start,
                event.anchor,
                _tag(event.tag),
                bool(event.flow_style),
                total,
                [0],
            )
            stack.append(opened)
        elif kind is mapping_end or kind is sequence_end:
            opened = stack.pop()
            total += len(items)
            if opened.flow:
                last_end = event.end_mark.index
            span = new(Span, (path, opened.start, max(last_end, opened.start)))
            if opened.mapping:
                entries, merged = _entries(items, path, expanded, repeated)
                expanded += merged
                total += merged
                node = new(Mapping, (entries, span, opened.tag, ()))
            else:
                node = new(Sequence, (tuple(items), span, opened.tag, ()))
            height = opened.heights[0] + 1
            if opened.anchor is not None:
                anchors[opened.anchor] = _Anchored(node, total - opened.before + 1, height)
            if stack:
                items = stack[-1].items
                stack[-1].heights[0] = max(stack[-1].heights[0], height)
            else:
                items = documents
            items.append(node)
        elif kind is alias_event:
            start, last_end = event.start_mark.index, event.end_mark.index
            name = cast("str", event.anchor)
            target = anchors.get(name)
            if target is None:
                _refuse_alias(name, stack, Span(path, start, last_end))
            expanded += target.size
            total += target.size
            if expanded > LARGEST_EXPANSION:
                _refuse_expansion(Span(path, start, last_end))
            if len(stack) + target.height > DEEPEST:
                _refuse_depth(path, start)
            if stack:
                stack[-1].heights[0] = max(stack[-1].heights[0], target.height)
            step = Via(f"*{name}", Span(path, start, last_end))
            items.append(target.node._replace(via=(step, *target.node.via)))
        elif kind is document_start:
            anchors.clear()
            total = expanded = 0
        elif kind is stream_end:
            return tuple(documents)


def _event_source(text: str) -> Callable[[], _Event]:
    """A function that returns the next event: libyaml's, or pure Python's where PyYAML was built without it."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # noqa: PLC0415 - see read_all
    except ImportError:
        from yaml import SafeLoader  # noqa: PLC0415 - the slow parser, with the same events

        return cast("Callable[[], _Event]", SafeLoader(text).get_event)
    return cast("Callable[[], _Event]", CParser(text).get_event)


def _entries(
    items: list[Document], path: str, expanded: int, repeated: list[ReadError] | None
) -> tuple[tuple[Entry, ...], int]:
    """The entries of a mapping from its alternating keys and values, and how many nodes merge keys stood for."""
    keys = items[0::2]
    names: list[str] = []
    for key in keys:
        if key.__class__ is not Scalar:
            raise ReadError("a mapping key is not a scalar", key.span, "write the key as plain text")
        names.append(key.text)
    new = tuple.__new__
    entries = [new(Entry, pair) for pair in zip(keys, items[1::2], strict=True)]
    if len(set(names)) < len(names):
        error = _duplicate(cast("list[Scalar]", keys))
        if repeated is None:
            raise error
        repeated.append(error)
    return _merged(entries, path, expanded) if "<<" in names else (tuple(entries), 0)


def _merged(entries: list[Entry], path: str, expanded: int) -> tuple[tuple[Entry, ...], int]:
    """The entries with what each `<<` brings: own keys win, then earlier mappings."""
    result = [entry for entry in entries if not _merges(entry.key)]
    taken = {entry.key.text for entry in result}
    considered = 0
    sources = ((merge, each) for merge in entries if _merges(merge.key) for each in _sources(merge))
    for merge, each in sources:
        outer = merge.value.via if isinstance(merge.value, Sequence) else ()
        if not isinstance(each, Mapping):
            raise ReadError(
                "a merge key takes a mapping or a list of mappings", merge.key.span, "point << at a mapping"
            )
        considered += len(each.entries)
        if expanded + considered > LARGEST_EXPANSION:
            _refuse_expansion(merge.key.span)
        steps = tuple(Via(f"<<: {step.what}", step.span) for step in each.via) + outer
        steps = steps or (Via("<<", Span(path, merge.key.span.start, merge.key.span.end)),)
        for entry in each.entries:
            if entry.key.text not in taken:
                taken.add(entry.key.text)
                result.append(Entry(entry.key, entry.value._replace(via=(*steps, *entry.value.via))))
    return tuple(result), considered


def _merges(key: Document) -> bool:
    return isinstance(key, Scalar) and key.text == "<<" and (key.plain or key.tag == "!!merge")


def _sources(merge: Entry) -> tuple[Document, ...]:
    return merge.value.items if isinstance(merge.value, Sequence) else (merge.value,)


def _tag(tag: str | None) -> str:
    """The tag as people write it: `!!str`, `!reset`, or empty."""
    if tag is None:
        return ""
    return f"!!{tag[len(_STANDARD_TAG) :]}" if tag.startswith(_STANDARD_TAG) else tag


def _after_properties(text: str, start: int, limit: int) -> int:
    """Where a node's content starts after its anchor and tag."""
    match = _PROPERTIES.match(text, start, limit)
    if match is None:
        return start
    end = match.end()
    while end < limit and text[end] in " \t\r\n":
        end += 1
    return end


def _block_content(text: str, start: int, end: int) -> tuple[int, int]:
    """The first and last place of a block scalar's content: without its header, outer indentation and line ends."""
    header = _BLOCK_HEADER.match(text, start, end)
    first = header.end() if header else start
    while first < end and text[first] in _BLANK:
        first += 1
    while end > first and text[end - 1] in _BLANK:
        end -= 1
    return (first, end) if first < end else (start, start + 1)


def _duplicate(keys: list[Scalar]) -> ReadError:
    seen: set[str] = set()
    for key in keys:
        if key.text in seen:
            return ReadError(f"the mapping has the key {key.text!r} twice", key.span, "remove one of them")
        seen.add(key.text)
    raise AssertionError


def _refuse_depth(path: str, start: int) -> NoReturn:
    raise ReadError(f"the document is nested deeper than {DEEPEST} levels", Span(path, start, start + 1), "flatten it")


def _refuse_expansion(span: Span) -> NoReturn:
    message = f"aliases and merge keys stand for more than {LARGEST_EXPANSION} nodes"
    raise ReadError(message, span, "write out or shorten what is shared")


def _refuse_alias(name: str, stack: list[_Open], span: Span) -> NoReturn:
    if any(opened.anchor == name for opened in stack):
        raise ReadError(f"the anchor {name!r} contains itself", span, "remove the alias")
    raise ReadError("the alias names no anchor before it", span, "define the anchor above, or quote the value")


def _located(source: Source, error: Exception) -> ReadError:
    """A parser's exception as an error with its place in the file."""
    from yaml import MarkedYAMLError  # noqa: PLC0415 - see read_all

    if isinstance(error, MarkedYAMLError) and error.problem:
        mark = error.problem_mark or error.context_mark
        at = min(mark.index if mark else 0, len(source.text))
        problem = f"{error.problem}, {error.context}" if error.context else error.problem
        return ReadError(f"not valid YAML: {problem}", Span(source.path, at, min(at + 1, len(source.text))))
    unreadable = _UNREADABLE.search(source.text)
    if unreadable is not None:
        span = Span(source.path, unreadable.start(), unreadable.end())
        return ReadError(f"the character U+{ord(unreadable[0]):04X} is not allowed in YAML", span, "remove it")
    return ReadError(f"not valid YAML: {error}", Span(source.path, 0, 0))
