"""Whose a claim is: a patient account is one billing provider's, under one control number.

It is apart because a control number is what payers send back, and no identity: clinics use the same
ones. What has a number in common is loaded, locked and matched together (`number_key`); what it
comes to in money, bills and events goes by the account (`patient_account_id`).
"""

from functools import lru_cache
from typing import NamedTuple

from shared.contract.envelope import business_id


class BillingProvider(NamedTuple):
    """Who bills a claim (2010AA): its patient account is this provider's."""

    npi: str | None = None
    tax_id: str | None = None
    """REF*EI or SY, letters and digits only."""
    source: str = ""
    """Who sent the claim, for one that names its provider by neither."""

    @property
    def key(self) -> str:
        """What tells it from other providers: its NPI, else its tax id (the clinics of a group
        share one), else who sends its claims."""
        if self.npi:
            return f"npi/{self.npi}"
        return f"tax/{self.tax_id}" if self.tax_id else f"source/{self.source}"


class Payee(NamedTuple):
    """Whom a remittance pays (1000B): the billing provider, or whoever collects for it."""

    identifier: str | None = None
    """N104: an NPI, or a tax id (`N103` FI)."""
    tax_id: str | None = None
    """N104 where N103 is FI, else REF*TJ."""
    is_ours: bool = False
    """`identifier` is the NPI of a billing provider whose claims we know."""


NOBODY_KNOWN = Payee()


@lru_cache(maxsize=8192)
def number_key(patient_control_number: str) -> str:
    """The key that the states, order and parking of all claims with a number go by. Payers change
    case and pad with blanks; neither makes another number."""
    return str(business_id("pcn", _plain_number(patient_control_number)))


def patient_account_id(
    patient_control_number: str, provider: BillingProvider, *more: object
) -> str:
    """The patient account of a provider under a control number. Accounts that were opened before
    there was more than one under a number have that number's key for an id, and keep it."""
    number = _plain_number(patient_control_number)
    return str(business_id("patient-account", number, provider.key, *more))


def _plain_number(patient_control_number: str) -> str:
    return patient_control_number.strip().upper()


def own_provider_key(npi: str) -> str:
    """The key under which stands that a billing provider is one of ours."""
    return f"provider/{npi}"


def plain(identifier: str) -> str:
    """An identifier for comparing: letters and digits only, in capitals."""
    return "".join(ch for ch in identifier.upper() if ch.isalnum())
