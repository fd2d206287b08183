"""What differs from payer to payer, state to state and house to house: deadlines, thresholds,
weights. All of it is data with a default, and an operator's JSON file replaces any part.

It is apart because every number here is a decision that somebody may want to change without a
release. Money is in cents in code and decimal strings in the file; rates are yearly, in hundredths
of a per cent (basis points).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from pydantic import Field

from services.remittance.domain.denial import explain
from services.remittance.domain.denial_table import NEXT_STEPS, Denial, DenialClass
from shared.contract.model import Model
from shared.money import Cents


class DenialRule(Model):
    """A row of an operator's denial table. What a row leaves empty matches everything; the first
    row that matches counts, before our own table."""

    kind: DenialClass
    reasons: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    payers: tuple[str, ...] = ()
    at_most: Cents | None = None
    meaning: str | None = None
    next_step: str | None = None
    is_final: bool = False

    def matches(
        self, group: str, reason: str, remarks: Sequence[str], payer: str, cents: int
    ) -> bool:
        """Whether this row is about such a denial."""
        return (
            (not self.reasons or reason in self.reasons)
            and (not self.groups or group in self.groups)
            and (not self.remarks or not set(self.remarks).isdisjoint(remarks))
            and (not self.payers or payer in self.payers)
            and (self.at_most is None or cents <= self.at_most)
        )


class Deadlines(Model):
    """Days after a denial in which a payer takes an appeal or a corrected claim."""

    appeal: int = 180
    correct: int = 180


class PromptPay(Model):
    """A state's rule (or Medicare's): days after a clean claim's acceptance, then yearly interest
    on what is paid late."""

    days: int
    rate_basis_points: int
    source: str
    """The statute, for the letter that claims it."""


class MatchWeights(Model):
    """How much each agreement between a payer's claim and one of ours says, and how much certainty
    is asked for before it is posted without a person. A name alone never reaches the threshold."""

    charge: int = 25
    dates: int = 20
    codes: int = 20
    member: int = 20
    provider: int = 8
    name: int = 7
    threshold: int = 85
    margin: int = 20
    """By how much the best must be ahead of the next."""


class Policy(Model):
    denials: tuple[DenialRule, ...] = ()
    deadlines: Mapping[str, Deadlines] = Field(default_factory=dict)
    """By payer identifier; `default` for every other."""
    prompt_pay: Mapping[str, PromptPay] = Field(default_factory=lambda: dict(PROMPT_PAY))
    """By state, or by payer identifier where a payer has a rule of its own."""
    payer_states: Mapping[str, str] = Field(default_factory=dict)
    """Whose rule a payer is under, by payer identifier."""
    match: MatchWeights = MatchWeights()
    underpaid_from: Cents = 100
    """A line's variance below this is not worth a letter."""
    refund_days: Mapping[str, int] = Field(default_factory=lambda: {"default": 30})

    def explain(
        self, group: str, reason: str, remarks: Sequence[str], payer: str, cents: int
    ) -> Denial:
        """What a denied amount means and what to do, by the operator's rows and then our own."""
        denial = explain(reason, remarks)
        for rule in self.denials:
            if rule.matches(group, reason, remarks, payer, cents):
                return replace(
                    denial,
                    kind=rule.kind,
                    meaning=rule.meaning or denial.meaning,
                    next_step=rule.next_step or NEXT_STEPS[rule.kind],
                    is_final=rule.is_final,
                )
        return denial

    def due_on(self, denial: Denial, payer: str, denied_on: date) -> date | None:
        """The last day for the next step; None where the payer takes none."""
        if denial.is_final:
            return None
        days = self.deadlines.get(payer) or self.deadlines.get("default") or Deadlines()
        is_correction = denial.kind in _CORRECTIONS
        return denied_on + timedelta(days=days.correct if is_correction else days.appeal)

    def prompt_pay_of(self, payer: str) -> PromptPay | None:
        """The rule that a payer is under, or None where no rule is known."""
        return self.prompt_pay.get(payer) or self.prompt_pay.get(self.payer_states.get(payer, ""))


_CORRECTIONS: frozenset[DenialClass] = frozenset(
    {"correct_and_replace", "missing_information", "wrong_payer", "eligibility", "coordination"}
)

PROMPT_PAY: Mapping[str, PromptPay] = {
    "IL": PromptPay(days=30, rate_basis_points=900, source="215 ILCS 5/368a"),
    "NJ": PromptPay(days=30, rate_basis_points=1200, source="N.J.S.A. 17B:26-9.1"),
    "NY": PromptPay(days=30, rate_basis_points=1200, source="N.Y. Insurance Law 3224-a"),
    "OH": PromptPay(days=30, rate_basis_points=1800, source="Ohio R.C. 3901.38 to 3901.389"),
}
"""Electronic clean claims. A start, to be checked by the operator against the law of the day, who
adds the states of the house; no rule is guessed for a state that is not here."""

DEFAULT = Policy()


def interest_owed(cents: int, rule: PromptPay, clean_since: date, paid_on: date) -> int:
    """Simple interest in cents, rounded down, on what was paid after the rule's days; 0 in time."""
    late = (paid_on - clean_since).days - rule.days
    return max(0, cents) * rule.rate_basis_points * max(0, late) // (10_000 * 365)
