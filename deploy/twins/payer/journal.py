"""What a mailbox's payer was told and what it has given out, one line each: enough to come back to
the same state after a restart, for the payer's mind follows from what it was told and when.

    {"seed": 1, "scenario": "hash"}                                first
    {"took": "X.837", "kept": "X.837", "at": "2026-11-26T03:28:06+00:00"}
    {"gave": "X.999"}
"""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from deploy.twins.payer.scenario import Scenario


class AnotherScenarioError(ValueError):
    """A folder whose answers were given by another scenario or seed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken: its name, the name under which it is kept, and when."""

    name: str
    kept: str
    at: datetime


class Journal:
    """The lines of one mailbox. Only a process that is killed is survived, not a power failure."""

    def __init__(self, path: Path, scenario: Scenario, seed: int) -> None:
        self._path = path
        self._first = {"seed": seed, "scenario": _fingerprint(scenario)}

    def open(self) -> tuple[list[Taken], set[str]]:
        """What was taken, in order, and the names of what was given. Raises
        AnotherScenarioError."""
        taken: list[Taken] = []
        given: set[str] = set()
        rows = self._rows()
        if not rows:
            self._append(self._first)
        for number, row in enumerate(rows):
            if number == 0 and row != self._first:
                raise AnotherScenarioError(
                    f"{self._path.parent.name}: its claims were answered by another scenario"
                    " or seed; use another folder, or delete this mailbox"
                )
            if "took" in row:
                at = datetime.fromisoformat(row["at"])
                taken.append(Taken(row["took"], row["kept"], at))
            elif "gave" in row:
                given.add(row["gave"])
        return taken, given

    def took(self, taken: Taken) -> None:
        self._append({"took": taken.name, "kept": taken.kept, "at": taken.at.isoformat()})

    def gave(self, name: str) -> None:
        self._append({"gave": name})

    def _rows(self) -> list[dict[str, Any]]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = self._path.read_text() if self._path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            # A line that a kill cut off was never acted on.
            self._path.write_text(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def _append(self, row: dict[str, Any]) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(row) + "\n")


def _fingerprint(scenario: Scenario) -> str:
    return sha256(TypeAdapter(Scenario).dump_json(scenario)).hexdigest()[:16]
