"""Entries of `secrets` of a container that a fix adds."""

from collections.abc import Mapping

from policyengine.api import (
    Change,
    Container,
    EdgeKind,
    Graph,
    Known,
    Put,
    Raw,
    Secret,
    Wanted,
    known,
    secrecy,
)


def given_as_secrets(
    graph: Graph, container: Container, keys: list[str], sources: Mapping[str, str] | None = None
) -> tuple[Change, ...]:
    """Entries of `secrets` beside those that there are, where all come from one secret by their keys.

    A key that the secret is known to lack comes into it as the expression that `sources` has for it. Nothing where that
    has none, for the task would not start, nor for what is no secret: its value is not known.
    """
    ends = {key: known(each.reference, "") for key, each in container.environment.items() if each.reference}
    names = {name for key in ends for name in container.environment[key].references if name.endswith(".arn")}
    by_key = all(text.endswith(f":{key}::") for key, text in ends.items())
    if len(names) != 1 or not by_key or not all(secrecy(key) for key in keys):
        return ()
    entries: list[Wanted] = [{"name": key, "valueFrom": Raw(f'"${{{min(names)}}}:{key}::"')} for key in keys]
    added = [Put(container.span, ("secrets", "-"), each) for each in entries]
    read = (each.target for each in graph.out_of(EdgeKind.READS, container.node) if each.reason in ends)
    secret = next((found for each in read if (found := graph.get(Secret, each)) is not None), None)
    if secret is None or not isinstance(secret.keys, Known):
        return tuple(added)
    lacking = [key for key in keys if key not in secret.keys.value]
    module = container.span.path.rpartition("/")[0]
    if lacking and not ({*lacking} <= {*(sources or ())} and secret.keys.span.path.rpartition("/")[0] == module):
        return ()
    return (*added, *(Put(secret.keys.span, (key,), Raw(sources[key])) for key in lacking if sources))
