"""Compare our reading of Compose files and env files with the real programs over a folder, and print the agreement.

    python -m tests.oracle.compare FOLDER [--kind compose|projects|env] [--show N] [--limit N]

Every Compose file below FOLDER is given to Docker Compose alone, with `-f`, from its own folder; a file that Docker
accepts agrees when the effective configurations are equal, one that it refuses when we refuse it. A project is a folder
of a repository (FOLDER holds repositories): its Compose file as Docker Compose finds it, and that file overridden by
each other Compose file beside it; any file of the repository may be read. Every env file is read by Docker Compose,
npm's dotenv and python-dotenv, and agrees when the variables are equal or both refuse it.
"""
# ruff: noqa: T201 - a command line tool prints

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from posixpath import join
from typing import TYPE_CHECKING, NamedTuple

from policyengine.model.source import ReadError, Span
from policyengine.model.text import Text
from policyengine.repository.decoding import decode
from policyengine.syntax import dotenv, env_expansion
from policyengine.syntax.dotenv import Dialect
from tests.oracle.compose_oracle import differences, docker, engine, normal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COMPOSE = re.compile(r"(?:.*[-_.])?compose(?:[-_.].*)?\.ya?ml\Z|.*\bcompose\b.*\.ya?ml\Z")
ENV = re.compile(r"\.env(?:\..+)?\Z|.*\.env(?:\..+)?\Z|env\.(?:example|sample|template)\Z")
NODE = (
    "const d=require('dotenv'),f=require('fs');"
    "console.log(JSON.stringify(JSON.parse(f.readFileSync(0)).map(x=>d.parse(f.readFileSync(x)))))"
)


@dataclass
class Tally:
    """Agreement of one oracle."""

    name: str
    accepted: int = 0
    identical: int = 0
    refused: int = 0
    both_refuse: int = 0
    wrong: list[str] = field(default_factory=list)
    ours: float = 0.0
    theirs: float = 0.0

    def show(self, limit: int) -> None:
        share = 100 * self.identical / self.accepted if self.accepted else 100.0
        verdicts = self.accepted + self.refused
        print(f"{self.name}: {self.identical}/{self.accepted} accepted files identical ({share:.2f} %)")
        print(f"  refused by both: {self.both_refuse}/{self.refused}; files: {verdicts}")
        print(f"  time: ours {self.ours:.1f} s, theirs {self.theirs:.1f} s")
        for each in self.wrong[:limit]:
            print("  " + each)


class Question(NamedTuple):
    """A call of Docker Compose in `folder` with `files`, where nothing outside of `root` may be read."""

    root: Path
    folder: Path
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.folder} {' '.join(self.files)}"


DEFAULT = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")


def projects(repositories: list[Path]) -> Iterator[Question]:
    """The projects of repositories: each Compose file that stands alone, and with each other one beside it."""
    for root in repositories:
        files = sorted(path for path in root.rglob("*") if COMPOSE.match(path.name) and path.is_file())
        for folder in sorted({path.parent for path in files}):
            names = [path.name for path in files if path.parent == folder]
            base = next((name for name in DEFAULT if name in names), None)
            if base is not None:
                yield Question(root, folder, ())
                for name in names:
                    if name != base:
                        yield Question(root, folder, (base, name))


def compare_compose(title: str, asked: Iterable[Question], limit: int) -> None:
    tally = Tally(title)
    for path in asked:
        start = time.perf_counter()
        try:
            theirs = docker(path.folder, path.files)
        except subprocess.TimeoutExpired:
            print(f"  {path}: Docker Compose took too long")
            continue
        middle = time.perf_counter()
        inside = path.folder.relative_to(path.root).as_posix()
        directory = "" if inside == "." else inside
        ours = engine(path.root, tuple(join(directory, name) for name in path.files), directory=directory)
        end = time.perf_counter()
        tally.theirs += middle - start
        tally.ours += end - middle
        if theirs.model is None:
            tally.refused += 1
            if ours.model is None:
                tally.both_refuse += 1
            else:
                tally.wrong.append(f"{path}: we accept; Docker: {theirs.error[-300:]!r}")
            continue
        tally.accepted += 1
        if ours.model is None:
            tally.wrong.append(f"{path}: we refuse: {ours.error}")
            continue
        found = differences(ours.model, normal(theirs.model))
        if found:
            tally.wrong.append(f"{path}: {'; '.join(found[:3])[:600]}")
        else:
            tally.identical += 1
    tally.show(limit)


