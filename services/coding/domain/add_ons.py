"""Add-on codes: services that are only paid beside their primary, on the same claim or day.

Type 1 codes name all their primaries, type 3 some, type 2 none: for these the payer decides, and we
only ask that there is another service which is no add-on itself.
"""

from collections.abc import Iterator

from services.coding.domain.reference import AddOn, Table
from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import Service

_SHOWN = 8


def _entry(table: Table[AddOn], code: str, day: int) -> AddOn | None:
    """What the table says of a code on a day: the file has a row for each of its primaries."""
    active = [each for each in table.find(code) if each.first <= day <= each.last]
    if len(active) < 2:
        return active[0] if active else None
    return active[0]._replace(primaries=frozenset().union(*(each.primaries for each in active)))


def _lone(case: Case, *kinds: int) -> Iterator[tuple[Service, AddOn, str]]:
    """Add-ons of some kinds without a primary that counts for them."""
    table = case.reference.add_ons.newest
    if table is None:
        return
    found = [
        (service, entry)
        for service in case.services
        if (entry := _entry(table, service.code, service.day)) is not None and entry.kind in kinds
    ]
    if not found:
        return
    groups = case.together
    for service, entry in found:
        beside = groups.get((service.day, service.provider), {})
        if entry.primaries:
            has_primary = not entry.primaries.isdisjoint(beside)
        else:
            has_primary = any(_entry(table, code, service.day) is None for code in beside)
        if not has_primary:
            yield service, entry, table.edition


def _without_primary(case: Case) -> Iterator[Breach]:
    for service, entry, edition in _lone(case, 1):
        primaries = sorted(entry.primaries)
        more = ", ..." if len(primaries) > _SHOWN else ""
        hint = f"Add its primary ({', '.join(primaries[:_SHOWN])}{more}), or remove the line."
        yield Breach(f"{service.path}.procedure.code", (service.code,), hint, edition)


def _without_any(case: Case) -> Iterator[Breach]:
    for service, _, edition in _lone(case, 2, 3):
        yield Breach(f"{service.path}.procedure.code", (service.code,), edition=edition)


def _multiple(case: Case) -> Iterator[Breach]:
    table = case.reference.add_ons.newest
    if table is None:
        return
    for service in case.services:
        if "51" in service.modifiers and _entry(table, service.code, service.day) is not None:
            path = f"{service.path}.procedure.modifiers"
            yield Breach(path, (service.code, "51"), edition=table.edition)


_SOURCE = "CMS NCCI add-on code edits; Medicare Claims Processing Manual 12, 30(D)"


def concerns(case: Case) -> bool:
    """Where the table is loaded."""
    return bool(case.reference.add_ons)


RULES = (
    Rule(
        "add-on-without-primary",
        "an add-on code stands without the service that it adds to",
        "Add the primary service, or remove the line.",
        f"{_SOURCE} (type 1)",
        _without_primary,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "add-on-alone",
        "an add-on code stands without a service that it could add to",
        "Check that the service it adds to is on a claim of this day; the payer decides which do.",
        f"{_SOURCE} (types 2 and 3)",
        _without_any,
        severity="warn",
        kinds=("professional", "institutional"),
    ),
    Rule(
        "add-on-multiple",
        "51 does not go on an add-on code, which is not reduced",
        "Remove modifier 51.",
        "Medicare Claims Processing Manual 12, 40.6",
        _multiple,
        severity="warn",
        kinds=("professional",),
    ),
)
