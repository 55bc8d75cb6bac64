"""Every word of JavaScript and of its libraries by which a configuration module is read, asked once."""

from __future__ import annotations

import pytest

from policyengine.model.value import Known, Unknown
from tests.platforms.config_modules import PLAIN, PRODUCTION, SOMETIMES, ZOD, module, modules, told

TRUE = (
    "'AB'.toLowerCase() === 'ab'",
    "'ab'.toUpperCase() === 'AB'",
    "' a '.trim() === 'a'",
    "'abc'.startsWith('ab')",
    "'abc'.endsWith('bc')",
    "'abc'.includes('b')",
    "'a,b'.split(',').length === 2",
    "'a,b'.split(',')[1] === 'b'",
    "'abc'.split('').length === 3",
    "'a'.toString() === 'a'",
    "'abc'.length === 3",
    "'' === ''.trim()",
    "typeof 'a' === 'string'",
    "typeof 1 === 'number'",
    "typeof true === 'boolean'",
    "typeof null === 'object'",
    "typeof {} === 'object'",
    "typeof [] === 'object'",
    "typeof undefined === 'undefined'",
    "typeof process.env === 'object'",
    "Number('12') === 12",
    "Number(' 1.5e3 ') === 1500",
    "Number('') === 0",
    "parseInt('7') === 7",
    "parseFloat('.5') === 0.5",
    "Number.parseInt('7') === 7",
    "Number.parseFloat('7') === 7",
    "isNaN(Number('x'))",
    "Number.isNaN(Number(undefined))",
    "Number.isInteger(3)",
    "Number.isFinite(3)",
    "Number.isSafeInteger(3)",
    "isFinite(3)",
    "!isFinite(Number('x'))",
    "!Number.isInteger(Number('x'))",
    "String(undefined) === 'undefined'",
    "String('a') === 'a'",
    "Boolean('a')",
    "!Boolean('')",
    "!Boolean(0)",
    "Boolean(1)",
    "!0",
    "!''",
    "!null",
    "!undefined",
    "![].length",
    "!!'false'",
    "!Number('x')",
    "Object.keys({ a: 1, b: 2 }).length === 2",
    "Object.values({ a: 'x' })[0] === 'x'",
    "Object.entries({ a: 'x' })[0][0] === 'a'",
    "Object.entries({ a: 'x' })[0][1] === 'x'",
    "Object.fromEntries([['a', 'x']]).a === 'x'",
    "Object.assign({ a: 'x' }, { a: 'y' }).a === 'y'",
    "Object.freeze({ a: 'x' }).a === 'x'",
    "Object.seal({ a: 'x' }).a === 'x'",
    "structuredClone({ a: 'x' }).a === 'x'",
    "({ a: 'x', ...{ a: 'y' } }).a === 'y'",
    "({ ...{ a: 'y' }, a: 'x' }).a === 'x'",
    "({ ['a']: 'x' }).a === 'x'",
    "({ a: 1 }).b === undefined",
    "['a', 'b'].includes('a')",
    "!['a', 'b'].includes('c')",
    "new Set(['a']).has('a')",
    "!new Set(['a']).has('b')",
    "new Set(['a']).size === 1",
    "['a'].concat(['b', 'c']).length === 3",
    "['a'].concat(['b'])[1] === 'b'",
    "['b', 'a'].sort().length === 2",
    "['a', 'b'].slice().length === 2",
    "['a', 'b'].reverse().length === 2",
    "['a', 'b'].map((x) => x.toUpperCase())[1] === 'B'",
    "['a', 'b'].flatMap((x) => x.trim()).length === 2",
    "['a', 'b'].reduce((n, x) => x, '') === 'b'",
    "['a', ''].filter((x) => x).length === 1",
    "['a', 'b'].every((x) => x)",
    "!['a'].some((x) => !x)",
    "['a'].length > 0",
    "!(['a'].length < 1)",
    "1 < 2",
    "2 <= 2",
    "3 > 2",
    "3 >= 3",
    "!(2 < 2)",
    "!(2 > 2)",
    "!(3 <= 2)",
    "!(1 >= 2)",
    "1 == 1",
    "1 !== 2",
    "'a' != 'b'",
    "null == undefined",
    "null !== undefined",
    "0 === -0",
    "-1 < 0",
    "+'3' === 3",
    "-'3' === -3",
    "1_000 === 1000",
    "0x10 === 16",
    "0b11 === 3",
    "0o17 === 15",
    "1e3 === 1000",
    "'a' < 'b' || true",
    "'1' !== 1",
    "true !== 1",
    "true === true",
    "false !== true",
    "null ?? 'x'",
    "(undefined ?? 'a') === 'a'",
    "('' || 'a') === 'a'",
    "('' ?? 'a') === ''",
    "('a' && 'b') === 'b'",
    "(true ? 'a' : 'b') === 'a'",
    "(false ? 'a' : 'b') === 'b'",
    "((x) => x)('a') === 'a'",
    "((x = 'd') => x)() === 'd'",
    "((...x) => x)('a', 'b').length === 2",
    "(function () { return 'a' })() === 'a'",
    "(({ a }) => a)({ a: 'x' }) === 'x'",
    "(([a, b]) => b)(['x', 'y']) === 'y'",
    "(({ a = 'd' }) => a)({}) === 'd'",
    "(({ a: { b } }) => b)({ a: { b: 'x' } }) === 'x'",
    "`a` === 'a'",
    "['a'][0] === 'a'",
    "({ a: 'x' })['a'] === 'x'",
    "({ get a() { return 'x' } }).a === 'x'",
    "({ a() { return 'x' } }).a() === 'x'",
    "undefined?.a === undefined",
)
"""Expressions that are true in Node.js 22."""


