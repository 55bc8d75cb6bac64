"""Every package, package manager, operation and dialect of the tables is asked of who reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge import components, loading, packages
from policyengine.knowledge.base_images import CHECKED_TOOLS
from policyengine.knowledge.components import Components
from policyengine.knowledge.packages import Packages
from policyengine.model.nodes import Extension, OrmSchema, Stage, VectorUse
from policyengine.model.value import Known
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

TABLE = loading.table("packages", Packages)
DIALECTS = loading.table("components", Components).dialects


def stage(dockerfile: str, folder: Path, installed: Plugins) -> Stage:
    return next(scan_files({"Dockerfile": dockerfile}, folder, installed).graph.all(Stage))


@pytest.mark.parametrize("program", TABLE.managers)
def test_a_package_manager_installs_by_its_verbs_and_its_options_take_a_word(
    program: str, tmp_path: Path, installed: Plugins
) -> None:
    entry = TABLE.managers[program]
    lines = []
    for number, verb in enumerate(entry.install):
        options = " ".join(f"{option} taken" for option in entry.valued)
        lines.append(f"RUN {program} {verb} {options} {' '.join(entry.globally[:1])} brought-{number}")
        if entry.globally:
            lines.append(f"RUN {program} {verb} of-the-project-{number}")
    lines += [
        f"RUN {program} remove gone",
        f"RUN sudo /usr/bin/{program} {entry.install[0]} {' '.join(entry.globally[1:2])} last",
    ]
    found = stage("FROM debian:13.2\n" + "\n".join(lines) + "\n", tmp_path, installed)
    names = [package.value for package in found.packages if isinstance(package, Known)]
    assert names == [*(f"brought-{number}" for number in range(len(entry.install))), "last"]


def test_another_program_installs_nothing() -> None:
    assert packages.manager("pip") is None


@pytest.mark.parametrize("package", TABLE.tools)
def test_a_package_brings_its_program(package: str, tmp_path: Path, installed: Plugins) -> None:
    program = TABLE.tools[package].program
    assert packages.brings(package) == program
    assert program in CHECKED_TOOLS
    bare = stage("FROM scratch\n", tmp_path / "bare", installed)
    found = stage(f"FROM scratch\nRUN apk add {package}\n", tmp_path / "with", installed)
    for each, expected in ((bare, False), (found, True)):
        assert isinstance(each.tools, Known)
        assert (program in each.tools.value) is expected
    assert packages.brings(f"{package}-doc") is None


@pytest.mark.parametrize("pattern", TABLE.uses)
def test_a_dependency_is_for_its_extension(pattern: str) -> None:
    name = pattern.replace("*", "acme")
    assert packages.extension_of(name) == TABLE.uses[pattern].extension
    assert packages.extension_of(f"un{name}") is None or pattern.startswith("*")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("package.json", '{"name": "a", "dependencies": {"pgvector": "0.2.1"}}'),
        ("requirements.txt", "pgvector==0.4.1\n"),
        ("Gemfile", "gem 'neighbor'\n"),
        ("go.mod", "module a\n\nrequire github.com/pgvector/pgvector-go v0.3.0\n"),
    ],
)
def test_a_manifest_with_a_package_for_vectors_uses_vectors(
    file: str, text: str, tmp_path: Path, installed: Plugins
) -> None:
    assert len(list(scan_files({file: text}, tmp_path, installed).graph.all(VectorUse))) == 1


@pytest.mark.parametrize("operation", TABLE.operations)
def test_an_operation_of_django_creates_its_extension(operation: str, tmp_path: Path, installed: Plugins) -> None:
    migration = (
        "from django.contrib.postgres.operations import *\nfrom django.db import migrations\n\n\n"
        f"class Migration(migrations.Migration):\n    operations = [{operation}()]\n"
    )
    files = {"shop/migrations/0001_first.py": migration, "shop/migrations/__init__.py": "", "manage.py": ""}
    found = [each.name for each in scan_files(files, tmp_path, installed).graph.all(Extension)]
    assert found == [TABLE.operations[operation].extension]
    assert packages.created_by(f"My{operation}") is None


@pytest.mark.parametrize("word", DIALECTS)
def test_every_reader_of_a_schema_takes_a_dialect_for_the_same_engine(
    word: str, tmp_path: Path, installed: Plugins
) -> None:
    engine = DIALECTS[word].engine
    assert components.engine_of_dialect(word) == components.engine_of_dialect(word.upper()) == engine
    files = {
        "prisma/schema.prisma": f'datasource db {{\n  provider = "{word}"\n  url = env("DATABASE_URL")\n}}\n',
        "drizzle.config.ts": f'export default {{ dialect: "{word}", schema: "./schema.ts" }};\n',
        "config/database.yml": f"production:\n  adapter: {word}\n",
    }
    found = {each.span.path: each.engine for each in scan_files(files, tmp_path, installed).graph.all(OrmSchema)}
    assert set(found) == set(files)
    for value in found.values():
        assert isinstance(value, Known)
        assert value.value == engine


def test_a_dialect_that_no_table_knows_is_no_engine() -> None:
    assert components.engine_of_dialect("acmedb") is None


@pytest.mark.parametrize("tool", TABLE.migrators)
def test_what_runs_the_migrations_of_a_tool_besides_its_command_line(tool: str) -> None:
    assert packages.migrations_called(tool) == TABLE.migrators[tool].called
    assert packages.migrations_called(f"{tool}-other") == ""


@pytest.mark.parametrize("package", TABLE.to_files)
def test_a_tool_builds_a_front_end_to_files(package: str) -> None:
    assert packages.builds_to_files(package)
    assert not packages.builds_to_files(f"{package}-plugin")


@pytest.mark.parametrize("package", TABLE.native)
def test_a_native_dependency_ties_an_image_to_one_c_library(package: str) -> None:
    assert packages.is_native(package.upper())
    assert not packages.is_native(f"{package}-types")


@pytest.mark.parametrize("package", TABLE.writes)
def test_a_framework_writes_where_its_language_runs_it(package: str) -> None:
    entry = TABLE.writes[package]
    assert packages.written_by(package, entry.runtime) == entry.paths != ()
    assert packages.written_by(package, "go") == ()
