"""Files of rules in YAML → rules and packs, with the line and column of the first mistake."""

from __future__ import annotations

import string
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert, defstruct

from policyengine.hooks import hookimpl
from policyengine.model.source import ReadError, Source, Span, UsageError
from policyengine.patterns import regex
from policyengine.repository import configuration
from policyengine.rules.declarative import cel, files_of
from policyengine.rules.declarative.everywhere import EVERY
from policyengine.rules.declarative.fields import Type, close, spoken
from policyengine.rules.declarative.judging import Judge, Mending, Wording
from policyengine.rules.declarative.lowering import Mistake
from policyengine.rules.declarative.part import ContainerPart, FilePart
from policyengine.rules.declarative.selecting import (
    PAIR,
    Filter,
    Selecting,
    Selection,
    every_kind,
    kinds,
    lacking,
    pairable,
)
from policyengine.rules.extending import Extends
from policyengine.rules.rule import NoOptions, Pack, Rule, Severity, links
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from policyengine.rules.declarative.facts import Path as FactPath
    from policyengine.rules.declarative.part import FixPart, NodePart, PairPart, ParameterPart, RulePart
    from policyengine.syntax.tree import Document

T = TypeVar("T", str, Wording)

_LARGEST = 1 << 20
_MOST = 1_000
_PLACEHOLDERS = 5
_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "strings": tuple[str, ...],
}


def module(name: str) -> ModuleType:
    """A pack in YAML as the module of a plug-in. Raises `UsageError` as `yaml_pack` does."""
    pack = yaml_pack(Path(name))
    made = ModuleType(f"policyengine_yaml_{pack.name.replace('-', '_')}", f"The pack '{pack.name}' of {name}.")

    @hookimpl
    def policyengine_pack() -> Pack[Any]:
        return pack

    vars(made)["policyengine_pack"] = policyengine_pack
    return made


def yaml_pack(path: Path) -> Pack[Any]:
    """The pack in a YAML file, or in the YAML files of a folder, one of which names it.

    Raises:
        UsageError: a file cannot be read or is wrong, or there is no rule; the message names it with line and column.
    """
    folder = path if path.is_dir() else path.parent
    files = [_File.read(each) for each in files_of(path)]
    naming = [each for each in files if each.part.pack is not UNSET]
    if len(naming) != 1:
        where = naming[1].place("pack") if naming else f"{files[0].source.path}:1:1" if files else str(path)
        said = "the pack has a name already" if naming else "one file names the pack: 'pack: NAME'"
        raise UsageError(f"{where}: {said}")
    own = naming[0]
    mandates, parameters = _joined(files, "mandates"), _joined(files, "parameters")
    options = _options(files, parameters)
    rules = _rules(files, options, mandates)
    if not rules and not _joined(files, "extends"):
        raise UsageError(f"{own.place('pack')}: the pack has no 'rules', and 'extends' no other")
    cases = folder / "cases"
    return Pack(
        name=str(own.part.pack),
        version=own.part.version if isinstance(own.part.version, str) else "",
        rules=rules,
        mandates=mandates,
        options=options,
        sides=_joined(files, "sides"),
        help_uri=own.part.help_uri,
        cases=cases if cases.is_dir() else None,
        api=own.part.api,
        extends=tuple(
            Extends(name, each.version, each.disable, each.severities, each.options)
            for name, each in _joined(files, "extends").items()
        ),
    )


def yaml_rules(path: Path, options: type[Struct] | None = None) -> tuple[Rule[Any], ...]:
    """The rules of a YAML file, or of the YAML files of a folder, as part of a pack in Python.

    Raises:
        UsageError: a file cannot be read or is wrong; the message names it with line and column.
    """
    files = [_File.read(each) for each in files_of(path)]
    for file in files:
        for key in ("pack", "version", "parameters", "mandates", "sides", "extends", "help_uri", "api"):
            if file.has(key):
                where = file.place(key)
                raise UsageError(f"{where}: '{key}' is said by the pack in Python that these rules are part of")
    return _rules(files, options or NoOptions, None)


