"""Decisions to files: TA1, 999, 277CA and 835 of one received interchange, by shared.x12.

The same interchange gives the same bytes, whenever and however often it is answered: control
numbers, times and trace numbers come from the interchange that is answered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, TypeVar

from deploy.twins.payer.adjudicate import adjudicate
from deploy.twins.payer.payment import remittances
from deploy.twins.payer.reception import Received
from deploy.twins.payer.scenario import EVERYDAY, Scenario
from deploy.twins.payer.status_report import status_reports
from deploy.twins.payer.syntax import group_answer, interchange_answer
from shared.x12.answers.writing import (
    write_group_answers,
    write_interchange_answers,
    write_remittances,
    write_status_reports,
)
from shared.x12.interchange import InterchangeEnvelope

MOST_CONTROL_NUMBERS = 999_999_999

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Answers:
    """What the twin has to say to one interchange: files by their suffix, those that come at once
    and the one that comes later."""

    at_once: dict[str, bytes]
    remittance: bytes | None
    decisions: int


def answer(received: Received, seed: int, scenario: Scenario = EVERYDAY) -> Answers:
    """All answers to one interchange."""
    at_once: dict[str, bytes] = {}
    if received.header.wants_ta1:
        at_once["ta1"] = _written(
            received, 0, write_interchange_answers, [interchange_answer(received)]
        )
    syntax = [group_answer(group) for group in received.groups]
    at_once["999"] = _written(received, 1, write_group_answers, syntax)
    judged = [
        (one, [(claim, adjudicate(claim, seed, scenario)) for claim in one.claims])
        for group in received.groups
        for one in group.sets
        if not one.faults
    ]
    reports = [report for one, claims in judged for report in status_reports(received, one, claims)]
    if reports:
        at_once["277ca"] = _written(received, 2, write_status_reports, reports)
    paid = list(remittances(received, [row for _, claims in judged for row in claims]))
    return Answers(
        at_once,
        _written(received, 3, write_remittances, paid) if paid else None,
        sum(len(claims) for _, claims in judged),
    )


def _written(
    received: Received,
    which: int,
    write: Callable[[BinaryIO, InterchangeEnvelope, Sequence[Value]], None],
    values: Sequence[Value],
) -> bytes:
    out = BytesIO()
    write(out, _envelope(received, which), values)
    return out.getvalue()


def _envelope(received: Received, which: int) -> InterchangeEnvelope:
    """Back to the sender, with a control number of the payer's own that follows from theirs."""
    header = received.header
    number = (int(header.control_number) * 4 + which) % MOST_CONTROL_NUMBERS + 1
    return InterchangeEnvelope(
        sender=header.receiver,
        receiver=header.sender,
        sender_qualifier=header.receiver_qualifier,
        receiver_qualifier=header.sender_qualifier,
        control_number=number,
        created_at=received.created_at,
        usage=header.usage,
    )
