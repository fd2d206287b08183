"""The blob store on a real S3 server, set up by the documented variables alone."""

import base64
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest

from shared.blob_store import BlobStoreRefusedError
from shared.blobs import BlobError, Blobs, BlobStoreUnavailableError
from shared.settings import SettingsError, load
from tests.blob_passage import growth_mb
from tests.s3 import ACCOUNT, S3Server

KEY = base64.b64encode(bytes(range(32))).decode()
MISSING = f"ff/{'0' * 32}.bin"
SETTLED_S = 20.0


@pytest.fixture
def blobs(environment: dict[str, str]) -> Blobs:
    return Blobs.from_settings(load())


@pytest.fixture
def sealed(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Blobs:
    monkeypatch.setenv("CLAIMWIRE_BLOB_KEY", KEY)
    return Blobs.from_settings(load())


@pytest.fixture(params=["blobs", "sealed"])
def either(request: pytest.FixtureRequest) -> Blobs:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def stored(s3: S3Server) -> dict[str, int]:
    """Names and sizes of what is under the prefix."""
    listed = obstore.list(s3.bucket(), prefix="a/prefix").collect()
    return {row["path"].removeprefix("a/prefix/"): row["size"] for row in listed}


@pytest.mark.parametrize("size", [0, 1, 900_001, 12_000_000])
def test_a_body_comes_back_by_its_claim_check(either: Blobs, size: int) -> None:
    body = os.urandom(size)
    check = either.put(body)
    assert check.size == size
    assert either.get(check.ref, check.sha256) == body
    with either.open(check.ref, check.sha256) as stream:
        assert stream.read() == body


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "sealed"])
def test_a_hundred_megabytes_pass_without_being_held_in_memory(
    environment: dict[str, str], key: str | None
) -> None:
    assert growth_mb(environment | ({"CLAIMWIRE_BLOB_KEY": key} if key else {})) < 48


def test_blobs_lie_under_the_prefix_and_a_sealed_one_is_unreadable_there(
    s3: S3Server, sealed: Blobs
) -> None:
    check = sealed.put(b"invented patient " * 1000)
    assert stored(s3)[check.ref] > 17_000
    raw = bytes(obstore.get(s3.bucket(), f"a/prefix/{check.ref}").bytes())
    assert b"invented" not in raw
    obstore.put(s3.bucket(), f"a/prefix/{check.ref}", raw[:-1] + b"?")
    with pytest.raises(BlobError):
        sealed.get(check.ref, check.sha256)


def test_a_missing_blob_is_the_claim_checks_error(blobs: Blobs) -> None:
    with pytest.raises(BlobError, match="no such blob"):
        blobs.get(MISSING)


def test_a_missing_bucket_is_the_stores_error_and_no_blobs(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMWIRE_BLOB_URL", "s3://elsewhere")
    blobs = Blobs.from_settings(load())
    with pytest.raises(BlobStoreUnavailableError):
        blobs.get(MISSING)
    with pytest.raises(BlobStoreUnavailableError):
        blobs.put(b"body")


def test_wrong_credentials_are_named_as_such_and_not_shown(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    blobs = Blobs.from_settings(load())
    for attempt in (lambda: blobs.put(b"body"), lambda: blobs.get(MISSING)):
        with pytest.raises(BlobStoreRefusedError, match="credentials") as refused:
            attempt()
        assert "guessed" not in str(refused.value)
        assert ACCOUNT["AWS_ACCESS_KEY_ID"] not in str(refused.value)


def test_credentials_may_come_from_a_file(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    lines = [f"{name.lower()} = {value}" for name, value in ACCOUNT.items()]
    file.write_text("\n".join(["[default]", "aws_access_key_id = other", "[line]", *lines]))
    for name in ACCOUNT:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "line")
    blobs = Blobs.from_settings(load())
    assert blobs.get(blobs.put(b"body").ref) == b"body"
    file.unlink()
    with pytest.raises(BlobStoreRefusedError):
        Blobs.from_settings(load()).put(b"body")


@pytest.mark.parametrize(
    ("name", "value", "blamed"),
    [
        ("AWS_ALLOW_HTTP", "false", "AWS_ENDPOINT_URL: is plain HTTP"),
        ("CLAIMWIRE_BLOB_URL", "ftp://host/folder", "CLAIMWIRE_BLOB_URL"),
        ("CLAIMWIRE_BLOB_URL", "s3://", "CLAIMWIRE_BLOB_URL"),
    ],
)
def test_an_address_that_cannot_work_is_refused_at_start(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    blamed: str,
) -> None:
    monkeypatch.setenv(name, value)
    settings = load()
    with pytest.raises(SettingsError, match=blamed):
        Blobs.from_settings(settings)


def test_a_body_that_breaks_off_leaves_nothing_behind(s3: S3Server, blobs: Blobs) -> None:
    def breaking() -> Iterator[bytes]:
        yield bytes(12_000_000)
        raise RuntimeError("the sender went away")

    before = stored(s3)
    with pytest.raises(RuntimeError):
        blobs.put(breaking())
    assert stored(s3) == before


def test_old_blobs_expire_and_what_is_not_ours_stays(s3: S3Server, blobs: Blobs) -> None:
    check = blobs.put(b"body")
    obstore.put(s3.bucket(), "a/prefix/notes.txt", b"of somebody else")
    now = datetime.now(UTC)
    assert blobs.expire(now - timedelta(days=1)) == 0
    assert blobs.get(check.ref) == b"body"
    assert blobs.expire(now + timedelta(days=1)) >= 1
    assert stored(s3) == {"notes.txt": 16}
    with pytest.raises(BlobError, match="no such blob"):
        blobs.get(check.ref)


def test_a_renewed_blob_is_the_same_and_younger(s3: S3Server, either: Blobs) -> None:
    body = os.urandom(6_000_000)
    check = either.put(body)
    path = f"a/prefix/{check.ref}"
    stored_at = obstore.head(s3.bucket(), path)["last_modified"]
    assert not either.renew(check.ref, stored_at)
    time.sleep(1.0)  # the store's clock counts whole seconds
    assert either.renew(check.ref, stored_at + timedelta(seconds=1))
    assert obstore.head(s3.bucket(), path)["last_modified"] > stored_at
    assert either.get(check.ref, check.sha256) == body


def test_a_store_that_is_away_is_told_soon_and_used_again(s3: S3Server, blobs: Blobs) -> None:
    check = blobs.put(b"body")
    s3.kill()
    try:
        started = time.monotonic()
        for attempt in (lambda: blobs.put(b"more"), lambda: blobs.get(check.ref)):
            with pytest.raises(BlobStoreUnavailableError):
                attempt()
        with pytest.raises(BlobStoreUnavailableError):
            blobs.expire(datetime.now(UTC))
        assert time.monotonic() - started < SETTLED_S
    finally:
        s3.start()
    assert blobs.get(check.ref, check.sha256) == b"body"
