"""Images that people build and push by hand: what Makefiles, justfiles, Taskfiles and shell scripts of the tree do.

Only what is built is told, and only where it is pushed to a registry of others. Who runs a script, and when, is not in
the files: it is no workflow and has no jobs.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.names import folder_kinds, is_for_tests, speaks_of_development
from policyengine.model.text import Text
from policyengine.model.value import Absent, Known, known
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.github import SCRIPTS, TASK_FILES
from policyengine.platforms.github.builds import on_image
from policyengine.platforms.github.calls import WORKSPACE
from policyengine.platforms.github.documents import WorkflowFiles
from policyengine.platforms.github.expressions import Scope
from policyengine.platforms.github.scripts import Follower
from policyengine.platforms.github.step_frame import JobState, StepFrame
from policyengine.platforms.github.steps import Steps
from policyengine.platforms.github.terraform_folders import TerraformFolders
from policyengine.repository.discover import join
from policyengine.syntax import makefile
from policyengine.syntax.environment import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Build
    from policyengine.model.source import ReadError, Source, Span
    from policyengine.repository.files import Files

_PUSHES = regex(
    r"\b(?:docker|podman|buildah|nerdctl)\b[^\n]{0,200}\bpush\b|--push\b|\bbuilds[ \t]+submit\b|\bacr[ \t]+build\b"
)
_BUILDS = regex(r"\b(?:docker|podman|buildah|nerdctl|gcloud|az)\b")
_RECIPE = regex(r"^@?([A-Za-z_][\w-]*)(?:[ \t][^:\n]*)?:(?!=)", re.MULTILINE)
_TASK = regex(r"^[ ]{2}([\w.:-]+):[ \t]*$", re.MULTILINE)
_DEFAULT = regex(r"\$\{([A-Za-z_]\w*):?-([^${}`]*)\}")
_WHOLE = regex(r"\$\{?\w+\}?")
_LOCAL = ("localhost", "127.0.0.1", "0.0.0.0")  # noqa: S104  hosts of a registry on the machine itself
_MOST = 200
"""How many files that push images are read."""
_OWN = r"\"?(?:\$0|\$\{?BASH_SOURCE(?:\[0\])?\}?|\$\{0\})\"?"
_LINKED = rf"\"?\$\((?:realpath|readlink[ ]+-f)[ ]+{_OWN}\)\"?"
_BESIDE = rf"\$\(dirname[ ]+(?:--[ ]+)?(?:{_LINKED}|{_OWN})\)|\$\{{(?:0|BASH_SOURCE(?:\[0\])?)%/\*\}}"
_FOLDER = regex(
    rf"\$\(cd[ ]+(?:--[ ]+)?\"?(?P<from>{_BESIDE}|\$\{{?\w+\}}?)?\"?(?P<below>[\w./-]*)\"?"
    r"(?:[ ]*>[ ]*/dev/null(?:[ ]+2>&1)?)?[ ]*&&[ ]*pwd(?:[ ]+-P)?\)"
    rf"|(?P<root>\$\(git[ ]+rev-parse[ ]+--show-toplevel\))|(?P<beside>{_BESIDE})"
)
"""The commands in whose place a script gets a folder of its own tree."""
_SET = regex(r"\b(\w+)=\"?\Z")
_NEAR = 100
"""How many characters the name of a variable may have that a folder is put into."""


def lower(files: Files) -> Lowered:
    """The builds of all files that push what they build."""
    made: dict[tuple[Span, str], Build] = {}
    problems: list[ReadError] = []
    follower = Follower(files)
    steps = Steps(WorkflowFiles(files, problems), follower, TerraformFolders(files))
    for source in _sources(files):
        for build in _of(source, steps, files):
            made.setdefault((build.span, known(build.dockerfile, "")), build)
    return Lowered(nodes=tuple(made.values()), sealed=tuple(dict.fromkeys(follower.secrets())))


def _sources(files: Files) -> Iterator[Source]:
    """The files that push images which they build; task runners first, since they tell where a script starts."""
    found = 0
    for path in (*sorted(files.named(*TASK_FILES)), *sorted(files.ending(*SCRIPTS))):
        name = posixpath.basename(path)
        if folder_kinds(path) or is_for_tests(path) or speaks_of_development(name):
            continue
        source = files.read(path)
        if source is not None and _PUSHES.search(source.text) is not None and found < _MOST:
            found += 1
            yield source


def _of(source: Source, steps: Steps, files: Files) -> Iterator[Build]:
    """The builds of one file, run from the root or, where that leads to no Dockerfile, from its own folder."""
    folder = posixpath.dirname(source.path)
    if (text := _text(source, files)) is None:
        return
    given = {match[1]: Known(match[2], source.span(*match.span(2))) for match in _DEFAULT.finditer(source.text)}
    environment = Environment(dict.fromkeys(given, ""))
    for directory in dict.fromkeys(("", folder)):
        state = JobState(f"script:{source.path}")
        frame = StepFrame(Scope(variables=dict(given), budget=files.budget), directory=directory)
        done = steps.script(text, frame, environment=environment)
        state.done.extend(done.on_images)
        state.drafted.extend(done.drafts)
        sent = [words[-1].text for each in done.commands if (words := on_image(each)) and words[0].text == "push"]
        open_ = any(_WHOLE.fullmatch(each) for each in sent)
        builds = [each for each in state.finished() if _counts(each, files, pushes_more=open_)]
        if builds:
            yield from (replace(each, push=Known(value=True, span=each.push.span)) for each in builds)
            return


def _counts(build: Build, files: Files, *, pushes_more: bool) -> bool:
    """Whether a build is of a Dockerfile of the tree, and is pushed to another machine.

    Where a script `pushes_more` than what it names (`docker push "$tag"` in a loop), what a registry's name was given.
    """
    named = any("/" in each.text and each.tag is not None for each in build.references)
    sent = known(build.push, default=False) or (pushes_more and isinstance(build.push, Absent) and named)
    there = isinstance(build.dockerfile, Known) and files.exists(build.dockerfile.value)
    return sent and there and not any(each.text.startswith(_LOCAL) for each in build.references)


def _text(source: Source, files: Files) -> Text | None:
    """The script that a file is; for one of a task runner, a call of what builds and pushes."""
    name = posixpath.basename(source.path).lower()
    whole = Text.of(source)
    if name.endswith(SCRIPTS):
        return _located(whole, source)
    place = whole.cut(0, 1).place
    folder = posixpath.dirname(source.path) or "."
    if name.endswith("makefile"):
        rules = makefile.read(source, environment=Environment(), file=lambda path: files.read(join(folder, path) or ""))
        goals = [
            each for each, target in rules.targets.items()
            if any(_BUILDS.search(recipe.text.written) for recipe in target.recipes)
        ]  # fmt: skip
        call = f"make -C {folder} -f {posixpath.basename(source.path)}"
        return Text.made(" ".join([call, *goals]), place) if goals else None
    if name.endswith("justfile"):
        calls = [f"just -f {source.path} {each}" for each in _RECIPE.findall(source.text)]
    else:
        calls = [f"task -t {source.path} {each}" for each in _TASK.findall(source.text)]
    return Text.made("\n".join(dict.fromkeys(calls)), place) if calls else None


def _located(text: Text, source: Source) -> Text:
    """A script with the folders of its own tree put in where commands compute them."""
    parts: list[Text] = []
    known: dict[str, str] = {}
    at = 0
    own = posixpath.dirname(source.path) or "."
    for match in _FOLDER.finditer(source.text):
        origin, below = match["from"] or "", match["below"] or ""
        if match["root"]:
            found: str | None = "."
        elif match["beside"] or regex(_BESIDE).fullmatch(origin):
            found = join(own, below.lstrip("/") or ".")
        elif origin:
            start = known.get(origin.strip("${}"))
            found = join(start, below.lstrip("/") or ".") if start is not None else None
        else:
            found = join("", below or ".")
        if found is None:
            continue
        if (name := _SET.search(source.text, max(0, match.start() - _NEAR), match.start())) is not None:
            known[name[1]] = found
        written = WORKSPACE if found == "." else f"{WORKSPACE}/{found}"
        parts += (text.cut(at, match.start()), Text.made(written, source.span(match.start(), match.end())))
        at = match.end()
    return Text.join((*parts, text.cut(at))) if parts else text
