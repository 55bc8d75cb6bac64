"""Every layout, mark and spelling by which migrations, database schemas and manifests are known, asked once."""

from __future__ import annotations

from typing import TypeVar

import pytest

from policyengine.model.nodes import Extension, MigrationRunner, Migrations, Node, OrmSchema, Package, Side, VectorUse
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.code import migrations, package
from policyengine.testing.memory import Memory

N = TypeVar("N", bound=Node)


def nodes(kind: type[N], files: dict[str, str]) -> list[N]:
    return [node for node in migrations.lower(Memory(files)).nodes if isinstance(node, kind)]


def folders(files: dict[str, str]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.directory, each.tool, each.files) for each in nodes(Migrations, files)]


LAYOUTS: list[tuple[str, str, str, dict[str, str]]] = [
    ("supabase", "supabase/migrations", "20250101_a.sql", {}),
    ("supabase", "apps/db/supabase/migrations", "1_a.sql", {}),
    ("prisma", "db/prisma-migrations", "1_a/migration.sql", {}),
    ("drizzle", "migrations", "1_a/migration.sql", {"migrations/1_a/snapshot.json": "{}"}),
    ("hasura", "hasura/migrations/default", "1700000000000_a/up.sql", {}),
    ("diesel", "migrations", "2025-01-01-000000_a/up.sql", {}),
    ("alembic", "versions", "deep/a_b.py", {"env.py": ""}),
    ("alembic", "a/versions", "a_b.py", {"a/script.py.mako": ""}),
    ("alembic", "a/versions", "a_b.py", {"a/alembic.ini": ""}),
    ("rails", "db/queue_migrate", "20250101_a.rb", {}),
    ("laravel", "database/migrations", "tenant/2025_01_01_a.php", {}),
    ("doctrine", "Migrations", "2025/Version20250101000000.php", {}),
    ("doctrine", "migrations", "Version20250101000000.php", {}),
    ("ecto", "apps/x/priv/repo/migrations", "20250101000000_a.exs", {}),
    ("ef", "Data/Migrations", "App/20250101000000_A.cs", {}),
    ("flyway", "db/migration", "V1__a.java", {}),
    ("flyway", "db/migrations", "R__a.kt", {}),
    ("flyway", "flyway", "V1.2__a.sql", {}),
    ("flyway", "sql", "deep/V1__a.sql", {}),
    ("liquibase", "db/changelog", "changelog-master.xml", {}),
    ("liquibase", "db/changelogs", "master.yaml", {}),
    ("liquibase", "db/changelog", "db.changelog-1.yml", {}),
    ("goose", "migrations", "1_a.sql", {"migrations/1_a.sql": "-- +goose Up\n"}),
    ("dbmate", "db/migrations", "1_a.sql", {"db/migrations/1_a.sql": "-- migrate:up\n"}),
    ("sql-migrate", "migrations", "1_a.sql", {"migrations/1_a.sql": "--+migrate Up\n"}),
    ("drizzle", "drizzle", "a.sql", {"drizzle/a.sql": "--> statement-breakpoint\n"}),
    ("liquibase", "migrations", "1_a.sql", {"migrations/1_a.sql": "--liquibase formatted sql\n"}),
    ("atlas", "migrations", "1_a.sql", {"migrations/atlas.sum": ""}),
    ("drizzle", "migrations", "1_a.sql", {"migrations/meta/_journal.json": ""}),
    ("sqlx", "migrations", "1_a.up.sql", {"Cargo.toml": ""}),
    ("sqlx", "a/migrations", "1_a.sql", {"a/Cargo.toml": ""}),
    ("golang-migrate", "migrations", "1_a.up.sql", {}),
    ("sql", "migrations", "1.sql", {}),
    ("sql", "schema-changes/postgresql", "1.sql", {}),
    ("sql", "schema_changes/mysql", "1.sql", {}),
    ("sql", "migrate/up", "1.sql", {}),
    ("sql", "my-migrations/sqlite", "1.sql", {}),
    ("typeorm", "migrations", "1700000000000-a.ts", {"migrations/1700000000000-a.ts": "MigrationInterface"}),
    ("typeorm", "migration", "Init1700000000000.js", {"migration/Init1700000000000.js": "MigrationInterface"}),
    ("mikro-orm", "migrations", "Migration20250101000000.ts", {}),
    ("mikro-orm", "migrate", "20250101_a.ts", {"migrate/20250101_a.ts": "from '@mikro-orm/migrations'"}),
    ("kysely", "migrations", "20250101_a.ts", {"migrations/20250101_a.ts": "db: Kysely<any>"}),
    ("sequelize", "migrations", "20250101-a.js", {"migrations/20250101-a.js": "up(queryInterface)"}),
    ("sequelize", "migrations", "20250101-a.ts", {"migrations/20250101-a.ts": "QueryInterface"}),
    ("node-pg-migrate", "migrations", "20250101_a.cjs", {"migrations/20250101_a.cjs": "(pgm) => 1"}),
    ("node-pg-migrate", "migrations", "20250101_a.mts", {"migrations/20250101_a.mts": "MigrationBuilder"}),
    ("knex", "migrations", "20250101_a.js", {"migrations/20250101_a.js": "up = (Knex)"}),
    *(("knex", "db/migrations", "20250101_a.mjs", {f"knexfile.{ending}": ""}) for ending in ("js", "ts", "cjs", "mjs")),
    ("payload", "migrations", "20250101_a.ts", {"migrations/20250101_a.ts": "from '@payloadcms/db'"}),
    ("mongodb", "migrations", "20250101-a.js", {"migrations/20250101-a.js": "db.collection('a')"}),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "directory", "file", "beside"), LAYOUTS)
