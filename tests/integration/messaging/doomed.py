"""A member of a service's group as a process of its own, to be killed or stopped by a test.

`python -m tests.integration.messaging.doomed NAME [N ID...]`: the process kills itself instead of
the N-th commit of offsets behind units with one of these event ids, when the database has them and
the broker does not know. It is apart because SIGKILL leaves nothing of the process that gets it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Collection
from typing import Any

from shared import settings
from shared.messaging.consumer import Consumer
from shared.service import run
from tests.integration.messaging.witness import witnessed


def kill_at_commit(number: int, event_ids: Collection[str]) -> None:
    """Lets this process end as by a crash in place of the n-th commit, counted from 1, of offsets
    of units with these event ids: topics also carry what other services say."""
    settle, commit = Consumer._settle, Consumer._commit
    left, has_settled = number, False

    async def settle_and_note(self: Consumer, pending: Any) -> None:
        nonlocal has_settled
        await settle(self, pending)
        has_settled |= any(str(one.identity[0]) in event_ids for one in pending)

    async def commit_or_die(self: Consumer, reached: Any) -> None:
        nonlocal left, has_settled
        left -= has_settled
        if has_settled and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        has_settled = False
        await commit(self, reached)

    Consumer._settle = settle_and_note  # type: ignore[method-assign]
    Consumer._commit = commit_or_die  # type: ignore[method-assign]


def main(name: str, commit: str | None = None, *event_ids: str) -> None:
    if commit is not None:
        kill_at_commit(int(commit), frozenset(event_ids))
    loaded = settings.load()
    asyncio.run(run(witnessed(name, loaded), loaded))


if __name__ == "__main__":
    main(*sys.argv[1:])
