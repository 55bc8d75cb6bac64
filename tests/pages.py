"""Pages that are followed to the letter: the commands of their `sh` blocks in order, and what each is said to print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parent.parent
_FENCED = re.compile(
    r"(?P<skipped><!-- not run -->\n)?^```sh\n(?P<commands>.*?)^```$(?:\n\n```text\n(?P<shown>.*?)^```$)?",
    re.DOTALL | re.MULTILINE,
)


class Block(Struct, frozen=True):
    """Commands, and all that they print."""

    commands: str
    shown: str


def blocks(page: Path) -> tuple[Block, ...]:
    """The `sh` blocks of a page, each with the `text` block behind it; not those that are marked as not run."""
    found = _FENCED.finditer(page.read_text("utf-8"))
    return tuple(Block(each["commands"], each["shown"] or "") for each in found if not each["skipped"])


def follow(page: Path, folder: Path) -> tuple[tuple[Block, str], ...]:
    """What each block prints, where all of them are typed into one shell that begins in an empty folder, called `/home/you`.

    `policyengine` is that of this checkout, `pip install .` puts a pack where it finds it, without the network.
    """
    programs, site, printed = folder / "bin", folder / "site", folder / "printed"
    for each in (programs, site, printed, folder / "here"):
        each.mkdir()
    python = f'exec "{sys.executable}" -P -m'
    options = f'--no-deps --no-build-isolation --no-index --disable-pip-version-check --target "{site}"'
    _script(programs / "policyengine", f'{python} policyengine "$@"')
    _script(programs / "pip", f'{python} pip "$@" {options}')
    todo = blocks(page)
    typed = (f'{{\n{each.commands}}} > "{printed}/{number}" 2>&1\n' for number, each in enumerate(todo))
    places = [str(ROOT), str(ROOT / "policies"), str(site)]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("POLICYENGINE_")},
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(places),
        "POLICYENGINE_CACHE_DIR": str(folder / "cache"),
        "NO_COLOR": "1",
    }
    subprocess.run(["bash", "-c", "".join(typed)], cwd=folder / "here", env=environment, check=False, timeout=120)
    texts = ((printed / str(number)).read_text("utf-8") for number, _ in enumerate(todo))
    return tuple(
        (each, text.replace(str(folder / "here"), "/home/you")) for each, text in zip(todo, texts, strict=True)
    )


def _script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
    path.chmod(0o755)
