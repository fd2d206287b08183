"""Payers and processes that fail, as they really do: killed, cut off, away, slow, unwilling.

No claim is sent twice, none is lost, no control number is skipped or used again.
"""

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from services.submission.courier import DatabaseAwayError
from services.submission.deciding import DecisionError, decide
from services.submission.domain.profile import Profile
from services.submission.domain.terms import Pacing
from services.submission.leases import Leases
from services.submission.transport import Delivery, Transport
from services.submission.transport.core_envelope import CoreTransport
from services.submission.transport.folder import FolderTransport
from services.submission.transport.json_api import JsonTransport
from services.submission.transport.sftp import SftpTransport
from shared.contract.claim import Claim
from shared.database import Pool
from tests.integration.submission.conftest import Desk
from tests.integration.submission.mortals import Fate, MortalPool, MortalTransport
from tests.integration.submission.payer_doors import SftpDoor, WebDoor

MakeClaim = Callable[..., Claim]
KILL_SEED = 20261126
KILLS = 6


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[SftpDoor]:
    """An SFTP server over the folder that the twin answers in."""
    made = SftpDoor(tmp_path / "transport/clearinghouse", tmp_path / "keys")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebDoor]:
    folder = tmp_path / "web"
    folder.mkdir()
    made = WebDoor(folder)
    made.open()
    yield made
    made.close()


async def _check(desk: Desk, claims: int) -> None:
    numbers = [row[0] for row in await desk.rows("SELECT control_number FROM interchange")]
    assert sorted(numbers) == list(range(1, len(numbers) + 1)), "gap-free, none used twice"
    assert await desk.rows("SELECT next_number FROM control_number") == [(len(numbers) + 1,)]
    assert desk.sent_numbers() == [f"PCN{n:05d}" for n in range(1, claims + 1)], "each once"
    assert await desk.subjects("claim.submitted.v1") == list(range(1, claims + 1))
    assert await desk.rows("SELECT count(*) FROM pending_claim") == [(0,)]
    assert await desk.rows("SELECT DISTINCT state FROM interchange") == [("sent",)]


async def test_sigkill_at_any_step_over_sftp_loses_and_doubles_nothing(
    pool: Pool, tmp_path: Path, door: SftpDoor, claim: MakeClaim, payer: Callable[[], None]
) -> None:
    profile = Profile(claims_per_set=2, interchange_max_claims=3)
    desk = Desk(pool, tmp_path, profile, SftpTransport(door.channel()))
    steps = await _steps_of_a_round(pool, tmp_path, door, claim, desk)
    number = 4
    kills = random.Random(KILL_SEED).sample(range(1, steps + 1), KILLS)
    sys.stdout.write(f"kill points {kills} of {steps}, seed {KILL_SEED}\n")
    for at, step in enumerate(kills):
        await desk.code(*(claim(number + offset) for offset in range(1, 5)))
        number += 4
        payer()
        assert await _killed(pool, tmp_path, door, desk, step, is_after=at % 2 == 1)
        payer()
        for _ in range(3):
            await desk.round(70.0)
    payer()
    await desk.round()
    await _check(desk, number)
    await desk.take_answers()
    assert "sent" not in (await desk.statuses()).values()
    await desk.courier.transport.close()


async def _steps_of_a_round(
    pool: Pool, folder: Path, door: SftpDoor, claim: MakeClaim, desk: Desk
) -> int:
    """How many steps there are to die at, counted in a life without a death."""
    fate = Fate(-1, is_after=False)
    transport: Any = MortalTransport(SftpTransport(door.channel()), fate)
    counted = Desk(pool, folder, desk.courier.profile, transport)
    counted.context.pool = MortalPool(pool, fate)  # type: ignore[assignment]
    await counted.code(*(claim(number) for number in range(1, 5)))
    await counted.round()
    await transport.close()
    return fate.steps


async def _killed(
    pool: Pool, folder: Path, door: SftpDoor, desk: Desk, step: int, *, is_after: bool
) -> bool:
    """Runs a courier that dies at this step; whether it did."""
    order = {
        "dsn": pool._connect_args[0],  # type: ignore[attr-defined]
        "folder": str(folder),
        "channel": door.channel().model_dump(mode="json"),
        "now": desk.now.isoformat(),
        "step": step,
        "is_after": is_after,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.submission.doomed_courier",
        stdin=asyncio.subprocess.PIPE,
    )
    await child.communicate(json.dumps(order).encode())
    return child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("fault", ["drop-before-taking", "drop-after-taking"])
async def test_an_sftp_server_that_drops_the_connection_gets_the_file_once(
    pool: Pool, tmp_path: Path, door: SftpDoor, claim: MakeClaim, fault: str
) -> None:
    desk = Desk(pool, tmp_path, transport=SftpTransport(door.channel()))
    door.faults.add(fault)
    await desk.code(claim(1), claim(2))
    for _ in range(4):
        await desk.round(70.0)
    await _check(desk, 2)
    await desk.courier.transport.close()


