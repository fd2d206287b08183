"""Each transport against a real server: what it promises holds, and each fault has its code."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncssh
import pytest

from services.submission.domain.profile import Profile
from services.submission.transport import Presence, RefusedError, Transport, TransportError
from services.submission.transport.core_envelope import CoreTransport
from services.submission.transport.folder import FolderTransport
from services.submission.transport.json_api import JsonTransport
from services.submission.transport.sftp import PIECE_BYTES, SftpTransport
from tests.integration.submission.payer_doors import SftpDoor, WebDoor

ISA = (
    b"ISA*00*          *00*          *ZZ*CLAIMWIRE      *ZZ*CLEARINGHOUSE  *250310*1200*^*00501*"
    b"000000007*0*T*:~GS*HC*CLAIMWIRE*CLEARINGHOUSE*20250310*1200*7*X*005010X222A1~"
)
NAME = f"{UUID(int=7)}.837"


@pytest.fixture
async def sftp(tmp_path: Path) -> AsyncIterator[SftpDoor]:
    door = SftpDoor(tmp_path / "payer", tmp_path / "keys")
    await door.open()
    yield door
    await door.close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebDoor]:
    door = WebDoor(tmp_path)
    door.open()
    yield door
    door.close()


@pytest.fixture(params=["folder", "sftp", "json", "core"])
async def way(
    request: pytest.FixtureRequest, tmp_path: Path, sftp: SftpDoor, web: WebDoor
) -> AsyncIterator[tuple[Transport, Any]]:
    """A transport, and where the payer's answers are put for it."""
    kind = request.param
    transport: Transport
    if kind == "folder":
        transport = FolderTransport(tmp_path / "box")
        (tmp_path / "box/from-payer").mkdir(parents=True)
        put: Any = lambda name, content: (tmp_path / "box/from-payer" / name).write_bytes(content)  # noqa: E731
    elif kind == "sftp":
        transport = SftpTransport(sftp.channel())
        put = lambda name, content: (sftp.root / "from-payer" / name).write_bytes(content)  # noqa: E731
    else:
        put = web.answers.__setitem__
        transport = (
            JsonTransport(web.json_channel(), Profile())
            if kind == "json"
            else CoreTransport(web.core_channel(), Profile())
        )
    yield transport, put
    await transport.close()


async def test_what_is_staged_is_not_the_payers_and_what_is_released_is(
    way: tuple[Transport, Any],
) -> None:
    transport, _ = way
    await transport.stage(NAME, ISA)
    assert await transport.find(NAME) is Presence.STAGED
    await transport.release(NAME, ISA)
    assert await transport.find(NAME) is Presence.VISIBLE


async def test_an_answer_is_read_twice_and_settled_for_good(way: tuple[Transport, Any]) -> None:
    transport, put = way
    put("x.999", ISA)
    (delivery,) = await transport.deliveries()
    assert (delivery.name, delivery.size) == ("x.999", len(ISA))
    with await transport.open(delivery.name) as stream:
        assert stream.read() == ISA
        stream.seek(0)
        assert stream.read() == ISA
    await transport.settle(delivery.name)
    await transport.settle(delivery.name)
    assert list(await transport.deliveries()) == []


# SFTP


async def test_a_server_with_another_key_is_not_spoken_to(sftp: SftpDoor) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    transport = SftpTransport(sftp.channel(host_key=other, **sftp.with_password()))
    with pytest.raises(TransportError, match="sftp-host-key-is-another"):
        await transport.deliveries()


async def test_a_password_does_as_well_as_a_key_and_a_wrong_one_is_told(
    sftp: SftpDoor, tmp_path: Path
) -> None:
    transport = SftpTransport(sftp.channel(**sftp.with_password()))
    assert list(await transport.deliveries()) == []
    await transport.close()
    (tmp_path / "keys/password").write_text("wrong")
    with pytest.raises(TransportError, match="sftp-login-refused"):
        await transport.deliveries()


