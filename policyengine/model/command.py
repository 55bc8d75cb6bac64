"""One command of a script or a container: its words, where they stand, and what they do."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge import commands

if TYPE_CHECKING:
    from policyengine.knowledge.commands import Deed, Kind, Layer
    from policyengine.model.nodes.node import Variable
    from policyengine.model.source import Span
    from policyengine.model.value import Via


class Word(Struct, frozen=True):
    """One word of a shell command. `text` is its value with quotes removed; `literal` is False with expansions."""

    text: str
    span: Span
    literal: bool = True


class ShellCommand(Struct, frozen=True, dict=True):
    """One simple command of a script: `APP=1 docker compose up -d || true`.

    `assignments` are the leading `NAME=value` words, and `given` their values as written. `forgiven` tells that its
    failure is ignored (`|| true`). `via` is how it was reached: the Makefile target, the package script, the shell
    file. `background` is a command that nothing waits for (`&`); `remote` one that runs on another machine (`ssh`, a
    Docker context); `contained` one that a shell in a container runs (`docker compose exec app sh -c '…'`);
    `branches` are the places where those begin in which it stands, from the outside in, also loops and what is behind
    `&&` or `||`. `leads` are the kinds of what the script that it calls may do besides what is read of it, where that
    is in the tree. `input` is the file that it reads as its standard input.
    """

    words: tuple[Word, ...]
    span: Span
    assignments: tuple[Variable, ...] = ()
    forgiven: bool = False
    via: tuple[Via, ...] = ()
    directory: str = ""  # the working directory relative to the root, as far as known
    background: bool = False
    remote: bool = False
    contained: bool = False
    branches: tuple[Span, ...] = ()
    leads: frozenset[str] | None = None
    given: tuple[Word, ...] = ()
    input: str = ""

    @cached_property
    def argv(self) -> tuple[str, ...]:
        """The words as text."""
        return tuple(word.text for word in self.words)

    def starts(self, *names: str) -> bool:
        """Whether the command begins with these words."""
        return self.argv[: len(names)] == names

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The programs of the command line from the outside in: `timeout`, `npx`, `playwright`."""
        return commands.read(self.argv)

    @property
    def wrappers(self) -> tuple[Layer, ...]:
        """What it stands in: the programs that only run the next one, from the outside in."""
        return self.layers[:-1]

    @property
    def inner(self) -> tuple[Word, ...]:
        """The words behind all wrappers: `playwright test` of `timeout 600 npx playwright test`."""
        layers = self.layers
        return self.words[layers[-1].start :] if layers else ()

    @property
    def program(self) -> str:
        """The name of the program that does the work, without folder and version; empty for assignments alone."""
        inner = self.inner
        return commands.program_name(inner[0].text) if inner else ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words behind the program that does the work."""
        return tuple(word.text for word in self.inner[1:])

    @cached_property
    def deeds(self) -> tuple[Deed, ...]:
        """What it does, as far as its words tell; the name of a script tells nothing where the script itself does."""
        found = commands.deeds(self.argv if not self.input else (*self.argv, "<", self.input))
        leads = self.leads
        return found if leads is None else tuple(deed for deed in found if not deed.named or deed.kind in leads)

    @property
    def plain(self) -> bool:
        """Whether it is known what all its programs do: none is unlisted, or runs a file that is not a shell script."""
        return all(commands.is_listed(layer) for layer in self.layers)

    def does(self, *kinds: Kind) -> bool:
        """Whether it does something of these kinds."""
        return any(deed.kind in kinds for deed in self.deeds)
