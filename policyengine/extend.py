"""What the author of a platform, a resource type, evidence for pairs, facts or a reporter may import.

`policyengine.api` is for rules; this is for what gives them a graph to read. Names here keep their meaning within a
major version, hooks within one `HOOKS_VERSION`. A plug-in is a module with an entry point, in the group
`policyengine.packs` when it brings a pack, else in `policyengine.extensions`, that implements one hook or more with
`hookimpl`:

| hook | returns |
| --- | --- |
| `policyengine_pack` | a `Pack`: rules |
| `policyengine_platforms` | a list of `Platform`: each reads files of the tree and makes nodes and edges of them |
| `policyengine_terraform_resources` | a mapping of types to functions that make nodes of a `ResourceView` |
| `policyengine_evidence` | a list of `Evidence`: what else speaks for a pair of a local and a cloud node |
| `policyengine_knowledge` | a list of `Facts`: entries for the tables of facts (`docs/knowledge.md`) |
| `policyengine_reporters` | a list of `Reporter`: formats that `--format` takes |

A module that needs a version of the hooks says `POLICYENGINE_HOOKS = 1`. What is wrong with a plug-in stops the run
with one sentence and the exit code 2. `fixtures/extensions/` holds complete examples.

A node type of one's own is a frozen, keyword-only subclass of `Node` (or of one that there is): rules find its nodes by
`graph.all(Type)`, and `policyengine graph` exports them under the name of the type. For tests, `policyengine.testing`
has `Memory`, a tree in memory, and `check`, which holds a rule to its cases.

A `ResourceView` is one instance of a resource as its files, and a plan or state, have it. `text`, `boolean`, `integer`
and `command` read an argument as a value with its place: Known, Unknown with the reason, or Absent, or the `default`
that the provider documents; `version("postgres")` reads the version of an engine. `blocks` are the nested blocks, each
read in the same way, and `gap` says why there may be more. `id`, `name`, `side` and `span` are those of its node,
`part` is the id of a node within it. `named` leads to the resources that a value refers to, `named_by` to those that
refer to this one. What needs no code, another name of the version and a default, is an entry in the table
`terraform_resources` by `policyengine_knowledge`; types that only say something of others are its `supporting`.
"""

from policyengine.deprecation import Deprecated, names
from policyengine.hooks import API_VERSION, HOOKS_VERSION, hookimpl
from policyengine.knowledge.loading import Facts
from policyengine.linking.evidence import Evidence
from policyengine.model.declaration import Declaration, DeclarationKind, Declarations, Elements, Entries
from policyengine.model.graph import Choice, Edge, EdgeKind, Graph
from policyengine.model.nodes import (
    Bucket,
    Cache,
    Command,
    Database,
    Node,
    Origin,
    Queue,
    Role,
    Search,
    Secret,
    Service,
    Side,
    Variable,
)
from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, Via, known
from policyengine.platforms import FileOption, Lowered, NoPart, Platform, Settings, Unit, Wanted
from policyengine.platforms.terraform.resources.arguments import BlockView
from policyengine.platforms.terraform.resources.stack import ResourceView
from policyengine.repository.files import Files
from policyengine.rules.evaluate import Report, Reporter

__all__ = [
    "API_VERSION",
    "HOOKS_VERSION",
    "Absent",
    "BlockView",
    "Bucket",
    "Cache",
    "Choice",
    "Command",
    "Database",
    "Declaration",
    "DeclarationKind",
    "Declarations",
    "Deprecated",
    "Edge",
    "EdgeKind",
    "Elements",
    "Entries",
    "Evidence",
    "Facts",
    "FileOption",
    "Files",
    "Floating",
    "Graph",
    "Known",
    "Lowered",
    "NoPart",
    "Node",
    "Origin",
    "Platform",
    "Queue",
    "ReadError",
    "Report",
    "Reporter",
    "ResourceView",
    "Role",
    "Search",
    "Secret",
    "Service",
    "Settings",
    "Side",
    "Source",
    "Span",
    "Text",
    "Unit",
    "Unknown",
    "Value",
    "Variable",
    "Via",
    "Wanted",
    "hookimpl",
    "known",
]

__getattr__ = names(globals(), {})
