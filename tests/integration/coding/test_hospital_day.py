"""A whole day of the hospital twin through the filters: every record ends as it was made to end."""

from collections import Counter
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest

from deploy.twins import hospital
from services.coding.domain.verdict import Ruleset
from services.coding.filter import code
from services.coding.reference.library import Library
from services.intake.filter import read

RULESET = Ruleset(Library().current())
NOW = datetime(2025, 3, 20, 12, tzinfo=UTC)
FATE_BY_EVENT = {
    "claim.coded.v1": "accepted",
    "claim.held.v1": "held",
    "claim.duplicated.v1": "duplicate",
    "claim.rejected.v1": "rejected",
    "message.rejected.v1": "rejected",
}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_record_of_a_day_ends_as_the_twin_meant_it(seed: int) -> None:
    states: dict[str, Any] = {}
    for message in hospital.day(seed, 200, today=NOW.date()):
        events = read(
            BytesIO(message.value),
            source=hospital.SOURCE,
            now=NOW,
            content_type=message.content_type,
            states=states,
        )
        fates = Counter(
            FATE_BY_EVENT[event.type] for event in code(events, now=NOW, ruleset=RULESET)
        )
        assert fates == Counter(record.fate for record in message.records), message.message_id
