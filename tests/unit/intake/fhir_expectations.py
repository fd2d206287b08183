"""What must become of each FHIR sample, and why: for each file its records in order, each
accepted or with what blocks it.

Most of the samples are payers' answers and coverages, which are no claims. Of the claims many are
incomplete on purpose (HL7's examples refer to resources that are in other files; CMS's show what a
payer took in, without its charges), or ask for an authorization.
"""

CMS_OUT = "CMSgov_beneficiary-fhir-data__apps__bfd-model-idr__out__"
CMS = (
    "CMSgov_beneficiary-fhir-data__apps__bfd-server__bfd-server-war__src__test__resources__"
    "endpoint-responses__v2__"
)
HL7 = "google_fhir__spec__hl7.fhir.r4.examples__4.0.1__package__"
GOOGLE = "google_fhir__go__jsonformat__test__testdata__"
CARIN = "inferno-framework_carin-for-blue-button-test-kit__"
PAS = "inferno-framework_davinci-pas-test-kit__"

NO_CLAIMS = {
    CMS_OUT: (
        "Coverage-Dual",
        "Coverage-FFS-PartB",
        "Coverage-FFS",
        "Coverage-PartC",
        "Coverage-PartD",
        "ExplanationOfBenefit-Carrier",
        "ExplanationOfBenefit-DME",
        "ExplanationOfBenefit-HHA",
        "ExplanationOfBenefit-Hospice",
        "ExplanationOfBenefit-MCS",
        "ExplanationOfBenefit-Outpatient",
        "ExplanationOfBenefit-Pharmacy",
        "ExplanationOfBenefit-PriorAuth",
        "ExplanationOfBenefit-SNF",
        "ExplanationOfBenefit",
    ),
    CMS: (
        "claimResponseFissRead",
        "claimResponseMcsRead",
        "coverageRead",
        "eobReadCarrier",
        "eobReadCarrierWithMultipleLines",
        "eobReadCarrierWithTaxNumbers",
        "eobReadDme",
        "eobReadDmeWithTaxNumbers",
        "eobReadHha",
        "eobReadHospice",
        "eobReadInpatient",
        "eobReadOutpatient",
        "eobReadPde",
        "eobReadSnf",
    ),
    HL7: (
        "ClaimResponse-R3500",
        "ClaimResponse-R3501",
        "ClaimResponse-R3502",
        "ClaimResponse-R3503",
        "ClaimResponse-UR3503",
        "Coverage-7546D",
        "Coverage-7547E",
        "Coverage-9876B1",
        "Coverage-SP1234",
        "ExplanationOfBenefit-EB3500",
        "ExplanationOfBenefit-EB3501",
    ),
    CARIN: (
        "c4bb_coverage_example",
        "c4bb_eob_coverage_example",
        "c4bb_eob_inpatient_example",
    ),
    PAS: (
        "invalid_first_entry_response_bundle",
        "missing_referenced_resource_response_bundle",
        "response_bundle_patient_wrong_fullurl",
        "valid_pa_inquire_response_bundle",
        "valid_pa_response_bundle",
        "valid_pa_response_bundle_denial",
    ),
}
"""Coverages, explanations of benefits and claim responses."""

QUERY_RESULTS = {
    CMS: (
        "claimResponseSearch",
        "claimResponseSearchPaginated",
        "claimResponseSearchPost",
        "claimSearch",
        "claimSearchPaginated",
        "claimSearchPost",
        "claimSearchWithTaxNumbers",
        "eobByPatientIdAll",
        "eobByPatientIdPaged",
        "eobReadByPatientWithSamhsa",
    ),
    CARIN: ("explanation_of_benefit_all",),
}
"""Bundles that answer a search."""

