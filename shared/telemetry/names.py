"""Every name an operator can meet: spans, attributes, metrics, log fields. One list, so that
dashboards can rely on it and nothing leaves a process that was not agreed to be free of PHI.

A name not declared here is dropped on its way out, and so is a value that is not of its key's
kind: a claim id has to be a UUID, a word cannot hold spaces. Never add a key whose value comes from
inside a claim (names, member, account and control numbers, dates, codes).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\-]{0,119}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"[A-Za-z0-9_.:/\[\],\-]{1,400}")
_PROFILE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")


class Kind(Enum):
    """What a value must look like to leave the process."""

    UUID = "uuid"
    WORD = "word"
    WORDS = "words"
    NUMBER = "number"
    FLAG = "flag"
    ADDRESS = "address"
    PROFILE = "profile"
    SQLSTATE = "sqlstate"

    def admits(self, value: object) -> bool:
        """Whether a value is of this kind, exactly."""
        if self is Kind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        if self is Kind.FLAG:
            return isinstance(value, bool)
        if self is Kind.WORDS:
            return isinstance(value, tuple | list) and all(map(Kind.WORD.admits, value))
        return isinstance(value, str) and _PATTERNS[self].fullmatch(value) is not None


_PATTERNS = {
    Kind.WORD: _WORD,
    Kind.UUID: _UUID,
    Kind.ADDRESS: _ADDRESS,
    Kind.PROFILE: _PROFILE,
    Kind.SQLSTATE: _SQLSTATE,
}

# Spans -------------------------------------------------------------------------------------------

SPAN_DECIDE = "claim decide"
"""One per claim and service: the decision on one event."""
SPAN_BATCH = "batch decide"
"""One per transaction of the kernel, with a link to each recorded claim in it."""
SPAN_REPLAY = "parked replay"
"""A batch of parked records that were released."""
SPAN_INTERCHANGE = "interchange form"
"""Claims pending for a payer became an interchange."""
SPAN_SUBMIT = "claim submit"
"""One claim of an interchange that was sent."""
SPAN_MAILBOX = "mailbox read"
"""One file of a payer's mailbox was taken over."""
SPAN_WATCH = "acknowledgement watch"
"""The watchdog said that an answer is overdue."""
SPAN_ENCOUNTERS = "encounter watch"
"""A hold was over and a claim was made, or charges were said to be overdue."""
SPAN_WORKLIST = "worklist act"
"""A person worked on a claim of coding's worklist."""

SPANS = frozenset(
    {
        SPAN_DECIDE,
        SPAN_BATCH,
        SPAN_REPLAY,
        SPAN_INTERCHANGE,
        SPAN_SUBMIT,
        SPAN_MAILBOX,
        SPAN_WATCH,
        SPAN_ENCOUNTERS,
        SPAN_WORKLIST,
    }
)

# Attributes of spans -----------------------------------------------------------------------------

CLAIM_ID = "claimwire.claim.id"
OUTCOMES = "claimwire.outcomes"
"""The event types a decision said, or `parked`."""
FORCED = "claimwire.forced"
"""Recorded because of its outcome, not by the sampler."""
BATCH_SIZE = "messaging.batch.message_count"
INTERCHANGE_ID = "claimwire.interchange.id"
PAYER_PROFILE = "claimwire.payer.profile"
ERROR_TYPE = "error.type"

ATTRIBUTES: Mapping[str, Kind] = {
    CLAIM_ID: Kind.UUID,
    OUTCOMES: Kind.WORDS,
    FORCED: Kind.FLAG,
    BATCH_SIZE: Kind.NUMBER,
    INTERCHANGE_ID: Kind.UUID,
    PAYER_PROFILE: Kind.PROFILE,
    ERROR_TYPE: Kind.WORD,
}

PARKED = "parked"

