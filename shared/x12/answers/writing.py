"""Writes what payers answer: 835, 999, 997, TA1, 277CA, 277 and 276, through the tables they are
read by. The payer twin answers with it, and so does intake when a sender asks for a 999.

It is apart from reading because it streams the other way: values in, segments out, one claim or
level at a time.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import BinaryIO

from shared.contract.acknowledgement import (
    GroupAnswer,
    InterchangeAnswer,
    StatusHeader,
    StatusLevel,
)
from shared.contract.remittance import (
    ProviderAdjustment,
    RemittanceClaim,
    RemittanceGroup,
    RemittanceHeader,
)
from shared.x12.answers.acknowledgement_tables import (
    ACKNOWLEDGEMENT,
    CLAIM_ACKNOWLEDGEMENT,
    INTERCHANGE_ACKNOWLEDGEMENT,
    LEVEL,
    OLD_ACKNOWLEDGEMENT,
    STATUS_REQUEST,
    STATUS_RESPONSE,
)
from shared.x12.answers.remittance_table import CLAIM, GROUP, REMITTANCE
from shared.x12.interchange import InterchangeEnvelope, InterchangeWriter
from shared.x12.table import TransactionTable
from shared.x12.writer import LoopWriter, Put

# The tables know fields that values do not have (forms that are read and never written): where a
# value is handed to a writer as a dict, what it lacks is absent.

Remittance = tuple[RemittanceHeader, Iterable[RemittanceClaim], Sequence[ProviderAdjustment]]
"""One 835: what stands before the claims, the claims, and the PLB pairs after them."""
StatusReport = tuple[StatusHeader, Iterable[StatusLevel]]
"""One 277CA, 277 or 276: its BHT and its HLs in order."""

_REMITTANCE = LoopWriter(REMITTANCE.root, opens=False)
_CLAIM_GROUP = LoopWriter(GROUP)
_CLAIM = LoopWriter(CLAIM)
_LEVEL = LoopWriter(LEVEL)
_INTERCHANGE_ANSWER = LoopWriter(INTERCHANGE_ACKNOWLEDGEMENT)
_GROUP_ANSWERS = {
    table.code: (table, LoopWriter(table.root, opens=False))
    for table in (ACKNOWLEDGEMENT, OLD_ACKNOWLEDGEMENT)
}
_STATUS_REPORTS: dict[str, tuple[TransactionTable, str, LoopWriter]] = {
    kind: (table, functional_id, LoopWriter(table.root, opens=False))
    for kind, functional_id, table in (
        ("277CA", "HN", CLAIM_ACKNOWLEDGEMENT),
        ("277", "HN", STATUS_RESPONSE),
        ("276", "HR", STATUS_REQUEST),
    )
}


def write_remittances(
    out: BinaryIO, envelope: InterchangeEnvelope, remittances: Iterable[Remittance]
) -> None:
    """One interchange with an 835 for each remittance; ST02 is the header's own.

    Claims are taken one by one, and an LX is written where a claim's `group` differs from that of
    the claim before it (and before the first, where it has none).
    Raises X12Error for an envelope or a repetition that the standard cannot hold.
    """
    with (
        InterchangeWriter(out, envelope) as interchange,
        interchange.group("HP", REMITTANCE.version) as group,
    ):
        for header, claims, adjustments in remittances:
            with group.transaction_set("835", header.transaction_control_number) as put:
                _REMITTANCE.write(dict(vars(header)), put)
                _write_claims(claims, put)
                _REMITTANCE.write({"provider_adjustments": adjustments}, put)


def _write_claims(claims: Iterable[RemittanceClaim], put: Put) -> None:
    current: RemittanceGroup | None = None
    for claim in claims:
        if claim.group is not None and claim.group != current:
            current = claim.group
            _CLAIM_GROUP.write(_group_node(current), put)
        _CLAIM.write(_claim_node(claim), put)


def _group_node(group: RemittanceGroup) -> dict[str, object]:
    return {
        **vars(group),
        "summary": _by_position(group.summary, 6),
        "inpatient_summary": _by_position(group.inpatient_summary, 1),
    }


def _by_position(values: Sequence[object], first: int) -> dict[str, object]:
    return {f"{at:02d}": value for at, value in enumerate(values, first)}


def _claim_node(claim: RemittanceClaim) -> dict[str, object]:
    return {**vars(claim), "lines": [_line_node(vars(line)) for line in claim.lines]}


def _line_node(line: dict[str, object]) -> dict[str, object]:
    remarks = line.get("remarks")
    if not isinstance(remarks, tuple) or not remarks:
        return line
    return {**line, "remarks": [{"code": code} for code in remarks]}


def write_group_answers(
    out: BinaryIO, envelope: InterchangeEnvelope, answers: Iterable[GroupAnswer]
) -> None:
    """One interchange with a 999 (or 997) for each answer, a group for each kind in a row."""
    with InterchangeWriter(out, envelope) as interchange:
        for kind, run in groupby(answers, key=lambda answer: answer.transaction):
            table, writer = _GROUP_ANSWERS[kind]
            with interchange.group("FA", table.version) as group:
                guide = table.version if kind == "999" else ""
                for answer in run:
                    with group.transaction_set(kind, guide=guide) as put:
                        writer.write(_answer_node(answer), put)


def _answer_node(answer: GroupAnswer) -> dict[str, object]:
    return {**vars(answer), "sets": [dict(vars(part)) for part in answer.sets]}


def write_interchange_answers(
    out: BinaryIO, envelope: InterchangeEnvelope, answers: Iterable[InterchangeAnswer]
) -> None:
    """One interchange that holds nothing but TA1 segments."""
    with InterchangeWriter(out, envelope) as interchange:
        for answer in answers:
            _INTERCHANGE_ANSWER.write(answer, interchange.put)


def write_status_reports(
    out: BinaryIO, envelope: InterchangeEnvelope, reports: Iterable[StatusReport]
) -> None:
    """One interchange with a 277CA, 277 or 276 for each report, a group for each kind in a row.

    Levels are written in their order, with the numbers they have.
    """
    with InterchangeWriter(out, envelope) as interchange:
        for kind, run in groupby(reports, key=lambda report: report[0].transaction):
            table, functional_id, writer = _STATUS_REPORTS[kind]
            with interchange.group(functional_id, table.version) as group:
                for header, levels in run:
                    with group.transaction_set(table.code, guide=table.version) as put:
                        writer.write(dict(vars(header)), put)
                        for level in levels:
                            _LEVEL.write(dict(vars(level)), put)
