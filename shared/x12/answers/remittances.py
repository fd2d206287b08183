"""Reads 835s: a stream of bytes into a header, claim after claim, and a trailer for each
transaction set, however many sets, groups and interchanges there are and whatever else is between.

It is apart from the values because it only keeps them in order and adds them up.
"""

from collections.abc import Iterator
from typing import BinaryIO

from shared.contract.model import Finding
from shared.contract.remittance import (
    ProviderAdjustment,
    RemittanceClaim,
    RemittanceGroup,
    RemittanceHeader,
    RemittancePart,
    RemittanceProblem,
    RemittanceTrailer,
)
from shared.x12.answers.balance import RunningBalance
from shared.x12.answers.remittance_table import REMITTANCE
from shared.x12.answers.remittance_values import (
    claim_of,
    findings_of_claim,
    findings_of_header,
    group_of,
    header_of,
)
from shared.x12.answers.values import adopt_all
from shared.x12.envelope import EnvelopeReader, TransactionSet
from shared.x12.errors import X12Problem
from shared.x12.reader import Emission, walk
from shared.x12.segments import Node


def read_remittances(stream: BinaryIO) -> Iterator[RemittancePart]:
    """Every 835 of the stream, part by part; other transaction sets are passed over.

    Of each set comes one `RemittanceHeader`, its claims, one `RemittanceTrailer`. A set in a
    version that is not 5010 gives a `RemittanceProblem` instead, as does what is no X12. Holds one
    claim at a time. Never raises for what the stream holds; a set that breaks off has a trailer
    whose finding `set-truncated` blocks.
    """
    position = 0
    for part in EnvelopeReader(stream).parts():
        if isinstance(part, TransactionSet):
            transaction = part.envelope.transaction
            if transaction is None or transaction.code != "835":
                continue
            if not is_readable(part.envelope.version):
                yield _refused(part)
                continue
            yield from _SetReader(part, position).parts()
            position += 1
        elif isinstance(part, X12Problem) and part.control.transaction is None:
            yield RemittanceProblem(part.findings, part.control.interchange, part.control.group)


def is_readable(version: str) -> bool:
    """Whether a set of this version (GS08) is read: 5010 in any of its issues, or unsaid."""
    return not version or version.startswith("005010")


def _refused(part: TransactionSet) -> RemittanceProblem:
    finding = Finding(
        code="version-not-read",
        path="GS08",
        message="This 835 is not of version 005010; its amounts and codes mean other things.",
        hint="Ask the payer for the 835 as 005010X221A1.",
        source="45 CFR 162.1602",
    )
    control = part.envelope.control
    return RemittanceProblem((finding,), control.interchange, control.group, control.transaction)


class _SetReader:
    """One transaction set on its way through."""

    def __init__(self, part: TransactionSet, position: int) -> None:
        self._part = part
        self._position = position
        self._balance = RunningBalance()
        self._header: RemittanceHeader | None = None
        self._known: frozenset[Finding] = frozenset()
        self._group_node: Node | None = None
        self._group: RemittanceGroup | None = None

    def parts(self) -> Iterator[RemittancePart]:
        for emission in walk(REMITTANCE, self._part):
            if self._header is None:
                root = emission.context[0] if emission.context else emission.node
                self._known = frozenset(emission.findings)
                self._header = header_of(
                    root, self._part.envelope, self._position, emission.findings
                )
                yield self._header
            if emission.loop == "2100":
                claim = self._read_claim(emission)
                self._balance.add(claim)
                yield claim
            else:
                yield self._read_trailer(emission)

    def _read_claim(self, emission: Emission) -> RemittanceClaim:
        findings = findings_of_claim(emission.findings)
        if not emission.is_complete:
            findings.append(_TRUNCATED)
        if len(emission.context) > 1:
            if emission.context[1] is not self._group_node:
                self._group_node = emission.context[1]
                self._group = group_of(self._group_node)
            emission.node["group"] = self._group
        return claim_of(emission.node, self._balance.claims, findings)

    def _read_trailer(self, emission: Emission) -> RemittanceTrailer:
        header = self._header
        assert header is not None
        nodes = emission.node.get("provider_adjustments", ())
        news = tuple(finding for finding in emission.findings if finding not in self._known)
        findings = (*findings_of_header(news), *self._part.findings)
        adjustments = adopt_all(ProviderAdjustment, nodes)
        return RemittanceTrailer(
            provider_adjustments=adjustments,
            claims=self._balance.claims,
            paid=self._balance.paid,
            balance=self._balance.close(header.net_amount, adjustments),
            position=self._position,
            findings=findings,
        )


_TRUNCATED = Finding(
    code="claim-truncated",
    path="2100",
    message="The file breaks off within this claim.",
    hint="Ask the payer for the whole file.",
)
