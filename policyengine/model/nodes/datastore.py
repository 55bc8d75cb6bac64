"""Databases, caches, search engines, queues and buckets, whoever runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.nodes.node import Node

if TYPE_CHECKING:
    from policyengine.model.image import ImageRef, Version
    from policyengine.model.nodes.node import Variable
    from policyengine.model.value import Value


class Datastore(Node, frozen=True, kw_only=True):
    """A database, cache, search engine, queue or bucket: a container's image or a managed resource.

    `engine` is the product in lower case (`postgres`, `mysql`, `redis`, `valkey`, `opensearch`, `sqs`, `s3` …).
    `service` is the id of the Service that runs it, empty for a managed one. `image` is the image a container runs,
    or the FROM of the image it is built from.
    """

    engine: Value[str]
    version: Value[Version]
    service: str = ""
    image: Value[ImageRef] | None = None
    database_name: Value[str] | None = None
    port: Value[int] | None = None
    parity: Value[str] | None = None


class Database(Datastore, frozen=True, kw_only=True):
    """A relational or document database.

    `flavour` tells managed variants of one engine apart: `rds`, `aurora`, `supabase`, `community`.
    `vector` is whether pgvector can be used: Known for a container image whose packages are known.
    """

    flavour: str = "community"
    auto_minor_upgrade: Value[bool] | None = None
    family: Value[str] | None = None
    parameters: tuple[Variable, ...] = ()
    vector: Value[bool] | None = None


class Cache(Datastore, frozen=True, kw_only=True):
    """A key-value cache: Redis, Valkey, Memcached."""

    family: Value[str] | None = None
    parameters: tuple[Variable, ...] = ()
    transit_encryption: Value[bool] | None = None
    auth: Value[bool] | None = None
    cluster_mode: Value[bool] | None = None


class Search(Datastore, frozen=True, kw_only=True):
    """A search engine: OpenSearch, Elasticsearch, Meilisearch and others."""


class Queue(Datastore, frozen=True, kw_only=True):
    """A message queue: SQS, RabbitMQ, Kafka and others."""


class Bucket(Datastore, frozen=True, kw_only=True):
    """An object store: S3, MinIO and others."""
