"""One operating system process of the local stack: started, watched and ended by its own pid.

Every process gets a session of its own, so that Ctrl-C reaches the supervisor alone, and is
tethered to it, so that nothing survives a supervisor that is killed. Apart because the database,
the broker and the services are all started this one way.
"""

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

_TETHER = Path(__file__).with_name("tether.py")
_LOG_TAIL_BYTES = 2_000
_starter = ThreadPoolExecutor(1, "starter")
"""Starts every process: a tether is tied to the thread that started it, and this one stays."""


class StartError(RuntimeError):
    """A process did not come up. The text says which, why, and where its log is."""


def launch_with_retries(launch: Callable[[], None], pause_s: float) -> None:
    """Calls `launch` up to three times: a port may be taken meanwhile, a killed server's memory
    still be in use. Raises the last StartError."""
    for _ in range(2):
        try:
            launch()
        except StartError:
            time.sleep(pause_s)
        else:
            return
    launch()


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user a program runs as when the supervisor is root."""

    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The user `nobody` when this process is root, else None: the present user will do."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


@dataclass(slots=True)
class Child:
    """A process by name. `start` may be called again after it has ended."""

    name: str
    command: Sequence[str]
    log_path: Path
    environment: Mapping[str, str]
    account: Account | None = None
    directory: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when the supervisor ends first: it may be frozen, or not listen."""
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        """The process id while it runs, else None."""
        return self._process.pid if self._process and self.is_running else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal), None while it runs or was never started."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Starts the process; its output is appended to `log_path`. Returns before it is ready."""
        if self.is_running:
            return
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        uid, gid = (self.account.uid, self.account.gid) if self.account else (-1, -1)
        tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())]
        drop = [str(int(self.orphan_signal)), str(uid), str(gid)]
        with self.log_path.open("ab") as log:
            self._process = _starter.submit(
                subprocess.Popen,
                [*tether, *drop, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                cwd=self.directory,
                start_new_session=True,
            ).result()

    def stop(self, timeout_s: float = 20.0) -> None:
        """Asks it to end, and ends its whole group when it has not after `timeout_s`."""
        self.ask_to_stop()
        self.finish(timeout_s)

    def ask_to_stop(self) -> None:
        """Sends the stop signal and returns at once."""
        self.signal(self.stop_signal)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal if it runs."""
        if self._process and self.is_running:
            self._process.send_signal(number)

    def finish(self, timeout_s: float) -> None:
        """Waits for the end that was asked for; SIGKILL to the group when it does not come."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the process and its group, as a crash would end it; waits for the end."""
        self.strike()
        if self._process:
            self._process.wait()

    def strike(self) -> None:
        """SIGKILL to the process and its group without waiting: safe in a signal handler."""
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def wait_until(self, is_ready: Callable[[], bool], timeout_s: float) -> None:
        """Returns once `is_ready()`; raises StartError when it ends first or takes too long."""
        deadline = time.monotonic() + timeout_s
        while not is_ready():
            if not self.is_running:
                raise StartError(f"{self.name} ended (exit {self.exit_code}): {self._log_tail()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.name} was not ready after {timeout_s:.0f} s: see its log")
            time.sleep(0.02)

    def _log_tail(self) -> str:
        with self.log_path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - _LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'no output'} (log: {self.log_path})"
