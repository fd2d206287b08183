"""The kernel's small parts, each by itself: fuse, gate, drain, faults, headers, settings."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.topics import TOPICS
from shared.messaging import broker, faults, retention
from shared.messaging.batch import Pending
from shared.messaging.drain import MAX_BYTES, Place, drain
from shared.messaging.faults import error_detail, is_data_fault
from shared.messaging.fuse import Fuse
from shared.messaging.gate import Gate
from shared.messaging.handler import DATAREF, Record, Unit
from shared.messaging.wire import pack_headers, plain_text, unpack_headers
from shared.settings import Settings
from shared.telemetry.metrics import ServiceMetrics

# The fuse


def test_the_fuse_opens_at_so_many_parked_in_a_row() -> None:
    fuse = Fuse(in_a_row=3, window=100, ratio=1.0)
    assert not fuse.record([False, False, True, False, False])
    assert fuse.record([False])


def test_the_fuse_opens_at_the_share_of_a_full_window() -> None:
    fuse = Fuse(in_a_row=100, window=10, ratio=0.5)
    assert not fuse.record([True, False] * 4)
    assert fuse.record([True, False])


def test_the_fuse_forgets_what_left_the_window() -> None:
    fuse = Fuse(in_a_row=100, window=10, ratio=0.5)
    assert not fuse.record([False] * 4 + [True] * 10 + [False] * 4)


def test_an_open_fuse_stays_open() -> None:
    fuse = Fuse(in_a_row=1, window=10, ratio=1.0)
    fuse.record([False])
    assert fuse.record([True] * 50)


# The gate


def test_the_gate_closes_above_the_mark_and_opens_at_half_of_it() -> None:
    gate = Gate(100, ServiceMetrics("unit"))
    states = []
    for depth in (100, 101, 60, 51, 50, 99):
        gate.observe(depth)
        states.append(gate.is_closed)
    assert states == [False, True, True, True, False, False]


async def test_a_closed_gate_lets_through_who_is_to_stop() -> None:
    gate = Gate(0, ServiceMetrics("unit"))
    gate.observe(1)
    stopping = asyncio.Event()
    stopping.set()
    await asyncio.wait_for(gate.wait_open(stopping), 1)
    assert gate.is_closed


# Drain


def a_record(partition: int, offset: int, units: int) -> Record:
    return Record("t", partition, offset, None, bytes(units), (), 0)


def units_of(record: Record) -> Iterator[Pending]:
    for part in range(len(record.value or b"")):
        yield Pending(record, Unit(uuid4(), f"{record.partition}:{record.offset}", None, part))


@given(
    sizes=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=12),
    max_units=st.integers(1, 8),
)
def test_offsets_are_committed_only_past_records_whose_units_are_all_settled(
    sizes: list[tuple[int, int]], max_units: int
) -> None:
    records: list[Record] = []
    for partition, units in sizes:
        offset = sum(record.partition == partition for record in records)
        records.append(a_record(partition, offset, units))
    settled: list[Pending] = []
    committed: dict[Place, int] = {}

    async def settle(chunk: Sequence[Pending]) -> None:
        assert 0 < len(chunk) <= max_units
        settled.extend(chunk)

    async def commit(reached: dict[Place, int]) -> None:
        committed.update(reached)
        for record in records:
            if record.offset < committed.get((record.topic, record.partition), 0):
                done = sum(pending.record is record for pending in settled)
                assert done == len(record.value or b"")

    asyncio.run(drain(records, units_of, settle, commit, max_units))
    assert [p.record for p in settled] == [r for r in records for _ in r.value or b""]
    for record in records:
        assert committed["t", record.partition] > record.offset


def test_a_poll_that_fits_one_transaction_is_one_and_commits_once() -> None:
    calls: list[str] = []

    async def settle(chunk: Sequence[Pending]) -> None:
        calls.append(f"settle {len(chunk)}")

    async def commit(reached: dict[Place, int]) -> None:
        calls.append(f"commit {reached}")

    records = [a_record(0, offset, 1) for offset in range(5)]
    asyncio.run(drain(records, units_of, settle, commit, 5))
    assert calls == ["settle 5", "commit {('t', 0): 5}"]


def test_large_records_come_in_smaller_transactions_and_a_huge_one_alone() -> None:
    sizes = [MAX_BYTES // 2, MAX_BYTES // 2, MAX_BYTES // 2, 2 * MAX_BYTES, 1]
    chunks: list[list[int]] = []
    committed: list[dict[Place, int]] = []

    async def settle(chunk: Sequence[Pending]) -> None:
        chunks.append([pending.record.offset for pending in chunk])

    async def commit(reached: dict[Place, int]) -> None:
        committed.append(reached)

    records = [
        replace(a_record(0, offset, 1), value=b"x" * size) for offset, size in enumerate(sizes)
    ]
    asyncio.run(drain(records, lambda one: islice(units_of(one), 1), settle, commit, 500))
    assert chunks == [[0, 1], [2], [3], [4]]
    assert committed == [{("t", 0): offset} for offset in (2, 3, 4, 5)]


def test_a_blob_store_that_keeps_us_waiting_keeps_nobody_else() -> None:
    others_went_on = threading.Event()
    settled: list[Pending] = []

    def from_the_blob_store(record: Record) -> Iterator[Pending]:
        assert others_went_on.wait(10)
        yield from units_of(record)

    async def settle(chunk: Sequence[Pending]) -> None:
        settled.extend(chunk)

    async def commit(_: dict[Place, int]) -> None:
        pass

    async def both() -> None:
        asyncio.get_running_loop().call_soon(others_went_on.set)
        checked = replace(a_record(0, 0, 3), headers=((DATAREF, b"ab/cd"),))
        await drain([checked], from_the_blob_store, settle, commit, 500)

    asyncio.run(both())
    assert len(settled) == 3


# Faults


@pytest.mark.parametrize(
    ("error", "is_data"),
    [
        (asyncpg.UniqueViolationError("x"), True),
        (asyncpg.NumericValueOutOfRangeError("x"), True),
        (asyncpg.DataError("x"), True),
        (ValueError("x"), True),
        (KeyError("x"), True),
        (asyncpg.DeadlockDetectedError("x"), False),
        (asyncpg.SerializationError("x"), False),
        (asyncpg.UndefinedColumnError("x"), False),
        (asyncpg.TooManyConnectionsError("x"), False),
        (asyncpg.InterfaceError("x"), False),
        (ConnectionResetError(), False),
        (TimeoutError(), False),
    ],
)
def test_a_fault_is_the_datas_or_it_is_tried_again(error: Exception, is_data: bool) -> None:
    assert is_data_fault(error) is is_data


def test_waits_between_attempts_grow_to_a_cap() -> None:
    assert all(faults.backoff_s(attempt) <= faults.BACKOFF_CAP_S for attempt in range(100))
    assert faults.backoff_s(0) <= faults.BACKOFF_FIRST_S
    assert faults.backoff_s(90) >= faults.BACKOFF_CAP_S / 2


def test_an_errors_detail_names_the_place_and_never_the_value() -> None:
    try:
        raise ValueError("Jane Roe")
    except ValueError as error:
        detail = error_detail(error)
    assert "Roe" not in detail
    assert "test_an_errors_detail" in detail


# Headers and text


@given(st.lists(st.tuples(st.text(), st.binary())))
def test_headers_come_back_as_they_were(headers: list[tuple[str, bytes]]) -> None:
    assert unpack_headers(pack_headers(tuple(headers))) == tuple(headers)


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_plain_text_is_what_a_text_column_takes(text: str) -> None:
    plain = plain_text(text)
    assert "\x00" not in plain
    plain.encode()


# Settings that reach the client


@pytest.mark.parametrize(
    ("protocol", "mechanism"),
    [("SASL_PLAINTEXT", "PLAIN"), ("SASL_SSL", "SCRAM-SHA-256"), ("SASL_SSL", "SCRAM-SHA-512")],
)
def test_consumers_and_producers_log_in_alike(protocol: str, mechanism: str) -> None:
    from faststream.kafka.security import parse_security

    settings = Settings(
        kafka_bootstrap_servers="a:1,b:2",
        kafka_security_protocol=protocol,
        kafka_sasl_mechanism=mechanism,
        kafka_sasl_username="claimwire",
        kafka_sasl_password="secret",
    )
    produced = broker.connection_options(settings)
    consumed = parse_security(broker.faststream_security(settings))
    names = (
        "security_protocol",
        "sasl_mechanism",
        "sasl_plain_username",
        "sasl_plain_password",
    )
    assert {name: produced[name] for name in names} == {name: consumed[name] for name in names}
    assert (consumed["ssl_context"] is not None) is (protocol == "SASL_SSL")
    assert produced["bootstrap_servers"] == ["a:1", "b:2"]


def test_the_inbox_outlives_every_internal_topic() -> None:
    days = retention.inbox_days(event_retention_days=1)
    internal = [topic for topic in TOPICS if topic.name != "payments.posted"]
    assert all(topic.retention_ms < days * 86_400_000 for topic in internal)
    assert retention.inbox_days(event_retention_days=4000) > 4000
