"""A command line split into words as Docker Compose splits the string form of `command` and `entrypoint`."""

from __future__ import annotations

_ESCAPES = {"n": "\n", "t": "\t"}
"""What stands behind a backslash and is another character."""


def split(line: str) -> tuple[str, ...] | None:
    """The words of a line, or None where quotes or parentheses do not close.

    Nothing is expanded; `;`, `&`, `|`, `<` and `>` end the command.
    """
    result: list[str] = []
    buffer: list[str] = []
    escaped = single = double = back = dollar = False
    start = -1
    for at, letter in enumerate(line):
        if start < 0 and letter not in " \t\r\n":
            start = at
        if escaped:
            buffer.append("\\" + letter if back or dollar else _ESCAPES.get(letter, letter))
            escaped = False
        elif letter == "\\":
            if single:
                buffer.append(letter)
            else:
                escaped = True
        elif letter in " \t\r\n":
            if single or double or back or dollar:
                buffer.append(letter)
            elif start >= 0:
                result.append("".join(buffer))
                buffer, start = [], -1
        elif letter == "`" and not single and not double and not dollar:
            back = not back
            buffer.append(letter)
        elif letter == ")" and not single and not double and not back:
            if not dollar:
                return None
            dollar = False
            buffer.append(letter)
        elif letter == "(" and not single and not double and not back:
            if dollar or buffer[-1:] != ["$"] or buffer[-2:-1] == ["\\"]:
                return None
            dollar = True
            buffer.append(letter)
        elif letter == '"' and not single and not dollar and not back:
            double = not double
        elif letter == "'" and not double and not dollar and not back:
            single = not single
        elif letter in ";&|<>" and not (single or double or back or dollar):
            if letter == ">" and buffer and set("".join(buffer)) <= set("0123456789"):
                start = -1
            if start >= 0 and start < at:
                result.append("".join(buffer))
            return tuple(result)
        else:
            buffer.append(letter)
    if escaped or single or double or back or dollar:
        return None
    if start >= 0:
        result.append("".join(buffer))
    return tuple(result)
