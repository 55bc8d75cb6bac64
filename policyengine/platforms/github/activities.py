"""What a command or an action does, as far as rules ask: bring up Compose, test, deploy, migrate."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.model.nodes import Activity, ComposeUp, Deploy, EndToEnd, Migrate, ShellCommand
from policyengine.model.value import Known, Unknown, Value
from policyengine.patterns import regex
from policyengine.platforms.github.wrapping import SHELLS, bare
from policyengine.repository.discover import join

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from policyengine.model.source import Span

_TESTS = {
    "playwright": ("test",), "cypress": ("run",), "wdio": ("run",), "testcafe": (), "nightwatch": (),
    "detox": ("test",), "cucumber-js": (),
}  # fmt: skip
_VALUED = frozenset({"-f", "--file", "--profile", "-p", "--project-name", "--env-file", "--project-directory",
                     "--parallel", "--progress", "--ansi", "--wait-timeout", "-t", "--timeout", "--scale",
                     "--exit-code-from", "--attach", "--network", "--publish", "--add-host", "--ipc", "--platform",
                     "--shm-size", "--mount", "-h", "--hostname", "-l", "--label", "--cap-add", "--gpus", "-m",
                     "--memory", "--cpus",  "--no-attach", "--pull", "-c", "--context", "-u", "--user",
                     "-e", "--env", "-w", "--workdir", "--entrypoint", "--name", "-v", "--volume"})  # fmt: skip


def of_command(command: ShellCommand) -> tuple[Activity, ...]:
    """What one command does."""
    words = bare(command.argv)
    if not words or words[0] in {"echo", "printf"}:
        return ()
    compose = _compose(words)
    if compose is not None:
        return _of_compose(compose, command)
    inside = _in_container(words)
    if inside:
        return _inside(inside, command)
    found: list[Activity] = []
    test = _test(words)
    if test and not command.remote:
        contained = command.contained
        found.append(EndToEnd(span=command.span, runner=test, forgiven=command.forgiven, in_container=contained))
    deploy = _deploy(words)
    if deploy:
        found.append(Deploy(span=command.span, tool=deploy, image=_image(words, command), forgiven=command.forgiven))
    migrate = _migrate(" ".join(words))
    if migrate is not None:
        found.append(Migrate(span=command.span, tool=migrate[0], push=migrate[1]))
    return tuple(found)


def _compose(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """The words after `docker compose`, or None; also where a Makefile finds out what that is called."""
    name = words[0].rpartition("/")[2]
    if re.fullmatch(r"\$[({]?\w*COMPOSE\w*[)}]?", name, re.IGNORECASE):
        return words[1:]
    if name in {"-f", "--file", "-p", "--project-name"} and any("compose" in word for word in words[1:]):
        return words
    if name in {"docker-compose", "podman-compose", "docker-compose-v1"}:
        return words[1:]
    if name in {"docker", "podman"} and "compose" in words[1:6]:
        at = words.index("compose")
        if all(word.startswith("-") or words[index - 1].startswith("-") for index, word in enumerate(words[1:at], 1)):
            return words[at + 1 :]
    return None


def _of_compose(words: tuple[str, ...], command: ShellCommand) -> tuple[Activity, ...]:
    files, profiles, index, directory = [], [], 0, command.directory
    while index < len(words) and words[index].startswith("-"):
        option, equals, value = words[index].partition("=")
        if option in _VALUED and not equals:
            index += 1
            value = words[index] if index < len(words) else ""
        elif option.startswith("-f") and len(option) > 2:
            option, value = "-f", words[index][2:]
        if option in {"-f", "--file"}:
            files.append(join(command.directory, value) or value)
        elif option == "--profile":
            profiles.append(value)
        elif option == "--project-directory":
            directory = join(command.directory, value) or directory
        index += 1
    verb, rest = (words[index], words[index + 1 :]) if index < len(words) else ("", ())
    if verb == "up":
        if command.remote:
            return (Deploy(span=command.span, tool="ssh", forgiven=command.forgiven),)
        return (_up(rest, files, profiles, directory, command),)
    if verb in {"run", "exec"}:
        named = _positional(rest)
        inner = named[1:]
        if not inner and verb == "run" and named and re.search(r"playwright|cypress|e2e", named[0]):
            runner = "cypress" if "cypress" in named[0] else "playwright"
            tests: tuple[Activity, ...] = (
                EndToEnd(span=command.span, runner=runner, forgiven=command.forgiven, in_container=True),
            )
        else:
            tests = _inside(tuple(inner), command)
        if verb == "run" and "--no-deps" not in rest and any(isinstance(each, EndToEnd) for each in tests):
            return (_up(named[:1], files, profiles, directory, command), *tests)  # with what the service depends on
        return tests
    return ()


def _in_container(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words that `docker run IMAGE …` or `docker exec NAME …` runs; empty for other commands."""
    if words[0] not in {"docker", "podman"} or len(words) < 3:
        return ()
    at = 2 if words[1] == "container" else 1
    if words[at] not in {"run", "exec"}:
        return ()
    return tuple(_positional(words[at + 1 :])[1:])


