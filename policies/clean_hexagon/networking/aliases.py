"""Host names that only a hosts file knows (HEX510)."""

from collections.abc import Iterator

from clean_hexagon.options import Options
from policyengine.api import (
    Address,
    Compared,
    Drop,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    HostAlias,
    LastLine,
    Node,
    Outcomes,
    Severity,
    Side,
    Span,
    Swap,
    addresses,
    host_kind,
    is_for_the_laptop,
    is_local_name,
    rule,
    variables,
)


@rule(
    "HEX510",
    mandate="5.3",
    severity=Severity.WARNING,
    remedy="Have each alias mapped to 127.0.0.1 in the hosts file, and use each that is mapped.",
    precision="medium",
    message={
        "default": "'{key}' of '{where}' has the host '{host}', which no hosts file of the repository maps.",
        "elsewhere": "'{host}' is mapped to '{address}', but '{key}' [opens it](1) on the laptop.",
        "unused": "'{host}' is mapped to '{address}', but nothing in the repository names it.",
    },
)
def hosts_alias_inconsistent(graph: Graph, _: Options) -> Outcomes:
    """A host name of one's own is used that the hosts file does not map, or mapped and not used.

    A second origin on the laptop, such as `hndigest.local` for tests of CORS, needs a line in the hosts file, and
    whoever sets up the repository has to be told. Without it the test fails on each new machine; a line that leads to
    another machine makes it pass there and fail here; one that nothing uses is a leftover in everybody's system.

    A host is meant that ends in `.local` or `.test`, with a scheme, in the environment of local containers or in an env
    file for the laptop, at a port that the Compose stack publishes: other ones are those of a company's network. Lines
    `IP name` count in hosts files, scripts, task runners' files and documents near the root. Names of containers pass,
    and those of `extra_hosts`, and a cluster's own. A line is used when any other line of the repository has the host:
    a proxy's configuration, a development server's allow-list, a test. All of it is a convention of the strategy.
    """
    aliases: dict[str, list[HostAlias]] = {}
    for each in graph.all(HostAlias):
        aliases.setdefault(each.name, []).append(each)
    inside = {
        name.lower()
        for each in graph.containers(side=Side.LOCAL)
        for name in (*each.service.names, *each.service.extra_hosts)
    }
    asked: dict[str, Address] = {}
    for node, address in _named(graph):
        host, seen = address.endpoint.host, address.endpoint.host in asked
        asked.setdefault(host, address)
        yield Compared(node)
        if host not in aliases and host not in inside and not seen:
            args = {"key": address.variable.key, "where": node.name, "host": host}
            files = sorted(each for each in graph.paths if each == "hosts" or each.endswith((".hosts", "/hosts")))
            added = tuple(LastLine(Span(path, 0, 0), f"127.0.0.1 {host}") for path in files[:1])
            fix = Fix(f"tell to add the line '127.0.0.1 {host}' to the hosts file", added, safe=True)
            yield Finding(subject=node, at=address.span, args=args, fix=fix, convention=True)
    for host, lines in aliases.items():
        for line in lines:
            yield Compared(line)
            used = asked.get(host)
            args = {"host": host, "address": line.address}
            if used is not None and host_kind(line.address) != "loopback":
                yield Finding(
                    subject=line,
                    at=line,
                    variant="elsewhere",
                    args={**args, "key": used.variable.key},
                    related=(used.span,),
                    fix=Fix("map it to 127.0.0.1", (Swap(_before(line), line.address, "127.0.0.1"),), safe=True),
                    convention=True,
                )
            elif used is None and not line.used and host not in inside:
                fix = Fix("remove the line", (Drop(line.span),), safe=True)
                yield Finding(subject=line, at=line, variant="unused", args=args, fix=fix, convention=True)


def _before(line: HostAlias) -> Span:
    """Where the address of a name stands: before it, behind a few blanks."""
    return line.span._replace(start=max(line.span.start - len(line.address) - _BLANKS, 0), end=line.span.start)


_BLANKS = 16


def _named(graph: Graph) -> Iterator[tuple[Node, Address]]:
    """The hosts of one's own that web addresses for the stack name."""
    local = list(graph.containers(side=Side.LOCAL))
    published = {number for each in local for number in each.published}
    files = [each for each in graph.all(EnvironmentFile) if is_for_the_laptop(each.path)]
    for node, given in (
        *((each.node, each.environment) for each in local),
        *((each, variables(each.variables)) for each in files),
    ):
        for address in addresses(given):
            endpoint = address.endpoint
            if endpoint.web and endpoint.scheme and endpoint.port in published and is_local_name(endpoint.host):
                yield node, address
