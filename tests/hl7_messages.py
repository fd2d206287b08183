"""HL7 messages for tests: written by hand, one segment a line, as an engine's log shows them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from services.intake.domain.known import State
from services.intake.domain.profile import SourceProfiles, read_profiles
from services.intake.filter import read
from shared.contract.claim import Claim
from shared.contract.envelope import Event
from shared.contract.events import ClaimReceived

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SOURCE = "general"

PROFILE: dict[str, Any] = {
    "billing_provider": {"name": "GENERAL HOSPITAL", "npi": "1234567893", "tax_id": "361234567"},
    "payers": {"ACME": {"identifier": "ACM01", "name": "ACME HEALTH", "filing_indicator": "CI"}},
}


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment with these fields, as they are."""
    values = (fields.get(number, "") for number in range(1, max(fields, default=0) + 1))
    return "|".join((name, *values))


IN1 = segment(
    "IN1",
    {
        1: "1",
        2: "PLAN1",
        3: "ACME",
        4: "ACME HEALTH",
        8: "G1",
        16: "DOE^JANE",
        17: "SEL",
        18: "19700102",
        19: "1 MAIN ST^^DAYTON^OH^45402",
        22: "1",
        36: "W1",
    },
)


def pid(account: str = "A1", record: str = "4711") -> str:
    return segment(
        "PID",
        {
            1: "1",
            3: f"{record}^^^GH^MR~123456789^^^USSSA^SS",
            5: "DOE^JANE^Q",
            7: "19700102",
            8: "F",
            11: "1 MAIN ST^^DAYTON^OH^45402",
            18: account,
        },
    )


def pv1(patient_class: str = "O", **fields: str) -> str:
    """`f45`: field 45."""
    attending = "1234567893^SEEN^IDA^^^^^^NPI^^^^NPI"
    others = {int(name[1:]): value for name, value in fields.items()}
    return segment("PV1", {1: "1", 2: patient_class, 7: attending} | others)


def profiles(**changes: Any) -> SourceProfiles:
    """Profiles of one source."""
    return read_profiles({"sources": {SOURCE: PROFILE | changes}})


def message(
    trigger: str,
    *segments: str,
    control: str = "M1",
    at: str = "20260301080000",
    version: str = "2.5.1",
    account: str = "A1",
) -> bytes:
    """A message with its MSH and EVN, and a PID unless one is given."""
    kind, _, event = trigger.partition("^")
    rows = [
        rf"MSH|^~\&|ADT|GH|CW|CW|{at}||{kind}^{event}|{control}|P|{version}",
        f"EVN|{event}|{at}",
    ]
    if not any(segment.startswith("PID") for segment in segments):
        rows.append(pid(account))
    return "".join(f"{row}\r" for row in (*rows, *segments)).encode()


def registration(
    control: str = "R1", at: str = "20260301080000", account: str = "A1", patient_class: str = "O"
) -> bytes:
    return message("ADT^A04", pv1(patient_class), IN1, control=control, at=at, account=account)


def charges(
    *rows: str, control: str = "C1", at: str = "20260301090000", account: str = "A1"
) -> bytes:
    return message("DFT^P03", *rows, control=control, at=at, account=account)


def ft1(
    identifier: str = "T1",
    code: str = "99213",
    amount: str = "100.00",
    *,
    kind: str = "CG",
    units: str = "1",
    day: str = "20260301",
    diagnosis: str = "I10^^I10C",
) -> str:
    fields = {
        1: "1",
        2: identifier,
        4: day,
        6: kind,
        7: "CDM^ITEM^L",
        10: units,
        11: amount,
        19: diagnosis,
        25: f"{code}^^C4",
    }
    return segment("FT1", fields)


def final(control: str = "F1", at: str = "20260302080000", account: str = "A1") -> bytes:
    return message("BAR^P06", control=control, at=at, account=account)


def discharge(
    control: str = "D1",
    at: str = "20260302080000",
    account: str = "A1",
    ended: str = "20260302070000",
) -> bytes:
    visit = pv1(f36="01", f45=ended)
    return message("ADT^A03", visit, control=control, at=at, account=account)


class Feed:
    """An engine's messages through the filter, one after another."""

    def __init__(self, now: datetime = NOW, **changes: Any) -> None:
        self.profiles = profiles(**changes)
        self.states: dict[str, State] = {}
        self.now = now
        self.events: list[Event] = []

    def send(self, *messages: bytes) -> list[Event]:
        said = [event for one in messages for event in self._said(one)]
        self.events += said
        return said

    def _said(self, one: bytes) -> Iterator[Event]:
        return read(
            BytesIO(one),
            source=SOURCE,
            now=self.now,
            states=self.states,
            profiles=self.profiles,
        )

    @property
    def claims(self) -> list[Claim]:
        """Every claim that was received so far, in order."""
        return [event.data.claim for event in self.events if isinstance(event.data, ClaimReceived)]


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def findings(event: Event) -> list[tuple[str, str | None]]:
    """Codes and paths of an event's findings."""
    data: Any = event.data
    return [(finding.code, finding.path) for finding in data.findings]
