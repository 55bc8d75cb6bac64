"""Plans and states as `terraform show -json` prints them: the values that resources will have, or have.

The format is HashiCorp's "JSON Output Format" (https://developer.hashicorp.com/terraform/internals/json-format). A
value that it marks as sensitive is not taken over, and neither is a text that holds such a value: in a state, the
outputs of `terraform_data`, for one, repeat sensitive inputs without a mark.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct, field

from policyengine.knowledge.secrets import may_hold_secret
from policyengine.model.source import ReadError, Source, UsageError
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.numbers import NotComputed, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from policyengine.platforms.terraform.language.plain import Plain
    from policyengine.platforms.terraform.workspace.folders import Address

LARGEST = 100_000_000
"""So many bytes a plan or a state may have."""

PLANNED, ACTUAL = "planned value", "actual value (state)"

_VERSION = regex(r"[01]\.\d+\Z")
_MODULE = regex(r'module\.([^.\[\]"]+)(?:\[(\d+|"(?:[^"\\]|\\.)*")\])?\.?')
_START = 8
"""A text shorter than that is no secret that could be told from a word."""

_COMMON = regex(r"(?s)(?:.{0,7}|[a-z]{0,15}|[A-Z]{0,15}|\d{0,15})\Z")
_NAME = regex(r"[\w-]+\Z")
_SURROGATE = regex("[\ud800-\udfff]")


class Part(Struct, frozen=True):
    """A value of a plan or state, or a part of one, with its marks.

    `unknown` and `sensitive` are true for all of it, or hold marks in the shape of the value. `what` says in a value's
    history where it comes from.
    """

    value: Plain
    unknown: Plain
    sensitive: Plain
    what: str

    def item(self, key: str | int) -> Part:
        """An entry or element. What a plan does not know yet is missing in the value, and marked."""
        value: Plain = None
        if isinstance(self.value, dict) and isinstance(key, str):
            value = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            value = self.value[key]
        sensitive = _mark(self.sensitive, key)
        if isinstance(value, str) and isinstance(key, str) and may_hold_secret(key):
            sensitive = True
        return Part(value, _mark(self.unknown, key), sensitive, self.what)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the entries, those included that are only marked as unknown."""
        found = dict.fromkeys(self.value) if isinstance(self.value, dict) else {}
        if isinstance(self.unknown, dict):
            found.update(dict.fromkeys(key for key, mark in self.unknown.items() if mark is not False))
        return tuple(found)


class Exact(Struct):
    """What plans and states say of one root module.

    `path` is the file as it was named. `resources` holds the attributes of every instance by its address, `declared`
    its mode, type and name, `variables` the values of the root module's variables. `instances` holds, for a resource or
    a module call, the instances that there are (`""`, `[0]`, `["a"]`), `modules` the resources in each instance of a
    module. `secrets` are the texts marked as sensitive. `whole` tells a plan of everything from a state and from a plan
    with targets.
    """

    path: str
    kind: str
    resources: dict[str, Part] = field(default_factory=dict)
    declared: dict[str, Address] = field(default_factory=dict)
    variables: dict[str, Part] = field(default_factory=dict)
    instances: dict[str, dict[str, None]] = field(default_factory=dict)
    modules: dict[str, dict[str, None]] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    whole: bool = False
    _starts: dict[str, list[str]] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What a value's history says of where it comes from."""
        return PLANNED if self.kind == "plan" else ACTUAL

    def reveals(self, text: str) -> bool:
        """Whether a text holds a value that is marked as sensitive."""
        if self.secrets and not self._starts:
            for secret in self.secrets:
                self._starts.setdefault(secret[:_START], []).append(secret)
        windows = (text[at : at + _START] for at in range(len(text) - _START + 1)) if self._starts else ()
        return any(text.find(secret) >= 0 for start in windows for secret in self._starts.get(start, ()))

    def inside(self, module: str) -> Iterator[tuple[str, Part]]:
        """The instances of resources in a module and in the modules it calls, by address."""
        return ((address, self.resources[address]) for address in self.modules.get(module, ()))

    @property
    def names(self) -> frozenset[str]:
        """The resources, data sources and module calls of the root module: `aws_db_instance.main`, `module.db`."""
        return frozenset(base for base in self.instances if _declaration(base))


def together(found: Sequence[Exact]) -> Exact:
    """What several files say of one root module. A plan says more than a state, a later file more than an earlier."""
    ordered = sorted(found, key=lambda each: each.kind == "plan")
    made = Exact(ordered[-1].path, ordered[-1].kind, whole=ordered[-1].whole)
    for each in ordered:
        made.resources |= each.resources
        made.declared |= each.declared
        made.variables |= each.variables
        made.secrets |= each.secrets
        for module, addresses in each.modules.items():
            made.modules.setdefault(module, {}).update(addresses)
        for base, instances in each.instances.items():
            made.instances[base] = instances
    return made


