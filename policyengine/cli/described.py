"""The commands as data, told by their parsers: for the reference page and for completion in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.cli import COMMANDS, parser_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


class Described(Struct, frozen=True):
    """An option or an argument of a command.

    `names` are those of an option, none for an argument. `value` is what it takes in words, empty where it takes none;
    `choices` are the values, `files` tells that it is a path. `group` is the title that its help stands under.
    """

    names: tuple[str, ...]
    value: str
    choices: tuple[str, ...]
    files: bool
    help: str
    group: str


class Command(Struct, frozen=True):
    """A command with all that it takes, the options of plug-ins as well."""

    name: str
    summary: str
    usage: str
    description: str
    examples: tuple[str, ...]
    takes: tuple[Described, ...]


def commands() -> Iterator[Command]:
    """Every command, in the order of the help."""
    for name, summary in COMMANDS.items():
        module, parser = parser_of(name)
        if hasattr(module, "extend"):
            module.extend(parser, ())
        takes = tuple(
            _described(action, group.title or "")
            for group in parser._action_groups  # noqa: SLF001  argparse tells its options nowhere else
            for action in group._group_actions  # noqa: SLF001  as above
        )
        examples = getattr(module, "EXAMPLES", ())
        yield Command(name, summary, parser.usage or "", (module.__doc__ or summary).strip(), examples, takes)


_PATHS = ("FILE", "PATH", "DIR")


def _described(action: argparse.Action, group: str) -> Described:
    shown = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    choices = tuple(str(each) for each in action.choices or ())
    if not choices and shown.startswith("{"):
        choices = tuple(shown.strip("{}").split(","))
    takes = action.nargs != 0
    value = "" if not takes else "|".join(choices) if choices else shown
    help_text = " ".join((action.help or "").split())
    return Described(tuple(action.option_strings), value, choices, takes and shown in _PATHS, help_text, group)
