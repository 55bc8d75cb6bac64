"""Migrations, SQL and ORM schemas → what the database must be: migrations, extensions, vectors, the engine.

Only files whose path suggests SQL, a migration, a schema or a manifest are read.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge.comments import style_of
from policyengine.knowledge.components import engine_of_dialect
from policyengine.knowledge.extensions import words_of_extension
from policyengine.knowledge.packages import created_by, creator_of, extension_of
from policyengine.model.nodes import Extension, Migrations, OrmSchema, Side, VectorUse
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Known, Unknown
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.migration_folders import folders as find_folders
from policyengine.platforms.code.migration_folders import initial, written_in
from policyengine.platforms.code.migration_start import in_code
from policyengine.platforms.code.package import set_aside
from policyengine.platforms.code.table_models import lower as table_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tree_sitter import Node as SyntaxNode

    from policyengine.model.nodes import Node
    from policyengine.model.source import Source
    from policyengine.repository.files import Files
    from policyengine.syntax.prisma import Block
    from policyengine.syntax.typescript import Code

_FURTHER = (".prisma", ".sh", ".bash", ".ex", ".go", ".rs")
"""How files end that hold schemas of a database, or what starts migrations, besides those that hold migrations."""


def lower(files: Files) -> Lowered:
    """Migrations, Extension, VectorUse, OrmSchema and MigrationRunner nodes of the tree."""
    named = {*files.ending(*written_in(), *_FURTHER), *files.holding("ockerfile", "ontainerfile", "entrypoint")}
    own = [path for path in sorted(named) if not set_aside(path)]
    folders = tuple(sorted(find_folders(files, own), key=lambda folder: folder.directory))
    nodes: list[Node] = [
        Migrations(
            id=f"migrations:{folder.directory}",
            name=folder.directory,
            side=Side.SOURCE,
            span=_start(files, folder.files[0]),
            directory=folder.directory,
            tool=folder.tool,
            files=folder.files,
        )
        for folder in folders or initial(files, own)
    ]
    migrated = {path for folder in folders for path in folder.files}
    nodes.extend(_from_sql(files, own, migrated))
    nodes.extend(_from_code(files, own, migrated))
    nodes.extend(_from_schemas(files, own))
    nodes.extend(_from_packages(files))
    nodes.extend(in_code(files, own, folders))
    nodes.extend(table_models(files, folders))
    nodes[:0] = list(_elsewhere(files, nodes))
    unique: dict[str, Node] = {}
    for node in nodes:
        unique.setdefault(node.id, node)
    return Lowered(nodes=tuple(_named(unique.values())))


def _named(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes, of which extensions are called by their names and uses of vectors by their numbers, not by offsets.

    An id is what a finding is known by when lines move.
    """
    seen: Counter[str] = Counter()
    for node in nodes:
        if isinstance(node, Extension | VectorUse):
            file = node.id.partition("#")[0]
            name = f"{file}#{node.name}" if isinstance(node, Extension) else file
            seen[name] += 1
            number = seen[name]
            again = f".{number}" if number > 1 else ""
            yield replace(node, id=f"{name}{again}" if isinstance(node, Extension) else f"{file}#{number}")
        else:
            yield node


def _start(files: Files, path: str) -> Span:
    """The first line of a file, the place of what is about the whole of it."""
    source = files.read(path)
    return Span(path, 0, len(source.line(1)) if source is not None else 0)


# Extensions and vectors

_INIT = regex(
    r"(?:^|/)(?:docker-entrypoint-initdb\.d|init(?:db)?(?:[-_.]?(?:d|db|scripts?|sql))?|entrypoint-initdb)/[^/]+"
    r"|(?:^|/)(?:[\w.-]*[-_.])?(?:init|initdb|create|bootstrap|setup|extensions?)(?:[-_.][\w.-]*)?"
)
_SCHEMA_SQL = regex(
    r"(?:^|/)(?:[\w.-]*[-_.])?(?:schema|structure|tables?|ddl|dump)(?:[-_.][\w.-]*)?\.sql$"
    r"|(?:^|/)(?:db|database|sql|postgres(?:ql)?|pg|pgvector|schemas?|supabase)/(?:[^/]+/)?[^/]+\.sql$"
)
_CREATE_TABLE = regex(r"\bCREATE\s+TABLE\b", re.IGNORECASE)


