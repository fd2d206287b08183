"""What is known of the way to each payer, shared by all processes: its circuit and its pace."""

from datetime import datetime

from services.submission.domain.circuit import Circuit
from shared.database import Connection

_READ = "SELECT failures, retry_at, error, last_sent_at FROM payer_channel WHERE payer = $1"
_FAILED = """
INSERT INTO payer_channel (payer, failures, retry_at, error, failed_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (payer) DO UPDATE SET failures = excluded.failures, retry_at = excluded.retry_at,
    error = excluded.error, failed_at = excluded.failed_at
"""
_REACHED = """
INSERT INTO payer_channel (payer, contact_at) VALUES ($1, $2)
ON CONFLICT (payer) DO UPDATE SET failures = 0, retry_at = NULL, error = NULL,
    contact_at = excluded.contact_at
"""
_SENT = """
INSERT INTO payer_channel (payer, contact_at, last_sent_at) VALUES ($1, $2, $2)
ON CONFLICT (payer) DO UPDATE SET failures = 0, retry_at = NULL, error = NULL,
    contact_at = excluded.contact_at, last_sent_at = excluded.last_sent_at
"""


async def read(connection: Connection, payer: str) -> Circuit:
    """The circuit as whoever was there last has left it."""
    row = await connection.fetchrow(_READ, payer)
    return Circuit(*row) if row else Circuit()


async def keep_failure(connection: Connection, payer: str, circuit: Circuit, now: datetime) -> None:
    await connection.execute(_FAILED, payer, circuit.failures, circuit.retry_at, circuit.error, now)


async def keep_contact(connection: Connection, payer: str, now: datetime) -> None:
    """The payer was reached: its circuit is closed."""
    await connection.execute(_REACHED, payer, now)


async def keep_sending(connection: Connection, payer: str, now: datetime) -> None:
    """Something was sent: the pace counts from here."""
    await connection.execute(_SENT, payer, now)
