"""Small trees in which something multiplies: what a stranger could send to keep a scan busy.

Each has some 50 kB, few up to twice that, written from the documentation of its format. `trees` names them: files by path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Files = dict[str, str]

COMPOSE = "services:\n  app: {image: node:22, ports: ['80:80'], environment: {A: b}}\n"


def repeated(text: str, size: int = 50_000) -> str:
    """A text as often as it fits into so many bytes."""
    return text * (size // len(text))


def lines(line: Callable[[int], str], most: int = 10_000) -> str:
    """Lines made from their numbers, as many as there may be, up to 50 kB."""
    found: list[str] = []
    size = 0
    for number in range(most):
        text = line(number)
        size += len(text) + 1
        if size > 50_000:
            break
        found.append(text)
    return "\n".join(found) + "\n"


def locals_(text: str, *, end: str = "") -> Files:
    """Locals, of which a task shows `local.end`."""
    return {
        "main.tf": f"locals {{\n{text}\n}}\n"
        'resource "aws_ecs_task_definition" "t" {\n  family = "t"\n'
        '  container_definitions = jsonencode([{name = "a", image = "a:${local.end}",'
        ' environment = [{name = "A", value = "${local.end}"}]}])\n}\n'
        'resource "aws_db_instance" "d" {\n  engine = "postgres"\n  engine_version = local.end\n}\n' + end
    }


def doubling(step: str, first: str, last: str, count: int = 40) -> Files:
    """Locals, each made of the one before (`@`)."""
    made = [f"  a0 = {first}", *(f"  a{n} = {step.replace('@', f'local.a{n - 1}')}" for n in range(1, count))]
    return locals_("\n".join([*made, f"  end = {last.replace('@', f'local.a{count - 1}')}"]))


def expression(text: str) -> Files:
    """One expression as the value of an image's tag, a variable and a version."""
    return locals_(f"  end = {text}")


def workflow(steps: str, jobs: str = "", top: str = "") -> str:
    """A workflow with steps."""
    return f"on: push\n{top}jobs:\n{jobs}  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n{steps}"


def runs(script: str, **more: str) -> Files:
    """A workflow that runs a script, beside other files (`__` for a dot)."""
    indented = "\n".join("          " + line for line in script.split("\n"))
    text = workflow(f"      - run: |\n{indented}\n")
    return {
        ".github/workflows/ci.yml": text,
        "compose.yml": COMPOSE,
        **{path.replace("__", "."): each for path, each in more.items()},
    }


def value(text: str) -> Iterable[tuple[str, Files]]:
    """One value in every field that is matched, as YAML, HCL, env file, shell, Dockerfile, JSON and TypeScript."""
    import json

    quoted = json.dumps(text, ensure_ascii=False)
    hcl = quoted.replace("${", "$${").replace("%{", "%%{")
    plain = text.replace("\n", " ")
    yield (
        "compose",
        {
            "compose.yml": "services:\n  a:\n"
            + "".join(
                f"    {key}: {quoted}\n"
                for key in (
                    "image", "command", "entrypoint", "user", "hostname", "mem_limit", "cpus", "platform", "pull_policy",
                    "stop_grace_period", "working_dir", "network_mode", "restart", "build",
                )
            )
            + "".join(
                f"    {key}: [{quoted}]\n"
                for key in (
                    "ports", "expose", "volumes", "environment", "env_file", "tmpfs", "extra_hosts", "depends_on",
                    "networks", "secrets", "dns",
                )
            )
            + f"    healthcheck: {{test: {quoted}, interval: {quoted}, timeout: {quoted}}}\n"
            f"    labels: {{a: {quoted}}}\n    deploy: {{resources: {{limits: {{memory: {quoted}, cpus: {quoted}}}}}}}\n"
            f"  db:\n    image: postgres:16\n    environment: {{POSTGRES_PASSWORD: {quoted}, DATABASE_URL: {quoted}, A: {quoted}}}\n"
            f"    command: {quoted}\n  cache:\n    image: redis:7\n    command: [redis-server, {quoted}]\n",
        },
    )  # fmt: skip
    yield (
        "env",
        {
            "compose.yml": "services:\n  a:\n    image: a\n    env_file: .env.example\n",
            ".env.example": f'A={plain}\nB=\'{plain}\'\nC="{plain}"\nDATABASE_URL={plain}\n{plain}\nREDIS_URL="{plain}\n',
        },
    )
    yield (
        "docker",
        {
            "compose.yml": "services:\n  a:\n    build: .\n",
            "Dockerfile": f"# syntax={plain}\nARG A={quoted}\nFROM node:22-{plain[:100]} AS a\nENV A={quoted} B {plain}\n"
            f"LABEL a={quoted}\nRUN {plain}\nRUN [{quoted}]\nCOPY {plain} /a\nUSER {plain}\nEXPOSE {plain}\n"
            f'HEALTHCHECK --interval={plain} CMD {plain}\nCMD {plain}\nENTRYPOINT ["sh", "-c", {quoted}]\n',
        },
    )
    yield (
        "terraform",
        {
            "main.tf": 'resource "aws_db_instance" "a" {\n'
            + "".join(
                f"  {key} = {hcl}\n"
                for key in ("engine", "engine_version", "identifier", "parameter_group_name", "db_name", "username")
            )
            + '}\nresource "aws_ecs_task_definition" "a" {\n  family = '
            + hcl
            + f"\n  cpu = {hcl}\n  memory = {hcl}\n  container_definitions = jsonencode([{{name = {hcl}, image = {hcl}, command = [{hcl}],"
            f' entryPoint = [{hcl}], user = {hcl}, environment = [{{name = {hcl}, value = {hcl}}}, {{name = "DATABASE_URL", value = {hcl}}}],'
            f' secrets = [{{name = {hcl}, valueFrom = {hcl}}}], healthCheck = {{command = ["CMD-SHELL", {hcl}]}}}}])\n}}\n'
            f'resource "aws_instance" "a" {{\n  user_data = {hcl}\n  ami = {hcl}\n}}\n'
            f'resource "aws_elasticache_replication_group" "a" {{\n  engine_version = {hcl}\n  node_type = {hcl}\n}}\n'
            f'module "a" {{\n  source = {hcl}\n  version = {hcl}\n}}\n'
        },
    )
    yield (
        "workflow",
        {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": f"name: {quoted}\non: {{push: {{branches: [{quoted}], paths: [{quoted}]}}}}\nenv: {{A: {quoted}}}\n"
            f"jobs:\n  a:\n    if: {quoted}\n    runs-on: {quoted}\n    container: {{image: {quoted}}}\n"
            f"    services: {{db: {{image: {quoted}, ports: [{quoted}], options: {quoted}}}}}\n    environment: {quoted}\n"
            f"    steps:\n      - uses: {quoted}\n      - run: {quoted}\n        if: {quoted}\n        shell: {quoted}\n"
            f"        working-directory: {quoted}\n        env: {{DATABASE_URL: {quoted}}}\n"
            f"      - uses: docker/build-push-action@v6\n        with: {{tags: {quoted}, file: {quoted}, platforms: {quoted}, build-args: {quoted}}}\n",
        },
    )
    yield (
        "code",
        {
            "compose.yml": COMPOSE,
            "package.json": f'{{"name": {quoted}, "scripts": {{"a": {quoted}}}, "dependencies": {{"next": {quoted}}}, "engines": {{"node": {quoted}}}}}',
            "src/config.ts": f"export const a = process.env.A ?? {quoted};\nimport b from {quoted};\nconst c = z.object({{A: z.string().default({quoted})}}).parse(process.env);\n",
            "config.py": f"import os\nA = os.environ.get('A', {quoted})\n",
            ".nvmrc": plain + "\n",
            "requirements.txt": plain + "\n",
            "prisma/schema.prisma": f"datasource db {{\n  provider = {quoted}\n  url = env({quoted})\n}}\n",
            "migrations/001.sql": f"CREATE EXTENSION {plain};\n-- {plain}\n/* {plain}\nCREATE TABLE a ({plain});\n",
            "hosts/a.hosts": f"127.0.0.1 {plain}\n",
            ".infisical.json": f'{{"workspaceId": {quoted}}}',
            "Procfile": f"web: {plain}\n",
        },
    )
    yield (
        "tasks",
        {
            **runs("make all\njust all\ntask all\nbash go.sh\nnpm run all"),
            "Makefile": f"A = {plain}\nall: {plain}\n\t{plain}\n\techo $(A)\n",
            "justfile": f"a := {quoted}\nall:\n    {plain}\n    echo {{{{a}}}}\n",
            "Taskfile.yml": f"version: 3\nvars: {{A: {quoted}}}\ntasks: {{all: {{cmds: [{quoted}, 'echo {{{{.A}}}}']}}}}\n",
            "go.sh": f"A={quoted}\n{plain}\necho $A\n",
            "package.json": f'{{"scripts": {{"all": {quoted}}}}}',
            "docker-bake.hcl": f'target "default" {{\n  tags = [{hcl}]\n  platforms = [{hcl}]\n  args = {{ A = {hcl} }}\n}}\n',
        },
    )


_FIELD = 1_400
"""Characters of one value, which stands in up to thirty fields of a tree."""