def _from_sql(files: Files, own: Sequence[str], migrated: set[str]) -> Iterator[Node]:
    for path in own:
        stem, _, ending = path.rpartition(".")
        if ending not in ("sql", "sh"):
            continue
        init = _INIT.search(stem) is not None and path not in migrated
        if ending == "sh" and not (init and re.search(r"init|postgres|pg|db|database|sql", path)):
            continue
        if not (init or path in migrated or _SCHEMA_SQL.search(path)):
            continue
        source = files.read(path)
        if source is not None:  # a script that makes tables is the schema, which the cloud gets too
            alone = init and _CREATE_TABLE.search(source.text) is None
            yield from _sql_nodes(source, Side.LOCAL if alone else Side.SOURCE)


def _sql_nodes(source: Source, side: Side) -> Iterator[Node]:
    lowered = source.text.lower()
    if "extension" not in lowered and "vec" not in lowered:
        return
    from policyengine.syntax import sql  # noqa: PLC0415  most trees have no such file

    read = sql.Sql(source, _without_comments(source)) if source.path.endswith(".sh") else sql.read(source)
    for name, span, inside in read.extensions():
        yield _extension(source, name, span, side, optional=inside)
    for span, feature in read.vectors():
        yield _vector(source, "a vector column", span, feature)


def _extension(source: Source, name: str, span: Span, side: Side, *, optional: bool = False) -> Extension:
    return Extension(
        id=f"extension:{source.path}#{span.start}",
        name=name,
        side=side,
        span=span,
        extension=Unknown(f"the name '{name}' is computed", span) if "$" in name else Known(name, span),
        optional=optional,
    )


def _vector(source: Source, what: str, span: Span, feature: str = "") -> VectorUse:
    name = source.slice(span)
    return VectorUse(
        id=f"vector:{source.path}#{span.start}", name=name, side=Side.SOURCE, span=span, what=what, feature=feature
    )


_EMBEDDED = regex(
    r"\bCREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?\\?[\"`]?([A-Za-z_][\w-]*)"
    r"|\benable_extension!?[ (]*[\"':](?:[\w]+\.)?(\w[\w-]*)"
    r"|\bCreateExtension\(\s*(?:name\s*=\s*)?[\"'](\w[\w-]*)",
    re.IGNORECASE,
)
_OPERATION = regex(r"\b(\w+Extension)\(\s*\)")
_EMBEDDED_VECTOR = regex(
    r"\bt\.(vector|halfvec)\s+[:\"']|\b(VectorField|HalfVectorField)\(|\b(?:pgvector\.sqlalchemy\.)?(Vector)\(\s*(?:dim\s*=\s*)?\d"
    r"|:(vector|halfvec),\s*limit:|[\s\"'`](vector|halfvec)\(\d+\)"
)
_HASH_COMMENT = regex(r"^[ \t]*#(?!\[)[^\n]*", re.MULTILINE)
_SLASH_COMMENT = regex(r"^[ \t]*(?://|\*|/\*)[^\n]*", re.MULTILINE)
_RAILS_SCHEMA = regex(r"(?:^|/)db/(?:\w+_)?schema\.rb$")


def _from_code(files: Files, own: Sequence[str], migrated: set[str]) -> Iterator[Node]:
    """What migrations written in Python, Ruby, TypeScript … create."""
    for path in own:
        if path.endswith((".sql", ".sh")) or not (path in migrated or _RAILS_SCHEMA.search(path)):
            continue
        source = files.read(path)
        lowered = source.text.lower() if source is not None else ""
        if source is None or ("extension" not in lowered and "vec" not in lowered):
            continue
        yield from _created_in_code(source, optional=False)
        for match in _EMBEDDED_VECTOR.finditer(_without_comments(source)):
            yield _vector(source, "a vector column", source.span(*match.span(match.lastindex or 0)))


# Declared schemas

_DRIZZLE_CONFIG = regex(r"(?:^|/)drizzle[\w.-]*\.config\.[cm]?[jt]s$|(?:^|/)drizzle\.config[\w.-]*\.[cm]?[jt]s$")
_DRIZZLE_SCHEMA = regex(
    r"(?:^|/)(?:[\w.-]*[-_.])?(?:schema|tables?|models?|embeddings?)(?:[-_.][\w.-]*)?\.[cm]?ts$"
    r"|(?:^|/)(?:schemas?|tables|db|database|drizzle|models)/(?:[^/]+/)*[^/]+\.[cm]?ts$"
)
_VECTOR_TYPE = regex(r"\b(?:vector|halfvec|sparsevec)\b")
_DATABASE_YML = regex(r"(?:^|/)config/database\.ya?ml$")
_YAML_BLOCK = regex(r"^(\w[\w-]*):[ \t]*(&\w+)?[^\n]*$", re.MULTILINE)
_ADAPTER = regex(r"^[ \t]+adapter:[ \t]*([\"']?)([^\s\"'#]+)\1", re.MULTILINE)
_MERGE = regex(r"^[ \t]+<<:[ \t]*\*(\w+)", re.MULTILINE)


