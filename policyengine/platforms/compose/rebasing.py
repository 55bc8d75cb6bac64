"""Relative paths of an included or extended file, joined to the folder that they start from."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from policyengine.platforms.compose.canonical import changed, each_entry, mapped
from policyengine.platforms.compose.located import Branch, Leaf, Node
from policyengine.platforms.compose.short import derived

if TYPE_CHECKING:
    from collections.abc import Callable


def rebased(tree: Branch, base: str) -> Branch:
    """The model with its relative paths joined to `base`, as for a file that was included or extended."""

    def path(node: Node) -> Node:
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            return node
        if not node.value or node.value.startswith(("/", "~")):
            return node
        return derived(node, posixpath.normpath(posixpath.join(base, node.value)))

    def context(node: Node) -> Node:
        text = str(node.value) if isinstance(node, Leaf) else ""
        return node if is_remote(text) else path(node)

    def all_of(function: Callable[[Node], Node]) -> Callable[[Node], Node]:
        def apply(node: Node) -> Node:
            if isinstance(node, Branch):
                entries = {key: field._replace(node=function(field.node)) for key, field in node.entries.items()}
                return node._replace(entries=entries)
            return mapped(node, function)

        return apply

    def mount(node: Node) -> Node:
        kind = node.get("type") if isinstance(node, Branch) else None
        if isinstance(node, Branch) and isinstance(kind, Leaf) and kind.value == "bind":
            return changed(node, "source", path)
        return node

    def service(node: Node) -> Node:
        if not isinstance(node, Branch):
            return node
        build = node.get("build")
        if isinstance(build, Branch):
            build = changed(build, "context", context)
            build = changed(build, "additional_contexts", all_of(context))
            node = node.with_entry("build", changed(build, "ssh", all_of(path)))
        node = changed(
            node, "env_file", all_of(lambda each: changed(each, "path", path) if isinstance(each, Branch) else each)
        )
        node = changed(node, "label_file", all_of(path))
        node = changed(node, "extends", lambda each: changed(each, "file", path) if isinstance(each, Branch) else each)
        node = changed(node, "volumes", all_of(mount))
        develop = node.get("develop")
        if isinstance(develop, Branch):
            node = node.with_entry(
                "develop",
                changed(
                    develop,
                    "watch",
                    all_of(lambda each: changed(each, "path", path) if isinstance(each, Branch) else each),
                ),
            )
        return node

    tree = each_entry(tree, "services", lambda _, node: service(node))
    for name in ("configs", "secrets"):
        tree = each_entry(tree, name, lambda _, node: changed(node, "file", path) if isinstance(node, Branch) else node)
    return each_entry(tree, "volumes", lambda _, node: _driver_device(node, path))


def _driver_device(node: Node, path: Callable[[Node], Node]) -> Node:
    options = node.get("driver_opts") if isinstance(node, Branch) else None
    if not isinstance(node, Branch) or not isinstance(options, Branch):
        return node
    driver, mode = node.get("driver"), options.get("o")
    local = isinstance(driver, Leaf) and driver.value == "local" and isinstance(mode, Leaf) and mode.value == "bind"
    return node.with_entry("driver_opts", changed(options, "device", path)) if local else node


def is_remote(context: str) -> bool:
    """Whether a build context is no folder: a URL, a Git reference, another service."""
    prefixes = ("service:", "github.com/", "git@")
    return "://" in context or context.startswith(prefixes)
