"""Platforms of images: their normal form, and that of the machines that build them."""

from __future__ import annotations

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table
from policyengine.knowledge.names import words


class Meant(Struct, frozen=True, forbid_unknown_fields=True):
    """The architecture that a name means."""

    architecture: str
    source: str


class Platforms(FactTable, frozen=True):
    """The table.

    `architectures` are other names of one, and those with the variant that it has anyway. A runner is what a word in
    its label says (`runner_words`), or else what its label begins with (`runners`).
    """

    architectures: dict[str, Meant]
    runner_words: dict[str, Meant]
    runners: dict[str, Meant]


def _platforms() -> Platforms:
    return table("platforms", Platforms)


def platform(text: str) -> str:
    """A platform in BuildKit's normal form: `linux/arm64/v8`, `aarch64` and ECS's `ARM64` are `linux/arm64`."""
    system, slash, architecture = text.strip().lower().partition("/")
    if not slash:
        system, architecture = "linux", system
    found = _platforms().architectures.get(architecture)
    return f"{system}/{architecture if found is None else found.architecture}"


def platform_of_runner(label: str) -> str | None:
    """The platform of a CI runner by its label, `ubuntu-24.04-arm`; None where it does not tell."""
    known, name = _platforms(), label.strip().lower()
    said = next((known.runner_words[word] for word in words(name) if word in known.runner_words), None)
    begun = next((entry for start, entry in known.runners.items() if name.startswith(start)), None)
    found = said or begun
    return None if found is None else f"linux/{found.architecture}"
