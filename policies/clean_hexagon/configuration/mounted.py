"""What env files set that no file tells: those in a mounted folder of sources, and those of production."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from msgspec import Struct

from clean_hexagon.paths import above, lies_in
from policyengine.api import (
    Container,
    EnvironmentFile,
    Graph,
    Known,
    Mount,
    Package,
    Unknown,
    Variable,
    is_example,
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


class EnvFiles(Struct, frozen=True):
    """The variables of the env files that a laptop may load, by each folder above the files."""

    keys: Mapping[str, set[str]]
    ecosystems: set[str]  # those of packages with a library that loads env files


def env_files(graph: Graph) -> EnvFiles:
    """What the env files of a tree set or mention; one that git ignores is known by an example beside it."""
    keys: dict[str, set[str]] = {}
    for file in graph.all(EnvironmentFile):
        if file.example or is_for_the_laptop(file.path):
            for folder in above(file.path):
                keys.setdefault(folder, set()).update(file.mentioned, (each.key for each in file.variables))
    loading = (each for each in graph.all(Package) if any(loads_env_files(one.key) for one in each.dependencies))
    return EnvFiles(keys, {each.ecosystem for each in loading})


def keys_within(graph: Graph, files: EnvFiles, local: Container) -> tuple[set[str], Unknown | None]:
    """The variables that code may load from its mounted sources, and why they are not known.

    Without a library or a command that loads env files there are none.
    """
    mount = _mounted(local)
    if mount is None or not _loads(files, local):
        return set(), None
    unknown = Unknown(f"env files of the mounted folder of '{local.name}' are not known", mount.span)
    if not isinstance(mount.source, Known):
        return set(), unknown
    folder = _folder(mount.source.value)
    if not graph.holds(folder):
        return set(), unknown  # the sources are not in the tree
    there = f"{folder}/.env" if folder else ".env"
    if folder in files.keys or known(graph.ignored_by_git(there), default=True) is False:
        return files.keys.get(folder, set()), None
    return set(), unknown


def _loads(files: EnvFiles, local: Container) -> bool:
    """Whether a container may load env files: by a library of its language in this repository, or by its command."""
    spoken = {each.ecosystem for each in local.packages}
    words = (word.text for command in local.commands for word in command.words)
    return not spoken or not spoken.isdisjoint(files.ecosystems) or any(_LOADING.match(each) for each in words)


def stood_in(container: Container) -> Unknown | None:
    """Why an env file of production may set more: only an example for work on a laptop is in the tree."""
    files = container.service.env_files if container.is_composed_in_production else ()
    file = next((each for each in files if each.stand_in and is_for_the_laptop(each.stand_in)), None)
    return None if file is None else Unknown(f"what '{file.path}' sets in production is not in the files", file.span)


def of_example(variable: Variable) -> bool:
    """Whether an example in place of an env file that is not in the tree says what a variable is."""
    return isinstance(variable.value, Known) and is_example(PurePosixPath(variable.value.span.path).name)
