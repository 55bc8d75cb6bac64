"""What names stand for where a step runs, put into texts and asked by conditions: environment, inputs, matrix.

Source of fact: GitHub's "Contexts reference". What is not known stays in the text as it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.model.budget import Budget
from policyengine.model.text import Text
from policyengine.model.value import Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.github.evaluation import Outcome, Unsettled, Untyped, evaluate, truth, written
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable
    from collections.abc import Sequence as Words

    from policyengine.model.command import Word
    from policyengine.model.nodes import Variable
    from policyengine.model.source import Span
    from policyengine.syntax.tree import Document

_EXPRESSION = regex(r"\$\{\{((?:'(?:[^']|'')*'|[^'}]|\}(?!\}))*)\}\}")
_REFERENCE = regex(r"\s*(env|inputs)\.([\w-]+)\s*")
_WITHOUT_INPUT = regex(r"\s*(?:(?:github\.event\.)?inputs|vars|secrets)\.[\w-]+\s*\|\|\s*'([^'\n]*)'\s*")
"""What stands for an input where the event gives none, `inputs.environment || 'prod'`, or for what nobody has set."""
_SHELL = regex(r"\$\{([A-Za-z_]\w*)(?::?-([^${}`]*))?\}|\$([A-Za-z_]\w*)")
_COMMAND = r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`"
_OPTIONAL = r"\$\{\w+:?\+(?:[^{}]|\{\{[^{}]*\}\}|\{[^{}]*\})*\}"
_GAP = regex(rf"{_EXPRESSION.pattern}|{_OPTIONAL}|\$\{{[^}}]*\}}|\$\w+|{_COMMAND}")
"""What GitHub or the shell replaces: `${{ env.TAG }}`, `${TAG}`, `$TAG`, `$(git rev-parse HEAD)`."""
_ROUNDS = 4
_LONGEST = 10_000
_MOST = 64


def is_open(text: str) -> bool:
    """Whether GitHub or the shell still replaces a part of a text."""
    return _GAP.search(text) is not None


def _located(text: str, span: Span, gaps: re.Pattern[str]) -> Text:
    """A text that stands at `span`, with what would still be replaced in it as undecided parts."""
    parts: list[Text] = []
    at = 0
    for gap in gaps.finditer(text):
        inner = (gap[1] or gap[0].strip("${}()`")).strip()
        unknown = Unknown(f"'{inner}' set by the run", span)
        parts += (Text.made(text[at : gap.start()], span), Text.undecided(f"${{{inner}}}", unknown))
        if "+" in gap[0] and gap[0].endswith("/}"):  # `${REGISTRY:+$REGISTRY/}app`: what stands behind is a part
            parts.append(Text.made("/", span))
        at = gap.end()
    return Text.join((*parts, Text.at(text[at:], span)))


class Scope(Struct, frozen=True):
    """What names stand for where a step runs: environment variables, inputs, one combination of the matrix.

    `kinds` are the types of a called workflow's inputs; with them (or those of an action, all texts) an input that is
    not there is null. None where the event gives the inputs. `others` are further paths that files decide, such as
    `github.workflow` and `steps.tag.outputs.name`. All names but those of variables are in lower case: GitHub ignores
    it.
    """

    variables: dict[str, Value[str]] = field(default_factory=dict)
    inputs: dict[str, Value[str]] = field(default_factory=dict)
    kinds: dict[str, str] | None = None
    matrix: dict[str, str] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)

    def text(self, written: str, span: Span) -> Text:
        """A text of the workflow with what is known put in."""
        return _located(self._filled(written, shell=False), span, _EXPRESSION)

    def script(self, text: Text) -> Text:
        """A script as the shell gets it: what is known put in, the other expressions as parts that are not decided."""
        parts: list[Text] = []
        at = 0
        for match in text.matches(_EXPRESSION):
            start, end = match.span()
            written = text.cut(start, end)
            filled = self._filled(written.written, shell=False)
            if filled == written.written:
                meant = written.unsettled(f"'{match[1].written.strip()}' set by the run")
            else:
                meant = _located(filled, written.place, _EXPRESSION)
            parts += (text.cut(at, start), meant)
            at = end
        return Text.join((*parts, text.cut(at))) if parts else text

    def word(self, word: Word) -> Text:
        """A word of a command with what is known put in, by GitHub and by the shell."""
        if word.literal:
            return Text.at(word.text, word.span)
        return _located(self._filled(word.text, shell=True), word.span, _GAP)

    def written(self, word: Word) -> str:
        """A word as the shell gets it, but for what is not known."""
        return self._filled(word.text, shell=True)

    def value(self, found: Value[str]) -> Value[str]:
        """A value with what is known put in: Known where that decides all of it."""
        return self.text(found.value, found.span).value() if isinstance(found, Known) else found

    def texts(self, given: Iterable[Variable]) -> dict[str, Text]:
        """The inputs that have a text, by their names in lower case, with what is known put in."""
        return {
            each.key.lower(): self.text(each.value.value, each.value.span)
            for each in given
            if isinstance(each.value, Known)
        }

    def handed(self, given: Iterable[Variable]) -> dict[str, Value[str]]:
        """Inputs as what is called gets them: what is not known yet is still an expression in them."""
        return {
            each.key.lower(): replace(each.value, value=self._filled(each.value.value, shell=False))
            if isinstance(each.value, Known)
            else each.value
            for each in given
        }

    def known(self, given: Iterable[Variable], prefix: str, others: dict[str, str]) -> dict[str, str]:
        """What is known of outputs, by `prefix` and their names in lower case; `others` are paths besides its own."""
        scope = replace(self, others={**self.others, **others})
        values = {f"{prefix}.{each.key}".lower(): scope.value(each.value) for each in given}
        return {name: each.value for name, each in values.items() if isinstance(each, Known)}

    def outside(self) -> dict[str, str]:
        """The further paths that hold in what is called too."""
        return {name: text for name, text in self.others.items() if name.startswith("github.")}

    def _filled(self, text: str, *, shell: bool) -> str:
        for _ in range(_ROUNDS):
            self.budget.left -= 1 + len(text) // 16
            if self.budget.left < 0:
                break
            after = _EXPRESSION.sub(_within(self._expression), text)
            after = _SHELL.sub(_within(self._variable), after) if shell else after
            if after == text or len(after) > _LONGEST:
                break
            text = after
        return text

    def _variable(self, match: re.Match[str]) -> str:
        found = self.variables.get(match[1] or match[3])
        return (found.value or match[2] or "") if isinstance(found, Known) else match[0]

    def _expression(self, match: re.Match[str]) -> str:
        name = _REFERENCE.fullmatch(match[1])
        self.budget.left -= 3 if name else 20 + len(match[1])
        came = self.lookup(name[1], (name[2],)) if name else evaluate(match[1], self.lookup)
        text = written(came)
        if isinstance(came, Unsettled) and came.text and came.text != match[1].strip():
            return f"${{{{ {came.text} }}}}"
        if text is None and name is not None:  # what it stands for is an expression itself
            found = self.variables.get(name[2]) if name[1] == "env" else self.inputs.get(name[2].lower())
            text = found.value if isinstance(found, Known) else None
        if text is None and (otherwise := _WITHOUT_INPUT.fullmatch(match[1])):
            text = otherwise[1]
        return match[0] if text is None else text

    def lookup(self, context: str, path: Words[str]) -> Outcome:
        """The value of a name; Unsettled where files do not say."""
        if not path:
            return Unsettled()
        match context:
            case "matrix":
                found = self.matrix.get(".".join(path).lower())
                return Untyped(found) if found is not None and not is_open(found) else Unsettled()
            case "env":
                return _decided(self.variables.get(path[0]))
            case "inputs" if path[0].lower() in self.inputs:
                name = path[0].lower()
                return _typed(_decided(self.inputs[name]), (self.kinds or {}).get(name, ""))
            case "inputs":
                return Unsettled() if self.kinds is None else None
            case "github" if [each.lower() for each in path[:2]] == ["event", "inputs"] and len(path) > 2:
                return self.lookup("inputs", path[2:]) if self.kinds is None else Unsettled()
            case _:
                return self.others.get(f"{context}.{'.'.join(path)}".lower(), Unsettled())

    def holds(self, condition: Value[str] | None) -> bool | None:
        """Whether an `if` is met; None where files do not decide it, and what the environment holds is the run's."""
        if not isinstance(condition, Known):
            return None
        text = condition.value.strip()
        whole = _EXPRESSION.fullmatch(text)
        if whole is None and _EXPRESSION.search(text):
            return None
        here = replace(self, variables={})
        return truth(evaluate(whole[1] if whole else text, here.lookup))


