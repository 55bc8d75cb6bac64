"""Programs run in one mode on both sides, and production in its own (HEX316)."""

from collections.abc import Iterator

from clean_hexagon.configuration.mounted import stood_in
from clean_hexagon.options import Options
from clean_hexagon.parts import lacks_dockerfile
from policyengine.api import (
    Compared,
    Container,
    Finding,
    Fix,
    Graph,
    Known,
    Origin,
    Outcomes,
    Role,
    Severity,
    Stage,
    Unknown,
    Value,
    assigned,
    environment,
    in_place,
    is_mode,
    known,
    mode_unset,
    modes,
    rule,
    speaks_of_development,
    undecided,
)


@rule(
    "HEX316",
    mandate="1.1",
    severity=Severity.ERROR,
    remedy="Set the variable to the same value in both places.",
    message={
        "default": "'{local}' runs with {key}='{here}', but [the cloud](1) with '{there}'.",
        "here": "'{local}' runs with {key}='{here}', but [the cloud](1) without it.",
        "there": "'{local}' runs without {key}, but [the cloud](1) with '{there}'.",
        "unset": "Neither '{local}' nor [the cloud](1) sets {key}, which [the code reads](2).",
        "development": "'{local}' is deployed with {key}='{there}', a mode for development.",
        "assumed": "'{local}' is deployed without {key}, and so runs in the mode '{there}'.",
    },
)
def node_env_divergence(graph: Graph, _: Options) -> Outcomes:
    """The variable that chooses the mode of the program differs: NODE_ENV, RAILS_ENV, APP_ENV and their like.

    In another mode frameworks load other settings, skip caches, minification and checks, show errors to users and
    install other dependencies, so what passes locally is not what is deployed.

    Compared is what is in force: what Compose or the task sets, else the ENV of the image, else what the command itself
    assigns. A variable that only one side sets is reported where language or framework read it by themselves, and one
    that only the cloud sets where the code has another default; the command of a framework sets NODE_ENV itself, so
    that neither side needs it, and one that says what is so without it (`Production` for ASP.NET Core) says nothing.
    Unset on both sides is a note, where the config module asks for it. Upper and lower case are one, and so are `dev`
    and `development` in a variable that only the application reads. What runs in the cloud in a mode for development is
    told for itself, where the definition or the image says the mode, or Rails takes it for lack of one.
    """
    told: set[tuple[str, str]] = set()
    for local, cloud in graph.mirrored(role=Role.APP):
        for key in modes():
            here, there = _mode(local, key), _mode(cloud, key)
            if (here is None and there is None) or any(_is_managed(each, key) for each in (local, cloud)):
                continue
            if key == _PROFILES and any(_is_open(*each) for each in ((local, here), (cloud, there))):
                continue  # each side may well have its own: nobody is asked, and nothing is compared
            yield Compared(local.node, cloud.node)
            match here, there:
                case Unknown(), _:
                    yield from undecided(local.node, here)
                case _, Unknown():
                    yield from undecided(local.node, there)
                case Known(mine), Known(other) if not _same_mode(key, mine, other):
                    told.add((cloud.id, key))
                    yield _differs(local, cloud, key, here, there)
                case (Known(mode), None) | (None, Known(mode)) if is_mode(key, runtime=True):
                    bare = cloud if there is None else local
                    if _same_mode(key, mode, mode_unset(key)):
                        continue
                    told.add((cloud.id, key))
                    gap = bare.unset_gap or bare.gap
                    yield from undecided(bare.node, None if lacks_dockerfile(graph, bare) else gap)
                    if gap is None and not _sets_itself(bare, key):
                        yield _differs(local, cloud, key, here, there)
                case None, Known(mode) if (asked := _assumed(local, key)) and local.unset_gap is local.gap is None:
                    if not _same_mode(key, mode, asked):
                        yield _differs(local, cloud, key, here, there)
        yield from _unset(local, cloud)
    for container in graph.deployed(role=Role.APP):
        for key in modes():
            if is_mode(key, runtime=True) and (container.id, key) not in told:
                yield from _for_development(container, key)


_PROFILES = "SPRING_PROFILES_ACTIVE"
"""Profiles choose settings that each side may well have of its own, and switch off nothing by themselves."""
_DEVELOPING = ("dev", "local", "test")
_RAILS = frozenset({"rails", "bin/rails", "./bin/rails", "puma", "unicorn", "rackup", "sidekiq"})


def _for_development(cloud: Container, key: str) -> Iterator[Finding]:
    """What is deployed in a mode for development, where its definition or its image says so itself."""
    there, told = _mode(cloud, key), cloud.environment.get(key)
    open_to = (cloud.environment_gap or stood_in(cloud)) if told is None or told.origin is Origin.IMAGE else None
    if open_to is not None or speaks_of_development(f"{cloud.span.path} {cloud.name}"):
        return
    if isinstance(there, Known) and not there.via and environment(there.value.strip().lower()) in _DEVELOPING:
        yield _developing(cloud, there, "development", key, there.value)
    elif there is None and key == "RAILS_ENV" and isinstance(cloud.stage, Known) and cloud.gap is None:
        words = {word for each in cloud.commands if _RAILS.intersection(each.argv) for word in each.argv}
        started = bool(words) and words.isdisjoint(("-e", "--environment")) and _mode(cloud, "RACK_ENV") is None
        if started and any(one.key == "rails" for each in cloud.packages for one in each.dependencies):
            yield _developing(cloud, cloud, "assumed", key, mode_unset(key))