def test_each_tool_keeps_its_migrations_in_its_own_layout(
    tool: str, directory: str, file: str, beside: dict[str, str]
) -> None:
    path = f"{directory}/{file}"
    assert folders({path: "", **beside}) == [(directory, tool, (path,))]


@pytest.mark.parametrize(
    "files",
    [
        {"versions/a_b.py": ""},
        {"env.py": "", "versions/__init__.py": ""},
        {"migrations/0001_initial.py": ""},
        {"drizzle/a.sql": ""},
        {"migrate/a.sql": ""},
        {"migrations/move_users.sql": ""},
        {"db/changelog/a.xml": ""},
        {"migrations/20250101_a.ts": "nothing"},
        {"migrations/1700000000000-a.ts": "nothing"},
        {"migrations/1_a.sql.txt": ""},
        *({f"{folder}/migrations/1_a.sql": ""} for folder in ("seed", "seeds", "seeder", "seeders", "rollback", "rollbacks")),
        *({f"{folder}/migrations/1_a.sql": ""} for folder in ("old", ".old", "archive", "archived", "obsolete", "deprecated", "unused")),
        *({f"migrations_{word}/1_a.sql": ""} for word in ("old", "archived", "obsolete", "deprecated", "unused")),
        {"migrations/20250101_a.d.ts": "knex"},
        {"migrations/20250101_a.test.ts": "knex"},
        {"migrations/20250101_a.spec.js": "knex"},
        {"node_modules/x/migrations/1_a.sql": ""},
    ],
)  # fmt: skip
def test_what_only_looks_like_migrations_is_none(files: dict[str, str]) -> None:
    assert folders(files) == []


def test_rolling_back_is_no_migration() -> None:
    assert folders({"migrations/1_a/up.sql": "", "migrations/1_a/down.sql": ""}) == [
        ("migrations", "diesel", ("migrations/1_a/up.sql",))
    ]


def test_two_django_projects_are_two_folders() -> None:
    app = ("__init__.py", "0001_initial.py", "0002_more.py")
    files = {f"{project}/{name}/migrations/{file}": "" for project in ("a", "b") for name in ("x", "y") for file in app}
    files |= {
        "a/manage.py": "",
        "b/manage.py": "",
        "alone/migrations/__init__.py": "",
        "alone/migrations/0001_a.py": "",
    }
    assert [(directory, len(paths)) for directory, _, paths in folders(files)] == [
        ("a", 4), ("alone/migrations", 1), ("b", 4)
    ]  # fmt: skip


