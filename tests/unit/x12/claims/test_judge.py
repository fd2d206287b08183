"""pyx12, an independent program, judges what we write: it must take ours wherever it takes the
original, and more: originals with a slip in their separators or counts come out right."""

import io
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyx12.params
import pyx12.x12n_document
import pytest

from shared.x12.claims.reading import ReadClaim, read_claims
from shared.x12.claims.writing import InterchangeEnvelope, write_interchange

ENVELOPE = InterchangeEnvelope(
    sender="SENDER",
    receiver="RECEIVER",
    control_number=1,
    created_at=datetime(2024, 1, 2, 3, 4, tzinfo=UTC),
)
TAKEN_AT_LEAST = {"837P": 19, "837I": 2}
"""Samples that pyx12 takes as we write them: a floor, so that a loss is seen."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def is_taken(text: str) -> bool:
    """pyx12's verdict, under the version names that it knows."""
    known = re.sub("005010X222A[23]", "005010X222A1", text)
    known = re.sub("005010X223A3", "005010X223A2", known)
    try:
        return bool(
            pyx12.x12n_document.x12n_document(
                pyx12.params.params(), io.StringIO(known.strip()), None, None
            )
        )
    except Exception:  # noqa: BLE001 - it raises whatever comes; that is no acceptance
        return False


def rewritten(path: Path) -> str | None:
    with path.open("rb") as stream:
        found = [part for part in read_claims(stream, source="t") if isinstance(part, ReadClaim)]
    claims = [part.claim for part in found if part.claim is not None]
    if not claims or len(claims) < len(found):
        return None
    out = io.BytesIO()
    write_interchange(claims, ENVELOPE, out)
    return out.getvalue().decode("ascii")


@pytest.mark.parametrize("folder", ["837P", "837I"])
def test_pyx12_takes_ours_wherever_it_takes_the_original(samples: Path, folder: str) -> None:
    taken = 0
    for path in sorted((samples / folder).iterdir()):
        original = path.read_text(encoding="latin-1")
        ours = rewritten(path) if original.count("CLM*") < 10 else None
        if ours is None:
            continue
        verdict = is_taken(ours)
        taken += verdict
        assert verdict or not is_taken(original), path.name
    assert taken >= TAKEN_AT_LEAST[folder]
