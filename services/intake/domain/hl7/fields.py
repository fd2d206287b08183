"""Reads values of a message by a source's table, and writes down what is wrong with them.

Every value that leaves here fits the canonical claim: printable, short enough, a date that exists.
What does not is a finding with the place it came from.
"""

from collections.abc import Collection, Iterator
from datetime import date
from functools import lru_cache
from typing import Any

from services.intake.domain.hl7 import values
from services.intake.domain.hl7.parsing import Message, Segment
from services.intake.domain.hl7.paths import FieldPath, Scope, first_text
from services.intake.domain.profile import SourceProfile
from shared.contract.claim import Address, Provider
from shared.contract.model import Finding

_NPI_AUTHORITIES = frozenset({"NPI", "2.16.840.1.113883.4.6"})
_PREFIX_SUM = 24
_MAX_CODE, _MAX_TEXT = 80, 264


@lru_cache(maxsize=65_536)
def is_npi(text: str) -> bool:
    """Ten digits with the check digit of 45 CFR 162.406 (Luhn over 80840 and nine digits)."""
    if len(text) != 10 or not text.isdecimal() or not text.isascii() or text[0] not in "12":
        return False
    doubled = sum(sum(divmod(2 * int(digit), 10)) for digit in text[0::2])
    return (_PREFIX_SUM + doubled + sum(map(int, text[1::2]))) % 10 == 0


