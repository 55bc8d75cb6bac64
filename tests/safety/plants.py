"""Trees with secrets planted into every place that is read, as the documentation of each format has it.

`§name§` is a planted secret, told by its name, its marking or its form: sixteen random letters and digits that stand
nowhere else. `§name:prefix§` begins with a prefix that tells its kind. Nothing of one may come out of any command.
"""

from __future__ import annotations

COMPOSE = {
    "compose.yaml": """\
        name: shop
        x-shared: &shared
          DB_PASSWORD: §compose anchor§
        x-token: &token §compose alias§
        services:
          map:
            build:
              context: .
              args:
                NPM_TOKEN: §compose build arg map§
            image: registry.example.com/shop:latest
            environment:
              <<: *shared
              API_TOKEN: §compose environment map§
              QUOTED_SECRET: "§compose quoted§"
              SINGLE_SECRET: '§compose single quoted§'
              ALIASED_TOKEN: *token
              DATABASE_URL: postgres://app:§compose userinfo§@db:5432/shop
              PRIVATE_KEY: |
                -----BEGIN RSA PRIVATE KEY-----
                §compose private key§
                -----END RSA PRIVATE KEY-----
              FOLDED_PASSWORD: >-
                §compose folded§
              DEFAULTED: ${DB_PASSWORD:-§compose default of a secret name§}
              TOKEN_DEFAULTED: ${NOT_SET:-§compose default under a secret name§}
              WEBHOOK: https://example.com/hook?token=§compose query§
              PLAIN_GITHUB: §compose token of a form:ghp_§
              TRAVELLED: ${ENV_TOKEN}
              WITHIN: https://example.com/${ENV_SEALED_PASSWORD}/feed
              BLOB: '{"user": "app", "password": "§compose json in a string§"}'
            command: ["node", "server.js", "--token", "§compose command list§", "--seed", "${ENV_TOKEN}"]
          list:
            build:
              context: .
              args:
                - GITHUB_TOKEN=§compose build arg list§
            image: registry.example.com/list:latest
            environment:
              - API_TOKEN=§compose environment list§
              - "SECRET_KEY=§compose quoted list§"
              - DEBUG=true
            env_file: [app.env]
            command: node server.js --password=§compose command string§
            entrypoint: ["sh", "-c", "export SESSION_SECRET=§compose entrypoint export§ && exec node server.js"]
            labels:
              com.example.api-token: §compose label map§
            annotations:
              api-token: §compose annotation§
            logging:
              driver: splunk
              options: {splunk-token: §compose logging option§, splunk-url: "https://splunk.example.com"}
            depends_on: [db]
            healthcheck:
              test: curl -fsS -u app:§compose health check curl§ http://127.0.0.1:3000/
            post_start:
              - command: ["sh", "-c", "API_KEY=§compose post start§ ./notify"]
          flow: {image: "node:20", environment: {API_TOKEN: §compose flow§, MODE: x}, labels: ["api.secret=§compose label list§"]}
          cache:
            image: redis:7
            command: redis-server --requirepass §compose requirepass§ --appendonly yes
            healthcheck:
              test: ["CMD", "redis-cli", "-a", "§compose health check redis§", "ping"]
          db:
            image: postgres:14
            environment:
              POSTGRES_USER: app
              POSTGRES_PASSWORD: ${ENV_POSTGRES}
            ports: ["0.0.0.0:5432:5432"]
            volumes: ["data:/var/lib/postgresql/data"]
          maria:
            image: mariadb:10
            environment: {MYSQL_ROOT_PASSWORD: §compose mysql§}
            healthcheck:
              test: ["CMD-SHELL", "mysqladmin ping -uroot -p§compose health check mysql§"]
          inherited:
            extends: {file: base.yaml, service: base}
            command: ["sh", "-c", "curl -H 'Authorization: Bearer §compose bearer§' http://map:3000/"]
          mail:
            image: node:20
            environment:
              SMTP_PASS: '§compose with a sign§$$x'
              CONNECTION: "Server=db;User Id=sa;Password=§compose connection string§;Encrypt=true"
              REDIS_URL: redis://:§compose userinfo without a user§@cache:6379/0
              AMQP_URL: "amqp://app:§compose amqp§@rabbit:5672"
        volumes:
          data: {}
          share:
            driver_opts: {type: cifs, o: "username=app,password=§compose driver option§"}
        configs:
          redis:
            content: |
              requirepass §compose config content§
              maxmemory 10mb
        secrets:
          named:
            environment: ENV_TOKEN
        """,
    "base.yaml": """\
        services:
          base:
            image: node:20
            environment:
              BASE_SECRET: §compose extended§
        """,
    "app.env": "DB_PASSWORD=§compose env file§\nNAME=shop\n",
    ".env": "ENV_TOKEN=§compose interpolated§\nENV_POSTGRES=§compose through a plain name§\n"
    "ENV_SEALED_PASSWORD='§compose interpolated into an address§'\n",
    "Dockerfile": 'FROM node:20\nCMD ["npm", "start"]\n',
    "main.tf": """\
        resource "aws_ecs_task_definition" "map" {
          family                = "map"
          container_definitions = jsonencode([{ name = "map", image = "registry.example.com/shop:latest" }])
        }
        resource "aws_db_instance" "db" {
          engine         = "postgres"
          engine_version = "15.3"
        }
        """,
}

