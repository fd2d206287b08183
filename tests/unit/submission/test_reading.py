"""Records to what submission decides on."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submission.domain.changes import CodedClaim
from services.submission.domain.profile import read_profiles
from services.submission.reading import (
    ListedAnswers,
    WholeAnswer,
    answer_bodies,
    claim_json,
    read_event,
)
from shared.contract import topics
from shared.contract.claim import Claim
from shared.contract.envelope import Event, Headers, to_headers
from shared.contract.events import ClaimCoded, ClaimHeld
from shared.contract.model import Finding, to_wire
from shared.messaging.handler import Bad, Record, Unit

PROFILES = read_profiles({})
MakeClaim = Callable[..., Claim]


def _record(value: bytes | None, headers: Headers = (), topic: str = "payers.inbound") -> Record:
    return Record(topic, 0, 0, b"key", value, headers, 0)


def _coded(claim: Claim, *findings: Finding) -> Record:
    data = ClaimCoded(claim=claim, ruleset="2025.1", findings=findings)
    event = Event(
        UUID(int=9), "coding", str(claim.id), datetime(2025, 3, 1, tzinfo=UTC), data, claim.revision
    )
    return _record(to_wire(data), to_headers(event), topics.CLAIMS_CODING)


def test_a_coded_claim_is_known_by_what_payers_echo(make_claim: MakeClaim) -> None:
    claim = make_claim(4, revision=3)
    (unit,) = read_event(_coded(claim), PROFILES)
    assert isinstance(unit, Unit)
    body = unit.body
    assert isinstance(body, CodedClaim)
    assert (body.claim_id, body.revision, body.payer) == (claim.id, 3, "clearinghouse")
    assert (body.patient_control_number, body.charge_cents) == ("PCN00004", 25_000)
    assert body.billing_npi == "1234567893"


def test_the_claim_is_passed_on_byte_for_byte(make_claim: MakeClaim) -> None:
    claim = make_claim()
    (unit,) = read_event(_coded(claim, Finding(code="x", message='a ,"ruleset":" b')), PROFILES)
    assert isinstance(unit, Unit)
    assert isinstance(unit.body, CodedClaim)
    assert unit.body.content == to_wire(claim)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("ruleset"), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text() | st.just("ruleset"), json_values),
    st.permutations(["claim", "ruleset", "findings"]),
    st.lists(st.dictionaries(st.text() | st.just("ruleset"), json_values), max_size=2),
)
def test_the_claim_is_found_in_any_order_of_fields(
    claim: dict[str, object], order: list[str], findings: list[object]
) -> None:
    fields = {"claim": claim, "ruleset": "2025.1", "findings": findings}
    ordered = {name: fields[name] for name in order}
    value = json.dumps(ordered, separators=(",", ":")).encode()
    assert json.loads(b'{"claim":%b,"interchange":1}' % claim_json(value))["claim"] == claim


def test_held_claims_are_not_ours(make_claim: MakeClaim) -> None:
    data = ClaimHeld(claim=make_claim(), ruleset="2025.1", findings=())
    event = Event(UUID(int=9), "coding", "x", datetime(2025, 3, 1, tzinfo=UTC), data)
    record = _record(to_wire(data), to_headers(event), topics.CLAIMS_CODING)
    assert list(read_event(record, PROFILES)) == []


@pytest.mark.parametrize("value", [None, b"", b"{", b'{"claim":{}}', b"\xff"])
def test_what_is_no_coded_claim_is_bad_and_says_no_value(
    make_claim: MakeClaim, value: bytes | None
) -> None:
    headers = _coded(make_claim()).headers
    (bad,) = read_event(_record(value, headers, topics.CLAIMS_CODING), PROFILES)
    assert isinstance(bad, Bad)
    assert bad.event_id == UUID(int=9)
    assert "PCN" not in bad.detail


@pytest.mark.parametrize(
    "headers", [(), (("ce_type", b"claim.coded.v1"),), (("ce_type", b"\xff"), ("ce_id", b"1"))]
)
def test_headers_that_are_no_envelope_are_bad(headers: Headers) -> None:
    (bad,) = read_event(_record(b"{}", headers, topics.CLAIMS_CODING), PROFILES)
    assert isinstance(bad, Bad)


def _bodies(record: Record) -> list[object]:
    units = list(answer_bodies(record))
    assert len({(unit.event_id, unit.part) for unit in units}) == len(units)
    return [unit.body if isinstance(unit, Unit) else unit for unit in units]


def test_an_835_is_passed_over(samples: Path) -> None:
    content = (samples / "835" / "cosyte_x12__golden__835.edi").read_bytes()
    assert _bodies(_record(content)) == []
    assert _bodies(_record(content, (("x12-transactions", b"835"),))) == []


def test_a_999_is_one_answer_to_its_group(samples: Path) -> None:
    content = (samples / "999" / "cosyte_x12__ack__999-accept.edi").read_bytes()
    (body,) = _bodies(_record(content, (("payer-profile", b"medpay"),)))
    assert isinstance(body, WholeAnswer)
    assert (body.payer, body.control_number, body.read.outcome) == ("medpay", 1, "accepted")


def test_a_ta1_is_one_answer_to_its_interchange(samples: Path) -> None:
    content = (samples / "TA1" / "cosyte_x12__ack__ta1-accept.edi").read_bytes()
    (body,) = _bodies(_record(content))
    assert isinstance(body, WholeAnswer)
    assert body.read.transaction == "TA1"


def test_a_277ca_lists_its_claims(samples: Path) -> None:
    name = "imsweb_x12-parser__277_5010__x12_277CA_accepted.txt"
    content = (samples / "277CA" / name).read_bytes()
    (body,) = [b for b in _bodies(_record(content)) if isinstance(b, ListedAnswers)]
    assert [answer.patient_control_number for answer in body.answers] == ["5781"]
    assert body.batch_number == 674


def test_the_same_bytes_are_the_same_message(samples: Path) -> None:
    content = (samples / "TA1" / "cosyte_x12__ack__ta1-accept.edi").read_bytes()
    first, second = (list(answer_bodies(_record(content))) for _ in range(2))
    assert first[0].event_id == second[0].event_id


@pytest.mark.parametrize("value", [b"", b"hello", b"\x00\xff", b"{}"])
def test_what_is_no_x12_is_bad(value: bytes) -> None:
    (bad,) = answer_bodies(_record(value, (("x12-transactions", b""),)))
    assert isinstance(bad, Bad)


@given(st.binary(max_size=300))
def test_no_bytes_raise(value: bytes) -> None:
    assert list(answer_bodies(_record(value))) is not None
    prefix = b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *250101*1230*^"
    prefix += b"*00501*000000001*0*P*:~GS*FA*A*B*20250101*1230*1*X*005010X231A1~ST*999*0001~"
    assert list(answer_bodies(_record(prefix + value))) is not None
