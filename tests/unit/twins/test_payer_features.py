"""Each thing a payer does, by the scenario that does only that. Expected amounts are worked out
from the scenario's own numbers, by hand."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from deploy.twins.payer.scenario import (
    Bundle,
    CostShare,
    Crossovers,
    Delivery,
    Denial,
    DroppedModifiers,
    Fate,
    Outcome,
    ProviderAdjustmentRule,
    Refusal,
    Scenario,
    Script,
    WrongTotal,
)
from deploy.twins.payer.scenario_file import load_scenario
from shared.contract.claim import (
    Claim,
    LineAdjudication,
    OtherCoverage,
    Payer,
    Procedure,
)
from shared.contract.model import Adjustment
from shared.contract.remittance import RemittanceClaim, RemittanceLine

Play = Callable[..., Any]
MakeClaim = Callable[..., Claim]


def cas(of: RemittanceClaim | RemittanceLine) -> list[tuple[str, str, int]]:
    return [(part.group, part.reason, part.amount) for part in of.adjustments]


def at_lines(claim: RemittanceClaim) -> list[tuple[int, list[tuple[str, str, int]]]]:
    """Paid and adjustments of each line."""
    return [(line.paid, cas(line)) for line in claim.lines]


# Deciding


def test_paid_in_full(play: Play, claim: MakeClaim) -> None:
    month = play("paid")
    month.send(claim("A1", [("99213", 14500), ("36415", 1825)]))
    (told,) = month.remittances
    assert told.is_balanced
    assert (told.header.amount, told.header.method, told.header.handling) == (16325, "ACH", "I")
    assert [(c.status, c.charge, c.paid) for c in told.claims] == [("1", 16325, 16325)]
    assert [line.line_control_number for line in told.claims[0].lines] == ["A1L1", "A1L2"]


def test_denied_claims_come_without_a_payment(play: Play, claim: MakeClaim) -> None:
    month = play("denied", denials=(Denial("16", remarks=("M76",)),))
    month.send(claim("A1", [("99213", 14500)]))
    (told,) = month.remittances
    assert (told.header.amount, told.header.method, told.header.handling) == (0, "NON", "H")
    (decided,) = told.claims
    assert (decided.status, decided.paid, at_lines(decided)) == (
        "4",
        0,
        [(0, [("CO", "16", 14500)])],
    )
    assert decided.lines[0].remarks == ("M76",)


def test_the_last_line_alone_is_denied(play: Play, claim: MakeClaim) -> None:
    month = play("partly-denied", agreed_percent=(50, 50), denials=(Denial("197"),))
    month.send(claim("A1", [("99213", 14500), ("36415", 1825)]))
    (decided,) = month.claims
    assert decided.status == "1"
    assert at_lines(decided) == [(7250, [("CO", "45", 7250)]), (0, [("CO", "197", 1825)])]


def test_a_fee_schedule_prices_by_code_and_unit(play: Play, claim: MakeClaim) -> None:
    month = play("fee-schedule", fates=(Fate(Outcome.REDUCED, 1),))
    made = claim("A1", [("99213", 14500), ("J1885", 2375), ("G0439", 17500), ("93000", 1000)])
    lines = list(made.service_lines)
    lines[1] = lines[1].model_copy(update={"units": 3})
    month.send(made.model_copy(update={"service_lines": tuple(lines)}))
    (decided,) = month.claims
    # 92.05; three times 1.02; half of what has no price; never more than the charge (14.90 > 10).
    assert [line.allowed for line in decided.lines] == [9205, 306, 8750, 1000]
    assert [line.paid for line in decided.lines] == [9205, 306, 8750, 1000]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        # Of 80.00 and 40.00 agreed: the deductible first, then the copay, then a fifth of the rest.
        (CostShare(copay=3000), [[("3", 3000)], []]),
        (CostShare(coinsurance_percent=20), [[("2", 1600)], [("2", 800)]]),
        (CostShare(deductible=10_000), [[("1", 8000)], [("1", 2000)]]),
        (
            CostShare(deductible=7500, copay=1000, coinsurance_percent=50),
            [[("1", 7500), ("3", 500)], [("2", 1750), ("3", 500)]],
        ),
    ],
)
def test_the_patients_share_is_deductible_then_copay_then_coinsurance(
    play: Play, claim: MakeClaim, share: CostShare, expected: list[list[tuple[str, int]]]
) -> None:
    month = play(
        "secondary", fates=(Fate(Outcome.SPLIT, 1),), cost_shares=(share,), agreed_percent=(80, 80)
    )
    month.send(claim("A1", [("99213", 10_000), ("36415", 5000)]))
    (decided,) = month.claims
    shares = [
        [(part.reason, part.amount) for part in line.adjustments if part.group == "PR"]
        for line in decided.lines
    ]
    assert shares == expected
    assert decided.patient_responsibility == sum(c for row in expected for _, c in row)
    assert month.remittances[0].is_balanced


def test_bundled_lines_are_paid_as_one_under_another_code(play: Play, claim: MakeClaim) -> None:
    month = play("bundling")
    month.send(claim("A1", [("36415", 1825), ("99213", 10_000), ("80053", 4999)]))
    (decided,) = month.claims
    carrier, other, absorbed = decided.lines
    codes = [
        (line.procedure.code, line.submitted_procedure and line.submitted_procedure.code)
        for line in decided.lines
    ]
    assert codes == [("80050", "36415"), ("99213", None), ("80050", "80053")]
    # 80050 is worth 60.00, more than the 18.25 that the line was billed at: a negative CO 94.
    assert (carrier.paid, cas(carrier)) == (6000, [("CO", "94", -4175)])
    assert (absorbed.paid, cas(absorbed)) == (0, [("CO", "97", 4999)])
    assert other.submitted_procedure is None
    assert month.remittances[0].is_balanced


def test_a_bundle_needs_all_of_its_codes(play: Play, claim: MakeClaim) -> None:
    month = play("bundling", bundles=(Bundle(("80053", "80053"), "80050"),))
    month.send(claim("A1", [("80053", 4999), ("36415", 1825)]))
    assert [line.procedure.code for line in month.claims[0].lines] == ["80053", "36415"]


def test_a_changed_code_is_paid_as_the_other_and_says_so(play: Play, claim: MakeClaim) -> None:
    month = play("bundling", prices={"99213": 9205})
    month.send(claim("A1", [("99214", 21250)]))
    (line,) = month.claims[0].lines
    assert (line.procedure.code, line.submitted_procedure.code) == ("99213", "99214")
    assert (line.paid, line.remarks) == (9205, ("N22",))


@pytest.mark.parametrize("is_shown", [True, False])
def test_modifiers_are_dropped_with_or_without_a_word(
    play: Play, claim: MakeClaim, is_shown: bool
) -> None:
    month = play("paid", dropped_modifiers=DroppedModifiers(("25",), is_shown=is_shown))
    month.send(claim("A1", [("99213:25:TC", 14500)]))
    (line,) = month.claims[0].lines
    assert line.procedure.modifiers == ("TC",)
    submitted = line.submitted_procedure
    assert (submitted.modifiers if submitted else None) == (("25", "TC") if is_shown else None)


def test_an_old_service_is_denied_for_late_filing(play: Play, claim: MakeClaim) -> None:
    month = play("paid", filing_limit=timedelta(days=90))
    month.send(claim("A1", [("99213", 14500)]))
    month.wait(90)
    month.send(claim("A2", [("99213", 14500)]))
    assert [(one.status, cas(one.lines[0])) for one in month.claims] == [
        ("1", []),
        ("4", [("CO", "29", 14500)]),
    ]


def test_the_same_claim_again_is_a_duplicate(play: Play, claim: MakeClaim) -> None:
    month = play("paid")
    for _ in range(2):
        month.send(claim("A1", [("99213", 14500)]))
    assert [(one.status, one.paid) for one in month.claims] == [("1", 14500), ("4", 0)]
    assert cas(month.claims[1].lines[0]) == [("CO", "18", 14500)]
    assert month.payer.book.repeated_claims == 1


def test_a_payer_that_does_not_look_pays_a_duplicate_again(play: Play, claim: MakeClaim) -> None:
    month = play("paid", denies_duplicates=False)
    for _ in range(2):
        month.send(claim("A1", [("99213", 14500)]))
    assert [one.paid for one in month.claims] == [14500, 14500]


def test_a_dental_predetermination_pays_nothing_and_says_what_it_would(
    play: Play, claim: MakeClaim
) -> None:
    made = claim("A1", [("D0120", 5000)])
    line = made.service_lines[0]
    dental = line.model_copy(update={"procedure": Procedure(code="D0120", qualifier="AD")})
    month = play("paid")
    month.send(
        made.model_copy(
            update={"kind": "dental", "predetermination": "PB", "service_lines": (dental,)}
        )
    )
    (decided,) = month.claims
    assert (decided.status, decided.paid) == ("25", 0)
    assert cas(decided.lines[0]) == [("OA", "101", 5000)]


# Telling


def test_claims_without_lines_carry_their_adjustments_themselves(
    play: Play, claim: MakeClaim
) -> None:
    month = play("claim-level", agreed_percent=(80, 80), cost_shares=(CostShare(copay=1000),))
    made = claim("A1", [("99213", 10_000), ("36415", 5000)])
    institutional = made.model_copy(
        update={
            "kind": "institutional",
            "facility_code": "13",
            "provider_signature": None,
            "statement_from": made.service_lines[0].service_from,
            "statement_through": made.service_lines[0].service_from,
            "admission_type": "3",
            "admission_source": "1",
            "patient_status": "01",
            "attending_provider": made.billing_provider.model_copy(
                update={"is_person": True, "first_name": "JO", "tax_id": None, "address": None}
            ),
            "service_lines": tuple(
                line.model_copy(update={"revenue_code": "0300", "diagnosis_pointers": ()})
                for line in made.service_lines
            ),
        }
    )
    month.send(institutional)
    (decided,) = month.claims
    assert decided.lines == ()
    assert cas(decided) == [("CO", "45", 3000), ("PR", "3", 1000)]
    assert month.remittances[0].is_balanced


def test_a_divided_claim_comes_in_two_parts_a_week_apart(play: Play, claim: MakeClaim) -> None:
    month = play("divided", agreed_percent=(50, 50))
    month.send(claim("A1", [("99213", 10_000), ("36415", 5000), ("80053", 3000)]))
    (status,) = month.statuses()
    assert (status.outcome, status.status_codes) == ("acknowledged", ("A5:20:PR",))
    (first,) = month.claims
    month.wait(7)
    _, second = month.claims
    assert (first.charge, first.paid, second.charge, second.paid) == (10_000, 5000, 8000, 4000)
    number = status.payer_claim_control_number
    numbers = [one.payer_claim_control_number for one in (first, second)]
    assert numbers == [f"{number}A", f"{number}B"]
    (entry,) = month.payer.book.entries_of("A1")
    assert (entry.charged, entry.paid, entry.adjusted) == (18_000, 9000, 9000)


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("truncated", "ABC0012"),
        ("stripped", "12345"),
        ("lowered", "abc0012345"),
        ("spaced", "ABC00 12345"),
        ("zeroed", "0"),
    ],
)
def test_control_numbers_come_back_mangled(
    play: Play, claim: MakeClaim, way: Any, expected: str
) -> None:
    month = play("paid", claims=(Script("ABC*", mangled=way),))
    month.send(claim("ABC0012345", [("99213", 14500)]))
    (decided,) = month.claims
    assert decided.patient_control_number == expected
    assert decided.lines[0].line_control_number == "ABC0012345L1"
    assert decided.payer_claim_control_number == month.statuses()[0].payer_claim_control_number


@pytest.mark.parametrize(
    ("level", "failed"),
    [("transaction", (0, 0, 700)), ("claim", (0, 1, 0)), ("line", (1, 0, 0))],
)
def test_a_wrong_total_is_wrong_at_its_level_and_nowhere_else(
    play: Play, claim: MakeClaim, level: Any, failed: tuple[int, int, int]
) -> None:
    month = play("paid", claims=(Script("A1", wrong_total=WrongTotal(level, by=700)),))
    month.send(claim("A1", [("99213", 14500)]), claim("A2", [("99213", 14500)]))
    (told,) = month.remittances
    balance = told.trailer.balance
    assert (
        balance.lines.failed,
        balance.claims.failed,
        balance.transaction.difference,
    ) == failed
    (entry,) = month.payer.book.remittances
    assert entry.wrong == (level,)
    assert entry.amount == 29_000, "the book has what is right"
    assert entry.written == told.header.amount


# Later


def test_a_reversal_comes_with_its_correction(play: Play, claim: MakeClaim) -> None:
    month = play("reversals", claims=(Script("A1", reversed_into=Outcome.DENIED),))
    month.send(claim("A1", [("99213", 14500)]))
    month.wait(14)
    month.wait(20)
    first, back, again = month.claims
    assert (back.status, back.charge, back.paid) == ("22", -14500, -14500)
    assert back.payer_claim_control_number == first.payer_claim_control_number
    assert (again.status, again.charge, again.paid) == ("4", 14500, 0)
    assert [told.header.amount for told in month.remittances] == [14500, 0]
    assert all(told.is_balanced for told in month.remittances)
    (entry,) = month.payer.book.entries_of("A1")
    assert (entry.charged, entry.paid, entry.adjusted, entry.patient) == (14500, 0, 14500, 0)


def test_a_balance_is_forwarded_until_it_is_paid_back(play: Play, claim: MakeClaim) -> None:
    """100.00 are taken back; 20.00, 60.00 and 200.00 become payable, half of which may be kept."""
    month = play(
        "forward-balance",
        claims=(
            Script("A1", reversed_after=timedelta(days=5), reversed_into=Outcome.DENIED),
            Script("B*", reversed_after=timedelta(days=900)),
        ),
    )
    month.send(claim("A1", [("99213", 10_000)]))
    month.wait(6)
    for number, cents in (("B1", 2000), ("B2", 6000), ("B3", 20_000)):
        month.send(claim(number, [("99213", cents)]))
        month.wait(1)
    assert [(told.header.amount, told.plb) for told in month.remittances] == [
        (10_000, []),
        (0, [("FB", -10_000)]),
        (1000, [("FB", 10_000), ("FB", -9000)]),
        (3000, [("FB", 9000), ("FB", -6000)]),
        (14_000, [("FB", 6000)]),
    ]
    references = [
        [one.reference for one in told.trailer.provider_adjustments] for told in month.remittances
    ]
    traces = [told.header.trace_number for told in month.remittances]
    assert references[2] == [traces[1], traces[2]], "from the remittance it came from, to this one"
    assert all(told.is_balanced for told in month.remittances)
    assert month.payer.book.totals()["owed_by_providers"] == 0


def test_an_overpayment_is_put_off_and_then_taken(play: Play, claim: MakeClaim) -> None:
    month = play(
        "overpayment",
        claims=(
            Script("A1", reversed_after=timedelta(days=5), reversed_into=Outcome.DENIED),
            Script("B*", reversed_after=timedelta(days=900)),
        ),
    )
    month.send(claim("A1", [("99213", 10_000)]))
    month.wait(6)
    for number in ("B1", "B2"):
        month.send(claim(number, [("99213", 24_000)]))
        month.wait(1)
    assert [(told.header.amount, told.plb) for told in month.remittances] == [
        (10_000, []),
        (0, [("WO", -10_000)]),
        (18_000, [("WO", 6000)]),
        (20_000, [("WO", 4000)]),
    ]
    (reference,) = {
        one.reference for t in month.remittances for one in t.trailer.provider_adjustments
    }
    assert reference == month.claims[0].payer_claim_control_number
    assert all(told.is_balanced for told in month.remittances)


def test_interest_is_paid_for_each_day_too_late(play: Play, claim: MakeClaim) -> None:
    month = play("interest", agreed_percent=(100, 100))
    month.send(claim("A1", [("99213", 36_500)]))
    month.wait(90)
    (told,) = month.remittances
    # 365.00 at 12 % a year for 60 days: 7.20.
    assert told.plb == [("L6", -720)]
    assert told.header.amount == 36_500 + 720
    assert [(one.qualifier, one.amount) for one in told.claims[0].amounts] == [("I", 720)]
    assert told.is_balanced


def test_other_provider_adjustments_lower_or_raise_the_payment(
    play: Play, claim: MakeClaim
) -> None:
    month = play(
        "paid",
        provider_adjustments=(
            ProviderAdjustmentRule("LE", 2500, reference="LEVY"),
            ProviderAdjustmentRule("CT", -4000),
        ),
    )
    month.send(claim("A1", [("99213", 10_000)]))
    (told,) = month.remittances
    assert told.plb == [("LE", 2500), ("CT", -4000)]
    assert told.header.amount == 11_500
    assert told.is_balanced


def test_a_levy_larger_than_the_payment_is_carried_on(play: Play, claim: MakeClaim) -> None:
    month = play("paid", provider_adjustments=(ProviderAdjustmentRule("LE", 25_000),))
    month.send(claim("A1", [("99213", 10_000)]))
    (told,) = month.remittances
    assert (told.header.amount, told.plb) == (0, [("LE", 25_000), ("FB", -15_000)])


# Several payers


def test_the_patients_share_crosses_over_and_is_paid_by_the_next(
    play: Play, claim: MakeClaim
) -> None:
    month = play("crossover", agreed_percent=(80, 80), cost_shares=(CostShare(copay=3000),))
    month.send(claim("A1", [("99213", 10_000)]))
    month.wait(5)
    first, second = month.claims
    assert (first.status, first.paid, first.patient_responsibility) == ("19", 5000, 3000)
    assert first.crossover_carrier.identifier == "SUPP1"
    assert (second.status, second.paid) == ("2", 3000)
    assert at_lines(second) == [(3000, [("OA", "23", 7000)])]
    payers = [told.header.payer_identifier for told in month.remittances]
    assert payers == ["PAY01", "SUPP1"]


def test_a_crossover_that_nobody_pays_is_only_told(play: Play, claim: MakeClaim) -> None:
    month = play("crossover", crossovers=Crossovers(100, pays=False))
    month.send(claim("A1", [("99213", 10_000)]))
    month.wait(60)
    assert [one.status for one in month.claims] == ["19"]


def secondary(claim: MakeClaim, *, at_claim: bool = False, is_told: bool = True) -> Claim:
    """The sample of the standard's coordination of benefits: 79.04 = 39.15 paid + 36.89 + 3.00."""
    made = claim("A1", [("99213", 7904)])
    adjustments = (
        Adjustment.model_validate({"group": "CO", "reason": "45", "amount": 3689}),
        Adjustment.model_validate({"group": "PR", "reason": "3", "amount": 300}),
    )
    told = LineAdjudication(
        payer_identifier="FIRST",
        paid=3915,
        procedure=made.service_lines[0].procedure,
        units=1,
        adjustments=adjustments,
        adjudicated_on=date(2026, 11, 10),
    )
    coverage = OtherCoverage(
        sequence="P",
        relationship="18",
        filing_indicator="MB",
        paid=3915 if is_told else None,
        adjustments=adjustments if at_claim else (),
        subscriber=made.subscriber,
        benefits_assigned="Y",
        release_of_information="Y",
        payer=Payer(name="FIRST PAYER", identifier_qualifier="PI", identifier="FIRST"),
    )
    line = made.service_lines[0].model_copy(
        update={"adjudications": (told,) if is_told and not at_claim else ()}
    )
    return made.model_copy(
        update={
            "payer_sequence": "S",
            "other_coverages": (coverage,),
            "service_lines": (line,),
        }
    )


