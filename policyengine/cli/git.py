"""What git knows of other commits. Nothing is checked out, and nothing that the repository configures is run."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from typing import TYPE_CHECKING

from policyengine.model.source import UsageError
from policyengine.repository import identity

if TYPE_CHECKING:
    from pathlib import Path

_SETTINGS = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "filter.lfs.smudge=", "filter.lfs.required=false")
_PLAIN = tuple(word for setting in _SETTINGS for word in ("-c", setting))


def extracted(root: Path, revision: str, to: Path) -> None:
    """Write the files that a commit has below `root` into the empty folder `to`, and which repository they are of.

    Raises:
        UsageError: there is no git, no repository or no such commit.
    """
    data = _git(root, "archive", "--format=tar", _commit(root, revision), ".")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            try:
                archive.extract(member, to, filter="data", set_attrs=False)
            except tarfile.FilterError:
                continue  # a link that leads outside of the folder
    address = identity.identity(root)[0]  # without the credentials that a checkout may leave in its configuration
    if address != identity.UNKNOWN and not (to / ".git").exists():
        (to / ".git").mkdir()
        (to / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {address}\n', "utf-8")


def text(root: Path, revision: str, path: str) -> str:
    """The text of a file of a commit; `path` is relative to `root`.

    Raises:
        UsageError: as `extracted` does, or the commit has no such file.
    """
    return _git(root, "show", f"{_commit(root, revision)}:./{path}").decode("utf-8", "replace")


def _commit(root: Path, revision: str) -> str:
    """The hash of a commit, so that no revision is taken for an option."""
    if revision.startswith("-"):
        raise UsageError(f"'{revision}' is no revision")
    return _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()


def _git(root: Path, *words: str) -> bytes:
    environment = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603  no shell, and what is asked for is a hash or a path behind one
            ["git", *_PLAIN, "-C", str(root), *words],  # noqa: S607  wherever it is installed
            env=environment,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise UsageError("git cannot be run; install it, or leave out the option that needs it") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        about = words[-1].removesuffix("^{commit}")
        raise UsageError(f"git knows no '{about}' here{f': {said[-1]}' if said else ''}")
    return done.stdout