def _shell(name: str) -> Text | None:
    """python-dotenv expands the variables of the process too."""
    value = os.environ.get(name)
    return None if value is None else Text.at(value, Span("", 0, 0))


def env_values(path: Path, dialect: Dialect) -> dict[str, str] | None:
    try:
        source = decode(path.read_bytes(), path.name)
        found = env_expansion.resolve(
            dotenv.read(source, dialect), _shell if dialect is Dialect.PYTHON else lambda _: None, strict=True
        )
    except ReadError:
        return None
    return {key: each.text.written for key, each in found.items()}


def compare_env(paths: list[Path], limit: int) -> None:
    readable = [path for path in paths if _utf8(path)]
    done = subprocess.run(
        ["node", "-e", NODE],
        cwd=_node_folder(),
        input=json.dumps([str(path) for path in readable]),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        tally = Tally("npm dotenv")
        for path, theirs in zip(readable, json.loads(done.stdout), strict=True):
            _count(tally, path, env_values(path, Dialect.NODE), theirs)
        tally.show(limit)
    else:
        print("npm dotenv is not installed: set NODE_ORACLES to a folder whose node_modules hold it")
    import dotenv as python_dotenv

    tally = Tally("python-dotenv")
    for path in readable:
        values = python_dotenv.dotenv_values(path)
        _count(tally, path, env_values(path, Dialect.PYTHON), {k: v for k, v in values.items() if v is not None})
    tally.show(limit)
    tally = Tally("Compose env files")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "compose.yaml").write_text("services: {a: {image: x, env_file: [e]}}\n")
        for path in readable:
            (folder / "e").write_bytes(path.read_bytes())
            start = time.perf_counter()
            answer = docker(folder)
            tally.theirs += time.perf_counter() - start
            theirs = None
            if answer.model is not None:
                service = answer.model["services"]["a"]  # type: ignore[index]
                theirs = service.get("environment", {})
            start = time.perf_counter()
            ours = engine(folder)
            tally.ours += time.perf_counter() - start
            mine = None
            if ours.model is not None:
                mine = ours.model["services"]["a"].get("environment", {})  # type: ignore[index]
            _count(tally, path, mine, theirs)
    tally.show(limit)


def _count(tally: Tally, path: Path, ours: object, theirs: object) -> None:
    if theirs is None:
        tally.refused += 1
        tally.both_refuse += ours is None
    else:
        tally.accepted += 1
        tally.identical += ours == theirs
    if ours != theirs:
        keys = []
        if isinstance(ours, dict) and isinstance(theirs, dict):
            keys = [key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)]
        tally.wrong.append(f"{path}: {keys[:5] or ('we refuse' if ours is None else 'only we accept')}")


def _utf8(path: Path) -> bool:
    try:
        return "\0" not in path.read_bytes().decode()
    except UnicodeDecodeError:
        return False


def _node_folder() -> Path:
    return Path(os.environ.get("NODE_ORACLES", "."))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", choices=("compose", "projects", "env"), default="")
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    every = sorted(path for path in options.folder.rglob("*") if path.is_file() and not path.is_symlink())
    if options.kind in ("", "compose"):
        paths = [path for path in every if COMPOSE.match(path.name)]
        compare_compose(
            "Compose",
            [Question(path.parent, path.parent, (path.name,)) for path in paths[: options.limit or None]],
            options.show,
        )
    if options.kind in ("", "projects"):
        repositories = sorted(path for path in options.folder.iterdir() if path.is_dir())
        compare_compose("Compose projects", islice(projects(repositories), options.limit or None), options.show)
    if options.kind in ("", "env"):
        paths = [path for path in every if ENV.match(path.name) and path.suffix not in (".ts", ".js", ".py", ".sh")]
        compare_env(paths[: options.limit or None], options.show)


if __name__ == "__main__":
    main()
