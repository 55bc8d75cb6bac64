"""Print a script that completes commands, options, formats and paths in a shell: bash, zsh or fish.

Load it where the shell starts, as the examples do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.cli import output

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from policyengine.cli.described import Command, Described

SHELLS = ("bash", "zsh", "fish")
EXAMPLES = (
    "policyengine completion bash > ~/.local/share/bash-completion/completions/policyengine",
    "policyengine completion zsh > ~/.zfunc/_policyengine  # a folder of $fpath",
    "policyengine completion fish > ~/.config/fish/completions/policyengine.fish",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    from policyengine.cli.described import commands  # noqa: PLC0415  it loads all commands

    write = {"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments.shell]
    return output.deliver(output.Target("text"), "".join(f"{line}\n" for line in write(tuple(commands()))))


def _bash(commands: Sequence[Command]) -> Iterator[str]:
    yield "_policyengine() {"
    yield '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words=""'
    yield '  if [ "$COMP_CWORD" -eq 1 ]; then'
    yield f'    COMPREPLY=($(compgen -W "{" ".join(each.name for each in commands)}" -- "$cur"))'
    yield "    return"
    yield "  fi"
    yield '  case "${COMP_WORDS[1]}:$prev" in'
    for command in commands:
        for each in command.takes:
            if each.names and each.value:
                told = f'-W "{" ".join(each.choices)}"' if each.choices else "-f" if each.files else '-W ""'
                pattern = "|".join(f"{command.name}:{name}" for name in each.names)
                yield f'    {pattern}) COMPREPLY=($(compgen {told} -- "$cur")); return ;;'
    yield "  esac"
    yield '  case "${COMP_WORDS[1]}" in'
    for command in commands:
        yield f'    {command.name}) words="{" ".join(_words(command))}" ;;'
    yield "  esac"
    yield '  COMPREPLY=($(compgen -W "$words" -- "$cur"))'
    yield '  case "$cur" in -*) ;; *) COMPREPLY+=($(compgen -f -- "$cur")) ;; esac'
    yield "}"
    yield "complete -o filenames -F _policyengine policyengine"


def _words(command: Command) -> Iterator[str]:
    """What may stand at any place: the choices of arguments, and the options."""
    for each in command.takes:
        yield from each.names or each.choices


def _zsh(commands: Sequence[Command]) -> Iterator[str]:
    yield "#compdef policyengine"
    yield "_policyengine() {"
    yield "  local -a commands"
    yield "  commands=("
    yield from (f"    {_quoted(f'{each.name}:{each.summary}')}" for each in commands)
    yield "  )"
    yield "  if (( CURRENT == 2 )); then"
    yield "    _describe command commands"
    yield "    return"
    yield "  fi"
    yield "  local command=$words[2]"
    yield "  shift words"
    yield "  (( CURRENT-- ))"
    yield "  case $command in"
    for command in commands:
        yield f"    {command.name})"
        yield "      _arguments -s \\"
        for each in command.takes:
            yield from (f"        {_quoted(spec)} \\" for spec in _specs(each))
        yield "        && return"
        yield "      ;;"
    yield "  esac"
    yield "}"
    yield '_policyengine "$@"'


def _specs(each: Described) -> Iterator[str]:
    """The specifications of `_arguments` for an option, one a name, or for an argument."""
    action = f"({' '.join(each.choices)})" if each.choices else "_files" if each.files else ""
    value = f":{_plain(each.value) if not each.choices else 'choice'}:{action}" if each.value else ""
    for name in each.names:
        yield f"*{name}{'=' if value and name.startswith('--') else ''}[{_plain(each.help)}]{value}"
    if not each.names:
        yield f"*{value}"


def _plain(text: str) -> str:
    return text.replace("[", "(").replace("]", ")").replace(":", ";")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(commands: Sequence[Command]) -> Iterator[str]:
    for command in commands:
        yield f"complete -c policyengine -f -n __fish_use_subcommand -a {command.name} -d {_fished(command.summary)}"
    for command in commands:
        here = f"complete -c policyengine -n '__fish_seen_subcommand_from {command.name}'"
        for each in command.takes:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in each.names)
            takes = (
                f" -x -a '{' '.join(each.choices)}'"
                if each.choices
                else " -r"
                if each.files
                else " -x"
                if each.value
                else ""
            )
            if names or each.choices:
                yield f"{here} {names}{takes} -d {_fished(each.help)}".replace("'  ", "' ")


def _fished(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
