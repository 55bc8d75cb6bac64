"""Compares our reading of Terraform files with HashiCorp's HCL parser over a folder, and prints the agreement.

    NODE_ORACLES=<folder with @cdktf/hcl2json installed> python tests/oracle/terraform/compare_files.py FOLDER [--show N]

Every distinct `.tf` file below FOLDER is read by the way of the engine (`read_blocks`, then each block) and by hcl2json,
which prints HashiCorp's syntax as JSON: blocks by type and labels, attributes by name, literal values as values, strings
with their escapes, strip markers and indentation resolved, every other expression as its text. The same is made of our
syntax, and the two must be equal. Two things are not told apart: numbers that are the same binary floating point number
(both sides pass through JSON), and files whose blocks have no room in JSON (a block of the name of an attribute, blocks of
one type with different numbers of labels), of which only the verdict is compared.

With `--expressions` every distinct expression that is no bare literal is compared with HashiCorp's syntax tree as well:
operators and their nesting, calls, traversals, indices, splats, `for`, templates and directives. The expressions that
hold a heredoc are left out there (hcl2json prints no comparable tree of them).

With `--changes N` so many random changes of small files are compared in the same way as the files.
"""
# ruff: noqa: T201, ANN401 - a command line tool prints; JSON is any value

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from policyengine.model.source import ReadError, Source
from policyengine.platforms.terraform.language.numbers import format_number, parse_number
from policyengine.platforms.terraform.language.template_text import literals, unescaped
from policyengine.repository.decoding import decode
from policyengine.syntax.hcl import parse, parse_attribute, read_blocks
from policyengine.syntax.hcl.syntax import (
    Body,
    Conditional,
    Expression,
    ForDirective,
    GetAttribute,
    GetIndex,
    IfDirective,
    Interpolation,
    Keyword,
    Literal,
    Name,
    NumberLiteral,
    ObjectExpression,
    Part,
    TemplateExpression,
    Traversal,
    TupleExpression,
    Unary,
)

sys.path.insert(0, str(Path(__file__).parent))
from expression_trees import tree  # type: ignore[import-not-found]  # a module beside this tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).parent
SLOWEST = 2.0


class Oracle:
    """One long-lived process of HashiCorp's parser."""

    def __init__(self) -> None:
        self.process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        packages = os.environ.get("NODE_ORACLES", ".")
        command = ["node", str(HERE / "hcl_parser.mjs"), str(Path(packages).resolve())]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, request: dict[str, str]) -> dict[str, Any]:
        """The answer to a request; a crash is an error, and the process is started again."""
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self.process.kill()
            self.process.wait()
            self.process = self._start()
            return {"crash": True}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(10)


class Conflict(Exception):  # noqa: N818 - no error
    """A block of the name of an attribute, or one with labels beside one without: JSON has no room for it."""


