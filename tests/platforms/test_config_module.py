"""Config modules: which variables an application must have, told from its own code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policyengine.model.value import Known, Unknown
from tests.platforms.config_modules import ZOD, lowered

if TYPE_CHECKING:
    from policyengine.model.nodes import ConfigModule


def module(text: str, path: str = "src/config.ts", **more: str) -> ConfigModule:
    (found,) = lowered({"package.json": "{}", path: text, **more})
    return found


def required(found: ConfigModule) -> dict[str, bool | None]:
    return {key.key: key.required.value if isinstance(key.required, Known) else None for key in found.keys}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("z.string()", True),
        ("z.string().min(1, { message: 'x, y' })", True),
        ("z.enum(['a', 'b'])", True),
        ("z.coerce.number().int()", True),
        ("z.string().nullable()", True),
        ("z.string().optional()", False),
        ("z.string()\n    .url()\n    .nullish()", False),
        ("z.optional(z.string())", False),
        ("z.coerce.boolean()", False),
        ("z.string().or(z.undefined())", False),
        ("z.union([z.string(), z.string().optional()])", False),
        ("z.string().optional().transform((v) => v?.trim())", False),
        ("z.string().optional().refine((v) => !!v)", True),
        ("z.string().refine((v) => !!v).optional()", False),
        ("z.string().refine((v) => v.startsWith('https')).optional()", False),
        ("z.string().optional().refine((v) => unknown(v))", None),
        ("process.env.CI ? z.string().optional() : z.string()", None),
        ("imported", None),
        ("local", True),
        ("flag('x')", False),
        ("z.preprocess((v) => v || 'x', z.string())", False),
        ("z.preprocess(unknown, z.string())", None),
        ("z.any()", False),
    ],
)
def test_a_zod_schema_tells_whether_the_variable_must_be_there(schema: str, expected: bool | None) -> None:
    text = (
        f'{ZOD}import {{ imported }} from "elsewhere";\nconst local = z.string().pipe(z.url());\n'
        f"const flag = (d: string) => z.string().default(d);\n"
        f"const schema = z.object({{\n  KEY: {schema},\n}});\nexport const config = schema.parse(process.env);\n"
    )
    found = module(text)
    assert found.library == "zod"
    assert required(found)["KEY"] is expected


def test_a_default_is_known_with_its_place() -> None:
    found = module(
        f'{ZOD}export default z.object({{ URL: z.string().default("http://localhost:1") }}).parse(process.env)'
    )
    (key,) = found.keys
    assert isinstance(key.default, Known)
    assert key.default.value == "http://localhost:1"


def test_a_schema_that_is_not_fed_the_environment_is_no_check() -> None:
    text = f'{ZOD}const s = z.object({{ A: z.string() }});\nexport const c = s.parse(JSON.parse(x));\nconst p = process.env.B ?? "b"'
    found = module(text)
    assert (found.library, required(found)) == ("", {"B": False})


def test_safe_parse_whose_failure_nobody_acts_on_checks_nothing() -> None:
    text = f"{ZOD}export const c = z.object({{ A: z.string() }}).safeParse(process.env).data;\n"
    found = module(text)
    assert (found.library, required(found)) == ("", {"A": False})
    assert module(text + "if (!c) { throw new Error('x') }").library == "zod"


def test_merged_and_imported_schemas_are_followed() -> None:
    found = module(
        f'{ZOD}import {{ more }} from "./schema.js";\n'
        "const server = z.object({ A: z.string() });\n"
        "const all = server.merge(more).extend({ C: z.string().optional() }).omit({ D: true });\n"
        "export const env = all.parse(process.env);",
        **{"src/schema.ts": f"{ZOD}export const more = z.object({{ B: z.string(), D: z.string() }});"},
    )
    assert required(found) == {"A": True, "B": True, "C": False}
    assert {key.span.path for key in found.keys} == {"src/config.ts", "src/schema.ts"}


def test_a_schema_with_other_names_gives_the_names_of_the_variables() -> None:
    found = module(
        f"{ZOD}const s = z.object({{ port: z.coerce.number(), db: z.object({{ url: z.string() }}), log: z.string() }});\n"
        'export const c = s.parse({ port: process.env.PORT ?? "1", db: { url: process.env.DATABASE_URL },'
        ' log: process.env["LOG"] });'
    )
    assert required(found) == {"PORT": False, "DATABASE_URL": True, "LOG": True}


def test_t3_env_has_server_client_and_shared_keys_and_a_switch() -> None:
    found = module(
        'import { createEnv } from "@t3-oss/env-nextjs";\nimport { z } from "zod";\n'
        "export const env = createEnv({\n"
        "  server: { DATABASE_URL: z.string().url(), LEVEL: z.string() },\n"
        "  client: { NEXT_PUBLIC_URL: z.string() },\n"
        "  shared: { NODE_ENV: z.enum(['production']).optional() },\n"
        "  runtimeEnv: { DATABASE_URL: process.env.DATABASE_URL, LEVEL: process.env.LEVEL || 'info',\n"
        "    NEXT_PUBLIC_URL: process.env.NEXT_PUBLIC_URL },\n"
        "  skipValidation: !!process.env.SKIP_ENV_VALIDATION,\n});",
        "src/env.mjs",
    )
    assert found.library == "t3-env"
    assert required(found) == {
        "DATABASE_URL": True,
        "LEVEL": False,
        "NEXT_PUBLIC_URL": True,
        "NODE_ENV": False,
        "SKIP_ENV_VALIDATION": False,
    }
    assert [key.key for key in found.keys if key.client] == ["NEXT_PUBLIC_URL"]
    assert isinstance(found.bypass, Known)
    assert found.bypass.value == "SKIP_ENV_VALIDATION"


def test_t3_env_that_always_skips_validation_checks_nothing() -> None:
    text = (
        'import { createEnv } from "@t3-oss/env-core";\nimport { z } from "zod";\n'
        "export const env = createEnv({ server: { A: z.string() }, runtimeEnv: process.env, skipValidation: true });"
    )
    assert module(text).library == ""


def test_envalid_joi_yup_valibot_and_arktype_are_read() -> None:
    envalid = module(
        'import { cleanEnv, str, port } from "envalid";\n'
        "export default cleanEnv(process.env, { A: str(), B: port({ default: 1 }), C: str({ devDefault: 'x' }) });"
    )
    assert (envalid.library, required(envalid)) == ("envalid", {"A": True, "B": False, "C": True})
    joi = module(
        'import Joi from "joi";\nconst s = Joi.object({ A: Joi.string().required(), B: Joi.string() }).unknown();\n'
        "const { error, value } = s.validate(process.env);\nif (error) throw error;"
    )
    assert (joi.library, required(joi)) == ("joi", {"A": True, "B": False})
    yup = module(
        'import * as yup from "yup";\n'
        "export const c = yup.object({ A: yup.string().required(), B: yup.string() }).validateSync(process.env);"
    )
    assert (yup.library, required(yup)) == ("yup", {"A": True, "B": False})
    valibot = module(
        'import * as v from "valibot";\nconst S = v.object({ A: v.pipe(v.string(), v.url()), B: v.optional(v.string()) });\n'
        "export const c = v.parse(S, process.env);"
    )
    assert (valibot.library, required(valibot)) == ("valibot", {"A": True, "B": False})
    arktype = module(
        'import { type } from "arktype";\nconst Env = type({ A: "string", "B?": "string" });\n'
        "export const env = Env.assert(process.env);"
    )
    assert (arktype.library, required(arktype)) == ("arktype", {"A": True, "B": False})


def test_nest_validates_with_the_schema_it_is_given() -> None:
    found = module(
        'import * as Joi from "joi";\n@Module({ imports: [ConfigModule.forRoot({ validationSchema: Joi.object({\n'
        "  A: Joi.string().required(), PORT: Joi.number().default(3000) }) })] })\nexport class AppModule {}",
        "src/app.module.ts",
    )
    assert (found.library, required(found)) == ("joi", {"A": True, "PORT": False})


@pytest.mark.parametrize(
    "check",
    [
        'if (!process.env.A) throw new Error("A");',
        'if (process.env.A === undefined || !process.env.Z) {\n  console.error("x");\n  process.exit(1);\n}',
        "const a = process.env.A;\nif (!a) { throw new Error() }",
        "const { A } = process.env;\nif (!A) throw new Error();",
        'function must(name: string): string {\n  const v = process.env[name];\n  if (!v) throw new Error(name);\n  return v;\n}\nexport const a = must("A");',
        'const must = (k: string) => process.env[k] ?? fail(k);\nexport const a = { a: must("A") };',
        'const names = ["A", "AA"] as const;\nfor (const n of names) {\n  if (!process.env[n]) throw new Error(n);\n}',
        'const missing = ["A"].filter((k) => !process.env[k]);\nif (missing.length) throw new Error(missing.join());',
        'export const a = process.env.A ?? required("A");',
        'invariant(process.env.A, "A is missing");',
        'const missing: string[] = [];\nif (!process.env.A) missing.push("A");\nif (missing.length > 0) { throw new Error("x"); }',
    ],
)
def test_a_throw_by_hand_makes_a_variable_required(check: str) -> None:
    found = module(check + '\nexport const level = process.env.LEVEL ?? "info";\n')
    assert found.library == "manual"
    assert required(found)["A"] is True
    assert required(found)["LEVEL"] is False


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("process.env.A", None),
        ("process.env.A!", None),
        ('process.env["A"]', None),
        ("process.env.A ?? 'x'", False),
        ("process.env.A || ''", False),
        ("Number(process.env.A) || 3", False),
        ("parseInt(process.env.A ?? '3', 10)", False),
        ("process.env.A === 'true'", False),
        ("process.env.A ? 1 : 2", False),
        ("!!process.env.A", False),
        ("process.env.A?.split(',') ?? []", False),
        ("process.env.A ?? process.env.B", None),
    ],
)
def test_a_read_without_a_check_is_never_required(read: str, expected: bool | None) -> None:
    found = module(f"export const a = {read};\n")
    assert found.library == ""
    assert required(found)["A"] is expected


def test_a_check_under_a_condition_is_open() -> None:
    found = module(
        "if (!process.env.X) throw new Error();\n"
        'if (process.env.MODE_S3) {\n  const b = process.env.B;\n  if (!b) throw new Error("B");\n}\n'
    )
    assert required(found)["X"] is True
    assert required(found)["B"] is None


def test_a_condition_on_a_value_is_no_check_of_its_presence() -> None:
    found = module('const stub = process.env.STUB === "true";\nif (prod && stub) { throw new Error() }\n')
    assert required(found) == {"STUB": False}


def test_the_module_belongs_to_the_nearest_package() -> None:
    text = f"{ZOD}export const c = z.object({{ A: z.string() }}).parse(process.env);"
    found = lowered(
        {"package.json": "{}", "apps/web/package.json": "{}", "apps/web/src/env.ts": text, "apps/api/src/env.ts": text}
    )
    assert {each.path: each.directory for each in found} == {
        "apps/web/src/env.ts": "apps/web",
        "apps/api/src/env.ts": "",
    }


def test_an_application_has_one_module_and_the_others_are_named() -> None:
    text = f"{ZOD}export const c = z.object({{ A: z.string() }}).parse(process.env);"
    (found,) = lowered({"package.json": "{}", "src/env.ts": text, "src/mail/mail.config.ts": text})
    assert found.path == "src/env.ts"
    assert isinstance(found.gap, Unknown)
    assert "src/mail/mail.config.ts" in found.gap.reason


def test_tests_tools_and_scripts_are_no_config_modules() -> None:
    text = f"{ZOD}export const c = z.object({{ A: z.string() }}).parse(process.env);"
    paths = [
        "next.config.ts",
        "tests/env.ts",
        "scripts/config.ts",
        "src/env.test.ts",
        "infra/config.ts",
        "src/env.d.ts",
    ]
    assert lowered({"package.json": "{}", **dict.fromkeys(paths, text)}) == []


def test_an_application_with_a_dockerfile_uses_the_module_of_the_package_it_depends_on() -> None:
    text = f"{ZOD}export const c = z.object({{ A: z.string() }}).parse(process.env);"
    found = lowered(
        {
            "packages/env/package.json": '{"name": "@x/env"}',
            "packages/env/src/index.ts": "",
            "packages/env/src/env.ts": text,
            "apps/web/package.json": '{"name": "web", "dependencies": {"@x/env": "workspace:*"}}',
            "apps/web/Dockerfile": "FROM node:22",
        }
    )
    assert {each.directory: (each.path, len(each.keys)) for each in found} == {
        "apps/web": ("packages/env/src/env.ts", 0),
        "packages/env": ("packages/env/src/env.ts", 1),
    }
    (web,) = (each for each in found if each.directory == "apps/web")
    assert web.gap is not None
    assert web.gap.reason == "the environment is checked in 'packages/env/src/env.ts' of a package it depends on"


def test_the_file_that_comes_to_all_checks_of_an_application_is_its_module() -> None:
    files = {
        "package.json": "{}",
        "src/mail/mail.config.ts": f"{ZOD}export default () => z.object({{ MAIL_HOST: z.string() }}).parse(process.env);",
        "src/config/app.config.ts": f"{ZOD}export default () => z.object({{ APP_NAME: z.string() }}).parse(process.env);",
        "src/app.module.ts": (
            'import { ConfigModule } from "@nestjs/config";\nimport mail from "./mail/mail.config";\n'
            'import app from "./config/app.config";\nexport const root = ConfigModule.forRoot({ load: [mail, app] });\n'
        ),
    }
    (found,) = lowered(files)
    assert (found.path, found.gap, required(found)) == (
        "src/app.module.ts",
        None,
        {"MAIL_HOST": True, "APP_NAME": True},
    )


def test_what_any_file_of_an_application_imports_of_a_shared_package_is_its_own() -> None:
    text = f"{ZOD}export const a = () => z.object({{ A: z.string() }}).parse(process.env);\n"
    text += "export const b = () => z.object({ B: z.string() }).parse(process.env);"
    found = lowered(
        {
            "packages/env/package.json": '{"name": "@x/env"}',
            "packages/env/src/env.ts": text,
            "apps/web/package.json": '{"name": "web", "dependencies": {"@x/env": "workspace:*"}}',
            "apps/web/src/db.ts": 'import { b } from "@x/env/env";\nb();',
        }
    )
    assert {each.directory: required(each) for each in found} == {
        "apps/web": {"B": True},
        "packages/env": {"A": True, "B": True},
    }


def test_the_place_of_a_variable_is_its_name_in_the_schema() -> None:
    text = f"{ZOD}export const c = z.object({{\n  A: z.string(),\n}}).parse({{ A: process.env.A }});"
    (key,) = module(text).keys
    assert key.span.start == text.index("A: z")


def test_other_languages_have_a_module_without_keys_that_says_so() -> None:
    (found,) = lowered(
        {"api/Cargo.toml": "", "api/src/config.rs": 'pub fn url() -> String { std::env::var("URL").unwrap() }\n'}
    )
    assert (found.library, found.directory, found.keys) == ("std", "api", ())
    assert isinstance(found.gap, Unknown)
    assert found.gap.reason == "settings in Rust are not read"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "createEnv(",
        "z.object({",
        "x.parse(process.env",
        "const a = a;\na.parse(process.env)",
        "process.env.",
        "`${process.env.A",
    ],
)
def test_broken_code_is_no_reason_to_fail(text: str) -> None:
    lowered({"package.json": "{}", "src/config.ts": text})
