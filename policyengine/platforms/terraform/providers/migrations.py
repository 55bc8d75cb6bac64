"""What runs schema migrations from Terraform: terraform_data and null_resource, and whether a change starts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.commands import about
from policyengine.model.nodes import Command, Extension, MigrationRunner
from policyengine.model.source import Span
from policyengine.model.value import Absent, Known, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.values import List
from policyengine.platforms.terraform.providers.definitions import definitions
from policyengine.platforms.terraform.providers.fields import Fields
from policyengine.platforms.terraform.resources import facts
from policyengine.syntax import shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.command import ShellCommand
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.stack import ResourceView

_HASH = regex(r"\b(?:file(?:md5|sha\d+|base64sha\d+)|fileset|timestamp|plantimestamp|archive_file)\b")
_TASK = regex(r"\baws_ecs_task_definition\.[\w-]+")
_INITIALISES = regex(r"(?:db|database|schema|sql)[-_]?init|init\w*[-_](?:db|database|schema|sql)")
_LOCAL = regex(r"\blocal\.([\w-]+)")


def migration_tool(*given: Value[Command]) -> str:
    """What migrates when a container starts with an entrypoint and a command: a tool, `script`, or nothing."""
    words = [each.value for each in given if isinstance(each, Known)]
    if not words:
        return ""
    started = Command(tuple(word for command in words for word in command.words), shell=words[0].shell)
    return _tool(shell.shell_commands(started, Span("", 0, 0)))


def _tool(commands: Iterable[ShellCommand]) -> str:
    found = [deed for command in commands for deed in command.deeds if deed.kind in {"migrate", "push-schema"}]
    return next((deed.tool for deed in found if deed.tool), "script" if found else "")


def runner(view: ResourceView) -> Iterator[Node]:
    """A terraform_data or null_resource whose provisioner migrates, or starts a task that does."""
    commands = tuple(_commands(view))
    name = view.resource.name
    named = commands and (about(name, "migrate") or _INITIALISES.search(name))
    tool = _tool(commands) or ("script" if named else "")
    migrating = any(_migrates(task) for task in _tasks(view))
    if not (tool or migrating):
        return
    if migrating and any(command.does("run-task") for command in commands):
        return  # the task's own container is the runner
    yield MigrationRunner(
        id=view.id,
        name=view.name,
        side=view.side,
        span=view.span,
        tool=tool or "script",
        hashed=_hashed(view),
    )


def starts_task(task: ResourceView) -> Value[bool] | None:
    """Whether what starts a migration task is triggered by a change of files; None where nothing starts it."""
    for kinds in (("terraform_data", "null_resource"), ("aws_lambda_invocation",)):
        for view in task.stack.kind(*kinds):
            if any(task.name == each.name for each in _tasks(view)):
                return _hashed(view)
    return None


def _commands(view: ResourceView) -> Iterator[ShellCommand]:
    """The commands that the provisioners of a resource run."""
    for provisioner in view.blocks("provisioner"):
        for name in ("command", "inline"):
            tree = provisioner.tree(name)
            for each in tree.items if isinstance(tree, List) else () if tree is None else (tree,):
                yield from shell.shell_commands(Command((facts.symbolic(each),), shell=True), provisioner.span)


def _tasks(view: ResourceView) -> Iterator[ResourceView]:
    """The task definitions that a resource names."""
    block, module = view.resource.block, view.resource.module
    seen: set[str] = set()
    for address in _TASK.findall(block.source.text[block.body.start : block.body.end]):
        found = view.stack.at(module.prefixed(address))
        if found is not None and found.name not in seen:
            seen.add(found.name)
            yield found


def _migrates(task: ResourceView) -> bool:
    """Whether a task is for migrations, by its name or by what its containers run."""
    containers = map(Fields, definitions(task).sections)
    return about(task.resource.name, "migrate") or any(
        migration_tool(each.command("entryPoint"), each.command("command")) for each in containers
    )


def _hashed(view: ResourceView) -> Value[bool]:
    """Whether a change of files is what runs a resource anew."""
    block = view.resource.block
    for name in ("triggers_replace", "triggers", "input"):
        attribute = block.body.attribute(name)
        if attribute is None:
            continue
        span = block.source.span(attribute.start, attribute.end)
        return Known(value=_HASH.search(_with_locals(view, block.text_of(name))) is not None, span=span)
    return Absent(view.span)


def _with_locals(view: ResourceView, text: str) -> str:
    """A text with the texts of the locals that it names, to any depth."""
    folder = view.resource.module.folder
    if folder is None:
        return text
    seen: set[str] = set()
    queue = [text]
    found: list[str] = []
    while queue:
        current = queue.pop()
        found.append(current)
        for name in _LOCAL.findall(current):
            declared = folder.locals.get(name)
            if declared is not None and name not in seen:
                seen.add(name)
                attribute = declared.attribute
                queue.append(declared.source.text[attribute.value : attribute.end])
    return "\n".join(found)


def extension(view: ResourceView) -> Iterator[Node]:
    """A postgresql_extension."""
    yield Extension(
        id=view.id,
        name=view.name,
        side=view.side,
        span=view.span,
        extension=view.text("name"),
        version=view.text("version"),
    )
