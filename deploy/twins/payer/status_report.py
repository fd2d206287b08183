"""The twin's 277CA: which claims of a set it takes into adjudication, and which it refuses."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from deploy.twins.payer.adjudicate import Decision, Judged, by_key
from deploy.twins.payer.reception import Received, ReceivedSet
from shared.contract.acknowledgement import (
    Status,
    StatusAmount,
    StatusCode,
    StatusDate,
    StatusHeader,
    StatusLevel,
    StatusParty,
    StatusQuantity,
    StatusReference,
    StatusTrace,
)
from shared.contract.claim import Claim, Provider
from shared.x12.answers.writing import StatusReport


def status_reports(
    received: Received, one: ReceivedSet, judged: Sequence[Judged]
) -> Iterator[StatusReport]:
    """A 277CA for each payer named in a set; nothing of claims that the twin keeps silent about."""
    told = [row for row in judged if row[1].refusal or row[1].remittance]
    for number, (_, rows) in enumerate(by_key(told, lambda row: row[0].payer.identifier or "")):
        header = StatusHeader(
            transaction="277CA",
            reference=f"{received.header.control_number}{one.control_number}{number}",
            created_on=received.created_at.date(),
            created_at=f"{received.created_at:%H%M}",
            kind="TH",
        )
        yield header, _levels(received, one, rows)


def _levels(received: Received, one: ReceivedSet, rows: Sequence[Judged]) -> Iterator[StatusLevel]:
    on = received.created_at.date()
    payer = rows[0][0].payer
    number = 1
    yield StatusLevel(
        number="1",
        code="20",
        has_children=True,
        party=StatusParty(
            "PR", name=payer.name, identifier_qualifier="PI", identifier=payer.identifier
        ),
        traces=(
            StatusTrace(
                "1",
                f"{received.header.control_number}{one.control_number}",
                dates=(StatusDate("050", on), StatusDate("009", on)),
            ),
        ),
    )
    number += 1
    yield StatusLevel(
        number="2",
        parent="1",
        code="21",
        has_children=True,
        party=_submitter(rows[0][0]),
        traces=(_batch_trace(one, rows, on),),
    )
    for _, of_provider in by_key(rows, lambda row: row[0].billing_provider.npi or ""):
        number += 1
        provider = str(number)
        yield StatusLevel(
            number=provider,
            parent="2",
            code="19",
            has_children=True,
            party=_provider(of_provider[0][0].billing_provider),
        )
        for claim, decision in of_provider:
            number += 1
            yield _patient_level(str(number), provider, claim, decision, on)


def _batch_trace(one: ReceivedSet, rows: Sequence[Judged], on: date) -> StatusTrace:
    refused = [claim.charge for claim, decision in rows if decision.refusal]
    accepted = [claim.charge for claim, decision in rows if not decision.refusal]
    sums = (("90", "YU", accepted), ("AA", "YY", refused))
    return StatusTrace(
        "2",
        one.batch,
        statuses=(
            Status(StatusCode("A1", "19", "PR"), on, "WQ", charge=sum(accepted) + sum(refused)),
        ),
        quantities=tuple(
            StatusQuantity(code, Decimal(len(charges))) for code, _, charges in sums if charges
        ),
        amounts=tuple(StatusAmount(code, sum(charges)) for _, code, charges in sums if charges),
    )


def _patient_level(
    number: str, parent: str, claim: Claim, decision: Decision, on: date
) -> StatusLevel:
    patient = claim.patient or claim.subscriber
    refusal = decision.refusal
    code = (
        StatusCode(refusal.category, refusal.status, refusal.entity or None)
        if refusal
        else StatusCode("A2", "20", "PR")
    )
    served = claim.service_lines[0].service_from or claim.statement_from
    return StatusLevel(
        number=number,
        parent=parent,
        code="PT",
        party=StatusParty(
            "QC",
            is_person=True,
            name=patient.name,
            first_name=patient.first_name,
            identifier_qualifier="MI" if claim.subscriber.identifier else None,
            identifier=claim.subscriber.identifier,
        ),
        traces=(
            StatusTrace(
                "2",
                claim.patient_control_number,
                statuses=(Status(code, on, "U" if refusal else "WQ", charge=claim.charge),),
                references=(
                    () if refusal else (StatusReference("1K", decision.payer_claim_control_number),)
                ),
                dates=(StatusDate("472", served),) if served else (),
            ),
        ),
    )


def _submitter(claim: Claim) -> StatusParty:
    submitter = claim.submitter
    return StatusParty(
        "41",
        name=submitter.name if submitter else None,
        identifier_qualifier="46",
        identifier=submitter.identifier if submitter else None,
    )


def _provider(provider: Provider) -> StatusParty:
    return StatusParty(
        "85",
        is_person=provider.is_person,
        name=provider.name,
        first_name=provider.first_name,
        identifier_qualifier="XX" if provider.npi else None,
        identifier=provider.npi,
    )
