variable "TAG" { default = "dev" }
variable "REGISTRY" {}
EXTRA = "more"
group "release" { targets = ["web", "inner"] }
group "inner" { targets = ["api", "gone"] }
target "shared" {
  args = { A = "1", B = "2" }
  platforms = ["linux/amd64"]
}
target "web" {
  inherits = ["shared"]
  context = "web"
  dockerfile = "Dockerfile.web"
  target = "prod"
  tags = ["${REGISTRY}/web:${TAG}"]
  args = { B = "3", C = EXTRA }
}
target "api" {
  matrix = { kind = ["x", "y"] }
  name = "api-${kind}"
  context = "../services/${kind}"
  dockerfile-inline = "FROM scratch"
  output = ["type=registry"]
}
