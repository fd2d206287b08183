"""Findings about a claim made of an encounter, put into the terms of the HL7 sender.

The rules of the door speak of the canonical claim (`payer.identifier`); who sent messages wants to
know the field of its own (`IN1-3.1`). The source's mapping table says which that is.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from services.intake.domain.profile import SourceProfile
from shared.contract.model import Finding

_FIELD_BY_PATH: Mapping[str, str] = {
    "patient_control_number": "account",
    "payer.identifier": "coverage.company",
    "payer.name": "coverage.payer_name",
    "subscriber": "coverage.insured_name",
    "subscriber.birth_date": "patient.birth_date",
    "patient.birth_date": "patient.birth_date",
    "patient": "patient.name",
    "admitted_on": "visit.admitted_at",
    "discharged_on": "visit.discharged_at",
    "statement_from": "visit.admitted_at",
    "statement_through": "visit.discharged_at",
    "attending_provider.npi": "visit.attending_provider",
    "operating_provider.npi": "visit.operating_provider",
    "rendering_provider.npi": "charge.rendering_provider",
    "referring_providers[0].npi": "visit.referring_provider",
}
_OF_LINE: Mapping[str, str] = {
    "service_from": "charge.from",
    "line_control_number": "charge.line_control_number",
    "rendering_provider.npi": "charge.rendering_provider",
    "ordering_provider.npi": "charge.ordering_provider",
    "procedure": "charge.procedure",
    "charge": "charge.amount",
}
_LINE = re.compile(r"service_lines\[(\d+)\]\.?(.*)")


def in_senders_terms(
    findings: Iterable[Finding], places: Sequence[str], profile: SourceProfile
) -> tuple[Finding, ...]:
    """The findings with paths of the sender's messages. `places` are those of the service lines."""
    return tuple(
        finding.model_copy(update={"path": _place(finding.path, places, profile)})
        for finding in findings
    )


def _place(path: str | None, places: Sequence[str], profile: SourceProfile) -> str | None:
    if path is None:
        return None
    line = _LINE.fullmatch(path)
    if line is not None and int(line[1]) < len(places):
        field = _first(profile, _OF_LINE.get(line[2], ""))
        return (
            f"{places[int(line[1])]}-{field.partition('-')[2]}" if field else places[int(line[1])]
        )
    if path.startswith("billing_provider"):
        return f"source profile: {path}"
    name = _FIELD_BY_PATH.get(path) or _FIELD_BY_PATH.get(path.partition(".")[0], "")
    return _first(profile, name) or path


def _first(profile: SourceProfile, name: str) -> str:
    paths = profile.paths.get(name, ())
    return str(paths[0]) if paths else ""
