"""The ports of the laptop that `supabase start` takes, by `supabase/config.toml`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.ports import supabase_ports
from policyengine.model.value import Known, Value

if TYPE_CHECKING:
    from policyengine.model.source import Source


def ports(source: Source) -> tuple[Value[int], ...]:
    """The ports that a configuration names, and those that hold where it names none."""
    import tomllib  # noqa: PLC0415  few trees pay for it

    try:
        told = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError):
        told = {}
    found = supabase_ports()
    for name, section in told.items():
        for key, value in section.items() if isinstance(section, dict) else ():
            if isinstance(value, int) and key.endswith("port"):
                found[f"{name}.{key}"] = value
    return tuple(Known(number, source.span(0, 0)) for number in sorted(set(found.values())))
