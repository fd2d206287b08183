"""How a payer is reached, as data: a folder, an SFTP account, an HTTPS address. Secrets are named
by the files they stand in and never stand in a profile."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from services.submission.domain.checked import Checked
from shared.contract.claim import Code, Text

Seconds = Annotated[float, Field(gt=0, le=3600)]
RemoteFolder = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f*?]+$")]


class FolderChannel(Checked):
    """Two folders on a disk that both sides see."""

    kind: Literal["folder"] = "folder"
    root: Path | None = None
    """Holds `to-payer`, `from-payer`, `done`; `<CLAIMWIRE_TRANSPORT_DIR>/<name>` where absent."""


class SftpChannel(Checked):
    """An SFTP account of ours at the payer. The server's key is pinned: no other is spoken to."""

    kind: Literal["sftp"]
    host: Code
    port: int = Field(22, ge=1, le=65535)
    user: Code
    host_key: Annotated[str, Field(pattern=r"^(ssh-|ecdsa-|sk-)\S+ \S+")] | None = None
    """The server's public key as OpenSSH writes it: `ssh-ed25519 AAAA...`."""
    host_key_file: Path | None = None
    """A file with that line, instead."""
    private_key_file: Path | None = None
    passphrase_file: Path | None = None
    password_file: Path | None = None
    to_payer: RemoteFolder = "to-payer"
    from_payer: RemoteFolder = "from-payer"
    taken: RemoteFolder | None = None
    """Where the payer keeps what it took, if it shows it. Then what is nowhere was not taken."""
    done: RemoteFolder | None = None
    """Where answers that were read go; they are deleted where absent."""
    timeout_s: Seconds = 30.0

    @model_validator(mode="after")
    def _is_whole(self) -> "SftpChannel":
        if (self.host_key is None) == (self.host_key_file is None):
            raise ValueError("pin the server's key: one of host_key and host_key_file")
        if self.private_key_file is None and self.password_file is None:
            raise ValueError("say how to log in: private_key_file or password_file")
        return self


class OAuthClient(Checked):
    """OAuth 2 client credentials (RFC 6749, section 4.4)."""

    token_url: str
    client_id: Code
    client_secret_file: Path
    scope: Text | None = None

    @field_validator("token_url")
    @classmethod
    def _is_guarded(cls, url: str) -> str:
        return _guarded(url)


class HttpsChannel(Checked):
    """An address that takes interchanges and gives answers. `core` is the multipart envelope of the
    CAQH CORE Connectivity Rule; `json` the way of clearinghouses with an API of their own."""

    kind: Literal["https"]
    style: Literal["core", "json"]
    url: str
    """`core`: the one address of the envelope. `json`: what `/interchanges` is added to."""
    ca_file: Path | None = None
    """Certificates to trust for this payer, and no others; the system's where absent."""
    client_certificate_file: Path | None = None
    client_key_file: Path | None = None
    oauth: OAuthClient | None = None
    user: Code | None = None
    """UserName of the CORE envelope, or of HTTP Basic."""
    password_file: Path | None = None
    can_ask: bool = True
    """`core`: whether the payer answers if it has a PayloadID. Where it cannot, a sending that was
    interrupted waits for a person."""
    timeout_s: Seconds = 60.0

    @field_validator("url")
    @classmethod
    def _is_guarded(cls, url: str) -> str:
        return _guarded(url)

    @model_validator(mode="after")
    def _is_whole(self) -> "HttpsChannel":
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together")
        if self.style == "core" and self.user is None:
            raise ValueError("the CORE envelope needs user and password_file")
        return self


Channel = Annotated[FolderChannel | SftpChannel | HttpsChannel, Field(discriminator="kind")]


def _guarded(url: str) -> str:
    """The address, if nobody on the way can read what goes there."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("an address without user, password, query and fragment")
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/")
    if parts.scheme == "http" and _is_loopback(parts.hostname):
        return url.rstrip("/")
    raise ValueError("an https address (http only to this machine)")


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
