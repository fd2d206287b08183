"""submission without broker and database: the command line's filters over the same pure functions.

`submit` writes coded claims into 837 files; `ack` reads what payers answer. What is known from one
run to the next is in the folder: control numbers go on from the files that are there.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from services.submission.domain.acknowledgement import SOURCE
from services.submission.domain.changes import Leg
from services.submission.domain.control_numbers import format_control_number
from services.submission.domain.interchange import Pending, Written, write
from services.submission.domain.profile import Profile, Profiles, read_profiles
from services.submission.saying import unwritable_event
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id
from shared.contract.events import (
    AcknowledgementRead,
    ClaimCoded,
    ClaimSecondaryDue,
    ClaimSubmitted,
    InterchangeReference,
    MessageOrigin,
    MessageRejected,
)
from shared.contract.model import Model, to_wire
from shared.x12.answers.acknowledgements import read_acknowledgements
from shared.x12.answers.meaning import answer_events

CLAIMS_PER_FILE = 500


def submit(
    events: Iterable[Event],
    out_dir: Path,
    *,
    now: datetime,
    profiles: Profiles | None = None,
    claims_per_file: int = CLAIMS_PER_FILE,
) -> Iterator[Event]:
    """`claim.submitted` for each claim, coded or due at its next payer, that is in a file;
    `claim.refused` for each that no 837 can say; every other event untouched.

    A file for each payer profile and kind of claim, closed at `claims_per_file`; complete once it
    has its name. Raises OSError where the folder cannot be written.
    """
    known = profiles or read_profiles({})
    waiting: dict[tuple[str, str], list[Event]] = {}
    serving: dict[str, Profile] = {profile.name: profile for profile in known.all()}
    for event in events:
        if not isinstance(event.data, ClaimCoded | ClaimSecondaryDue):
            yield event
            continue
        claim = event.data.claim
        key = (known.serving(claim.payer.identifier).name, claim.kind)
        waiting.setdefault(key, []).append(event)
        if len(waiting[key]) == claims_per_file:
            yield from _file(waiting.pop(key), serving[key[0]], out_dir, now)
    for (name, _), claims in waiting.items():
        yield from _file(claims, serving[name], out_dir, now)


def _file(coded: list[Event], profile: Profile, out_dir: Path, now: datetime) -> Iterator[Event]:
    # By claim id and turn: the newest revision is the one that goes, as in the service.
    newest = {(e.subject, _claim(e).payer_sequence): e for e in coded}
    by_leg = {_leg(event): event for event in newest.values()}
    number = _next_number(out_dir, profile)
    pending = [Pending(leg, to_wire(_claim(event))) for leg, event in by_leg.items()]
    written = write(pending, profile, number, now)
    if written.placed:
        partial = out_dir / f"{_stem(profile, number)}.tmp"
        partial.write_bytes(written.content)
        partial.rename(partial.with_suffix(".837"))
    for unwritable in written.unwritable:
        yield unwritable_event(unwritable, by_leg[unwritable.leg].traceparent, now)
    yield from _submitted(written, profile, number, by_leg, now=now)


def _submitted(
    written: Written,
    profile: Profile,
    number: int,
    coded: dict[Leg, Event],
    *,
    now: datetime,
) -> Iterator[Event]:
    ends = (profile.sender.identifier, profile.receiver.identifier)
    interchange_id = business_id("interchange", *ends, number)
    for placed in written.placed:
        cause = coded[placed.leg]
        reference = InterchangeReference(
            interchange_id=interchange_id,
            payer=profile.name,
            interchange_control_number=format_control_number(number),
            group_control_number=str(number),
            transaction_control_number=placed.transaction_control_number,
        )
        yield _event(
            cause.subject,
            ClaimSubmitted(claim=_claim(cause), interchange=reference, submitted_at=now),
            now,
            cause=cause,
        )


def ack(stream: BinaryIO, *, now: datetime) -> Iterator[Event]:
    """`acknowledgement.read` for each TA1, 999, 277CA and 277 of a file, long ones in pieces;
    `message.rejected` for what cannot be read. 835s are passed over."""
    for position, read in enumerate(answer_events(read_acknowledgements(stream))):
        message_id = business_id("acknowledgement", position, repr(read.findings))
        if isinstance(read, AcknowledgementRead):
            identity = business_id("acknowledgement", position, to_wire(read))
            yield _event(str(identity), read, now)
        elif any(finding.severity == "block" for finding in read.findings):
            origin = MessageOrigin(
                message_id=message_id, source="payer", format="x12", position=position
            )
            yield _event(
                str(message_id), MessageRejected(origin=origin, findings=read.findings), now
            )


def _event(subject: str, data: Model, now: datetime, cause: Event | None = None) -> Event:
    return Event(
        id=business_id("submission filter", type(data).__name__, subject, to_wire(data)),
        source=SOURCE,
        subject=subject,
        time=now,
        data=data,
        sequence=cause.sequence if cause else 1,
        traceparent=cause.traceparent if cause else None,
        causation_id=cause.id if cause else None,
    )


def _claim(event: Event) -> Claim:
    assert isinstance(event.data, ClaimCoded | ClaimSecondaryDue)
    return event.data.claim


def _leg(event: Event) -> Leg:
    claim = _claim(event)
    return Leg(claim.id, claim.revision, claim.payer_sequence)


def _stem(profile: Profile, number: int) -> str:
    return f"{_ends(profile)}-{format_control_number(number)}"


def _ends(profile: Profile) -> str:
    pair = f"{profile.sender.identifier}-{profile.receiver.identifier}"
    return re.sub(r"[^A-Za-z0-9-]", "_", pair)


def _next_number(out_dir: Path, profile: Profile) -> int:
    names = (path.stem.rpartition("-") for path in out_dir.glob("*-*.837"))
    taken = [
        int(number) for ends, _, number in names if ends == _ends(profile) and number.isdigit()
    ]
    return max(taken, default=0) + 1
