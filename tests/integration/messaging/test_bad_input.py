"""Whatever comes on a topic, every service's consumer decides the good once, in order, and sets
the bad aside: alone, or with what comes after it of the same claim."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from uuid import uuid4

import pytest

from shared.blobs import Blobs
from shared.messaging import parking
from shared.messaging.wire import claim_check
from shared.settings import Settings
from tests.integration.messaging.desk import Desk, Sent, until
from tests.integration.messaging.records import Sendable

pytestmark = pytest.mark.kafka

UNREADABLE = b"\xff\xfe\x00"
LARGE_INLINE, LARGE_CHECKED = 950_000, 2_000_000

CHECK_VIOLATION = "23514"
_CLAIM_COLUMN = {
    "intake": "claim_id",
    "coding": "claim_id",
    "submission": "claim_id",
    "remittance": "id",
}


async def test_a_record_that_comes_again_is_decided_once(desk: Desk) -> None:
    records = desk.make.good(10)
    story = desk.make.story(3)
    together = await desk.send_together([*records, *records, *story, *story])
    await desk.settled(together)
    later = await desk.send([*records, *story])
    await desk.settled([*together, *later])


async def test_claims_that_flow_keep_their_order(desk: Desk) -> None:
    stories = [desk.make.story(4) for _ in range(8)]
    longest = max(map(len, stories))
    by_turns = [story[at] for at in range(longest) for story in stories if at < len(story)]
    await desk.settled(await desk.send(by_turns))


# Records that are not what they say


def _headers_in_another_encoding(good: Sendable, desk: Desk) -> Sendable:
    return good.with_header("source" if desk.service == "intake" else "ce_source", UNREADABLE)


def _of_unknown_type(good: Sendable, desk: Desk) -> Sendable:
    if desk.service == "intake":
        odd = good.with_header("content-type", b"application/octet-stream")
        return replace(odd, value=UNREADABLE)
    return good.with_header("ce_type", b"claim.sneezed.v1")


def _without_blob(good: Sendable, desk: Desk) -> Sendable:
    """A claim check that was good once: of another store."""
    elsewhere = Path(desk.settings.var_dir) / "elsewhere"
    lost = desk.settings.model_copy(update={"blob_url": elsewhere.as_uri()})
    return _checked(good, good.value or b"", lost)


def _checked(good: Sendable, body: bytes, settings: Settings) -> Sendable:
    check = claim_check(Blobs.from_settings(settings).put(body))
    return replace(good, value=b"", headers=(*good.headers, *check))


BAD: Mapping[str, Callable[[Sendable, Desk], Sendable]] = {
    "broken": lambda good, _: replace(good, value=(good.value or b"")[:100]),
    "headers in another encoding": _headers_in_another_encoding,
    "tombstone": lambda good, _: replace(good, value=None),
    "unknown type": _of_unknown_type,
    "large and broken": lambda good, _: replace(good, value=b"{" * LARGE_INLINE),
    "claim check without blob": _without_blob,
}
REJECTED = "message.rejected.v1"
VERDICTS: Mapping[str, Mapping[str, str]] = {
    # A hospital's message is a matter between it and us: it is told. Ours are parked.
    "intake": dict.fromkeys(BAD, REJECTED) | {"claim check without blob": "BlobError"},
    "coding": {
        "broken": "bad-data",
        "headers in another encoding": "bad-header",
        "tombstone": "tombstone",
        "unknown type": "bad-envelope",
        "large and broken": "bad-data",
        "claim check without blob": "bad-claim-check",
    },
    "submission": dict.fromkeys(BAD, "bad-envelope")
    | {
        "broken": "bad-data",
        "large and broken": "bad-data",
        "claim check without blob": "BlobError",
    },
    "remittance": dict.fromkeys(BAD, "bad-envelope")
    | {
        "broken": "bad-data",
        "large and broken": "bad-data",
        "claim check without blob": "BlobError",
    },
}


async def test_bad_records_in_a_batch_stop_their_own_claims_and_no_other(desk: Desk) -> None:
    stories = {kind: desk.make.story(2)[:2] for kind in BAD}
    spoiled = {kind: BAD[kind](story[0], desk) for kind, story in stories.items()}
    sent = await desk.send_together(
        [
            *desk.make.good(10),
            *chain.from_iterable((bad, *desk.make.good(1)) for bad in spoiled.values()),
            *(story[1] for story in stories.values()),
        ]
    )
    bad = {k: next(one for one in sent if one.record is record) for k, record in spoiled.items()}
    behind = {k: next(one for one in sent if one.record is stories[k][1]) for k in BAD}
    stopped = [k for k in BAD if _blocks(bad[k], behind[k])]
    if desk.service != "intake":
        assert set(stopped) == set(BAD)
    aside = [*bad.values(), *(behind[k] for k in stopped)]
    await desk.settled(sent, except_for=aside)
    assert {k: await _verdict(desk, one) for k, one in bad.items()} == VERDICTS[desk.service]
    for kind in stopped:
        assert [row.state for row in await desk.parked(behind[kind])] == ["waiting"], kind
    for one in bad.values():
        await parking.discard(desk.connection, [row.id for row in await desk.parked(one)])
    await desk.settled(sent, except_for=list(bad.values()))


def _blocks(bad: Sent, behind: Sent) -> bool:
    """Whether the one is parked under the key that the other has."""
    return bad.is_bad and _keys(bad) == _keys(behind)


async def _verdict(desk: Desk, sent: Sent) -> str | None:
    """What the service has made of a record: an event's type, or the error it is parked under."""
    if sent.is_bad:
        rows = await desk.parked(sent)
        assert len(rows) == 1
        assert rows[0].state == "parked"
        return rows[0].error
    (unit,) = sent.units
    assert (await desk.decided())[unit.event_id, unit.part] == 1
    said = [name for name, key in await desk.said() if key == unit.key]
    return said[0] if len(said) == 1 else None


