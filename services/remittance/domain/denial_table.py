"""What payers' reason and remark codes mean for the next step: data, in our own words.

Only code values are the standard's; X12's texts are licensed and are not here. Public sources for
the meanings: CMS transmittals on remittance advice (Medicare Claims Processing Manual, chapter 22)
and Medicare contractors' published denial guidance. An operator's policy may add rows by payer,
group, remark and amount, which come first (`policy.py`).
"""

from dataclasses import dataclass
from typing import Literal

DenialClass = Literal[
    "correct_and_replace",
    "missing_information",
    "authorization",
    "eligibility",
    "coordination",
    "duplicate",
    "timely_filing",
    "medical_necessity",
    "bundling",
    "not_covered",
    "wrong_payer",
    "benefit_limit",
    "final",
    "review",
]


@dataclass(frozen=True, slots=True)
class Denial:
    """A class of denial, what it means, and what to do. `field` is where on the claim the cause
    stands, if it is one place: of the line where `is_of_line`."""

    kind: DenialClass
    meaning: str
    next_step: str
    field: str | None = None
    is_of_line: bool = True
    is_final: bool = False
    """Neither a corrected claim nor an appeal is open: decide who bears it."""


NEXT_STEPS: dict[DenialClass, str] = {
    "correct_and_replace": (
        "Correct the claim and replace it (frequency 7); ask why our own check let it through."
    ),
    "missing_information": "Send what is missing, or correct the claim and replace it "
    "(frequency 7).",
    "authorization": (
        "Send the authorization and appeal, or write it off after review; never bill it."
    ),
    "eligibility": "Look for the coverage in force; bill the patient only after review.",
    "coordination": "Find out which payer comes first and bill in that order.",
    "duplicate": "Find the original and its answer; close this one, or appeal.",
    "timely_filing": "Appeal with the 277CA that proves when the payer accepted it.",
    "medical_necessity": "Appeal with the records that support the service.",
    "bundling": "Check the edit: add the modifier that the record supports, or accept.",
    "not_covered": (
        "Review the plan's terms; a patient may be billed only where notice was given before."
    ),
    "wrong_payer": "Correct the coverage and send again.",
    "benefit_limit": (
        "Review the plan's terms; a patient may be billed only where notice was given before."
    ),
    "final": "Nothing more can be asked of this payer: decide who bears it.",
    "review": "Review by hand.",
}

CONTRACTUAL = frozenset(
    {
        "24",  # covered by a capitation agreement
        "42",  # above the fee schedule: older form of 45
        "44",  # discount for prompt payment
        "45",  # above the agreed price
        "59",  # several procedures at once: the later ones at a lower rate
        "94",  # paid above the charge: comes with a negative amount
        "104",  # managed care withholding
        "131",  # discount negotiated for this claim
        "144",  # incentive
        "223",  # a law or regulation lowers the payment
        "237",  # a penalty that a law or regulation sets
        "253",  # federal sequestration
        "A2",  # contractual adjustment: older form of 45
    }
)
"""Reasons that, in group CO, are written off by agreement."""

_Rows = tuple[tuple[str, str], ...]

_LINE_FIELDS = {
    "4": "procedure.modifiers",
    "5": "place_of_service",
    "6": "procedure.code",
    "7": "procedure.code",
    "9": "diagnosis_pointers",
    "10": "diagnosis_pointers",
    "11": "diagnosis_pointers",
    "12": "diagnosis_pointers",
    "58": "place_of_service",
    "146": "diagnosis_pointers",
    "152": "units",
    "167": "diagnosis_pointers",
    "181": "procedure.code",
    "182": "procedure.modifiers",
    "189": "procedure.code",
    "199": "revenue_code",
}
_CLAIM_FIELDS = {
    "13": "patient.death_date",
    "14": "patient.birth_date",
    "15": "prior_authorization",
    "31": "subscriber.identifier",
    "109": "payer.identifier",
    "110": "statement_through",
    "129": "other_coverages",
    "140": "subscriber.identifier",
    "163": "attachments",
    "165": "referral_number",
    "183": "referring_providers",
    "184": "ordering_provider",
    "185": "rendering_provider.npi",
    "197": "prior_authorization",
    "198": "prior_authorization",
    "206": "billing_provider.npi",
    "207": "billing_provider.npi",
    "208": "billing_provider.npi",
    "250": "attachments",
    "251": "attachments",
    "252": "attachments",
    "284": "prior_authorization",
    "288": "referral_number",
    "296": "prior_authorization",
    "B7": "billing_provider.npi",
}

