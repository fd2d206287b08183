"""The operator's commands on a line that runs."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from confluent_kafka import Producer

from deploy.local.roster import SERVICES
from deploy.local.stack import Stack
from services.intake.filter import read
from shared.contract.claim import Claim
from shared.contract.envelope import Event, to_headers
from shared.contract.model import to_wire
from shared.contract.topics import CLAIMS_INTAKE
from tests.integration.cli.conftest import Claimwire, ask, until

Make = Callable[[int], list[Claim]]
Write = Callable[..., Path]

README = Path(__file__).resolve().parents[3] / "README.md"
pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def outcomes(document: Sequence[dict[str, Any]]) -> list[Counter[str]]:
    """How many records of each published file came to what."""
    return [Counter(record["outcome"] for record in one["records"]) for one in document]


# status


def test_status_prints_addresses_processes_and_queues(stack: Stack, claimwire: Claimwire) -> None:
    said = claimwire("status", "--json")
    assert (said.status, said.err) == (0, "")
    document = said.document
    assert document["kafka"]["address"] == stack.kafka
    assert set(document["services"]) == set(SERVICES)
    for name, row in document["services"].items():
        assert row["http"] == stack.services[name].url
        assert row["mllp"] == stack.services[name].mllp
        assert row["pid"] == stack.services[name].pid
        assert row["ready"] is True
        assert isinstance(row["consumer_lag"], int)
        assert isinstance(row["outbox_depth"], int)
        assert row["parked"].keys() == {"parked", "waiting", "released"}
    assert {name for name, row in document["services"].items() if row["mllp"]} == {"intake"}
    assert "@" not in document["postgres"]["address"], "no password is shown"


def test_status_is_a_line_for_each_server_and_service(claimwire: Claimwire) -> None:
    said = claimwire("status")
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == [
        "kafka",
        "postgres",
        "intake",
        "mllp",
        *SERVICES[1:],
    ]
    assert "\x1b" not in said.out


# publish


def test_publish_waits_and_says_what_became_of_each(
    claimwire: Claimwire, professional: Make, write_x12: Write, tmp_path: Path
) -> None:
    good, wrong = professional(5), professional(2)
    held = [one.model_copy(update={"charge": one.charge + 1}) for one in wrong]
    (tmp_path / "no claim.json").write_text('{"hello": "world"}')
    (tmp_path / "cut.json").write_text('[{"id": ')
    files = [
        write_x12(good, "good.837"),
        write_x12([good[0], *held], "some held.837"),
        tmp_path / "no claim.json",
        tmp_path / "cut.json",
    ]
    said = claimwire("publish", *files, "--wait", "--json", "--timeout", 60)
    assert (said.status, said.err) == (1, "")
    assert [one["file"] for one in said.document] == [file.name for file in files]
    accepted, mixed, no_claim, cut = outcomes(said.document)
    assert accepted + mixed == {"submitted": 5, "duplicate": 1, "held": 2}
    assert mixed["held"] == 2
    assert (no_claim, cut) == ({"rejected": 1}, {"rejected": 1})
    for record in said.document[1]["records"]:
        assert bool(record["findings"]) == (record["outcome"] == "held")
        assert UUID(record["claim"])
    (rejection,) = said.document[3]["records"]
    assert rejection["claim"] is None
    assert rejection["findings"][0]["code"] == "json-invalid"

    again = claimwire("publish", files[0], "--wait", "--timeout", 60)
    assert again.status == 0, "what came before is no failure"
    assert again.out.splitlines()[0] == "good.837: 5 duplicate"
    assert again.out.count("  duplicate") == 5


def test_publish_without_waiting_says_how_many_files(
    claimwire: Claimwire, professional: Make, write_x12: Write
) -> None:
    said = claimwire("publish", write_x12(professional(1)))
    assert (said.status, said.out) == (0, "1 published\n")


def test_publish_that_is_not_answered_in_time_says_so(
    stack: Stack, claimwire: Claimwire, professional: Make, write_x12: Write
) -> None:
    stack.services["intake"].hold()
    try:
        said = claimwire("publish", write_x12(professional(1)), "--wait", "--timeout", 1)
    finally:
        stack.services["intake"].go_on()
    assert (said.status, said.out) == (1, "day.837: no answer yet\n")


# claim and trace


@pytest.fixture
def journey(
    claimwire: Claimwire, professional: Make, write_x12: Write
) -> tuple[str, list[dict[str, Any]]]:
    """A claim that was paid or denied, and its events."""
    said = claimwire("publish", write_x12(professional(12)), "--wait", "--json", "--timeout", 60)
    claims = [record["claim"] for record in said.document[0]["records"]]

    def adjudicated() -> tuple[str, list[dict[str, Any]]] | None:
        for claim in claims:
            events = claimwire("claim", claim, "--json").document["events"]
            if {event["event"] for event in events} & {"claim.paid.v1", "claim.denied.v1"}:
                return claim, events
        return None

    found = until(adjudicated)
    assert found is not None
    return found


def test_a_claims_journey_has_every_service_with_partition_and_offset(
    claimwire: Claimwire, journey: tuple[str, list[dict[str, Any]]]
) -> None:
    claim, events = journey
    kinds = [event["event"] for event in events]
    expected = ("claim.received.v1", "claim.coded.v1", "claim.submitted.v1")
    assert [kind for kind in kinds if kind in expected] == list(expected)
    readers = {
        kind: {one["service"] for one in event["read_by"]}
        for kind, event in zip(kinds, events, strict=True)
    }
    assert readers["claim.received.v1"] == {"coding"}
    assert readers["claim.coded.v1"] == {"submission"}
    assert readers["claim.submitted.v1"] == {"remittance"}
    for event in events:
        assert event["outcome"] in ("sent", "waits in the outbox")
        assert datetime.fromisoformat(event["at"]).tzinfo is not None
        assert all(one["offset"] >= 0 <= one["partition"] for one in event["read_by"])
    said = claimwire("claim", claim)
    assert said.status == 0
    assert re.search(r"intake +claim\.received\.v1 +claims\.intake +coding \(\d+/\d+\)", said.out)


def test_a_claims_trace_goes_through_the_services_to_its_posting(
    claimwire: Claimwire, journey: tuple[str, list[dict[str, Any]]]
) -> None:
    claim, events = journey
    answered = {event["event"] for event in events} & {"claim.paid.v1", "claim.denied.v1"}

    def is_whole() -> bool:
        said = claimwire("trace", claim, "--json")
        spans = said.document if said.status == 0 else []
        attributes = [span["attributes"] for span in spans]
        outcomes = {name for one in attributes for name in one.get("claimwire.outcomes", ())}
        payers = {one.get("claimwire.payer.profile") for one in attributes}
        return (
            {span["service"] for span in spans} >= set(SERVICES)
            and outcomes >= answered
            and "clearinghouse" in payers
        )

    until(is_whole)
    said = claimwire("trace", claim)
    assert said.status == 0
    assert said.out.startswith("trace ")
    for service in SERVICES:
        assert f"{service}: " in said.out


def test_a_claim_that_nobody_knows_ends_in_1(claimwire: Claimwire) -> None:
    unknown = uuid4()
    for command in ("claim", "trace"):
        said = claimwire(command, unknown)
        assert (said.status, said.out) == (1, "")
        assert str(unknown) in said.err


# parked


def received(claims: Sequence[Claim], write_x12: Write) -> Iterator[Event]:
    """The events that intake would say of these claims."""
    content = write_x12(claims, "parked.837").read_bytes()
    return read(BytesIO(content), source="parking", now=datetime.now(UTC))


def put(stack: Stack, *records: tuple[Event, bytes]) -> None:
    """Puts records on `claims.intake`, as an event's headers with any value."""
    producer = Producer({"bootstrap.servers": stack.kafka})
    for event, value in records:
        headers: list[tuple[str, str | bytes | None]] = [*to_headers(event)]
        producer.produce(CLAIMS_INTAKE, value, key=event.subject, headers=headers)
    assert producer.flush(20) == 0


