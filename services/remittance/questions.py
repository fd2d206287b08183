"""What is asked of the ledger and of the work that waits: read only, nothing locked.

It is apart from the store because these queries answer people, and may read a day's or an
account's whole history. Answers hold amounts as decimal strings; those on claims hold no names.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from services.remittance import command_store
from services.remittance.domain.incoming import claim_from_json
from services.remittance.domain.policy import MatchWeights, Policy, interest_owed
from services.remittance.domain.scoring import ranked
from services.remittance.domain.state import Candidate, found_key
from shared.database import Connection
from shared.money import format_cents

PAGE = 200

_TRIAL_BALANCE = """
SELECT account.kind, account.payer_identifier AS payer,
       sum(amount_cents) FILTER (WHERE amount_cents > 0)::bigint AS debit,
       -sum(amount_cents) FILTER (WHERE amount_cents < 0)::bigint AS credit,
       sum(amount_cents)::bigint AS balance
FROM leg JOIN account ON account.id = account_id JOIN entry ON entry.id = entry_id
WHERE posted_on <= $1
GROUP BY 1, 2 ORDER BY 1, 2
"""
_ACCOUNT = """
SELECT account.code, entry.posted_on, entry.kind, entry.id, entry.business_key, entry.claim_id,
       entry.remittance_id, entry.adjustment_group, entry.adjustment_reason, entry.reverses,
       leg.amount_cents
FROM account JOIN leg ON leg.account_id = account.id JOIN entry ON entry.id = leg.entry_id
WHERE (account.code = $1 OR account.code LIKE $2) AND entry.posted_on <= $3
ORDER BY entry.id, leg.position
"""
_JOURNAL = """
SELECT account.code, entry.posted_on, entry.kind, entry.id, entry.business_key, entry.claim_id,
       entry.remittance_id, entry.adjustment_group, entry.adjustment_reason, entry.reverses,
       leg.amount_cents
FROM entry JOIN leg ON leg.entry_id = entry.id JOIN account ON account.id = leg.account_id
WHERE entry.posted_on BETWEEN $1 AND $2
ORDER BY entry.id, leg.position
"""
_HELD = """
SELECT id, payer_identifier, payer_name, trace_number, amount_cents, difference_cents, claims,
       findings, status, read_at
FROM remittance WHERE status = 'held' ORDER BY read_at, id LIMIT $1
"""
_WAITING = """
SELECT remittance_id, position, remittance_claim.claim_id, state, remittance_claim.status,
       charge_cents, paid_cents, remittance_claim.difference_cents, remittance_claim.findings,
       number_id, content, payer_identifier, trace_number, payee_identifier,
       remittance_claim.read_at
FROM remittance_claim JOIN remittance ON remittance.id = remittance_id
WHERE state IN ('unmatched', 'waiting', 'quarantined') AND ($2::text IS NULL OR state = $2)
ORDER BY remittance_claim.seq LIMIT $1
"""
_DEPOSITS = """
SELECT id, trace_number, amount_cents, deposited_on, payer_name FROM deposit
WHERE state = 'unmatched' ORDER BY deposited_on, id LIMIT $1
"""
_UNDEPOSITED = """
SELECT id, payer_identifier, trace_number, CASE WHEN is_debit THEN -amount_cents
       ELSE amount_cents END AS cents, method, payment_date
FROM remittance
WHERE status = 'accepted' AND amount_cents <> 0
    AND NOT EXISTS (SELECT FROM deposit WHERE deposit.remittance_id = remittance.id)
ORDER BY payment_date, id LIMIT $1
"""
_DENIALS = """
SELECT denial.claim_id, remittance_id, position, number, denial.payer_identifier, adjustment_group,
       reason, remarks, line, amount_cents, kind, next_step, is_final, due_on, state, denied_on,
       decided_by, note
FROM denial
WHERE ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR kind = $3)
ORDER BY due_on NULLS LAST, amount_cents DESC, seq LIMIT $1
"""
_DENIALS_BY_STEP = """
SELECT kind, next_step, count(*), sum(amount_cents)::bigint, min(due_on) FROM denial
WHERE state IN ('open', 'appealed', 'corrected') GROUP BY 1, 2 ORDER BY 4 DESC
"""
_CLOCK = """
SELECT claim.id, coalesce(owing_payer, payer_identifier) AS payer, accepted_at::date AS accepted_on,
       charge_cents, paid_cents, receivable_cents, paid.on AS paid_on
