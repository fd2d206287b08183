"""A patient's bill as facts: every service with where each cent of its price went.

It is apart from how a bill looks because what must be right is here: for each service and for the
whole, price = discount + paid by plans + not owed + the patient's share; nothing is on it that
anybody else may still answer for. Reason codes and codes of services are kept, not texts: those
come with the language. Amounts are integer cents.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from services.remittance.domain.balances import (
    BUCKETS,
    Bucket,
    ClaimBalance,
    OpenKind,
    PatientBalance,
)
from services.remittance.domain.ledger import AccountKind
from services.remittance.domain.patient_lines import Line, Part
from services.remittance.domain.state import name_key
from shared.contract.claim import Address, Claim, Party, ServiceLine
from shared.contract.model import Model, Quantity
from shared.money import Cents

NotOwedKind = Literal["contractual", "adjusted", "given_up", "denied"]
"""contractual: a discount by agreement. adjusted: groups OA and PI. given_up: by a person here.
denied: the payer said no, and nobody asks the patient for it."""

_NOT_OWED: Mapping[AccountKind, NotOwedKind] = {
    AccountKind.CONTRACTUAL_ALLOWANCE: "contractual",
    AccountKind.OTHER_ADJUSTMENT: "adjusted",
    AccountKind.WRITE_OFF: "given_up",
    AccountKind.DENIED_PENDING: "denied",
}
ADULT_YEARS = 18
_VOWELS = frozenset("AEIOUY")
_ABBREVIATIONS = frozenset(
    {"ST", "RD", "DR", "LN", "PL", "CT", "BLVD", "HWY", "PKWY", "SQ", "MT", "FT", "JR", "SR"}
)


class Money(Model):
    """The price of something and where it went."""

    charge: Cents = 0
    discount: Cents = 0
    paid: Cents = 0
    not_owed: Cents = 0
    share: Cents = 0

    @property
    def rest(self) -> int:
        """What is not explained; 0 for a claim as a whole, and for a line decided by itself."""
        return self.charge - self.discount - self.paid - self.not_owed - self.share

    @property
    def is_nothing(self) -> bool:
        return not (self.charge or self.discount or self.paid or self.not_owed or self.share)


class Share(Model):
    """A part of the patient's share, by the plan's word for it and the payer's reason."""

    bucket: Bucket
    reason: str
    amount: Cents


class BilledService(Money):
    """One service line; `number` None is what was decided on the visit as a whole."""

    number: int | None = None
    service_from: date | None = None
    service_through: date | None = None
    code: str | None = None
    modifiers: tuple[str, ...] = ()
    revenue_code: str | None = None
    units: Quantity | None = None
    shares: tuple[Share, ...] = ()
    """`share` by the plan's words for it."""


class NotOwed(Model):
    kind: NotOwedKind
    reason: str
    amount: Cents


class BilledClaim(Model):
    claim_id: UUID
    payers: tuple[str, ...] = ()
    """Names, the one that was asked first first."""
    payer_claim_control_number: str | None = None
    provider: str | None = None
    services: tuple[BilledService, ...]
    shares: tuple[Share, ...] = ()
    not_owed: tuple[NotOwed, ...] = ()

    @property
    def total(self) -> Money:
        return summed(self.services)


class WaitingClaim(Model):
    """Care that is not on this bill: somebody else may still answer for it."""

    claim_id: UUID
    payers: tuple[str, ...] = ()
    payer_claim_control_number: str | None = None
    service_from: date | None = None
    code: str | None = None
    revenue_code: str | None = None
    services: int = 0
    charge: Cents
    reasons: tuple[OpenKind, ...]


class Person(Model):
    name: str
    address: tuple[str, ...] = ()


class Estimate(Model):
    """What the patient was told to expect to pay."""

    amount: Cents
    given_on: date


class Bill(Model):
    account_id: UUID
    account_number: str
    patient: Person | None = None
    addressee: Person | None = None
    """Who gets it: the patient, or for a child the person who is insured."""
    provider: Person | None = None
    provider_phone: str | None = None
    claims: tuple[BilledClaim, ...]
    waiting: tuple[WaitingClaim, ...] = ()
    patient_paid: Cents = 0
    amount_due: Cents = 0
    refund: Cents = 0
    """What the patient paid too much and gets back."""
    estimate: Estimate | None = None
    is_of_several: bool = False
    """Its claims name different patients: two senders may use one account number."""

    @property
    def total(self) -> Money:
        """Of all that is on the bill."""
        return summed(claim.total for claim in self.claims)


