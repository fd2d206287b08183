"""Reads single elements of FHIR JSON and notes what is wrong with them, each under its FHIR path.

It is apart so that the mapping reads like a mapping. Every accessor gives None for what is absent
or wrong; what is wrong is in the findings then, and no value is ever in a finding.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from shared.contract.model import Finding
from shared.money import MAX_CENTS

Element = Mapping[str, Any]
Node = dict[str, Any]

SOURCE = "FHIR R4"
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(T.*)?", re.DOTALL)
MAX_ENTRIES = 1_000
"""Of any list: a claim has at most 999 lines."""


class Findings:
    """What is wrong with one record."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def add(
        self,
        code: str,
        path: str,
        message: str,
        hint: str | None = None,
        severity: Literal["block", "warn", "inform"] = "block",
    ) -> None:
        self.found.append(
            Finding(
                code=code, path=path, message=message, hint=hint, severity=severity, source=SOURCE
            )
        )

    @property
    def is_blocked(self) -> bool:
        return any(finding.severity == "block" for finding in self.found)

    # Values

    def wrong_type(self, path: str, expected: str) -> None:
        self.add("wrong-type", path, f"{expected} was expected")

    def object_at(self, owner: Element, name: str, path: str) -> Element | None:
        """The element of this name, an object."""
        value = owner.get(name)
        if value is None or isinstance(value, dict):
            return value
        self.wrong_type(below(path, name), "an object")
        return None

    def objects_at(
        self, owner: Element, name: str, path: str
    ) -> Iterator[tuple[int, str, Element]]:
        """Index, path and value of each entry of a list of objects."""
        values = owner.get(name)
        if values is None:
            return
        where = below(path, name)
        if not isinstance(values, list):
            self.wrong_type(where, "an array")
            return
        if len(values) > MAX_ENTRIES:
            self.add("too-many", where, f"there are more than {MAX_ENTRIES}", "Split the claim.")
            return
        for index, value in enumerate(values):
            if isinstance(value, dict):
                yield index, f"{where}[{index}]", value
            else:
                self.wrong_type(f"{where}[{index}]", "an object")

    def text_at(self, owner: Element, name: str, path: str) -> str | None:
        value = owner.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            return value.strip() or None
        self.wrong_type(below(path, name), "text")
        return None

    def texts_at(self, owner: Element, name: str, path: str) -> list[str]:
        values = owner.get(name)
        if values is None:
            return []
        if isinstance(values, list) and all(isinstance(value, str | None) for value in values):
            return [value.strip() for value in values if value and value.strip()]
        self.wrong_type(below(path, name), "an array of texts")
        return []

    def numbers_at(self, owner: Element, name: str, path: str) -> list[int]:
        """A list of positive integers, such as `diagnosisSequence`."""
        values = owner.get(name)
        if values is None:
            return []
        if isinstance(values, list) and all(type(value) is int for value in values):
            return values
        self.wrong_type(below(path, name), "an array of whole numbers")
        return []

    def date_at(self, owner: Element, name: str, path: str) -> date | None:
        """The day of a date or dateTime; of a time its own day, in whatever zone it says."""
        text = self.text_at(owner, name, path)
        if text is None:
            return None
        match = _DATE.fullmatch(text)
        if match is not None:
            try:
                return date.fromisoformat(match[1])
            except ValueError:
                pass
        self.add(
            "date-invalid",
            below(path, name),
            "not a date that exists, to the day",
            'Write "2025-01-31".',
        )
        return None

    def cents_of(self, money: Element | None, path: str) -> int | None:
        """Integer cents of a Money. A fraction of a cent is never rounded."""
        if money is None:
            return None
        currency = money.get("currency", "USD")
        if currency != "USD":
            self.add(
                "currency-not-supported",
                f"{path}.currency",
                "an amount in another currency than USD",
                "Send US dollars.",
            )
            return None
        value = self.decimal_at(money, "value", path)
        cents = None if value is None else whole_cents(value)
        if value is not None and cents is None:
            self.add(
                "amount-format",
                f"{path}.value",
                "an amount has at most two decimal places and thirteen digits before them",
            )
        return cents

    def decimal_at(self, owner: Element, name: str, path: str) -> Decimal | None:
        value = owner.get(name)
        if value is None:
            return None
        if type(value) is int:
            return Decimal(value)
        if isinstance(value, Decimal):
            return value
        self.wrong_type(below(path, name), "a number")
        return None

    def quantity_of(self, quantity: Element | None, path: str) -> Decimal | None:
        """A Quantity's value, as the contract has it: at most 15 digits, 6 of them decimals."""
        value = None if quantity is None else self.decimal_at(quantity, "value", path)
        if value is None:
            return None
        digits = value.normalize().as_tuple()
        exponent = digits.exponent if isinstance(digits.exponent, int) else 99
        if max(-exponent, 0) > 6 or len(digits.digits) + max(exponent, 0) > 15:
            self.add("quantity-format", f"{path}.value", "the number has too many digits")
            return None
        return value

    def codings_at(self, owner: Element, name: str, path: str) -> Iterator[tuple[str | None, str]]:
        """System and code of each coding of a CodeableConcept."""
        concept = self.object_at(owner, name, path)
        if concept is not None:
            yield from self.codings_of(concept, below(path, name))

    def codings_of(self, concept: Element, path: str) -> Iterator[tuple[str | None, str]]:
        for _, where, coding in self.objects_at(concept, "coding", path):
            code = self.text_at(coding, "code", where)
            if code is not None:
                yield self.text_at(coding, "system", where), code

    def code_at(
        self, owner: Element, name: str, path: str, systems: Sequence[str] = ()
    ) -> str | None:
        """The code of a CodeableConcept: from one of these systems where it has one, else the
        first without a system; without `systems` the first."""
        codings = list(self.codings_at(owner, name, path))
        return pick(codings, systems)

    def period_of(self, owner: Element, name: str, path: str) -> tuple[date | None, date | None]:
        period = self.object_at(owner, name, path)
        if period is None:
            return None, None
        where = below(path, name)
        return self.date_at(period, "start", where), self.date_at(period, "end", where)


def pick(codings: Sequence[tuple[str | None, str]], systems: Sequence[str]) -> str | None:
    """See `Findings.code_at`."""
    if not systems:
        return codings[0][1] if codings else None
    for wanted in systems:
        for system, code in codings:
            if system == wanted:
                return code
    return next((code for system, code in codings if system is None), None)


def whole_cents(value: Decimal) -> int | None:
    """Integer cents, or None for what is no whole number of them, or too much."""
    if not value.is_finite() or value.adjusted() > 13:
        return None
    cents = value.scaleb(2)
    whole = int(cents)
    return whole if whole == cents and abs(whole) <= MAX_CENTS else None


def set_if(node: Node, name: str, value: object) -> None:
    """Sets a field of a node, where there is something to set."""
    if value is not None and value not in ((), []):
        node[name] = value


def below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
