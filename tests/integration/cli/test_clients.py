"""The doors as strangers use them: clients of Kafka and MLLP not ours, curl, dropped files."""

import gzip
import json
import shutil
import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from hl7.client import MLLPClient

from deploy.local.stack import Stack
from deploy.twins.fhir.claims import write_bundle
from deploy.twins.hospital import render_x12
from deploy.twins.publication import FHIR, HL7, JSON, NDJSON, X12
from shared.contract.claim import Claim, Note
from shared.contract.envelope import business_id
from shared.contract.model import to_wire
from shared.contract.topics import CLAIMS_INBOUND
from tests.hl7_messages import charges, final, ft1, registration
from tests.integration.cli.conftest import TODAY, Claimwire, ask, until

Make = Callable[[int], list[Claim]]

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
RENDERINGS: dict[str, Callable[[Sequence[Claim]], bytes]] = {
    X12: lambda claims: render_x12(claims, TODAY, number=7),
    JSON: lambda claims: b"[" + b",".join(map(to_wire, claims)) + b"]",
    NDJSON: lambda claims: b"\n".join(map(to_wire, claims)),
    FHIR: write_bundle,
}


def tally(stack: Stack, source: str, message: str) -> dict[str, Any]:
    """A message's tally, once it is complete."""
    message_id = business_id("message", source, message)
    query = "SELECT * FROM intake.message WHERE message_id = $1 AND records > 0"
    (row,) = until(lambda: ask(stack, query, message_id))
    return dict(row.items())


@pytest.mark.parametrize("content_type", RENDERINGS)
@pytest.mark.parametrize("is_named", [True, False])
def test_confluent_kafka_publishes_every_format(
    stack: Stack, professional: Make, content_type: str, is_named: bool
) -> None:
    """librdkafka, with the content-type header and without it."""
    message = uuid4().hex
    headers: list[tuple[str, str | bytes | None]] = [
        ("source", b"stranger"),
        ("message-id", message.encode()),
    ]
    if is_named:
        headers.append(("content-type", content_type.encode()))
    producer = Producer({"bootstrap.servers": stack.kafka})
    producer.produce(CLAIMS_INBOUND, RENDERINGS[content_type](professional(2)), headers=headers)
    assert producer.flush(30) == 0
    del producer
    found = tally(stack, "stranger", message)
    assert (found["accepted"], found["records"]) == (2, 2)


def visit(account: str) -> list[bytes]:
    """HL7 of a registered visit with one charge, ended by its final bill."""
    return [registration(account=account), charges(ft1(), account=account), final(account=account)]


def claim_heard(stack: Stack, account: str) -> str:
    """The id of the visit's claim, once it was received and coding has answered."""

    def heard() -> str:
        query = "SELECT key, value FROM intake.event WHERE type = 'claim.received.v1'"
        for row in ask(stack, query):
            if json.loads(row["value"])["claim"]["patient_control_number"] == account:
                answered = "SELECT count(*) FROM coding.event WHERE key = $1"
                return str(row["key"]) if ask(stack, answered, row["key"])[0][0] else ""
        return ""

    return until(heard)


def test_a_claim_sent_over_mllp_goes_down_the_line(stack: Stack) -> None:
    """By python-hl7's client, to the address that `claimwire status` prints."""
    address = urlsplit(stack.services["intake"].mllp or "")
    with MLLPClient(address.hostname, address.port) as client:
        answers = [client.send_message(one) for one in visit("M1")]
    assert all(b"\rMSA|AA|" in answer for answer in answers)
    assert claim_heard(stack, "M1")


@pytest.mark.parametrize("is_named", [True, False])
def test_confluent_kafka_publishes_hl7(stack: Stack, is_named: bool) -> None:
    account = f"K{is_named:d}"
    headers: list[tuple[str, str | bytes | None]] = [("source", b"stranger")]
    if is_named:
        headers.append(("content-type", HL7.encode()))
    producer = Producer({"bootstrap.servers": stack.kafka})
    for one in visit(account):
        producer.produce(CLAIMS_INBOUND, one, key=account, headers=headers)
    assert producer.flush(30) == 0
    del producer
    assert claim_heard(stack, account)


