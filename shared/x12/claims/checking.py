"""What of a claim its 837 cannot hold, asked before it is written.

It is apart from writing because submission asks it of every claim, and writes only those that fit.
It also owns the loops that the HL tree is put together from, which asking and writing share.
"""

from dataclasses import dataclass

from shared.contract.claim import Claim
from shared.contract.model import Finding
from shared.x12.characters import has_foreign_characters, has_marks
from shared.x12.claims.reading import TABLES, levels_of
from shared.x12.inspection import inspect
from shared.x12.interchange import STANDARD
from shared.x12.screening import screen
from shared.x12.table import Loop, TransactionTable
from shared.x12.tokenizer import Separators
from shared.x12.writer import LoopWriter

_NOT_IN_SEGMENTS = frozenset(
    {
        "id",
        "revision",
        "kind",
        "source",
        "patient",
        "patient_relationship",
        "submission_kind",
    }
)


@dataclass(frozen=True, slots=True)
class LevelWriters:
    """The loops of a table that the HL tree is put together from."""

    root: LoopWriter
    provider: LoopWriter
    subscriber: LoopWriter
    patient: LoopWriter
    claim: LoopWriter
    not_placed: tuple[str, ...]
    """Fields of a claim that none of them writes."""


def check_writable(claim: Claim, separators: Separators = STANDARD) -> list[Finding]:
    """What of this claim its 837 cannot hold: too long, too many, a character that the standard
    does not allow, a field that this kind of claim has no place for (a warning)."""
    writers = writers_of(TABLES[claim.kind])
    if _fits(claim, writers, separators):
        return []
    levels = [writers.root, writers.provider, writers.subscriber, writers.claim]
    if claim.patient is not None:
        levels.append(writers.patient)
    findings = [found for writer in levels for found in inspect(writer, claim, separators)]
    if not findings and has_marks(claim.model_dump_json()):
        findings.append(_MARKED)
    fields = vars(claim)
    findings.extend(
        Finding(
            code="field-not-placed",
            severity="warn",
            path=name,
            message=f"an 837 of kind {claim.kind} has no place for this field",
        )
        for name in writers.not_placed
        if fields[name]
    )
    return findings


_MARKED = Finding(
    code="character-not-allowed",
    message="a control character stands in the claim",
    hint="remove it: it would be written as a space",
)


def _fits(claim: Claim, writers: LevelWriters, separators: Separators) -> bool:
    """The quick answer; False only says to look closer."""
    fields = vars(claim)
    texts: list[str] = []
    levels = [writers.root, writers.provider, writers.subscriber, writers.claim]
    if claim.patient is not None:
        levels.append(writers.patient)
    for writer in levels:
        if not screen(writer, Claim, is_level=True)(fields, fields, texts.append):
            return False
    if any(fields[name] for name in writers.not_placed):
        return False
    text = "".join(texts)
    return text.isascii() and not has_foreign_characters(text, separators)


def writers_of(table: TransactionTable) -> LevelWriters:
    """The writers of a table's levels, compiled once."""
    known = _WRITERS.get(table.version)
    if known is None:
        known = _WRITERS[table.version] = _compile(table)
    return known


_WRITERS: dict[str, LevelWriters] = {}


def _compile(table: TransactionTable) -> LevelWriters:
    loops = levels_of(table.root)
    around = Loop("837", table.root.start, table.root.rows[1:])  # the BHT is the batch's own
    root = LoopWriter(around, opens=False)
    provider, subscriber, patient = (
        LoopWriter(loops[name], opens=False) for name in ("2000A", "2000B", "2000C")
    )
    claim = LoopWriter(loops["2300"])
    placed = _NOT_IN_SEGMENTS.union(
        *(writer.fields for writer in (root, provider, subscriber, patient, claim))
    )
    not_placed = tuple(name for name in Claim.model_fields if name not in placed)
    return LevelWriters(root, provider, subscriber, patient, claim, not_placed)
