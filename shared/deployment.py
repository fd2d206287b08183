"""`python -m shared.deployment`: what must be there before services start, made or brought in line.

Roles and schemas in PostgreSQL (as an administrator), topics in Kafka (from the declared table).
It may run any number of times; the services themselves have rights to neither.
"""

import asyncio
import logging
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared import settings as settings_module
from shared.database import bootstrap
from shared.messaging.topics import create_topics
from shared.settings import Settings, SettingsError
from shared.telemetry import logging as telemetry_logging

DSN_SUFFIX = "_dsn"

logger = logging.getLogger("claimwire.deployment")


async def deploy(settings: Settings) -> None:
    """Creates roles, schemas and topics. Raises SettingsError for what it has not been told."""
    if settings.postgres_admin_dsn is None or settings.service_dsn_dir is None:
        raise SettingsError(
            "CLAIMWIRE_POSTGRES_ADMIN_DSN, CLAIMWIRE_SERVICE_DSN_DIR: both are needed to deploy"
        )
    passwords = passwords_in(settings.service_dsn_dir)
    await bootstrap(settings.postgres_admin_dsn.get_secret_value(), list(passwords), passwords)
    logger.info("roles and schemas are there: %s", ", ".join(passwords))
    created = await create_topics(settings)
    logger.info("topics created: %s", ", ".join(created) or "none, all were there")


def passwords_in(folder: Path) -> dict[str, str]:
    """Each service's password, from the files `<service>_dsn`. Raises SettingsError."""
    passwords = {}
    for file in sorted(folder.glob(f"*{DSN_SUFFIX}")):
        service = file.name.removesuffix(DSN_SUFFIX)
        if service == "admin":
            continue
        password = urlsplit(file.read_text(encoding="utf-8").strip()).password
        if not password:
            raise SettingsError(f"CLAIMWIRE_SERVICE_DSN_DIR: {file.name} holds no password")
        passwords[service] = unquote(password)
    if not passwords:
        raise SettingsError("CLAIMWIRE_SERVICE_DSN_DIR: the folder has no file `<service>_dsn`")
    return passwords


def main() -> int:
    """Deploys by the environment's settings; 2 and a line that says why, where they will not do."""
    telemetry_logging.configure("deployment")
    try:
        asyncio.run(deploy(settings_module.load()))
    except SettingsError as error:
        logger.critical("%s", str(error))  # settings name variables, never their values
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
