"""Hypothesis strategies for everything a payer answers: values as the standard can hold them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from shared.contract.acknowledgement import (
    ElementError,
    ErrorContext,
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
    Status,
    StatusAmount,
    StatusCode,
    StatusDate,
    StatusHeader,
    StatusLevel,
    StatusLine,
    StatusParty,
    StatusQuantity,
    StatusReference,
    StatusTrace,
)
from shared.contract.claim import Address, Contact, ContactNumber, Procedure
from shared.contract.remittance import (
    BankAccount,
    InpatientOutcome,
    OutpatientOutcome,
    ProviderAdjustment,
    RemittanceAdjustment,
    RemittanceAmount,
    RemittanceClaim,
    RemittanceDate,
    RemittanceGroup,
    RemittanceHeader,
    RemittanceLine,
    RemittanceOrganization,
    RemittanceParty,
    RemittanceQuantity,
    RemittanceReference,
)
from shared.x12.interchange import InterchangeEnvelope
from shared.x12.tokenizer import Separators

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

codes = st.text(LETTERS, min_size=1, max_size=6)
texts = st.text(LETTERS + " abcxyz.,'-/&()", min_size=1, max_size=20).filter(
    lambda text: text == text.strip()
)
cents = st.integers(-(10**11), 10**11)
days = st.dates(date(1901, 1, 1), date(2099, 12, 31))
quantities = st.decimals(-9_999, 99_999, places=3)
counts = st.integers(0, 999_999)
qualifiers = st.sampled_from(["ZA", "ZB", "ZC"])
"""None that a table has a field of its own for."""

separators = st.sampled_from(
    [
        Separators(),
        Separators("*", ">", "~", "^"),
        Separators("|", "<", "\n", "!"),
        Separators("+", "%", "$", "#"),
    ]
)


def envelopes() -> st.SearchStrategy[InterchangeEnvelope]:
    return st.builds(
        InterchangeEnvelope,
        sender=st.text(LETTERS, min_size=1, max_size=15),
        receiver=st.text(LETTERS, min_size=1, max_size=15),
        control_number=st.integers(1, 999_999_999),
        created_at=st.integers(946_684_800, 2_840_000_000).map(
            lambda seconds: datetime.fromtimestamp(seconds, UTC)
        ),
        usage=st.sampled_from(["P", "T"]),
        separators=separators,
    )


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _few(strategy: st.SearchStrategy[Any], most: int = 2) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


def _all(names: Iterable[str], strategy: st.SearchStrategy[Any]) -> dict[str, Any]:
    return dict.fromkeys(names, _maybe(strategy))


procedures = st.builds(
    Procedure,
    qualifier=st.sampled_from(["HC", "AD", "NU", "N4"]),
    code=codes,
    modifiers=_few(st.text(LETTERS, min_size=2, max_size=2), 4),
    description=_maybe(texts),
)
contacts = st.builds(
    Contact,
    function=st.sampled_from(["CX", "BL", "IC"]),
    name=_maybe(texts),
    numbers=_few(st.builds(ContactNumber, kind=st.sampled_from(["TE", "FX"]), value=texts), 3),
)
addresses = st.builds(
    Address,
    line1=texts,
    city=texts,
    **_all(("line2",), texts),
    **_all(("state", "postal_code", "country", "subdivision"), codes),
)


# 835

adjustments = st.builds(
    RemittanceAdjustment,
    group=st.sampled_from(["CO", "PR", "OA", "PI", "CR"]),
    reason=codes,
    amount=cents,
    quantity=_maybe(quantities),
)
references = st.builds(
    RemittanceReference, qualifier=qualifiers, value=_maybe(codes), description=_maybe(texts)
)
amounts = st.builds(RemittanceAmount, qualifier=qualifiers, amount=cents)
remittance_quantities = st.builds(RemittanceQuantity, qualifier=qualifiers, quantity=quantities)
remittance_dates = st.builds(RemittanceDate, qualifier=qualifiers, on=days)
parties = st.builds(
    RemittanceParty,
    is_person=st.booleans(),
    **_all(("name", "first_name", "middle_name", "suffix"), texts),
    **_all(("identifier_qualifier", "identifier"), codes),
)
organizations = st.builds(
    RemittanceOrganization,
    name=texts,
    identifier_qualifier=_maybe(codes),
    identifier=_maybe(codes),
    address=_maybe(addresses),
    references=_few(references),
)
payers = st.builds(replace, organizations, contacts=_few(contacts))
payees = st.builds(
    replace, organizations, delivery_method=_maybe(codes), delivery_name=_maybe(texts)
)
lines = st.builds(
    RemittanceLine,
    procedure=_maybe(procedures),
    charge=cents,
    paid=cents,
    revenue_code=_maybe(codes),
    units=_maybe(quantities),
    submitted_procedure=_maybe(procedures),
    submitted_units=_maybe(quantities),
    **_all(("service_date", "service_from", "service_through"), days),
    dates=_few(remittance_dates),
    adjustments=_few(adjustments, 9),
    line_control_number=_maybe(codes),
    references=_few(references),
    allowed=_maybe(cents),
    amounts=_few(amounts),
    quantities=_few(remittance_quantities),
    remarks=_few(codes),
    other_remarks=_few(st.builds(RemittanceReference, qualifier=qualifiers, value=_maybe(codes))),
)
inpatient_outcomes = st.builds(
    InpatientOutcome,
    covered_days=quantities,
    psychiatric_days=_maybe(quantities),
    cost_report_days=_maybe(quantities),
    **_all(("remark1", "remark2", "remark3", "remark4", "remark5"), codes),
    **_all(
        ("outlier_amount", "drg_amount", "old_capital_amount", "capital_exception_amount"), cents
    ),
)
outpatient_outcomes = st.builds(
    OutpatientOutcome,
    reimbursement_rate=quantities,
    **_all(("remark1", "remark2", "remark3", "remark4", "remark5"), codes),
    **_all(("payable_amount", "end_stage_renal_amount", "professional_component_amount"), cents),
)
remittance_claims = st.builds(
    RemittanceClaim,
    patient_control_number=texts,
    status=st.sampled_from(["1", "2", "3", "4", "19", "20", "21", "22", "23", "25"]),
    charge=cents,
    paid=cents,
    patient_responsibility=_maybe(cents),
    **_all(
        (
            "filing_indicator",
            "payer_claim_control_number",
            "facility_code",
            "frequency",
            "patient_status",
            "diagnosis_related_group",
        ),
        codes,
    ),
    **_all(("drg_weight", "discharge_fraction"), quantities),
    **_all(
        (
            "patient",
            "insured",
            "corrected_insured",
            "rendering_provider",
            "crossover_carrier",
            "corrected_payer",
            "other_insured",
        ),
        parties,
    ),
    **_all(("statement_from", "statement_through", "received_on", "coverage_expired_on"), days),
    adjustments=_few(adjustments, 9),
    inpatient=_maybe(inpatient_outcomes),
    outpatient=_maybe(outpatient_outcomes),
    references=_few(references),
    dates=_few(remittance_dates),
    contacts=_few(contacts),
    amounts=_few(amounts),
    quantities=_few(remittance_quantities),
    lines=_few(lines, 3),
)


def _trimmed(values: list[Any]) -> tuple[Any, ...]:
    while values and values[-1] is None:
        values.pop()
    return tuple(values)


_gapped = st.lists(_maybe(quantities), max_size=19).map(_trimmed)
remittance_groups = st.builds(
    RemittanceGroup,
    number=codes,
    provider_identifier=_maybe(codes),
    facility_code=_maybe(codes),
    fiscal_period_end=_maybe(days),
    claim_count=_maybe(quantities),
    charge=_maybe(cents),
    summary=_gapped,
    inpatient_summary=_gapped,
)


@st.composite
def claims_of_a_set(draw: st.DrawFn) -> list[RemittanceClaim]:
    """Claims in their order, all under some LX or all under none."""
    claims = draw(st.lists(remittance_claims, max_size=4))
    groups = (
        draw(st.lists(remittance_groups, min_size=1, max_size=4)) if draw(st.booleans()) else []
    )
    numbered = []
    for position, claim in enumerate(claims):
        group = groups[min(position, len(groups) - 1)] if groups else None
        numbered.append(replace(claim, group=group, position=position))
    return numbered


bank_accounts = st.builds(
    BankAccount, account=codes, **_all(("bank_qualifier", "bank", "account_qualifier"), codes)
)
remittance_headers = st.builds(
    RemittanceHeader,
    transaction_control_number=st.text("0123456789", min_size=4, max_size=9),
    handling=st.sampled_from("IHCDPUX"),
    amount=cents,
    credit_debit=st.sampled_from("CD"),
    **_all(
        (
            "method",
            "payment_format",
            "originating_company",
            "originating_company_supplement",
            "trace_number",
            "trace_payer",
            "trace_supplement",
            "currency",
            "receiver_identification",
        ),
        codes,
    ),
    **_all(("payment_date", "production_date"), days),
    **_all(("sender_account", "receiver_account"), bank_accounts),
    references=_few(references),
    payer=_maybe(payers),
    payee=_maybe(payees),
)
provider_adjustments = st.lists(
    st.builds(
        ProviderAdjustment,
        provider_identifier=st.sampled_from(["1234567893", "1999999984"]),
        fiscal_period_end=_maybe(days),
        reason=codes,
        reference=_maybe(codes),
        amount=cents,
    ),
    max_size=9,
).map(tuple)


# TA1, 999, 997

interchange_answers = st.builds(
    InterchangeAnswer,
    interchange_control_number=st.text("0123456789", min_size=9, max_size=9),
    interchange_date=st.text("0123456789", min_size=6, max_size=6),
    interchange_time=st.text("0123456789", min_size=4, max_size=4),
    outcome=st.sampled_from("AER"),
    note=st.text("0123456789", min_size=3, max_size=3),
)
contexts = st.builds(
    ErrorContext,
    name=texts,
    **_all(("value",), texts),
    **_all(("segment", "loop", "reference", "component_reference"), codes),
    **_all(
        ("segment_position", "element_position", "element_component", "element_repetition"), counts
    ),
)
element_errors = st.builds(
    ElementError,
    position=counts,
    code=codes,
    component=_maybe(counts),
    repetition=_maybe(counts),
    reference=_maybe(codes),
    bad_value=_maybe(texts),
    contexts=_few(contexts),
)
segment_errors = st.builds(
    SegmentError,
    segment=codes,
    position=counts,
    loop=_maybe(codes),
    code=_maybe(codes),
    contexts=_few(contexts),
    elements=_few(element_errors),
)
set_answers = st.builds(
    SetAnswer,
    control_number=codes,
    outcome=_maybe(st.sampled_from("AERMWX")),
    version=_maybe(codes),
    segment_errors=_few(segment_errors),
    codes=_few(codes, 5),
)
group_answers = st.builds(
    GroupAnswer,
    functional_group=st.sampled_from(["HC", "HP", "HR"]),
    group_control_number=codes,
    outcome=_maybe(st.sampled_from("AEPRMWX")),
    version=_maybe(codes),
    sets=_few(set_answers, 3),
    **_all(("included", "received", "accepted"), counts),
    codes=_few(codes, 5),
    transaction=st.sampled_from(["999", "997"]),
)


# 277CA, 277, 276

status_codes = st.builds(
    StatusCode, category=codes, **_all(("status", "entity", "list_qualifier"), codes)
)
statuses = st.builds(
    Status,
    code=status_codes,
    **_all(("on", "adjudicated_on", "payment_date"), days),
    **_all(("action", "payment_method", "check_number"), codes),
    **_all(("charge", "paid"), cents),
    **_all(("second_code", "third_code"), status_codes),
    message=_maybe(texts),
)
status_references = st.builds(StatusReference, qualifier=codes, value=_maybe(codes))
status_dates = st.builds(StatusDate, qualifier=codes, on=days, through=_maybe(days))
status_lines = st.builds(
    StatusLine,
    procedure=_maybe(procedures),
    charge=cents,
    paid=_maybe(cents),
    revenue_code=_maybe(codes),
    units=_maybe(quantities),
    statuses=_few(statuses),
    references=_few(status_references),
    dates=_few(status_dates),
)
traces = st.builds(
    StatusTrace,
    kind=st.sampled_from("12"),
    number=_maybe(codes),
    statuses=_few(statuses, 3),
    references=_few(status_references),
    dates=_few(status_dates),
    amounts=_few(st.builds(StatusAmount, qualifier=codes, amount=cents)),
    quantities=_few(st.builds(StatusQuantity, qualifier=codes, quantity=quantities)),
    lines=_few(status_lines),
)
status_parties = st.builds(
    StatusParty,
    role=codes,
    is_person=st.booleans(),
    **_all(("name", "first_name", "middle_name", "suffix"), texts),
    **_all(("identifier_qualifier", "identifier"), codes),
)
_levels = st.builds(
    StatusLevel,
    code=st.sampled_from(["20", "21", "19", "22", "23", "PT"]),
    has_children=_maybe(st.booleans()),
    party=_maybe(status_parties),
    birth_date=_maybe(days),
    gender=_maybe(st.sampled_from("FMU")),
    contacts=_few(contacts),
    traces=_few(traces, 3),
)


@st.composite
def level_trees(draw: st.DrawFn) -> list[StatusLevel]:
    """Levels numbered in order, each under one before it or under none."""
    numbered = []
    for number, level in enumerate(draw(st.lists(_levels, max_size=4)), 1):
        parent = draw(st.integers(0, number - 1))
        numbered.append(replace(level, number=str(number), parent=str(parent) if parent else None))
    return numbered


status_headers = st.builds(
    StatusHeader,
    transaction=st.sampled_from(["277CA", "277", "276"]),
    reference=_maybe(codes),
    purpose=st.sampled_from(["08", "13"]),
    created_on=_maybe(days),
    created_at=_maybe(st.sampled_from(["0930", "235959"])),
    kind=_maybe(st.sampled_from(["TH", "DG"])),
)
