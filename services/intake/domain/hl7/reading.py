"""A stream of HL7 v2 messages into what each of them says."""

from collections.abc import Iterator
from typing import BinaryIO

from services.intake.domain.arrival import ClaimRefusal, Unreadable, capped
from services.intake.domain.encounter import EncounterNews
from services.intake.domain.hl7.mapping import read_message
from services.intake.domain.hl7.parsing import MessageError, parse
from services.intake.domain.hl7.splitting import MAX_MESSAGE_BYTES, messages
from services.intake.domain.profile import SourceProfile
from shared.contract.model import Finding


def read_hl7(
    stream: BinaryIO, profile: SourceProfile
) -> Iterator[EncounterNews | ClaimRefusal | Unreadable]:
    """What each message says, or all that is wrong with it. One bad message takes none with it."""
    for raw in messages(stream):
        yield read_one(raw, profile)


def read_one(raw: bytes, profile: SourceProfile) -> EncounterNews | ClaimRefusal | Unreadable:
    """What one message says."""
    if len(raw) > MAX_MESSAGE_BYTES:
        return Unreadable((_too_large(),))
    try:
        message = parse(raw, profile.codec)
    except MessageError as error:
        return Unreadable(capped(list(error.findings)))
    return read_message(message, profile)


def _too_large() -> Finding:
    return Finding(
        code="record-too-large",
        path="MSH",
        message=f"the message is longer than {MAX_MESSAGE_BYTES >> 20} MiB",
        hint="Send an encounter's charges in several messages.",
    )
