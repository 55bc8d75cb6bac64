"""What git knows of other commits. Nothing is checked out, and nothing that the repository configures is run.

Files are read as the objects they are: no filter, no attribute (`export-ignore`), no conversion of line ends changes
them.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from policyengine.knowledge.names import unlisted_folders
from policyengine.model.source import UsageError
from policyengine.repository import identity
from policyengine.repository.discover import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_SETTINGS = (
    *("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.quotePath=false"),
    "safe.bareRepository=explicit",  # a folder of the tree that is made like a repository is none
)
_PLAIN = tuple(word for setting in _SETTINGS for word in ("-c", setting))
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
"""What a hook's environment names, which need not be the repository that is scanned."""
_LINK, _REPOSITORY = "120000", "160000"
_BEGINNING = 64
"""Bytes kept of a file that is too large to be read: enough to tell a program."""


def commit(root: Path, revision: str) -> str:
    """The hash of the commit that a revision names; `A...` names where HEAD and `A` parted, as for `git diff`.

    Raises:
        UsageError: there is no git, no repository or no such commit, or the clone is too shallow to tell.
    """
    if revision.startswith("-") or not revision.strip("."):
        raise UsageError(f"'{revision}' is no revision")
    other, dots, end = revision.partition("...")
    if end not in ("", "HEAD") or ".." in other:
        raise UsageError(f"'{revision}' names several commits; give one, or '{other.partition('..')[0]}...'")
    found = _resolved(root, other)
    if not dots:
        return found
    shared = _git(root, "merge-base", found, "HEAD", may_fail=True).decode().strip()
    if not shared:
        raise UsageError(f"git knows no commit that HEAD and '{other}' have in common{_advice(root)}")
    return shared


def extracted(root: Path, revision: str, to: Path) -> None:
    """Write the files that a commit has below `root` into the empty folder `to`, and which repository they are of.

    What a sparse checkout leaves out of the working tree is left out, and so are folders that no scan lists.

    Raises:
        UsageError: as `commit` does, or a file of the commit is not in this clone.
    """
    name = commit(root, revision)
    _write(root, name, to, revision)
    address = identity.identity(root)[0]  # without the credentials that a checkout may leave in its configuration
    if not (root / ".git").is_dir():
        return  # whose files are then told by what is ignored alone
    (to / ".git").mkdir()
    if address != identity.UNKNOWN:
        (to / ".git" / "config").write_text(f'[remote "origin"]\n\turl = {address}\n', "utf-8")
    _git(root, "read-tree", name, index=to / ".git" / "index")


def text(root: Path, revision: str, path: str) -> str:
    """The text of a file of a commit; `path` is relative to `root`.

    Raises:
        UsageError: as `commit` does, or the commit has no such file.
    """
    name = f"{commit(root, revision)}:./{path}"
    if not _git(root, "cat-file", "-t", name, may_fail=True):
        raise UsageError(f"the commit '{revision}' has no file '{path}'")
    return _git(root, "cat-file", "blob", name).decode("utf-8", "replace")


def _write(root: Path, name: str, to: Path, revision: str) -> None:
    listed = _git(root, "ls-tree", "-r", "-z", name).split(b"\0")
    absent = _absent(root)
    files: dict[str, tuple[str, str]] = {}
    for line in filter(None, listed):
        about, _, spelled = line.partition(b"\t")
        mode, _, found = about.decode().split(" ", 2)
        try:
            path = spelled.decode()
        except UnicodeDecodeError:
            continue  # a name that no report can write
        parts = PurePosixPath(path).parts
        if path in absent or path.startswith("/") or not unlisted_folders().isdisjoint(parts) or ".." in parts:
            continue
        if mode == _REPOSITORY:
            if _holds(root, root / path) and _holds(to, to / path):
                _submodule(root / path, found, to / path)
        else:
            files[path] = (mode, found)
    links = any(mode == _LINK for mode, _ in files.values())
    for path, (mode, data, size) in _contents(root, files, revision):
        place = to / path
        try:
            if links and not _holds(to, place):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if mode == _LINK:
                place.symlink_to(os.fsdecode(data))
                continue
            place.write_bytes(data)
            if size > len(data):
                os.truncate(place, size)
        except (OSError, ValueError):
            continue  # two names that this file system takes for one, or a link to nothing that it could name


def _holds(folder: Path, place: Path) -> bool:
    """Whether no link leads from the folder to the place: a forged commit may have a link and files below it."""
    return not place.is_symlink() and place.parent.resolve().is_relative_to(folder.resolve())


def _submodule(folder: Path, name: str, to: Path) -> None:
    """The files of a submodule as the commit has it, where it is checked out and has them."""
    if (folder / ".git").exists() and _git(folder, "cat-file", "-t", name, may_fail=True) == b"commit\n":
        _write(folder, name, to, name)


