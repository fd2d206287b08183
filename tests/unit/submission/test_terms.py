"""A payer's terms: cut-offs, timely filing, questions, required fields, circuits, and addresses."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.submission.domain.channel import HttpsChannel, SftpChannel
from services.submission.domain.circuit import Circuit, after_failure
from services.submission.domain.demands import payer_findings
from services.submission.domain.profile import Profile, ProfileError, read_profiles
from services.submission.domain.terms import (
    COUNTDOWN_PERCENT,
    Cutoff,
    Filing,
    Pacing,
    RequiredField,
    StatusInquiry,
    countdown,
    countdown_at,
    filing_start,
    last_filing_day,
    next_countdown,
)
from shared.contract.claim import Claim, OtherCoverage, Payer

MakeClaim = Callable[..., Claim]
NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("utc", "is_near"),
    [
        ("21:49", False),
        ("21:50", True),  # 16:50 in Chicago, ten minutes before
        ("22:00", True),
        ("22:01", False),
    ],
)
def test_a_cut_off_is_near_in_its_own_time_zone(utc: str, is_near: bool) -> None:
    cutoff = Cutoff(times=(time(17),), time_zone="America/Chicago", margin_s=600)
    at = datetime.combine(date(2025, 3, 10), time.fromisoformat(utc), UTC)
    assert cutoff.is_near(at) is is_near


def test_a_cut_off_just_after_midnight_is_near_the_evening_before() -> None:
    cutoff = Cutoff(times=(time(0, 5),), margin_s=600)
    assert cutoff.is_near(datetime(2025, 3, 10, 23, 58, tzinfo=UTC))


def test_near_a_cut_off_claims_wait_a_tenth_of_its_margin_at_most() -> None:
    cutoff = Cutoff(times=(time(17),), margin_s=600)
    near, far = datetime(2025, 3, 10, 16, 55, tzinfo=UTC), datetime(2025, 3, 10, 12, tzinfo=UTC)
    assert (cutoff.window_s(3600, near), cutoff.window_s(3600, far)) == (60, 3600)
    assert cutoff.window_s(5, near) == 5


def test_timely_filing_counts_from_the_last_service(make_claim: MakeClaim) -> None:
    assert filing_start(make_claim()) == date(2025, 3, 3)
    assert filing_start(make_claim(statement_through=date(2025, 3, 5))) == date(2025, 3, 5)
    assert last_filing_day(date(2025, 3, 3), 365) == date(2026, 3, 3)


def test_a_later_payers_time_counts_from_the_decision_before_it(make_claim: MakeClaim) -> None:
    first = OtherCoverage(
        sequence="P", payer=Payer(identifier="P1"), adjudicated_on=date(2025, 4, 1)
    )
    claim = make_claim(payer_sequence="S", other_coverages=(first,))
    assert filing_start(claim) == date(2025, 4, 1)
    assert Filing(days=90, later_payer_days=60).days_for("S") == 60
    assert Filing(days=90, later_payer_days=60).days_for("P") == 90
    assert Filing(days=90).days_for("S") == 90


@given(st.integers(1, 3650), st.floats(0, 1.2))
def test_the_countdown_only_goes_down_and_says_when_it_goes_on(days: int, share: float) -> None:
    start = date(2025, 1, 1)
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=days) * share
    step, following = countdown(start, days, now), next_countdown(start, days, now)
    if following is not None:
        assert following > now
        after = countdown(start, days, following)
        assert after is not None
        assert step is None or after < step
    else:
        assert step == 0
    for percent in COUNTDOWN_PERCENT:
        assert countdown(start, days, countdown_at(start, days, percent)) == percent


def test_nothing_is_late_before_half_of_the_time_is_over() -> None:
    start = date(2025, 1, 1)
    assert countdown(start, 100, datetime(2025, 2, 19, 23, 59, tzinfo=UTC)) is None
    assert countdown(start, 100, datetime(2025, 2, 20, tzinfo=UTC)) == 50
    assert countdown(start, 100, datetime(2025, 4, 11, 23, 59, tzinfo=UTC)) == 10, "the last day"
    assert countdown(start, 100, datetime(2025, 4, 12, tzinfo=UTC)) == 0


def test_questions_follow_the_schedule_and_end() -> None:
    schedule = StatusInquiry(after_days=(14, 30))
    assert schedule.due(NOW, 0) == NOW + timedelta(days=14)
    assert schedule.due(NOW, 1) == NOW + timedelta(days=30)
    assert schedule.due(NOW, 2) is None


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("rendering_provider.npi", ["rendering_provider"]),
        ("billing_provider.taxonomy", []),
        ("service_lines[].procedure.code", []),
        (
            "service_lines[].rendering_provider.npi",
            ["service_lines[0].rendering_provider", "service_lines[1].rendering_provider"],
        ),
        (
            "service_lines[].prior_authorization",
            [f"service_lines[{n}].prior_authorization" for n in (0, 1)],
        ),
        ("medical_record_number", ["medical_record_number"]),
    ],
)
def test_a_field_the_payer_insists_on_is_found_missing_place_by_place(
    make_claim: MakeClaim, path: str, places: list[str]
) -> None:
    profile = Profile(required=(RequiredField(path=path),))
    findings = payer_findings(make_claim(), profile)
    assert [finding.path for finding in findings] == places
    assert {finding.code for finding in findings} <= {"required-by-payer"}


def test_a_field_is_insisted_on_for_its_kinds_only(make_claim: MakeClaim) -> None:
    required = RequiredField(path="medical_record_number", kinds=("dental",))
    assert payer_findings(make_claim(), Profile(required=(required,))) == ()


def test_a_payer_may_take_no_later_turns(make_claim: MakeClaim) -> None:
    profile = Profile(takes_later_turns=False)
    (finding,) = payer_findings(make_claim(payer_sequence="S"), profile)
    assert finding.code == "later-turn-not-taken"


@given(st.integers(1, 20), st.integers(1, 5))
def test_a_circuit_opens_after_enough_failures_and_rests_ever_longer(
    failures: int, to_open: int
) -> None:
    pacing = Pacing(failures_to_open=to_open, rests_s=(1, 10, 100))
    circuit = Circuit()
    for _ in range(failures):
        circuit = after_failure(circuit, "https-timeout", pacing, NOW)
    assert circuit.failures == failures
    assert circuit.is_open(NOW) is (failures >= to_open)
    if failures >= to_open:
        rest = (1, 10, 100)[min(failures - to_open, 2)]
        assert not circuit.is_open(NOW + timedelta(seconds=rest)), "then one try is made"


SFTP = {
    "kind": "sftp",
    "host": "h",
    "user": "u",
    "host_key": "ssh-ed25519 AAAA",
    "password_file": "p",
}
JSON = {"kind": "https", "style": "json", "url": "https://payer.example/v1"}
CORE = {"kind": "https", "style": "core", "url": "https://payer.example/core"}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (SFTP | {"host_key": None}, "pin the server's key"),
        (SFTP | {"host_key_file": "k"}, "pin the server's key"),
        (SFTP | {"password_file": None}, "how to log in"),
        (JSON | {"url": "http://payer.example/v1"}, "an https address"),
        (JSON | {"url": "https://user:secret@payer.example"}, "without user, password"),
        (JSON | {"user": "u"}, "belong together"),
        (CORE, "needs user and password_file"),
    ],
)
def test_a_channel_that_is_not_safe_or_not_whole_is_refused(
    fields: dict[str, Any], reason: str
) -> None:
    kind = SftpChannel if fields["kind"] == "sftp" else HttpsChannel
    with pytest.raises(ValidationError, match=reason):
        kind.model_validate(fields)


def test_http_is_for_this_machine_only() -> None:
    for host in ("127.0.0.1:8080", "localhost", "[::1]:1"):
        HttpsChannel.model_validate(JSON | {"url": f"http://{host}/v1"})


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"transport": {"kind": "pigeon"}}, "default.transport"),
        ({"transport": SFTP | {"port": 0}}, "default.transport.sftp.port"),
        ({"required": [{"path": "billing_provider.shoe_size"}]}, "default.required[0].path"),
        ({"cutoff": {"times": ["17:00"], "time_zone": "Mars"}}, "default.cutoff.time_zone"),
        ({"cutoff": {"times": []}}, "default.cutoff.times"),
        ({"status_inquiry": {"after_days": [30, 14]}}, "default.status_inquiry.after_days"),
        ({"separators": {"element": ":"}}, "default.separators"),
        ({"deadlines": {"payment_days": 30}}, "default.deadlines.payment_days"),
        ({"interchange_windows_s": 5}, "default.interchange_windows_s"),
        ({"filing": {"days": 0}}, "default.filing.days"),
    ],
)
def test_every_fault_of_a_profile_is_told_with_its_path(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ProfileError) as wrong:
        read_profiles({"default": fields})
    assert str(wrong.value).startswith(f"{place}: ")


def test_all_faults_of_all_payers_are_told_at_once() -> None:
    payers = [{"name": f"p{n}", "receiver": {"identifier": "XX"}} for n in range(2)]
    with pytest.raises(ProfileError) as wrong:
        read_profiles({"payers": payers})
    assert str(wrong.value).splitlines() == [
        f"payers[{n}].receiver.name: Field required" for n in range(2)
    ]


def test_two_profiles_never_share_a_sequence_of_control_numbers() -> None:
    receiver = {"identifier": "SAME", "name": "SAME"}
    payers = [{"name": name, "receiver": receiver} for name in ("one", "two")]
    with pytest.raises(ProfileError, match="pair of sender and receiver"):
        read_profiles({"payers": payers})


def test_secrets_never_stand_in_a_fault(tmp_path: Any) -> None:
    fields = {"transport": SFTP | {"password": "hunter2"}}
    with pytest.raises(ProfileError) as wrong:
        read_profiles({"default": fields})
    assert "hunter2" not in str(wrong.value)
