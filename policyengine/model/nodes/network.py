"""What files say of the network of the laptop beside the Compose project: ports, names, addresses that tests open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.model.nodes.node import Node

if TYPE_CHECKING:
    from policyengine.model.command import ShellCommand
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown, Value


class Beside(Node, frozen=True, kw_only=True):
    """What a developer may start beside the Compose project: another Compose file.

    `names` are those by which containers find what it starts, in lower case; `ports` the ports of the laptop that it
    takes, as far as they are told.
    """

    path: str  # the file
    names: tuple[str, ...] = ()
    ports: tuple[Value[int], ...] = ()


class WebServer(Struct, frozen=True):
    """A server that Playwright starts in CI before the tests; `CI` counts as set.

    `span` is the place of all that is said of it. `command` is as written and runs in `directory`, `commands` are what
    it leads to. It starts unless one of the variables `unless` is set, and where all of `given` are; `doubt` says why
    that is not known. `address` is where the tests wait for it, Absent where nothing is said; `reuses` whether what
    answers there already is taken instead.
    """

    command: Value[str]
    span: Span
    directory: str
    address: Value[str]
    reuses: Value[bool]
    unless: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    doubt: Unknown | None = None
    commands: tuple[ShellCommand, ...] = ()


class BrowserTests(Node, frozen=True, kw_only=True):
    """A configuration of Playwright: what its tests open.

    `base_url` is the address that they begin at, where no variable of `keys` says another; Absent where none is given.
    `starts` tells that it starts servers of its own, or may; `servers` are those that it may start in CI.
    """

    path: str  # the configuration file
    directory: str  # its folder
    base_url: Value[str]
    keys: tuple[str, ...] = ()
    starts: bool = False
    servers: tuple[WebServer, ...] = ()


class HostAlias(Node, frozen=True, kw_only=True):
    """A line `IP name` for a hosts file, in a file or in what scripts and documents tell to add to it.

    `name` is in lower case, `address` as written. `used` is whether another file of the tree, or another line, says it.
    """

    path: str  # the file
    address: str
    used: bool


class Passing(Node, frozen=True, kw_only=True):
    """A file by which a server passes requests on: of a proxy, or of a development server.

    `keys` are the words in it that may be variables of the environment.
    """

    path: str  # the file
    keys: tuple[str, ...]
