"""Secrets in shapes that nobody looked at while the gate was built: what an attacker, or a tired person, writes.

The marks are those of `plants`.
"""

from __future__ import annotations

COMPOSE = {
    "compose.yaml": """\
        include: [more/compose.yaml]
        x-list: &listed
          - SHARED_TOKEN=§anchored list§
        services:
          app:
            build:
              dockerfile_inline: |
                FROM node:20
                ENV API_TOKEN=§inline dockerfile§
                RUN curl -H "PRIVATE-TOKEN: §inline private token header§" https://gitlab.example.com
              args: {SEED: "${NPM_TOKEN}"}
            environment: *listed
            env_file:
              - {path: raw.env, format: raw}
            command: >
              node server.js
              --port 3000
              --api-token
              §folded command§
            secrets: [db]
            ports: ["3000:3000"]
          off:
            image: node:20
            profiles: [never]
            environment:
              JWT_SECRET: "§disabled profile§\\
                 x"
            command: ["mongosh", "-u", "root", "-p", "§mongosh list§", "--eval", "1"]
          probe:
            image: postgres:16
            environment: {POSTGRES_PASSWORD_FILE: /run/secrets/db}
            healthcheck:
              test: ["CMD", "pg_isready", "-d", "postgresql://app:§probe address§@localhost/app"]
          hook:
            image: node:20
            environment:
              SLACK: https://hooks.slack.com/services/T01ABCDEF/B01ABCDEF/§slack webhook§
              AZURE: DefaultEndpointsProtocol=https;AccountName=x;AccountKey=§azure account key§;EndpointSuffix=core.windows.net
              SAS: "https://x.blob.core.windows.net/c/f?sv=2022&sig=§shared access signature§&se=2030"
              SPRING: ${NOTHING:-jdbc:postgresql://db/app?user=app&password=§jdbc query§}
              JSON: '{"auths": {"https://index.docker.io/v1/": {"auth": "§docker config auth§"}}}'
        secrets:
          db: {environment: DB_VALUE}
        """,
    "more/compose.yaml": """\
        services:
          other:
            image: node:20
            environment:
              CLIENT_SECRET: §included§
              PGPASSWORD: ${OTHER_VALUE:?§required message is no secret§}
        """.replace("§required message is no secret§", "set it"),
    "raw.env": "ADMIN_PASSWORD=§raw env§ # part of it\nPLAIN='x'\n",
    ".env": "NPM_TOKEN=§build argument by another name§\nDB_VALUE=§environment of a compose secret§\n",
}

SHELL = {
    ".github/workflows/ci.yml": """\
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            outputs:
              token: §job output§
            strategy:
              matrix:
                api_token: ["§matrix list§", "§matrix list second§"]
            services:
              db:
                image: mysql:8
                options: >-
                  -e MYSQL_ROOT_PASSWORD=§service option variable§
                  --health-cmd "mysqladmin ping"
            steps:
              - uses: appleboy/ssh-action@v1
                with:
                  script: |
                    export DEPLOY_TOKEN=§ssh script§
                    docker compose up -d
              - uses: x/y@v1
                with:
                  args: --auth-token §action arguments§
                  headers: '{"Authorization": "Bearer §action headers§"}'
                  env_vars: |
                    API_TOKEN=§action variables§
                    MODE=x
              - run: |
                  curl -uapp:§curl attached§ https://example.com
                  curl -su app:§curl combined§ https://example.com
                  curl -x http://proxy -U app:§curl proxy user§ https://example.com
                  curl --proxy-user app:§curl long proxy user§ https://example.com
                  http -a app:§httpie§ https://example.com
                  docker login -u x -p§docker attached§ registry.example.com
                  docker login --username x --password=§docker long attached§
                  docker login -u x --password-stdin <<< "§docker here string§"
                  twine upload -u __token__ -p §twine§ dist/*
                  az login --service-principal -u x -p §azure login§ --tenant y
                  echo "root:§chpasswd§" | chpasswd
                  openssl enc -aes-256-cbc -pass pass:§openssl§ -in a -out b
                  echo "::add-mask::§add mask§"
                  aws ssm put-parameter --name x --type SecureString --value §ssm put parameter§
                  aws secretsmanager put-secret-value --secret-id x --secret-string '§put secret value§'
                  gh secret set DEPLOY --body "§gh secret body§"
                  vault kv put secret/app password=§vault put§
                  heroku config:set API_TOKEN=§heroku§
                  kubectl create secret docker-registry r --docker-password=§kubectl registry§ --docker-username=x
                  kubectl create secret generic s --from-literal password=§kubectl literal apart§
                  env API_TOKEN=§env program§ node x.js
                  docker build --build-arg=NPM_TOKEN=§build arg attached§ .
                  psql "host=db user=app password=§psql conninfo§ dbname=app"
                  smbclient -U app%§smbclient§ //host/share
                  lftp -u app,§lftp§ sftp://host
                  mvn deploy -Dregistry.password=§maven property§
                  npm config set //registry.npmjs.org/:_authToken §npm config set§
                  composer config http-basic.repo.example.com app §composer§
                  htpasswd -b -c .htpasswd app §htpasswd§
                  echo 'db:5432:app:app:§pgpass§' > ~/.pgpass
                  cat > ~/.netrc <<EOF
                  machine example.com
                    login app
                    password §netrc lines§
                  EOF
              - shell: pwsh
                run: |
                  $env:API_TOKEN = "§powershell§"
                  Invoke-RestMethod -Headers @{ Authorization = "Bearer §powershell header§" }
              - shell: cmd
                run: set API_TOKEN=§cmd set§
              - shell: python
                run: |
                  import os
                  os.environ["API_TOKEN"] = "§python environ§"
                  os.environ.setdefault("DB_PASSWORD", "§python setdefault§")
          call:
            uses: ./.github/workflows/called.yml
            secrets:
              deploy: §called secret of a plain name§
        """,
    ".github/workflows/called.yml": "on: workflow_call\njobs:\n  a:\n    runs-on: x\n    steps: [{run: echo}]\n",
}

