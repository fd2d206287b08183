"""The blob store on a real folder."""

import base64
import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.blobs import BlobError, Blobs, BlobStoreUnavailableError
from shared.settings import Settings
from tests.blob_passage import growth_mb

KEY = base64.b64encode(bytes(range(32))).decode()


def folder_store(folder: Path, key: str | None = None) -> Blobs:
    return Blobs.from_settings(
        Settings(blob_url=folder.as_uri(), blob_key=SecretStr(key) if key else None)
    )


@pytest.fixture(params=[None, KEY], ids=["plain", "sealed"])
def key(request: pytest.FixtureRequest) -> str | None:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def blobs(tmp_path: Path, key: str | None) -> Blobs:
    return folder_store(tmp_path / "a folder", key)


@pytest.mark.parametrize("size", [0, 1, 65_536, 3_000_000])
def test_a_body_comes_back_by_its_claim_check(blobs: Blobs, size: int) -> None:
    body = os.urandom(size)
    check = blobs.put(body)
    assert check.size == size
    assert check.sha256 == hashlib.sha256(body).hexdigest()
    assert blobs.get(check.ref, check.sha256) == body
    with blobs.open(check.ref, check.sha256) as stream:
        assert stream.read() == body


def test_files_and_iterables_are_stored_as_bytes_are(blobs: Blobs, tmp_path: Path) -> None:
    body = os.urandom(2_500_000)
    (tmp_path / "body").write_bytes(body)
    with (tmp_path / "body").open("rb") as stream:
        from_file = blobs.put(stream)
    from_parts = blobs.put(body[start : start + 999] for start in range(0, len(body), 999))
    assert blobs.get(from_file.ref, from_file.sha256) == body
    assert blobs.get(from_parts.ref, from_parts.sha256) == body


def test_lines_can_be_read_from_an_open_blob(blobs: Blobs) -> None:
    check = blobs.put(b"one\ntwo\n" * 50_000)
    with blobs.open(check.ref) as stream:
        assert stream.readline() == b"one\n"
        assert sum(1 for _ in stream) == 99_999


async def test_bodies_can_be_stored_and_read_without_blocking_the_loop(blobs: Blobs) -> None:
    check = await blobs.put_async(b"body")
    assert await blobs.get_async(check.ref, check.sha256) == b"body"


def test_a_missing_blob_is_an_error_that_says_so(blobs: Blobs) -> None:
    with pytest.raises(BlobError, match="no such blob"):
        blobs.get(f"ff/{'0' * 32}.bin")


@pytest.mark.parametrize(
    "ref", ["../../etc/passwd", "/etc/passwd", "", "ab/../cd.bin", "http://host/x", "ab/x.bin"]
)
def test_a_reference_to_anywhere_else_is_refused(blobs: Blobs, ref: str) -> None:
    with pytest.raises(BlobError, match="no reference"):
        blobs.open(ref)


def test_a_body_that_is_not_the_published_one_is_refused(blobs: Blobs) -> None:
    check = blobs.put(b"body")
    other = blobs.put(b"another body")
    with pytest.raises(BlobError, match="datahash"):
        blobs.get(other.ref, check.sha256)
    with blobs.open(other.ref, check.sha256) as stream, pytest.raises(BlobError, match="datahash"):
        stream.read()


def test_a_changed_file_is_refused(blobs: Blobs, tmp_path: Path) -> None:
    check = blobs.put(os.urandom(200_000))
    path = tmp_path / "a folder" / check.ref
    content = bytearray(path.read_bytes())
    content[100_000] ^= 1
    path.write_bytes(content)
    with pytest.raises(BlobError):
        blobs.get(check.ref, check.sha256)


def test_a_cut_off_file_is_refused(blobs: Blobs, tmp_path: Path) -> None:
    check = blobs.put(os.urandom(200_000))
    path = tmp_path / "a folder" / check.ref
    os.truncate(path, 150_000)
    with pytest.raises(BlobError):
        blobs.get(check.ref, check.sha256)


def test_a_sealed_blob_is_unreadable_on_disk_and_without_the_key(tmp_path: Path) -> None:
    check = folder_store(tmp_path, KEY).put(b"invented patient " * 1000)
    assert b"invented" not in (tmp_path / check.ref).read_bytes()
    with pytest.raises(BlobError, match="CLAIMWIRE_BLOB_KEY"):
        folder_store(tmp_path).get(check.ref)
    with pytest.raises(BlobError):
        folder_store(tmp_path, base64.b64encode(bytes(32)).decode()).get(check.ref)


def test_a_sealed_blob_under_another_name_is_refused(tmp_path: Path) -> None:
    blobs = folder_store(tmp_path, KEY)
    check, other = blobs.put(b"one"), blobs.put(b"two")
    (tmp_path / check.ref).write_bytes((tmp_path / other.ref).read_bytes())
    with pytest.raises(BlobError):
        blobs.get(check.ref)


def test_plain_blobs_stay_readable_after_a_key_is_set(tmp_path: Path) -> None:
    check = folder_store(tmp_path).put(b"body")
    assert folder_store(tmp_path, KEY).get(check.ref, check.sha256) == b"body"


def test_a_body_that_breaks_off_leaves_nothing_behind(blobs: Blobs, tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield bytes(12_000_000)
        raise RuntimeError("the sender went away")

    with pytest.raises(RuntimeError):
        blobs.put(breaking())
    assert [path for path in (tmp_path / "a folder").rglob("*") if path.is_file()] == []


def test_a_store_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    blobs = folder_store(tmp_path / "store")
    (tmp_path / "store").rmdir()
    (tmp_path / "store").write_bytes(b"a file where the folder was")
    with pytest.raises(BlobStoreUnavailableError):
        blobs.put(b"body")


def test_old_blobs_expire_and_others_stay(blobs: Blobs) -> None:
    check = blobs.put(b"body")
    now = datetime.now(UTC)
    assert blobs.expire(now - timedelta(days=1)) == 0
    assert blobs.get(check.ref) == b"body"
    assert blobs.expire(now + timedelta(days=1)) == 1
    with pytest.raises(BlobError, match="no such blob"):
        blobs.get(check.ref)


def test_a_renewed_blob_does_not_expire(blobs: Blobs, tmp_path: Path) -> None:
    check, other = blobs.put(b"body"), blobs.put(b"another")
    for one in (check, other):
        os.utime(tmp_path / "a folder" / one.ref, (0, 0))
    then = datetime(2026, 1, 1, tzinfo=UTC)
    assert blobs.renew(check.ref, then)
    assert not blobs.renew(check.ref, then)
    assert blobs.expire(then) == 1
    assert blobs.get(check.ref, check.sha256) == b"body"
    with pytest.raises(BlobError, match="no such blob"):
        blobs.renew(other.ref, then)


def test_files_of_others_do_not_expire(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("of somebody else")
    assert folder_store(tmp_path).expire(datetime.now(UTC) + timedelta(days=1)) == 0
    assert (tmp_path / "notes.txt").exists()


def test_the_default_store_is_a_folder_in_var(tmp_path: Path) -> None:
    check = Blobs.from_settings(Settings(var_dir=tmp_path)).put(b"body")
    assert (tmp_path / "blobs" / check.ref).read_bytes() == b"body"


def test_a_hundred_megabytes_pass_without_being_held_in_memory(tmp_path: Path) -> None:
    assert growth_mb({"CLAIMWIRE_BLOB_URL": tmp_path.as_uri(), "CLAIMWIRE_BLOB_KEY": KEY}) < 48
