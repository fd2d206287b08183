"""Checks that a service is billed once: twice on one claim, or again on another claim.

A replacement or a void repeats what it replaces, and is not looked at across claims.
"""

from collections.abc import Hashable, Iterator

from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import Service, is_inpatient


def _line_key(service: Service) -> Hashable:
    line = service.line
    return (
        service.code,
        tuple(sorted(service.modifiers)),
        service.day,
        service.days,
        service.provider,
        service.units,
        line.charge,
        line.place_of_service,
        line.revenue_code,
        line.drug.ndc if line.drug else None,
        line.teeth,
        line.oral_cavity,
    )


def _on_the_claim(case: Case) -> Iterator[Breach]:
    services = case.services
    if len(services) < 2 or len({service.code for service in services}) == len(services):
        return
    seen: set[Hashable] = set()
    for service in sorted(services, key=lambda each: (each.line.number, each.at)):
        key = _line_key(service)
        if key in seen:
            yield Breach(service.path, (service.code, *service.modifiers))
        seen.add(key)


def _on_another_claim(case: Case) -> Iterator[Breach]:
    if not case.earlier or is_inpatient(case.claim):
        return
    earlier = {
        (
            line.code,
            line.day.toordinal(),
            line.provider,
            tuple(sorted(line.modifiers)),
            line.units,
            line.charge,
        )
        for line in case.earlier
        if line.kind == case.claim.kind
    }
    for service in case.services:
        modifiers = tuple(sorted(service.modifiers))
        charge = service.line.charge
        if (
            service.code,
            service.day,
            service.provider,
            modifiers,
            service.units,
            charge,
        ) in earlier:
            yield Breach(service.path, (service.code, *service.modifiers))


def _stay(case: Case) -> Iterator[Breach]:
    claim = case.claim
    if not is_inpatient(claim):
        return
    for line in case.earlier:
        if (
            line.stay is not None
            and line.stay == claim.facility_code
            and line.day == claim.statement_from
            and line.provider == claim.billing_provider.npi
            and claim.frequency == "1"
        ):
            yield Breach("statement_from", (f"{claim.facility_code}{claim.frequency}",))
            return


RULES = (
    Rule(
        "line-repeated",
        "the line repeats another of this claim in all that a payer looks at",
        "Remove it, add up the units on one line, or say with 76, 77 or 91 that it was repeated.",
        "Medicare Claims Processing Manual 1, 120 (duplicate claims)",
        _on_the_claim,
        kinds=("professional",),
    ),
    Rule(
        "service-billed-already",
        "another claim of this patient has the same service on the same day",
        "Remove the line. To correct the other claim, send a replacement (frequency 7); to bill a "
        "repeated service, add 76, 77 or 91.",
        "Medicare Claims Processing Manual 1, 120 (duplicate claims)",
        _on_another_claim,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "stay-billed-already",
        "another claim of this patient is for a stay that began on the same day",
        "To correct it, send a replacement (frequency 7).",
        "Medicare Claims Processing Manual 1, 120 (duplicate claims)",
        _stay,
        kinds=("institutional",),
    ),
)
