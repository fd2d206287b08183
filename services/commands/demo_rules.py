"""Payers' rules in the demo: the example packs, put in force before the day begins."""

import asyncio
from pathlib import Path

from deploy.local.stack import Stack
from services import coding
from services.commands import rules
from shared.database import connect

PACKS = tuple(sorted((Path(coding.__file__).parent / "packs").glob("*.yaml")))
OPERATOR = "demo"
TIMEOUT_S = 30.0
POLL_S = 0.1
_KNOWN = "SELECT count(*) FROM payer_pack WHERE state = $1 AND content IS NOT NULL"


def put_in_force(stack: Stack) -> None:
    """As an operator does, with `claimwire rules publish` and `activate`. Returns when coding
    judges by them; raises TimeoutError where it does not come to that."""
    var_dir = stack.folder.var_dir
    rules.publish(var_dir, PACKS, OPERATOR)
    asyncio.run(_known(stack, "published"))
    for path in PACKS:
        rules.activate(var_dir, path.stem, OPERATOR)
    asyncio.run(_known(stack, "active"))


async def _known(stack: Stack, state: str) -> None:
    connection = await connect(stack.dsn_of("coding"), "coding")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while await connection.fetchval(_KNOWN, state) < len(PACKS):  # noqa: ASYNC110 - or the time
                await asyncio.sleep(POLL_S)
    finally:
        await connection.close()
