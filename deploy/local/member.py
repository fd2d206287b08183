"""One program of the roster as it runs here: started, stopped, killed and told about its health."""

import http.client
import signal
from dataclasses import dataclass
from pathlib import Path

from deploy.local.child import Child
from deploy.local.keeper import Kept
from deploy.local.ports import LOOPBACK
from deploy.local.roster import MLLP_PORT

READY_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Member:
    """A running program. `http_port` is None for one without HTTP."""

    child: Child
    kept: Kept
    http_port: int | None = None

    @property
    def name(self) -> str:
        return self.child.name

    @property
    def pid(self) -> int | None:
        return self.child.pid

    @property
    def log_path(self) -> Path:
        return self.child.log_path

    @property
    def url(self) -> str | None:
        """Its HTTP address, or None."""
        return f"http://{LOOPBACK}:{self.http_port}" if self.http_port else None

    @property
    def mllp(self) -> str | None:
        """Where it takes HL7 v2, or None."""
        port = self.child.environment.get(MLLP_PORT)
        host = self.child.environment.get("CLAIMWIRE_MLLP_HOST", LOOPBACK)
        return f"mllp://{host}:{port}" if port else None

    def start(self) -> None:
        """Starts it and keeps it running from now on. Returns before it is ready."""
        with self.kept.lock:
            self.kept.is_wanted = True
            self.child.start()

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Waits for /health/ready; raises StartError when it ends or takes too long."""
        self.child.wait_until(self.is_ready, timeout_s)

    def is_ready(self) -> bool:
        """Whether /health/ready says so; a program without HTTP is ready when it runs."""
        if self.http_port is None:
            return self.child.is_running
        connection = http.client.HTTPConnection(LOOPBACK, self.http_port, timeout=2)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """SIGKILL, as a crash would end it. The keeper starts it again half a second later."""
        self.child.kill()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Lets it finish its batch and end. It stays down until `start`."""
        self.ask_to_stop()
        self.child.finish(timeout_s)

    def ask_to_stop(self) -> None:
        """Asks it to end and returns at once."""
        with self.kept.lock:
            self.kept.is_wanted = False
            self.child.ask_to_stop()

    def restart(self) -> None:
        """A clean stop and a start; returns when it is ready."""
        self.stop()
        self.start()
        self.wait_ready()

    def hold(self) -> None:
        """Freezes it where it stands."""
        self.child.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Lets it run again after `hold`."""
        self.child.signal(signal.SIGCONT)
