"""What rules in YAML say of facts: known, floating, unknown and absent ones, in every kind that can be selected."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.rules.declarative.acme import said

if TYPE_CHECKING:
    from pathlib import Path

INSTANCE, GROUP = "{resource: aws_db_instance}", "{resource: aws_security_group}"
UNDER, DAYS = "docker-compose.yml", "? main.tf:1:11 variable 'days' has no value in the repository"
ENV_FILE = f"? {UNDER}:15:16 the env file 'missing.env' is not among the files"
SILENT = "is not given, and the condition does not say what holds then"


class Said(NamedTuple):
    """A condition over a selection, and what the rule says."""

    select: str
    require: str
    lines: tuple[str, ...]


def case(name: str, select: str, require: str, *lines: str) -> object:
    return pytest.param(Said(select, require, lines), id=name)


FACTS = [
    case(
        "a fact is its value where it is known, and the rule is open where it is not",
        "service",
        'service.image.tag == "1.4.2"',
        f"{UNDER}:20:12 'db'",
        f"? {UNDER}:3:29 the variable 'TAG' set outside the files",
    ),
    case(
        "a side that is true decides, whatever the other is",
        "service",
        'service.image.tag == "1.4.2" || service.name == "web"',
        f"{UNDER}:20:12 'db'",
    ),
    case(
        "a side that is false decides, whatever the other is",
        "service",
        'service.image.tag == "1.4.2" && service.name != "web"',
        f"{UNDER}:3:29 'web'",
        f"{UNDER}:20:12 'db'",
    ),
    case("known() asks whether a fact is known", "service", "known(service.image.tag)", f"{UNDER}:3:29 'web'"),
    case("what is not given is null", "service", "service.privileged != true", f"{UNDER}:16:17 'api'"),
    case(
        "has() is false of what is not given",
        "service",
        "!has(service.privileged) || !service.privileged",
        f"{UNDER}:16:17 'api'",
    ),
    case(
        "a condition that does not say what holds without a fact is open",
        "service",
        'service.count > 1 && service.name != "db"',
        f"? {UNDER}:13:3 'service.count' {SILENT}",
        f"{UNDER}:19:3 'db'",
        f"? {UNDER}:2:3 'service.count' {SILENT}",
    ),
    case(
        "a number that is written as a text is told",
        INSTANCE,
        "resource.values.engine_version >= 16",
        *(
            f"? main.tf:{line}:30 'resource.values.engine_version' is written as a text, and is compared with a number; "
            "int() or double() reads it"
            for line in (10, 18)
        ),
    ),
    case("has() is open of what is not known", INSTANCE, "has(resource.values.tags.Owner)", DAYS, "main.tf:16:29 X"),
    case(
        "a comparison with null is has()",
        INSTANCE,
        "resource.values.tags == null || resource.values.tags.Owner != null",
        DAYS,
    ),
    case("a key is there whose value is not known", INSTANCE, '"Owner" in resource.values.tags', "main.tf:16:29 X"),
    case(
        "the keys of a map with a value that is not known are known",
        INSTANCE,
        'resource.values.tags.all(k, k.matches("^[a-z]+$"))',
        "main.tf:13:29 Y",
    ),
    case("a list that is not given has no elements", INSTANCE, "size(resource.values.tags) == 2", "main.tf:16:29 X"),
    case(
        "a text of which a part is open is not compared",
        GROUP,
        'resource.values.name == "acme-x"',
        "? main.tf:23:11 'acme-${var.days}' is not decided",
    ),
    case("such a text is there", GROUP, "!has(resource.values.name)", "main.tf:23:11 Z"),
    case(
        "written() of an image is its text, also where a part is open",
        "service",
        'written(service.image) in ["ghcr.io/acme/web:${TAG}", "docker.io/acme/api:1.4.2"]',
        f"{UNDER}:20:12 'db'",
    ),
    case("written() is such a text as it stands", GROUP, 'written(resource.values.name).startsWith("acme-$")'),
    case("floating() tells it", GROUP, "!floating(resource.values.name)", "main.tf:23:11 Z"),
    case(
        "of a version that moves what is fixed is known",
        "database",
        "database.version.major == 16",
    ),
    case(
        "and the rest is open",
        "{database: {engine: postgres}}",
        "database.version.minor == 4",
        "main.tf:10:30 Y",
        "? main.tf:18:30 only '16' is fixed, the rest moves",
    ),
    case(
        "a whole version that moves is not compared",
        "{database: {side: cloud}}",
        'database.version.text == "16.9"',
        "? main.tf:18:30 '16' is not decided",
    ),
    case(
        "a list that may hold more decides by what it holds",
        "service",
        'service.environment.exists(v, v.key == "REGION" && v.value == "eu-west-1")',
        ENV_FILE,
        f"{UNDER}:19:3 'db'",
    ),
    case("and so does a key in it", "service", '"REGION" in service.environment', ENV_FILE, f"{UNDER}:19:3 'db'"),
    case(
        "a variable that such a list does not hold may be set",
        "service",
        'service.environment.REGION.value == "eu-west-1"',
        ENV_FILE,
        f"{UNDER}:19:3 'db'",
    ),
    case(
        "how many there are in such a list is open",
        "service",
        "size(service.environment) < 5",
        ENV_FILE,
    ),
    case(
        "an element that is not known leaves open what the others do not decide",
        GROUP,
        '!resource.values.ingress.exists(i, i.from_port == 443 && "0.0.0.0/0" in i.cidr_blocks)',
        "? main.tf:2:11 variable 'zones' has no value in the repository",
    ),
    case(
        "another element decides",
        GROUP,
        '!resource.values.ingress.exists(i, "0.0.0.0/0" in i.cidr_blocks)',
        "main.tf:25:3 Z",
    ),
    case(
        "of several blocks one must be chosen",
        GROUP,
        "resource.values.ingress.from_port == 22",
        "? main.tf:25:3 there are 2, each with its own 'from_port'",
    ),
    case("by its number", GROUP, "resource.values.ingress[0].from_port == 23", "main.tf:26:19 Z"),
    case("what is behind the last is not given", GROUP, "has(resource.values.ingress[7].from_port)", "main.tf:25:3 Z"),
    case("one text is a list of one", "job", '"ubuntu-latest" in job.raw["runs-on"] && job.name != "lint"', ".github/workflows/ci.yml:15:14 'lint'"),
    case("a mapping that is asked for fields is a list of one", "workflow", 'workflow.raw.permissions.exists(p, p.contents == "read")'),
    case("one that is asked for keys has its keys", "workflow", 'workflow.raw.permissions.exists(p, p == "contents")'),
    case("records that are left over are counted", "service", "service.ports.filter(p, p.host_ip == '').size() < 1", f"{UNDER}:2:3 'web'"),
    case("and asked", "service", "service.ports.filter(p, p.host_ip == '').all(q, q.target < 9000)", f"{UNDER}:2:3 'web'"),
    case("values that are mapped are asked", "service", "!service.ports.map(p, p.target).exists(t, t == 80)", f"{UNDER}:2:3 'web'"),
    case("one alone is counted", "service", "!service.ports.exists_one(p, p.target == 80)", f"{UNDER}:2:3 'web'"),
    case("loops stand in loops", "service", "service.ports.all(p, service.ports.exists(q, q.target == p.target && q.target < 9000))", f"{UNDER}:4:35 'web'"),
    case("a text is split", "service", 'service.image.repository.split("/").exists(p, p == "acme") || service.name == "db"'),
]  # fmt: skip

SELECTED = [
    case("what is in force in a container", "container", 'container.environment.exists(v, v.key == "REGION")', ENV_FILE, f"{UNDER}:19:3 'db'"),
    case("containers of one side", "{container: {side: cloud}}", "false"),
    case("containers that production runs", "{container: {deployed: true}}", "false"),
    case("services of a side and role", "{service: {side: local, role: database}}", "false", f"{UNDER}:19:3 'db'"),
    case("datastores of an engine", "{database: {side: cloud, engine: postgres}}", "false", "main.tf:8:29 Y", "main.tf:16:29 X"),
    case("all keys of a service as Compose has them", "service", 'service.raw.logging.driver == "json-file"', f"{UNDER}:13:3 'api'", f"{UNDER}:19:3 'db'"),
    case("resources of a type", INSTANCE, "resource.values.storage_encrypted == true", "main.tf:16:29 X"),
    case("resources of several types", "{resource: [aws_security_group, aws_s3_bucket_versioning]}", "false", "main.tf:22:32 Z", "main.tf:46:38 'aws_s3_bucket_versioning.files'"),
    case("resources whose types fit a pattern", "{resource: 'aws_s3_bucket_*'}", "false", "main.tf:46:38 'aws_s3_bucket_versioning.files'"),
    case("what refers to a resource", "{resource: aws_s3_bucket}", 'resource.referring.aws_s3_bucket_versioning.exists(v, v.values.versioning_configuration.status == "Enabled")', "main.tf:38:27 'aws_s3_bucket.logs'"),
    case("data sources", "{data: aws_ami}", '"me" in data.values.owners', "main.tf:55:12 'data.aws_ami.base'"),
    case("calls of modules", "{module: '*'}", 'module.values.version == "6"', "main.tf:60:14 'module.vpc'"),
    case("configurations of providers", "{provider: aws}", 'provider.values.region.startsWith("us-")', "main.tf:5:13 'provider.aws'"),
    case("instructions of a Dockerfile", "{instruction: RUN}", 'instruction.values.text.contains("yarn")', "Dockerfile:2:5 'RUN'"),
    case("stages with what is in force at their end", "{stage: {}}", 'stage.user == "root" || !stage.last', "Dockerfile:4:6 '1'"),
    case("what steps use", "{uses: '*'}", 'uses.type.startsWith("./") || uses.values.version.matches("^[0-9a-f]{40}$")', ".github/workflows/ci.yml:10:32 'actions/checkout@v4'"),
    case("what steps of one action use", "{uses: actions/setup-node}", "false"),
    case("steps that run a script", "{step: run}", '"working-directory" in step.values', ".github/workflows/ci.yml:17:9 'npm run lint'"),
    case("what holds a step", "{step: run}", 'step.within.name != "lint"', ".github/workflows/ci.yml:17:9 'npm run lint'"),
    case("jobs", "job", 'job.raw["timeout-minutes"] != null', ".github/workflows/ci.yml:14:3 'lint'"),
    case("workflows", "workflow", 'workflow.raw.permissions.contents == "none"', ".github/workflows/ci.yml:4:13 'CI'"),
    case("what a server is told", "{database: {side: local}}", 'database.settings.log_statement == "all"', f"{UNDER}:20:12 'db'"),
    case("pairs of both sides", "{pair: {of: database}}", "local.version.major == cloud.version.major"),
    case("pairs of an engine", "{pair: {of: database, engine: mysql}}", "false"),
]  # fmt: skip
NAMES = {"'aws_db_instance.reports'": "X", "'aws_db_instance.main'": "Y", "'aws_security_group.open'": "Z"}


def shortened(lines: list[str]) -> list[str]:
    return [" ".join(NAMES.get(word, word) for word in line.split(" ")) for line in lines]


@pytest.mark.parametrize("told", FACTS)
def test_a_fact_decides_or_leaves_open(told: Said, tmp_path: Path) -> None:
    assert sorted(shortened(said(tmp_path, told.select, told.require))) == sorted(told.lines)


@pytest.mark.parametrize("told", SELECTED)
def test_everything_can_be_selected(told: Said, tmp_path: Path) -> None:
    assert sorted(shortened(said(tmp_path, told.select, told.require))) == sorted(told.lines)


ALL = [
    case("some node of all", "tree", 'every.service.exists(s, s.name == "db")'),
    case("no node of all", "tree", 'every.service.exists(s, s.name == "cache")', f"{UNDER}:1:1 'tree'"),
    case("all nodes of a kind", "tree", "every.service.all(s, s.privileged != true)", f"{UNDER}:1:1 'tree'"),
    case("one that is not known leaves it open", "tree", 'every.service.exists(s, s.image.tag == "2.0")', f"? {UNDER}:3:29 the variable 'TAG' set outside the files"),
    case("one that is not known decides nothing where another does", "tree", 'every.service.image.tag.exists(t, t == "16.4")'),
    case("what each has at a path, beside its own", "service", "service.ports.all(p, every.service.ports.published.exists_one(o, o == p.published + 920))", f"{UNDER}:4:35 'web'"),
    case("variables by their key", "tree", '"eu-west-1" in every.service.environment.REGION.value'),
    case("variables that nobody has read", "tree", '"eu-west-2" in every.service.environment.REGION.value', ENV_FILE),
    case("resources", "tree", 'every.resource.exists(r, r.type == "aws_s3_bucket" && r.values.bucket == "acme-logs")'),
    case("what a module makes that is not in the repository", "tree", 'every.resource.exists(r, r.type == "aws_vpc")', "? main.tf:58:9 what 'module.vpc' makes is not in the repository"),
    case("the files of the tree", "tree", '"main.tf" in tree.paths && !("CODEOWNERS" in tree.paths)'),
    case("the same for all rows", "service", 'every.service.exists(s, s.privileged == true) && service.name == "db"', f"{UNDER}:13:3 'api'", f"{UNDER}:2:3 'web'"),
]  # fmt: skip


@pytest.mark.parametrize("told", ALL)
def test_a_condition_asks_of_all_nodes(told: Said, tmp_path: Path) -> None:
    assert sorted(shortened(said(tmp_path, told.select, told.require))) == sorted(told.lines)


def test_what_all_nodes_have_is_shown_where_it_is_no_secret(tmp_path: Path) -> None:
    args = {
        "names": "every.service.map(s, s.name)",
        "values": 'every.service.environment.DB_PASSWORD.value.map(v, v + "!")',
    }
    (line,) = said(tmp_path, "tree", "size(every.database) > 9", "{names} {values}", args=args)
    assert line.startswith(f"{UNDER}:1:1 api, db, web ")
    assert set(line.rpartition(" ")[2]) <= {"*", "…"}


def test_where_narrows_what_is_selected(tmp_path: Path) -> None:
    assert said(tmp_path, "service", "false", where='service.name != "db" && known(service.image.tag)') == [
        f"{UNDER}:13:3 'api'"
    ]


def test_where_that_is_open_leaves_open_what_the_condition_breaks(tmp_path: Path) -> None:
    lines = said(tmp_path, "service", 'service.name == "db"', where='service.image.tag != "1.4.2"')
    assert lines == [f"? {UNDER}:3:29 the variable 'TAG' set outside the files"]


def test_a_finding_of_a_pair_is_at_the_side_that_is_to_mend_and_links_the_other(tmp_path: Path) -> None:
    lines = said(
        tmp_path,
        "{pair: {of: database}}",
        "local.version.text == cloud.version.text",
        "'{local.version}' is not [the cloud's](1) '{cloud.version}'.",
        at="cloud.version",
        related=["local.version"],
    )
    assert lines == [
        "main.tf:10:30 '16.4' is not [the cloud's](1) '16.9'.",
        "? main.tf:18:30 '16' is not decided",
    ]


@pytest.mark.parametrize(
    ("select", "require", "line"),
    [
        ("service", "service.ports.all(p, p.target < 9000)", f"{UNDER}:4:35 X"),
        ("service", "!service.ports.exists(p, p.target == 80) && true", f"{UNDER}:4:14 X"),
        ("service", 'service.labels.all(v, v.key != "team")', f"{UNDER}:10:7 X"),
        ("service", "service.ports.all(p, p.target < params.most)", f"{UNDER}:4:35 X"),
        (GROUP, "!resource.values.ingress.exists(i, i.from_port == 443)", "main.tf:31:3 X"),
        ("service", "service.ports.all(p, p.target < 9000) || false", f"{UNDER}:2:3 X"),
    ],
)
def test_a_finding_is_at_the_element_that_breaks_the_rule(select: str, require: str, line: str, tmp_path: Path) -> None:
    most = {"most": {"type": "integer", "default": 9000}}
    assert said(tmp_path, select, require, "X", parameters=most) == [line]


def test_a_message_shows_facts_as_people_read_them(tmp_path: Path) -> None:
    message = "{service.privileged} {service.profiles} {service.image} {service.image.digest} {service.image.tag}"
    assert said(tmp_path, "service", "false", message)[:1] == [
        f"{UNDER}:13:3 true debug, test acme/api:1.4.2 nothing 1.4.2"
    ]


def test_a_message_shows_what_is_not_known_as_an_ellipsis(tmp_path: Path) -> None:
    assert said(tmp_path, "service", 'service.name != "web"', "{service.image.tag}") == [f"{UNDER}:2:3 …"]


def test_a_message_never_shows_a_secret(tmp_path: Path) -> None:
    lines = said(
        tmp_path,
        "service",
        'service.name != "web"',
        "{service.environment.DB_PASSWORD.value} {word}",
        args={"word": "service.environment.DB_PASSWORD.value + '!'"},
    )
    assert lines == [f"{UNDER}:2:3 *************** ****************"]


def test_further_arguments_of_a_message_are_computed(tmp_path: Path) -> None:
    lines = said(
        tmp_path,
        "service",
        "size(service.ports) == 0",
        "'{name}' publishes {count} ports to everybody.",
        args={"count": "service.ports.filter(p, p.host_ip == '').size()"},
    )
    assert lines == [f"{UNDER}:2:3 'web' publishes 1 ports to everybody."]


def test_an_argument_that_is_a_list_is_told_element_by_element(tmp_path: Path) -> None:
    args = {"open": "service.ports.map(p, p.target)", "none": "service.ports.filter(p, p.target == 1).map(p, p.target)"}
    assert said(tmp_path, "service", 'service.name != "web"', "{open}/{none}", args=args) == [f"{UNDER}:2:3 80, 9000/"]
    args = {"values": "service.environment.map(v, v.value)"}  # among them a password
    (line,) = said(tmp_path, "service", 'service.name != "web"', "{values}", args=args)
    assert set(line.rpartition(" ")[2]) == {"*"}


def test_braces_of_a_message_are_written_twice(tmp_path: Path) -> None:
    assert said(tmp_path, "service", 'service.name != "db"', "{{x}} '{name}'") == [f"{UNDER}:19:3 {{x}} 'db'"]


REGISTRY = {"registry": {"type": "string", "default": "ghcr.io", "description": "Where images come from."}}


def test_a_parameter_has_its_default(tmp_path: Path) -> None:
    lines = said(tmp_path, "service", "service.image.registry == params.registry", parameters=REGISTRY)
    assert lines == [f"{UNDER}:14:12 'api'", f"{UNDER}:20:12 'db'"]


def test_a_parameter_is_what_the_configuration_says(tmp_path: Path) -> None:
    lines = said(
        tmp_path,
        "service",
        "service.image.registry == params.registry",
        "{params.registry}",
        parameters=REGISTRY,
        options={"registry": "docker.io"},
    )
    assert lines == [f"{UNDER}:3:12 docker.io"]


def test_a_parameter_is_a_list_of_texts(tmp_path: Path) -> None:
    allowed = {"registries": {"type": "strings", "default": ["ghcr.io", "docker.io"]}}
    assert said(tmp_path, "service", "service.image.registry in params.registries", parameters=allowed) == []


def test_a_condition_of_too_many_steps_is_open(tmp_path: Path) -> None:
    numbers = ", ".join(map(str, range(60)))
    loops = f"[{numbers}].all(a, [{numbers}].all(b, [{numbers}].all(c, a + b + c >= 0)))"
    assert said(tmp_path, "{service: {role: database}}", loops) == [
        f"? {UNDER}:19:3 the condition has no answer: its loops take too many steps"
    ]
