"""The embedded PostgreSQL: a real server from a wheel, on a loopback port, with a password.

For one machine. It is tuned to be small, never to be less safe: every commit is on disk. Roles
need passwords (SCRAM), so the service roles' limits hold here as they do in production.
"""

import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from deploy.local.child import (
    Account,
    Child,
    StartError,
    launch_with_retries,
    unprivileged_account,
)
from deploy.local.ports import LOOPBACK, kept_port
from deploy.local.postgres_home import data_folder, programs, remove

ADMINISTRATOR = "postgres"
_START_TIMEOUT_S = 60.0
_STATUS_LINE = 7
"""The line of postmaster.pid, counted from 0, that says `ready`."""

_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # their paths are limited to about 100 characters
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_locks_per_transaction": "128",
    "huge_pages": "off",
    "jit": "off",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_buffers": "16MB",
    "wal_compression": "on",
    "min_wal_size": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "autovacuum_naptime": "10s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A statement, its parameters and an error's DETAIL may hold a patient's values.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """One server with its files below `home`. The data survives stop, kill and restart."""

    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._account: Account | None = None
        self._child: Child | None = None
        self._password = ""
        self.port = 0

    @property
    def dsn(self) -> str:
        """The administrator's address, to the database `postgres`. Holds the password."""
        return f"postgresql://{ADMINISTRATOR}:{self._password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    def start(self) -> None:
        """Creates the database cluster at the first start, starts the server, waits for it.

        Raises StartError when it does not come up, or when another server has this folder.
        """
        if self.is_running:
            return
        self._account = unprivileged_account()
        data = data_folder(self._home, self._account)
        self._refuse_if_taken(data)
        self._password = _kept_secret(self._home / "password")
        if not (data / "PG_VERSION").exists():
            self._create_cluster(data)
        launch_with_retries(lambda: self._launch(data), pause_s=1.0)

    def stop(self) -> None:
        """Disconnects everyone, writes a checkpoint and ends (PostgreSQL's fast shutdown)."""
        if self._child:
            self._child.stop(timeout_s=30)

    def kill(self) -> None:
        """Ends the server as a crash would. What was committed is there at the next start."""
        if self._child:
            self._child.kill()

    def destroy(self) -> None:
        """Stops the server and deletes its data."""
        self.stop()
        remove(self._home)

    def _launch(self, data: Path) -> None:
        self.port = kept_port(self._home / "port")
        settings = {**_SETTINGS, "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._child = Child(
            "postgres",
            [str(programs(self._account) / "postgres"), "-D", str(data), *options],
            self._home / "postgres.log",
            _environment(),
            self._account,
            data.parent,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
        )
        self._child.start()
        try:
            self._child.wait_until(lambda: self._is_ready(data), _START_TIMEOUT_S)
        except StartError:
            self._child.kill()
            raise

    def _is_ready(self, data: Path) -> bool:
        lines = _lock_lines(data)
        return (
            len(lines) > _STATUS_LINE
            and lines[0] == str(self.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def _refuse_if_taken(self, data: Path) -> None:
        """A lock file left by a killed server is removed, unless that server still runs."""
        lines = _lock_lines(data)
        if not lines:
            return
        if _is_postgres(int(lines[0])):
            raise StartError(f"a PostgreSQL server (pid {lines[0]}) already runs on {self._home}")
        (data / "postmaster.pid").unlink(missing_ok=True)

    def _create_cluster(self, data: Path) -> None:
        """Runs initdb beside and renames, so that an interrupted one is never taken for whole."""
        fresh = data.with_name("data.new")
        password_file = data.with_name("initial-password")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self._account:
            os.chown(fresh, self._account.uid, self._account.gid)
            os.chown(password_file, self._account.uid, self._account.gid)
        command = [str(programs(self._account) / "initdb"), "-D", str(fresh)]
        command += ["-U", ADMINISTRATOR, "-E", "UTF8", "--locale=C", "--auth=scram-sha-256"]
        command += [f"--pwfile={password_file}", "--no-instructions"]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=_environment(),
                cwd=data.parent,
                user=self._account.uid if self._account else None,
                group=self._account.gid if self._account else None,
                extra_groups=[] if self._account else None,
                check=False,
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise StartError(f"initdb failed: {done.stderr.decode(errors='replace').strip()}")
        fresh.rename(data)


def _environment() -> dict[str, str]:
    """No more than the server needs: none of this process's settings or secrets."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _kept_secret(file: Path) -> str:
    """The password in `file`, made at the first call; readable by this user only."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def _lock_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_postgres(pid: int) -> bool:
    """Whether that process lives and is a PostgreSQL server: process ids are used again."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    command = Path(f"/proc/{pid}/cmdline")
    return not command.exists() or b"postgres" in command.read_bytes()
