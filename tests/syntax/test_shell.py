"""The shell reader: words, places, connectors, and whose failure counts (bash manual, POSIX.1-2017 section 2)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyengine.model.text import Text
from policyengine.syntax import shell, shell_syntax

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from policyengine.syntax.shell import Script, WrittenCommand


def read(text: str, *, errexit: bool = False, pipefail: bool = False) -> Script:
    return shell.read(Text.standing(text, "run.sh", 0), errexit=errexit, pipefail=pipefail)


def lines(text: str) -> list[tuple[str, ...]]:
    return [command.texts for command in read(text).commands]


def named(script: Script, name: str) -> WrittenCommand:
    return next(command for command in script.commands if command.name == name)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("docker compose up -d", ["docker", "compose", "up", "-d"]),
        ("""echo 'a b' "c d" e\\ f""", ["echo", "a b", "c d", "e f"]),
        ("echo don't'", ["echo", "dont"]),
        ("""echo 'don'"'"'t' """, ["echo", "don't"]),
        ('echo "a \\"b\\" \\$c"', ["echo", 'a "b" $c']),
        ("docker run \\\n  --rm \\\r\n  app", ["docker", "run", "--rm", "app"]),
        ("echo a#b # a comment && rm x", ["echo", "a#b"]),
        ("echo ''", ["echo", ""]),
        ("echo $'a\\'b'", ["echo", "a\\'b"]),
        ("echo hi\r\n", ["echo", "hi"]),
    ],
)
def test_quotes_escapes_and_comments_leave_the_words_the_command_gets(text: str, words: list[str]) -> None:
    assert lines(text) == [tuple(words)]


def test_a_word_knows_its_place_without_its_quotes() -> None:
    text = "echo  'a b' \"\""
    script = read(text)
    first, second = script.commands[0].words[1:]
    assert text[first.span.start : first.span.end] == "a b"
    assert text[second.span.start : second.span.end] == '""'


def test_a_github_expression_is_one_part_of_a_word_even_with_quotes_and_blanks_in_it() -> None:
    written = "${{ needs['a b'].outputs.x }}"
    start, end = "APP_IMAGE=repo@", " docker compose up"
    undecided = Text.standing(written, "run.sh", len(start)).unsettled("only the run knows it")
    behind = Text.standing(end, "run.sh", len(start + written))
    command = shell.read(Text.join([Text.standing(start, "run.sh", 0), undecided, behind])).commands[0]
    assert command.texts == ("docker", "compose", "up")
    value = command.assignments[0].value
    assert value.text == "repo@${{ needs['a b'].outputs.x }}"
    assert [part.text for part in value.content.pieces if part.unknown] == ["${{ needs['a b'].outputs.x }}"]


def test_expansions_are_parts_of_a_word_that_are_not_decided() -> None:
    word = read('deploy "$REPO/${NAME:-app}:$(git rev-parse HEAD)-$((1+2))"').commands[-1].words[1]
    assert [part.text for part in word.content.pieces if part.unknown] == [
        "$REPO",
        "${NAME:-app}",
        "$(git rev-parse HEAD)",
        "$((1+2))",
    ]
    assert not word.literal


def test_a_single_quoted_dollar_is_literal() -> None:
    assert read("echo '$HOME'").commands[0].words[1].literal


def test_commands_inside_substitutions_and_process_substitutions_run() -> None:
    assert lines("x=$(date +%s); while read l; do :; done < <(ls -l); echo `id -u`") == [
        ("date", "+%s"),
        (),
        ("read", "l"),
        (":",),
        ("ls", "-l"),
        ("id", "-u"),
        ("echo", "`id -u`"),
    ]


def test_connectors_and_constructs_are_told() -> None:
    script = read("a && b || c; if d; then e; else f; fi; (g); { h; } | i & for x in 1 2; do j; done")
    assert [(each.name, each.before, each.within) for each in script.commands] == [
        ("a", "", ()),
        ("b", "&&", ()),
        ("c", "||", ("||",)),
        ("d", ";", ("if",)),
        ("e", ";", ("then",)),
        ("f", ";", ("else",)),
        ("g", "", ("(",)),
        ("h", ";", ("{",)),
        ("i", "|", ()),
        ("j", "&", ("for", "do")),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a | b | echo\nX=$(c | d)\necho x >> f", [["a"], ["b"], ["echo"], ["c"], ["d"], [], ["echo", "x"]]),
        ("cat <<A <<B\n1\nA\n2\nB\nnext", [["cat"], ["next"]]),
        ("a <<'E' 2>/dev/null | b -c || d\n$(x)\nE\nnext", [["a"], ["b", "-c"], ["d"], ["next"]]),
        ("python3 - <<E arg\nx\nE", [["python3", "-", "arg"]]),
        ('echo "$(cat <<-E\n\tf\n\tE\n)" g', [["cat"], ["echo", "$(cat <<-E\n\tf\n\tE\n)", "g"]]),
        ("echo >&2 'no' way", [["echo", "no", "way"]]),
        ("exec 3<>/dev/tcp/db/5432", [["exec"]]),
        ("a |\\\n # why\n b | \\\n c", [["a"], ["b"], ["c"]]),
        ("[[ $a == b* && ( -f c || -d d ) ]]", [["[[", "$a", "==", "b*", "&&", "(", "-f", "c", "||", "-d", "d", ")", "]]"]]),
        ('x="${Y:-$(date)}"', [["date"], []]),
        ("echo $((1 << 2)) # <<E", [["echo", "$((1 << 2))"]]),
    ],
)  # fmt: skip
def test_what_the_grammar_of_bash_misreads_is_read_as_bash_does(text: str, words: list[list[str]]) -> None:
    assert [list(each) for each in lines(text)] == words
    assert read(text).complete


JOINED = r"""
if [ "$CODE" = "0" ]; then
  for i in {1..3}; do
    if [ $? -eq 0 ] && [ -n "$LOG" ]; then
      if echo "$LOG" | grep -i "error\|failed\|exception\|denied\|timeout" > /dev/null; then
        echo "$LOG" | grep -i "error\|failed\|exception\|denied\|timeout" | head -10
      else
        echo "Nothing is wrong in what it wrote"
      fi
      if echo "$LOG" | grep -i "permission denied\|access denied" > /dev/null; then
        echo "The database may lack a migration"
      fi
    fi
  done
