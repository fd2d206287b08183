"""The walk: segments of a transaction set into nested dicts, one emitted loop at a time.

It is apart because it alone knows how loops follow each other. A table is compiled once for each
component separator; what may follow a loop (its rows, its loops, and what its parents still
accept) is one dictionary look-up per segment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from shared.contract.model import Finding
from shared.x12.envelope import TransactionSet
from shared.x12.errors import Severity
from shared.x12.segments import (
    Elements,
    Node,
    RepeatedError,
    SegmentReader,
    compile_segment,
)
from shared.x12.table import Const, Element, HealthCodes, Loop, Segment, TransactionTable

FINDING_LIMIT = 200
"""Findings kept of one emitted loop: a file that is wrong everywhere must not fill memory."""


@dataclass(slots=True)
class Emission:
    """A loop that is over. `context` are the nodes above it, the set's own first; `findings` what
    was wrong in it and in what it stands under; `position` that of its first segment (ST = 1).
    `is_complete` is False where the set ended in it without its SE."""

    loop: str
    node: Node
    context: tuple[Node, ...]
    findings: tuple[Finding, ...]
    position: int
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class _Offer:
    """One row of a loop, as something that may come next."""

    index: int
    segment_id: str
    key_position: int
    keys: tuple[str, ...]
    action: "_Action"


class _Action:
    """What to do with a segment: keep `keep` frames, open `opens` or not, then read."""

    __slots__ = ("after", "is_outer", "reader", "steps")

    def __init__(
        self,
        keep: int,
        after: "_Loop",
        opens: "_Loop | None",
        reader: SegmentReader,
        *,
        is_outer: bool,
    ) -> None:
        self.after = after
        self.reader = reader
        self.is_outer = is_outer
        self.steps = (keep, after, opens, reader.read, is_outer)


@dataclass(slots=True, eq=False)
class _Loop:
    """A loop at its place in the tree. `scope` is the depth its findings belong to."""

    loop: Loop
    depth: int
    parent: "_Loop | None"
    scope: int
    dispatch: dict[str, tuple[int, dict[str, _Action], _Action | None]] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True)
class CompiledTable:
    table: TransactionTable
    root: _Loop


@lru_cache(64)
def compile_table(table: TransactionTable, component: str) -> CompiledTable:
    """The table made ready for one component separator; compiled once for each."""
    root = _Loop(table.root, 0, None, 0)
    _Compiler(component).compile(root, [])
    return CompiledTable(table, root)


class _Compiler:
    def __init__(self, component: str) -> None:
        self._component = component
        self._readers: dict[int, SegmentReader] = {}

    def compile(self, here: _Loop, inherited: list[_Offer]) -> None:
        own, children = self._offers(here)
        here.dispatch = _dispatch([*own, *inherited], len(own))
        for offer, child in children:
            after = [o for o in own if not child.loop.ordered or o.index >= offer.index]
            self.compile(child, [*after, *inherited])

    def _reader(self, row: Segment | HealthCodes) -> SegmentReader:
        known = self._readers.get(id(row))
        if known is None or known.segment is not row:
            known = self._readers[id(row)] = compile_segment(row, self._component)
        return known

    def _offers(self, here: _Loop) -> tuple[list[_Offer], list[tuple[_Offer, _Loop]]]:
        offers, children = [], []
        codes = _all_health_codes(here.loop)
        for index, row in enumerate(here.loop.rows):
            if isinstance(row, Loop):
                is_scope = row.into is None or row.emit
                depth = here.depth + 1
                child = _Loop(row, depth, here, depth if is_scope else here.scope)
                reader = self._reader(row.start)
                is_outer = row.start.outer
                action = _Action(here.depth + 1, child, child, reader, is_outer=is_outer)
                offer = _offer(index, row.start, action)
                children.append((offer, child))
            else:
                is_outer = isinstance(row, Segment) and row.outer
                reader = self._reader(row if isinstance(row, Segment) or codes is None else codes)
                action = _Action(here.depth + 1, here, None, reader, is_outer=is_outer)
                offer = _offer(index, row, action)
            offers.append(offer)
        return offers, children


def _all_health_codes(loop: Loop) -> HealthCodes | None:
    """The HI rows of a loop as one: any of them may hold any of its qualifiers when read."""
    rows = [row for row in loop.rows if isinstance(row, HealthCodes)]
    return HealthCodes(tuple(code for row in rows for code in row.codes)) if rows else None


def _offer(index: int, row: Segment | HealthCodes, action: _Action) -> _Offer:
    if isinstance(row, HealthCodes):
        return _Offer(index, row.id, 0, (), action)
    for position, part in sorted(row.parts.items()):
        is_key = isinstance(part, Const) and part.beside is None
        if isinstance(part, Const) and is_key and (position == 1 or row.id == "HL"):
            return _Offer(index, row.id, position, (part.value, *part.also), action)
        if isinstance(part, Element) and part.keys:
            return _Offer(index, row.id, position, part.keys, action)
    return _Offer(index, row.id, 0, (), action)


def _dispatch(
    offers: list[_Offer], own: int
) -> dict[str, tuple[int, dict[str, _Action], _Action | None]]:
    """The first offer that fits wins; a loop's own rest-taking row hides what its parents offer."""
    closed: set[str] = set()
    keyed: dict[str, dict[str, _Action]] = {}
    rest: dict[str, _Action] = {}
    positions: dict[str, int] = {}
    for order, offer in enumerate(offers):
        if order == own:
            closed = set(rest)
        if offer.segment_id in closed:
            continue
        actions = keyed.setdefault(offer.segment_id, {})
        if not offer.keys:
            rest.setdefault(offer.segment_id, offer.action)
            continue
        if positions.setdefault(offer.segment_id, offer.key_position) != offer.key_position:
            raise ValueError(f"{offer.segment_id} is recognized at two positions in one loop")
        for key in offer.keys:
            actions.setdefault(key, offer.action)
    return {name: (positions.get(name, 0), keyed[name], rest.get(name)) for name in keyed}


