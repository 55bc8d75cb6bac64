"""What one directory of Terraform files declares: variables, locals, resources, outputs and module calls, unparsed."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct, field

from policyengine.model.source import ReadError
from policyengine.patterns import regex
from policyengine.syntax.hcl import RawAttribute, RawBlock, items, read_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyengine.model.source import Source, Span
    from policyengine.syntax.hcl import HclFile

ENDS = (".tf", ".tofu", ".tf.json", ".tofu.json")

_OVERRIDE = regex(r"(?:^|_)override\.(?:tf|tofu)(?:\.json)?$")


class Declared(Struct, frozen=True):
    """A block where it stands. `overrides` are the blocks of override files that are merged over it."""

    source: Source
    block: RawBlock
    overrides: tuple[Declared, ...] = ()

    @property
    def span(self) -> Span:
        """The place of its name: of the last label, or of the type where there is none."""
        if self.block.labels:
            last = self.block.labels[-1]
            return self.source.span(last.start, last.end)
        return self.source.span(self.block.start, self.block.start + len(self.block.type))

    @property
    def address(self) -> str:
        """The address of a resource, data source or module call in its module, without the key of an instance."""
        first = {"resource": "", "ephemeral": "data."}.get(self.block.type, f"{self.block.type}.")
        return first + ".".join(self.block.label(index) for index in range(len(self.block.labels)))


class DeclaredValue(Struct, frozen=True):
    """A value of `locals` where it stands."""

    source: Source
    attribute: RawAttribute

    @property
    def span(self) -> Span:
        """The place of its name."""
        return self.source.span(self.attribute.start, self.attribute.start + len(self.attribute.name))


K = TypeVar("K")

Address = tuple[str, str, str]  # mode ("resource" or "data"), type, name


class ModuleFolder(Struct):
    """The declarations of one directory. `path` is relative to the root, empty for the root itself."""

    path: str
    variables: dict[str, Declared] = field(default_factory=dict)
    locals: dict[str, DeclaredValue] = field(default_factory=dict)
    resources: dict[Address, Declared] = field(default_factory=dict)
    outputs: dict[str, Declared] = field(default_factory=dict)
    modules: dict[str, Declared] = field(default_factory=dict)
    providers: list[Declared] = field(default_factory=list)
    settings: list[Declared] = field(default_factory=list)  # `terraform` blocks
    sources: list[Source] = field(default_factory=list)
    broken: list[ReadError] = field(default_factory=list)

    @property
    def is_root_like(self) -> bool:
        """Whether a backend or provider configuration says that this is a root module."""
        return bool(self.providers) or any(
            re.search(r"\b(?:backend|cloud)\b[^\n{]*\{", each.source.text[each.block.body_start : each.block.body_end])
            for each in self.settings
        )


def read(source: Source) -> HclFile:
    """A file's blocks, of the native or the JSON syntax."""
    if source.path.endswith(".json"):
        from policyengine.syntax.hcl.json_syntax import read_json  # noqa: PLC0415 - rare

        return read_json(source)
    return read_blocks(source)


def read_folder(path: str, sources: Iterable[Source], reader: Callable[[Source], HclFile] = read) -> ModuleFolder:
    """The declarations of the files of one directory; override files are merged over the others."""
    folder = ModuleFolder(path)
    ordered = sorted(sources, key=lambda source: (_is_override(source.path), source.path))
    for source in ordered:
        folder.sources.append(source)
        try:
            file = reader(source)
        except ReadError as error:
            folder.broken.append(error)
            continue
        folder.broken.extend(file.errors)
        override = _is_override(source.path)
        for block in file.blocks:
            _declare(folder, source, block, override=override)
    return folder


def _is_override(path: str) -> bool:
    return _OVERRIDE.search(posixpath.basename(path)) is not None


def _declare(folder: ModuleFolder, source: Source, block: RawBlock, *, override: bool) -> None:
    declared = Declared(source, block)
    match block.type:
        case "variable":
            _put(folder.variables, block.label(0), declared, override=override)
        case "locals":
            for attribute in _values(source, block, folder):
                folder.locals[attribute.name] = DeclaredValue(source, attribute)
        case "resource" | "data" | "ephemeral":
            mode = "resource" if block.type == "resource" else "data"
            _put(folder.resources, (mode, block.label(0), block.label(1)), declared, override=override)
        case "output":
            _put(folder.outputs, block.label(0), declared, override=override)
        case "module":
            _put(folder.modules, block.label(0), declared, override=override)
        case "provider":
            folder.providers.append(declared)
        case "terraform":
            folder.settings.append(declared)


def _put(table: dict[K, Declared], key: K, declared: Declared, *, override: bool) -> None:
    base = table.get(key)
    if base is not None and override:
        table[key] = Declared(base.source, base.block, (*base.overrides, declared))
    elif base is None:
        table[key] = declared


def _values(source: Source, block: RawBlock, folder: ModuleFolder) -> Iterable[RawAttribute]:
    if block.document is not None:
        from policyengine.syntax.hcl.json_syntax import attributes  # noqa: PLC0415 - rare

        return attributes(source, block.document)
    found = items(source, block)
    folder.broken.extend(found.errors)
    return found.attributes
