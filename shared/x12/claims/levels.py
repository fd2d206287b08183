"""Everything of an 837 that stands above the claim: submitter, receiver and the three HL levels.

It is apart because it is the same in the three tables, and because many claims of a file share it.
"""

from shared.x12.claims.parties import (
    ADDRESS,
    CONTACTS,
    DEMOGRAPHICS,
    REFERENCES,
    name,
)
from shared.x12.elements import CODE, DAY, QUANTITY, TEXT, YES, code_map
from shared.x12.table import Const, Element, Loop, Part, Segment

_SUBMISSION_KIND = code_map("submission kind", {code: code for code in ("CH", "RP", "31")})
BHT = Segment(
    "BHT",
    {
        1: Const("0019"),
        2: Element("purpose", CODE, 2),
        3: Element("batch_identifier", CODE, 50),
        4: Element("batch_date", CODE, 8),
        5: Element("batch_time", CODE, 8),
        6: Element("submission_kind", _SUBMISSION_KIND, 2, default="CH"),
    },
)
SUBMITTER = Loop("1000A", name("41"), (CONTACTS,), into="submitter")
RECEIVER = Loop("1000B", name("40"), (), into="receiver")


def _level(code: str) -> Segment:
    return Segment(
        "HL",
        {
            1: Element("level", CODE, 12),
            2: Element("parent_level", CODE, 12),
            3: Const(code),
            4: Element("has_child", CODE, 1),
        },
    )


def _vitals(owner: str) -> dict[int, Part]:
    """PAT05 to PAT09."""
    return {
        5: Const("D8", beside=f"{owner}.death_date"),
        6: Element(f"{owner}.death_date", DAY, 8),
        7: Const("01", beside=f"{owner}.weight_pounds"),
        8: Element(f"{owner}.weight_pounds", QUANTITY, 10),
        9: Element(f"{owner}.is_pregnant", YES, 1),
    }


BILLING_PROVIDER = Loop(
    "2010AA",
    name("85"),
    (
        *ADDRESS,
        Segment(
            "REF",
            {
                1: Element("tax_id_qualifier", CODE, 3, default="EI", keys=("EI", "SY")),
                2: Element("tax_id", CODE, 50),
            },
        ),
        REFERENCES,
        CONTACTS,
    ),
    into="billing_provider",
    merge=True,
    required=True,
)
PAY_TO_PROVIDER = Loop("2010AB", name("87"), ADDRESS, into="pay_to_provider")
PAY_TO_PLAN = Loop("2010AC", name("PE"), (*ADDRESS, REFERENCES), into="pay_to_plan")
SUBSCRIBER = Loop(
    "2010BA",
    name("IL"),
    (*ADDRESS, DEMOGRAPHICS, REFERENCES, CONTACTS),
    into="subscriber",
    merge=True,
    required=True,
)
PAYER = Loop("2010BB", name("PR"), (*ADDRESS, REFERENCES), into="payer", required=True)
PATIENT = Loop(
    "2010CA",
    name("QC"),
    (*ADDRESS, DEMOGRAPHICS, REFERENCES, CONTACTS),
    into="patient",
    merge=True,
    required=True,
)
_BILLING_TAXONOMY = Segment(
    "PRV",
    {
        1: Element("billing_provider.taxonomy_role", CODE, 3, default="BI"),
        2: Const("PXC"),
        3: Element("billing_provider.taxonomy", CODE, 50),
    },
)
_CURRENCY = Segment("CUR", {1: Const("85"), 2: Element("currency", CODE, 3)})
_SUBSCRIBER_COVERAGE = Segment(
    "SBR",
    {
        1: Element("payer_sequence", CODE, 1),
        2: Element("patient_relationship", CODE, 2),
        3: Element("subscriber.group_number", TEXT, 50),
        4: Element("subscriber.group_name", TEXT, 60),
        5: Element("subscriber.insurance_type", CODE, 3),
        9: Element("filing_indicator", CODE, 2),
    },
    required=True,
)
_SUBSCRIBER_VITALS = Segment("PAT", _vitals("subscriber"))
_PATIENT_VITALS = Segment(
    "PAT",
    {1: Element("patient_relationship", CODE, 2, required=True), **_vitals("patient")},
    required=True,
)


def transaction(claim: Loop) -> Loop:
    """The root of an 837 whose 2300 loop is `claim`: under a subscriber or under a patient."""
    patient_level = Loop("2000C", _level("23"), (_PATIENT_VITALS, PATIENT, claim), ordered=True)
    subscriber_level = Loop(
        "2000B",
        _level("22"),
        (_SUBSCRIBER_COVERAGE, _SUBSCRIBER_VITALS, SUBSCRIBER, PAYER, claim, patient_level),
        ordered=True,
    )
    provider_level = Loop(
        "2000A",
        _level("20"),
        (
            _BILLING_TAXONOMY,
            _CURRENCY,
            BILLING_PROVIDER,
            PAY_TO_PROVIDER,
            PAY_TO_PLAN,
            subscriber_level,
        ),
        ordered=True,
    )
    return Loop("837", Segment("ST", {}), (BHT, SUBMITTER, RECEIVER, provider_level))
