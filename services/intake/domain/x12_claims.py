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
from services.intake.domain.receipt import Acknowledgement, Receipt
from shared.contract.model import Finding
from shared.x12.claims.reading import ReadClaim, read_claims

_MAX_NUMBER = 80


def read_x12(stream: BinaryIO) -> Iterator[Reading | Acknowledgement]:
    """The claims of every transaction set, and each envelope or set that cannot be read; at the
    end, where anything came, what its sender is to be answered."""
    is_empty = True
    remarks: list[Finding] = []
    receipt = Receipt()
    found_all = read_claims(
        stream, source="-", on_set=receipt.open_set, on_interchange=receipt.open_interchange
    )
    for found in found_all:
        if isinstance(found, ReadClaim):
            is_empty = False
            reading = _reading(found)
            receipt.claim(found, is_refused=isinstance(reading, ClaimRefusal))
            yield reading
            continue
        receipt.problem(found)
        if _blocks(found.findings):
            is_empty = False
            yield Unreadable(capped(list(found.findings)))
        elif len(remarks) < MAX_FINDINGS:
            remarks += found.findings
    if is_empty and remarks:
        is_empty = False
        yield Unreadable(capped(remarks))
    if not is_empty or receipt.interchanges:
        yield Acknowledgement(receipt)


def _reading(found: ReadClaim) -> Reading:
    if found.claim is None or _blocks(found.findings):
        number = found.patient_control_number
        is_usable = number is not None and len(number) <= _MAX_NUMBER
        findings = capped(list(found.findings))
        return ClaimRefusal(findings, number if is_usable else None, found.charge)
    return NotedClaim(found.claim, capped(list(found.findings))) if found.findings else found.claim


def _blocks(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity == "block" for finding in findings)
