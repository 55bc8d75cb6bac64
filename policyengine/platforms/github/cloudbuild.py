"""Build configurations of Google Cloud Build as a workflow of one job; each step runs one command in a builder's image.

Source of the form: "Build configuration file schema" of Cloud Build. What `images` lists is pushed after the last step.
Which events start the build is not in the file, so the workflow has no triggers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes import Job, Origin, Side, Step, Workflow
from policyengine.model.text import Text
from policyengine.model.value import Absent, known
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.github.documents import WorkflowFiles, mapping, texts, value, variables
from policyengine.platforms.github.expressions import Scope
from policyengine.platforms.github.scripts import Follower
from policyengine.platforms.github.step_frame import JobState, StepFrame
from policyengine.platforms.github.steps import Steps
from policyengine.platforms.github.terraform_folders import TerraformFolders
from policyengine.repository.discover import join
from policyengine.syntax.folding import unfold
from policyengine.syntax.tree import Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import ShellCommand
    from policyengine.model.source import ReadError, Source
    from policyengine.repository.files import Files
    from policyengine.syntax.tree import Mapping

MARKS = ("cloudbuild", "cloud-build", "cloud_build")
_NAME = regex(r"(?:.*/)?(?:[^/]*cloud[-_]?build[^/]*|\.?cloud[-_]?build/[^/]*)\.(?:ya?ml|json)")
_PLAIN = regex(r"[\w./:=@%+,${}~^-]+")
_SHELLS = ("sh", "bash")
_KANIKO = {"--destination": "-t", "-d": "-t", "--dockerfile": "-f", "-f": "-f", "--build-arg": "--build-arg",
           "--target": "--target", "--context": "", "-c": ""}  # fmt: skip
"""The options of kaniko's executor, as `docker build` calls them; the context is an operand there."""


def paths(files: Files) -> Iterator[str]:
    """The files of a tree that are called as build configurations are."""
    return (path for path in files.holding(*MARKS) if _NAME.fullmatch(path))


def lower(path: str, files: Files) -> Lowered:
    """The workflow of a build configuration, its job and the builds of that; nothing of a file that is none."""
    problems: list[ReadError] = []
    reader = WorkflowFiles(files, problems)
    document, source = reader.mapping(path), files.read(path)
    entry = document.entry("steps") if document is not None else None
    if document is None or source is None or entry is None or not isinstance(entry.value, Sequence):
        return Lowered(problems=tuple(problems))
    lines = list(_all(document, source))
    if not lines:
        return Lowered(problems=tuple(problems))
    flow = f"cloudbuild:{path}"
    given = variables(document.get("substitutions"), Origin.ENVIRONMENT)
    state = JobState(f"{flow}#build")
    frame = StepFrame(Scope(variables={each.key: each.value for each in given}, budget=files.budget))
    steps = Steps(reader, Follower(reader.files), TerraformFolders(reader.files))
    for number, line in enumerate(lines):
        done = steps.script(line, frame)
        state.done.extend(done.on_images)
        step = Step(
            index=number, name="", span=line.place, uses=Absent(line.place), environment=given,
            commands=done.commands, activities=done.activities, gap=done.gap,
        )  # fmt: skip
        state.add(step, list(done.drafts))
    place = entry.key.span
    job = Job(id=state.job, name=path, side=Side.PIPELINE, span=place, workflow=flow, steps=tuple(state.steps))
    workflow = Workflow(id=flow, name=path, side=Side.PIPELINE, span=place, path=path, triggers=(), jobs=(job.id,))
    secret = dict.fromkeys((*reader.secrets(), *steps.follower.secrets()))
    return Lowered(nodes=(workflow, job, *state.finished()), problems=tuple(problems), sealed=tuple(secret))


def submitted(command: ShellCommand, reader: WorkflowFiles) -> list[Text]:
    """What Cloud Build runs when a command submits a configuration of the tree to it: `--config`, or the usual file."""
    layer = command.layers[-1]
    config = layer.value("--config")
    folder = next((command.argv[index] for index in layer.operands[:1]), ".")
    if config is None and layer.value("--tag", "-t", "--pack") is not None:
        return []
    usual = [f"{folder}/{name}" for name in ("cloudbuild.yaml", "cloudbuild.json")]
    for path in [config] if config is not None else usual:
        found = join(command.directory, path)
        document, source = (reader.mapping(found), reader.files.read(found)) if found is not None else (None, None)
        if document is not None and source is not None:
            return list(_all(document, source))
    return []


def _all(document: Mapping, source: Source) -> Iterator[Text]:
    """What all steps of a configuration run, each in its folder, and the pushes of its images."""
    steps = document.get("steps")
    for item in steps.items if isinstance(steps, Sequence) else ():
        step = mapping(item)
        folder = known(value(step.get("dir"), step.span), "") if step is not None else ""
        for text in _lines(source, step):
            yield Text.join((Text.made(f"cd {folder}\n", text.place), text)) if folder else text
    for each in texts(document.get("images")):
        yield Text.join((Text.made("docker push ", each.span), unfold(source, each)))


def _lines(source: Source, step: Mapping | None) -> Iterator[Text]:
    """What a step runs: its script, what its shell is given, or the program of its builder with the arguments."""
    builder = step.get("name") if step is not None else None
    if step is None or not isinstance(builder, Scalar):
        return
    script, arguments = step.get("script"), texts(step.get("args"))
    entrypoint = step.get("entrypoint")
    program = _program(builder.text) if not isinstance(entrypoint, Scalar) else entrypoint.text
    if isinstance(script, Scalar):
        yield unfold(source, script)
    elif program.rpartition("/")[2] in _SHELLS and len(arguments) > 1 and arguments[0].text.startswith("-"):
        yield unfold(source, arguments[1])
    elif program == "executor":
        yield _kaniko(source, builder, arguments)
    elif arguments:
        words = [Text.made(program, builder.span), *(_word(source, each) for each in arguments)]
        yield _spaced(words if program else words[1:])


def _program(builder: str) -> str:
    """The program of a builder's image: `docker` of gcr.io/cloud-builders/docker; empty where it is the first word."""
    name = builder.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return "" if name in ("cloud-sdk", "google-cloud-cli") else name


def _word(source: Source, scalar: Scalar) -> Text:
    """An argument as a word of a shell."""
    text = unfold(source, scalar)
    if _PLAIN.fullmatch(text.written):
        return text
    quote = "'" if '"' in text.written else '"'
    return Text.join((Text.made(quote, scalar.span), text, Text.made(quote, scalar.span)))


def _kaniko(source: Source, builder: Scalar, arguments: list[Scalar]) -> Text:
    """The same build by Docker, which pushes too."""
    words = [Text.made("docker buildx build --push", builder.span)]
    context, name = Text.made(".", builder.span), ""
    for each in arguments:
        word = unfold(source, each)
        key, given = (Text.made(name, each.span), word) if name else word.partition("=")
        name = "" if name else key.written
        if given is None:
            continue
        if (option := _KANIKO.get(key.written)) == "":
            context = given
        elif option is not None:
            words += [Text.made(option, each.span), given]
        name = ""
    return _spaced([*words, context])


def _spaced(words: list[Text]) -> Text:
    return Text.join(part for each in words for part in (each, Text.made(" ", each.place)))
