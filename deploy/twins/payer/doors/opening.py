"""Opens the doors beside the mailroom: a thread with a loop of its own, up when `opened` yields and
gone when it ends."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware

from deploy.twins.payer.clock import FOLDER, Clock
from deploy.twins.payer.doors import clearinghouse, control, core_envelope
from deploy.twins.payer.doors.faults import Faults
from deploy.twins.payer.doors.keys import Keys
from deploy.twins.payer.doors.sftp import SftpDoor
from deploy.twins.payer.watch import Mailroom, leave
from shared.http import problems
from shared.http.bodies import Bounds

START_TIMEOUT_S = 20.0


@dataclass(slots=True)
class Doors:
    """Where the doors are, once they are open. None: not asked for."""

    root: Path
    keys: Keys
    faults: Faults = field(default_factory=Faults)
    sftp_port: int | None = None
    https_url: str | None = None


@contextmanager
def opened(
    mailroom: Mailroom,
    clock: Clock,
    *,
    sftp_port: int | None = None,
    https_port: int | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Doors]:
    """The doors of a mailroom while the context lasts. A port of 0 is any, None is no door.

    Raises OSError where a port is taken. Writes `doors.json` once everything is open.
    """
    doors = Doors(mailroom.root, Keys.of(mailroom.root))
    thread = _Thread(doors, _application(mailroom, clock, doors), host, sftp_port, https_port)
    thread.start()
    try:
        thread.wait_until_open()
        _tell(doors, host)
        yield doors
    finally:
        thread.close()


def _application(mailroom: Mailroom, clock: Clock, doors: Doors) -> FastAPI:
    limits = dict.fromkeys(("/v1/interchanges", "/core"), 2 * clearinghouse.LARGEST_BYTES)
    app = FastAPI(
        title="Claimwire payer twin",
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(problems.Guard), Middleware(Bounds, limits=limits)],
    )
    for router in (clearinghouse.router, core_envelope.router, control.router):
        app.include_router(router)
    problems.install(app)
    app.state.root = doors.root
    app.state.keys = doors.keys
    app.state.faults = doors.faults
    app.state.mailroom = mailroom
    app.state.clock = clock
    app.state.tokens = clearinghouse.Tokens()
    return app


class _Thread(threading.Thread):
    """One loop for both doors."""

    def __init__(
        self,
        doors: Doors,
        app: FastAPI,
        host: str,
        sftp_port: int | None,
        https_port: int | None,
    ) -> None:
        super().__init__(name="doors", daemon=True)
        self._doors = doors
        self._app = app
        self._host = host
        self._sftp_port = sftp_port
        self._https_port = https_port
        self._is_open = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self._error = error
        self._is_open.set()

    def wait_until_open(self) -> None:
        """Raises what kept a door shut."""
        if not self._is_open.wait(START_TIMEOUT_S):
            raise TimeoutError("the payer twin's doors did not open")
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        if self._loop is not None and self._closing is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
        self.join()

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        doors = self._doors
        door = SftpDoor(doors.root, doors.keys, doors.faults)
        if self._sftp_port is not None:
            doors.sftp_port = await door.open(self._host, self._sftp_port)
        server = self._https_server()
        serving = asyncio.create_task(server[0].serve([server[1]])) if server else None
        self._is_open.set()
        await self._closing.wait()
        await door.close()
        if server and serving:
            server[0].should_exit = server[0].force_exit = True
            await serving

    def _https_server(self) -> tuple[uvicorn.Server, socket.socket] | None:
        if self._https_port is None:
            return None
        listener = socket.create_server((self._host, self._https_port))
        keys = self._doors.keys
        config = uvicorn.Config(
            self._app,
            log_level="critical",
            access_log=False,
            lifespan="off",
            ssl_certfile=str(keys.certificate),
            ssl_keyfile=str(keys.certificate_key),
        )
        port = listener.getsockname()[1]
        self._doors.https_url = f"https://{self._host}:{port}"
        return uvicorn.Server(config), listener


def _tell(doors: Doors, host: str) -> None:
    document: dict[str, object] = {}
    if doors.sftp_port is not None:
        document["sftp"] = {"host": host, "port": doors.sftp_port}
    if doors.https_url is not None:
        document["https"] = {"url": doors.https_url}
    leave(doors.root / FOLDER, "doors.json", json.dumps(document).encode())
