"""Run the cases of a policy pack: what is found in each edited tree must be what the case marks, no more and no less.

PACK is the name of a loaded pack, a file, or a folder; the working directory by default. With --coverage, a rule fails
too that no case shows at work (diverging), or none shows leaving something alone (guarding).
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.cli import output
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from policyengine.cli.failed import Style
    from policyengine.plugins import Plugins
    from policyengine.rules.rule import Pack
    from policyengine.testing import Case

EXAMPLES = (
    "policyengine test",
    "policyengine test ./acme_policies.py ACME001 --strict",
    "policyengine test clean-hexagon HEX402 --reference fixtures/hndigest",
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("target", metavar="PACK", nargs="?", default=".", help="the pack: its name, file or folder")
    parser.add_argument("ids", metavar="ID", nargs="*", help="only the cases of rules with this id or prefix")
    parser.add_argument("--coverage", action="store_true", help="every rule needs a diverging and a guarding case")
    parser.add_argument("--strict", action="store_true", help="cases must state all that is found")
    parser.add_argument(
        "--reference",
        metavar="FOLDER",
        type=Path,
        help="the tree that cases edit; 'reference' beside them by default",
    )
    parser.add_argument("--pack", action="append", default=[], metavar="PACK", help="one more plug-in: a name or path")
    output.add_colour(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the cases, show those that fail, and return the exit code."""
    from policyengine.cli.failed import Style  # noqa: PLC0415  so that --help is quick

    plugins, packs = _loaded(arguments.target, arguments.pack)
    (target,) = output.asked(arguments, "text")
    style = Style(colour=target.colour, unicode=output.unicode(sys.stdout))
    code = 0
    for pack in packs:
        tests = _Run(pack, plugins, style, arguments)
        lines = list(tests.lines())
        code = max(code, tests.code, output.deliver(target, "".join(f"{line}\n" for line in lines)))
    return code


def _loaded(target: str, more: Sequence[str]) -> tuple[Plugins, list[Pack[Any]]]:
    """The plug-ins, and the packs that the word means: those of a path, or the one of that name."""
    from policyengine import plugins  # noqa: PLC0415  so that --help is quick

    if not (target.endswith(".py") or "/" in target or target == "."):
        found = plugins.load(more)
        packs = [pack for pack in found.packs if pack.name == target]
        if packs or not Path(target).exists():
            if not packs:
                names = ", ".join(pack.name for pack in found.packs)
                raise UsageError(f"the pack '{target}' is not loaded, and no such file is there; loaded are {names}")
            return found, packs
    path = target if target.endswith(".py") or "/" in target else str(Path(target).absolute())
    found = plugins.load([*more, path])
    packs = [pack for pack in found.packs if found.loaded[pack.name].path == path]
    if not packs:  # it is installed from that very folder
        place = Path(path).resolve()
        packs = [pack for pack in found.packs if pack.cases is not None and place in pack.cases.resolve().parents]
    if not packs:
        raise UsageError(f"'{target}' brings no policy pack")
    return found, packs


