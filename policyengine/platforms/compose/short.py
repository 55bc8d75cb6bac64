"""The short forms of ports, volumes and devices, such as `127.0.0.1:8080:80/tcp`, taken apart with their places."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.platforms.compose.located import Field, Fields, Leaf, Node, literal, string
from policyengine.syntax.interpolation import HOLE, Piece, Text

if TYPE_CHECKING:
    from policyengine.platforms.compose.located import Plain

_NUMBER = regex(r"[0-9]{1,10}\Z", re.ASCII)
_PROPAGATION = frozenset({"rprivate", "private", "rshared", "shared", "rslave", "slave"})


def part(leaf: Leaf, start: int, end: int) -> Leaf:
    """The part of a string leaf from `start` to `end`, with its own place."""
    text = leaf.written.cut(start, end)
    unset = leaf.unset if HOLE in text.text else ()
    return string(text, leaf.span, leaf.via, unset)


def derived(leaf: Leaf, value: Plain) -> Leaf:
    """A value computed from the whole of `leaf`, at its place."""
    text = None
    if isinstance(value, str):
        written = leaf.written
        exact = written.text == value
        pieces = tuple(Piece(0, len(value), piece.span, False, piece.via) for piece in written.pieces[:1])  # noqa: FBT003
        text = written if exact else Text(value, pieces)
    return Leaf(value, leaf.span, leaf.via, text, leaf.unset if isinstance(value, str) and HOLE in value else ())


def _mapping(leaf: Leaf, entries: dict[str, Node]) -> Fields:
    return Fields({key: Field(node.span, node) for key, node in entries.items()}, leaf.span, leaf.via)


def ports(leaf: Leaf) -> tuple[Fields, ...]:
    """The ports that one short entry publishes: several for a range.

    Raises:
        ReadError: Docker refuses the entry.
    """
    text = leaf.written.text
    whole = leaf if isinstance(leaf.value, str) else leaf._replace(text=leaf.written)
    container_at = text.rfind(":") + 1
    host_at = text.rfind(":", 0, container_at - 1) + 1 if container_at else 0
    host_end = max(container_at - 1, 0)
    ip_end = max(host_at - 1, 0)
    ip, host, container = text[:ip_end], text[host_at:host_end], text[container_at:]
    slash = container.find("/")
    container_end = container_at + slash if slash >= 0 else len(text)
    if slash == 0 or not container:
        raise _refused(leaf, text, "names no container port")
    protocol = container[slash + 1 :] if slash >= 0 else ""
    protocol = protocol.partition("/")[0].lower() or "tcp"
    container = text[container_at:container_end]
    if protocol not in ("tcp", "udp", "sctp") and HOLE not in protocol:
        raise _refused(leaf, text, f"has the unknown protocol {protocol!r}")
    address = _address(leaf, text, ip)
    common: dict[str, Node] = {"mode": literal("ingress", leaf.span, leaf.via)}
    if address:
        at = 1 if ip.startswith("[") else 0
        common["host_ip"] = part(whole, at, at + len(address))
    common["protocol"] = literal(protocol, leaf.span, leaf.via)
    if HOLE in container or HOLE in host:
        return (_undecided_port(whole, common, (container_at, container_end), (host_at, host_end)),)
    first, last = _range(leaf, text, container)
    host_first, host_last = _range(leaf, text, host) if host else (0, 0)
    if host and last - first != host_last - host_first and last != first:
        raise _refused(leaf, text, "has ranges of different length")
    rows: list[tuple[str, Fields]] = []
    for offset in range(last - first + 1):
        target = part(whole, container_at, container_end)
        entries = {**common, "target": target._replace(value=first + offset, text=None)}
        if host:
            published = part(whole, host_at, host_end)
            number = f"{host_first}-{host_last}" if first == last and host_first != host_last else host_first + offset
            entries["published"] = derived(published, str(number))
        rows.append((f"{first + offset}/{protocol}", _mapping(leaf, entries)))
    return tuple(row for _, row in sorted(rows, key=lambda row: row[0]))


def _undecided_port(whole: Leaf, common: dict[str, Node], container: tuple[int, int], host: tuple[int, int]) -> Fields:
    """A port of which a variable that no file sets is a part."""
    target = part(whole, *container)
    number = target.value if isinstance(target.value, str) else ""
    if _NUMBER.match(number) and int(number) < 65536:
        target = target._replace(value=int(number), text=None)
    entries = {**common, "target": target}
    if host[0] < host[1]:
        entries["published"] = part(whole, *host)
    return _mapping(whole, entries)


def _address(leaf: Leaf, text: str, ip: str) -> str:
    if not ip or HOLE in ip:
        return ip
    bare = ip
    if ip.startswith("["):
        if not ip.endswith("]"):
            raise _refused(leaf, text, "has an invalid IP address")
        bare = ip[1:-1]
    if not is_address(bare):
        raise _refused(leaf, text, "has an invalid IP address")
    return bare


def is_address(text: str) -> bool:
    """Whether Go's `net.ParseIP` takes the text."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (isinstance(address, ipaddress.IPv6Address) and address.scope_id)


def _range(leaf: Leaf, text: str, ports_text: str) -> tuple[int, int]:
    start, dash, end = ports_text.partition("-")
    end = end.partition("-")[0]
    numbers = []
    for number in (start, end) if dash else (start,):
        if _NUMBER.match(number) is None or int(number) > 65535:
            raise _refused(leaf, text, f"has the invalid port {ports_text!r}")
        numbers.append(int(number))
    if numbers[-1] < numbers[0]:
        raise _refused(leaf, text, f"has the invalid range {ports_text!r}")
    return numbers[0], numbers[-1]


