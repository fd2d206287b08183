"""The twin's 277CA: which claims of a set it takes into adjudication, and which it refuses; and the
one that a clearinghouse sends before it, which only says that the claims were passed on."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from deploy.twins.payer.cases import Case, CaseState, by_key
from deploy.twins.payer.reception import ReceivedSet
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

_CLEARINGHOUSE = StatusParty(
    "AY", name="TWIN CLEARINGHOUSE", identifier_qualifier="46", identifier="TWINCH"
)
_FORWARDED = StatusCode("A0", "16", "PR")
_ACCEPTED = StatusCode("A2", "20", "PR")
_DIVIDED = StatusCode("A5", "20", "PR")


def status_reports(one: ReceivedSet, cases: Sequence[Case], at: datetime) -> Iterator[StatusReport]:
    """A 277CA for each payer named in a set; nothing of claims that the twin keeps silent about."""
    told = [case for case in cases if case.state is not CaseState.SILENT]
    for number, (_, rows) in enumerate(by_key(told, lambda case: case.payer)):
        payer = rows[0].claim.payer
        source = StatusParty(
            "PR", name=payer.name, identifier_qualifier="PI", identifier=payer.identifier
        )
        yield _report(one, rows, at, source, f"{number}")


def forwarding_report(one: ReceivedSet, cases: Sequence[Case], at: datetime) -> StatusReport:
    """What the clearinghouse says of all claims of a set."""
    return _report(one, cases, at, _CLEARINGHOUSE, "C")


def _report(
    one: ReceivedSet, cases: Sequence[Case], at: datetime, source: StatusParty, mark: str
) -> StatusReport:
    header = StatusHeader(
        transaction="277CA",
        reference=f"{cases[0].reply.control_number}{one.control_number}{mark}",
        created_on=at.date(),
        created_at=f"{at:%H%M}",
        kind="TH",
    )
    return header, _levels(one, cases, at.date(), source)


def _levels(
    one: ReceivedSet, cases: Sequence[Case], on: date, source: StatusParty
) -> Iterator[StatusLevel]:
    is_forwarding = source.role == "AY"
    own = StatusTrace(
        "1",
        f"{cases[0].reply.control_number}{one.control_number}",
        dates=(StatusDate("050", on), StatusDate("009", on)),
    )
    yield StatusLevel(number="1", code="20", has_children=True, party=source, traces=(own,))
    yield StatusLevel(
        number="2",
        parent="1",
        code="21",
        has_children=True,
        party=_submitter(cases[0].claim),
        traces=(_batch_trace(one, cases, on, source, is_forwarding=is_forwarding),),
    )
    number = 2
    for _, of_provider in by_key(cases, lambda case: case.payee):
        number += 1
        provider = str(number)
        yield StatusLevel(
            number=provider,
            parent="2",
            code="19",
            has_children=True,
            party=_provider(of_provider[0].claim.billing_provider),
            traces=(_provider_trace(of_provider),),
        )
        for case in of_provider:
            number += 1
            yield _patient_level(str(number), provider, case, on, is_forwarding=is_forwarding)


def _batch_trace(
    one: ReceivedSet, cases: Sequence[Case], on: date, source: StatusParty, *, is_forwarding: bool
) -> StatusTrace:
    refused = [case.claim.charge for case in cases if case.refusal and not is_forwarding]
    accepted = [case.claim.charge for case in cases if is_forwarding or not case.refusal]
    sums = (("90", "YU", accepted), ("AA", "YY", refused))
    total = sum(accepted) + sum(refused)
    return StatusTrace(
        "2",
        one.batch,
        statuses=(Status(StatusCode("A1", "19", source.role), on, "WQ", charge=total),),
        quantities=tuple(
            StatusQuantity(code, Decimal(len(charges))) for code, _, charges in sums if charges
        ),
        amounts=tuple(StatusAmount(code, sum(charges)) for _, code, charges in sums if charges),
    )


def _provider_trace(cases: Sequence[Case]) -> StatusTrace:
    """The guide wants one at the provider's level, with a trace number that is none; it says no
    more than that the claims came."""
    total = sum(case.claim.charge for case in cases)
    return StatusTrace("1", "0", (Status(StatusCode("A1", "19", "PR"), action="WQ", charge=total),))


def _patient_level(
    number: str, parent: str, case: Case, on: date, *, is_forwarding: bool
) -> StatusLevel:
    claim = case.claim
    patient = claim.patient or claim.subscriber
    refusal = None if is_forwarding else case.refusal
    code = _FORWARDED if is_forwarding else _DIVIDED if case.plan.is_divided else _ACCEPTED
    if refusal:
        code = StatusCode(refusal.category, refusal.status, refusal.entity or None)
    is_numbered = not (refusal or is_forwarding)
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
                references=(StatusReference("1K", case.number),) if is_numbered else (),
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
