"""docker-bake.hcl and docker-bake.json: the builds that `docker buildx bake` makes.

Variables (with the environment over their defaults), groups, `inherits`, `matrix` and `--set` are read; functions of
the file's own are not. Source: the Bake file reference, docs.docker.com/build/bake/reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.model.nodes import Origin, Variable
from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Absent, Known, Unknown, Value, Via
from policyengine.platforms.github.builds import Drafted, places, platforms_of, tags_of
from policyengine.platforms.github.documents import mapping
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.scope import HclFrame
from policyengine.platforms.terraform.language.values import (
    Composite,
    List,
    Object,
    Reference,
    Tree,
    unknown_of,
)
from policyengine.repository.discover import join
from policyengine.syntax import hcl, json
from policyengine.syntax.hcl import Attribute, Body, json_syntax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.model.budget import Budget
    from policyengine.repository.files import Files
    from policyengine.syntax.hcl.syntax import Step

DEFAULT_FILES = ("docker-bake.json", "docker-bake.hcl", "docker-bake.override.json", "docker-bake.override.hcl")


_DEEPEST = 24
"""Variables of variables, and targets that inherit from targets."""


class _Scope(Struct):
    """Where a bake file's names lead: its variables, its targets' attributes, and a matrix."""

    files: Files
    directory: str
    environment: Mapping[str, Value[str]]
    budget: Budget
    variables: dict[str, tuple[Source, Body]] = field(default_factory=dict)
    targets: dict[str, tuple[Source, Body]] = field(default_factory=dict)
    groups: dict[str, tuple[Source, Body]] = field(default_factory=dict)
    values: dict[str, Tree] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)

    def named(self, root: str, steps: Sequence[Step], frame: HclFrame, span: Span) -> tuple[Tree, int]:
        """The value of a variable."""
        del steps, frame
        if root in self.environment:
            match self.environment[root]:
                case Known(written):
                    return Known(written, span), 0
                case Unknown(reason):
                    return Unknown(reason, span, (Via(root, span),)), 0
                case _:
                    return Unknown(f"the variable {root} is not set", span, (Via(root, span),)), 0
        if root in self.values:
            return self.values[root], 0
        if root not in self.variables or root in self.busy or len(self.busy) > _DEEPEST:
            return Unknown(f"'{root}' is not a variable of the bake file", span, (Via(root, span),)), 0
        source, body = self.variables[root]
        default = body.attribute("default")
        if default is None:
            return Unknown(f"the variable {root} has no default", span, (Via(root, span),)), 0
        self.busy.add(root)
        try:
            found = self.values[root] = settled(default.value, HclFrame(source, self))
            return found, 0
        finally:
            self.busy.discard(root)

    def file(self, path: str) -> Source | None:
        """A file beside the bake file."""
        found = join(self.directory, path)
        return self.files.read(found) if found else None

    def listing(self, folder: str) -> Sequence[str] | None:
        """Bake has no function that lists files."""
        del folder
        return None


def builds(
    files: Files,
    paths: Sequence[str],
    targets: Sequence[str],
    overrides: Sequence[Text],
    environment: Mapping[str, Value[str]],
    directory: str,
    span: Span,
    push: Value[bool],
) -> list[Drafted]:
    """The builds of the named targets (or `default`); `overrides` are `--set target.key=value`. None is guessed."""
    names = list(paths) or [f"{directory}/{name}" if directory else name for name in DEFAULT_FILES]
    scope = _Scope(files, directory, environment, files.budget)
    for name in names:
        source = files.read(name)
        if source is not None:
            try:
                _declare(source, scope)
            except ReadError:
                return [unreadable(span, f"{name} cannot be read", push)]
    if not scope.targets:
        return []
    wanted: list[str] = []
    for target in list(targets) or ["default"]:
        wanted.extend(_members(target, scope, set()))
    made: list[Drafted] = []
    for name in dict.fromkeys(wanted):
        made.extend(_target(name, scope, overrides, span, push))
    return made


def unreadable(span: Span, reason: str, push: Value[bool]) -> Drafted:
    """A build of which nothing is known."""
    unknown = Unknown(reason, span)
    return Drafted("bake", span, unknown, unknown, unknown, unknown, unknown, push)


def _declare(source: Source, scope: _Scope) -> None:
    tables = {"variable": scope.variables, "target": scope.targets, "group": scope.groups}
    if source.path.endswith(".json"):
        document = mapping(json.read(source))
        for kind, table in tables.items():
            named = mapping(document.get(kind)) if document is not None else None
            for entry in named.entries if named is not None else ():
                held = json_syntax.body(source, entry.value)
                table[entry.key.text] = (source, _over(table.get(entry.key.text), held))
        return
    body = hcl.parse_file(source)
    for block in body.blocks:
        if block.type in tables and block.labels:
            name, former = block.labels[0].text, tables[block.type]
            former[name] = (source, _over(former.get(name), block.body))
    for attribute in body.attributes:  # a bare attribute is a variable too
        scope.variables.setdefault(
            attribute.name,
            (source, Body(attribute.start, attribute.end, (_default(attribute),), ())),
        )


def _default(attribute: Attribute) -> Attribute:
    return Attribute(attribute.start, attribute.end, "default", attribute.value)


def _over(former: tuple[Source, Body] | None, body: Body) -> Body:
    """A later block of the same name is merged over an earlier one of the same file."""
    if former is None:
        return body
    names = {attribute.name for attribute in body.attributes}
    kept = tuple(attribute for attribute in former[1].attributes if attribute.name not in names)
    return Body(body.start, body.end, (*kept, *body.attributes), body.blocks)


def _members(first: str, scope: _Scope, seen: set[str]) -> list[str]:
    """The targets of a group and of the groups in it, in order."""
    found: list[str] = []
    left = [first]
    while left:
        name = left.pop()
        if name in scope.groups and name not in seen:
            seen.add(name)
            source, body = scope.groups[name]
            left.extend(reversed(_strings(_attribute(body, "targets", HclFrame(source, scope)))))
        elif name in scope.targets:
            found.append(name)
    return found


def _attribute(body: Body, name: str, frame: HclFrame) -> Tree | None:
    found = body.attribute(name)
    return settled(found.value, frame) if found is not None else None


def _strings(tree: Tree | None) -> list[str]:
    return [text.written for text in _texts(tree)]


def _texts(tree: Tree | None) -> list[Text]:
    items = tree.items if isinstance(tree, List) else (tree,) if tree is not None else ()
    return [_text(item) for item in items]


def _text(tree: Tree) -> Text:
    """A tree as text, what is not decided as `${what}`."""
    match tree:
        case Known(value, span):
            return Text.at("" if value is None else str(value), span)
        case Composite(parts) if parts:
            return Text.join(_text(part) for part in parts)
        case Reference():
            return Text.undecided(f"${{{tree.text}}}", unknown_of(tree))
        case _:
            unknown = unknown_of(tree)
            return Text.undecided("${" + next((step.what for step in unknown.via), "unknown") + "}", unknown)


def _given(text: Text) -> Tree:
    """What `--set` gives, as a tree."""
    parts = tuple(
        Known(piece.text, piece.span)
        if piece.unknown is None
        else replace(piece.unknown, via=(Via(piece.text.strip("${}"), piece.span),))
        for piece in text.pieces
    )
    return parts[0] if len(parts) == 1 else Composite(parts, text.place)


def _value(tree: Tree | None, span: Span) -> Value[str]:
    match tree:
        case None | Known(None):
            return Absent(span)
        case Known(value, where, via):
            return Known(str(value), where, via)
        case Composite(parts, where, via) if all(isinstance(part, Known) for part in parts):
            return Known(_text(tree).written, where, via)
        case _:
            return unknown_of(tree)


def _target(name: str, scope: _Scope, overrides: Sequence[Text], span: Span, push: Value[bool]) -> list[Drafted]:
    source, body = scope.targets[name]
    made = []
    for bound in _matrix(body, HclFrame(source, scope)):
        attributes = _inherited(name, scope, bound, (), {})
        made.append(_draft(name, attributes, scope, overrides, span, push))
    return made


def _matrix(body: Body, frame: HclFrame) -> list[dict[str, Tree]]:
    """Every combination of a `matrix`; one empty one without."""
    tree = _attribute(body, "matrix", frame)
    combinations: list[dict[str, Tree]] = [{}]
    for key, items in tree.entries.items() if isinstance(tree, Object) else ():
        if isinstance(items, List):
            combinations = [{**each, key: item} for each in combinations for item in items.items][:100]
    return combinations


def _inherited(
    name: str, scope: _Scope, bound: dict[str, Tree], path: tuple[str, ...], made: dict[str, dict[str, Tree]]
) -> dict[str, Tree]:
    """A target's attributes over those of the targets it inherits from; `args` are merged by key."""
    if name not in scope.targets or name in path or len(path) > _DEEPEST:
        return {}
    if name in made:
        return made[name]
    source, body = scope.targets[name]
    frame = HclFrame(source, scope).binding(**bound)
    found: dict[str, Tree] = {}
    for ancestor in _strings(_attribute(body, "inherits", frame)):
        found = _merged(found, _inherited(ancestor, scope, bound, (*path, name), made))
    own = {attribute.name: settled(attribute.value, frame) for attribute in body.attributes}
    made[name] = _merged(found, own)
    return made[name]


