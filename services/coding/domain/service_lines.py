"""Checks of service lines and of what kind of bill the claim is."""

from collections.abc import Mapping

from services.coding.domain.rule import Case, Rule
from services.coding.domain.shapes import (
    is_modifier,
    is_place_of_service,
    is_procedure,
    is_revenue_code,
    is_type_of_bill,
)
from shared.contract.claim import ClaimKind

MAX_LINES: Mapping[ClaimKind, int] = {"professional": 50, "institutional": 999, "dental": 50}
MAX_MODIFIERS = 4

_FREQUENCIES = frozenset("1678")
_INSTITUTIONAL_FREQUENCIES = frozenset("0123456789ABCDEFGHIJKMOPQXYZ")
_REFERS_TO_EARLIER = frozenset("78")

_INPATIENT = frozenset(("11", "12", "18", "21", "22", "28", "41", "65", "66", "86"))
"""First two digits of types of bill for a stay: hospital, skilled nursing, swing bed, religious
nonmedical, intermediate care, residential."""
_AMBULANCE = "054"
"""Revenue codes 0540-0549."""


def _procedure_missing(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].procedure"
        for at, line in enumerate(case.claim.service_lines)
        if line.procedure is None
    ]


def _procedure_format(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].procedure.code"
        for at, line in enumerate(case.claim.service_lines)
        if line.procedure is not None
        and not is_procedure(line.procedure.qualifier, line.procedure.code)
    ]


def _modifiers(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].procedure.modifiers[{nth}]"
        for at, line in enumerate(case.claim.service_lines)
        if line.procedure is not None and line.procedure.modifiers
        for nth, modifier in enumerate(line.procedure.modifiers)
        if nth >= MAX_MODIFIERS or not is_modifier(modifier)
    ]


def _line_count(case: Case) -> tuple[str, ...]:
    claim = case.claim
    return ("service_lines",) if len(claim.service_lines) > MAX_LINES[claim.kind] else ()


def _place_of_service(case: Case) -> list[str]:
    claim = case.claim
    is_given = claim.facility_code is not None and is_place_of_service(claim.facility_code)
    paths = [] if is_given else ["facility_code"]
    return paths + [
        f"service_lines[{at}].place_of_service"
        for at, line in enumerate(claim.service_lines)
        if line.place_of_service is not None and not is_place_of_service(line.place_of_service)
    ]


def _type_of_bill(case: Case) -> tuple[str, ...]:
    code = case.claim.facility_code
    return () if code is not None and is_type_of_bill(code) else ("facility_code",)


def _frequency(case: Case) -> tuple[str, ...]:
    claim = case.claim
    is_institutional = claim.kind == "institutional"
    allowed = _INSTITUTIONAL_FREQUENCIES if is_institutional else _FREQUENCIES
    return () if claim.frequency in allowed else ("frequency",)


def _frequency_reference(case: Case) -> tuple[str, ...]:
    """Of a later revision submission knows what the payer calls the claim, and writes it; where no
    payer ever gave a number it refuses. A hospital that adds late charges cannot know it."""
    claim = case.claim
    is_known = bool(claim.payer_claim_control_number) or claim.revision > 1
    if claim.frequency not in _REFERS_TO_EARLIER or is_known:
        return ()
    return ("payer_claim_control_number",)


def _revenue_code(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].revenue_code"
        for at, line in enumerate(case.claim.service_lines)
        if line.revenue_code is None or not is_revenue_code(line.revenue_code)
    ]


def _patient_status(case: Case) -> tuple[str, ...]:
    claim = case.claim
    is_missing = claim.facility_code in _INPATIENT and not claim.patient_status
    return ("patient_status",) if is_missing else ()


def _attending(case: Case) -> tuple[str, ...]:
    claim = case.claim
    if claim.attending_provider is not None or _is_ambulance_only(case):
        return ()
    return ("attending_provider",)


def _is_ambulance_only(case: Case) -> bool:
    return all(
        (line.revenue_code or "").startswith(_AMBULANCE) for line in case.claim.service_lines
    )


RULES = (
    Rule(
        "procedure-missing",
        "the line does not say what was done",
        "Send the procedure code.",
        "837 SV101, SV301",
        _procedure_missing,
        kinds=("professional", "dental"),
    ),
    Rule(
        "procedure-format",
        "the procedure code has not the form of its kind",
        "CPT: four digits and a digit or letter. HCPCS: a letter and four digits. Dental: D and "
        "four digits.",
        "837 SV101, SV202, SV301; 45 CFR 162.1002",
        _procedure_format,
    ),
    Rule(
        "modifier-format",
        "a modifier has two characters, and a line has at most four",
        "Correct the modifier, or move a fifth into the notes.",
        "837 SV101-3 to SV101-6",
        _modifiers,
    ),
    Rule(
        "too-many-lines",
        "there are more lines than a claim of this kind can carry",
        "Split the claim: 50 lines on professional and dental claims, 999 on institutional ones.",
        "837 loop 2400",
        _line_count,
    ),
    Rule(
        "place-of-service",
        "the place of service is missing or has not two digits",
        "Send the code of the place where the patient was.",
        "CMS place of service code set; 837 CLM05-1, SV105",
        _place_of_service,
        kinds=("professional", "dental"),
    ),
    Rule(
        "type-of-bill",
        "the type of bill is missing or has not its form",
        "Send the two digits of facility and care; the frequency is the third.",
        "NUBC form locator 4; 837I CLM05-1",
        _type_of_bill,
        kinds=("institutional",),
    ),
    Rule(
        "frequency",
        "the frequency is none that a claim of this kind can have",
        "Send 1 for an original, 7 to replace a claim, 8 to void one.",
        "NUBC form locator 4; 837 CLM05-3",
        _frequency,
    ),
    Rule(
        "frequency-reference",
        "a replacement or void does not say which claim of the payer it is about",
        "Send the payer's claim number from the remittance or the 277CA. A claim that was never "
        "adjudicated is sent again with frequency 1.",
        "837 loop 2300 REF*F8",
        _frequency_reference,
    ),
    Rule(
        "revenue-code",
        "the line's revenue code is missing or has not four digits",
        "Send the revenue code, with its leading zero.",
        "NUBC form locator 42; 837I SV201",
        _revenue_code,
        kinds=("institutional",),
    ),
    Rule(
        "patient-status",
        "a claim for a stay does not say how the patient left, or that they are still there",
        "Send the patient status code.",
        "NUBC form locator 17; 837I CL103",
        _patient_status,
        kinds=("institutional",),
    ),
    Rule(
        "attending-provider",
        "the attending provider is missing",
        "Send the practitioner who is responsible for the patient's care.",
        "NUBC form locator 76; 837I loop 2310A",
        _attending,
        kinds=("institutional",),
    ),
)
