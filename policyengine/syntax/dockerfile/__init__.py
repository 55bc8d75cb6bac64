"""Dockerfiles as BuildKit reads them: instructions with their words, flags, heredocs, and the exact place of each."""

from policyengine.syntax.dockerfile.instructions import (
    Directive,
    Dockerfile,
    Flag,
    Heredoc,
    Instruction,
    Pair,
    Word,
    read,
)
from policyengine.syntax.dockerfile.words import Expanded, Reference, WordError, expand

__all__ = [
    "Directive",
    "Dockerfile",
    "Expanded",
    "Flag",
    "Heredoc",
    "Instruction",
    "Pair",
    "Reference",
    "Word",
    "WordError",
    "expand",
    "read",
]
