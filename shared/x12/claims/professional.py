"""837P, 005010X222A1: the table of a professional claim.

Placement follows the standard's segment order; what the guide allows in one place stands together.
"""

from shared.x12.claims.levels import transaction
from shared.x12.claims.parties import (
    AMBULANCE,
    AMOUNTS,
    ATTACHMENTS,
    CONDITION_INDICATORS,
    CONTRACT,
    DATES,
    FILE_INFORMATION,
    LINE_REFERENCES,
    NOTES,
    OUTPATIENT,
    REFERENCES,
    REPRICING,
    amount,
    dated,
    drug,
    line_adjudications,
    other_coverages,
    procedure,
    provider,
    reference,
)
from shared.x12.elements import CENTS, CODE, DAY, EXEMPT, FLAG, INTEGER, QUANTITY, TEXT
from shared.x12.table import (
    Composite,
    Const,
    Element,
    HealthCode,
    HealthCodes,
    Loop,
    Segment,
    Several,
    TransactionTable,
)

CLAIM = Segment(
    "CLM",
    {
        1: Element("patient_control_number", CODE, 38, required=True),
        2: Element("charge", CENTS, 18, required=True),
        5: Composite(
            {
                1: Element("facility_code", CODE, 2, required=True),
                2: Const("B"),
                3: Element("frequency", CODE, 1, required=True),
            }
        ),
        6: Element("provider_signature", FLAG, 1),
        7: Element("accepts_assignment", CODE, 1),
        8: Element("benefits_assigned", CODE, 1),
        9: Element("release_of_information", CODE, 1),
        10: Element("signature_source", CODE, 1),
        11: Composite(
            {
                1: Several("causes", 3, CODE, 3),
                4: Element("state", CODE, 2),
                5: Element("country", CODE, 3),
            },
            into="related_causes",
        ),
        12: Element("special_program", CODE, 3),
        20: Element("delay_reason", CODE, 2),
    },
)

DIAGNOSIS_PARTS = {
    2: Element("code", CODE, 30, required=True),
    9: Element("present_on_admission", CODE, 1),
}


def diagnosis(qualifier: str, role: str, system: str) -> HealthCode:
    """One qualifier of the diagnoses."""
    return HealthCode(qualifier, "diagnoses", DIAGNOSIS_PARTS, {"role": role, "system": system})


DIAGNOSES = HealthCodes(
    (
        diagnosis("ABK", "principal", "icd10cm"),
        diagnosis("ABF", "other", "icd10cm"),
        diagnosis("BK", "principal", "icd9cm"),
        diagnosis("BF", "other", "icd9cm"),
    ),
    limit=12,
    required=True,
)
ANESTHESIA = HealthCodes(
    (
        HealthCode(
            "BP",
            "procedures",
            {2: Element("code", CODE, 30)},
            {"role": "principal", "system": "hcpcs"},
        ),
        HealthCode(
            "BO", "procedures", {2: Element("code", CODE, 30)}, {"role": "other", "system": "hcpcs"}
        ),
    ),
    limit=2,
)
CONDITIONS = HealthCodes((HealthCode("BG", "conditions"),), limit=24)

FORMS = Loop(
    "2440",
    Segment(
        "LQ",
        {
            1: Element("qualifier", CODE, 3, default="UT"),
            2: Element("form", CODE, 30, required=True),
        },
    ),
    (
        Segment(
            "FRM",
            {
                1: Element("question", CODE, 20, required=True),
                2: Element("indicator", CODE, 1),
                3: Element("text", TEXT, 50),
                4: Element("on", DAY, 8),
                5: Element("percent", QUANTITY, 6),
            },
            into="answers",
            many=True,
            limit=99,
        ),
    ),
    into="forms",
    many=True,
    ordered=True,
)

