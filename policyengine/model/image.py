"""Image references, versions, and what a public image is: its engine, the version its tag tells, its variant.

`parse("public.ecr.aws/docker/library/postgres:16.4-alpine")` and `parse("postgres:16.4-alpine")` name one repository,
`postgres` at `docker.io`; `ImageRef.text` keeps what was written. `engine_of` reads the tag by the grammar of its
repository: `16.4` decides a Postgres, `16-alpine` leaves the minor open (`Floating`), `latest` tells nothing
(`Unknown`). What is known of images stands in `policyengine.knowledge`.
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from policyengine.knowledge.images import Image, Purpose, codename, image, is_sample, release_numbers, suggested
from policyengine.knowledge.mirrors import DOCKER_HUB, normalised
from policyengine.knowledge.tags import TagFact, meant
from policyengine.model.value import Floating, Known, Unknown, Value
from policyengine.patterns import regex

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.text import Text

_PATH = regex(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*\Z")
_HOST = regex(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d+)?\Z")
_TAG = regex(r"\w[\w.-]{0,127}\Z", re.ASCII)
_DIGEST = regex(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}\Z")
_LONGEST = 4096


@total_ordering
class Version(Struct, frozen=True):
    """A version as far as it was given: `16` is (16, None, None), `16.4` is (16, 4, None).

    Two versions are equal when they give the same numbers; `agrees` compares only what both give.
    """

    major: int
    minor: int | None = None
    patch: int | None = None

    @property
    def parts(self) -> tuple[int, ...]:
        """The numbers that were given."""
        return tuple(part for part in (self.major, self.minor, self.patch) if part is not None)

    def agrees(self, other: Version) -> bool:
        """Whether no number that both give differs: `16` agrees with `16.4`, `16.3` does not."""
        return all(here == there for here, there in zip(self.parts, other.parts, strict=False))

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.parts < other.parts

    def __ge__(self, other: object) -> bool:
        """As `total_ordering` would have it, which takes the comparison of a Struct for one of ours."""
        return NotImplemented if not isinstance(other, Version) else self.parts >= other.parts

    def __str__(self) -> str:
        return ".".join(map(str, self.parts))


_VERSION = regex(r"[vV]?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?![\w])", re.ASCII)


def version(text: str) -> Version | None:
    """The version that `text` starts with (`16.4`, `v7`, `22.3.1-rc1`, `6.x`), or None."""
    match = _VERSION.match(text)
    if match is None:
        return None
    major, minor, patch = match.groups()
    return Version(int(major), None if minor is None else int(minor), None if patch is None else int(patch))


class ImageRef(Struct, frozen=True, eq=False):
    """A reference to an image, normalised: mirrors and pull-through caches name what they mirror.

    `repository` is without `library/` on Docker Hub: `postgres`, `pgvector/pgvector`. A part that the files do not
    decide is Unknown: of `${REGISTRY}/acme/app:${TAG}` the registry and the tag, of `ghcr.io/${OWNER}/app` what stands
    before the repository `app`. `text` is the reference as written; `tag_at` is where the tag stands in it.
    """

    registry: str | Unknown
    repository: str
    tag: str | Unknown | None = None
    digest: str | Unknown | None = None
    text: str = ""
    tag_at: tuple[int, int] | None = None

    def __eq__(self, other: object) -> bool:
        """Two references are equal when they name the same image, however they are written."""
        return isinstance(other, ImageRef) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def undecided(self) -> tuple[Unknown, ...]:
        """Why parts of the reference are not decided; empty when all are."""
        return tuple(part for part in (self.registry, self.tag, self.digest) if isinstance(part, Unknown))

    @property
    def _identity(self) -> tuple[object, ...]:
        if self.undecided:  # the same image when written alike, wherever that stands
            return (self.repository, self.text)
        return self.registry, self.repository, self.tag, self.digest

    @property
    def name(self) -> str:
        """The repository as the fact tables and messages name it: `postgres`, `ghcr.io/acme/app`, `…/app`."""
        if self.registry == DOCKER_HUB:
            return self.repository
        return f"{'…' if isinstance(self.registry, Unknown) else self.registry}/{self.repository}"

    @property
    def is_sample(self) -> bool:
        """Whether it is a publisher's hello-world, which stands for what the first deployment brings."""
        return is_sample(self.name)

    @property
    def basename(self) -> str:
        """The last component of the repository."""
        return self.repository.rpartition("/")[2]

    @property
    def effective_tag(self) -> str | None:
        """The tag that Docker pulls: `latest` when neither tag nor digest is given, None when that is not decided."""
        if self.tag is None and self.digest is None:
            return "latest"
        return None if isinstance(self.tag, Unknown) else self.tag

    @property
    def shown(self) -> str:
        """The reference as written, its digest cut to a length that people read."""
        named, at, digest = (self.text or str(self)).partition("@")
        return f"{named}@{digest[:19]}…" if at else named

    def retagged(self, tag: str) -> str:
        """The reference as written with another tag, and without a digest."""
        written = self.text.partition("@")[0]
        if self.tag_at is None:
            return f"{written}:{tag}"
        start, end = self.tag_at
        return f"{written[:start]}{tag}{written[end:]}"

    def __str__(self) -> str:
        if self.undecided:
            return self.text
        tag = "" if self.tag is None else f":{self.tag}"
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.name}{tag}{digest}"


