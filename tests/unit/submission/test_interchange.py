"""Pending claims to the bytes of one interchange."""

from collections.abc import Callable
from datetime import datetime
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from services.submission.domain.changes import Leg
from services.submission.domain.control_numbers import LARGEST, ControlNumbersUsedUpError
from services.submission.domain.interchange import Pending, Written, write
from services.submission.domain.profile import Profile, Separators
from shared.contract.claim import Claim
from shared.contract.model import to_wire
from shared.x12.claims.reading import ReadClaim, read_claims
from tests.examples import examples

MakeClaim = Callable[..., Claim]
PROFILE = Profile()


def _pending(*claims: Claim) -> list[Pending]:
    return [Pending(_leg(claim), to_wire(claim)) for claim in claims]


def _leg(claim: Claim) -> Leg:
    return Leg(claim.id, claim.revision, claim.payer_sequence)


def _write(now: datetime, *claims: Claim, profile: Profile = PROFILE, number: int = 7) -> Written:
    return write(_pending(*claims), profile, number, now)


def _read(written: Written) -> list[ReadClaim]:
    found = list(read_claims(BytesIO(written.content), source="general"))
    claims = [one for one in found if isinstance(one, ReadClaim)]
    assert len(claims) == len(found)
    return claims


def test_what_is_written_reads_back(make_claim: MakeClaim, now: datetime) -> None:
    claims = [make_claim(number) for number in (1, 2, 3)]
    written = _write(now, *claims)
    read = _read(written)
    assert [one.patient_control_number for one in read] == ["PCN00001", "PCN00002", "PCN00003"]
    assert [one.charge for one in read] == [25_000] * 3
    assert not any(one.findings for one in read)
    assert written.charge_cents == 75_000


def test_the_envelope_is_the_profiles(make_claim: MakeClaim, now: datetime) -> None:
    profile = Profile(usage="T", wants_ta1=True, separators=Separators(element="|"))
    (read,) = _read(_write(now, make_claim(), profile=profile, number=42))
    interchange = read.envelope.interchange
    assert interchange is not None
    assert (interchange.sender, interchange.receiver) == ("CLAIMWIRE", "CLEARINGHOUSE")
    assert (interchange.control_number, interchange.usage) == ("000000042", "T")
    assert interchange.wants_ta1
    assert read.claim is not None
    assert read.claim.submitter is not None
    assert read.claim.submitter.name == "CLAIMWIRE"


def test_claims_are_placed_in_sets_of_the_profiles_size(
    make_claim: MakeClaim, now: datetime
) -> None:
    profile = Profile(claims_per_set=2)
    written = _write(now, *(make_claim(number) for number in (1, 2, 3)), profile=profile)
    sets = [placed.transaction_control_number for placed in written.placed]
    assert sets == ["0001", "0001", "0002"]


def test_a_claim_with_too_many_lines_is_left_out_and_never_cut(
    make_claim: MakeClaim, now: datetime
) -> None:
    line = make_claim().service_lines[0]
    lines = tuple(line.model_copy(update={"number": n}) for n in range(1, 52))
    long = make_claim(2, service_lines=lines, charge=51 * line.charge)
    written = _write(now, make_claim(1), long, make_claim(3))
    assert [one.leg.claim_id for one in written.unwritable] == [long.id]
    assert [f.severity for f in written.unwritable[0].findings] == ["block"]
    assert [one.patient_control_number for one in _read(written)] == ["PCN00001", "PCN00003"]


def test_a_value_too_long_for_its_element_is_a_finding(
    make_claim: MakeClaim, now: datetime
) -> None:
    long = make_claim(prior_authorization="A" * 70)
    (unwritable,) = _write(now, long).unwritable
    assert "AAAA" not in repr(unwritable)


def test_an_interchange_of_nothing_has_no_bytes(make_claim: MakeClaim, now: datetime) -> None:
    written = _write(now, make_claim(frequency="7"))
    assert (written.content, written.placed) == (b"", ())
    assert written.unwritable[0].findings[0].code == "payer-claim-number-missing"


def test_a_payer_is_not_sent_a_frequency_it_does_not_take(
    make_claim: MakeClaim, now: datetime
) -> None:
    claim = make_claim(frequency="7", payer_claim_control_number="X1")
    assert _write(now, claim).placed
    written = _write(now, claim, profile=Profile(frequency_codes=("1",)))
    assert written.unwritable[0].findings[0].code == "frequency-not-taken"


def test_what_is_no_canonical_claim_is_left_out_without_its_values(
    make_claim: MakeClaim, now: datetime
) -> None:
    broken = to_wire(make_claim()).replace(b'"250.00"', b'"SECRET"')
    pending = [Pending(_leg(make_claim()), broken), *_pending(make_claim(2))]
    written = write(pending, PROFILE, 7, now)
    assert written.unwritable[0].findings[0].path == "charge"
    assert "SECRET" not in repr(written.unwritable)
    assert len(written.placed) == 1


def test_the_nine_digits_are_never_exceeded(make_claim: MakeClaim, now: datetime) -> None:
    with pytest.raises(ControlNumbersUsedUpError):
        _write(now, make_claim(), number=LARGEST + 1)


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["fine", "too many", "no number"]), min_size=1, max_size=8))
def test_every_claim_is_either_placed_or_unwritable(
    make_claim: MakeClaim, now: datetime, fates: list[str]
) -> None:
    line = make_claim().service_lines[0]
    changes: dict[str, dict[str, object]] = {
        "fine": {},
        "too many": {"service_lines": (line,) * 51, "charge": 51 * line.charge},
        "no number": {"frequency": "8"},
    }
    claims = [make_claim(number, **changes[fate]) for number, fate in enumerate(fates, start=1)]
    written = _write(now, *claims)
    fine = [claim.id for claim, fate in zip(claims, fates, strict=True) if fate == "fine"]
    assert [one.leg.claim_id for one in written.placed] == fine
    assert len(written.placed) + len(written.unwritable) == len(claims)
    assert bool(written.content) == bool(fine)
