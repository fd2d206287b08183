"""Checks of the people and organizations on a claim: identifiers and addresses."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from services.coding.domain.rule import Case, Rule
from services.coding.domain.shapes import (
    STATES,
    is_nine_digit_zip,
    is_npi,
    is_post_office_box,
    is_tax_id,
    is_zip,
)
from shared.contract.claim import Address, Claim, Party, Provider, ServiceLine

_CLAIM_ROLES = (
    "billing_provider",
    "pay_to_provider",
    "rendering_provider",
    "attending_provider",
    "operating_provider",
    "other_operating_provider",
    "supervising_provider",
    "assistant_surgeon",
    "facility",
)
_LINE_ROLES = (
    "rendering_provider",
    "operating_provider",
    "other_operating_provider",
    "supervising_provider",
    "ordering_provider",
    "purchased_service_provider",
    "facility",
)
_ADDRESSED = (
    "billing_provider",
    "pay_to_provider",
    "pay_to_plan",
    "subscriber",
    "patient",
    "payer",
    "facility",
)
_claim_providers: Callable[[Claim], tuple[Provider | None, ...]] = attrgetter(*_CLAIM_ROLES)
_line_providers: Callable[[ServiceLine], tuple[Provider | None, ...]] = attrgetter(*_LINE_ROLES)
_addressed: Callable[[Claim], tuple[Party | None, ...]] = attrgetter(*_ADDRESSED)

_DOMESTIC = (None, "", "US", "USA")
_DOMESTIC_ADDRESS = ("line1", "city", "state", "postal_code")
_FOREIGN_ADDRESS = ("line1", "city")
_ATYPICAL = frozenset(("G2", "0B", "1G", "LU"))
"""REF01 of identifiers that stand in for an NPI, for providers that cannot have one."""
_WITHOUT_MEMBER_ID = frozenset(("WC", "AM", "LM"))
"""SBR09 of property and casualty: workers' compensation, automobile, liability."""
_SELF = "18"


def _npi_check_digit(case: Case) -> list[str]:
    claim = case.claim
    paths = [
        f"{role}.npi"
        for role, provider in zip(_CLAIM_ROLES, _claim_providers(claim), strict=True)
        if provider is not None and provider.npi is not None and not is_npi(provider.npi)
    ]
    for at, provider in enumerate(claim.referring_providers):
        if provider.npi is not None and not is_npi(provider.npi):
            paths.append(f"referring_providers[{at}].npi")
    for at, line in enumerate(claim.service_lines):
        providers = _line_providers(line)
        if any(providers) or line.referring_providers:
            paths += [f"service_lines[{at}].{path}" for path in _line_npis(line, providers)]
    return paths


def _line_npis(line: ServiceLine, providers: Sequence[Provider | None]) -> Iterator[str]:
    for role, provider in zip(_LINE_ROLES, providers, strict=True):
        if provider is not None and provider.npi is not None and not is_npi(provider.npi):
            yield f"{role}.npi"
    for at, provider in enumerate(line.referring_providers):
        if provider.npi is not None and not is_npi(provider.npi):
            yield f"referring_providers[{at}].npi"


def _billing_name(case: Case) -> tuple[str, ...]:
    return () if case.claim.billing_provider.name else ("billing_provider.name",)


def _billing_npi(case: Case) -> tuple[str, ...]:
    billing = case.claim.billing_provider
    if billing.npi or any(reference.qualifier in _ATYPICAL for reference in billing.references):
        return ()
    return ("billing_provider.npi",)


def _billing_tax_id(case: Case) -> tuple[str, ...]:
    tax_id = case.claim.billing_provider.tax_id
    return () if tax_id and is_tax_id(tax_id) else ("billing_provider.tax_id",)


def _billing_address(case: Case) -> list[str]:
    address = case.claim.billing_provider.address
    if address is None:
        return ["billing_provider.address"]
    if address.line1 and address.city and address.state and address.postal_code:
        return []
    is_domestic = address.country in _DOMESTIC
    required = _DOMESTIC_ADDRESS if is_domestic else _FOREIGN_ADDRESS
    return [f"billing_provider.address.{name}" for name in required if not getattr(address, name)]


