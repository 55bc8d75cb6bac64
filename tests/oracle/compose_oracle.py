"""The real Docker Compose as an oracle, and our engine asked the same question."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from policyengine.model.source import ReadError, Source
from policyengine.platforms.compose.load import load
from policyengine.repository import discover
from tests.oracle.compose.printing import printed

MEMORY = 4 * 2**30
_BOUND = f'ulimit -v {MEMORY // 1024} && exec "$@"'
"""By a shell, since a `preexec_fn` would copy the whole of this process each time."""
SECONDS = 30
SHELL = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GOMEMLIMIT": "2GiB", "GOGC": "off"}
"""What both see of the shell; a program that ends within milliseconds has its memory collected only at the limit."""


def command() -> str | None:
    """The docker-compose beside this Python or on PATH, or None."""
    beside = Path(sys.executable).with_name("docker-compose")
    return str(beside) if beside.exists() else shutil.which("docker-compose")


@dataclass
class Folder:
    """A folder as the engine sees it: every file below it may be read, nothing outside."""

    root: Path
    _read: dict[str, Source | None] = field(default_factory=dict)

    def read(self, path: str) -> Source | None:
        if path not in self._read:
            self._read[path] = None
            if (self.root / path).exists() and not (self.root / path).is_dir():
                self._read[path] = discover.load(self.root, path)
        return self._read[path]


@dataclass(frozen=True)
class Answer:
    """An effective configuration, or the sentence that refuses it."""

    model: dict[str, object] | None
    error: str = ""


def docker(
    folder: Path, files: tuple[str, ...] = (), environment: dict[str, str] | None = None, profiles: tuple[str, ...] = ()
) -> Answer:
    """What `docker compose config` says, run in `folder`."""
    program = command()
    assert program is not None
    arguments = ["sh", "-c", _BOUND, "sh", program]
    for file in files:
        arguments += ["-f", file]
    for profile in profiles:
        arguments += ["--profile", profile]
    arguments += ["config", "--format", "json", "--no-path-resolution"]
    done = subprocess.run(
        arguments,
        cwd=folder,
        env={**SHELL, **(environment or {})},
        capture_output=True,
        timeout=SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        kept = [line for line in lines if not line.startswith("time=")]
        return Answer(None, "\n".join(kept) or "refused")
    return Answer(json.loads(done.stdout.replace(b"$$", b"$")))


def engine(
    root: Path,
    files: tuple[str, ...] = (),
    environment: dict[str, str] | None = None,
    profiles: tuple[str, ...] = (),
    directory: str = "",
) -> Answer:
    """What our engine says."""
    shell = {**SHELL, "PWD": str(root / directory), **(environment or {})}
    name = (root / directory).resolve().name
    try:
        project = load(
            Folder(root), directory, files, environment=shell, profiles=profiles or None, name=name, strict=True
        )
        return Answer(normal(printed(project)))
    except ReadError as error:
        return Answer(None, str(error))


def normal(model: object) -> dict[str, object]:
    """The model as JSON would give it back; the order of `ssh` is Go's map order, so it is sorted."""
    result = json.loads(json.dumps(model))
    for service in result.get("services", {}).values():
        build = service.get("build")
        if isinstance(build, dict) and isinstance(build.get("ssh"), list):
            build["ssh"].sort()
    return dict(result)


def differences(ours: object, theirs: object, path: str = "") -> list[str]:
    """Where two models differ, one line each."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = []
        for key in sorted({*ours, *theirs}):
            if key not in ours:
                found.append(f"{path}.{key}: missing, {theirs[key]!r} expected")
            elif key not in theirs:
                found.append(f"{path}.{key}: {ours[key]!r} is too much")
            else:
                found += differences(ours[key], theirs[key], f"{path}.{key}")
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            line
            for index, (one, other) in enumerate(zip(ours, theirs, strict=True))
            for line in differences(one, other, f"{path}[{index}]")
        ]
    return [] if ours == theirs and type(ours) is type(theirs) else [f"{path}: {ours!r}, {theirs!r} expected"]