def read(path: Path, kind: str) -> Exact:
    """The `plan` or `state` in a file.

    Raises:
        UsageError: it cannot be read or is none; the message names the file, the line and what to do.
    """
    source = _source(path, kind)
    document = _parsed(source, kind)
    _check(document, source, kind)
    found = Exact(source.path, kind)
    if kind == "plan":
        _plan(found, document)
    else:
        _values(found, _object(document.get("values")), ACTUAL)
    found.secrets = {each for each in found.secrets if not _COMMON.match(each)}
    return found


# reading

_ADVICE = {
    "plan": "make it with 'terraform plan -out plan.bin' and 'terraform show -json plan.bin > plan.json'",
    "state": "make it with 'terraform show -json > state.json'",
}


def _source(path: Path, kind: str) -> Source:
    from policyengine.repository.decoding import decode  # noqa: PLC0415 - loaded by now

    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"the {kind} '{path}' cannot be read: {(error.strerror or '').lower()}") from error
    if len(data) > LARGEST:
        raise UsageError(f"{path}:1:1: the {kind} is larger than {LARGEST // 1_000_000} MB")
    if data.startswith(b"PK\x03\x04"):
        raise UsageError(f"{path}:1:1: this is a plan in Terraform's own form; {_ADVICE[kind]}")
    try:
        return decode(data, path.as_posix())
    except ReadError as error:
        raise UsageError(f"{path}:1:1: the {kind} {error}") from error


def _parsed(source: Source, kind: str) -> dict[str, Plain]:
    try:
        found = values(source.text)
    except json.JSONDecodeError as error:
        if source.text.startswith('{"@level"') or '\n{"@level"' in source.text:
            raise UsageError(
                f"{source.path}:1:1: this is the log of 'terraform {kind} -json'; {_ADVICE[kind]}"
            ) from None
        if source.text.startswith("[command]"):
            raise _wrong(source, 0, "a wrapper wrote its own words here; set 'terraform_wrapper: false'") from None
        reason = error.msg[:1].lower() + error.msg[1:]
        raise _wrong(source, error.pos, f"the {kind} is not valid JSON: {reason}; {_ADVICE[kind]}") from None
    except RecursionError:
        raise _wrong(source, 0, f"the {kind} is nested too deeply") from None
    except ValueError as error:
        raise _wrong(source, 0, f"the {kind} is not valid JSON: {error}; {_ADVICE[kind]}") from None
    if not isinstance(found, dict):
        raise _wrong(source, 0, f"this is no {kind} of Terraform; {_ADVICE[kind]}")
    return found


def _check(document: dict[str, Plain], source: Source, kind: str) -> None:
    version = document.get("format_version")
    if version is None and "serial" in document and "lineage" in document:
        raise _wrong(source, 0, "this is a state in Terraform's own form; print it with 'terraform show -json FILE'")
    if not isinstance(version, str):
        raise _wrong(source, 0, f"this is no {kind} of Terraform: there is no format_version; {_ADVICE[kind]}")
    if not _VERSION.match(version):
        at = max(source.text.find('"format_version"'), 0)
        raise _wrong(source, at, f"the format_version {version[:20]!r} is not known; versions 0.x and 1.x are")
    plan = "planned_values" in document or "resource_changes" in document
    if kind == "plan" and not plan:
        raise _wrong(source, 0, f"this is no plan: there are no planned_values; {_ADVICE[kind]}")
    if kind == "state" and plan:
        raise _wrong(source, 0, "this is a plan, not a state; give it as --plan")


def _wrong(source: Source, offset: int, sentence: str) -> UsageError:
    line, column = source.position(min(offset, len(source.text)))
    return UsageError(f"{source.path}:{line}:{column}: {sentence}")


def values(text: str) -> Plain:
    """The value of a JSON text. Raises ValueError for any other, RecursionError for one that is too deep."""
    found: Plain = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_no_number)
    return found


def _number(text: str) -> Plain:
    try:
        found = parse_number(text)
    except NotComputed:
        return text
    return text if found is None else found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


# what it says


def _plan(found: Exact, document: dict[str, Plain]) -> None:
    prior = _object(_object(document.get("prior_state")).get("values"))
    _values(found, prior, PLANNED, only="data")
    _values(found, _object(document.get("planned_values")), PLANNED)
    for each in map(_object, _list(document.get("resource_changes"))):
        change = _object(each.get("change"))
        after = change.get("after")
        if "deposed" in each or not isinstance(after, dict):
            continue
        if _object(change.get("before")).get("engine_version") != after.get("engine_version"):
            after = {key: value for key, value in after.items() if key != "engine_version_actual"}
        part = Part(after, change.get("after_unknown"), change.get("after_sensitive"), PLANNED)
        _register(found, str(each.get("module_address") or ""), each, part)
        _keep_secrets(found, after, change.get("after_sensitive"))
    declared = _object(_object(_object(document.get("configuration")).get("root_module")).get("variables"))
    for name, given in _object(document.get("variables")).items():
        part = Part(_object(given), None, None, PLANNED).item("value")
        if _object(declared.get(name)).get("sensitive") is True or (
            isinstance(part.value, str) and may_hold_secret(name)
        ):
            _keep_secrets(found, part.value, mark=True)
        else:
            found.variables[name] = part
    found.whole = document.get("complete") is True and document.get("errored") is not True  # said since Terraform 1.8


