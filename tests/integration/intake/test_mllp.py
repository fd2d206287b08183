"""The MLLP door on a real database, spoken to by python-hl7's client and by raw sockets."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import hl7
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hl7.client import MLLPClient
from hl7.mllp import open_hl7_connection

from services.intake.app import service
from services.intake.domain.encounter import encounter_id
from services.intake.domain.hl7.framing import framed
from services.intake.domain.hl7.splitting import MAX_MESSAGE_BYTES
from services.intake.handlers import IntakeHandler
from services.intake.mllp import taking
from services.intake.mllp.listener import Listener
from shared.database import Pool, bootstrap, create_pool, migrate, new_password, service_dsn
from shared.messaging.batch import Core
from shared.service import Context
from shared.settings import Settings
from tests.hl7_messages import charges, ft1, message, profiles, registration
from tests.integration.contexts import context_of

_numbers = count(1)
GENERAL = "general"


@dataclass
class Door:
    """A listener on a database of its own."""

    listener: Listener
    context: Context
    dsn: str

    @property
    def port(self) -> int:
        return self.listener.port

    @property
    def pool(self) -> Pool:
        return self.context.pool

    async def send(self, raw: bytes) -> Any:
        """One message by python-hl7's blocking client."""

        def call() -> bytes:
            with MLLPClient("127.0.0.1", self.port) as client:
                return bytes(client.send_message(raw))

        answer = await asyncio.to_thread(call)
        return hl7.parse(answer.strip(b"\x0b\x1c\r").decode())

    async def accounts(self, source: str = GENERAL) -> set[str]:
        rows = await self.pool.fetch(
            "SELECT encounter->>'account' AS account FROM encounter WHERE source = $1", source
        )
        return {row["account"] for row in rows}

    async def charge_count(self, account: str) -> int:
        return int(
            await self.pool.fetchval(
                "SELECT json_array_length(encounter->'charges') FROM encounter "
                "WHERE encounter_id = $1",
                encounter_id(GENERAL, account),
            )
        )


async def opened(postgres: Any, folder: Path, **settings: Any) -> tuple[Door, asyncio.Task[None]]:
    dsn, password = postgres.fresh_database(), new_password()
    await bootstrap(dsn, ["intake"], {"intake": password})
    own = service_dsn(dsn, "intake", password)
    pool = await create_pool(own, "intake")
    chosen = Settings(var_dir=folder, mllp_port=0, default_source=GENERAL, **settings)
    definition = service(chosen)
    await migrate(pool, definition.name, definition.schema_dir)
    context = context_of("intake", pool, chosen, metrics=f"mllp {next(_numbers)}")
    listener = Listener(chosen, IntakeHandler(GENERAL, profiles()))
    running = asyncio.create_task(listener.run(context))
    while not listener.port:
        assert not running.done(), running.result()
        await asyncio.sleep(0.01)
    return Door(listener, context, own), running


async def closed(door: Door, running: "asyncio.Task[None]") -> None:
    door.context.stopping.set()
    await asyncio.wait_for(running, 30)
    await door.pool.close()


@pytest.fixture
async def door(postgres: Any, tmp_path: Path) -> AsyncIterator[Door]:
    made, running = await opened(postgres, tmp_path)
    yield made
    await closed(made, running)


def code(answer: Any) -> str:
    return str(answer["MSA"][0][1])


async def test_a_message_is_stored_when_its_aa_comes(door: Door) -> None:
    answer = await door.send(charges(ft1("T1"), control="C77"))
    assert (code(answer), str(answer["MSA"][0][2])) == ("AA", "C77")
    assert await door.charge_count("A1") == 1
    said = await door.pool.fetch("SELECT type FROM event")
    assert [row["type"] for row in said] == ["encounter.recorded.v1"]


async def test_ae_tells_segment_field_and_reason_and_stores_nothing_of_the_encounter(
    door: Door,
) -> None:
    answer = await door.send(charges(ft1("T1"), ft1("T2", amount="12.345")))
    assert code(answer) == "AE"
    (error,) = answer["ERR"]
    assert str(error[2]) == "FT1^2^11^1^1^1"
    assert str(error[3]).startswith("102^")
    assert await door.accounts() == set()
    said = await door.pool.fetch("SELECT type FROM event")
    assert [row["type"] for row in said] == ["claim.rejected.v1"]


