"""The payer twin's doors over real SFTP and HTTPS on loopback, as clients use them."""

import hashlib
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import date, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncssh
import httpx
import pytest

from deploy.twins.hospital import Hospital, render_x12
from deploy.twins.payer.clock import Clock
from deploy.twins.payer.doors.opening import Doors, opened
from deploy.twins.payer.scenario import Scenario
from deploy.twins.payer.scenario_file import load_scenario
from deploy.twins.payer.watch import Mailroom

TODAY = date(2026, 11, 20)
PAID = load_scenario("paid")
MAILBOX = "clearinghouse"


def interchange(number: int, claims: int = 2) -> bytes:
    made = Hospital(number, today=TODAY, run=f"R{number}-").claims(claims * 3)
    return render_x12([one for one in made if one.kind == "professional"], TODAY, number=number)


class Twin:
    """The doors and the mailroom behind them; time goes on when the test says so."""

    def __init__(self, doors: Doors, mailroom: Mailroom, clock: Clock) -> None:
        self.doors = doors
        self.mailroom = mailroom
        self.clock = clock
        self.root = doors.root

    def round(self) -> None:
        while self.mailroom.round(self.clock.now().timestamp()):
            pass

    def secret(self, name: str) -> str:
        return (self.root / ".twin" / name).read_text().strip()

    def web(self) -> httpx.Client:
        """A client that trusts this twin's certificate and no other."""
        assert self.doors.https_url is not None
        context = ssl.create_default_context(cafile=str(self.root / ".twin" / "https_cert.pem"))
        return httpx.Client(base_url=self.doors.https_url, verify=context, trust_env=False)


@contextmanager
def twin_of(root: Path, scenario: Scenario) -> Iterator[Twin]:
    mailroom, clock = Mailroom(root, 1, scenario=scenario), Clock(root)
    with opened(mailroom, clock, sftp_port=0, https_port=0) as doors:
        yield Twin(doors, mailroom, clock)


@pytest.fixture
def twin(tmp_path: Path) -> Iterator[Twin]:
    with twin_of(tmp_path / "payers", PAID) as made:
        yield made


# SFTP


Session = AbstractAsyncContextManager[asyncssh.SSHClientConnection]


def session(twin: Twin, **options: Any) -> Session:
    pinned = asyncssh.read_public_key(twin.root / ".twin" / "ssh_host_key.pub")
    given: dict[str, Any] = {
        "username": MAILBOX,
        "password": twin.secret("password"),
        "known_hosts": ([pinned], [], []),
        "client_keys": None,
        "agent_path": None,
        "config": None,
    }
    return asyncssh.connect("127.0.0.1", twin.doors.sftp_port or 0, **(given | options))


async def upload(sftp: asyncssh.SFTPClient, name: str, content: bytes) -> None:
    async with sftp.open(f"/to-payer/{name}.tmp", "wb") as file:
        await file.write(content)
    await sftp.posix_rename(f"/to-payer/{name}.tmp", f"/to-payer/{name}")


async def test_an_interchange_goes_by_sftp_and_its_answers_come_back(twin: Twin) -> None:
    async with session(twin) as connection, connection.start_sftp_client() as sftp:
        await upload(sftp, "one.837", interchange(1))
        assert await sftp.exists("/to-payer/one.837")
        twin.round()
        assert not await sftp.exists("/to-payer/one.837")
        assert await sftp.exists("/processed/one.837")
        assert sorted(await sftp.listdir("/from-payer"))[2:] == ["one.277ca", "one.835", "one.999"]
        async with sftp.open("/from-payer/one.835", "rb") as file:
            content = await file.read()
        assert b"ST*835*" in (content if isinstance(content, bytes) else content.encode())
        await sftp.rename("/from-payer/one.835", "/done/one.835")
        assert not await sftp.exists("/from-payer/one.835")


async def test_a_session_sees_its_own_mailbox_and_nothing_else(twin: Twin) -> None:
    async with session(twin) as connection, connection.start_sftp_client() as sftp:
        names = {name for name in await sftp.listdir("/") if not str(name).startswith(".")}
        assert names == {"to-payer", "from-payer", "processed", "done"}
        assert not await sftp.exists("/../.twin/password")