class _File(NamedTuple):
    """One file: its text, its documents with their places, and what it says."""

    source: Source
    document: Document
    part: FilePart

    @classmethod
    def read(cls, path: Path) -> _File:
        """A file as it is, checked against the types of its parts."""
        from policyengine.syntax import yaml  # noqa: PLC0415  only packs in YAML pay for it

        try:
            if path.stat().st_size > _LARGEST:
                raise UsageError(f"{path} has over {_LARGEST} bytes; a pack is several files in a folder")
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(f"policy pack '{path}' cannot be read: {said}") from error
        source = Source(str(path), text)
        try:
            document = yaml.read(source)
        except ReadError as error:
            raise UsageError(f"{configuration.where(source, error.span)}: {error}") from error
        if isinstance(document, Scalar) and not document.text:
            raise UsageError(f"{path}:1:1: the file is empty; it holds 'rules'")
        rules = document.get("rules") if isinstance(document, Mapping) else None
        for rule in rules.items if isinstance(rules, Sequence) else ():
            kind = rule.get("select") if isinstance(rule, Mapping) else None
            if isinstance(kind, Scalar):
                place = configuration.where(source, kind.span)
                shown = "resource: aws_db_instance" if not kind.text else f"{kind.text}: {{}}"
                if kind.text and kind.text not in {*kinds(), PAIR}:
                    shown = f"resource: {kind.text}"
                raise UsageError(f"{place}: 'select' is a mapping, such as {{{shown}}}")
        return cls(source, document, configuration.typed(source, document, FilePart))

    def has(self, key: str) -> bool:
        """Whether a key stands at the top."""
        return isinstance(self.document, Mapping) and self.document.get(key) is not None

    def at(self, *path: object) -> Document:
        """The part of the document at a path."""
        return configuration.at(self.document, [*path])

    def place(self, *path: object) -> str:
        """`file:line:column` of the key, or of the element, at a path."""
        *around, last = path
        parent = self.at(*around)
        entry = parent.entry(str(last)) if isinstance(parent, Mapping) else None
        return configuration.where(self.source, self.at(*path).span if entry is None else entry.key.span)

    def wrong(self, message: str, *path: object) -> UsageError:
        """An error at a part."""
        return UsageError(f"{configuration.where(self.source, self.at(*path).span)}: {message}")

    def mistaken(self, mistake: Mistake, at: int, *path: object) -> UsageError:
        """An error within the scalar at a path; `at` is where in it the expression begins."""
        scalar = self.at(*path)
        place = scalar.span
        if isinstance(scalar, Scalar) and scalar.text:
            start = min(at + mistake.start, len(scalar.text))
            inner = unfold(self.source, scalar)
            place = (
                inner.span(start, min(start + 1, len(scalar.text)))
                if start < len(scalar.text)
                else Span(self.source.path, scalar.span.end, scalar.span.end)
            )
        return UsageError(f"{configuration.where(self.source, place)}: {mistake.message}")


