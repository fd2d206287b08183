"""The line under fire: whatever is killed, every claim and every cent is accounted for."""

import asyncio

import pytest

from deploy.local.apache_kafka import ApacheKafka
from deploy.local.kafka import EmbeddedKafka
from deploy.local.ports import answers
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.stack import Stack
from deploy.twins.daybook import Daybook
from tests.e2e.conftest import MakeStack
from tests.e2e.day import interrupted, live, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def kill_each_service(stack: Stack, book: Daybook) -> None:
    await until(lambda: len(book.states) > 20)
    for name in (
        "intake",
        "coding",
        "submission",
        "remittance",
        "payer-twin",
        "intake",
        "submission",
    ):
        stack.members[name].kill()
        await asyncio.sleep(1.5)


async def kill_the_database(stack: Stack, book: Daybook) -> None:
    await until(lambda: len(book.states) > 20)
    server = stack.postgres
    assert isinstance(server, EmbeddedPostgres)
    await asyncio.to_thread(server.kill)


async def kill_the_broker(stack: Stack, book: Daybook) -> None:
    # Every message is with intake: what was not is its publisher's to send again.
    await until(lambda: book.rejections >= book.expected_rejections > 0)
    broker = stack.broker
    assert isinstance(broker, EmbeddedKafka)
    await asyncio.to_thread(broker.kill)
    # The stack brings another, of which the audit asks the topics.
    port = int(broker.bootstrap_servers.rpartition(":")[2])
    await until(lambda: answers(port))


async def test_every_service_killed_while_claims_flow(make_stack: MakeStack) -> None:
    with make_stack("killed services") as stack:
        day = await live(stack, 300, seed=11, run="K", disturb=kill_each_service)
        assert stack.members["intake"].kept.revivals >= 1
    assert day.problems == []


@pytest.mark.kafka_only("embedded")
async def test_the_database_killed_while_claims_flow(make_stack: MakeStack) -> None:
    with make_stack("a killed database") as stack:
        day = await live(stack, 200, seed=12, run="P", disturb=kill_the_database)
    assert day.problems == []


@pytest.mark.kafka_only("embedded")
async def test_a_broker_that_loses_everything_loses_no_claim(make_stack: MakeStack) -> None:
    with make_stack("a killed broker") as stack:
        day = await live(stack, 200, seed=13, run="B", disturb=kill_the_broker, from_stores=True)
    assert day.problems == []


@pytest.mark.kafka_only("embedded")
async def test_a_stack_stopped_in_the_middle_goes_on_where_it_was(make_stack: MakeStack) -> None:
    with make_stack("a stop in the middle") as stack:
        day = await interrupted(stack, 200, seed=14, run="S")
    assert day.problems == []


@pytest.mark.kafka_only("apache3")
@pytest.mark.parametrize("node", [1, 2, 3])
async def test_any_one_of_three_brokers_killed_loses_nothing(
    make_stack: MakeStack, node: int
) -> None:
    async def kill_one(stack: Stack, book: Daybook) -> None:
        await until(lambda: len(book.states) > 20)
        broker = stack.broker
        assert isinstance(broker, ApacheKafka)
        await asyncio.to_thread(broker.kill_node, node)

    with make_stack(f"three brokers less {node}") as stack:
        day = await live(stack, 200, seed=14 + node, run=f"N{node}", disturb=kill_one)
    assert day.problems == []
