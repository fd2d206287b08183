"""What a payer's reason code means for the money and for the next step: data, in our own words.

Only code values are the standard's; X12's texts are licensed and are not here. Public sources for
the meanings: CMS transmittals on remittance advice and Medicare contractors' published guidance.
A code that is in neither table is not guessed at: in group CO it stays open as a denial to review.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from shared.contract.model import Finding

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
    "review",
]

Category = Literal["contractual", "patient", "other", "denied"]
"""Where an adjustment's money goes: written off, to the patient, neither, or still open."""

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


@dataclass(frozen=True, slots=True)
class Denial:
    kind: DenialClass
    meaning: str
    next_step: str


_FIX = "Correct the claim and replace it (frequency 7); ask why our own check let it through."
_APPEAL = "Appeal with the records that support the service."
_AUTHORIZE = "Send the authorization and appeal, or write it off after review; never bill it."
_COVERAGE = "Look for the coverage in force; bill the patient only after review."
_ORDER = "Find out which payer comes first and bill in that order."
_NOTICE = "Review the plan's terms; a patient may be billed only where notice was given before."
_COMPLETE = "Send what is missing, or correct the claim and replace it (frequency 7)."

DENIALS: dict[str, Denial] = {
    "4": Denial(
        "correct_and_replace", "The modifier does not fit the service, or one is missing.", _FIX
    ),
    "5": Denial("correct_and_replace", "The service does not fit the place of service.", _FIX),
    "6": Denial("correct_and_replace", "The service does not fit the patient's age.", _FIX),
    "7": Denial("correct_and_replace", "The service does not fit the patient's sex.", _FIX),
    "8": Denial("correct_and_replace", "The service does not fit the kind of provider.", _FIX),
    "9": Denial("correct_and_replace", "The diagnosis does not fit the patient's age.", _FIX),
    "10": Denial("correct_and_replace", "The diagnosis does not fit the patient's sex.", _FIX),
    "11": Denial("correct_and_replace", "The diagnosis does not support the service.", _FIX),
    "12": Denial("correct_and_replace", "The diagnosis does not fit the kind of provider.", _FIX),
    "15": Denial(
        "authorization", "The authorization number is missing or not for this.", _AUTHORIZE
    ),
    "16": Denial("missing_information", "Something is missing or wrong on the claim.", _COMPLETE),
    "18": Denial(
        "duplicate",
        "The payer thinks it has this claim already.",
        "Find the original and its answer; close this one, or appeal.",
    ),
    "22": Denial("coordination", "Another payer should pay first.", _ORDER),
    "26": Denial("eligibility", "The service was before coverage began.", _COVERAGE),
    "27": Denial("eligibility", "The service was after coverage ended.", _COVERAGE),
    "29": Denial(
        "timely_filing",
        "The payer says the claim came too late.",
        "Appeal with the 277CA that proves when the payer accepted it.",
    ),
    "31": Denial(
        "wrong_payer", "The payer cannot find the patient.", "Correct the coverage and send again."
    ),
    "39": Denial("authorization", "Authorization was asked for and refused.", _AUTHORIZE),
    "49": Denial("not_covered", "A routine examination or screening is not covered.", _NOTICE),
    "50": Denial("medical_necessity", "Not medically necessary in the payer's view.", _APPEAL),
    "55": Denial("medical_necessity", "The payer takes the treatment for experimental.", _APPEAL),
    "96": Denial("not_covered", "The plan does not cover this.", _NOTICE),
    "97": Denial(
        "bundling",
        "The payer counts this as part of another service.",
        "Check the edit: add the modifier that the record supports, or accept.",
    ),
    "109": Denial(
        "wrong_payer", "This payer is not the right one.", "Correct the coverage and send again."
    ),
    "119": Denial("benefit_limit", "A limit of the benefit is used up.", _NOTICE),
    "140": Denial(
        "wrong_payer",
        "Name and member number do not belong together.",
        "Correct the coverage and send again.",
    ),
    "146": Denial("correct_and_replace", "The diagnosis was not valid on that date.", _FIX),
    "151": Denial(
        "medical_necessity", "The payer does not see support for so many or so often.", _APPEAL
    ),
    "181": Denial("correct_and_replace", "The procedure code was not valid on that date.", _FIX),
    "182": Denial("correct_and_replace", "The modifier was not valid on that date.", _FIX),
    "197": Denial("authorization", "Authorization was not obtained.", _AUTHORIZE),
    "198": Denial("authorization", "More was done than was authorized.", _AUTHORIZE),
    "204": Denial("not_covered", "The patient's plan does not cover this.", _NOTICE),
    "226": Denial("missing_information", "Asked of the provider and not received.", _COMPLETE),
    "227": Denial(
        "missing_information",
        "Asked of the patient and not received.",
        "Help the patient to answer the payer, then ask for reprocessing.",
    ),
    "234": Denial(
        "bundling",
        "This is not paid by itself.",
        "Check the edit: add the modifier that the record supports, or accept.",
    ),
    "236": Denial(
        "bundling",
        "These two services are not paid together on one day.",
        "Check the edit: add the modifier that the record supports, or accept.",
    ),
    "252": Denial("missing_information", "A document is needed to decide.", _COMPLETE),
}
"""By claim adjustment reason code."""

_UNKNOWN = Denial(
    "review", "The payer did not pay this; our table does not know the reason.", "Review by hand."
)

REMARKS: dict[str, str] = {
    "M51": "A procedure code is missing, incomplete or not valid.",
    "M76": "A diagnosis is missing, incomplete or not valid.",
    "MA04": "The other payer's statement is missing or cannot be read.",
    "MA130": "The claim cannot be processed as it stands: it has no appeal rights, send it anew.",
    "N30": "The patient is not eligible for this service.",
    "N95": "This kind of provider may not bill this service.",
    "N115": "The decision rests on a local coverage determination.",
    "N130": "See the plan's benefit documents for what it limits.",
    "N290": "The rendering provider's identifier is missing or not valid.",
    "N382": "The patient's identifier is missing or not valid.",
    "N522": "A duplicate of a claim that is processed or in process as a crossover.",
}
"""By remittance advice remark code; one that is not here is named without a text."""


def classify(group: str, reason: str, *, is_denied: bool) -> Category:
    """Where one adjustment's money goes. `is_denied`: the payer denied the claim (CLP02 4).

    Group PR is the patient's and nothing else is. A denial stays open whatever its group; group CO
    is written off only where the reason says so.
    """
    if group == "PR":
        return "patient"
    if is_denied or reason in DENIALS:
        return "denied"
    if group == "CO":
        return "contractual" if reason in CONTRACTUAL else "denied"
    return "other"


def explain(reason: str) -> Denial:
    """The denial behind a reason code, or one that asks for a review by hand."""
    return DENIALS.get(reason, _UNKNOWN)


def findings(denied: Iterable[tuple[str, str, str]], remarks: Iterable[str]) -> Iterator[Finding]:
    """A finding per denied (path, group, reason), each once, then one per remark code."""
    for path, group, reason in dict.fromkeys(denied):
        denial = explain(reason)
        yield Finding(
            code=f"denial-{denial.kind.replace('_', '-')}",
            path=path,
            message=denial.meaning,
            hint=denial.next_step,
            source=f"CARC {group}-{reason}",
        )
    for remark in dict.fromkeys(remarks):
        yield Finding(
            code="remark",
            severity="inform",
            message=REMARKS.get(remark, "The payer added a remark code."),
            source=f"RARC {remark}",
        )