TEXTS = {
    "spaces": " " * 6_000,
    "tabs-and-end": "a" + "\t" * 5_000 + "b",
    "slashes": "/" * 6_000,
    "dots": "a" + "." * 6_000 + "!",
    "dot-segments": "a/../" * 1_200,
    "at-signs": "a@" * 3_000,
    "colons": "a:" * 3_000,
    "addresses": "postgres://" * 500,
    "address-of-colons": "postgres://" + "a:" * 2_500 + "@db:5432/x",
    "queries": "postgres://db/x?" + "a=b&" * 1_400,
    "dashes": "-" * 6_000,
    "dashed-words": "a-" * 3_000 + "!",
    "digits": "1" * 4_200 + "x",
    "versions": "1." * 3_000 + "x",
    "commas": "a," * 3_000,
    "equals": "a=" * 3_000,
    "single-quotes": "'" * 5_999,
    "double-quotes": '"' * 2_999,
    "backslashes": "\\" * 2_999,
    "dollars": "$" * 5_999,
    "open-variables": "${a" * 2_000,
    "defaults": "${a:-" * 1_200 + "}" * 1_200,
    "substitutions": "$(echo " * 800 + ")" * 800,
    "backquotes": "`a" * 2_999,
    "subshells": "(" * 3_000 + "a" + ")" * 3_000,
    "braces": "{" * 3_000 + "}" * 3_000,
    "brackets": "[" * 3_000 + "]" * 3_000,
    "expressions": "${{ a }}" * 750,
    "open-expressions": "${{ " * 1_400,
    "nested-expression": "${{ " + "(" * 2_000 + "1" + ")" * 2_000 + " }}",
    "calls": "${{ " + "format('{0}', " * 400 + "1" + ")" * 400 + " }}",
    "ands": "a && " * 1_200 + "b",
    "pipes": "a | " * 1_500 + "b",
    "semicolons": "a;" * 3_000,
    "heredocs": "cat <<A <<B\n" * 450,
    "ifs": "if a; then " * 500 + "fi;" * 500,
    "quoted-shells": "sh -c '" * 800,
    "wrappers": "env A=b timeout 5 nice sudo -E " * 190 + "node a",
    "assignments": "A=$A$A " * 850,
    "lines": "a\n" * 3_000,
    "accents": "é́" * 1_000,
    "templates": "{{ . }}" * 850,
    "percents": "%" * 5_999,
    "jinja": "{% if a %}" * 600,
    "comment-starts": "/*" * 3_000,
    "hashes": " #" * 3_000,
    "tags": "<a" * 3_000,
    "emails": "a@b." * 1_500,
    "images": "a/" * 2_000 + ":b@sha256:c",
    "mounts": "type=bind,source=/a," * 300,
    "ports": "127.0.0.1:80-90:" * 375,
    "durations": "1h" * 3_000,
    "braced-words": "{a,b}" * 1_200,
    "globs": "*?" * 3_000,
    "stars": "**/" * 2_000,
    "mixed": "a 'b \"c $(d `e ${f:-" * 280,
}  # fmt: skip


def _compose() -> dict[str, Files]:
    def one(text: str, **more: str) -> Files:
        return {"compose.yml": text, **{path.replace("__", "."): each for path, each in more.items()}}

    env = {
        "env-chain-of-two": lines(lambda n: f"A{n}=${{A{n - 1}}}${{A{n - 1}}}" if n else "A0=xy", 3_000),
        "env-chain-default": lines(lambda n: f"A{n}=${{B{n}:-${{A{n - 1}}}${{A{n - 1}}}}}" if n else "A0=xy", 2_000),
        "env-chain-of-one": lines(lambda n: f"A{n}=${{A{n - 1}}}" if n else "A0=xy"),
        "env-cycle": lines(lambda n: f"A{n}=${{A{(n + 1) % 3_000}}}", 3_000),
        "env-append": lines(lambda n: f"A=${{A}}x{n}"),
        "env-forward": "A=" + "${B}" * 10_000 + "\nB=" + "x" * 9_000,
        "env-wide": "B=" + "x" * 24_000 + "\n" + "A=" + "$B" * 12_000,
        "env-quotes": repeated("A='\n"),
        "env-open-quote": 'A="' + repeated("$B\n"),
        "env-export": repeated("export export A=b\n"),
        "env-nested-defaults": "A=" + "${X:-" * 9_000,
        "env-many": lines(lambda n: f"A{n}=b"),
        "env-blank": "\n" * 50_000,
        "env-comment": repeated("A=b #"),
        "env-no-equals": lines(lambda n: f"a{n}"),
    }
    found = {
        name: one("services:\n  a:\n    image: a:${A1}\n    env_file: .env.example\n", __env__example=text, __env=text)
        for name, text in env.items()
    }
    anchors = "x-0: &a0 [a, a]\n" + "".join(f"x-{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    merges = "x-0: &a0 {k0: a, l0: b}\n" + "".join(
        f"x-{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}], k{n}: a}}\n" for n in range(1, 400)
    )
    wide = "x-0: &a0 {" + ", ".join(f"k{n}: a" for n in range(1_500)) + "}\n"
    found |= {
        "yaml-alias-bomb": one(anchors + "services:\n  a: {image: b, command: *a59}\n"),
        "yaml-merge-bomb": one(merges + "services:\n  a: {image: b, environment: {<<: *a399}}\n"),
        "yaml-merge-wide": one(
            wide + "services:\n" + lines(lambda n: f"  s{n}: {{image: a, environment: {{<<: *a0}}}}", 700)
        ),
        "yaml-alias-wide": one(
            wide + "services:\n" + lines(lambda n: f"  s{n}: {{image: a, environment: *a0}}", 800)
        ),
        "yaml-merge-lists": one(
            "".join(f"x-{n}: &a{n} {{k{n}: a}}\n" for n in range(1_000))
            + "services:\n  a:\n    image: a\n    environment:\n      <<: ["
            + ", ".join(f"*a{n}" for n in range(1_000))
            + "]\n"
        ),
        "yaml-aliases-of-themselves": one("services: &s\n  a: {image: a, x-a: *s}\n"),
        "yaml-anchors": one("services:\n  a:\n    image: a\n    command:\n" + lines(lambda n: f"      - &a{n} b", 2_500)),
        "yaml-deep-flow": one("services:\n  a: {image: a, command: " + "[" * 20_000 + "]" * 20_000 + "}\n"),
        "yaml-deep-block": one("services:\n" + "".join(" " * n + f"a{n}:\n" for n in range(1, 300))),
        "yaml-deep-dashes": one("services: \n" + "- " * 20_000 + "a\n"),
        "yaml-deep-maps": one("services: " + "{a: " * 12_000 + "}" * 2_000),
        "yaml-questions": one("? " * 20_000 + "a\n"),
        "yaml-one-line": one("services: {" + ", ".join(f"s{n}: {{image: a}}" for n in range(2_500)) + "}\n"),
        "yaml-one-scalar": one("services: {a: {image: a, command: '" + "a " * 24_000 + "'}}\n"),
        "yaml-escapes": one('services: {a: {image: a, command: "' + "\\x41" * 12_000 + '"}}\n'),
        "yaml-folded": one("services:\n  a:\n    image: a\n    command: >\n" + lines(lambda _: "      a")),
        "yaml-blank-lines": one("services:\n  a:\n    image: a\n    command: |\n" + "\n" * 45_000 + "      a\n"),
        "yaml-documents": one("---\n" * 12_000),
        "yaml-tags": one("services: " + "!a " * 12_000 + "{}\n"),
        "yaml-comments": one("services: {a: {image: a}}\n" + "#\n" * 20_000),
        "yaml-same-keys": one("services:\n" + lines(lambda _: "  a: {image: b}")),
        "yaml-many-anchors": one("services:\n" + lines(lambda n: f"  s{n}: &a{n} {{image: a}}")),
        "services": one("services:\n" + lines(lambda n: f"  s{n}: {{image: a}}", 5_000)),
        "services-alike": one(
            "services:\n" + lines(lambda n: f"  s{n}: {{image: node, environment: {{A: b, B: c}}, ports: ['80']}}")
        ),
        "services-databases": one(
            "services:\n" + lines(lambda n: f"  s{n}: {{image: postgres:16, environment: {{A: 'http://s{n}'}}}}")
        ),
        "services-needing": one(
            "services:\n"
            + "".join(f"  s{n}: {{image: a, depends_on: [{', '.join(f's{m}' for m in range(n))}]}}\n" for n in range(140))
        ),
        "services-chain": one("services:\n" + lines(lambda n: f"  s{n}: {{image: a, depends_on: [s{n + 1}]}}", 1_200)),
        "services-links": one(
            "services:\n" + lines(lambda n: f"  s{n}: {{image: a, environment: {{U: 'http://s{n + 1}:80/'}}}}")
        ),
        "services-networks": one(
            "services:\n" + lines(lambda n: f"  s{n}: {{image: a, networks: [n{n}]}}", 1_200)
            + "networks: {" + ", ".join(f"n{n}: {{}}" for n in range(1_200)) + "}\n"
        ),
        "extends-chain": one(
            "services:\n" + lines(lambda n: f"  s{n}: {{extends: s{n + 1}}}", 1_500) + "  s1500: {image: a}\n"
        ),
        "merge-keys": one("services:\n  a:\n    image: a\n    labels:\n" + lines(lambda n: "      <<: {}" if n % 2 else f"      k{n}: 1")),
        "blocks-of-sql": one(COMPOSE, **{"migrations/1__sql": lines(lambda n: f"DO $t{n}$")}),
        "extends-of-one": one(
            "services:\n  s0: {image: a, environment: {" + ", ".join(f"k{n}: a" for n in range(2_000)) + "}}\n"
            + lines(lambda n: f"  t{n}: {{extends: s0}}", 1_200)
        ),
        "extends-files": {
            **{f"c{n}.yml": f"services:\n  a:\n    extends: {{file: c{n + 1}.yml, service: a}}\n" for n in range(200)},
            "compose.yml": "services:\n  a:\n    extends: {file: c0.yml, service: a}\n",
        },
        "includes-doubling": {
            **{f"c{n}.yml": f"include: [c{n + 1}.yml, ./c{n + 1}.yml]\n" for n in range(60)},
            "c60.yml": COMPOSE,
            "compose.yml": "include: [c0.yml]\n",
        },
        "includes-wide": {
            **{f"c{n}.yml": f"services: {{s{n}: {{image: a}}}}\n" for n in range(300)},
            "compose.yml": "include:\n" + "".join(f"  - c{n}.yml\n" for n in range(300)),
        },
        "includes-folders": {
            **{f"{'d/' * n}compose.yml": "include: [d/compose.yml]\n" for n in range(80)},
        },
        "env-files": {
            "compose.yml": "services:\n"
            + "".join(f"  s{n}: {{image: a, env_file: [{', '.join(['e.env'] * 30)}]}}\n" for n in range(100)),
            "e.env": "".join(f"K{n}=v\n" for n in range(1_500)),
        },
        "env-file-shared": {
            "compose.yml": "services:\n" + lines(lambda n: f"  s{n}: {{image: a, env_file: e.env}}", 900),
            "e.env": "".join(f"K{n}=v\n" for n in range(2_500)),
        },
        "interpolation-wide": one("services:\n  a:\n    image: a\n    command: '" + "${A}" * 10_000 + "'\n", __env="A=" + "x" * 9_000),
        "interpolation-deep": one("services: {a: {image: '" + "${X:-" * 8_000 + "}" * 8_000 + "'}}\n"),
        "interpolation-deep-32": one("services: {a: {image: '" + ("${X:-" * 30 + "}" * 30) * 250 + "'}}\n"),
        "interpolation-nested-wide": one("services: {a: {image: '" + "${X:-${Y:-a}${Z:-b}}" * 2_300 + "'}}\n"),
        "interpolation-twice": one(
            "services:\n" + lines(lambda n: f"  s{n}: {{image: '$A$A', command: '$A'}}", 1_100), __env="A=" + "x" * 9_000
        ),
        "compose-files": {
            f"{name}.yml": "services:\n" + lines(lambda n: f"  s{n}: {{image: a}}", 900)
            for name in ("compose", "compose.override", "docker-compose", "docker-compose.prod", "docker-compose.dev")
        },
        "configs-and-secrets": one(
            "services:\n  a: {image: a, secrets: [" + ", ".join(f"s{n}" for n in range(2_000)) + "]}\nsecrets:\n"
            + lines(lambda n: f"  s{n}: {{file: a}}", 2_000)
        ),
        "port-ranges": one("services:\n" + lines(lambda n: f"  s{n}: {{image: a, ports: ['1-65535:1-65535']}}", 800)),
        "port-lists": one("services:\n  a:\n    image: a\n    ports:\n" + lines(lambda n: f"      - '{n}:{n}'")),
        "volumes": one("services:\n  a:\n    image: a\n    volumes:\n" + lines(lambda n: f"      - a{n}:/a/{n}", 2_500)),
        "variables": one("services:\n  a:\n    image: a\n    environment:\n" + lines(lambda n: f"      K{n}: v", 3_500)),
        "overrides-of-one": {
            "compose.yml": "services:\n  a:\n    image: a\n    environment:\n" + lines(lambda n: f"      K{n}: v", 2_500),
            "compose.override.yml": "services:\n  a:\n    environment:\n" + lines(lambda n: f"      - K{n}=v", 2_500),
        },
        "profiles": one("services:\n" + lines(lambda n: f"  s{n}: {{image: a, profiles: [p{n}]}}")),
        "healthchecks": one(
            "services:\n" + lines(lambda n: f"  s{n}: {{image: a, healthcheck: {{test: curl -f http://localhost/{n}}}}}")
        ),
        "urls-in-one": one(
            "services:\n  a:\n    image: a\n    environment:\n" + lines(lambda n: f"      K{n}: 'http://a:{n}/x'", 1_500)
        ),
    }  # fmt: skip
    return found


