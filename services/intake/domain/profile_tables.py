"""The built-in mapping: where HL7 keeps each value that a claim needs, and what its codes mean.

Data only. A source profile replaces single rows. Places are those of HL7 v2.3 to 2.8, which only
ever added to them; tables of code values are the standard's (0063, 0004, 0017) in our own words.
"""

from collections.abc import Mapping
from typing import Literal

Meaning = Literal[
    "register", "discharge", "update", "merge", "charge", "account", "final", "coding", "ignore"
]

EVENTS: Mapping[str, Meaning] = {
    "ADT^A01": "register",
    "ADT^A04": "register",
    "ADT^A03": "discharge",
    "ADT^A08": "update",
    "ADT^A40": "merge",
    "DFT^P03": "charge",
    "DFT^P11": "charge",
    "BAR^P01": "account",
    "BAR^P05": "account",
    "BAR^P06": "final",
    "BAR^P12": "coding",
}

REPLACING_EVENTS = ("DFT^P03", "DFT^P11", "BAR^P05", "BAR^P06", "BAR^P12", "FHIR^ChargeItem")

FIELDS: Mapping[str, tuple[str, ...]] = {
    # Which encounter, and when it was said
    "account": ("PID-18.1", "PV1-19.1"),
    "medical_record_number": ("PID-3[5=MR].1", "PID-3.1"),
    "prior_account": ("MRG-3.1",),
    "prior_medical_record_number": ("MRG-1[5=MR].1", "MRG-1.1"),
    "occurred_at": ("EVN-2.1", "MSH-7.1"),
    # The patient. PID-5 is a name, PID-11 an address: all their components are read
    "patient.name": ("PID-5",),
    "patient.birth_date": ("PID-7.1",),
    "patient.gender": ("PID-8.1",),
    "patient.address": ("PID-11",),
    "patient.death_date": ("PID-29.1",),
    # The visit. PV1-7 and the like are persons with identifiers
    "visit.class": ("PV1-2.1",),
    "visit.facility_code": (),
    "visit.admission_type": ("PV1-4.1",),
    "visit.admission_source": ("PV1-14.1",),
    "visit.patient_status": ("PV1-36.1",),
    "visit.admitted_at": ("PV1-44.1",),
    "visit.discharged_at": ("PV1-45.1",),
    "visit.attending_provider": ("PV1-7",),
    "visit.referring_provider": ("PV1-8",),
    "visit.rendering_provider": (),
    "visit.operating_provider": ("PR1-11",),
    "visit.billing_facility": ("PV1-39.1", "MSH-4.1"),
    "visit.diagnosis_related_group": ("DRG-1.1",),
    "visit.accident_on": ("ACC-1.1",),
    "visit.accident_cause": ("ACC-3.1",),
    "visit.accident_state": ("ACC-4.1",),
    # Each coverage: an IN1 with its IN2
    "coverage.priority": ("IN1-22.1", "IN1-1.1"),
    "coverage.plan": ("IN1-2.1",),
    "coverage.company": ("IN1-3.1",),
    "coverage.payer_name": ("IN1-4.1",),
    "coverage.payer_address": ("IN1-5",),
    "coverage.group_number": ("IN1-8.1",),
    "coverage.group_name": ("IN1-9.1",),
    "coverage.authorization": ("IN1-14.1",),
    "coverage.plan_type": ("IN1-15.1",),
    "coverage.insured_name": ("IN1-16",),
    "coverage.relationship": ("IN1-17.1",),
    "coverage.insured_birth_date": ("IN1-18.1",),
    "coverage.insured_address": ("IN1-19",),
    "coverage.member_id": ("IN1-36.1", "IN1-49.1", "IN2-61.1"),
    "coverage.insured_gender": ("IN1-43.1",),
    # Each diagnosis: a DG1
    "diagnosis.code": ("DG1-3.1",),
    "diagnosis.system": ("DG1-3.3", "DG1-2.1"),
    "diagnosis.type": ("DG1-6.1",),
    "diagnosis.priority": ("DG1-15.1",),
    "diagnosis.present_on_admission": ("DG1-26.1",),
    # Each inpatient procedure: a PR1
    "procedure.code": ("PR1-3.1",),
    "procedure.system": ("PR1-3.3", "PR1-2.1"),
    "procedure.on": ("PR1-5.1",),
    "procedure.priority": ("PR1-14.1",),
    # Each charge: an FT1, with a PR1 of its own where one follows
    "charge.id": ("FT1-2.1",),
    "charge.from": ("FT1-4.1",),
    "charge.through": ("FT1-4.2",),
    "charge.kind": ("FT1-6.1",),
    "charge.procedure": ("FT1-25.1",),
    "charge.procedure_system": ("FT1-25.3",),
    "charge.description": (),
    "charge.code": ("FT1-7.1",),
    "charge.code_system": ("FT1-7.3",),
    "charge.modifiers": ("FT1-26",),
    "charge.revenue_code": (),
    "charge.department": ("FT1-13.1",),
    "charge.units": ("FT1-10.1",),
    "charge.amount": ("FT1-11.1.1",),
    "charge.unit_amount": ("FT1-12.1.1",),
    "charge.currency": ("FT1-11.1.2", "FT1-12.1.2"),
    "charge.diagnoses": ("FT1-19",),
    "charge.rendering_provider": ("FT1-20",),
    "charge.ordering_provider": ("FT1-21",),
    "charge.ndc": ("FT1-29.1",),
    "charge.ndc_quantity": ("FT1-43.1",),
    "charge.ndc_unit": ("FT1-43.2",),
    "charge.place_of_service": (),
    "charge.line_control_number": (),
}

