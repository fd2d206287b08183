"""What the payer twin does to claims, as tables, and the draw that decides which row a claim gets.

The draw depends on the claim's patient control number and the seed, and on nothing else: whoever
knows both can say beforehand what becomes of a claim, in whatever order or interchange it comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Protocol, TypeVar


class Outcome(StrEnum):
    """What becomes of a claim at the twin."""

    PAID = "paid"
    """In full."""
    REDUCED = "reduced"
    """To the agreed price: CO 45 for the rest."""
    SPLIT = "split"
    """The agreed price, shared between payer and patient: PR 1, 2, 3."""
    DENIED = "denied"
    REFUSED = "refused"
    """At the 277CA: never adjudicated."""
    SILENT = "silent"
    """Taken, and never heard of again: no 277CA, no 835."""


class Weighted(Protocol):
    """A row of a table to draw from."""

    @property
    def weight(self) -> int: ...


Row = TypeVar("Row", bound=Weighted)


@dataclass(frozen=True, slots=True)
class Fate:
    outcome: Outcome
    weight: int


@dataclass(frozen=True, slots=True)
class Denial:
    """A reason of group CO, with the remark codes that a payer adds to it."""

    reason: str
    weight: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """STC01 of a refusing 277CA: category, status, entity."""

    category: str
    status: str
    entity: str
    weight: int


@dataclass(frozen=True, slots=True)
class CostShare:
    """What the patient owes of the agreed price: first the deductible, then a copay, then a
    percentage of what is left."""

    weight: int
    deductible_cents: int = 0
    copay_cents: int = 0
    coinsurance_percent: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """All tables of a twin. `agreed_percent` is the range of agreed prices, both ends included."""

    fates: Sequence[Fate]
    denials: Sequence[Denial]
    refusals: Sequence[Refusal]
    cost_shares: Sequence[CostShare]
    agreed_percent: tuple[int, int]


EVERYDAY = Scenario(
    fates=(
        Fate(Outcome.PAID, 36),
        Fate(Outcome.REDUCED, 27),
        Fate(Outcome.SPLIT, 20),
        Fate(Outcome.DENIED, 11),
        Fate(Outcome.REFUSED, 4),
        Fate(Outcome.SILENT, 2),
    ),
    denials=(
        Denial("29", 2),
        Denial("50", 3),
        Denial("197", 3),
        Denial("16", 3, remarks=("M76",)),
        Denial("97", 1, remarks=("M15",)),
    ),
    refusals=(
        Refusal("A7", "164", "IL", 3),
        Refusal("A7", "562", "85", 2),
        Refusal("A3", "33", "IL", 2),
        Refusal("A6", "254", "", 1),
    ),
    cost_shares=(
        CostShare(4, copay_cents=3000),
        CostShare(4, coinsurance_percent=20),
        CostShare(3, deductible_cents=7500, coinsurance_percent=20),
        CostShare(1, deductible_cents=50_000),
    ),
    agreed_percent=(55, 90),
)


DEFAULT_SEED = 1
"""Of a twin that is told none."""


def draw(patient_control_number: str, seed: int, purpose: str) -> int:
    """A number from 0 to 2**64 - 1, the same for the same arguments, on every machine."""
    text = f"{seed}\x1f{purpose}\x1f{patient_control_number}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def pick(rows: Sequence[Row], number: int) -> Row:
    """The row that a drawn number falls on, each as likely as its weight."""
    place = number % sum(row.weight for row in rows)
    for row in rows:
        place -= row.weight
        if place < 0:
            return row
    raise ValueError("a table to draw from has at least one row with a weight")


def expected_outcome(
    patient_control_number: str, seed: int, scenario: Scenario = EVERYDAY
) -> Outcome:
    """What the twin will do with a claim it can read, before it does."""
    return pick(scenario.fates, draw(patient_control_number, seed, "fate")).outcome