fi
"""


def test_what_stands_behind_else_is_a_command_where_the_grammar_joins_its_lines() -> None:
    assert read(JOINED).complete
    assert [list(each)[-1] for each in lines(JOINED) if each[0] in ("head", "echo")] == [
        *("$LOG", "$LOG", "-10", "Nothing is wrong in what it wrote", "$LOG", "The database may lack a migration"),
    ]


@pytest.mark.parametrize("text", ["R=$A.dkr.$B.com", "R=`a`-`b`.zip"])
def test_a_value_is_one_word(text: str) -> None:
    command = read(text).commands[-1]
    assert (command.words, command.assignments[0].value.text) == ((), text[2:])
    pieces = [part.text for part in command.assignments[0].value.content.pieces if part.unknown]
    assert pieces == (["$A", "$B"] if "$" in text else ["`a`", "`b`"])


def test_an_or_behind_a_pipeline_swallows_the_failure_of_all_of_it() -> None:
    script = read("set -o pipefail\na 2>&1 | b || c\nd", errexit=True)
    assert [each.ignored and each.ignored.marker for each in script.commands] == [None, "||", "||", None, None]


def test_a_here_document_is_no_command_and_its_body_is_kept() -> None:
    script = read("cat <<-'EOF' > .env && echo done\n\tA=1; rm -rf /\n\tEOF\nls\n")
    assert [command.name for command in script.commands] == ["cat", "echo", "ls"]
    redirect = script.commands[0].redirects[0]
    assert redirect.body is not None
    assert (redirect.body.written, redirect.literal) == ("A=1; rm -rf /\n", True)


def test_functions_are_kept_apart_and_case_patterns_are_no_commands() -> None:
    script = read('build() { docker build .; }\nfunction run { ls; }\ncase "$1" in\n a|b) build;;\n *) run ;;\nesac')
    assert {name: [each.texts for each in body] for name, body in script.functions.items()} == {
        "build": [("docker", "build", ".")],
        "run": [("ls",)],
    }
    assert [command.name for command in script.commands] == ["build", "run"]


@pytest.mark.parametrize(
    ("script", "marker", "text"),
    [
        ("test || true", "||", "|| true"),
        ("test || echo failed; echo", "||", "|| echo failed"),
        ("set +e\ntest\necho", "set +e", "set +e"),
        ("test | tee log\n", "|", "|"),
        ("test &\nwait", "&", "&"),
        ("if test; then echo; fi\necho", "condition", "if"),
        ("test && echo ok\necho", "&&", "&&"),
        ("! test\necho", "!", "!"),
    ],
)
def test_a_failure_that_does_not_fail_the_script_says_why(script: str, marker: str, text: str) -> None:
    found = named(read(script, errexit=True), "test").ignored
    assert found is not None
    assert (found.marker, script[found.span.start : found.span.end]) == (marker, text)


@pytest.mark.parametrize(
    "script",
    [
        "test",
        "echo; test",
        "test || exit 1\necho",
        "test || { docker compose logs; exit 1; }\necho",
        "test || (echo no; false)\necho",
        "if ! test; then echo no; exit 1; fi\necho",
        "if test; then echo; else exit 1; fi\necho",
        "test && echo ok",
        "(cd x && test)\necho",
        "set +e\ntest\ncode=$?\nexit $code",
        "test || code=$?\nexit $code",
        "docker test x || docker test x\necho",
    ],
)
def test_a_failure_that_fails_the_script_is_not_ignored(script: str) -> None:
    commands = [each for each in read(script, errexit=True).commands if "test" in each.texts]
    assert commands[0].ignored is None


def test_without_errexit_only_the_last_command_counts() -> None:
    script = read("test; docker compose down")
    assert [each.ignored and each.ignored.marker for each in script.commands] == ["no set -e", None]


def test_pipefail_makes_every_part_of_a_pipeline_count() -> None:
    assert named(read("set -euo pipefail\ntest | tee log\n"), "test").ignored is None


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash decides what is right here")
@pytest.mark.oracle
@pytest.mark.parametrize(
    "template",
    [
        "{c}",
        "{c}; true",
        "{c} && true",
        "{c} && true\ntrue",
        "true && {c}\ntrue",
        "{c} || true",
        "{c} || exit 3",
        "{c} || {{ true; exit 3; }}\ntrue",
        "{c} | cat",
        "set +e\n{c}\ntrue",
        "set +e\n{c}",
        "set -e\n{c}\ntrue",
        "set -o pipefail\n{c} | cat",
        "if {c}; then true; fi",
        "if {c}; then true; else exit 4; fi",
        "if ! {c}; then exit 4; fi\ntrue",
        "! {c}\ntrue",
        "({c})\ntrue",
        "({c} && true)\ntrue",
        "{{ {c}; }}\ntrue",
        "{{ {c} && true; }}\ntrue",
        "x=$({c})\ntrue",
        "echo $({c})\ntrue",
        "f() {{ {c}; true; }}\ntrue",
        "for i in 1; do {c}; true; done",
        "{c} || {c}\ntrue",
        "{c} &\ntrue",
    ],
)
@pytest.mark.parametrize("errexit", [False, True])
def test_bash_agrees_on_whose_failure_counts(template: str, *, errexit: bool) -> None:
    script = template.format(c="false now")
    options = ["-e"] if errexit else []
    code = subprocess.run(["bash", *options, "-c", script], check=False, capture_output=True, timeout=10).returncode
    found = [each for each in read(script, errexit=errexit).commands if each.texts == ("false", "now")]
    if not found:  # a function that nothing calls
        assert code == 0
    else:
        assert (found[0].ignored is None) == (code != 0)


def test_a_script_in_a_word_keeps_its_places() -> None:
    text = """ssh host "cd /srv && docker \\"compose\\" up" """
    inner = read(text).commands[0].words[2].content
    command = shell.read(inner).commands[1]
    assert command.texts == ("docker", "compose", "up")
    assert text[command.words[1].span.start : command.words[1].span.end] == "compose"


@pytest.mark.parametrize(
    "text",
    [
        "echo 'open",
        'echo "open $(x',
        "cat <<EOF\nbody",
        "if a; then",
        "for",
        "case x in",
        "a ) b",
        "fi done esac ;; }",
        "f() ",
        "[[ a == b",
        "${",
        "$(",
        "`",
        "a &&& b ||| c",
        "\\",
        "<<",
        "arr=(a b",
        "((",
    ],
)
def test_broken_scripts_are_read_as_far_as_they_go(text: str) -> None:
    read(text + "\n")


@pytest.mark.parametrize(
    "text",
    ["$(" * 50_000, "(" * 50_000, "`" * 50_001, '"$(' * 50_000, "${" * 50_000, "{ " * 50_000, "if " * 50_000,
     "$((" * 30_000, "<<A " * 20_000, "a=(" * 50_000, "[[ " * 50_000, "'" * 50_001, "x() " * 30_000, "+(" * 50_000,
     "&& " * 50_000, "${{ " * 30_000, "case x in (" * 20_000, "a" * 1_900 + "!", "a/ " * 600 + "!", "$a" * 900 + "!"],
)  # fmt: skip
def test_hostile_scripts_are_read_to_their_end(text: str) -> None:
    script = read(text)
    assert all(0 <= each.span.start <= each.span.end <= len(text) for each in script.commands)


_PIECES = st.sampled_from(
    ["a", " ", "\n", "'", '"', "$", "(", ")", "{", "}", "`", "\\", ";", "&", "|", "<", ">", "#", "=", "$(", "${", "if ",
     "then ", "fi", "do ", "done", "case ", "esac", "in ", "EOF", "<<", "[[", "]]", "\r\n", "${{", "}}", "é", "!"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=60).map("".join))
def test_any_text_is_read_with_places_inside_it(text: str) -> None:
    for command in read(text).commands:
        assert 0 <= command.span.start <= command.span.end <= len(text)
        for word in command.words:
            assert 0 <= word.span.start <= word.span.end <= len(text)
            for index, char in enumerate(word.text):
                assert text[word.content.offset(index)] == char


@pytest.mark.parametrize("operator", [" && ", " || false || ", " || b ", " || exit 1 && "])
def test_the_cost_of_a_chain_grows_with_its_length(operator: str) -> None:
    def steps(count: int) -> int:
        counted = 0

        def trace(frame: FrameType, event: str, _: Any) -> Callable[..., Any] | None:  # noqa: ANN401  as typing has it
            nonlocal counted
            counted += event == "line"
            return trace if frame.f_code.co_filename == shell.__file__ else None

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            shell.read(Text.standing(operator.join(["a"] * count), "f", 0))
        finally:
            sys.settrace(before)
        return counted

    assert steps(1_000) < 2.2 * steps(500)


def test_a_chain_of_handlers_that_fail_is_as_deep_as_it_likes() -> None:
    script = shell.read(Text.standing("a" + " || false" * 5_000, "f", 0), errexit=True)
    assert script.commands[0].ignored is None


_PLAIN = st.lists(
    st.sampled_from(["docker", "-f", "a.yml", "'b c'", '"d $E f"', "${G}", "$H/i", "--j=k", "A=1", "''", '"${L}m"', "if", "x=", "\n", "é"]),
    min_size=1,
    max_size=8,
).map(" ".join)  # fmt: skip


@given(_PLAIN)
def test_a_plain_line_is_read_without_the_grammar_as_with_it(text: str) -> None:
    with_it = shell_syntax.parse(Text.standing(text, "f", 0), plainly=False)
    assert shell_syntax.parse(Text.standing(text, "f", 0)) == with_it
