"""The files of a tree as code, and which of them an import names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge import validators
from policyengine.knowledge.languages import endings
from policyengine.model.source import ReadError
from policyengine.platforms.code.config_values import Outside
from policyengine.repository.discover import join, parent
from policyengine.syntax import typescript
from policyengine.syntax.typescript import Import

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from policyengine.model.source import Span
    from policyengine.repository.files import Files
    from policyengine.syntax.typescript import Code

DEEPEST = 12
"""How many files may hand on a name."""

LARGEST = 200_000
"""Characters of a file that is read as code: a longer one is generated."""


class Modules(Struct, frozen=True):
    """The files of a tree as code, read when a name leads to them.

    `packages` gives the folder of each package of the tree by its name. `names` is where the name of each variable
    stands that some file reads.
    """

    files: Files
    packages: Mapping[str, str]
    names: dict[str, Span]
    _codes: dict[str, Code | str] = field(default_factory=dict)

    def code(self, path: str) -> Code | str:
        """The code of a file, or why there is none."""
        if path not in self._codes:
            self._codes[path] = self._read(path)
        return self._codes[path]

    def _read(self, path: str) -> Code | str:
        source = self.files.read(path)
        if source is None:
            return "cannot be read"
        if len(source.text) > LARGEST:
            return f"has over {LARGEST} characters"
        try:
            return typescript.read(source)
        except ReadError as error:
            return error.message

    def module(self, importer: Code, module: str) -> Code | None:
        """The file that an import names, as far as that is decided by its path."""
        for path in self.candidates(parent(importer.source.path), module):
            if self.files.exists(path):
                found = self.code(path)
                return None if isinstance(found, str) else found
        return None

    def candidates(self, folder: str, module: str) -> Iterator[str]:
        """The paths that an import of a file in a folder may mean."""
        if module.startswith("."):
            yield from _spellings(join(folder, module) or "")
        elif module.startswith(("@/", "~/", "#/", "src/", "$lib/")):
            rest = module.partition("/")[2] if not module.startswith("src/") else module
            while True:
                for tried in (f"src/{rest}", rest, f"src/lib/{rest}"):
                    yield from _spellings(join(folder, tried) or "")
                if not folder:
                    break
                folder = parent(folder)
        else:
            words = module.split("/")
            name = "/".join(words[: 2 if module.startswith("@") else 1])
            if name in self.packages:
                inside = "/".join(words[2 if module.startswith("@") else 1 :])
                for tried in (inside, f"src/{inside}") if inside else ("index", "src/index", "src"):
                    yield from _spellings(join(self.packages[name], tried) or "")

    def find(self, importer: Code, wanted: Import, local: str, depth: int = 0) -> tuple[Code, str] | Outside:
        """What an import names: a file and the name in it, a library (also by its usual name), or nothing in reach."""
        library = validators.library(wanted.module)
        whole = wanted.name in ("*", "default") or (library and validators.customary(wanted.name) == library)
        path = () if whole else (wanted.name,)
        if library == "environment":
            return Outside("", ("process", *path), local)
        found = self.module(importer, wanted.module) if library is None else None
        if found is not None and depth < DEEPEST:
            return self.origin(found, wanted.name, depth + 1)
        usual = validators.customary(path[0] if path else local)
        if library is None and usual:
            return Outside(usual, (), local)
        return Outside(library or "", path if library else path or (local,), local)

    def origin(self, code: Code, name: str, depth: int = 0) -> tuple[Code, str] | Outside:
        """Where a name that a file exports is made: the file, and its name there."""
        given = code.exports.get(name)
        if isinstance(given, str) and given not in code.declared:
            given = code.imports.get(given, given)
        if isinstance(given, Import):
            return self.find(code, given, name, depth)
        for star in code.stars if given is None and name not in ("*", "default") else ():
            found = self.find(code, Import(name, star), name, depth)
            if not isinstance(found, Outside) and found[1] in found[0].declared:
                return found
        return code, given or name


def _spellings(path: str) -> Iterator[str]:
    if not path:
        return
    stem = re.sub(r"\.[cm]?jsx?$", "", path)
    yield path
    yield from (stem + ending for ending in endings("javascript", "jsx"))
    yield from (path + ending for ending in endings("javascript", "jsx"))
    yield from (f"{path}/index{ending}" for ending in endings("javascript", "jsx"))