def test_what_cannot_be_decoded_parks_its_claim_until_somebody_decides(
    stack: Stack, claimwire: Claimwire, professional: Make, write_x12: Write
) -> None:
    event, neighbour = received(professional(2), write_x12)
    claim = event.subject
    put(
        stack,
        (replace(event, id=uuid4()), b'{"claim": '),
        (event, to_wire(event.data)),
        (neighbour, to_wire(neighbour.data)),
    )

    def lot() -> list[dict[str, Any]]:
        rows = claimwire("parked", "list", "--service", "coding", "--json").document["coding"]
        return [row for row in rows if row["key"] == claim]

    def events(of: str) -> list[str]:
        document = claimwire("claim", of, "--json").document
        return [one["event"] for one in document["events"]]

    until(lambda: len(lot()) == 2)
    bad, waiting = lot()
    assert (bad["state"], bad["waiting_behind"], waiting["state"]) == ("parked", 1, "waiting")
    until(lambda: "claim.coded.v1" in events(neighbour.subject))
    assert events(claim) == [], "nothing of a claim goes past what is parked of it"

    listed = claimwire("parked", "list").out
    assert re.search(rf"coding +{bad['id']} +parked +{claim}", listed)
    shown = claimwire("parked", "show", "coding", bad["id"])
    assert shown.document["topic"] == CLAIMS_INTAKE
    assert "content" not in shown.document
    content = claimwire("parked", "show", "coding", bad["id"], "--content").document["content"]
    assert content == '{"claim": '
    told = claimwire("claim", claim).out
    assert "parked in coding: " in told
    assert "waiting in coding: " in told

    released = claimwire("parked", "release", "coding", bad["id"], "--json")
    assert (released.status, released.document) == (0, {"released": 1})
    until(lambda: [row["attempts"] for row in lot() if row["state"] == "parked"] == [2])
    assert [row["state"] for row in lot()] == ["parked", "waiting"], "a bad record stays bad"

    assert claimwire("parked", "discard", "coding", bad["id"]).out == "1 discarded\n"
    until(lambda: not lot())
    until(lambda: "claim.coded.v1" in events(claim))