async def test_ar_for_what_cannot_be_read(door: Door) -> None:
    assert code(await door.send(b"PID|1||4711\r")) == "AR"
    assert code(await door.send(message("ADT^A60"))) == "AR"
    assert code(await door.send(registration())) == "AA"


async def test_a_message_that_comes_again_is_answered_as_the_first_time_and_done_once(
    door: Door,
) -> None:
    good, bad = charges(ft1("")), charges(ft1("T2", amount="12.345"), control="C2")
    first = [code(await door.send(one)) for one in (good, bad)]
    again = [await door.send(one) for one in (good, bad)]
    assert first == [code(one) for one in again] == ["AA", "AE"]
    assert str(again[1]["ERR"][0][2]) == "FT1^1^11^1^1^1"
    assert await door.charge_count("A1") == 1
    assert await door.pool.fetchval("SELECT count(*) FROM event") == 2


async def test_two_hundred_connections_at_once(door: Door) -> None:
    """All are open before the first sends; each sends three messages and reads each answer."""
    senders = 200
    everyone = asyncio.Barrier(senders)

    async def sender(number: int) -> list[str]:
        reader, writer = await open_hl7_connection("127.0.0.1", door.port)
        await everyone.wait()
        codes = []
        for at in range(3):
            raw = charges(ft1(f"T{at}"), control=f"{number}-{at}", account=f"A{number}")
            writer.writemessage(hl7.parse(raw.decode()))
            await writer.drain()
            codes.append(code(await reader.readmessage()))
        writer.close()
        await writer.wait_closed()
        return codes

    found = await asyncio.gather(*(sender(number) for number in range(senders)))
    assert found == [["AA"] * 3] * senders
    assert await door.accounts() == {f"A{number}" for number in range(senders)}
    total = await door.pool.fetchval(
        "SELECT sum(json_array_length(encounter->'charges')) FROM encounter"
    )
    assert total == 3 * senders


async def test_a_slow_sender_holds_nobody_up_and_is_served(door: Door) -> None:
    raw = framed(charges(ft1("T1"), account="SLOW"))
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    half = len(raw) // 2
    for at in range(half):
        writer.write(raw[at : at + 1])
        await writer.drain()
    assert code(await door.send(charges(ft1("T1"), account="QUICK"))) == "AA"
    assert await door.accounts() == {"QUICK"}
    writer.write(raw[half:])
    assert b"MSA|AA|C1" in await reader.readuntil(b"\x1c\r")
    writer.close()


