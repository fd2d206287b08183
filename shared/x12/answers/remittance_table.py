"""The 835 (005010X221A1) as a table: which element of which segment is which field of the
remittance values. Read and written from here; fields are those of `shared.contract.remittance`.

Rows stand in the guide's order. More is taken than the guide allows, because payers send it; only
`Const` rows that the guide has are written.
"""

from shared.x12.elements import CENTS, DAY, PERSON, QUANTITY, TEXT
from shared.x12.table import (
    Composite,
    Const,
    Element,
    Loop,
    Part,
    Repeat,
    Segment,
    Several,
    Spread,
    TransactionTable,
)

VERSION = "005010X221A1"
VERSIONS = (VERSION, "005010X221")

_ADJUSTMENTS = Segment(
    "CAS",
    {1: Element("group", required=True)},
    into="adjustments",
    spread=Spread(
        2,
        {0: Element("reason"), 1: Element("amount", CENTS), 2: Element("quantity", QUANTITY)},
        times=6,
    ),
)
_REFERENCES = Segment(
    "REF",
    {1: Element("qualifier"), 2: Element("value"), 3: Element("description", TEXT)},
    into="references",
    many=True,
)
_DATES = Segment("DTM", {1: Element("qualifier"), 2: Element("on", DAY)}, into="dates", many=True)
_AMOUNTS = Segment(
    "AMT", {1: Element("qualifier"), 2: Element("amount", CENTS)}, into="amounts", many=True
)
_QUANTITIES = Segment(
    "QTY", {1: Element("qualifier"), 2: Element("quantity", QUANTITY)}, into="quantities", many=True
)
_CONTACTS = Segment(
    "PER",
    {
        1: Element("function"),
        2: Element("name", TEXT),
        3: Repeat("numbers", {0: Element("kind"), 1: Element("value", TEXT)}, 3),
    },
    into="contacts",
    many=True,
)
_STREET = Segment("N3", {1: Element("line1", TEXT), 2: Element("line2", TEXT)}, into="address")
_CITY = Segment(
    "N4",
    {
        1: Element("city", TEXT),
        2: Element("state"),
        3: Element("postal_code"),
        4: Element("country"),
        7: Element("subdivision"),
    },
    into="address",
)


def _date(qualifier: str, field: str) -> Segment:
    return Segment("DTM", {1: Const(qualifier), 2: Element(field, DAY)})


def _party(role: str, field: str) -> Segment:
    return Segment(
        "NM1",
        {
            1: Const(role),
            2: Element("is_person", PERSON),
            3: Element("name", TEXT),
            4: Element("first_name", TEXT),
            5: Element("middle_name", TEXT),
            7: Element("suffix", TEXT),
            8: Element("identifier_qualifier"),
            9: Element("identifier"),
        },
        into=field,
    )


def _procedure(field: str) -> Composite:
    parts: dict[int, Part] = {
        1: Element("qualifier"),
        2: Element("code"),
        3: Several("modifiers", 4),
        7: Element("description", TEXT),
    }
    return Composite(parts, into=field)


def _organization(loop: str, role: str, field: str, *last: Segment) -> Loop:
    start = Segment(
        "N1",
        {
            1: Const(role),
            2: Element("name", TEXT),
            3: Element("identifier_qualifier"),
            4: Element("identifier"),
        },
    )
    return Loop(loop, start, (_STREET, _CITY, _REFERENCES, *last), into=field)


_DELIVERY = Segment(
    "RDM",
    {
        1: Element("delivery_method"),
        2: Element("delivery_name", TEXT),
        3: Element("delivery_address", TEXT),
    },
)

_INPATIENT = Segment(
    "MIA",
    {
        1: Element("covered_days", QUANTITY),
        2: Element("outlier_amount", CENTS),
        3: Element("psychiatric_days", QUANTITY),
        4: Element("drg_amount", CENTS),
        5: Element("remark1"),
        6: Element("disproportionate_share_amount", CENTS),
        7: Element("medicare_secondary_pass_through_amount", CENTS),
        8: Element("capital_amount", CENTS),
        9: Element("capital_federal_drg_amount", CENTS),
        10: Element("capital_hospital_drg_amount", CENTS),
        11: Element("capital_disproportionate_share_amount", CENTS),
        12: Element("old_capital_amount", CENTS),
        13: Element("capital_indirect_education_amount", CENTS),
        14: Element("hospital_specific_drg_amount", CENTS),
        15: Element("cost_report_days", QUANTITY),
        16: Element("federal_specific_drg_amount", CENTS),
        17: Element("capital_outlier_amount", CENTS),
        18: Element("indirect_teaching_amount", CENTS),
        19: Element("professional_component_amount", CENTS),
        20: Element("remark2"),
        21: Element("remark3"),
        22: Element("remark4"),
        23: Element("remark5"),
        24: Element("capital_exception_amount", CENTS),
    },
    into="inpatient",
)
_OUTPATIENT = Segment(
    "MOA",
    {
        1: Element("reimbursement_rate", QUANTITY),
        2: Element("payable_amount", CENTS),
        3: Element("remark1"),
        4: Element("remark2"),
        5: Element("remark3"),
        6: Element("remark4"),
        7: Element("remark5"),
        8: Element("end_stage_renal_amount", CENTS),
        9: Element("professional_component_amount", CENTS),
    },
    into="outpatient",
)