def _over_https(web: WebDoor, style: str, **fields: Any) -> Transport:
    if style == "json":
        return JsonTransport(web.json_channel(**fields), Profile())
    return CoreTransport(web.core_channel(**fields), Profile())


@pytest.mark.parametrize("style", ["json", "core"])
@pytest.mark.parametrize("fault", ["drop-before-taking", "drop-after-taking"])
async def test_an_https_server_that_drops_the_connection_is_asked_before_it_is_sent_to_again(
    pool: Pool, tmp_path: Path, web: WebDoor, claim: MakeClaim, style: str, fault: str
) -> None:
    desk = Desk(pool, tmp_path, transport=_over_https(web, style))
    web.faults.add(fault)
    await desk.code(claim(1))
    await desk.round()
    assert await desk.rows("SELECT state FROM interchange") == [("sending",)]
    assert await desk.subjects("claim.submitted.v1") == []
    await desk.round(70.0)
    assert await desk.rows("SELECT state, sendings FROM interchange") == [("sent", 1)]
    assert list(web.copies.values()) == [1]
    assert await desk.subjects("claim.submitted.v1") == [1]
    await desk.courier.transport.close()


@pytest.mark.parametrize(("action", "copies"), [("confirm", 1), ("resend", 2)])
async def test_where_the_payer_cannot_tell_a_person_decides(
    pool: Pool, tmp_path: Path, web: WebDoor, claim: MakeClaim, action: Any, copies: int
) -> None:
    desk = Desk(pool, tmp_path, transport=_over_https(web, "core", can_ask=False))
    web.faults.add("drop-after-taking")
    await desk.code(claim(1))
    for _ in range(3):
        await desk.round(70.0)
    held = await desk.rows("SELECT interchange_id, state, hold->>'code' FROM interchange")
    assert held[0][1:] == ("held", "sending-in-doubt")
    assert list(web.copies.values()) == [1], "not sent again by itself"
    async with pool.acquire() as connection:
        await decide(connection, held[0][0], action, "clerk", desk.now)
        with pytest.raises(DecisionError, match="cannot release"):
            await decide(connection, held[0][0], "release", "clerk", desk.now)
    await desk.round()
    assert await desk.rows("SELECT state FROM interchange") == [("sent",)]
    assert list(web.copies.values()) == [copies]
    assert await desk.subjects("claim.submitted.v1") == [1]
    decisions = await desk.rows("SELECT action, decided_by FROM interchange_decision")
    assert decisions == [(action, "clerk")]
    await desk.courier.transport.close()


async def test_what_a_payer_will_not_have_is_held_and_what_comes_after_it_goes(
    pool: Pool, tmp_path: Path, web: WebDoor, claim: MakeClaim
) -> None:
    desk = Desk(pool, tmp_path, transport=_over_https(web, "json"))
    web.faults.add("will-not-have-it")
    await desk.code(claim(1))
    await desk.round()
    await desk.code(claim(2))
    await desk.round()
    rows = await desk.rows("SELECT state, hold->>'code' FROM interchange ORDER BY control_number")
    assert rows == [("held", "interchange-not-taken"), ("sent", None)]
    async with pool.acquire() as connection:
        (identity,) = (
            await desk.rows("SELECT interchange_id FROM interchange WHERE state='held'")
        )[0]
        await decide(connection, identity, "resend", "clerk", desk.now)
    await desk.round()
    assert await desk.subjects("claim.submitted.v1") == [1, 2]
    await desk.courier.transport.close()


async def test_an_hour_without_the_payer_costs_nothing_but_the_hour(
    pool: Pool, tmp_path: Path, door: SftpDoor, claim: MakeClaim
) -> None:
    profile = Profile(pacing=Pacing(rests_s=(30.0, 600.0)))
    desk = Desk(pool, tmp_path, profile, SftpTransport(door.channel(timeout_s=2.0)))
    await desk.code(claim(1))
    await desk.round()
    await door.close()
    tries = 0
    for minute in range(60):
        await desk.code(claim(2 + minute))
        before = await desk.rows("SELECT failures FROM payer_channel")
        await desk.round(60.0)
        tries += await desk.rows("SELECT failures FROM payer_channel") != before
    assert 5 <= tries <= 9, "left alone for longer and longer, and tried again"
    assert await desk.rows("SELECT error FROM payer_channel") == [("sftp-unreachable",)]
    assert list((await desk.statuses()).values()).count("pending") > 50, "still to be replaced"
    await door.open()
    for _ in range(3):
        await desk.round(600.0)
    await _check(desk, 61)
    assert await desk.rows("SELECT failures, retry_at FROM payer_channel") == [(0, None)]
    await desk.courier.transport.close()


