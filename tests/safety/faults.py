"""Files that cannot be read, remote files, and values that errors quote: secrets among what no reader understood.

The marks are those of `plants`.
"""

from __future__ import annotations

TREES = {
    "remote": {
        "compose.yaml": 'services:\n  a:\n    image: node:20\n    extends: {file: "https://user:§extends userinfo§@example.com/x.yaml", service: b}\n',
    },
    "remote2": {
        "compose.yaml": 'include:\n  - https://user:§include userinfo§@example.com/x.git\n  - path: git@github.com:x/y.git\nservices:\n  a:\n    build: https://§build token user§@github.com/acme/app.git#main\n    env_file: https://u:§env file userinfo§@example.com/.env\n  b:\n    build:\n      context: https://u:§context userinfo§@github.com/acme/app.git\n      additional_contexts: {x: "https://u:§additional context§@example.com/x.git"}\n      dockerfile: "https://u:§dockerfile userinfo§@x/Dockerfile"\n  c:\n    image: "https://u:§image userinfo§@registry.example.com/x:1"\n  d:\n    image: user:§image dsn§@registry.example.com/x:1\n    volumes: ["https://u:§volume userinfo§@x/y:/z"]\n    ports: ["u:§port word§@80:80"]\n',
    },
    "shapes": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment: API_TOKEN=§environment string§\n",
    },
    "shapes2": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n      DB_PASSWORD: [§environment list§]\n",
    },
    "shapes3": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n      DB_PASSWORD: {x: §environment map§}\n",
    },
    "shapes4": {
        "compose.yaml": 'services:\n  a:\n    image: node:20\n    DB_PASSWORD: §unknown key§\n    healthcheck: {interval: "password=§bad interval§"}\n',
    },
    "shapes5": {
        "compose.yaml": 'services:\n  a:\n    image: node:20\n    deploy: {resources: {limits: {memory: "token=§bad memory§"}}}\n    stop_grace_period: "Bearer §bad period§"\n    restart: "password=§bad restart§"\n',
    },
    "shapes6": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n      - X=${DB_PASSWORD:?§required word§}\n      - Y=${DB_PASSWORD?§required short§}\n",
    },
    "shapes7": {
        "compose.yaml": 'services:\n  a:\n    image: node:${API_TOKEN:-§image default§}\n    build: ./${DB_PASSWORD:-§build default§}\n    env_file: ${SECRET_FILE_TOKEN:-§env default§}\n    labels:\n      traefik.http.middlewares.auth.basicauth.users: "admin:$$apr1$$sa1tsa1t$$§label apr§"\n      - x\n',
    },
    "labels": {
        "compose.yaml": 'services:\n  t:\n    image: traefik:v3\n    command:\n      - --entrypoints.web.address=:80\n      - --http.middlewares.auth.basicauth.users=admin:$$2y$$05$$§arg bcrypt§\n    labels:\n      - "traefik.http.middlewares.auth.basicauth.users=admin:$$apr1$$sa1tsa1t$$§label list§"\n      - traefik.http.middlewares.d.digestauth.users=u:realm:§digest label§\n  a:\n    image: node:20\n    labels:\n      traefik.http.middlewares.auth.basicauth.users: "admin:$$apr1$$sa1tsa1t$$§label map§"\n    environment:\n      DSN: app:§mysql tcp§@tcp(db:3306)/shop\n      ODBC: "Driver=x;Server=db;UID=sa;PWD=§odbc§;Encrypt=yes"\n      ADO: Server=db;Database=x;User Id=sa;Password=§ado§;\n      ORA: jdbc:oracle:thin:app/§oracle§@db:1521:ORCL\n      JDBC: jdbc:mysql://db/app?user=app&password=§jdbc§\n      BUS: Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=§bus§=\n      SENTRY: https://§sentry0digits1§@o1.ingest.sentry.io/1\n    command: ["sh", "-c", "mysql -uroot -p§mysql in sh§ shop && rabbitmqctl add_user app §rabbit§ && vault kv put secret/x plain=§vault§"]\n    healthcheck:\n      test: ["CMD-SHELL", "redis-cli -a §redis check§ ping"]\n',
    },
    "brokenhcl": {
        "main.tf": 'resource "aws_db_instance" "x" {\n  engine   = "postgres"\n  password = "§unclosed hcl string§\n}\nvariable "a" {\n  default = "x"\n}\n',
        "b.tf": 'resource "aws_db_instance" "y" {\n  engine = "postgres"\n  db_password §no sign hcl§\n  master = §bare hcl§ §bare hcl two§\n',
        "c.tf": 'locals {\n  plain_thing = "§plain before error§"\n  api_token = <<EOT\n§unclosed heredoc§\n',
        "terraform.tfvars": 'db_password: "§colon tfvars§"\napi_token = §bare tfvars§\n',
        "x.auto.tfvars": 'db_password = "§unclosed tfvars§\n',
        "d.tf.json": '{"locals": {"api_token": "§broken json§", }, "x": }',
        "e.tf": 'variable "q" {\n  sensitive = true\n  default = "§sensitive in broken§"\n',
    },
    "brokenyaml": {
        "compose.yaml": 'services:\n  a:\n    image: node:20\n    environment:\n      API_TOKEN: "§unclosed yaml§\n      B: c\n',
    },
    "brokenyaml2": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n      API_TOKEN §no colon yaml§\n      B: c\n",
    },
    "brokenyaml3": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n\t  API_TOKEN: §tab yaml§\n      B: c\n",
    },
    "brokenyaml4": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n      - API_TOKEN=§list then map§\n      B: §second§\n      *refx\n",
    },
    "brokenyaml5": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment: {API_TOKEN: §flow unclosed§, DB_PASSWORD: '§flow second§\n",
    },
    "brokenyaml6": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n      API_TOKEN: §duplicate one§\n      API_TOKEN: §duplicate two§\n",
    },
    "brokenyaml7": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    environment:\n      API_TOKEN: !!int §bad int§\n      X: *x\n",
    },
    "brokenenv": {
        "compose.yaml": "services:\n  a:\n    image: node:20\n    env_file: [a.env, b.env, c.env]\n",
        "a.env": "API_TOKEN='§unclosed env§\nB=c\n",
        "b.env": "DB PASSWORD=§blank in key§\n",
        "c.env": "x\nAPI-TOKEN: §colon env§\nexport\n",
        ".env": 'TOKEN="§unclosed dotenv§\nX=y\n',
    },
    "brokendocker": {
        "Dockerfile": 'FROM node:20\nENV API_TOKEN\nENV DB_PASSWORD §legacy env§\nRUNN curl -u app:§unknown instruction§ x\nENV API_TOKEN="§unclosed docker§\nLABEL token=§label docker§ bad\n',
        "compose.yaml": "services:\n  a:\n    build: .\n",
    },
    "brokendocker2": {
        "Dockerfile": "FROM node:20\nAPI_TOKEN=§bare assignment§\n",
        "compose.yaml": "services:\n  a:\n    build: .\n",
    },
    "brokendocker3": {
        "Dockerfile": "FROM node:20\nRUN <<EOF\nexport API_TOKEN=§unclosed docker heredoc§\n",
        "compose.yaml": "services:\n  a:\n    build: .\n",
    },
    "brokendocker4": {
        "Dockerfile": "FROM node:20\nHEALTHCHECK --token=§health flag§ CMD x\nEXPOSE password=§expose§\nCOPY --from=https://u:§copy from§@x / /\nUSER token=§user§\nSTOPSIGNAL 15\n",
        "compose.yaml": "services:\n  a:\n    build: .\n",
    },
    "brokenjson": {
        "package.json": '{"name": "x", "scripts": {"a": "API_TOKEN=§broken script§ node x", }, "password": "§broken pkg§"',
        "compose.yaml": "services:\n  a:\n    image: node:20\n",
    },
    "workflow": {
        ".github/workflows/a.yml": 'on: push\njobs:\n  a:\n    runs-on: "token=§runs on§"\n    env:\n      API_TOKEN: ${{ secrets.X || \'§expression default§\' }}\n      BAD: ${{ format(\'{0}\', \'x\' }}\n    steps:\n      - uses: https://u:§uses userinfo§@github.com/x/y@v1\n      - uses: docker://u:§uses docker§@ghcr.io/x/y:1\n      - run: gh secret set X <<< "§gh here§"\n      - run: |\n          kubectl create secret generic x --from-literal=plain=§from literal§\n          echo §piped create§ | docker secret create x -\n          terraform apply -var db_password=§tf var§\n          psql "host=x password=§unclosed shell§\n  b:\n    needs: ["password=§needs§"]\n    uses: ./.github/workflows/token=§uses reusable§.yml\n',
        ".github/workflows/b.yml": "on: push\njobs:\n  a:\n    steps:\n    - run: x\n     API_TOKEN: §broken workflow§\n",
    },
    "terraform": {
        "main.tf": 'variable "word" {\n  sensitive = true\n  default   = "§sensitive error§"\n}\nvariable "db_password" {\n  default = "§named default§"\n  validation {\n    condition     = length(var.db_password) > 100\n    error_message = "was ${var.db_password}"\n  }\n}\nlocals {\n  number = tonumber(var.word)\n  json   = jsondecode(var.word)\n  index  = { a = 1 }[var.word]\n  file   = file(var.word)\n  templ  = templatefile("missing-${var.word}.tpl", {})\n  re     = regex("(", var.word)\n  cidr   = cidrhost(var.word, 1)\n  time   = timeadd(var.word, "1h")\n  b64    = base64decode(var.word)\n  look   = lookup({}, var.db_password)\n  elem   = ["a"][var.db_password]\n  attr   = var.word.missing\n  call   = nofunction(var.db_password, "x")\n}\nmodule "m" {\n  source = "git::https://u:§module userinfo§@example.com/x.git?ref=v1"\n}\nmodule "n" {\n  source = "https://§module token user1§@example.com/x.zip"\n  db_password = "§module input§"\n}\nresource "aws_db_instance" "main" {\n  engine         = "postgres"\n  engine_version = tonumber(var.word)\n  instance_class = local.json\n  password       = "§db password§"\n  count          = var.word\n}\nresource "aws_ecs_task_definition" "app" {\n  family = "app"\n  container_definitions = "[{\\"name\\": \\"app\\", \\"environment\\": [{\\"name\\": \\"API_TOKEN\\", \\"value\\": \\"§broken container json§\\""\n}\nresource "aws_instance" "web" {\n  ami = "ami-1"\n  user_data = <<-EOT\n    #!/bin/bash\n    docker login -u x -p §user data login§\n    aws secretsmanager put-secret-value --secret-id x --secret-string §user data secret§\n    echo "app:§user data chpasswd§" | chpasswd\n    docker run -d -e DB_PASSWORD=§user data env§ acme/app:1\n  EOT\n}\nresource "null_resource" "x" {\n  provisioner "local-exec" {\n    command = "rabbitmqctl add_user app §local exec§"\n  }\n}\noutput "x" {\n  value = var.word\n}\n',
    },
    "make": {
        "Makefile": "include https://u:§make include§@x\nup:\n\tmysql -p§make mysql§ x\n\tdocker compose up -d\n\thtpasswd -bc f u §make htpasswd§\nifeq (x\n",
        "justfile": "token := '§just unclosed§\nup:\n  docker compose up -d\n",
        "Taskfile.yml": "version: 3\ntasks:\n  up:\n    cmds:\n      - vault login §task vault§\n    env: {API_TOKEN: §task env§}\n  bad: [§task\n",
        ".github/workflows/c.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make up\n      - run: just up\n      - run: task up\n",
        "compose.yaml": "services:\n  a:\n    image: node:20\n",
    },
}
