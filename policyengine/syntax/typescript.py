"""TypeScript and JavaScript as a located tree: what a file imports, exports and declares, and what its literals say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import field

from policyengine.patterns import regex
from policyengine.syntax.parsing import Parsed, grammar, parse

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from tree_sitter import Node

    from policyengine.model.source import Source, Span

_ESCAPE = regex(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(\r\n|[\s\S]))")
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}
_EMPTY = {"\r\n": "", "\n": "", "\r": ""}
_EXPORTED = regex(r"(?:module\.)?exports(?:\.(\w+))?")

_WRAPPERS = frozenset(
    {"as_expression", "await_expression", "expression_statement", "non_null_expression", "parenthesized_expression"}
    | {"satisfies_expression", "type_assertion"}
)
FUNCTIONS = frozenset(
    {"arrow_function", "function_declaration", "function_expression", "generator_function", "method_definition"}
    | {"generator_function_declaration"}
)
"""The types of nodes that are functions."""

CLASSES = frozenset({"abstract_class_declaration", "class", "class_declaration"})
"""The types of nodes that are classes."""


class Import(NamedTuple):
    """A name brought in from another module; `name` is `default` or `*` where the whole of it is."""

    name: str
    module: str


class Code(Parsed, frozen=True, eq=False):
    """A file and its tree.

    `imports` and `declared` go by the name in this file: where it comes from, and the node that makes it (a declarator,
    a function, a class, an enum). `exports` gives for the name outside that inside, or where it is handed on from;
    `stars` are modules that are handed on whole. `default` is the expression of `export default` or `module.exports =`.
    """

    imports: dict[str, Import] = field(default_factory=dict)
    declared: dict[str, Node] = field(default_factory=dict)
    exports: dict[str, str | Import] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    default: list[Node] = field(default_factory=list)

    def string(self, node: Node) -> tuple[str, Span] | None:
        """What a string or a template without `${…}` says, and its place without quotes unless it is empty."""
        if node.type not in ("string", "template_string") or "template_substitution" in (
            each.type for each in node.named_children
        ):
            return None
        whole = self.span(node)
        text = self.source.slice(whole)[1:-1]
        if not text:
            return "", whole
        value = _ESCAPE.sub(_unescape, text) if "\\" in text else text
        return value, whole._replace(start=whole.start + 1, end=whole.end - 1)

    def key(self, node: Node) -> tuple[str, Span] | None:
        """The name that a property's key, a member or an index spells, and its place; None for a computed one."""
        if node.type == "computed_property_name":
            return self.string(node.named_children[0]) if node.named_children else None
        if node.type in ("string", "template_string"):
            return self.string(node)
        if node.type.endswith(("property_identifier", "identifier_pattern")) or node.type in ("identifier", "number"):
            return self.text(node), self.span(node)
        return None

    def brought(self) -> Iterator[Import]:
        """Every import, also those for what a module does when it is loaded, and what is handed on."""
        yield from self.imports.values()
        yield from (given for given in self.exports.values() if isinstance(given, Import))
        for node in children(self.root):
            module = _module(self, node) if node.type == "import_statement" and len(children(node)) == 1 else ""
            if module:
                yield Import("*", module)

    def walk(self, *types: str) -> Iterator[Node]:
        """Every node of the types, in the order of the text."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if node.type in types:
                yield node
            waiting.extend(reversed(node.named_children))


def children(node: Node | None) -> list[Node]:
    """The named children of a node without comments and types."""
    return [] if node is None else [each for each in node.named_children if each.type not in _ASIDE]


_ASIDE = ("comment", "type_annotation", "type_arguments")


def inner(node: Node) -> Node:
    """A node without the brackets, casts, `!` and `await` around it."""
    while node.type in _WRAPPERS and (inside := children(node)):
        node = inside[0]
    return node


def arguments(call: Node) -> list[Node]:
    """The arguments of a call; those of a tagged template are none."""
    given = call.child_by_field_name("arguments")
    return children(given) if given is not None and given.type == "arguments" else []


def read(source: Source) -> Code:
    """The code of a file. Broken code gives a smaller tree.

    Raises:
        ReadError: it takes far more work than its length explains.
    """
    jsx = source.path.endswith((".tsx", ".jsx"))
    parsed = parse(source, grammar("tree_sitter_typescript", "language_tsx" if jsx else "language_typescript"))
    code = Code(parsed.source, parsed.root, parsed.wide, parsed.extra)
    for node in children(code.root):
        _index(code, node)
    return code


def _index(code: Code, node: Node) -> None:
    name = node.child_by_field_name("name")
    match node.type:
        case "import_statement":
            _imported(code, node)
        case "export_statement":
            _exported(code, node)
        case "lexical_declaration" | "variable_declaration":
            for declarator in children(node):
                for local in names(code, declarator.child_by_field_name("name")):
                    code.declared.setdefault(local, declarator)
        case "expression_statement" if (assigned := inner(node)).type == "assignment_expression":
            target = _EXPORTED.fullmatch(code.text(assigned.named_children[0]))
            if target is not None and target[1]:
                code.exports[target[1]] = f"exports.{target[1]}"
                code.declared.setdefault(f"exports.{target[1]}", assigned.named_children[-1])
            elif target is not None:
                code.default.append(assigned.named_children[-1])
        case _ if name is not None and node.type in FUNCTIONS | CLASSES | {"enum_declaration"}:
            code.declared.setdefault(code.text(name), node)


def _module(code: Code, *nodes: Node) -> str:
    sources = [source for node in nodes if (source := node.child_by_field_name("source")) is not None]
    named = code.string(sources[0]) if sources else None
    return "" if named is None else named[0]


def _specifiers(code: Code, clause: Node) -> Iterator[tuple[str, str]]:
    """The new name and the old one of each `a as b` in braces."""
    for each in children(clause):
        name = each.child_by_field_name("name")
        if name is not None and each.type.endswith("_specifier"):
            yield code.text(each.child_by_field_name("alias") or name), code.text(name)


def _imported(code: Code, node: Node) -> None:
    for clause in children(node):
        whole = "default" if clause.type == "import_clause" else "*"
        module = _module(code, node, clause)
        for each in children(clause) if clause.type in ("import_clause", "import_require_clause") else ():
            if each.type in ("identifier", "namespace_import"):
                name = whole if each.type == "identifier" else "*"
                local = each if each.type == "identifier" else each.named_children[0]
                code.imports.setdefault(code.text(local), Import(name, module))
            for new, old in _specifiers(code, each):
                code.imports.setdefault(new, Import(old, module))


def _exported(code: Code, node: Node) -> None:
    module = _module(code, node)
    known = set(code.declared)
    for each in children(node):
        code.exports.update({new: Import(old, module) if module else old for new, old in _specifiers(code, each)})
        if each.type == "namespace_export" and each.named_children:
            code.exports[code.text(each.named_children[0])] = Import("*", module)
        _index(code, each)
    if module and not any(each.type in ("export_clause", "namespace_export") for each in children(node)):
        code.stars.append(module)
    code.exports.update({name: name for name in code.declared if name not in known})
    if any(each.type in ("default", "=") for each in node.children):
        code.default.extend(each for each in children(node)[-1:] if each.type != "export_clause")


def names(code: Code, pattern: Node | None) -> Iterator[str]:
    """The names that a pattern binds."""
    waiting = [] if pattern is None else [pattern]
    while waiting:
        node = waiting.pop()
        if node.type in ("identifier", "shorthand_property_identifier_pattern"):
            yield code.text(node)
        elif node.type in ("assignment_pattern", "object_assignment_pattern"):
            waiting.extend(children(node)[:1])
        elif node.type.endswith("_pattern"):
            waiting.extend(reversed(children(node)))


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"
    return _EMPTY.get(match[4], _PLAIN_ESCAPES.get(match[4], match[4]))
