"""837 bytes to canonical claims, one at a time as they stream by.

It is apart from the tables because it says what the tables cannot: which version is which table,
how a claim's context (billing provider, subscriber, patient) becomes part of it, and what to do
with a file that breaks off. Decisions: claims that were read whole stand, whatever the trailers
say (a wrong SE, GE or IEA count is a warning that comes as an `X12Problem` after them); a claim in
which the file breaks off has a blocking finding; a segment the guide does not have is a warning
and is left out; a value that cannot be read, or a required one that is missing, blocks its claim
only.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import BinaryIO

from pydantic import ValidationError

from shared.contract.claim import Claim, ClaimKind, Insured, Party, Patient, Payer, Provider
from shared.contract.envelope import business_id
from shared.contract.model import Finding
from shared.light import dataclass
from shared.x12.building import builder
from shared.x12.claims.dental import DENTAL
from shared.x12.claims.institutional import INSTITUTIONAL
from shared.x12.claims.professional import PROFESSIONAL
from shared.x12.envelope import Envelope, EnvelopeReader, InterchangeHeader, Loose, TransactionSet
from shared.x12.errors import X12Problem
from shared.x12.reader import Emission, walk
from shared.x12.requirements import place_of, requirements_of
from shared.x12.segments import Elements, Node
from shared.x12.table import Loop, TransactionTable

TABLES: dict[ClaimKind, TransactionTable] = {
    "professional": PROFESSIONAL,
    "institutional": INSTITUTIONAL,
    "dental": DENTAL,
}
_BEFORE_5010 = ("003", "004")
_KIND_OF_VERSION = {version: kind for kind, table in TABLES.items() for version in table.versions}
_CLAIM_FIELDS = frozenset(Claim.model_fields)
_BUILD_CLAIM = builder(Claim)
_BUILD_PARTY = {
    "submitter": builder(Party),
    "receiver": builder(Party),
    "billing_provider": builder(Provider),
    "pay_to_provider": builder(Provider),
    "pay_to_plan": builder(Payer),
    "subscriber": builder(Insured),
    "payer": builder(Payer),
    "patient": builder(Patient),
}
LINE_LIMIT = 999
_CLAIM_PLACE = re.compile(r"[0-9A-Za-z]{1,2}([^A-Za-z0-9\s])[AB]?\1[0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class ReadClaim:
    """One claim of a file. `claim` is None where it cannot be built; then, and whenever a finding
    blocks, `findings` say all that is wrong with it. `position` is that of its CLM (ST = 1)."""

    claim: Claim | None
    kind: ClaimKind
    envelope: Envelope
    position: int
    findings: tuple[Finding, ...] = ()
    patient_control_number: str | None = None
    charge: int | None = None
    """In cents."""


def read_claims(
    stream: BinaryIO,
    *,
    source: str,
    on_set: Callable[[Envelope], None] | None = None,
    on_interchange: Callable[[InterchangeHeader], None] | None = None,
) -> Iterator[ReadClaim | X12Problem]:
    """Every claim of an 837 stream, lazily, and every problem that is no single claim's.

    `source` is the sender's configured name; claim ids are made of it and CLM01. Never raises for
    what is in the stream; holds one chunk of it, one claim and its context. `on_set` is told of
    each transaction set before its claims come, `on_interchange` of each ISA.
    """
    for part in EnvelopeReader(stream, on_interchange).parts():
        if isinstance(part, X12Problem):
            yield part
        elif isinstance(part, TransactionSet):
            if on_set is not None:
                on_set(part.envelope)
            yield from _read_set(part, source)
        elif isinstance(part, Loose):
            continue


def _read_set(transaction: TransactionSet, source: str) -> Iterator[ReadClaim | X12Problem]:
    envelope = transaction.envelope
    kind = _kind_of(envelope)
    if kind is None:
        yield X12Problem((_refusal(envelope),), envelope.control)
        return
    segments, changed = _settle_component(transaction)
    if changed is not None:
        yield X12Problem((changed,), envelope.control)
    assembly = _Assembly(kind, source, envelope)
    claims = 0
    for emission in walk(TABLES[kind], transaction, segments):
        if emission.loop == "2300":
            claims += 1
            yield assembly.claim(emission)
        elif emission.findings:
            yield X12Problem(emission.findings, envelope.control)
    if not claims:
        finding = Finding(
            code="set-without-claims",
            severity="warn",
            path="ST",
            message="the transaction set holds no claim",
        )
        yield X12Problem((finding,), envelope.control)


def _kind_of(envelope: Envelope) -> ClaimKind | None:
    header = envelope.transaction
    if header is None or header.code != "837":
        return None
    group = envelope.group.version if envelope.group else ""
    return _KIND_OF_VERSION.get(header.version) or (
        _KIND_OF_VERSION.get(group) if not header.version else None
    )


def _refusal(envelope: Envelope) -> Finding:
    header = envelope.transaction
    if header is not None and header.code != "837":
        return Finding(
            code="not-a-claim-set",
            path="ST01",
            position=1,
            message="a transaction set that is not an 837",
            hint="send claims as 837",
        )
    group = envelope.group.version if envelope.group else ""
    is_old = (header.version if header and header.version else group).startswith(_BEFORE_5010)
    return Finding(
        code="version-not-supported",
        path="ST03" if header is not None and header.version else "GS08",
        position=1,
        message="an 837 of a version before 5010, which may not be used since 2012"
        if is_old
        else "an 837 of a version that is not read here",
        hint="send 005010X222A1, 005010X223A2 (institutional) or 005010X224A2 (dental)",
        source="45 CFR 162.1102",
    )


def _settle_component(
    transaction: TransactionSet,
) -> tuple[Iterator[Elements], Finding | None]:
    """Looks at the first CLM: where its CLM05 uses another component separator than ISA16 declares
    (a common slip), the one in use is taken and said so."""
    segments = transaction.segments()
    head: list[Elements] = []
    finding = None
    for elements in segments:
        head.append(elements)
        if elements[0] != "CLM":
            continue
        place = elements[5] if len(elements) > 5 else ""
        match = _CLAIM_PLACE.fullmatch(place)
        declared = transaction.separators.component
        if match is not None and match[1] != declared and declared not in place:
            transaction.separators = replace(transaction.separators, component=match[1])
            finding = Finding(
                code="component-separator",
                severity="warn",
                path="ISA16",
                message="composites use another component separator than ISA16 declares",
                hint="declare in ISA16 the separator that is used",
            )
        break
    return chain(head, segments), finding


_LEVELS = ("837", "2000A", "2000B", "2000C")


@dataclass(frozen=True, slots=True)
class _Level:
    """What a context must have."""

    id: str
    required: tuple[Loop, ...]

    @staticmethod
    def of(loop: Loop) -> "_Level":
        required = [row for row in loop.rows if isinstance(row, Loop) and row.required and row.into]
        return _Level(loop.id, tuple(required))


class _Shape:
    """What a kind's table says of its levels and of its claims."""

    def __init__(self, table: TransactionTable) -> None:
        self.loops = levels_of(table.root)
        self.levels = [_Level.of(self.loops[name]) for name in _LEVELS]
        self.requirements = requirements_of(self.loops["2300"])


