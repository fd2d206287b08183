"""All cases of a payer, found by the numbers that claims have: the patient's control number, and
the numbers that the payer itself gave."""

from collections.abc import Iterable
from datetime import datetime

from deploy.twins.payer.book import Book, ClaimEntry
from deploy.twins.payer.cases import ADJUDICATED, Case, CaseState, ReplyTo
from deploy.twins.payer.plan import claim_number, plan_of
from deploy.twins.payer.scenario import Scenario
from shared.contract.claim import Claim
from shared.contract.remittance import RemittanceClaim

Key = tuple[str, str, str]


class Cases:
    """Opens cases, gives them numbers and finds them again; each has its entry in the book."""

    def __init__(self, scenario: Scenario, seed: int, book: Book) -> None:
        self._scenario = scenario
        self._seed = seed
        self._book = book
        self._by_key: dict[Key, list[Case]] = {}
        self._by_control_number: dict[str, list[Case]] = {}
        self._by_number: dict[str, Case] = {}
        self._entries: dict[str, ClaimEntry] = {}

    def earlier(self, claim: Claim) -> list[Case]:
        """Every case of the same payer, patient control number and payer sequence."""
        return list(self._by_key.get(_key(claim), ()))

    def numbered(self, number: str | None) -> Case | None:
        """The case that has this payer's claim number, or had it."""
        return self._by_number.get(number or "")

    def find(self, number: str | None, control_number: str | None) -> Case | None:
        """The case that a question is about: by the payer's number, else the latest that is
        adjudicated, else the latest, with the patient control number."""
        known = self.numbered(number)
        if known is not None:
            return known
        rows = self._by_control_number.get(control_number or "", [])
        live = [case for case in rows if case.state in ADJUDICATED]
        return next(reversed(live or rows), None)

    def open(self, claim: Claim, turn: str, reply: ReplyTo, at: datetime) -> Case:
        """A new case with a number of its own, and its entry."""
        control_number = claim.patient_control_number
        rows = self._by_key.setdefault(_key(claim), [])
        mark = f"{claim.payer_sequence}{turn}{len(rows)}" if turn or rows else ""
        number = claim_number(control_number, self._seed, mark)
        plan = plan_of(control_number, self._seed, self._scenario, turn)
        case = Case(claim, plan, turn, number, reply, at, CaseState.PENDING)
        rows.append(case)
        self._by_control_number.setdefault(control_number, []).append(case)
        entry = ClaimEntry(case)
        self._entries[number] = entry
        self._book.entries.append(entry)
        return case

    def know(self, case: Case, number: str) -> None:
        """Has a number that was told find the case."""
        self._by_number.setdefault(case.number, case)
        self._by_number.setdefault(number, case)

    def enter(self, case: Case, claims: Iterable[RemittanceClaim]) -> None:
        """Counts CLPs in the case's entry."""
        entry = self._entries[case.number]
        for one in claims:
            entry.add(one)


def _key(claim: Claim) -> Key:
    return (claim.payer.identifier or "", claim.patient_control_number, claim.payer_sequence)
