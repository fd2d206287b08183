"""The bodies that remittance's endpoints take."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared.money import Cents

Reference = Annotated[str, Field(min_length=1, max_length=80)]
Note = Annotated[str | None, Field(max_length=500)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Decision(Body):
    """What is to become of a held transaction set."""

    decision: Literal["accept", "reject"]
    note: Note = None


class ClaimResolution(Body):
    """match and accept need `claim_id` where no claim is known to be meant."""

    resolution: Literal["match", "accept", "reject", "return"]
    claim_id: UUID | None = None
    note: Note = None


class DenialDecision(Body):
    state: Literal["open", "appealed", "corrected", "closed", "written_off"]
    note: Note = None


class ShareWriteOff(Body):
    """A patient's share of a claim, given up. Without an amount, all of it."""

    amount: Cents | None = None
    reason: Reference
    note: Note = None


class PatientPayment(Body):
    """`reference` is the till's own number for it. A negative amount takes one back."""

    claim_id: UUID
    reference: Reference
    amount: Cents
    method: Literal["cash", "check", "card", "transfer", "other"]
    received_on: date


class PatientRefund(Body):
    """`due` declares a credit a refund to make; `paid` says that it went out."""

    claim_id: UUID
    reference: Reference
    amount: Cents
    step: Literal["due", "paid"]
    method: Literal["cash", "check", "card", "transfer", "other"] = "check"


class PayerRefund(Body):
    payer: Reference
    reference: Reference
    amount: Cents


class FeeRow(Body):
    payer: Reference
    code: Annotated[str, Field(min_length=1, max_length=48)]
    modifier: Annotated[str, Field(max_length=2)] = ""
    effective_from: date
    effective_through: date | None = None
    amount: Cents
