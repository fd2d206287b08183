"""Source profiles: what a hospital's messages mean. A new hospital is a profile and not code.

A file of profiles (JSON, or TOML by its suffix) has a `default` and `sources`; each source says
only where it differs. Without a file the built-in default stands: the fields that the HL7 standard
gives each value, a claim once the encounter is complete, late charges as a replacement.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.intake.domain.hl7.charsets import PYTHON_CODEC
from services.intake.domain.hl7.paths import FieldPath, PathError, parse_path
from services.intake.domain.profile_tables import (
    BILL_TYPES,
    CHARGE_KINDS,
    DIAGNOSIS_SYSTEMS,
    EVENTS,
    FIELDS,
    PLACES_OF_SERVICE,
    PROCEDURE_SYSTEMS,
    RELATIONSHIPS,
    REPLACING_EVENTS,
    REVENUE_SYSTEMS,
    Meaning,
)
from shared.contract.claim import Code, Payer, Provider, Text

Days = Annotated[int, Field(ge=0, le=3650)]
_MERGED = (
    "fields",
    "events",
    "payers",
    "billing_providers",
    "revenue_codes",
    "relationships",
    "places_of_service",
    "bill_types",
    "diagnosis_systems",
    "charge_kinds",
    "filing_indicators",
)
"""Tables of which a source gives only the rows that differ."""


class SourceProfileError(ValueError):
    """Profiles that cannot be used. The text has one line per fault, and says where it is."""


class PayerEntry(BaseModel):
    """Whom a hospital means by a plan or company code of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    identifier: Code
    name: Text | None = None
    qualifier: Literal["PI", "XV"] = "PI"
    filing_indicator: Code | None = None