def test_parked_commands_say_what_is_not_there(claimwire: Claimwire) -> None:
    assert claimwire("parked", "release", "coding", 999_999).status == 1
    missing = claimwire("parked", "show", "coding", 999_999)
    assert (missing.status, missing.out) == (2, "")
    wrong = claimwire("parked", "list", "--service", "billing")
    assert wrong.status == 2
    assert "one of intake, coding, submission, remittance" in wrong.err


# audit and recover


def test_audit_finds_a_lost_row_by_its_id_and_recover_mends_it(
    stack: Stack, claimwire: Claimwire, professional: Make, write_x12: Write
) -> None:
    said = claimwire("publish", write_x12(professional(3)), "--wait", "--json", "--timeout", 60)
    claim = said.document[0]["records"][0]["claim"]
    before = claimwire("audit", "--json")
    assert before.status == 0, before.out
    assert before.document["holds"] is True
    # What is on its way at this moment counts as missing, and is only said twice.
    until(lambda: claimwire("recover").out == "nothing is missing\n")

    (event,) = ask(
        stack,
        "SELECT event_id FROM intake.event WHERE key = $1 AND type = 'claim.received.v1'",
        claim,
    )
    ask(stack, "DELETE FROM coding.inbox WHERE event_id = $1", event["event_id"])
    ask(stack, "DELETE FROM coding.claim WHERE claim_id = $1", UUID(claim))
    found = claimwire("audit", "--json")
    assert found.status == 1
    offending = {name: ids for name, ids in found.document["checks"].items() if ids}
    assert offending == {
        "every accepted claim has a verdict": [claim],
        "every event sent was taken in": [str(event["event_id"])],
    }

    assert claimwire("recover", "--json").document["republished"] == {CLAIMS_INTAKE: 1}
    until(lambda: ask(stack, "SELECT 1 FROM coding.inbox WHERE event_id = $1", event["event_id"]))
    after = claimwire("audit")
    assert after.status == 0, after.out
    assert "FAILS" not in after.out


def test_audit_finds_a_claim_that_submission_has_lost(
    stack: Stack, claimwire: Claimwire, professional: Make, write_x12: Write
) -> None:
    said = claimwire("publish", write_x12(professional(1)), "--wait", "--json", "--timeout", 60)
    claim = said.document[0]["records"][0]["claim"]
    columns = ask(
        stack, "DELETE FROM submission.claim WHERE claim_id = $1 RETURNING *", UUID(claim)
    )
    try:
        found = claimwire("audit")
    finally:
        names = ", ".join(columns[0].keys())
        places = ", ".join(f"${number + 1}" for number in range(len(columns[0])))
        ask(stack, f"INSERT INTO submission.claim ({names}) VALUES ({places})", *columns[0])
    assert found.status == 1
    lines = found.out.splitlines()
    assert lines[lines.index("FAILS  every coded claim is with submission") + 1].strip() == claim


# A downstream system


def consumer_of_the_readme() -> str:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    return str(code)


def test_the_readmes_consumer_sees_each_payment_once(
    stack: Stack,
    claimwire: Claimwire,
    journey: tuple[str, list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    assert journey
    # The topic then holds what was said before twice, as after a broker's loss.
    assert claimwire("recover", "--unread").status == 0
    until(lambda: not ask(stack, "SELECT 1 FROM remittance.outbox LIMIT 1"))
    said = ask(stack, "SELECT key FROM remittance.event WHERE topic = 'payments.posted'")
    assert said

    code = consumer_of_the_readme().replace("127.0.0.1:9092", stack.kafka)
    assert stack.kafka in code
    log = tmp_path / "payments"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=out)
        try:
            until(lambda: len(log.read_text().splitlines()) >= len(said), timeout_s=90.0)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(2.0)  # what came twice would be printed by now
        finally:
            process.kill()
            process.wait()
    printed = [line.split()[1] for line in log.read_text().splitlines()]
    assert Counter(printed) == Counter(row["key"] for row in said)


def test_json_is_json_whatever_the_terminal(stack: Stack) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "status", "--json"],
        env={"CLAIMWIRE_VAR_DIR": str(stack.folder.var_dir), "FORCE_COLOR": "1", "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["services"].keys() == set(SERVICES)


def test_a_line_that_is_stopped_can_still_be_asked(
    stack: Stack,
    claimwire: Claimwire,
    journey: tuple[str, list[dict[str, Any]]],
    write_x12: Write,
    professional: Make,
) -> None:
    """The last of this module: the stack stays down."""
    claim, events = journey
    # Nothing is on its way any more: what is when a line stops, the next start delivers.
    assert claimwire("audit").status == 0
    stack.stop()
    assert claimwire("audit").status == 0
    told = claimwire("claim", claim, "--json").document["events"]
    assert len(told) >= len(events)
    assert claimwire("parked", "list").status == 0
    for arguments in (("status",), ("publish", write_x12(professional(1)))):
        said = claimwire(*arguments)
        assert (said.status, said.out) == (2, "")
        assert "start" in said.err
