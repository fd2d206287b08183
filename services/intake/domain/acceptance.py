"""The rules of the door: what must hold of a claim before anything of ours works on it.

They are few. What a payer would deny is coding's to find; here only what would leave us without an
identity, an amount, a payer or a text that can be written into an 837 at all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter

from pydantic import BaseModel

from services.intake.domain.arrival import capped
from shared.contract.claim import Claim, Provider, ServiceLine
from shared.contract.model import Finding

MAX_CONTROL_NUMBER = 38
"""CLM01 (X12 005010 data element 1028)."""
MAX_LINE_CONTROL_NUMBER = 30
"""REF02 of REF*6R in the 837."""
EARLIEST = date(1900, 1, 1)

_NPI = re.compile(r"[0-9]{10}")
_CONTROL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\[bfnrtu]")

CLAIM_PROVIDERS = (
    "billing_provider",
    "rendering_provider",
    "attending_provider",
    "operating_provider",
    "other_operating_provider",
    "supervising_provider",
    "assistant_surgeon",
    "facility",
)
LINE_PROVIDERS = (
    "rendering_provider",
    "operating_provider",
    "other_operating_provider",
    "supervising_provider",
    "ordering_provider",
    "facility",
)
_CLAIM_PROVIDERS = attrgetter(*CLAIM_PROVIDERS)
_LINE_PROVIDERS = attrgetter(*LINE_PROVIDERS)
_NOBODY = (None,) * len(LINE_PROVIDERS)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `check` gives the paths at which a claim breaks it."""

    code: str
    message: str
    hint: str
    source: str
    check: Callable[[Claim], Iterable[str]]


def findings_of(claim: Claim) -> tuple[Finding, ...]:
    """Everything that keeps the claim out; empty when it comes in."""
    found = [
        Finding(code=rule.code, path=path, message=rule.message, hint=rule.hint, source=rule.source)
        for rule in RULES
        for path in rule.check(claim)
    ]
    return capped(found) if found else ()


def control_characters(claim: Claim, wire: bytes) -> tuple[Finding, ...]:
    """Texts with control characters, which no X12 element can carry. `wire` is the claim's JSON:
    one look at it spares the walk over every text of a claim that has none."""
    if b"\\" not in wire or _CONTROL_ESCAPE.search(wire) is None:
        return ()
    return capped(
        [
            Finding(
                code="control-character",
                path=path,
                message="the text holds a line break or another control character",
                hint="Send it as one line of plain text.",
                source="X12 basic and extended character set",
            )
            for path in _unprintable(claim, "")
        ]
    )