RUNS = [
    ("ef", "Migrations/20250101000000_A.cs", "Program.cs", "db.Database.MigrateAsync()"),
    ("ef", "Migrations/20250101000000_A.cs", "DbInitializer.cs", "db.Database.Migrate()"),
    ("ef", "Migrations/20250101000000_A.cs", "DbInitialiser.cs", "db.Database.Migrate()"),
    ("ef", "Migrations/20250101000000_A.cs", "Startup.cs", "db.Database.Migrate()"),
    ("ef", "Migrations/20250101000000_A.cs", "AutoMigrator.cs", "db.Database.Migrate()"),
    ("ef", "Migrations/20250101000000_A.cs", "HostExtensions.cs", "db.Database.Migrate()"),
    ("typeorm", "migrations/1700000000000-a.ts", "data-source.ts", "{ migrationsRun : true }"),
    ("typeorm", "migrations/1700000000000-a.ts", "datasource.js", "{ migrationsRun: true }"),
    ("typeorm", "migrations/1700000000000-a.ts", "app.module.ts", "{ migrationsRun: true }"),
    ("typeorm", "migrations/1700000000000-a.ts", "ormconfig.js", "{ migrationsRun: true }"),
    ("typeorm", "migrations/1700000000000-a.ts", "database.config.ts", "{ migrationsRun: true }"),
    ("mikro-orm", "migrations/Migration20250101000000.ts", "main.ts", "orm.getMigrator().up()"),
    ("mikro-orm", "migrations/Migration20250101000000.ts", "mikro-orm.init.js", "orm.getMigrator() .up()"),
    ("sqlx", "migrations/1_a.sql", "main.rs", 'sqlx::migrate!("./migrations").run(&pool)'),
    ("sqlx", "migrations/1_a.sql", "my_store.rs", "migrate!()"),
    ("diesel", "migrations/2025-01-01_a/up.sql", "lib.rs", "c.run_pending_migrations(M)"),
    ("goose", "migrations/1_a.sql", "postgres.go", "goose.UpContext(ctx, db, dir)"),
    ("goose", "migrations/1_a.sql", "main.go", "goose.Up(db, dir)"),
    ("golang-migrate", "migrations/1_a.up.sql", "db.go", "migrate.NewWithDatabaseInstance(a)"),
    ("golang-migrate", "migrations/1_a.up.sql", "main.go", "migrate.New(a, b)"),
    ("golang-migrate", "migrations/1_a.up.sql", "repository.go", "//go:embed migrations/*.sql"),
    ("ef", "Migrations/20250101000000_A.cs", "AppDbContext.cs", "public C() { Database.Migrate(); }"),
    ("typeorm", "migrations/1700000000000-a.ts", "main.ts", "await dataSource.runMigrations()"),
    ("typeorm", "migrations/1700000000000-a.ts", "app.module.ts", "migrationsRun: env.X !== '1'"),
    ("goose", "migrations/1_a.sql", "app.go", "goose.NewProvider(d, db, fs)"),
    ("alembic", "alembic/versions/1_a.py", "inicializacion.py", 'command.upgrade(config, "head")'),
    ("alembic", "alembic/versions/1_a.py", "startup.py", 'subprocess.run(["alembic", "upgrade", "head"])'),
    ("sql", "migrations/1_a.sql", "schema.go", "//go:embed migrations/*.sql"),
    ("sql", "migrations/1_a.sql", "db.ts", 'fs.readdirSync("migrations")'),
    ("sql", "migrations/1_a.sql", "database.py", 'sorted(Path("migrations").glob("*.sql"))'),
    ("knex", "migrations/20250101000000_a.js", "db.js", "await knex.migrate.latest()"),
    ("kysely", "migrations/20250101000000_a.ts", "startup.ts", "await migrator.migrateToLatest()"),
    ("sequelize", "migrations/20250101000000_a.js", "index.js", "new Umzug({})"),
    (
        "prisma",
        "prisma/migrations/20250101000000_a/migration.sql",
        "server.ts",
        "execSync('npx prisma migrate deploy')",
    ),
]
MARKS = {"typeorm": "MigrationInterface", "goose": "-- +goose Up", "kysely": "Kysely", "sequelize": "queryInterface"}
MARKS |= {"knex": "knex"}


