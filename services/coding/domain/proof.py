"""The proof of an edit: one hash over all that a verdict rests on and all that it says.

Whoever has the claim, the ruleset and the history of its patient's days can judge again and must
come to the same hash; the version of the checks in code, the reference editions and the payer rules
are named by the ruleset's version, and the payer rules are kept by their content.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from services.coding.domain.history import EarlierLine, History
from services.coding.domain.worklist.standing import CONFLICT
from shared.contract.envelope import Event
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimReceived
from shared.contract.model import Finding


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A verdict as it is kept: what it was given, by name or hash, and its proof."""

    event_id: UUID
    """The event that says it."""
    claim_id: UUID
    revision: int
    judged_on: date
    """The day that the checks took for today."""
    ruleset: str
    history: History
    proof: bytes
    at: datetime


def proof(
    claim_json: bytes,
    ruleset: str,
    judged_on: date,
    history: History,
    findings: Sequence[Finding],
) -> bytes:
    """SHA-256 over a verdict. `claim_json` is the claim as it travels."""
    digest = hashlib.sha256(claim_json)
    told = [finding.model_dump(mode="json", exclude_defaults=True) for finding in findings]
    rest = (ruleset, judged_on, history_json(history), told)
    digest.update(b"\n" + to_json(rest))
    return digest.digest()


def stored_verdict(
    event: Event, claim_json: bytes, cause: Event, history: History, now: datetime
) -> StoredVerdict:
    """What to keep of a verdict on what was received. The correction that a hospital's version
    lacks is no finding of the checks, and is no part of what is proved."""
    said, received = event.data, cause.data
    assert isinstance(said, ClaimCoded | ClaimHeld)
    assert isinstance(received, ClaimReceived)
    judged_on = received.received_at.date()
    findings = [finding for finding in said.findings if finding != CONFLICT]
    return StoredVerdict(
        event_id=event.id,
        claim_id=said.claim.id,
        revision=said.claim.revision,
        judged_on=judged_on,
        ruleset=said.ruleset,
        history=history,
        proof=proof(claim_json, said.ruleset, judged_on, history, findings),
        at=now,
    )


def history_json(history: History) -> list[dict[str, object]]:
    """The history in a fixed order: which line was loaded first must not matter."""
    lines = [asdict(line) for line in history]
    return sorted(lines, key=to_json)


def history_from(lines: Iterable[Mapping[str, Any]]) -> History:
    """The history that `history_json` was given, in its fixed order."""
    return tuple(
        EarlierLine(
            **{
                **line,
                "claim_id": UUID(line["claim_id"]),
                "day": date.fromisoformat(line["day"]),
                "modifiers": tuple(line["modifiers"]),
                "units": Decimal(line["units"]),
            }
        )
        for line in lines
    )
