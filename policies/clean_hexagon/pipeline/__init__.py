"""Side 6: what is deployed has passed the local stack, and schema changes reach the cloud by Terraform."""

from clean_hexagon.pipeline.deployments import deploy_not_gated
from clean_hexagon.pipeline.gate import playwright_missing_after_compose, workflow_without_compose_gate
from clean_hexagon.pipeline.migrations import migrations_not_in_terraform

RULES = (
    workflow_without_compose_gate,
    playwright_missing_after_compose,
    deploy_not_gated,
    migrations_not_in_terraform,
)
"""The rules of this side."""