def _merged(base: dict[str, Tree], over: dict[str, Tree]) -> dict[str, Tree]:
    merged = {**base, **over}
    one, other = base.get("args"), over.get("args")
    if isinstance(one, Object) and isinstance(other, Object):
        merged["args"] = Object({**one.entries, **other.entries}, other.span, other.via, {**one.keys, **other.keys})
    return merged


def _draft(
    name: str, attributes: dict[str, Tree], scope: _Scope, overrides: Sequence[Text], span: Span, push: Value[bool]
) -> Drafted:
    for override in overrides:
        place, value = override.partition("=")
        pattern, _, key = place.written.partition(".")
        if value is None or not re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name):
            continue
        if key in ("platform", "tags"):
            given = List(tuple(_given(each) for each in value.split(",")), span)
            attributes = {**attributes, "platforms" if key == "platform" else key: given}
        elif key in ("target", "context", "dockerfile"):
            attributes = {**attributes, key: _given(value)}
    context, dockerfile = places(
        _value(attributes.get("context"), span),
        _value(attributes.get("dockerfile"), span),
        span,
        directory=scope.directory,
    )
    if "dockerfile-inline" in attributes:
        dockerfile = Unknown("the Dockerfile is written inline", attributes["dockerfile-inline"].span)
    platforms = attributes.get("platforms")
    tags = attributes.get("tags")
    outputs = " ".join(_strings(attributes.get("output")))
    if isinstance(push, Absent) and re.search(r"type=registry|push=true", outputs):
        push = Known(value=True, span=attributes["output"].span)
    arguments = attributes.get("args")
    return Drafted(
        tool="bake",
        span=span,
        context=context,
        dockerfile=dockerfile,
        target=_value(attributes.get("target"), span),
        platforms=_platforms(platforms, span),
        tags=tags_of(_texts(tags), tags.span) if tags is not None else Absent(span),
        push=push,
        args=tuple(
            Variable(key, arguments.keys.get(key, arguments.span), _value(value, arguments.span), Origin.ARGUMENT)
            for key, value in arguments.entries.items()
        )
        if isinstance(arguments, Object)
        else (),
        name=name,
    )


def _platforms(tree: Tree | None, span: Span) -> Value[tuple[str, ...]]:
    if tree is None:
        return Absent(span)
    texts = _texts(tree)
    if not texts:
        return Absent(span)
    unknown = next((each.unknown for each in texts if each.unknown is not None), None)
    return unknown or platforms_of(Known(",".join(each.written for each in texts), tree.span, tree.via))
