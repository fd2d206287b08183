"""The payer's book: what it decided, paid and is still owed, as tests compare it with the other
side's. Amounts are integer cents inside and decimal strings in its JSON.

It counts what the twin meant, not what it wrote: a total that a scenario makes wrong is right in
here, and the remittance that it went out in says so.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.twins.payer.cases import Case, CaseState
from deploy.twins.payer.recoupment import PLB, Owing
from shared.contract.remittance import RemittanceClaim
from shared.money import format_cents


@dataclass(slots=True, repr=False)
class ClaimEntry:
    """One claim as received once: net sums over all its 835s, reversals taken off."""

    case: Case
    charged: int = 0
    """Sum of CLP03: the claim's charge once it is adjudicated, 0 while it is not or once void."""
    paid: int = 0
    adjustments: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Cents by group and reason."""

    def add(self, told: RemittanceClaim) -> None:
        """Counts a CLP with its true amounts."""
        self.charged += told.charge
        self.paid += told.paid
        for part in told.all_adjustments():
            self.adjustments[part.group, part.reason] += part.amount

    @property
    def patient(self) -> int:
        """Of group PR."""
        return sum(cents for (group, _), cents in self.adjustments.items() if group == "PR")

    @property
    def adjusted(self) -> int:
        """Of every other group."""
        return sum(self.adjustments.values()) - self.patient

    def to_json(self) -> dict[str, Any]:
        case = self.case
        return {
            "patient_control_number": case.claim.patient_control_number,
            "payer": case.payer,
            "sequence": case.claim.payer_sequence,
            "frequency": case.claim.frequency,
            "payer_claim_control_number": case.number,
            "outcome": case.plan.outcome.value,
            "state": case.state.value,
            "claim_charge": format_cents(case.claim.charge),
            "charged": format_cents(self.charged),
            "paid": format_cents(self.paid),
            "adjusted": format_cents(self.adjusted),
            "patient": format_cents(self.patient),
            "interest": format_cents(case.interest),
            "adjustments": {
                f"{group}-{reason}": format_cents(cents)
                for (group, reason), cents in sorted(self.adjustments.items())
                if cents
            },
            "remittances": list(case.traces),
        }


@dataclass(frozen=True, slots=True)
class RemittanceEntry:
    """One 835. `amount` is what should stand in BPR02, `written` what does."""

    trace_number: str
    payer: str
    payee: str
    claims: int
    paid: int
    adjustments: tuple[PLB, ...]
    amount: int
    written: int
    wrong: tuple[str, ...]
    """Levels at which something in it is wrong on purpose."""
    file: str
    delivery: str
    """sent, late, duplicated or lost."""

    def to_json(self) -> dict[str, Any]:
        return {
            "trace_number": self.trace_number,
            "payer": self.payer,
            "payee": self.payee,
            "claims": self.claims,
            "paid": format_cents(self.paid),
            "provider_adjustments": [
                [one.reason, one.reference, format_cents(one.amount)] for one in self.adjustments
            ],
            "amount": format_cents(self.amount),
            "written": format_cents(self.written),
            "wrong": list(self.wrong),
            "file": self.file,
            "delivery": self.delivery,
        }


@dataclass(slots=True)
class Book:
    """All of one payer twin. `transferred` = `paid` - `provider_adjustments`, always; `charged` =
    `paid` + `adjusted` + `patient`."""

    entries: list[ClaimEntry] = field(default_factory=list)
    remittances: list[RemittanceEntry] = field(default_factory=list)
    owing: dict[tuple[str, str], Owing] = field(default_factory=dict)
    """By payer and payee."""
    payments: int = 0
    """Remittances so far: the running number in trace numbers."""
    repeated_interchanges: int = 0
    repeated_claims: int = 0
    rejected_sets: int = 0

    def entries_of(self, patient_control_number: str) -> list[ClaimEntry]:
        """Every time this claim was received, in order."""
        return [
            entry
            for entry in self.entries
            if entry.case.claim.patient_control_number == patient_control_number
        ]

    def totals(self) -> dict[str, int]:
        """Counts and cents over everything; those of `_MONEY` are cents."""
        states = Counter(entry.case.state for entry in self.entries)
        pairs = [pair for one in self.remittances for pair in one.adjustments]
        return {
            "claims": len(self.entries),
            **{state.value: states[state] for state in CaseState},
            "repeated_claims": self.repeated_claims,
            "repeated_interchanges": self.repeated_interchanges,
            "rejected_sets": self.rejected_sets,
            "remittances": len(self.remittances),
            "charged": sum(entry.charged for entry in self.entries),
            "paid": sum(entry.paid for entry in self.entries),
            "adjusted": sum(entry.adjusted for entry in self.entries),
            "patient": sum(entry.patient for entry in self.entries),
            "interest": sum(entry.case.interest for entry in self.entries),
            "provider_adjustments": sum(pair.amount for pair in pairs),
            "transferred": sum(one.amount for one in self.remittances),
            "owed_by_providers": sum(owing.total for owing in self.owing.values()),
        }

    def to_json(self) -> dict[str, Any]:
        """The whole book; amounts as decimal strings."""
        return {
            "totals": written_totals(self.totals()),
            "claims": [entry.to_json() for entry in self.entries],
            "remittances": [one.to_json() for one in self.remittances],
            "owing": [
                {"payer": payer, "payee": payee, "amount": format_cents(owing.total)}
                for (payer, payee), owing in self.owing.items()
                if owing.total
            ],
        }


_MONEY = (
    "charged",
    "paid",
    "adjusted",
    "patient",
    "interest",
    "provider_adjustments",
    "transferred",
    "owed_by_providers",
)


def written_totals(totals: dict[str, int]) -> dict[str, int | str]:
    """Totals with money as decimal strings."""
    return {
        name: format_cents(value) if name in _MONEY else value for name, value in totals.items()
    }


def summed(books: Sequence[Book]) -> dict[str, int]:
    """Totals over several books."""
    sums: Counter[str] = Counter()
    for book in books:
        sums.update(book.totals())
    return dict(sums)
