"""Wiring only: what coding reads and who decides."""

from pathlib import Path

from services.coding.handlers import WANTED, CodingHandler
from shared.contract import topics
from shared.service import Service
from shared.settings import Settings

NAME = "coding"


def service(settings: Settings) -> Service:  # noqa: ARG001 - every service is made from settings
    """The coding service."""
    return Service(
        name=NAME,
        topics=(topics.CLAIMS_INTAKE, topics.CLAIMS_SUBMISSION, topics.CLAIMS_REMITTANCE),
        handler=CodingHandler(),
        schema_dir=Path(__file__).parent / "schema",
        event_types=WANTED,
    )
