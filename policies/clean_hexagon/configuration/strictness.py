"""What the config module checks is never passed by (HEX312, HEX314)."""

from collections.abc import Iterator, Sequence

from clean_hexagon.containerization.users import published_stages
from clean_hexagon.options import Options
from clean_hexagon.parts import lender
from policyengine.api import (
    Compared,
    ConfigKey,
    ConfigModule,
    Container,
    Drop,
    EndToEnd,
    Finding,
    Fix,
    Graph,
    Job,
    Known,
    Origin,
    Outcomes,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    addresses,
    holds_all_of,
    is_for_tests,
    known,
    rule,
    secrecy,
    secrecy_of_value,
    speaks_of_development,
    undecided,
    unset,
    variables,
)

_OFF = frozenset({"", "0", "false", "no", "off"})


@rule(
    "HEX312",
    mandate="3.3",
    severity=Severity.ERROR,
    remedy="Take the default away, so that a missing variable throws at start-up.",
    message={
        "default": "'{keys}' silently falls back to what '{path}' holds.",
        "asserted": "'{path}' asserts that '{keys}' is set, but does not check it.",
    },
)
def config_not_strict(graph: Graph, _: Options) -> Outcomes:
    """The configuration module goes on without a variable that a deployed application needs.

    A fallback such as `JWT_SECRET ?? "secret"` or `.default("http://localhost:3000")` makes a missing variable look
    like a set one: the container becomes healthy and signs with a key that everybody can read, or calls itself.
    `process.env.X!` only silences the compiler.

    Asked of the modules of applications that the cloud runs or the pipeline publishes, and of other files to which what
    their containers start leads by its imports. A variable is needed where its name is that of a secret, or where its
    default is an address of the machine itself and a deployed container sets it; where neither a deployed container nor
    its twin on the laptop sets the secret, a fallback is a warning, since its feature may be off. Empty defaults, flags
    and numbers switch a feature off and pass, and so do parts of a store's address where containers have the whole
    (`DB_PASSWORD` beside `DATABASE_URL`), defaults that hold only outside of production, those that are computed or
    compared with what is set, and addresses of the container itself that it is given, or of those of the same task.
    Assertions are asked of modules that check other variables (HEX311 speaks of those that check nothing), for
    variables that a deployed container sets. One finding a file and kind, at the first place; values are not shown.
    """
    users: dict[str, list[Container]] = {}
    modules: dict[str, ConfigModule] = {}
    published = (graph.container(stage) for stage in published_stages(graph))
    for container in (*graph.deployed(role=Role.APP), *published):
        module = lender(graph, container).config
        if module is not None and not is_for_tests(module.path):
            modules[module.id] = module
            users.setdefault(module.id, []).append(container)
    for module, containers in ((modules[each], users[each]) for each in sorted(users)):
        yield Compared(module)
        given = {
            key
            for container in containers
            for key, variable in container.environment.items()
            if variable.origin is not Origin.IMAGE
        }
        near = {port for each in containers for port in _beside(graph, each)}
        own = {each.variable.key for one in containers for each in one.addresses if each.endpoint.loopback}
        used = given | _set_by_twins(graph, containers)
        for keys in _by_file(graph, module, containers):
            fallen = [key for key in keys if falls_back(key, given - own, near) and not held_whole(key, containers)]
            if fallen:
                severity = None if any(key.key in used for key in fallen) else Severity.WARNING
                how = "take the default away, so that a missing variable throws"
                yield _found(module, fallen, "default", how, severity)
        asserted = [key for key in module.keys if key.asserted and key.key in given] if module.library else []
        if asserted:
            yield _found(module, asserted, "asserted", "check it with the others", None)


def _by_file(graph: Graph, module: ConfigModule, containers: Sequence[Container]) -> Iterator[Sequence[ConfigKey]]:
    """The variables of a config module, and those that other files read to which what the containers start leads."""
    yield module.keys
    own = {key.key for key in module.keys}
    files: dict[str, dict[str, ConfigKey]] = {}
    others = {key.span: key for each in containers for key in lender(graph, each).keys if key.key not in own}
    for key in others.values():
        if not is_for_tests(key.span.path) and not speaks_of_development(key.span.path.rpartition("/")[2]):
            files.setdefault(key.span.path, {}).setdefault(key.key, key)
    yield from (list(files[path].values()) for path in sorted(files))


def _found(
    module: ConfigModule, keys: Sequence[ConfigKey], variant: str, how: str, severity: Severity | None
) -> Finding:
    first = keys[0].default if variant == "default" else keys[0].span
    path = keys[0].span.path if variant == "default" else module.path  # what it imports may hold the default
    args = {"keys": ", ".join(key.key for key in keys), "path": path}
    edits = tuple(Drop(key.default.span) for key in keys) if variant == "default" else ()
    return Finding(
        subject=module,
        at=first,
        variant=variant,
        severity=severity,
        args=args,
        fix=Fix(how, edits),
        cause=args["keys"] if path == module.name else "",
    )


