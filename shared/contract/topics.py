"""Every topic, declared once. Deployment creates them from this table; nothing auto-creates."""

from dataclasses import dataclass

DAY_MS = 86_400_000
PARTITIONS = 12
"""For ever: the key decides the partition, and order per claim rests on it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's name, why it is there, and how long its facts are kept."""

    name: str
    summary: str
    retention_ms: int
    partitions: int = PARTITIONS
    is_compacted: bool = False


CLAIMS_INBOUND = "claims.inbound"
CLAIMS_INTAKE = "claims.intake"
CLAIMS_CODING = "claims.coding"
CLAIMS_SUBMISSION = "claims.submission"
CLAIMS_REMITTANCE = "claims.remittance"
PAYERS_INBOUND = "payers.inbound"
PAYMENTS_POSTED = "payments.posted"
CLAIMS_ACKNOWLEDGEMENTS = "claims.acknowledgements"
RULES_PAYER = "rules.payer"

TRANSACTIONS_HEADER = "x12-transactions"
"""On `payers.inbound`: which transactions a record holds (`835`, `999,TA1`), so that a service
passes over what is not its own without reading it. Optional: without it the value is looked at."""
PAYER_HEADER = "payer-profile"
"""On `payers.inbound`: whose mailbox the record came from. Optional."""

TOPICS = (
    Topic(CLAIMS_INBOUND, "What hospitals publish, in any format.", 14 * DAY_MS),
    Topic(CLAIMS_INTAKE, "Claims received, duplicates, and refusals at the door.", 30 * DAY_MS),
    Topic(CLAIMS_CODING, "Claims coded or held, with findings.", 30 * DAY_MS),
    Topic(CLAIMS_SUBMISSION, "Claims submitted, acknowledged, refused, overdue.", 30 * DAY_MS),
    Topic(CLAIMS_REMITTANCE, "The full story of each payer's answer.", 30 * DAY_MS),
    Topic(PAYERS_INBOUND, "What payers send: TA1, 999, 277CA, 277, 835, as it came.", 90 * DAY_MS),
    Topic(PAYMENTS_POSTED, "The public contract: postings without PHI.", 3650 * DAY_MS),
    Topic(CLAIMS_ACKNOWLEDGEMENTS, "999 and TA1 for those who send X12.", 14 * DAY_MS),
    Topic(RULES_PAYER, "Payer rule packs, newest of each.", -1, is_compacted=True),
)
