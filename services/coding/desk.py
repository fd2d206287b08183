"""A person at the worklist: each action is one transaction over the claim, its entry, the record of
who did it, and what is said of it.

It is apart from the HTTP around it, which knows of requests and nothing of claims. Whoever else
changes the claim in the meantime, a batch with the hospital's newer version or another person, has
the lock first or finds that the version has changed: nothing is overwritten unseen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from services.coding import desk_saving, worklist_store
from services.coding.domain.decide import history_of
from services.coding.domain.history import days_of
from services.coding.domain.worklist import acting
from services.coding.domain.worklist.acting import (
    Circumstances,
    Matter,
    NotAllowedError,
    Outcome,
)
from services.coding.rulebook import Rulebook
from services.coding.worklist_store import Action, Entry, StoredClaim
from shared.contract.model import Finding
from shared.database import Connection, Pool
from shared.messaging import outbox
from shared.telemetry import names
from shared.telemetry.tracing import Tracing


class UnknownEntryError(LookupError):
    """There is no such entry."""


class VersionChangedError(RuntimeError):
    """The entry is not as it was read. `entry` is as it is now."""

    def __init__(self, entry: Entry) -> None:
        super().__init__("the entry was changed")
        self.entry = entry


@dataclass(frozen=True, slots=True)
class Acted:
    """What an action came to: the entry as it is now, and what remains to be done on the claim."""

    entry: Entry
    remaining: tuple[Finding, ...]
    claim_revision: int
    has_gone_out: bool


Decide: TypeAlias = Callable[[Matter, Circumstances], Outcome]


@dataclass(frozen=True, slots=True)
class Desk:
    """Where actions are done. `told` is called with the types of the events that an action has
    committed and that are to be sent."""

    pool: Pool
    rulebook: Rulebook
    told: Callable[[Sequence[str]], None]
    tracing: Tracing
    patient_hash_key: bytes = b""

    async def fix(
        self,
        event_id: UUID,
        version: int,
        actor: str,
        now: datetime,
        operations: Sequence[Mapping[str, Any]],
        *,
        is_trial: bool = False,
    ) -> Acted:
        """Corrects the claim. A trial says what would remain and changes nothing."""

        def decide(matter: Matter, at: Circumstances) -> Outcome:
            return acting.fix(matter, operations, at)

        action = Action(now, actor, "fix", 0, patch=operations)
        return await self._act(event_id, version, action, decide, is_trial=is_trial)

    async def release(
        self, event_id: UUID, version: int, actor: str, now: datetime, reason: str
    ) -> Acted:
        """Lets the claim go as it is."""
        action = Action(now, actor, "release", 0, reason)
        return await self._act(event_id, version, action, acting.release)

    async def void(
        self, event_id: UUID, version: int, actor: str, now: datetime, reason: str
    ) -> Acted:
        """Takes back what the payer has adjudicated."""
        action = Action(now, actor, "void", 0, reason)
        return await self._act(event_id, version, action, acting.void)

    async def give_back(
        self, event_id: UUID, version: int, actor: str, now: datetime, reason: str
    ) -> Acted:
        """Returns the claim to the hospital."""

        def decide(matter: Matter, at: Circumstances) -> Outcome:
            return acting.give_back(matter, reason, at)

        action = Action(now, actor, "return", 0, reason)
        return await self._act(event_id, version, action, decide)

    async def dismiss(
        self, event_id: UUID, version: int, actor: str, now: datetime, reason: str
    ) -> Acted:
        """Takes the claim off the worklist."""

        def decide(matter: Matter, _: Circumstances) -> Outcome:
            return acting.dismiss(matter)

        action = Action(now, actor, "dismiss", 0, reason)
        return await self._act(event_id, version, action, decide)

    async def assign(
        self, event_id: UUID, version: int, actor: str, now: datetime, to: str | None
    ) -> Entry:
        """Gives the entry to somebody, or to nobody."""
        async with self.pool.acquire() as connection, connection.transaction():
            entry = await _open_entry(connection, event_id, version)
            changed = replace(entry, assigned_to=to)
            action = Action(now, actor, "assign", entry.revision, to)
            await worklist_store.record(connection, event_id, action)
            return replace(changed, version=await worklist_store.save_entry(connection, changed))

    async def note(self, event_id: UUID, actor: str, now: datetime, text: str) -> Entry:
        """Writes something down. A note changes no version: two people may write at once."""
        async with self.pool.acquire() as connection, connection.transaction():
            entry = await worklist_store.entry(connection, event_id)
            if entry is None:
                raise UnknownEntryError(str(event_id))
            action = Action(now, actor, "note", entry.revision, text)
            await worklist_store.record(connection, event_id, action)
            return entry

    async def _act(
        self,
        event_id: UUID,
        version: int,
        action: Action,
        decide: Decide,
        *,
        is_trial: bool = False,
    ) -> Acted:
        async with self.pool.acquire() as connection, connection.transaction():
            ruleset = await self.rulebook.refresh(connection)
            known = await worklist_store.entry(connection, event_id)
            if known is None:
                raise UnknownEntryError(str(event_id))
            # The claim's row before the entry's, as every batch does: no deadlock.
            kept = await worklist_store.claim(connection, known.claim_id, lock=True)
            entry = await _open_entry(connection, event_id, version)
            matter = _matter(entry, kept)
            days = days_of(matter.claim, self.patient_hash_key)
            states = await desk_saving.neighbours(connection, matter.claim.id, days)
            history = history_of(states, matter.claim.id, days)
            at = Circumstances(action.actor, action.at, ruleset, history)
            outcome = decide(matter, at)
            assert kept is not None
            if is_trial:
                return replace(_acted(entry, outcome), has_gone_out=False)
            await desk_saving.save_claim(connection, kept, matter, outcome, at)
            days = days_of(outcome.claim, self.patient_hash_key)
            await desk_saving.save_days(connection, states, days, outcome.claim)
            done = replace(action, revision=outcome.claim.revision)
            await worklist_store.record(connection, event_id, done)
            await self._tell(connection, entry, outcome)
            entry = await desk_saving.save_entry(connection, entry, outcome, at)
        self.told([outcome.event.type] if outcome.event is not None else [])
        return _acted(entry, outcome)

    async def _tell(self, connection: Connection, entry: Entry, outcome: Outcome) -> None:
        """Writes the event, on the claim's own trace."""
        event = outcome.event
        if event is None:
            return
        with self.tracing.span(names.SPAN_WORKLIST, entry.traceparent) as span:
            span.set(names.CLAIM_ID, event.subject)
            span.set(names.OUTCOMES, (event.type,))
            await outbox.append(connection, [replace(event, traceparent=span.traceparent)])


async def _open_entry(connection: Connection, event_id: UUID, version: int) -> Entry:
    entry = await worklist_store.entry(connection, event_id, lock=True)
    if entry is None:
        raise UnknownEntryError(str(event_id))
    if version != entry.version:
        raise VersionChangedError(entry)
    if entry.closed_at is not None:
        raise NotAllowedError(
            "entry-closed",
            f"The entry is closed: {entry.resolution}.",
            "Look for another entry of the same claim.",
        )
    return entry


def _matter(entry: Entry, kept: StoredClaim | None) -> Matter:
    claim = desk_saving.standing_claim(kept)
    if claim is None or kept is None:
        raise NotAllowedError(
            "claim-unseen",
            "The claim itself has not come here yet; only the payer's answer has.",
            "Wait for it, or look why claims.intake does not bring it.",
        )
    return Matter(
        entry_id=entry.event_id,
        reason=entry.reason,
        claim=claim,
        findings=entry.findings,
        payer_claim_control_number=kept.payer_claim_control_number,
    )


def _acted(entry: Entry, outcome: Outcome) -> Acted:
    has_gone_out = outcome.resolution in ("fixed", "released", "voided")
    return Acted(entry, outcome.findings, outcome.claim.revision, has_gone_out)
