"""The secrets that files of settings and of Terraform hold in plain sight: by their names, or by their form.

Files of settings are those that `knowledge.settings` lists for a language, with the profiles of Spring and .NET, keys
of service accounts, those that open the credentials of Rails, and env files that Ansible fills in. In one for the
laptop, for tests or of a profile that is not called after production, only a form tells a secret, since what it opens
is there alone.
"""

from __future__ import annotations

import contextlib
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from policyengine.knowledge import settings
from policyengine.knowledge.names import is_example, is_for_production, is_for_tests, speaks_of_development
from policyengine.knowledge.secrets import connection_password, is_of_manager, secrecy, token_kind, tokens
from policyengine.model.nodes import HeldSecrets, Side, Variable
from policyengine.model.source import ReadError, Span
from policyengine.model.value import Known, Sealed
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.package import set_aside
from policyengine.syntax.tree import Document, Mapping, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_PROFILE = regex(
    r"(?:.+/)?(?:src/main/resources/(?:config/)?(?:application|bootstrap)[\w.-]*\.(?:ya?ml|properties)"
    r"|appsettings(?:\.\w+)?\.json|[\w-]*(?:service[_-]?account|adminsdk|credentials)[\w-]*\.json|wp-config\.php)"
)
_PROFILES = (".yml", ".yaml", ".properties", ".json", ".php", ".key")
_COMPOSE = (".yml", ".yaml")
_COMPOSE_NAME = regex(r"(?:.+/)?(?:docker-)?compose(?:[._-][\w.-]+)?\.ya?ml")
_LINE = regex(r"[ \t]*(?:-[ \t]+)?[\"']?([A-Za-z_][\w.-]{0,100})")
_RAILS_KEY = regex(r"(?:.+/)?config/(?:master|credentials/(?!dev|test)\w+)\.key")
_KEY = regex(r"\s*([0-9a-f]{32})\s*\Z")
_TERRAFORM = (".tf", ".tofu", ".tfvars")
_TEMPLATE = regex(r"(?:.+/)?(?:[\w.-]*\.)?env\.j2")
_GIVEN = regex(
    r"(?<![\w.\"':$-])[\"']?([A-Za-z_][\w-]{0,100})[\"']?[ \t]{0,50}(?:=>|[:=])[ \t]{0,9}"
    r"(?:\"([^\"\n\\]{8,4000})\"|'([^'\n\\]{8,4000})'|<<-?\w{1,20}\n[ \t]*(-----BEGIN[^<]{30,4000}))(?![ \t]*[.+(\[?])"
)
_PROPERTY = regex(r"(?m)^[ \t]*([A-Za-z_][\w.-]{0,200})[ \t]{0,20}[=:][ \t]{0,20}()()([^\s#]{8,4000})[ \t]*$")
_NO_SECRET = regex(r"[%@]|\w+(?:[.\\]+[A-Za-z_]\w*)+\Z|[A-Z][A-Z0-9_]*\Z|[a-z][a-z0-9]*(?:[_/-][a-z0-9]+)+\Z")
"""References, names of classes and constants, and names of words such as `shop/api-key`."""
_ENV_FILE = regex(
    r"(?m)^[^\n#]{0,200}(?:<<-?[ \t]{0,9}[\"']?(\w+)[\"']?[ \t]{0,9}>{1,2}[ \t]{0,9}\S{0,200}\.env\b"
    r"|(?:>|\btee\b(?:[ \t]-a)?)[ \t]{0,9}\S{0,200}\.env[\w.]*[\"']?[ \t]{0,9}<<-?[ \t]{0,9}[\"']?(\w+))[^\n]*$"
)
"""`cat <<ENV > /srv/.env`, or `cat > /srv/.env <<ENV`."""
_ASSIGNED = regex(
    r"(?m)^[ \t]*(?:export[ \t]+)?([A-Z][A-Z0-9_]{0,100})=[\"']?\$\{([a-z][\w.\[\]]{2,200})\}[\"']?[ \t]*$"
)
_START_SCRIPT = regex(r"\b(?:user_data|custom_data|startup[-_]script|user-data)\w*\"?[ \t]*=")
_SCRIPT = 8_000
"""A start script has so many characters."""
_OPEN = regex(r"[$%{]\{|\s")
_PASSWORD = regex(r"(?i)(?:password|passwd|pwd)\Z")
_COMMENT = regex(r"[ \t]*(?:#|//|\*|/\*|!)")
_NAMED_ABOVE = regex(r"(?:\bvariable[ \t]+\"([\w-]+)\"[ \t]*\{[^{}]*|\bname[ \t]*=[ \t]*\"([\w.-]+)\"\s*)\Z")
_ABOVE = 500


def _is_compose(path: str) -> bool:
    """Whether a file is called as those of Compose are."""
    return _COMPOSE_NAME.fullmatch(path) is not None


def lower(files: Files) -> Lowered:
    """A HeldSecrets node for each such file that has one, and for each state of Terraform, which is not read."""
    nodes: list[HeldSecrets] = []
    sealed: list[Sealed] = []
    for path in _paths(files):
        source = files.read(path)
        found = tuple(dict.fromkeys(_secrets(source))) if source is not None else ()
        written = tuple(_written(source)) if source is not None and path.endswith(_TERRAFORM) else ()
        if source is not None and (found or written):
            sealed += (Sealed(each.value.value, each.value.span) for each in found if isinstance(each.value, Known))
            place = source.span(0, 0)
            node = HeldSecrets(id=f"held:{path}", name=path, side=Side.SOURCE, span=place, path=path, secrets=found)
            nodes.append(replace(node, written=written))
    for path in files.ending(".tfstate", ".backup"):
        if path.endswith((".tfstate", ".tfstate.backup")) and not is_example(path) and not set_aside(path):
            place = Span(path, 0, 0)
            nodes.append(HeldSecrets(id=f"held:{path}", name=path, side=Side.SOURCE, span=place, path=path, secrets=()))
    return Lowered(nodes=tuple(nodes), sealed=tuple(sealed))


