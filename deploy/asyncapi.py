"""The AsyncAPI 3.0 document: every topic, what travels on it, and which service says and reads it.

Drawn from the contract's tables rather than from the handlers, which take raw records and so show a
generator nothing. Payloads are references to the committed JSON Schemas.
"""

from collections.abc import Iterator
from typing import Any

from services.coding.domain.payer_rules.distribution import KEY_PATTERN
from shared.contract.events import EVENT_TYPES
from shared.contract.topics import (
    CLAIMS_ACKNOWLEDGEMENTS,
    CLAIMS_CODING,
    CLAIMS_INBOUND,
    CLAIMS_INTAKE,
    CLAIMS_REMITTANCE,
    CLAIMS_SUBMISSION,
    PAYERS_INBOUND,
    RULES_PAYER,
    TOPICS,
    Topic,
)

Document = dict[str, Any]

READS = {
    "intake": (CLAIMS_INBOUND,),
    "coding": (CLAIMS_INTAKE, CLAIMS_SUBMISSION, CLAIMS_REMITTANCE),
    "submission": (CLAIMS_CODING, CLAIMS_REMITTANCE, PAYERS_INBOUND),
    "remittance": (PAYERS_INBOUND, CLAIMS_SUBMISSION),
}
"""Which topics a service subscribes to: the picture of the line."""
FOLLOWS = {"coding": (RULES_PAYER,)}
"""Which every process of a service reads whole, from its start."""

RAW = {
    CLAIMS_INBOUND: {
        "claims.x12": ("application/edi-x12", "An X12 837 interchange, any number of claims."),
        "claims.json": ("application/json", "Canonical claims: one, an array, or in `claims`."),
        "claims.ndjson": ("application/x-ndjson", "Canonical claims, one a line."),
        "claims.hl7v2": ("x-application/hl7-v2+er7", "An HL7 v2 message."),
        "claims.fhir": (
            "application/fhir+json",
            "FHIR R4: a Claim, a Bundle of claims or of billable charges, or several, one a line.",
        ),
    },
    PAYERS_INBOUND: {
        "payers.x12": ("application/edi-x12", "A TA1, 999, 277CA, 277 or 835, as it came."),
    },
    CLAIMS_ACKNOWLEDGEMENTS: {
        "acknowledgements.x12": ("application/edi-x12", "A 999 or TA1 for a sender of X12."),
    },
    RULES_PAYER: {
        "rules.json": (
            "application/json",
            "A payer's rule pack, published, put in force or withdrawn by an operator's command.",
        )
    },
}
"""What travels as it is, by topic: message name, content type, summary."""
RAW_PRODUCER = {
    PAYERS_INBOUND: "submission",
    CLAIMS_ACKNOWLEDGEMENTS: "intake",
}

RULES = {
    CLAIMS_INBOUND: """

The rules of this door:

- `content-type` names the format, by one of the messages' content types (parameters are passed
  over). Without it, or under another name, the first bytes tell: `ISA`, `GS` or `ST` with a
  separator is X12; `MSH`, `FHS` or `BHS` is HL7 v2, with or without the frame of MLLP; `{` or `[`
  is JSON, which is FHIR where a `resourceType` stands in it, and NDJSON where a second object
  follows on a line of its own.
- `source` names the sender; without it the configured default does. Claims are told apart by
  source and the sender's own number for them.
- `message-id` is the sender's id of the message, for ever: the same id with the same value is the
  same message and changes nothing. Without it the value's SHA-256 stands in.
- Headers are UTF-8, at most 80 characters. The key is the sender's: messages of one key keep
  their order.
- What is larger than the broker takes is left in the blob store: `ce_dataref`, `ce_datasize` and
  `ce_datahash` are sent, and the value is empty.
- Every record is answered on `claims.intake`, and X12 with a 999 on `claims.acknowledgements`.
""",
    CLAIMS_ACKNOWLEDGEMENTS: """

A 999 for each interchange of a message of X12, and a TA1 where its ISA14 asked for one. `source` is
the message's, `message-id` the id that events call its message by; `x12-transactions` says which
of the two it is.
""",
}
"""What stands in a channel's description behind its summary."""

_RAW_SCHEMAS = {"claims.json": "claim", "rules.json": RULES_PAYER}
_RAW_TYPES = {"application/json": "object", "application/fhir+json": "object"}
"""What a value is where it is no plain text."""


