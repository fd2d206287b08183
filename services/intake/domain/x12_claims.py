"""Reads the claims of X12 837 files with the shared engine, and puts its words into the door's.

What the engine tolerated (warnings) goes with the claim; what it says of the envelope alone, such
as a wrong count in a trailer, only matters where no claim comes of the file at all.
"""

from collections.abc import Iterator
from typing import BinaryIO

from services.intake.domain.arrival import (
    MAX_FINDINGS,
    ClaimRefusal,
    NotedClaim,
    Reading,
    Unreadable,
    capped,
)
from shared.contract.model import Finding
from shared.x12.claims.reading import ReadClaim, read_claims

_MAX_NUMBER = 80


def read_x12(stream: BinaryIO) -> Iterator[Reading]:
    """The claims of every transaction set, and each envelope or set that cannot be read."""
    is_empty = True
    remarks: list[Finding] = []
    for found in read_claims(stream, source="-"):
        if isinstance(found, ReadClaim):
            is_empty = False
            yield _reading(found)
        elif _blocks(found.findings):
            is_empty = False
            yield Unreadable(capped(list(found.findings)))
        elif len(remarks) < MAX_FINDINGS:
            remarks += found.findings
    if is_empty and remarks:
        yield Unreadable(capped(remarks))


def _reading(found: ReadClaim) -> Reading:
    if found.claim is None or _blocks(found.findings):
        number = found.patient_control_number
        is_usable = number is not None and len(number) <= _MAX_NUMBER
        findings = capped(list(found.findings))
        return ClaimRefusal(findings, number if is_usable else None, found.charge)
    return NotedClaim(found.claim, capped(list(found.findings))) if found.findings else found.claim


def _blocks(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity == "block" for finding in findings)
