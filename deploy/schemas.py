"""JSON Schemas of what travels: one file per event type, the canonical claim's own, and that of
payers' rule packs.

They describe the wire, not the models' constructors: amounts and quantities are strings, what is
absent is left out and never null, and what has a default need not be there. Drawn from
`shared/contract`, committed under `shared/contract/schemas`, compared with the last release by
`deploy.compatibility`.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from services.coding.domain.payer_rules.distribution import RECORD
from services.coding.domain.payer_rules.pack import Pack
from shared.contract.claim import Claim
from shared.contract.events import EVENT_TYPES
from shared.contract.topics import RULES_PAYER

FOLDER = Path("shared/contract/schemas")
RELEASED = FOLDER / "released"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

JsonSchema = dict[str, Any]


class _WireSchema(GenerateJsonSchema):
    """Pydantic's schemas, as our wire has it."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        places = schema.get("decimal_places", 6)
        return {"type": "string", "pattern": rf"^-?\d+(\.\d{{1,{places}}})?$"}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None and "default_factory" not in schema:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def schema_of(model: type[BaseModel], name: str) -> JsonSchema:
    """The JSON Schema of a model's wire form, under an identifier of its own."""
    drawn = model.model_json_schema(schema_generator=_WireSchema)
    return {"$schema": DIALECT, "$id": f"urn:claimwire:{name}", **drawn}


def _rules_schema() -> JsonSchema:
    """The schema of a record on `rules.payer`, with that of the pack in it as `Pack`."""
    pack = schema_of(Pack, RULES_PAYER)
    shapes = pack.pop("$defs")
    head = {name: pack.pop(name) for name in ("$schema", "$id")}
    return {**head, **RECORD, "$defs": {**shapes, "Pack": pack}}


@cache
def schemas() -> Mapping[str, JsonSchema]:
    """Every schema by its name: the event types, `claim` and `rules.payer`. To be read, not
    changed."""
    drawn = {row.name: schema_of(row.model, row.name) for row in EVENT_TYPES}
    return {"claim": schema_of(Claim, "claim"), RULES_PAYER: _rules_schema(), **drawn}


def text_of(schema: JsonSchema) -> str:
    """A schema as it is committed: the same schema is always the same text."""
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_folder(folder: Path) -> dict[str, JsonSchema]:
    """The schemas of a folder by name."""
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))
    }


def latest_release(root: Path) -> Path | None:
    """The folder of the last released schemas, or None before the first release."""
    folders = [path for path in (root / RELEASED).glob("v*") if path.is_dir()]
    return max(folders, key=lambda path: _version(path.name), default=None)


def _version(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in name.removeprefix("v").split("."))
