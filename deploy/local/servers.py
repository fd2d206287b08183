"""The broker and the database a stack uses: started here, or elsewhere and only addressed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from deploy.local.apache_kafka import DEFAULT_CACHE, ApacheKafka
from deploy.local.kafka import Broker, EmbeddedKafka
from deploy.local.postgres import EmbeddedPostgres

KAFKA_VARIABLE = "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS"
POSTGRES_VARIABLES = ("CLAIMWIRE_POSTGRES_ADMIN_DSN", "CLAIMWIRE_POSTGRES_DSN")
KAFKA_KINDS = ("embedded", "apache", "apache3", "external")


class Postgres(Protocol):
    """A database server the local stack can use."""

    @property
    def dsn(self) -> str:
        """The administrator's address."""

    @property
    def pid(self) -> int | None: ...

    @property
    def is_running(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class ExternalPostgres:
    """A server that runs elsewhere. The address is an administrator's, to the line's database."""

    pid: int | None = None
    is_running = True

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def start(self) -> None:
        """Nothing to do: it runs."""

    def stop(self) -> None:
        """Nothing to do: others use it."""


class ExternalKafka:
    """A broker that runs elsewhere; its other settings are the environment's."""

    keeps_records = True
    settings: Mapping[str, str] = {}
    pids: tuple[int, ...] = ()
    is_running = True

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers

    def start(self) -> None:
        """Nothing to do: it runs."""

    def stop(self) -> None:
        """Nothing to do: others use it."""


def choose_kind(kind: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """The kind asked for; without one, `external` where an address is set, else `embedded`."""
    chosen = kind or ("external" if environment.get(KAFKA_VARIABLE) else "embedded")
    if chosen not in KAFKA_KINDS:
        raise ValueError(f"unknown kind of broker {chosen!r}: one of {', '.join(KAFKA_KINDS)}")
    return chosen


def choose_broker(
    kind: str, home: Path, environment: Mapping[str, str] = os.environ, cache: Path = DEFAULT_CACHE
) -> Broker:
    """A broker of that kind, not started yet, with its files below `home`."""
    if kind == "external":
        address = environment.get(KAFKA_VARIABLE)
        if not address:
            raise ValueError(f"an external broker needs its address in {KAFKA_VARIABLE}")
        return ExternalKafka(address)
    if kind == "embedded":
        return EmbeddedKafka(home)
    return ApacheKafka(home, nodes=3 if kind == "apache3" else 1, cache=cache)


def choose_postgres(home: Path, environment: Mapping[str, str] = os.environ) -> Postgres:
    """The server the environment names by an administrator's address, else an embedded one."""
    for name in POSTGRES_VARIABLES:
        if environment.get(name):
            return ExternalPostgres(environment[name])
    return EmbeddedPostgres(home)
