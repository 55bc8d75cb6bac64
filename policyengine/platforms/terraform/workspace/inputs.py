"""What gives the variables of a root module their values: variable files, pipelines, Terragrunt, and who else may."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from policyengine.model.source import ReadError
from policyengine.model.value import Unknown
from policyengine.platforms.terraform.language.expressions import settled
from policyengine.platforms.terraform.language.plain import equal
from policyengine.platforms.terraform.language.values import decided, plain
from policyengine.platforms.terraform.workspace.folders import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from policyengine.model.source import Source, Span
    from policyengine.platforms.terraform.language.scope import HclFrame
    from policyengine.platforms.terraform.language.values import Tree
    from policyengine.platforms.terraform.workspace.roots import Root
    from policyengine.platforms.terraform.workspace.syntaxes import Syntaxes
    from policyengine.repository.files import Files
    from policyengine.syntax.hcl.syntax import Expression

_EXAMPLES = tuple(f".tfvars.{each}" for each in ("example", "sample", "template", "dist"))


class TfVars(Struct, frozen=True):
    """A file of variable values with its attributes."""

    source: Source
    values: Mapping[str, tuple[Expression, Span]]


class Inputs(Struct, frozen=True):
    """The values of the variables of a root module.

    `files` are in order of precedence (later wins). `below` counts less: what Terragrunt and pipelines set; `passed`
    counts more: what a pipeline writes on the command line. `examples` say which variables files set that are not in
    the tree.
    """

    files: Sequence[TfVars] = ()
    below: Mapping[str, Tree] = field(default_factory=dict)
    passed: Mapping[str, Tree] = field(default_factory=dict)
    examples: Sequence[TfVars] = ()

    def given(self, name: str, frame: Callable[[Source], HclFrame]) -> Tree | None:
        """What is given for a variable; None where nothing is. `frame` is what an expression of a file sees."""
        if name in self.passed:
            return self.passed[name]
        for file in reversed(self.files):
            if name in file.values:
                return settled(file.values[name][0], frame(file.source))
        return self.below.get(name)

    def __bool__(self) -> bool:
        """Whether anything sets any variable."""
        return bool(self.files or self.below or self.passed)

    def sets(self, name: str) -> bool:
        """Whether a file, a pipeline or Terragrunt sets a variable."""
        return name in self.below or name in self.passed or any(name in file.values for file in self.files)

    def by_default(self, name: str, default: Tree, frame: Callable[[Source], HclFrame]) -> Tree:
        """The default of a variable; Unknown where an example says that a file that is not there sets another value."""
        for file in self.examples:
            if name in file.values:
                expression, place = file.values[name]
                shown = settled(expression, frame(file.source))
                if not (decided(shown) and decided(default) and equal(plain(shown), plain(default))):
                    return Unknown(f"a file like {file.source.path}, not in the tree, sets variable {name!r}", place)
        return default


def variable_files(
    root: Root,
    value_files: Sequence[str],
    files: Files,
    syntaxes: Syntaxes,
    problems: dict[tuple[Span, str], ReadError],
) -> Sequence[TfVars]:
    """The files of variable values in order of precedence: terraform.tfvars, *.auto.tfvars, those named."""
    prefix = f"{root.path}/" if root.path else ""
    own = [path for path in value_files if path.startswith(prefix) and "/" not in path[len(prefix) :]]
    ordered = [path for name in ("terraform.tfvars", "terraform.tfvars.json") if (path := prefix + name) in own]
    ordered += [path for path in own if path.endswith((".auto.tfvars", ".auto.tfvars.json"))]
    ordered += [path for path in root.var_files if path not in ordered]
    return [made for path in ordered if (made := values(files.read(path), syntaxes, problems)) is not None]


def examples(
    root: Root, files: Files, syntaxes: Syntaxes, problems: dict[tuple[Span, str], ReadError]
) -> Sequence[TfVars]:
    """Examples of variable files beside a root module; none where the one of an environment is there."""
    if root.var_files:
        return []
    own = (path for path in files.ending(*_EXAMPLES) if posixpath.dirname(path) == root.path)
    return [made for path in own if (made := values(files.read(path), syntaxes, problems)) is not None]


def values(source: Source | None, syntaxes: Syntaxes, problems: dict[tuple[Span, str], ReadError]) -> TfVars | None:
    """A file of variable values; None where it cannot be read."""
    if source is None:
        return None
    try:
        file = read(source)
    except ReadError as error:
        problems[error.span, error.message] = error
        return None
    for problem in file.errors:
        problems[problem.span, problem.message] = problem
    found = {}
    for attribute in file.attributes:
        expression = syntaxes.value(source, attribute)
        if expression is not None:
            found[attribute.name] = (expression, source.span(attribute.start, attribute.end))
    return TfVars(source, found)
