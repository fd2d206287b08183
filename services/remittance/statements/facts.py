"""What a bill is made of, asked of the ledger and of what is kept of claims and remittances."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from services.remittance.balances import patient_balances
from services.remittance.domain.balances import PatientBalance
from services.remittance.domain.incoming import claim_from_json
from services.remittance.domain.judging import Submission
from services.remittance.domain.ledger import AccountKind, EntryKind
from services.remittance.domain.matching import match_lines
from services.remittance.domain.patient_bill import Bill, ClaimFacts, bill_of
from services.remittance.domain.patient_lines import Line, Part, PostedLeg, cents_by_line
from services.remittance.domain.registration import SEQUENCES, Submitted, ledger_lines
from services.remittance.statements import store
from shared.contract.claim import Claim
from shared.database import Connection

_DOCUMENTS = "SELECT claim_id, content FROM claim_document WHERE claim_id = ANY($1::uuid[])"
_LEGS = """
SELECT entry.claim_id, entry.business_key, entry.kind, entry.adjustment_group,
       entry.adjustment_reason, account.kind AS account, leg.line, leg.amount_cents
FROM entry JOIN leg ON leg.entry_id = entry.id JOIN account ON account.id = leg.account_id
WHERE entry.claim_id = ANY($1::uuid[])
  AND account.kind IN ('contractual_allowance', 'patient_receivable', 'denied_pending',
                       'other_adjustment', 'write_off')
ORDER BY entry.id, leg.position
"""
_ANSWERS = """
SELECT remittance_claim.claim_id, remittance_claim.content, payer_identifier, payer_name
FROM remittance_claim JOIN remittance ON remittance.id = remittance_id
WHERE remittance_claim.claim_id = ANY($1::uuid[]) AND state = 'posted' ORDER BY seq
"""


async def bill(connection: Connection, account_id: UUID, on: date) -> Bill | None:
    """The bill of a patient account as it stands; None where there is no such account. Whoever
    acts on it holds the account's lock."""
    balances = await patient_balances(connection, [account_id])
    balance = balances.get(account_id)
    return None if balance is None else await bill_of_balance(connection, balance, on)


async def bill_of_balance(connection: Connection, balance: PatientBalance, on: date) -> Bill:
    """The bill of this balance, read in the same transaction."""
    ids = [claim.claim_id for claim in balance.claims]
    documents = {row["claim_id"]: row["content"] for row in await connection.fetch(_DOCUMENTS, ids)}
    answers: dict[UUID, list[tuple[str, str, str | None]]] = {}
    for claim_id, *answer in await connection.fetch(_ANSWERS, ids):
        answers.setdefault(claim_id, []).append((answer[0], answer[1], answer[2]))
    claims = {
        claim_id: Submission.model_validate_json(content).claim
        for claim_id, content in documents.items()
    }
    facts = {
        claim_id: ClaimFacts(
            claim=claims.get(claim_id),
            payer_names=payer_names(
                claims.get(claim_id), [(one[1], one[2]) for one in answers.get(claim_id, ())]
            ),
        )
        for claim_id in ids
    }
    payments = {
        claim_id: _payments(documents[claim_id], [one[0] for one in of_claim])
        for claim_id, of_claim in answers.items()
        if claim_id in documents
    }
    return bill_of(
        balance,
        facts,
        await _lines(connection, ids),
        payments,
        on=on,
        estimate=await store.estimate(connection, balance.account_id),
    )


def payer_names(claim: Claim | None, answered: Sequence[tuple[str, str | None]]) -> tuple[str, ...]:
    """The payers of a claim by name, each once: the one that was asked first first."""
    known: dict[str, str | None] = {}
    if claim is not None:
        ordered = [(claim.payer_sequence, claim.payer)]
        ordered += [(other.sequence, other.payer) for other in claim.other_coverages]
        for _, payer in sorted(ordered, key=lambda one: SEQUENCES.find(one[0])):
            known[payer.identifier or ""] = payer.name
    for identifier, name in answered:
        known[identifier] = known.get(identifier) or name
    return tuple(dict.fromkeys(name or identifier for identifier, name in known.items()))


def _payments(document: str, answers: Sequence[str]) -> Mapping[int, int]:
    """What plans paid by our line's number, where they said so; reversals count against it."""
    lines = ledger_lines(Submitted.model_validate_json(document).claim)
    paid: dict[int, int] = {}
    for content in answers:
        remitted = claim_from_json(content)
        matches = match_lines(lines, remitted.lines)
        for line, match in zip(remitted.lines, matches, strict=True):
            if match is not None:
                paid[match.number] = paid.get(match.number, 0) + line.paid
    return paid


async def _lines(
    connection: Connection, ids: Sequence[UUID]
) -> dict[UUID, dict[Line, dict[Part, int]]]:
    legs: dict[UUID, list[PostedLeg]] = {}
    for row in await connection.fetch(_LEGS, ids):
        legs.setdefault(row["claim_id"], []).append(
            PostedLeg(
                row["business_key"],
                EntryKind(row["kind"]),
                row["adjustment_group"],
                row["adjustment_reason"],
                AccountKind(row["account"]),
                row["line"],
                row["amount_cents"],
            )
        )
    return {claim_id: cents_by_line(of_claim) for claim_id, of_claim in legs.items()}