class Shown:
    """Our syntax of one file in the shape that hcl2json prints."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.expressions: list[Expression] = []

    def file(self) -> dict[str, Any]:
        """The whole file. Raises ReadError."""
        file = read_blocks(self.source)
        for error in file.errors:
            raise error
        shown: dict[str, Any] = {}
        bodies = [parse(self.source, block) for block in file.blocks]
        for block, body in zip(file.blocks, bodies, strict=True):
            self.put(shown, [block.type, *(label.text for label in block.labels)], self.body(body))
        for attribute in file.attributes:
            shown[attribute.name] = self.value(parse_attribute(self.source, attribute))
        return shown

    def put(self, into: dict[str, Any], names: Sequence[str], body: dict[str, Any]) -> None:
        """Add a block's body at its type and labels."""
        names = [unescaped(name) for name in names]
        for name in names[:-1]:
            into = into.setdefault(name, {})
            if not isinstance(into, dict):
                raise Conflict
        bodies = into.setdefault(names[-1], [])
        if not isinstance(bodies, list):
            raise Conflict
        bodies.append(body)

    def body(self, body: Body) -> dict[str, Any]:
        """A body."""
        shown: dict[str, Any] = {}
        for block in body.blocks:
            self.put(shown, [block.type, *(label.text for label in block.labels)], self.body(block.body))
        for attribute in body.attributes:
            self.expressions.append(attribute.value)
            shown[attribute.name] = self.value(attribute.value)
        return shown

    def text(self, node: Expression) -> str:
        """The text of an expression, with its quotes."""
        quoted = isinstance(node, Literal) or (
            isinstance(node, TemplateExpression) and node.form == "quoted" and node.parts
        )
        return self.source.text[node.start - bool(quoted) : node.end + bool(quoted)]

    def value(self, node: Expression) -> Any:
        """An expression as a value."""
        match node:
            case Literal() | TemplateExpression():
                if isinstance(node, TemplateExpression) and node.form == "quoted" and len(node.parts) == 1:
                    (part,) = node.parts
                    if isinstance(part, Interpolation):
                        return self.value(part.value)
                return self.string(node)
            case NumberLiteral(start, end):
                return float(parse_number(self.source.text[start:end]) or 0)
            case Keyword(value=value):
                return value
            case Unary(operator="-", operand=NumberLiteral(start, end)):
                return -float(parse_number(self.source.text[start:end]) or 0)
            case Unary(operator="!", operand=Keyword(value=bool() as inner)):
                return not inner
            case TupleExpression(items=items):
                return [self.value(each) for each in items]
            case ObjectExpression(items=items):
                return {self.key(item.key): self.value(item.value) for item in items}
            case _:
                return "${" + self.text(node) + "}"

    def key(self, node: Expression) -> str:
        """The key of an object's item."""
        match node:
            case Name():
                return node.name
            case Traversal(root=Name(), steps=steps) if all(
                isinstance(step, GetAttribute)
                or (isinstance(step, GetIndex) and isinstance(step.key, Literal | NumberLiteral))
                for step in steps
            ):
                return self.text(node)
            case _:
                return self.string(node)

    def string(self, node: Expression) -> str:
        """An expression as part of a string."""
        match node:
            case Literal(start, end):
                return _escaped(unescaped(self.source.text[start:end]))
            case TemplateExpression(parts=parts):
                found = literals(node, self.source)
                texts = {at: _escaped("".join(piece.value for piece in pieces)) for at, pieces in found.items()}
                return self.parts(parts, texts)
            case NumberLiteral(start, end):
                return format_number(parse_number(self.source.text[start:end]) or 0)
            case Keyword(value=bool() as value):
                return "true" if value else "false"
            case Conditional(test=test, yes=yes, no=no):
                other = self.string(no)
                return f"%{{if {self.text(test)}}}{self.string(yes)}{'%{else}' + other if other else ''}%{{endif}}"
            case _:
                return "${" + self.text(node) + "}"

    def parts(self, parts: Iterable[Part], texts: dict[int, str]) -> str:
        """The parts of a template; `texts` are its literal texts by offset."""
        shown = ""
        for part in parts:
            match part:
                case Literal(start):
                    shown += texts[start]
                case Interpolation(value=value):
                    shown += self.string(value)
                case IfDirective(test=test, yes=yes, no=no):
                    other = self.parts(no, texts)
                    inner = self.parts(yes, texts) + ("%{else}" + other if other else "")
                    shown += f"%{{if {self.text(test)}}}{inner}%{{endif}}"
                case ForDirective(key=key, value=name, collection=collection, body=body):
                    names = f"{key}, {name}" if key else name
                    shown += f"%{{for {names} in {self.text(collection)}}}{self.parts(body, texts)}%{{endfor}}"
        return shown


def _escaped(text: str) -> str:
    """Literal text as hcl2json writes it, a template again."""
    return text.replace("${", "$${").replace("%{", "%%{")


def same(ours: Any, theirs: Any) -> bool:
    """Whether two JSON values are equal, by the normalisation that the module's text describes."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, bool) or isinstance(theirs, bool) or ours is None or theirs is None:
        return ours is theirs
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours == theirs
    return type(ours) is not str and type(theirs) is not str and float(ours) == float(theirs)


def first_difference(ours: Any, theirs: Any, place: str = "") -> str:
    """Where two JSON values differ first."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            if key not in ours or key not in theirs:
                return f"{place}.{key} stands only on {'our' if key in ours else 'their'} side"
            if not same(ours[key], theirs[key]):
                return first_difference(ours[key], theirs[key], f"{place}.{key}")
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            if not same(one, other):
                return first_difference(one, other, f"{place}[{index}]")
    return f"{place}: ours {ours!r:.300}, theirs {theirs!r:.300}"


class Trees:
    """The expressions met, and how many have the same tree on both sides."""

    def __init__(self) -> None:
        self.compared = 0
        self.differing: list[str] = []
        self._seen: set[str] = set()

    def compare(self, shown: Shown, oracle: Oracle) -> None:
        """Compare the expressions of a file that were not met before."""
        for node in shown.expressions:
            text = shown.text(node)
            bare = isinstance(node, Literal | NumberLiteral | Keyword) or (
                isinstance(node, TemplateExpression) and node.form != "quoted"
            )
            if bare or "<<" in text or text in self._seen:
                continue
            self._seen.add(text)
            answer = oracle.ask({"expression": f"[\n{text}\n]"})
            self.compared += 1
            if answer.get("value") != ["tuple", {}, [tree(node, shown.source)]]:
                self.differing.append(f"tree {shown.source.path}: {text[:200]!r} {answer.get('error', '')}")


PIECES: tuple[str, ...] = (
    *'"{}()[],=:?~.*#!-01 \\$%\n',
    *("${", "%{", "[*]", "...", "//", "/*", "*/", "<<E\n", "E\n", "&&", "for", "in", "if", "null", "1.", "é", "::"),
)


