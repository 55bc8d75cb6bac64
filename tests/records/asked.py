"""What expressions give of a small system, with the facts that they rest on; or what is wrong with them, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import UsageError
from policyengine.rules.declarative.lowering import Mistake
from policyengine.rules.declarative.query import Answers, ask
from tests.rules.declarative.acme import system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Span

ASKED = (
    "service", "service.name", "service.image", "service.image.tag", "service.ports", "service.ports[0].target", "service.ports[5]",
    "service.environment", "service.environment.REGION", "service.environment['PEER']", "service.environment.DB_PASSWORD",
    "service.environment.NONE", "service.depends_on", "service.profiles", "service.profiles[1]", "service.labels", "service.count",
    "service.raw.labels.team", "service.raw.logging", "service.raw.logging.driver", "service.raw.none.none", "service.env_files",
    "service.healthcheck", "service.healthcheck.test.text", "service.privileged", "service.build", "service.role", "service.side", "service.file",
    "service.nmae", "service.name.x", "service.ports.target", "service.image.tag.x", "servce", "service.ports[0].nothing",
    "service.name + '!'", "service.name + service.image.tag", "service.name + 1", "-service.count", "!service.privileged", "size(service.name)",
    "size(service.ports) + size(service.profiles)", "service.ports.size()", "size(service.environment)", "size(service.environment.DB_PASSWORD)",
    "service.environment.DB_PASSWORD + 'x'", "service.environment.DB_PASSWORD == 'x'", "service.name in ['web', 'db']", "service.name in service.depends_on",
    "'db' in service.depends_on", "'debug' in service.profiles", "'REGION' in service.environment", "'team' in service.raw.labels", "80 in service.ports",
    "service.name == 'web' ? service.image.tag : 'none'", "service.name == null", "service.privileged == null", "service.image.tag != null",
    "service.healthcheck == null", "has(service.privileged)", "has(service.image.tag)", "has(service.raw.logging.driver)", "has(service.raw.none)",
    "known(service.image.tag)", "floating(service.image.tag)", "written(service.image.tag)", "known(service.environment.PEER)", "known(service)",
    "service.ports.exists(p, p.target == 80)", "service.ports.all(p, p.target > 80)", "service.ports.exists_one(p, p.target == 9000)",
    "service.ports.map(p, p.target)", "service.ports.filter(p, p.target > 80)", "service.ports.filter(p, p.target > 80).size() == 1",
    "service.ports.map(p, p.target).exists(t, t == 80)", "service.environment.exists(k, k == 'REGION')", "service.environment.all(k, k.startsWith('X'))",
    "service.profiles.exists(p, p.matches('^d'))", "service.profiles.map(p, p + '!')", "service.name.exists(n, n == 'x')",
    "service.name.startsWith('w') && service.image.tag == '1'", "service.name.startsWith('w') || service.image.tag == '1'",
    "service.name.matches('^(web|db)$')", "service.name.matches('(')", "service.name.contains(service.image.tag)", "service.name.upperAscii()",
    "service.name.replace('e', 'E')", "service.name.split('e')", "service.name.startswith('w')", "service.name matches 'x'", "service.name = 'x'",
    "service.image.tag >= '1.4'", "service.image.tag == 1", "int(service.image.tag) == 1", "double('1.5') > 1.0", "string(service.count)", "1 / 0 == service.count",
    "service.count > 1", "[1, 2].map(x, x * 2)", "{'a': service.name}.a == 'web'", "dyn(service.name)", "timestamp('2026-01-01T00:00:00Z') > service.name",
    "resource", "resource.name", "resource.values", "resource.values.engine_version", "resource.values.tags", "resource.values.tags.Owner", "resource.values.ingress[0].cidr_blocks",
    "resource.values.ingress.exists(i, '0.0.0.0/0' in i.cidr_blocks)", "resource.type", "resource.values.engine_version >= 16", "resource.values.nothing.nothing",
    "resource.values.ingress.all(i, i.from_port == 443)", "has(resource.values.tags.Owner)", "'Owner' in resource.values.tags", "resource.values.tags.all(k, k != 'x')",
    "provider.values.region", "module.values.version", "data.type", "data.values.owners",
    "job.steps", "job.name", "step.uses", "job.nam", "job.steps.exists(s, s.uses.startsWith('actions/'))", "workflow.name", "workflow.pathh",
    "stage.base", "stage.base.tag", "stage.user", "stage.command.words", "stage.last && stage.user == 'node'", "stage.runs", "build.context",
    "database.engine", "database.version", "database.version.major", "database.engine == 'postgres' && database.version.major >= 16",
    "every.service.exists(s, s.name == service.name)", "every.service.map(s, s.name)", "size(every.database) > size(every.service)", "every.servce", "every.service.name",
)  # fmt: skip
PAIRS = (
    "local.name",
    "cloud.name",
    "local.engine == cloud.engine",
    "local.version != cloud.version",
    "pair.score > 50",
    "service.name",
    "score",
    "certain",
)
FILTERED = (
    ("service.name", "service.image.tag == '16.4'"), ("service.name", "service.privileged"), ("service.name", "service.name"),
    ("service.name", "service.nam == 'x'"), ("size(service.ports)", "service.name == 'web' || service.count > 1"),
)  # fmt: skip


def told() -> str:
    """Each expression with its answers."""
    lines: list[str] = []
    for each in ASKED:
        lines += ["", each, *_answers(each)]
    for each in PAIRS:
        lines += ["", f"{each} of pairs", *_answers(each, pair="database")]
    lines += ["", "local.name of pairs of jobs", *_answers("local.name", pair="job")]
    for each, where in FILTERED:
        lines += ["", f"{each} where {where}", *_answers(each, where=where)]
    return "\n".join(lines[1:]) + "\n"


def _answers(expression: str, *, where: str = "", pair: str = "") -> list[str]:
    try:
        return [f"  {line}" for line in _said(ask(expression, system().graph, where=where, pair=pair))]
    except Mistake as mistake:
        return [f"  mistake at {mistake.start}-{mistake.end}: {mistake.message}"]
    except UsageError as error:
        return [f"  wrong usage: {error}"]


def _said(answers: Answers) -> Iterator[str]:
    yield f"{len(answers.given)} of {answers.asked} {answers.kind}{' hold' * answers.condition}, {len(answers.open)} open"
    for each in (*answers.given, *answers.open):
        value = "" if each.value is None or each.value is True else f" {each.value!r}"
        reason = "" if each.open is None else f"? {each.open.reason} at {_at(each.open.span)}"
        yield f"{each.node.name}{value}{reason}"
        yield from (f"  {one.path} {one.state} {one.text!r} {one.value!r} at {_at(one.span)}" for one in each.told)


def _at(span: Span) -> str:
    return f"{span.path}:{span.start}-{span.end}"
