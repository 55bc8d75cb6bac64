provider "aws" {
  region              = "eu-central-1"
  allowed_account_ids = ["123456789012"]

  default_tags {
    tags = { team = "core" }
  }
}

provider "aws" {
  alias  = "cn"
  region = "cn-north-1"
}

provider "aws" {
  alias  = "gov"
  region = "us-gov-west-1"
}

data "aws_region" "here" {}
data "aws_caller_identity" "me" {}
data "aws_partition" "here" {}
data "aws_partition" "cn" {
  provider = aws.cn
}
data "aws_default_tags" "all" {}

variable "tag" {}
variable "unset_count" {}

# images

resource "aws_ecr_repository" "app" {
  name                 = "acme/app"
  image_tag_mutability = "IMMUTABLE"
}

resource "aws_ecr_repository" "loose" {
  name = "acme/loose"
}

data "aws_ecr_repository" "elsewhere" {
  name = "acme/elsewhere"
}

# load balancers

resource "aws_lb" "front" {
  name               = "front"
  internal           = true
  load_balancer_type = "network"
}

resource "aws_alb" "old" {
  name = "old"
}

resource "aws_elb" "classic" {
  name = "classic"
  listener {
    lb_port           = 443
    lb_protocol       = "https"
    instance_port     = 8080
    instance_protocol = "http"
  }
  listener {
    lb_port     = 80
    lb_protocol = "tcp"
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.front.arn
  port              = 443
  protocol          = "TLS"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}

resource "aws_alb_listener" "http" {
  load_balancer_arn = aws_alb.old.arn
  port              = var.tag
  protocol          = "HTTP"
  default_action {
    type = "forward"
    forward {
      target_group {
        arn    = aws_alb_target_group.api.arn
        weight = 80
      }
      target_group {
        arn    = aws_lb_target_group.web.arn
        weight = 20
      }
    }
  }
}

resource "aws_lb_listener_rule" "beta" {
  listener_arn = aws_lb_listener.https.arn
  action {
    type             = "forward"
    target_group_arn = aws_alb_target_group.api.arn
  }
}

resource "aws_alb_listener_rule" "legacy" {
  listener_arn = aws_alb_listener.http.arn
  action {
    type = "forward"
    forward {
      target_group {
        arn = aws_lb_target_group.plain.arn
      }
    }
  }
}

resource "aws_lb_target_group" "web" {
  name     = "web"
  port     = 8080
  protocol = "HTTP"
  health_check {
    path     = "/healthz"
    port     = "8081"
    protocol = "HTTPS"
    matcher  = "200-299"
  }
}

resource "aws_alb_target_group" "api" {
  name     = "api"
  port     = 9090
  protocol = "HTTPS"
  health_check {
    path = var.tag
  }
}

resource "aws_lb_target_group" "plain" {
  port     = 53
  protocol = "UDP"
}

resource "aws_lb_target_group" "open" {
  port     = 70
  protocol = "TCP"
  dynamic "health_check" {
    for_each = var.tag
    content {
      path = "/"
    }
  }
}

module "alb" {
  source   = "terraform-aws-modules/alb/aws"
  internal = true
  listeners = {
    tls = {
      port     = 8443
      protocol = "HTTPS"
      forward  = { target_group_key = "blue" }
    }
    lost = {
      port     = 81
      protocol = "HTTP"
      forward  = { target_group_key = "nowhere" }
    }
  }
  target_groups = {
    blue = {
      backend_port     = 4000
      backend_protocol = "HTTP"
      health_check     = { path = "/up", matcher = "204", port = "traffic-port", protocol = "HTTP" }
    }
    green = {
      port     = 4001
      protocol = "HTTP"
    }
  }
}
