"""Entries of `secrets` of a container that a fix adds."""

from policyengine.api import (
    Change,
    Container,
    Origin,
    Put,
    Raw,
    Wanted,
    known,
    map_value,
    secrecy,
)


def given_as_secrets(container: Container, keys: list[str]) -> tuple[Change, ...]:
    """Entries of `secrets` beside those that there are, where all come from one secret by their keys.

    Nothing for what is no secret: its value is not known.
    """
    held = [each for each in container.environment.values() if each.origin is Origin.SECRET and each.reference]
    ends = {each.key: known(map_value(each.reference, lambda text: text), "") for each in held if each.reference}
    roots = {text.removesuffix(f":{key}::") for key, text in ends.items()}
    names = {name for each in held for name in each.references if name.endswith(".arn")}
    by_key = ends and all(text.endswith(f":{key}::") for key, text in ends.items())
    if len(roots) != 1 or len(names) != 1 or not by_key or not all(secrecy(key) for key in keys):
        return ()
    entries: list[Wanted] = [{"name": key, "valueFrom": Raw(f'"${{{min(names)}}}:{key}::"')} for key in keys]
    return tuple(Put(container.span, ("secrets", "-"), each) for each in entries)
