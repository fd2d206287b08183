"""Which errors are the data's, which are the moment's, and how long to wait before trying again.

A fault of the data follows the unit wherever it goes, so the unit is parked. A fault of the moment
(a connection, a deadlock, a failover) is tried again for as long as it takes. What is neither, such
as a missing column, is a fault of the release: it is tried again too, and readiness turns red,
because parking would fill the lot with claims that have nothing wrong.
"""

import asyncio
import random
import traceback

import asyncpg

DATA_CLASSES = frozenset({"22", "23"})
"""SQLSTATE classes: data exception, integrity constraint violation."""

BACKOFF_FIRST_S = 0.1
BACKOFF_CAP_S = 15.0


def is_data_fault(error: Exception) -> bool:
    """Whether the error belongs to the units, not to the moment or the release."""
    if isinstance(error, asyncpg.PostgresError):
        return str(getattr(error, "sqlstate", None) or "")[:2] in DATA_CLASSES
    return not isinstance(error, (asyncpg.InterfaceError, OSError, asyncio.TimeoutError, EOFError))


def backoff_s(attempt: int) -> float:
    """How long to wait before the next attempt, counted from 0: doubled, capped and jittered."""
    ceiling = min(BACKOFF_CAP_S, BACKOFF_FIRST_S * 2.0 ** min(attempt, 30))
    return ceiling * random.uniform(0.5, 1.0)


async def wait_before_retry(attempt: int, stopping: asyncio.Event) -> bool:
    """Waits out the backoff; False, at once, when it is time to stop."""
    try:
        await asyncio.wait_for(stopping.wait(), backoff_s(attempt))
    except TimeoutError:
        return True
    return False


def error_class(error: BaseException) -> str:
    """The stable class of an error, for columns and metrics."""
    return type(error).__name__


def error_detail(error: BaseException) -> str:
    """Where an error came from and, for the database's, which rule it broke. Never a value."""
    if isinstance(error, asyncpg.PostgresError):
        names = ("sqlstate", "table_name", "column_name", "constraint_name")
        found = ((name, getattr(error, name, None)) for name in names)
        return ", ".join(f"{name}={value}" for name, value in found if value)
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    place = "/".join(frames[-1].filename.replace("\\", "/").split("/")[-3:])
    return f"{place}:{frames[-1].lineno} {frames[-1].name}"
