"""A pack that changes others: rules that are off, other severities, other values of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

from msgspec import Struct, ValidationError, convert, defstruct, field
from msgspec.structs import replace

from policyengine.model.source import Span, UsageError
from policyengine.repository.configuration import Configured
from policyengine.rules.rule import Finding, Severity
from policyengine.rules.selecting import check_version, hint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.model.graph import Graph
    from policyengine.rules.rule import Check, Outcome, Pack, Rule


class Extends(Struct, frozen=True):
    """What a pack changes of the pack that is called `pack`, wherever both are loaded.

    `version` says which versions of it these changes are for (PEP 440). `disable` are the rules that do not run,
    `severities` what findings weigh, both by id or prefix, the longest winning. `options` are values of its parameters,
    which hold where `policyengine.yaml` says nothing else.
    """

    pack: str
    version: str = ""
    disable: tuple[str, ...] = ()
    severities: Mapping[str, Severity] = {}
    options: Mapping[str, object] = {}


def extended(packs: Sequence[Pack[Any]]) -> tuple[Pack[Any], ...]:
    """The packs, each as those that extend it want it.

    Raises:
        UsageError: a pack extends one that is not there, names rules or options that it does not have, or says
            otherwise than another that extends it.
    """
    made = {pack.name: pack for pack in packs}
    said: dict[tuple[str, str], tuple[str, object]] = {}
    for pack in packs:
        for each in pack.extends:
            before = f"the pack '{pack.name}' extends '{each.pack}'"
            if each.pack not in made or each.pack == pack.name:
                names = ", ".join(sorted(made.keys() - {pack.name})) or "none"
                raise UsageError(f"{before}, which is not another loaded pack; loaded are {names}")
            base = next(other for other in packs if other.name == each.pack)
            if each.version:
                check_version(base, Configured(each.version, Span("", 0, 0)), f"{before}: ")
            weights = dict(_weights(before, each, base))
            for key, value in (*weights.items(), *_values(each.options)):
                other, former = said.setdefault((each.pack, key), (pack.name, value))
                if former != value:
                    raise UsageError(f"{before}, and so does '{other}', with another '{key}'")
            weighed = (_weighing(rule, weights.get(rule.id)) for rule in made[each.pack].rules)
            rules = tuple(rule for rule in weighed if rule is not None)
            try:
                options = _preset(made[each.pack].options, each.options)
            except ValidationError as error:
                raise UsageError(f"{before}, whose options do not fit: {error}") from error
            made[each.pack] = replace(made[each.pack], rules=rules, options=options)
    return tuple(made[pack.name] for pack in packs)


_OFF = "off"


def _weights(before: str, told: Extends, base: Pack[Any]) -> Iterator[tuple[str, str]]:
    """What each rule of a pack weighs that an extension names: a severity, or `off`."""
    ids = [rule.id for rule in base.rules]
    weights = {**told.severities, **dict.fromkeys(told.disable, _OFF)}
    for prefix, weight in weights.items():
        if not any(each.startswith(prefix) for each in ids):
            raise UsageError(f"{before}, where no rule begins with '{prefix}'; {hint(prefix, ids)}")
        if weight != _OFF and weight not in tuple(Severity):
            raise UsageError(f"{before}, and makes '{prefix}' weigh '{weight}', which is none of {', '.join(Severity)}")
    for rule in ids:
        fitting = [prefix for prefix in sorted(weights, key=len) if rule.startswith(prefix)]
        if fitting:
            yield rule, str(weights[fitting[-1]])


def _values(options: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in options.items():
        if isinstance(value, dict):
            yield from _values(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _weighing(rule: Rule[Any], weight: str | None) -> Rule[Any] | None:
    """A rule whose findings weigh so much, also those that say themselves what they weigh; None for one that is off."""
    if weight is None or weight == _OFF:
        return rule if weight is None else None
    severity = Severity(weight)
    return replace(rule, severity=severity, check=_checking(rule.check, severity))


def _checking(check: Check[Any], severity: Severity) -> Callable[[Graph, Any], Iterator[Outcome]]:
    def weighed(graph: Graph, options: Any) -> Iterator[Outcome]:  # noqa: ANN401  whatever the pack's options are
        for outcome in check(graph, options):
            yield replace(outcome, severity=severity) if isinstance(outcome, Finding) else outcome

    return weighed


def _preset(kind: type[Any], options: Mapping[str, object]) -> type[Any]:
    """A type of options with other defaults; a part of it keeps what is not named."""
    if not options:
        return kind
    given = convert(options, kind)
    hints = get_type_hints(kind, include_extras=True)
    fields: list[tuple[str, Any, Any]] = []
    for name, key in zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True):
        if key not in options:
            continue
        inner, value = hints[name], options[key]
        if isinstance(inner, type) and issubclass(inner, Struct) and isinstance(value, dict):
            inner = _preset(inner, value)
            fields.append((name, inner, field(default_factory=inner, name=key)))
        else:
            fields.append((name, inner, field(default=getattr(given, name), name=key)))
    made_type: type[Any] = defstruct(
        kind.__name__,
        fields,
        bases=(kind,),
        namespace={"__doc__": kind.__doc__},
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=kind.__struct_config__.forbid_unknown_fields,
    )
    return made_type
