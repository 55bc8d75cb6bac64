"""The named values of a root module, and the instances of modules: where the names of their expressions lead."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge.secrets import (
    SecretAttribute,
    may_hold_secret,
    secrecy_of_reference,
    secret_attribute,
)
from policyengine.model.budget import Budget
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.scope import HERE, HclFrame
from policyengine.platforms.terraform.language.secrecy import texts
from policyengine.platforms.terraform.language.values import List, Tree, through
from policyengine.platforms.terraform.workspace.reach import Reach
from policyengine.syntax.hcl.syntax import GetAttribute, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from policyengine.model.source import Source
    from policyengine.platforms.terraform.workspace.folders import Declared, ModuleFolder

Key = tuple[object, ...]

NOWHERE = Span("", 0, 0)


class Needs(Exception):  # noqa: N818 - no error: a request
    """A value is needed before the evaluation can go on."""

    def __init__(self, key: Key) -> None:
        super().__init__(key)
        self.key = key


class NamedValues(Reach, eq=False):
    """The named values of a root module that are computed so far, by their keys.

    `doubts` tell of blocks, by their addresses without a key, why they may not be there at all.
    """

    workspace: Tree = field(default_factory=lambda: Unknown("the workspace is not known", NOWHERE))
    memo: dict[Key, Tree] = field(default_factory=dict)
    secret: dict[Key, bool] = field(default_factory=dict)
    doubts: dict[str, Unknown] = field(default_factory=dict)

    def value(self, key: Key) -> Tree:
        """A value that is there. Raises Needs where it must be computed first."""
        try:
            return self.memo[key]
        except KeyError:
            raise Needs(key) from None

    def conceals(self, key: Key, tree: Tree) -> bool:
        """Whether what has that key is a secret: it is declared as sensitive, or is a text with a secret's name."""
        if key not in self.secret:
            self.secret[key] = self.marks(key) or (texts(tree) and self._named_so(key))
        return self.secret[key]

    def marks(self, key: Key) -> bool:
        """Whether a variable or output is declared as sensitive or ephemeral."""
        match key:
            case ("var" | "output" as kind, ModuleInstance(folder=folder), str() as name) if folder is not None:
                declared = (folder.variables if kind == "var" else folder.outputs).get(name)
            case _:
                return False
        return declared is not None and any(self.written(declared, word) == "true" for word in MARKS)

    def written(self, declared: Declared, name: str) -> str:
        """An argument of a declaration as it is written, without quotes; empty where it is not given."""
        if name not in declared.source.text:
            return ""
        found = self.attribute_of(declared, name)
        return "" if found is None else found[1].text[found[0].value.start : found[0].value.end].strip('"')

    def holds_only(self, declared: Declared, attribute: SecretAttribute) -> bool:
        """Whether an attribute that is a secret only where another argument has a certain value may be one."""
        name, _, wanted = attribute.only.partition("=")
        given = self.written(declared, name) if name else ""
        return given == wanted or not _LITERAL.match(given)

    def _named_so(self, key: Key) -> bool:
        match key:
            case (
                "attribute",
                ModuleInstance(folder=folder),
                mode,
                str() as kind,
                str() as name,
                _,
                str() as attribute,
            ):
                address = f"{'data.' if mode == 'data' else ''}{kind}.{name}.{attribute}"
                listed = secret_attribute(address.rpartition(f".{name}.")[0], attribute)
                if listed is None or folder is None:
                    return secrecy_of_reference(address) in ("secret", "doubtful")
                return listed.level != "plain" and self.holds_only(folder.resources[str(mode), kind, name], listed)
            case _:
                return may_hold_secret(str(key[-1]))


