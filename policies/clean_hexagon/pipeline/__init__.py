"""Side 6: what is deployed has passed the local stack, and schema changes reach the cloud by Terraform."""

from clean_hexagon.pipeline.browser_tests import playwright_against_dev_server
from clean_hexagon.pipeline.deployments import deploy_not_gated
from clean_hexagon.pipeline.drift import schema_migration_drift
from clean_hexagon.pipeline.gate import playwright_missing_after_compose, workflow_without_compose_gate
from clean_hexagon.pipeline.migrations import migrations_not_in_terraform, schema_push
from clean_hexagon.pipeline.promotion import immutable_ecr_moving_tag, mutable_image_tag, tested_image_not_deployed
from clean_hexagon.pipeline.resources import cloud_resource_not_in_terraform
from clean_hexagon.pipeline.strictness import gate_not_blocking, gate_not_canonical

RULES = (
    workflow_without_compose_gate,
    playwright_missing_after_compose,
    gate_not_canonical,
    gate_not_blocking,
    deploy_not_gated,
    tested_image_not_deployed,
    mutable_image_tag,
    playwright_against_dev_server,
    cloud_resource_not_in_terraform,
    migrations_not_in_terraform,
    schema_push,
    schema_migration_drift,
    immutable_ecr_moving_tag,
)
"""The rules of this side."""
