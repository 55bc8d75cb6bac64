"""Both sides give an application the same variables (HEX304, HEX317)."""

from collections.abc import Iterator, Mapping, Sequence

from clean_hexagon.configuration.mounted import EnvFiles, env_files, keys_within, of_example
from clean_hexagon.options import Options
from clean_hexagon.parts import lacks_dockerfile
from policyengine.api import (
    Change,
    Compared,
    ConfigKey,
    Container,
    EnvironmentFile,
    EnvironmentReads,
    Finding,
    Fix,
    Graph,
    Known,
    LastLine,
    Origin,
    Outcomes,
    Role,
    Severity,
    Side,
    Span,
    Unknown,
    Variable,
    chooses,
    given_by,
    is_address,
    is_cloud_only,
    is_double,
    is_for_browsers,
    is_for_the_laptop,
    is_label,
    is_mode,
    is_of_place,
    known,
    publishers,
    regex,
    rule,
    secrecy,
    speaks_of_stores,
    undecided,
    words_of,
)

_PLACE = frozenset({"LANG", "LC_ALL", "TZ"})
"""Where and in which language a program runs: HEX106."""


@rule(
    "HEX304",
    mandate="3.1",
    severity=Severity.WARNING,
    remedy="Give the Compose service the variable, by its env file or 'environment'.",
    message={
        "default": "'{local}' does not get '{keys}', which [the cloud](1) sets.",
        "required": "'{local}' does not get '{keys}', which [the code requires](1).",
        "both": (
            "'{local}' does not get '{keys}', which [the code requires](1), nor '{more}', which [the cloud](2) sets."
        ),
    },
)
def env_key_missing_locally(graph: Graph, _: Options) -> Outcomes:
    """The local service lacks a variable that the cloud sets, or that the code requires.

    What depends on it does not run on a laptop, or runs in another way, and is tried for the first time in the cloud.

    A key that the config module requires is an error, or a warning where another service with the same module has it;
    one that only the cloud sets is a warning, and both together are one finding at the service. A service without any
    variable and without a twin needs none.

    Locally count `environment`, `env_file` (an example stands in for a file that git ignores, also with a commented `#
    KEY=`), the ENV of the image and what the command exports. What has a default, or is optional, needs no entry, but
    for an empty default of what the cloud does set; what the code of pages does not read that a development server
    shows, what an example for the laptop holds in place of production's own file, keys of the platform, of its
    telemetry and of its resources (`AWS_*`, `*_ARN`) mean nothing locally. A part of a store's address (`DB_HOST`)
    passes where the service has another address of a store, and the options of a provider that is not the one chosen
    here (`MAIL_SES_REGION` beside MAIL_DRIVER=log). Where the sources are mounted, code that has a library for it loads
    the env files in them: those that are committed count, and so does an example. A file that git ignores and that has
    no example stays open, as all that is not known does.
    """
    twins: dict[str, list[Container]] = {}
    for local, cloud in graph.mirrored(role=Role.APP):
        twins.setdefault(local.id, []).append(cloud)
    files = env_files(graph)
    had = {each.id: _had(graph, files, each) for each in graph.containers(side=Side.LOCAL)}
    held = _held(graph, had)
    read: dict[str, set[str]] = {}
    for each in graph.all(EnvironmentReads):
        read.setdefault(each.directory, set()).update(one.value for one in each.reads)
    for local in graph.containers(side=Side.LOCAL, role=Role.APP):
        clouds = twins.get(local.id, [])
        if not clouds and (local.config is None or not local.service.environment):
            continue
        yield Compared(local.node, *(each.node for each in clouds[:1]))
        required = [key for key in _required(local) if not _met(local, key, had[local.id])]
        names = {key.key for key in required}
        lent = {
            each.stand_in
            for cloud in clouds
            for each in cloud.service.env_files
            if each.stand_in and is_for_the_laptop(each.stand_in)
        }  # what an example for the laptop holds, production need not
        shown = _of_pages(local, read)
        given = [
            variable
            for key, variable in (clouds[0].environment.items() if clouds else ())
            if key not in names
            and variable.key_span.path not in lent
            and (shown is None or key in shown)
            and all(key != each.key for each, _ in clouds[0].misnamed)
            and all(key in each.environment for each in clouds)
            and _asked(local, variable, had[local.id])
            and not _of_other_provider(local, clouds[0], key)
        ]
        if not required and not given:
            continue
        stage = local.stage if isinstance(local.stage, Unknown) else None
        gap = local.environment_gap or stage or keys_within(graph, files, local)[1]
        asked = any(_same(gap, each.environment_gap) for each in clouds)  # by HEX303
        if not asked and not (gap is stage and lacks_dockerfile(graph, local)):
            yield from undecided(local.node, gap)
        if gap is not None:
            continue
        keys = [" or ".join((*key.alternatives, key.key)) for key in required]
        more = [each.key for each in given]
        fix = Fix(f"give {local.name} {', '.join((*keys, *more))}", _exemplified(local, [*required, *given]), safe=True)
        yield Finding(
            subject=local.node,
            against=clouds[0].node if clouds and not required else None,
            at=local,
            variant="both" if required and given else "required" if required else "default",
            severity=Severity.ERROR if any((_module(local), key.key) not in held for key in required) else None,
            args={"local": local.name, "keys": ", ".join(keys or more), "more": ", ".join(more)},
            cause=", ".join((*keys, *more)),
            related=(*(key.span for key in required[:1]), *(each.key_span for each in given[:1])),
            fix=fix,
        )


