"""Which repository, and which commit of it, a folder is: from the environment of a GitHub job, or from `.git`."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from policyengine.patterns import regex

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN = "urn:uuid:00000000-0000-0000-0000-000000000000"
"""The nil UUID (RFC 9562, 5.9) stands for a folder whose repository has no address."""

_URL = regex(r"(?P<scheme>https?|ssh|git)://(?:[^@/]*@)?(?P<rest>[^\s?#]+)")
_SCP = regex(r"(?:[^@/:\s]+@)?(?P<host>[\w.-]+):(?P<path>[^\s:?#]+)")
_COMMIT = regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def identity(root: Path) -> tuple[str, str]:
    """The address of the repository at `root`, never with credentials, and its commit, empty when unknown.

    GITHUB_REPOSITORY is that of the workspace of a job; without one it names a folder that git does not know.
    """
    workspace = os.environ.get("GITHUB_WORKSPACE")
    name, server = os.environ.get("GITHUB_REPOSITORY", ""), os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    if workspace and name and os.path.realpath(workspace) == os.path.realpath(root):
        return _plain(f"{server}/{name}"), os.environ.get("GITHUB_SHA", "")
    git = root / ".git"
    if name and workspace is None and not git.exists():
        return _plain(f"{server}/{name}"), ""
    if not git.is_dir() or git.is_symlink():
        return UNKNOWN, ""
    return _remote(_read(git / "config")), _commit(git)


def full_name(root: Path) -> str:
    """`owner/name` of the repository at `root` in lower case, as GitHub writes it; empty when unknown."""
    address = identity(root)[0]
    return "" if address == UNKNOWN else "/".join(address.split("/")[-2:]).lower()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")[:1_000_000]
    except OSError:
        return ""


def _remote(text: str) -> str:
    section = ""
    urls: dict[str, str] = {}
    for line in text.splitlines():
        if header := re.match(r'\s*\[\s*remote\s+"([^"]*)"\s*\]', line):
            section = header[1]
        elif line.lstrip().startswith("["):
            section = ""
        elif section and (url := re.match(r"\s*url\s*=\s*(\S+)\s*$", line)):
            urls.setdefault(section, url[1])
    chosen = urls.get("origin") or next(iter(urls.values()), "")
    return _plain(chosen) if chosen else UNKNOWN


def _plain(url: str) -> str:
    if found := _URL.match(url):
        scheme = "https" if found["scheme"] in ("ssh", "git") else found["scheme"]
        return f"{scheme}://{quote(found['rest'].removesuffix('.git'), safe='/:.-_~%')}"
    if found := _SCP.fullmatch(url):
        return f"https://{found['host']}/{quote(found['path'].removesuffix('.git').lstrip('/'), safe='/.-_~%')}"
    return UNKNOWN


def _commit(git: Path) -> str:
    head = _read(git / "HEAD").strip()
    if head.startswith("ref: "):
        name = head.removeprefix("ref: ")
        if ".." in name.split("/"):
            return ""
        loose = _read(git / name).strip()
        packed = re.search(rf"(?m)^([0-9a-f]+) {re.escape(name)}$", _read(git / "packed-refs"))
        head = loose or (packed[1] if packed else "")
    return head if _COMMIT.fullmatch(head) else ""