class Walk:
    """One transaction set being read. Iterate over `emissions`; the last is always the root's."""

    def __init__(self, compiled: CompiledTable) -> None:
        self._root = compiled.root
        self._stack: list[Node] = [{}]
        self._loop = compiled.root
        self._open: _Loop | None = None
        self._opened_at = 0
        self._troubles: dict[int, list[Finding]] = {}
        self._is_delivered = True
        self.position = 1

    def emissions(self, segments: Iterable[Elements]) -> Iterator[Emission]:
        """Reads the segments between ST and SE."""
        stack = self._stack
        dispatch = self._root.dispatch
        for position, elements in enumerate(segments, start=2):
            entry = dispatch.get(elements[0])
            if entry is None:
                self.position = position
                self._note_unexpected(elements)
                continue
            key_position, keyed, rest = entry
            action = rest
            if key_position and len(elements) > key_position:
                action = keyed.get(elements[key_position], rest)
            if action is None:
                self.position = position
                self._note_unexpected(elements)
                continue
            keep, after, opens, read, is_outer = action.steps
            if keep < len(stack):
                if self._open is not None and keep <= self._open.depth:
                    yield self._emit()
                del stack[keep:]
            if opens is not None:
                self.position = position
                self._enter(opens)
                self._loop = opens
                dispatch = opens.dispatch
            elif after is not self._loop:
                self._loop = after
                dispatch = after.dispatch
            try:
                read(stack[-2] if is_outer else stack[-1], elements)
            except ValueError as error:
                self.position = position
                self._examine(action, rest, elements, error)

    def close(self, *, is_complete: bool) -> Iterator[Emission]:
        """What is still open, then the root."""
        if self._open is not None:
            yield self._emit(is_complete=is_complete)
        del self._stack[1:]
        findings = () if self._is_delivered else tuple(self._findings())
        yield Emission(self._root.loop.id, self._stack[0], (), findings, 1, is_complete=is_complete)

    def _enter(self, opened: _Loop) -> None:
        loop = opened.loop
        node: Node = {}
        stack = self._stack
        if opened.scope == opened.depth and self._troubles:
            self._forget(opened.depth)
        if loop.emit:
            self._open, self._opened_at = opened, self.position
        elif loop.into is not None:
            parent = stack[-1]
            if loop.many:
                parent.setdefault(loop.into, []).append(node)
            elif loop.merge:
                node = parent.setdefault(loop.into, node)
                if "#" in node:
                    self._note_repeated(opened)
                    node = {}
                node["#"] = True
            elif loop.into in parent:
                self._note_repeated(opened)
            else:
                parent[loop.into] = node
        stack.append(node)

    def _emit(self, *, is_complete: bool = True) -> Emission:
        opened = self._open
        assert opened is not None
        self._open = None
        depth = opened.depth
        findings = tuple(self._findings()) if self._troubles else ()
        self._is_delivered = True
        if self._troubles:
            self._troubles.pop(depth, None)
        context = tuple(self._stack[:depth])
        node = self._stack[depth]
        return Emission(
            opened.loop.id, node, context, findings, self._opened_at, is_complete=is_complete
        )

    def _findings(self) -> Iterator[Finding]:
        for depth in sorted(self._troubles):
            yield from self._troubles[depth]

    def _forget(self, depth: int) -> None:
        for deeper in [known for known in self._troubles if known >= depth]:
            del self._troubles[deeper]

    def _note(
        self,
        loop: _Loop,
        code: str,
        message: str,
        *,
        element: str = "",
        severity: Severity = "block",
    ) -> None:
        notes = self._troubles.setdefault(loop.scope, [])
        self._is_delivered = False
        if len(notes) >= FINDING_LIMIT:
            return
        path = self._path(loop) + (f"/{element}" if element else "")
        notes.append(
            Finding(
                code=code, severity=severity, path=path, message=message, position=self.position
            )
        )

    def _path(self, loop: _Loop) -> str:
        names = []
        place: _Loop | None = loop
        while place is not None and (place is loop or place.depth > loop.scope):
            if place is loop or place.loop.many:
                names.append(place.loop.id + self._ordinal(place))
            place = place.parent
        return "/".join(reversed(names))

    def _ordinal(self, place: _Loop) -> str:
        if not place.loop.many or place.loop.into is None or len(self._stack) < place.depth:
            return ""
        return f"[{len(self._stack[place.depth - 1].get(place.loop.into, ()))}]"

    def _note_repeated(self, opened: _Loop) -> None:
        self._note(opened, "loop-repeated", "the loop stands more often than the standard allows")

    def _note_unexpected(self, elements: Elements) -> None:
        name = elements[0] if elements[0].isalnum() and len(elements[0]) <= 3 else ""
        self._note(
            self._loop,
            "segment-not-expected",
            "a segment that the standard does not have here was left out",
            element=name,
            severity="warn",
        )

    def _examine(
        self, action: _Action, rest: _Action | None, elements: Elements, error: ValueError
    ) -> None:
        """The careful second reading. What a named row cannot hold goes to the row that takes the
        rest."""
        has_rest = action is not rest and rest is not None and rest.after is action.after
        if has_rest and rest is not None and not rest.reader.examine({}, elements):
            rest.reader.read(self._stack[-2 if rest.is_outer else -1], elements)
            return
        if isinstance(error, RepeatedError):
            self._note(action.after, "segment-repeated", str(error), element=elements[0])
            return
        node = self._stack[-2 if action.is_outer else -1]
        for issue in action.reader.examine(node, elements):
            place = elements[0] + (f"{issue.position:02d}" if issue.position else "")
            severity: Severity = "warn" if issue.code in _HARMLESS else "block"
            self._note(action.after, issue.code, issue.message, element=place, severity=severity)


_HARMLESS = ("element-not-expected", "code-not-expected")


def walk(
    table: TransactionTable,
    transaction: TransactionSet,
    segments: Iterable[Elements] | None = None,
) -> Iterator[Emission]:
    """The emissions of one set, the root's last. Never raises for what the set holds.

    `segments` stand in for the set's own where the caller has looked at the first of them.
    """
    progress = Walk(compile_table(table, transaction.separators.component))
    yield from progress.emissions(transaction.segments() if segments is None else segments)
    yield from progress.close(is_complete=transaction.is_complete)
