"""Checks of procedure codes against the tables of the day: HCPCS Level II, CPT, ICD-10-PCS.

HCPCS Level II comes packed in; CPT and ICD-10-PCS are checked where an operator has loaded them. A
code of a table that is older than the day of service may be new: then we warn and do not hold.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from services.coding.domain.reference import (
    BEGINNING,
    Editions,
    ProcedureCode,
    Table,
    in_window,
)
from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import is_inpatient, is_medicare

LIFE = timedelta(days=100)
"""HCPCS is revised each quarter: how long after its first day an edition knows all codes."""
CPT_LIFE = timedelta(days=370)
_OLD = "Check the code, or load a newer edition: ours is older than the day of service."
_NOT_PAYABLE = frozenset("IMS")
_DENTAL = "D"
"""Codes of dental services are CDT's, which is licensed, and not in the public table."""


def table_of(case: Case, code: str) -> Table[ProcedureCode] | None:
    """The table that has to know a code: HCPCS Level II by its first letter, else CPT."""
    if code[:1] == _DENTAL:
        return None
    editions = case.reference.hcpcs if code[:1].isalpha() else case.reference.cpt
    return editions.newest


def _unknown(case: Case) -> Iterator[Breach]:
    for service in case.services:
        table = table_of(case, service.code)
        if table is None or table.find(service.code):
            continue
        life = LIFE if service.code[:1].isalpha() else CPT_LIFE
        is_old = service.day > (table.effective + life).toordinal()
        yield Breach(
            f"{service.path}.procedure.code",
            (service.code,),
            _OLD if is_old else None,
            table.edition,
            "warn" if is_old else None,
        )


def _inactive(case: Case) -> Iterator[Breach]:
    for service in case.services:
        table = table_of(case, service.code) if service.day else None
        found = table.find(service.code) if table is not None else ()
        if table is not None and found and not in_window(found, service.day):
            hint = _window(found, service.day)
            yield Breach(f"{service.path}.procedure.code", (service.code,), hint, table.edition)


def _window(found: tuple[ProcedureCode, ...], day: int) -> str:
    ended = [each.ended for each in found if each.ended < day]
    if ended:
        last = date.fromordinal(max(ended)).isoformat()
        return f"The code ended on {last}: use the one that took its place."
    first = date.fromordinal(max(min(each.added for each in found), BEGINNING + 1)).isoformat()
    return f"The code begins on {first}: use the one that was valid before."


def _not_payable(case: Case) -> Iterator[Breach]:
    if not is_medicare(case.claim):
        return
    for service in case.services:
        table = table_of(case, service.code)
        found = table.find(service.code) if table is not None else ()
        if table is not None and found and found[-1].coverage in _NOT_PAYABLE:
            yield Breach(f"{service.path}.procedure.code", (service.code,), edition=table.edition)


def _surgical_unknown(case: Case) -> Iterator[Breach]:
    table = _surgical_table(case)
    if table is None:
        return
    for at, each in enumerate(case.claim.procedures):
        found = table.find(each.code) if each.system == "icd10pcs" else None
        if found is not None and not (found and found[0].is_billable):
            yield Breach(f"procedures[{at}].code", (each.code,), edition=table.edition)


def _surgical_table(case: Case) -> Table[Any] | None:
    editions: Editions[Any] = case.reference.icd10pcs
    return editions.on(case.day) if editions and case.day and case.claim.procedures else None


def _surgical_outpatient(case: Case) -> Iterator[Breach]:
    claim = case.claim
    if not claim.procedures or is_inpatient(claim):
        return
    for at, each in enumerate(claim.procedures):
        if each.system == "icd10pcs":
            yield Breach(f"procedures[{at}].code", (each.code,))


RULES = (
    Rule(
        "procedure-unknown",
        "there is no such procedure code",
        "Check the code for a missing or swapped character.",
        "45 CFR 162.1002; CMS HCPCS Level II, AMA CPT",
        _unknown,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "procedure-not-active",
        "the procedure code was not active on the day of service",
        "Use the code that was valid on the day.",
        "CMS HCPCS quarterly update; 45 CFR 162.1002",
        _inactive,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "procedure-not-payable",
        "Medicare does not pay for this code",
        "Bill another code for the service or another payer; where a denial is wanted, add "
        "modifier GY.",
        "CMS HCPCS Level II, coverage code",
        _not_payable,
        severity="warn",
        kinds=("professional", "institutional"),
    ),
    Rule(
        "surgical-procedure-unknown",
        "there is no such ICD-10-PCS code on this day",
        "Build the code from the table of the procedure, and check all seven characters.",
        "ICD-10-PCS tables of the fiscal year; 45 CFR 162.1002",
        _surgical_unknown,
        kinds=("institutional",),
    ),
    Rule(
        "surgical-procedure-outpatient",
        "ICD-10-PCS is for hospital stays, and this bill is none",
        "Send the CPT or HCPCS code of the procedure on its line.",
        "45 CFR 162.1002(c)(3)",
        _surgical_outpatient,
        severity="warn",
        kinds=("institutional",),
    ),
)
