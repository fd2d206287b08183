"""Pending claims to the bytes of one 837, and the findings of those that no 837 can say.

A claim that cannot be written never spoils its neighbours: it is left out with its reasons, and the
rest goes. Nothing is cut to fit: what is too long or too many is a finding.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO

from pydantic import ValidationError

from services.submission.domain.changes import Leg
from services.submission.domain.control_numbers import format_control_number
from services.submission.domain.coordination import coordination_findings, with_dates_once
from services.submission.domain.demands import BILLED_AGAIN, payer_findings
from services.submission.domain.profile import Profile, TradingPartner
from services.submission.domain.terms import filing_start
from shared.contract.claim import Claim, Contact, ContactNumber, Party
from shared.contract.model import Finding, Model
from shared.x12.claims.writing import InterchangeEnvelope, check_writable, write_interchange
from shared.x12.errors import X12Error
from shared.x12.tokenizer import Separators

MOST_LINES = {"professional": 50, "institutional": 999, "dental": 50}
MOST_DIAGNOSES = {"professional": 12, "institutional": 40, "dental": 4}

_LONGEST = 36
_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in "*~^:")
"""What fits an element of any segment as it is: plain ASCII that is no usual separator."""


@dataclass(frozen=True, slots=True, repr=False)
class Pending:
    """A claim as it waits: `{"claim":<content>}` is its JSON. `payer_claim_number` is what the
    payer calls the claim, where it ever said so to us."""

    leg: Leg
    content: bytes
    payer_claim_number: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A claim that is in the interchange, and in which of its transaction sets."""

    leg: Leg
    transaction_control_number: str
    filing_from: date | None


@dataclass(frozen=True, slots=True)
class Unwritable:
    """A claim that is not, and why."""

    leg: Leg
    findings: tuple[Finding, ...]
    filing_from: date | None = None


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

    Claims keep their order, and only one of them at a time is more than its bytes. Raises
    ControlNumbersUsedUpError, and X12Error where the profile's own values make no envelope.
    """
    format_control_number(number)
    envelope = envelope_for(profile, number, now)
    try:
        return _Attempt(profile, envelope, is_strict=False).write(pending)
    except X12Error as error:
        if error.code == "envelope-invalid":
            raise
    # The quick look missed something: look at every claim as closely as can be.
    return _Attempt(profile, envelope, is_strict=True).write(pending)


class _Attempt:
    """One run over the claims; those that do not fit are left out with their reasons."""

    def __init__(
        self,
        profile: Profile,
        envelope: InterchangeEnvelope,
        *,
        is_strict: bool,
    ) -> None:
        self._profile = profile
        self._envelope = envelope
        self._is_strict = is_strict
        self._refused: list[Unwritable] = []
        self._legs: list[tuple[Leg, date | None]] = []
        self._charge = 0

    def write(self, pending: Sequence[Pending]) -> Written:
        out = BytesIO()
        report = write_interchange(self._writable(pending), self._envelope, out)
        placed = tuple(
            Placed(leg, place.transaction_control_number, filing_from)
            for (leg, filing_from), place in zip(self._legs, report.placements, strict=True)
        )
        return Written(out.getvalue(), placed, tuple(self._refused), self._charge)

    def _writable(self, pending: Sequence[Pending]) -> Iterator[Claim]:
        for one in pending:
            claim, findings = self._read(one)
            filing_from = filing_start(claim) if claim is not None else None
            if claim is None or findings:
                self._refused.append(Unwritable(one.leg, findings, filing_from))
                continue
            self._legs.append((one.leg, filing_from))
            self._charge += claim.charge
            yield claim

    def _read(self, one: Pending) -> tuple[Claim | None, tuple[Finding, ...]]:
        try:
            claim = _Document.model_validate_json(b'{"claim":%b}' % one.content).claim
        except ValidationError as error:
            return None, tuple(_misfits(error))
        if claim.payer_claim_control_number is None and claim.frequency in BILLED_AGAIN:
            number = one.payer_claim_number
            claim = claim.model_copy(update={"payer_claim_control_number": number})
        findings = payer_findings(claim, self._profile) or coordination_findings(claim)
        claim = with_dates_once(claim) if claim.other_coverages else claim
        if findings:
            return claim, findings
        separators = self._envelope.separators
        if self._is_strict:
            return claim, self._written_alone(claim)
        return claim, _blocking(check_writable(claim, separators)) if _is_odd(one, claim) else ()

    def _written_alone(self, claim: Claim) -> tuple[Finding, ...]:
        found = _blocking(check_writable(claim, self._envelope.separators))
        if found:
            return found
        try:
            write_interchange((claim,), self._envelope, BytesIO())
        except X12Error as error:
            return (error.finding(),)
        return ()


def _is_odd(one: Pending, claim: Claim) -> bool:
    return (
        _may_not_fit(one.content)
        or len(claim.service_lines) > MOST_LINES[claim.kind]
        or len(claim.diagnoses) > MOST_DIAGNOSES[claim.kind]
    )


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
