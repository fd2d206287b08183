"""Checks of places of service, and of telehealth: its places, modifiers and codes."""

from collections.abc import Iterator
from datetime import date

from services.coding.domain.modifier_table import TELEHEALTH
from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import Service, is_medicare
from services.coding.domain.shapes import is_place_of_service

TELEHEALTH_PLACES = frozenset(("02", "10"))
HOME_PLACE_START = date(2022, 1, 1)
"""First day of place 10; Medicare took it from April 2022 (change request 12427)."""
_HOSPITAL_PLACES = frozenset(("19", "21", "22", "23"))
_EMERGENCY_VISITS = frozenset(("99281", "99282", "99283", "99284", "99285"))
_INPATIENT_VISITS = frozenset(("99221", "99222", "99223", "99231", "99232", "99233"))
_OFFICE = "11"


def place_of(case: Case, service: Service) -> str | None:
    return service.line.place_of_service or case.claim.facility_code


def _unknown(case: Case) -> Iterator[Breach]:
    table = case.reference.places.newest
    if table is None:
        return
    claim = case.claim
    given = [("facility_code", claim.facility_code)]
    given += [
        (f"service_lines[{at}].place_of_service", line.place_of_service)
        for at, line in enumerate(claim.service_lines)
        if line.place_of_service is not None
    ]
    for path, code in given:
        if code is not None and is_place_of_service(code) and not table.find(code):
            yield Breach(path, (code,), edition=table.edition)


def _modifier_elsewhere(case: Case) -> Iterator[Breach]:
    """A clinician in a hospital may use 95 with the hospital's place."""
    for service in case.services:
        told = TELEHEALTH.intersection(service.modifiers)
        place = place_of(case, service)
        if not told or place is None or place in TELEHEALTH_PLACES:
            continue
        if told == {"95"} and place in _HOSPITAL_PLACES:
            continue
        path = f"{service.path}.procedure.modifiers"
        yield Breach(path, (service.code, *sorted(told), place))


def _modifier_missing(case: Case) -> Iterator[Breach]:
    if is_medicare(case.claim):
        return  # the place says it all
    for service in case.services:
        place = place_of(case, service)
        if place in TELEHEALTH_PLACES and TELEHEALTH.isdisjoint(service.modifiers):
            yield Breach(f"{service.path}.procedure.modifiers", (service.code, place or ""))


def _audio_and_video(case: Case) -> Iterator[Breach]:
    for service in case.services:
        if {"93", "95"} <= set(service.modifiers):
            yield Breach(f"{service.path}.procedure.modifiers", (service.code, "93", "95"))


def _home_too_early(case: Case) -> Iterator[Breach]:
    first = HOME_PLACE_START.toordinal()
    for service in case.services:
        if place_of(case, service) == "10" and 0 < service.day < first:
            yield Breach(f"{service.path}.place_of_service", ("10",))


def _visit_elsewhere(case: Case) -> Iterator[Breach]:
    """Visits whose code says where they are."""
    for service in case.services:
        place = place_of(case, service)
        is_wrong = (service.code in _EMERGENCY_VISITS and place == _OFFICE) or (
            service.code in _INPATIENT_VISITS and place == _OFFICE
        )
        if is_wrong:
            path = "place_of_service" if service.line.place_of_service else None
            where = f"{service.path}.{path}" if path else "facility_code"
            yield Breach(where, (service.code, place or ""))


RULES = (
    Rule(
        "place-unknown",
        "there is no such place of service",
        "Send the code of the place where the patient was.",
        "CMS place of service code set",
        _unknown,
        kinds=("professional",),
    ),
    Rule(
        "telehealth-place",
        "a modifier says telehealth, and the place of service does not",
        "Send place 10 where the patient was at home, 02 elsewhere.",
        "CMS place of service code set; Medicare Claims Processing Manual 12, 190",
        _modifier_elsewhere,
        severity="warn",
        kinds=("professional",),
    ),
    Rule(
        "telehealth-modifier",
        "the place of service says telehealth, and no modifier says how",
        "Many payers want 95 for video and 93 for audio alone.",
        "CMS place of service code set; CPT modifiers 93 and 95",
        _modifier_missing,
        severity="inform",
        kinds=("professional",),
    ),
    Rule(
        "telehealth-audio-and-video",
        "93 says audio alone and 95 says video",
        "Keep the one that it was.",
        "CPT modifiers 93 and 95; Medicare Claims Processing Manual 12, 190",
        _audio_and_video,
        kinds=("professional",),
    ),
    Rule(
        "telehealth-home-date",
        "place of service 10 did not exist on the day",
        "Send 02.",
        "CMS change request 12427",
        _home_too_early,
        kinds=("professional",),
    ),
    Rule(
        "visit-place",
        "the visit's code says hospital or emergency room, the place of service says office",
        "Correct the code or the place.",
        "Medicare Claims Processing Manual 12, 30.6.9 and 30.6.11",
        _visit_elsewhere,
        kinds=("professional",),
    ),
)
