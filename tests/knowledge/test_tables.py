"""What holds for every table of facts: its form, its order, its sources; and what plug-ins may add."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from policyengine import plugins, schemas
from policyengine.knowledge import images, loading
from policyengine.knowledge.loading import Facts
from policyengine.model.source import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(loading.__file__).parent
SUBJECTS = loading.subjects()
TABLES: dict[str, dict[str, Any]] = {
    subject: json.loads((FOLDER / f"{subject}.json").read_text("utf-8")) for subject in SUBJECTS
}
EACH = pytest.mark.parametrize("subject", SUBJECTS)


@pytest.fixture(autouse=True)
def nothing_added() -> Iterator[None]:
    yield
    loading.use(())


def entries(subject: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for part, content in TABLES[subject].items():
        if part == "sources":
            continue
        for key, entry in content.items() if isinstance(content, dict) else enumerate(content):
            yield f"{part}: {key}", entry


def test_the_published_schema_is_that_of_the_types_that_read_the_tables() -> None:
    assert schemas.load("knowledge") == schemas.of_knowledge(), "run: python -m policyengine.schemas"


@EACH
def test_a_table_has_the_form_that_its_schema_says(subject: str) -> None:
    schema: dict[str, Any] = schemas.load("knowledge")
    jsonschema.Draft202012Validator.check_schema(schema)
    own = {"$ref": schema["properties"][subject]["$ref"], "$defs": schema["$defs"]}
    jsonschema.Draft202012Validator(own).validate(TABLES[subject])
    broken = TABLES[subject] | {"more": {}}
    assert not jsonschema.Draft202012Validator(own).is_valid(broken)


@EACH
def test_a_table_is_sorted(subject: str) -> None:
    for part, content in TABLES[subject].items():
        if isinstance(content, dict):
            assert list(content) == sorted(content), part


def test_the_images_of_a_row_are_sorted_and_its_rows_are_in_the_order_in_which_they_overrule() -> None:
    for row in TABLES["base_images"]["rows"]:
        assert row["repositories"] == sorted(set(row["repositories"]))


@EACH
def test_no_key_of_a_table_stands_twice(subject: str) -> None:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        assert len({key for key, _ in pairs}) == len(pairs), [key for key, _ in pairs]
        return dict(pairs)

    json.loads((FOLDER / f"{subject}.json").read_text("utf-8"), object_pairs_hook=unique)


@EACH
def test_every_entry_cites_a_source_and_every_source_is_cited(subject: str) -> None:
    sources = TABLES[subject]["sources"]
    cited = {name: entry["source"] for name, entry in entries(subject)}
    assert {name: source for name, source in cited.items() if source not in sources} == {}
    assert set(sources) - set(cited.values()) == set()


@EACH
def test_a_source_has_a_title_a_date_and_no_address_but_a_real_one(subject: str) -> None:
    for key, source in TABLES[subject]["sources"].items():
        assert source["title"], key
        assert date(2020, 1, 1) < date.fromisoformat(source["date"]) < date(2030, 1, 1), key
        assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+(/\S*)?", source.get("address", "https://example.org")), key


@EACH
def test_the_lookup_module_of_a_subject_reads_its_table(subject: str) -> None:
    shape = loading.shape(subject)
    assert isinstance(loading.table(subject, shape), shape)


def test_a_table_is_read_once() -> None:
    assert loading.table("images", images.Images) is loading.table("images", images.Images)


ACME = Facts(
    "images",
    {
        "sources": {"acme": {"title": "Acme's registry", "date": "2026-11-30"}},
        "images": {
            "registry.acme.io/pg": {
                "engine": "postgres", "purpose": "database", "grammar": "version", "source": "acme"
            },
            "redis": {"engine": "valkey", "purpose": "cache", "grammar": "version", "source": "acme"},
        },
    },
)  # fmt: skip


def test_what_a_plug_in_adds_is_known_and_takes_the_place_of_what_was_there() -> None:
    assert images.image("registry.acme.io/pg") is None
    loading.use([ACME])
    added, replaced, kept = (images.image(name) for name in ("registry.acme.io/pg", "redis", "postgres"))
    assert (added and added.engine, replaced and replaced.engine, kept and kept.engine) == (
        "postgres",
        "valkey",
        "postgres",
    )


def test_what_was_added_is_gone_when_other_plug_ins_are_used() -> None:
    loading.use([ACME])
    assert images.image("registry.acme.io/pg") is not None
    loading.use([])
    assert images.image("registry.acme.io/pg") is None
    found = images.image("redis")
    assert found is not None
    assert found.engine == "redis"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (Facts("planets", {}), "there is no table 'planets'; the subjects are "),
        (Facts("images", {"moons": {}}), "Object contains unknown field `moons`"),
        (Facts("images", {"images": {"a": {"engine": "x"}}}), "Object missing required field `purpose`"),
        (
            Facts("images", {"other_programs": {"a": {"source": "hearsay"}}}),
            "'a' in 'other_programs' of 'images' cites the unknown source 'hearsay'",
        ),
    ],
)
def test_facts_that_fit_no_table_are_refused(facts: Facts, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        loading.use([facts])


PACK = """
from policyengine.api import Facts, hookimpl

@hookimpl
def policyengine_knowledge():
    return [Facts("ports", {"engines": {"acmedb": {"port": %s, "source": "general"}}})]
"""


def test_a_plug_in_adds_facts_by_a_hook(tmp_path: Path) -> None:
    from policyengine.knowledge.ports import port_of_engine

    file = tmp_path / "acme_facts.py"
    file.write_text(PACK % 4711)
    loaded = plugins.load([str(file)])
    assert [facts.subject for facts in loaded.facts] == ["ports"]
    assert port_of_engine("acmedb") == 4711
    assert port_of_engine("postgres") == 5432


def test_a_plug_in_whose_facts_have_another_form_is_named(tmp_path: Path) -> None:
    file = tmp_path / "wrong_facts.py"
    file.write_text(PACK % "'many'")
    with pytest.raises(
        UsageError, match=r"'.*wrong_facts.py': policyengine_knowledge\(\): .*Expected `int`, got `str`"
    ):
        plugins.load([str(file)])


GUIDE = Path(__file__).parents[2] / "docs" / "knowledge.md"


def test_the_guide_lists_every_subject_and_what_it_holds() -> None:
    from policyengine.knowledge.__main__ import END, START, listed

    guide = GUIDE.read_text("utf-8")
    shown = guide.partition(START)[2].partition(END)[0]
    assert shown == listed(), "run: python -m policyengine.knowledge docs/knowledge.md"
    assert [line.split("[")[1].split("]")[0] for line in shown.splitlines()[2:]] == list(SUBJECTS)


def test_the_example_of_the_guide_adds_what_it_says(tmp_path: Path) -> None:
    from policyengine.knowledge.secrets import secrecy

    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "acme_knowledge.py"
    file.write_text(example)
    assert (secrecy("ACME_LAUNCH_CODE"), images.image("registry.acme.io/platform/pg")) == (None, None)
    plugins.load([str(file)])
    found = images.image("registry.acme.io/platform/pg")
    assert (secrecy("ACME_LAUNCH_CODE"), found and found.engine) == ("secret", "postgres")
