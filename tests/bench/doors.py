"""intake's readers of JSON and FHIR on one core, beside the full model of FHIR; and a body of a
gigabyte through the HTTP door of a process that runs, with the memory it takes.

Apart from `codec` because these are the door's readers, rules and identity and not a codec's.
"""

import gc
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import psutil

from deploy.local.roster import ROSTER
from deploy.local.stack import Stack
from deploy.twins.fhir.claims import write_bundle, write_claim
from deploy.twins.hospital import Hospital, render_x12
from deploy.twins.publication import FHIR, JSON, NDJSON, X12
from services.intake.domain.arrival import AcceptedClaim
from services.intake.domain.message import Delivery, read_delivery
from shared.contract.claim import Claim
from shared.contract.model import to_wire
from tests.bench.inputs import SEED, TODAY
from tests.bench.report import Section, ratio
from tests.bench.timing import least

REPEATS = 5
BUNDLE = 50
MEGABYTE = 1_000_000
RECORD_BYTES = 200_000
WAIT_S = 1_800.0


# Readers


def readers(count: int) -> Section:
    """Claims a second of each format: read, held to the rules of the door, and identified."""
    claims = Hospital(SEED, today=TODAY).claims(count)
    ours = [
        (name, _best(partial(_accepted, given, kind), len(claims)))
        for name, kind, given in _inputs(claims)
    ]
    rates = dict(ours)
    documents = [write_claim(claim) for claim in claims]
    judge = _best(partial(_judged, documents[: count // 5]), count // 5)
    rows: list[tuple[object, ...]] = [(name, "claimwire", rate, None) for name, rate in ours]
    rows.append(("FHIR Claim", "fhir.resources", judge, ratio(rates["FHIR Claim"], judge)))
    return Section(
        "doors",
        f"intake's readers, on one core: {count:,} claims of the hospital twin, all kinds",
        ("format", "tool", "claims/s", "claimwire is"),
        rows,
        notes=(
            "processor time, best of five in one process",
            "claimwire: bytes to a claim with id and fingerprint; fhir.resources: to its R4B model",
        ),
    )


def _inputs(claims: Sequence[Claim]) -> Iterator[tuple[str, str, list[bytes]]]:
    yield "X12 837", X12, [render_x12(claims, TODAY, number=1)]
    yield "JSON", JSON, [to_wire(claim) for claim in claims]
    yield "NDJSON", NDJSON, [b"\n".join(map(to_wire, claims))]
    yield "FHIR Claim", FHIR, [write_claim(claim) for claim in claims]
    bundles = (claims[at : at + BUNDLE] for at in range(0, len(claims), BUNDLE))
    yield f"FHIR Bundle of {BUNDLE}", FHIR, [write_bundle(one) for one in bundles]


def _accepted(messages: Sequence[bytes], content_type: str) -> int:
    count = 0
    for message in messages:
        delivery = Delivery("b", partial(io.BytesIO, message), None, content_type)
        for arrival in read_delivery(delivery):
            count += isinstance(arrival.outcome, AcceptedClaim)
    return count


def _judged(documents: Sequence[bytes]) -> int:
    from fhir.resources.R4B.claim import Claim as Judge

    return sum(Judge.model_validate_json(document) is not None for document in documents)


def _best(run: Callable[[], int], expected: int) -> float:
    """Claims a second at the least processor time of a few runs."""

    def accepted() -> None:
        seen = run()
        assert seen == expected, f"{seen} of {expected} claims were accepted"

    accepted()
    gc.collect()
    return expected / least(accepted, REPEATS)[0]


# A body of any size


def body(folder: Path, megabytes: int) -> Section:
    """NDJSON through `POST /claims` of an intake process, until its last record is decided.

    Records are large and all but one in a hundred are refused, so that it is the reading and not
    the broker's memory that is measured.
    """
    roster = [program for program in ROSTER if program.name == "intake"]
    with Stack(folder / "doors", roster=roster) as stack:
        service = stack.services["intake"]
        process = psutil.Process(service.pid)
        with httpx.Client(
            base_url=str(service.url), headers={"X-API-Key": stack.api_key}, timeout=600
        ) as client:
            client.post("/claims", content=next(_records(1))).raise_for_status()
            watch = _Watch(process)
            started = time.monotonic()
            answer = client.post("/claims", content=watch.over(_records(megabytes)))
            taken_s = time.monotonic() - started
            answer.raise_for_status()
            address = f"/submissions/{answer.json()['submission_id']}"
            said = answer.json()
            while said["status"] != "complete" and time.monotonic() - started < WAIT_S:
                watch.look()
                time.sleep(0.2)
                said = client.get(address, params={"limit": 1}).json()
            total_s = time.monotonic() - started
    records = said["accepted"] + said["rejected"]
    return Section(
        "body",
        f"one HTTP body of {megabytes:,} MB of NDJSON, through a process that runs",
        ("status", "records", "taken in, s", "MB/s", "decided, s", "memory before, MB", "most, MB"),
        (
            (
                said["status"],
                records,
                taken_s,
                megabytes / taken_s,
                total_s,
                watch.before / MEGABYTE,
                watch.most / MEGABYTE,
            ),
        ),
        notes=(
            f"records of {RECORD_BYTES // 1000} kB; memory is the intake process's resident set",
            f"at {datetime.now(UTC):%Y-%m-%d}, shared machine: times are wall clock",
        ),
    )


class _Watch:
    """The resident memory of a process, looked at now and then."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self.before = self.most = process.memory_info().rss

    def look(self) -> None:
        self.most = max(self.most, self._process.memory_info().rss)

    def over(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.look()
            yield chunk


def _records(megabytes: int) -> Iterator[bytes]:
    """Whole records, a megabyte at a time."""
    template = to_wire(Hospital(SEED, today=TODAY).claim())
    fields = json.loads(template)
    fields["notes"] = [{"text": "N" * 250}] * (RECORD_BYTES // 280)
    number = 0
    for _ in range(megabytes):
        lines = []
        for _ in range(MEGABYTE // RECORD_BYTES):
            number += 1
            kind = "professional" if number % 100 == 0 else "surgical"
            fields |= {"patient_control_number": f"B{number}", "kind": kind}
            lines.append(json.dumps(fields, separators=(",", ":")).encode())
        yield b"\n".join(lines) + b"\n"
