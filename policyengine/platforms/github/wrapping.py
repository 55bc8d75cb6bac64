"""Commands that run another command: `npx`, `sudo`, `env A=b`, `timeout 60`, `infisical run --`, `bash -c '…'`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from policyengine.patterns import regex

if TYPE_CHECKING:
    from collections.abc import Sequence

SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ash", "ksh"})
MANAGERS = frozenset({"npm", "pnpm", "yarn", "bun"})

_PLAIN = frozenset(
    """sudo time env exec command builtin nohup npx bunx pnpx uvx nice ionice stdbuf unbuffer xvfb-run cross-env
    cross-env-shell dotenv dotenvx dotenv-cli env-cmd retry with-retries doppler infisical chamber op aws-vault
    ts-node tsx timeout gtimeout caffeinate setsid flock catchsegv winpty arch setarch catatonit tini dumb-init
    concurrently run-p run-s npm-run-all start-server-and-test server-test start-test wait-for-it""".split()  # noqa: SIM905  words read best as words
)
"""Programs whose arguments hold a command."""

_PAIRS = frozenset(
    {("pnpm", "exec"), ("npm", "exec"), ("yarn", "exec"), ("bun", "x"), ("npm", "x"), ("bundle", "exec"),
     ("poetry", "run"), ("uv", "run"), ("yarn", "dlx"), ("pnpm", "dlx"), ("pipenv", "run"), ("hatch", "run"),
     ("rye", "run"), ("pdm", "run"), ("nx", "exec"), ("lerna", "exec"), ("corepack", "npm"), ("corepack", "pnpm"),
     ("corepack", "yarn"), ("infisical", "run"), ("doppler", "run"), ("chamber", "exec"), ("op", "run"),
     ("aws-vault", "exec"), ("dotenvx", "run"), ("mise", "exec"), ("mise", "x"), ("direnv", "exec"),
     ("docker-compose-wait", "--")}
)  # fmt: skip
_SCRIPTED = frozenset({"concurrently", "run-p", "run-s", "npm-run-all", "start-server-and-test", "start-test"})
_VALUED = frozenset(
    """-e --env -f -o -u --user -n -w -s -k -c --signal --env-file --envfile --projectId --path --token --package -p
    --server-args --server-num --screen --attempts --delay --max --with --from --extra --group --python --project
    --config --kill-after""".split()  # noqa: SIM905  as above
)
_ASSIGNED = regex(r"[A-Za-z_]\w*=")
_DURATION = regex(r"\d+(?:\.\d+)?[smhd]?\Z")
_PREFIX = regex(r"(?:\$\{?\w+\}?/|\./)?(?:[\w./-]*/)?(?:node_modules/\.bin|vendor/bin|\.venv/bin|venv/bin)/")
_OWN_TOOLS = frozenset(
    """playwright cypress prisma drizzle-kit wdio testcafe nightwatch knex typeorm sequelize sequelize-cli turbo
    nx""".split()  # noqa: SIM905  as above
)


def bare(argv: Sequence[str]) -> tuple[str, ...]:
    """The words without what only runs them: `npx -y playwright test` is `playwright test`."""
    start = skip(argv)
    words = tuple(argv[start:])
    if words and (match := _PREFIX.match(words[0])):
        words = (words[0][match.end() :], *words[1:])
    return words


def skip(argv: Sequence[str]) -> int:
    """How many words at the front only run the rest."""
    at = 0
    while at < len(argv):
        word = argv[at]
        if tuple(argv[at : at + 2]) in _PAIRS:
            at = _options(argv, at + 2)
        elif word in MANAGERS and at + 1 < len(argv) and argv[at + 1] in _OWN_TOOLS:
            at += 1
        elif word in {"yarn", "bun"} and (own := _run_tool(argv, at)):  # both run programs of packages too
            at = own
        elif word in _PLAIN and word not in _SCRIPTED and at + 1 < len(argv):
            at = _options(argv, at + 1)
        elif _ASSIGNED.match(word):
            at += 1
        elif word.startswith("python") and argv[at + 1 : at + 2] == ["-m"]:
            at += 2
        else:
            break
    return min(at, len(argv))


def _run_tool(argv: Sequence[str], at: int) -> int:
    """Where the tool in `yarn run playwright`, `bun run --bun playwright` stands; 0 for a script."""
    if at + 1 >= len(argv) or argv[at + 1] != "run":
        return 0
    at += 2
    while at < len(argv) and argv[at].startswith("-"):
        at += 1
    return at if at < len(argv) and argv[at] in _OWN_TOOLS else 0


def _options(argv: Sequence[str], at: int) -> int:
    """The index behind the options of a wrapper; what stands behind `--` is the command."""
    end = min(len(argv), at + 12)
    if "--" in argv[at:end]:
        mark = at + list(argv[at:end]).index("--")
        if all(word.startswith("-") or argv[index - 1].startswith("-") for index, word in enumerate(argv[at:mark], at)):
            return mark + 1
    while at < len(argv):
        word = argv[at]
        if _ASSIGNED.match(word) or _DURATION.match(word):
            at += 1
        elif word.startswith("-"):
            at += 2 if word in _VALUED and at + 2 < len(argv) else 1
        else:
            break
    return at


def scripts_named(argv: Sequence[str]) -> list[str]:
    """The command lines that `concurrently`, `run-s`, `start-server-and-test` and their like start, in order."""
    words = bare(argv)
    if not words or words[0] not in _SCRIPTED:
        return []
    given = [word for word in words[1:] if not word.startswith("-") and not re.match(r"https?[:-]|\d+\Z|:\d+", word)]
    if words[0] == "concurrently":
        return [re.sub(r"\A(npm|pnpm|yarn|bun):", r"\1 run ", word) for word in given]
    return [word if " " in word else f"npm run {word}" for word in given]


def inline_script(argv: Sequence[str]) -> int | None:
    """Which word is a script of its own: the one behind `bash -c`, or the last of `ssh host '…'`."""
    start = skip(argv)
    words = argv[start:]
    if not words:
        return None
    name = words[0].rpartition("/")[2]
    if name in {"docker", "docker-compose", "podman", "podman-compose"}:
        return _container_script(words, start)
    if name in SHELLS:
        for index, word in enumerate(words[1:-1], 1):
            if re.fullmatch(r"-[a-z]*c", word):
                return start + index + 1
            if not word.startswith(("-", "+")) and words[index - 1] not in ("-o", "+o"):
                return None
    if name == "eval" and len(words) == 2:
        return start + 1
    if name == "ssh" and len(words) > 2:
        return _ssh_command(words, start)
    return None


def _container_script(words: Sequence[str], start: int) -> int | None:
    """The script in `docker compose exec app sh -c '…'`."""
    verb = next((index for index, word in enumerate(words[:10]) if word in {"run", "exec"}), None)
    for index in range(verb + 1, len(words) - 2) if verb is not None else ():
        if words[index].rpartition("/")[2] in SHELLS and re.fullmatch(r"-[a-z]*c", words[index + 1]):
            return start + index + 2
    return None


def _ssh_command(words: Sequence[str], start: int) -> int | None:
    index = 1
    while index < len(words) and words[index].startswith("-"):
        index += 2 if re.fullmatch(r"-[a-zA-Z]*[bcDEeFIiJLlmOopQRSWw]", words[index]) else 1
    return start + index + 1 if index + 1 < len(words) else None
