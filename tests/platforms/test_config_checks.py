"""What a configuration module demands, by what it does when a variable is not set: libraries, hand-written checks."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policyengine.model.value import Known, Unknown
from tests.platforms.config_modules import ELSEWHERE, PLAIN, PRODUCTION, SOMETIMES, THROW, ZOD, module, modules, told

# By hand


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f'const x = process.env.A || ""; if (!x){THROW}', {"A": True}),
        (f"const x = process.env.A?.trim(); if (!x){THROW}", {"A": True}),
        (f"if (!process.env.A || !process.env.B){THROW}", {"A": True, "B": True}),
        (f"if (!(process.env.A && process.env.B)){THROW}", {"A": True, "B": True}),
        (f"if (!process.env.A && !process.env.B){THROW}", {"A": False, "B": ("A",)}),
        (f"if (process.env.A) {{ ok() }} else {{{THROW} }}", {"A": True}),
        (f"if (process.env.A !== undefined) {{ ok() }} else {{{THROW} }}", {"A": True}),
        (f'if (typeof process.env.A !== "string"){THROW}', {"A": True}),
        (f"const n = Number(process.env.A); if (!Number.isInteger(n)){THROW}", {"A": True}),
        (f"const n = parseInt(process.env.A, 10); if (isNaN(n)){THROW}", {"A": True}),
        (f'if (process.env.A === ""){THROW}', {"A": False}),
        ("if (!process.env.A) process.exit(1)", {"A": True}),
        ('if (!process.env.A) console.warn("A")', {"A": False}),
        ("if (!process.env.A) { fail() }\nfunction fail(): never { throw new Error() }", {"A": True}),
        (f'if (process.env.NODE_ENV === "production" && !process.env.A){THROW}', {"NODE_ENV": False, "A": PRODUCTION}),
        (
            f'const prod = process.env.NODE_ENV === "production";\nif (prod) {{ if (!process.env.A){THROW} }}',
            {"NODE_ENV": False, "A": PRODUCTION},
        ),
        (
            f'if (process.env.NODE_ENV !== "production") {{ if (!process.env.A){THROW} }}',
            {"NODE_ENV": False, "A": ELSEWHERE},
        ),
        (
            f'function check() {{ if (process.env.NODE_ENV !== "production") return; if (!process.env.A){THROW} }}\ncheck();',
            {"NODE_ENV": False, "A": PRODUCTION},
        ),
        (f"if (process.env.S3 && !process.env.BUCKET){THROW}", {"S3": False, "BUCKET": SOMETIMES}),
        (f'if (process.env.STORE !== "disk" && !process.env.BUCKET){THROW}', {"STORE": False, "BUCKET": SOMETIMES}),
        (f"if (!process.env.A){THROW}\nif (process.env.A && !process.env.B){THROW}", {"A": True, "B": True}),
        (f"if (process.env.SKIP) return_();\nelse if (!process.env.A){THROW}", {"SKIP": False, "A": ("SKIP",)}),
        (f"if (!process.env.CI) {{ if (!process.env.A){THROW} }}", {"CI": False, "A": SOMETIMES}),
        (f"let a = process.env.A; if (!a) {{ a = 'x' }}\nif (!a){THROW}", {"A": False}),
        ("const a = process.env.A ?? process.env.B ?? 'x'", {"A": False, "B": False}),
        ("const port = process.env.PORT ? Number(process.env.PORT) : 3000", {"PORT": "3000"}),
        ("const { A, B = 'b', C: c = 'c', ...rest } = process.env", {"A": PLAIN, "B": "b", "C": "c"}),
        ("const { A } = process.env; export const a = A || 'a'", {"A": "a"}),
        ("process.env.A ??= 'a'", {"A": "a"}),
        ("const a = process.env.A.split(',')", {"A": True}),
        ("const a = process.env.A?.split(',')", {"A": PLAIN}),
        ("export const f = () => process.env.A.split(',')", {"A": PLAIN}),
        ("const u = new URL(process.env.A)", {"A": True}),
        ("const k = 'A'; const a = process.env[k] ?? 'a'", {"A": "a"}),
        ("const a = process.env['A'] || 'a'", {"A": "a"}),
        ("const a = Bun.env.A ?? 'a'", {"A": "a"}),
        (f'const a = Deno.env.get("A"); if (!a){THROW}', {"A": True}),
        ('import { env } from "node:process";\nconst a = env.A ?? "a"', {"A": "a"}),
        ("const env = import.meta.env; const a = env.VITE_A ?? 'a', m = env.MODE", {"VITE_A": "a"}),
        (f'import assert from "node:assert";\nassert(process.env.A, "A");{THROW[:0]}', {"A": True}),
    ],
)  # fmt: skip
def test_what_code_does_without_a_variable_tells_whether_it_must_be_there(
    code: str, expected: dict[str, object]
) -> None:
    assert told(module(code + "\nexport const z = process.env.Z;\n")) == {**expected, "Z": PLAIN}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"for (const k of ['A', 'B']) {{ if (!process.env[k]){THROW} }}", True),
        (f"const names = ['A', 'B'] as const;\nnames.forEach((k) => {{ if (!process.env[k]){THROW} }})", True),
        (f"const m = ['A', 'B'].filter((k) => !process.env[k]); if (m.length > 0) {{{THROW} }}", True),
        (f"const m = ['A', 'B'].filter((k) => !process.env[k]); if (m.length !== 0) {{{THROW} }}", True),
        (f"const m = ['A', 'B'].filter((k) => !process.env[k]); if (m.length === 0) {{ ok() }} else {{{THROW} }}", True),
        (f"if (['A', 'B'].some((k) => !process.env[k])){THROW}", True),
        (f"if (!['A', 'B'].every((k) => process.env[k])){THROW}", True),
        (f"const first = ['A', 'B'].find((k) => !process.env[k]); if (first){THROW}", True),
        ((f"const m = ['A', 'B'].reduce((all, k) => {{ if (!process.env[k]) all.push(k); return all }}, [] as string[]);\n"
         f"if (m.length){THROW}"), True),
        (f"const m: string[] = [];\nfor (const k of ['A', 'B']) if (!process.env[k]) m.push(k);\nif (m.length){THROW}", True),
        (f"const need = ['A', 'B'];\nfor (let i = 0; i < need.length; i++) {{ if (!process.env[need[i]]){THROW} }}", True),
        ((f"const o = {{ A: process.env.A, B: process.env.B }};\n"
         f"for (const [k, v] of Object.entries(o)) {{ if (!v){THROW} }}"), True),
        (f"const o = {{ A: process.env.A, B: process.env.B }};\nfor (const k in o) {{ if (!o[k]){THROW} }}", True),
        (f"const o = {{ a: process.env.A, b: process.env.B }};\nObject.values(o).forEach((v) => {{ if (!v){THROW} }})", True),
        ((f"const all = [{{ key: 'A', required: true }}, {{ key: 'B', required: true }}];\n"
         f"for (const each of all) if (each.required && !process.env[each.key]){THROW}"), True),
        ("const m = ['A', 'B'].filter((k) => !process.env[k]); if (m.length > 0) { console.warn(m) }", False),
        ("for (const k of ['A', 'B']) { if (!process.env[k]) console.warn(k) }", False),
        (f"const m = ['A', 'B'].filter((k) => !process.env[k]);\nif (m.length > 0 && flag()) {{{THROW} }}", SOMETIMES),
    ],
)  # fmt: skip
def test_a_list_of_names_that_is_walked_is_checked_name_by_name(code: str, expected: object) -> None:
    assert told(module(code + "\n")) == {"A": expected, "B": expected}


HELPER = "function need(name: string) { const v = process.env[name]; if (!v) throw new Error(name); return v }\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (HELPER + "const a = need('A')", {"A": True}),
        (HELPER + "const c = process.env.A || process.env.B || need('C')", {"A": False, "B": False, "C": ("A", "B")}),
        (HELPER + "const c = process.env.A ?? need('A')", {"A": True}),
        (HELPER + "const c = on() ? need('A') : ''", {"A": SOMETIMES}),
        (HELPER + "const c = on() && need('A')", {"A": SOMETIMES}),
        (HELPER + "export const late = () => need('A')", {"A": True}),
        (
            ("function text(name: string, fallback?: string) {\n  const v = process.env[name] ?? fallback;\n"
            "  if (v === undefined) throw new Error(name);\n  return v\n}\nconst a = text('A'), b = text('B', 'b')"),
            {"A": True, "B": "b"},
        ),
        (
            ("function int(env: NodeJS.ProcessEnv, name: string, fallback: number) {\n  const raw = env[name];\n"
            "  if (raw === undefined || raw === '') return fallback;\n  return Number(raw)\n}\n"
            "export function load(env: NodeJS.ProcessEnv = process.env) { return int(env, 'A', 1_000) }"),
            {"A": "1_000"},
        ),
        (
            ("class Settings {\n  private need(k: string) { const v = process.env[k]; if (!v) throw new Error(k); return v }\n"
            "  get a() { return this.need('A') }\n  static b = process.env.B ?? 'b'\n}"),
            {"B": "b", "A": True},
        ),
        ("function need(n: string) { if (!process.env[n]) console.error(n); return process.env[n] }\nneed('A')", {"A": False}),
        ("import { need } from './need';\nconst a = need('A')", {"A": True}),
        ("import { all } from './need';\nconst a = all.need('A')", {"A": True}),
        ("import * as helpers from './need';\nconst a = helpers.need('A')", {"A": True}),
        ("const helpers = require('./need');\nconst a = helpers.need('A')", {"A": True}),
    ],
)  # fmt: skip
def test_a_helper_that_reads_a_variable_is_followed(code: str, expected: dict[str, object]) -> None:
    files = {"src/config.ts": code + "\n", "src/need.ts": f"export {HELPER}export const all = {{ need }};\n"}
    assert told(modules(files)[""]) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("try { need() } catch (e) { process.exit(1) }", True),
        ("try { need() } catch (e) { console.error(e); throw e }", True),
        ("try { need() } catch (e) { if (e instanceof Error) { process.exit(1) } }", True),
        ("try { need() } catch (e) { console.warn(e) }", False),
        ("try { need() } catch { if (strict()) throw new Error() }", SOMETIMES),
        ("try { need() } finally { done() }", True),
    ],
)
def test_an_error_that_is_caught_ends_the_program_only_where_the_handler_does(code: str, expected: object) -> None:
    assert told(module(f"function need() {{ if (!process.env.A){THROW} }}\n{code}\n")) == {"A": expected}


def test_a_check_that_may_throw_makes_a_module_that_checks() -> None:
    found = module('const p = process.env.NODE_ENV === "production";\nif (p && !process.env.A) throw new Error();\n')
    assert found.library == "manual"
    assert module("export const a = process.env.A.split(',');\n").library == ""


# Schemas


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("z.string().default('a')", "a"),
        ("z.coerce.number().default(1_000)", "1_000"),
        ("z.coerce.number().default(-1)", "-1"),
        ("z.string().default(other())", False),
        ("z.enum(['a', 'b']).catch('a')", "a"),
        ("z.string().optional().default('a')", "a"),
        ("z.optional(z.string())", False),
        ("z.string().transform((v) => v.trim())", True),
        ("z.string().optional().transform((v) => { if (!v) throw new Error(); return v })", True),
        ("z.string().optional().transform((v, ctx) => { if (!v) ctx.addIssue({}); return v })", True),
        ("z.string().optional().transform((v) => v ?? 'a').pipe(z.string())", False),
        ("z.string().optional().pipe(z.string())", True),
        ("z.string().optional().refine((v) => v === undefined || v.length > 3)", False),
        ("z.string().optional().refine((v) => !on || !!v)", SOMETIMES),
        ("z.string().default('').refine((v) => v.length > 0)", True),
        ("z.string().default('a').refine((v) => known(v))", "a"),
        ("z.string().optional().superRefine((v, ctx) => { if (!v) ctx.addIssue({}) })", True),
        ("z.preprocess((v) => (v === '' ? undefined : v), z.string().optional())", False),
        ("z.preprocess((v) => (v === '' ? undefined : v), z.string())", True),
        ("z.coerce.string()", False),
        ("z.coerce.string().url()", True),
        ("z.coerce.date()", True),
        ("z.string().nullable()", True),
        ("z.string().unwrap()", True),
        ("z.string().optional().nonoptional()", True),
        ("z.lazy(() => z.string())", "its schema is a lazy"),
        ("z.string().or(z.literal(''))", True),
        ("z.boolean().or(z.string().optional())", False),
        ("process.env.B ? z.string() : z.url()", True),
        ("shared.url.optional()", False),
        ("shared.url", "its schema comes from 'shared', which is not in reach"),
        ("optional('a')", "a"),
        ("optional()", False),
        ("byLevel", "info"),
    ],
)
def test_a_zod_schema_is_asked_what_it_does_without_the_variable(schema: str, expected: object) -> None:
    found = module(
        f'{ZOD}import {{ shared }} from "elsewhere";\nenum Level {{ Info = "info" }}\n'
        "const byLevel = z.nativeEnum(Level).default(Level.Info);\n"
        "const optional = (d?: string) => (d === undefined ? z.string().optional() : z.string().default(d));\n"
        f"export const c = z.object({{ A: {schema} }}).parse(process.env);\n"
    )
    assert told(found)["A"] == expected


OBJECT = "z.object({ A: z.string(), B: z.string().optional(), C: z.string().default('c') })"


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (f"{OBJECT}.partial()", {"A": False, "B": False, "C": "c"}),
        (f"{OBJECT}.partial({{ A: true }})", {"A": False, "B": False, "C": "c"}),
        (f"{OBJECT}.required()", {"A": True, "B": True, "C": "c"}),
        (f"{OBJECT}.pick({{ B: true }})", {"B": False}),
        (f"{OBJECT}.omit({{ A: true }})", {"B": False, "C": "c"}),
        (f"{OBJECT}.extend({{ B: z.string() }})", {"A": True, "B": True, "C": "c"}),
        (f"{OBJECT}.merge(z.object({{ D: z.string() }}))", {"A": True, "B": False, "C": "c", "D": True}),
        (f"{OBJECT}.and(z.object({{ D: z.string() }}))", {"A": True, "B": False, "C": "c", "D": True}),
        (f"z.object({{ ...{OBJECT}.shape, A: z.string().optional() }})", {"A": False, "B": False, "C": "c"}),
        (f"z.union([{OBJECT}, z.object({{ A: z.string() }})])", {"A": True, "B": False, "C": "c"}),
        (f"z.union([{OBJECT}, z.object({{ A: z.string().optional() }})])",
         {"A": "it depends on a condition", "B": False, "C": "c"}),
        (f"{OBJECT}.refine((e) => e.B)", {"A": True, "B": True, "C": "c"}),
        (f"{OBJECT}.refine((e) => e.B || e.C === 'x')", {"A": True, "B": SOMETIMES, "C": "c"}),
        (f"{OBJECT}.refine((e) => e.A !== 'x' || e.B)", {"A": True, "B": SOMETIMES, "C": "c"}),
        (f"{OBJECT}.superRefine((e, ctx) => {{ if (!e.B) ctx.addIssue({{}}) }})", {"A": True, "B": True, "C": "c"}),
        (f"{OBJECT}.superRefine((e, ctx) => {{ for (const k of ['B'] as const) if (!e[k]) ctx.addIssue({{}}) }})",
         {"A": True, "B": True, "C": "c"}),
        (f"{OBJECT}.strict().readonly()", {"A": True, "B": False, "C": "c"}),
        (f"{OBJECT}.transform((e) => ({{ ...e, d: 1 }}))", {"A": True, "B": False, "C": "c"}),
        ("z.object({ B: z.string().optional(), D: z.string().optional() }).refine((e) => e.B || e.D)",
         {"B": False, "D": ("B",)}),
    ],
)  # fmt: skip
def test_an_object_schema_is_changed_as_its_methods_say(schema: str, expected: dict[str, object]) -> None:
    assert told(module(f"{ZOD}export const c = {schema}.parse(process.env);\n")) == expected


def test_a_check_of_the_whole_object_speaks_of_the_variables_that_its_properties_come_from() -> None:
    found = module(
        f"{ZOD}const s = z.object({{ mode: z.string().default('dev'), key: z.string().default('public') }})\n"
        "  .superRefine((c, ctx) => { if (c.mode !== 'production') return; if (c.key === 'public') ctx.addIssue({}) });\n"
        "export default () => s.parse({ mode: process.env.NODE_ENV, key: process.env.SECRET_KEY });\n"
    )
    assert told(found) == {"NODE_ENV": "dev", "SECRET_KEY": PRODUCTION}


@pytest.mark.parametrize(
    ("code", "library", "expected"),
    [
        ("const r = s.safeParse(process.env); if (!r.success) process.exit(1)", "zod", True),
        ("const r = s.safeParse(process.env); if (r.success === false) throw r.error", "zod", True),
        ("const r = s.safeParse(process.env); if (r.error) throw r.error", "zod", True),
        ("const { success, data } = s.safeParse(process.env); if (!success) throw new Error()", "zod", True),
        ("const r = s.safeParse(process.env); if (!r.success) console.error(r.error)", "", False),
        ("const r = s.safeParse(process.env); export const c = r.success ? r.data : process.env", "", False),
        ("judge(s.safeParse(process.env))", "zod", "whether a failure stops the program is not told here"),
        ("try { s.parse(process.env) } catch (e) { console.warn(e) }", "", False),
        ("s.parse(process.env)", "zod", True),
        ("z.parse(s, process.env)", "zod", True),
        ("s.parse({ A: process.env.A })", "zod", True),
        ("s.parse({ ...process.env })", "zod", True),
        ("export const load = (env: NodeJS.ProcessEnv) => s.parse(env)", "zod", True),
        ("export function validate(config: Record<string, unknown>) { return s.parse(config) }", "zod", True),
    ],
)
def test_a_failed_check_counts_where_the_code_acts_on_it(code: str, library: str, expected: object) -> None:
    found = module(f"{ZOD}const s = z.object({{ A: z.string() }});\n{code};\nexport const b = process.env.B ?? 'b';\n")
    assert (found.library, told(found)) == (library, {"A": expected, "B": "b"})


@pytest.mark.parametrize(
    ("code", "library", "expected"),
    [
        (('import { makeValidator, cleanEnv, str } from "envalid";\nconst filled = makeValidator((v) => v);\n'
         "export default cleanEnv(process.env, { A: filled(), B: filled({ default: 'b' }), C: str({ default: undefined }),\n"
         "  D: str({ devDefault: 'd' }) });"), "envalid", {"A": True, "B": "b", "C": False, "D": True}),
        (('import { defineEnv } from "envin";\nimport { z } from "zod";\n'
         "export default defineEnv({ server: { A: z.string() }, client: { NEXT_PUBLIC_B: z.string() },\n"
         "  shared: { C: z.string().default('c') }, env: { ...process.env } });"),
         "envin", {"A": True, "NEXT_PUBLIC_B": True, "C": "c"}),
        (('import fastifyEnv from "@fastify/env";\nconst schema = { type: "object", required: ["A", "B"],\n'
         '  properties: { A: { type: "string" }, B: { type: "string", default: "b" }, C: { type: "string" } } };\n'
         "export default async (app) => { await app.register(fastifyEnv, { schema, dotenv: true }) };"),
         "fastify-env", {"A": True, "B": "b", "C": False}),
        (('import { envSchema } from "env-schema";\nimport { Type } from "@sinclair/typebox";\n'
         "const schema = Type.Object({ A: Type.String(), B: Type.Number({ default: 1 }), C: Type.Optional(Type.String()) });\n"
         "export const config = envSchema({ schema, data: process.env });"),
         "env-schema", {"A": True, "B": "1", "C": False}),
        (('import convict from "convict";\nexport default convict({\n'
         '  a: { format: String, default: null, env: "A" }, b: { default: "", format: String, env: "B" },\n'
         '  c: { d: { format: "url", default: "", env: "C" } }, e: { format: ["x"], default: "x", env: "D" },\n'
         '  f: { format: "*", default: null, env: "E" }, g: { format: String, default: null, nullable: true, env: "F" },\n'
         '}).validate({ allowed: "strict" });'), "convict", {"A": True, "B": "", "C": True, "D": "x", "E": False, "F": False}),
        (('import convict from "convict";\nconvict.addFormat({ name: "filled", validate: (v) => { if (v === "") throw new Error() } });\n'
         'const c = convict({ a: { format: "filled", default: "", env: "A" }, b: { format: "filled", default: "b", env: "B" } });\n'
         "c.validate();"), "convict", {"A": True, "B": "b"}),
        ('import convict from "convict";\nexport const c = convict({ a: { format: String, default: null, env: "A" } });',
         "", {"A": False}),
        (('import * as env from "env-var";\nexport const a = env.get("A").required().asString(), b = env.get("B").default("b").asString(),\n'
         '  c = env.get("C").asInt(), d = env.from(process.env).get("D").required(false).asString();'),
         "env-var", {"A": True, "B": "b", "C": False, "D": False}),
        (('import Joi from "joi";\nconst s = Joi.object({ A: Joi.string().required(), B: Joi.number().default(1), C: Joi.string(),\n'
         '  D: Joi.string().when("C", { is: "x", then: Joi.required() }), E: Joi.string() }).or("C", "E");\n'
         "const { error } = s.validate(process.env); if (error) throw error;"),
         "joi", {"A": True, "B": "1", "C": False, "D": "it depends on a condition", "E": ("C",)}),
        (('import Joi from "joi";\nconst s = Joi.object({ A: Joi.string(), B: Joi.string().default("b"), C: Joi.string().optional() });\n'
         'const { error } = s.validate(process.env, { presence: "required" }); if (error) throw error;'),
         "joi", {"A": True, "B": "b", "C": True}),
        (('import * as v from "valibot";\nconst S = v.object({ A: v.pipe(v.string(), v.url()), B: v.optional(v.string(), "b"),\n'
         '  C: v.nullish(v.string()), D: v.fallback(v.string(), "d"), E: v.pipe(v.string(), v.transform(Number), v.number()) });\n'
         "const r = v.safeParse(S, process.env); if (!r.success) throw new Error();"),
         "valibot", {"A": True, "B": "b", "C": False, "D": "d", "E": True}),
        (('import * as v from "valibot";\nconst S = v.object({ A: v.string(), B: v.string() });\n'
         'v.parse(v.partial(S, ["B"]), process.env);'), "valibot", {"A": True, "B": False}),
        (('import { object, optional, parse, string, transform } from "valibot";\n'
         "const S = object({ A: transform(string(), Number), B: optional(transform(string(), Number)) });\nparse(S, process.env);"),
         "valibot", {"A": True, "B": False}),
        (('import { type } from "arktype";\nconst Env = type({ A: "string", "B?": "string", C: "string = \'c\'", D: "string | undefined" });\n'
         "const out = Env(process.env); if (out instanceof type.errors) throw new Error(out.summary);"),
         "arktype", {"A": True, "B": False, "C": False, "D": False}),
        (('import Env from "@adonisjs/core/env";\nexport default await Env.create(new URL("../", import.meta.url), {\n'
         '  A: Env.schema.string(), B: Env.schema.string.optional(), C: Env.schema.enum(["x"] as const) });'),
         "adonis", {"A": True, "B": False, "C": True}),
        (('import { plainToInstance } from "class-transformer";\nimport { IsOptional, IsString, validateSync, ValidateIf } from "class-validator";\n'
         "class Variables {\n  @IsString() A: string;\n  @IsOptional() @IsString() B?: string;\n  @IsString() C?: string;\n"
         "  @IsString() D: string = 'd';\n  @ValidateIf((e) => e.B) @IsString() E: string;\n  F: string;\n}\n"
         "export function validate(config: Record<string, unknown>) {\n  const made = plainToInstance(Variables, config);\n"
         "  const errors = validateSync(made, { skipMissingProperties: false });\n  if (errors.length > 0) throw new Error();\n  return made\n}"),
         "class-validator", {"A": True, "B": False, "C": True, "D": "d", "E": "it depends on a condition", "F": False}),
        (('import { plainToInstance } from "class-transformer";\nimport { IsString, validateSync } from "class-validator";\n'
         "class Variables { @IsString() A: string }\nexport const validate = (config: Record<string, unknown>) => {\n"
         "  const errors = validateSync(plainToInstance(Variables, process.env), { skipMissingProperties: true });\n"
         "  if (errors.length) throw new Error() };"), "class-validator", {"A": False}),
    ],
)  # fmt: skip
def test_a_library_is_read_as_its_documentation_says(code: str, library: str, expected: dict[str, object]) -> None:
    found = module(code + "\n")
    assert (found.library, told(found)) == (library, expected)


def test_an_optional_chain_ends_where_there_is_nothing() -> None:
    code = "const a = process.env.A?.split('/')[0].trim();\nif (!process.env.B) throw new Error();\n"
    assert told(module(code)) == {"A": PLAIN, "B": True}


def test_a_service_that_is_asked_for_variables_needs_them_where_they_are_used() -> None:
    found = module(
        'import { ConfigService } from "@nestjs/config";\nexport class Settings {\n'
        "  constructor(private config: ConfigService) {}\n"
        '  get url() { return this.need("DATABASE_URL"); }\n  get port() { return this.config.get("PORT", 3000); }\n'
        '  get name() { return this.config.get("app.name"); }\n'
        "  private need(key: string) { const value = this.config.get(key);\n"
        "    if (value === undefined) throw new Error(key);\n    return value; }\n}\n"
    )
    assert (found.library, told(found)) == ("manual", {"DATABASE_URL": SOMETIMES, "PORT": False})


SET = "the program may set it itself"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("if (file) process.env.A = read(file);", {"A": SET, "B": True}),
        ("process.env['A'] = await secret();", {"A": SET, "B": True}),
        ("const names = ['A'];\nfor (const name of names) { process.env[name] = read(name); }", {"A": SET, "B": True}),
        ("Object.assign(process.env, { A: 'x' });", {"A": SET, "B": True}),
        ("Object.assign(process.env, await secrets());", {"A": SET, "B": SET}),
        ("for (const name of Object.keys(found)) process.env[name] = found[name];", {"A": SET, "B": SET}),
    ],
)
def test_a_variable_that_the_program_sets_is_not_asked_of_others(code: str, expected: dict[str, object]) -> None:
    checked = f"{ZOD}{code}\nexport const env = z.object({{ A: z.string(), B: z.string() }}).parse(process.env);\n"
    assert told(module(checked)) == expected


def test_nest_calls_the_function_that_it_is_given() -> None:
    found = module(
        'import { ConfigModule } from "@nestjs/config";\nimport { check } from "./check";\n'
        "@Module({ imports: [ConfigModule.forRoot({ isGlobal: true, validate: check })] })\nexport class AppModule {}\n",
        "src/app.module.ts",
        src__check__ts="",
        **{"src/check.ts": f"{ZOD}export const check = (raw: unknown) => z.object({{ A: z.string() }}).parse(raw);\n"},
    )
    assert (found.library, told(found)) == ("zod", {"A": True})
    assert {key.span.path for key in found.keys} == {"src/check.ts"}


def test_sets_of_variables_that_another_extends_are_part_of_it() -> None:
    found = module(
        'import { defineEnv } from "envin";\nimport { z } from "zod";\nimport { far } from "elsewhere";\n'
        "const db = { id: 'db', server: { DATABASE_URL: z.string() } } as const;\n"
        "export default defineEnv({ server: { A: z.string() }, extends: [db, far], env: process.env });\n"
    )
    assert told(found) == {"A": True, "DATABASE_URL": True}
    assert found.gap is not None
    assert found.gap.reason == "it extends other sets of variables"


@pytest.mark.parametrize(
    ("skip", "bypass"),
    [
        ("!!process.env.SKIP", "SKIP"),
        ('process.env.SKIP === "true" || process.env.NODE_ENV === "test"', "SKIP"),
        ("Boolean(process.env.SKIP)", "SKIP"),
        ("process.env.SKIP !== 'no'", None),
        ("process.env.A_ === '1' || process.env.B_ === '1'", None),
    ],
)
def test_the_variable_that_switches_validation_off_is_told(skip: str, bypass: str | None) -> None:
    found = module(
        f'{ZOD}import {{ createEnv }} from "@t3-oss/env-nextjs";\n'
        f"export const env = createEnv({{ server: {{ A: z.string() }}, runtimeEnv: process.env, skipValidation: {skip} }});\n"
    )
    assert (found.bypass.value if isinstance(found.bypass, Known) else None) == bypass
    assert isinstance(found.bypass, Known | Unknown)


# Files


CHECK = "z.object({{ {0}: z.string() }})"


def test_each_application_needs_what_it_takes_of_a_shared_package() -> None:
    both = "".join(
        f"const {name} = {CHECK.format(name.upper())};\n"
        f"export const parse{name} = (env: NodeJS.ProcessEnv = process.env) => {name}.parse(env);\n"
        for name in ("Api", "Web")
    )
    found = modules(
        {
            "packages/env/package.json": '{"name": "@x/env", "dependencies": {"zod": "3"}}',
            "packages/env/src/index.ts": 'export * from "./env";\n',
            "packages/env/src/env.ts": ZOD + both,
            "apps/api/package.json": '{"name": "api", "dependencies": {"@x/env": "*"}}',
            "apps/api/src/main.ts": 'import { parseApi } from "@x/env";\nparseApi();\n',
            "apps/web/package.json": '{"name": "web", "dependencies": {"@x/env": "*"}}',
            "apps/web/src/index.ts": 'import { parseWeb } from "@x/env/env";\nparseWeb();\n',
            "apps/web/src/env-routes.ts": 'import { parseWeb } from "@x/env";\nexport const a = parseWeb();\n',
            "apps/other/package.json": '{"name": "other"}',
        }
    )
    assert found["apps/web"].path == "packages/env/src/env.ts"
    assert {folder: told(each) for folder, each in found.items()} == {
        "packages/env": {"API": True, "WEB": True},
        "apps/api": {"API": True},
        "apps/web": {"WEB": True},
    }


def test_a_schema_of_another_package_is_followed() -> None:
    found = modules(
        {
            "packages/schema/package.json": '{"name": "@x/schema"}',
            "packages/schema/src/index.ts": f"{ZOD}export const shared = {{ A: z.string() }};\n",
            "apps/api/package.json": '{"name": "api"}',
            "apps/api/src/env.ts": f'{ZOD}import {{ shared }} from "@x/schema";\nz.object(shared).parse(process.env);\n',
        }
    )
    assert told(found["apps/api"]) == {"A": True}


def test_a_file_that_is_too_long_is_named() -> None:
    found = module(f"export const a = process.env.A;\n{'// x' * 60_000}\n", "src/env.ts")
    assert found.gap is not None
    assert found.gap.reason == "'src/env.ts' is not read: it has over 200000 characters"
    found = modules({"src/env.ts": f"export const a = process.env.A;\n{'(/[' * 60_000}"})[""]
    assert found.gap is not None
    assert found.gap.reason == "'src/env.ts' is not read: it is too tangled to be read"


def test_code_that_takes_too_many_steps_is_named() -> None:
    names = ", ".join(f"'A{number}'" for number in range(400))
    loops = "for (const a of n) for (const b of n) if (!process.env[a] || !process.env[b]) throw new Error();\n"
    found = module(f"const n = [{names}];\n{loops}")
    assert found.gap is not None
    assert found.gap.reason == "the code is too long to be followed"


PIECES = st.sampled_from(
    [
        *("if (", ")", "{", "}", "!", "process.env", ".A", "['B']", "[k]", " || ", " && ", " ?? ", "?", ":", "'x'", "=", "=>"),
        *("const a", "const { A, b: [c] }", "throw x;", "return ", "for (const k of ", "['A', 'B']", "function f(k)", "f(", "("),
        *("z.object({ A: ", "z.string()", ".optional()", ".default(", ".parse(", "})", ".filter(", "try {", "} catch (e) {"),
        *("class C { ", "static x = ", "new C", "...", "`${", "}`", "switch (a) { case ", "import { q } from './q'", ";\n", "\n"),
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_code_is_followed_without_failing(pieces: list[str]) -> None:
    text = "import { z } from 'zod';\n" + "".join(pieces)
    modules({"src/config.ts": text, "src/q.ts": "export { q } from './config'"})


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50_000 + "process.env.A",
        "a.b(" * 40_000,
        "!" * 90_000 + "process.env.A",
        "x = " + "process.env.A || " * 10_000 + "1",
        "z.string()" + ".optional()" * 10_000,
        "if (a) {" * 20_000,
        "const f = () => f(); f();",
        "function f(k) { return g(k) }\nfunction g(k) { return f(k) }\nf('A'); process.env.A",
        "export { a } from './config';\nexport * from './config';\nprocess.env.A",
        "const a = b, b = a; a.parse(process.env)",
        "export * as me from './config';\nimport * as x from './config';\nx.me.me.me.parse(process.env)",
        "import d from './config';\nexport default d;\nd.parse(process.env)",
        "module.exports = require('./config');\nmodule.exports.parse(process.env)",
        "const o = { a: 1 };\no.o = o;\nz.object({ a: z.string() }).parse(o);\nz.object(o).parse(process.env)",
        "import { z } from 'zod';\nconst s = z.object({ a: z.string() });\ns.s = z.object({ s });\ns.parse(process.env)",
        "import { createEnv } from '@t3-oss/env-core';\nconst p = { server: {} };\np.extends = [p];\ncreateEnv(p)",
        (
            "import { plainToInstance } from 'class-transformer';\nclass A extends A { a: string }\n"
            "plainToInstance(A, process.env)"
        ),
        "import convict from 'convict';\nconst c = { a: {} };\nc.a = c;\nconvict(c).validate()",
        "const a = [];\na.push(a);\nfor (const b of a) a.push(b);\na.map((x) => a.push(x)); process.env.A",
        "const f = (g) => g(g);\nf(f);\nconst h = () => ['A'].map(h); h()",
        "if (process.env.A) ;" + " else if (process.env.A) ;" * 5_000,
        "z.object({ a: " * 3_000 + "1",
        "[" * 10_000 + "..." * 10 + "process.env.A",
        "if (" + " || ".join(f"!process.env.A{number}" for number in range(1_500)) + ") throw 1",
        "if (" + " && ".join(f"!process.env.A{number}" for number in range(1_500)) + ") throw 1",
    ],
)
def test_deep_circular_and_wide_code_is_followed_in_time(text: str) -> None:
    modules({"src/config.ts": f"{text}\nexport const z = process.env.Z ?? 'z';\n"})
