"""A biller to test against: works coding's worklist over its HTTP API, as a person with the chart
at hand would, and says what became of each claim.

Knows the errors that the hospital twin makes, and corrects them by what else the claim says.
What it does not know it leaves on the worklist.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from deploy.twins.hospital import npi

TIMEOUT_S = 30.0
PAGE = 100

Claim = Mapping[str, Any]
Operation = dict[str, Any]


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


def _right_npi(claim: Claim) -> Operation | None:
    """The number as the registry has it: nine digits and their check digit."""
    given = claim["billing_provider"].get("npi", "")
    if not given[:9].isdecimal():
        return None
    right = npi(int(given[:9]) - 100_000_000)
    return {"op": "replace", "path": "/billing_provider/npi", "value": right}


def _right_total(claim: Claim) -> Operation:
    total = sum(Decimal(line["charge"]) for line in claim["service_lines"])
    return {"op": "replace", "path": "/charge", "value": f"{total:.2f}"}


def _original(_: Claim) -> Operation:
    """No payer has adjudicated it: it is no replacement."""
    return {"op": "replace", "path": "/frequency", "value": "1"}


CORRECTIONS: Mapping[str, Callable[[Claim], Operation | None]] = {
    "npi-check-digit": _right_npi,
    "npi": _right_npi,
    "claim-total": _right_total,
    "frequency-reference": _original,
}
"""By the code of a finding."""


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

    def fix(self, entry: Mapping[str, Any]) -> Worked | None:
        """Corrects one claim; None where no correction is known for what is said of it."""
        shown = self._client.get(f"/worklist/{entry['event_id']}")
        shown.raise_for_status()
        claim = shown.json()["claim"]
        patch = corrections(claim, [finding["code"] for finding in entry["findings"]])
        if not patch:
            return None
        answer = self._client.post(
            f"/worklist/{entry['event_id']}/fix",
            json=patch,
            headers={"If-Match": shown.headers["ETag"]},
        )
        answer.raise_for_status()
        done = answer.json()
        blocking = [one["code"] for one in done["remaining"] if one.get("severity") == "block"]
        return Worked(
            entry_id=entry["event_id"],
            claim_id=entry["claim_id"],
            revision=done["claim_revision"],
            has_gone_out=done["has_gone_out"],
            remaining=tuple(blocking),
            charge=_charge_after(claim, patch),
        )

    def _get(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        answer = self._client.get(path, params=dict(parameters))
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def corrections(claim: Claim, codes: Sequence[str]) -> list[Operation]:
    """The patch for what is said of a claim; empty where nothing of it is known."""
    made = (CORRECTIONS[code](claim) for code in dict.fromkeys(codes) if code in CORRECTIONS)
    patch: list[Operation] = []
    for operation in made:
        if operation is not None and operation not in patch:
            patch.append(operation)
    return patch


def _charge_after(claim: Claim, patch: Sequence[Operation]) -> str:
    charges = [one["value"] for one in patch if one["path"] == "/charge"]
    return str(charges[-1] if charges else claim["charge"])
