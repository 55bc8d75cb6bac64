"""Local variables come from one file, which stays private and has a complete example (HEX301, HEX302, HEX305)."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from clean_hexagon.configuration.contexts import copied, private_files
from clean_hexagon.options import Options
from policyengine.api import (
    Absent,
    Change,
    Command,
    Compared,
    ConfigKey,
    ConfigModule,
    Container,
    EnvFile,
    EnvironmentFile,
    Finding,
    Fix,
    Graph,
    IgnoreFile,
    Known,
    LastLine,
    Node,
    Outcomes,
    Package,
    Put,
    Role,
    Severity,
    ShellCommand,
    Side,
    Span,
    Unknown,
    Variable,
    given_by,
    injects,
    is_for_tests,
    is_for_the_laptop,
    is_made_here,
    is_mode,
    is_real,
    known,
    rule,
    shell_commands,
    speaks_of_development,
    undecided,
    words_of,
)

_LOCAL = ".env.local"
_PRIVATE = frozenset({".env", _LOCAL})


def _name(path: str) -> str:
    return PurePosixPath(path).name


@rule(
    "HEX301",
    mandate="3.1",
    severity=Severity.WARNING,
    remedy="Load the file with 'env_file: .env.local'.",
    precision="medium",
    message={"default": "'{name}' loads '{files}', not '.env.local'.", "none": "'{name}' loads no '.env.local'."},
)
def env_local_not_loaded(graph: Graph, _: Options) -> Outcomes:
    """An application's Compose service does not load `.env.local`.

    With one file for local values, a new variable is added in one place and a secret has one place to hide in. A
    service that loads another file, or none, gets its variables by copies that drift.

    Asked of services that run the repository's own code: those that are built, or mirror a cloud container. A
    service that needs no variable loads none: none is set, and no config module stands in the folder that it is built
    from. Scripts that pass `--env-file .env.local` to Compose load it for every service.
    """
    if any(_passes_file(command) for command in _commands(graph)):
        return
    for container in graph.containers(side=Side.LOCAL, role=Role.APP):
        service, files = container.service, container.service.env_files
        mirrored = graph.mirror(service) is not None
        checked = (
            container.config is not None and not container.config.stands_in and (mirrored or _in_own_folder(container))
        )
        if not (service.build or mirrored) or not (service.environment or files or checked):
            continue
        if service.exported:
            yield from undecided(service, Unknown("which env files it loads is not exported", service.span))
            continue
        yield Compared(service)
        if any(_name(each.path) == _LOCAL for each in files):
            continue
        variant, at = ("default", files[0]) if files else ("none", service)
        args = {"name": service.name, "files": ", ".join(each.path for each in files)}
        fix = _load_local(container, files)
        yield Finding(subject=service, at=at, variant=variant, args=args, about="env_files", fix=fix, convention=True)


def _in_own_folder(container: Container) -> bool:
    """Whether a service is built from a folder of its own, so that the config module in it is its own too."""
    return any(
        isinstance(build.dockerfile, Known)
        and (known(build.context, "") not in ("", ".") or "/" in build.dockerfile.value)
        for build in container.builds
        if isinstance(build.context, Known)
    )


def _commands(graph: Graph) -> Iterator[ShellCommand]:
    """The commands of workflows, and of the package scripts that name the file."""
    yield from graph.commands()
    for script in (script for package in graph.all(Package) for script in package.scripts):
        if isinstance(script.value, Known) and _LOCAL in script.value.value:
            yield from shell_commands(Command((script.value.value,), shell=True), script.value.span)


def _passes_file(command: ShellCommand) -> bool:
    """Whether a command gives Compose the file: `docker compose --env-file .env.local up`."""
    compose = (layer for layer in command.layers if layer.path.startswith("docker compose"))
    return any(_name(path) == _LOCAL for layer in compose for path in layer.values("--env-file"))


def _load_local(container: Container, files: tuple[EnvFile, ...]) -> Fix:
    if len(files) == 1 and _name(files[0].path) == ".env":
        span = files[0].span
        end = span._replace(start=max(span.start, span.end - len(".env")))
        return Fix.replacing("load .env.local", end, ".env", _LOCAL)
    put = Put(container.span, ("env_file", "-"), _LOCAL) if files else Put(container.span, ("env_file",), _LOCAL)
    return Fix("add 'env_file: .env.local'", (put,))


@rule(
    "HEX302",
    mandate="3.1",
    severity=Severity.ERROR,
    remedy="Take the file out of git, ignore it in .gitignore and .dockerignore, and replace the secret.",
    tags=("security",),
    cwe=(538,),
    security=7.5,
    message={
        "default": "'{file}' is committed with a value for '{key}'.",
        "ignore": "'{file}' holds local secrets, but git does not ignore it.",
        "image": "'COPY' takes '{file}' into the image, because no .dockerignore leaves it out.",
    },
)
def env_file_exposed(graph: Graph, _: Options) -> Outcomes:
    """An env file with secrets is committed, or about to be, or copied into an image.

    A secret in git stays in its history and in every clone; one in an image layer travels with every pull.

    Looked at are: a committed env file with a real value for a secret-like key (examples, samples, test
    and CI files, dummies and throwaway database passwords, such as one that the Compose file itself gives a service,
    are fine, and so is a key that an application makes for itself, as `APP_SECRET`, in `.env.dev`, which frameworks
    commit); a file that Compose loads as `.env.local` or `.env` or takes a
    secret from, which git would not ignore; and a `COPY . .` in what
    an image is made of that takes such a file along, unless a .dockerignore leaves it out, it is
    committed and has nothing to hide, or stays in a stage from which nothing of it is copied. A `.env` that git ignores
    counts as well where an example beside it names secrets, or a library of the application reads it (`load_dotenv`)
    and there is no example. An image for development is none that travels, and for one that only pipelines build, where
    nobody has such a file, the example is a warning and the library tells nothing. Without any
    .gitignore in the tree the second question stays undecided, since one may lie above it.
    """
    throwaway = _throwaway(graph)
    for file in graph.all(EnvironmentFile):
        if file.example or is_for_tests(file.path):
            continue
        yield Compared(file)
        real = _real(file, throwaway)
        if real is not None:
            args = {"file": file.path, "key": real.key}
            fix = Fix(f"remove {file.path} from git, ignore it, and replace the secret")
            yield Finding(subject=file, at=real.key_span, args=args, fix=fix)
    loaded: dict[str, tuple[Node, EnvFile]] = {}
    for container in graph.containers(side=Side.LOCAL, role=Role.APP):
        for env_file in container.service.env_files:
            if _name(env_file.path) in _PRIVATE:
                loaded.setdefault(env_file.path, (container.node, env_file))
    yield from _not_ignored(graph, loaded)
    yield from _secrets_not_ignored(graph)
    harmless = {file.path for file in graph.all(EnvironmentFile) if _real(file, throwaway) is None}
    private = dict.fromkeys(sorted(loaded), True) | dict(sorted(private_files(graph).items()))
    yield from copied(graph, {path: named for path, named in private.items() if path not in harmless})


def _real(file: EnvironmentFile, throwaway: set[str]) -> Variable | None:
    """The first variable of a committed file that holds a secret worth protecting."""
    texts = ((each, known(each.value, "").strip()) for each in file.variables)
    own = speaks_of_development(_name(file.path))
    return next(
        (
            each
            for each, text in texts
            if text not in throwaway and is_real(each.key, text) and not (own and is_made_here(each.key))
        ),
        None,
    )


def _throwaway(graph: Graph) -> set[str]:
    """What the Compose file itself sets in plain sight: the password of a local database protects nothing."""
    return {
        variable.value.value
        for container in graph.containers(side=Side.LOCAL)
        if container.role is not Role.APP
        for variable in container.service.environment
        if isinstance(variable.value, Known)
        and variable.value.span.path == variable.key_span.path == container.span.path
    }


def _not_ignored(graph: Graph, loaded: dict[str, tuple[Node, EnvFile]]) -> Outcomes:
    committed = {file.path for file in graph.all(EnvironmentFile)}
    for path, (service, file) in sorted(loaded.items()):
        yield Compared(service)
        match Known(value=True, span=file.span) if path in committed else graph.ignored_by_git(path):
            case Known(False):
                fix = Fix(f"add '{_name(path)}' to .gitignore", _ignored(graph, path), safe=True)
                yield Finding(subject=service, at=file, variant="ignore", args={"file": path}, fix=fix)
            case Unknown(reason):
                yield from undecided(service, Unknown(reason, file.span))


def _secrets_not_ignored(graph: Graph) -> Outcomes:
    """The file of a Compose secret that people are to put beside the code; one finding a folder."""
    given: dict[str, tuple[Container, Known[str]]] = {}
    for container in graph.containers():
        for file in container.service.secret_files:
            given.setdefault(file.value, (container, file))
    told: set[str] = set()
    for path, (container, file) in sorted(given.items()):
        folder = path.rpartition("/")[0]
        if folder not in told and known(graph.ignored_by_git(path), default=True) is False:
            told.add(folder)
            fix = Fix(f"add '{path}' to .gitignore", _ignored(graph, path), safe=True)
            yield Finding(subject=container.node, at=file.span, variant="ignore", args={"file": path}, fix=fix)


def _ignored(graph: Graph, path: str) -> tuple[Change, ...]:
    """A line in the nearest .gitignore above a file that git does not hold yet."""
    if any(file.path == path for file in graph.all(EnvironmentFile)):
        return ()
    files = [each.path for each in graph.all(IgnoreFile) if each.kind == "git"]
    above = [each for each in files if path.startswith(each.removesuffix(".gitignore"))]
    nearest = max(above, key=len, default="")
    return (LastLine(Span(nearest, 0, 0), f"{path[len(nearest.removesuffix('.gitignore')) :]}"),) if nearest else ()


@rule(
    "HEX305",
    mandate="3.1",
    severity=Severity.WARNING,
    remedy="Add the missing keys to the example, without their values.",
    precision="medium",
    message={
        "default": "'{file}' lacks '{keys}', which [the code requires](1).",
        "compose": "'{file}' lacks '{keys}', which [the Compose file](1) takes from who starts it.",
    },
)
def env_example_incomplete(graph: Graph, _: Options) -> Outcomes:
    """The example of the env file lacks a variable that the code requires.

    Who clones the repository copies the example, and finds out by errors what else is needed.

    Asked of the nearest example (`.env.example`, `.env.sample`, `.env.template`) of each application with a config
    module: in its folder, else at the root. Any committed env file of both folders counts, and so does a commented
    `# KEY=`. Keys that are optional or have a default, those of the platform and the mode need no line, and of what a
    local service does not get at all HEX304 speaks; what code reads without any check needs one where the example has
    most of such keys. A Compose file that takes variables from who starts it (`${KEY}` without a default, or the name
    alone) is asked too, with the example beside it or at the root. Where scripts are run by `infisical run`,
    `doppler run` or their like, the example is not what developers use.
    """
    running: dict[str, list[Container]] = {}
    for container in graph.containers(side=Side.LOCAL):
        if container.config is not None:
            running.setdefault(container.config.id, []).append(container)
    for module in (each for each in graph.all(ConfigModule) if not each.stands_in):
        folders = ("" if module.directory == "." else module.directory, "")
        files = [each for each in graph.all(EnvironmentFile) if _folder(each.path) in folders]
        examples = sorted((each for each in files if each.example), key=lambda each: folders.index(_folder(each.path)))
        if not examples or is_for_tests(module.path) or _injected(graph, folders):
            continue
        yield Compared(module)
        there = _named_in(files)
        open_to = [key for key in module.keys if isinstance(key.required, Unknown) and isinstance(key.default, Absent)]
        most = sum(key.key in there for key in open_to) * 2 > len(open_to)
        lacking = [
            key
            for key in module.keys
            if not key.met(there)
            and not given_by(key.key, "container")
            and not is_mode(key.key)
            and (
                (most and key in open_to and is_for_the_laptop(key.span.path))
                or (known(key.required, default=False) and _is_given(key, running.get(module.id, ())))
            )
        ]
        if lacking:
            lines = "\n".join(f"{key.key}=" for key in lacking)
            yield Finding(
                subject=examples[0],
                at=examples[0],
                args={"file": examples[0].path, "keys": ", ".join(key.key for key in lacking)},
                related=(lacking[0].span,),
                fix=Fix("add the missing keys", (LastLine(examples[0].span, lines),), safe=True),
                convention=True,
            )
    yield from _taken_by_compose(graph)


def _named_in(files: Sequence[EnvironmentFile]) -> set[str]:
    """The variables that env files set, and those that their comments mention."""
    return {name for each in files for name in (*(one.key for one in each.variables), *each.mentioned)}


def _is_given(key: ConfigKey, running: Sequence[Container]) -> bool:
    return all(key.key in each.environment for each in running)


def _is_for_all(name: str) -> bool:
    """Whether an example stands for the `.env` that Compose itself reads: not `.env.secret.example`."""
    words = words_of(name)
    return len(words) == len(("env", "example")) + ("local" in words) and not is_for_tests(name)


def _taken_by_compose(graph: Graph) -> Outcomes:
    """Variables that Compose takes from who starts it, and that no env file in the folder or at the root names."""
    asked: dict[str, dict[str, Variable]] = {}
    for container in graph.containers(side=Side.LOCAL):
        for each in container.service.environment if container.is_composed else ():
            name = each.value.about if isinstance(each.value, Unknown) else ""
            if name and each.key_span.path == container.span.path and not given_by(name, "machine"):
                asked.setdefault(_folder(container.span.path), {}).setdefault(name, each)
    for folder, wanted in asked.items():
        files = [each for each in graph.all(EnvironmentFile) if _folder(each.path) in (folder, "")]
        examples = [each for each in files if each.example and _is_for_all(_name(each.path))]
        examples.sort(key=lambda each: (_folder(each.path) != folder, len(each.path)))
        if not examples or _injected(graph, (folder, "")):
            continue
        yield Compared(examples[0])
        there = _named_in(files)
        lacking = sorted(name for name in wanted if name not in there and not is_mode(name))
        if lacking:
            yield Finding(
                subject=examples[0],
                at=examples[0],
                variant="compose",
                args={"file": examples[0].path, "keys": ", ".join(lacking)},
                related=(wanted[lacking[0]].key_span,),
                fix=Fix(
                    "add the missing keys",
                    (LastLine(examples[0].span, "".join(f"{each}=\n" for each in lacking).rstrip()),),
                    safe=True,
                ),
                convention=True,
            )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _injected(graph: Graph, folders: tuple[str, str]) -> bool:
    """Whether a script of the application or of the root is run with variables that a manager gives."""
    scripts = (
        script.value
        for package in graph.all(Package)
        if ("" if package.directory == "." else package.directory) in folders
        for script in package.scripts
    )
    return any(
        injects(layer.path)
        for script in scripts
        if isinstance(script, Known)
        for command in shell_commands(Command((script.value,), shell=True), script.span)
        for layer in command.layers
    )
