"""Whether a merged Compose model holds together: references, profiles, exclusive attributes, cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.platforms.compose.interpolate import decimal
from policyengine.platforms.compose.located import Branch, Items, Leaf, Node, single
from policyengine.platforms.compose.shapes import size
from policyengine.platforms.compose.short import is_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def valid(model: Branch) -> None:
    """Check what the specification's shapes cannot say.

    Raises:
        ReadError: attributes exclude each other, or an address is none.
    """
    for section, keys in (("configs", ("file", "environment", "content")), ("secrets", ("file", "environment"))):
        for name, node in _entries(model, section):
            _one_of(node, f"{section}.{name}", keys)
    for name, node in _entries(model, "volumes"):
        if isinstance(node, Branch):
            _external(node, name)
    for name, node in _entries(model, "services"):
        if isinstance(node, Branch):
            _service(node, name)


def _entries(model: Branch, section: str) -> Iterator[tuple[str, Node]]:
    node = model.get(section)
    if isinstance(node, Branch):
        for name, entry in node.entries.items():
            yield name, entry.node


def _one_of(node: Node, path: str, keys: tuple[str, ...]) -> None:
    if not isinstance(node, Branch):
        return
    given = [key for key in keys if key in node.entries]
    if len(given) > 1:
        raise ReadError(f"{path}: {' and '.join(given)} exclude each other", node.span, "keep one")
    if not given and "driver" not in node.entries and "external" not in node.entries:
        raise ReadError(f"{path} needs one of {', '.join(keys)}", node.span, f"add '{keys[0]}'")


def _external(volume: Branch, name: str) -> None:
    external = volume.get("external")
    if not isinstance(external, Leaf) or external.value is not True:
        return
    for key, entry in volume.entries.items():
        if key not in ("name", "external") and not key.startswith("x-"):
            raise ReadError(f"volumes.{name} is external and cannot have {key!r}", entry.key, f"remove '{key}'")


def _service(service: Branch, name: str) -> None:
    ports = service.get("ports")
    for port in ports.items if isinstance(ports, Items) else ():
        address = port.get("host_ip") if isinstance(port, Branch) else None
        if isinstance(address, Leaf) and address.unknown is None and not is_address(str(address.value)):
            raise ReadError(f"services.{name}: {address.value!r} is no IP address", address.span, "correct it")
    for devices in (_down(service, "deploy", "resources", "reservations", "devices"), service.get("gpus")):
        for device in devices.items if isinstance(devices, Items) else ():
            if isinstance(device, Branch) and {"count", "device_ids"} <= device.entries.keys():
                raise ReadError(
                    f"services.{name}: 'count' and 'device_ids' exclude each other", device.span, "keep one"
                )
    watch = _down(service, "develop", "watch")
    for trigger in watch.items if isinstance(watch, Items) else ():
        path = trigger.get("path") if isinstance(trigger, Branch) else None
        if isinstance(path, Leaf) and path.value == "":
            raise ReadError(f"services.{name}: a watch has an empty path", path.span, "name a path")


def _down(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = node.get(key) if isinstance(node, Branch) else None
    return node


def enabled(model: Branch, profiles: Sequence[str]) -> list[str]:
    """The services that the profiles leave on: those without profiles, and those with one of them."""
    result = []
    for name, node in _entries(model, "services"):
        own = node.get("profiles") if isinstance(node, Branch) else None
        names = {str(item.value) for item in own.items if isinstance(item, Leaf)} if isinstance(own, Items) else set()
        if not names or "*" in profiles or names & set(profiles):
            result.append(name)
    return result


def _text(node: Node | None) -> str:
    if not isinstance(node, Leaf) or node.value is None or node.unknown is not None:
        return ""
    return str(node.value)


def consistent(model: Branch, names: frozenset[str]) -> None:
    """Check the enabled services of a normalised model.

    Raises:
        ReadError: a service refers to what is not there, or says two things at once.
    """
    services = {name: node for name, node in _entries(model, "services") if name in names and isinstance(node, Branch)}
    everything = {name for name, _ in _entries(model, "services")}
    known = {
        section: {key for key, _ in _entries(model, section)}
        for section in ("networks", "volumes", "secrets", "configs", "models")
    }
    for name, service in services.items():
        _complete(service, name)
        _build(service, name, services, everything)
        _references(service, name, known)
        _dependencies(service, name, names, everything)
        _numbers(service, name)
        _mounts(service, name)
    for name, secret in _entries(model, "secrets"):
        if not isinstance(secret, Branch) or _text(secret.get("external")) in ("True", "true"):
            continue
        given = [secret.get(key) for key in ("file", "environment")]
        if not any(isinstance(each, Leaf) and each.value for each in given):
            raise ReadError(f"the secret '{name}' needs 'file' or 'environment'", secret.span, "add one")
    _acyclic(services)


def _complete(service: Branch, name: str) -> None:
    image = service.get("image")
    has_image = isinstance(image, Leaf) and bool(image.value)
    if service.get("build") is None and not has_image and "provider" not in service.entries:
        raise ReadError(f"service '{name}' has neither an image nor a build", service.span, "add 'image' or 'build'")
    mode = service.get("network_mode")
    networks = service.get("networks")
    if isinstance(mode, Leaf) and mode.value and isinstance(networks, Branch) and networks.entries:
        raise ReadError(f"service '{name}' has both 'network_mode' and 'networks'", mode.span, "keep one")
    test = _down(service, "healthcheck", "test")
    if isinstance(test, Items) and test.items:
        first = test.items[0]
        if isinstance(first, Leaf) and first.value not in ("CMD", "CMD-SHELL", "NONE"):
            raise ReadError("healthcheck.test starts with CMD, CMD-SHELL or NONE", first.span, "add 'CMD' in front")


def _build(service: Branch, name: str, services: dict[str, Branch], everything: set[str]) -> None:
    build = service.get("build")
    if not isinstance(build, Branch):
        return
    if _text(build.get("dockerfile")) and _text(build.get("dockerfile_inline")):
        raise ReadError(f"service '{name}' has both 'dockerfile' and 'dockerfile_inline'", build.span, "keep one")
    contexts = build.get("additional_contexts")
    for entry in contexts.entries.values() if isinstance(contexts, Branch) else ():
        target = _text(entry.node)
        if target.startswith("service:"):
            other = services.get(target.removeprefix("service:"))
            if other is None or other.get("build") is None:
                what = "unknown" if target.removeprefix("service:") not in everything else "not built"
                raise ReadError(f"the context {target!r} of service '{name}' is {what}", entry.node.span, "correct it")
    platforms, platform = build.get("platforms"), _text(service.get("platform"))
    if isinstance(platforms, Items) and platforms.items and platform:
        given = [item for item in platforms.items if isinstance(item, Leaf)]
        if all(item.unknown is None and item.value != platform for item in given):
            message = f"build.platforms of service '{name}' lacks its platform {platform!r}"
            raise ReadError(message, platforms.span, "add it")


def _references(service: Branch, name: str, known: Mapping[str, set[str]]) -> None:
    networks = service.get("networks")
    for key, entry in networks.entries.items() if isinstance(networks, Branch) else ():
        if key not in known["networks"]:
            raise ReadError(f"service '{name}' uses the unknown network '{key}'", entry.key, f"declare networks.{key}")
    models = service.get("models")
    for key, entry in models.entries.items() if isinstance(models, Branch) else ():
        if key not in known["models"]:
            raise ReadError(f"service '{name}' uses the unknown model '{key}'", entry.key, f"declare models.{key}")
    volumes = service.get("volumes")
    for volume in volumes.items if isinstance(volumes, Items) else ():
        source = volume.get("source") if isinstance(volume, Branch) else None
        named = isinstance(volume, Branch) and _text(volume.get("type")) == "volume" and _text(source)
        if named and _text(source) not in known["volumes"]:
            message = f"service '{name}' uses the unknown volume '{_text(source)}'"
            raise ReadError(message, volume.span, f"declare volumes.{_text(source)}")
    for section, what, where in (
        ("secrets", "secret", service.get("secrets")),
        ("configs", "config", service.get("configs")),
        ("secrets", "build secret", _down(service, "build", "secrets")),
    ):
        for mount in where.items if isinstance(where, Items) else ():
            source = mount.get("source") if isinstance(mount, Branch) else None
            if isinstance(source, Leaf) and source.unknown is not None:
                continue
            if _text(source) not in known[section]:
                message = f"service '{name}' uses the unknown {what} '{_text(source)}'"
                raise ReadError(message, mount.span, f"declare {section}.{_text(source)}")


def _dependencies(service: Branch, name: str, names: frozenset[str], everything: set[str]) -> None:
    depends_on = service.get("depends_on")
    for key, entry in depends_on.entries.items() if isinstance(depends_on, Branch) else ():
        if key in names:
            continue
        required = entry.node.get("required") if isinstance(entry.node, Branch) else None
        if key in everything and isinstance(required, Leaf) and required.value is False:
            continue
        message = f"service '{name}' depends on the undefined service '{key}'"
        raise ReadError(message, entry.key, "correct the name, or switch its profile on")
    mode = _text(service.get("network_mode"))
    if mode.startswith("service:") and mode.removeprefix("service:") not in names:
        node = service.get("network_mode")
        span = node.span if node is not None else service.span
        raise ReadError(f"service '{name}' shares the network of an undefined service", span, "correct the name")


_LIMITS = (("cpus", "cpus"), ("mem_limit", "memory"), ("pids_limit", "pids"))


def _numbers(service: Branch, name: str) -> None:
    scale, replicas = service.get("scale"), _down(service, "deploy", "replicas")
    counts = [_count(node) for node in (scale, replicas)]
    if scale is not None and replicas is not None and None not in counts and counts[0] != counts[1]:
        raise ReadError(f"service '{name}' has another 'scale' than 'deploy.replicas'", scale.span, "keep one")
    for node, count in zip((scale, replicas), counts, strict=True):
        if node is not None and count is not None and count < 0:
            raise ReadError(f"service '{name}' runs a negative number of times", node.span, "write 0 or more")
    container = service.get("container_name")
    total = counts[0] if counts[0] is not None else counts[1]
    if _text(container) and total is not None and total > 1 and container is not None:
        raise ReadError(f"service '{name}' has a container_name but runs {total} times", container.span, "remove it")
    limits = _down(service, "deploy", "resources", "limits")
    for key, other in _LIMITS:
        _equal(service.get(key), limits, other, name, key)
    _equal(
        service.get("mem_reservation"),
        _down(service, "deploy", "resources", "reservations"),
        "memory",
        name,
        "mem_reservation",
    )


def _count(node: Node | None) -> int | None:
    if isinstance(node, Leaf) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return int(node.value)
    return None


def _equal(node: Node | None, limits: Node | None, key: str, name: str, own: str) -> None:
    if not isinstance(node, Leaf) or not isinstance(limits, Branch):
        return
    other = limits.get(key)
    number = _number(node, memory=key == "memory")
    there = _number(other, memory=key == "memory") if isinstance(other, Leaf) else 0.0
    if number and there is not None and number != there:
        message = f"service '{name}' has another '{own}' than 'deploy.resources' has '{key}'"
        raise ReadError(message, node.span, "keep one")


def _number(leaf: Leaf, *, memory: bool) -> float | None:
    value = leaf.value
    if isinstance(value, str):
        if leaf.unknown is not None:
            return None
        value = size(value) if memory else decimal(value)
    if value is None or isinstance(value, bool | str):
        return 0.0
    if memory:
        return float(value) if isinstance(value, int) else 0.0
    return float(single(value))


def _mounts(service: Branch, name: str) -> None:
    watch = _down(service, "develop", "watch")
    for trigger in watch.items if isinstance(watch, Items) else ():
        untargeted = isinstance(trigger, Branch) and not _text(trigger.get("target"))
        if untargeted and _text(_down(trigger, "action")) not in ("rebuild", "restart", ""):
            raise ReadError(f"a watch of service '{name}' needs a target", trigger.span, "add 'target'")
    taken: dict[str, Node] = {}
    tmpfs = service.get("tmpfs")
    scratch = tmpfs.items if isinstance(tmpfs, Items) else ((tmpfs,) if isinstance(tmpfs, Leaf) else ())
    rows: list[tuple[str, Node]] = [(_text(item).partition(":")[0], item) for item in scratch]
    volumes = service.get("volumes")
    for item in volumes.items if isinstance(volumes, Items) else ():
        target = item.get("target") if isinstance(item, Branch) else None
        if isinstance(target, Leaf) and target.unknown is not None:
            continue
        rows.append((_text(target), item))
    for path, item in rows:
        if path in taken:
            raise ReadError(f"service '{name}' mounts twice at '{path}'", item.span, "remove one of them")
        taken[path] = item


def _acyclic(services: dict[str, Branch]) -> None:
    """Refuse services that wait for each other."""
    done: set[str] = set()
    for first in sorted(services):
        path: list[str] = []
        stack: list[tuple[str, bool]] = [(first, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(name)
                continue
            if name in done or name not in services:
                continue
            if name in path:
                continue
            path.append(name)
            stack.append((name, True))
            depends_on = services[name].get("depends_on")
            for key, entry in sorted(depends_on.entries.items()) if isinstance(depends_on, Branch) else ():
                if key in path:
                    chain = " -> ".join([*path[path.index(key) :], key])
                    raise ReadError(f"services depend on each other: {chain}", entry.key, "break the cycle")
                stack.append((key, False))
