"""Wiring only: what coding reads, who decides, and its HTTP API."""

from pathlib import Path

from services.coding.handlers import WANTED, CodingHandler
from services.coding.reference.library import Library
from services.coding.rulebook import Rulebook
from services.coding.rules_feed import follower
from shared.contract import topics
from shared.service import Service
from shared.settings import Settings

NAME = "coding"


def service(settings: Settings) -> Service:
    """The coding service."""
    rulebook = Rulebook(Library(settings.reference_dir).current)
    key = settings.patient_hash_key.get_secret_value().encode()
    return Service(
        name=NAME,
        topics=(topics.CLAIMS_INTAKE, topics.CLAIMS_SUBMISSION, topics.CLAIMS_REMITTANCE),
        handler=CodingHandler(rulebook, key),
        schema_dir=Path(__file__).parent / "schema",
        workers=(follower(rulebook),),
        event_types=WANTED,
    )