@pytest.mark.kafka_only("apache", "apache3")
def test_kcat_publishes(stack: Stack, professional: Make, tmp_path: Path) -> None:
    """kcat as Debian 12 has it (librdkafka 2.0.2) cannot read the embedded broker's ApiVersions."""
    kcat = shutil.which("kcat")
    if kcat is None:
        pytest.skip("kcat is not installed (Debian's package kcat)")
    message = uuid4().hex
    file = tmp_path / "day.837"
    file.write_bytes(RENDERINGS[X12](professional(2)))
    command = [kcat, "-P", "-b", stack.kafka, "-t", CLAIMS_INBOUND]
    command += ["-H", "source=kcat", "-H", f"message-id={message}", "-H", f"content-type={X12}"]
    subprocess.run([*command, str(file)], check=True, timeout=60)
    assert tally(stack, "kcat", message)["accepted"] == 2


class Curl:
    """curl against the service's own HTTP."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        curl = shutil.which("curl")
        if curl is None:
            pytest.skip("curl is not installed")
        self._curl = curl
        self._folder = folder
        self.url = stack.services["intake"].url

    def __call__(
        self, path: str, key: str | None, *options: str, body: bytes | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of the answer."""
        command = [self._curl, "-sS", "-w", "\n%{http_code}", f"{self.url}{path}", *options]
        if key is not None:
            command += ["-H", f"Authorization: Bearer {key}"]
        if body is not None:
            file = self._folder / "body"
            file.write_bytes(body)
            command += ["--data-binary", f"@{file}"]
        done = subprocess.run(command, check=True, capture_output=True, timeout=60)
        text, _, status = done.stdout.rpartition(b"\n")
        return int(status), json.loads(text)


@pytest.fixture
def curl(stack: Stack, tmp_path: Path) -> Curl:
    return Curl(stack, tmp_path)


@pytest.mark.parametrize("content_type", RENDERINGS)
def test_curl_submits_every_format_and_is_answered(
    stack: Stack, curl: Curl, professional: Make, content_type: str
) -> None:
    body = gzip.compress(RENDERINGS[content_type](professional(2)))
    key = f"Idempotency-Key: {uuid4().hex}"
    headers = ("-H", "Content-Encoding: gzip", "-H", key)
    status, said = curl("/claims", stack.api_key, *headers, body=body)
    assert status == 202
    assert (said["status"], said["accepted"], said["source"]) == ("complete", 2, "operator")
    assert len(said["acknowledgements"]) == (content_type == X12)
    assert curl("/claims", stack.api_key, *headers, body=body) == (202, said)
    assert curl(f"/submissions/{said['submission_id']}", stack.api_key) == (200, said)
    claim = said["records"][0]["claim_id"]
    assert curl(f"/claims/{claim}", stack.api_key)[1]["revision"] == 1
    query = "SELECT count(*) FROM coding.event WHERE key = $1"
    until(lambda: ask(stack, query, claim)[0][0])  # and it goes on from there


@pytest.mark.parametrize("content_type", [HL7, None])
def test_curl_submits_hl7(stack: Stack, curl: Curl, content_type: str | None) -> None:
    account = f"H{content_type is None:d}"
    named = ("-H", f"Content-Type: {content_type}") if content_type else ()
    for one in visit(account):
        status, said = curl("/claims", stack.api_key, *named, body=one)
        assert (status, said["status"], said["rejected"]) == (202, "complete", 0)
    claim = claim_heard(stack, account)
    assert curl(f"/claims/{claim}", stack.api_key)[1]["revision"] == 1


def test_a_large_body_survives_the_process_that_took_it_in(
    stack: Stack, curl: Curl, professional: Make
) -> None:
    """Killed at once after its answer; what it answered for is decided by the next, once."""
    notes = tuple(Note(text="N" * 250) for _ in range(200))
    claims = [one.model_copy(update={"notes": notes}) for one in professional(40)]
    body = RENDERINGS[NDJSON](claims)
    assert len(body) > 1_000_000
    key = ("-H", f"Idempotency-Key: {uuid4().hex}")
    status, said = curl("/claims", stack.api_key, *key, body=body)
    assert status == 202
    stack.services["intake"].kill()

    def complete() -> dict[str, Any]:
        try:
            _, answer = curl(f"/submissions/{said['submission_id']}", stack.api_key)
        except subprocess.CalledProcessError:
            return {}  # it is not back yet
        return dict(answer) if answer.get("status") == "complete" else {}

    answer = until(complete)
    assert (answer["accepted"], answer["duplicated"], answer["rejected"]) == (40, 0, 0)
    assert curl("/claims", stack.api_key, *key, body=body)[1] == answer
    ids = [record["claim_id"] for record in answer["records"]]
    query = "SELECT count(*) FROM intake.event WHERE key = ANY($1) AND type = 'claim.received.v1'"
    assert ask(stack, query, ids)[0][0] == 40


