"""From a table's nodes to frozen values, without the price of a frozen dataclass's constructor.

It is apart because it is the one place that leans on how Python keeps an object's fields: those of
a dataclass without slots are its `__dict__`, which is given to it whole, the defaults and over them
the node. That is several times as fast as calling the constructor, and an 835 makes thirty values a
claim.
"""

from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.contract.claim import Address, Contact, Procedure
from shared.x12.segments import Node

Value = TypeVar("Value")

MAX_CODE = 80
"""What a `Code` of the contract holds."""

_new = object.__new__
_set = object.__setattr__


_DEFAULTS: dict[type, Node] = {}


def _defaults(kind: type[Any]) -> Node:
    known = _DEFAULTS.get(kind)
    if known is None:
        known = _DEFAULTS[kind] = {field.name: field.default for field in fields(kind)}
    return known


def adopt(kind: type[Value], node: Node) -> Value:
    """A value of this frozen dataclass with the node's fields, and its own defaults for the rest;
    every field of `kind` that a node may lack needs a default, and not one that a factory makes."""
    value = _new(kind)
    _set(value, "__dict__", {**_defaults(kind), **node})
    return value


def adopt_all(kind: type[Value], nodes: Iterable[Node]) -> tuple[Value, ...]:
    """`adopt` for each, in order."""
    defaults = _defaults(kind)
    values = []
    for node in nodes:
        value = _new(kind)
        _set(value, "__dict__", {**defaults, **node})
        values.append(value)
    return tuple(values)


@lru_cache(8_192)
def _procedure(
    qualifier: str, code: str, modifiers: tuple[str, ...], description: str | None
) -> Procedure:
    return Procedure(qualifier=qualifier, code=code, modifiers=modifiers, description=description)


_OTHER_SEPARATORS = ">:^|<\\"


def procedure_of(node: Node) -> Procedure | None:
    """The procedure of a composite's node; None where a component is longer than any code.

    Some payers separate these components by another character than ISA16 says: a qualifier that
    holds one is taken apart at it.
    """
    qualifier, code = node.get("qualifier", ""), node.get("code", "")
    modifiers = tuple(node.get("modifiers", ()))
    separator = qualifier[2:3]
    if not code and separator and separator in _OTHER_SEPARATORS:
        qualifier, code, *rest = qualifier.split(separator)
        modifiers = tuple(modifier for modifier in rest[:4] if modifier)
    try:
        return _procedure(qualifier, code, modifiers, node.get("description"))
    except ValidationError:
        return None


def contacts_of(nodes: Iterable[Node]) -> tuple[Contact, ...]:
    """PER segments; one that the contract cannot hold is left out."""
    contacts = []
    for node in nodes:
        numbers = [pair for pair in node.get("numbers", ()) if "kind" in pair and "value" in pair]
        try:
            contacts.append(Contact.model_validate({**node, "numbers": numbers}))
        except ValidationError:
            continue
    return tuple(contacts)


def address_of(node: Node) -> Address | None:
    """N3 and N4; None where the contract cannot hold it."""
    try:
        return Address.model_validate(node)
    except ValidationError:
        return None


def gapped(node: Node, first: int, last: int) -> tuple[Any, ...]:
    """Values by their two-digit position as a tuple with None in the gaps, none at its end."""
    values = [node.get(f"{at:02d}") for at in range(first, last + 1)]
    while values and values[-1] is None:
        values.pop()
    return tuple(values)


def clip(text: str | None) -> str:
    """At most what a `Code` holds; empty for None."""
    return (text or "")[:MAX_CODE]


def having(name: str, nodes: Iterable[Node]) -> list[Node]:
    """The nodes whose one value that matters is there."""
    return [node for node in nodes if name in node]
