"""Models from nodes that a table has read, without validating them twice.

It is apart because it is a matter of trust: a table has checked every value's type and length, so
only the shape is left to be made. Asking pydantic again cost a third of the time of reading a
claim. Tests hold that both ways give equal models; whatever is missing or odd raises, and the
caller then asks pydantic, whose errors say what.
"""

from collections.abc import Callable
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from shared.contract.model import set_extra, set_names, set_private
from shared.x12.segments import Node


@lru_cache(256)
def builder(model: type[BaseModel]) -> Callable[[Node], Any]:
    """A function from a node to an instance. Lists become tuples, dicts of sub-models models;
    instances are left as they are. Raises KeyError where a required field is missing, TypeError
    for a field that the model does not have."""
    fields = model.model_fields
    blank = {name: None if field.is_required() else field.default for name, field in fields.items()}
    required = frozenset(name for name, field in fields.items() if field.is_required())
    nested = {
        name: convert
        for name, field in fields.items()
        if (convert := _converter(field.annotation)) is not None
    }
    count, names = len(fields), set(fields)
    new, put = object.__new__, object.__setattr__
    extra, private, fields_set = set_extra, set_private, set_names

    def build(node: Node) -> Any:
        if required and not node.keys() >= required:
            raise KeyError("a required field is missing")
        values = blank.copy()
        values.update(node)
        if len(values) != count:
            raise TypeError("a field that the model does not have")
        for name, value in node.items():
            kind = value.__class__
            if kind is list or kind is dict:
                values[name] = nested[name](value)
        made = new(model)
        put(made, "__dict__", values)
        fields_set(made, names)
        extra(made, None)
        private(made, None)
        return made

    def build_leaf(node: Node) -> Any:
        if required and not node.keys() >= required:
            raise KeyError("a required field is missing")
        values = blank.copy()
        values.update(node)
        if len(values) != count:
            raise TypeError("a field that the model does not have")
        made = new(model)
        put(made, "__dict__", values)
        fields_set(made, names)
        extra(made, None)
        private(made, None)
        return made

    return build if nested else build_leaf


def _converter(annotation: Any) -> Callable[[Any], Any] | None:
    """What turns a list or dict that a table made into what the model has there."""
    inner = _plain(annotation)
    if _is_model(inner):
        return builder(inner)
    if get_origin(inner) is not tuple:
        return None
    entry = _plain(get_args(inner)[0])
    if not _is_model(entry):
        return tuple
    build = builder(entry)
    return lambda entries: tuple([build(each) for each in entries])


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _plain(annotation: Any) -> Any:
    """The annotation without Annotated and Optional."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _plain(get_args(annotation)[0])
    if origin in (Union, UnionType):
        others = [part for part in get_args(annotation) if part is not NoneType]
        return _plain(others[0]) if len(others) == 1 else annotation
    return annotation