class ClaimFacts(Model):
    """What a bill needs of a claim beside its balance."""

    claim: Claim | None = None
    """As it was sent; None where it is not kept."""
    payer_names: tuple[str, ...] = ()


def bill_of(
    balance: PatientBalance,
    facts: Mapping[UUID, ClaimFacts],
    lines: Mapping[UUID, Mapping[Line, Mapping[Part, int]]],
    payments: Mapping[UUID, Mapping[int, int]],
    *,
    on: date,
    estimate: Estimate | None = None,
) -> Bill:
    """The bill of a patient account as it stands. `lines` are the claims' cents by line
    (`cents_by_line`), `payments` what plans paid by line, where they said so."""
    known = {claim.claim_id: facts.get(claim.claim_id, ClaimFacts()) for claim in balance.claims}
    stands = [claim for claim in balance.claims if claim.charge or claim.patient or claim.paid]
    billed = tuple(
        _billed(
            claim,
            known[claim.claim_id],
            lines.get(claim.claim_id, {}),
            payments.get(claim.claim_id, {}),
        )
        for claim in stands
        if not claim.open
    )
    waiting = tuple(_waiting(claim, known[claim.claim_id]) for claim in stands if claim.open)
    first = next((one.claim for one in known.values() if one.claim is not None), None)
    return Bill(
        account_id=balance.account_id,
        account_number=balance.claims[0].patient_control_number if balance.claims else "",
        patient=_person(first.patient or first.subscriber) if first else None,
        addressee=_addressee(first, on) if first else None,
        provider=_person(first.billing_provider) if first else None,
        provider_phone=_phone(first.billing_provider) if first else None,
        claims=billed,
        waiting=waiting,
        patient_paid=balance.paid,
        amount_due=balance.billable,
        refund=balance.credit + balance.refunds_due,
        estimate=estimate,
        is_of_several=len({_identity(one.claim) for one in known.values() if one.claim}) > 1,
    )


def _identity(claim: Claim) -> tuple[str, date | None]:
    person = claim.patient or claim.subscriber
    return name_key(person.name, person.first_name), person.birth_date


def summed(parts: Iterable[Money]) -> Money:
    """The sum of these, column by column."""
    rows = list(parts)
    return Money(
        charge=sum(row.charge for row in rows),
        discount=sum(row.discount for row in rows),
        paid=sum(row.paid for row in rows),
        not_owed=sum(row.not_owed for row in rows),
        share=sum(row.share for row in rows),
    )


def _billed(
    balance: ClaimBalance,
    facts: ClaimFacts,
    lines: Mapping[Line, Mapping[Part, int]],
    payments: Mapping[int, int],
) -> BilledClaim:
    claim = facts.claim
    services = [
        _service(line, lines.get(line.number, {}), payments.get(line.number, 0))
        for line in (claim.service_lines if claim else ())
    ]
    whole = _less(_total(balance), summed(services))
    if not whole.is_nothing:
        shares = _shares(lines.get(None, {}))
        services.append(BilledService(**whole.model_dump(), shares=shares))
    parts = _parts(lines)
    return BilledClaim(
        claim_id=balance.claim_id,
        payers=tuple(readable(name) for name in facts.payer_names),
        payer_claim_control_number=balance.payer_claim_control_number,
        provider=_name(claim.billing_provider) if claim else None,
        services=tuple(services),
        shares=_shares(parts),
        not_owed=tuple(
            NotOwed(kind=_NOT_OWED[part.account], reason=part.reason, amount=cents)
            for part, cents in parts.items()
            if part.account in _NOT_OWED
        ),
    )


def _service(line: ServiceLine, parts: Mapping[Part, int], paid: int) -> BilledService:
    sums: dict[AccountKind, int] = {}
    for part, cents in parts.items():
        sums[part.account] = sums.get(part.account, 0) + cents
    discount = sums.get(AccountKind.CONTRACTUAL_ALLOWANCE, 0)
    return BilledService(
        number=line.number,
        service_from=line.service_from,
        service_through=line.service_through,
        code=line.procedure.code if line.procedure else None,
        modifiers=line.procedure.modifiers if line.procedure else (),
        revenue_code=line.revenue_code,
        units=line.units,
        charge=line.charge,
        discount=discount,
        paid=paid,
        not_owed=sum(sums.get(kind, 0) for kind in _NOT_OWED) - discount,
        share=sums.get(AccountKind.PATIENT_RECEIVABLE, 0),
        shares=_shares(parts),
    )


