"""Interchanges as they are kept: a control number taken, the bytes under it, in one transaction.

It is apart because claims and questions about claims (276) share the numbers of a pair of sender
and receiver: wherever an interchange comes from, its number comes from here.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.submission.domain.profile import Profile
from services.submission.vault import Vault
from shared.contract.envelope import business_id
from shared.database import Connection

_OPEN_NUMBERS = """
INSERT INTO control_number (sender, receiver, next_number) VALUES ($1, $2, 1) ON CONFLICT DO NOTHING
"""
_NEXT_NUMBER = """
SELECT next_number FROM control_number WHERE sender = $1 AND receiver = $2 FOR UPDATE
"""
_TAKE_NUMBER = """
UPDATE control_number SET next_number = next_number + 1 WHERE sender = $1 AND receiver = $2
"""
_KEEP = """
INSERT INTO interchange (interchange_id, payer, kind, sender, receiver, control_number, file_name,
                         content, is_sealed, claim_count, charge_cents, state, formed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'formed', $12)
"""
_CONTENT = "SELECT content, is_sealed FROM interchange WHERE interchange_id = $1"


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """An interchange that was written and is not kept yet."""

    kind: str
    content: bytes
    claims: int
    charge_cents: int

    @property
    def suffix(self) -> str:
        return "276" if self.kind == "inquiry" else "837"


async def next_number(connection: Connection, profile: Profile) -> int:
    """The control number that the pair of sender and receiver has next; locked until the commit."""
    ends = (profile.sender.identifier, profile.receiver.identifier)
    await connection.execute(_OPEN_NUMBERS, *ends)
    number: int = await connection.fetchval(_NEXT_NUMBER, *ends)
    return number


async def keep(
    connection: Connection,
    profile: Profile,
    number: int,
    draft: Draft,
    vault: Vault,
    now: datetime,
) -> UUID:
    """Takes the number and keeps the bytes under it, in one transaction of the caller's."""
    ends = (profile.sender.identifier, profile.receiver.identifier)
    interchange_id = business_id("interchange", *ends, number)
    content, is_sealed = vault.close(interchange_id, draft.content)
    await connection.execute(_TAKE_NUMBER, *ends)
    await connection.execute(
        _KEEP,
        interchange_id,
        profile.name,
        draft.kind,
        *ends,
        number,
        f"{interchange_id}.{draft.suffix}",
        content,
        is_sealed,
        draft.claims,
        draft.charge_cents,
        now,
    )
    return interchange_id


async def content_of(connection: Connection, interchange_id: UUID, vault: Vault) -> bytes:
    """The bytes of an interchange as they were written. Raises as `Vault.open` does, and
    LookupError where there is no such interchange."""
    row = await connection.fetchrow(_CONTENT, interchange_id)
    if row is None:
        raise LookupError("no such interchange")
    return vault.open(interchange_id, row[0], is_sealed=row[1])
