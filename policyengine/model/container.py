"""What is in force when a container runs, local or cloud: one answer for every rule and every pack.

A `Service` says what Compose, ECS or a workflow sets, a `Stage` what the image brings. A `Container` is both together,
as the runtime combines them: an entrypoint that is set drops the image's command, variables that are set win over the
image's own, the user is the one that is set or the image's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.knowledge import base_images, images
from policyengine.knowledge.names import browser_tests
from policyengine.knowledge.platforms import stops_after
from policyengine.knowledge.ports import port_given, port_of_engine
from policyengine.model.endpoint import addresses
from policyengine.model.nodes import Service
from policyengine.model.nodes.container import COMPOSE, ECS, INIT_CONTAINER, PRODUCTION_COMPOSE
from policyengine.model.quantity import mebibytes, processors, seconds
from policyengine.model.value import Absent, Floating, Known, Unknown, Via, known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from policyengine.model.command import ShellCommand, Word
    from policyengine.model.endpoint import Address
    from policyengine.model.image import ImageRef
    from policyengine.model.nodes import (
        Build,
        Command,
        ConfigKey,
        ConfigModule,
        Datastore,
        Healthcheck,
        Package,
        Port,
        Role,
        Side,
        Stage,
        Variable,
    )
    from policyengine.model.source import Span
    from policyengine.model.value import Value


class User(Struct, frozen=True):
    """A user that a container runs as.

    `text` is as written (`node:node`), `name` the same without the group. `uid` is its number as text, empty where
    neither the files nor the table of public images tell it.
    """

    text: str
    name: str
    uid: str = ""

    @property
    def is_root(self) -> bool:
        """Whether it is the superuser."""
        return self.uid == "0"

    def same(self, other: User) -> bool:
        """Whether both are one user: by number where both numbers are known, else by name."""
        return self.uid == other.uid if self.uid and other.uid else self.name == other.name

    def __str__(self) -> str:
        return self.text


def account(text: str, created: Mapping[str, str]) -> User:
    """A user with its number: root is 0, a number is itself, a name what the image that creates it says.

    `created` are the numbers of the users of the image by name; a user that it does not name has the number by which
    all public images know it, if they agree.
    """
    name = text.partition(":")[0].strip() or "0"
    if name.isdecimal():
        return User(text, name, name.lstrip("0") or "0")
    return User(
        text, name, "0" if name == "root" else created[name] if name in created else base_images.uid(name) or ""
    )


class Container(Struct, frozen=True, eq=False):
    """What runs as one service, or what an image starts by itself (`node` is then its last stage).

    `image` is the one that is pulled or built, `base` the public image at the bottom of it. `started` is entrypoint
    and command as they are executed together; `overrides` tells that the service sets one of them. `commands` are
    those that run in the end, through shells, package scripts and shell files of the tree, as far as entrypoint and
    command are known; `gap` says which of them leads to what is not known. `line` is what is started as people read
    it: without the `wrappers` that only run something else (`tini`, `infisical run`). `accounts` are the users that
    the image creates, with their numbers.

    `environment` holds the variables in force by name, `overridden` what loses against them, and `environment_gap` why
    there may be more. `ports` are those that the service maps or exposes and those that its image exposes. `platform`
    is what it runs on, `built_for` what its image is pushed for, Absent where nothing pushes it; both as BuildKit
    writes them. `builds` make its image; `config` is the module that checks its environment, `keys` are the variables
    that its code asks for: those of the module, and of other files to which what it starts leads. `misnamed` are those
    that the cloud gives it and nothing reads, each with the one that it lacks and that is likely meant. `store` is the
    datastore that it runs, `serves` the port of its web server, by the settings of that. `packages` are its manifests:
    of each ecosystem the one in its nearest folder, else the only one of the tree. `noun` names it in messages.
    """

    node: Service | Stage
    noun: str
    role: Role
    image: Value[ImageRef]
    base: Value[ImageRef]
    stage: Value[Stage]
    builds: tuple[Build, ...]
    entrypoint: Value[Command]
    command: Value[Command]
    started: Value[Command]
    overrides: bool
    commands: tuple[ShellCommand, ...]
    line: str
    gap: Unknown | None
    wrappers: tuple[str, ...]
    user: Value[User]
    accounts: Mapping[str, str]
    workdir: Value[str]
    environment: Mapping[str, Variable]
    overridden: tuple[Variable, ...]
    environment_gap: Unknown | None
    ports: tuple[Port, ...]
    healthcheck: Value[Healthcheck]
    platform: Value[str]
    built_for: Value[tuple[str, ...]]
    config: ConfigModule | None
    store: Datastore | None = None
    serves: Known[int] | None = None
    packages: tuple[Package, ...] = ()
    keys: tuple[ConfigKey, ...] = ()
    misnamed: tuple[tuple[Variable, ConfigKey], ...] = ()
    _addresses: list[tuple[Address, ...]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The id of its node."""
        return self.node.id

    @property
    def name(self) -> str:
        """The name of its node."""
        return self.node.name

    @property
    def side(self) -> Side:
        """Where it runs."""
        return self.node.side

    @property
    def span(self) -> Span:
        """The place of its name."""
        return self.node.span

    @property
    def is_composed(self) -> bool:
        """Whether Docker Compose starts it, on a laptop or in production."""
        return self.noun in (COMPOSE, PRODUCTION_COMPOSE)

    @property
    def is_composed_in_production(self) -> bool:
        """Whether it is a service of the Compose file that production runs."""
        return self.noun == PRODUCTION_COMPOSE

    @property
    def starts_with_others(self) -> bool:
        """Whether it runs to its end each time before the other containers of its pod start."""
        return self.noun == INIT_CONTAINER

    @property
    def unset_gap(self) -> Unknown | None:
        """Why a variable that is not in `environment` may be set nevertheless: by its platform, or in its image."""
        return self.environment_gap or (self.stage if isinstance(self.stage, Unknown) else None)

    @property
    def is_ecs_task(self) -> bool:
        """Whether ECS runs it, and its definition is read: what that does not say is not set."""
        return self.noun == ECS and not (self.environment_gap is not None and self.environment_gap == self.image)

    @property
    def processors(self) -> Value[float]:
        """How many processors it may use; Absent for 0, by which ECS and Compose mean as many as there are."""
        amount = self._amount(self.service.cpus, lambda text: processors(text, in_units=not self.is_composed))
        return Absent(amount.span) if isinstance(amount, Known) and not amount.value else amount

    @property
    def mebibytes(self) -> Value[float]:
        """How much memory it may use, in MiB."""
        return self._amount(self.service.memory, lambda text: mebibytes(text, plain="b" if self.is_composed else "m"))

    @property
    def stop_seconds(self) -> Value[float]:
        """How long it may take to stop before it is killed; the default of what runs it where nothing is said."""
        written, default = self.service.stop_grace_period, stops_after(self.noun)
        if default is not None and (written is None or isinstance(written, Absent)):
            return Known(default, self.span, (Via("default of what runs it", self.span),))
        return self._amount(written, seconds)

    def _amount(self, written: Value[str] | None, read: Callable[[str], float | None]) -> Value[float]:
        match written:
            case None | Absent():
                return Absent(self.span)
            case Known(text, span, via):
                amount = read(text)
                return Unknown(f"'{text}' is no amount", span, via) if amount is None else Known(amount, span, via)
            case Floating(_, span, via):
                return Unknown("an amount that moves", span, via)
            case _:
                return written

    @property
    def service(self) -> Service:
        """The service that runs it.

        Raises:
            LookupError: it is an image that is started by itself.
        """
        if isinstance(self.node, Service):
            return self.node
        raise LookupError(f"'{self.id}' is no service")

    @property
    def own_ports(self) -> frozenset[int]:
        """The ports at which it may mean itself: those it listens on or publishes, and its variable PORT."""
        told = self.environment.get("PORT")
        number = told.value.value if told is not None and isinstance(told.value, Known) else ""
        own = [int(number)] if number.isascii() and number.isdigit() and len(number) <= 5 else []
        return frozenset((*self.listens, *self.published, *own))

    @property
    def runs_browsers(self) -> bool:
        """Whether it runs tests in a browser of its own, by its image or its name."""
        image = images.image(self.base.value.name) if isinstance(self.base, Known | Floating) else None
        return bool(browser_tests(self.name)) or (image is not None and image.purpose == "test")

    @property
    def told_port(self) -> Known[int] | None:
        """The port at which it listens: that of its web server, of its command, or of a PORT that its image knows."""
        if self.serves is not None:
            return self.serves
        server = self.commands[-1] if self.commands and self.gap is None else None
        found = None if server is None else port_given(server.argv)
        if server is not None and found is not None:
            return Known(found, server.span)
        told = self.environment.get("PORT")
        if told is None or not isinstance(told.value, Known) or not told.value.value.isdecimal():
            return None
        number = int(told.value.value)
        stage = self.stage.value if isinstance(self.stage, Known) else None
        keys = {each.key for each in (() if stage is None else stage.environment)}
        keys.update(each.key for each in (() if self.config is None else self.config.keys))
        knows = "PORT" in keys or "$PORT" in self.line or "${PORT" in self.line
        exposed = () if stage is None else (known(port.target, 0) for port in stage.exposed)
        return Known(number, told.value.span, told.value.via) if knows or number in exposed else None

    @property
    def store_port(self) -> int | None:
        """The port of the datastore that it runs: the mapped one, else that of its engine."""
        store = self.store
        if store is None or isinstance(store.port, Known):
            return None if store is None or not isinstance(store.port, Known) else store.port.value
        return port_of_engine(store.engine.value) if isinstance(store.engine, Known) else None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """What its variables point to."""
        if not self._addresses:  # a dozen rules ask
            self._addresses.append(tuple(addresses(self.environment)))
        return self._addresses[0]

    @property
    def exported(self) -> dict[str, Word]:
        """The variables that its commands export, with the last word that does: `PORT=3000` of `export PORT=3000`."""
        words = (word for each in self.commands if each.starts("export") for word in each.words[1:])
        return {word.text.partition("=")[0]: word for word in words}

    def account(self, text: str) -> User:
        """A user of its image."""
        return account(text, self.accounts)

    @property
    def tools(self) -> Value[tuple[str, ...]] | None:
        """Which of `sh`, `bash`, `curl`, `wget` and `nc` its image has; None where that is not in the bundled table."""
        if isinstance(self.stage, Known):
            return self.stage.value.tools
        if not isinstance(self.stage, Absent) or not isinstance(self.image, Known | Floating):
            return None
        facts = base_images.base_image(self.image.value.name, self.image.value.effective_tag)
        return None if facts is None or facts.tools is None else Known(tuple(sorted(facts.tools)), self.image.span)

    @property
    def shown_image(self) -> str:
        """The image as people read it, or the container's name where it is not known."""
        return self.image.value.shown if isinstance(self.image, Known | Floating) else self.name

    @property
    def platform_is_built(self) -> bool | None:
        """Whether its image is pushed for the platform that it runs on; None where one of both is not known."""
        if not isinstance(self.platform, Known) or not isinstance(self.built_for, Known):
            return None
        return self.platform.value in self.built_for.value

    @property
    def listens(self) -> frozenset[int]:
        """The ports at which it listens, as far as they are known; its engine's own where nothing names one."""
        return frozenset(port.target.value for port in self.ports if isinstance(port.target, Known))

    @property
    def published(self) -> Mapping[int, Port]:
        """The ports that it publishes to the host, by the number on the host."""
        found: dict[int, Port] = {}
        for port in self.ports:
            if isinstance(port.published, Known):
                found.setdefault(port.published.value, port)
        return found
