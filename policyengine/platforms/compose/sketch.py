"""What Compose files say at first sight: enough to choose among them, and to tell one system from another."""

from __future__ import annotations

import posixpath
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge.names import (
    environment,
    is_retired,
    speaks_of_certificates,
    speaks_of_development,
    words,
)
from policyengine.model import image
from policyengine.model.nodes import Beside, Role, Side
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms.docker.datastore import image_role
from policyengine.syntax import yaml
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_NUMBER = regex(r"\d{2,5}")
_DEFAULT = regex(r"\$\{\w+:?-([^{}$]*)\}")
_TAKES_AWAY = (" !reset", " !override")
_FILE = regex(r"[\w./-]+\.ya?ml\b")
_BEGINS = ("#", "---", "version", "name:")
"""What a line begins with above which no service stands."""
_VAGUE = frozenset({"live", "not", "never", "use", "see", "instead"})
"""Words beside which one for production may be about something else: `Never use this in production`."""
_TRIAL = frozenset({"like", "parity", "smoke", "simulates", "mimics"})
"""Words that tell production from what is like it: `Prod-parity local smoke test`."""
_LONGEST = 20
"""So many lines are looked at for the title."""
_THIN = frozenset({"image", "pull_policy", "restart", "platform", "logging", "profiles"})
_STORES = frozenset({Role.DATABASE, Role.CACHE, Role.QUEUE})


class Sketch(NamedTuple):
    """What a Compose file says at first sight.

    `complete` are the services that it says how to get, `partial` those that it only changes, `needs` those that they
    depend on. `runs` tells whether one of them may be an application, `stores` how many are datastores. `builds` are
    the folders in which images are built, `names` those of these images and of the project, `included` other files,
    `numbers` all that stand in `ports`. `changes` tells whether it says of a build only what is another there, and not
    of what it is made: `build: {target: dev}`, only which image an application has, or takes something of another
    file away: `!reset`. `lasting` are the applications that Docker starts again whatever happens, with their
    images, empty for one that is built; `built` are all services that are built, `worked` those by a Dockerfile or
    stage for development. `mounts` tells whether one has the sources in it that it is built of, `certifies` whether
    one asks for certificates. `title` is what the first line
    says of the file: `work`, `trial`, `prod`, `retired`, or nothing.
    """

    complete: frozenset[str] = frozenset()
    partial: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    runs: bool = False
    stores: int = 0
    builds: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    included: frozenset[str] = frozenset()
    numbers: frozenset[int] = frozenset()
    changes: bool = False
    lasting: frozenset[tuple[str, str]] = frozenset()
    built: frozenset[str] = frozenset()
    worked: frozenset[str] = frozenset()
    mounts: bool = False
    certifies: bool = False
    title: str = ""

    @property
    def is_tried(self) -> bool:
        """Whether the first line says that it is for development or tests, whatever its name says."""
        return self.title in ("work", "trial")

    def beside(self, other: Sketch) -> Sketch:
        """What two files say together."""
        complete = self.complete | other.complete
        return Sketch(
            complete,
            (self.partial | other.partial) - complete,
            self.needs | other.needs,
            self.runs or other.runs,
            self.stores + other.stores,
            self.builds | other.builds,
            self.names | other.names,
            self.included | other.included,
            self.numbers | other.numbers,
            self.changes or other.changes,
            self.lasting | other.lasting,
            self.built | other.built,
            self.worked | other.worked,
            self.mounts or other.mounts,
            self.certifies or other.certifies,
            self.title or other.title,
        )


def sketch(tree: Files, paths: tuple[str, ...]) -> Sketch:
    """What files say together; one that cannot be read may say anything, which reading it will tell."""
    found = Sketch()
    for path in paths:
        try:
            found = found.beside(tree.once(path, sketch_of) or Sketch())
        except ReadError:
            return Sketch(frozenset({path}), runs=True)
    return found