def _from_schemas(files: Files, own: Sequence[str]) -> Iterator[Node]:
    drizzle = False
    for path in own:
        if path.endswith(".prisma"):
            source = files.read(path)
            if source is not None:
                yield from _prisma(source)
        elif _DATABASE_YML.search(path):
            source = files.read(path)
            if source is not None:
                yield from _rails(source)
        elif _DRIZZLE_CONFIG.search(path):
            source = files.read(path)
            if source is not None:
                drizzle = True
                yield from _drizzle_config(source)
    if drizzle:
        for path in own:
            if _DRIZZLE_SCHEMA.search(path) and not path.endswith(".d.ts"):
                source = files.read(path)
                if source is not None and "drizzle-orm/pg-core" in source.text:
                    yield from _drizzle_vectors(source)


def _prisma(source: Source) -> Iterator[Node]:
    from policyengine.syntax import prisma  # noqa: PLC0415  most trees have none

    schema = prisma.read(source)
    for block in schema.blocks:
        provider = block.get("provider") if block.kind == "datasource" else None
        if provider is None:
            continue
        yield OrmSchema(
            id=f"orm:{source.path}",
            name=source.path,
            side=Side.SOURCE,
            span=block.name_span,
            engine=_engine(provider.text, provider.span)
            if provider.literal
            else Unknown("the provider is not written as a text", provider.span),
        )
        yield from _prisma_extensions(source, block)
    for text, span in schema.unsupported:
        if re.match(r"(?:\w+\.)?(?:vector|halfvec|sparsevec)\b", text):
            yield _vector(source, "a Prisma field of a vector type", span)


_PRISMA_EXTENSION = regex(r"(\w+)\s*(?:\(([^)]*)\))?")
_MAPPED = regex(r"\bmap:\s*\"([^\"]*)\"")


def _prisma_extensions(source: Source, block: Block) -> Iterator[Node]:
    """`extensions = [vector, uuidOssp(map: "uuid-ossp")]`, which Prisma creates by a migration."""
    listed = block.get("extensions")
    if listed is None:
        return
    for match in _PRISMA_EXTENSION.finditer(listed.text):
        mapped = _MAPPED.search(match[2] or "")
        span = source.span(listed.span.start + match.start(1), listed.span.start + match.end(1))
        yield _extension(source, mapped[1] if mapped else match[1], span, Side.SOURCE)


def _engine(name: str, span: Span) -> Known[str] | Unknown:
    engine = engine_of_dialect(name)
    return Unknown(f"'{name}' is no engine that is known", span) if engine is None else Known(engine, span)


def _drizzle_config(source: Source) -> Iterator[Node]:
    for code, pair in _nodes(source, "pair"):
        key, literal = code.key(pair.named_children[0]), code.string(pair.named_children[-1])
        if key is not None and key[0] == "dialect" and literal is not None:
            name, span = literal
            yield OrmSchema(
                id=f"orm:{source.path}", name=source.path, side=Side.SOURCE, span=span, engine=_engine(name, span)
            )
            return


def _drizzle_vectors(source: Source) -> Iterator[Node]:
    """`vector("embedding", { dimensions: 3 })`, also without its name."""
    for code, call in _nodes(source, "call_expression") if _VECTOR_TYPE.search(source.text) else ():
        callee, given = call.children[0], call.children[-1].named_children[:1]
        name = callee.child_by_field_name("property") or callee
        if given and _VECTOR_TYPE.fullmatch(code.text(name)):
            options = given[0].type == "object" and code.text(given[0])[1:].lstrip().startswith("dimensions")
            if options or code.string(given[0]) is not None:
                yield _vector(source, "a drizzle vector column", code.span(name))


def _nodes(source: Source, kind: str) -> Iterator[tuple[Code, SyntaxNode]]:
    """The nodes of a type in a TypeScript file; none of one that is no code of a person."""
    from policyengine.syntax import typescript  # noqa: PLC0415  most trees have none

    try:
        code = typescript.read(source)
    except ReadError:
        return
    for node in code.walk(kind):
        yield code, node


def _rails(source: Source) -> Iterator[Node]:
    """The adapter of production: its own, or that of the block it merges."""
    text = source.text
    heads = list(_YAML_BLOCK.finditer(text))
    blocks = {
        match[1]: (match.end(), heads[index + 1].start() if index + 1 < len(heads) else len(text), match[2] or "")
        for index, match in enumerate(heads)
    }
    anchors = {anchor.removeprefix("&"): name for name, (_, _, anchor) in blocks.items() if anchor}
    name = "production" if "production" in blocks else "default"
    for _ in range(4):
        if name not in blocks:
            return
        start, end, _anchor = blocks[name]
        adapter = _ADAPTER.search(text, start, end)
        if adapter is not None:
            span = source.span(*adapter.span(2))
            yield OrmSchema(
                id=f"orm:{source.path}",
                name=source.path,
                side=Side.SOURCE,
                span=span,
                engine=Unknown("the adapter is computed", span) if "<%" in adapter[2] else _engine(adapter[2], span),
            )
            return
        merge = _MERGE.search(text, start, end)
        if merge is None:
            return
        name = anchors.get(merge[1], "")


