"""API keys: how they look, how they are kept, and the SQL for both.

A key is `cw_<key id>_<secret>`: the id is no secret and names the key in lists, the secret has 256
bits of the system's randomness, so that its SHA-256 is all that has to be kept of it and no slow
hash is needed to protect it.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.database import Connection

EVERYTHING = "*"
"""The scope that includes every other."""
REQUESTS_PER_MINUTE = 600

_KEY = re.compile(r"cw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key, its hash aside."""

    key_id: str
    name: str
    source: str
    scopes: tuple[str, ...]
    requests_per_minute: int
    created_at: datetime
    revoked_at: datetime | None


_COLUMNS = "key_id, name, source, scopes, requests_per_minute, created_at, revoked_at"


def new_key() -> str:
    """A key that nobody has had before."""
    return f"cw_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"


def parts(key: str) -> tuple[str, bytes] | None:
    """A key's id and the hash of its secret; None for a text that is no key of ours."""
    found = _KEY.fullmatch(key)
    return found and (found[1], hashlib.sha256(found[2].encode()).digest())


async def create(
    connection: Connection,
    key: str,
    *,
    name: str,
    source: str,
    scopes: Sequence[str],
    requests_per_minute: int = REQUESTS_PER_MINUTE,
) -> bool:
    """Makes this key valid; False where it is there already. Raises ValueError for no key."""
    split = parts(key)
    if split is None:
        raise ValueError("this is no key of new_key()")
    status = await connection.execute(
        "INSERT INTO api_key (key_id, secret_hash, name, source, scopes, requests_per_minute) "
        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        *split,
        name,
        source,
        list(scopes),
        requests_per_minute,
    )
    return status == "INSERT 0 1"


async def listed(connection: Connection) -> list[ApiKey]:
    """Every key, oldest first, the revoked among them."""
    rows = await connection.fetch(f"SELECT {_COLUMNS} FROM api_key ORDER BY created_at, key_id")  # noqa: S608
    return [ApiKey(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]


async def revoke(connection: Connection, key_id: str) -> bool:
    """Ends a key for good; False where there is none, or it is revoked already."""
    status = await connection.execute(
        "UPDATE api_key SET revoked_at = now() WHERE key_id = $1 AND revoked_at IS NULL", key_id
    )
    return status == "UPDATE 1"


async def find(connection: Connection, key: str) -> ApiKey | None:
    """The key behind this text, if it is one, its secret is right, and it is not revoked."""
    split = parts(key)
    if split is None:
        return None
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, secret_hash FROM api_key WHERE key_id = $1 AND revoked_at IS NULL",  # noqa: S608
        split[0],
    )
    if row is None:
        return None
    values = dict(row.items())
    if not hmac.compare_digest(values.pop("secret_hash"), split[1]):
        return None
    return ApiKey(**values | {"scopes": tuple(values["scopes"])})
