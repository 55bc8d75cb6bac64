"""Deployments that no test of any kind has passed before: what HEX601 and HEX605 say of a pipeline without tests."""

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from policyengine.api import Deploy, EndToEnd, Graph, Happening, Job, Step, Workflow, is_for_tests, known, words_of

_OF_IMAGES = frozenset(
    {"apprunner", "azure", "cloud-run", "cloudformation", "ecr-push", "ecs", "k8s", "pulumi", "ssm", "terraform"}
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
    the workflow that its workflow follows. A test whose failure fails nothing is none. A workflow for pull requests
    deploys previews, one that is called after tests, or tests what it has deployed, what they need.
    """
    called = PurePosixPath(workflow.path).stem
    if _is_for_changes_alone(workflow) or is_for_tests(called) or not _OTHERS.isdisjoint(words_of(called)):
        return None
    jobs = graph.jobs(workflow)
    deploys = [each for each in deploys if _tool(each) not in _PUSHES] or deploys  # of candidates, which those deploy
    deploys = [each for each in deploys if _tool(each) not in _OF_IMAGES or _builds(graph, each)]
    if not deploys or may_test(workflow):
        return None
    follows = {name for trigger in workflow.triggers for name in trigger.workflows}
    upstream = [each for each in graph.all(Workflow) if each.name in follows]
    if (follows and not upstream) or any(map(may_test, upstream)):
        return None
    if any(_runs_tests(graph, each) for each in upstream):
        return None
    return next((each for each in deploys if not (_is_tested(graph, each) or _is_tried(graph, each, jobs))), None)


def _runs_tests(graph: Graph, workflow: Workflow) -> bool:
    """Whether a workflow runs tests whose failure fails it."""
    return any(_tests(job, job.steps) for job in graph.jobs(workflow))


def _is_for_changes_alone(workflow: Workflow) -> bool:
    previews = {"pull_request", "pull_request_target"}
    return bool(workflow.events & previews) and workflow.events <= {*previews, "workflow_call", "workflow_dispatch"}


def _tool(deploy: Happening) -> str:
    return deploy.activity.tool if isinstance(deploy.activity, Deploy) else ""


def _builds(graph: Graph, deploy: Happening) -> bool:
    """Whether the job of a deployment, or one before, builds what it may deploy; of resources an image, and itself."""
    if _tool(deploy) in _OF_RESOURCES:
        return any(step.builds for step in deploy.job.steps)
    steps = [step for job in (deploy.job, *graph.needs(deploy.job).values()) for step in job.steps]
    return any(step.builds or any(command.does("build") for command in step.commands) for step in steps)


def _is_tested(graph: Graph, deploy: Happening) -> bool:
    before = graph.needs(deploy.job).values()
    own = deploy.job.steps[: deploy.step + 1]
    return _tests(deploy.job, own) or any(_tests(each, each.steps) for each in before)


def _is_tried(graph: Graph, deploy: Happening, jobs: Sequence[Job]) -> bool:
    """Whether tests come behind a deployment, which is of what they try then."""
    behind = (each for each in jobs if deploy.job.id in graph.needs(each))
    return _tests(deploy.job, deploy.job.steps[deploy.step :]) or any(_tests(each, each.steps) for each in behind)


def _tests(job: Job, steps: tuple[Step, ...]) -> bool:
    """Whether steps of a job run tests whose failure fails the job, and the job's that of others."""
    if job.continue_on_error is not None and known(job.continue_on_error, default=False):
        return False
    return any(_is_test(step) for step in steps)


def _is_test(step: Step) -> bool:
    if step.continue_on_error is not None and known(step.continue_on_error, default=False):
        return False
    if any(isinstance(each, EndToEnd) and not each.forgiven for each in step.activities):
        return True
    return any(command.does("test", "e2e") and not command.forgiven for command in step.commands)
