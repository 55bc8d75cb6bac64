"""Modules that `terraform init` installed below a root module, as far as they lie in the scanned tree.

Git ignores them as a rule, so they are no part of the tree's paths: nothing else looks at them.
"""

from __future__ import annotations

import json
import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.platforms.terraform.workspace.folders import ENDS, read_folder
from policyengine.repository.discover import INSTALLED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.platforms.terraform.workspace.folders import ModuleFolder
    from policyengine.repository.files import Files


class Folders(Struct):
    """The directories with Terraform files: those of the tree, and on demand those of installed modules."""

    files: Files
    tree: Mapping[str, ModuleFolder]
    _opened: dict[str, ModuleFolder | None] = field(default_factory=dict)

    def open(self, path: str) -> ModuleFolder | None:
        """The declarations of a directory, or of the one that a link makes of it; None without Terraform files."""
        if path in self.tree:
            return self.tree[path]
        if INSTALLED not in f"{path}/":
            return self.tree.get(self.files.real(path))
        if path not in self._opened:
            own = (each for each in self.hidden(path) if posixpath.dirname(each) == path and each.endswith(ENDS))
            sources = [source for each in own if (source := self.files.read(each)) is not None]
            self._opened[path] = read_folder(path, sources) if sources else None
        return self._opened[path]

    def hidden(self, path: str) -> Sequence[str]:
        """The files below a directory of installed modules."""
        if INSTALLED not in f"{path}/":
            return ()
        return self.files.installed(path)


def installed(root: str, files: Files) -> dict[str, str]:
    """The directories of the installed modules of a root module, by key of modules.json; none out of the tree."""
    source = files.read(posixpath.join(root, INSTALLED, "modules.json"))
    if source is None:
        return {}
    try:
        entries = {str(each["Key"]): str(each["Dir"]) for each in json.loads(source.text)["Modules"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    places: dict[str, str] = {}
    for key, directory in entries.items():
        place = posixpath.normpath(posixpath.join(root, directory))
        if key and place != ".." and not place.startswith("../") and not directory.startswith("/"):
            places[key] = "" if place == "." else place
    return places