ALWAYS_RECORDED = frozenset(
    {
        PARKED,
        "message.rejected.v1",
        "claim.rejected.v1",
        "claim.held.v1",
        "claim.refused.v1",
        "claim.denied.v1",
        "remittance.quarantined.v1",
        "acknowledgement.overdue.v1",
        "claim.filing-due.v1",
    }
)
"""Outcomes whose spans are recorded whatever the sampler said: somebody will want to know why."""

# Metrics -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's name, what it says, its labels, and the buckets of a histogram."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    summary: str
    labels: tuple[str, ...] = ("service",)
    buckets: tuple[float, ...] = ()


CONSUMER_LAG = Metric(
    "claimwire_consumer_lag_records",
    "gauge",
    "Records of a partition that the service has not yet committed.",
    ("service", "topic", "partition"),
)
BATCH_UNITS = Metric(
    "claimwire_batch_units",
    "histogram",
    "Units decided in one transaction.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 200, 350, 500),
)
BATCH_SECONDS = Metric(
    "claimwire_batch_seconds",
    "histogram",
    "Duration of a batch, from decoding to the commit of its transaction.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCH_RETRIES = Metric(
    "claimwire_batch_retries_total",
    "counter",
    "Batches tried again after a transient fault, by class of the fault.",
    ("service", "error"),
)
DUPLICATES = Metric(
    "claimwire_duplicates_total", "counter", "Units that the inbox had already seen."
)
EVENTS = Metric(
    "claimwire_events_total",
    "counter",
    "Events decided, by type: how many claims entered each state.",
    ("service", "type"),
)
OUTBOX_DEPTH = Metric("claimwire_outbox_depth", "gauge", "Events decided and not yet sent.")
OUTBOX_AGE = Metric(
    "claimwire_outbox_age_seconds", "gauge", "Age of the oldest event not yet sent."
)
RELAY_SENT = Metric(
    "claimwire_relay_sent_total",
    "counter",
    "Events sent and acknowledged by the broker, by topic.",
    ("service", "topic"),
)
PARKED_RECORDS = Metric(
    "claimwire_parked_records",
    "gauge",
    "Records in the parking table, by state.",
    ("service", "state"),
)
PARKINGS = Metric(
    "claimwire_parkings_total",
    "counter",
    "Records parked, by class of error.",
    ("service", "error"),
)
FUSE_OPEN = Metric(
    "claimwire_fuse_open", "gauge", "1 while the service has stopped consuming because of its fuse."
)
PAUSED = Metric(
    "claimwire_consumption_paused", "gauge", "1 while consumption waits for the outbox to drain."
)
MONEY_POSTED = Metric(
    "claimwire_money_posted_cents_total",
    "counter",
    "Money posted to the ledger in cents, by category.",
    ("service", "category"),
)
MONEY_REVERSED = Metric(
    "claimwire_money_reversed_cents_total",
    "counter",
    "Money taken back from the ledger by reversals in cents, by category.",
    ("service", "category"),
)

METRICS = (
    CONSUMER_LAG,
    BATCH_UNITS,
    BATCH_SECONDS,
    BATCH_RETRIES,
    DUPLICATES,
    EVENTS,
    OUTBOX_DEPTH,
    OUTBOX_AGE,
    RELAY_SENT,
    PARKED_RECORDS,
    PARKINGS,
    FUSE_OPEN,
    PAUSED,
    MONEY_POSTED,
    MONEY_REVERSED,
)

# Logs --------------------------------------------------------------------------------------------

LOG_FIELDS: Mapping[str, Kind] = {
    "claim_id": Kind.UUID,
    "interchange_id": Kind.UUID,
    "payer_profile": Kind.PROFILE,
    "partition": Kind.NUMBER,
    "offset": Kind.NUMBER,
    "count": Kind.NUMBER,
    "attempt": Kind.NUMBER,
    "error": Kind.WORD,
    "state": Kind.WORD,
    "address": Kind.ADDRESS,
}
"""What a log line may carry through `extra=`; anything else given there is dropped."""
