"""What command lines do: the expectations are the manuals of the programs, cited by the table."""

from __future__ import annotations

import shlex
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.knowledge import commands
from policyengine.knowledge.programs import Kind
from policyengine.knowledge.programs import commands as table
from policyengine.model.command import ShellCommand, Word
from policyengine.model.nodes import Command
from policyengine.model.source import Span
from policyengine.syntax import shell

AT = Span("a.yml", 0, 9)
TABLE = table()


def told(line: str) -> list[tuple[str, str]]:
    return [(deed.kind, deed.tool) for deed in commands.deeds(shlex.split(line))]


def command(line: str) -> ShellCommand:
    return ShellCommand(tuple(Word(word, AT) for word in shlex.split(line)), AT)


def lines_of(name: str) -> list[tuple[str, str, str]]:
    """A command line for each thing that an entry of the table does, with its kind and tool."""
    program = TABLE.programs[name]
    given = [(f"{name} {words}".strip(), text) for words, text in program.does.items()]
    given += [(f"{name} {words.removeprefix(':')}", text) for words, text in program.tasks.items()]
    given += [(f"{name} {option}", text) for option, text in program.options.items()]
    given += [(f"{name} {words.replace(' ', '-')}", text) for words, text in program.says.items()]
    more = " ".join([*sorted(program.only)[:1], *(f"x{mark}y" for mark in program.to[:1])])
    return [
        (f"{line} {more}".strip(), text.partition(" ")[0], text.partition(" ")[2] or name.partition(" ")[0])
        for line, text in given
        if text
    ]


LINES = [line for name in TABLE.programs for line in lines_of(name)]


@pytest.mark.parametrize(("line", "kind", "tool"), LINES, ids=[line for line, _, _ in LINES])
def test_every_entry_does_what_it_says_by_each_of_its_names(line: str, kind: str, tool: str) -> None:
    assert (kind, tool) in told(line)
    name = max((each for each in TABLE.programs if f"{line} ".startswith(f"{each} ")), key=len)
    for other in TABLE.programs[name].also:
        assert (kind, tool) in told(f"{other}{line[len(name) :]}")


WRAPPED = {
    "timeout": "timeout -k 5 600", "nice": "nice -n 10", "env": "env -u HOME A=b", "sudo": "sudo -E -u app",
    "infisical run": "infisical run --env=prod --", "doppler run": "doppler run -p web -c prd --", "cross-env": "cross-env CI=1",
    "npx": "npx --yes", "pnpm exec": "pnpm --filter web exec", "yarn exec": "yarn exec", "yarn dlx": "yarn dlx",
    "poetry run": "poetry run", "uv run": "uv run --extra dev", "pipenv run": "pipenv run", "bundle exec": "bundle exec",
    "dotenv": "dotenv -e .env --", "time": "time", "xvfb-run": "xvfb-run -a", "nohup": "nohup", "exec": "exec",
    "docker compose exec": "docker compose -f a.yml exec -T -e A=b app", "docker compose run": "docker-compose run --rm app",
    "docker run": "docker run --rm -v $PWD:/app -w /app node:22", "docker exec": "docker exec -it web",
    "kubectl exec": "kubectl -n prod exec deploy/web -c app --", "tini": "tini -g --", "gosu": "gosu app",
    "aws-vault exec": "aws-vault exec prod --", "chamber exec": "chamber exec web db --", "op run": "op run --env-file=.env --",
    "wait-for-it": "./wait-for-it.sh db:5432 -t 60 --", "docker-entrypoint.sh": "/usr/local/bin/docker-entrypoint.sh",
    "mise exec": "mise exec node@22 --", "corepack": "corepack pnpm exec", "python": "python3.12 -X dev -m",
}  # fmt: skip


@pytest.mark.parametrize(("name", "line"), WRAPPED.items(), ids=list(WRAPPED))
@pytest.mark.parametrize("inner", ["vitest run", "prisma migrate deploy", "playwright test", "next dev"])
def test_a_wrapped_command_is_the_same_as_without(name: str, line: str, inner: str) -> None:
    assert told(f"{line} {inner}") == told(inner)
    assert name in [layer.path for layer in command(f"{line} {inner}").wrappers]
    assert (command(f"{line} {inner}").program, *command(f"{line} {inner}").arguments) == tuple(inner.split())