def document(version: str) -> Document:
    """The whole document, as plain values."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Claimwire",
            "version": version,
            "description": "Hospitals publish claims to `claims.inbound`; downstream systems read "
            "`payments.posted`. The other topics are the line's own and carry PHI.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": dict(_messages()),
            "messageTraits": {
                "cloudEvent": {
                    "headers": _headers(_CLOUD_EVENT_HEADERS, _CLOUD_EVENT_REQUIRED),
                    "bindings": {"kafka": {"key": _KEY}},
                },
                "raw": {"headers": _headers(_RAW_HEADERS, ())},
            },
        },
    }


_KEY = {
    "type": "string",
    "format": "uuid",
    "description": "The claim's id, or the message's or remittance's where no claim is meant. "
    "Decides the partition; order holds per key.",
}

_TRACE_HEADER = {"type": "string", "description": "W3C trace context."}
_CLAIM_CHECK_HEADERS = {
    "ce_dataref": {
        "type": "string",
        "description": "Where the body is, when it is too large for the broker; the value is then "
        "empty.",
    },
    "ce_datasize": {"type": "string", "pattern": r"^\d+$", "description": "Its size in bytes."},
    "ce_datahash": {"type": "string", "description": "Its SHA-256, in hex."},
}
_CLOUD_EVENT_HEADERS = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {
        "type": "string",
        "format": "uuid",
        "description": "The event's id: the same event again has the same id.",
    },
    "ce_source": {"type": "string", "description": "Who says it."},
    "ce_type": {"type": "string", "description": "The event type's name."},
    "ce_time": {"type": "string", "format": "date-time"},
    "ce_subject": {"type": "string", "description": "The claim's id, as the key."},
    "ce_sequence": {"type": "string", "pattern": r"^\d+$", "description": "The claim's revision."},
    "ce_causationid": {
        "type": "string",
        "format": "uuid",
        "description": "The event that led to this one.",
    },
    "content-type": {"type": "string"},
    "traceparent": _TRACE_HEADER,
    **_CLAIM_CHECK_HEADERS,
}
_CLOUD_EVENT_REQUIRED = (
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_sequence"),
    "content-type",
)
_RAW_HEADERS = {
    "content-type": {"type": "string", "description": "What the value is; guessed when absent."},
    "source": {"type": "string", "description": "The sender's configured name."},
    "message-id": {
        "type": "string",
        "description": "The sender's id of the message: the same id again is the same message.",
    },
    "submission": {
        "type": "string",
        "description": "Any value: what becomes of each record is kept for its sender to ask.",
    },
    "x12-transactions": {
        "type": "string",
        "description": "Which X12 transactions the value holds.",
    },
    "traceparent": _TRACE_HEADER,
    **_CLAIM_CHECK_HEADERS,
}


def _headers(properties: Document, required: tuple[str, ...]) -> Document:
    headers: Document = {"type": "object", "properties": properties}
    return headers | {"required": list(required)} if required else headers


def _channel(topic: Topic) -> Document:
    names = [row.name for row in EVENT_TYPES if row.topic == topic.name]
    names += RAW.get(topic.name, {})
    return {
        "address": topic.name,
        "description": topic.summary + RULES.get(topic.name, "").rstrip(),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {
                    "cleanup.policy": ["compact" if topic.is_compacted else "delete"],
                    "retention.ms": topic.retention_ms,
                },
            }
        },
    }


_RAW_TRAIT = {"traits": [{"$ref": "#/components/messageTraits/raw"}]}
_PACK_KEY = {
    "bindings": {
        "kafka": {
            "key": {
                "type": "string",
                "pattern": KEY_PATTERN,
                "description": "The pack's name and the state: the newest record of each is kept.",
            }
        }
    }
}


def _messages() -> Iterator[tuple[str, Document]]:
    for row in EVENT_TYPES:
        yield (
            row.name,
            {
                "name": row.name,
                "summary": _first_line(row.model.__doc__),
                "contentType": "application/json",
                "payload": _payload(row.name),
                "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
            },
        )
    for topic, raw in RAW.items():
        for name, (content_type, summary) in raw.items():
            message: Document = {
                "name": name,
                "summary": summary,
                "contentType": content_type,
                **(_PACK_KEY if topic == RULES_PAYER else _RAW_TRAIT),
                "payload": _payload(_RAW_SCHEMAS[name])
                if name in _RAW_SCHEMAS
                else {"type": _RAW_TYPES.get(content_type, "string")},
            }
            yield name, message


def _operations() -> Iterator[tuple[str, Document]]:
    for service, topics in READS.items():
        for topic in (*topics, *FOLLOWS.get(service, ())):
            yield f"{service}.receives.{topic}", _operation("receive", service, topic)
        said = dict.fromkeys(row.topic for row in EVENT_TYPES if row.producer == service)
        said.update({topic: None for topic, name in RAW_PRODUCER.items() if name == service})
        for topic in said:
            yield f"{service}.sends.{topic}", _operation("send", service, topic)


def _operation(action: str, service: str, topic: str) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "tags": [{"name": service}],
    }


def _payload(schema: str) -> Document:
    return {
        "schemaFormat": "application/schema+json;version=2020-12",
        "schema": {"$ref": f"./schemas/{schema}.json"},
    }


def _first_line(text: str | None) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((text or "").partition("\n\n")[0].split())
