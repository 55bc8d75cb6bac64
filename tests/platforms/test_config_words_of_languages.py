"""Every word of Go, Ruby, Python and the JVM by which settings are read, asked once, with what the program would do."""

from __future__ import annotations

import pytest

from policyengine.model.nodes import ConfigModule
from policyengine.model.value import Known
from tests.platforms.config_modules import ELSEWHERE, LATER, PLAIN, PRODUCTION, PROFILE, SOMETIMES, lowered, told

GAP = "gap"


def read(files: dict[str, str]) -> dict[str, object]:
    """What is told of each variable of the only module, and why there may be more."""
    (found,) = lowered(files)
    assert isinstance(found, ConfigModule)
    return told(found) | ({} if found.gap is None else {GAP: found.gap.reason})


def go(code: str) -> dict[str, object]:
    head = 'package config\n\nimport ("errors"; "fmt"; "log"; "os"; "strconv"; "strings")\n\n// os.Getenv\n'
    return read({"go.mod": "module shop\n", "config/config.go": f"{head}{code}\n"})


MUST = 'v := os.Getenv("A"); if %s { panic("A") }'
COMPUTED = "the names of variables are computed"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *(
            (f"func Load() {{ {MUST % test} }}", expected)
            for test, expected in [
                ('v == ""', True),
                ("v == ``", True),
                ('"" == v', True),
                ('!(v != "")', True),
                ("len(v) == 0", True),
                ("len(v) < 1", True),
                ('strings.TrimSpace(v) == ""', True),
                ('strings.ToLower(v) == ""', True),
                ('v == "" || other()', True),
                ('v == "" && true', True),
                ('v == "" && other()', SOMETIMES),
                ('v == "x"', False),
                ('v != ""', False),
                ("len(v) > 0", False),
                ("len(v) > 3", False),
                ("other(v)", False),
            ]
        ),
        *(
            (f'func Load() {{ if os.Getenv("A") == "" {{ {end} }} }}', True)
            for end in [
                'log.Fatal("A")', 'log.Fatalf("%s", "A")', 'log.Fatalln("A")', 'log.Panic("A")', 'log.Panicf("A")',
                "os.Exit(1)", 'panic("A")',
            ]
        ),
        *(
            (f'func Load() {{ if os.Getenv("A") == "" {{ {no_end} }} }}', False)
            for no_end in ['log.Println("A")', "return", "recover()", "os.Getpid()", 'fmt.Errorf("A")']
        ),
        *(
            (f'func Load() error {{ if os.Getenv("A") == "" {{ return {error} }}; return nil }}', expected)
            for error, expected in [
                ('errors.New("A")', True), ('fmt.Errorf("A")', True), ('errors.Errorf("A")', True),
                ('errors.Wrap(err, "A")', True), ("errors.Join(one, two)", True), ("nil", False), ("other()", False),
            ]
        ),
        ('func Load() { v, ok := syscall.Getenv("A"); if !ok { panic("A") }; use(v) }', True),
        ('func Load() { v, ok := os.LookupEnv("A"); if ok { use(v) } else { panic("A") } }', True),
        ('func Load() { v, ok := os.LookupEnv("A"); if ok { use(v) } }', False),
        *(
            (f"func Load() {{ n, err := {call}; if err != nil {{ panic(err) }}; use(n) }}", True)
            for call in [
                'strconv.Atoi(os.Getenv("A"))', 'strconv.ParseBool(os.Getenv("A"))', 'strconv.ParseInt(os.Getenv("A"), 10, 64)',
                'strconv.ParseFloat(os.Getenv("A"), 64)', 'time.ParseDuration(os.Getenv("A"))',
            ]
        ),
        ('func Load() { n, err := strconv.Atoi(os.Getenv("A")); if err != nil { n = 3 }; use(n) }', False),
        ('func Load() { n, _ := strconv.Atoi(os.Getenv("A")); use(n) }', False),
        ('func Load() { switch os.Getenv("A") { case "": panic("A") } }', PLAIN),
        ('func Load() { switch mode() { case "x": if os.Getenv("A") == "" { panic("A") } } }', SOMETIMES),
        ('func Load() { switch x := y.(type) { case int: if os.Getenv("A") == "" { panic(x) } } }', SOMETIMES),
        ('func Load() { select { case <-c: if os.Getenv("A") == "" { panic("A") } } }', SOMETIMES),
        ('func Load() { switch mode() { default: if os.Getenv("A") == "" { panic("A") } } }', SOMETIMES),
        ('func Load() { for busy() { if os.Getenv("A") == "" { panic("A") } } }', SOMETIMES),
        ('func Load() { for { if os.Getenv("A") == "" { panic("A") } } }', SOMETIMES),
        ('func Load() { for _, k := range names() { if os.Getenv("A") == "" { panic(k) } } }', SOMETIMES),
        ('func Load() { for i, k := range []string{"A"} { if os.Getenv(k) == "" { panic(i) } } }', True),
        ('func Load() { for i, k := range []string{"A"} { if os.Getenv(k) == "" { break }; panic(i) } }', False),
        ('func Load() { for _, k := range []string{"A"} { if os.Getenv(k) != "" { continue }; panic(k) } }', True),
        ('func Load() { for k := range map[string]bool{"A": true} { if os.Getenv(k) == "" { panic(k) } } }', True),
        ('func Load() { { if os.Getenv("A") == "" { panic("A") } } }', True),
        ('func Load() { var v string = os.Getenv("A"); if v == "" { panic("A") } }', True),
        ('func Load() { var v string; v = os.Getenv("A"); if v == "" { panic("A") } }', True),
        ('func Load() { var (\nv = os.Getenv("A")\n); if v == "" { panic("A") } }', True),
        ('func Load() { const k = "A"; if os.Getenv(k) == "" { panic("A") } }', True),
        ('const key = "A"\nfunc Load() { if os.Getenv(key) == "" { panic("A") } }', True),
        ('const (\n\tkey = "A"\n)\nfunc Load() { if os.Getenv(key) == "" { panic("A") } }', True),
        ('func Load() { if v := os.Getenv("A"); v == "" { panic("A") } else { use(v) } }', True),
        ('func Load() { a, b := os.Getenv("A"), 1; if a == "" { panic(b) } }', True),
        ('func Load() { b, a := 1, os.Getenv("A"); if a == "" { panic(b) } }', True),
        ('func Load() { b, a := os.Getenv("A"), 1; if a == "" { panic(b) } }', PLAIN),
        ('func Load() { c := C{A: os.Getenv("A")}; if c.A == "" { panic("A") } }', True),
        ('func Load() { c := &C{A: os.Getenv("A")}; if c.A == "" { panic("A") } }', True),
        ('func Load() { c := C{}; c.A = os.Getenv("A"); if c.B == "" { panic("A") } }', PLAIN),
        ('func Load() { c := C{B: 1}; c.A = os.Getenv("A"); if c.A == "" { panic("A") } }', True),
        ('func Load() { m := map[string]string{"x": os.Getenv("A")}; if m["x"] == "" { panic("A") } }', True),
        ('func Load() { m := map[string]string{"x": os.Getenv("A")}; if m["y"] == "" { panic("A") } }', PLAIN),
        ('func Load() { check := func(v string) { if v == "" { panic(v) } }; check(os.Getenv("A")) }', True),
        ('func Load() { need(os.Getenv("A"), 1) }\nfunc need(v string, n int) { if v == "" { panic(n) } }', True),
        ('func Load() { need(1, os.Getenv("A")) }\nfunc need(n int, v string) { if n == "" { panic(n) } }', PLAIN),
        ('func Load() { use(first(os.Getenv("A"), "a")) }\nfunc first(a, b string) string { if a == "" { return b }; return a }', "a"),
        ('func Load() (v string) { v = os.Getenv("A"); if v == "" { panic("A") }; return }', True),
        ('func Load() (n int, err error) { if os.Getenv("A") == "" { err = errors.New("A"); return 0, err }; return 1, nil }', True),
        ('func Load() { for _, k := range []string{"A"} { break; if os.Getenv(k) == "" { panic(k) } } }', None),
        ('func Load(n int) { if os.Getenv("A") == "" { panic(n) } }', True),
        ('func (c *C) Load() { if os.Getenv("A") == "" { panic("A") } }', True),
        ('func Load(key string) { if os.Getenv("A") == "" { panic("A") } }', None),
        ('var missing []string\nfunc init() { if os.Getenv("A") == "" { missing = append(missing, "A") }; if len(missing) > 0 { panic(missing) } }', True),
        ('func Load() { missing := []string{}; if os.Getenv("A") == "" { missing = append(missing, "A") }; if len(missing) != 0 { panic(missing) } }', True),
        ('func Load() { missing := []string{}; if os.Getenv("A") == "" { missing = append(missing, "A") }; if len(missing) > 1 { panic(missing) } }', False),
        ('func Load() { viper.BindEnv("a.b", "A") }', PLAIN),
        ('func Load() { go func() { use(os.Getenv("A")) }() }', PLAIN),
    ],
)  # fmt: skip
def test_go(code: str, expected: object) -> None:
    assert go(f'{code}\nvar z = os.Getenv("Z")') == {"Z": PLAIN} | ({} if expected is None else {"A": expected})


