"""What payers' answers mean, in the contract's words: values of TA1, 999, 277CA and 277 in,
`AcknowledgementRead` out.

It is apart from the reading because a payer's codes are kept as they came there, and judged here
(`syntax` for envelopes and sets, `claim_status` for claims).
"""

from collections.abc import Iterable, Iterator, Sequence

from shared.contract.acknowledgement import (
    AnswerPart,
    AnswerProblem,
    GroupAnswer,
    InterchangeAnswer,
    StatusCode,
    StatusHeader,
    StatusLevel,
    StatusTrace,
    StatusTrailer,
)
from shared.contract.events import AcknowledgementRead, ClaimAnswer
from shared.contract.model import Finding
from shared.x12.answers.acknowledgements import TRUNCATED
from shared.x12.answers.claim_status import (
    REFUSED,
    claim_answer,
    is_rejected,
    outcome_of,
    status_codes_of,
    status_findings,
)
from shared.x12.answers.syntax import MAX_FINDINGS, GroupOutcome, of_group, of_interchange
from shared.x12.answers.values import clip

MAX_CLAIMS = 500
"""Claims in one `AcknowledgementRead`; a longer 277CA gives several, so that none grows large."""

_PATHS = {"20": "2200A", "21": "2200B", "19": "2200C", "23": "2200E"}
_CLAIM_LEVELS = frozenset({"PT", "22", "23"})


def answer_events(
    parts: Iterable[AnswerPart], *, max_claims: int = MAX_CLAIMS
) -> Iterator[AcknowledgementRead | AnswerProblem]:
    """The events' data of a whole file, in its order; a status report in pieces of `max_claims`.

    What could not be read comes through as it is: its findings say why. A 276 gives nothing.
    """
    report: _Report | None = None
    for part in parts:
        if isinstance(part, StatusLevel):
            if report is not None:
                yield from report.add(part)
        elif isinstance(part, StatusTrailer):
            if report is not None:
                yield from report.close(part.findings)
            report = None
        elif isinstance(part, StatusHeader):
            report = None if part.transaction == "276" else _Report(part, max_claims)
        elif isinstance(part, InterchangeAnswer):
            yield of_interchange(part)
        elif isinstance(part, GroupAnswer):
            yield of_group(part)
        else:
            yield part


def _is_of_claim(trace: StatusTrace) -> bool:
    """Some list a claim at its provider's level; the payer's number for it (REF*1K) tells."""
    return trace.kind == "2" and trace.reference("1K") is not None


class _Report:
    """One 277CA or 277 as its levels pass by: what is said above the claims, and the claims."""

    def __init__(self, header: StatusHeader, max_claims: int) -> None:
        self.header = header
        self.max_claims = max_claims
        self.source_role: str | None = None
        self.batch_reference: str | None = None
        self.refuses_batch = False
        self.providers: list[str] = []
        self.claims: list[ClaimAnswer] = []
        self.findings = list(header.findings)
        self.is_said = False

    def add(self, level: StatusLevel) -> Iterator[AcknowledgementRead]:
        """Takes one level in; gives what is complete because of it."""
        if level.code == "20" and (self.batch_reference or self.refuses_batch):
            yield self._flush()
        self.findings.extend(level.findings)
        if any(finding.code == TRUNCATED for finding in level.findings):
            return  # what it would have said is not known
        for trace in level.traces:
            if level.code in _CLAIM_LEVELS or _is_of_claim(trace):
                if len(self.claims) >= self.max_claims:
                    yield self._flush()
                path = clip(f"HL[{level.number}]/{_PATHS.get(level.code, '2200D')}")
                answer = claim_answer(self.header.transaction, trace, self.source_role, path)
                self.claims.append(answer)
            else:
                self._add_above(level, trace)
        if level.code == "20":
            self.source_role = level.party.role if level.party else None
            self.batch_reference = None

    def _add_above(self, level: StatusLevel, trace: StatusTrace) -> None:
        transaction = self.header.transaction
        status_codes = status_codes_of(trace.statuses)
        path = _PATHS.get(level.code, "2200")
        self.findings.extend(status_findings(transaction.lower(), status_codes, path))
        if level.code == "21" and transaction == "277CA":
            self.batch_reference = trace.number
        if self._is_refusal(trace, status_codes):
            self._refuse(level)

    def _is_refusal(self, trace: StatusTrace, status_codes: Sequence[StatusCode]) -> bool:
        if self.header.transaction != "277CA" or not status_codes:
            return False
        return is_rejected(trace.statuses) or outcome_of(status_codes) == REFUSED

    def _refuse(self, level: StatusLevel) -> None:
        if level.code == "21":
            self.refuses_batch = True
        elif level.party is not None and level.party.identifier_qualifier == "XX":
            self.providers.append(clip(level.party.identifier))

    def close(self, findings: Sequence[Finding]) -> Iterator[AcknowledgementRead]:
        """The last piece; the only one where the report named no claim."""
        self.findings.extend(findings)
        if self.claims or self.findings or self.refuses_batch or not self.is_said:
            yield self._flush()

    def _flush(self) -> AcknowledgementRead:
        transaction = self.header.transaction
        read = AcknowledgementRead(
            transaction="277CA" if transaction == "277CA" else "277",
            outcome=self._outcome() if transaction == "277CA" else "status",
            batch_reference=clip(self.batch_reference) or None,
            refuses_batch=self.refuses_batch,
            refused_providers=tuple(self.providers),
            claims=tuple(self.claims),
            findings=tuple(self.findings[:MAX_FINDINGS]),
        )
        self.claims, self.findings, self.providers = [], [], []
        self.refuses_batch, self.is_said = False, True
        return read

    def _outcome(self) -> GroupOutcome:
        refused = sum(claim.outcome == REFUSED for claim in self.claims)
        if self.refuses_batch or (refused and refused == len(self.claims)):
            return "rejected"
        return "partially_accepted" if refused or self.providers else "accepted"