@pytest.mark.parametrize("expression", TRUE)
def test_what_javascript_makes_of_plain_values_is_known(expression: str) -> None:
    stops = "if (({}) && !process.env.A) throw new Error();\nexport const z = process.env.Z;\n"
    assert told(module(stops.format(expression)))["A"] is True
    assert told(module(stops.format(f"!({expression})"))) == {"Z": PLAIN, "A": PLAIN}


@pytest.mark.parametrize(
    "end",
    [
        "process.exit(1)", "process.abort()", "Deno.exit(1)", "globalThis.process.exit(2)", "global.process.exit(2)",
        "throw 1", "throw new Error('A')", "require('node:process').exit(1)", "{ const { exit } = process; exit(1) }",
    ],
)  # fmt: skip
def test_what_ends_the_program_makes_a_variable_required(end: str) -> None:
    assert told(module(f"if (!process.env.A) {end};\n")) == {"A": True}


@pytest.mark.parametrize("end", ["process.exitCode = 1", "console.error('A')", "exit(1)", "Deno.close(1)", "log.abort"])
def test_what_does_not_end_the_program_leaves_it_optional(end: str) -> None:
    assert told(module(f"if (!process.env.A) {end};\nexport const z = process.env.Z;\n")) == {"A": False, "Z": PLAIN}


@pytest.mark.parametrize("name", ["invariant", "assert", "nullthrows", "ensure", "tinyInvariant", "ok"])
def test_an_assertion_of_another_module_demands_its_argument(name: str) -> None:
    code = (
        f"import {{ {name} }} from 'elsewhere';\n{name}(process.env.A, 'A');\nexport const b = {name}(process.env.B);\n"
    )
    assert told(module(code)) == {"A": True, "B": True}
    assert told(module(code.replace(name, "notice"))) == {"A": PLAIN, "B": PLAIN}


@pytest.mark.parametrize(
    "name",
    ["fail", "panic", "die", "fatal", "missing", "requireEnv", "raise", "throwError", "assertNever", "abort", "Fail"],
)
def test_a_function_named_as_an_end_is_one_where_a_default_would_stand(name: str) -> None:
    code = "import {{ {0} }} from 'elsewhere';\nexport const a = process.env.A ?? {0}('A'), b = process.env.B || {0}('B');\n"
    assert told(module(code.format(name))) == {"A": True, "B": True}
    assert told(module(code.format("found"))) == {"A": False, "B": False}


@pytest.mark.parametrize(
    "environment",
    [
        "process.env", "process['env']", "globalThis.process.env", "global.process.env", "Bun.env", "import.meta.env",
        "(process.env as any)", "process?.env", "require('process').env", "require('node:process').env",
    ],
)  # fmt: skip
def test_every_spelling_of_the_environment_is_read(environment: str) -> None:
    assert told(module(f"export const a = {environment}.A ?? 'a', z = process.env.Z;\n")) == {"A": "a", "Z": PLAIN}


