"""What the cloud has beside containers and datastores: secrets, roles, load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes.node import Node

if TYPE_CHECKING:
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown, Value


class Secret(Node, frozen=True, kw_only=True):
    """A secret of a manager. `keys` are the names of its JSON object, never values.

    `project` and `environment` are those of Infisical that it is read from.
    """

    manager: str  # "aws-secretsmanager", "ssm", "infisical"
    keys: Value[tuple[str, ...]]
    secure: Value[bool] | None = None  # SSM: SecureString
    project: Value[str] | None = None
    environment: Value[str] | None = None


class InfisicalProject(Node, frozen=True, kw_only=True):
    """A `.infisical.json`: the project of `infisical` in `directory`, and its environment where none is named."""

    path: str  # the file
    directory: str
    project: Value[str]  # the id of the project
    environment: Value[str]  # the environment whose secrets are taken


class Grant(Struct, frozen=True):
    """One statement of a policy: what may be done to what. Wildcards stand as they are written.

    `actions` and `resources` are patterns; a part of a resource that the files do not decide stands as the reference
    that gives it, `${aws_secretsmanager_secret.app.arn}`. With `except_actions` or `except_resources` the patterns name
    what the statement does not concern. `conditional` tells that it holds under conditions only.
    """

    actions: Value[tuple[str, ...]]
    resources: Value[tuple[str, ...]]
    span: Span  # the statement
    allow: bool = True  # False for a denial
    conditional: bool = False
    except_actions: bool = False
    except_resources: bool = False


class Principal(Node, frozen=True, kw_only=True):
    """Whom a container acts as in the cloud: an IAM role. `gap` says why it may be granted more than is listed."""

    grants: tuple[Grant, ...]  # what it may do
    gap: Unknown | None = None


class Listener(Struct, frozen=True):
    """A port at which a load balancer takes requests. `protocol` is as written, such as `HTTPS`."""

    port: Value[int]  # that it listens on
    protocol: Value[str]
    span: Span  # where it is declared


class LoadBalancer(Node, frozen=True, kw_only=True):
    """A load balancer with its listeners. `kind` is `application`, `network`, `gateway` or `classic`."""

    kind: Value[str]
    internal: Value[bool]  # whether the internet does not reach it
    listeners: tuple[Listener, ...] = ()  # by port


class TargetGroup(Node, frozen=True, kw_only=True):
    """Where a load balancer sends requests, and how it checks that somebody is there.

    `port` and `protocol` are those of the targets. `check_path` is the path of an HTTP health check, `check_port` its
    port as text or `traffic-port`, `check_codes` the status codes that count as healthy; each Absent where nothing is
    said, which means `/`, the port of the target and 200.
    """

    port: Value[int]
    protocol: Value[str]
    check_path: Value[str]
    check_port: Value[str]
    check_protocol: Value[str]  # of the health check
    check_codes: Value[str]


class UnreadModule(Node, frozen=True, kw_only=True):
    """A module that is not in the repository, and of which neither name nor inputs tell what it makes.

    It may make services and datastores.
    """


class Definitions(Node, frozen=True, kw_only=True):
    """What the Terraform of the tree declares, whatever environment it is for.

    `types` are those of resources and data sources, `modules` the names and addresses of modules of other repositories
    that it calls. `elsewhere` tells that it reads the state of another root module.
    """

    types: tuple[str, ...]
    modules: tuple[str, ...] = ()
    elsewhere: bool = False
