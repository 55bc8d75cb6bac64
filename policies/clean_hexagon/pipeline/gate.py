"""The gate of a workflow: the local stack is brought up, and end-to-end tests run against it."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.api import (
    Absent,
    Activity,
    ComposeUp,
    Datastore,
    Deploy,
    EndToEnd,
    Graph,
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
    regex,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options

CHANGES = frozenset({"push", "pull_request", "pull_request_target", "merge_group"})
"""The events that bring a change to the system."""

_NOT_THE_SYSTEM = frozenset(
    """codeql labeler label labels docs doc documentation pages stale triage greetings welcome drafter dependabot
    dependency scorecard scorecards renovate changelog lock cla storybook chromatic crowdin i18n translation
    translations
    spell spelling spellcheck typos links linkcheck markdown semgrep gitleaks trufflehog trivy zizmor backport automerge
    assign commitlint semantic title sync mirror security sonar sonarqube sonarcloud snyk audit analysis lint linting
    linter format prettier eslint vulnerability vulnerabilities owasp zap scan scans sast dast sbom license
    licenses""".split()  # noqa: SIM905  words read best as words
)
_NEW_CODE = frozenset({"opened", "synchronize", "reopened", "ready_for_review", "checks_requested"})
_TOKEN = regex(r"[a-z0-9]+")
_NAMED_SCRIPT = regex(
    r"the (?:package script|target|recipe|task) '(?P<package>[^']*)' is not|"
    r"(?:what|the script) (?P<program>[\w./@-]+\.(?:[cm]?[jt]s|py|rb|php)) (?:does is not known|is not in the tree)"
)
_MAY_BE_A_GATE = regex(r"e2e|end|integration|compose|docker|stack|\bup\b|start|test|ci\b|playwright|cypress")
_MAY_HIDE_A_GATE = regex(r"compose|e2e|end-to-end|integration|playwright|cypress", re.IGNORECASE)


class Place(Struct, frozen=True):
    """An activity with the place where it happens: the job, the step, and its number within the step."""

    job: Job
    step: int
    number: int
    activity: Activity

    @property
    def order(self) -> tuple[int, int]:
        """When it happens within its job."""
        return self.step, self.number


def jobs(graph: Graph, workflow: Workflow) -> list[Job]:
    """The jobs of a workflow in source order."""
    return [job for name in workflow.jobs if (job := graph.get(Job, name)) is not None]


def activities(job: Job) -> Iterator[Place]:
    """What a job does, in order."""
    for position, step in enumerate(job.steps):
        for number, activity in enumerate(step.activities):
            yield Place(job, position, number, activity)


def first_up(job: Job) -> Place | None:
    """Where a job first brings up a Compose stack."""
    return next((place for place in activities(job) if isinstance(place.activity, ComposeUp)), None)


def test_after(graph: Graph, up: Place, runner: str) -> Place | None:
    """The first run of the runner's tests at or after an `up` in its job; a Compose service may be what runs them."""
    for place in activities(up.job):
        match place.activity:
            case EndToEnd(runner=name) if name == runner and place.order >= up.order:
                return place
            case ComposeUp() as stack if place.order >= up.order and _tests_itself(graph, stack, runner):
                return place
            case _:
                pass
    return None


def _tests_itself(graph: Graph, up: ComposeUp, runner: str) -> bool:
    """Whether the stack holds a service that is the test run."""
    if up.detached and not up.wait:
        return False
    return any(
        _runs_tests(service, runner)
        and (service.name in up.services or not up.services)
        and (not service.profiles or service.name in up.services or not set(service.profiles).isdisjoint(up.profiles))
        for service in graph.all(Service, side=Side.LOCAL)
    )


def _runs_tests(service: Service, runner: str) -> bool:
    image = service.image.value.repository if isinstance(service.image, Known) else ""
    words = [
        word
        for command in (service.entrypoint, service.command)
        if isinstance(command, Known)
        for word in command.value.words
    ]
    return runner in image.split("/")[-1].split("-") or any(runner in word for word in words)


def gates(graph: Graph, workflow: Workflow, options: Options) -> list[Place]:
    """Where each gate of a workflow ends: after its tests, or after `up` where no job tests (HEX602 reports that)."""
    ups = [up for job in jobs(graph, workflow) if (up := first_up(job)) is not None]
    tested = [test for up in ups if (test := test_after(graph, up, options.ci.gate.runner)) is not None]
    return tested or ups


def deploys(graph: Graph, workflow: Workflow) -> list[Place]:
    """Where a workflow changes the cloud."""
    return [place for job in jobs(graph, workflow) for place in activities(job) if isinstance(place.activity, Deploy)]


