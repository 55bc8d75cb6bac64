"""What builds and deploys in AWS: the buildspecs of CodeBuild that Terraform holds, the deployments of CodePipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.knowledge.terraform_resources import deploys_with
from policyengine.model.nodes import Deploy, Job, Side, Step, Workflow
from policyengine.model.source import Span
from policyengine.model.text import Text
from policyengine.model.value import Absent, Known, Unknown, known
from policyengine.platforms import Written
from policyengine.platforms.terraform.language.documents import document
from policyengine.platforms.terraform.language.plain import Invalid
from policyengine.platforms.terraform.language.values import List, Object
from policyengine.platforms.terraform.providers.start_scripts import StartScript

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.nodes import Node
    from policyengine.model.source import Source
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.resources.arguments import BlockView
    from policyengine.platforms.terraform.resources.stack import ResourceView

_FILE = "buildspec.yml"


def project(view: ResourceView) -> Iterator[Node]:
    """An aws_codebuild_project whose buildspec is no file of the name of one."""
    read = view.stack.reads.get("github")
    tree = next((found for each in view.blocks("source") if (found := each.tree("buildspec")) is not None), None)
    if read is None or tree is None:
        return
    name = view.id.removeprefix("terraform:")
    try:
        texts = _texts(view, tree)
    except Invalid as error:
        texts = Unknown(str(error), tree.span)
    if isinstance(texts, Unknown):
        yield from _unread(f"codebuild:{name}", texts)
        return
    for each in (one for block in view.blocks("environment") for one in block.blocks("environment_variable")):
        key, value = each.text("name"), each.tree("value")
        if isinstance(key, Known) and value is not None and known(each.text("type"), "PLAINTEXT") == "PLAINTEXT":
            text = StartScript(view.stack, value).joined(value)
            texts |= {} if text is None else {f"env/variables/{key.value}": text}
    yield from read(Written(texts, _FILE, name, tree.span)).nodes


def _texts(view: ResourceView, tree: Tree) -> dict[str, Text] | Unknown:
    """The parts of a buildspec by their paths, or the path of the file that it is. Raises Invalid for no YAML."""
    script = StartScript(view.stack, tree)
    if isinstance(tree, Known) and "\n" not in str(tree.value) and ":" not in str(tree.value):
        return {_FILE: Text.at(str(tree.value), tree.span, tree.via)}
    found = document(tree, "yaml")
    if not isinstance(found, Object):
        return Unknown("it is not decided", tree.span)
    return _parts(script, view.resource.block.source, found, "")


def _parts(script: StartScript, source: Source, tree: Tree, path: str) -> dict[str, Text]:
    """The texts of a document by their paths. `source` is the file that is most likely to hold it."""
    match tree:
        case Object(entries):
            named = list(entries.items())
        case List(items):
            named = [(str(number), each) for number, each in enumerate(items)]
        case Known(str() as text, span, via) if span.path == source.path and "\n" in text:
            return {path: _located(text, span, source).stepped(*via)}
        case _:
            found = script.joined(tree)
            return {} if found is None else {path: found}
    inner = f"{path}/" if path else ""
    return {key: text for name, each in named for key, text in _parts(script, source, each, inner + name).items()}


def _located(text: str, span: Span, source: Source) -> Text:
    """The lines of a block of a here-document, each where it stands."""
    parts: list[Text] = []
    at = span.start
    for line in text.splitlines(keepends=True):
        content = line.strip()
        escaped = content.replace("${", "$${").replace("%{", "%%{")
        found = source.text.find(escaped, at, at + _INDENTATION + len(escaped))
        if not content or found < 0:
            parts.append(Text.made(line, Span(span.path, at, at)))
            continue
        at = found + len(escaped)
        start, end = line.index(content), line.index(content) + len(content)
        where = Span(span.path, found, at)
        parts += (Text.made(line[:start], where), Text.at(content, where), Text.made(line[end:], where))
    return Text.join(parts)


_INDENTATION = 200
"""So many blanks may stand before a line of a here-document."""


def _unread(flow: str, why: Unknown) -> Iterator[Node]:
    gap = Unknown(f"the buildspec is not read: {why.reason}", why.span)
    step = Step(index=0, name="", span=why.span, uses=Absent(why.span), gap=gap)
    job = _job(flow, "build", why.span, step)
    yield job
    yield _workflow(flow, why.span, (job,))


def pipeline(view: ResourceView) -> Iterator[Node]:
    """An aws_codepipeline with an action that deploys; each is a job, which needs those of the stages before it."""
    flow = f"codepipeline:{view.id.removeprefix('terraform:')}"
    jobs: list[Job] = []
    for stage in view.blocks("stage"):
        before = tuple(each.id for each in jobs)
        jobs.extend(_deployments(flow, stage, before))
    if jobs:
        yield from jobs
        yield _workflow(flow, view.span, tuple(jobs))


def _deployments(flow: str, stage: BlockView, before: tuple[str, ...]) -> Iterator[Job]:
    for action in stage.blocks("action"):
        provider, name = action.text("provider"), action.text("name")
        tool = deploys_with(provider.value) if isinstance(provider, Known) else ""
        if tool and known(action.text("category"), "") == "Deploy":
            deploy = Deploy(span=provider.span, tool=tool)
            step = Step(index=0, name="", span=provider.span, uses=Absent(provider.span), activities=(deploy,))
            called = f"{known(stage.text('name'), 'stage')}/{known(name, 'action')}"
            yield _job(flow, called, name.span if isinstance(name, Known) else action.span, step, before)


def _job(flow: str, name: str, span: Span, step: Step, needs: tuple[str, ...] = ()) -> Job:
    return Job(id=f"{flow}#{name}", name=name, side=Side.PIPELINE, span=span, workflow=flow, steps=(step,), needs=needs)


def _workflow(flow: str, span: Span, jobs: tuple[Job, ...]) -> Workflow:
    return Workflow(
        id=flow, name=flow.partition(":")[2], side=Side.PIPELINE, span=span, path=span.path, triggers=(),
        jobs=tuple(each.id for each in jobs),
    )  # fmt: skip
