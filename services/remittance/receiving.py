"""An 835 that comes by HTTP: onto `payers.inbound`, through the outbox, and from there like any.

It is apart because remittance otherwise only reads that topic: the file must not depend on who
brought it, and what was answered with 202 must not be lost.
"""

from uuid import UUID, uuid4

from shared.contract.topics import PAYERS_INBOUND, TRANSACTIONS_HEADER
from shared.messaging import outbox
from shared.messaging.handler import RawMessage
from shared.service import Context
from shared.x12.answers.sniff import transactions_of


async def publish(context: Context, content: bytes, source: str) -> UUID | None:
    """The id under which the file was put into the outbox; None where it holds no 835."""
    transactions = transactions_of(content)
    if "835" not in transactions:
        return None
    message_id = uuid4()
    message = RawMessage(
        id=message_id,
        topic=PAYERS_INBOUND,
        key=str(message_id),
        value=content,
        headers=(
            ("ce_id", str(message_id).encode()),
            ("source", source.encode()),
            (TRANSACTIONS_HEADER, ",".join(sorted(transactions)).encode()),
        ),
    )
    async with context.pool.acquire() as connection, connection.transaction():
        await outbox.append(connection, [message])
    context.wake_relay()
    return message_id
