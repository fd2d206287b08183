"""`python -m deploy.twins.payer --root DIR --seed N` is a payer until SIGTERM or SIGINT."""

import argparse
import gc
import logging
import signal
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from deploy.twins.payer.clock import Clock
from deploy.twins.payer.journal import AnotherScenarioError
from deploy.twins.payer.scenario import DEFAULT_SEED
from deploy.twins.payer.scenario_file import (
    ScenarioError,
    load_scenario,
    shipped_names,
    write_examples,
)
from deploy.twins.payer.watch import Mailroom, run


def main() -> None:
    """Entry point; logs to stderr, one line for each interchange, no claim's values."""
    parser = _grammar()
    chosen = parser.parse_args()
    if chosen.examples is not None:
        write_examples(chosen.examples)
        return
    if chosen.root is None:
        parser.error("--root is required")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        scenario = load_scenario(chosen.scenario)
    except ScenarioError as error:
        parser.error(str(error))
    # A claim is hundreds of small values that live for one file: collecting rarely halves the work.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    mailroom = Mailroom(chosen.root, chosen.seed, chosen.delay, scenario)
    clock = Clock(chosen.root)
    if chosen.speed is not None:
        clock.run_at(chosen.speed)
    rounds = iter([False, True]) if chosen.once else None
    try:
        with _doors(mailroom, clock, chosen):
            run(mailroom, clock, chosen.poll, lambda: next(rounds) if rounds else stopping.is_set())
    except AnotherScenarioError as error:
        parser.error(str(error))


def _doors(
    mailroom: Mailroom, clock: Clock, chosen: argparse.Namespace
) -> AbstractContextManager[object]:
    if chosen.sftp is None and chosen.https is None:
        return nullcontext()
    # Imported late: a twin that only watches folders needs no servers.
    from deploy.twins.payer.doors.opening import opened

    return opened(mailroom, clock, sftp_port=chosen.sftp, https_port=chosen.https, host=chosen.host)


def _grammar() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="claimwire twin payer", description=__doc__)
    parser.add_argument("--root", type=Path, help="folder of the payers' mailboxes")
    parser.add_argument(
        "--scenario",
        default="everyday",
        help=f"what becomes of claims: a file, or one of {', '.join(shipped_names())}",
    )
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="decides every claim's outcome"
    )
    parser.add_argument("--delay", type=float, help="seconds to the 835, for the scenario's")
    parser.add_argument("--speed", type=float, help="how many times as fast as real the time runs")
    parser.add_argument("--sftp", type=int, metavar="PORT", help="open an SFTP door; 0: any port")
    parser.add_argument("--https", type=int, metavar="PORT", help="open an HTTPS door; 0: any port")
    parser.add_argument("--host", default="127.0.0.1", help="address of the doors")
    parser.add_argument("--poll", type=float, default=0.1, help="seconds between empty rounds")
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="DIR",
        help="write every scenario that comes with the twin, and their JSON Schema, and end",
    )
    parser.add_argument("--once", action="store_true", help="one round, then end")
    return parser


if __name__ == "__main__":
    main()
