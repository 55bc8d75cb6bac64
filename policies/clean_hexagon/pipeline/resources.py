"""Terraform defines what the cloud has (HEX609)."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from clean_hexagon.options import Options
from policyengine.api import (
    Build,
    Cache,
    CloudService,
    Compared,
    Database,
    Definitions,
    Deploy,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    Job,
    Located,
    Node,
    Outcomes,
    Role,
    Severity,
    ShellCommand,
    Side,
    Span,
    Undecided,
    UnreadModule,
    Variable,
    Workflow,
    addresses,
    is_address,
    is_dummy,
    is_for_tests,
    is_placeholder_host,
    known,
    product,
    rule,
    service_at,
    service_called,
    service_of_deployment,
    service_of_login,
    service_of_variable,
    speaks_of,
    variables,
    words_of,
)


class Hint(Struct, frozen=True):
    """What implies that the cloud has something of a managed service: who says it, where, and in which words."""

    service: CloudService
    node: Node
    at: Located | Span
    variant: str
    args: Mapping[str, object]
    host: str = ""


@rule(
    "HEX609",
    mandate="6.3",
    severity=Severity.ERROR,
    message={
        "default": "'{key}' of '{where}' leads to '{host}', but nothing in Terraform defines '{service}'.",
        "variable": "'{key}' of '{where}' is for '{service}', which nothing in Terraform defines.",
        "deploy": "'{job}' deploys to '{service}', which nothing in Terraform defines.",
        "push": "'{job}' pushes images to '{service}', which nothing in Terraform defines.",
        "store": "'{key}' of '{where}' is for ['{service}'](1), which nothing in Terraform defines.",
        "imperative": "'{job}' creates something of '{service}' with '{command}', past Terraform.",
    },
    remedy="Define it in Terraform, or name it under the option `external`.",
)
def cloud_resource_not_in_terraform(graph: Graph, options: Options) -> Outcomes:
    """The system uses something of the cloud that its Terraform does not define.

    What somebody once made in a console has no history and no twin: nobody can make a second environment, see what
    changed, or hold the local stack against it.

    Asked where the repository has Terraform. A managed service is implied by the name of its host in the variables of
    what runs in the cloud, in an env file or in a workflow, by a variable that only its clients have (`SUPABASE_URL`)
    where the value is a secret, and by what a workflow deploys to (`aws ecs`, `gcloud run deploy`, the deploy actions)
    or pushes images to (ECR). It is defined by a resource or data source of the service, or by a module of another
    repository whose name or address speaks of it, anywhere in the tree, for any environment. What is implied several
    times is one finding, at the first place. A database or cache of the stack to which a variable of the cloud leads
    (`DB_HOST`) is implied where the cloud has none at all.
    Commands of workflows that create databases, caches, clusters, queues and registries (`aws rds create-db-instance`)
    are each reported, unless they are for an emulator or a workflow deletes what it creates.

    Where the state of another root module is read the rest may be defined there. What the option `external` names
    passes: services by their names, or ends of hosts. A module of which nobody knows what it makes leaves the question
    open. Placeholders and examples imply nothing. It is a convention of the strategy, unless the option is given.
    """
    terraform = next(graph.all(Definitions), None)
    if terraform is None:
        return
    convention = not isinstance(options.external, tuple)
    for finding in _imperative(graph, options):
        yield Compared(finding.subject)
        yield finding
    told: set[str] = set()
    unread = next(graph.all(UnreadModule), None)
    for hint in _hints(graph):
        yield Compared(hint.node)
        service = hint.service
        if service.title in told or _is_external(service, hint.host, options) or terraform.elsewhere:
            continue
        if service.defined(terraform.types, terraform.modules):
            continue
        told.add(service.title)
        if unread is not None:
            reason = f"what '{unread.name}' makes is not in the repository"
            yield Undecided(hint.node, unread.span, reason)
            continue
        fix = Fix(f"define it in Terraform, or name it under the option 'external': [{service.title}]")
        yield Finding(
            subject=hint.node, at=hint.at, variant=hint.variant, args=hint.args, fix=fix, convention=convention
        )
    if not told and unread is None and not terraform.elsewhere:
        yield from _stores(graph, options)


def _stores(graph: Graph, options: Options) -> Iterator[Finding]:
    """The databases and caches of the stack to which variables of the cloud lead, where the cloud defines none."""
    apps = [each for each in graph.containers(side=Side.CLOUD, role=Role.APP) if not each.is_composed]
    given = [(app, each) for app in apps for each in app.environment.values() if is_address(each.key)]
    for kind in (Database, Cache):
        for store in graph.unpaired(kind, side=Side.LOCAL) if not any(graph.all(kind, side=Side.CLOUD)) else ():
            engine = known(store.engine, "")
            service = CloudService(product(engine), (), (), (), "")
            for app, told in given if not _is_external(service, "", options) else ():
                if speaks_of(words_of(told.key), engine):
                    fix = Fix(f"define it in Terraform, or name it under the option 'external': [{service.title}]")
                    args = {"key": told.key, "where": app.name, "service": service.title}
                    convention = not isinstance(options.external, tuple)
                    yield Finding(
                        subject=app.node,
                        at=told.key_span,
                        variant="store",
                        args=args,
                        related=(store.place,),
                        fix=fix,
                        convention=convention,
                    )
                    break


def _is_external(service: CloudService, host: str, options: Options) -> bool:
    """Whether the configuration says that it is defined in another repository."""
    named = options.external if isinstance(options.external, tuple) else ()
    return any(each.lower() == service.title.lower() or (host and host.endswith(each.lower())) for each in named)


def _hints(graph: Graph) -> Iterator[Hint]:
    """What implies a managed service, what runs in the cloud first."""
    for container in graph.deployed():
        yield from _said(container.node, container.environment)
    for file in graph.all(EnvironmentFile):
        if not file.example and not is_for_tests(file.path):
            yield from _said(file, variables(file.variables), named=False)
    for job in graph.all(Job):
        workflow = graph.get(Workflow, job.workflow)
        for happening in job.happenings:
            activity = happening.activity
            service = service_of_deployment(activity.tool) if isinstance(activity, Deploy) else None
            if service is not None:
                yield Hint(service, job, happening.span, "deploy", {"job": job.name, "service": service.title})
        yield from _pushed(graph, job)
        around = () if workflow is None else workflow.variables
        given = (*around, *job.variables, *(each for step in job.steps for each in step.environment))
        yield from _said(job, variables(given))


def _pushed(graph: Graph, job: Job) -> Iterator[Hint]:
    """The registry of a cloud that a job logs in to and pushes images to."""
    builds = (graph.get(Build, name) for step in job.steps for name in step.builds)
    if not any(build is not None and build.pushes for build in builds):
        return
    for step in job.steps:
        told = [(known(step.uses, ""), step.uses.span)]
        for words, span in (*told, *((" ".join(each.argv), each.span) for each in step.commands)):
            service = service_of_login(words)
            if service is not None:
                yield Hint(service, job, span, "push", {"job": job.name, "service": service.title})


def _said(node: Node, given: Mapping[str, Variable], *, named: bool = True) -> Iterator[Hint]:
    """The managed services that variables lead to, by hosts, and by their names where their values are not known."""
    for address in addresses(given):
        host = address.endpoint.host
        service = service_at(host)
        if service is not None and not is_placeholder_host(host) and not is_dummy(host.partition(".")[0]):
            args = {"key": address.variable.key, "where": node.name, "host": host, "service": service.title}
            yield Hint(service, node, address.span, "default", args, host)
    for key in sorted(given) if named else ():
        service = service_of_variable(key)
        if service is not None and "${{" in known(given[key].value, "${{"):  # a secret, or computed
            args = {"key": key, "where": node.name, "service": service.title}
            yield Hint(service, node, given[key].key_span, "variable", args)


def _imperative(graph: Graph, options: Options) -> Iterator[Finding]:
    """The commands of workflows that create something of a managed service, each place once."""
    seen: set[Span] = set()
    commands = [(job, command) for job in graph.all(Job) for step in job.steps for command in step.commands]
    removed = {command.arguments[:1] for _, command in commands if any("delete" in each for each in command.arguments)}
    for job, command in commands:
        service = _created(command)
        if service is None or command.span in seen or _is_emulated(graph, job, command):
            continue
        if command.arguments[:1] in removed or _is_external(service, "", options):
            continue
        seen.add(command.span)
        words = " ".join((command.program, *command.arguments[:2]))
        yield Finding(
            subject=job,
            at=command,
            variant="imperative",
            args={"job": job.name, "service": service.title, "command": words},
            fix=Fix("define it in Terraform"),
            convention=not isinstance(options.external, tuple),
        )


def _created(command: ShellCommand) -> CloudService | None:
    """The managed service of which a command creates something."""
    for deed in command.deeds:
        made = deed.kind == "provision" or (deed.kind == "prepare" and deed.tool in ("sns", "sqs"))
        if made or (deed.kind == "deploy" and command.arguments[1:2] == ("create-service",)):
            return service_called(deed.tool)
    return None


def _is_emulated(graph: Graph, job: Job, command: ShellCommand) -> bool:
    """Whether a command is for an emulator of the cloud, or runs in a container."""
    workflow = graph.get(Workflow, job.workflow)
    given = (*(() if workflow is None else workflow.variables), *job.variables, *command.assignments)
    told = any(each.key.startswith("AWS_ENDPOINT_URL") for each in given)
    steps = any(each.key.startswith("AWS_ENDPOINT_URL") for step in job.steps for each in step.environment)
    local = any(word.startswith(("--endpoint-url", "awslocal")) for word in command.argv)
    return told or steps or local or command.contained
