"""Whatever comes, in whatever order and however often: the ledger balances, and every order of the
same facts ends in the same balances."""

from contextlib import suppress
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.remittance.domain.commands import (
    DecideRemittance,
    Deposited,
    PatientPaid,
    RefundPatient,
    RefusedError,
    ResolveClaim,
    WriteOff,
)
from services.remittance.domain.ledger import AccountKind
from services.remittance.domain.registration import (
    SubmittedCoverage,
    SubmittedPayer,
    SubmittedProvider,
)
from tests.examples import examples

REASONS = [("CO", "45"), ("CO", "50"), ("PR", "1"), ("PR", "2"), ("OA", "101"), ("OA", "18")]
CHARGE = 10_000


@st.composite
def adjustments(draw: st.DrawFn) -> tuple[tuple[str, str, int], ...]:
    """Some of a charge adjusted away, over one to three reasons."""
    chosen = draw(st.lists(st.sampled_from(REASONS), max_size=3, unique=True))
    left = CHARGE
    parts = []
    for group, reason in chosen:
        cents = draw(st.integers(-500, left))
        left -= cents
        parts.append((group, reason, cents))
    return tuple(parts)


def _amounts(decision: tuple[str, tuple[tuple[str, str, int], ...]]) -> frozenset[object]:
    return frozenset(part for part in decision[1] if part[2])


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, tuple[tuple[str, str, int], ...]]]:
    """What a payer says of one claim: decisions (CLP02), each but the last taken back.

    No two have the same amounts: a reversal names its original by nothing else, so that which of
    two is taken back cannot be told where they differ only in their status.
    """
    decision = st.tuples(st.sampled_from(["1", "2", "4"]), adjustments())
    return draw(st.lists(decision, min_size=1, max_size=3, unique_by=_amounts))


def _answers(make: Any, claim: Any, story: Any) -> list[Any]:
    answers: list[Any] = []
    for number, (status, parts) in enumerate(story):
        if number:
            answers.append(make.reversal(answers[-1]))
        answers.append(make.answer(claim, parts, status=status))
    return answers


def _balances(books: Any) -> dict[AccountKind, int]:
    return {kind: books.balance(kind) for kind in AccountKind}


def _in_order(books: Any, make: Any, facts: list[tuple[str, Any]]) -> None:
    for number, fact in facts:
        if number == "submit":
            books.submit(fact)
        else:
            books.remit(make.opening([fact], trace=number), [fact])
        books.check()


def _facts(make: Any, told: list[Any]) -> list[tuple[str, Any]]:
    facts = []
    for account, story in enumerate(told):
        claim = make.claim(f"ACCT-{account}", charges=(CHARGE,))
        facts.append(("submit", claim))
        facts += [
            (f"T-{account}-{number}", answer)
            for number, answer in enumerate(_answers(make, claim, story))
        ]
    return facts


@examples(60)
@given(told=st.lists(stories(), min_size=1, max_size=3), data=st.data())
def test_every_order_of_the_same_facts_ends_in_the_same_balances(
    new_books: Any, make: Any, told: list[Any], data: st.DataObject
) -> None:
    facts = _facts(make, told)
    expected, actual = new_books(), new_books()
    _in_order(expected, make, facts)
    again = data.draw(st.lists(st.sampled_from(facts), max_size=4))
    _in_order(actual, make, data.draw(st.permutations(facts + again)))
    assert _balances(actual) == _balances(expected)
    for claim_id, claim in expected.claims.items():
        other = actual.claims[claim_id]
        assert (other.paid, other.patient, other.denied, other.contractual, other.other) == (
            claim.paid,
            claim.patient,
            claim.denied,
            claim.contractual,
            claim.other,
        )
        assert other.receivable == 0


CLINICS = ("1234567893", "1245319599")


@examples(60)
@given(told=st.lists(st.tuples(stories(), stories()), min_size=1, max_size=2), data=st.data())
def test_clinics_that_share_numbers_share_no_money_whatever_the_order(
    new_books: Any, make: Any, told: list[tuple[Any, Any]], data: st.DataObject
) -> None:
    books = new_books()
    facts: list[tuple[str, Any, Any]] = []
    left: dict[Any, int] = {}
    for npi in CLINICS:
        provider = SubmittedProvider(npi=npi)
        books.submit(make.claim("KNOWN", source=npi, billing_provider=provider))
        for place, of_clinics in enumerate(told):
            story = of_clinics[CLINICS.index(npi)]
            claim = make.claim(f"{place}", (CHARGE,), source=npi, billing_provider=provider)
            facts.append(("submit", claim, None))
            facts += [
                (f"T-{npi}-{place}-{number}", answer, npi)
                for number, answer in enumerate(_answers(make, claim, story))
            ]
            left[claim.id] = sum(cents for group, _, cents in story[-1][1] if group == "PR")
    again = data.draw(st.lists(st.sampled_from(facts), max_size=4))
    for trace, fact, payee in data.draw(st.permutations(facts + again)):
        if payee is None:
            books.submit(fact)
        else:
            opening = make.opening([fact], trace=trace, payee_identifier=payee)
            books.remit(opening, [fact])
        books.check()
    assert sum(_balances(books).values()) == 0
    assert len({claim.account_id for claim in books.claims.values()}) == len(books.claims)
    for claim_id, cents in left.items():
        claim = books.claims[claim_id]
        assert (claim.receivable, claim.patient) == (0, cents)
        assert books.held_by(AccountKind.PATIENT_RECEIVABLE, claim.account_id) == cents


