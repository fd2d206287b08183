"""Says again what a broker that lost its data has lost: from the event logs, with the same ids.

The composition root calls it with a connection to each service's schema, since no service may read
another's. It is safe while services run: what the next service has is skipped by its inbox, and
what is put into an outbox twice is sent once. Run it before new work flows, where order across the
loss matters: what is said again goes out after what was said meanwhile.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from shared.contract.events import TYPE_BY_NAME
from shared.database import Connection
from shared.messaging import inbox

CHUNK = 2_000

_LOGGED = """
SELECT seq, event_id, type, topic FROM event
WHERE seq > $1 ORDER BY seq LIMIT $2
"""
_RESEND = "INSERT INTO outbox (seq) SELECT unnest($1::bigint[]) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class Participant:
    """A service, as recovery needs it: its schema's connection, what it reads, and which event
    types of that it takes (None: all)."""

    name: str
    connection: Connection
    topics: Collection[str]
    event_types: Collection[str] | None = None

    def takes(self, topic: str, event_type: str | None) -> bool:
        """Whether a message of this topic and type ends in this service's inbox."""
        if topic not in self.topics:
            return False
        is_event = event_type is not None and event_type in TYPE_BY_NAME
        return not is_event or self.event_types is None or event_type in self.event_types


@dataclass(frozen=True, slots=True)
class Said:
    seq: int
    event_id: UUID
    type: str | None
    topic: str


@dataclass(slots=True)
class Recovered:
    """Messages put back into the outboxes, by topic."""

    by_topic: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(self.by_topic.values())

    def add(self, topic_by_seq: Mapping[int, str]) -> None:
        for topic in topic_by_seq.values():
            self.by_topic[topic] = self.by_topic.get(topic, 0) + 1


async def recover(participants: Sequence[Participant], *, unread: bool = False) -> Recovered:
    """Puts back into each outbox what a service that reads it has not taken in.

    With `unread` also what no service of ours reads, from its start: for the systems downstream,
    of which nobody here knows what they have, when the broker came back empty.
    """
    recovered = Recovered()
    for producer in participants:
        after = 0
        while rows := await producer.connection.fetch(_LOGGED, after, CHUNK):
            said = [Said(*row) for row in rows]
            after = said[-1].seq
            lost = unread_of(participants, said) if unread else []
            for reader in participants:
                lost += await not_taken(reader, said)
            if lost:
                await producer.connection.execute(_RESEND, sorted({one.seq for one in lost}))
                recovered.add({one.seq: one.topic for one in lost})
    return recovered


def unread_of(participants: Sequence[Participant], said: Sequence[Said]) -> list[Said]:
    """What none of the services takes."""
    return [
        one for one in said if not any(reader.takes(one.topic, one.type) for reader in participants)
    ]


async def not_taken(reader: Participant, said: Sequence[Said]) -> list[Said]:
    """What this service reads and does not have. An event of ours is one unit; anything else is
    taken in when the mark behind its last unit is there."""
    lost: list[Said] = []
    for is_raw in (False, True):
        asked = [
            one
            for one in said
            if (one.type not in TYPE_BY_NAME) is is_raw and reader.takes(one.topic, one.type)
        ]
        if asked:
            ids = [one.event_id for one in asked]
            missing = await inbox.missing(reader.connection, ids, is_raw=is_raw)
            lost += [one for one in asked if one.event_id in missing]
    return lost
