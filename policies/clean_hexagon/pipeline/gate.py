"""Workflows bring up the local stack and test it end to end (HEX601, HEX602)."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import PurePosixPath

from msgspec.structs import replace

from clean_hexagon.options import Options
from clean_hexagon.pipeline.untested import untested
from policyengine.api import (
    Absent,
    BrowserTests,
    Build,
    Change,
    Compared,
    ComposeUp,
    Container,
    Datastore,
    Deploy,
    EndToEnd,
    Finding,
    Fix,
    Floating,
    Graph,
    Happening,
    Job,
    Known,
    Outcomes,
    Put,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Step,
    Unknown,
    Wanted,
    Workflow,
    is_chore,
    is_preparation,
    known,
    may_be_gate,
    regex,
    rule,
    tag_moves,
    undecided,
)

_TOKEN = regex(r"[a-z0-9]+")
_PAGES = "pages"
PUSH = "push"
"""The tool of a deployment that is the push of an image which production pulls."""


def brought_up(graph: Graph, workflow: Workflow) -> list[Happening]:
    """Where each job of a workflow first brings up a Compose stack."""
    ups = [each for each in graph.happenings(workflow) if isinstance(each.activity, ComposeUp)]
    return [up for number, up in enumerate(ups) if up.job.id not in {each.job.id for each in ups[:number]}]


def deploys(graph: Graph, workflow: Workflow) -> list[Happening]:
    """Where a workflow changes the cloud; where it does nothing else for that, by pushes of what production pulls.

    Pages of GitHub are no part of the system.
    """
    found = [each for each in graph.happenings(workflow) if isinstance(each.activity, Deploy)]
    found = [each for each in found if not (isinstance(each.activity, Deploy) and each.activity.tool == _PAGES)]
    return found or _pulled(graph, workflow)


def _pulled(graph: Graph, workflow: Workflow) -> list[Happening]:
    """The pushes of images that production runs by a tag that moves, or of a job that is called after deploying."""
    pushes = published(graph, workflow)
    there = bool(pushes) and builds_there(graph)
    running: dict[str, list[Container]] = {}
    for container in graph.deployed() if pushes else ():
        for build in () if is_built_there(container, builds=there) else container.builds:
            running.setdefault(build.id, []).append(container)
    return [
        push
        for push, build in pushes
        if any(_pulls(each, build) for each in running.get(build.id, ())) or _is_to_deploy(push.job, workflow)
    ]


def builds_there(graph: Graph) -> bool:
    """Whether a command builds images on a machine that is deployed to."""
    return any(each.remote and ("--build" in each.argv or each.does("build")) for each in graph.commands())


def is_built_there(container: Container, *, builds: bool) -> bool:
    """Whether production builds what a container runs, where anything `builds` there.

    Else it pulls what a file of production gives as the image of a service that another file builds.
    """
    build, image = container.service.build, container.image
    if build is None or not isinstance(image, Known | Floating):
        return build is not None
    return builds or image.span.path == build.span.path or "/" not in image.value.repository


def is_pulled(graph: Graph, job: Job) -> bool:
    """Whether a container of the cloud runs what a job builds, or may do so, by a tag that moves; so where none is."""
    own = {name for step in job.steps for name in step.builds}
    return not any(graph.deployed()) or any(
        (not container.builds and isinstance(container.image, Unknown))
        or any(each.id in own and _pulls(container, each) for each in container.builds)
        for container in graph.deployed()
    )


def _pulls(container: Container, build: Build) -> bool:
    """Whether a container runs its image by a tag that moves and that a build gives, as far as its tags are known."""
    image = container.image
    tag = image.value.effective_tag if isinstance(image, Known | Floating) else None
    given = [each.effective_tag for each in build.references]
    return tag is not None and tag_moves(tag) and (tag in given or not any(given))


def _is_to_deploy(job: Job, workflow: Workflow) -> bool:
    """Whether a job, or the file of its workflow, is called after deploying: `deploy-production.yml`."""
    names = (job.key, PurePosixPath(workflow.path).stem)
    return any("deploy" in _TOKEN.findall(name.lower()) for name in names)


def published(graph: Graph, workflow: Workflow) -> list[tuple[Happening, Build]]:
    """The builds of a workflow that push to a registry, each as what its job does."""
    found = []
    for job in graph.jobs(workflow):
        for position, step in enumerate(job.steps):
            for build in (graph.get(Build, name) for name in step.builds):
                if build is not None and known(build.push, default=False):
                    push = Deploy(span=build.span, tool=PUSH)
                    found.append((Happening(job, position, len(step.activities), push), build))
    return found


def test_after(graph: Graph, up: Happening, runner: str) -> Happening | None:
    """The first run of the runner's tests at or after an `up` in its job; a Compose service may be what runs them."""
    for each in up.job.happenings:
        match each.activity:
            case _ if each.order < up.order:
                continue
            case EndToEnd(runner=name) if name == runner:
                return each
            case ComposeUp() as stack if stack.wait or not stack.detached:
                if any(_runs_tests(container, runner) for container in graph.started(stack)):
                    return each
    return None


