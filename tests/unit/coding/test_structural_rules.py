"""Each structural rule: broken by the smallest change, and kept by the nearest claim that is right.

A row is (rule, kind, change, path of the finding); a change of `None` in the second table means the
clean claim itself. Changes are (path, value) pairs on the claim.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from services.coding.domain.checks import check
from services.coding.domain.rule import Case
from services.coding.domain.structural import RULES
from services.coding.domain.verdict import REFERENCE
from shared.contract.claim import (
    Address,
    Claim,
    Diagnosis,
    Insured,
    LineAdjudication,
    OtherCoverage,
    Patient,
    Payer,
    Procedure,
    Provider,
    Reference,
    ServiceLine,
    SurgicalProcedure,
)
from shared.contract.model import Adjustment

Change = tuple[tuple[str, Any], ...]

_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")


def changed(subject: Any, path: str, value: Any) -> Any:
    """The model with one field, named by a path such as `service_lines[0].charge`, replaced."""
    head, _, rest = path.partition(".")
    step = _STEP.fullmatch(head)
    assert step is not None
    name, index = step[1], step[2]
    inner = getattr(subject, name)
    if index is not None:
        at = int(index)
        replacement = changed(inner[at], rest, value) if rest else value
        inner = (*inner[:at], replacement, *inner[at + 1 :])
    else:
        inner = changed(inner, rest, value) if rest else value
    return subject.model_copy(update={name: inner})


@pytest.fixture
def claims(professional: Claim, institutional: Claim, dental: Claim) -> Callable[[str], Claim]:
    by_kind = {"P": professional, "I": institutional, "D": dental}
    return by_kind.__getitem__


BAD_NPI, GOOD_NPI = "1234567890", "1245319599"
BAD = Provider(name="X", npi=BAD_NPI)
GOOD = Provider(name="X", npi=GOOD_NPI)
LINE = "service_lines[1]"


def coverage(**fields: Any) -> OtherCoverage:
    return OtherCoverage(sequence="P", payer=Payer(identifier="OTHER"), **fields)


def answered(paid: int, *adjusted: int, payer: str = "OTHER", **fields: Any) -> LineAdjudication:
    return LineAdjudication(
        payer_identifier=payer,
        paid=paid,
        adjustments=tuple(Adjustment(group="CO", reason="45", amount=each) for each in adjusted),
        **fields,
    )


def pr(amount: int) -> Adjustment:
    return Adjustment(group="PR", reason="1", amount=amount)


BROKEN: list[tuple[str, str, Change, str]] = [
    ("npi-check-digit", "P", (("billing_provider.npi", BAD_NPI),), "billing_provider.npi"),
    ("npi-check-digit", "P", (("billing_provider.npi", "123456789"),), "billing_provider.npi"),
    ("npi-check-digit", "P", (("billing_provider.npi", "3234567891"),), "billing_provider.npi"),
    ("npi-check-digit", "P", (("rendering_provider", BAD),), "rendering_provider.npi"),
    ("npi-check-digit", "P", (("supervising_provider", BAD),), "supervising_provider.npi"),
    ("npi-check-digit", "P", (("facility", BAD),), "facility.npi"),
    ("npi-check-digit", "I", (("attending_provider", BAD),), "attending_provider.npi"),
    ("npi-check-digit", "I", (("operating_provider", BAD),), "operating_provider.npi"),
    ("npi-check-digit", "D", (("assistant_surgeon", BAD),), "assistant_surgeon.npi"),
    ("npi-check-digit", "P", (("referring_providers", (GOOD, BAD)),), "referring_providers[1].npi"),
    (
        "npi-check-digit",
        "P",
        ((f"{LINE}.ordering_provider", BAD),),
        f"{LINE}.ordering_provider.npi",
    ),
    (
        "npi-check-digit",
        "P",
        ((f"{LINE}.referring_providers", (BAD,)),),
        f"{LINE}.referring_providers[0].npi",
    ),
    ("billing-provider-name", "P", (("billing_provider.name", None),), "billing_provider.name"),
    ("billing-provider-npi", "P", (("billing_provider.npi", None),), "billing_provider.npi"),
    (
        "billing-provider-tax-id",
        "P",
        (("billing_provider.tax_id", None),),
        "billing_provider.tax_id",
    ),
    (
        "billing-provider-tax-id",
        "P",
        (("billing_provider.tax_id", "36123456"),),
        "billing_provider.tax_id",
    ),
    (
        "billing-provider-address",
        "P",
        (("billing_provider.address", None),),
        "billing_provider.address",
    ),
    (
        "billing-provider-address",
        "P",
        (("billing_provider.address.city", None),),
        "billing_provider.address.city",
    ),
    (
        "billing-provider-address",
        "I",
        (("billing_provider.address.postal_code", None),),
        "billing_provider.address.postal_code",
    ),
    (
        "billing-provider-po-box",
        "P",
        (("billing_provider.address.line1", "P.O. Box 12"),),
        "billing_provider.address.line1",
    ),
    (
        "billing-provider-zip",
        "P",
        (("billing_provider.address.postal_code", "45402"),),
        "billing_provider.address.postal_code",
    ),
    ("state-code", "P", (("subscriber.address.state", "XX"),), "subscriber.address.state"),
    ("state-code", "P", (("subscriber.address.state", "oh"),), "subscriber.address.state"),
    (
        "zip-format",
        "P",
        (("subscriber.address.postal_code", "4540"),),
        "subscriber.address.postal_code",
    ),
    (
        "zip-format",
        "P",
        (("payer.address", Address(postal_code="4540X")),),
        "payer.address.postal_code",
    ),
    ("subscriber-id", "P", (("subscriber.identifier", None),), "subscriber.identifier"),
    ("patient-missing", "P", (("patient_relationship", "19"),), "patient"),
    ("claim-total", "P", (("charge", 25_001),), "charge"),
    ("claim-total", "I", ((f"{LINE}.charge", 29_999),), "charge"),
    ("negative-charge", "P", ((f"{LINE}.charge", -1),), f"{LINE}.charge"),
    ("negative-charge", "P", (("charge", -1),), "charge"),
    ("units-missing", "P", ((f"{LINE}.units", None),), f"{LINE}.units"),
    ("units-missing", "I", ((f"{LINE}.units", None),), f"{LINE}.units"),
    ("units-not-positive", "P", ((f"{LINE}.units", 0),), f"{LINE}.units"),
    ("units-not-positive", "D", (("service_lines[0].units", -1),), "service_lines[0].units"),
    (
        "cob-line-balance",
        "P",
        ((f"{LINE}.adjudications", (answered(10_000, 4_999),)),),
        f"{LINE}.adjudications",
    ),
    (
        "cob-line-balance",
        "P",
        ((f"{LINE}.adjudications", (answered(15_000), answered(14_999, payer="THIRD"))),),
        f"{LINE}.adjudications",
    ),
    (
        "cob-claim-balance",
        "P",
        (("other_coverages", (coverage(paid=20_000, adjustments=(pr(4_999),)),)),),
        "other_coverages[0]",
    ),
    (
        "dates-reversed",
        "P",
        ((f"{LINE}.service_through", date(2025, 3, 2)),),
        f"{LINE}.service_through",
    ),
    ("dates-reversed", "I", (("statement_through", date(2025, 3, 2)),), "statement_through"),
    ("date-in-future", "P", ((f"{LINE}.service_from", date(2025, 3, 12)),), f"{LINE}.service_from"),
    ("date-in-future", "I", (("statement_through", date(2025, 3, 12)),), "statement_through"),
    ("admission-after-statement", "I", (("admitted_on", date(2025, 3, 6)),), "admitted_on"),
    (
        "birth-after-service",
        "P",
        (("subscriber.birth_date", date(2025, 3, 4)),),
        "subscriber.birth_date",
    ),
    (
        "birth-after-service",
        "I",
        (("patient", Patient(birth_date=date(2025, 3, 4))),),
        "patient.birth_date",
    ),
    ("service-date-missing", "P", ((f"{LINE}.service_from", None),), f"{LINE}.service_from"),
    ("statement-dates-missing", "I", (("statement_from", None),), "statement_from"),
    ("statement-dates-missing", "I", (("statement_through", None),), "statement_through"),
    ("principal-diagnosis", "P", (("diagnoses[0].role", "other"),), "diagnoses"),
    ("principal-diagnosis", "I", (("diagnoses[1].role", "principal"),), "diagnoses"),
    ("diagnosis-repeated", "P", (("diagnoses[1].code", "I10"),), "diagnoses[1].code"),
    ("diagnosis-format", "P", (("diagnoses[1].code", "E11.9"),), "diagnoses[1].code"),
    ("diagnosis-format", "P", (("diagnoses[1].code", "1119"),), "diagnoses[1].code"),
    ("diagnosis-format", "P", (("diagnoses[1].code", "E1"),), "diagnoses[1].code"),
    ("diagnosis-format", "P", (("diagnoses[1].code", "E1190000"),), "diagnoses[1].code"),
    ("diagnosis-code-set", "P", (("diagnoses[1].system", "icd9cm"),), "diagnoses[1].system"),
    (
        "too-many-diagnoses",
        "P",
        (
            (
                "diagnoses",
                (
                    Diagnosis(code="I10", role="principal"),
                    *(Diagnosis(code=f"E11{n:02d}") for n in range(12)),
                ),
            ),
        ),
        "diagnoses",
    ),
    (
        "diagnosis-pointer",
        "P",
        ((f"{LINE}.diagnosis_pointers", (1, 3)),),
        f"{LINE}.diagnosis_pointers[1]",
    ),
    (
        "diagnosis-pointer",
        "P",
        ((f"{LINE}.diagnosis_pointers", (0,)),),
        f"{LINE}.diagnosis_pointers[0]",
    ),
    (
        "diagnosis-pointer",
        "D",
        (("service_lines[0].diagnosis_pointers", (1,)),),
        "service_lines[0].diagnosis_pointers[0]",
    ),
    (
        "diagnosis-pointer-count",
        "P",
        ((f"{LINE}.diagnosis_pointers", ()),),
        f"{LINE}.diagnosis_pointers",
    ),
    (
        "diagnosis-pointer-count",
        "P",
        ((f"{LINE}.diagnosis_pointers", (1, 2, 1, 2, 1)),),
        f"{LINE}.diagnosis_pointers",
    ),
    (
        "surgical-procedure-format",
        "I",
        (("procedures", (SurgicalProcedure(code="0BH17EO"),)),),
        "procedures[0].code",
    ),
    ("procedure-missing", "P", ((f"{LINE}.procedure", None),), f"{LINE}.procedure"),
    (
        "procedure-missing",
        "D",
        (("service_lines[0].procedure", None),),
        "service_lines[0].procedure",
    ),
    ("procedure-format", "P", ((f"{LINE}.procedure.code", "9921"),), f"{LINE}.procedure.code"),
    ("procedure-format", "P", ((f"{LINE}.procedure.code", "j1885"),), f"{LINE}.procedure.code"),
    (
        "procedure-format",
        "D",
        (("service_lines[0].procedure.code", "00120"),),
        "service_lines[0].procedure.code",
    ),
    (
        "modifier-format",
        "P",
        ((f"{LINE}.procedure.modifiers", ("25", "2")),),
        f"{LINE}.procedure.modifiers[1]",
    ),
    (
        "modifier-format",
        "P",
        ((f"{LINE}.procedure.modifiers", ("25", "59", "LT", "RT", "76")),),
        f"{LINE}.procedure.modifiers[4]",
    ),
    (
        "too-many-lines",
        "D",
        (("service_lines", tuple(ServiceLine(number=n, charge=0) for n in range(1, 52))),),
        "service_lines",
    ),
    ("place-of-service", "P", (("facility_code", None),), "facility_code"),
    ("place-of-service", "D", (("facility_code", "1"),), "facility_code"),
    ("place-of-service", "P", ((f"{LINE}.place_of_service", "AB"),), f"{LINE}.place_of_service"),
    ("type-of-bill", "I", (("facility_code", "1"),), "facility_code"),
    ("type-of-bill", "I", (("facility_code", "011"),), "facility_code"),
    ("frequency", "P", (("frequency", "2"),), "frequency"),
    ("frequency", "I", (("frequency", "11"),), "frequency"),
    ("frequency-reference", "P", (("frequency", "7"),), "payer_claim_control_number"),
    ("frequency-reference", "I", (("frequency", "8"),), "payer_claim_control_number"),
    ("revenue-code", "I", ((f"{LINE}.revenue_code", None),), f"{LINE}.revenue_code"),
    ("revenue-code", "I", ((f"{LINE}.revenue_code", "450"),), f"{LINE}.revenue_code"),
    ("patient-status", "I", (("patient_status", None),), "patient_status"),
    ("attending-provider", "I", (("attending_provider", None),), "attending_provider"),
]

KEPT: list[tuple[str, str, Change]] = [
    ("npi-check-digit", "P", (("billing_provider.npi", GOOD_NPI),)),
    ("npi-check-digit", "P", (("rendering_provider", Provider(name="WITHOUT")),)),
    ("npi-check-digit", "P", ((f"{LINE}.ordering_provider", GOOD),)),
    (
        "billing-provider-npi",
        "P",
        (
            ("billing_provider.npi", None),
            ("billing_provider.references", (Reference(qualifier="G2", value="A1"),)),
        ),
    ),
    ("billing-provider-tax-id", "P", (("billing_provider.tax_id", "36-1234567"),)),
    (
        "billing-provider-address",
        "P",
        (("billing_provider.address", Address(line1="1 RUE", city="LYON", country="FR")),),
    ),
    ("billing-provider-po-box", "P", (("billing_provider.address.line1", "12 BOXWOOD LN"),)),
    ("billing-provider-zip", "P", (("billing_provider.address.postal_code", "45402-0001"),)),
    ("state-code", "P", (("subscriber.address.state", "PR"),)),
    (
        "state-code",
        "P",
        (("subscriber.address.state", "ON"), ("subscriber.address.country", "CA")),
    ),
    ("zip-format", "P", (("subscriber.address.postal_code", "45402"),)),
    (
        "subscriber-id",
        "P",
        (("subscriber", Insured(name="DOE")), ("filing_indicator", "WC")),
    ),
    ("patient-missing", "P", (("patient_relationship", "19"), ("patient", Patient(name="DOE")))),
    ("claim-total", "P", (("charge", 25_001), (f"{LINE}.charge", 15_001))),
    ("negative-charge", "P", ((f"{LINE}.charge", 0), ("charge", 10_000))),
    ("units-missing", "D", ()),
    ("units-not-positive", "P", ((f"{LINE}.units", 1),)),
    ("cob-line-balance", "P", ((f"{LINE}.adjudications", (answered(10_000, 5_000),)),)),
    ("cob-line-balance", "P", ((f"{LINE}.adjudications", (answered(9_000), answered(6_000))),)),
    ("cob-line-balance", "P", ((f"{LINE}.adjudications", (answered(0, bundled_line=1),)),)),
    (
        "cob-claim-balance",
        "P",
        (
            (f"{LINE}.adjudications", (answered(14_000, 1_000),)),
            ("other_coverages", (coverage(paid=20_000, adjustments=(pr(4_000),)),)),
        ),
    ),
    ("cob-claim-balance", "P", (("other_coverages", (coverage(),)),)),
    ("dates-reversed", "P", ((f"{LINE}.service_through", date(2025, 3, 3)),)),
    ("dates-reversed", "I", (("statement_through", date(2025, 3, 3)),)),
    ("date-in-future", "P", ((f"{LINE}.service_from", date(2025, 3, 11)),)),
    ("admission-after-statement", "I", (("admitted_on", date(2025, 3, 5)),)),
    ("birth-after-service", "P", (("subscriber.birth_date", date(2025, 3, 3)),)),
    ("service-date-missing", "I", ()),
    ("principal-diagnosis", "D", ()),
    (
        "diagnosis-repeated",
        "I",
        (
            (
                "diagnoses",
                (Diagnosis(code="I10", role="principal"), Diagnosis(code="I10", role="admitting")),
            ),
        ),
    ),
    ("diagnosis-format", "P", (("diagnoses[1].code", "M1A00X0"),)),
    (
        "diagnosis-code-set",
        "P",
        (
            ("diagnoses[1].system", "icd9cm"),
            ("service_lines[0].service_from", date(2015, 9, 30)),
            (f"{LINE}.service_from", date(2015, 9, 30)),
        ),
    ),
    (
        "too-many-diagnoses",
        "P",
        (
            (
                "diagnoses",
                (
                    Diagnosis(code="I10", role="principal"),
                    *(Diagnosis(code=f"E11{n:02d}") for n in range(11)),
                ),
            ),
        ),
    ),
    ("diagnosis-pointer", "P", ((f"{LINE}.diagnosis_pointers", (2,)),)),
    ("diagnosis-pointer-count", "P", ((f"{LINE}.diagnosis_pointers", (1, 2, 1, 2)),)),
    ("surgical-procedure-format", "I", (("procedures", (SurgicalProcedure(code="0BH17EZ"),)),)),
    (
        "surgical-procedure-format",
        "I",
        (("procedures", (SurgicalProcedure(code="9604", system="icd9pcs"),)),),
    ),
    ("procedure-missing", "I", ()),
    ("procedure-format", "P", ((f"{LINE}.procedure.code", "0001T"),)),
    (
        "procedure-format",
        "I",
        ((f"{LINE}.procedure", Procedure(code="3CB03", qualifier="HP")),),
    ),
    ("modifier-format", "P", ((f"{LINE}.procedure.modifiers", ("25", "59", "LT", "XE")),)),
    (
        "too-many-lines",
        "P",
        (("service_lines", tuple(ServiceLine(number=n, charge=0) for n in range(1, 51))),),
    ),
    ("place-of-service", "P", ((f"{LINE}.place_of_service", "02"),)),
    ("type-of-bill", "I", (("facility_code", "13"),)),
    ("frequency", "P", (("frequency", "6"),)),
    ("frequency", "I", (("frequency", "3"),)),
    (
        "frequency-reference",
        "P",
        (("frequency", "7"), ("payer_claim_control_number", "ICN1")),
    ),
    ("frequency-reference", "P", (("frequency", "7"), ("revision", 2))),
    ("revenue-code", "I", ((f"{LINE}.revenue_code", "0450"),)),
    ("patient-status", "I", (("patient_status", None), ("facility_code", "13"))),
    (
        "attending-provider",
        "I",
        (
            ("attending_provider", None),
            ("service_lines[0].revenue_code", "0540"),
            (f"{LINE}.revenue_code", "0540"),
        ),
    ),
]


def _apply(claim: Claim, change: Change) -> Claim:
    for path, value in change:
        claim = changed(claim, path, value)
    return claim


def _found(claim: Claim, received_at: datetime) -> list[tuple[str, str | None]]:
    return [
        (finding.code, finding.path)
        for finding in check(Case(claim, received_at.date(), REFERENCE))
    ]


@pytest.mark.parametrize("kind", ["P", "I", "D"])
def test_a_clean_claim_has_no_findings(
    kind: str, claims: Callable[[str], Claim], received_at: datetime
) -> None:
    assert _found(claims(kind), received_at) == []


@pytest.mark.parametrize(("rule", "kind", "change", "path"), BROKEN)
def test_the_smallest_break_is_found_at_its_path(
    *,
    rule: str,
    kind: str,
    change: Change,
    path: str,
    claims: Callable[[str], Claim],
    received_at: datetime,
) -> None:
    assert (rule, path) in _found(_apply(claims(kind), change), received_at)


@pytest.mark.parametrize(("rule", "kind", "change"), KEPT)
def test_the_nearest_right_claim_passes(
    rule: str,
    kind: str,
    change: Change,
    claims: Callable[[str], Claim],
    received_at: datetime,
) -> None:
    found = _found(_apply(claims(kind), change), received_at)
    assert rule not in [code for code, _ in found]


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {rule.code for rule in RULES} == {row[0] for row in BROKEN}


def test_rule_codes_are_unique_and_their_texts_are_complete() -> None:
    codes = [rule.code for rule in RULES]
    assert len(codes) == len(set(codes))
    assert all(rule.message and rule.hint and rule.source for rule in RULES)


def test_findings_do_not_repeat_values_of_the_claim(
    professional: Claim, received_at: datetime
) -> None:
    claim = _apply(
        professional,
        (
            ("billing_provider.npi", "9999999999"),
            ("diagnoses[1].code", "SECRET"),
            ("charge", 77_777),
        ),
    )
    texts = " ".join(
        f"{each.message} {each.hint} {each.path}"
        for each in check(Case(claim, received_at.date(), REFERENCE))
    )
    assert not any(secret in texts for secret in ("9999999999", "SECRET", "777.77", "W1", "DOE"))
