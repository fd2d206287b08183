"""What `publish --wait` makes of the line's events."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

import pytest

from deploy.twins.hospital import Hospital
from services.commands.following import Answer, Following
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id, text_headers, to_headers
from shared.contract.events import (
    AcknowledgementEvidence,
    ClaimCoded,
    ClaimDuplicated,
    ClaimHeld,
    ClaimReceived,
    ClaimRefused,
    ClaimRejected,
    ClaimSubmitted,
    EncounterRecorded,
    InterchangeReference,
    MessageOrigin,
    MessageRejected,
)
from shared.contract.model import Finding, Model, to_wire

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
MESSAGE = business_id("message", "clinic", "1")
FINDING = Finding(code="npi-check-digit", path="NM109", message="the check digit does not fit")


def origin(position: int = 0, message_id: UUID = MESSAGE) -> MessageOrigin:
    return MessageOrigin(message_id=message_id, source="clinic", position=position)


@pytest.fixture
def claim(hospital: Hospital) -> Claim:
    return hospital.claim()


@pytest.fixture
def answer() -> Answer:
    return Answer("day.837", MESSAGE, expected=1)


def no_fetch(headers: Mapping[str, str]) -> bytes:
    raise AssertionError("no value is elsewhere")


@pytest.fixture
def following(answer: Answer) -> Following:
    return Following([answer], no_fetch)


def tell(following: Following, subject: object, data: Model, revision: int = 1) -> None:
    event = Event(
        business_id(subject, type(data).__name__, revision),
        "test",
        str(subject),
        NOW,
        data,
        sequence=revision,
    )
    following.heard(text_headers(to_headers(event)), to_wire(event.data))


def received(claim: Claim, at: MessageOrigin) -> ClaimReceived:
    return ClaimReceived(claim=claim, origin=at, received_at=NOW)


def submitted(claim: Claim) -> ClaimSubmitted:
    reference = InterchangeReference(
        interchange_id=business_id("interchange"),
        payer="default",
        interchange_control_number="1",
        group_control_number="1",
        transaction_control_number="0001",
    )
    return ClaimSubmitted(claim=claim, interchange=reference, submitted_at=NOW)


def test_a_claim_is_followed_until_it_is_submitted(
    following: Following, answer: Answer, claim: Claim
) -> None:
    tell(following, claim.id, received(claim, origin()))
    tell(following, claim.id, ClaimCoded(claim=claim, ruleset="1"))
    assert (answer.records[0].outcome, answer.is_settled) == ("coded", False)
    tell(following, claim.id, submitted(claim))
    assert answer.records[0].outcome == "submitted"
    assert answer.is_well
    assert following.is_settled


def test_a_held_claim_is_settled_with_its_findings_and_not_well(
    following: Following, answer: Answer, claim: Claim
) -> None:
    tell(following, claim.id, received(claim, origin()))
    tell(following, claim.id, ClaimHeld(claim=claim, ruleset="1", findings=(FINDING,)))
    assert answer.is_settled
    assert not answer.is_well
    assert answer.records[0].findings[0]["code"] == "npi-check-digit"


def test_a_claim_that_no_837_can_say_is_refused(
    following: Following, answer: Answer, claim: Claim
) -> None:
    evidence = AcknowledgementEvidence(transaction="837")
    refused = ClaimRefused(revision=1, findings=(FINDING,), evidence=evidence)
    tell(following, claim.id, received(claim, origin()))
    tell(following, claim.id, refused)
    assert answer.is_settled
    assert answer.records[0].outcome == "refused"


@pytest.mark.parametrize("rejection", [ClaimRejected, MessageRejected])
def test_a_rejected_record_has_no_claim_id(
    following: Following, answer: Answer, rejection: type[ClaimRejected | MessageRejected]
) -> None:
    tell(following, MESSAGE, rejection(origin=origin(), findings=(FINDING,)))
    assert answer.is_settled
    assert (answer.records[0].claim, answer.records[0].outcome) == (None, "rejected")


def test_the_same_claim_twice_in_a_message_is_two_records(claim: Claim) -> None:
    answer = Answer("day.837", MESSAGE, expected=2)
    following = Following([answer], no_fetch)
    tell(following, claim.id, received(claim, origin(0)))
    tell(following, claim.id, ClaimDuplicated(origin=origin(1), revision=1))
    tell(following, claim.id, submitted(claim))
    assert [record.outcome for record in answer.records.values()] == ["submitted", "duplicate"]
    assert answer.is_well


def test_a_revision_that_was_overtaken_is_superseded(claim: Claim) -> None:
    answer = Answer("day.837", MESSAGE, expected=2)
    following = Following([answer], no_fetch)
    tell(following, claim.id, received(claim, origin(0)))
    tell(following, claim.id, received(claim, origin(1)), revision=2)
    tell(following, claim.id, submitted(claim), revision=2)
    assert [record.outcome for record in answer.records.values()] == ["superseded", "submitted"]


def test_a_message_is_not_settled_before_all_its_records_are_known(
    following: Following, answer: Answer, claim: Claim
) -> None:
    answer.expected = None
    tell(following, claim.id, received(claim, origin()))
    tell(following, claim.id, submitted(claim))
    assert not answer.is_settled
    answer.expected = 2
    assert not answer.is_settled
    answer.expected = 1
    assert answer.is_settled


def test_other_peoples_claims_are_not_ours(
    following: Following, answer: Answer, claim: Claim
) -> None:
    other = business_id("message", "clinic", "2")
    tell(following, claim.id, received(claim, origin(message_id=other)))
    tell(following, claim.id, submitted(claim))
    following.heard({"ce_type": "claim.received.v1"}, str(MESSAGE).encode())
    following.heard({}, b"")
    assert answer.records == {}


def test_an_event_that_is_kept_elsewhere_is_fetched(answer: Answer, claim: Claim) -> None:
    event = Event(
        business_id("x"), "test", str(claim.id), NOW, received(claim, origin()), sequence=1
    )
    headers = text_headers(to_headers(event, dataref="ab/cd"))
    asked: list[str] = []

    def fetch(given: Mapping[str, str]) -> bytes:
        asked.append(given["ce_dataref"])
        return to_wire(event.data)

    Following([answer], fetch).heard(headers, b"")
    assert asked == ["ab/cd"]
    assert answer.records[0].outcome == "accepted"


def test_a_message_of_an_encounter_is_gathered_and_goes_on_as_the_claim_it_completes(
    following: Following, answer: Answer, claim: Claim
) -> None:
    recorded = EncounterRecorded(origin=origin(), trigger="BAR^P06", outcome="recorded")
    tell(following, claim.id, recorded)
    assert [one.outcome for one in answer.records.values()] == ["gathered"]
    assert answer.is_well
    tell(following, claim.id, ClaimReceived(claim=claim, origin=origin(), received_at=NOW))
    assert [one.outcome for one in answer.records.values()] == ["accepted"]
    assert not answer.is_settled


def test_what_is_heard_before_the_claim_counts_once_the_claim_is_heard(
    following: Following, answer: Answer, claim: Claim
) -> None:
    """A poll brings its topics in no order."""
    tell(following, claim.id, ClaimHeld(claim=claim, ruleset="r", findings=(FINDING,)))
    assert not answer.is_settled

    tell(following, claim.id, received(claim, origin()))
    following.answers[MESSAGE].expected = 1

    assert [one.outcome for one in answer.records.values()] == ["held"]
    assert answer.is_settled