def test_every_wrapper_of_the_table_hands_on_a_program_that_follows_it() -> None:
    for name, program in TABLE.programs.items():
        runs = program.runs
        if runs is None or runs.lines or runs.joined:
            continue
        words = [*name.split(), *["x"] * runs.operands, *(["--"] if runs.marked else []), "vitest", "run"]
        kinds = [deed.kind for deed in commands.deeds(words)]
        assert "test" in kinds, (name, kinds)


@pytest.mark.parametrize(
    "line",
    [
        "git commit -m 'run prisma migrate deploy before the deployment'",
        "echo prisma migrate deploy",
        "grep -r 'alembic upgrade' .",
        "prisma migrate status",
        "prisma migrate deploy --help",
        "npm run migrate:create",
        "rails db:migrate:status",
        "goose -dir db status",
        "migrate create -ext sql users",
        "terraform apply -refresh-only",
        "terraform apply -destroy -auto-approve",
        "helm upgrade --dry-run web ./chart",
        "playwright test --list",
        "playwright install --with-deps",
        "vite preview",
        "aws ecs update-service --cluster a --service b --desired-count 0",
        "aws s3 sync s3://bucket dist",
        "rsync -a build/ /srv/",
        "kubectl apply --dry-run=client -f k8s",
        "terraform plan -out p",
        "vercel pull --yes --environment=production",
        "curl https://example.com/deploy",
        "docker compose pull",
        "node server.js --watch",
        "npm ci",
        "mkdir migrations",
        "timeout 60",
        "FOO=bar",
        "",
    ],
)
def test_what_only_names_or_tells_does_nothing(line: str) -> None:
    assert told(line) == []


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("npm run db:migrate", ["migrate"]),
        ("yarn workspace web migrate", ["migrate"]),
        ("make -C db migrate", ["migrate"]),
        ("node dist/db/migrate.js", ["migrate"]),
        ("python scripts/run_migrations.py", ["migrate"]),
        ("sh ./scripts/migrate.sh --force", ["migrate"]),
        ("/app/bin/migrate", ["migrate"]),
        ("./server migrate up", ["migrate"]),
        ("bin/app eval App.Release.migrate", ["migrate"]),
        ("psql -f db/migrations/001.sql", ["migrate"]),
        ("npm test", ["test"]),
        ("pnpm --filter web test:unit", ["test"]),
        ("nx affected -t test build", ["build", "test"]),
        ("turbo run build e2e", ["build", "e2e"]),
        ("composer run test", ["test"]),
        ("npm run start:dev", ["serve-dev"]),
        ("npm run dev:db", []),
        ("npm run test:lint", []),
        ("npm run check-types", []),
        ("npm run test:e2e", ["e2e"]),
        ("earthly -P +integration-test", ["test"]),
        ("bash ./scripts/deploy.sh prod", ["deploy"]),
        ("bash -n ./scripts/deploy.sh", []),
        ("python -m app.db.migrate", ["migrate"]),
        ("deno run -A --env-file src/migrate.mts", ["migrate"]),
        ("python -m migrate.server", []),
        ("docker compose run --rm unit-tests", ["test"]),
        ("docker compose run common-phpunit", ["test"]),
        ("docker run --rm acme/db-migrations:1", ["migrate"]),
    ],
)
def test_the_names_of_scripts_are_the_last_resort(line: str, kinds: list[str]) -> None:
    found = commands.deeds(shlex.split(line))
    assert [deed.kind for deed in found] == kinds
    assert all(deed.named for deed in found)


def test_an_operand_without_words_tells_nothing() -> None:
    assert commands.deeds(("jq", ".", "merged.json")) == ()


