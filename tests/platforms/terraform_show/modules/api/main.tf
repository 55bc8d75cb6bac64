variable "tag" {
  type = string
}

resource "terraform_data" "image" {
  input = var.tag
}

output "image" {
  value = terraform_data.image.output
}
