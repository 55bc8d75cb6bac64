"""The words of names, and what they say: of an environment, of a part of a system, of tests.

A name has the same words however it joins them: `DB_PASSWORD`, `db-password`, `dbPassword`, `Db__Password`.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, field

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_WORD = regex(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LABEL = regex(r"(?:^|\.)(?:module|[a-z]+_\w+)\.([\w-]+(?:\[[^\]]*\])?)")
_LONGEST = 4
"""The most words that an entry of a table has."""
_SHORTEST = 3
"""The letters of the shortest word that may begin another."""


class EnvironmentWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word for an environment, and the name that all words for it share."""

    environment: str
    source: str


class Rank(Struct, frozen=True, forbid_unknown_fields=True):
    """How near an environment is to production; 0 is production itself."""

    rank: int
    source: str


class Synonym(Struct, frozen=True, forbid_unknown_fields=True):
    """A word for a part of a system, and the one that stands for all words that mean the same.

    Beside another word of that meaning it means something of its own: `frontend-webserver` is `front` and `web`.
    """

    means: str
    source: str
    beside: str = ""


FolderKind = Literal["beside", "built", "document", "example", "fixture", "foreign", "state", "test"]
"""What a folder holds instead of the application.

What stands beside it (`monitoring`), what is built of it, documents and demonstrations, examples and templates, data of
tests, code of others, what tools keep for themselves (`.git`), tests.
"""


class JobWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word in the name of a container that does one thing and ends; with `beside`, of one beside others only."""

    source: str
    beside: bool = False


class GateWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word in the name of a script that may bring up the stack or test it; an `action` may by its name alone."""

    source: str
    action: bool = False


class StandIn(Struct, frozen=True, forbid_unknown_fields=True):
    """A word in the name of a file that stands for one that is not committed; a `valueless` one shows names only."""

    source: str
    valueless: bool = False


class HolderWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word in the name of a variable that holds the name of a bucket or a queue; one that `tells` says so."""

    source: str
    tells: bool = False


class MachineWord(Struct, frozen=True, forbid_unknown_fields=True):
    """A word for what production runs on in the name of a file that starts it; a `vague` one may mean a part of it."""

    source: str
    vague: bool = False


class FolderName(Struct, frozen=True, forbid_unknown_fields=True):
    """What a folder of a name holds instead of the application.

    The files of an `unlisted` one are no part of the tree. `ending`: names that end in the word are meant too.
    """

    kind: FolderKind
    source: str
    unlisted: bool = False
    ending: bool = False


class Names(FactTable, frozen=True):
    """The table. `filler` are words that tell no part of a system from another: `service`, `app`.

    `any_part` are words that a service is called by whichever part it is, `duties` those for what a process does
    besides answering requests.
    """

    environments: dict[str, EnvironmentWord]
    nearest_to_production: dict[str, Rank]
    filler: dict[str, Cited]
    any_part: dict[str, Cited]
    synonyms: dict[str, Synonym]
    slots: dict[str, Cited]
    systems: dict[str, Cited]
    duties: dict[str, Cited]
    tests: dict[str, Cited]
    mocks: dict[str, Cited]
    stand_ins: dict[str, StandIn]
    elsewhere: dict[str, Cited]
    machines: dict[str, MachineWord]
    hosts: dict[str, Cited]
    retired: dict[str, Cited]
    holders: dict[str, HolderWord]
    deployments: dict[str, Cited]
    foundations: dict[str, Cited]
    infrastructure: dict[str, Cited]
    jobs: dict[str, JobWord]
    upkeep: dict[str, Cited]
    sites: dict[str, Cited]
    chores: dict[str, Cited]
    certificates: dict[str, Cited]
    dead_letters: dict[str, Cited]
    placeholders: dict[str, Cited]
    folders: dict[str, FolderName]
    gates: dict[str, GateWord]
    preparations: dict[str, Cited]
    publishing: dict[str, Cited]
    serving: dict[str, Cited]
    bookkeeping: dict[str, Cited]
    side_images: dict[str, Cited]
    browser_tests: dict[str, Synonym]
    _kinds: dict[str, frozenset[FolderKind]] = field(default_factory=dict)
    _parts: dict[str, frozenset[str]] = field(default_factory=dict)

    def parts(self, name: str) -> frozenset[str]:
        """The words of a name without those of an environment: `prod-api` is `api`; all of them if none is left."""
        if name not in self._parts:
            every = frozenset(words(name))
            deployed = {word for word in every if word in self.environments}
            tests = {word for word in deployed if self.environments[word].environment == "test"}
            self._parts[name] = frozenset(every - (deployed - tests)) or every
        return self._parts[name]

    def kind(self, folder: str) -> FolderKind | None:
        """What a folder of that name holds instead of the application."""
        if "{{" in folder:  # `{{cookiecutter.slug}}`
            return "example"
        found = self.folders.get(folder)
        if found is None:
            found = self.folders.get(folder[max(map(folder.rfind, "-_.")) + 1 :])
            return None if found is None or not found.ending else found.kind
        return found.kind

    def kinds(self, folder: str) -> frozenset[FolderKind]:
        """What a folder and those above it hold instead of the application."""
        if folder not in self._kinds:
            found = (self.kind(part.lower()) for part in folder.split("/"))
            self._kinds[folder] = frozenset(kind for kind in found if kind is not None)
        return self._kinds[folder]


def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case; a run of digits is a word too."""
    return tuple(word.lower() for word in _WORD.findall(name))