@pytest.mark.parametrize(
    ("code", "gap"),
    [
        ('func Load() { use(getEnv("A")) }', "'getEnv' may read variables, and is not in reach"),
        ('func Load() { use(conf.Param("A")) }', "'conf.Param' may read variables, and is not in reach"),
        ("func Load() { viper.AutomaticEnv() }", "variables are read by the names of settings"),
        ("func Load() { os.Getenv(name()) }", COMPUTED),
        ('func Load() { os.Getenv("APP_" + name) }', COMPUTED),
        ('type C struct {\n\tDB D `envPrefix:"DB_"`\n}', "settings within settings are not read"),
        ('type C struct {\n\tDB D `env:",prefix=DB_"`\n}', "settings within settings are not read"),
    ],
)  # fmt: skip
def test_what_go_leaves_open(code: str, gap: str) -> None:
    assert go(f'{code}\nvar z = os.Getenv("Z")') == {"Z": PLAIN, GAP: gap}


def test_go_names_that_speak_of_nothing_are_no_gap() -> None:
    assert go('var z = os.Getenv("Z")\nfunc Load() { use("A"); getEnv("a b"); getEnv(); getEnv(1) }') == {"Z": PLAIN}


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ('env:"A,required"', {"A": True}),
        ('env:"A, required"', {"A": True}),
        ('env:"A,notEmpty"', {"A": True}),
        ('env:"A,required" envDefault:"a"', {"A": "a"}),
        ('env:"A" env-required:"true"', {"A": True}),
        ('env:"A" env-required:"false"', {"A": False}),
        ('yaml:"a" env:"A" env-required:"true"', {"A": "a configuration file may give it"}),
        ('env:"A" env-required:"true" env-default:"a"', {"A": "a"}),
        ('env:"A" required:"true" default:"a"', {"A": "a"}),
        ('env:"A,unset"', {"A": False}),
        ('env:",required"', {}),
        ('json:"a" env:"A,required"', {"A": True}),
        ('json:"A,required"', {}),
        ('envconfig:"A" required:"true"', {"A": "what its name begins with is told elsewhere"}),
        ('envconfig:"A"', {"A": False}),
    ],
)
def test_tags_of_go(tags: str, expected: dict[str, object]) -> None:
    assert go(f'type C struct {{\n\tA string `{tags}`\n}}\nvar z = os.Getenv("Z")') == {"Z": PLAIN} | expected


