"""Certain matches, and no others."""

from datetime import date
from typing import Any
from uuid import UUID

from services.remittance.domain.matching import match_claim, match_lines
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
