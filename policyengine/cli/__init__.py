"""The command line. Each command is a module with `configure(parser)` and `run(arguments)`, imported when it is used.

One that reads a repository has `extend(parser, packs)` too, which adds the options of plug-ins.
argparse and not a richer library, because start-up counts: argparse costs 10 ms on top of `python -c pass`, click 40.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from policyengine import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from policyengine.cli.output import Parser

COMMANDS = {
    "scan": "hold a repository against the rules",
    "init": "write a policyengine.yaml of what the repository shows",
    "rules": "list the rules",
    "pack": "begin a policy pack of your own",
    "test": "run the cases of a policy pack",
    "packs": "list the policy packs, where they come from, and their parameters",
    "explain": "say what a rule demands and why, with examples",
    "fix": "show and apply the edits that mend findings",
    "baseline": "keep the findings that are known, so that only new ones fail a scan",
    "pairs": "list what mirrors what, who mirrors nothing, and the lines that would say so",
    "facts": "export one side of the system, for the scan of another repository",
    "query": "ask an expression of everything of a kind, and say where its answer comes from",
    "graph": "export the graph of a repository",
    "mcp": "serve scans and explanations to a coding agent",
    "completion": "print a script that completes commands and options in bash, zsh or fish",
    "explain-value": "say where a value came from, step by step, or why it is not known",
}

CLEAN, FINDINGS, USAGE, INCOMPLETE = 0, 1, 2, 3
"""The exit codes: nothing found, findings at or above --fail-on, wrong usage, work that could not be done."""

_GARBAGE = 200_000
"""So many new objects between two collections: what a scan builds lives until its report."""

EXIT_CODES = {
    CLEAN: "no finding at or above --fail-on",
    FINDINGS: "findings at or above --fail-on",
    USAGE: "wrong usage: an option, a path, a policy pack or the configuration",
    INCOMPLETE: "work that could not be done: an unreadable file, a crashed rule, a dead worker",
}


def command() -> NoReturn:
    """The program `policyengine`: run the command line and end the process at once.

    To free, object by object, what a scan built would take an eighth of its time; nothing is left to be done then.
    """
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none at all (pythonw)
            stream.flush()
    os._exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    gc.set_threshold(_GARBAGE)
    try:
        return _run(words)
    except KeyboardInterrupt:
        from policyengine.cli.output import say  # noqa: PLC0415  it is loaded by now

        say("interrupted")
        return 130
    except BrokenPipeError:
        from policyengine.cli.output import silence  # noqa: PLC0415  it is loaded by now

        silence()
        return CLEAN


def _run(words: list[str]) -> int:
    if words == ["--version"]:
        sys.stdout.write(f"policyengine {__version__}\n")
        return CLEAN
    from policyengine.cli.ending import held  # noqa: PLC0415  --version needs none of it
    from policyengine.cli.output import say  # noqa: PLC0415  as above
    from policyengine.model.source import UsageError  # noqa: PLC0415  as above

    parser = _parser()
    name = next((word for word in words if not word.startswith("-")), "")
    if not words:
        sys.stderr.write(parser.format_help())
        return USAGE
    if name not in COMMANDS or words[0] != name:
        return _outside(parser, words, name)
    module, parser = parser_of(name)
    try:
        with held():
            try:
                arguments = _arguments(module, parser, words[1:])
            except SystemExit as stop:  # argparse has said why
                return int(stop.code or 0)
            code: int = module.run(arguments)
    except SystemExit as stop:
        say(f"a plug-in ended the program before its report: SystemExit: {stop}")
        return INCOMPLETE
    except UsageError as error:
        say(str(error))
        return USAGE
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if os.environ.get("POLICYENGINE_DEBUG"):
            raise
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f" in {os.path.basename(place.tb_frame.f_code.co_filename)}:{place.tb_lineno}" if place else ""  # noqa: PTH119  pathlib is not loaded on every path
        say(f"internal error: {type(error).__name__}{where}; set POLICYENGINE_DEBUG=1 for the trace, and report it")
        return INCOMPLETE
    return code


def parser_of(name: str) -> tuple[ModuleType, Parser]:
    """The module of a command, and its parser without the options of plug-ins."""
    import argparse  # noqa: PLC0415  --version needs none of it
    import textwrap  # noqa: PLC0415  argparse has it

    from policyengine.cli.output import Parser  # noqa: PLC0415  as above

    module = importlib.import_module(f"policyengine.cli.{name.replace('-', '_')}")
    told = (module.__doc__ or COMMANDS[name]).strip().split("\n\n")  # none with -OO
    examples = "".join(f"  {line}\n" for line in getattr(module, "EXAMPLES", ()))
    codes = "exit codes:\n" + "".join(f"  {code}  {text}\n" for code, text in EXIT_CODES.items())
    parser = Parser(
        prog=f"policyengine {name}",
        description="\n\n".join(textwrap.fill(part, 78, break_on_hyphens=False) for part in told),
        epilog="\n".join(filter(None, (examples and f"examples:\n{examples}", codes if name == "scan" else ""))),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.configure(parser)
    places = [action.metavar or action.dest for action in parser._actions if not action.option_strings]  # noqa: SLF001  argparse tells its options nowhere else
    optional = {action.metavar: action.nargs for action in parser._actions if not action.option_strings}  # noqa: SLF001  as above
    shown = " ".join(_ARITY.get(str(optional[place]), "{}").format(place) for place in places)
    parser.usage = f"{parser.prog} [OPTION...] {shown}".rstrip()
    return module, parser


_ARITY = {"*": "[{}...]", "?": "[{}]", "+": "{}..."}


def _arguments(module: ModuleType, parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """What the words say; plug-ins are loaded for their options only where there is an option that is not known."""
    extend: Callable[[argparse.ArgumentParser, Sequence[str]], None] | None = getattr(module, "extend", None)
    if extend is not None:
        if {"-h", "--help"}.isdisjoint(words):
            known, others = parser.parse_known_intermixed_args(words)
            if not others:
                return known
            extend(parser, getattr(known, "pack", ()))
        else:
            extend(parser, ())
    return parser.parse_intermixed_args(words)


def _parser() -> argparse.ArgumentParser:
    import argparse  # noqa: PLC0415  as above
    import textwrap  # noqa: PLC0415  as above

    from policyengine.cli.output import Parser  # noqa: PLC0415  as above

    listed = "\n".join(
        textwrap.fill(what, 78, initial_indent=f"  {name:14} ", subsequent_indent=" " * 17)
        for name, what in COMMANDS.items()
    )
    parser = Parser(
        prog="policyengine",
        usage="policyengine COMMAND [OPTION...]",
        description="Policy as code for dev/prod parity.",
        epilog=f"commands:\n{listed}\n\n'policyengine COMMAND --help' tells more. Most begin with 'policyengine scan'.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"policyengine {__version__}")
    return parser


def _outside(parser: argparse.ArgumentParser, words: list[str], name: str) -> int:
    from policyengine.cli.output import meant, say  # noqa: PLC0415  as above

    if name == "help" and len(words) > 1 and words[1] in COMMANDS:
        return _run([words[1], "--help"])
    if name == "help" or {"-h", "--help", "--version"}.intersection(words):
        flags = [word for word in words if word.startswith("-")] or ["--help"]
        try:
            parser.parse_args(flags)
        except SystemExit as stop:
            return int(stop.code or 0)
    if name and words[0] == name:
        hint = meant(name, list(COMMANDS)) or f"; commands are {', '.join(COMMANDS)}"
        say(f"there is no command '{name}'{hint}")
    else:
        say(f"a command comes first: one of {', '.join(COMMANDS)}")
    return USAGE
