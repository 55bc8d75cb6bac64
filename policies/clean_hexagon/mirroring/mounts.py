"""What the Compose stack mounts, or is built from, is in the repository (HEX110)."""

import posixpath

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Container,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Mount,
    Outcomes,
    Severity,
    Side,
    Span,
    Unknown,
    known,
    regex,
    rule,
    stand_ins,
    undecided,
)

_FILE = regex(r"[^.].*\.[A-Za-z][A-Za-z0-9]{0,7}")
_FOLDER = regex(r".*\.(?:d|cache|git)")
_FIRST = "/docker-entrypoint-initdb.d"
"""The folder whose scripts the images of Postgres, MySQL, MariaDB and MongoDB run in an empty database."""
_MADE = frozenset({".crt", ".htpasswd", ".json", ".key", ".pem"})
"""How the files end that a machine of production has for itself: certificates and credentials."""


@rule(
    "HEX110",
    mandate="1.1",
    severity=Severity.ERROR,
    remedy="Commit the file, or drop what names it.",
    precision="very-high",
    message={
        "default": "'{name}' mounts '{source}', which is not in the repository.",
        "build": "'{name}' is built from '{source}', which is not in the repository.",
    },
)
def mount_source_missing(graph: Graph, _: Options) -> Outcomes:
    """A file that the Compose stack mounts, or a Dockerfile that it builds, does not exist.

    Docker makes an empty folder of that name and mounts it where the container expects a file, so a new clone does not
    start, or starts without its tables. Without its Dockerfile a service cannot be built at all.

    Asked of bind mounts of the Compose stack, the local one and that of production, whose source lies in the repository
    and is a file: source and target both end in an extension. A folder is asked of where the image of a database looks
    for what it runs once: without it the database has no tables, unless migrations make them, hence a warning. A file
    that git ignores is made by each developer, as is one whose example (`.example`, `.template`) is committed, or which
    a script of the pipeline names; certificates and credentials of production are made by its machine. Without a
    .gitignore, and where a submodule may hold the file, it stays open. A Dockerfile is asked of where its
    folder and its context hold other files, and where no registry may have the image.
    """
    named = frozenset(posixpath.basename(word.text) for command in graph.commands() for word in command.words)
    seen: set[Span] = set()
    for container in (*graph.containers(side=Side.LOCAL), *graph.containers(side=Side.CLOUD)):
        yield from _unbuilt(graph, container, named)
        for mount in container.service.mounts:
            source = _file(mount)
            made = container.side is Side.CLOUD and posixpath.splitext(source)[1] in _MADE
            if not source or made or mount.source.span in seen:
                continue
            seen.add(mount.source.span)
            yield Compared(container.node)
            name = posixpath.basename(source)
            made = "." in name and name in named  # not the plain word that a folder is called
            if graph.holds(source) or made or _by_example(graph, source):
                continue
            ignored = graph.ignored_by_git(source)
            if ".gitmodules" in graph.paths:
                ignored = Unknown(f"a submodule may hold '{source}'", mount.source.span)
            yield from undecided(container.node, ignored)
            if isinstance(ignored, Known) and not ignored.value:
                args = {"name": container.name, "source": source}
                fix = Fix(f"commit {source}, or drop the mount")
                severity = None if "." in name else Severity.WARNING  # migrations may make the tables all the same
                yield Finding(subject=container.node, at=mount.source, severity=severity, args=args, fix=fix)


def _unbuilt(graph: Graph, container: Container, named: frozenset[str]) -> Outcomes:
    """The Dockerfile of a Compose service that is not in the tree, though its folder and its context are."""
    build, image = container.service.build, container.service.image
    if build is None or build.inline or not isinstance(build.dockerfile, Known):
        return
    ref = image.value if isinstance(image, Known | Floating) else None
    if isinstance(image, Unknown) or (ref is not None and "/" in ref.text):
        return
    path, context = build.dockerfile.value, known(build.context, "")
    name = posixpath.basename(path)
    if path.startswith(("/", "..", "~")) or ":" in path or name.endswith(".git"):
        return
    yield Compared(container.node)
    lowered = path.lower()
    held = all(map(graph.holds, (context or ".", posixpath.dirname(path))))  # else another system may hold it
    if graph.holds(path) or not held or (name != "Dockerfile" and name in named) or _by_example(graph, path):
        return
    if any(each.lower() == lowered for each in graph.paths):
        return
    if graph.holds(path.removeprefix(f"{posixpath.dirname(container.span.path)}/")):  # by --project-directory
        return
    ignored = graph.ignored_by_git(path)
    if isinstance(ignored, Known) and not ignored.value:
        args, fix = {"name": container.name, "source": path}, Fix(f"commit {path}, or build from another one")
        yield Finding(subject=container.node, at=build.dockerfile, variant="build", args=args, fix=fix, cause=path)


def _file(mount: Mount) -> str:
    """The source of a bind mount that is a file of the tree, or holds scripts of a database; empty for any other."""
    source, target = known(mount.source, ""), known(mount.target, "")
    names = [posixpath.basename(each) for each in (source, target)]
    if mount.kind != "bind" or source.startswith(("/", "..", "~", "\\")) or ":" in source:
        return ""
    files = all(_FILE.fullmatch(each) and not _FOLDER.fullmatch(each) for each in names)
    whole = target.rstrip("/") == _FIRST
    return source.removeprefix("./").rstrip("/") if files or whole else ""


def _by_example(graph: Graph, source: str) -> bool:
    stem, end = posixpath.splitext(source)
    words = (*stand_ins(), "in", "j2", "tmpl", "tpl")
    return any(f"{source}.{word}" in graph.paths or f"{stem}.{word}{end}" in graph.paths for word in words)
