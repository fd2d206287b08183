"""Wiring of the remittance service."""

from pathlib import Path

from services.remittance.handlers import TOPICS, RemittanceHandler
from shared.service import Service
from shared.settings import Settings
from shared.telemetry.metrics import ServiceMetrics

NAME = "remittance"


def service(settings: Settings) -> Service:
    """The remittance service, with these settings."""
    key = settings.account_hash_key.get_secret_value().encode()
    return Service(
        name=NAME,
        topics=TOPICS,
        handler=RemittanceHandler(key, ServiceMetrics(NAME).posted),
        schema_dir=Path(__file__).parent / "schema",
        event_types=("claim.submitted.v1", "claim.acknowledged.v1"),
    )