@pytest.mark.parametrize("name", ["MODE", "DEV", "PROD", "SSR", "BASE_URL"])
def test_names_that_vite_gives_are_no_variables(name: str) -> None:
    code = f"export const a = import.meta.env.{name} ?? 'a', b = process.env.{name}, z = import.meta.env.VITE_Z;\n"
    assert told(module(code)) == {name: PLAIN, "VITE_Z": PLAIN}


def test_what_npm_sets_is_no_variable() -> None:
    assert told(module("export const v = process.env.npm_package_version, a = process.env.lower, z = process.env.Z;\n")) == {
        "lower": PLAIN,
        "Z": PLAIN,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("process.env.NODE_ENV === 'production'", PRODUCTION),
        ("process.env.NODE_ENV == 'production'", PRODUCTION),
        ("'production' === process.env.NODE_ENV", PRODUCTION),
        ("!(process.env.NODE_ENV !== 'production')", PRODUCTION),
        ("!(process.env.NODE_ENV != 'production')", PRODUCTION),
        ("process.env.NODE_ENV === 'production' && on()", PRODUCTION),
        ("on() && process.env.NODE_ENV === 'production'", PRODUCTION),
        ("process.env.NODE_ENV !== 'production'", "it is required outside production only"),
        ("process.env.NODE_ENV != 'production'", "it is required outside production only"),
        ("!(process.env.NODE_ENV === 'production')", "it is required outside production only"),
        ("process.env.NODE_ENV === 'test'", SOMETIMES),
        ("process.env.NODE_ENV !== 'test'", SOMETIMES),
        ("process.env.NODE_ENV === stage", SOMETIMES),
        ("process.env.STAGE === 'production'", SOMETIMES),
        ("process.env.NODE_ENV > 'production'", SOMETIMES),
    ],
)
def test_whether_this_is_production_is_told_apart(test: str, expected: str) -> None:
    assert told(module(f"if (({test}) && !process.env.A) throw new Error();\n"))["A"] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("switch (process.env.A) { case undefined: throw 1; default: ok() }", True),
        ("switch (process.env.A) { case 'x': break; default: ok() }", False),
        ("switch (process.env.B) { case 'x': if (!process.env.A) throw 1 }", SOMETIMES),
        ("switch ('x') { case 'x': if (!process.env.A) throw 1 }", True),
        ("switch ('y') { case 'x': if (!process.env.A) throw 1 }", PLAIN),
        ("while (busy()) { if (!process.env.A) throw 1 }", SOMETIMES),
        ("do { if (!process.env.A) throw 1 } while (busy())", SOMETIMES),
        ("for (;;) { if (!process.env.A) throw 1 }", SOMETIMES),
        ("for (const x of list()) { if (!process.env.A) throw 1 }", SOMETIMES),
        ("for (const x of ['only']) { if (!process.env.A) throw 1 }", True),
        ("for (const x of []) { if (!process.env.A) throw 1 }", PLAIN),
        ("for (const k in { A: 1 }) { if (!process.env[k]) throw 1 }", True),
        ("for (let i = 0; i < ['A'].length; i += 1) { if (!process.env[['A'][i]]) throw 1 }", True),
        ("{ if (!process.env.A) throw 1 }", True),
        ("if (on()) { if (!process.env.A) throw 1 }", SOMETIMES),
        ("if (true) { if (!process.env.A) throw 1 }", True),
        ("if (false) { if (!process.env.A) throw 1 }", PLAIN),
        ("if (!process.env.A) { } else { ok() }", False),
        ("function f() { return; throw 1 }\nif (!process.env.A) f()", False),
        ("function f() { try { throw 1 } finally { } }\nif (!process.env.A) f()", True),
        ("try { if (!process.env.A) throw 1 } catch (e) { throw e }", True),
        ("try { if (!process.env.A) throw 1 } catch { process.exit(1) }", True),
        ("try { if (!process.env.A) throw 1 } catch { } finally { ok() }", False),
        ("try { ok() } catch (e) { if (!process.env.A) throw 1 }", SOMETIMES),
        ("let a = process.env.A;\nif (!a) { a = 'x' }\nif (!a) throw 1", False),
        ("let a;\na = process.env.A;\nif (!a) throw 1", True),
        ("let a = '';\na += process.env.A;\nexport default a", False),
        ("const o = {};\no.a = process.env.A;\nif (!o.a) throw 1", True),
        ("let a = process.env.A;\na ||= 'x';\nif (!a) throw 1", "x"),
        ("let a = process.env.A;\na ??= 'x';\nif (!a) throw 1", "x"),
        ("let a = process.env.A;\na &&= a.trim();\nif (!a) throw 1", True),
        ("const [a] = [process.env.A];\nif (!a) throw 1", True),
        ("const { a } = { a: process.env.A };\nif (!a) throw 1", True),
        ("const { a: { b } } = { a: { b: process.env.A } };\nif (!b) throw 1", True),
        ("const f = ({ a }) => { if (!a) throw 1 };\nf({ a: process.env.A })", True),
        ("const f = (...all) => { if (!all[0]) throw 1 };\nf(process.env.A)", True),
        ("const f = (a = process.env.A) => { if (!a) throw 1 };\nf()", True),
        ("class C { constructor() { if (!process.env.A) throw 1 } }\nnew C()", True),
        ("class C { a = process.env.A ?? 'a' }", "a"),
        ("const c = { get a() { if (!process.env.A) throw 1; return 1 } };\nc.a", True),
        ("export default { a: process.env.A ?? 'a' }", "a"),
        ("export default function () { if (!process.env.A) throw 1 }", True),
        ("module.exports = { a: process.env.A || 'a' }", "a"),
        ("const a = `${process.env.A}`; if (!a) throw 1", False),
        ("const a = process.env.A!; use(a)", "it is asserted with '!' and never checked"),
        ("const a = process.env.A as string; use(a)", PLAIN),
        ("const a = <string>process.env.A; use(a)", PLAIN),
        ("const a = process.env.A satisfies unknown; use(a)", PLAIN),
        ("const a = await process.env.A; use(a)", PLAIN),
        ("if (process.env.A == null) throw 1", True),
        ("if (process.env.A === undefined) throw 1", True),
        ("if (process.env.A === null) throw 1", False),
        ("if (typeof process.env.A === 'undefined') throw 1", True),
        ("if (typeof process.env.A !== 'string') throw 1", True),
        ("if (typeof process.env.A === 'string') { } else { throw 1 }", True),
        ("if (!('A' in process.env)) throw 1", True),
        ("if ('A' in process.env) throw 1", False),
        ("if (!('b' in { b: 1 }) || !process.env.A) throw 1", True),
        ("if (process.env.A?.length === 0) throw 1", False),
        ("if (!process.env.A?.trim()) throw 1", True),
        ("if (!process.env.A?.toLowerCase()) throw 1", True),
        ("if (!(process.env.A ?? '').trimStart()) throw 1", True),
        ("if (!Boolean(process.env.A)) throw 1", True),
        ("if (Number.isNaN(Number(process.env.A))) throw 1", True),
        ("if (Number.isNaN(parseInt(process.env.A, 10))) throw 1", True),
        ("if (String(process.env.A) === 'undefined') throw 1", True),
        ("if (process.env.A === 'undefined') throw 1", False),
        ("if (!Number.isFinite(+process.env.A)) throw 1", True),
        ("if (!(Number(process.env.A) > 0)) throw 1", True),
        ("JSON.parse(process.env.A)", True),
        ("JSON.parse(process.env.A ?? '{}')", "{}"),
        ("new URL(process.env.A)", True),
        ("new URL('/a', process.env.A)", PLAIN),
        ("process.env.A.trim()", True),
        ("process.env.A!.trim()", True),
        ("process.env.A?.trim()", PLAIN),
        ("const port = +(process.env.A || 3000)", "3000"),
        ("const port = process.env.A ? Number(process.env.A) : -1", "-1"),
        ("const on = process.env.A === 'true'", False),
        ("const a = process.env.A ?? null", False),
        ("const a = process.env.A ?? undefined", PLAIN),
        ("const a = process.env.A || other()", False),
        ("const a = process.env.A ?? ['a', 'b']", False),
        ("const a = process.env.A ?? true", "true"),
        ("const f = () => { if (process.env.A) { return process.env.A } return 'a' };\nexport const a = f()", "a"),
        ("class C { a = process.env.A; b() { if (!this.a) throw 1 } }\nnew C().b()", True),
        ("class C { a = process.env.A ?? 'a'; b() { return this.a } }\nnew C().b()", "a"),
        ("const f = () => { if (!process.env.A) { return 'a' } return process.env.A };\nexport const a = f()", "a"),
    ],
)  # fmt: skip
def test_the_ways_of_code_are_followed(code: str, expected: object) -> None:
    found = told(module(f"{code};\nexport const z = process.env.Z;\n"))
    assert found["A"] == expected