@pytest.mark.parametrize(("tool", "migration", "name", "call"), RUNS)
def test_each_tool_is_run_by_its_own_call(tool: str, migration: str, name: str, call: str) -> None:
    beside = {"sqlx": {"Cargo.toml": ""}, "alembic": {"alembic/env.py": ""}}.get(tool, {})
    files = {migration: MARKS.get(tool, ""), f"src/{name}": f"x {call}", **beside}
    (runner,) = nodes(MigrationRunner, files)
    assert (runner.tool, runner.side, runner.span.path) == (tool, Side.SOURCE, f"src/{name}")
    assert nodes(MigrationRunner, {**files, f"src/{name}": "x"}) == []
    assert nodes(MigrationRunner, {migration: MARKS.get(tool, ""), "src/other.txt": f"x {call}", **beside}) == []


def test_a_script_that_migrates_runs_at_start_only_where_an_application_imports_it() -> None:
    alone = {"alembic/env.py": "", "alembic/versions/1_a.py": "", "scripts/db.py": 'command.upgrade(c, "head")'}
    assert nodes(MigrationRunner, alone) == []
    said = {**alone, "src/check.py": 'raise RuntimeError("behind: run alembic upgrade head")'}
    assert nodes(MigrationRunner, said) == []
    files = {
        "drizzle/0000_a.sql": "--> statement-breakpoint",
        "src/db/migrate.ts": 'await migrate(db, { migrationsFolder: "drizzle" })',
    }
    assert nodes(MigrationRunner, files) == []
    (runner,) = nodes(MigrationRunner, {**files, "src/index.ts": 'import { up } from "./db/migrate"'})
    assert runner.span.path == "src/db/migrate.ts"


@pytest.mark.parametrize("folder", ["test", "tests", "MyTests", "spec", "e2e", "fixture", "fixtures", "global-setup"])
def test_calls_of_tests_run_nothing(folder: str) -> None:
    files = {"Migrations/20250101000000_A.cs": "", f"{folder}/Program.cs": "db.Database.Migrate()"}
    assert nodes(MigrationRunner, files) == []


# Extensions and vectors


@pytest.mark.parametrize(
    ("path", "side"),
    [
        *((path, Side.LOCAL) for path in (
            "docker-entrypoint-initdb.d/1.sql", "entrypoint-initdb/a.sql", "init/a.sql", "initdb/a.sql", "initdb.d/a.sql",
            "init-db/a.sql", "init_scripts/a.sql", "init.sql/a.sql", "init-sql/a.sql", "db/init.sql", "db/01-init.sql", "init-extensions.sql", "create.sql",
            "bootstrap.sql", "my.setup.sql", "extension.sql", "pg_extensions.sql", "docker/postgres/init.sh", "initdb/db.sh",
            "scripts/create-database.sh", "setup-pg.sh",
        )),
        *((path, Side.SOURCE) for path in (
            "schema.sql", "db_schema.sql", "structure.sql", "table.sql", "app-tables.sql", "ddl.sql", "dump.sql", "dump-2025.sql", "db/a.sql", "database/a.sql",
            "sql/a.sql", "postgres/a.sql", "postgresql/deep/a.sql", "pg/a.sql", "pgvector/a.sql", "schemas/a.sql", "supabase/a.sql",
            "migrations/1_init.sql",
        )),
        *((path, None) for path in ("a.sql", "queries/a.sql", "db/deep/er/a.sql", "scripts/setup.sh", "init/run.sh.txt", "run.sh")),
    ],
)  # fmt: skip
def test_where_sql_makes_the_database(path: str, side: Side | None) -> None:
    found = nodes(Extension, {path: "CREATE EXTENSION vector;\n"})
    assert [(each.extension, each.side) for each in found] == (
        [] if side is None else [(Known("vector", found[0].span), side)]
    )
    assert [found[0].span.start, found[0].span.end] == [17, 23] if found else side is None


def test_comments_and_computed_names_of_shell_scripts() -> None:
    text = 'psql <<EOF\n  # CREATE EXTENSION no;\nCREATE EXTENSION "$NAME";\nCREATE EXTENSION hstore;\nEOF\n'
    one, other = nodes(Extension, {"initdb/a.sh": text})
    assert isinstance(one.extension, Unknown)
    assert one.extension.reason == "the name '$NAME' is computed"
    assert (other.extension, other.side) == (Known("hstore", other.span), Side.LOCAL)


