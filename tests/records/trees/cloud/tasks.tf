resource "aws_ecs_service" "web" {
  name            = "web"
  task_definition = aws_ecs_task_definition.web.arn
  desired_count   = 3
  launch_type     = "FARGATE"
  load_balancer {
    target_group_arn = aws_lb_target_group.web.arn
    container_name   = "web"
    container_port   = 8080
  }
  load_balancer {
    target_group_arn = module.alb.target_groups["blue"].arn
    container_name   = "web"
    container_port   = var.tag
  }
}

resource "aws_ecs_service" "spot" {
  name            = "spot"
  task_definition = aws_ecs_task_definition.spot.arn
  desired_count   = var.unset_count
  capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }
}

resource "aws_ecs_service" "machines" {
  task_definition = aws_ecs_task_definition.machines.arn
}

resource "aws_ecs_task_definition" "web" {
  family             = "web"
  cpu                = 1024
  memory             = 2048
  execution_role_arn = aws_iam_role.execution.arn
  task_role_arn      = aws_iam_role.task.arn
  runtime_platform {
    cpu_architecture = "ARM64"
  }
  container_definitions = jsonencode([
    {
      name                   = "web"
      image                  = "${aws_ecr_repository.app.repository_url}:${var.tag}"
      cpu                    = 512
      memory                 = 1024
      essential              = true
      user                   = "node"
      privileged             = false
      readonlyRootFilesystem = true
      stopTimeout            = 45
      entryPoint             = ["/bin/app", "--strict"]
      command                = ["serve", "-p", "8080"]
      linuxParameters        = { initProcessEnabled = true }
      portMappings = [
        { containerPort = 8080, hostPort = 8080, protocol = "tcp" },
        { containerPort = 8125, protocol = "udp" },
      ]
      mountPoints = [
        { sourceVolume = "data", containerPath = "/data", readOnly = true },
        { sourceVolume = "tmp", containerPath = "/tmp" },
      ]
      dependsOn = [
        { containerName = "migrate", condition = "SUCCESS" },
        { containerName = "log" },
      ]
      healthCheck = {
        command     = ["CMD-SHELL", "curl -f http://localhost:8080/healthz || exit 1"]
        interval    = 15
        timeout     = 4
        retries     = 5
        startPeriod = 60
      }
      environment = [
        { name = "MODE", value = "production" },
        { name = "DATABASE_HOST", value = aws_db_instance.main.address },
        { name = "DATABASE_URL", value = "postgres://app@${aws_db_instance.main.endpoint}/app" },
        { name = "READER", value = aws_rds_cluster_instance.one.endpoint },
        { name = "REDIS_HOST", value = aws_elasticache_cluster.member.cache_nodes[0].address },
        { name = "REPLICA", value = aws_db_instance.replica.address },
        { name = "QUEUE_URL", value = aws_sqs_queue.jobs.url },
        { name = "BUCKET", value = aws_s3_bucket.files.bucket_regional_domain_name },
        { name = "REGION", value = data.aws_region.here.name },
        { name = "ACCOUNT", value = data.aws_caller_identity.me.account_id },
        { name = "PARTITION", value = data.aws_partition.here.partition },
        { name = "CHINA", value = data.aws_partition.cn.partition },
        { name = "TEAM", value = data.aws_default_tags.all.tags["team"] },
        { name = var.tag, value = "x" },
      ]
      secrets = [
        { name = "SESSION_KEY", valueFrom = aws_secretsmanager_secret.session.arn },
        { name = "DB_PASSWORD", valueFrom = "${aws_secretsmanager_secret.database.arn}:password::" },
        { name = "API_TOKEN", valueFrom = aws_ssm_parameter.token.arn },
        { name = "ROTATED", valueFrom = aws_secretsmanager_secret_version.rotated.arn },
        { name = "EMPTY" },
      ]
    },
    {
      name             = "migrate"
      image            = "${aws_ecr_repository.loose.repository_url}@${var.tag}"
      essential        = false
      entryPoint       = ["npx"]
      command          = ["prisma", "migrate", "deploy"]
      environmentFiles = [{ value = "arn:aws:s3:::files/app.env", type = "s3" }]
    },
    {
      name                  = "log"
      image                 = "public.ecr.aws/aws-observability/aws-for-fluent-bit:2.32.0"
      firelensConfiguration = { type = "fluentbit" }
      healthCheck           = { command = ["NONE"] }
      memoryReservation     = 64
    },
    {
      image = "${data.aws_ecr_repository.elsewhere.repository_url}:1.2.3"
    },
    {
      name      = "warm-cache"
      essential = false
      image     = "acme/warm:1"
      secrets   = { PLAIN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x" }
    },
  ])
}

resource "aws_ecs_task_definition" "spot" {
  family                   = "spot"
  requires_compatibilities = ["EC2"]
  cpu                      = 256
  memory                   = 512
  container_definitions = jsonencode([{
    name        = "worker"
    image       = "redis:7.2"
    environment = { B = "2", A = 1 }
  }])
}

resource "aws_ecs_task_definition" "machines" {
  family                   = "machines"
  requires_compatibilities = ["EC2"]
  container_definitions    = jsonencode([{ image = "acme/tool:4", cpu = 10, memory = 20 }])
}

resource "aws_ecs_task_definition" "both" {
  family                   = "both"
  requires_compatibilities = ["EC2", "FARGATE"]
  container_definitions    = "[{\"Name\": \"upper\"}]"
}

resource "aws_ecs_task_definition" "seed" {
  family                = "seed"
  container_definitions = jsonencode([{ name = "load", image = "acme/app:1", command = ["node", "load.js"] }])
}

resource "aws_ecs_task_definition" "from_file" {
  family                = "from-file"
  container_definitions = file("${path.module}/gone.json")
}

resource "aws_ecs_task_definition" "broken" {
  family                = "broken"
  container_definitions = "[{"
}

resource "aws_ecs_task_definition" "nothing" {
  family = "nothing"
}

module "definition" {
  source                       = "cloudposse/ecs-container-definition/aws"
  container_name               = "posse"
  container_image              = "acme/posse:9"
  container_memory             = 256
  container_memory_reservation = 128
  container_cpu                = 64
  port_mappings                = [{ containerPort = 7000, protocol = "tcp" }]
  healthcheck                  = { command = ["CMD", "true"], interval = 9, timeout = 8, retries = 7, startPeriod = 6 }
  entrypoint                   = ["/go"]
  command                      = ["run"]
  mount_points                 = [{ sourceVolume = "v", containerPath = "/v", readOnly = false }]
  stop_timeout                 = 11
  readonly_root_filesystem     = false
  linux_parameters             = { initProcessEnabled = false }
  container_depends_on         = [{ containerName = "other", condition = "HEALTHY" }]
  essential                    = true
  user                         = "1000"
  map_environment              = { PLAIN = "text", HOST = aws_db_instance.main.address }
  map_secrets                  = { HIDDEN = aws_ssm_parameter.token.arn }
}

resource "aws_ecs_task_definition" "posse" {
  family                = "posse"
  container_definitions = "[${module.definition.json_map_encoded}]"
}

resource "aws_ecs_task_definition" "posse_list" {
  family                = "posse-list"
  container_definitions = module.definition.json_map_encoded_list
}

resource "aws_ecs_task_definition" "posse_object" {
  family                = "posse-object"
  container_definitions = jsonencode([module.definition.sensitive_json_map_object])
}

module "service" {
  source        = "terraform-aws-modules/ecs/aws//modules/service"
  desired_count = 2
  runtime_platform = {
    cpu_architecture = "ARM64"
  }
  container_definitions = {
    site = {
      image                  = "acme/site:3"
      readonly_root_filesystem = false
      port_mappings          = [{ containerPort = 3000 }]
      environment            = [{ name = "A", value = "1" }]
    }
    proxy = {
      name  = "envoy"
      image = "envoyproxy/envoy:v1.30.1"
    }
  }
  load_balancer = {
    main = {
      target_group_arn = module.alb.target_groups["green"].arn
      container_name   = "site"
      container_port   = 3000
    }
  }
}

module "cluster" {
  source = "terraform-aws-modules/ecs/aws"
  services = {
    jobs = {
      launch_type   = "EC2"
      desired_count = 1
      container_definitions = {
        runner = { image = "acme/runner:1" }
      }
    }
    unknown = {
      container_definitions = var.tag
    }
    none = {}
  }
}
