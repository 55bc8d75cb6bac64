"""The gate brings up the whole stack, waits for it, and stops what fails (HEX603, HEX604)."""

from collections.abc import Iterator

from clean_hexagon.options import Options
from clean_hexagon.pipeline import gate
from clean_hexagon.pipeline.deployments import skipped_on_dispatch
from clean_hexagon.pipeline.untested import of_applications, stops, tests_before
from policyengine.api import (
    Change,
    Compared,
    ComposeUp,
    Deploy,
    Drop,
    EndToEnd,
    Finding,
    Fix,
    Graph,
    Happening,
    Located,
    Outcomes,
    Role,
    Severity,
    ShellCommand,
    Side,
    Span,
    Step,
    Swap,
    Workflow,
    known,
    rule,
    waits,
)


@rule(
    "HEX603",
    mandate="6.1",
    severity=Severity.ERROR,
    remedy="Bring up all services, with '--wait'.",
    precision="medium",
    message={
        "default": "'{job}' brings up only {started}, so ['{missing}'](1) is not tested as the cloud runs it.",
        "wait": "'{job}' [tests](1) the Compose stack without waiting until it is healthy.",
    },
)
def gate_not_canonical(graph: Graph, options: Options) -> Outcomes:
    """The gate does not bring up the whole local stack, or does not wait for it.

    With `up -d db` the application runs on the runner, built by nobody's Dockerfile; the image, its user and its health
    check are then not tested. A stack that nobody waits for fails at random, so that red runs are started again.

    Asked of the gates that HEX602 finds: services that `up` names, with what they depend on, must hold every
    application of the stack. A detached `up` needs `--wait`, or a command before the tests that waits: wait-on, curl,
    nc, sleep, a loop. A gate in a script that cannot be read to its end is not asked.
    """
    for workflow, up, test in _gates(graph, options):
        yield Compared(workflow)
        stack = up.activity
        if not isinstance(stack, ComposeUp):
            continue
        started = {each.name for each in graph.started(stack)}
        apps = [each for each in graph.containers(side=Side.LOCAL, role=Role.APP) if not each.service.profiles]
        missing = [each for each in apps if each.name not in started]
        if stack.services and missing and started:
            names = ", ".join(f"'{name}'" for name in stack.services)
            args = {"job": up.job.name, "started": names, "missing": missing[0].name}
            fix, taste = Fix("bring up all services"), not options.ci.gate
            yield Finding(subject=up.job, at=up, args=args, related=(missing[0],), fix=fix, convention=taste)
        elif stack.detached and not stack.wait and not _waited(up, test):
            yield Finding(
                subject=up.job,
                at=up,
                variant="wait",
                severity=Severity.WARNING,
                args={"job": up.job.name},
                related=(test,),
                fix=Fix("add --wait", (Swap(up.span, " up ", " up --wait "),), safe=True),
                convention=not options.ci.gate,
            )


def _gates(graph: Graph, options: Options) -> Iterator[tuple[Workflow, Happening, Happening]]:
    """The gates of the workflows that need one: where the stack comes up, and the tests; a shared place once."""
    seen: set[Span] = set()
    for workflow in graph.all(Workflow):
        for up in gate.brought_up(graph, workflow) if gate.wants_gate(graph, workflow, options) else ():
            test = gate.test_after(graph, up, options.gate.runner)
            if test is not None and up.span not in seen:
                seen.add(up.span)
                yield workflow, up, test


def _waited(up: Happening, test: Happening) -> bool:
    """Whether something between `up` and the tests waits, or may do so."""
    if isinstance(test.activity, ComposeUp):
        return True
    between = up.job.steps[up.step : test.step + 1]
    commands = (command.argv for step in between for command in step.commands)
    asked = any(waits((each.key,)) for step in between for each in step.inputs)
    return asked or any(step.gap is not None for step in between) or any(map(waits, commands))


