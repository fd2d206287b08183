"""A courier's process that kills itself at one of its steps, with nothing left to tidy up.

`python -m tests.integration.submission.doomed_courier`, a JSON document on stdin: the database, the
folder, the SFTP channel, the time, and which step it dies before or after.
"""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from services.submission.domain.channel import SftpChannel
from services.submission.domain.profile import Profile
from services.submission.transport.sftp import SftpTransport
from shared.database import create_pool
from tests.integration.submission.conftest import Desk
from tests.integration.submission.mortals import Fate, MortalPool, MortalTransport

ROUNDS = 3


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def live(order: dict[str, Any]) -> None:
    fate = Fate(order["step"], is_after=order["is_after"], die=die)
    channel = SftpChannel.model_validate(order["channel"])
    transport: Any = MortalTransport(SftpTransport(channel), fate)
    profile = Profile(claims_per_set=2, interchange_max_claims=3)
    pool = await create_pool(order["dsn"], "submission")
    desk = Desk(pool, Path(order["folder"]), profile, transport)
    desk.context.pool = MortalPool(pool, fate)  # type: ignore[assignment]
    desk.now = datetime.fromisoformat(order["now"])
    for _ in range(ROUNDS):
        await desk.round()


if __name__ == "__main__":
    asyncio.run(live(json.loads(sys.stdin.read())))
