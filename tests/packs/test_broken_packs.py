"""Whatever is wrong with a pack is one clear sentence: of the pack, with exit code 2, or of its rule, with 3."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

HEAD = """\
from policyengine.api import *
from policyengine.api import Pack, Severity, hookimpl, rule


@rule("OK001", severity=Severity.ERROR, message="'{name}' is there.")
def sound(graph, options):
    '''A service is there.'''
    for service in graph.all(Service):
        yield Finding(subject=service, at=service, args={"name": service.name})


"""
HOOK = """

@hookimpl
def policyengine_pack():
    return Pack(name="acme", rules=(sound, *MORE))
"""
RULE = """\
@rule("BAD001", severity=Severity.ERROR, message="'{name}' is bad.")
def bad(graph, options):
    '''It is bad.'''
"""
TREE = {
    "compose.yml": "services:\n  web:\n    image: nginx:1.27\n    environment: {API_TOKEN: 'hunter2-hun\\ter2-X'}\n",
}


def scan(tmp_path: Path, pack: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A scan of a small tree with a pack, in a process of its own."""
    tree = tmp_path / "tree"
    tree.mkdir(exist_ok=True)
    for path, text in TREE.items():
        (tree / path).write_text(text, "utf-8")
    file = tmp_path / "acme_rules.py"
    file.write_text(pack, "utf-8")
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'policies'}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    return subprocess.run(
        [
            *(sys.executable, "-m", "policyengine", "scan", str(tree), "--pack", str(file), "--select", "OK,BAD"),
            *("--no-cache", "--jobs", "1", *words),
        ],
        cwd=tmp_path,
        env={**paths, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def with_rule(body: str, *, head: str = RULE) -> str:
    """A pack with a sound rule and another one."""
    return HEAD + head + "".join(f"    {line}\n" for line in body.splitlines()) + "\n\nMORE = (bad,)\n" + HOOK


@pytest.mark.parametrize(
    ("pack", "said"),
    [
        (
            "# nothing\nimport nowhere\n",
            (
                "does not import: ModuleNotFoundError: No module named 'nowhere' (acme_rules.py:2); "
                "install it into the environment of policyengine\n"
            ),
        ),
        ("import sys\nsys.exit(0)\n", "does not import: SystemExit: 0 (acme_rules.py:2)\n"),
        ("import sys\nsys.exit('bye')\n", "does not import: SystemExit: bye (acme_rules.py:2)\n"),
        (
            "from os import _exit\n_exit(0)\n",
            "does not import: SystemExit: os._exit() would end the process before its report (acme_rules.py:2)\n",
        ),
        (
            "from policyengine.api import hookimpl\n\n\n@hookimpl\ndef policyengine_pack():\n    raise SystemExit(0)\n",
            "does not load: SystemExit: 0 (acme_rules.py:6)\n",
        ),
        (
            "from policyengine.api import hookimpl\n\n\n@hookimpl\ndef policyengine_pack(config):\n    return config\n",
            "cannot be registered: policyengine_pack(config) Argument(s) {'config'} are declared",
        ),
        ("def broken(:\n", "does not import: SyntaxError"),
        (
            HEAD + "MORE = ()\n\n@hookimpl\ndef policyengine_packs():\n    return Pack(name='acme', rules=())\n",
            "implements an unknown hook",
        ),
        (
            with_rule("yield", head=RULE.replace("(graph, options)", "(graph)")),
            "rule BAD001: 'bad' takes (graph); it must take (graph, options)",
        ),
        (
            with_rule("yield", head=RULE.replace("(graph, options)", "(graph, options, more)")),
            "rule BAD001: 'bad' takes (graph, options, more); it must take (graph, options)",
        ),
        (
            with_rule("yield", head=RULE.replace("Severity.ERROR", "'fatal'")),
            "rule BAD001: severity 'fatal' is none of error, warning, note",
        ),
        (
            with_rule("yield", head=RULE.replace("{name}", "{}")),
            "rule BAD001: message 'default' has the placeholder '', which is no name",
        ),
        (
            with_rule("yield", head=RULE.replace("{name}", "{name")),
            "rule BAD001: message 'default' cannot be read: expected '}' before end of string",
        ),
        (
            with_rule("yield", head=RULE.replace("    '''It is bad.'''\n", "")),
            "rule BAD001: function 'bad' needs a docstring; its first line is the summary",
        ),
        (
            with_rule("yield", head=RULE.replace("BAD001", "OK001")),
            "rule id OK001 is in the packs 'acme' and 'acme'",
        ),
        (HEAD + "MORE = (print,)\n" + HOOK, "the pack 'acme' has something else than a rule at place 2 of its rules"),
        (
            HEAD + "def plain(graph, options):\n    yield\n\n\nMORE = (plain,)\n" + HOOK,
            "the pack 'acme' has something else than a rule at place 2 of its rules: the function 'plain' without @rule",
        ),
        (
            HEAD + "MORE = ()\n" + HOOK.replace("rules=(sound, *MORE)", "rules=sound"),
            "the pack 'acme' has rules that are no tuple but Rule; write rules=(first_rule, second_rule)",
        ),
        (
            HEAD + "MORE = ()\n" + HOOK.replace("*MORE)", "*MORE), options=int"),
            "the pack 'acme' has options that are no type; give a subclass of msgspec.Struct",
        ),
        (
            HEAD + "MORE = ()\n" + HOOK.replace("*MORE)", "*MORE), api='2'"),
            "the pack 'acme' needs version 2 of policyengine.api, and this program has 1.0",
        ),
        (
            HEAD + "MORE = ()\n" + HOOK.replace("*MORE)", "*MORE), api='1.9'"),
            "the pack 'acme' needs version 1.9 of policyengine.api, and this program has 1.0",
        ),
        (
            HEAD + "MORE = ()\n" + HOOK.replace("*MORE)", "*MORE), api='newest'"),
            "the pack 'acme' names no version of the API: api='newest'; write such as api='1.0'",
        ),
    ],
    ids=lambda value: "" if "\n" in value else value[:60],
)
def test_a_pack_that_is_none_stops_the_run_with_one_sentence(pack: str, said: str, tmp_path: Path) -> None:
    done = scan(tmp_path, pack)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_two_packs_of_one_name_stop_the_run(tmp_path: Path) -> None:
    other = tmp_path / "other_rules.py"
    other.write_text(HEAD.replace("OK001", "OK002") + "MORE = ()\n" + HOOK, "utf-8")
    done = scan(tmp_path, HEAD + "MORE = ()\n" + HOOK, "--pack", str(other))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "policyengine: two policy packs are called 'acme'\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return None", "rule BAD001 returned nothing, not findings; yield each of them"),
        ("return graph", "rule BAD001 returned a Graph, not findings; yield each of them"),
        ("yield 'a finding'", "rule BAD001 gave a str, which is no Finding, Undecided or Compared"),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=each)",
            "rule BAD001 gave a finding without 'name' in its args, which the message 'default' needs",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=None, args={'name': 'x'})",
            "rule BAD001 gave a finding without a place: nothing has none; give a value, a node or a span",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=each, args={'name': 1}, severity='bad')",
            "rule BAD001 gave a finding with the severity 'bad', which is none",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=Span('compose.yml', 9, 2), args={'name': 1})",
            "rule BAD001 gave a finding whose place is no range of a file: ('compose.yml', 9, 2)",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=Span('x', 'a', None), args={'name': 1})",
            "rule BAD001 gave a finding whose place is no range of a file: ('x', 'a', None)",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=each.environment[0], args={'name': 1})",
            "a Variable has none; give a value, a node or a span, or its 'value'",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=each, args={'name': 1}, related=each)",
            "rule BAD001 gave a finding whose related places are a Service, not a tuple of them",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=each, args={'name': 1}, fix='mend it')",
            "rule BAD001 gave a finding whose fix is a str, not a Fix of a sentence and edits",
        ),
        (
            (
                "for each in graph.all(Service):\n"
                "    yield Finding(subject=each, at=each, args={'name': 1}, fix=Fix('x', (Edit(each, 'y'),)))"
            ),
            "rule BAD001 gave a finding whose fix is a Fix, not a Fix of a sentence and edits",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=each, args={'name': each.image})",
            "rule BAD001 gave a finding with a Known for 'name' in its args; give what it holds, its 'value'",
        ),
        (
            "for each in graph.all(Service):\n    yield Finding(subject=each, at=each, args=['name'])",
            "rule BAD001 gave a finding whose args are a list, not a mapping",
        ),
        (
            "for each in graph.all(Service):\n    yield Undecided(subject=each, at=each.span, reason=None)",
            "rule BAD001 gave an Undecided whose subject is no node, whose place is none, or whose reason is no text",
        ),
        ("raise SystemExit(0)", "rule BAD001 crashed: SystemExit: 0"),
        (
            "import os\nmade = os.fork()\nif not made:\n    os._exit(0)\nos.waitpid(made, 0)\nos._exit(0)",
            "rule BAD001 crashed: SystemExit: os._exit() would end the process before its report",
        ),
        (
            "import os\nos.execlp('true', 'true')",
            "rule BAD001 crashed: SystemExit: os.execv() would end the process before its report",
        ),
        ("raise type('Panic', (BaseException,), {})('in Rust')", "rule BAD001 crashed: Panic: in Rust"),
        (
            "import sys\nsys.setrecursionlimit(200)\nbad.check(graph, options).__next__()\nyield",
            "crashed: RecursionError",
        ),
    ],
)
def test_what_a_rule_does_wrong_is_a_failure_and_loses_no_other_finding(body: str, said: str, tmp_path: Path) -> None:
    done = scan(tmp_path, with_rule(body))
    assert done.returncode == 3
    assert f"failure {said}" in done.stdout or said in done.stdout
    assert "'web' is there." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_what_a_rule_gives_wrong_is_told_with_the_line_that_gives_it(tmp_path: Path) -> None:
    done = scan(tmp_path, with_rule("yield 1"), "--format", "text")
    line = with_rule("yield 1").splitlines().index("    yield 1") + 1
    assert f"= at: acme_rules.py:{line} in bad: yield 1\n" in done.stdout


