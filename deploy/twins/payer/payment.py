"""The twin's 835s: what it pays, to whom, with the claims that the payment is for."""

from collections.abc import Iterator, Sequence

from deploy.twins.payer.adjudicate import Judged, by_key
from deploy.twins.payer.reception import Received
from shared.contract.claim import Address, Claim, Contact, ContactNumber, Payer, Provider
from shared.contract.remittance import (
    BankAccount,
    RemittanceClaim,
    RemittanceHeader,
    RemittanceOrganization,
    RemittanceReference,
)
from shared.x12.answers.writing import Remittance

_COMPANY = "1999999999"
_ACCOUNT = BankAccount("01", "999999992", "DA", "1000000")
_ADDRESS = Address(line1="100 PAYER PLAZA", city="SPRINGFIELD", state="IL", postal_code="627010001")
_DESK = Contact(
    function="BL", name="EDI DESK", numbers=(ContactNumber(kind="TE", value="5555550199"),)
)


def remittances(received: Received, judged: Sequence[Judged]) -> Iterator[Remittance]:
    """An 835 for each payer and payee of the interchange."""
    adjudicated = [(claim, d.remittance) for claim, d in judged if d.remittance]
    pairs = by_key(
        adjudicated, lambda row: f"{row[0].payer.identifier}\x1f{row[0].billing_provider.npi}"
    )
    for number, (_, rows) in enumerate(pairs, start=1):
        claims = [claim for _, claim in rows]
        yield _header(received, number, rows[0][0], claims), claims, ()


def _header(
    received: Received, number: int, first: Claim, claims: Sequence[RemittanceClaim]
) -> RemittanceHeader:
    amount = sum(claim.paid for claim in claims)
    on = received.created_at.date()
    is_paid = amount > 0
    header = received.header
    return RemittanceHeader(
        transaction_control_number=f"{number:04d}",
        handling="I" if is_paid else "H",
        amount=amount,
        method="ACH" if is_paid else "NON",
        payment_format="CCP" if is_paid else None,
        sender_account=_ACCOUNT if is_paid else None,
        originating_company=_COMPANY if is_paid else None,
        receiver_account=_ACCOUNT if is_paid else None,
        payment_date=on,
        trace_number=f"{header.sender[:8]}{header.control_number}{number:04d}",
        trace_payer=_COMPANY,
        production_date=on,
        payer=_payer(first.payer),
        payee=_payee(first.billing_provider),
    )


def _payer(payer: Payer) -> RemittanceOrganization:
    identifier = payer.identifier
    return RemittanceOrganization(
        name=payer.name,
        address=_ADDRESS,
        references=(RemittanceReference("2U", identifier),) if identifier else (),
        contacts=(_DESK,),
    )


def _payee(provider: Provider) -> RemittanceOrganization:
    return RemittanceOrganization(
        name=provider.name,
        identifier_qualifier="XX" if provider.npi else "FI",
        identifier=provider.npi or provider.tax_id,
        references=(RemittanceReference("TJ", provider.tax_id),) if provider.tax_id else (),
    )
