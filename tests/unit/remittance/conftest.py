"""A ledger in memory, and payers' answers to put into it.

The books apply every decision as the store would: one state per key, entries by business key, each
claim of a remittance by its place. So the tests run what the service runs, less the database.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from services.remittance.domain.accounts import number_key
from services.remittance.domain.commands import Command, Released, ResolveClaim
from services.remittance.domain.decide import Decider
from services.remittance.domain.incoming import (
    ClaimRead,
    Closing,
    Incoming,
    Numbered,
    Opening,
    Registration,
    claim_read,
    claim_to_json,
)
from services.remittance.domain.judging import Row
from services.remittance.domain.ledger import AccountKind, Entry, EntryKind, ProviderAdjusted
from services.remittance.domain.matching import line_control_numbers
from services.remittance.domain.registration import SubmittedClaim, SubmittedLine, SubmittedPayer
from services.remittance.domain.state import (
    AlreadyPosted,
    AlreadyRead,
    Arrived,
    ClaimDocument,
    Denied,
    Document,
    Elsewhere,
    LedgerClaim,
    Namesakes,
    Place,
    ReadState,
    Remittance,
    RemittanceClaimRow,
    State,
    denial_key,
    document_key,
    found_key,
    place_key,
    posted_key,
)
from services.remittance.domain.worklist import DenialDecided, DenialRow, DenialsTakenBack
from shared.contract.claim import Procedure
from shared.contract.envelope import Event, business_id
from shared.contract.events import AdjustmentPosted, DepositReconciled, PaymentPosted
from shared.contract.remittance import (
    ProviderAdjustment,
    RemittanceAdjustment,
    RemittanceClaim,
    RemittanceLine,
)
from shared.x12.answers.balance import RunningBalance

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PAYER = "PAY01"
HASH_KEY = b"a key for tests"

Adjustments = Sequence[tuple[str, str, int]]


def _adjustments(parts: Adjustments) -> tuple[RemittanceAdjustment, ...]:
    return tuple(RemittanceAdjustment(group, reason, cents) for group, reason, cents in parts)


class Books:
    """What the service would have in its database, and every event it would have said."""

    def __init__(self) -> None:
        self.states: dict[str, State] = {}
        self.entries: dict[str, Entry] = {}
        self.reads: dict[tuple[UUID, int], RemittanceClaimRow] = {}
        self.events: dict[UUID, Event] = {}
        self.links: list[str] = []
        self.found_by: list[str] = []
        self.denials: dict[tuple[Place, int], tuple[str, DenialRow]] = {}
        self.now = NOW
        self._decider = Decider(HASH_KEY)

    # Telling the books

    def tell(self, body: Incoming, event_id: UUID | None = None) -> list[Event]:
        """Decides on one unit and writes what follows; returns its events."""
        if isinstance(body, ClaimRead):
            self._look_elsewhere(body)
        decision = self._decider.decide(self.states, body, event_id or uuid4(), self.now)
        for row in decision.rows:
            if isinstance(row, Entry):
                assert row.business_key not in self.entries, "a fact was posted twice"
                self.entries[row.business_key] = row
            elif isinstance(row, RemittanceClaimRow):
                self.reads[row.remittance_id, row.position] = row
            else:
                self._write(row)
        self.states.update(decision.states)
        self.links += decision.trace_links
        self.found_by += [decision.claim_id] if decision.claim_id else []
        told = [event for event in decision.events if isinstance(event, Event)]
        self.events.update((event.id, event) for event in told)
        return told

    def _write(self, row: Row) -> None:
        if isinstance(row, ClaimDocument):
            self.states[document_key(row.claim_id)] = Document(row.content)
        elif isinstance(row, DenialRow):
            self.denials[row.place, row.number] = "open", row
        elif isinstance(row, DenialsTakenBack):
            for key, (_, denial) in self.denials.items():
                if denial.place == row.place:
                    self.denials[key] = "reversed", denial
        elif isinstance(row, DenialDecided):
            _, denial = self.denials[row.place, row.number]
            self.denials[row.place, row.number] = row.state, denial

    def command(self, body: Command) -> list[Event]:
        """What a person, a bank or a till says, with the states that the store would load for it.
        Raises RefusedError."""
        states = dict(self.states)
        if isinstance(body, ResolveClaim | Released):
            row = self.reads[body.place]
            source = next(one for one in self.remittances if one.id == body.place[0]).source
            arrived = Arrived(source, row.claim, row.content, row.state, row.meant)
            self.states[place_key(*body.place)] = AlreadyRead(
                row.state, arrived, row.number_key, row.claim_id, row.findings
            )
        for key, (state, row_of) in self.denials.items():
            self.states[denial_key(*key)] = Denied(
                row_of.claim_id,
                row_of.payer_identifier,
                row_of.group,
                row_of.reason,
                row_of.amount,
                state,
            )
        self.states |= {posted_key(key): AlreadyPosted() for key in self.entries}
        try:
            return self.tell(body)
        finally:
            if isinstance(body, ResolveClaim | Released):
                self.states[place_key(*body.place)] = states[place_key(*body.place)]

    def release(self, remittance_id: UUID) -> None:
        """Judges what was held with a remittance that is accepted now."""
        held = [one for one in self.reads.values() if one.state == "held"]
        for row in held:
            if row.remittance_id == remittance_id:
                place = row.remittance_id, row.position
                self.command(Released(place, row.claim, row.number_key, row.content))

    def submit(self, claim: SubmittedClaim, traceparent: str | None = None) -> list[Event]:
        """A revision of a claim was sent to its payer."""
        key = number_key(claim.patient_control_number)
        return self.tell(Registration(claim, key, traceparent))

    def number(self, claim_id: UUID, number: str) -> list[Event]:
        """A payer acknowledged the claim under its own number."""
        return self.tell(Numbered(claim_id, number))

    def remit(self, opening: Opening, claims: Iterable[RemittanceClaim]) -> list[Event]:
        """A whole transaction set arrives in one record."""
        event_id = uuid4()
        told = self.tell(opening, event_id)
        for claim in claims:
            told += self.tell(claim_read(opening, claim, claim_to_json(claim)), event_id)
        return told + self.tell(Closing(opening), event_id)

    def _look_elsewhere(self, body: ClaimRead) -> None:
        numbers = {body.claim.payer_claim_control_number, *line_control_numbers(body.claim)}
        homes = [
            key
            for key, account in self.states.items()
            if isinstance(account, Namesakes)
            and any(numbers & _numbers_of(claim) for claim in account.claims)
        ]
        if homes:
            place = found_key(body.opening.remittance_id, body.claim.position)
            self.states[place] = Elsewhere(tuple(homes))

    # Asking them

    @property
    def claims(self) -> dict[UUID, LedgerClaim]:
        return {
            claim.id: claim
            for account in self.states.values()
            if isinstance(account, Namesakes)
            for claim in account.claims
        }

    @property
    def remittances(self) -> list[Remittance]:
        return [state for state in self.states.values() if isinstance(state, Remittance)]

    def balance(self, kind: AccountKind, claim_id: UUID | None = None) -> int:
        """Cents on all accounts of a kind, of one claim or of all."""
        return sum(
            leg.amount_cents
            for entry in self.entries.values()
            for leg in entry.legs
            if leg.account.kind == kind and claim_id in (None, entry.claim_id)
        )

    def held_by(self, kind: AccountKind, holder: str) -> int:
        """Cents on the account of a kind that a patient account, or a reference, holds."""
        return sum(
            leg.amount_cents
            for entry in self.entries.values()
            for leg in entry.legs
            if (leg.account.kind, leg.account.holder) == (kind, holder)
        )

    def read_states(self) -> Counter[ReadState]:
        """How many claims of remittances stand where."""
        return Counter(row.state for row in self.reads.values())

    def said(self, kind: type) -> list[Event]:
        """Every event with data of this type."""
        return [event for event in self.events.values() if type(event.data) is kind]

    def check(self) -> None:
        """The invariants of the ledger, as `claimwire audit` has them."""
        for entry in self.entries.values():
            assert sum(leg.amount_cents for leg in entry.legs) == 0
            for leg in entry.legs:
                if leg.account.kind == AccountKind.PATIENT_RECEIVABLE and leg.amount_cents > 0:
                    assert entry.adjustment_group == "PR"
        for claim in self.claims.values():
            self._check_claim(claim)
        self._check_public()
        accepted = [one for one in self.remittances if one.status == "accepted"]
        reconciled = sum(
            leg.amount_cents
            for entry in self.entries.values()
            if entry.kind == EntryKind.RECONCILIATION
            for leg in entry.legs
            if leg.account.kind == AccountKind.CASH_CLEARING
        )
        cash = self.balance(AccountKind.CASH_CLEARING) - reconciled
        assert cash == sum(one.cash for one in accepted)
        accepted_ids = {one.id for one in accepted}
        waiting = sum(
            row.claim.paid
            for row in self.reads.values()
            if row.remittance_id in accepted_ids and row.state not in ("posted", "returned")
        )
        off = sum(one.difference for one in accepted if not one.is_debit)
        assert -self.balance(AccountKind.UNAPPLIED_CASH) == waiting + off

    def _check_public(self) -> None:
        """Every entry leaves the house once, whole, and with the ledger's amounts."""
        public: dict[UUID, list[int]] = {}
        for event in self.events.values():
            if isinstance(event.data, PaymentPosted | AdjustmentPosted | DepositReconciled):
                for entry in event.data.entries:
                    assert entry.id not in public, "an entry was published twice"
                    public[entry.id] = [leg.amount for leg in entry.legs]
        assert public == {
            entry.id: [leg.amount_cents for leg in entry.legs] for entry in self.entries.values()
        }

    def _check_claim(self, claim: LedgerClaim) -> None:
        assert self.balance(AccountKind.PAYER_RECEIVABLE, claim.id) == claim.receivable
        assert -self.balance(AccountKind.REVENUE, claim.id) == claim.charge
        assert self.balance(AccountKind.UNAPPLIED_CASH, claim.id) == claim.paid
        assert self.balance(AccountKind.CONTRACTUAL_ALLOWANCE, claim.id) == claim.contractual
        assert self.balance(AccountKind.PATIENT_RECEIVABLE, claim.id) == claim.patient
        assert self.balance(AccountKind.OTHER_ADJUSTMENT, claim.id) == claim.other
        assert self.balance(AccountKind.DENIED_PENDING, claim.id) == claim.denied
        assert self.balance(AccountKind.WRITE_OFF, claim.id) == claim.written_off
        standing = self.denials.values()
        if claim.denied > 0 and not claim.written_off:
            assert any(row.claim_id == claim.id for state, row in standing if state == "open")
        if any(one.crossed or one.repeats or one.written_off for one in claim.posted):
            return
        posted = [
            row for row in self.reads.values() if row.claim_id == claim.id and row.state == "posted"
        ]
        if all(row.decided_by is None for row in posted):
            assert claim.receivable == claim.charge - sum(row.claim.charge for row in posted)


