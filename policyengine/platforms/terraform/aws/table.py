"""Which resource makes which node. Another provider is added by adding rows.

| resource | node |
| --- | --- |
| aws_db_instance, aws_rds_cluster | Database |
| aws_elasticache_*, aws_memorydb_cluster | Cache |
| aws_opensearch_domain, aws_opensearchserverless_collection, aws_elasticsearch_domain | Search |
| aws_sqs_queue, aws_mq_broker, aws_msk_cluster | Queue |
| aws_s3_bucket | Bucket |
| aws_ecs_task_definition | Service for each container; MigrationRunner |
| aws_instance and other machines | Service and Datastore, where their start script writes a Compose file |
| aws_lb, aws_alb, aws_elb | LoadBalancer |
| aws_lb_target_group | TargetGroup; aws_ecs_service leads from it to the Service |
| aws_iam_role | Principal, where a task definition names it |
| aws_ecr_repository | Repository |
| aws_secretsmanager_secret, aws_ssm_parameter, infisical_* | Secret |
| terraform_data, null_resource | MigrationRunner, where they migrate |
| postgresql_extension | Extension |
| supabase_project | Database |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.platforms.terraform.aws import (
    balancers,
    containers,
    databases,
    machines,
    migrations,
    modules,
    principals,
    secrets,
)
from policyengine.platforms.terraform.resources.twins import named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from policyengine.model.graph import Edge
    from policyengine.model.nodes import Node
    from policyengine.platforms.terraform.resources.instances import Resource
    from policyengine.platforms.terraform.resources.stack import Stack

RESOURCES: Mapping[str, Callable[[Stack, Resource], Iterator[Node | Edge]]] = {
    "aws_db_instance": databases.database,
    "aws_rds_cluster": databases.cluster,
    "aws_elasticache_replication_group": databases.cache_group,
    "aws_elasticache_cluster": databases.cache_cluster,
    "aws_elasticache_serverless_cache": databases.cache_serverless,
    "aws_memorydb_cluster": databases.memorydb,
    "aws_opensearch_domain": databases.search,
    "aws_elasticsearch_domain": databases.search,
    "aws_opensearchserverless_collection": databases.search_serverless,
    "aws_sqs_queue": databases.queue,
    "aws_mq_broker": databases.queue,
    "aws_msk_cluster": databases.queue,
    "aws_s3_bucket": databases.bucket,
    "aws_ecs_task_definition": containers.task_definition,
    "aws_ecs_service": balancers.service,
    "aws_instance": machines.machine,
    "aws_spot_instance_request": machines.machine,
    "aws_launch_template": machines.machine,
    "aws_launch_configuration": machines.machine,
    "aws_lightsail_instance": machines.machine,
    "azurerm_linux_virtual_machine": machines.machine,
    "google_compute_instance": machines.machine,
    "digitalocean_droplet": machines.machine,
    "hcloud_server": machines.machine,
    "aws_lb": balancers.balancer,
    "aws_alb": balancers.balancer,
    "aws_elb": balancers.classic,
    "aws_lb_target_group": balancers.target_group,
    "aws_alb_target_group": balancers.target_group,
    "aws_iam_role": principals.role,
    "aws_ecr_repository": secrets.repository,
    "aws_secretsmanager_secret": secrets.secret,
    "data.aws_secretsmanager_secret": secrets.secret,
    "aws_ssm_parameter": secrets.parameter,
    "data.aws_ssm_parameter": secrets.parameter,
    "infisical_secret": secrets.infisical,
    "data.infisical_secret": secrets.infisical,
    "data.infisical_secrets": secrets.infisical,
    "infisical_secret_sync_aws_secrets_manager": secrets.synchronised,
    "infisical_secret_sync_aws_parameter_store": secrets.synchronised,
    "postgresql_extension": migrations.extension,
    "terraform_data": migrations.runner,
    "null_resource": migrations.runner,
    "supabase_project": databases.supabase,
}
"""By type; a data source by `data.` and its type."""

SUPPORTING = frozenset(
    {
        "aws_db_parameter_group",
        "aws_rds_cluster_parameter_group",
        "aws_rds_cluster_instance",
        "aws_elasticache_parameter_group",
        "aws_memorydb_parameter_group",
        "aws_lb_listener",
        "aws_alb_listener",
        "aws_lb_listener_rule",
        "aws_alb_listener_rule",
        "aws_iam_policy",
        "data.aws_iam_policy",
        "data.aws_iam_policy_document",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_iam_policy_attachment",
        "data.cloudinit_config",
        "data.template_cloudinit_config",
        "aws_secretsmanager_secret_version",
        "data.aws_secretsmanager_secret_version",
        "data.aws_rds_engine_version",
        "data.aws_ecr_repository",
        "aws_sqs_queue_redrive_policy",
        "aws_lambda_invocation",
    }
)
"""Types that make no node of their own but tell something about another."""

MODULES: tuple[tuple[str, Callable[[Stack, Resource], Iterator[Node | Edge]]], ...] = (
    ("terraform-aws-modules/rds-aurora/aws", databases.cluster_module),
    ("terraform-aws-modules/terraform-aws-rds-aurora", databases.cluster_module),
    ("terraform-aws-modules/rds/aws", databases.database_module),
    ("terraform-aws-modules/terraform-aws-rds", databases.database_module),
    ("terraform-aws-modules/elasticache/aws", databases.cache_module),
    ("terraform-aws-modules/terraform-aws-elasticache", databases.cache_module),
    ("terraform-aws-modules/ecs/aws//modules/service", modules.service_module),
    ("terraform-aws-modules/ecs/aws", modules.cluster_module),
    ("terraform-aws-modules/ecr/aws", secrets.repository),
    ("terraform-aws-modules/ec2-instance/aws", machines.machine),
    ("terraform-aws-modules/autoscaling/aws", machines.machine),
    ("terraform-aws-modules/alb/aws", balancers.module),
    ("terraform-aws-modules/opensearch/aws", databases.search),
    ("terraform-aws-modules/secrets-manager/aws", secrets.secret),
    ("terraform-aws-modules/ssm-parameter/aws", secrets.parameter),
    ("terraform-aws-modules/sqs/aws", databases.queue),
    ("terraform-aws-modules/s3-bucket/aws", databases.bucket),
)
"""Modules that are not in the repository, by a part of their source; the first that fits counts."""

KINDS = frozenset(RESOURCES) | SUPPORTING


def inputs_tell(source: str) -> bool:
    """Whether the inputs of a module, by its source, tell what it makes."""
    return any(part in source for part, _ in MODULES)


def build(stack: Stack) -> Iterator[Node | Edge]:
    """The nodes and edges that the resources of a root module make."""
    for resource in stack.resources:
        if resource.mode == "module":
            builder = next((make for part, make in MODULES if part in resource.kind), None)
        else:
            builder = RESOURCES.get(resource.typed)
        if builder is not None:
            yield from (named(made, resource) for made in builder(stack, resource))