@pytest.mark.parametrize(
    ("line", "deed"),
    [
        ("aws ecs update-service --cluster a --service b --task-definition b:7", ("deploy", "ecs")),
        ("aws s3 sync dist s3://bucket --delete", ("deploy", "s3")),
        ("rsync -avz -e 'ssh -p 22' dist/ user@host:/srv", ("deploy", "rsync")),
        ("kubectl apply --dry-run=none -f k8s", ("deploy", "k8s")),
        ("npx --yes a -- npx prisma migrate deploy", ("migrate", "prisma")),
        ("railway run npx prisma migrate deploy", ("migrate", "prisma")),
        ("npx @railway/cli up", ("deploy", "railway")),
        ("curl -fsS -X POST ${{ secrets.RENDER_DEPLOY_HOOK_URL }}", ("deploy", "hook")),
        ("python -m coverage run -m pytest -q", ("test", "pytest")),
    ],
)
def test_what_a_command_must_be_given_to_do_something(line: str, deed: tuple[str, str]) -> None:
    assert told(line) == [deed]


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("""aws ecs run-task --overrides '{"containerOverrides": [{"name": "a", "command": ["prisma", "migrate", "deploy"]}]}'""", "prisma migrate deploy"),
        ("""aws ecs run-task --overrides "containerOverrides=[{name='a',command=['sh','-c','a b']}]" --cluster c""", "sh -c 'a b'"),
        ("docker compose run --rm infra -c 'terraform apply'", "terraform apply"),
        ("gcloud compute ssh vm --zone z --command 'docker compose up -d'", "docker compose up -d"),
    ],
)  # fmt: skip
def test_the_command_line_that_a_command_holds(line: str, inner: str) -> None:
    assert [script for _, script in commands.scripts(shlex.split(line))] == [inner]


def test_a_deed_tells_where_it_is_done() -> None:
    places = {
        "docker compose exec app prisma migrate deploy": "container",
        "sudo docker run --rm web prisma migrate deploy": "container",
        "prisma migrate deploy": "",
    }
    assert {line: commands.deeds(line.split())[0].place for line in places} == places


def test_a_wrapper_tells_its_subject_and_its_options() -> None:
    compose = command("docker compose -f a.yml -f b.yml --profile ci exec -T web npx jest").wrappers[0]
    assert (compose.path, compose.subject, compose.place) == ("docker compose exec", "web", "container")
    assert compose.values("-f", "--file") == ("a.yml", "b.yml")
    assert compose.value("--profile") == "ci"


def test_an_image_that_is_a_tool_is_its_program() -> None:
    line = "docker run --rm -v ./sql:/flyway/sql flyway/flyway:11 -url=jdbc:postgresql://db/app migrate"
    assert told(line) == [("migrate", "flyway")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Command(("sh", "-c", "npx prisma migrate deploy && exec node server.js")), [["npx", "prisma", "migrate", "deploy"], ["exec", "node", "server.js"]]),
        (Command(("npx prisma migrate deploy; node server.js",), shell=True), [["npx", "prisma", "migrate", "deploy"], ["node", "server.js"]]),
        (Command(("tini", "--", "bash", "-ec", "alembic upgrade head")), [["alembic", "upgrade", "head"]]),
        (Command(("concurrently", "npm:worker", "node server.js")), [["npm", "run", "worker"], ["node", "server.js"]]),
        (Command(("node", "a && b")), [["node", "a && b"]]),
        (Command(()), []),
    ],
)  # fmt: skip
def test_the_commands_of_a_container_are_read_through_their_shells(given: Command, expected: list[list[str]]) -> None:
    found = shell.shell_commands(given, AT)
    assert [list(each.argv) for each in found] == expected
    assert {word.span for each in found for word in each.words} <= {AT}


def test_scripts_that_call_shells_without_end_are_survived() -> None:
    nested = "a"
    for _ in range(12):
        nested = f"sh -c {shlex.quote(nested)}"
    assert len(shell.shell_commands(Command((nested,), shell=True), AT)) == 1


def test_the_table_names_only_kinds_options_and_programs_that_can_be() -> None:
    kinds = frozenset(get_args(Kind))
    for name, program in TABLE.programs.items():
        for text in (
            *program.does.values(), *program.tasks.values(), *program.options.values(), *program.says.values()
        ):  # fmt: skip
            assert not text or text.partition(" ")[0] in kinds, name
        assert all(option.startswith(("-", "+", "<")) or option.isalpha() for option in program.valued), name
        assert program.source in TABLE.sources
    assert set(TABLE.unless) <= {*kinds, "every"}
    assert {entry.source for entry in TABLE.names.values()} <= set(TABLE.sources)
    assert {entry.source for entry in TABLE.unless.values()} <= set(TABLE.sources)


@pytest.mark.parametrize("name", TABLE.programs)
def test_a_program_that_gives_up_the_rights_of_root_is_one_that_runs_another(name: str) -> None:
    entry = TABLE.programs[name]
    drops = entry.runs is not None and entry.runs.user
    assert {commands.drops_privileges(each) for each in (name, *entry.also)} == {drops}
    assert not drops or told(f"{name} app npx prisma migrate deploy") == [("migrate", "prisma")]
    assert not commands.drops_privileges("gosuggest")


