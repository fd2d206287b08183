"""837I, 005010X223A2: the table of an institutional claim."""

from shared.x12.claims.levels import transaction
from shared.x12.claims.parties import (
    AMOUNTS,
    ATTACHMENTS,
    CONDITION_INDICATORS,
    CONTRACT,
    DATES,
    FILE_INFORMATION,
    INPATIENT,
    LINE_REFERENCES,
    NOTES,
    OUTPATIENT,
    REFERENCES,
    REPRICING,
    dated,
    drug,
    line_adjudications,
    other_coverages,
    procedure,
    provider,
    reference,
)
from shared.x12.claims.professional import diagnosis
from shared.x12.elements import CENTS, CODE, INTEGER, QUANTITY
from shared.x12.table import (
    Composite,
    Const,
    Element,
    HealthCode,
    HealthCodes,
    Loop,
    Part,
    Period,
    Segment,
    TransactionTable,
    Unused,
)

CLAIM = Segment(
    "CLM",
    {
        1: Element("patient_control_number", CODE, 38, required=True),
        2: Element("charge", CENTS, 18, required=True),
        5: Composite(
            {
                1: Element("facility_code", CODE, 2, required=True),
                2: Const("A"),
                3: Element("frequency", CODE, 1, required=True),
            }
        ),
        6: Unused(),
        7: Element("accepts_assignment", CODE, 1),
        8: Element("benefits_assigned", CODE, 1),
        9: Element("release_of_information", CODE, 1),
        10: Unused(),
        20: Element("delay_reason", CODE, 2),
    },
)
_PROCEDURE_PARTS: dict[int, Part] = {2: Element("code", CODE, 30), 3: Period("on")}


def _procedure(qualifier: str, role: str, system: str) -> HealthCode:
    return HealthCode(qualifier, "procedures", _PROCEDURE_PARTS, {"role": role, "system": system})


_OCCURRENCE: dict[int, Part] = {2: Element("code", CODE, 30), 3: Period("on")}
_SPAN: dict[int, Part] = {2: Element("code", CODE, 30), 3: Period("start", "through")}
_VALUE: dict[int, Part] = {2: Element("code", CODE, 30), 5: Element("amount", CENTS, 18)}

HEALTH_CODES = (
    HealthCodes(
        (
            diagnosis("ABK", "principal", "icd10cm"),
            diagnosis("BK", "principal", "icd9cm"),
        ),
        limit=1,
        required=True,
    ),
    HealthCodes(
        (diagnosis("ABJ", "admitting", "icd10cm"), diagnosis("BJ", "admitting", "icd9cm")),
        limit=1,
    ),
    HealthCodes(
        (
            diagnosis("APR", "reason_for_visit", "icd10cm"),
            diagnosis("PR", "reason_for_visit", "icd9cm"),
        ),
        limit=3,
    ),
    HealthCodes(
        (
            diagnosis("ABN", "external_cause", "icd10cm"),
            diagnosis("BN", "external_cause", "icd9cm"),
        ),
        limit=12,
    ),
    HealthCodes((HealthCode("DR", "diagnosis_related_group", many=False),), limit=1),
    HealthCodes(
        (diagnosis("ABF", "other", "icd10cm"), diagnosis("BF", "other", "icd9cm")), limit=24
    ),
    HealthCodes(
        (
            _procedure("BBR", "principal", "icd10pcs"),
            _procedure("BR", "principal", "icd9pcs"),
            _procedure("BP", "principal", "hcpcs"),
        ),
        limit=1,
    ),
    HealthCodes(
        (
            _procedure("BBQ", "other", "icd10pcs"),
            _procedure("BQ", "other", "icd9pcs"),
            _procedure("BO", "other", "hcpcs"),
        ),
        limit=24,
    ),
    HealthCodes((HealthCode("BI", "occurrence_spans", _SPAN),), limit=24),
    HealthCodes((HealthCode("BH", "occurrences", _OCCURRENCE),), limit=24),
    HealthCodes((HealthCode("BE", "values", _VALUE),), limit=24),
    HealthCodes((HealthCode("BG", "conditions"),), limit=24),
    HealthCodes((HealthCode("TC", "treatment_codes"),), limit=24),
)

SERVICE_LINES = Loop(
    "2400",
    Segment("LX", {1: Element("number", INTEGER, 6, required=True)}),
    (
        Segment(
            "SV2",
            {
                1: Element("revenue_code", CODE, 48, required=True),
                2: procedure(),
                3: Element("charge", CENTS, 18, required=True),
                4: Element("unit", CODE, 2),
                5: Element("units", QUANTITY, 15, required=True),
                7: Element("non_covered_charge", CENTS, 18),
            },
            required=True,
        ),
        ATTACHMENTS,
        dated("472", "service_from", "service_through"),
        DATES,
        reference("6R", "line_control_number"),
        LINE_REFERENCES,
        AMOUNTS,
        NOTES,
        REPRICING,
        drug(),
        provider("2420A", "operating_provider", "72"),
        provider("2420B", "other_operating_provider", "ZZ"),
        provider("2420C", "rendering_provider", "82"),
        provider("2420D", "referring_providers", "DN", "P3", limit=2),
        line_adjudications(),
    ),
    into="service_lines",
    many=True,
    ordered=True,
    limit=999,
    required=True,
)

CLAIM_LOOP = Loop(
    "2300",
    CLAIM,
    (
        dated("096", None, None, "discharge_time", forms=("TM",)),
        dated("434", "statement_from", "statement_through", forms=("RD8",)),
        dated("435", "admitted_on", None, "admission_time", forms=("D8", "DT")),
        DATES,
        Segment(
            "CL1",
            {
                1: Element("admission_type", CODE, 1),
                2: Element("admission_source", CODE, 1),
                3: Element("patient_status", CODE, 2),
            },
        ),
        ATTACHMENTS,
        CONTRACT,
        AMOUNTS,
        reference("9F", "referral_number"),
        reference("G1", "prior_authorization"),
        reference("F8", "payer_claim_control_number"),
        reference("D9", "clearinghouse_claim_number"),
        reference("EA", "medical_record_number"),
        REFERENCES,
        FILE_INFORMATION,
        NOTES,
        CONDITION_INDICATORS,
        *HEALTH_CODES,
        REPRICING,
        provider("2310A", "attending_provider", "71", role="AT"),
        provider("2310B", "operating_provider", "72"),
        provider("2310C", "other_operating_provider", "ZZ"),
        provider("2310D", "rendering_provider", "82"),
        provider("2310E", "facility", "77", has_address=True),
        provider("2310F", "referring_providers", "DN", "P3", limit=2),
        other_coverages(
            (INPATIENT, OUTPATIENT),
            (
                provider("2330C", "attending_provider", "71"),
                provider("2330D", "operating_provider", "72"),
                provider("2330E", "other_operating_provider", "ZZ"),
                provider("2330F", "facility", "77"),
                provider("2330G", "rendering_provider", "82"),
                provider("2330H", "referring_providers", "DN", "P3", limit=2),
                provider("2330I", "billing_provider", "85"),
            ),
        ),
        SERVICE_LINES,
    ),
    emit=True,
    ordered=True,
)

INSTITUTIONAL = TransactionTable(
    "837",
    "005010X223A2",
    ("005010X223", "005010X223A1", "005010X223A2", "005010X223A3"),
    transaction(CLAIM_LOOP),
)
