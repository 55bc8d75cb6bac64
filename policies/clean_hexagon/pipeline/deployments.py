"""Deployments wait for the gate (HEX605)."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from msgspec import structs

from clean_hexagon.options import Options
from clean_hexagon.pipeline import gate
from clean_hexagon.pipeline.untested import carries, of_applications
from policyengine.api import (
    Build,
    Compared,
    Deploy,
    Finding,
    Fix,
    Graph,
    Happening,
    Job,
    Outcomes,
    Put,
    Severity,
    Side,
    Span,
    Step,
    Undecided,
    Unknown,
    Workflow,
    is_chore,
    known,
    regex,
    rule,
    tag_moves,
    undecided,
    words_of,
)


@rule(
    "HEX605",
    mandate="6.2",
    severity=Severity.ERROR,
    remedy="Let the job that deploys need the gate.",
    message={
        "default": "'{job}' [deploys](1) without waiting for [the gate](2).",
        "early": "'{job}' [deploys](1) before [its own tests](2) have passed.",
        "workflow": "'{job}' [deploys](1) in a workflow without a gate, which '{event}' starts.",
        "untested": "'{job}' [deploys](1) what no test has passed before: none comes before it.",
        "unchecked": "'{job}' [deploys](1) whatever '{upstream}' came to. Ask for conclusion == 'success'.",
        "dispatch": "'{job}' [deploys](1) on workflow_dispatch even when [the gate](2) is skipped.",
    },
)
def deploy_not_gated(graph: Graph, options: Options) -> Outcomes:
    """A job deploys without the gate among the jobs it needs.

    Jobs of a workflow run side by side unless `needs` orders them: the deployment then wins the race against the tests,
    and a red run has already shipped. A second workflow, started by hand or by a release, is the same hole.

    A deployment is what changes the cloud: an ECS update or deploy action, `terraform apply`, `ssm send-command` and
    their like. It is gated when the gate is in the `needs` of its job, directly or through other jobs, or when it comes
    after the tests in the same job. A push to a registry counts as one too, except in the gate's job and in the jobs
    that the gate needs: there it hands over the candidate that the gate tests. Nor does one count by a tag of its own
    (a version, a commit), where each job that deploys behind it waits for the gate. A push to a registry of others than
    the cloud's counts where the workflow does nothing else that deploys, and production runs that image by a tag that
    moves, or the job or its workflow is called after deploying.

    A workflow started by `workflow_run` is gated by the workflow it follows, if that has a gate and a job in the chain
    asks for `conclusion == 'success'`; a workflow that is not in the repository leaves it undecided. Where
    `workflow_dispatch` stands beside it and the condition lets that pass, who starts it by hand deploys without a gate,
    which is a convention where nothing is built.
    A called workflow of another repository may deploy too, so it leaves the question open unless it needs the gate.
    `workflow_dispatch` beside a gate is a bypass when the gate is skipped on it and the deployment runs under
    `always()`. A workflow for callers only is judged in its callers. Where HEX601 misses the gate itself this rule is
    silent. Where there is no local stack, and so no gate, only what no test of any kind comes before is reported. The
    jobs of one workflow that lack the same are one finding, which names them all; its place is the name of the first.

    A convention are resources that Terraform applies, and what a workflow without a gate deploys without building it,
    or behind tests of another kind. A rollback, a restart and the like deploy nothing.
    """
    yield from _in_cloud_build(graph)
    if not gate.has_stack(graph):
        yield from _without_stack(graph, options)
        return
    seen: set[Span] = set()
    for workflow in graph.all(Workflow):
        deploys = gate.deploys(graph, workflow)
        unseen = [job for job in graph.jobs(workflow) if gate.may_work(job) or _may_deploy(job) is not None]
        if not (deploys or unseen) or not gate.is_asked(workflow, options):
            continue
        yield Compared(workflow)
        gates = gate.gates(graph, workflow, options)
        if gates:
            late = _ungated(graph, workflow, deploys, gates, stated=bool(options.ci.gate))
            found = [each for each in late if each.subject.span not in seen]
            seen.update(each.subject.span for each in found)  # a job of a called workflow belongs to each that calls it
            yield from _of_one_cause(graph, workflow, found)
            waited = {each.job.id for each in gates}
            for job in unseen:  # it may deploy
                if waited.isdisjoint(graph.needs(job)):
                    yield from undecided(job, job.gap or _may_deploy(job))
        elif gate.wants_gate(graph, workflow, options):
            continue
        elif (hidden := gate.hidden(graph, workflow)) is not None:
            yield from undecided((deploys[0].job if deploys else unseen[0]), hidden)
        elif not deploys:
            yield from undecided(unseen[0], _may_deploy(unseen[0]))
        else:
            yield from _without_gate(graph, workflow, deploys, options)


def _in_cloud_build(graph: Graph) -> Outcomes:
    """Deployments of a configuration of Cloud Build that no workflow submits, and that no test comes before."""
    started = {job for workflow in graph.all(Workflow) if workflow.triggers for job in workflow.jobs}
    steps = (step for job in graph.all(Job) if job.id in started for step in job.steps)
    submitted = {command.span.path for step in steps for command in step.commands}
    for workflow in graph.all(Workflow):
        elsewhere = not workflow.id.startswith("cloudbuild:")
        if elsewhere or workflow.path in submitted or all(map(_hands_over, gate.deploys(graph, workflow))):
            continue
        yield Compared(workflow)
        if (first := gate.deployed_untested(graph, workflow)) is not None:
            args, how = {"job": first.job.name}, Fix("run the tests in a step before")
            yield Finding(
                subject=first.job,
                at=first.job,
                variant="untested",
                args=args,
                related=(first,),
                fix=how,
                cause="untested in Cloud Build",
            )


def _without_stack(graph: Graph, options: Options) -> Outcomes:
    """Deployments where there is no stack to bring up: only those that no test at all comes before are reported.

    Asked where something is known to run in the cloud, or where the workflow builds an image.
    """
    runs = any(graph.apps(Side.CLOUD))
    for workflow in graph.all(Workflow):
        if not gate.is_asked(workflow, options) or not gate.deploys(graph, workflow):
            continue
        if not runs and not any(_builds(step) for job in graph.jobs(workflow) for step in job.steps):
            continue
        yield Compared(workflow)
        first = gate.deployed_untested(graph, workflow)
        if first is not None:
            how = Fix("run the tests before, in a job that it needs")
            args = {"job": first.job.name}
            yield Finding(
                subject=first.job,
                at=first.job,
                variant="untested",
                args=args,
                related=(first,),
                fix=how,
                cause="untested",
            )


def _builds(step: Step) -> bool:
    """Whether a step builds an image, here or on the machine that it deploys to."""
    return bool(step.builds) or any(each.remote and each.does("build") for each in step.commands)


def _of_one_cause(graph: Graph, workflow: Workflow, found: Sequence[Finding]) -> Iterator[Finding]:
    """The findings of a workflow, one for all jobs that lack the same.

    What is to be added to the `needs` of a job needs no second time to be added to those of a job that needs it.
    """
    lacking = {(each.subject.id, each.variant) for each in found}
    for each in found:
        needed = graph.needs(each.subject) if isinstance(each.subject, Job) else ()
        fix = None if any((name, each.variant) in lacking for name in needed) else each.fix
        yield structs.replace(each, fix=fix, cause=workflow.id)


def _firsts(deploys: Iterable[tuple[Job, Happening]]) -> dict[str, tuple[Job, Happening]]:
    """Each job once, with its first deployment."""
    found: dict[str, tuple[Job, Happening]] = {}
    for job, deploy in deploys:
        found.setdefault(job.id, (job, deploy))
    return found


def _ungated(
    graph: Graph, workflow: Workflow, deploys: list[Happening], gates: list[Happening], *, stated: bool
) -> Iterator[Finding]:
    """Deployments in a workflow with a gate, perhaps a `stated` one, that do not wait for it: the first of each job."""
    before = {name for each in gates for name in (*graph.needs(each.job), each.job.id)}
    own = {each.job.id: each for each in gates}
    waiting: list[tuple[Job, Happening]] = []
    late = ((each.job, each) for each in deploys if not (_hands_over(each) and each.job.id in before))
    late = ((job, each) for job, each in late if not _is_candidate(graph, each, deploys, gates))
    for job, deploy in _firsts(late).values():
        test = own.get(job.id)
        if test is None:
            nearest = next((each for each in gates if each.job.id in graph.needs(job)), gates[0])
            waiting.append((graph.beside(job, nearest.job), deploy))
        elif deploy.order < test.order:
            args = {"job": job.name}
            yield Finding(subject=job, at=deploy, variant="early", args=args, related=(deploy, test))
    for job, deploy in _firsts(waiting).values():
        passed = next((each for each in gates if each.job.id in graph.needs(deploy.job)), None)
        bypass = passed is not None and skipped_on_dispatch(graph, workflow, passed.job) and _runs_past_skipped(job)
        if passed is None or bypass:
            variant, at = ("dispatch", job.condition or job) if bypass else ("default", job)
            args, related = {"job": job.name}, (deploy, passed or gates[0])
            fix = None if bypass else _need(graph, job, graph.beside(gates[0].job, job))
            taste = not stated and not carries(graph, deploy)
            yield Finding(subject=job, at=at, variant=variant, args=args, related=related, fix=fix, convention=taste)


def _hands_over(deploy: Happening) -> bool:
    """Whether a deployment is a push to a registry, which a gate may need: it hands over the candidate."""
    return isinstance(deploy.activity, Deploy) and deploy.activity.tool in ("ecr-push", gate.PUSH)


def _is_candidate(graph: Graph, push: Happening, deploys: list[Happening], gates: list[Happening]) -> bool:
    """Whether a push is of a candidate: each job that deploys behind it waits for the gate, and nothing else runs it.

    That is so by tags of its own, and by others where none of the containers of the cloud pulls them.
    """
    behind = [each.job for each in deploys if not _hands_over(each) and push.job.id in graph.needs(each.job)]
    if not _hands_over(push) or not behind:
        return False
    passed = {each.job.id for each in gates}
    moves = any(map(tag_moves, _tags(graph, push)))
    return not (moves and gate.is_pulled(graph, push.job)) and all(
        job.id in passed or not passed.isdisjoint(graph.needs(job)) for job in behind
    )


def _tags(graph: Graph, push: Happening) -> Iterator[str]:
    """The tags that the job of a push gives, as far as they are written."""
    for step in push.job.steps:
        builds = (graph.get(Build, name) for name in step.builds)
        given = (ref for build in builds if build is not None for ref in build.references)
        yield from (ref.effective_tag or "" for ref in given if "/" in ref.text)  # others stay on the machine
        pushes = (command.argv for command in step.commands if "push" in command.argv)
        yield from (word.rpartition(":")[2] for argv in pushes for word in argv if ":" in word)


def _may_deploy(job: Job) -> Unknown | None:
    """Why a command of a job may deploy: `terraform ${{ vars.COMMAND }}`."""
    gaps = (step.gap for step in job.steps if step.gap is not None)
    return next((gap for gap in gaps if gap.about.startswith("deploy ")), None)


def _condition(*jobs: Job) -> str:
    return " ".join(known(job.condition, "") for job in jobs if job.condition is not None)


def skipped_on_dispatch(graph: Graph, workflow: Workflow, job: Job) -> bool:
    """Whether a gate is left out where somebody starts the workflow by hand."""
    condition = _condition(*graph.callers(job))
    asked = "workflow_dispatch" in workflow.events and "github.event_name" in condition
    return asked and (_OTHER.search(condition) is not None) is ("workflow_dispatch" in condition)


def _runs_past_skipped(job: Job) -> bool:
    """Whether the condition of a job lets it run although a job that it needs was skipped; `stops` asks of failures."""
    condition = "".join(_condition(job).split())
    return any(word in condition for word in ("always()", "!cancelled()", "!failure()")) and "result" not in condition


def _asks_success(job: Job) -> bool:
    return _SUCCEEDED.search(_condition(job)) is not None


_OTHER = regex(r"event_name\s*!=")
_SUCCEEDED = regex(r"conclusion\s*==\s*'success'|'success'\s*==[\s\w.]*conclusion|success[^!=]*\bconclusion\s*\)")
"""What asks for success, also as `contains(fromJSON('["success"]'), github.event.workflow_run.conclusion)`."""


def _passes_by_hand(workflow: Workflow, chain: Iterable[Job]) -> bool:
    """Whether a condition asks for the success of the workflow that this one follows, but lets a start by hand pass."""
    asked = [job for job in chain if _asks_success(job)]
    return (
        bool(asked)
        and "workflow_dispatch" in workflow.events
        and all("workflow_dispatch" in _condition(job) and "||" in _condition(job) for job in asked)
    )


def _need(graph: Graph, job: Job, wanted: Job) -> Fix:
    """The Fix that adds the gate to `needs`."""
    key, needed = wanted.key, [graph.get(Job, name) for name in job.needs]
    present = [each.key for each in needed if each is not None and each.caller == job.caller]
    if job.needs_span is None:
        return Fix(f"add needs: {key}", (Put(job.span, ("needs",), key, after=("name", "")),))
    put = Put(job.span, ("needs", "-"), key)
    return Fix(f"add needs: {key}", (put,) if present and None not in needed else ())


_BY_HAND = frozenset({"repository_dispatch", "schedule", "workflow_call", "workflow_dispatch"})
_ASKED_FOR = frozenset({"deployment", "deployment_status", "repository_dispatch", "workflow_call"})
"""Events with which something else asks for a deployment, which may have tested before."""


def _without_gate(graph: Graph, workflow: Workflow, deploys: list[Happening], options: Options) -> Outcomes:
    """Deployments in a workflow that has no gate and is not asked for one by HEX601.

    Where tests of another kind come before, or nothing is built that they could be of, that is a convention; what is
    done by hand or by the clock to a system that runs (a rollback, a restart, a restore) is none at all.
    """
    if workflow.events <= _BY_HAND and any(map(is_chore, words_of(PurePosixPath(workflow.path).stem))):
        return
    follows = next((trigger for trigger in workflow.triggers if trigger.event == "workflow_run"), None)
    upstream = [each for each in graph.all(Workflow) if follows is not None and each.name in follows.workflows]
    gated = [each for each in upstream if gate.gates(graph, each, options)]
    variant, fix = "workflow", Fix("deploy from the workflow that has the gate, or call it with `uses:` and need it")
    by_hand = [each for each in deploys if _passes_by_hand(workflow, (each.job, *graph.needs(each.job).values()))]
    if follows is not None and by_hand:
        deploys, follows = by_hand, None
    if follows is not None and not upstream:
        yield Undecided(deploys[0].job, follows.span, "the workflow that it follows is not in the repository")
        return
    if follows is not None:
        if not gated and any(gate.wants_gate(graph, each, options) for each in upstream):
            return
        variant, fix = "unchecked", Fix("add if: github.event.workflow_run.conclusion == 'success'")
        deploys = [each for each in deploys if not any(map(_asks_success, (each.job, *graph.needs(each.job).values())))]
    elif workflow.events <= _ASKED_FOR or (options.gate.scope == "deploy" and workflow.is_for_changes):
        return
    new = of_applications(graph, workflow, by_hand) if by_hand else gate.deployed_untested(graph, workflow)
    weak = not (options.ci.gate or new)
    event = "workflow_dispatch" if by_hand else workflow.main_event
    args = {"event": event, "upstream": (gated or upstream or [workflow])[0].name}
    found = []
    for job, deploy in _firsts((graph.beside(each.job), each) for each in deploys).values():
        at, told = job if follows is None else job.condition or job, args | {"job": job.name}
        if variant == "unchecked" and job.condition is None:
            asked = "github.event.workflow_run.conclusion == 'success'"
            fix = Fix(fix.description, (Put(job.span, ("if",), asked, after=("needs", "name", "")),))
        taste = weak and variant == "workflow"
        found.append(
            Finding(subject=job, at=at, variant=variant, args=told, related=(deploy,), fix=fix, convention=taste)
        )
    yield from _of_one_cause(graph, workflow, found)
