"""Instructions, their places and their parts, against BuildKit's own parser on inputs written for it."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("dockerfile")
from tests.oracle.compare_dockerfiles import Agreement

pytestmark = pytest.mark.oracle

INPUTS = {
    "plain": "FROM a\nRUN b\n",
    "no newline at the end": "FROM a\nRUN b",
    "crlf": "FROM a\r\nRUN b \\\r\n  c\r\nUSER d\r\n",
    "comments and blank lines in a continuation": "FROM a\nRUN b \\\n# c\n\n   # d\n  e \\\n\n\nUSER f\n",
    "escape at the end of the file": "FROM a\nRUN b \\",
    "escape at the end of the file, and a comment": "FROM a\nRUN b \\\n# c",
    "doubled escape ends the line": "FROM a\nRUN b \\\\\nUSER c\n",
    "tripled escape": "FROM a\nRUN b \\\\\\\nUSER c\n",
    "blanks after the escape": "FROM a\nRUN b \\  \t\n c\nUSER d\n",
    "other space after the escape": "FROM a\nRUN b \\\u00a0\nUSER d\n",
    "a lone escape first": "FROM a\n\\\nRUN b\nUSER c",
    "keyword split by a continuation": "FROM a\nRU\\\nN b\nUSER c",
    "escape directive": "# escape=`\nFROM a\nRUN b `\n c\nRUN d \\\nUSER e",
    "escape directive after syntax": "# syntax=docker/dockerfile:1\n# escape = `\nFROM a\nRUN b `\n c",
    "directive after a blank line": "\n# escape=`\nFROM a\nRUN b \\\n c",
    "directive after a comment": "# hello\n# escape=`\nFROM a\nRUN b \\\n c",
    "indented directive": "  # escape=`\nFROM a\nRUN b `\n c",
    "doubled directive": "# escape=`\n# escape=`\nFROM a",
    "wrong escape": "# escape=x\nFROM a",
    "heredoc": "FROM a\nRUN <<EOF\nUSER b\nFROM c\nEOF\nUSER d\n",
    "two heredocs": "FROM a\nRUN cat <<A <<B\n1\nB\nA\n2\nB\nUSER d\n",
    "chomped heredoc": "FROM a\nRUN <<-EOF\n\tx\n\t\tEOF\nUSER b\n",
    "tabs before an unchomped end": "FROM a\nRUN <<EOF\nx\n\tEOF\nEOF\nUSER b\n",
    "quoted marker": "FROM a\nRUN <<'EOF'\n$x\nEOF\nUSER b\n",
    "double quoted marker": 'FROM a\nRUN <<"E O F"\n$x\nE O F\nUSER b\n',
    "partly quoted marker": "FROM a\nRUN <<E'O'F\nx\nEOF\nUSER b\n",
    "marker with a descriptor": "FROM a\nRUN cat 3<<EOF\nx\nEOF\nUSER b\n",
    "empty heredoc": "FROM a\nRUN <<EOF\nEOF\nUSER b\n",
    "heredoc with crlf": "FROM a\r\nRUN <<EOF\r\nx\r\nEOF\r\nUSER b\r\n",
    "heredoc after a continuation": "FROM a\nRUN b \\\n <<EOF\nx\nEOF\nUSER c\n",
    "heredoc without end": "FROM a\nRUN <<EOF\nx\n",
    "second heredoc without end": "FROM a\nRUN <<A <<B\nA\nx\n",
    "heredoc of a copy": "FROM a\nCOPY <<one <<two /d/\n1\none\n2\ntwo\nUSER b\n",
    "heredoc of an onbuild": "FROM a\nONBUILD RUN <<EOF\nx\nEOF\nUSER b\n",
    "no heredoc in a json form": 'FROM a\nRUN ["b", "<<EOF"]\nUSER c\n',
    "no heredoc in a cmd": "FROM a\nCMD b <<EOF\nUSER c\n",
    "no heredoc after an open quote": "FROM a\nRUN echo it's <<EOF\nUSER c\n",
    "a quoted heredoc is none": "FROM a\nRUN echo '<<EOF'\nUSER c\n",
    "a shift in arithmetic": "FROM a\nRUN echo $((1<<2))\nUSER c\n",
    "a shift with spaces is a heredoc": "FROM a\nRUN echo $(( 1<<2 ))\nUSER c\n",
    "a here-string": "FROM a\nRUN cat <<<foo\nUSER c\n",
    "empty marker": "FROM a\nRUN cat <<''\nUSER c\n",
    "json forms": 'FROM a\nRUN ["b","c d"]\nCMD [ "e" , "f\\"g" ]\nENTRYPOINT ["\\u0041"]\nVOLUME ["/a b"]\n',
    "json shell": 'FROM a\nSHELL ["x","-c"]\n',
    "json with an escape pair": 'FROM a\nCMD ["\\ud83d\\ude00"]\n',
    "empty json": "FROM a\nCMD []\n",
    "json and more": 'FROM a\nRUN ["b"] && c\n',
    "broken json is the shell form": 'FROM a\nRUN [\'b\', \'c\']\nCMD [ "a", ]\nENTRYPOINT ["a" "b"]\n',
    "a test is the shell form": "FROM a\nRUN [ -f x ] && y\nRUN [[ a = b ]]\n",
    "json of numbers": "FROM a\nCMD [1, 2]\n",
    "json of lists": 'FROM a\nCMD [["a"]]\n',
    "json of nothing known": "FROM a\nCMD [NaN]\n",
    "flags": "FROM --platform=linux/amd64 a\nCOPY --from=b --chown=1:2 c d\nADD --chmod=755 'x y' z\n",
    "flags with quotes": "FROM a\nRUN --mount=type=secret,id='a b' x\nCOPY --from=\"b\" c d\n",
    "flag stop": "FROM a\nRUN -- --x y\nRUN --mount=a -- b\n",
    "flag with an escape": "FROM a\nCOPY --chown=a\\ b c d\n",
    "healthcheck": "FROM a\nHEALTHCHECK --interval=3s --retries=2 CMD curl x\nHEALTHCHECK NONE\n",
    "healthcheck in the json form": 'FROM a\nHEALTHCHECK CMD ["a","b"]\n',
    "env forms": 'FROM a\nENV a b c\nENV d=e f="g h" i=\'j k\' l=m\\ n\nENV o=\nENV p "q r"\n',
    "env with a continuation": 'FROM a\nENV a=b \\\n  c="d \\\n  e" \\\n  f=g\n',
    "env without a value": "FROM a\nENV a\n",
    "env with a stray word": "FROM a\nENV a=b c\n",
    "label forms": "FROM a\nLABEL a b c\nLABEL d=\"e\" 'f g'=h\n",
    "arg forms": "ARG a\nARG b=c d e=\"f g\"\nFROM a\nARG h='i j'\n",
    "from forms": "FROM a AS b\nFROM b as c\nFROM --platform=$X d:${e} AS F\n",
    "expose": "FROM a\nEXPOSE 1 2/udp 3-5\n",
    "the rest": "FROM a\nUSER b:c\nWORKDIR /d e\nSTOPSIGNAL SIGINT\nMAINTAINER f <g>\nVOLUME h i\n",
    "lower case": "from a\nrun b\nCmd c\n",
    "onbuild": 'FROM a\nONBUILD RUN b\nONBUILD COPY c d\nONBUILD CMD ["e"]\nONBUILD ENV f=g\n',
    "tabs and form feeds": "FROM\ta\nRUN\t\tb\n\tUSER c\nRUN \x0b d\n",
    "odd leading space": "FROM a\n\u00a0USER b\n\u2003RUN c\n\u0085RUN d\n",
    "no value": "FROM a\nRUN\nCMD\nENTRYPOINT\n",
    "unicode": "FROM a\nLABEL x=\"é\U0001f600\"\nRUN echo 'ü' \\\n # nö\n  && ß\n",
    "lone carriage returns": "FROM a\rRUN b\nUSER c\r\r\n",
    "separators that are no line ends": "FROM a\nRUN b\u2028c\x0cd\x1ce\nUSER f\n",
    "only comments": "# a\n# b\n",
}


@pytest.mark.parametrize("name", INPUTS)
def test_our_instructions_are_buildkits(name: str) -> None:
    agreement = Agreement()
    agreement.add(name, INPUTS[name])
    if name != "only comments":  # we report the missing FROM, not the missing instructions
        assert agreement.differences == []


def test_random_files_are_read_as_buildkit_reads_them() -> None:
    pick = random.Random(11)
    pieces = [
        "FROM a",
        "RUN",
        "COPY",
        "ENV",
        "a=b",
        "ONBUILD",
        " ",
        "\n",
        "\\\n",
        "\\",
        "<<A",
        "<<-B",
        "A",
        "B",
        "\n",
        "\n\n",
    ]
    pieces += [
        "# c\n",
        "\t",
        '"',
        "'",
        "[",
        '["a"]',
        "--from=x",
        "\r\n",
        "x y",
        "$X",
        "`",
        "\\\\\n",
        "CMD",
        "HEALTHCHECK CMD ",
    ]
    agreement = Agreement()
    for number in range(4_000):
        text = "FROM a\n" + "".join(pick.choice(pieces) for _ in range(pick.randint(1, 24)))
        agreement.add(f"{number} {text!r}", text)
    assert agreement.differences == []
    assert agreement.instructions > 4_000
