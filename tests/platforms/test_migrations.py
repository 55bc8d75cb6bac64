"""Packages, migrations, SQL and ORM schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from policyengine.model.nodes import Extension, MigrationRunner, Migrations, Node, OrmSchema, Package, Side, VectorUse
from policyengine.model.source import Source
from policyengine.model.value import Known, Unknown
from policyengine.platforms.code import migrations, package
from policyengine.syntax import sql
from policyengine.testing.memory import Memory

if TYPE_CHECKING:
    from policyengine.platforms import Lowered

N = TypeVar("N", bound=Node)


def packages(texts: dict[str, str]) -> Lowered:
    files = Memory(texts)
    return package.packages(files, package.manifests(files))


def nodes(kind: type[N], files: dict[str, str]) -> list[N]:
    return [node for node in migrations.lower(Memory(files)).nodes if isinstance(node, kind)]


@pytest.mark.parametrize(
    ("files", "directory", "tool"),
    [
        ({"prisma/migrations/20250101000000_a/migration.sql": ""}, "prisma/migrations", "prisma"),
        ({"supabase/migrations/20250101000000_a.sql": ""}, "supabase/migrations", "supabase"),
        ({"drizzle/0000_a.sql": "", "drizzle/meta/_journal.json": "{}"}, "drizzle", "drizzle"),
        ({"db/alembic/env.py": "", "db/alembic/versions/1a_b.py": ""}, "db/alembic/versions", "alembic"),
        ({"db/migrate/20250101000000_a.rb": ""}, "db/migrate", "rails"),
        (
            {"a/b/migrations/__init__.py": "", "a/b/migrations/0001_initial.py": "", "a/manage.py": ""},
            "a/b/migrations",
            "django",
        ),
        ({"knexfile.js": "", "migrations/20250101000000_a.js": "exports.up = 1"}, "migrations", "knex"),
        ({"src/main/resources/db/migration/V1__a.sql": ""}, "src/main/resources/db/migration", "flyway"),
        ({"migrations/000001_a.up.sql": "", "migrations/000001_a.down.sql": ""}, "migrations", "golang-migrate"),
        ({"migrations/001_a.sql": "-- +goose Up\n"}, "migrations", "goose"),
        (
            {"src/migrations/1700000000000-a.ts": "class A implements MigrationInterface {}"},
            "src/migrations",
            "typeorm",
        ),
        ({"database/migrations/2025_01_01_000000_a.php": ""}, "database/migrations", "laravel"),
    ],
)
def test_a_folder_of_migrations_is_told_by_its_layout(files: dict[str, str], directory: str, tool: str) -> None:
    (found,) = nodes(Migrations, files)
    assert (found.directory, found.tool, found.id) == (directory, tool, f"migrations:{directory}")


def test_down_migrations_fixtures_and_seeds_are_left_out() -> None:
    files = {
        "migrations/1_a.up.sql": "",
        "migrations/1_a.down.sql": "",
        "tests/fixtures/migrations/1_b.sql": "",
        "node_modules/x/migrations/1_c.sql": "",
    }
    (found,) = nodes(Migrations, files)
    assert found.files == ("migrations/1_a.up.sql",)


def test_the_applications_of_a_django_project_are_one() -> None:
    files = {
        "src/manage.py": "",
        **{f"src/{app}/migrations/{name}": "" for app in ("a", "b") for name in ("__init__.py", "0001_initial.py")},
    }
    (found,) = nodes(Migrations, files)
    assert (found.directory, len(found.files)) == ("src", 2)


def test_extensions_are_found_in_init_scripts_and_migrations_with_their_names() -> None:
    init = "-- CREATE EXTENSION no;\nCREATE EXTENSION IF NOT EXISTS vector;\n"
    migration = "create extension \"uuid-ossp\" with schema x;\nSELECT 'CREATE EXTENSION no';\n"
    files = {"docker/postgres/init/001.sql": init, "prisma/migrations/20250101000000_a/migration.sql": migration}
    found = {
        (each.name, each.side, files[each.span.path][each.span.start : each.span.end])
        for each in nodes(Extension, files)
    }
    assert found == {("vector", Side.LOCAL, "vector"), ("uuid-ossp", Side.SOURCE, "uuid-ossp")}


def test_extensions_are_found_in_migrations_that_are_code() -> None:
    files = {
        "db/migrate/20250101000000_a.rb": 'enable_extension "vector"\n# enable_extension "no"\nt.vector :e, limit: 3\n',
        "alembic/env.py": "",
        "alembic/versions/a_b.py": 'op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")\n',
        "app/migrations/__init__.py": "",
        "app/migrations/0001_a.py": "operations = [VectorExtension(), TrigramExtension()]\n",
    }
    assert sorted((each.span.path, each.name) for each in nodes(Extension, files)) == [
        ("alembic/versions/a_b.py", "pg_trgm"),
        ("app/migrations/0001_a.py", "pg_trgm"),
        ("app/migrations/0001_a.py", "vector"),
        ("db/migrate/20250101000000_a.rb", "vector"),
    ]
    assert [each.span.path for each in nodes(VectorUse, files)] == ["db/migrate/20250101000000_a.rb"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE t (e vector(3) NOT NULL)", ["vector"]),
        ('CREATE TABLE t ("e" "public"."vector"(3))', ["vector"]),
        ("ALTER TABLE t ADD COLUMN e extensions.halfvec(3);", ["halfvec"]),
        ("CREATE TABLE t (\n  e vector,\n  f int\n)", ["vector"]),
        ("SELECT a <=> $1::vector FROM t", ["vector"]),
        ("CREATE INDEX i ON t USING hnsw (e vector_cosine_ops)", ["vector_cosine_ops"]),
        ("CREATE TABLE t (e tsvector, f text)", []),
        ("ALTER TABLE t ADD COLUMN vector text", []),
        ("SELECT to_tsvector('simple', 'vector(3)')", []),
        ("-- e vector(3)\n/* vector(3) */ CREATE EXTENSION vector;", []),
    ],
)
def test_vector_columns_are_told_from_other_words(text: str, expected: list[str]) -> None:
    assert [text[span.start : span.end] for span, _ in sql.read(Source("a.sql", text)).vectors()] == expected


def test_dollar_quoted_code_stays_visible() -> None:
    text = "DO $$ BEGIN -- it's\n  CREATE EXTENSION vector; END $$;"
    assert inside_blocks(text) == {"vector": True}


def test_dollar_quoted_text_is_a_string_literal_and_the_body_of_a_function_is_none() -> None:
    text = "INSERT INTO a VALUES ($x$CREATE EXTENSION citus; it's e vector(3)$x$, 1);\nCREATE EXTENSION vector;\n"
    body = "CREATE FUNCTION f() RETURNS void AS $f$ CREATE EXTENSION pg_trgm; $f$ LANGUAGE sql;"
    assert inside_blocks(text + body) == {"vector": False, "pg_trgm": False}
    assert list(sql.read(Source("a.sql", text)).vectors()) == []
    assert inside_blocks("SELECT $1, $$; CREATE EXTENSION vector;") == {"vector": False}  # nothing closes it


@pytest.mark.parametrize(
    ("path", "comment", "statement"),
    [
        ("db/x/y/later.sql", "-- CREATE EXTENSION vector;", "CREATE EXTENSION vector;"),
        ("infra/db.tf", "# CREATE EXTENSION vector", "command = \"psql -c 'CREATE EXTENSION vector'\""),
        ("lib/a.ex", '# execute "CREATE EXTENSION vector"', 'execute "CREATE EXTENSION vector"'),
        ("src/a.ts", "// CREATE EXTENSION vector", 'query("CREATE EXTENSION vector")'),
        ("Makefile", "# CREATE EXTENSION vector", "db:\n\tpsql -c 'CREATE EXTENSION vector'"),
    ],
)
def test_an_extension_in_a_comment_is_created_nowhere(path: str, comment: str, statement: str) -> None:
    def made(text: str) -> list[tuple[str, bool]]:
        files = {"db/schema.sql": "CREATE TABLE t (e vector(3));", path: text}
        nodes = migrations.lower(Memory(files)).nodes
        return [(each.name, each.optional) for each in nodes if isinstance(each, Extension)]

    assert (made(comment), made(statement)) == ([], [("vector", True)])


def inside_blocks(text: str) -> dict[str, bool]:
    return {name: inside for name, _, inside in sql.read(Source("a.sql", text)).extensions()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE EXTENSION a; DO $$ CREATE EXTENSION b; $$; CREATE EXTENSION c;", {"a": False, "b": True, "c": False}),
        ("DO LANGUAGE plpgsql $x$ PERFORM $$ $$; CREATE EXTENSION a; $x$; CREATE EXTENSION b", {"a": True, "b": False}),
        ("do $x$ x $x$; CREATE EXTENSION a; do $x$ CREATE EXTENSION b $x$", {"a": False, "b": True}),
        ("CREATE FUNCTION f() AS $$ x $$; CREATE EXTENSION a; SELECT $$ $$", {"a": False}),
        ("DO $x$ CREATE EXTENSION a", {"a": False}),
    ],
)
def test_a_block_of_code_reaches_from_its_quote_to_the_same_one(text: str, expected: dict[str, bool]) -> None:
    assert inside_blocks(text) == expected


def test_many_blocks_of_code_are_read_in_time() -> None:
    many = range(40_000)
    assert inside_blocks("".join(f"DO $t{n}$\n" for n in many) + "CREATE EXTENSION a") == {"a": False}
    closed = "".join(f"DO $t{n}$ CREATE EXTENSION e{n} $t{n}$;\n" for n in many)
    assert set(inside_blocks(closed).values()) == {True}


def test_prisma_tells_its_engine_and_its_vectors() -> None:
    text = (
        'generator client { provider = "x" }\n// datasource no { }\ndatasource db {\n  provider = "postgresql" // c\n'
        '  url = env("DATABASE_URL")\n}\nmodel A {\n  e Unsupported("vector(3)")\n  p Unsupported("point")\n}\n'
    )
    files = {"prisma/schema.prisma": text}
    (schema,) = nodes(OrmSchema, files)
    assert isinstance(schema.engine, Known)
    assert schema.engine.value == "postgres"
    assert text[schema.engine.span.start : schema.engine.span.end] == "postgresql"
    (use,) = nodes(VectorUse, files)
    assert text[use.span.start : use.span.end] == "vector(3)"


def test_a_computed_provider_is_unknown() -> None:
    (schema,) = nodes(OrmSchema, {"schema.prisma": 'datasource db {\n  provider = env("P")\n}\n'})
    assert isinstance(schema.engine, Unknown)


def test_rails_tells_the_adapter_of_production_through_its_anchor() -> None:
    text = "default: &default\n  adapter: postgresql\ntest:\n  adapter: sqlite3\nproduction:\n  <<: *default\n"
    (schema,) = nodes(OrmSchema, {"config/database.yml": text})
    assert isinstance(schema.engine, Known)
    assert schema.engine.value == "postgres"


def test_drizzle_tells_its_dialect_and_its_vectors() -> None:
    files = {
        "drizzle.config.ts": 'export default defineConfig({ dialect: "postgresql" })',
        "src/db/schema.ts": 'import { vector } from "drizzle-orm/pg-core";\nconst e = vector("e", { dimensions: 3 });',
    }
    assert next(each.engine for each in nodes(OrmSchema, files) if isinstance(each.engine, Known)).value == "postgres"
    assert [each.span.path for each in nodes(VectorUse, files)] == ["src/db/schema.ts"]


def test_a_pgvector_dependency_is_a_use_of_vectors() -> None:
    files = {
        "a/package.json": '{"dependencies": {"pgvector": "1"}}',
        "b/requirements.txt": "django==5\npgvector>=0.3 # x\n",
        "c/pyproject.toml": '[project]\nname = "c"\ndependencies = [\n  "x[y]>=1",\n  "pgvector~=0.3",\n]\n',
        "d/Gemfile": 'gem "rails"\ngem "neighbor", "~> 0.5"\n',
        "e/go.mod": "module e\nrequire (\n\tgithub.com/pgvector/pgvector-go v0.2.0\n)\n",
        "f/Gemfile": "# gem 'neighbor'\n",
    }
    found = {files[each.span.path][each.span.start : each.span.end] for each in nodes(VectorUse, files)}
    assert found == {"pgvector", "neighbor", "github.com/pgvector/pgvector-go"}
    assert [each.span.path[0] for each in nodes(VectorUse, files)] == ["a", "b", "c", "d", "e"]


def test_a_package_has_scripts_dependencies_and_engines_with_their_places() -> None:
    text = '{"name": "x", "engines": {"node": "22"}, "scripts": {"a": "b c"}, "devDependencies": {"zod": "^4"}}'
    (found,) = packages({"web/package.json": text}).nodes
    assert isinstance(found, Package)
    assert (found.id, found.name, found.directory, found.ecosystem) == ("package:web/package.json", "x", "web", "npm")
    for table, key, value in (
        (found.scripts, "a", "b c"),
        (found.dependencies, "zod", "^4"),
        (found.engines, "node", "22"),
    ):
        (entry,) = table
        assert (entry.key, text[entry.key_span.start : entry.key_span.end]) == (key, key)
        assert isinstance(entry.value, Known)
        assert text[entry.value.span.start : entry.value.span.end] == value


def test_scripts_are_offered_by_folder_and_name() -> None:
    files = Memory(
        {
            "package.json": '{"scripts": {"a": "1"}}',
            "e2e/package.json": '{"scripts": {"t": "2"}}',
            "x/package.json": "{",
        }
    )
    found = package.scripts(files)
    assert {folder: list(names) for folder, names in found.items()} == {"": ["a"], "e2e": ["t"]}


def test_a_broken_package_is_a_problem_with_its_place() -> None:
    lowered = packages({"package.json": '{"name": }'})
    (problem,) = lowered.problems
    assert (lowered.nodes, problem.span.path, problem.span.start) == ((), "package.json", 1)


@pytest.mark.parametrize(
    ("path", "text", "ecosystem", "names"),
    [
        (
            "Cargo.toml",
            '[package]\nname = "r"\n[dependencies]\nserde = "1"\n[dependencies.sqlx]\nversion = "0"\n',
            "rust",
            ["serde", "sqlx"],
        ),
        (
            "pyproject.toml",
            '[tool.poetry]\nname = "p"\n[tool.poetry.dependencies]\npython = "3"\nfastapi = "1"\n',
            "python",
            ["python", "fastapi"],
        ),
        (
            "pyproject.toml",
            '[project]\nname = "p"\nkeywords = ["no"]\ndependencies = ["a>1", "b[c]"]\n[dependency-groups]\ndev = ["d"]\n',
            "python",
            ["a", "b", "d"],
        ),
        ("composer.json", '{"name": "a/b", "require": {"laravel/framework": "^11"}}', "php", ["laravel/framework"]),
        (
            "pom.xml",
            "<dependency><groupId>g</groupId><artifactId>flyway-core</artifactId></dependency>",
            "java",
            ["flyway-core"],
        ),
        ("build.gradle", 'implementation "org.flywaydb:flyway-core:10"', "java", ["org.flywaydb:flyway-core"]),
    ],
)
def test_manifests_of_other_ecosystems_name_their_dependencies(
    path: str, text: str, ecosystem: str, names: list[str]
) -> None:
    (found,) = packages({path: text}).nodes
    assert isinstance(found, Package)
    assert (found.ecosystem, [each.key for each in found.dependencies]) == (ecosystem, names)
    assert all(text[each.key_span.start : each.key_span.end] == each.key for each in found.dependencies)


@pytest.mark.parametrize(
    ("files", "call"),
    [
        (
            {
                "api/Migrations/20250101000000_Init.cs": "class Init : Migration",
                "api/Program.cs": "app.Run(); db.Database.Migrate();",
            },
            "Database.Migrate(",
        ),
        (
            {
                "src/migrations/1729163940111-init.ts": "class Init implements MigrationInterface {}",
                "src/typeorm.config.ts": "export const config = { migrationsRun: true }",
            },
            "migrationsRun: true",
        ),
    ],
)
def test_code_that_migrates_when_the_application_starts(files: dict[str, str], call: str) -> None:
    (folder,) = nodes(Migrations, files)
    (runner,) = nodes(MigrationRunner, files)
    assert Memory(files).texts[runner.span.path][runner.span.start : runner.span.end] == call
    assert (runner.directory, runner.tool) == (folder.directory, folder.tool)


def test_code_that_migrates_for_tests_runs_nothing_in_the_cloud() -> None:
    files = {
        "api/Migrations/20250101000000_Init.cs": "class Init : Migration",
        "api.Tests/DatabaseExtensions.cs": "db.Database.Migrate();",
        "src/typeorm.config.ts": "migrationsRun: true",
    }
    assert nodes(MigrationRunner, files) == []
