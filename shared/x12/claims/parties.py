"""The loops that name parties, and the small segments that the three 837 tables share.

It is apart because professional, institutional and dental claims name the same parties in the same
segments; only which of them may stand where differs.
"""

from collections.abc import Sequence

from shared.x12.elements import (
    ADJUSTMENT_GROUP,
    CENTS,
    CODE,
    DAY,
    FLAG,
    INTEGER,
    PERSON,
    QUANTITY,
    TEXT,
)
from shared.x12.table import (
    Composite,
    Const,
    Element,
    Identifier,
    Loop,
    Part,
    Period,
    Repeat,
    Segment,
    Several,
    Spread,
)

STREET = Segment(
    "N3", {1: Element("line1", TEXT, 55), 2: Element("line2", TEXT, 55)}, into="address"
)
CITY = Segment(
    "N4",
    {
        1: Element("city", TEXT, 30),
        2: Element("state", CODE, 2),
        3: Element("postal_code", CODE, 15),
        4: Element("country", CODE, 3),
        7: Element("subdivision", CODE, 3),
    },
    into="address",
)
ADDRESS = (STREET, CITY)
REFERENCE_PARTS: dict[int, Part] = {
    1: Element("qualifier", CODE, 3),
    2: Element("value", TEXT, 50),
    3: Element("description", TEXT, 80),
}
REFERENCES = Segment("REF", REFERENCE_PARTS, into="references", many=True)
LINE_REFERENCES = Segment(
    "REF",
    {**REFERENCE_PARTS, 4: Composite({1: Const("2U"), 2: Element("payer_identifier", CODE, 50)})},
    into="references",
    many=True,
)
CONTACTS = Segment(
    "PER",
    {
        1: Element("function", CODE, 2),
        2: Element("name", TEXT, 60),
        3: Repeat("numbers", {0: Element("kind", CODE, 2), 1: Element("value", TEXT, 256)}, 3),
    },
    into="contacts",
    many=True,
    limit=2,
)
DEMOGRAPHICS = Segment(
    "DMG",
    {
        1: Const("D8", beside="birth_date"),
        2: Element("birth_date", DAY, 8),
        3: Element("gender", CODE, 1),
    },
)
NAMED_IDENTIFIER = Identifier({"XX": "npi"}, "identifier_qualifier", "identifier")


def name(entity: str, *others: str) -> Segment:
    """NM1. With others, the first is the one that goes without saying."""
    who: Part = Const(entity)
    if others:
        who = Element("entity_code", CODE, 3, default=entity, keys=(entity, *others))
    return Segment(
        "NM1",
        {
            1: who,
            2: Element("is_person", PERSON, 1, required=True),
            3: Element("name", TEXT, 60),
            4: Element("first_name", TEXT, 35),
            5: Element("middle_name", TEXT, 25),
            7: Element("suffix", TEXT, 10),
            8: NAMED_IDENTIFIER,
        },
    )


def taxonomy(role: str) -> Segment:
    """PRV of a provider loop, whose usual PRV01 is `role`."""
    return Segment(
        "PRV",
        {
            1: Element("taxonomy_role", CODE, 3, default=role),
            2: Const("PXC"),
            3: Element("taxonomy", CODE, 50),
        },
    )


def provider(
    loop_id: str,
    into: str,
    *entities: str,
    role: str | None = None,
    has_address: bool = False,
    limit: int = 1,
) -> Loop:
    """A provider loop of the 2310, 2330 and 2420 families."""
    rows: list[Segment] = []
    if role is not None:
        rows.append(taxonomy(role))
    if has_address:
        rows.extend(ADDRESS)
    rows.append(LINE_REFERENCES if loop_id.startswith("2420") else REFERENCES)
    if has_address:
        rows.append(CONTACTS)
    return Loop(loop_id, name(*entities), tuple(rows), into=into, many=limit > 1, limit=limit)


def dated(
    qualifier: str,
    on: str | None,
    through: str | None = None,
    time: str | None = None,
    *,
    forms: tuple[str, ...] = ("D8", "RD8", "DT", "TM"),
    is_required: bool = False,
) -> Segment:
    """DTP with a field of its own, written in one of `forms`."""
    return Segment("DTP", {1: Const(qualifier), 2: Period(on, through, time, is_required, forms)})