@pytest.mark.parametrize("options", ["RequiredIfNoDef: true", "RequiredIfNoDef:true"])
def test_an_option_of_go_demands_every_variable_without_a_default(options: str) -> None:
    struct = (
        'type C struct {\n\tA string `env:"A"`\n\tB string `env:"B" envDefault:"b"`\n\tC string `envconfig:"C"`\n}\n'
    )
    assert go(f"{struct}var o = env.Options{{{options}}}") == {"A": True, "B": "b", "C": False}


@pytest.mark.parametrize("call", ['envconfig.Process("shop", &c)', 'envconfig.MustProcess("shop", &c)'])
def test_the_prefix_of_envconfig_comes_first_and_the_plain_name_will_do(call: str) -> None:
    struct = 'type C struct {\n\tA string `envconfig:"A" required:"true"`\n\tB string `env:"B,required"`\n}\n'
    assert go(f"{struct}func Load() {{ {call} }}") == {"SHOP_A": ("A",), "A": False, "B": True}


def ruby(code: str) -> dict[str, object]:
    return read({"Gemfile": "", "config/application.rb": f"Rails\n{code}\nZ = ENV['Z']\n"})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((f"{end} if ENV['A'].nil?", True) for end in ("raise 'A'", "abort 'A'", "exit 1", "exit! 1", "fail 'A'", "raise")),
        *((f"{end} if ENV['A'].nil?", False) for end in ("warn 'A'", "puts 'A'", "leave")),
        *(
            (f"raise 'A' if ENV['A'].{asked}", True)
            for asked in ("nil?", "blank?", "empty?", "to_s.empty?", "strip.empty?", "presence.nil?", "downcase.blank?")
        ),
        *((f"raise 'A' unless ENV.{asked}('A')", True) for asked in ("key?", "has_key?", "include?")),
        ("raise 'A' unless ENV['A']", True),
        ("raise 'A' if not ENV['A']", True),
        ("raise 'A' if !ENV['A']", True),
        ("raise 'A' if ENV['A'] == nil", True),
        ("raise 'A' if ENV['A'] == ''", True),
        ("raise 'A' if ENV['A'] != 'x'", True),
        ("raise 'A' if ENV['A'] == 'x'", False),
        ("raise 'A' if ENV['A']", False),
        ("raise 'A' if ENV['A'].nil? && on", SOMETIMES),
        ("raise 'A' if ENV['A'].nil? and on", SOMETIMES),
        ("raise 'A' if ENV['A'].nil? || on", True),
        ("raise 'A' unless ENV['A'].present?", True),
        ("if ENV['A']\n  ok\nelse\n  raise 'A'\nend", True),
        ("if ENV['A']\n  ok\nelsif on\n  ok\nelse\n  raise 'A'\nend", SOMETIMES),
        ("unless ENV['A']\n  raise 'A'\nend", True),
        ("a = ENV['A'] ? 1 : raise('A')", True),
        ("a = ENV['A'] ? 1 : 2", False),
        ("a = ENV['A']\nraise 'A' unless a", True),
        ("@a = ENV['A']\nraise 'A' unless @a", True),
        ("a = ENV['A']\na ||= 'x'\nraise 'A' unless a", "x"),
        ("a = nil\na ||= ENV['A']\nraise 'A' unless a", True),
        ("a = ENV.fetch('A') { raise 'A' }", True),
        ("a = ENV.fetch('A') { |name| 'a' }", "a"),
        ("a = ENV.fetch('A') do\n  'a'\nend", "a"),
        ("a = ENV.fetch('A', 3)", "3"),
        ("a = ENV.fetch('A', '')", False),
        ('a = ENV["A"]', PLAIN),
        ("a = ENV['A'] || ENV['Z']", "another variable may stand in for it"),
        ("b = ENV.fetch('B', 1)\na = ENV.fetch('A') { b }", False),
        ("a = ENV['A'] || \"x#{ENV['Z']}\"", False),
        ("a = \"#{ENV['A']}/x\"", PLAIN),
        ("a = [ENV.fetch('A')]", True),
        ("a = { key: ENV.fetch('A') }", True),
        ("ENV['A'] = 'x'\na = ENV.fetch('A')", "the program may set it itself"),
        ("ENV[name] = 'x'\na = ENV.fetch('A')", "the program may set it itself"),
        ("case mode\nwhen 1 then ENV.fetch('A')\nend", SOMETIMES),
        ("case mode\nwhen 1\n  x\nelse\n  ENV.fetch('A')\nend", SOMETIMES),
        ("case mode\nin 1 then ENV.fetch('A')\nend", SOMETIMES),
        ("case ENV.fetch('A')\nwhen 1 then x\nend", True),
        ("x = case mode\nwhen 1 then ENV.fetch('A')\nend", SOMETIMES),
        ("while busy\n  ENV.fetch('A')\nend", SOMETIMES),
        ("until done\n  ENV.fetch('A')\nend", SOMETIMES),
        ("for x in names\n  ENV.fetch('A')\nend", SOMETIMES),
        ("a = ENV.fetch('A') rescue nil", False),
        ("ENV.fetch('A') rescue raise('A')", True),
        ("begin\n  ENV.fetch('A')\nrescue KeyError\n  raise 'A'\nend", True),
        ("begin\n  ENV.fetch('A')\nrescue KeyError\nend", False),
        ("begin\n  ENV.fetch('A')\nensure\n  ok\nend", True),
        ("begin\n  ENV.fetch('A')\nend", True),
        ("class C\n  KEY = ENV.fetch('A')\nend", True),
        ("class << self\n  KEY = ENV.fetch('A')\nend", True),
        ("module M\n  KEY = ENV.fetch('A')\nend", True),
        ("def key\n  ENV.fetch('A')\nend\nkey", True),
        ("def key\n  return ENV['A'] if ENV['A']\n  raise 'A'\nend\nkey", True),
        ("def key\n  return 1\n  ENV.fetch('A')\nend\nkey", None),
        ("def need(name, default = nil)\n  ENV[name] || default || raise(name)\nend\nneed('A')", True),
        ("def need(name, default = nil)\n  ENV[name] || default || raise(name)\nend\nneed('A', 'a')", "a"),
        ("def self.need(name)\n  ENV.fetch('A')\nend", LATER),
        *((f"%w[A].{walk} {{ |name| raise name unless ENV[name] }}", True) for walk in ("each", "map", "flat_map", "each_with_index")),
        ("['A'].each do |name|\n  next if ENV[name]\n  raise name\nend", True),
        ("['A'].each do |name|\n  break\n  raise name unless ENV[name]\nend", None),
        ("names.each { |name| raise name unless ENV['A'] }", True),
        *(
            (f"missing = %w[A].{chosen}\nraise 'x' {told}", True)
            for chosen in ("reject { |n| ENV[n] }", "select { |n| ENV[n].nil? }", "filter { |n| ENV[n].nil? }")
            for told in ("if missing.any?", "if missing.present?", "unless missing.empty?", "unless missing.none?", "unless missing.blank?")
        ),
        *(
            (f"missing = %w[A].{chosen}\nraise 'x' {told}", False)
            for chosen in ("reject { |n| ENV[n].nil? }", "select { |n| ENV[n] }")
            for told in ("if missing.any?", "unless missing.empty?")
        ),
        ("raise 'x' if %w[A].any? { |n| ENV[n].nil? }", True),
        ("raise 'x' unless %w[A].all? { |n| ENV[n] }", True),
        ("raise 'x' if %w[A].find { |n| ENV[n].nil? }", True),
        ("missing = []\nmissing << 'A' unless ENV['A']\nraise 'x' if missing.any?", True),
        ("missing = []\nmissing.push('A') unless ENV['A']\nraise 'x' unless missing.empty?", True),
        ("missing = []\nmissing.append('A') unless ENV['A']\nraise 'x' if missing.any?", True),
        *(
            (f"a = ENV['A'].{method}", True)
            for method in ("split(',')", "upcase", "start_with?('a')", "include?('a')", "gsub('a', 'b')", "to_sym")
        ),
        *((f"a = ENV['A']&.{method}", PLAIN) for method in ("split(',')", "upcase", "to_sym")),
        ("a = ENV['A'].to_i", PLAIN),
        ("a = ENV['A'].strip", True),
        ("a = ENV['A'].downcase", True),
        ("a = ENV['A'].presence", PLAIN),
        ("def key\n  ENV['A'].split(',')\nend", PLAIN),
        ("$a = ENV['A']\nraise 'A' unless $a", True),
        ("ENV['B'] = 'x'\na = ENV.fetch('A')", True),
        ("Dotenv.require_keys('A', 'B')", True),
        ("Rails.env.production? && ENV.fetch('A')", PRODUCTION),
        ("if Rails.env.production?\n  raise 'A' unless ENV['A']\nend", PRODUCTION),
        ("unless Rails.env.production?\n  ENV.fetch('A')\nend", "it is required outside production only"),
        ("configure do |c|\n  c.key = ENV.fetch('A')\nend", True),
        ("App.configure { |c| c.key = ENV.fetch('A') }", True),
    ],
)  # fmt: skip
def test_ruby(code: str, expected: object) -> None:
    found = ruby(code)
    found.pop("B", None)
    assert found == {"Z": PLAIN} | ({} if expected is None else {"A": expected})


