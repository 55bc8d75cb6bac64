"""Which Compose files production runs, by the commands that workflows and scripts deploy with.

`docker stack deploy -c FILE`; `docker compose -f FILE up` on another machine, or in a script that is called after
deploying; a file that is copied to another machine; the file of a folder that is shipped where the same workflow starts
what Compose finds by itself (`aws ssm send-command`, ssh). In any script a chain of files of which one is called after
production, `-f base.yml -f prod.yml` or `COMPOSE_FILE=base.yml:prod.yml`: these are found in the text, since Makefiles,
justfiles and what is written into a file on the server have no one syntax. What sets up a machine tells it too: scripts
in Terraform's `user_data`, tasks of Ansible, cloud-init. A file that a variable names is what the same text sets it to.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from policyengine.knowledge import actions
from policyengine.knowledge.commands import read
from policyengine.knowledge.names import (
    distance_to_production,
    environment,
    folder_kind,
    is_for_tests,
    speaks_of_production,
    speaks_of_publishing,
    words,
)
from policyengine.model.source import ReadError
from policyengine.model.text import Text
from policyengine.patterns import regex
from policyengine.platforms.compose.load import default_files
from policyengine.platforms.compose.sketch import sketch
from policyengine.syntax import shell, yaml
from policyengine.syntax.tree import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Sequence as Listing

    from policyengine.knowledge.commands import Layer
    from policyengine.model.source import Source
    from policyengine.repository.files import Files

_WORKFLOWS = ".github/workflows/"
_ENDS = (".yml", ".yaml")
_DEEPEST = 4
_STACK, _REMOTE, _CALLED, _SENT, _SET, _NAMED, _COPIED, _PULLED, _SHIPPED, _UP = range(10)
"""What tells most comes first. The last two tell only together: what is copied, and that Compose is started there."""
_ELSEWHERE = (_STACK, _REMOTE, _SENT)
"""What a workflow that is called after tests tells, too: `ci.yml` may deploy at its end."""
_REASONS = {
    _STACK: "'{0}' deploys it as a stack of Swarm",
    _REMOTE: "'{0}' starts it on another machine",
    _CALLED: "'{0}' starts it, and is called after deploying",
    _SENT: "'{0}' ships its folder, and starts it on another machine",
    _SET: "'{0}' sets COMPOSE_FILE to it",
    _NAMED: "'{0}' starts it, and it is called after production",
    _COPIED: "'{0}' copies it to another machine",
    _PULLED: "'{0}' starts there what Compose finds by itself",
}
_VARIABLE = regex(r"\bCOMPOSE_FILE\s*[:?]?[:=]\s*[\"']?([^\s\"'#]+)")
_STARTS = regex(r"\bcompose(?:_\w+)?\b.*\s(?:-f|--file)[\s=]|\w=\(?[\"']?(?:-f|--file)[\s=]+\S*compose")
"""A command of Compose, or what is kept of one: `FILES="-f compose.yml -f compose.prod.yml"`."""
_GIVEN = regex(r"(?:[\s\"'(](?:-f|--file|-i)[\s=]+|<\s*)[\"']?([^\s\"'|;&<>]+\.ya?ml\b|\$[({]?\w+[)}]?)")
"""The files that a line gives to Compose; `-i` and `<` those that it gives to what fills them in before."""
_ELSE = regex(r"^\s*(?:#|echo\b|printf\b|log\b)|\s(?:build|config|down|exec|logs|ps|push|rm|run|stop)\b")
"""A line that tells of a command, or one that starts nothing."""
_ASSIGNED = regex(
    r"(?m)^\s*(?:(?:export|readonly|local|declare -r)\s+)?(\w+)\s*[:?]?=\s*[\"']?([^\s\"'#;|&<>]+\.ya?ml)\b"
)
_REFERENCE = regex(r"\$[({]?(\w+)[)}]?")
_DEFAULT = regex(r"\$\{\w+:?[-=]")
"""What begins a variable with a default: `${COMPOSE_FILE:-docker-compose.server.yml}`."""
_OWN = "self-hosted"
_SSM = "ssm send-command"
_UP_THERE = regex(r"\bdocker[ -]compose\b[^\"';&|\n]{0,300}\bup\b")
_BEFORE = regex(r"(?:\.?/|\$\w+/|\$\{[^}/]*\}/|\$\([^)/]*\)/|\{\{[^}/]*\}\}/)+")
"""What tells, at the start of a path, where a script runs."""
_MACHINES = ("ansible", "playbook", "cloud-init", "cloud_init", "cloudinit", "user-data", "user_data")
"""What the path of a YAML file holds that says what machines of the cloud are set up with."""
_PLAIN = regex(r"\bdocker[ -]compose\s+(?:--profile\s+\S+\s+)?(?:up|start|watch)\b")
"""A command that lets Compose find its files."""
_DEFAULT_FILE = r"[\"']?(?:[^\s\"';|&<>]*/)?(?:docker-)?compose\.ya?ml[\"']?(?!\S)"
_WRITES = regex(
    rf"(?:>|\btee\s)\s*{_DEFAULT_FILE}\s*(?:>\s*/dev/null\s*)?<<|"
    rf"<<[^\n]{{1,60}}(?:>|\btee\s)\s*{_DEFAULT_FILE}"
)
"""A text of a script that becomes a Compose file: `cat > docker-compose.yml << EOF`."""
_COPIES = frozenset({"copy", "synchronize", "template"})
_STARTS_PROJECTS = frozenset({"docker_compose", "docker_compose_v2"})
"""Modules of Ansible, without their collections: https://docs.ansible.com/ansible/latest/collections/community/docker/"""
_CONTINUED = regex(r"\\\r?\n")
_ARRAY = regex(r"(?m)^\s*(?:\w+\s+)?\w+\+?=\([^()]{1,600}\)")
"""An array of a shell on several lines: `compose=(docker compose -f compose.yml -f compose.prod.yml)`."""
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile", "Justfile", "justfile")
_SHELL, _TEMPLATES = (".sh", ".bash"), (".tpl", ".tftpl")
_START_SCRIPTS = ("user_data", "userdata", "cloud_init", "cloudinit", "startup_script")
"""What a path holds, with `_` for `-`, where it is the script that a machine runs when it starts."""
_NEAR, _LONGEST = 10, 1_000
"""An environment in a line holds for so many lines below it; longer lines, in characters, are not read."""


