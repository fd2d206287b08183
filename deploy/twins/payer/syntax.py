"""The twin's TA1 and 999: was the envelope in order, and the syntax of each transaction set."""

from deploy.twins.payer.reception import Received, ReceivedGroup, ReceivedSet
from shared.contract.acknowledgement import (
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
)
from shared.contract.model import Finding

FAULTS_SHOWN = 50


def interchange_answer(received: Received) -> InterchangeAnswer:
    header = received.header
    return InterchangeAnswer(
        interchange_control_number=header.control_number,
        outcome="A",
        interchange_date=header.date,
        interchange_time=header.time,
    )


def group_answer(group: ReceivedGroup) -> GroupAnswer:
    rejected = sum(bool(one.faults) for one in group.sets)
    outcome = "A" if not rejected else "R" if rejected == len(group.sets) else "P"
    return GroupAnswer(
        functional_group=group.header.functional_id,
        group_control_number=group.header.control_number,
        outcome=outcome,
        version=group.header.version,
        sets=tuple(_set_answer(one) for one in group.sets),
        included=len(group.sets),
        received=len(group.sets),
        accepted=len(group.sets) - rejected,
    )


def _set_answer(one: ReceivedSet) -> SetAnswer:
    return SetAnswer(
        transaction="837",
        control_number=one.control_number,
        outcome="R" if one.faults else "A",
        version=one.version,
        segment_errors=tuple(_segment_error(fault) for fault in one.faults[:FAULTS_SHOWN]),
        codes=("5",) if one.faults else (),
    )


def _segment_error(fault: Finding) -> SegmentError:
    loop, _, element = (fault.path or "").rpartition("/")
    return SegmentError(
        segment=element[:3].rstrip("0123456789") or "ST",
        position=fault.position or 1,
        loop=loop.partition("[")[0] or None,
        code="8",
    )
