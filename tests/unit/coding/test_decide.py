"""What coding makes of each event, and of the same event again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.coding.domain.decide import ClaimState, decide
from services.coding.domain.reference import Reference
from services.coding.domain.verdict import RULESET, Ruleset
from services.coding.filter import code
from shared.contract.claim import Claim
from shared.contract.envelope import Event
from shared.contract.events import (
    AcknowledgementEvidence,
    Adjudication,
    ClaimCoded,
    ClaimDenied,
    ClaimDuplicated,
    ClaimHeld,
    ClaimReceived,
    ClaimRefused,
    MessageOrigin,
)
from shared.contract.model import Finding, Model, to_wire

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
ORIGIN = MessageOrigin(message_id=UUID(int=1), source="test")
REASON = Finding(code="A7:562", message="the payer's reason")


def event_of(data: Model, claim: Claim, *, number: int = 1) -> Event:
    return Event(id=UUID(int=number), source="test", subject=str(claim.id), time=NOW, data=data)


def received(claim: Claim, *, revision: int = 1, number: int = 1) -> Event:
    claim = claim.model_copy(update={"revision": revision})
    data = ClaimReceived(claim=claim, origin=ORIGIN, received_at=NOW)
    return event_of(data, claim, number=number)


def refused(claim: Claim, *, revision: int = 1) -> Event:
    evidence = AcknowledgementEvidence(transaction="277CA")
    data = ClaimRefused(revision=revision, findings=(REASON,), evidence=evidence)
    return event_of(data, claim, number=50)


def denied(claim: Claim, *, revision: int = 1) -> Event:
    adjudication = Adjudication(
        revision=revision,
        remittance_id=UUID(int=2),
        payer_identifier="PAY01",
        status="4",
        charge=25_000,
        paid=0,
        contractual=0,
        patient=0,
        other=0,
        denied=25_000,
    )
    return event_of(ClaimDenied(adjudication=adjudication, findings=(REASON,)), claim, number=60)


@pytest.fixture
def faulty(professional: Claim) -> Claim:
    return professional.model_copy(update={"charge": 1})


def test_a_clean_claim_is_coded_with_the_ruleset_that_judged_it(professional: Claim) -> None:
    decided = decide(None, received(professional), NOW, Ruleset(Reference("2025q1")), b"{}")
    assert decided.event is not None
    assert isinstance(decided.event.data, ClaimCoded)
    assert decided.event.data.ruleset == "checks-3/2025q1"
    assert decided.event.data.findings == ()
    assert decided.event.data.claim is not None
    assert decided.event.subject == str(professional.id)
    assert decided.entry is None
    assert decided.state == ClaimState(
        professional.id,
        1,
        "coded",
        NOW,
        ruleset="checks-3/2025q1",
        received=b"{}",
        received_revision=1,
    )


def test_a_claim_passes_through_without_being_copied(professional: Claim) -> None:
    event = received(professional)
    decided = decide(None, event, NOW, RULESET)
    assert decided.event is not None
    assert decided.event.data.claim is event.data.claim  # type: ignore[attr-defined]


def test_a_blocking_finding_holds_the_claim_and_puts_it_on_the_worklist(faulty: Claim) -> None:
    decided = decide(None, received(faulty), NOW, RULESET)
    assert decided.event is not None
    assert isinstance(decided.event.data, ClaimHeld)
    assert [each.code for each in decided.event.data.findings] == ["claim-total"]
    assert decided.entry is not None
    assert decided.entry.reason == "held"
    assert decided.entry.event_id == decided.event.id
    assert decided.state is not None
    assert decided.state.status == "held"


def test_a_warning_does_not_hold_the_claim(professional: Claim) -> None:
    address = professional.billing_provider.address
    assert address is not None
    billing = professional.billing_provider.model_copy(
        update={"address": address.model_copy(update={"postal_code": "45402"})}
    )
    claim = professional.model_copy(update={"billing_provider": billing})
    decided = decide(None, received(claim), NOW, RULESET)
    assert decided.event is not None
    assert isinstance(decided.event.data, ClaimCoded)
    assert [each.severity for each in decided.event.data.findings] == ["warn"]


def test_the_same_event_gives_the_same_event_id(professional: Claim) -> None:
    first = decide(None, received(professional), NOW, RULESET).event
    again = decide(None, received(professional), NOW, RULESET).event
    other = decide(None, received(professional, revision=2, number=2), NOW, RULESET).event
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.id == again.id
    assert first.id != other.id


def test_a_newer_revision_is_judged_anew(faulty: Claim, professional: Claim) -> None:
    held = decide(None, received(faulty), NOW, RULESET).state
    decided = decide(held, received(professional, revision=2, number=2), NOW, RULESET)
    assert decided.state is not None
    assert (decided.state.revision, decided.state.status) == (2, "coded")
    assert decided.event is not None
    assert decided.event.sequence == 2


def test_a_revision_that_a_newer_one_replaced_changes_nothing(professional: Claim) -> None:
    newer = decide(None, received(professional, revision=2), NOW, RULESET).state
    for late in (received(professional, number=9), refused(professional), denied(professional)):
        decided = decide(newer, late, NOW, RULESET)
        assert (decided.state, decided.event, decided.entry) == (None, None, None)


@pytest.mark.parametrize(("build", "status"), [(refused, "refused"), (denied, "denied")])
def test_a_payers_no_goes_on_the_worklist_with_the_payers_reasons(
    build: Callable[[Claim], Event], status: str, professional: Claim
) -> None:
    value = to_wire(received(professional).data)
    known = decide(None, received(professional), NOW, RULESET, value).state
    decided = decide(known, build(professional), NOW, RULESET)
    assert decided.event is None
    assert decided.state is not None
    assert decided.state.status == status
    assert decided.state.received == value
    assert decided.entry is not None
    assert (decided.entry.reason, decided.entry.findings) == (status, (REASON,))
    assert decided.entry.payer_identifier == "PAY01"
    assert decided.entry.at_stake_cents == 25_000


def test_an_answer_about_a_claim_that_was_never_seen_is_kept(professional: Claim) -> None:
    decided = decide(None, denied(professional), NOW, RULESET)
    assert decided.state is not None
    assert decided.state.received is None
    assert decided.entry is not None


def test_other_events_are_none_of_codings_business(professional: Claim) -> None:
    event = event_of(ClaimDuplicated(origin=ORIGIN, revision=1), professional)
    decided = decide(None, event, NOW, RULESET)
    assert (decided.state, decided.event, decided.entry) == (None, None, None)


def test_the_filter_judges_claims_and_passes_everything_else_on(
    professional: Claim, faulty: Claim
) -> None:
    duplicate = event_of(ClaimDuplicated(origin=ORIGIN, revision=1), professional)
    other = faulty.model_copy(update={"id": UUID(int=99)})
    incoming = [
        replace(received(professional), traceparent="00-1-2-01"),
        duplicate,
        received(other, number=3),
    ]
    outgoing = list(code(iter(incoming), now=NOW))
    assert [event.type for event in outgoing] == [
        "claim.coded.v1",
        "claim.duplicated.v1",
        "claim.held.v1",
    ]
    assert outgoing[0].causation_id == incoming[0].id
    assert outgoing[0].traceparent == "00-1-2-01"
    assert outgoing[1] is duplicate