def _same(gap: Unknown | None, other: Unknown | None) -> bool:
    """Whether both sides lack one and the same file."""
    return gap is not None and other is not None and gap.reason == other.reason


def _of_pages(local: Container, read: Mapping[str, set[str]]) -> set[str] | None:
    """What the code reads whose pages a development server shows; None for other programs, which may read more."""
    pages = local.config is None and any(each.does("serve-dev") for each in local.commands)
    package = next((each for each in local.packages if each.ecosystem == "npm"), None)
    if not pages or package is None or not (isinstance(local.base, Known) and local.base.value.basename == "node"):
        return None
    return read.get(package.directory, set())


def _exemplified(local: Container, lacking: Sequence[ConfigKey | Variable]) -> tuple[Change, ...]:
    """Lines without a value in the committed example of the env file that the service loads."""
    examples = [each.stand_in for each in local.service.env_files if each.stand_in]
    lines = "\n".join(f"{each.key}=" for each in lacking)
    return (LastLine(Span(examples[-1], 0, 0), lines),) if examples else ()


def _required(local: Container) -> Iterator[ConfigKey]:
    """The keys that the code of a service demands here: not those of a module for production (`settings/prod.py`)."""
    built = local.service.build is not None
    for key in local.keys if built else ():
        asked = known(key.required, default=False) and is_for_the_laptop(key.span.path)
        if asked and not key.client and not given_by(key.key, "container"):
            yield key


