"""What code falls back to where nobody sets a variable (HEX505)."""

from collections.abc import Collection, Sequence

from clean_hexagon.networking.addresses import CLIENTS, address_keys
from clean_hexagon.networking.internal import at_home, behind, doors, is_part_of_another, meant_by, one_network
from clean_hexagon.options import Options
from clean_hexagon.parts import lender
from policyengine.api import (
    Address,
    Compared,
    Container,
    Finding,
    Fix,
    Graph,
    Known,
    Origin,
    Outcomes,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    addresses,
    assigned,
    is_address,
    is_for_people,
    is_for_tests,
    known,
    rule,
    speaks_of_stores,
    undecided,
    words_of,
)


@rule(
    "HEX505",
    mandate="5.1",
    severity=Severity.WARNING,
    remedy="Set the variable in the container, or take the default away.",
    message={
        "default": (
            "'{key}' is not set in '{service}', so [the container](1) falls back to '{endpoint}', which is itself."
        ),
        "sibling": (
            "'{key}' is not set in '{service}', so [the container](1) falls back to '{endpoint}', which is itself. "
            "Set it to '{right}'."
        ),
        "people": (
            "'{key}' is not set in '{service}', so [the container](1) sends people to '{endpoint}', their own machine."
        ),
    },
)
def localhost_fallback_in_code(graph: Graph, options: Options) -> Outcomes:
    """A container does not set a variable for which the code falls back to localhost.

    `process.env.REDIS_URL ?? "redis://localhost:6379"` starts on any laptop, and in a container connects to the
    container itself. Nothing says that a variable is missing: the first request does, or a queue that stays empty.

    Asked are the defaults of the configuration module of applications and jobs, for variables that the container does
    not get, nor one that does instead. An error where a sibling is meant (its port, or its engine by the name), at the
    default in the code. Otherwise only addresses of stores: a shared module names many services of which a container
    calls a few, but for those that the other side sets to something else, and for the addresses that people open
    (`FRONTEND_URL`) in the cloud. What another variable of the container leads to is not asked: one is for the other
    (`SPRING_DATASOURCE_URL` for a `DB_HOST` in it, `DATABASE_URL` for all parts of that address), or one for containers
    and the other for browsers. In the cloud, where each task is apart, a variable that is called after another
    container, with the port at which that or its twin listens, is asked too (`CONFIG_URI` for `config-server`).
    Ports at which the container itself listens pass, and so do addresses for browsers.
    Containers of one task in the cloud share localhost. Where more may be set than the files tell, or the image is not
    built here, it is an open question; a default under a condition is none. A module that only one of several programs
    of an application takes in is asked of that program alone, and not of what builds assets or shows queues beside it.
    """
    public = address_keys(graph, options)
    seen: set[Span] = set()
    found = doors(graph)
    away: dict[int | None, list[Container]] = {}
    twins: dict[str, list[Container]] = {}
    for local, cloud in graph.mirrored():
        twins.setdefault(local.node.id, []).append(cloud)
        twins.setdefault(cloud.node.id, []).append(local)
    for cloud in graph.containers(side=Side.CLOUD):
        ports = {port for each in (cloud, *twins.get(cloud.node.id, ())) for port in (*each.listens, *each.published)}
        for port in ports if not cloud.is_composed else ():
            away.setdefault(port, []).append(cloud)
    for side in (Side.LOCAL, Side.CLOUD):
        users: dict[tuple[str, str], list[Container]] = {}  # those that lack a key of a configuration
        having: dict[str, int] = {}  # how many read it; where another has the address for people, that one sends them
        for each in graph.containers(side=side):
            code = lender(graph, each)
            if code.config is None:
                continue
            having[code.config.id] = having.get(code.config.id, 0) + 1
            for key in _unset(each, code):
                users.setdefault((code.config.id, key), []).append(each)
        for container in graph.containers(side=side):
            apart = container.service.network == "host" or any("flower" in each.argv for each in container.commands)
            code = lender(graph, container)
            if container.role not in CLIENTS or code.config is None or apart:
                continue
            shared = side is Side.CLOUD and not container.is_composed
            unset = _unset(container, code)
            told = tuple(addresses({**container.environment, **unset}))
            for address in told:
                endpoint, key = address.endpoint, address.variable.key
                if key not in unset or address.span in seen or not endpoint.loopback:
                    continue
                lacking = users[code.config.id, key]
                people = shared and len(lacking) == having[code.config.id] and _for_people(address, public)
                if key in public and not people:
                    continue
                other = shared and any(_speaks_of(container, key, each) for each in away.get(endpoint.port, ()))
                there = behind(found, container, endpoint.port)
                near = [each for each in there if shared or one_network(container, each)]
                if not people and (
                    not at_home(container, address) or any(endpoint.port in each.listens for each in near)
                ):
                    continue
                meant = meant_by(address, [each for each in there if each not in near])
                named = speaks_of_stores(words_of(key))
                bare = endpoint.scheme in ("", "host")  # a host is one of a store by its name alone
                store = (not endpoint.web and endpoint.port and endpoint.scheme != "host") or (bare and named)
                store = store or other or _led_elsewhere(address, twins.get(container.node.id, ()))
                if not people and (
                    not (meant or store) or _reached_otherwise(container, address, told, meant and meant[0])
                ):
                    continue
                yield Compared(container.node)
                built = code.builds or isinstance(code.stage, Known)
                elsewhere = None if built else Unknown(f"whether '{container.name}' runs this code", container.span)
                gap = container.environment_gap or elsewhere
                yield from undecided(container.node, gap)
                if gap is None:
                    seen.add(address.span)
                    right = f"{meant[0].name}:{meant[1]}" if meant is not None and not people else ""
                    others = [twin for each in lacking for twin in twins.get(each.node.id, ())]
                    settled = not any(key in _unset(each, each) for each in others)  # else a twin would lack it
                    bare_variant = "people" if people else "default"
                    yield _fallen(container, address, right, lacking if settled else (), bare_variant)


