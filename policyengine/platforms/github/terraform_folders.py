"""The Terraform folders of a tree, as far as an apply in one of them needs: whether there is anything to apply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.nodes import Word
from policyengine.patterns import regex
from policyengine.repository.discover import join, parent

if TYPE_CHECKING:
    from policyengine.model.nodes import ShellCommand
    from policyengine.platforms.github.expressions import Scope
    from policyengine.repository.files import Files

_RESOURCE = regex(r"^[ \t]*resource[ \t]", re.MULTILINE)
_ANY = "*"
_MODULE = regex(r"^[ \t]*module[ \t][^{\n]*\{[^{}]*?\bsource[ \t]*=[ \t]*\"([^\"\n]*)\"", re.MULTILINE)


class TerraformFolders(Struct):
    """Looks each folder through once."""

    files: Files
    _paths: dict[str, list[str]] | None = None
    _applied: dict[str, bool] = field(default_factory=dict)

    def only_computes(self, command: ShellCommand, scope: Scope) -> bool:
        """Whether Terraform runs in a folder that has outputs, but no resource: an apply changes nothing."""
        layer = command.layers[-1]
        given = next((option for option in layer.options if option.name in {"-chdir", "--chdir"}), None)
        value = Word(given.value, command.span, command.words[given.index].literal) if given is not None else None
        named = join(command.directory, scope.word(value).masked(_ANY)) if value is not None else command.directory
        if named is None:
            return False
        named = "" if named == "." else named
        pattern = re.compile("/".join("[^/]+" if _ANY in part else re.escape(part) for part in named.split("/")))
        meant = [folder for folder in self._folders() if pattern.fullmatch(folder)]
        return bool(meant) and not any(self._has_resources(folder) for folder in meant)

    def _folders(self) -> dict[str, list[str]]:
        if self._paths is None:
            self._paths = {}
            for path in self.files.ending(".tf"):
                self._paths.setdefault(parent(path), []).append(path)
        return self._paths

    def _has_resources(self, folder: str) -> bool:
        """Whether a folder, or a module that it calls, has a resource; also where that cannot be seen."""
        if folder not in self._applied:
            self._applied[folder] = self._reaches_resource(folder)
        return self._applied[folder]

    def _reaches_resource(self, folder: str) -> bool:
        seen, waiting = {folder}, [folder]
        while waiting:
            at = waiting.pop()
            for path in self._folders().get(at, ()):
                source = self.files.read(path)
                if source is None:
                    continue
                if _RESOURCE.search(source.text):
                    return True
                for called in _MODULE.findall(source.text):
                    inner = join(at, called) if called.startswith(".") else None
                    if inner is None:
                        return True
                    inner = "" if inner == "." else inner
                    if inner not in seen:
                        seen.add(inner)
                        waiting.append(inner)
        return False