def changed(text: str, chance: random.Random) -> str:
    """A text with something put in, taken out or repeated at a random place."""
    at = chance.randrange(len(text) + 1)
    match chance.choice("iiiiidddcc"):
        case "i":
            return text[:at] + chance.choice(PIECES) + text[at:]
        case "d":
            return text[:at] + text[at + chance.randrange(1, 4) :]
        case _:
            other = chance.randrange(len(text) + 1)
            return text[:at] + text[other : other + chance.randrange(1, 20)] + text[at:]


def compare_changes(files: Sequence[Path], count: int, oracle: Oracle) -> list[str]:
    """The random changes on which the two sides differ, each as a line."""
    chance = random.Random(count)
    texts = [path.read_text("utf-8") for path in files if path.stat().st_size < 3_000]
    differing: list[str] = []
    for _ in range(count):
        text = changed(chance.choice(texts), chance)
        answer = oracle.ask({"text": text})
        if _fails_itself(answer):
            continue
        try:
            ours: Any = Shown(Source("a.tf", text)).file()
        except ReadError:
            ours = None
        except Conflict:
            continue
        theirs = answer.get("value")
        if (ours is None) != (theirs is None) or (ours is not None and not same(ours, theirs)):
            differing.append(f"change {text[-600:]!r} {answer.get('error', 'is accepted')[-200:]}")
    return differing


def _fails_itself(answer: dict[str, Any]) -> bool:
    """Whether hcl2json could not show what HashiCorp's parser accepted."""
    return "crash" in answer or any(
        words in answer.get("error", "") for words in ("unable to convert", "convert expression")
    )


def distinct(folder: Path) -> list[Path]:
    """The files below a folder, one for each content."""
    found: dict[bytes, Path] = {}
    for path in sorted(folder.rglob("*.tf")):
        if path.is_file():
            found.setdefault(path.read_bytes(), path)
    return list(found.values())


def main() -> int:
    """Compare, and print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--show", type=int, default=20, help="so many differences are shown")
    arguments.add_argument("--limit", type=int, default=None, help="compare only so many files")
    arguments.add_argument("--expressions", action="store_true", help="compare the trees of expressions too")
    arguments.add_argument("--changes", type=int, default=0, help="compare so many random changes too")
    options = arguments.parse_args()
    gc.set_threshold(50_000)  # as the command line does
    files = distinct(options.folder)[: options.limit]
    oracle, trees = Oracle(), Trees()
    verdicts = refused = crashes = oddities = compared = equal = 0
    slowest = (0.0, "")
    spent = theirs_spent = 0.0
    shown: list[str] = []
    for path in files:
        start = time.perf_counter()
        ours: dict[str, Any] | None = None
        reason = ""
        try:
            reading = Shown(decode(path.read_bytes(), path.as_posix()))
            ours = reading.file()
        except ReadError as error:
            reason = f"{error.message} at {error.span.start}"
        except Conflict:
            ours = {}  # accepted; the other side cannot show it either
        except Exception as error:  # noqa: BLE001 - a crash is what is counted
            crashes += 1
            shown.append(f"crash {path}: {error!r}")
        took = time.perf_counter() - start
        spent += took
        slowest = max(slowest, (took, str(path)))
        start = time.perf_counter()
        answer = oracle.ask({"path": str(path)})
        theirs_spent += time.perf_counter() - start
        if _fails_itself(answer):
            oddities += 1
            shown.append(f"hcl2json itself fails on {path}: {answer.get('error', 'it crashes')}")
            continue
        theirs = answer.get("value")
        refused += theirs is None
        if (ours is None) != (theirs is None):
            shown.append(f"verdict {path}: ours {reason or 'accepts'}; theirs {answer.get('error', 'accepts'):.300}")
            continue
        verdicts += 1
        if ours is None:
            continue
        compared += 1
        if same(ours, theirs):
            equal += 1
        else:
            shown.append(f"structure {path}{first_difference(ours, theirs)}")
        if options.expressions:
            trees.compare(reading, oracle)
    changes = compare_changes(files, options.changes, oracle)
    oracle.close()
    for each in [*shown, *trees.differing, *changes][: options.show]:
        print(each)
    count = len(files) - oddities
    print(f"{len(files)} distinct files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    print(
        f"verdict equal: {verdicts} of {count} ({100 * verdicts / max(count, 1):.3f} %), {refused} refused by HashiCorp's"
    )
    print(f"structure equal: {equal} of {compared} ({100 * equal / max(compared, 1):.3f} %)")
    if options.expressions:
        alike = trees.compared - len(trees.differing)
        print(f"trees equal: {alike} of {trees.compared} ({100 * alike / max(trees.compared, 1):.3f} %)")
    if options.changes:
        print(f"random changes equal: {options.changes - len(changes)} of {options.changes}")
    print(f"crashes: {crashes}; hcl2json fails itself: {oddities}")
    print(f"slowest file {slowest[0]:.2f} s (the limit is {SLOWEST:.0f} s): {slowest[1]}")
    print(f"time: ours {spent:.1f} s, hcl2json {theirs_spent:.1f} s")
    return 0 if equal == compared and verdicts == count and not crashes and slowest[0] <= SLOWEST else 1


if __name__ == "__main__":
    sys.exit(main())