CHARGE_KINDS: Mapping[str, Literal["charge", "credit", "other"]] = {
    "CG": "charge",
    "": "charge",
    "CD": "credit",
    "PY": "other",
    "AJ": "other",
    "CO": "other",
    "TR": "other",
}
"""HL7 table 0017: charge, credit; payments, adjustments, co-payments are no part of a claim."""

PROCEDURE_SYSTEMS = (
    "C4", "CPT", "CPT4", "CPT-4", "C5", "CPTM", "HCPCS", "HPC", "HCPT", "HC", "CD2", "ADA", "CDT",
)  # fmt: skip
"""Coding systems whose codes are HCPCS, CPT or CDT (HL7 table 0396)."""

DRUG_UNITS: Mapping[str, str] = {
    "F2": "F2", "IU": "F2", "[IU]": "F2",
    "GR": "GR", "G": "GR", "GM": "GR",
    "ME": "ME", "MG": "ME",
    "ML": "ML",
    "UN": "UN", "EA": "UN", "1": "UN",
}  # fmt: skip
"""What FT1-43 says, in capitals, as the unit of a drug that a claim takes (837 CTP05-1)."""

REVENUE_SYSTEMS = ("NUBC", "REV", "RC", "UB92", "UB04", "UB-04")

DIAGNOSIS_SYSTEMS: Mapping[str, Literal["icd10cm", "icd9cm"]] = {
    "": "icd10cm",
    "I10": "icd10cm",
    "I10C": "icd10cm",
    "ICD10": "icd10cm",
    "ICD-10": "icd10cm",
    "ICD10CM": "icd10cm",
    "ICD-10-CM": "icd10cm",
    "ICD-10CM": "icd10cm",
    "10": "icd10cm",
    "I9": "icd9cm",
    "I9C": "icd9cm",
    "I9CDX": "icd9cm",
    "ICD9": "icd9cm",
    "ICD-9": "icd9cm",
    "ICD9CM": "icd9cm",
}

RELATIONSHIPS: Mapping[str, str] = {
    "SEL": "18", "SELF": "18", "SPO": "01", "DOM": "53", "CHD": "19", "NCH": "19", "SCH": "19",
    "FCH": "19", "EME": "20", "UNK": "21", "ODO": "39", "CAD": "40", "DEP": "G8", "GCH": "G8",
    "WRD": "G8", "PAR": "G8", "MTH": "G8", "FTH": "G8", "GRD": "G8", "GRP": "G8", "EXF": "G8",
    "SIB": "G8", "BRO": "G8", "SIS": "G8", "OAD": "G8", "OTH": "G8", "ASC": "G8", "FND": "G8",
    "18": "18", "01": "01", "19": "19", "20": "20", "21": "21", "39": "39", "40": "40",
    "53": "53", "G8": "G8",
}  # fmt: skip
"""HL7 table 0063 to X12's relationships (SBR02, PAT01)."""

BILL_TYPES: Mapping[str, str] = {"I": "11", "": "13"}
"""The first two digits of the type of bill by patient class (HL7 table 0004); else that of ''."""

PLACES_OF_SERVICE: Mapping[str, str] = {"I": "21", "E": "23", "B": "21", "N": "21", "": "22"}
"""CMS place of service by patient class."""

ADMISSION_TYPES: Mapping[str, str] = {
    "E": "1", "U": "2", "C": "3", "R": "3", "N": "4", "L": "2", "A": "5",
    "1": "1", "2": "2", "3": "3", "4": "4", "5": "5", "9": "9",
}  # fmt: skip
"""HL7 table 0007 to the priority of a visit (CL101)."""

DIAGNOSIS_ROLES: Mapping[str, Literal["admitting", "other"]] = {"A": "admitting"}
"""HL7 table 0052: A admitting; W working and F final tell nothing of the place on a claim."""

SURGICAL_SYSTEMS: Mapping[str, Literal["icd10pcs", "icd9pcs"]] = {
    "I10P": "icd10pcs",
    "ICD10PCS": "icd10pcs",
    "ICD-10-PCS": "icd10pcs",
    "I9CP": "icd9pcs",
    "ICD9PCS": "icd9pcs",
}
"""Coding systems of PR1-3 whose codes an institutional claim carries."""
