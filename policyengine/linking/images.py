"""What the pipeline publishes: images by their repository, the builds that make them, the platforms they are for."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge import names
from policyengine.knowledge.platforms import platform, platform_of_runner
from policyengine.model.graph import PublishedImage
from policyengine.model.nodes import Build, Job, Side
from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.model.graph import Graph
    from policyengine.model.nodes import ShellCommand
    from policyengine.model.source import Span
    from policyengine.model.value import Value


def published(graph: Graph) -> Iterator[PublishedImage]:
    """The images that builds of the pipeline push, by name."""
    groups: dict[str, list[Build]] = {}
    told = (build for build in graph.all(Build, side=Side.PIPELINE) if build.pushes and not _is_hidden(build))
    for build in _distinct(told):
        for name in _names(build):
            groups.setdefault(name, []).append(build)
    joined = manifest(graph)
    for name, builds in sorted(groups.items()):
        for_tests = all(map(_for_tests, builds))
        yield PublishedImage(name, tuple(builds), built_for(graph, builds, joined), for_tests)


def built_for(graph: Graph, builds: Sequence[Build], joined: Sequence[ShellCommand]) -> Value[tuple[str, ...]]:
    """The platforms that builds of one image are for together, in BuildKit's normal form, sorted.

    A build without platforms is for that of its runner. What the builds make for one platform each, a manifest may
    join: where one of that image may be `joined`, a single platform is not all.
    """
    found: set[str] = set()
    span: Span | None = None
    for build in builds:
        named = isinstance(build.platforms, Unknown) or (isinstance(build.platforms, Known) and build.platforms.value)
        value = build.platforms if named else _of_runner(graph, build)
        if not isinstance(value, Known):
            return value
        found.update(map(platform, value.value))
        span = span or value.span
    if span is None:
        return Unknown("nothing is built", graph.nodes[0].span)
    made = next((each for each in joined if _may_join(each, builds)), None)
    if made is not None and len(found) == 1:
        return Unknown("the platforms of a manifest that is put together from several builds", made.span)
    return Known(tuple(sorted(found)), span)


def _is_hidden(build: Build) -> bool:
    """Whether people build it by hand, or an action does of which nothing but its name is known."""
    return build.by_hand or (isinstance(build.dockerfile, Unknown) and isinstance(build.platforms, Unknown))


def _for_tests(build: Build) -> bool:
    flow = PurePosixPath(build.workflow).stem
    if names.is_side_image(flow, first=True) and not names.speaks_of_publishing(flow):
        return True
    whole = isinstance(build.tags, Known) and len(build.references) == len(build.tags.value)
    given = _names(build) if whole and build.references else ()
    return bool(given) and all(map(names.is_side_image, given))


def _of_runner(graph: Graph, build: Build) -> Known[tuple[str, ...]] | Unknown:
    job = graph.get(Job, build.job)
    match None if job is None else job.runs_on:
        case Known(label, span):
            found = platform_of_runner(label)
            if found is None:
                return Unknown(f"the architecture of the runner '{label}' is not known", span)
            return Known((found,), build.span)
        case Unknown() as unknown:
            return unknown
        case _:
            return Known(("linux/amd64",), build.span)


def manifest(graph: Graph) -> tuple[ShellCommand, ...]:
    """What joins images of single platforms: `buildx imagetools create`, `docker manifest create`."""
    return tuple(filter(_joins, graph.commands()))


def _joins(command: ShellCommand) -> bool:
    words = command.argv
    if "create" not in words or not ("imagetools" in words or ("manifest" in words and command.program == "docker")):
        return False
    sources = _sources(words[words.index("create") + 1 :])
    return len(sources) > 1 + ("manifest" in words) or any(map(_MANY.search, sources))


def _may_join(command: ShellCommand, builds: Sequence[Build]) -> bool:
    """Whether the manifest that a command makes may be of the image of these builds, as far as it names one."""
    named = {each for word in command.argv for each in _NAMED.findall(word)}
    given = {ref.repository.rpartition("/")[2] for build in builds for ref in build.references}
    return not (named and given) or not named.isdisjoint(given)


_NAMED = regex(r"/([a-z0-9][\w.-]{0,127})(?:[:@]|\Z)")
_MANY = regex(r"\$\(|`|\*|\[@\]|\A\$\{?\{?[^{}]*s ?\}?\}?\Z")
_TAGS = ("-t", "--tag", "--annotation", "-f", "--file")


def _sources(words: Sequence[str]) -> list[str]:
    """What a manifest is made of, or an image is only tagged anew from: the words that are no options."""
    return [each for before, each in zip(("", *words), words, strict=False) if each[:1] != "-" and before not in _TAGS]


def _distinct(builds: Iterable[Build]) -> Iterator[Build]:
    """The builds without those of a reusable workflow on its own, where a call of it is there too."""
    by_span: dict[Span, list[Build]] = {}
    for build in builds:
        by_span.setdefault(build.span, []).append(build)
    for group in by_span.values():
        called = [build for build in group if build.workflow != build.span.path]
        yield from called or group


def _names(build: Build) -> tuple[str, ...]:
    """The repositories that a build gives its result, else its Dockerfile or its job."""
    if build.references:
        return tuple(sorted({tag.repository for tag in build.references}))
    dockerfile = build.dockerfile.value if isinstance(build.dockerfile, Known) else ""
    return (dockerfile or build.job.partition(":")[2] or build.id,)
