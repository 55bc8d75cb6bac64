"""The repository's own code: packages, configuration modules, env files, migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.hooks import hookimpl
from policyengine.platforms import NoPart, Platform, Settings, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.repository.files import Files


@hookimpl
def policyengine_platforms() -> list[Platform[NoPart]]:
    """The code itself, which any tree may hold."""
    return [Platform(name="code", title="code", units=units)]


def units(_: Files, __: Settings[NoPart]) -> Iterator[Unit]:
    """Files about files, packages, configuration modules and migrations."""
    from policyengine.platforms.code import config_module, migrations, package, repository  # noqa: PLC0415  as others

    yield Unit("env files", repository.lower)
    yield Unit("packages", package.lower)
    yield Unit("configuration modules", config_module.lower)
    yield Unit("migrations", migrations.lower)
