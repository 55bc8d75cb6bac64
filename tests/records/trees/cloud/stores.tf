resource "aws_db_instance" "main" {
  identifier                 = "main"
  engine                     = "postgres"
  engine_version             = "16.4"
  db_name                    = "app"
  port                       = 5433
  auto_minor_version_upgrade = false
  parameter_group_name       = aws_db_parameter_group.main.name
}

resource "aws_db_parameter_group" "main" {
  name   = "main"
  family = "postgres16"
  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  parameter {
    name  = var.tag
    value = "2"
  }
}

resource "aws_db_instance" "replica" {
  replicate_source_db = aws_db_instance.main.identifier
}

resource "aws_db_instance" "named_group" {
  engine               = "mariadb"
  engine_version       = "10.11"
  parameter_group_name = "default.mariadb10.11"
}

resource "aws_db_instance" "by_name" {
  engine               = "mysql"
  engine_version       = "8.0.35"
  name                 = "old"
  parameter_group_name = "main"
}

resource "aws_db_instance" "sql_server" {
  engine               = "sqlserver-ex"
  engine_version       = var.tag
  parameter_group_name = var.tag
}

resource "aws_db_instance" "restored" {
  snapshot_identifier = "snap"
}

data "aws_rds_engine_version" "exact" {
  engine  = "postgres"
  version = "15.6"
}

data "aws_rds_engine_version" "preferred" {
  engine             = "postgres"
  preferred_versions = ["14.12", "14.11"]
}

data "aws_rds_engine_version" "latest" {
  engine = "postgres"
  latest = true
}

resource "aws_db_instance" "exact" {
  engine         = "postgres"
  engine_version = data.aws_rds_engine_version.exact.version
}

resource "aws_db_instance" "preferred" {
  engine         = "postgres"
  engine_version = data.aws_rds_engine_version.preferred.version_actual
}

resource "aws_db_instance" "latest" {
  engine         = "postgres"
  engine_version = data.aws_rds_engine_version.latest.version
}

resource "aws_rds_cluster" "aurora" {
  cluster_identifier              = "aurora"
  engine                          = "aurora-postgresql"
  engine_version                  = "15.4"
  database_name                   = "orders"
  db_cluster_parameter_group_name = aws_rds_cluster_parameter_group.aurora.name
}

resource "aws_rds_cluster_parameter_group" "aurora" {
  name   = "aurora"
  family = "aurora-postgresql15"
  parameter {
    name  = "timezone"
    value = "UTC"
  }
}

resource "aws_rds_cluster_instance" "one" {
  cluster_identifier         = aws_rds_cluster.aurora.id
  auto_minor_version_upgrade = false
}

resource "aws_rds_cluster_instance" "two" {
  cluster_identifier         = "aurora"
  auto_minor_version_upgrade = true
}

resource "aws_rds_cluster" "plain" {
  cluster_identifier = "plain"
}

module "rds" {
  source                     = "terraform-aws-modules/rds/aws"
  engine                     = "postgres"
  engine_version             = "13.14"
  db_name                    = "modular"
  family                     = "postgres13"
  auto_minor_version_upgrade = true
  parameters                 = [{ name = "log_statement", value = "all" }]
}

module "aurora" {
  source                            = "terraform-aws-modules/rds-aurora/aws"
  engine_version                    = "14.9"
  db_cluster_parameter_group_family = "aurora-postgresql14"
  db_cluster_parameter_group_parameters = [
    { name = "shared_preload_libraries", value = "pg_stat_statements" }
  ]
  db_parameter_group_parameters = [{ name = "work_mem", value = "4096" }]
}

module "aurora_next" {
  source = "terraform-aws-modules/rds-aurora/aws"
  engine = "aurora-mysql"
  cluster_parameter_group = {
    family     = "aurora-mysql8.0"
    parameters = [{ name = "time_zone", value = "UTC" }]
  }
}

