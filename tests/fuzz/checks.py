"""What holds of every reader and of the whole scan, whatever the text: no error but those that a report tells, in time."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from policyengine.engine import scan
from policyengine.model import endpoint, ignoring, image
from policyengine.model.source import ReadError, Source, UsageError
from policyengine.model.text import Text
from policyengine.platforms.github import evaluation
from policyengine.platforms.github.expressions import Scope
from policyengine.reports import json as json_report
from policyengine.reports import sarif
from policyengine.reports import text as text_report
from policyengine.syntax import (
    dockerfile,
    dotenv,
    env_expansion,
    hcl,
    interpolation,
    json,
    justfile,
    makefile,
    prisma,
    shell,
    sql,
    taskfile,
    typescript,
    yaml,
)
from policyengine.syntax.environment import Environment
from tests.fuzz.mutation import mutated, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

    from policyengine.rules.evaluate import Report

SECONDS = 10.0
"""Processor time of one scan of a small tree; far more than any needs."""


def _env(source: Source) -> None:
    for dialect in dotenv.Dialect:
        for strict in (False, True):
            with suppress(ReadError):
                env_expansion.resolve(dotenv.read(source, dialect), lambda _: None, strict=strict)


def _hcl(source: Source) -> None:
    file = hcl.read_blocks(source)
    for block in file.blocks:
        with suppress(ReadError):
            hcl.parse(source, block)
    for attribute in file.attributes:
        with suppress(ReadError):
            hcl.parse_attribute(source, attribute)
    hcl.parse_template(source)


def _just(source: Source) -> None:
    read = justfile.read(source)
    for name, arguments in read.split([read.default or "a", "b", "c"]):
        list(read.order(name, arguments))
    list(read.order("build"))


def _make(source: Source) -> None:
    read = makefile.read(source)
    for name in ("all", "build", "test", read.default):
        list(read.order(name))


def _task(source: Source) -> None:
    read = taskfile.read(source, Environment(), {}, lambda _: None)
    for name in ("default", "build", "test"):
        list(read.order(name))


def _words(source: Source) -> None:
    text = Text.standing(source.text[:2_000], source.path, 0)
    Scope().script(text)
    with suppress(interpolation.TemplateError):
        interpolation.expand(text, lambda _: None, strict=False)
    for line in source.text.splitlines()[:50]:
        image.parse(line)
        endpoint.endpoints(line)
        evaluation.evaluate(line[:300], lambda *_: None)
    patterns = ignoring.compile_patterns(source.text.splitlines())
    patterns.verdict("a/b/c.txt")
    ignoring.left_out_by_docker(source.text.splitlines(), "a/b/c.txt")


READERS: Mapping[str, Callable[[Source], Any]] = {
    "yaml": yaml.read_all,
    "json": json.read,
    "env": _env,
    "dockerfile": dockerfile.read,
    "hcl": _hcl,
    "shell": lambda source: shell.read(Text.standing(source.text, source.path, 0)),
    "make": _make,
    "just": _just,
    "task": _task,
    "sql": lambda source: [list(sql.read(source).extensions()), list(sql.read(source).vectors())],
    "prisma": prisma.read,
    "typescript": typescript.read,
    "words": _words,
}


def reads(name: str, random: Random) -> None:
    """A reader takes a changed text, or refuses it at a place inside."""
    path, text = random.choice(texts())
    source = Source(path, mutated(text, random, tuple(each for _, each in texts())))
    try:
        READERS[name](source)
    except ReadError as error:
        assert 0 <= error.span.start <= error.span.end <= len(source.text) + 1


def scans(room: Path, random: Random) -> None:
    """A whole scan of a changed tree ends, in time, with a report in each form and no internal error."""
    files = changed(random)
    for path, text in files.items():
        place = room / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "replace"))
    holds(room)


def changed(random: Random) -> dict[str, str]:
    """The reference stack, or some of the diverged one, with some files changed, and some of one kind as another."""
    every = texts()
    files = dict(every if random.random() < 0.5 else random.sample(every, k=len(every) // 2))
    names = sorted(files)
    others = tuple(files.values())
    for path in random.sample(names, k=min(len(names), random.randint(1, 8))):
        files[path] = mutated(files[path], random, others)
    for name in random.sample(
        ("Makefile", "justfile", "Taskfile.yml", ".dockerignore", "docker-compose.override.yml"), k=2
    ):
        files.setdefault(name, mutated("", random, others))
    return files


def holds(root: Path) -> None:
    """A scan ends with a report in each form, without an internal error, in time."""
    before = time.process_time()
    os.environ["POLICYENGINE_DEBUG"] = "1"
    try:
        report: Report = scan([root], cache=False, jobs=1)
    except UsageError:
        return
    finally:
        del os.environ["POLICYENGINE_DEBUG"]
    crashed = [each for each in report.failures if "crashed" in each.message or "internal" in each.message]
    assert not crashed, crashed
    text_report.report(report, text_report.Style(undecided=True))
    json_report.report(report)
    sarif.report(report, sarif.Options())
    took = time.process_time() - before
    assert took < SECONDS, f"{took:.1f} seconds"
