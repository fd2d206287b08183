"""The filters' exit statuses and what they write, called without a process around them."""

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.twins import hospital
from deploy.twins.hospital import Hospital
from deploy.twins.payer.answer import answer
from deploy.twins.payer.reception import receive
from deploy.twins.payer.scenario import EVERYDAY, Fate, Outcome, Scenario
from services.commands import filters, twins
from services.commands.failures import CommandError
from services.commands.filters import Exit
from shared.contract.claim import Claim
from shared.contract.events import TYPE_BY_NAME
from shared.money import parse_cents
from tests.unit.cli.conftest import Filter, Run

Write = Callable[..., Path]


def always(outcome: Outcome) -> Scenario:
    """A payer that does the same with every claim."""
    return Scenario(
        (Fate(outcome, 1),),
        EVERYDAY.denials,
        EVERYDAY.refusals,
        EVERYDAY.cost_shares,
        EVERYDAY.agreed_percent,
    )


def is_cloud_event(event: dict[str, Any]) -> bool:
    """CloudEvents 1.0: the required attributes are non-empty strings, the time has an offset."""
    required = all(
        isinstance(event[name], str) and event[name]
        for name in ("id", "source", "specversion", "type")
    )
    return (
        required
        and event["specversion"] == "1.0"
        and event["datacontenttype"] == "application/json"
        and datetime.fromisoformat(event["time"]).tzinfo is not None
        and all(name.isalnum() and name.islower() for name in event)
    )


def test_claims_that_are_all_accepted_end_in_0(
    filtered: Filter, write_x12: Write, professional: list[Claim]
) -> None:
    run = filtered(filters.intake, [write_x12(professional)], "clinic")
    assert run.status == Exit.ACCEPTED
    assert run.types == ["claim.received.v1"] * len(professional)


def test_every_event_is_a_cloud_event_on_a_line_of_its_own(
    filtered: Filter, write_x12: Write, professional: list[Claim], tmp_path: Path
) -> None:
    received = filtered(filters.intake, [write_x12(professional)], "clinic")
    coded = filtered(filters.code, None, stdin=received.stdout)
    submitted = filtered(filters.submit, None, tmp_path / "out", stdin=coded.stdout)
    for run in (received, coded, submitted):
        assert len(run.events) == len(professional)
        assert all(is_cloud_event(event) for event in run.events)
        assert {event["type"] for event in run.events} <= TYPE_BY_NAME.keys()
    assert [one["causationid"] for one in coded.events] == [one["id"] for one in received.events]


def test_a_record_that_is_no_claim_ends_in_1_and_its_neighbours_are_accepted(
    filtered: Filter, write_ndjson: Write, hospital: Hospital
) -> None:
    path = write_ndjson(hospital.claims(2))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"kind": "professional"}\n' + lines[1])
    run = filtered(filters.intake, [path], "clinic")
    assert run.status == Exit.SOME_REFUSED
    assert run.types == ["claim.received.v1", "claim.rejected.v1", "claim.received.v1"]


def test_a_claim_that_is_held_ends_in_1_through_the_whole_pipe(
    filtered: Filter, write_ndjson: Write, hospital: Hospital, tmp_path: Path
) -> None:
    good, bad = hospital.claims(2)
    path = write_ndjson([good, bad.model_copy(update={"charge": bad.charge + 1})])
    coded = filtered(filters.code, None, stdin=filtered(filters.intake, [path], "clinic").stdout)
    assert (coded.status, coded.types) == (
        Exit.SOME_REFUSED,
        ["claim.coded.v1", "claim.held.v1"],
    )
    submitted = filtered(filters.submit, None, tmp_path / "out", stdin=coded.stdout)
    assert submitted.status == Exit.SOME_REFUSED
    assert sorted(submitted.types) == ["claim.held.v1", "claim.submitted.v1"]


@pytest.mark.parametrize("garbage", [b"", b"\x00\x01\x02", b"ISA*00*", b'{"claims": ['])
def test_intake_of_what_is_no_claim_file_ends_in_2_with_a_rejection(
    filtered: Filter, garbage: bytes
) -> None:
    run = filtered(filters.intake, None, "clinic", stdin=garbage)
    assert run.status == Exit.UNREADABLE
    assert run.types == ["message.rejected.v1"]
    assert run.events[0]["data"]["findings"]


@pytest.mark.parametrize(
    "garbage", [b"hello\n", b'{"a": 1}\n', b"[" * 100_000, b"\xff\xfe\n", b'{"data": {}}\n']
)
def test_a_filter_of_events_ends_in_2_where_there_are_none(
    filtered: Filter, garbage: bytes, tmp_path: Path
) -> None:
    for run in (
        filtered(filters.code, None, stdin=garbage),
        filtered(filters.submit, None, tmp_path, stdin=garbage),
    ):
        assert run.status == Exit.UNREADABLE
        assert run.stdout == b""
        assert run.stderr.startswith("claimwire: stdin: line 1: ")


