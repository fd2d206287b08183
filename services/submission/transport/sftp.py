"""The transport that is an SFTP account at the payer.

The server's key is pinned and no other is spoken to; nothing is read from the user's own SSH
files. A file is uploaded as `NAME.tmp`, going on where an earlier try broke off, and renamed when
it is whole, so that the payer never sees a part of one.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

import asyncssh

from services.submission.domain.channel import SftpChannel
from services.submission.transport import Delivery, Presence, TransportError
from services.submission.transport.secrets import secret, secret_bytes

BEING_WRITTEN = ".tmp"
PIECE_BYTES = 256 * 1024
IN_MEMORY_BYTES = 1_000_000
_OVERLAP_BYTES = 4096
"""Of what an earlier try left, its end is compared before the rest is added to it."""
_GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)


@dataclass(frozen=True, slots=True)
class _Session:
    """A client, and the time after which it has failed: a limit on silence, not on size."""

    client: asyncssh.SFTPClient
    limit: asyncio.Timeout
    timeout_s: float

    def goes_on(self) -> None:
        """Something came or went: the time counts from now."""
        self.limit.reschedule(asyncio.get_running_loop().time() + self.timeout_s)


class SftpTransport:
    """One payer's mailbox. One connection, made when it is needed."""

    def __init__(self, channel: SftpChannel) -> None:
        self._channel = channel
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    async def stage(self, name: str, content: bytes) -> None:
        staged = self._outgoing(name + BEING_WRITTEN)
        async with self._session() as session:
            start = await _resume_at(session.client, staged, content)
            async with session.client.open(staged, "r+b" if start else "wb") as file:
                for at in range(start, len(content), PIECE_BYTES):
                    await file.write(content[at : at + PIECE_BYTES], at)
                    session.goes_on()
            size = await session.client.getsize(staged)
            if size != len(content):
                raise TransportError("sftp-upload-incomplete")

    async def release(self, name: str, content: bytes) -> None:  # noqa: ARG002 - it is staged
        async with self._session() as session:
            staged, visible = self._outgoing(name + BEING_WRITTEN), self._outgoing(name)
            try:
                await session.client.posix_rename(staged, visible)
            except asyncssh.SFTPOpUnsupported:
                await session.client.rename(staged, visible)

    async def find(self, name: str) -> Presence:
        taken = self._channel.taken
        async with self._session() as session:
            try:
                # The staged name first: a rename between the looks then shows as visible.
                if await _is_there(session.client, self._outgoing(name + BEING_WRITTEN)):
                    return Presence.STAGED
                if await _is_there(session.client, self._outgoing(name)):
                    return Presence.VISIBLE
                if taken is None:
                    return Presence.GONE
                is_taken = await _is_there(session.client, f"{taken}/{name}")
            except asyncssh.SFTPPermissionDenied:
                return Presence.UNKNOWN  # a slot that can be written to and not be looked into
            return Presence.VISIBLE if is_taken else Presence.UNKNOWN

    async def deliveries(self) -> Sequence[Delivery]:
        found = []
        async with self._session() as session:
            async for entry in session.client.scandir(self._channel.from_payer):
                name, attributes = str(entry.filename), entry.attrs
                is_file = attributes.type in (asyncssh.FILEXFER_TYPE_REGULAR, None)
                if not is_file or name.startswith(".") or name.endswith(BEING_WRITTEN):
                    continue
                arrived_ns = int((attributes.mtime or 0) * 1_000_000_000)
                found.append(Delivery(name, int(attributes.size or 0), arrived_ns))
        return sorted(found, key=lambda delivery: (delivery.arrived_ns, delivery.name))

    async def open(self, name: str) -> BinaryIO:
        stream = cast("BinaryIO", SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 - handed on
        path = f"{self._channel.from_payer}/{name}"
        async with self._session() as session, session.client.open(path, "rb") as file:
            while piece := await file.read(PIECE_BYTES):
                await asyncio.to_thread(stream.write, cast("bytes", piece))
                session.goes_on()
        stream.seek(0)
        return stream

    async def settle(self, name: str) -> None:
        source, done = f"{self._channel.from_payer}/{name}", self._channel.done
        async with self._session() as session:
            try:
                if done is None:
                    await session.client.remove(source)
                    return
                kept, number = f"{done}/{name}", 1
                while await _is_there(session.client, kept):
                    number += 1
                    kept = f"{done}/{name}.{number}"
                await session.client.rename(source, kept)
            except _GONE:
                return

    async def close(self) -> None:
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            connection.abort()
            with suppress(asyncssh.Error, OSError):
                await connection.wait_closed()

    def _outgoing(self, name: str) -> str:
        return f"{self._channel.to_payer}/{name}"

    @asynccontextmanager
    async def _session(self) -> AsyncIterator["_Session"]:
        """The connected client; whatever goes wrong is told as TransportError, and the connection
        is given up: the next try makes a new one."""
        try:
            async with asyncio.timeout(self._channel.timeout_s) as limit:
                yield _Session(await self._connected(), limit, self._channel.timeout_s)
        except TransportError:
            await self.close()
            raise
        except (asyncssh.Error, OSError) as error:  # TimeoutError is an OSError
            await self.close()
            raise TransportError(_code(error)) from None

    async def _connected(self) -> asyncssh.SFTPClient:
        if self._client is None:
            options = await asyncio.to_thread(self._options)
            self._connection = await asyncssh.connect(**options)
            self._client = await self._connection.start_sftp_client()
        return self._client

    def _options(self) -> dict[str, Any]:
        channel = self._channel
        pinned = channel.host_key or secret(channel.host_key_file)  # type: ignore[arg-type]
        try:
            host_key = asyncssh.import_public_key(pinned)
            keys = self._private_keys()
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            raise TransportError("sftp-key-unusable") from None
        return {
            "host": channel.host,
            "port": channel.port,
            "username": channel.user,
            "known_hosts": ([host_key], [], []),
            "client_keys": keys,
            "password": secret(channel.password_file) if channel.password_file else None,
            "agent_path": None,
            "config": None,
            "connect_timeout": channel.timeout_s,
            "login_timeout": channel.timeout_s,
            "keepalive_interval": 15,
            "keepalive_count_max": 2,
        }

    def _private_keys(self) -> list[asyncssh.SSHKey] | None:
        channel = self._channel
        if channel.private_key_file is None:
            return None
        passphrase = secret(channel.passphrase_file) if channel.passphrase_file else None
        return [asyncssh.import_private_key(secret_bytes(channel.private_key_file), passphrase)]


async def _resume_at(client: asyncssh.SFTPClient, staged: str, content: bytes) -> int:
    """How much of the content stands there already; 0 where what stands there is another's."""
    try:
        size = await client.getsize(staged) or 0
    except _GONE:
        return 0
    if not 0 < size <= len(content):
        return 0
    start = max(0, size - _OVERLAP_BYTES)
    async with client.open(staged, "rb") as file:
        end = await file.read(size - start, start)
    return size if cast("bytes", end) == content[start:size] else 0


async def _is_there(client: asyncssh.SFTPClient, path: str) -> bool:
    try:
        await client.stat(path)
    except _GONE:
        return False
    return True


_CODES: tuple[tuple[type[Exception], str], ...] = (
    (asyncssh.HostKeyNotVerifiable, "sftp-host-key-is-another"),
    (asyncssh.PermissionDenied, "sftp-login-refused"),
    (asyncssh.SFTPPermissionDenied, "sftp-permission-denied"),
    (asyncssh.SFTPNoSuchFile, "sftp-no-such-folder"),
    (asyncssh.SFTPNoSpaceOnFilesystem, "sftp-disk-full"),
    (asyncssh.SFTPQuotaExceeded, "sftp-disk-full"),
    (asyncssh.SFTPError, "sftp-failure"),
    (TimeoutError, "sftp-timeout"),
    (OSError, "sftp-unreachable"),
    (Exception, "sftp-connection-lost"),
)
"""From what the library says to a code that operators can rely on."""


def _code(error: Exception) -> str:
    return next(code for kind, code in _CODES if isinstance(error, kind))
