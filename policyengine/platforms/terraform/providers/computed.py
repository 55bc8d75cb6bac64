"""Attributes that a provider computes from the arguments alone, so that the files decide them before anything exists.

Source: the "Attribute Reference" of each resource in the documentation of hashicorp/aws 5 and 6, read on 2026-11-20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.knowledge.ports import port_of_engine
from policyengine.knowledge.terraform_attributes import id_argument, port_engine
from policyengine.model.value import Known, Via
from policyengine.patterns import regex
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.plain import to_string
from policyengine.platforms.terraform.language.values import (
    Composite,
    Object,
    Reference,
    Tree,
    decided,
    plain,
    through,
)

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.platforms.terraform.workspace.attributes import Asked
    from policyengine.platforms.terraform.workspace.folders import Declared
    from policyengine.platforms.terraform.workspace.project import Project

_PASSED = regex(r"\baws(?:\.([\w-]+))?\"?\s*[=:]\s*\"?aws(?:\.([\w-]+))?")


def computed(project: Project, asked: Asked) -> Tree | None:
    """What an attribute that no argument gives is; None where AWS decides.

    Raises:
        Needs: a value must be computed first.
    """
    instance = _Instance(project, asked)
    name = asked.reference.attribute
    match asked.kind, name:
        case "data.aws_default_tags", "tags":
            return _default_tags(instance)
        case "data.aws_caller_identity", "account_id" | "id":
            return _account(instance)
        case "data.aws_region", "name" | "region" | "id":
            return _setting(instance, "region")
        case "data.aws_partition", "partition" | "id":
            return _partition(instance, asked.declared.span)
        case "aws_db_instance", "endpoint":
            return _endpoint(instance)
        case "aws_s3_bucket", _ if name != "id":
            return _bucket(instance, name)
        case "aws_route53_record", "fqdn":
            return _fqdn(instance)
        case kind, "id" if (argument := id_argument(kind)) is not None:
            return instance.argument(argument)
        case kind, "port" if (engine := port_engine(kind)) is not None:
            return _port(instance, engine)
        case _:
            return None


class _Instance(Struct, frozen=True):
    """One instance of a resource or data source."""

    project: Project
    asked: Asked

    @property
    def declared(self) -> Declared:
        """Its block."""
        return self.asked.declared

    def argument(self, name: str) -> Tree | None:
        """An argument; None where it is not given, or null."""
        return self.asked.argument(self.project, name)

    def text(self, name: str) -> Known[str] | None:
        """An argument that is a text of which every part is known."""
        return _text(self.argument(name))


def _text(tree: Tree | None) -> Known[str] | None:
    """A tree as a text, with the places it came from."""
    if tree is None or not decided(tree):
        return None
    value = plain(tree)
    return Known(value, tree.span, tree.via) if isinstance(value, str) else None


def _made(value: str, *parts: Known[str]) -> Tree:
    """A text made of known ones, at the place of the first, with what all of them passed."""
    steps = [step for part in parts for step in part.via]
    return through(Known(value, parts[0].span), *dict.fromkeys(steps))


def _bucket(instance: _Instance, name: str) -> Tree | None:
    bucket = instance.text("bucket")
    if bucket is None:
        return None
    region = _setting(instance, "region")
    match name:
        case "arn":
            partition = _partition(instance, bucket.span)
            return None if partition is None else _made(f"arn:{partition.value}:s3:::{bucket.value}", bucket)
        case "bucket_domain_name":
            return _made(f"{bucket.value}.s3.amazonaws.com", bucket)
        case "bucket_regional_domain_name" if region is not None:
            return _made(f"{bucket.value}.s3.{region.value}.amazonaws.com", bucket, region)
        case "region":
            return region
        case _:
            return None


def _port(instance: _Instance, unnamed: str) -> Tree | None:
    """The port that AWS takes where none is given; `unnamed` is the engine where none is named."""
    given = instance.argument("engine")
    engine = _text(given)
    if given is not None and engine is None:
        return None
    if instance.argument("replicate_source_db") is not None or instance.argument("snapshot_identifier") is not None:
        return None
    name = engine.value if engine is not None else unnamed
    port = port_of_engine(name)
    span = engine.span if engine is not None else instance.declared.span
    return None if port is None else Known(port, span, (Via(f"the default port of {name}", span),))


def _endpoint(instance: _Instance) -> Tree | None:
    """The address and the port of a database."""
    port = instance.argument("port") or _port(instance, "")
    if port is None or not decided(port):
        return None
    span = instance.declared.span
    address = Reference(instance.asked.reference.address, "address", span)
    return Composite((address, Known(":", span), Known(to_string(plain(port)), port.span, port.via)), span)


def _fqdn(instance: _Instance) -> Tree | None:
    """The name of a record, with that of its zone behind it unless it ends so."""
    record = instance.text("name")
    zone = instance.argument("zone_id")
    if record is None or not isinstance(zone, Reference) or zone.attribute not in ("zone_id", "id"):
        return None
    owner = _text(instance.project.attribute_at(zone.address, "name"))
    if owner is None:
        return None
    name, domain = record.value.rstrip(".").lower(), owner.value.rstrip(".").lower()
    if name == domain or name.endswith(f".{domain}"):
        return _made(name, record)
    return _made(f"{name}.{domain}" if name else domain, record, owner)


# the configuration of the aws provider


def _provider(instance: _Instance) -> Declared | None:
    """The provider configuration of a resource: its own, that of the calls above it, or the one without an alias."""
    project, module = instance.project, instance.asked.module
    own = project.attribute_of(instance.declared, "provider")
    alias = _alias(own[1].text[own[0].value.start : own[0].value.end]) if own is not None else ""
    while module.parent is not None and module.call is not None:
        passed = project.attribute_of(module.call, "providers")
        if passed is not None:
            text = passed[1].text[passed[0].value.start : passed[0].value.end]
            found = {inner or "": outer or "" for inner, outer in _PASSED.findall(text)}
            alias = found.get(alias, alias)
        module = module.parent
    for declared in project.folder.providers:
        if declared.block.label(0) == "aws":
            given = project.attribute_of(declared, "alias")
            name = _text(settled(given[0].value, project.root.frame(given[1]))) if given is not None else None
            if (name.value if name is not None else "") == alias:
                return declared
    return None


def _alias(reference: str) -> str:
    return reference.strip().strip('"').partition(".")[2]


def _setting(instance: _Instance, argument: str) -> Known[str] | None:
    """An argument of the provider, as a text."""
    project, declared = instance.project, _provider(instance)
    found = project.attribute_of(declared, argument) if declared is not None else None
    return None if found is None else _text(settled(found[0].value, project.root.frame(found[1])))


def _partition(instance: _Instance, span: Span) -> Known[str] | None:
    region = _setting(instance, "region")
    if region is None:
        return None
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("us-iso", ""), ("eu-isoe", "")):
        if region.value.startswith(prefix):
            return Known(partition, span, region.via) if partition else None
    return Known("aws", span, region.via)


def _account(instance: _Instance) -> Tree | None:
    """The only account that the provider may work in."""
    project, declared = instance.project, _provider(instance)
    found = project.attribute_of(declared, "allowed_account_ids") if declared is not None else None
    if found is None:
        return None
    tree = settled(found[0].value, project.root.frame(found[1]))
    accounts = plain(tree) if decided(tree) else None
    if isinstance(accounts, list) and len(accounts) == 1 and isinstance(accounts[0], str):
        return Known(accounts[0], tree.span, tree.via)
    return None


def _default_tags(instance: _Instance) -> Tree | None:
    project, declared = instance.project, _provider(instance)
    if declared is None:
        return None
    for block, source in project.blocks_of(declared):
        attribute = block.body.attribute("tags") if block.type == "default_tags" else None
        if attribute is not None:
            return settled(attribute.value, project.root.frame(source))
    return Object({}, instance.declared.span)
