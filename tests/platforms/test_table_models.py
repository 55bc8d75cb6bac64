"""Models against migrations, tool by tool: what a person who wrote these few files would say that differs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from policyengine.model.source import Source
from policyengine.platforms.code import migrations
from policyengine.syntax import prisma, sql
from policyengine.syntax.sql_tables import Replay
from policyengine.testing.memory import Memory
from tests import trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def told(root: Path, files: Mapping[str, str]) -> tuple[list[tuple[str, str]], list[str]]:
    """What is found of a tree, each message with the text of its place, and what stays open."""
    report = trees.scan(root, {"compose.yaml": "services: {db: {image: 'postgres:16'}}\n", **files}, "HEX612")
    assert report.failures == ()
    found = [(report.sources[each.span.path].slice(each.span), each.message) for each in report.results]
    return found, [each.reason for each in report.undecided]


def tables(*statements: str) -> dict[str, list[str]]:
    """The tables that statements leave, with their columns."""
    made = Replay()
    for number, text in enumerate(statements):
        made.run(sql.read(Source(f"{number}.sql", text)))
    assert made.incomplete is None
    return {each.name: [column.name for column in each.columns.values()] for each in made.tables.values()}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('CREATE TABLE "public"."User" ("id" INT, name TEXT DEFAULT \'a, b)\', PRIMARY KEY (id, name));', {"User": ["id", "name"]}),
        ("CREATE TABLE `a` (`id` int, KEY `k` (`id`), UNIQUE KEY u (id)) ENGINE=InnoDB;", {"a": ["id"]}),
        ("CREATE TABLE [dbo].[a] ([id] int, [x y] nvarchar(20));", {"a": ["id", "x y"]}),
        ("create table if not exists auth.users (key text, index int, constraint c check (key > ''));", {"auth.users": ["key", "index"]}),
        ("CREATE TABLE a (x numeric(10, 2), y text[], z int GENERATED ALWAYS AS (x + 1) STORED);", {"a": ["x", "y", "z"]}),
        ("CREATE TABLE a (x int); ALTER TABLE a ADD COLUMN IF NOT EXISTS y int, DROP COLUMN x, ADD z int;", {"a": ["y", "z"]}),
        ("CREATE TABLE a (x int); ALTER TABLE ONLY a ADD CONSTRAINT c UNIQUE (x); ALTER TABLE a ADD PRIMARY KEY (x);", {"a": ["x"]}),
        ("CREATE TABLE a (x int); ALTER TABLE a ADD (y int, z int);", {"a": ["x", "y", "z"]}),
        ("CREATE TABLE a (x int); ALTER TABLE a RENAME COLUMN x TO y; ALTER TABLE a RENAME TO b;", {"b": ["y"]}),
        ("CREATE TABLE a (x int); ALTER TABLE a CHANGE COLUMN x y bigint, MODIFY COLUMN y int;", {"a": ["y"]}),
        ("CREATE TABLE a (x int); CREATE TABLE new_a (y int); DROP TABLE a; ALTER TABLE new_a RENAME TO a;", {"a": ["y"]}),
        ("CREATE TABLE a (x int); CREATE TABLE b (x int); DROP TABLE IF EXISTS a, b CASCADE;", {}),
        ("CREATE TEMP TABLE t (x int); ALTER TABLE t ADD y int; CREATE TABLE p PARTITION OF q DEFAULT;", {}),
        ("-- CREATE TABLE a (x int);\n/* CREATE TABLE b (x int); */ SELECT 'CREATE TABLE c (x int);';", {}),
        ("CREATE FUNCTION f() RETURNS void AS $$ BEGIN CREATE TABLE a (x int); END $$ LANGUAGE plpgsql;", {}),
        ("CREATE TABLE a (x int); DO $$ BEGIN ALTER TABLE a ADD CONSTRAINT c UNIQUE (x); END $$;", {"a": ["x"]}),
    ],
)  # fmt: skip
def test_statements_leave_the_tables_that_a_database_would_have(text: str, left: dict[str, list[str]]) -> None:
    assert tables(text) == left


@pytest.mark.parametrize(
    ("text", "reason", "place"),
    [
        ("ALTER TABLE a ADD x int;", "a table 'a' is changed that no migration before has made", "a"),
        ("DO $$ BEGIN CREATE TABLE a (x int); END $$;", "a block of code changes tables", "CREATE"),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE a'; END $$;", "a block of code changes tables", "EXECUTE"),
        ("EXEC sp_rename 'a', 'b';", "sp_rename changes names", "EXEC"),
    ],
)
def test_what_cannot_be_followed_leaves_it_open(text: str, reason: str, place: str) -> None:
    made, source = Replay(), Source("a.sql", text)
    made.run(sql.read(source))
    assert made.incomplete is not None
    assert (made.incomplete[0], source.slice(made.incomplete[1])) == (reason, place)


DRIZZLE = {
    "package.json": "{}",
    "drizzle.config.ts": 'export default { dialect: "postgresql", schema: "./src/schema.ts", out: "./drizzle" };\n',
    "drizzle/meta/_journal.json": "{}",
    "drizzle/0000_init.sql": 'CREATE TABLE "users" ("id" serial, "name" text);\n--> statement-breakpoint\n',
}
HEAD = 'import { pgTable, serial, text } from "drizzle-orm/pg-core";\n'


def test_drizzle_tables_and_columns_are_held_against_its_sql(tmp_path: Path) -> None:
    schema = (
        HEAD
        + 'export const users = pgTable("users", { id: serial("id"), name: text().notNull(), mail: text("e_mail") });\n'
        'export const posts = pgTable("posts", { id: serial("id") });\n'
    )
    assert told(tmp_path, {**DRIZZLE, "src/schema.ts": schema}) == (
        [
            ("mail", "'src/schema.ts' declares 'e_mail' of 'users', which no migration in 'drizzle' makes."),
            ("posts", "'src/schema.ts' declares the table 'posts', which no migration in 'drizzle' makes."),
        ],
        [],
    )


def test_drizzle_names_that_code_computes_leave_it_open(tmp_path: Path) -> None:
    schema = HEAD + 'const table = pgTableCreator((name) => `app_${name}`);\nexport const users = table("users", {});\n'
    assert told(tmp_path, {**DRIZZLE, "src/schema.ts": schema}) == ([], ["names of tables are computed"])


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("./src/**/*.sql.ts", "src/users.sql.ts"),
        ("./src/**/*.sql.ts", "src/a/b/users.sql.ts"),
        ("./src/*/schema.ts", "src/a/schema.ts"),
        ("./src/schema/*", "src/schema/users.ts"),
    ],
)
def test_a_pattern_names_the_files_of_a_drizzle_schema(pattern: str, path: str, tmp_path: Path) -> None:
    schema = HEAD + 'export const posts = pgTable("posts", { id: serial("id") });\n'
    beside = {"src/a/b/schema.ts": schema.replace("posts", "other"), "src/a/users.mjs": schema}
    config = DRIZZLE["drizzle.config.ts"].replace("./src/schema.ts", pattern)
    found, open_ = told(tmp_path, {**DRIZZLE, "drizzle.config.ts": config, **beside, path: schema})
    assert ([text for text, _ in found], open_) == (['"users"', "posts"], [])


def test_a_spread_may_bring_more_columns(tmp_path: Path) -> None:
    schema = HEAD + 'export const users = pgTable("users", { id: serial("id"), ...more });\n'
    assert told(tmp_path, {**DRIZZLE, "src/schema.ts": schema}) == ([], [])


def test_schema_sql_beside_migrations_is_held_against_them(tmp_path: Path) -> None:
    up = "-- migrate:up\nCREATE TABLE users (id int);\n-- migrate:down\nDROP TABLE users;\n"
    files = {"db/migrations/20260101_users.sql": up, "db/schema.sql": "CREATE TABLE users (id int, name text);\n"}
    assert told(tmp_path, files) == (
        [("name", "'db/schema.sql' declares 'name' of 'users', which no migration in 'db/migrations' makes.")],
        [],
    )


DJANGO = {
    "manage.py": "",
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": """\
        class Migration(migrations.Migration):
            operations = [
                migrations.CreateModel(name="Order", fields=[]),
                migrations.CreateModel(name="Cart", fields=[]),
                migrations.CreateModel(name="HistoricalOrder", fields=[]),
                migrations.CreateModel(name="OpenOrder", fields=[], options={"proxy": True}),
            ]
    """,
    "shop/migrations/0002_more.py": """\
        class Migration(migrations.Migration):
            operations = [
                migrations.RenameModel(old_name="Cart", new_name="Basket"),
                migrations.CreateModel(name="Voucher", fields=[]),
            ]
    """,
}


def test_django_models_are_held_against_their_operations(tmp_path: Path) -> None:
    models = """\
        class Order(models.Model):
            history = HistoricalRecords()

        class Basket(Stamped):
            pass

        class Refund(models.Model):
            pass

        class Stamped(models.Model):
            class Meta:
                abstract = True

        class Legacy(models.Model):
            class Meta:
                managed = False
    """
    assert told(tmp_path, {**DJANGO, "shop/models.py": models}) == (
        [
            ("Voucher", "The migrations in 'shop/migrations' make the table 'Voucher', which 'shop/models.py' does not declare."),
            ("Refund", "'shop/models.py' declares the table 'Refund', which no migration in 'shop/migrations' makes."),
        ],
        [],
    )  # fmt: skip


def alembic(*bodies: str) -> dict[str, str]:
    files = {"alembic.ini": "", "alembic/env.py": "", "app/__init__.py": ""}
    for number, body in enumerate(bodies):
        before = f'"{number - 1}"' if number else "None"
        files[f"alembic/versions/{number}_x.py"] = (
            f'revision = "{number}"\ndown_revision = {before}\n\n\ndef upgrade():\n    {body}\n\n\n'
            'def downgrade():\n    op.drop_table("orders")\n'
        )
    return files


OLD = 'class Old(Base):\n    __tablename__ = "old"\n'


def test_alembic_is_followed_in_the_order_of_its_revisions(tmp_path: Path) -> None:
    files = alembic('op.create_table("orders")', 'op.rename_table("orders", "sales")', 'op.create_table("old")')
    models = 'class Sale(Base):\n    __tablename__ = "sales"\n\n\nclass Refund(Base):\n    __tablename__ = "refunds"\n'
    assert told(tmp_path, {**files, "app/models.py": models}) == (
        [
            (
                "old",
                "The migrations in 'alembic/versions' make the table 'old', which 'app/models.py' does not declare.",
            ),
            (
                "refunds",
                "'app/models.py' declares the table 'refunds', which no migration in 'alembic/versions' makes.",
            ),
        ],
        [],
    )


def test_a_table_of_sqlmodel_is_called_as_its_class_in_lower_case(tmp_path: Path) -> None:
    models = (
        "class OrderItem(ItemBase, table=True):\n    id: int\n\n\nclass ItemRead(SQLModel):\n    id: int\n\n\n"
        'class Named(SQLModel, table=True):\n    __tablename__ = "old"\n'
    )
    message = "'app/models.py' declares the table 'orderitem', which no migration in 'alembic/versions' makes."
    files = {**alembic('op.create_table("old")'), "app/models.py": models}
    assert told(tmp_path, files) == ([("OrderItem", message)], [])
    made = alembic('op.create_table("old")', 'op.create_table("orderitem")')
    assert told(tmp_path, {**made, "app/models.py": models}) == ([], [])


@pytest.mark.parametrize("annotation", ["", ": str", ": ClassVar[str] ", " : t.ClassVar[ str ]"])
def test_the_name_of_a_table_may_have_a_type(annotation: str, tmp_path: Path) -> None:
    models = f'class Sale(Base):\n    __tablename__{annotation} = "sales"\n'
    (found,), open_ = told(tmp_path, {**alembic('op.create_table("old")'), "app/models.py": models + OLD})
    assert (found[0], open_) == ("sales", [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('op.add_column("orders", c)', "a table 'orders' is changed that no migration before has made"),
        ("op.create_table(name)", "names of tables are computed"),
        ('op.execute("CREATE TABLE a (x int)")', "SQL in code changes tables"),
    ],
)
def test_what_alembic_computes_or_squashed_stays_open(body: str, reason: str, tmp_path: Path) -> None:
    models = 'class Sale(Base):\n    __tablename__ = "sales"\n'
    assert told(tmp_path, {**alembic(body), "app/models.py": models}) == ([], [reason])


def test_the_schema_of_rails_is_held_against_its_migrations(tmp_path: Path) -> None:
    files = {
        "db/schema.rb": 'ActiveRecord::Schema.define do\n  create_table "orders" do |t|\n  end\n  create_table "files" do |t|\n  end\nend\n',
        "db/migrate/20250101000000_create_orders.rb": "class A\n  def change\n    create_table :orders do |t|\n    end\n  end\nend\n",
        "db/migrate/20250102000000_create_carts.rb": (
            "class B\n  def up\n    create_table :carts do |t|\n    end\n  end\n\n  def down\n    drop_table :carts\n  end\nend\n"
        ),
        "db/migrate/20250103000000_create_files.active_storage.rb": "class C\n  def change\n    create_table :files do |t|\n    end\n  end\nend\n",
    }  # fmt: skip
    assert told(tmp_path, files) == (
        [("carts", "The migrations in 'db/migrate' make the table 'carts', which 'db/schema.rb' does not declare.")],
        [],
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("prisma/migrations/1_a/migration.sql", "CREATE TABLE " + "[a" * 200_000),
        ("prisma/migrations/1_a/migration.sql", "ALTER TABLE a ADD x int, " * 100_000),
        ("prisma/migrations/1_a/migration.sql", "DO $$ " * 200_000),
        ("prisma/migrations/1_a/migration.sql", "CREATE TABLE a (" + "(" * 500_000),
        ("shop/models.py", "class A(models.Model):\n" + "\n" * 500_000),
        ("shop/models.py", "class A(" + "db.Model " * 100_000),
        ("shop/migrations/0001_a.py", "    replaces = [\n" * 50_000),
        ("shop/migrations/0001_a.py", "migrations.CreateModel('A'," * 50_000),
        ("shop/migrations/0001_a.py", "CreateModel('A')\n" * 50_000),
        ("db/schema.rb", 'create_table "a"\n' * 50_000),
    ],
    ids=[
        *("brackets", "actions", "blocks", "depth", "blank lines", "bases", "replaces", "operations", "brought in"),
        "tables",
    ],
)
def test_no_file_keeps_it_busy(path: str, text: str) -> None:
    files = Memory({
        "manage.py": "",
        "shop/migrations/__init__.py": "",
        "shop/migrations/0002_b.py": "",
        "shop/models.py": "class B(models.Model):\n    pass\n",
        "db/migrate/20250101000000_a.rb": "",
        "prisma/schema.prisma": 'datasource db {\n  provider = "postgresql"\n}\nmodel A {\n  id Int\n}\n',
        path: text,
    })  # fmt: skip
    began = time.process_time()
    migrations.lower(files)
    assert time.process_time() - began < 4


def test_a_long_model_is_read_once() -> None:
    source = Source("a.prisma", "model A {\n" + '  a String @map("b")\n' * 50_000 + "}\n")
    began = time.process_time()
    schema = prisma.read(source)
    assert len(schema.fields(schema.blocks[0])) == 50_000
    assert time.process_time() - began < 4
