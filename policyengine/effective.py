"""The configuration in force: the repository's own, under that of its organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.names import distance_to_production, environment, words
from policyengine.model.source import ReadError, UsageError
from policyengine.plugins import Loaded
from policyengine.repository import configuration, discover
from policyengine.repository.configuration import Config
from policyengine.repository.decoding import decode
from policyengine.rules.selecting import where

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins
    from policyengine.repository.organisation import Organisation


def load_config(
    tree: discover.Tree, plugins: Plugins, path: Path | None = None, organisation: Organisation | None = None
) -> Config:
    """The configuration at `path`, or that at the root of the tree, or the defaults; plug-ins say what may stand.

    Raises:
        UsageError: it cannot be read or is not valid, or a pack that the organisation requires is not there.
    """
    own = _own_config(tree, plugins, path)
    if organisation is None:
        return own
    from policyengine.rules import locking  # noqa: PLC0415  few scans have one

    for name in organisation.file.packs:
        if plugins.loaded.get(name, Loaded()).replaces:
            raise UsageError(f"the pack '{name}' is required as it is installed, and --pack names another")
    for pack in plugins.packs:
        if pack.extends and plugins.loaded.get(pack.name, Loaded()).path and pack.name not in organisation.file.packs:
            raise UsageError(
                f"--pack names '{pack.name}', which changes others; {organisation.name} does not require it"
            )
    return locking.held(own, organisation, plugins.packs, tree.repository)


def _own_config(tree: discover.Tree, plugins: Plugins, path: Path | None) -> Config:
    inside = None
    if path is not None and path.absolute().is_relative_to(tree.root.absolute()):
        inside = tree.read(path.absolute().relative_to(tree.root.absolute()).as_posix())
    if inside is not None:  # a file of the tree, whose lines reports can show
        source = inside
    elif path is not None:
        try:
            source = decode(path.read_bytes(), path.as_posix())
        except OSError as error:
            raise UsageError(f"configuration '{path}' cannot be read: {(error.strerror or '').lower()}") from error
        except ReadError as error:
            raise UsageError(f"configuration '{path}' {error}") from error
    else:
        found = next((name for name in discover.CONFIGURATIONS if name in tree), None)
        if found is None:
            return Config()
        read = tree.read(found)
        if read is None:
            why = tree.failures.get(found, "is encrypted, or a link to a file that is not there")
            raise UsageError(f"configuration '{found}' {why}")
        source = read
    made = configuration.read(source, plugins.parts)
    return replace(made, shared=True) if tree.part else made  # what it names may be in the other part


def check_environments(tree: discover.Tree, settings: Config) -> None:
    """Refuse an environment after which nothing is named, where others are."""
    if not settings.environments or tree.part:
        return
    values = (".tf", ".tfvars", ".tfvars.json")
    deployed = {environment(word) for path in tree.ending(*values) for word in words(path)}
    named = {word for path in tree.ending(*values, ".yml", ".yaml") for word in words(path)}
    found = sorted(each for each in deployed if distance_to_production(each) is not None)
    for each in settings.environments:
        meant = environment(each.text.lower())
        if found and each.text.lower() not in named and (not meant or meant not in deployed):
            raise UsageError(
                f"{where(settings, each.span)}nothing is named after the environment '{each.text}'; "
                f"found are {', '.join(found)}"
            )
