"""The ledger's invariants as queries, and the money by category.

It is apart because the audit must not trust the code that posted: it asks the rows. Each check
returns the ids that break it, at most `LIMIT` of them; an empty list is a pass. The connection's
search path is remittance's schema.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.database import Connection
from shared.money import format_cents

LIMIT = 100

_QUERIES: dict[str, str] = {
    "the legs of every entry sum to zero": """
        SELECT entry.id::text FROM entry LEFT JOIN leg ON leg.entry_id = entry.id
        GROUP BY entry.id, entry.leg_count
        HAVING coalesce(sum(leg.amount_cents), 1) <> 0 OR count(leg.entry_id) <> entry.leg_count
    """,
    "every leg belongs to an entry and an account": """
        SELECT leg.entry_id::text FROM leg
        LEFT JOIN entry ON entry.id = leg.entry_id
        LEFT JOIN account ON account.id = leg.account_id
        WHERE entry.id IS NULL OR account.id IS NULL
    """,
    "all legs together sum to zero": """
        SELECT 'ledger' FROM leg HAVING sum(amount_cents) <> 0
    """,
    "no claim of a remittance is posted twice": """
        SELECT claim_id::text || ' ' || remittance_id::text FROM entry
        WHERE remittance_id IS NOT NULL AND claim_id IS NOT NULL
        GROUP BY claim_id, remittance_id, adjustment_group, adjustment_reason, kind,
                 split_part(business_key, '/', 2), business_key LIKE '%/reversal'
        HAVING count(*) > 1
    """,
    "a claim has one charge that stands": """
        SELECT charge.claim_id::text FROM entry AS charge
        WHERE charge.kind = 'charge' AND charge.reverses IS NULL AND NOT EXISTS (
            SELECT FROM entry AS reversal WHERE reversal.claim_id = charge.claim_id
            AND reversal.reverses = charge.id)
        GROUP BY charge.claim_id HAVING count(*) > 1
    """,
    "a claim's receivable is its charge less all that was posted": """
        SELECT claim.id::text FROM claim
        LEFT JOIN (
            SELECT entry.claim_id,
                   sum(amount_cents) FILTER (WHERE account.kind = 'payer_receivable') AS open,
                   sum(amount_cents) FILTER (WHERE entry.kind = 'charge'
                       AND account.kind = 'payer_receivable') AS charged,
                   sum(amount_cents) FILTER (WHERE account.kind = 'unapplied_cash') AS paid,
                   sum(amount_cents) FILTER (WHERE account.kind = 'contractual_allowance')
                       AS contractual,
                   sum(amount_cents) FILTER (WHERE account.kind = 'patient_receivable') AS patient,
                   sum(amount_cents) FILTER (WHERE account.kind = 'other_adjustment') AS other,
                   sum(amount_cents) FILTER (WHERE account.kind = 'denied_pending') AS denied,
                   sum(amount_cents) FILTER (WHERE account.kind = 'write_off') AS written_off
            FROM entry JOIN leg ON leg.entry_id = entry.id JOIN account ON account.id = account_id
            WHERE entry.claim_id IS NOT NULL GROUP BY entry.claim_id
        ) AS ledger ON ledger.claim_id = claim.id
        WHERE (claim.receivable_cents, claim.charge_cents, claim.paid_cents,
               claim.contractual_cents, claim.patient_cents, claim.other_cents,
               claim.denied_cents, claim.written_off_cents)
            IS DISTINCT FROM
              (coalesce(open, 0), coalesce(charged, 0), coalesce(paid, 0),
               coalesce(contractual, 0), coalesce(patient, 0), coalesce(other, 0),
               coalesce(denied, 0), coalesce(written_off, 0))
    """,
    "entries of claims name claims that are registered": """
        SELECT DISTINCT entry.claim_id::text FROM entry LEFT JOIN claim ON claim.id = claim_id
        WHERE entry.claim_id IS NOT NULL AND claim.id IS NULL
    """,
    "patients are debited by group PR only": """
        SELECT entry.id::text FROM entry JOIN leg ON leg.entry_id = entry.id
        JOIN account ON account.id = account_id
        WHERE account.kind = 'patient_receivable' AND amount_cents > 0
            AND adjustment_group IS DISTINCT FROM 'PR'
    """,
    "cash is the sum of the accepted remittances": """
        SELECT remittance.id::text FROM remittance
        LEFT JOIN entry ON entry.business_key = remittance.id::text || '/cash'
        LEFT JOIN (
            SELECT entry_id, sum(amount_cents) AS cash FROM leg
            JOIN account ON account.id = account_id AND account.kind = 'cash_clearing'
            GROUP BY entry_id
        ) AS legs ON legs.entry_id = entry.id
        WHERE coalesce(cash, 0) <> CASE WHEN status <> 'accepted' THEN 0
            WHEN is_debit THEN -amount_cents ELSE amount_cents END
    """,
    "unapplied cash is what accepted remittances paid for claims that wait, and are off by": """
        SELECT coalesce(ledger.payer, waiting.payer) || ' ' ||
               coalesce(ledger.trace, waiting.trace, '')
        FROM (
            SELECT payer_identifier AS payer, coalesce(trace_number, '') AS trace,
                   -sum(amount_cents) AS cents
            FROM leg JOIN account ON account.id = account_id WHERE kind = 'unapplied_cash'
            GROUP BY 1, 2
        ) AS ledger
        FULL JOIN (
            SELECT payer, trace, sum(cents) AS cents FROM (
                SELECT payer_identifier AS payer, coalesce(trace_number, '') AS trace,
                       paid_cents AS cents
                FROM remittance_claim JOIN remittance ON remittance.id = remittance_id
                WHERE remittance.status = 'accepted' AND state NOT IN ('posted', 'returned')
                UNION ALL
                SELECT payer_identifier, coalesce(trace_number, ''), difference_cents
                FROM remittance WHERE status = 'accepted'
            ) AS parts GROUP BY 1, 2
        ) AS waiting USING (payer, trace)
        WHERE coalesce(ledger.cents, 0) <> coalesce(waiting.cents, 0)
    """,
    "what is marked posted is posted, and nothing else is": """
        SELECT remittance_id::text || ' ' || position FROM remittance_claim
        LEFT JOIN LATERAL (
            SELECT true AS found FROM entry WHERE entry.claim_id = remittance_claim.claim_id
                AND entry.remittance_id = remittance_claim.remittance_id
                AND split_part(business_key, '/', 2) = remittance_claim.position::text
            LIMIT 1
        ) AS posted ON true
        WHERE coalesce(found, false) <> (state = 'posted')
            AND NOT (state = 'posted' AND paid_cents = 0
                     AND (charge_cents = 0 OR status IN ('2', '3', '4', '20', '21')))
    """,
    "a deposit that is reconciled has taken its amount off a clearing account": """
        SELECT deposit.id::text FROM deposit
        LEFT JOIN entry ON entry.business_key = deposit.id::text || '/reconciliation'
        LEFT JOIN (
            SELECT entry_id, -sum(amount_cents) AS cleared FROM leg
            JOIN account ON account.id = account_id AND account.kind = 'cash_clearing'
            GROUP BY entry_id
        ) AS legs ON legs.entry_id = entry.id
        WHERE coalesce(cleared, 0) <> CASE state WHEN 'reconciled' THEN amount_cents ELSE 0 END
    """,
    "every denied cent that stands is work, or was given up by a person": """
        SELECT claim.id::text FROM claim
        WHERE denied_cents > 0 AND NOT EXISTS (
            SELECT FROM denial WHERE denial.claim_id = claim.id
                AND state NOT IN ('reversed', 'written_off'))
    """,
}

Check = Callable[[Connection], Awaitable[list[str]]]


def _check(query: str) -> Check:
    async def offenders(connection: Connection) -> list[str]:
        return [str(row[0]) for row in await connection.fetch(f"{query} LIMIT {LIMIT}")]

    return offenders


CHECKS: dict[str, Check] = {name: _check(query) for name, query in _QUERIES.items()}
"""Each invariant's name and what finds the ids that break it."""

