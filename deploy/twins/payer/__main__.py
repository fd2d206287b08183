"""`python -m deploy.twins.payer --root DIR --seed N` is a payer until SIGTERM or SIGINT."""

import argparse
import gc
import logging
import signal
import threading
from pathlib import Path

from deploy.twins.payer.scenario import DEFAULT_SEED
from deploy.twins.payer.watch import Mailroom, run


def main() -> None:
    """Entry point; logs to stderr, one line for each interchange, no claim's values."""
    parser = argparse.ArgumentParser(prog="deploy.twins.payer", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder of the payers' mailboxes")
    parser.add_argument(
        "--seed", type=int, default=DEFAULT_SEED, help="decides every claim's outcome"
    )
    parser.add_argument("--delay", type=float, default=1.0, help="seconds from the 999 to the 835")
    parser.add_argument("--poll", type=float, default=0.1, help="seconds between empty rounds")
    parser.add_argument("--once", action="store_true", help="one round, then end")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # A claim is hundreds of small values that live for one file: collecting rarely halves the work.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    mailroom = Mailroom(chosen.root, chosen.seed, chosen.delay)
    rounds = iter([False, True]) if chosen.once else None
    run(mailroom, chosen.poll, lambda: next(rounds) if rounds else stopping.is_set())


if __name__ == "__main__":
    main()
