"""Certain matches, and no others."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.remittance.domain.accounts import BillingProvider, Payee
from services.remittance.domain.matching import match_by_numbers_alone, match_claim, match_lines
from services.remittance.domain.state import LedgerClaim, LedgerLine
from shared.contract.claim import Procedure


def _line(number: int, control: str | None = None, **fields: Any) -> LedgerLine:
    facts: dict[str, Any] = {
        "code": "99213",
        "modifiers": ("25", "59"),
        "on": date(2026, 1, 1),
        "charge": 10_000,
    }
    return LedgerLine(number=number, control_number=control, **(facts | fields))


def _claim(number: int, **fields: Any) -> LedgerClaim:
    facts: dict[str, Any] = {
        "revision": 1,
        "patient_control_number": "SAME",
        "account_id": "one",
        "payer_identifier": "PAY01",
        "charge": 10_000,
        "charge_entry": None,
        "charge_revision": 1,
    }
    return LedgerClaim(id=UUID(int=number), **(facts | fields))


def test_lines_match_by_our_control_number_whatever_else_the_payer_changed(make: Any) -> None:
    billed = (_line(1, "A"), _line(2, "B"))
    remitted = (
        make.line(1, line_control_number="B ", procedure=Procedure(code="00000")),
        make.line(10_000, line_control_number="A"),
    )
    assert match_lines(billed, remitted) == (billed[1], billed[0])


def test_lines_match_by_service_where_the_control_number_is_gone(make: Any) -> None:
    billed = (_line(1, "A"), _line(2, "B", charge=5_000), _line(3, "C", code="36415"))
    answered = Procedure(code="99213", modifiers=("59", "25"))
    remitted = (
        make.line(5_000, procedure=answered, service_date=date(2026, 1, 1)),
        make.line(10_000, procedure=answered),
    )
    assert match_lines(billed, remitted) == (billed[1], billed[0])


def test_lines_match_by_what_was_billed_where_the_payer_paid_another_code(make: Any) -> None:
    billed = (_line(1),)
    remitted = make.line(
        10_000,
        procedure=Procedure(code="99212"),
        submitted_procedure=Procedure(code="99213", modifiers=("25", "59")),
    )
    assert match_lines(billed, (remitted,)) == billed


def test_a_line_of_another_day_is_another_line(make: Any) -> None:
    procedure = Procedure(code="99213", modifiers=("25", "59"))
    remitted = make.line(10_000, procedure=procedure, service_date=date(2026, 1, 2))
    assert match_lines((_line(1),), (remitted,)) == (None,)


def test_two_equal_lines_and_one_answer_match_neither(make: Any) -> None:
    procedure = Procedure(code="99213", modifiers=("25", "59"))
    assert match_lines((_line(1), _line(2)), (make.line(10_000, procedure=procedure),)) == (None,)


def test_two_equal_lines_and_two_equal_answers_match_in_order(make: Any) -> None:
    procedure = Procedure(code="99213", modifiers=("25", "59"))
    billed = (_line(1), _line(2))
    answer = make.line(10_000, procedure=procedure)
    assert match_lines(billed, (answer, answer)) == billed


def test_a_line_is_matched_once(make: Any) -> None:
    billed = (_line(1, "A"),)
    twice = make.line(10_000, line_control_number="A")
    assert match_lines(billed, (twice, twice)) == (billed[0], None)


def test_one_claim_with_the_control_number_is_the_claim(make: Any) -> None:
    answer = make.answer(make.claim("SAME"))
    assert match_claim((_claim(1),), answer) == _claim(1)


def test_of_two_claims_the_payers_number_decides(make: Any) -> None:
    candidates = (_claim(1, payer_claim_control_number="P1"), _claim(2))
    answer = make.answer(make.claim("SAME"), payer_claim_control_number="P1")
    assert match_claim(candidates, answer) == candidates[0]


def test_of_two_claims_our_line_control_numbers_decide(make: Any) -> None:
    candidates = (_claim(1, lines=(_line(1, "A"),)), _claim(2, lines=(_line(1, "B"),)))
    answer = make.answer(make.claim("SAME"), lines=(make.line(10_000, line_control_number="B"),))
    assert match_claim(candidates, answer) == candidates[1]


def test_two_claims_with_nothing_to_tell_them_apart_match_neither(make: Any) -> None:
    assert match_claim((_claim(1), _claim(2)), make.answer(make.claim("SAME"))) is None


@pytest.mark.parametrize(("charge", "is_it"), [(10_000, True), (9_999, False)])
def test_line_numbers_alone_tell_only_with_the_lines_charge(
    make: Any, charge: int, is_it: bool
) -> None:
    ours = _claim(1, lines=(_line(1, "1"),))
    line = make.line(charge, line_control_number="1")
    answer = make.answer(make.claim("ELSE"), lines=(line,), charge=charge)
    assert match_by_numbers_alone((ours,), answer) == (ours if is_it else None)


# Clinics that use the same number

CLINIC_A, CLINIC_B, GROUP = "1234567893", "1245319599", "1003000126"
TAX_A, TAX_B = "111111111", "222222222"


def _of(number: int, npi: str | None, tax_id: str | None = None, **fields: Any) -> LedgerClaim:
    return _claim(number, billing=BillingProvider(npi, tax_id, "clinics"), **fields)


@pytest.mark.parametrize(
    "payee",
    [
        Payee(CLINIC_B, is_ours=True),
        Payee(CLINIC_B, TAX_A, is_ours=True),
        Payee(TAX_B, TAX_B),
        Payee(GROUP, TAX_B),
    ],
)
def test_the_payee_tells_which_clinics_claim_it_is(make: Any, payee: Payee) -> None:
    candidates = (_of(1, CLINIC_A, TAX_A), _of(2, CLINIC_B, TAX_B))
    assert match_claim(candidates, make.answer(make.claim("SAME")), payee) == candidates[1]


@pytest.mark.parametrize("payee", [Payee(), Payee(GROUP), Payee(TAX_A, TAX_A), Payee("", "")])
def test_a_payee_that_is_neither_clinic_or_both_tells_nothing(make: Any, payee: Payee) -> None:
    candidates = (_of(1, CLINIC_A, TAX_A), _of(2, CLINIC_B, TAX_A))
    assert match_claim(candidates, make.answer(make.claim("SAME")), payee) is None
    answer = make.answer(make.claim("SAME"), payer_claim_control_number="P2")
    numbered = (candidates[0], candidates[1]._replace(payer_claim_control_number="P2"))
    assert match_claim(numbered, answer, payee) == numbered[1]


def test_of_one_clinics_claims_the_line_numbers_decide_though_another_has_the_same(
    make: Any,
) -> None:
    candidates = (
        _of(1, CLINIC_A, lines=(_line(1, "1"),)),
        _of(2, CLINIC_A, lines=(_line(1, "2"),)),
        _of(3, CLINIC_B, lines=(_line(1, "1"),)),
    )
    answer = make.answer(make.claim("SAME"), lines=(make.line(10_000, line_control_number="1"),))
    assert match_claim(candidates, answer, Payee(CLINIC_A, is_ours=True)) == candidates[0]


def test_numbers_and_a_payee_that_contradict_each_other_match_neither(make: Any) -> None:
    candidates = (
        _of(1, CLINIC_A),
        _of(2, CLINIC_B, payer_claim_control_number="P2"),
    )
    answer = make.answer(make.claim("SAME"), payer_claim_control_number="P2")
    assert match_claim(candidates, answer, Payee(CLINIC_A, is_ours=True)) is None


@pytest.mark.parametrize("payee", [Payee(GROUP), Payee(TAX_B, TAX_B), Payee(GROUP, TAX_B)])
def test_one_claim_with_the_number_is_the_claim_whoever_collects_for_it(
    make: Any, payee: Payee
) -> None:
    only = _of(1, CLINIC_A, TAX_A)
    assert match_claim((only,), make.answer(make.claim("SAME")), payee) == only


@pytest.mark.parametrize("payee", [Payee(GROUP), Payee(TAX_B, TAX_B), Payee(GROUP, TAX_B)])
def test_what_a_stranger_is_paid_of_another_charge_is_not_the_one_claim_with_the_number(
    make: Any, payee: Payee
) -> None:
    only = _of(1, CLINIC_A, TAX_A, lines=(_line(1, "1", charge=10_000),))
    line = make.line(9_999, line_control_number="1")
    answer = make.answer(make.claim("SAME"), charge=9_999, lines=(line,))
    assert match_claim((only,), answer, payee) is None
    assert match_claim((only,), answer, Payee(CLINIC_A)) == only
    assert match_claim((only,), answer, Payee(GROUP, TAX_A)) == only
    assert match_claim((only,), answer) == only
    named = only._replace(payer_claim_control_number="P1")
    numbered = make.answer(make.claim("SAME"), charge=9_999, payer_claim_control_number="P1")
    assert match_claim((named,), numbered, payee) == named


@pytest.mark.parametrize("charge", [10_000, -10_000])
def test_a_charge_taken_back_is_the_charge(make: Any, charge: int) -> None:
    answer = make.answer(make.claim("SAME"), charge=charge)
    only = _of(1, CLINIC_A, TAX_A)
    assert match_claim((only,), answer, Payee(GROUP)) == only


@pytest.mark.parametrize("tax_id", [None, TAX_A])
def test_what_is_paid_to_another_clinic_of_ours_is_not_taken_for_the_claim_that_came_first(
    make: Any, tax_id: str | None
) -> None:
    only = _of(1, CLINIC_A, TAX_A, payer_claim_control_number="P1")
    payee = Payee(CLINIC_B, tax_id, is_ours=True)
    assert match_claim((only,), make.answer(make.claim("SAME")), payee) is None
    named = make.answer(make.claim("SAME"), payer_claim_control_number="P1")
    assert match_claim((only,), named, payee) == only
    assert match_claim((_of(1, None),), make.answer(make.claim("SAME")), payee) is not None
