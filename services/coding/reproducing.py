"""Past verdicts, judged again by what judged then.

It is apart because it needs what the service itself never does: rulesets that are no longer in
force. Everything else comes from the verdict's own row, and its claim from where that is kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.coding.domain.proof import history_from, proof
from services.coding.domain.verdict import CHECKS, Ruleset, verdict
from services.coding.reference.library import Library, UnknownEditionError
from services.coding.rulebook import kept
from shared.contract.claim import Claim
from shared.database import Connection
from shared.messaging.verbatim import claim_json

_VERDICTS = """
SELECT v.event_id, v.revision, v.judged_on, v.ruleset, v.history, v.proof, v.at,
       e.value AS said, coalesce(r.claim, c.edited) AS claim, c.received
FROM verdict v
LEFT JOIN event e USING (event_id)
LEFT JOIN claim_revision r ON r.claim_id = v.claim_id AND r.revision = v.revision
LEFT JOIN claim c ON c.claim_id = v.claim_id AND c.revision = v.revision
WHERE v.claim_id = $1 ORDER BY v.at, v.revision
"""


class UnknownRulesetError(LookupError):
    """A ruleset that cannot be had again here; the text says which part, and what would help."""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """One past verdict. `problem` is None where judging again came to the same, bit for bit."""

    event_id: UUID
    revision: int
    judged_on: date
    ruleset: str
    at: datetime
    proof: str
    problem: str | None


async def ruleset_of(connection: Connection, library: Library, version: str) -> Ruleset:
    """The ruleset that verdicts name so. Raises UnknownRulesetError."""
    checks, *rest = version.split("/")
    if checks != CHECKS:
        raise UnknownRulesetError(
            f"the checks in code were {checks} then and are {CHECKS} now: use that release"
        )
    payer = next((part for part in rest if part.startswith("payer-")), None)
    rules = await kept(connection, payer) if payer else None
    if payer and rules is None:
        raise UnknownRulesetError(f"the payer rules {payer} were never in force here")
    editions = await connection.fetchval("SELECT editions FROM ruleset WHERE version = $1", version)
    if editions is None:
        raise UnknownRulesetError("no claim was ever judged by this ruleset here")
    try:
        reference = library.of(editions)
    except UnknownEditionError as error:
        raise UnknownRulesetError(str(error)) from None
    return Ruleset(reference) if rules is None else Ruleset(reference, rules)


async def reproduced(connection: Connection, library: Library, claim_id: UUID) -> list[Reproduced]:
    """Every verdict on a claim, judged again, the oldest first."""
    return [
        Reproduced(
            event_id=row["event_id"],
            revision=row["revision"],
            judged_on=row["judged_on"],
            ruleset=row["ruleset"],
            at=row["at"],
            proof=row["proof"].hex(),
            problem=await _problem(connection, library, dict(row.items())),
        )
        for row in await connection.fetch(_VERDICTS, claim_id)
    ]


async def _problem(connection: Connection, library: Library, row: Mapping[str, Any]) -> str | None:
    content = _content(row)
    if content is None:
        return "the claim of this verdict is no longer kept here"
    try:
        ruleset = await ruleset_of(connection, library, row["ruleset"])
    except UnknownRulesetError as error:
        return str(error)
    claim = Claim.model_validate_json(content)
    history = history_from(json.loads(row["history"])) if row["history"] else ()
    day = row["judged_on"]
    findings = verdict(claim, history, ruleset.reference, ruleset.rules, day)
    again = proof(content, ruleset.version, day, history, findings)
    return None if again == row["proof"] else "judging again comes to another verdict"


def _content(row: Mapping[str, Any]) -> bytes | None:
    """The very bytes that were judged, in whatever order their writer put the fields: from the
    event that said it while that is kept, else as a person found or made it, else as it stands."""
    if row["said"]:
        return claim_json(row["said"], "ruleset")
    if row["claim"] is not None:
        return bytes(row["claim"])
    return claim_json(row["received"], "origin") if row["received"] else None
