"""Rules are values: a mandate turned into a function from the graph to findings."""

from __future__ import annotations

import re
import string
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

from msgspec import Struct, field

from policyengine.model.change import Change, Edit
from policyengine.model.image import ImageRef
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import Node
    from policyengine.model.value import Value
    from policyengine.rules.extending import Extends

O_contra = TypeVar("O_contra", contravariant=True)
O = TypeVar("O")  # noqa: E741  the options type of a pack

_ID = regex(r"[A-Z]{1,8}-?[0-9]{1,6}")
_PRECISIONS = ("very-high", "high", "medium", "low")
_LINK = regex(r"\]\((\d+)\)")


class Severity(StrEnum):
    """How much a finding weighs; the words are SARIF levels."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """3 for an error, 2 for a warning, 1 for a note."""
        return {"error": 3, "warning": 2, "note": 1}[self.value]

    def lowered(self) -> Severity:
        """One step less; a note stays a note."""
        return Severity.WARNING if self is Severity.ERROR else Severity.NOTE


@runtime_checkable
class Located(Protocol):
    """Anything with a place: a value, a node, a declaration, a command. Of a variable its `value` has one."""

    @property
    def span(self) -> Span:
        """Its place."""
        ...


def place(at: Located | Span) -> Span:
    """The span of anything that has one."""
    return at if isinstance(at, Span) else at.span


class Fix(Struct, frozen=True):
    """How to mend a finding: one sentence, and the changes where they are mechanical.

    It is `safe` where it changes nothing that production runs and loses nothing: who agrees with the finding may apply
    it unseen. In what a rule gives, `edits` may say what is to stand where; in a report they are exact.
    """

    description: str
    edits: tuple[Change, ...] = ()
    safe: bool = False

    @property
    def exact(self) -> tuple[Edit, ...]:
        """The edits of the files, in order; none where nobody has worked them out."""
        edits = tuple(each for each in self.edits if isinstance(each, Edit))
        return edits if len(edits) == len(self.edits) else ()

    @property
    def applicability(self) -> str:
        """`safe` or `unsafe`; `display` where there is no more than the sentence."""
        return "display" if not self.exact else "safe" if self.safe else "unsafe"

    @classmethod
    def replacing(cls, description: str, place: Span, old: str, new: str, *, safe: bool = False) -> Fix:
        """Puts `new` at a place where exactly `old` can stand, and only says so otherwise."""
        return cls(description, (Edit(place, new),) if place.end - place.start == len(old) else (), safe)

    @classmethod
    def tagging(cls, description: str, image: Value[ImageRef] | None, tag: str | None, *, safe: bool = False) -> Fix:
        """Gives an image another tag, where the reference stands as one text without a digest."""
        match image:
            case Known(ImageRef(tag_at=(start, end), digest=None, text=text), span) if tag is not None:
                place = Span(span.path, span.start + start, span.start + end)
                return cls(description, (Edit(place, tag),) if span.end - span.start == len(text) else (), safe)
            case Known(ImageRef(tag_at=None, tag=None, digest=None, text=text), span) if tag is not None:
                behind = span._replace(start=span.end)
                return cls(description, (Edit(behind, f":{tag}"),) if span.end - span.start == len(text) else (), safe)
            case _:
                return cls(description)


class Finding(Struct, frozen=True, kw_only=True):
    """One violation.

    `subject` is the node it is about (its id becomes the SARIF logical location), `at` the place to edit, `args` what
    fills the placeholders of the rule's message. `related` are the places of the other side; the message links the
    first as `[text](1)`, the second as `[text](2)`, and so on. `against` is the twin that the subject was compared
    with: where the subject may mirror any of several nodes, a finding stands only if it holds against each. `variant`
    picks one of the rule's messages. `severity` overrides the rule's own. A `convention` is what a strategy wants and
    what neither diverges nor breaks: a note unless the profile is `strict`. Findings of a rule and variant that give
    one `cause` are one in the report, which names all their subjects, as far as no waiver covers them. `about` tells
    what of the subject is wrong, such as the name of a variable, where the place is not within the subject: with rule
    and subject it is the identity, by which a finding is known again whatever its lines and values.
    """

    subject: Node
    at: Located | Span
    args: Mapping[str, object] = field(default_factory=dict)
    related: tuple[Located | Span, ...] = ()
    against: Node | None = None
    variant: str = "default"
    severity: Severity | None = None
    fix: Fix | None = None
    convention: bool = False
    cause: str = ""
    about: str = ""


class Undecided(Struct, frozen=True):
    """A question that a rule could not decide, because a value it needs is Unknown."""

    subject: Node
    at: Span
    reason: str


class Compared(Struct, frozen=True):
    """That a rule was asked of the subject, yielded where its comparison begins. `against` is the twin, if any.

    A report shows a tick only over what was compared; what gives neither a finding nor an open question holds.
    """

    subject: Node
    against: Node | None = None


Outcome = Finding | Undecided | Compared
"""What a rule may yield."""
Outcomes: TypeAlias = "Iterator[Outcome]"
"""What a rule gives: what violates it, what could not be decided, what was compared."""


def undecided(subject: Node, *values: object) -> Iterator[Undecided]:
    """An `Undecided` for the first of the values that is Unknown; nothing when none is."""
    for value in values:
        if isinstance(value, Unknown):
            yield Undecided(subject, value.span, value.reason)
            return


class Check(Protocol[O_contra]):
    """The function of a rule: pure, from the graph and the pack's options to findings."""

    def __call__(self, graph: Graph, options: O_contra, /) -> Iterator[Outcome]:
        """Yield what violates the rule, and what could not be decided."""
        ...


