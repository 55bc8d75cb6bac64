"""What files beside the config module read of the environment, and which files lead to them."""

from __future__ import annotations

import pytest

from policyengine.model.nodes import EnvironmentFile
from policyengine.model.value import Known, Unknown, known
from policyengine.platforms.code import repository
from policyengine.platforms.compose.environment import stand_in_of
from policyengine.testing.memory import Memory
from tests.platforms.config_modules import LATER, PLAIN, lowered

FLASK = 'import os\nfrom flask import Flask\n\napp = Flask("shop")\nPASSWORD = os.getenv("DB_PASSWORD", "password")\n'


def reads(files: dict[str, str]) -> dict[str, tuple[dict[str, object], set[str], set[str]]]:
    """For each file its variables, those that lead to it, and those of them that run it at once."""
    found = {}
    for module in lowered(files):
        for each in module.reads:
            told: dict[str, object] = {}
            for key in each.keys:
                default = key.default.value if isinstance(key.default, Known) else None
                required = (
                    key.required.reason if isinstance(key.required, Unknown) else known(key.required, default=False)
                )
                told[key.key] = required if default is None else default
                text = files[key.span.path]
                assert text[key.span.start : key.span.end] == key.key
            found[each.path] = (told, set(each.led_to_by), set(each.loaded_by))
    return found


def test_a_file_of_an_application_without_settings_is_read() -> None:
    assert reads({"requirements.txt": "flask", "app.py": FLASK}) == {
        "app.py": ({"DB_PASSWORD": "password"}, {"app.py"}, {"app.py"})
    }


def test_imports_lead_from_the_program_to_the_files_that_read() -> None:
    found = reads(
        {
            "api/requirements.txt": "",
            "api/main.py": "from app.routes import shop\n",
            "api/app/__init__.py": "",
            "api/app/routes/__init__.py": "",
            "api/app/routes/shop.py": "from ..jwt import decode\n\ndef pay():\n    from app import money\n",
            "api/app/jwt.py": 'import os\nKEY = os.environ["JWT_KEY"]\n\ndef later():\n    return os.environ["LATER"]\n',
            "api/app/money.py": 'import os\nKEY = os.getenv("STRIPE_KEY")\n',
            "api/app/alone.py": 'import os\nKEY = os.getenv("ALONE", "x")\n',
            "api/tests/test_app.py": 'import os\nos.environ["JWT_KEY"]\n',
        }
    )
    around = {"api/main.py", "api/app/routes/shop.py"}
    assert found == {
        "api/app/alone.py": ({"ALONE": "x"}, {"api/app/alone.py"}, {"api/app/alone.py"}),
        "api/app/jwt.py": (
            {"JWT_KEY": True, "LATER": LATER},
            {"api/app/jwt.py", *around},
            {"api/app/jwt.py", *around},
        ),
        "api/app/money.py": ({"STRIPE_KEY": PLAIN}, {"api/app/money.py", *around}, {"api/app/money.py"}),
    }


def test_a_framework_finds_files_by_their_place() -> None:
    route = 'export const key = process.env.JWT_SECRET || "secret";\n'
    package = '{"name": "web", "dependencies": {"next": "15"}}'
    assert reads({"package.json": package, "app/api/login/route.ts": route})["app/api/login/route.ts"][1] == {
        "",
        "app/api/login/route.ts",
    }
    view = 'import os\nTOKEN = os.getenv("TOKEN", "t")\n'
    found = reads({"manage.py": "", "shop/views.py": view, "scripts/load.py": view})
    assert [(path, "" in led) for path, (_, led, _) in found.items()] == [
        ("scripts/load.py", False),
        ("shop/views.py", True),
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("const a = process.env.A || 'x';", "x"),
        ("const a = process.env['A'] ?? \"x\";", "x"),
        ("const a = process.env.A! || `x`;", "x"),
        ("users: { [process.env.B || 'admin']: process.env.A || 'x' }", "x"),
        ("const a = config.get<string>('A', 'x');", "x"),
        ("const a = this.configService.get('A') || 'x';", "x"),
        ("const a = process.env.A;\nconst b = process.env.A || 'x';", "x"),
        ("const a = process.env.A;", LATER),
        ("const a = process.env.A || `${b}`;", LATER),
        ("if (!process.env.A) throw new Error();\nconst a = process.env.A || 'x';", LATER),
        ("const a = process.env.A ? 'y' : 'x';", LATER),
        ("const a = process.env.B || 'y'; // process.env.A || 'x'", None),
        ("process.env.A = 'x';", None),
    ],
)
def test_a_default_in_javascript_stands_behind_the_variable(code: str, expected: object) -> None:
    found = reads({"package.json": "{}", "src/main.ts": code + "\nconst z = process.env.Z;\n"})
    assert found["src/main.ts"][0].get("A") == expected


def test_programs_of_a_go_module_lead_to_the_packages_they_import() -> None:
    read = 'package {}\n\nimport (\n\t"os"\n\t"strconv"\n)\n\nfunc {}() error {{\n\t_, err := strconv.Atoi(os.Getenv("{}"))\n\treturn err\n}}\n'
    found = reads(
        {
            "go.mod": "module example.com/shop\n",
            "cmd/api/main.go": read.format("main", "run", "API_PORT").replace('"os"', '"os"\n\t"example.com/shop/jwt"'),
            "cmd/job/main.go": read.format("main", "run", "JOB_PORT"),
            "jwt/jwt.go": read.format("jwt", "New", "JWT_TTL"),
        }
    )
    assert found == {
        "cmd/api/main.go": ({"API_PORT": True}, {"cmd/api"}, {"cmd/api"}),
        "cmd/job/main.go": ({"JOB_PORT": True}, {"cmd/job"}, {"cmd/job"}),
        "jwt/jwt.go": ({"JWT_TTL": True}, {"cmd/api"}, set()),
    }


def test_a_default_that_the_code_compares_with_what_is_set_is_not_told() -> None:
    setting = 'import os\nfrom x import PROD\nKEY = os.getenv(\n    "KEY",\n    "change-me",\n)\n'
    refusing = 'if PROD and KEY in {\n    "",\n    "change-me",\n}:\n    raise ValueError\n'
    assert reads({"requirements.txt": "", "app.py": setting + refusing})["app.py"][0]["KEY"] != "change-me"
    assert reads({"requirements.txt": "", "app.py": setting})["app.py"][0]["KEY"] == "change-me"


@pytest.mark.parametrize(
    "name", [".env-example", ".env_example", "sample_env", "env_sample", "sample.env", ".env.dist", "env.template"]
)
def test_an_example_of_an_env_file_is_called_in_many_ways(name: str) -> None:
    files = Memory({"web/" + name: "A=1\n"})
    (path,) = repository.paths(files)
    (node,) = repository.lower(path, files).nodes
    assert isinstance(node, EnvironmentFile)
    assert node.example
    found = stand_in_of(files, "web/.env")
    assert found is not None
    assert found.path == f"web/{name}"