def test_the_operators_key_is_for_its_owner_alone(stack: Stack, curl: Curl) -> None:
    assert stat.S_IMODE(stack.folder.api_key.stat().st_mode) == 0o600
    status, said = curl("/claims", None, body=b"{}")
    assert (status, said["code"]) == (401, "key-missing")
    status, document = curl("/openapi.json", None)
    assert (status, document["info"]["title"]) == (200, "Claimwire intake")


def test_keys_are_made_listed_and_ended(stack: Stack, curl: Curl, claimwire: Claimwire) -> None:
    made = claimwire(
        *("key", "create", "engine", "--service", "intake", "--scope", "claims:write"),
        *("--source", "north", "--per-minute", "6"),
    )
    key = made.out.strip()
    assert made.status == 0
    assert "not shown again" in made.err
    body = b'{"kind": "professional"}'
    status, said = curl("/claims", key, body=body)
    assert (status, said["source"], said["rejected"]) == (202, "north", 1)
    status, said = curl(f"/submissions/{said['submission_id']}", key)
    assert (status, said["code"]) == (429, "rate-limited")  # six a minute is one at once
    listed = claimwire("key", "list", "--service", "intake")
    assert key not in listed.out
    (row,) = (line for line in listed.out.splitlines() if " engine " in line)
    key_id = row.split()[0]
    assert claimwire("key", "revoke", key_id, "--service", "intake").status == 0
    assert claimwire("key", "revoke", key_id, "--service", "intake").status == 1
    until(lambda: curl("/claims", key, body=body)[0] == 401)


# Dropped files


def test_dropped_files_are_published_and_put_away_with_a_reason(
    stack: Stack, claimwire: Claimwire, professional: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good, bad = professional(2)
    wrong = bad.model_copy(update={"service_lines": ()})
    (folder / "DOE JANE 1980.837").write_bytes(RENDERINGS[X12]([good]))
    (folder / "wrong.ndjson").write_bytes(to_wire(wrong))
    (folder / "nothing.json").write_bytes(b"")
    (folder / "half.837.part").write_bytes(b"ISA")
    (folder / ".hidden").write_bytes(b"ISA")
    said = claimwire("publish", "--watch", folder, "--once", "--source", "dropper")
    assert said.status == 1
    assert said.out.splitlines()[-1] == "1 done, 2 failed"
    assert {path.name for path in folder.iterdir() if path.is_file()} == {
        "half.837.part",
        ".hidden",
    }
    assert [path.name for path in (folder / "taking").iterdir()] == [".lock"]
    (done,) = (folder / "done").glob("*.837")
    reason = json.loads(done.with_name(done.name + ".json").read_text())
    assert (reason["file"], reason["outcome"], reason["accepted"]) == (
        "DOE JANE 1980.837",
        "accepted",
        1,
    )
    reasons = {
        document["file"]: document
        for path in (folder / "failed").glob("*.json.json")
        for document in [json.loads(path.read_text())]
    }
    assert reasons["nothing.json"]["reason"] == "the file is empty"
    (failed,) = (folder / "failed").glob("*.ndjson.json")
    refusal = json.loads(failed.read_text())
    assert refusal["outcome"] == "refused"
    assert refusal["refused"][0]["findings"][0]["code"] == "no-service-lines"
    made = [path.name for path in folder.rglob("*") if path.parent != folder]
    assert not any("DOE" in name for name in (*made, said.out))


def test_what_was_in_hand_when_a_watcher_died_is_taken_up_again(
    stack: Stack, claimwire: Claimwire, professional: Make, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    (folder / "taking").mkdir(parents=True)
    left = folder / "taking" / "20260101T000000000000Z-0.ndjson"
    left.write_bytes(to_wire(professional(1)[0]))
    left.with_suffix(".name").write_text("claims.ndjson")
    for _ in range(2):
        said = claimwire("publish", "--watch", folder, "--once", "--source", "dropper")
        assert said.status == 0
    (reason,) = (folder / "done").glob("*.ndjson.json")
    assert json.loads(reason.read_text())["file"] == "claims.ndjson"
