"""What a payer's profile demands of a claim before it is sent: a frequency code that it takes, its
own number for a claim that is billed again, its turn among the payers, fields it insists on."""

from collections.abc import Iterator

from services.submission.domain.profile import Profile
from shared.contract.claim import Claim
from shared.contract.model import Finding

REPLACEMENT, VOID = "7", "8"
BILLED_AGAIN = frozenset({REPLACEMENT, VOID})
"""CLM05-3 of claims that need the payer's own number of the earlier one (REF*F8)."""


def payer_findings(claim: Claim, profile: Profile) -> tuple[Finding, ...]:
    """Why this payer would refuse the claim; nothing where it would not."""
    found = [*_frequency(claim, profile), *_turn(claim, profile)]
    for required in profile.required:
        found += required.findings(claim)
    return tuple(found)


def _frequency(claim: Claim, profile: Profile) -> Iterator[Finding]:
    taken = profile.frequency_codes
    if taken and claim.frequency not in taken:
        yield Finding(
            code="frequency-not-taken",
            path="frequency",
            message="This payer does not take claims of this frequency code.",
            hint=f"It takes {', '.join(taken)}; ask it how it wants corrections.",
            source="payer profile",
        )
    elif claim.frequency in BILLED_AGAIN and not claim.payer_claim_control_number:
        yield Finding(
            code="payer-claim-number-missing",
            path="payer_claim_control_number",
            message="A replacement or void needs the payer's own number of the earlier claim, and "
            "this payer has not given one.",
            hint="It stands in the 835 (CLP07) or the 277CA (REF*1K). A claim that the payer "
            "refused was never adjudicated: correct it and send it as an original, frequency 1.",
            source="837 2300 REF*F8",
        )


def _turn(claim: Claim, profile: Profile) -> Iterator[Finding]:
    if claim.payer_sequence != "P" and not profile.takes_later_turns:
        yield Finding(
            code="later-turn-not-taken",
            path="payer_sequence",
            message="This payer takes no secondary or tertiary claims as 837s.",
            hint="Send it on paper or by the payer's portal, with the earlier payer's decision.",
            source="payer profile",
        )
