"""Payer profiles: who a payer is on the wire, what it takes, and how it is reached. They are data.

A file of profiles (JSON, or TOML by its suffix) has a `default`, which takes every payer that no
other profile names, and a list of `payers`, each of which says only where it differs. Without a
file, one built-in default behaves like a clearinghouse: it takes claims for any payer.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from services.submission.domain.channel import Channel, FolderChannel
from services.submission.domain.checked import Checked, faults
from services.submission.domain.terms import (
    Cutoff,
    Deadlines,
    Filing,
    Pacing,
    RequiredField,
    StatusInquiry,
)
from shared.contract.claim import Code, Text

Identity = Annotated[str, Field(min_length=2, max_length=15, pattern=r"^[A-Z0-9][A-Z0-9 .-]*$")]
Qualifier = Annotated[str, Field(pattern=r"^[A-Z0-9]{2}$")]
Separator = Annotated[str, Field(min_length=1, max_length=1)]

DEFAULT_NAME = "clearinghouse"
_OWN = ("name", "receiver", "transport", "payer_identifiers")
"""What a payer never takes from the default."""


class ProfileError(ValueError):
    """Profiles that cannot be used. The text has one line per fault, and says where it is."""


class Separators(Checked):
    """What stands between elements, repetitions, components and segments (ISA04, 11, 16, end)."""

    element: Separator = "*"
    repetition: Separator = "^"
    component: Separator = ":"
    segment: Separator = "~"

    @field_validator("element", "repetition", "component", "segment")
    @classmethod
    def _is_punctuation(cls, separator: str) -> str:
        if separator.isalnum() or separator == " " or not separator.isascii():
            raise ValueError("a separator is a punctuation or control character of ASCII")
        return separator

    @model_validator(mode="after")
    def _are_apart(self) -> "Separators":
        if len({self.element, self.repetition, self.component, self.segment}) < 4:
            raise ValueError("four different characters")
        return self


class TradingPartner(Checked):
    """One end of an interchange: ISA05/06 or ISA07/08, and its name in 1000A or 1000B."""

    qualifier: Qualifier = "ZZ"
    identifier: Identity
    name: Text
    telephone: Code | None = None


class Profile(Checked):
    """One payer, or one clearinghouse that stands before many."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = DEFAULT_NAME
    """Names the mailbox folder, the lease and the metrics: never changes once claims were sent."""
    payer_identifiers: tuple[Code, ...] = ()
    """NM109 of 2010BB: the payers this profile serves. Empty for the default."""
    sender: TradingPartner = TradingPartner(
        identifier="CLAIMWIRE", name="CLAIMWIRE", telephone="5555550100"
    )
    receiver: TradingPartner = TradingPartner(identifier="CLEARINGHOUSE", name="CLEARINGHOUSE")
    usage: Literal["P", "T"] = "P"
    """ISA15: production or test."""
    separators: Separators = Separators()
    wants_ta1: bool = False
    """ISA14: ask for a TA1."""
    frequency_codes: tuple[Code, ...] = ()
    """CLM05-3 values this payer takes. Empty: all that the claim's kind allows."""
    takes_later_turns: bool = True
    """Whether it takes secondary and tertiary claims in 837 form."""
    required: tuple[RequiredField, ...] = ()
    interchange_max_claims: int | None = Field(None, gt=0, le=5000)
    interchange_window_s: float | None = Field(None, ge=0)
    claims_per_set: int = Field(100, gt=0, le=5000)
    """Claims in one ST: a payer that rejects a set rejects all of its claims."""
    deadlines: Deadlines = Deadlines()
    cutoff: Cutoff | None = None
    filing: Filing = Filing()
    status_inquiry: StatusInquiry | None = None
    """None: the payer takes no 276."""
    pacing: Pacing = Pacing()
    transport: Channel = FolderChannel()

    @model_validator(mode="before")
    @classmethod
    def _name_of_a_transport(cls, fields: Any) -> Any:
        """`transport = "folder"` is short for `transport = { kind = "folder" }`."""
        if isinstance(fields, dict) and isinstance(fields.get("transport"), str):
            return {**fields, "transport": {"kind": fields["transport"]}}
        return fields


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles of one installation."""

    default: Profile
    named: tuple[Profile, ...]
    by_payer: Mapping[str, Profile]

    def serving(self, payer_identifier: str | None) -> Profile:
        """The profile for claims to this payer (NM109 of 2010BB); the default for any other."""
        return self.by_payer.get(payer_identifier or "", self.default)

    def all(self) -> tuple[Profile, ...]:
        """Every profile, the default last."""
        return (*self.named, self.default)


def load_profiles(path: Path | None) -> Profiles:
    """Profiles of a file, or the built-in default. Raises ProfileError."""
    if path is None:
        return read_profiles({})
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise ProfileError(f"{path.name} cannot be read: {type(error).__name__}") from None
    if not isinstance(document, dict):
        raise ProfileError(f"{path.name} holds no object with `default` and `payers`")
    return read_profiles(document)


def read_profiles(document: Mapping[str, Any]) -> Profiles:
    """Profiles of a document `{"default": {...}, "payers": [{...}, ...]}`. Raises ProfileError."""
    unknown = sorted(set(document) - {"default", "payers"})
    if unknown:
        raise ProfileError("\n".join(f"{name}: neither `default` nor `payers`" for name in unknown))
    default_fields = document.get("default", {})
    default = _validated(default_fields, "default")
    shared_fields = {k: v for k, v in default_fields.items() if k not in _OWN}
    named, wrong = [], []
    for number, fields in enumerate(_payers(document)):
        try:
            named.append(_validated({**shared_fields, **fields}, f"payers[{number}]"))
        except ProfileError as error:
            wrong.append(str(error))
    if wrong:
        raise ProfileError("\n".join(wrong))
    _check_apart([*named, default])
    by_payer = {identifier: row for row in named for identifier in row.payer_identifiers}
    return Profiles(default, tuple(named), by_payer)


def _payers(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    payers = document.get("payers", [])
    if not isinstance(payers, list) or not all(isinstance(row, dict) for row in payers):
        raise ProfileError("payers: must be a list of objects")
    return payers


def _validated(fields: object, where: str) -> Profile:
    try:
        return Profile.model_validate(fields)
    except ValidationError as error:
        raise ProfileError("\n".join(faults(error, where))) from None


def _check_apart(profiles: Sequence[Profile]) -> None:
    names = [profile.name for profile in profiles]
    payers = [identifier for profile in profiles for identifier in profile.payer_identifiers]
    ends = [f"{row.sender.identifier} to {row.receiver.identifier}" for row in profiles]
    for what, values in (
        ("name", names),
        ("payer identifier", payers),
        # Their control numbers would be one sequence, and an answer could be about either.
        ("pair of sender and receiver", ends),
    ):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ProfileError(f"{what} in more than one profile: {', '.join(twice)}")
