"""`claimwire status`: addresses, processes and queues of a line that runs."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.commands.output import columns, show
from services.commands.stack_access import Line, NoStackError, answered, connections
from shared.messaging import outbox, parking
from shared.telemetry.names import CONSUMER_LAG

_PATIENCE_S = 2.0


def status(var_dir: Path, *, as_json: bool) -> int:
    """Prints how the line stands; 1 where a service is not ready."""
    document = answered(var_dir, _status)
    if as_json:
        show(document)
    else:
        _print(document)
    return 0 if all(row["ready"] for row in document["services"].values()) else 1


async def _status(line: Line) -> dict[str, Any]:
    described = line.description
    if not line.has_broker or not described:
        raise NoStackError("no local stack runs here: start one with `claimwire up`")
    document: dict[str, Any] = {
        "kafka": {
            "address": described["kafka"]["bootstrap_servers"],
            "kind": described["kafka"]["kind"],
            "pids": described["kafka"]["pids"],
        },
        "postgres": {
            "address": described["postgres"]["admin_dsn"].rpartition("@")[2],
            "pid": described["postgres"]["pid"],
        },
        "services": {},
    }
    async with connections(line) as connected:
        for name, connection in connected.items():
            row = described["services"][name]
            depth, age_s = await outbox.depth(connection)
            document["services"][name] = {
                "http": row["http"],
                "mllp": row.get("mllp"),
                "pid": row["pid"],
                "ready": await asyncio.to_thread(_is_ready, row["http"]),
                "consumer_lag": await asyncio.to_thread(_lag, row["http"]),
                "outbox_depth": depth,
                "outbox_age_s": round(age_s, 3),
                "parked": await parking.counts(connection),
            }
    return document


def _is_ready(url: str) -> bool:
    return _fetched(f"{url}/health/ready") is not None


def _lag(url: str) -> int | None:
    """Records not yet settled, over all partitions, from the service's own metrics."""
    metrics = _fetched(f"{url}/metrics")
    if metrics is None:
        return None
    counts = [
        int(float(line.rpartition(" ")[2]))
        for line in metrics.splitlines()
        if line.startswith(f"{CONSUMER_LAG.name}{{")
    ]
    return sum(counts)


def _fetched(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE_S) as answer:  # noqa: S310
            return str(answer.read().decode()) if answer.status == 200 else None
    except (OSError, urllib.error.URLError):
        return None


def _print(document: Mapping[str, Any]) -> None:
    rows = []
    for server in ("kafka", "postgres"):
        row = document[server]
        pids = row.get("pids") or [row.get("pid")]
        rows.append((server, row["address"], ",".join(map(str, pids)), "", "", "", "", ""))
    for name, row in document["services"].items():
        parked = row["parked"]
        ready = "yes" if row["ready"] else "NO"
        lag = "?" if row["consumer_lag"] is None else row["consumer_lag"]
        queues = (lag, row["outbox_depth"], parked["parked"], parked["waiting"])
        rows.append((name, row["http"], row["pid"], ready, *queues))
        if row["mllp"]:
            rows.append(("  mllp", row["mllp"], "", "", "", "", "", ""))
    columns(("", "address", "pid", "ready", "lag", "outbox", "parked", "waiting"), rows)
