"""intake's MLLP listener as a process of its own, to be killed by a test between storing a message
and answering it.

`python -m tests.integration.intake.mllp_process DSN VAR [before|after]`: prints its port; the
process kills itself in place of the first answer, before or after what it answers is committed.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from services.intake.domain.profile import BUILT_IN
from services.intake.handlers import IntakeHandler
from services.intake.mllp.listener import Listener
from services.intake.mllp.taking import Taken, Taking
from shared.database import create_pool
from shared.settings import Settings
from tests.integration.contexts import context_of


def die(when: str) -> None:
    """Lets this process end as by a crash around its first message."""
    take = Taking.take

    async def take_and_die(self: Taking, message: bytes, source: str) -> Taken:
        if when == "after":
            await take(self, message, source)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    Taking.take = take_and_die  # type: ignore[method-assign]


async def main(dsn: str, var_dir: str, when: str | None = None) -> None:
    if when is not None:
        die(when)
    settings = Settings(var_dir=Path(var_dir), mllp_port=0, default_source="general")
    pool = await create_pool(dsn, "intake")
    listener = Listener(settings, IntakeHandler("general", BUILT_IN))
    running = asyncio.create_task(listener.run(context_of("intake", pool, settings)))
    while not listener.port:  # noqa: ASYNC110 - nobody tells it
        await asyncio.sleep(0.01)
    print(listener.port, flush=True)  # noqa: T201 - the test reads it
    await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