REFUSED = {
    "compose.yaml": """\
        services:
          app:
            image: node:20
            environment:
              API_TOKEN: §refused environment§
            secrets: [direct]
        secrets:
          direct:
            content: §refused secret content§
        """,
}

ENVIRONMENT = {
    "compose.yaml": """\
        services:
          app:
            image: node:20
            env_file: [.env, other.env, live.env]
        """,
    ".env": """\
        PLAIN_PASSWORD=§env plain§
        DOUBLE_TOKEN="§env double§"
        SINGLE_TOKEN='§env single§'
        export EXPORTED_SECRET=§env exported§
        SPACED_SECRET = §env spaced§
        COMMENTED_SECRET=§env comment behind§ # rotate
        # OLD_PASSWORD=§env commented out§
        DATABASE_URL=postgresql://app:§env userinfo§@localhost:5432/app?schema=public
        lower_password=§env lower case§
        camelToken=§env camel case§
        API_KEY_2=§env numbered§
        KEYED_URL=https://maps.example.com/api?key=1&access_token=§env query§
        MULTI_PRIVATE_KEY="-----BEGIN PRIVATE KEY-----
        §env multi-line key§
        -----END PRIVATE KEY-----"
        GOOGLE_CREDENTIALS={"type":"service_account","private_key_id":"x","private_key":"§env json§"}
        ESCAPED_SECRET="a\\"§env escaped§"
        SLACK=§env slack:xoxb-§
        STRIPE=§env stripe:sk_live_§
        AWS=AKIA§env aws§
        COMPOSED=https://example.com/?sig=${PLAIN_PASSWORD}
        BASIC_AUTH=app:§env basic auth§
        COLON_SECRET: §env colon§
        DSN="mysql://app:§env dsn§@tcp(db:3306)/shop"
        GIT="https://§env user is the token§:x-oauth-basic@github.com/example/x.git"
        """,
    "other.env": "\ufeffBOM_SECRET=§env byte order mark§\r\nCR_SECRET=§env carriage return§\r\n",
    "live.env": 'OK=1\nBROKEN_SECRET="§env unclosed§\nNEXT=2\n',
}

