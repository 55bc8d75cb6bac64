"""What Python modules of settings demand: os.environ, helpers, environ, environs, decouple, Starlette, Pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.model.value import Known
from tests.platforms.config_modules import LATER, PLAIN, SOMETIMES, lowered, told

if TYPE_CHECKING:
    from policyengine.model.nodes import ConfigModule


def modules(files: dict[str, str]) -> dict[str, ConfigModule]:
    """The modules by their paths."""
    return {node.path: node for node in lowered({"pyproject.toml": ""} | files)}


def module(text: str, path: str = "app/settings.py", **more: str) -> ConfigModule:
    return modules({path: text, **more})[path]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("A = os.environ['A']", True),
        ("A = environ['A']", True),
        ("A = os.getenv('A')", PLAIN),
        ("A = os.getenv('A', 'a')", "a"),
        ("A = getenv('A') or 'a'", "a"),
        ("A = os.environ.get('A', None)", False),
        ("A = os.getenv('A', os.getenv('HOST'))", "another variable may stand in for it"),
        ("B = os.getenv('B', 'b')\nA = os.getenv('A', B)", False),
        ("A = os.getenv('A', f\"x-{os.getenv('HOST')}\")", False),
        ("A = int(os.environ.get('A', '3'))", "3"),
        ("A = int(os.getenv('A'))", True),
        ("A = os.getenv('A').split(',')", True),
        ("A = os.environ['A'] if DEBUG else 'x'", SOMETIMES),
        ("A = DEBUG and os.environ['A']", SOMETIMES),
        ("if not os.environ.get('A', False):\n    x = []\n    if DEBUG:\n        x.append(1)", "False"),
        ("if DEBUG:\n    A = os.environ['A']", SOMETIMES),
        ("if 'A' in os.environ:\n    a = os.environ['A']", False),
        ("if 'A' not in os.environ:\n    raise SystemExit(1)", True),
        ("A = os.getenv('A')\nif not A:\n    raise ValueError('A')", True),
        ("A = os.getenv('A')\nif A is None:\n    sys.exit(1)", True),
        ("A = os.getenv('A')\nif A == None or A == '':\n    raise ValueError('A')", True),
        ("A = os.getenv('A')\nif not A and not DEBUG:\n    raise ValueError('A')", SOMETIMES),
        ("A = os.getenv('A')\nif not A:\n    print('A')", False),
        ("assert os.getenv('A')", True),
        ("A = os.getenv('A')\nif not A:\n    A = 'a'\nassert A", False),
        ("try:\n    A = os.environ['A']\nexcept KeyError:\n    A = 'a'", False),
        ("try:\n    A = os.environ['A']\nexcept KeyError:\n    raise RuntimeError('A')", True),
        ("try:\n    A = os.environ['A']\nexcept ImportError:\n    pass", True),
        (("def need(name):\n    value = os.getenv(name)\n    if not value:\n        raise ValueError(name)\n"
         "    return value\nA = need('A')"), True),
        (("def get(name, default=None):\n    value = os.getenv(name, default)\n    if value is None:\n"
         "        raise ValueError(name)\n    return value\nA = get('A')\nB = get('B', 'b')"), True),
        ("def url():\n    return os.environ['A']", LATER),
        ("def url():\n    return os.environ['A']\nU = url()", True),
        ("class Base:\n    A = os.environ['A']", True),
        ("NAMES = ['A']\nfor name in NAMES:\n    if not os.getenv(name):\n        raise ValueError(name)", True),
        ("missing = [n for n in ('A',) if not os.getenv(n)]\nif missing:\n    raise ValueError(missing)", True),
        (("missing = []\nfor n in ['A']:\n    if n not in os.environ:\n        missing.append(n)\nif len(missing) > 0:\n"
         "    raise ValueError()"), True),
        ("if not all(os.getenv(n) for n in ['A']):\n    raise ValueError()", True),
        ("if any(v is None for v in [os.getenv('A')]):\n    raise ValueError()", True),
        ("WANTED = {'A': os.getenv('A')}\nfor name, value in WANTED.items():\n    assert value, name", True),
        ("os.environ['A'] = secret()\nA = os.environ['A']", "the program may set it itself"),
        ("os.environ.setdefault('A', 'x')\nA = os.environ['A']", "the program may set it itself"),
    ],
)  # fmt: skip
def test_what_python_does_without_a_variable_tells_whether_it_must_be_there(code: str, expected: object) -> None:
    answers = told(module(f"import os\nimport sys\nfrom os import environ, getenv\nfrom x import DEBUG\n{code}\n"))
    assert answers["A"] == expected
    assert answers.get("B", "b") == "b"


def test_either_of_two_variables_may_be_asked_for() -> None:
    code = "import os\nurl = os.getenv('A') or os.getenv('B')\nif not url:\n    raise ValueError()\n"
    assert told(module(code)) == {"A": False, "B": ("A",)}


@pytest.mark.parametrize(
    ("code", "library", "expected"),
    [
        (("import environ\nenv = environ.Env(DEBUG=(bool, False))\nDEBUG = env('DEBUG')\nKEY = env('SECRET_KEY')\n"
         "NAME = env.str('NAME', default='shop')\nDATABASES = {'default': env.db()}\nCACHE = env.cache('REDIS_URL')\n"
         "OLD = env('OLD', str, 'old')\nNOTHING = env('NOTHING', default=None)\n"), "django-environ",
         {"DEBUG": "False", "SECRET_KEY": True, "NAME": "shop", "DATABASE_URL": True, "REDIS_URL": True, "OLD": "old", "NOTHING": False}),
        ("from environs import Env\nenv = Env()\nenv.read_env()\nA = env('A')\nB = env.int('B', 1)\nC = env.list('C')\n",
         "environs", {"A": True, "B": "1", "C": True}),
        ("from decouple import config\nA = config('A')\nB = config('B', default='b')\nC = config('C', cast=bool)\n",
         "decouple", {"A": True, "B": "b", "C": True}),
        ("from starlette.config import Config\nconfig = Config('.env')\nA = config('A', cast=str)\nB = config('B', default='b')\n",
         "starlette", {"A": True, "B": "b"}),
        ("import environ\nenv = environ.FileAwareEnv()\nA = env('A')\n", "django-environ", {"A": "it may come from a file"}),
    ],
)  # fmt: skip
def test_a_python_library_is_read_as_its_documentation_says(code: str, library: str, expected: object) -> None:
    found = module(code)
    assert (found.library, told(found)) == (library, expected)


V2 = "from pydantic import AliasChoices, Field\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n"
V1 = "from pydantic import BaseSettings, Field\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"{V2}class S(BaseSettings):\n    url: str\n    port: int = 80\n    _own: str\n    name: str | None = None\n",
         {"URL": True, "PORT": "80", "NAME": False}),
        ((f"{V2}class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='APP_')\n    url: str\n"
         "    b: str = Field(alias='OTHER')\n"), {"APP_URL": True, "OTHER": True}),
        (f"{V2}class S(BaseSettings):\n    model_config = {{'env_file': '.env', 'env_prefix': 'APP_'}}\n    url: str\n", {"APP_URL": True}),
        ((f"{V2}class B(BaseSettings):\n    model_config = {{'env_prefix': 'B_'}}\nclass S(B):\n"
         "    model_config = B.model_config | SettingsConfigDict(extra='ignore')\n    url: str\n"), {"B_URL": True}),
        (f"{V2}class S(BaseSettings):\n    url: str = Field(..., validation_alias=AliasChoices('URL', 'DSN'))\n",
         {"URL": False, "DSN": ("URL",)}),
        (f"{V2}class S(BaseSettings, case_sensitive=True):\n    url: str = Field(default='x')\n    made: list = Field(default_factory=list)\n",
         {"url": "x", "made": False}),
        (f"{V2}class S(BaseSettings):\n    url: str | None\n", {"URL": True}),
        ((f"{V1}class S(BaseSettings):\n    url: str | None\n    key: str = Field(..., env='KEY_1')\n"
         "    class Config:\n        env_prefix = 'P_'\n"), {"P_URL": False, "KEY_1": True}),
        (f"{V2}class Base(BaseSettings):\n    a: str\nclass S(Base):\n    b: str\ns = S()\n", {"A": True, "B": True}),
        (f"{V2}class Base(BaseSettings):\n    a: str\nclass S(Base):\n    a: str = 'a'\n", {"A": "a"}),
        (f"{V2}class S(BaseSettings):\n    a: str\n    b: str\ns = S(a='x')\n", {"B": True}),
        (f"{V2}class S(BaseSettings):\n    a: str\nclass T(BaseSettings):\n    b: str\ns = S()\n",
         {"A": True, "B": "whether its class is used is not told here"}),
        ((f"{V2}from pydantic import model_validator\nclass S(BaseSettings):\n    a: str\n"
         "    @model_validator(mode='before')\n    def fill(cls, data): return data\n"), {"A": "a validator may give it"}),
        ((f"{V2}from pydantic import model_validator\nclass S(BaseSettings):\n    a: str | None = None\n    b: int = 1\n"
         "    @model_validator(mode='after')\n    def ask(self):\n        if not self.a: raise ValueError()\n        return self\n"),
         {"A": "a validator asks for it", "B": "1"}),
        (f"{V2}class S(BaseSettings):\n    a: str\n    @classmethod\n    def settings_customise_sources(cls, *a): return a\n",
         {"A": "it may come from another source"}),
    ],
)  # fmt: skip
def test_each_field_of_a_settings_class_is_a_variable(code: str, expected: dict[str, object]) -> None:
    found = module(code)
    assert (found.library, told(found)) == ("pydantic", expected)
    assert found.gap is None


@pytest.mark.parametrize(
    ("code", "gap"),
    [
        (f"{V2}class S(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix=PREFIX)\n    a: str\n",
         "the names of variables begin with what is computed"),
        (f"{V2}class S(BaseSettings):\n    model_config = shared()\n    a: str\n", "the names of variables begin with what is computed"),
        (f"{V2}from pydantic import BaseModel\nclass D(BaseModel):\n    host: str\nclass S(BaseSettings):\n    d: D\n",
         "settings within settings are not read"),
        (f"{V2}from .more import More\nclass S(More, BaseSettings):\n    a: str = ''\n",
         "the class of settings extends one that is not in reach"),
        ("import os\nfrom x import NAMES\nfor name in NAMES:\n    os.environ[name]\n", "the names of variables are computed"),
        ("import os\nA = os.environ[\n", "'app/settings.py' is not read as Python"),
    ],
)  # fmt: skip
def test_what_is_not_plain_leaves_a_gap(code: str, gap: str) -> None:
    found = module(code)
    assert found.gap is not None
    assert found.gap.reason == gap
    assert not any(isinstance(key.required, Known) and key.required.value for key in found.keys)


def test_names_stand_where_they_are_written() -> None:
    text = f"{V2}# Größe\nclass S(BaseSettings):\n    wert: str  # ä\n    b: str = Field(alias='OVER')  # ü\n"
    found = {key.key: text[key.span.start : key.span.end] for key in module(text).keys}
    assert found == {"WERT": "wert", "OVER": "OVER"}


def test_production_settings_with_what_they_import_are_the_module_of_a_django_project() -> None:
    files = {
        "config/env.py": "import environ\nenv = environ.Env()\n",
        "config/settings/base.py": "from config.env import env\nimport environ\nA = env('A')\n",
        "config/settings/local.py": "import environ\nfrom .base import *\nL = env('L')\n",
        "config/settings/production.py": "import environ\nfrom .base import *\nP = env('P')\n",
    }
    (found,) = modules(files).values()
    assert (found.path, told(found), found.gap) == ("config/settings/production.py", {"A": True, "P": True}, None)


PIECES = st.lists(
    st.sampled_from(
        ["import os\n", "A = os.environ['A']\n", "if x:\n    ", "class S(BaseSettings):\n    a: str\n", "(", "def f(a, *b, c=1):\n    ",
         "return os.getenv(a)\n", "for n in [1]:\n    ", "f('A')\n", "lambda: f", "try:\n    ", "é = '\u2028'\n", "match x:\n", "\x0c", "[f(x) for x in y]\n"]
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(PIECES)
def test_any_python_is_followed_without_failing(pieces: list[str]) -> None:
    text = "import os\nfrom pydantic_settings import BaseSettings\nos.environ\n" + "".join(pieces)
    for key in module(text).keys:
        assert 0 <= key.span.start < key.span.end <= len(text)


@pytest.mark.parametrize(
    "text", ["f = lambda: f()\nf()\n", "def f(a):\n    return f(a)\nf(1)\n", "-" * 5000 + "1", "x" + ".y" * 3000]
)
def test_deep_and_circular_python_is_followed_in_time(text: str) -> None:
    module(f"import os\nos.environ['A']\n{text}\n")


def test_a_long_chain_of_calls_is_followed_to_its_end() -> None:
    code = f"import os\nquery = x{'.where(1)' * 60}\nA = os.environ['A']{'.strip()' * 60}\n"
    assert told(module(code)) == {"A": True}


def test_every_field_of_a_long_line_of_settings_classes_is_a_variable() -> None:
    code = "from pydantic_settings import BaseSettings\nclass A0(BaseSettings):\n  f0: str\n"
    code += "".join(f"class A{n}(A{n - 1}):\n  f{n}: str\n" for n in range(1, 30)) + "settings = A29()\n"
    assert told(module(code)) == {f"F{n}": True for n in range(30)}


def test_a_settings_class_that_makes_the_default_of_a_field_reads_its_own_variables() -> None:
    found = module(
        "from pydantic import Field\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n"
        "class Mail(BaseSettings):\n    model_config = SettingsConfigDict(env_prefix='MAIL_')\n"
        "    host: str = Field(...)\n    port: int = Field(default=25)\n"
        "class Other(BaseSettings):\n    key: str\n"
        "class Settings(BaseSettings):\n    url: str\n    mail: Mail = Field(default_factory=Mail)\n"
        "settings = Settings()\n"
    )
    unused = "whether its class is used is not told here"
    assert (told(found), found.gap) == ({"MAIL_HOST": True, "MAIL_PORT": "25", "KEY": unused, "URL": True}, None)
