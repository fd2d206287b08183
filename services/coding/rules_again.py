"""What coding knows of payers' rule packs, said again to a broker that has lost it.

It is apart because the topic is otherwise only read here: whoever has a new database, or is new on
that broker, learns from the topic what is in force.
"""

from services.coding.domain.payer_rules.distribution import Announcement
from services.coding.rules_feed import announced, newer
from shared.contract.topics import RULES_PAYER
from shared.database import Connection
from shared.messaging import broker
from shared.settings import Settings

# A refusal is no withdrawal: what was refused has no content here, and is not ours to say.
_KNOWN = """
SELECT pack, state, at, by, content FROM payer_pack
WHERE content IS NOT NULL OR refusal IS NULL ORDER BY pack, state
"""


async def say_again(connection: Connection, settings: Settings) -> int:
    """Publishes what the topic lacks, as it was said the first time, and returns how many records
    that were. What the topic says later than this database knows stays what it is.

    Raises KafkaError without a broker.
    """
    if not await connection.fetchval("SELECT to_regclass('payer_pack') IS NOT NULL"):
        return 0
    rows = await connection.fetch(_KNOWN)
    if not rows:
        return 0
    there = await announced(settings)
    known = [Announcement(*row) for row in rows]
    missing = [said for said in known if newer(said, there.get(said.key))]
    if missing:
        producer = broker.producer(settings, "claimwire-rules")
        await producer.start()
        try:
            for said in missing:
                await producer.send_and_wait(RULES_PAYER, value=said.value, key=said.key)
        finally:
            await producer.stop()
    return len(missing)
