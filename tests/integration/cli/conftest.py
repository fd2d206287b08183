"""A whole line for a module of tests, and the command line pointed at it."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg
import pytest

from deploy.local.postgres_home import remove
from deploy.local.stack import Stack
from deploy.twins.hospital import Hospital, render_x12
from services.cli import main
from shared.contract.claim import Claim
from tests.hl7_messages import PROFILE

TODAY = date(2026, 11, 20)
Value = TypeVar("Value")


@pytest.fixture(scope="module")
def stack(
    server_home: Path, kafka_kind: str, broker_cache: Path, request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """The line, every claim traced, in a folder with spaces in its name. Every source's HL7 is read
    by one profile."""
    name = request.module.__name__.rpartition(".")[2]
    profiles = server_home / f"sources of {name}.json"
    profiles.write_text(json.dumps({"default": PROFILE}))
    running = Stack(
        server_home / f"line of {name}",
        kafka=kafka_kind,
        cache=broker_cache,
        environment={
            "CLAIMWIRE_TRACE_SAMPLE_RATIO": "1.0",
            "CLAIMWIRE_SOURCE_PROFILES": str(profiles),
        },
    )
    with running:
        yield running
    remove(running.folder.path / "postgres")
    shutil.rmtree(running.folder.var_dir, ignore_errors=True)
    profiles.unlink()


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Claimwire(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


@pytest.fixture
def claimwire(
    stack: Stack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Claimwire:
    """The command, in this process and with this line's folder."""
    monkeypatch.setenv("CLAIMWIRE_VAR_DIR", str(stack.folder.var_dir))

    def run(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["claimwire", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def hospital(request: pytest.FixtureRequest) -> Hospital:
    """Its claims have numbers of their own in every module."""
    return Hospital(3, today=TODAY, run=request.module.__name__[-1].upper())


@pytest.fixture
def professional(hospital: Hospital) -> Callable[[int], list[Claim]]:
    """So many new professional claims."""

    def make(count: int) -> list[Claim]:
        claims: list[Claim] = []
        while len(claims) < count:
            claim = hospital.claim()
            if claim.kind == "professional":
                claims.append(claim)
        return claims

    return make


@pytest.fixture
def write_x12(tmp_path: Path) -> Callable[[Sequence[Claim], str], Path]:
    def write(claims: Sequence[Claim], name: str = "day.837") -> Path:
        path = tmp_path / name
        path.write_bytes(render_x12(claims, TODAY, number=1))
        return path

    return write


def until(question: Callable[[], Value], timeout_s: float = 60.0) -> Value:
    """The first answer that is not empty; fails when none comes."""
    deadline = time.monotonic() + timeout_s
    while not (answer := question()):
        assert time.monotonic() < deadline, "what the test waits for did not come"
        time.sleep(0.2)
    return answer


def ask(stack: Stack, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Rows of any schema of the line, as the administrator."""

    async def fetched() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(stack.postgres_dsn)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    return asyncio.run(fetched())