class Started(NamedTuple):
    """The files of one project as a command names them, and how the command tells that production runs them.

    `far` is how far from production the lines above it say that they are started.
    """

    how: int
    files: tuple[str, ...]
    far: int = 0


def deployed(tree: Files) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """The files of each project that production runs, what tells it, and whether more than their names does.

    The nearest to production, and the surest, comes first.
    """
    found: list[tuple[object, tuple[str, ...], str, bool]] = []
    if not any(path.endswith(_ENDS) for path in tree.holding("compose", "stack")):
        return iter(())
    for path in scripts(tree):
        aside = _aside(path)
        if aside and not _deploys_too(path):
            continue
        try:
            told = tree.once(path, started)
        except ReadError:
            continue  # whose file it is tells it
        for each in told or ():
            if each.how == _PULLED or (aside and each.how not in _ELSEWHERE):
                continue
            files = _shipped(tree, each.files) if each.how == _SENT else _in_tree(tree, path, each.files)
            if each.how in (_SET, _NAMED) and not any(map(is_called_after_production, files)):
                continue
            said = {environment(word) for name in (path, *files) for word in words(name)}
            if files and not any(map(_aside, files)) and said.isdisjoint({"dev", "local", "test"}):
                far = min((distance_to_production(one) or 0 for one in said if one), default=0)
                rank = (max(far, each.far), each.how, -len(files), path, files)
                found.append((rank, files, _REASONS[each.how].format(path), each.how not in (_SET, _NAMED)))
    return ((files, reason, sure) for _, files, reason, sure in sorted(found))


def pulled(tree: Files) -> Iterator[tuple[tuple[str, ...], str]]:
    """The files that Compose finds by itself, where a script that deploys starts these on a machine, and what tells it.

    The machine has a clone of the repository: nothing is shipped there, no file is named, and no script writes one.
    """
    files = default_files(tree, "")
    for path in scripts(tree) if files and not _is_written(tree) else ():
        said = {environment(word) for word in words(path)}
        if (not _aside(path) or _deploys_too(path)) and said.isdisjoint({"dev", "local", "test", "staging"}):
            try:
                told = tree.once(path, started)
            except ReadError:
                continue  # as above
            if any(each.how == _PULLED for each in told or ()):
                yield files, _REASONS[_PULLED].format(path)


