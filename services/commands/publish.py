"""`claimwire publish`: files to `claims.inbound`, as an integration engine would."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from aiokafka.errors import KafkaError

from services.commands.output import show
from services.commands.stack_access import AsJson, NoStackError, VarDir, opened
from shared.blobs import Blobs
from shared.contract import topics
from shared.contract.envelope import EnvelopeError, Event, business_id, from_headers, text_headers
from shared.contract.events import (
    ClaimDuplicated,
    ClaimHeld,
    ClaimReceived,
    ClaimRejected,
    MessageRejected,
)
from shared.contract.model import Finding
from shared.messaging import broker
from shared.messaging.publishing import Inbound
from shared.messaging.publishing import publish as send
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import AIOKafkaConsumer

CONTENT_TYPES = {
    "x12": "application/edi-x12",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "hl7v2": "x-application/hl7-v2+er7",
    "fhir": "application/fhir+json",
}
_CHUNK = 1 << 20
_LATER = {
    "claim.coded.v1": "coded",
    "claim.held.v1": "held",
    "claim.submitted.v1": "submitted",
}
_ENDS = frozenset(("held", "submitted", "rejected", "duplicate"))


@dataclass(slots=True)
class Answer:
    """What became of one message. `records` is by record: a claim id, or the message's own."""

    file: str
    message_id: UUID
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_settled(self) -> bool:
        return bool(self.records) and all(
            record["outcome"] in _ENDS for record in self.records.values()
        )


def publish(
    files: Annotated[list[Path], typer.Argument(help="Files to publish.", exists=True)],
    source: Annotated[str, typer.Option(help="The sender's configured name.")] = "cli",
    content_type: Annotated[
        str | None, typer.Option("--type", help="x12, json, ndjson, hl7v2 or fhir; else detected.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait, and say what became of each.")
    ] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", help="Seconds to wait.")] = 30.0,
    var: VarDir = Path("var"),
    as_json: AsJson = False,
) -> None:
    """Send files to claims.inbound. Exit 1 when a claim was refused, held or not answered."""
    if content_type is not None and content_type not in CONTENT_TYPES:
        typer.echo(f"claimwire: --type is one of {', '.join(CONTENT_TYPES)}", err=True)
        raise typer.Exit(2)
    messages = [_inbound(path, source, content_type) for path in files]
    answers = [
        Answer(path.name, business_id("message", source, message.message_id))
        for path, message in zip(files, messages, strict=True)
    ]
    try:
        with opened(var) as line:
            if line.settings is None:
                raise NoStackError("no broker runs: start the line with `claimwire up`")
            asyncio.run(_publish(line.settings, messages, answers, timeout_s if wait else None))
    except NoStackError as error:
        typer.echo(f"claimwire: {error}", err=True)
        raise typer.Exit(2) from None
    except KafkaError as error:
        typer.echo(f"claimwire: the broker did not take it: {type(error).__name__}", err=True)
        raise typer.Exit(2) from None
    _report(answers, is_waiting=wait, as_json=as_json)


