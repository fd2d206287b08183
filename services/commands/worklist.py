"""`claimwire worklist`: what needs a person, over coding's HTTP API, as any other client of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from deploy.local.stack_folder import StackFolder
from services.commands.failures import CommandError
from services.commands.output import columns, show

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API is, and the key to it."""

    url: str
    key: str


def api_of(var_dir: Path, url: str | None, key: str | None, service: str = "coding") -> Api:
    """The named API, else the service's of the local stack that runs, with its operator's key."""
    if url is not None and key is not None:
        return Api(url, key)
    folder = StackFolder(var_dir)
    try:
        description = folder.read()
    except FileNotFoundError:
        description = {"running": False}
    if not description["running"]:
        raise CommandError(
            "no stack runs here: start one with `claimwire up`, or name --url and --key"
        )
    found = url or description["services"][service]["http"]
    return Api(found, key or folder.api_key.read_text().strip())


def listing(api: Api, filters: Mapping[str, object], limit: int, *, as_json: bool) -> int:
    """Prints the most urgent money first. Names no patient."""
    parameters = {name: str(value) for name, value in filters.items() if value is not None}
    rows = _ask(api, "GET", "/worklist", params=parameters | {"limit": str(limit)})["rows"]
    if as_json:
        show(rows)
        return 0
    columns(
        ("entry", "reason", "payer", "at stake", "due", "assigned to", "findings"),
        (
            (
                row["event_id"],
                row["reason"],
                row["payer_identifier"] or "-",
                row["at_stake"],
                row["due_on"] or "-",
                row["assigned_to"] or "-",
                ",".join(finding["code"] for finding in row["findings"]),
            )
            for row in rows
        ),
    )
    return 0


def shown(api: Api, entry: UUID) -> int:
    """Prints an entry with its claim, which holds PHI."""
    show(_ask(api, "GET", f"/worklist/{entry}"))
    return 0


def fix(api: Api, entry: UUID, patch: str, *, is_trial: bool) -> int:
    """Applies a JSON Patch, given as text or `@file`; 1 while something still blocks."""
    text = Path(patch[1:]).read_text(encoding="utf-8") if patch.startswith("@") else patch
    try:
        operations = json.loads(text)
    except ValueError:
        raise CommandError("the patch is no JSON") from None
    parameters = {"trial": "true"} if is_trial else {}
    answer = _change(api, entry, "fix", operations, parameters)
    show(answer)
    return 1 if any(one["severity"] == "block" for one in answer["remaining"]) else 0


def act(api: Api, entry: UUID, verb: str, reason: str) -> int:
    """Releases, voids, returns or dismisses, with a reason."""
    show(_change(api, entry, verb, {"reason": reason}))
    return 0


def _change(
    api: Api, entry: UUID, verb: str, body: object, parameters: Mapping[str, str] | None = None
) -> Any:
    version = _ask(api, "GET", f"/worklist/{entry}")["entry"]["version"]
    return _ask(
        api,
        "POST",
        f"/worklist/{entry}/{verb}",
        json=body,
        params=parameters or {},
        headers={"If-Match": f'"{version}"'},
    )


def _ask(api: Api, method: str, path: str, **options: Any) -> Any:
    headers = {"X-API-Key": api.key} | options.pop("headers", {})
    try:
        answer = httpx.request(
            method, api.url + path, headers=headers, timeout=TIMEOUT_S, **options
        )
    except httpx.HTTPError as error:
        raise CommandError(f"the API does not answer ({type(error).__name__})") from None
    if answer.is_success:
        return answer.json()
    raise CommandError(reason_of(answer))


def reason_of(answer: httpx.Response) -> str:
    """The problem in a line: what it is, where, and what to do."""
    problem = answer.json()
    errors: Sequence[Mapping[str, str]] = problem.get("errors", ())
    places = [f"{error.get('path')}: {error.get('message')}" for error in errors]
    return " ".join([problem["title"], *places, problem.get("hint") or ""]).strip()
