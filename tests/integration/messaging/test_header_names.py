"""A record with a header name that is not UTF-8 stops nobody. No client of ours can send one."""

from typing import Any

import pytest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from tests.integration.messaging.desk import Desk

pytestmark = pytest.mark.kafka


class _Name(str):
    """A header name with bytes of its own."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe-name"


@pytest.mark.parametrize("codec", [0, 1], ids=["plain", "gzip"])
async def test_a_header_name_in_another_encoding_stops_nobody(desk: Desk, codec: int) -> None:
    first, second, *others = desk.make.good(4)
    batch = [first, second] if first.topic == second.topic else [first]

    sent = await desk.send_batch(batch, _builder(codec), extra=(_Name("x"), b"1"))
    sent += await desk.send([*([] if second in batch else [second]), *others])

    await desk.settled(sent)


def _builder(codec: int) -> Any:
    return _DefaultRecordBatchBuilderPy(
        2,
        codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
