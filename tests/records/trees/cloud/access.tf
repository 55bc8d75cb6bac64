resource "aws_secretsmanager_secret" "session" {
  name = "session"
}

resource "aws_secretsmanager_secret_version" "session" {
  secret_id     = aws_secretsmanager_secret.session.id
  secret_string = "plain text"
}

resource "aws_secretsmanager_secret" "database" {
  name = "database"
}

resource "aws_secretsmanager_secret_version" "database" {
  secret_id = aws_secretsmanager_secret.database.id
  secret_string = jsonencode({
    username = "app"
    password = aws_db_instance.main.password
    host     = aws_db_instance.main.address
  })
}

resource "aws_secretsmanager_secret" "rotated" {
  name = "rotated"
}

resource "aws_secretsmanager_secret_version" "rotated" {
  secret_id        = aws_secretsmanager_secret.rotated.id
  secret_string_wo = jsonencode({ a = "1" })
  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_secretsmanager_secret" "unset" {
  name_prefix = "unset"
}

resource "aws_secretsmanager_secret" "open" {
  name = var.tag
}

resource "aws_secretsmanager_secret_version" "open" {
  secret_id     = aws_secretsmanager_secret.open.arn
  secret_string = var.tag
}

data "aws_secretsmanager_secret" "shared" {
  name = "shared"
}

module "secret" {
  source        = "terraform-aws-modules/secrets-manager/aws"
  name          = "modular"
  secret_string = jsonencode({ KEY = "x" })
}

module "changed" {
  source                = "terraform-aws-modules/secrets-manager/aws"
  name                  = "changed"
  ignore_secret_changes = true
}

resource "aws_ssm_parameter" "token" {
  name  = "/app/token"
  type  = "SecureString"
  value = aws_db_instance.main.password
}

resource "aws_ssm_parameter" "plain" {
  name           = "/app/plain"
  type           = "String"
  insecure_value = "x"
}

data "aws_ssm_parameter" "shared" {
  name = "/shared/key"
}

resource "infisical_secret" "one" {
  name = "ONE_KEY"
}

data "infisical_secrets" "all" {
  env_slug = "prod"
}

resource "infisical_secret_sync_aws_secrets_manager" "copy" {
  name = "copy"
  destination_config = {
    aws_secrets_manager_secret_name = "copied/app"
  }
}

resource "infisical_secret_sync_aws_parameter_store" "copy" {
  name = "copy"
  destination_config {
    parameter_store_path = "/copied/"
  }
}

resource "aws_iam_role" "execution" {
  name = "execution"
  inline_policy {
    name = "secrets"
    policy = jsonencode({
      Statement = [
        { Effect = "Allow", Action = "secretsmanager:GetSecretValue", Resource = aws_secretsmanager_secret.session.arn },
        { Effect = "Allow", Action = ["ssm:GetParameter*"], Resource = ["arn:aws:ssm:*:*:parameter/app/*"] },
        { Effect = "Deny", NotAction = ["s3:*"], Resource = "arn:aws:s3:::nothing" },
        { Effect = "Allow", Action = "secretsmanager:*", NotResource = "*", Condition = { Bool = { a = "b" } } },
        { Effect = var.tag, Action = "*", Resource = "*" },
      ]
    })
  }
  managed_policy_arns = [
    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
    "arn:aws:iam::aws:policy/SecretsManagerReadWrite",
    "arn:aws:iam::aws:policy/NoSuchPolicy",
    "arn:aws:iam::123456789012:policy/own",
  ]
}

resource "aws_iam_role" "task" {
  name = "task"
}

resource "aws_iam_role" "unused" {
  name = "unused"
}

data "aws_iam_policy_document" "inner" {
  statement {
    sid       = "inner"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["${aws_secretsmanager_secret.database.arn}*", var.tag]
  }
}

data "aws_iam_policy_document" "outer" {
  source_policy_documents   = [data.aws_iam_policy_document.inner.json]
  override_policy_documents = [jsonencode({ Statement = { Effect = "Allow", Action = "sqs:*", Resource = "*" } })]
  statement {
    effect        = "Allow"
    not_actions   = ["iam:*"]
    not_resources = ["arn:aws:iam::*"]
    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-central-1"]
    }
  }
}

resource "aws_iam_role_policy" "task" {
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.outer.json
}

resource "aws_iam_policy" "queue" {
  name   = "queue"
  policy = "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"sqs:SendMessage\"], \"Resource\": [\"*\"]}]}"
}

resource "aws_iam_role_policy_attachment" "queue" {
  role       = "task"
  policy_arn = aws_iam_policy.queue.arn
}

resource "aws_iam_policy_attachment" "managed" {
  name       = "managed"
  roles      = [aws_iam_role.task.name]
  policy_arn = data.aws_iam_policy.read_only.arn
}

data "aws_iam_policy" "read_only" {
  name = "AmazonSSMReadOnlyAccess"
}

resource "aws_iam_role_policy" "broken" {
  role   = aws_iam_role.task.name
  policy = "{"
}
