"""The codes that acknowledgements speak in, each with our own plain words, what it does to a claim
and what a person should do next.

Tables only. The values are the standard's; the words are ours (X12's own texts are licensed and not
shipped). A status code that has no row is still a finding: its number is what a payer's help desk
asks for.
"""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["acknowledged", "refused", "pending", "finalized", "not_found", "unknown"]


@dataclass(frozen=True, slots=True)
class Category:
    """A claim status category (STC01-1): what it means for the claim."""

    outcome: Outcome
    words: str
    hint: str | None = None


_CORRECT = "Correct the claim and send it again as an original (frequency 1)."
_WAIT = "Nothing to do yet: wait for the next answer."
_ASK_AGAIN = "Ask again later, or ask the payer; it says nothing of the claim itself."
_RESPOND = "Send the payer what it asks for."
_PENDING = "The payer is working on the claim"
_REQUEST = "The payer asks for more information"

CATEGORIES: dict[str, Category] = {
    "A0": Category("acknowledged", "The claim was passed on to the next party", _WAIT),
    "A1": Category("acknowledged", "The claim was received; it is not yet accepted", _WAIT),
    "A2": Category("acknowledged", "The claim was accepted into adjudication"),
    "A3": Category("refused", "The claim was returned and cannot be worked on", _CORRECT),
    "A4": Category("not_found", "The payer does not find this claim", "Check that it was sent."),
    "A5": Category("acknowledged", "The payer split the claim into several", _WAIT),
    "A6": Category("refused", "The claim lacks something the payer needs", _CORRECT),
    "A7": Category("refused", "Something on the claim is not valid", _CORRECT),
    "A8": Category("refused", "Two things on the claim do not go together", _CORRECT),
    "D0": Category("not_found", "The search found no such claim", "Check that it was sent."),
    "E0": Category("unknown", "The question could not be answered: something in it is wrong"),
    "E1": Category("unknown", "The payer's system could not answer now", _ASK_AGAIN),
    "E2": Category("unknown", "The party that should answer did not", _ASK_AGAIN),
    "E3": Category("unknown", "The question breaks a rule of this payer"),
    "E4": Category("unknown", "The trading partner does not answer this question", _ASK_AGAIN),
    "F0": Category("finalized", "Adjudication is finished", "Expect the remittance."),
    "F1": Category("finalized", "Finished: the claim was paid", "Expect the remittance."),
    "F2": Category("finalized", "Finished: the claim was denied", "Expect the remittance."),
    "F3": Category("finalized", "Finished: the claim was changed", "Expect the remittance."),
    "F3F": Category("finalized", "Finished, changed, and passed on", "Expect the remittance."),
    "F3N": Category("finalized", "Finished, changed, not passed on", "Expect the remittance."),
    "F4": Category("finalized", "Finished; no payment will follow", "Look for the reason."),
    "F5": Category("finalized", "Finished; it cannot be worked on further"),
    "P0": Category("pending", f"{_PENDING}: see the status", _WAIT),
    "P1": Category("pending", f"{_PENDING}: in process", _WAIT),
    "P2": Category("pending", f"{_PENDING}: under review", _WAIT),
    "P3": Category("pending", "The payer waits for something it asked the provider for", _RESPOND),
    "P4": Category("pending", "The payer waits for something it asked the patient for"),
    "P5": Category("pending", "The payer holds the claim over a matter of its own", _WAIT),
    "RQ": Category("unknown", "This is a question, not an answer"),
    **{f"R{n}": Category("pending", _REQUEST, _RESPOND) for n in range(18)},
}

UNKNOWN_CATEGORY = Category(
    "unknown", "The answer uses a category that is not in the standard", "Ask the payer."
)

PRECEDENCE: tuple[Outcome, ...] = (
    "refused",
    "not_found",
    "finalized",
    "pending",
    "acknowledged",
    "unknown",
)
"""Where one claim has several statuses, the first of these that occurs decides."""

STATUS_WORDS: dict[str, str] = {
    "0": "no status can be given",
    "3": "finished; payment follows the payer's schedule",
    "16": "passed on to the next party",
    "17": "passed on by another party",
    "19": "received",
    "20": "accepted",
    "21": "missing or not valid",
    "24": "the provider is not approved to send electronically to this payer",
    "26": "the entity is not found",
    "33": "the subscriber and the subscriber's number are not found together",
    "48": "the authorization or referral",
    "88": "the entity was not eligible on the dates of service",
    "91": "the entity is not eligible for benefits on the dates of service",
    "116": "the claim went to the wrong payer",
    "124": "the entity's name, address, phone or number",
    "125": "the entity's name",
    "126": "the entity's address",
    "128": "the entity's tax id",
    "132": "the entity's Medicaid provider number",
    "145": "the entity's specialty or taxonomy code",
    "153": "the entity's identifier",
    "158": "the entity's date of birth",
    "164": "the entity's contract or member number",
    "178": "the submitted charges",
    "187": "the dates of service",
    "188": "the statement dates",
    "228": "the type of bill",
    "247": "the line's information",
    "249": "the place of service",
    "254": "the principal diagnosis code",
    "255": "a diagnosis code",
    "286": "the other payer's remittance",
    "294": "supporting documents",
    "317": "a copy of the patient's file is asked for",
    "453": "a procedure code modifier",
    "454": "the procedure code",
    "455": "the revenue code",
    "464": "the payer's assigned claim number",
    "476": "the units of service",
    "481": "the claim is not in a form that can be worked on",
    "500": "the entity's postal code",
    "507": "the HCPCS code",
    "535": "the claim frequency code",
    "562": "the entity's NPI",
    "746": "a duplicate of something already sent",
}

