resource "aws_instance" "shell" {
  user_data = <<-SCRIPT
    #!/bin/sh
    mkdir -p /srv/app && cd /srv/app
    cat > docker-compose.yml <<'EOF'
    services:
      web:
        image: acme/web:5
        env_file: app.env
        volumes: ["./data:/data", "/var/log:/log"]
        ports: ["80:8080"]
      db:
        image: postgres:16.4
    EOF
    cat <<EOF | sudo tee app.env
    MODE=live
    HOST=$(hostname)
    PRICE=\$5
    DB=${aws_db_instance.main.address}
    EOF
    docker compose up -d
  SCRIPT
}

resource "aws_launch_template" "encoded" {
  user_data = base64encode(<<-SCRIPT
    #cloud-config
    write_files:
      - path: /opt/stack/compose.yaml
        content: |
          services:
            api:
              image: acme/api:${var.tag}
              build: .
              env_file: [missing.env]
      - path: /opt/stack/gone.yaml
    runcmd:
      - docker compose up -d
  SCRIPT
  )
}

resource "aws_launch_configuration" "yaml" {
  user_data_base64 = base64encode(join("\n", ["#cloud-config", yamlencode({
    write_files = [{
      path     = "/opt/docker-compose.prod.yml"
      encoding = "b64"
      content  = base64encode("services:\n  cache:\n    image: redis:7.4\n")
    }]
  })]))
}

data "cloudinit_config" "parts" {
  part {
    content_type = "text/x-shellscript"
    content      = "echo ${base64encode("services:\n  q:\n    image: rabbitmq:3.13\n")} | base64 -d > /etc/compose.yml"
  }
}

resource "hcloud_server" "parts" {
  user_data = data.cloudinit_config.parts.rendered
}

resource "digitalocean_droplet" "unreadable" {
  user_data = "cat > compose.yml <<EOF\nservices: [\nEOF\n"
}

resource "google_compute_instance" "plain" {
  metadata_startup_script = "apt-get update"
}

module "group" {
  source    = "terraform-aws-modules/autoscaling/aws"
  user_data = base64encode("tee -a /srv/x/docker-compose.yaml <<\"E\"\nservices:\n  m: {image: 'mysql:8.4'}\nE\n")
}
