from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.knowledge.base_images import base_image
from policyengine.model.image import (
    ImageRef,
    Meaning,
    Version,
    counted,
    engine_of,
    meaning,
    parse,
    read,
    tag_fact,
    version,
)
from policyengine.model.source import Span
from policyengine.model.text import Text
from policyengine.model.value import Floating, Known, Unknown

HERE = Span("compose.yaml", 3, 9)
DIGEST = "sha256:" + "a" * 64


def ref(text: str) -> ImageRef:
    found = parse(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "postgres:16.4",
        "library/postgres:16.4",
        "docker.io/postgres:16.4",
        "docker.io/library/postgres:16.4",
        "index.docker.io/library/postgres:16.4",
        "registry-1.docker.io/library/postgres:16.4",
        "public.ecr.aws/docker/library/postgres:16.4",
        "mirror.gcr.io/library/postgres:16.4",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/postgres:16.4",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/dockerhub/postgres:16.4",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/ecr-public/docker/library/postgres:16.4",
        "europe-docker.pkg.dev/project/docker-hub/library/postgres:16.4",
        "registry.example.com/proxy/library/postgres:16.4",
        "gitlab.example.com/group/dependency_proxy/containers/postgres:16.4",
        "arm64v8/postgres:16.4",
    ],
)
def test_mirrors_name_the_repository_that_they_mirror(text: str) -> None:
    found = ref(text)
    assert (found.registry, found.repository, found.tag, found.text) == ("docker.io", "postgres", "16.4", text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ghcr.io/acme/app", "ghcr.io/acme/app"),
        ("localhost:5000/app:1", "localhost:5000/app"),
        ("acme/app@" + DIGEST, "acme/app"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/ghcr/acme/app:1", "ghcr.io/acme/app"),
        ("public.ecr.aws/lambda/nodejs:22", "public.ecr.aws/lambda/nodejs"),
        ("public.ecr.aws/supabase/postgres:15.8.1.040", "supabase/postgres"),
    ],
)
def test_other_registries_keep_their_name(text: str, name: str) -> None:
    assert ref(text).name == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Postgres:16",
        "postgres:",
        "postgres:16:4",
        "postgres@sha256:12",
        "post gres",
        "-a",
        "a//b",
        "a/b/",
        "$X",
        "a:" + "1" * 129,
    ],
)
def test_what_docker_refuses_is_no_reference(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_none(text: str) -> None:
    found = parse(text)
    if found is not None:
        assert found.text == text
        if found.tag_at is not None:
            assert text[slice(*found.tag_at)] == found.tag
            assert ref(found.retagged("1.2")).tag == "1.2"


def test_another_tag_keeps_the_registry_as_written_and_drops_the_digest() -> None:
    assert ref("public.ecr.aws/docker/library/postgres:16@" + DIGEST).retagged("16.4") == (
        "public.ecr.aws/docker/library/postgres:16.4"
    )
    assert ref("localhost:5000/app").retagged("2") == "localhost:5000/app:2"


@pytest.mark.parametrize(
    ("image", "engine", "value", "variant"),
    [
        ("postgres:16.4", "postgres", Known(Version(16, 4), HERE), ""),
        ("postgres:16.4-alpine3.20", "postgres", Known(Version(16, 4), HERE), "alpine3.20"),
        ("postgres:16", "postgres", Floating(Version(16), HERE), ""),
        ("postgres:16-alpine", "postgres", Floating(Version(16), HERE), "alpine"),
        ("postgres:9.6", "postgres", Floating(Version(9, 6), HERE), ""),
        ("postgres:9.6.24", "postgres", Known(Version(9, 6, 24), HERE), ""),
        ("postgres:18beta1", "postgres", Floating(Version(18), HERE), ""),
        ("postgres:16-alpine@" + DIGEST, "postgres", Floating(Version(16), HERE), "alpine"),
        ("pgvector/pgvector:pg16", "postgres", Floating(Version(16), HERE), ""),
        ("pgvector/pgvector:0.8.0-pg17-bookworm", "postgres", Floating(Version(17), HERE), "bookworm"),
        ("supabase/postgres:15.8.1.040", "postgres", Known(Version(15, 8), HERE), ""),
        ("timescale/timescaledb:2.17.2-pg16", "postgres", Floating(Version(16), HERE), ""),
        ("timescale/timescaledb-ha:pg16.4-ts2.16.1", "postgres", Known(Version(16, 4), HERE), "ts2.16.1"),
        ("postgis/postgis:16-3.4-alpine", "postgres", Floating(Version(16), HERE), "3.4-alpine"),
        ("bitnami/postgresql:16.4.0-debian-12-r1", "postgres", Known(Version(16, 4), HERE), "debian-12-r1"),
        ("redis:7-alpine", "redis", Floating(Version(7), HERE), "alpine"),
        ("redis:7.2.4", "redis", Known(Version(7, 2, 4), HERE), ""),
        ("valkey/valkey:8.0-alpine", "valkey", Floating(Version(8, 0), HERE), "alpine"),
        ("mysql:8.4.3", "mysql", Known(Version(8, 4, 3), HERE), ""),
        ("mongo:7.0.14-jammy", "mongodb", Known(Version(7, 0, 14), HERE), "jammy"),
        ("opensearchproject/opensearch:2.17.1", "opensearch", Known(Version(2, 17, 1), HERE), ""),
        ("docker.elastic.co/elasticsearch/elasticsearch:8.15.2", "elasticsearch", Known(Version(8, 15, 2), HERE), ""),
        ("node:22.20.0-bookworm-slim", "node", Known(Version(22, 20, 0), HERE), "bookworm-slim"),
        ("node:lts-jod", "node", Floating(Version(22), HERE), "lts-jod"),
        ("gcr.io/distroless/nodejs22-debian12:nonroot", "node", Floating(Version(22), HERE), "nonroot"),
    ],
)
def test_tags_are_read_by_the_grammar_of_their_repository(
    image: str, engine: str, value: Known[Version] | Floating[Version], variant: str
) -> None:
    found = engine_of(ref(image), HERE)
    assert found is not None
    assert (found.name, found.version, found.variant) == (engine, value, variant)


@pytest.mark.parametrize(
    "image",
    ["postgres", "postgres:latest", "redis:alpine", "node:lts", "pgvector/pgvector:pg16x", "postgres@" + DIGEST],
)
def test_a_tag_without_a_major_tells_no_version(image: str) -> None:
    found = engine_of(ref(image), HERE)
    assert found is not None
    assert isinstance(found.version, Unknown)


def test_an_unknown_repository_only_suggests_its_engine() -> None:
    found = engine_of(ref("ghcr.io/acme/my-postgres:16.4"), HERE)
    assert found is not None
    assert (found.name, found.certain) == ("postgres", False)
    assert isinstance(found.version, Unknown)
    assert engine_of(ref("acme/redis-exporter"), HERE) is None
    assert engine_of(ref("acme/shop"), HERE) is None


@pytest.mark.parametrize(
    ("image", "provides"),
    [
        ("pgvector/pgvector:pg16", True),
        ("ankane/pgvector", True),
        ("supabase/postgres:15.8.1.040", True),
        ("postgres:16", False),
    ],
)
def test_which_images_bring_pgvector(image: str, *, provides: bool) -> None:
    found = engine_of(ref(image), HERE)
    assert found is not None
    assert (found.extension("vector") is not None) is provides


def test_the_version_of_pgvector_is_told_by_its_image() -> None:
    found = engine_of(ref("pgvector/pgvector:0.8.0-pg17"), HERE)
    assert found is not None
    assert found.extension("vector") == Known(Version(0, 8, 0), HERE)


@pytest.mark.parametrize(
    ("image", "meant"),
    [
        ("redis:7-alpine", Version(7, 4, 11)),  # the facts of 2026-08-22
        ("redis:alpine", Version(8, 10, 1)),
        ("postgres:16", Version(16, 15)),
        ("public.ecr.aws/docker/library/postgres:16-alpine", Version(16, 15)),
        ("node:22", Version(22, 23, 2)),
    ],
)
def test_what_floating_tags_meant_on_the_day_of_the_table(image: str, meant: Version) -> None:
    fact = tag_fact(ref(image))
    assert fact is not None
    assert meaning(ref(image)) == Meaning(meant, "2026-08-22")
    assert fact.source.startswith("https://github.com/docker-library/official-images/tree/")


def test_there_is_no_fact_about_a_pinned_image() -> None:
    assert tag_fact(ref("postgres:16.4")) is None
    assert tag_fact(ref("postgres:16@" + DIGEST)) is None
    assert tag_fact(ref("acme/app:1")) is None


def test_versions_compare_by_what_they_give() -> None:
    assert Version(16).agrees(Version(16, 4))
    assert not Version(16, 3).agrees(Version(16, 4))
    assert Version(16, 3) < Version(16, 10)
    assert Version(7, 0) != Version(7)
    assert [str(version(text)) for text in ("16.4", "v7", "6.x", "22.3.1-rc1")] == ["16.4", "7", "6", "22.3.1"]
    assert version("latest") is None
    assert counted("postgres", Version(16, 4, 0), HERE) == Known(Version(16, 4), HERE)
    assert counted("redis", Version(7, 1), HERE) == Floating(Version(7, 1), HERE)


@pytest.mark.parametrize(
    ("image", "user", "libc", "has", "lacks"),
    [
        ("node:22-bookworm-slim", "root", "glibc", {"sh", "bash"}, {"curl", "wget"}),
        ("node:22", "root", "glibc", {"curl", "wget", "bash"}, set()),
        ("node:22-alpine", "root", "musl", {"sh", "wget"}, {"curl", "bash"}),
        ("gcr.io/distroless/nodejs22-debian12:nonroot", "65532", "glibc", set(), {"sh", "curl"}),
        ("gcr.io/distroless/nodejs22-debian12", "root", "glibc", set(), {"sh", "curl"}),
        ("nginxinc/nginx-unprivileged:1.27-alpine", "101", "musl", {"curl"}, {"bash"}),
    ],
)
def test_what_base_images_bring(image: str, user: str, libc: str, has: set[str], lacks: set[str]) -> None:
    facts = base_image(ref(image).name, ref(image).effective_tag)
    assert facts is not None
    assert facts.tools is not None
    assert (facts.user, facts.libc) == (user, libc)
    assert has <= facts.tools
    assert not lacks & facts.tools


def test_a_base_image_that_no_table_lists_is_unknown() -> None:
    assert base_image("ghcr.io/acme/base", "1") is None


PLACE = Span("compose.yml", 7, 40)


def template(text: str) -> Text:
    """A text in which each `<…>` is not decided."""
    parts = re.split(r"<(.*?)>", text)
    return Text.join(
        Text.undecided(f"${{{part}}}", Unknown(f"variable '{part}'", PLACE)) if number % 2 else Text.made(part, PLACE)
        for number, part in enumerate(parts)
    )


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("ghcr.io/acme/app:<TAG>", "ghcr.io", "acme/app", "<TAG>", None),
        ("acme/app:v<TAG>-slim", "docker.io", "acme/app", "<TAG>", None),
        ("<REGISTRY>/acme/app:1.2", "<REGISTRY>", "acme/app", "1.2", None),
        ("ghcr.io/<OWNER>/app", "<OWNER>", "app", None, None),
        ("<A>:<PORT>/team/app@<DIGEST>", "<A>", "team/app", None, "<DIGEST>"),
        ("public.ecr.aws/docker/library/node:<V>", "docker.io", "node", "<V>", None),
        (f"<R>/app:1@sha256:{'0' * 64}", "<R>", "app", "1", f"sha256:{'0' * 64}"),
    ],
)
def test_a_part_of_a_reference_that_is_not_decided_is_unknown(
    text: str, registry: str, repository: str, tag: str | None, digest: str | None
) -> None:
    found = read(template(text))
    assert isinstance(found, ImageRef)
    parts = (found.registry, found.tag, found.digest)
    told = [f"<{each.reason[10:-1]}>" if isinstance(each, Unknown) else each for each in parts]
    assert (told, found.repository) == ([registry, tag, digest], repository)
    assert found.text == re.sub("<(.*?)>", r"${\1}", text)
    assert str(found) == found.text
    assert found == read(template(text))
    assert len(found.undecided) == sum("<" in str(each) for each in told)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<IMAGE>", "variable 'IMAGE'"),
        ("acme/app-<ENV>:1", "variable 'ENV'"),
        ("acme/<NAME>@<DIGEST>", "variable 'NAME'"),
        ("<R>/App:1", "'${R}/App:1' is no image reference"),
        ("<R>/app:a b", "'${R}/app:a b' is no image reference"),
        ("acme app", "'acme app' is no image reference"),
    ],
)
def test_a_reference_whose_repository_is_not_decided_is_unknown(text: str, reason: str) -> None:
    found = read(template(text))
    assert isinstance(found, Unknown)
    assert found.reason == reason


def test_an_image_of_a_registry_that_is_not_decided_is_no_image_of_docker_hub() -> None:
    found = read(template("<R>/postgres:16.4"))
    assert isinstance(found, ImageRef)
    assert found.name == "…/postgres"
    engine = engine_of(found, PLACE)
    assert engine is not None
    assert (engine.name, engine.certain, type(engine.version)) == ("postgres", False, Unknown)


def test_a_tag_that_is_not_decided_is_not_the_latest() -> None:
    found = read(template("postgres:<V>"))
    assert isinstance(found, ImageRef)
    assert found.effective_tag is None
    engine = engine_of(found, PLACE)
    assert engine is not None
    assert engine.version == Unknown("variable 'V'", PLACE)