# Libraries


@pytest.mark.parametrize("name", ["runtimeEnvStrict", "runtimeEnv", "experimental__runtimeEnv", "envStrict", "env"])
def test_the_environment_of_t3_env_is_given_under_each_of_its_names(name: str) -> None:
    code = (
        f"{ZOD}import {{ createEnv }} from '@t3-oss/env-core';\n"
        "export const env = createEnv({ server: { A: z.string() }, client: { NEXT_PUBLIC_C: z.string() },\n"
        f"  shared: {{ S: z.string().optional() }}, {name}: {{ A: process.env.OTHER, S: process.env.S }} }});\n"
    )
    found = module(code)
    assert (found.library, told(found)) == (
        "t3-env",
        {"OTHER": True, "S": False, "NEXT_PUBLIC_C": True},
    )
    assert {key.key: key.client for key in found.keys} == {"OTHER": False, "S": False, "NEXT_PUBLIC_C": True}


@pytest.mark.parametrize("name", ["server", "client", "shared"])
def test_each_table_of_t3_env_is_read_alone(name: str) -> None:
    found = module(
        f"{ZOD}import {{ createEnv }} from '@t3-oss/env-nextjs';\n"
        f"export const env = createEnv({{ {name}: {{ A: z.string() }} }});\n"
    )
    assert (found.library, told(found)) == ("t3-env", {"A": True})