def _runs_tests(container: Container, runner: str) -> bool:
    """Whether a container is made for the runner's tests, by its image, or runs them."""
    image = container.image.value.basename if isinstance(container.image, Known) else ""
    deeds = (deed for command in container.commands for deed in command.deeds)
    return runner in image.split("-") or any(deed.kind == "e2e" and deed.tool == runner for deed in deeds)


def gates(graph: Graph, workflow: Workflow, options: Options) -> list[Happening]:
    """Where each gate of a workflow ends: after its tests, or after `up` where no job tests (HEX602 reports that)."""
    ups = brought_up(graph, workflow)
    return [test for up in ups if (test := test_after(graph, up, options.gate.runner)) is not None] or ups


def has_stack(graph: Graph) -> bool:
    """Whether there is a local stack to bring up that stands for a system, and not only for a library's tests."""
    roles = {service.role for service in graph.all(Service, side=Side.LOCAL)}
    cloud = any(True for _ in graph.all(Datastore, side=Side.CLOUD)) or any(graph.apps(Side.CLOUD))
    return Role.APP in roles or (bool(roles) and cloud)


def is_asked(workflow: Workflow, options: Options) -> bool:
    """Whether a workflow is started by anything but a call, and the configuration does not leave it out."""
    name = PurePosixPath(workflow.path).name
    left_out = any(fnmatch(name, each) or fnmatch(workflow.path, each) for each in options.ci.ignore_workflows)
    return not left_out and bool(workflow.events - {"workflow_call"})


def wants_gate(graph: Graph, workflow: Workflow, options: Options) -> bool:
    """Whether a workflow must have a gate of its own."""
    if not has_stack(graph) or not is_asked(workflow, options):
        return False
    if options.gate.scope == "all":
        return True
    if options.gate.scope == "deploy" or deploys(graph, workflow):
        return workflow.is_for_changes and bool(deploys(graph, workflow))
    chore = any(map(is_chore, _TOKEN.findall(PurePosixPath(workflow.path).stem.lower())))
    jobs = graph.jobs(workflow)
    works = any(step.works for job in jobs for step in job.steps) or any(map(may_work, jobs))
    return works and not chore and any(trigger.brings_code for trigger in workflow.triggers)


def may_work(job: Job) -> bool:
    """Whether a job calls a workflow that cannot be seen, and whose name is not that of a chore."""
    uses = known(job.uses, "")
    called = PurePosixPath(uses.partition("@")[0]).stem.lower()
    return job.gap is not None and not any(map(is_chore, _TOKEN.findall(called)))


def hidden(graph: Graph, workflow: Workflow) -> Unknown | None:
    """Why a workflow may have a gate that cannot be seen; None when all of it can be."""
    jobs = graph.jobs(workflow)
    gaps = (job.gap or next((step.gap for step in job.steps if hides_gate(step)), None) for job in jobs)
    return next((gap for gap in gaps if gap is not None), None)


def deployed_untested(graph: Graph, workflow: Workflow) -> Happening | None:
    """The first deployment of an application that no test at all has passed, here or in a workflow it follows."""
    found = deploys(graph, workflow)
    pushed = [each for each in _pulled(graph, workflow) if each not in found]
    return untested(graph, workflow, [*found, *pushed], lambda each: hidden(graph, each) is not None)