@pytest.mark.parametrize("at_claim", [True, False])
def test_as_second_payer_it_pays_what_the_first_left(
    play: Play, claim: MakeClaim, at_claim: bool
) -> None:
    month = play("paid")
    month.send(secondary(claim, at_claim=at_claim))
    (decided,) = month.claims
    assert (decided.status, decided.paid, decided.patient_responsibility) == ("2", 300, None)
    assert at_lines(decided) == [(300, [("OA", "23", 7604)])]
    assert month.remittances[0].is_balanced


def test_as_second_payer_it_pays_no_more_than_its_own_price(play: Play, claim: MakeClaim) -> None:
    # Half of 79.04 is 39.52, of which the first has paid 39.15.
    month = play("secondary", agreed_percent=(50, 50))
    month.send(secondary(claim))
    (decided,) = month.claims
    assert at_lines(decided) == [(37, [("OA", "23", 7604), ("CO", "45", 263)])]


def test_a_secondary_claim_that_tells_nothing_of_the_first_payer_is_denied(
    play: Play, claim: MakeClaim
) -> None:
    month = play("paid")
    month.send(secondary(claim, is_told=False))
    (decided,) = month.claims
    assert (decided.status, cas(decided.lines[0])) == ("4", [("CO", "22", 7904)])
    assert decided.lines[0].remarks == ("MA04",)