def _refused(leaf: Leaf, text: str, why: str) -> ReadError:
    shown = text.replace(HOLE, "…")
    return ReadError(f"the port {shown!r} {why}", leaf.span, "write host:container")


def volume_target(leaf: Leaf) -> str:
    """The mount point of a short volume."""
    target = volume(leaf).get("target")
    return str(target.value) if isinstance(target, Leaf) else ""


def volume(leaf: Leaf) -> Fields:
    """A short volume as a mapping.

    Raises:
        ReadError: Docker refuses the entry.
    """
    text = leaf.written.text
    if not text:
        raise ReadError("the volume is empty", leaf.span, "write source:target")
    entries: dict[str, Node] = {}
    if len(text.encode()) <= 2:
        return _mapping(leaf, {"type": literal("volume", leaf.span, leaf.via), "target": part(leaf, 0, len(text))})
    options = ""
    bounds = _sections(text)
    for index, (start, end) in enumerate(bounds):
        last = index == len(bounds) - 1
        if start == end:
            raise ReadError(f"the volume {_shown(text)} has an empty section", leaf.span, "write source:target")
        if "source" not in entries and last:
            entries["target"] = part(leaf, start, end)
        elif "source" not in entries:
            entries["source"] = part(leaf, start, end)
        elif "target" not in entries:
            entries["target"] = part(leaf, start, end)
        elif not last:
            raise ReadError(f"the volume {_shown(text)} has too many colons", leaf.span, "write source:target:mode")
        else:
            options = text[start:end]
    return _mapping(leaf, _with_type(leaf, entries, options))


def _shown(text: str) -> str:
    return repr(text.replace(HOLE, "…"))


def _sections(text: str) -> list[tuple[int, int]]:
    """Where the sections between colons stand; a colon after a single letter is a Windows drive's."""
    bounds: list[tuple[int, int]] = []
    start = 0
    depth = 0
    for at, letter in enumerate(text):
        if letter == "$" and text[at + 1 : at + 2] == "{":
            depth += 1
        elif letter == "}" and depth:
            depth -= 1
        elif letter == ":" and depth == 0 and not (at - start == 1 and text[start].isalpha()):
            bounds.append((start, at))
            start = at + 1
    if depth == 0:
        bounds.append((start, len(text)))
    return bounds


def _with_type(leaf: Leaf, entries: dict[str, Node], options: str) -> dict[str, Node]:
    source = entries.get("source")
    named = str(source.value) if isinstance(source, Leaf) else ""
    bind = is_file_path(named)

    def flag(value: Plain) -> Leaf:
        return literal(value, leaf.span, leaf.via)

    details: dict[str, Node] = {}
    other: dict[str, Node] = {}
    for option in options.split(",") if options else []:
        if option in ("ro", "rw"):
            entries["read_only"] = flag(option == "ro")
        elif option == "nocopy":
            (other if bind else details)["nocopy"] = flag(value=True)
        elif option in _PROPAGATION:
            (details if bind else other)["propagation"] = flag(option)
        elif option in ("z", "Z"):
            (details if bind else other)["selinux"] = flag(option)
    if isinstance(entries.get("read_only"), Leaf) and not _true(entries["read_only"]):
        del entries["read_only"]
    if bind:
        details["create_host_path"] = flag(value=True)
    entries["type"] = flag("bind" if bind else "volume")
    entries["bind" if bind else "volume"] = _mapping(leaf, details)
    if other:
        entries["volume" if bind else "bind"] = _mapping(leaf, other)
    target = entries.get("target")
    if isinstance(target, Leaf) and isinstance(target.value, str):
        entries["target"] = cleaned(target)
    return entries


def _true(node: Node) -> bool:
    return isinstance(node, Leaf) and node.value is True


def cleaned(leaf: Leaf) -> Leaf:
    """A path as Go's `path.Clean` leaves it."""
    value = clean(str(leaf.value)) if leaf.value else ""
    return leaf if value == leaf.value else derived(leaf, value)


def clean(path: str) -> str:
    """Go's `path.Clean`."""
    result = posixpath.normpath(path)
    return result[1:] if result.startswith("//") else result


def is_file_path(source: str) -> bool:
    """Whether the source of a mount is a path rather than a volume's name."""
    if source[:1] in (".", "/", "~") and source:
        return True
    return source.startswith("\\\\") or (len(source) > 1 and source[0].isalpha() and source[1] == ":")


def device(leaf: Leaf) -> Fields:
    """A short device as a mapping."""
    text = leaf.written.text
    bounds: list[tuple[int, int]] = []
    start = 0
    for each in text.split(":"):
        bounds.append((start, start + len(each)))
        start += len(each) + 1
    if len(bounds) > 3:
        raise ReadError(f"the device {_shown(text)} has too many colons", leaf.span, "write the long form")
    source = part(leaf, *bounds[0])
    target = part(leaf, *bounds[1]) if len(bounds) > 1 and bounds[1][0] < bounds[1][1] else source
    permissions: Leaf = part(leaf, *bounds[2]) if len(bounds) > 2 else literal("rwm", leaf.span, leaf.via)
    return _mapping(leaf, {"source": source, "target": target, "permissions": permissions})
