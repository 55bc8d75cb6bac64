"""Each module, function and method of the table is read in a configuration module as the table says."""

from __future__ import annotations

import pytest

from policyengine.knowledge import loading, settings, validators
from policyengine.knowledge.settings import Settings
from policyengine.knowledge.validators import Validators
from policyengine.model.nodes import ConfigModule
from policyengine.model.value import Known
from policyengine.platforms.code import config_module
from policyengine.testing.memory import Memory

TABLE = loading.table("validators", Validators)
FILES = loading.table("settings", Settings)


def answers(code: str, path: str = "src/config.ts") -> dict[str, bool | None]:
    """Whether each variable must be there; None where that is open."""
    nodes = config_module.lower(Memory({"package.json": "{}", path: code})).nodes
    keys = [key for node in nodes if isinstance(node, ConfigModule) for key in node.keys]
    return {key.key: key.required.value if isinstance(key.required, Known) else None for key in keys}


@pytest.mark.parametrize("module", TABLE.modules)
def test_a_module_belongs_to_its_library(module: str) -> None:
    assert validators.library(module.replace("*", "more")) == TABLE.modules[module].library
    assert validators.reads_environment(f'import "{module.rstrip("*")}";') is TABLE.modules[module].reads


def test_a_module_of_another_name_belongs_to_no_library() -> None:
    assert validators.library("zodiac") is None
    assert validators.library("@t3-oss") is None
    assert not validators.reads_environment('import "zod";')


@pytest.mark.parametrize("name", TABLE.names)
def test_a_usual_name_stands_for_its_library_wherever_it_comes_from(name: str) -> None:
    library = TABLE.names[name].library
    schema = f"{name}.object({{ A: {name}.string(){'' if library == 'zod' else '.required()'} }})"
    validate = {"joi": f"{name}.attempt(process.env, s)", "yup": "s.validateSync(process.env)"}
    code = (
        f'import {{ {name} }} from "@acme/it";\nconst s = {schema};\n{validate.get(library, "s.parse(process.env)")};\n'
    )
    assert answers(code) == {"A": True}


WITHOUT = {
    "anything": ("v.NAME()", False),
    "default": ("v.NAME(v.string(), 'a')", False),
    "open": ("v.NAME()", None),
    "optional": ("v.NAME(v.string())", False),
    "preprocess": ("v.NAME((x) => x, v.string())", True),
    "required": ("v.NAME(v.optional(v.string()))", True),
    "same": ("v.NAME(v.string())", True),
    "union": ("v.NAME([v.string(), v.optional(v.string())])", False),
    "check": ("v.pipe(v.optional(v.string()), v.NAME((x) => !!x))", True),
    "review": ("v.pipe(v.optional(v.string()), v.NAME((x, ctx) => { if (!x) ctx.addIssue({}) }))", True),
    "transform": ("v.pipe(v.optional(v.string()), v.NAME((x) => { if (!x) throw new Error(); return x }))", True),
}
OBJECTS: dict[str, tuple[str, dict[str, bool | None]]] = {
    "all": ("v.NAME([v.object({ A: v.string() }), v.object({ B: v.string() })])", {"A": True, "B": True}),
    "object": ("v.NAME({ A: v.string() })", {"A": True}),
    "omit": ("v.NAME(v.object({ A: v.string(), B: v.string() }), ['B'])", {"A": True}),
    "partial": ("v.NAME(v.object({ A: v.string(), B: v.string() }), ['B'])", {"A": True, "B": False}),
    "pick": ("v.NAME(v.object({ A: v.string(), B: v.string() }), ['B'])", {"B": True}),
}


@pytest.mark.parametrize("name", TABLE.constructors)
def test_a_function_makes_the_schema_that_the_table_says(name: str) -> None:
    effect = TABLE.constructors[name].effect
    schema, expected = OBJECTS.get(effect) or ("", {})
    if effect in WITHOUT:
        schema, expected = f"v.object({{ A: {WITHOUT[effect][0]} }})", {"A": WITHOUT[effect][1]}
    code = f'import * as v from "valibot";\nv.parse({schema.replace("NAME", name)}, process.env);\n'
    assert answers(code) == expected


ON_VALUES = {
    "check": ("z.string().optional().NAME((x) => !!x)", True),
    "conditional": ("z.string().NAME('B', {})", None),
    "default": ("z.string().NAME('a')", False),
    "inner": ("z.string().optional().NAME()", True),
    "optional": ("z.string().NAME()", False),
    "or": ("z.string().NAME(z.undefined())", False),
    "pipe": ("z.string().optional().NAME(z.string())", True),
    "required": ("z.string().optional().NAME()", True),
    "review": ("z.string().optional().NAME((x, ctx) => { if (!x) ctx.addIssue({}) })", True),
    "transform": ("z.string().optional().NAME((x) => { if (!x) throw new Error(); return x })", True),
}
ON_OBJECTS: dict[str, tuple[str, dict[str, bool | None]]] = {
    "merge": ("z.object({ A: z.string() }).NAME(z.object({ B: z.string() }))", {"A": True, "B": True}),
    "omit": ("z.object({ A: z.string(), B: z.string() }).NAME({ B: true })", {"A": True}),
    "partial": ("z.object({ A: z.string() }).NAME()", {"A": False}),
    "pick": ("z.object({ A: z.string(), B: z.string() }).NAME({ B: true })", {"B": True}),
}
ON_JOI: dict[str, tuple[str, dict[str, bool | None]]] = {
    "alternatives": ("joi.object({ A: joi.string(), B: joi.string() }).NAME('A', 'B')", {"A": False, "B": True}),
    "presence": ("joi.object({ A: joi.string() }).NAME({ presence: 'required' })", {"A": True}),
}


