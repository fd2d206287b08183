"""A hospital to test against: a seeded day of claims, as an integration engine would publish them.

The twin is apart from the services so that it can only say what a real hospital could say. The same
seed gives the same day, byte for byte. All people, numbers and providers are invented; codes are
public code values.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from itertools import count as count_from
from random import Random

from deploy.twins import hl7
from deploy.twins.fhir import day as fhir
from deploy.twins.publication import (
    JSON,
    NDJSON,
    SOURCE,
    X12,
    Fate,
    Message,
    Published,
)
from deploy.twins.spoiling import Spoiler
from deploy.twins.variety import varied
from shared.contract.claim import (
    Address,
    Claim,
    Contact,
    ContactNumber,
    Diagnosis,
    Drug,
    Insured,
    Party,
    Patient,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
    ValueCode,
)
from shared.contract.envelope import business_id
from shared.contract.model import to_wire
from shared.x12.claims.writing import InterchangeEnvelope, write_interchange

_FIRST = ("Ada", "Ben", "Cleo", "Dev", "Ema", "Finn", "Gus", "Hana", "Ivo", "Juno", "Kai", "Lena")
_LAST = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Juniper", "Larch")
_CITIES = (("Springfield", "IL", "627010001"), ("Dayton", "OH", "454020001"))
_PAYERS = (
    ("MERIDIAN HEALTH", "MER01", "CI"),
    ("STATE MEDICAID", "SMCD1", "MC"),
    ("FEDERAL MEDICARE", "FMED1", "MB"),
)
# (procedure, usual charge in cents): office visits, tests, imaging, drugs
_PROFESSIONAL = (
    ("99213", 14500),
    ("99214", 21250),
    ("93000", 6500),
    ("36415", 1825),
    ("80053", 4999),
    ("71046", 11800),
    ("J1885", 2375),
    ("G0439", 17500),
)
# (revenue code, procedure or None, usual charge in cents)
_INSTITUTIONAL = (
    ("0300", "80053", 9800),
    ("0320", "71046", 38500),
    ("0450", "99284", 125075),
    ("0636", "J1885", 4350),
    ("0250", None, 7725),
)
_DIAGNOSES = ("I10", "E119", "J209", "M5450", "R079", "Z0000", "K219", "N390")
_DRUGS = {"J1885": Drug(ndc="00409379501", quantity=Decimal(1), unit="ML")}
"""What stands behind a drug's procedure code, which Medicaid asks for."""

__all__ = ["JSON", "NDJSON", "SOURCE", "X12", "Fate", "Message", "Published"]


