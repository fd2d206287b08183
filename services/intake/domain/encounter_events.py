"""What is said of encounters: events with their ids, which a retry makes the same again."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

from services.intake.domain.arrival import Arrival
from services.intake.domain.decide import EVENT_SOURCE
from services.intake.domain.encounter import Encounter, EncounterNews, sent_as
from services.intake.domain.gathering import Overdue
from shared.contract.envelope import Event, business_id
from shared.contract.events import EncounterOverdue, EncounterRecorded, Format
from shared.contract.model import Finding


def recorded(
    arrival: Arrival,
    news: EncounterNews,
    outcome: Literal["recorded", "unchanged", "merged", "ignored"],
    encounter: Encounter | None,
    now: datetime,
    notes: Iterable[Finding] = (),
) -> Event:
    """`encounter.recorded`: a message was taken down."""
    return Event(
        id=business_id("encounter.recorded", arrival.delivery_id, arrival.origin.position),
        source=EVENT_SOURCE,
        subject=arrival.key,
        time=now,
        data=EncounterRecorded(
            origin=arrival.origin,
            trigger=news.trigger,
            outcome=outcome,
            status=encounter.status if encounter is not None else None,
            charges=len(encounter.charges) if encounter is not None else 0,
            findings=(*news.notes, *notes),
        ),
    )


def purged_finding(
    message_format: Format | None, severity: Literal["block", "warn"] = "block"
) -> Finding:
    """What came for an encounter that was billed and is not kept any more."""
    return Finding(
        code="encounter-purged",
        severity=severity,
        path=sent_as(message_format, "PID-18"),
        message="the account was billed so long ago that its encounter is not kept any more",
        hint="Send the whole corrected claim as 837, FHIR or JSON (frequency 7), or charge under a "
        "new account.",
    )


def overdue_event(encounter: Encounter, late: Overdue, now: datetime) -> Event:
    """`encounter.overdue`: once for each encounter and reason."""
    is_unregistered = late.reason == "not_registered"
    finding = Finding(
        code=f"encounter-{late.reason.replace('_', '-')}",
        severity="warn",
        path=sent_as(encounter.format, "IN1" if is_unregistered else "PV1-45"),
        message="no registration with an insurance has come for these charges"
        if is_unregistered
        else "neither a discharge nor a final bill has come for these charges",
        hint="Send the registration (ADT, BAR; Account, Coverage) under the same account number."
        if is_unregistered
        else "Send the discharge (ADT^A03, finished Encounter) or end the account (BAR^P06).",
    )
    assert encounter.charged_at is not None, "only charges are overdue"
    return Event(
        id=business_id("encounter.overdue", encounter.id, late.reason, late.due_at),
        source=EVENT_SOURCE,
        subject=str(encounter.id),
        time=now,
        data=EncounterOverdue(
            source=encounter.source,
            reason=late.reason,
            charges=len(encounter.charges),
            charge=sum(_signed(encounter)),
            since=encounter.charged_at,
            due_at=late.due_at,
            findings=(finding,),
        ),
    )


def _signed(encounter: Encounter) -> Iterator[int]:
    for charge in encounter.charges:
        yield -charge.line.charge if charge.is_credit else charge.line.charge
