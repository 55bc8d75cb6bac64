"""Databases, caches, search engines, queues and buckets, whoever runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policyengine.model.image import meaning
from policyengine.model.nodes.node import Node
from policyengine.model.value import Floating, Known

if TYPE_CHECKING:
    from policyengine.model.image import ImageRef, Meaning, Version
    from policyengine.model.nodes.node import Variable
    from policyengine.model.source import Span
    from policyengine.model.value import Unknown, Value


class Datastore(Node, frozen=True, kw_only=True):
    """A database, cache, search engine, queue or bucket: a container's image or a managed resource.

    `engine` is the product in lower case (`postgres`, `mysql`, `redis`, `valkey`, `opensearch`, `sqs`, `s3` …).
    `service` is the id of the Service that runs it, empty for a managed one. `image` is the image a container runs,
    or the FROM of the image it is built from. `emulates` is the engine for which a program stands in that stands in
    for several, such as `dynamodb` for LocalStack.
    """

    engine: Value[str]
    version: Value[Version]  # of the engine
    service: str = ""
    image: Value[ImageRef] | None = None
    database_name: Value[str] | None = None  # the first database
    port: Value[int] | None = None  # that it listens on
    parity: Value[str] | None = None  # the twin that the files name
    emulates: str = ""

    @property
    def reference(self) -> ImageRef | None:
        """The image that it runs, as far as it is known."""
        return self.image.value if isinstance(self.image, Known | Floating) else None

    @property
    def major(self) -> int | None:
        """The major of its version, as far as it is fixed."""
        return self.version.value.major if isinstance(self.version, Known | Floating) else None

    @property
    def meaning(self) -> Meaning | None:
        """What version the tag of its image meant, where the tag moves and the table knows it."""
        return None if self.reference is None else meaning(self.reference)

    @property
    def place(self) -> Span:
        """Where its image stands, or its version where it has no image."""
        return self.version.span if self.image is None else self.image.span

    @property
    def written(self) -> str:
        """Its image as it was written, or its version where no image is known."""
        return self.shown_version if self.reference is None else self.reference.shown

    @property
    def shown_version(self) -> str:
        """Its version as people read it."""
        return str(self.version.value) if isinstance(self.version, Known | Floating) else "unknown"


class Database(Datastore, frozen=True, kw_only=True):
    """A relational or document database.

    `flavour` tells managed variants of one engine apart: `rds`, `aurora`, `supabase`, `community`.
    `vector` is whether pgvector can be used: Known for a container image whose packages are known. `parameters_gap`
    says why a managed one may be told more than `parameters`; what a server is told is asked of `Graph.settings`.
    `family` is what its parameter group is for, `option_major` what its option group is for. `extensions` are those of
    a container's image beyond what comes with Postgres, `vector_version` the version of its pgvector.
    """

    flavour: str = "community"
    auto_minor_upgrade: Value[bool] | None = None  # whether the service upgrades minors by itself
    family: Value[str] | None = None
    option_major: Value[str] | None = None
    parameters: tuple[Variable, ...] = ()
    parameters_gap: Unknown | None = None
    vector: Value[bool] | None = None
    vector_version: Value[Version] | None = None
    extensions: Value[tuple[str, ...]] | None = None
    libc: Value[str] | None = None  # `glibc` or `musl`


class Cache(Datastore, frozen=True, kw_only=True):
    """A key-value cache: Redis, Valkey, Memcached. `flavour` is who runs it: `elasticache`, `memorydb`, `community`."""

    flavour: str = "community"
    family: Value[str] | None = None  # the parameter family, `redis7`
    parameters: tuple[Variable, ...] = ()  # its parameter group
    parameters_gap: Unknown | None = None  # why there may be more parameters
    transit_encryption: Value[bool] | None = None  # whether connections use TLS
    auth: Value[bool] | None = None  # whether a password is asked for
    cluster_mode: Value[bool] | None = None  # whether keys are spread over shards


class Search(Datastore, frozen=True, kw_only=True):
    """A search engine: OpenSearch, Elasticsearch, Meilisearch and others."""


class Queue(Datastore, frozen=True, kw_only=True):
    """A message queue: SQS, RabbitMQ, Kafka and others."""


class Bucket(Datastore, frozen=True, kw_only=True):
    """An object store: S3, MinIO and others."""