LINE = Loop(
    "2110",
    Segment(
        "SVC",
        {
            1: _procedure("procedure"),
            2: Element("charge", CENTS, required=True),
            3: Element("paid", CENTS, required=True),
            4: Element("revenue_code"),
            5: Element("units", QUANTITY),
            6: _procedure("submitted_procedure"),
            7: Element("submitted_units", QUANTITY),
        },
    ),
    (
        _date("150", "service_from"),
        _date("151", "service_through"),
        _date("472", "service_date"),
        _DATES,
        _ADJUSTMENTS,
        Segment("REF", {1: Const("6R"), 2: Element("line_control_number")}),
        _REFERENCES,
        Segment("AMT", {1: Const("B6"), 2: Element("allowed", CENTS)}),
        _AMOUNTS,
        _QUANTITIES,
        Segment("LQ", {1: Const("HE"), 2: Element("code")}, into="remarks", many=True),
        Segment(
            "LQ", {1: Element("qualifier"), 2: Element("value")}, into="other_remarks", many=True
        ),
    ),
    into="lines",
    many=True,
)

CLAIM = Loop(
    "2100",
    Segment(
        "CLP",
        {
            1: Element("patient_control_number", required=True),
            2: Element("status", required=True),
            3: Element("charge", CENTS, required=True),
            4: Element("paid", CENTS, required=True),
            5: Element("patient_responsibility", CENTS),
            6: Element("filing_indicator"),
            7: Element("payer_claim_control_number"),
            8: Element("facility_code"),
            9: Element("frequency"),
            10: Element("patient_status"),
            11: Element("diagnosis_related_group"),
            12: Element("drg_weight", QUANTITY),
            13: Element("discharge_fraction", QUANTITY),
        },
    ),
    (
        _ADJUSTMENTS,
        _party("QC", "patient"),
        _party("IL", "insured"),
        _party("74", "corrected_insured"),
        _party("82", "rendering_provider"),
        _party("TT", "crossover_carrier"),
        _party("PR", "corrected_payer"),
        _party("GB", "other_insured"),
        _INPATIENT,
        _OUTPATIENT,
        _REFERENCES,
        _date("232", "statement_from"),
        _date("233", "statement_through"),
        _date("050", "received_on"),
        _date("036", "coverage_expired_on"),
        _DATES,
        _CONTACTS,
        _AMOUNTS,
        _QUANTITIES,
        LINE,
    ),
    emit=True,
    many=True,
)

_SUMMARY = Segment(
    "TS3",
    {
        1: Element("provider_identifier"),
        2: Element("facility_code"),
        3: Element("fiscal_period_end", DAY),
        4: Element("claim_count", QUANTITY),
        5: Element("charge", CENTS),
        **{at: Element(f"summary.{at:02d}", QUANTITY) for at in range(6, 25)},
    },
)
_INPATIENT_SUMMARY = Segment(
    "TS2", {at: Element(f"inpatient_summary.{at:02d}", QUANTITY) for at in range(1, 20)}
)
GROUP = Loop(
    "2000",
    Segment("LX", {1: Element("number", required=True)}),
    (_SUMMARY, _INPATIENT_SUMMARY, CLAIM),
)

PROVIDER_ADJUSTMENTS = Segment(
    "PLB",
    {
        1: Element("provider_identifier", required=True),
        2: Element("fiscal_period_end", DAY),
    },
    into="provider_adjustments",
    spread=Spread(
        3,
        {
            0: Composite({1: Element("reason"), 2: Element("reference")}),
            1: Element("amount", CENTS),
        },
        times=6,
    ),
)

_PAYMENT = Segment(
    "BPR",
    {
        1: Element("handling", required=True),
        2: Element("amount", CENTS, required=True),
        3: Element("credit_debit", required=True),
        4: Element("method"),
        5: Element("payment_format"),
        6: Element("sender_account.bank_qualifier"),
        7: Element("sender_account.bank"),
        8: Element("sender_account.account_qualifier"),
        9: Element("sender_account.account"),
        10: Element("originating_company"),
        11: Element("originating_company_supplement"),
        12: Element("receiver_account.bank_qualifier"),
        13: Element("receiver_account.bank"),
        14: Element("receiver_account.account_qualifier"),
        15: Element("receiver_account.account"),
        16: Element("payment_date", DAY),
    },
    required=True,
)

REMITTANCE = TransactionTable(
    "835",
    VERSION,
    VERSIONS,
    Loop(
        "835",
        Segment("ST", {1: Const("835"), 2: Element("transaction_control_number", required=True)}),
        (
            _PAYMENT,
            Segment(
                "TRN",
                {
                    1: Const("1"),
                    2: Element("trace_number"),
                    3: Element("trace_payer"),
                    4: Element("trace_supplement"),
                },
                required=True,
            ),
            Segment("CUR", {1: Const("PR"), 2: Element("currency")}),
            Segment("REF", {1: Const("EV"), 2: Element("receiver_identification")}),
            _REFERENCES,
            _date("405", "production_date"),
            _organization("1000A", "PR", "payer", _CONTACTS),
            _organization("1000B", "PE", "payee", _DELIVERY),
            GROUP,
            CLAIM,
            PROVIDER_ADJUSTMENTS,
        ),
    ),
)
