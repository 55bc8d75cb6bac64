"""What `supabase start` brings up → SupabaseStack nodes: `supabase/config.toml`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.knowledge.ports import supabase_ports
from policyengine.model.image import Version
from policyengine.model.nodes import Side, SupabaseStack
from policyengine.model.value import Absent, Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms import Lowered

if TYPE_CHECKING:
    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_MAJOR = regex(r"^\[db\][^\[]*?^[ \t]*major_version[ \t]*=[ \t]*([^\s#]+)", re.MULTILINE)
_NUMBER = regex(r"[0-9]{1,4}")


def paths(files: Files) -> list[str]:
    """The configurations of a tree."""
    return sorted(path for path in files.named("config.toml") if path.split("/")[-2:-1] == ["supabase"])


def lower(path: str, files: Files) -> Lowered:
    """One configuration; a value such as `env(MAJOR)` is not known."""
    source = files.read(path)
    if source is None:
        return Lowered()
    found = _MAJOR.search(source.text)
    start = source.span(0, len(source.line(1)))
    version: Value[Version] = Absent(start)
    if found is not None:
        span, number = source.span(*found.span(1)), _NUMBER.fullmatch(found[1])
        version = Known(Version(int(number[0])), span) if number else Unknown("the environment sets it", span)
    node = SupabaseStack(
        id=f"supabase:{path}",
        name=path,
        side=Side.LOCAL,
        span=start,
        path=path,
        version=version,
        ports=_ports(source),
    )
    return Lowered(nodes=(node,))


def _ports(source: Source) -> tuple[Value[int], ...]:
    """The ports that a configuration names, and those that hold where it names none."""
    import tomllib  # noqa: PLC0415  few trees pay for it

    try:
        told = tomllib.loads(source.text)
    except (ValueError, RecursionError):  # no TOML, or a number of thousands of digits
        told = {}
    found = supabase_ports()
    for name, section in told.items():
        for key, value in section.items() if isinstance(section, dict) else ():
            if isinstance(value, int) and key.endswith("port"):
                found[f"{name}.{key}"] = value
    return tuple(Known(number, source.span(0, 0)) for number in sorted(set(found.values())))