def reference(qualifier: str, field: str, length: int = 50) -> Segment:
    """REF with a field of its own."""
    return Segment("REF", {1: Const(qualifier), 2: Element(field, CODE, length)})


def amount(qualifier: str, field: str) -> Segment:
    """AMT with a field of its own."""
    return Segment("AMT", {1: Const(qualifier), 2: Element(field, CENTS, 18)})


DATES = Segment(
    "DTP",
    {1: Element("qualifier", CODE, 3), 2: Period("on", "through", "time", required=True)},
    into="dates",
    many=True,
)
AMOUNTS = Segment(
    "AMT",
    {1: Element("qualifier", CODE, 3), 2: Element("amount", CENTS, 18, required=True)},
    into="amounts",
    many=True,
)
NOTES = Segment(
    "NTE",
    {1: Element("kind", CODE, 3), 2: Element("text", TEXT, 80, required=True)},
    into="notes",
    many=True,
)
FILE_INFORMATION = Segment(
    "K3", {1: Element("text", TEXT, 80)}, into="file_information", many=True, limit=10
)
ATTACHMENTS = Segment(
    "PWK",
    {
        1: Element("report_type", CODE, 2, required=True),
        2: Element("transmission", CODE, 2),
        5: Const("AC", beside="control_number"),
        6: Element("control_number", TEXT, 50),
    },
    into="attachments",
    many=True,
    limit=10,
)
CONTRACT = Segment(
    "CN1",
    {
        1: Element("kind", CODE, 2, required=True),
        2: Element("amount", CENTS, 18),
        3: Element("percent", QUANTITY, 6),
        4: Element("code", TEXT, 50),
        5: Element("discount_percent", QUANTITY, 6),
        6: Element("version", TEXT, 30),
    },
    into="contract",
)
REPRICING = Segment(
    "HCP",
    {
        1: Element("method", CODE, 2, required=True),
        2: Element("allowed", CENTS, 18),
        3: Element("savings", CENTS, 18),
        4: Element("repricer_identifier", CODE, 50),
        5: Element("rate", QUANTITY, 9),
        6: Element("group_code", CODE, 50),
        7: Element("group_amount", CENTS, 18),
        8: Element("revenue_code", CODE, 48),
        9: Element("procedure_qualifier", CODE, 2),
        10: Element("procedure_code", CODE, 48),
        11: Element("unit", CODE, 2),
        12: Element("quantity", QUANTITY, 15),
        13: Element("rejection_reason", CODE, 2),
        14: Element("policy_compliance", CODE, 2),
        15: Element("exception", CODE, 2),
    },
    into="repricing",
)
AMBULANCE = Segment(
    "CR1",
    {
        1: Const("LB", beside="weight_pounds"),
        2: Element("weight_pounds", QUANTITY, 10),
        4: Element("reason", CODE, 1),
        5: Const("DH", beside="miles"),
        6: Element("miles", QUANTITY, 15),
        9: Element("round_trip_purpose", TEXT, 80),
        10: Element("stretcher_purpose", TEXT, 80),
    },
    into="ambulance_transport",
)
CONDITION_INDICATORS = Segment(
    "CRC",
    {
        1: Element("category", CODE, 2, required=True),
        2: Element("applies", FLAG, 1),
        3: Several("codes", 5, CODE, 3),
    },
    into="condition_indicators",
    many=True,
)
ADJUSTMENTS = Segment(
    "CAS",
    {1: Element("group", ADJUSTMENT_GROUP, 2, required=True)},
    into="adjustments",
    spread=Spread(
        2,
        {
            0: Element("reason", CODE, 5, required=True),
            1: Element("amount", CENTS, 18, required=True),
            2: Element("quantity", QUANTITY, 15),
        },
        times=6,
    ),
)


def procedure(*, is_required: bool = False) -> Composite:
    """The composite medical procedure identifier. HC is what a procedure's qualifier is unsaid."""
    return Composite(
        {
            1: Element("qualifier", CODE, 2, default="HC"),
            2: Element("code", CODE, 48, required=is_required),
            3: Several("modifiers", 4, CODE, 2),
            7: Element("description", TEXT, 80),
        },
        into="procedure",
    )


