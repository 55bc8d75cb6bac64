"""Configuration modules in memory, and what is read of them."""

from __future__ import annotations

from policyengine.model.nodes import ConfigModule
from policyengine.model.value import Known, Unknown
from policyengine.platforms.code import config_module
from policyengine.testing.memory import Memory

ZOD = 'import { z } from "zod";\n'
THROW = ' throw new Error("x");'


def modules(files: dict[str, str]) -> dict[str, ConfigModule]:
    """The modules by the folder of their application; every place is where its text stands."""
    found = {}
    for node in config_module.lower(Memory({"package.json": "{}"} | files)).nodes:
        assert isinstance(node, ConfigModule)
        found[node.directory] = node
        for key in node.keys:
            assert files[key.span.path][key.span.start : key.span.end] == key.key
            if isinstance(key.default, Known) and key.default.value:
                place = key.default.span
                assert files[place.path][place.start : place.end] == key.default.value
    return found


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
