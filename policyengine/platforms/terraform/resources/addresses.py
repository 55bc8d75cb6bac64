"""What a Terraform address leads to, and how its value came there.

Addresses are those of Terraform, as seen from the root module. Besides, `var.`, `local.` and `output.` work in every
module (`module.api.var.image`), and a bare name behind a module call is its output or else its input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.secrets import secret_attribute
from policyengine.model.explanation import AddressError, Explanation, nearest
from policyengine.model.source import Span
from policyengine.model.value import Known, Unknown, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.access import attribute, indexed
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import (
    Composite,
    Encoded,
    List,
    Object,
    Reference,
    Tree,
)
from policyengine.platforms.terraform.plan.plan import unescaped
from policyengine.platforms.terraform.plan.sections import PlannedBlock
from policyengine.platforms.terraform.resources.explained import Teller, concealed
from policyengine.platforms.terraform.resources.instances import instances, made_by, module_call
from policyengine.platforms.terraform.workspace.blocks import BlockSection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.plan.planned import Planned
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.workspace.folders import ModuleFolder
    from policyengine.platforms.terraform.workspace.instances import ModuleInstance

_TOKEN = regex(r'\.?([^\W\d][\w-]*|\d+)|\[(?:"((?:[^"\\]|\\.)*)"|([^\[\]"]*))\]')


def explain(roots: Sequence[Planned], address: str) -> Explanation:
    """The value at an address, in the first root module that has it.

    Raises:
        AddressError: no root module has it; the message names what is near.
    """
    tokens = _tokens(address)
    errors: list[AddressError] = []
    for planned in roots:
        try:
            return _Walk(planned, address).found(tokens)
        except AddressError as error:
            errors.append(error)
    if not errors:
        raise AddressError(f"'{address}' leads to nothing: there is no Terraform root module here", 0)
    raise max(errors, key=lambda error: error.depth)


def _tokens(address: str) -> list[str]:
    """The names of an address, keys of instances in brackets as `[key]`."""
    found: list[str] = []
    at = 0
    while at < len(address):
        match = _TOKEN.match(address, at)
        if match is None or (found and match[1] and address[at] != ".") or (not found and address[at] in ".["):
            raise AddressError(f"'{address}' is no address of Terraform: it ceases to be one at {address[at:]!r}", 0)
        at = match.end()
        if match[1]:
            found.append(match[1] if not match[1].isdigit() else f"[{match[1]}]")
        else:
            found.append(f"[{match[3] if match[2] is None else unescaped(match[2])}]")
    if not found:
        raise AddressError("the address is empty; give one such as aws_db_instance.main.engine_version", 0)
    return found


class _Walk:
    """The way along an address in one root module."""

    def __init__(self, planned: Planned, address: str) -> None:
        self.planned = planned
        self.project = planned.project
        self.address = address
        self.done: list[str] = []
        self.teller = Teller(planned.project)

    def _explained(self, tree: Tree, steps: Sequence[Via]) -> Explanation:
        return self.teller.of(self.address, tree, steps)

    def error(self, message: str) -> AddressError:
        return AddressError(message, len(self.done))

    def found(self, tokens: list[str]) -> Explanation:
        left = list(tokens)
        module = self.project.root
        while left[:1] == ["module"]:
            name = self._name(left, 1, "modules", () if module.folder is None else module.folder.modules)
            self._take(left, 2)
            next_module = self._instance(module, name, left)
            if isinstance(next_module, Explanation):
                return next_module
            if next_module.folder is None:
                return self._remote(next_module, left)
            module = next_module
        folder = module.folder
        if folder is None or not left:
            raise self.error(f"'{self.address}' is a module; name one of its outputs, variables or resources behind it")
        match left[0]:
            case "var":
                name = self._name(left, 1, "variables", folder.variables)
                return self._variable(module, name, left[2:])
            case "local":
                name = self._name(left, 1, "locals", folder.locals)
                written = folder.locals[name]
                span = written.source.span(written.attribute.value, written.attribute.end)
                return self._named(("local", module, name), span, left[2:])
            case "output":
                return self._output(module, self._name(left, 1, "outputs", folder.outputs), left[2:])
            case _ if module is not self.project.root and len(left) == 1 and left[0] in folder.outputs:
                return self._output(module, left[0], [])
            case _ if module is not self.project.root and len(left) == 1 and left[0] in folder.variables:
                return self._variable(module, left[0], [])
            case _:
                return self._resource(module, left)

    def _take(self, left: list[str], count: int) -> None:
        self.done += left[:count]
        del left[:count]

    def _name(self, left: Sequence[str], at: int, what: str, names: Iterable[str]) -> str:
        wanted = left[at] if at < len(left) else ""
        known = list(names)
        if wanted not in known:
            self.done += left[:at]
            shown = _written([*self.done, wanted] if wanted else self.done)
            raise self.error(f"there is no '{shown}'; {nearest(wanted, known, what=what)}")
        return wanted

    def _instance(self, module: ModuleInstance, name: str, left: list[str]) -> ModuleInstance | Explanation:
        found = self.project.instances(module, name)
        if isinstance(found, Unknown):
            return self._explained(found, ())
        keys = [each.address.removeprefix(module.prefixed(f"module.{name}")) for each in found]
        return found[self._chosen(keys, left)]

    def _chosen(self, keys: Sequence[str], left: list[str]) -> int:
        """Which of several instances is meant by the key that comes next."""
        given = left[0] if left and left[0].startswith("[") else None
        plain_keys = [f"[{key[2:-2]}]" if key.startswith('["') else key for key in keys]
        shown = _written(self.done)
        if not keys:
            raise self.error(f"'{shown}' has no instance: its count or for_each makes none")
        if given is None:
            if len(keys) == 1:
                return 0
            listed = ", ".join(f"{shown}{key}" for key in keys[:4])
            raise self.error(f"'{shown}' has {len(keys)} instances: {listed}{' …' if len(keys) > 4 else ''}")
        if given in plain_keys:
            self._take(left, 1)
            return plain_keys.index(given)
        if keys == [""]:
            raise self.error(f"'{shown}' has no key {_written([given])}: it has neither count nor for_each")
        near = nearest(_written([given]), keys, what="its instances")
        raise self.error(f"there is no '{shown}{_written([given])}'; {near}")

    # values with a name

    def _named(self, key: tuple[object, ...], span: Span, left: Sequence[str]) -> Explanation:
        tree = self.project.run(lambda: self.project.value(key))
        tree = concealed(tree) if self.project.conceals(key, tree) else tree
        return self._explained(self._followed(tree, left), (Via(self.address, span),))

    def _variable(self, module: ModuleInstance, name: str, left: Sequence[str]) -> Explanation:
        declared = module.folder.variables[name] if module.folder is not None else None
        return self._named(("var", module, name), declared.span if declared is not None else _NOWHERE, left)

    def _output(self, module: ModuleInstance, name: str, left: Sequence[str]) -> Explanation:
        declared = module.folder.outputs[name] if module.folder is not None else None
        if declared is None:
            raise AssertionError(name)
        written = self.project.attribute_of(declared, "value")
        span = written[1].span(written[0].value.start, written[0].value.end) if written is not None else declared.span
        return self._named(("output", module, name), span, left)

    def _remote(self, module: ModuleInstance, left: list[str]) -> Explanation:
        """An input of a module that is not in the repository, or what a plan or state says of its resources."""
        if not left:
            raise self.error(f"'{self.address}' is a module that is not in the repository; name one of its inputs")
        call = module_call(self.planned, module)
        wanted = self.address.replace('"', "")
        made = {each.address.replace('"', ""): each for each in made_by(self.planned, call)}
        address = max((each for each in made if wanted.startswith(f"{each}.")), key=len, default="")
        if address:
            return self._attribute(made[address], None, _tokens(wanted[len(address) + 1 :]))
        if call.get(left[0]) is not None or call.blocks(left[0]).sections:
            return self._attribute(call, None, left)
        inputs = [name for name in self._argument_names(call) if name not in ("source", "version", "providers")]
        listed = f"; the call sets {', '.join(sorted(inputs))}" if inputs else ""
        reason = f"{module.source or 'the module'} is not in the repository, so its outputs are not known{listed}"
        return self._explained(Unknown(reason, call.span), (Via(self.address, call.span),))

    # resources

    def _resource(self, module: ModuleInstance, left: list[str]) -> Explanation:
        folder = module.folder
        if folder is None:
            raise AssertionError(self.address)
        mode = "data" if left[0] == "data" else "resource"
        if mode == "data":
            self._take(left, 1)
        known = {f"{kind}.{name}": (each, kind, name) for each, kind, name in folder.resources if each == mode}
        wanted = ".".join(left[:2])
        if wanted not in known:
            shown = _written([*self.done, *left[:2]])
            inside = _written([each for each in self.done if each != "data"])
            names = [f"{inside}.{each}" for each in (*_addresses(folder), *folder.outputs)]
            names = names if inside else list(_addresses(folder))
            raise self.error(f"there is no '{shown}'; {nearest(shown, names, what='addresses')}")
        address = known[wanted]
        declared = folder.resources[address]
        self._take(left, 2)
        made = instances(self.planned, module, declared, address)
        base = module.prefixed(declared.address)
        if made and made[0].gap is not None:
            if left and left[0].startswith("["):
                self._take(left, 1)
            resource, index = made[0], None
        else:
            index = self._chosen([each.address.removeprefix(base) for each in made], left)
            resource = made[index]
        if not left:
            written = self._argument_names(resource)
            raise self.error(f"'{self.address}' is a resource; name one of its attributes: {', '.join(written[:8])} …")
        return self._attribute(resource, index, left)

    def _argument_names(self, resource: Resource) -> list[str]:
        body = resource.block.body
        return [each.name for each in body.attributes] + sorted({each.type for each in body.blocks})

    def _attribute(self, resource: Resource, index: int | None, left: list[str]) -> Explanation:
        section: Section = resource.section
        path: list[str] = []
        while True:
            name = left[0]
            path.append(name)
            tree = section.get(name)
            if tree is not None:
                listed = secret_attribute(resource.kind, ".".join(path))
                if (
                    listed is not None
                    and listed.level != "plain"
                    and self.project.holds_only(resource.declared, listed)
                ):
                    tree = concealed(tree)
                return self._explained(self._followed(tree, left[1:]), (Via(self.address, _place(section, name)),))
            nested = section.blocks(name)
            if not nested.sections:
                break
            self._take(left, 1)
            number = left[0][1:-1] if left and left[0].startswith("[") else "0"
            if left and left[0].startswith("["):
                self._take(left, 1)
            if not number.isdigit() or int(number) >= len(nested.sections):
                raise self.error(f"there is no '{_written(self.done)}'; there are {len(nested.sections)} such blocks")
            section = nested.sections[int(number)]
            if not left:
                raise self.error(f"'{self.address}' is a block; name one of its arguments")
        if nested.gap is not None:
            return self._explained(nested.gap, (Via(self.address, nested.gap.span),))
        if section is resource.section and resource.mode != "module" and resource.block.declared is not None:
            key = ("attribute", resource.module, resource.mode, resource.kind, resource.name, index, name)
            tree = self.project.run(lambda: self.project.value(key))
            if not (isinstance(tree, Reference) and tree.address == resource.address):
                return self._explained(self._followed(tree, left[1:]), (Via(self.address, resource.span),))
        hint = nearest(name, self._argument_names(resource), what="its arguments")
        reason = f"the block does not set '{name}' ({hint}); what a provider computes is known only after apply"
        return Explanation(
            self.address, "absent", None, reason, (Via(self.address, section.span),), root=self.project.folder.path
        )

    # into a value

    def _followed(self, tree: Tree, left: Sequence[str]) -> Tree:
        for token in left:
            if isinstance(tree, Encoded | Composite) or (isinstance(tree, Known) and isinstance(tree.value, str)):
                tree = _decoded(tree)
            try:
                if token.startswith("["):
                    inner = token[1:-1]
                    key = int(inner) if inner.isdigit() and not isinstance(tree, Object) else inner
                    tree = indexed(tree, Known(key, tree.span), tree.span)
                else:
                    tree = self.project.run(lambda here=tree, name=token: attribute(here, name, here.span))  # type: ignore[misc]
            except Invalid as error:
                hint = ""
                if isinstance(tree, Object):
                    hint = f"; {nearest(token.strip('[]'), tree.entries, what='its keys')}"
                elif isinstance(tree, List):
                    hint = f"; it has {len(tree.items)} elements"
                raise self.error(f"'{self.address}' leads to nothing: {error}{hint}") from None
        return tree


_NOWHERE = Span("", 0, 0)


def _addresses(folder: ModuleFolder) -> Iterable[str]:
    """What a directory declares, as addresses within its module."""
    for mode, kind, name in folder.resources:
        yield f"data.{kind}.{name}" if mode == "data" else f"{kind}.{name}"
    for first, table in (("var", folder.variables), ("local", folder.locals), ("module", folder.modules)):
        yield from (f"{first}.{name}" for name in table)
    yield from (f"output.{name}" for name in folder.outputs)


def _place(section: Section, name: str) -> Span:
    """Where an argument of a section is written, else the name of the section."""
    block = section.block if isinstance(section, PlannedBlock) else section
    found = block.attribute(name) if isinstance(block, BlockSection) else None
    return section.span if found is None else found[1].span(found[0].value.start, found[0].value.end)


def _decoded(tree: Tree) -> Tree:
    """The document that a text is, or the text."""
    for form in ("json", "yaml"):
        try:
            found = document(tree, form)
        except Invalid:
            continue
        if isinstance(found, List | Object):
            return found
    return tree


def _written(tokens: Sequence[str]) -> str:
    """An address of its names, as Terraform writes it."""
    return "".join(
        f".{token}" if index and not token.startswith("[") else _KEY.sub(r'["\1"]', token)
        for index, token in enumerate(tokens)
    )


_KEY = regex(r"\A\[(?!\d+\]\Z)(.*)\]\Z")
