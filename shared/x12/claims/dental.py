"""837D, 005010X224A2: the table of a dental claim."""

from shared.x12.claims.levels import transaction
from shared.x12.claims.parties import (
    AMOUNTS,
    ATTACHMENTS,
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
    line_adjudications,
    other_coverages,
    procedure,
    provider,
    reference,
)
from shared.x12.claims.professional import CLAIM, diagnosis
from shared.x12.elements import CENTS, CODE, INTEGER, QUANTITY
from shared.x12.table import (
    Composite,
    Const,
    Element,
    HealthCodes,
    Loop,
    Segment,
    Several,
    TransactionTable,
)

SERVICE_LINES = Loop(
    "2400",
    Segment("LX", {1: Element("number", INTEGER, 6, required=True)}),
    (
        Segment(
            "SV3",
            {
                1: procedure(is_required=True),
                2: Element("charge", CENTS, 18, required=True),
                3: Element("place_of_service", CODE, 2),
                4: Composite({1: Several("oral_cavity", 5, CODE, 3)}),
                5: Element("prosthesis", CODE, 1),
                6: Element("units", QUANTITY, 15),
                11: Composite({1: Several("diagnosis_pointers", 4, INTEGER, 2)}),
            },
            required=True,
        ),
        Segment(
            "TOO",
            {
                1: Const("JP"),
                2: Element("number", CODE, 30),
                3: Composite({1: Several("surfaces", 5, CODE, 2)}),
            },
            into="teeth",
            many=True,
            limit=32,
        ),
        dated("472", "service_from", "service_through"),
        DATES,
        CONTRACT,
        reference("6R", "line_control_number"),
        reference("G1", "prior_authorization"),
        LINE_REFERENCES,
        AMOUNTS,
        FILE_INFORMATION,
        REPRICING,
        provider("2420A", "rendering_provider", "82", role="PE"),
        provider("2420B", "assistant_surgeon", "DD", role="AS"),
        provider("2420C", "supervising_provider", "DQ"),
        provider("2420D", "facility", "77", has_address=True),
        line_adjudications(),
    ),
    into="service_lines",
    many=True,
    ordered=True,
    limit=50,
    required=True,
)

CLAIM_LOOP = Loop(
    "2300",
    Segment("CLM", {**CLAIM.parts, 19: Element("predetermination", CODE, 2)}),
    (
        dated("439", "accident_on"),
        dated("472", "statement_from", "statement_through"),
        DATES,
        Segment(
            "DN1",
            {
                1: Element("total_months", QUANTITY, 15),
                2: Element("remaining_months", QUANTITY, 15),
                4: Element("indicator", CODE, 1),
            },
            into="orthodontics",
        ),
        Segment(
            "DN2",
            {
                1: Element("number", CODE, 50, required=True),
                2: Element("status", CODE, 2, required=True),
                6: Const("JP"),
            },
            into="tooth_status",
            many=True,
            limit=35,
        ),
        ATTACHMENTS,
        CONTRACT,
        amount("F5", "patient_paid"),
        AMOUNTS,
        reference("F8", "payer_claim_control_number"),
        reference("9F", "referral_number"),
        reference("G1", "prior_authorization"),
        reference("D9", "clearinghouse_claim_number"),
        REFERENCES,
        FILE_INFORMATION,
        NOTES,
        HealthCodes(
            (
                diagnosis("ABK", "principal", "icd10cm"),
                diagnosis("ABF", "other", "icd10cm"),
                diagnosis("BK", "principal", "icd9cm"),
                diagnosis("BF", "other", "icd9cm"),
            ),
            limit=4,
        ),
        REPRICING,
        provider("2310A", "referring_providers", "DN", "P3", role="RF", limit=2),
        provider("2310B", "rendering_provider", "82", role="PE"),
        provider("2310C", "facility", "77", has_address=True),
        provider("2310D", "assistant_surgeon", "DD", role="AS"),
        provider("2310E", "supervising_provider", "DQ"),
        other_coverages(
            (OUTPATIENT,),
            (
                provider("2330C", "referring_providers", "DN", "P3", limit=2),
                provider("2330D", "rendering_provider", "82"),
                provider("2330E", "supervising_provider", "DQ"),
                provider("2330F", "billing_provider", "85"),
                provider("2330G", "facility", "77"),
                provider("2330H", "assistant_surgeon", "DD"),
            ),
        ),
        SERVICE_LINES,
    ),
    emit=True,
    ordered=True,
)

DENTAL = TransactionTable(
    "837",
    "005010X224A2",
    ("005010X224", "005010X224A1", "005010X224A2", "005010X224A3"),
    transaction(CLAIM_LOOP),
)