@pytest.mark.parametrize("options", [{"password": "no"}, {"username": "Not A Mailbox"}])
async def test_a_stranger_is_not_let_in_by_sftp(twin: Twin, options: dict[str, Any]) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        async with session(twin, **options):
            pass


async def test_an_authorized_key_opens_and_another_key_does_not(twin: Twin) -> None:
    mine, other = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (twin.root / ".twin" / "authorized_keys").write_bytes(mine.export_public_key())
    async with session(twin, password=None, client_keys=[mine]):
        pass
    with pytest.raises(asyncssh.PermissionDenied):
        async with session(twin, password=None, client_keys=[other]):
            pass


async def test_another_host_key_than_the_pinned_one_is_noticed(twin: Twin) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    with pytest.raises(asyncssh.HostKeyNotVerifiable):
        async with session(twin, known_hosts=([other], [], [])):
            pass


@pytest.mark.parametrize(
    ("fault", "is_taken"), [("drop-before-taking", False), ("drop-after-taking", True)]
)
async def test_an_sftp_connection_that_drops_at_the_rename(
    twin: Twin, fault: str, is_taken: bool
) -> None:
    with twin.web() as web:
        web.post("/twin/faults", json={"fault": fault}).raise_for_status()
    with pytest.raises((asyncssh.Error, OSError)):
        async with session(twin) as connection, connection.start_sftp_client() as sftp:
            await upload(sftp, "one.837", interchange(1))
    async with session(twin) as connection, connection.start_sftp_client() as sftp:
        assert await sftp.exists("/to-payer/one.837") is is_taken
        assert await sftp.exists("/to-payer/one.837.tmp") is not is_taken


# HTTPS, JSON


@pytest.fixture
def api(twin: Twin) -> Iterator[httpx.Client]:
    """A client with a token."""
    with twin.web() as web:
        given = web.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(MAILBOX, twin.secret("client_secret")),
        )
        web.headers["Authorization"] = f"Bearer {given.raise_for_status().json()['access_token']}"
        yield web


def submission(content: bytes, name: str = "one.837", **changes: str) -> dict[str, str]:
    said = {
        "file_name": name,
        "sender": "GENHOSP",
        "receiver": "CLAIMWIRE",
        "control_number": content[90:99].decode(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "payload": content.decode(),
    }
    return said | changes


def test_an_interchange_goes_by_json_and_its_answers_come_back(
    twin: Twin, api: httpx.Client
) -> None:
    content = interchange(1)
    asked = {"sender": "GENHOSP", "receiver": "CLAIMWIRE", "control_number": "000000001"}
    assert api.get("/v1/interchanges", params=asked).json() == {"interchanges": []}
    taken = api.post("/v1/interchanges", json=submission(content))
    assert (taken.status_code, taken.json()["state"]) == (201, "received")
    twin.round()
    (known,) = api.get("/v1/interchanges", params=asked).json()["interchanges"]
    assert (known["file_name"], known["state"]) == ("one.837", "processed")
    names = [one["name"] for one in api.get("/v1/answers").json()["answers"]]
    assert sorted(names) == ["one.277ca", "one.835", "one.999"]
    assert b"ST*999*" in api.get("/v1/answers/one.999").content
    for _ in range(2):
        assert api.delete("/v1/answers/one.999").status_code == 204
    assert api.get("/v1/answers/one.999").json()["code"] == "answer-unknown"
    assert (twin.root / MAILBOX / "done" / "one.999").exists()


def test_the_same_interchange_again_is_taken_once(twin: Twin, api: httpx.Client) -> None:
    content = interchange(1)
    assert api.post("/v1/interchanges", json=submission(content)).status_code == 201
    assert api.post("/v1/interchanges", json=submission(content)).status_code == 200
    twin.round()
    assert api.post("/v1/interchanges", json=submission(content)).status_code == 200
    twin.round()
    assert twin.mailroom.books()[MAILBOX].repeated_interchanges == 0


def test_a_control_number_that_was_used_is_refused(api: httpx.Client) -> None:
    assert api.post("/v1/interchanges", json=submission(interchange(1))).status_code == 201
    other = interchange(1, claims=3)
    again = api.post("/v1/interchanges", json=submission(other, "two.837"))
    assert (again.status_code, again.json()["code"]) == (409, "control-number-used")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sha256": "0" * 64}, "digest-mismatched"),
        ({"sender": "SOMEBODY"}, "envelope-mismatched"),
        ({"control_number": "000000009"}, "envelope-mismatched"),
        ({"file_name": "../one.837"}, "file-name-illegal"),
        ({"control_number": "1"}, "request-invalid"),
    ],
)
def test_a_submission_that_is_not_what_it_says_is_refused(
    api: httpx.Client, changes: dict[str, str], code: str
) -> None:
    answer = api.post("/v1/interchanges", json=submission(interchange(1), **changes))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize("token", [None, "Bearer x", "Basic eDp5"])
