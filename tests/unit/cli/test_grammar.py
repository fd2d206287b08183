"""The command line itself: what starts, what it says, and how quickly it is there."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from services.cli import app, main

HEAVY = ("aiokafka", "asyncio", "asyncpg", "faststream", "pydantic", "rich", "shared.contract")


def commands(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command there is."""
    command = command or get_command(app)
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of `claimwire` with these arguments, in this process."""
    monkeypatch.setattr(sys, "argv", ["claimwire", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_help_imports_nothing_that_takes_long() -> None:
    probe = (
        "import sys; from typer.testing import CliRunner; from services.cli import app\n"
        "before = set(sys.modules)\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_command_has_help(
    path: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if path == ("twin", "payer"):
        pytest.skip("its options are the twin's own, in a process of its own")
    assert run(monkeypatch, *path, "--help") == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: {' '.join(('claimwire', *path))} ")
    described = shown.split("\n\n")[1]
    assert described.strip()
    assert "\x1b" not in shown


def test_the_commands_are_listed_in_sections(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--help")
    shown = capsys.readouterr().out
    sections = re.findall(r"^(\S.*):$", shown, re.MULTILINE)
    assert sections == [
        "Options",
        "The line",
        "Money",
        "Filters (files or stdin to CloudEvents, no broker, no database)",
    ]
    assert "--install-completion" in shown
    listed = set(re.findall(r"^  ([a-z]+)  ", shown, re.MULTILINE))
    assert listed == {path[0] for path in commands() if len(path) == 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("audit",),
        ("recover",),
        ("claim", "0d7ae7a5-cdd6-5bd4-b0fd-5a3cd35a7c55"),
        ("trace", "0d7ae7a5-cdd6-5bd4-b0fd-5a3cd35a7c55"),
        ("parked", "list"),
        ("parked", "show", "intake", "1"),
        ("parked", "release", "intake", "1"),
    ],
    ids=" ".join,
)
def test_without_a_stack_a_command_says_so_and_ends_in_2(
    arguments: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("CLAIMWIRE_POSTGRES_ADMIN_DSN", raising=False)
    monkeypatch.delenv("CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS", raising=False)
    assert run(monkeypatch, *arguments, "--var", str(tmp_path)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("claimwire: no stack has run in ")


def test_with_a_broker_alone_what_needs_the_database_asks_for_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("CLAIMWIRE_POSTGRES_ADMIN_DSN", raising=False)
    monkeypatch.setenv("CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert run(monkeypatch, "audit", "--var", str(tmp_path)) == 2
    assert "CLAIMWIRE_POSTGRES_ADMIN_DSN" in capsys.readouterr().err


def test_an_unknown_type_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    assert run(monkeypatch, "publish", str(file), "--type", "csv", "--var", str(tmp_path)) == 2
    assert "--type is one of x12, json" in capsys.readouterr().err


# The env file


def test_an_env_file_sets_what_the_environment_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    given = tmp_path / "given"
    settings = tmp_path / "settings.env"
    settings.write_text(f"CLAIMWIRE_VAR_DIR={given}\nCLAIMWIRE_LOG_LEVEL=ERROR\n")
    monkeypatch.delenv("CLAIMWIRE_VAR_DIR", raising=False)
    monkeypatch.setenv("CLAIMWIRE_LOG_LEVEL", "WARNING")
    # Restores what the command is about to set.
    monkeypatch.setenv("CLAIMWIRE_VAR_DIR", "placeholder")
    monkeypatch.delenv("CLAIMWIRE_VAR_DIR")
    assert run(monkeypatch, "--env-file", str(settings), "status") == 2
    assert f"no stack has run in {given}" in capsys.readouterr().err
    import os

    assert os.environ["CLAIMWIRE_LOG_LEVEL"] == "WARNING"


def test_an_env_file_that_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "--env-file", str(tmp_path / "nowhere.env"), "status") == 2
    assert "does not exist" in capsys.readouterr().err


def test_completion_is_offered_for_bash() -> None:
    environment = {
        "_CLAIMWIRE_COMPLETE": "complete_bash",
        "COMP_WORDS": "claimwire par",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "claimwire")],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["parked"]