def test_a_secondary_claim_whose_first_payer_does_not_add_up_is_refused(
    play: Play, claim: MakeClaim
) -> None:
    made = secondary(claim)
    line = made.service_lines[0]
    wrong = line.adjudications[0].model_copy(update={"paid": 3914})
    month = play("paid")
    month.send(
        made.model_copy(
            update={"service_lines": (line.model_copy(update={"adjudications": (wrong,)}),)}
        )
    )
    assert [one.status_codes for one in month.statuses()] == [("A8:286:PR",)]


# Changing what was sent


def changed(claim: Claim, frequency: str, number: str | None, charge: int | None = None) -> Claim:
    update: dict[str, object] = {"frequency": frequency, "payer_claim_control_number": number}
    if charge is not None:
        line = claim.service_lines[0].model_copy(update={"charge": charge})
        update |= {"charge": charge, "service_lines": (line,)}
    return claim.model_copy(update=update)


def test_a_replacement_takes_the_original_back_and_pays_anew(play: Play, claim: MakeClaim) -> None:
    month = play("paid")
    original = claim("A1", [("99213", 10_000)])
    month.send(original)
    number = month.claims[0].payer_claim_control_number
    month.send(changed(original, "7", number, charge=12_000))
    month.wait(1)
    assert [(one.status, one.charge, one.paid) for one in month.claims] == [
        ("1", 10_000, 10_000),
        ("22", -10_000, -10_000),
        ("1", 12_000, 12_000),
    ]
    assert [told.header.amount for told in month.remittances] == [10_000, 2000]
    old, new = month.payer.book.entries_of("A1")
    assert (old.case.state, old.charged, old.paid) == ("replaced", 0, 0)
    assert (new.case.state, new.charged, new.paid) == ("final", 12_000, 12_000)