def _numbers_of(claim: LedgerClaim) -> set[str | None]:
    numbers: set[str | None] = {line.control_number for line in claim.lines}
    numbers.add(claim.payer_claim_control_number)
    return numbers - {None}


class Make:
    """Makes claims and answers, each by its few telling facts."""

    @staticmethod
    def claim(
        number: str = "ACCT-1",
        charges: Sequence[int] = (10_000,),
        *,
        source: str = "hospital",
        **fields: object,
    ) -> SubmittedClaim:
        claim_id = business_id("claim", source, number)
        return SubmittedClaim(
            id=claim_id,
            patient_control_number=number,
            charge=sum(charges),
            payer=SubmittedPayer(identifier=PAYER),
            service_lines=tuple(
                SubmittedLine(
                    number=place,
                    procedure=Procedure(code="99213", modifiers=("25",)),
                    charge=charge,
                    service_from=date(2026, 1, place),
                    line_control_number=f"{claim_id.hex[:8]}-{place}",
                )
                for place, charge in enumerate(charges, 1)
            ),
        ).model_copy(update=fields)

    @staticmethod
    def answer(
        claim: SubmittedClaim,
        adjustments: Adjustments = (),
        *,
        status: str = "1",
        charge: int | None = None,
        paid: int | None = None,
        position: int = 0,
        **fields: object,
    ) -> RemittanceClaim:
        """An answer at claim level. What is not said to be paid is what the adjustments leave."""
        charged = claim.charge if charge is None else charge
        left = charged - sum(cents for _, _, cents in adjustments)
        answer = RemittanceClaim(
            patient_control_number=claim.patient_control_number,
            status=status,
            charge=charged,
            paid=left if paid is None else paid,
            adjustments=_adjustments(adjustments),
            position=position,
        )
        return replace(answer, **fields)  # type: ignore[arg-type]

    @staticmethod
    def reversal(answer: RemittanceClaim, position: int = 0) -> RemittanceClaim:
        """The payer takes its answer back."""
        return replace(
            answer,
            status="22",
            charge=-answer.charge,
            paid=-answer.paid,
            adjustments=tuple(replace(a, amount=-a.amount) for a in answer.adjustments),
            lines=tuple(
                replace(
                    line,
                    charge=-line.charge,
                    paid=-line.paid,
                    adjustments=tuple(replace(a, amount=-a.amount) for a in line.adjustments),
                )
                for line in answer.lines
            ),
            position=position,
        )

    @staticmethod
    def at(answer: RemittanceClaim, position: int) -> RemittanceClaim:
        """The same answer at another place of its set."""
        return replace(answer, position=position)

    @staticmethod
    def line(
        charge: int,
        adjustments: Adjustments = (),
        *,
        paid: int | None = None,
        **fields: object,
    ) -> RemittanceLine:
        left = charge - sum(cents for _, _, cents in adjustments)
        line = RemittanceLine(
            procedure=Procedure(code="99213", modifiers=("25",)),
            charge=charge,
            paid=left if paid is None else paid,
            adjustments=_adjustments(adjustments),
        )
        return replace(line, **fields)  # type: ignore[arg-type]

    @staticmethod
    def opening(
        claims: Sequence[RemittanceClaim],
        *,
        trace: str | None = "TRACE-1",
        amount: int | None = None,
        provider_adjustments: Sequence[tuple[str, int] | tuple[str, int, str]] = (),
        **fields: object,
    ) -> Opening:
        """The header of a set. What is not said to be paid is what its claims and PLBs come to."""
        running = RunningBalance()
        for claim in claims:
            running.add(claim)
        adjustments = tuple(
            ProviderAdjustment("1234567893", None, part[0], None, part[1])
            for part in provider_adjustments
        )
        due = running.paid - sum(part[1] for part in provider_adjustments)
        content = sha256(repr((amount, provider_adjustments)).encode())
        for claim in claims:
            content.update(claim_to_json(claim))
        opening = Opening(
            remittance_id=business_id("remittance", PAYER, trace, content.hexdigest()),
            payer_identifier=PAYER,
            payer_name="A PAYER",
            trace_number=trace,
            method="ACH",
            payment_date=date(2026, 2, 27),
            amount=due if amount is None else amount,
            claims=len(claims),
            is_debit=False,
            balance=running.close(due if amount is None else amount, adjustments),
            provider_adjustments=tuple(ProviderAdjusted(*part) for part in provider_adjustments),
            content_hash=content.digest(),
        )
        return replace(opening, **fields)  # type: ignore[arg-type]


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture(scope="session")
def new_books() -> type[Books]:
    """Where one test needs many."""
    return Books


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW
