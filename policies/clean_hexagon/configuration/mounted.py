"""What the env files in a mounted folder of sources set, for code that loads them by itself."""

from clean_hexagon.paths import lies_in
from policyengine.api import (
    Container,
    EnvironmentFile,
    Graph,
    Known,
    Mount,
    Unknown,
    is_for_the_laptop,
    known,
    loads_env_files,
    regex,
)

_LOADING = regex(
    r"(?:.*/)?\.env(?:\.[\w.-]+)?\Z|--env(?:-file)?(?:[=-].*)?\Z|(?:bunx?|dotenvx?|env-cmd|pipenv|honcho|foreman)\Z"
)


def _mounted(local: Container) -> Mount | None:
    """The mount over the folder that a container works in, or of the folder that holds its package."""
    for mount in local.service.mounts:
        target = known(mount.target, "").rstrip("/")
        folder = _folder(known(mount.source, "?"))
        if mount.kind == "bind" and target and lies_in(known(local.workdir, "/app"), target):
            return mount
        if mount.kind == "bind" and any(lies_in(_folder(each.directory), folder) for each in local.packages):
            return mount
    return None


def _folder(path: str) -> str:
    """A folder relative to the root, which is empty."""
    return path.removeprefix("./").rstrip("/") if path not in (".", "./") else ""


def files_within(graph: Graph, local: Container) -> tuple[tuple[EnvironmentFile, ...], Unknown | None]:
    """The env files that code may load from its mounted sources, and why what they set is not known.

    Without a library or a command that loads such files there are none. One that git ignores is known by an example
    that is committed beside it.
    """
    mount = _mounted(local)
    if mount is None or not _loads(graph, local):
        return (), None
    unknown = Unknown(f"env files of the mounted folder of '{local.name}' are not known", mount.span)
    if not isinstance(mount.source, Known):
        return (), unknown
    folder = _folder(mount.source.value)
    within = [each for each in graph.all(EnvironmentFile) if not folder or lies_in(each.path, folder)]
    files = tuple(each for each in within if each.example or is_for_the_laptop(each.path))
    there = f"{folder}/.env" if folder else ".env"
    if files or known(graph.ignored_by_git(there), default=True) is False:
        return files, None
    return (), unknown


def _loads(graph: Graph, local: Container) -> bool:
    """Whether a container may load env files: by a library of its language in this repository, or by its command."""
    spoken = {each.ecosystem for each in local.packages}
    libraries = (name for each in spoken for name in graph.libraries(each))
    words = (word.text for command in local.commands for word in command.words)
    return not spoken or any(map(loads_env_files, libraries)) or any(_LOADING.match(each) for each in words)
