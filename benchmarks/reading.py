"""Reading speed of the YAML, Dockerfile and env file readers on one core, beside the real programs on the same files.

    python benchmarks/reading.py [FOLDER]

FOLDER is searched for Compose files, Dockerfiles and env files; without it the fixtures are read, repeated. Speeds are
in megabytes of text a second of CPU time. The oracles are those of the `test` extra; one that is missing is left out.
"""

from __future__ import annotations

import gc
import importlib
import io
import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from policyengine.model.source import ReadError, Source
from policyengine.syntax import dockerfile, dotenv, yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FIXTURES = Path(__file__).parent.parent / "fixtures"
ENOUGH = 2_000_000
KINDS = {
    "YAML": ("*compose*.y*ml", ".github/workflows/*.y*ml"),
    "Dockerfile": ("*Dockerfile*",),
    "env file": (".env*", "*.env"),
}


def sources(folder: Path, patterns: Iterable[str]) -> list[Source]:
    """The texts of the files that match, over again until there is enough to measure."""
    found = [
        Source(str(path), path.read_text("utf-8", errors="replace"))
        for pattern in patterns
        for path in sorted(folder.rglob(pattern))
        if path.is_file()
    ]
    size = sum(len(source.text) for source in found)
    return found * max(1, ENOUGH // max(size, 1)) if found else []


def seconds(work: Callable[[Source], object], texts: list[Source]) -> float:
    """The CPU time of reading every text."""
    start = time.process_time()
    for source in texts:
        try:
            work(source)
        except (ReadError, ValueError):
            continue
    return time.process_time() - start


def oracles() -> dict[str, tuple[str, Callable[[Source], object]]]:
    """The other program for each kind, where it is installed."""
    return {
        "YAML": ("PyYAML's C loader", _composed),
        "Dockerfile": ("BuildKit's parser", _parsed),
        "env file": ("python-dotenv", _valued),
    }


def _composed(source: Source) -> object:
    pyyaml = importlib.import_module("yaml")
    try:
        return list(pyyaml.compose_all(source.text, pyyaml.CSafeLoader))
    except pyyaml.YAMLError as error:
        return error


def _valued(source: Source) -> object:
    return importlib.import_module("dotenv").dotenv_values(stream=io.StringIO(source.text))


def _parsed(source: Source) -> object:
    """What BuildKit makes of a text; its refusal is a result too."""
    module = importlib.import_module("dockerfile")
    try:
        return module.parse_string(source.text)
    except module.GoParseError as error:
        return error


def compose_time(folder: Path) -> float | None:
    """The wall time of `docker-compose config` on one project, or None where it is not installed."""
    command = ["docker-compose", "-f", str(folder / "docker-compose.yml"), "config", "--no-path-resolution"]
    start = time.perf_counter()
    try:
        subprocess.run([*command, "--no-env-resolution"], check=False, capture_output=True)
    except OSError:
        return None
    return time.perf_counter() - start


def main() -> None:
    """Print the speeds and the ratios."""
    gc.set_threshold(50_000)  # as the command line does
    logging.disable()  # python-dotenv logs what it cannot read
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES
    readers: dict[str, Callable[[Source], object]] = {
        "YAML": yaml.read_all,
        "Dockerfile": dockerfile.read,
        "env file": dotenv.read,
    }
    others = oracles()
    for kind, patterns in KINDS.items():
        texts = sources(folder, patterns)
        size = sum(len(source.text.encode()) for source in texts) / 1e6
        own = seconds(readers[kind], texts)
        line = f"{kind:11} {size:6.1f} MB   {size / own:6.1f} MB/s"
        if kind in others:
            name, work = others[kind]
            line += f"   {own / seconds(work, texts):6.2f} times {name}"
        print(line)
    single = compose_time(FIXTURES / "hndigest")
    if single is not None:
        print(f"docker-compose config on the reference stack: {single * 1000:.0f} ms")


if __name__ == "__main__":
    main()
