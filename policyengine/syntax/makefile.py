"""Makefiles as far as `make target` needs: rules, their prerequisites, recipe lines, variables and conditionals.

Source of fact: the GNU make manual, sections "Rule Syntax", "Recipe Syntax", "Flavors of Variables", "Conditional
Parts", "Target-specific", "Implicit Rules". What the files and the environment do not decide stays undecided: a
recipe line behind such a condition tells so (`conditional`), and one with a variable that such a condition sets too
(`undecided`). Recipe lines are `Text`s for the shell reader, with `$$` as `$` and known variables put in; characters
that came from a variable stand where it is used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.text import Text
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.syntax.environment import Environment
from policyengine.syntax.make_conditions import Conditions, uncommented
from policyengine.syntax.make_expansion import NAME, Values, closers, reference_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from policyengine.model.source import Source, Span

_LONGEST = 20_000
_MOST_FILES = 50
_MOST_NAMES = 500
"""How many targets one rule may have, and how many pattern rules are looked through."""
_VARIABLE = regex(r"[ ]*(?:(?:export|override|private)[ \t]+)*(\.?[A-Za-z_][\w.-]*)[ \t]*(\?=|:{1,3}=|\+=|!=|=)[ \t]*")
_DEFINE = regex(r"[ ]*(?:(?:export|override|private)[ \t]+)*define[ \t]+([\w.-]+)")
_RULE = regex(r"([^\t#:=\s][^:=#\n]*)::?(?!=)([^\n]*)")
_DIRECTIVE = regex(r"[ ]*(?:ifn?eq|ifn?def|else|endif)(?![\w.-])")
_INCLUDE = regex(r"[ ]*(?:-include|sinclude|include)[ \t]+([^\n#]*)")


class Recipe(Struct, frozen=True):
    """One line of a recipe, which make gives to a shell of its own; with `.ONESHELL` all of its lines.

    `ignored` is the prefix `-`. `conditional` names the condition that decides whether the line is there at all,
    `undecided` one that decides what it says; both are empty where the files decide.
    """

    text: Text
    ignored: bool
    conditional: str = ""
    undecided: str = ""
    errexit: bool = False


class MakeTarget(Struct, frozen=True):
    """A target with all its prerequisites and recipe lines, and where its name stands first.

    `conditional` names the condition that decides whether it has more prerequisites.
    """

    name: str
    span: Span
    needs: tuple[str, ...]
    recipes: tuple[Recipe, ...]
    conditional: str = ""


def read(
    source: Source,
    given: Mapping[str, str] | None = None,
    *,
    environment: Environment | None = None,
    file: Callable[[str], Source | None] | None = None,
    goals: str = "",
) -> Makefile:
    """The rules of a file and of those that it includes; `file` finds them, and others, by the path as written.

    `given` are variables of the command line (`make build TAG=1`), which win, and `goals` its targets.
    """
    values = Values(dict(given or {}) | {"MAKECMDGOALS": goals}, environment or Environment(), file)
    made = Makefile(source, values, file)
    made.read(source)
    return made


class _Rule(Struct):
    span: Span
    needs: list[str] = field(default_factory=list)
    latest: list[str] = field(default_factory=list)  # the prerequisites of the line at hand
    lines: list[_Line] = field(default_factory=list)
    double: bool = False  # `::`: each line has a recipe of its own
    begun: bool = False  # whether the line at hand has its recipe
    conditional: str = ""
    specific: list[tuple[str, str, str, str]] = field(default_factory=list)
    stem: str = ""  # of a static pattern rule

    def add(self, line: _Line) -> None:
        """Takes a line of the recipe: it replaces an earlier recipe, and what it needs comes first."""
        if not self.begun:
            self.begun = True
            if not self.double:
                if not line.conditional:
                    self.lines = []
                self.needs = [*self.latest, *self.needs]
        self.lines.append(line)


class _Line(Struct, frozen=True):
    source: Source
    start: int
    end: int
    conditional: str


class Makefile:
    """The rules of a Makefile. `default` is the target without a goal, `missing` the included files not found."""

    def __init__(self, source: Source, values: Values, file: Callable[[str], Source | None] | None) -> None:
        self.source = source
        self.values = values
        self.default = ""
        self.missing: list[str] = []
        self._file = file
        self._rules: dict[str, _Rule] = {}
        self._patterns: list[tuple[str, _Rule]] = []
        self._phony: set[str] = set()
        self._conditions = Conditions(values)
        self._read: set[str] = set()
        self._prefix = "\t"
        self._oneshell = False
        self._ignore = False

    def secrets(self) -> Iterator[str]:
        """The values of variables whose names tell a secret, those of single targets included."""
        rules = (*self._rules.values(), *(rule for _, rule in self._patterns))
        specific = ((name, value) for rule in rules for name, _, value, _ in rule.specific)
        for name, value in (*self.values.variables.items(), *specific):
            if may_hold_secret(name):
                yield self.values.expanded(value).text

    # -- what make runs --------------------------------------------------------------------------------------------

    @property
    def targets(self) -> Mapping[str, MakeTarget]:
        """The explicit targets by name, in order."""
        names = [name for name in self._rules if not name.startswith(".")]
        return {name: target for name in names if (target := self.target(name)) is not None}

    def target(self, name: str, bound: Mapping[str, str] | None = None) -> MakeTarget | None:
        """The target that makes `name`: its own rule, and the recipe of the pattern with the shortest stem."""
        own = self._rules.get(name)
        recipe, stem = own, own.stem if own is not None else ""
        if (own is None or not own.lines) and name not in self._phony:
            found = self._pattern(name)
            if found is not None:
                recipe, stem = found
        if recipe is None or (own is None and self._exists(name)):
            return None
        needs = [*(own.needs if own is not None else ())]
        if recipe is not own:
            needs.extend(need.replace("%", stem, 1) for need in recipe.needs)
        needs = list(dict.fromkeys(needs))
        automatic = {"@": name, "*": stem, "<": needs[0] if needs else "", "^": " ".join(needs), "+": " ".join(needs)}
        values = self.values.bound({**(bound or {}), **automatic})
        recipes = [self._recipe(line, values) for line in recipe.lines]
        span = own.span if own is not None else recipe.span
        conditional = own.conditional if own is not None else recipe.conditional
        return MakeTarget(name, span, tuple(needs), tuple(self._joined(recipes)), conditional)

    def order(self, target: str) -> Iterator[MakeTarget]:
        """The targets that `make target` runs: prerequisites first, each once, cycles cut."""
        visited: set[str] = set()
        stack: list[tuple[str, MakeTarget | None, dict[str, str], int]] = [(target, None, {}, 0)]
        while stack:
            name, ready, bound, depth = stack.pop()
            if ready is not None:
                yield ready
            elif name not in visited and depth < 100:
                visited.add(name)
                bound = self._bound(name, bound)
                found = self.target(name, bound)
                if found is not None:
                    stack.append((name, found, bound, depth))
                    stack.extend((need, None, bound, depth + 1) for need in reversed(found.needs))

    def _bound(self, name: str, bound: dict[str, str]) -> dict[str, str]:
        """The variables that a target sets for itself and its prerequisites."""
        rule = self._rules.get(name) or next(iter(self._pattern(name) or ()), None)
        for key, operator, value, _ in rule.specific if isinstance(rule, _Rule) else ():
            if key in self.values.fixed or (operator == "?=" and self.values.get(key) is not None):
                continue
            before = bound.get(key, self.values.variables.get(key, ""))
            bound = {**bound, key: f"{before} {value}".strip() if operator == "+=" else value}
        return bound

    def _pattern(self, name: str) -> tuple[_Rule, str] | None:
        best: tuple[_Rule, str] | None = None
        for pattern, rule in self._patterns:
            before, _, after = pattern.partition("%")
            fits = name.startswith(before) and name.endswith(after) and len(name) > len(before) + len(after)
            if fits and (rule.lines or rule.needs):
                stem = name[len(before) : len(name) - len(after)]
                if best is None or len(stem) < len(best[1]):
                    best = (rule, stem)
        return best

    def _exists(self, name: str) -> bool:
        return self._file is not None and name not in self._phony and self._file(name) is not None

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, source: Source) -> None:
        """Reads every line of a file; recipes are expanded when they are asked for, with all variables known."""
        if source.path in self._read or len(self._read) >= _MOST_FILES:
            return
        self._read.add(source.path)
        current: list[_Rule] = []
        depth = self._conditions.depth
        number, count = 1, len(source.starts)
        while number <= count:
            start = source.starts[number - 1]
            line = source.line(number)
            last = number
            while line.endswith("\\") and not line.endswith("\\\\") and last < count:
                last += 1
                line = source.line(last)
            end = source.starts[last - 1] + len(line)
            number = last + 1
            whole = source.text[start:end]
            if whole.startswith(self._prefix):
                if current and whole.strip() and self._conditions.counts() is not False:
                    for rule in current:
                        rule.add(_Line(source, start + 1, end, self._conditions.why()))
                continue
            logical = _joined_lines(whole)
            if not logical.strip() or logical.lstrip().startswith("#"):
                continue
            if _DIRECTIVE.match(logical):
                self._conditions.take(logical, depth)
            elif defined := _DEFINE.match(logical):
                number = self._define(defined[1], source, number)
            elif self._conditions.counts() is not False:
                current = self._statement(source, logical, start, end)
        self._conditions.leave(depth)

    def _statement(self, source: Source, logical: str, start: int, end: int) -> list[_Rule]:
        """Reads a line that is no recipe and no conditional; the rules whose recipe may follow."""
        if included := _INCLUDE.match(logical):
            self._include(included[1])
        elif assigned := _VARIABLE.match(logical):
            self._assign(assigned[1], assigned[2], logical[assigned.end() :])
        elif rule := _RULE.match(logical):
            return self._rule(rule, source, start, end)
        return []

    def _include(self, names: str) -> None:
        for name in self.values.expanded(names).text.split():
            found = self._file(name) if self._file is not None and "$" not in name else None
            if found is not None:
                self.read(found)
            else:
                self.missing.append(name)

    def _define(self, name: str, source: Source, number: int) -> int:
        """Reads `define … endef`; the number of the line behind it."""
        lines: list[str] = []
        while number <= len(source.starts):
            line = source.line(number)
            number += 1
            if line.strip() == "endef":
                break
            lines.append(line)
        if self._conditions.counts() is not False:
            self.values.assign(name, "=", "\n".join(lines), self._conditions.why())
        return number

    def _assign(self, name: str, operator: str, value: str) -> None:
        value = uncommented(value).lstrip()  # blanks before a comment count
        if name == ".RECIPEPREFIX":
            self._prefix = value[:1] or "\t"
        elif name == ".DEFAULT_GOAL":
            self.default = self.values.expanded(value).text
        self.values.assign(name, operator, value, self._conditions.why())

    def _rule(self, rule: re.Match[str], source: Source, start: int, end: int) -> list[_Rule]:
        names = [
            name for name in self.values.expanded(rule[1].rstrip("& \t")).text.split()[:_MOST_NAMES] if "$" not in name
        ]
        written, inline, recipe = rule[2].partition(";")
        if assigned := _VARIABLE.match(written.strip() + " "):
            value = uncommented(written.strip()[assigned.end() :]).lstrip()
            for each in (self._named(name, source, start, rule) for name in names):
                each.specific.append((assigned[1], assigned[2], value, self._conditions.why()))
            return []
        written = re.sub(r"#.*", "", written)
        pattern, static, behind = written.partition(":")
        expanded = self.values.expanded(behind if static else written)
        needs = [need for need in expanded.text.split() if need != "|" and "$" not in need]
        rules = []
        for name in names:
            made = self._named(name, source, start, rule)
            why = self._conditions.why() or expanded.conditional
            if why and needs:
                made.conditional = made.conditional or why
            if static:
                before, _, after = pattern.strip().partition("%")
                made.stem = name.removeprefix(before).removesuffix(after)
            made.begun, made.double = False, "::" in rule[0][len(rule[1]) : len(rule[1]) + 2]
            made.latest = []
            if not self._conditions.why():
                made.latest = [need.replace("%", made.stem, 1) if static else need for need in needs]
                made.needs.extend(made.latest)
            self._special(name, needs)
            if not self.default and not name.startswith(".") and "%" not in name:
                self.default = name
            rules.append(made)
        if inline and recipe.strip():
            at = source.text.rfind(recipe.strip(), start, end)
            for made in rules if at >= 0 else ():
                made.add(_Line(source, at, end, self._conditions.why()))
        return rules

    def _named(self, name: str, source: Source, start: int, rule: re.Match[str]) -> _Rule:
        span = source.span(start, start + len(rule[1].rstrip()))
        if "%" in name:
            made = _Rule(span)
            if len(self._patterns) < _MOST_NAMES:
                self._patterns.append((name, made))
            return made
        return self._rules.setdefault(name, _Rule(span))

    def _special(self, name: str, needs: list[str]) -> None:
        match name:
            case ".PHONY":
                self._phony.update(needs)
            case ".ONESHELL":
                self._oneshell = True
            case ".IGNORE" if not needs:
                self._ignore = True
            case _:
                pass

    # -- recipes ---------------------------------------------------------------------------------------------------

    def _joined(self, recipes: list[Recipe]) -> list[Recipe]:
        """The lines as make gives them to shells: one by one, or as one script with `.ONESHELL`."""
        if self._ignore:
            recipes = [replace(each, ignored=True) for each in recipes]
        if not self._oneshell or len(recipes) < 2:
            return recipes
        lines: list[Text] = []
        for recipe in recipes:
            end = recipe.text.place
            lines += (recipe.text, Text.made("\n", end._replace(start=end.end)))
        return [
            Recipe(
                Text.join(lines),
                recipes[0].ignored,
                next((each.conditional for each in recipes if each.conditional), ""),
                next((each.undecided for each in recipes if each.undecided), ""),
                errexit=recipes[0].errexit,
            )
        ]

    def _recipe(self, line: _Line, values: Values) -> Recipe:
        raw, start, end = line.source.text, line.start, line.end
        ignored = False
        while start < end and raw[start] in "\t @-+":
            ignored = ignored or raw[start] == "-"
            start += 1
        source, path = line.source, line.source.path
        pieces: list[Text] = []
        undecided = ""
        at, length = start, 0
        closed = closers(raw, start, end)
        while (dollar := raw.find("$", at, end)) >= 0:
            pieces.append(Text.standing(raw[at:dollar], path, at))
            length += dollar - at
            at = reference_end(raw, dollar, end, closed)
            written = raw[dollar:at]
            if written == "$$":
                pieces.append(Text.standing("$", path, dollar + 1))
                length += 1
                continue
            # A word of its own is told by its neighbours, which the recipe holds.
            before, behind = raw[dollar - 1 : dollar] if dollar > start else "", raw[at : min(at + 1, end)]
            alone = not before.strip() and not behind.strip()
            made = values.expanded(written, longest=max(0, _LONGEST - length), whole=alone)
            undecided = undecided or made.conditional
            name = written[2:-1] if written[1:2] in {"(", "{"} else ""
            length += len(made.text)
            if made.text in {f"${{{name}}}", "${_}"} and NAME.match(name):
                unknown = Unknown(f"'{name}' is not in the Makefile", source.span(dollar, at))
                pieces.append(Text.undecided(f"${{{name}}}", unknown))
                continue
            pieces.append(Text.made(made.text, source.span(dollar, at)))
        pieces.append(Text.standing(raw[at:end], path, at))
        flags = self.values.variables.get(".SHELLFLAGS", "")
        errexit = re.search(r"(?:^|\s)-\w*e", flags) is not None
        return Recipe(Text.join(pieces), ignored, line.conditional, undecided, errexit)


def _joined_lines(whole: str) -> str:
    """A logical line: a backslash, the line end and the blanks around them are one blank."""
    if "\\\n" not in whole and "\\\r\n" not in whole:
        return whole
    first, *others = re.split(r"\\\r?\n", whole)
    return " ".join([first.rstrip(" \t"), *(each.strip(" \t") for each in others)])
