"""Find, load and check plug-ins. Whatever is wrong with one stops the run: rules must not vanish silently."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
from msgspec import Struct

from policyengine.entry_points import EXTENSIONS, PACKS, installed
from policyengine.hooks import HOOKS_VERSION, PROJECT, Specification
from policyengine.knowledge import loading
from policyengine.knowledge.loading import Facts
from policyengine.linking.evidence import Evidence
from policyengine.model.source import UsageError
from policyengine.platforms import Platform
from policyengine.repository.configuration_file import File
from policyengine.rules.evaluate import Reporter
from policyengine.rules.rule import Pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import ModuleType

    from policyengine.hooks import ResourceReader

T = TypeVar("T")
N = TypeVar("N", Platform[Any], Reporter)

_KINDS = {PACKS: "policy pack", EXTENSIONS: "extension"}


class Plugins(Struct, frozen=True):
    """What the plug-ins bring, each kind sorted by name."""

    packs: tuple[Pack[Any], ...] = ()
    platforms: tuple[Platform[Any], ...] = ()
    facts: tuple[Facts, ...] = ()
    resources: dict[str, ResourceReader] = {}
    evidence: tuple[Evidence, ...] = ()
    reporters: tuple[Reporter, ...] = ()

    @property
    def parts(self) -> dict[str, type[Struct]]:
        """What may stand in policyengine.yaml for each platform that has a part, by its name."""
        return {each.name: each.part for each in self.platforms if each.part is not None}


class _Plugin(Struct, frozen=True):
    """A loaded module, and how messages call it: `policy pack 'acme'`."""

    module: ModuleType
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"


def load(extra: Sequence[str] = ()) -> Plugins:
    """The plug-ins of the environment (entry points) and those named by module or path.

    Raises:
        UsageError: a plug-in does not load, implements an unknown hook or none, needs another version of the hooks, or
            repeats a name or a rule id.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specification)
    plugins: dict[str, _Plugin] = {}
    for plugin in (*_installed(), *_named(extra)):
        if manager.is_registered(plugin.module):
            continue
        needed = getattr(plugin.module, "POLICYENGINE_HOOKS", HOOKS_VERSION)
        if needed != HOOKS_VERSION:
            raise UsageError(f"{plugin} needs version {needed} of the hooks, and this is version {HOOKS_VERSION}")
        try:
            manager.register(plugin.module)
        except (ValueError, pluggy.PluginValidationError) as error:
            raise UsageError(f"{plugin} cannot be registered: {_reason(error)}") from error
        plugins[manager.get_name(plugin.module) or ""] = plugin
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        odd = plugins[manager.get_name(error.plugin) or ""]
        raise UsageError(f"{odd} implements an unknown hook: {_reason(error)}") from error
    for plugin in plugins.values():
        implemented = {caller.name for caller in manager.get_hookcallers(plugin.module) or ()}
        if plugin.kind == _KINDS[PACKS] and "policyengine_pack" not in implemented:
            raise UsageError(f"{plugin} does not implement the hook 'policyengine_pack'")
        if not implemented:
            raise UsageError(f"{plugin} implements no hook")
    asking = _Asking(manager, plugins.values())
    packs = _checked(list(asking.each("policyengine_pack", Pack)))
    taken = set(File.__struct_fields__) - {"facts"}  # a key that its platform shares
    platforms = asking.unique("policyengine_platforms", Platform, taken)
    if not platforms:
        raise UsageError("no platform is installed, so nothing can be read; install policyengine-iac again")
    facts = tuple(asking.facts())
    loading.use(facts)
    return Plugins(
        packs=packs,
        platforms=platforms,
        facts=facts,
        resources=_resources(asking),
        evidence=tuple(each for _, each in asking.every("policyengine_evidence", Evidence)),
        reporters=asking.unique("policyengine_reporters", Reporter),
    )


@lru_cache(maxsize=1)
def environment() -> Plugins:
    """The plug-ins of the environment, loaded once. Raises `UsageError` as `load` does."""
    return load()


