"""What the repository's own files say: configuration modules, packages, migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes.node import Node

if TYPE_CHECKING:
    from collections.abc import Collection

    from policyengine.model.image import Version
    from policyengine.model.nodes.node import Variable
    from policyengine.model.source import Span
    from policyengine.model.value import Known, Unknown, Value


class ConfigKey(Struct, frozen=True):
    """One environment variable that code reads. `required` is Unknown where the code does not tell plainly.

    `alternatives` are other variables that meet the same requirement: any one of them or this one must be there.
    `overlaid_by` are variables that each replace a setting of which this one is a part (`SPRING_DATASOURCE_URL`).
    `asserted` tells that the code says that it is there and never looks: `process.env.X!`.
    """

    key: str  # the name of the variable
    span: Span  # where it is declared
    required: Value[bool]
    default: Value[str]  # its value where none is given
    client: bool = False  # it reaches the browser
    alternatives: tuple[str, ...] = ()
    asserted: bool = False
    overlaid_by: tuple[str, ...] = ()

    def met(self, given: Collection[str]) -> bool:
        """Whether what is given holds the variable, one that stands in for it, or all that lie over it."""
        if any(name in given for name in (self.key, *self.alternatives)):
            return True
        plain = {name.replace("_", "") for name in given} if self.overlaid_by else set()
        return bool(plain) and all(name.replace("_", "") in plain for name in self.overlaid_by)


class CodeReads(Struct, frozen=True):
    """The variables that one file of an application reads beside its config module.

    `led_to_by` are the files that lead to it when they run, itself among them: the folders of programs in Go, and an
    empty text for all where a framework finds files by their place. `loaded_by` are those of them that run it at once.
    """

    path: str  # the file
    keys: tuple[ConfigKey, ...]  # the variables it reads
    led_to_by: tuple[str, ...] = ()
    loaded_by: tuple[str, ...] = ()


class ConfigModule(Node, frozen=True, kw_only=True):
    """The one module that checks the environment at start-up: `config.ts`, `env.mjs` and the like.

    `directory` is the application's folder (the one that holds its package manifest). `library` is `zod`, `t3-env`,
    `envalid`, `manual`, `pydantic` …; empty when it checks nothing. `gap` says why there may be more keys. `bypass` is
    the environment variable that switches the check off (`skipValidation: !!process.env.X`), None when there is none.
    `programs` are the folders of those programs of the application that load it, empty where all do. An application
    without such a module has one without keys at the first file that reads the environment, where it reads it at all.
    """

    path: str  # the file
    directory: str
    library: str
    keys: tuple[ConfigKey, ...]  # the variables it checks
    gap: Unknown | None = None
    bypass: Value[str] | None = None
    programs: tuple[str, ...] = ()
    reads: tuple[CodeReads, ...] = ()  # what other files of the application read

    @property
    def stands_in(self) -> bool:
        """Whether there is no such module, and it only holds what other files read."""
        return bool(self.reads) and not self.library and not self.keys


class EnvironmentReads(Node, frozen=True, kw_only=True):
    """The variables that a file reads by their names: `process.env.X`, each at the place of its name.

    `directory` is the folder of the nearest package manifest. `purpose` is `test`, `tool` (a configuration of a tool, a
    script, a function beside the application), `settings` for a file that is called so, `server` for one that only
    servers run, and empty for the rest.
    """

    path: str  # the file
    directory: str
    reads: tuple[Known[str], ...]  # the names of the variables, each where it is read
    purpose: str = ""


class Package(Node, frozen=True, kw_only=True):
    """A package manifest: package.json, pyproject.toml, Gemfile, go.mod … in `directory`.

    `scripts` are the npm scripts; `dependencies` the names of what it depends on, with the span of each.
    """

    path: str  # the manifest
    directory: str
    ecosystem: str  # "npm", "python", "ruby", "go", "java", "php", "rust", "dotnet", "elixir"
    scripts: tuple[Variable, ...] = ()
    dependencies: tuple[Variable, ...] = ()
    engines: tuple[Variable, ...] = ()  # versions of runtimes that it asks for
    workspaces: bool = False  # whether package.json says that packages below belong to it


class RuntimeVersion(Node, frozen=True, kw_only=True):
    """The version of a language that a file such as .nvmrc or .tool-versions asks for, in `directory` and below.

    `runtime` is the language's own word (`node`, `python`), `version` as written: `22.20.0`, `lts/jod`.
    """

    path: str  # the file
    directory: str
    runtime: str
    version: Value[str]


class EnvironmentFile(Node, frozen=True, kw_only=True):
    """An env file that git does not ignore. `example` is a committed stand-in such as .env.example.

    `mentioned` are the names of variables that only a comment sets, as in `# SENTRY_DSN=`.
    """

    path: str  # the file
    variables: tuple[Variable, ...]  # those it sets, in order
    example: bool
    mentioned: tuple[str, ...] = ()


class HeldSecrets(Node, frozen=True, kw_only=True):
    """What a file of settings or of Terraform gives in plain sight under names of secrets, or in the form of one.

    A state of Terraform, which is never read, has no `secrets` here, and holds those of all resources.
    """

    path: str  # the file
    secrets: tuple[Variable, ...]  # each at the place of its name
    written: tuple[Known[str], ...] = ()  # those that the start script of a machine writes into an env file


class IgnoreFile(Node, frozen=True, kw_only=True):
    """A .gitignore or .dockerignore. `kind` is `git` or `docker`; patterns are in source order.

    Whether a path is ignored is asked of `Graph.ignored`.
    """

    path: str  # the file
    kind: str
    patterns: tuple[tuple[str, Span], ...]  # each with its place


class Extension(Node, frozen=True, kw_only=True):
    """A `CREATE EXTENSION` in SQL, or a postgresql_extension: a Postgres extension that is created.

    `optional` tells that it may not be: it stands under a condition, or in code of which nobody knows when it runs.
    `used` tells of one that only an init script creates that some file names what it brings.
    """

    extension: Value[str]  # its name
    version: Value[str] | None = None  # that is asked for
    optional: bool = False
    used: bool = False


class VectorUse(Node, frozen=True, kw_only=True):
    """A place that needs pgvector: a vector column, a Prisma or drizzle type, a dependency.

    `feature` is what of it is younger than the type: `hnsw`, `halfvec`, `sparsevec`, `iterative_scan`; else empty.
    """

    what: str  # what uses vectors
    feature: str = ""
    dependency: bool = False  # whether only a dependency tells so


class SupabaseStack(Node, frozen=True, kw_only=True):
    """What `supabase start` brings up: a `supabase/config.toml`. `version` is that of its Postgres, a major alone.

    `ports` are those of the laptop that it takes.
    """

    path: str  # the configuration file
    version: Value[Version]
    ports: tuple[Value[int], ...] = ()


class TableColumn(Struct, frozen=True):
    """A column of a table: its `name` in the database, and at `span` the place of it."""

    name: str
    span: Span


class SchemaTable(Struct, frozen=True):
    """A table of a database: its `name`, at `span` the place of it, and its `columns`.

    `loose` tells that it may have more of them.
    """

    name: str
    span: Span
    columns: tuple[TableColumn, ...] = ()
    loose: bool = False

    @property
    def key(self) -> str:
        """The name by which databases know it."""
        return self.name.lower()


class TableModels(Node, frozen=True, kw_only=True):
    """The tables that the models of a tool declare, beside those that the migrations of `directory` make.

    `tool` is that of the migrations: `prisma`, `django` …. `declared` are the tables of the models, `migrated` those
    that the migrations leave when they are replayed, `views` what they make as views. `gap` says why one of both may be
    otherwise, such as migrations that change what none of them has made.
    """

    directory: str
    tool: str
    declared: tuple[SchemaTable, ...]
    migrated: tuple[SchemaTable, ...]
    views: tuple[str, ...] = ()
    gap: Unknown | None = None


class Migrations(Node, frozen=True, kw_only=True):
    """A directory of schema migrations. `tool` is `prisma`, `drizzle`, `alembic` …; `files` are in order."""

    directory: str  # their folder
    tool: str
    files: tuple[str, ...]


class MigrationRunner(Node, frozen=True, kw_only=True):
    """What runs migrations in the cloud: a task definition, terraform_data, an entrypoint.

    `hashed` is whether a change of the migrations directory makes it run again: Known(True) also for what runs at
    every deployment or start by itself; Absent when nothing is said. `directory` is the `Migrations.directory` that
    it runs, empty when that is not known.
    """

    tool: str  # what migrates
    hashed: Value[bool]
    directory: str = ""


class OrmSchema(Node, frozen=True, kw_only=True):
    """A declared database provider: Prisma `provider = "postgresql"`, Rails `adapter: postgresql` …."""

    engine: Value[str]  # the database that it is for
    environment: str = ""  # the one for which alone it holds: `test`, `dev`; empty for all
