"""Says what is wrong with a claim in JSON in words its sender can act on.

pydantic finds; this table speaks. It is apart because the validator's own texts may repeat pieces
of the input, which can be a patient's, and because its error types are not our contract.
"""

import difflib
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from services.intake.domain.arrival import capped
from shared.contract.claim import Claim
from shared.contract.model import Finding

_SOURCE = "canonical claim"
_MAX_ERRORS = 1_000

# error type: code, message ({limit} and {expected} come from our model, never from the input), hint
_BY_TYPE: Mapping[str, tuple[str, str, str | None]] = {
    "missing": ("missing-field", "a required field is missing", None),
    "extra_forbidden": ("unknown-field", "a claim has no field of this name here", None),
    "value_error": (
        "amount-format",
        "an amount is a string with exactly two decimal places",
        'Write "12.50", not 12.5 and not 1250.',
    ),
    "literal_error": ("unknown-value", "the value is none of those allowed", "Use {expected}."),
    "string_type": ("wrong-type", "text was expected", "Write it in quotes."),
    "int_type": ("wrong-type", "a whole number was expected", "Write it without quotes."),
    "int_from_float": ("wrong-type", "a whole number was expected", None),
    "bool_type": ("wrong-type", "true or false was expected", None),
    "tuple_type": ("wrong-type", "an array was expected", None),
    "model_type": ("wrong-type", "an object was expected", None),
    "date_type": ("date-invalid", "a date was expected", 'Write "2025-01-31".'),
    "date_parsing": ("date-invalid", "not a date that exists", 'Write "2025-01-31".'),
    "date_from_datetime_parsing": (
        "date-invalid",
        "not a date that exists",
        'Write "2025-01-31".',
    ),
    "string_too_long": ("too-long", "the text is longer than {limit} characters", None),
    "too_long": ("too-many", "there are more than {limit}", "Split the claim."),
    "decimal_type": ("quantity-format", "a decimal number was expected", 'Write "1.5".'),
    "decimal_parsing": ("quantity-format", "not a decimal number", 'Write "1.5".'),
    "decimal_max_digits": ("quantity-format", "the number has too many digits", None),
    "decimal_max_places": ("quantity-format", "the number has more than 6 decimal places", None),
    "decimal_whole_digits": ("quantity-format", "the number has too many digits", None),
    "finite_number": ("quantity-format", "a finite number was expected", None),
}
_OTHERWISE = ("invalid-value", "the value does not fit this field", None)

_POSITION = re.compile(r"line (\d+) column (\d+)")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}")


def findings_of(error: ValidationError) -> tuple[Finding, ...]:
    """All findings of one claim, each with its JSON path; no input value is repeated."""
    errors = error.errors(include_url=False, include_input=False)[:_MAX_ERRORS]
    return capped([_finding(problem) for problem in errors])


def _finding(problem: Mapping[str, Any]) -> Finding:
    kind = problem["type"]
    if kind == "json_invalid":
        return broken_json(str(problem["msg"]))
    location = problem["loc"]
    context = problem.get("ctx", {})
    code, message, hint = _BY_TYPE.get(kind, _OTHERWISE)
    if kind == "extra_forbidden":
        hint = _suggestion(location)
    return Finding(
        code=code,
        path=path_of(location),
        message=message.format(limit=context.get("max_length")),
        hint=hint.format(expected=context.get("expected")) if hint else None,
        source=_SOURCE,
    )


def broken_json(parser_message: str, *, path: str = "$") -> Finding:
    """A finding for text that is no JSON. Only the position is taken from the parser's message."""
    position = _POSITION.search(parser_message)
    where = f" (line {position[1]}, column {position[2]})" if position else ""
    return Finding(
        code="json-invalid",
        path=path,
        message=f"not valid JSON{where}",
        hint="Check for a cut-off message, missing quotes or commas, and UTF-8.",
    )


def path_of(location: Sequence[str | int]) -> str:
    """`('service_lines', 1, 'charge')` is `service_lines[1].charge`; the whole record is `$`.

    A name that is not plain letters is not repeated: it may be data that was used as a key.
    """
    path = ""
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        else:
            name = step if _PLAIN_NAME.fullmatch(step) or step in _OUR_NAMES else "(unreadable)"
            path += f".{name}" if path else name
    return path or "$"


def _suggestion(location: Sequence[str | int]) -> str:
    model = _model_at(location[:-1])
    names = list(model.model_fields) if model else []
    near = difflib.get_close_matches(str(location[-1])[:80], names, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {near[0]}?"
    return "Leave it out, or see the claim's schema for where it belongs."


def _model_at(location: Sequence[str | int]) -> type[BaseModel] | None:
    model: type[BaseModel] | None = Claim
    for step in location:
        if model is not None and isinstance(step, str):
            field = model.model_fields.get(step)
            model = _model_in(field.annotation) if field else None
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None


def _names(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    if model in seen:
        return set()
    seen.add(model)
    inner = (_model_in(field.annotation) for field in model.model_fields.values())
    return set(model.model_fields).union(*(_names(each, seen) for each in inner if each))


_OUR_NAMES = frozenset(_names(Claim, set()))
