"""Counts how far the files of public repositories decide what rules read of the cloud.

    python -m tests.oracle.terraform.statistics FOLDER… [--reasons N] [--show REASON] [--by]

FOLDER holds one repository per directory. For each kind of attribute it prints how many values are Known, Floating, Unknown
and Absent, and the reasons of the Unknown ones, with `--show` also the places where a reason that contains the text occurs.
Known values are split for variables: those whose text is known in full, and those of which Terraform's files name the
resource that gives the rest.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine import engine, plugins
from policyengine.model.nodes import Bucket, Datastore, Node, Origin, Queue, Service, Side
from policyengine.model.source import UsageError
from policyengine.model.value import Known, Unknown, Value
from policyengine.platforms.terraform.root_modules import lower
from policyengine.repository import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATES = ("Known", "Floating", "Unknown", "Absent")


def attributes(nodes: Iterable[Node]) -> Iterator[tuple[str, str, Value[object]]]:
    """The values that rules read of the cloud side: kind of attribute, the id of the node, value."""
    for node in nodes:
        if node.side is not Side.CLOUD:
            continue
        if isinstance(node, Datastore) and not isinstance(node, Bucket | Queue) and not node.service:
            yield "versions of datastores", node.id, node.version
        if isinstance(node, Service):
            yield "images", node.id, node.image
            yield "users", node.id, node.user
            if node.environment_gap is not None:
                yield "lists of variables", node.id, node.environment_gap
            else:
                yield "lists of variables", node.id, Known(value=True, span=node.span)
            for variable in node.environment:
                if variable.origin is Origin.SECRET:
                    yield "references to secrets", f"{node.id}:{variable.key}", variable.reference or variable.value
                else:
                    yield "values of environment variables", f"{node.id}:{variable.key}", variable.value
            for port in node.ports:
                yield "container ports", node.id, port.target


def general(reason: str) -> str:
    """A reason without the names of one repository."""
    plain = re.sub(
        r"(?:module\.[\w.\[\]\"-]+\.)?(?:data\.)?[a-z0-9]+_\w+\.[\w.\[\]\"…-]+ is known", "a resource is known", reason
    )
    plain = re.sub(r"module\.\S+ is known only", "a module's output is known only", plain)
    return re.sub(r"'[^']*'|\"[^\"]*\"|\b(?:module|data|local|var)\.\S+", "…", plain)


def main(arguments: list[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--reasons", type=int, default=20)
    parser.add_argument("--show", default="", help="print where reasons that contain this text occur")
    parser.add_argument("--kind", default="", help="only attributes whose name contains this text")
    parser.add_argument("--by", action="store_true", help="count by repository")
    options = parser.parse_args(arguments)
    loaded = plugins.load()
    (terraform,) = (each for each in loaded.platforms if each.name == "terraform")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[tuple[str, str]] = Counter()
    repositories = sorted(each for folder in options.folders for each in folder.iterdir() if each.is_dir())
    for repository in repositories:
        tree = discover.open_tree([repository])
        try:
            config = engine.load_config(tree, loaded)
            found = lower(tree, engine.told(terraform, config, loaded, engine.Work(jobs=1)))
        except UsageError as error:
            sys.stderr.write(f"{repository.name}: {error}\n")
            continue
        own: Counter[str] = Counter()
        for kind, node, value in attributes(found.nodes):
            if options.kind not in kind:
                continue
            counts[kind][type(value).__name__] += 1
            own[type(value).__name__] += 1
            if isinstance(value, Unknown):
                reasons[kind, general(value.reason)] += 1
                if options.show and options.show in value.reason:
                    source = tree.read(value.span.path)
                    line = source.position(value.span.start).line if source is not None else 0
                    sys.stdout.write(f"{repository.name} {node}: {value.reason} [{value.span.path}:{line}]\n")
        if options.by:
            sys.stdout.write(f"{repository.name}: " + ", ".join(f"{own[state]} {state}" for state in STATES) + "\n")
    sys.stdout.write(f"{len(repositories)} repositories\n")
    for kind, found_counts in counts.items():
        sys.stdout.write(f"{kind}: " + ", ".join(f"{found_counts[state]} {state}" for state in STATES) + "\n")
    for (kind, reason), number in reasons.most_common(options.reasons):
        sys.stdout.write(f"{number:6} {kind}: {reason}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
