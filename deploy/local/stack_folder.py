"""The folder of a local stack: its lock, its secrets, its logs, and the file others read.

`stack.json` tells the command line and the tests where everything is. It holds passwords, so it
is readable by its owner only. The lock is the kernel's: it ends with the process that holds it.
"""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, Any

from shared.http import keys


class StackBusyError(RuntimeError):
    """Another stack runs in this folder. The text says which process, and what to do."""


class StackFolder:
    """`<var>/stack` and what lies in it."""

    def __init__(self, var_dir: Path) -> None:
        self.var_dir = var_dir.absolute()
        self.path = self.var_dir / "stack"
        self._lock: IO[str] | None = None

    @property
    def transport_dir(self) -> Path:
        return self.var_dir / "transport"

    @property
    def blob_dir(self) -> Path:
        return self.var_dir / "blobs"

    def log_of(self, name: str) -> Path:
        return self.path / "log" / f"{name}.log"

    def port_file(self, name: str) -> Path:
        return self.path / "ports" / name

    def lock(self) -> None:
        """Takes the folder for this process; raises StackBusyError while another has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = (self.path / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise StackBusyError(
                f"a stack already runs in {self.var_dir} (process {holder}): stop it with Ctrl-C "
                f"there or `kill {holder}`, or give this one another folder"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        self._lock = lock

    def unlock(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def is_running(self) -> bool:
        """Whether some process has this folder's stack running."""
        if self._lock:
            return True
        try:
            self.lock()
        except StackBusyError:
            return True
        self.unlock()
        return False

    def turn_logs(self) -> None:
        """Sets the last run's logs aside as `<name>.log.1`, one generation of them."""
        for log in (self.path / "log").glob("*.log"):
            log.replace(log.with_name(f"{log.name}.1"))

    def secret(self, name: str) -> Path:
        """A file with a generated secret, made at the first call."""
        file = self.path / "secrets" / name
        if not file.exists():
            self.write_secret(name, secrets.token_urlsafe(24))
        return file

    @property
    def api_key(self) -> Path:
        """The file with the operator's key for every service's HTTP, made at the first call."""
        file = self.path / "secrets" / "api_key"
        return file if file.exists() else self.write_secret(file.name, keys.new_key())

    def write_secret(self, name: str, text: str) -> Path:
        """Writes a file of `secrets`, readable by its owner only, and returns its path."""
        folder = self.path / "secrets"
        folder.mkdir(parents=True, exist_ok=True)
        _write_private(folder / name, text)
        return folder / name

    def write(self, description: dict[str, Any]) -> None:
        """Writes `stack.json`, whole or not at all."""
        _write_private(self.path / "stack.json", json.dumps(description, indent=2) + "\n")

    def read(self) -> dict[str, Any]:
        """What `stack.json` says of the last stack here, `running` corrected by the lock.

        Raises FileNotFoundError where none has run.
        """
        description: dict[str, Any] = json.loads((self.path / "stack.json").read_text())
        description["running"] = description["running"] and self.is_running()
        return description


def _write_private(file: Path, text: str) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(file)