def _billing_post_office_box(case: Case) -> tuple[str, ...]:
    address = case.claim.billing_provider.address
    if address is None or address.line1 is None or not is_post_office_box(address.line1):
        return ()
    return ("billing_provider.address.line1",)


def _billing_zip(case: Case) -> tuple[str, ...]:
    address = case.claim.billing_provider.address
    if address is None or not address.postal_code or address.country not in _DOMESTIC:
        return ()
    if not is_zip(address.postal_code) or is_nine_digit_zip(address.postal_code):
        return ()
    return ("billing_provider.address.postal_code",)


def _addresses(claim: Claim) -> list[tuple[str, Address]]:
    """Addresses within the United States, with the path of the party each belongs to."""
    return [
        (role, party.address)
        for role, party in zip(_ADDRESSED, _addressed(claim), strict=True)
        if party is not None and party.address is not None and party.address.country in _DOMESTIC
    ]


def _states(case: Case) -> list[str]:
    return [
        f"{role}.address.state"
        for role, address in _addresses(case.claim)
        if address.state and address.state not in STATES
    ]


def _zips(case: Case) -> list[str]:
    return [
        f"{role}.address.postal_code"
        for role, address in _addresses(case.claim)
        if address.postal_code and not is_zip(address.postal_code)
    ]


def _subscriber_id(case: Case) -> tuple[str, ...]:
    claim = case.claim
    if claim.subscriber.identifier or claim.filing_indicator in _WITHOUT_MEMBER_ID:
        return ()
    return ("subscriber.identifier",)


def _patient(case: Case) -> tuple[str, ...]:
    claim = case.claim
    return () if claim.patient_relationship == _SELF or claim.patient else ("patient",)


RULES = (
    Rule(
        "npi-check-digit",
        "the NPI's check digit is wrong: a digit was mistyped or swapped",
        "Look the provider up in the NPI registry and correct the number.",
        "45 CFR 162.406; CMS, NPI check digit calculation",
        _npi_check_digit,
    ),
    Rule(
        "billing-provider-name",
        "the billing provider has no name",
        "Send the name that the provider is enrolled under.",
        "837 loop 2010AA NM103",
        _billing_name,
    ),
    Rule(
        "billing-provider-npi",
        "the billing provider has no NPI",
        "Send its NPI; a provider that cannot have one sends its payer-assigned number (G2).",
        "837 loop 2010AA NM109; 45 CFR 162.410",
        _billing_npi,
    ),
    Rule(
        "billing-provider-tax-id",
        "the billing provider's tax id is missing or has not nine digits",
        "Send the employer identification number or social security number that it files under.",
        "837 loop 2010AA REF*EI or REF*SY",
        _billing_tax_id,
    ),
    Rule(
        "billing-provider-address",
        "the billing provider's address is not complete",
        "Send street, city, state and ZIP code.",
        "837 loop 2010AA N3 and N4",
        _billing_address,
    ),
    Rule(
        "billing-provider-po-box",
        "the billing provider's address is a post office box",
        "Send the street address here; a box may stand in the pay-to address.",
        "837 loop 2010AA N301",
        _billing_post_office_box,
    ),
    Rule(
        "billing-provider-zip",
        "the billing provider's ZIP code has five digits where payers want nine",
        "Add the four-digit extension.",
        "837 loop 2010AA N403",
        _billing_zip,
        severity="warn",
    ),
    Rule(
        "state-code",
        "the state is no code of the US Postal Service",
        "Use the two-letter code, such as OH.",
        "USPS Publication 28, appendix B; 837 N402",
        _states,
    ),
    Rule(
        "zip-format",
        "the ZIP code has neither five nor nine digits",
        "Check the address.",
        "USPS Publication 28; 837 N403",
        _zips,
    ),
    Rule(
        "subscriber-id",
        "the subscriber's member id is missing",
        "Send the member id from the insurance card.",
        "837 loop 2010BA NM109",
        _subscriber_id,
    ),
    Rule(
        "patient-missing",
        "the patient is not the subscriber, and the claim does not say who it is",
        "Send the patient, or correct the relationship to 18 (self).",
        "837 loops 2000C and 2010CA",
        _patient,
    ),
)