def runs(parts: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """The runs of up to four words of a name, with their range, joined: tables write `dead letter` for `deadletter`."""
    for start in range(len(parts)):
        for end in range(start + 1, min(start + _LONGEST, len(parts)) + 1):
            yield start, end, "".join(parts[start:end])


def joined(entries: Mapping[str, object]) -> frozenset[str]:
    """The keys of a part of a table as `runs` gives them."""
    return frozenset(entry.replace(" ", "") for entry in entries)


def _names() -> Names:
    return table("names", Names)


def environment(word: str) -> str:
    """The environment that a word names (`prod`, `staging`, `dev`, `test`, `local`), or an empty text."""
    found = _names().environments.get(word)
    return "" if found is None else found.environment


def deploys(word: str) -> bool:
    """Whether a word names production, or one of two places there that take turns: `blue`."""
    return environment(word) == "prod" or takes_turns(word)


def takes_turns(word: str) -> bool:
    """Whether a word tells which of two that take turns in production is meant: `blue`."""
    return word in _names().slots


def environment_words(name: str) -> tuple[str, ...]:
    """All words for an environment, its own name first, then those that begin with it: `prod`, `production`, `live`."""
    found = [word for word, entry in _names().environments.items() if entry.environment == name]
    return tuple(sorted(found, key=lambda word: (word != name, not word.startswith(name), word)))


def distance_to_production(name: str) -> int | None:
    """How far an environment is from production, which is 0; None for one that deploys nothing."""
    found = _names().nearest_to_production.get(name)
    return None if found is None else found.rank


def alike(one: str, other: str) -> bool:
    """Whether one name is the other, or a part of it: `worker` and `worker_fast`, `web` and `frontend-webserver`.

    Each word of the one is a word of the other, or begins one; those of an environment do not count.
    """
    mine, theirs = _names().parts(one), _names().parts(other)
    return _covers(mine, theirs) or _covers(theirs, mine) or _letters(one) == _letters(other)


@cache
def _letters(name: str) -> str:
    return "".join(words(name))


def _covers(longer: frozenset[str], shorter: frozenset[str]) -> bool:
    return all(
        any(each == word or (len(word) >= _SHORTEST and each.startswith(word)) for each in longer) for word in shorter
    )


def speaks_of_development(name: str) -> bool:
    """Whether a name has a word for the laptop or for development: `Dockerfile.dev`, `docker/local/Dockerfile`."""
    return any(environment(word) in ("dev", "local") for word in words(name))


def speaks_of_production(name: str) -> bool:
    """Whether a name has a word for production itself: `docker-compose.prod.yml`."""
    return any(environment(word) == "prod" for word in words(name))


def is_for_production(name: str) -> bool:
    """Whether a name has a word for production, or for what stands before it: `production.tfvars`, `uat`."""
    return any(environment(word) in ("prod", "staging") for word in words(name))


def duties(parts: Iterable[str]) -> frozenset[str]:
    """The words among these that tell what else than answering requests a process does: `beat`, `worker`."""
    return frozenset(each for each in map(meaning, parts) if each in _names().duties)


def is_filler(word: str) -> bool:
    """Whether a word tells no part of a system from another."""
    return word in _names().filler


def label(address: str) -> str:
    """What an address of Terraform calls a resource: its own label, or that of the nearest module that tells more.

    `module.reports_service.aws_ecs_task_definition.main` is `reports_service`.
    """
    labels = _LABEL.findall(address)
    return next(
        (each for each in reversed(labels) if not all(map(is_filler, words(each)))), labels[-1] if labels else ""
    )


def meaning(word: str) -> str:
    """The word that stands for all that mean the same: `web` for `frontend`; the word itself where none does."""
    found = _names().synonyms.get(word)
    return word if found is None else found.means


def may_be_any(words: frozenset[str]) -> bool:
    """Whether a service of that name may be any part that answers requests: `web` of Django or of a frontend."""
    return len(words) == 1 and words <= _names().any_part.keys()


def is_part(word: str) -> bool:
    """Whether a word is one that others mean: `api`, `worker`."""
    return any(entry.means == word for entry in _names().synonyms.values())


def meanings(parts: Iterable[str]) -> frozenset[str]:
    """What the words of one name mean together."""
    every = sorted(set(parts))
    told = [meaning(word) for word in every]
    found = set()
    for word, means in zip(every, told, strict=True):
        entry = _names().synonyms.get(word)
        found.add(entry.beside if entry is not None and entry.beside and told.count(means) > 1 else means)
    return frozenset(found)


def speaks_of_tests(word: str) -> bool:
    """Whether a word says that something serves the tests only."""
    return word in _names().tests


def speaks_of_sites(word: str) -> bool:
    """Whether a word says that a bucket serves a static site."""
    return word in _names().sites


def speaks_of_upkeep(word: str) -> bool:
    """Whether a word says that a store serves the infrastructure: logs, state, backups."""
    return word in _names().upkeep


def held(name: str) -> frozenset[str] | None:
    """What a variable calls the bucket or queue that it names: `export` of `EXPORT_BUCKET_NAME`; None for another."""
    known, parts = _names().holders, [word for word in name.lower().replace("-", "_").split("_") if word]
    if not any(word in known and known[word].tells for word in parts):
        return None
    return frozenset(word for word in parts if word not in known)


def tells_no_system(folder: str) -> bool:
    """Whether a folder of Terraform files is called as any is: `infra/terraform`; not `infra/billing`."""
    return all(part.lower() in _names().infrastructure for part in folder.split("/") if part)


def is_foundation(folder: str) -> bool:
    """Whether a folder of Terraform files is called after what all systems stand on: `infra/accounts`, `00-network`."""
    own = [word for word in words(folder.rpartition("/")[2]) if not word.isdigit()]
    return bool(own) and all(word in _names().foundations for word in own)


def without_deployment(folder: str) -> str | None:
    """The words of a folder's name without those for what an application may run on; None where there is none."""
    own = words(folder.rpartition("/")[2].replace("k8s", "kubernetes"))
    left = [word for word in own if word not in _names().deployments]
    return None if len(left) == len(own) else "-".join(left)


def machine(said: Sequence[str]) -> Literal["", "vague", "sure"]:
    """Whether words say on what production runs, and nothing else: `nas`, `aws`, `server`, which may be a part too."""
    known, whole = _names(), "".join(said)
    own = (whole,) if whole in known.machines else said
    if not own or not all(word in known.machines or word in known.deployments for word in own):
        return ""
    return "sure" if any(word in known.machines and not known.machines[word].vague for word in own) else "vague"


def hosts() -> tuple[str, ...]:
    """What says where an application runs other than Compose: files, folders with a slash, endings with a dot."""
    return tuple(_names().hosts)


def system_variables() -> tuple[str, ...]:
    """The variables and locals of Terraform that hold what the system as a whole is called."""
    return tuple(_names().systems)


def is_chore(word: str) -> bool:
    """Whether a word in the name of a workflow says that it is about something else than the system: `codeql`."""
    return word in _names().chores


def _says(name: str, entries: Mapping[str, object]) -> bool:
    known = joined(entries)
    return any(run in known for _, _, run in runs(words(name)))


def may_be_gate(name: str, *, action: bool = False) -> bool:
    """Whether a script of that name, or an action, may bring up the stack or test it: `ci/e2e.sh`."""
    gates = _names().gates
    return _says(name, {word: entry for word, entry in gates.items() if entry.action or not action})


def is_preparation(name: str) -> bool:
    """Whether the name of a step or an action says that it only prepares: checks out, sets up, logs in, builds."""
    return _says(name, _names().preparations)


def speaks_of_publishing(name: str) -> bool:
    """Whether the name of a workflow says that it publishes or deploys."""
    return _says(name, _names().publishing)


def speaks_of_certificates(text: str) -> bool:
    """Whether a text has a word for asking an authority for certificates: `certbot/certbot`, `tls.certresolver`."""
    return _says(text, _names().certificates)


def is_bookkeeping(table: str) -> bool:
    """Whether a table is what a tool keeps for itself: `_prisma_migrations`, `alembic_version`, `_AToB`."""
    return table.rpartition(".")[2].startswith("_") or _says(table, _names().bookkeeping)


def starts_application(name: str) -> bool:
    """Whether a package script or a sub-command of that name starts the application: `dev`, `start:prod`, `preview`."""
    said = words(name)
    known = _names()
    return bool(said) and said[0] in known.serving and known.mocks.keys().isdisjoint(said)


def is_side_image(name: str, *, first: bool = False) -> bool:
    """Whether an image of that name serves tests or the build, and is not what runs: `shop-test`, `buildcache`.

    With `first` the name, of a workflow, must begin so.
    """
    known = joined(_names().side_images)
    return any(run in known for start, _, run in runs(words(name)) if not (first and start))


def browser_tests(name: str) -> str:
    """The runner of the end-to-end tests that the name of a service tells, or an empty text."""
    known = _names().browser_tests
    return next((known[run].means for _, _, run in runs(words(name)) if run in known), "")


def is_dead_letters(name: str) -> bool:
    """Whether a queue of that name takes the messages that another one gave up."""
    known = joined(_names().dead_letters)
    return any(run.endswith(entry) for _, _, run in runs(words(name)) for entry in known)


def is_placeholder_host(host: str) -> bool:
    """Whether a host name is there to be replaced: `your-domain.com`, `app.example.org`."""
    known = joined(_names().placeholders)
    return any(run in known for _, _, run in runs(words(host)))


def folder_kind(name: str) -> FolderKind | None:
    """What a folder of that name (in lower case) holds instead of the application, or None."""
    return _names().kind(name)


def folder_kinds(path: str) -> frozenset[FolderKind]:
    """What the folders that a file lies in hold instead of the application, by its path; nothing for those of it."""
    return _names().kinds(path.rpartition("/")[0])


def unlisted_folders() -> frozenset[str]:
    """The folders whose files are no part of the tree: what version control, package managers and Terraform keep."""
    return frozenset(name for name, entry in _names().folders.items() if entry.unlisted)


def is_retired(path: str) -> bool:
    """Whether a folder of a path is called after what is no longer used: `infra/terraform-legacy`."""
    return any(word in _names().retired for word in words(path))


def stand_ins() -> tuple[str, ...]:
    """The words in the name of a file with the values of one that is not committed: `.env.example`."""
    return tuple(word for word, entry in _names().stand_ins.items() if not entry.valueless)


def is_example(name: str) -> bool:
    """Whether a file of that name shows what another would hold, or serves tests: `.env.example`, `.env.ci`."""
    return any(word in _names().stand_ins for word in words(name)) or is_for_tests(name)


def is_for_the_laptop(path: str) -> bool:
    """Whether no word of a path says that a file is for tests, for what is deployed, or put aside."""
    named = {environment(word) for word in words(path)}
    aside = any(word in _names().elsewhere for word in words(path)) or is_for_tests(path)
    return not aside and named.isdisjoint({"prod", "staging"})


def does_one_thing(name: str, *, beside: bool = False) -> bool:
    """Whether a container of that name does one thing and ends; `beside` tells that it only stands by others."""
    known = {entry.replace(" ", ""): word for entry, word in _names().jobs.items()}
    return any(run in known and (beside or not known[run].beside) for _, _, run in runs(words(name)))


def is_for_tests(path: str) -> bool:
    """Whether a word of a path says that a file serves tests only: `ci.env`, `e2e/.env`, `.env.test`, `mocks/.env`."""
    known = _names()
    return any(
        run in known.tests or run in known.mocks or environment(run) == "test" for _, _, run in runs(words(path))
    )