async def test_broken_frames_noise_and_lost_connections_survive(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    writer.write(b"\x0bMSH|^~\\&|cut" + framed(charges(ft1("T1"), account="AFTER")))
    assert b"MSA|AA" in await reader.readuntil(b"\x1c\r")
    writer.write(b"\x0bMSH|^~\\&|gone")
    writer.transport.abort()
    assert code(await door.send(registration())) == "AA"
    assert await door.accounts() == {"AFTER", "A1"}


async def test_several_messages_sent_without_waiting_are_answered_in_order(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    controls = [f"P{number}" for number in range(20)]
    writer.write(b"".join(framed(charges(ft1(one), control=one)) for one in controls))
    answers = [await reader.readuntil(b"\x1c\r") for _ in controls]
    assert [f"MSA|AA|{one}\r".encode() in answer for one, answer in zip(controls, answers)] == [  # noqa: B905
        True
    ] * 20
    writer.close()


async def test_a_frame_that_is_too_long_is_rejected_and_the_line_goes_on(door: Door) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    long = b"\x0bMSH|^~\\&|A|B|C|D|20260301||ADT^A04|BIG|P|2.5.1\rOBX|1|"
    writer.write(long)
    for _ in range(MAX_MESSAGE_BYTES // 65_536 + 2):
        writer.write(b"x" * 65_536)
        await writer.drain()
    answer = await reader.readuntil(b"\x1c\r")
    assert b"MSA|AR|BIG" in answer
    assert b"record-too-large" in answer
    writer.write(b"\x1c\r" + framed(registration()))
    assert b"MSA|AA|R1" in await reader.readuntil(b"\x1c\r")
    writer.close()


async def test_what_cannot_be_stored_now_is_not_acknowledged_and_can_be_sent_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(taking, "backoff_s", lambda _: 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(Core, "settle", refuse)
        answer = await door.send(registration())
        assert code(answer) == "AR"
        assert "not-stored" in str(answer["ERR"][0])
    assert code(await door.send(registration())) == "AA"


async def answered_with_an_end(port: int) -> bool:
    """Whether a connection that says nothing is closed from the other side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ended = await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    return ended


async def test_too_many_connections_are_turned_away_and_the_others_served(
    postgres: Any, tmp_path: Path
) -> None:
    door, running = await opened(postgres, tmp_path, mllp_max_connections=2)
    lines = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(2)]
    await asyncio.sleep(0.05)
    assert await answered_with_an_end(door.port)
    lines[0][1].write(framed(registration()))
    assert b"MSA|AA" in await lines[0][0].readuntil(b"\x1c\r")
    for _, writer in lines:
        writer.close()
    await closed(door, running)


async def test_a_silent_connection_is_closed_after_its_time(postgres: Any, tmp_path: Path) -> None:
    door, running = await opened(postgres, tmp_path, mllp_idle_s=0.2)
    assert await answered_with_an_end(door.port)
    await closed(door, running)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_process_killed_around_the_commit_loses_nothing_and_doubles_nothing(
    door: Door, tmp_path: Path, when: str
) -> None:
    """The sender gets no answer and sends again, to the process that takes over."""
    raw = charges(ft1(""), ft1(""), control="K1", account="K")
    doomed = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.integration.intake.mllp_process",
        door.dsn,
        str(tmp_path),
        when,
        stdout=subprocess.PIPE,
    )
    assert doomed.stdout is not None
    port = int(await doomed.stdout.readline())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(framed(raw))
    assert await reader.read() == b"", "the line breaks without an answer"
    writer.close()
    assert await doomed.wait() == -9
    assert await door.accounts() == ({"K"} if when == "after" else set())
    assert code(await door.send(raw)) == "AA"
    assert await door.charge_count("K") == 2
    assert await door.pool.fetchval("SELECT count(*) FROM event") == 1


# TLS


def certificate(folder: Path, name: str, authority: tuple[Any, Any] | None) -> tuple[Any, Any]:
    """A key and a certificate for a name, in PEM files; signed by itself without an authority.

    By RFC 5280 to the letter: Python takes nothing less from 3.13 on.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key, issuer = authority or (key, None)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=authority is None,
                crl_sign=authority is None,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    made = builder.sign(issuer_key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return key, made


async def registered_over(port: int, tls: ssl.SSLContext) -> bytes:
    """The answer to a registration over TLS."""
    reader, writer = await asyncio.open_connection("localhost", port, ssl=tls, family=2)
    try:
        writer.write(framed(registration()))
        return await reader.readuntil(b"\x1c\r")
    finally:
        writer.close()


async def test_tls_with_client_certificates_names_the_source(postgres: Any, tmp_path: Path) -> None:
    authority = certificate(tmp_path, "authority", None)
    for name in ("listener", "north-hospital"):
        certificate(tmp_path, name, authority)
    door, running = await opened(
        postgres,
        tmp_path,
        mllp_tls_certfile=tmp_path / "listener.pem",
        mllp_tls_keyfile=tmp_path / "listener.key",
        mllp_tls_client_cafile=tmp_path / "authority.pem",
    )
    stranger = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    with pytest.raises((OSError, asyncio.IncompleteReadError)):
        await registered_over(door.port, stranger)
    known = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    known.load_cert_chain(tmp_path / "north-hospital.pem", tmp_path / "north-hospital.key")
    assert b"MSA|AA" in await registered_over(door.port, known)
    assert await door.accounts("north-hospital") == {"A1"}
    await closed(door, running)