class _Run:
    """The run of a pack's cases. `code` is 1 when something failed, once the lines are made."""

    def __init__(self, pack: Pack[Any], plugins: Plugins, style: Style, arguments: argparse.Namespace) -> None:
        from policyengine.testing import Kept  # noqa: PLC0415  so that --help is quick

        self.pack = pack
        named = {each.pack for each in pack.extends}
        alone = {
            rule.id: (pack, replace(base, rules=(rule,)))
            for base in plugins.packs
            for rule in base.rules
            if base.name in named
        }
        self.packs: dict[str, tuple[Pack[Any], ...]] = {**alone, **{rule.id: (pack,) for rule in pack.rules}}
        self.plugins = plugins
        self.where = str(plugins.loaded[pack.name])
        self.style = style
        self.strict: bool = arguments.strict
        self.coverage: bool = arguments.coverage
        self.ids: tuple[str, ...] = tuple(arguments.ids)
        if pack.cases is None or not Path(pack.cases).is_dir():
            place = "" if pack.cases is None else f" in '{pack.cases}'"
            how = "give it Pack(cases=…), the folder of them; one in YAML has them in 'cases' beside its file"
            raise UsageError(f"the pack '{pack.name}' has no cases{place}; {how}")
        self.cases = Path(pack.cases)
        self.reference = self._reference(arguments.reference)
        self.code = 0
        self.kept = Kept()

    def _reference(self, given: Path | None) -> Mapping[str, str]:
        from policyengine.testing import read_reference  # noqa: PLC0415  so that --help is quick

        if given is not None and not given.is_dir():
            raise UsageError(f"--reference '{given}' is no folder")
        places = [given] if given is not None else [self.cases.parent / "reference", self.cases / "reference"]
        folder = next((each for each in places if each.is_dir()), None)
        try:
            return {} if folder is None else read_reference(folder)
        except UnicodeDecodeError as error:
            raise UsageError(f"the reference tree '{folder}' holds a file that is no UTF-8 text") from error

    def lines(self) -> Iterator[str]:
        """What to say: a line for each rule, what is wrong with each failing case, and a summary."""
        style = self.style
        yield style.bold(f"{self.pack.name} {self.pack.version}".strip()) + style.dim(f"  {self.where}")
        failed = count = broken = 0
        tested: list[Case] = []
        files = [each for each in sorted(self.cases.glob("*.yaml")) if each.stem.startswith(self.ids or ("",))]
        if not files:
            raise UsageError(f"there are no cases{' of ' + ', '.join(self.ids) if self.ids else ''} in '{self.cases}'")
        with TemporaryDirectory(prefix="policyengine-") as scratch:
            for file in files:
                cases, wrong = self._read(file)
                broken += bool(wrong)
                count += len(cases)
                tested += cases
                bad = 0
                for case in cases:
                    said = self._tried(case, Path(scratch) / "tree")
                    wrong += said
                    bad += bool(said)
                failed += bad
                yield f"{style.mark(good=not wrong)} {file.stem}  {_many(len(cases), 'case')}"
                yield from wrong
                self.code = max(self.code, int(bool(wrong)))
        yield ""
        lacking = list(self._uncovered(tested)) if self.coverage else []
        yield from lacking
        self.code = max(self.code, int(bool(lacking)))
        words = [
            f"{failed} of {_many(count, 'case')} failed"
            if failed
            else f"{_many(count, 'case')} of {_many(len({each.rule for each in tested}), 'rule')} passed",
            *([f"{_many(broken, 'case file')} cannot be used"] if broken else []),
            *([f"{_many(len(lacking), 'rule')} without a case of either kind"] if lacking else []),
        ]
        yield style.bad("; ".join(words)) if self.code else style.good("; ".join(words))

    def _read(self, file: Path) -> tuple[Sequence[Case], list[str]]:
        from policyengine.testing import CaseError, load_cases  # noqa: PLC0415  so that --help is quick

        if file.stem not in self.packs:
            return (), [f"  {file.name}: there is no rule '{file.stem}' in the pack '{self.pack.name}'"]
        try:
            cases = load_cases(file)
        except (CaseError, UnicodeDecodeError) as error:
            return (), [f"  {error}"]
        return cases, [] if cases else [f"  {file.name} holds no case"]

    def _tried(self, case: Case, folder: Path) -> list[str]:
        """What is wrong with a case, in lines."""
        from policyengine.cli.failed import shown  # noqa: PLC0415  so that --help is quick
        from policyengine.testing import CaseError, tried  # noqa: PLC0415  as above

        try:
            plugins = replace(self.plugins, packs=self.packs[case.rule])
            found = tried(case, self.reference, folder, plugins, strict=self.strict, kept=self.kept)
        except CaseError as error:
            return [f"  {error}"]
        return [] if found.equal else list(shown(case, found, self.style))

    def _uncovered(self, cases: Sequence[Case]) -> Iterator[str]:
        """The rules that no case reports, or that none leaves alone."""
        marked: set[str] = set()
        guarded: set[str] = set()
        for case in cases:
            reported = {mark.rule for edit in case.edits for mark in case.marks(edit) if not mark.what}
            marked |= reported
            guarded |= {case.rule} - reported
        for rule in self.pack.rules:
            if self.ids and not rule.id.startswith(self.ids):
                continue
            kinds = {"diverging": rule.id in marked, "guarding": rule.id in guarded}
            lacking = [kind for kind, there in kinds.items() if not there]
            if lacking:
                yield f"{self.style.mark(good=False)} {rule.id} has no {' and no '.join(lacking)} case"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
