"""Both sides start their containers alike (HEX109)."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from policyengine.api import (
    Absent,
    Command,
    Finding,
    Fix,
    Graph,
    Known,
    Outcome,
    Package,
    Role,
    Service,
    Severity,
    Unknown,
    Value,
    regex,
    rule,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options

_SCRIPT = regex(
    r"(?:npm|pnpm|yarn|bun)\s+(?:run\s+|run-script\s+)?(?P<name>[\w:.-]+)(?P<rest>(?:\s+.*)?)\Z|"
    r"node\s+--run\s+(?P<other>[\w:.-]+)\Z"
)
_LIFECYCLE = frozenset({"start", "test", "stop", "restart"})
_DEV = regex(
    r"""(?:^|\s|/)(?:
        next\s+dev | nuxi?\s+dev | astro\s+dev | remix\s+(?:vite:)?dev | gatsby\s+develop | svelte-kit\s+dev |
        vite(?:\s+dev|\s+serve|\s+-|\s*$) | vue-cli-service\s+serve | ng\s+serve | react-scripts\s+start |
        webpack(?:-dev-server|\s+serve) | nodemon | ts-node-dev | tsx\s+watch | node\s+--watch | bun\s+--(?:watch|hot) |
        nest\s+start\s+.*--(?:watch|debug) | strapi\s+develop | wrangler\s+dev | turbo\s+(?:run\s+)?dev |
        flask\s+.*--debug | uvicorn\s+.*--reload | gunicorn\s+.*--reload | fastapi\s+dev | hypercorn\s+.*--reload |
        (?:python3?\s+)?(?:\S*/)?manage\.py\s+runserver | watchmedo | dotnet\s+watch | cargo\s+watch | artisan\s+serve |
        (?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:dev|develop|watch|(?:start|serve)[:_-]dev)(?:\s|$)
    )""",
    re.VERBOSE,
)


@rule(
    "HEX109",
    mandate="1.1",
    severity=Severity.WARNING,
    message={
        "default": "'{local}' runs '{here}', but [the cloud](1) runs '{there}'.",
        "dev": "'{local}' runs the development server '{here}', but [the cloud](1) runs '{there}'.",
    },
)
def command_divergence(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A service is started in another way than its twin in the cloud.

    Entrypoint and command are compared as they take effect: Compose or ECS over the image's own, and an overridden
    entrypoint drops the image's command, as Docker and ECS do. Scripts of package.json are resolved, `exec`, `npx`,
    `node_modules/.bin`, init processes and an image's docker-entrypoint.sh are seen through.

    A development server is an error: it compiles on demand, reloads, skips the production build and hides what that
    build breaks. Where neither side overrides anything, both run what their images say, and the images are compared
    by the rules of side 2.
    """
    del options
    for local, cloud in graph.mirrors(Service):
        if local.role is not Role.APP:
            continue
        here, there = _effective(graph, local), _effective(graph, cloud)
        match here, there:
            case Absent(), Absent():
                continue
            case Known(mine), Known(theirs):
                one, other = _resolved(graph, mine), _resolved(graph, theirs)
                if one == other:
                    continue
                dev = _DEV.search(one) is not None and _DEV.search(other) is None
                yield Finding(
                    subject=local,
                    against=cloud,
                    at=here,
                    variant="dev" if dev else "default",
                    severity=Severity.ERROR if dev else None,
                    args={"local": local.name, "here": one, "there": other},
                    related=(there,),
                    fix=Fix(f"run '{other}' in both places"),
                )
            case _:
                yield from undecided(local, here, there)


def _effective(graph: Graph, service: Service) -> Value[Command]:
    """What a container is started with: Absent when it is whatever an unread image says on its own."""
    stage = graph.stage(service)
    own_entrypoint, own_command = service.entrypoint, service.command
    if isinstance(own_entrypoint, Unknown):
        return own_entrypoint
    if isinstance(own_command, Unknown):
        return own_command
    overridden = isinstance(own_entrypoint, Known)
    if not isinstance(stage, Known):
        if overridden:
            return _joined(own_entrypoint, own_command)
        if isinstance(own_command, Known):
            return Unknown(f"the entrypoint of the image of '{service.name}' is not known", own_command.span)
        return Absent(service.span)
    image_entrypoint, image_command = stage.value.entrypoint, stage.value.command
    entrypoint = own_entrypoint if overridden else image_entrypoint
    if isinstance(own_command, Known) or overridden:
        return _joined(entrypoint, own_command)
    return _joined(entrypoint, image_command)


def _joined(entrypoint: Value[Command], command: Value[Command]) -> Value[Command]:
    match entrypoint, command:
        case Unknown(), _:
            return entrypoint
        case _, Unknown():
            return command
        case Known(Command(words, shell=True)), _:
            return Known(Command(words, shell=True), entrypoint.span, entrypoint.via)
        case Known(Command(first)), Known(Command(rest, shell)):
            return Known(Command((*first, *(_shell(rest) if shell else rest))), command.span, command.via)
        case Known(), _:
            return entrypoint
        case _:
            return command


def _shell(words: tuple[str, ...]) -> tuple[str, ...]:
    return ("/bin/sh", "-c", *words)


_BIN = regex(r"(?:^|(?<=\s))(?:\./)?node_modules/\.bin/")
_WRAP = regex(
    r"^(?:(?:\S*/)?docker-entrypoint\.sh|(?:\S*/)?(?:tini|dumb-init)(?:\s+-\S+)*(?:\s+--)?|exec|npx(?:\s+(?:-y|--yes|--no-install))?|pnpm\s+exec|yarn\s+exec|bunx)\s+"
)


def _resolved(graph: Graph, command: Command) -> str:
    """The command line, through shells, package scripts and runners."""
    text = _line(command.words, shell=command.shell)
    for _ in range(8):
        before = text
        text = _WRAP.sub("", _BIN.sub("", text.strip()))
        text = _script(graph, text) or text
        if text == before:
            break
    return text


def _line(words: tuple[str, ...], *, shell: bool) -> str:
    if shell and len(words) == 1:
        return " ".join(words[0].split())
    for index, word in enumerate(words[:-1]):
        if (
            word in ("-c", "-lc", "-ec", "-ce", "-cx")
            and index
            and re.search(r"(?:^|/)(?:ba|da|a)?sh$", words[index - 1])
        ):
            return " ".join([*words[: index - 1], " ".join(words[index + 1].split())]).strip()
    return shlex.join(words) if any(re.search(r"[\s;&|]", word) for word in words) else " ".join(words)


def _script(graph: Graph, text: str) -> str | None:
    match = _SCRIPT.match(text)
    if match is None:
        return None
    name = match["name"] or match["other"]
    if not re.search(r"\brun\b", text) and text.startswith("npm ") and name not in _LIFECYCLE:
        return None
    found = {
        script.value.value
        for package in graph.all(Package)
        for script in package.scripts
        if script.key == name and isinstance(script.value, Known)
    }
    if len(found) != 1:
        return None
    rest = (match["rest"] or "").strip().removeprefix("--").strip()
    return f"{found.pop()} {rest}".strip()