def _joined(files: list[_File], key: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for file in files:
        for name, each in getattr(file.part, key).items():
            if name in made:
                raise UsageError(f"{file.place(key, name)}: '{name}' is in {key} already")
            made[name] = each
    return made


def _options(files: list[_File], parameters: dict[str, ParameterPart]) -> type[Struct]:
    """The type of the pack's part of policyengine.yaml: a field a parameter."""
    made: list[tuple[str, Any, Any]] = []
    for name, each in parameters.items():
        file = next(one for one in files if name in one.part.parameters)
        if not name.isidentifier() or name.startswith("_"):
            raise UsageError(
                f"{file.place('parameters', name)}: '{name}' is no name of a parameter, such as 'registry'"
            )
        kind = _TYPES[each.type]
        try:
            default = convert(each.default, kind)
        except ValidationError:
            message = f"the default of '{name}' is no {each.type}"
            raise file.wrong(message, "parameters", name, "default") from None
        made.append((name, Annotated[kind, Meta(description=each.description)] if each.description else kind, default))
    doc = "The parameters of the pack."
    return defstruct("Parameters", made, namespace={"__doc__": doc}, frozen=True, forbid_unknown_fields=True)


def _rules(files: list[_File], options: type[Struct], mandates: dict[str, str] | None) -> tuple[Rule[Any], ...]:
    """The rules of several files, in their order. Without `mandates` the pack in Python checks them."""
    selecting = Selecting()
    made: dict[str, Rule[Any]] = {}
    for file in files:
        if len(file.part.rules) > _MOST:
            raise file.wrong(f"the file has over {_MOST} rules", "rules", _MOST)
        for number, part in enumerate(file.part.rules):
            if part.id in made:
                raise file.wrong(f"the rule {part.id} is there already", "rules", number, "id")
            if mandates is not None and part.mandate not in (*mandates, ""):
                hint = close(part.mandate, mandates)
                raise file.wrong(f"there is no mandate '{part.mandate}'; {hint}", "rules", number, "mandate")
            made[part.id] = _Reading(file, number, options, selecting).rule(part)
    return tuple(made.values())


class _Reading:
    """Makes one rule of its part of a file."""

    def __init__(self, file: _File, number: int, options: type[Struct], selecting: Selecting) -> None:
        self._file = file
        self._at = ("rules", number)
        self._options = options
        self._selecting = selecting
        self._roots: dict[str, Type] = {}
        self._arguments: dict[str, cel.Condition] = {}

    def rule(self, part: RulePart) -> Rule[Any]:
        """The rule that a part is."""
        selection = self._selection(part)
        self._roots = {**selection.roots, "params": Type("record", records=(self._options,)), EVERY: every_kind()}
        where = None if part.where is UNSET else self._condition(str(part.where), "where")
        require = self._condition(part.require, "require")
        self._arguments = {name: self._expression(text, "args", name) for name, text in part.args.items()}
        message = self._wording(part.message, "message")
        if len(message.paths) + len(message.names) > _PLACEHOLDERS:
            raise self._wrong(f"the message has over {_PLACEHOLDERS} placeholders", "message")
        told = [number for number in links(part.message) if not 1 <= number <= len(part.related)]
        if told:
            count = len(part.related) or "none"
            raise self._wrong(f"the message links place {told[0]}, and under 'related' there are {count}", "message")
        unused = next((name for name in part.args if name not in (*message.names, *self._in_fix(part))), None)
        if unused is not None:
            raise self._wrong(f"no text has a placeholder '{{{unused}}}'", "args", unused)
        named = [each for each in require.asked if each[0] not in ("params", EVERY)]
        at = (self._path(part.at, "at"),) if isinstance(part.at, str) else tuple(named)
        judge = Judge(
            selecting=self._selecting,
            selection=selection,
            where=where,
            require=require,
            verdict=cel.verdict(where, require),
            message=message,
            arguments=self._arguments,
            at=at,
            related=tuple(self._path(text, "related", number) for number, text in enumerate(part.related)),
            fix=None if isinstance(part.fix, UnsetType) else self._mending(part.fix),
            loops=() if isinstance(part.at, str) else cel.breaking(require),
        )
        for condition in (where, require, *self._arguments.values()):
            if condition is not None:
                self._selecting.need(selection, condition)
        return Rule(
            id=part.id,
            name=_named(part),
            mandate=part.mandate,
            severity=Severity(part.severity),
            messages={"default": message.text},
            summary=" ".join(part.summary.split()),
            rationale=part.rationale.strip(),
            check=judge,
            remedy=part.remedy,
            precision=part.precision,
            tags=part.tags,
            cwe=part.cwe,
            security=part.security if isinstance(part.security, float) else None,
        )

    def _selection(self, part: RulePart) -> Selection:
        told = self._file.at(*self._at, "select")
        keys = [entry.key.text for entry in told.entries] if isinstance(told, Mapping) else []
        if len(keys) != 1:
            several = f"; here are {' and '.join(keys)}" if keys else ""
            raise self._wrong(f"'select' has one key, the kind of what is selected{several}", "select")
        kind = keys[0]
        given = getattr(part.select, kind)
        if kind == PAIR:
            selection = self._pair(given)
        elif isinstance(given, str | tuple):
            types = (given,) if isinstance(given, str) else given
            if kind == "data":
                types = tuple(each if each.startswith(("data.", "*")) else f"data.{each}" for each in types)
            selection = Selection(kind, Filter(types=() if "*" in types else types))
        else:
            selection = Selection(kind, _filter(given))
        lacks = lacking(selection)
        if lacks:
            raise UsageError(
                f"{self._file.place(*self._at, 'select', kind, lacks)}: a {selection.kind} has no '{lacks}'"
            )
        return selection

    def _pair(self, part: PairPart) -> Selection:
        if part.of not in pairable():
            raise self._wrong(f"there are no pairs of '{part.of}'; {close(part.of, pairable())}", "select", PAIR, "of")
        return Selection(part.of, _filter(part), pair=True)

    def _condition(self, text: str, key: str) -> cel.Condition:
        condition = self._expression(text, key)
        if condition.gives not in ("BOOL", "DYN"):
            raise self._wrong(f"'{key}' gives no answer of true or false but a {condition.gives.lower()}", key)
        return condition

    def _expression(self, text: str, *keys: object) -> cel.Condition:
        try:
            return cel.condition(text, self._roots)
        except Mistake as mistake:
            raise self._file.mistaken(mistake, 0, *self._at, *keys) from None

    def _path(self, text: str, *keys: object, within: int = 0) -> FactPath:
        try:
            return cel.path(text, {name: each for name, each in self._roots.items() if name != EVERY})[0]
        except Mistake as mistake:
            raise self._file.mistaken(mistake, within, *self._at, *keys) from None

    def _in_fix(self, part: RulePart) -> tuple[str, ...]:
        if isinstance(part.fix, UnsetType):
            return ()
        texts = (part.fix.description, part.fix.by if isinstance(part.fix.by, str) else "")
        return tuple(name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name)

    def _wording(self, text: str, *keys: object) -> Wording:
        """A text with each placeholder as a name that a format takes."""
        try:
            parts = [*string.Formatter().parse(text)]
        except ValueError:
            raise self._wrong("a brace stands alone; write it twice: {{ or }}", *keys) from None
        paths: dict[str, FactPath] = {}
        names: list[str] = []
        made, at = "", 0
        for before, name, form, conversion in parts:
            made += before.replace("{", "{{").replace("}", "}}")
            if name is None:
                continue
            at = text.index("{" + name, at) + 1
            if form or conversion or not name.strip():
                said = f"the placeholder '{{{name}}}' is no path" if form or conversion else "a placeholder is empty"
                raise self._file.mistaken(Mistake(said, at, at + 1), 0, *self._at, *keys)
            if name in self._arguments:
                names.append(name)
                made += f"{{{name}}}"
                continue
            path = self._spoken(name, at, *keys)
            short = "_".join(str(step) for step in path[1:] or path)
            called = "".join(each if each.isalnum() or each == "_" else "_" for each in short)
            while called in paths and paths[called] != path:
                called = f"{path[0]}_{called}"
            paths[called] = path
            made += f"{{{called}}}"
        return Wording(made, paths, tuple(dict.fromkeys(names)))

    def _spoken(self, name: str, at: int, *keys: object) -> FactPath:
        if name.startswith(f"{EVERY}."):
            said = "what all nodes have is told by an argument, which 'args' computes"
            raise self._file.mistaken(Mistake(said, 0, 1), at, *self._at, *keys)
        try:
            path, type_ = cel.path(name, self._roots)
        except Mistake as mistake:
            hint = f" ('args' has {', '.join(self._arguments)})" if self._arguments and "." not in name else ""
            more = Mistake(mistake.message + hint, mistake.start, mistake.end)
            raise self._file.mistaken(more, at, *self._at, *keys) from None
        if type_.kind == "record" and not all(map(spoken, type_.records)):
            said = f"'{name}' is of type {type_}, which is no text; name one of its fields"
            raise self._file.mistaken(Mistake(said, 0, 1), at, *self._at, *keys)
        return path

    def _mending(self, part: FixPart) -> Mending:
        description = self._wording(part.description, "fix", "description")
        if (part.replace is UNSET) != (part.by is UNSET):
            raise self._wrong("'replace' and 'by' stand together", "fix")
        if not isinstance(part.replace, str) or not isinstance(part.by, str):
            return Mending(description)
        return Mending(description, self._path(part.replace, "fix", "replace"), self._wording(part.by, "fix", "by"))

    def _wrong(self, message: str, *keys: object) -> UsageError:
        return self._file.wrong(message, *self._at, *keys)


def _filter(part: NodePart | ContainerPart | PairPart) -> Filter:
    return Filter(
        side=_told(getattr(part, "side", UNSET)),
        role=_told(part.role),
        engine=_told(getattr(part, "engine", UNSET)),
        deployed=isinstance(part, ContainerPart) and part.deployed,
    )


def _named(part: RulePart) -> str:
    """What a rule is called: as it says, else by the words of its summary; viewers of SARIF show it beside the id."""
    name = part.name if isinstance(part.name, str) else part.summary.lower()
    words = [word for word in regex(r"[a-z0-9]+").findall(name) if word not in ("a", "an", "the")][:_WORDS]
    return "".join(word.capitalize() for word in words) if words and words[0][0].isalpha() else f"Rule{part.id.title()}"


_WORDS = 8


def _told(value: object) -> str:
    return str(value) if isinstance(value, str) else ""