def test_what_a_pack_prints_is_no_part_of_the_report(tmp_path: Path) -> None:
    body = "print('in the rule')\nreturn ()"
    done = scan(tmp_path, "print('at the top')\n" + with_rule(body), "--format", "json")
    assert [each["rule"] for each in json.loads(done.stdout)["findings"]] == ["OK001"]
    assert done.stderr.startswith("at the top\nin the rule\n")


def test_a_rule_that_finds_without_end_is_stopped_and_loses_nothing(tmp_path: Path) -> None:
    body = "for number in __import__('itertools').count():\n"
    body += "    for each in graph.all(Service):\n"
    body += "        yield Finding(subject=each, at=each, args={'name': number})"
    done = scan(tmp_path, with_rule(body), "--format", "json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert [each["message"] for each in report["failures"]] == [
        "rule BAD001 was stopped: it gave over 25,000 findings and open questions"
    ]
    assert sum(each["rule"] == "BAD001" for each in report["findings"]) == 25_000
    assert sum(each["rule"] == "OK001" for each in report["findings"]) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("queue.py", "policy pack 'queue.py' has no file queue.py"),
        ("./queue.py", "policy pack './queue.py' has the name of Python's own module 'queue'; rename it"),
        ("", "--pack is empty; name a module, a file or a folder"),
        (
            "empty",
            (
                "policy pack 'empty' is a folder without a pack: it has no rules in YAML with 'pack: NAME', no pyproject.toml "
                "and no __init__.py"
            ),
        ),
    ],
)
def test_what_is_no_pack_is_told_and_what_would_be_one(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    if name.startswith("./"):
        (tmp_path / name).write_text(HEAD + "MORE = ()\n" + HOOK, "utf-8")
    done = scan(tmp_path, HEAD + "MORE = ()\n" + HOOK, "--pack", name)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"policyengine: {said}\n")


