"""The part of the configuration that tells how Terraform is run."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

Texts = tuple[str, ...]


class TerraformPart(Struct, frozen=True, forbid_unknown_fields=True):
    """How Terraform is run."""

    root: Annotated[
        str | Texts | UnsetType,
        Meta(description="The root module's folder, relative to this file; a list of several that belong together."),
    ] = UNSET
    var_files: Annotated[Texts, Meta(description="Files as given to -var-file, relative to the root module.")] = ()
    workspace: Annotated[str | UnsetType, Meta(description="The value of terraform.workspace.")] = UNSET
