"""A hospital's book of its day: what it published, and what it heard became of each claim.

It reads event headers only, never their data, as any downstream system may. It is apart from the
demo so that the benchmark and the fault tests settle and judge a day by the same rules.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.twins.payer.scenario import Outcome, expected_outcome
from deploy.twins.publication import SOURCE, Message, Published
from shared.contract.envelope import business_id

# How far each event takes a claim. A later state is never undone by an event that comes late.
_STATE = {
    "claim.received.v1": "accepted",
    "claim.held.v1": "held",
    "claim.coded.v1": "coded",
    "claim.submitted.v1": "submitted",
    "claim.acknowledged.v1": "acknowledged",
    "claim.refused.v1": "refused_by_payer",
    "claim.paid.v1": "paid",
    "claim.denied.v1": "denied",
    "claim.reversed.v1": "voided",
}
_ORDER = {state: place for place, state in enumerate(_STATE.values())}
_ACKNOWLEDGED = frozenset({"acknowledged", "paid", "denied", "voided"})
_SETTLED = frozenset({"held", "refused_by_payer", "paid", "denied", "voided"})
_VOID, _SECONDARY = "8", "S"
_BOTH_PAYERS = 2
_DECIDED = frozenset({"claim.paid.v1", "claim.denied.v1"})
_AT_PAYER = {
    Outcome.DENIED: "denied",
    Outcome.REFUSED: "refused_by_payer",
    Outcome.SILENT: "submitted",
}


@dataclass(slots=True)
class Daybook:
    """Feed it `published` and then `heard`; `is_settled` says when nothing more can come."""

    payer_seed: int
    expected: dict[str, str] = field(default_factory=dict)
    """By claim id, the state that the claim must end in."""
    charges: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    published_records: int = 0
    expected_rejections: int = 0
    expected_duplicates: int = 0
    rejections: int = 0
    duplicates: int = 0
    acknowledged: set[str] = field(default_factory=set)
    submitted: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    repeated_events: int = 0
    expected_gathered: int = 0
    gathered: int = 0
    """Messages that were taken down for an encounter."""
    encounters: int = 0
    """Claims that were published as encounters, in several messages each."""
    numbers: dict[str, str] = field(default_factory=dict)
    """Patient control numbers, by claim id."""
    due_at_second: set[str] = field(default_factory=set)
    """Claims that the first payer left something of for a second."""
    decisions: Counter[str] = field(default_factory=Counter)
    """How often payers decided on a claim."""
    overdue: int = 0
    """Answers that did not come in time, and were said to be missing."""

    def published(self, message: Message) -> None:
        """Writes down what a message holds and what must become of it."""
        self.published_records += len(message.records)
        for record in message.records:
            if record.fate == "rejected":
                self.expected_rejections += 1
            elif record.fate == "duplicate":
                self.expected_duplicates += 1
            elif record.fate == "gathered":
                self.expected_gathered += 1
            else:
                self._expect(record)
        for claim in message.encounters:
            self.encounters += 1
            self._expect(claim)

    def _expect(self, record: Published) -> None:
        number = record.patient_control_number
        claim_id = claim_id_of(number)
        self.numbers[claim_id] = number
        self.charges[claim_id] = record.charge_cents
        is_held = record.fate == "held"
        self.expected[claim_id] = "held" if is_held else self._at_payer(number)

    def _at_payer(self, patient_control_number: str, turn: str = "") -> str:
        outcome = expected_outcome(patient_control_number, self.payer_seed, turn=turn)
        return _AT_PAYER.get(outcome, "paid")

    def sent_again(self, claim_id: str, charge_cents: int, turn: str) -> None:
        """Writes down that the office corrected a claim. `turn` is the payer twin's word for
        which sending of the claim it is; `8` takes it back."""
        number = self.numbers[claim_id]
        self.charges[claim_id] = 0 if turn == _VOID else charge_cents
        self.expected[claim_id] = "voided" if turn == _VOID else self._at_payer(number, turn)
        self.states[claim_id] = "coded"
        self.decisions[claim_id] = 0

    def heard(self, headers: Mapping[str, str]) -> None:
        """Takes one event in. The same event again is counted, and changes nothing."""
        event_id, event_type = headers.get("ce_id", ""), headers.get("ce_type", "")
        if event_id in self.seen:
            self.repeated_events += 1
            return
        self.seen.add(event_id)
        if event_type in ("message.rejected.v1", "claim.rejected.v1"):
            self.rejections += 1
        elif event_type == "claim.duplicated.v1":
            self.duplicates += 1
        elif event_type == "encounter.recorded.v1":
            self.gathered += 1
        elif event_type == "claim.secondary-due.v1":
            self._due_at_second(headers.get("ce_subject", ""))
        elif event_type == "acknowledgement.overdue.v1":
            self.overdue += 1
        elif event_type in _STATE:
            self._decided(headers.get("ce_subject", ""), event_type)
            self.advance(headers.get("ce_subject", ""), _STATE[event_type])

    def _due_at_second(self, claim_id: str) -> None:
        """What either payer denies of a claim is denied."""
        self.due_at_second.add(claim_id)
        number = self.numbers.get(claim_id)
        if number is not None and self._at_payer(number, _SECONDARY) == "denied":
            self.expected[claim_id] = "denied"

    def _decided(self, claim_id: str, event_type: str) -> None:
        self.decisions[claim_id] += event_type in _DECIDED

    def advance(self, claim_id: str, state: str) -> None:
        """Notes that a claim came so far; what it passed before is noted with it."""
        if state in _ACKNOWLEDGED:
            self.acknowledged.add(claim_id)
        if _ORDER[state] >= _ORDER["submitted"]:
            self.submitted.add(claim_id)
        known = self.states.get(claim_id)
        if state == "voided" and self.expected.get(claim_id) != state:
            return  # a payer takes a decision back to put another in its place
        if known is None or _ORDER[state] > _ORDER[known]:
            self.states[claim_id] = state

    @property
    def is_settled(self) -> bool:
        """Whether every claim is where it can go no further and every record was answered."""
        return (
            self.rejections >= self.expected_rejections
            and self.duplicates >= self.expected_duplicates
            and self.gathered >= self.expected_gathered
            and not self.unsettled()
        )

    def unsettled(self) -> list[str]:
        """Claims that are still on their way; those a payer keeps silent on are not. One that is
        taken back goes on from every end: what was decided before may be heard after."""
        return [
            claim_id
            for claim_id, end in self.expected.items()
            if (
                (state := self.states.get(claim_id)) != end
                and (state not in _SETTLED or end == "voided")
            )
            or (claim_id in self.due_at_second and self.decisions[claim_id] < _BOTH_PAYERS)
        ]

    def counts(self) -> dict[str, int]:
        """The report's `claims`. Each count but the first is of claims that came so far or
        further; `held`, `refused_by_payer`, `paid`, `denied` and `awaiting_payer` are ends.
        Messages that were `gathered` are no claims; `encounters` of those accepted came of them."""
        ends = Counter(self.states.values())
        return {
            "published": self.published_records,
            "gathered": self.gathered,
            "encounters": self.encounters,
            "accepted": len(self.states),
            "refused": self.rejections,
            "duplicates": self.duplicates,
            "held": ends["held"],
            "submitted": len(self.submitted),
            "acknowledged": len(self.acknowledged),
            "refused_by_payer": ends["refused_by_payer"],
            "paid": ends["paid"],
            "denied": ends["denied"],
            "voided": ends["voided"],
            "awaiting_payer": ends["submitted"] + ends["acknowledged"],
        }

    def problems(self) -> list[str]:
        """What is not accounted for, in words; empty when every claim is where it must be."""
        counts = self.counts()
        found = [
            f"claim {claim_id}: {self.states.get(claim_id, 'never heard of')}, must be {end}"
            for claim_id, end in self.expected.items()
            if self.states.get(claim_id) != end
        ]
        found += [f"claim {claim_id}: never published" for claim_id in self._strangers()]
        whole_claims = counts["accepted"] - counts["encounters"]
        parts_of = whole_claims + counts["refused"] + counts["duplicates"] + counts["gathered"]
        if counts["published"] != parts_of:
            found.append(
                f"published is {counts['published']}, not accepted as claims + refused + "
                "duplicates + gathered"
            )
        sums: tuple[tuple[str, tuple[str, ...]], ...] = (
            ("accepted", ("held", "submitted")),
            ("submitted", ("refused_by_payer", "paid", "denied", "voided", "awaiting_payer")),
        )
        for whole, parts in sums:
            if counts[whole] != sum(counts[part] for part in parts):
                found.append(f"{whole} is {counts[whole]}, not {' + '.join(parts)}")
        return found

    def _strangers(self) -> Iterable[str]:
        return self.states.keys() - self.expected.keys()

    def held_cents(self) -> int:
        """Charges of the claims that coding holds: open, and not yet in the ledger."""
        return sum(
            self.charges.get(claim_id, 0)
            for claim_id, state in self.states.items()
            if state == "held"
        )


def claim_id_of(patient_control_number: str) -> str:
    """The id that intake gives the hospital's claim."""
    return str(business_id("claim", SOURCE, patient_control_number))
