"""Questions about claims that a payer has not decided on: a 276 (005010X212) from the claims as
they were sent. Pure: the trace numbers, by which a 277 is related, come in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO

from services.submission.domain.changes import Leg
from services.submission.domain.control_numbers import format_control_number
from services.submission.domain.interchange import envelope_for
from services.submission.domain.profile import Profile
from shared.contract.acknowledgement import (
    StatusAmount,
    StatusDate,
    StatusHeader,
    StatusLevel,
    StatusParty,
    StatusReference,
    StatusTrace,
)
from shared.contract.claim import Claim, Insured, Party, Patient
from shared.x12.answers.writing import write_status_reports


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """One claim to ask about. `trace` is ours and unique; `payer_claim_number` what the payer calls
    the claim, where it said so."""

    leg: Leg
    trace: str
    claim: Claim
    payer_claim_number: str | None = None


def write_inquiry(
    questions: Sequence[Question], profile: Profile, number: int, now: datetime
) -> bytes:
    """One interchange with one 276 of these questions, in their order.

    Raises ControlNumbersUsedUpError, and X12Error where the profile makes no envelope.
    """
    header = StatusHeader(
        "276",
        reference=f"{format_control_number(number)}0001",
        purpose="13",
        created_on=now.date(),
        created_at=f"{now:%H%M}",
    )
    out = BytesIO()
    levels = _levels(questions, profile)
    write_status_reports(out, envelope_for(profile, number, now), [(header, levels)])
    return out.getvalue()


def _levels(questions: Iterable[Question], profile: Profile) -> Iterator[StatusLevel]:
    """HL by HL: the payer, we, the provider, the subscriber, and the patient who is another."""
    count = 0
    payer: tuple[str | None, str | None] | None = None
    provider: Party | None = None
    receiver_number = provider_number = ""

    def level(parent: str | None, code: str, **fields: object) -> StatusLevel:
        nonlocal count
        count += 1
        return StatusLevel(str(count), parent, code, **fields)  # type: ignore[arg-type]

    for question in questions:
        claim = question.claim
        if payer != (claim.payer.identifier, claim.payer.name):
            payer, provider = (claim.payer.identifier, claim.payer.name), None
            source = level(None, "20", has_children=True, party=_payer(claim))
            yield source
            receiver = level(source.number, "21", has_children=True, party=_receiver(profile))
            yield receiver
            receiver_number = receiver.number
        if provider != claim.billing_provider:
            provider = claim.billing_provider
            found = level(receiver_number, "19", has_children=True, party=_provider(claim))
            yield found
            provider_number = found.number
        trace = _trace(question)
        is_dependent = claim.patient is not None
        subscriber = level(
            provider_number,
            "22",
            has_children=is_dependent,
            party=_person("IL", claim.subscriber),
            birth_date=None if is_dependent else claim.subscriber.birth_date,
            gender=None if is_dependent else claim.subscriber.gender,
            traces=() if is_dependent else (trace,),
        )
        yield subscriber
        if claim.patient is not None:
            yield level(
                subscriber.number,
                "23",
                party=_person("QC", claim.patient),
                birth_date=claim.patient.birth_date,
                gender=claim.patient.gender,
                traces=(trace,),
            )


def _payer(claim: Claim) -> StatusParty:
    payer = claim.payer
    qualifier = payer.identifier_qualifier or "PI"
    return StatusParty("PR", False, payer.name, None, None, None, qualifier, payer.identifier)


def _receiver(profile: Profile) -> StatusParty:
    sender = profile.sender
    return StatusParty("41", False, sender.name, None, None, None, "46", sender.identifier)


def _provider(claim: Claim) -> StatusParty:
    provider = claim.billing_provider
    identifier = ("XX", provider.npi) if provider.npi else ("FI", provider.tax_id)
    return StatusParty(
        "1P",
        provider.is_person,
        provider.name,
        provider.first_name,
        provider.middle_name,
        provider.suffix,
        *identifier,
    )


def _person(role: str, person: Insured | Patient) -> StatusParty:
    is_insured = role == "IL"
    return StatusParty(
        role,
        person.is_person or not is_insured,
        person.name,
        person.first_name,
        person.middle_name,
        person.suffix,
        (person.identifier_qualifier or "MI") if is_insured else None,
        person.identifier if is_insured else None,
    )


def _trace(question: Question) -> StatusTrace:
    claim = question.claim
    references = []
    if question.payer_claim_number:
        references.append(StatusReference("1K", question.payer_claim_number))
    if claim.kind == "institutional" and claim.facility_code:
        references.append(StatusReference("BLT", f"{claim.facility_code}{claim.frequency}"))
    references.append(StatusReference("EJ", claim.patient_control_number))
    return StatusTrace(
        kind="1",
        number=question.trace,
        references=tuple(references),
        amounts=(StatusAmount("T3", claim.charge),),
        dates=_service_dates(claim),
    )


def _service_dates(claim: Claim) -> tuple[StatusDate, ...]:
    days: list[date | None] = [claim.statement_from, claim.statement_through]
    for line in claim.service_lines:
        days += [line.service_from, line.service_through]
    known = [day for day in days if day is not None]
    if not known:
        return ()
    first, last = min(known), max(known)
    return (StatusDate("472", first, last if last != first else None),)
