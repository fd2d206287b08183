"""Checks of modifiers: they exist, go with the code, and do not contradict each other."""

from collections.abc import Callable, Iterator

from services.coding.domain.modifier_table import (
    ASSISTANTS,
    COMPONENTS,
    DISTINCT,
    FACILITY_ONLY,
    NON_COVERAGE,
    NUMERIC,
    PROFESSIONAL_ONLY,
    SIDES,
    VISIT,
    is_laboratory,
    is_visit,
)
from services.coding.domain.rule import Breach, Case, Check, Rule
from services.coding.domain.served import Service

_MANUAL = "NCCI Policy Manual, chapter I, section E"


def _on_lines(is_broken: Callable[[Service, frozenset[str]], bool]) -> Check:
    """A check of each line that has modifiers."""

    def check(case: Case) -> Iterator[Breach]:
        for service in case.services:
            if service.modifiers and is_broken(service, frozenset(service.modifiers)):
                yield _breach(service)

    return check


def _breach(service: Service) -> Breach:
    return Breach(f"{service.path}.procedure.modifiers", (service.code, *service.modifiers))


def _unknown(case: Case) -> Iterator[Breach]:
    """A modifier of two digits has to be CPT's; others where the loaded HCPCS file has them."""
    table = case.reference.hcpcs.newest
    has_modifiers = table is not None and bool(table.find("LT"))
    for service in case.services:
        for nth, modifier in enumerate(service.modifiers):
            path = f"{service.path}.procedure.modifiers[{nth}]"
            if modifier.isdigit() and modifier not in NUMERIC:
                yield Breach(path, (modifier,))
            elif modifier.isalpha() and has_modifiers and table and not table.find(modifier):
                yield Breach(path, (modifier,), edition=table.edition, severity="warn")


def _repeated(service: Service, modifiers: frozenset[str]) -> bool:
    return len(modifiers) != len(service.modifiers)


def _visit_only(service: Service, modifiers: frozenset[str]) -> bool:
    return not modifiers.isdisjoint(VISIT) and not is_visit(service.code)


def _procedure_only(service: Service, modifiers: frozenset[str]) -> bool:
    return is_visit(service.code) and not modifiers.isdisjoint({"22", "50", "51", *COMPONENTS})


def _laboratory_only(service: Service, modifiers: frozenset[str]) -> bool:
    return "91" in modifiers and not is_laboratory(service.code)


def _both_components(_: Service, modifiers: frozenset[str]) -> bool:
    return modifiers >= COMPONENTS


def _distinct_twice(_: Service, modifiers: frozenset[str]) -> bool:
    return "59" in modifiers and len(modifiers & DISTINCT) > 1


def _sides(_: Service, modifiers: frozenset[str]) -> bool:
    return modifiers >= SIDES or ("50" in modifiers and not modifiers.isdisjoint(SIDES))


def _who_repeats(_: Service, modifiers: frozenset[str]) -> bool:
    return modifiers >= {"76", "77"}


def _assistants(_: Service, modifiers: frozenset[str]) -> bool:
    return len(modifiers & ASSISTANTS) > 1 and not modifiers >= {"80", "AS"}


def _notices(_: Service, modifiers: frozenset[str]) -> bool:
    """GX may stand with GY; every other two of these contradict each other."""
    said = modifiers & NON_COVERAGE
    return len(said) > 1 and said != {"GX", "GY"}


def _waste(_: Service, modifiers: frozenset[str]) -> bool:
    return modifiers >= {"JW", "JZ"}


def _bilateral_units(service: Service, modifiers: frozenset[str]) -> bool:
    return "50" in modifiers and service.units > 1


def _facility(_: Service, modifiers: frozenset[str]) -> bool:
    return not modifiers.isdisjoint(FACILITY_ONLY)


def _professional(_: Service, modifiers: frozenset[str]) -> bool:
    return not modifiers.isdisjoint(PROFESSIONAL_ONLY)


def _facility_component(_: Service, modifiers: frozenset[str]) -> bool:
    return not modifiers.isdisjoint(COMPONENTS)


def concerns(case: Case) -> bool:
    """Where a line has a modifier."""
    return any(service.modifiers for service in case.services)


