"""Deadlines, rules, scores, variances and statements: what is data, read as it says."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.remittance.domain.balances import (
    ClaimBalance,
    DenialFacts,
    PatientBalance,
    buckets_of,
)
from services.remittance.domain.bank import StatementError, deposits_of
from services.remittance.domain.denial import explain
from services.remittance.domain.denial_table import DENIALS, NEXT_STEPS, REMARKS
from services.remittance.domain.policy import (
    Deadlines,
    DenialRule,
    MatchWeights,
    Policy,
    PromptPay,
    interest_owed,
)
from services.remittance.domain.scoring import certain, ranked
from services.remittance.domain.state import Candidate
from services.remittance.domain.variance import Fee, fees_of, underpaid_lines
from shared.contract.claim import Procedure
from shared.contract.remittance import (
    RemittanceAdjustment,
    RemittanceClaim,
    RemittanceLine,
    RemittanceParty,
)

DAY = date(2026, 3, 1)


# Denials


def test_every_denial_and_class_says_what_to_do() -> None:
    assert all(one.meaning and one.next_step for one in DENIALS.values())
    assert {one.kind for one in DENIALS.values()} <= set(NEXT_STEPS)
    assert len(DENIALS) >= 100
    assert all(remark.meaning for remark in REMARKS.values())


@pytest.mark.parametrize(
    ("reason", "remarks", "kind", "field"),
    [
        ("16", (), "missing_information", None),
        ("16", ("N382",), "missing_information", "subscriber.identifier"),
        ("16", ("MA04",), "coordination", "other_coverages"),
        ("4", (), "correct_and_replace", "procedure.modifiers"),
        ("197", (), "authorization", "prior_authorization"),
        ("no such code", (), "review", None),
    ],
)
def test_a_remark_says_more_than_its_reason(
    reason: str, remarks: tuple[str, ...], kind: str, field: str | None
) -> None:
    denial = explain(reason, remarks)
    assert (denial.kind, denial.field) == (kind, field)


def test_what_no_appeal_is_open_for_is_sent_anew() -> None:
    assert "frequency 1" in explain("16", ("MA130",)).next_step


def test_an_operators_row_comes_first_and_only_where_all_of_it_matches() -> None:
    rule = DenialRule(kind="final", reasons=("97",), payers=("PAY01",), at_most=500, is_final=True)
    policy = Policy(denials=(rule,), deadlines={"PAY01": Deadlines(appeal=60, correct=90)})
    small = policy.explain("CO", "97", (), "PAY01", 500)
    assert (small.kind, policy.due_on(small, "PAY01", DAY)) == ("final", None)
    large = policy.explain("CO", "97", (), "PAY01", 501)
    assert (large.kind, policy.due_on(large, "PAY01", DAY)) == ("bundling", date(2026, 4, 30))
    fix = policy.explain("CO", "4", (), "PAY01", 501)
    assert policy.due_on(fix, "PAY01", DAY) == date(2026, 5, 30)


def test_interest_runs_from_the_day_after_the_last_in_time() -> None:
    rule = PromptPay(days=30, rate_basis_points=1200, source="a law")
    assert interest_owed(100_000, rule, DAY, date(2026, 3, 31)) == 0
    # 12 % of 1,000.00 is 120.00 a year: 32.87 cents a day, rounded down.
    assert interest_owed(100_000, rule, DAY, date(2026, 4, 1)) == 32
    assert interest_owed(100_000, rule, DAY, date(2027, 3, 31)) == 12_000


def test_no_rule_is_guessed_for_a_payer_whose_state_is_not_known() -> None:
    policy = Policy(payer_states={"PAY01": "NY"})
    assert policy.prompt_pay_of("PAY02") is None
    rule = policy.prompt_pay_of("PAY01")
    assert rule is not None
    assert rule.days == 30


# Scores


def _candidate(number: int, **fields: Any) -> Candidate:
    known: dict[str, Any] = {
        "claim_id": UUID(int=number),
        "number_key": str(UUID(int=number)),
        "payer_identifier": "PAY01",
        "charge": 10_000,
        "codes": frozenset({"99213"}),
        "first_service": DAY,
        "last_service": DAY,
        "member_identifiers": frozenset({"W1"}),
        "provider_npis": frozenset({"1234567893"}),
        "names": frozenset({"DOEJANE"}),
    }
    return Candidate(**(known | fields))


REMITTED = RemittanceClaim(
    patient_control_number="?",
    status="1",
    charge=10_000,
    paid=10_000,
    patient=RemittanceParty(name="DOE", first_name="JANE", identifier="W-1"),
    lines=(RemittanceLine(procedure=Procedure(code="99213"), charge=10_000, service_date=DAY),),
)
WEIGHTS = MatchWeights()


def test_what_agrees_in_everything_is_certain() -> None:
    scored = ranked([_candidate(1)], REMITTED, "1234567893", WEIGHTS)
    assert scored[0].score == 100
    assert certain(scored, WEIGHTS) == scored[0]


def test_two_that_look_alike_are_not_chosen_between() -> None:
    scored = ranked([_candidate(1), _candidate(2)], REMITTED, "1234567893", WEIGHTS)
    assert certain(scored, WEIGHTS) is None


def test_a_name_is_never_enough_whatever_it_weighs() -> None:
    weights = MatchWeights(name=100)
    stranger = _candidate(
        1,
        charge=1,
        codes=frozenset(),
        first_service=None,
        member_identifiers=frozenset(),
        provider_npis=frozenset(),
    )
    scored = ranked([stranger], REMITTED, None, weights)
    assert scored[0].parts == {"name": 100}
    assert certain(scored, weights) is None


# Fee schedules


def _fee(amount: int, modifier: str = "", start: date = date(2026, 1, 1)) -> Fee:
    return Fee("PAY01", "99213", modifier, start, None, amount)


def _line(**fields: Any) -> RemittanceClaim:
    line = RemittanceLine(
        procedure=Procedure(code="99213", modifiers=("25",)),
        charge=20_000,
        paid=7_000,
        adjustments=(RemittanceAdjustment("PR", "2", 1_000),),
        service_date=DAY,
        **fields,
    )
    return RemittanceClaim(status="1", charge=20_000, paid=7_000, lines=(line,))


@pytest.mark.parametrize(
    ("fees", "fields", "variance"),
    [
        ([_fee(9_000)], {}, 1_000),
        ([_fee(9_000)], {"allowed": 9_000}, None),
        ([_fee(9_000), _fee(8_500, "25")], {}, 500),
        ([_fee(9_000), _fee(8_000, start=date(2026, 2, 1))], {}, None),
        ([_fee(9_000)], {"units": Decimal(3)}, 12_000),
        ([], {}, None),
    ],
)
def test_what_was_allowed_is_held_beside_the_schedule(
    fees: list[Fee], fields: dict[str, Any], variance: int | None
) -> None:
    found = underpaid_lines(_line(**fields), "PAY01", fees_of(fees), at_least=100)
    assert [one.variance for one in found] == ([] if variance is None else [variance])


# Banks


CSV = """Date,Description,Amount,Trace Number
2026-03-02,A PAYER,"1,250.00",EFT-1
03/03/2026,A PAYER,0.50,EFT-2
"""
BAI2 = """01,SENDER,RECEIVER,260302,0800,1,80,,2/
02,RECEIVER,SENDER,1,260302,,USD,2/
03,12345,USD,010,100,,,/
16,142,125000,S,125000,0,0,BANKREF,EFT-1,A PAYER/
16,475,5000,Z,CHECK,1,a debit/
16,165,50,Z,,EFT-2/
88,more text/
49,125050,5/
98,125050,1,6/
99,125050,1,8/
"""


@pytest.mark.parametrize("statement", [CSV, BAI2])
def test_a_statement_in_either_form_is_the_same_deposits(statement: str) -> None:
    found = [(one.trace_number, one.amount) for one in deposits_of(statement)]
    assert found == [("EFT-1", 125_000), ("EFT-2", 50)]


def test_equal_lines_are_two_deposits_and_the_statement_again_is_none_more() -> None:
    text = CSV + "2026-03-02,A PAYER,1250.00,EFT-1\n"
    ids = [one.id for one in deposits_of(text)]
    assert len(set(ids)) == 3
    assert [one.id for one in deposits_of(text)] == ids


@pytest.mark.parametrize(
    "text",
    ["when,what\n1,2\n", "date,amount,trace\n2026-03-02,1.005,T\n", "date,amount,trace\nx,1,T\n"],
)
def test_a_statement_that_cannot_be_read_says_where(text: str) -> None:
    with pytest.raises(StatementError, match=r"line [12]"):
        deposits_of(text)


# What patients owe


def _balance(**fields: Any) -> ClaimBalance:
    known: dict[str, Any] = {
        "claim_id": UUID(int=1),
        "patient_control_number": "A",
        "payer_identifier": "PAY01",
        "payer_claim_control_number": None,
        "status": "paid",
        "charge": 10_000,
        "paid": 7_000,
        "contractual": 2_000,
        "other": 0,
        "written_off": 0,
        "denied": 0,
        "receivable": 0,
        "patient": 1_000,
    }
    return ClaimBalance(**(known | fields))


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({}, []),
        ({"receivable": 500}, ["payer_pending"]),
        ({"next_payers": ("PAY02",)}, ["next_payer"]),
        ({"waiting": 1}, ["imbalance"]),
        ({"status": "reversed", "receivable": 500}, ["reversal"]),
        ({"denials": (DenialFacts("authorization", "open", 500),)}, ["denial"]),
        ({"denials": (DenialFacts("authorization", "appealed", 500),)}, ["appeal"]),
        ({"denials": (DenialFacts("authorization", "written_off", 500),)}, []),
    ],
)
def test_nothing_is_billable_while_anything_is_open(
    fields: dict[str, Any], reasons: list[str]
) -> None:
    claim = _balance(**fields)
    assert [one.kind for one in claim.open] == reasons
    assert claim.billable == (0 if reasons else 1_000)


def test_what_a_patient_paid_comes_off_and_too_much_is_a_credit() -> None:
    account = PatientBalance(UUID(int=1), (_balance(), _balance(receivable=1)), paid=1_500)
    assert (account.share, account.balance, account.billable, account.credit) == (2_000, 500, 0, 0)
    over = PatientBalance(UUID(int=1), (_balance(),), paid=1_500)
    assert (over.billable, over.credit) == (0, 500)


def test_shares_are_told_in_the_words_of_plans() -> None:
    assert buckets_of({"1": 5, "2": 6, "3": 7, "96": 8, "45": 0}) == {
        "deductible": 5,
        "coinsurance": 6,
        "copay": 7,
        "other": 8,
    }