@pytest.mark.parametrize(
    ("path", "text", "extensions", "vectors"),
    [
        ("db/migrate/20250101_a.rb", "enable_extension 'plpgsql'", ["plpgsql"], []),
        ("db/migrate/20250101_a.rb", "enable_extension(:citext)", ["citext"], []),
        ("db/migrate/20250101_a.rb", 'enable_extension! "schema.hstore"', ["hstore"], []),
        ("db/migrate/20250101_a.rb", "# enable_extension 'no'\nt.halfvec 'e'", [], ["halfvec"]),
        ("db/schema.rb", 'enable_extension "vector"\nt.vector "e", limit: 3', ["vector"], ["vector"]),
        ("db/queue_schema.rb", "add_column :a, :e, :vector, limit: 3", [], ["vector"]),
        ("env.py|versions/a_b.py", 'op.execute("create extension if not exists \\"uuid-ossp\\"")', ["uuid-ossp"], []),
        ("env.py|versions/a_b.py", "Column(Vector(3)), Column(pgvector.sqlalchemy.Vector(dim=3))", [], ["Vector", "Vector"]),
        ("env.py|versions/a_b.py", "CREATE EXTENSION IF", [], []),
        ("migrations/__init__.py|migrations/0001_a.py", "CreateExtension('postgis'), CreateExtension(name=\"ltree\"), HStoreExtension(), OtherExtension()",
         ["postgis", "ltree", "hstore"], []),
        ("migrations/__init__.py|migrations/0001_a.py", "VectorField(3), HalfVectorField(3)", [], ["VectorField", "HalfVectorField"]),
        ("priv/repo/migrations/20250101000000_a.exs", '# CREATE EXTENSION no\nexecute("CREATE EXTENSION unaccent")', ["unaccent"], []),
        ("migrations/20250101_a.js", "knex.raw('CREATE EXTENSION `pgcrypto`');\n// CREATE EXTENSION no\n * CREATE EXTENSION no", ["pgcrypto"], []),
        ("migrations/20250101_a.js", 'knex; t.specificType("e", "vector(3)"); `e halfvec(4)`', [], ["vector", "halfvec"]),
        ("src/other.py", "CREATE EXTENSION vector", [], []),
    ],
)  # fmt: skip
def test_what_migrations_in_code_create(path: str, text: str, extensions: list[str], vectors: list[str]) -> None:
    *beside, own = path.split("|")
    files = {**dict.fromkeys(beside, ""), own: text}
    assert [each.name for each in nodes(Extension, files)] == extensions
    assert [(each.name, each.what) for each in nodes(VectorUse, files)] == [
        (each, "a vector column") for each in vectors
    ]
    assert all(text[each.span.start : each.span.end] == each.name for each in nodes(VectorUse, files))


# Declared schemas


@pytest.mark.parametrize(
    "path",
    [
        "drizzle.config.ts",
        "db/drizzle.config.mjs",
        "drizzle.prod.config.cjs",
        "drizzle-pg.config.ts",
        "drizzle.config.prod.js",
    ],
)
def test_a_configuration_of_drizzle_tells_the_dialect(path: str) -> None:
    (found,) = nodes(OrmSchema, {path: "export default { out: 'x', dialect: 'mysql' }"})
    assert (found.id, found.engine) == (f"orm:{path}", Known("mysql", found.span))
    assert (found.span.start, found.span.end) == (37, 42)
    (unknown,) = nodes(OrmSchema, {path: "export default { dialect: 'nothing' }"})
    assert isinstance(unknown.engine, Unknown)
    assert unknown.engine.reason == "'nothing' is no engine that is known"
    assert nodes(OrmSchema, {path: "export default { dialect }"}) == []


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        *((path, True) for path in (
            "src/schema.ts", "src/users.schema.ts", "table.ts", "app_tables.mts", "model.ts", "models.cts", "embedding.ts", "embeddings-v2.ts",
            "schema/a.ts", "schemas/deep/a.ts", "tables/a.ts", "db/a.ts", "database/a.ts", "drizzle/a.ts", "models/a.ts",
        )),
        *((path, False) for path in ("src/a.ts", "schema.d.ts", "schema.js", "schema.tsx")),
    ],
)  # fmt: skip
def test_where_drizzle_declares_tables(path: str, counts: bool) -> None:
    text = "import * as pg from 'drizzle-orm/pg-core';\nconst t = { a: vector('a'), b: pg.halfvec({ dimensions: 3 }), c: sparsevec(), d: other('x') };\n"
    files = {"drizzle.config.ts": "export default { dialect: 'postgresql' }", path: text}
    found = nodes(VectorUse, files)
    assert [(each.name, each.what) for each in found] == (
        [("vector", "a drizzle vector column"), ("halfvec", "a drizzle vector column")] if counts else []
    )
    assert nodes(VectorUse, {path: text}) == []


