"""Which managed service a host, a variable or a module is of."""

from __future__ import annotations

import pytest

from policyengine.knowledge.cloud_services import service_at, service_of_deployment, service_of_variable


@pytest.mark.parametrize(
    ("host", "title"),
    [
        ("db.c1abc9.eu-west-1.rds.amazonaws.com", "RDS"),
        ("main.cluster-c1abc9.us-east-1.rds.amazonaws.com", "RDS"),
        ("master.main.abc.euc1.cache.amazonaws.com", "ElastiCache"),
        ("clustercfg.main.abc.memorydb.us-east-1.amazonaws.com", "MemoryDB"),
        ("sqs.eu-west-1.amazonaws.com", "SQS"),
        ("search-x-abc.eu-west-1.es.amazonaws.com", "OpenSearch"),
        ("abcdefgh.supabase.co", "Supabase"),
        ("aws-0-eu-central-1.pooler.supabase.com", "Supabase"),
        ("ep-cool-1.eu-central-1.aws.neon.tech", "Neon"),
        ("main.abc.mongodb.net", "MongoDB Atlas"),
        ("shop.postgres.database.azure.com", "Azure Database for PostgreSQL"),
        ("supabase.com", ""),
        ("rds.amazonaws.com.example.org", ""),
        ("localhost", ""),
    ],
)
def test_a_host_is_of_a_service(host: str, title: str) -> None:
    found = service_at(host)
    assert (found.title if found is not None else "") == title


def test_variables_and_deployments_are_of_services() -> None:
    told = [service_of_variable("SUPABASE_URL"), service_of_variable("DATABASE_URL"), service_of_deployment("ecs")]
    assert [each.title if each is not None else "" for each in told] == ["Supabase", "", "ECS"]


@pytest.mark.parametrize(
    ("types", "modules", "defined"),
    [
        (["aws_db_instance"], [], True),
        (["aws_rds_cluster"], [], True),
        (["aws_dynamodb_table"], [], False),
        ([], ["terraform-aws-modules/rds-aurora/aws"], True),
        ([], ["database"], True),
        ([], ["terraform-aws-modules/vpc/aws"], False),
    ],
)
def test_resources_and_modules_define_a_service(types: list[str], modules: list[str], defined: bool) -> None:
    service = service_at("a.b.eu-west-1.rds.amazonaws.com")
    assert service is not None
    assert service.defined(types, modules) is defined