@pytest.mark.parametrize(
    ("code", "gap"),
    [
        ("ENV[name]", COMPUTED),
        ('ENV.fetch("A#{x}")', COMPUTED),
        ("Shop.env('A')", "'env' may read variables, and is not in reach"),
        ("Shop.settings('A')", "'settings' may read variables, and is not in reach"),
    ],
)
def test_what_ruby_leaves_open(code: str, gap: str) -> None:
    assert ruby(code) == {"Z": PLAIN, GAP: gap}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("production:\n  url: <%= ENV.fetch('A') %>\n", True),
        ("production:\n  url: <%= ENV['A'] || 'a' %>\n", "a"),
        ("production:\n  url: <%- x = 1 -%>\n  key: <%= ENV.fetch('A', x) %>\n", "1"),
        ("<% if on %>\nproduction:\n  url: <%= ENV.fetch('A') %>\n<% end %>\n", SOMETIMES),
        ("production:\n  url: ENV.fetch('A')\n", None),
        ("development:\n  url: <%= ENV.fetch('A', 'a') %>\nproduction:\n  url: <%= ENV['A'] %>\n", PLAIN),
        ("test:\n  url: <%= ENV.fetch('A') %>\nproduction:\n  pool: 5\n", ELSEWHERE),
        ("default: &default\n  url: <%= ENV.fetch('A', 'a') %>\ndevelopment:\n  <<: *default\n", "a"),
    ],
)
def test_templates_of_ruby(template: str, expected: object) -> None:
    files = {"Gemfile": "", "config/application.rb": "Rails\nZ = ENV['Z']\n", "config/database.yml": template}
    assert read(files) == {"Z": PLAIN} | ({} if expected is None else {"A": expected})