def parse(text: str) -> ImageRef | None:
    """The reference that `text` is, normalised; None when Docker would refuse it."""
    if not text or len(text) > _LONGEST:
        return None
    named, at, digest = text.partition("@")
    if at and _DIGEST.match(digest) is None:
        return None
    slash = named.rfind("/")
    colon = named.find(":", slash + 1)
    path, tag, tag_at = named, None, None
    if colon >= 0:
        path, tag, tag_at = named[:colon], named[colon + 1 :], (colon + 1, len(named))
        if _TAG.match(tag) is None:
            return None
    head, _, rest = path.partition("/")
    if rest and ("." in head or ":" in head or head == "localhost" or head.lower() != head):
        if _HOST.match(head) is None:
            return None
        host, path = head.lower(), rest
    else:
        host = DOCKER_HUB
    if _PATH.match(path) is None:
        return None
    registry, repository = normalised(host, path)
    return ImageRef(registry, repository, tag, digest if at else None, text, tag_at)


def read(text: Text) -> ImageRef | Unknown:
    """The reference that a text is. What of it is not decided is Unknown; all of it, where the repository's name is."""
    text = text.strip()
    if text.decided:
        return parse(text.written) or Unknown(f"{text.written!r} is no image reference", text.place, text.via)
    named, digest = text.partition("@")
    colon = named.find(":", named.rfind("/") + 1)
    path, tag = (named, None) if colon < 0 else (named.cut(0, colon), named.cut(colon + 1))
    folders = path.split("/")
    last = max((number for number, each in enumerate(folders) if not each.decided), default=-1)
    repository = "/".join(each.written for each in folders[last + 1 :])
    found = parse(repository)
    parts = (tag, _TAG), (digest, _DIGEST)
    if found is None or any(part and part.decided and not shape.match(part.written) for part, shape in parts):
        unknown = folders[-1].value()
        reason = unknown.reason if isinstance(unknown, Unknown) else f"{text.written!r} is no image reference"
        return Unknown(reason, text.place, text.via)
    return ImageRef(
        found.registry if last < 0 else _told(folders[last]),
        found.repository if last < 0 else repository,
        None if tag is None else _told(tag),
        None if digest is None else _told(digest),
        text.written,
        None if tag is None else (colon + 1, len(named.written)),
    )


def tag_of(text: Text) -> str | None:
    """The tag that a reference ends in, whatever else of it is not decided; None where it has none, or a digest."""
    named, digest = text.strip().partition("@")
    tag = named.cut(named.rfind("/") + 1).partition(":")[1]
    return tag.written if tag is not None and digest is None and tag.decided and _TAG.match(tag.written) else None


def _told(text: Text) -> str | Unknown:
    return text.unknown or text.written


