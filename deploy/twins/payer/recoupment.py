"""What a payment comes to once the payer has taken back what it is owed: the PLB arithmetic.

Two ways, as payers have them (005010X221, section 1.10.2: balance forward, overpayment recovery).
Signs are the PLB's: a positive amount lowers the payment. Over a chain of remittances the amounts
of FB, and those of WO, sum to what is still outstanding, negative. Pure.
"""

from dataclasses import dataclass

from deploy.twins.payer.scenario import Recovery

FORWARD = "FB"
RECOVERY = "WO"


@dataclass(frozen=True, slots=True)
class PLB:
    """One pair, in cents."""

    reason: str
    reference: str
    amount: int


@dataclass(frozen=True, slots=True)
class Overpayment:
    """What was paid too much on one claim and is not yet taken back, in cents. `reference` is the
    payer's claim number."""

    reference: str
    cents: int


@dataclass(frozen=True, slots=True)
class Owing:
    """What one payee owes one payer: `forward` in cents, from the remittance of that reference."""

    forward: int = 0
    forward_reference: str = ""
    overpaid: tuple[Overpayment, ...] = ()

    @property
    def total(self) -> int:
        return self.forward + sum(one.cents for one in self.overpaid)


@dataclass(frozen=True, slots=True)
class Settled:
    """A payment's amount (BPR02, never negative), its PLB pairs, and what is owed after it."""

    amount: int
    adjustments: tuple[PLB, ...]
    owing: Owing


def settle(
    due_cents: int,
    taken_back: tuple[Overpayment, ...],
    owing: Owing,
    recovery: Recovery,
    trace_number: str,
) -> Settled:
    """A payment of `due_cents`: the sum of CLP04 less all other PLB amounts. `taken_back` is by how
    much reversals lowered it, claim by claim."""
    pairs: list[PLB] = []
    left = due_cents
    overpaid = owing.overpaid
    if recovery.how == "overpayment" and taken_back:
        pairs += [PLB(RECOVERY, one.reference, -one.cents) for one in taken_back]
        left += sum(one.cents for one in taken_back)
    most = max(0, left) * recovery.most_percent // 100
    carried = 0
    if owing.forward:
        taken = min(owing.forward, most)
        pairs.append(PLB(FORWARD, owing.forward_reference, owing.forward))
        carried = owing.forward - taken
        left -= taken
        most -= taken
    overpaid, taken_pairs, taken = _take(overpaid, min(most, max(0, left)))
    pairs += taken_pairs
    left -= taken
    if recovery.how == "overpayment":
        overpaid += taken_back
    if left < 0:
        carried -= left
        left = 0
    if carried:
        pairs.append(PLB(FORWARD, trace_number, -carried))
    reference = trace_number if carried else ""
    return Settled(left, tuple(pairs), Owing(carried, reference, overpaid))


def _take(
    overpaid: tuple[Overpayment, ...], most_cents: int
) -> tuple[tuple[Overpayment, ...], list[PLB], int]:
    """Takes overpayments back, oldest first, up to `most_cents`."""
    left: list[Overpayment] = []
    pairs: list[PLB] = []
    total = 0
    for one in overpaid:
        taken = min(one.cents, most_cents - total)
        total += taken
        if taken:
            pairs.append(PLB(RECOVERY, one.reference, taken))
        if one.cents > taken:
            left.append(Overpayment(one.reference, one.cents - taken))
    return tuple(left), pairs, total