def python(code: str) -> dict[str, object]:
    head = "import json, os, pathlib, sys\nfrom os import environ, getenv\nfrom elsewhere import DEBUG\n"
    return read({"pyproject.toml": "", "app/settings.py": f"{head}{code}\nZ = os.getenv('Z')\n"})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *(
            (f"a = os.getenv('A')\nif {test}:\n    raise ValueError", expected)
            for test, expected in [
                ("not a", True), ("a is None", True), ("a == ''", False), ("a == None", True), ("None is a", False),
                ("not (a is not None)", True), ("not (a != '')", False), ("a in (None, '')", True), ("a in ['']", False),
                ("a not in ('x', 'y')", True), ("a in ('x', 'y')", False), ("a == 'x'", False), ("len(a) == 0", None),
                ("not a or DEBUG", True), ("not a and DEBUG", SOMETIMES), ("DEBUG and not a", SOMETIMES), ("not bool(a)", True),
                ("bool(a)", False), ("not str(a)", False), ("a", False), ("a > 'b'", False), ("not a.strip()", None),
                ("(not a)", True), ("not [a]", PLAIN), ("not any([a])", True), ("not all([a])", True), ("any([a])", False), ("all([a])", False),
                ("all([not a])", True), ("not any([a, 'x'])", False), ("not any([a, DEBUG])", SOMETIMES), ("not all([a, DEBUG])", True),
                ("not any([True]) and not a", PLAIN), ("all([True]) and not a", True),
                ("'A' not in os.environ", True), ("not 'A' in os.environ", True), ("'A' in os.environ", False),
                ("a is not None", False), ("'A' not in environ", True),
            ]
            if expected is not None
        ),
        *(
            (f"if not getenv('A'):\n    {end}", True)
            for end in ("sys.exit(1)", "exit(1)", "quit()", "os._exit(1)", "os.abort()", "raise SystemExit", "raise KeyError('A')",
                        "assert False", "print('A'); sys.exit(1)", "x = sys.exit(1)")
        ),
        *((f"if not getenv('A'):\n    {end}", False) for end in ("pass", "print('A')", "sys.exc_info()", "warnings.warn('A')")),
        *(
            (f"a = {call}", True)
            for call in ("int(getenv('A'))", "float(getenv('A'))", "json.loads(getenv('A'))", "pathlib.Path(getenv('A'))",
                         "getenv('A').split()", "getenv('A')['x':]", "os.environ['A']", "os.environ.pop('A')", "[os.environ['A']]",
                         "{'a': os.environ['A']}", "(os.environ['A'],)", "f'{os.environ[\"A\"]}'", "lambda: 1, os.environ['A']",
                         "os.environ['A'].strip()", "not os.environ['A']", "-int(os.environ['A'])", "[x for x in [os.environ['A']]]",
                         "str(os.environ['A'])")
        ),
        *(
            (f"a = {call}", PLAIN)
            for call in ("getenv('A')", "str(getenv('A'))", "f'{getenv(\"A\")}'", "[getenv('A')]", "use(getenv('A'))", "lambda: getenv('A')")
        ),
        *(
            (f"a = {call}", "a")
            for call in ("getenv('A', 'a')", "getenv('A') or 'a'", "os.environ.get('A', 'a')", "os.environ.pop('A', 'a')",
                         "os.getenv('A', default='a')", "getenv('A') if getenv('A') else 'a'")
        ),
        ("a = getenv('A', 1)", "1"),
        ("a = getenv('A', -1)", "-1"),
        ("a = getenv('A', True)", "True"),
        ("a = getenv('A', None)", False),
        ("a = getenv('A', '')", ""),
        ("a = getenv('A', DEBUG)", False),
        ("a = os.environ['A'] if DEBUG else 1", SOMETIMES),
        ("a = 1 if DEBUG else os.environ['A']", SOMETIMES),
        ("while DEBUG:\n    os.environ['A']", SOMETIMES),
        ("for x in DEBUG:\n    os.environ['A']", SOMETIMES),
        ("for x in []:\n    os.environ['A']", None),
        ("for x in ('A',):\n    os.environ[x]", True),
        ("for x, y in [('A', 1)]:\n    os.environ[x]", True),
        ("for x, y in {'A': 1}.items():\n    os.environ[x]", True),
        ("for x in {'A': 1}:\n    os.environ[x]", True),
        ("for x in {'A': 1}.keys():\n    os.environ[x]", True),
        ("for x in {'k': 'A'}.values():\n    os.environ[x]", True),
        ("for x in {'A', 'A'}:\n    os.environ[x]", True),
        ("for x in ['A']:\n    if getenv(x):\n        continue\n    raise ValueError", True),
        ("for x in ['A']:\n    break\n    os.environ[x]", None),
        ("with open('x') as f:\n    os.environ['A']", True),
        ("async def f():\n    os.environ['A']", LATER),
        ("def f():\n    return os.environ['A']\nf()", True),
        ("def f(name):\n    return os.environ[name]\nf('A')", True),
        ("def f(name):\n    return os.environ[name]\nf(name='A')", True),
        ("def f(*, name):\n    return os.environ[name]\nf(name='A')", True),
        ("def f(name, /):\n    return os.environ[name]\nf('A')", True),
        ("def f(name='A'):\n    return os.environ[name]\nf()", True),
        ("def f(x, name='A'):\n    return os.environ[name]\nf(1)", True),
        ("def f(*, x=1, name='A'):\n    return os.environ[name]\nf()", True),
        ("def f(*, x, name='A'):\n    return os.environ[name]\nf(x=1)", True),
        ("def f(name, d=None):\n    v = getenv(name)\n    if v is None:\n        if d is None:\n            raise ValueError\n        return d\n    return v\nf('A')", True),
        ("f = lambda name: os.environ[name]\nf('A')", True),
        ("class C:\n    def __init__(self):\n        self.a = os.environ['A']\nC()", True),
        ("class C:\n    def __init__(self, name):\n        os.environ[name]\nC('A')", True),
        ("class C:\n    def __init__(self):\n        os.environ['A']", LATER),
        ("class C:\n    a = getenv('A')\nif not C.a:\n    raise ValueError", True),
        ("d = {'a': getenv('A')}\nif not d.get('a'):\n    raise ValueError", True),
        ("d = {'a': getenv('A')}\nif not d.get('b'):\n    raise ValueError", PLAIN),
        ("a, b = getenv('A'), 1\nif not a:\n    raise ValueError", True),
        ("b, a = 1, getenv('A')\nif not a:\n    raise ValueError", True),
        ("[a, b] = [getenv('A'), 1]\nif not a:\n    raise ValueError", True),
        ("a = b = getenv('A')\nif not a:\n    raise ValueError", True),
        ("a: str = getenv('A')\nif not a:\n    raise ValueError", True),
        ("a = ''\na += getenv('A')", PLAIN),
        ("missing = []\nif not getenv('A'):\n    missing.append('A')\nif missing:\n    raise ValueError", True),
        ("missing = set()\nif not getenv('A'):\n    missing.add('A')\nif missing:\n    raise ValueError", True),
        ("missing = [x for x in ['A'] if not getenv(x)]\nif missing:\n    raise ValueError", True),
        ("missing = [x for x in ['A'] if getenv(x)]\nif missing:\n    raise ValueError", False),
        ("missing = [x for x in ['A'] if not getenv(x)]\nif len(missing) > 0:\n    raise ValueError", True),
        ("missing = [x for x in ['A'] if not getenv(x)]\nif len(missing) == 0:\n    raise ValueError", False),
        ("missing = [x for x in ['A'] if not getenv(x)]\nif sorted(missing):\n    raise ValueError", True),
        ("if not all(getenv(x) for x in ('A',)):\n    raise ValueError", True),
        ("if any(not getenv(x) for x in ('A',)):\n    raise ValueError", True),
        ("if any(getenv(x) for x in ('A',)):\n    raise ValueError", False),
        ("try:\n    os.environ['A']\nexcept KeyError:\n    pass", False),
        ("try:\n    os.environ['A']\nexcept (KeyError, ValueError):\n    pass", False),
        ("try:\n    os.environ['A']\nexcept Exception:\n    pass", False),
        ("try:\n    os.environ['A']\nexcept LookupError:\n    pass", False),
        ("try:\n    os.environ['A']\nexcept:\n    pass", False),
        ("try:\n    os.environ['A']\nexcept OSError:\n    pass", True),
        ("try:\n    os.environ['A']\nexcept KeyError:\n    sys.exit(1)", True),
        ("try:\n    pass\nexcept KeyError:\n    pass\nelse:\n    os.environ['A']", False),
        ("try:\n    pass\nfinally:\n    os.environ['A']", True),
        ("try:\n    int(getenv('A'))\nexcept TypeError:\n    pass", False),
        ("if getenv('A'):\n    pass\nelse:\n    raise ValueError", True),
        ("if getenv('A'):\n    pass\nelif DEBUG:\n    pass\nelse:\n    raise ValueError", SOMETIMES),
        ("assert getenv('A'), 'A'", True),
        ("assert getenv('A') is not None", True),
        ("assert DEBUG or getenv('A')", SOMETIMES),
        ("os.environ['A'] = '1'\nos.environ['A']", "the program may set it itself"),
        ("os.environ[DEBUG] = '1'\nos.environ['A']", "the program may set it itself"),
        ("os.putenv('A', '1')\nos.environ['A']", "the program may set it itself"),
        ("os.environ.update(DEBUG)\nos.environ['A']", "the program may set it itself"),
        ("os.environ.setdefault('A', '1')\nos.environ['A']", "the program may set it itself"),
        ("os.environ['B'] = '1'\nos.environ['A']", True),
    ],
)  # fmt: skip
def test_python(code: str, expected: object) -> None:
    assert python(code) == {"Z": PLAIN} | ({} if expected is None else {"A": expected})


