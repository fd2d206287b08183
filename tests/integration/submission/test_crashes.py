"""Killed at any step, nothing is lost, nothing goes twice, and no control number is skipped.

A kill is played by an exception at the n-th thing that is done with database or transport, before
or after it is done; the connection is closed as a dead process's would be, and a new one goes on.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.submission.domain.batching import Limits
from services.submission.domain.profile import Profile
from services.submission.gathering import gather
from services.submission.mailbox import collect
from services.submission.sending import Fate as Sending
from services.submission.sending import Outbound, send, unsent
from services.submission.transport import Presence
from services.submission.transport.folder import FolderTransport
from services.submission.vault import Vault
from shared.contract.claim import Claim
from shared.database import connect
from tests.integration.submission.mortals import Fate, Killed, MortalConnection, MortalTransport

Desk = Any
"""tests/integration/submission/conftest.py"""
MakeClaim = Callable[..., Claim]
PROFILE = Profile(claims_per_set=2)
LIMITS = Limits(max_claims=3, max_bytes=10**9, window_s=0)
MOST_STEPS = 60


def _outbound(desk: Desk, transport: Any, connection: Any) -> Outbound:
    @asynccontextmanager
    async def connect() -> AsyncIterator[Any]:
        yield connection

    return Outbound(PROFILE, transport, connect, Vault(), desk.context.tracing)


async def _live(desk: Desk, fate: Fate) -> bool:
    """One process's life: forms, sends and collects until it is done or dies; whether it died."""
    dsn = desk.pool._connect_args[0]
    connection = await connect(dsn, "submission")
    mortal: Any = MortalConnection(connection, fate)
    transport: Any = MortalTransport(FolderTransport(desk.mailbox), fate)
    out = _outbound(desk, transport, mortal)
    try:
        while await gather(mortal, PROFILE, LIMITS, Vault(), desk.now):
            pass
        for interchange in await unsent(mortal, PROFILE.name):
            await send(out, interchange, desk.now)
        await collect(
            out.connect,
            transport,
            PROFILE.name,
            desk.context.blobs,
            tracing=out.tracing,
            now=desk.now,
        )
    except Killed:
        return True
    finally:
        connection.terminate()
    return False


@pytest.mark.slow
@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("takes_at_once", [False, True])
async def test_a_kill_at_any_step_of_forming_sending_and_collecting_is_survived(
    desk: Desk,
    claim: MakeClaim,
    payer: Callable[[], None],
    is_after: bool,
    takes_at_once: bool,
) -> None:
    """`takes_at_once`: the payer takes what is visible away before the process is back."""
    number = 0
    for step in range(1, MOST_STEPS):
        await desk.code(*(claim(number + offset) for offset in range(1, 5)))
        number += 4
        died = await _live(desk, Fate(step, is_after=is_after))
        if takes_at_once:
            payer()
        while await _live(desk, Fate(MOST_STEPS * 100, is_after=False)):
            pass
        if not died:
            break
        if not takes_at_once:
            payer()
    assert not died, "every step was tried"
    await _live(desk, Fate(-1, is_after=False))
    await _check(desk, number)


async def _check(desk: Desk, claims: int) -> None:
    numbers = [row[0] for row in await desk.rows("SELECT control_number FROM interchange")]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), "gap-free, none used twice"
    assert await desk.rows("SELECT next_number FROM control_number") == [(len(numbers) + 1,)]
    assert desk.sent_numbers() == [f"PCN{n:05d}" for n in range(1, claims + 1)], "each once"
    assert await desk.subjects("claim.submitted.v1") == list(range(1, claims + 1))
    assert await desk.rows("SELECT count(*) FROM pending_claim") == [(0,)]
    assert await desk.rows("SELECT DISTINCT state FROM interchange") == [("sent",)]
    messages = await desk.rows("SELECT count(*), count(DISTINCT message_id) FROM mailbox_message")
    done = len(list((desk.mailbox / "done").iterdir()))
    assert messages == [(done, done)]
    assert len(await desk.said("payers.inbound")) == done


async def test_what_nobody_can_tell_waits_for_a_person(desk: Desk, claim: MakeClaim) -> None:
    class Silent(MortalTransport):
        async def find(self, name: str) -> Presence:
            return Presence.UNKNOWN if name else Presence.GONE

    await desk.code(claim(1))
    connection: Any = desk.pool
    async with connection.acquire() as conn:
        await gather(conn, PROFILE, LIMITS, Vault(), desk.now)
        (formed,) = await unsent(conn, PROFILE.name)
        transport: Any = Silent(FolderTransport(desk.mailbox), Fate(-1, is_after=False))
        await transport.stage(formed.file_name, b"")
        await conn.execute("UPDATE interchange SET state = 'sending'")
        (sending,) = await unsent(conn, PROFILE.name)
        assert await send(_outbound(desk, transport, conn), sending, desk.now) == (Sending.HELD, 0)
    assert await desk.rows("SELECT state, held_from, hold->>'code' FROM interchange") == [
        ("held", "sending", "sending-in-doubt")
    ]
    assert await desk.subjects("claim.submitted.v1") == []


async def test_a_payer_that_is_down_leaves_everything_as_it_was(
    desk: Desk, claim: MakeClaim
) -> None:
    desk.mailbox.parent.mkdir(parents=True)
    desk.mailbox.write_text("a file where the mailbox should be")
    await desk.code(claim(1))
    await desk.round()
    assert await desk.rows("SELECT failures FROM payer_channel") == [(1,)]
    assert await desk.rows("SELECT state FROM interchange") == [("formed",)]
    desk.mailbox.unlink()
    await desk.round()
    assert await desk.rows("SELECT failures, retry_at FROM payer_channel") == [(0, None)]
    assert desk.sent_numbers() == ["PCN00001"]
    assert await desk.rows("SELECT control_number FROM interchange") == [(1,)]