def _terraform() -> dict[str, Files]:
    deep = "a"
    for opening, closing in (("[", "]"), ("{a=", "}"), ("(", ")")):
        deep = opening * 30 + deep + closing * 30
    return {
        "locals-texts": doubling('"${@}${@}"', '"xy"', "@"),
        "locals-lists": doubling("[@, @]", '["x"]', "jsonencode(@)"),
        "locals-objects": doubling("{a = @, b = @}", '{a = "x"}', "jsonencode(@)"),
        "locals-concat": doubling("concat(@, @)", '["x"]', "length(@)"),
        "locals-flatten": doubling("flatten([@, @])", '["x"]', "length(@)"),
        "locals-join": doubling('join(",", [@, @])', '"x"', "@"),
        "locals-format": doubling('format("%s%s", @, @)', '"x"', "@"),
        "locals-replace": doubling('replace(@, "x", "xx")', '"x"', "@"),
        "locals-replace-pattern": doubling('replace(@, "/(x)/", "$1$1")', '"x"', "@"),
        "locals-jsonencode": doubling("jsonencode([@])", '"\\""', "@", 60),
        "locals-jsonencode-twice": doubling("jsonencode([@, @])", '"x"', "@"),
        "locals-base64": doubling("base64encode(@)", '"xyz"', "@", 200),
        "locals-urlencode": doubling("urlencode(@)", '"% %"', "@", 100),
        "locals-setproduct": doubling("setproduct(@, @)", '["x", "y"]', "length(@)", 12),
        "locals-for": doubling("[for a in range(10) : @]", '"x"', "jsonencode(@)", 30),
        "locals-for-object": doubling("{for a in range(10) : a => @}", '"x"', "jsonencode(@)", 30),
        "locals-merge": doubling('merge(@, {for k, v in @ : "${k}x${length(@)}" => v})', '{a = "x"}', "jsonencode(@)"),
        "locals-zipmap": doubling('zipmap(["a", "b"], [@, @])', '"x"', "jsonencode(@)"),
        "locals-conditional": doubling("true ? [@, @] : [@, @]", '["x"]', "jsonencode(@)"),
        "locals-unknown-conditional": doubling("var.nothing ? [@, @] : [@]", '["x"]', "jsonencode(@)"),
        "locals-unknown": doubling('"${@}${@}"', "var.nothing", "@"),
        "locals-reference": doubling('"${@}${@}"', "aws_db_instance.d.address", "@"),
        "locals-compare": doubling("[@, @]", '["x"]', 'local.a39 == local.a38 ? "a" : "b"'),
        "locals-contains": doubling("[@, @]", '["x"]', 'contains(@, @) ? "a" : "b"'),
        "locals-tostring": doubling("[@, @]", '["x"]', "try(tostring(@), sha256(jsonencode(@)))"),
        "locals-toset": doubling("toset([@, [@]])", '["x"]', "length(@)"),
        "locals-indent": doubling('indent(1000, "${@}\\n${@}")', '"x"', "@", 30),
        "locals-formatlist": doubling('formatlist("%s%s", @, @)', '["x", "y"]', 'join("", @)'),
        "locals-split": doubling('join("ab", split("", @))', '"x"', "@"),
        "locals-yaml": doubling("yamlencode([@, @])", '"x"', "@"),
        "locals-decode": doubling("jsondecode(jsonencode([@, @]))", '"x"', "jsonencode(@)"),
        "locals-numbers": doubling("@ * @", "3", "@", 60),
        "locals-powers": doubling("pow(@, 3)", "3", "@", 60),
        "locals-fractions": doubling("@ * @ / 7", "3.1", "@", 60),
        "locals-transpose": doubling("transpose({for k in range(100) : k => [for v in keys(@) : v]})", '{a = ["x"]}', "jsonencode(@)", 20),
        "locals-strings-of-one": locals_("\n".join(f'  a{n} = "${{local.b}}"' for n in range(1_500)) + '\n  b = "x"\n  end = "${local.a1}"'),
        "locals-chain": locals_("\n".join(f"  a{n} = local.a{n + 1}" for n in range(2_000)) + '\n  a2000 = "x"\n  end = local.a0'),
        "locals-chain-back": locals_("\n".join(f"  a{n + 1} = local.a{n}" for n in range(2_000)) + '\n  a0 = "x"\n  end = local.a2000'),
        "locals-needed-by-one": locals_(
            "\n".join(f'  a{n} = "{n}"' for n in range(1_800)) + '\n  end = "' + "".join(f"${{local.a{n}}}" for n in range(1_800)) + '"'
        ),
        "locals-fan": locals_(
            "\n".join(f"  a{n} = [{', '.join(f'local.a{m}' for m in range(n))}]" for n in range(90)) + "\n  end = jsonencode(local.a89)"
        ),
        "locals-cycle": locals_("\n".join(f"  a{n} = local.a{(n + 1) % 1_500}" for n in range(1_500)) + "\n  end = local.a0"),
        "for-nested": expression('length(flatten([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : "x"]]]))'),
        "for-nested-if": expression("length([for a in range(1000) : a if length([for b in range(1000) : b if length([for c in range(1000) : c]) > 1]) > 1])"),
        "for-grouped": expression("jsonencode({for a in range(1000) : a => [for b in range(1000) : b]...})"),
        "for-template": expression('"%{for a in range(1000)}%{for b in range(1000)}%{for c in range(1000)}xyz%{endfor}%{endfor}%{endfor}"'),
        "for-text": expression('join("", [for a in range(1000) : join("", [for b in range(1000) : "xxxxxxxxxxxxxxxxxxxxxxxx"])])'),
        "format-width": expression('format("' + "%999999999s" * 400 + '", ' + ", ".join(["1"] * 400) + ")"),
        "format-zeros": expression('format("%0999999999d", 1)'),
        "format-precision": expression('format("%.999999999f", 1)'),
        "format-exponent": expression('format("%.999999999e", 1)'),
        "format-index": expression('format("' + "%[1]s" * 4_000 + '", join("", [for a in range(1000): "xxxxxxxxxx"]))'),
        "setproduct": expression("length(setproduct(" + ", ".join(["range(1000)"] * 8) + "))"),
        "setproduct-empty": expression("length(setproduct(" + ", ".join(["range(1000)"] * 8) + ", []))"),
        "setproduct-sets": expression('jsonencode(setproduct(toset([for a in range(300) : "a${a}"]), toset([for a in range(300) : "b${a}"])))'),
        "setintersection": expression("length(setintersection(" + ", ".join(["range(1000)"] * 40) + "))"),
        "setsubtract": expression("length(setsubtract([for a in range(1000) : [a]], [for a in range(1000) : [a, a]]))"),
        "matchkeys": expression("length(matchkeys(range(1000), range(1000), [for a in range(1000) : a + 5000]))"),
        "contains-many": expression("length([for a in range(1000) : a if contains(range(1000), a + 2000)])"),
        "index-many": expression("length([for a in range(1000) : index(range(1000), a)])"),
        "sum-fractions": expression("sum([for a in range(1000) : (a + 1) / 7])"),
        "regexall": expression('length(regexall("x*", join("", [for a in range(1000) : "xxxxxxxxxxxxxxxxxxxxy"])))'),
        "regex-backtrack": expression('regex("(x+x+)+y", "' + "x" * 20_000 + '")'),
        "regex-classes": expression('regex("[' + "a-z" * 5_000 + ']+$", "' + "x" * 20_000 + '!")'),
        "regex-counted": expression('length(regexall("(((x{0,30}){0,30}){0,30})", "' + "x" * 20_000 + '"))'),
        "regex-many": expression('length([for a in range(1000) : regexall("(a|b|c|d${a})*(e|f)*z", "' + "abcd" * 2_000 + '")])'),
        "regex-escapes": expression('regex("' + "\\\\\\\\" * 5_000 + 'C", "x")'),
        "regex-end": expression('length(regexall("(?s)a.*z", "' + "a" * 30_000 + '"))'),
        "replace-wide": expression('replace("' + "x" * 20_000 + '", "x", "' + "y" * 20_000 + '")'),
        "replace-empty": expression('replace("' + "x" * 20_000 + '", "", "' + "y" * 20_000 + '")'),
        "replace-groups": expression('replace("' + "x" * 10_000 + '", "/(x)/", "' + "$1" * 10_000 + '")'),
        "join-wide": expression('join("' + "y" * 20_000 + '", [for a in range(1000) : "x"])'),
        "cidrsubnets": expression('jsonencode(cidrsubnets("10.0.0.0/8"' + ", 16" * 10_000 + "))"),
        "cidrsubnet-large": expression('cidrsubnet("10.0.0.0/8", 99999999999, 999999)'),
        "cidrhost-large": expression('cidrhost("fd00::/8", 99999999999999999999999999)'),
        "parseint": expression('parseint("' + "9" * 40_000 + '", 10)'),
        "number-long": expression("1" * 40_000),
        "number-exponent": expression("1e999999999 + 1e-999999999"),
        "number-divided": expression(" / ".join(["1.0000001"] * 4_000)),
        "number-power": expression("pow(99999999, 99999999)"),
        "substr-many": expression('join("", [for a in range(1000) : substr("' + "x" * 20_000 + '", a, 1)])'),
        "strrev-many": expression('length([for a in range(1000) : strrev("' + "é" * 20_000 + '")])'),
        "sha-many": expression('length(distinct([for a in range(1000) : sha512("' + "x" * 40_000 + '${a}")]))'),
        "md5-file": {**expression('length([for a in range(1000) : filemd5("big.txt")])'), "big.txt": "x" * 40_000},
        "file-many": {**expression('join("", [for a in range(1000) : file("big.txt")])'), "big.txt": "x" * 40_000},
        "templatefile-many": {
            **expression('join("", [for a in range(1000) : templatefile("t.tpl", {a = a})])'),
            "t.tpl": "${a}" * 8_000,
        },
        "templatefile-itself": {**expression('templatefile("t.tpl", {a = "x"})'), "t.tpl": '${templatefile("t.tpl", {a = a})}' * 20},
        "templatefile-doubling": {
            **expression('templatefile("t.tpl", {a = "xxxxxxxxxxxxxxxx"})'),
            "t.tpl": '${templatefile("u.tpl", {a = "${a}${a}"})}' * 50,
            "u.tpl": '${templatefile("v.tpl", {a = "${a}${a}"})}' * 50,
            "v.tpl": "%{for x in range(1000)}${a}%{endfor}",
        },
        "fileset": {**expression('length([for a in range(1000) : fileset(".", "**/**/**/**/**/**/*.txt")])'), "a.txt": ""},
        "fileset-stars": {**expression('jsonencode(fileset(".", "' + "*a" * 60 + '"))'), **{"a" * 200 + f"{n}.txt": "" for n in range(9)}},
        "fileset-braces": {**expression('jsonencode(fileset(".", "' + "{a,b}" * 60 + '"))'), "a.txt": ""},
        "jsondecode-deep": expression('jsondecode("' + "[" * 20_000 + "]" * 20_000 + '")'),
        "jsondecode-many": expression('length([for a in range(1000) : jsondecode("[' + "1," * 10_000 + '1]")])'),
        "yamldecode-bomb": expression('jsonencode(yamldecode("a0: &a0 [x, x]\\n' + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\\n" for n in range(1, 60)) + '"))'),
        "yamldecode-many": expression('length([for a in range(300) : yamldecode("{' + "".join(f"k{n}: v, " for n in range(2_000)) + '}")])'),
        "csvdecode": expression('length([for a in range(1000) : csvdecode("' + "a,b\\n" * 4_000 + '")])'),
        "try-nested": expression("try(" * 110 + '"x"' + ", tostring([]))" * 110),
        "try-wide": expression("try(" + 'tonumber("x"), ' * 2_500 + '"x")'),
        "conditionals-nested": expression("".join(f"var.nothing == {n} ? {n} : " for n in range(110)) + "0"),
        "conditionals-doubling": doubling("var.nothing ? [@] : (var.nothing ? [@] : (var.nothing ? [@] : [@]))", '["x"]', "jsonencode(@)"),
        "deep-expression": expression(deep.replace("a", '"x"', 1)),
        "deep-parentheses": expression("(" * 20_000 + "1" + ")" * 20_000),
        "deep-lists": expression("[" * 20_000 + "]" * 20_000),
        "deep-nots": expression("!" * 20_000 + "true"),
        "deep-minus": expression("-" * 20_000 + "1"),
        "deep-templates": expression('"${' * 10_000 + '"x"' + '}"' * 10_000),
        "deep-blocks": {"main.tf": 'resource "aws_instance" "a" {\n' + "a {\n" * 8_000 + "}\n" * 8_000 + "}\n"},
        "deep-calls": expression("upper(" * 5_000 + '"x"' + ")" * 5_000),
        "deep-indexes": expression("local.a" + "[0]" * 10_000),
        "deep-attributes": expression("local.a" + ".a" * 20_000),
        "deep-splats": expression("local.a" + "[*]" * 10_000),
        "splats": locals_("  a = [for x in range(1000) : {b = [for y in range(1000) : {c = y}]}]\n  end = length(local.a[*].b[*].c)"),
        "sums": expression(" + ".join(["1"] * 12_000)),
        "ands": expression(" && ".join(["true"] * 6_000)),
        "one-line-list": expression("jsonencode([" + "1, " * 15_000 + "1])"),
        "one-line-object": expression("jsonencode({" + ", ".join(f"a{n} = 1" for n in range(4_000)) + "})"),
        "one-line-text": expression('"' + "x${1}" * 8_000 + '"'),
        "heredoc": expression("<<-E\n" + "      x ${1}\n" * 3_500 + "    E"),
        "heredocs": locals_("\n".join(f"  a{n} = <<E\nx\nE" for n in range(2_000)) + "\n  end = local.a1"),
        "open-heredoc": {"main.tf": lines(lambda n: f"a{n} = <<E{n}")},
        "open-braces": {"main.tf": "a {" * 15_000},
        "open-quotes": {"main.tf": 'a = "${' * 8_000},
        "open-comments": {"main.tf": "/*" * 25_000},
        "comments": {"main.tf": "/**/" * 12_000},
        "blocks": {"main.tf": lines(lambda n: f'variable "a{n}" {{}}')},
        "resources": {"main.tf": lines(lambda n: f'resource "aws_db_instance" "a{n}" {{\n  engine = "postgres"\n}}')},
        "resources-alike": {
            "compose.yml": "services:\n" + lines(lambda n: f"  s{n}: {{image: postgres}}", 800),
            "main.tf": lines(lambda n: f'resource "aws_db_instance" "a{n}" {{\n  engine = "postgres"\n}}', 600),
        },
        "tasks-alike": {
            "compose.yml": "services:\n" + lines(lambda n: f"  s{n}: {{image: node, environment: {{A: b}}}}", 700),
            "main.tf": lines(
                lambda n: f'resource "aws_ecs_task_definition" "a{n}" {{\n  container_definitions = jsonencode([{{name = "a", image = "node", environment = [{{name = "A", value = "b"}}]}}])\n}}',
                250,
            ),
        },
        "count-large": {"main.tf": 'resource "aws_db_instance" "a" {\n  count = 99999999\n  engine = "postgres"\n}\n'},
        "count-many": {"main.tf": lines(lambda n: f'resource "aws_db_instance" "a{n}" {{\n  count = 2000\n  engine = "postgres"\n}}', 100)},
        "for-each-many": {"main.tf": 'resource "aws_db_instance" "a" {\n  for_each = toset([for a in range(1000) : tostring(a)])\n  engine = "postgres"\n  identifier = "${join(",", [for b in range(1000) : each.key])}"\n}\n'},
        "dynamic-many": {"main.tf": 'resource "aws_db_parameter_group" "a" {\n  family = "postgres16"\n' + 'dynamic "parameter" {\n  for_each = range(1000)\n  content {\n    name = parameter.key\n    value = join(",", range(1000))\n  }\n}\n' * 50 + "}\n"
            'resource "aws_db_instance" "d" {\n  engine = "postgres"\n  parameter_group_name = aws_db_parameter_group.a.name\n}\n'},
        "dynamic-nested": {"main.tf": 'resource "aws_db_parameter_group" "a" {\n' + 'dynamic "parameter" {\n for_each = range(100)\n content {\n' * 30 + "a = 1\n" + "}\n}\n" * 30 + "}\n"
            'resource "aws_db_instance" "d" {\n  engine = "postgres"\n  parameter_group_name = aws_db_parameter_group.a.name\n}\n'},
        "modules-doubling": {
            **{f"m{n}/main.tf": f'module "a" {{\n  source = "../m{n + 1}"\n}}\nmodule "b" {{\n  source = "../m{n + 1}"\n}}\n' for n in range(30)},
            "m30/main.tf": 'resource "aws_db_instance" "a" {\n  engine = "postgres"\n}\n',
            "main.tf": 'module "a" {\n  source = "./m0"\n}\n',
        },
        "modules-counted": {
            **{f"m{n}/main.tf": f'module "a" {{\n  count = 1000\n  source = "../m{n + 1}"\n}}\n' for n in range(8)},
            "m8/main.tf": 'resource "aws_db_instance" "a" {\n  engine = "postgres"\n}\n',
            "main.tf": 'module "a" {\n  count = 1000\n  source = "./m0"\n}\n',
        },
        "modules-passing": {
            **{f"m{n}/main.tf": f'variable "a" {{}}\nmodule "a" {{\n  source = "../m{n + 1}"\n  a = [var.a, var.a]\n}}\noutput "a" {{\n  value = [module.a.a, module.a.a]\n}}\n' for n in range(30)},
            "m30/main.tf": 'variable "a" {}\noutput "a" {\n  value = var.a\n}\n',
            "main.tf": 'module "a" {\n  source = "./m0"\n  a = "x"\n}\nresource "aws_db_instance" "d" {\n  engine = "postgres"\n  engine_version = jsonencode(module.a.a)\n}\n',
        },
        "module-itself": {"main.tf": 'module "a" {\n  source = "./"\n}\nmodule "b" {\n  source = "./"\n}\nresource "aws_db_instance" "a" {\n  engine = "postgres"\n}\n'},
        "module-cycle": {"a/main.tf": 'module "b" {\n  source = "../b"\n}\nmodule "c" {\n  source = "../b"\n}\n', "b/main.tf": 'module "a" {\n  source = "../a"\n}\nmodule "c" {\n  source = "../a"\n}\nresource "aws_db_instance" "a" {\n  engine = "postgres"\n}\n', "main.tf": 'module "a" {\n  source = "./a"\n}\n'},
        "roots": {f"r{n}/main.tf": 'module "m" {\n  source = "../m"\n}\nterraform {\n  backend "s3" {}\n}\n' for n in range(200)} | {"m/main.tf": 'resource "aws_db_instance" "a" {\n  count = 50\n  engine = "postgres"\n}\n'},
        "variable-files": {"main.tf": 'variable "a" {}\nresource "aws_db_instance" "d" {\n  engine = "postgres"\n  engine_version = var.a\n}\n', **{f"v{n}.tfvars": 'a = "x"\n' for n in range(1_000)}},
        "variable-types": {"main.tf": 'variable "a" {\n  type = ' + "list(" * 100 + "string" + ")" * 100 + "\n  default = " + "[" * 100 + "]" * 100 + '\n}\nresource "aws_db_instance" "d" {\n  engine = "postgres"\n  engine_version = jsonencode(var.a)\n}\n'},
        "variable-optional": {"main.tf": 'variable "a" {\n  type = object({' + ", ".join(f'a{n} = optional(string, "x")' for n in range(1_500)) + '})\n  default = {}\n}\nresource "aws_db_instance" "d" {\n  engine = "postgres"\n  engine_version = jsonencode([for x in range(1000) : var.a])\n}\n'},
        "json-one-line": {"main.tf.json": '{"resource": {"aws_db_instance": {' + ", ".join(f'"a{n}": {{"engine": "postgres"}}' for n in range(1_300)) + "}}}"},
        "json-deep": {"main.tf.json": '{"locals": {"a": ' + "[" * 20_000 + "]" * 20_000 + "}}"},
        "json-templates": {"main.tf.json": '{"resource": {"aws_db_instance": {"a": {"engine": "postgres", "engine_version": "' + "${1}" * 10_000 + '"}}}}'},
        "terragrunt": {"terragrunt.hcl": 'include "a" {\n  path = find_in_parent_folders()\n}\nlocals {\n' + "".join(f"  a{n} = [local.a{n - 1}, local.a{n - 1}]\n" if n else "  a0 = 1\n" for n in range(40)) + "}\ninputs = {a = jsonencode(local.a39)}\n", "main.tf": 'variable "a" {}\nresource "aws_db_instance" "d" {\n  engine = "postgres"\n  engine_version = var.a\n}\n'},
        "user-data": expression('"x"') | {"ec2.tf": 'resource "aws_instance" "a" {\n  user_data = <<E\n' + "docker run -d a\ncat > /a/docker-compose.yml <<'X'\nservices: {a: {image: a}}\nX\n" * 500 + "E\n}\n"},
        "policies": {"main.tf": 'data "aws_iam_policy_document" "a" {\n' + 'statement {\n actions = ["*"]\n resources = ["*"]\n}\n' * 900 + '}\nresource "aws_iam_policy" "a" {\n  policy = data.aws_iam_policy_document.a.json\n}\n'},
        "named-alike": {"main.tf": lines(lambda n: f'resource "aws_security_group" "a{n}" {{\n  vpc_security_group_ids = [aws_security_group.a{n + 1}.id]\n}}', 500) + 'resource "aws_db_instance" "d" {\n  engine = "postgres"\n  vpc_security_group_ids = aws_security_group.a0[*].id\n}\n'},
    }  # fmt: skip


