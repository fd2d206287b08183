"""A service that does nothing but be healthy: what the supervisor's tests start and kill.

Run as `python -m tests.integration.local.stand_in [FILE]`. It appends a line to FILE when it is
told to stop, so that a test can see a clean end.
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Health(BaseHTTPRequestHandler):
    """Answers every path with what the process was told, secrets left out."""

    def do_GET(self) -> None:
        told = {name: os.environ[name] for name in os.environ if name.startswith("CLAIMWIRE_")}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Silent."""


def main() -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["CLAIMWIRE_HTTP_PORT"])), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stopping.wait()
    server.shutdown()
    for name in sys.argv[1:]:
        with Path(name).open("a") as file:
            file.write(f"{os.environ['OTEL_SERVICE_NAME']} stopped\n")


if __name__ == "__main__":
    main()