def _developing(cloud: Container, at: Container | Known[str], variant: str, key: str, mode: str) -> Finding:
    return Finding(
        subject=cloud.node,
        at=at,
        variant=variant,
        args={"local": cloud.name, "key": key, "there": mode},
        fix=Fix(f"set {key} to the mode of production"),
    )


def _is_managed(container: Container, key: str) -> bool:
    """Whether a secret manager holds a variable, of whose value no file tells."""
    told = container.environment.get(key)
    return told is not None and told.origin is Origin.SECRET


def _is_open(container: Container, mode: Value[str] | None) -> bool:
    """Whether the files do not tell in which mode a container runs."""
    return isinstance(mode, Unknown) or (mode is None and (container.unset_gap or container.gap) is not None)


def _assumed(container: Container, key: str) -> str:
    """What the code takes for the mode where nothing sets it; empty where no default is known."""
    told = next((each for each in container.keys if each.key == key), None)
    return known(told.default, "").strip() if told is not None else ""


def _same_mode(key: str, mine: str, other: str) -> bool:
    """Whether two modes are one: by their text, or as words for one environment where no framework reads them."""
    one, two = mine.strip().lower(), other.strip().lower()
    meant = "" if is_mode(key, runtime=True) else environment(one)
    return one == two or (meant != "" and meant == environment(two))


def _mode(container: Container, key: str) -> Value[str] | None:
    """The mode in force, None where nothing sets one."""
    lasting = (each for each in container.commands if not each.does("build", "migrate", "seed", "test"))
    own = [each for command in lasting for each in command.assignments if each.key == key]
    told = container.exported.get(key)
    if told is not None and "=" in told.text:
        text = told.text.partition("=")[2]
        return Known(text, told.span) if told.literal else Unknown(f"{key} is computed", told.span)
    variable = own[-1] if own else container.environment.get(key)
    if variable is None:
        return None
    if isinstance(variable.value, Known | Unknown):
        return variable.value if known(variable.value, "-").strip() else None
    return Unknown(f"the value of {key} is not decided", variable.key_span)


def _sets_itself(container: Container, key: str) -> bool:
    """Whether what is started chooses the mode by itself, as `next start` does."""
    standalone = isinstance(container.stage, Known) and _is_standalone(container.stage.value)
    return key == "NODE_ENV" and (standalone or any(each.does("serve", "serve-dev") for each in container.commands))


def _is_standalone(stage: Stage) -> bool:
    """Whether an image holds the server that Next.js writes, which runs in production whatever is set."""
    return any(_STANDALONE in source for copy in stage.copies for source in copy.sources if isinstance(source, str))


_STANDALONE = ".next/standalone"


def _differs(
    local: Container, cloud: Container, key: str, here: Value[str] | None, there: Value[str] | None
) -> Finding:
    variant = "there" if here is None else "here" if there is None else "default"
    wanted = "" if there is None else known(there, "")
    developing = environment(wanted.strip().lower()) in _DEVELOPING
    variable = local.environment.get(key)
    loaded = variable is not None and variable.value == here and variable.origin is Origin.ENV_FILE
    return Finding(
        subject=local.node,
        against=cloud.node,
        at=here or local,
        variant=variant,
        severity=Severity.WARNING if key == _PROFILES else None,
        args={
            "local": local.name,
            "key": key,
            "here": "" if here is None else known(here, ""),
            "there": wanted,
        },
        related=(there or cloud,),
        cause=f"{key}={'' if here is None else known(here, '')}, not {wanted}",
        fix=Fix(
            f"set {key} to the mode of production in both places"
            if developing
            else f"set {key}={wanted} in both places"
            if wanted
            else f"set {key} in the cloud",
            ()
            if developing or not wanted
            else assigned(local, key, wanted)
            if here is None or loaded
            else in_place(here, wanted),
        ),
    )


def _unset(local: Container, cloud: Container) -> Iterator[Finding]:
    """A note where the code asks for NODE_ENV and neither side sets it."""
    keys = () if local.config is None else local.config.keys
    told = next((key for key in keys if key.key == "NODE_ENV" and known(key.required, default=False)), None)
    if told is None or _mode(local, "NODE_ENV") is not None or _mode(cloud, "NODE_ENV") is not None:
        return
    for each in (local, cloud):
        if each.environment_gap is not None or not isinstance(each.stage, Known) or each.gap is not None:
            return
        if _sets_itself(each, "NODE_ENV"):
            return
    yield Finding(
        subject=local.node,
        against=cloud.node,
        at=local,
        variant="unset",
        severity=Severity.NOTE,
        args={"local": local.name, "key": "NODE_ENV"},
        related=(cloud, told.span),
        fix=Fix("set NODE_ENV=production in the image"),
    )