class Engine(Struct, frozen=True):
    """What an image is. `name` is the engine's own word (`postgres`, `redis`, `node`).

    `version` is Known when the tag decides as much as that engine's releases are counted in (Postgres: major and
    minor; most others: three numbers), Floating when a part of it moves, Unknown when the tag tells no major.
    `variant` is the rest of the tag (`alpine3.24`, `slim-bookworm`), empty for the default. `extensions` holds what
    the image provides beyond the engine (`vector`), each with its version. `fact` is what a floating tag meant.
    `certain` is False when only the last component of an unknown repository suggests the engine; `numbered` when its
    tags name no versions.
    """

    name: str
    purpose: Purpose
    version: Value[Version]
    variant: str = ""
    extensions: tuple[tuple[str, Value[Version]], ...] = ()
    fact: TagFact | None = None
    certain: bool = True
    numbered: bool = True

    def extension(self, name: str) -> Value[Version] | None:
        """The version of an extension that the image provides, or None."""
        return dict(self.extensions).get(name)

    @property
    def libc(self) -> Literal["musl", "glibc"]:
        """The C library of the variant: musl for Alpine, glibc otherwise."""
        return "musl" if "alpine" in self.variant or self.name == "alpine" else "glibc"


def engine_of(ref: ImageRef, span: Span) -> Engine | None:
    """What the image is, or None for an image that no table knows. `span` is where the reference stands."""
    found = image(ref.name)
    if found is not None:
        return _read_tag(ref, found, span)
    found = suggested(ref.basename)
    if found is None:
        return None
    reason = f"the tags of {ref.name} follow no known scheme"
    return Engine(found.engine, found.purpose, Unknown(reason, span), certain=False)


def runtime_of(image: Value[ImageRef] | None) -> Engine | None:
    """The language that a public image brings (`node` with its version), or None for another image."""
    if not isinstance(image, Known | Floating):
        return None
    found = engine_of(image.value, image.span)
    return found if found is not None and found.certain and found.purpose == "runtime" else None


def release_of(runtime: str, text: str) -> Version | None:
    """The version that a version file or a setup action means: `v22`, `lts/jod`, `temurin-17.0.9`, `3.x`.

    None for `latest`, a range and other names that move.
    """
    name = text.strip().lower().rpartition("/")[2]
    major = codename(runtime, name)
    return version(_DISTRIBUTION.sub("", name)) if major is None else Version(major)


def allows_major(wanted: str, major: int) -> bool:
    """Whether a range of npm (`>=20.9 <23 || ^24`) allows a version with that major; True for what is no range.

    As node-semver reads ranges, at the grain of majors: `<21` does not allow 21, `<21.5` may.
    """
    return any(_within(each, major) for each in wanted.split("||"))


def _within(alternative: str, major: int) -> bool:
    between = _HYPHEN.fullmatch(alternative.strip())
    if between is not None:
        return int(between[1]) <= major <= int(between[2])
    for operator, number, rest in _COMPARATOR.findall(alternative):
        bound, more = int(number), rest.replace(".", "").strip("0x*X")
        allowed = {
            "<": major < bound or (major == bound and more != ""),
            "<=": major <= bound,
            ">": major > bound or (major == bound and rest != ""),
            ">=": major >= bound,
        }
        if not allowed.get(operator, major == bound):
            return False
    return True


_HYPHEN = regex(r"v?(\d{1,6})[\d.xX*]*\s+-\s+v?(\d{1,6})[\d.xX*]*")
_COMPARATOR = regex(r"(?<![\d.\w])([<>]=?|[~^=]*)\s*v?(\d{1,6})((?:\.[\dxX*]+)*)")
_DISTRIBUTION = regex(r"\A[a-z]+-(?=\d)")


def tag_fact(ref: ImageRef) -> TagFact | None:
    """What the tag of the reference meant on the day of the bundled table, or None where the table is silent."""
    tag = ref.effective_tag
    return None if tag is None or ref.digest is not None else meant(ref.name, tag)


class Meaning(Struct, frozen=True):
    """The version that a moving tag meant on the date of the table; tags only move up."""

    version: Version
    date: str


def meaning(ref: ImageRef) -> Meaning | None:
    """What version the tag of the reference meant, or None where the table is silent."""
    fact = tag_fact(ref)
    meant_then = None if fact is None else version(fact.tag)
    return None if fact is None or meant_then is None else Meaning(meant_then, fact.date)