def _absent(root: Path) -> frozenset[str]:
    """The files that a sparse checkout leaves out."""
    listed = _git(root, "ls-files", "-t", "-z").decode("utf-8", "replace").split("\0")
    return frozenset(line[2:] for line in listed if line.startswith("S "))


def _contents(
    root: Path, files: Mapping[str, tuple[str, str]], revision: str
) -> Iterator[tuple[str, tuple[str, bytes, int]]]:
    """Each file with its mode, its bytes and how many it has; of one that is too large only the first bytes."""
    wanted = "".join(f"{name}\n" for _, name in files.values()).encode()
    left = memoryview(_git(root, "cat-file", "--batch", given=wanted))
    for path, (mode, _) in files.items():
        head = bytes(left[:200]).partition(b"\n")[0]
        words = head.split()
        if len(words) != 3:
            raise UsageError(
                f"this clone lacks '{path}' of the commit '{revision}'; it is a partial one: "
                "'git fetch --refetch --no-filter' gets all files"
            )
        size = int(words[2])
        start = len(head) + 1
        yield path, (mode, bytes(left[start : start + (size if size <= MAX_BYTES else _BEGINNING)]), size)
        left = left[start + size + 1 :]


def uncommitted(root: Path, paths: Sequence[str]) -> list[str]:
    """The files whose bytes are not those of the last commit; none where there is no repository.

    Blobs are compared and `git status` is not asked, which would run filters that the repository configures.
    """
    if _git(root, "rev-parse", "--is-inside-work-tree", may_fail=True).strip() != b"true":
        return []
    listed = _git(root, "ls-tree", "-z", "HEAD", "--", *(f"./{path}" for path in paths), may_fail=True)
    known: dict[str, str] = {}
    for line in filter(None, listed.split(b"\0")):
        told, _, path = line.partition(b"\t")
        known[path.decode("utf-8", "surrogateescape")] = told.split()[2].decode()
    return [path for path in paths if known.get(path, "") not in _blobs((root / path).read_bytes())]


def keeps(file: Path) -> bool:
    """Whether a file is one that git keeps; no where there is no git or no repository."""
    try:
        return bool(_git(file.parent, "ls-files", "-z", "--", f":(literal){file.name}", may_fail=True))
    except UsageError:
        return False


def _blobs(data: bytes) -> Iterator[str]:
    """The names that git may give a file: of its bytes, or with the line ends that it commits."""
    for each in (data, data.replace(b"\r\n", b"\n")):
        for kind in ("sha1", "sha256"):
            yield hashlib.new(kind, b"blob %d\0" % len(each) + each, usedforsecurity=False).hexdigest()


def _resolved(root: Path, revision: str) -> str:
    """The hash of a commit, so that no revision is taken for an option."""
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    found = _git(root, *words, may_fail=True).decode().strip()
    if not found:
        _git(root, "rev-parse", "--git-dir")  # which says what is wrong where this is no repository
        raise UsageError(f"git knows no commit '{revision}' here{_advice(root)}")
    return found


def _advice(root: Path) -> str:
    """What to do about a commit that is not there."""
    if _git(root, "rev-parse", "--is-shallow-repository", may_fail=True).strip() != b"true":
        return "; fetch it, or check its name"
    return (
        "; the clone is shallow: fetch its history ('fetch-depth: 0' of actions/checkout, 'GIT_DEPTH: 0' of GitLab, "
        "'git fetch --unshallow' elsewhere)"
    )


def _git(
    root: Path,
    *words: str,
    may_fail: bool = False,
    given: bytes = b"",
    index: Path | None = None,
) -> bytes:
    environment = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    environment |= {"GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1", "LC_ALL": "C"}
    if index is not None:
        environment["GIT_INDEX_FILE"] = str(index)
    try:
        done = subprocess.run(  # noqa: S603  no shell, and what is asked for is a hash or a path behind one
            ["git", *_PLAIN, "-C", str(root), *words],  # noqa: S607  wherever it is installed
            env=environment,
            capture_output=True,
            input=given,
            check=False,
        )
    except OSError as error:
        raise UsageError("git cannot be run; install it, or leave out the option that needs it") from error
    if done.returncode and not may_fail:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(f"git could not tell what the commit holds{f': {_reason(said)}' if said else ''}")
    return b"" if done.returncode else done.stdout


def _reason(said: Sequence[str]) -> str:
    """The sentence of git's that says what is wrong; advice follows it."""
    return next((line for line in said if line.startswith("fatal: ")), said[-1]).removeprefix("fatal: ")
