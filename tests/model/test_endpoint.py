from __future__ import annotations

import pytest

from policyengine.api import Floating, Known, Span, Value, Variable, endpoints, origin_of, shown_origin, web_origin
from policyengine.model.endpoint import addresses, hosts

HERE = Span(".env", 0, 10)


def variable(key: str, text: str) -> Variable:
    return Variable(key, HERE, Known(text, Span(".env", 100, 100 + len(text))))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://127.0.0.1:3005/path", "http://127.0.0.1:3005"),
        ("HTTPS://App.example.org", "https://app.example.org"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("postgres://db:5432/app", None),
        ("see http://localhost", None),
        ("", None),
    ],
)
def test_only_a_web_address_has_an_origin(text: str, expected: str | None) -> None:
    found = web_origin(text)
    assert (None if found is None else found.origin) == expected


def test_the_host_may_be_what_a_resource_gives() -> None:
    value: Value[str] = Floating("http://${aws_lb.main.dns_name}/login", HERE)
    found = origin_of(value)
    assert found is not None
    assert found.host == "aws_lb.main.dns_name"
    assert shown_origin(value, found) == "http://${aws_lb.main.dns_name}"


def test_a_password_is_never_part_of_a_shown_origin() -> None:
    value: Value[str] = Floating("https://user:${random_password.db.result}@shop.example.org", HERE)
    found = origin_of(value)
    assert found is not None
    assert shown_origin(value, found) == "https://shop.example.org"


def test_the_port_of_a_scheme_is_known_and_of_another_is_none() -> None:
    assert [(each.host, each.port, each.written) for each in endpoints("redis://cache amqp://q solr://search/x")] == [
        ("cache", 6379, False),
        ("q", 5672, False),
        ("search", 0, False),
    ]


def test_a_host_variable_goes_with_the_variable_that_holds_its_port() -> None:
    environment = {each.key: each for each in (variable("DB_HOST", "localhost"), variable("DB_PORT", "5434"))}
    (found,) = addresses(environment)
    assert (found.variable.key, str(found.endpoint), found.words) == ("DB_HOST", "localhost:5434", None)
    assert found.port is not None
    assert found.port.value == "5434"
    (alone,) = addresses({"CACHE_HOST": variable("CACHE_HOST", "localhost")})
    assert alone.port is None
    assert alone.speaks_of("redis")
    assert not alone.speaks_of("postgres")


def test_an_address_knows_where_it_stands_and_for_whom_it_is() -> None:
    url = variable("API_URL", "http://localhost:8080/v1")
    (found,) = addresses({"API_URL": url})
    assert (found.span, found.exact) == (Span(".env", 107, 121), True)
    assert found.endpoint.loopback
    assert not found.endpoint.gateway
    assert (found.for_servers, found.for_browsers) == (True, False)
    (public,) = addresses({"NEXT_PUBLIC_API_URL": variable("NEXT_PUBLIC_API_URL", "http://localhost:8080")})
    assert public.for_browsers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("db", {"db"}),
        ("DB:5432", {"db"}),
        ("kafka-1:9092,kafka-2:9092", {"kafka-1", "kafka-2"}),
        ("postgres://user:pw@Db/app", {"db"}),
        ("two words", set()),
    ],
)
def test_the_hosts_that_a_value_names(text: str, expected: set[str]) -> None:
    assert hosts(text) == expected