@pytest.mark.parametrize(
    ("field", "counts"),
    [
        ('"vector(3)"', True),
        ('"extensions.vector(3)"', True),
        ('"halfvec(3)"', True),
        ('"sparsevec(9)"', True),
        ('"point"', False),
    ],
)
def test_a_prisma_field_of_a_vector_type(field: str, counts: bool) -> None:
    found = nodes(VectorUse, {"schema.prisma": f"model A {{\n  e Unsupported({field})?\n}}\n"})
    assert [each.what for each in found] == (["a Prisma field of a vector type"] if counts else [])


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("production:\n  adapter: mysql2\n", "mysql"),
        ("production:\n  adapter: 'postgresql' # x\n", "postgres"),
        ("default:\n  adapter: sqlite3\n", "sqlite"),
        ("base: &base\n  adapter: postgresql\nproduction: &prod\n  <<: *base\n", "postgres"),
        ("base: &base\n  <<: *more\nmore: &more\n  adapter: postgis\nproduction:\n  <<: *base\n", "postgres"),
        ("production:\n  adapter: <%= ENV['A'] %>\n", "the adapter is computed"),
        ("production:\n  adapter: nothing\n", "'nothing' is no engine that is known"),
        ("production:\n  url: x\n", None),
        ("production:\n  <<: *gone\n", None),
        ("test:\n  adapter: postgresql\n", None),
    ],
)
def test_the_adapter_of_rails(text: str, engine: str | None) -> None:
    found = [each.engine for each in nodes(OrmSchema, {"config/database.yml": text})]
    assert [
        each.value if isinstance(each, Known) else each.reason for each in found if isinstance(each, Known | Unknown)
    ] == ([] if engine is None else [engine])


# Manifests


