"""Amounts as Compose and ECS write them: processors, memory, times.

Sources: https://docs.docker.com/reference/compose-file/extension/ (byte values, durations) and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html (units of cpu and memory).
"""

from __future__ import annotations

from policyengine.patterns import regex

UNITS_OF_A_PROCESSOR = 1024
"""How many of its `cpu` units ECS counts as one processor."""

_NUMBER = regex(r"\s*(\d*\.?\d+)\s*([A-Za-z]*)\s*")
_MEBIBYTES = {"b": 2.0**-20, "k": 2.0**-10, "m": 1.0, "g": 2.0**10, "t": 2.0**20}
_TIMES = regex(r"(\d*\.?\d+)(us|µs|ms|s|m|h)")
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def processors(text: str, *, in_units: bool) -> float | None:
    """How many processors: `0.5`, `.5 vCPU`, or `512` of ECS's units. None for a text that is none of them."""
    found = _NUMBER.fullmatch(text)
    if found is None or found[2].lower() not in ("", "vcpu"):
        return None
    return float(found[1]) / (UNITS_OF_A_PROCESSOR if in_units and not found[2] else 1)


def mebibytes(text: str, *, plain: str) -> float | None:
    """How many MiB: `512M`, `1gb`, `2 GB`, or a plain number of the unit `plain`. None for a text that is none."""
    found = _NUMBER.fullmatch(text)
    unit = plain if found is None else found[2].lower().removesuffix("b").removesuffix("i") or found[2].lower() or plain
    if found is None or unit not in _MEBIBYTES:
        return None
    return float(found[1]) * _MEBIBYTES[unit]


def seconds(text: str) -> float | None:
    """How many seconds: `1m30s`, or a plain number of them. None for a text that is no time."""
    if text.strip().isdecimal():
        return float(text)
    parts = [(match[1], match[2]) for match in _TIMES.finditer(text)]
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
