"""The one place where a Kafka client is configured: consumers, producers and the administrator.

Everything about addresses and logins comes from the settings; everything else is what the kernel's
guarantees rest on, and is not a setting.
"""

import ssl
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from shared.settings import Settings

if TYPE_CHECKING:
    from faststream.security import BaseSecurity

PRODUCER_BATCH_BYTES = 950_000
"""A batch travels whole: below the 1 MiB that a broker takes, above the largest value (900 KB)."""
FETCH_MAX_BYTES = 16 * 1024 * 1024
PARTITION_FETCH_BYTES = 1024 * 1024
"""With the fetch limit, what bounds a consumer's memory. A larger single record still arrives."""
MAX_POLL_INTERVAL_MS = 15 * 60_000
"""A big file, or a database that is away, keeps a batch busy for long; heartbeats go on."""
REQUEST_TIMEOUT_MS = 15_000


def connection_options(settings: Settings) -> dict[str, Any]:
    """Address, encryption and login, as aiokafka's clients take them."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers.split(","),
        "security_protocol": settings.kafka_security_protocol,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "retry_backoff_ms": 200,
        "metadata_max_age_ms": 60_000,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = _password(settings)
    return options


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    if settings.kafka_ssl_certfile is not None:
        context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile)
    return context


def _password(settings: Settings) -> str | None:
    password = settings.kafka_sasl_password
    return None if password is None else password.get_secret_value()


def faststream_security(settings: Settings) -> "BaseSecurity | None":
    """The same encryption and login in FastStream's own terms."""
    from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

    protocol = settings.kafka_security_protocol
    if protocol == "PLAINTEXT":
        return None
    context = _ssl_context(settings) if protocol.endswith("SSL") else None
    if not protocol.startswith("SASL"):
        return BaseSecurity(ssl_context=context)
    mechanism = {
        "PLAIN": SASLPlaintext,
        "SCRAM-SHA-256": SASLScram256,
        "SCRAM-SHA-512": SASLScram512,
    }[settings.kafka_sasl_mechanism]
    return mechanism(
        username=settings.kafka_sasl_username or "",
        password=_password(settings) or "",
        ssl_context=context,
    )


def producer(settings: Settings, client_id: str) -> AIOKafkaProducer:
    """A producer whose acknowledgement means: on every in-sync replica."""
    return AIOKafkaProducer(
        **connection_options(settings),
        client_id=client_id,
        acks="all",
        enable_idempotence=settings.kafka_idempotent_producer,
        max_batch_size=PRODUCER_BATCH_BYTES,
        max_request_size=2 * PRODUCER_BATCH_BYTES,
    )


def administrator(settings: Settings) -> AIOKafkaAdminClient:
    """A client that creates topics."""
    options = connection_options(settings)
    options.pop("retry_backoff_ms")
    return AIOKafkaAdminClient(**options, retry_backoff_ms=200)


def group_of(settings: Settings, service: str) -> str:
    """The consumer group of a service."""
    return f"{settings.kafka_group_prefix}.{service}"


def consumer_options(settings: Settings) -> dict[str, Any]:
    """What a subscriber is given beside its topics. Offsets are committed by the kernel alone.

    The range assignor gives partition n of every topic to the same member: all that concerns one
    claim is then decided by one process, in turn.
    """
    return {
        "auto_offset_reset": "earliest",
        "session_timeout_ms": settings.kafka_session_timeout_ms,
        "heartbeat_interval_ms": settings.kafka_heartbeat_interval_ms,
        "max_poll_interval_ms": MAX_POLL_INTERVAL_MS,
        "fetch_max_bytes": FETCH_MAX_BYTES,
        "max_partition_fetch_bytes": PARTITION_FETCH_BYTES,
        "fetch_max_wait_ms": 250,
        "partition_assignment_strategy": (RangePartitionAssignor,),
    }
