"""Secrets in shapes that nobody looked at while the gate was built: what an attacker, or a tired person, writes.

The marks are those of `plants`. Of the first four trees 37 of 116 came out when they were written, of the others 13 of 76.
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

MORE_COMPOSE = {
    "compose.yaml": """\
        x-common: &common
          environment: {MERGED_TOKEN: §merged service§}
        services:
          app:
            <<: *common
            image: node:20
            entrypoint: |
              sh -c "export SESSION_SECRET='§entrypoint block§' && exec node x"
            command: ["redis-server", "--requirepass", "§list with a blank§ two"]
          plain:
            image: node:20
            environment:
              - DB_PASSWORD
              - "COPIED=${DB_PASSWORD}"
          many:
            image: node:20
            environment:
              TAGGED_PASSWORD: !!str §yaml tag§
              my.secret.key: §dotted name§
              ASYNC_URL: postgresql+asyncpg://app:§percent encoded§%40x@db/app
              MONGO_URL: mongodb+srv://app:§mongo srv§@cluster.example.net/?retryWrites=true
              ELASTIC_HOSTS: http://elastic:§first of two hosts§@es1:9200,http://elastic:§second of two hosts§@es2:9200
              KAFKA_JAAS: 'org.apache.kafka.PlainLoginModule required username="x" password="§jaas§";'
              SPRING_APPLICATION_JSON: '{"spring":{"datasource":{"password":"§spring json§"}}}'
              RABBITMQ_DEFAULT_PASS: §rabbitmq§
              NEO4J_AUTH: neo4j/§neo4j§
              RESET_TOKEN: §reset by an override§
        configs:
          c: {content: "user = x\\npassword = §config line§"}
        """,
    "compose.override.yaml": """\
        services:
          many:
            environment: {RESET_TOKEN: !reset null}
        """,
    ".env": "DB_PASSWORD=§bare variable§\n",
    "Dockerfile": """\
        FROM node:20
        ARG PIP_INDEX_URL=https://u:§index argument§@pypi.example.com/simple
        ENV TOKEN="§token alone§" OTHER='x'
        RUN printf "[pypi]\\nusername=x\\npassword=§pypirc§\\n" > ~/.pypirc
        RUN yarn config set npmAuthToken §yarn§
        RUN poetry config http-basic.repo app §poetry§
        RUN poetry config pypi-token.pypi §poetry token§
        RUN keytool -genkey -storepass §keytool store§ -keypass §keytool key§
        RUN gpg --batch --passphrase '§gpg passphrase§' -c x
        CMD ["java", "-jar", "x.jar", "--spring.datasource.password=§spring option§"]
        """,
    "docker-bake.json": '{"target": {"app": {"args": {"NPM_TOKEN": "§bake json§"}, "tags": ["a/b:latest"]}}}\n',
}

MORE_SHELL = {
    ".github/workflows/ci.yml": """\
        on: push
        env:
          TOKEN: ${{ secrets.X || '§fallback of a secret§' }}
        jobs:
          a:
            runs-on: ubuntu-latest
            if: env.TOKEN == '§compared§'
            steps:
              - uses: x/y@v1
                with: {password: "${{ inputs.p || '§fallback of an input§' }}"}
              - run: |
                  export A=1 API_TOKEN=§export of several§ B=2
                  API_TOKEN='§continued line§' \\
                    node x.js
                  # export OLD_TOKEN=§commented out§
                  curl -H "Authorization: ApiKey §api key scheme§" https://example.com
                  curl -H 'X-Auth-Token:§header without a blank§' https://example.com
                  curl --header "apikey: §lower header§" https://example.com
                  curl --cookie "session_token=§cookie§" https://example.com
                  curl -d 'client_secret=§form body§&grant_type=x' https://example.com
                  curl --data-urlencode "password=§urlencoded body§" -F token=§form field§ https://example.com
                  git -c http.extraHeader="Authorization: Basic §extra header§" fetch
                  git clone https://oauth2:§oauth clone§@gitlab.example.com/a/b.git
                  export TF_VAR_db_password=§terraform variable§
                  terraform plan -var db_password=§var apart§ -var "x=1"
                  aws configure set aws_session_token "§session token§"
                  aws rds modify-db-instance --master-user-password §rds option§
                  docker compose run -e DB_PASSWORD=§compose run§ app
                  kubectl set env deploy/x API_TOKEN=§kubectl set env§
                  helm upgrade a b --set-string auth.rootPassword=§helm set string§,auth.x=1
                  ansible-playbook -e "db_password=§ansible§" x.yml
                  ansible-playbook --extra-vars '{"vault_pass":"§extra vars§"}' x.yml
                  ssh-keygen -t rsa -N "§ssh passphrase§" -f key
                  echo "§sudo§" | sudo -S true
                  mysql --defaults-extra-file=<(printf '[client]\\npassword=§client file§') -e x
                  printf 'machine x\\nlogin y\\npassword §netrc printf§\\n' > ~/.netrc
                  docker exec -e TOKEN=§docker exec§ app true
                  gh auth login --with-token <<< "§with token§"
        """,
    "Taskfile.yml": """\
        version: '3'
        tasks:
          a:
            cmds:
              - {task: b, vars: {DEPLOY_TOKEN: §task vars§}}
          b: ["echo {{.DEPLOY_TOKEN}}"]
        """,
    "compose.yaml": "services:\n  app:\n    image: node:20\n",
}

MORE_TERRAFORM = {
    "main.tf": """\
        variable "plain" {
          sensitive = true
          default   = "§twice through modules§"
        }
        variable "environment_variables" {
          default = { DB_PASSWORD = "§default map§" }
        }
        locals {
          env    = "API_TOKEN=${var.plain}"
          looked = lookup({ API_TOKEN = "§looked up§" }, "API_TOKEN", "")
          parts  = join("-", split("m", var.plain))
          cloud  = yamlencode({ users = [{ name = "x", passwd = "§cloud config§" }] })
        }
        module "a" {
          source = "./a"
          words  = { first = var.plain }
        }
        data "template_file" "t" {
          template = "go ${password}"
          vars     = { password = "§template file variable§" }
        }
        resource "helm_release" "r" {
          name  = "r"
          chart = "x"
          set {
            name  = "auth.password"
            value = "§helm set block§"
          }
        }
        resource "aws_lambda_function" "f" {
          function_name = "f"
          environment {
            variables = merge({ A = 1 }, { API_TOKEN = "§merged map§" })
          }
        }
        resource "aws_ecs_task_definition" "app" {
          family                = "app"
          container_definitions = templatefile("${path.module}/c.json.tftpl", { db_password = "§container template§", word = module.a.word })
        }
        resource "aws_ecs_task_definition" "two" {
          family = "two"
          container_definitions = jsonencode([{
            name        = "two"
            image       = "x:1"
            environment = [for k, v in { API_TOKEN = "§for expression§" } : { name = k, value = v }]
            command     = ["sh", "-c", data.template_file.t.rendered, local.looked]
          }])
        }
        resource "aws_ecs_service" "app" {
          name            = "app"
          task_definition = aws_ecs_task_definition.app.arn
        }
        resource "aws_ecs_service" "two" {
          name            = "two"
          task_definition = aws_ecs_task_definition.two.arn
        }
        """,
    "c.json.tftpl": '[{"name": "app", "image": "x:1", "environment": [{"name": "A", "value": "${db_password}"}, {"name": "B", "value": "${word}"}]}]\n',
    "a/main.tf": """\
        variable "words" {}
        module "b" {
          for_each = nonsensitive(toset(["x"]))
          source   = "../b"
          word     = var.words.first
        }
        output "word" {
          value = module.b["x"].word
        }
        """,
    "b/main.tf": 'variable "word" {}\noutput "word" {\n  value = upper("b-${var.word}")\n}\n',
}

MORE_CODE = {
    "src/config.ts": """\
        import { z } from "zod";
        export const config = { jwt: { secret: "§nested object§" } };
        const apiKey: string = "§typed constant§";
        const dbPassword = isProd ? process.env.DB : "§conditional§";
        export const s3 = new S3({ credentials: { accessKeyId: "x", secretAccessKey: "§aws client§" } });
        export const env = z.object({ ADMIN_PASSWORD: z.string().min(8).default("§chained default§") }).parse(process.env);
        """,
    "app/settings.py": """\
        from typing import Optional
        from environs import Env
        from pydantic_settings import BaseSettings

        env = Env()
        VALUE = env.str("API_TOKEN", "§environs§")
        conn = dict(host="db", password="§keyword argument§")

        class Settings(BaseSettings):
            password: Optional[str] = "§optional field§"
            stripe_api_key: str = 'sk' + '§concatenated§'
        """,
    "compose.yaml": "services:\n  app:\n    image: node:20\n",
}

TREES = {
    "compose": COMPOSE,
    "shell": SHELL,
    "terraform": TERRAFORM,
    "code": CODE,
    "more compose": MORE_COMPOSE,
    "more shell": MORE_SHELL,
    "more terraform": MORE_TERRAFORM,
    "more code": MORE_CODE,
}
