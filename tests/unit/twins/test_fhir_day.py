"""The hospital's FHIR: a day of it comes to what its book says, at the very door."""

import io
from collections import Counter
from datetime import UTC, date, datetime

from deploy.twins.hospital import day
from deploy.twins.publication import FHIR, SOURCE, Message
from services.intake.filter import read
from shared.contract.envelope import Event

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_OUTCOME = {
    "accepted": "claim.received.v1",
    "held": "claim.received.v1",
    "duplicate": "claim.duplicated.v1",
    "gathered": "encounter.recorded.v1",
}


def messages(seed: int) -> list[Message]:
    return list(day(seed, 400, today=TODAY, formats=("x12", "json", "fhir")))


def test_a_day_with_fhir_comes_to_what_its_book_says() -> None:
    states: dict[str, object] = {}
    kinds = Counter[str]()
    for message in messages(20261122):
        said: list[Event] = list(
            read(
                io.BytesIO(message.value),
                source=SOURCE,
                now=NOW,
                content_type=message.content_type,
                states=states,  # type: ignore[arg-type]
            )
        )
        kinds[message.content_type] += len(said)
        if not message.records:
            continue
        types = [event.type for event in said]
        if message.records[0].fate == "rejected":
            assert all(one in ("claim.rejected.v1", "message.rejected.v1") for one in types)
            continue
        expected = [_OUTCOME[one.fate] for one in message.records]
        assert types == expected + ["claim.received.v1"] * len(message.encounters)
    assert kinds[FHIR] > 30


def test_the_same_seed_is_the_same_fhir_byte_for_byte() -> None:
    assert messages(5) == messages(5)
    assert [one.value for one in messages(5)] != [one.value for one in messages(6)]