class SourceProfile(BaseModel):
    """One source's tables and rules."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    fields: Mapping[str, tuple[str, ...]] = FIELDS
    """Where each value is, the first filled place counts."""
    events: Mapping[str, Meaning] = EVENTS
    """What each trigger event does; one that is not listed is refused."""
    charset: str | None = None
    """Of messages that are not ASCII and do not name theirs in MSH-18 (a value of HL7 table 0211).
    """
    billing_provider: Provider | None = None
    billing_providers: Mapping[str, Provider] = {}
    """By facility (PV1-39, MSH-4), where one feed carries several that bill."""
    payers: Mapping[str, PayerEntry] = {}
    """By the hospital's own company (IN1-3) or plan (IN1-2) code."""
    default_payer: PayerEntry | None = None
    """Who gets claims for codes that are not in `payers`; without it their code is the payer's."""
    filing_indicators: Mapping[str, Code] = {}
    """SBR09 by the plan type (IN1-15)."""
    relationships: Mapping[str, Code] = RELATIONSHIPS
    claim_kind: Literal["auto", "professional", "institutional", "dental"] = "auto"
    """`auto`: institutional for an inpatient or where a charge has a revenue code, dental where
    all procedures are dental, else professional."""
    bill_types: Mapping[str, Code] = BILL_TYPES
    places_of_service: Mapping[str, Code] = PLACES_OF_SERVICE
    revenue_codes: Mapping[str, Code] = {}
    """By department (FT1-13) or charge code (FT1-7), where no field holds the revenue code."""
    procedure_systems: tuple[str, ...] = PROCEDURE_SYSTEMS
    revenue_systems: tuple[str, ...] = REVENUE_SYSTEMS
    diagnosis_systems: Mapping[str, Literal["icd10cm", "icd9cm"]] = DIAGNOSIS_SYSTEMS
    charge_kinds: Mapping[str, Literal["charge", "credit", "other"]] = CHARGE_KINDS
    completing_events: tuple[str, ...] = ("BAR^P06",)
    """Which messages call for the final bill. With `DFT^P03` here every batch of charges is one."""
    hold_days: Days = 0
    """A claim is made so long after the discharge; a final bill does not wait."""
    overdue_days: Days = 3
    """Charges whose encounter was not registered in so many days are reported."""
    open_days: Days = 60
    """Charges whose encounter was not completed in so many days are reported."""
    late_charges: Literal["replace", "report"] = "replace"
    """What charges after the claim do: a replacement claim (frequency 7), or a finding alone."""
    replacing_events: tuple[str, ...] = REPLACING_EVENTS
    """Which messages may lead to a replacement; others are taken down and change no sent claim."""
    accepts_assignment: Code = "A"
    benefits_assigned: Code = "Y"
    release_of_information: Code = "Y"

    @field_validator("fields")
    @classmethod
    def _are_paths(cls, fields: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
        for name, paths in fields.items():
            if name not in FIELDS:
                raise ValueError(f"{name} is no value of ours")
            try:
                for path in paths:
                    parse_path(path)
            except PathError as error:
                raise ValueError(f"{name}: {error}") from None
        return fields

    @field_validator("charset")
    @classmethod
    def _is_charset(cls, charset: str | None) -> str | None:
        if charset is not None and charset.upper() not in PYTHON_CODEC:
            raise ValueError("charset is a value of HL7 table 0211")
        return charset

    @model_validator(mode="after")
    def _has_account(self) -> "SourceProfile":
        if not self.fields["account"]:
            raise ValueError("fields.account says which encounter a message is about")
        return self

    @property
    def codec(self) -> str | None:
        return PYTHON_CODEC[self.charset.upper()] if self.charset else None

    @cached_property
    def paths(self) -> Mapping[str, tuple[FieldPath, ...]]:
        """`fields`, ready to be read from."""
        return {name: tuple(map(parse_path, paths)) for name, paths in self.fields.items()}

    def payer_of(self, company: str, plan: str, name: str) -> tuple[Payer, str | None]:
        """The payer that a message's codes mean, and its SBR09 where the tables say it."""
        entry = self.payers.get(company) or self.payers.get(plan)
        if entry is None and self.default_payer is not None:
            entry = self.default_payer
        if entry is None:
            code = company or plan
            named = Payer(
                name=name or None,
                identifier_qualifier="PI" if code else None,
                identifier=code or None,
            )
            return named, None
        payer = Payer(
            name=entry.name or name or None,
            identifier_qualifier=entry.qualifier,
            identifier=entry.identifier,
        )
        return payer, entry.filing_indicator


@dataclass(frozen=True, slots=True)
class SourceProfiles:
    """All profiles of one installation."""

    default: SourceProfile
    by_source: Mapping[str, SourceProfile]

    def of(self, source: str) -> SourceProfile:
        return self.by_source.get(source, self.default)


def load_profiles(path: Path | None) -> SourceProfiles:
    """Profiles of a file, or the built-in default. Raises SourceProfileError."""
    if path is None:
        return BUILT_IN
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise SourceProfileError(f"{path.name} cannot be read: {type(error).__name__}") from None
    return read_profiles(document)


def read_profiles(document: Any) -> SourceProfiles:
    """Profiles of a document with `default` and `sources`. Raises SourceProfileError."""
    if not isinstance(document, dict) or document.keys() - {"default", "sources"}:
        raise SourceProfileError("an object with `default` and `sources` is expected")
    rows: dict[str, Any] = {"default": document.get("default", {})}
    sources = document.get("sources", {})
    if not isinstance(sources, dict):
        raise SourceProfileError("sources: an object of profiles by source is expected")
    rows |= {f"sources.{name}": profile for name, profile in sources.items()}
    if any(not isinstance(row, dict) for row in rows.values()):
        raise SourceProfileError("each profile is an object")
    base = _laid_over(_BUILT_IN_TABLES, rows["default"])
    faults: list[str] = []
    made = {}
    for where, row in rows.items():
        whole = base if where == "default" else _laid_over(base, row)
        try:
            made[where] = SourceProfile.model_validate(whole)
        except ValidationError as error:
            faults += (
                f"{'.'.join((where, *map(str, one['loc'])))}: {_reason(one['msg'])}"
                for one in error.errors(include_input=False, include_url=False)
            )
    if faults:
        raise SourceProfileError("\n".join(faults))
    by_source = {name: made[f"sources.{name}"] for name in sources}
    return SourceProfiles(made["default"], by_source)


def _laid_over(base: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    whole = {**base, **row}
    for name in _MERGED:
        if isinstance(row.get(name), dict):
            whole[name] = {**base.get(name, {}), **row[name]}
    return whole


def _reason(text: str) -> str:
    return text.removeprefix("Value error, ")


_BUILT_IN_TABLES: Mapping[str, Any] = {
    name: getattr(SourceProfile(), name)
    for name in _MERGED
    if name not in ("payers", "billing_providers")
}
BUILT_IN = SourceProfiles(SourceProfile(), {})