def _pipeline() -> dict[str, Files]:
    matrix = "\n".join(f"        a{n}: [{', '.join(map(str, range(100)))}]" for n in range(10))
    makefile = "all:\n\techo $(A39)\nA0 = xy\n" + "".join(f"A{n} = $(A{n - 1})$(A{n - 1})\n" for n in range(1, 40))
    just = 'all:\n    echo {{a39}}\na0 := "xy"\n' + "".join(f"a{n} := a{n - 1} + a{n - 1}\n" for n in range(1, 40))
    task = "version: '3'\nvars:\n  A0: xy\n" + "".join(
        f"  A{n}: '{{{{.A{n - 1}}}}}{{{{.A{n - 1}}}}}'\n" for n in range(1, 40)
    )
    bake = 'variable "a0" { default = "xy" }\n' + "".join(
        f'variable "a{n}" {{ default = "${{a{n - 1}}}${{a{n - 1}}}" }}\n' for n in range(1, 40)
    )
    found: dict[str, Files] = {
        "matrix": {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": f"on: push\njobs:\n  a:\n    strategy:\n      matrix:\n{matrix}\n    runs-on: ubuntu-${{{{ matrix.a1 }}}}\n    steps: [{{run: docker build -t 'a:${{{{ matrix.a1 }}}}${{{{ matrix.a2 }}}}' .}}]\n",
        },
        "matrix-include": {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": "on: push\njobs:\n  a:\n    strategy:\n      matrix:\n        a: [" + ", ".join(map(str, range(2_000))) + "]\n        include: [" + ", ".join(f"{{a: {n}, b: c}}" for n in range(1_500)) + "]\n    runs-on: '${{ matrix.b }}'\n    steps: [{run: 'docker compose up ${{ matrix.b }}'}]\n",
        },
        "needs-wide": {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": "on: push\njobs:\n" + "".join(f"  j{n}: {{runs-on: a, needs: [{', '.join(f'j{m}' for m in range(n))}], steps: [{{run: docker compose up}}]}}\n" for n in range(130)),
        },
        "needs-chain": {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": "on: push\njobs:\n" + lines(lambda n: f"  j{n}: {{runs-on: a, needs: [j{n + 1}], steps: [{{run: npm test}}]}}", 800),
        },
        "needs-cycle": {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": "on: push\njobs:\n" + lines(lambda n: f"  j{n}: {{runs-on: a, needs: [j{(n + 1) % 500}, j{(n + 7) % 500}], steps: [{{run: terraform apply}}]}}", 500),
        },
        "steps": {"compose.yml": COMPOSE, ".github/workflows/ci.yml": workflow(lines(lambda n: f"      - run: docker compose up s{n}", 1_500))},
        "workflows-calling": {
            "compose.yml": COMPOSE,
            **{f".github/workflows/w{n}.yml": f"on: {{workflow_call: {{}}, push: {{}}}}\njobs:\n  a: {{uses: ./.github/workflows/w{n + 1}.yml}}\n  b: {{uses: ./.github/workflows/w{n + 1}.yml}}\n" for n in range(40)},
            ".github/workflows/w40.yml": "on: workflow_call\njobs: {a: {runs-on: a, steps: [{run: docker compose up}]}}\n",
        },
        "workflow-calling-itself": {
            "compose.yml": COMPOSE,
            ".github/workflows/a.yml": "on: [push, workflow_call]\njobs:\n  a: {uses: ./.github/workflows/a.yml}\n  b: {uses: ./.github/workflows/a.yml}\n  c: {runs-on: a, steps: [{run: npm test}]}\n",
        },
        "workflow-inputs": {
            "compose.yml": COMPOSE,
            **{f".github/workflows/w{n}.yml": f"on: {{workflow_call: {{inputs: {{a: {{type: string}}}}}}}}\njobs:\n  a: {{uses: ./.github/workflows/w{n + 1}.yml, with: {{a: '${{{{ inputs.a }}}}${{{{ inputs.a }}}}'}}}}\n" for n in range(40)},
            ".github/workflows/w40.yml": "on: {workflow_call: {inputs: {a: {type: string}}}}\njobs: {a: {runs-on: a, steps: [{run: 'docker build -t ${{ inputs.a }} .'}]}}\n",
            ".github/workflows/ci.yml": "on: push\njobs:\n  a: {uses: ./.github/workflows/w0.yml, with: {a: xy}}\n",
        },
        "actions-calling": {
            "compose.yml": COMPOSE,
            **{f"a{n}/action.yml": f"runs: {{using: composite, steps: [{{uses: ./a{n + 1}}}, {{uses: ./a{n + 1}}}]}}\n" for n in range(40)},
            "a40/action.yml": "runs: {using: composite, steps: [{run: docker compose up, shell: bash}]}\n",
            ".github/workflows/ci.yml": workflow("      - uses: ./a0\n"),
        },
        "action-calling-itself": {
            "compose.yml": COMPOSE,
            "a/action.yml": "runs: {using: composite, steps: [{uses: ./a}, {uses: ./a}, {run: npm test, shell: bash}]}\n",
            ".github/workflows/ci.yml": workflow("      - uses: ./a\n"),
        },
        "workflow-env-chain": {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": workflow("".join(f'      - run: echo "A{n}=$A{n - 1}$A{n - 1}" >> $GITHUB_ENV\n' for n in range(1, 400)) + "      - run: docker build -t $A399 .\n", top="env: {A0: xy}\n"),
        },
        "workflows": {"compose.yml": COMPOSE, **{f".github/workflows/w{n}.yml": "on: push\njobs: {a: {runs-on: a, steps: [{run: docker compose up}]}}\n" for n in range(400)}},
        "make-doubling": runs("make all", Makefile=makefile),
        "make-call": runs("make all", Makefile="f = $(call f,$1$1)$(call f,$1$1)\nall:\n\techo $(call f,x)\n"),
        "make-foreach": runs("make all", Makefile="L = " + "a " * 2_000 + "\nall:\n\techo $(foreach a,$(L),$(foreach b,$(L),$(foreach c,$(L),$(a)$(b)$(c))))\n"),
        "make-subst": runs("make all", Makefile="A = " + "x" * 20_000 + "\nB = $(subst x," + "y" * 20_000 + ",$(A))\nall:\n\techo $(B)\n"),
        "make-patsubst": runs("make all", Makefile="A = " + "x " * 10_000 + "\nB = $(patsubst %," + "y%" * 9_000 + ",$(A))\nall:\n\techo $(B)\n"),
        "make-eval": runs("make all", Makefile="define d\n$(eval $(d))\n$(eval $(d))\nendef\n$(eval $(d))\nall:\n\techo\n"),
        "make-append": runs("make all", Makefile=lines(lambda n: f"A += $(A) x{n}") + "all:\n\techo $(A)\n"),
        "make-simple-append": runs("make all", Makefile="A := x\n" + lines(lambda _: "A := $(A)$(A)") + "all:\n\techo $(A)\n"),
        "make-targets": runs("make all", Makefile="all: " + " ".join(f"t{n}" for n in range(3_000)) + "\n" + lines(lambda n: f"t{n}:\n\techo {n}", 2_000)),
        "make-chain": runs("make t0", Makefile=lines(lambda n: f"t{n}: t{n + 1}", 4_000)),
        "make-fan": runs("make t0", Makefile="".join(f"t{n}: t{n + 1} t{n + 1} u{n}\nu{n}: t{n + 1}\n\tmake t{n + 1}\n" for n in range(300))),
        "make-itself": runs("make all", Makefile="all:\n\tmake all\n\tmake all\n\t$(MAKE) -C . all\n"),
        "make-includes": runs("make all", Makefile="include a.mk b.mk\nall:\n\techo\n", a__mk="include a.mk b.mk\n", b__mk="include a.mk b.mk\n"),
        "make-patterns": runs("make a.b", Makefile="%.b: %.c\n\techo $*\n%.c: %.d\n%.d: %.b\n" + lines(lambda n: f"%.x{n}: %.x{n + 1}\n\techo", 2_000)),
        "callers-of-makefiles": {
            ".github/workflows/r.yml": "on: {workflow_call: {inputs: {x: {type: string}}}}\njobs:\n"
            + "".join(
                f"  j{n}: {{runs-on: u, steps: [{{run: 'make t{n} X=${{{{ inputs.x }}}}'}}]}}\n" for n in range(40)
            ),
            "Makefile": "".join(f"t{n}: t{n + 1}\n\techo a && ./x.sh {n}\n" for n in range(60)) + "t60:\n\techo\n",
            "x.sh": "#!/bin/bash\n" + "echo a\ndocker push b\n" * 40,
        }
        | {
            f".github/workflows/c{n}.yml": "on: push\njobs:\n  a:\n    uses: ./.github/workflows/r.yml\n"
            f"    with: {{x: '{n}'}}\n"
            for n in range(300)
        },
        "make-conditions": runs("make all", Makefile="ifdef A\n" * 6_000 + "endif\n" * 6_000 + "all:\n\techo\n"),
        "make-shell": runs("make all", Makefile="all:\n" + lines(lambda n: f"\tdocker compose up s{n} && sh -c 'make b{n}'", 900)),
        "make-open": runs("make all", Makefile="A = " + "$(" * 20_000 + "\nall:\n\techo $(A)\n"),
        "make-variables": runs("make all", Makefile=lines(lambda n: f"A{n} = $(A{n + 1})") + "all:\n\techo $(A0)\n"),
        "make-continued": runs("make all", Makefile="A = " + "x \\\n" * 12_000 + "\nall:\n\techo $(A)\n"),
        "just-doubling": runs("just all", justfile=just),
        "just-needs": runs("just t0", justfile="".join(f"t{n}: t{n + 1} (t{n + 1})\n    echo\n" for n in range(400)) + "t400:\n    echo\n"),
        "just-arguments": runs("just t0 x", justfile="".join(f"t{n} a: (t{n + 1} (a + a))\n    echo {{{{a}}}}\n" for n in range(400)) + "t400 a:\n    echo\n"),
        "just-cycle": runs("just a", justfile="a: b b\n    just a\nb: a\n    just b\n"),
        "just-deep": runs("just a", justfile="a:\n    echo {{" + "(" * 15_000 + "1" + ")" * 15_000 + "}}\n"),
        "just-ifs": runs("just a", justfile="x := " + 'if "a" == "b" { "c" } else ' * 900 + '{ "d" }\na:\n    echo {{x}}\n'),
        "just-imports": runs("just a", justfile="import 'b.just'\nimport 'c.just'\na:\n    echo\n", b__just="import 'c.just'\nimport 'justfile'\n", c__just="import 'b.just'\nmod justfile\n"),
        "just-strings": runs("just a", justfile="a := '''" + "'" * 20_000 + '\nb := "' + "\\" * 10_000 + "\n"),
        "just-recipes": runs("just t1", justfile=lines(lambda n: f"t{n} a='b' *c='d': (t{n + 1} a)\n    echo {{{{a}}}}", 900)),
        "just-paths": runs("just a", justfile="x := " + " / ".join(["'a'"] * 5_000) + "\na:\n    echo {{x}}\n"),
        "task-doubling": runs("task all", Taskfile__yml=task + "tasks: {all: {cmds: ['echo {{.A39}}']}}\n"),
        "task-deps": runs("task t0", Taskfile__yml="version: '3'\ntasks:\n" + "".join(f"  t{n}: {{deps: [t{n + 1}, t{n + 1}], cmds: [{{task: t{n + 1}}}, {{task: t{n + 1}}}]}}\n" for n in range(400))),
        "task-vars": runs("task t0", Taskfile__yml="version: '3'\ntasks:\n" + "".join(f"  t{n}: {{cmds: [{{task: t{n + 1}, vars: {{A: '{{{{.A}}}}{{{{.A}}}}x'}}}}]}}\n" for n in range(400))),
        "task-for": runs("task a", Taskfile__yml="version: '3'\ntasks:\n  a:\n    cmds:\n" + "      - for: [" + "x, " * 500 + "x]\n        task: b\n  b:\n    cmds:\n      - for: [" + "x, " * 500 + "x]\n        task: c\n  c: {cmds: [{for: [" + "x, " * 500 + "x], cmd: echo}]}\n"),
        "task-includes": runs("task all", Taskfile__yml="version: '3'\nincludes: {a: ./a.yml, b: ./b.yml}\ntasks: {all: {cmds: [{task: 'a:b:a:b:x'}]}}\n", a__yml="version: '3'\nincludes: {a: ./a.yml, b: ./b.yml}\ntasks: {x: {cmds: [echo]}}\n", b__yml="version: '3'\nincludes: {a: ./a.yml, b: ./b.yml}\ntasks: {x: {cmds: [echo]}}\n"),
        "bake-variables": runs("docker buildx bake", docker_bake__hcl="", **{"docker-bake__hcl": bake + 'target "default" {\n  tags = ["a:${a39}"]\n}\n'}),
        "bake-inherits": runs("docker buildx bake t0", **{"docker-bake__hcl": "".join(f'target "t{n}" {{ inherits = ["t{n + 1}", "t{n + 1}"] }}\n' for n in range(400)) + 'target "t400" { tags = ["a"] }\n'}),
        "bake-groups": runs("docker buildx bake g0", **{"docker-bake__hcl": "".join(f'group "g{n}" {{ targets = ["g{n + 1}", "g{n + 1}"] }}\n' for n in range(400)) + 'target "g400" { tags = ["a"] }\n'}),
        "bake-matrix": runs("docker buildx bake", **{"docker-bake__hcl": 'target "default" {\n  name = "t-${a0}-${a1}"\n  matrix = {\n' + "".join(f"    a{n} = [{', '.join(map(str, range(100)))}]\n" for n in range(10)) + '  }\n  tags = ["a:${a0}"]\n}\n'}),
        "bake-contexts": runs("docker buildx bake t0", **{"docker-bake__hcl": "".join(f'target "t{n}" {{ contexts = {{ a = "target:t{n + 1}", b = "target:t{n + 1}" }} }}\n' for n in range(400))}),
        "scripts-calling": runs("bash a0.sh", **{f"a{n}__sh": f"bash a{n + 1}.sh\n./a{n + 1}.sh\nsource a{n + 1}.sh\n" for n in range(60)}),
        "scripts-itself": runs("bash a.sh", a__sh="bash a.sh; bash a.sh && bash a.sh | bash a.sh\n" * 500),
        "npm-calling": runs("npm run t0", package__json='{"scripts": {' + ", ".join(f'"t{n}": "npm run t{n + 1} && npm run t{n + 1}"' for n in range(400)) + ', "t400": "next build"}}'),
        "npm-pre-post": runs("npm run a", package__json='{"scripts": {"a": "npm run a", "prea": "npm run a", "posta": "npm run a && npm run prea"}}'),
        "npm-patterns": runs("npm-run-all '*'", package__json='{"scripts": {' + ", ".join(f'"t{n}": "run-s t*"' for n in range(900)) + "}}"),
        "shell-variables": runs("A0=xy\n" + "\n".join(f"A{n}=$A{n - 1}$A{n - 1}" for n in range(1, 60)) + "\ndocker build -t $A59 ."),
        "shell-loops": runs("for a in " + "x " * 200 + "; do\n" * 1 + "for b in " + "x " * 200 + "; do for c in " + "x " * 200 + "; do docker build -t $a$b$c .; done; done; done"),
        "shell-functions": runs("f() { g; g; }\ng() { f; f; }\nf\n" + "\n".join(f"h{n}() {{ h{n + 1}; h{n + 1}; }}" for n in range(300)) + "\nh0"),
        "shell-braces": runs("docker build -t a{" + ",".join("x" * 3 for _ in range(100)) + "}" + "{a,b}" * 500 + " ."),
        "shell-cases": runs("case $a in\n" + "\n".join(f"a{n}) docker compose up ;;" for n in range(1_200)) + "\nesac"),
        "shell-heredocs": runs("\n".join(f"cat > f{n} <<E{n}\nx\nE{n}" for n in range(1_000))),
        "shell-open-heredocs": runs("cat <<A " * 3_000),
        "shell-long-line": runs("docker build " + "--build-arg A=b " * 2_800 + "."),
        "shell-nested-quotes": runs("bash -c \"bash -c 'bash -c \\\"" + "docker compose up; " * 2_000 + "\\\"'\""),
        "shell-evals": runs("eval " * 5_000 + "docker compose up"),
        "shell-ssh": runs("ssh a " * 3_000 + "docker compose up"),
        "shell-arithmetic": runs("a=$((" + "(" * 8_000 + "1" + ")" * 8_000 + "))"),
        "shell-tests": runs("[[ " + "( " * 6_000 + "a" + " )" * 6_000 + " ]] && docker compose up"),
        "shell-continued": runs("docker run \\\n" * 4_000 + "a"),
    }  # fmt: skip
    found["bake-variables"].pop("docker_bake.hcl")
    return found


