"""The public modules: what they name is there, documented symbol by symbol, versioned, and warned of before it goes."""

from __future__ import annotations

import ast
import sys
import types
from pathlib import Path

import pytest

from policyengine import api, extend, reference
from policyengine.deprecation import Deprecated, Going, names
from policyengine.hooks import API_VERSION

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
MODULES = pytest.mark.parametrize("module", [api, extend], ids=["api", "extend"])


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_the_reference_is_what_the_source_says(name: str) -> None:
    """Run `python -m policyengine.reference docs/reference` when it is not."""
    assert (FOLDER / name).read_text("utf-8") == reference.pages()[name]


@MODULES
def test_all_that_is_imported_is_passed_on_once(module: types.ModuleType) -> None:
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    imported = [each for one in tree.body if isinstance(one, ast.ImportFrom) for each in one.names]
    passed = [str(each.asname) for each in imported if each.asname == each.name]
    assert [
        each.asname for each in imported if each.asname not in passed and not str(each.asname).startswith("_")
    ] == []
    assert sorted(passed) == sorted(set(passed))
    assert {each.name for each in reference.symbols(module.__name__)} >= set(passed)


@MODULES
def test_every_name_is_documented(module: types.ModuleType) -> None:
    found = reference.symbols(module.__name__)
    assert {each.name for each in found} == {name for name in vars(module) if not name.startswith("_")}
    assert [each.name for each in found if not each.text] == []
    page = (FOLDER / f"{module.__name__.rpartition('.')[2]}.md").read_text("utf-8")
    assert [
        each.name for each in found if f"### {each.name}\n" not in page and f"nodes.md#{each.name.lower()})" not in page
    ] == []


def test_every_field_of_every_node_type_is_documented() -> None:
    nodes = [
        each for each in reference.symbols("policyengine.api") if ".nodes" in each.module or each.name == "Declaration"
    ]
    assert {"Service", "Port", "Declaration"} <= {each.name for each in nodes}
    assert [(each.name, one.name) for each in nodes for one in reference.fields(each) if not one.meaning] == []


def test_the_version_is_two_numbers() -> None:
    major, minor = API_VERSION.split(".")
    assert (api.API_VERSION, int(major), int(minor)) == (API_VERSION, 1, 0)


def test_a_name_that_is_to_go_works_on_and_says_so_at_the_line_that_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("acme_public")
    module.new = 7  # type: ignore[attr-defined]
    module.__getattr__ = names(vars(module), {"old": Going("new", since="1.1", until="2.0")})  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "acme_public", module)
    said = r"acme_public\.old is deprecated since 1\.1 and goes with 2\.0; use new"
    with pytest.warns(Deprecated, match=said) as seen:
        exec(compile("from acme_public import old", "/packs/acme.py", "exec"), {})  # noqa: S102
    assert {each.filename for each in seen} == {"/packs/acme.py"}
    with pytest.warns(Deprecated, match=said):
        assert module.old == 7
    with pytest.raises(AttributeError, match="module 'acme_public' has no attribute 'older'"):
        module.older  # noqa: B018


@MODULES
def test_a_name_that_is_none_is_an_error_as_of_any_module(module: types.ModuleType) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018
