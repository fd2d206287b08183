"""Whether two claims under one number of the sender's are versions of one claim, or two claims.

A hospital may bill several claims under one account number: each month of a therapy, each physician
of a day. Taking the second for a new version would make the first disappear; taking a corrected
claim for a second one would bill it twice. So what the number leaves open is decided by provider,
patient, service dates and lines, and always the same way.
"""

from datetime import date
from hashlib import sha1
from uuid import UUID

from shared.contract.claim import Claim, Code
from shared.contract.envelope import business_id
from shared.contract.model import Model

_CHANGES = frozenset({"6", "7", "8"})
"""Frequencies that speak of a claim sent before: adjusted, replaced, voided."""


class Likeness(Model):
    """What tells claims apart. People are kept as digests."""

    kind: Code
    first_day: date | None = None
    last_day: date | None = None
    patient: tuple[str, ...] = ()
    """Digests of first name, date of birth and member id, in that order; empty where unknown."""
    providers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    """Procedure and revenue codes of the lines."""
    is_change: bool = False


def likeness_of(claim: Claim) -> Likeness:
    """What tells this claim apart from others under its number."""
    lines = claim.service_lines
    days = [day for line in lines for day in (line.service_from, line.service_through) if day]
    days += [day for day in (claim.statement_from, claim.statement_through) if day]
    person = claim.patient or claim.subscriber
    providers = (
        claim.billing_provider,
        claim.rendering_provider,
        claim.attending_provider,
        *(line.rendering_provider for line in lines),
    )
    services = {line.procedure.code for line in lines if line.procedure}
    services |= {line.revenue_code for line in lines if line.revenue_code}
    return Likeness(
        kind=claim.kind,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        patient=(
            _digest(person.first_name),
            _digest(person.birth_date),
            _digest(claim.subscriber.identifier),
        ),
        providers=tuple(sorted({one.npi for one in providers if one is not None and one.npi})),
        services=tuple(sorted(services)),
        is_change=claim.frequency in _CHANGES,
    )


def _digest(value: object) -> str:
    text = str(value or "").strip().lower()
    return sha1(text.encode(), usedforsecurity=False).hexdigest()[:10] if text else ""


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