_SUMMARY = """
SELECT account.kind, sum(amount_cents)::bigint AS cents
FROM leg JOIN account ON account.id = account_id JOIN entry ON entry.id = entry_id
WHERE entry.claim_id IS NOT NULL
GROUP BY account.kind
"""
_STATES = "SELECT status, count(*) FROM claim GROUP BY status"
_READ = "SELECT state, count(*) FROM remittance_claim GROUP BY state"


@dataclass(frozen=True, slots=True)
class Money:
    """The claims' money in cents, from the ledger's legs alone. `open` is with the payers,
    undecided or denied and not written off."""

    charged: int
    paid: int
    adjusted: int
    patient: int
    open: int

    @property
    def is_reconciled(self) -> bool:
        """Whether charged is paid, adjusted, the patients' share and what is still open."""
        return self.charged == self.paid + self.adjusted + self.patient + self.open

    def to_wire(self) -> dict[str, str]:
        """Decimal strings by category."""
        return {
            "charged": format_cents(self.charged),
            "paid": format_cents(self.paid),
            "adjusted": format_cents(self.adjusted),
            "patient": format_cents(self.patient),
            "open": format_cents(self.open),
        }


async def summary(connection: Connection) -> Money:
    """Money by category, over all claims."""
    cents = {row[0]: row[1] for row in await connection.fetch(_SUMMARY)}
    return Money(
        charged=-cents.get("revenue", 0),
        paid=cents.get("unapplied_cash", 0),
        adjusted=sum(
            cents.get(kind, 0)
            for kind in ("contractual_allowance", "other_adjustment", "write_off")
        ),
        patient=cents.get("patient_receivable", 0),
        open=cents.get("payer_receivable", 0) + cents.get("denied_pending", 0),
    )


async def claims_by_status(connection: Connection) -> dict[str, int]:
    """How many claims stand at each status."""
    return {row[0]: row[1] for row in await connection.fetch(_STATES)}


async def remitted_by_state(connection: Connection) -> dict[str, int]:
    """How many claims of remittances were posted, wait, or are quarantined."""
    return {row[0]: row[1] for row in await connection.fetch(_READ)}
