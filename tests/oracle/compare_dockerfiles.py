"""Compare the Dockerfile reader with BuildKit's own parser over a folder, and print the agreement.

    python tests/oracle/compare_dockerfiles.py FOLDER [--show N]

Every file below FOLDER is read with both. `spans` counts instructions whose keyword, first and last line are equal;
`content` those whose flags, arguments, JSON form and heredoc bodies are equal too; `verdicts` the files that both
accept or both refuse. BuildKit's parser is the PyPI package `dockerfile` (BuildKit 0.12.5).
"""

# ruff: noqa: T201  the tool prints its result

from __future__ import annotations

import argparse
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import dockerfile as buildkit

from policyengine.model.source import Source
from policyengine.syntax.dockerfile import Dockerfile, Heredoc, Instruction, read

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = tuple[object, ...]


def line_of(text: str, offset: int) -> int:
    """The one-based line as BuildKit counts: only LF ends one."""
    return text.count("\n", 0, offset) + 1


def ours(text: str, instruction: Instruction) -> tuple[Row, Row]:
    """Span and content of an instruction in the oracle's terms (it does not show the heredocs of an ONBUILD)."""
    last = max(instruction.span.end - 1, instruction.span.start)
    inner = instruction.trigger()
    told = inner or instruction
    if instruction.keyword == "ONBUILD" and inner is None and instruction.argument is not None:
        span = ("ONBUILD", line_of(text, instruction.span.start), line_of(text, last))
        return span, (tuple(_flags(instruction)), ("",), False, ())
    span = (instruction.keyword, line_of(text, instruction.span.start), line_of(text, last))
    heredocs = tuple((h.name, h.descriptor, h.body.written) for h in instruction.heredocs if inner is None)
    return span, (
        tuple(_flags(instruction) or _flags(told)),
        tuple(_values(told)),
        bool(told.json is not None),
        heredocs,
    )


def _flags(instruction: Instruction) -> list[str]:
    return [f"--{flag.name}" + (f"={flag.value}" if flag.span != flag.value_span else "") for flag in instruction.flags]


def _values(instruction: Instruction) -> list[str]:
    match instruction.keyword:
        case "HEALTHCHECK":
            words = instruction.text.written[instruction.start :].split(maxsplit=1)
            if instruction.json is not None:
                return [words[0], *(word.text for word in instruction.json)]
            return words
        case "ENV" | "LABEL":
            return [word.text for pair in instruction.pairs() for word in (pair.key, pair.value) if word is not None]
        case "ARG":
            return [
                pair.key.text + ("" if pair.value is None else "=" + pair.value.text) for pair in instruction.pairs()
            ]
        case "FROM" | "EXPOSE" | "COPY" | "ADD" | "VOLUME":
            return [word.text for word in instruction.words()]
        case _:
            if instruction.json is not None:
                return [word.text for word in instruction.json]
            return [] if instruction.argument is None else [instruction.argument.text]


def theirs(command: buildkit.Command, known_heredocs: Sequence[Heredoc]) -> tuple[Row, Row]:
    """Span and content of one of BuildKit's commands. It keeps the tabs that `<<-` strips later; we strip them."""
    values = list(command.value)
    span = (command.cmd.upper(), command.start_line, command.end_line)
    chomped = {h.name: h.chomp for h in known_heredocs}
    heredocs = tuple(
        (h.name, h.file_descriptor, re.sub(r"(?m)^\t+", "", h.content) if chomped.get(h.name) else h.content)
        for h in command.heredocs
    )
    return span, (tuple(command.flags), tuple(values), command.json, heredocs)


@dataclass
class Agreement:
    """What was compared, and what differed."""

    files: int = 0
    instructions: int = 0
    spans: int = 0
    content: int = 0
    verdicts: int = 0
    seconds: float = 0.0
    oracle_seconds: float = 0.0
    characters: int = 0
    differences: list[str] = field(default_factory=list)

    def add(self, name: str, text: str) -> None:
        """Read one file with both."""
        self.files += 1
        self.characters += len(text)
        begin = time.perf_counter()
        mine = read(Source(name, text))
        middle = time.perf_counter()
        try:
            commands = buildkit.parse_string(text)
        except (buildkit.GoParseError, ValueError) as error:
            commands, refusal = (), str(error)
        else:
            refusal = ""
        self.oracle_seconds += time.perf_counter() - middle
        self.seconds += middle - begin
        self._verdict(name, mine, refusal)
        if refusal:
            return
        known = [command for command in commands if (command.cmd or "").upper() in KEYWORDS]
        heredocs = [heredoc for instruction in mine for heredoc in instruction.heredocs]
        expected = [theirs(command, heredocs) for command in known]
        found = [ours(text, instruction) for instruction in mine]
        self.instructions += max(len(expected), len(found))
        places = dict(found)
        for span, content in expected:
            if span not in places:
                self.differences.append(f"{name}: span {span} not found")
                continue
            self.spans += 1
            if places[span] == content:
                self.content += 1
            else:
                self.differences.append(f"{name}: {span}\n  ours   {places[span]}\n  theirs {content}")

    def _verdict(self, name: str, mine: Dockerfile, refusal: str) -> None:
        parse_errors = [error for error in mine.errors if any(part in error.message for part in PARSER_REFUSES)]
        if bool(parse_errors) == bool(refusal):
            self.verdicts += 1
        else:
            self.differences.append(f"{name}: ours {[str(e) for e in parse_errors]}, theirs {refusal!r}")


_SOME = "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER"
KEYWORDS = frozenset({*_SOME.split(), "VOLUME", "WORKDIR"})
PARSER_REFUSES = (
    "does not end",
    "must have two arguments",
    "without '='",
    "something else than strings",
    "escape directive",
    "given twice",
    "longer than",
)
"""What BuildKit's parser refuses; the rest of our errors are its later stages', which the oracle does not have."""


def main() -> int:
    """Compare a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", type=int, default=10, help="how many differences to print")
    arguments = parser.parse_args()
    agreement = Agreement()
    skipped = 0
    for path in sorted(arguments.folder.rglob("*")):
        if not path.is_file():
            continue
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            skipped += 1
            continue
        if text.strip():
            agreement.add(path.name, text)
    total = max(agreement.instructions, 1)
    print(f"files {agreement.files} (not UTF-8: {skipped}), instructions {agreement.instructions}")
    print(f"spans {agreement.spans / total:.4%}, content {agreement.content / total:.4%}")
    print(f"verdicts {agreement.verdicts}/{agreement.files}")
    size = agreement.characters / 1e6
    print(f"speed {size / agreement.seconds:.1f} MB/s, BuildKit's parser {size / agreement.oracle_seconds:.1f} MB/s")
    for difference in agreement.differences[: arguments.show]:
        print(difference)
    return 0


if __name__ == "__main__":
    sys.exit(main())
