"""GitHub Actions, CodeBuild and Cloud Build: workflows, the jobs they run, what the steps of these do.

Beside them the scripts with which people build and push images by hand.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from policyengine.hooks import hookimpl
from policyengine.platforms import Lowered, NoPart, Platform, Settings, Unit, Wanted, Written

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.repository.files import Files


TASK_FILES = (
    "Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", ".justfile", "Taskfile.yml", "Taskfile.yaml",
    "taskfile.yml", "taskfile.yaml",
)  # fmt: skip
"""The files of task runners that may build and push images."""
SCRIPTS = (".sh", ".bash")
"""What the names of shell scripts end with."""


@hookimpl
def policyengine_platforms() -> list[Platform[NoPart]]:
    """GitHub Actions, the buildspec files of CodeBuild and the configurations of Cloud Build."""
    wants = Wanted(
        names=TASK_FILES,
        endings=SCRIPTS,
        parts=(".github/workflows/", "buildspec", "cloudbuild", "cloud-build", "cloud_build"),
    )
    return [Platform(name="github", title="workflows", wants=wants, units=units, join=join, reads=reads)]


def units(view: Files, _: Settings[NoPart]) -> Iterator[Unit]:
    """Each workflow, buildspec and configuration of Cloud Build, and the composite actions."""
    from policyengine.platforms.github import (  # noqa: PLC0415  only where there are some
        buildspecs,
        by_hand,
        cloudbuild,
        declarations,
        workflows,
    )

    yield from (Unit(path, partial(workflows.lower, path)) for path in workflows.paths(view))
    yield from (Unit(path, partial(buildspecs.lower, path)) for path in buildspecs.paths(view))
    yield from (Unit(path, partial(cloudbuild.lower, path)) for path in cloudbuild.paths(view))
    yield Unit("actions", declarations.actions)
    yield Unit("by hand", by_hand.lower)


def reads(files: Files, written: Written) -> Lowered:
    """The buildspec that a text of another platform is, or names."""
    from policyengine.platforms.github import buildspecs  # noqa: PLC0415  as above

    return buildspecs.written(files, written)


def join(parts: Sequence[Lowered]) -> Lowered:
    """All workflows, some of which call others."""
    from policyengine.platforms.github import workflows  # noqa: PLC0415  as above

    return workflows.join_workflows(parts)
