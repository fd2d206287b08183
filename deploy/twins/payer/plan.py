"""A scenario for one claim: everything that is drawn or scripted, before the claim is looked at.

It is apart from adjudication so that tests can foretell: a plan follows from the patient control
number, the seed, the scenario and which sending it is.
"""

from dataclasses import dataclass
from datetime import timedelta

from deploy.twins.payer.draws import draw, is_drawn, pick
from deploy.twins.payer.scenario import (
    CostShare,
    Denial,
    Mangling,
    Outcome,
    Refusal,
    Scenario,
    Script,
    Way,
    WrongTotal,
    expected_outcome,
    purpose_at,
)


@dataclass(frozen=True)
class Plan:
    """A scenario for one claim: all that was drawn or scripted."""

    outcome: Outcome
    denial: Denial
    refusal: Refusal
    cost_share: CostShare
    agreed_percent: int
    payment_delay: timedelta
    is_divided: bool
    is_crossed_over: bool
    drops_modifiers: bool
    is_claim_level: bool
    mangled: Way | None
    reversed_after: timedelta | None
    reversed_into: Outcome | None
    wrong_totals: tuple[WrongTotal, ...]


def plan_of(number: str, seed: int, scenario: Scenario, turn: str = "") -> Plan:
    """The plan for the claim with this patient control number."""
    script = scenario.script(number, turn) or Script(control_number="*")
    detail = draw(number, seed, purpose_at("detail", turn))
    lowest, highest = scenario.agreed_percent
    percent = lowest + (detail >> 32) % (highest - lowest + 1)
    delays = scenario.delays

    def falls(chance: int, purpose: str) -> bool:
        return is_drawn(chance, number, seed, purpose_at(purpose, turn))

    def said(own: bool | None, drawn: bool) -> bool:
        return drawn if own is None else own

    waits = delays.payment + (
        delays.pended_for if falls(delays.pended_percent, "pended") else timedelta()
    )
    after = script.reversed_after
    if after is None and falls(scenario.reversals.percent, "reversal"):
        after = scenario.reversals.after
    into = script.reversed_into or pick(scenario.reversals.into, detail >> 16).outcome
    own_total = (script.wrong_total,) if script.wrong_total else None
    return Plan(
        outcome=expected_outcome(number, seed, scenario, turn),
        denial=script.denial or pick(scenario.denials, detail),
        refusal=script.refusal or pick(scenario.refusals, detail),
        cost_share=script.cost_share or pick(scenario.cost_shares, detail),
        agreed_percent=percent if script.agreed_percent is None else script.agreed_percent,
        payment_delay=waits if script.payment_delay is None else script.payment_delay,
        is_divided=said(script.is_divided, falls(scenario.divisions.percent, "division")),
        is_crossed_over=said(
            script.is_crossed_over, falls(scenario.crossovers.percent, "crossover")
        ),
        drops_modifiers=falls(scenario.dropped_modifiers.percent, "modifiers"),
        is_claim_level=falls(scenario.claim_level_percent, "claim level"),
        mangled=_mangled(number, seed, scenario.control_numbers, script),
        reversed_after=after,
        reversed_into=into if after is not None else None,
        wrong_totals=own_total
        or tuple(
            wrong
            for wrong in scenario.wrong_totals
            if wrong.level != "transaction" and falls(wrong.percent, f"wrong {wrong.level}")
        ),
    )


def _mangled(number: str, seed: int, mangling: Mangling, script: Script) -> Way | None:
    if script.mangled is not None:
        return None if script.mangled == "no" else script.mangled
    if not is_drawn(mangling.percent, number, seed, "mangled"):
        return None
    return mangling.ways[draw(number, seed, "way") % len(mangling.ways)]


def claim_number(number: str, seed: int, mark: str = "") -> str:
    """The payer's own number of the claim with this patient control number; `mark` tells a further
    claim of the same number apart, the first has none."""
    return f"T{draw(number, seed, purpose_at('payer claim control number', mark)):016X}"