@pytest.mark.parametrize(
    ("code", "gap"),
    [
        ("os.environ[DEBUG]", COMPUTED),
        ("get_env('A')", "'get_env' may read variables, and is not in reach"),
        ("elsewhere.secret('A')", "'secret' may read variables, and is not in reach"),
    ],
)
def test_what_python_leaves_open(code: str, gap: str) -> None:
    assert python(f"from elsewhere import get_env\nimport elsewhere\n{code}") == {"Z": PLAIN, GAP: gap}


@pytest.mark.parametrize(
    ("statement", "use", "more"),
    [
        ("from .env import need", "need('A')", "app/env.py"),
        ("from .env import need as must", "must('A')", "app/env.py"),
        ("from . import env", "env.need('A')", "app/env.py"),
        ("from . import env as e", "e.need('A')", "app/env.py"),
        ("from ..env import need", "need('A')", "env.py"),
        ("from app.env import need", "need('A')", "app/env.py"),
        ("from app import env", "env.need('A')", "app/env.py"),
        ("from app.env import *", "need('A')", "app/env.py"),
        ("from app.config import need", "need('A')", "app/config/__init__.py"),
        ("from shop.env import need", "need('A')", "src/shop/env.py"),
    ],
)
def test_a_function_of_another_file_of_settings_is_followed(statement: str, use: str, more: str) -> None:
    env = "import os\ndef need(name):\n    return os.environ[name]\n"
    files = {
        "pyproject.toml": "",
        "app/settings.py": f"import os\n{statement}\nA = {use}\nZ = os.getenv('Z')\n",
        more: env,
    }
    (found,) = (each for each in lowered(files) if each.path == "app/settings.py")
    assert told(found) == {"A": True, "Z": PLAIN}


