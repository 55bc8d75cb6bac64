"""Which registry an image comes from in truth: mirrors and pull-through caches name what they mirror."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from policyengine.knowledge.loading import Cited, FactTable, table
from policyengine.patterns import regex

DOCKER_HUB = "docker.io"

_ECR = regex(r"\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com(?:\.cn)?|on\.aws)\Z")
_ARTIFACT_REGISTRY = regex(r"[a-z0-9-]+-docker\.pkg\.dev\Z")


class Mirror(Struct, frozen=True, forbid_unknown_fields=True):
    """A host, or the first folder of a path in a private registry, that hands on the images of `registry`."""

    registry: str
    source: str


class Owner(Struct, frozen=True, forbid_unknown_fields=True):
    """What an owner's name stands for.

    `official`: Docker's official images; `architecture`: the same images built for one processor; `twin`: a publisher
    whose names on the public ECR gallery are those on Docker Hub.
    """

    kind: Literal["architecture", "official", "twin"]
    source: str


class Mirrors(FactTable, frozen=True):
    """The table: public registries and mirrors by host, names of proxies by the first folder, owners.

    `clouds` are endings of the hosts at which a cloud keeps its customers' own images.
    """

    clouds: dict[str, Cited]
    hosts: dict[str, Mirror]
    prefixes: dict[str, Mirror]
    owners: dict[str, Owner]

    def owned(self, path: str, *kinds: str) -> bool:
        """Whether the first folder of a path is an owner of one of the kinds."""
        owner, slash, _ = path.partition("/")
        return bool(slash) and owner in self.owners and self.owners[owner].kind in kinds


def in_cloud(reference: str) -> bool:
    """Whether a reference, as written, names a registry of a cloud in which its customers keep their own images."""
    return reference.partition("/")[0].endswith(tuple(table("mirrors", Mirrors).clouds))


def is_public(registry: str) -> bool:
    """Whether a registry is one in which everybody publishes images: Docker Hub, ghcr.io, quay.io; no cloud's."""
    hosts = table("mirrors", Mirrors).hosts.values()
    return not in_cloud(registry) and any(each.registry == registry for each in hosts)


def normalised(host: str, path: str) -> tuple[str, str]:
    """The registry and the repository that a reference names; on Docker Hub without `library/`."""
    mirrors = table("mirrors", Mirrors)
    if host in mirrors.hosts:
        registry = mirrors.hosts[host].registry
        if registry == DOCKER_HUB:
            official = mirrors.owned(path, "official", "architecture")
            return DOCKER_HUB, path.partition("/")[2] if official else path
        if registry == "public.ecr.aws":
            if path.startswith("docker/library/"):
                return DOCKER_HUB, path.removeprefix("docker/library/")
            return (DOCKER_HUB if mirrors.owned(path, "twin") else registry), path
        return registry, path
    parts = path.split("/")
    if "dependency_proxy" in parts:  # GitLab: <group>/dependency_proxy/containers/<image>
        at = parts.index("dependency_proxy")
        if parts[at + 1 : at + 2] == ["containers"] and len(parts) > at + 2:
            return DOCKER_HUB, "/".join(parts[at + 2 :]).removeprefix("library/")
    if _ARTIFACT_REGISTRY.match(host) and len(parts) > 2:  # <project>/<repository>/<image>
        parts = parts[1:]
    upstream = mirrors.prefixes.get(parts[0]) if len(parts) > 1 else None
    if upstream is not None and upstream.registry == DOCKER_HUB:
        return DOCKER_HUB, "/".join(parts[1:]).removeprefix("library/")
    if upstream is not None and (_ECR.match(host) or "." in parts[0]):
        return normalised(upstream.registry, "/".join(parts[1:]))
    if parts[-2:-1] == ["library"]:  # a proxy project of another name
        return DOCKER_HUB, parts[-1]
    return host, path
