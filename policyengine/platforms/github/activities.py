"""What a command or an action does, as far as rules ask: bring up Compose, test, deploy, migrate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge import commands as knowledge
from policyengine.knowledge.actions import Action, NamedAction
from policyengine.knowledge.names import browser_tests, speaks_of_production
from policyengine.model.image import ImageRef
from policyengine.model.nodes import Activity, ComposeUp, Deploy, EndToEnd, Migrate, ShellCommand
from policyengine.model.value import Absent, Known, Value
from policyengine.patterns import regex
from policyengine.repository.discover import join

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from policyengine.knowledge.commands import Deed, Layer
    from policyengine.model.nodes import Variable
    from policyengine.model.source import Span
    from policyengine.model.text import Text
    from policyengine.platforms.github.builds import Drafted
    from policyengine.platforms.github.expressions import Scope


def of_command(command: ShellCommand, scope: Scope) -> tuple[Activity, ...]:
    """What one command does."""
    found: list[Activity] = []
    layers = {layer.start: layer for layer in command.layers}
    for deed in command.deeds:
        found.extend(_done(command, deed, layers[deed.at], scope))
    for layer in layers.values():
        if layer.path == "docker compose run":
            found = [*_run_by_compose(command, layer, found)]
    return tuple(found)


def _done(command: ShellCommand, deed: Deed, layer: Layer, scope: Scope) -> tuple[Activity, ...]:
    span, forgiven = command.span, command.forgiven
    match deed.kind:
        case "compose-up" if command.remote:
            return (Deploy(span=span, tool="ssh", forgiven=forgiven),)
        case "compose-up":
            return (_up(command, layer, tuple(command.argv[index] for index in layer.operands)),)
        case "e2e" if deed.tool and not command.remote:
            contained = command.contained or deed.place == "container"
            return (EndToEnd(span=span, runner=deed.tool, forgiven=forgiven, in_container=contained),)
        case "deploy" if deed.named and not command.remote:  # what the script does is told by its own lines
            return ()
        case "deploy" if deed.tool == "ansible" and all(
            knowledge.only_looks(command.argv[index].rpartition("/")[2]) for index in layer.operands
        ):
            return ()
        case "start" if command.remote:
            return (Deploy(span=span, tool="ssh", forgiven=forgiven),)
        case "start" if deed.tool in _SERVICES:  # on a machine of one's own
            return (Deploy(span=span, tool=deed.tool, forgiven=forgiven),)
        case "run-task" | "deploy" if (deed.kind == "run-task" or _is_job(command, layer)) and _is_to_migrate(
            command, layer
        ):
            return (Migrate(span=span, tool=deed.tool),)
        case "deploy":
            return (Deploy(span=span, tool=deed.tool or "ssh", forgiven=forgiven),)
        case "publish" if deed.tool == "ecr" or any(
            to_ecr(scope.word(command.words[index])) for index in layer.operands
        ):
            return (Deploy(span=span, tool="ecr-push", forgiven=forgiven),)
        case "migrate" | "push-schema":
            return (Migrate(span=span, tool=deed.tool, push=deed.kind == "push-schema"),)
        case _:
            return ()


def _is_job(command: ShellCommand, layer: Layer) -> bool:
    """Whether a command of a cloud makes or changes a job: `az containerapp job create`, `gcloud run jobs deploy`."""
    return not {"job", "jobs"}.isdisjoint(command.argv[index] for index in layer.operands[:3])


def _is_to_migrate(command: ShellCommand, layer: Layer) -> bool:
    """Whether the task or job that a command runs or makes is called after migrating, or is to run what does."""
    names = [*layer.values("--task-definition", "--name", "-n"), *(command.argv[i] for i in layer.operands[-1:])]
    given: list[str] = []
    taken = False
    for word in command.argv:
        name, equals, value = word.partition("=")
        if word.startswith("-"):
            taken = name in ("--command", "--args")
        text = (value if equals else "") if word.startswith("-") else word
        given += [each for each in text.split(",") if each and taken]
    migrates = any(each.kind == "migrate" for each in knowledge.deeds(given))
    return migrates or any("migrate" in knowledge.named(name) for name in names)


def _run_by_compose(command: ShellCommand, layer: Layer, found: list[Activity]) -> list[Activity]:
    """What `docker compose run SERVICE` does: its name may be that of a test runner, and tests need the stack."""
    runner = browser_tests(layer.subject)
    if layer is command.layers[-1] and runner:
        found.append(EndToEnd(span=command.span, runner=runner, forgiven=command.forgiven, in_container=True))
    if any(isinstance(each, EndToEnd) for each in found) and layer.value("--no-deps") is None:
        return [_up(command, layer, (layer.subject,)), *found]  # with what the service depends on
    return found


def _up(command: ShellCommand, layer: Layer, services: tuple[str, ...]) -> ComposeUp:
    flags = {option.name for option in layer.options if option.index >= layer.rest}
    short = {letter for name in flags if name[1:2] != "-" for letter in name[1:]}
    wait = layer.value("--wait") not in {None, "false"}
    files = [option.value for option in layer.options if option.name in {"-f", "--file"}]
    named = layer.value("--project-directory")
    return ComposeUp(
        span=command.span,
        files=tuple(join(command.directory, file) or file for file in files),
        services=services,
        profiles=layer.values("--profile"),
        wait=wait,
        detached="--detach" in flags or "d" in short or wait or command.background,
        build="--build" in flags,
        forgiven=command.forgiven,
        environment=command.assignments,
        directory=(join(command.directory, named) if named else None) or command.directory,
    )


_SERVICES = frozenset({"pm2", "supervisorctl", "systemctl"})
"""The programs that start what stays on a machine."""


def on_machine(runner: str, found: Iterable[Activity], *, deploys: bool) -> Iterator[Activity]:
    """What commands do on a runner with these labels.

    On a machine of one's own the Compose file of production is started to stay there, and not to be tested, and so is
    what a job starts that `deploys` to an environment; on others a service is, and nothing stays.
    """
    own = "self-hosted" in runner.split()
    for each in found:
        match each:
            case ComposeUp(detached=True) if own and (deploys or any(map(speaks_of_production, each.files))):
                yield Deploy(span=each.span, tool="compose", forgiven=each.forgiven)
            case Deploy(tool=tool) if tool in _SERVICES and not own:
                pass
            case _:
                yield each


_MANIFESTS = regex(r"k8s|kube|manifest|values|argo|gitops|kustomiz|overlays", re.IGNORECASE)
_TAGS = regex(r"image|tag", re.IGNORECASE)


def handed_over(commands: Iterable[ShellCommand], before: Iterable[ShellCommand]) -> Iterator[Deploy]:
    """The pushes of Git with which a job hands a new image to what rolls out the manifests of a repository (GitOps)."""
    pushes = [each for each in commands if each.starts("git") and "push" in each.argv[1:4]]
    if pushes and any(map(_names_image, before)):
        yield Deploy(span=pushes[0].span, tool="gitops", forgiven=pushes[0].forgiven)


def _names_image(command: ShellCommand) -> bool:
    """Whether a command writes the image of a deployment into a manifest."""
    inner = [each.text for each in command.inner]
    if inner[:4] == ["kustomize", "edit", "set", "image"]:
        return True
    edits = inner[:1] in (["sed"], ["yq"], ["perl"]) and any(
        word.startswith(("-i", "--in-place", "--inplace")) for word in inner
    )
    return edits and any(map(_MANIFESTS.search, inner)) and any(map(_TAGS.search, inner))


def to_ecr(reference: Text) -> bool:
    """Whether an image reference is in ECR, or in a registry whose name is computed."""
    return not {"ecr", "registry"}.isdisjoint(knowledge.words_of(reference.written))


def of_action(
    action: Action | NamedAction | None, inputs: Mapping[str, Value[str]], span: Span, title: str = ""
) -> tuple[Activity, ...]:
    """What a published action does, from its name, its inputs and the title of its step."""
    match action.does if action is not None else "nothing", action:
        case "compose-up", _:
            flags = _words(inputs.get("up-flags"))
            return (
                ComposeUp(
                    span=span,
                    files=tuple(join("", file) or file for file in _words(inputs.get("compose-file"))),
                    services=tuple(_words(inputs.get("services"))),
                    wait="--wait" in flags,
                    detached=True,
                    build="--build" in flags,
                ),
            )
        case "e2e", Action(tool=runner):
            only_installs = [word.lower() for word in _words(inputs.get("runtests"))] == ["false"]
            return () if only_installs else (EndToEnd(span=span, runner=runner),)
        case "deploy", Action(tool="ecs") if _words(inputs.get("run-task")) == ["true"]:
            task = (Migrate(span=span, tool=""),) if _migrates(inputs, title) else ()
            return (*task, Deploy(span=span, tool="ecs")) if "service" in inputs else task
        case "deploy", (Action(tool=tool) | NamedAction(tool=tool)):
            return (Deploy(span=span, tool=tool),)
        case _:
            return ()


def _migrates(inputs: Mapping[str, Value[str]], title: str) -> bool:
    """Whether the task that an action runs, or its step, is called after migrating."""
    names = (name for key in ("task-definition", "task-definition-family") for name in _words(inputs.get(key)))
    called = (title, *(name.rpartition("/")[2].partition(".")[0] for name in names))
    return any("migrate" in knowledge.named(name) for name in called)


def _words(value: Value[str] | None) -> list[str]:
    return value.value.split() if isinstance(value, Known) else []


def informed(activity: Activity, environment: tuple[Variable, ...], scope: Scope) -> Activity:
    """A Compose start with the environment of its step."""
    if not isinstance(activity, ComposeUp):
        return activity
    given = {each.key: each for each in (*environment, *activity.environment)}
    files, profiles = activity.files, activity.profiles
    listed = given["COMPOSE_FILE"].value if "COMPOSE_FILE" in given else scope.variables.get("COMPOSE_FILE")
    if not files and isinstance(listed, Known):
        files = tuple(join(activity.directory, each) or each for each in re.split(r"[:;]", listed.value) if each)
    chosen = given["COMPOSE_PROFILES"].value if "COMPOSE_PROFILES" in given else scope.variables.get("COMPOSE_PROFILES")
    if not profiles and isinstance(chosen, Known):
        profiles = tuple(each.strip() for each in chosen.value.split(",") if each.strip())
    return replace(activity, environment=tuple(given.values()), files=files, profiles=profiles)


def sent(draft: Drafted, *, forgiven: bool) -> list[Activity]:
    """The push to ECR that a build does itself."""
    if not isinstance(draft.tags, Known) or isinstance(draft.push, Absent):
        return []
    if isinstance(draft.push, Known) and not draft.push.value:
        return []
    if any("ecr" in knowledge.words_of(tag.text) for tag in draft.tags.value if isinstance(tag, ImageRef)):
        return [Deploy(span=draft.span, tool="ecr-push", forgiven=forgiven)]
    return []
