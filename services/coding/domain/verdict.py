"""From findings to what coding says of a claim: coded, or held with the reasons."""

from datetime import date, datetime

from services.coding.domain import structural
from services.coding.domain.rule import Reference
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimReceived

REFERENCE = Reference(version=structural.VERSION)


def judge(received: ClaimReceived, reference: Reference = REFERENCE) -> ClaimCoded | ClaimHeld:
    """Held where at least one finding blocks; else coded, with the findings that only warn."""
    findings = structural.check(received.claim, _day(received.received_at), reference)
    verdict = ClaimHeld if any(finding.severity == "block" for finding in findings) else ClaimCoded
    return verdict(claim=received.claim, ruleset=reference.version, findings=findings)


def _day(moment: datetime) -> date:
    return moment.date()
