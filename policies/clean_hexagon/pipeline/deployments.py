"""Deployments wait for the gate (HEX605)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.pipeline import gate
from clean_hexagon.pipeline.compose_gate import started_by
from policyengine.api import (
    Compared,
    Deploy,
    Edit,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Outcome,
    Severity,
    Span,
    Undecided,
    Workflow,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from clean_hexagon.pipeline.gate import Place
    from policyengine.api import Trigger


@rule(
    "HEX605",
    mandate="6.2",
    severity=Severity.ERROR,
    message={
        "default": "'{job}' [deploys](1) without waiting for [the gate](2).",
        "early": "'{job}' [deploys](1) before [its own tests](2) have passed.",
        "workflow": "'{job}' [deploys](1) in a workflow without a gate, which '{event}' starts.",
        "unchecked": "'{job}' [deploys](1) whatever '{upstream}' came to. It must ask for conclusion == 'success'.",
        "dispatch": "'{job}' [deploys](1) on workflow_dispatch even when [the gate](2) is skipped.",
    },
)
def deploy_not_gated(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A job deploys without the gate among the jobs it needs.

    Jobs of a workflow run side by side unless `needs` orders them: the deployment then wins the race against the tests,
    and a red run has already shipped. A second workflow, started by hand or by a release, is the same hole.

    A deployment is what changes the cloud: an ECS update or deploy action, `terraform apply`, `ssm send-command` and
    their like. It is gated when the gate is in the `needs` of its job, directly or through other jobs, or when it comes
    after the tests in the same job. A push to a registry counts as one too, except in the gate's job and in the jobs
    that the gate needs: there it hands over the candidate that the gate tests.

    A workflow started by `workflow_run` is gated by the workflow it follows, if that has a gate and a job in the chain
    asks for `conclusion == 'success'`; a workflow that is not in the repository leaves it undecided.
    `workflow_dispatch` beside a gate is a bypass when the gate is skipped on it and the deployment runs under
    `always()`. A workflow for callers only is judged in its callers. Where HEX601 misses the gate itself, or asks no
    gate because there is no local stack, this rule is silent. The place is the name of the job.
    """
    if not gate.has_stack(graph):
        return
    seen: set[Span] = set()
    for workflow in graph.all(Workflow):
        deploys = gate.deploys(graph, workflow)
        if not deploys or gate.ignored(workflow, options) or not gate.events(workflow) - {"workflow_call"}:
            continue
        yield Compared(workflow)
        found = gate.gates(graph, workflow, options)
        if found:
            for finding in _ungated(graph, workflow, deploys, found):
                if finding.subject.span not in seen:  # a job of a called workflow belongs to each that calls it
                    seen.add(finding.subject.span)
                    yield finding
        elif gate.wants_gate(graph, workflow, options):
            continue
        elif (unseen := gate.hidden(graph, workflow)) is not None:
            yield from undecided(deploys[0].job, unseen)
        else:
            yield from _without_gate(graph, workflow, deploys, options)


def _by_job(deploys: list[Place]) -> Iterator[Place]:
    """The first deployment of each job."""
    seen: set[str] = set()
    for place in deploys:
        if place.job.id not in seen:
            seen.add(place.job.id)
            yield place


def _outermost(graph: Graph, deploys: list[Place]) -> list[tuple[Job, Place]]:
    """The jobs of the workflow file itself that deploy, each with its first deployment."""
    found: dict[str, tuple[Job, Place]] = {}
    for place in deploys:
        job = gate.beside(graph, place.job)
        found.setdefault(job.id, (job, place))
    return list(found.values())


def _pushes(place: Place) -> bool:
    return isinstance(place.activity, Deploy) and place.activity.tool == "ecr-push"


