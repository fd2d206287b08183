"""Copies of models: made by us, and in all that can be seen as pydantic makes them."""

import pytest
from pydantic import BaseModel

from shared.contract.claim import Claim, Procedure, ServiceLine
from shared.contract.model import Model, to_wire

LINE = ServiceLine(number=1, charge=12_500, procedure=Procedure(code="99213"))


def all_models(model: type[Model] = Model) -> list[type[Model]]:
    return [one for each in model.__subclasses__() for one in (each, *all_models(each))]


@pytest.mark.parametrize("update", [None, {}, {"charge": 100}, {"line_control_number": "L1"}])
def test_a_copy_is_the_one_that_pydantic_makes(update: dict[str, object] | None) -> None:
    before = to_wire(LINE)
    ours, theirs = LINE.model_copy(update=update), BaseModel.model_copy(LINE, update=update)
    assert ours == theirs
    assert ours.model_fields_set == theirs.model_fields_set
    assert to_wire(ours) == to_wire(theirs)
    assert to_wire(LINE) == before
    assert LINE.model_fields_set == {"number", "charge", "procedure"}


def test_a_deep_copy_has_parts_of_its_own() -> None:
    copy = LINE.model_copy(deep=True)
    assert copy == LINE
    assert copy.procedure is not LINE.procedure


def test_no_model_has_what_a_copy_leaves_out() -> None:
    assert Claim in all_models()
    for model in all_models():
        assert not model.__private_attributes__
        assert model.model_config["extra"] != "allow"
