"""What Terraform and other files of a tree say, at first sight, of where the services of Compose files run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge.names import folder_kinds, hosts
from policyengine.knowledge.rollout import handing_over
from policyengine.knowledge.terraform_resources import module_type, resource_type
from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Source
    from policyengine.platforms.compose.sketch import Sketch
    from policyengine.repository.files import Files

_ENDS = (".tf", ".tfvars")
_WORD = regex(r"[a-z][\w-]*")
_RESOURCE = regex(r'\bresource\s+"(\w+)"')
_MODULE = regex(r'\bsource\s*=\s*"([^."][^"]*)"')
"""The source of a module that is not in the tree."""
_OTHERWISE = frozenset({"machine", "chart"})
"""Who reads what runs a machine, on which Compose may run, or a chart, whose services are its own."""


class Told(NamedTuple):
    """The words of Terraform's files, with `-` for `_`, and whether a resource of them runs containers or functions."""

    words: frozenset[str] = frozenset()
    runs: bool = False

    def count(self, said: Sketch) -> int:
        """How many applications of Compose files it speaks of."""
        names = said.built | {name for name, _ in said.lasting}
        return len(self.words & {name.lower().replace("_", "-") for name in names})


def told(tree: Files) -> Told:
    """What all files of Terraform say, but for those of examples and the like."""
    read = [tree.once(path, told_of) or Told() for path in tree.ending(*_ENDS) if not folder_kinds(path)]
    return Told(frozenset[str]().union(*(each.words for each in read)), any(each.runs for each in read))


def told_of(source: Source) -> Told:
    """What one file says."""
    words = frozenset(each.replace("_", "-") for each in _WORD.findall(source.text.lower()))
    kinds = [resource_type(each) for each in _RESOURCE.findall(source.text)]
    kinds += [module_type(each) for each in _MODULE.findall(source.text)]
    runs = any(each is not None and each.node == "Service" and each.reader not in _OTHERWISE for each in kinds)
    return Told(words, runs)


def rolls_out(tree: Files) -> bool:
    """Whether a workflow gives a service of a cloud another image: what is called after production is tried then."""
    known = handing_over()
    sources = map(tree.read, tree.below(".github/workflows"))
    return any(each in source.text for source in sources if source is not None for each in known)


def runs_elsewhere(tree: Files) -> bool:
    """Whether files say that the application runs on something else than Compose."""
    known = hosts()
    folders, endings = [each for each in known if each.endswith("/")], [each for each in known if each.startswith(".")]
    return bool(tree.named(*known) or tree.ending(*endings) or tree.holding(*folders))
