"""What a house decides about its bills: who it is, how it is paid, its deadlines, its own words.

It is apart from the policy because that is about payers and this is about patients. An operator's
JSON file replaces any part; amounts in it are decimal strings.
"""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from shared.contract.model import Model
from shared.money import Cents

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")


class Wording(Model):
    """A text in each language that bills are written in."""

    en: str
    es: str

    def in_language(self, language: Language) -> str:
        return self.es if language == "es" else self.en


class Office(Model):
    """Who sends the bill and how it is paid. What is absent is taken from the claim's billing
    provider, or left off the bill."""

    name: str | None = None
    address: tuple[str, ...] = ()
    phone: str | None = None
    hours: Wording | None = None
    pay_online: str | None = None
    """A web address, without anything of a patient in it."""
    pay_by_mail: tuple[str, ...] = ()


class BillingTerms(Model):
    office: Office = Office()
    language: Language = "en"
    """Of bills for which nobody asked another."""
    itemised_within_days: int = 30
    """After the last payer's payment an itemised bill is out: Texas Health and Safety Code
    185.002, the strictest rule we know of; an operator sets its own state's."""
    margin_days: int = 5
    """So long before that day a bill goes out even though other care still waits for a payer."""
    payment_days: int = 30
    estimate_excess: Cents = 400_00
    """A bill so much above the good-faith estimate may be disputed: 45 CFR 149.620."""
    link_days: int = 7
    """A one-time link is good for so long."""
    services: Mapping[str, Wording] = Field(default_factory=dict)
    """The operator's own words for procedure codes and revenue codes."""
    phrases: Mapping[str, Wording] = Field(default_factory=dict)
    """The operator's own words in place of ours, by our phrase's key."""


DEFAULT_TERMS = BillingTerms()