def _held(graph: Graph, had: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    """The keys of config modules that any local service with the module gets: they may be needed only there."""
    every = ((each, key) for each in graph.containers(side=Side.LOCAL) for key in each.keys)
    return {(_module(each), key.key) for each, key in every if _met(each, key, had[each.id])}


def _module(local: Container) -> str:
    return local.config.id if local.config is not None else ""


def _met(local: Container, key: ConfigKey, had: set[str]) -> bool:
    return key.met(local.environment) or not had.isdisjoint((key.key, *key.alternatives))


def _had(graph: Graph, files: EnvFiles, local: Container) -> set[str]:
    """The variables that a service gets: by its platform, its image, its command, or an example that mentions them."""
    given = (graph.get(EnvironmentFile, f"env:{each.stand_in or each.path}") for each in local.service.env_files)
    return {
        *local.environment,
        *local.exported,
        *(each.key for each in local.service.environment),
        *(each.key for command in local.commands for each in command.assignments),
        *(name for file in given if file is not None for name in file.mentioned),
        *keys_within(graph, files, local)[0],
    }


def _asked(local: Container, variable: Variable, had: set[str]) -> bool:
    """Whether a variable of the cloud should be there locally, and is not."""
    key = variable.key
    if (
        variable.origin is Origin.IMAGE
        or key in _PLACE
        or is_mode(key)
        or publishers(key)
        or is_label(key)
        or is_of_place(key)
    ):
        return False
    if given_by(key, "container") or given_by(key, "image") or is_cloud_only(key):
        return False
    if key in had:
        return False
    told = next((each for each in local.keys if each.key == key), None)
    if told is not None and isinstance(told.required, Known) and known(told.default, "-").strip():
        return False
    return not (speaks_of_stores(words_of(key)) and any(map(_is_of_store, local.environment)))


def _of_other_provider(local: Container, cloud: Container, key: str) -> bool:
    """Whether a variable is an option of what the cloud chooses, where the service chooses something else (HEX317)."""
    for selector in local.environment.keys() & cloud.environment.keys():
        if chooses(selector):
            mine, other = (known(each.environment[selector].value, "").strip().lower() for each in (local, cloud))
            area, told = words_of(selector)[:-1], words_of(key)
            named = other in told and not speaks_of_stores([other])
            if mine != other and _is_word(mine) and _is_word(other) and (named or (area and told[: len(area)] == area)):
                return True
    return False


_is_word = regex(r"[a-z][\w-]*\Z").match


def _is_of_store(key: str) -> bool:
    return is_address(key) and speaks_of_stores(words_of(key))


@rule(
    "HEX317",
    mandate="1.1",
    severity=Severity.NOTE,
    remedy="Set the flag, the number or the provider alike in both places.",
    message={
        "default": "'{local}' runs with other values of '{keys}' than [the cloud](1).",
        "mock": "'{local}' uses the {key} '{here}', but [the cloud](1) '{there}'.",
    },
)
def env_value_divergence(graph: Graph, _: Options) -> Outcomes:
    """A flag or a number has another value locally than in the cloud, or a mock stands in for a provider.

    Another flag is another program; what a mock does is never what the provider does. Such a value may well be meant,
    so it is a note; a mock chosen by `*_PROVIDER`, `*_BACKEND` or `*_DRIVER` is a warning.

    Compared are literals that both sides set to flags or numbers. Secrets, addresses, hosts, ports, regions, levels of
    logging, the mode (HEX316) and what labels a deployment may differ; what only an example says of production is no
    value. One note a pair of services names the keys.
    """
    for local, cloud in graph.mirrored(role=Role.APP):
        both = [(local.environment[key], cloud.environment[key]) for key in sorted(local.environment)
                if key in cloud.environment and not _may_differ(key)]  # fmt: skip
        if both:
            yield Compared(local.node, cloud.node)
        differing = []
        for here, there in both:
            mine, other = known(here.value, "").strip(), known(there.value, "").strip()
            if of_example(there):
                continue
            if is_double(here.key, mine) and other and not is_double(here.key, other):
                yield Finding(
                    subject=local.node,
                    against=cloud.node,
                    at=here.value,
                    variant="mock",
                    severity=Severity.WARNING,
                    args={"local": local.name, "key": here.key, "here": mine, "there": other},
                    related=(there.value,),
                    fix=Fix(f"use {other} in both places"),
                )
            elif _differ(_meant(mine), _meant(other)):
                differing.append((here, there))
        if differing:
            yield Finding(
                subject=local.node,
                against=cloud.node,
                at=differing[0][0].value,
                args={"local": local.name, "keys": ", ".join(here.key for here, _ in differing)},
                related=(differing[0][1].value,),
                fix=Fix("set the same values in both places"),
            )


def _may_differ(key: str) -> bool:
    """Whether a value is of the place where it holds."""
    hidden = secrecy(key) in ("secret", "address", "doubtful")
    named = is_mode(key) or is_label(key) or is_cloud_only(key) or is_address(key) or is_for_browsers(key)
    return hidden or named or key in _PLACE or given_by(key, "container") or is_of_place(key)


def _differ(mine: object, other: object) -> bool:
    return type(mine) is type(other) and mine != other


_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _meant(text: str) -> bool | int | None:
    """What a literal means: a flag, a number, or nothing that can be compared."""
    return _FLAGS.get(text.lower(), int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None)
