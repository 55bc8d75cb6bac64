"""What policies that AWS manages say of secrets and parameters."""

from __future__ import annotations

from msgspec import Struct

from policyengine.knowledge.loading import FactTable, table


class ManagedPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """The actions on secrets and parameters that a policy allows on every resource; none where it says nothing."""

    actions: tuple[str, ...]
    source: str


class AwsPolicies(FactTable, frozen=True):
    """The table: policies that AWS manages, by the last part of their ARN."""

    managed: dict[str, ManagedPolicy]


def managed_policy(name: str) -> tuple[str, ...] | None:
    """The actions on secrets and parameters that a policy allows, None for one that is not known here."""
    found = table("aws_policies", AwsPolicies).managed.get(name)
    return None if found is None else found.actions