def sketch_of(source: Source) -> Sketch:
    """What one file says.

    Raises:
        ReadError: it is no YAML.
    """
    if "services" not in source.text and "include" not in source.text:
        return Sketch()
    documents = (each for each in yaml.read_all(source, []) if isinstance(each, Mapping))
    return reduce(Sketch.beside, (_document(source, each) for each in documents), Sketch(title=_title(source)))


def _title(source: Source) -> str:
    """What the first line above the services that says more than the name of the file says of it."""
    own = posixpath.basename(source.path)
    for line in source.text.split("\n", _LONGEST)[:_LONGEST]:
        said = frozenset(words(line.replace(own, ""))) if line.lstrip().startswith("#") else frozenset[str]()
        if line.strip() and not line.lstrip().startswith(_BEGINS):
            break
        if not said - {"docker", "compose"}:
            continue
        if is_retired(line):
            return "retired"
        known = frozenset(map(environment, said))
        work, prod = bool(known & {"dev", "local"}), "prod" in known and said.isdisjoint(_VAGUE)
        if not said.isdisjoint(_TRIAL) or ("test" in known and not work and not prod):
            return "trial"
        if work and not prod:
            return "work"
        return (
            "prod" if prod and not work and "test" not in known and _FILE.search(line.replace(own, "")) is None else ""
        )
    return ""


def _document(source: Source, top: Mapping) -> Sketch:
    folder, services = posixpath.dirname(source.path), top.get("services")
    complete, partial, needs, builds, names = set[str](), set[str](), set[str](), set[str](), set[str]()
    numbers, stores, runs = set[int](), 0, top.get("include") is not None
    changes = any(mark in source.text for mark in _TAKES_AWAY)
    lasting, built, worked, mounts, certifies = set[tuple[str, str]](), set[str](), set[str](), False, False
    if isinstance(name := top.get("name"), Scalar):
        names.add(name.text)
    for entry in services.entries if isinstance(services, Mapping) else ():
        told = entry.value if isinstance(entry.value, Mapping) else Mapping((), Span(source.path, 0, 0))
        got = any(told.get(key) is not None for key in ("image", "build", "extends", "provider"))
        (complete if got else partial).add(entry.key.text)
        build, called = told.get("build"), told.get("image")
        given = _with_defaults(called.text) if isinstance(called, Scalar) else ""
        role = Role.APP if build is not None else _role(given, called, entry.key.text)
        runs, stores = runs or role is Role.APP, stores + (role in _STORES)
        needs.update(_entries(told.get("depends_on")))
        numbers.update(_numbers(told.get("ports")))
        mounts = mounts or (called is None and _has_sources(told, folder))
        certifies = certifies or any(map(speaks_of_certificates, (entry.key.text, *_certifying(told))))
        if role is Role.APP and got and _lasts(told):
            lasting.add((entry.key.text, given if build is None else ""))
        if build is not None:
            built.add(entry.key.text)
            context = build.get("context") if isinstance(build, Mapping) else build
            builds.add(_within(folder, context.text if isinstance(context, Scalar) else "."))
            named = image.parse(called.text) if isinstance(called, Scalar) else None
            names.add(entry.key.text if named is None else named.repository.rpartition("/")[2])
        if _is_for_work(build):
            worked.add(entry.key.text)
        told_of = isinstance(build, Mapping) and (
            build.get("context") or build.get("dockerfile") or told.get("extends")
        )
        thin = role is Role.APP and _THIN.issuperset(one.key.text for one in told.entries)
        changes = changes or thin or (isinstance(build, Mapping) and not told_of)
    return Sketch(
        frozenset(complete),
        frozenset(partial),
        frozenset(needs),
        runs,
        stores,
        frozenset(builds),
        frozenset(names),
        frozenset(_within(folder, each) for each in _included(top.get("include"))),
        frozenset(numbers),
        changes,
        frozenset(lasting),
        frozenset(built),
        frozenset(worked),
        mounts,
        certifies,
    )


