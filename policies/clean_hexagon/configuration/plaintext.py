"""Secrets in the cloud come from a manager (HEX306)."""

from clean_hexagon.configuration.entries import given_as_secrets
from clean_hexagon.options import Options
from policyengine.api import (
    Compared,
    Finding,
    Fix,
    Floating,
    Graph,
    Known,
    Origin,
    Outcomes,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    in_place,
    is_public,
    password_in,
    regex,
    rule,
    secrecy,
    secrecy_of_reference,
    secrecy_of_value,
    undecided,
    unset,
)

GIVEN = frozenset({"ECS container", "Compose service"})
"""What is given secrets by the platform that it runs on; a function fetches them."""

_PASSWORD = regex(r"(?i)(?:[;?&]|\A)\s*(?:password|pwd)\s*=\s*[^;&\s]")
_ADDRESS = regex(r"\.(?:\w*_)?(?:address|endpoint|fqdn|host|dns_name|port)$")


@rule(
    "HEX306",
    mandate="3.2",
    severity=Severity.ERROR,
    remedy="Keep the value in a secret manager, and refer to it under 'secrets' with 'valueFrom'.",
    precision="very-high",
    tags=("security",),
    cwe=(526,),
    security=7.5,
    message={
        "default": "'{key}' of '{name}' is a plaintext value in the task definition.",
        "compose": "'{key}' of '{name}' is a plaintext value in the Compose file of production.",
        "traced": "'{key}' of '{name}' is plaintext in the task definition and holds '{source}'.",
    },
)
def plaintext_secret_in_cloud(graph: Graph, _: Options) -> Outcomes:
    """A secret stands in `environment` of an ECS container.

    Task definitions are readable by everybody with `ecs:DescribeTaskDefinition`, every revision is kept, and the value
    is shown in the console. `secrets` with `valueFrom` gives the container the same variable from Secrets Manager or
    the Parameter Store.

    Reported are names such as *_SECRET, *_TOKEN, *_PASSWORD, *_API_KEY, DATABASE_URL with a literal, or with a value
    that comes, also through locals, from a password variable, random_password, a secret's data or a resource's
    password; of an address with a password in it (`Server=db;Password=…`) whatever its name. Public keys, ARNs,
    flags, lifetimes and URLs without user information are no secrets. The place reported is the name of the
    variable in the task definition, where the entry is to be moved, never the value. Where production runs on
    Compose, only a value that stands in the Compose file itself is reported.
    """
    seen: set[Span] = set()
    for container in graph.containers(side=Side.CLOUD):
        if container.noun not in GIVEN and not container.is_composed_in_production:
            continue
        yield from (Compared(container.node),) if container.service.environment else ()
        for variable in container.service.environment:
            key = variable.key
            if variable.origin is not Origin.ENVIRONMENT or variable.key_span in seen:
                continue
            seen.add(variable.key_span)  # one entry may make a variable of many containers
            source, secret = secret_source(variable), is_secret_key(key)
            entries = given_as_secrets(graph, container, [key], {key: source} if _is_only(source, variable) else {})
            fix = Fix(f"move {key} to 'secrets' with a valueFrom", (*unset(variable), *entries) if entries else ())
            traced = bool(source) and (secret or not is_public(key))
            if container.is_composed_in_production:
                if secret and is_literal(variable) and _stands_there(variable):
                    fix, args = (
                        Fix(
                            f"write ${{{key}}} in its place, and give it from outside",
                            in_place(variable.value, f"${{{key}}}"),
                        ),
                        {"key": key, "name": container.name},
                    )
                    yield Finding(subject=container.node, at=variable.key_span, variant="compose", args=args, fix=fix)
            elif traced or (secret and is_literal(variable)):
                args = {"key": key, "name": container.name, "source": source}
                variant = "compose" if container.is_composed else "traced" if traced else "default"
                yield Finding(subject=container.node, at=variable.key_span, variant=variant, args=args, fix=fix)
            elif secret and not leads_only(variable):
                yield from undecided(container.node, variable.value)


def _stands_there(variable: Variable) -> bool:
    """Whether a value is written where its variable is, and comes from nowhere else."""
    return not variable.value.via and variable.value.span.path == variable.key_span.path


def _is_only(source: str, variable: Variable) -> bool:
    """Whether a value is what one reference gives, and nothing around it."""
    return isinstance(variable.value, Floating) and variable.value.value == f"${{{source}}}"


def is_secret_key(key: str) -> bool:
    """Whether a variable of this name holds a secret, or an address with one."""
    return secrecy(key) in ("secret", "address")


def secret_source(variable: Variable) -> str:
    """What a value is made of that is secret; what may be counts under the name of a secret."""
    secret = is_secret_key(variable.key) and not _plain_address(variable)
    wanted = ["secret", "doubtful"] if secret or _holds_password(variable) else ["secret"]
    named = list(variable.references)
    if isinstance(variable.value, Unknown):  # a part that is known before the rest
        named += [step.what for step in variable.value.via if step.secret]
    found = [each for kind in wanted for each in named if secrecy_of_reference(each) == kind]
    return found[0] if found else ""


def leads_only(variable: Variable) -> bool:
    """Whether an address is made of names and ports of resources alone, so that no password is in it."""
    return (
        secrecy(variable.key) == "address"
        and bool(variable.references)
        and all(map(_ADDRESS.search, variable.references))
    )


def _holds_password(variable: Variable) -> bool:
    """Whether a value is an address with a password in it, whatever its name: of .NET, of JDBC, a URL.

    One that is not known is, where it is made of the address of a resource and of more.
    """
    text = variable.value.value if isinstance(variable.value, Known | Floating) else ""
    if not text:
        return any(_ADDRESS.search(each) for each in variable.references)
    return password_in(text) is not None or _PASSWORD.search(text) is not None


def _plain_address(variable: Variable) -> bool:
    """Whether the known value of `REDIS_URL` and the like holds an address without a password."""
    if secrecy(variable.key) != "address" or not isinstance(variable.value, Known | Floating):
        return False
    text = variable.value.value
    if text.startswith("${") and text.endswith("}"):
        return any(_ADDRESS.search(each) for each in variable.references)
    return "://" in text and password_in(text) is None


def is_literal(variable: Variable) -> bool:
    """Whether a value holds a secret by itself: any text that is no flag, number, ARN, path or plain URL."""
    match variable.value:
        case Floating(text):
            return "${" not in (password_in(text) or "${")
        case Known(text) if not variable.references:
            text = text.strip()
            plain = not text or text.isdecimal() or secrecy_of_value(text) is not None
            address = "://" in text or secrecy(variable.key) == "address"
            return not plain and (password_in(text) is not None or not address)
        case _:
            return False
