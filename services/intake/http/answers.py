"""What the HTTP door says: the models of its answers. None holds anything of a patient."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from shared.contract.events import Format
from shared.contract.model import Finding


class RecordAnswer(BaseModel):
    """What became of one record."""

    position: int = Field(description="Which record of the body, counted from 0.")
    outcome: Literal["accepted", "duplicated", "rejected", "collected"]
    claim_id: UUID | None = Field(None, description="The claim's id for life.")
    revision: int | None = None
    findings: list[Finding] = Field([], description="What is wrong, or was tolerated, and where.")


class X12Answer(BaseModel):
    """An interchange that answers one of the submission's."""

    transaction: str = Field(description="999 or TA1.")
    content: str


class SubmissionAnswer(BaseModel):
    """A submission as it stands."""

    submission_id: UUID
    status: Annotated[
        Literal["complete", "reading"],
        Field(description="reading: ask again, by GET /submissions/{id}."),
    ]
    source: str
    format: Format | None = None
    accepted: int = 0
    duplicated: int = 0
    rejected: int = 0
    acknowledgements: list[X12Answer] = Field(
        [], description="X12: a 999 for each interchange, and a TA1 where ISA14 asked for it."
    )
    records: list[RecordAnswer] = Field([], description="One page of records, in order.")
    next: str | None = Field(None, description="Cursor of the next page; not there: no more yet.")


class ClaimAnswer(BaseModel):
    """A claim as intake knows it; what became of it later, the next services know."""

    claim_id: UUID
    revision: int
    status: Literal["received", "voided"]
    frequency: str
    source: str
    message_id: UUID = Field(description="The submission of its newest revision.")
    position: int
    received_at: datetime
    updated_at: datetime
