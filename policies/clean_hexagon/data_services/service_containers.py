"""The databases and caches of the pipeline are those of the local stack (HEX416)."""

from enum import IntEnum

from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Datastore,
    Finding,
    Fix,
    Floating,
    Graph,
    Job,
    Known,
    Outcomes,
    Service,
    Severity,
    Side,
    in_place,
    purpose_of,
    rule,
    undecided,
)


@rule(
    "HEX416",
    mandate="6.1",
    severity=Severity.ERROR,
    remedy="Run in the workflow the image of the local stack.",
    message={
        "default": "'{store}' of '{job}' runs '{here}', but [the local '{local}'](1) runs '{there}'.",
        "moved": "'{store}' of '{job}' runs '{here}', which was '{meant}', but [the local one](1) is '{there}'.",
    },
)
def ci_datastore_drift(graph: Graph, _: Options) -> Outcomes:
    """A service container of a workflow is another version than the store of the local stack.

    Tests that pass on the Postgres of the pipeline prove nothing about the one that is developed against, nor about
    the cloud's, to which the local one is held. It is the image that everybody forgets: an upgrade changes the Compose
    file and Terraform, and the workflow stays where it was.

    A store is compared with the stores of its engine that run locally, and is right when one of them is alike. Other
    versions are an error; the same version of another image, or a tag that leaves open what the local one fixes, is a
    warning, and the same version of another variant of one image (`16-alpine` for `16`) a convention. A tag that fixes
    no version, such as `latest`, is an error when the table of tags already knows a higher major. A version that comes
    from a matrix is undecided. One finding names all jobs of a workflow that run the image.
    """
    jobs: dict[tuple[str, str, str], list[str]] = {}
    stores = sorted(graph.all(Datastore, side=Side.PIPELINE), key=lambda store: store.span)
    for store in stores:
        jobs.setdefault(_key(store), []).append(_job(graph, store))
    for store in stores:
        local = [each for each in graph.all(type(store), side=Side.LOCAL) if _same_engine(each, store)]
        named = jobs.pop(_key(store), None)
        if named is None or not local:
            continue
        yield Compared(store)
        drift, other = min(((_drift(store, each), each) for each in local), key=lambda pair: pair[0])
        if drift is Drift.OPEN:
            yield from undecided(store, store.version, other.version)
        elif drift is not Drift.NONE:
            alike = [each for each in stores if _key(each) == _key(store)]
            yield _finding(graph, alike, other, drift, ", ".join(dict.fromkeys(named)))


class Drift(IntEnum):
    """How far two stores are from each other, the nearest first; `OPEN` where the files do not tell."""

    NONE = 0
    OPEN = 1
    VARIANT = 2
    VERSION = 3


def _key(store: Datastore) -> tuple[str, str, str]:
    return store.span.path, store.name, store.written


def _job(graph: Graph, store: Datastore) -> str:
    service = graph.get(Service, store.service)
    job = None if service is None else graph.get(Job, service.group)
    return store.name if job is None else job.name


def _same_engine(local: Datastore, store: Datastore) -> bool:
    engines = [each.engine.value for each in (local, store) if isinstance(each.engine, Known)]
    return len(engines) == 2 and engines[0] == engines[1] and not local.emulates


def _drift(store: Datastore, local: Datastore) -> Drift:
    ref, other = store.reference, local.reference
    if ref is None or other is None:
        return Drift.OPEN
    if (ref.name, ref.effective_tag) == (other.name, other.effective_tag) and not ref.undecided:
        return Drift.NONE
    match store.version, local.version:
        case Known(here), Known(there) if here != there:
            patch = (here.major, here.minor) == (there.major, there.minor)
            return Drift.VARIANT if patch else Drift.VERSION
        case Known(here) | Floating(here), Known(there) | Floating(there):
            return Drift.VARIANT if here.agrees(there) else Drift.VERSION
        case _ if None in (ref.effective_tag, other.effective_tag):
            return Drift.OPEN
        case _:
            moved = store.meaning is not None and local.major is not None and store.meaning.version.major > local.major
            return Drift.VERSION if moved else Drift.VARIANT


def _finding(graph: Graph, alike: list[Datastore], local: Datastore, drift: Drift, jobs: str) -> Finding:
    store = alike[0]
    args: dict[str, object] = {"store": store.name, "job": jobs, "here": store.written, "there": local.written}
    meant = store.meaning if store.major is None else None
    args |= {"local": local.name} if meant is None else {"meant": meant.version}
    service = graph.get(Service, local.service)
    text = "" if local.reference is None else local.reference.text
    built = service is None or service.build is not None
    public = local.reference is not None and purpose_of(local.reference.name) is not None
    edits = tuple(edit for each in alike if public for edit in in_place(_reference(each), text))
    fix = Fix(f"run what '{local.name}' is built from: '{text}'" if built else f"run '{text}'", edits, safe=True)
    return Finding(
        subject=store,
        at=store.place,
        variant="default" if meant is None else "moved",
        severity=Severity.ERROR if drift is Drift.VERSION else Severity.WARNING,
        convention=drift is Drift.VARIANT and _one_release(store, local),
        args=args,
        related=(local.place,),
        fix=fix,
    )


def _one_release(store: Datastore, local: Datastore) -> bool:
    """Whether two images of one name differ only in what stands behind the version: `7` and `7-alpine`."""
    refs = [each for each in (store.reference, local.reference) if each is not None]
    written = {(each.name, (each.effective_tag or "").partition("-")[0]) for each in refs}
    return len(written) == 1


def _reference(store: Datastore) -> Known[str] | None:
    """The image of a service container as it is written."""
    return None if store.reference is None else Known(store.reference.text, store.place)