def _docker() -> dict[str, Files]:
    def one(text: str, **more: str) -> Files:
        return {"compose.yml": "services: {a: {build: .}}\n", "Dockerfile": text, **more}

    return {
        "arg-chain": one("".join(f"ARG A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" if n else "ARG A0=xy\n" for n in range(40)) + "FROM node:${A39}\nENV A=$A39\n"),
        "env-chain": one("FROM node:22\nENV A0=xy\n" + "".join(f"ENV A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 60)) + "USER $A59\nCMD echo $A59\n"),
        "env-append": one("FROM node:22\n" + lines(lambda n: f"ENV A=$A:$A:/x{n}", 2_000)),
        "env-line": one("FROM node:22\nENV " + "A=$A$A " * 7_000 + "\n"),
        "defaults-nested": one("ARG A\nFROM node:" + "${A:-" * 8_000 + "x" + "}" * 8_000 + "\n"),
        "stages-chain": one("FROM node AS s0\n" + lines(lambda n: f"FROM s{n} AS s{n + 1}\nENV A{n}=b", 1_300)),
        "stages-copying": one("FROM node AS s0\n" + "".join(f"FROM node AS s{n}\n" + "".join(f"COPY --from=s{m} /a /a\n" for m in range(max(0, n - 20), n)) for n in range(1, 100))),
        "stages": one(lines(lambda n: f"FROM node AS s{n}", 2_500)),
        "stage-cycle": one("FROM a AS b\nFROM b AS a\n" * 1_200),
        "runs": one("FROM node\n" + lines(lambda n: f"RUN a{n}")),
        "run-and": one("FROM node\nRUN " + "apt-get install -y a && " * 1_900 + "b\n"),
        "run-continued": one("FROM node\nRUN a" + " \\\n  b" * 7_000 + "\n"),
        "run-heredocs": one("FROM node\n" + "RUN <<E\na\nE\n" * 3_500),
        "run-open-heredocs": one("FROM node\nRUN " + "<<E" * 12_000 + "\n"),
        "run-mounts": one("FROM node\nRUN " + "--mount=type=cache,target=/a " * 1_600 + "a\n"),
        "continued-comments": one("FROM node\nRUN a \\\n" + "# b\n" * 12_000 + "c\n"),
        "continued-blank": one("FROM node\nRUN a \\\n" + "\n" * 48_000 + "c\n"),
        "json-forms": one("FROM node\n" + lines(lambda n: f'CMD ["a", "{n}"]')),
        "json-deep": one("FROM node\nCMD " + "[" * 20_000 + "]" * 20_000 + "\n"),
        "escape": one("# escape=`\nFROM node\nRUN a" + " `\n" * 12_000 + "b\n"),
        "directives": one("#" * 24_000 + "\n" + "# a=b\n" * 4_000 + "FROM node\n"),
        "labels": one("FROM node\nLABEL " + " ".join(f"a{n}=b" for n in range(6_000)) + "\n"),
        "copies": one("FROM node\n" + lines(lambda n: f"COPY --chown=node a{n} /a/{n}", 1_600) + "USER node\n"),
        "workdirs": one("FROM node\n" + lines(lambda n: f"WORKDIR a{n}", 3_500) + "CMD a\n"),
        "users": one("FROM node\n" + lines(lambda n: f"RUN useradd u{n}\nUSER u{n}", 1_500)),
        "args": one("FROM node\n" + lines(lambda n: f"ARG A{n}=b", 4_000) + "CMD $A1\n"),
        "dockerfiles": {"compose.yml": COMPOSE, **{f"d{n}/Dockerfile": "FROM node\nRUN a\n" for n in range(500)}},
        "dockerfiles-chain": {"compose.yml": "services:\n" + "".join(f"  s{n}: {{image: s{n}, build: d{n}}}\n" for n in range(300)), **{f"d{n}/Dockerfile": f"FROM s{n + 1}\nENV A{n}=b\n" for n in range(300)}},
        "dockerignore-stars": one("FROM node\nCOPY . .\n", **{".dockerignore": "**/" * 4_000 + "a\n" + "*a" * 60 + "\n", "a" * 200: ""}),
        "dockerignore-many": one("FROM node\nCOPY . .\n", **{".dockerignore": lines(lambda n: f"**/a{n}/**/*.b") + "!**/x\n", **{f"{'d/' * 20}{n}": "" for n in range(40)}}),
        "dockerignore-classes": one("FROM node\nCOPY . .\n", **{".dockerignore": "[a" * 12_000 + "\n" + "[z-a]\n", "a": ""}),
        "entrypoints": one('FROM node\nCOPY e.sh /e.sh\nENTRYPOINT ["/e.sh"]\n', **{"e.sh": "#!/bin/sh\n" + 'exec "$@"\n. ./e.sh\n./e.sh\n' * 1_500}),
    }  # fmt: skip


NODE = """\
FROM node:22.11.0-bookworm
WORKDIR /app
COPY . .
RUN npm run build
USER node
CMD ["node", "a.js"]
"""
CONFIG = "import { z } from 'zod';\nexport const c = z.object({A: z.string(), B: z.string(), C: z.string()}).parse(process.env);\n"
PACKAGE = '{"dependencies": {"next": "15.0.0", "zod": "3.23.0"}, "scripts": {"build": "next build"}}'


def _applications() -> dict[str, Files]:
    """Hundreds of applications on both sides: of one package, secret and env file, and with a package for each."""

    def service(n: int, build: str, folder: str) -> str:
        more = f'environment: {{NEXT_PUBLIC_A{n}: "{n}"}}, ports: ["{10_000 + n}:{3_000 + n}"]'
        return f"  s{n}: {{build: {build}, env_file: {folder}.env, volumes: ['./{folder}src:/app/src'], {more}}}"

    def task(n: int, image: str) -> str:
        read = f'[{{name = "A", valueFrom = "${{aws_secretsmanager_secret.s.arn}}:A{n % 9}::"}}]'
        told = f'[{{name = "s{n}", image = "ghcr.io/a/{image}:latest", secrets = {read}, environment = [{{name = "X", value = "y"}}]}}]'
        return f'resource "aws_ecs_task_definition" "s{n}" {{\n  family = "s{n}"\n  execution_role_arn = aws_iam_role.r.arn\n  container_definitions = jsonencode({told})\n}}'

    def job(n: int) -> str:
        return (
            f"  j{n}:\n    runs-on: a\n    defaults: {{run: {{working-directory: a{n}}}}}\n    steps:\n"
            "      - {uses: actions/setup-node@v4, with: {node-version: 20}}\n      - run: npm test\n"
            f"      - {{uses: docker/build-push-action@v6, with: {{context: a{n}, push: true, tags: ghcr.io/a/a{n}:latest}}}}"
        )

    cloud = 'resource "aws_iam_role" "r" {}\nresource "aws_secretsmanager_secret" "s" {\n  name = "s"\n}\n'
    example = "A=\nX_URL=\nY_HOST=\nDATABASE_URL=\n"
    public = "export const a = [" + ", ".join(f"process.env.NEXT_PUBLIC_A{n}" for n in range(700)) + "];\n"
    each = {
        "Dockerfile": NODE,
        "package.json": PACKAGE,
        "src/config.ts": CONFIG,
        ".nvmrc": "20\n",
        ".env.example": example,
        "src/a.ts": public[:60],
    }
    tests = "export default {use: {baseURL: 'http://localhost:1'}, webServer: {command: 'npm run dev', url: 'http://localhost:1'}};\n"
    return {
        "of-one-package": {
            **each,
            "src/a.ts": public,
            ".gitignore": ".env\n",
            "docker-compose.yml": "services:\n" + "\n".join(service(n, ".", "") for n in range(700)),
            "main.tf": cloud + "\n".join(task(n, "app") for n in range(700)),
        },
        "with-a-package-each": {
            **{f"a{n}/{path}": text for n in range(300) for path, text in {**each, "playwright.config.ts": tests}.items()},
            ".gitignore": ".env\n",
            "docker-compose.yml": "services:\n" + "\n".join(service(n, f"a{n}", f"a{n}/") for n in range(300)),
            "main.tf": cloud + "\n".join(task(n, f"a{n}") for n in range(300)),
            ".github/workflows/ci.yml": "on: push\njobs:\n" + "\n".join(map(job, range(300))),
        },
    }  # fmt: skip


def _ignoring() -> dict[str, Files]:
    deep = {"/".join(["a"] * 40) + f"/{n}.txt": "" for n in range(20)}
    return {
        f"gitignore-{name}": {"compose.yml": COMPOSE, ".gitignore": text, **more}
        for name, text, more in (
            ("stars", "*a" * 15 + "b\n", {"a" * 200 + ".txt": ""}),
            ("stars-long", "*a" * 12_000 + "b\n", {"a" * 200 + ".txt": ""}),
            ("double-stars", "**/" * 17 + "b\n", deep),
            ("double-stars-long", "**/" * 15_000 + "b\n", deep),
            ("double-stars-between", "**/a" * 10_000 + "\n", deep),
            ("only-stars", "*" * 49_000 + "b\n", deep),
            ("questions", "?" * 49_000 + "\n", deep),
            ("classes", "[a-z]" * 9_000 + "\n", deep),
            ("posix-classes", "[[:alpha:]]" * 4_000 + "\n", deep),
            ("open-classes", "[[:a" * 12_000 + "\n", deep),
            ("backslashes", "\\" * 49_001 + "\n", deep),
            ("exceptions", lines(lambda n: f"!a{n}"), deep),
            ("many", lines(lambda n: f"a{n}/**/b{n}"), deep),
            ("many-star", lines(lambda n: f"*{n}*a*"), deep),
            ("same", "**/a/**/b\n" * 4_000, deep),
            ("spaces", " " * 49_000 + "\n", deep),
            ("counted", "a{1,1000}" * 5_000 + "\n", deep),
        )
    } | {
        "gitignore-in-every-folder": {
            "compose.yml": COMPOSE,
            **{f"{'a/' * n}.gitignore": f"**/b{n}\n*c{n}*\n" for n in range(120)},
            **{f"{'a/' * n}x{n}": "" for n in range(120)},
        },
        "gitignore-versus-folders": {
            "compose.yml": COMPOSE,
            ".gitignore": lines(lambda n: f"b{n}*"),
            **{f"d{n % 40}/e{n}.txt": "" for n in range(1_200)},
        },
        "codeowners": {"compose.yml": COMPOSE, ".github/CODEOWNERS": "**/" * 10_000 + " @a\n"},
    }  # fmt: skip


def _code() -> dict[str, Files]:
    def ts(text: str, **more: str) -> Files:
        return {
            "compose.yml": COMPOSE,
            "package.json": '{"name": "a", "dependencies": {"zod": "3"}}',
            "src/config.ts": text,
            **more,
        }

    def py(text: str) -> Files:
        return {"compose.yml": COMPOSE, "requirements.txt": "pydantic\n", "config.py": text, "settings.py": text}

    return {
        "ts-imports": ts("import { a } from './c0/config';\nexport const x = a;\n", **{f"src/c{n}/config.ts": f"import {{ a as b }} from '../c{n + 1}/config';\nimport {{ a as c }} from '../c{n + 1}/config';\nexport const a = b + c + process.env.A{n};\n" for n in range(100)}),
        "ts-import-cycle": ts("export * from './b/config';\nexport * from './c/config';\n", **{"src/b/config.ts": "export * from '../config';\nexport * from '../c/config';\n", "src/c/config.ts": "export * from '../config';\nexport * from '../b/config';\n"}),
        "ts-constants": ts("const a0 = process.env.A;\n" + lines(lambda n: f"const a{n + 1} = a{n} + a{n};", 1_500) + "export default a1500;\n"),
        "ts-templates": ts("const a0 = 'xy';\n" + "".join(f"const a{n} = `${{a{n - 1}}}${{a{n - 1}}}`;\n" for n in range(1, 60)) + "export const x = process.env.A ?? a59;\n"),
        "ts-spreads": ts("const a0 = {x: process.env.A, y: process.env.B};\n" + "".join(f"const a{n} = {{...a{n - 1}, ...a{n - 1}, k{n}: a{n - 1}}};\n" for n in range(1, 200)) + "export default a199;\n"),
        "ts-deep": ts("export const a = " + "(" * 20_000 + "process.env.A" + ")" * 20_000 + ";\n"),
        "ts-deep-objects": ts("export const a = " + "{a: " * 8_000 + "1" + "}" * 8_000 + ";\n"),
        "ts-deep-calls": ts("const s = z.object({A: " + "z.optional(" * 3_000 + "z.string()" + ")" * 3_000 + "}).parse(process.env);\n"),
        "ts-chain": ts("const s = z.object({A: z.string()" + ".min(1)" * 6_000 + "}).parse(process.env);\n"),
        "ts-ternaries": ts("export const a = " + "process.env.A ? 1 : " * 2_400 + "2;\n"),
        "ts-keys": ts("const s = z.object({" + ", ".join(f"A{n}: z.string()" for n in range(2_500)) + "}).parse(process.env);\n"),
        "ts-env-reads": ts(lines(lambda n: f"export const a{n} = process.env.A{n};")),
        "ts-functions": ts("".join(f"function f{n}(a) {{ return f{n + 1}(a) + f{n + 1}(a); }}\n" for n in range(400)) + "function f400(a) { return process.env[a]; }\nexport const x = f0('A');\n"),
        "ts-merges": ts("const a0 = z.object({A: z.string()});\n" + "".join(f"const a{n} = a{n - 1}.merge(a{n - 1}).extend({{K{n}: z.string()}});\n" for n in range(1, 400)) + "a399.parse(process.env);\n"),
        "ts-open": ts("const a = `${" * 8_000),
        "ts-comments": ts("/*" * 24_000),
        "ts-regexes": ts("const a = /" + "(" * 20_000 + "/;\n"),
        "ts-generics": ts("const a = f" + "<a" * 12_000 + ";\n"),
        "ts-jsx": ts("const a = " + "<a>" * 12_000 + ";\n"),
        "ts-one-line": ts("const a = [" + "process.env.A, " * 3_000 + "1];\n"),
        "py-constants": py("import os\na0 = os.environ.get('A')\n" + lines(lambda n: f"a{n + 1} = a{n} + a{n}", 1_500)),
        "py-deep": py("import os\na = " + "(" * 180 + "os.environ['A']" + ")" * 180 + "\n"),
        "py-very-deep": py("a = " + "(" * 20_000 + ")" * 20_000 + "\n"),
        "py-binary": py("import os\na = " + "os.environ['A'] + " * 2_500 + "''\n"),
        "py-unary": py("a = " + "-" * 20_000 + "1\n"),
        "py-attributes": py("a = b" + ".c" * 20_000 + "\n"),
        "py-indented": py("".join(" " * n + "if a:\n" for n in range(95)) + " " * 95 + "pass\n"),
        "py-fstrings": py("import os\na0 = 'xy'\n" + "".join(f"a{n} = f'{{a{n - 1}}}{{a{n - 1}}}'\n" for n in range(1, 60)) + "b = os.environ.get('A', a59)\n"),
        "py-classes": py("from pydantic_settings import BaseSettings\nclass A0(BaseSettings):\n  a: str\n" + "".join(f"class A{n}(A{n - 1}):\n  a{n}: str\n" for n in range(1, 1_200))),
        "py-diamonds": py("from pydantic_settings import BaseSettings as A0\nA1 = A2 = A3 = A4 = A5 = A6 = A7 = A0\n" + "".join(f"class A{k}_{n}({', '.join(f'A{k - 1}_{m}' if k else f'A{m}' for m in range(8))}):\n  a: str\n" for k in range(9) for n in range(8))),
        "py-chained": py("import os\nb = a" + ".b(1)" * 400 + "\nc = os.environ['A']" + ".strip()" * 400 + "\n"),
        "py-fields": py("from pydantic_settings import BaseSettings\nclass A(BaseSettings):\n" + lines(lambda n: f"  a{n}: str = 'x'")),
        "package-deep": {"compose.yml": COMPOSE, "package.json": '{"a":' * 8_000 + "1" + "}" * 8_000},
        "package-wide": {"compose.yml": COMPOSE, "package.json": '{"dependencies": {' + ", ".join(f'"a{n}": "1"' for n in range(3_500)) + "}}"},
        "packages": {"compose.yml": COMPOSE, **{f"p{n}/package.json": '{"name": "a", "scripts": {"start": "node a"}}' for n in range(500)}},
        "requirements": {"compose.yml": COMPOSE, "requirements.txt": lines(lambda _: "-r requirements.txt")},
        "reads-comments": {"compose.yml": COMPOSE, "package.json": "{}", "src/a.ts": "process.env.A" + "/*" * 24_000},
        "reads-names": {"compose.yml": COMPOSE, "package.json": "{}", "src/a.ts": f"process.env.{'a' * 49_000} = 1"},
        "reads-braces": {"compose.yml": COMPOSE, "package.json": "{}", "src/a.ts": "process.env\n" + "{a," * 16_000},
        "ssm-values": {
            "compose.yml": COMPOSE,
            ".github/workflows/ci.yml": workflow("      - run: aws ssm send-command --parameters '" + "A=" * 24_000 + "'\n"),
        },
        "sql-comments": {"compose.yml": COMPOSE, "prisma/migrations/1/migration.sql": "/*" * 20_000 + "CREATE EXTENSION vector;\n"},
        "sql-quotes": {"compose.yml": COMPOSE, "migrations/1.sql": "$a$" * 15_001 + "'"},
        "sql-dollars": {"compose.yml": COMPOSE, "migrations/1.sql": lines(lambda n: f"$a{n}$")},
        "sql-statements": {"compose.yml": COMPOSE, "migrations/1.sql": "CREATE EXTENSION vector;" * 2_000},
        "sql-open-statement": {"compose.yml": COMPOSE, "migrations/1.sql": "CREATE EXTENSION IF NOT EXISTS " + "\n" * 40_000},
        "sql-creates": {"compose.yml": COMPOSE, "migrations/1.sql": "CREATE " * 7_000},
        "sql-tables": {"compose.yml": COMPOSE, "migrations/1.sql": lines(lambda n: f"CREATE TABLE a{n} (a vector(3));", 1_500)},
        "prisma-models": {"compose.yml": COMPOSE, "prisma/schema.prisma": 'datasource db {\n provider = "postgresql"\n url = env("A")\n}\n' + lines(lambda n: f"model A{n} {{\n id Int @id\n}}", 1_800), "prisma/migrations/1/migration.sql": lines(lambda n: f'CREATE TABLE "A{n}" (id int);', 1_200)},
        "alembic-blanks": {"compose.yml": COMPOSE, "alembic/env.py": "", "alembic/versions/a.py": "revision = 'a'\ndown_revision = None\n", "models.py": "__tablename__ :" + " " * 49_000 + "x"},
        "drizzle-stars": {
            "compose.yml": COMPOSE,
            "drizzle.config.ts": "export default { schema: './src/" + "**/" * 20 + "z.ts', out: './drizzle' };\n",
            "drizzle/meta/_journal.json": "{}",
            "drizzle/0.sql": "",
            "src/" + "a/" * 40 + "b.ts": "",
        },
        "prisma-open": {"compose.yml": COMPOSE, "prisma/schema.prisma": "model A {" * 5_000},
        "stages-inherit": {"compose.yml": "services: {a: {build: .}}\n", "Dockerfile": "FROM node:22 AS s0\n" + lines(lambda n: f"FROM s{n} AS s{n + 1}\nCOPY --from=s{n} /a /b\nENV A{n}=$A{n - 1}b", 1_100)},
        "extends-many": {"compose.yml": "services:\n  s0: {image: b, environment: {A: b}}\n" + lines(lambda n: f"  s{n + 1}: {{extends: s{n}, environment: {{A{n}: '1'}}}}", 1_000)},
        "env-of-env": {
            "compose.yml": COMPOSE,
            ".github/workflows/c.yml": "on: push\nenv:\n  A0: xx\n" + lines(lambda n: f"  A{n + 1}: ${{{{ env.A{n} }}}}${{{{ env.A{n} }}}}", 600) + "jobs:\n  a:\n    runs-on: x\n    steps:\n" + lines(lambda n: f"      - run: echo B{n}=$B{n - 1}$B{n - 1} >> $GITHUB_ENV", 300),
        },
        "policyengine-deep": {"compose.yml": COMPOSE, "policyengine.yaml": "pairs: " + "[" * 20_000},
        "policyengine-bomb": {"compose.yml": COMPOSE, "policyengine.yaml": "x0: &a0 [a, a]\n" + "".join(f"x{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))},
        "many-files": {f"d{n % 50}/f{n}.yml": "a: b\n" for n in range(3_000)} | {"compose.yml": COMPOSE},
        "deep-folders": {"d/" * 300 + "compose.yml": COMPOSE, "compose.yml": COMPOSE},
        "long-names": {"compose.yml": COMPOSE, **{f"{'env' * 70}{n}.env": "A=b\n" for n in range(200)}},
    }  # fmt: skip


def trees() -> dict[str, Files]:
    """All trees, by part and name."""
    short = {name: text if len(text) < _FIELD else text[: _FIELD - 50] + text[-50:] for name, text in TEXTS.items()}
    parts = {
        "compose": _compose(),
        "terraform": _terraform(),
        "pipeline": _pipeline(),
        "docker": _docker(),
        "ignoring": _ignoring(),
        "code": _code(),
        "applications": _applications(),
        "value": {f"{name}/{kind}": tree for name, text in short.items() for kind, tree in value(text)},
    }
    return {f"{part}/{name}": tree for part, found in parts.items() for name, tree in found.items()}