class _Asking:
    """Calls hooks through pluggy, one plug-in at a time, so that an error names whose it is."""

    def __init__(self, manager: pluggy.PluginManager, plugins: Iterable[_Plugin]) -> None:
        self._manager = manager
        self._plugins = tuple(plugins)

    def each(self, hook: str, kind: type[T]) -> Iterator[T]:
        """The one object that each plug-in returns."""
        for plugin, found in self._results(hook):
            yield _typed(plugin, hook, found, kind)

    def every(self, hook: str, kind: type[T]) -> Iterator[tuple[_Plugin, T]]:
        """The objects in the lists that plug-ins return, each with whose it is."""
        for plugin, found in self._results(hook):
            if not isinstance(found, (list, tuple)):
                raise UsageError(f"{plugin}: {hook}() returned {type(found).__name__}, not a list")
            for item in found:
                yield plugin, _typed(plugin, hook, item, kind)

    def unique(self, hook: str, kind: type[N], taken: Iterable[str] = ()) -> tuple[N, ...]:
        """The objects in those lists by their names, which none may share, nor have one that is taken."""
        taken = {*taken}
        kept: dict[str, N] = {}
        for plugin, each in self.every(hook, kind):
            if each.name in kept or each.name in taken:
                raise UsageError(f"{plugin}: the name of the {kind.__name__.lower()} '{each.name}' is taken")
            kept[each.name] = each
        return tuple(kept[name] for name in sorted(kept))

    def entries(self, hook: str, kind: type[T]) -> Iterator[tuple[_Plugin, str, T]]:
        """The entries of the mappings that plug-ins return, each with whose it is and its key."""
        for plugin, found in self._results(hook):
            for key, each in _typed(plugin, hook, found, dict).items():
                yield plugin, str(key), _typed(plugin, hook, each, kind)

    def facts(self) -> Iterator[Facts]:
        """What plug-ins know, each checked against the table that it is for."""
        for plugin, facts in self.every("policyengine_knowledge", Facts):
            try:
                loading.check(facts)
            except ValueError as error:
                raise UsageError(f"{plugin}: policyengine_knowledge(): {_reason(error)}") from error
            yield facts

    def _results(self, hook: str) -> Iterator[tuple[_Plugin, object]]:
        for plugin in self._plugins:
            others = [each.module for each in self._plugins if each is not plugin]
            caller = self._manager.subset_hook_caller(hook, others)
            try:
                results: list[object] = caller()
            except Exception as error:
                raise UsageError(f"{plugin} does not load: {_reason(error)}") from error
            if results == [] and any(each.plugin is plugin.module for each in caller.get_hookimpls()):
                results = [None]  # pluggy leaves out what is None
            for result in results:
                yield plugin, result


def _typed(plugin: _Plugin, hook: str, found: object, kind: type[T]) -> T:
    if not isinstance(found, kind):
        what = f"returned {type(found).__name__}, not a {kind.__name__}"
        raise UsageError(f"{plugin}: {hook}() {what}")
    return found


def _resources(asking: _Asking) -> dict[str, ResourceReader]:
    found: dict[str, ResourceReader] = {}
    for plugin, kind, make in asking.entries("policyengine_terraform_resources", object):
        if not callable(make):
            raise UsageError(f"{plugin}: what the resource type '{kind}' makes cannot be called")
        if kind in found:
            raise UsageError(f"{plugin} makes nodes of the resource type '{kind}', which another plug-in does")
        found[kind] = make
    return found


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


def _installed() -> Iterator[_Plugin]:
    """The modules of the environment's entry points."""
    for point in installed():
        kind = _KINDS[point.group]
        try:
            module = importlib.import_module(point.module)
        except Exception as error:
            raise UsageError(f"the installed {kind} '{point.name}' does not load: {_reason(error)}") from error
        yield _Plugin(module, kind, point.name)


def _named(extra: Sequence[str]) -> Iterator[_Plugin]:
    for name in extra:
        module = _import(name)
        kind = PACKS if hasattr(module, "policyengine_pack") else EXTENSIONS
        yield _Plugin(module, _KINDS[kind], name)


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
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
