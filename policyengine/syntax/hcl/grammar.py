"""From masked HCL to the typed syntax, by the grammar of python-hcl2.

Only python-hcl2's grammar file is used, without importing the package: the mask has made its post-lexer and its
transformer unnecessary, and the syntax is built while the text is parsed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.source import ReadError
from policyengine.syntax.hcl.builder import Builder
from policyengine.syntax.hcl.directives import Refused
from policyengine.syntax.hcl.driver import Driver, Misplaced
from policyengine.syntax.hcl.table import table

if TYPE_CHECKING:
    from policyengine.model.source import Source
    from policyengine.syntax.hcl.mask import Masked
    from policyengine.syntax.hcl.syntax import Body
    from policyengine.syntax.hcl.table import Store

_Parser = tuple[Driver, Builder]
_parsers: list[_Parser] = []  # one, when it was first needed


def load(store: Store | None = None) -> _Parser:
    """The parser with its builder, made once; `store` keeps the table of a grammar that does not ship with the program.

    Processes forked from this one have it then.
    """
    if not _parsers:
        builder = Builder()
        _parsers.append((Driver(table(store), builder), builder))
    return _parsers[0]


def parse_masked(source: Source, masked: Masked, shift: int, prefix: str = "", suffix: str = "") -> Body:
    """The body that a masked text holds. Errors: ReadError at the token that does not fit."""
    driver, builder = load()
    begins = shift
    shift -= len(prefix)
    builder.prepare(source, masked, shift, begins)
    try:
        body: Body = driver.run(prefix + masked.text + suffix)
    except Refused as refused:
        raise _refusal(source, refused) from None
    except Misplaced as misplaced:
        length = misplaced.end - misplaced.at
        at = misplaced.at + shift if length else len(source.text)
        at = min(max(at, 0), max(len(source.text) - 1, 0))
        found = source.text[at : at + min(length, 20)].split("\n")[0]
        # A string may hold a secret: show only what is a name or a sign.
        what = repr(found) if found.replace("_", "").replace("-", "").isalnum() or len(found) == 1 else "a token"
        end = min(at + max(length, 1), len(source.text))
        raise ReadError(f"{what} does not fit here", source.span(at, end), "correct the syntax") from None
    return body


def _refusal(source: Source, refused: Refused) -> ReadError:
    return ReadError(refused.message, source.span(refused.at, refused.end), "correct the syntax")