# Dependencies

_MAY_HAVE_PGVECTOR = regex(r"pgvector|neighbor|langchain|llama-index|mem0", re.IGNORECASE)


def _from_packages(files: Files) -> Iterator[Node]:
    from policyengine.platforms.code import package  # noqa: PLC0415  only its manifests are read again

    for path in package.manifests(files):
        if not package.is_manifest(path):
            continue
        source = files.read(path)
        if source is None or not _MAY_HAVE_PGVECTOR.search(source.text):
            continue
        try:
            found = package.dependencies(source)
        except ReadError:
            continue  # the package lowering reports it
        for dependency in found:
            if extension_of(dependency.key) == "vector":
                yield VectorUse(
                    id=f"vector:{path}#{dependency.key_span.start}",
                    name=dependency.key,
                    side=Side.SOURCE,
                    span=dependency.key_span,
                    what=f"the dependency {dependency.key}",
                    dependency=True,
                )
            created = creator_of(dependency.key)
            if created is not None:
                yield _extension(source, created, dependency.key_span, Side.SOURCE, optional=True)


# What is created elsewhere

_TEXTS = (
    *(".sql", ".sh", ".bash", ".py", ".rb", ".php", ".ex", ".exs", ".cs", ".java", ".kt", ".scala", ".go", ".rs"),
    *(".ts", ".mts", ".cts", ".js", ".mjs", ".cjs", ".xml", ".yml", ".yaml", ".tf", ".tpl", ".txt", ".toml", ".json"),
)


_ABOUT_EXTENSION = regex(r"\b(?:create|alter|drop|comment\s+on)\s+extension\b[^;]*")  # names it, but is no use


def _elsewhere(files: Files, nodes: Sequence[Node]) -> Iterator[Node]:
    """Extensions that other files create, searched only where one is needed, or created on a laptop, and not found.

    What is created on a laptop only is there again, with what uses it.
    """
    made = {"pgvector", *(each.name for each in nodes if isinstance(each, Extension) and each.side is not Side.LOCAL)}
    local = [
        each for each in nodes if isinstance(each, Extension) and each.side is Side.LOCAL and each.name not in made
    ]
    needed = any(isinstance(each, VectorUse) and not each.dependency for each in nodes)
    if not local and (not needed or "vector" in made):
        return
    from policyengine.syntax import sql  # noqa: PLC0415  as above

    used: set[str] = set()
    seen = {each.span.path for each in nodes if isinstance(each, Extension)}
    for path in (*files.ending(*_TEXTS), *files.holding("ockerfile", "akefile", "ustfile")):
        source = None if set_aside(path, tests=False) else files.read(path)
        lowered = source.text.lower() if source is not None else ""
        if path.endswith(".sql"):
            queries = _ABOUT_EXTENSION.sub("", lowered)
            used |= {each.name for each in local if any(word in queries for word in words_of_extension(each.name))}
        if source is None or path in seen or "extension" not in lowered:
            continue
        if path.endswith(".sql"):
            found = sql.read(source).extensions()
            yield from (_extension(source, name, span, Side.SOURCE, optional=True) for name, span, _ in found)
        else:
            yield from _created_in_code(source)
    yield from (replace(each, used=each.name in used) for each in local)


def _created_in_code(source: Source, *, optional: bool = True) -> Iterator[Node]:
    """What code and scripts create, whatever their language."""
    text = _without_comments(source)
    for match in _EMBEDDED.finditer(text):
        start, end = match.span(match.lastindex or 0)
        name = text[start:end].lower()
        if name != "if":
            yield _extension(source, name, source.span(start, end), Side.SOURCE, optional=optional)
    for match in _OPERATION.finditer(text):
        created = created_by(match[1])
        if created is not None:
            yield _extension(source, created, source.span(*match.span(1)), Side.SOURCE, optional=optional)


def _without_comments(source: Source) -> str:
    marks = {mark for mark, _ in style_of(source.path).marks}
    text = source.text
    for comment, begins in ((_SLASH_COMMENT, "//" in marks), (_HASH_COMMENT, "#" in marks or "//" not in marks)):
        text = comment.sub(lambda match: " " * len(match[0]), text) if begins else text
    return text
