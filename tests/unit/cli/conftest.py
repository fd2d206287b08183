"""A hospital's claims as files, and the filters called as the command calls them."""

import io
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from deploy.twins.hospital import Hospital, render_x12
from shared.contract.claim import Claim
from shared.contract.model import to_wire

TODAY = date(2026, 11, 20)


@dataclass(frozen=True, slots=True)
class Run:
    """What a filter said: its exit status, its events as JSON, and its complaints."""

    status: int
    events: list[dict[str, Any]]
    stdout: bytes
    stderr: str

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


Filter = Callable[..., Run]


@pytest.fixture
def hospital() -> Hospital:
    return Hospital(7, today=TODAY)


@pytest.fixture
def professional(hospital: Hospital) -> list[Claim]:
    return [claim for claim in hospital.claims(9) if claim.kind == "professional"]


@pytest.fixture
def write_x12(tmp_path: Path) -> Callable[[Sequence[Claim], str], Path]:
    """Writes claims of one kind into an 837 file, and returns its path."""

    def write(claims: Sequence[Claim], name: str = "day.837") -> Path:
        path = tmp_path / name
        path.write_bytes(render_x12(claims, TODAY, number=1))
        return path

    return write


@pytest.fixture
def write_ndjson(tmp_path: Path) -> Callable[[Sequence[Claim], str], Path]:
    def write(claims: Sequence[Claim], name: str = "day.ndjson") -> Path:
        path = tmp_path / name
        path.write_bytes(b"".join(to_wire(claim) + b"\n" for claim in claims))
        return path

    return write


@pytest.fixture
def filtered(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Filter:
    """Runs a filter's command with what it is given on stdin, and reads what it wrote."""

    def run(command: Callable[..., int], *arguments: Any, stdin: bytes = b"") -> Run:
        capsysbinary.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = command(*arguments)
        stdout, stderr = capsysbinary.readouterr()
        return Run(
            status, [json.loads(line) for line in stdout.splitlines()], stdout, stderr.decode()
        )

    return run
