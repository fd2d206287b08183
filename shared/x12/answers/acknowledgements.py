"""Reads what payers answer before they pay: TA1, 999, 997, 277CA and 277 (and the 276), in whatever
mixture a file holds them; 835s and all else are passed over.

It is apart from what the answers mean (`meaning`), because a payer's codes are kept as they came.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal

from shared.contract.acknowledgement import (
    AnswerEnvelope,
    AnswerPart,
    AnswerProblem,
    ElementError,
    ErrorContext,
    GroupAnswer,
    InterchangeAnswer,
    SegmentError,
    SetAnswer,
    Status,
    StatusAmount,
    StatusCode,
    StatusDate,
    StatusHeader,
    StatusLevel,
    StatusLine,
    StatusParty,
    StatusQuantity,
    StatusReference,
    StatusTrace,
    StatusTrailer,
)
from shared.contract.model import Finding
from shared.x12.answers.acknowledgement_tables import (
    ACKNOWLEDGEMENT,
    CLAIM_ACKNOWLEDGEMENT,
    INTERCHANGE_ACKNOWLEDGEMENT,
    OLD_ACKNOWLEDGEMENT,
    STATUS_REQUEST,
)
from shared.x12.answers.values import adopt, adopt_all, contacts_of, having, procedure_of
from shared.x12.envelope import Envelope, EnvelopeReader, Loose, TransactionSet
from shared.x12.errors import X12Problem
from shared.x12.reader import Emission, walk
from shared.x12.segments import Node, compile_segment

StatusKind = Literal["277CA", "277", "276"]


def read_acknowledgements(stream: BinaryIO) -> Iterator[AnswerPart]:
    """Every answer of the stream in its order.

    A TA1 gives an `InterchangeAnswer`, a 999 or 997 a `GroupAnswer`; a 277CA, 277 or 276 gives a
    `StatusHeader`, a `StatusLevel` for each HL (never more than one is held) and a
    `StatusTrailer`. What is wrong with none of them, and a TA1 or 999 that breaks off, comes as
    `AnswerProblem`. Never raises for what the stream holds.
    """
    for part in EnvelopeReader(stream).parts():
        if isinstance(part, TransactionSet):
            transaction = part.envelope.transaction
            read = _READERS.get(transaction.code) if transaction else None
            if read is not None:
                yield from read(part)
        elif isinstance(part, Loose):
            yield _interchange_answer(part)
        elif isinstance(part, X12Problem) and part.control.transaction is None:
            # A set's own problems are told with its answer.
            yield AnswerProblem(part.findings, _envelope_of_control(part))


def envelope_of(envelope: Envelope) -> AnswerEnvelope:
    """Where a set stood, as far as it is known."""
    control, interchange = envelope.control, envelope.interchange
    return AnswerEnvelope(
        interchange_control_number=control.interchange,
        group_control_number=control.group,
        transaction_control_number=control.transaction,
        sender=interchange.sender if interchange else None,
        receiver=interchange.receiver if interchange else None,
        version=envelope.version or None,
    )


def _envelope_of_control(problem: X12Problem) -> AnswerEnvelope:
    control = problem.control
    return AnswerEnvelope(control.interchange, control.group, control.transaction)


def _interchange_answer(part: Loose) -> InterchangeAnswer | AnswerProblem:
    node: Node = {}
    # TA1 has no composites, so any component separator will do.
    compile_segment(INTERCHANGE_ACKNOWLEDGEMENT.start, "\0").examine(node, part.elements)
    envelope = envelope_of(part.envelope)
    if node.get("outcome") not in ("A", "E", "R"):
        return AnswerProblem((_NO_VERDICT,), envelope)
    node["envelope"] = envelope
    return adopt(InterchangeAnswer, node)


_NO_VERDICT = Finding(
    code="ta1-without-verdict",
    path="TA1/TA104",
    message="The TA1 does not say whether the interchange was accepted (A, E or R).",
    hint="Ask the receiver; nothing is taken as accepted or rejected.",
)


def _read_group_answer(part: TransactionSet) -> Iterator[AnswerPart]:
    transaction = part.envelope.transaction
    is_old = transaction is not None and transaction.code == "997"
    emission = _last(walk(OLD_ACKNOWLEDGEMENT if is_old else ACKNOWLEDGEMENT, part))
    if not emission.is_complete:
        # Half an answer must neither accept nor reject the half that is not there.
        yield AnswerProblem(tuple(part.findings), envelope_of(part.envelope))
        return
    node = emission.node
    node["sets"] = tuple([_set_answer(inner) for inner in node.get("sets", ())])
    node["codes"] = tuple(node.get("codes", ()))
    node["transaction"] = "997" if is_old else "999"
    node["envelope"] = envelope_of(part.envelope)
    node["findings"] = (*_softened(emission.findings), *part.findings)
    yield adopt(GroupAnswer, node)


def _last(emissions: Iterator[Emission]) -> Emission:
    *_, last = emissions
    return last


def _softened(findings: tuple[Finding, ...]) -> Iterator[Finding]:
    """An odd element of an answer is no reason to stop: what it says otherwise is still said."""
    for finding in findings:
        yield finding.model_copy(update={"severity": "warn"})


def _set_answer(node: Node) -> SetAnswer:
    errors = [*node.pop("segment_errors", ()), *node.pop("other_segment_errors", ())]
    node["segment_errors"] = tuple([_segment_error(error) for error in errors])
    node["codes"] = tuple(node.get("codes", ()))
    return adopt(SetAnswer, node)


def _segment_error(node: Node) -> SegmentError:
    for element in node.get("elements", ()):
        element["contexts"] = adopt_all(ErrorContext, element.get("contexts", ()))
    node["elements"] = adopt_all(ElementError, node.get("elements", ()))
    node["contexts"] = adopt_all(ErrorContext, node.get("contexts", ()))
    return adopt(SegmentError, node)


def _read_status(part: TransactionSet) -> Iterator[AnswerPart]:
    envelope = envelope_of(part.envelope)
    version = part.envelope.version
    if version and not version.startswith("005010"):
        yield AnswerProblem((_VERSION_NOT_READ,), envelope)
        return
    header: StatusHeader | None = None
    known: set[str] = set()
    levels = 0
    root_findings: tuple[Finding, ...] = ()
    for emission in walk(CLAIM_ACKNOWLEDGEMENT, part):
        if header is None:
            root = emission.context[0] if emission.context else emission.node
            root_findings = emission.findings
            header = _status_header(part, root, envelope, root_findings)
            yield header
        if emission.context:
            levels += 1
            yield _level(emission, known)
            continue
        findings = [f for f in emission.findings if f not in root_findings]
        yield StatusTrailer(levels, (*_softened(tuple(findings)), *part.findings))


_VERSION_NOT_READ = Finding(
    code="version-not-read",
    path="GS08",
    message="This status report is not of version 005010; its codes may mean other things.",
    hint="Ask the payer for the 277CA as 005010X214.",
    source="45 CFR 162.1402",
)


def _status_header(
    part: TransactionSet, root: Node, envelope: AnswerEnvelope, findings: tuple[Finding, ...]
) -> StatusHeader:
    names = ("reference", "purpose", "created_on", "created_at", "kind")
    node: Node = {name: root[name] for name in names if name in root}
    node["transaction"] = _status_kind(part, root)
    node["envelope"] = envelope
    above = tuple(finding for finding in findings if not _is_of_level(finding))
    node["findings"] = tuple(_softened(above))
    return adopt(StatusHeader, node)


def _status_kind(part: TransactionSet, root: Node) -> StatusKind:
    """X214 is the 277CA; where no guide is named, BHT06 TH says so."""
    transaction = part.envelope.transaction
    if transaction is not None and transaction.code == STATUS_REQUEST.code:
        return "276"
    version = part.envelope.version
    is_acknowledgement = "X214" in version or ("X" not in version and root.get("kind") == "TH")
    return "277CA" if is_acknowledgement else "277"


def _is_of_level(finding: Finding) -> bool:
    return (finding.path or "").startswith("2")


def _level(emission: Emission, known: set[str]) -> StatusLevel:
    node = emission.node
    findings = list(_softened(tuple(f for f in emission.findings if _is_of_level(f))))
    parent = node.get("parent")
    if parent is not None and parent not in known:
        findings.append(_ORPHAN.model_copy(update={"position": emission.position}))
    if "number" in node:
        known.add(node["number"])
    traces = [*node.pop("untraced", ()), *node.get("traces", ())]
    node["traces"] = tuple([_trace(trace) for trace in traces])
    if "party" in node:
        node["party"] = adopt(StatusParty, node["party"])
    if "contacts" in node:
        node["contacts"] = contacts_of(node["contacts"])
    if not emission.is_complete:
        findings.append(_TRUNCATED)
    node["findings"] = tuple(findings)
    return adopt(StatusLevel, node)


_ORPHAN = Finding(
    code="level-without-parent",
    severity="warn",
    path="2000/HL02",
    message="The level stands under one that is not in the answer; it was read all the same.",
    hint="Whose answer it is (clearinghouse or payer) was taken from what came before it.",
)
TRUNCATED = "answer-truncated"
_TRUNCATED = Finding(
    code=TRUNCATED,
    path="2000",
    message="The file breaks off within this level.",
    hint="Ask for the whole file.",
)


def _trace(node: Node) -> StatusTrace:
    _adopt_status_lists(node)
    if "amounts" in node:
        node["amounts"] = adopt_all(StatusAmount, having("amount", node["amounts"]))
    if "quantities" in node:
        node["quantities"] = adopt_all(StatusQuantity, having("quantity", node["quantities"]))
    if "lines" in node:
        node["lines"] = tuple([_line(line) for line in node["lines"]])
    return adopt(StatusTrace, node)


def _line(node: Node) -> StatusLine:
    if "procedure" in node:
        node["procedure"] = procedure_of(node["procedure"])
    _adopt_status_lists(node)
    return adopt(StatusLine, node)


def _adopt_status_lists(node: Node) -> None:
    if "statuses" in node:
        node["statuses"] = tuple([_status(status) for status in node["statuses"]])
    if "references" in node:
        node["references"] = adopt_all(StatusReference, node["references"])
    if "dates" in node:
        node["dates"] = adopt_all(StatusDate, having("on", node["dates"]))


def _status(node: Node) -> Status:
    for name in ("code", "second_code", "third_code"):
        if name in node:
            node[name] = adopt(StatusCode, node[name])
    return adopt(Status, node)


_READERS: dict[str, Callable[[TransactionSet], Iterator[AnswerPart]]] = {
    "999": _read_group_answer,
    "997": _read_group_answer,
    "277": _read_status,
    "276": _read_status,
}
