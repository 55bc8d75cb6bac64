"""The hooks that plug-ins implement. Marker prefix: `policyengine_`.

A plug-in is a module with an entry point in the group `policyengine.packs`, when it brings a policy pack, or in
`policyengine.extensions`, when it brings anything else::

    from policyengine.api import Pack, hookimpl

    @hookimpl
    def policyengine_pack() -> Pack: ...

The hook specification has a version, `HOOKS_VERSION`. Within one version hooks gain only optional parameters. A module
that needs a version says so: `POLICYENGINE_HOOKS = 1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from policyengine.knowledge.loading import Facts
    from policyengine.linking.evidence import Evidence
    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms import Platform
    from policyengine.rules.evaluate import Reporter
    from policyengine.rules.rule import Pack

    ResourceReader = Callable[..., Iterator[Node | Edge]]  # of a ResourceView, a type of a platform

PROJECT = "policyengine"
HOOKS_VERSION = 1
"""The version of the hooks; a module that needs one says `POLICYENGINE_HOOKS = 1`."""
API_VERSION = "1.0"
"""The version of `policyengine.api` and `policyengine.extend`.

Names keep their meaning within the first number; the second counts what was added.
"""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function as what a hook calls: `@hookimpl`."""


class Specification:
    """What a plug-in may implement. Each hook is called once, when the plug-in is loaded."""

    @hookspec
    def policyengine_pack(self) -> Pack[Any]:
        """The pack: its rules, mandates and options. A module in the group `policyengine.packs` must implement it."""
        raise NotImplementedError

    @hookspec
    def policyengine_platforms(self) -> Sequence[Platform[Any]]:
        """Platforms: each reads some files of the tree and makes nodes and edges of them."""
        raise NotImplementedError

    @hookspec
    def policyengine_knowledge(self) -> Sequence[Facts]:
        """Facts about the world, such as images of your own registry: entries for the tables in docs/knowledge.md."""
        raise NotImplementedError

    @hookspec
    def policyengine_terraform_resources(self) -> Mapping[str, ResourceReader]:
        """What Terraform's resources are in the graph, by their type (`data.` before that of a data source).

        Each is called with a `ResourceView` of every instance, and yields nodes and edges; the program itself makes
        none of that type then.
        """
        raise NotImplementedError

    @hookspec
    def policyengine_evidence(self) -> Sequence[Evidence]:
        """What else speaks for a pair of a local and a cloud node; its points are added to the strategy's own."""
        raise NotImplementedError

    @hookspec
    def policyengine_reporters(self) -> Sequence[Reporter]:
        """Formats of reports, which `--format` takes by their names."""
        raise NotImplementedError
