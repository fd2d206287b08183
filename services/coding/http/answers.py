"""What the worklist's API answers and is asked. An entry in a list names nobody; the claim itself,
with its patient, is only in the answer to whoever asks for one entry."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.contract.model import Finding
from shared.money import Cents

Reason = Literal["held", "refused", "denied"]
Verb = Literal["fix", "release", "void", "return", "dismiss"]


class EntryAnswer(BaseModel):
    """One entry of the worklist."""

    model_config = ConfigDict(from_attributes=True)

    event_id: UUID
    """The entry's id."""
    claim_id: UUID
    revision: int
    reason: Reason
    """`held` here; `refused` by the payer, never adjudicated; `denied` by it."""
    findings: tuple[Finding, ...]
    opened_at: datetime
    payer_identifier: str | None
    at_stake_cents: Cents = Field(serialization_alias="at_stake")
    due_on: date | None
    """The last day on which something can be done: to file, or to answer a denial."""
    assigned_to: str | None
    version: int
    """The entry's ETag."""
    closed_at: datetime | None = None
    resolution: str | None = None


class ActionAnswer(BaseModel):
    """What a person did, or what the hospital or the payer did that closed the entry."""

    model_config = ConfigDict(from_attributes=True)

    at: datetime
    actor: str
    action: str
    revision: int
    text: str | None = None
    patch: list[dict[str, Any]] | None = None


class RevisionAnswer(BaseModel):
    """A kept version of a claim: what a person found, and what they made of it."""

    revision: int
    author: str
    at: datetime


class EntryDetail(BaseModel):
    """An entry with its claim, and all that was ever done to the claim on the worklist."""

    entry: EntryAnswer
    claim: dict[str, Any] | None
    """The version that stands, as a patch sees it; null until it has come here."""
    allowed: list[Verb]
    actions: list[ActionAnswer]
    revisions: list[RevisionAnswer]


class ActedAnswer(BaseModel):
    """What an action came to. `remaining` is what the checks say of the claim as it is now."""

    entry: EntryAnswer
    remaining: tuple[Finding, ...]
    claim_revision: int
    has_gone_out: bool
    is_trial: bool = False


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Because(_Ask):
    """Why: it is kept with who and when."""

    reason: str = Field(min_length=3, max_length=1000)


class Assignment(_Ask):
    to: str | None = Field(max_length=80)
    """A name; null gives the entry back to everybody."""


class Remark(_Ask):
    text: str = Field(min_length=1, max_length=4000)
