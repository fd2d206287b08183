"""A claim's life at the payer once it is accepted: decided, replaced or voided by its sender,
corrected by the payer itself, forwarded to the next payer. Each step ends in something payable.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from deploy.twins.payer.adjudicate import adjudicate
from deploy.twins.payer.agenda import Agenda
from deploy.twins.payer.cases import Case, CaseState
from deploy.twins.payer.coordination import forwarded
from deploy.twins.payer.payment import Payable
from deploy.twins.payer.plan import Plan
from deploy.twins.payer.registry import Cases
from deploy.twins.payer.scenario import Scenario
from deploy.twins.payer.telling import told
from shared.contract.remittance import RemittanceClaim, RemittanceParty

_INSTANT = timedelta(seconds=1)
_CROSSED_OVER = {"1": "19", "2": "20", "3": "21"}
_LOWERED_PERCENT = 10
"""By how much a corrected price is lower: "reduced" may be what was paid already."""


class Desk:
    """Decides cases and puts what is payable on the agenda."""

    def __init__(self, scenario: Scenario, cases: Cases, agenda: Agenda) -> None:
        self._scenario = scenario
        self._cases = cases
        self._agenda = agenda

    def decide(self, case: Case, at: datetime, *, is_duplicate: bool = False) -> None:
        """Adjudicates a claim that stands by itself."""
        decided = self._adjudicated(case, case.plan, case.number, is_duplicate=is_duplicate)
        if _crosses_over(case, decided):
            decided = self._crossed_over(decided)
        self._schedule(case, decided, self._agenda.payment_time(at + case.plan.payment_delay))

    def supersede(self, original: Case, case: Case, at: datetime) -> None:
        """A replacement (7) or void (8), never before the original itself is settled."""
        original.is_superseded = True
        due = self._agenda.payment_time(at + case.plan.payment_delay)
        settled = original.settles_at
        if settled is not None and due <= settled:
            due = self._agenda.payment_time(settled + _INSTANT)
        if case.claim.frequency == "7":
            decided = self._adjudicated(case, case.plan, case.number)
            self._schedule(case, decided, due, replacing=original)
        else:
            case.settles_at = due
            self._agenda.at(due, Payable(case, owner=original, is_first=False))

    def settled(self, row: Payable, at: datetime) -> None:
        """What follows from the last payment of a decision: a correction, a crossover."""
        case = row.case
        after = case.plan.reversed_after
        if after is not None and not case.corrections and case.claim.frequency != "8":
            due = self._agenda.payment_time(at + max(after, _INSTANT))
            self._agenda.at(due, lambda when: self._correct(case, when))
        crossovers = self._scenario.crossovers
        is_forwarded = any(one.crossover_carrier for one in row.decisions)
        if is_forwarded and crossovers.pays and row.is_first:
            due = self._agenda.payment_time(at + max(crossovers.after, _INSTANT))
            self._agenda.at(due, lambda when: self._forward(case, when))

    def _adjudicated(
        self, case: Case, plan: Plan, number: str, *, is_duplicate: bool = False
    ) -> RemittanceClaim:
        return adjudicate(
            case.claim,
            plan,
            self._scenario,
            number=number,
            received_on=case.received_at.date(),
            is_duplicate=is_duplicate,
        )

    def _schedule(
        self, case: Case, decided: RemittanceClaim, due: datetime, replacing: Case | None = None
    ) -> None:
        case.decided = decided
        parts = told(decided, case.plan, is_institutional=case.claim.kind == "institutional")
        for part in parts:
            self._cases.know(case, part.payer_claim_control_number or case.number)
        first, *later = parts
        case.settles_at = due
        self._agenda.at(due, Payable(case, [], [first], owner=replacing, is_last=not later))
        for part in later:
            case.settles_at = self._agenda.payment_time(due + self._scenario.divisions.after)
            self._agenda.at(case.settles_at, Payable(case, [], [part], is_first=False))

    def _correct(self, case: Case, due: datetime) -> None:
        """The payer takes its own decision back, with a correction in the same 835."""
        into = case.plan.reversed_into
        if case.is_superseded or case.state is not CaseState.FINAL or into is None:
            return
        case.corrections += 1
        number = f"{case.number}R{case.corrections}"
        percent = max(0, case.plan.agreed_percent - _LOWERED_PERCENT)
        plan = replace(case.plan, outcome=into, agreed_percent=percent, is_divided=False)
        decided = self._adjudicated(case, plan, number)
        parts = told(decided, plan, is_institutional=case.claim.kind == "institutional")
        case.decided = decided
        self._cases.know(case, number)
        self._agenda.at(due, Payable(case, [], parts, owner=case, is_first=False))

    def _crossed_over(self, decided: RemittanceClaim) -> RemittanceClaim:
        to = self._scenario.crossovers
        carrier = RemittanceParty(
            is_person=False,
            name=to.payer_name,
            identifier_qualifier="PI",
            identifier=to.payer_identifier,
        )
        status = _CROSSED_OVER[decided.status]
        return replace(decided, status=status, crossover_carrier=carrier)

    def _forward(self, case: Case, due: datetime) -> None:
        """The next payer adjudicates what this one forwarded, unless it has the claim already."""
        if case.is_superseded or case.decided is None or case.corrections:
            return
        claim = forwarded(case.claim, case.decided, self._scenario.crossovers, due.date())
        if self._cases.earlier(claim):
            return
        other = self._cases.open(claim, claim.payer_sequence, case.reply, due)
        other.plan = replace(other.plan, is_crossed_over=False, is_divided=False)
        self._schedule(other, self._adjudicated(other, other.plan, other.number), due)


def _crosses_over(case: Case, decided: RemittanceClaim) -> bool:
    return bool(
        case.plan.is_crossed_over
        and decided.patient_responsibility
        and decided.status in _CROSSED_OVER
        and not case.plan.is_divided
    )
