"""What a bill shows: always to the cent, and never what anybody else may still answer for."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.remittance.domain.accounts import number_key
from services.remittance.domain.balances import (
    ClaimBalance,
    DenialFacts,
    PatientBalance,
    buckets_of,
)
from services.remittance.domain.ledger import AccountKind, EntryKind
from services.remittance.domain.matching import match_lines
from services.remittance.domain.patient_bill import Bill, ClaimFacts, Estimate, bill_of, readable
from services.remittance.domain.patient_lines import Part, PostedLeg, cents_by_line
from services.remittance.domain.patient_statement import (
    findings_of,
    standing_of,
    statement_due_on,
)
from services.remittance.domain.patient_terms import DEFAULT_TERMS, BillingTerms
from services.remittance.domain.registration import ledger_lines
from shared.contract.claim import (
    Address,
    Claim,
    Insured,
    Patient,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)
from tests.examples import examples

ACCOUNT = UUID(number_key("ACCT-0"))
DAY = date(2026, 3, 1)
CHARGES = (6_000, 3_000, 1_000)
REASONS = [("CO", "45"), ("CO", "197"), ("PR", "1"), ("PR", "2"), ("PR", "3"), ("OA", "101")]
_KINDS = {
    AccountKind.CONTRACTUAL_ALLOWANCE,
    AccountKind.PATIENT_RECEIVABLE,
    AccountKind.DENIED_PENDING,
    AccountKind.OTHER_ADJUSTMENT,
    AccountKind.WRITE_OFF,
}


def _document(submitted: Any) -> Claim:
    """The whole claim that a submitted one is a part of."""
    return Claim(
        id=submitted.id,
        kind="professional",
        source="hospital",
        patient_control_number=submitted.patient_control_number,
        charge=submitted.charge,
        billing_provider=Provider(name="A CLINIC"),
        subscriber=Insured(is_person=True, name="DOE", first_name="ANN"),
        payer=Payer(name="A PAYER", identifier="PAY01"),
        service_lines=tuple(
            ServiceLine(
                number=line.number,
                procedure=Procedure(code="99213"),
                charge=line.charge,
                line_control_number=line.line_control_number,
            )
            for line in submitted.service_lines
        ),
    )


def _legs(books: Any, claim_id: UUID) -> list[PostedLeg]:
    return [
        PostedLeg(
            entry.business_key,
            entry.kind,
            entry.adjustment_group,
            entry.adjustment_reason,
            leg.account.kind,
            leg.line,
            leg.amount_cents,
        )
        for entry in books.entries.values()
        if entry.claim_id == claim_id
        for leg in entry.legs
        if leg.account.kind in _KINDS
    ]


def _balance(books: Any, paid: int = 0) -> PatientBalance:
    claims = []
    for claim in books.claims.values():
        shares: dict[str, int] = {}
        for leg in _legs(books, claim.id):
            if leg.account is AccountKind.PATIENT_RECEIVABLE:
                shares[leg.reason or ""] = shares.get(leg.reason or "", 0) + leg.cents
        claims.append(
            ClaimBalance(
                claim_id=claim.id,
                patient_control_number=claim.patient_control_number,
                payer_identifier=claim.payer,
                payer_claim_control_number=claim.payer_claim_control_number,
                status=claim.status,
                charge=claim.charge,
                paid=claim.paid,
                contractual=claim.contractual,
                other=claim.other,
                written_off=claim.written_off,
                denied=claim.denied,
                receivable=claim.receivable,
                patient=claim.patient,
                buckets=buckets_of(shares),
                next_payers=claim.next_payers,
                denials=tuple(
                    DenialFacts(row.kind, state, row.amount)
                    for state, row in books.denials.values()
                    if row.claim_id == claim.id
                ),
                waiting=sum(
                    row.claim_id == claim.id and row.state in ("quarantined", "waiting")
                    for row in books.reads.values()
                ),
                last_posted_on=DAY,
            )
        )
    return PatientBalance(ACCOUNT, tuple(claims), paid=paid)


def _bill(books: Any, submitted: Any, balance: PatientBalance, **more: Any) -> Bill:
    lines = {claim.id: cents_by_line(_legs(books, claim.id)) for claim in books.claims.values()}
    payments: dict[UUID, dict[int, int]] = {}
    known = {one.id: ledger_lines(one) for one in submitted}
    for row in books.reads.values():
        if row.claim_id in known and row.state == "posted":
            of_claim = payments.setdefault(row.claim_id, {})
            matches = match_lines(known[row.claim_id], row.claim.lines)
            for line, match in zip(row.claim.lines, matches, strict=True):
                if match is not None:
                    of_claim[match.number] = of_claim.get(match.number, 0) + line.paid
    facts = {one.id: ClaimFacts(claim=_document(one)) for one in submitted}
    return bill_of(balance, facts, lines, payments, on=DAY, **more)


@st.composite
def decisions(draw: st.DrawFn) -> tuple[tuple[tuple[str, str, int], ...], ...]:
    """For each line what is adjusted away of its charge."""
    lines = []
    for charge in CHARGES:
        left = charge
        parts = []
        for group, reason in draw(st.lists(st.sampled_from(REASONS), max_size=3, unique=True)):
            cents = draw(st.integers(0, left))
            left -= cents
            parts.append((group, reason, cents))
        lines.append(tuple(parts))
    return tuple(lines)


def _answer(make: Any, claim: Any, decision: Any, *, by_line: bool) -> Any:
    if not by_line:
        return make.answer(claim, [part for parts in decision for part in parts])
    lines = [
        make.line(charge, parts, line_control_number=line.line_control_number)
        for charge, parts, line in zip(CHARGES, decision, claim.service_lines, strict=True)
    ]
    paid = sum(line.paid for line in lines)
    return make.answer(claim, (), paid=paid, lines=tuple(lines))


@examples(60)
@given(
    story=st.lists(st.tuples(decisions(), st.booleans()), min_size=1, max_size=3),
    is_reversed_last=st.booleans(),
    are_denials_accepted=st.booleans(),
    paid=st.integers(0, 3_000),
    second=st.booleans(),
)
def test_whatever_payers_say_a_bill_adds_up_and_never_bills_what_is_open(
    new_books: Any,
    make: Any,
    story: Any,
    *,
    is_reversed_last: bool,
    are_denials_accepted: bool,
    paid: int,
    second: bool,
) -> None:
    books = new_books()
    claims = [make.claim("ACCT-0", CHARGES)]
    if second:
        claims.append(make.claim("ACCT-0", CHARGES, source="another hospital"))
    for claim in claims:
        books.submit(claim)
    before = None
    for number, (decision, by_line) in enumerate(story):
        if before is not None:
            back = make.reversal(before)
            books.remit(make.opening([back], trace=f"R-{number}"), [back])
        before = _answer(make, claims[0], decision, by_line=by_line)
        books.remit(make.opening([before], trace=f"T-{number}"), [before])
    if is_reversed_last and before is not None:
        back = make.reversal(before)
        books.remit(make.opening([back], trace="R-last"), [back])
    if are_denials_accepted:
        for key, (state, row) in books.denials.items():
            books.denials[key] = "closed" if state == "open" else state, row

    balance = _balance(books, paid)
    bill = _bill(books, claims, balance)

    total = bill.total
    assert total.charge == total.discount + total.paid + total.not_owed + total.share
    for billed in bill.claims:
        assert billed.total.rest == 0
        assert sum(part.amount for part in billed.shares) == billed.total.share
        off = billed.total.discount + billed.total.not_owed
        assert sum(part.amount for part in billed.not_owed) == off
        for service in billed.services:
            assert sum(part.amount for part in service.shares) == service.share
    by_id = {claim.claim_id: claim for claim in balance.claims}
    assert all(not by_id[billed.claim_id].open for billed in bill.claims)
    assert all(by_id[waits.claim_id].open for waits in bill.waiting)
    assert bill.amount_due == max(0, total.share - paid)
    assert bill.total.charge + sum(one.charge for one in bill.waiting) == sum(
        claim.charge for claim in balance.claims
    )


def _leg(key: str, kind: EntryKind, account: AccountKind, line: int | None, cents: int) -> Any:
    return PostedLeg(key, kind, "PR", "2", account, line, cents)


def test_what_moves_to_the_next_payer_leaves_the_lines_and_comes_back_to_them() -> None:
    share = AccountKind.PATIENT_RECEIVABLE
    posted = [
        _leg("p/PR/2", EntryKind.PATIENT_RESPONSIBILITY, share, 1, 300),
        _leg("p/PR/2", EntryKind.PATIENT_RESPONSIBILITY, share, 2, 500),
        _leg("p/PR/2/crossover", EntryKind.CROSSOVER, share, None, -800),
    ]
    assert cents_by_line(posted) == {}
    back = _leg("p/PR/2/crossover/reversal", EntryKind.CROSSOVER, share, None, 800)
    part = Part(share, "PR", "2")
    assert cents_by_line([*posted, back]) == {1: {part: 300}, 2: {part: 500}}


def test_what_is_given_up_is_taken_from_the_first_lines_and_shown_on_them() -> None:
    share, given_up = AccountKind.PATIENT_RECEIVABLE, AccountKind.WRITE_OFF
    posted = [
        _leg("p/PR/2", EntryKind.PATIENT_RESPONSIBILITY, share, 1, 300),
        _leg("p/PR/2", EntryKind.PATIENT_RESPONSIBILITY, share, 2, 500),
        _leg("p/share/0/write-off", EntryKind.WRITE_OFF, given_up, None, 400),
        _leg("p/share/0/write-off", EntryKind.WRITE_OFF, share, None, -400),
    ]
    assert cents_by_line(posted) == {
        1: {Part(given_up, "PR", "2"): 300},
        2: {Part(share, "PR", "2"): 400, Part(given_up, "PR", "2"): 100},
    }


# When a bill is due, and what holds it


def _claim_balance(**fields: Any) -> ClaimBalance:
    everything = {
        "claim_id": uuid4(),
        "patient_control_number": "ACCT-0",
        "payer_identifier": "PAY01",
        "payer_claim_control_number": None,
        "status": "paid",
        "charge": 10_000,
        "paid": 8_000,
        "contractual": 0,
        "other": 0,
        "written_off": 0,
        "denied": 0,
        "receivable": 0,
        "patient": 2_000,
        "last_posted_on": DAY,
    }
    return ClaimBalance(**{**everything, **fields})


OPEN = {"receivable": 5_000, "paid": 3_000}


@pytest.mark.parametrize(
    ("claims", "paid", "due"),
    [
        ([{}], 0, DAY),
        ([{}], 2_000, None),
        ([OPEN], 0, None),
        ([{}, OPEN], 0, date(2026, 3, 26)),
        ([{}, {"last_posted_on": date(2026, 3, 9)}], 0, date(2026, 3, 9)),
    ],
)
def test_a_bill_is_due_when_all_is_decided_or_its_itemising_day_comes_near(
    claims: Any, paid: int, due: date | None
) -> None:
    balance = PatientBalance(ACCOUNT, tuple(_claim_balance(**one) for one in claims), paid=paid)
    assert statement_due_on(balance, DEFAULT_TERMS) == due


@pytest.mark.parametrize(
    ("estimate", "codes"), [(2_000, []), (100_001, []), (100_000, ["estimate-exceeded"])]
)
def test_400_dollars_above_the_estimate_hold_a_bill(estimate: int, codes: list[str]) -> None:
    """45 CFR 149.620: at least $400 more than the good-faith estimate."""
    share = 140_000 if codes or estimate == 100_001 else 2_000
    claim = _claim_balance(charge=200_000, paid=200_000 - share, patient=share)
    balance = PatientBalance(ACCOUNT, (claim,))
    facts = {
        claim.claim_id: ClaimFacts(
            claim=Claim(
                id=claim.claim_id,
                kind="professional",
                source="s",
                patient_control_number="ACCT-0",
                charge=200_000,
                billing_provider=Provider(name="A CLINIC"),
                subscriber=Insured(is_person=True, name="DOE"),
                payer=Payer(identifier="PAY01"),
                service_lines=(),
            )
        )
    }
    given_on = date(2026, 1, 1)
    bill = bill_of(
        balance, facts, {}, {}, on=DAY, estimate=Estimate(amount=estimate, given_on=given_on)
    )
    assert [one.code for one in findings_of(bill, BillingTerms())] == codes


def test_a_bill_without_anybody_to_send_it_to_is_held() -> None:
    bill = bill_of(PatientBalance(ACCOUNT, (_claim_balance(),)), {}, {}, {}, on=DAY)
    assert [one.code for one in findings_of(bill, BillingTerms())] == ["addressee-unknown"]


@pytest.mark.parametrize(
    ("first_names", "codes"), [(("Ann", "ANN"), []), (("ANN", "TIM"), ["patients-differ"])]
)
def test_a_bill_over_two_patients_with_one_account_number_is_held(
    first_names: tuple[str, ...], codes: list[str]
) -> None:
    claims = [_claim_balance() for _ in first_names]
    facts = {
        claim.claim_id: ClaimFacts(
            claim=Claim(
                id=claim.claim_id,
                kind="professional",
                source="s",
                patient_control_number="ACCT-0",
                charge=10_000,
                billing_provider=Provider(name="A CLINIC"),
                subscriber=Insured(is_person=True, name="DOE", first_name=first_name),
                payer=Payer(identifier="PAY01"),
                service_lines=(),
            )
        )
        for claim, first_name in zip(claims, first_names, strict=True)
    }
    bill = bill_of(PatientBalance(ACCOUNT, tuple(claims)), facts, {}, {}, on=DAY)
    assert [one.code for one in findings_of(bill, BillingTerms())] == codes


def test_a_credit_keeps_the_day_it_began_and_its_states_deadline() -> None:
    balance = PatientBalance(ACCOUNT, (_claim_balance(),), paid=2_500)
    days = {"default": 30, "TX": 20}
    first = standing_of(None, balance, DEFAULT_TERMS, days, "TX", DAY)
    later = standing_of(first, balance, DEFAULT_TERMS, days, "TX", date(2026, 3, 15))
    assert (first.credit, first.refund_due_on) == (500, date(2026, 3, 21))
    assert (later.credit_since, later.refund_due_on) == (DAY, date(2026, 3, 21))
    gone = PatientBalance(ACCOUNT, (_claim_balance(),), paid=2_000)
    assert standing_of(later, gone, DEFAULT_TERMS, days, "TX", DAY).refund_due_on is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("LAKESIDE FAMILY CLINIC", "Lakeside Family Clinic"),
        ("BCBS OF OHIO LLC", "BCBS Of Ohio LLC"),
        ("McDonald", "McDonald"),
        ("418 WILLOW ST", "418 Willow St"),
    ],
)
def test_capitals_are_written_as_people_write(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.mark.parametrize(
    ("born", "to"),
    [(date(2008, 3, 2), "Ann Doe"), (date(2008, 3, 1), "Tim Doe"), (None, "Tim Doe")],
)
def test_a_childs_bill_goes_to_the_person_who_is_insured(born: date | None, to: str) -> None:
    claim = _claim_balance()
    document = Claim(
        id=claim.claim_id,
        kind="professional",
        source="s",
        patient_control_number="ACCT-0",
        charge=10_000,
        billing_provider=Provider(name="A CLINIC"),
        subscriber=Insured(
            is_person=True, name="DOE", first_name="ANN", address=Address(line1="1 MAIN ST")
        ),
        patient=Patient(is_person=True, name="DOE", first_name="TIM", birth_date=born),
        payer=Payer(identifier="PAY01"),
        service_lines=(),
    )
    facts = {claim.claim_id: ClaimFacts(claim=document)}
    bill = bill_of(PatientBalance(ACCOUNT, (claim,)), facts, {}, {}, on=DAY)
    assert bill.addressee is not None
    assert bill.patient is not None
    assert (bill.addressee.name, bill.addressee.address) == (to, ("1 Main St",))
    assert bill.patient.name == "Tim Doe"