def npi(number: int) -> str:
    """A ten-digit NPI with its check digit (Luhn over 80840 and nine digits, 45 CFR 162.406)."""
    nine = f"{100_000_000 + number % 900_000_000}"
    total = 24
    for position, digit in enumerate(reversed(nine)):
        doubled = int(digit) * (2 if position % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return nine + str(-total % 10)


class Hospital:
    """Makes claims and messages from a seed; each claim has its own patient control number."""

    def __init__(self, seed: int, *, today: date, run: str = "D") -> None:
        self._random = Random(seed)
        self._today = today
        self._run = run
        self._made = 0
        self._billing = self._providers()

    def claim(self) -> Claim:
        """A clean claim: two thirds professional, one third institutional."""
        self._made += 1
        if self._made % 3:
            return self._professional()
        return self._institutional()

    def claims(self, count: int) -> list[Claim]:
        return [self.claim() for _ in range(count)]

    def _providers(self) -> tuple[Provider, ...]:
        return tuple(
            Provider(
                name=name,
                npi=npi(12_345 + at * 7),
                tax_id=f"36{4_100_000 + at:07d}",
                taxonomy="282N00000X",
                taxonomy_role="BI",
                address=self._address(),
                contacts=(_telephone("BILLING", "2175550100"),),
            )
            for at, name in enumerate(("GENERAL HOSPITAL", "GENERAL CLINIC"))
        )

    def _address(self) -> Address:
        city, state, postal_code = self._random.choice(_CITIES)
        return Address(
            line1=f"{self._random.randrange(1, 999)} MAIN ST",
            city=city.upper(),
            state=state,
            postal_code=postal_code,
        )

    def _person(self) -> dict[str, object]:
        return {
            "is_person": True,
            "name": self._random.choice(_LAST).upper(),
            "first_name": self._random.choice(_FIRST).upper(),
        }

    def _born(self) -> dict[str, object]:
        return {
            "birth_date": self._today - timedelta(days=self._random.randrange(7000, 30000)),
            "gender": self._random.choice("FM"),
            "address": self._address(),
        }

    def _common(self, at: int) -> dict[str, object]:
        payer, payer_id, filing = self._random.choice(_PAYERS)
        is_dependent = filing == "CI" and self._random.random() < 0.3
        number = f"{self._run}{self._made:07d}"
        subscriber = Insured(
            **self._person(),
            **({} if is_dependent else self._born()),
            identifier_qualifier="MI",
            identifier=f"W{self._random.randrange(10**8):08d}",
        )
        diagnoses = self._random.sample(_DIAGNOSES, self._random.randrange(1, 4))
        return {
            "id": business_id("claim", SOURCE, number),
            "source": SOURCE,
            "patient_control_number": number,
            "submitter": Party(
                name="GENERAL HOSPITAL",
                identifier_qualifier="46",
                identifier="GENHOSP",
                contacts=(_telephone("EDI DESK", "2175550199"),),
            ),
            "receiver": Party(name="CLAIMWIRE", identifier_qualifier="46", identifier="CLAIMWIRE"),
            "billing_provider": self._billing[at],
            "subscriber": subscriber,
            "patient": Patient(**self._person(), **self._born()) if is_dependent else None,
            "patient_relationship": "19" if is_dependent else "18",
            "payer": Payer(name=payer, identifier_qualifier="PI", identifier=payer_id),
            "filing_indicator": filing,
            "accepts_assignment": "A",
            "benefits_assigned": "Y",
            "release_of_information": "Y",
            "diagnoses": tuple(
                Diagnosis(code=code, role="other" if order else "principal")
                for order, code in enumerate(diagnoses)
            ),
        }

    def _professional(self) -> Claim:
        common = self._common(1)
        served = self._today - timedelta(days=self._random.randrange(1, 20))
        chosen = self._random.sample(_PROFESSIONAL, self._random.randrange(1, 5))
        lines = tuple(
            ServiceLine(
                number=number,
                procedure=Procedure(code=code),
                charge=charge,
                units=1,
                unit="UN",
                diagnosis_pointers=(1,),
                drug=_DRUGS.get(code),
                service_from=served,
            )
            for number, (code, charge) in enumerate(chosen, start=1)
        )
        return Claim(
            **common,
            kind="professional",
            facility_code="11",
            provider_signature=True,
            charge=sum(line.charge for line in lines),
            rendering_provider=Provider(
                **self._person(),
                npi=npi(self._random.randrange(10**6)),
                taxonomy="207Q00000X",
                taxonomy_role="PE",
            ),
            service_lines=lines,
        )

    def _institutional(self) -> Claim:
        common = self._common(0)
        served = self._today - timedelta(days=self._random.randrange(1, 20))
        chosen = self._random.sample(_INSTITUTIONAL, self._random.randrange(1, 5))
        lines = tuple(
            ServiceLine(
                number=number,
                revenue_code=revenue,
                procedure=Procedure(code=code) if code else None,
                charge=charge,
                units=1,
                unit="UN",
                drug=_DRUGS.get(code) if code else None,
                service_from=served,
            )
            for number, (revenue, code, charge) in enumerate(chosen, start=1)
        )
        return Claim(
            **common,
            kind="institutional",
            facility_code="13",
            charge=sum(line.charge for line in lines),
            statement_from=served,
            statement_through=served,
            admission_type="3",
            admission_source="1",
            patient_status="01",
            attending_provider=Provider(**self._person(), npi=npi(self._random.randrange(10**6))),
            values=(ValueCode(code="A1", amount=0),),
            service_lines=lines,
        )


def _telephone(name: str, number: str) -> Contact:
    return Contact(name=name, numbers=(ContactNumber(kind="TE", value=number),))


FORMATS = ("x12", "json")
ALL_FORMATS = (*FORMATS, "hl7", "fhir")


def day(
    seed: int,
    count: int,
    *,
    today: date,
    run: str = "D",
    formats: Sequence[str] = FORMATS,
    is_varied: bool = False,
    is_equipped: bool = False,
    suits: Callable[[str], bool] = lambda _: True,
) -> Iterator[Message]:
    """A mixed day of at least `count` claims: 837P and 837I files, canonical JSON and NDJSON,
    among them claims that must be held, duplicates, and records that must be refused. With `hl7`
    among the formats a third of the clean claims are encounters, told in several messages each;
    with `fhir` a fifth of the rest are FHIR. A varied day also has dental claims, and claims with
    a second payer, in X12 and JSON. What `is_equipped` and `suits` do is said at `Spoiler`."""
    hospital = Hospital(seed, today=today, run=run)
    random = Random(seed ^ 0x5EED)
    variety = Random(seed ^ 0xD1FF)
    spoiler = Spoiler(seed, count, is_equipped=is_equipped, suits=suits)
    sent = 0
    file_number = 0
    control_numbers = _control_numbers(today)
    first: Message | None = None
    while sent < count:
        file_number += 1
        batch = hospital.claims(min(random.randrange(15, 45), count - sent))
        spoiled = [spoiler.spoiled(claim, random.random()) for claim in batch]
        if "hl7" in formats:
            told = [
                claim for claim, fate in spoiled if fate == "accepted" and random.random() < 0.3
            ]
            spoiled = [pair for pair in spoiled if not any(pair[0] is one for one in told)]
            sent += len(told)
            yield from hl7.publish(told, random, run=run, number=file_number, today=today)
        if "fhir" in formats:
            as_fhir = [
                claim for claim, fate in spoiled if fate == "accepted" and random.random() < 0.2
            ]
            spoiled = [pair for pair in spoiled if not any(pair[0] is one for one in as_fhir)]
            sent += len(as_fhir)
            yield from fhir.publish(as_fhir, random, run=run, number=file_number)
        if is_varied:
            spoiled = [
                (varied(claim, variety) if fate == "accepted" else claim, fate)
                for claim, fate in spoiled
            ]
        for content_type, group in _by_door(spoiled, random):
            message_id = f"{run}-{file_number}-{len(group)}-{content_type.partition('/')[2]}"
            message = _message(message_id, content_type, group, today, control_numbers)
            sent += len(message.records)
            first = first or message
            yield message
    if first is not None:
        yield _again(first)
    yield from _broken(run)
    if "hl7" in formats:
        yield from hl7.broken(run, hospital.claim(), today)
    if "fhir" in formats:
        yield from fhir.broken(run, hospital.claim())


def source_profiles(seed: int, *, today: date) -> bytes:
    """The file of source profiles that makes this hospital's HL7 understood."""
    return json.dumps(hl7.profile(Hospital(seed, today=today).claims(60)), indent=1).encode()


def _by_door(
    claims: Sequence[tuple[Claim, Fate]], random: Random
) -> Iterator[tuple[str, list[tuple[Claim, Fate]]]]:
    as_x12 = [pair for pair in claims if random.random() < 0.7]
    chosen = {id(claim) for claim, _ in as_x12}
    as_json = [pair for pair in claims if id(pair[0]) not in chosen]
    for kind in ("professional", "institutional", "dental"):
        group = [pair for pair in as_x12 if pair[0].kind == kind]
        if group:
            yield X12, group
    if as_json:
        yield random.choice((JSON, NDJSON)), as_json


def _control_numbers(today: date) -> Iterator[int]:
    """Interchange control numbers (ISA13, nine digits) of a day's files: none like another's, or
    like one of the last thousand days."""
    return count_from(today.toordinal() % 1_000 * 1_000_000 + 1)


def _message(
    message_id: str,
    content_type: str,
    group: Sequence[tuple[Claim, Fate]],
    today: date,
    control_numbers: Iterator[int],
) -> Message:
    claims = [claim for claim, _ in group]
    if content_type == X12:
        value = render_x12(claims, today, number=next(control_numbers))
    else:
        value = _as_json(claims, content_type)
    records = tuple(
        Published(claim.patient_control_number, claim.charge, fate) for claim, fate in group
    )
    return Message(message_id, content_type, value, records)


def render_x12(claims: Sequence[Claim], today: date, *, number: int) -> bytes:
    """The claims as one 837 interchange from the hospital to us."""
    out = BytesIO()
    envelope = InterchangeEnvelope(
        sender_qualifier="ZZ",
        sender="GENHOSP",
        receiver_qualifier="ZZ",
        receiver="CLAIMWIRE",
        control_number=number,
        created_at=datetime.combine(today, datetime.min.time(), tzinfo=UTC),
        usage="T",
    )
    write_interchange(claims, envelope, out)
    return out.getvalue()


def _as_json(claims: Sequence[Claim], content_type: str) -> bytes:
    documents = [to_wire(claim) for claim in claims]
    if content_type == NDJSON:
        return b"\n".join(documents) + b"\n"
    return b"[" + b",".join(documents) + b"]"


def _again(message: Message) -> Message:
    records = tuple(
        Published(record.patient_control_number, record.charge_cents, "duplicate")
        for record in message.records
    )
    return Message(f"{message.message_id}-again", message.content_type, message.value, records)


def _broken(run: str) -> Iterator[Message]:
    """Records that no engine means to send, each of which must be refused and none of which may
    take another down with it."""
    refused = (Published("", 0, "rejected"),)
    bodies = {
        "not-json": (JSON, b'{"claims": [{"id": '),
        "not-a-claim": (JSON, json.dumps({"hello": "world"}).encode()),
        "cut-x12": (X12, b"ISA*00*          *00*          *ZZ*GENHOSP        *ZZ*CLAIM"),
        "empty": (X12, b""),
        "no-format": ("application/octet-stream", b"\x00\x01\x02\x03"),
    }
    for name, (content_type, value) in bodies.items():
        yield Message(f"{run}-{name}", content_type, value, refused)