@pytest.mark.parametrize("name", TABLE.programs)
def test_a_program_that_is_process_1_for_another_one_runs_that(name: str) -> None:
    entry = TABLE.programs[name]
    reaps = entry.runs is not None and entry.runs.reaps
    assert {commands.is_init(each) for each in (name, *entry.also)} == {reaps}
    assert not reaps or told(f"{name} -- npx prisma migrate deploy") == [("migrate", "prisma")]
    assert reaps == (name in ("tini", "dumb-init", "catatonit"))


_WORDS = st.one_of(
    st.sampled_from(
        ["docker", "compose", "-f", "run", "exec", "--", "npx", "-c", "sh", "sudo", "-u", "A=b", "yarn", "-", "--x=", "$(X)",
         "python", "-m", "nx", "-t", "concurrently", "su", "timeout", "terraform", "", "@", "node_modules/", ".", "migrate"]
    ),
    st.text(max_size=6),
)  # fmt: skip


@given(st.lists(_WORDS, max_size=12))
def test_any_words_are_read_with_places_among_them(words: list[str]) -> None:
    for layer in commands.read(words):
        assert 0 <= layer.start < layer.rest <= len(words)
        assert all(layer.start < option.index < len(words) for option in layer.options)
        assert all(layer.start < index < len(words) for index in layer.operands)
        assert isinstance(commands.script_names(words, layer), tuple)
    assert all(0 <= deed.at < len(words) for deed in commands.deeds(words))
    assert all(0 <= index < len(words) for index, _ in commands.scripts(words))


@pytest.mark.parametrize(
    ("line", "kinds"),
    [
        ("helm upgrade --install app ./chart --version 1.2.3", {"deploy"}),
        ("gcloud compute instance-groups managed rolling-action start-update web --version=template=t2", {"deploy"}),
        ("kubectl apply -f k8s --help", set()),
        ("terraform --version", set()),
        ("tsc -p tsconfig.build.json", {"build"}),
        ("tsc --noEmit", set()),
        ("make -n deploy", set()),
        ("node scripts/build.mjs", {"build"}),
        ("sh ./build.sh", {"build"}),
        ("python scripts/test_integration.py --env=prod", {"test"}),
        ("tsx scripts/verify.ts", set()),
        ("docker compose run --rm npm ci", set()),
        ("npx @playwright/test install-deps", set()),
        ("node scripts/copy-migrations.mjs", set()),
        ("node scripts/migrate.mjs", {"migrate"}),
        ("scp -r dist/ deploy@host:/var/www/app", {"deploy"}),
        ("scp deploy@host:/var/log/app.log .", set()),
        ("scp -r coverage deploy@host:/var/www", set()),
        ("aws s3 cp dist/ s3://bucket --recursive", {"deploy"}),
        ("aws s3 cp s3://bucket/config.json .", set()),
        ("nixos-rebuild switch --flake .#web --target-host root@host", {"deploy"}),
        ("nixos-rebuild switch --flake .#laptop", set()),
        ("git push https://heroku:key@git.heroku.com/app.git HEAD:main", {"deploy"}),
        ("git push origin main", set()),
    ],
)
def test_what_a_line_does_is_told_by_its_program_and_its_words(line: str, kinds: set[str]) -> None:
    assert {deed.kind for deed in commands.deeds(line.split())} == kinds


@pytest.mark.parametrize(
    ("line", "place", "inner"),
    [
        ('sshpass -p secret ssh user@host "docker compose up -d"', "host", "docker compose up -d"),
        ('fly ssh console -C "/app/bin/migrate"', "host", "/app/bin/migrate"),
        ('az vm run-command invoke -g g -n vm --scripts "docker pull x"', "host", "docker pull x"),
        ('az aks command invoke --command "kubectl apply -f ."', "host", "kubectl apply -f ."),
    ],
)
def test_what_a_wrapper_runs_on_another_machine_is_a_script_of_its_own(line: str, place: str, inner: str) -> None:
    words = shlex.split(line)
    assert commands.read(words)[-1].place == place
    assert [script for _, script in commands.scripts(words)] == [inner]
