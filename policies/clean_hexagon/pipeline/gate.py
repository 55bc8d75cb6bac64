"""The gate of a workflow: the local stack is brought up, and end-to-end tests run against it."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.api import (
    Absent,
    ComposeUp,
    Container,
    Datastore,
    Deploy,
    EndToEnd,
    Graph,
    Happening,
    Job,
    Known,
    Migrate,
    Role,
    Service,
    Side,
    Step,
    Trigger,
    Unknown,
    Workflow,
    is_chore,
    regex,
)

if TYPE_CHECKING:
    from clean_hexagon.options import Options

CHANGES = frozenset({"push", "pull_request", "pull_request_target", "merge_group"})
"""The events that bring a change to the system."""

_NEW_CODE = frozenset({"opened", "synchronize", "reopened", "ready_for_review", "checks_requested"})
_TOKEN = regex(r"[a-z0-9]+")
_MAY_BE_A_GATE = regex(r"e2e|end|integration|compose|docker|stack|\bup\b|start|test|ci\b|playwright|cypress")
_MAY_HIDE_A_GATE = regex(r"compose|e2e|end-to-end|integration|playwright|cypress", re.IGNORECASE)


def ups(graph: Graph, workflow: Workflow) -> list[Happening]:
    """Where each job of a workflow first brings up a Compose stack."""
    found: dict[str, Happening] = {}
    for each in _happenings(graph, workflow):
        if isinstance(each.activity, ComposeUp):
            found.setdefault(each.job.id, each)
    return list(found.values())


def deploys(graph: Graph, workflow: Workflow) -> list[Happening]:
    """Where a workflow changes the cloud."""
    return [each for each in _happenings(graph, workflow) if isinstance(each.activity, Deploy)]


def _happenings(graph: Graph, workflow: Workflow) -> list[Happening]:
    return [happening for job in graph.jobs(workflow) for happening in job.happenings]


def test_after(graph: Graph, up: Happening, runner: str) -> Happening | None:
    """The first run of the runner's tests at or after an `up` in its job; a Compose service may be what runs them."""
    for each in up.job.happenings:
        match each.activity:
            case EndToEnd(runner=name) if name == runner and each.order >= up.order:
                return each
            case ComposeUp() as stack if each.order >= up.order and _tests_itself(graph, stack, runner):
                return each
            case _:
                pass
    return None


def _tests_itself(graph: Graph, up: ComposeUp, runner: str) -> bool:
    """Whether the stack holds a service that is the test run."""
    if up.detached and not up.wait:
        return False
    return any(
        _runs_tests(container, runner) and _is_started(container.service, up)
        for container in graph.containers(side=Side.LOCAL)
    )


def _is_started(service: Service, up: ComposeUp) -> bool:
    if up.services:
        return service.name in up.services
    return not service.profiles or not set(service.profiles).isdisjoint(up.profiles)


def _runs_tests(container: Container, runner: str) -> bool:
    """Whether a container is made for the runner's tests, by its image, or runs them."""
    image = container.image.value.basename if isinstance(container.image, Known) else ""
    return runner in image.split("-") or any(
        deed.kind == "e2e" and deed.tool == runner for command in container.commands for deed in command.deeds
    )


def gates(graph: Graph, workflow: Workflow, options: Options) -> list[Happening]:
    """Where each gate of a workflow ends: after its tests, or after `up` where no job tests (HEX602 reports that)."""
    begun = ups(graph, workflow)
    tested = [test for up in begun if (test := test_after(graph, up, options.ci.gate.runner)) is not None]
    return tested or begun


def has_stack(graph: Graph) -> bool:
    """Whether there is a local stack to bring up that stands for a system, and not only for a library's tests."""
    services = list(graph.all(Service, side=Side.LOCAL))
    if any(service.role is Role.APP for service in services):
        return True
    cloud = any(True for _ in graph.all(Datastore, side=Side.CLOUD)) or any(graph.apps(Side.CLOUD))
    return bool(services) and cloud


def is_asked(workflow: Workflow, options: Options) -> bool:
    """Whether a workflow is started by anything but a call, and the configuration does not leave it out."""
    name = PurePosixPath(workflow.path).name
    left_out = any(fnmatch(name, each) or fnmatch(workflow.path, each) for each in options.ci.ignore_workflows)
    return not left_out and bool(workflow.events - {"workflow_call"})


def wants_gate(graph: Graph, workflow: Workflow, options: Options) -> bool:
    """Whether a workflow must have a gate of its own."""
    if not has_stack(graph) or not is_asked(workflow, options):
        return False
    deploying = bool(deploys(graph, workflow))
    changing = bool(workflow.events & CHANGES)
    match options.ci.gate.scope:
        case "all":
            return True
        case "deploy":
            return deploying and changing
        case "push_pr":
            if deploying:
                return changing
            chore = any(map(is_chore, _TOKEN.findall(PurePosixPath(workflow.path).stem.lower())))
            return not chore and any(map(_brings_change, workflow.triggers)) and _works(graph, workflow)


def _brings_change(trigger: Trigger) -> bool:
    """Whether an event brings new code: no tag that is put on what is there, no closed or labelled pull request."""
    if trigger.event == "push":
        return bool(trigger.branches) or not trigger.tags
    types = frozenset(trigger.types)
    return trigger.event in CHANGES and (not types or not types.isdisjoint(_NEW_CODE))


def _works(graph: Graph, workflow: Workflow) -> bool:
    """Whether a workflow builds or tests the system, or changes its schema."""
    return any(
        step.builds
        or any(isinstance(each, ComposeUp | EndToEnd | Migrate) for each in step.activities)
        or any(command.does("build", "test", "e2e") for command in step.commands)
        for job in graph.jobs(workflow)
        for step in job.steps
    )


def hidden(graph: Graph, workflow: Workflow) -> Unknown | None:
    """Why a workflow may have a gate that cannot be seen; None when all of it can be."""
    for job in graph.jobs(workflow):
        gap = job.gap or next((step.gap for step in job.steps if hides_gate(step)), None)
        if gap is not None:
            return gap
    return None


def hides_gate(step: Step) -> bool:
    """Whether what cannot be seen of a step may bring up the stack or test it: a script, or an action named so."""
    match step.uses:
        case _ if step.gap is None:
            return False
        case Absent():
            return not step.gap.about or _MAY_BE_A_GATE.search(step.gap.about) is not None
        case Known(name):
            return _MAY_HIDE_A_GATE.search(name) is not None or _MAY_HIDE_A_GATE.search(step.name) is not None
        case _:
            return True


def beside(graph: Graph, job: Job, other: Job | None = None) -> Job:
    """The job, or the one whose call it comes from, that stands in a workflow with `other`; without it the outermost.

    Only jobs of one workflow file can name one another in `needs`.
    """
    around = {each.caller for each in graph.callers(other)} if other is not None else {""}
    return next(each for each in graph.callers(job) if each.caller in around or not each.caller)