def test_without_a_token_nothing_is_told(twin: Twin, token: str | None) -> None:
    headers = {"Authorization": token} if token else {}
    with twin.web() as web:
        assert web.get("/v1/answers", headers=headers).status_code == 401


def test_a_wrong_client_secret_gets_no_token(twin: Twin) -> None:
    form = {"grant_type": "client_credentials", "client_id": MAILBOX, "client_secret": "no"}
    with twin.web() as web:
        answer = web.post("/oauth/token", data=form)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("fault", "is_taken"), [("drop-before-taking", False), ("drop-after-taking", True)]
)
def test_a_connection_that_drops_leaves_the_client_to_ask(
    api: httpx.Client, fault: str, is_taken: bool
) -> None:
    content = interchange(1)
    api.post("/twin/faults", json={"fault": fault}).raise_for_status()
    with pytest.raises(httpx.TransportError):
        api.post("/v1/interchanges", json=submission(content))
    known = api.get("/v1/interchanges", params={"file_name": "one.837"}).json()["interchanges"]
    assert bool(known) is is_taken
    assert api.post("/v1/interchanges", json=submission(content)).status_code in (200, 201)


@pytest.mark.parametrize(("fault", "status"), [("unavailable", 503), ("unauthorized", 401)])
def test_a_twin_that_plays_dead_comes_back(api: httpx.Client, fault: str, status: int) -> None:
    api.post("/twin/faults", json={"fault": fault, "count": 2}).raise_for_status()
    said = [api.post("/v1/interchanges", json=submission(interchange(1))) for _ in range(3)]
    assert [one.status_code for one in said] == [status, status, 201]


# HTTPS, CORE envelope


Core = Callable[..., dict[str, bytes]]


@pytest.fixture
def core(twin: Twin) -> Iterator[Core]:
    """Says one envelope; gives the answer's parts."""
    with twin.web() as web:

        def say(
            kind: str, number: str, payload: bytes | None = None, **more: str
        ) -> dict[str, bytes]:
            fields = {
                "PayloadType": kind,
                "ProcessingMode": "Batch",
                "PayloadID": number,
                "TimeStamp": "2026-11-26T03:28:06Z",
                "UserName": MAILBOX,
                "Password": twin.secret("password"),
                "SenderID": "GENHOSP",
                "ReceiverID": "CLAIMWIRE",
                "CORERuleVersion": "2.2.0",
            }
            if payload is not None:
                digest = hashlib.sha1(payload, usedforsecurity=False).hexdigest()
                fields |= {"PayloadLength": str(len(payload)), "CheckSum": digest}
            parts: dict[str, tuple[str | None, bytes]] = {
                name: (None, value.encode()) for name, value in (fields | more).items()
            }
            if payload is not None:
                parts["Payload"] = ("one.837", payload)
            answer = web.post("/core", files=parts).raise_for_status()
            head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
            found: dict[str, bytes] = {}
            for part in message_from_bytes(head + answer.content).walk():
                content = part.get_payload(decode=True)
                if isinstance(content, bytes):
                    name = part.get_param("name", header="content-disposition")
                    found[str(name)] = content
            return found

        yield say


SUBMIT = "X12_837_Request_005010X222A1"
RESULTS = "X12_005010_Request_Batch_Results"
CONFIRM = "X12_005010_Response_ConfirmReceiptReceived"
STATUS = "X12_005010_Request_Batch_Status"


