"""Claims resolved for analysis: a row per claim and line, as it stands after every adjustment and
reversal, in the column names of Tuva's input layer (medical_claim).

It is apart because it is for people who know neither 835s nor ledgers. Only what stands counts: a
decision that was taken back is in no row. What a payer decided on a claim as a whole stands on its
first line, so that the lines sum to the claim. Amounts are integer cents here, decimal strings in
the file. Column names: thetuvaproject.com/input-layer.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

from services.remittance.domain.matching import match_lines
from services.remittance.domain.state import LedgerLine
from shared.contract.claim import Claim, ServiceLine
from shared.contract.remittance import RemittanceClaim
from shared.money import format_cents

_CODES = 25
_AMOUNTS = (
    *("paid_amount", "allowed_amount", "charge_amount", "coinsurance_amount"),
    *("copayment_amount", "deductible_amount", "total_cost_amount"),
)
COLUMNS = (
    *("claim_id", "claim_line_number", "claim_type", "person_id", "member_id", "payer", "plan"),
    *("claim_start_date", "claim_end_date", "claim_line_start_date", "claim_line_end_date"),
    *("admission_date", "discharge_date", "admit_source_code", "admit_type_code"),
    *("discharge_disposition_code", "place_of_service_code", "bill_type_code"),
    *("drg_code_type", "drg_code", "revenue_center_code", "service_unit_quantity", "hcpcs_code"),
    *(f"hcpcs_modifier_{number}" for number in range(1, 6)),
    *("rendering_npi", "rendering_tin", "billing_npi", "billing_tin", "facility_npi", "paid_date"),
    *_AMOUNTS,
    "diagnosis_code_type",
    *(f"diagnosis_code_{number}" for number in range(1, _CODES + 1)),
    *(f"diagnosis_poa_{number}" for number in range(1, _CODES + 1)),
    "procedure_code_type",
    *(f"procedure_code_{number}" for number in range(1, _CODES + 1)),
    *(f"procedure_date_{number}" for number in range(1, _CODES + 1)),
    *("in_network_flag", "data_source", "file_name", "file_date", "ingest_datetime"),
)
"""medical_claim's columns, in its order; those we cannot know stay empty."""

Row = dict[str, str | None]
_BUCKETS = {"1": "deductible_amount", "2": "coinsurance_amount", "3": "copayment_amount"}


class Standing(NamedTuple):
    """One decision that stands, and the day on which it was posted."""

    remitted: RemittanceClaim
    posted_on: date


def rows_of(
    claim: Claim, lines: Sequence[LedgerLine], standing: Sequence[Standing], now: datetime
) -> Iterator[Row]:
    """The rows of a claim, in the order of its lines."""
    money = _money(claim, lines, standing)
    whole = _whole(claim, standing, now)
    for line in claim.service_lines:
        row: Row = {**dict.fromkeys(COLUMNS), **whole, **_line(claim, line)}
        row |= {name: format_cents(cents) for name, cents in money[line.number].items()}
        yield row


def _money(
    claim: Claim, lines: Sequence[LedgerLine], standing: Sequence[Standing]
) -> dict[int, dict[str, int]]:
    """Cents by line's number and column."""
    first = claim.service_lines[0].number if claim.service_lines else 1
    money = {line.number: dict.fromkeys(_AMOUNTS, 0) for line in claim.service_lines}
    for decision in standing:
        remitted = decision.remitted
        is_first_payer = remitted.status in ("1", "4", "19")
        shares = {number: dict.fromkeys(_AMOUNTS, 0) for number in money}
        matches = match_lines(lines, remitted.lines)
        unallotted = remitted.paid
        for part in remitted.adjustments:
            _share(shares[first], part.group, part.reason, part.amount)
        for line, match in zip(remitted.lines, matches, strict=True):
            of_line = shares[match.number if match and match.number in shares else first]
            of_line["paid_amount"] += line.paid
            unallotted -= line.paid
            for part in line.adjustments:
                _share(of_line, part.group, part.reason, part.amount)
            of_line["allowed_amount"] += line.allowed or 0
        shares[first]["paid_amount"] += unallotted
        for number, share in shares.items():
            _take_in(money[number], share, is_first_payer=is_first_payer)
    for ours in claim.service_lines:
        of_line = money[ours.number]
        of_line["charge_amount"] = ours.charge
        of_line["total_cost_amount"] = of_line["paid_amount"] + sum(
            of_line[name] for name in _BUCKETS.values()
        )
    return money


