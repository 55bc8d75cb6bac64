"""The syntax tree of a shell script, from the bash grammar of tree-sitter. `shell.read` is the reader to use.

Tree nodes carry indexes into the logical text; only words carry spans of the file. What the text does not decide is
masked for the grammar, so that a GitHub expression may stand wherever a word may.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.model.source import ReadError, Source
from policyengine.model.text import Text
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.syntax import shell_documents, shell_words
from policyengine.syntax.shell_tree import (
    AndOr,
    CommandList,
    Compound,
    Element,
    Operator,
    Pipeline,
    Redirect,
    Simple,
    WrittenAssignment,
    WrittenWord,
)
from policyengine.syntax.shell_words import REPLACED, WordMaker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tree_sitter import Node

    from policyengine.syntax.parsing import Parsed

DEPTH = 40
"""How deep compound commands and substitutions are followed."""
LENGTH = 1_000_000
"""How many characters of a script are read."""
_ROUNDS = 4
_OPENS = regex(r"(?:\A|[\s;])(?:then|else|do)\s*\Z")
"""Behind these words stands a command, and no `;`."""


def parse(text: Text, *, plainly: bool = True) -> tuple[CommandList, bool]:
    """The commands of a script, and whether all of it was understood.

    With `plainly`, a line of plain words is read without the grammar, which gives the same.
    """
    written = text.masked("x")[:LENGTH].replace("<>", "< ")
    plain = shell_words.plain(text, written) if plainly else None
    if plain is not None:
        return plain, True
    from policyengine.syntax import parsing  # noqa: PLC0415  only scripts that need it pay for the grammar

    language = parsing.grammar("tree_sitter_bash")
    complete = len(text.written) <= LENGTH
    try:
        documents: list[shell_documents.HereDocument] = []
        if "<<" in written:
            documents, written, closed = shell_documents.documents(
                written, parsing.parse(Source("", written), language)
            )
            complete = complete and closed
        for _ in range(_ROUNDS):
            parsed = parsing.parse(Source("", written), language)
            converter = _Converter(text, parsed, documents)
            block = converter.block(parsed.root.children)
            if not converter.ends:
                break
            letters = list(written)
            for at in converter.ends:  # the grammar has read on over the end of a line
                letters[at] = "\n" if _OPENS.search(written, max(0, at - 8), at) else ";"
            written = "".join(letters)
    except ReadError:
        return CommandList(), False
    return block, complete and not (converter.deepest or converter.ends or _broken(parsed))


def _broken(parsed: Parsed) -> bool:
    """Whether the grammar finds an error outside of words."""
    waiting = [parsed.root]
    while waiting:
        node = waiting.pop()
        if not node.has_error or node.type in _WORDS:
            continue
        if node.is_missing or (node.type == "ERROR" and parsed.text(node).strip(" \t\r\n\\")):
            return True
        waiting += node.children
    return False


_SIMPLE = frozenset(
    {"command", "declaration_command", "test_command", "unset_command", "variable_assignment", "variable_assignments"}
)
_WORDS = frozenset({"command_name", "concatenation", "number", "raw_string", "string", "word"} | REPLACED)
_REDIRECTS = frozenset({"file_redirect", "herestring_redirect"})
_OPERATORS = frozenset({"binary_expression", "parenthesized_expression", "ternary_expression", "unary_expression"})
_LOST = regex(r"(?P<joined>\\\r?\n)|(?P<end>\n)|(?P<word>[^\s\\;|&]+)")
_LETTERS = regex(r"[\w./:@=%+,-]+")


class _Converter:
    """From nodes of the grammar to the tree above."""

    def __init__(self, text: Text, parsed: Parsed, documents: Sequence[shell_documents.HereDocument]) -> None:
        self.text = text
        self.documents = {each.start: each for each in documents}
        self.written = parsed.source.text
        self.offset = parsed.offset
        self.deepest = False
        self.ends: list[int] = []
        self._depth = 0

    # -- lists -----------------------------------------------------------------------------------------------------

    def block(self, nodes: Iterable[Node]) -> CommandList:
        block = CommandList()
        if self._depth >= DEPTH:
            self.deepest = True
            return block
        self._depth += 1
        for node in nodes:
            if node.type == "ERROR":
                block.items += self._salvaged(node)
            elif node.is_named and node.type != "comment":
                item = AndOr(self.offset(node.start_byte), 0)
                self._join(item, node)
                item.end = max(each.end for each in item.pipelines)
                block.items.append(item)
            elif node.type in {";", "&"} and block.items and not block.items[-1].terminator:
                block.items[-1].terminator = self.text.written[self.offset(node.start_byte)]
                if node.type == "&":
                    block.items[-1].end = self.offset(node.start_byte)
        self._depth -= 1
        return block

    def _salvaged(self, node: Node) -> list[AndOr]:
        """What can be told of a part that is no command: its commands, and loose words line by line."""
        found: list[AndOr] = []
        line: list[Node] = []
        for child in node.children:
            if child.type not in _WORDS:
                found += [*self._loose(line), *self.block([child]).items]
                line = []
                continue
            if line and child.start_point.row > line[-1].end_point.row:
                found += self._loose(line)
                line = []
            line.append(child)
        return [*found, *self._loose(line)]

    def _loose(self, nodes: list[Node]) -> list[AndOr]:
        if not nodes:
            return []
        simple = Simple(self.offset(nodes[0].start_byte), self.offset(nodes[-1].end_byte))
        simple.words += [self._word([each]) for each in nodes]
        return [AndOr(simple.start, simple.end, [Pipeline(simple.start, simple.end, [simple])], [], "\n")]

    def _join(self, item: AndOr, node: Node) -> None:
        """Adds the pipelines and operators of a node."""
        behind: list[tuple[Node, Node]] = []
        while node.type == "list" and len(node.children) > 2:
            behind.append((node.children[1], node.children[-1]))
            node = node.children[0]
        self._add(item, node)
        for operator, right in reversed(behind):
            self._operator(item, operator)
            self._join(item, right)

    def _operator(self, item: AndOr, node: Node) -> None:
        item.operators.append(Operator(node.type, self.offset(node.start_byte), self.offset(node.end_byte)))

    def _add(self, item: AndOr, node: Node) -> None:
        body = node.child_by_field_name("body") if node.type == "redirected_statement" else None
        if body is not None and body.type == "list":
            self._join(item, body)
            self._redirected(item, node)
            return
        item.pipelines.append(Pipeline(self.offset(node.start_byte), self.offset(node.start_byte)))
        self._fill(item, node)

    def _fill(self, item: AndOr, node: Node) -> None:
        """Adds what a node holds to the last pipeline."""
        pipeline = item.pipelines[-1]
        match node.type:
            case "pipeline":
                for child in node.children:
                    if child.type in {"|", "|&"}:
                        pipeline.bars.append((self.offset(child.start_byte), self.offset(child.end_byte)))
                    elif child.type != "comment":
                        self._fill(item, child)
            case "negated_command":
                pipeline.negation = (self.offset(node.start_byte), self.offset(node.start_byte) + 1)
                for child in node.named_children:
                    self._fill(item, child)
            case "redirected_statement":
                body = node.child_by_field_name("body")
                if body is None:
                    at = self.offset(node.start_byte)
                    pipeline.elements.append(Simple(at, at))
                else:
                    self._fill(item, body)
                self._redirected(item, node)
            case "list":  # the grammar reads `a | b || c` as `a | { b || c; }`
                rest = AndOr(0, 0)
                self._join(rest, node)
                first = rest.pipelines[0]
                pipeline.elements += first.elements
                pipeline.bars += first.bars
                pipeline.end = first.end
                item.operators += rest.operators
                item.pipelines += rest.pipelines[1:]
                return
            case kind if kind in _REDIRECTS:  # `$(< file)`
                at = self.offset(node.start_byte)
                pipeline.elements.append(Simple(at, at))
                self._redirect(pipeline.elements[-1], node)
            case _:
                pipeline.elements.append(self._element(node))
        pipeline.end = max([pipeline.end, *(each.end for each in pipeline.elements[-1:])])

    def _redirected(self, item: AndOr, node: Node) -> None:
        """The redirections of the last element."""
        pipeline = item.pipelines[-1]
        element = pipeline.elements[-1]
        for child in node.children_by_field_name("redirect"):
            if isinstance(element, Simple):
                self._between(element, element.end, self.offset(child.start_byte))
            self._redirect(element, child)
        pipeline.end = max(pipeline.end, element.end)

    # -- compound commands -----------------------------------------------------------------------------------------

    def _element(self, node: Node) -> Element:
        start, end = self.offset(node.start_byte), self.offset(node.end_byte)
        children = node.children
        if node.type in _SIMPLE:
            return self._simple(node)
        compound = Compound(children[0].type if children else "", start, end)
        match node.type:
            case "subshell" | "compound_statement":
                if compound.kind != "((":
                    compound.parts.append((compound.kind, self.block(children[1:-1])))
            case "if_statement":
                self._if(compound, node)
            case "while_statement":
                compound.parts.append(("condition", self.block(node.children_by_field_name("condition"))))
                self._body(compound, node)
            case "for_statement" | "c_style_for_statement":
                variable = node.child_by_field_name("variable")
                compound.name = self._slice(variable) if variable is not None else ""
                for value in node.children_by_field_name("value"):
                    compound.parts += [("$(", block) for block in self._word([value]).blocks]
                    compound.over += f" {self._slice(value)}"
                self._body(compound, node)
            case "case_statement":
                self._case(compound, node)
            case "function_definition":
                self._function(compound, node)
            case _:
                return self._simple(node)
        return compound

    def _body(self, compound: Compound, node: Node) -> None:
        body = node.child_by_field_name("body")
        if body is not None:
            compound.parts.append(("do", self.block(body.children[1:-1])))

    def _if(self, compound: Compound, node: Node) -> None:
        """`if`, `elif` and `else`: what stands before `then` is the condition."""
        children = node.children
        then = next((at for at, child in enumerate(children) if child.type == "then"), None)
        if then is not None:
            compound.parts.append(("condition", self.block(children[1:then])))
        behind = children[(then or 0) + 1 :]
        role = "then" if then is not None else "else"
        clauses = [child for child in behind if child.type in {"elif_clause", "else_clause"}]
        compound.parts.append((role, self.block(child for child in behind if child not in clauses)))
        for clause in clauses:
            self._if(compound, clause)

    def _case(self, compound: Compound, node: Node) -> None:
        value = node.child_by_field_name("value")
        compound.subject = self._word([value]) if value is not None else None
        for item in node.named_children:
            if item.type != "case_item":
                continue
            values = item.children_by_field_name("value")
            compound.patterns.append(tuple(self._slice(each) for each in values))
            behind = [child for child in item.children if child.start_byte >= values[-1].end_byte and child.type != ")"]
            compound.parts.append(("case", self.block(behind)))
            if any(child.type in {";&", ";;&"} for child in behind):
                compound.subject = None  # one arm leads into the next

    def _function(self, compound: Compound, node: Node) -> None:
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        compound.kind = "function"
        compound.name = self._slice(name) if name is not None else ""
        if body is not None:
            compound.parts.append(("function", self.block([body])))
        for child in node.children_by_field_name("redirect"):
            self._redirect(compound, child)

    # -- simple commands -------------------------------------------------------------------------------------------

    def _simple(self, node: Node) -> Simple:
        start = self.offset(node.start_byte)
        simple = Simple(start, start)
        near: list[Node] = []
        at = start
        assigns = node.type != "declaration_command"
        for child in self._parts(node):
            first = self.offset(child.start_byte)
            if near and (first > at or child.type in _REDIRECTS):
                self._take(simple, near, assigns=assigns)
                near = []
            self._between(simple, at, first)
            at = self.offset(child.end_byte)
            if child.type == "comment":
                continue
            if child.type in _REDIRECTS:
                self._redirect(simple, child)
            else:
                near.append(child)
            simple.end = max(simple.end, at)
        if near:
            self._take(simple, near, assigns=assigns)
        return simple

    def _take(self, simple: Simple, nodes: list[Node], *, assigns: bool) -> None:
        """The word or the assignment that nodes without a gap between them make."""
        if not assigns or nodes[0].type != "variable_assignment":
            simple.words.append(self._word(nodes))
            return
        name, value = nodes[0].child_by_field_name("name"), nodes[0].child_by_field_name("value")
        start, end = self.offset(nodes[0].start_byte), self.offset(nodes[-1].end_byte)
        parts = [*([value] if value is not None else []), *nodes[1:]]  # the grammar parts `$A.$B`
        written = self._slice(name).partition("[")[0] if name is not None else ""
        word = self._word(parts) if parts else WrittenWord(self.text.cut(end, end), self.text.span(end, end))
        if any(child.type == "+=" for child in nodes[0].children):
            before = Text.undecided(f"${{{written}}}", Unknown("the shell sets it", word.span))
            word = replace(word, content=Text.join((before, word.content)))
        simple.assignments.append(WrittenAssignment(written, word, self.text.span(start, end)))

    def _between(self, simple: Simple, start: int, end: int) -> None:
        """Words that the grammar has lost, as the `-` of `python3 - <<EOF`, and ends of lines that it has not seen."""
        for match in _LOST.finditer(self.written, start, end) if self.written[start:end] not in {"", " "} else ():
            if match.lastgroup == "end" and (simple.words or simple.assignments or simple.redirects):
                self.ends.append(match.start())
                return
            if match.lastgroup == "word":
                content = self.text.cut(*match.span())
                simple.words.append(WrittenWord(content, content.place))

    def _parts(self, node: Node) -> list[Node]:
        """The words of a command, operators of tests included."""
        if node.type == "variable_assignment" or not node.children:
            return [node]
        if node.type != "test_command":
            return node.children
        found: list[Node] = []
        waiting = list(reversed(node.children))
        while waiting:
            child = waiting.pop()
            if child.type in _OPERATORS:
                waiting += reversed(child.children)
            else:
                found.append(child)
        return found

    def _redirect(self, element: Element, node: Node) -> None:
        targets = node.children_by_field_name("destination") or node.named_children[-1:]
        document = self.documents.get(self.offset(node.start_byte))
        if document is not None:
            element.redirects.append(document.redirect(self.text))
        else:
            operator = next((child.type for child in node.children if not child.is_named), "")
            element.redirects.append(Redirect(operator, self._word(targets[:1]) if targets else None))
        element.end = max(element.end, self.offset(node.end_byte))
        if isinstance(element, Simple):  # `echo >&2 text`: the grammar takes words for more targets
            for before, more in pairwise(targets):
                self._between(element, self.offset(before.end_byte), self.offset(more.start_byte))
                element.words.append(self._word([more]))

    # -- words -----------------------------------------------------------------------------------------------------

    def _slice(self, node: Node) -> str:
        return self.text.written[self.offset(node.start_byte) : self.offset(node.end_byte)]

    def _word(self, nodes: Sequence[Node]) -> WrittenWord:
        """The word that nodes without a gap between them make."""
        start, end = self.offset(nodes[0].start_byte), self.offset(nodes[-1].end_byte)
        if (
            len(nodes) == 1
            and nodes[0].type in {"word", "command_name"}
            and _LETTERS.fullmatch(self.written, start, end)
        ):
            content = self.text.cut(start, end)
            return WrittenWord(content, content.place)
        maker = WordMaker(self.text, self.offset, self.block)
        for node in nodes:
            maker.take(node)
        return maker.word(start, end)
