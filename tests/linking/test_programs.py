"""Which files what a container starts leads to, by the words of its commands."""

from __future__ import annotations

import pytest

from policyengine.linking.programs import keys
from policyengine.model.nodes import CodeReads, Command, ConfigKey, ConfigModule, Side, Variable
from policyengine.model.source import Span
from policyengine.model.value import Absent, Known, Unknown
from policyengine.syntax import shell

AT = Span("compose.yml", 0, 0)
FILES = (
    "app.py",
    "main.py",
    "shop/main.py",
    "shop/worker.py",
    "shop/celery.py",
    "src/main.ts",
    "src/server/index.ts",
    "job/__main__.py",
)


def module(directory: str = "api") -> ConfigModule:
    places = [f"{directory}/{each}".lstrip("/") for each in FILES]
    read = tuple(
        CodeReads(path, (ConfigKey(path.upper(), AT, Known(value=True, span=AT), Absent(AT)),), (path,), (path,))
        for path in places
    )
    return ConfigModule(
        id="config:x",
        name="x",
        side=Side.SOURCE,
        span=AT,
        path="x",
        directory=directory,
        library="",
        keys=(),
        reads=read,
    )


def asked(line: str, **environment: str) -> list[str]:
    commands = shell.shell_commands(Command((line,), shell=True), AT)
    given = {key: Variable(key, AT, Known(text, AT)) for key, text in environment.items()}
    return [key.key.lower().removeprefix("api/") for key in keys(module(), commands, given)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("gunicorn --bind 0.0.0.0:80 app:app", ["app.py"]),
        ("uvicorn main:app --host 0.0.0.0", ["main.py"]),
        ("uvicorn shop.main:app", ["shop/main.py"]),
        ("python /app/shop/worker.py --fast", ["shop/worker.py"]),
        ("python -m job", ["job/__main__.py"]),
        ("celery -A shop worker", ["shop/celery.py"]),
        ("celery -A shop.worker.queue worker", ["shop/worker.py"]),
        ("node --enable-source-maps dist/main.js", ["src/main.ts"]),
        ("node dist/server", ["src/server/index.ts"]),
        ("nest start", ["src/main.ts"]),
        ("flask run", ["app.py"]),
        ("nginx -g 'daemon off;'", []),
    ],
)
def test_the_words_of_a_command_name_the_file_that_starts(line: str, expected: list[str]) -> None:
    assert asked(line) == expected


def test_flask_starts_what_its_variable_names() -> None:
    assert asked("flask run", FLASK_APP="shop/worker.py") == ["shop/worker.py"]


def test_what_the_config_module_says_of_a_variable_counts() -> None:
    own = ConfigKey("A", AT, Known(value=False, span=AT), Known("x", AT))
    other = (
        ConfigKey("A", AT, Known(value=True, span=AT), Absent(AT)),
        ConfigKey("B", AT, Known(value=True, span=AT), Absent(AT)),
    )
    found = module()
    led = CodeReads("api/lazy.py", other, ("api/app.py",), ("api/lazy.py",))
    made = ConfigModule(
        id="c",
        name="c",
        side=Side.SOURCE,
        span=AT,
        path="c",
        directory="api",
        library="os",
        keys=(own,),
        reads=(*found.reads, led),
    )
    asked_for = keys(made, shell.shell_commands(Command(("gunicorn app:app",), shell=True), AT), {})
    assert [key.key for key in asked_for] == ["A", "API/APP.PY", "B"]
    assert isinstance(asked_for[2].required, Unknown), "a file that does not run at the start demands nothing there"
