"""The repositories of images of ECR, as far as their registry, which only AWS knows, does not matter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.value import Known, Unknown
from policyengine.platforms.terraform.language.values import Composite

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.value import Via


def repository_url(name: str, span: Span, via: tuple[Via, ...]) -> Composite:
    """The URL of an ECR repository: whose registry it is, only AWS knows, but which repository is known."""
    return Composite((Unknown("the registry of the account", span), Known(f"/{name}", span)), span, via)
