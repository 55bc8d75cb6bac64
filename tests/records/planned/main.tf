variable "tag" {}
variable "token" {
  sensitive = true
}
variable "names" {}

resource "aws_db_instance" "main" {
  engine                     = "postgres"
  engine_version             = "16"
  port                       = 5432
  auto_minor_version_upgrade = false
  db_name                    = var.tag
}

resource "aws_ecs_service" "web" {
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 1
}

resource "aws_ecs_task_definition" "web" {
  family = "web"
  container_definitions = jsonencode([
    {
      name  = "web"
      image = "acme/web:${var.tag}"
      user  = "node"
      environment = [
        { name = "HOST", value = aws_db_instance.main.address },
        { name = "MODE", value = "old" },
        { name = "TOKEN", value = var.token },
        { name = "SAME", value = "same" },
      ]
    },
    { name = "side", image = "acme/side:1" },
  ])
}

resource "aws_sqs_queue" "each" {
  for_each = var.names
  name     = each.key
}

resource "aws_sqs_queue" "none" {
  count = 0
}

resource "aws_s3_bucket" "counted" {
  count  = 2
  bucket = "acme-${count.index}"
}

data "aws_secretsmanager_secret" "shared" {
  name = var.tag
}

module "db" {
  source  = "./db"
  version_ = var.tag
}

module "elsewhere" {
  source = "acme/elsewhere/aws"
}
