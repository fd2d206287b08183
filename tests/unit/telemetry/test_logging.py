"""Log lines: JSON, with trace ids, and without a word of what an error refused."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import BaseModel, ValidationError

from shared.telemetry.logging import JsonFormatter, class_of
from shared.telemetry.tracing import Tracing

CLAIM = "6f1d3b0c-5b0e-5c43-9a3e-0d8a3d1c7e11"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter("intake"))
    logger = logging.getLogger("claimwire.test")
    logger.propagate = False
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)
    logger.propagate = True


logger = logging.getLogger("claimwire.test")


def last_line(stream: io.StringIO) -> dict[str, Any]:
    line = json.loads(stream.getvalue().splitlines()[-1])
    assert isinstance(line, dict)
    return line


def test_a_line_says_when_who_and_what(written: io.StringIO) -> None:
    logger.warning("parked %d of %s", 2, "claims.intake", extra={"state": "parked"})
    line = last_line(written)
    assert line["message"] == "parked 2 of claims.intake"
    assert line["level"] == "warning"
    assert line["service"] == "intake"
    assert line["logger"] == "claimwire.test"
    assert line["state"] == "parked"
    assert line["time"].endswith("+00:00")


def test_a_line_carries_the_current_trace(written: io.StringIO) -> None:
    with Tracing("intake", 0.0).batch() as batch:
        logger.warning("inside")
    assert last_line(written)["trace_id"] == batch.traceparent[3:35]
    assert last_line(written)["span_id"] == batch.traceparent[36:52]
    logger.warning("outside")
    assert "trace_id" not in last_line(written)


def test_only_listed_fields_of_the_right_kind_are_written(written: io.StringIO) -> None:
    logger.warning(
        "x",
        extra={
            "claim_id": UUID(CLAIM),
            "patient": "canary",
            "interchange_id": "canary",
            "count": 3,
        },
    )
    line = last_line(written)
    assert line["claim_id"] == CLAIM
    assert line["count"] == 3
    assert "canary" not in written.getvalue()


class Person(BaseModel):
    age: int


def failing_validation() -> None:
    Person(age="canary")


def failing_database() -> None:
    error = asyncpg.exceptions.UniqueViolationError("canary")
    error.detail = "Key (name)=(canary) already exists."
    raise error


def failing_chain() -> None:
    try:
        failing_validation()
    except ValidationError as error:
        raise LookupError("canary") from error


@pytest.mark.parametrize(
    ("failing", "classes"),
    [
        (failing_validation, ["ValidationError"]),
        (failing_database, ["UniqueViolationError 23505"]),
        (failing_chain, ["LookupError", "ValidationError"]),
    ],
)
def test_an_exception_is_its_class_and_its_places(
    written: io.StringIO, failing: Any, classes: list[str]
) -> None:
    try:
        failing()
    except Exception as error:
        logger.exception("could not read it: %s", error)  # noqa: TRY401 - the point of the test
    line = last_line(written)
    assert [entry["class"] for entry in line["exception"]] == classes
    assert (
        failing.__name__ in line["exception"][0]["at"][-1]
        or "pydantic" in (line["exception"][0]["at"][-1])
    )
    assert line["message"] == f"could not read it: {classes[0]}"
    assert "canary" not in written.getvalue()


def test_an_exception_as_the_message_or_in_named_arguments_is_its_class(
    written: io.StringIO,
) -> None:
    logger.warning(ValueError("canary"))
    assert last_line(written)["message"] == "ValueError"
    logger.warning("%(why)s", {"why": ValueError("canary")})
    assert last_line(written)["message"] == "ValueError"


def test_arguments_that_do_not_fit_do_not_raise() -> None:
    record = logging.makeLogRecord({"msg": "%d claims", "args": ("canary",)})
    assert "canary" not in JsonFormatter("intake").format(record)


def test_a_systems_reason_is_kept() -> None:
    assert class_of(ConnectionRefusedError(111, "canary")) == "ConnectionRefusedError ECONNREFUSED"
    assert class_of(TimeoutError()) == "TimeoutError"


UNCAUGHT = """
import asyncio, gc, logging, sys, threading, warnings
from shared.telemetry.logging import configure

logging.getLogger("aiokafka").addHandler(logging.StreamHandler(sys.stdout))
configure("intake")
logging.getLogger("aiokafka.consumer").warning("from a library")
logging.getLogger("uvicorn.access").info("GET /claims?name=canary")
warnings.warn("from a warning")

def fail(): raise ValueError("canary")

thread = threading.Thread(target=fail); thread.start(); thread.join()

async def main():
    task = asyncio.create_task(asyncio.to_thread(fail))
    await asyncio.sleep(0.1)
    del task
    gc.collect()

asyncio.run(main())
fail()
"""


def test_a_process_writes_nothing_but_json_and_no_error_text() -> None:
    run = subprocess.run(
        [sys.executable, "-c", UNCAUGHT],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    lines = [json.loads(line) for line in run.stderr.splitlines()]
    assert [line["logger"] for line in lines] == [
        "aiokafka.consumer",
        "py.warnings",
        "claimwire",
        "asyncio",
        "claimwire",
    ]
    assert lines[-1]["exception"][0]["class"] == "ValueError"
    assert "canary" not in run.stderr