class ModuleInstance(Struct, eq=False):
    """One instance of a module. `address` is empty for the root, else `module.db` or `module.db["a"]`.

    `call` is the block that calls it, evaluated in `parent` with `names` (`each`, `count`). `folder` is None for a
    module that is not in the repository; `source` and `version` are then what the call names.
    """

    values: NamedValues
    address: str
    folder: ModuleFolder | None
    parent: ModuleInstance | None = None
    call: Declared | None = None
    names: Mapping[str, Tree] = field(default_factory=dict)
    source: str = ""
    version: str = ""
    depth: int = 0
    budget: Budget = field(default_factory=Budget)

    def __post_init__(self) -> None:
        self.budget = self.values.syntaxes.budget

    def frame(self, source: Source, names: Mapping[str, Tree] | None = None) -> HclFrame:
        """What an expression in a file of this module sees."""
        return HclFrame(source, self, names or {})

    @property
    def directory(self) -> str:
        """The module's directory relative to the root of the scan."""
        return self.folder.path if self.folder is not None else ""

    def prefixed(self, address: str) -> str:
        """An address of this module as seen from the root module."""
        return f"{self.address}.{address}" if self.address else address

    # what the evaluation of expressions asks

    def named(self, root: str, steps: Sequence[Step], frame: HclFrame, span: Span) -> tuple[Tree, int]:
        """The value that a reference begins with, and how many of its steps that took."""
        first = steps[0].name if steps and isinstance(steps[0], GetAttribute) else ""
        match root:
            case "var" if first:
                return self._passed("var", first, span), 1
            case "local" if first:
                return self._passed("local", first, span), 1
            case "module" if first:
                return self._instances(("module", self, first), f"module.{first}", frame), 1
            case "path":
                return self._path(first, span), 1
            case "terraform" | "tofu":
                return through(self.values.workspace, Via("terraform.workspace", span)), 1
            case "each" | "count" | "self":
                return Unknown(f"{root}.{first} is not known here", span), min(1, len(steps))
            case "data" | "ephemeral" if len(steps) > 1 and isinstance(steps[1], GetAttribute):
                name = steps[1].name
                key = ("resource", self, "data", first, name)
                return self._instances(key, f"data.{first}.{name}", frame), 2
            case _ if first:
                return self._instances(("resource", self, "resource", root, first), f"{root}.{first}", frame), 1
            case _:
                raise Invalid(f"the name {root!r} is not known")

    def _instances(self, key: Key, address: str, frame: HclFrame) -> Tree:
        """The instances of a block; whether there is one that may not be there is known to those alike."""
        tree = self.values.value(key)
        doubt = self.values.doubts.get(self.prefixed(address))
        return tree if doubt is None or DOUBTFUL in frame.names else List((), tree.span, gap=doubt)

    def _passed(self, kind: str, name: str, span: Span) -> Tree:
        key = (kind, self, name)
        tree = self.values.value(key)
        return through(tree, Via(f"{kind}.{name}", span, self.values.conceals(key, tree)))

    def _path(self, name: str, span: Span) -> Tree:
        if name == "module":
            return Known(posixpath.relpath(self.directory or ".", self.values.folder.path or "."), span)
        if name == "root":
            return Known(".", span)
        if name == "cwd":
            return Known(posixpath.normpath(posixpath.join(HERE, self.directory_of_root)), span)
        raise Invalid(f"there is no path.{name}")

    @property
    def directory_of_root(self) -> str:
        """The directory of the root module relative to the root of the scan."""
        return self.values.folder.path

    def file(self, path: str) -> Source | None:
        """A file by its path from the root module's directory."""
        return self.values.file(path)

    def listing(self, folder: str) -> Sequence[str] | None:
        """The files below a directory, relative to it; None where there is none in the repository."""
        return self.values.listing(folder)


DOUBTFUL = " doubtful"
"""The name by which an instance knows why it may not be there; no name of Terraform begins with a blank."""

MARKS = ("sensitive", "ephemeral")
"""The arguments that say of a variable or output that it is secret."""

_LITERAL = regex(r"[\w-]+\Z")


def calls_of(module: ModuleInstance) -> Iterable[str]:
    """The names of the calls that lead from the root module to an instance."""
    names: list[str] = []
    current: ModuleInstance | None = module
    while current is not None and current.call is not None:
        names.append(current.call.block.label(0))
        current = current.parent
    return reversed(names)


def key_text(key: Key) -> str:
    """A key as Terraform writes what it stands for."""
    match key:
        case ("var" | "local" | "module" as kind, _, name):
            return f"{kind}.{name}"
        case ("output", ModuleInstance(address=address), name):
            return f"{address}.{name}"
        case ("resource" | "attribute", _, mode, kind, name, *rest):
            attribute = f".{rest[-1]}" if rest else ""
            return f"{'data.' if mode == 'data' else ''}{kind}.{name}{attribute}"
        case _:
            return "a value"
