"""Whether two claims under one number of the sender's are versions of one claim, or two claims.

A hospital may bill several claims under one account number: each month of a therapy, each physician
of a day. Taking the second for a new version would make the first disappear; taking a corrected
claim for a second one would bill it twice. So what the number leaves open is decided by provider,
patient, service dates and lines, and always the same way.
"""

from datetime import date
from uuid import UUID
from zlib import crc32

from shared.contract.claim import Claim, Code
from shared.contract.envelope import business_id
from shared.contract.model import Model

_CHANGES = frozenset({"6", "7", "8"})
"""Frequencies that speak of a claim sent before: adjusted, replaced, voided."""


class Likeness(Model):
    """What tells claims apart. What is said of the patient is kept as checksums."""

    kind: Code
    first_day: date | None = None
    last_day: date | None = None
    patient: tuple[str, ...] = ()
    """Checksums of first name, date of birth and member id, in that order; empty where unknown."""
    providers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    """Procedure and revenue codes of the lines."""
    is_change: bool = False


def likeness_of(claim: Claim) -> Likeness:
    """What tells this claim apart from others under its number."""
    lines = claim.service_lines
    days = {claim.statement_from, claim.statement_through}
    services = {line.revenue_code for line in lines}
    npis = {claim.billing_provider.npi}
    for line in lines:
        days.add(line.service_from)
        days.add(line.service_through)
        if line.procedure is not None:
            services.add(line.procedure.code)
        if line.rendering_provider is not None:
            npis.add(line.rendering_provider.npi)
    for provider in (claim.rendering_provider, claim.attending_provider):
        if provider is not None:
            npis.add(provider.npi)
    person = claim.patient or claim.subscriber
    known_days = [day for day in days if day]
    return Likeness(
        kind=claim.kind,
        first_day=min(known_days, default=None),
        last_day=max(known_days, default=None),
        patient=(
            _digest(person.first_name),
            _digest(person.birth_date),
            _digest(claim.subscriber.identifier),
        ),
        providers=tuple(sorted(npi for npi in npis if npi)),
        services=tuple(sorted(code for code in services if code)),
        is_change=claim.frequency in _CHANGES,
    )


def _digest(value: object) -> str:
    """Enough to tell apart what few claims under one number say."""
    text = str(value or "").strip().lower()
    return f"{crc32(text.encode()):08x}" if text else ""


def is_same_claim(known: Likeness | None, new: Likeness) -> bool:
    """Whether a claim under the same number is a version of the known one.

    It is one for sure where it says so by its frequency. An original is one where kind and patient
    are the same and the days meet, and it has a service in common or the very same providers.
    """
    if known is None:
        return True  # stored before claims under one number were told apart
    if known.kind != new.kind or not _is_same_patient(known, new):
        return False
    if new.is_change:
        return True
    is_alike = not set(known.services).isdisjoint(new.services) or known.providers == new.providers
    return _days_meet(known, new) and is_alike


def _is_same_patient(known: Likeness, new: Likeness) -> bool:
    """One of three marks may be corrected; what one of the claims does not say tells nothing."""
    pairs = [(a, b) for a, b in zip(known.patient, new.patient, strict=True) if a and b]
    return sum(a != b for a, b in pairs) <= (1 if len(pairs) > 1 else 0)


def _days_meet(known: Likeness, new: Likeness) -> bool:
    if known.first_day is None or new.first_day is None:
        return True
    assert known.last_day is not None, "where there is a first day there is a last"
    assert new.last_day is not None, "where there is a first day there is a last"
    return known.first_day <= new.last_day and new.first_day <= known.last_day


def distinct_claim_id(claim: Claim, likeness: Likeness) -> UUID:
    """The id of a claim whose number is another claim's already: made of what tells it apart."""
    return business_id(
        "claim",
        claim.source,
        claim.patient_control_number,
        likeness.kind,
        likeness.first_day,
        likeness.last_day,
        *likeness.patient,
        *likeness.providers,
        *likeness.services,
    )
