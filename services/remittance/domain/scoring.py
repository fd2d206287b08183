"""Which claim of ours a payer means that sent back none of its numbers: scored, and posted without
a person only beyond doubt.

It is apart from matching because that is certain and this is not. What counts how much is data
(`policy.MatchWeights`); a name by itself is never enough, and two that look alike are never
chosen between.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from services.remittance.domain.accounts import plain
from services.remittance.domain.policy import MatchWeights
from services.remittance.domain.state import Candidate, name_key
from shared.contract.claim import Claim, Party
from shared.contract.remittance import RemittanceClaim


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate with its score, and what each agreement gave to it."""

    claim_id: UUID
    number_key: str
    score: int
    parts: Mapping[str, int]


def candidate_of(claim: Claim, number_key: str) -> Candidate:
    """What of a claim as it was sent can be compared."""
    days = [day for line in claim.service_lines for day in (line.service_from,) if day]
    days += [day for day in (claim.statement_from, claim.statement_through) if day]
    people: list[Party] = [claim.subscriber, *([claim.patient] if claim.patient else [])]
    providers: list[Party | None] = [claim.billing_provider, claim.rendering_provider]
    return Candidate(
        claim_id=claim.id,
        number_key=number_key,
        payer_identifier=claim.payer.identifier or "",
        charge=claim.charge,
        codes=frozenset(
            line.procedure.code if line.procedure else line.revenue_code or ""
            for line in claim.service_lines
        ),
        first_service=min(days, default=None),
        last_service=max(days, default=None),
        member_identifiers=frozenset(
            plain(person.identifier) for person in people if person.identifier
        ),
        provider_npis=frozenset(one.npi for one in providers if one and one.npi),
        names=frozenset(name_key(person.name, person.first_name) for person in people) - {""},
    )


def ranked(
    candidates: Iterable[Candidate],
    remitted: RemittanceClaim,
    payee_npi: str | None,
    weights: MatchWeights,
) -> list[Scored]:
    """The candidates with their scores, the best first."""
    scored = [_scored(one, remitted, payee_npi, weights) for one in candidates]
    return sorted(scored, key=lambda one: (-one.score, str(one.claim_id)))


def certain(scored: Sequence[Scored], weights: MatchWeights) -> Scored | None:
    """The one that is meant beyond doubt: above the threshold, clear of the next, and agreeing in
    more than a name."""
    if not scored or scored[0].score < weights.threshold:
        return None
    if len(scored) > 1 and scored[0].score - scored[1].score < weights.margin:
        return None
    best = scored[0]
    return best if best.score - best.parts.get("name", 0) > 0 and "charge" in best.parts else None


def _scored(
    candidate: Candidate, remitted: RemittanceClaim, payee_npi: str | None, weights: MatchWeights
) -> Scored:
    agreements = {
        "charge": abs(remitted.charge) == candidate.charge,
        "dates": _dates_agree(candidate, remitted),
        "codes": _codes_agree(candidate, remitted),
        "member": not candidate.member_identifiers.isdisjoint(_members(remitted)),
        "provider": not candidate.provider_npis.isdisjoint(_providers(remitted, payee_npi)),
        "name": not candidate.names.isdisjoint(_names(remitted)),
    }
    of: dict[str, Any] = weights.model_dump()
    parts = {name: int(of[name]) for name, agrees in agreements.items() if agrees}
    return Scored(candidate.claim_id, candidate.number_key, sum(parts.values()), parts)


def service_days(remitted: RemittanceClaim) -> tuple[date, ...]:
    """Every day of service that a payer's claim names."""
    lines = [line.service_date or line.service_from for line in remitted.lines]
    days = [*lines, remitted.statement_from, remitted.statement_through]
    return tuple(day for day in days if day is not None)


def _dates_agree(candidate: Candidate, remitted: RemittanceClaim) -> bool:
    days = service_days(remitted)
    if not days or candidate.first_service is None or candidate.last_service is None:
        return False
    return candidate.first_service <= min(days) and max(days) <= candidate.last_service


def _codes_agree(candidate: Candidate, remitted: RemittanceClaim) -> bool:
    codes = {
        line.billed_procedure.code if line.billed_procedure else line.revenue_code or ""
        for line in remitted.lines
    } - {""}
    return bool(codes) and codes <= candidate.codes


def _members(remitted: RemittanceClaim) -> set[str]:
    people = (remitted.patient, remitted.insured, remitted.corrected_insured)
    return {plain(one.identifier) for one in people if one and one.identifier}


def _providers(remitted: RemittanceClaim, payee_npi: str | None) -> set[str]:
    rendering = remitted.rendering_provider.npi if remitted.rendering_provider else None
    return {npi for npi in (rendering, payee_npi) if npi}


def _names(remitted: RemittanceClaim) -> set[str]:
    people = (remitted.patient, remitted.insured)
    return {name_key(one.name, one.first_name) for one in people if one} - {""}
