"""Which forms Docker Compose takes for each attribute: asked once, recorded in shapes.json, compared without it.

python -m tests.oracle.compose.shapes            # print where we differ from the record
python -m tests.oracle.compose.shapes --record   # ask Docker Compose anew

A question is a small project with one form at the place of one attribute. The attributes that are asked about are
those that we know; the forms are the same for all, with the words and bounds that each has besides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from policyengine.model.source import ReadError, Source
from policyengine.platforms.compose.load import load
from policyengine.platforms.compose.shapes import Atom, Either, Keyed, ListOf, MapOf
from policyengine.platforms.compose.specification import FILE, SERVICE
from tests.oracle.compose.printing import printed
from tests.oracle.compose_oracle import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policyengine.platforms.compose.shapes import ValueShape

Form: TypeAlias = Any
"""A value of a Compose file as JSON has it."""

RECORD = Path(__file__).with_name("shapes.json")
HERE = "@"
SCALARS: tuple[Form, ...] = ("t", 3, 3.5, True, None, {}, [])
LISTS: tuple[Form, ...] = (["t"], ["t", "t"], [3], [3, 3], [3.5], [True], [None], [{}], [{"a": "t"}], [["t"]])
MAPPINGS: tuple[Form, ...] = (
    {"x-a": 1}, {"a": "t"}, {"A b": "t"}, {"a": None}, {"a": 3}, {"a": 3.5}, {"a": True}, {"a": ["t"]}, {"a": {}},
)  # fmt: skip
WORDS: dict[str, tuple[str, ...]] = {
    "container_name": ("a", "ab", "-ab", "a.b-c_d", "é"),
    "pull_policy": ("if_not_present", "missing", "daily", "weekly", "every_3d", "every_1w2h", "every_", "monthly"),
}
"""Words to ask an attribute with a pattern about."""


class Alone:
    """A folder that holds only `compose.yml`."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, path: str) -> Source | None:
        """The file, or None for any other."""
        return Source(path, self.text) if path == "compose.yml" else None


def places(shape: ValueShape, around: Form, path: str) -> Iterator[tuple[str, Form, ValueShape]]:
    """Every attribute below a shape with a document that has `HERE` in its place."""
    yield path, around, shape
    if path.endswith(".pre_start.0"):
        return
    match shape:
        case Keyed():
            for key, below in shape.fields.items():
                others = {each: _least(shape.fields[each]) for each in shape.required if each != key}
                yield from places(below, _put(around, {**others, key: HERE}), f"{path}.{key}".lstrip("."))
        case MapOf():
            yield from places(shape.item, _put(around, {"a": HERE}), f"{path}.a")
        case ListOf():
            yield from places(shape.item, _put(around, [HERE]), f"{path}.0")
        case Either():
            for each in shape.shapes:
                if not isinstance(each, Atom):
                    yield from (found for found in places(each, around, path) if found[0] != path)
        case _:
            pass


def _least(shape: ValueShape) -> Form:
    """A value of a shape."""
    match shape:
        case Atom(values=(first, *_)):
            return first
        case Atom(types=types):
            return {"s": "t", "i": 1, "n": 1, "b": True, "0": None}[types[0]]
        case Keyed():
            return {key: _least(shape.fields[key]) for key in shape.required}
        case ListOf():
            return [_least(shape.item)]
        case MapOf():
            return {}
        case Either():
            return _least(shape.shapes[0])
        case _:
            raise TypeError(shape)


def _put(around: Form, value: Form) -> Form:
    """A document with a value where `HERE` stands."""
    if around == HERE:
        return value
    if isinstance(around, dict):
        return {key: _put(each, value) for key, each in around.items()}
    return [_put(each, value) for each in around] if isinstance(around, list) else around


def document(around: Form, value: Form) -> str:
    """The project that asks about one form."""
    made = _put(around, value)
    if isinstance(made, dict) and isinstance(made.get("services", {}), dict):
        named = made.get("services", {"s": {}})
        services = {
            key: {"image": "i", **each}
            if isinstance(each, dict) and not {"build", "provider", "extends"} & each.keys()
            else each
            for key, each in named.items()
        }
        made = {"name": "n", **made, "services": services}
    return json.dumps(made, indent=0)


