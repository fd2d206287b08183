"""Each check: a claim that breaks it, and the claim that differs by the smallest change and passes.

A row is (rule, its public source, path of the finding, broken claim, kept claim). Expected values
are the source's, read there and not from the output; tables are the packed ones, or small ones of
our own where the official file is licensed.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import pytest

from services.coding.domain import checks, structural
from services.coding.domain.history import EarlierLine, History
from services.coding.domain.reference import (
    BEGINNING,
    END,
    AddOn,
    Article,
    ProcedureCode,
    Ranges,
    Reference,
)
from services.coding.domain.rule import Case
from services.coding.reference import kinds
from services.coding.reference.library import Library
from services.coding.reference.table import Row
from shared.contract.claim import Claim, Drug, SurgicalProcedure
from shared.contract.model import Finding
from tests.unit.coding.claims import (
    NPI,
    SERVED,
    TODAY,
    diagnoses,
    inpatient,
    insured,
    line,
    outpatient,
    professional,
)
from tests.unit.coding.tables import editions, table

PACKED = Library().current()


def _with(**tables: object) -> Reference:
    fields = {name: getattr(PACKED, name) for name in PACKED.__slots__}
    return Reference(**{**fields, **tables})


def _add_on(code: str, kind: int, *primaries: str) -> Row:
    return kinds.add_on_row(code, AddOn(kind, frozenset(primaries), BEGINNING, END))


LOADED = _with(
    add_ons=editions(
        table(
            "add-on",
            [
                _add_on("99417", 1, "99205", "99215"),
                _add_on("G2211", 2),
                _add_on("96415", 3, "96413"),
            ],
        )
    ),
    coverage=editions(
        table(
            "coverage",
            [
                kinds.article_row(
                    "93000",
                    Article("A57326", Ranges([("I10", "I16"), ("R079", "R079")]), BEGINNING, END),
                )
            ],
        )
    ),
    cpt=editions(
        table(
            "cpt",
            [
                kinds.procedure_row(code, ProcedureCode(BEGINNING, END))
                for code in ("99213", "93000")
            ],
            date(2026, 1, 1),
        )
    ),
    icd10pcs=editions(
        table(
            "icd10pcs",
            [
                kinds.surgical_row("0DTJ4ZZ", BEGINNING, END, is_billable=True),
                kinds.surgical_row("0DTJ", BEGINNING, END, is_billable=False),
            ],
            date(2025, 10, 1),
        )
    ),
    filing_limits=editions(table("filing-limit", [Row("PAY01", BEGINNING, END, 90)])),
)


def earlier(code: str | None, *modifiers: str, **fields: object) -> EarlierLine:
    """A line of another claim of the same patient and day."""
    given: dict[str, object] = {
        "claim_id": UUID(int=8),
        "kind": "professional",
        "day": SERVED,
        "provider": NPI,
        "code": code,
        "modifiers": modifiers,
        "units": Decimal(1),
        "charge": 10_000,
    }
    return EarlierLine(**{**given, **fields})  # type: ignore[arg-type]


def found(
    claim: Claim,
    reference: Reference = PACKED,
    history: History = (),
    today: date = TODAY,
) -> tuple[Finding, ...]:
    return checks.check(Case(claim, today, reference, history))


class Pair(NamedTuple):
    rule: str
    source: str
    path: str
    broken: Claim
    kept: Claim
    reference: Reference = PACKED
    history: History = ()
    kept_history: History | None = None
    today: date = TODAY


def sides(*codes: str) -> Claim:
    """A line with a modifier of the right side."""
    return professional(line("73060", "RT"), diagnoses=diagnoses(*codes))


def month(day: int) -> date:
    return date(2026, 3, day)


DRUG = Drug(ndc="00409379501", quantity=Decimal(1), unit="ML")
MEDICARE = {"filing_indicator": "MB"}
MEDICAID = {"filing_indicator": "MC"}
ICD = "ICD-10-CM tabular list FY2026"
GUIDE = "ICD-10-CM Official Guidelines FY2026"
MCE = "Medicare Code Editor v43"
PTP = "CMS NCCI PTP practitioner, third quarter 2024"
MUE = "CMS NCCI MUE practitioner, third quarter 2024"
MANUAL = "Medicare Claims Processing Manual"

PAIRS = [
    # ICD-10-CM codes
    Pair(
        "diagnosis-unknown",
        f"{ICD}: E11.9 exists, E11.7 does not",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("E117")),
        professional(diagnoses=diagnoses("E119")),
    ),
    Pair(
        "diagnosis-not-valid-on-date",
        "ICD-10-CM FY2026 addenda: E11.A is new on 2025-10-01",
        "diagnoses[0].code",
        professional(line("99213", service_from=date(2025, 9, 30)), diagnoses=diagnoses("E11A")),
        professional(line("99213", service_from=date(2025, 10, 1)), diagnoses=diagnoses("E11A")),
    ),
    Pair(
        "diagnosis-not-billable",
        f"{ICD}: M54.5 is divided into M54.50, M54.51, M54.59",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("M545")),
        professional(diagnoses=diagnoses("M5450")),
    ),
    Pair(
        "diagnosis-seventh-missing",
        f"{ICD}: category S72 takes a seventh character; {GUIDE} I.A.5",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("S72001")),
        professional(diagnoses=diagnoses("S72001A")),
    ),
    Pair(
        "diagnosis-seventh-invalid",
        f"{ICD}: S72 allows A to H, J, K, M, N, P, Q, R, S",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("S72001X")),
        professional(diagnoses=diagnoses("S72001S")),
    ),
    # Order and company of diagnoses
    Pair(
        "diagnoses-exclude-each-other",
        f"{ICD}: Excludes1 at E11 names type 1 diabetes (E10.-); {GUIDE} I.A.12.a",
        "diagnoses[1].code",
        professional(diagnoses=diagnoses("E119", "E109")),
        professional(diagnoses=diagnoses("E119", "I10")),
    ),
    Pair(
        "diagnosis-code-first",
        f"{ICD}: code first at F02 names Alzheimer's disease (G30.-)",
        "diagnoses[1].code",
        professional(diagnoses=diagnoses("I10", "F0280", "G309")),
        professional(diagnoses=diagnoses("I10", "G309", "F0280")),
    ),
    Pair(
        "diagnosis-use-additional",
        f"{ICD}: use additional code at I10 names tobacco use (Z72.0)",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("Z720", "I10")),
        professional(diagnoses=diagnoses("I10", "Z720")),
    ),
    Pair(
        "manifestation-first",
        f"{GUIDE} I.A.13: 'in diseases classified elsewhere' is never first; {MCE}",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("F0280", "G309")),
        professional(diagnoses=diagnoses("G309", "F0280")),
    ),
    Pair(
        "manifestation-alone",
        f"{GUIDE} I.A.13: the manifestation needs its etiology",
        "diagnoses[1].code",
        professional(diagnoses=diagnoses("I10", "F0280")),
        professional(diagnoses=diagnoses("G309", "F0280")),
    ),
    Pair(
        "external-cause-first",
        f"{GUIDE} I.C.20.a.6; {MCE}",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("W010XXA", "S72001A")),
        professional(diagnoses=diagnoses("S72001A", "W010XXA")),
    ),
    Pair(
        "principal-diagnosis-unacceptable",
        f"{GUIDE} I.C.21.c.3: body mass index only beside another diagnosis",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("Z6841", "E6601")),
        professional(diagnoses=diagnoses("E6601", "Z6841")),
    ),
    # The patient
    Pair(
        "age-newborn",
        f"{MCE}: newborn diagnoses, age 0",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("Z3800"), subscriber=insured(birth_date=date(2025, 3, 3))),
        professional(diagnoses=diagnoses("Z3800"), subscriber=insured(birth_date=date(2025, 3, 4))),
    ),
    Pair(
        "age-pediatric",
        f"{MCE}: pediatric diagnoses, age 0 to 17",
        "diagnoses[0].code",
        professional(
            diagnoses=diagnoses("Z00129"), subscriber=insured(birth_date=date(2008, 3, 3))
        ),
        professional(
            diagnoses=diagnoses("Z00129"), subscriber=insured(birth_date=date(2008, 3, 4))
        ),
    ),
    Pair(
        "age-maternity",
        f"{MCE}: maternity diagnoses, age 9 to 64",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("O80"), subscriber=insured(birth_date=date(1961, 3, 3))),
        professional(diagnoses=diagnoses("O80"), subscriber=insured(birth_date=date(1961, 3, 4))),
    ),
    Pair(
        "age-adult",
        f"{MCE}: adult diagnoses, age 15 to 124",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("Z0000"), subscriber=insured(birth_date=date(2011, 3, 4))),
        professional(diagnoses=diagnoses("Z0000"), subscriber=insured(birth_date=date(2011, 3, 3))),
    ),
    Pair(
        "age-perinatal",
        f"{GUIDE} I.C.16.a.4: perinatal conditions later in life",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("P0700"), subscriber=insured(birth_date=date(2025, 3, 3))),
        professional(diagnoses=diagnoses("P0700"), subscriber=insured(birth_date=date(2026, 3, 1))),
    ),
    Pair(
        "sex-conflict",
        f"{MCE}: sex conflict; {MANUAL} 32, 240 (condition code 45)",
        "diagnoses[0].code",
        professional(diagnoses=diagnoses("N400"), subscriber=insured(gender="F")),
        professional(
            diagnoses=diagnoses("N400"), subscriber=insured(gender="F"), conditions=("45",)
        ),
    ),
    # Procedure codes
    Pair(
        "procedure-unknown",
        "CMS HCPCS Level II 2024-07: no J1886",
        "service_lines[0].procedure.code",
        professional(line("J1886", drug=DRUG)),
        professional(line("J1885", drug=DRUG)),
    ),
    Pair(
        "procedure-not-active",
        "CMS HCPCS Level II 2024-07: J0760 has ended",
        "service_lines[0].procedure.code",
        professional(line("J0760", drug=DRUG)),
        professional(line("J1885", drug=DRUG)),
    ),
    Pair(
        "procedure-not-payable",
        "CMS HCPCS Level II 2024-07: A0080 has coverage code I",
        "service_lines[0].procedure.code",
        professional(line("A0080"), **MEDICARE),
        professional(line("A0080"), **MEDICAID),
    ),
    Pair(
        "surgical-procedure-unknown",
        "ICD-10-PCS table 0DT: a code has seven characters of one row",
        "procedures[0].code",
        inpatient(procedures=(SurgicalProcedure(code="0DTJ4ZX", role="principal"),)),
        inpatient(procedures=(SurgicalProcedure(code="0DTJ4ZZ", role="principal"),)),
        LOADED,
    ),
    Pair(
        "surgical-procedure-outpatient",
        "45 CFR 162.1002(c)(3): ICD-10-PCS for inpatient hospital services",
        "procedures[0].code",
        outpatient(procedures=(SurgicalProcedure(code="0DTJ4ZZ", role="principal"),)),
        inpatient(procedures=(SurgicalProcedure(code="0DTJ4ZZ", role="principal"),)),
    ),
    # Modifiers
    Pair(
        "modifier-unknown",
        "CPT modifiers: there is 25, there is no 28",
        "service_lines[0].procedure.modifiers[0]",
        professional(line("99213", "28")),
        professional(line("99213", "25")),
    ),
    Pair(
        "modifier-repeated",
        "837 SV101-3 to SV101-6",
        "service_lines[0].procedure.modifiers",
        professional(line("99213", "25", "25")),
        professional(line("99213", "25", "24")),
    ),
    Pair(
        "modifier-visit-only",
        f"{MANUAL} 12, 30.6.6: 25 is used with a visit",
        "service_lines[0].procedure.modifiers",
        professional(line("93000", "25")),
        professional(line("93000", "59")),
    ),
    Pair(
        "modifier-not-on-visit",
        "CMS Physician Fee Schedule: visits have no professional component",
        "service_lines[0].procedure.modifiers",
        professional(line("99213", "26")),
        professional(line("71046", "26")),
    ),
    Pair(
        "modifier-91-laboratory",
        f"{MANUAL} 16, 100.5.1",
        "service_lines[0].procedure.modifiers",
        professional(line("93000", "91")),
        professional(line("80053", "91")),
    ),
    Pair(
        "modifier-components",
        f"{MANUAL} 13, 20",
        "service_lines[0].procedure.modifiers",
        professional(line("71046", "26", "TC")),
        professional(line("71046", "TC")),
    ),
    Pair(
        "modifier-distinct-twice",
        "CMS MLN1783722: not 59 and an X modifier on one line",
        "service_lines[0].procedure.modifiers",
        professional(line("97140", "59", "XS")),
        professional(line("97140", "XS")),
    ),
    Pair(
        "modifier-sides",
        f"{MANUAL} 12, 40.7",
        "service_lines[0].procedure.modifiers",
        professional(line("20610", "50", "RT")),
        professional(line("20610", "50")),
    ),
    Pair(
        "modifier-bilateral-units",
        f"{MANUAL} 12, 40.7: 50 with one unit",
        "service_lines[0].procedure.modifiers",
        professional(line("20610", "50", units="2")),
        professional(line("20610", "50")),
    ),
    Pair(
        "modifier-repeat-by-whom",
        f"{MANUAL} 12, 40",
        "service_lines[0].procedure.modifiers",
        professional(line("93000", "76", "77")),
        professional(line("93000", "76")),
    ),
    Pair(
        "modifier-assistants",
        f"{MANUAL} 12, 20.4.3",
        "service_lines[0].procedure.modifiers",
        professional(line("27447", "80", "82")),
        professional(line("27447", "80", "AS")),
    ),
    Pair(
        "modifier-notices",
        "CMS change request 6563: GX may stand with GY, not with GZ",
        "service_lines[0].procedure.modifiers",
        professional(line("93000", "GX", "GZ")),
        professional(line("93000", "GX", "GY")),
    ),
    Pair(
        "modifier-waste",
        f"{MANUAL} 17, 40",
        "service_lines[0].procedure.modifiers",
        professional(line("J1885", "JW", "JZ", drug=DRUG)),
        professional(line("J1885", "JZ", drug=DRUG)),
    ),
    Pair(
        "modifier-facility-only",
        f"{MANUAL} 4, 20.6.4",
        "service_lines[0].procedure.modifiers",
        professional(line("45378", "73")),
        professional(line("45378", "53")),
    ),
    Pair(
        "modifier-professional-only",
        f"{MANUAL} 4, 20.6.4",
        "service_lines[0].procedure.modifiers",
        outpatient(line("45378", "53", revenue_code="0750")),
        outpatient(line("45378", "74", revenue_code="0750")),
    ),
    Pair(
        "modifier-component-facility",
        f"{MANUAL} 13, 20.2",
        "service_lines[0].procedure.modifiers",
        outpatient(line("71046", "TC", revenue_code="0324")),
        outpatient(line("71046", revenue_code="0324")),
    ),
    Pair(
        "laterality",
        f"{GUIDE} I.B.13; S42.201A is of the right, S42.202A of the left humerus",
        "service_lines[0].procedure.modifiers",
        sides("S42202A"),
        sides("S42201A"),
    ),
    # Units and dates
    Pair(
        "units-fraction",
        "CMS change request 7065: tenths for mileage only",
        "service_lines[0].units",
        professional(line("97110", units="1.5")),
        professional(line("A0425", units="1.5")),
    ),
    Pair(
        "units-minutes",
        f"{MANUAL} 12, 50",
        "service_lines[0].unit",
        professional(line("99213", unit="MJ", units="30")),
        professional(line("00840", unit="MJ", units="30")),
    ),
    Pair(
        "units-anesthesia-minutes",
        f"{MANUAL} 12, 50",
        "service_lines[0].unit",
        professional(line("00840", units="30")),
        professional(line("00840", unit="MJ", units="30")),
    ),
    Pair(
        "units-fewer-than-days",
        f"{MANUAL} 26, 10.4",
        "service_lines[0].units",
        professional(line("99232", units="2", service_through=month(5)), facility_code="21"),
        professional(line("99232", units="3", service_through=month(5)), facility_code="21"),
    ),
    Pair(
        "service-outside-statement",
        "837I DTP*434",
        "service_lines[0].service_from",
        outpatient(line("99284", revenue_code="0450", service_from=month(4))),
        outpatient(line("99284", revenue_code="0450", service_from=month(3))),
    ),
    # Places and telehealth
    Pair(
        "place-unknown",
        "CMS place of service code set: 28 is unassigned",
        "facility_code",
        professional(facility_code="28"),
        professional(facility_code="27"),
    ),
    Pair(
        "telehealth-place",
        "CMS place of service code set: 02 and 10 are telehealth",
        "service_lines[0].procedure.modifiers",
        professional(line("99213", "95"), facility_code="11"),
        professional(line("99213", "95"), facility_code="10"),
    ),
    Pair(
        "telehealth-modifier",
        "CPT modifiers 93 and 95",
        "service_lines[0].procedure.modifiers",
        professional(line("99213"), facility_code="02"),
        professional(line("99213", "95"), facility_code="02"),
    ),
    Pair(
        "telehealth-audio-and-video",
        "CPT modifiers 93 and 95",
        "service_lines[0].procedure.modifiers",
        professional(line("99213", "93", "95"), facility_code="10"),
        professional(line("99213", "93"), facility_code="10"),
    ),
    Pair(
        "telehealth-home-date",
        "CMS change request 12427: place 10 from 2022-01-01",
        "service_lines[0].place_of_service",
        professional(line("99213", "95", service_from=date(2021, 12, 31)), facility_code="10"),
        professional(line("99213", "95", service_from=date(2022, 1, 1)), facility_code="10"),
    ),
    Pair(
        "visit-place",
        f"{MANUAL} 12, 30.6.11: emergency visits are in emergency rooms",
        "facility_code",
        professional(line("99283"), facility_code="11"),
        professional(line("99283"), facility_code="23"),
    ),
    # Revenue codes
    Pair(
        "revenue-room-outpatient",
        f"{MANUAL} 4, 290: observation is 0762",
        "service_lines[0].revenue_code",
        outpatient(line(None, revenue_code="0120")),
        outpatient(line("G0378", revenue_code="0762")),
    ),
    Pair(
        "revenue-procedure-missing",
        f"{MANUAL} 4, 20",
        "service_lines[0].procedure",
        outpatient(line(None, revenue_code="0300")),
        outpatient(line("80053", revenue_code="0300")),
    ),
    Pair(
        "revenue-room-missing",
        f"{MANUAL} 3, 10",
        "service_lines",
        inpatient(line(None, revenue_code="0250")),
        inpatient(line(None, revenue_code="0120", unit="DA")),
    ),
    Pair(
        "revenue-therapy-modifier",
        f"{MANUAL} 5, 20.1: GP for physical therapy",
        "service_lines[0].procedure.modifiers",
        outpatient(line("97110", revenue_code="0420")),
        outpatient(line("97110", "GP", revenue_code="0420")),
    ),
    Pair(
        "revenue-emergency-visit",
        f"{MANUAL} 4, 160",
        "service_lines[0].revenue_code",
        outpatient(line("99284", revenue_code="0510")),
        outpatient(line("99284", revenue_code="0450")),
    ),
    Pair(
        "revenue-drug-code",
        f"{MANUAL} 17, 90.2",
        "service_lines[0].procedure.code",
        outpatient(line("71046", revenue_code="0636")),
        outpatient(line("J1885", revenue_code="0636", drug=DRUG)),
    ),
    Pair(
        "revenue-total-line",
        "837I CLM02",
        "service_lines[0].revenue_code",
        outpatient(line(None, revenue_code="0001")),
        outpatient(line(None, revenue_code="0250")),
    ),
    # Drugs
    Pair(
        "ndc-format",
        "837 LIN03: eleven digits, 5-4-2",
        "service_lines[0].drug.ndc",
        professional(line("J1885", drug=Drug(ndc="0409379501", quantity=Decimal(1), unit="ML"))),
        professional(line("J1885", drug=Drug(ndc="00409379501", quantity=Decimal(1), unit="ML"))),
    ),
    Pair(
        "ndc-unit",
        "837 CTP05",
        "service_lines[0].drug.unit",
        professional(line("J1885", drug=Drug(ndc="00409379501", quantity=Decimal(1), unit="MG"))),
        professional(line("J1885", drug=Drug(ndc="00409379501", quantity=Decimal(1), unit="ML"))),
    ),
    Pair(
        "ndc-quantity",
        "837 CTP04",
        "service_lines[0].drug.quantity",
        professional(line("J1885", drug=Drug(ndc="00409379501", quantity=Decimal(0), unit="ML"))),
        professional(line("J1885", drug=Drug(ndc="00409379501", quantity=Decimal(1), unit="ML"))),
    ),
    Pair(
        "ndc-missing",
        "42 CFR 447.520",
        "service_lines[0].drug",
        professional(line("J1885"), **MEDICAID),
        professional(line("J1885")),
    ),
    # NCCI
    Pair(
        "pair-never-together",
        f"{PTP}: G0438 and G0439, indicator 0",
        "service_lines[1].procedure",
        professional(line("G0438"), line("G0439")),
        professional(line("G0438"), line("G0439", service_from=month(4))),
    ),
    Pair(
        "pair-needs-modifier",
        f"{PTP}: G0439 and G0380, indicator 1",
        "service_lines[1].procedure",
        professional(line("G0439"), line("G0380")),
        professional(line("G0439"), line("G0380", "59")),
    ),
    Pair(
        "units-over-line-limit",
        f"{MUE}: A0425 250, MAI 1",
        "service_lines[0].units",
        professional(line("A0425", units="251"), **MEDICARE),
        professional(line("A0425", units="250"), **MEDICARE),
    ),
    Pair(
        "units-over-day-limit",
        f"{MUE}: G0439 1, MAI 2",
        "service_lines[0].units",
        professional(line("G0439", units="2"), **MEDICARE),
        professional(line("G0439", units="1"), **MEDICARE),
    ),
    Pair(
        "units-over-clinical-limit",
        f"{MUE}: J1885 8, MAI 3",
        "service_lines[0].units",
        professional(line("J1885", units="9", drug=DRUG), **MEDICARE),
        professional(line("J1885", units="8", drug=DRUG), **MEDICARE),
    ),
    Pair(
        "add-on-without-primary",
        f"CMS NCCI add-on edits: type 1; {MANUAL} 12, 30(D)",
        "service_lines[1].procedure.code",
        professional(line("99213"), line("99417")),
        professional(line("99215"), line("99417")),
        LOADED,
    ),
    Pair(
        "add-on-alone",
        "CMS NCCI add-on edits: type 2",
        "service_lines[0].procedure.code",
        professional(line("G2211")),
        professional(line("G2211"), line("99213")),
        LOADED,
    ),
    Pair(
        "add-on-multiple",
        f"{MANUAL} 12, 40.6",
        "service_lines[1].procedure.modifiers",
        professional(line("99215"), line("99417", "51")),
        professional(line("99215"), line("99417")),
        LOADED,
    ),
    Pair(
        "not-medically-necessary",
        "an article as of an LCD: 93000 for I10 to I16 and R07.9",
        "service_lines[0].diagnosis_pointers",
        professional(line("93000", diagnosis_pointers=(2,)), diagnoses=diagnoses("I10", "E119")),
        professional(line("93000", diagnosis_pointers=(1,)), diagnoses=diagnoses("I10", "E119")),
        LOADED,
    ),
    # Duplicates and time
    Pair(
        "line-repeated",
        f"{MANUAL} 1, 120",
        "service_lines[1]",
        professional(line("93000"), line("93000")),
        professional(line("93000"), line("93000", "76")),
    ),
    Pair(
        "service-billed-already",
        f"{MANUAL} 1, 120",
        "service_lines[0]",
        professional(line("93000")),
        professional(line("93000", "76")),
        history=(earlier("93000"),),
    ),
    Pair(
        "stay-billed-already",
        f"{MANUAL} 1, 120",
        "statement_from",
        inpatient(),
        inpatient(),
        history=(earlier(None, kind="institutional", stay="11"),),
        kept_history=(earlier(None, kind="institutional", stay="11", day=month(2)),),
    ),
    Pair(
        "filing-limit-passed",
        "42 CFR 424.44: one calendar year after the service",
        "service_lines",
        professional(line("99213", service_from=date(2025, 3, 9)), **MEDICARE),
        professional(line("99213", service_from=date(2025, 3, 10)), **MEDICARE),
    ),
    Pair(
        "filing-limit-soon",
        "the payer's contract: 90 days",
        "service_lines",
        professional(line("99213", service_from=TODAY - timedelta(days=60))),
        professional(line("99213", service_from=TODAY - timedelta(days=59))),
        LOADED,
    ),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.rule)
def test_the_smallest_break_is_found_at_its_path(pair: Pair) -> None:
    findings = found(pair.broken, pair.reference, pair.history, pair.today)
    assert (pair.rule, pair.path) in [(each.code, each.path) for each in findings], pair.source


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.rule)
def test_the_nearest_right_claim_passes(pair: Pair) -> None:
    history = pair.history if pair.kept_history is None else pair.kept_history
    findings = found(pair.kept, pair.reference, history, pair.today)
    assert pair.rule not in [each.code for each in findings], pair.source


def test_every_check_has_its_pair() -> None:
    families = {rule.code for rule in checks.RULES} - {rule.code for rule in structural.RULES}
    assert families == {pair.rule for pair in PAIRS}


@pytest.mark.parametrize("claim", [professional(), outpatient(), inpatient()])
def test_a_clean_claim_has_no_findings(claim: Claim) -> None:
    assert found(claim) == ()
