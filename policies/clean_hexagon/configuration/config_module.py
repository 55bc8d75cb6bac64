"""One module checks the environment at start-up, and the cloud sets what it requires (HEX303, HEX311)."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec.structs import replace

from clean_hexagon.configuration.contexts import baked
from clean_hexagon.configuration.entries import given_as_secrets
from clean_hexagon.configuration.mounted import stood_in
from clean_hexagon.configuration.strictness import falls_back, held_whole
from clean_hexagon.networking.names import Answering, answering, sibling_named
from clean_hexagon.options import Options
from clean_hexagon.parts import lender
from policyengine.api import (
    Absent,
    Change,
    Compared,
    ConfigKey,
    ConfigModule,
    Container,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    LastLine,
    Origin,
    Outcomes,
    Package,
    Role,
    Service,
    Severity,
    Side,
    Span,
    Stage,
    Unknown,
    Variable,
    given_by,
    is_mode,
    known,
    rule,
    secrecy,
    undecided,
)


@rule(
    "HEX303",
    mandate="3.3",
    severity=Severity.ERROR,
    remedy="Add the variable to the secrets or the environment of the container in the cloud.",
    message={
        "default": "The container '{name}' lacks '{keys}', which [the code requires](1).",
        "fallen": "The container '{name}' lacks '{keys}', which ['{other}'](1) sets: it uses what [the code](2) holds.",
        "read": "The container '{name}' lacks '{keys}', which ['{other}'](1) sets and [the code](2) reads.",
        "misnamed": "The container '{name}' is given '{other}', which nothing reads: [the code](1) reads '{keys}'.",
    },
)
def env_key_missing_in_cloud(graph: Graph, _: Options) -> Outcomes:
    """The cloud does not set a variable that the code requires.

    The config module throws at start-up, so the new task never becomes healthy; without such a module the variable is
    `undefined` in the middle of a request.

    Required keys are those of the config module that have neither a default nor `optional`; where one of several must
    be there, any of them will do. The cloud provides `environment`, `secrets`, `environmentFiles` and the ENV of the
    deployed stage. Keys of the platform need no entry. The task role stands in for AWS credentials where the SDK looks
    for them, but not where the settings themselves demand AWS_ACCESS_KEY_ID. Variables injected by
    `infisical run` are not known from files, and `.env.example` does not tell what the env file of a production Compose
    service sets. Where several containers share one config module and another of them has the key,
    it may be needed only there, so the finding is a warning. All missing keys of a container make
    one finding, at the container.

    A secret for which the code holds a fallback is lacking too, where the twin on the laptop or another container with
    the same code is given it: the container runs with the one that everybody can read. One that the code reads without
    a check is a warning where the twin's Compose service itself sets it, and so is the address of another application.
    A container whose image is not built here has the code of its twin. A job with the image of an application is asked
    where it starts a module of the package that holds the config module (`python -m app.jobs`).

    A variable has the wrong name where no file of code names it, and the code reads one that says the same and that is
    not set (`JWT_SECRET` for `JWT_KEY`, `S3_BUCKET` for `BUCKET`): a warning, but for a secret that the code holds.
    """
    users: dict[str, list[tuple[Container, Container]]] = {}
    for container in graph.deployed(role=Role.APP):
        code = lender(graph, container)
        if code.config is not None:
            users.setdefault(code.config.id, []).append((container, code))
    seen: set[object] = set()
    of_images = {variable.key for stage in graph.all(Stage) for variable in stage.environment}
    named = answering(graph)
    jobs: dict[str, list[Container]] = {}
    for container in graph.deployed(role=Role.JOB):
        if image := _image(container):
            jobs.setdefault(image, []).append(container)
    written: dict[str, set[str]] = {}
    for one in baked(graph):
        written.setdefault(one.stage.id, set()).update(each.name for each in one.variables)
    for pairs in (users[each] for each in sorted(users)):
        alike = [each for each, _ in pairs]
        given = {name for each in alike for name in (*each.environment, *each.exported)}
        environments = ((each, variable) for each in reversed(alike) for variable in each.environment.values())
        holders = {variable.key: each for each, variable in environments if variable.origin is not Origin.IMAGE}
        for container, code in pairs:
            yield Compared(container.node)
            inside = written.get(container.stage.value.id, set()) if isinstance(container.stage, Known) else set()
            if "" in inside:  # a whole file, which a secret holds
                continue
            rest = replace(code, keys=tuple(key for key in code.keys if key.key not in inside))
            missing = _missing(graph, container, rest, given, of_images)
            for found in (
                *missing,
                *_of_jobs(graph, rest, jobs.get(_image(container), ()), given),
                *_fallen(graph, container, rest, holders, named),
                *_misnamed(container),
            ):
                place = (found.subject.span, found.args["keys"]) if isinstance(found, Finding) else None
                if place is None or place not in seen:  # a module that is called several times has one container
                    seen.add(place)
                    yield found


def _image(container: Container) -> str:
    """The image that a container runs; empty where none is known, and for one that Compose builds."""
    if container.service.build is not None or not isinstance(container.image, Known | Floating):
        return ""
    return container.image.value.text


def _of_jobs(graph: Graph, code: Container, jobs: Sequence[Container], given: set[str]) -> Outcomes:
    """What jobs with the image of an application lack, whose program is of the package that holds the config module."""
    module = code.config
    if module is None or not module.library:
        return
    for job in jobs:
        words = [words for each in job.commands if (words := each.argv)[1:2] == ("-m",)]
        if job.gap is None and any(each[2].partition(".")[0] in PurePosixPath(module.path).parts for each in words):
            yield Compared(job.node)
            yield from _missing(graph, job, replace(code, keys=module.keys), given, set())


def _fallen(
    graph: Graph, container: Container, code: Container, holders: Mapping[str, Container], named: Answering
) -> Iterator[Finding]:
    """What a container lacks though its code goes on without, where its twin or one like it, a holder, is given it."""
    if container.unset_gap is not None or stood_in(container) is not None:
        return
    twin = graph.mirror(container.node)
    twins = [graph.container(twin)] if isinstance(twin, Service) else []
    own = {*container.environment, *container.exported}
    open_to = [key for key in code.keys if not key.met(own)]
    for other in {
        each.id: each for each in (*twins, *(holders[key.key] for key in open_to if key.key in holders))
    }.values():
        given = {key: each for key, each in other.environment.items() if each.origin is not Origin.IMAGE}
        there = [key for key in open_to if key.key in given and not held_whole(key, [container])]
        secret = [key for key in there if secrecy(key.key) == "secret"]
        fallen = [key for key in secret if falls_back(_by_its_name(key), set(given), set())]
        led = _led_to_apps(other, named) if other in twins else frozenset()
        asked = [*secret, *(key for key in there if key.key in led)] if other in twins else []
        read = [key for key in asked if _is_read(key) and _is_told(given[key.key])]
        for variant, keys in (("fallen", fallen), ("read", read)):
            names = [key.key for key in keys]
            if names:
                yield Finding(
                    subject=container.node,
                    at=container,
                    variant=variant,
                    severity=Severity.WARNING if variant == "read" else None,
                    args={"name": container.name, "keys": ", ".join(names), "other": other.name},
                    related=(given[names[0]].key_span, keys[0].default if variant == "fallen" else keys[0]),
                    fix=Fix(
                        f"add {', '.join(names)} to the container's "
                        + ("secrets" if secrecy(names[0]) else "environment"),
                        given_as_secrets(graph, container, names),
                    ),
                )
        if fallen or read:
            return


def _misnamed(container: Container) -> Iterator[Finding]:
    """What a container is given under another name than that which its code asks for."""
    for variable, key in container.misnamed:
        if known(key.required, default=False):
            continue  # said to be lacking
        yield Finding(
            subject=container.node,
            at=variable.key_span,
            variant="misnamed",
            severity=None if secrecy(key.key) == "secret" and known(key.default, "").strip() else Severity.WARNING,
            args={"name": container.name, "keys": key.key, "other": variable.key},
            related=(key,),
            fix=Fix.replacing(f"call it {key.key}", variable.key_span, variable.key, key.key),
        )


def _led_to_apps(container: Container, named: Answering) -> frozenset[str]:
    """The variables by which a container reaches other applications of its project."""
    found = ((each.variable.key, sibling_named(named, container, each.endpoint.host)) for each in container.addresses)
    return frozenset(key for key, other in found if other is not None and other.role is Role.APP)


def _by_its_name(key: ConfigKey) -> ConfigKey:
    """A variable without the other case of its name, which .NET takes too."""
    return replace(key, alternatives=()) if key.alternatives == (key.key.upper(),) else key


def _is_read(key: ConfigKey) -> bool:
    """Whether code reads a variable without a default, and nothing tells whether it must be there."""
    return isinstance(key.required, Unknown) and isinstance(key.default, Absent) and not given_by(key.key, "role")


def _is_told(variable: Variable) -> bool:
    """Whether a Compose service itself sets a variable, and not to nothing."""
    return variable.origin is Origin.ENVIRONMENT and known(variable.value, "-").strip() != ""


def _missing(graph: Graph, container: Container, code: Container, given: set[str], of_images: set[str]) -> Outcomes:
    """What a container lacks, where those that share its config module are given some variables, and images others."""
    keys = (key for key in code.keys if not key.client)
    required = (key for key in keys if known(key.required, default=False) and not _comes(key.key))
    lent = (key for key, each in code.environment.items() if each.origin is Origin.IMAGE)
    own = {*container.environment, *container.exported, *code.exported, *lent}
    absent = [key for key in required if not key.met(own)]
    gap = container.environment_gap or stood_in(container)
    if absent and gap is not None:
        yield from undecided(container.node, gap)
        return
    if isinstance(container.stage, Unknown):
        if any(key.key in of_images for key in absent):
            yield from undecided(container.node, container.stage)
        absent = [key for key in absent if key.key not in of_images]
    if not absent:
        return
    elsewhere = all(key.met(given) for key in absent)
    names = ", ".join(" or ".join((*key.alternatives, key.key)) for key in absent)
    args = {"name": container.name, "keys": names}
    secrets = given_as_secrets(graph, container, [key.key for key in absent])
    fix = Fix(f"add {names} to the container's secrets or environment", secrets)
    severity = Severity.WARNING if elsewhere else None
    yield Finding(subject=container.node, at=container, args=args, related=(absent[0],), severity=severity, fix=fix)


def _comes(name: str) -> bool:
    """Whether a platform sets a variable; the role of a task gives credentials to the SDK alone, and no variable."""
    return given_by(name, "container") and not given_by(name, "role")


_RUNTIMES = frozenset({"node", "bun", "deno", "playwright"})


@rule(
    "HEX311",
    mandate="3.3",
    severity=Severity.ERROR,
    remedy="Add one module that parses the environment by a schema at start-up, and throws.",
    precision="medium",
    message={
        "default": "The deployed application '{name}' has no config module that checks its environment.",
        "unchecked": "'{path}' reads the environment of the deployed application without checking it.",
    },
)
def config_module_missing(graph: Graph, _: Options) -> Outcomes:
    """A deployed application has no module that checks its environment at start-up.

    Without it a missing variable is found by the first request that needs it. One `config.ts` that parses
    `process.env` with zod, t3-env, envalid or a plain throw finds it when the container starts, on both sides, and
    tells every other rule which variables the code needs.

    Asked of Node applications (with a package.json) that the cloud runs. Reported at the package's name.
    """
    done: set[str] = set()
    for container in graph.containers(side=Side.CLOUD, role=Role.APP):
        package = _node_package(container)
        if package is None or package.id in done:
            continue
        done.add(package.id)
        yield Compared(package)
        folder = "" if package.directory in ("", ".") else package.directory.rstrip("/") + "/"
        own = [module for module in graph.all(ConfigModule) if f"{module.directory}/".startswith(folder)]
        if container.config is not None:
            own.append(container.config)
        own = [module for module in own if not module.stands_in]
        if not own:
            fix = Fix("add src/config.ts with a schema that is parsed at start-up", _scaffold(graph, container, folder))
            yield Finding(subject=package, at=package, args={"name": package.name}, fix=fix, convention=True)
        elif all(not module.library and module.gap is None for module in own):
            fix = Fix("parse process.env with a schema and throw on what is missing")
            args = {"path": own[0].path}
            yield Finding(subject=own[0], at=own[0], variant="unchecked", args=args, fix=fix, convention=True)


def _scaffold(graph: Graph, container: Container, folder: str) -> tuple[Change, ...]:
    """A module that throws on what is missing, for the variables that the container is given; no library is needed."""
    given = [each for each in container.environment.values() if each.origin in (Origin.ENVIRONMENT, Origin.SECRET)]
    keys = [each.key for each in given if not is_mode(each.key) and each.key.isidentifier()]
    path = f"{folder}src/config.ts"
    if not keys or f"{folder}tsconfig.json" not in graph.paths or path in graph.paths or container.environment_gap:
        return ()
    lines = "\n".join(f'  {key}: required("{key}"),' for key in sorted(keys))
    return (LastLine(Span(path, 0, 0), f"{_MODULE}\nexport const config = {{\n{lines}\n}};"),)


_MODULE = """\
// Import this module first where the application starts, and read the environment nowhere else.
function required(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`the environment variable ${name} is not set`);
  }
  return value;
}
"""


def _node_package(container: Container) -> Package | None:
    """The package.json of a container whose image runs Node or its like, or may do so."""
    if not isinstance(container.stage, Known):
        return None
    if isinstance(container.base, Known) and container.base.value.basename not in _RUNTIMES:
        return None
    return next((package for package in container.packages if package.ecosystem == "npm"), None)
