"""The words that tables are written in. A table is data: one tree of loops, segments and elements,
walked by `shared.x12.reader` (segments to nested dicts) and by `shared.x12.writer` (models or
nested dicts to segments), so that what was written is read back as it was.

How a table is written
----------------------
```
SERVICE = Loop(
    "2110", Segment("SVC", {                         # the segment that opens the loop
        1: Composite({1: Const("HC"), 2: Element("code"), 3: Several("modifiers", 4)},
                     into="procedure"),
        2: Element("charge", CENTS, 18, required=True),
    }),
    [                                                # rows in the order they are written
        Segment("DTM", {1: Const("472"), 2: Element("service_from", DAY)}),
        Segment("CAS", {1: Element("group")}, into="adjustments",
                spread=Spread(2, {0: Element("reason"), 1: Element("amount", CENTS),
                                  2: Element("quantity", QUANTITY)}, times=6)),
        Segment("REF", {1: Const("6R"), 2: Element("line_control_number")}),
        Segment("REF", {1: Element("qualifier"), 2: Element("value")},
                into="references", many=True),
    ],
    into="service_lines", many=True,
)
```
Reading 2100/2110 with it gives `{"service_lines": [{"procedure": {...}, "charge": 1250, ...}]}` in
the node of the enclosing loop; validate that with a model (extra keys are ignored), or use it as
it is.

* A key of a segment's dict is the element's position (REF02 is 2); what no key names is reported
  (`element-not-expected`) when a file has it.
* Several segments of a loop may share an id: the one whose `Const` (or `Element(keys=...)`) at the
  first such position fits is taken; one without such a position takes the rest. When a named one
  is taken already, or cannot hold what the segment says, the one that takes the rest gets it.
* `Segment(into=...)` puts the fields in a dict of their own, `many=True` appends it to a list.
  `outer=True`: the fields belong to the enclosing loop's node. A field `a.b` belongs to the dict
  `a` of the node, which a loop with `merge=True` and `into="a"` adds to.
* `Loop(into=None)` is context: its node is not put in its parent (HL loops). `emit=True`: the
  reader yields the node, with its context, as soon as the loop is over, and forgets it.
* `ordered=True`: what follows the loop may only be rows at or after it in its parent, as the
  standard has it. Loops without are forgiven a wrong order among their siblings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.x12.elements import CODE, ElementType


@dataclass(frozen=True, slots=True)
class Element:
    """One element (or component). `default` is what an absent value is written as; read, it is
    absent again. `keys` are the codes by which the segment is recognized."""

    field: str
    type: ElementType = CODE
    length: int = 80
    required: bool = False
    default: str | None = None
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Const:
    """A code that is written with the segment, or only where the field `beside` has a value; `also`
    are others that are read as the same."""

    value: str
    also: tuple[str, ...] = ()
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Unused:
    """What senders fill though the standard has no use for it here: read over, never written."""


@dataclass(frozen=True, slots=True)
class Several:
    """`times` elements in a row, as a tuple of what is there."""

    field: str
    times: int
    type: ElementType = CODE
    length: int = 80


@dataclass(frozen=True, slots=True)
class Identifier:
    """Two elements, a qualifier and what it qualifies (NM108, NM109): a qualifier in `named`
    chooses the field, any other is kept in `qualifier` with the rest in `value`."""

    named: Mapping[str, str]
    qualifier: str
    value: str
    length: int = 80


@dataclass(frozen=True, slots=True)
class Period:
    """Two elements, a format (D8, RD8, DT, TM) and a date (DTP02, DTP03). `through` is there only
    for RD8, `time` (HHMM) for DT and TM. All that the fields allow is read; `forms` are those that
    the guide has here and that are written (none named: all)."""

    on: str | None
    through: str | None = None
    time: str | None = None
    required: bool = False
    forms: tuple[str, ...] = ("D8", "RD8", "DT", "TM")


@dataclass(frozen=True, slots=True)
class Composite:
    """One element of components, by position from 1. `into`: their own dict."""

    parts: "Mapping[int, Part]"
    into: str | None = None


@dataclass(frozen=True, slots=True)
class Repeat:
    """`times` groups of elements to the end of the segment, as a list of dicts (PER pairs). Keys of
    `parts` are offsets from 0; their count is the width of a group."""

    into: str
    parts: "Mapping[int, Element | Composite]"
    times: int


@dataclass(frozen=True, slots=True)
class Spread:
    """Groups of elements from position `start`, each an entry of the segment's `into` list that
    also has the segment's other fields (CAS, PLB). Entries with the same other fields share a
    segment."""

    start: int
    parts: "Mapping[int, Element | Composite]"
    times: int
    width: int = 0

    def group_width(self) -> int:
        """How many elements a group takes."""
        return self.width or max(self.parts) + 1


Part = Element | Const | Unused | Several | Identifier | Period | Composite | Repeat


def span(part: Part) -> int:
    """How many positions a part takes."""
    match part:
        case Identifier() | Period():
            return 2
        case Several(times=times):
            return times
        case Repeat(parts=parts, times=times):
            return (max(parts) + 1) * times
        case _:
            return 1


@dataclass(frozen=True, slots=True)
class Segment:
    id: str
    parts: Mapping[int, Part]
    into: str | None = None
    many: bool = False
    outer: bool = False
    spread: Spread | None = None
    limit: int | None = None
    """How many there may be, where `many`."""
    required: bool = False
    writes: bool = True
    """False for what is read and never written: a form of another guide that is understood."""


@dataclass(frozen=True, slots=True)
class HealthCode:
    """One qualifier of an HI composite: where its codes go and what the qualifier itself says.

    `parts` name the components after the qualifier, by position from 2; None where the code is all
    there is, and the list holds the codes themselves. `many=False`: one code, not a list."""

    qualifier: str
    into: str
    parts: Mapping[int, Part] | None = None
    says: Mapping[str, str] = field(default_factory=dict)
    many: bool = True


@dataclass(frozen=True, slots=True)
class HealthCodes:
    """HI: composites `qualifier:code:...`, each to its own list by its qualifier. Entries of one
    row share segments, `times` to each, `limit` in all."""

    codes: tuple[HealthCode, ...]
    times: int = 12
    limit: int | None = None
    id: str = "HI"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Loop:
    id: str
    start: Segment
    rows: "tuple[Segment | HealthCodes | Loop, ...] | list[Segment | HealthCodes | Loop]" = ()
    into: str | None = None
    many: bool = False
    merge: bool = False
    ordered: bool = False
    emit: bool = False
    limit: int | None = None
    required: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TransactionTable:
    """A transaction set: `root` is the loop that its ST opens; `versions` are the ST03/GS08 that it
    reads, `version` the one it writes."""

    code: str
    version: str
    versions: tuple[str, ...]
    root: Loop