DOCKERFILE = {
    "Dockerfile": """\
        # syntax=docker/dockerfile:1
        ARG NPM_TOKEN=§docker arg§
        FROM node:20 AS build
        ARG NPM_TOKEN
        ARG MYSQL_PASSWORD="§docker quoted arg§"
        ENV API_TOKEN=§docker env§ MODE=production
        ENV LEGACY_TOKEN §docker legacy env§
        ENV FROM_ARG=${NPM_TOKEN}
        ENV A=1 \\
            # a comment
            LONG_SECRET="§docker continued env§" \\
            B=2
        ENV DATABASE_URL=postgres://app:§docker userinfo§@db/app
        LABEL com.example.token="§docker label§"
        RUN curl -u app:§docker curl user§ https://example.com/x
        RUN curl -H "Authorization: Bearer §docker bearer§" https://example.com/x
        RUN curl -H "X-Api-Key: §docker header§" https://example.com/x
        RUN wget --header="Authorization: token §docker token scheme§" https://example.com/x
        RUN git clone https://deploy:§docker clone§@github.com/example/x.git
        RUN echo "//registry.npmjs.org/:_authToken=§docker npmrc§" > .npmrc
        RUN echo "machine github.com login x password §docker netrc§" > ~/.netrc
        RUN pip install --index-url https://u:§docker index§@pypi.example.com/simple x
        RUN SECRET_KEY=§docker inline assignment§ npm run build
        RUN export APP_SECRET="§docker export§" && npm run build
        RUN sshpass -p §docker sshpass§ ssh deploy@example.com
        RUN ["npm", "run", "login", "--password", "§docker exec form§"]
        RUN <<EOF
        export HEREDOC_TOKEN=§docker heredoc§
        npm run build
        EOF
        COPY <<"EOF" /app/.env
        COPIED_PASSWORD=§docker copied heredoc§
        EOF
        ADD https://u:§docker add§@files.example.com/x.tgz /x.tgz
        ONBUILD ENV CHILD_TOKEN=§docker onbuild§
        HEALTHCHECK CMD mysqladmin ping -uroot -p§docker health check§
        FROM node:20
        COPY --from=build /app /app
        ENV PASSPHRASE='§docker single quoted§'
        ENTRYPOINT ["sh", "-c", "REDIS_PASSWORD=§docker entrypoint§ node server.js"]
        CMD node server.js --db-password §docker shell form§ --jwt-secret=§docker shell form attached§
        """,
    "compose.yaml": """\
        services:
          app:
            build: .
            ports: ["3000:3000"]
        """,
}

WORKFLOW = {
    ".github/workflows/ci.yml": """\
        name: ci
        on:
          push:
          workflow_dispatch:
            inputs:
              api_token: {description: x, default: §workflow input default§}
        env:
          NPM_TOKEN: §workflow env§
        jobs:
          build:
            runs-on: ubuntu-latest
            env: {DB_PASSWORD: "§job env§"}
            strategy:
              matrix:
                include:
                  - target: a
                    token: §workflow matrix§
            container:
              image: node:20
              env: {CONTAINER_SECRET: §container env§}
              credentials: {username: x, password: §container credentials§}
            services:
              db:
                image: postgres:14
                env:
                  POSTGRES_PASSWORD: §service env§
                credentials:
                  username: x
                  password: §service credentials§
                options: --health-cmd "mysqladmin ping -uroot -p§service options§"
            steps:
              - uses: actions/checkout@v4
                with: {token: "§action input:ghp_§"}
              - uses: docker/login-action@v3
                with:
                  username: x
                  password: §login action§
              - uses: docker/build-push-action@v6
                with:
                  push: true
                  tags: registry.example.com/shop:latest
                  build-args: |
                    MODE=x
                    NPM_TOKEN=§action build args§
                  secrets: |
                    "api_token=§action secrets§"
              - run: docker login -u x -p §run docker login§ registry.example.com
              - run: echo "§run password on stdin§" | docker login -u x --password-stdin registry.example.com
              - run: docker build --build-arg NPM_TOKEN=§run build arg§ -t registry.example.com/shop:latest .
              - run: docker push registry.example.com/shop:latest
              - run: docker run -e API_TOKEN=§run docker env§ --env "DB_PASSWORD=§run docker long env§" registry.example.com/shop
              - run: |
                  export DEPLOY_TOKEN=§run export§
                  PGPASSWORD=§run assignment§ psql -h db -c 'select 1'
                  curl -H 'Authorization: Basic §run basic§' https://example.com
                  curl --user "deploy:§run curl user§" https://example.com
                  curl -H "X-Api-Key: §run header§" https://example.com
                  curl -d '{"username": "x", "password": "§run json body§"}' https://example.com
                  curl "https://example.com/deploy?api_key=§run query§"
                  git remote set-url origin https://x-access-token:§run remote§@github.com/example/x.git
                  echo "NPM_TOKEN=§run github env§" >> "$GITHUB_ENV"
                  aws configure set aws_secret_access_key §run aws configure§
                  helm upgrade --install app chart --set db.password=§run helm§
                  mysql -h db -uroot -p§run mysql§ -e 'select 1'
                  redis-cli -h cache -a §run redis§ ping
                  sshpass -p '§run sshpass§' ssh deploy@example.com
                  kubectl create secret generic x --from-literal=password=§run literal§
                  docker compose up -d --wait
                env:
                  STEP_SECRET: §step env§
              - run: terraform apply -auto-approve -var 'db_password=§run terraform var§' -var="api_token=§run terraform var attached§"
              - uses: actions/github-script@v7
                with:
                  script: |
                    const token = '§script§';
                    const headers = { Authorization: `Bearer §script bearer§` };
          call:
            uses: ./.github/workflows/called.yml
            with:
              api_token: §called with§
            secrets:
              deploy_token: §called secret§
        """,
    ".github/workflows/called.yml": """\
        on:
          workflow_call:
            inputs:
              api_token: {type: string, required: true}
        jobs:
          a:
            runs-on: ubuntu-latest
            steps:
              - run: ./deploy --header ${{ inputs.api_token }}
                env: {LIMIT: "${{ inputs.api_token }}"}
              - uses: ./.github/actions/login
                with: {password: §composite input§}
        """,
    ".github/actions/login/action.yml": """\
        name: login
        inputs:
          password: {default: §composite default§}
        runs:
          using: composite
          steps:
            - run: ./login ${{ inputs.password }}
              shell: bash
              env: {SESSION_TOKEN: §composite env§}
        """,
    "main.tf": 'variable "db_password" {}\nresource "aws_db_instance" "db" {\n  engine = "postgres"\n}\n',
    "compose.yaml": "services:\n  app:\n    image: registry.example.com/shop:latest\n  db:\n    image: postgres:15\n",
}

