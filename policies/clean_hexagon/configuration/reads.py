"""The environment is read in one place, and what is built into pages is set when they are built (HEX313, HEX315)."""

from collections.abc import Iterator

from clean_hexagon.options import Options
from clean_hexagon.parts import lacks_dockerfile, lender
from policyengine.api import (
    Compared,
    ConfigModule,
    Container,
    EnvironmentFile,
    EnvironmentReads,
    Finding,
    Fix,
    Graph,
    Known,
    Origin,
    Outcomes,
    Package,
    Role,
    Severity,
    ShellCommand,
    Side,
    Span,
    Stage,
    Unknown,
    Variable,
    endings,
    given_by,
    is_inlined,
    is_mode,
    known,
    publishers,
    replaces,
    rule,
    undecided,
)

_SHOWN = 5
_CENTRAL = 3


@rule(
    "HEX313",
    mandate="3.3",
    severity=Severity.WARNING,
    remedy="Read the environment in the config module alone, and import its result.",
    message="'{name}' reads '{keys}' outside of [its config module](1); such reads: {count}.",
)
def env_read_outside_config(graph: Graph, _: Options) -> Outcomes:
    """Code reads the environment beside the module that checks it.

    What is read elsewhere is checked by nobody: it is `undefined` in the middle of a request, or a string where a
    number was meant, and no list tells which variables a deployment needs.

    Asked of Node applications of either side that have a module which checks (HEX311 speaks of the others). One finding
    a package, at its first read; a file that checks one or two variables by hand is no such module. Reads that pass:
    the mode, what a platform sets, variables that are built into pages, and those of tests, scripts, functions that are
    deployed by themselves, configurations of tools (`*.config.*`), other files that are called after settings, and
    files outside of the folder (`src`) of the module.
    """
    done: set[str] = set()
    deployed = (lender(graph, each) for each in graph.deployed(role=Role.APP))
    for container in (*deployed, *graph.containers(side=Side.LOCAL, role=Role.APP)):
        module, package = container.config, _package(container)
        if module is None or package is None or not _is_central(module) or package.id in done:
            continue
        done.add(package.id)
        yield Compared(package)
        found = [read for file in _beside(graph, package, module) for read in file.reads if _matters(read.value)]
        if found:
            names = list(dict.fromkeys(read.value for read in found))
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            args = {"name": package.name, "keys": ", ".join(names[:_SHOWN]) + more, "count": len(found)}
            fix = Fix(f"read them in '{module.path}', and import its result")
            yield Finding(subject=package, at=found[0].span, args=args, related=(module,), fix=fix, convention=True)


def _is_central(module: ConfigModule) -> bool:
    """Whether a module checks the environment of an application, and not only what it needs itself by an `if`."""
    checked = len(module.keys) >= _CENTRAL or (module.keys and module.library != "manual")
    return bool(module.library and checked) and module.path.endswith(endings("javascript"))


def _package(container: Container) -> Package | None:
    return next((each for each in container.packages if each.ecosystem == "npm"), None)


def _beside(graph: Graph, package: Package, module: ConfigModule) -> Iterator[EnvironmentReads]:
    """The files of a package that should ask its config module: not those that this is made of."""
    own = {module.path, *(key.span.path for key in module.keys)}
    inside = module.path.removeprefix(f"{package.directory}/") if package.directory else module.path
    folder = "/".join(filter(None, (package.directory, "src/" if inside.startswith("src/") else "")))
    for file in graph.all(EnvironmentReads):
        same = file.directory == package.directory and file.path.startswith(folder)
        if same and file.path not in own and file.purpose in ("", "server"):
            yield file


def _matters(key: str) -> bool:
    return not is_mode(key) and not publishers(key) and not given_by(key, "container") and not given_by(key, "machine")


