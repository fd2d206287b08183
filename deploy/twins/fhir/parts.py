"""Small parts of FHIR JSON, and numbers of exactly the digits they should have."""

import json
import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from shared.money import format_cents

Node = dict[str, Any]
HL7 = "http://terminology.hl7.org/CodeSystem"
CARIN = "http://hl7.org/fhir/us/carin-bb/CodeSystem"
X12 = "https://codesystem.x12.org/005010"
NUBC = "https://www.nubc.org/CodeSystem"
_NUMBER = re.compile(rb'"#(-?[0-9.]+)#"')


def dumped(document: Node) -> bytes:
    return _NUMBER.sub(rb"\1", json.dumps(document, separators=(",", ":")).encode())


def number(value: Decimal | str) -> str:
    """Stands for a number of exactly these digits: JSON's own writer knows floats only."""
    text = value if isinstance(value, str) else format(value, "f")
    return f"#{text}#"


def concept(system: str | None, code: str) -> Node:
    return {"coding": [{"system": system, "code": code} if system else {"code": code}]}


def money(cents: int) -> Node:
    return {"value": number(format_cents(cents)), "currency": "USD"}


def period_of(start: date, end: date | None) -> Node:
    node = {"start": start.isoformat()}
    return node if end is None else {**node, "end": end.isoformat()}


def numbered(entries: Iterable[Node]) -> list[Node]:
    return [{"sequence": place, **entry} for place, entry in enumerate(entries, 1)]


def put(node: Node, name: str, value: object) -> None:
    if value not in (None, [], ()):
        node[name] = value
