"""Errors that a person can act on get a sentence; faults of ours keep their traceback."""

from pathlib import Path

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError

from deploy.local.child import StartError
from deploy.local.stack_folder import StackBusyError
from services.commands.failures import CommandError, explanation
from services.commands.stack_access import NoStackError
from shared.settings import SettingsError


@pytest.mark.parametrize("kind", [CommandError, NoStackError, StackBusyError, StartError])
def test_our_own_errors_speak_for_themselves(kind: type[Exception]) -> None:
    assert explanation(kind("give it another folder")) == "give it another folder"


def test_settings_are_named() -> None:
    assert explanation(SettingsError("CLAIMWIRE_BLOB_KEY: a key is 32 bytes")) == (
        "CLAIMWIRE_BLOB_KEY: a key is 32 bytes"
    )


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (KafkaConnectionError(), "Kafka"),
        (asyncpg.InvalidPasswordError("password of ZYXWQUILL"), "PostgreSQL"),
        (ConnectionRefusedError(111, "refused"), "does not answer"),
    ],
)
def test_servers_are_named_and_not_what_they_said(error: Exception, word: str) -> None:
    said = explanation(error)
    assert said is not None
    assert word in said
    assert "ZYXWQUILL" not in said


def test_a_file_is_named_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Is a directory") as caught:
        tmp_path.read_bytes()
    assert explanation(caught.value) == f"{tmp_path}: Is a directory"


def test_what_nobody_foresaw_is_not_explained_away() -> None:
    assert explanation(KeyError("claim")) is None