@rule(
    "HEX315",
    mandate="3.2",
    severity=Severity.ERROR,
    remedy="Give the build the variable by an ARG before the pages are built.",
    message={
        "default": "'{name}' is given '{keys}' when it starts, but [the build](1) has filled its pages without.",
        "differs": "'{name}' sets '{keys}' otherwise than [the cloud](1), but one image holds one value.",
    },
)
def build_time_public_env(graph: Graph, _: Options) -> Outcomes:
    """A variable that is built into pages is set when the container starts.

    `next build`, `vite build` and their like replace `NEXT_PUBLIC_…` and `VITE_…` by the values of the build. What
    Compose or the task sets later changes nothing: browsers get `undefined`, or the value of another environment,
    although everything that one can look at says otherwise.

    Asked of images whose build is read, for variables that the code reads outside of server modules, and of pages of
    Next.js that a server makes for each request: what is unset when they are built is not replaced. Given for the
    build are an ARG or ENV of a stage, an assignment in its RUN, and a committed or loaded env file of the package that
    reaches the context. Runtime libraries (next-runtime-env, import-meta-env …), NUXT_PUBLIC_, PUBLIC_ of Astro and
    SvelteKit, a start script that rewrites pages (`envsubst`, `sed`), and containers that build or serve for
    development when they start pass. What a start script or a build reads from files that are not known stays open.
    One finding for the containers of one build that are given the same.
    """
    read_by = _read(graph)
    anywhere = {key for keys in read_by.values() for key in keys}
    files = {each.path.rpartition("/")[2]: each for each in graph.all(EnvironmentFile)}
    for container in (each for side in (Side.LOCAL, Side.CLOUD) for each in graph.containers(side=side, role=Role.APP)):
        given = {key: each for key, each in container.environment.items()
                 if publishers(key) and each.origin is not Origin.IMAGE and known(each.value, "-")}  # fmt: skip
        if not given or any(each.does("build", "serve-dev") for each in container.commands):
            continue
        if isinstance(container.stage, Unknown):
            inlined = any(key in anywhere and is_inlined(key, graph.dependencies) for key in given)
            if inlined and not lacks_dockerfile(graph, container):
                yield from undecided(container.node, container.stage)
            continue
        package, stage = _package(container), container.stage.value if isinstance(container.stage, Known) else None
        if package is None or stage is None:
            continue
        stages = graph.ingredients(stage)
        build = next((run for each in stages for run in each.runs if run.does("build")), None)
        tools = {each.key for each in package.dependencies}
        shown = read_by.get(package.directory, set())
        given = {key: each for key, each in given.items() if key in shown and is_inlined(key, tools)}
        if build is None or not given or _rewrites(container, stage):
            continue
        yield Compared(container.node)
        told = set(_at_build(graph, container, stages, package))
        late = [given[key] for key in sorted(given) if key not in told]
        read = [(run, name) for each in stages for run in each.runs for name in _files_of(run)]
        told.update(each.key for _, name in read if name in files for each in files[name].variables)
        late = [each for each in late if each.key not in told]
        hidden = next((run for run, name in read if name not in files), None)
        if late and (container.gap is not None or hidden is not None):
            open_to = container.gap or (hidden and Unknown("the build reads variables from a file", hidden.span))
            yield from undecided(container.node, open_to)
        elif late:
            yield _late(build.span, container, late)
        elif container.side is Side.LOCAL:
            yield from _differing(graph, container, [given[key] for key in sorted(given)])


def _late(build: Span, container: Container, late: list[Variable]) -> Finding:
    """What a container is given too late; containers of one build that are given the same have one finding."""
    keys = ", ".join(each.key for each in late)
    return Finding(
        subject=container.node,
        at=late[0].key_span,
        args={"keys": keys, "name": container.name},
        related=(build,),
        fix=Fix(f"declare an ARG for {keys} before the build, and pass it"),
        cause=f"{build.path}#{build.start} {keys}",
    )


def _read(graph: Graph) -> dict[str, set[str]]:
    """The variables that code which is no server's reads, by the folder of its package."""
    found: dict[str, set[str]] = {}
    for file in graph.all(EnvironmentReads):
        if file.purpose in ("", "settings"):
            found.setdefault(file.directory, set()).update(read.value for read in file.reads)
    return found


def _at_build(graph: Graph, container: Container, stages: tuple[Stage, ...], package: Package) -> Iterator[str]:
    """The variables that are there when the image is built."""
    for stage in stages:
        yield from (each.key for each in (*stage.args, *stage.environment))
        for run in stage.runs:
            yield from (each.key for each in run.assignments)
            yield from (word.text.partition("=")[0] for word in run.words if run.starts("export") or run.starts("echo"))
    loaded = [each for each in container.environment.values() if each.origin is Origin.ENV_FILE]
    for name in (".env", ".env.local", ".env.production", ".env.production.local"):
        path = "/".join(filter(None, (package.directory, name)))
        if any(_reaches(graph, path, known(b.context, "."), known(b.dockerfile, "")) for b in container.builds):
            file = graph.get(EnvironmentFile, f"env:{path}")
            yield from (each.key for each in file.variables) if file is not None and not file.example else ()
            at = [each.path for each in container.service.env_files] if container.side is Side.LOCAL else []
            yield from (each.key for each in loaded if path in at)


def _reaches(graph: Graph, path: str, context: str, dockerfile: str) -> bool:
    """Whether a file is sent with the context of a build."""
    inside = context == "." or path.startswith(f"{context.rstrip('/')}/")
    return inside and not known(graph.ignored_by_docker(context, dockerfile, path), default=False)


def _rewrites(container: Container, stage: Stage) -> bool:
    """Whether the container puts values into its pages when it starts."""
    scripts = any("docker-entrypoint.d" in str(copy.target) for copy in stage.copies)
    return scripts or any(replaces(each.program) for each in container.commands)


def _files_of(run: ShellCommand) -> Iterator[str]:
    """The names of the files from which a command of the build takes variables."""
    for name, word in zip(("", *run.argv), run.argv, strict=False):
        if word.startswith("--env-file=") or name == "--env-file" or run.program in ("source", "."):
            yield word.rpartition("=")[2].rpartition("/")[2]


def _differing(graph: Graph, local: Container, given: list[Variable]) -> Outcomes:
    """Variables whose values differ where both sides run the one image of the pipeline."""
    for cloud in (graph.container(each) for each in (graph.mirror(local.node),) if each is not None):
        one = {each.id for each in local.builds if each.job} & {each.id for each in cloud.builds}
        both = ((each, cloud.environment[each.key]) for each in given if each.key in cloud.environment)
        for here, there in both if one else ():
            mine, other = known(here.value, ""), known(there.value, "")
            if mine and other and mine != other:
                yield Finding(
                    subject=local.node,
                    against=cloud.node,
                    at=here.value,
                    variant="differs",
                    args={"name": local.name, "keys": here.key},
                    related=(there.value,),
                    fix=Fix(f"build an image for each value of {here.key}, or read it when the server runs"),
                )
