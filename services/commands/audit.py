"""`claimwire audit`: the invariants of a line, checked from outside of its services.

Each check is a question to one or more schemas, or to the topics, and answers with the ids that
offend. The same checks end the demo and the fault tests.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from services.commands.output import show
from services.commands.stack_access import Connections, Line, answered, connections, services
from services.remittance.audit import CHECKS as LEDGER_CHECKS
from shared.contract.topics import TOPICS
from shared.database import Connection
from shared.messaging.ends import next_offsets, partitions_of, reading
from shared.messaging.recover import Participant, Said, not_taken, unread_of
from shared.settings import Settings

if TYPE_CHECKING:
    import asyncpg

CHUNK = 5_000
SHOWN = 100
"""Ids that one check shows, at most."""
LOOKS = 8
"""How often what offends on a running line is looked at again, a second apart."""

Check = Callable[[Connections], Awaitable[list[str]]]


async def problems_of(connected: Connections, settings: Settings | None) -> list[str]:
    """Every violated invariant in words, empty when all hold. `settings` None: no broker runs."""
    return [
        f"{name}: {offender}"
        for name, offenders in (await settled_findings(connected, settings)).items()
        for offender in offenders
    ]


async def settled_findings(
    connected: Connections, settings: Settings | None
) -> dict[str, list[str]]:
    """As `findings_of`, without what is only on its way: on a line that runs, an id offends when
    it still does after a while."""
    found = await findings_of(connected, settings)
    for _ in range(LOOKS):
        if settings is None or not any(found.values()):
            break
        await asyncio.sleep(1.0)
        again = await findings_of(connected, settings)
        found = {name: [one for one in ids if one in again[name]] for name, ids in found.items()}
    return found


async def findings_of(connected: Connections, settings: Settings | None) -> dict[str, list[str]]:
    """The offending ids of each check, by the check's name."""
    found: dict[str, list[str]] = {}
    for name, check in LEDGER_CHECKS.items():
        found[name] = [str(one) for one in await check(connected["remittance"])]
    for name, line_check in _CHECKS.items():
        found[name] = await line_check(connected)
    if settings is not None:
        found["every event that only others read is in its topic"] = await _missing_in_topics(
            connected, settings
        )
    return {name: offenders[:SHOWN] for name, offenders in found.items()}


# States


async def _accepted_without_verdict(connected: Connections) -> list[str]:
    """Claims that intake let in, whose newest revision coding has not judged and nobody parked."""
    return await _absent(
        connected,
        "intake",
        "SELECT claim_id, revision FROM claim",
        "coding",
        "SELECT claim_id FROM claim JOIN wanted USING (claim_id) "
        "WHERE claim.revision >= wanted.revision",
    )


async def _coded_without_submission(connected: Connections) -> list[str]:
    """Claims that coding passed, of which submission knows nothing and nobody parked."""
    return await _absent(
        connected,
        "coding",
        "SELECT claim_id, revision FROM claim WHERE status NOT IN ('held', 'returned')",
        "submission",
        "SELECT DISTINCT claim_id FROM claim JOIN wanted USING (claim_id) "
        "WHERE claim.revision >= wanted.revision",
    )


async def _submitted_without_ledger(connected: Connections) -> list[str]:
    """Claims that were sent, whose charge is not in the ledger."""
    return await _absent(
        connected,
        "submission",
        "SELECT DISTINCT ON (claim_id) claim_id, revision FROM claim "
        "WHERE status NOT IN ('pending', 'unwritable', 'superseded', 'formed') "
        "ORDER BY claim_id, revision DESC",
        "remittance",
        "SELECT id AS claim_id FROM claim JOIN wanted ON wanted.claim_id = claim.id "
        "WHERE claim.revision >= wanted.revision",
    )


async def _held_and_submitted(connected: Connections) -> list[str]:
    """Revisions that coding holds and submission has all the same: two states at once."""
    held = await connected["coding"].fetch(
        "SELECT claim_id, revision FROM claim WHERE status = 'held'"
    )
    rows = await connected["submission"].fetch(
        _WANTED + "SELECT claim_id FROM claim JOIN wanted USING (claim_id, revision)",  # noqa: S608
        [row["claim_id"] for row in held],
        [row["revision"] for row in held],
    )
    return [str(row["claim_id"]) for row in rows]


_WANTED = "WITH wanted AS (SELECT * FROM unnest($1::uuid[], $2::int[]) AS w (claim_id, revision)) "


