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

from policyengine.deprecation import Deprecated as Deprecated
from policyengine.deprecation import names as _names
from policyengine.hooks import API_VERSION as API_VERSION
from policyengine.hooks import HOOKS_VERSION as HOOKS_VERSION
from policyengine.hooks import hookimpl as hookimpl
from policyengine.knowledge.loading import Facts as Facts
from policyengine.linking.evidence import Evidence as Evidence
from policyengine.model.declaration import Declaration as Declaration
from policyengine.model.declaration import DeclarationKind as DeclarationKind
from policyengine.model.declaration import Declarations as Declarations
from policyengine.model.declaration import Elements as Elements
from policyengine.model.declaration import Entries as Entries
from policyengine.model.graph import Choice as Choice
from policyengine.model.graph import Edge as Edge
from policyengine.model.graph import EdgeKind as EdgeKind
from policyengine.model.graph import Graph as Graph
from policyengine.model.nodes import Bucket as Bucket
from policyengine.model.nodes import Cache as Cache
from policyengine.model.nodes import Command as Command
from policyengine.model.nodes import Database as Database
from policyengine.model.nodes import Node as Node
from policyengine.model.nodes import Origin as Origin
from policyengine.model.nodes import Queue as Queue
from policyengine.model.nodes import Role as Role
from policyengine.model.nodes import Search as Search
from policyengine.model.nodes import Secret as Secret
from policyengine.model.nodes import Service as Service
from policyengine.model.nodes import Side as Side
from policyengine.model.nodes import Variable as Variable
from policyengine.model.source import ReadError as ReadError
from policyengine.model.source import Source as Source
from policyengine.model.source import Span as Span
from policyengine.model.text import Text as Text
from policyengine.model.value import Absent as Absent
from policyengine.model.value import Floating as Floating
from policyengine.model.value import Known as Known
from policyengine.model.value import Unknown as Unknown
from policyengine.model.value import Value as Value
from policyengine.model.value import Via as Via
from policyengine.model.value import known as known
from policyengine.platforms import FileOption as FileOption
from policyengine.platforms import Lowered as Lowered
from policyengine.platforms import NoPart as NoPart
from policyengine.platforms import Platform as Platform
from policyengine.platforms import Settings as Settings
from policyengine.platforms import Unit as Unit
from policyengine.platforms import Wanted as Wanted
from policyengine.platforms.terraform.resources.arguments import BlockView as BlockView
from policyengine.platforms.terraform.resources.stack import ResourceView as ResourceView
from policyengine.repository.files import Files as Files
from policyengine.rules.evaluate import Report as Report
from policyengine.rules.evaluate import Reporter as Reporter

__getattr__ = _names(globals(), {})
