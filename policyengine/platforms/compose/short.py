"""The short forms of ports, volumes and devices, such as `127.0.0.1:8080:80/tcp`, taken apart with their places."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.model.text import Text
from policyengine.patterns import regex
from policyengine.platforms.compose.located import Branch, Leaf, Member, Node, literal, string

if TYPE_CHECKING:
    from policyengine.platforms.compose.located import Plain

_NUMBER = regex(r"[0-9]{1,10}\Z", re.ASCII)
_PROPAGATION = frozenset({"rprivate", "private", "rshared", "shared", "rslave", "slave"})


def part(leaf: Leaf, start: int, end: int) -> Leaf:
    """The part of a string leaf from `start` to `end`, with its own place."""
    return string(leaf.written.cut(start, end), leaf.span, leaf.via)


def derived(leaf: Leaf, value: Plain) -> Leaf:
    """A value computed from the whole of `leaf`, at its place."""
    text = None
    if isinstance(value, str):
        written, first = leaf.written, leaf.written.pieces[0]
        if written.written == value:
            text = written
        elif written.unknown is not None:
            text = Text.undecided(value, written.unknown, first.via)
        else:
            text = Text.made(value, first.span, first.via)
    return Leaf(value, leaf.span, leaf.via, text)


def _mapping(leaf: Leaf, entries: dict[str, Node]) -> Branch:
    return Branch({key: Member(node.span, node) for key, node in entries.items()}, leaf.span, leaf.via)


def ports(leaf: Leaf) -> tuple[Branch, ...]:
    """The ports that one short entry publishes: several for a range.

    Raises:
        ReadError: Docker refuses the entry.
    """
    text = leaf.written
    whole = leaf if isinstance(leaf.value, str) else leaf._replace(text=text)
    container_at = text.rfind(":") + 1
    host_at = text.rfind(":", container_at - 1) + 1 if container_at else 0
    host, host_end = text.cut(host_at, container_at - 1), container_at - 1
    slash = text.find("/", container_at)
    container_end = slash if slash >= 0 else len(text.written)
    container = text.cut(container_at, container_end)
    if not container.written:
        raise _refused(leaf, "names no container port")
    common: dict[str, Node] = {"mode": literal("ingress", leaf.span, leaf.via)}
    address = _address(leaf, text.cut(0, host_at - 1))
    if address is not None and address.written:
        at = 1 if text.startswith("[") else 0
        common["host_ip"] = part(whole, at, at + len(address.written))
    common["protocol"] = _protocol(whole, container_end + 1)
    if container.unknown is not None or host.unknown is not None:
        return (_undecided_port(whole, common, (container_at, container_end), (host_at, host_end)),)
    first, last = _range(leaf, container.written)
    if not first:
        raise _refused(leaf, "names port 0 of the container")
    host_first, host_last = _range(leaf, host.written) if host.written else (0, 0)
    if host.written and last - first != host_last - host_first and last != first:
        raise _refused(leaf, "has ranges of different length")
    rows: list[tuple[str, Branch]] = []
    for offset in range(last - first + 1):
        target = part(whole, container_at, container_end)
        entries = {**common, "target": target._replace(value=first + offset, text=None)}
        if host.written:
            published = part(whole, host_at, host_end)
            number = f"{host_first}-{host_last}" if first == last and host_first != host_last else host_first + offset
            entries["published"] = derived(published, str(number))
        rows.append((f"{first + offset}/", _mapping(leaf, entries)))
    return tuple(row for _, row in sorted(rows, key=lambda row: row[0]))


def _protocol(whole: Leaf, at: int) -> Leaf:
    """The protocol that a short port names behind the slash, from `at` on: TCP where it names none."""
    given = whole.written.cut(at).partition("/")[0]
    if given.unknown is not None:
        return part(whole, at, at + len(given.written))
    protocol = given.written.lower() or "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise _refused(whole, f"has the unknown protocol {protocol!r}")
    return literal(protocol, whole.span, whole.via)


def _undecided_port(whole: Leaf, common: dict[str, Node], container: tuple[int, int], host: tuple[int, int]) -> Branch:
    """A port of which a variable that no file sets is a part."""
    target = part(whole, *container)
    number = target.written.literal or ""
    if _NUMBER.match(number) and int(number) < 65536:
        target = target._replace(value=int(number), text=None)
    entries = {**common, "target": target}
    if host[0] < host[1]:
        entries["published"] = part(whole, *host)
    return _mapping(whole, entries)


def _address(leaf: Leaf, ip: Text) -> Text | None:
    """The address of a port, without the brackets around one of IPv6; None where there is none."""
    if not ip.written or ip.unknown is not None:
        return ip
    bare = ip
    if ip.startswith("["):
        if not ip.endswith("]"):
            raise _refused(leaf, "has an invalid IP address")
        bare = ip.cut(1, len(ip.written) - 1)
    if not is_address(bare.written):
        raise _refused(leaf, "has an invalid IP address")
    return bare


def is_address(text: str) -> bool:
    """Whether Go's `net.ParseIP` takes the text."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (isinstance(address, ipaddress.IPv6Address) and address.scope_id)


