"""Fixtures every tier shares: a real database, a real broker, the samples, and coverage floors.

Servers start once a session and only when a test asks for one. A test that uses the broker is
marked `kafka`, so that the same tests can be run against another broker with `--kafka`.
"""

import asyncio
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import coverage
import hypothesis
import pytest

from deploy.local.apache_kafka import ApacheKafka
from deploy.local.kafka import Broker, EmbeddedKafka
from deploy.local.postgres import EmbeddedPostgres

REPOSITORY = Path(__file__).resolve().parent.parent
KAFKA_CHOICES = ("embedded", "apache", "apache3")
_BROKER_FIXTURES = {"broker", "kafka", "stack"}

COVERAGE_FLOORS = {
    "shared/contract/*": 97,
    "shared/messaging/*": 92,
    "shared/x12/*": 95,
    "services/*/domain/*": 94,
}
"""Least share of lines and branches, in per cent, that a full run under `coverage` reaches."""

hypothesis.settings.register_profile("claimwire", deadline=None, print_blob=True)
hypothesis.settings.register_profile(
    "fuzz", parent=hypothesis.settings.get_profile("claimwire"), max_examples=5_000
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "claimwire"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kafka",
        choices=KAFKA_CHOICES,
        default=os.environ.get("CLAIMWIRE_TEST_KAFKA") or "embedded",
        help="the broker the tests run against (default: CLAIMWIRE_TEST_KAFKA or embedded)",
    )
    parser.addoption(
        "--coverage-floors",
        action="store_true",
        help="fail when coverage is below its floors; run pytest under `coverage run`",
    )


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "kafka: talks to a broker; these run against each kind of broker",
        "kafka_only(*kinds): runs only with `--kafka` one of these",
        "slow: takes more than ten seconds",
    ):
        config.addinivalue_line("markers", line)


def pytest_report_header(config: pytest.Config) -> str:
    return f"kafka: {config.getoption('--kafka')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kind = config.getoption("--kafka")
    for item in items:
        if _BROKER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")
        only = item.get_closest_marker("kafka_only")
        if only and kind not in only.args:
            item.add_marker(pytest.mark.skip(reason=f"needs --kafka={' or '.join(only.args)}"))


class PostgresForTests:
    """The session's database server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self._numbers = count(1)

    @property
    def dsn(self) -> str:
        """The administrator's address."""
        return self.server.dsn

    def fresh_database(self) -> str:
        """Creates an empty database and returns the administrator's address to it."""
        name = f"test_{next(self._numbers)}"
        with ThreadPoolExecutor(1) as apart:  # the caller may be inside a running loop
            apart.submit(asyncio.run, self._execute(f'CREATE DATABASE "{name}"')).result()
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """A folder for the session's servers that an unprivileged user can enter as well."""
    home = Path(tempfile.mkdtemp(prefix="claimwire tests "))
    home.chmod(0o755)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(server_home: Path) -> Iterator[PostgresForTests]:
    """A real PostgreSQL: `.dsn` for the administrator, `.fresh_database()` for a new database."""
    server = EmbeddedPostgres(server_home / "postgres")
    server.start()
    yield PostgresForTests(server)
    server.destroy()


BROKER_CACHE = REPOSITORY / "var" / "cache"
"""Where the jars of Apache Kafka are kept from one run to the next."""


@pytest.fixture(scope="session")
def broker_cache() -> Path:
    return BROKER_CACHE


def make_broker(kind: str, home: Path) -> Broker:
    """A broker of that kind, not started yet."""
    if kind == "embedded":
        return EmbeddedKafka(home)
    return ApacheKafka(home, nodes=3 if kind == "apache3" else 1, cache=BROKER_CACHE)


@pytest.fixture(scope="session")
def kafka_kind(request: pytest.FixtureRequest) -> str:
    """`embedded`, `apache` or `apache3`."""
    return str(request.config.getoption("--kafka"))


@pytest.fixture(scope="session")
def broker(kafka_kind: str, server_home: Path) -> Iterator[Broker]:
    """The session's broker; `.settings` is the environment of a service that talks to it."""
    running = make_broker(kafka_kind, server_home / "kafka")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def kafka(broker: Broker) -> str:
    """The bootstrap servers of the session's broker. Topics are created by whoever needs them."""
    return broker.bootstrap_servers


@pytest.fixture(scope="session")
def samples() -> Path:
    """The folder of sample files beside the repository; skips where it is not there."""
    folder = REPOSITORY.parent / "shared" / "samples"
    if not folder.is_dir():
        pytest.skip("the sample files are not beside this clone (../shared/samples)")
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Holds a passing run to the coverage floors, before pytest says its last line."""
    if not session.config.getoption("--coverage-floors") or exitstatus != 0:
        return
    measured = coverage.Coverage.current()
    if measured is None:
        raise pytest.UsageError("--coverage-floors needs `coverage run -m pytest`")
    measured.stop()
    lines = []
    for pattern, floor in COVERAGE_FLOORS.items():
        reached = _coverage_of(measured, pattern)
        lines.append((pattern, reached, floor))
        if reached is not None and reached < floor:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    session.config.stash[_COVERAGE] = lines


_COVERAGE = pytest.StashKey[list[tuple[str, float | None, int]]]()


def _coverage_of(measured: coverage.Coverage, pattern: str) -> float | None:
    try:
        return measured.report(file=io.StringIO(), include=[str(REPOSITORY / pattern)])
    except coverage.exceptions.NoDataError:
        return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for pattern, reached, floor in terminalreporter.config.stash.get(_COVERAGE, []):
        shown = "nothing measured" if reached is None else f"{reached:.1f} %"
        verdict = "BELOW" if reached is not None and reached < floor else "floor"
        terminalreporter.write_line(f"coverage {pattern:24} {shown:>17}  {verdict} {floor} %")