def line_adjudications() -> Loop:
    """2430."""
    opening = Segment(
        "SVD",
        {
            1: Element("payer_identifier", CODE, 80, required=True),
            2: Element("paid", CENTS, 18),
            3: procedure(),
            4: Element("revenue_code", CODE, 48),
            5: Element("units", QUANTITY, 15),
            6: Element("bundled_line", INTEGER, 6),
        },
    )
    rows = (ADJUSTMENTS, dated("573", "adjudicated_on"), amount("EAF", "remaining_liability"))
    return Loop("2430", opening, rows, into="adjudications", many=True, ordered=True, limit=15)


def drug() -> Loop:
    """2410."""
    return Loop(
        "2410",
        Segment(
            "LIN",
            {
                2: Element("qualifier", CODE, 2, default="N4"),
                3: Element("ndc", CODE, 48, required=True),
            },
        ),
        (
            Segment(
                "CTP",
                {
                    4: Element("quantity", QUANTITY, 15),
                    5: Composite({1: Element("unit", CODE, 2)}),
                },
            ),
            Segment(
                "REF",
                {
                    1: Element("prescription_qualifier", CODE, 3, default="XZ", keys=("XZ", "VY")),
                    2: Element("prescription_number", TEXT, 50),
                },
            ),
        ),
        into="drug",
    )


def other_coverages(adjudication: Sequence[Segment], other_providers: Sequence[Loop]) -> Loop:
    """2320 with its 2330 loops. `adjudication` are MIA and MOA, as the guide has them."""
    return Loop(
        "2320",
        Segment(
            "SBR",
            {
                1: Element("sequence", CODE, 1, required=True),
                2: Element("relationship", CODE, 2),
                3: Element("group_number", TEXT, 50),
                4: Element("group_name", TEXT, 60),
                5: Element("insurance_type", CODE, 3),
                9: Element("filing_indicator", CODE, 2),
            },
        ),
        (
            ADJUSTMENTS,
            amount("D", "paid"),
            amount("EAF", "remaining_liability"),
            amount("A8", "non_covered"),
            AMOUNTS,
            Segment(
                "OI",
                {
                    3: Element("benefits_assigned", CODE, 1),
                    4: Element("signature_source", CODE, 1),
                    6: Element("release_of_information", CODE, 1),
                },
            ),
            *adjudication,
            Loop("2330A", name("IL"), (*ADDRESS, REFERENCES), into="subscriber"),
            Loop(
                "2330B",
                name("PR"),
                (
                    *ADDRESS,
                    Segment("DTP", {1: Const("573"), 2: Period("adjudicated_on")}, outer=True),
                    Segment(
                        "REF",
                        {1: Const("F8"), 2: Element("payer_claim_control_number", CODE, 50)},
                        outer=True,
                    ),
                    REFERENCES,
                ),
                into="payer",
                required=True,
            ),
            *other_providers,
        ),
        into="other_coverages",
        many=True,
        ordered=True,
        limit=10,
    )


OUTPATIENT = Segment(
    "MOA",
    {
        1: Element("reimbursement_rate", QUANTITY, 10),
        2: Element("hcpcs_payable", CENTS, 18),
        3: Several("remark_codes", 5, CODE, 50),
        8: Element("end_stage_renal", CENTS, 18),
        9: Element("professional_component", CENTS, 18),
    },
    into="outpatient_adjudication",
)
INPATIENT = Segment(
    "MIA",
    {
        1: Element("covered_days", QUANTITY, 15),
        2: Element("pps_operating_outlier", CENTS, 18),
        3: Element("lifetime_psychiatric_days", QUANTITY, 15),
        4: Element("drg_amount", CENTS, 18),
        5: Element("remark_code", CODE, 50),
        6: Element("disproportionate_share", CENTS, 18),
        7: Element("pass_through", CENTS, 18),
        8: Element("pps_capital", CENTS, 18),
        9: Element("capital_federal_share", CENTS, 18),
        10: Element("capital_hospital_share", CENTS, 18),
        11: Element("capital_disproportionate_share", CENTS, 18),
        12: Element("old_capital", CENTS, 18),
        13: Element("capital_indirect_education", CENTS, 18),
        14: Element("hospital_specific_drg", CENTS, 18),
        15: Element("cost_report_days", QUANTITY, 15),
        16: Element("federal_drg", CENTS, 18),
        17: Element("capital_outlier", CENTS, 18),
        18: Element("indirect_education", CENTS, 18),
        19: Element("professional_component", CENTS, 18),
        20: Several("more_remark_codes", 4, CODE, 50),
        24: Element("capital_exception", CENTS, 18),
    },
    into="inpatient_adjudication",
)
