"""What a scan would read, and what would hold for it: `--show-files` and `--show-settings`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET, Struct, convert, to_builtins

from policyengine import engine, plugins
from policyengine.cli import output
from policyengine.cli.opened import opened
from policyengine.cli.options import ids, organisation
from policyengine.knowledge.names import unlisted_folders
from policyengine.platforms.units import Kept
from policyengine.reports import masks
from policyengine.reports.lines import visible, width
from policyengine.reports.redact import Redactor
from policyengine.repository import configuration
from policyengine.repository.configuration_file import file_type
from policyengine.syntax.tree import Mapping as Block

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from policyengine.cli.output import Target
    from policyengine.repository.configuration import Config
    from policyengine.repository.discover import Tree
    from policyengine.repository.organisation import Organisation
    from policyengine.syntax.tree import Document

_DEFAULTS = {"profile": configuration.RECOMMENDED, "environment": "that of production"}
"""What holds where a key without a default of its own is not set."""


def files(arguments: argparse.Namespace, tree: Tree, targets: Sequence[Target]) -> int:
    """List what is read, and by which platforms, and what is not, and why; 3 where something could not be read."""
    asked = opened(arguments, tree)
    kept = Kept()
    scanned = engine.build_graph(tree, asked.config, asked.plugins, engine.Work(asked.work.given, 1, kept=kept))
    titles = {each.name: each.title for each in asked.plugins.platforms}
    readers: dict[str, set[str]] = {path: set() for path in scanned.sources}
    for platform, paths in kept.read_by().items():
        for path in paths:
            real = path if path in readers else next((each for each in readers if each.endswith(f"/{path}")), None)
            if real is not None:
                readers[real].add(titles[platform])
    if asked.config.path:
        readers.setdefault(asked.config.path, set()).add("configuration")
    left = dict(_ignored(tree, arguments.paths or ["."]))
    here = frozenset(tree.without(asked.config.exclude).paths)
    left |= {path: f"excluded in {asked.config.path}" for path in tree.paths if path not in here}
    for choice in scanned.graph.choices:
        if choice.what == "file left aside":
            left[choice.chosen] = choice.reason
    for failure in scanned.failures:
        if failure.span is not None:
            left[failure.span.path] = f"could not be read: {failure.message}"
    redactor = Redactor(scanned.graph, scanned.sources)
    read = [
        (path, ", ".join(sorted(by)) or "what compares") for path, by in sorted(readers.items()) if path not in left
    ]
    unread = [(path, redactor.text(why)) for path, why in sorted(left.items())]
    others = len([path for path in here if path not in readers and path not in left])
    made: dict[str, object] = {
        "read": [{"path": path, "by": by} for path, by in read],
        "not_read": [{"path": path, "reason": why} for path, why in unread],
        "not_asked_for": others,
    }
    lines = ["read", *_columns(read), ""]
    lines += ["not read", *_columns(unread), ""] if unread else []
    lines.append(f"{others} more files that nothing asked for")
    return max(output.left_undone(scanned), _deliver(targets, lines, made))


def settings(arguments: argparse.Namespace, tree: Tree, targets: Sequence[Target]) -> int:
    """List each setting with its value, and the line that says so, or the option, or that it is the default."""
    loaded = plugins.load(arguments.pack)
    above = organisation(arguments)
    config = engine.load_config(tree, loaded, arguments.config, above)
    kind = file_type(loaded.parts)
    document = config.document
    held = convert(configuration.plain(document), kind) if document is not None else kind(version=1)
    rows = [row for row in _rows("", held, document, config) if not row[0].startswith("packs")]
    for pack in loaded.packs:
        part = configuration.at(document, ["packs", pack.name]) if pack.name in config.packs and document else None
        rows += _rows(f"packs.{pack.name}.", configuration.options(config, pack.name, pack.options), part, config)
    given = {"profile": arguments.profile, "select": ids(arguments.select), "ignore.rules": ids(arguments.ignore)}
    options = {"profile": "--profile", "select": "--select", "ignore.rules": "--ignore"}
    rows = [(key, given[key], options[key]) if given.get(key) else (key, value, place) for key, value, place in rows]
    rows.append(("fail_on", arguments.fail_on, "default" if arguments.fail_on == "warning" else "--fail-on"))
    if above is not None:
        rows = [_held(row, config, above) for row in rows]
        rows.append(("organisation", above.name, above.source.path))
        rows.append(("organisation.locked", sorted(config.locks), above.source.path))
    shown = [(key, _masked(key, json.dumps(value, ensure_ascii=False)), place) for key, value, place in rows]
    made = {"settings": [{"key": key, "value": _plain(text), "from": place} for key, text, place in shown]}
    lines = _columns(shown, margin="")
    return _deliver(targets, lines, made)


def _rows(prefix: str, held: object, document: Document | None, config: Config) -> Iterator[tuple[str, object, str]]:
    """Each key below a part of the configuration with its value and where that comes from."""
    assert isinstance(held, Struct)  # noqa: S101  options of packs are structs, which is checked where they are loaded
    for name, key in zip(held.__struct_fields__, held.__struct_encode_fields__, strict=True):
        value = getattr(held, name)
        inner = document.get(key) if isinstance(document, Block) else None
        if isinstance(value, Struct):
            yield from _rows(f"{prefix}{key}.", value, inner, config)
            continue
        place = "default"
        if inner is not None and config.source is not None and isinstance(document, Block):
            entry = next(each for each in document.entries if each.key.text == key)
            place = configuration.where(config.source, entry.key.span)
        yield f"{prefix}{key}", _DEFAULTS.get(key) if value is UNSET else to_builtins(value), place


def _held(row: tuple[str, object, str], config: Config, above: Organisation) -> tuple[str, object, str]:
    """A setting under an organisation's file: with what holds, and the line that says so."""
    key, value, place = row
    value = {"profile": config.profile, "exclude": list(config.exclude)}.get(key, value)
    path = key.split(".") if key.startswith("packs.") else [key]
    for part in ([], ["defaults"]) if place == "default" else ([],):
        inner = configuration.at(above.document, [*part, *path])
        if inner is not configuration.at(above.document, [*part, *path[:-1]]):
            return key, value, configuration.where(above.source, inner.span)
    return key, value, place


