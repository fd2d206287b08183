"""Apache Kafka on this machine, one node or three, in KRaft mode: the engine of production.

Needs Java 17 or later, and Maven once, to bring the jars. Three nodes replicate every record to
all and acknowledge it when two have it, so that any one may be killed and nothing is lost.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from deploy.local.child import Child, StartError
from deploy.local.ports import LOOPBACK, answers, kept_port

_JARS = Path(__file__).with_name("kafka_jars")
_LOGGING = _JARS / "log4j2.properties"
DEFAULT_CACHE = Path("var/cache")
_HEAP = ("-Xms256m", "-Xmx512m")
_START_TIMEOUT_S = 90.0
_MAVEN_TIMEOUT_S = 900.0


def is_available() -> bool:
    """Whether Java and Maven are on the PATH, so that these brokers can run here."""
    return shutil.which("java") is not None and shutil.which("mvn") is not None


def jars(cache: Path = DEFAULT_CACHE) -> Path:
    """The folder with Kafka's jars, brought by Maven at the first call and kept in `cache`.

    Raises StartError when Maven is missing or fails.
    """
    pom = _JARS / "pom.xml"
    key = hashlib.sha256(pom.read_bytes()).hexdigest()[:12]
    folder = cache.absolute() / f"kafka-{key}"
    if folder.is_dir():
        return folder
    if shutil.which("mvn") is None:
        raise StartError("Apache Kafka needs Maven once, to bring its jars: mvn is not on the PATH")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".kafka-") as scratch:
        shutil.copy(pom, scratch)
        command = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*command, "-DoutputDirectory=jars"],
            cwd=scratch,
            capture_output=True,
            timeout=_MAVEN_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise StartError(f"Maven failed: {done.stdout.decode(errors='replace')[-500:]}")
        try:
            (Path(scratch) / "jars").rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    return folder


class ApacheKafka:
    """One or three nodes, each broker and controller at once, with files below `home`."""

    keeps_records = True

    def __init__(self, home: Path, *, nodes: int = 1, cache: Path = DEFAULT_CACHE) -> None:
        if nodes not in {1, 3}:
            raise ValueError("nodes must be 1 or 3")
        self._home = home.absolute()
        self._cache = cache
        self._nodes = tuple(range(1, nodes + 1))
        self._ports: dict[int, tuple[int, int]] = {}
        self._children: dict[int, Child] = {}
        self.settings: Mapping[str, str] = {
            "CLAIMWIRE_KAFKA_IDEMPOTENT_PRODUCER": "true",
            "CLAIMWIRE_KAFKA_REPLICATION_FACTOR": str(nodes),
            "CLAIMWIRE_KAFKA_MIN_INSYNC_REPLICAS": str(min(nodes, 2)),
            "CLAIMWIRE_KAFKA_SESSION_TIMEOUT_MS": "6000",
            "CLAIMWIRE_KAFKA_HEARTBEAT_INTERVAL_MS": "1500",
        }

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"{LOOPBACK}:{client}" for client, _ in self._ports.values())

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(child.pid for child in self._children.values() if child.pid)

    @property
    def is_running(self) -> bool:
        return len(self.pids) == len(self._nodes)

    def start(self) -> None:
        """Starts the nodes that do not run and waits for all; formats their data folders first
        where they are new."""
        if shutil.which("java") is None:
            raise StartError("Apache Kafka needs Java 17 or later: java is not on the PATH")
        for node in self._nodes if not self.pids else ():
            self._ports[node] = (
                kept_port(self._home / f"node{node}" / "port"),
                kept_port(self._home / f"node{node}" / "controller-port"),
            )
        self._format()
        for node in self._nodes:
            self._launch(node)
        for node in self._nodes:
            self._wait(node)

    def stop(self) -> None:
        """Asks all nodes to end at once: one by one the last two would wait for a quorum."""
        for child in self._children.values():
            child.ask_to_stop()
        for child in self._children.values():
            child.finish(timeout_s=15)

    def kill_node(self, node: int) -> None:
        """Ends one node, counted from 1, as a crash would."""
        self._children[node].kill()

    def restart_node(self, node: int) -> None:
        """Starts a node that was killed and waits for it."""
        self._launch(node)
        self._wait(node)

    def _launch(self, node: int) -> None:
        if node not in self._children:
            home = self._home / f"node{node}"
            command = [*_java(self._cache), "kafka.Kafka", str(home / "server.properties")]
            self._children[node] = Child(
                f"kafka-{node}", command, home / "kafka.log", _environment(), directory=home
            )
        self._children[node].start()

    def _wait(self, node: int) -> None:
        client, _ = self._ports[node]
        self._children[node].wait_until(lambda: answers(client), _START_TIMEOUT_S)

    def _format(self) -> None:
        """Writes each node's settings, and a fresh node's storage; all nodes at a time."""
        cluster = self._cluster_id()
        running = []
        for node in self._nodes:
            home = self._home / f"node{node}"
            settings = home / "server.properties"
            settings.write_text(self._properties(node))
            if (home / "data" / "meta.properties").exists():
                continue
            tool = [*_java(self._cache), "kafka.tools.StorageTool", "format"]
            # With =, since one id in 64 begins like an option.
            tool += [f"--cluster-id={cluster}", "--config", str(settings), "--ignore-formatted"]
            running.append(
                subprocess.Popen(
                    tool, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=_environment()
                )
            )
        outputs = [process.communicate(timeout=_START_TIMEOUT_S)[0] for process in running]
        for process, output in zip(running, outputs, strict=True):
            if process.returncode != 0:
                raise StartError(f"formatting failed: {output.decode(errors='replace')[-500:]}")

    def _cluster_id(self) -> str:
        file = self._home / "cluster-id"
        if not file.exists():
            file.write_text(urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("="))
        return file.read_text()

    def _properties(self, node: int) -> str:
        client, controller = self._ports[node]
        replicas = len(self._nodes)
        voters = ",".join(f"{n}@{LOOPBACK}:{self._ports[n][1]}" for n in self._nodes)
        lines = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{LOOPBACK}:{client},CONTROLLER://{LOOPBACK}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{client}",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": _escaped(str(self._home / f"node{node}" / "data")),
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": min(replicas, 2),
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": min(replicas, 2),
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": replicas,
            "share.coordinator.state.topic.min.isr": min(replicas, 2),
            "group.initial.rebalance.delay.ms": 0,
            "log.cleaner.dedupe.buffer.size": 16_777_216,
            # A node that is killed is missed soon; the default is 9 s.
            "broker.session.timeout.ms": 6_000,
        }
        return "".join(f"{name}={value}\n" for name, value in lines.items())


def _java(cache: Path) -> list[str]:
    """Java with Kafka's jars: a small heap and the quick compiler, for one machine."""
    options = [*_HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    options.append(f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}")
    return ["java", *options, "-cp", f"{jars(cache)}/*"]


def _environment() -> dict[str, str]:
    kept = ("PATH", "JAVA_HOME", "HOME")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _escaped(text: str) -> str:
    """A value as Java's property files want it: backslashes doubled."""
    return text.replace("\\", "\\\\")
