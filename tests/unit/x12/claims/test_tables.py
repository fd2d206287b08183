"""The tables against the contract: every field they name is there, and nothing else is built."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from shared.contract.claim import Claim, ClaimKind, ServiceLine
from shared.x12.building import builder
from shared.x12.claims.reading import TABLES
from shared.x12.requirements import place_of
from shared.x12.table import Composite, HealthCodes, Identifier, Loop, Repeat, Segment
from shared.x12.writer import field_names, part_fields
from tests.strategies import ClaimMaker, _levels, _model

KINDS: tuple[ClaimKind, ...] = ("professional", "institutional", "dental")
_BATCH = {"purpose", "batch_identifier", "batch_date", "batch_time", "level", "parent_level", "has_child"}


def _unknown(loop: Loop, model: Any, path: str) -> Iterator[str]:
    """Fields that a table places and its model does not have."""
    rows = [loop.start, *loop.rows]
    for row in rows:
        for name in field_names(row) if not isinstance(row, Loop) else ():
            is_outer = isinstance(row, Segment) and row.outer
            if name not in model.model_fields and name not in _BATCH and not is_outer:
                yield f"{path}/{row.id}: {name}"
        if isinstance(row, Loop):
            inner = model if row.into is None else _model(model, row.into)
            yield from _unknown(row, inner, f"{path}/{row.id}")
        elif isinstance(row, HealthCodes):
            for code in row.codes:
                if code.parts is not None:
                    inner = _model(Claim, code.into)
                    names = [n for part in code.parts.values() for n in part_fields(part)]
                    yield from (f"HI {n}" for n in [*names, *code.says] if n not in inner.model_fields)
        elif row.into is not None:
            inner = _model(model, row.into)
            parts = [*row.parts.values(), *(row.spread.parts.values() if row.spread else ())]
            for part in parts:
                yield from (n for n in part_fields(part) if n not in inner.model_fields)
        else:
            for part in row.parts.values():
                if isinstance(part, Repeat | Composite) and part.into is not None:
                    inner = _model(model, part.into)
                    names = [n for p in part.parts.values() for n in part_fields(p)]
                    yield from (n for n in names if n not in inner.model_fields)
                elif not isinstance(part, Identifier):
                    continue


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