class Rule(Struct, Generic[O], frozen=True):
    """A mandate as a check.

    `id` is stable and never reused. `name` is the PascalCase name of the pattern it flags, taken from the function.
    `summary` is the docstring's first line, `rationale` the rest. `messages` are templates by variant with named
    placeholders in single quotes: `"'{local}' runs Postgres '{here}', but [the cloud](1) runs '{there}'"`. A link that
    says `the cloud` says `production` of a twin (`against`) that the Compose file of production runs.
    `mandate` is the id of a mandate of the pack. `remedy` says in a sentence what mends any of its findings. `tags` and
    `precision` go to SARIF: `very-high` where files say it outright, `high` where two sides are compared, `medium` for
    a convention that not everybody shares, which the profile `strict` makes `high`. `security` is a score in (0, 10].
    """

    id: str
    name: str
    mandate: str
    severity: Severity
    messages: Mapping[str, str]
    summary: str
    rationale: str
    check: Check[O]
    remedy: str = ""
    precision: str = "high"
    tags: tuple[str, ...] = ()
    cwe: tuple[int, ...] = ()
    security: float | None = None

    def placeholders(self, variant: str) -> tuple[str, ...]:
        """The names in a message, in the order they first appear."""
        names = (name for _, name, _, _ in string.Formatter().parse(self.messages[variant]) if name is not None)
        return tuple(dict.fromkeys(names))

    def text(self, finding: Finding) -> str:
        """The finding's message with its arguments filled in.

        Raises:
            KeyError: the variant or an argument is missing.
        """
        return self.messages[finding.variant].format_map(finding.args)


def rule(
    rule_id: str,
    *,
    severity: Severity,
    message: str | Mapping[str, str],
    mandate: str = "",
    remedy: str = "",
    precision: str = "high",
    tags: tuple[str, ...] = (),
    cwe: tuple[int, ...] = (),
    security: float | None = None,
) -> Callable[[Check[O]], Rule[O]]:
    """Make a Rule of a check. The docstring is the documentation: summary, blank line, why it matters.

    Raises:
        ValueError: the id, the severity or the precision is none, the docstring is missing, the function does not take
            a graph and options, or a message breaks the message rules.
    """
    messages = {"default": message} if isinstance(message, str) else dict(message)
    if not _ID.fullmatch(rule_id):
        raise ValueError(f"rule id '{rule_id}' must be capital letters and a number, such as 'ACME001'")
    if severity not in tuple(Severity):
        raise ValueError(f"rule {rule_id}: severity {severity!r} is none of {', '.join(Severity)}")
    if precision not in _PRECISIONS:
        raise ValueError(f"rule {rule_id}: precision '{precision}' is none of {', '.join(_PRECISIONS)}")
    if security is not None and not 0 < security <= 10:
        raise ValueError(f"rule {rule_id}: security score {security} is outside (0, 10]")

    def make(check: Check[O]) -> Rule[O]:
        function = getattr(check, "__name__", "")
        wrong = _signature(check)
        if wrong:
            raise ValueError(f"rule {rule_id}: '{function}' {wrong}; it must take (graph, options)")
        summary, _, rationale = _clean(check.__doc__ or _from_source(check)).partition("\n\n")
        if not summary:
            raise ValueError(f"rule {rule_id}: function '{function}' needs a docstring; its first line is the summary")
        made = Rule(
            id=rule_id,
            name="".join(part.capitalize() for part in function.split("_")),
            mandate=mandate,
            severity=Severity(severity),
            messages=messages,
            summary=" ".join(summary.split()),
            rationale=rationale.strip(),
            check=check,
            remedy=remedy,
            precision=precision,
            tags=tags,
            cwe=cwe,
            security=security,
        )
        for variant in messages:
            try:
                names = made.placeholders(variant)
            except ValueError as error:
                raise ValueError(f"rule {rule_id}: message '{variant}' cannot be read: {error}") from None
            if len(names) > 5:
                raise ValueError(f"rule {rule_id}: message '{variant}' has over five placeholders")
            for name in names:
                if not name.isidentifier():
                    raise ValueError(
                        f"rule {rule_id}: message '{variant}' has the placeholder '{name}', which is no name"
                    )
        return made

    return make