class _Assembly:
    """Puts the claims of one set together; what claims share is validated once."""

    def __init__(self, kind: ClaimKind, source: str, envelope: Envelope) -> None:
        self._kind = kind
        self._source = source
        self._envelope = envelope
        shape = _SHAPES[kind]
        self._loops, self._levels = shape.loops, shape.levels
        self._requirements = shape.requirements
        self._settled: dict[int, tuple[Node, Node, list[Finding]]] = {}

    def claim(self, emission: Emission) -> ReadClaim:
        node = emission.node
        fields: Node = {"kind": self._kind, "source": self._source}
        findings = list(emission.findings)
        for depth, context in enumerate(emission.context):
            settled = self._settled.get(depth)
            if settled is None or settled[0] is not context:
                settled = self._settle(depth, context, emission.context)
            fields.update(settled[1])
            findings += settled[2]
        number = node.get("patient_control_number")
        if not self._requirements.is_met(node):
            for path in self._requirements.missing(node, "2300"):
                findings.append(_missing(path, emission.position))
        if not emission.is_complete:
            findings.append(_broken_off(emission.position))
        if self._kind == "institutional" and "diagnoses" in node:
            node["diagnoses"].sort(key=_written_order)
        fields.update(node)
        claim = None
        if number is not None:
            fields["id"] = business_id("claim", self._source, number)
            claim = self._build(fields, findings, emission.position)
        return ReadClaim(
            claim,
            self._kind,
            self._envelope,
            emission.position,
            tuple(findings),
            number,
            node.get("charge"),
        )

    def _build(self, fields: Node, findings: list[Finding], position: int) -> Claim | None:
        try:
            claim: Claim = _BUILD_CLAIM(fields)
            if len(claim.service_lines) <= LINE_LIMIT:
                return claim
        except (KeyError, TypeError):
            pass  # the model itself says what is wrong
        try:
            return Claim.model_validate(fields)
        except ValidationError as error:
            findings.extend(self._model_findings(error, findings, position))
            return None

    def _settle(
        self, depth: int, context: Node, above: tuple[Node, ...]
    ) -> tuple[Node, Node, list[Finding]]:
        """The claim fields of a context, its parties made models for all its claims, and what is
        wrong there."""
        findings = []
        level = self._levels[depth]
        for row in level.required:
            party = context.get(row.into or "")
            if party is None or (row.merge and "#" not in party):
                findings.append(_missing(f"{level.id}/{row.id}", None))
        if depth > 1 and context.get("parent_level") != above[depth - 1].get("level"):
            findings.append(_misplaced_level(level.id))
        fields = {name: value for name, value in context.items() if name in _CLAIM_FIELDS}
        for name, party in fields.items():
            build = _BUILD_PARTY.get(name)
            if build is None:
                continue
            party.pop("#", None)
            with suppress(KeyError, TypeError):  # the claim's own validation says what is wrong
                fields[name] = build(party)
        settled = (context, fields, findings)
        self._settled[depth] = settled
        return settled

    def _model_findings(
        self, error: ValidationError, known: list[Finding], position: int
    ) -> Iterator[Finding]:
        """The model's errors in X12's words; what the table has said already is not said again."""
        said = {finding.path for finding in known}
        for detail in error.errors(include_url=False, include_input=False, include_context=False):
            path = self._place(detail["loc"])
            is_known = any(place and (place == path or place.endswith(path)) for place in said)
            if not is_known:
                yield Finding(
                    code="claim-invalid", path=path, message=detail["msg"], position=position
                )

    def _place(self, location: tuple[str | int, ...]) -> str:
        for name in ("2300", "2000C", "2000B", "2000A", "837"):
            place = place_of(self._loops[name], location)
            if place is not None:
                is_own = place[:4].isdigit() and len(location) > 1
                return place if is_own else f"{name}/{place}"
        return ".".join(str(step) for step in location)


_ROLES = ("principal", "admitting", "reason_for_visit", "external_cause", "other")


def _written_order(diagnosis: Node) -> int:
    """Institutional diagnoses have a segment for each role: the order in which they are written is
    the order in which a claim holds them, whatever the file's was."""
    return _ROLES.index(diagnosis["role"])


def levels_of(root: Loop) -> dict[str, Loop]:
    """The levels of a table by id, the claim among them."""
    found = {root.id: root}
    for row in root.rows:
        if isinstance(row, Loop) and row.into is None:
            found |= levels_of(row)
    return found


_SHAPES = {kind: _Shape(table) for kind, table in TABLES.items()}


def _missing(path: str, position: int | None) -> Finding:
    return Finding(
        code="required-missing",
        path=path,
        position=position,
        message="required by the standard and not there",
    )


def _misplaced_level(loop_id: str) -> Finding:
    return Finding(
        code="hl-parent",
        severity="warn",
        path=f"{loop_id}/HL02",
        message="HL02 is not the level that the loop stands under",
    )


def _broken_off(position: int) -> Finding:
    return Finding(
        code="set-truncated",
        path="2300",
        position=position,
        message="the file breaks off in this claim",
        hint="send the whole file again",
    )
