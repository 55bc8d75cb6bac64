"""The node types of the graph: what Docker, Terraform and GitHub make of the files.

No node type names a file format. A Compose service, an ECS container and a workflow's service container are all a
`Service`; `postgres:16.4` and `aws_db_instance` are both a `Database`. Every fact that a rule compares is a
`policyengine.model.value.Value`: Known, Floating, Unknown or Absent, with its exact span.
"""

from __future__ import annotations

from policyengine.model.command import ShellCommand, Word
from policyengine.model.nodes.acceptance import Acceptance
from policyengine.model.nodes.cloud import (
    Grant,
    InfisicalProject,
    Definitions,
    Grant,
    Listener,
    LoadBalancer,
    Principal,
    Secret,
    TargetGroup,
    UnreadModule,
)
from policyengine.model.nodes.code import (
    ConfigKey,
    ConfigModule,
    EnvironmentFile,
    EnvironmentReads,
    Extension,
    IgnoreFile,
    MigrationRunner,
    Migrations,
    OrmSchema,
    Package,
    RuntimeVersion,
    SupabaseStack,
    VectorUse,
)
from policyengine.model.nodes.container import (
    Attachment,
    Dependency,
    EnvFile,
    Flavour,
    Healthcheck,
    Mount,
    Port,
    Service,
)
from policyengine.model.nodes.datastore import Bucket, Cache, Database, Datastore, Queue, Search
from policyengine.model.nodes.image import Build, Copy, Repository, Stage
from policyengine.model.nodes.network import Beside, BrowserTests, HostAlias, Passing, WebServer
from policyengine.model.nodes.node import Command, Node, Origin, Role, Side, Variable, variables
from policyengine.model.nodes.pipeline import (
    Activity,
    ComposeUp,
    Deploy,
    EndToEnd,
    Happening,
    Job,
    Migrate,
    Step,
    Trigger,
    Workflow,
)

__all__ = [
    "Acceptance",
    "Activity",
    "Attachment",
    "Beside",
    "BrowserTests",
    "Bucket",
    "Build",
    "Cache",
    "Command",
    "ComposeUp",
    "ConfigKey",
    "ConfigModule",
    "Copy",
    "Database",
    "Datastore",
    "Definitions",
    "Dependency",
    "Deploy",
    "EndToEnd",
    "EnvFile",
    "EnvironmentFile",
    "EnvironmentReads",
    "Extension",
    "Flavour",
    "Grant",
    "Happening",
    "Healthcheck",
    "HostAlias",
    "IgnoreFile",
    "InfisicalProject",
    "Job",
    "Listener",
    "LoadBalancer",
    "Migrate",
    "MigrationRunner",
    "Migrations",
    "Mount",
    "Node",
    "Origin",
    "OrmSchema",
    "Package",
    "Passing",
    "Port",
    "Principal",
    "Queue",
    "Repository",
    "Role",
    "RuntimeVersion",
    "Search",
    "Secret",
    "Service",
    "ShellCommand",
    "Side",
    "Stage",
    "Step",
    "SupabaseStack",
    "TargetGroup",
    "Trigger",
    "UnreadModule",
    "Variable",
    "VectorUse",
    "WebServer",
    "Word",
    "Workflow",
    "variables",
]