def is_called_after_production(path: str) -> bool:
    """Whether a path says that a file is for production, or for deploying: `docker/prod.yml`, `deploy/compose.yml`."""
    return speaks_of_production(path) or any(map(speaks_of_publishing, words(path)))


def main(files: Listing[str]) -> str:
    """The file of a chain that makes it what it is: the last that is called after production, else the last."""
    return next((each for each in reversed(files) if is_called_after_production(each)), files[-1])


def scripts(tree: Files) -> list[str]:
    """The files that may start something on another machine."""
    plain = (
        path
        for path in tree.holding("bin/", "script", "deploy", "ops/", "tasks/")
        if "." not in posixpath.basename(path)
    )
    named = (*tree.named(*_MAKEFILES), *tree.ending(*_SHELL, ".just", ".mk"), *plain)
    named += tuple(path for path in tree.ending(*_TEMPLATES) if _is_start_script(path))
    named += (*tree.ending(".tf"), *(path for path in tree.holding(*_MACHINES) if path.endswith(_ENDS)))
    return [*tree.below(_WORKFLOWS.strip("/")), *sorted(set(named))]


def _is_start_script(path: str) -> bool:
    """Whether a path says that a machine of the cloud runs the script when it starts: `user_data/web.sh`."""
    return any(mark in path.lower().replace("-", "_") for mark in _START_SCRIPTS)


def _aside(path: str) -> bool:
    """Whether a path says that a file serves tests, examples or demonstrations."""
    return is_for_tests(path) or any(folder_kind(word) for word in words(path.removeprefix(_WORKFLOWS)))


def _deploys_too(path: str) -> bool:
    """Whether only `ci` in the name of a workflow says that it serves tests: it may deploy what has passed them."""
    return path.startswith(_WORKFLOWS) and not _aside("-".join(word for word in words(path) if word != "ci"))


def _is_written(tree: Files) -> bool:
    """Whether a script writes the Compose file that a machine starts: what lies in the tree is another."""
    sources = map(tree.read, scripts(tree))
    return any(each is not None and _WRITES.search(each.text) is not None for each in sources)


def chains(tree: Files) -> frozenset[tuple[str, ...]]:
    """The files that scripts, package scripts and what people are told to type give to Compose, as they lie here.

    Without a file, where a command lets Compose find it.
    """
    found = set[tuple[str, ...]]()
    told = tree.named("package.json", "README.md", "CLAUDE.md", "CONTRIBUTING.md", "AGENTS.md")
    for path in (*scripts(tree), *told):
        source = tree.read(path)
        if source is not None and "compose" in source.text:
            if _PLAIN.search(source.text) is not None:
                found.add(())
            started_by = _written(source.text, called=False)
            found.update(_in_tree(tree, path, each.files) for each in started_by if each.files)
    return frozenset(found)


def _shipped(tree: Files, paths: Listing[str]) -> tuple[str, ...]:
    """What Compose finds in a folder that is shipped, or the file that is, where its images come from a registry."""
    (written,) = paths
    each = posixpath.normpath(_below(written).removesuffix("*"))
    files = (each,) if each.endswith(_ENDS) and tree.exists(each) else default_files(tree, each.removeprefix("."))
    return () if sketch(tree, files).builds else files


def _below(written: str) -> str:
    """A path without what tells, at its start, where a script runs."""
    return written[above.end() :] if (above := _BEFORE.match(written)) is not None else written


def _in_tree(tree: Files, script: str, files: Listing[str]) -> tuple[str, ...]:
    """The files as they lie in the tree, empty where one does not: at that path, beside the script, or the only one."""
    found, folder = [], posixpath.dirname(script)
    for written in files:
        each = _below(written)
        near = (posixpath.normpath(each), posixpath.normpath(posixpath.join(folder, each)))
        there = [path for path in near if tree.exists(path)] or [*tree.named(posixpath.basename(each))]
        if len(set(there)) != 1 or not there[0].endswith(_ENDS):
            return ()
        found.append(there[0])
    return tuple(found)