def test_a_void_takes_back_and_pays_nothing(play: Play, claim: MakeClaim) -> None:
    month = play("paid")
    original = claim("A1", [("99213", 10_000)])
    month.send(original)
    month.send(changed(original, "8", month.claims[0].payer_claim_control_number))
    month.wait(1)
    assert [one.status for one in month.claims] == ["1", "22"]
    assert [(told.header.amount, told.plb) for told in month.remittances] == [
        (10_000, []),
        (0, [("FB", -10_000)]),
    ]
    assert month.payer.book.entries_of("A1")[0].case.state == "voided"
    assert month.payer.book.totals()["owed_by_providers"] == 10_000


def test_a_replacement_waits_until_the_original_is_paid(play: Play, claim: MakeClaim) -> None:
    month = play("reversals", claims=(Script("A1", turn="7", payment_delay=timedelta()),))
    original = claim("A1", [("99213", 10_000)])
    month.send(original)
    number = month.statuses()[0].payer_claim_control_number
    month.send(changed(original, "7", number))
    assert month.wait(13.9) == []
    month.wait(1)
    assert [one.status for one in month.claims] == ["1", "22", "1"]


@pytest.mark.parametrize(
    ("frequency", "number", "code"),
    [("7", "T0000", "A7:464:PR"), ("8", "T0000", "A7:464:PR"), ("7", None, "A6:464:PR")],
)
def test_a_change_of_no_claim_of_its_own_is_refused(
    play: Play, claim: MakeClaim, frequency: str, number: str | None, code: str
) -> None:
    month = play("paid")
    month.send(changed(claim("A1", [("99213", 10_000)]), frequency, number))
    assert [one.status_codes for one in month.statuses()] == [(code,)]
    assert month.remittances == []


