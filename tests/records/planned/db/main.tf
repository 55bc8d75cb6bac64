variable "version_" {}
resource "aws_elasticache_cluster" "cache" {
  engine         = "redis"
  engine_version = var.version_
}