def started(source: Source) -> tuple[Started, ...]:
    """The projects that a workflow or a script starts in production or copies there.

    Raises:
        ReadError: a workflow is no YAML.
    """
    if "compose" not in source.text and "stack deploy" not in source.text:
        return ()
    script = source.path.endswith((*_SHELL, *_TEMPLATES))
    called = script and speaks_of_publishing(posixpath.basename(source.path))
    found = list(_written(source.text, called=called))
    if script:
        boots = _is_start_script(source.path)
        found = [*_together(_of_script(source.text, source.path, remote=boots, called=called)), *found]
    elif source.path.endswith(".tf"):
        found = list(_on_machine(source)) if any(mark in source.text for mark in _START_SCRIPTS) else []
    elif source.path.endswith(_ENDS) and not source.path.startswith(_WORKFLOWS):
        tasks = (_of_task(each) for document in yaml.read_all(source, []) for each in _mappings(document))
        found = [*_together([*_on_machine(source), *(one for task in tasks for one in task)]), *found]
    elif source.path.endswith(_ENDS):
        steps = [one for document in yaml.read_all(source, []) for one in _steps(document)]
        found = [*_together(one for step, own in steps for one in _of_step(step, source.path, own=own)), *found]
    return tuple(_named(found, source.text))


def _named(found: Iterable[Started], text: str) -> Iterator[Started]:
    """What is started, with the files that the text sets the variables to by which it is named; each in its turn."""
    values: dict[str, list[str]] = {}
    for name, value in _ASSIGNED.findall(text):
        values.setdefault(name, []).append(_without_default(value))
    for each in found:
        named = [(file, _REFERENCE.fullmatch(_without_default(file))) for file in each.files]
        given = [[file] if found is None else values.get(found[1], []) for file, found in named]
        for number in range(max(map(len, given), default=0) if all(given) else 0):
            yield each._replace(files=tuple(one[min(number, len(one) - 1)] for one in given))
        if not each.files:
            yield each


def _without_default(written: str) -> str:
    """What stands for a variable that has a default: this."""
    begun = _DEFAULT.match(written)
    return written if begun is None else written[begun.end() :].removesuffix("}")


def _together(found: Iterable[Started]) -> Iterator[Started]:
    """What is started, and what is shipped to where something is that no command names; without that, a clone is."""
    every = list(found)
    up = any(each.how == _UP for each in every)
    if up and all(each.how == _UP for each in every):
        yield Started(_PULLED, ())
    for each in every:
        if each.how == _SHIPPED and up:
            yield Started(_SENT, each.files)
        elif each.how < _SHIPPED:
            yield each


def _written(text: str, *, called: bool) -> Iterator[Started]:
    """The chains of files that stand in a text, whatever its language; `called`: the text is, after deploying."""
    said, at = 0, -_NEAR
    whole = _ARRAY.sub(lambda found: found[0].replace("\n", " "), _CONTINUED.sub(" ", text))
    for number, line in enumerate(whole.splitlines()):
        if len(line) > _LONGEST:
            continue
        far = said if number - at < _NEAR else 0
        if (told := _VARIABLE.search(line)) is not None:
            value = _without_default(told[1])
            files = tuple(filter(None, value.split(";" if ";" in value else ":")))
            yield Started(_CALLED if called else _SET, files, far)
        elif _STARTS.search(line) is not None:
            starts = called and _ELSE.search(line) is None
            yield Started(_CALLED if starts else _NAMED, tuple(_GIVEN.findall(line)), far)
        else:
            distances = map(distance_to_production, map(environment, words(line)))
            named = [each for each in distances if each is not None]
            said, at = (min(named), number) if named else (said, at)


def _on_machine(source: Source) -> Iterator[Started]:
    """What a machine starts by a script that stands in another file."""
    for there in _UP_THERE.findall(_CONTINUED.sub(" ", source.text)):
        yield from _of_script(there, source.path, remote=True, depth=1)