FROM claim
LEFT JOIN LATERAL (
    SELECT min(posted_on) AS on FROM entry WHERE claim_id = claim.id AND kind <> 'charge'
) AS paid ON true
WHERE accepted_at IS NOT NULL ORDER BY accepted_at, claim.id LIMIT $1
"""

Row = asyncpg.Record


async def trial_balance(connection: Connection, on: date) -> list[dict[str, Any]]:
    """Debits, credits and balance by kind of account and payer, at the end of a day. The balances
    sum to zero."""
    return [
        {
            "kind": row["kind"],
            "payer": row["payer"],
            "debit": format_cents(row["debit"] or 0),
            "credit": format_cents(row["credit"] or 0),
            "balance": format_cents(row["balance"]),
        }
        for row in await connection.fetch(_TRIAL_BALANCE, on)
    ]


async def account(connection: Connection, code: str, on: date) -> AsyncIterator[dict[str, Any]]:
    """Every leg on an account up to a day, with the balance after it. `code` names an account, or
    the beginning of the codes of several (`cash_clearing`, `cash_clearing|PAY01`)."""
    balance = 0
    beginning = code.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "|%"
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(_ACCOUNT, code, beginning, on):
            balance += row["amount_cents"]
            yield {**_leg(row), "balance": format_cents(balance)}


async def journal(
    connection: Connection, since: date, until: date
) -> AsyncIterator[dict[str, Any]]:
    """Every leg of every entry of these days, in the order of the entries."""
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(_JOURNAL, since, until):
            yield _leg(row)


def _leg(row: Row) -> dict[str, Any]:
    return {
        "posted_on": row["posted_on"].isoformat(),
        "entry_id": str(row["id"]),
        "kind": row["kind"],
        "account": row["code"],
        "amount": format_cents(row["amount_cents"]),
        "claim_id": _text(row["claim_id"]),
        "remittance_id": _text(row["remittance_id"]),
        "group": row["adjustment_group"],
        "reason": row["adjustment_reason"],
        "reverses": _text(row["reverses"]),
        "business_key": row["business_key"],
    }


def _text(value: object) -> str | None:
    return None if value is None else str(value)


# What waits


async def held(connection: Connection, limit: int = PAGE) -> list[dict[str, Any]]:
    """Transaction sets that a person must accept or reject, and why."""
    return [
        {
            "remittance_id": str(row["id"]),
            "payer": row["payer_identifier"],
            "payer_name": row["payer_name"],
            "trace_number": row["trace_number"],
            "amount": format_cents(row["amount_cents"]),
            "difference": format_cents(row["difference_cents"]),
            "claims": row["claims"],
            "findings": json.loads(row["findings"]),
            "read_at": row["read_at"].isoformat(),
        }
        for row in await connection.fetch(_HELD, limit)
    ]


async def waiting(
    connection: Connection, weights: MatchWeights, state: str | None = None, limit: int = PAGE
) -> list[dict[str, Any]]:
    """Claims of remittances that wait for a person, the oldest first: with the difference, or with
    the claims of ours that they may be and how well each agrees: those with the number, and those
    that are alike."""
    rows = await connection.fetch(_WAITING, limit, state)
    found = await _candidates(connection, [row for row in rows if row["state"] == "unmatched"])
    return [_waiting(row, found, weights) for row in rows]


async def _candidates(
    connection: Connection, lost: Sequence[Row]
) -> dict[tuple[UUID, int], dict[UUID, Candidate]]:
    """By place, the claims of ours that each may be, by their id."""
    if not lost:
        return {}
    places = [(row["remittance_id"], row["position"]) for row in lost]
    claims = [claim_from_json(row["content"]) for row in lost]
    numbers = [row["number_id"] for row in lost]
    alike = await command_store.candidates(connection, list(zip(places, claims, strict=True)))
    named = await command_store.namesakes(connection, list(zip(places, numbers, strict=True)))
    return {
        place: {
            one.claim_id: one
            for found in (alike, named)
            if (elsewhere := found.get(found_key(*place)))
            for one in elsewhere.candidates
        }
        for place in places
    }


def _waiting(
    row: Row, found: Mapping[tuple[UUID, int], Mapping[UUID, Candidate]], weights: MatchWeights
) -> dict[str, Any]:
    claim = claim_from_json(row["content"])
    candidates = found.get((row["remittance_id"], row["position"]), {})
    scored = ranked(candidates.values(), claim, row["payee_identifier"], weights)
    return {
        "remittance_id": str(row["remittance_id"]),
        "position": row["position"],
        "state": row["state"],
        "claim_id": _text(row["claim_id"]),
        "payer": row["payer_identifier"],
        "trace_number": row["trace_number"],
        "status": row["status"],
        "charge": format_cents(row["charge_cents"]),
        "paid": format_cents(row["paid_cents"]),
        "difference": format_cents(row["difference_cents"]),
        "findings": json.loads(row["findings"]),
        "candidates": [
            {"claim_id": str(one.claim_id), "score": one.score, "agrees": dict(one.parts)}
            for one in scored
        ],
        "read_at": row["read_at"].isoformat(),
    }


async def deposits(connection: Connection, limit: int = PAGE) -> dict[str, list[dict[str, Any]]]:
    """Deposits that no remittance is known for, and remittances that no deposit came for."""
    return {
        "deposits_without_remittance": [
            {
                "deposit_id": str(row["id"]),
                "trace_number": row["trace_number"],
                "amount": format_cents(row["amount_cents"]),
                "deposited_on": row["deposited_on"].isoformat(),
                "payer_name": row["payer_name"],
            }
            for row in await connection.fetch(_DEPOSITS, limit)
        ],
        "remittances_without_deposit": [
            {
                "remittance_id": str(row["id"]),
                "payer": row["payer_identifier"],
                "trace_number": row["trace_number"],
                "amount": format_cents(row["cents"]),
                "method": row["method"],
                "payment_date": _text(row["payment_date"]),
            }
            for row in await connection.fetch(_UNDEPOSITED, limit)
        ],
    }


# Denials, and time


async def denials(
    connection: Connection, state: str | None = None, kind: str | None = None, limit: int = PAGE
) -> list[dict[str, Any]]:
    """Denied amounts as work, the nearest deadline first."""
    return [
        {
            "id": f"{row['remittance_id']}/{row['position']}/{row['number']}",
            "claim_id": str(row["claim_id"]),
            "payer": row["payer_identifier"],
            "reason": f"{row['adjustment_group']}-{row['reason']}",
            "remarks": row["remarks"],
            "line": row["line"],
            "amount": format_cents(row["amount_cents"]),
            "kind": row["kind"],
            "next_step": row["next_step"],
            "is_final": row["is_final"],
            "due_on": _text(row["due_on"]),
            "state": row["state"],
            "denied_on": row["denied_on"].isoformat(),
            "decided_by": row["decided_by"],
            "note": row["note"],
        }
        for row in await connection.fetch(_DENIALS, limit, state, kind)
    ]


async def denials_by_step(connection: Connection) -> list[dict[str, Any]]:
    """What is open, by next step: how many, how much money, the nearest deadline."""
    return [
        {
            "kind": row[0],
            "next_step": row[1],
            "denials": row[2],
            "amount": format_cents(row[3]),
            "due_on": _text(row[4]),
        }
        for row in await connection.fetch(_DENIALS_BY_STEP)
    ]


async def prompt_pay(
    connection: Connection, policy: Policy, on: date, limit: int = PAGE
) -> list[dict[str, Any]]:
    """Claims that a payer took into adjudication and decided on late, or has not decided on: days
    since then, and the interest owed by the rule that the payer is under."""
    late = []
    for row in await connection.fetch(_CLOCK, limit):
        rule = policy.prompt_pay_of(row["payer"])
        if rule is None:
            continue
        decided_on = row["paid_on"] or on
        days = (decided_on - row["accepted_on"]).days
        if days <= rule.days:
            continue
        owed = row["paid_cents"] if row["paid_on"] else row["receivable_cents"]
        late.append(
            {
                "claim_id": str(row["id"]),
                "payer": row["payer"],
                "accepted_on": row["accepted_on"].isoformat(),
                "decided_on": _text(row["paid_on"]),
                "days": days,
                "days_allowed": rule.days,
                "amount": format_cents(owed),
                "interest": format_cents(interest_owed(owed, rule, row["accepted_on"], decided_on)),
                "rule": rule.source,
            }
        )
    return late


async def denial_rows(connection: Connection, claim_id: UUID) -> Sequence[Row]:
    """The denials of one claim that stand, for its appeal."""
    return await connection.fetch(
        "SELECT * FROM denial WHERE claim_id = $1 AND state IN ('open', 'appealed') ORDER BY seq",
        claim_id,
    )