def test_a_call_without_tables_is_no_check() -> None:
    code = f"{ZOD}import {{ createEnv }} from '@t3-oss/env-core';\nexport const env = createEnv({{ other: {{ A: z.string() }} }});\nexport const b = process.env.B;\n"
    assert (module(code).library, told(module(code))) == ("", {"B": PLAIN})


@pytest.mark.parametrize(
    ("skip", "gap"),
    [
        ("skipValidation: true", "validation is switched off"),
        ("skip: true", "validation is switched off"),
        ("skipValidation: false", ""),
        ("emptyStringAsUndefined: true", ""),
    ],
)
def test_validation_that_is_switched_off_is_said(skip: str, gap: str) -> None:
    found = module(
        f"{ZOD}import {{ createEnv }} from '@t3-oss/env-core';\n"
        f"export const env = createEnv({{ server: {{ A: z.string() }}, runtimeEnv: process.env, {skip} }});\n"
    )
    assert (found.gap.reason if found.gap else "") == gap
    assert told(found) == {"A": not gap}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("cleanEnv(process.env, {0})", {"A": True, "B": "b", "C": True, "D": "it depends on a condition"}),
        (
            "customCleanEnv(process.env, {0}, (x) => x)",
            {"A": True, "B": "b", "C": True, "D": "it depends on a condition"},
        ),
        ("envsafe({0})", {"A": True, "B": "b", "C": True, "D": "it depends on a condition"}),
        ("envsafe({0}, {{ env: process.env }})", {"A": True, "B": "b", "C": True, "D": "it depends on a condition"}),
    ],
)
def test_envalid_reads_its_specification(call: str, expected: dict[str, object]) -> None:
    specification = "{ A: str(), B: port({ default: 'b' }), C: makeTo(), D: str({ requiredWhen: (e) => e.A }) }"
    found = module(
        "import { cleanEnv, customCleanEnv, envsafe, makeExactValidator, makeStructuredValidator, port, str } from 'envalid';\n"
        "const makeTo = makeExactValidator((x) => x);\n"
        f"export default {call.format(specification)};\n"
    )
    assert (found.library, told(found)) == ("envalid", expected)


