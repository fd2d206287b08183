"""`claimwire publish`: files to `claims.inbound`, as an integration engine would."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer

from services.commands.failures import CommandError
from services.commands.following import Answer, Following
from services.commands.output import show
from services.commands.stack_access import Line, NoStackError, answered, opened
from services.intake.store import message as tally_of
from shared.blobs import Blobs
from shared.contract import topics
from shared.contract.envelope import business_id, text_headers
from shared.database import connect
from shared.messaging import broker
from shared.messaging.handler import DATAHASH, DATAREF
from shared.messaging.publishing import Inbound
from shared.messaging.publishing import publish as send
from shared.settings import Settings

CONTENT_TYPES = {
    "x12": "application/edi-x12",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "hl7v2": "x-application/hl7-v2+er7",
    "fhir": "application/fhir+json",
}
_HEARD = (topics.CLAIMS_INTAKE, topics.CLAIMS_CODING, topics.CLAIMS_SUBMISSION)


def publish(
    var_dir: Path,
    files: Sequence[Path],
    source: str,
    content_type: str | None,
    *,
    timeout_s: float | None,
    as_json: bool,
) -> int:
    """Sends the files; with a timeout waits for that long, at most, and says what became of each.

    Every call is a new message: the same claims again are answered as duplicates.
    """
    kind = _kind_of(content_type)
    messages = [Inbound(str(uuid4()), source, path, kind) for path in files]
    answers = [
        Answer(path.name, business_id("message", source, message.message_id))
        for path, message in zip(files, messages, strict=True)
    ]
    answered(var_dir, lambda line: _publish(line, messages, answers, timeout_s))
    is_waiting = timeout_s is not None
    _report(answers, is_waiting=is_waiting, as_json=as_json)
    return 0 if not is_waiting or all(answer.is_well for answer in answers) else 1


def publish_dropped(
    var_dir: Path,
    folder: Path,
    source: str,
    content_type: str | None,
    say: Callable[[str], None],
    *,
    is_once: bool,
) -> int:
    """Publishes what is dropped into a folder, until Ctrl-C."""
    from services.commands.watching import watch

    kind = _kind_of(content_type)
    with opened(var_dir) as line:
        return watch(line, folder, source, kind, say, is_once=is_once)


def _kind_of(content_type: str | None) -> str | None:
    if content_type is None:
        return None
    if content_type not in CONTENT_TYPES:
        raise CommandError(f"--type is one of {', '.join(CONTENT_TYPES)}")
    return CONTENT_TYPES[content_type]


async def _publish(
    line: Line, messages: Sequence[Inbound], answers: Sequence[Answer], timeout_s: float | None
) -> None:
    settings = line.settings
    if settings is None:
        raise NoStackError("no broker runs: start the line with `claimwire up`")
    blobs = Blobs.from_settings(settings)
    producer = broker.producer(settings, "claimwire-publish")
    await producer.start()
    try:
        limit = settings.claim_check_bytes
        if timeout_s is None:
            await send(producer, messages, blobs=blobs, claim_check_bytes=limit)
            return
        following = Following(answers, lambda headers: _fetched(blobs, headers))
        intake = await connect(line.dsn_of("intake"), "intake")
        try:
            async with _listening(settings) as consumer:
                await send(producer, messages, blobs=blobs, claim_check_bytes=limit)
                await _follow(consumer, intake, following, time.monotonic() + timeout_s)
        finally:
            await intake.close()
    finally:
        await producer.stop()


def _fetched(blobs: Blobs, headers: Mapping[str, str]) -> bytes:
    return blobs.get(headers[DATAREF], headers.get(DATAHASH))


@asynccontextmanager
async def _listening(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer outside of every group, at the ends of the topics that will answer."""
    consumer = AIOKafkaConsumer(*_HEARD, **broker.connection_options(settings))
    await consumer.start()
    try:
        await consumer.seek_to_end()
        for place in consumer.assignment():
            await consumer.position(place)
        yield consumer
    finally:
        await consumer.stop()


async def _follow(
    consumer: AIOKafkaConsumer,
    intake: "asyncpg.Connection[asyncpg.Record]",
    following: Following,
    deadline: float,
) -> None:
    """Listens until every claim is held, submitted, refused, rejected or known. How many claims a
    message has is in intake's tally: events alone cannot tell the last one."""
    while time.monotonic() < deadline and not following.is_settled:
        for records in (await consumer.getmany(timeout_ms=200, max_records=2000)).values():
            for record in records:
                following.heard(text_headers(record.headers), record.value)
        for answer in following.answers.values():
            if answer.expected is None:
                answer.expected = await _expected(intake, answer.message_id)


async def _expected(intake: "asyncpg.Connection[asyncpg.Record]", message_id: UUID) -> int | None:
    tally = await tally_of(intake, message_id)
    return tally["records"] or None if tally else None


def _report(answers: Sequence[Answer], *, is_waiting: bool, as_json: bool) -> None:
    if as_json:
        show([_document(answer) for answer in answers])
    elif is_waiting:
        for answer in answers:
            _print(answer)
    else:
        print(f"{len(answers)} published")


def _document(answer: Answer) -> dict[str, object]:
    records = [
        {"position": position, **asdict(record)}
        for position, record in sorted(answer.records.items())
    ]
    return {"file": answer.file, "message": answer.message_id, "records": records}


def _print(answer: Answer) -> None:
    counts = Counter(record.outcome for record in answer.records.values())
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    print(f"{answer.file}: {words or 'no answer yet'}")
    for position, record in sorted(answer.records.items()):
        print(f"  {record.claim or f'record {position}'}  {record.outcome}")
        for finding in record.findings:
            where = f"{finding['path']}: " if finding.get("path") else ""
            print(f"    {finding['code']}: {where}{finding['message']}")
