"""Variables of a Compose file replaced, and the strings of typed attributes cast, as Docker Compose does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.platforms.compose.located import (
    Branch,
    Items,
    Leaf,
    Member,
    Moment,
    Node,
    Path,
    Plain,
    single,
    string,
)
from policyengine.syntax.interpolation import expand

if TYPE_CHECKING:
    from collections.abc import Callable

    from policyengine.model.source import Span
    from policyengine.model.text import Text

_INTEGER = regex(r"[-+]?[0-9]+\Z", re.ASCII)
_DECIMAL = regex(
    r"[-+]?(?:[0-9_]+\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9_]+)?\Z|[-+]?(?:inf|infinity|nan)\Z",
    re.IGNORECASE | re.ASCII,
)
_HEXADECIMAL = regex(r"[-+]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[-+]?[0-9]+\Z", re.IGNORECASE | re.ASCII)


def integer(text: str) -> int | None:
    """A decimal integer of 64 bits, or None."""
    if len(text) > 20 or _INTEGER.match(text) is None or not -(2**63) <= int(text) < 2**63:
        return None
    return int(text)


def decimal(text: str) -> float | None:
    """A number as Go's `ParseFloat` reads it, or None."""
    try:
        if _HEXADECIMAL.match(text) is not None:
            return float.fromhex(text)
        return float(text) if _DECIMAL.match(text) is not None else None
    except (ValueError, OverflowError):
        return None


def single_decimal(text: str) -> float | None:
    """A decimal number of 32 bits, or None."""
    value = decimal(text)
    return None if value is None else single(value)


_BOOLEANS = {
    **dict.fromkeys(("true", "y", "yes", "on"), True),
    **dict.fromkeys(("false", "n", "no", "off"), False),
}


def boolean(text: str) -> bool | None:
    """A YAML 1.1 boolean in any case, or None."""
    return _BOOLEANS.get(text.lower())


_INT, _FLOAT, _SINGLE, _BOOL = (
    ("an integer", integer),
    ("a number", decimal),
    ("a number", single_decimal),
    ("a boolean", boolean),
)
_CASTS: dict[str, tuple[str, Callable[[str], Plain]]] = {
    **dict.fromkeys(
        (
            "services.*.cpu_count",
            "services.*.cpu_period",
            "services.*.cpu_quota",
            "services.*.cpu_rt_period",
            "services.*.cpu_rt_runtime",
            "services.*.cpu_shares",
            "services.*.deploy.replicas",
            "services.*.deploy.update_config.parallelism",
            "services.*.deploy.rollback_config.parallelism",
            "services.*.deploy.restart_policy.max_attempts",
            "services.*.deploy.placement.max_replicas_per_node",
            "services.*.healthcheck.retries",
            "services.*.oom_score_adj",
            "services.*.pids_limit",
            "services.*.ports.[].target",
            "services.*.scale",
            "services.*.ulimits.*",
            "services.*.ulimits.*.hard",
            "services.*.ulimits.*.soft",
        ),
        _INT,
    ),
    **dict.fromkeys(
        (
            "services.*.cpu_percent",
            "services.*.deploy.update_config.max_failure_ratio",
            "services.*.deploy.rollback_config.max_failure_ratio",
        ),
        _FLOAT,
    ),
    "services.*.cpus": _SINGLE,
    **dict.fromkeys(
        (
            "services.*.init",
            "services.*.depends_on.*.required",
            "services.*.depends_on.*.restart",
            "services.*.healthcheck.disable",
            "services.*.oom_kill_disable",
            "services.*.privileged",
            "services.*.read_only",
            "services.*.stdin_open",
            "services.*.tty",
            "services.*.volumes.[].read_only",
            "services.*.volumes.[].volume.nocopy",
            "networks.*.external",
            "networks.*.internal",
            "networks.*.attachable",
            "networks.*.enable_ipv4",
            "networks.*.enable_ipv6",
            "volumes.*.external",
            "secrets.*.external",
            "configs.*.external",
        ),
        _BOOL,
    ),
}
_LAST = frozenset(key.rpartition(".")[2] for key in _CASTS)


def interpolate(
    tree: Branch,
    lookup: Callable[[str], Text | None],
    *,
    strict: bool,
    spend: Callable[[int, Span], None] | None = None,
) -> Branch:
    """The document with every string expanded, and `spend` told what that makes.

    Raises:
        TemplateError: a template is malformed or requires a variable that is not set.
        ReadError: a string is not of the type its attribute needs; `spend` does.
    """

    def walk(node: Node, path: Path) -> Node:
        if isinstance(node, Branch):
            return node._replace(
                entries={key: Member(field.key, walk(field.node, (*path, key))) for key, field in node.entries.items()}
            )
        if isinstance(node, Items):
            return node._replace(items=tuple(walk(item, (*path, "[]")) for item in node.items))
        if not isinstance(node.value, str) or isinstance(node.value, Moment):
            return node
        leaf = node
        if node.text is not None and (text := expand(node.text, lookup, strict=strict)) is not node.text:
            leaf = string(text, node.span, node.via)
            if spend is not None:
                spend(len(text.written) // 2, node.span)
        return _cast(leaf, path)

    result = walk(tree, ())
    return result if isinstance(result, Branch) else tree


def _cast(leaf: Leaf, path: Path) -> Leaf:
    """The leaf as the type that its attribute needs."""
    cast = _caster(path)
    if cast is None or not isinstance(leaf.value, str) or leaf.unknown is not None:
        return leaf
    kind, function = cast
    value = function(leaf.value)
    if value is None:
        raise ReadError(f"{'.'.join(path)} is {leaf.value!r}, which is not {kind}", leaf.span, f"write {kind}")
    return leaf._replace(value=value, text=None)


def _caster(path: Path) -> tuple[str, Callable[[str], Plain]] | None:
    if len(path) < 3 or (path[-1] not in _LAST and path[-2] != "ulimits"):
        return None
    for pattern in _patterns(path):
        if pattern in _CASTS:
            return _CASTS[pattern]
    return None


def _patterns(path: Path) -> tuple[str, ...]:
    rest = ".".join(path[2:])
    found = [f"{path[0]}.*.{rest}"]
    if len(path) >= 4 and path[2] in ("ulimits", "depends_on"):
        found.append(".".join((path[0], "*", path[2], "*", *path[4:])))
    return tuple(found)