class Hanging(FolderTransport):
    """A payer that takes the connection and says nothing."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.is_asked = asyncio.Event()

    async def deliveries(self) -> Sequence[Delivery]:
        self.is_asked.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_payer_that_hangs_keeps_no_other_waiting(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    slow_payer = Hanging(tmp_path / "slow")
    slow = Desk(pool, tmp_path, Profile(name="slow"), slow_payer)
    quick = Desk(pool, tmp_path)
    turns, leases = asyncio.Semaphore(1), Leases()
    for desk in (slow, quick):
        desk.courier.turns, desk.courier.leases = turns, leases
    hanging = asyncio.create_task(slow.round())
    await asyncio.wait_for(slow_payer.is_asked.wait(), 5)
    await quick.code(claim(1))
    await asyncio.wait_for(quick.round(), 5)
    assert quick.sent_numbers() == ["PCN00001"]
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)


async def test_two_processes_share_the_payers_and_never_one_payer(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    first, second = Desk(pool, tmp_path), Desk(pool, tmp_path)
    await first.code(*(claim(number) for number in range(1, 9)))
    await asyncio.gather(*(desk.round() for desk in (first, second) for _ in range(4)))
    await first.round()
    await _check(first, 8)


async def test_a_payers_pace_is_kept(pool: Pool, tmp_path: Path, claim: MakeClaim) -> None:
    profile = Profile(pacing=Pacing(between_sendings_s=30), interchange_max_claims=1)
    desk = Desk(pool, tmp_path, profile)
    await desk.code(claim(1), claim(2), claim(3))
    for _ in range(3):
        await desk.round()
    assert len(desk.sent_numbers()) == 1
    await desk.round(30)
    assert len(desk.sent_numbers()) == 2
    await desk.round(30)
    await _check(desk, 3)


async def test_one_that_was_sent_again_is_said_once_and_its_second_copy_refused_in_vain(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    """TA105 025: the receiver has had this control number. Of an interchange that went twice that
    is the copy; the claims are where the first one brought them."""
    desk = Desk(pool, tmp_path)
    await desk.code(claim(1))
    await desk.round()
    (identity,) = (await desk.rows("SELECT interchange_id FROM interchange"))[0]
    async with pool.acquire() as connection:
        with pytest.raises(DecisionError, match="sent"):
            await decide(connection, identity, "resend", "clerk", desk.now)
        await decide(connection, identity, "resend", "clerk", desk.now, is_again=True)
    await desk.round()
    assert await desk.rows("SELECT state, sendings FROM interchange") == [("sent", 2)]
    assert await desk.subjects("claim.submitted.v1") == [1]
    folder = desk.mailbox / "from-payer"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "x.ta1").write_text(
        "ISA*00*          *00*          *ZZ*CLEARINGHOUSE  *ZZ*CLAIMWIRE      *250310*1200*^"
        "*00501*000000009*0*P*:~TA1*000000001*250310*1200*R*025~IEA*0*000000009~"
    )
    await desk.round()
    await desk.take_answers()
    assert await desk.statuses() == {1: "sent"}
    assert await desk.subjects("claim.refused.v1") == []


async def test_a_held_interchange_waits_until_it_is_released(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    desk = Desk(pool, tmp_path)
    desk.mailbox.parent.mkdir(parents=True)
    desk.mailbox.write_text("a file where the mailbox should be")
    await desk.code(claim(1))
    await desk.round()
    (identity,) = (await desk.rows("SELECT interchange_id FROM interchange"))[0]
    async with pool.acquire() as connection:
        await decide(connection, identity, "hold", "clerk", desk.now)
        desk.mailbox.unlink()
        await desk.round(70)
        assert desk.sent_numbers() == []
        await decide(connection, identity, "release", "clerk", desk.now)
    await desk.round()
    await _check(desk, 1)


async def test_leases_are_taken_anew_when_their_connection_is_lost(pool: Pool) -> None:
    leases = Leases()
    async with leases.holding(pool, "one") as is_ours:
        assert is_ours
        held = leases._connection
        assert held is not None
        async with pool.acquire() as other:
            await other.execute("SELECT pg_terminate_backend($1)", held.get_server_pid())
        async with asyncio.timeout(10):
            while leases.holds("one"):  # noqa: ASYNC110 - nobody tells when a connection breaks
                await asyncio.sleep(0.01)
        async with leases.holding(pool, "another") as is_anew:
            assert is_anew
    async with leases.holding(pool, "one") as is_ours:
        assert is_ours


async def test_our_own_database_that_is_away_opens_no_payers_circuit(
    pool: Pool, tmp_path: Path, claim: MakeClaim
) -> None:
    """asyncpg says it with an OSError, as transports do of payers."""

    class Away(FolderTransport):
        async def deliveries(self) -> Any:
            desk.context.pool = cast("Pool", _Gone())
            return await super().deliveries()

    desk = Desk(pool, tmp_path, transport=Away(tmp_path / "mailbox"))
    await desk.code(claim(1))
    (tmp_path / "mailbox" / "from-payer").mkdir(parents=True)
    (tmp_path / "mailbox" / "from-payer" / "a.835").write_bytes(b"ISA*")
    with pytest.raises(DatabaseAwayError):
        await desk.round()
    desk.context.pool = pool
    assert await desk.rows("SELECT payer FROM payer_channel WHERE failures > 0") == []


class _Gone:
    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        raise ConnectionRefusedError
        yield
