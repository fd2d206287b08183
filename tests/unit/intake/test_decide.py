"""What a record means: new, unchanged, changed or refused; and the same record always the same."""

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from uuid import UUID

import pytest

from services.intake.domain.arrival import Arrival
from services.intake.domain.decide import ClaimState, Verdict, decide
from services.intake.domain.identity import claim_id
from services.intake.domain.known import Known, State
from services.intake.domain.message import Delivery, read_delivery
from shared.contract.envelope import business_id
from shared.contract.events import (
    ClaimDuplicated,
    ClaimReceived,
    ClaimRejected,
    MessageRejected,
)

Numbered = Callable[[int], bytes]


def arrivals(body: bytes, message: str | None = "m-1", **fields: str) -> list[Arrival]:
    return list(read_delivery(Delivery("general", lambda: BytesIO(body), message, **fields)))


class Intake:
    """A claim's life at the door, in memory."""

    def __init__(self, now: datetime) -> None:
        self.states: dict[str, State] = {}
        self._now = now

    def take(self, arrival: Arrival) -> Verdict:
        known = Known(self.states).under_number(arrival.key)
        verdict = decide(known, arrival, self._now)
        if verdict.state is not None:
            self.states[arrival.key] = verdict.state
        return verdict


@pytest.fixture
def intake(now: datetime) -> Intake:
    return Intake(now)


def test_a_new_claim_is_received_as_its_first_revision(intake: Intake, numbered: Numbered) -> None:
    (arrival,) = arrivals(numbered(1))
    verdict = intake.take(arrival)
    received = verdict.event.data
    assert isinstance(received, ClaimReceived)
    assert received.claim.id == claim_id("general", "PCN-1")
    assert (received.claim.revision, received.claim.source) == (1, "general")
    assert received.origin.message_id == business_id("message", "general", "m-1")
    assert received.origin.format == "json"
    assert verdict.event.subject == arrival.key == str(received.claim.id)
    assert verdict.count.accepted == 1


def test_the_same_claim_unchanged_is_a_duplicate_of_the_first(
    intake: Intake, numbered: Numbered
) -> None:
    first = intake.take(arrivals(numbered(1), "m-1")[0])
    again = intake.take(arrivals(numbered(1), "m-2")[0])
    assert isinstance(again.event.data, ClaimDuplicated)
    assert again.event.data.reason == "same_content"
    assert again.event.subject == first.event.subject
    assert again.state is None
    assert again.count.duplicated == 1


def test_the_same_record_again_says_that_it_is_the_same_message(
    intake: Intake, numbered: Numbered
) -> None:
    arrival = arrivals(numbered(1))[0]
    intake.take(arrival)
    again = intake.take(arrival).event.data
    assert isinstance(again, ClaimDuplicated)
    assert again.reason == "same_message"


def test_a_changed_claim_is_the_next_revision_of_the_same_claim(
    intake: Intake, numbered: Numbered
) -> None:
    first = intake.take(arrivals(numbered(1))[0])
    changed = numbered(1).replace(b"99213", b"99214")
    second = intake.take(arrivals(changed, "m-2")[0])
    back = intake.take(arrivals(numbered(1), "m-3")[0])
    assert [verdict.event.sequence for verdict in (first, second, back)] == [1, 2, 3]
    assert len({verdict.event.subject for verdict in (first, second, back)}) == 1
    assert len({verdict.event.id for verdict in (first, second, back)}) == 3


def test_the_same_bytes_under_the_same_message_id_give_the_same_event_ids(
    now: datetime, numbered: Numbered
) -> None:
    body = b"[" + numbered(1) + b"," + numbered(1) + b',{"kind":1},' + numbered(2)
    runs = []
    for _ in range(2):
        intake = Intake(now)
        runs.append([intake.take(arrival).event for arrival in arrivals(body)])
    types = [event.type for event in runs[0]]
    assert types == [
        "claim.received.v1",
        "claim.duplicated.v1",
        "claim.rejected.v1",
        "claim.received.v1",
        "message.rejected.v1",
    ]
    assert [event.id for event in runs[0]] == [event.id for event in runs[1]]
    assert len({event.id for event in runs[0]}) == len(types)


