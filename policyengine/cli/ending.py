"""The end of the process is the command line's: code of a plug-in cannot end it before the report, as a success."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENDING = ("_exit", "execv", "execve")


@contextmanager
def held() -> Iterator[None]:
    """Within, what ends the process at once raises SystemExit in its place; a process that is forked off may end.

    What calls the system past Python, through ctypes, is not held up: a plug-in is code that its user trusts.
    """
    homes = (os, sys.modules[os.name])  # the module that os is made of has them too
    kept = [(home, name, getattr(home, name)) for home in homes for name in _ENDING if hasattr(home, name)]
    for home, name, ends in kept:
        setattr(home, name, _refusing(name, ends, os.getpid()))
    try:
        yield
    finally:
        for home, name, ends in kept:
            setattr(home, name, ends)


@contextmanager
def tidied() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP end the process as Ctrl-C does, so that nothing temporary is left."""
    wanted = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    process = os.getpid()

    def ended(number: int, _: object) -> None:
        if os.getpid() == process:
            raise _Ended(number)
        signal.signal(number, signal.SIG_DFL)  # a worker
        signal.raise_signal(number)

    try:
        former = [(number, signal.signal(number, ended)) for number in wanted]
    except ValueError:  # not in the main thread
        former = []
    try:
        yield
    except _Ended as end:
        signal.signal(end.args[0], signal.SIG_DFL)
        signal.raise_signal(end.args[0])
    finally:
        for number, handler in former:
            signal.signal(number, handler)


class _Ended(KeyboardInterrupt):
    """A signal that ends the process."""


def _refusing(name: str, ends: Callable[..., object], process: int) -> Callable[..., object]:
    def refused(*words: object, **named: object) -> object:
        if os.getpid() != process:
            return ends(*words, **named)
        raise SystemExit(f"os.{name}() would end the process before its report")

    return refused