def _inbound(path: Path, source: str, content_type: str | None) -> Inbound:
    """The same bytes again are the same message: its id is their hash, never the file's name."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    kind = CONTENT_TYPES[content_type] if content_type else None
    return Inbound(digest.hexdigest(), source, path, kind)


async def _publish(
    settings: Settings, messages: list[Inbound], answers: list[Answer], timeout_s: float | None
) -> None:
    producer = broker.producer(settings, "claimwire-publish")
    await producer.start()
    try:
        blobs = Blobs.from_settings(settings)
        limit = settings.claim_check_bytes
        if timeout_s is None:
            await send(producer, messages, blobs=blobs, claim_check_bytes=limit)
            return
        async with _listening(settings) as consumer:
            await send(producer, messages, blobs=blobs, claim_check_bytes=limit)
            await _follow(consumer, answers, timeout_s)
    finally:
        await producer.stop()


@asynccontextmanager
async def _listening(settings: Settings) -> "AsyncIterator[AIOKafkaConsumer]":
    """A consumer outside of every group, at the ends of the topics that will answer."""
    from aiokafka import AIOKafkaConsumer

    names = (topics.CLAIMS_INTAKE, topics.CLAIMS_CODING, topics.CLAIMS_SUBMISSION)
    consumer = AIOKafkaConsumer(*names, **broker.connection_options(settings))
    await consumer.start()
    try:
        await consumer.seek_to_end()
        for place in consumer.assignment():
            await consumer.position(place)
        yield consumer
    finally:
        await consumer.stop()


async def _follow(consumer: "AIOKafkaConsumer", answers: list[Answer], timeout_s: float) -> None:
    """Listens until every message is settled: held, submitted, rejected or known, each claim."""
    by_message = {answer.message_id: answer for answer in answers}
    by_claim: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and not all(one.is_settled for one in answers):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                _note(text_headers(record.headers), record.value, by_message, by_claim)


def _note(
    headers: Mapping[str, str],
    value: bytes,
    by_message: Mapping[UUID, Answer],
    by_claim: dict[str, dict[str, Any]],
) -> None:
    claim_id, kind = headers.get("ce_subject", ""), headers.get("ce_type", "")
    if kind in _LATER and claim_id in by_claim:
        by_claim[claim_id]["outcome"] = _LATER[kind]
    if kind not in ("claim.coded.v1", "claim.submitted.v1") and "ce_dataref" not in headers:
        try:
            event = from_headers(headers, value)
        except (EnvelopeError, ValueError):
            return
        if isinstance(event.data, ClaimHeld) and claim_id in by_claim:
            by_claim[claim_id]["findings"] = _shown(event.data.findings)
        for answer, key, outcome, findings in _told(event, by_message):
            record = answer.records.setdefault(key, {"claim": key, "outcome": outcome})
            if findings:
                record["findings"] = findings
            if outcome == "accepted":
                by_claim[key] = record


def _told(
    event: Event, by_message: Mapping[UUID, Answer]
) -> Iterator[tuple[Answer, str, str, list[dict[str, Any]]]]:
    match event.data:
        case ClaimReceived(origin=origin) if origin.message_id in by_message:
            yield by_message[origin.message_id], event.subject, "accepted", []
        case ClaimDuplicated(origin=origin) if origin.message_id in by_message:
            yield by_message[origin.message_id], event.subject, "duplicate", []
        case (
            ClaimRejected(origin=origin, findings=found)
            | MessageRejected(origin=origin, findings=found)
        ) if origin.message_id in by_message:
            key = f"record {origin.position}"
            yield by_message[origin.message_id], key, "rejected", _shown(found)
        case _:
            pass


def _shown(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json", exclude_defaults=True) for one in findings]


def _report(answers: list[Answer], *, is_waiting: bool, as_json: bool) -> None:
    if as_json:
        show(
            [
                {"file": one.file, "message": one.message_id, "records": list(one.records.values())}
                for one in answers
            ]
        )
    elif not is_waiting:
        typer.echo(f"{len(answers)} published")
    else:
        for answer in answers:
            _print(answer)
    if is_waiting and not all(
        record["outcome"] in ("submitted", "duplicate")
        for one in answers
        for record in one.records.values() or [{"outcome": "unanswered"}]
    ):
        raise typer.Exit(1)


def _print(answer: Answer) -> None:
    counts = Counter(record["outcome"] for record in answer.records.values())
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    typer.echo(f"{answer.file}: {words or 'no answer yet'}")
    for record in answer.records.values():
        typer.echo(f"  {record['claim']}  {record['outcome']}")
        for finding in record.get("findings", ()):
            where = f"{finding['path']}: " if finding.get("path") else ""
            typer.echo(f"    {finding['code']}: {where}{finding['message']}")