def _of_task(task: Mapping) -> Iterator[Started]:
    """What a task of Ansible starts on a machine, or copies there."""
    for entry in task.entries:
        module, given = entry.key.text.rpartition(".")[2], entry.value
        if not isinstance(given, Mapping):
            continue
        files, copied = given.get("files"), given.get("src")
        if module in _STARTS_PROJECTS:
            items = files.items if isinstance(files, Sequence) else ()
            named = [each.text for each in items if isinstance(each, Scalar)]
            yield Started(_REMOTE, tuple(map(posixpath.basename, named))) if named else Started(_UP, ())
        elif module in _COPIES and isinstance(copied, Scalar):
            yield from _copied([copied.text])


def _steps(document: object) -> Iterator[tuple[Mapping, bool]]:
    """The steps of all jobs, and whether the job deploys on the machine of its own that it runs on."""
    own = set[int]()
    for each in _mappings(document):
        runs = each.get("runs-on")
        labels = runs.items if isinstance(runs, Sequence) else (runs,)
        if each.get("environment") is not None and any(isinstance(one, Scalar) and one.text == _OWN for one in labels):
            own.update(map(id, _mappings(each)))
        if each.get("run") is not None or each.get("uses") is not None:
            yield each, id(each) in own


def _mappings(document: object) -> Iterator[Mapping]:
    """The mappings of a document, wherever they stand."""
    waiting = [document]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            yield each
            waiting.extend(entry.value for entry in each.entries)
        elif isinstance(each, Sequence):
            waiting.extend(each.items)


def _of_step(step: Mapping, path: str, *, own: bool) -> Iterator[Started]:
    run, uses, given = step.get("run"), step.get("uses"), step.get("with")
    if isinstance(run, Scalar):
        yield from _of_script(run.text, path, remote=own)
    if not isinstance(uses, Scalar) or not isinstance(given, Mapping):
        return
    inputs = {entry.key.text: entry.value.text for entry in given.entries if isinstance(entry.value, Scalar)}
    action = actions.action(uses.text, inputs)
    script = actions.script_of(action, inputs) if action is not None and action.does == "run-remote" else None
    if script is not None:
        yield from _of_script(inputs.get(script, ""), path, remote=True)
    if isinstance(action, actions.Action) and action.tool in _COPYING:
        files = [file for value in inputs.values() for file in value.replace(",", " ").split()]
        yield from _copied(files)


_COPYING = frozenset({"scp", "rsync"})


def _copied(files: Listing[str]) -> Iterator[Started]:
    yield from (Started(_SHIPPED, (each,)) for each in files)
    found = [each for each in files if each.endswith(_ENDS) and "compose" in words(posixpath.basename(each))]
    if found:
        yield Started(_COPIED, tuple(found))


def _of_script(
    script: str, path: str, *, remote: bool, called: bool = False, depth: int = _DEEPEST
) -> Iterator[Started]:
    for there in _UP_THERE.findall(script) if _SSM in script else ():
        yield from _of_script(there, path, remote=True, called=called, depth=1)
    for command in shell.read(Text.standing(script, path, 0)).commands if depth else ():
        layers = read(command.texts)
        away = remote or any(layer.place == "host" for layer in layers)
        for layer in layers[-1:]:
            if layer.script is not None:
                inner = (
                    command.texts[layer.script :] if layer.joined else command.texts[layer.script : layer.script + 1]
                )
                yield from _of_script(" ".join(inner), path, remote=away, called=called, depth=depth - 1)
            else:
                yield from _of_command(command.texts, layer, remote=away, called=called)


def _of_command(argv: Listing[str], layer: Layer, *, remote: bool, called: bool) -> Iterator[Started]:
    operands = [argv[index] for index in layer.operands]
    files = tuple(each.value for each in layer.options if each.name in ("-f", "--file", "-c", "--compose-file"))
    if layer.path == "docker" and operands[:2] == ["stack", "deploy"] and files:
        yield Started(_STACK, files)
    elif layer.path == "docker compose up" and files and (remote or called):
        yield Started(_REMOTE if remote else _CALLED, files)
    elif layer.path == "docker compose up" and (remote or called):
        yield Started(_UP if remote else _PULLED, ())
    elif layer.path.startswith("aws s3 ") and operands:
        yield from (Started(_SHIPPED, (each,)) for each in operands[:-1])
    elif layer.path in _COPYING and operands and ":" in operands[-1]:
        yield from _copied(operands[:-1])
