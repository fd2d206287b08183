"""How a pack travels: one record on `rules.payer` per pack and state, the newest of each kept.

It is apart because the command line writes these records and every process of the service reads
them; the topic is compacted, so that a reader that comes late finds what is in force.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from services.coding.domain.payer_rules.pack import Pack, PackError
from services.coding.domain.payer_rules.trial import admitted

PackState = Literal["published", "active"]
"""`published` packs are known and judge nothing; an `active` one judges every claim it is about."""
STATES: tuple[PackState, ...] = ("published", "active")
MAX_NAME = 40
MAX_BY = 80
KEY_PATTERN = rf"^.{{1,{MAX_NAME}}}/({'|'.join(STATES)})$"
RECORD: dict[str, Any] = {
    "title": "Announcement",
    "description": "What one record says of the pack and the state that its key names. Of two with "
    "one key the later `at` counts.",
    "type": "object",
    "required": ["at", "by", "content"],
    "properties": {
        "at": {"type": "string", "format": "date-time"},
        "by": {"type": "string", "description": f"Who says it; {MAX_BY} characters are kept."},
        "content": {
            "description": "The pack, as JSON or YAML text; null withdraws it from the state.",
            "anyOf": [
                {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": {"$ref": "#/$defs/Pack"},
                },
                {"const": None},
            ],
        },
    },
}
"""The JSON Schema of a record's value; `Pack` is the pack's own."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What one record says. `content` is the pack's YAML; None withdraws it from the state."""

    pack: str
    state: PackState
    at: datetime
    by: str
    content: str | None

    @property
    def key(self) -> bytes:
        return f"{self.pack}/{self.state}".encode()

    @property
    def value(self) -> bytes:
        document = {"at": self.at.isoformat(), "by": self.by, "content": self.content}
        return json.dumps(document).encode()

    def admitted(self) -> Pack | None:
        """The pack, its tests passed; None where it is withdrawn. Raises PackError."""
        if self.content is None:
            return None
        pack = admitted(self.content)
        if pack.pack != self.pack:
            raise PackError([("pack", f"is {pack.pack}, and the record is about {self.pack}")])
        return pack


def announcement(key: bytes | None, value: bytes | None) -> Announcement | None:
    """What a record says; None for one that says nothing that can be understood."""
    try:
        pack, _, state = (key or b"").decode().rpartition("/")
        if state not in STATES or not pack or len(pack) > MAX_NAME:
            return None
        document = json.loads(value or b"")
        content = document["content"]
        at = datetime.fromisoformat(document["at"])
        if at.tzinfo is None or not (content is None or isinstance(content, str)):
            return None
        by = str(document["by"])[:MAX_BY]
        return Announcement(pack, "active" if state == "active" else "published", at, by, content)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
