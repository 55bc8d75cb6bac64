"""Names are shown, whatever placeholders say: a dummy that is also a name hides no name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.reports.redact import Redactor
from policyengine.testing import scan_files

if TYPE_CHECKING:
    from pathlib import Path

    from policyengine.plugins import Plugins


def test_a_placeholder_that_is_a_name_or_says_test_hides_no_name(tmp_path: Path, installed: Plugins) -> None:
    env = "API_TOKEN=SLACK_BOT_CHANNEL\nSLACK_BOT_CHANNEL=news\nJWT_SECRET=e2e-test\nDB_PASSWORD=Kq7-vX2pLm9w\n"
    files = {"compose.yaml": "services: {app: {image: node:22, env_file: app.env}}\n", "app.env": env}
    report = scan_files(files, tmp_path, installed)
    shown = Redactor(report.graph, report.sources)
    assert shown.text("'SLACK_BOT_CHANNEL' of run-e2e-tests, Kq7-vX2pLm9w") == (
        "'SLACK_BOT_CHANNEL' of run-e2e-tests, ************"
    )
    lines = shown.file("app.env", env).splitlines()
    assert lines == [
        "API_TOKEN=*****************",
        "SLACK_BOT_CHANNEL=news",
        "JWT_SECRET=********",
        "DB_PASSWORD=************",
    ]