class Fields:
    """One message, its source's table, and what was found wrong so far."""

    def __init__(self, message: Message, profile: SourceProfile) -> None:
        self.message = message
        self.profile = profile
        self.findings: list[Finding] = []
        self._paths = profile.paths

    @property
    def is_blocked(self) -> bool:
        return any(finding.severity == "block" for finding in self.findings)

    def groups(self, name: str, members: Collection[str]) -> Iterator[tuple[Segment, Scope]]:
        """Each segment of this name, and the scope it opens: itself, the first of each member that
        follows it, and the message's header."""
        scope: dict[str, Segment] | None = None
        opener: Segment | None = None
        for segment in self.message.segments:
            if segment.name == name:
                if opener is not None and scope is not None:
                    yield opener, scope
                opener, scope = segment, {"MSH": self.message.header, name: segment}
            elif scope is not None and segment.name in members:
                scope.setdefault(segment.name, segment)
        if opener is not None and scope is not None:
            yield opener, scope

    # Values

    def found(self, scope: Scope, name: str) -> tuple[str, FieldPath | None]:
        return first_text(scope, self._paths[name])

    def text(self, scope: Scope, name: str, limit: int = _MAX_CODE) -> str:
        """A value that fits a field of so many characters; empty where there is none."""
        text, path = first_text(scope, self._paths[name])
        return self._fitting(text, limit, scope, path) if text else ""

    def day(self, scope: Scope, name: str) -> date | None:
        text, path = first_text(scope, self._paths[name])
        if not text:
            return None
        on = values.day(text)
        if on is None and path is not None:
            self._fault(
                scope[path.segment],
                path,
                "date-invalid",
                "not a date that exists",
                "Write YYYYMMDD, with the time behind it where there is one.",
            )
        return on

    def name(self, scope: Scope, name: str) -> dict[str, Any]:
        """XPN: a person's names."""
        segment, path, whole = self._whole(scope, name)
        if segment is None or path is None or not whole:
            return {}
        return self._names(segment, path, whole, first=1)

    def address(self, scope: Scope, name: str) -> Address | None:
        """XAD or AD."""
        segment, path, whole = self._whole(scope, name)
        if segment is None or path is None or not whole:
            return None

        def part(number: int, limit: int = _MAX_TEXT) -> str | None:
            return self._component(segment, path, whole, number, limit)

        country = part(6, _MAX_CODE)
        found = {
            "line1": part(1),
            "line2": part(2),
            "city": part(3),
            "state": part(4, _MAX_CODE),
            "postal_code": (part(5, _MAX_CODE) or "").replace("-", "") or None,
            "country": None if country in ("USA", "US") else country,
        }
        return Address(**found) if any(found.values()) else None

    def provider(self, scope: Scope, name: str) -> Provider | None:
        """XCN or CN: the person with an NPI among the repetitions, else nobody."""
        for path in self._paths[name]:
            segment = scope.get(path.segment)
            if segment is None:
                continue
            for repetition in segment.repetitions(path.field):
                identifier = segment.part(repetition, 1)
                if not identifier or not self._is_npi(segment, repetition, identifier):
                    continue
                names = self._names(segment, path, repetition, first=2)
                return Provider(is_person=True, npi=identifier, **names)
        return None

    def _is_npi(self, segment: Segment, repetition: str, identifier: str) -> bool:
        kind = segment.part(repetition, 13).upper()
        authority = {segment.part(repetition, 9, 1).upper(), segment.part(repetition, 9, 2)}
        says_so = kind == "NPI" or not _NPI_AUTHORITIES.isdisjoint(authority)
        return (says_so and identifier.isdecimal() and len(identifier) == 10) or (
            not kind and is_npi(identifier)
        )

    def _names(
        self, segment: Segment, path: FieldPath, whole: str, *, first: int
    ) -> dict[str, Any]:
        """Family, given, middle and suffix from component `first` on; absent ones are left out."""
        keys = ("name", "first_name", "middle_name", "suffix")
        found = {
            key: self._component(segment, path, whole, number, _MAX_TEXT)
            for number, key in enumerate(keys, start=first)
        }
        return {key: text for key, text in found.items() if text}

    def _whole(self, scope: Scope, name: str) -> tuple[Segment | None, FieldPath | None, str]:
        for path in self._paths[name]:
            segment = scope.get(path.segment)
            if segment is not None:
                whole = path.repetition(segment)
                if whole:
                    return segment, path, whole
        return None, None, ""

    def _component(
        self, segment: Segment, path: FieldPath, whole: str, number: int, limit: int
    ) -> str | None:
        text = segment.part(whole, number)
        if not text:
            return None
        place = FieldPath(path.segment, path.field, number)
        return self._fitting(text, limit, {path.segment: segment}, place) or None

    def _fitting(self, text: str, limit: int, scope: Scope, path: FieldPath | None) -> str:
        if len(text) <= limit and text.isprintable():
            return text
        assert path is not None
        segment = scope[path.segment]
        if len(text) > limit:
            self._fault(segment, path, "too-long", f"the text is longer than {limit} characters")
        else:
            self._fault(
                segment,
                path,
                "control-character",
                "the text holds a control character",
                "Send it as one line of plain text.",
            )
        return ""

    # Findings

    def wrong(
        self, segment: Segment, place: str, code: str, message: str, hint: str | None = None
    ) -> None:
        """A finding that blocks, at a place of this segment: `11.1`."""
        self.findings.append(
            Finding(
                code=code,
                path=self.message.where(segment, place),
                message=message,
                hint=hint,
                source="HL7 v2",
            )
        )

    def missing(
        self, scope: Scope, name: str, code: str, what: str, place: str | None = None
    ) -> None:
        """A value that must be there is in none of its places."""
        paths = self._paths[name]
        path = next((path for path in paths if path.segment in scope), paths[0] if paths else None)
        segment = scope.get(path.segment) if path else None
        where = str(path) if path else name
        if segment is not None and path is not None:
            where = self.message.where(segment, str(path).partition("-")[2])
        self.findings.append(
            Finding(
                code=code,
                path=place or where,
                message=f"the message does not say {what}",
                hint=f"Fill it, or name the place it stands at in the source profile ({name}).",
                source="HL7 v2",
            )
        )

    def note(self, scope: Scope, name: str, code: str, message: str) -> None:
        """Something that was tolerated."""
        _, path = first_text(scope, self._paths[name])
        place = path or (self._paths[name] or (None,))[0]
        where = name
        if place is not None and place.segment in scope:
            rest = str(place).partition("-")[2]
            where = self.message.where(scope[place.segment], rest)
        self.findings.append(
            Finding(code=code, severity="inform", path=where, message=message, source="HL7 v2")
        )

    def _fault(
        self,
        segment: Segment,
        path: FieldPath,
        code: str,
        message: str,
        hint: str | None = None,
    ) -> None:
        self.wrong(segment, str(path).partition("-")[2], code, message, hint)
