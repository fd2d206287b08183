"""Payers' rules at the command line of a line that runs: past verdicts come out of `claimwire code`
as they were, and what is in force outlives the broker."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from deploy.local.stack import Stack
from services.coding.domain.proof import proof
from services.coding.rules_feed import announced
from services.commands.stack_access import opened
from shared.contract.claim import Claim
from shared.contract.envelope import from_headers, from_structured, text_headers, to_structured
from shared.contract.events import ClaimCoded, ClaimHeld
from shared.messaging.verbatim import claim_json
from shared.messaging.wire import unpack_headers
from tests.integration.cli.conftest import Claimwire, ask, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
COMMAND = str(Path(sys.executable).parent / "claimwire")
PACK = "every-claim"
DOCUMENT = f"""
pack: {PACK}
version: 1
title: A rule that every claim of these payers breaks
scope: {{payers: [PAYERS]}}
rules:
  - id: always
    title: a warning
    explanation: to tell one ruleset's verdicts from another's
    severity: warn
    effective: 2000-01-01
    when: claim.patient_control_number != "NOBODY"
    field: patient_control_number
    message: the payer's rules were asked
    fix: nothing
    source: a test
    tests:
      - {{name: with, claim: {{}}, found: [patient_control_number]}}
      - {{name: without, claim: {{patient_control_number: NOBODY}}, found: []}}
"""
VERDICTS = """
SELECT v.claim_id, v.judged_on, v.ruleset, v.proof, said.value AS said,
       cause.headers AS cause_headers, cause.value AS cause
FROM coding.verdict v
JOIN coding.event said USING (event_id)
JOIN intake.event cause ON cause.key = v.claim_id::text AND cause.type = 'claim.received.v1'
WHERE v.claim_id = ANY($1::uuid[]) AND v.history IS NULL
"""


def publish(claimwire: Claimwire, path: Path) -> list[UUID]:
    said = claimwire("publish", path, "--wait", "--json", "--timeout", 60)
    return [UUID(one["claim"]) for one in said.document[0]["records"]]


def activate(stack: Stack, claimwire: Claimwire, path: Path) -> None:
    assert claimwire("rules", "publish", path).status == 0

    def packs(state: str) -> list[asyncpg.Record]:
        return ask(stack, "SELECT 1 FROM coding.payer_pack WHERE state = $1", state)

    until(lambda: packs("published"))
    assert claimwire("rules", "activate", PACK).status == 0
    until(lambda: packs("active"))


def judged_again(row: asyncpg.Record, ruleset: str, day: date, folder: Path, var: Path) -> Any:
    """The event that `claimwire code` says of the claim as the hospital sent it."""
    headers = text_headers(unpack_headers(row["cause_headers"]))
    sent = folder / "received.ndjson"
    sent.write_bytes(to_structured(from_headers(headers, row["cause"])) + b"\n")
    done = subprocess.run(
        [COMMAND, "code", "--as-of", str(day), "--ruleset", ruleset, "--var", str(var), str(sent)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == b""
    (line,) = done.stdout.splitlines()
    return from_structured(line)


def test_code_reproduces_past_verdicts_of_two_rulesets_bit_for_bit(
    stack: Stack,
    claimwire: Claimwire,
    professional: Callable[[int], list[Claim]],
    write_x12: Callable[..., Path],
    tmp_path: Path,
) -> None:
    claims = professional(4)
    before = publish(claimwire, write_x12(claims[:2], "before.837"))
    payers = sorted({str(one.payer.identifier) for one in claims})
    document = tmp_path / "pack.yaml"
    document.write_text(DOCUMENT.replace("PAYERS", ", ".join(map(json.dumps, payers))))
    activate(stack, claimwire, document)
    after = publish(claimwire, write_x12(claims[2:], "after.837"))

    rows = ask(stack, VERDICTS, [*before, *after])
    assert {row["claim_id"] for row in rows} == {*before, *after}
    without, with_pack = (
        {row["ruleset"] for row in rows if row["claim_id"] in part} for part in (before, after)
    )
    assert len(without) == len(with_pack) == 1
    assert without != with_pack
    var = stack.folder.var_dir
    for row in rows:
        again = judged_again(row, row["ruleset"], row["judged_on"], tmp_path, var)
        assert isinstance(again.data, ClaimCoded | ClaimHeld)
        said = json.loads(row["said"])
        assert json.loads(to_structured(again))["data"].get("findings") == said.get("findings")
        assert again.data.ruleset == said["ruleset"] == row["ruleset"]
        content = claim_json(row["said"], "ruleset")
        assert content is not None
        findings = again.data.findings
        assert proof(content, again.data.ruleset, row["judged_on"], (), findings) == row["proof"]

    # By the other ruleset, whichever is in force now, the same claims are judged otherwise.
    for claim_id in (before[0], after[0]):
        row = next(row for row in rows if row["claim_id"] == claim_id)
        (other,) = with_pack if row["claim_id"] in before else without
        again = judged_again(row, other, row["judged_on"], tmp_path, var)
        asked = {one.code for one in again.data.findings}
        assert (f"{PACK}.always" in asked) is (row["claim_id"] in before), asked


def keys_on_the_topic(stack: Stack) -> set[bytes]:
    with opened(stack.folder.var_dir) as line:
        assert line.settings is not None
        return set(asyncio.run(announced(line.settings)))


@pytest.mark.kafka_only("embedded")
def test_the_packs_outlive_a_broker_that_comes_back_empty(
    stack: Stack, claimwire: Claimwire, tmp_path: Path
) -> None:
    name = "outlives"
    document = tmp_path / "pack.yaml"
    document.write_text(DOCUMENT.replace("PAYERS", "NOBODY").replace(PACK, name))
    assert claimwire("rules", "publish", document).status == 0
    until(lambda: ask(stack, "SELECT 1 FROM coding.payer_pack WHERE pack = $1", name))
    before = keys_on_the_topic(stack)
    assert f"{name}/published".encode() in before
    pids = stack.broker.pids
    stack.broker.kill()  # type: ignore[attr-defined]
    until(lambda: stack.broker.pids not in ((), pids))
    until(stack.services["coding"].is_ready)
    until(lambda: keys_on_the_topic(stack) == before)
    said = claimwire("recover", "--json")
    assert "rules.payer" not in said.document["republished"]
