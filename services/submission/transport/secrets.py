"""Secrets of a transport, read from the files that its profile names, when a connection is made: a
key that was changed is used from the next connection on."""

from pathlib import Path

from services.submission.transport import TransportError


def secret(path: Path) -> str:
    """A file's text, without the newline at its end. Raises TransportError `secret-unreadable`."""
    return secret_bytes(path).decode("utf-8", "replace").rstrip("\r\n")


def secret_bytes(path: Path) -> bytes:
    """A file's bytes. Raises TransportError `secret-unreadable`, without the file's name."""
    try:
        return path.read_bytes()
    except OSError:
        raise TransportError("secret-unreadable") from None
