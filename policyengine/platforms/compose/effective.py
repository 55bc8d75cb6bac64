"""A project printed as `docker compose config --format json` prints it, without the doubling of `$`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.platforms.compose.located import Branch
from policyengine.platforms.compose.shapes import Json, Keyed, Omit, Printed, raw
from policyengine.platforms.compose.specification import CONFIG, NAMED_VOLUME, NETWORK, SECRET, SERVICE

if TYPE_CHECKING:
    from policyengine.platforms.compose.load import ComposeProject

_SECTIONS = (("networks", NETWORK), ("volumes", NAMED_VOLUME), ("secrets", SECRET), ("configs", CONFIG))


def printed(project: ComposeProject) -> dict[str, Json]:
    """The effective configuration.

    Raises:
        ReadError: a value is not of its attribute's type.
    """
    model = project.model
    services = model.get("services")
    shown: dict[str, Json] = {}
    for name, entry in services.entries.items() if isinstance(services, Branch) else ():
        value = SERVICE.print(entry.node, f"services.{name}")
        if name not in project.enabled or not isinstance(value, dict):
            continue
        value.pop("env_file", None)
        value.pop("environment", None)
        environment: dict[str, Json] = {
            key: None if each.text is None else each.text.written
            for key, each in project.environments[name].variables.items()
        }
        if environment:
            value["environment"] = environment
        labels: dict[str, Json] = {
            key: "" if each.text is None else each.text.written for key, each in project.labels[name].items()
        }
        if labels:
            value["labels"] = labels
        scale, deploy = value.get("scale"), value.get("deploy")
        if scale is not None and isinstance(deploy, dict):
            deploy["replicas"] = scale
        shown[name] = value
    names: dict[str, str] = {}
    for name, value in shown.items():
        container = value.get("container_name") if isinstance(value, dict) else None
        if isinstance(container, str) and container:
            if container in names:
                message = f"the services '{names[container]}' and '{name}' have the same container_name"
                raise ReadError(message, model.span, "rename one")
            names[container] = name
    result: dict[str, Json] = {"name": project.name, "services": shown}
    used = _used(shown)
    for section, shape in _SECTIONS:
        node = model.get(section)
        rows: dict[str, Json] = {}
        for key, entry in node.entries.items() if isinstance(node, Branch) else ():
            row = _resource(entry.node, shape, f"{section}.{key}")
            if key in used[section] and not isinstance(row, Omit):
                rows[key] = row
        if rows:
            result[section] = rows
    for key, entry in model.entries.items():
        if key.startswith("x-"):
            result[key] = raw(entry.node)
    return result


def _used(services: dict[str, Json]) -> dict[str, set[str]]:
    """The resources that the enabled services use: the others are left out."""
    used: dict[str, set[str]] = {section: set() for section, _ in _SECTIONS}
    for service in services.values():
        if not isinstance(service, dict):
            continue
        networks, build = service.get("networks"), service.get("build")
        used["networks"].update(networks if isinstance(networks, dict) else ())
        used["volumes"].update(_sources([row for row in _rows(service.get("volumes")) if row.get("type") == "volume"]))
        used["configs"].update(_sources(_rows(service.get("configs"))))
        used["secrets"].update(_sources(_rows(service.get("secrets"))))
        used["secrets"].update(_sources(_rows(build.get("secrets") if isinstance(build, dict) else None)))
    return used


def _rows(value: Json) -> list[dict[str, Json]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _sources(rows: list[dict[str, Json]]) -> set[str]:
    return {source for row in rows if isinstance(source := row.get("source"), str) and source}


def _resource(node: object, shape: Keyed, path: str) -> Printed:
    if not isinstance(node, Branch):
        return {}
    value = shape.print(node, path)
    if shape is CONFIG and isinstance(value, dict) and value.get("environment"):
        value.pop("content", None)
    return value
