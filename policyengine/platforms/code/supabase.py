"""`supabase/config.toml` as a node: the ports of the laptop that `supabase start` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.ports import supabase_ports
from policyengine.model.nodes import Beside, Side
from policyengine.model.source import Span
from policyengine.model.value import Known
from policyengine.platforms import Lowered

if TYPE_CHECKING:
    from policyengine.repository.files import Files


def paths(files: Files) -> list[str]:
    """The configurations of Supabase in a tree."""
    return [path for path in files.named("config.toml") if f"/{path}".endswith("/supabase/config.toml")]


def lower(path: str, files: Files) -> Lowered:
    """The ports that a configuration names, and those that hold where it names none."""
    import tomllib  # noqa: PLC0415  few trees pay for it

    source, place = files.read(path), Span(path, 0, 0)
    if source is None:
        return Lowered()
    try:
        told = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError):
        told = {}
    ports = supabase_ports()
    for name, section in told.items():
        for key, value in section.items() if isinstance(section, dict) else ():
            if isinstance(value, int) and key.endswith("port"):
                ports[f"{name}.{key}"] = value
    return Lowered(
        nodes=(
            Beside(
                id=f"supabase:{path}",
                name=path,
                side=Side.LOCAL,
                span=place,
                path=path,
                ports=tuple(Known(number, place) for number in sorted(set(ports.values()))),
            ),
        )
    )