TERRAFORM = {
    "variables.tf": """\
        variable "plain" {
          type      = string
          sensitive = true
        }
        variable "defaulted" {
          sensitive = true
          default   = "§terraform sensitive default§"
        }
        variable "db_password" { default = "§terraform default of a secret name§" }
        variable "limit" {}
        variable "short" {
          ephemeral = true
          default   = "§terraform ephemeral§"
        }
        variable "settings" {
          sensitive = true
          default = {
            host = "§terraform in an object§"
            list = ["§terraform in a list§"]
          }
        }
        """,
    "terraform.tfvars": 'plain = "§terraform sensitive variable§"\nlimit = "x"\nunused_token = "§terraform undeclared§"\n',
    "locals.tf": """\
        locals {
          pw       = var.plain
          joined   = join(":", ["user", var.plain])
          upper    = upper(var.plain)
          encoded  = base64encode(var.plain)
          data     = jsonencode({ login = { word = var.plain } })
          yaml     = yamlencode({ word = var.plain })
          list     = [for each in [var.plain] : "x-${each}"]
          map      = { word = var.plain }
          reversed = strrev(var.plain)
          replaced = replace(var.plain, "a", "b")
          part     = substr(var.plain, 0, 12)
          url      = urlencode(var.plain)
          chosen   = var.plain != "" ? var.plain : "none"
          merged   = merge({ a = 1 }, { word = var.plain })
          split    = split("-", "x-${var.plain}")
          deep     = var.settings.list[0]
          lookup   = lookup(var.settings, "host", "")
          marked   = sensitive("§terraform sensitive function§")
          read     = yamldecode(file("${path.module}/values.yaml")).database.password
          api_key  = "§terraform local of a secret name§"
          heredoc  = <<-EOT
            password: ${var.plain}
          EOT
          template = templatefile("${path.module}/start.sh.tftpl", { word = var.plain, token = "§terraform template input§" })
        }
        """,
    "values.yaml": "database:\n  password: §terraform yaml file§\n",
    "start.sh.tftpl": '#!/bin/sh\nexport PASSWORD="§terraform template§"\nexport WORD="${word}"\nrun --key ${token}\n',
    "main.tf": """\
        terraform {
          backend "http" {
            username = "x"
            password = "§terraform backend§"
          }
        }
        provider "datadog" {
          api_key = "§terraform provider§"
        }
        provider "aws" {
          access_key = "§terraform access key§"
          secret_key = "§terraform secret key§"
        }
        resource "aws_ssm_parameter" "secure" {
          type  = "SecureString"
          name  = "x"
          value = "§terraform secure string§"
        }
        resource "aws_ssm_parameter" "written" {
          type     = "SecureString"
          name     = "y"
          value_wo = "§terraform write only§"
        }
        resource "aws_secretsmanager_secret" "app" { name = "app" }
        resource "aws_secretsmanager_secret_version" "text" {
          secret_id     = aws_secretsmanager_secret.app.id
          secret_string = "§terraform secret string§"
        }
        resource "aws_secretsmanager_secret_version" "object" {
          secret_id     = aws_secretsmanager_secret.app.id
          secret_string = jsonencode({ user = "§terraform secret object§", word = local.encoded })
        }
        resource "aws_db_instance" "main" {
          engine         = "postgres"
          engine_version = "15.3"
          username       = "app"
          password       = "§terraform password§"
        }
        resource "aws_elasticache_replication_group" "cache" {
          replication_group_id = "cache"
          description          = "x"
          engine               = "redis"
          auth_token           = "§terraform auth token§"
        }
        resource "aws_mq_broker" "broker" {
          broker_name = "x"
          user {
            username = "app"
            password = "§terraform nested block§"
          }
        }
        resource "aws_instance" "web" {
          ami       = "ami-1"
          user_data = <<-EOF
            #!/bin/bash
            export DB_PASSWORD=§terraform user data§
            docker run -e API_TOKEN=§terraform user data env§ registry.example.com/shop:latest
            echo ${var.plain} > /etc/x
          EOF
        }
        resource "aws_instance" "encoded" {
          ami              = "ami-1"
          user_data_base64 = base64encode("#!/bin/bash\\nexport DB_PASSWORD=§terraform encoded user data§\\n")
        }
        resource "aws_instance" "template" {
          ami       = "ami-1"
          user_data = local.template
        }
        resource "aws_ecs_task_definition" "app" {
          family = "app"
          container_definitions = jsonencode([{
            name        = "app"
            image       = "registry.example.com/shop:latest"
            command     = ["sh", "-c", "API_TOKEN=§terraform command§ node server.js"]
            entryPoint  = ["sh", "-c", "exec server --password §terraform entry point§ --limit ${var.plain}"]
            healthCheck = { command = ["CMD-SHELL", "curl -u x:§terraform health check§ http://127.0.0.1/"] }
            environment = [
              { name = "BLOB", value = var.plain },
              { name = "LIMIT", value = var.db_password },
              { name = "ENCODED", value = base64encode("x:${var.plain}") },
              { name = "API_TOKEN", value = "§terraform container variable§" },
              { value = "§terraform value before its name§", name = "DB_PASSWORD" },
              { name = "DATABASE_URL", value = "postgres://app:${var.db_password}@db:5432/app" },
              { name = "OTHER_URL", value = "postgres://app:§terraform userinfo§@db:5432/app" },
              { name = "FROM_MODULE", value = module.m.word },
              { name = "JSON", value = local.data },
              { name = "UPPER", value = local.upper },
              { name = "MARKED", value = local.marked },
              { name = "READ", value = local.read }
            ]
            logConfiguration = { logDriver = "splunk", options = { "splunk-token" = "§terraform log option§" } }
          }])
        }
        resource "aws_ecs_service" "app" {
          name            = "app"
          task_definition = aws_ecs_task_definition.app.arn
        }
        resource "aws_lambda_function" "f" {
          function_name = "f"
          environment {
            variables = { API_SECRET = "§terraform lambda§", OTHER = var.defaulted }
          }
        }
        resource "aws_codebuild_project" "p" {
          name = "p"
          environment {
            environment_variable {
              name  = "NPM_TOKEN"
              value = "§terraform codebuild§"
            }
          }
        }
        resource "helm_release" "r" {
          name  = "r"
          chart = "x"
          set_sensitive {
            name  = "db.word"
            value = "§terraform helm§"
          }
        }
        resource "kubernetes_secret" "k" {
          metadata { name = "k" }
          data = { word = "§terraform kubernetes§" }
        }
        resource "local_sensitive_file" "f" {
          filename = "x"
          content  = "§terraform sensitive file§"
        }
        resource "null_resource" "n" {
          provisioner "local-exec" {
            command     = "psql postgres://app:§terraform provisioner§@db/app"
            environment = { PGPASSWORD = "§terraform provisioner variable§" }
          }
          connection {
            password = "§terraform connection§"
          }
        }
        module "m" {
          source = "./m"
          word   = var.plain
          token  = "§terraform module input§"
        }
        output "word" {
          value     = "§terraform sensitive output§"
          sensitive = true
        }
        output "all" {
          value     = { a = var.plain, b = module.m.word }
          sensitive = true
        }
        """,
    "m/main.tf": """\
        variable "word" {}
        variable "token" {}
        locals { inner = "x${var.word}" }
        output "word" {
          value     = "${local.inner}-§terraform module output§"
          sensitive = true
        }
        output "token" { value = var.token }
        resource "aws_ssm_parameter" "p" {
          name  = "z"
          type  = "SecureString"
          value = local.inner
        }
        """,
    "more.tf.json": """\
        {
          "variable": {"json_plain": {"sensitive": true, "default": "§terraform json sensitive§"}},
          "locals": {"json_token": "§terraform json local§", "json_word": "${var.json_plain}"},
          "resource": {"aws_rds_cluster": {"c": {"engine": "aurora-postgresql", "master_password": "§terraform json password§"}}}
        }
        """,
    "extra.auto.tfvars.json": '{"unused_password": "§terraform tfvars json§"}\n',
}

