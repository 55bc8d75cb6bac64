"""Where reports go: files and standard output, whole or not at all, and what a terminal can show."""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from msgspec import Struct

from policyengine.model.source import UsageError
from policyengine.reports.lines import harmless, harmless_json, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from _typeshed import SupportsWrite

    from policyengine.engine import Scanned

EXTENSIONS = {".sarif": "sarif", ".json": "json", ".txt": "text", ".md": "markdown", ".xml": "junit"}
"""The formats of files by their endings."""


class Target(Struct):
    """One report: its format, the file it goes to (None for standard output), and whether it may have colours."""

    format: str
    file: Path | None = None
    colour: bool = False


class Parser(argparse.ArgumentParser):
    """The parser of a command. What it says of arguments, which may be names of files, is harmless to a terminal."""

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        encoding = getattr(file, "encoding", None) or "utf-8"
        super()._print_message(harmless(message).encode(encoding, "replace").decode(encoding), file)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence, with the option that may be meant, and end with exit code 2."""
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message and unknown.startswith("-"):
            word = unknown.split()[0].partition("=")[0]
            options = [name for action in self._actions for name in action.option_strings if name.startswith("--")]
            message = f"there is no option '{word}'{meant(word, options)}"
        say(f"{message}; '{self.prog} --help' lists what there is")
        raise SystemExit(2)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(each) for each in action.choices]
            name = "/".join(action.option_strings) or action.metavar
            raise UsageError(f"{name} is one of {', '.join(choices)}, not '{value}'{meant(str(value), choices)}")


def meant(word: str, choices: Sequence[str]) -> str:
    """The choice that a wrong word may stand for, as the end of a sentence; empty where none is near."""
    import difflib  # noqa: PLC0415  only for a mistake

    close = difflib.get_close_matches(word.lower(), choices, n=1, cutoff=0.7)
    return f"; did you mean '{close[0]}'?" if close else ""


class Append(argparse.Action):
    """Collects `--format F` and `-o FILE` in the order in which they stand."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  argparse's signature
        namespace: argparse.Namespace,
        values: str | Sequence[object] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Note one option."""
        options = [*(getattr(namespace, "reports", None) or ()), (self.dest, str(values))]
        namespace.reports = options


def add_options(parser: argparse._ActionsContainer, formats: Sequence[str], *, more: bool = False) -> None:
    """The options `--format` and `-o`. With `more`, plug-ins may know further formats."""
    parser.add_argument(
        "--format",
        dest="format",
        action=Append,
        choices=None if more else formats,
        metavar=f"{{{','.join(formats)}}}",
        help="format of a report; repeat it for several, each with its own -o; text by default",
    )
    parser.add_argument(
        "-o",
        "--output",
        dest="output",
        action=Append,
        metavar="FILE",
        help="file for the report of the --format next to it, as in '--format sarif -o out.sarif --format text'; "
        "without a --format the file's ending tells the format; '-' is standard output",
    )
    if {"text", "table"}.intersection(formats):
        add_colour(parser)


def add_colour(parser: argparse._ActionsContainer) -> None:
    """The option `--color`."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="auto: on a terminal, unless NO_COLOR is set, and always where FORCE_COLOR is",
    )


def asked(arguments: argparse.Namespace, default: str, endings: Mapping[str, str] | None = None) -> list[Target]:
    """The reports that `--format`, `-o` and `--color` ask for; see `targets`."""
    found = targets(getattr(arguments, "reports", None) or (), default, EXTENSIONS if endings is None else endings)
    for target in found:
        match getattr(arguments, "color", "auto"):
            case "auto":
                target.colour = target.file is None and colours(sys.stdout)
            case choice:
                target.colour = choice == "always"
    check_writable(found)
    _check_inputs(found, arguments, EXTENSIONS if endings is None else endings)
    return found


def _check_inputs(found: Sequence[Target], arguments: argparse.Namespace, endings: Mapping[str, str]) -> None:
    """Refuse a report in place of what is read: a file of an option, or one that git keeps and no report is called so.

    Raises:
        UsageError: a report would take the place of such a file.
    """
    named = [getattr(arguments, name, None) for name in ("baseline", "config", "org_config", "facts", "plan", "state")]
    given = [Path(one) for each in named if each for one in (each if isinstance(each, list | tuple) else [each])]
    for file in filter(None, (target.file for target in found)):
        if not file.is_file() or file.stat().st_size == 0:
            continue
        read = any(each.exists() and each.samefile(file) for each in given)
        if not read and file.suffix.lower() not in endings:
            from policyengine.cli import git  # noqa: PLC0415  few reports are called so

            read = git.keeps(file)
        if read:
            raise UsageError(f"the report would take the place of '{file}', which is no report; give -o another file")


def targets(options: Sequence[tuple[str, str]], default: str, endings: Mapping[str, str] = EXTENSIONS) -> list[Target]:
    """The reports that `--format` and `-o` ask for, in order.

    An `-o` belongs to the `--format` before it, and when that has a file already (or there is none) to the one after
    it; where there is none either, the file's ending tells the format, as `endings` have it.

    Raises:
        UsageError: two reports would go to one place, or a format cannot be told.
    """
    made: list[tuple[str | None, str | None]] = []
    for kind, value in options:
        if kind == "format":
            if made and made[-1][0] is None and _fits(str(made[-1][1]), value, endings):
                made[-1] = (value, made[-1][1])
            else:
                made.append((value, None))
        elif made and made[-1][1] is None:
            made[-1] = (made[-1][0], value)
        else:
            made.append((None, value))
    found: list[Target] = []
    for form, file in made or [(default, None)]:
        told = form or endings.get(Path(str(file)).suffix.lower())
        if told is None:
            raise UsageError(f"the format of '{file}' cannot be told; write --format before -o {file}")
        found.append(Target(told, None if file in (None, "-") else Path(str(file))))
    seen: set[str] = set()
    for target in found:
        place = "" if target.file is None else str(target.file.absolute())
        if place in seen:
            where = f"'{target.file}'" if target.file else "standard output"
            raise UsageError(f"two reports would go to {where}; give each --format its own -o FILE")
        seen.add(place)
    return found


