"""An invented patient goes through the whole line, well and badly, and is found in no output."""

import asyncio
import json

import asyncpg
import pytest

from deploy.local.stack import Stack
from services.commands.demo_events import listening, publish_all
from shared.contract.envelope import business_id, text_headers
from shared.contract.topics import PAYMENTS_POSTED
from shared.messaging.publishing import Inbound
from tests import canary
from tests.e2e.conftest import MakeStack

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
SOURCE = "canary-hospital"


def messages() -> list[Inbound]:
    """Her claim: one the payer denies, one it pays, one to hold, one to refuse, and wreckage."""
    clean = canary.claim(business_id("canary"))
    wrong_total = clean | {"patient_control_number": f"{canary.PATIENT_CONTROL_NUMBER}H"}
    wrong_total["charge"] = "126.00"
    wrong_date = clean | {"patient_control_number": f"{canary.PATIENT_CONTROL_NUMBER}R"}
    wrong_date["statement_from"] = canary.LAST_NAME
    # Another service: the same one on the same day would be held as a duplicate.
    (line,) = clean["service_lines"]
    paid = clean | {
        "patient_control_number": f"{canary.PATIENT_CONTROL_NUMBER}G",
        "service_lines": [line | {"procedure": {"code": "99213"}}],
    }
    bodies = [
        json.dumps(clean).encode(),
        json.dumps(paid).encode(),
        json.dumps(wrong_total).encode(),
        json.dumps(wrong_date).encode(),
        json.dumps(clean).encode()[:-40],
        f"ISA*00*{canary.LAST_NAME}*{canary.MEMBER_ID}~NM1*IL*1*{canary.LAST_NAME}~".encode(),
        f"MSH|^~\\&|{canary.LAST_NAME}|{canary.MEMBER_ID}".encode(),
    ]
    return [Inbound(f"canary-{at}", SOURCE, body) for at, body in enumerate(bodies)]


async def test_no_output_names_the_patient(make_stack: MakeStack) -> None:
    with make_stack("a canary") as stack:
        outputs = await _went_through(stack)
        outputs |= await _spans(stack)
        for name, service in stack.services.items():
            outputs[f"metrics of {name}"] = await asyncio.to_thread(_metrics, str(service.url))
        folder = stack.folder.path / "log"
    assert any("payment.posted.v1" in text for text in outputs.values()), "her claim was posted"
    canary.assert_absent(outputs)
    canary.assert_absent([folder])
    names = [str(path) for path in stack.folder.transport_dir.rglob("*")]
    canary.assert_absent({"file names": "\n".join(names)})


async def _went_through(stack: Stack) -> dict[str, str]:
    """Publishes her messages and returns the headers and keys of every event, and the payments."""
    await publish_all(stack.settings, messages())
    texts: dict[str, str] = {}
    types: set[str] = set()
    wanted = {
        "claim.denied.v1",
        "claim.held.v1",
        "claim.paid.v1",
        "claim.rejected.v1",
        "message.rejected.v1",
        "payment.posted.v1",
    }
    async with listening(stack.settings) as consumer:
        consumer.subscribe([*consumer.subscription(), PAYMENTS_POSTED])
        async with asyncio.timeout(90):
            while not wanted <= types:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        headers = text_headers(record.headers)
                        types.add(headers["ce_type"])
                        place = f"{record.topic}/{record.partition}/{record.offset}"
                        texts[place] = f"{record.key!r} {headers}"
                        if record.topic == PAYMENTS_POSTED:
                            texts[f"{place} value"] = record.value.decode()
    return texts


async def _spans(stack: Stack) -> dict[str, str]:
    connection = await asyncpg.connect(stack.postgres_dsn)
    try:
        rows = await connection.fetch("SELECT * FROM telemetry.span")
    finally:
        await connection.close()
    return {f"span {at}": str(dict(row)) for at, row in enumerate(rows)}


def _metrics(url: str) -> str:
    import urllib.request

    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310
        text = answer.read().decode()
    assert "claimwire_" in text
    return str(text)