async def test_large_records_are_decided_like_any_other(desk: Desk) -> None:
    small = desk.make.good(3)
    inline, checked = desk.make.one(), desk.make.one()
    assert inline.value is not None
    assert checked.value is not None
    sent = await desk.send_together(
        [
            *small[:-2],
            replace(inline, value=inline.value.ljust(LARGE_INLINE)),
            _checked(checked, checked.value.ljust(LARGE_CHECKED), desk.settings),
            *small[-2:],
        ]
    )
    await desk.settled(sent)


# Data that the database refuses


async def test_the_one_record_that_the_database_refuses_is_found_and_parked(desk: Desk) -> None:
    story = desk.make.story(3)
    column, claim = _CLAIM_COLUMN[desk.service], story[0].claim
    await desk.refuse(f"NEW.{column} = '{claim}'::uuid", CHECK_VIOLATION)
    try:
        sent = await desk.send_together(
            [*desk.make.good(10), *story[:2], *desk.make.good(20), story[2], *desk.make.good(5)]
        )
        of_story = [one for one in sent if one.record in story and claim in _keys(one)]
        good = [one for one in sent if one.record not in story]
        await desk.settled(good)
        (row,) = await desk.parked(of_story[0])
        assert (row.state, row.waiting_behind) == ("parked", len(of_story) - 1)
        assert f"sqlstate={CHECK_VIOLATION}" in row.detail
        # Released too early, it fails again and what waits goes on waiting.
        await parking.release(desk.connection, [row.id])

        async def has_failed_again() -> bool:
            (again,) = await desk.parked(of_story[0])
            return (again.state, again.attempts) == ("parked", 2)

        await until(has_failed_again, "a second attempt")
        assert not set(await desk.decided()) & {one.pending[0].identity for one in of_story}
    finally:
        await desk.accept()
    await parking.release(desk.connection, [row.id])
    await desk.settled(sent)
    assert [row.state for one in of_story for row in await desk.parked(one, "done")] == [
        "done"
    ] * len(of_story)


def _keys(sent: Sent) -> set[str]:
    return {one.key for one in sent.pending if one.key is not None}


async def test_text_that_no_column_takes_is_set_aside(desk: Desk) -> None:
    """NUL in key, header and value: what a Kafka client can send and PostgreSQL cannot keep. The
    key is asked after in the database, which refuses the question."""
    odd = replace(desk.make.one(), key=b"\x00" + str(uuid4()).encode(), value=b"{\x00}")
    sent = await desk.send_together([*desk.make.good(3), odd.with_header("x-nul", b"\x00")])
    bad = next(one for one in sent if one.record.key == odd.key)
    await desk.settled(sent, except_for=[bad])
    verdict = await _verdict(desk, bad)
    is_intake = desk.service == "intake"
    assert verdict == ("claim.rejected.v1" if is_intake else "CharacterNotInRepertoireError")
