"""Side 3: variables come from one place on each side, secrets from a manager, and a missing one stops the start."""

from clean_hexagon.configuration.config_module import config_module_missing, env_key_missing_in_cloud
from clean_hexagon.configuration.env_files import env_file_exposed, env_local_not_loaded
from clean_hexagon.configuration.plaintext import plaintext_secret_in_cloud

RULES = (
    env_local_not_loaded,
    env_file_exposed,
    env_key_missing_in_cloud,
    plaintext_secret_in_cloud,
    config_module_missing,
)
"""The rules of this side."""
