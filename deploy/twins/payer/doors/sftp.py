"""The SFTP door: each user's session is one mailbox and sees nothing else."""

import logging
from pathlib import Path

import asyncssh

from deploy.twins.payer.doors.arrivals import MAILBOX, Mailbox
from deploy.twins.payer.doors.faults import Faults
from deploy.twins.payer.doors.keys import Keys
from deploy.twins.payer.watch import TO_PAYER

logging.getLogger("asyncssh").setLevel(logging.ERROR)


class _Login(asyncssh.SSHServer):
    """Who may come in: any mailbox's name, with the password or an authorized key."""

    def __init__(self, keys: Keys, faults: Faults, live: set[asyncssh.SSHServerConnection]) -> None:
        self._keys = keys
        self._faults = faults
        self._live = live
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self._faults.met("unavailable"):
            conn.abort()
            return
        self._connection = conn
        self._live.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._connection is not None:
            self._live.discard(self._connection)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - everybody must log in
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._is_allowed(username) and self._keys.is_secret("password", password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        known = asyncssh.read_public_key_list(self._keys.authorized_keys)
        return key in known and self._is_allowed(username)

    def _is_allowed(self, username: str) -> bool:
        return MAILBOX.fullmatch(username) is not None and not self._faults.met("unauthorized")


class _Session(asyncssh.SFTPServer):
    """A mailbox as the root of a file system. A rename into `to-payer` is a submission."""

    def __init__(
        self, channel: asyncssh.SSHServerChannel[bytes], root: Path, faults: Faults
    ) -> None:
        mailbox = Mailbox(root / channel.get_extra_info("username"))
        super().__init__(channel, chroot=str(mailbox.folder).encode())
        self._faults = faults

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._submit(oldpath, newpath, is_posix=False)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._submit(oldpath, newpath, is_posix=True)

    def _submit(self, oldpath: bytes, newpath: bytes, *, is_posix: bool) -> None:
        is_submission = newpath.strip(b"/").startswith(TO_PAYER.encode())
        fault = (
            self._faults.met("drop-before-taking", "drop-after-taking") if is_submission else None
        )
        if fault != "drop-before-taking":
            rename = super().posix_rename if is_posix else super().rename
            rename(oldpath, newpath)
        if fault is not None:
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("as a test asked for")


class SftpDoor:
    """The open door: its listener, and the connections that came through it."""

    def __init__(self, root: Path, keys: Keys, faults: Faults) -> None:
        self._root = root
        self._keys = keys
        self._faults = faults
        self._live: set[asyncssh.SSHServerConnection] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def open(self, host: str, port: int) -> int:
        """Listens; port 0 is any. Returns the port."""

        def session(channel: asyncssh.SSHServerChannel[bytes]) -> asyncssh.SFTPServer:
            return _Session(channel, self._root, self._faults)

        self._acceptor = await asyncssh.create_server(
            lambda: _Login(self._keys, self._faults, self._live),
            host,
            port,
            server_host_keys=[str(self._keys.host_key)],
            sftp_factory=session,
            allow_scp=False,
            agent_forwarding=False,
        )
        return self._acceptor.get_port()

    async def close(self) -> None:
        """Shuts the door on everybody."""
        if self._acceptor is None:
            return
        self._acceptor.close()
        connections = list(self._live)
        for connection in connections:
            connection.abort()
        for connection in connections:
            await connection.wait_closed()
        await self._acceptor.wait_closed()
