"""Dockerfiles as BuildKit reads them: instructions with their words, flags, heredocs, and the exact place of each."""

from policyengine.syntax.dockerfile.instructions import (
    Argument,
    Dockerfile,
    Flag,
    Heredoc,
    Instruction,
    KeyValue,
    ParserDirective,
    read,
)
from policyengine.syntax.dockerfile.words import ExpandedWord, VariableUse, WordError, expand

__all__ = [
    "Argument",
    "Dockerfile",
    "ExpandedWord",
    "Flag",
    "Heredoc",
    "Instruction",
    "KeyValue",
    "ParserDirective",
    "VariableUse",
    "WordError",
    "expand",
    "read",
]
