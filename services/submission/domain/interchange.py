"""Pending claims to the bytes of one 837, and the findings of those that no 837 can say.

A claim that cannot be written never spoils its neighbours: it is left out with its reasons, and the
rest goes. Nothing is cut to fit: what is too long or too many is a finding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from uuid import UUID

from pydantic import ValidationError

from services.submission.domain.control_numbers import format_control_number
from services.submission.domain.profile import Profile, TradingPartner
from shared.contract.claim import Claim, Contact, ContactNumber, Party
from shared.contract.model import Finding, Model
from shared.x12.claims.writing import (
    InterchangeEnvelope,
    WrittenInterchange,
    check_writable,
    write_interchange,
)
from shared.x12.errors import X12Error
from shared.x12.tokenizer import Separators

MOST_LINES = {"professional": 50, "institutional": 999, "dental": 50}
MOST_DIAGNOSES = {"professional": 12, "institutional": 40, "dental": 4}
_BILLED_AGAIN = frozenset({"7", "8"})

_LONGEST = 36
_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in "*~^:")
"""What fits an element of any segment as it is: plain ASCII that is no usual separator."""


@dataclass(frozen=True, slots=True, repr=False)
class Pending:
    """A claim as it waits: `{"claim":<content>}` is its JSON."""

    claim_id: UUID
    revision: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Placed:
    """A claim that is in the interchange, and in which of its transaction sets."""

    claim_id: UUID
    revision: int
    transaction_control_number: str


@dataclass(frozen=True, slots=True)
class Unwritable:
    """A claim that is not, and why."""

    claim_id: UUID
    revision: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Written:
    """An interchange; no bytes where none of the claims could be written."""

    content: bytes
    placed: tuple[Placed, ...]
    unwritable: tuple[Unwritable, ...]
    charge_cents: int


class _Document(Model):
    claim: Claim


def write(pending: Sequence[Pending], profile: Profile, number: int, now: datetime) -> Written:
    """One interchange of these claims, all of one kind, under this control number.

    Claims keep their order. Raises ControlNumbersUsedUpError, and X12Error where the profile's own
    values make no envelope.
    """
    format_control_number(number)
    envelope = envelope_for(profile, number, now)
    claims: list[tuple[Pending, Claim]] = []
    unwritable: list[Unwritable] = []
    for one in pending:
        claim, findings = _read(one, profile, envelope.separators)
        if claim is not None and not findings:
            claims.append((one, claim))
        else:
            unwritable.append(Unwritable(one.claim_id, one.revision, findings))
    content, report = _attempt(claims, envelope)
    if report is None:
        claims, refused = _sift(claims, envelope)
        unwritable += refused
        content, report = _attempt(claims, envelope)
        if report is None:
            raise X12Error(
                "interchange-unwritable", "claims that are writable alone are not together"
            )
    placed = tuple(
        Placed(one.claim_id, one.revision, place.transaction_control_number)
        for (one, _), place in zip(claims, report.placements, strict=True)
    )
    charge = sum(claim.charge for _, claim in claims)
    return Written(content, placed, tuple(unwritable), charge)


def envelope_for(profile: Profile, number: int, now: datetime) -> InterchangeEnvelope:
    """ISA, GS, 1000A and 1000B as a profile has them."""
    separators = profile.separators
    return InterchangeEnvelope(
        sender=profile.sender.identifier,
        receiver=profile.receiver.identifier,
        sender_qualifier=profile.sender.qualifier,
        receiver_qualifier=profile.receiver.qualifier,
        control_number=number,
        created_at=now,
        usage=profile.usage,
        wants_ta1=profile.wants_ta1,
        submitter=_party(profile.sender, is_reachable=True),
        receiver_party=_party(profile.receiver),
        separators=Separators(
            element=separators.element,
            component=separators.component,
            segment=separators.segment,
            repetition=separators.repetition,
        ),
        claims_per_set=profile.claims_per_set,
    )


def _party(partner: TradingPartner, *, is_reachable: bool = False) -> Party:
    numbers = (ContactNumber(kind="TE", value=partner.telephone or ""),)
    contact = Contact(name=partner.name, numbers=numbers)
    return Party(
        name=partner.name,
        identifier_qualifier="46",
        identifier=partner.identifier,
        contacts=(contact,) if is_reachable and partner.telephone else (),
    )


def _attempt(
    claims: Sequence[tuple[Pending, Claim]], envelope: InterchangeEnvelope
) -> tuple[bytes, WrittenInterchange | None]:
    out = BytesIO()
    try:
        report = write_interchange((claim for _, claim in claims), envelope, out)
    except X12Error as error:
        if error.code == "envelope-invalid":
            raise
        return b"", None
    return out.getvalue(), report


def _sift(
    claims: Sequence[tuple[Pending, Claim]], envelope: InterchangeEnvelope
) -> tuple[list[tuple[Pending, Claim]], list[Unwritable]]:
    """Each claim alone: those that can be written, and those that cannot with their reasons."""
    good, bad = [], []
    for one, claim in claims:
        try:
            write_interchange((claim,), envelope, BytesIO())
        except X12Error as error:
            found = _blocking(check_writable(claim, envelope.separators)) or (error.finding(),)
            bad.append(Unwritable(one.claim_id, one.revision, found))
        else:
            good.append((one, claim))
    return good, bad


def _read(
    one: Pending, profile: Profile, separators: Separators
) -> tuple[Claim | None, tuple[Finding, ...]]:
    try:
        claim = _Document.model_validate_json(b'{"claim":%b}' % one.content).claim
    except ValidationError as error:
        return None, tuple(_misfits(error))
    findings = _frequency_findings(claim, profile)
    if findings:
        return claim, findings
    is_odd = (
        _may_not_fit(one.content)
        or len(claim.service_lines) > MOST_LINES[claim.kind]
        or len(claim.diagnoses) > MOST_DIAGNOSES[claim.kind]
    )
    return claim, _blocking(check_writable(claim, separators)) if is_odd else ()


def _may_not_fit(content: bytes) -> bool:
    """Whether a claim's JSON holds a long text, an escape, or a character that is not plain.

    Telling what does not fit takes a hundred times as long as writing; nearly every claim is free
    of all of these and is not looked at any closer.
    """
    if b"\\" in content:
        return True
    texts = content.split(b'"')[1::2]
    return max(map(len, texts), default=0) > _LONGEST or bool(
        b"".join(texts).translate(None, _PLAIN)
    )


def _blocking(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity == "block")


def _frequency_findings(claim: Claim, profile: Profile) -> tuple[Finding, ...]:
    taken = profile.frequency_codes
    if taken and claim.frequency not in taken:
        return (
            Finding(
                code="frequency-not-taken",
                path="frequency",
                message="This payer does not take claims of this frequency code.",
                hint=f"It takes {', '.join(taken)}; ask it how it wants corrections.",
                source="payer profile",
            ),
        )
    if claim.frequency in _BILLED_AGAIN and not claim.payer_claim_control_number:
        return (
            Finding(
                code="payer-claim-number-missing",
                path="payer_claim_control_number",
                message="A replacement or void needs the payer's own number of the earlier claim.",
                hint="Take it from the 835 (CLP07) or the 277CA (REF*1K).",
                source="837 2300 REF*F8",
            ),
        )
    return ()


def _misfits(error: ValidationError) -> list[Finding]:
    problems = error.errors(include_input=False, include_url=False, include_context=False)
    return [
        Finding(
            code="claim-not-canonical",
            path=".".join(str(part) for part in problem["loc"][1:]),
            message="The value does not fit the canonical claim.",
            source=problem["type"],
        )
        for problem in problems[:20]
    ]