def _paths(files: Files) -> Iterator[str]:
    for path in files.ending(*_TERRAFORM):
        if not is_example(path) and not set_aside(path):
            yield path
    yield from (path for path in files.ending(".j2") if _TEMPLATE.fullmatch(path) and not is_for_tests(path))
    found = {path for path in files.ending(*_COMPOSE) if _is_compose(path)}
    found |= {path for path in files.ending(*_PROFILES) if (_PROFILE.fullmatch(path) or _RAILS_KEY.fullmatch(path))}
    for language in settings.languages().values():
        found.update(path for path in files.ending(*language.endings) if language.holds(path))
        found.update(path for path in files.named(*language.names) if language.holds(path))
    for path in sorted(found):
        if not is_example(path) and not set_aside(path):
            yield path


def _secrets(source: Source) -> Iterator[Variable]:
    name = PurePosixPath(source.path).name
    if name.endswith(".key"):
        if found := _KEY.match(source.text):
            span = source.span(*found.span(1))
            yield Variable("RAILS_MASTER_KEY", span, Known(found[1], span))
        return
    if _is_compose(source.path):
        yield from _tokens(source)
        return
    stem, dot, profile = PurePosixPath(name).stem.replace("-", ".").partition(".")
    aside = dot and not is_for_production(profile) if _PROFILE.fullmatch(source.path) else speaks_of_development(stem)
    for key, place, text, span in _pairs(source):
        if token_kind(text, key) is not None or connection_password(text) is not None:
            yield Variable(key, place, Known(text, span))
        elif secrecy(key) == "secret" and _OPEN.search(text) is None:
            if name.endswith((".tfvars", ".j2")):
                held = True
            elif name.endswith(_TERRAFORM):
                held = _NO_SECRET.match(text) is None or _PASSWORD.search(key) is not None
            else:
                held = not aside and not is_for_tests(key) and _NO_SECRET.match(text) is None
                held = held and not speaks_of_development(key)  # `development.secret_key_base`
            if held:
                yield Variable(key, place, Known(text, span))


def _tokens(source: Source) -> Iterator[Variable]:
    """The tokens in a Compose file, at what their lines begin with: no project may be made of it."""
    for found in tokens(source.text):
        start = found.start - len(found.kind.prefix)
        key = _LINE.match(source.text, source.text.rfind("\n", 0, start) + 1)
        text = source.text[start : found.end]
        if key is not None and key.end() <= start and token_kind(text, key[1]) is not None:
            yield Variable(key[1], source.span(*key.span(1)), Known(text, source.span(start, found.end)))


def _written(source: Source) -> Iterator[Known[str]]:
    """The names of secrets that the script of a machine writes into an env file, from what Terraform knows."""
    for match in _ENV_FILE.finditer(source.text):
        if _START_SCRIPT.search(source.text, max(0, match.start() - _SCRIPT), match.start()) is None:
            continue
        start, word = match.end(), match[1] or match[2]
        end = source.text.find(f"\n{word}", start)
        for line in _ASSIGNED.finditer(source.text, start, max(start, min(end, start + _SCRIPT))):
            if secrecy(line[1]) == "secret" and not is_of_manager(line[2]):
                yield Known(line[1], source.span(*line.span(1)))


def _pairs(source: Source) -> Iterator[tuple[str, Span, str, Span]]:
    """Each name with the text that it is given, and the places of both."""
    if source.path.endswith((".json", ".yml", ".yaml")):
        from policyengine.syntax import json, yaml  # noqa: PLC0415  only trees with such settings pay for it

        documents: Sequence[Document] = ()
        with contextlib.suppress(ReadError):  # told where the file is used; .NET allows comments in JSON
            documents = (json.read(source),) if source.path.endswith(".json") else yaml.read_all(source)
        for document in documents:
            yield from _leaves(document, ())
        if documents or not source.path.endswith(".json"):
            return
    text, terraform = source.text, source.path.endswith(_TERRAFORM)
    for match in (_PROPERTY if source.path.endswith((".properties", ".j2")) else _GIVEN).finditer(text):
        group = next(number for number in (2, 3, 4) if match[number])
        key, (start, end) = match[1], match.span(1)
        if terraform and key in ("default", "value"):
            above = _NAMED_ABOVE.search(text, max(0, match.start() - _ABOVE), match.start())
            key = (above[1] or above[2]) if above else key
        elif terraform and key.isupper() and token_kind(match[group], key) is None:
            continue  # the variable of a container or a function, of which other rules speak
        line = text.rfind("\n", 0, start) + 1
        if _COMMENT.match(text, line) is None:
            yield key, source.span(start, end), match[group], source.span(*match.span(group))


def _leaves(document: Document, path: tuple[str, ...]) -> Iterator[tuple[str, Span, str, Span]]:
    match document:
        case Mapping(entries):
            for key, value in entries:
                named = (*path, key.text)
                if isinstance(value, Scalar):
                    yield ".".join(named), key.span, value.text, value.span
                else:
                    yield from _leaves(value, named)
        case Scalar():
            return
        case _:
            for each in document.items:
                yield from _leaves(each, path)
