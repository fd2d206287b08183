"""Checks of revenue codes with their procedures and the type of bill.

Code values are public; the words are ours (NUBC's are licensed). What needs a HCPCS code on an
outpatient bill follows Medicare Claims Processing Manual 4, 20 and 25, 75.4.
"""

from collections.abc import Iterator, Mapping

from services.coding.domain.modifier_table import is_visit
from services.coding.domain.rule import Breach, Case, Rule, Severity
from services.coding.domain.served import is_inpatient, is_medicare

_OUTPATIENT = frozenset(("13", "14", "83", "85"))
"""Hospital outpatient, laboratory for non-patients, ambulatory surgery, critical access."""
_ROOM = ("010", "011", "012", "013", "014", "015", "016", "017", "020", "021")
"""Room and board, nursery, intensive and coronary care."""
_WITH_PROCEDURE = (
    "030", "031", "032", "033", "034", "035", "036", "040", "042", "043", "044", "045", "046",
    "047", "048", "051", "054", "061", "0636", "073", "074", "075", "077", "090", "091", "092",
)  # fmt: skip
"""Laboratory, imaging, surgery, therapy, emergency, lungs, heart, clinic, ambulance, MRI, coded
drugs, EKG, EEG, endoscopy, vaccination, mental health, other diagnostics."""
_THERAPY: Mapping[str, tuple[str, str]] = {
    "042": ("GP", "physical"),
    "043": ("GO", "occupational"),
    "044": ("GN", "speech"),
}
_EMERGENCY = "045"
_CODED_DRUGS = "0636"
_TOTAL = "0001"
_DRUG_LETTERS = frozenset("ACJPQ")


def _room_outpatient(case: Case) -> Iterator[Breach]:
    if case.claim.facility_code not in _OUTPATIENT:
        return
    for at, line in enumerate(case.claim.service_lines):
        if (line.revenue_code or "").startswith(_ROOM):
            yield Breach(f"service_lines[{at}].revenue_code", (line.revenue_code or "",))


def _procedure_missing(case: Case) -> Iterator[Breach]:
    if case.claim.facility_code not in _OUTPATIENT:
        return
    for at, line in enumerate(case.claim.service_lines):
        if line.procedure is None and (line.revenue_code or "").startswith(_WITH_PROCEDURE):
            yield Breach(f"service_lines[{at}].procedure", (line.revenue_code or "",))


def _no_room(case: Case) -> Iterator[Breach]:
    claim = case.claim
    if claim.facility_code != "11" or claim.frequency not in ("1", "2"):
        return
    if not any((line.revenue_code or "").startswith(_ROOM) for line in claim.service_lines):
        yield Breach("service_lines", (f"{claim.facility_code}{claim.frequency}",))


def _therapy(case: Case) -> Iterator[Breach]:
    if is_inpatient(case.claim):
        return
    for service in case.services:
        revenue = service.line.revenue_code or ""
        expected = _THERAPY.get(revenue[:3])
        if expected is not None and expected[0] not in service.modifiers:
            hint = f"Add modifier {expected[0]}, which says that it was under a {expected[1]} plan."
            severity: Severity | None = None if is_medicare(case.claim) else "warn"
            codes = (revenue, service.code)
            path = f"{service.path}.procedure.modifiers"
            yield Breach(path, codes, hint, None, severity)


def _visit_elsewhere(case: Case) -> Iterator[Breach]:
    """Emergency visits belong to the emergency room's revenue codes, and to no others."""
    for service in case.services:
        revenue = service.line.revenue_code or ""
        is_emergency = service.code in ("99281", "99282", "99283", "99284", "99285")
        if is_emergency and not revenue.startswith((_EMERGENCY, "0516", "0526", "0981")):
            yield Breach(f"{service.path}.revenue_code", (revenue, service.code))


def _drug_code(case: Case) -> Iterator[Breach]:
    """0636 is for drugs that have a HCPCS code of their own."""
    for service in case.services:
        revenue = service.line.revenue_code or ""
        if revenue != _CODED_DRUGS or service.code[0] in _DRUG_LETTERS:
            continue
        if service.code[0] == "9" and not is_visit(service.code):
            continue  # vaccines have CPT codes
        yield Breach(f"{service.path}.procedure.code", (revenue, service.code))


def _total_line(case: Case) -> Iterator[Breach]:
    for at, line in enumerate(case.claim.service_lines):
        if line.revenue_code == _TOTAL:
            yield Breach(f"service_lines[{at}].revenue_code", (_TOTAL,))


_MANUAL = "Medicare Claims Processing Manual {}"

RULES = (
    Rule(
        "revenue-room-outpatient",
        "room and board stands on an outpatient bill",
        "Use revenue code 0762 for observation, or the type of bill of a stay.",
        f"NUBC form locators 4 and 42; {_MANUAL.format('4, 290')}",
        _room_outpatient,
        kinds=("institutional",),
    ),
    Rule(
        "revenue-procedure-missing",
        "on an outpatient bill this revenue code needs a procedure code",
        "Send the HCPCS or CPT code of what was done.",
        _MANUAL.format("4, 20; 25, 75.4"),
        _procedure_missing,
        kinds=("institutional",),
    ),
    Rule(
        "revenue-room-missing",
        "a bill for a stay has no room and board",
        "Add the days in their room, or correct the type of bill.",
        f"NUBC form locators 4 and 42; {_MANUAL.format('3, 10')}",
        _no_room,
        severity="warn",
        kinds=("institutional",),
    ),
    Rule(
        "revenue-therapy-modifier",
        "a line of therapy does not say under which plan of care it was given",
        "Add GP, GO or GN.",
        _MANUAL.format("5, 20.1"),
        _therapy,
        kinds=("institutional",),
    ),
    Rule(
        "revenue-emergency-visit",
        "an emergency visit stands under a revenue code that is not the emergency room's",
        "Use revenue codes 0450 to 0459.",
        _MANUAL.format("4, 160"),
        _visit_elsewhere,
        severity="warn",
        kinds=("institutional",),
    ),
    Rule(
        "revenue-drug-code",
        "revenue code 0636 is for drugs with a code of their own, and this code is no drug",
        "Correct the revenue code, or send the drug's code.",
        _MANUAL.format("17, 90.2"),
        _drug_code,
        kinds=("institutional",),
    ),
    Rule(
        "revenue-total-line",
        "revenue code 0001 is the sum, which electronic claims carry elsewhere",
        "Remove the line.",
        "837I CLM02; NUBC form locator 42",
        _total_line,
        kinds=("institutional",),
    ),
)
