"""Embedded databases that an environment, such as tests, uses in place of a server, as OrmSchema nodes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.knowledge.components import engine_of_dialect, is_embedded
from policyengine.model.nodes import OrmSchema, Side
from policyengine.model.value import Known
from policyengine.patterns import regex
from policyengine.platforms import Lowered
from policyengine.platforms.code.package import set_aside

if TYPE_CHECKING:
    from policyengine.repository.files import Files

_FILE = regex(
    r"(?:.*/)?(?:application-([\w-]+)\.(?:ya?ml|properties)|(?:\w+_)?settings_(\w+)\.py|settings/(\w+)\.py)"
    r"|(?:.*/)?src/(test)/resources/application\.(?:ya?ml|properties)|(?:.*/)?(?:conftest\.py|phpunit\.xml(?:\.dist)?)"
)
_URL = regex(r"""^[ \t]*(?:spring\.datasource\.)?url[ \t]*[:=][ \t]*["']?(jdbc:(\w+):[^\s"']*)""", re.MULTILINE)
_SET = regex(
    r"""^(?!.*(?:setdefault|getenv|environ\.get)\b)[^#\n]*?["']((sqlite)(?:\+\w+)?://[^"'\n]*)["']""", re.MULTILINE
)
_CONNECTION = regex(r"""\bname="DB_CONNECTION"\s+value="((\w+))""")
_REMARK = regex(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_ENGINE = regex(r"""["']ENGINE["'][ \t]*:[ \t]*["'](django\.db\.backends\.(\w+))["']""")


def paths(files: Files) -> list[str]:
    """The settings of one environment, tests included."""
    found = files.holding("application", "settings", "conftest.py", "phpunit.xml")
    return [path for path in found if _FILE.fullmatch(path) and not set_aside(path, tests=False)]


def lower(path: str, files: Files) -> Lowered:
    """The embedded database of one file, where it names no other database."""
    source = files.read(path)
    match = _FILE.fullmatch(path)
    if source is None or match is None:
        return Lowered()
    text = _REMARK.sub(lambda remark: " " * len(remark[0]), source.text) if ".xml" in path else source.text
    if path.endswith("conftest.py"):
        pattern = _SET
        text = "" if "postgres" in text or "mysql" in text else text  # tests of servers too
    else:
        pattern = _ENGINE if path.endswith(".py") else _CONNECTION if ".xml" in path else _URL
    found = list(pattern.finditer(text))
    engines = sorted({engine_of_dialect(each[2]) or "" for each in found})
    if len(engines) != 1 or not is_embedded(engines[0]):
        return Lowered()
    span = source.span(*found[0].span(1))
    environment = next(filter(None, match.groups()), "tests")
    engine = Known(engines[0], span)
    node = OrmSchema(id=f"orm:{path}", name=path, side=Side.SOURCE, span=span, engine=engine, environment=environment)
    return Lowered(nodes=(node,))