def needs(graph: Graph, job: Job) -> dict[str, Job]:
    """The jobs that must succeed before a job starts, directly or through others, by id."""
    found: dict[str, Job] = {}
    waiting = list(job.needs)
    while waiting:
        name = waiting.pop()
        needed = graph.get(Job, name)
        if needed is not None and name not in found:
            found[name] = needed
            waiting.extend(needed.needs)
    return found


def callers(graph: Graph, job: Job) -> list[Job]:
    """The job and those whose calls it comes from, from the inside out."""
    found = [job]
    while (caller := graph.get(Job, found[-1].caller)) is not None:
        found.append(caller)
    return found


def beside(graph: Graph, job: Job, other: Job | None = None) -> Job:
    """The job, or the one whose call it comes from, that stands in a workflow with `other`; without it the outermost.

    Only jobs of one workflow file can name one another in `needs`.
    """
    around = {each.caller for each in callers(graph, other)} if other is not None else {""}
    return next(each for each in callers(graph, job) if each.caller in around or not each.caller)


def events(workflow: Workflow) -> frozenset[str]:
    """The events that start a workflow."""
    return frozenset(trigger.event for trigger in workflow.triggers)


def has_stack(graph: Graph) -> bool:
    """Whether there is a local stack to bring up that stands for a system, and not only for a library's tests."""
    services = list(graph.all(Service, side=Side.LOCAL))
    if any(service.role is Role.APP for service in services):
        return True
    cloud = any(True for _ in graph.all(Datastore, side=Side.CLOUD)) or any(graph.apps(Side.CLOUD))
    return bool(services) and cloud


def ignored(workflow: Workflow, options: Options) -> bool:
    """Whether the configuration leaves a workflow out."""
    name = PurePosixPath(workflow.path).name
    return any(fnmatch(name, each) or fnmatch(workflow.path, each) for each in options.ci.ignore_workflows)


def wants_gate(graph: Graph, workflow: Workflow, options: Options) -> bool:
    """Whether a workflow must have a gate of its own."""
    started = events(workflow)
    if not has_stack(graph) or ignored(workflow, options) or not started - {"workflow_call"}:
        return False
    deploying = bool(deploys(graph, workflow))
    changes = any(_brings_change(trigger) for trigger in workflow.triggers)
    match options.ci.gate.scope:
        case "all":
            return True
        case "deploy":
            return deploying and bool(started & CHANGES)
        case "push_pr":
            if deploying:
                return bool(started & CHANGES)
            return changes and not _about_something_else(workflow) and _works(graph, workflow)


def _brings_change(trigger: Trigger) -> bool:
    """Whether an event brings new code: no tag that is put on what is there, no closed or labelled pull request."""
    if trigger.event == "push":
        return bool(trigger.branches) or not trigger.tags
    types = frozenset(trigger.types)
    return trigger.event in CHANGES and (not types or not types.isdisjoint(_NEW_CODE))


def _about_something_else(workflow: Workflow) -> bool:
    """Whether the name of the file says that it is about documents, labels, audits and the like."""
    return not _NOT_THE_SYSTEM.isdisjoint(_TOKEN.findall(PurePosixPath(workflow.path).stem.lower()))


def _works(graph: Graph, workflow: Workflow) -> bool:
    """Whether a workflow builds or tests the system, or changes its schema."""
    return any(
        step.builds
        or any(isinstance(each, ComposeUp | EndToEnd | Migrate) for each in step.activities)
        or any(command.does("build", "test", "e2e") for command in step.commands)
        for job in jobs(graph, workflow)
        for step in job.steps
    )


def hidden(graph: Graph, workflow: Workflow) -> Unknown | None:
    """Why a workflow may have a gate that cannot be seen; None when all of it can be."""
    for job in jobs(graph, workflow):
        gap = job.gap or next((step.gap for step in job.steps if hides_gate(step)), None)
        if gap is not None:
            return gap
    return None


def hides_gate(step: Step) -> bool:
    """Whether what cannot be seen of a step may bring up the stack or test it: a script, or an action named so."""
    if step.gap is None:
        return False
    match step.uses:
        case Absent():
            script = _NAMED_SCRIPT.search(step.gap.reason)
            return script is None or _MAY_BE_A_GATE.search(script["package"] or script["program"]) is not None
        case Known(name):
            return _MAY_HIDE_A_GATE.search(name) is not None or _MAY_HIDE_A_GATE.search(step.name) is not None
        case _:
            return True
