"""The bytes of interchanges at rest: sealed under the installation's key where there is one, since
they are the one place in which submission keeps whole claims in a form that anyone can read."""

from dataclasses import dataclass, field
from io import BytesIO
from uuid import UUID

from shared import sealing
from shared.settings import Settings, decode_key


class NoKeyError(RuntimeError):
    """The bytes are sealed, and this process has no key to open them."""


@dataclass(frozen=True, slots=True)
class Vault:
    """Closes and opens what is kept. `key` None: as it is."""

    key: bytes | None = field(default=None, repr=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> "Vault":
        return cls(decode_key(settings.blob_key) if settings.blob_key else None)

    def close(self, interchange_id: UUID, content: bytes) -> tuple[bytes, bool]:
        """The bytes to keep, and whether they are sealed."""
        if self.key is None:
            return content, False
        return b"".join(sealing.seal((content,), self.key, _name(interchange_id))), True

    def open(self, interchange_id: UUID, content: bytes, *, is_sealed: bool) -> bytes:
        """The bytes as they were written. Raises NoKeyError, and SealError for another key."""
        if not is_sealed:
            return content
        if self.key is None:
            raise NoKeyError("the interchange is encrypted: set CLAIMWIRE_BLOB_KEY")
        stream = BytesIO(content)
        return b"".join(sealing.unseal(stream.read, self.key, _name(interchange_id)))


def _name(interchange_id: UUID) -> bytes:
    """Binds the sealed bytes to their interchange: they open under no other."""
    return f"interchange {interchange_id}".encode()
