"""What runs schema migrations from Terraform: terraform_data and null_resource, and whether a change starts them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.knowledge.commands import about
from policyengine.model.nodes import Command, Extension, MigrationRunner
from policyengine.model.source import Span
from policyengine.model.value import Absent, Known, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.aws.definitions import definitions
from policyengine.platforms.terraform.aws.fields import Fields
from policyengine.platforms.terraform.language.values import List
from policyengine.platforms.terraform.resources import facts
from policyengine.syntax import shell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from policyengine.model.command import ShellCommand
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack

_HASH = regex(r"\b(?:file(?:md5|sha\d+|base64sha\d+)|fileset|timestamp|plantimestamp|archive_file)\b")
_LOCAL = regex(r"\blocal\.([\w-]+)")


def migration_tool(*given: Value[Command]) -> str:
    """What migrates when a container starts with an entrypoint and a command: a tool, `script`, or nothing."""
    words = [each.value for each in given if isinstance(each, Known)]
    if not words:
        return ""
    started = Command(tuple(word for command in words for word in command.words), shell=words[0].shell)
    return _tool(shell.commands(started, Span("", 0, 0)))


def _tool(commands: Iterable[ShellCommand]) -> str:
    found = [deed for command in commands for deed in command.deeds if deed.kind in {"migrate", "push-schema"}]
    return next((deed.tool for deed in found if deed.tool), "script" if found else "")


def runner(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A terraform_data or null_resource whose provisioner migrates, or starts a task that does."""
    commands = tuple(_commands(resource))
    tool = _tool(commands) or ("script" if commands and about(resource.name, "migrate") else "")
    migrating = any(_migrates(stack, task) for task in _tasks(stack, resource))
    if not (tool or migrating):
        return
    if migrating and any(command.does("run-task") for command in commands):
        return  # the task's own container is the runner
    yield MigrationRunner(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=resource.span,
        tool=tool or "script",
        hashed=_hashed(resource),
    )


def starts_task(stack: Stack, task: Resource) -> Value[bool] | None:
    """Whether what starts a migration task is triggered by a change of files; None where nothing starts it."""
    for resource in stack.kind("terraform_data", "null_resource"):
        if any(task.address == each.address for each in _tasks(stack, resource)):
            return _hashed(resource)
    for resource in stack.kind("aws_lambda_invocation"):
        if any(task.address == each.address for each in _tasks(stack, resource)):
            return _hashed(resource)
    return None


def _commands(resource: Resource) -> Iterator[ShellCommand]:
    """The commands that the provisioners of a resource run."""
    for provisioner in resource.blocks("provisioner").sections:
        for name in ("command", "inline"):
            tree = provisioner.get(name)
            for each in tree.items if isinstance(tree, List) else () if tree is None else (tree,):
                yield from shell.commands(Command((facts.symbolic(each),), shell=True), provisioner.span)


def _tasks(stack: Stack, resource: Resource) -> Iterator[Resource]:
    """The task definitions that a resource names."""
    body = resource.block.body
    text = resource.block.source.text[body.start : body.end]
    prefix = f"{resource.module.address}." if resource.module.address else ""
    seen: set[str] = set()
    for address in re.findall(r"\baws_ecs_task_definition\.[\w-]+", text):
        found = stack.at(prefix + address)
        if found is not None and found.address not in seen:
            seen.add(found.address)
            yield found


def _migrates(stack: Stack, task: Resource) -> bool:
    """Whether a task is for migrations, by its name or by what its containers run."""
    containers = (Fields(section) for section in definitions(stack, task).sections)
    return about(task.name, "migrate") or any(
        migration_tool(facts.command(each.get("entryPoint"), each.span), facts.command(each.get("command"), each.span))
        for each in containers
    )


def _hashed(resource: Resource) -> Value[bool]:
    for name in ("triggers_replace", "triggers", "input"):
        attribute = resource.block.body.attribute(name)
        if attribute is None:
            continue
        span = resource.block.source.span(attribute.start, attribute.end)
        return Known(value=_HASH.search(_with_locals(resource, resource.block.text_of(name))) is not None, span=span)
    return Absent(resource.span)


def _with_locals(resource: Resource, text: str) -> str:
    """A text with the texts of the locals that it names, to any depth."""
    folder = resource.module.folder
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


def extension(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A postgresql_extension."""
    yield Extension(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=resource.span,
        extension=facts.text(resource.get("name"), resource.span),
        version=facts.text(resource.get("version"), resource.span),
    )
