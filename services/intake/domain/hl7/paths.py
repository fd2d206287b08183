"""Where in a message a value is: `PID-3[5=MR].1`, as a mapping table writes it.

Segment, field, in brackets a repetition by what one of its components says, component,
subcomponent. A table gives several for one value: the first that is filled counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.intake.domain.hl7.parsing import Segment

_PATH = re.compile(
    r"([A-Z][A-Z0-9]{2})-([1-9]\d{0,2})(?:\[([1-9]\d?)=([^\]]{1,80})\])?(?:\.([1-9]\d?))?(?:\.([1-9]\d?))?",
    re.ASCII,
)

Scope = Mapping[str, Segment]
"""The segments that a value may be read from: one of each name."""


class PathError(ValueError):
    """A text that is no path."""


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A place in a message. `component` is None where the whole field is meant."""

    segment: str
    field: int
    component: int | None = None
    subcomponent: int | None = None
    selector: tuple[int, str] | None = None

    def __str__(self) -> str:
        parts = (part for part in (self.field, self.component, self.subcomponent) if part)
        return f"{self.segment}-{'.'.join(map(str, parts))}"

    def repetition(self, segment: Segment) -> str:
        """The field's repetition that is meant, as it was sent."""
        raw = segment.raw(self.field)
        if not raw:
            return ""
        if self.selector is None:
            return raw.partition(segment.delimiters.repetition)[0]
        number, wanted = self.selector
        for repetition in segment.repetitions(self.field):
            if segment.part(repetition, number) == wanted:
                return repetition
        return ""

    def text(self, segment: Segment) -> str:
        """The value there, unescaped; empty where there is none."""
        if self.selector is None:
            return segment.get(self.field, self.component or 1, self.subcomponent or 1)
        repetition = self.repetition(segment)
        return segment.part(repetition, self.component or 1, self.subcomponent or 1)


def parse_path(text: str) -> FieldPath:
    """The place that a text names. Raises PathError."""
    found = _PATH.fullmatch(text.strip())
    if found is None:
        raise PathError("a path is written like PID-3[5=MR].1: segment, field, component")
    component, subcomponent = found[5], found[6]
    return FieldPath(
        segment=found[1],
        field=int(found[2]),
        component=int(component) if component else None,
        subcomponent=int(subcomponent) if subcomponent else None,
        selector=(int(found[3]), found[4]) if found[3] else None,
    )


def first_text(scope: Scope, paths: Sequence[FieldPath]) -> tuple[str, FieldPath | None]:
    """The first filled value of these places, and which place it was."""
    for path in paths:
        segment = scope.get(path.segment)
        if segment is None:
            continue
        if path.selector is None:
            text = segment.get(path.field, path.component or 1, path.subcomponent or 1)
        else:
            text = path.text(segment)
        if text:
            return text, path
    return "", None
