"""Settings of .NET: what code asks of the configuration, and what appsettings.json holds."""

from __future__ import annotations

import pytest

from policyengine.model.nodes import ConfigKey, ConfigModule
from policyengine.model.value import Absent, Known, Unknown
from policyengine.platforms.code.config_module import lower
from policyengine.testing.memory import Memory

SETTINGS = """\
{"Logging": {"Level": "Warning"}, "ConnectionStrings": {"Main": "Host=localhost;Port=5432", "Blank": ""},
 "Jwt": {"Issuer": "acme"}}
"""


def keys(code: str, settings: str = SETTINGS, production: str = "") -> dict[str, ConfigKey]:
    files = {"src/Api/appsettings.json": settings, "src/Api/Program.cs": code, "src/Api/Api.csproj": "<Project/>\n"}
    if production:
        files["src/Api/appsettings.Production.json"] = production
    (module,) = (each for each in lower(Memory(files)).nodes if isinstance(each, ConfigModule))
    assert (module.directory, module.gap) == ("src/Api", None)
    return {key.key: key for key in module.keys}


@pytest.mark.parametrize(
    ("code", "name", "required", "default"),
    [
        ('builder.Configuration.GetConnectionString("Redis") ?? "localhost:6379";', "ConnectionStrings__Redis", False, "localhost:6379"),
        ('config["Mail:Host"] ?? throw new InvalidOperationException("no host");', "Mail__Host", True, None),
        ('Environment.GetEnvironmentVariable("QUEUE_URL")\n    ?? throw new Exception();', "QUEUE_URL", True, None),
        ('var key = Configuration["Jwt:Key"];\nif (string.IsNullOrEmpty(key)) throw new Exception();', "Jwt__Key", True, None),
        ('var key = Configuration["Jwt:Key"];\nif (key is null)\n{ throw new Exception(); }', "Jwt__Key", True, None),
        ('configuration.GetValue<string>("Search:Url", "http://localhost:9200");', "Search__Url", False, "http://localhost:9200"),
        ('Use(Configuration.GetConnectionString("Main") ?? throw new Exception());', "ConnectionStrings__Main", False, "Host=localhost;Port=5432"),
        ('var b = Configuration.GetConnectionString("Blank");\nif (string.IsNullOrEmpty(b)) throw new Exception();', "ConnectionStrings__Blank", True, None),
        ('Use(Configuration["Jwt:Issuer"]);', "Jwt__Issuer", False, "acme"),
    ],
)  # fmt: skip
def test_a_setting_is_required_or_has_a_default_as_the_code_and_appsettings_say(
    code: str, name: str, required: bool, default: str | None
) -> None:
    key = keys(code)[name]
    assert isinstance(key.required, Known)
    assert key.required.value is required
    assert key.default == Absent(key.default.span) if default is None else key.default.value == default  # type: ignore[union-attr]


def test_what_code_only_reads_is_open_and_what_only_appsettings_holds_has_that_default() -> None:
    found = keys('Use(Configuration["Feature:Name"]);')
    assert isinstance(found["Feature__Name"].required, Unknown)
    main = found["ConnectionStrings__Main"]
    assert (main.required, main.default) == (
        Known(value=False, span=main.span),
        Known("Host=localhost;Port=5432", main.span),
    )
    assert main.alternatives == ("CONNECTIONSTRINGS__MAIN",)
    assert not any(name.startswith("Logging") for name in found)


def test_the_settings_of_production_lie_over_the_others() -> None:
    found = keys("", production='{"ConnectionStrings": {"Main": "Host=db"}}\n')["ConnectionStrings__Main"]
    assert isinstance(found.default, Known)
    assert (found.default.value, found.default.span.path) == ("Host=db", "src/Api/appsettings.Production.json")