def test_what_was_voided_cannot_be_changed_again(play: Play, claim: MakeClaim) -> None:
    month = play("paid")
    original = claim("A1", [("99213", 10_000)])
    month.send(original)
    number = month.claims[0].payer_claim_control_number
    for _ in range(2):
        month.send(changed(original, "8", number))
    month.wait(1)
    assert [one.outcome for one in month.statuses()] == ["acknowledged", "acknowledged", "refused"]
    assert [one.status for one in month.claims] == ["1", "22"]


def test_a_replaced_claim_is_not_also_corrected_by_the_payer(play: Play, claim: MakeClaim) -> None:
    month = play("reversals")
    original = claim("A1", [("99213", 10_000)])
    month.send(original)
    month.wait(14)
    month.send(changed(original, "8", month.claims[0].payer_claim_control_number))
    month.wait(60)
    assert [one.status for one in month.claims] == ["1", "22"]


# Refusing and keeping silent


def test_a_refused_claim_is_taken_when_it_comes_again(play: Play, claim: MakeClaim) -> None:
    month = play(
        "refused", fates=(Fate(Outcome.REFUSED, 1),), refusals=(Refusal("A3", "33", "IL"),)
    )
    for _ in range(2):
        month.send(claim("A1", [("99213", 14500)]))
    assert [(one.outcome, one.status_codes) for one in month.statuses()] == [
        ("refused", ("A3:33:IL",)),
        ("acknowledged", ("A2:20:PR",)),
    ]
    assert [one.paid for one in month.claims] == [14500]


