"""What a line is worth to the payer, what of it the patient owes, and under which code it is paid.

All amounts are integer cents; what is rounded is rounded down.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from deploy.twins.payer.scenario import Bundle, CostShare, Scenario
from shared.contract.claim import Procedure, ServiceLine
from shared.contract.remittance import RemittanceAdjustment


@dataclass(slots=True)
class PatientShare:
    """What is left to take from the patient while the lines of one claim are gone through."""

    deductible_cents: int
    copay_cents: int
    coinsurance_percent: int

    @staticmethod
    def of(terms: CostShare) -> "PatientShare":
        return PatientShare(terms.deductible, terms.copay, terms.coinsurance_percent)

    def take(self, allowed_cents: int) -> list[RemittanceAdjustment]:
        """The patient's share of one line, as PR 1, 2 and 3; never more than is allowed."""
        deductible = min(self.deductible_cents, allowed_cents)
        self.deductible_cents -= deductible
        allowed_cents -= deductible
        copay = min(self.copay_cents, allowed_cents)
        self.copay_cents -= copay
        allowed_cents -= copay
        coinsurance = allowed_cents * self.coinsurance_percent // 100
        shares = (("1", deductible), ("2", coinsurance), ("3", copay))
        return [RemittanceAdjustment("PR", reason, cents) for reason, cents in shares if cents]


NOBODY = CostShare(weight=1)


def code_of(line: ServiceLine) -> str:
    """What a line is priced by: its procedure, else its revenue code."""
    return line.procedure.code if line.procedure else line.revenue_code or ""


def agreed(line: ServiceLine, code: str, percent: int, scenario: Scenario) -> int:
    """Cents that the payer allows for a line: the fee schedule's price of `code` times units, else
    a percentage of the charge; at most the charge. A line of no charge, or less, as it is."""
    if line.charge <= 0:
        return line.charge
    price = scenario.prices.get(code)
    if price is None:
        return line.charge * percent // 100
    units = line.units if line.units is not None else Decimal(1)
    return min(line.charge, int(price * units))


@dataclass(frozen=True, slots=True)
class Coding:
    """SVC01 and, where the payer says so, SVC06; a line that went into a bundle is `absorbed`, one
    that carries it `carries` the codes of all."""

    paid: Procedure | None
    submitted: Procedure | None = None
    is_absorbed: bool = False
    carries: Bundle | None = None
    is_changed: bool = False


def codings(
    lines: Sequence[ServiceLine], scenario: Scenario, *, drops_modifiers: bool
) -> tuple[Coding, ...]:
    """Under which code each line is paid: bundled, changed, or with modifiers dropped."""
    bundled = dict(_bundled(lines, scenario.bundles))
    return tuple(
        bundled.get(at) or _coding(line.procedure, scenario, drops_modifiers=drops_modifiers)
        for at, line in enumerate(lines)
    )


def _bundled(
    lines: Sequence[ServiceLine], bundles: Sequence[Bundle]
) -> Iterator[tuple[int, Coding]]:
    taken: set[int] = set()
    for bundle in bundles:
        found: list[int] = []
        for code in bundle.codes:
            places = (
                at
                for at, line in enumerate(lines)
                if at not in taken and at not in found and line.charge > 0
                if line.procedure is not None and line.procedure.code == code
            )
            at = next(places, None)
            if at is not None:
                found.append(at)
        if len(found) != len(bundle.codes):
            continue
        taken.update(found)
        for place, at in enumerate(sorted(found)):
            own = lines[at].procedure
            into = Procedure(code=bundle.into)
            yield at, Coding(into, own, is_absorbed=place > 0, carries=None if place else bundle)


def _coding(procedure: Procedure | None, scenario: Scenario, *, drops_modifiers: bool) -> Coding:
    if procedure is None:
        return Coding(None)
    code = scenario.changed_codes.get(procedure.code, procedure.code)
    rule = scenario.dropped_modifiers
    dropped = rule.modifiers if drops_modifiers else ()
    kept = tuple(modifier for modifier in procedure.modifiers if modifier not in dropped)
    if code == procedure.code and kept == procedure.modifiers:
        return Coding(procedure)
    paid = procedure.model_copy(update={"code": code, "modifiers": kept})
    is_changed = code != procedure.code
    return Coding(paid, procedure if is_changed or rule.is_shown else None, is_changed=is_changed)
