"""Terraform: what a root module would create, as far as its files decide it, as the cloud side of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from policyengine.hooks import hookimpl
from policyengine.model.nodes import Side
from policyengine.platforms import FileOption, Platform, Settings, Unit, Wanted
from policyengine.platforms.terraform.part import TerraformPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from policyengine.platforms import Piece
    from policyengine.platforms.terraform.plan.plan import Exact
    from policyengine.repository.files import Files

__all__ = ["TerraformPart", "exact", "policyengine_platforms", "units"]

_SHOWN = "as 'terraform show -json' prints it: its values count, not those of the files"


@hookimpl
def policyengine_platforms() -> list[Platform[TerraformPart]]:
    """Terraform."""
    return [
        Platform(
            name="terraform",
            title="Terraform",
            part=TerraformPart,
            wants=Wanted(endings=(".tf", ".tofu", ".tf.json")),
            options=tuple(FileOption(kind, f"a {kind} of Terraform {_SHOWN}") for kind in ("plan", "state")),
            units=units,
            pieces=pieces,
        )
    ]


def units(_: Files, settings: Settings[TerraformPart]) -> Iterator[Unit]:
    """The root modules, which share what was read.

    Raises:
        UsageError: a plan or state cannot be read.
    """
    from policyengine.platforms.terraform import root_modules  # noqa: PLC0415  only where there is Terraform

    found = exact(settings.given)
    yield Unit("root modules", lambda view: root_modules.lower(view, settings, exact=found))


def pieces(files: Files, settings: Settings[TerraformPart], side: Side) -> Iterable[Piece]:
    """The root modules, unless the configuration names them."""
    from policyengine.platforms.terraform import root_modules  # noqa: PLC0415  as above

    if side is not Side.CLOUD or settings.part.root is not UNSET:
        return ()
    return root_modules.pieces(files)


def exact(named: Mapping[str, Sequence[Path]]) -> list[Exact]:
    """What the plans and states say that the options name.

    Raises:
        UsageError: one of them cannot be read, or is none.
    """
    given = [(kind, path) for kind in ("plan", "state") for path in named.get(kind, ())]
    if not given:
        return []
    from policyengine.platforms.terraform.plan import plan  # noqa: PLC0415  few runs have one

    return [plan.read(path, kind) for kind, path in given]