def tag_for(ref: ImageRef, wanted: Version) -> str | None:
    """The tag of a Postgres version in the scheme of the reference's own tag; None where it might not exist."""
    written = ref.tag if isinstance(ref.tag, str) else ""
    head, _, variant = written.partition("-")
    if ref.name == "pgvector/pgvector":
        ahead, _, major = written.rpartition("pg")
        return f"{ahead}pg{wanted.major}" if major.isdigit() and int(major) != wanted.major else None
    if ref.name != "postgres":
        return None
    numbers = [int(part) for part in head.split(".") if part.isascii() and part.isdigit()]
    if (numbers or head == "latest") and not variant:
        return str(wanted)
    if (numbers and variant == "alpine") or written == "alpine":
        return f"{wanted}-alpine"
    if len(numbers) == 2 and numbers[0] == wanted.major and wanted.minor is not None and numbers[1] < wanted.minor:
        return f"{wanted}-{variant}"
    return None


def counted(engine: str, given: Version, span: Span) -> Value[Version]:
    """`given` as the value it is for an engine: Known when it names a release, Floating when a part still moves.

    Postgres releases are `major.minor` from 10 on, everything else is counted in three numbers. Numbers that a
    packager appends (`16.4.0`) are dropped, so that equal releases are equal.
    """
    wanted = release_numbers(engine, given.major)
    if len(given.parts) < wanted:
        return Floating(given, span)
    return Known(Version(*given.parts[:wanted]), span)


_PG = regex(r"(?:^|[-_.])pg(\d{1,3})(?:\.(\d{1,3}))?(?=[-_]|\Z)")
_LEADING = regex(r"[vV]?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.\d+)*(?=[-_+]|\Z)", re.ASCII)
_PRERELEASE = regex(r"\A[vV]?[\d.]+-?(?:alpha|beta|rc)\.?\d*", re.IGNORECASE)


def _read_tag(ref: ImageRef, entry: Image, span: Span) -> Engine:
    tag = ref.effective_tag
    fact = tag_fact(ref)
    found: Value[Version]
    variant = ""
    extension: Value[Version] = Unknown("the tag does not tell the extension's version", span)
    if entry.version:
        given = version(entry.version)
        found = Unknown("the tag tells no version", span) if given is None else Floating(given, span)
        variant = tag or ""
    elif tag is None:
        found = Unknown(f"the digest of {ref.name} does not tell its version", span)
        if isinstance(ref.tag, Unknown):
            found = Unknown(ref.tag.reason, span, ref.tag.via)
    elif entry.grammar == "pg":
        found, variant, extension = _pg(tag, entry, span, extension)
    elif entry.grammar in {"version", "lead", "supabase"}:
        found, variant = _leading(tag, entry, span)
    else:
        found = Unknown(f"the tag {tag!r} of {ref.name} does not tell the version of {entry.engine}", span)
        variant = tag
    extensions = tuple((name, extension) for name in entry.extensions)
    return Engine(entry.engine, entry.purpose, found, variant, extensions, fact, numbered=entry.grammar != "none")


def _pg(tag: str, entry: Image, span: Span, extension: Value[Version]) -> tuple[Value[Version], str, Value[Version]]:
    match = _PG.search(tag)
    if match is None:
        return Unknown(f"the tag {tag!r} tells no Postgres version", span), tag, extension
    major, minor = match.groups()
    found = counted(entry.engine, Version(int(major), None if minor is None else int(minor)), span)
    ahead = version(tag[: match.start()]) if match.start() else None
    if ahead is not None:
        extension = counted("vector", ahead, span)
    return found, tag[match.end() :].lstrip("-_"), extension


def _leading(tag: str, entry: Image, span: Span) -> tuple[Value[Version], str]:
    match = _LEADING.match(tag)
    if match is None:
        prerelease = _PRERELEASE.match(tag)
        given = version(re.sub(r"(?i)-?(?:alpha|beta|rc).*", "", prerelease[0])) if prerelease else None
        if prerelease is not None and given is not None:
            return Floating(given, span), tag[prerelease.end() :].lstrip("-_")
        variant = tag if tag not in {"latest", "stable", "edge"} else ""
        named = codename(entry.engine, tag)
        if named is not None:
            return Floating(Version(named), span), variant
        return Unknown(f"the tag {tag!r} fixes no version", span), variant
    numbers = [None if part is None else int(part) for part in match.groups()]
    kept = {"lead": 1, "supabase": 2}.get(entry.grammar, 3)
    given = Version(numbers[0] or 0, *numbers[1:kept])
    return counted(entry.engine, given, span), tag[match.end() :].lstrip("-_+")
