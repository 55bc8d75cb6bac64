"""What a graph answers of everything that the files declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.declaration import HELD, DeclarationKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.declaration import Declaration, Declarations, Step
    from policyengine.model.nodes import Node, Side


class Declared:
    """The questions to a graph about what the files declare; nothing is evaluated before it is asked."""

    __slots__ = ()

    nodes: tuple[Node, ...]
    declaring: tuple[Declarations, ...]
    _made_of: dict[str, tuple[Node, ...]]

    def declarations(self, kind: DeclarationKind, *types: str, side: Side | None = None) -> Iterator[Declaration]:
        """Everything of a kind that files declare, of these types where any are named, in the order of the files.

        What nobody asks for is not evaluated: a resource is found by its type, an argument read when it is asked.
        """
        seen = set()
        for each in (found for one in self.declaring for found in one.of(kind, types)):
            if each.id not in seen and (side is None or each.side is side):
                seen.add(each.id)
                yield each

    def resources(self, *types: str) -> Iterator[Declaration]:
        """The resources of Terraform of these types; `data.` begins the type of a data source.

        Each instance of `count` and `for_each` is one, in all modules, with the values of a plan or state over those of
        the files. Without a type all resources.
        """
        for each in types or ("",):
            kind = DeclarationKind.DATA if each.startswith("data.") else DeclarationKind.RESOURCE
            yield from self.declarations(kind, *filter(None, (each,)))

    def declaration(self, node: Node) -> Declaration | None:
        """What a node is made of: a resource, a service of Compose, the instruction that begins a stage, a job."""
        found = (each.made_of(node.id, node.span) for each in self.declaring)
        return next((each for each in found if each is not None), None)

    def made_of(self, declaration: Declaration) -> tuple[Node, ...]:
        """The nodes that are made of a declaration, in the order of ids; none where no type of nodes is for it."""
        if not self._made_of:
            for node in self.nodes:
                found = self.declaration(node)
                if found is not None:
                    self._made_of[found.id] = (*self._made_of.get(found.id, ()), node)
        return self._made_of.get(declaration.id, ())

    def inside(self, declaration: Declaration) -> Iterator[Declaration]:
        """What a declaration holds: a workflow its jobs, a job its steps, a step what it uses, FROM its stage."""
        for kind in HELD.get(declaration.kind, ()):
            for each in self.declarations(kind):
                if each.within == declaration.id:
                    yield each

    def referring(self, to: Declaration, of_type: str, *steps: Step) -> Iterator[Declaration]:
        """The resources of a type that name another one in an argument: the `aws_s3_bucket_versioning` of a bucket."""
        for each in self.resources(of_type):
            if any(found.id == to.id for found in each.refers_to(*steps)):
                yield each
