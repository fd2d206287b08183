"""The hospital's FHIR feed of a day: claims alone and in bundles of each kind, visits as charges,
and messages that must be refused."""

from collections.abc import Iterator, Sequence
from random import Random

from deploy.twins.fhir.charges import write_charges
from deploy.twins.fhir.claims import write_bundle, write_claim
from deploy.twins.publication import FHIR, JSON, Message, Published
from shared.contract.claim import Claim

_BUNDLES = ("message", "transaction", "collection", "batch")
_LABELS = (FHIR, FHIR, JSON)
"""FHIR goes about under JSON's name too."""


def publish(claims: Sequence[Claim], random: Random, *, run: str, number: int) -> Iterator[Message]:
    """These claims, each in one message; the first bundle comes again under another id."""
    left = list(claims)
    made = 0
    while left:
        made += 1
        name = f"{run}-{number}-fhir-{made}"
        if _is_a_visit(left[0]) and random.random() < 0.3:
            yield from _visit(name, left.pop(0))
            continue
        if random.random() < 0.3:
            taken, left = left[:1], left[1:]
            value = write_claim(taken[0])
        else:
            count = random.randrange(1, 5)
            taken, left = left[:count], left[count:]
            value = write_bundle(taken, random.choice(_BUNDLES))
        records = tuple(
            Published(claim.patient_control_number, claim.charge, "accepted") for claim in taken
        )
        yield Message(name, random.choice(_LABELS), value, records)
        if number == 1 and made == 1:
            again = tuple(
                Published(one.patient_control_number, one.charge_cents, "duplicate")
                for one in records
            )
            yield Message(f"{name}-again", FHIR, value, again)


def _visit(name: str, claim: Claim) -> Iterator[Message]:
    """A visit in two Bundles, the charges first."""
    number = claim.patient_control_number
    gathered = (Published(number, 0, "gathered"),)
    charges, visit = write_charges(claim)
    yield Message(f"{name}-charges", FHIR, charges, gathered, key=number)
    complete = (Published(number, claim.charge, "accepted"),)
    yield Message(f"{name}-visit", FHIR, visit, gathered, complete, key=number)


def _is_a_visit(claim: Claim) -> bool:
    """Whether its charges say all that the claim does."""
    return (
        claim.kind == "professional"
        and claim.patient is None
        and all(line.drug is None and line.procedure for line in claim.service_lines)
    )


def broken(run: str, claim: Claim) -> Iterator[Message]:
    """Messages that must be refused, none of which may take another down with it."""
    refused = (Published("", 0, "rejected"),)
    whole = write_claim(claim)
    spoiled = {
        "authorization": whole.replace(b'"use":"claim"', b'"use":"preauthorization"'),
        "nowhere": whole.replace(b'"provider":{"reference":"#', b'"provider":{"reference":"#no'),
        "fraction": whole.replace(b'"currency":"USD"', b'"currency":"EUR"'),
        "cut": whole[: len(whole) // 2],
        "answer": b'{"resourceType":"ClaimResponse","status":"active"}',
        "searchset": b'{"resourceType":"Bundle","type":"searchset","entry":[]}',
    }
    for name, value in spoiled.items():
        yield Message(f"{run}-fhir-{name}", FHIR, value, refused)
