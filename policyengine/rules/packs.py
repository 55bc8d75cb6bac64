"""Find, load and check policy packs. Whatever is wrong with a pack stops the run: rules must not vanish silently."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from policyengine.hooks import ENTRY_POINTS, PROJECT, Specification
from policyengine.model.source import UsageError
from policyengine.rules.rule import Pack

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType


def load(extra: Sequence[str] = ()) -> tuple[Pack[Any], ...]:
    """The packs of the environment (entry points) and those named by module or path, sorted by name.

    Raises:
        UsageError: a pack does not load, implements an unknown hook, or repeats a rule id.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specification)
    try:
        manager.load_setuptools_entrypoints(ENTRY_POINTS)
    except Exception as error:
        raise UsageError(f"an installed policy pack does not load: {_reason(error)}") from error
    for name in extra:
        module = _import(name)
        if not manager.is_registered(module):
            try:
                manager.register(module)
            except (ValueError, pluggy.PluginValidationError) as error:
                raise UsageError(f"policy pack '{name}' cannot be registered: {_reason(error)}") from error
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise UsageError(f"policy pack '{_plugin(manager, error)}' implements an unknown hook: {error}") from error
    return _checked([_pack(manager, plugin) for plugin in manager.get_plugins()])


def _plugin(manager: pluggy.PluginManager, error: pluggy.PluginValidationError) -> str:
    return manager.get_name(error.plugin) or repr(error.plugin)


def _pack(manager: pluggy.PluginManager, plugin: object) -> Pack[Any]:
    name = manager.get_name(plugin) or repr(plugin)
    hook = getattr(plugin, "policyengine_pack", None)
    if hook is None:
        raise UsageError(f"policy pack '{name}' does not implement the hook 'policyengine_pack'")
    try:
        pack = hook()
    except Exception as error:
        raise UsageError(f"policy pack '{name}' does not load: {_reason(error)}") from error
    if not isinstance(pack, Pack):
        raise UsageError(f"policy pack '{name}': policyengine_pack() returned {type(pack).__name__}, not a Pack")
    return pack


def _checked(packs: list[Pack[Any]]) -> tuple[Pack[Any], ...]:
    owners: dict[str, str] = {}
    names: set[str] = set()
    for pack in packs:
        if pack.name in names:
            raise UsageError(f"two policy packs are called '{pack.name}'")
        names.add(pack.name)
        for rule in pack.rules:
            if rule.id in owners:
                raise UsageError(f"rule id {rule.id} is in the packs '{owners[rule.id]}' and '{pack.name}'")
            if rule.mandate not in pack.mandates:
                raise UsageError(f"rule {rule.id} of the pack '{pack.name}' names the unknown mandate '{rule.mandate}'")
            owners[rule.id] = pack.name
    return tuple(sorted(packs, key=lambda pack: pack.name))


def _import(name: str) -> ModuleType:
    path = Path(name)
    if not (name.endswith(".py") or "/" in name or path.is_dir()):
        try:
            return importlib.import_module(name)
        except Exception as error:
            raise UsageError(f"policy pack '{name}' does not import: {_reason(error)}") from error
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"policy pack '{name}' has no file {file}")
    stem = path.resolve().stem.replace("-", "_")
    found = importlib.util.spec_from_file_location(
        stem, file.resolve(), submodule_search_locations=[str(path.resolve())] if path.is_dir() else None
    )
    if found is None or found.loader is None:
        raise UsageError(f"policy pack '{name}' is not a Python file")
    if stem in sys.modules:
        module = sys.modules[stem]
        if Path(getattr(module, "__file__", None) or "").resolve() == file.resolve():
            return module
        raise UsageError(f"policy pack '{name}' has the name of the imported module '{stem}'; rename it")
    module = importlib.util.module_from_spec(found)
    sys.modules[stem] = module
    try:
        found.loader.exec_module(module)
    except Exception as error:
        del sys.modules[stem]
        raise UsageError(f"policy pack '{name}' does not import: {_reason(error)}") from error
    return module


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
