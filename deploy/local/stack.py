"""The supervisor behind `claimwire up` and `claimwire demo`: the whole line on one machine.

It starts database, broker, trace receiver, the four services and the payer twin, each a process of
its own, waits until all are ready, starts again what ends unasked, and stops everything in reverse
order. Nothing it started outlives it, however it ends.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal

from deploy.local.apache_kafka import DEFAULT_CACHE
from deploy.local.child import Child
from deploy.local.draining import READER, wait_until_read
from deploy.local.keeper import Keeper, Kept
from deploy.local.member import Member
from deploy.local.ports import LOOPBACK, kept_port
from deploy.local.preparation import (
    TRACES,
    create_database,
    prepare_operator,
    prepare_roles,
    prepare_topics,
    run_apart,
)
from deploy.local.program_environment import Surroundings, environment_of
from deploy.local.recovery import republish
from deploy.local.roster import ROSTER, TRACE_RECEIVER, Program
from deploy.local.servers import (
    ExternalPostgres,
    choose_broker,
    choose_kind,
    choose_postgres,
)
from deploy.local.stack_description import description_of
from deploy.local.stack_folder import StackFolder
from shared.database import service_dsn
from shared.settings import PREFIX, Settings, load

REPOSITORY = Path(__file__).resolve().parents[2]
_STOP_TIMEOUT_S = 30.0
_DRAIN_TIMEOUT_S = 20.0

State = Literal["down", "starting", "up", "stopping"]

logger = logging.getLogger("claimwire.stack")


class Stack:
    """The line, in a folder. `with Stack(var_dir) as stack:` starts and stops it.

    `kafka` is `embedded`, `apache`, `apache3` or `external`; by default `external` where
    CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS is set, else `embedded`. `environment` goes to every program
    on top of this process's own. `say` is told of each step.
    """

    def __init__(
        self,
        var_dir: Path,
        *,
        kafka: str | None = None,
        environment: Mapping[str, str] | None = None,
        roster: Sequence[Program] = ROSTER,
        cache: Path = DEFAULT_CACHE,
        say: Callable[[str], None] = logger.info,
    ) -> None:
        self.folder = StackFolder(var_dir)
        self.kind = choose_kind(kafka)
        self.broker = choose_broker(self.kind, self.folder.path / "kafka", cache=cache)
        self.postgres = choose_postgres(self.folder.path / "postgres")
        self.postgres_dsn = ""
        self.members: dict[str, Member] = {}
        self._given = dict(environment or {})
        self._roster = roster
        self._names = tuple(program.name for program in roster if program.is_service)
        self._say = say
        self.state: State = "down"
        self._owes_records = False
        self._keeper = Keeper(on_change=self._describe)
        self._describing = threading.Lock()

    # What a caller asks about

    @property
    def kafka(self) -> str:
        """The broker's bootstrap servers."""
        return self.broker.bootstrap_servers

    @property
    def services(self) -> dict[str, Member]:
        """The services by name: `.kill()`, `.stop()`, `.start()`, `.restart()`, `.url`."""
        return {name: self.members[name] for name in self._names if name in self.members}

    @property
    def settings(self) -> Settings:
        """The settings of a client of this stack's broker."""
        own = {**self.broker.settings, **self._given}
        fields = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in own.items()
            if name.startswith(PREFIX)
        }
        given = load().model_dump(exclude_unset=True) | fields
        return Settings(**(given | {"kafka_bootstrap_servers": self.kafka}))

    @property
    def api_key(self) -> str:
        """The operator's key for the HTTP of every service."""
        return self.folder.api_key.read_text()

    def dsn_of(self, service: str) -> str:
        """A service's own database address, as its own role."""
        return self.folder.secret(f"{service}_dsn").read_text()

    # Life

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts everything and returns when all is ready.

        Raises StackBusyError when the folder is another's, StartError for what does not come up;
        whatever was started by then is stopped.
        """
        self.folder.lock()
        self.state = "starting"
        self._keeper = Keeper(on_change=self._describe)
        try:
            self.folder.turn_logs()
            self._start_servers()
            self._start_members()
            self.state = "up"
            self._describe()
            self._keeper.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stops everything, in reverse order; services finish their batch first."""
        if self.state == "down":
            return
        was_up, self.state = self.state == "up", "stopping"
        self._keeper.stop()
        if was_up:
            self._drain()
        members = list(reversed(self.members.values()))
        if members:
            self._say(f"stopping {', '.join(member.name for member in members)}")
        # The programs together; then the receiver, when their last spans are in.
        receiver = [member for member in members if member.name == TRACE_RECEIVER.name]
        for group in ([member for member in members if member not in receiver], receiver):
            for member in group:
                member.ask_to_stop()
            for member in group:
                member.child.finish(_STOP_TIMEOUT_S)
        self.broker.stop()
        self.postgres.stop()
        self.state = "down"
        if members:
            self._describe()
        self.folder.unlock()

    def _drain(self) -> None:
        """What was published to a broker that keeps nothing is read before it stops."""
        intake = self.members.get(READER)
        if self.broker.keeps_records or not self.broker.is_running:
            return
        if intake is None or not intake.child.is_running:
            return
        unread = run_apart(wait_until_read(self.settings, _DRAIN_TIMEOUT_S))
        if unread:
            self._say(f"{unread} records of claims.inbound were not read: publish them again")

    def kill(self) -> None:
        """Ends every program at once, without asking; `stop` is still needed after it."""
        for member in self.members.values():
            member.kept.is_wanted = False
            member.child.strike()

    # The servers

    def _start_servers(self) -> None:
        self._say("starting PostgreSQL")
        self.postgres.start()
        self._say(f"starting Kafka ({self.kind})")
        self.broker.start()
        self._keep("postgres", lambda: self.postgres.is_running, self.postgres.start)
        self._keep("kafka", lambda: self.broker.is_running, self._revive_broker)
        self._keep("republication", lambda: not self._owes_records, self._republish)
        self._prepare_database()
        run_apart(prepare_topics(self.settings, may_recreate=not self.broker.keeps_records))

    def _prepare_database(self) -> None:
        self.postgres_dsn = self.postgres.dsn
        if not isinstance(self.postgres, ExternalPostgres):
            self.postgres_dsn = run_apart(create_database(self.postgres.dsn))
        passwords = {
            name: self.folder.secret(f"{name}_password").read_text()
            for name in (*self._names, TRACES)
        }
        run_apart(prepare_roles(self.postgres_dsn, self._names, passwords))
        for name, password in passwords.items():
            self.folder.write_secret(f"{name}_dsn", service_dsn(self.postgres_dsn, name, password))

    def _revive_broker(self) -> None:
        if self.broker.keeps_records:
            self.broker.start()
        else:
            self._replace_broker()

    def _replace_broker(self) -> None:
        """Nobody may talk to an empty broker before its topics are there: it would invent them."""
        for member in self.members.values():
            member.hold()
        try:
            self.broker.start()
            run_apart(prepare_topics(self.settings, may_recreate=True))
        except BaseException:
            self.broker.stop()  # half prepared it would pass for running
            raise
        finally:
            for member in self.members.values():
                member.go_on()
        self._owes_records = True  # the keeper sees to it next

    def _republish(self) -> None:
        if self.broker.keeps_records:
            return
        self._owes_records = True
        dsns = {name: self.dsn_of(name) for name in self._names}
        count = run_apart(republish(self.folder.var_dir, dsns))
        self._owes_records = False
        if count:
            self._say(f"the broker came back empty: {count} messages are published again")

    # The programs

    def _start_members(self) -> None:
        programs = (TRACE_RECEIVER, *self._roster)
        ports = {
            program.name: kept_port(self.folder.port_file(program.name))
            for program in programs
            if program.has_http
        }
        around = Surroundings(
            self.folder,
            self.kafka,
            self.broker.settings,
            self._given,
            traces_endpoint=f"http://{LOOPBACK}:{ports[TRACE_RECEIVER.name]}",
        )
        for program in programs:
            self._add(program, around, ports.get(program.name))
        self._describe()
        self._republish()
        self._say(f"starting {', '.join(self.members)}")
        for member in self.members.values():
            member.start()
        self._describe()
        for member in self.members.values():
            member.wait_ready()
        dsns = {name: self.dsn_of(name) for name in self._names}
        run_apart(prepare_operator(dsns, self.api_key))

    def _add(self, program: Program, around: Surroundings, port: int | None) -> None:
        child = Child(
            program.name,
            program.command(sys.executable, str(self.folder.transport_dir)),
            self.folder.log_of(program.name),
            environment_of(program, around, port),
            directory=REPOSITORY,
        )
        kept = self._keep(program.name, lambda: child.is_running, child.start)
        self.members[program.name] = Member(child, kept, port)

    def _keep(self, name: str, is_running: Callable[[], bool], revive: Callable[[], None]) -> Kept:
        kept = Kept(name, is_running, revive)
        self._keeper.add(kept)
        return kept

    def _describe(self) -> None:
        with self._describing:
            self.folder.write(description_of(self))


def up(
    var_dir: Path,
    kafka: str | None = None,
    say: Callable[[str], None] = logger.info,
    roster: Sequence[Program] = ROSTER,
) -> None:
    """Runs the stack until Ctrl-C or SIGTERM. A second Ctrl-C ends the programs without asking.

    Must be called from the main thread. Raises as `Stack.start` does.
    """
    ended = threading.Event()
    stack = Stack(var_dir, kafka=kafka, roster=roster, say=say)

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        if ended.is_set():
            stack.kill()
            return
        ended.set()
        if stack.state == "starting":
            raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with stack:
            say(f"ready: Kafka at {stack.kafka}; Ctrl-C stops everything")
            ended.wait()
    except KeyboardInterrupt:
        say("stopped before it was up")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
