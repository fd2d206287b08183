"""After a broker lost its data: the events the services have, published again.

`claimwire recover` knows how, since it knows what each service reads; the stack only calls it, as
a person would. There is nothing to do for services that have never run.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.local.child import StartError
from shared.database import connect

_TIMEOUT_S = 600.0
_COMMAND = (sys.executable, "-m", "services.cli", "recover", "--unread", "--json")


async def republish(var_dir: Path, dsns: Mapping[str, str]) -> int:
    """Queues again what the broker lost; returns how many messages. `dsns` is by service.

    `stack.json` must name the addresses already. Raises StartError when the command fails.
    """
    for service, dsn in dsns.items():
        if not await _has_log(service, dsn):
            return 0
    process = await asyncio.create_subprocess_exec(
        *_COMMAND,
        "--var",
        str(var_dir),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            output, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise StartError(f"`claimwire recover` took longer than {_TIMEOUT_S:.0f} s") from None
    if process.returncode != 0:
        lines = complaint.decode(errors="replace").strip().splitlines()
        raise StartError(f"`claimwire recover` failed: {lines[-1] if lines else 'no output'}")
    counts: dict[str, int] = json.loads(output)["republished"]
    return sum(counts.values())


async def _has_log(service: str, dsn: str) -> bool:
    """Whether this service's schema has its log of events."""
    connection = await connect(dsn, service)
    try:
        return bool(await connection.fetchval("SELECT to_regclass('event') IS NOT NULL"))
    finally:
        await connection.close()