@pytest.mark.parametrize(
    ("code", "library", "expected"),
    [
        ("import { parseEnv, z } from 'znv';\nexport const { A, B } = parseEnv(process.env, { A: z.string(), B: z.string().default('b') });",
         "znv", {"A": True, "B": "b"}),
        ("import { z, parseEnv } from 'znv';\nexport const c = parseEnv({ A: z.string() });\nexport const b = process.env.B;", "", {"B": PLAIN}),
        (("import convict from 'convict';\nconvict.addFormats({ filled: { validate: (v) => { if (!v) throw new Error() } } });\n"
         "convict({ a: { format: 'filled', default: '', env: 'A' }, b: { format: 'filled', default: 'x', env: 'B' } }).validate();"),
         "convict", {"A": True, "B": "x"}),
        ("import convict from 'convict';\nconvict({ a: { format: (v) => { if (!v) throw new Error() }, default: '', env: 'A' } }).validate();",
         "convict", {"A": True}),
        ("import convict from 'convict';\nconst c = convict({ a: { default: null, env: 'A' } });\nc.load({});\nc.validate();\nc.get('a'); c.has('a'); c.getProperties();",
         "convict", {"A": False}),
        ("import convict from 'convict';\nconvict(schema()).validate();\nexport const b = process.env.B ?? 'b';", "", {"B": "b"}),
        ("import * as env from 'env-var';\nexport const a = env.get('A').required(true).asUrlString(), b = env.get('B').default(1).asPortNumber();",
         "env-var", {"A": True, "B": "1"}),
        ("import env from 'env-var';\nexport const a = env.get('A').required();\nexport const b = process.env.B;", "", {"B": PLAIN}),
        ("import { envSchema } from 'env-schema';\nexport const c = envSchema({ schema: { required: ['A'], properties: { A: {}, B: {}, C: { default: 'c' } } } });",
         "env-schema", {"A": True, "B": False, "C": "c"}),
        ("import env from '@fastify/env';\nexport default (app) => app.register(env, { schema: { required: ['A'], properties: { A: {} } }, data: process.env });",
         "fastify-env", {"A": True}),
        (("import { plainToClass } from 'class-transformer';\nimport { IsUrl, validateOrReject } from 'class-validator';\nclass E { @IsUrl() A: string }\n"
         "await validateOrReject(plainToClass(E, process.env));"), "class-validator", {"A": True}),
        (("import { plainToInstance } from 'class-transformer';\nimport { IsUrl, validateSync } from 'class-validator';\n"
         "class Base { @IsUrl() A: string }\nclass E extends Base { @IsUrl() B: string }\n"
         "if (validateSync(plainToInstance(E, process.env)).length) throw new Error();"), "class-validator", {"A": True, "B": True}),
        ("import Env from '@ioc:Adonis/Core/Env';\nexport default Env.rules({ A: Env.schema.string(), B: Env.schema.number.optional() });",
         "adonis", {"A": True, "B": False}),
        ("import Env from '@adonisjs/env';\nexport default Env.validate({ A: Env.schema.string() });", "adonis", {"A": True}),
        ("import { ConfigModule } from '@nestjs/config';\nimport Joi from 'joi';\nexport const m = ConfigModule.forRoot({ validationSchema: Joi.object({ A: Joi.string().required() }) });",
         "joi", {"A": True}),
        ("import { ConfigModule } from './own';\nimport Joi from 'joi';\nexport const m = ConfigModule.forRoot({ validationSchema: Joi.object({ A: Joi.string().required() }) });",
         "joi", {"A": True}),
        ("export class S { constructor(private config: ConfigService) { config.getOrThrow('A'); config.get('B') } }\nexport const c = process.env.C;",
         "manual", {"C": PLAIN, "A": True}),
        (("import * as yup from 'yup';\nconst s = yup.object({ A: yup.string().required(), B: yup.string(), C: yup.string().default('c'), D: yup.string().defined() });\n"
         "s.validateSync(process.env);"), "yup", {"A": True, "B": False, "C": "c", "D": True}),
        ("import * as yup from 'yup';\nyup.object({ A: yup.string().required().notRequired() }).cast(process.env);", "yup", {"A": False}),
        (("import { Type } from '@sinclair/typebox';\nimport { Value } from '@sinclair/typebox/value';\n"
         "Value.Parse(Type.Object({ A: Type.String(), B: Type.Optional(Type.String()), C: Type.String({ default: 'c' }) }), process.env);"),
         "typebox", {"A": True, "B": False, "C": "c"}),
        (("import { type } from 'arktype';\nconst env = type({ 'A': 'string', 'B?': 'string', 'C': 'string = \"c\"' })(process.env);\n"
         "if (env instanceof type.errors) throw env;"), "arktype", {"A": True, "B": False, "C": False}),
        ("import * as v from 'valibot';\nv.parse(v.object({ A: v.string(), B: v.optional(v.string()), C: v.nullable(v.string()), D: v.fallback(v.string(), 'd') }), process.env);",
         "valibot", {"A": True, "B": False, "C": True, "D": "d"}),
        ("import * as v from 'valibot';\nconst parse = v.parser(v.object({ A: v.string() }));\nparse(process.env);", "valibot", {"A": True}),
        ("import * as v from 'valibot';\nconst r = v.safeParser(v.object({ A: v.string() }))(process.env);\nif (r.issues) throw 1;", "valibot", {"A": True}),
        ("import * as v from 'valibot';\nv.parse(v.pipe(v.object({ A: v.optional(v.string()) }), v.rawCheck(({ dataset, addIssue }) => { if (!dataset.value.A) addIssue({}) })), process.env);",
         "valibot", {"A": False}),
    ],
)  # fmt: skip
def test_each_library_is_read_by_its_own_words(code: str, library: str, expected: dict[str, object]) -> None:
    found = module(f"{code}\n")
    assert (found.library, told(found)) == (library, expected)


