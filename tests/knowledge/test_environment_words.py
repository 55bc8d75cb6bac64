"""The environment that is assumed where no file names one."""

from policyengine.knowledge.names import environment_words


def test_production_is_first_called_by_its_own_name() -> None:
    assert environment_words("prod")[:2] == ("prod", "production")
    assert set(environment_words("prod")) >= {"prod", "production", "prd", "live"}
