"""What a light dataclass keeps of a frozen one when it runs."""

from dataclasses import dataclass as ordinary
from dataclasses import field, fields, replace

from shared.light import dataclass


@ordinary(frozen=True, slots=True)
class Heavy:
    name: str
    note: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Light:
    name: str
    note: str = field(default="", compare=False, repr=False)


def test_equality_hash_and_text_are_those_of_a_frozen_dataclass() -> None:
    assert Light("a", "1") == Light("a", "2") != Light("b")
    assert hash(Light("a", "1")) == hash(Heavy("a", "2"))
    assert repr(Light("a", "secret")) == "Light(name='a')"
    assert not hasattr(Light("a"), "__dict__")


def test_it_is_replaced_and_looked_into_like_any_dataclass() -> None:
    assert replace(Light("a"), name="b") == Light("b")
    assert [each.name for each in fields(Light)] == ["name", "note"]