SETTINGS = "import pathlib\nfrom pydantic_settings import BaseSettings, SettingsConfigDict\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("class S(BaseSettings):\n    b: str\nclass T(pathlib.Path):\n    a: str", {"B": True}),
        ("class S(BaseSettings):\n    model_config: SettingsConfigDict = SettingsConfigDict(env_prefix='X_')\n    b: str", {"X_B": True}),
        ("class S(BaseSettings):\n    model_config = SettingsConfigDict(case_sensitive=True)\n    b: str", {"b": True}),
        ("class S(BaseSettings):\n    class Config:\n        case_sensitive = True\n    b: str", {"b": True}),
        ("class S(BaseSettings, env_prefix='X_'):\n    b: str", {"X_B": True}),
        ("class S(BaseSettings):\n    b: 'ClassVar[str]'\n    c: str", {"C": True}),
        ("class S(BaseSettings):\n    model_config = SettingsConfigDict(secrets_dir='/run')\n    b: str", {"B": "it may come from another source"}),
        ("from more import Field\nclass S(BaseSettings):\n    b: str = Field(alias='X')\n    c: str = Field('c')", {"X": True, "C": "c"}),
        ("from more import Field\nclass S(BaseSettings):\n    b: str = Field(default='x', validation_alias='X')", {"X": "x"}),
        ("from more import Field\nclass S(BaseSettings):\n    b: 'Annotated[str, Field(alias=X)]' = 'x'", {"B": "x"}),
        ("a = os.environ['A' 'B']\nclass S(BaseSettings):\n    c: str", {"AB": True, "C": True}),
    ],
)  # fmt: skip
def test_settings_classes(code: str, expected: dict[str, object]) -> None:
    assert read({"pyproject.toml": "", "app/settings.py": f"import os\n{SETTINGS}{code}\n"}) == expected


