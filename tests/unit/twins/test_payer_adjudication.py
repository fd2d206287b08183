"""The payer twin's decisions: foreseeable, and balanced to the cent."""

from collections import Counter
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.payer.adjudicate import adjudicate
from deploy.twins.payer.draws import pick
from deploy.twins.payer.edits import WRONG_TOTAL, refusal_of
from deploy.twins.payer.plan import plan_of
from deploy.twins.payer.scenario import EVERYDAY, NEVER_ADJUDICATED, Outcome, expected_outcome
from shared.contract.claim import (
    Claim,
    Insured,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
)
from shared.contract.remittance import RemittanceClaim
from shared.x12.answers.balance import claim_difference, line_difference

SEED = 7
RECEIVED = date(2025, 3, 10)


def _claim(number: str, charges: list[int], wrong_by: int = 0) -> Claim:
    return Claim(
        id=UUID(int=1),
        kind="professional",
        source="general",
        patient_control_number=number,
        charge=sum(charges) + wrong_by,
        billing_provider=Provider(name="CLINIC", npi="1234567893"),
        subscriber=Insured(is_person=True, name="DOE", identifier="W1"),
        payer=Payer(name="PAYER", identifier="PAY01"),
        service_lines=tuple(
            ServiceLine(
                number=index,
                procedure=Procedure(code="99213"),
                charge=charge,
                service_from=date(2025, 3, 3),
                line_control_number=f"L{index}",
            )
            for index, charge in enumerate(charges, start=1)
        ),
    )


numbers = st.text(alphabet="ABCDEFGHJK0123456789", min_size=1, max_size=20)
charges = st.lists(st.integers(-5_000, 10_000_000), min_size=1, max_size=8)


def _remittances(number: str, amounts: list[int], seed: int) -> list[RemittanceClaim]:
    plan = plan_of(number, seed, EVERYDAY)
    if plan.outcome in NEVER_ADJUDICATED:
        return []
    return [_decided(_claim(number, amounts), seed)]


def _decided(claim: Claim, seed: int) -> RemittanceClaim:
    plan = plan_of(claim.patient_control_number, seed, EVERYDAY)
    return adjudicate(claim, plan, EVERYDAY, number="T1", received_on=RECEIVED)


@given(numbers, charges, st.integers(0, 1_000))
def test_every_line_and_claim_balances(number: str, amounts: list[int], seed: int) -> None:
    for remittance in _remittances(number, amounts, seed):
        assert all(line_difference(line) == 0 for line in remittance.lines)
        assert claim_difference(remittance) == 0
        assert remittance.paid == sum(line.paid for line in remittance.lines)


@given(numbers, charges, st.integers(0, 1_000))
def test_nothing_is_paid_beyond_the_charge_or_below_nothing(
    number: str, amounts: list[int], seed: int
) -> None:
    for remittance in _remittances(number, amounts, seed):
        for line in remittance.lines:
            assert min(0, line.charge) <= line.paid <= max(0, line.charge)


@given(numbers, st.lists(st.integers(100, 1_000_000), min_size=1, max_size=5))
def test_each_outcome_leaves_its_own_adjustments(number: str, amounts: list[int]) -> None:
    outcome = expected_outcome(number, SEED)
    for remittance in _remittances(number, amounts, SEED):
        groups = {adjustment.group for adjustment in remittance.all_adjustments()}
        reasons = {(part.group, part.reason) for part in remittance.all_adjustments()}
        if outcome is Outcome.PAID:
            assert not groups
        elif outcome is Outcome.REDUCED:
            assert reasons == {("CO", "45")}
        elif outcome is Outcome.SPLIT:
            assert {"CO", "PR"} == groups
            assert remittance.patient_responsibility == sum(
                part.amount for part in remittance.all_adjustments() if part.group == "PR"
            )
        else:
            assert remittance.status == "4"
            assert remittance.paid == 0
            assert groups == {"CO"}


def test_lines_keep_the_control_numbers_we_gave_them() -> None:
    remittance = _decided(_claim(_number_for(Outcome.REDUCED), [100, 200]), SEED)
    assert [line.line_control_number for line in remittance.lines] == ["L1", "L2"]


def test_a_claim_whose_total_is_wrong_is_refused_whatever_its_fate() -> None:
    assert refusal_of(_claim("A", [100], wrong_by=1), RECEIVED) is WRONG_TOTAL
    assert refusal_of(_claim("A", [100]), RECEIVED) is None


def test_a_day_of_claims_sees_every_outcome_about_as_often_as_its_weight() -> None:
    drawn = Counter(expected_outcome(f"PCN{number}", SEED) for number in range(5_000))
    total = sum(fate.weight for fate in EVERYDAY.fates)
    for fate in EVERYDAY.fates:
        share = drawn[fate.outcome] / 5_000
        assert abs(share - fate.weight / total) < 0.02


@given(st.integers(0, 2**64 - 1))
def test_a_row_without_weight_is_never_drawn(number: int) -> None:
    rows = [type(EVERYDAY.fates[0])(Outcome.PAID, 0), type(EVERYDAY.fates[0])(Outcome.SILENT, 1)]
    assert pick(rows, number).outcome is Outcome.SILENT


def _number_for(outcome: Outcome) -> str:
    numbers = (f"PCN{number}" for number in range(10_000))
    return next(number for number in numbers if expected_outcome(number, SEED) is outcome)
