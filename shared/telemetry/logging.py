"""Logs: one JSON object a line on stderr, with trace ids, and without what could be PHI.

A database's or a validator's error carries the values it refused, and so does an exception's text,
so none is written: an exception becomes its class, its SQLSTATE where it has one, and the places in
the code it passed. Messages must be constant texts with `%s` for counts and names; whatever else a
line should carry comes through `extra=` under a name of `names.LOG_FIELDS`.
"""

import errno
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from shared.telemetry import names, tracing

FRAMES_MAX = 12
CAUSES_MAX = 5
MESSAGE_MAX = 2_000

_LIBRARY_LEVELS = {
    # Each is heard from this level on; below it they write of single messages or requests.
    "aiokafka": logging.WARNING,
    "faststream": logging.WARNING,
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "uvicorn.access": logging.CRITICAL,
    "opentelemetry": logging.WARNING,
    "asyncio": logging.WARNING,
    "asyncpg": logging.WARNING,
}
_FIRST_LINE_ONLY = ("asyncio",)
"""Loggers whose further lines are the text of objects, exceptions among them."""


def configure(service: str, level: str = "INFO") -> None:
    """Sends every logger's lines to stderr as JSON, and uncaught exceptions with them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in list(logging.Logger.manager.loggerDict):
        adopt(logging.getLogger(name))
    for name, library_level in _LIBRARY_LEVELS.items():
        logging.getLogger(name).setLevel(max(library_level, root.level))
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def adopt(logger: logging.Logger) -> None:
    """Takes a library's own handlers away, so that its lines come out through ours alone."""
    logger.handlers.clear()
    logger.propagate = True


class JsonFormatter(logging.Formatter):
    """One log record as a line of JSON."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": message_of(record),
        }
        context = tracing.current()
        if context is not None:
            line["trace_id"], line["span_id"] = context
        line.update(_fields(record))
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = list(described(record.exc_info[1]))
        return json.dumps(line, separators=(",", ":"), ensure_ascii=False)


def message_of(record: logging.LogRecord) -> str:
    """A record's message, each exception in its arguments written as its class."""
    args = record.args
    try:
        text = str(_safe(record.msg))
        if isinstance(args, tuple) and args:
            text %= tuple(map(_safe, args))
        elif isinstance(args, Mapping) and args:
            text %= {name: _safe(value) for name, value in args.items()}
    except (TypeError, ValueError):
        text = "(a log line whose arguments do not fit its text)"
    if record.name in _FIRST_LINE_ONLY:
        text = text.partition("\n")[0]
    return text if len(text) <= MESSAGE_MAX else text[:MESSAGE_MAX] + "…"


def class_of(error: BaseException) -> str:
    """An error in words that hold none of its data: its class, and its SQLSTATE or errno's name."""
    name = type(error).__name__
    sqlstate = getattr(error, "sqlstate", None)
    if isinstance(sqlstate, str) and names.Kind.SQLSTATE.admits(sqlstate):
        return f"{name} {sqlstate}"
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        return f"{name} {errno.errorcode[error.errno]}"
    return name


def described(error: BaseException) -> Iterator[dict[str, object]]:
    """An exception and its causes: class and places, `file:line function`, innermost last."""
    seen: BaseException | None = error
    for _ in range(CAUSES_MAX):
        if seen is None:
            return
        frames = traceback.extract_tb(seen.__traceback__)[-FRAMES_MAX:]
        yield {
            "class": class_of(seen),
            "at": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
        }
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _safe(value: object) -> object:
    return class_of(value) if isinstance(value, BaseException) else value


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    for name, kind in names.LOG_FIELDS.items():
        value = record.__dict__.get(name)
        if value is not None:
            text = str(value) if kind is names.Kind.UUID else value
            if kind.admits(text):
                yield name, text


def _short(path: str) -> str:
    parts = path.replace("\\", "/").split("/")
    return "/".join(parts[-3:])


def _uncaught(
    error_type: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    if issubclass(error_type, KeyboardInterrupt):
        return
    logging.getLogger("claimwire").critical("uncaught", exc_info=(error_type, error, trace))


def _uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_value is not None:
        _uncaught(arguments.exc_type, arguments.exc_value, arguments.exc_traceback)