RULES = (
    Rule(
        "modifier-unknown",
        "there is no such modifier",
        "Check the modifier.",
        "CMS HCPCS Level II modifiers; CPT modifiers",
        _unknown,
        kinds=("professional", "institutional"),
    ),
    Rule(
        "modifier-repeated",
        "the line has the same modifier twice",
        "Keep it once.",
        "837 SV101-3 to SV101-6",
        _on_lines(_repeated),
    ),
    Rule(
        "modifier-visit-only",
        "24, 25 and 57 belong on a visit, and this code is none",
        "Move the modifier to the visit of that day.",
        f"{_MANUAL}; Medicare Claims Processing Manual 12, 30.6.6",
        _on_lines(_visit_only),
        severity="warn",
    ),
    Rule(
        "modifier-not-on-visit",
        "22, 26, 50, 51 and TC belong on procedures and tests, and this is a visit",
        "Remove the modifier, or correct the code.",
        "CMS Physician Fee Schedule indicators (bilateral, multiple, PC/TC)",
        _on_lines(_procedure_only),
    ),
    Rule(
        "modifier-91-laboratory",
        "91 is for repeated laboratory tests, and this code is none",
        "Use 76 or 77 for a repeated procedure.",
        "Medicare Claims Processing Manual 16, 100.5.1",
        _on_lines(_laboratory_only),
        severity="warn",
    ),
    Rule(
        "modifier-components",
        "26 and TC on one line say that it is only one part and only the other",
        "Send neither for the whole service, or the two parts on lines of their own.",
        "Medicare Claims Processing Manual 13, 20",
        _on_lines(_both_components),
    ),
    Rule(
        "modifier-distinct-twice",
        "59 and a modifier that says the same more exactly stand on one line",
        "Keep XE, XS, XP or XU, and remove 59.",
        f"{_MANUAL}; CMS MLN1783722",
        _on_lines(_distinct_twice),
    ),
    Rule(
        "modifier-sides",
        "the modifiers contradict each other about the side",
        "Send 50 for both sides at once, or a line for each side with LT and RT.",
        "Medicare Claims Processing Manual 12, 40.7",
        _on_lines(_sides),
    ),
    Rule(
        "modifier-bilateral-units",
        "a service with modifier 50 counts as one unit",
        "Send one unit; 50 says that it was both sides.",
        "Medicare Claims Processing Manual 12, 40.7",
        _on_lines(_bilateral_units),
        severity="warn",
        kinds=("professional",),
    ),
    Rule(
        "modifier-repeat-by-whom",
        "76 and 77 contradict each other: the same clinician repeats, or another",
        "Keep 76 for the same clinician, 77 for another.",
        "Medicare Claims Processing Manual 12, 40",
        _on_lines(_who_repeats),
    ),
    Rule(
        "modifier-assistants",
        "the line names more than one kind of assistant at surgery",
        "Keep the one that was there.",
        "Medicare Claims Processing Manual 12, 20.4.3",
        _on_lines(_assistants),
    ),
    Rule(
        "modifier-notices",
        "the modifiers about non-coverage contradict each other",
        "GA, GY and GZ exclude each other; only GX may stand beside GY.",
        "Medicare Claims Processing Manual 30, 50; CMS change request 6563",
        _on_lines(_notices),
    ),
    Rule(
        "modifier-waste",
        "JW says that some of the drug was discarded, JZ that none was",
        "Send the discarded part on its own line with JW, or JZ where there was none.",
        "Medicare Claims Processing Manual 17, 40",
        _on_lines(_waste),
    ),
    Rule(
        "modifier-facility-only",
        "27, 73 and 74 are for hospitals and surgery centers",
        "Use 52 or 53 for a procedure that a clinician cut short; remove 27.",
        "Medicare Claims Processing Manual 4, 20.6",
        _on_lines(_facility),
        severity="warn",
        kinds=("professional",),
    ),
    Rule(
        "modifier-professional-only",
        "the modifier is about a clinician's part, which hospitals do not bill",
        "Remove it; 73 and 74 say that a procedure was cut short in a hospital.",
        "Medicare Claims Processing Manual 4, 20.6",
        _on_lines(_professional),
        severity="warn",
        kinds=("institutional",),
    ),
    Rule(
        "modifier-component-facility",
        "hospitals bill the technical part without 26 or TC",
        "Remove the modifier.",
        "Medicare Claims Processing Manual 4, 20.6; 13, 20.2",
        _on_lines(_facility_component),
        severity="warn",
        kinds=("institutional",),
    ),
)
