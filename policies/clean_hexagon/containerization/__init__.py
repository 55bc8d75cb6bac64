"""Side 2: one Dockerfile builds one image for both sides, for both platforms, and runs as the same user."""

from clean_hexagon.containerization.images import cloud_arch_not_built, different_dockerfile, multiarch_not_built
from clean_hexagon.containerization.users import container_runs_as_root, effective_user_mismatch

RULES = (
    different_dockerfile,
    multiarch_not_built,
    cloud_arch_not_built,
    container_runs_as_root,
    effective_user_mismatch,
)
"""The rules of this side."""