@pytest.mark.parametrize(
    ("path", "text", "ecosystem", "name", "names"),
    [
        ("a/Pipfile", '[packages]\n"pgvector" = "*"\n[dev-packages]\npytest = "*"\n[requires]\npython_version = "3"\n', "python", "a", ["pgvector", "pytest"]),
        ("pyproject.toml", ("[tool.poetry.group.dev.dependencies]\na = '1'\n[tool.poetry.dev-dependencies]\nb = '1'\n[tool.uv]\ndev-dependencies = ['c>1', \"d\"]\n"
         "[project.optional-dependencies]\nx = ['e[y]>=1; python_version < \"4\"', # 'no'\n 'f']\n[tool.pdm.dev-dependencies]\nz = ['g']\n[tool.other]\nh = ['no']\n"),
         "python", "pyproject.toml", ["a", "b", "c", "d", "e", "f", "g"]),
        ("requirements.txt", "A==1\n  b[x]>=2 # c\n-r other.txt\nhttps://x/y.zip\nd @ git+https://x\ne;python_version<'3'\nf,g\nh\r\ni==1 \\\n", "python", "requirements.txt",
         ["A", "b", "d", "e", "f", "h", "i"]),
        ("requirements-dev.in", "x\n", "python", "requirements-dev.in", ["x"]),
        ("dev.requirements.txt", "x\n", "python", "dev.requirements.txt", ["x"]),
        ("requirements/base.txt", "x\n", "python", "requirements", ["x"]),
        ("setup.py", "install_requires=['a>=1', \"b\", 'c[x]==2']\n", "python", "setup.py", ["a", "b", "c"]),
        ("setup.cfg", "[options]\ninstall_requires =\n  a>=1\n  b==2\n", "python", "setup.cfg", ["a", "b"]),
        ("Gemfile", "gem 'rails', '~> 7'\n  gem(\"pg\")\n# gem 'no'\n", "ruby", "Gemfile", ["rails", "pg"]),
        ("x.gemspec", "s.add_dependency 'a'\ns.add_development_dependency(\"b\")\n", "ruby", "x.gemspec", ["a", "b"]),
        ("go.mod", "module example.com/m\nrequire example.com/a v1.2.3\nrequire (\n\texample.com/b v0.0.1-x // indirect\n)\n", "go", "example.com/m",
         ["example.com/a", "example.com/b"]),
        ("composer.json", '{"name": "own/name", "require": {"php": "8", "a/b": "1"}}', "php", "own/name", ["a/b"]),
        ("pom.xml", "<artifactId> a-b </artifactId>", "java", "pom.xml", ["a-b"]),
        ("build.gradle.kts", 'plugins { id("a.b") version "1" }\nimplementation("g:a:1")\napi \'h:b\'\n', "java", "build.gradle.kts", ["a.b", "g:a", "h:b"]),
        ("libs.versions.toml", '[libraries]\na = "g:a:1"\n', "java", "libs.versions.toml", ["g:a"]),
        ("build.sbt", 'libraryDependencies += "g" %% "a" % "1"\n"h" % "b" % "2"\n', "java", "build.sbt", ["a", "b"]),
        ("Cargo.toml", ('[package]\nname = "own"\n[build-dependencies]\na = "1"\n[dev-dependencies]\nb = { version = "1" }\n[target.\'cfg(unix)\'.dependencies]\nc = "1"\n'
         '[workspace.dependencies]\nd = "1"\n[workspace.dependencies.e]\nversion = "1"\n[build-dependencies.f]\nversion = "1"\n[profile.release]\nlto = true\n'),
         "rust", "own", ["a", "b", "c", "d", "e", "f"]),
        ("x.csproj", '<PackageReference Include="A.B" Version="1" /><PackageReference Version="1" Include="C" /><Reference Include="No" />', "dotnet", "x.csproj", ["A.B", "C"]),
        ("x.fsproj", '<PackageReference Include="A" />', "dotnet", "x.fsproj", ["A"]),
        ("Directory.Packages.props", '<PackageVersion Include="A" Version="1" />', "dotnet", "Directory.Packages.props", ["A"]),
        ("mix.exs", 'defp deps do\n  [\n    {:phoenix, "~> 1"},\n   {:ecto_sql, ">= 0"}\n  ]\n', "elixir", "mix.exs", ["phoenix", "ecto_sql"]),
    ],
)  # fmt: skip
def test_each_ecosystem_writes_its_manifests_its_own_way(
    path: str, text: str, ecosystem: str, name: str, names: list[str]
) -> None:
    files = Memory({path: text})
    (found,) = package.packages(files, package.manifests(files)).nodes
    assert isinstance(found, Package)
    assert (found.id, found.path, found.name, found.ecosystem) == (f"package:{path}", path, name, ecosystem)
    assert [each.key for each in found.dependencies] == names
    assert [text[each.key_span.start : each.key_span.end] for each in found.dependencies] == names
    assert all(each.value == Absent(each.key_span) for each in found.dependencies)
    assert package.is_manifest(path)
    assert package.dependencies(Memory({path: text}).read(path)) == found.dependencies  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",
        "my-requirements.md",
        "package-lock.json",
        "go.sum",
        "node_modules/a/package.json",
        "dist/package.json",
        "examples/a/package.json",
    ],
)
def test_what_is_no_manifest_of_the_application(path: str) -> None:
    assert not package.is_manifest(path)
    files = Memory({path: "{}"})
    assert package.packages(files, [path]).nodes == ()


def test_every_table_of_a_package_names_dependencies() -> None:
    tables = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
    text = (
        "{"
        + ", ".join(f'"{table}": {{"{table}-a": "1"}}' for table in tables)
        + ', "bundledDependencies": ["no"], "name": "", "scripts": {"n": 1}}'
    )
    (found,) = package.packages(Memory({"web/package.json": text}), ["web/package.json"]).nodes
    assert isinstance(found, Package)
    assert [each.key for each in found.dependencies] == [f"{table}-a" for table in tables]
    assert (found.name, found.span.start, found.span.end, found.scripts) == ("web", 0, 0, ())


def test_a_package_that_is_a_list_is_a_problem() -> None:
    lowered = package.packages(Memory({"package.json": "[]"}), ["package.json"])
    assert [(problem.message, problem.advice) for problem in lowered.problems] == [
        ("package.json holds no object", "write an object")
    ]
