"""A root module as its files decide it, with what a plan or state says laid over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.value import Known, Unknown, Via
from policyengine.platforms.terraform.language.values import Object, Reference
from policyengine.platforms.terraform.plan.overlay import Spot, hidden, merged
from policyengine.platforms.terraform.plan.sections import PlannedBlock

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.expansion import Expansion
    from policyengine.platforms.terraform.language.sections import Section
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.plan.plan import Exact
    from policyengine.platforms.terraform.workspace.blocks import BlockSection
    from policyengine.platforms.terraform.workspace.project import Project


class Planned(Struct, frozen=True, eq=False):
    """An evaluated root module, and what plans and states say of it, if there are any.

    Make one before anything of the project is evaluated: the evaluation goes on from what they say.
    """

    project: Project
    exact: Exact | None = None

    def __post_init__(self) -> None:
        if self.exact is not None:
            self.project.over = Stated(self.exact)

    def section(self, block: BlockSection) -> Section:
        """A top-level block as it is planned or exists."""
        return block if self.exact is None else PlannedBlock(self.exact, block)


class Stated(Struct, frozen=True):
    """What a plan or state says, over what the evaluation of the files gives."""

    exact: Exact

    def knows(self, variable: str) -> bool:
        """Whether it tells the value of a variable."""
        return variable in self.exact.variables

    def variable(self, name: str, tree: Tree, place: Span) -> Tree:
        """The value of a variable of the root module; `tree` is what the files give it."""
        part = self.exact.variables.get(name)
        found = None if part is None else merged(self.exact, tree, part, Spot(place, place))
        return tree if found is None else found

    def attribute(self, address: str, name: str, tree: Tree, place: Span) -> Tree:
        """An attribute of an instance as other expressions see it; `place` is its argument's value, or the name."""
        whole = self.exact.resources.get(address)
        if whole is None or name not in whole.keys:
            return tree
        part = whole.item(name)
        written = None if isinstance(tree, Reference) and tree.address == address else tree
        if part.value is None or part.unknown is True:
            return tree
        if hidden(self.exact, part):
            sensitive = Unknown(f"{address}.{name} is sensitive, so it is not read", place)
            return tree if written is not None else sensitive
        found = merged(self.exact, written, part, Spot(place, place))
        return tree if found is None else found

    def expansion(self, base: str, found: Expansion | Unknown, place: Span) -> Expansion | Unknown:
        """The instances of a block; `base` is its address without a key. What a state lacks may be made yet."""
        exact = self.exact
        known = exact.instances.get(base)
        if known is None:
            return [] if isinstance(found, Unknown) and exact.whole and not _has_data(base) else found
        if not isinstance(found, Unknown) and (
            exact.kind == "state" or {each[:1] for each, _ in found} - {each[:1] for each in known}
        ):
            return found
        names = {} if isinstance(found, Unknown) else dict(found)
        reason = found if isinstance(found, Unknown) else Unknown("the files make no such instance", place)
        made: Expansion = []
        for suffix in sorted(known, key=_key):
            if suffix in names:
                made.append((suffix, names[suffix]))
            elif suffix[:2] == '["':
                key = Known(suffix[2:-2], place, (Via(exact.what, place),))
                made.append((suffix, {"each": Object({"key": key, "value": reason}, place)}))
            elif suffix:
                index = Known(int(suffix[1:-1]), place, (Via(exact.what, place),))
                made.append((suffix, {"count": Object({"index": index}, place)}))
        return made if made or not known else found


def _has_data(base: str) -> bool:
    return base.rpartition(".")[0].endswith("data") or ".data." in f".{base}"


def _key(suffix: str) -> tuple[int, str]:
    digits = suffix[1:-1]
    return (int(digits), "") if digits.isdigit() else (-1, suffix)
