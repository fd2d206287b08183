"""One number, several claims: a correction is a revision, another claim is never taken for one.

Rule of the issue: the source's claim number says which claim it is; where that is not enough, the
provider, patient, service dates and lines do.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from services.intake.domain.answer import answer
from services.intake.domain.arrival import AcceptedClaim, Arrival
from services.intake.domain.identity import claim_id
from services.intake.domain.known import State
from services.intake.domain.message import admit
from services.intake.domain.profile import BUILT_IN
from shared.contract.claim import Claim, Insured, Procedure, ServiceLine
from shared.contract.envelope import Event, business_id
from shared.contract.events import MessageOrigin

FIRST = claim_id("general", "PCN-1")
Changes = Callable[[Claim], dict[str, Any]]


class Door:
    """Claims of one source, one after another."""

    def __init__(self, now: datetime) -> None:
        self.states: dict[str, State] = {}
        self._now = now
        self._sent = 0

    def send(self, claim: Claim) -> Event:
        self._sent += 1
        outcome = admit(claim, "general")
        assert isinstance(outcome, AcceptedClaim)
        origin = MessageOrigin(message_id=business_id("m", self._sent), source="general")
        arrival = Arrival(str(outcome.claim.id), origin, origin.message_id, outcome, is_last=True)
        made = answer(self.states, arrival, BUILT_IN, self._now)
        self.states.update(made.states)
        (event,) = made.events
        return event


@pytest.fixture
def door(now: datetime) -> Door:
    return Door(now)


@pytest.fixture
def visit(claim: Claim) -> Claim:
    """A claim of one day, with all that tells claims apart."""
    lines = tuple(
        line.model_copy(update={"service_from": date(2025, 3, 3)}) for line in claim.service_lines
    )
    subscriber = Insured(
        is_person=True,
        name="DOE",
        first_name="JANE",
        birth_date=date(1970, 1, 2),
        identifier="W1",
    )
    return claim.model_copy(update={"service_lines": lines, "subscriber": subscriber})


def on(day: date, claim: Claim, **changes: Any) -> Claim:
    lines = tuple(one.model_copy(update={"service_from": day}) for one in claim.service_lines)
    return claim.model_copy(update={"service_lines": lines, **changes})


def _person(claim: Claim, **changes: Any) -> dict[str, Any]:
    return {"subscriber": claim.subscriber.model_copy(update=changes)}


@pytest.mark.parametrize(
    "changes",
    [
        lambda _: {"facility_code": "12"},
        lambda claim: _person(claim, identifier="W2"),
        lambda claim: _person(claim, birth_date=date(1971, 1, 2)),
        lambda claim: _person(claim, first_name="JANET"),
        lambda claim: _person(claim, name="SMITH"),
        lambda claim: {"service_lines": claim.service_lines[:1], "charge": 10_000},
        lambda claim: {"billing_provider": claim.billing_provider.model_copy(update={"npi": None})},
        lambda _: {"frequency": "7"},
        lambda _: {"frequency": "8"},
    ],
    ids=["place", "member", "birth", "first-name", "name", "line", "provider", "replace", "void"],
)
def test_a_correction_is_a_revision_of_the_same_claim(
    door: Door, visit: Claim, changes: Changes
) -> None:
    door.send(visit)
    event = door.send(visit.model_copy(update=changes(visit)))
    assert (event.subject, event.sequence) == (str(FIRST), 2)


def test_a_replacement_may_change_days_and_lines(door: Door, visit: Claim) -> None:
    door.send(visit)
    line = ServiceLine(
        number=1, procedure=Procedure(code="93000"), charge=1, service_from=date(2025, 6, 1)
    )
    changed = visit.model_copy(update={"service_lines": (line,), "charge": 1, "frequency": "7"})
    assert (door.send(changed).subject, door.send(changed).type) == (
        str(FIRST),
        "claim.duplicated.v1",
    )


@pytest.mark.parametrize(
    "other",
    [
        lambda claim: on(date(2025, 4, 7), claim),
        lambda claim: claim.model_copy(update={"kind": "institutional"}),
        lambda claim: claim.model_copy(
            update=_person(claim, first_name="JOHN", birth_date=date(1999, 9, 9))
        ),
        lambda claim: claim.model_copy(
            update={
                "service_lines": (
                    ServiceLine(
                        number=1,
                        procedure=Procedure(code="71046"),
                        charge=25_000,
                        service_from=date(2025, 3, 3),
                    ),
                ),
                "billing_provider": claim.billing_provider.model_copy(update={"npi": "1000000004"}),
            }
        ),
    ],
    ids=["month", "kind", "patient", "provider-and-lines"],
)
def test_another_claim_under_the_number_is_a_claim_of_its_own(
    door: Door, visit: Claim, other: Callable[[Claim], Claim]
) -> None:
    door.send(visit)
    second = other(visit)
    event = door.send(second)
    assert event.type == "claim.received.v1"
    assert event.sequence == 1
    assert event.subject != str(FIRST)
    # Both go on as themselves, whichever comes again.
    assert door.send(visit).type == "claim.duplicated.v1"
    again = door.send(second)
    assert (again.type, again.subject) == ("claim.duplicated.v1", event.subject)
    corrected = door.send(second.model_copy(update={"patient_paid": 100}))
    assert (corrected.subject, corrected.sequence) == (event.subject, 2)


def test_each_month_of_a_therapy_under_one_account_is_a_claim(door: Door, visit: Claim) -> None:
    said = [door.send(on(date(2025, month, 3), visit)) for month in range(1, 7)]
    assert {event.type for event in said} == {"claim.received.v1"}
    assert len({event.subject for event in said}) == 6


def test_a_claims_line_numbers_are_made_of_its_own_id(door: Door, visit: Claim) -> None:
    first = door.send(visit).data
    second = door.send(on(date(2025, 4, 7), visit)).data
    numbers = [
        line.line_control_number
        for data in (first, second)
        for line in data.claim.service_lines  # type: ignore[attr-defined]
    ]
    assert len(set(numbers)) == len(numbers)


def test_what_a_claim_does_not_say_tells_nothing_apart(door: Door, claim: Claim) -> None:
    """A sparse claim that comes again with more is the same claim."""
    door.send(claim.model_copy(update={"subscriber": Insured(name="DOE", identifier="W1")}))
    fuller = Insured(name="DOE", first_name="JANE", birth_date=date(1970, 1, 2), identifier="W1")
    assert door.send(claim.model_copy(update={"subscriber": fuller})).sequence == 2
