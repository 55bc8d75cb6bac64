"""POSIX and bash scripts as the simple commands they run, each word with its exact place.

The reader takes a `Text`, so a `run:` block without its indentation, a Makefile recipe or a quoted `bash -c '…'` keeps
pointing into the file it stands in. It follows the grammar of POSIX.1-2017 section 2 and the bash manual (quoting,
expansions, here-documents, compound commands, `set -e` and `pipefail`) as far as they decide which commands run, under
which condition, and whether their failure fails the script. Nothing is expanded: `$X`, `$(…)` and GitHub's `${{ … }}`
stay in the text of a word and are listed beside it.

A script that cannot be understood whole still yields the commands that were found, with `complete` false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge import commands as knowledge
from policyengine.model.command import ShellCommand, Word
from policyengine.model.nodes.node import Variable
from policyengine.model.text import Text
from policyengine.patterns import regex
from policyengine.syntax import shell_branches
from policyengine.syntax.shell_branches import Arm
from policyengine.syntax.shell_syntax import parse
from policyengine.syntax.shell_tree import (
    AndOr,
    CommandList,
    Compound,
    Pipeline,
    Redirect,
    Simple,
    WrittenAssignment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.nodes.node import Command as Started
    from policyengine.model.source import Span
    from policyengine.syntax.shell_tree import Element, WrittenWord

__all__ = [
    "Arm",
    "Ignored",
    "Loops",
    "Redirect",
    "Script",
    "WrittenAssignment",
    "WrittenCommand",
    "read",
    "shell_commands",
]

Marker = Literal["||", "&&", "|", "&", "!", "condition", "substitution", "set +e", "no set -e"]


class Ignored(Struct, frozen=True):
    """Why the failure of a command does not fail its script, and where that is decided."""

    marker: Marker
    span: Span


Loops = tuple[tuple[str, str], ...]


class WrittenCommand(Struct, frozen=True):
    """A simple command as written.

    `before` is what joins it to the command before it: ``""`` at the start, a newline, ``;``, ``&&``, ``||``, ``|``
    or ``&``. `within` names the constructs around it from the outside in: ``if``, ``then``, ``else``, ``for``,
    ``while``, ``until``, ``do``, ``case``, ``(``, ``{``, ``$(``, ``||``. `ignored` tells why its failure is swallowed.
    `arms` are those of the `case` and `if` constructs around it, outside of loops, `loops` the
    variables that loops around it set, each with what it goes through as written. `branches` are the
    places where the branches around it begin, from the outside
    in: bodies of `if`, arms of `case`, loops, and what stands behind `&&` or `||`.
    """

    words: tuple[WrittenWord, ...]
    assignments: tuple[WrittenAssignment, ...]
    redirects: tuple[Redirect, ...]
    span: Span
    before: str
    within: tuple[str, ...]
    ignored: Ignored | None
    arms: tuple[Arm, ...] = ()
    loops: Loops = ()
    branches: tuple[Span, ...] = ()

    @property
    def name(self) -> str:
        """The first word, or an empty text for bare assignments and redirections."""
        return self.words[0].text if self.words else ""

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the words."""
        return tuple(word.text for word in self.words)

    def read(self) -> ShellCommand:
        """The command as the graph holds it; where and under which condition it runs is the caller's to say."""
        return ShellCommand(
            words=tuple(word.read() for word in self.words),
            span=self.span,
            assignments=tuple(
                Variable(
                    each.name,
                    each.span._replace(end=each.span.start + len(each.name)),
                    replace(each.value.content.value(), span=each.value.span),
                )
                for each in self.assignments
            ),
            given=tuple(each.value.read() for each in self.assignments),
        )


class Script(Struct, frozen=True):
    """The commands of a script in the order in which they stand, and those of its functions by name.

    `complete` is false when a quote, bracket or here-document does not end, or a budget ran out.
    """

    commands: tuple[WrittenCommand, ...]
    functions: Mapping[str, tuple[WrittenCommand, ...]]
    complete: bool


_ASSIGNMENT = regex(r"[A-Za-z_]\w*")


def read(text: Text, *, errexit: bool = False, pipefail: bool = False) -> Script:
    """The commands of `text`, run by a shell started with the given options (GitHub's default is `bash -e`)."""
    block, complete = parse(text)
    flattening = _Flattening(text, _Options(errexit, pipefail))
    flattening.block(block, (), None, tail=True)
    return Script(tuple(flattening.commands), flattening.functions, complete)


_DEEPEST = 8


def shell_commands(command: Started, span: Span) -> tuple[ShellCommand, ...]:
    """The commands with which a container starts, in order: of its exec form, or of its script (`sh -c '…'`).

    All stand at `span`, the place of the whole.
    """
    if command.shell:
        return tuple(_of_script(" ".join(command.words), span, _DEEPEST))
    return tuple(_of_words(tuple(Word(word, span) for word in command.words), span, _DEEPEST))


def _of_script(script: str, span: Span, depth: int) -> Iterator[ShellCommand]:
    for each in read(Text.standing(script, span.path, 0)).commands:
        if each.words:
            words = tuple(Word(word.text, span, word.literal) for word in each.words)
            given = tuple(
                replace(each, key_span=span, value=replace(each.value, span=span)) for each in each.read().assignments
            )
            yield from _of_words(words, span, depth, given)


def _of_words(
    words: tuple[Word, ...], span: Span, depth: int, given: tuple[Variable, ...] = ()
) -> Iterator[ShellCommand]:
    made = ShellCommand(words, span, given)
    inner = knowledge.scripts(made.argv) if depth else ()
    if words and (not inner or made.does("run-task")):
        yield made
    for _, script in inner:
        yield from _of_script(script, span, depth - 1)


class _Options(Struct):
    errexit: bool
    pipefail: bool
    unset: Span | None = None


class _Flattening(Struct):
    """Turns the syntax tree into commands in order, and decides whose failure counts."""

    text: Text
    options: _Options
    commands: list[WrittenCommand] = field(default_factory=list)
    functions: dict[str, tuple[WrittenCommand, ...]] = field(default_factory=dict)
    joined: str = ""
    arms: tuple[Arm, ...] = ()
    loops: Loops = ()
    branches: tuple[Span, ...] = ()

    def block(self, block: CommandList, within: tuple[str, ...], ignored: Ignored | None, *, tail: bool) -> None:
        for number, item in enumerate(block.items):
            last = number == len(block.items) - 1
            follower = "" if last else self._text_of(block.items[number + 1])
            self._and_or(item, within, ignored, tail=tail and last, inspected="$?" in follower)
            self.joined = item.terminator or "\n"

    def _branch(self, block: CommandList, within: tuple[str, ...], ignored: Ignored | None, *, tail: bool) -> None:
        """A block that is not always run."""
        outside = self.branches
        if block.items:
            self.branches = (*outside, self.text.span(block.items[0].start, block.items[0].start))
        self.block(block, within, ignored, tail=tail)
        self.branches = outside

    def _text_of(self, node: AndOr | Pipeline) -> str:
        return self.text.written[node.start : node.end]

    def _and_or(
        self,
        item: AndOr,
        within: tuple[str, ...],
        ignored: Ignored | None,
        *,
        tail: bool,
        inspected: bool,
    ) -> None:
        ends = self._ends(item)
        outside, branches, told = self.arms, self.branches, "do" not in within
        for number, pipeline in enumerate(item.pipelines):
            if number:
                last, self.joined = self.joined if number > 1 else "", item.operators[number - 1].text
                if last != "&&" or self.joined != "&&":  # all of `a && b && c` behind the first is one branch
                    self.branches = (*branches, self.text.span(pipeline.start, pipeline.start))
                met, missed = shell_branches.tested(item.pipelines[number - 1]) if told else ((), ())
                told = told and self.joined == "&&"  # behind `||` only the first pipeline tells
                self.arms = (*self.arms, *met) if told else (*outside, *(missed if number == 1 else ()))
            end = ends[number]
            reason = ignored or (self._last(item, end, tail, inspected) if isinstance(end, int) else end)
            inner = (*within, "||") if number and item.operators[number - 1].text == "||" else within
            self._pipeline(pipeline, inner, reason, tail=tail and number == len(item.pipelines) - 1)
        self.arms, self.branches = outside, branches

    def _ends(self, item: AndOr) -> list[int | Ignored | None]:
        """What a failure of each pipeline leads to: the `||` that swallows it, None where a handler fails the script.

        A number is the pipeline whose failure decides in its place, behind which there is no handler: itself, or a
        handler that fails in turn, or tries again. Worked out from the end, so that the cost grows with the length.
        """
        ends: list[int | Ignored | None] = list(range(len(item.pipelines)))
        handled: int | Ignored | None = None
        handler: Pipeline | None = None
        swallowed: Ignored | None = None
        passed_on = False
        for number in range(len(item.operators) - 1, -1, -1):
            operator = item.operators[number]
            if operator.text == "||":
                handler = item.pipelines[number + 1]
                handled = ends[number + 1]
                fails = _aborts(handler, exits=True) or "$?" in self._text_of(handler)
                swallowed = None if fails else Ignored("||", self.text.span(operator.start, handler.end))
                passed_on = not fails and _aborts(handler)
            if handler is not None:
                again = swallowed is not None and (passed_on or _same(item.pipelines[number], handler))
                ends[number] = handled if again else swallowed
        return ends

    def _last(self, item: AndOr, number: int, tail: bool, inspected: bool) -> Ignored | None:  # noqa: FBT001
        """Why a failure of the pipeline at `number`, which has no handler, would not fail the script."""
        if item.terminator == "&":
            return Ignored("&", self.text.span(item.end, item.end + 1))
        if tail or inspected:
            return None
        if number < len(item.operators):
            operator = item.operators[number]
            return Ignored("&&", self.text.span(operator.start, operator.end))
        if not self.options.errexit:
            if self.options.unset is not None:
                return Ignored("set +e", self.options.unset)
            pipeline = item.pipelines[number]
            return Ignored("no set -e", self.text.span(pipeline.start, pipeline.end))
        return None

    def _pipeline(self, pipeline: Pipeline, within: tuple[str, ...], ignored: Ignored | None, *, tail: bool) -> None:
        if pipeline.negation is not None and ignored is None:
            ignored = Ignored("!", self.text.span(*pipeline.negation))
        for number, element in enumerate(pipeline.elements):
            reason = ignored
            if number:
                self.joined = "|"
            if reason is None and number < len(pipeline.bars) and not self.options.pipefail:
                reason = Ignored("|", self.text.span(*pipeline.bars[number]))
            self._element(element, within, reason, tail=tail)

    def _element(self, element: Element, within: tuple[str, ...], ignored: Ignored | None, *, tail: bool) -> None:
        if isinstance(element, Simple):
            self._simple(element, within, ignored)
            return
        match element.kind:
            case "function":
                self._function(element)
            case "(" | "$(":
                counted = tail or self.options.errexit  # the status of a subshell is that of one command outside
                self._alone(element.parts[0][1], (*within, element.kind), ignored, tail=counted)
            case "if":
                self._if(element, within, ignored, tail=tail)
            case "case":
                self._case(element, within, ignored, tail=tail)
            case _:
                outside = self.loops
                self.loops = (*outside, (element.name, element.over)) if element.name else outside
                for role, block in element.parts:
                    reason = ignored
                    if role == "condition" and reason is None:
                        reason = Ignored("condition", self.text.span(element.start, element.start + len(element.kind)))
                    inner = (
                        (*within, element.kind)
                        if role in {"condition", element.kind}
                        else (*within, element.kind, role)
                    )
                    follow = self.block if element.kind == "{" else self._branch
                    follow(block, inner, reason, tail=tail and role != "condition")
                self.loops = outside
        self._substitutions(element.redirects, within)

    def _case(self, element: Compound, within: tuple[str, ...], ignored: Ignored | None, *, tail: bool) -> None:
        outside = self.arms
        earlier: tuple[str, ...] = ()
        for (_, block), written in zip(element.parts, element.patterns, strict=False):
            patterns = tuple(shell_branches.unquoted(each) for each in written)
            subject = element.subject
            if subject is not None and "do" not in within:
                self.arms = (*outside, Arm(subject.text, patterns, earlier, subject.literal))
            self._branch(block, (*within, "case"), ignored, tail=tail)
            earlier += patterns
        self.arms = outside

    def _if(self, element: Compound, within: tuple[str, ...], ignored: Ignored | None, *, tail: bool) -> None:
        parts, outside = element.parts, self.arms
        chosen: tuple[Arm, ...] = ()
        for number, (role, block) in enumerate(parts):
            if role == "condition":
                at = self.text.span(element.start, element.start + 2)
                reason: Ignored | None = ignored or Ignored("condition", at)
                negated = len(block.items) == 1 and block.items[0].pipelines[0].negation is not None
                other = number + 1 if negated else number + 2
                if (
                    other < len(parts)
                    and _lets_go(ignored)
                    and _aborts_block(parts[other][1], exits=ignored is not None)
                ):
                    reason = None
                self._block_or_none(block, (*within, "if"), reason)
                met, missed = shell_branches.decided(block) if "do" not in within else ((), ())
                chosen, self.arms = (*self.arms, *met), (*self.arms, *missed)
                continue
            behind = self.arms
            self.arms = chosen if role == "then" else behind
            self._branch(block, (*within, role), ignored, tail=tail)
            self.arms = behind
        self.arms = outside

    def _block_or_none(self, block: CommandList, within: tuple[str, ...], reason: Ignored | None) -> None:
        if reason is not None or not block.items:
            self.block(block, within, reason, tail=False)
            return
        plain = [
            replace(item, pipelines=[replace(pipeline, negation=None) for pipeline in item.pipelines])
            for item in block.items
        ]
        self.block(replace(block, items=plain), within, None, tail=True)

    def _alone(self, block: CommandList, within: tuple[str, ...], ignored: Ignored | None, *, tail: bool) -> None:
        """A subshell: what `set` changes inside does not last."""
        outside = replace(self.options)
        self.joined = ""
        self.block(block, within, ignored, tail=tail)
        self.options = outside

    def _function(self, element: Compound) -> None:
        outside, joined, before = replace(self.options), self.joined, self.commands
        arms, branches = self.arms, self.branches
        self.commands, self.joined, self.arms, self.branches = [], "", (), ()
        for _, block in element.parts:
            self.block(block, (), None, tail=True)
        self.functions[element.name] = tuple(self.commands)
        self.commands, self.joined, self.options = before, joined, outside
        self.arms, self.branches = arms, branches

    def _substitutions(self, redirects: list[Redirect], within: tuple[str, ...]) -> None:
        for redirect in redirects:
            if redirect.target is not None:
                self._substituted(redirect.target, within, assigned=False)

    def _substituted(self, word: WrittenWord, within: tuple[str, ...], *, assigned: bool) -> None:
        for block in word.blocks:
            reason = None if assigned else Ignored("substitution", word.span)
            joined = self.joined
            self._alone(block, (*within, "$("), reason, tail=True)
            self.joined = joined

    def _simple(self, simple: Simple, within: tuple[str, ...], ignored: Ignored | None) -> None:
        for assignment in simple.assignments:
            self._substituted(assignment.value, within, assigned=not simple.words and ignored is None)
        for word in simple.words:
            self._substituted(word, within, assigned=False)
        self._substitutions(simple.redirects, within)
        if simple.words and simple.words[0].text == "set":
            self._set(simple)
        if not (simple.words or simple.assignments or simple.redirects):
            return
        self.commands.append(
            WrittenCommand(
                words=tuple(simple.words),
                assignments=tuple(simple.assignments),
                redirects=tuple(simple.redirects),
                span=self.text.span(simple.start, simple.end),
                before=self.joined,
                within=within,
                ignored=ignored,
                arms=self.arms,
                loops=self.loops,
                branches=self.branches,
            )
        )

    def _set(self, simple: Simple) -> None:
        previous = ""
        for word in simple.words[1:]:
            flag = word.text
            if previous in {"-o", "+o"} or (previous[:1] in {"-", "+"} and previous.endswith("o")):
                on = previous[0] == "-"
                if flag == "pipefail":
                    self.options.pipefail = on
                elif flag == "errexit":
                    self._errexit(simple, on=on)
            if flag[:1] in {"-", "+"} and "e" in flag[1:] and not flag.startswith("--"):
                self._errexit(simple, on=flag[0] == "-")
            previous = flag

    def _errexit(self, simple: Simple, *, on: bool) -> None:
        self.options.errexit = on
        self.options.unset = None if on else self.text.span(simple.start, simple.end)


_ABORTING = frozenset({"exit", "return", "false", "die", "fail", "abort"})


def _lets_go(ignored: Ignored | None) -> bool:
    """Whether a failure is ignored only because the shell goes on after it, so that an `exit` still counts."""
    return ignored is None or ignored.marker in {"no set -e", "set +e", "&&"}


def _aborts_block(block: CommandList, *, exits: bool = False) -> bool:
    return any(_aborts(pipeline, exits=exits) for item in block.items for pipeline in item.pipelines)


def _aborts(pipeline: Pipeline, *, exits: bool = False) -> bool:
    """Whether the pipeline surely fails: `exit 1`, `return 1`, `false`, also inside `( )` and `{ }`.

    With `exits` it must end the script itself: `false` and what a subshell does are not enough.
    """
    for element in pipeline.elements:
        if isinstance(element, Simple):
            words = [word.text for word in element.words]
            if words and words[0] in _ABORTING and words[1:2] != ["0"] and not (exits and words[0] == "false"):
                return True
        elif (element.kind == "{" or (element.kind == "(" and not exits)) and any(
            _aborts_block(block, exits=exits) for _, block in element.parts
        ):
            return True
    return False


def _same(one: Pipeline, other: Pipeline) -> bool:
    """Whether the second is a retry of the first."""
    first, second = one.elements[0], other.elements[0]
    if not (isinstance(first, Simple) and isinstance(second, Simple)):
        return False
    return [word.text for word in first.words[:2]] == [word.text for word in second.words[:2]] and len(first.words) > 1
