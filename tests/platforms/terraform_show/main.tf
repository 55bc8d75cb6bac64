variable "tag" {
  type = string
}

variable "password" {
  type      = string
  sensitive = true
  default   = "hunter2-hunter2"
}

variable "size" {
  type    = number
  default = 1
}

module "api" {
  source   = "./modules/api"
  for_each = toset(["a\"b", "c"])
  tag      = var.tag
}

resource "terraform_data" "counted" {
  count = var.size
  input = { tag = var.tag, url = "postgres://u:${var.password}@h", index = count.index, share = 1.5 }
}

resource "terraform_data" "chained" {
  input            = terraform_data.counted[0].id
  triggers_replace = [terraform_data.counted[1].output.tag, null]
}

data "terraform_remote_state" "network" {
  backend = "local"
  config  = { path = "${path.module}/network.tfstate" }
}

locals {
  vpc = data.terraform_remote_state.network.outputs.vpc
}

output "chained" {
  value = terraform_data.chained.id
}

output "password" {
  value     = var.password
  sensitive = true
}
