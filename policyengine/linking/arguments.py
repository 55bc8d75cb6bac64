"""Dockerfiles whose images the builds name: `ARG VERSION`, `FROM mysql:${VERSION}`."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from policyengine.model.nodes import Build, Node, Service
from policyengine.model.value import Known

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from policyengine.model.nodes import Stage
    from policyengine.model.value import Value
    from policyengine.repository.files import Files


def told(nodes: Iterable[Node], files: Files) -> Iterator[Stage]:
    """The stages of Dockerfiles whose FROM names an argument, with what all their builds give it.

    Of an argument that one build lacks, or gives another value or one that is not known, the Dockerfile's own default
    counts. Those that are declared behind a FROM choose no image.
    """
    given: dict[str, list[Mapping[str, Value[str]]]] = {}
    for node in nodes:
        build = node if isinstance(node, Build) else node.build if isinstance(node, Service) else None
        if build is not None and not build.inline and isinstance(build.dockerfile, Known):
            given.setdefault(build.dockerfile.value, []).append({each.key: each.value for each in build.args})
    for path, (first, *others) in sorted(given.items()):
        args = {key: value for key, value in first.items() if all(_alike(value, each.get(key)) for each in others)}
        source = files.read(path) if any(isinstance(value, Known) for value in args.values()) else None
        if source is None:
            continue
        from policyengine.platforms.docker import image  # noqa: PLC0415  only where builds tell something
        from policyengine.syntax.dockerfile import read  # noqa: PLC0415  as above

        dockerfile = read(source)
        head = takewhile(lambda each: each.keyword != "FROM", dockerfile.instructions)
        asked = {pair.key.text for each in head if each.keyword == "ARG" for pair in each.pairs()}
        args = {key: value for key, value in args.items() if key in asked and isinstance(value, Known)}
        if args:
            yield from image.stages(dockerfile, args)


def _alike(one: Value[str], other: Value[str] | None) -> bool:
    return isinstance(one, Known) and isinstance(other, Known) and one.value == other.value
