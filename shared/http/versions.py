"""ETag and If-Match: two people who change the same thing do not overwrite each other unseen.

A read answers `ETag: "<version>"`; a change must bring it back as `If-Match` and is refused with
412 when the version is another by now, with 428 when it brings none. The check belongs into the
transaction that changes the row: `UPDATE ... WHERE version = $n`, or a row locked before.
"""

from typing import Annotated

from fastapi import Depends, Header, Response

from shared.http.problems import Problem


def set_etag(response: Response, version: int) -> None:
    """Names the version of what is answered."""
    response.headers["ETag"] = f'"{version}"'


def _expected(
    if_match: Annotated[str | None, Header(description="The ETag of what is changed.")] = None,
) -> int:
    if if_match is None:
        raise Problem(
            428,
            "version-missing",
            "A change must say which version it changes.",
            hint="Read it first and send its ETag as If-Match.",
        )
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdecimal() or len(text) > 18:
        raise changed()
    return int(text)


ExpectedVersion = Annotated[int, Depends(_expected)]
"""The version that the request says it changes; 428 without one."""


def must_match(expected: int, version: int) -> None:
    """Raises 412 where the version is not the one that was read."""
    if expected != version:
        raise changed()


def changed() -> Problem:
    """412: somebody else was quicker."""
    return Problem(
        412,
        "version-changed",
        "It was changed since it was read.",
        hint="Read it again, and decide anew.",
    )