_VARIABLE_ARGUMENTS = 0x04
"""The flag of a function that takes `*args` (inspect.CO_VARARGS; importing inspect costs more than all rules do)."""


def _signature(check: object) -> str:
    """What is wrong with how a function is called as the check of a rule, empty for nothing."""
    if not callable(check):
        return "is no function"
    code = getattr(check, "__code__", None)
    if code is None:
        return ""
    most: int = code.co_argcount
    least = most - len(getattr(check, "__defaults__", None) or ())
    named = code.co_kwonlyargcount - len(getattr(check, "__kwdefaults__", None) or ())
    takes = ", ".join(code.co_varnames[: most + code.co_kwonlyargcount])
    fits = least <= 2 and (most >= 2 or code.co_flags & _VARIABLE_ARGUMENTS) and not named
    return "" if fits else f"takes ({takes})"


_DOCSTRING = regex(r'[^"]*?:[ \t]*\n[ \t]+r?"""(.*?)"""', re.DOTALL)


def _from_source(check: object) -> str:
    """The docstring as it stands in the source, where Python drops docstrings (`-OO`, `PYTHONOPTIMIZE=2`)."""
    code = getattr(check, "__code__", None)
    if sys.flags.optimize < 2 or code is None:
        return ""
    import linecache  # noqa: PLC0415  only without docstrings

    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    text = "".join(lines)
    found = re.search(rf"^[ \t]*def {re.escape(code.co_name)}\(", text, re.MULTILINE)
    written = _DOCSTRING.match(text, found.end()) if found is not None else None
    return written[1] if written is not None else code.co_name.replace("_", " ").capitalize() + "."


def _clean(text: str) -> str:
    lines = text.strip().splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    margin = min(indents, default=0)
    return "\n".join([*(line.rstrip() for line in lines[:1]), *(line[margin:].rstrip() for line in lines[1:])])


def links(text: str) -> tuple[int, ...]:
    """The numbers of the related places that a message links."""
    return tuple(int(number) for number in _LINK.findall(text))


class NoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The options of a pack that has none."""


class Pack(Struct, Generic[O], frozen=True):
    """What a policy pack brings: a name and rules; the rest where there is more to say.

    `version` is shown in reports and can be asked for in `policyengine.yaml`. `mandates` maps ids of mandates to their
    text, for rules that name one, `sides` the titles of groups by the first digit of the rule number. `options` is the
    type of the pack's part of `policyengine.yaml`, given to each rule: a Struct whose fields all have defaults. `cases`
    is the folder of case files that document the rules. `help_uri` is an https address with `{id}` for the rule's id.
    `api` is the version of `policyengine.api` that the pack needs, such as `1.2`: that major version, and no older.
    `extends` says what it changes of other packs.
    """

    name: str
    rules: tuple[Rule[O], ...]
    version: str = ""
    mandates: Mapping[str, str] = {}
    options: type[O] = cast("type[O]", NoOptions)
    sides: Mapping[str, str] = {}
    help_uri: str = ""
    cases: Path | None = None
    api: str = ""
    extends: tuple[Extends, ...] = ()