def test_fields_of_a_class_in_another_file_stand_there() -> None:
    files = {
        "pyproject.toml": "",
        "app/settings/base.py": f"# é\n{SETTINGS}class Base(BaseSettings):\n    a: str\n",
        "app/settings/prod.py": f"{SETTINGS}from .base import Base\nclass S(Base):\n    b: str\n",
    }
    (found,) = lowered(files)
    assert told(found) == {"A": True, "B": True}
    assert {key.key: key.span.path for key in found.keys} == {"A": "app/settings/base.py", "B": "app/settings/prod.py"}


def jvm(text: str, path: str = "application.yml", **more: str) -> dict[str, object]:
    folder = "src/main/resources/"
    return read({"pom.xml": "", folder + path: text, **{folder + name: each for name, each in more.items()}})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", {"A": True}),
        ("${ A }", {"A": True}),
        ("${A:a}", {"A": "a"}),
        ("${A:}", {"A": ""}),
        ("${A}${B}", {"A": True, "B": True}),
        ("x${A}y", {"A": True}),
        ("${A:${B}}", {"A": False, "B": ("A",)}),
        ("${A:${B:b}}", {"A": False, "B": "b"}),
        ("${A:${B:${C}}}", {"A": False, "B": False, "C": ("A", "B")}),
        ("${A:http://x}", {"A": "http://x"}),
        ("${other.url:${A}}", {"A": True}),
        ("${other.url:x}", {}),
        ("${other.url}", {GAP: "the property 'other.url' is set elsewhere"}),
        ("${server.port}", {}),
        ("{A}", {}),
        ("$A", {}),
        ("} ${A}", {"A": True}),
    ],
)
def test_placeholders_of_the_jvm(text: str, expected: dict[str, object]) -> None:
    assert jvm(f'spring:\n  url: "{text}"\nserver:\n  port: ${{Z}}\n') == {"Z": True} | expected
    assert jvm(f"spring.url={text}\nserver.port=${{Z}}\n", "application.properties") == {"Z": True} | expected


@pytest.mark.parametrize("separator", ["=", ":", " = ", " : "])
def test_properties_of_the_jvm(separator: str) -> None:
    text = f"# x{separator}${{X}}\n! y{separator}${{Y}}\n  spring.url{separator}${{A}}  \n=${{B}}\nword\n"
    assert jvm(text, "application.properties") == {"A": True}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("application-prod.yml", {"A": PROFILE, "B": PROFILE, "Z": True}),
        ("application-production.yml", {"A": PROFILE, "B": PROFILE, "Z": True}),
        ("application-cloud.yml", {"A": PROFILE, "B": PROFILE, "Z": True}),
        ("application-dev.yml", {"A": True, "Z": True}),
        ("application-local.yml", {"A": True, "Z": True}),
        ("application-test.yml", {"A": True, "Z": True}),
        ("application-prod.yaml", {"A": True, "Z": True}),
        ("applications-prod.yml", {"A": True, "Z": True}),
        ("more/application-prod.yml", {"A": True, "Z": True}),
        ("other-prod.yml", {"A": True, "Z": True}),
    ],
)
def test_files_of_profiles_lie_over_that_of_the_application(name: str, expected: dict[str, object]) -> None:
    text = "spring:\n  url: ${A}\nserver:\n  ports: ['${Z}']\n"
    assert jvm(text, **{name: "spring:\n  url: ${B}\n"}) == expected


@pytest.mark.parametrize(
    ("text", "more", "expected"),
    [
        ("spring:\n  url: ${A:x}\n", {"application-prod.yml": "spring:\n  url: y\n"}, {"A": False}),
        ("spring:\n  url: ${A:x}\n", {"application-prod.yml": "spring:\n  url: ${A:y}\n"}, {"A": "x"}),
        ("spring:\n  url: ${A:x}\n", {"application-dev.yml": "spring:\n  url: y\n"}, {"A": "x"}),
        ("spring:\n  url: ${A:x}\n", {"bootstrap.yml": "cloud:\n  uri: ${B:y}\n"}, {"A": "x"}),
    ],
)
def test_a_default_that_a_profile_replaces_holds_at_times(
    text: str, more: dict[str, str], expected: dict[str, object]
) -> None:
    assert jvm(text, **more) == expected


@pytest.mark.parametrize("mark", ["spring.config.activate.on-profile: prod", "spring:\n  profiles: prod"])
def test_a_document_of_a_profile_lies_over_that_of_the_application(mark: str) -> None:
    assert jvm(f"server:\n  port: ${{Z}}\n---\n{mark}\nurl: ${{A}}\n") == {"Z": True, "A": PROFILE}


def test_the_default_of_a_variable_stands_where_it_is_written() -> None:
    text = 'package c\nimport "os"\nfunc Load() { use(first(os.Getenv("A"), "xx")) }\n'
    text += 'func first(a, b string) string { if a == "" { return b }; return a }\n'
    (found,) = lowered({"go.mod": "", "config.go": text})
    (key,) = found.keys
    assert isinstance(key.default, Known)
    assert (key.default.span.start, key.default.span.end) == (text.index("xx"), text.index("xx") + 2)
