"""Free loopback ports. Apart because every server of the local stack picks one the same way."""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
_RANGE = (20_000, 29_999)
"""Below the range the kernel lends to outgoing connections, so no client can take one meanwhile."""
_ATTEMPTS = 200
_lent: set[int] = set()
"""What this process has given out: a port is free until its server listens."""


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def free_port(preferred: int | None = None) -> int:
    """A free loopback port: `preferred` when it is free, else any."""
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(_ATTEMPTS):
        port = random.SystemRandom().randint(*_RANGE)
        if port not in _lent and is_free(port):
            _lent.add(port)
            return port
    raise OSError("no free loopback port found")


def kept_port(file: Path) -> int:
    """The port noted in `file` when it is still free, else another, noted for the next time."""
    noted = file.read_text().strip() if file.exists() else ""
    port = free_port(int(noted) if noted.isdigit() else None)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{port}\n")
    return port
