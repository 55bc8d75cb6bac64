"""Side 4: the databases and caches that the application talks to are the same product in the same version."""

from clean_hexagon.data_services.extensions import (
    extension_set_mismatch,
    pgvector_version_drift,
    vector_extension_not_created,
)
from clean_hexagon.data_services.families import pg_family_mismatch, pg_flavour
from clean_hexagon.data_services.pgvector import pgvector_missing_locally
from clean_hexagon.data_services.postgres import (
    postgres_major_mismatch,
    postgres_minor_mismatch,
    postgres_minor_unprovable,
    rds_auto_minor_upgrade,
)
from clean_hexagon.data_services.postgres_images import db_libc_collation, pg18_volume_path
from clean_hexagon.data_services.redis import redis_major_mismatch
from clean_hexagon.data_services.server_settings import cache_cluster_mode, cache_policy, db_settings_divergence
from clean_hexagon.data_services.service_containers import ci_datastore_drift
from clean_hexagon.data_services.supabase import supabase_version_mismatch
from clean_hexagon.data_services.tags import cache_engine_or_tag, datastore_unpinned, redis_minor_drift
from clean_hexagon.data_services.transport import cache_tls_auth, db_tls

RULES = (
    postgres_major_mismatch,
    postgres_minor_mismatch,
    postgres_minor_unprovable,
    rds_auto_minor_upgrade,
    pg_family_mismatch,
    pg_flavour,
    pgvector_missing_locally,
    vector_extension_not_created,
    extension_set_mismatch,
    pgvector_version_drift,
    redis_major_mismatch,
    redis_minor_drift,
    cache_engine_or_tag,
    datastore_unpinned,
    supabase_version_mismatch,
    ci_datastore_drift,
    db_settings_divergence,
    db_libc_collation,
    db_tls,
    cache_tls_auth,
    cache_policy,
    cache_cluster_mode,
    pg18_volume_path,
)
"""The rules of this side."""