def others(tree: Files, chosen: frozenset[str]) -> Iterator[Beside]:
    """What the Compose files start that are no part of the project."""
    for path in tree.ending(".yml", ".yaml"):
        if path not in chosen and "compose" in words(posixpath.basename(path)):
            told, place = sketch(tree, (path,)), Span(path, 0, 0)
            names, ports = sorted(map(str.lower, told.complete)), (Known(each, place) for each in sorted(told.numbers))
            yield Beside(
                id=f"compose:{path}",
                name=path,
                side=Side.LOCAL,
                span=place,
                path=path,
                names=tuple(names),
                ports=tuple(ports),
            )


def _numbers(ports: object) -> Iterator[int]:
    """The numbers that stand in ports, those of defaults in `${PORT:-5432}` too."""
    for item in ports.items if isinstance(ports, Sequence) else ():
        shown = item.get("published") if isinstance(item, Mapping) else item
        yield from map(int, _NUMBER.findall(shown.text)) if isinstance(shown, Scalar) else ()


def _lasts(told: Mapping) -> bool:
    """Whether Docker starts a service again whatever happens: `restart: ${RESTART:-always}`, or Swarm does."""
    restart, deploy = told.get("restart"), told.get("deploy")
    if isinstance(restart, Scalar):
        return restart.text.rstrip("}").endswith(("always", "unless-stopped"))
    policy = deploy.get("restart_policy") if isinstance(deploy, Mapping) else None
    condition = policy.get("condition") if isinstance(policy, Mapping) else None
    return policy is not None and (not isinstance(condition, Scalar) or condition.text == "any")


def _is_for_work(build: object) -> bool:
    """Whether the Dockerfile or the stage of a build is called after development."""
    named = (build.get(key) for key in ("dockerfile", "target")) if isinstance(build, Mapping) else ()
    return any(isinstance(each, Scalar) and speaks_of_development(posixpath.basename(each.text)) for each in named)


def _has_sources(told: Mapping, folder: str) -> bool:
    """Whether the folder that a service is built in, or the one of the file, is mounted or watched."""
    build, develop, volumes = told.get("build"), told.get("develop"), told.get("volumes")
    context = build.get("context") if isinstance(build, Mapping) else build
    own = {_within(folder, "."), _within(folder, context.text if isinstance(context, Scalar) else ".")}
    mounted = []
    for each in volumes.items if isinstance(volumes, Sequence) else ():
        shown = each.get("source") if isinstance(each, Mapping) else each
        source = shown.text.partition(":")[0] if isinstance(shown, Scalar) else ""
        mounted += [_within(folder, source)] if source.startswith(".") else []
    return isinstance(develop, Mapping) or not own.isdisjoint(mounted)


def _certifying(told: Mapping) -> Iterator[str]:
    """The texts of a service in which words tell that it asks for certificates: image, labels, command."""
    if isinstance(called := told.get("image"), Scalar):
        yield called.text
    for key in ("labels", "command"):
        if isinstance(given := told.get(key), Scalar):
            yield given.text
        else:
            yield from _entries(given)


def _within(folder: str, path: str) -> str:
    """A path as it lies in the tree; that of the root is empty."""
    joined = posixpath.normpath(posixpath.join(folder, path))
    return "" if joined == "." else joined


def _included(told: object) -> Iterator[str]:
    """The files that `include` names."""
    for each in told.items if isinstance(told, Sequence) else ():
        path = each.get("path") if isinstance(each, Mapping) else each
        for one in path.items if isinstance(path, Sequence) else (path,):
            if isinstance(one, Scalar):
                yield one.text


def _entries(told: object) -> Iterator[str]:
    """The entries of a list or the keys of a mapping."""
    if isinstance(told, Mapping):
        yield from (each.key.text for each in told.entries)
    elif isinstance(told, Sequence):
        yield from (each.text for each in told.items if isinstance(each, Scalar))


def _with_defaults(image: str) -> str:
    """The name of an image with the defaults of its variables, without a tag that has none: `postgres:${VERSION}`."""
    return _DEFAULT.sub(lambda found: found[1], image).partition(":$")[0]


def _role(given: str, told: object, name: str) -> Role | None:
    if not isinstance(told, Scalar):
        return None
    found = image.parse(given)
    return Role.APP if found is None else image_role(image.engine_of(found, told.span), name)