def _shares(parts: Mapping[Part, int]) -> tuple[Share, ...]:
    return tuple(
        Share(bucket=BUCKETS.get(part.reason, "other"), reason=part.reason, amount=cents)
        for part, cents in sorted(parts.items())
        if part.account is AccountKind.PATIENT_RECEIVABLE and cents
    )


def _total(balance: ClaimBalance) -> Money:
    """The claim as the ledger has it. Nothing of it is open: the receivable is zero."""
    return Money(
        charge=balance.charge,
        discount=balance.contractual,
        paid=balance.paid,
        not_owed=balance.other + balance.written_off + balance.denied,
        share=balance.patient,
    )


def _less(whole: Money, parts: Money) -> Money:
    return Money(
        charge=whole.charge - parts.charge,
        discount=whole.discount - parts.discount,
        paid=whole.paid - parts.paid,
        not_owed=whole.not_owed - parts.not_owed,
        share=whole.share - parts.share,
    )


def _parts(lines: Mapping[Line, Mapping[Part, int]]) -> dict[Part, int]:
    sums: dict[Part, int] = {}
    for parts in lines.values():
        for part, cents in parts.items():
            sums[part] = sums.get(part, 0) + cents
    return {part: sums[part] for part in sorted(sums) if sums[part]}


def _waiting(balance: ClaimBalance, facts: ClaimFacts) -> WaitingClaim:
    lines: Sequence[ServiceLine] = facts.claim.service_lines if facts.claim else ()
    days = [line.service_from for line in lines if line.service_from]
    first = lines[0] if lines else None
    return WaitingClaim(
        claim_id=balance.claim_id,
        payers=tuple(readable(name) for name in facts.payer_names),
        payer_claim_control_number=balance.payer_claim_control_number,
        service_from=min(days, default=facts.claim.statement_from if facts.claim else None),
        code=first.procedure.code if first and first.procedure else None,
        revenue_code=first.revenue_code if first else None,
        services=len(lines),
        charge=balance.charge,
        reasons=tuple(dict.fromkeys(one.kind for one in balance.open)),
    )


# Who it is for, and from


def _addressee(claim: Claim, on: date) -> Person:
    patient = claim.patient
    if patient is None or not _is_child(patient.birth_date, on):
        person = _person(patient or claim.subscriber)
        return (
            person
            if person.address
            else Person(name=person.name, address=_address(claim.subscriber.address))
        )
    return _person(claim.subscriber)


def _is_child(born: date | None, on: date) -> bool:
    return (
        born is not None
        and (on.year - born.year) - ((on.month, on.day) < (born.month, born.day)) < ADULT_YEARS
    )


def _person(party: Party) -> Person:
    return Person(name=_name(party), address=_address(party.address))


def _name(party: Party) -> str:
    names = (party.first_name, party.middle_name, party.name, party.suffix)
    return " ".join(readable(one.strip()) for one in names if one)


def _address(address: Address | None) -> tuple[str, ...]:
    if address is None:
        return ()
    place = " ".join(one for one in (address.state, _postal(address.postal_code)) if one)
    city = ", ".join(one for one in (readable(address.city or ""), place) if one)
    lines = (readable(address.line1 or ""), readable(address.line2 or ""), city)
    return tuple(line for line in lines if line)


def _postal(code: str | None) -> str | None:
    """`627030001` is `62703-0001` on an envelope."""
    return f"{code[:5]}-{code[5:]}" if code and len(code) == 9 and code.isdigit() else code


def readable(text: str) -> str:
    """A name that came in capitals, as X12 has it, in the letters that people write: words without
    a vowel (`BCBS`, `LLC`) stay, but for streets and titles."""
    if not text.isupper():
        return text
    return " ".join(
        word if _VOWELS.isdisjoint(word) and word not in _ABBREVIATIONS else word.capitalize()
        for word in text.split(" ")
    )


def _phone(party: Party) -> str | None:
    numbers = (number for contact in party.contacts for number in contact.numbers)
    number = next((number.value for number in numbers if number.kind == "TE"), None)
    if number and len(number) == 10 and number.isdecimal():
        return f"{number[:3]}-{number[3:6]}-{number[6:]}"
    return number