def _share(of_line: dict[str, int], group: str, reason: str, cents: int) -> None:
    if group == "PR" and reason in _BUCKETS:
        of_line[_BUCKETS[reason]] += cents


def _take_in(money: dict[str, int], share: dict[str, int], *, is_first_payer: bool) -> None:
    """Adds what one payer decided: payments add up, and the patient's share is what the last payer
    left of it."""
    money["paid_amount"] += share["paid_amount"]
    for name in _BUCKETS.values():
        money[name] = share[name]
    if is_first_payer:
        left = sum(share[name] for name in _BUCKETS.values())
        money["allowed_amount"] = share["allowed_amount"] or share["paid_amount"] + left


def _whole(claim: Claim, standing: Sequence[Standing], now: datetime) -> Row:
    days = [line.service_from for line in claim.service_lines if line.service_from]
    ends = [line.service_through or line.service_from for line in claim.service_lines]
    start = claim.statement_from or min(days, default=None)
    end = claim.statement_through or max((day for day in ends if day), default=None)
    facility = claim.facility.npi if claim.facility else None
    row: Row = {
        "claim_id": str(claim.id),
        "claim_type": claim.kind,
        "person_id": claim.subscriber.identifier,
        "member_id": claim.subscriber.identifier,
        "payer": claim.payer.name or claim.payer.identifier,
        "plan": claim.payer.identifier,
        "claim_start_date": _day(start),
        "claim_end_date": _day(end),
        "admission_date": _day(claim.admitted_on),
        "discharge_date": _day(claim.discharged_on),
        "admit_source_code": claim.admission_source,
        "admit_type_code": claim.admission_type,
        "discharge_disposition_code": claim.patient_status,
        "drg_code_type": "ms-drg" if claim.diagnosis_related_group else None,
        "drg_code": claim.diagnosis_related_group,
        "billing_npi": claim.billing_provider.npi,
        "billing_tin": claim.billing_provider.tax_id,
        "facility_npi": facility,
        "paid_date": _day(max((one.posted_on for one in standing), default=None)),
        "diagnosis_code_type": "icd-10-cm" if claim.diagnoses else None,
        "procedure_code_type": "icd-10-pcs" if claim.procedures else None,
        "data_source": "claimwire",
        "ingest_datetime": now.isoformat(),
    }
    if claim.kind == "institutional" and claim.facility_code:
        row["bill_type_code"] = f"{claim.facility_code}{claim.frequency}"
    for number, diagnosis in enumerate(claim.diagnoses[:_CODES], 1):
        row[f"diagnosis_code_{number}"] = diagnosis.code.replace(".", "")
        row[f"diagnosis_poa_{number}"] = diagnosis.present_on_admission
    for number, procedure in enumerate(claim.procedures[:_CODES], 1):
        row[f"procedure_code_{number}"] = procedure.code
        row[f"procedure_date_{number}"] = _day(procedure.on)
    return row


def _line(claim: Claim, line: ServiceLine) -> Row:
    rendering = line.rendering_provider or claim.rendering_provider
    row: Row = {
        "claim_line_number": str(line.number),
        "claim_line_start_date": _day(line.service_from or claim.statement_from),
        "claim_line_end_date": _day(line.service_through or line.service_from),
        "revenue_center_code": line.revenue_code,
        "service_unit_quantity": None if line.units is None else format(line.units, "f"),
        "hcpcs_code": line.procedure.code if line.procedure else None,
        "rendering_npi": rendering.npi if rendering else None,
        "rendering_tin": rendering.tax_id if rendering else None,
    }
    if claim.kind != "institutional":
        row["place_of_service_code"] = line.place_of_service or claim.facility_code
    for number, modifier in enumerate(line.procedure.modifiers if line.procedure else (), 1):
        row[f"hcpcs_modifier_{number}"] = modifier
    return row


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
