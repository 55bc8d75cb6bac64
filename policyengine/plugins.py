"""Find, load and check plug-ins. Whatever is wrong with one stops the run: rules must not vanish silently."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import pluggy
from msgspec import Struct

from policyengine.hooks import HOOKS_VERSION, PROJECT, Specification
from policyengine.knowledge import loading
from policyengine.knowledge.loading import Facts
from policyengine.linking.evidence import Evidence
from policyengine.model.source import UsageError
from policyengine.platforms import Platform
from policyengine.plugin_modules import PACK, Plugin, modules, quiet, reason
from policyengine.repository.configuration import VERSION
from policyengine.repository.configuration_file import File
from policyengine.rules.checking import flaw
from policyengine.rules.evaluate import Reporter
from policyengine.rules.rule import Pack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from policyengine.hooks import ResourceReader

T = TypeVar("T")
N = TypeVar("N", Platform[Any], Reporter)


class Loaded(Struct, frozen=True):
    """Where a pack comes from: a distribution of the environment ('acme-policies 1.2.0'), or what `--pack` named.

    `replaces` is the installed pack of the same name that a named one stands in for: '1.1.0 of acme-policies 1.1.0'.
    """

    distribution: str = ""
    path: str = ""
    replaces: str = ""

    def __str__(self) -> str:
        if self.distribution:
            return "built in" if _built_in(self.distribution) else f"installed by {self.distribution}"
        return f"{self.path}, in place of {self.replaces}" if self.replaces else self.path


def _built_in(distribution: str) -> bool:
    return distribution.partition(" ")[0] == "policyengine-iac"


class Plugins(Struct, frozen=True):
    """What the plug-ins bring, each kind sorted by name. `loaded` says where each pack comes from, by its name."""

    packs: tuple[Pack[Any], ...] = ()
    loaded: dict[str, Loaded] = {}
    platforms: tuple[Platform[Any], ...] = ()
    facts: tuple[Facts, ...] = ()
    resources: dict[str, ResourceReader] = {}
    evidence: tuple[Evidence, ...] = ()
    reporters: tuple[Reporter, ...] = ()

    @property
    def parts(self) -> dict[str, type[Struct]]:
        """What may stand in policyengine.yaml for each platform that has a part, by its name."""
        return {each.name: each.part for each in self.platforms if each.part is not None}


def load(extra: Sequence[str] = ()) -> Plugins:
    """The plug-ins of the environment (entry points) and those named by module or path.

    Raises:
        UsageError: a plug-in does not load, implements an unknown hook or none, needs another version of the hooks, or
            repeats a name or a rule id.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specification)
    plugins: dict[str, Plugin] = {}
    for plugin in modules(extra):
        if manager.is_registered(plugin.module):
            continue
        needed = getattr(plugin.module, "POLICYENGINE_HOOKS", HOOKS_VERSION)
        if needed != HOOKS_VERSION:
            raise UsageError(f"{plugin} needs version {needed} of the hooks, and this is version {HOOKS_VERSION}")
        key = str(len(plugins))  # not the module's name, which an installed pack and a named one may share
        try:
            manager.register(plugin.module, key)
        except (ValueError, pluggy.PluginValidationError) as error:
            said = reason(error).partition("hookimpl definition: ")[2] or reason(error)  # before it stands the key
            raise UsageError(f"{plugin} cannot be registered: {said}") from error
        plugins[key] = plugin
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        odd = plugins[manager.get_name(error.plugin) or ""]
        raise UsageError(f"{odd} implements an unknown hook: {reason(error)}") from error
    for plugin in plugins.values():
        implemented = {caller.name for caller in manager.get_hookcallers(plugin.module) or ()}
        if plugin.kind == PACK and "policyengine_pack" not in implemented:
            raise UsageError(f"{plugin} does not implement the hook 'policyengine_pack'")
        if not implemented:
            raise UsageError(f"{plugin} implements no hook")
    brought, loaded = _unreplaced(_Asking(manager, plugins.values()))
    for plugin in plugins.values():
        if plugin not in brought and plugin.kind == PACK:
            manager.unregister(plugin.module)
    asking = _Asking(manager, (each for each in plugins.values() if manager.is_registered(each.module)))
    packs = _checked(list(brought.values()))
    if any(pack.extends for pack in packs):
        from policyengine.rules.extending import extended  # noqa: PLC0415  few packs do

        packs = extended(packs)
    taken = set(File.__struct_fields__) - {"facts"}  # a key that its platform shares
    platforms = asking.unique("policyengine_platforms", Platform, taken)
    if not platforms:
        raise UsageError("no platform is installed, so nothing can be read; install policyengine-iac again")
    facts = tuple(asking.facts())
    loading.use(facts)
    return Plugins(
        packs=packs,
        loaded=loaded,
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

    def __init__(self, manager: pluggy.PluginManager, plugins: Iterable[Plugin]) -> None:
        self._manager = manager
        self._plugins = tuple(plugins)

    def each(self, hook: str, kind: type[T]) -> Iterator[tuple[Plugin, T]]:
        """The one object that each plug-in returns, with whose it is."""
        for plugin, found in self._results(hook):
            yield plugin, _typed(plugin, hook, found, kind)

    def every(self, hook: str, kind: type[T]) -> Iterator[tuple[Plugin, T]]:
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

    def entries(self, hook: str, kind: type[T]) -> Iterator[tuple[Plugin, str, T]]:
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
                raise UsageError(f"{plugin}: policyengine_knowledge(): {reason(error)}") from error
            yield facts

    def _results(self, hook: str) -> Iterator[tuple[Plugin, object]]:
        for plugin in self._plugins:
            others = [each.module for each in self._plugins if each is not plugin]
            caller = self._manager.subset_hook_caller(hook, others)
            with quiet(f"{plugin} does not load"):
                results: list[object] = caller()
            if results == [] and any(each.plugin is plugin.module for each in caller.get_hookimpls()):
                results = [None]  # pluggy leaves out what is None
            for result in results:
                yield plugin, result


def _typed(plugin: Plugin, hook: str, found: object, kind: type[T]) -> T:
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


def _unreplaced(asking: _Asking) -> tuple[dict[Plugin, Pack[Any]], dict[str, Loaded]]:
    """The packs without installed ones that a named one of the same name replaces, and where each comes from.

    Another version of the built-in pack has rules of it; what has none would only switch these off, by chance.
    """
    every = list(asking.each("policyengine_pack", Pack))
    named = {pack.name for plugin, pack in every if not plugin.distribution}
    replaced = {pack.name: (plugin, pack) for plugin, pack in every if plugin.distribution and pack.name in named}
    brought: dict[Plugin, Pack[Any]] = {}
    loaded: dict[str, Loaded] = {}
    for plugin, pack in every:
        if plugin.distribution:
            if pack.name not in replaced:
                brought[plugin] = pack
                loaded.setdefault(pack.name, Loaded(distribution=plugin.distribution))
            continue
        namesake = next((each for each, _ in every if each.distribution and each.top == plugin.top), None)
        other, old = replaced.get(pack.name, (None, None))
        if namesake is not None and namesake is not other:
            raise UsageError(f"{plugin} has the module name of the installed {namesake}; rename it")
        own = other is not None and _built_in(other.distribution)
        if own and old is not None and {each.id for each in old.rules}.isdisjoint(_ids(pack)):
            raise UsageError(
                f"{plugin} is called '{pack.name}', as the built-in pack is, and has none of its rules; rename it"
            )
        brought[plugin] = pack
        instead = "" if other is None or old is None else f"{old.version} of {other.distribution}"
        loaded[pack.name] = Loaded(path=plugin.name, replaces=instead)
    return brought, loaded


def _ids(pack: Pack[Any]) -> set[str]:
    """The ids of a pack that nobody has checked yet."""
    rules: object = pack.rules
    return {str(getattr(each, "id", "")) for each in rules} if isinstance(rules, (tuple, list)) else set()


def _checked(packs: list[Pack[Any]]) -> tuple[Pack[Any], ...]:
    owners: dict[str, str] = {}
    names: set[str] = set()
    for pack in packs:
        if pack.name in names:
            raise UsageError(f"two policy packs are called '{pack.name}'")
        names.add(pack.name)
        wrong = flaw(pack)
        if wrong:
            raise UsageError(f"the pack '{pack.name}' {wrong}")
        if VERSION in getattr(pack.options, "__struct_encode_fields__", ()):
            raise UsageError(
                f"the pack '{pack.name}' has an option '{VERSION}', which in policyengine.yaml says which may run"
            )
        for rule in pack.rules:
            if rule.id in owners:
                raise UsageError(f"rule id {rule.id} is in the packs '{owners[rule.id]}' and '{pack.name}'")
            if rule.mandate and rule.mandate not in pack.mandates:
                raise UsageError(f"rule {rule.id} of the pack '{pack.name}' names the unknown mandate '{rule.mandate}'")
            owners[rule.id] = pack.name
    return tuple(sorted(packs, key=lambda pack: pack.name))