def test_an_interchange_goes_in_an_envelope_and_its_answers_come_back(
    twin: Twin, core: Core
) -> None:
    number = str(uuid4())
    assert core(STATUS, number)["ErrorCode"] == b"PayloadIDUnknown"
    taken = core(SUBMIT, number, interchange(1))
    assert (taken["PayloadType"], taken["ErrorCode"]) == (
        b"X12_BatchReceiptConfirmation",
        b"Success",
    )
    assert taken["PayloadID"].decode() == number
    assert core(STATUS, number)["ErrorCode"] == b"Success"
    twin.round()
    assert core(STATUS, number)["ErrorCode"] == b"Success", "processed is there too"
    kinds = []
    while (answer := core(RESULTS, str(uuid4())))["PayloadType"] != (
        b"X12_005010_Response_NoBatchResults"
    ):
        content = answer["Payload"]
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        assert answer["CheckSum"].decode() == digest
        kinds.append(content[106:].split(b"ST*")[1][:3])
        assert core(CONFIRM, answer["PayloadID"].decode())["ErrorCode"] == b"Success"
    assert sorted(kinds) == [b"277", b"835", b"999"]


def test_the_same_payload_again_is_confirmed_and_taken_once(twin: Twin, core: Core) -> None:
    number = str(uuid4())
    for _ in range(2):
        assert core(SUBMIT, number, interchange(1))["ErrorCode"] == b"Success"
    assert core(SUBMIT, number, interchange(2))["ErrorCode"] == b"PayloadIDIllegal"
    twin.round()
    assert len(list((twin.root / MAILBOX / "processed").iterdir())) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Password": "no"}, b"UnAuthorized"),
        ({"UserName": ""}, b"UserNameRequired"),
        ({"PayloadID": ""}, b"PayloadIDRequired"),
        ({"PayloadID": "../x"}, b"PayloadIDIllegal"),
        ({"CheckSum": "0" * 40}, b"CheckSumMismatched"),
        ({"PayloadType": "X12_270_Request"}, b"PayloadTypeIllegal"),
        ({"CORERuleVersion": "1"}, b"VersionMismatch"),
    ],
)
def test_an_envelope_that_is_wrong_is_told_so(
    core: Core, changes: dict[str, str], code: bytes
) -> None:
    assert core(SUBMIT, str(uuid4()), interchange(1), **changes)["ErrorCode"] == code


def test_a_body_that_is_no_envelope_is_a_problem(twin: Twin) -> None:
    with twin.web() as web:
        answer = web.post("/core", content=b"hello")
    assert (answer.status_code, answer.json()["code"]) == (400, "not-an-envelope")


# Its own clock, and its process


def test_a_month_passes_at_a_word(tmp_path: Path) -> None:
    with twin_of(tmp_path, load_scenario("interest")) as twin, twin.web() as web:
        folder = tmp_path / MAILBOX
        (folder / "to-payer").mkdir(parents=True)
        (folder / "to-payer" / "one.837").write_bytes(interchange(1))
        twin.round()
        assert not list((folder / "from-payer").glob("*.835"))
        web.post("/twin/clock", json={"advance": "91d"}).raise_for_status()
        twin.round()
        assert list((folder / "from-payer").glob("*.835"))
        totals = web.get("/twin/book").json()["totals"]
        assert float(totals["interest"]) > 0


def test_the_command_opens_its_doors_and_comes_back_after_a_kill(tmp_path: Path) -> None:
    """The process itself: killed in the middle of a month, it goes on where it was."""
    command = [sys.executable, "-m", "deploy.twins.payer", "--root", str(tmp_path), "--poll=0.02"]
    command += ["--scenario", "reversals", "--sftp", "0", "--https", "0"]
    box = tmp_path / MAILBOX
    (box / "to-payer").mkdir(parents=True)
    (box / "to-payer" / "one.837").write_bytes(interchange(1))
    clock = Clock(tmp_path)
    expected = ["one-2.835", "one.277ca", "one.835", "one.999"]
    doors = tmp_path / ".twin" / "doors.json"
    for days, answer in ((15, "one.835"), (25, "one-2.835")):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            until(doors.exists)
            until((box / "from-payer" / "one.999").exists)
            clock.advance(timedelta(days=days))
            until((box / "from-payer" / answer).exists)
        finally:
            process.kill()
            process.wait()
        assert set(json.loads(doors.read_text())) == {"sftp", "https"}
        doors.unlink()
    assert sorted(path.name for path in (box / "from-payer").iterdir()) == expected


def until(is_so: Callable[[], bool], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
