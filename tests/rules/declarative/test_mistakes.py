"""What is said of a pack in YAML that is wrong: file, line, column, and what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from policyengine.model.source import UsageError
from policyengine.rules.declarative import yaml_pack, yaml_rules
from tests.rules.declarative.acme import refused

HEAD = "pack: acme\nversion: '1'\nrules:\n"
ROOT = Path(__file__).parent.parent.parent.parent


def rule(**changed: str | None) -> str:
    """A pack of one rule, whose keys stand at lines 4 to 9, with others and further ones."""
    keys: dict[str, str | None] = {
        "id": "ACME001",
        "summary": "Broken.",
        "severity": "error",
        "select": "{service: {}}",
        "require": "service.name != 'x'",
        "message": '"{service.name}"',
    }
    lines = [f"    {name}: {text}" for name, text in (keys | changed).items() if text is not None]
    return HEAD + "\n".join(lines).replace("    ", "  - ", 1) + "\n"


def case(name: str, text: str, said: str) -> object:
    return pytest.param(text, said, id=name)


KEYS = "args, at, cwe, fix, id, mandate, message, name, precision, rationale, related, remedy, require, security, select, severity, summary, tags, where"
FILES = [
    case("no YAML", "pack: [\n", "2:1: not valid YAML: did not find expected node content, while parsing a flow node"),
    case("nothing", "", "1:1: the file is empty; it holds 'rules'"),
    case("no name", "rules: []\n", "1:1: one file names the pack: 'pack: NAME'"),
    case("an unknown key", rule(sevrity="error"), f"10:5: unknown key 'sevrity' in 'rules.0'; it may be {KEYS}"),
    case("a missing key", rule(require=None), "4:5: 'rules.0' lacks the key 'require'"),
    case("an unknown severity", rule(severity="fatal"), "6:15: 'rules.0.severity' must be one of error, note, warning"),
    case("an id of another form", rule(id="acme"), "4:9: 'rules.0.id' must match ^[A-Z]{1,8}-?[0-9]{1,6}$"),
    case("an id that is there", rule() + rule().removeprefix(HEAD), "10:9: the rule ACME001 is there already"),
    case("a mandate that is not there", rule(mandate="A2").replace("rules:", "mandates: {A1: Text.}\nrules:"), "11:14: there is no mandate 'A2'; there are A1"),
    case("a name of another form", rule(name="Foreign"), "10:11: 'rules.0.name' must match ^[a-z][a-z0-9_]*$"),
    case("an unknown precision", rule(precision="sure"), "10:16: 'rules.0.precision' must be one of high, low, medium, very-high"),
    case("a default of another type", "parameters: {days: {type: integer, default: seven}}\n" + rule(), "1:45: the default of 'days' is no integer"),
    case("a parameter with a dash", "parameters: {my-days: {type: integer, default: 7}}\n" + rule(), "1:14: 'my-days' is no name of a parameter, such as 'registry'"),
    case("an unknown type", "parameters: {days: {type: int, default: 7}}\n" + rule(), "1:27: 'parameters.days.type' must be one of boolean, integer, number, string, strings"),
]  # fmt: skip
SELECTIONS = [
    case("two kinds", rule(select="{service: {}, stage: {}}"), "7:13: 'select' has one key, the kind of what is selected; here are service and stage"),
    case("no kind", rule(select="{}"), "7:13: 'select' has one key, the kind of what is selected"),
    case("no mapping", rule(select="service"), "7:13: 'select' is a mapping, such as {service: {}}"),
    case("a type of resources alone", rule(select="aws_kms_key"), "7:13: 'select' is a mapping, such as {resource: aws_kms_key}"),
    case("a parameter that is not declared", rule(require="service.name == params.days"), "8:37: there is no parameter 'days'; none is declared"),
    case("an unknown kind", rule(select="{servce: {}}"), "7:14: unknown key 'servce' in 'rules.0.select'; did you mean 'service'?"),
    case("an unknown filter", rule(select="{service: {sid: local}}"), "7:24: unknown key 'sid' in 'rules.0.select.service'; it may be engine, role, side"),
    case("an unknown side", rule(select="{service: {side: here}}"), "7:30: 'rules.0.select.service.side' must be one of cloud, local, pipeline, source"),
    case("a filter of others", rule(select="{database: {role: app}}"), "7:25: a database has no 'role'"),
    case("pairs of what has none", rule(select="{pair: {of: servce}}"), "7:25: there are no pairs of 'servce'; did you mean 'service' or 'secret'?"),
    case("a number for types", rule(select="{resource: 3}"), "7:24: 'rules.0.select.resource' must be a list or a text"),
]  # fmt: skip
CONDITIONS = [
    case("one that ends too early", rule(require="service.name =="), "8:29: the expression ends too early"),
    case("a sign that is none of CEL", rule(require="service.name == 'x' || @x"), "8:37: '@' does not fit here"),
    case("a field that is not there", rule(require="service.nmae == 'x'"), "8:22: a Service has no field 'nmae'; did you mean 'name' or 'names'?"),
    case("in a second line", rule(require="|\n      service.name == 'x' &&\n        service.image.tga == 'x'"), "10:23: an ImageRef has no field 'tga'; did you mean 'tag'?"),
    case("in a folded line", rule(require=">-\n      service.name == 'x' &&\n      service.image.tga == 'x'"), "10:21: an ImageRef has no field 'tga'; did you mean 'tag'?"),
    case("behind escapes", rule(require='"service.name == \\"x\\" && service.image.tga == \'x\'"'), "8:54: an ImageRef has no field 'tga'; did you mean 'tag'?"),
    case("behind doubled quotes", rule(require="'service.name == ''x'' && service.image.tga == ''x'''"), "8:54: an ImageRef has no field 'tga'; did you mean 'tag'?"),
    case("a field of the elements", rule(require="service.ports.exists(p, p.traget == 80)"), "8:40: a Port has no field 'traget'; did you mean 'target'?"),
    case("a field of a text", rule(require="service.name.x == 'x'"), "8:27: 'service.name' is text and has no field 'x'"),
    case("a field of a list", rule(require="service.ports.target == 80"), "8:28: 'service.ports' is a list of Port; ask its elements with exists() or all()"),
    case("a field behind a filter", rule(require="service.ports.filter(p, p.target == 1)[0].target == 3"), "8:55: a field of an element of a list is asked within exists() or all(), not behind it"),
    case("a loop over a text", rule(require="service.name.exists(n, n == 'x')"), "8:14: 'service.name' is text and no list"),
    case("a root that is not there", rule(require="node.name == 'x'"), "8:14: there is no 'node' here; there are every, params, service; a text stands in quotes"),
    case("a text without quotes", rule(require="service.user != root"), "8:30: there is no 'root' here; there are every, params, service; a text stands in quotes"),
    case("a word of another language", rule(require="service.privileged == True"), "8:36: there is no 'True' here; did you mean 'true'?"),
    case("a function of another language", rule(require="len(service.ports) == 0"), "8:14: there is no function 'len'; did you mean 'size'?"),
    case("an operator of another language", rule(require="service.name == 'x' and service.name == 'y'"), "8:34: 'and' does not fit here; did you mean '&&'?"),
    case("one sign of equality", rule(require="service.name = 'x'"), "8:27: '=' does not fit here; did you mean '=='?"),
    case("an argument that is not under values", rule(select="{resource: aws_instance}", require="resource.ami == 'x'", message="x"), "8:23: a Declaration has no field 'ami'; its arguments are under 'resource.values'"),
    case("a parameter that is not there", rule(require="params.dyas > 3"), "8:21: there is no parameter 'dyas'; none is declared"),
    case("a function that is not there", rule(require="service.name.startswith('x')"), "8:27: there is no function 'startswith'; did you mean 'startsWith'?"),
    case("types that do not fit", rule(require="service.image.tag == 1"), "8:32: '==' does not fit (text, number)"),
    case("types of elements", rule(require="service.ports.exists(p, p.target == '80')"), "8:47: '==' does not fit (number, text)"),
    case("types behind brackets", rule(require="service.profiles[0] == 1"), "8:34: '==' does not fit (text, number)"),
    case("types of an argument", rule(require="service.name.startsWith(1)"), "8:37: 'startsWith' does not fit (text, number)"),
    case("a text as the answer", rule(require="service.name"), "8:14: 'require' gives no answer of true or false but a string"),
    case("a record as a value", rule(require="service.healthcheck.test == 'x'"), "8:14: 'service.healthcheck.test' is no single value but of type Command; ask one of its fields: words, shell, text"),
    case("known() of a comparison", rule(require="known(service.name == 'x')"), "8:14: known() asks for one fact, as in known(service.…)"),
    case("has() of a key in brackets", rule(require="has(service.raw['x'])"), '8:29: has() takes a path that ends in a name; of a key in brackets ask x["key"] != null'),
    case("written() of what is no text", rule(require="written(service.healthcheck) == 'x'"), "8:22: 'service.healthcheck' is no single value but of type Healthcheck; ask one of its fields: test, interval, timeout, retries, start_period, disabled"),
    case("a pattern that is none", rule(require="service.name.matches('(')"), "8:35: the pattern is no regular expression: missing ): ("),
    case("a message that is made", rule(require='\'google.Service{name: "x"} == service\''), "8:15: 'google.Service' is no type that a condition can make"),
    case("a long one", rule(require="'" + "true && " * 600 + "true'"), "8:4015: the expression has over 4000 characters"),
    case("a deep one", rule(require="'" + "(" * 40 + "true" + ")" * 40 + "'"), "8:15: the expression is nested too deeply"),
    case("a kind of all nodes that is not there", rule(require="size(every.servce) == 1"), "8:25: an Every has no field 'servce'; did you mean 'service' or 'secret'?"),
    case("a field of all nodes that is not there", rule(require="every.service.nam == 1"), "8:28: 'every.service' is a list of Service; ask its elements with exists() or all()"),
    case("in where", rule(where="service.nam == 'x'"), "10:20: a Service has no field 'nam'; did you mean 'name' or 'names'?"),
]  # fmt: skip
MESSAGES = [
    case("a path that is not there", rule(message='"{service.nmae}"'), "9:24: a Service has no field 'nmae'; did you mean 'name' or 'names'?"),
    case("all nodes", rule(message='"{every.service.name}"'), "9:16: what all nodes have is told by an argument, which 'args' computes"),
    case("a name alone", rule(message='"{name}"'), "9:16: there is no 'name' here; did you mean 'service.name'?"),
    case("a name besides others", rule(message='"{name} {count}"', args="{count: size(service.ports)}"), "9:16: there is no 'name' here; did you mean 'service.name'? ('args' has count)"),
    case("a brace alone", rule(message='"{service.name"'), "9:15: a brace stands alone; write it twice: {{ or }}"),
    case("nothing in braces", rule(message='"{}"'), "9:16: a placeholder is empty"),
    case("a format", rule(message='"{service.name:>10}"'), "9:16: the placeholder '{service.name}' is no path"),
    case("a record", rule(message='"{service.healthcheck}"'), "9:16: 'service.healthcheck' is of type Healthcheck, which is no text; name one of its fields"),
    case("over five", rule(message='"{service.name} {service.id} {service.side} {service.role} {service.group} {service.noun}"'), "9:15: the message has over 5 placeholders"),
    case("a link to nothing", rule(message='"[the cloud](1)"'), "9:15: the message links place 1, and under 'related' there are none"),
    case("an argument for nothing", rule(args="{count: 'size(service.ports)'}"), "10:20: no text has a placeholder '{count}'"),
    case("an argument that is wrong", rule(args="{count: 'size(service.prts)'}", message='"{count}"'), "10:33: a Service has no field 'prts'; did you mean 'ports' or 'parity'?"),
    case("a place that is not there", rule(at="service.nam"), "10:17: a Service has no field 'nam'; did you mean 'name' or 'names'?"),
    case("a place that is no path", rule(at="size(service.name)"), "10:9: 'size(service.name)' is no path, such as service.name"),
    case("a related place that is not there", rule(related="[service.nam]"), "10:23: a Service has no field 'nam'; did you mean 'name' or 'names'?"),
    case("a half replacement", rule(fix="{description: x, replace: service.name}"), "10:10: 'replace' and 'by' stand together"),
    case("a fix with a path that is not there", rule(fix="{description: '{service.nam}'}"), "10:34: a Service has no field 'nam'; did you mean 'name' or 'names'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [*FILES, *SELECTIONS, *CONDITIONS, *MESSAGES])
def test_a_mistake_is_told_with_its_place(text: str, said: str, tmp_path: Path) -> None:
    assert refused(tmp_path, text) == f"acme.yaml:{said}"


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"policy pack '.*none\.yaml' cannot be read: No such file or directory"):
        yaml_pack(tmp_path / "none.yaml")


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_bytes(b"pack: \xff\n")
    with pytest.raises(UsageError, match=r"cannot be read: it is not UTF-8"):
        yaml_pack(tmp_path / "acme.yaml")


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text("#" * (1 << 20) + "\n\n")
    with pytest.raises(UsageError, match="has over 1048576 bytes; a pack is several files in a folder"):
        yaml_pack(tmp_path / "acme.yaml")


def test_two_files_of_a_folder_cannot_both_name_the_pack(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(rule())
    (tmp_path / "b.yaml").write_text("version: '1'\npack: acme\n")
    with pytest.raises(UsageError, match=r"b\.yaml:2:1: the pack has a name already"):
        yaml_pack(tmp_path)


def test_a_rule_of_another_file_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(rule())
    (tmp_path / "b.yaml").write_text(rule().partition("rules:")[1] + "\n" + rule().removeprefix(HEAD))
    with pytest.raises(UsageError, match=r"b\.yaml:2:9: the rule ACME001 is there already"):
        yaml_pack(tmp_path)


@pytest.mark.parametrize(("key", "part"), [("sides", "{one: First}"), ("mandates", "{one: First}")])
def test_what_another_file_names_is_not_named_again(key: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(rule() + f"{key}: {part}\n")
    (tmp_path / "b.yaml").write_text(f"{key}: {part}\n")
    with pytest.raises(UsageError, match=rf"b\.yaml:1:{len(key) + 4}: 'one' is in {key} already"):
        yaml_pack(tmp_path)


def test_the_names_in_a_message_are_those_of_the_facts(tmp_path: Path) -> None:
    message = "'{service.name}' runs '{service.image.tag}', {service.command} {service.stop_grace_period}"
    (tmp_path / "a.yaml").write_text(rule(message=f'"{message}"'))
    (each,) = yaml_pack(tmp_path).rules
    assert dict(each.messages) == {"default": "'{name}' runs '{image_tag}', {command} {stop_grace_period}"}


def test_what_a_pack_in_python_says_is_not_said_in_its_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(rule())
    with pytest.raises(UsageError, match=r"rules\.yaml:1:1: 'pack' is said by the pack in Python that these rules are"):
        yaml_rules(tmp_path / "rules.yaml")


PROGRAM = (
    "import sys; sys.modules['cel_expr_python'] = None; from policyengine import cli; sys.exit(cli.main(sys.argv[1:]))"
)


def run(
    *words: str, program: str = "from policyengine import cli; import sys; sys.exit(cli.main(sys.argv[1:]))"
) -> tuple[int, str]:
    made = subprocess.run(
        [sys.executable, "-c", program, *words],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'policies'}"},
    )
    return made.returncode, made.stderr + made.stdout


def test_without_the_library_a_pack_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(rule())
    code, said = run("rules", "--pack", str(tmp_path / "acme.yaml"), program=PROGRAM)
    assert (code, said) == (
        2,
        "policyengine: rules in YAML and queries need the CEL library: pip install 'policyengine-iac[yaml]'\n",
    )


def test_a_mistake_is_wrong_usage_on_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(rule(require="service.nam == 'x'"))
    said = f"policyengine: {path}:8:22: a Service has no field 'nam'; did you mean 'name' or 'names'?\n"
    assert run("scan", str(tmp_path), "--pack", str(path)) == (2, said)
