"""PV1, ACC, DRG, PR1 and UB2: what a message says of the visit itself."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from services.intake.domain.encounter import Visit
from services.intake.domain.hl7 import values
from services.intake.domain.hl7.fields import Fields
from services.intake.domain.hl7.parsing import Segment
from services.intake.domain.hl7.paths import Scope
from services.intake.domain.profile_tables import ADMISSION_TYPES
from shared.contract.claim import OccurrenceCode, OccurrenceSpan, ValueCode


def visit_of(fields: Fields, scope: Scope) -> Visit:
    """What the message says of the visit."""

    def moment(name: str) -> tuple[date | None, str | None, datetime | None]:
        on = fields.day(scope, name)
        text, _ = fields.found(scope, name)
        return on, values.clock_time(text), values.moment(text)

    admitted_on, admission_time, _ = moment("visit.admitted_at")
    discharged_on, discharge_time, discharged_at = moment("visit.discharged_at")
    admission_type = fields.text(scope, "visit.admission_type")
    cause = fields.text(scope, "visit.accident_cause")
    return Visit(
        patient_class=fields.text(scope, "visit.class") or None,
        facility_code=fields.text(scope, "visit.facility_code") or None,
        admission_type=ADMISSION_TYPES.get(admission_type),
        admission_source=_short(fields.text(scope, "visit.admission_source"), 1),
        patient_status=_short(fields.text(scope, "visit.patient_status"), 2),
        admitted_on=admitted_on,
        admission_time=admission_time,
        discharged_on=discharged_on,
        discharge_time=discharge_time,
        discharged_at=discharged_at,
        attending_provider=fields.provider(scope, "visit.attending_provider"),
        referring_provider=fields.provider(scope, "visit.referring_provider"),
        rendering_provider=fields.provider(scope, "visit.rendering_provider"),
        operating_provider=fields.provider(scope, "visit.operating_provider"),
        billing_facility=fields.text(scope, "visit.billing_facility") or None,
        diagnosis_related_group=_short(fields.text(scope, "visit.diagnosis_related_group"), 4),
        accident_on=fields.day(scope, "visit.accident_on"),
        accident_cause=cause if cause in ("AA", "EM", "OA") else None,
        accident_state=_short(fields.text(scope, "visit.accident_state"), 2),
        **_uniform_bill(fields, fields.message.first("UB2")),
    )


def _short(code: str, length: int) -> str | None:
    """A code of a claim's own form; a site's own words in its place say nothing to a payer."""
    return code if code and len(code) <= length and code.isalnum() else None


def _uniform_bill(fields: Fields, segment: Segment | None) -> Mapping[str, Any]:
    """UB2: condition, value, occurrence and span codes of an institutional claim."""
    if segment is None:
        return {}

    def each(number: int, make: Callable[[str], Any]) -> tuple[Any, ...]:
        return tuple(
            made for part in segment.repetitions(number) if (made := make(part)) is not None
        )

    def value_code(part: str) -> ValueCode | None:
        code, amount = segment.part(part, 1), values.cents(segment.part(part, 2))
        if code and amount is None:
            fields.wrong(segment, "6", "amount-format", "an amount is a number with two decimals")
        return ValueCode(code=code[:80], amount=amount) if code and amount is not None else None

    def occurrence(part: str) -> OccurrenceCode | None:
        code = segment.part(part, 1)
        return (
            OccurrenceCode(code=code[:80], on=values.day(segment.part(part, 2))) if code else None
        )

    def span(part: str) -> OccurrenceSpan | None:
        code, start, end = (segment.part(part, number) for number in (1, 2, 3))
        if not code:
            return None
        return OccurrenceSpan(code=code[:80], start=values.day(start), through=values.day(end))

    return {
        "conditions": each(3, lambda part: segment.part(part, 1)[:80] or None),
        "values": each(6, value_code),
        "occurrences": each(7, occurrence),
        "occurrence_spans": each(8, span),
    }