async def test_a_server_that_is_away_and_one_that_is_silent_are_told(sftp: SftpDoor) -> None:
    channel = sftp.channel(timeout_s=0.3)
    await sftp.close()
    with pytest.raises(TransportError, match="sftp-unreachable"):
        await SftpTransport(channel).deliveries()

    async def silent(reader: Any, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(5)
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(TransportError, match=r"sftp-(timeout|connection-lost)"):
        await SftpTransport(sftp.channel(port=port, timeout_s=0.3)).deliveries()
    server.close()


async def test_an_upload_that_broke_off_goes_on_where_it_was(sftp: SftpDoor) -> None:
    transport = SftpTransport(sftp.channel())
    content = ISA + bytes(range(32, 127)) * 20_000
    sftp.drop_after_bytes = 3 * PIECE_BYTES
    with pytest.raises(TransportError):
        await transport.stage(NAME, content)
    before = sftp.written_bytes
    assert 0 < before < len(content)
    await transport.stage(NAME, content)
    assert (sftp.root / "to-payer" / f"{NAME}.tmp").read_bytes() == content
    assert sftp.written_bytes - before < len(content) - PIECE_BYTES
    await transport.close()


async def test_what_another_left_under_the_name_is_written_over(sftp: SftpDoor) -> None:
    transport = SftpTransport(sftp.channel())
    for left in (b"something else", b"x" * 2 * len(ISA)):
        (sftp.root / "to-payer" / f"{NAME}.tmp").write_bytes(left)
        await transport.stage(NAME, ISA)
        assert (sftp.root / "to-payer" / f"{NAME}.tmp").read_bytes() == ISA
    await transport.close()


async def test_a_slot_that_cannot_be_looked_into_cannot_tell(sftp: SftpDoor) -> None:
    transport = SftpTransport(sftp.channel())
    sftp.faults.add("no-looking")
    assert await transport.find(NAME) is Presence.UNKNOWN
    await transport.close()


@pytest.mark.parametrize(("taken", "found"), [(None, Presence.GONE), ("taken", Presence.UNKNOWN)])
async def test_what_is_nowhere_was_taken_unless_the_payer_shows_what_it_took(
    sftp: SftpDoor, taken: str | None, found: Presence
) -> None:
    (sftp.root / "taken").mkdir()
    transport = SftpTransport(sftp.channel(taken=taken))
    assert await transport.find(NAME) is found
    (sftp.root / "taken" / NAME).touch()
    if taken:
        assert await transport.find(NAME) is Presence.VISIBLE
    await transport.close()


async def test_what_is_being_written_is_not_taken(sftp: SftpDoor) -> None:
    transport = SftpTransport(sftp.channel())
    (sftp.root / "from-payer/half.835.tmp").write_bytes(ISA)
    (sftp.root / "from-payer/.hidden").write_bytes(ISA)
    (sftp.root / "from-payer/folder").mkdir()
    assert list(await transport.deliveries()) == []
    await transport.close()


# HTTPS


async def test_an_unknown_certificate_is_not_spoken_to(web: WebDoor) -> None:
    transport = JsonTransport(web.json_channel(ca_file=None), Profile())
    with pytest.raises(TransportError, match="https-unreachable"):
        await transport.deliveries()
    await transport.close()


async def test_a_token_that_ended_is_renewed_and_a_wrong_secret_is_told(
    web: WebDoor, tmp_path: Path
) -> None:
    transport = JsonTransport(web.json_channel(), Profile())
    await transport.deliveries()
    web.tokens.clear()
    web.tokens.add("another's")
    assert list(await transport.deliveries()) == []
    (tmp_path / "secret").write_text("wrong")
    web.tokens.clear()
    with pytest.raises(TransportError, match="https-login-refused"):
        await transport.deliveries()
    await transport.close()


async def test_a_busy_payer_is_tried_later(web: WebDoor) -> None:
    transport = JsonTransport(web.json_channel(), Profile())
    web.faults.add("unavailable")
    with pytest.raises(TransportError, match="https-status-503"):
        await transport.release(NAME, ISA)
    await transport.close()


@pytest.mark.parametrize("style", ["json", "core"])
async def test_what_a_payer_will_not_have_is_told_with_its_reason(web: WebDoor, style: str) -> None:
    transport: Transport = (
        JsonTransport(web.json_channel(), Profile())
        if style == "json"
        else CoreTransport(web.core_channel(), Profile())
    )
    web.faults.add("will-not-have-it")
    with pytest.raises(RefusedError) as refused:
        await transport.release(NAME, ISA)
    assert refused.value.finding.code == "interchange-not-taken"
    reason = {"json": "sender-unknown", "core": "PayloadTypeIllegal"}[style]
    assert reason in refused.value.finding.message
    await transport.close()


async def test_a_core_payer_that_cannot_be_asked_cannot_tell(web: WebDoor) -> None:
    transport = CoreTransport(web.core_channel(can_ask=False), Profile())
    assert await transport.find(NAME) is Presence.UNKNOWN
    await transport.close()


async def test_a_wrong_core_password_is_told(web: WebDoor, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong")
    transport = CoreTransport(web.core_channel(), Profile())
    with pytest.raises(TransportError, match="core-unauthorized"):
        await transport.release(NAME, ISA)
    await transport.close()