def hides_gate(step: Step) -> bool:
    """Whether what cannot be seen of a step may bring up the stack or test it: a script, or an action named so."""
    match step.uses:
        case _ if step.gap is None:
            return False
        case Absent():
            return not step.gap.about or may_be_gate(step.gap.about)
        case Known(name):
            return any(may_be_gate(each, action=True) for each in (name, step.name))
        case _:
            return True


@rule(
    "HEX601",
    mandate="6.1",
    severity=Severity.ERROR,
    remedy="Add a job that brings the stack up with 'docker compose up --wait' and then runs the end-to-end tests.",
    precision="medium",
    message={
        "default": (
            "'{workflow}' runs on '{event}' without bringing up the Compose stack. So no end-to-end tests run against "
            "it either (HEX602)."
        ),
        "deploys": (
            "'{workflow}' runs on '{event}' without bringing up the Compose stack. So nothing is tested end to end "
            "(HEX602) before [this](1) deploys it (HEX605)."
        ),
        "publishes": (
            "'{workflow}' runs on '{event}' without bringing up the Compose stack. So nothing is tested end to end "
            "(HEX602) before [this](1) publishes the image (HEX605)."
        ),
        "untested": (
            "'{workflow}' [deploys](1) on '{event}' what no test has passed before: none comes before it, nor "
            "does the Compose stack (HEX605)."
        ),
        "late": "'{workflow}' brings up the Compose stack only after [other work](1).",
    },
)
def workflow_without_compose_gate(graph: Graph, options: Options) -> Outcomes:
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

    What no test at all has passed before it is deployed, neither in its workflow nor in one that this follows, is no
    convention, whatever other workflows test, for which the deployment does not wait. Not so where a workflow only
    deploys what others have built (also by a machine that pulls it), or applies resources, or deploys previews of pull
    requests or what its own tests try. The workflows of which that holds are one finding, which names them all.

    Makefile targets, package scripts, local actions and reusable workflows of the repository are followed: the gate may
    stand in any of them. A reusable workflow or a script that cannot be read leaves the question undecided. Where a
    gate is missing HEX602 and HEX605 would follow, and only this rule reports.
    """
    for workflow in graph.all(Workflow):
        if not wants_gate(graph, workflow, options):
            continue
        yield Compared(workflow)
        ups = brought_up(graph, workflow)
        if ups:
            yield from _late(workflow, ups[0]) if options.gate.literal else ()
            continue
        unseen = hidden(graph, workflow)
        if unseen is not None:
            yield from undecided(workflow, unseen)
            continue
        deployed = tuple(deploys(graph, workflow)[:1])
        related = deployed or tuple(push for push, _ in published(graph, workflow)[:1])
        args = {"workflow": workflow.path, "event": workflow.main_event}
        how = "add a job that runs `docker compose up --wait` and then the end-to-end tests"
        fix = Fix(how, _gate_job(graph, workflow, options))
        variant = "deploys" if deployed else "publishes" if related else "default"
        taste = not options.ci.gate
        if (first := deployed_untested(graph, workflow)) is not None:
            variant, related, taste = "untested", (first,), False
            args["name"] = workflow.name  # the workflows of which that holds are one finding
        yield Finding(
            subject=workflow,
            at=workflow,
            variant=variant,
            args=args,
            related=related,
            fix=fix,
            convention=taste,
            cause="untested" if variant == "untested" else "",
        )


@rule(
    "HEX602",
    mandate="6.1",
    severity=Severity.ERROR,
    remedy="Run the end-to-end tests after the stack is up.",
    precision="medium",
    message={
        "default": "'{job}' brings up the Compose stack, but never runs '{runner}' against it.",
        "other": "'{job}' brings up the Compose stack, but [tests it](1) with '{found}' and not with '{runner}'.",
        "before": "'{job}' runs ['{runner}'](1) before the Compose stack is up.",
        "elsewhere": "'{job}' brings up the Compose stack, but ['{runner}'](1) runs in '{other}', on another machine.",
    },
)
def playwright_missing_after_compose(graph: Graph, options: Options) -> Outcomes:
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
    runner = options.gate.runner
    seen: set[Span] = set()
    for workflow in graph.all(Workflow):
        if not wants_gate(graph, workflow, options):
            continue
        ups = brought_up(graph, workflow)
        if ups:
            yield Compared(workflow)
        if not ups or any(test_after(graph, up, runner) for up in ups):
            continue
        unseen = [step.gap for up in ups for step in up.job.steps[up.step :] if hides_gate(step)]
        if unseen:
            yield from undecided(ups[0].job, *unseen)
            continue
        if ups[0].span not in seen:
            seen.add(ups[0].span)
            found = _untested(graph, workflow, ups[0], runner)
            yield replace(found, convention=not options.ci.gate)


def _late(workflow: Workflow, up: Happening) -> Iterator[Finding]:
    """The finding of literal mode: the first gate starts after a step that is no preparation."""
    for step in up.job.steps[: up.step]:
        if not step.builds and not is_preparation(f"{known(step.uses, '')} {step.name}"):
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
    fix = None
    if variant == "default":
        tests = _tests(graph, up.job) if runner == "playwright" else ""
        step: dict[str, Wanted] = {"name": "End-to-end tests", "run": tests}
        behind = _last_before_end(up).span
        edits = (Put(behind, ("-",), step, behind=behind),) if tests else ()
        fix = Fix(f"run the {runner} tests after the stack is up", edits)
    return Finding(subject=up.job, at=up, variant=variant, args=args, related=related, fix=fix)


_INSTALL = {"pnpm-lock.yaml": "pnpm install --frozen-lockfile", "yarn.lock": "yarn install --immutable"}


def _last_before_end(up: Happening) -> Step:
    """The last step behind the start of the stack that prepares it: none under a condition, nor one that stops it."""
    found = up.job.steps[up.step]
    for step in up.job.steps[up.step + 1 :]:
        if step.condition is not None or any("down" in command.argv for command in step.commands):
            break
        found = step
    return found


def _tests(graph: Graph, job: Job | None = None) -> str:
    """The commands that run the one suite of Playwright at the root; those that install it where a job does not."""
    suites = [each for each in graph.all(BrowserTests) if each.directory in ("", ".")]
    if len(suites) != 1 or "package.json" not in graph.paths:
        return ""
    lock = next((each for each in _INSTALL if each in graph.paths), "")
    install = _INSTALL.get(lock, "npm ci")
    runner = "npx" if install == "npm ci" else f"{install.partition(' ')[0]} exec"
    run = {command.argv[:2] for step in job.steps for command in step.commands} if job is not None else set()
    lines = [] if tuple(install.split()[:2]) in run else [install]
    if ("playwright", "install") not in run:
        lines.append(f"{runner} playwright install --with-deps")
    return "\n".join([*lines, f"{runner} playwright test\n"])


def _gate_job(graph: Graph, workflow: Workflow, options: Options) -> tuple[Change, ...]:
    """A job that is the gate, and that those which deploy need."""
    tests, jobs = _tests(graph), graph.jobs(workflow)
    key = next((each for each in _KEYS if all(job.key != each for job in jobs)), "")
    deploying = list({each.job.id: each.job for each in deploys(graph, workflow)}.values())
    if not tests or options.gate.runner != "playwright" or not key or any(each.caller for each in deploying):
        return ()
    own = [known(step.uses, "") for job in (*jobs, *graph.all(Job)) for step in job.steps]
    checkout = next((each for each in own if each.startswith("actions/checkout@")), "actions/checkout@v4")
    steps = (
        {"uses": checkout},
        {"name": "Start the stack", "run": "docker compose up --detach --wait"},
        {"name": "End-to-end tests", "run": tests},
    )
    job: dict[str, Wanted] = {"runs-on": "ubuntu-latest", "steps": steps}
    needs = [("needs",) if each.needs_span is None else ("needs", "-") for each in deploying]
    waits = (Put(each.span, way, key, after=("name", "")) for each, way in zip(deploying, needs, strict=True))
    return (Put(workflow.span, ("jobs", key), job), *waits)


_KEYS = ("gate", "end-to-end")
