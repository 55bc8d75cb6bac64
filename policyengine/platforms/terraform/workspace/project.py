"""A root module with all modules it calls, as instances whose names lead to values."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import field

from policyengine.model.budget import Exhausted
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.expansion import Expansion, counted, keyed, unknown_names
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.types import converted
from policyengine.platforms.terraform.language.values import (
    InstanceTree,
    List,
    Object,
    Reference,
    Tree,
    through,
)
from policyengine.platforms.terraform.workspace.attributes import Asked, written
from policyengine.platforms.terraform.workspace.defaults import left_open
from policyengine.platforms.terraform.workspace.demand import Demand
from policyengine.platforms.terraform.workspace.inputs import Inputs
from policyengine.platforms.terraform.workspace.instances import (
    DOUBTFUL,
    NOWHERE,
    Key,
    ModuleInstance,
    Needs,
    calls_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.workspace.folders import Address, Declared, ModuleFolder
    from policyengine.platforms.terraform.workspace.over import Over
    from policyengine.platforms.terraform.workspace.remote_states import RemoteStates

INSTANCE = 200
"""Steps that an instance of a block counts for, with all that is made of it."""

DEEPEST = 40
"""Modules within modules."""

_MODULE_NAME = regex(r'module\.([\w-]+)((?:\[(?:"[^"]*"|\d+)\])?)\.')
_RESOURCE = regex(r'(data\.)?([\w-]+)\.([\w-]+)((?:\[(?:"[^"]*"|\d+)\])?)\Z')

ENVIRONMENT_VARIABLES = frozenset({"environment", "environment_name", "env", "env_name", "stage"})
"""Variables whose value is the environment that is evaluated, where no file sets them."""


class Project(Demand, eq=False):
    """A root module and everything it reaches, evaluated on demand.

    `computed` tells what a provider computes from arguments alone, `states` what the states of the tree's root modules
    hold, `over` what is laid over the files. `inputs` are the values of its variables. `environment` is the value of
    variables such as `environment` that no file sets, empty for none; `assumed` are the variables that got it.
    `certain` tells that nobody sets a variable beside the files, as when Terraform is run on them alone.
    """

    inputs: Inputs = Inputs()
    environment: str = ""
    assumed: set[str] = field(default_factory=set)
    computed: Callable[[Project, Asked], Tree | None] | None = None
    states: RemoteStates | None = None
    certain: bool = False
    over: Over | None = None
    _expansions: dict[tuple[str, str, int], Expansion | Unknown] = field(default_factory=dict)
    _modules: dict[tuple[str, str], list[ModuleInstance]] = field(default_factory=dict)
    _root: ModuleInstance | None = None

    @property
    def root(self) -> ModuleInstance:
        """The root module itself."""
        if self._root is None:
            self._root = ModuleInstance(self, "", self.folder)
        return self._root

    def _evaluate(self, key: Key) -> Tree:
        match key:
            case ("var", ModuleInstance() as module, str() as name):
                return self._variable(module, name)
            case ("local", ModuleInstance() as module, str() as name):
                return self._local(module, name)
            case ("output", ModuleInstance() as module, str() as name):
                return self._output(module, name)
            case ("module", ModuleInstance() as module, str() as name):
                return self._call(module, name)
            case ("resource", ModuleInstance() as module, str() as mode, str() as kind, str() as name):
                return self._resource(module, (mode, kind, name))
            case (
                "attribute",
                ModuleInstance() as module,
                str() as mode,
                str() as kind,
                str() as name,
                index,
                str() as attribute,
            ):
                return self._attribute(module, (mode, kind, name), index, attribute)
            case _:
                raise AssertionError(key)

    # variables, locals, outputs

    def _variable(self, module: ModuleInstance, name: str) -> Tree:
        declared = module.folder.variables.get(name) if module.folder is not None else None
        if declared is None:
            passed = self.inputs.below.get(name) if module.parent is None else None
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
                given = self.inputs.by_default(name, given, module.frame) if module.parent is None else given
            else:
                given = self._without_value(module, name, declared)
        if self.over is not None and module.parent is None:
            given = self.over.variable(name, given, declared.span)
        return converted(given, kind[0].value, module.frame(kind[1])) if kind is not None else given

    def _without_value(self, module: ModuleInstance, name: str, declared: Declared) -> Tree:
        if not self.syntaxes.readable(declared.source, declared.block):
            return Unknown(f"the block of variable {name!r} cannot be read", declared.span)
        if module.parent is None:
            if self.over is not None and self.over.knows(name):
                return Unknown(f"variable {name!r} has no value in the repository", declared.span)
            if self.environment and name in ENVIRONMENT_VARIABLES:
                self.assumed.add(name)
                chosen = Via(f"the environment '{self.environment}', as chosen", declared.span)
                return Known(self.environment, declared.span, (chosen,))
            return Unknown(f"variable {name!r} has no value in the repository", declared.span)
        return Unknown(f"the call of {module.address} does not set {name!r}", declared.span)

    def _given(self, module: ModuleInstance, name: str) -> Tree | None:
        if module.parent is not None and module.call is not None:
            found = self.attribute_of(module.call, name)
            if found is None:
                return None
            attribute, source = found
            tree = settled(attribute.value, module.parent.frame(source, module.names))
            return through(tree, Via(module.address, source.span(attribute.start, attribute.end)))
        return self.inputs.given(name, self.root.frame)

    def _local(self, module: ModuleInstance, name: str) -> Tree:
        declared = module.folder.locals.get(name) if module.folder is not None else None
        if declared is None:
            return Unknown(f"local.{name} is not declared", NOWHERE)
        expression = self.syntaxes.value(declared.source, declared.attribute)
        if expression is None:
            return Unknown(f"local.{name} cannot be read", declared.span)
        return settled(expression, module.frame(declared.source))

    def _output(self, module: ModuleInstance, name: str) -> Tree:
        if module.folder is None:
            return Reference(module.address, name, module.call.span if module.call is not None else NOWHERE)
        declared = module.folder.outputs.get(name)
        if declared is None:
            return Unknown(f"{module.address} has no output {name!r}", NOWHERE)
        found = self.attribute_of(declared, "value")
        if found is None:
            return Unknown(f"{module.prefixed(f'output.{name}')} cannot be read", declared.span)
        return settled(found[0].value, module.frame(found[1]))

    # instances

    def expansion(self, module: ModuleInstance, declared: Declared) -> Expansion | Unknown:
        """The instances of a block; Unknown where they are not known. Raises Needs."""
        key = (module.address, declared.source.path, declared.block.start)
        found = self._expansions.get(key)
        if found is None:
            found = self._expansion(module, declared)
            try:
                module.budget.spend(0 if isinstance(found, Unknown) else INSTANCE * (len(found) - 1))
            except Exhausted as error:
                found = Unknown(str(error), declared.span)
            self._expansions[key] = found
        if self.over is None:
            return found
        return self.over.expansion(module.prefixed(declared.address), found, declared.span)

    def _expansion(self, module: ModuleInstance, declared: Declared) -> Expansion | Unknown:
        """The instances as the files decide them."""
        for name, instances in (("count", counted), ("for_each", keyed)):
            found = self.attribute_of(declared, name)
            if found is not None:
                attribute, source = found
                span = source.span(attribute.start, attribute.end)
                made = instances(settled(attribute.value, module.frame(source)), span)
                if made != [] or name != "count" or self.over is not None or self.certain:
                    return made
                doubt = left_open(self, module, source.text[attribute.value.start : attribute.value.end], span)
                if doubt is None:
                    return made
                self.doubts[module.prefixed(declared.address)] = doubt
                return [("[0]", {"count": Object({"index": Known(0, span)}, span), DOUBTFUL: doubt})]
        return [("", {})]

    def _call(self, module: ModuleInstance, name: str) -> Tree:
        declared = module.folder.modules.get(name) if module.folder is not None else None
        if declared is None:
            return Unknown(f"module.{name} is not declared", NOWHERE)
        found = self.modules(module, name)
        if isinstance(found, Unknown):
            return InstanceTree(
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

    def _outputs(self, child: ModuleInstance) -> InstanceTree:
        def look(name: str, span: Span) -> Tree:
            key = ("output", child, name)
            tree = self.value(key)
            return through(tree, Via(f"{child.address}.{name}", span, self.conceals(key, tree)))

        span = child.call.span if child.call is not None else NOWHERE
        return InstanceTree(child.address, span, look, whole=lambda: self._all_outputs(child, span))

    def _all_outputs(self, child: ModuleInstance, span: Span) -> Tree:
        if child.folder is None:
            return Unknown(f"{child.address} is not in the repository", span)
        keys: dict[str, Key] = {name: ("output", child, name) for name in child.folder.outputs}
        if not self._evaluating:  # a value that is looked at after its evaluation
            for key in keys.values():
                if key not in self.memo:
                    self._compute(key)
        return Object({name: self._whole(child, name, self.value(key)) for name, key in keys.items()}, span)

    def _whole(self, child: ModuleInstance, name: str, tree: Tree) -> Tree:
        """An output as one of all outputs of a module: it has passed nothing unless it is a secret."""
        secret = self.conceals(("output", child, name), tree)
        return through(tree, Via(f"{child.address}.{name}", tree.span, secret)) if secret else tree

    def modules(self, module: ModuleInstance, name: str) -> list[ModuleInstance] | Unknown:
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
        folder, source, version = self.source_of(module, declared, name)
        if module.depth >= DEEPEST:
            return Unknown("modules are nested too deeply", declared.span)
        made = [
            ModuleInstance(
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

    def source_of(self, module: ModuleInstance, declared: Declared, name: str) -> tuple[ModuleFolder | None, str, str]:
        """The directory that a module call names, None for one that is not here; its source and version."""
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

    # resources

    def _resource(self, module: ModuleInstance, address: Address) -> Tree:
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

    def _instance(
        self, module: ModuleInstance, address: Address, declared: Declared, index: int | None
    ) -> InstanceTree:
        mode, kind, name = address
        suffix = ""
        if index is not None:
            expansion = self.expansion(module, declared)
            suffix = expansion[index][0] if not isinstance(expansion, Unknown) else ""
        shown = module.prefixed(f"data.{kind}.{name}{suffix}" if mode == "data" else f"{kind}.{name}{suffix}")

        def look(attribute: str, span: Span) -> Tree:
            key = ("attribute", module, mode, kind, name, index, attribute)
            tree = self.value(key)
            if isinstance(tree, Reference) and tree.address == shown and not tree.via:
                return Reference(tree.address, tree.attribute, span)
            return through(tree, Via(f"{shown}.{attribute}", span, self.conceals(key, tree)))

        return InstanceTree(shown, declared.span, look)

    def _attribute(self, module: ModuleInstance, address: Address, index: object, name: str) -> Tree:
        """An attribute of an instance of a resource or data source."""
        declared = module.folder.resources[address] if module.folder is not None else None
        if declared is None:
            raise AssertionError(address)
        expansion = self.expansion(module, declared)
        suffix, names = "", unknown_names(expansion) if isinstance(expansion, Unknown) else {}
        if isinstance(index, int) and not isinstance(expansion, Unknown):
            suffix, names = expansion[index]
        shown = module.prefixed(declared.address + suffix)
        asked = Asked(module, declared, names, Reference(shown, name, declared.span))
        tree = written(self, asked)
        if self.states is not None and asked.kind == "data.terraform_remote_state" and name == "outputs":
            tree = self.states.outputs(self, asked)
        if tree is None:
            tree = (self.computed(self, asked) if self.computed is not None else None) or asked.reference
        return tree if self.over is None else self.over.attribute(shown, name, tree, asked.place(self))

    def attribute_at(self, address: str, name: str) -> Tree | None:
        """An attribute of the resource or data source at an address; None where there is none such. Raises Needs."""
        module = self.root
        rest = address
        while (match := _MODULE_NAME.match(rest)) is not None:
            if module.folder is None or match[1] not in module.folder.modules:
                return None
            found = self.modules(module, match[1])
            wanted = module.prefixed(f"module.{match[1]}{match[2]}")
            inner = next((each for each in found if each.address == wanted), None) if isinstance(found, list) else None
            if inner is None:
                return None
            module, rest = inner, rest[match.end() :]
        parts = _RESOURCE.match(rest)
        if parts is None or module.folder is None:
            return None
        mode = "data" if parts[1] else "resource"
        declared = module.folder.resources.get((mode, parts[2], parts[3]))
        if declared is None:
            return None
        expansion = self.expansion(module, declared)
        suffixes = [suffix for suffix, _ in expansion] if isinstance(expansion, list) else []
        if parts[4] not in suffixes:
            return None
        return self.value(("attribute", module, mode, parts[2], parts[3], suffixes.index(parts[4]), name))

    def instances(self, module: ModuleInstance, name: str) -> list[ModuleInstance] | Unknown:
        """The instances of a module call, after everything that needs was computed."""
        while True:
            try:
                return self.modules(module, name)
            except Needs as needs:
                self._compute(needs.key)

    def expanded(self, module: ModuleInstance, declared: Declared) -> Expansion | Unknown:
        """As `expansion`, after everything that needs was computed."""
        while True:
            try:
                return self.expansion(module, declared)
            except Needs as needs:
                self._compute(needs.key)
