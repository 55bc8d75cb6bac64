"""`extends`: services that take what another one has, in the same file or in another."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError, Span
from policyengine.model.value import Via
from policyengine.platforms.compose import canonical, merging, rebasing
from policyengine.platforms.compose.documents import Place, documents_of, inside, interpolated
from policyengine.platforms.compose.located import Branch, Items, Leaf, Member, Node, Resets, extent

if TYPE_CHECKING:
    from policyengine.platforms.compose.environment import Context

_LONGEST_EXTENDS = 100


def extended(context: Context, model: Branch, path: str, place: Place, tagged: Resets) -> Branch:
    """The document with every `extends` of its services followed."""
    services = model.get("services")
    if services is None:
        return model
    if not isinstance(services, Branch):
        if isinstance(services, Leaf) and services.value is None:
            return model
        raise ReadError("'services' is a mapping", services.span, "write name: … for each service")
    done: dict[str, Node] = {}
    for name in services.entries:
        services = services.with_entry(name, _extend(context, name, services, path, place, tagged, (), done))
    return model.with_entry("services", services)


def _extend(
    context: Context,
    name: str,
    services: Branch,
    path: str,
    place: Place,
    tagged: Resets,
    chain: tuple[tuple[str, str], ...],
    done: dict[str, Node],
) -> Node:
    """A service with what it extends, followed to the end."""
    if name in done:
        return done[name]
    service = services.entries[name].node
    if isinstance(service, Leaf) and service.value is None:
        return service
    if not isinstance(service, Branch):
        raise ReadError(f"the service '{name}' is no mapping", service.span, "write its attributes")
    extends = service.get("extends")
    if extends is None:
        return service
    reference, file = _reference(name, extends)
    target, target_tagged, target_done, filename = services, tagged, done, path
    if file is not None:
        target, target_tagged = _extended_file(context, file, place)
        target_done, filename = {}, inside(place.folder, file)
    if reference.value not in target.entries:
        message = f"service '{name}' extends '{reference.value}', which is not in {filename}"
        raise ReadError(message, reference.span, "correct the name")
    step = (filename, name)
    if step in chain:
        shown = " extends ".join(f"'{service}' in {file}" for file, service in (*chain, step))
        raise ReadError(f"services extend each other: {shown}", reference.span, "break the cycle")
    if len(chain) >= _LONGEST_EXTENDS:
        message = f"more than {_LONGEST_EXTENDS} services extend one another in a row"
        raise ReadError(message, reference.span, "extend a common base")
    wanted = str(reference.value)
    base = _extend(context, wanted, target, path, place, target_tagged, (*chain, step), target_done)
    if not isinstance(base, Branch):
        done[name] = service
        return service
    holder = Branch({"services": Member(base.span, Branch({name: Member(base.span, base)}, base.span))}, base.span)
    kept = merging.dropped(holder, tagged).get("services")
    base_kept = kept.get(name) if isinstance(kept, Branch) else None
    if isinstance(base_kept, Branch):
        via = Via(f"extends {wanted}", reference.span)
        context.spend(16 * extent(base_kept), reference.span)
        base = _stepped(base_kept, via)
        merged: Node = merging.extend(base, service)
    else:
        merged = service
    if isinstance(merged, Branch):
        merged = merged.without("extends")
    done[name] = merged
    return merged


def _stepped(node: Branch, step: Via) -> Branch:
    """The base service with the step that its attributes passed, on each attribute's own nodes."""

    def walk(each: Node) -> Node:
        if isinstance(each, Leaf):
            return each._replace(via=(step, *each.via), text=None if each.text is None else each.text.stepped(step))
        if isinstance(each, Items):
            return each._replace(items=tuple(walk(item) for item in each.items), via=(step, *each.via))
        entries = {key: Member(entry.key, walk(entry.node)) for key, entry in each.entries.items()}
        return each._replace(entries=entries, via=(step, *each.via))

    result = walk(node)
    return result if isinstance(result, Branch) else node


def _reference(name: str, extends: Node) -> tuple[Leaf, Leaf | None]:
    """The service that is extended, and the file it is in when another one."""
    if isinstance(extends, Leaf) and isinstance(extends.value, str):
        return extends, None
    service = extends.get("service") if isinstance(extends, Branch) else None
    if not isinstance(extends, Branch) or not isinstance(service, Leaf) or not isinstance(service.value, str):
        raise ReadError(f"'extends' of service '{name}' names no service", extends.span, "add 'service'")
    file = extends.get("file")
    return service, file if isinstance(file, Leaf) and isinstance(file.value, str) else None


def _extended_file(context: Context, file: Leaf, place: Place) -> tuple[Branch, Resets]:
    """The services of a file that another extends: interpolated and canonical, their paths made relative."""
    path = inside(place.folder, file)
    key = (path, place.folder)
    if key not in context.extended:
        model = Branch({}, Span(path, 0, 0))
        tagged = Resets(frozenset())
        for document, marks in documents_of(context, path, file.span):
            tagged = marks
            model = merging.dropped(model, marks)
            model = merging.unique(merging.merge(model, interpolated(context, document, place)))
            model = merging.unique(canonical.canonical(model))
        base = posixpath.relpath(posixpath.dirname(path) or ".", place.folder or ".")
        context.extended[key] = rebasing.rebased(model, base), tagged
    model, tagged = context.extended[key]
    services = model.get("services")
    if not isinstance(services, Branch):
        raise ReadError(f"the file '{path}' has no services to extend", file.span, "correct the path")
    return services, tagged
