"""Side 2: one Dockerfile builds one image for both sides, for both platforms, and runs as the same user."""

from clean_hexagon.containerization.bases import arch_pinned, base_image_drift, runtime_version_mismatch
from clean_hexagon.containerization.builds import build_args_divergence, build_target_divergence, stock_image_for_app
from clean_hexagon.containerization.files import (
    bind_mount_shadows_image,
    healthcheck_binary_missing,
    readonly_filesystem,
    writable_path_not_owned,
)
from clean_hexagon.containerization.images import cloud_arch_not_built, different_dockerfile, multiarch_not_built
from clean_hexagon.containerization.users import container_runs_as_root, effective_user_mismatch

RULES = (
    different_dockerfile,
    stock_image_for_app,
    build_target_divergence,
    build_args_divergence,
    multiarch_not_built,
    arch_pinned,
    cloud_arch_not_built,
    container_runs_as_root,
    effective_user_mismatch,
    writable_path_not_owned,
    base_image_drift,
    healthcheck_binary_missing,
    bind_mount_shadows_image,
    runtime_version_mismatch,
    readonly_filesystem,
)
"""The rules of this side."""
