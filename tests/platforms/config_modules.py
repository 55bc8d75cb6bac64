"""Configuration modules in memory, and what is read of them."""

from __future__ import annotations

from policyengine.model.nodes import ConfigModule
from policyengine.model.value import Known, Unknown
from policyengine.platforms.code import config_module
from policyengine.testing.memory import Memory

ZOD = 'import { z } from "zod";\n'
THROW = ' throw new Error("x");'


def lowered(files: dict[str, str]) -> list[ConfigModule]:
    """The modules of these files; every place is where its text stands."""
    found = []
    for node in config_module.lower(Memory(files)).nodes:
        assert isinstance(node, ConfigModule)
        found.append(node)
        for key in node.keys:
            text = files[key.span.path]
            written = text[key.span.start : key.span.end]
            made = key.span.path.endswith((".py", ".go"))  # of the name of a field and a prefix, or by `env.db()`
            made = made and bool(written) and (key.key.lower().endswith(written.lower()) or key.key not in text)
            assert written == key.key or made
            if isinstance(key.default, Known) and key.default.value:
                place = key.default.span
                assert files[place.path][place.start : place.end] == key.default.value
    return found


def modules(files: dict[str, str]) -> dict[str, ConfigModule]:
    """The modules of JavaScript by the folder of their application."""
    return {node.directory: node for node in lowered({"package.json": "{}"} | files)}


def module(text: str, path: str = "src/config.ts", **more: str) -> ConfigModule:
    return modules({path: text, **{name.replace("__", "/"): text for name, text in more.items()}})[""]


def told(found: ConfigModule) -> dict[str, object]:
    """For each variable: True, False, the default in force, the others that may stand in, or why it is not told."""
    answers: dict[str, object] = {}
    for key in found.keys:
        if isinstance(key.required, Unknown):
            answers[key.key] = key.required.reason
            continue
        assert isinstance(key.required, Known)
        default = key.default.value if isinstance(key.default, Known) else None
        answers[key.key] = key.alternatives or (default if default is not None else key.required.value)
    return answers


SOMETIMES = "it is required under a condition"
PRODUCTION = "it is required in production only"
ELSEWHERE = "it is required outside production only"
PLAIN = "the code reads it without a check"
PROFILE = "it is required in a profile only"
LATER = "it is asked for where it is used"
