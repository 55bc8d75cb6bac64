"""Workflows, their jobs and steps, and what their commands do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes.node import Node

if TYPE_CHECKING:
    from policyengine.model.command import ShellCommand
    from policyengine.model.nodes.node import Variable
    from policyengine.model.source import Span
    from policyengine.model.value import Known, Unknown, Value


class ComposeUp(Struct, frozen=True, kw_only=True):
    """`docker compose up` or a compose action. `files` are the `-f` files (root-relative), empty for the default.

    `directory` is where it runs, relative to the root; `environment` what the step and the command set for it.
    """

    span: Span  # the command
    files: tuple[str, ...] = ()
    services: tuple[str, ...] = ()  # those it names
    profiles: tuple[str, ...] = ()  # those it switches on
    wait: bool = False  # `--wait`
    detached: bool = False  # `--detach`
    build: bool = False  # `--build`
    forgiven: bool = False  # its failure fails nothing
    environment: tuple[Variable, ...] = ()
    directory: str = ""


class EndToEnd(Struct, frozen=True, kw_only=True):
    """A run of end-to-end tests: `playwright test`, `cypress run` …; `in_container` when Compose runs it."""

    span: Span  # the command
    runner: str  # the test runner
    forgiven: bool = False  # its failure fails nothing
    in_container: bool = False


class Deploy(Struct, frozen=True, kw_only=True):
    """Something that changes the cloud: `ecs update-service`, `terraform apply`, a push to ECR, `ssm send-command`.

    `tool` is `ecs`, `terraform`, `ecr-push`, `ssm`, `copilot`, `cdk`, `lambda`, `k8s` … .
    """

    span: Span  # the command or step
    tool: str
    forgiven: bool = False  # its failure fails nothing


class Migrate(Struct, frozen=True, kw_only=True):
    """A command that changes the schema: `prisma migrate deploy`, `alembic upgrade head` …; `push` is a schema push."""

    span: Span  # the command
    tool: str  # what migrates: `prisma`, `alembic`
    push: bool = False


Activity = ComposeUp | EndToEnd | Deploy | Migrate
"""What a step may do."""


class WrittenVariable(Struct, frozen=True):
    """A variable that a step writes into an env file of the tree; one without a name is a whole file."""

    name: str  # of the variable
    path: str  # the file
    span: Span  # the command


class Step(Struct, frozen=True):
    """One step of a job, with what it does as far as it can be told.

    `given` are the names of variables that it sets in plain sight for what it deploys, `shipped` the env files that it
    copies to another machine, `written` the variables that it writes into env files of the tree, where secrets
    are at hand.
    """

    index: int  # its position, from 0
    name: str  # its title
    span: Span  # where it begins
    uses: Value[str]  # the action
    inputs: tuple[Variable, ...] = ()  # `with`
    environment: tuple[Variable, ...] = ()  # `env`
    condition: Value[str] | None = None  # `if`
    continue_on_error: Value[bool] | None = None  # whether its failure fails nothing
    commands: tuple[ShellCommand, ...] = ()  # of `run` and of the scripts it calls
    activities: tuple[Activity, ...] = ()  # what these do
    builds: tuple[str, ...] = ()  # ids of Build nodes
    given: tuple[Known[str], ...] = ()
    shipped: tuple[Known[str], ...] = ()
    written: tuple[WrittenVariable, ...] = ()
    gap: Unknown | None = None  # why the step may do more than is listed (a remote action, an unreadable script)

    @property
    def works(self) -> bool:
        """Whether it builds or tests the system, brings it up, or changes its schema."""
        return (
            bool(self.builds)
            or any(isinstance(each, ComposeUp | EndToEnd | Migrate) for each in self.activities)
            or any(command.does("build", "test", "e2e") for command in self.commands)
        )


class Happening(Struct, frozen=True):
    """An activity of a job: the position of its step in the job, and its own in the step."""

    job: Job  # where it happens
    step: int  # the position of the step in the job
    number: int  # the position of the activity in the step
    activity: Activity  # what happens

    @property
    def order(self) -> tuple[int, int]:
        """When it happens within its job."""
        return self.step, self.number

    @property
    def span(self) -> Span:
        """The place of the activity."""
        return self.activity.span


class Job(Node, frozen=True, kw_only=True):
    """A job of a workflow, with local composite actions already expanded into its steps.

    A job that calls a reusable workflow (`uses`) has no steps; the jobs it makes are nodes of their own, with the id
    `github:PATH#JOB/INNER` and the calling job as `caller`. `needs` are ids of jobs: those inside a call need the
    calling job where they need no other, and who needs the calling job needs them all. `gap` says why it may do more
    than is listed, such as a remote reusable workflow.
    """

    workflow: str  # the id of its workflow
    steps: tuple[Step, ...]  # in order
    needs: tuple[str, ...] = ()
    needs_span: Span | None = None  # where `needs` stands
    condition: Value[str] | None = None  # `if`
    environment: Value[str] | None = None  # the deployment environment
    variables: tuple[Variable, ...] = ()  # `env`
    services: tuple[str, ...] = ()  # ids of Service nodes
    outputs: tuple[Variable, ...] = ()  # what other jobs may read
    runs_on: Value[str] | None = None  # the labels of the runner
    continue_on_error: Value[bool] | None = None  # whether its failure fails nothing
    uses: Value[str] | None = None
    gap: Unknown | None = None
    caller: str = ""  # id of the job that calls the workflow it stands in

    @property
    def key(self) -> str:
        """The name under which the jobs of its file know it."""
        return self.id.rpartition("#")[2].rpartition("/")[2]

    @property
    def happenings(self) -> tuple[Happening, ...]:
        """What it does, in order."""
        return tuple(
            Happening(self, position, number, activity)
            for position, step in enumerate(self.steps)
            for number, activity in enumerate(step.activities)
        )


CHANGES = frozenset({"push", "pull_request", "pull_request_target", "merge_group"})
"""The events that bring a change to the system."""

NEW_CODE = frozenset({"opened", "synchronize", "reopened", "ready_for_review", "checks_requested"})
"""The activity types of these events with which code comes or comes again."""


class Trigger(Struct, frozen=True):
    """One event that starts a workflow (`push`, `pull_request`, `workflow_run` …) with its filters."""

    event: str  # `push`, `schedule`
    span: Span  # where it is named
    branches: tuple[str, ...] = ()  # that it is for
    tags: tuple[str, ...] = ()  # that it is for
    paths: tuple[str, ...] = ()  # that it is for
    workflows: tuple[str, ...] = ()  # of workflow_run
    types: tuple[str, ...] = ()  # of the event

    @property
    def brings_code(self) -> bool:
        """Whether it brings new code: no tag that is put on what is there, no closed or labelled pull request."""
        if self.event == "push":
            return bool(self.branches) or not self.tags
        return self.event in CHANGES and (not self.types or not NEW_CODE.isdisjoint(self.types))


class Workflow(Node, frozen=True, kw_only=True):
    """A workflow file. `path` is relative to the root.

    `jobs` are ids of Job nodes in source order, those of called workflows behind the job that calls. It is empty for
    a reusable workflow that only other workflows of the tree start: its jobs are theirs.
    """

    path: str
    triggers: tuple[Trigger, ...]  # `on`
    jobs: tuple[str, ...]
    variables: tuple[Variable, ...] = ()  # `env`

    @property
    def is_for_changes(self) -> bool:
        """Whether one of the events that bring a change starts it."""
        return not CHANGES.isdisjoint(self.events)

    @property
    def main_event(self) -> str:
        """The event to name: the first that brings a change, else the first, but for a call; empty for none."""
        names = [trigger.event for trigger in self.triggers if trigger.event != "workflow_call"]
        return next((name for name in names if name in CHANGES), names[0] if names else "")

    @property
    def events(self) -> frozenset[str]:
        """The events that start it."""
        return frozenset(trigger.event for trigger in self.triggers)
