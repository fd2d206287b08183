"""What the doors prove themselves by and what clients log in with: made at the first start, kept in
`<root>/.twin`, readable by their owner alone."""

import ipaddress
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from pathlib import Path

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.twins.payer.clock import FOLDER

_VALID_FOR = timedelta(days=3650)
_HOSTS = ("localhost",)
_ADDRESSES = ("127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Keys:
    """The files of one twin."""

    folder: Path

    @staticmethod
    def of(root: Path) -> "Keys":
        """The root's keys; what is missing is made."""
        keys = Keys(root / FOLDER)
        keys.folder.mkdir(parents=True, exist_ok=True)
        keys.folder.chmod(0o700)
        for name in ("password", "client_secret"):
            if not (keys.folder / name).exists():
                _write(keys.folder / name, (secrets.token_urlsafe(24) + "\n").encode())
        if not keys.authorized_keys.exists():
            _write(keys.authorized_keys, b"")
        if not keys.host_key.exists():
            _make_host_key(keys)
        if not keys.certificate.exists():
            _make_certificate(keys)
        return keys

    @property
    def host_key(self) -> Path:
        return self.folder / "ssh_host_key"

    @property
    def authorized_keys(self) -> Path:
        return self.folder / "authorized_keys"

    @property
    def certificate(self) -> Path:
        return self.folder / "https_cert.pem"

    @property
    def certificate_key(self) -> Path:
        return self.folder / "https_key.pem"

    def is_secret(self, name: str, said: str) -> bool:
        """Whether `said` is the secret in this file."""
        known = (self.folder / name).read_text().strip()
        return compare_digest(known.encode(), said.encode())


def _make_host_key(keys: Keys) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    _write(keys.folder / "ssh_host_key.pub", key.export_public_key())
    _write(keys.host_key, key.export_private_key())


def _make_certificate(keys: Keys) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "claimwire payer twin")])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in _HOSTS]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in _ADDRESSES]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write(
        keys.certificate_key,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    _write(keys.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    """Complete or not at all, and never readable by others."""
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.rename(path)
