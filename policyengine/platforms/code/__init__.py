"""The repository's own code: packages, configuration modules, env files, migrations."""

from __future__ import annotations

from functools import partial
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


def units(view: Files, _: Settings[NoPart]) -> Iterator[Unit]:
    """Each file that stands for itself, as an env file or a package; all configuration modules and all migrations."""
    from policyengine.platforms.code import (  # noqa: PLC0415  as others
        browser_tests,
        config_module,
        embedded,
        env_reads,
        held_secrets,
        host_aliases,
        infisical,
        migrations,
        package,
        passing,
        repository,
        runtime_version,
        supabase,
    )

    for path in repository.paths(view):
        yield Unit(path, partial(repository.lower, path))
    for path in package.manifests(view):
        yield Unit(path, partial(package.packages, paths=(path,)))
    for path in runtime_version.paths(view):
        yield Unit(path, partial(runtime_version.lower, path))
    for path in supabase.paths(view):
        yield Unit(path, partial(supabase.lower, path))
    for path in infisical.paths(view):
        yield Unit(path, partial(infisical.lower, path))
    for path in passing.paths(view):
        yield Unit(path, partial(passing.lower, path))
    for path in embedded.paths(view):
        yield Unit(path, partial(embedded.lower, path))
    for path in browser_tests.paths(view):
        yield Unit(path, partial(browser_tests.lower, path))
    yield Unit("host aliases", host_aliases.lower)
    yield Unit("configuration modules", config_module.lower)
    yield Unit("reads of the environment", env_reads.lower)
    yield Unit("secrets in settings", held_secrets.lower)
    yield Unit("migrations", migrations.lower)