@pytest.mark.parametrize("name", ["ApiProperty", "Expose", "Transform", "Type"])
def test_decorators_that_do_not_validate_demand_nothing(name: str) -> None:
    code = (
        "import { plainToInstance, Expose, Transform, Type } from 'class-transformer';\nimport { IsString, validateSync } from 'class-validator';\n"
        f"class E {{ @{name}() A: string; @{name}() @IsString() B: string }}\n"
        "if (validateSync(plainToInstance(E, process.env)).length) throw new Error();\n"
    )
    assert told(module(code)) == {"A": False, "B": True}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("addIssue", True),
        ("issues.push", True),
        ("addError", True),
        ("note", False),
    ],
)
def test_a_check_refuses_by_the_words_of_its_library(method: str, expected: object) -> None:
    code = f"{ZOD}z.object({{ A: z.string().optional().superRefine((v, ctx) => {{ if (!v) ctx.{method}({{}}) }}) }}).parse(process.env);\n"
    assert told(module(code)) == {"A": expected}


@pytest.mark.parametrize(
    "name", ["url", "email", "uuid", "cuid", "ulid", "regex", "startsWith", "endsWith", "includes", "datetime", "ip", "length", "jwt", "base64"]
)  # fmt: skip
def test_a_text_that_is_made_of_nothing_is_refused_only_by_a_format(name: str) -> None:
    code = f"{ZOD}z.object({{ A: z.coerce.string().{name}('x'), B: z.coerce.string().min(1), C: z.coerce.boolean() }}).parse(process.env);\n"
    assert told(module(code)) == {"A": True, "B": False, "C": False}


@pytest.mark.parametrize("other", ["any()", "unknown()", "record(z.string(), z.any())"])
def test_what_holds_all_beside_a_schema_takes_nothing_from_it(other: str) -> None:
    code = f"{ZOD}z.intersection(z.object({{ A: z.string() }}), z.{other}).parse(process.env);\n"
    assert told(module(code)) == {"A": True}


# Files


@pytest.mark.parametrize(
    "name", ["app", "bootstrap", "index", "instrumentation", "layout", "main", "server", "worker", "env"]
)
def test_where_an_application_starts_is_looked_for_what_it_takes_of_a_shared_package(name: str) -> None:
    def with_entry(path: str) -> dict[str, object]:
        found = modules(
            {
                "packages/env/package.json": '{"name": "@x/env"}',
                "packages/env/src/index.ts": f"{ZOD}export const a = z.object({{ A: z.string() }}).parse(process.env);\n"
                "export const b = () => z.object({ B: z.string() }).parse(process.env);\n",
                "apps/api/package.json": '{"name": "api", "dependencies": {"@x/env": "*"}}',
                "apps/api/src/other.ts": "import { b } from '@x/env';\nuse(b);\n",
                path: "import { a } from '@x/env';\nuse(a);\n",
            }
        )
        return told(found["apps/api"]) if "apps/api" in found else {}

    assert with_entry(f"apps/api/src/{name}.ts") == {"A": True}
    assert with_entry("apps/api/src/thing.ts") == {"A": True, "B": True}


