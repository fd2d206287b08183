"""The hospital twin: the same seed is the same day, and what it says a real hospital could say."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import date

import pytest
import pyx12.params
import pyx12.x12n_document
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.hospital import (
    ALL_FORMATS,
    JSON,
    NDJSON,
    X12,
    Hospital,
    Message,
    day,
    npi,
    render_x12,
)
from deploy.twins.publication import FHIR, HL7
from shared.contract.claim import Claim
from tests.examples import examples

TODAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return list(day(20261122, 600, today=TODAY))


def is_valid_npi(number: str) -> bool:
    """Luhn over the prefix 80840 and the ten digits, from the right (45 CFR 162.406)."""
    digits = [int(digit) for digit in "80840" + number]
    doubled = [2 * digit for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(sum(divmod(digit, 10)) for digit in doubled)) % 10 == 0


def test_the_check_digit_rule_of_this_test_is_the_published_one() -> None:
    assert is_valid_npi("1234567893"), "the example of the standard"
    assert not is_valid_npi("1234567890")


@given(st.integers(0, 10**12))
def test_every_npi_has_its_check_digit(number: int) -> None:
    made = npi(number)
    assert len(made) == 10
    assert made[0] in "123456789"
    assert is_valid_npi(made)


def test_the_same_seed_is_the_same_day_byte_for_byte(messages: list[Message]) -> None:
    assert list(day(20261122, 600, today=TODAY)) == messages


def test_another_seed_is_another_day(messages: list[Message]) -> None:
    other = list(day(20261123, 600, today=TODAY))
    assert [one.value for one in other] != [one.value for one in messages]


def test_another_run_shares_no_number_with_this_one(messages: list[Message]) -> None:
    def numbers(of: list[Message]) -> set[str]:
        claims = {record.patient_control_number for one in of for record in one.records}
        return claims - {""} | {one.message_id for one in of}

    other = list(day(20261122, 600, today=TODAY, run="E"))
    assert numbers(messages).isdisjoint(numbers(other))


def test_each_file_has_its_own_interchange_control_number(messages: list[Message]) -> None:
    files = [one.value for one in messages if one.content_type == X12]
    tomorrow = [
        one.value for one in day(1, 60, today=date(2026, 11, 21)) if one.content_type == X12
    ]
    whole = {value for value in [*files, *tomorrow] if b"IEA*" in value}  # one is sent again
    # ISA13 is nine digits at a fixed place; IEA02 at the end says it again.
    numbers = [value[90:99] for value in whole]
    assert len(set(numbers)) == len(numbers) > 20
    assert all(value.rstrip().endswith(b"*" + value[90:99] + b"~") for value in whole)


def test_every_fate_and_every_format_occurs(messages: list[Message]) -> None:
    fates = {record.fate for one in messages for record in one.records}
    assert fates == {"accepted", "held", "rejected", "duplicate"}
    assert {X12, JSON, NDJSON} <= {one.content_type for one in messages}
    assert len({one.message_id for one in messages}) == len(messages)


@given(st.integers(0, 2**32), st.integers(1, 60))
@examples(20)
def test_a_day_has_as_many_claims_as_were_asked_for(seed: int, count: int) -> None:
    records = [record for one in day(seed, count, today=TODAY) for record in one.records]
    sent = [one for one in records if one.fate in ("accepted", "held")]
    assert len(sent) == count
    assert len({one.patient_control_number for one in sent}) == count
    repeated = {one.patient_control_number for one in records if one.fate == "duplicate"}
    assert repeated <= {one.patient_control_number for one in sent}


def test_a_message_holds_the_claims_and_charges_that_it_says(messages: list[Message]) -> None:
    for one in messages:
        if not one.records[0].patient_control_number:
            continue
        if one.content_type == X12:
            segments = [segment.split("*") for segment in one.value.decode("ascii").split("~")]
            told = [(row[1], round(float(row[2]) * 100)) for row in segments if row[0] == "CLM"]
        else:
            text = one.value.decode()
            lines = text.splitlines() if one.content_type == NDJSON else []
            claims = [json.loads(line) for line in lines] if lines else json.loads(text)
            told = [
                (row["patient_control_number"], round(float(row["charge"]) * 100)) for row in claims
            ]
        assert told == [(row.patient_control_number, row.charge_cents) for row in one.records]


def test_a_clean_claim_adds_up_and_names_valid_providers() -> None:
    for claim in Hospital(5, today=TODAY).claims(60):
        assert claim.charge == sum(line.charge for line in claim.service_lines)
        providers = (
            claim.billing_provider,
            claim.rendering_provider,
            claim.attending_provider,
        )
        assert all(is_valid_npi(one.npi or "") for one in providers if one is not None)
        assert all(line.service_from < TODAY for line in claim.service_lines if line.service_from)


# Encounters in HL7


def test_with_hl7_a_day_has_as_many_claims_and_says_which_message_completes_which() -> None:
    told = list(day(3, 200, today=TODAY, formats=ALL_FORMATS))
    records = [record for one in told for record in one.records]
    whole = [record for record in records if record.fate in ("accepted", "held")]
    encounters = [claim for one in told for claim in one.encounters]
    assert len(whole) + len(encounters) == 200
    assert len(encounters) > 30
    assert all(one.content_type in (HL7, FHIR) for one in told if one.encounters)
    numbers = [claim.patient_control_number for claim in encounters]
    assert len(set(numbers)) == len(numbers)
    assert len({one.message_id for one in told}) == len(told)


def test_encounters_are_spread_over_messages_out_of_order_and_of_every_kind() -> None:
    told = [
        one for one in day(3, 300, today=TODAY, formats=ALL_FORMATS) if one.encounters or one.key
    ]
    triggers = {_trigger(one.value) for one in told}
    assert triggers >= {
        "ADT^A03",
        "ADT^A04",
        "ADT^A08",
        "ADT^A40",
        "BAR^P01",
        "BAR^P06",
        "BAR^P12",
        "DFT^P03",
        "DFT^P11",
    }
    assert len(told) > 3 * sum(len(one.encounters) for one in told)
    first_of_each: dict[str | None, str] = {}
    for one in told:
        first_of_each.setdefault(one.key, _trigger(one.value))
    assert {"DFT^P03", "BAR^P12", "ADT^A04"} <= set(first_of_each.values())


def _trigger(value: bytes) -> str:
    header = value.replace(b"\n", b"\r").split(b"\r")[0].decode()
    return header.split(header[3])[8].replace("$", "^")


# An independent program's verdict


@pytest.fixture
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("kind", ["professional", "institutional"])
def test_pyx12_takes_its_files(kind: str) -> None:
    claims: list[Claim] = [
        claim for claim in Hospital(9, today=TODAY).claims(60) if claim.kind == kind
    ]
    assert any(claim.patient is not None for claim in claims), "dependents are written too"
    text = render_x12(claims, TODAY, number=1).decode("ascii")
    parameters = pyx12.params.params()
    assert pyx12.x12n_document.x12n_document(parameters, io.StringIO(text), None, None)