def test_of_a_silent_claim_nothing_is_ever_heard(play: Play, claim: MakeClaim) -> None:
    month = play("silent", fates=(Fate(Outcome.SILENT, 1),))
    month.send(claim("A1", [("99213", 14500)]))
    month.wait(400)
    assert {file.kind for file in month.files} == {"999"}


def test_a_clearinghouse_speaks_before_the_payer(play: Play, claim: MakeClaim) -> None:
    delays = load_scenario("acknowledgements").delays
    month = play("paid", delays=delays)
    month.send(claim("A1", [("99213", 14500)]))
    month.wait(2 / 24)
    assert [(one.stage, one.status_codes) for one in month.statuses()] == [
        ("clearinghouse", ("A0:16:PR",))
    ]
    month.wait(1)
    assert [one.stage for one in month.statuses()] == ["clearinghouse", "payer"]


def test_answers_are_lost_doubled_and_late(play: Play, claim: MakeClaim) -> None:
    month = play(
        "paid",
        deliveries={
            "999": Delivery(lost_percent=100),
            "277ca": Delivery(duplicated_percent=100),
            "835": Delivery(late_percent=100, late_by=timedelta(days=5)),
        },
    )
    month.send(claim("A1", [("99213", 14500)]))
    assert sorted(file.name for file in month.files) == ["f1-again.277ca", "f1.277ca"]
    assert len({file.content for file in month.files}) == 1
    month.wait(5)
    assert [file.name for file in month.of("835")] == ["f1.835"]
    assert [one.delivery for one in month.payer.book.remittances] == ["late"]


def test_payment_runs_pay_the_claims_of_several_files_together(
    play: Play, claim: MakeClaim
) -> None:
    scenario: Scenario = load_scenario("hard-month")
    month = play("paid", delays=scenario.delays)
    for number in ("A1", "A2"):
        month.send(claim(number, [("99213", 14500)]))
        month.wait(1)
    month.wait(60)
    runs = {file.at for file in month.of("835")}
    assert all((at - next(iter(runs))).days % 7 == 0 for at in runs)
    numbers = sorted(one.patient_control_number for one in month.claims)
    assert numbers == ["A1", "A2"]
