"""GitLab's Code Quality report, which a merge request shows.

Source: docs.gitlab.com/ci/testing/code_quality, the subset of the CodeClimate format that GitLab reads. It compares the
reports of both branches itself, so this one holds all findings, also with `--since`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policyengine.reports.entry import entries, spot, undone
from policyengine.reports.identity import digest, identity, unique
from policyengine.reports.lines import visible
from policyengine.reports.view import View

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def report(found: Report, prefix: str = "") -> str:
    """The report as a JSON array: an issue for each finding and each file that was not read, one of what is waived."""
    view = View.of(found)
    seen: dict[str, int] = {}
    issues: list[dict[str, object]] = [
        {
            "description": each.whole,
            "check_name": each.result.rule.id,
            "fingerprint": unique(identity(each.result), seen),
            "severity": _SEVERITIES[each.severity],
            "location": {"path": each.at.path, "lines": {"begin": each.at.line, "end": each.at.last_line}},
        }
        for each in entries(view, prefix, known=True)
    ]
    issues += [
        {
            "description": f"This file could not be read: {lost.message}.",
            "check_name": "PE9001",
            "fingerprint": unique(digest("PE9001", lost.at.path, lost.message), seen),
            "severity": "blocker",
            "location": {"path": lost.at.path, "lines": {"begin": lost.at.line}},
        }
        for lost in undone(view, prefix)
        if lost.at is not None
    ]
    first = min((each.at for each in found.waived if each.at is not None), default=None)
    if first is not None:  # the format has no other room for it
        at = spot(view, prefix, first)
        issues.append(
            {
                "description": f"{visible(view.debt)}.",
                "check_name": "PE9003",
                "fingerprint": unique(digest("PE9003", at.path, ""), seen),
                "severity": "info",
                "location": {"path": at.path, "lines": {"begin": at.line}},
            }
        )
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"