TERRAFORM = {
    "main.tf": """\
        variable "plain" {
          sensitive = true
          default   = "§chosen by functions§"
        }
        variable "db" {
          type = object({ host = string, password = optional(string, "§optional default§") })
          default = { host = "x" }
        }
        variable "passwords" {
          default = { alice = "§map of passwords§" }
        }
        variable "databases" {
          default = { main = { user = "x", password = "§for each§" } }
        }
        locals {
          trimmed  = trimprefix("x-${var.plain}", "x-")
          matched  = regex("^(.{12})", var.plain)
          zipped   = zipmap(["word"], [var.plain])
          valued   = values({ a = var.plain })[0]
          coalesced = coalesce(null, var.plain)
          decoded  = jsondecode(jsonencode({ a = var.plain })).a
          chunks   = chunklist([var.plain, "b"], 1)
          flat     = flatten([[var.plain]])
          hex      = upper(format("%s|%s", "a", var.plain))
          indented = indent(2, "a\\n${var.plain}")
          titled   = title(lower(var.plain))
          csv      = csvdecode("a,word\\n1,${var.plain}")
          api_tokens = ["§list of tokens§"]
          creds    = { database_url = "postgres://app:§address in a map§@db/app" }
          connection_string = "Server=db;Password=§connection string§"
          each     = [for name, each in var.databases : "${name}=${each.password}"]
          optional = var.db.password
          heredoc  = <<-EOT
            [default]
            aws_secret_access_key = §heredoc ini§
            password: "§heredoc yaml§"
            "apiKey": "§heredoc json§"
            Authorization: Basic §heredoc header§
          EOT
        }
        terraform {
          backend "pg" { conn_str = "postgres://app:§backend address§@db/state" }
        }
        provider "kubernetes" {
          token = "§provider token§"
          exec {
            api_version = "x"
            command     = "x"
            args        = ["--token", "§provider arguments§"]
          }
        }
        module "rds" {
          source   = "terraform-aws-modules/rds/aws"
          password = "§remote module password§"
          parameters = [{ name = "admin_password", value = "§remote module parameter§" }]
        }
        module "far" {
          source = "git::https://app:§module source§@github.com/example/x.git"
        }
        resource "aws_db_instance" "main" {
          for_each       = var.databases
          engine         = "postgres"
          engine_version = "15.3"
          password       = each.value.password
        }
        resource "aws_instance" "web" {
          ami       = "ami-1"
          user_data = jsonencode({ environment = { API_TOKEN = "§user data json§" }, boot = "docker login -u x -p §user data command§" })
          tags      = { Name = "web", Owner = var.plain }
        }
        resource "aws_apprunner_service" "s" {
          service_name = "s"
          source_configuration {
            image_repository {
              image_identifier      = "registry.example.com/shop:latest"
              image_repository_type = "ECR"
              image_configuration {
                runtime_environment_variables = { SESSION_SECRET = "§apprunner§", WORD = local.trimmed }
              }
            }
          }
        }
        resource "aws_ecs_task_definition" "app" {
          family                = "app"
          container_definitions = <<EOF
        [{"name": "app", "image": "x:1", "environment": [
          {"name": "API_TOKEN", "value": "§heredoc container§"},
          {"name": "WORD", "value": "${var.plain}"},
          {"name": "CODED", "value": "${base64encode(var.plain)}"}
        ], "command": ["--db-password", "§heredoc container command§"]}]
        EOF
        }
        resource "aws_ecs_service" "app" {
          name            = "app"
          task_definition = aws_ecs_task_definition.app.arn
        }
        """,
    "prod.auto.tfvars": 'api_key = <<EOT\n§tfvars heredoc§\nEOT\nsettings = { smtp = { password = "§tfvars nested§" } }\n',
    "terragrunt.hcl": 'inputs = {\n  db_password = "§terragrunt input§"\n}\n',
}

