"""What a rule's condition sees of a claim: the canonical claim's own fields, as CEL values.

It is apart because this is where the cost of a rule is decided. Turning a claim into CEL values
costs more than most conditions do, so it is done once for all rules of a claim, and only with the
fields that those rules mention. What is absent is empty and never null (text and dates "", numbers
0, flags false, lists []): a condition cannot fail on what a claim does not have. Amounts are
integer cents, dates ISO text (they compare as text), quantities numbers.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from shared.contract.claim import Claim
from shared.contract.model import Model

Value = Any
Read = Callable[[Any], Value]

_HIDDEN = frozenset({"id", "revision", "source"})
"""Of the claim itself, what is ours and says nothing of it."""
MAX_DEPTH = 6
HEADER_CODES = frozenset(
    (
        "kind",
        "facility_code",
        "frequency",
        "provider_signature",
        "accepts_assignment",
        "benefits_assigned",
        "release_of_information",
        "signature_source",
        "special_program",
        "delay_reason",
        "payer_sequence",
        "filing_indicator",
        "patient_relationship",
        "admission_type",
        "admission_source",
        "patient_status",
    )
)
"""Fields of the claim itself that have few values: claims repeat what they say together."""


@dataclass(frozen=True, slots=True)
class _Field:
    """How one field is read, what stands for it where it is absent, and what for a list with one
    element of which nothing is known."""

    name: str
    empty: Value
    filled: Value
    read: Read


@lru_cache(maxsize=65_536)
def _iso(day: date) -> str:
    return day.isoformat()


def _number(quantity: Decimal) -> int | float:
    return int(quantity) if quantity == quantity.to_integral_value() else float(quantity)


def _same(value: Value) -> Value:
    return value


_LEAVES: Mapping[object, tuple[Value, Read]] = {
    str: ("", _same),
    bool: (False, _same),
    int: (0, _same),
    date: ("", _iso),
    Decimal: (0, _number),
}


@cache
def field_names() -> frozenset[str]:
    """Every name that may follow a point in a condition."""
    found: set[str] = set()
    _collect(Claim, found, set())
    return frozenset(found - _HIDDEN)


def _collect(model: type[Model], found: set[str], seen: set[type[Model]]) -> None:
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        found.add(name)
        _, inner = _shape(field.annotation)
        if isinstance(inner, type) and issubclass(inner, Model):
            _collect(inner, found, seen)


def _shape(annotation: Any) -> tuple[bool, Any]:
    """Whether a field holds many, and of what. Optional, Annotated and Literal are looked through:
    a literal is text."""
    while True:
        origin = get_origin(annotation)
        if origin in (Union, UnionType):
            (annotation,) = (one for one in get_args(annotation) if one is not NoneType)
        elif hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        elif origin is Literal:
            return False, str
        elif origin is tuple:
            return True, _shape(get_args(annotation)[0])[1]
        else:
            return False, annotation


class Projection:
    """Reads the mentioned fields of claims, or of lines or diagnoses. Made once for a set of
    rules."""

    def __init__(self, mentioned: Collection[str], model: type[Model] = Claim) -> None:
        self._mentioned = frozenset(mentioned) - _HIDDEN
        self._fields = self._of(model, MAX_DEPTH)
        self._names = tuple(field.name for field in self._fields)

    def read(self, model: Model) -> dict[str, Value]:
        """The claim as a condition's `claim`, a line as its `line`."""
        return _read(self._fields, model)

    def key(self, model: Model) -> tuple[object, ...]:
        """All that `read` looks at, as it is in the model: hashable, and the same for the same."""
        values = model.__dict__
        return tuple([values[name] for name in self._names])

    def empty(self) -> dict[str, Value]:
        """A claim of which nothing is known, each list with one empty element in it: what a
        condition is tried on before it may judge anything."""
        return {field.name: field.filled for field in self._fields}

    def _of(self, model: type[Model], depth: int) -> tuple[_Field, ...]:
        if depth == 0:
            return ()
        fields = []
        for name, field in model.model_fields.items():
            if name in self._mentioned:
                is_many, inner = _shape(field.annotation)
                fields.append(self._field(name, is_many=is_many, inner=inner, depth=depth))
        return tuple(fields)

    def _field(self, name: str, *, is_many: bool, inner: Any, depth: int) -> _Field:
        if isinstance(inner, type) and issubclass(inner, Model):
            below = self._of(inner, depth - 1)
            empty = {field.name: field.empty for field in below}
            filled = {field.name: field.filled for field in below}
            if is_many:
                return _Field(name, [], [filled], lambda many: [_read(below, one) for one in many])
            return _Field(name, empty, filled, lambda one: _read(below, one))
        leaf, read = _LEAVES[inner]
        return _Field(name, [], [leaf], list) if is_many else _Field(name, leaf, leaf, read)


def _read(fields: tuple[_Field, ...], model: Model) -> dict[str, Value]:
    values = model.__dict__
    found = {}
    for field in fields:
        value = values[field.name]
        found[field.name] = field.empty if value is None else field.read(value)
    return found


def first_service_day(claim: Claim) -> date | None:
    """The first day on which something of the claim was done."""
    days = [line.service_from for line in claim.service_lines if line.service_from is not None]
    if claim.statement_from is not None:
        days.append(claim.statement_from)
    return min(days, default=None)


def last_service_day(claim: Claim) -> date | None:
    """The last day on which something of the claim was done: what filing limits count from."""
    days = [
        day
        for line in claim.service_lines
        if (day := line.service_through or line.service_from) is not None
    ]
    if claim.statement_through is not None:
        days.append(claim.statement_through)
    return max(days, default=None)


def patient_age(claim: Claim, on: date | None) -> int:
    """The patient's age in completed years on a day; -1 where it is not known."""
    born = (claim.patient or claim.subscriber).birth_date
    if born is None or on is None or born > on:
        return -1
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def derived(claim: Claim, received_on: date, name: str) -> Value:
    """The value of a variable beside `claim`; `DERIVED` lists them."""
    first, last = first_service_day(claim), last_service_day(claim)
    match name:
        case "patient_age":
            return patient_age(claim, first or received_on)
        case "patient_gender":
            return (claim.patient or claim.subscriber).gender or ""
        case "service_from":
            return "" if first is None else _iso(first)
        case "days_since_service":
            return (received_on - (last or received_on)).days
        case "received_on":
            return _iso(received_on)
    raise LookupError(name)


DERIVED: Mapping[str, Value] = {
    "patient_age": -1,
    "patient_gender": "",
    "service_from": "",
    "days_since_service": 0,
    "received_on": "2026-01-01",
}
"""Variables beside `claim`, with what each is where nothing is known: the patient's age in years on
the first day of service, F, M or U, the first day of service, the days from the last day of service
to the day we received the claim, and that day."""
