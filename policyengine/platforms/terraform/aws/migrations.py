"""What runs schema migrations from Terraform: terraform_data and null_resource, and whether a change starts them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.model.nodes import Extension, MigrationRunner
from policyengine.model.value import Absent, Known, Value
from policyengine.patterns import regex
from policyengine.platforms.terraform.aws.migration_commands import migration_tool
from policyengine.platforms.terraform.resources import facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack

_HASH = regex(r"\b(?:file(?:md5|sha\d+|base64sha\d+)|fileset|timestamp|plantimestamp|archive_file)\b")
_LOCAL = regex(r"\blocal\.([\w-]+)")
_RUN_TASK = regex(r"\becs\s+run-task\b|\brun_task\b")
_MIGRATES = regex(r"migrat|\bprisma\b|\balembic\b|\bflyway\b|\bliquibase\b|\bdrizzle|\bgoose\b|db:setup", re.IGNORECASE)


def runner(stack: Stack, resource: Resource) -> Iterator[Node]:
    """A terraform_data or null_resource whose provisioner migrates, or starts a task that does."""
    text = _script(resource)
    if not text:
        return
    tasks = list(_tasks(stack, resource))
    if not (_MIGRATES.search(text) or any(_migrates(task) for task in tasks)):
        return
    if _RUN_TASK.search(text) and any(_migrates(task) for task in tasks):
        return  # the task's own container is the runner
    yield MigrationRunner(
        id=stack.id(resource.address),
        name=resource.address,
        side=stack.side,
        span=resource.span,
        tool=migration_tool(text) or "script",
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


def _script(resource: Resource) -> str:
    """The text of a resource's provisioners."""
    return "\n".join(
        resource.block.source.text[block.body.start : block.body.end]
        for block in resource.block.body.blocks
        if block.type == "provisioner"
    )


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


def _migrates(task: Resource) -> bool:
    return (
        _MIGRATES.search(task.name) is not None
        or _MIGRATES.search(task.block.text_of("container_definitions")) is not None
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
