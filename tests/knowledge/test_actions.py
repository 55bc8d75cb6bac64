"""What published actions do: the expectations are their own READMEs, cited by the table."""

from __future__ import annotations

import pytest

from policyengine.knowledge import actions
from policyengine.knowledge.loading import table

TABLE = table("actions", actions.Actions)


@pytest.mark.parametrize("name", TABLE.actions)
def test_every_action_of_the_table_is_known_by_its_name_at_any_version(name: str) -> None:
    entry = TABLE.actions[name]
    script = entry.script or ("script" if entry.does in {"run", "run-remote"} else "")
    for uses in (f"{name}@v1", f"{name.upper()}@main"):
        assert actions.action(uses.replace("*", "anything"), [script]) == entry
    assert actions.script_of(entry, [script]) == (script or None)
    assert actions.script_of(entry, []) == (script if entry.default else None)


@pytest.mark.parametrize(
    ("uses", "script", "does"),
    [
        ("acme/setup-node@v1", False, "nothing"),
        ("acme/action-setup@v1", False, "nothing"),
        ("acme/tools/install-kubectl@v1", False, "nothing"),
        ("acme/setup-compose-stack@v1", False, None),
        ("acme/actions/terraform/apply@v1", False, "deploy"),
        ("acme/terraform-plan@v1", False, "nothing"),
        ("acme/tofu-apply@v1", False, "deploy"),
        ("appleboy/ssh-action@v1", True, "run-remote"),
        ("appleboy/ssh-action@v1", False, None),
        ("cloudflare/wrangler-action@v3", False, "run"),
        ("pulumi/actions@v6", False, None),
        ("acme/setup-xvfb@v1", True, "run"),
        ("acme/setup-xvfb@v1", False, "nothing"),
        ("nick-fields/retry@v3", True, "run"),
        ("superfly/flyctl-actions/setup-flyctl@master", False, "nothing"),
        ("acme/anything@v1", True, None),
        ("@", False, None),
        ("", False, None),
    ],
)
def test_other_actions_are_told_by_the_words_of_their_names(uses: str, script: bool, does: str | None) -> None:
    found = actions.action(uses, ["script", "command"] if script else [])
    assert (found.does if found else None) == does
