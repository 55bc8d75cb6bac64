"""What the author of a platform, a resource type, evidence for pairs, facts or a reporter may import.

`policyengine.api` is for rules; this is for what gives them a graph to read. Names here keep their meaning within a
major version, hooks within one `HOOKS_VERSION`. A plug-in is a module with an entry point, in the group
`policyengine.packs` when it brings a pack, else in `policyengine.extensions`, that implements one hook or more with
`hookimpl`:

| hook | returns |
| --- | --- |
| `policyengine_pack` | a `Pack`: rules |
| `policyengine_platforms` | a list of `Platform`: each reads files of the tree and makes nodes and edges of them |
| `policyengine_terraform_resources` | a mapping of types to functions that make nodes and edges of a resource |
| `policyengine_evidence` | a list of `Evidence`: what else speaks for a pair of a local and a cloud node |
| `policyengine_knowledge` | a list of `Facts`: entries for the tables of facts (`docs/knowledge.md`) |
| `policyengine_reporters` | a list of `Reporter`: formats that `--format` takes |

A module that needs a version of the hooks says `POLICYENGINE_HOOKS = 1`. What is wrong with a plug-in stops the run
with one sentence and the exit code 2. `fixtures/extensions/` holds complete examples.

A node type of one's own is a frozen, keyword-only subclass of `Node` (or of one that there is): rules find its nodes by
`graph.all(Type)`, and `policyengine graph` exports them under the name of the type. For tests, `policyengine.testing`
has `Memory`, a tree in memory, and `check`, which holds a rule to its cases.
"""

from policyengine.hooks import HOOKS_VERSION, hookimpl
from policyengine.knowledge.loading import Facts
from policyengine.linking.evidence import Evidence
from policyengine.model.graph import Choice, Edge, EdgeKind, Graph
from policyengine.model.nodes import Command, Node, Origin, Role, Service, Side, Variable
from policyengine.model.source import ReadError, Source, Span
from policyengine.model.text import Text
from policyengine.model.value import Absent, Floating, Known, Unknown, Value, Via
from policyengine.platforms import FileOption, Lowered, NoPart, Platform, Settings, Unit, Wanted
from policyengine.repository.files import Files
from policyengine.rules.evaluate import Report, Reporter

__all__ = [
    "HOOKS_VERSION",
    "Absent",
    "Choice",
    "Command",
    "Edge",
    "EdgeKind",
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
    "ReadError",
    "Report",
    "Reporter",
    "Role",
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
]
