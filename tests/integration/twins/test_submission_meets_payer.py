"""Our submission's own transports against the payer twin's doors: the two sides were written from
one page, and here they meet."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.twins.hospital import Hospital, render_x12
from deploy.twins.payer.clock import Clock
from deploy.twins.payer.doors.opening import Doors, opened
from deploy.twins.payer.scenario_file import load_scenario
from deploy.twins.payer.watch import Mailroom
from services.submission.domain.profile import Profile
from services.submission.transport import Presence, Transport, TransportError
from services.submission.transport.choosing import transport_for
from shared.settings import Settings

TODAY = date(2026, 11, 20)
BOX = "meridian"
STYLES = ("sftp", "json", "core")


@contextmanager
def doors_of(root: Path) -> Iterator[tuple[Doors, Mailroom]]:
    mailroom = Mailroom(root, scenario=load_scenario("paid"))
    with opened(mailroom, Clock(root), sftp_port=0, https_port=0) as doors:
        yield doors, mailroom


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[tuple[Doors, Mailroom]]:
    with doors_of(tmp_path / "payers") as made:
        yield made


def channel(style: str, doors: Doors) -> dict[str, Any]:
    keys = doors.root / ".twin"
    if style == "sftp":
        return {
            "kind": "sftp",
            "host": "127.0.0.1",
            "port": doors.sftp_port,
            "user": BOX,
            "host_key_file": str(keys / "ssh_host_key.pub"),
            "password_file": str(keys / "password"),
            "to_payer": "/to-payer",
            "from_payer": "/from-payer",
            "taken": "/processed",
            "done": "/done",
        }
    shared: dict[str, Any] = {
        "kind": "https",
        "style": style,
        "ca_file": str(keys / "https_cert.pem"),
    }
    if style == "core":
        login = {"user": BOX, "password_file": str(keys / "password")}
        return shared | login | {"url": f"{doors.https_url}/core"}
    oauth = {
        "token_url": f"{doors.https_url}/oauth/token",
        "client_id": BOX,
        "client_secret_file": str(keys / "client_secret"),
    }
    return shared | {"url": f"{doors.https_url}/v1", "oauth": oauth}


@pytest.fixture
async def transport(
    request: pytest.FixtureRequest, twin: tuple[Doors, Mailroom]
) -> AsyncIterator[Transport]:
    profile = Profile.model_validate(
        {
            "name": BOX,
            "sender": {"identifier": "GENHOSP", "name": "GENERAL HOSPITAL"},
            "receiver": {"identifier": "CLAIMWIRE", "name": "CLAIMWIRE"},
            "transport": channel(request.param, twin[0]),
        }
    )
    made = transport_for(profile, Settings())
    yield made
    await made.close()


@pytest.fixture
def sent() -> tuple[str, bytes]:
    claims = [one for one in Hospital(1, today=TODAY).claims(6) if one.kind == "professional"]
    return f"{uuid4()}.837", render_x12(claims, TODAY, number=1)


def play(mailroom: Mailroom) -> None:
    while mailroom.round(Clock(mailroom.root).now().timestamp()):
        pass


async def send(transport: Transport, name: str, content: bytes) -> None:
    await transport.stage(name, content)
    await transport.release(name, content)


@pytest.mark.parametrize("transport", STYLES, indirect=True)
async def test_an_interchange_goes_and_every_answer_comes(
    transport: Transport, twin: tuple[Doors, Mailroom], sent: tuple[str, bytes]
) -> None:
    name, content = sent
    assert await transport.find(name) is not Presence.VISIBLE
    await send(transport, name, content)
    assert await transport.find(name) is Presence.VISIBLE
    play(twin[1])
    assert await transport.find(name) in (Presence.VISIBLE, Presence.GONE), "taken, not lost"
    read: list[bytes] = []
    while deliveries := await transport.deliveries():
        for delivery in deliveries:
            with await transport.open(delivery.name) as stream:
                read.append(stream.read())
            await transport.settle(delivery.name)
    assert sorted(one.split(b"~ST*")[1][:3] for one in read) == [b"277", b"835", b"999"]


@pytest.mark.parametrize("transport", STYLES, indirect=True)
@pytest.mark.parametrize(
    ("fault", "is_taken"), [("drop-before-taking", False), ("drop-after-taking", True)]
)
async def test_after_a_drop_the_payer_is_asked_and_the_interchange_goes_once(
    transport: Transport,
    twin: tuple[Doors, Mailroom],
    sent: tuple[str, bytes],
    fault: str,
    is_taken: bool,
) -> None:
    name, content = sent
    doors, mailroom = twin
    twin[0].faults.ask(fault)  # type: ignore[arg-type]
    with pytest.raises(TransportError):
        await send(transport, name, content)
    play(mailroom)
    presence = await transport.find(name)
    assert (presence is Presence.VISIBLE) is is_taken
    if presence is Presence.STAGED:
        await transport.release(name, content)
    play(mailroom)
    book = mailroom.books()[BOX]
    assert len(list((doors.root / BOX / "processed").iterdir())) == 1
    assert book.repeated_interchanges == 0
    assert book.totals()["final"] > 0


@pytest.mark.parametrize("transport", STYLES, indirect=True)
@pytest.mark.parametrize("fault", ["unavailable", "unauthorized"])
async def test_a_payer_that_plays_dead_is_reached_later(
    transport: Transport, twin: tuple[Doors, Mailroom], sent: tuple[str, bytes], fault: str
) -> None:
    name, content = sent
    twin[0].faults.ask(fault, 2)  # type: ignore[arg-type]
    failures = 0
    for _ in range(4):
        try:
            await send(transport, name, content)
        except TransportError:
            failures += 1
        else:
            break
    assert failures
    assert await transport.find(name) is Presence.VISIBLE


def test_without_a_client_the_twin_tells_its_addresses(twin: tuple[Doors, Mailroom]) -> None:
    doors, _ = twin
    said = json.loads((doors.root / ".twin" / "doors.json").read_text())
    assert said["sftp"] == {"host": "127.0.0.1", "port": doors.sftp_port}
    assert said["https"] == {"url": doors.https_url}