_CLAIMS = {
    CMS + "claimFissRead": [
        [
            "required-missing item[0].net",
            "service-not-coded item[1].productOrService",
            "required-missing item[1].net",
        ]
    ],
    CMS + "claimFissReadWithTaxNumbers": [
        [
            "required-missing item[0].net",
            "service-not-coded item[1].productOrService",
            "required-missing item[1].net",
        ]
    ],
    CMS + "claimMcsRead": [["required-missing insurance", "required-missing item[0].net"]],
    CMS + "claimMcsReadWithTaxNumbers": [
        ["required-missing insurance", "required-missing item[0].net"]
    ],
    GOOGLE + "synthea.bundle": [
        ["required-missing type", "not-a-claim use"],
        ["required-missing type", "not-a-claim use"],
        ["required-missing type", "not-a-claim use"],
    ],
    HL7 + "Claim-100150": [
        [
            "reference-unresolved patient",
            "reference-unresolved provider",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
        ]
    ],
    HL7 + "Claim-100151": [
        [
            "reference-unresolved patient",
            "reference-unresolved provider",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
            "service-not-coded item[1].productOrService",
            "service-not-coded item[2].productOrService",
        ]
    ],
    HL7 + "Claim-100152": [["accepted"]],
    HL7 + "Claim-100153": [
        [
            "not-a-claim use",
            "reference-unresolved patient",
            "reference-unresolved provider",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
            "service-not-coded item[1].productOrService",
            "service-not-coded item[2].productOrService",
        ]
    ],
    HL7 + "Claim-100154": [["accepted"]],
    HL7 + "Claim-100155": [["reference-unresolved insurance[0].coverage"]],
    HL7 + "Claim-100156": [
        [
            "reference-unresolved patient",
            "reference-unresolved provider",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
            "service-not-coded item[1].productOrService",
            "service-not-coded item[2].productOrService",
        ]
    ],
    HL7 + "Claim-660150": [["claim-type-not-supported type"]],
    HL7 + "Claim-660151": [["claim-type-not-supported type"]],
    HL7 + "Claim-660152": [["claim-type-not-supported type"]],
    HL7 + "Claim-760150": [["claim-type-not-supported type"]],
    HL7 + "Claim-760151": [["claim-type-not-supported type"]],
    HL7 + "Claim-760152": [["claim-type-not-supported type"]],
    HL7 + "Claim-860150": [
        [
            "reference-unresolved patient",
            "reference-unresolved provider",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
        ]
    ],
    HL7 + "Claim-960150": [
        [
            "reference-unresolved patient",
            "reference-unresolved provider",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
        ]
    ],
    HL7 + "Claim-960151": [
        [
            "reference-unresolved patient",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
        ]
    ],
    HL7 + "Claim-MED-00050": [
        ["reference-unresolved provider", "reference-unresolved careTeam[0].provider"]
    ],
    PAS + "conformant_pas_bundle_v110": [
        [
            "not-a-claim use",
            "npi-malformed Practitioner.identifier[0].value",
            "service-not-coded item[0].productOrService",
            "required-missing item[0].net",
        ]
    ],
    PAS + "conformant_pas_bundle_v110_multiple_items": [
        [
            "not-a-claim use",
            "npi-malformed Practitioner.identifier[0].value",
            "service-not-coded item[0].productOrService",
            "required-missing item[0].net",
            "service-not-coded item[1].productOrService",
            "required-missing item[1].net",
        ]
    ],
    PAS + "conformant_pas_bundle_v110_uuid": [
        [
            "not-a-claim use",
            "npi-malformed Practitioner.identifier[0].value",
            "service-not-coded item[0].productOrService",
            "required-missing item[0].net",
        ]
    ],
    PAS + "conformant_pas_inquire_bundle_v110": [
        [
            "not-a-claim use",
            "npi-malformed Practitioner.identifier[0].value",
            "service-not-coded item[0].productOrService",
            "required-missing item[0].net",
        ]
    ],
    PAS + "missing_referenced_resource_request_bundle": [
        [
            "not-a-claim use",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
            "required-missing item[0].net",
        ]
    ],
    PAS + "pas_claim": [
        [
            "not-a-claim use",
            "reference-unresolved patient",
            "reference-unresolved provider",
            "reference-unresolved insurance[0].coverage",
            "reference-unresolved careTeam[0].provider",
            "service-not-coded item[0].productOrService",
            "required-missing item[0].net",
        ]
    ],
}

EXPECTED: dict[str, list[list[str]]] = {
    **{
        f"{place}{name}.json": [["resource-not-a-claim resourceType"]]
        for place, names in NO_CLAIMS.items()
        for name in names
    },
    **{
        f"{place}{name}.json": [["bundle-type-not-taken Bundle.type"]]
        for place, names in QUERY_RESULTS.items()
        for name in names
    },
    **{f"{name}.json": outcomes for name, outcomes in _CLAIMS.items()},
}