def _fits(file: str, form: str, endings: Mapping[str, str]) -> bool:
    return endings.get(Path(file).suffix.lower(), form) == form


def check_writable(found: Sequence[Target]) -> None:
    """Refuse a file that cannot be written before any work is done.

    Raises:
        UsageError: it cannot; the message says why.
    """
    for target in found:
        if target.file is None:
            continue
        if target.file.is_dir():
            raise UsageError(f"the report cannot be written to '{target.file}': it is a folder")
        parent = target.file.parent
        if not parent.is_dir():
            raise UsageError(f"the report cannot be written to '{target.file}': there is no folder '{parent}'")
        place = target.file if target.file.exists() else parent
        if not os.access(place, os.W_OK):
            raise UsageError(f"the report cannot be written to '{target.file}': permission denied")


def deliver(target: Target, text: str) -> int:
    """Write a report whole, in UTF-8 to a file; 0, or 3 with a sentence on stderr when it could not be written.

    A reader of standard output that stops early, such as `head`, is no error.
    """
    if target.format in ("sarif", "json", "gitlab"):
        text = harmless_json(text)
    elif target.format != "github":  # whose lines are commands, made of escaped values
        text = harmless(text, colour=target.colour)
    try:
        if target.file is not None:
            put_in_place(target.file, text.encode("utf-8", "backslashreplace"))
        else:
            to_stdout(text, utf8=target.format in ("sarif", "json", "gitlab", "junit"))
    except BrokenPipeError:
        silence()
    except OSError as error:
        where = f"'{target.file}'" if target.file else "standard output"
        reason = (error.strerror or type(error).__name__).lower()
        say(f"the report could not be written to {where}: {reason}")
        return 3
    return 0


def put_in_place(file: Path, data: bytes) -> None:
    """Write a file beside its place and put it there in one step; what is no file (`/dev/stdout`) is written to.

    A link is replaced and not followed, unless the system made it: whoever wrote the scanned tree may have put it
    there.
    """
    status = file.lstat() if os.path.lexists(file) else None
    link = status is not None and stat.S_ISLNK(status.st_mode)
    if link and file.absolute().parts[1:2] in (("dev",), ("proc",)):
        file.write_bytes(data)
        return
    regular = status is not None and stat.S_ISREG(status.st_mode)
    if not link and ((status is not None and not regular) or not os.access(file.parent, os.W_OK)):
        file.write_bytes(data)
        return
    beside = file.with_name(f".policyengine.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        with beside.open("xb") as stream:
            stream.write(data)
        if status is not None and regular:
            beside.chmod(stat.S_IMODE(status.st_mode))
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def say(sentence: str) -> None:
    """One line on stderr, which holds no secret that its form tells and nothing that a terminal or log obeys."""
    from policyengine.reports import masks  # noqa: PLC0415  most runs say nothing

    with contextlib.suppress(OSError):
        shown = visible(masks.covered(sentence, masks.ranges(sentence)))
        sys.stderr.write(harmless(f"policyengine: {shown}\n"))
        sys.stderr.flush()


def left_undone(scanned: Scanned) -> int:
    """Say on stderr what could not be done; 3 when there is any of it, else 0."""
    from policyengine.reports.redact import Redactor  # noqa: PLC0415  as above

    redactor = Redactor(scanned.graph, scanned.sources)
    for failure in scanned.failures:
        where = f"{failure.span.path}: " if failure.span is not None else ""
        advice = f"; {failure.advice}" if failure.advice else ""
        say(f"{where}{redactor.text(failure.message)}{advice}")
    return 3 if scanned.failures else 0


def silence() -> None:
    """Keep the interpreter from complaining about a closed pipe when it flushes at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def to_stdout(text: str, *, utf8: bool = False) -> None:
    """Write to standard output until all is written, also where it is a pipe that takes only part at a time."""
    if sys.stdout is None:  # closed by who started the program
        return
    try:
        sys.stdout.flush()
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        sys.stdout.write(text)
        return
    encoding = "utf-8" if utf8 else sys.stdout.encoding or "utf-8"
    left = memoryview(text.encode(encoding, "backslashreplace"))
    while left:
        try:
            left = left[os.write(descriptor, left[:65_536]) :]
        except BlockingIOError:
            import select  # noqa: PLC0415  only for a pipe in non-blocking mode

            select.select([], [descriptor], [])


def colours(stream: TextIO) -> bool:
    """Whether to colour what goes to `stream`: on a terminal, never under NO_COLOR, always under FORCE_COLOR."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "") not in ("", "0"):
        return True
    return terminal(stream) and os.environ.get("TERM") != "dumb"


def terminal(stream: TextIO) -> bool:
    """Whether `stream` is a terminal."""
    try:
        return stream.isatty()
    except (ValueError, AttributeError):  # closed, or none at all
        return False


def unicode(stream: TextIO) -> bool:
    """Whether `stream` can show box characters."""
    try:
        "│─┌├→⬢✓…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError, AttributeError):
        return False
    return True
