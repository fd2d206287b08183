"""`python -m deploy.secret_files`: the secrets that the compose file reads, made once.

Standard library only, so that it runs where nothing is installed but an engine for containers. A
file that is there stays as it is: passwords do not change under a database that knows them.
"""

import secrets
from pathlib import Path
from urllib.parse import quote

FOLDER = Path(__file__).parent / "secrets"
SERVICES = ("intake", "coding", "submission", "remittance")
ADDRESS = "postgres:5432/claimwire"


def write(folder: Path = FOLDER) -> list[str]:
    """Writes what is missing in the folder, which only its owner may enter; returns the names."""
    folder.mkdir(mode=0o700, exist_ok=True)
    written = _missing(folder, {"postgres_password": secrets.token_urlsafe(24)})
    administrator = quote((folder / "postgres_password").read_text().strip(), safe="")
    texts = {
        "admin_dsn": f"postgresql://postgres:{administrator}@{ADDRESS}",
        "account_hash_key": secrets.token_urlsafe(32),
        "patient_hash_key": secrets.token_urlsafe(32),
    }
    for service in SERVICES:
        login = f"claimwire_{service}:{secrets.token_urlsafe(24)}"
        texts[f"{service}_dsn"] = f"postgresql://{login}@{ADDRESS}"
    return written + _missing(folder, texts)


def _missing(folder: Path, texts: dict[str, str]) -> list[str]:
    written = []
    for name, text in texts.items():
        file = folder / name
        if not file.exists():
            file.write_text(text + "\n")
            # An engine mounts the file itself, and the user in the container is not its owner.
            file.chmod(0o444)
            written.append(name)
    return written


if __name__ == "__main__":
    print(f"written to {FOLDER}: {', '.join(write()) or 'nothing, all are there'}")  # noqa: T201
