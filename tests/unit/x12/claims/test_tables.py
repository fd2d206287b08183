"""The tables against the contract: every field they name is there, and nothing else is built."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contract.claim import Claim, ClaimKind, ServiceLine
from shared.x12.building import builder
from shared.x12.claims.reading import TABLES
from shared.x12.requirements import place_of
from shared.x12.table import Composite, HealthCodes, Loop, Repeat, Segment
from shared.x12.writer import field_names, part_fields
from tests.strategies import ClaimMaker, _levels, _model

KINDS: tuple[ClaimKind, ...] = ("professional", "institutional", "dental")
_BATCH = {
    "purpose",
    "batch_identifier",
    "batch_date",
    "batch_time",
    "level",
    "parent_level",
    "has_child",
}


def _unknown(loop: Loop, model: Any, path: str) -> Iterator[str]:
    """Fields that a table places and its model does not have."""
    for row in (loop.start, *loop.rows):
        if isinstance(row, Loop):
            inner = model if row.into is None else _model(model, row.into)
            yield from _unknown(row, inner, f"{path}/{row.id}")
            continue
        is_outer = isinstance(row, Segment) and row.outer
        for name in field_names(row):
            if name not in model.model_fields and name not in _BATCH and not is_outer:
                yield f"{path}/{row.id}: {name}"
        for into, names in _nested(row):
            inner = _model(Claim if isinstance(row, HealthCodes) else model, into)
            yield from (f"{path}/{row.id}: {n}" for n in names if n not in inner.model_fields)


def _nested(row: Segment | HealthCodes) -> Iterator[tuple[str, list[str]]]:
    """The fields of the nodes that a row puts inside of its loop's."""
    if isinstance(row, HealthCodes):
        for code in row.codes:
            yield from [(code.into, [*_names(code.parts), *code.says])] if code.parts else []
    elif row.into is not None:
        yield row.into, [*_names(row.parts), *_names(row.spread.parts if row.spread else {})]
    else:
        for part in row.parts.values():
            if isinstance(part, Repeat | Composite) and part.into is not None:
                yield part.into, _names(part.parts)


def _names(parts: Mapping[int, Any]) -> list[str]:
    return [name for part in parts.values() for name in part_fields(part)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_table_is_a_field_of_the_contract(kind: ClaimKind) -> None:
    assert list(_unknown(TABLES[kind].root, Claim, kind)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_claim_has_a_place_in_some_table(kind: ClaimKind) -> None:
    own = {"id", "revision", "kind", "source"}
    placed: set[str] = set()
    for table in TABLES.values():
        for loop in _levels(table.root).values():
            placed |= {name for row in [loop.start, *loop.rows] for name in field_names(row)}
    assert set(Claim.model_fields) - placed - own == set()


@pytest.mark.parametrize("kind", KINDS)
def test_building_gives_what_validation_gives(kind: ClaimKind) -> None:
    for seed in range(15):
        claim = ClaimMaker(seed, seed / 15).claim(kind)
        node = claim.model_dump()
        as_read = _listed({name: value for name, value in node.items() if value not in (None, ())})
        built = builder(Claim)(as_read)
        assert built == Claim.model_validate(as_read)
        assert list(vars(built)) == list(vars(claim))
        assert built.model_fields_set >= claim.model_fields_set


def _listed(value: Any) -> Any:
    """A dump as a node: lists for tuples, nothing where there is nothing."""
    if isinstance(value, dict):
        return {name: _listed(inner) for name, inner in value.items() if inner not in (None, ())}
    return [_listed(inner) for inner in value] if isinstance(value, tuple) else value


def test_building_refuses_what_is_missing_or_unknown() -> None:
    with pytest.raises(KeyError):
        builder(ServiceLine)({"number": 1})
    with pytest.raises(TypeError):
        builder(ServiceLine)({"number": 1, "charge": 1, "colour": "blue"})
    with pytest.raises(ValidationError):
        ServiceLine.model_validate({"number": 1})


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (("charge",), "CLM02"),
        (("facility_code",), "CLM05"),
        (("service_lines", 1, "charge"), "2400[2]/SV102"),
        (("service_lines", 0, "procedure", "code"), "2400[1]/SV101"),
        (("service_lines", 2, "adjudications", 0, "paid"), "2400[3]/2430[1]/SVD02"),
        (("diagnoses", 3, "code"), "HI"),
        (("prior_authorization",), "REF02"),
        (("rendering_provider", "npi"), "2310B/NM108"),
        (("colour",), None),
    ],
)
def test_a_field_path_is_told_in_the_standards_words(
    location: tuple[str | int, ...], place: str | None
) -> None:
    assert place_of(_levels(TABLES["professional"].root)["2300"], location) == place
