"""Names of the public modules that are to go: they work on, and say so."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Deprecated(FutureWarning):
    """A pack uses a name that is to go. Python shows it once a place; `-W error` makes it an error."""


class Going(Struct, frozen=True):
    """A name that is to go: the one to use instead, since which version, and with which it goes."""

    instead: str
    since: str
    until: str


def names(module: Mapping[str, object], going: Mapping[str, Going]) -> Callable[[str], object]:
    """What answers for such names of a module, as its `__getattr__`.

    A module says `__getattr__ = names(globals(), {"old": Going("new", since="1.1", until="2.0")})`.
    """
    public = module["__name__"]

    def look_up(name: str) -> object:
        told = going.get(name)
        if told is None:
            raise AttributeError(f"module {public!r} has no attribute {name!r}")
        message = f"{public}.{name} is deprecated since {told.since} and goes with {told.until}; use {told.instead}"
        warnings.warn(message, Deprecated, stacklevel=2)
        return module[told.instead]

    return look_up