def _masked(key: str, text: str) -> str:
    """A value as JSON, without what is secret by its key or form."""
    told = f"{key}: {text}"
    return masks.covered(told, masks.ranges(told))[len(key) + 2 :]


def _plain(text: str) -> object:
    """What JSON says that may be masked; a number that was is a text."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value


def _ignored(tree: Tree, paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The files and whole folders below some paths that are not in the tree, and why; nothing of them is opened."""
    unlisted = unlisted_folders()
    folders = {path[: at + 1] for path in tree.paths for at, letter in enumerate(path) if letter == "/"}
    for given in paths:
        for place, inner, names in os.walk(Path(os.path.abspath(given))):  # noqa: PTH100  as in discovery
            if not Path(place).is_relative_to(tree.root):
                break
            above = "" if Path(place) == tree.root else f"{Path(place).relative_to(tree.root).as_posix()}/"
            for name in sorted(inner):
                if f"{above}{name}/" not in folders:
                    inner.remove(name)
                    if next(os.walk(Path(place, name)), ("", [], []))[1:] != ([], []):
                        never = name in unlisted
                        yield f"{above}{name}/", "never read: not written by people" if never else "ignored by git"
            for name in sorted(names):
                if f"{above}{name}" not in tree:
                    yield f"{above}{name}", "ignored by git"


def _columns(rows: Sequence[tuple[str, ...]], margin: str = "  ") -> list[str]:
    """Rows of a table as lines, each column as wide as its widest cell, up to a third of a terminal."""
    rows = [tuple(map(visible, row)) for row in rows]
    widths = [min(48, max(width(row[number]) for row in rows)) for number in range(len(rows[0]) - 1)] if rows else []
    return [
        margin
        + "".join(f"{cell}{' ' * max(0, wide - width(cell))}  " for cell, wide in zip(row, widths, strict=False))
        + row[-1]
        for row in rows
    ]


def _deliver(targets: Sequence[Target], lines: Sequence[str], made: object) -> int:
    code = 0
    for target in targets:
        as_json = target.format == "json"
        text = json.dumps(made, indent=2, ensure_ascii=False) if as_json else "\n".join(lines)
        code = max(code, output.deliver(target, f"{text}\n"))
    return code