CRASH = """\
def told(value):
    return int(value)
for service in graph.all(Service):
    for variable in service.environment:
        told(variable.value.value)
yield
"""


def test_a_crash_shows_its_message_and_the_calls_of_the_pack_without_the_engine_or_a_secret(tmp_path: Path) -> None:
    files = [word for form in ("json", "sarif") for word in ("--format", form, "-o", f"out.{form}")]
    done = scan(tmp_path, with_rule(CRASH), "--format", "text", *files)
    assert done.returncode == 3
    lines = [line.strip() for line in done.stdout.splitlines()]
    first = next(number for number, line in enumerate(lines) if line.startswith("failure rule BAD001 crashed"))
    assert lines[first].startswith("failure rule BAD001 crashed: ValueError: invalid literal for int() with base 10: ")
    written = [line.strip() for line in with_rule(CRASH).splitlines()]
    calls = [
        f"acme_rules.py:{written.index(line) + 1} in {name}: {line}"
        for name, line in (("bad", "told(variable.value.value)"), ("told", "return int(value)"))
    ]
    assert [line for line in lines if line.startswith("= at: ")] == [f"= at: {each}" for each in calls]
    assert "running.py" not in done.stdout
    for text in (done.stdout, (tmp_path / "out.json").read_text("utf-8"), (tmp_path / "out.sarif").read_text("utf-8")):
        assert "hunter2" not in text
        assert "BAD001 crashed" in text
    (failure,) = json.loads((tmp_path / "out.json").read_text("utf-8"))["failures"]
    assert failure["trace"] == calls


