"""What the payer's front end refuses in a claim of good syntax, before anybody adjudicates it: the
277CA's reasons. It is apart from the scenario because no scenario makes a payer take these.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from deploy.twins.payer.scenario import Refusal
from shared.contract.claim import Claim, Provider

WRONG_TOTAL = Refusal("A8", "178", "85")
"""The claim's total is not the sum of its lines."""
BAD_NPI = Refusal("A7", "562", "85")
FUTURE_SERVICE = Refusal("A7", "187", "85")
BAD_POINTER = Refusal("A7", "255", "85")
NO_PAYER_NUMBER = Refusal("A6", "464", "PR")
"""A replacement or void that does not say of which claim."""
UNKNOWN_PAYER_NUMBER = Refusal("A7", "464", "PR")
"""It names a claim that this payer does not have, or that was voided."""
UNBALANCED_PRIOR_PAYER = Refusal("A8", "286", "PR")
"""What the prior payer is said to have done does not add up to the charge."""

_DAY = timedelta(days=1)


def refusal_of(claim: Claim, received_on: date) -> Refusal | None:
    """The first reason for which this claim goes no further."""
    return next(_refusals(claim, received_on), None)


def _refusals(claim: Claim, received_on: date) -> Iterator[Refusal]:
    if claim.charge != sum(line.charge for line in claim.service_lines):
        yield WRONG_TOTAL
    if not all(_has_check_digit(provider.npi) for provider in _providers(claim)):
        yield BAD_NPI
    # A day's grace: the payer's day may have begun later than the hospital's.
    latest = received_on + _DAY
    if any(line.service_from and line.service_from > latest for line in claim.service_lines):
        yield FUTURE_SERVICE
    count = len(claim.diagnoses)
    if any(not 0 < at <= count for line in claim.service_lines for at in line.diagnosis_pointers):
        yield BAD_POINTER
    if claim.frequency in ("7", "8") and not claim.payer_claim_control_number:
        yield NO_PAYER_NUMBER
    if not _balances_prior_payers(claim):
        yield UNBALANCED_PRIOR_PAYER


def _providers(claim: Claim) -> Iterator[Provider]:
    for provider in (claim.billing_provider, claim.rendering_provider, claim.attending_provider):
        if provider is not None and provider.npi:
            yield provider


def _has_check_digit(npi: str | None) -> bool:
    """Luhn over 80840 and the ten digits (45 CFR 162.406)."""
    if npi is None or len(npi) != 10 or not npi.isdigit():
        return False
    total = 24
    for position, digit in enumerate(reversed(npi)):
        doubled = int(digit) * (2 if position % 2 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _balances_prior_payers(claim: Claim) -> bool:
    """Line: charge is paid plus adjustments; claim: the same over all (005010X222, section 1.4.4).
    Only payers that say what they did are held to it."""
    for coverage in claim.other_coverages:
        payer = coverage.payer.identifier
        own = [
            [one for one in line.adjudications if one.payer_identifier == payer]
            for line in claim.service_lines
        ]
        at_lines = sum(part.amount for row in own for one in row for part in one.adjustments)
        for line, row in zip(claim.service_lines, own, strict=True):
            adjusted = sum(part.amount for one in row for part in one.adjustments)
            paid = sum(one.paid for one in row)
            if row and not coverage.adjustments and line.charge != paid + adjusted:
                return False
        if coverage.paid is not None and (at_lines or coverage.adjustments):
            at_claim = sum(part.amount for part in coverage.adjustments)
            if claim.charge != coverage.paid + at_claim + at_lines:
                return False
    return True