CODE = {
    "package.json": """\
        {
          "name": "shop",
          "scripts": {
            "start": "API_TOKEN=§package start§ node server.js",
            "db": "psql postgres://app:§package userinfo§@localhost/app",
            "login": "docker login -u x -p §package docker login§",
            "up": "docker compose up"
          },
          "config": {"token": "§package config§"}
        }
        """,
    "Makefile": """\
        DB_PASSWORD ?= §make variable§
        export API_TOKEN := §make export§
        URL = postgres://app:$(DB_PASSWORD)@db/app
        .PHONY: up
        up:
        \tPGPASSWORD=§make recipe§ docker compose up -d
        \tdocker login -u x -p $(DB_PASSWORD)
        deploy: export SESSION_SECRET = §make target variable§
        deploy:
        \tcurl -H "Authorization: Bearer §make bearer§" https://example.com
        """,
    "justfile": """\
        export API_TOKEN := "§just export§"
        db_password := "§just variable§"
        up token="§just parameter§":
            PGPASSWORD={{db_password}} docker compose up -d
            curl -u x:§just recipe§ https://example.com
        """,
    "Taskfile.yml": """\
        version: '3'
        vars:
          DB_PASSWORD: §task variable§
        env:
          API_TOKEN: §task env§
        tasks:
          up:
            env: {SESSION_SECRET: §task inner env§}
            cmds:
              - PGPASSWORD=§task command§ docker compose up -d
              - cmd: mysql -uroot -p§task mysql§ -e 'select 1'
        """,
    "scripts/deploy.sh": """\
        #!/bin/bash
        set -euo pipefail
        export DEPLOY_TOKEN="§shell export§"
        readonly API_KEY='§shell readonly§'
        PGPASSWORD=§shell assignment§ psql -h db
        docker run -e SESSION_SECRET=§shell docker run§ x
        curl -H "Authorization: Bearer §shell bearer§" https://example.com
        cat > .env <<EOF
        DB_PASSWORD=§shell heredoc§
        EOF
        declare -x OTHER_SECRET=§shell declare§
        : "${ADMIN_PASSWORD:=§shell default§}"
        terraform apply -auto-approve
        """,
    "docker-bake.hcl": """\
        variable "NPM_TOKEN" { default = "§bake variable§" }
        target "app" {
          context = "."
          args    = { NPM_TOKEN = NPM_TOKEN, API_SECRET = "§bake argument§" }
          tags    = ["registry.example.com/shop:latest"]
        }
        """,
    "src/config.ts": """\
        import { z } from "zod";
        export const schema = z.object({
          API_TOKEN: z.string().default("§typescript default§"),
          DATABASE_URL: z.string().default("postgres://app:§typescript userinfo§@localhost:5432/app"),
        });
        export const env = schema.parse(process.env);
        export const secret = process.env.SESSION_SECRET ?? "§typescript fallback§";
        export const password = process.env["DB_PASSWORD"] || '§typescript or§';
        """,
    "app/settings.py": """\
        import os
        from pydantic_settings import BaseSettings

        SECRET_KEY = "§python constant§"

        class Settings(BaseSettings):
            api_token: str = "§python field§"
            db_password: str = os.environ.get("DB_PASSWORD", "§python get§")
            database_url: str = os.getenv("DATABASE_URL", "postgres://app:§python userinfo§@db/app")

        settings = Settings()
        """,
    "prisma/schema.prisma": """\
        datasource db {
          provider = "postgresql"
          url      = "postgresql://app:§prisma§@localhost:5432/app"
        }
        """,
    "prisma/migrations/1_init/migration.sql": """\
        CREATE ROLE app WITH LOGIN PASSWORD '§sql§';
        ALTER USER app IDENTIFIED BY '§sql identified§';
        CREATE EXTENSION vector;
        """,
    ".github/workflows/ci.yml": """\
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            steps:
              - uses: actions/checkout@v4
              - run: make up deploy
              - run: just up
              - run: task up
              - run: npm run login
              - run: npm run db
              - run: ./scripts/deploy.sh
              - run: docker buildx bake --push app
        """,
    "Dockerfile": 'FROM node:20\nCOPY . .\nCMD ["npm", "start"]\n',
    "compose.yaml": "services:\n  app:\n    build: .\n    image: registry.example.com/shop:latest\n  db:\n    image: postgres:14\n",
    "main.tf": """\
        resource "aws_ecs_task_definition" "app" {
          family                = "app"
          container_definitions = jsonencode([{ name = "app", image = "registry.example.com/shop:latest" }])
        }
        """,
}