def _decided(found: Value[str] | None) -> Outcome:
    if not isinstance(found, Known):
        return Unsettled()
    match = _EXPRESSION.search(found.value)
    return found.value if match is None else Unsettled(start=found.value[: match.start()])


def _typed(found: Outcome, kind: str) -> Outcome:
    """An input as its declared type."""
    match kind, found:
        case "boolean", str():
            return {"true": True, "false": False, "": False}.get(found.lower(), Unsettled())
        case "number", str():
            try:
                return float(found or "0")
            except ValueError:
                return Unsettled()
        case _:
            return found


def never(condition: Value[str] | None, scope: Scope, combinations: Iterable[dict[str, str]] = ()) -> bool:
    """Whether an `if` is false for certain: in every combination of the matrix."""
    if condition is None:
        return False
    scopes = [replace(scope, matrix=each) for each in combinations] or [scope]
    return all(each.holds(condition) is False for each in scopes)


def matrix(strategy: Document | None) -> list[dict[str, str]]:
    """The combinations of a matrix, nested keys joined by dots; empty where an expression makes it."""
    body = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if not isinstance(body, Mapping):
        return []
    combinations: list[dict[str, str]] = [{}]
    for entry in body.entries:
        if entry.key.text in {"include", "exclude"}:
            continue
        if not isinstance(entry.value, Sequence):
            return []
        values = [_flat(entry.key.text, item) for item in entry.value.items]
        combinations = [{**one, **other} for one in combinations for other in values][:_MOST]
    own = frozenset(key for one in combinations for key in one)
    for item in _items(body.get("exclude")):
        left_out = _flat("", item)
        combinations = [one for one in combinations if any(one.get(key) != text for key, text in left_out.items())]
    for item in _items(body.get("include")):
        added = _flat("", item)
        fitting = [one for one in combinations if one and all(one.get(key) == added[key] for key in own & set(added))]
        if fitting and own:
            for one in fitting:
                one.update({key: text for key, text in added.items() if key not in own})
        else:
            combinations.append(added)
    return [one for one in combinations if one][:_MOST]


def _items(document: Document | None) -> tuple[Document, ...]:
    return document.items if isinstance(document, Sequence) else ()


def _flat(prefix: str, document: Document) -> dict[str, str]:
    match document:
        case Scalar(text):
            return {prefix.lower(): text}
        case Mapping(entries):
            found: dict[str, str] = {}
            for entry in entries:
                found |= _flat(f"{prefix}.{entry.key.text}" if prefix else entry.key.text, entry.value)
            return found
        case _:
            return {}


def _within(put_in: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
    """What is put in for matches of one text, until all of it is longer than a value may be; then nothing more is."""
    room = _LONGEST

    def bounded(match: re.Match[str]) -> str:
        nonlocal room
        found = put_in(match) if room > 0 else match[0]
        room -= len(found)
        return found

    return bounded
