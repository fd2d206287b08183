"""A claim between a hospital, a person and a payer, in any order of what each may do: what goes out
is numbered upwards, says of itself what it is, and no correction disappears unseen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.coding.domain.decide import ClaimState, decide
from services.coding.domain.verdict import RULESET
from services.coding.domain.worklist import acting
from services.coding.domain.worklist.acting import ALLOWED, Circumstances, Matter, Outcome
from services.coding.domain.worklist.opening import WorklistEntry, standing
from services.coding.domain.worklist.standing import CONFLICT
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    AcknowledgementEvidence,
    Adjudication,
    ClaimCoded,
    ClaimDenied,
    ClaimHeld,
    ClaimReceived,
    ClaimRefused,
    MessageOrigin,
)
from shared.contract.model import Finding, Model, to_wire
from tests.examples import examples

START = datetime(2025, 3, 10, 12, tzinfo=UTC)
ORIGIN = MessageOrigin(message_id=UUID(int=1), source="test")
NUMBER = "PAYER-77"
REASON = Finding(code="payers-reason", message="no")
MEMBER_BY_HAND = "BY-HAND"


def hospital_claim(revision: int, member: str, *, is_right: bool) -> Claim:
    line = {
        "number": 1,
        "charge": 100,
        "procedure": {"code": "99213"},
        "diagnosis_pointers": [1],
        "units": 1,
        "service_from": "2025-03-03",
        "line_control_number": "L1",
    }
    address = {"line1": "1 MAIN ST", "city": "DAYTON", "state": "OH", "postal_code": "454020001"}
    billing = {"name": "C", "npi": "1234567893", "tax_id": "361234567", "address": address}
    return Claim.model_validate(
        {
            "id": UUID(int=7),
            "revision": revision,
            "kind": "professional",
            "source": "test",
            "patient_control_number": "PCN",
            "charge": 100 if is_right else 99,
            "facility_code": "11",
            "billing_provider": billing,
            "subscriber": {"name": "DOE", "identifier": member},
            "payer": {"identifier": "PAY01"},
            "diagnoses": [{"code": "I10", "role": "principal"}],
            "service_lines": [line],
        }
    )


class Life(RuleBasedStateMachine):
    """The claim, its open entry, and everything that was said of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.state: ClaimState | None = None
        self.entry: WorklistEntry | None = None
        self.said: list[Event] = []
        self.sent: list[Claim] = []
        self.hospital_revision = 0
        self.has_been_denied = False
        self.correction: str | None = None
        """The member number that a person put in last, while the hospital has not taken it over."""

    # The world

    def hear(self, data: Model, revision: int) -> None:
        self.now += timedelta(minutes=1)
        number = len(self.said) + self.now.minute * 1000 + self.now.hour * 60_000
        event = Event(
            business_id("test", number, revision), "t", str(UUID(int=7)), self.now, data, revision
        )
        value = to_wire(data) if isinstance(data, ClaimReceived) else None
        decided = decide(self.state, event, self.now, RULESET, value)
        if decided.state is not None:
            known = self.state.received if self.state else None
            self.state = replace(decided.state, received=decided.state.received or known)
            if self.entry and self.entry.revision < self.state.revision:
                self.entry = None
        if decided.event is not None:
            self.tell(decided.event)
        if decided.entry is not None:
            self.entry = decided.entry

    def tell(self, event: Event) -> None:
        self.said.append(event)
        if isinstance(event.data, ClaimCoded):
            self.sent.append(event.data.claim)

    @property
    def last_sent(self) -> Claim:
        return self.sent[-1]

    @property
    def is_at_the_payer(self) -> bool:
        return bool(self.sent) and self.state is not None and self.state.status == "coded"

    def do(self, outcome: Outcome) -> None:
        assert self.state is not None
        assert self.entry is not None
        claim = outcome.claim
        is_new = claim.revision != self.state.revision
        self.state = replace(
            self.state,
            revision=claim.revision,
            status=outcome.status or self.state.status,
            edited=to_wire(claim) if is_new else self.state.edited,
            received_revision=self.state.hospital_revision,
        )
        if outcome.resolution is not None:
            self.entry = None
        else:
            self.entry = replace(self.entry, revision=claim.revision, findings=outcome.findings)
        if outcome.event is not None:
            self.tell(outcome.event)

    def matter(self) -> tuple[Matter, Circumstances]:
        assert self.state is not None
        assert self.entry is not None
        self.now += timedelta(minutes=1)
        claim = standing(self.state.received, self.state.edited)
        assert claim is not None
        matter = Matter(
            self.entry.event_id,
            self.entry.reason,
            claim.model_copy(update={"revision": self.state.revision}),
            self.entry.findings,
            self.state.payer_claim_control_number,
        )
        return matter, Circumstances("ada", self.now, RULESET)

    # What each may do

    @rule(member=st.sampled_from(["W1", "W2", MEMBER_BY_HAND]), is_right=st.booleans())
    def the_hospital_sends_a_version(self, member: str, is_right: bool) -> None:
        self.hospital_revision += 1
        claim = hospital_claim(self.hospital_revision, member, is_right=is_right)
        was_corrected = self.correction is not None and member != self.correction
        self.hear(ClaimReceived(claim=claim, origin=ORIGIN, received_at=self.now), claim.revision)
        if was_corrected:
            assert self.entry is not None
            assert CONFLICT in self.entry.findings
        self.correction = None

    @precondition(lambda self: self.hospital_revision > 0)
    @rule()
    def an_old_version_of_the_hospital_comes_again(self) -> None:
        before = (self.state, self.entry, len(self.said))
        claim = hospital_claim(self.hospital_revision, "OLD", is_right=True)
        if self.state and self.state.revision > self.state.hospital_revision:
            data = ClaimReceived(claim=claim, origin=ORIGIN, received_at=self.now)
            self.hear(data, claim.revision)
            assert (self.state, self.entry, len(self.said)) == before

    @precondition(lambda self: self.is_at_the_payer)
    @rule()
    def the_payer_refuses_it(self) -> None:
        evidence = AcknowledgementEvidence(transaction="277CA")
        revision = self.last_sent.revision
        self.hear(ClaimRefused(revision=revision, findings=(REASON,), evidence=evidence), revision)

    @precondition(lambda self: self.is_at_the_payer)
    @rule()
    def the_payer_denies_it(self) -> None:
        adjudication: dict[str, Any] = dict.fromkeys(
            ("charge", "paid", "contractual", "patient", "other", "denied"), 0
        )
        told = Adjudication(
            revision=self.last_sent.revision,
            remittance_id=UUID(int=9),
            payer_identifier="PAY01",
            payer_claim_control_number=NUMBER,
            status="4",
            **adjudication,
        )
        self.hear(ClaimDenied(adjudication=told, findings=(REASON,)), told.revision)
        self.has_been_denied = True

    @precondition(lambda self: self.entry is not None)
    @rule(is_whole=st.booleans())
    def a_person_corrects_it(self, is_whole: bool) -> None:
        matter, at = self.matter()
        member = f"{MEMBER_BY_HAND}{len(self.said)}"
        patch = [{"op": "replace", "path": "/subscriber/identifier", "value": member}]
        if is_whole:
            patch.append({"op": "replace", "path": "/charge", "value": "1.00"})
        outcome = acting.fix(matter, patch, at)
        self.do(outcome)
        self.correction = member
        if is_whole:
            assert outcome.resolution == "fixed"
        if matter.reason == "denied" and outcome.resolution:
            assert (outcome.claim.frequency, outcome.claim.payer_claim_control_number) == (
                "7",
                NUMBER,
            )
        if matter.reason == "refused":
            assert outcome.claim.frequency == matter.claim.frequency

    @precondition(lambda self: self.entry is not None and "release" in ALLOWED[self.entry.reason])
    @rule()
    def a_person_releases_it(self) -> None:
        matter, at = self.matter()
        self.do(acting.release(matter, at))
        assert self.last_sent == (
            matter.claim
            if matter.reason == "held"
            else matter.claim.model_copy(update={"revision": matter.claim.revision + 1})
        )

    @precondition(
        lambda self: self.entry is not None and self.state.payer_claim_control_number is not None
    )
    @rule()
    def a_person_voids_it(self) -> None:
        matter, at = self.matter()
        self.do(acting.void(matter, at))
        assert (self.last_sent.frequency, self.last_sent.payer_claim_control_number) == (
            "8",
            NUMBER,
        )

    @precondition(lambda self: self.entry is not None)
    @rule()
    def a_person_returns_it(self) -> None:
        matter, at = self.matter()
        self.do(acting.give_back(matter, "please look", at))

    # What must hold

    @invariant()
    def what_goes_out_is_numbered_upwards(self) -> None:
        revisions = [claim.revision for claim in self.sent]
        assert revisions == sorted(set(revisions))

    @invariant()
    def what_replaces_or_voids_names_the_payers_number(self) -> None:
        for claim in self.sent:
            if claim.frequency in ("7", "8"):
                assert claim.payer_claim_control_number == NUMBER
                assert self.has_been_denied

    @invariant()
    def a_claim_that_is_held_waits_for_a_person(self) -> None:
        if self.state is not None and self.state.status == "held":
            assert self.entry is not None

    @invariant()
    def each_thing_is_said_once(self) -> None:
        assert len({event.id for event in self.said}) == len(self.said)

    @invariant()
    def nothing_is_sent_that_blocks(self) -> None:
        for event in self.said:
            if isinstance(event.data, ClaimCoded):
                assert all(finding.severity != "block" for finding in event.data.findings)
            elif isinstance(event.data, ClaimHeld):
                assert any(finding.severity == "block" for finding in event.data.findings)


TestLifeOfAnEntry = Life.TestCase
TestLifeOfAnEntry.settings = examples(60, stateful_step_count=20)
