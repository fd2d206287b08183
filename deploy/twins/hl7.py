"""The hospital's HL7 v2 feed: each claim as an encounter that is told in several messages.

Charges come before, with and after the registration; charges are corrected, credited and sent
twice; patients and accounts are merged; terminators and delimiters differ from message to message.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from deploy.twins.hl7_segments import (
    FACILITIES,
    STANDARD,
    UNUSUAL,
    Sheet,
    Value,
    charge_segment,
    diagnosis_segments,
    insurance_segments,
    patient_segment,
    value_segments,
    visit_segment,
)
from deploy.twins.publication import HL7, SOURCE, Message, Published
from shared.contract.claim import Claim

_TERMINATORS = ("\r", "\r", "\r\n", "\n")


def publish(
    claims: Sequence[Claim], random: Random, *, run: str, number: int, today: date
) -> list[Message]:
    """The claims as encounters, their messages among each other as a day brings them. Within an
    encounter the last message is the one that makes its claim complete."""
    told = [
        _Telling(claim, random, f"{run}-H{number}-{at}", today) for at, claim in enumerate(claims)
    ]
    queues = [telling.messages() for telling in told]
    woven: list[Message] = []
    while any(queues):
        queue = random.choice([queue for queue in queues if queue])
        woven.append(queue.pop(0))
    if woven:
        again = random.choice(woven)
        copy = Message(f"{again.message_id}-again", HL7, again.value, again.records, key=again.key)
        woven.append(copy)
    return woven


class _Telling:
    """How one encounter is told."""

    def __init__(self, claim: Claim, random: Random, name: str, today: date) -> None:
        self._claim = claim
        self._random = random
        self._name = name
        self._account = claim.patient_control_number
        self._record = f"M{claim.patient_control_number}"
        self._clock = datetime.combine(today, datetime.min.time()) + timedelta(hours=6)
        self._sent = 0
        self._is_discharged = random.random() < 0.4

    def messages(self) -> list[Message]:
        """In the order they are published."""
        random = self._random
        registration = self._registration()
        charges = self._charges()
        coding = [self._sheet("BAR^P12", [*diagnosis_segments(self._claim)])]
        merge = self._merge(charges)
        middle = charges + coding
        random.shuffle(middle)
        ending = [self._ending()]
        sheets = middle + merge + ending
        # The registration may come first, among the charges, or when all else is there.
        place = random.choice((0, 0, random.randrange(len(sheets)), len(sheets)))
        if merge:
            place = 0
        sheets[place:place] = registration
        return [
            self._message(sheet, is_last=at == len(sheets) - 1) for at, sheet in enumerate(sheets)
        ]

    def _registration(self) -> list[Sheet]:
        claim = self._claim
        rows = [
            visit_segment(claim, is_ended=False),
            *insurance_segments(claim),
            *value_segments(claim),
        ]
        first = self._sheet("BAR^P01" if self._random.random() < 0.3 else "ADT^A04", rows)
        if self._random.random() < 0.2:  # an update that overtakes what it updates
            wrong = claim.model_copy(
                update={"subscriber": claim.subscriber.model_copy(update={"identifier": "OLD"})}
            )
            old = [visit_segment(claim, is_ended=False), *insurance_segments(wrong)]
            stale = self._sheet("ADT^A04", old)
            update = self._sheet("ADT^A08", rows)
            return [update, stale]
        return [first]

    def _charges(self) -> list[Sheet]:
        """Each in a DFT of its own or several in one, some corrected, some taken back."""
        claim, random = self._claim, self._random
        sheets: list[Sheet] = []
        lines = list(claim.service_lines)
        while lines:
            count = random.randrange(1, len(lines) + 1)
            some, lines = lines[:count], lines[count:]
            if random.random() < 0.15:  # the wrong amount first; the newer message counts
                wrong = [
                    charge_segment(claim, line, at, cents=line.charge + 500)
                    for at, line in enumerate(some, start=1)
                ]
                sheets.append(self._sheet("DFT^P03", wrong))
            right = [charge_segment(claim, line, at) for at, line in enumerate(some, start=1)]
            sheets.append(self._sheet("DFT^P03" if random.random() < 0.8 else "DFT^P11", right))
        if random.random() < 0.15:  # charged by mistake and taken back, in either order
            mistake = claim.service_lines[0].model_copy(update={"number": 99})
            sheets += [
                self._sheet("DFT^P03", [charge_segment(claim, mistake, 1)]),
                self._sheet("DFT^P03", [charge_segment(claim, mistake, 1, kind="CD")]),
            ]
        return sheets

    def _merge(self, charges: list[Sheet]) -> list[Sheet]:
        """Some charges were written for an account that is merged into this one."""
        if len(charges) < 2 or self._random.random() > 0.2:
            return []
        prior = f"X{self._account}"
        charges[0] = _for_account(charges[0], prior)
        pid = patient_segment(self._claim, self._record, self._account)
        return [
            self._sheet(
                "ADT^A40",
                [("MRG", {1: [f"X{self._record}", None, None, "GH", "MR"], 3: prior})],
                pid,
            )
        ]

    def _ending(self) -> Sheet:
        trigger = "ADT^A03" if self._is_discharged else "BAR^P06"
        return self._sheet(trigger, [visit_segment(self._claim, is_ended=True)])

    def _sheet(
        self,
        trigger: str,
        rows: Sequence[tuple[str, Mapping[int, Value]]],
        pid: tuple[str, Mapping[int, Value]] | None = None,
    ) -> Sheet:
        self._sent += 1
        self._clock += timedelta(minutes=self._random.randrange(1, 30))
        random = self._random
        own = ("ZGH", {1: "A|SITE^S OWN", 2: ["x", "y"]})
        return Sheet(
            trigger=trigger,
            control_id=f"{self._name}-{self._sent}",
            at=self._clock,
            facility=FACILITIES[self._claim.kind],
            segments=(pid or patient_segment(self._claim, self._record, self._account), *rows, own),
            marks=UNUSUAL if random.random() < 0.1 else STANDARD,
            terminator=random.choice(_TERMINATORS),
            version=random.choice(("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8")),
        )

    def _message(self, sheet: Sheet, *, is_last: bool) -> Message:
        claim = self._claim
        return Message(
            sheet.control_id,
            HL7,
            sheet.render(),
            (Published(self._account, 0, "gathered"),),
            (Published(self._account, claim.charge, "accepted"),) if is_last else (),
            key=self._record,
        )


def _for_account(sheet: Sheet, account: str) -> Sheet:
    (name, pid), *rest = sheet.segments
    changed = (name, {**pid, 18: account})
    return Sheet(
        sheet.trigger,
        sheet.control_id,
        sheet.at,
        sheet.facility,
        (changed, *rest),
        sheet.marks,
        sheet.terminator,
        sheet.version,
    )


def broken(run: str, claim: Claim, today: date) -> Iterator[Message]:
    """Messages that must be refused, none of which may take another down with it."""
    refused = (Published("", 0, "rejected"),)
    at = datetime.combine(today, datetime.min.time())
    line = claim.service_lines[0]
    pid = patient_segment(claim, "M0", f"{run}-BROKEN")
    charge_name, charge = charge_segment(claim, line, 1)
    sheets = {
        "unknown-event": Sheet("ADT^A60", "B1", at, "GH", (pid,)),
        "no-account": Sheet("ADT^A04", "B2", at, "GH", (patient_segment(claim, "M0", ""),)),
        "bad-amount": Sheet(
            "DFT^P03", "B3", at, "GH", (pid, (charge_name, {**charge, 11: "12.345"}))
        ),
        "no-such-day": Sheet(
            "DFT^P03", "B4", at, "GH", (pid, (charge_name, {**charge, 4: "20260231"}))
        ),
        "old-version": Sheet("ADT^A04", "B5", at, "GH", (pid,), version="2.1"),
    }
    for name, sheet in sheets.items():
        yield Message(f"{run}-hl7-{name}", HL7, sheet.render(), refused)
    yield Message(f"{run}-hl7-no-header", HL7, b"PID|1||4711\rPV1|1|O\r", refused)


def profile(claims: Sequence[Claim]) -> dict[str, Any]:
    """The hospital's source profile, as its operator would write it: what its HL7 does not say.
    `claims` are some of its own, for its providers and payers."""
    by_facility = {
        FACILITIES[claim.kind]: claim.billing_provider.model_dump(mode="json", exclude_none=True)
        for claim in claims
    }
    payers = {
        str(claim.payer.identifier): {
            "identifier": claim.payer.identifier,
            "filing_indicator": claim.filing_indicator,
        }
        for claim in claims
    }
    return {
        "sources": {
            SOURCE: {
                "billing_providers": by_facility,
                "payers": payers,
                "places_of_service": {"O": "11"},
            }
        }
    }