async def _absent(
    connected: Connections, from_service: str, query: str, in_service: str, present: str
) -> list[str]:
    """Claims of one service that the next must have and has not, nor the way to it."""
    missing: list[str] = []
    parked = await _open_keys(connected[in_service])
    async with connected[from_service].transaction():
        cursor = await connected[from_service].cursor(query)
        while rows := await cursor.fetch(CHUNK):
            found = await connected[in_service].fetch(
                _WANTED + present,
                [row["claim_id"] for row in rows],
                [row["revision"] for row in rows],
            )
            known = {row["claim_id"] for row in found}
            missing += [
                str(row["claim_id"])
                for row in rows
                if row["claim_id"] not in known and str(row["claim_id"]) not in parked
            ]
    unsent = await _unsent_keys(connected[from_service])
    return [claim_id for claim_id in missing if claim_id not in unsent]


async def _open_keys(connection: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    rows = await connection.fetch(
        "SELECT DISTINCT key FROM parked WHERE state IN ('parked', 'waiting', 'released')"
    )
    return {row["key"] for row in rows if row["key"] is not None}


async def _unsent_keys(connection: "asyncpg.Connection[asyncpg.Record]") -> set[str]:
    rows = await connection.fetch("SELECT DISTINCT key FROM outbox JOIN event USING (seq)")
    return {row["key"] for row in rows}


# Outboxes, inboxes and topics


async def _sent_and_not_taken_in(connected: Connections) -> list[str]:
    """Events that were sent and that a service which reads them does not have."""
    lost: list[str] = []
    readers = participants(connected)
    for producer in readers:
        async for said in _sent(producer.connection):
            for reader in readers:
                lost += [str(one.event_id) for one in await not_taken(reader, said)]
    return lost


def participants(connected: Connections) -> list[Participant]:
    """Every service as recovery and audit see it."""
    return [
        Participant(one.name, connected[one.name], one.topics, one.event_types)
        for one in services(Settings())
    ]


_SENT = """
SELECT seq, event_id, type, topic FROM event
WHERE seq > $1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.seq = event.seq)
  AND created_at > coalesce(
      (SELECT since FROM unnest($2::text[], $3::timestamptz[]) AS kept (name, since)
       WHERE name = topic), '-infinity')
ORDER BY seq LIMIT $4
"""


async def _sent(
    connection: Connection, kept_since: Mapping[str, datetime] | None = None
) -> AsyncIterator[list[Said]]:
    """All that a service has sent, in its order; of the topics named only what is young enough."""
    since = kept_since or {}
    after = 0
    while rows := await connection.fetch(_SENT, after, list(since), list(since.values()), CHUNK):
        said = [Said(*row) for row in rows]
        after = said[-1].seq
        yield said


def _kept_since(now: datetime) -> dict[str, datetime]:
    """From when on a broker that keeps its word has everything of a topic; a day to spare."""
    return {
        topic.name: now - timedelta(milliseconds=topic.retention_ms) + timedelta(days=1)
        for topic in TOPICS
        if topic.retention_ms >= 0
    }


async def _missing_in_topics(connected: Connections, settings: Settings) -> list[str]:
    """Events that the relay has forgotten although their topic does not hold them. Those that our
    services read are looked for in their inboxes instead: a broker may have lost them since."""
    expected: dict[bytes, str] = {}
    names: set[str] = set()
    readers = participants(connected)
    kept_since = _kept_since(datetime.now(UTC))
    for connection in connected.values():
        async for sent in _sent(connection, kept_since):
            said = unread_of(readers, sent)
            expected.update({str(one.event_id).encode(): one.topic for one in said})
            names.update(one.topic for one in said)
    await _strike_out(expected, names, settings)
    return [event_id.decode() for event_id in expected]


async def _strike_out(expected: dict[bytes, str], names: set[str], settings: Settings) -> None:
    if not names:
        return
    places = await partitions_of(settings, sorted(names))
    ends = await next_offsets(settings, places)
    async with reading(settings, places) as consumer:
        await consumer.seek_to_beginning(*places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=500, max_records=CHUNK)).values():
                for record in records:
                    expected.pop(_event_id(record.headers), None)


def _event_id(headers: Sequence[tuple[str, bytes]]) -> bytes:
    return next((value for name, value in headers if name == "ce_id"), b"")


_CHECKS: Mapping[str, Check] = {
    "every accepted claim has a verdict": _accepted_without_verdict,
    "every coded claim is with submission": _coded_without_submission,
    "every submitted claim is in the ledger": _submitted_without_ledger,
    "no claim is both held and submitted": _held_and_submitted,
    "every event sent was taken in": _sent_and_not_taken_in,
}


def audit(var_dir: Path, *, as_json: bool) -> int:
    """Prints each check and what offends it; 1 where anything does."""
    found = answered(var_dir, _audit)
    holds = not any(found.values())
    if as_json:
        show({"checks": found, "holds": holds})
        return 0 if holds else 1
    for name, offenders in found.items():
        print(f"{'FAILS' if offenders else 'holds'}  {name}")
        for offender in offenders:
            print(f"         {offender}")
    return 0 if holds else 1


async def _audit(line: Line) -> dict[str, list[str]]:
    async with connections(line) as connected:
        return await settled_findings(connected, line.settings)
