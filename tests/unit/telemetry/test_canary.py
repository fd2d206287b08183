"""The canary can be heard: a search that finds nothing proves nothing unless it can find."""

import json
from pathlib import Path
from uuid import uuid4

import pytest

from shared.contract.claim import Claim
from tests import canary


def test_her_claim_is_a_claim() -> None:
    claim = Claim.model_validate_json(json.dumps(canary.claim(uuid4(), revision=2)))
    assert claim.subscriber.name == canary.LAST_NAME
    assert claim.revision == 2


def test_every_datum_of_hers_is_found_in_her_claim() -> None:
    found = canary.found_in(json.dumps(canary.claim(uuid4())))
    assert {word.upper() for word in canary.WORDS} <= set(found)
    assert canary.BIRTH_DATE.isoformat() in found
    assert canary.SERVICE_DATE.isoformat() in found


@pytest.mark.parametrize("token", canary.tokens())
def test_each_token_is_heard_alone_and_in_any_case(token: str) -> None:
    with pytest.raises(AssertionError, match=r"canary was found: \{'log'"):
        canary.assert_absent({"log": f"x{token.lower()}y", "span": "nothing"})


def test_she_is_found_in_files_and_in_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "log").write_bytes(b"nothing\xff")
    canary.assert_absent([tmp_path])
    (tmp_path / f"{canary.MEMBER_ID}.837").write_bytes(b"")
    with pytest.raises(AssertionError, match=r"\.837"):
        canary.assert_absent([tmp_path])


def test_an_error_of_the_contract_does_not_give_her_away() -> None:
    bad = canary.claim(uuid4(), charge=canary.MEMBER_ID, frequency=[canary.LAST_NAME])
    with pytest.raises(ValueError, match="charge") as refused:
        Claim.model_validate_json(json.dumps(bad))
    canary.assert_absent({"error": str(refused.value), "repr": repr(refused.value)})
