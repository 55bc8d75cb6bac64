"""A root module with all modules it calls, as instances whose names lead to values.

Values are computed on demand and once. An evaluation that meets a name without a value stops (`Needs`); the value is
computed first, from an explicit stack, and the evaluation begins again. So no chain of locals, modules or resources
is too long for the interpreter's stack, and a cycle is noticed where it closes.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.expansion import Expansion, counted, keyed
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.types import converted
from policyengine.platforms.terraform.language.values import Instance, List, Object, Reference, Tree, through
from policyengine.platforms.terraform.resources.attributes import attribute_value
from policyengine.platforms.terraform.workspace.instances import (
    NOWHERE,
    Key,
    Module,
    Needs,
    TfVars,
    calls_of,
    key_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.model.source import Source, Span
    from policyengine.platforms.terraform.plan.plan import Exact
    from policyengine.platforms.terraform.workspace.folders import Address, Declared, Folder
    from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
    from policyengine.syntax.hcl.syntax import Attribute, Block, Body

DEEPEST = 40
"""Modules within modules."""

ENVIRONMENT_VARIABLES = frozenset({"environment", "environment_name", "env", "env_name", "stage"})
"""Variables whose value is the environment that is evaluated, where no file sets them."""


class Project(Struct, eq=False):
    """A root module and everything it reaches."""

    folder: Folder
    paths: Sequence[str]
    read: Callable[[str], Source | None]
    open_folder: Callable[[str], Folder | None]
    syntaxes: Syntaxes
    variables: Sequence[TfVars] = ()
    workspace: Tree = field(default_factory=lambda: Unknown("the workspace is not known", NOWHERE))
    inputs: Mapping[str, Tree] = field(default_factory=dict)  # of Terragrunt, below tfvars
    beside: str = ""  # the directory whose files Terragrunt copies beside the module; empty for none
    environment: str = ""  # the value of variables such as `environment` that no file sets; empty for none
    assumed: set[str] = field(default_factory=set)  # the variables that got it
    installed: Mapping[str, str] = field(default_factory=dict)  # module key → directory, of modules.json
    hidden: Callable[[str], Sequence[str]] = lambda _: ()  # the files below a directory of installed modules
    exact: Exact | None = None  # what a plan or state says
    memo: dict[Key, Tree] = field(default_factory=dict)
    _modules: dict[tuple[str, str], list[Module]] = field(default_factory=dict)
    _evaluating: bool = False  # whether Needs is waited for
    _root: Module | None = None

    @property
    def root(self) -> Module:
        """The root module itself."""
        if self._root is None:
            self._root = Module(self, "", self.folder)
        return self._root

    def inside(self, path: str) -> str | None:
        """A path from the root module's directory as a path from the root of the scan; None outside of it."""
        from policyengine.platforms.terraform.language.scope import HERE  # noqa: PLC0415 - loads the functions

        base = self.folder.path
        if path == HERE or path.startswith(f"{HERE}/"):
            base, path = "", path.removeprefix(HERE).lstrip("/") or "."
        if path.startswith("/"):
            return None
        joined = posixpath.normpath(posixpath.join(base, path))
        return None if joined == ".." or joined.startswith("../") else joined

    # demand

    def value(self, key: Key) -> Tree:
        """A value that is there. Raises Needs where it must be computed first."""
        try:
            return self.memo[key]
        except KeyError:
            raise Needs(key) from None

    def run(self, evaluation: Callable[[], Tree]) -> Tree:
        """The result of an evaluation, after everything it needs was computed."""
        while True:
            before, self._evaluating = self._evaluating, True
            try:
                return evaluation()
            except Needs as needs:
                self._compute(needs.key)
            finally:
                self._evaluating = before

    def _compute(self, key: Key) -> None:
        before, self._evaluating = self._evaluating, True
        try:
            self._compute_all(key)
        finally:
            self._evaluating = before

    def _compute_all(self, key: Key) -> None:
        stack = [key]
        waiting = {key}
        while stack:
            current = stack[-1]
            try:
                self.memo[current] = self._evaluate(current)
            except Needs as needs:
                if needs.key in waiting:
                    self.memo[needs.key] = Unknown(f"{key_text(needs.key)} depends on itself", self._place(needs.key))
                    continue
                stack.append(needs.key)
                waiting.add(needs.key)
                continue
            stack.pop()
            waiting.discard(current)

    def _place(self, key: Key) -> Span:
        module = key[1]
        if isinstance(module, Module) and module.folder is not None:
            name = str(key[2])
            declared = {
                "var": module.folder.variables,
                "local": module.folder.locals,
                "output": module.folder.outputs,
                "module": module.folder.modules,
            }.get(str(key[0]), {})
            if name in declared:  # type: ignore[operator]
                return declared[name].span  # type: ignore[index,no-any-return]
        return NOWHERE

    def _evaluate(self, key: Key) -> Tree:
        match key:
            case ("var", Module() as module, str() as name):
                return self._variable(module, name)
            case ("local", Module() as module, str() as name):
                return self._local(module, name)
            case ("output", Module() as module, str() as name):
                return self._output(module, name)
            case ("module", Module() as module, str() as name):
                return self._call(module, name)
            case ("resource", Module() as module, str() as mode, str() as kind, str() as name):
                return self._resource(module, (mode, kind, name))
            case (
                "attribute",
                Module() as module,
                str() as mode,
                str() as kind,
                str() as name,
                index,
                str() as attribute,
            ):
                return attribute_value(self, module, (mode, kind, name), index, attribute)
            case _:
                raise AssertionError(key)

    # variables, locals, outputs

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

    def blocks_of(self, declared: Declared) -> Sequence[tuple[Block, Source]]:
        """The nested blocks of a declaration; an override replaces all blocks of the types it has."""
        found = [(block, declared.source) for block in self.body(declared).blocks]
        for override in declared.overrides:
            blocks = self.body(override).blocks
            types = {block.type for block in blocks}
            found = [each for each in found if each[0].type not in types]
            found.extend((block, override.source) for block in blocks)
        return found

    def _variable(self, module: Module, name: str) -> Tree:
        declared = module.folder.variables.get(name) if module.folder is not None else None
        if declared is None:
            passed = self.inputs.get(name) if module.parent is None else None
            return passed or Unknown(f"the variable {name!r} is not declared", NOWHERE)
        given = self._given(module, name)
        kind = self.attribute_of(declared, "type")
        nullable = self.attribute_of(declared, "nullable")
        settled_nullable = settled(nullable[0].value, module.frame(nullable[1])) if nullable is not None else None
        refuses_null = isinstance(settled_nullable, Known) and settled_nullable.value is False
        if given is None or (isinstance(given, Known) and given.value is None and refuses_null):
            default = self.attribute_of(declared, "default")
            if default is not None:
                given = settled(default[0].value, module.frame(default[1]))
            else:
                given = self._without_value(module, name, declared)
        if self.exact is not None and module.parent is None:
            from policyengine.platforms.terraform.plan import exact  # noqa: PLC0415 - only with a plan or state

            given = exact.variable(self.exact, name, given, declared.span)
        return converted(given, kind[0].value, module.frame(kind[1])) if kind is not None else given

    def _without_value(self, module: Module, name: str, declared: Declared) -> Tree:
        if not self.syntaxes.readable(declared.source, declared.block):
            return Unknown(f"the block of variable {name!r} cannot be read", declared.span)
        if module.parent is None:
            if self.exact is not None and name in self.exact.variables:
                return Unknown(f"variable {name!r} has no value in the repository", declared.span)
            if self.environment and name in ENVIRONMENT_VARIABLES:
                self.assumed.add(name)
                chosen = Via(f"the environment '{self.environment}', as chosen", declared.span)
                return Known(self.environment, declared.span, (chosen,))
            return Unknown(f"variable {name!r} has no value in the repository", declared.span)
        return Unknown(f"the call of {module.address} does not set {name!r}", declared.span)

    def _given(self, module: Module, name: str) -> Tree | None:
        if module.parent is not None and module.call is not None:
            found = self.attribute_of(module.call, name)
            if found is None:
                return None
            attribute, source = found
            tree = settled(attribute.value, module.parent.frame(source, module.names))
            return through(tree, Via(module.address, source.span(attribute.start, attribute.end)))
        for file in reversed(self.variables):
            if name in file.values:
                expression, _ = file.values[name]
                return settled(expression, self.root.frame(file.source))
        return self.inputs.get(name)

    def _local(self, module: Module, name: str) -> Tree:
        declared = module.folder.locals.get(name) if module.folder is not None else None
        if declared is None:
            return Unknown(f"local.{name} is not declared", NOWHERE)
        expression = self.syntaxes.value(declared.source, declared.attribute)
        if expression is None:
            return Unknown(f"local.{name} cannot be read", declared.span)
        return settled(expression, module.frame(declared.source))

    def _output(self, module: Module, name: str) -> Tree:
        if module.folder is None:
            return Reference(module.address, name, module.call.span if module.call is not None else NOWHERE)
        declared = module.folder.outputs.get(name)
        if declared is None:
            return Unknown(f"{module.address} has no output {name!r}", NOWHERE)
        found = self.attribute_of(declared, "value")
        if found is None:
            return Unknown(f"the output {name!r} of {module.address} cannot be read", declared.span)
        return settled(found[0].value, module.frame(found[1]))

    # instances

    def expansion(self, module: Module, declared: Declared) -> Expansion | Unknown:
        """The instances of a block; Unknown where they are not known. Raises Needs."""
        found = self._expansion(module, declared)
        if self.exact is None:
            return found
        from policyengine.platforms.terraform.plan import exact  # noqa: PLC0415 - only with a plan or state

        return exact.expansion(self.exact, module.prefixed(declared.address), found, declared.span)

    def _expansion(self, module: Module, declared: Declared) -> Expansion | Unknown:
        """The instances as the files decide them."""
        for name, instances in (("count", counted), ("for_each", keyed)):
            found = self.attribute_of(declared, name)
            if found is not None:
                attribute, source = found
                span = source.span(attribute.start, attribute.end)
                return instances(settled(attribute.value, module.frame(source)), span)
        return [("", {})]

    def _call(self, module: Module, name: str) -> Tree:
        declared = module.folder.modules.get(name) if module.folder is not None else None
        if declared is None:
            return Unknown(f"module.{name} is not declared", NOWHERE)
        found = self.modules(module, name)
        if isinstance(found, Unknown):
            return Instance(
                module.prefixed(f"module.{name}"), declared.span, lambda _, span: Unknown(found.reason, span, found.via)
            )
        instances = [self._outputs(each) for each in found]
        return self._collected(declared, [each.address for each in found], instances)

    def _collected(self, declared: Declared, addresses: Sequence[str], instances: Sequence[Tree]) -> Tree:
        if self.attribute_of(declared, "count") is not None:
            return List(tuple(instances), declared.span)
        if self.attribute_of(declared, "for_each") is not None:
            keys = [address.rpartition('["')[2].removesuffix('"]') for address in addresses]
            return Object(dict(zip(keys, instances, strict=True)), declared.span)
        return instances[0]

    def _outputs(self, child: Module) -> Instance:
        def look(name: str, span: Span) -> Tree:
            return through(self.value(("output", child, name)), Via(f"{child.address}.{name}", span))

        span = child.call.span if child.call is not None else NOWHERE
        return Instance(child.address, span, look, whole=lambda: self._all_outputs(child, span))

    def _all_outputs(self, child: Module, span: Span) -> Tree:
        if child.folder is None:
            return Unknown(f"{child.address} is not in the repository", span)
        keys: dict[str, Key] = {name: ("output", child, name) for name in child.folder.outputs}
        if not self._evaluating:  # a value that is looked at after its evaluation
            for key in keys.values():
                if key not in self.memo:
                    self._compute(key)
        return Object({name: self.value(key) for name, key in keys.items()}, span)

    def modules(self, module: Module, name: str) -> list[Module] | Unknown:
        """The instances of a module call. Raises Needs."""
        key = (module.address, name)
        known = self._modules.get(key)
        if known is not None:
            return known
        declared = module.folder.modules[name] if module.folder is not None else None
        if declared is None:
            return Unknown(f"module.{name} is not declared", NOWHERE)
        expansion = self.expansion(module, declared)
        if isinstance(expansion, Unknown):
            return expansion
        folder, source, version = self._source(module, declared, name)
        if module.depth >= DEEPEST:
            return Unknown("modules are nested too deeply", declared.span)
        made = [
            Module(
                self,
                module.prefixed(f"module.{name}{suffix}"),
                folder,
                module,
                declared,
                names,
                source,
                version,
                module.depth + 1,
            )
            for suffix, names in expansion
        ]
        self._modules[key] = made
        return made

    def _source(self, module: Module, declared: Declared, name: str) -> tuple[Folder | None, str, str]:
        texts: dict[str, str] = {}
        for key in ("source", "version"):
            found = self.attribute_of(declared, key)
            tree = settled(found[0].value, module.frame(found[1])) if found is not None else None
            texts[key] = tree.value if isinstance(tree, Known) and isinstance(tree.value, str) else ""
        source = texts["source"]
        if source.startswith(("./", "../")) or source in (".", ".."):
            path = posixpath.normpath(posixpath.join(module.directory, source))
            outside = path == ".." or path.startswith("../")
            return (None if outside else self.open_folder("" if path == "." else path)), source, texts["version"]
        dotted = ".".join([*calls_of(module), name])
        if dotted in self.installed:
            return self.open_folder(self.installed[dotted]), source, texts["version"]
        return None, source, texts["version"]

    def installed_folder(self, folder: Folder, name: str) -> Folder | None:
        """The directory in which Terraform installed what a call of a directory names, or None."""
        for key, place in [("", self.folder.path), *self.installed.items()]:
            dotted = f"{key}.{name}" if key else name
            if place == folder.path and dotted in self.installed:
                return self.open_folder(self.installed[dotted])
        return None

    # resources

    def _resource(self, module: Module, address: Address) -> Tree:
        mode, kind, name = address
        plainly = f"data.{kind}.{name}" if mode == "data" else f"{kind}.{name}"
        declared = module.folder.resources.get(address) if module.folder is not None else None
        if declared is None:
            return Unknown(f"{module.prefixed(plainly)} is not declared", NOWHERE)
        expansion = self.expansion(module, declared)
        if isinstance(expansion, Unknown):
            return self._instance(module, address, declared, None)
        instances = [self._instance(module, address, declared, index) for index in range(len(expansion))]
        if self.attribute_of(declared, "count") is not None:
            return List(tuple(instances), declared.span)
        if self.attribute_of(declared, "for_each") is not None:
            keys = [suffix[2:-2] for suffix, _ in expansion]
            return Object(dict(zip(keys, instances, strict=True)), declared.span)
        return instances[0]

    def _instance(self, module: Module, address: Address, declared: Declared, index: int | None) -> Instance:
        mode, kind, name = address
        suffix = ""
        if index is not None:
            expansion = self.expansion(module, declared)
            suffix = expansion[index][0] if not isinstance(expansion, Unknown) else ""
        shown = module.prefixed(f"data.{kind}.{name}{suffix}" if mode == "data" else f"{kind}.{name}{suffix}")

        def look(attribute: str, span: Span) -> Tree:
            tree = self.value(("attribute", module, mode, kind, name, index, attribute))
            if isinstance(tree, Reference) and tree.address == shown and not tree.via:
                return Reference(tree.address, tree.attribute, span)
            return through(tree, Via(f"{shown}.{attribute}", span))

        return Instance(shown, declared.span, look)

    def every_module(self, wanted: Callable[[Folder, Declared], bool]) -> Iterator[Module]:
        """The root module and every instance it reaches by calls that are wanted, parents first."""
        queue = [self.root]
        while queue:
            module = queue.pop(0)
            yield module
            if module.folder is None:
                continue
            for name, declared in module.folder.modules.items():
                if not wanted(module.folder, declared):
                    continue
                found = self.instances(module, name)
                if not isinstance(found, Unknown):
                    queue.extend(found)

    def instances(self, module: Module, name: str) -> list[Module] | Unknown:
        """The instances of a module call, after everything that needs was computed."""
        while True:
            try:
                return self.modules(module, name)
            except Needs as needs:
                self._compute(needs.key)

    def expanded(self, module: Module, declared: Declared) -> Expansion | Unknown:
        """As `expansion`, after everything that needs was computed."""
        while True:
            try:
                return self.expansion(module, declared)
            except Needs as needs:
                self._compute(needs.key)
