"""What makes a claim the same claim: its id, its content's fingerprint, its lines' numbers.

It is apart because these must never change: an id made today must be made again from the same claim
in ten years, and a payer's answer finds its line by the number given here.
"""

import hashlib
from typing import TypeVar
from uuid import UUID

from shared.contract.claim import Claim, Diagnosis, ServiceLine, SurgicalProcedure
from shared.contract.envelope import business_id

_CARRIERS = {"submitter", "receiver"}
_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE32_PAIRS = tuple(first + second for first in _BASE32 for second in _BASE32)

Coded = TypeVar("Coded", Diagnosis, SurgicalProcedure)


def claim_id(source: str, patient_control_number: str) -> UUID:
    """The claim's id for life: the sender's name and its own number for the claim."""
    return business_id("claim", source, patient_control_number.strip())


def identify(claim: Claim, source: str, identity: UUID | None = None) -> Claim:
    """The claim as intake passes it on: with its id (its number's, unless another is given), line
    control numbers where a line has none or shares one, and ICD codes without the point that an 837
    does not carry."""
    identity = identity or claim_id(source, claim.patient_control_number)
    return claim.model_copy(
        update={
            "id": identity,
            "revision": 1,
            "source": source,
            "patient_control_number": claim.patient_control_number.strip(),
            "service_lines": _numbered(claim.service_lines, identity),
            "diagnoses": _without_points(claim.diagnoses),
            "procedures": _without_points(claim.procedures),
        }
    )


def under_id(claim: Claim, identity: UUID) -> Claim:
    """An identified claim under another id: the line control numbers that were made of the old one
    are made anew, those of the sender stay."""
    stem = _stem(claim.id)
    lines = tuple(
        line.model_copy(update={"line_control_number": None})
        if line.line_control_number == f"{stem}{line.number}"
        else line
        for line in claim.service_lines
    )
    return identify(claim.model_copy(update={"service_lines": lines}), claim.source, identity)


def fingerprint(claim: Claim) -> tuple[bytes, bytes]:
    """SHA-256 over the claim's JSON, and that JSON.

    Who carried the file (submitter, receiver) is left out: the same claim through another door or
    another clearinghouse is the same claim. Fields stand in the order of the contract, whatever
    order they came in: every reader makes a model, and a released field never changes its place.
    """
    wire = claim.__pydantic_serializer__.to_json(claim, exclude_defaults=True, exclude=_CARRIERS)
    return hashlib.sha256(wire).digest(), wire


def whole_json(claim: Claim, wire: bytes) -> bytes:
    """The claim's whole JSON. `wire` is what `fingerprint` gave for its first revision; who carried
    it, and a later revision, are put to that."""
    body = wire
    if claim.submitter is not None or claim.receiver is not None:
        carriers = claim.__pydantic_serializer__.to_json(
            claim, exclude_defaults=True, include=_CARRIERS
        )
        body = b"%b,%b" % (wire[:-1], carriers[1:])
    return body if claim.revision == 1 else b'{"revision":%d,%b' % (claim.revision, body[1:])


def _numbered(lines: tuple[ServiceLine, ...], identity: UUID) -> tuple[ServiceLine, ...]:
    given = {line.line_control_number for line in lines}
    if None not in given and "" not in given and len(given) == len(lines):
        return lines
    stem = _stem(identity)
    numbered = []
    taken: set[str | None] = {None, ""}
    for line in lines:
        if line.line_control_number in taken:
            number = f"{stem}{line.number}"
            numbered.append(line.model_copy(update={"line_control_number": number}))
        else:
            taken.add(line.line_control_number)
            numbered.append(line)
    return tuple(numbered)


def _stem(identity: UUID) -> str:
    """The first 80 bits in base 32 (RFC 4648): 16 characters, two at a time."""
    bits = identity.int >> 48
    return "".join([_BASE32_PAIRS[bits >> shift & 0x3FF] for shift in range(70, -1, -10)])


def _without_points(codes: tuple[Coded, ...]) -> tuple[Coded, ...]:
    if not any("." in coded.code for coded in codes):
        return codes
    return tuple(coded.model_copy(update={"code": coded.code.replace(".", "")}) for coded in codes)