BROKEN = {
    "compose.yaml": "services:\n  app:\n    image: node:20\n    environment:\n      API_TOKEN: §error yaml§ : : x\n     bad\n",
    "compose.override.yaml": "services:\n  app:\n    environment: {DB_PASSWORD: '§error open quote§\n",
    "a.tf": 'resource "aws_db_instance" "x" {\n  password = "§error hcl§\n}\n',
    "b.tf": 'locals {\n  api_token = "§error hcl bracket§" ]\n}\n',
    "c.tf.json": '{"locals": {"api_token": "§error json§",,}}\n',
    "terraform.tfvars": 'db_password = "§error tfvars§" x\n',
    ".github/workflows/a.yml": "on: push\njobs:\n  a:\n   env: {TOKEN: §error workflow§\n   steps: [\n",
    ".github/workflows/b.yml": "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          export API_TOKEN='§error shell§\n",
    "package.json": '{"scripts": {"start": "API_TOKEN=§error package§ node"} x}\n',
    "Dockerfile": "FROM node:20\nENVV API_TOKEN=§error dockerfile§\nENV DB_PASSWORD §error dockerfile behind§\nRUN <<EOF\nexport SECRET_KEY=§error heredoc§\n",
    "Makefile": "up:\n        API_TOKEN=§error make§ docker compose up\nifdef\n",
    "justfile": "up:\n    echo\n  API_TOKEN := '§error just§\n",
    "Taskfile.yml": "version: '3'\nenv:\n  API_TOKEN: '§error task§\n",
    ".env": "API_TOKEN §error env§\n=x\nDB_PASSWORD='§error env quote§\n",
    "docker-bake.hcl": 'variable "API_TOKEN" { default = "§error bake§ }\n',
    "prisma/schema.prisma": 'datasource db {\n url = "postgresql://app:§error prisma§@db/app\n',
}

