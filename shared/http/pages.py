"""Cursor pages: a page ends with an opaque cursor that names its last row, so that rows which come
and go between two requests neither repeat nor hide another.

The query orders by a unique key (say `(due_at, claim_id)`), asks `WHERE (due_at, claim_id) > ($1,
$2) ... LIMIT $3` with `limit + 1` rows, and hands them to `page`.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from shared.http.problems import Problem

MAX_ROWS = 200

Row = TypeVar("Row")
Source = TypeVar("Source")

Limit = Annotated[int, Query(ge=1, le=MAX_ROWS, description="Rows on a page.")]
Cursor = Annotated[
    str | None, Query(max_length=1000, description="`next` of the page before; nothing: the first.")
]


class Page(BaseModel, Generic[Row]):
    """One page. `next` is the cursor of the one behind it; null where there is none."""

    rows: list[Row]
    next: str | None = None


def after(cursor: str | None, *kinds: Callable[[Any], Any]) -> tuple[Any, ...] | None:
    """The key of the row behind which the page begins, each part made by its kind (such as `UUID`
    or `datetime.fromisoformat`); None for the first page. Raises a 400 for what is no cursor."""
    if cursor is None:
        return None
    try:
        values = from_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return tuple(kind(value) for kind, value in zip(kinds, values, strict=True))
    except (binascii.Error, ValueError, TypeError, AttributeError):
        raise Problem(
            400,
            "cursor-invalid",
            "The cursor is none of this list's.",
            hint="Start again without a cursor.",
        ) from None


def page(
    found: Sequence[Source],
    limit: int,
    key: Callable[[Source], tuple[Any, ...]],
    row: Callable[[Source], Row],
) -> Page[Row]:
    """The page of these rows, of which there is one more than `limit` if another page follows."""
    shown = found[:limit]
    is_last = len(found) <= limit
    cursor = None if is_last else cursor_of(key(shown[-1]))
    return Page(rows=[row(one) for one in shown], next=cursor)


def cursor_of(key: tuple[Any, ...]) -> str:
    """The cursor of a row's key: plain values, UUIDs and times. It is opaque and not secret, and
    goes into addresses: nothing that tells of a patient belongs into a key."""
    return base64.urlsafe_b64encode(to_json(list(key))).decode().rstrip("=")