def _values(found: Exact, given: dict[str, Plain], what: str, only: str = "") -> None:
    """The resources of a values representation, and what its outputs hide."""
    for output in map(_object, _object(given.get("outputs")).values()):
        if output.get("sensitive") is True:
            _keep_secrets(found, output.get("value"), mark=True)
    stack = [_object(given.get("root_module"))]
    while stack:
        module = stack.pop()
        for each in map(_object, _list(module.get("resources"))):
            _keep_secrets(found, each.get("values"), each.get("sensitive_values"))
            if (not only or each.get("mode") == only) and "deposed_key" not in each:
                part = Part(_object(each.get("values")), None, each.get("sensitive_values"), what)
                _register(found, str(module.get("address") or ""), each, part)
        stack.extend(map(_object, _list(module.get("child_modules"))))


def _keep_secrets(found: Exact, value: Plain, mark: Plain) -> None:
    """Note every text that a value's marks, or the name of its attribute, tell to be sensitive."""
    stack = [(value, mark)]
    while stack:
        part, hidden = stack.pop()
        if isinstance(part, str) and hidden is True:
            found.secrets.add(clean(part))
        elif isinstance(part, dict):
            stack.extend(
                (each, True if isinstance(each, str) and may_hold_secret(key) else _mark(hidden, key))
                for key, each in part.items()
            )
        elif isinstance(part, list) and hidden:
            stack.extend((each, _mark(hidden, index)) for index, each in enumerate(part))


def _register(found: Exact, module: str, each: dict[str, Plain], part: Part) -> None:
    """Note an instance of a resource by its address, and the instances of the modules around it."""
    kind, name = each.get("type"), each.get("name")
    if not isinstance(kind, str) or not isinstance(name, str) or not _NAME.match(kind) or not _NAME.match(name):
        return
    plainly = f"data.{kind}.{name}" if each.get("mode") == "data" else f"{kind}.{name}"
    prefixes = [""]
    for base, suffix in (*module_path(module), (plainly, _suffix(each.get("index")))):
        found.instances.setdefault(prefixes[-1] + base, {})[suffix] = None
        prefixes.append(f"{prefixes[-1]}{base}{suffix}.")
    address = prefixes[-1][:-1]
    for prefix in prefixes[1:-1]:
        found.modules.setdefault(prefix[:-1], {})[address] = None
    found.resources[address] = part
    found.declared[address] = ("data" if each.get("mode") == "data" else "resource", kind, name)


def module_path(address: str) -> Iterator[tuple[str, str]]:
    """The module calls that an address begins with: each as `module.name` with the key of its instance."""
    at = 0
    while match := _MODULE.match(address, at):
        at = match.end()
        key = match[2] or ""
        if key.startswith('"'):
            yield f"module.{match[1]}", f'["{unescaped(key[1:-1])}"]'
        else:
            yield f"module.{match[1]}", f"[{key}]" if key else ""


def unescaped(key: str) -> str:
    """The key of an instance that an address spells between quotes."""
    try:
        text = str(json.loads(f'"{key}"'))
    except ValueError:
        text = key
    return clean(text.replace("$${", "${").replace("%%{", "%{"))


def _suffix(index: Plain) -> str:
    match index:
        case bool() | None:
            return ""
        case int():
            return f"[{index}]"
        case str():
            return f'["{clean(index)}"]'
        case _:
            return ""


def _declaration(base: str) -> bool:
    """Whether a base address names something of the root module."""
    parts = base.split(".")
    if parts[0] == "module":
        return len(parts) == 2 and "[" not in base
    return len(parts) == (3 if parts[0] == "data" else 2)


def _mark(marks: Plain, key: str | int) -> Plain:
    if marks is True:
        return True
    if isinstance(marks, dict) and isinstance(key, str):
        return marks.get(key, False)
    if isinstance(marks, list) and isinstance(key, int) and key < len(marks):
        return marks[key]
    return False


def _object(value: Plain) -> dict[str, Plain]:
    return value if isinstance(value, dict) else {}


def _list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []


def clean(text: str) -> str:
    """A text without halves of characters, which no file could hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _SURROGATE.search(text) else text