def test_a_message_without_an_id_is_known_by_its_content(numbered: Numbered) -> None:
    first, again, other = (
        arrivals(body, None)[0] for body in (numbered(1), numbered(1), numbered(2))
    )
    assert first.origin.message_id == again.origin.message_id
    assert first.delivery_id == again.delivery_id
    assert first.origin.message_id != other.origin.message_id


def test_a_message_id_used_twice_does_not_lose_the_second_messages_claims(
    numbered: Numbered,
) -> None:
    first, second = arrivals(numbered(1))[0], arrivals(numbered(2))[0]
    assert first.origin.message_id == second.origin.message_id
    assert first.delivery_id != second.delivery_id


def test_a_refused_claim_goes_by_its_claims_id_and_leaves_the_claim_as_it_is(
    intake: Intake, numbered: Numbered
) -> None:
    intake.take(arrivals(numbered(1))[0])
    before = dict(intake.states)
    (arrival,) = arrivals(numbered(1).replace(b"professional", b"surgical"), "m-2")
    verdict = intake.take(arrival)
    rejected = verdict.event.data
    assert isinstance(rejected, ClaimRejected)
    assert (rejected.patient_control_number, rejected.charge) == ("PCN-1", 25_000)
    assert [(each.code, each.path) for each in rejected.findings] == [("unknown-value", "kind")]
    assert verdict.event.subject == str(claim_id("general", "PCN-1"))
    assert intake.states == before
    assert verdict.count.rejected == 1


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"", "application/json", "message-empty"),
        (b" \r\n", "application/edi-x12", "message-empty"),
        (b"[]", "application/json", "message-empty"),
        (b"\n\n", "application/x-ndjson", "message-empty"),
        (b"\x00\x01", "application/octet-stream", "format-unknown"),
        (b'{"resourceType": "Patient"}', None, "resource-not-a-claim"),
        (b"hello", "application/json", "json-invalid"),
    ],
)
def test_what_cannot_be_read_is_one_rejected_message_under_its_own_id(
    body: bytes, content_type: str | None, code: str, intake: Intake
) -> None:
    (arrival,) = read_delivery(Delivery("general", lambda: BytesIO(body), "m", content_type))
    verdict = intake.take(arrival)
    assert isinstance(verdict.event.data, MessageRejected)
    assert [each.code for each in verdict.event.data.findings] == [code]
    assert verdict.event.subject == str(business_id("message", "general", "m"))
    assert (verdict.count.rejected, verdict.count.records) == (1, 1)


def test_positions_count_from_0_and_only_the_last_record_carries_the_total(
    intake: Intake, numbered: Numbered
) -> None:
    body = b"[" + b",".join(numbered(number) for number in range(3)) + b"]"
    verdicts = [intake.take(arrival) for arrival in arrivals(body)]
    positions = [verdict.event.data.origin.position for verdict in verdicts]  # type: ignore[attr-defined]
    assert positions == [0, 1, 2]
    assert [verdict.count.records for verdict in verdicts] == [0, 0, 3]


def test_a_claim_that_was_stored_stays_known_as_stored(
    intake: Intake, numbered: Numbered, now: datetime
) -> None:
    arrival = arrivals(numbered(1))[0]
    intake.states[arrival.key] = ClaimState(
        claim_id=UUID(arrival.key),
        revision=4,
        fingerprint=bytes(32),
        frequency="1",
        source="general",
        message_id=UUID(int=1),
        position=0,
        received_at=now,
        is_stored=True,
    )
    state = intake.take(arrival).state
    assert state is not None
    assert (state.revision, state.is_stored) == (5, True)
