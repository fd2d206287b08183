"""The worker that reads `rules.payer`: what is published and active there, into this database.

Every process reads all of the topic; writing what another has written changes nothing. A pack that
is refused leaves what was in force in force, and the refusal can be seen in `claimwire rules list`.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from services.coding.domain.payer_rules.distribution import Announcement, announcement
from services.coding.domain.payer_rules.pack import PackError
from services.coding.rulebook import Rulebook, compiled, keep_content
from shared.contract.topics import RULES_PAYER
from shared.messaging.ends import next_offsets, partitions_of, reading
from shared.messaging.topics import wait_for_topics
from shared.service import Context, Worker, clock
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.database import Connection, Pool

POLL_MS = 500
READ_AGAIN_S = 30.0
"""How often the whole topic is read again. It is small; and one that was deleted and made anew
looks, once it has grown past where we were, like one that only grew."""
_KNOWN = "SELECT pack, state, at FROM payer_pack"
_SET = """
INSERT INTO payer_pack (pack, state, at, by, content, content_hash)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (pack, state) DO UPDATE SET at = excluded.at, by = excluded.by,
    content = excluded.content, content_hash = excluded.content_hash, refusal = NULL
WHERE payer_pack.at < excluded.at
"""
_REFUSE = """
INSERT INTO payer_pack (pack, state, at, by, refusal) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (pack, state) DO UPDATE SET refusal = excluded.refusal
WHERE payer_pack.at < excluded.at
"""

logger = logging.getLogger("claimwire.coding")


def follower(rulebook: Rulebook) -> Worker:
    """The worker. Until it has read the topic to its end for the first time in this database's
    life, no claim is judged. From then on it follows, also a topic that is made anew under it."""

    async def follow_rules(context: Context) -> None:
        rulebook.hold()
        if await _was_read(context.pool):
            rulebook.open()
        if not await wait_for_topics(context.settings, (RULES_PAYER,), context.stopping):
            return
        places = await partitions_of(context.settings, (RULES_PAYER,))
        ends = await next_offsets(context.settings, places)
        async with reading(context.settings, places) as consumer:
            await consumer.seek_to_beginning(*places)
            newest = await _to_the_end(consumer, ends, context.stopping)
            if context.stopping.is_set():
                return  # before the end, perhaps: that is not to be taken for all there is
            await apply(context.pool, newest)
            await _mark_read(context.pool)
            rulebook.open()
            read_at = monotonic()
            while not context.stopping.is_set():
                if monotonic() - read_at >= READ_AGAIN_S:
                    await consumer.seek_to_beginning(*places)
                    read_at = monotonic()
                polled = await consumer.getmany(timeout_ms=POLL_MS)
                await apply(context.pool, _newest(polled))

    return follow_rules


async def announced(settings: Settings) -> dict[bytes, Announcement]:
    """What the topic says now: the newest record of each key. Raises KafkaError without a
    broker."""
    places = await partitions_of(settings, (RULES_PAYER,))
    ends = await next_offsets(settings, places)
    async with reading(settings, places) as consumer:
        await consumer.seek_to_beginning(*places)
        return await _to_the_end(consumer, ends, asyncio.Event())


def newer(said: Announcement, known: Announcement | None) -> bool:
    """Whether a record says something later than another of its key."""
    return known is None or known.at < said.at


async def _to_the_end(
    consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], stopping: asyncio.Event
) -> dict[bytes, Announcement]:
    """What the topic says up to these offsets: the newest record of each key."""
    newest: dict[bytes, Announcement] = {}
    for partition, end in ends.items():
        while await consumer.position(partition) < end and not stopping.is_set():
            for said in _newest(await consumer.getmany(timeout_ms=POLL_MS)).values():
                _put(newest, said)
    return newest


def _newest(
    polled: Mapping[TopicPartition, Sequence[ConsumerRecord]],
) -> dict[bytes, Announcement]:
    newest: dict[bytes, Announcement] = {}
    for records in polled.values():
        for record in records:
            said = announcement(record.key, record.value)
            if said is None:
                logger.warning(
                    "a record of the rules' topic says nothing of a pack and is passed over",
                    extra={"partition": record.partition, "offset": record.offset},
                )
            else:
                _put(newest, said)
    return newest


def _put(newest: dict[bytes, Announcement], said: Announcement) -> None:
    """By when it was said, as in the database: what was said again may stand behind its
    successor."""
    if newer(said, newest.get(said.key)):
        newest[said.key] = said


async def apply(pool: "Pool", newest: Mapping[bytes, Announcement]) -> None:
    """Writes what is new, and keeps the set of active packs that comes of it, in one commit."""
    if not newest:
        return
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('payer rules', 0))")
        known = {(row[0], row[1]): row[2] for row in await connection.fetch(_KNOWN)}
        fresh = [
            said
            for said in newest.values()
            if (known_at := known.get((said.pack, said.state))) is None or known_at < said.at
        ]
        for said in fresh:
            await _write(connection, said)
        if fresh:
            await keep_content(connection, await compiled(connection))


async def _write(connection: "Connection", said: Announcement) -> None:
    place = (said.pack, said.state, said.at, said.by)
    try:
        pack = await asyncio.to_thread(said.admitted)
    except PackError as error:
        logger.warning("a rule pack was refused", extra={"count": len(error.problems)})
        await connection.execute(_REFUSE, *place, str(error))
        return
    content = pack and pack.canonical
    await connection.execute(_SET, *place, content, pack and pack.content_hash)


async def _was_read(pool: "Pool") -> bool:
    async with pool.acquire() as connection:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM payer_rules_read)"))


async def _mark_read(pool: "Pool") -> None:
    async with pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO payer_rules_read SELECT $1 WHERE NOT EXISTS "
            "(SELECT FROM payer_rules_read)",
            clock(),
        )