ENTITY_WORDS: dict[str, str] = {
    "1P": "provider",
    "36": "employer",
    "40": "receiver",
    "41": "submitter",
    "71": "attending provider",
    "72": "operating provider",
    "77": "service facility",
    "82": "rendering provider",
    "85": "billing provider",
    "87": "pay-to provider",
    "DK": "ordering provider",
    "DN": "referring provider",
    "DQ": "supervising provider",
    "IL": "subscriber",
    "PR": "payer",
    "QC": "patient",
    "TTR": "third-party repricer",
}

INTERCHANGE_NOTES: dict[str, str] = {
    "000": "no error",
    "001": "the control numbers of its first and last segment differ",
    "002": "its standard is not supported",
    "003": "its version is not supported",
    "004": "its segment terminator is not valid",
    "005": "the sender's qualifier is not valid",
    "006": "the sender is not known",
    "007": "the receiver's qualifier is not valid",
    "008": "the receiver is not known",
    "009": "the receiver is not known",
    "010": "the qualifier of the authorization is not valid",
    "011": "the authorization is not valid",
    "012": "the qualifier of the security information is not valid",
    "013": "the security information is not valid",
    "014": "its date is not valid",
    "015": "its time is not valid",
    "016": "the standards identifier is not valid",
    "017": "the version identifier is not valid",
    "018": "its control number is not valid",
    "019": "the flag that asks for an answer is not valid",
    "020": "the test indicator is not valid",
    "021": "the number of groups is not valid",
    "022": "its control segments are in disorder",
    "023": "it ends too early",
    "024": "its content is not valid",
    "025": "its control number was used before",
    "026": "its data element separator is not valid",
    "027": "its component separator is not valid",
    "028": "the delivery date is not valid",
    "029": "the delivery time is not valid",
    "030": "the delivery code is not valid",
    "031": "the grade of service is not valid",
}

SEGMENT_ERRORS: dict[str, str] = {
    "1": "the segment is not known",
    "2": "the segment was not expected here",
    "3": "a required segment is missing",
    "4": "the loop occurs too often",
    "5": "the segment occurs too often",
    "6": "the segment does not belong to this transaction set",
    "7": "the segment is out of order",
    "8": "elements of the segment are in error",
    "I4": "the guide does not use this segment",
    "I6": "a segment that depends on another one is missing",
    "I7": "the loop occurs less often than the guide asks for",
    "I8": "the segment is below the guide's minimum use",
    "I9": "a segment is there that the guide allows only in another situation",
}

ELEMENT_ERRORS: dict[str, str] = {
    "1": "a required element is missing",
    "2": "an element that depends on another one is missing",
    "3": "there are too many elements",
    "4": "the value is too short",
    "5": "the value is too long",
    "6": "a character is not allowed",
    "7": "the code is not one of those allowed",
    "8": "the date is not valid",
    "9": "the time is not valid",
    "10": "two elements exclude each other and both are there",
    "12": "there are too many repetitions",
    "13": "there are too many components",
    "I6": "the guide does not use this code",
    "I9": "an element that depends on a situation is missing",
    "I10": "the guide does not use this element",
    "I11": "there are fewer repetitions than the guide asks for",
    "I12": "the value does not have the form that the guide asks for",
    "I13": "an element is there that the guide allows only in another situation",
}

SET_ERRORS: dict[str, str] = {
    "1": "the transaction set is not supported",
    "2": "its trailer is missing",
    "3": "the control numbers of its header and trailer differ",
    "4": "its count of segments is wrong",
    "5": "one or more segments are in error",
    "6": "its identifier is missing or not valid",
    "7": "its control number is missing or not valid",
    "18": "it does not belong to this group",
    "19": "the guide that it names is not valid",
    "23": "its control number is not unique in the group",
    "I5": "the guide's rules are broken",
    "I6": "the guide that it names is not supported",
}

GROUP_ERRORS: dict[str, str] = {
    "1": "the functional group is not supported",
    "2": "the version is not supported",
    "3": "its trailer is missing",
    "4": "the control numbers of its header and trailer differ",
    "5": "its count of transaction sets is wrong",
    "6": "its control number is not valid",
    "19": "its control number was used before",
}