def _inside(words: tuple[str, ...], command: ShellCommand) -> tuple[Activity, ...]:
    """What a command in a container does: tests and migrations."""
    if words and words[0].rpartition("/")[2] in SHELLS:
        return ()  # the script is followed
    inner = bare(words)
    test = _test(inner)
    migrate = _migrate(" ".join(inner))
    deploy = _deploy(inner) if inner else ""
    found: list[Activity] = []
    if test and not command.remote:
        found.append(EndToEnd(span=command.span, runner=test, forgiven=command.forgiven, in_container=True))
    if deploy:
        found.append(Deploy(span=command.span, tool=deploy, image=None, forgiven=command.forgiven))
    if migrate is not None:
        found.append(Migrate(span=command.span, tool=migrate[0], push=migrate[1]))
    return tuple(found)


def _up(rest: Sequence[str], files: list[str], profiles: list[str], directory: str, command: ShellCommand) -> ComposeUp:
    flags = {word.partition("=")[0] for word in rest if word.startswith("-")}
    short = {letter for word in rest if re.fullmatch(r"-[a-zV]+", word) for letter in word[1:]}
    wait = "--wait" in flags and "--wait=false" not in rest
    return ComposeUp(
        span=command.span,
        files=tuple(files),
        services=tuple(word for word in _positional(rest) if not word.startswith("-")),
        profiles=tuple(profiles),
        wait=wait,
        detached="--detach" in flags or "d" in short or wait or command.background,
        build="--build" in flags,
        forgiven=command.forgiven,
        environment=command.assignments,
        directory=directory,
    )


