"""The supervisor: everything comes up, what dies comes back, nothing outlives it."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped, unused-ignore]
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import Broker
from deploy.local.roster import Program
from deploy.local.stack import Stack
from deploy.local.stack_folder import StackBusyError, StackFolder
from shared.contract.topics import TOPICS

REPOSITORY = Path(__file__).resolve().parents[3]
STAND_IN = "tests.integration.local.stand_in"


def roster(var_dir: Path) -> tuple[Program, ...]:
    """Two services that only are there, each noting a clean end in a file."""
    note = str(var_dir / "stopped")
    return (
        Program("intake", STAND_IN, (note,)),
        Program("submission", STAND_IN, (note,), variables=("CLAIMWIRE_TRANSPORT_DIR",)),
    )


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("a var folder")


@pytest.fixture(scope="module")
def stack(var_dir: Path, kafka_kind: str) -> Iterator[Stack]:
    running = Stack(
        var_dir, kafka=kafka_kind, roster=roster(var_dir), cache=REPOSITORY / "var" / "cache"
    )
    with running:
        yield running
    running.postgres.destroy()  # type: ignore[attr-defined]


def wait_for(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def told(stack: Stack, service: str) -> dict[str, str]:
    """The settings a service says it was started with."""
    address = f"{stack.services[service].url}/health/ready"
    with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own http address
        settings: dict[str, str] = json.load(answer)
    return settings


async def partitions(stack: Stack) -> dict[str, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.kafka)
    await admin.start()
    try:
        described = await admin.describe_topics([topic.name for topic in TOPICS])
    finally:
        await admin.close()
    return {topic["topic"]: len(topic["partitions"]) for topic in described}


async def test_every_declared_topic_is_there_with_its_partitions(stack: Stack) -> None:
    assert await partitions(stack) == {topic.name: topic.partitions for topic in TOPICS}


def test_each_service_has_its_own_database_login(stack: Stack) -> None:
    addresses = {
        name: Path(told(stack, name)["CLAIMWIRE_POSTGRES_DSN_FILE"]).read_text()
        for name in stack.services
    }
    assert "claimwire_intake:" in addresses["intake"]
    assert "claimwire_submission:" in addresses["submission"]
    assert not any("CLAIMWIRE_POSTGRES_DSN" in told(stack, name) for name in stack.services)


def test_a_program_is_told_what_its_row_of_the_roster_names(stack: Stack) -> None:
    assert "CLAIMWIRE_TRANSPORT_DIR" in told(stack, "submission")
    assert "CLAIMWIRE_TRANSPORT_DIR" not in told(stack, "intake")


def test_the_stack_file_names_the_living_processes_and_is_private(stack: Stack) -> None:
    description = stack.folder.read()
    assert description["running"] is True
    assert description["services"]["intake"]["pid"] == stack.services["intake"].pid
    assert psutil.pid_exists(description["traces"]["pid"])
    assert stat.S_IMODE((stack.folder.path / "stack.json").stat().st_mode) == 0o600


def test_a_second_stack_in_the_same_folder_is_refused(stack: Stack, var_dir: Path) -> None:
    with pytest.raises(StackBusyError, match=str(os.getpid())):
        Stack(var_dir, kafka="embedded").start()
    assert stack.services["intake"].is_ready()


def test_a_killed_service_is_started_again_and_the_file_follows(stack: Stack) -> None:
    service = stack.services["intake"]
    before = service.pid
    service.kill()
    wait_for(lambda: service.is_ready() and service.pid != before)
    wait_for(lambda: stack.folder.read()["services"]["intake"]["pid"] == service.pid)


def test_a_stopped_service_stays_down_until_it_is_started(stack: Stack, var_dir: Path) -> None:
    service = stack.services["submission"]
    service.stop()
    time.sleep(1.0)
    assert not service.is_ready()
    assert "submission stopped" in (var_dir / "stopped").read_text()
    service.start()
    service.wait_ready()


def test_a_killed_database_is_started_again_with_its_data(stack: Stack) -> None:
    before = stack.postgres.pid
    stack.postgres.kill()  # type: ignore[attr-defined]
    wait_for(lambda: stack.postgres.pid not in (None, before) and stack.postgres.is_running)
    stack.members["traces"].wait_ready()


@pytest.mark.kafka_only("apache3")
def test_a_killed_node_is_started_again_on_its_port(stack: Stack) -> None:
    address = stack.kafka
    stack.broker.kill_node(2)  # type: ignore[attr-defined]
    wait_for(lambda: not stack.broker.is_running)
    wait_for(lambda: stack.broker.is_running, timeout_s=60)
    assert stack.kafka == address


@pytest.mark.kafka_only("embedded")
async def test_a_killed_embedded_broker_comes_back_with_its_topics(stack: Stack) -> None:
    before = stack.broker.pids
    stack.broker.kill()  # type: ignore[attr-defined]
    wait_for(lambda: stack.broker.pids not in ((), before))
    wait_for(stack.services["intake"].is_ready)
    assert await partitions(stack) == {topic.name: topic.partitions for topic in TOPICS}


# What follows runs a supervisor of its own, as `claimwire up` does.

SUPERVISOR = """
import sys
from pathlib import Path
from deploy.local import stack
from tests.integration.local.test_stack import roster
var_dir = Path(sys.argv[1])
stack.up(var_dir, "embedded", lambda line: print(line, flush=True), roster(var_dir))
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    for line in process.stdout:
        if line.startswith("ready"):
            break
    yield process
    process.kill()
    process.communicate()
    from deploy.local.postgres import EmbeddedPostgres

    EmbeddedPostgres(tmp_path / "stack" / "postgres").destroy()


def processes(var_dir: Path) -> list[psutil.Process]:
    """Everything the stack in this folder has running."""
    description: dict[str, Any] = StackFolder(var_dir).read()
    parts = [*description["services"].values(), description["traces"], description["postgres"]]
    pids = [part["pid"] for part in parts] + description["kafka"]["pids"]
    return [psutil.Process(pid) for pid in pids]


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_cleanly(
    supervisor: "subprocess.Popen[str]", tmp_path: Path, how: signal.Signals
) -> None:
    started = processes(tmp_path)
    assert len(started) == 5
    supervisor.send_signal(how)
    assert supervisor.wait(timeout=60) == 0
    assert all(map(is_gone, started))
    assert (tmp_path / "stopped").read_text().count("stopped") == 2
    assert StackFolder(tmp_path).read()["running"] is False


def test_nothing_outlives_a_supervisor_that_is_killed(
    supervisor: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    started = processes(tmp_path)
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: all(map(is_gone, started)))


def test_servers_that_run_elsewhere_are_used_and_left_running(
    tmp_path: Path,
    postgres: Any,
    broker: Broker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = postgres.fresh_database()
    monkeypatch.setenv("CLAIMWIRE_POSTGRES_DSN", database)
    monkeypatch.setenv("CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    for name, value in broker.settings.items():
        monkeypatch.setenv(name, value)
    with Stack(tmp_path, roster=roster(tmp_path)) as stack:
        description = stack.folder.read()
        settings = told(stack, "intake")
    assert description["kafka"]["kind"] == "external"
    assert settings["CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS"] == broker.bootstrap_servers
    dsn = Path(settings["CLAIMWIRE_POSTGRES_DSN_FILE"]).read_text()
    assert dsn.startswith("postgresql://claimwire_intake:")
    assert dsn.endswith(database.rpartition("@")[2])
    assert broker.is_running
    assert postgres.server.is_running