def test_an_event_whose_data_does_not_fit_is_told_by_its_line_and_not_shown(
    filtered: Filter, write_x12: Write, professional: list[Claim]
) -> None:
    lines = filtered(filters.intake, [write_x12(professional)], "clinic").stdout.splitlines()
    lines[1] = lines[1].replace(b'"kind":"professional"', b'"kind":"ZYXWQUILL"')
    run = filtered(filters.code, None, stdin=b"\n".join(lines))
    assert run.status == Exit.SOME_REFUSED
    assert run.types == ["claim.coded.v1"]
    assert "line 2: data" in run.stderr
    assert "ZYXWQUILL" not in run.stderr


@pytest.mark.parametrize("read", [filters.code, filters.ack, filters.remit])
def test_a_missing_file_ends_in_2(
    filtered: Filter, read: Callable[[Sequence[Path]], int], tmp_path: Path
) -> None:
    run = filtered(read, [tmp_path / "nowhere"])
    assert run.status == Exit.UNREADABLE
    assert run.stderr == "claimwire: nowhere: No such file or directory\n"


def test_a_folder_is_no_file(filtered: Filter, tmp_path: Path) -> None:
    run = filtered(filters.intake, [tmp_path], "clinic")
    assert run.status == Exit.UNREADABLE
    assert "Is a directory" in run.stderr


def test_a_missing_file_among_others_ends_in_1_and_the_others_are_read(
    filtered: Filter, write_x12: Write, professional: list[Claim], tmp_path: Path
) -> None:
    run = filtered(filters.intake, [tmp_path / "nowhere", write_x12(professional)], "clinic")
    assert run.status == Exit.SOME_REFUSED
    assert len(run.events) == len(professional)


def test_a_claim_of_an_earlier_file_is_a_duplicate_in_a_later_one(
    filtered: Filter, write_x12: Write, professional: list[Claim]
) -> None:
    first, second = write_x12(professional, "a.837"), write_x12(professional, "b.837")
    run = filtered(filters.intake, [first, second], "clinic")
    assert run.status == Exit.ACCEPTED
    assert Counter(run.types) == {
        "claim.received.v1": len(professional),
        "claim.duplicated.v1": len(professional),
    }


def test_nothing_to_code_is_no_failure(filtered: Filter) -> None:
    run = filtered(filters.code, None, stdin=b"\n")
    assert (run.status, run.stdout) == (Exit.ACCEPTED, b"")


# What a payer answers


@pytest.fixture
def answers(
    filtered: Filter, write_x12: Write, professional: list[Claim], tmp_path: Path
) -> Callable[[Outcome], dict[str, Path]]:
    """The files that a payer answers the claims with, by their kind."""

    def make(outcome: Outcome) -> dict[str, Path]:
        received = filtered(filters.intake, [write_x12(professional)], "clinic")
        coded = filtered(filters.code, None, stdin=received.stdout)
        submitted = filtered(filters.submit, None, tmp_path / "out", stdin=coded.stdout)
        assert submitted.status == Exit.ACCEPTED
        said = [
            answer(receive(file.read_bytes()), 1, always(outcome))
            for file in (tmp_path / "out").glob("*.837")
        ]
        (only,) = said
        kinds = only.at_once | ({"835": only.remittance} if only.remittance else {})
        for kind, content in kinds.items():
            (tmp_path / kind).write_bytes(content)
        return {kind: tmp_path / kind for kind in kinds}

    return make


def test_acknowledgements_of_claims_that_were_taken_end_in_0(
    filtered: Filter, answers: Callable[[Outcome], dict[str, Path]]
) -> None:
    files = answers(Outcome.PAID)
    run = filtered(filters.ack, [files["999"], files["277ca"]])
    assert run.status == Exit.ACCEPTED
    said = [event["data"]["transaction"] for event in run.events]
    assert said[0] == "999"
    assert set(said[1:]) == {"277CA"}
    assert all(is_cloud_event(event) for event in run.events)


def test_a_277ca_that_refuses_ends_in_1(
    filtered: Filter, answers: Callable[[Outcome], dict[str, Path]]
) -> None:
    files = answers(Outcome.REFUSED)
    assert filtered(filters.ack, [files["999"]]).status == Exit.ACCEPTED
    refused = filtered(filters.ack, [files["277ca"]])
    assert refused.status == Exit.SOME_REFUSED
    claims = [claim for event in refused.events for claim in event["data"]["claims"]]
    assert {claim["outcome"] for claim in claims} == {"refused"}


