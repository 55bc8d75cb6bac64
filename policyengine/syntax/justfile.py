"""Justfiles as far as `just recipe` needs: recipes, their dependencies and lines, variables, aliases and settings.

Source of fact: the just manual (just.systems/man). Expressions are evaluated as far as they are texts, variables,
parameters, `+`, `/`, `env()` and `if`; what is left is not decided. Lines are `Text`s for the shell reader;
characters that came from a variable stand where it is used.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.text import Text
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.syntax.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.model.source import Source

_DEEPEST = 8
_LONGEST = 20_000
_LONGEST_EXPRESSION = 1_000
_MOST_VALUES = 100_000
"""How many expressions of a file are evaluated."""
_MOST_FILES = 50
_MOST_RUNS = 500
_ASSIGNED = regex(r"(?:export[ \t]+)?([A-Za-z_][\w-]*)[ \t]*:=[ \t]*(.*)", re.DOTALL)
_SETTING = regex(r"set[ \t]+([\w-]+)[ \t]*(?::=[ \t]*(.*))?\Z", re.DOTALL)
_ALIAS = regex(r"alias[ \t]+([\w-]+)[ \t]*:=[ \t]*([\w:-]+)")
_IMPORT = regex(r"import(\??)[ \t]+(?:'([^']*)'|\"([^\"]*)\")")
_MODULE = regex(r"mod(\??)[ \t]+([\w-]+)(?:[ \t]+(?:'([^']*)'|\"([^\"]*)\"))?")
_HEAD = regex(r"@?([A-Za-z_][\w-]*)((?:[^:'\"\n]|'[^'\n]*'|\"[^\"\n]*\")*):(?!=)(.*)", re.DOTALL)
_PARAMETER = regex(r"([+*]?)\$?([A-Za-z_][\w-]*)(?:=('[^']*'|\"[^\"]*\"|[^\s'\"]+))?")
_NEED = regex(r"\(([^()]*)\)|([A-Za-z_][\w:-]*)|(&&)")
_ATTRIBUTE = regex(r"\[([^\]\n]*)\][ \t]*\Z")
_PUT = regex(r"\{\{\{\{|\{\{((?:'[^']{0,200}'|\"[^\"]{0,200}\"|[^'\"}]|\}(?!\})){0,200})\}\}")
_TERM = regex(r"\s*(?:'([^'\n]*)'|\"((?:[^\"\\\n]|\\.)*)\"|([A-Za-z_][\w-]*)(?![\w(-])|"
              r"env(?:_var|_var_or_default)?\(([^()]*)\))\s*")  # fmt: skip
_CHOICE = regex(r"\s*if\s+([^={]+?)\s*(==|!=)\s*([^{]+?)\s*\{([^{}]*)\}\s*else\s*\{([^{}]*)\}\s*")
_SYSTEMS = frozenset({"linux", "macos", "windows", "unix", "openbsd"})


class RecipeLine(Struct, frozen=True):
    """One line of a recipe, which just gives to a shell of its own, or the whole body of a recipe with a shebang."""

    text: Text
    ignored: bool
    directory: str  # relative to the folder of the file, or empty


class RecipeRun(Struct, frozen=True):
    """A recipe that runs: its name, its lines, and why they cannot be read where they cannot."""

    name: str
    path: str
    lines: tuple[RecipeLine, ...]
    gap: str = ""


class _Recipe(Struct):
    name: str
    source: Source
    parameters: list[tuple[str, str, str | None]]
    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    lines: list[tuple[int, int]] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    indent: int = 0


def read(
    source: Source,
    *,
    given: Mapping[str, str] | None = None,
    environment: Environment | None = None,
    file: Callable[[str], Source | None] | None = None,
) -> Justfile:
    """The recipes of a file and of those it imports; `file` finds them by the path from the folder of the file.

    `given` are variables of the command line (`just tag=1 build`), which win.
    """
    made = Justfile(source, dict(given or {}), environment or Environment(), file)
    made.read(source, "")
    return made


class Justfile:
    """The recipes of a justfile. `default` is what runs without a name."""

    def __init__(
        self,
        source: Source,
        given: dict[str, str],
        environment: Environment,
        file: Callable[[str], Source | None] | None,
    ) -> None:
        self.source = source
        self.given = given
        self.environment = environment
        self.default = ""
        self.modules: dict[str, str] = {}
        """The folders or files of modules by name, as written."""
        self.settings: dict[str, str] = {}
        self._file = file
        self._recipes: dict[str, _Recipe] = {}
        self._aliases: dict[str, str] = {}
        self._variables: dict[str, str] = {}
        self._read: set[str] = set()
        self._left = _MOST_VALUES

    def secrets(self) -> Iterator[str]:
        """The values of variables and parameters whose names tell a secret."""
        parameters = ((name, default) for each in self._recipes.values() for _, name, default in each.parameters)
        for name, written in (*self._variables.items(), *parameters):
            if may_hold_secret(name) and (value := self._value(written, {})):
                yield value
        yield from (value for name, value in self.given.items() if may_hold_secret(name))

    # -- what just runs --------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether there is such a recipe."""
        return self._aliases.get(name, name) in self._recipes

    def split(self, words: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """The recipes that a command line names, each with its arguments."""
        waiting = list(words)
        while waiting:
            name = waiting.pop(0)
            recipe = self._recipes.get(self._aliases.get(name, name))
            count = 0
            if recipe is not None:
                many = any(mark for mark, _, _ in recipe.parameters)
                count = len(waiting) if many else min(len(recipe.parameters), len(waiting))
            yield name, waiting[:count]
            del waiting[:count]

    def order(self, name: str, arguments: Sequence[str] = ()) -> Iterator[RecipeRun]:
        """The recipes that `just name` runs: dependencies first, each call once, those behind `&&` afterwards."""
        visited: set[tuple[str, tuple[str, ...]]] = set()
        stack: list[tuple[str, tuple[str, ...], bool, int]] = [(name, tuple(arguments), False, 0)]
        while stack and len(visited) < _MOST_RUNS:
            name, given, ready, depth = stack.pop()
            recipe = self._recipes.get(self._aliases.get(name, name))
            if recipe is None:
                continue
            bound = self._bound(recipe, given)
            if ready:
                yield self._run(recipe, bound)
            elif (recipe.name, given) not in visited and depth < 100:
                visited.add((recipe.name, given))
                stack.extend((*self._needed(need, bound), False, depth + 1) for need in reversed(recipe.after))
                stack.append((name, given, True, depth))
                stack.extend((*self._needed(need, bound), False, depth + 1) for need in reversed(recipe.before))

    def _needed(self, written: str, bound: Mapping[str, str | None]) -> tuple[str, tuple[str, ...]]:
        """A dependency `name` or `name argument …`."""
        name, _, rest = written.strip().partition(" ")
        given = [value if value is not None else "${_}" for value in self._terms(rest, bound)]
        return name, tuple(given)

    def _bound(self, recipe: _Recipe, given: Sequence[str]) -> dict[str, str | None]:
        bound: dict[str, str | None] = {}
        for number, (mark, name, default) in enumerate(recipe.parameters):
            if mark:
                bound[name] = " ".join(given[number:]) or (self._value(default, bound) if default else "")
            elif number < len(given):
                bound[name] = given[number]
            else:
                bound[name] = self._value(default, bound) if default is not None else None
        return bound

    def _run(self, recipe: _Recipe, bound: Mapping[str, str | None]) -> RecipeRun:
        systems = _SYSTEMS.intersection(recipe.attributes)
        system = {"Linux": "linux", "macOS": "macos", "Windows": "windows"}.get(
            self.environment.get("RUNNER_OS") or "", ""
        )
        if systems and system and system not in systems and not ("unix" in systems and system != "windows"):
            return RecipeRun(recipe.name, recipe.source.path, ())
        lines = self._script(recipe, bound) if self._shebang(recipe) else self._lines(recipe, bound)
        gap = self._unread(recipe)
        return RecipeRun(recipe.name, recipe.source.path, () if gap else tuple(lines), gap)

    def _shebang(self, recipe: _Recipe) -> bool:
        """Whether a recipe is one script: by its first line, or by an attribute; without lines it is none."""
        return bool(recipe.lines) and (
            recipe.source.text.startswith("#!", recipe.lines[0][0])
            or any(each.startswith("script") for each in recipe.attributes)
        )

    def _unread(self, recipe: _Recipe) -> str:
        """Why the lines are for no shell that can be read."""
        first = recipe.source.text[slice(*recipe.lines[0])] if recipe.lines else ""
        if first.startswith("#!"):
            return (
                "" if re.search(r"\b(?:ba|da|z|k|a)?sh\b", first) else f"a recipe for {first[2:].strip()} is not read"
            )
        attribute = next((each for each in recipe.attributes if each.startswith("script(")), "")
        shell = attribute or self.settings.get("shell", "")
        if shell and not re.search(r"\b(?:ba|da|z|k|a)?sh\b", shell):
            return f"a recipe for {shell} is not read"
        return ""

    def _lines(self, recipe: _Recipe, bound: Mapping[str, str | None]) -> Iterator[RecipeLine]:
        number = 0
        while number < len(recipe.lines):
            start, end = recipe.lines[number]
            while recipe.source.text[start:end].endswith("\\") and number + 1 < len(recipe.lines):
                number += 1
                end = recipe.lines[number][1]
            number += 1
            raw, ignored = recipe.source.text, False
            while start < end and raw[start] in " \t@-":
                ignored = ignored or raw[start] == "-"
                start += 1
            if start < end and raw[start] != "#":
                yield RecipeLine(self._text(recipe.source, [(start, end)], bound), ignored, self._directory(recipe))

    def _script(self, recipe: _Recipe, bound: Mapping[str, str | None]) -> Iterator[RecipeLine]:
        yield RecipeLine(self._text(recipe.source, recipe.lines, bound), False, self._directory(recipe))  # noqa: FBT003

    def _directory(self, recipe: _Recipe) -> str:
        written = next((each for each in recipe.attributes if each.startswith("working-directory")), "")
        found = re.search(r"['\"]([^'\"]*)['\"]", written or self.settings.get("working-directory", ""))
        return found[1] if found else ""

    def _text(self, source: Source, ranges: Sequence[tuple[int, int]], bound: Mapping[str, str | None]) -> Text:
        texts: list[Text] = []
        length = 0
        for start, end in ranges:
            at = start
            for put in _PUT.finditer(source.text, start, end):
                texts.append(Text.standing(source.text[at : put.start()], source.path, at))
                length += put.start() - at
                at = put.end()
                value = "{{" if put[1] is None else self._value(put[1], bound)
                span = source.span(*put.span())
                if value is None:
                    name = put[1].strip() if re.fullmatch(r"[A-Za-z_]\w*", put[1].strip()) else "_"
                    unknown = Unknown(f"'{put[1].strip()}' is not in the justfile", span)
                    texts.append(Text.undecided(f"${{{name}}}", unknown))
                    continue
                value = value[: _LONGEST - min(length, _LONGEST)]
                length += len(value)
                texts.append(Text.made(value, span))
            texts.append(Text.standing(source.text[at:end], source.path, at))
            length += end - at
            if len(ranges) > 1:
                texts.append(Text.made("\n", source.span(end, end)))
        return Text.join(texts)

    # -- expressions -----------------------------------------------------------------------------------------------

    def _value(self, written: str | None, bound: Mapping[str, str | None], depth: int = 0) -> str | None:
        """What an expression comes to; None where the files do not decide it."""
        self._left -= 1
        if written is None or depth > _DEEPEST or len(written) > _LONGEST_EXPRESSION or self._left < 0:
            return None
        if chosen := _CHOICE.fullmatch(written):
            one, other = self._value(chosen[1], bound, depth + 1), self._value(chosen[3], bound, depth + 1)
            if one is None or other is None:
                return None
            return self._value(chosen[4] if (one == other) == (chosen[2] == "==") else chosen[5], bound, depth + 1)
        found, at, joint = "", 0, ""
        while True:
            term = _TERM.match(written, at)
            value = self._term(term, bound, depth) if term is not None else None
            if term is None or value is None:
                return None
            found = f"{found}/{value}" if joint == "/" else found + value
            at = term.end()
            joint = written[at : at + 1]
            if not joint:
                return found[:_LONGEST]
            if joint not in "+/":
                return None
            at += 1

    def _term(self, term: re.Match[str], bound: Mapping[str, str | None], depth: int) -> str | None:
        if term[1] is not None:
            return term[1]
        if term[2] is not None:
            return re.sub(r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), term[2])
        if term[3] is not None:
            name = term[3]
            if name in bound:
                return bound[name]
            if name in self.given:
                return self.given[name]
            return self._value(self._variables.get(name), {}, depth + 1)
        key, *default = self._terms((term[4] or "").replace(",", " "), bound)
        found = self.environment.get(key) if key else None
        return default[0] if found == "" and default else found

    def _terms(self, written: str, bound: Mapping[str, str | None]) -> list[str | None]:
        """The expressions of a list, by blanks."""
        found: list[str | None] = []
        at = 0
        while term := _TERM.match(written, at):
            found.append(self._term(term, bound, 1))
            at = term.end()
        return found or ([] if not written.strip() else [None])

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, source: Source, folder: str) -> None:
        """Reads a file; what stands in the importing one wins."""
        if source.path in self._read or len(self._read) >= _MOST_FILES:
            return
        self._read.add(source.path)
        current: _Recipe | None = None
        attributes: list[str] = []
        imports: list[str] = []
        for number in range(1, len(source.starts) + 1):
            start, line = source.starts[number - 1], source.line(number)
            if line[:1] in {" ", "\t"}:
                if current is not None:
                    indent = len(line) - len(line.lstrip())
                    current.indent = current.indent or indent
                    current.lines.append((start + min(indent, current.indent), start + len(line)))
                continue
            if not line.strip():
                continue
            current = None
            if line.startswith("#"):
                continue
            if attribute := _ATTRIBUTE.match(line):
                attributes.extend(part.strip() for part in attribute[1].split(","))
                continue
            if imported := _IMPORT.match(line):
                imports.append(imported[2] or imported[3] or "")
            else:
                current = self._statement(source, line, attributes)
            attributes = []
        for name in imports:
            path = f"{folder}/{name}" if folder else name
            found = self._file(path) if self._file is not None else None
            if found is not None:
                self.read(found, path.rpartition("/")[0])

    def _statement(self, source: Source, line: str, attributes: list[str]) -> _Recipe | None:
        if setting := _SETTING.match(line):
            self.settings.setdefault(setting[1], setting[2] or "true")
        elif alias := _ALIAS.match(line):
            self._aliases.setdefault(alias[1], alias[2])
        elif module := _MODULE.fullmatch(line.rstrip()):
            self.modules.setdefault(module[2], module[3] or module[4] or "")
        elif assigned := _ASSIGNED.match(line):
            self._variables.setdefault(assigned[1], assigned[2].strip())
        elif head := _HEAD.match(line):
            return self._recipe(head, source, attributes)
        return None

    def _recipe(self, head: re.Match[str], source: Source, attributes: list[str]) -> _Recipe:
        parameters = [(each[1], each[2], each[3]) for each in _PARAMETER.finditer(head[2])]
        recipe = _Recipe(head[1], source, parameters, attributes=attributes)
        into = recipe.before
        for need in _NEED.finditer(re.sub(r"(?:^|\s)#.*", "", head[3])):
            if need[3]:
                into = recipe.after
            elif name := need[1] or need[2]:
                into.append(name)
        if self._recipes.setdefault(head[1], recipe) is recipe and not self.default:
            self.default = head[1]
        return recipe
