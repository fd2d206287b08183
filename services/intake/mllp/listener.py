"""The MLLP listener: many connections, each read frame by frame and answered in order.

A connection that is slow, silent or sends nonsense costs itself only. Frames are bounded, and a
sender is not read while its message waits to be stored.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from services.intake.domain.hl7.acknowledging import AckCode, acknowledge, code_for
from services.intake.domain.hl7.framing import Frames, framed
from services.intake.domain.hl7.splitting import MAX_MESSAGE_BYTES
from services.intake.handlers import MAX_HEADER_CHARACTERS, IntakeHandler
from services.intake.mllp.taking import NotStoredError, Taking
from shared.contract.model import Finding
from shared.service import Context, clock
from shared.settings import Settings

READ_BYTES = 1 << 16
FLOOD_LOOK_S = 0.1
FLOODED_S = 10.0
"""So long a sender waits while the outbox is too deep; then it is told to come again."""

Clock = Callable[[], datetime]


class Listener:
    """Listens for one process; `run` is a worker of the service."""

    def __init__(self, settings: Settings, handler: IntakeHandler) -> None:
        self._settings = settings
        self._handler = handler
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0
        """Where it listens, once it does."""

    async def run(self, context: Context) -> None:
        """Listens until the process stops; what was read by then is answered."""
        context.ready["mllp"] = False
        taking = Taking(context, self._handler)
        settling = asyncio.create_task(taking.run(), name="mllp taking")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(context, taking, reader, writer)

        try:
            server = await asyncio.start_server(
                serve,
                self._settings.mllp_host,
                self._settings.mllp_port,
                limit=READ_BYTES,
                ssl=tls_context(self._settings),
            )
            context.ready["mllp"] = True
            self.port = server.sockets[0].getsockname()[1]
            address = f"mllp://{self._settings.mllp_host}:{self.port}"
            context.logger.info("listening", extra={"address": address})
            async with server:
                await context.stopping.wait()
                server.close()
                await self._wind_down()
        finally:
            self.port = 0
            settling.cancel()
            await asyncio.gather(settling, return_exceptions=True)

    async def _wind_down(self) -> None:
        """Connections end by themselves once the message that they wait for is answered."""
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=self._settings.stop_s / 2)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(
        self,
        context: Context,
        taking: Taking,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= self._settings.mllp_max_connections:
            context.logger.warning("too many MLLP connections: one is turned away")
            await _close(writer)
            return
        self._connections.add(task)
        try:
            source = self._source_of(writer)
            await self._converse(context, taking, reader, writer, source)
        except (OSError, TimeoutError, ssl.SSLError):
            pass  # the sender is gone; what it was not answered for, it sends again
        except Exception:
            context.logger.exception("an MLLP connection failed")
        finally:
            self._connections.discard(task)
            await _close(writer)

    async def _converse(
        self,
        context: Context,
        taking: Taking,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        source: str,
    ) -> None:
        frames = Frames(MAX_MESSAGE_BYTES)
        while (received := await self._read(context, reader)) is not None:
            for message in frames.feed(received):
                answer = await self._answer(context, taking, message, source)
                writer.write(framed(answer))
                await asyncio.wait_for(writer.drain(), self._settings.mllp_idle_s)
                if context.stopping.is_set():
                    return

    async def _read(self, context: Context, reader: asyncio.StreamReader) -> bytes | None:
        """What comes next; None at the end, after a silence, and when the process stops."""
        reading = asyncio.create_task(reader.read(READ_BYTES))
        stopping = asyncio.create_task(context.stopping.wait())
        try:
            await asyncio.wait(
                (reading, stopping),
                timeout=self._settings.mllp_idle_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
            return (reading.result() or None) if reading.done() else None
        finally:
            for task in (reading, stopping):
                task.cancel()

    async def _answer(self, context: Context, taking: Taking, message: bytes, source: str) -> bytes:
        code: AckCode
        findings: tuple[Finding, ...]
        try:
            await _wait_for_room(context)
            taken = await taking.take(message, source)
        except (NotStoredError, TimeoutError):
            code, findings = "AR", (_not_now(),)
        else:
            findings = taken.findings
            code = code_for(findings, is_refused=taken.is_refused)
        return acknowledge(message, code, findings, clock())

    def _source_of(self, writer: asyncio.StreamWriter) -> str:
        """The sender's name: as set, or as its client certificate says, or the default."""
        if self._settings.mllp_source:
            return self._settings.mllp_source
        certificate = writer.get_extra_info("peercert") or {}
        for entry in certificate.get("subject", ()):
            for name, value in entry:
                if name == "commonName" and 0 < len(value) <= MAX_HEADER_CHARACTERS:
                    return str(value)
        return self._settings.default_source


async def _wait_for_room(context: Context) -> None:
    """Waits while the outbox is too deep. Raises TimeoutError where that takes too long."""
    for _ in range(int(FLOODED_S / FLOOD_LOOK_S)):
        if not context.is_flooded():
            return
        await asyncio.sleep(FLOOD_LOOK_S)
    raise TimeoutError


def _not_now() -> Finding:
    return Finding(
        code="not-stored",
        path="MSH",
        message="the message could not be stored now, and nothing of it was",
        hint="Send it again.",
    )


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS as set: none, the listener's certificate, or that and certificates of its senders."""
    if settings.mllp_tls_certfile is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.mllp_tls_certfile, settings.mllp_tls_keyfile)
    if settings.mllp_tls_client_cafile is not None:
        context.load_verify_locations(settings.mllp_tls_client_cafile)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, ssl.SSLError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 2)