@examples(40)
@given(told=st.lists(stories(), min_size=1, max_size=4))
def test_one_remittance_and_many_end_in_the_same_balances(
    new_books: Any, make: Any, told: list[Any]
) -> None:
    facts = _facts(make, told)
    apart, together = new_books(), new_books()
    _in_order(apart, make, facts)
    answers: list[Any] = []
    for trace, fact in facts:
        if trace == "submit":
            together.submit(fact)
        else:
            answers.append(make.at(fact, len(answers)))
    together.remit(make.opening(answers), answers)
    together.check()
    assert _balances(together) == _balances(apart)


@examples(60)
@given(data=st.data())
def test_no_sequence_whatever_unbalances_the_ledger(
    new_books: Any, make: Any, data: st.DataObject
) -> None:
    books = new_books()
    claims = [make.claim(f"ACCT-{number}", charges=(CHARGE,)) for number in range(2)]
    said: list[Any] = []
    for step in range(data.draw(st.integers(1, 12))):
        claim = data.draw(st.sampled_from(claims))
        what = data.draw(st.sampled_from(["submit", "revise", "answer", "wrong", "reverse"]))
        if what == "submit":
            books.submit(claim)
        elif what == "revise":
            charge = data.draw(st.integers(1, 2 * CHARGE))
            frequency = data.draw(st.sampled_from(["7", "8", "1"]))
            number = claim.patient_control_number
            books.submit(make.claim(number, (charge,), revision=step + 2, frequency=frequency))
        else:
            answer = make.answer(claim, data.draw(adjustments()))
            if what == "wrong":
                answer = make.answer(claim, data.draw(adjustments()), paid=1)
            if what == "reverse" and said:
                answer = make.reversal(data.draw(st.sampled_from(said)))
            elif what == "answer":
                said.append(answer)
            amount = data.draw(st.sampled_from([None, 1]))
            books.remit(make.opening([answer], trace=f"T-{step}", amount=amount), [answer])
        books.check()


def _commands(books: Any, make: Any, draw: Any, step: int) -> list[Any]:
    """What a person, a till or a bank might say of the books as they stand."""
    claims = sorted(books.claims, key=str)
    waiting = [place for place, row in sorted(books.reads.items()) if row.state in WAITING]
    held = [one.id for one in books.remittances if one.status == "held"]
    day = make.opening([]).payment_date
    said: list[Any] = [Deposited(uuid4(), f"T-{draw(st.integers(0, step))}", 10_000, day)]
    if claims:
        claim_id = draw(st.sampled_from(claims))
        amount = draw(st.integers(-5_000, 15_000))
        said += [
            PatientPaid(claim_id, f"TILL-{draw(st.integers(0, 2))}", amount, "card", day, "x"),
            RefundPatient(claim_id, f"R-{step % 2}", abs(amount), "x", is_paid=bool(step % 2)),
            WriteOff(claim_id, "x", "small", amount=draw(st.sampled_from([None, 1, 500]))),
        ]
        for place, number in sorted(books.denials):
            said.append(WriteOff(claim_id, "x", "late", (place, number)))
        for place in waiting:
            what = draw(st.sampled_from(["match", "accept", "reject", "return"]))
            said.append(ResolveClaim(place, what, "x", draw(st.sampled_from([None, claim_id]))))
    said += [DecideRemittance(one, draw(st.booleans()), "x") for one in held]
    return said


WAITING = ("unmatched", "waiting", "quarantined", "rejected")


@examples(80)
@given(data=st.data())
def test_nothing_that_people_decide_unbalances_the_ledger(
    new_books: Any, make: Any, data: st.DataObject
) -> None:
    books = new_books()
    second = SubmittedCoverage(sequence="S", payer=SubmittedPayer(identifier="PAY02"))
    claims = [
        make.claim("ACCT-0", charges=(CHARGE,)),
        make.claim("ACCT-1", charges=(CHARGE,), other_coverages=(second,)),
    ]
    said: list[Any] = []
    for step in range(data.draw(st.integers(1, 14))):
        claim = data.draw(st.sampled_from(claims))
        what = data.draw(st.sampled_from(["submit", "answer", "wrong", "reverse", "person"]))
        if what == "submit":
            books.submit(claim)
        elif what == "person":
            command = data.draw(st.sampled_from(_commands(books, make, data.draw, step)))
            with suppress(RefusedError):
                books.command(command)
                if isinstance(command, DecideRemittance) and command.is_accepted:
                    books.release(command.remittance_id)
        else:
            status = data.draw(st.sampled_from(["1", "2", "4", "19"]))
            answer = make.answer(claim, data.draw(adjustments()), status=status)
            if what == "wrong":
                answer = make.answer(claim, data.draw(adjustments()), paid=1)
            if what == "reverse" and said:
                answer = make.reversal(data.draw(st.sampled_from(said)))
            elif what == "answer":
                said.append(answer)
            amount = data.draw(st.sampled_from([None, 1]))
            books.remit(make.opening([answer], trace=f"T-{step}", amount=amount), [answer])
        books.check()
