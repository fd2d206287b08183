"""The stacks of the end-to-end tests: the whole line as processes, on the broker asked for."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.postgres_home import remove
from deploy.local.stack import Stack

MakeStack = Callable[[str], Stack]


@pytest.fixture
def make_stack(server_home: Path, kafka_kind: str, broker_cache: Path) -> Iterator[MakeStack]:
    """Makes stacks, each in a folder of its own with a space in its name, and stops them."""
    made: list[Stack] = []

    def make(name: str) -> Stack:
        stack = Stack(
            server_home / f"stack of {name}",
            kafka=kafka_kind,
            cache=broker_cache,
            environment={"CLAIMWIRE_TRACE_SAMPLE_RATIO": "0.05"},
        )
        made.append(stack)
        return stack

    yield make
    for stack in made:
        if stack.state != "down":
            stack.stop()
        remove(stack.folder.path / "postgres")
        shutil.rmtree(stack.folder.var_dir, ignore_errors=True)
