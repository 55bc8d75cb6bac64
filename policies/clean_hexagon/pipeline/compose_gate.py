"""Workflows bring up the local stack and test it (HEX601, HEX602)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.pipeline import gate
from policyengine.api import (
    Compared,
    EndToEnd,
    Finding,
    Fix,
    Graph,
    Outcome,
    Severity,
    Span,
    Workflow,
    known,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Happening

_PREPARATION = ("checkout", "setup", "login", "credentials", "cache", "build", "bake", "qemu", "buildx", "ecr")


@rule(
    "HEX601",
    mandate="6.1",
    severity=Severity.ERROR,
    message={
        "default": (
            "'{workflow}' runs on '{event}' without bringing up the Compose stack. So no end-to-end tests run against "
            "it either (HEX602)."
        ),
        "deploys": (
            "'{workflow}' runs on '{event}' without bringing up the Compose stack. So nothing is tested end to end "
            "(HEX602) before [this](1) deploys it (HEX605)."
        ),
        "late": "'{workflow}' brings up the Compose stack only after [other work](1).",
    },
)
def workflow_without_compose_gate(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A workflow of pushes or pull requests never brings up the local Compose stack.

    The Compose file is the replica of the cloud; a run that does not start it proves nothing about what is deployed,
    and the file itself rots, because nobody but developers ever runs it. Unit tests beside a service container pass
    while the image does not even start.

    A gate is asked of each workflow that starts on `push`, `pull_request` or `merge_group` and works on the system: it
    builds an image or the code, tests, migrates or deploys. It is not asked of workflows about something else (CodeQL,
    labels, documents, audits and the like, told by the file's name), nor of tags and closed pull requests unless they
    deploy, nor of workflows that the option `ci.ignore_workflows` names. It is not asked either where there is no stack
    to bring up: no Compose file, or one with only datastores in a repository without a cloud side, which serves a
    library's tests. The option `ci.gate.scope` asks it of `all` workflows or only of those that `deploy`;
    `ci.gate.literal` wants it before everything but checkout, set-up, login and build.

    Makefile targets, package scripts, local actions and reusable workflows of the repository are followed: the gate may
    stand in any of them. A reusable workflow or a script that cannot be read leaves the question undecided. Where a
    gate is missing HEX602 and HEX605 would follow, and only this rule reports.
    """
    for workflow in graph.all(Workflow):
        if not gate.wants_gate(graph, workflow, options):
            continue
        yield Compared(workflow)
        ups = gate.ups(graph, workflow)
        if ups:
            yield from _late(workflow, ups[0]) if options.ci.gate.literal else ()
            continue
        unseen = gate.hidden(graph, workflow)
        if unseen is not None:
            yield from undecided(workflow, unseen)
            continue
        deploy = next(iter(gate.deploys(graph, workflow)), None)
        yield Finding(
            subject=workflow,
            at=workflow,
            variant="default" if deploy is None else "deploys",
            args={"workflow": workflow.path, "event": started_by(workflow)},
            related=() if deploy is None else (deploy,),
            fix=Fix("add a job that runs `docker compose up --wait` and then the end-to-end tests"),
        )


@rule(
    "HEX602",
    mandate="6.1",
    severity=Severity.ERROR,
    message={
        "default": "'{job}' brings up the Compose stack, but never runs '{runner}' against it.",
        "other": "'{job}' brings up the Compose stack, but [tests it](1) with '{found}' and not with '{runner}'.",
        "before": "'{job}' runs ['{runner}'](1) before the Compose stack is up.",
        "elsewhere": "'{job}' brings up the Compose stack, but ['{runner}'](1) runs in '{other}', on another machine.",
    },
)
def playwright_missing_after_compose(graph: Graph, options: Options) -> Iterator[Outcome]:
    """The local stack is brought up in a workflow, but Playwright does not run against it.

    A stack that starts is half the proof: that people can log in, search and save is what the end-to-end tests say.
    Without them the gate is green as soon as the containers are.

    The tests must run in the same job as the stack, since another job is another machine, and after `up`. A script, a
    Make target or a package script that resolves to `playwright test` will do, and so will a Compose service that runs
    it. One such job is enough for a workflow; a further job may bring up the stack for other tests. Another runner is
    accepted when the option `ci.gate.runner` names it; without it the message says what was found. A script that
    cannot be read leaves the question undecided. Asked of the workflows that HEX601 asks; where nothing is brought up
    only HEX601 reports.
    """
    runner = options.ci.gate.runner
    seen: set[Span] = set()
    for workflow in graph.all(Workflow):
        if not gate.wants_gate(graph, workflow, options):
            continue
        ups = gate.ups(graph, workflow)
        if ups:
            yield Compared(workflow)
        if not ups or any(gate.test_after(graph, up, runner) for up in ups):
            continue
        unseen = [step.gap for up in ups for step in up.job.steps[up.step :] if gate.hides_gate(step)]
        if unseen:
            yield from undecided(ups[0].job, *unseen)
            continue
        if ups[0].span not in seen:
            seen.add(ups[0].span)
            yield _untested(graph, workflow, ups[0], runner)


def started_by(workflow: Workflow) -> str:
    """The event to show: the first that brings a change, or the first."""
    names = [trigger.event for trigger in workflow.triggers if trigger.event != "workflow_call"]
    return next((name for name in names if name in gate.CHANGES), names[0] if names else "")


def _late(workflow: Workflow, up: Happening) -> Iterator[Finding]:
    """The finding of literal mode: the first gate starts after a step that is no preparation."""
    for step in up.job.steps[: up.step]:
        words = f"{known(step.uses, '')} {step.name}".lower()
        if not step.builds and not any(word in words for word in _PREPARATION):
            args = {"workflow": workflow.path}
            yield Finding(subject=workflow, at=up, variant="late", args=args, related=(step,))
            return


def _untested(graph: Graph, workflow: Workflow, up: Happening, runner: str) -> Finding:
    """The finding that a stack is brought up and not tested, with the tests that there are instead."""
    variant = "default"
    related: tuple[Happening, ...] = ()
    args: dict[str, object] = {"job": up.job.name, "runner": runner}
    for each in (happening for job in graph.jobs(workflow) for happening in job.happenings):
        match each.activity:
            case EndToEnd(runner=name) if name == runner and each.job.id == up.job.id:
                variant, related = "before", (each,)
            case EndToEnd(runner=name) if name == runner:
                variant, related = "elsewhere", (each,)
                args["other"] = each.job.name
            case EndToEnd(runner=name) if each.job.id == up.job.id and each.order >= up.order:
                variant, related = "other", (each,)
                args["found"] = name
            case _:
                continue
        break
    fix = Fix(f"run the {runner} tests after the stack is up") if variant == "default" else None
    return Finding(subject=up.job, at=up, variant=variant, args=args, related=related, fix=fix)
