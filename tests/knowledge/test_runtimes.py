"""Every file, plugin and action that names the version of a language is asked of the reader and of HEX214."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.knowledge import loading, runtimes
from policyengine.knowledge.runtimes import Runtimes
from policyengine.model.image import Version, allows_major, release_of
from policyengine.model.nodes import RuntimeVersion
from policyengine.model.value import Known
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins

TABLE = loading.table("runtimes", Runtimes)


@pytest.mark.parametrize("name", TABLE.files)
def test_a_version_file_holds_the_version_of_its_language(name: str, tmp_path: Path, installed: Plugins) -> None:
    report = scan_files({f"web/{name}": "# pinned\n\n  20.18.0  \n18\n"}, tmp_path, installed)
    (node,) = report.graph.all(RuntimeVersion)
    assert (node.runtime, node.directory, node.path) == (TABLE.files[name].runtime, "web", f"web/{name}")
    assert isinstance(node.version, Known)
    assert (node.version.value, node.span.start, node.span.end) == ("20.18.0", 12, 19)


@pytest.mark.parametrize("plugin", TABLE.plugins)
def test_a_plugin_of_asdf_installs_its_language_in_the_first_version(
    plugin: str, tmp_path: Path, installed: Plugins
) -> None:
    text = f"terraform 1.9.0\n{plugin} 3.1.2 system\n"
    (node,) = scan_files({".tool-versions": text}, tmp_path, installed).graph.all(RuntimeVersion)
    assert (node.runtime, node.version) == (TABLE.plugins[plugin].runtime, Known("3.1.2", node.span))
    assert text[node.span.start : node.span.end] == "3.1.2"


@pytest.mark.parametrize("action", TABLE.setups)
def test_a_setup_action_and_each_language_are_compared(action: str) -> None:
    found = runtimes.setup(action.upper())
    assert found is not None
    assert runtimes.numbers_that_agree(found.runtime) in (1, 2)


def test_what_is_not_listed_is_no_language() -> None:
    assert runtimes.setup("actions/checkout") is None
    assert runtimes.numbers_that_agree("cobol") == 0
    assert (runtimes.runtime_of_file(".env"), runtimes.runtime_of_plugin("terraform")) == ("", "")


@pytest.mark.parametrize(
    ("runtime", "text", "meant"),
    [
        ("node", "v22.20.0", Version(22, 20, 0)),
        ("node", "22", Version(22)),
        ("node", "lts/jod", Version(22)),
        ("node", "lts/*", None),
        ("node", "node", None),
        ("node", "20.x", Version(20)),
        ("java", "temurin-17.0.9", Version(17, 0, 9)),
        ("ruby", "ruby-3.3.1", Version(3, 3, 1)),
        ("python", "3.12", Version(3, 12)),
        ("python", "pypy3.10", None),
    ],
)
def test_a_version_file_means_a_release_or_nothing_fixed(runtime: str, text: str, meant: Version | None) -> None:
    assert release_of(runtime, text) == meant


@pytest.mark.parametrize(
    ("wanted", "majors"),  # of 18 to 24, as `semver.satisfies` of node-semver has it for a release of that major
    [
        (">=20", (20, 21, 22, 23, 24)),
        (">= 20.9.0", (20, 21, 22, 23, 24)),
        ("^20 || ^22", (20, 22)),
        ("20.x", (20,)),
        ("v20", (20,)),
        ("~22.1", (22,)),
        (">=18.0.0 <21", (18, 19, 20)),
        (">=18 <20.5", (18, 19, 20)),
        (">20", (21, 22, 23, 24)),
        (">20.1", (20, 21, 22, 23, 24)),
        ("<=20", (18, 19, 20)),
        ("20 - 22", (20, 21, 22)),
        ("*", (18, 19, 20, 21, 22, 23, 24)),
        ("lts/*", (18, 19, 20, 21, 22, 23, 24)),
    ],
)
def test_a_range_of_npm_allows_majors(wanted: str, majors: tuple[int, ...]) -> None:
    assert tuple(major for major in range(18, 25) if allows_major(wanted, major)) == majors