KINDS = {
    "compose.yaml": """\
        services:
          app:
            image: node:20
            environment:
              A1: §kind github:ghp_§
              A2: §kind github app:ghs_§
              A3: §kind fine grained:github_pat_§
              A4: §kind gitlab:glpat-§
              A5: §kind slack:xoxp-§
              A6: §kind stripe:sk_live_§
              A7: §kind npm:npm_§
              A8: §kind anthropic:sk-ant-§
              A9: §kind sendgrid:SG.abcdefghijklmnop.§
              B1: §kind docker hub:dckr_pat_§
              B2: §kind hugging face:hf_§
              B3: §kind vault:hvs.§
              B4: §kind google:AIza§
              B5: §kind jwt:eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.§
              B6: "prefix §kind within a text:glpat-§ suffix"
            ports: ["0.0.0.0:80:80"]
        """,
    "terraform.tfvars": 'plain = "§kind in a variable:ghp_§"\n',
    "main.tf": """\
        variable "plain" {}
        resource "aws_ecs_task_definition" "app" {
          family = "app"
          container_definitions = jsonencode([{
            name = "app", image = "x:1", environment = [{ name = "A", value = var.plain }]
          }])
        }
        resource "aws_ecs_service" "app" {
          name            = "app"
          task_definition = aws_ecs_task_definition.app.arn
        }
        """,
}

TREES = {
    "compose": COMPOSE,
    "refused": REFUSED,
    "environment": ENVIRONMENT,
    "dockerfile": DOCKERFILE,
    "workflow": WORKFLOW,
    "terraform": TERRAFORM,
    "code": CODE,
    "broken": BROKEN,
    "kinds": KINDS,
}
