"""What is generated is up to date, and says what is true."""

import importlib
import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

from deploy import asyncapi, generate
from deploy.schemas import FOLDER, RELEASED, latest_release, read_folder, schemas
from services.coding.domain.payer_rules.distribution import Announcement
from services.coding.domain.payer_rules.pack import read_pack
from services.intake.domain.message import READERS
from services.intake.domain.sniff import FORMAT_BY_CONTENT_TYPE
from shared.contract.events import EVENT_TYPES
from shared.contract.topics import CLAIMS_INBOUND, RULES_PAYER, TOPICS
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
SCHEMAS = schemas()
README = "# Readme\n\n<!-- settings -->\nold\n<!-- /settings -->\n\nThe end.\n"


def test_committed_artifacts_are_those_of_todays_code() -> None:
    assert [str(path) for path in generate.outdated(ROOT)] == [], "run: python -m deploy.generate"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "README.md").write_text(README)
    return tmp_path


def test_generation_writes_everything_once(repository: Path) -> None:
    written = {str(path) for path in generate.write(repository)}
    assert {"README.md", "shared/contract/asyncapi.yaml"} < written
    assert len(written) == 2 + len(EVENT_TYPES) + 2 + len(generate.HTTP_ROUTES)
    assert generate.outdated(repository) == []
    assert generate.write(repository) == []


def test_a_changed_and_a_superfluous_file_are_out_of_date(repository: Path) -> None:
    generate.write(repository)
    (repository / FOLDER / "claim.json").write_text("{}")
    (repository / FOLDER / "claim.gone.v1.json").write_text("{}")
    assert {path.name for path in generate.outdated(repository)} == {
        "claim.json",
        "claim.gone.v1.json",
    }
    generate.write(repository)
    assert not (repository / FOLDER / "claim.gone.v1.json").exists()


def test_only_the_text_between_the_markers_of_the_readme_changes() -> None:
    text = generate.with_settings_table(README)
    assert text.startswith("# Readme\n\n<!-- settings -->\n| variable |")
    assert text.endswith("|\n<!-- /settings -->\n\nThe end.\n")
    assert "\nold\n" not in text
    assert generate.with_settings_table(text) == text
    assert generate.with_settings_table("no markers") == "no markers"


def test_a_release_keeps_the_schemas_of_its_day(repository: Path) -> None:
    generate.release(repository, "v0.9")
    generate.release(repository, "v0.10")
    assert latest_release(repository) == repository / RELEASED / "v0.10"
    assert read_folder(repository / RELEASED / "v0.10") == SCHEMAS
    assert generate.broken_promises(repository) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_a_valid_schema(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def types_in(value: Any) -> Iterator[str]:
    """Every `type` of a schema; a property that is itself named `type` holds a schema."""
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value["type"]
        for inner in value.values():
            yield from types_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from types_in(inner)


def test_money_and_quantities_are_strings_on_the_wire() -> None:
    types = set(types_in(list(SCHEMAS.values())))
    assert types == {"object", "array", "string", "integer", "boolean"}


# The AsyncAPI document ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / generate.ASYNCAPI).read_text())
    assert isinstance(loaded, dict)
    return loaded


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_another_implementation_reads_the_document(document: dict[str, Any]) -> None:
    read = ApplicationSchema.model_validate(document)
    assert set(read.channels) == {topic.name for topic in TOPICS}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    folder = (ROOT / generate.ASYNCAPI).parent
    for reference in references(document):
        if reference.startswith("#/"):
            target = document
            for part in reference[2:].split("/"):
                target = target[part]
            assert target
        else:
            assert (folder / reference).is_file(), reference


def test_every_event_type_travels_on_its_topic(document: dict[str, Any]) -> None:
    for row in EVENT_TYPES:
        assert row.name in document["channels"][row.topic]["messages"]
        schema = document["components"]["messages"][row.name]["payload"]["schema"]
        assert schema == {"$ref": f"./schemas/{row.name}.json"}
        assert f"{row.producer}.sends.{row.topic}" in document["operations"]


def test_topics_have_the_partitions_and_retention_of_the_table(document: dict[str, Any]) -> None:
    for topic in TOPICS:
        kafka = document["channels"][topic.name]["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        assert kafka["topicConfiguration"]["retention.ms"] == topic.retention_ms


def test_operations_are_well_formed(document: dict[str, Any]) -> None:
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]


@pytest.mark.parametrize("name", asyncapi.READS)
def test_a_service_reads_the_topics_that_the_document_says(name: str) -> None:
    service = importlib.import_module(f"services.{name}.app").service(Settings())
    assert set(service.topics) == set(asyncapi.READS[name])


def test_the_content_types_that_are_published_are_those_that_the_door_knows() -> None:
    published = {content_type for content_type, _ in asyncapi.RAW[CLAIMS_INBOUND].values()}
    assert published <= FORMAT_BY_CONTENT_TYPE.keys()
    assert {FORMAT_BY_CONTENT_TYPE[one] for one in published} == set(READERS)


def test_a_rule_packs_record_is_described_with_the_pack_in_it(document: dict[str, Any]) -> None:
    message = document["components"]["messages"]["rules.json"]
    assert message["payload"]["schema"] == {"$ref": f"./schemas/{RULES_PAYER}.json"}
    assert "coding.receives.rules.payer" in document["operations"]
    record = jsonschema.Draft202012Validator(SCHEMAS[RULES_PAYER])
    shapes = SCHEMAS[RULES_PAYER]["$defs"]
    pack = jsonschema.Draft202012Validator({"$ref": "#/$defs/Pack", "$defs": shapes})
    for path in (ROOT / "services/coding/packs").glob("*.yaml"):
        content = read_pack(path.read_text("utf-8")).canonical
        pack.validate(json.loads(content))
        for text in (content, None):
            said = Announcement("a-pack", "active", datetime(2026, 1, 1, tzinfo=UTC), "ada", text)
            record.validate(json.loads(said.value))
            assert re.match(message["bindings"]["kafka"]["key"]["pattern"], said.key.decode())
    assert not record.is_valid({"by": "ada", "content": None})
    assert not pack.is_valid({"pack": "a-pack", "version": 1, "title": "no rules", "rules": []})
