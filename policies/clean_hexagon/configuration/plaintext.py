"""Secrets in the cloud come from a manager (HEX306)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clean_hexagon.configuration.secret_names import USERINFO, is_secret_key
from policyengine.api import (
    Compared,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Origin,
    Outcome,
    Service,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    is_public,
    regex,
    rule,
    secrecy,
    secrecy_of_reference,
    secrecy_of_value,
    undecided,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clean_hexagon.options import Options


@rule(
    "HEX306",
    mandate="3.2",
    severity=Severity.ERROR,
    tags=("security",),
    cwe=(526,),
    security=7.5,
    message={
        "default": "'{key}' of '{name}' is a plaintext value in the task definition.",
        "traced": "'{key}' of '{name}' is plaintext in the task definition and holds '{source}'.",
    },
)
def plaintext_secret_in_cloud(graph: Graph, options: Options) -> Iterator[Outcome]:
    """A secret stands in `environment` of an ECS container.

    Task definitions are readable by everybody with `ecs:DescribeTaskDefinition`, every revision is kept, and the value
    is shown in the console. `secrets` with `valueFrom` gives the container the same variable from Secrets Manager or
    the Parameter Store.

    Reported are names such as *_SECRET, *_TOKEN, *_PASSWORD, *_API_KEY, DATABASE_URL with a literal, or with a value
    that comes, also through locals, from a password variable, random_password, a secret's data or a resource's
    password. Public keys, ARNs, flags, lifetimes and URLs without user information are no secrets. The place reported
    is the name of the variable in the task definition, where the entry is to be moved, never the value.
    """
    del options
    seen: set[Span] = set()
    for service in graph.all(Service, side=Side.CLOUD):
        if service.environment:
            yield Compared(service)
        for variable in service.environment:
            if variable.origin is Origin.ENVIRONMENT and variable.key_span not in seen:
                seen.add(variable.key_span)  # one entry may make a variable of many containers
                yield from _plaintext(service, variable)


def _plaintext(service: Service, variable: Variable) -> Iterator[Outcome]:
    secret_named = is_secret_key(variable.key)
    source = next((each for each in variable.references if secrecy_of_reference(each) == "secret"), "")
    if not source and secret_named and not _plain_address(variable):
        source = next((each for each in variable.references if secrecy_of_reference(each) == "doubtful"), "")
    if source and (secret_named or not is_public(variable.key)):
        yield Finding(
            subject=service,
            at=variable.key_span,
            variant="traced",
            args={"key": variable.key, "name": service.name, "source": source},
            fix=Fix(f"move {variable.key} to 'secrets' with a valueFrom"),
        )
        return
    match variable.value:
        case Known(text) if secret_named and not variable.references and _literal_secret(variable.key, text):
            yield _literal(service, variable)
        case Floating(text) if secret_named and (found := USERINFO.match(text)) and "${" not in found["password"]:
            yield _literal(service, variable)
        case Unknown() if secret_named:
            yield from undecided(service, variable.value)
        case _:
            return


_ADDRESS = regex(r"\.(?:\w*_)?(?:address|endpoint|fqdn|host|dns_name)$")


def _plain_address(variable: Variable) -> bool:
    """Whether the known value of `REDIS_URL` and the like holds an address without a password."""
    if secrecy(variable.key) != "address" or not isinstance(variable.value, Known | Floating):
        return False
    text = variable.value.value
    if text.startswith("${") and text.endswith("}"):
        return any(_ADDRESS.search(each) for each in variable.references)
    return "://" in text and USERINFO.match(text) is None


def _literal(service: Service, variable: Variable) -> Finding:
    return Finding(
        subject=service,
        at=variable.key_span,
        args={"key": variable.key, "name": service.name},
        fix=Fix(f"move {variable.key} to 'secrets' with a valueFrom"),
    )


def _literal_secret(key: str, text: str) -> bool:
    """Whether a literal in the cloud is a secret: any text that is no flag, number, ARN, path or plain URL."""
    text = text.strip()
    if not text or text.isdecimal() or secrecy_of_value(text) is not None:
        return False
    if USERINFO.match(text):
        return True
    return "://" not in text and secrecy(key) != "address"
