"""Wiring only: what coding reads and who decides."""

from pathlib import Path

from services.coding.domain.verdict import Ruleset
from services.coding.handlers import WANTED, CodingHandler
from services.coding.reference.library import Library
from shared.contract import topics
from shared.service import Service
from shared.settings import Settings

NAME = "coding"


def service(settings: Settings) -> Service:
    """The coding service."""
    library = Library(settings.reference_dir)
    key = settings.patient_hash_key.get_secret_value().encode()
    return Service(
        name=NAME,
        topics=(topics.CLAIMS_INTAKE, topics.CLAIMS_SUBMISSION, topics.CLAIMS_REMITTANCE),
        handler=CodingHandler(lambda: Ruleset(library.current()), key),
        schema_dir=Path(__file__).parent / "schema",
        event_types=WANTED,
    )