CODE = {
    "app/settings.py": """\
        import os
        from decouple import config
        from pydantic import Field, SecretStr
        from pydantic_settings import BaseSettings

        DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "PASSWORD": "§django§"}}
        SIGNING = os.getenv("SIGNING_KEY", "§getenv under another name§")
        VALUE = config("SECRET_KEY", default="§decouple§")

        class Settings(BaseSettings):
            api_token: SecretStr = SecretStr("§secret str§")
            jwt_secret: str = Field(default="§field default§", min_length=8)
        """,
    "src/env.ts": """\
        import { cleanEnv, str } from "envalid";
        export const env = cleanEnv(process.env, {
          API_TOKEN: str({ default: "§envalid default§" }),
          SESSION_SECRET: str({ devDefault: "§envalid dev default§" }),
        });
        const { CLIENT_SECRET = "§destructured default§" } = process.env;
        process.env.DB_PASSWORD ||= "§logical assignment§";
        export const pool = new Pool({ host: "db", password: `§template literal§` });
        export const value = getEnv("ADMIN_TOKEN", "§second argument§");
        fetch("/x", { headers: { Authorization: `Bearer ${env.API_TOKEN}`, "X-Api-Key": "§fetch header§" } });
        """,
    "prisma/migrations/1/migration.sql": """\
        CREATE USER a WITH ENCRYPTED PASSWORD '§sql encrypted§';
        CREATE USER b IDENTIFIED WITH mysql_native_password BY '§sql identified with§';
        SET PASSWORD FOR c = '§sql set password§';
        CREATE SUBSCRIPTION s CONNECTION 'host=x password=§sql subscription§' PUBLICATION p;
        CREATE USER MAPPING FOR d SERVER s OPTIONS (user 'x', password '§sql options§');
        """,
    "Makefile": """\
        up: export PGPASSWORD := §make target export§
        up:
        \tdocker compose up -d
        define ENVFILE
        API_TOKEN=§make define§
        endef
        """,
    "package.json": """\
        {"name": "x", "scripts": {
          "dev": "cross-env API_TOKEN=§cross env§ next dev",
          "seed": "tsx seed.ts --admin-password '§script option§'",
          "call": "curl -H \\"Authorization: Bearer §script header§\\" https://example.com"
        }}
        """,
    "Dockerfile": """\
        FROM node:20
        RUN set -ex; TOKEN=§assignment between commands§; npm ci
        RUN dotnet nuget add source https://x --username a --password §nuget§ --store-password-in-clear-text
        RUN git config --global url."https://§git config token§:x-oauth-basic@github.com/".insteadOf https://github.com/
        RUN pip config set global.index-url https://__token__:§pip config§@gitlab.example.com/simple
        RUN --mount=type=cache,target=/x wget --http-password=§wget§ --http-user=x https://example.com
        ENV JAVA_OPTS="-Djavax.net.ssl.keyStorePassword=§java property§ -Xmx1g"
        ENV NODE_AUTH_TOKEN='§node auth token§' \\
            NEXT_PUBLIC_X=1
        CMD ["sh", "-c", "redis-server --requirepass '§quoted requirepass§'"]
        """,
    "compose.yaml": "services:\n  app:\n    build: .\n",
    ".github/workflows/ci.yml": """\
        on: push
        jobs:
          a:
            runs-on: ubuntu-latest
            steps:
              - run: make up
              - run: npm run call
              - run: npm run seed
        """,
}

TREES = {"compose": COMPOSE, "shell": SHELL, "terraform": TERRAFORM, "code": CODE}