_MEANINGS: dict[DenialClass, _Rows] = {
    "correct_and_replace": (
        ("4", "The modifier does not fit the service, or one is missing."),
        ("5", "The service does not fit the place of service."),
        ("6", "The service does not fit the patient's age."),
        ("7", "The service does not fit the patient's sex."),
        ("8", "The service does not fit the kind of provider."),
        ("9", "The diagnosis does not fit the patient's age."),
        ("10", "The diagnosis does not fit the patient's sex."),
        ("11", "The diagnosis does not support the service."),
        ("12", "The diagnosis does not fit the kind of provider."),
        ("13", "The date of death is before the date of service."),
        ("14", "The date of birth is after the date of service."),
        ("58", "The place or setting is not one in which this is paid."),
        ("110", "The claim was sent before the date of service."),
        ("125", "Something was billed in error."),
        ("146", "The diagnosis was not valid on that date."),
        ("181", "The procedure code was not valid on that date."),
        ("182", "The modifier was not valid on that date."),
        ("189", "An unlisted code stands where a specific one exists."),
        ("199", "Revenue code and procedure code do not belong together."),
        ("206", "A provider's NPI is missing."),
        ("207", "A provider's NPI is not valid."),
        ("208", "A provider's NPI is not the one the payer knows."),
        ("B16", "The patient is not a new one, as the code says."),
        ("B18", "Procedure code and modifier were not valid on that date."),
    ),
    "missing_information": (
        ("16", "Something is missing or wrong on the claim."),
        ("129", "What is said of an earlier payer's decision is wrong."),
        ("148", "Another provider's information is missing or incomplete."),
        ("163", "An attachment that the claim speaks of did not arrive."),
        ("164", "An attachment that the claim speaks of did not arrive in time."),
        ("226", "Asked of the provider and not received."),
        ("227", "Asked of the patient and not received."),
        ("250", "Another document than the one received is needed."),
        ("251", "The document received is incomplete."),
        ("252", "A document is needed to decide."),
    ),
    "authorization": (
        ("15", "The authorization number is missing or not for this."),
        ("39", "Authorization was asked for and refused."),
        ("95", "The plan's procedure was not followed."),
        ("165", "The referral is missing or exceeded."),
        ("197", "Authorization was not obtained."),
        ("198", "More was done than was authorized."),
        ("243", "The network or primary care provider did not authorize this."),
        ("284", "The authorization does not cover this service."),
        ("288", "The referral is missing."),
        ("296", "Authorization, notice or referral does not cover this provider."),
    ),
    "eligibility": (
        ("26", "The service was before coverage began."),
        ("27", "The service was after coverage ended."),
        ("32", "The plan does not take the patient for a dependant."),
        ("33", "The plan does not cover dependants."),
        ("34", "The plan does not cover newborns."),
        ("166", "The service came after the payer stopped answering for this plan."),
        ("177", "The patient did not meet a requirement of eligibility."),
        ("178", "The patient has not met the spend-down."),
        ("179", "A waiting period is not over."),
        ("200", "The service was during a lapse in coverage."),
    ),
    "coordination": (
        ("19", "A work-related injury: the employer's insurer should pay."),
        ("20", "A liability insurer should pay."),
        ("21", "A no-fault insurer should pay."),
        ("22", "Another payer should pay first."),
        ("136", "An earlier payer's rules were not followed."),
        ("201", "A workers' compensation settlement is responsible."),
        ("275", "An earlier payer's patient share is not covered here."),
    ),
    "duplicate": (("18", "The payer thinks it has this claim already."),),
    "timely_filing": (("29", "The payer says the claim came too late."),),
    "medical_necessity": (
        ("40", "The payer does not see an emergency."),
        ("50", "Not medically necessary in the payer's view."),
        ("55", "The payer takes the treatment for experimental."),
        ("56", "The payer does not take the treatment for effective."),
        ("150", "The payer does not see support for this level of service."),
        ("151", "The payer does not see support for so many or so often."),
        ("152", "The payer does not see support for this length of service."),
        ("153", "The payer does not see support for this dose."),
        ("154", "The payer does not see support for this day's supply."),
        ("186", "The level of care was changed."),
        ("216", "A review organization found against it."),
    ),
    "bundling": (
        ("54", "Several physicians or assistants are not covered here."),
        ("60", "Outpatient services near an inpatient stay are part of it."),
        ("97", "The payer counts this as part of another service."),
        ("107", "The service that this belongs to is not on the claim, or not paid."),
        ("190", "Part of the payment for a stay in a nursing facility."),
        ("231", "These procedures exclude each other on one day."),
        ("234", "This is not paid by itself."),
        ("236", "These two services are not paid together on one day."),
        ("B10", "The part that was paid already is taken off."),
        ("B13", "Paid before, perhaps within another payment."),
        ("B14", "Only one visit a day is paid."),
        ("B15", "A qualifying service must be there first, or be paid."),
        ("B20", "Another provider supplied it, in whole or in part."),
    ),
    "not_covered": (
        ("49", "A routine examination or screening is not covered."),
        ("51", "The condition existed before coverage."),
        ("96", "The plan does not cover this."),
        ("111", "Not covered unless the provider takes assignment."),
        ("114", "The drug or device is not approved."),
        ("158", "The service was outside the United States."),
        ("167", "The plan does not cover this diagnosis."),
        ("170", "Not paid when this kind of provider does it."),
        ("171", "Not paid in this kind of facility."),
        ("172", "Adjusted because of the provider's specialty."),
        ("183", "The referring provider may not refer this."),
        ("184", "The ordering provider may not order this."),
        ("185", "The rendering provider may not do this."),
        ("202", "Personal comfort is not covered."),
        ("204", "The patient's plan does not cover this."),
        ("242", "Not done by a provider of the network."),
        ("256", "The managed care contract does not pay this."),
        ("258", "Not paid while the patient is in custody."),
        ("272", "Coverage guidelines were not met."),
        ("B1", "Visits are not covered."),
        ("B7", "The provider was not certified for this on that date."),
        ("B9", "The patient is in hospice care."),
    ),
    "wrong_payer": (
        ("31", "The payer cannot find the patient."),
        ("109", "This payer is not the right one."),
        ("140", "Name and member number do not belong together."),
        ("B11", "The claim was passed on to the right payer."),
    ),
    "benefit_limit": (
        ("35", "The lifetime maximum is used up."),
        ("119", "A limit of the benefit is used up."),
        ("149", "The lifetime maximum of this benefit is used up."),
        ("169", "Another benefit is paid in place of this one."),
        ("222", "More units than the contract allows in a period."),
        ("273", "The coverage guidelines' limit is exceeded."),
    ),
    "final": (
        ("138", "An appeal was not made in time or in form."),
        ("193", "The payer looked again and stays with its decision."),
    ),
    "review": (
        ("133", "The payer has not decided on this line yet."),
        ("A1", "Denied; a remark code says why."),
        ("A8", "The group of the claim cannot be told."),
    ),
}