def _ungated(graph: Graph, workflow: Workflow, deploys: list[Place], gates: list[Place]) -> Iterator[Finding]:
    """Deployments in a workflow with a gate that do not wait for it."""
    before = {name for each in gates for name in (*gate.needs(graph, each.job), each.job.id)}
    candidates = [place for place in deploys if not (_pushes(place) and place.job.id in before)]
    early = {each.job.id: each for each in gates}
    seen: set[str] = set()
    for place in _by_job(candidates):
        args: dict[str, object] = {"job": place.job.name}
        own = early.get(place.job.id)
        if own is not None:
            if place.order < own.order:
                spans = (place.activity.span, own.activity.span)
                yield Finding(subject=place.job, at=place.activity.span, variant="early", args=args, related=spans)
            continue
        needed = gate.needs(graph, place.job)
        passed = next((each for each in gates if each.job.id in needed), None)
        job = gate.beside(graph, place.job, gates[0].job if passed is None else passed.job)
        args["job"] = job.name
        if job.id in seen:
            continue
        seen.add(job.id)
        if passed is None:
            yield Finding(
                subject=job,
                at=job,
                args=args,
                related=(place.activity.span, gates[0].activity.span),
                fix=_need(graph, job, gate.beside(graph, gates[0].job, job)),
            )
        elif _skipped_on_dispatch(graph, workflow, passed.job) and _runs_anyway(job):
            yield Finding(
                subject=job,
                at=job.condition or job.span,
                variant="dispatch",
                args=args,
                related=(place.activity.span, passed.activity.span),
            )


def _condition(job: Job) -> str:
    return job.condition.value if isinstance(job.condition, Known) else ""


def _skipped_on_dispatch(graph: Graph, workflow: Workflow, job: Job) -> bool:
    condition = " ".join(_condition(each) for each in gate.callers(graph, job))
    if "workflow_dispatch" not in gate.events(workflow) or "github.event_name" not in condition:
        return False
    named = "workflow_dispatch" in condition
    return "!=" in condition if named else "!=" not in condition


def _runs_anyway(job: Job) -> bool:
    condition = "".join(_condition(job).split())
    return any(word in condition for word in ("always()", "!cancelled()", "!failure()")) and "result" not in condition


def _need(graph: Graph, job: Job, wanted: Job) -> Fix:
    """The Fix that adds the gate to `needs`, mechanical where `needs` is one plain name."""
    key = wanted.id.rpartition("#")[2].rpartition("/")[2]
    description = f"add needs: {key}"
    span = job.needs_span
    needed = [graph.get(Job, name) for name in job.needs]
    named = [each for each in needed if each is None or each.caller == job.caller]
    if span is None or len(named) != 1 or named[0] is None:
        return Fix(description)
    present = named[0].id.rpartition("#")[2].rpartition("/")[2]
    if span.end - span.start != len(present):
        return Fix(description)
    return Fix(description, (Edit(Span(span.path, span.start, span.end), f"[{present}, {key}]"),))


def _without_gate(graph: Graph, workflow: Workflow, deploys: list[Place], options: Options) -> Iterator[Outcome]:
    """Deployments in a workflow that has no gate and is not asked for one by HEX601."""
    follows = next((trigger for trigger in workflow.triggers if trigger.event == "workflow_run"), None)
    if follows is not None:
        yield from _following(graph, follows, deploys, options)
        return
    if options.ci.gate.scope == "deploy" and gate.events(workflow) & gate.CHANGES:
        return
    for job, place in _outermost(graph, deploys):
        yield Finding(
            subject=job,
            at=job,
            variant="workflow",
            args={"job": job.name, "event": started_by(workflow)},
            related=(place.activity.span,),
            fix=Fix("deploy from the workflow that has the gate, or call it with `uses:` and need it"),
        )


def _following(graph: Graph, trigger: Trigger, deploys: list[Place], options: Options) -> Iterator[Outcome]:
    """Deployments that another workflow's end starts."""
    upstream = [each for each in graph.all(Workflow) if each.name in trigger.workflows]
    if not upstream:
        yield Undecided(deploys[0].job, trigger.span, "the workflow that it follows is not in the repository")
        return
    gated = [each for each in upstream if gate.gates(graph, each, options)]
    if not gated:
        if any(gate.wants_gate(graph, each, options) for each in upstream):
            return
        gated = upstream
    unchecked = [
        place
        for place in deploys
        if not any(_asks_success(each) for each in (place.job, *gate.needs(graph, place.job).values()))
    ]
    for job, place in _outermost(graph, unchecked):
        yield Finding(
            subject=job,
            at=job.condition or job.span,
            variant="unchecked",
            args={"job": job.name, "upstream": gated[0].name},
            related=(place.activity.span,),
            fix=Fix("add if: github.event.workflow_run.conclusion == 'success'"),
        )


def _asks_success(job: Job) -> bool:
    condition = _condition(job)
    return "conclusion" in condition and "success" in condition and "!=" not in condition
