"""What a root module reaches in the tree: its directory, the modules it may call, files, and the syntax of blocks."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.platforms.terraform.language.scope import HERE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms.terraform.workspace.folders import Declared, ModuleFolder
    from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
    from policyengine.syntax.hcl.syntax import Attribute, Body, NestedBlock


class Reach(Struct, eq=False):
    """The directory of a root module, and how the rest of the tree is asked.

    `below` lists the files in a directory and in those below it. `installed` leads from the key of a module, as
    modules.json has it, to the directory it was installed in, and `hidden` lists the files below such a directory.
    `beside` is the directory whose files Terragrunt copies beside the root module, empty for none.
    """

    folder: ModuleFolder
    below: Callable[[str], Sequence[str]]
    read: Callable[[str], Source | None]
    open_folder: Callable[[str], ModuleFolder | None]
    syntaxes: Syntaxes
    beside: str = ""
    installed: Mapping[str, str] = field(default_factory=dict)
    hidden: Callable[[str], Sequence[str]] = lambda _: ()

    def inside(self, path: str) -> str | None:
        """A path from the root module's directory as a path from the root of the scan; None outside of it."""
        base = self.folder.path
        if path == HERE or path.startswith(f"{HERE}/"):
            base, path = "", path.removeprefix(HERE).lstrip("/") or "."
        if path.startswith("/"):
            return None
        joined = posixpath.normpath(posixpath.join(base, path))
        return None if joined == ".." or joined.startswith("../") else joined

    def file(self, path: str) -> Source | None:
        """A file by its path from the root module's directory; None where there is none inside the tree."""
        place = self.inside(path)
        found = self.read(place) if place is not None else None
        if found is None and self.beside and place is not None:
            copied = posixpath.normpath(posixpath.join(self.beside, posixpath.relpath(place, self.folder.path or ".")))
            found = None if copied.startswith("../") else self.read(copied)
        return found

    def listing(self, folder: str) -> Sequence[str] | None:
        """The files below a directory, relative to it; None where there is none in the tree."""
        place = self.inside(folder)
        if place is None:
            return None
        prefix = "" if place in ("", ".") else place.rstrip("/") + "/"
        return [path[len(prefix) :] for path in (*self.below(prefix[:-1]), *self.hidden(place))] or None

    def installed_folder(self, folder: ModuleFolder, name: str) -> ModuleFolder | None:
        """The directory in which Terraform installed what a call of a directory names, or None."""
        for key, place in [("", self.folder.path), *self.installed.items()]:
            dotted = f"{key}.{name}" if key else name
            if place == folder.path and dotted in self.installed:
                return self.open_folder(self.installed[dotted])
        return None

    def body(self, declared: Declared) -> Body:
        """The body of a declaration, without its overrides."""
        return self.syntaxes.body(declared.source, declared.block)

    def attribute_of(self, declared: Declared, name: str) -> tuple[Attribute, Source] | None:
        """An attribute of a declaration, with the file it stands in: the last override that has it, or its own."""
        for each in (*reversed(declared.overrides), declared):
            attribute = self.body(each).attribute(name)
            if attribute is not None:
                return attribute, each.source
        return None

    def blocks_of(self, declared: Declared) -> Sequence[tuple[NestedBlock, Source]]:
        """The nested blocks of a declaration; an override replaces all blocks of the types it has."""
        found = [(block, declared.source) for block in self.body(declared).blocks]
        for override in declared.overrides:
            blocks = self.body(override).blocks
            types = {block.type for block in blocks}
            found = [each for each in found if each[0].type not in types]
            found.extend((block, override.source) for block in blocks)
        return found