@pytest.mark.parametrize(
    "loop",
    [
        "while True:\n    pass\nyield",
        "while True:\n    try:\n        len('')\n    except Exception:\n        pass\nyield",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')\nyield",
    ],
    ids=["a loop", "a loop that catches every exception", "a pattern"],
)
def test_a_rule_that_never_ends_is_stopped_and_told(loop: str, tmp_path: Path) -> None:
    done = scan(tmp_path, with_rule(loop), POLICYENGINE_RULE_SECONDS="0.3")
    assert done.returncode == 3
    assert "rule BAD001 was stopped: it did not end within 0.3 seconds of processor time" in done.stdout
    assert "acme_rules.py:" in done.stdout
    assert "'web' is there." in done.stdout


def test_a_rule_that_only_waits_is_stopped_too(tmp_path: Path) -> None:
    done = scan(tmp_path, with_rule("import time\ntime.sleep(100)\nyield"), POLICYENGINE_RULE_SECONDS="0.05")
    assert done.returncode == 3
    assert "rule BAD001 was stopped: it did not end within 0.5 seconds" in done.stdout
    assert "'web' is there." in done.stdout


def test_the_limit_of_a_rule_is_a_number(tmp_path: Path) -> None:
    done = scan(tmp_path, with_rule("yield from ()"), POLICYENGINE_RULE_SECONDS="soon")
    assert done.returncode == 2
    assert "POLICYENGINE_RULE_SECONDS is 'soon'; write a number of seconds above 0" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("scan", "tree", "--format", "json"),
        ("scan", "tree", "--format", "sarif"),
        ("scan", "tree", "--format", "junit"),
        ("scan", "tree", "--format", "markdown"),
        ("scan", "tree", "--format", "gitlab"),
        ("scan", "tree", "--format", "github"),
        ("rules",),
        ("rules", "--format", "json"),
        ("packs",),
        ("explain", "OK001"),
    ],
    ids=" ".join,
)
def test_a_pack_of_a_name_and_rules_is_enough_everywhere(words: tuple[str, ...], tmp_path: Path) -> None:
    scan(tmp_path, HEAD + "MORE = ()\n" + HOOK)
    done = subprocess.run(
        [sys.executable, "-m", "policyengine", *words, "--pack", "acme_rules.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'policies'}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in ((0, 1) if words[0] == "scan" else (0,)), done.stderr
    assert "Mandate :" not in done.stdout
    assert "Mandate**" not in done.stdout
    assert "OK001" in done.stdout or "acme" in done.stdout
