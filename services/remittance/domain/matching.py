"""Which of our claims a remittance's claim is, and which of its lines: certain or not at all.

It is apart because a wrong match pays the wrong patient's bill. Claims by patient control number
and, since clinics use the same ones, the provider that is paid; then the payer's claim number, then
our line control numbers; lines by line control number, then by code, modifiers, date and charge.
Never by name. What fits two is a match for neither.
"""

from collections.abc import Iterable, Sequence

from services.remittance.domain.accounts import NOBODY_KNOWN, Payee
from services.remittance.domain.state import LedgerClaim, LedgerLine
from shared.contract.remittance import RemittanceClaim, RemittanceLine


def match_claim(
    candidates: Sequence[LedgerClaim], remitted: RemittanceClaim, payee: Payee = NOBODY_KNOWN
) -> LedgerClaim | None:
    """The one claim that `remitted` is, among those with its patient control number, or None.

    A payee that is another billing provider of ours is a reason not to trust the number: the claim
    that it is paid for may still be on its way. Then only the payer's own number tells. A payee
    that we do not know may collect for the claim's provider, or be a stranger with the number:
    then its charge must be the claim's, or another number tell.
    """
    paid = of_payee(candidates, payee)
    if payee.is_ours and all(one.billing.npi not in (None, payee.identifier) for one in paid):
        return _by_payer_number(paid, remitted)
    if len(candidates) == 1:
        (only,) = candidates
        is_trusted = not payee.identifier or _is_paid(only, payee)
        if is_trusted or abs(remitted.charge) == only.charge:
            return only
        return match_by_numbers_alone(candidates, remitted)
    told = match_by_numbers(candidates, remitted)
    if told is not None:
        return told if told in paid else None
    return paid[0] if len(paid) == 1 else match_by_numbers(paid, remitted)


def of_payee(candidates: Sequence[LedgerClaim], payee: Payee) -> Sequence[LedgerClaim]:
    """Those whose billing provider is paid: by NPI, else by tax id. All of them where the payee is
    neither, as one that collects for several providers is."""
    by_npi = [one for one in candidates if _has_npi(one, payee)]
    by_tax_id = [one for one in candidates if _has_tax_id(one, payee)]
    return by_npi or by_tax_id or candidates


def _is_paid(claim: LedgerClaim, payee: Payee) -> bool:
    return _has_npi(claim, payee) or _has_tax_id(claim, payee)


def _has_npi(claim: LedgerClaim, payee: Payee) -> bool:
    return bool(payee.identifier) and claim.billing.npi == payee.identifier


def _has_tax_id(claim: LedgerClaim, payee: Payee) -> bool:
    tax_id = payee.tax_id or payee.identifier
    return bool(tax_id) and claim.billing.tax_id == tax_id


def match_by_numbers(
    candidates: Sequence[LedgerClaim], remitted: RemittanceClaim
) -> LedgerClaim | None:
    """The one candidate with the payer's claim number, else with our line control numbers."""
    found_by_payer = _by_payer_number(candidates, remitted)
    if found_by_payer is not None:
        return found_by_payer
    ours = set(line_control_numbers(remitted))
    found = [
        claim for claim in candidates if any(line.control_number in ours for line in claim.lines)
    ]
    return found[0] if len(found) == 1 else None


def match_by_numbers_alone(
    candidates: Sequence[LedgerClaim], remitted: RemittanceClaim
) -> LedgerClaim | None:
    """As `match_by_numbers`, where none of ours has the patient control number. Then each line with
    a number of ours must have its charge too: many senders number their lines 1, 2, 3, and so does
    a stranger."""
    found = match_by_numbers(candidates, remitted)
    if found is None or _by_payer_number(candidates, remitted) is not None:
        return found
    charges = {line.control_number: line.charge for line in found.lines}
    numbered = [(line.line_control_number or "").strip() for line in remitted.lines]
    agrees = all(
        charges.get(number, line.charge) == line.charge
        for number, line in zip(numbered, remitted.lines, strict=True)
    )
    return found if agrees else None


def _by_payer_number(
    candidates: Sequence[LedgerClaim], remitted: RemittanceClaim
) -> LedgerClaim | None:
    number = remitted.payer_claim_control_number
    found = [one for one in candidates if number and one.payer_claim_control_number == number]
    return found[0] if len(found) == 1 else None


def line_control_numbers(remitted: RemittanceClaim) -> list[str]:
    """The line control numbers that came back (REF*6R), blanks trimmed."""
    return [
        line.line_control_number.strip()
        for line in remitted.lines
        if line.line_control_number and line.line_control_number.strip()
    ]


def match_lines(
    billed: Sequence[LedgerLine], remitted: Sequence[RemittanceLine]
) -> tuple[LedgerLine | None, ...]:
    """For each remitted line the billed line that it answers, or None; each billed line once."""
    by_number = {line.control_number: line for line in billed if line.control_number}
    free = {line.number: line for line in billed}
    matches: list[LedgerLine | None] = []
    for line in remitted:
        number = (line.line_control_number or "").strip()
        match = by_number.get(number) if number else None
        if match is not None and free.pop(match.number, None) is None:
            match = None
        matches.append(match)
    if None in matches and free:
        _match_by_service(free, remitted, matches)
    return tuple(matches)


def _match_by_service(
    free: dict[int, LedgerLine],
    remitted: Sequence[RemittanceLine],
    matches: list[LedgerLine | None],
) -> None:
    for position, line in enumerate(remitted):
        if matches[position] is not None:
            continue
        same = [billed for billed in free.values() if _is_answer(billed, line)]
        if not same:
            continue
        rivals = sum(
            match is None and _is_answer(same[0], other)
            for other, match in zip(remitted, matches, strict=True)
        )
        # Equal lines with as many equal answers differ in nothing that matters here.
        if len(same) == rivals:
            matches[position] = free.pop(same[0].number)


def _is_answer(billed: LedgerLine, remitted: RemittanceLine) -> bool:
    procedure = remitted.billed_procedure
    code = procedure.code if procedure else remitted.revenue_code
    if code is None or billed.code != code or billed.charge != remitted.charge:
        return False
    if _ordered(billed.modifiers) != _ordered(procedure.modifiers if procedure else ()):
        return False
    on = remitted.service_date or remitted.service_from
    return on is None or billed.on is None or on == billed.on


def _ordered(modifiers: Iterable[str]) -> list[str]:
    return sorted(modifier for modifier in modifiers if modifier)
