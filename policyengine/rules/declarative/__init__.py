"""Rules that are written in YAML, with conditions in CEL. Nothing of it is loaded where no such rule is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from msgspec import Struct

    from policyengine.rules.rule import Pack, Rule

_ENDINGS = (".yaml", ".yml")


def files_of(path: Path) -> tuple[Path, ...]:
    """The files of a pack in YAML: the file itself, or those that lie in a folder."""
    if not path.is_dir():
        return (path,)
    return tuple(each for each in sorted(path.iterdir()) if each.suffix in _ENDINGS and each.is_file())


def is_pack(path: Path) -> bool:
    """Whether a path is a file of rules in YAML, or a folder of such files that holds no Python package or project."""
    if path.is_dir():
        return not any((path / name).exists() for name in ("__init__.py", "pyproject.toml")) and bool(files_of(path))
    return path.suffix in _ENDINGS


def module(name: str) -> ModuleType:
    """A pack in YAML as the module of a plug-in. Raises `UsageError` as `yaml_pack` does."""
    from policyengine.rules.declarative import pack  # noqa: PLC0415  only for packs in YAML

    return pack.module(name)


def yaml_pack(path: str | Path) -> Pack[Any]:
    """The pack in a YAML file, or in the YAML files of a folder, one of which names it.

    Its cases lie in the folder `cases` beside the file.

    Raises:
        UsageError: a file cannot be read or is wrong; the message names it with line and column.
    """
    from policyengine.rules.declarative import pack  # noqa: PLC0415  only for packs in YAML

    return pack.yaml_pack(Path(path))


def yaml_rules(path: str | Path, options: type[Struct] | None = None) -> tuple[Rule[Any], ...]:
    """The rules of a YAML file, or of the YAML files of a folder, as part of a pack in Python.

    `options` is the type of the pack's options, whose fields conditions call `params.NAME`. The path is best made from
    that of the module: `Path(__file__).with_name("rules.yaml")`.

    Raises:
        UsageError: a file cannot be read or is wrong; the message names it with line and column.
    """
    from policyengine.rules.declarative import pack  # noqa: PLC0415  only for packs in YAML

    return pack.yaml_rules(Path(path), options)
