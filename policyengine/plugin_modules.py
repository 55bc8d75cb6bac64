"""The modules of plug-ins: those that the environment's entry points name, and those that `--pack` names."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from policyengine.entry_points import EXTENSIONS, PACKS, described, installed
from policyengine.model.source import UsageError
from policyengine.rules import declarative

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

PACK = "policy pack"
_KINDS = {PACKS: PACK, EXTENSIONS: "extension"}
_PROJECT = "pyproject.toml"
_NAMED = "named by --pack"
_OWN = Path(__file__).parent


class Plugin(Struct, frozen=True, eq=False):
    """A loaded module, and how messages call it: `policy pack 'acme'`.

    `distribution` is what installed it, such as `acme-policies 1.2.0`; empty for one that the command line names.
    """

    module: ModuleType
    kind: str
    name: str
    distribution: str = ""

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"

    @property
    def top(self) -> str:
        """The package that the module is in, or its own name."""
        return self.module.__name__.partition(".")[0]


def modules(extra: Sequence[str]) -> Iterator[Plugin]:
    """The plug-ins of the environment, then those named by module, file or folder.

    Raises:
        UsageError: one does not import.
    """
    for point in installed():
        top = point.module.partition(".")[0]
        if getattr(getattr(sys.modules.get(top), "__spec__", None), "loader_state", None) == _NAMED:
            _forget(top)  # it stood in for the installed one when plug-ins were loaded before
        with quiet(f"the installed {_KINDS[point.group]} '{point.name}' does not load"):
            module = importlib.import_module(point.module)
        yield Plugin(module, _KINDS[point.group], point.name, described(point.distribution))
    for name in extra:
        for module in _named(name):
            kind = PACK if hasattr(module, "policyengine_pack") else _KINDS[EXTENSIONS]
            yield Plugin(module, kind, name)


def reason(error: BaseException) -> str:
    """An error in one line; one of ours, which names file and line, says all that there is to say."""
    if isinstance(error, UsageError):
        return str(error)
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


@contextmanager
def quiet(said: str) -> Iterator[None]:
    """Code of a plug-in runs within: what it prints goes to standard error, and what it raises is one sentence.

    Raises:
        UsageError: `said`, with what was raised, an end of the program too, and where in the plug-in.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except UsageError as error:
        raise UsageError(f"{said}: {error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a pack may raise anything
        place, trace = "", error.__traceback__
        while trace is not None:
            file = Path(trace.tb_frame.f_code.co_filename)
            if file.is_file() and not file.is_relative_to(_OWN):
                shown = f"{file.parent.name}/{file.name}" if file.stem == "__init__" else file.name
                place = f" ({shown}:{trace.tb_lineno})"
            trace = trace.tb_next
        if isinstance(error, ModuleNotFoundError) and place:
            place += "; install it into the environment of policyengine"
        raise UsageError(f"{said}: {reason(error)}{'' if isinstance(error, SyntaxError) else place}") from error


def _named(name: str) -> Iterator[ModuleType]:
    if not name.strip():
        raise UsageError("--pack is empty; name a module, a file or a folder")
    path = Path(name)
    if declarative.is_pack(path):
        yield declarative.module(name)
    elif not (name.endswith(".py") or "/" in name or path.is_dir()):
        yield _imported(name, name)
    elif path.is_dir() and not (path / "__init__.py").is_file() and (path / _PROJECT).is_file():
        for module in _of_project(name, path / _PROJECT):
            top = module.partition(".")[0]
            places = [base / each for base in (path, path / "src") for each in (top, f"{top}.py")]
            place = next((each for each in places if each.exists()), None)
            if place is None:
                raise UsageError(f"policy pack '{name}': {_PROJECT} names the module '{module}', which is not there")
            loaded = _at(name, place)
            yield _imported(name, module) if module != top else loaded
    else:
        yield _at(name, path)


def _of_project(name: str, file: Path) -> list[str]:
    """The modules that a project names as its entry points."""
    import tomllib  # noqa: PLC0415  only for the folder of a project

    try:
        points = tomllib.loads(file.read_text("utf-8")).get("project", {}).get("entry-points", {})
        values = [value for group in (PACKS, EXTENSIONS) for value in points.get(group, {}).values()]
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"policy pack '{name}': {_PROJECT} cannot be read: {reason(error)}") from error
    if not values:
        raise UsageError(f"policy pack '{name}': {_PROJECT} has no [project.entry-points.\"{PACKS}\"]")
    return [str(value).partition(":")[0].strip() for value in values]


def _imported(name: str, module: str) -> ModuleType:
    with quiet(f"policy pack '{name}' does not import"):
        return importlib.import_module(module)


def _at(name: str, path: Path) -> ModuleType:
    """The module in a file or folder, also where one of the same name is installed as a plug-in."""
    file = path / "__init__.py" if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        lacking = f"no rules in YAML with 'pack: NAME', no {_PROJECT} and no __init__.py"
        raise UsageError(f"policy pack '{name}' is a folder without a pack: it has {lacking}")
    if not file.is_file():
        raise UsageError(f"policy pack '{name}' has no file {file}")
    stem = path.resolve().stem.replace("-", "_")
    spec = importlib.util.spec_from_file_location(
        stem, file.resolve(), submodule_search_locations=[str(path.resolve())] if path.is_dir() else None
    )
    if spec is None or spec.loader is None:
        raise UsageError(f"policy pack '{name}' is not a Python file")
    if stem in sys.stdlib_module_names:
        raise UsageError(f"policy pack '{name}' has the name of Python's own module '{stem}'; rename it")
    if stem in sys.modules:
        former = sys.modules[stem]
        if Path(getattr(former, "__file__", None) or "").resolve() == file.resolve():
            return former
        if stem not in {point.module.partition(".")[0] for point in installed()} - {"policyengine"}:
            raise UsageError(f"policy pack '{name}' has the name of the imported module '{stem}'; rename it")
        _forget(stem)
    spec.loader_state = _NAMED
    module = importlib.util.module_from_spec(spec)
    sys.modules[stem] = module
    try:
        with quiet(f"policy pack '{name}' does not import"):
            spec.loader.exec_module(module)
    except UsageError:
        del sys.modules[stem]
        raise
    return module


def _forget(top: str) -> None:
    """Take a package out of the imported modules, so that its name can be another's."""
    for name in [each for each in sys.modules if each == top or each.startswith(f"{top}.")]:
        del sys.modules[name]
