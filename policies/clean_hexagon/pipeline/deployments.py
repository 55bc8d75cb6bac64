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
    Outcome,
    Severity,
    Span,
    Undecided,
    Workflow,
    known,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options
    from policyengine.api import Happening, Span, Trigger


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
        if not deploys or not gate.is_asked(workflow, options):
            continue
        yield Compared(workflow)
        gates = gate.gates(graph, workflow, options)
        if gates:
            for finding in _ungated(graph, workflow, deploys, gates):
                if finding.subject.span not in seen:  # a job of a called workflow belongs to each that calls it
                    seen.add(finding.subject.span)
                    yield finding
        elif gate.wants_gate(graph, workflow, options):
            continue
        elif (unseen := gate.hidden(graph, workflow)) is not None:
            yield from undecided(deploys[0].job, unseen)
        else:
            yield from _without_gate(graph, workflow, deploys, options)


def _outermost(graph: Graph, deploys: list[Happening]) -> list[tuple[Job, Happening]]:
    """The jobs of the workflow file itself that deploy, each with its first deployment."""
    found: dict[str, tuple[Job, Happening]] = {}
    for deploy in deploys:
        job = gate.beside(graph, deploy.job)
        found.setdefault(job.id, (job, deploy))
    return list(found.values())


def _ungated(graph: Graph, workflow: Workflow, deploys: list[Happening], gates: list[Happening]) -> Iterator[Finding]:
    """Deployments in a workflow with a gate that do not wait for it: the first of each job."""
    before = {name for each in gates for name in (*graph.needs(each.job), each.job.id)}
    late = [each for each in deploys if not (_hands_over(each) and each.job.id in before)]
    own = {each.job.id: each for each in gates}
    seen: set[str] = set()
    for deploy in _by_job(late):
        test = own.get(deploy.job.id)
        if test is not None:
            if deploy.order < test.order:
                args = {"job": deploy.job.name}
                yield Finding(subject=deploy.job, at=deploy, variant="early", args=args, related=(deploy, test))
            continue
        needed = graph.needs(deploy.job)
        passed = next((each for each in gates if each.job.id in needed), None)
        job = gate.beside(graph, deploy.job, (passed or gates[0]).job)
        if job.id in seen:
            continue
        seen.add(job.id)
        bypass = passed is not None and _skipped_on_dispatch(graph, workflow, passed.job) and _runs_anyway(job)
        if passed is None or bypass:
            yield Finding(
                subject=job,
                at=(job.condition or job) if bypass else job,
                variant="dispatch" if bypass else "default",
                args={"job": job.name},
                related=(deploy, passed or gates[0]),
                fix=None if bypass else _need(graph, job, gate.beside(graph, gates[0].job, job)),
            )


def _by_job(deploys: list[Happening]) -> list[Happening]:
    """The first deployment of each job."""
    found: dict[str, Happening] = {}
    for each in deploys:
        found.setdefault(each.job.id, each)
    return list(found.values())


def _hands_over(deploy: Happening) -> bool:
    """Whether a deployment is a push to a registry, which a gate may need: it hands over the candidate."""
    return isinstance(deploy.activity, Deploy) and deploy.activity.tool == "ecr-push"


def _condition(job: Job) -> str:
    return known(job.condition, "") if job.condition is not None else ""


def _skipped_on_dispatch(graph: Graph, workflow: Workflow, job: Job) -> bool:
    condition = " ".join(map(_condition, graph.callers(job)))
    if "workflow_dispatch" not in workflow.events or "github.event_name" not in condition:
        return False
    return ("!=" in condition) is ("workflow_dispatch" in condition)


def _runs_anyway(job: Job) -> bool:
    condition = "".join(_condition(job).split())
    return any(word in condition for word in ("always()", "!cancelled()", "!failure()")) and "result" not in condition


def _need(graph: Graph, job: Job, wanted: Job) -> Fix:
    """The Fix that adds the gate to `needs`, mechanical where `needs` is one plain name."""
    key, span = _key(wanted), job.needs_span
    needed = [graph.get(Job, name) for name in job.needs]
    present = [_key(each) for each in needed if each is not None and each.caller == job.caller]
    edits: tuple[Edit, ...] = ()
    if span is not None and len(present) == 1 and None not in needed and span.end - span.start == len(present[0]):
        edits = (Edit(span, f"[{present[0]}, {key}]"),)
    return Fix(f"add needs: {key}", edits)


def _key(job: Job) -> str:
    """The name under which jobs of its file know a job."""
    return job.id.rpartition("#")[2].rpartition("/")[2]


def _without_gate(graph: Graph, workflow: Workflow, deploys: list[Happening], options: Options) -> Iterator[Outcome]:
    """Deployments in a workflow that has no gate and is not asked for one by HEX601."""
    follows = next((trigger for trigger in workflow.triggers if trigger.event == "workflow_run"), None)
    if follows is not None:
        yield from _following(graph, follows, deploys, options)
        return
    if options.ci.gate.scope == "deploy" and workflow.events & gate.CHANGES:
        return
    for job, deploy in _outermost(graph, deploys):
        yield Finding(
            subject=job,
            at=job,
            variant="workflow",
            args={"job": job.name, "event": started_by(workflow)},
            related=(deploy,),
            fix=Fix("deploy from the workflow that has the gate, or call it with `uses:` and need it"),
        )


def _following(graph: Graph, trigger: Trigger, deploys: list[Happening], options: Options) -> Iterator[Outcome]:
    """Deployments that another workflow's end starts."""
    upstream = [each for each in graph.all(Workflow) if each.name in trigger.workflows]
    if not upstream:
        yield Undecided(deploys[0].job, trigger.span, "the workflow that it follows is not in the repository")
        return
    gated = [each for each in upstream if gate.gates(graph, each, options)]
    if not gated and any(gate.wants_gate(graph, each, options) for each in upstream):
        return
    unchecked = [each for each in deploys if not any(map(_asks_success, (each.job, *graph.needs(each.job).values())))]
    for job, deploy in _outermost(graph, unchecked):
        yield Finding(
            subject=job,
            at=job.condition or job,
            variant="unchecked",
            args={"job": job.name, "upstream": (gated or upstream)[0].name},
            related=(deploy,),
            fix=Fix("add if: github.event.workflow_run.conclusion == 'success'"),
        )


def _asks_success(job: Job) -> bool:
    condition = _condition(job)
    return "conclusion" in condition and "success" in condition and "!=" not in condition
