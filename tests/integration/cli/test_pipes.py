"""The filters as a shell runs them: real processes and real pipes."""

import json
import shlex
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from deploy.twins.hospital import Hospital, render_x12
from deploy.twins.payer.answer import answer
from deploy.twins.payer.reception import receive
from deploy.twins.payer.scenario import Outcome, expected_outcome

TODAY = date(2026, 11, 20)
SEED = 5
CLAIMWIRE = shlex.quote(str(Path(sys.executable).parent / "claimwire"))


def shell(line: str, folder: Path) -> tuple[list[int], bytes, str]:
    """Runs a line of bash; the exit status of each process in its pipe, stdout and stderr."""
    statuses = folder / "statuses"
    script = f'claimwire() {{ {CLAIMWIRE} "$@"; }}\n{line}\necho "${{PIPESTATUS[@]}}" > statuses\n'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, check=False, capture_output=True, timeout=120
    )
    return (
        [int(status) for status in statuses.read_text().split()],
        done.stdout,
        done.stderr.decode(),
    )


def test_claims_go_through_the_pipe_to_a_payer_and_back(tmp_path: Path) -> None:
    claims = [one for one in Hospital(SEED, today=TODAY).claims(45) if one.kind == "professional"]
    fates = [expected_outcome(one.patient_control_number, SEED) for one in claims]
    assert Outcome.REFUSED in fates
    (tmp_path / "day.837").write_bytes(render_x12(claims, TODAY, number=1))

    statuses, stdout, stderr = shell(
        "claimwire intake day.837 | claimwire code | claimwire submit --out 'out box'", tmp_path
    )
    assert (statuses, stderr) == ([0, 0, 0], "")
    submitted = [json.loads(line) for line in stdout.splitlines()]
    assert [event["type"] for event in submitted] == ["claim.submitted.v1"] * len(claims)

    (interchange,) = (tmp_path / "out box").iterdir()
    said = answer(receive(interchange.read_bytes()), SEED)
    assert said.remittance is not None
    for kind, content in (said.at_once | {"835": said.remittance}).items():
        (tmp_path / f"answer.{kind}").write_bytes(content)

    statuses, stdout, _ = shell("cat answer.277ca | claimwire ack answer.999 -", tmp_path)
    assert statuses == [0, 1]
    read = [json.loads(line)["data"] for line in stdout.splitlines()]
    outcomes = [claim["outcome"] for one in read for claim in one.get("claims", ())]
    assert outcomes.count("refused") == fates.count(Outcome.REFUSED)

    statuses, stdout, _ = shell("claimwire remit < answer.835", tmp_path)
    assert statuses == [0]
    types = [json.loads(line)["type"] for line in stdout.splitlines()]
    assert types.count("claim.denied.v1") == fates.count(Outcome.DENIED)
    adjudicated = len(claims) - fates.count(Outcome.REFUSED) - fates.count(Outcome.SILENT)
    assert types.count("claim.paid.v1") + types.count("claim.denied.v1") == adjudicated


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    claims = [one for one in Hospital(SEED, today=TODAY).claims(300) if one.kind == "professional"]
    (tmp_path / "day.837").write_bytes(render_x12(claims, TODAY, number=1))
    statuses, stdout, stderr = shell("claimwire intake day.837 | head -n 1", tmp_path)
    assert statuses == [141, 0]
    assert json.loads(stdout)["type"] == "claim.received.v1"
    assert stderr == ""


def test_what_cannot_be_read_ends_in_2_for_the_shell(tmp_path: Path) -> None:
    statuses, stdout, stderr = shell("echo nonsense | claimwire code | claimwire code", tmp_path)
    assert statuses == [0, 2, 0]
    assert stdout == b""
    assert "Traceback" not in stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_and_not_a_traceback(tmp_path: Path) -> None:
    claims = [Hospital(SEED, today=TODAY).claim()]
    (tmp_path / "day.837").write_bytes(render_x12(claims, TODAY, number=1))
    statuses, _, stderr = shell("claimwire intake day.837 > /dev/full", tmp_path)
    assert statuses == [2]
    assert "No space left on device" in stderr
    assert "Traceback" not in stderr
