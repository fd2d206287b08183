"""The base of every contract model, and the value types that more than one of them uses."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
)

from shared.money import Cents


def _plain_decimal(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


Quantity = Annotated[
    Decimal,
    Field(max_digits=15, decimal_places=6, allow_inf_nan=False),
    PlainSerializer(_plain_decimal, return_type=str, when_used="json"),
]
"""A count or measure: a decimal string on the wire, never a float."""


def _slot(name: str) -> Callable[[Any, Any], None]:
    """What sets one of the slots that a pydantic model has, frozen or not."""
    setter: Callable[[Any, Any], None] = vars(BaseModel)[name].__set__
    return setter


set_extra = _slot("__pydantic_extra__")
set_private = _slot("__pydantic_private__")
set_names = _slot("__pydantic_fields_set__")


class Model(BaseModel):
    """Frozen, and silent about input values in its errors: they may identify a patient.

    What is absent is left out of the JSON (None and empty tuples), so that optional additions cost
    nothing and a claim travels small. Fields keep their places from release to release: what a
    claim is fingerprinted by is its JSON.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
        # Values hardly ever come twice: looking each up took an eighth of reading a claim.
        cache_strings="keys",
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, in half its time: no model of ours has extra or private values."""
        if deep:
            return super().model_copy(update=update, deep=True)
        values, names = self.__dict__.copy(), self.__pydantic_fields_set__
        if update:
            values.update(update)
            if not names >= update.keys():
                names = names | update.keys()
        made = object.__new__(type(self))
        object.__setattr__(made, "__dict__", values)
        set_names(made, names)
        set_extra(made, None)
        set_private(made, None)
        return made


def to_wire(model: BaseModel) -> bytes:
    """The JSON bytes of a model, defaults left out. The one way an event's data is written."""
    return model.__pydantic_serializer__.to_json(model, exclude_defaults=True)


class Adjustment(Model):
    """One CAS triplet (837 2320/2430 and 835): why a payer paid less, or more, than was charged."""

    group: Literal["CO", "PR", "OA", "PI", "CR"]
    reason: str
    amount: Cents
    quantity: Quantity | None = None


class Finding(Model):
    """One thing that is wrong, in words a person can act on. It never holds the patient's data."""

    code: str
    """Stable and machine-readable: `npi-check-digit`."""
    severity: Literal["block", "warn", "inform"] = "block"
    path: str | None = None
    """Where, in the terms of whoever sent it: `2400[2]/SV102`, `service_lines[1].charge`."""
    message: str
    hint: str | None = None
    source: str | None = None
    """The rule's public source: a standard and segment, a CMS edit, a payer's reason code."""
    rule_version: str | None = None
    """Of the rule that `code` names."""
    edition: str | None = None
    """The edition of the reference table that the finding rests on: `icd10cm 2026-04-01`."""
    codes: tuple[str, ...] = ()
    """The codes that the finding is about, as the claim has them."""
    position: int | None = None
    """X12: the segment's ordinal in its transaction set, ST = 1 (what a 999 says in IK302)."""


JsonObject = Mapping[str, Any]
Day = date
