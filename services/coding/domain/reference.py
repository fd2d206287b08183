"""The read-only reference data that checks look things up in, as the domain sees it.

A table may be at hand in several editions side by side; the day of service chooses. Where no
edition covers a day, a check has nothing to say. Days inside tables are ordinals (`date.toordinal`)
so that comparing them costs nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

BEGINNING = 0
END = date.max.toordinal()
"""Ordinals of a window that is open to one side."""


class Ranges:
    """Ranges of codes as instructions in the tabular list have them: `T36` to `T50`, both ends
    with all codes below them."""

    __slots__ = ("_initials", "_prefixes", "_spans", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self._prefixes = tuple(low for low, high in self.pairs if low == high)
        self._spans = tuple(pair for pair in self.pairs if pair[0] != pair[1])
        self._initials = frozenset(
            chr(letter)
            for low, high in self.pairs
            for letter in range(ord(low[0]), ord(high[0]) + 1)
        )

    def __bool__(self) -> bool:
        return bool(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranges) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Ranges({self.pairs})"

    def cover(self, code: str) -> bool:
        if code[:1] not in self._initials:
            return False
        if code.startswith(self._prefixes):
            return True
        for low, high in self._spans:  # noqa: SIM110 - this runs dozens of times a claim
            if low <= code[: len(low)] and code[: len(high)] <= high:
                return True
        return False


NOWHERE = Ranges()


class DiagnosisCode(NamedTuple):
    """An ICD-10-CM code or heading."""

    is_billable: bool
    is_manifestation: bool = False
    side: str = ""
    """R, L or B where the title names a side and its opposite is a code as well."""
    excludes: Ranges = NOWHERE
    """Excludes1: never together with these."""
    code_first: Ranges = NOWHERE
    use_additional: Ranges = NOWHERE
    seventh: str = ""
    """Characters that the seventh may be, where the code has or lacks one."""
    children: tuple[str, ...] = ()
    """Of a heading: the first billable codes below it."""


class SurgicalCode(NamedTuple):
    """An ICD-10-PCS code or, not billable, a table of them."""

    is_billable: bool


class ProcedureCode(NamedTuple):
    """A HCPCS or CPT code, or modifier, in one window of validity."""

    added: int
    ended: int
    """Last day."""
    coverage: str = ""
    """Medicare: C carrier judges, D special instructions, I not payable, M non-covered, S
    non-covered by statute."""
    description: str = ""
    """Of HCPCS only; CPT's texts are licensed."""


class PairEdit(NamedTuple):
    """One procedure-to-procedure edit in one window. Column two is what a payer denies."""

    column_1: str
    column_2: str
    indicator: str
    """0 never together, 1 with a modifier that NCCI accepts, 9 not applied."""
    first: int
    last: int
    rationale: str


class UnitLimit(NamedTuple):
    """A medically unlikely edit. `indicator` is MAI: 1 per line, 2 and 3 per day."""

    value: int
    indicator: int
    rationale: str = ""


class AddOn(NamedTuple):
    """An add-on code. Kind 1: only with `primaries`; 2: none are listed; 3: some are."""

    kind: int
    primaries: frozenset[str]
    first: int
    last: int


class Place(NamedTuple):
    """A place of service code."""

    name: str


class Article(NamedTuple):
    """What one coverage article says of a procedure: diagnoses that support it."""

    article: str
    diagnoses: Ranges
    first: int
    last: int
    payer: str = ""
    """The payer whose article it is; empty for all."""


class PayerLimit(NamedTuple):
    """How many days a payer gives: after service to file, or after its denial to answer it."""

    days: int


Entry = TypeVar("Entry")
Entry_co = TypeVar("Entry_co", covariant=True)


class Table(Protocol[Entry_co]):
    """One edition of one table."""

    @property
    def edition(self) -> str:
        """Its name in findings: `icd10cm 2025-10-01`."""

    @property
    def effective(self) -> date: ...

    @property
    def first_day(self) -> int:
        """`effective` as an ordinal."""

    def find(self, key: str) -> tuple[Entry_co, ...]:
        """What the table says of a key, one entry a window; none where it does not have it."""

    def find_pairs(self, codes: Sequence[str]) -> Sequence[Entry_co]:
        """What it says of every two of some codes, of keys that are two codes joined."""


class Editions(tuple[Table[Entry], ...], Generic[Entry]):
    """One table's editions, oldest first."""

    __slots__ = ()

    def on(self, day: date) -> Table[Entry] | None:
        """The newest edition that was in effect on a day."""
        return self.on_ordinal(day.toordinal())

    def on_ordinal(self, day: int) -> Table[Entry] | None:
        """The same for a day as an ordinal."""
        chosen = None
        for table in self:
            if table.first_day <= day:
                chosen = table
        return chosen

    @property
    def newest(self) -> Table[Entry] | None:
        """For tables that carry their own windows: the newest says it all."""
        return self[-1] if self else None


def no_editions() -> Editions[Any]:
    return Editions()


def in_window(entries: Iterable[Any], day: int) -> bool:
    """Whether a procedure code is valid in one of its windows."""
    return any(entry.added <= day <= entry.ended for entry in entries)


@dataclass(frozen=True, slots=True)
class Reference:
    """One set of editions, with the version that a verdict names. One serves a whole batch."""

    version: str
    editions: tuple[str, ...] = ()
    """Names of the editions it is made of, sorted: with them a past verdict can be had again."""
    icd10cm: Editions[DiagnosisCode] = field(default_factory=no_editions)
    icd10pcs: Editions[SurgicalCode] = field(default_factory=no_editions)
    hcpcs: Editions[ProcedureCode] = field(default_factory=no_editions)
    cpt: Editions[ProcedureCode] = field(default_factory=no_editions)
    places: Editions[Place] = field(default_factory=no_editions)
    pairs: Mapping[str, Editions[PairEdit]] = field(default_factory=dict)
    """By set: practitioner, outpatient. The key is both codes, the smaller first."""
    limits: Mapping[str, Editions[UnitLimit]] = field(default_factory=dict)
    """By set: practitioner, outpatient, dme."""
    add_ons: Editions[AddOn] = field(default_factory=no_editions)
    coverage: Editions[Article] = field(default_factory=no_editions)
    filing_limits: Editions[PayerLimit] = field(default_factory=no_editions)
    """By payer identifier."""
    dispute_limits: Editions[PayerLimit] = field(default_factory=no_editions)
    """By payer identifier; `*` for payers that are not named."""