def _range(leaf: Leaf, ports_text: str) -> tuple[int, int]:
    start, dash, end = ports_text.partition("-")
    end = end.partition("-")[0]
    numbers = []
    for number in (start, end) if dash else (start,):
        if _NUMBER.match(number) is None or int(number) > 65535:
            raise _refused(leaf, f"has the invalid port {ports_text!r}")
        numbers.append(int(number))
    if numbers[-1] < numbers[0]:
        raise _refused(leaf, f"has the invalid range {ports_text!r}")
    return numbers[0], numbers[-1]


def _refused(leaf: Leaf, why: str) -> ReadError:
    return ReadError(f"the port {leaf.written.written!r} {why}", leaf.span, "write host:container")


def volume_target(leaf: Leaf) -> str:
    """The mount point of a short volume."""
    target = volume(leaf).get("target")
    return str(target.value) if isinstance(target, Leaf) else ""


def volume(leaf: Leaf) -> Branch:
    """A short volume as a mapping.

    Raises:
        ReadError: Docker refuses the entry.
    """
    text = leaf.written.written
    if not text:
        raise ReadError("the volume is empty", leaf.span, "write source:target")
    entries: dict[str, Node] = {}
    if len(text.encode()) <= 2:
        return _mapping(leaf, {"type": literal("volume", leaf.span, leaf.via), "target": part(leaf, 0, len(text))})
    options = ""
    bounds = _sections(leaf.written.masked(" "))
    for index, (start, end) in enumerate(bounds):
        last = index == len(bounds) - 1
        if start == end:
            raise ReadError(f"the volume {text!r} has an empty section", leaf.span, "write source:target")
        if "source" not in entries and last:
            entries["target"] = part(leaf, start, end)
        elif "source" not in entries:
            entries["source"] = part(leaf, start, end)
        elif "target" not in entries:
            entries["target"] = part(leaf, start, end)
        elif not last:
            raise ReadError(f"the volume {text!r} has too many colons", leaf.span, "write source:target:mode")
        else:
            options = text[start:end]
    return _mapping(leaf, _with_type(leaf, entries, options))


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


def device(leaf: Leaf) -> Branch:
    """A short device as a mapping."""
    text = leaf.written
    bounds: list[tuple[int, int]] = []
    start = 0
    for each in text.split(":"):
        end = start + len(each.written)
        bounds.append((start, end))
        start = end + 1
    if len(bounds) > 3:
        raise ReadError(f"the device {text.written!r} has too many colons", leaf.span, "write the long form")
    source = part(leaf, *bounds[0])
    target = part(leaf, *bounds[1]) if len(bounds) > 1 and bounds[1][0] < bounds[1][1] else source
    permissions: Leaf = part(leaf, *bounds[2]) if len(bounds) > 2 else literal("rwm", leaf.span, leaf.via)
    return _mapping(leaf, {"source": source, "target": target, "permissions": permissions})
