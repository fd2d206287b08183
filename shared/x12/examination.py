"""The careful reading of a segment that the quick one refused: every part by itself.

It is apart because it runs only where something is wrong; it keeps what is good and names the rest.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from shared.x12.extraction import (
    Elements,
    Node,
    NotExpectedError,
    ReadElements,
    ReplacedError,
    parts_reader,
)
from shared.x12.table import Element, Part, Period, Segment, Several, span


@dataclass(frozen=True, slots=True)
class Issue:
    """One element that is wrong. `position` 0 is the segment itself."""

    position: int
    code: str
    message: str


def examine_health_codes(read: ReadElements) -> Callable[[Node, Elements], list[Issue]]:
    def examine(node: Node, elements: Elements) -> list[Issue]:
        issues = []
        for position, value in enumerate(elements[1:], start=1):
            try:
                read(node, ["HI", value])
            except ValueError as error:
                issues.append(_issue(position, "code", error))
        return issues

    return examine


def _issue(position: int, noun: str, error: ValueError) -> Issue:
    if isinstance(error, NotExpectedError):
        return Issue(position, "element-not-expected", str(error))
    if isinstance(error, ReplacedError):
        return Issue(position, "code-not-expected", str(error))
    return Issue(position, f"invalid-{noun.replace(' ', '-')}", str(error))


class Careful:
    """Reads a segment part by part, keeps what is good and reports the rest."""

    def __init__(self, segment: Segment, component: str) -> None:
        self._segment = segment
        self._width = width_of(segment)
        self._readers = list(_each(segment.parts, component, first=1))
        self._group = list(
            _each(segment.spread.parts, component, first=0) if segment.spread else ()
        )

    def examine(self, node: Node, elements: Elements) -> list[Issue]:
        issues: list[Issue] = []
        if self._segment.spread is not None:
            self._examine_spread(node, elements, issues)
            return issues
        target: Node = {}
        _run(self._readers, target, elements, 0, issues)
        issues.extend(self._unnamed(elements))
        self._store(node, target)
        return issues

    def _store(self, node: Node, target: Node) -> None:
        segment = self._segment
        if segment.into is None:
            for field, value in target.items():
                if isinstance(value, dict):
                    node.setdefault(field, {}).update(value)
                else:
                    node[field] = value
        elif segment.many and target:
            node.setdefault(segment.into, []).append(target)
        elif target:
            node.setdefault(segment.into, {}).update(target)

    def _unnamed(self, elements: Elements) -> Iterator[Issue]:
        covered = {
            place
            for position, part in self._segment.parts.items()
            for place in range(position, position + span(part))
        }
        for position, value in enumerate(elements[1:], start=1):
            if value and position not in covered:
                words = "a value where the standard has none"
                yield Issue(position, "element-not-expected", words)

    def _examine_spread(self, node: Node, elements: Elements, issues: list[Issue]) -> None:
        spread, into = self._segment.spread, self._segment.into
        assert spread is not None
        assert into is not None
        head: Node = {}
        _run(self._readers, head, elements[: spread.start], 0, issues)
        for at in range(spread.start, min(len(elements), self._width), spread.group_width()):
            group = dict(head)
            _run(self._group, group, elements[at : at + spread.group_width()], at, issues)
            if len(group) > len(head):
                node.setdefault(into, []).append(group)
        if len(elements) > self._width:
            words = "more elements than the standard has"
            issues.append(Issue(self._width, "element-not-expected", words))


def _each(
    parts: Mapping[int, Part], component: str, *, first: int
) -> Iterator[tuple[int, str, ReadElements]]:
    for position, part in parts.items():
        noun = part.type.name if isinstance(part, Element | Several) else "value"
        noun = "date" if isinstance(part, Period) else noun
        reader = parts_reader(
            {position: part}, component, width=position + span(part), first=first, is_whole=False
        )
        yield position, noun, reader


def _run(
    readers: list[tuple[int, str, ReadElements]],
    target: Node,
    elements: Elements,
    offset: int,
    issues: list[Issue],
) -> None:
    for position, noun, reader in readers:
        try:
            reader(target, elements)
        except ValueError as error:
            issues.append(_issue(position + offset, noun, error))


def width_of(segment: Segment) -> int:
    ends = [position + span(part) for position, part in segment.parts.items()]
    if segment.spread is not None:
        ends.append(segment.spread.start + segment.spread.group_width() * segment.spread.times)
    return max(ends, default=1)