resource "aws_elasticache_replication_group" "sessions" {
  engine_version             = "7.1"
  port                       = 6380
  transit_encryption_enabled = true
  auth_token                 = var.tag
  parameter_group_name       = "default.redis7.cluster.on"
}

resource "aws_elasticache_replication_group" "valkey" {
  engine               = "valkey"
  engine_version       = "8.0"
  num_node_groups      = 2
  parameter_group_name = aws_elasticache_parameter_group.valkey.name
}

resource "aws_elasticache_parameter_group" "valkey" {
  name   = "valkey"
  family = "valkey8"
  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

resource "aws_elasticache_replication_group" "sharded" {
  engine_version = "6.x"
  cluster_mode {
    num_node_groups = 3
  }
}

resource "aws_elasticache_replication_group" "enabled" {
  engine_version = "7.0"
  cluster_mode   = "enabled"
  user_group_ids = ["group"]
}

resource "aws_elasticache_replication_group" "by_parameter" {
  parameter_group_name = "clustered"
}

resource "aws_elasticache_parameter_group" "clustered" {
  name   = "clustered"
  family = "redis6.x"
  parameter {
    name  = "cluster-enabled"
    value = "yes"
  }
}

resource "aws_elasticache_replication_group" "secondary" {
  global_replication_group_id = "global"
}

resource "aws_elasticache_replication_group" "counted" {
  num_node_groups = var.unset_count
}

resource "aws_elasticache_cluster" "member" {
  replication_group_id = aws_elasticache_replication_group.sessions.id
}

resource "aws_elasticache_cluster" "memcached" {
  engine         = "memcached"
  engine_version = "1.6.22"
}

resource "aws_elasticache_serverless_cache" "less" {
  engine               = "redis"
  major_engine_version = "7"
}

module "cache" {
  source                 = "terraform-aws-modules/elasticache/aws"
  engine_version         = "7.2"
  cluster_mode_enabled   = true
  parameter_group_family = "redis7"
  parameters             = [{ name = "latency-tracking", value = "yes" }]
}

resource "aws_memorydb_cluster" "memory" {
  engine_version       = "7.1"
  tls_enabled          = false
  acl_name             = "open-access"
  parameter_group_name = aws_memorydb_parameter_group.memory.id
}

resource "aws_memorydb_parameter_group" "memory" {
  family = "memorydb_redis7"
  parameter {
    name  = "activedefrag"
    value = "yes"
  }
}

resource "aws_opensearch_domain" "logs" {
  engine_version = "OpenSearch_2.11"
}

resource "aws_opensearch_domain" "elastic" {
  engine_version = "Elasticsearch_7.10"
}

resource "aws_opensearch_domain" "open" {
  engine_version = var.tag
}

resource "aws_elasticsearch_domain" "old" {
  elasticsearch_version = "6.8"
}

resource "aws_opensearchserverless_collection" "less" {
  name = "less"
}

module "search" {
  source         = "terraform-aws-modules/opensearch/aws"
  engine_version = "OpenSearch_1.3"
}

resource "aws_sqs_queue" "jobs" {
  name           = "jobs"
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 3 })
}

resource "aws_sqs_queue" "dead" {
  name = "dead"
}

resource "aws_sqs_queue" "mail" {
  name = "mail"
}

resource "aws_sqs_queue" "mail_dead" {
  name = "mail-dead"
}

resource "aws_sqs_queue_redrive_policy" "mail" {
  queue_url      = aws_sqs_queue.mail.id
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.mail_dead.arn })
}

module "queue" {
  source = "terraform-aws-modules/sqs/aws"
  name   = "modular"
}

resource "aws_mq_broker" "rabbit" {
  engine_type    = "RabbitMQ"
  engine_version = "3.13"
}

resource "aws_msk_cluster" "stream" {
  kafka_version = "3.6.0"
}

resource "aws_s3_bucket" "files" {
  bucket = "acme-files"
}

module "bucket" {
  source = "terraform-aws-modules/s3-bucket/aws"
  bucket = "acme-modular"
}

resource "supabase_project" "hosted" {
  name = "hosted"
}