def _denial(kind: DenialClass, reason: str, meaning: str) -> Denial:
    return Denial(
        kind,
        meaning,
        NEXT_STEPS[kind],
        field=_LINE_FIELDS.get(reason) or _CLAIM_FIELDS.get(reason),
        is_of_line=reason not in _CLAIM_FIELDS,
        is_final=kind == "final",
    )


DENIALS: dict[str, Denial] = {
    reason: _denial(kind, reason, meaning)
    for kind, rows in _MEANINGS.items()
    for reason, meaning in rows
}
"""By claim adjustment reason code."""

UNKNOWN = Denial(
    "review", "The payer did not pay this; our table does not know the reason.", "Review by hand."
)


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark code: what it says, and, where it tells more than its reason, what it makes of it
    and which field it points at."""

    meaning: str
    kind: DenialClass | None = None
    field: str | None = None
    is_of_line: bool = False
    is_final: bool = False


REMARKS: dict[str, Remark] = {
    "M20": Remark("A HCPCS code is missing or not valid.", field="procedure.code", is_of_line=True),
    "M50": Remark(
        "A revenue code is missing, incomplete or not valid.", field="revenue_code", is_of_line=True
    ),
    "M51": Remark(
        "A procedure code is missing, incomplete or not valid.",
        field="procedure.code",
        is_of_line=True,
    ),
    "M52": Remark(
        "The first date of service is missing or not valid.", field="service_from", is_of_line=True
    ),
    "M53": Remark("The units are missing or not valid.", field="units", is_of_line=True),
    "M76": Remark("A diagnosis is missing, incomplete or not valid.", field="diagnoses"),
    "M77": Remark(
        "The place of service is missing or not valid.", field="place_of_service", is_of_line=True
    ),
    "M79": Remark("The charge is missing or not valid.", field="charge", is_of_line=True),
    "M127": Remark("The medical record is needed.", field="attachments"),
    "MA04": Remark(
        "The other payer's statement is missing or cannot be read.",
        kind="coordination",
        field="other_coverages",
    ),
    "MA27": Remark("The member number or name is missing or wrong.", field="subscriber.identifier"),
    "MA36": Remark("The patient's name is missing or not valid.", field="patient.name"),
    "MA61": Remark("The member number is missing or not valid.", field="subscriber.identifier"),
    "MA63": Remark("The principal diagnosis is missing or not valid.", field="diagnoses"),
    "MA92": Remark(
        "What is said of another insurance is missing.",
        kind="coordination",
        field="other_coverages",
    ),
    "MA120": Remark("The CLIA number is missing or not valid.", field="clia_number"),
    "MA130": Remark(
        "The claim cannot be processed as it stands: it has no appeal rights, send it anew."
    ),
    "N4": Remark(
        "The earlier payer's statement is missing.", kind="coordination", field="other_coverages"
    ),
    "N30": Remark("The patient is not eligible for this service.", kind="eligibility"),
    "N56": Remark(
        "The procedure code is not right for the service or the date.",
        field="procedure.code",
        is_of_line=True,
    ),
    "N95": Remark("This kind of provider may not bill this service."),
    "N115": Remark(
        "The decision rests on a local coverage determination.", kind="medical_necessity"
    ),
    "N130": Remark("See the plan's benefit documents for what it limits."),
    "N265": Remark("The ordering provider's NPI is missing or wrong.", field="ordering_provider"),
    "N286": Remark(
        "The referring provider's NPI is missing or wrong.", field="referring_providers"
    ),
    "N290": Remark(
        "The rendering provider's identifier is missing or not valid.",
        field="rendering_provider.npi",
    ),
    "N382": Remark(
        "The patient's identifier is missing or not valid.", field="subscriber.identifier"
    ),
    "N522": Remark(
        "A duplicate of a claim that is processed or in process as a crossover.",
        kind="duplicate",
        is_final=True,
    ),
    "N657": Remark(
        "The code is not the right one for the service.", field="procedure.code", is_of_line=True
    ),
}
"""By remittance advice remark code; one that is not here is named without a text."""
