"""A biller to test against: works coding's worklist over its HTTP API, as a person with the chart
at hand would, and says what became of each claim.

Knows the errors that the hospital twin makes, by the chart. What it does not know it leaves on the
worklist.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import httpx

from deploy.twins.chart import Claim, Operation, corrections

TIMEOUT_S = 30.0
PAGE = 100
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of one entry. `has_gone_out` is False where something still blocks; then
    `remaining` are the codes of what does. `charge` is the claim's now, in dollars and cents."""

    entry_id: str
    claim_id: str
    revision: int
    has_gone_out: bool
    remaining: tuple[str, ...]
    charge: str


def _right_member_id(claim: Claim) -> Operation:
    number = claim["subscriber"]["identifier"]
    last = str((int(number[-1]) + 1) % 10)
    return {"op": "replace", "path": "/subscriber/identifier", "value": number[:-1] + last}


def _one_more_diagnosis(claim: Claim) -> Operation:
    coded = {one["code"] for one in claim["diagnoses"]}
    code = next(code for code in ("E785", "E039", "D649") if code not in coded)
    return {"op": "add", "path": "/diagnoses/-", "value": {"code": code, "role": "other"}}


class Biller:
    """Works one coding service's worklist. `url` is its HTTP; `key` may read and write it."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.Client(
            base_url=url, headers={"X-API-Key": key}, timeout=TIMEOUT_S, trust_env=False
        )

    def __enter__(self) -> "Biller":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def entries(self, reason: str = "held") -> Iterator[dict[str, Any]]:
        """Open entries, the most money times urgency first."""
        cursor: str | None = None
        while True:
            parameters = {"reason": reason, "limit": str(PAGE)}
            if cursor is not None:
                parameters["cursor"] = cursor
            page = self._get("/worklist", parameters)
            yield from page["rows"]
            cursor = page["next"]
            if cursor is None:
                return

    def work(self, most: int | None = None) -> list[Worked]:
        """Corrects held claims, at most so many, and returns what became of each it understood."""
        worked: list[Worked] = []
        for entry in list(self.entries()):
            if most is not None and len(worked) >= most:
                break
            done = self.fix(entry)
            if done is not None:
                worked.append(done)
        return worked

    def send_refused_again(self, most: int) -> list[Worked]:
        """Corrects the member id of claims that a payer refused, as the card has it."""
        return [
            self._fixed(shown, [_right_member_id(shown.json()["claim"])])
            for shown in self._shown("refused", most)
        ]

    def replace_denied(self, most: int) -> list[Worked]:
        """Sends denied claims again as replacements, with the diagnosis that was missing."""
        return [
            self._fixed(shown, [_one_more_diagnosis(shown.json()["claim"])])
            for shown in self._shown("denied", most)
        ]

    def void_denied(self, most: int) -> list[str]:
        """Takes back denied claims that should never have gone out; their claim ids."""
        voided = []
        for shown in self._shown("denied", most):
            entry = shown.json()["entry"]
            answer = self._client.post(
                f"/worklist/{entry['event_id']}/void",
                json={"reason": "Billed for the wrong patient."},
                headers={"If-Match": shown.headers["ETag"]},
            )
            answer.raise_for_status()
            voided.append(entry["claim_id"])
        return voided

    def _shown(self, reason: str, most: int) -> Iterator[httpx.Response]:
        for entry in list(islice(self.entries(reason), most)):
            shown = self._client.get(f"/worklist/{entry['event_id']}")
            shown.raise_for_status()
            yield shown

    def fix(self, entry: Mapping[str, Any]) -> Worked | None:
        """Corrects one claim, as long as there is something to correct; None where no correction
        is known for what is said of it."""
        findings, done = entry["findings"], None
        for _ in range(ROUNDS):
            shown = self._client.get(f"/worklist/{entry['event_id']}")
            shown.raise_for_status()
            patch = corrections(shown.json()["claim"], findings)
            if not patch:
                break
            done = self._fixed(shown, patch)
            if done.has_gone_out:
                break
            findings = self._get(f"/worklist/{entry['event_id']}", {})["entry"]["findings"]
        return done

    def _fixed(self, shown: httpx.Response, patch: list[Operation]) -> Worked:
        entry, claim = shown.json()["entry"], shown.json()["claim"]
        answer = self._client.post(
            f"/worklist/{entry['event_id']}/fix",
            json=patch,
            headers={"If-Match": shown.headers["ETag"]},
        )
        answer.raise_for_status()
        said = answer.json()
        blocking = [one["code"] for one in said["remaining"] if one["severity"] == "block"]
        return Worked(
            entry_id=entry["event_id"],
            claim_id=entry["claim_id"],
            revision=said["claim_revision"],
            has_gone_out=said["has_gone_out"],
            remaining=tuple(blocking),
            charge=_charge_after(claim, patch),
        )

    def _get(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        answer = self._client.get(path, params=dict(parameters))
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _charge_after(claim: Claim, patch: Sequence[Operation]) -> str:
    charges = [one["value"] for one in patch if one["path"] == "/charge"]
    return str(charges[-1] if charges else claim["charge"])
