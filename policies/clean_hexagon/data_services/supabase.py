"""The Postgres of Supabase's local stack (HEX415)."""

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Database,
    Finding,
    Fix,
    Graph,
    Known,
    Outcomes,
    Severity,
    Side,
    Stage,
    SupabaseStack,
    Unknown,
    is_for_tests,
    regex,
    rule,
    undecided,
)

_CLIENT = regex(r"postgresql-client-(\d+)|postgresql(\d+)-client")


@rule(
    "HEX415",
    mandate="4.1",
    severity=Severity.ERROR,
    remedy="Set 'major_version' to the major of the hosted project, and run it everywhere else too.",
    message={
        "default": "'{path}' asks for Postgres '{here}', but ['{name}'](1) runs '{there}'.",
        "client": "'{path}' asks for Postgres '{here}', but '{name}' installs [clients of '{there}'](1).",
    },
)
def supabase_version_mismatch(graph: Graph, _: Options) -> Outcomes:
    """`supabase/config.toml` asks for another major of Postgres than a database of the system runs.

    `supabase start` brings up the major of `[db] major_version`, whatever the hosted project or the Compose file runs:
    a migration that passes there is a syntax error elsewhere, and `supabase db push` warns and goes on.

    The major is compared with every Postgres of the system, in Compose and in the cloud, but for those of tests. The
    Supabase provider does not tell the version of a project: `facts` in policyengine.yaml declares it, and until then
    the question is open, as it is where the tree has no other Postgres. Client programs of another major, which a
    Dockerfile installs, are a note: `pg_dump` refuses a newer server.
    """
    for stack in graph.all(SupabaseStack):
        stores = [
            each
            for side in (Side.CLOUD, Side.LOCAL)
            for each in graph.all(Database, side=side)
            if isinstance(each.engine, Known) and each.engine.value == "postgres" and not is_for_tests(each.name)
        ]
        if not isinstance(stack.version, Known):
            yield from undecided(stack, stack.version)
            continue
        here = stack.version.value.major
        yield Compared(stack)
        for store in stores:
            args = {"path": stack.path, "here": here, "name": store.name, "there": store.shown_version}
            if store.major is not None and store.major != here:
                at, major = stack.version, str(store.major)
                fix = Fix("run the major of the hosted project in both")
                if store.side is Side.CLOUD:
                    fix = Fix.replacing(f"set major_version to {major}", at.span, str(here), major)
                yield Finding(subject=stack, at=at, args=args, related=(store.version,), fix=fix)
                break
        else:
            alone = Unknown("no file tells what the hosted project runs; declare it under 'facts'", stack.version.span)
            told = [each.version for each in stores if isinstance(each.version, Unknown)]
            yield from undecided(stack, *(told if stores else (alone,)))
        yield from _clients(graph, stack, here)


def _clients(graph: Graph, stack: SupabaseStack, here: int) -> Outcomes:
    for stage in graph.all(Stage):
        for package in stage.packages if stage.last else ():
            match = _CLIENT.fullmatch(package.value) if isinstance(package, Known) else None
            if match is not None and int(match[1] or match[2]) != here:
                args = {"path": stack.path, "here": here, "name": stage.dockerfile, "there": match[1] or match[2]}
                fix = Fix(f"install the clients of {here}")
                yield Finding(
                    subject=stack,
                    at=stack.version,
                    variant="client",
                    severity=Severity.NOTE,
                    args=args,
                    related=(package,),
                    fix=fix,
                )
