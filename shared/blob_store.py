"""Where blobs are kept: the store that `CLAIMWIRE_BLOB_URL` names, and what its errors mean.

Apart from `shared.blobs` because it is about places and accounts, not about bodies. Requests are
tried a few times only: whoever asks tries again, and must be able to stop meanwhile.
"""

import configparser
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from shared.settings import Settings, SettingsError

if TYPE_CHECKING:
    from obstore.store import ObjectStore, RetryConfig, S3Credential

RETRIES: "RetryConfig" = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
CREDENTIALS_FILE = "AWS_SHARED_CREDENTIALS_FILE"
REREAD_CREDENTIALS = timedelta(minutes=5)
"""A file's credentials may be rotated under a running process."""
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class BlobError(ValueError):
    """A claim check that cannot be honoured, now or later: no such blob, or not what it says."""


class BlobStoreUnavailableError(OSError):
    """The store did not answer, or not to us. Trying again may help, once it is mended."""


class BlobStoreRefusedError(BlobStoreUnavailableError):
    """The store does not take our credentials, or they may not do what was asked."""


def opened(settings: Settings) -> tuple["ObjectStore", Path | None]:
    """The store, and its folder where it is one of this machine.

    Raises SettingsError for an address nobody can serve.
    """
    from obstore.exceptions import BaseError
    from obstore.store import LocalStore, from_url

    url = settings.blob_url or ""
    address = urlsplit(url)
    if address.scheme in ("", "file"):
        folder = Path(unquote(address.path)) if address.path else settings.var_dir / "blobs"
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return LocalStore(folder), folder
    if address.scheme == "s3":
        _refuse_plain_http(os.environ)
    try:
        if address.scheme == "s3" and _are_in_a_file(os.environ):
            return from_url(url, retry_config=RETRIES, credential_provider=credentials), None
        return from_url(url, retry_config=RETRIES), None
    except (BaseError, ValueError):
        raise SettingsError("CLAIMWIRE_BLOB_URL: no store has this address") from None


def credentials() -> "S3Credential":
    """Those of `AWS_PROFILE` in the file that `AWS_SHARED_CREDENTIALS_FILE` names, as they are now.

    Raises OSError where the file cannot be read, KeyError where it does not hold them.
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(Path(os.environ[CREDENTIALS_FILE]).read_text())
    profile = parser[os.environ.get("AWS_PROFILE", "default")]
    return {
        "access_key_id": profile["aws_access_key_id"],
        "secret_access_key": profile["aws_secret_access_key"],
        "token": profile.get("aws_session_token"),
        "expires_at": datetime.now(UTC) + REREAD_CREDENTIALS,
    }


@contextmanager
def errors_of_ours(doing: str) -> Iterator[None]:
    """Makes the store's errors ours, and keeps out their texts, which may hold anything."""
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

    try:
        yield
    except FileNotFoundError:
        raise BlobStoreUnavailableError(
            f"{doing} failed: the blob store, or what was in it, is gone"
        ) from None
    except (PermissionDeniedError, UnauthenticatedError):
        raise BlobStoreRefusedError(f"{doing} failed: these credentials may not do that") from None
    except (BaseError, OSError) as error:
        raise BlobStoreUnavailableError(f"{doing} failed: {type(error).__name__}") from None


def _are_in_a_file(environment: Mapping[str, str]) -> bool:
    """Credentials of the environment go first, as with AWS's own tools."""
    return bool(environment.get(CREDENTIALS_FILE)) and not environment.get("AWS_ACCESS_KEY_ID")


def _refuse_plain_http(environment: Mapping[str, str]) -> None:
    is_allowed = environment.get("AWS_ALLOW_HTTP", "").lower() == "true"
    for name in _ENDPOINTS:
        if environment.get(name, "").startswith("http://") and not is_allowed:
            raise SettingsError(f"{name}: is plain HTTP, which AWS_ALLOW_HTTP=true would allow")
