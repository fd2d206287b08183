"""`claimwire bill`: what patients owe and their bills, over remittance's HTTP API."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from services.commands.failures import CommandError
from services.commands.output import columns, show
from services.commands.worklist import TIMEOUT_S, Api, api_of, reason_of
from shared.money import parse_cents

FORMS = {"html": "text/html", "pdf": "application/pdf"}
LANGUAGES = ("en", "es")
PAGE = 200
_ACCOUNT = {
    "account_id": "account",
    "share": "share",
    "paid": "paid",
    "billable": "billable",
    "statement_due_on": "bill due",
}
_BILL = {
    "statement_id": "bill",
    "number": "number",
    "account_id": "account",
    "amount_due": "amount due",
    "due_on": "pay by",
    "findings": "findings",
}


def remittance_api(var_dir: Path, url: str | None, key: str | None) -> Api:
    """The named API, else remittance's of the local stack that runs."""
    return api_of(var_dir, url, key, "remittance")


def listing(api: Api, status: str | None, limit: int, *, as_json: bool) -> int:
    """Prints bills, or with no status the accounts that have something to bill. Names nobody."""
    parameters = {"limit": str(limit)}
    if status is None:
        path, fields = "/patient-balances", _ACCOUNT
        parameters["billable"] = "true"
    else:
        path, fields = "/statements", _BILL
        parameters["status"] = status
    rows = _json(api, "GET", path, params=parameters)["rows"]
    if as_json:
        show(rows)
        return 0
    columns(tuple(fields.values()), (tuple(_cell(row[field]) for field in fields) for row in rows))
    return 0


def shown(api: Api, account: UUID) -> int:
    """Prints an account claim by claim: what may be billed, and what is open and why."""
    show(_json(api, "GET", f"/patient-balances/{account}"))
    return 0


def write(api: Api, out: Path, account: UUID | None, *, as_json: bool) -> int:
    """Writes the bill of an account, or of the one with the most to bill, as HTML and PDF in every
    language. Makes it where it was not made."""
    paths = written(api, out, account)
    if not paths:
        raise CommandError("no patient account has anything to bill")
    if as_json:
        show([str(path) for path in paths])
    else:
        for path in paths:
            print(path)
    return 0


def written(api: Api, out: Path, account: UUID | None = None) -> list[Path]:
    """The files that were written; none where nothing may be billed. They are named by the bill's
    random id: a file's name tells of nobody."""
    chosen = str(account) if account is not None else _most_billable(api)
    if chosen is None:
        return []
    made = _json(api, "POST", f"/patient-balances/{chosen}/statement")
    out.mkdir(parents=True, exist_ok=True)
    paths = []
    for language in LANGUAGES:
        for suffix, accept in FORMS.items():
            path = out / f"{made['statement_id']}.{language}.{suffix}"
            answer = _ask(
                api,
                "GET",
                f"/statements/{made['statement_id']}",
                params={"language": language},
                headers={"Accept": accept},
            )
            path.write_bytes(answer.content)
            paths.append(path)
    return paths


def _most_billable(api: Api) -> str | None:
    """The account with the most to bill, of the first page of them."""
    parameters = {"billable": "true", "limit": str(PAGE)}
    rows = _json(api, "GET", "/patient-balances", params=parameters)["rows"]
    best = max(rows, key=lambda row: parse_cents(row["billable"]), default=None)
    return best and str(best["account_id"])


def decide(api: Api, statement: UUID, verb: str, reason: str) -> int:
    """Holds or releases a bill, with a reason."""
    show(_json(api, "POST", f"/statements/{statement}/{verb}", json={"reason": reason}))
    return 0


def estimate(api: Api, file: Path) -> int:
    """Loads good-faith estimates, one JSON object or a list of them."""
    try:
        given = json.loads(file.read_text("utf-8"))
    except ValueError:
        raise CommandError("the file is no JSON") from None
    for one in given if isinstance(given, list) else [given]:
        show(_json(api, "PUT", "/estimates", json=one))
    return 0


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ",".join(finding["code"] for finding in value) or "-"
    return "-" if value is None else str(value)


def _json(api: Api, method: str, path: str, **options: Any) -> Any:
    return _ask(api, method, path, **options).json()


def _ask(
    api: Api, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any
) -> httpx.Response:
    sent = {"X-API-Key": api.key, **(headers or {})}
    try:
        answer = httpx.request(method, api.url + path, headers=sent, timeout=TIMEOUT_S, **options)
    except httpx.HTTPError as error:
        raise CommandError(f"the API does not answer ({type(error).__name__})") from None
    if not answer.is_success:
        raise CommandError(reason_of(answer))
    return answer
