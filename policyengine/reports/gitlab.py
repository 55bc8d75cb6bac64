"""GitLab's Code Quality report, which a merge request shows.

Source: docs.gitlab.com/ci/testing/code_quality, the subset of the CodeClimate format that GitLab reads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from policyengine.reports.entry import entries
from policyengine.reports.identity import digest, identity, unique
from policyengine.reports.lines import visible
from policyengine.reports.view import View

if TYPE_CHECKING:
    from policyengine.rules.evaluate import Report

_SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}


def report(found: Report, prefix: str = "") -> str:
    """The report as a JSON array: an issue for each finding, and one for each file that could not be read."""
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
        for each in entries(view, prefix)
    ]
    for failure in found.failures:
        if failure.span is not None:
            message = visible(view.redactor.text(failure.message))
            issues.append(
                {
                    "description": f"This file could not be read: {message}.",
                    "check_name": "PE9001",
                    "fingerprint": unique(digest("PE9001", failure.span.path, failure.message), seen),
                    "severity": "blocker",
                    "location": {
                        "path": visible(prefix + failure.span.path),
                        "lines": {"begin": view.position(failure.span)[0]},
                    },
                }
            )
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"