@rule(
    "HEX604",
    mandate="6.1",
    severity=Severity.ERROR,
    remedy="Let a failure of the stack or of its tests fail the run.",
    message={
        "default": "'{job}' runs the end-to-end tests, but goes on when they fail.",
        "up": "'{job}' brings up the Compose stack, but goes on when that fails.",
        "anyway": "'{job}' [deploys](1) under a condition that also holds when [the gate](2) has failed (HEX605).",
        "tests": "'{job}' runs its tests, but goes on when they fail, and so [this](1) deploys untested (HEX605).",
        "publishes": "'{job}' runs its tests, but goes on when they fail, and so [this](1) publishes what is untested.",
        "past": "'{job}' [goes on](1) under a condition that also holds when [the tests](2) have failed (HEX605).",
    },
)
def gate_not_blocking(graph: Graph, options: Options) -> Outcomes:
    """The gate fails, and the run goes on.

    A gate that is forgiven (`continue-on-error`, `|| true`, `set +e`) is green whatever the tests say, and what is red
    for weeks is read by nobody.

    The place is what forgives: the step or job of the tests, or the command. Where only `up` is forgiven the tests
    would still fail, so that is a warning. A job that needs the gate and deploys under `always()` or `!cancelled()`,
    without asking for the result, deploys what failed; where a start by hand leaves the gate out, HEX605 says so. It is
    not enough to ask the jobs that it needs for no failure where these are only skipped when the gate fails.

    Where every test of whatever kind is forgiven that comes before a deployment, the push of an image or the release
    of a package, that is the same, and a warning of a package. A step that asks for the outcome of the tests holds them
    to it.
    """
    told: set[str] = set()
    spans: set[Span] = set()
    for workflow, up, test in _gates(graph, options):
        yield Compared(workflow)
        forgiven = _forgiven(test)
        if forgiven is not None:
            spans.add(_span(forgiven))
            fix = Fix("let the tests fail the run", _unforgiven(forgiven), safe=True)
            yield Finding(subject=test.job, at=forgiven, args={"job": test.job.name}, fix=fix)
        elif up.order != test.order and (spared := _forgiven(up)) is not None:
            fix = Fix("let the run fail when the stack does not come up", _unforgiven(spared), safe=True)
            args = {"job": up.job.name}
            yield Finding(subject=up.job, at=spared, variant="up", severity=Severity.WARNING, args=args, fix=fix)
        for deploy in gate.deploys(graph, workflow):
            job = deploy.job
            if job.id in told or test.job.id not in graph.needs(job):
                continue
            outer = graph.beside(job, test.job)
            if not stops(graph, outer, test.job) and not skipped_on_dispatch(graph, workflow, test.job):
                told.add(job.id)
                fix = Fix(f"ask for needs.{test.job.key}.result == 'success'")
                related, args = (deploy, test), {"job": outer.name}
                cause = f"{workflow.id} deploys anyway"
                yield Finding(
                    subject=outer,
                    at=outer.condition or outer,
                    variant="anyway",
                    args=args,
                    related=related,
                    fix=fix,
                    cause=cause,
                )
    for workflow in graph.all(Workflow):
        if gate.is_asked(workflow, options):
            yield from _spared(graph, workflow, told, spans)


def _spared(graph: Graph, workflow: Workflow, told: set[str], spans: set[Span]) -> Iterator[Finding]:
    """The tests before deployments and publications of a workflow of which none can stop these."""
    deploys = of_applications(graph, workflow, gate.deploys(graph, workflow))
    published = [each for each, _ in gate.published(graph, workflow)]
    for ends, variant in ((deploys, "tests"), (published, "publishes"), (_releases(graph, workflow), "publishes")):
        for end in ends:
            tests = tests_before(graph, end) if end.job.id not in told else []
            if not tests or any(each.spared is None for each in tests):
                continue
            told.add(end.job.id)
            test, at = tests[0], tests[0].spared or tests[0].job
            if at.span in spans:
                continue
            spans.add(at.span)
            job, args = graph.beside(end.job, test.job), {"job": test.job.name}
            if at is job.condition:
                fix = Fix(f"ask for needs.{test.job.key}.result == 'success'")
                related, args = (end, test.step), {"job": job.name}
                yield Finding(subject=job, at=at, variant="past", args=args, related=related, fix=fix)
                continue
            weak = isinstance(end.activity, Deploy) and end.activity.tool == "release"
            yield Finding(
                subject=test.job,
                at=at,
                variant=variant,
                severity=Severity.WARNING if weak else None,
                args=args,
                related=(end,),
                fix=Fix("let the tests fail the run", _unforgiven(at), safe=True),
                cause=f"{workflow.id} spares tests",
            )


def _releases(graph: Graph, workflow: Workflow) -> Iterator[Happening]:
    """Where packages are released, each as what its job does."""
    for job in graph.jobs(workflow):
        for number, step in enumerate(job.steps):
            for command in step.commands:
                if command.does("release"):
                    yield Happening(job, number, len(step.activities), Deploy(span=command.span, tool="release"))


def _span(at: Located | Span) -> Span:
    return at if isinstance(at, Span) else at.span


def _unforgiven(at: Located | Span) -> tuple[Change, ...]:
    """What forgives, taken away: `continue-on-error`, or the end of the command."""
    span = _span(at)
    if isinstance(at, Happening | ShellCommand):
        return (Swap(span._replace(end=span.end + len(_FORGIVEN) + 1), _FORGIVEN, ""),)
    return (Drop(span),)


_FORGIVEN = " || true"


def _forgiven(happening: Happening) -> Located | Span | None:
    """What makes a run go on when an activity fails, or None."""
    step: Step = happening.job.steps[happening.step]
    for each in (step.continue_on_error, happening.job.continue_on_error):
        if known(each, default=False):
            return each
    activity = happening.activity
    return happening if isinstance(activity, ComposeUp | EndToEnd) and activity.forgiven else None
