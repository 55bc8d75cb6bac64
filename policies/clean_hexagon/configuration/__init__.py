"""Side 3: variables come from one place on each side, secrets from a manager, and a missing one stops the start."""

from clean_hexagon.configuration.config_module import config_module_missing, env_key_missing_in_cloud
from clean_hexagon.configuration.env_files import env_example_incomplete, env_file_exposed, env_local_not_loaded
from clean_hexagon.configuration.in_repository import secret_in_repo
from clean_hexagon.configuration.infisical import infisical_parity
from clean_hexagon.configuration.managers import broken_secret_reference, secret_not_from_manager
from clean_hexagon.configuration.modes import node_env_divergence
from clean_hexagon.configuration.parity import env_key_missing_locally, env_value_divergence
from clean_hexagon.configuration.plaintext import plaintext_secret_in_cloud
from clean_hexagon.configuration.reads import build_time_public_env, env_read_outside_config
from clean_hexagon.configuration.strictness import config_not_strict, validation_bypassed

RULES = (
    env_local_not_loaded,
    env_file_exposed,
    env_key_missing_in_cloud,
    env_key_missing_locally,
    env_example_incomplete,
    plaintext_secret_in_cloud,
    secret_not_from_manager,
    secret_in_repo,
    broken_secret_reference,
    infisical_parity,
    config_module_missing,
    config_not_strict,
    env_read_outside_config,
    validation_bypassed,
    build_time_public_env,
    node_env_divergence,
    env_value_divergence,
)
"""The rules of this side."""