HOOK = SERVICE.fields["pre_start"].item  # type: ignore[attr-defined]


def forms(path: str, shape: ValueShape) -> list[Form]:
    """What an attribute is asked about."""
    found = list(SCALARS)
    if path.endswith(".pre_start.0"):
        return [*found, *({key: _least(each)} for key, each in {**SERVICE.fields, **HOOK.fields}.items())]
    match shape:
        case Atom():
            found += [form for word in shape.values for form in (word, f"zz{word}")]
            found += [form for bound in (shape.least, shape.most) if bound is not None
                      for form in (int(bound) - 1, int(bound), int(bound) + 1)]  # fmt: skip
            found += WORDS.get(path.rpartition(".")[2], ()) if shape.pattern else ()
        case _:
            found += [*LISTS, *MAPPINGS]
            for each in shape.shapes if isinstance(shape, Either) else (shape,):
                if isinstance(each, Keyed) and each.required:
                    whole = {key: _least(each.fields[key]) for key in each.required}
                    found += [whole, {**whole, "x-a": 1}, {**whole, "other": 1}]
                    found += [{key: whole[key] for key in whole if key != left} for left in whole]
                if isinstance(each, MapOf):
                    found += [{key: _least(each.item)} for key in ("a", "A", "a.b", "a_b-c", "9", "a b", "x-a")]
                if isinstance(each, ListOf):
                    found += [[_least(each.item)], [_least(each.item)] * 2]
    return found


def ours(text: str) -> str:
    """What we say of a project: empty, or why we refuse it."""
    try:
        printed(load(Alone(text), "", (), environment={}, name="n", strict=True))
    except ReadError as error:
        return str(error)
    return ""


def theirs(text: str) -> str:
    """What Docker Compose says."""
    program = command()
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "compose.yml").write_text(text)
        done = subprocess.run(
            [program, "config", "-q", "--no-path-resolution"],
            cwd=folder, env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
            capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    return (done.stderr or "refused") if done.returncode else ""


def main() -> None:
    """Record, or print the differences."""
    if "--record" in sys.argv:
        asked = {
            path: (around, list({json.dumps(form): form for form in forms(path, shape)}.values()))
            for path, around, shape in places(FILE, HERE, "")
        }
        kept = json.loads(RECORD.read_text("utf-8")) if RECORD.is_file() else {}
        record = {}
        with ThreadPoolExecutor(2) as pool:
            for path, (around, each) in asked.items():
                old = kept.get(path, {"taken": [], "refused": []})
                known = {
                    json.dumps(form): why for why in ("", "refused") for form in old["refused" if why else "taken"]
                }
                answers = list(
                    pool.map(
                        lambda form, known=known, around=around: (
                            known.get(json.dumps(form)) if json.dumps(form) in known else theirs(document(around, form))
                        ),
                        each,
                    )
                )
                record[path] = {
                    "in": around,
                    "taken": [form for form, why in zip(each, answers, strict=True) if not why],
                    "refused": [form for form, why in zip(each, answers, strict=True) if why],
                }
        lines = [f" {json.dumps(path)}: {json.dumps(each)}" for path, each in record.items()]
        RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    wrong = [line for path, each in recorded().items() for line in differences(path, each)]
    sys.stdout.write("".join(f"{line}\n" for line in wrong) + f"{len(wrong)} differ\n")


def recorded() -> dict[str, dict[str, Form]]:
    """For each attribute the forms that Docker Compose takes, and those that it refuses."""
    found: dict[str, dict[str, Form]] = json.loads(RECORD.read_text("utf-8"))
    return found


def differences(path: str, each: dict[str, Form]) -> list[str]:
    """Where we take what Docker Compose refuses, or the other way about."""
    found = [
        f"{path}: {json.dumps(form)} is taken, but we say: {why}"
        for form in each["taken"]
        if (why := ours(document(each["in"], form)))
    ]
    found += [
        f"{path}: {json.dumps(form)} is refused, and we take it"
        for form in each["refused"]
        if not ours(document(each["in"], form))
    ]
    return found


if __name__ == "__main__":
    main()
