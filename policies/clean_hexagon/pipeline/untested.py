"""Deployments that no test of any kind has passed before: what HEX601 and HEX605 say of a pipeline without tests."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from policyengine.api import (
    Build,
    Deploy,
    EndToEnd,
    Graph,
    Happening,
    Job,
    Located,
    Step,
    Workflow,
    is_for_tests,
    known,
    regex,
    words_of,
)

_OF_IMAGES = frozenset(
    {
        "apprunner",
        "azure",
        "cloud-run",
        "cloudformation",
        "ecr-push",
        "ecs",
        "gitops",
        "k8s",
        "pulumi",
        "ssm",
        "terraform",
    }
)
"""What may deploy an image, or resources, that others have made: asked where its job or one before builds."""

_OF_RESOURCES = frozenset({"cloudformation", "pulumi", "terraform"})
_PUSHES = frozenset({"ecr-push", "push"})
_OTHERS = frozenset({"base", "docs", "preview", "previews", "storybook"})
"""Words in the name of a workflow that deploys something to look at, or what others are built on."""


def untested(
    graph: Graph, workflow: Workflow, deploys: Sequence[Happening], may_test: Callable[[Workflow], bool]
) -> Happening | None:
    """The first of the deployments of a workflow that is of an application and that no test comes before, if any.

    None as well where a workflow `may_test` unseen. Before it come the steps of its job, the jobs that this needs, and
    the workflow that its workflow follows. Tests that stop nothing are HEX604's. A workflow for pull requests deploys
    previews, one that is called after tests, or tests what it has deployed, what they need.
    """
    deploys = of_applications(graph, workflow, deploys)
    if not deploys or may_test(workflow):
        return None
    follows = {name for trigger in workflow.triggers for name in trigger.workflows}
    upstream = [each for each in graph.all(Workflow) if each.name in follows]
    if (follows and not upstream) or any(map(may_test, upstream)):
        return None
    if any(_runs_tests(graph, each) for each in upstream):
        return None
    jobs = graph.jobs(workflow)
    return next((each for each in deploys if not (tests_before(graph, each) or _is_tried(graph, each, jobs))), None)


def of_applications(graph: Graph, workflow: Workflow, deploys: Sequence[Happening]) -> list[Happening]:
    """Those of the deployments of a workflow that are of an application which is built there, and no previews."""
    called = PurePosixPath(workflow.path).stem
    if _is_for_changes_alone(workflow) or is_for_tests(called) or not _OTHERS.isdisjoint(words_of(called)):
        return []
    built = [each for each in deploys if not _is_of_images(each) or _builds(graph, each)]
    pushed = {each.job.id for each in built if _tool(each) in _PUSHES}
    behind = (each for each in deploys if _tool(each) not in _PUSHES)
    others = [each for each in behind if each in built or not pushed.isdisjoint(graph.needs(each.job))]
    return others or built  # pushes of candidates, which those deploy


def carries(graph: Graph, deploy: Happening) -> bool:
    """Whether a deployment may bring new code, and does not only apply resources."""
    return _tool(deploy) not in _OF_RESOURCES or _builds(graph, deploy)


class Tested(NamedTuple):
    """A step that runs tests before something, in a job; what lets that go on when they fail, if anything does."""

    job: Job
    step: Step
    spared: Located | None


def tests_before(graph: Graph, deploy: Happening) -> list[Tested]:
    """The tests before a deployment: in the steps of its job before it, and in the jobs that this needs.

    To wait for what other workflows say of the commit is to be tested too.
    """
    found = [*_tests(deploy.job, deploy.job.steps[: deploy.step + 1], within=True)]
    for job in graph.needs(deploy.job).values():
        let = None if stops(graph, deploy.job, job) else graph.beside(deploy.job, job).condition
        found += (each if each.spared is not None else each._replace(spared=let) for each in _tests(job, job.steps))
    return found


def stops(graph: Graph, job: Job, needed: Job) -> bool:
    """Whether a job does not run when one that it needs, directly or through others, has failed.

    Under `always()` and `!cancelled()` it runs, but for what its condition asks of the jobs that it needs directly:
    one of these that was skipped since what it needs had failed is no failure.
    """
    job = graph.beside(job, needed)
    condition = "".join(known(job.condition, "").split())
    if not any(word in condition for word in ("always()", "!cancelled()")) or "failure()" in condition:
        return True
    direct = [each for name in job.needs if (each := graph.get(Job, name)) is not None]
    behind = {graph.beside(each, job).key for each in direct if each.id == needed.id or needed.id in graph.needs(each)}
    if any(f"needs.{key}.outputs." in condition for key in behind):
        return True
    if needed.id in job.needs:
        return "result" in condition
    return "'skipped'" in condition or any(f"needs.{key}.result=='success'" in condition for key in behind)


def _runs_tests(graph: Graph, workflow: Workflow) -> bool:
    """Whether a workflow runs tests whose failure fails it."""
    return any(each.spared is None for job in graph.jobs(workflow) for each in _tests(job, job.steps))


def _is_for_changes_alone(workflow: Workflow) -> bool:
    """Whether it is for open pull requests, and for nothing else but a start by hand or a call."""
    previews = [each for each in workflow.triggers if each.event in ("pull_request", "pull_request_target")]
    asked = workflow.events - {"pull_request", "pull_request_target", "workflow_call", "workflow_dispatch"}
    return not asked and any(each.brings_code for each in previews)


def _tool(deploy: Happening) -> str:
    return deploy.activity.tool if isinstance(deploy.activity, Deploy) else ""


def _is_of_images(deploy: Happening) -> bool:
    """Whether what deploys takes what others have built: by its tool, or since the machine pulls and builds nothing."""
    commands = [each for each in deploy.job.steps[deploy.step].commands if "docker" in each.program]
    pulls = any("pull" in each.argv for each in commands)
    builds = any("--build" in each.argv or each.does("build") for each in commands)
    return _tool(deploy) in _OF_IMAGES or (pulls and not builds)


def _builds(graph: Graph, deploy: Happening) -> bool:
    """Whether the job of a deployment, or one before, builds what it may deploy; of resources an image."""
    before = [step for job in graph.needs(deploy.job).values() for step in job.steps]
    if _tool(deploy) in _OF_RESOURCES:
        builds = (graph.get(Build, name) for step in before for name in step.builds)
        pushed = any(each is not None and known(each.push, default=False) for each in builds)
        return pushed or any(step.builds for step in deploy.job.steps)
    steps = (*deploy.job.steps, *before)
    return any(step.builds or any(command.does("build") for command in step.commands) for step in steps)


def _is_tried(graph: Graph, deploy: Happening, jobs: Sequence[Job]) -> bool:
    """Whether tests come behind a deployment, which is of what they try then."""
    behind = (each for each in jobs if deploy.job.id in graph.needs(each))
    tests = [
        *_tests(deploy.job, deploy.job.steps[deploy.step :]),
        *(test for job in behind for test in _tests(job, job.steps)),
    ]
    return any(each.spared is None for each in tests)


def _tests(job: Job, steps: Sequence[Step], *, within: bool = False) -> Iterator[Tested]:
    """The steps of a job that run tests, each with what spares their failure: the step, the command, or the job.

    The job does not for what comes `within` it.
    """
    for step in steps:
        tests = [each for each in step.commands if each.does("test", "e2e")]
        ends = [each for each in step.activities if isinstance(each, EndToEnd)]
        if not tests and not ends:
            if _waits(step):
                yield Tested(job, step, None)
            continue
        let = (step.continue_on_error, *(() if within else (job.continue_on_error,)))
        spared: Located | None = next((each for each in let if known(each, default=False)), None)
        if spared is not None and any(map(_asks_outcome, job.steps[step.index + 1 :])):
            spared = None
        forgiven: list[tuple[Located, bool]] = [*((each, each.forgiven) for each in tests)]
        forgiven += ((each, each.forgiven) for each in ends)
        if spared is None and all(each for _, each in forgiven):
            spared = forgiven[0][0]
        yield Tested(job, step, spared)


def _waits(step: Step) -> bool:
    """Whether a step waits for what other workflows say of the commit: by an action, a command, or the API."""
    said = set(words_of(known(step.uses, "").partition("@")[0]))
    if not said.isdisjoint(("await", "wait")) and not said.isdisjoint(_CHECKS):
        return True
    text = "\n".join(" ".join(word.text for word in command.words) for command in step.commands)
    return _OF_COMMIT.search(text) is not None or ("conclusion" in text and _OF_RUNS.search(text) is not None)


_OF_COMMIT = regex(r"\bgh (?:run watch|pr checks)\b|/check-(?:runs|suites)\b|/commits/\S+/status\b")
_OF_RUNS = regex(r"\bgh run (?:list|view)\b|/actions/(?:workflows/\S+/)?runs\b")
"""What asks GitHub for the runs of workflows, of which only their conclusion tells whether they passed."""


_CHECKS = frozenset({"check", "checks", "ci", "status", "statuses", "workflow", "workflows"})


def _asks_outcome(step: Step) -> bool:
    """Whether a step asks what came of another one, whose failure failed nothing itself."""
    texts = [step.condition, *(each.value for each in step.environment)]
    said = [known(each, "") for each in texts if each is not None]
    said += [word.text for command in step.commands for word in command.words]
    return any(".outcome" in each for each in said)
