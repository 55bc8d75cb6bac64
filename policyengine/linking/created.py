"""The buckets and queues that scripts create in a local emulator, by their names: evidence for their twins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.linking.evidence import Evidence
from policyengine.linking.features import plain
from policyengine.linking.naming import stem, words
from policyengine.model.nodes import Bucket, Datastore, Node, Queue, Service, Side
from policyengine.model.value import Known
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.graph import Graph
    from policyengine.repository.files import Files

_CREATES = regex(
    r"\bs3 mb\s+[\"']?s3://([\w.-]+)|\bmc mb\s+(?:-\S+\s+)*[\"']?[\w-]+/([\w.-]+)"
    r"|\bcreate-bucket\b[^\n;&|]{0,200}?--bucket[\s=]+[\"']?([\w.-]+)"
    r"|\bcreate-queue\b[^\n;&|]{0,200}?--queue-name[\s=]+[\"']?([\w.-]+)"
)
_SHELL = (".sh", ".bash")


def created(nodes: Iterable[Node], files: Files) -> Iterator[Evidence]:
    """What speaks for a bucket or a queue of an emulator: that a script here creates one which is called so."""
    every = list(nodes)
    if not any(isinstance(each, Bucket | Queue) and each.side is Side.LOCAL for each in every):
        return
    texts = [source.text for path in files.ending(*_SHELL) if (source := files.read(path)) is not None]
    for each in every:
        if isinstance(each, Service) and each.side is Side.LOCAL:
            given = (each.entrypoint, each.command)
            texts += [" ".join(one.value.words) for one in given if isinstance(one, Known)]
    names = {next(filter(None, match)) for text in texts for match in _CREATES.findall(text)}
    made = [plain(frozenset(words(name))) for name in sorted(names)]

    def holds(_: Graph, here: Node, there: Node) -> float:
        if not isinstance(here, Bucket | Queue) or not isinstance(there, Datastore):
            return 0.0
        label = plain(stem(there.name.rpartition(".")[2]) - {"bucket", "queue"})
        return float(bool(label) and any(label <= each for each in made))

    if made:
        yield Evidence(35, "a script creates it here", holds)
