"""The one module that knows the CEL library: it parses, checks and evaluates expressions.

The library bounds the depth of an expression (32) and the steps of its loops (10,000), its patterns are those of RE2,
an expression has at most `LONGEST` characters and a text that is given 100,000; so no condition can hang.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from policyengine.model.source import UsageError
from policyengine.patterns import regex
from policyengine.rules.declarative.fields import codes
from policyengine.rules.declarative.hoisting import hoisted
from policyengine.rules.declarative.lowering import Mistake, lower, placed
from policyengine.rules.declarative.syntax import Call, Constant, decoded, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policyengine.rules.declarative.facts import Need, Path
    from policyengine.rules.declarative.fields import Type
    from policyengine.rules.declarative.lowering import Loop
    from policyengine.rules.declarative.syntax import Expression, Parsed

LONGEST = 4_000
"""Characters that an expression may have."""

_ODD = regex("[\ud800-\udfff\0]")
_ERROR = regex(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_OVERLOAD = regex(r"found no matching overload for '(.*?)' applied to '(.*)'")
_SYNTAX = regex(r"Syntax error: (?:mismatched|extraneous|token recognition error|no viable)[^']*'(.*?)'")
_MISSING = regex(r'(?:No value with name|Key not found in map :) "(.*?)"(?: found in Activation)?\Z')
_UNFIT = regex(r"No matching overloads found : (.*?)\((.*)\)")
_WRAPPED = regex(r"wrapper\((\w+)\)")
_STATUS = regex(r"\A[A-Z_]+: ")
_OPERATORS = {"=": "==", "and": "&&", "or": "||", "not": "!", "&": "&&", "|": "||", "~": "matches()"}
_WORDS = {
    "string": "text",
    "int": "number",
    "int64": "number",
    "uint": "number",
    "uint64": "number",
    "double": "number",
    "bool": "true or false",
}
_TYPE = regex(r"\b(?:string|u?int(?:64)?|double|bool|dyn|null_type|null)\b")


class Condition(NamedTuple):
    """An expression that can be evaluated: what it needs, the paths that it names, and what it gives.

    `gives` is the name of CEL's type: `bool`, `string`, `int`, `double`, `dyn` … `once` are the parts that are the same
    for all rows, whose results are given by their names.
    """

    text: str
    needs: tuple[Need, ...]
    asked: tuple[Path, ...]
    gives: str
    program: Any
    tree: Expression
    loops: tuple[Loop, ...]
    once: tuple[Once, ...] = ()

    def run(self, given: Any) -> object:  # noqa: ANN401  a value of the library
        """What it gives over what was `prepared`: a bool, a text, a number; of a list of them a text; or `Failed`."""
        return _run(self.program, given)


class Once(NamedTuple):
    """A part of conditions that is the same for all rows: the name under which its result is given."""

    name: str
    program: Any

    def run(self, given: Any) -> object:  # noqa: ANN401  a value of the library
        """As that of a condition."""
        return _run(self.program, given)


def _run(program: Any, given: Any) -> object:  # noqa: ANN401  values of the library
    try:
        result = program.eval(given)
    except RuntimeError as error:  # it takes more steps than the library allows
        return _failed(str(error))
    kind = result.type().name()
    if kind in _PLAIN:
        return result.value()
    if kind == _ERROR_TYPE:
        return _failed(result.value())
    if kind.startswith("LIST") and all(each.type().name() in _PLAIN for each in result.value()):
        return ", ".join(str(plain) for plain in (each.value() for each in result.value()))
    return None if kind == "NULL" else Failed("", f"it gives a {kind.lower()}")


class Verdict(NamedTuple):
    """Whether what is asked holds where the filter does, in one evaluation."""

    program: Any

    def run(self, given: Any) -> object:  # noqa: ANN401  a value of the library
        """`HOLDS`, `BREAKS` or `OTHER` for what the filter leaves out; anything else where that is not told."""
        try:
            return self.program.eval(given).value()
        except RuntimeError:
            return None


BREAKS, HOLDS, OTHER = 0, 1, 2


def verdict(where: Condition | None, require: Condition) -> Verdict:
    """Both conditions as one; each alone says why it has no answer."""
    return _judging(require.tree, None if where is None else where.tree)


def _judging(require: Expression, where: Expression | None = None) -> Verdict:
    made: Expression = Call(0, _IF, (require, Constant.of(HOLDS), Constant.of(BREAKS)))
    if where is not None:
        made = Call(0, _IF, (where, made, Constant.of(OTHER)))
    return Verdict(_environment().deserialize(encoded(made)))


class Breaking(NamedTuple):
    """A loop of a condition, and what tells of one element whether it breaks that."""

    loop: Loop
    verdict: Verdict

    def by(self, given: Mapping[str, object], element: Mapping[str, object]) -> bool:
        """Whether an element of which that is given breaks the condition."""
        said = self.verdict.run(prepared({**given, self.loop.variable: element}))
        return said is (HOLDS if self.loop.breaking else BREAKS)


def breaking(condition: Condition) -> tuple[Breaking, ...]:
    """The loops of a condition that alone can break it."""
    return tuple(Breaking(each, _judging(each.body)) for each in condition.loops)


_IF = "_?_:_"


class Failed(NamedTuple):
    """Why an expression gives no value: the fact that is `missing`, or a `reason`."""

    missing: str
    reason: str = ""


_PLAIN = frozenset({"BOOL", "INT", "UINT", "DOUBLE", "STRING"})
_ERROR_TYPE = "ERROR"


def prepared(given: Mapping[str, object]) -> Any:  # noqa: ANN401  a value of the library
    """Facts by their names, for all conditions that need some of them."""
    return _environment().Activation(given)


def condition(text: str, roots: Mapping[str, Type]) -> Condition:
    """An expression over these roots, parsed and checked.

    Raises:
        Mistake: it is no CEL, names what is not there, or puts types together that do not fit.
        UsageError: the library is not installed.
    """
    environment = _environment()
    lowered = lower(text, _parsed(text), roots)
    try:
        checked = environment.compile(lowered.checked)
    except RuntimeError as error:
        raise _mistake(text, str(error)) from None
    for pattern, start in lowered.patterns:
        tried = environment.compile("''.matches(_s)").eval(data={"_s": pattern})
        if tried.type().name() == _ERROR_TYPE:
            said = _STATUS.sub("", tried.value()).removeprefix("invalid regular expression: ")
            raise Mistake(f"the pattern is no regular expression: {said}", start, start + 1)
    tree, parts = hoisted(lowered.expression)
    once = tuple(Once(name, environment.deserialize(encoded(part))) for name, part in parts)
    program = environment.deserialize(encoded(tree))
    gives = checked.return_type().name()
    return Condition(text, lowered.needs, lowered.asked, gives, program, tree, lowered.loops, once)


def path(text: str, roots: Mapping[str, Type]) -> tuple[Path, Type]:
    """The path that a text is below one of the roots, and the type of what stands there.

    Raises:
        Mistake: it is none, or names what is not there.
        UsageError: the library is not installed.
    """
    return placed(text, _parsed(text), roots)


def _parsed(text: str) -> Parsed:
    if len(text) > LONGEST:
        raise Mistake(f"the expression has over {LONGEST} characters", LONGEST, LONGEST + 1)
    odd = _ODD.search(text)
    if odd is not None:
        raise Mistake("the character is none of a text", odd.start(), odd.end())
    try:
        return decoded(_environment().compile(text, disable_check=True).serialize())
    except RuntimeError as error:
        raise _mistake(text, str(error)) from None


@cache
def _environment() -> Any:  # noqa: ANN401  a value of the library
    try:
        from cel_expr_python import cel  # noqa: PLC0415  only packs with rules in YAML pay for it
        from cel_expr_python.ext import ext_strings  # noqa: PLC0415  as above
    except ImportError as error:
        message = "rules in YAML and queries need the CEL library: pip install 'policyengine-iac[yaml]'"
        raise UsageError(message) from error
    made: dict[str, Any] = {}
    names = {"bool": "BoolValue", "int": "Int64Value", "double": "DoubleValue", "string": "StringValue"}
    plain = {"bool": cel.Type.BOOL, "int": cel.Type.INT, "double": cel.Type.DOUBLE, "string": cel.Type.STRING}
    for name, type_ in codes():
        of = cel.Type.DYN if type_.of is None else plain.get(type_.of.kind, cel.Type.DYN)
        match type_.kind:
            case "list":
                made[name] = cel.Type.List(of)
            case "map":
                made[name] = cel.Type.Map(cel.Type.STRING, of)
            case kind if kind in names and type_.nullable:
                made[name] = cel.Type(f"google.protobuf.{names[kind]}")
            case kind:
                made[name] = plain.get(kind, cel.Type.DYN)
    return cel.NewEnv(variables=made, extensions=[ext_strings.ExtStrings()])


def _mistake(text: str, said: str) -> Mistake:
    """What the library says of an expression, in our words and at its place."""
    found = _ERROR.search(said)
    if found is None:
        if "recursion" in said:
            return Mistake("the expression is nested too deeply", 0, 1)
        return Mistake(_STATUS.sub("", said.partition("\n")[0]), 0, 1)
    line, column, message = int(found[1]), int(found[2]), found[3].removesuffix(" [INVALID_ARGUMENT]")
    lines = text.splitlines(keepends=True) or [""]
    at = sum(map(len, lines[: line - 1])) + column - 1 if line > 0 else 0
    overload, syntax = _OVERLOAD.search(message), _SYNTAX.search(message)
    if overload is not None:
        name = overload[1].strip("_@") or overload[1]
        types = _TYPE.sub(_typed, _WRAPPED.sub(r"\1", overload[2])).strip("()")
        message = f"'{name}' does not fit ({types})"
    elif syntax is not None:
        word = syntax[1].strip()
        hint = f"; did you mean '{_OPERATORS[word]}'?" if word in _OPERATORS else ""
        message = f"'{word}' does not fit here{hint}" if word != "<EOF>" else "the expression ends too early"
    elif "has() argument" in message:
        message = 'has() takes a path that ends in a name; of a key in brackets ask x["key"] != null'
    elif "recursion" in message:
        message = "the expression is nested too deeply"
    at = min(max(at, 0), len(text))
    return Mistake(message, at, at + 1)


def _typed(match: Any) -> str:  # noqa: ANN401  a match
    return _WORDS.get(match[0], "anything" if match[0] == "dyn" else "null")


def _failed(said: str) -> Failed:
    missing = _MISSING.search(said)
    if missing is not None:
        return Failed(missing[1])
    said = _STATUS.sub("", said).partition(" [")[0]
    overload = _UNFIT.search(said)
    if overload is not None:
        said = f"'{overload[1].strip('_@') or overload[1]}' does not fit ({_TYPE.sub(_typed, overload[2])})"
    elif "budget exceeded" in said:
        said = "its loops take too many steps"
    return Failed("", said)
