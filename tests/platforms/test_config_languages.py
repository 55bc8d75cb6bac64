"""What settings in Go, Ruby and application files of the JVM demand, by what their code does without a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.platforms.config_modules import LATER, PLAIN, PRODUCTION, PROFILE, SOMETIMES, lowered, told

if TYPE_CHECKING:
    from policyengine.model.nodes import ConfigModule


def module(files: dict[str, str]) -> ConfigModule:
    (found,) = lowered(files)
    return found


def go(code: str) -> ConfigModule:
    text = f'package config\n\nimport ("errors"; "log"; "os"; "strconv")\n\n{code}\nvar _ = os.Args\nfunc used() {{ os.Getenv("USED") }}\n'
    found = module({"go.mod": "module shop\n", "internal/config/config.go": text})
    for key in found.keys:
        assert text[key.span.start : key.span.end] == key.key
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('func Load() { v := os.Getenv("A"); if v == "" { log.Fatal("A") } }', True),
        ('func Load() { if v := os.Getenv("A"); v == "" { panic("A") } }', True),
        ('func Load() { v, ok := os.LookupEnv("A"); if !ok { os.Exit(1) }; _ = v }', True),
        ('func Load() error { if os.Getenv("A") == "" { return errors.New("A") }; return nil }', True),
        ('func Load() (*C, error) { if len(os.Getenv("A")) == 0 { return nil, errors.New("A") }; return &C{}, nil }', True),
        ('func Load() { v := os.Getenv("A"); if v == "" { v = "a" }; use(v) }', False),
        ('func Load() { v := os.Getenv("A"); if v == "" && strict() { panic("A") } }', SOMETIMES),
        ('func Load() { use(os.Getenv("A")) }', PLAIN),
        ('func Load() { n, err := strconv.Atoi(os.Getenv("A")); if err != nil { panic(err) }; _ = n }', True),
        ('func Load() { C{A: get("A", "a")} }\nfunc get(key, def string) string { if v := os.Getenv(key); v != "" { return v }; return def }',
         "a"),
        ('func Load() { must("A") }\nfunc must(key string) string { v := os.Getenv(key); if v == "" { panic(key) }; return v }', True),
        (('func Load() error { v, err := need("A"); if err != nil { return err }; _ = v; return nil }\n'
         'func need(key string) (string, error) { v := os.Getenv(key); if v == "" { return "", errors.New(key) }; return v, nil }'), True),
        (('func Load() { v, err := need("A"); if err != nil { v = "a" }; use(v) }\n'
         'func need(key string) (string, error) { v := os.Getenv(key); if v == "" { return "", errors.New(key) }; return v, nil }'), False),
        ('func Load() { for _, k := range []string{"A"} { if os.Getenv(k) == "" { panic(k) } } }', True),
        (('func Load() error { var missing []string; get := func(key string) { if os.Getenv(key) == "" { missing = append(missing, key) } }\n'
         'get("A"); if len(missing) > 0 { return errors.New("x") }; return nil }'), True),
        ('func Load() { e := map[string]string{"A": os.Getenv("A")}; for k, v := range e { if v == "" { log.Fatalf(k) } } }', True),
        ('var a = os.Getenv("A")\nfunc init() { if a == "" { panic("A") } }', True),
        (('func Load(n int) (*C, error) { if n > 3 { return nil, errors.New("n") }; v := os.Getenv("A")\n'
         'if v == "" { return nil, errors.New("A") }; return &C{v}, nil }'), True),
        (('func Load() (*C, error) { n, err := count(); if err != nil { return nil, err }; v := os.Getenv("A")\n'
         'if v == "" { return nil, errors.New("A") }; return &C{v, n}, nil }'), True),
        (('func Load() (*C, error) { c := &C{A: os.Getenv("A")}; if err := c.check(); err != nil { return nil, err }; return c, nil }\n'
         'func (c *C) check() error { if c.A == "" { return errors.New("A") }; return nil }'), True),
        (('func Load() (*C, error) { c := &C{A: get("A", ""), E: get("E", "dev")}; if err := c.check(); err != nil { return nil, err }; return c, nil }\n'
         'func (c *C) check() error { if c.A == "" && c.E == "production" { return errors.New("A") }; return nil }\n'
         'func get(key, def string) string { if v := os.Getenv(key); v != "" { return v }; return def }'), SOMETIMES),
        (('func Load() (*C, error) { if quick() { return &C{}, nil }; v := os.Getenv("A")\n'
         'if v == "" { return nil, errors.New("A") }; return &C{v}, nil }'), SOMETIMES),
        (('func Load() (*C, error) { v, ok := os.LookupEnv("A"); if !ok { if inDev() { v = fresh() } else { return nil, errors.New("A") } }\n'
         'if len(v) < 9 { return nil, errors.New("short") }; return &C{v}, nil }'), SOMETIMES),
    ],
)  # fmt: skip
def test_what_go_does_without_a_variable_tells_whether_it_must_be_there(code: str, expected: object) -> None:
    assert told(go(code))["A"] == expected


@pytest.mark.parametrize(
    ("tags", "more", "expected"),
    [
        ('`env:"A,required"`', "", {"A": True}),
        ('`env:"A, required"`', 'func f() { os.Setenv(strings.TrimSuffix(key, "_FILE"), content) }', {"A": "the program may set it itself"}),
        ('`env:"A, required"`', 'func f() { os.Setenv("B", "b") }', {"A": True}),
        ('`env:"A, default=a,b"`', "", {"A": "a,b"}),
        ('`env:"A,notEmpty"`', "", {"A": True}),
        ('`env:"A" envDefault:"a"`', "", {"A": "a"}),
        ('`env:"A"`', "", {"A": False}),
        ('`env:"A"`', "var o = env.Options{RequiredIfNoDef: true}", {"A": True}),
        ('`env:"A" env-required:"true"`', "", {"A": True}),
        ('`envconfig:"A" required:"true"`', 'func f() { envconfig.Process("", &c) }', {"A": True}),
        ('`envconfig:"A" required:"true"`', 'func f() { envconfig.Process("shop", &c) }', {"A": False, "SHOP_A": ("A",)}),
        ('`json:"a"`', "", {}),
    ],
)  # fmt: skip
def test_the_tags_of_a_struct_tell_what_a_library_asks(tags: str, more: str, expected: dict[str, object]) -> None:
    text = f"package config\n// caarlos0/env, envconfig\ntype C struct {{\n\tA string {tags}\n}}\n{more}\n"
    assert told(module({"go.mod": "", "config.go": text})) == expected


@pytest.mark.parametrize("tag", ['env:"A" envDefault:"a"', 'env:"A,required"', 'env:"A, notEmpty"'])
def test_a_struct_with_tags_for_the_environment_is_a_module_wherever_it_is_loaded(tag: str) -> None:
    files = {"go.mod": "", "config.go": f"package config\ntype C struct {{\n\tA string `{tag}`\n}}\n"}
    assert list(told(module(files))) == ["A"]


@pytest.mark.parametrize(
    ("outer", "inner", "more", "expected"),
    [
        ("DB DB", 'A string `env:"A,required"`', "", {"A": True}),
        ('DB DB `envPrefix:"PG_"`', 'A string `env:"A,required"`', "", {"PG_A": True}),
        ('DB DB `env-prefix:"PG_"`', 'A string `env:"A" env-default:"a"`', "", {"PG_A": "a"}),
        ('DB *DB `env:", prefix=PG_"`', 'A string `env:"A,required"`', "", {"PG_A": True}),
        ('Web struct {\n\t\tA string `envconfig:"A" required:"true"`\n\t} `envconfig:"WEB"`', "",
         'envconfig.Process("gw", &c)', {"GW_WEB_A": ("A",), "A": False}),
        ("DB *DB", 'A string `envconfig:"A" required:"true"`', 'envconfig.Process("", &c)', {"DB_A": ("A",), "A": False}),
        ("DB", 'A string `envconfig:"A" required:"true"`', 'envconfig.Process("", &c)', {"A": True}),
        ('A string `envconfig:"A" required:"true"`', "", 'const P = "gw"\nfunc f() { envconfig.Process(P, &c) }', {"GW_A": ("A",), "A": False}),
        ('A string `envconfig:"A" required:"true"`', "", "func f() { envconfig.Process(l.prefix, &c) }",
         {"A": "what its name begins with is told elsewhere"}),
    ],
)  # fmt: skip
def test_the_name_of_a_setting_within_a_setting_begins_as_the_outer_one_says(
    outer: str, inner: str, more: str, expected: dict[str, object]
) -> None:
    structs = f"type C struct {{\n\t{outer}\n}}\ntype DB struct {{\n\t{inner}\n}}\n"
    assert (
        told(module({"go.mod": "", "config.go": f"package config\n// caarlos0/env, envconfig\n{structs}{more}\n"}))
        == expected
    )


def ruby(code: str, path: str = "config/application.rb", **more: str) -> ConfigModule:
    return module({"Gemfile": "", path: f"Rails\n{code}\n", **more})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('KEY = ENV.fetch("A")', True),
        ('KEY = ENV.fetch("A", nil)', False),
        ('KEY = ENV.fetch("A", "a")', "a"),
        ('KEY = ENV.fetch("A") { "a" }', "a"),
        ('KEY = ENV["A"]', PLAIN),
        ('KEY = ENV["A"] || "a"', "a"),
        ('KEY = ENV["A"] || raise("A")', True),
        ('KEY = ENV["A"] or abort("A")', True),
        ('raise "A" unless ENV["A"]', True),
        ('raise "A" if ENV["A"].blank?', True),
        ('raise "A" unless ENV.key?("A")', True),
        ('warn "A" if ENV["A"].nil?', False),
        ('KEY = ENV["A"].split(",")', True),
        ('KEY = ENV["A"]&.split(",")', PLAIN),
        ('Devise.setup do |config|\n  config.secret_key = ENV.fetch("A")\nend', True),
        ('module Shop\n  class Application < Rails::Application\n    config.key = ENV.fetch("A")\n  end\nend', True),
        ('if Rails.env.production?\n  KEY = ENV.fetch("A")\nend', PRODUCTION),
        ('KEY = ENV.fetch("A") if strict?', SOMETIMES),
        ('Dotenv.require_keys("A")', True),
        ("%w[A].each { |name| raise name unless ENV[name] }", True),
        ('missing = %w[A].reject { |name| ENV[name] }\nraise "x" if missing.any?', True),
        ('missing = %w[A].select { |name| ENV[name].blank? }\nraise "x" if missing.present?', True),
        ('raise "x" unless ENV["A"].present?', True),
        ('raise "x" unless %w[A].all? { |name| ENV.key?(name) }', True),
        ('begin\n  KEY = ENV.fetch("A")\nrescue KeyError\n  KEY = "a"\nend', False),
        ('def key\n  ENV.fetch("A")\nend', LATER),
        ('def need(name)\n  ENV[name] || raise(name)\nend\nKEY = need("A")', True),
        ('ENV["A"] ||= "a"\nKEY = ENV.fetch("A")', "the program may set it itself"),
    ],
)  # fmt: skip
def test_what_ruby_does_without_a_variable_tells_whether_it_must_be_there(code: str, expected: object) -> None:
    assert told(ruby(code))["A"] == expected


def test_a_rails_application_loads_all_of_its_configuration() -> None:
    found = ruby(
        'A = ENV.fetch("A")',
        **{
            "config/initializers/mail.rb": 'MAIL = ENV.fetch("MAIL_KEY")\n',
            "config/environments/production.rb": 'LEVEL = ENV.fetch("LEVEL", "info")\n',
            "config/environments/test.rb": 'T = ENV.fetch("T")\n',
            "config/database.yml": "production:\n  host: <%= ENV.fetch('DB_HOST') %>\n  pool: <%= ENV.fetch('POOL', 5) %>\n",
        },
    )
    assert (found.path, found.directory) == ("config/application.rb", "")
    assert told(found) == {"A": True, "MAIL_KEY": True, "LEVEL": "info", "DB_HOST": True, "POOL": "5"}
    assert {key.key: key.span.path for key in found.keys}["DB_HOST"] == "config/database.yml"


def jvm(text: str, path: str = "application.yml", **more: str) -> ConfigModule:
    folder = "src/main/resources/"
    return module({"build.gradle.kts": "", folder + path: text, **{folder + name: each for name, each in more.items()}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spring:\n  url: ${A}\n", {"A": True}),
        ("spring:\n  url: jdbc:postgresql://${A:localhost}:${B}/shop\n", {"A": "localhost", "B": True}),
        ("spring:\n  url: ${A:}\n", {"A": ""}),
        ("spring:\n  urls:\n    - ${A:${B:b}}\n", {"A": False, "B": "b"}),
        ("spring:\n  url: ${A:${B}}\n", {"A": False, "B": ("A",)}),
        ("spring:\n  # url: ${A}\n  name: '${B}'\n", {"B": True}),
        ("eureka:\n  client:\n    url: ${A}\n", {"A": LATER}),
        ("spring:\n  name: shop\n  title: ${spring.name}\n  url: ${A}\n", {"A": True}),
        ("spring:\n  a: 1\n---\nspring:\n  config:\n    activate:\n      on-profile: prod\n  url: ${A}\n", {"A": PROFILE}),
    ],
)  # fmt: skip
def test_a_placeholder_without_a_default_must_be_set(text: str, expected: dict[str, object]) -> None:
    found = jvm(text)
    assert (found.library, found.directory, told(found), found.gap) == ("spring", "", expected, None)


def test_properties_are_read_and_a_profile_lies_over_them() -> None:
    properties = "# a=${X}\nspring.datasource.url=${A}\nserver.port = ${PORT:8080}\n"
    assert told(jvm(properties, "application.properties")) == {"A": True, "PORT": "8080"}
    profile = {"application-prod.yml": "spring:\n  url: ${B}\n", "application-dev.yml": "spring:\n  key: ${C}\n"}
    assert told(jvm("spring:\n  url: ${A}\n  key: ${K}\n", **profile)) == {"A": PROFILE, "K": True, "B": PROFILE}


def test_what_every_profile_asks_for_too_is_always_asked_for() -> None:
    profile = {"application-prod.yml": "spring:\n  url: ${A}\n  key: ${PROD_K}\n"}
    answers = {"A": True, "K": PROFILE, "PROD_K": PROFILE}
    assert told(jvm("spring:\n  url: ${A}\n  key: ${K}\n", **profile)) == answers


def test_a_placeholder_that_the_files_themselves_answer_need_not_be_set() -> None:
    text = "DB_HOST=db.internal\nspring.datasource.url=jdbc:mysql://${DB_HOST}/${DB_NAME}\nKEY=${KEY}\n"
    assert told(jvm(text, "application.properties")) == {"DB_HOST": "db.internal", "DB_NAME": True, "KEY": False}


@pytest.mark.parametrize(
    "taken",
    [
        "spring:\n  config:\n    import: classpath:application-mail.yml\n",
        "spring:\n  config:\n    import:\n      - optional:file:.env[.properties]\n      - classpath:/application-mail.yml\n",
        "spring:\n  profiles:\n    include: mail\n",
    ],
)
def test_a_file_that_is_always_taken_in_is_no_profile(taken: str) -> None:
    assert told(jvm(taken, **{"application-mail.yml": "mail:\n  key: ${A}\n"})) == {"A": True}


def test_a_property_that_is_set_elsewhere_leaves_a_gap() -> None:
    found = jvm("spring:\n  url: ${auth.url}/token\n")
    assert found.gap is not None
    assert found.gap.reason == "the property 'auth.url' is set elsewhere"


PIECES = st.lists(
    st.sampled_from(
        ["func f() {", "}", "os.Getenv(", '"A"', ")", "if ", "for _, k := range ", "ENV.fetch('A')", "ENV[", "do |x|", "end\n", "def f(a = 1)\n",
         "${A:", "${", "{", "[", "é", "\n", " || ", "raise ", 'type C struct { A string `env:"A"` }', "<%= ", "return ", "a: "]
    ),
    max_size=10,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(PIECES)
def test_any_text_is_followed_without_failing(pieces: list[str]) -> None:
    text = "".join(pieces)
    files = {
        "config.go": f"package c\n// os.Getenv\n{text}",
        "config/application.rb": f"ENV\n{text}",
        "config/database.yml": f"ENV\n{text}",
        "src/main/resources/application.yml": f"spring:\n  x: ${{A}}\n{text}",
    }
    for node in lowered({"go.mod": "", "Gemfile": "", "pom.xml": "", **files}):
        for key in node.keys:
            assert 0 <= key.span.start <= key.span.end <= len(files[key.span.path])
