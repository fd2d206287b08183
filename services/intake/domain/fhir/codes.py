"""Code systems, and what their codes are in an 837. Tables only.

Sources: HL7 terminology (terminology.hl7.org), the CARIN Blue Button guide's code systems for what
base FHIR leaves open, X12's published code system addresses. Codes are values; the words are ours.
"""

from collections.abc import Mapping

from shared.contract.claim import ClaimKind

NPI = "http://hl7.org/fhir/sid/us-npi"
TAX_IDS = frozenset({"urn:oid:2.16.840.1.113883.4.4", "http://hl7.org/fhir/sid/us-ein"})
TAX_ID = "urn:oid:2.16.840.1.113883.4.4"
SSN = "http://hl7.org/fhir/sid/us-ssn"
TAXONOMY = "http://nucc.org/provider-taxonomy"
IDENTIFIER_TYPE = "http://terminology.hl7.org/CodeSystem/v2-0203"

CLAIM_TYPE = "http://terminology.hl7.org/CodeSystem/claim-type"
KINDS: Mapping[str, ClaimKind] = {
    "professional": "professional",
    "institutional": "institutional",
    "oral": "dental",
}
TYPE_OF_KIND = {kind: code for code, kind in KINDS.items()}

ICD10_CM = ("http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-10")
ICD9_CM = ("http://hl7.org/fhir/sid/icd-9-cm", "http://terminology.hl7.org/CodeSystem/icd9cm")
ICD10_PCS = (
    "http://hl7.org/fhir/sid/icd-10-pcs",
    "http://www.cms.gov/Medicare/Coding/ICD10",
)
ICD9_PCS = ("http://www.cms.gov/Medicare/Coding/ICD9", *ICD9_CM)
CPT = "http://www.ama-assn.org/go/cpt"
HCPCS = (
    "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs",
    "urn:oid:2.16.840.1.113883.6.285",
)
CDT = ("http://www.ada.org/cdt", "urn:oid:2.16.840.1.113883.6.13")
HIPPS = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/ProspMedicareFeeSvcPmtGen/HIPPSCodes"
PROCEDURE_SYSTEMS = (CPT, *HCPCS, *CDT, HIPPS)
NDC = "http://hl7.org/fhir/sid/ndc"
REVENUE = ("https://www.nubc.org/CodeSystem/RevenueCodes",)
PLACE_OF_SERVICE = (
    "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set"
)
BILL_TYPE = "https://www.nubc.org/CodeSystem/TypeOfBill"
FREQUENCY = "https://codesystem.x12.org/005010/1325"
FILING_INDICATOR = "https://codesystem.x12.org/005010/1032"
DRG = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software"
OCCURRENCE = "https://www.nubc.org/CodeSystem/OccurrenceCodes"
OCCURRENCE_SPAN = "https://www.nubc.org/CodeSystem/OccurrenceSpanCodes"
VALUE = "https://www.nubc.org/CodeSystem/ValueCodes"
CONDITION = "https://www.nubc.org/CodeSystem/ConditionCodes"

PRACTITIONER_ROLES: Mapping[str, str] = {
    "rendering": "rendering_provider",
    "performing": "rendering_provider",
    "attending": "attending_provider",
    "operating": "operating_provider",
    "otheroperating": "other_operating_provider",
    "referring": "referring_providers",
    "supervising": "supervising_provider",
    "supervisor": "supervising_provider",
    "assist": "assistant_surgeon",
    "assistingprovider": "assistant_surgeon",
}
CARE_TEAM_ROLE = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimCareTeamRole"
CODE_OF_ROLE = {
    "rendering_provider": "rendering",
    "attending_provider": "attending",
    "operating_provider": "operating",
    "other_operating_provider": "otheroperating",
    "referring_providers": "referring",
    "supervising_provider": "supervising",
    "assistant_surgeon": "assist",
}
PRIMARY_ROLE: Mapping[ClaimKind, str] = {
    "professional": "rendering_provider",
    "institutional": "attending_provider",
    "dental": "rendering_provider",
}
"""Of a care team member whose role is primary, or is not said."""

DIAGNOSIS_TYPE = "http://terminology.hl7.org/CodeSystem/ex-diagnosistype"
DIAGNOSIS_ROLES: Mapping[str, str] = {
    "principal": "principal",
    "admitting": "admitting",
    "patientreasonforvisit": "reason_for_visit",
    "externalcauseofinjury": "external_cause",
    "externalcause": "external_cause",
}
TYPE_OF_DIAGNOSIS = {
    "principal": "principal",
    "admitting": "admitting",
    "reason_for_visit": "patientreasonforvisit",
    "external_cause": "externalcauseofinjury",
    "other": "other",
}

RELATIONSHIPS: Mapping[str, str] = {
    "self": "18",
    "spouse": "01",
    "child": "19",
    "common": "53",
    "parent": "G8",
    "other": "G8",
    "injured": "G8",
}
"""SBR02 and PAT01 by subscriber-relationship."""
RELATIONSHIP = "http://terminology.hl7.org/CodeSystem/subscriber-relationship"
RELATIONSHIP_OF = {"18": "self", "01": "spouse", "19": "child", "53": "common", "G8": "other"}

FILING_BY_COVERAGE: Mapping[str, str] = {
    "HIP": "CI",
    "EHCPOL": "CI",
    "HMO": "HM",
    "PPO": "12",
    "POS": "13",
    "MCPOL": "16",
    "SUBSIDIZ": "OF",
    "WCBPOL": "WC",
    "AUTOPOL": "AM",
}
"""SBR09 by v3-ActCode, where the code says as much."""

GENDERS: Mapping[str, str] = {"female": "F", "male": "M", "other": "U", "unknown": "U"}
GENDER_OF = {"F": "female", "M": "male", "U": "unknown"}
CONTACT_KINDS: Mapping[str, str] = {"phone": "TE", "fax": "FX", "email": "EM", "url": "UR"}
SYSTEM_OF_CONTACT = {kind: system for system, kind in CONTACT_KINDS.items()}
UNITS: Mapping[str, str] = {"min": "MJ", "d": "DA"}
"""SV104 by UCUM unit; UN for everything else."""
UNIT_OF = {unit: code for code, unit in UNITS.items()}
DRUG_UNITS: Mapping[str, str] = {
    "[iU]": "F2",
    "g": "GR",
    "mg": "ME",
    "mL": "ML",
    "ml": "ML",
    "{unit}": "UN",
    "1": "UN",
}
DRUG_UNIT_OF = {"F2": "[iU]", "GR": "g", "ME": "mg", "ML": "mL", "UN": "1"}
SEQUENCES = "PSTABCDEFGH"
"""SBR01 by a coverage's order."""

ACCIDENTS: Mapping[str, str] = {"MVA": "AA", "WPA": "EM"}
"""CLM11 by v3-ActIncidentCode; OA for every other accident."""
ACCIDENT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ACCIDENT_OF = {cause: code for code, cause in ACCIDENTS.items()} | {"OA": "_ActIncidentCode"}

INFORMATION = "http://terminology.hl7.org/CodeSystem/claiminformationcategory"
CARIN_INFORMATION = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType"
COVERAGE_CLASS = "http://terminology.hl7.org/CodeSystem/coverage-class"

# Which resources a message may hold that are not claims, and what to do about them.
OTHER_RESOURCES: Mapping[str, str] = {
    "ClaimResponse": "it is a payer's answer and not a claim",
    "ExplanationOfBenefit": "it is a payer's account of a claim and not a claim",
    "Coverage": "a coverage alone is no claim",
    "Patient": "a patient alone is no claim",
}
