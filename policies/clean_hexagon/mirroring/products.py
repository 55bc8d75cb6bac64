"""Engines as messages spell them."""

from __future__ import annotations

_PRODUCTS = {
    "postgres": "Postgres", "mysql": "MySQL", "mariadb": "MariaDB", "redis": "Redis", "valkey": "Valkey", "sqs": "SQS",
    "memcached": "Memcached", "opensearch": "OpenSearch", "elasticsearch": "Elasticsearch", "sqlite": "SQLite",
    "s3": "S3",
    "rabbitmq": "RabbitMQ", "kafka": "Kafka", "minio": "MinIO", "mongodb": "MongoDB", "mongo": "MongoDB",
}  # fmt: skip


def product(engine: str) -> str:
    """An engine as its makers write it."""
    return _PRODUCTS.get(engine, engine)
