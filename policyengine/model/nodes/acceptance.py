"""What the configuration, or a comment, accepts of the findings."""

from __future__ import annotations

from policyengine.model.nodes.node import Node


class Acceptance(Node, frozen=True, kw_only=True):
    """A waiver, or a rule that is switched off; `name` is the id or prefix of the rules.

    `off` tells that findings are not even counted. `owner` and `expires` (a day as it is written) are empty where they
    are not given; `expired` tells that the day is over.
    """

    off: bool = False
    about: str = ""  # the subject that a waiver names
    owner: str = ""
    expires: str = ""
    expired: bool = False
