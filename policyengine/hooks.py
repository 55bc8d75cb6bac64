"""The hooks that a policy pack implements. Marker prefix: `policyengine_`.

A pack is a module with the entry point group `policyengine.packs`::

    from policyengine.api import Pack, hookimpl

    @hookimpl
    def policyengine_pack() -> Pack: ...

The hook specification has a version, `HOOKS_VERSION`. Within one version hooks gain only optional parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from policyengine.rules.rule import Pack

PROJECT = "policyengine"
ENTRY_POINTS = "policyengine.packs"
HOOKS_VERSION = 1

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Specification:
    """What a pack may implement."""

    @hookspec
    def policyengine_pack(self) -> Pack[Any]:
        """The pack: its rules, mandates and options. Called once, and must be implemented."""
        raise NotImplementedError
