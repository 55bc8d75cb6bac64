"""Managed services of clouds: by which hosts, variables and commands they are told, and which resources define them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table
from policyengine.knowledge.names import words

if TYPE_CHECKING:
    from collections.abc import Iterable


class CloudService(Struct, frozen=True, forbid_unknown_fields=True):
    """A managed service: its name, the ends of its host names, and how the types of its Terraform resources begin.

    A region may stand before the last two labels of a host of AWS. `words` stand in the names of modules that define
    it, `variables` are those that only its clients have, `deploys` the tools by which deployments to it are
    known, `logins` the actions and commands that let a pipeline push to it. `port` is the one to which it sends
    requests where none is named (0 for none).
    """

    title: str
    hosts: tuple[str, ...]
    types: tuple[str, ...]
    words: tuple[str, ...]
    source: str
    variables: tuple[str, ...] = ()
    deploys: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    port: int = 0

    def defined(self, types: Iterable[str], modules: Iterable[str]) -> bool:
        """Whether one of these types of resources is its own, or the name of one of these modules speaks of it."""
        known = set(self.words)
        return any(each.startswith(self.types) for each in types) or any(
            not known.isdisjoint((*words(each), *each.split("-"))) for each in modules
        )


class CloudServices(FactTable, frozen=True):
    """The table, by the names that commands give the services."""

    services: dict[str, CloudService]


def _all() -> dict[str, CloudService]:
    return table("cloud_services", CloudServices).services


def service_at(host: str) -> CloudService | None:
    """The managed service that a host belongs to: `db.x1.eu-west-1.rds.amazonaws.com`."""
    labels = host.lower().rstrip(".").split(".")
    plain = [labels]
    if labels[-2:] == ["amazonaws", "com"]:  # the region stands before or behind the service
        plain += [[*labels[:at], *labels[at + 1 :]] for at in range(max(0, len(labels) - 5), len(labels) - 2)]
    for each in _all().values():
        ends = tuple(f".{end}" for end in each.hosts)
        if any(f".{'.'.join(one)}".endswith(ends) for one in plain if ends):
            return each
    return None


def service_of_variable(key: str) -> CloudService | None:
    """The managed service whose clients have a variable: `SUPABASE_URL`."""
    return next((each for each in _all().values() if key in each.variables), None)


def service_of_deployment(tool: str) -> CloudService | None:
    """The managed service that a tool deploys to."""
    return next((each for each in _all().values() if tool in each.deploys), None)


def service_of_login(words: str) -> CloudService | None:
    """The registry that an action or a command logs in to: `aws ecr get-login-password --region eu-west-1`."""
    return next((each for each in _all().values() if each.logins and words.startswith(each.logins)), None)


def service_called(name: str) -> CloudService | None:
    """The managed service of which a command creates something."""
    return _all().get(name)