SERVICE = Segment(
    "SV1",
    {
        1: procedure(is_required=True),
        2: Element("charge", CENTS, 18, required=True),
        3: Element("unit", CODE, 2),
        4: Element("units", QUANTITY, 8, required=True),
        5: Element("place_of_service", CODE, 2),
        7: Composite({1: Several("diagnosis_pointers", 4, INTEGER, 2)}),
        9: Element("is_emergency", FLAG, 1),
        11: Element("is_epsdt", FLAG, 1),
        12: Element("is_family_planning", FLAG, 1),
        15: Element("copay_exempt", EXEMPT, 1),
    },
    required=True,
)
EQUIPMENT = Segment(
    "SV5",
    {
        1: Composite({1: Const("HC"), 2: Element("procedure_code", CODE, 48, required=True)}),
        2: Const("DA"),
        3: Element("days", QUANTITY, 15),
        4: Element("rental_price", CENTS, 18),
        5: Element("purchase_price", CENTS, 18),
        6: Element("rental_frequency", CODE, 1),
    },
    into="durable_equipment",
)
SERVICE_LINES = Loop(
    "2400",
    Segment("LX", {1: Element("number", INTEGER, 6, required=True)}),
    (
        SERVICE,
        EQUIPMENT,
        ATTACHMENTS,
        AMBULANCE,
        Segment(
            "CR3",
            {
                1: Element("kind", CODE, 1, required=True),
                2: Const("MO", beside="months"),
                3: Element("months", QUANTITY, 15),
            },
            into="equipment_certification",
        ),
        CONDITION_INDICATORS,
        dated("472", "service_from", "service_through", is_required=True),
        DATES,
        Segment(
            "QTY",
            {1: Element("qualifier", CODE, 2), 2: Element("quantity", QUANTITY, 15)},
            into="quantities",
            many=True,
        ),
        Segment(
            "MEA",
            {
                1: Element("reference", CODE, 2),
                2: Element("qualifier", CODE, 3),
                3: Element("value", QUANTITY, 20, required=True),
            },
            into="measurements",
            many=True,
            limit=5,
        ),
        CONTRACT,
        reference("6R", "line_control_number"),
        reference("G1", "prior_authorization"),
        LINE_REFERENCES,
        AMOUNTS,
        FILE_INFORMATION,
        NOTES,
        Segment(
            "PS1",
            {
                1: Element("provider_identifier", CODE, 50, required=True),
                2: Element("charge", CENTS, 18, required=True),
            },
            into="purchased_service",
        ),
        REPRICING,
        drug(),
        provider("2420A", "rendering_provider", "82", role="PE"),
        provider("2420B", "purchased_service_provider", "QB"),
        provider("2420C", "facility", "77", has_address=True),
        provider("2420D", "supervising_provider", "DQ"),
        provider("2420E", "ordering_provider", "DK", has_address=True),
        provider("2420F", "referring_providers", "DN", "P3", limit=2),
        provider("2420G", "ambulance_pickup", "PW", has_address=True),
        provider("2420H", "ambulance_dropoff", "45", has_address=True),
        line_adjudications(),
        FORMS,
    ),
    into="service_lines",
    many=True,
    ordered=True,
    limit=50,
    required=True,
)

CLAIM_LOOP = Loop(
    "2300",
    CLAIM,
    (
        dated("431", "onset_on"),
        dated("439", "accident_on"),
        dated("435", "admitted_on", None, "admission_time", forms=("D8",)),
        dated("096", "discharged_on", None, "discharge_time", forms=("D8",)),
        DATES,
        ATTACHMENTS,
        CONTRACT,
        amount("F5", "patient_paid"),
        AMOUNTS,
        reference("F8", "payer_claim_control_number"),
        reference("X4", "clia_number"),
        reference("9F", "referral_number"),
        reference("G1", "prior_authorization"),
        reference("D9", "clearinghouse_claim_number"),
        reference("EA", "medical_record_number"),
        REFERENCES,
        FILE_INFORMATION,
        NOTES,
        AMBULANCE,
        Segment(
            "CR2",
            {
                8: Element("condition", CODE, 1, required=True),
                10: Element("description", TEXT, 80),
                11: Element("more_description", TEXT, 80),
            },
            into="spinal_manipulation",
        ),
        CONDITION_INDICATORS,
        DIAGNOSES,
        ANESTHESIA,
        CONDITIONS,
        REPRICING,
        provider("2310A", "referring_providers", "DN", "P3", limit=2),
        provider("2310B", "rendering_provider", "82", role="PE"),
        provider("2310C", "facility", "77", has_address=True),
        provider("2310D", "supervising_provider", "DQ"),
        provider("2310E", "ambulance_pickup", "PW", has_address=True),
        provider("2310F", "ambulance_dropoff", "45", has_address=True),
        other_coverages(
            (OUTPATIENT,),
            (
                provider("2330C", "referring_providers", "DN", "P3", limit=2),
                provider("2330D", "rendering_provider", "82"),
                provider("2330E", "facility", "77"),
                provider("2330F", "supervising_provider", "DQ"),
                provider("2330G", "billing_provider", "85"),
            ),
        ),
        SERVICE_LINES,
    ),
    emit=True,
    ordered=True,
)

PROFESSIONAL = TransactionTable(
    "837",
    "005010X222A1",
    ("005010X222", "005010X222A1", "005010X222A2", "005010X222A3"),
    transaction(CLAIM_LOOP),
)
