"""Every image of the table is asked of each reader of images: Compose, a Dockerfile, a workflow, a task definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge import images, loading, mirrors, tags
from policyengine.knowledge.base_images import CHECKED_TOOLS, BaseImages, base_image
from policyengine.knowledge.images import Images
from policyengine.knowledge.mirrors import Mirrors
from policyengine.knowledge.tags import Tags
from policyengine.model.image import ImageRef, Version, counted, engine_of, parse, tag_fact
from policyengine.model.nodes import Bucket, Cache, Database, Datastore, Queue, Role, Search, Service, Side
from policyengine.model.source import Span
from policyengine.model.value import Floating, Known, Unknown
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from policyengine.plugins import Plugins
    from policyengine.rules.evaluate import Report

TABLE = loading.table("images", Images)
HERE = Span("compose.yaml", 0, 1)
TAGS = {"version": "16.4.2", "pg": "pg16.4", "lead": "16-3.4", "supabase": "16.4.1.042", "none": "stable"}
ROLES = {
    "database": Role.DATABASE, "cache": Role.CACHE, "search": Role.SEARCH, "queue": Role.QUEUE,
    "storage": Role.STORAGE, "emulator": Role.EMULATOR, "proxy": Role.PROXY, "sidecar": Role.SIDECAR,
    "identity": Role.TOOL, "workflow": Role.TOOL, "devtool": Role.TOOL, "test": Role.TOOL, "tool": Role.TOOL,
    "migration": Role.JOB,
    "runtime": Role.APP, "base": Role.APP,
}  # fmt: skip
KINDS = {"database": Database, "cache": Cache, "search": Search, "queue": Queue, "storage": Bucket}
NAMES = tuple(TABLE.images)


def ref(text: str) -> ImageRef:
    found = parse(text)
    assert found is not None
    return found


def tagged(name: str) -> str:
    return f"{name}:{TAGS[TABLE.images[name].grammar]}"


def dockerfile(number: int) -> str:
    """A Dockerfile for each hundred of images: one has at most 300 stages."""
    return f"images/{number // 100}.Dockerfile"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, installed: Plugins) -> Report:
    """One tree that runs every image in four ways; the services are numbered, so that no name tells anything."""
    numbered = list(enumerate(NAMES))
    services = [f"  s{n}:\n    image: {tagged(name)}\n    restart: always" for n, name in numbered]
    built = [
        f"  b{n}:\n    build: {{context: ., dockerfile: '{dockerfile(n)}', target: t{n}}}\n    restart: always"
        for n, _ in numbered
    ]
    jobs = [f"      w{n}:\n        image: {tagged(name)}" for n, name in numbered]
    containers = [f'    {{ name = "c{n}", image = "{tagged(name)}", essential = true }},' for n, name in numbered]
    stages: dict[str, list[str]] = {}
    for number, name in numbered:
        stages.setdefault(dockerfile(number), []).append(f"FROM {tagged(name)} AS t{number}")
    files = {
        "compose.yaml": "services:\n" + "\n".join(services + built) + "\n",
        **{path: "\n".join(lines) + "\n" for path, lines in stages.items()},
        ".github/workflows/ci.yml": (
            "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    services:\n"
            + "\n".join(jobs)
            + "\n    steps:\n      - run: npm test\n"
        ),
        "infra/main.tf": (
            'resource "aws_ecs_cluster" "main" {\n  name = "main"\n}\n'
            'resource "aws_ecs_service" "all" {\n  name = "all"\n  cluster = aws_ecs_cluster.main.id\n'
            "  task_definition = aws_ecs_task_definition.all.arn\n  desired_count = 1\n}\n"
            'resource "aws_ecs_task_definition" "all" {\n  family = "all"\n  container_definitions = jsonencode([\n'
            + "\n".join(containers)
            + "\n  ])\n}\n"
        ),
    }
    return scan_files(files, tmp_path_factory.mktemp("images"), installed)


def services(report: Report) -> dict[tuple[Side, str], Service]:
    return {(each.side, each.name): each for each in report.graph.all(Service)}


@pytest.mark.parametrize("name", NAMES)
def test_every_reader_says_the_same_of_an_image(name: str, report: Report) -> None:
    number, entry = NAMES.index(name), TABLE.images[name]
    found = services(report)
    runs = {
        "Compose": found[Side.LOCAL, f"s{number}"],
        "Dockerfile": found[Side.LOCAL, f"b{number}"],
        "workflow": found[Side.PIPELINE, f"w{number}"],
        "task definition": found[Side.CLOUD, f"c{number}"],
    }
    assert {reader: service.role for reader, service in runs.items()} == dict.fromkeys(runs, ROLES[entry.purpose])
    stores = {store.service: store for store in report.graph.all(Datastore)}
    for reader in ("Compose", "Dockerfile", "workflow"):
        store = stores.get(runs[reader].id)
        if entry.purpose not in KINDS:
            assert store is None, reader
            continue
        assert type(store) is KINDS[entry.purpose], reader
        assert store is not None
        assert isinstance(store.engine, Known), reader
        assert store.engine.value == entry.engine, reader
        made = engine_of(ref(tagged(name)), store.engine.span)
        assert made is not None
        assert type(store.version) is type(made.version), reader


@pytest.mark.parametrize("name", NAMES)
def test_an_image_tells_its_engine_and_its_version_by_its_grammar(name: str) -> None:
    entry = TABLE.images[name]
    found = engine_of(ref(tagged(name)), HERE)
    assert found is not None
    assert (found.name, found.purpose, found.certain) == (entry.engine, entry.purpose, True)
    assert [extension for extension, _ in found.extensions] == list(entry.extensions)
    match found.version:
        case Known(version) | Floating(version):
            assert str(version).startswith("16" if not entry.version else entry.version)
            assert entry.grammar != "none" or entry.version
        case _:
            assert entry.grammar == "none"


@pytest.mark.parametrize("engine", TABLE.releases)
def test_a_release_has_as_many_numbers_as_its_engine_counts(engine: str) -> None:
    entry = TABLE.releases[engine]
    parts = (20, 4, 2)
    assert counted(engine, Version(*parts[: entry.numbers]), HERE) == Known(Version(*parts[: entry.numbers]), HERE)
    assert counted(engine, Version(*parts), HERE) == Known(Version(*parts[: entry.numbers]), HERE)
    if entry.numbers > 1:
        assert isinstance(counted(engine, Version(*parts[: entry.numbers - 1]), HERE), Floating)
    if entry.since:
        assert isinstance(counted(engine, Version(entry.since - 1, 4), HERE), Floating)


@pytest.mark.parametrize("name", TABLE.codenames)
def test_a_codename_is_its_major_for_ever(name: str) -> None:
    entry = TABLE.codenames[name]
    for tag in (name, f"lts-{name}", f"{name}-slim"):
        found = engine_of(ref(f"{entry.engine}:{tag}"), HERE)
        assert found is not None
        assert found.version == Floating(Version(entry.major), HERE)
    assert images.codename("python", name) is None


@pytest.mark.parametrize("word", TABLE.suggestions)
def test_a_word_in_an_unknown_repository_suggests_an_image(word: str) -> None:
    meant = images.image(TABLE.suggestions[word].image)
    assert meant is not None
    for name in (f"ghcr.io/acme/{word}", f"ghcr.io/acme/our-{word}-16", f"ghcr.io/acme/{word}16"):
        found = engine_of(ref(f"{name}:1.2.3"), HERE)
        assert found is not None, name
        assert (found.name, found.certain) == (meant.engine, False)
        assert isinstance(found.version, Unknown)
    assert images.suggested(f"{word}ish") is None


@pytest.mark.parametrize("word", TABLE.other_programs)
def test_a_program_around_an_engine_is_not_the_engine(word: str) -> None:
    assert images.suggested(f"postgres-{word}") is None
    assert images.suggested(f"{word}-postgres") is None
    assert images.suggested(f"postgres-not{word}") is not None


def test_the_grammars_of_the_table_are_those_that_are_read() -> None:
    assert set(TABLE.grammars) == {entry.grammar for entry in TABLE.images.values()} == set(TAGS)


# --- mirrors

MIRRORS = loading.table("mirrors", Mirrors)


@pytest.mark.parametrize("host", MIRRORS.hosts)
def test_a_host_names_the_registry_that_it_hands_on(host: str) -> None:
    entry = MIRRORS.hosts[host]
    assert ref(f"{host}/acme/shop:1.2").registry == entry.registry
    assert mirrors.normalised(host, "acme/shop") == (entry.registry, "acme/shop")


@pytest.mark.parametrize("prefix", MIRRORS.prefixes)
def test_the_first_folder_of_a_pull_through_cache_names_the_upstream(prefix: str) -> None:
    found = ref(f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{prefix}/acme/shop:1.2")
    assert (found.registry, found.repository) == (MIRRORS.prefixes[prefix].registry, "acme/shop")


@pytest.mark.parametrize("owner", MIRRORS.owners)
def test_an_owner_is_dropped_or_kept_as_its_kind_says(owner: str) -> None:
    hub, public = ref(f"{owner}/postgres:16.4"), ref(f"public.ecr.aws/{owner}/postgres:16.4")
    if MIRRORS.owners[owner].kind == "twin":
        assert hub == public
        assert (hub.registry, hub.repository) == ("docker.io", f"{owner}/postgres")
    else:
        assert hub == ref("postgres:16.4")
        assert public.registry == "public.ecr.aws"


# --- floating tags

FLOATING = [(name, tag) for name, entry in loading.table("tags", Tags).images.items() for tag in entry.tags]


@pytest.mark.parametrize("name", loading.table("tags", Tags).images)
def test_a_floating_tag_meant_a_tag_that_says_more(name: str) -> None:
    """Of numbers that both tags give none differs, and the meant one has more of them, or a name in their place."""
    table = loading.table("tags", Tags)
    for tag, meant in table.images[name].tags.items():
        fact = tag_fact(ref(f"{name}:{tag}"))
        assert fact is not None, tag
        assert (fact.tag, fact.source) == (
            meant,
            "https://github.com/docker-library/official-images/tree/37079fb336f572a88700cf32e5e1f6be54a04e8f/library",
        )
        floating, exact = (engine_of(ref(f"{name}:{each}"), HERE) for each in (tag, meant))
        assert floating is not None
        assert exact is not None
        assert floating.name == exact.name
        match floating.version, exact.version:
            case Known(one) | Floating(one), Known(other) | Floating(other):
                assert one.agrees(other), tag
                assert len(one.parts) <= len(other.parts), tag
            case Unknown(), _:
                pass
            case pair:
                raise AssertionError(tag, pair)
    assert tags.meant(name, "no-such-tag") is None


# --- base images

ROWS = loading.table("base_images", BaseImages).rows


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.repositories[0]} {row.variant or ''}")
def test_a_row_speaks_of_every_image_that_it_names(row: object) -> None:
    from policyengine.knowledge.base_images import Row

    assert isinstance(row, Row)
    assert (row.tools or frozenset()) <= set(CHECKED_TOOLS)
    tag = {None: "1.2.3", "alpine": "1.2.3-alpine", "slim": "1.2.3-slim", "alpine.*slim": "1-alpine-slim",
           "(?:^|-)fpm": "8.4-fpm", "(?:^|-)apache": "8.4-apache", "chiseled": "9.0-noble-chiseled", "debug": "debug", "distroless": "distroless",
           "alpine|bookworm|bullseye|debian|trixie": "python3.13-bookworm", "nonroot": "nonroot"}.get(row.variant)  # fmt: skip
    assert tag is not None, f"say here which tag has the variant {row.variant!r}"
    later = ROWS[ROWS.index(row) + 1 :]
    for name in row.repositories:
        found = base_image(name, tag)
        assert found is not None
        for fact in ("user", "workdir", "libc", "tools", "entrypoint", "command", "exposed", "volumes", "users"):
            said = getattr(row, fact)
            overruled = any(name in each.repositories and getattr(each, fact) is not None for each in later)
            if said is not None and not overruled:
                assert getattr(found, fact) == said, (name, fact)
        if row.environment is not None and not any(name in each.repositories and each.environment for each in later):
            assert found.environment == row.environment | {"PATH", "HOME", "HOSTNAME"}


def test_a_digest_without_a_tag_tells_no_variant() -> None:
    found = base_image("node", None)
    assert found is not None
    assert (found.user, found.libc, found.tools) == ("root", None, None)
