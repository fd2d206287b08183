"""`claimwire remit` without broker and database."""

import csv
import re
from collections import Counter
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from services.remittance.filter import remit
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    ClaimDenied,
    ClaimPaid,
    MessageRejected,
    RemittanceQuarantined,
    RemittanceRead,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Pipe(BytesIO):
    """Bytes that can be read once."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError("a pipe has no places")


def _events(content: bytes) -> list[Event]:
    return list(remit(BytesIO(content), now=NOW))


def _verdict(checked: int, failed: int) -> str:
    if not checked:
        return "n/a"
    return f"FAIL {failed}/{checked}" if failed else "ok"


def test_the_verdict_on_every_sample_is_that_of_two_other_programs(samples: Path) -> None:
    with (samples / "835-balance.csv").open(newline="") as table:
        expected = {row["file"]: row for row in csv.DictReader(table)}
    assert expected
    for name, row in expected.items():
        reads = [
            event.data
            for event in _events((samples / "835" / name).read_bytes())
            if isinstance(event.data, RemittanceRead)
        ]
        lines: Counter[str] = Counter()
        for read in reads:
            lines.update(
                checked=read.balance.lines.checked,
                failed=read.balance.lines.failed,
                claims=read.balance.claims.checked,
                failed_claims=read.balance.claims.failed,
            )
        balanced = all(read.balance.transaction.balanced for read in reads)
        assert (len(reads), lines["claims"], lines["checked"]) == (
            int(row["transactions"]),
            int(row["claims"]),
            int(row["service_lines"]),
        ), name
        assert _verdict(lines["checked"], lines["failed"]) == row["line_balance"], name
        assert _verdict(lines["claims"], lines["failed_claims"]) == row["claim_balance"], name
        assert ("ok" if balanced else "FAIL") == row["transaction_balance"], name


def test_every_claim_of_every_sample_is_told_once(samples: Path) -> None:
    for path in sorted((samples / "835").iterdir()):
        events = _events(path.read_bytes())
        claims = sum(e.data.claims for e in events if isinstance(e.data, RemittanceRead))
        told = [event for event in events if not isinstance(event.data, RemittanceRead)]
        assert len(told) == claims, path.name
        assert len({event.id for event in events}) == len(events)


def test_what_is_paid_is_told_to_the_cent(samples: Path) -> None:
    for path in sorted((samples / "835").iterdir()):
        events = _events(path.read_bytes())
        if any(isinstance(event.data, RemittanceQuarantined) for event in events):
            continue
        text = path.read_text()
        written = sum(
            round(float(match) * 100)
            for match in re.findall(r"CLP\*[^*]*\*[^*]*\*[^*]*\*([^*]+)", text)
        )
        told = sum(
            event.data.adjudication.paid
            for event in events
            if isinstance(event.data, ClaimPaid | ClaimDenied)
        )
        assert told == written, path.name


def test_a_pipe_is_read_as_a_file_is(samples: Path) -> None:
    content = (samples / "835" / "cosyte_x12__remit__835-multi-claim.edi").read_bytes()
    assert list(remit(Pipe(content), now=NOW)) == _events(content)


def test_claim_ids_are_those_that_intake_gives(samples: Path) -> None:
    content = (samples / "835" / "cosyte_x12__golden__835.edi").read_bytes()
    (paid,) = [
        event
        for event in remit(BytesIO(content), now=NOW, source="st-elsewhere")
        if isinstance(event.data, ClaimPaid)
    ]
    assert paid.subject == str(business_id("claim", "st-elsewhere", "PT-ACCT-001"))


def test_the_same_set_twice_in_a_file_is_told_once(samples: Path) -> None:
    content = (samples / "835" / "cosyte_x12__golden__835.edi").read_bytes()
    kinds: Counter[type[Any]] = Counter(type(event.data) for event in _events(content + content))
    assert kinds == {RemittanceRead: 2, ClaimPaid: 1}


def test_what_holds_no_835_is_rejected() -> None:
    for content in (b"", b"not X12", b"ST*999*0001~AK1*HC*1~AK9*A*1*1*1~SE*4*0001~"):
        events = _events(content)
        assert events
        assert all(isinstance(event.data, MessageRejected) for event in events)


def test_claims_of_a_set_that_does_not_add_up_are_told_to_wait(samples: Path) -> None:
    content = (samples / "835" / "cosyte_x12__golden__835.edi").read_bytes()
    events = _events(content.replace(b"BPR*I*450.00", b"BPR*I*451.00"))
    quarantined = [event.data for event in events if isinstance(event.data, RemittanceQuarantined)]
    assert [(one.level, one.difference) for one in quarantined] == [
        ("transaction", 100),
        ("claim", 0),
    ]