@pytest.mark.parametrize(
    ("path", "module_"),
    [
        *((f"src/need{ending}", "./need") for ending in (".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs")),
        *((f"src/need/index{ending}", "./need") for ending in (".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs")),
        *((f"src/need{ending}", "./need.js") for ending in (".ts", ".mts", ".cts", ".tsx", ".js")),
        ("need.ts", "../need"),
        *(("src/need.ts", f"{start}need") for start in ("@/", "~/", "#/", "src/", "$lib/")),
        ("src/lib/need.ts", "$lib/need"),
        ("need.ts", "@/need"),
        ("packages/p/index.ts", "@x/p"),
        ("packages/p/src/index.ts", "@x/p"),
        ("packages/p/src.ts", "@x/p"),
        ("packages/p/inner/need.ts", "@x/p/inner/need"),
        ("packages/p/src/inner/need.ts", "@x/p/inner/need"),
        ("packages/q/need.ts", "q/need"),
    ],
)  # fmt: skip
def test_an_import_leads_to_its_file(path: str, module_: str) -> None:
    helper = "export function need(name: string) { if (!process.env[name]) throw new Error(name) }\n"
    found = modules(
        {
            "src/config.ts": f"import {{ need }} from '{module_}';\nneed('A');\n",
            path: helper,
            "packages/p/package.json": '{"name": "@x/p"}',
            "packages/q/package.json": '{"name": "q"}',
        }
    )
    assert told(found[""]) == {"A": True}


@pytest.mark.parametrize(
    "given",
    [
        "export { need } from './deep'",
        "export { other as need } from './deep'",
        "import { need } from './deep';\nexport { need }",
        "import { need as mine } from './deep';\nexport { mine as need }",
        "export * from './deep'",
        "import * as deep from './deep';\nexport const need = deep.need",
        "import need from './deep';\nexport { need }",
        "const need = require('./deep').need;\nmodule.exports = { need }",
    ],
)
def test_a_name_is_followed_through_the_files_that_hand_it_on(given: str) -> None:
    found = modules(
        {
            "src/config.ts": "import { need } from './hand';\nneed('A');\n",
            "src/hand.ts": f"{given};\n",
            "src/deep.ts": "export function need(name: string) { if (!process.env[name]) throw new Error(name) }\n"
            "export { need as other };\nexport default need;\n",
        }
    )
    assert told(found[""]) == {"A": True}


def test_two_files_that_check_are_one_module_or_named() -> None:
    check = f"{ZOD}export const c = z.object({{ KEY: z.string() }}).parse(process.env);\n"
    found = modules({"src/env.ts": check.replace("KEY", "A"), "src/config.ts": check.replace("KEY", "B")})[""]
    assert (found.path, told(found), found.gap) == ("src/config.ts", {"A": True, "B": True}, None)
    found = modules(
        {
            "src/env.ts": check.replace("KEY", "A"),
            "src/a/config.ts": check.replace("KEY", "B"),
            "src/b/settings.ts": check.replace("KEY", "C"),
        }
    )[""]
    assert (found.path, told(found)) == ("src/env.ts", {"A": True})
    assert found.gap is not None
    assert found.gap.reason == "the environment is also checked in 'src/a/config.ts', 'src/b/settings.ts'"


def test_a_shared_check_that_nobody_imports_is_named() -> None:
    found = modules(
        {
            "packages/env/package.json": '{"name": "@x/env"}',
            "packages/env/src/a.env.ts": f"{ZOD}z.object({{ A: z.string() }}).parse(process.env);\n",
            "packages/env/src/inner/b.env.ts": f"{ZOD}z.object({{ B: z.string(), C: z.string() }}).parse(process.env);\n",
            "apps/api/package.json": '{"name": "api", "dependencies": {"@x/env": "*"}}',
        }
    )["apps/api"]
    assert (found.id, found.path, told(found)) == (
        "config:apps/api=packages/env/src/inner/b.env.ts", "packages/env/src/inner/b.env.ts", {}
    )  # fmt: skip
    assert isinstance(found.gap, Unknown)
    assert found.gap.reason == (
        "the environment is checked in 'packages/env/src/inner/b.env.ts' of a package it depends on"
    )


def test_a_default_and_its_place_are_those_of_the_text() -> None:
    (key,) = module("export const a = process.env.A ?? 'some text';\n").keys
    assert isinstance(key.default, Known)
    assert (key.default.value, key.default.span.start, key.default.span.end) == ("some text", 35, 44)
