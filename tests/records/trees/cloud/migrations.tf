resource "aws_ecs_task_definition" "migrations" {
  family                = "migrations"
  container_definitions = jsonencode([{ name = "run", image = "acme/app:2", command = ["alembic", "upgrade", "head"] }])
}

resource "terraform_data" "start" {
  triggers_replace = [local.hash]
  provisioner "local-exec" {
    command = "aws ecs run-task --task-definition ${aws_ecs_task_definition.migrations.arn}"
  }
}

locals {
  files = fileset(path.module, "*.sql")
  hash  = sha1(join("", [for f in local.files : filesha1(f)]))
}

resource "null_resource" "direct" {
  triggers = { always = "1" }
  provisioner "local-exec" {
    command = "npx prisma migrate deploy"
  }
}

resource "terraform_data" "migrate_shell" {
  provisioner "remote-exec" {
    inline = ["cd /srv", "./bin/console upgrade"]
  }
}

resource "null_resource" "other" {
  provisioner "local-exec" {
    command = "echo done"
  }
}

resource "aws_ecs_task_definition" "invoked_migrate" {
  family                = "invoked-migrate"
  container_definitions = jsonencode([{ name = "go", image = "acme/app:3" }])
}

resource "aws_lambda_invocation" "go" {
  input    = jsonencode({ task = aws_ecs_task_definition.invoked_migrate.arn, hash = filesha256("main.tf") })
  triggers = { x = timestamp() }
}

resource "postgresql_extension" "vector" {
  name    = "vector"
  version = "0.7.0"
}