def _unprintable(value: object, path: str) -> Iterator[str]:
    if isinstance(value, str):
        if any(ord(character) < 32 for character in value):
            yield path
    elif isinstance(value, BaseModel):
        for name, inner in value:
            yield from _unprintable(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _unprintable(inner, f"{path}[{index}]")


def _control_number(claim: Claim) -> Sequence[str]:
    number = claim.patient_control_number.strip()
    return () if 0 < len(number) <= MAX_CONTROL_NUMBER else ("patient_control_number",)


def _no_lines(claim: Claim) -> Sequence[str]:
    return () if claim.service_lines else ("service_lines",)


def _payer(claim: Claim) -> Sequence[str]:
    return () if claim.payer.identifier else ("payer.identifier",)


def _billing_provider(claim: Claim) -> Sequence[str]:
    billing = claim.billing_provider
    is_known = billing.name or billing.npi or billing.identifier
    return () if is_known else ("billing_provider",)


def _subscriber(claim: Claim) -> Sequence[str]:
    return () if claim.subscriber.name or claim.subscriber.identifier else ("subscriber",)


def _line_numbers(claim: Claim) -> list[str]:
    lines = claim.service_lines
    numbers = {line.number for line in lines}
    if len(numbers) == len(lines) and all(0 < number <= 999 for number in numbers):
        return []
    seen: set[int] = set()
    paths = []
    for index, line in enumerate(lines):
        if line.number in seen or not 0 < line.number <= 999:
            paths.append(f"service_lines[{index}].number")
        seen.add(line.number)
    return paths


def _line_control_numbers(claim: Claim) -> list[str]:
    return [
        f"service_lines[{index}].line_control_number"
        for index, line in enumerate(claim.service_lines)
        if line.line_control_number and len(line.line_control_number) > MAX_LINE_CONTROL_NUMBER
    ]


def _malformed_npis(claim: Claim) -> list[str]:
    return [f"{path}.npi" for path, npi in npis(claim) if not _NPI.fullmatch(npi)]


def npis(claim: Claim) -> Iterator[tuple[str, str]]:
    """Path and NPI of every provider that has one."""
    yield from _npis_of(claim, CLAIM_PROVIDERS, _CLAIM_PROVIDERS(claim), "")
    for index, line in enumerate(claim.service_lines):
        providers = _LINE_PROVIDERS(line)
        if providers != _NOBODY or line.referring_providers:  # most lines have none of their own
            yield from _npis_of(line, LINE_PROVIDERS, providers, f"service_lines[{index}].")


def _npis_of(
    owner: Claim | ServiceLine,
    roles: Sequence[str],
    providers: Sequence[Provider | None],
    prefix: str,
) -> Iterator[tuple[str, str]]:
    for role, provider in zip(roles, providers, strict=True):
        if provider is not None and provider.npi is not None:
            yield f"{prefix}{role}", provider.npi
    for index, provider in enumerate(owner.referring_providers):
        if provider.npi is not None:
            yield f"{prefix}referring_providers[{index}]", provider.npi


def _implausible_dates(claim: Claim) -> Iterator[str]:
    person = claim.patient or claim.subscriber
    owner = "patient" if claim.patient else "subscriber"
    if person.birth_date is not None and person.birth_date < EARLIEST:
        yield f"{owner}.birth_date"
    for name in ("statement_from", "statement_through", "admitted_on", "discharged_on"):
        day = getattr(claim, name)
        if day is not None and day < EARLIEST:
            yield name
    for index, line in enumerate(claim.service_lines):
        if line.service_from is not None and line.service_from < EARLIEST:
            yield f"service_lines[{index}].service_from"


RULES = (
    Rule(
        "patient-control-number",
        f"the patient control number is blank or longer than {MAX_CONTROL_NUMBER} characters",
        "Give each claim its own number of at most 20 characters: payers echo it on their answers.",
        "837 CLM01",
        _control_number,
    ),
    Rule(
        "no-service-lines",
        "the claim has no service lines",
        "Send at least one line with its charge.",
        "837 loop 2400",
        _no_lines,
    ),
    Rule(
        "payer-not-identified",
        "the claim does not say which payer it is for",
        "Send the payer's identifier as your clearinghouse or payer lists it.",
        "837 loop 2010BB NM109",
        _payer,
    ),
    Rule(
        "billing-provider-missing",
        "the billing provider has no name and no identifier",
        "Send its name and NPI.",
        "837 loop 2010AA",
        _billing_provider,
    ),
    Rule(
        "subscriber-missing",
        "the subscriber has no name and no member id",
        "Send the name and member id from the insurance card.",
        "837 loop 2010BA",
        _subscriber,
    ),
    Rule(
        "line-number",
        "the line's number is used twice or is not between 1 and 999",
        "Number the lines 1, 2, 3 and so on.",
        "837 LX01",
        _line_numbers,
    ),
    Rule(
        "line-control-number",
        f"the line control number is longer than {MAX_LINE_CONTROL_NUMBER} characters",
        "Shorten it, or leave it out: one is assigned then.",
        "837 loop 2400 REF*6R",
        _line_control_numbers,
    ),
    Rule(
        "npi-malformed",
        "an NPI has exactly ten digits",
        "Check the number against the NPI registry.",
        "45 CFR 162.406; 837 NM108 XX",
        _malformed_npis,
    ),
    Rule(
        "date-implausible",
        "the date lies before 1900",
        "Check the century.",
        "837 DTP and DMG",
        _implausible_dates,
    ),
)