def _beside(graph: Graph, container: Container) -> Iterator[int]:
    """The ports at which containers of the same task listen, which share localhost."""
    if not container.is_composed and isinstance(container.node, Service):
        for each in graph.neighbours(container):
            yield from each.listens


def _set_by_twins(graph: Graph, containers: Sequence[Container]) -> set[str]:
    """The variables that the laptop sets for twins of containers whose environment is all known: they are in use."""
    whole = [each for each in containers if each.environment_gap is None]
    twins = [twin for each in whole if isinstance(twin := graph.mirror(each.node), Service)]
    return {variable.key for twin in twins for variable in twin.environment}


def held_whole(key: ConfigKey, containers: Sequence[Container]) -> bool:
    """Whether every container has the whole address of the store, or setting, instead, of which a variable is part."""
    return key.key not in containers[0].environment and all(
        key.met(each.environment) or any(holds_all_of(name, key.key) for name in each.environment if name != key.key)
        for each in containers
    )


def falls_back(key: ConfigKey, given: set[str], near: set[int]) -> bool:
    """Whether a variable that is needed has a default that works and should not."""
    if not isinstance(key.required, Known) or key.required.value or key.client or key.alternatives:
        return False
    text = known(key.default, "").strip()
    if (
        not any(map(str.isalnum, text))
        or text.lower() in _OFF
        or text.isdecimal()
        or secrecy_of_value(text) is not None
    ):
        return False
    if secrecy(key.key) == "secret":
        return "://" not in text
    local = addresses({key.key: Variable(key.key, key.span, key.default)})
    return key.key in given and any(each.endpoint.loopback and each.endpoint.port not in near for each in local)


@rule(
    "HEX314",
    mandate="3.3",
    severity=Severity.ERROR,
    remedy="Set the switch for the build only, and not in the image or the environment that runs.",
    message={
        "default": "'{key}' switches the check of [the environment](1) off in the {what} '{name}'.",
        "job": "'{key}' switches the check of [the environment](1) off while '{name}' tests the application.",
    },
)
def validation_bypassed(graph: Graph, _: Options) -> Outcomes:
    """A container runs with the switch that turns the check of its environment off.

    `skipValidation: !!process.env.SKIP_ENV_VALIDATION` is there for builds, which have no secrets. Set where the
    application runs, nothing tells that a variable is missing, on the side where it is set.

    Looked at are the variables in force in containers of both sides (what Compose or the task sets, and the ENV of the
    final stage), and those of steps that run end-to-end tests against the application on the runner. A builder stage
    and an assignment in a RUN hold for the build only. What sets it for several containers is one finding. `0`,
    `false`, `no`, `off` and an empty text are taken for what leaves it on: most checks compare.
    """
    switches: dict[str, Known[str]] = {}
    seen: set[Span] = set()
    for side in (Side.LOCAL, Side.CLOUD):
        for container in graph.containers(side=side):
            module = container.config
            if module is None or module.bypass is None or container.role not in (Role.APP, Role.JOB):
                continue
            yield Compared(container.node)
            yield from undecided(container.node, module.bypass)
            if not isinstance(module.bypass, Known):
                continue
            switches[module.bypass.value] = module.bypass
            variable = container.environment.get(module.bypass.value)
            if variable is None:
                yield from undecided(container.node, container.environment_gap)
            elif isinstance(variable.value, Unknown):
                yield from undecided(container.node, variable.value)
            elif known(variable.value, "").strip().lower() not in _OFF and variable.key_span not in seen:
                seen.add(variable.key_span)
                yield Finding(
                    subject=container.node,
                    at=variable.key_span,
                    args={"key": variable.key, "what": container.noun, "name": container.name},
                    related=(module.bypass,),
                    fix=Fix(f"set {variable.key} for the build only", unset(variable), container.side is Side.LOCAL),
                )
    yield from _in_tests(graph, switches)


def _in_tests(graph: Graph, switches: dict[str, Known[str]]) -> Outcomes:
    """Steps that run end-to-end tests while the check is switched off for them."""
    for job in graph.all(Job):
        for happening in job.happenings:
            step = job.steps[happening.step]
            if not isinstance(happening.activity, EndToEnd):
                continue
            inside = variables((*job.variables, *step.environment))
            for key in sorted(switches.keys() & inside.keys()):
                if known(inside[key].value, "").strip().lower() not in _OFF:
                    yield Finding(
                        subject=job,
                        at=inside[key].key_span,
                        variant="job",
                        args={"key": key, "name": job.name},
                        related=(switches[key],),
                        fix=Fix(f"set {key} for the build only", unset(inside[key]), safe=True),
                    )