def _speaks_of(container: Container, key: str, other: Container) -> bool:
    """Whether a variable is called after another container, which runs apart."""
    apart = other.service.group != container.service.group and other.role in CLIENTS
    return apart and not set(words_of(other.name)).isdisjoint(words_of(key)[:-1])


def _unset(container: Container, code: Container) -> dict[str, Variable]:
    """The variables with a default in its code that the container does not get, nor an alternative of them."""
    given = {*container.environment, *(key for key, each in code.environment.items() if each.origin is Origin.IMAGE)}
    return {
        each.key: Variable(each.key, each.span, each.default)
        for each in code.keys
        if isinstance(each.default, Known)
        and isinstance(each.required, Known)
        and not each.client
        and not is_for_tests(each.key)
        and not each.met(given)
    }


def _reached_otherwise(
    container: Container, address: Address, told: Sequence[Address], sibling: Container | None
) -> bool:
    """Whether another variable or default leads to the sibling by its name, or holds the address of that name.

    A whole address of a store is asked nevertheless: each of two may be used.
    """
    if sibling is not None and address.endpoint.scheme == "host":
        return any(each.endpoint.host in sibling.service.names for each in told)
    if address.endpoint.web and any(
        each.endpoint.port == address.endpoint.port and not each.endpoint.loopback for each in told
    ):
        return True
    key = address.variable.key
    if is_part_of_another(container, address):
        return True
    about = words_of(key)[:-1]
    return any(is_address(each) and words_of(each)[:-1] == about for each in container.environment)


def _for_people(address: Address, public: Collection[str]) -> bool:
    """Whether it is the address at which people open the application, by the name of the variable."""
    return address.endpoint.web and (address.variable.key in public or is_for_people(address.variable.key))


def _led_elsewhere(address: Address, twins: Sequence[Container]) -> bool:
    """Whether a twin sets the variable, and to another machine than its own: it is in use."""
    given = {each.variable.key: each for twin in twins for each in twin.addresses}
    found = given.get(address.variable.key)
    return found is not None and not found.endpoint.loopback and not found.for_browsers


def _fallen(container: Container, address: Address, right: str, alike: Sequence[Container], bare: str) -> Finding:
    args = {"key": address.variable.key, "service": container.name, "endpoint": address.endpoint, "right": right}
    variable, text = address.variable, known(address.variable.value, "")
    start, end = address.endpoint.start, address.endpoint.end
    whole = right and address.endpoint.scheme != "host" and text[start:end].lower() == str(address.endpoint)
    value = f"{text[:start]}{right}{text[end:]}"
    edits = tuple(edit for each in alike if whole for edit in assigned(each, variable.key, value))
    return Finding(
        subject=container.node,
        at=address.span,
        variant="sibling" if right else bare,
        severity=Severity.ERROR if right else None,
        args=args,
        related=(container,),
        cause=f"{variable.key} {address.endpoint} {right}",
        about=variable.key,
        fix=Fix(
            f"set {variable.key} in {container.name}" + (f" to {right}" if right else ""),
            edits,
            container.side is Side.LOCAL,
        ),
    )
