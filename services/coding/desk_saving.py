"""What the desk writes when a person has acted: the claim with its versions and its verdict's
proof, the patient's days, the entry. All of it in the one transaction that the desk opens."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

from services.coding import store, worklist_store
from services.coding.domain.decide import ClaimState, day_key, days_with
from services.coding.domain.history import ClaimDay, PatientDay
from services.coding.domain.proof import StoredVerdict, proof
from services.coding.domain.worklist.acting import Circumstances, Matter, Outcome
from services.coding.domain.worklist.opening import standing
from services.coding.worklist_store import Entry, StoredClaim
from shared.contract.claim import Claim
from shared.contract.model import Finding, to_wire
from shared.database import Connection
from shared.messaging.verbatim import claim_json

States = dict[str, ClaimState | PatientDay]


async def neighbours(
    connection: Connection, claim_id: UUID, days: Mapping[bytes, ClaimDay]
) -> States:
    """The patient's days, locked, and the other claims that have something on them."""
    known = await store.load_days(connection, set(days))
    others = {str(other) for day in known.values() for other in day.claims} - {str(claim_id)}
    return {**await store.look_at(connection, others), **known}


async def save_days(
    connection: Connection, states: States, days: Mapping[bytes, ClaimDay], claim: Claim
) -> None:
    """Tells the patient's days what this version has on them. Days that a person moved the claim
    away from keep an older revision, which no longer counts."""
    missing = {name for name in days if day_key(name) not in states}
    states |= await store.load_days(connection, missing)
    changed = days_with(states, claim.id, days, claim.revision)
    await store.save_days(connection, list(changed.values()))


def standing_claim(kept: StoredClaim | None) -> Claim | None:
    """The version of a claim that stands: as a person corrected it, else as the hospital sent it,
    under the revision that went out; None where the hospital's has not come here."""
    claim = None if kept is None else standing(kept.received, kept.edited)
    if claim is None or kept is None:
        return None
    return claim.model_copy(update={"revision": kept.revision})


def _standing_bytes(kept: StoredClaim, claim: Claim) -> bytes:
    """The JSON of the version that stands, in the bytes that were judged where they are kept: the
    proof of a verdict is over them."""
    if kept.edited is not None:
        return kept.edited
    is_as_it_came = kept.received_revision in (None, kept.revision)
    came = claim_json(kept.received, "origin") if kept.received and is_as_it_came else None
    return to_wire(claim) if came is None else came


async def save_claim(
    connection: Connection, kept: StoredClaim, matter: Matter, outcome: Outcome, at: Circumstances
) -> None:
    """Writes what became of the claim, both versions where there is a new one, and the proof."""
    claim = outcome.claim
    is_new = claim.revision != matter.claim.revision
    content = to_wire(claim)
    if is_new:
        number, before = matter.claim.revision, _standing_bytes(kept, matter.claim)
        await worklist_store.keep_revision(connection, claim.id, number, "hospital", at.now, before)
        await worklist_store.keep_revision(
            connection, claim.id, claim.revision, at.actor, at.now, content
        )
    changed = replace(
        kept,
        revision=claim.revision,
        status=outcome.status or kept.status,
        edited=content if is_new else kept.edited,
        received_revision=kept.received_revision or kept.revision,
    )
    ruleset = at.ruleset.version if outcome.judged else None
    await worklist_store.save_claim(connection, changed, ruleset, at.now)
    if outcome.judged and outcome.event is not None:
        day = at.now.date()
        verdict = StoredVerdict(
            event_id=outcome.event.id,
            claim_id=claim.id,
            revision=claim.revision,
            judged_on=day,
            ruleset=at.ruleset.version,
            history=at.history,
            proof=proof(content, at.ruleset.version, day, at.history, outcome.findings),
            at=at.now,
        )
        await store.record_ruleset(connection, at.ruleset)
        await store.keep_verdicts(connection, [verdict])


async def save_entry(
    connection: Connection, entry: Entry, outcome: Outcome, at: Circumstances
) -> Entry:
    """Writes what became of the entry, and of others of its claim once it is closed."""
    is_closed = outcome.resolution is not None
    changed = replace(
        entry,
        revision=outcome.claim.revision,
        resolution=outcome.resolution,
        closed_at=at.now if is_closed else None,
        findings=entry.findings if is_closed else _still(entry, outcome),
    )
    version = await worklist_store.save_entry(connection, changed, changed.findings)
    if is_closed:
        await worklist_store.close_others(connection, entry.claim_id, entry.event_id, at.now)
    return replace(changed, version=version)


def _still(entry: Entry, outcome: Outcome) -> tuple[Finding, ...]:
    """What an entry that stays open says: what remains, and the payer's reasons, if it has any."""
    if entry.reason == "held":
        return outcome.findings
    payers = (one for one in entry.findings if one not in outcome.findings)
    return (*outcome.findings, *payers)
