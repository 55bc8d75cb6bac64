"""The variables of Pydantic's settings classes: each field is one, and must be there unless it has a default."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from policyengine.knowledge import settings
from policyengine.platforms.code import config_values as values
from policyengine.platforms.code.config_python_values import Class
from policyengine.platforms.code.config_values import Environment, Guard, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.knowledge.settings import SettingsFunction
    from policyengine.model.source import Span
    from policyengine.platforms.code.config_python import Program

_NESTED = "settings within settings are not read"


def declared(program: Program) -> None:
    """Note the fields of the settings classes of a module that objects are made of, or of the only one."""
    known = [each for each in program.classes if _root(each) is not None]
    parents = {id(base) for each in known for base in each.parents}
    made: dict[int, set[str | None]] = {
        id(each): {keyword.arg for keyword in call.keywords} for each, call in program.made
    }
    waiting = [each for each in known if id(each) in made]
    while waiting:  # `Field(default_factory=Inner)` makes another
        inner = [each for field in _fields(waiting.pop()).values() if (each := _made_by(*field)) is not None]
        waiting += [each for each in inner if id(each) not in made]
        made |= {id(each): set() for each in inner if id(each) not in made}
    leaves = [each for each in known if id(each) not in parents]
    for each in known:
        if id(each) in made or id(each) not in parents:
            sure = id(each) in made or len(leaves) == 1
            _read(
                program, each, made.get(id(each), set()), "" if sure else "whether its class is used is not told here"
            )


def _line(made: Class) -> list[Class]:
    """A class and those that it extends, each once, the nearest first."""
    found: dict[int, Class] = {}
    stack = [made]
    while stack:
        each = stack.pop()
        if id(each) not in found:
            found[id(each)] = each
            stack.extend(reversed(each.parents))
    return list(found.values())


def _root(made: Class) -> SettingsFunction | None:
    """The settings class that a class extends in the end."""
    found = (settings.function("Python", ".".join(each.path)) for each in made.outside)
    return next((each for each in found if each is not None and each.does == "settings"), None)


def _read(program: Program, made: Class, given: set[str | None], reason: str) -> None:
    root, line = _root(made), _line(made)
    options = {name: value for each in reversed(line) for name, value in _options(each)}
    prefix = options.get("env_prefix", ast.Constant(""))
    if not isinstance(prefix, ast.Constant) or not isinstance(prefix.value, str):
        program.gaps.append("the names of variables begin with what is computed")
        return
    methods = [each for one in line for each in one.node.body if isinstance(each, ast.FunctionDef)]
    if "secrets_dir" in options or any(each.name.endswith("customise_sources") for each in methods):
        reason = reason or "it may come from another source"
    marks = [(each, ast.unparse(one)) for each in methods for one in each.decorator_list]
    validators = [(each, mark) for each, mark in marks if "model_validator" in mark or "root_validator" in mark]
    if any("before" in mark or "pre=True" in mark for _, mark in validators):
        reason = reason or "a validator may give it"
    checked = {name for each, _ in validators for name in _checked(each)}
    sensitive = options.get("case_sensitive")
    upper = not (isinstance(sensitive, ast.Constant) and sensitive.value is True)
    for name, (owner, node) in _fields(made).items():
        if name.startswith("_") or name in {"model_config", *given} or "ClassVar" in ast.unparse(node.annotation):
            continue
        default, options_of = _given(node, v1=root is not None and root.optional)
        named = list(_names(program, owner, options_of))
        own = (prefix.value + name).upper() if upper else prefix.value + name
        names = named or [(own, program.place(node.target, owner.scope))]
        if options_of is not None and not named:
            program.gaps.append("the names of variables are computed")
        elif _made_by(owner, node) is not None:
            continue  # it reads its own variables
        elif _is_model(owner, node.annotation):
            program.gaps.append(_NESTED)
        else:
            _note(program, owner, names, default, reason, asked=name in checked)
    if any(each.path[-1] not in ("BaseSettings", "ABC", "object", "Enum") for each in made.outside):
        program.gaps.append("the class of settings extends one that is not in reach")


def _fields(made: Class) -> dict[str, tuple[Class, ast.AnnAssign]]:
    """The fields of a class, each with the class that declares it."""
    return {
        node.target.id: (each, node)
        for each in reversed(_line(made))
        for node in each.node.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _made_by(owner: Class, node: ast.AnnAssign) -> Class | None:
    """The settings class that makes the default of a field."""
    words = {each.arg: each.value for each in node.value.keywords} if isinstance(node.value, ast.Call) else {}
    factory, scope = words.get("default_factory"), owner.scope.outer
    found = scope.names.get(factory.id) if isinstance(factory, ast.Name) and scope is not None else None
    thing = found.only if found is not None else None
    return thing if isinstance(thing, Class) and _root(thing) is not None else None


def _note(
    program: Program, owner: Class, names: list[tuple[str, Span]], default: ast.expr | None, reason: str, *, asked: bool
) -> None:
    for name, span in names:
        program.read(name, span, Environment())
    keys = tuple(name for name, _ in names)
    if default is None:
        program.stop([Guard(keys, when=reason)])
        return
    value = program.inside(owner.scope, lambda: program.value(default))
    for key in keys:
        if asked:
            program.note(key, reason="a validator asks for it", tested=False)
        else:
            program.note(key, default=None if value.only is values.UNDEFINED else value)


def _checked(method: ast.FunctionDef) -> Iterator[str]:
    """The fields that a validator speaks of which may refuse them."""
    inside = list(ast.walk(method))
    if any(isinstance(each, ast.Raise) for each in inside):
        yield from (each.attr for each in inside if isinstance(each, ast.Attribute))
        yield from (str(each.value) for each in inside if isinstance(each, ast.Constant))


def _options(made: Class) -> Iterator[tuple[str, ast.expr]]:
    """`model_config = …`, `class Config:` and the keywords of a class."""
    keywords = list(made.node.keywords)
    for node in made.node.body:
        if isinstance(node, ast.ClassDef) and node.name == "Config":
            yield from (
                (ast.unparse(each.targets[0]), each.value) for each in node.body if isinstance(each, ast.Assign)
            )
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if ast.unparse(target) == "model_config" and node.value is not None:
                yield from _entries(node.value)
    yield from ((each.arg, each.value) for each in keywords if each.arg is not None)


def _entries(value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """The options of `SettingsConfigDict(…)`, `{…}` and `{…} | {…}`; a prefix that is computed where it is neither."""
    match value:
        case ast.Call(func=made, keywords=keywords) if keywords or ast.unparse(made).lower().endswith("dict"):
            for each in keywords:
                yield from [(each.arg, each.value)] if each.arg is not None else _entries(each.value)
        case ast.Dict(keys=keys, values=given):
            for key, option in zip(keys, given, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value), option
                elif key is None:
                    yield from _entries(option)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _entries(left)
            yield from _entries(right)
        case ast.Attribute(attr="model_config"):  # of a class that it extends, which is asked anyway
            return
        case _:
            yield "env_prefix", value


def _given(node: ast.AnnAssign, *, v1: bool) -> tuple[ast.expr | None, ast.expr | None]:
    """The default of a field, None where it must be there, and what names its variable instead of its name."""
    calls = [each for part in (node.value, node.annotation) if part is not None for each in ast.walk(part)]
    field = next(
        (each for each in calls if isinstance(each, ast.Call) and ast.unparse(each.func).endswith("Field")), None
    )
    default, named = node.value, None
    if field is not None:
        words = {each.arg: each.value for each in field.keywords}
        if field is node.value:
            default = next(iter(field.args), None) or words.get("default") or words.get("default_factory")
        named = words.get("env") if v1 else words.get("validation_alias", words.get("alias"))
    if isinstance(default, ast.Constant) and default.value is ...:
        default = None
    elif default is None and v1 and ("Optional" in (text := ast.unparse(node.annotation)) or "None" in text):
        default = ast.Constant(None)
    return default, named


def _names(program: Program, owner: Class, given: ast.expr | None) -> Iterator[tuple[str, Span]]:
    """The names of `Field(alias="X")`, `Field(validation_alias=AliasChoices("X", "Y"))`, `Field(env=["X"])`."""
    parts = given.args if isinstance(given, ast.Call) else given.elts if isinstance(given, ast.List) else [given]
    for each in parts:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value, program.place(each, owner.scope)


def _is_model(owner: Class, annotation: ast.expr) -> bool:
    """Whether a field holds a model with fields of its own."""
    scope = owner.scope.outer
    named = [each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)]
    known = [scope.names[name].only for name in named if scope is not None and name in scope.names]
    models = [each for each in known if isinstance(each, Class) and isinstance(each, Record)]
    return any(base.path[-1] in ("BaseModel", "BaseSettings") for each in models for base in each.outside)
