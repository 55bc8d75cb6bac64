"""Values computed on demand and once.

An evaluation that meets a name without a value stops (`Needs`); the value is computed first, from an explicit stack,
and the evaluation begins again. So no chain of locals, modules or resources is too long for the interpreter's stack,
and a cycle is noticed where it closes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.budget import Exhausted
from policyengine.model.value import Unknown
from policyengine.patterns import regex
from policyengine.platforms.terraform.workspace.instances import (
    NOWHERE,
    Key,
    ModuleInstance,
    NamedValues,
    Needs,
    key_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from policyengine.model.source import Span
    from policyengine.platforms.terraform.language.values import Tree

_OFTEN = 8
"""An evaluation that began so often is not begun anew for each further name."""

_NAMED = regex(r"\b(local|var)\.([\w-]+)")


class Demand(NamedValues, eq=False):
    """The named values of a root module, and how those that are needed are computed."""

    _evaluating: bool = False  # whether Needs is waited for

    def _evaluate(self, key: Key) -> Tree:
        """The value of a key. Raises Needs."""
        raise NotImplementedError

    def run(self, evaluation: Callable[[], Tree]) -> Tree:
        """The result of an evaluation, after everything it needs was computed."""
        while True:
            before, self._evaluating = self._evaluating, True
            try:
                return evaluation()
            except Needs as needs:
                self._compute(needs.key)
            finally:
                self._evaluating = before

    def _compute(self, key: Key) -> None:
        before, self._evaluating = self._evaluating, True
        try:
            self._compute_all(key)
        finally:
            self._evaluating = before

    def _compute_all(self, key: Key) -> None:
        stack = [key]
        waiting: set[Key] = set()
        begun: dict[Key, int] = {}
        while stack:
            current = stack[-1]
            if current not in waiting and current in self.memo:
                stack.pop()
                continue
            waiting.add(current)
            try:
                self.memo[current] = self._evaluate(current)
            except Exhausted as error:
                self.memo[current] = Unknown(str(error), self._place(current))
            except Needs as needs:
                if needs.key in waiting:
                    self.memo[needs.key] = Unknown(f"{key_text(needs.key)} depends on itself", self._place(needs.key))
                    continue
                stack.append(needs.key)
                begun[current] = begun.get(current, 0) + 1
                if begun[current] == _OFTEN:
                    stack.extend(each for each in self._named_by(current) if each not in waiting)
                continue
            stack.pop()
            waiting.discard(current)

    def _named_by(self, key: Key) -> Iterable[Key]:
        """What the text of a local names: it is begun again once for all of them, not once for each."""
        match key:
            case ("local", ModuleInstance(folder=folder) as module, str() as name) if folder and name in folder.locals:
                declared = folder.locals[name]
                found = _NAMED.finditer(declared.source.text, declared.attribute.start, declared.attribute.end)
                return dict.fromkeys((each[1], module, each[2]) for each in found)
            case _:
                return ()

    def _place(self, key: Key) -> Span:
        module = key[1]
        if isinstance(module, ModuleInstance) and module.folder is not None:
            name = str(key[2])
            declared = {
                "var": module.folder.variables,
                "local": module.folder.locals,
                "output": module.folder.outputs,
                "module": module.folder.modules,
            }.get(str(key[0]), {})
            if name in declared:  # type: ignore[operator]
                return declared[name].span  # type: ignore[index,no-any-return]
        return NOWHERE
