"""A service's process as it starts: what it says before anything else."""

import json
import os
import subprocess
import sys

import pytest

NOWHERE = {
    "CLAIMWIRE_POSTGRES_DSN": "postgresql://127.0.0.1:1/claimwire",
    "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
}


@pytest.mark.parametrize(
    ("service", "key"),
    [("coding", "CLAIMWIRE_PATIENT_HASH_KEY"), ("remittance", "CLAIMWIRE_ACCOUNT_HASH_KEY")],
)
def test_a_key_that_everybody_knows_is_warned_of_first(service: str, key: str) -> None:
    kept = {name: text for name, text in os.environ.items() if not name.startswith("CLAIMWIRE_")}
    for given in ({}, {key: "a key of ours"}):
        with subprocess.Popen(
            [sys.executable, "-m", f"services.{service}"],
            env={**kept, **NOWHERE, **given},
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            first = json.loads(process.stderr.readline())
            process.terminate()
            process.communicate(timeout=30)
        assert (first["level"], key in first["message"]) == (
            ("info", False) if given else ("warning", True)
        )