@pytest.mark.parametrize(
    ("outcome", "kind"), [(Outcome.PAID, "claim.paid.v1"), (Outcome.DENIED, "claim.denied.v1")]
)
def test_a_remittance_tells_what_each_claim_came_to(
    filtered: Filter,
    answers: Callable[[Outcome], dict[str, Path]],
    professional: list[Claim],
    outcome: Outcome,
    kind: str,
) -> None:
    run = filtered(filters.remit, [answers(outcome)["835"]])
    assert run.status == Exit.ACCEPTED
    assert run.types.count(kind) == len(professional)
    told = [event["data"] for event in run.events if event["type"] == kind]
    assert sum(parse_cents(one["adjudication"]["charge"]) for one in told) == sum(
        claim.charge for claim in professional
    )


def test_an_835_is_nothing_for_ack_and_a_999_nothing_for_remit(
    filtered: Filter, answers: Callable[[Outcome], dict[str, Path]]
) -> None:
    files = answers(Outcome.PAID)
    run = filtered(filters.ack, [files["835"]])
    assert (run.status, run.stdout) == (Exit.UNREADABLE, b"")
    assert "holds no TA1" in run.stderr
    wrong = filtered(filters.remit, [files["999"]])
    assert (wrong.status, wrong.types) == (Exit.UNREADABLE, ["message.rejected.v1"])


# Files that others wrote


def verdict(checked: int, failed: int) -> str:
    if not checked:
        return "n/a"
    return f"FAIL {failed}/{checked}" if failed else "ok"


def judged(run: Run) -> dict[str, str]:
    """A file's balances in the words of the table."""
    sums: Counter[str] = Counter()
    read = [one["data"] for one in run.events if one["type"] == "remittance.read.v1"]
    for data in read:
        balance = data["balance"]
        for level in ("lines", "claims"):
            sums[level] += balance[level]["checked"]
            sums[f"{level} failed"] += balance[level]["failed"]
        is_balanced = balance["transaction"]["balanced"]
        assert is_balanced == (parse_cents(balance["transaction"]["difference"]) == 0)
        sums["unbalanced"] += not is_balanced
    return {
        "transactions": str(len(read)),
        "claims": str(sums["claims"]),
        "service_lines": str(sums["lines"]),
        "line_balance": verdict(sums["lines"], sums["lines failed"]),
        "claim_balance": verdict(sums["claims"], sums["claims failed"]),
        "transaction_balance": verdict(len(read), sums["unbalanced"]),
    }


def test_remit_judges_every_sample_as_the_table_beside_them_does(
    filtered: Filter, samples: Path
) -> None:
    with (samples / "835-balance.csv").open(newline="") as table:
        rows = {row["file"]: row for row in csv.DictReader(table)}
    assert rows
    for name, row in rows.items():
        run = filtered(filters.remit, [samples / "835" / name])
        actual = judged(run)
        assert actual == {column: row[column] for column in actual}, name
        is_clean = "FAIL" not in "".join(actual.values())
        assert run.status == (Exit.ACCEPTED if is_clean else Exit.SOME_REFUSED), name


def test_remit_says_payer_trace_number_and_amount_of_every_sample(
    filtered: Filter, samples: Path
) -> None:
    for path in sorted((samples / "835").iterdir()):
        for event in filtered(filters.remit, [path]).events:
            if event["type"] == "remittance.read.v1":
                data = event["data"]
                assert {"payer_identifier", "trace_number", "amount"} <= data.keys(), path.name
                assert parse_cents(data["amount"]) >= 0


def test_an_encounter_goes_on_from_file_to_file_of_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filtered: Filter
) -> None:
    """The twin's HL7 day in the order it is published, with the source profiles it needs."""
    day = list(hospital.day(5, 60, today=twins.today(), formats=hospital.ALL_FORMATS))
    files, claims = [], []
    for at, message in enumerate(one for one in day if one.key is not None):
        path = tmp_path / f"{at:04}.hl7"
        path.write_bytes(message.value)
        files.append(path)
        claims += [claim.patient_control_number for claim in message.encounters]
    profiles = tmp_path / "sources.json"
    profiles.write_bytes(hospital.source_profiles(5, today=twins.today()))
    monkeypatch.setenv("CLAIMWIRE_SOURCE_PROFILES", str(profiles))
    run = filtered(filters.intake, files, hospital.SOURCE)
    received = [event for event in run.events if event["type"] == "claim.received.v1"]
    numbers = [event["data"]["claim"]["patient_control_number"] for event in received]
    assert run.status == Exit.ACCEPTED
    assert Counter(numbers) == Counter(claims)
    assert len(claims) > 5


def test_source_profiles_that_cannot_be_used_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = tmp_path / "sources.json"
    profiles.write_text('{"default": {"hold_days": -1}}')
    monkeypatch.setenv("CLAIMWIRE_SOURCE_PROFILES", str(profiles))
    with pytest.raises(CommandError, match=r"CLAIMWIRE_SOURCE_PROFILES: default\.hold_days"):
        filters.intake([], "clinic")