@pytest.mark.parametrize("name", TABLE.methods)
def test_a_method_changes_a_schema_as_the_table_says(name: str) -> None:
    effect = TABLE.methods[name].effect
    if effect in ON_JOI:
        schema, expected = ON_JOI[effect]
        code = f'import joi from "joi";\njoi.attempt(process.env, {schema.replace("NAME", name)});\n'
    else:
        schema, expected = ON_OBJECTS.get(effect) or ("", {})
        if effect in ON_VALUES:
            schema, expected = f"z.object({{ A: {ON_VALUES[effect][0]} }})", {"A": ON_VALUES[effect][1]}
        code = f'import {{ z }} from "zod";\n{schema.replace("NAME", name)}.parse(process.env);\n'
    assert answers(code) == expected


@pytest.mark.parametrize("name", TABLE.calls)
def test_a_check_ends_the_program_or_tells_as_the_table_says(name: str) -> None:
    code = f'import {{ z }} from "zod";\nconst r = z.object({{ A: z.string() }}).{name}(process.env);\n'
    strict = TABLE.calls[name].effect == "strict"
    assert answers(code + "const b = process.env.B ?? 'b';\n") == {"A": strict, "B": False}
    assert answers(code + "if (!r.success) throw r.error;\n")["A"] is True


# Names of files


@pytest.mark.parametrize("word", FILES.words)
def test_a_word_names_a_file_with_settings(word: str) -> None:
    entry = FILES.words[word]
    assert settings.may_hold_settings(f"src/{word}.ts")
    assert settings.may_hold_settings(f"src/app-{word}.mjs")
    assert settings.is_plainly_settings(f"src/{word}.ts") is entry.plain
    assert settings.may_hold_settings(f"src/{word}/database.ts") is entry.folder
    assert settings.is_plainly_settings(f"src/{word}/index.ts") is entry.folder
    assert settings.is_plainly_settings(f"packages/{word}/src/index.ts") is entry.folder
    assert settings.speaks_of_settings(f"@acme/{word}")


@pytest.mark.parametrize("name", FILES.files)
def test_a_file_of_that_name_may_hold_settings(name: str) -> None:
    assert settings.may_hold_settings(f"src/{name}.ts")


@pytest.mark.parametrize("tool", FILES.tools)
def test_the_configuration_of_a_tool_is_not_that_of_the_application(tool: str) -> None:
    assert not settings.may_hold_settings(f"{tool.replace('*', 'more')}.config.ts")


@pytest.mark.parametrize("folder", FILES.folders)
def test_what_stands_in_that_folder_holds_no_settings_of_the_application(folder: str) -> None:
    assert not settings.may_hold_settings(f"src/{folder.replace('*', 'more')}/config.ts")


@pytest.mark.parametrize("folder", FILES.upkeep)
def test_what_serves_upkeep_holds_no_settings_in_any_language(folder: str) -> None:
    assert settings.serves_upkeep(f"{folder.replace('*', 'more')}/settings.py")


@pytest.mark.parametrize(
    "path", ["src/config.test.ts", "src/env.d.ts", "src/.env.js", "src/main.ts", "environs/main.ts"]
)
def test_other_files_hold_no_settings(path: str) -> None:
    assert not settings.may_hold_settings(path)
    assert not settings.serves_upkeep(path)


SETTINGS = {
    ".NET": ("api/appsettings.json", '{"A": 1}', "dotnet"),
    "Elixir": ("api/config/runtime.exs", 'System.fetch_env!("A")', "config"),
    "Go": ("api/config/config.go", 'import "github.com/spf13/viper"', "viper"),
    "JVM": ("api/src/main/resources/application.yml", "spring:\n  url: ${A}", "spring"),
    "PHP": ("api/config/app.php", "<?php return ['a' => env('A')];", "laravel"),
    "Python": ("api/app/settings.py", "class Settings(BaseSettings):\n    a: str", "pydantic"),
    "Ruby": ("api/config/application.rb", "module A\n  class Application < Rails::Application", "rails"),
    "Rust": ("api/src/config.rs", 'let a = env::var("A");', "std"),
}


@pytest.mark.parametrize("language", FILES.languages)
def test_the_settings_of_a_language_are_found(language: str) -> None:
    path, text, library = SETTINGS[language]
    manifests = FILES.languages[language].manifests
    (found,) = config_module.lower(Memory({path: text} | {f"api/{name}": "" for name in manifests[:1]})).nodes
    assert isinstance(found, ConfigModule)
    assert (found.library, found.directory, found.path) == (library, "api", path)
