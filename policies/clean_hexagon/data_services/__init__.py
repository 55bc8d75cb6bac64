"""Side 4: the databases and caches that the application talks to are the same product in the same version."""

from clean_hexagon.data_services.pgvector import pgvector_missing_locally
from clean_hexagon.data_services.postgres import (
    postgres_major_mismatch,
    postgres_minor_mismatch,
    postgres_minor_unprovable,
    rds_auto_minor_upgrade,
)
from clean_hexagon.data_services.redis import redis_major_mismatch

RULES = (
    postgres_major_mismatch,
    postgres_minor_mismatch,
    postgres_minor_unprovable,
    rds_auto_minor_upgrade,
    pgvector_missing_locally,
    redis_major_mismatch,
)
"""The rules of this side."""