def _positional(words: Sequence[str]) -> list[str]:
    """The words from the first that is no option of Docker's; what stands behind it is left as it is."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in _VALUED else 1
    return list(words[index:])


def _test(words: Sequence[str]) -> str:
    """The runner of end-to-end tests that a command starts, or an empty text."""
    if not words:
        return ""
    name = words[0].rpartition("/")[2]
    rest = [word for word in words[1:] if not word.startswith("-")]
    if name == "pytest" and any("playwright" in word or word in {"--browser", "--headed"} for word in words):
        return "playwright"
    needed = _TESTS.get(name)
    if needed is None or "--help" in words or "--version" in words or "--list" in words:
        return ""
    return name if not needed or (rest and rest[0] in needed) else ""


_TERRAFORM = r"(?:terraform|tofu|terragrunt)"
_DEPLOYS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (tool, regex(pattern))
    for tool, pattern in (
        ("ecs", r"aws (?:-\S+ (?:[^-\s]\S* )?)*ecs (?:update-service|deploy|create-service|update-task-set)\b"),
        ("ecs", r"aws (?:-\S+ (?:[^-\s]\S* )?)*deploy create-deployment\b"),
        ("ecs", r"ecs-deploy(?:\.sh)?\b|ecs-cli (?:\S+ )+up\b|ecspresso (?:\S+ )*deploy\b"),
        ("ssm", r"aws (?:-\S+ (?:[^-\s]\S* )?)*ssm send-command\b"),
        ("terraform", rf"{_TERRAFORM} (?:-\S+ )*(?:run-all |run (?:--all )?(?:-- )?)?(?:-\S+ )*apply(?:-all)?(?:\s|$)"),
        ("pulumi", r"pulumi (?:-\S+ )*up(?:date)?\b"),
        ("ecr-push", r"docker (?:image )?push \S*(?:dkr\.ecr|ecr|ECR|registry)\S*"),
        ("copilot", r"copilot (?:\S+ )?deploy\b"),
        ("cdk", r"(?:aws-)?cdk (?:.* )?deploy\b"),
        ("cloudformation", r"aws (?:-\S+ (?:[^-\s]\S* )?)*cloudformation deploy\b|sam deploy\b"),
        ("lambda", r"aws (?:-\S+ (?:[^-\s]\S* )?)*lambda update-function-code\b|(?:serverless|sls) deploy\b"),
        ("k8s", r"kubectl (?:.* )?(?:apply|set image|rollout restart)\b|helm (?:.* )?(?:upgrade|install)\b"),
        ("beanstalk", r"eb deploy\b"),
        ("cloud-run", r"gcloud (?:\S+ )*run deploy\b"),
        ("fly", r"fly(?:ctl)? deploy\b"),
    )
)


def _deploy(words: Sequence[str]) -> str:
    line = " ".join((words[0].rpartition("/")[2], *words[1:]))
    if re.search(r"\s(?:--help|-help|-h|--dry-run(?:=\S+)?|--?refresh-only)(?:\s|$)", line):
        return ""
    return next((tool for tool, pattern in _DEPLOYS if pattern.match(line)), "")


def _image(words: Sequence[str], command: ShellCommand) -> Value[str] | None:
    """What a deployment names as its image: `-var image_digest=…`, `--image …`."""
    for index, word in enumerate(words):
        match = re.match(r"(?:-var=|--var=)?['\"]?(\w*(?:image|digest|tag)\w*)=(.*)", word, re.IGNORECASE)
        if match and match[2]:
            span = command.words[min(len(command.words) - len(words) + index, len(command.words) - 1)].span
            return Known(match[2], span) if "$" not in match[2] else Unknown(f"it is {match[2]}", span)
    return None


_MIGRATIONS: tuple[tuple[str, bool, re.Pattern[str]], ...] = tuple(
    (tool, push, regex(pattern))
    for tool, push, pattern in (
        ("prisma", True, r"\bprisma db push\b|\bprisma migrate dev\b"),
        ("prisma", False, r"\bprisma migrate (?:deploy|reset)\b"),
        ("drizzle", True, r"\bdrizzle-kit push"),
        ("drizzle", False, r"\bdrizzle-kit (?:migrate|up)"),
        ("alembic", False, r"\balembic (?:\S+ )*upgrade\b"),
        ("rails", False, r"\b(?:rails|rake) db:(?:migrate|prepare|setup|schema:load)"),
        ("django", False, r"\bmanage\.py migrate\b"),
        ("knex", False, r"\bknex (?:\S+ )*migrate:latest"),
        ("typeorm", False, r"\btypeorm\S* (?:\S+ )*migration:run"),
        ("sequelize", False, r"\bsequelize(?:-cli)? db:migrate"),
        ("flyway", False, r"\bflyway (?:\S+ )*migrate\b"),
        ("goose", False, r"\bgoose (?:\S+ )*up\b"),
        ("dbmate", False, r"\bdbmate (?:\S+ )*(?:up|migrate)\b"),
        ("supabase", False, r"\bsupabase db push\b"),
        ("flask", False, r"\bflask db upgrade\b"),
    )
)


def _migrate(line: str) -> tuple[str, bool] | None:
    return next(((tool, push) for tool, push, pattern in _MIGRATIONS if pattern.search(line)), None)


_ACTIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (regex(pattern, re.IGNORECASE), tool)
    for pattern, tool in (
        (r"aws-actions/amazon-ecs-deploy(?:-task-definition|-express-service)?@", "ecs"),
        (r"aws-actions/aws-cloudformation-github-deploy@", "cloudformation"),
        (r"[\w.-]+/(?:[\w.-]+/)*(?:terraform|tofu|terragrunt)[-/]apply/?@", "terraform"),
        (r"google-github-actions/deploy-\w+@", "cloud-run"),
        (r"azure/(?:webapps-deploy|k8s-deploy|container-apps-deploy-action)@", "azure"),
        (r"(?:einaregilsson/beanstalk-deploy)@", "beanstalk"),
        (r"superfly/flyctl-actions@", "fly"),
    )
)


def of_action(uses: str, inputs: Mapping[str, Value[str]], span: Span) -> tuple[Activity, ...]:
    """What a published action does, from its name and its inputs."""
    name = uses.lower()
    if re.match(r"(?:hoverkraft-tech|isbang|hoverkraft)/(?:docker-)?compose-action@", name):
        files = [join("", file) or file for file in _lines(inputs.get("compose-file"))]
        flags = " ".join(_lines(inputs.get("up-flags")))
        return (
            ComposeUp(
                span=span, files=tuple(files), services=tuple(_lines(inputs.get("services"))),
                wait="--wait" in flags, detached=True, build="--build" in flags,
            ),
        )  # fmt: skip
    if name.startswith("cypress-io/github-action@"):
        only_installs = inputs.get("runtests")
        if isinstance(only_installs, Known) and only_installs.value.strip().lower() == "false":
            return ()
        return (EndToEnd(span=span, runner="cypress"),)
    for pattern, tool in _ACTIONS:
        if pattern.match(name):
            return (Deploy(span=span, tool=tool, image=inputs.get("image")),)
    return ()


def _lines(value: Value[str] | None) -> list[str]:
    return value.value.split() if isinstance(value, Known) else []
