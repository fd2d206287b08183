"""Charges and credits: which charges stand once the credits have taken back theirs."""

from collections.abc import Iterable

from services.intake.domain.encounter import Charge
from shared.contract.model import Finding


def net(charges: Iterable[Charge], notes: list[Finding]) -> list[Charge]:
    """The charges that stand after their credits. A credit takes back the charge of the same key,
    else one of the same code, day and amount, else a part of one of the same code and day."""
    standing = [charge for charge in charges if not charge.is_credit]
    for credit in (charge for charge in charges if charge.is_credit):
        matches = (
            [one for one in standing if one.key == credit.key],
            [one for one in standing if _is_same_service(one, credit, with_amount=True)],
            [one for one in standing if _can_lessen(one, credit)],
        )
        chosen = next((found[-1] for found in matches if found), None)
        if chosen is None:
            notes.append(_unmatched(credit))
            continue
        at = standing.index(chosen)
        rest = _lessened(chosen, credit)
        standing[at : at + 1] = [rest] if rest is not None else []
    return standing


def _is_same_service(one: Charge, credit: Charge, *, with_amount: bool = False) -> bool:
    mine, theirs = one.line, credit.line
    return (
        mine.procedure == theirs.procedure
        and mine.revenue_code == theirs.revenue_code
        and mine.service_from == theirs.service_from
        and (not with_amount or mine.charge == theirs.charge)
    )


def _can_lessen(one: Charge, credit: Charge) -> bool:
    return (
        _is_same_service(one, credit)
        and one.line.charge > credit.line.charge
        and (one.line.units or 0) > (credit.line.units or 0)
    )


def _lessened(charge: Charge, credit: Charge) -> Charge | None:
    """What is left of a charge; None where it is taken back whole."""
    left = charge.line.charge - credit.line.charge
    units = (charge.line.units or 0) - (credit.line.units or 0)
    if left <= 0 or units <= 0:
        return None
    line = charge.line.model_copy(update={"charge": left, "units": units})
    return charge.model_copy(update={"line": line})


def _unmatched(credit: Charge) -> Finding:
    return Finding(
        code="credit-without-charge",
        severity="warn",
        path=credit.place,
        message="a credit takes back a charge that is not there, and was left out",
        hint="Give a credit the id (FT1-2, ChargeItem.identifier) of the charge it takes back.",
    )
