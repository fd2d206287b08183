"""submission's HTTP and command line: where claims stand, and what people decide."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from services.commands import interchange as command
from services.commands.failures import CommandError
from services.submission.app import service
from services.submission.domain.profile import Profile
from shared.contract.claim import Claim
from shared.database import Pool
from shared.http import keys
from tests.integration.submission.conftest import Desk

MakeClaim = Callable[..., Claim]


async def _key(pool: Pool, *scopes: str) -> dict[str, str]:
    key = keys.new_key()
    async with pool.acquire() as connection:
        await keys.create(connection, key, name="t", source="test", scopes=scopes)
    return {"X-API-Key": key}


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    made: Any = service(desk.settings).routes
    app = Starlette(routes=list(made(desk.context)))
    headers = await _key(desk.pool, "submission:read", "submission:decide", "submission:content")
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://submission", headers=headers
    ) as one:
        yield one


async def test_a_claims_standing_comes_with_its_evidence(
    desk: Desk, client: httpx.AsyncClient, claim: MakeClaim, payer: Callable[[], None]
) -> None:
    one = claim(1)
    await desk.code(one)
    await desk.round()
    payer()
    await desk.round()
    await desk.take_answers()
    found = (await client.get(f"/claims/{one.id}")).json()
    (leg,) = found["legs"]
    assert (leg["payer_sequence"], leg["control_number"]) == ("P", 1)
    assert leg["status"] in ("acknowledged", "forwarded", "refused", "accepted")
    transactions = {answer["transaction"] for answer in found["answers"]}
    assert {"999", "277CA"} <= transactions
    of_claim = [a for a in found["answers"] if a["transaction"] == "277CA" and a["path"]]
    assert of_claim[0]["path"].startswith("HL[")
    assert all(answer["file_name"] for answer in found["answers"])
    assert "DOE" not in json.dumps(found)
    assert (await client.get(f"/claims/{claim(9).id}")).json()["code"] == "claim-unknown"


async def test_interchanges_are_listed_in_pages_and_shown(
    pool: Pool, tmp_path: Path, desk: Desk, client: httpx.AsyncClient, claim: MakeClaim
) -> None:
    small = Desk(pool, tmp_path, Profile(interchange_max_claims=1))
    await small.code(*(claim(number) for number in range(1, 6)))
    for _ in range(6):
        await small.round()
    first = (await client.get("/interchanges", params={"limit": 3})).json()
    second = (
        await client.get("/interchanges", params={"limit": 3, "cursor": first["next"]})
    ).json()
    numbers = [row["control_number"] for page in (first, second) for row in page["rows"]]
    assert numbers == [5, 4, 3, 2, 1]
    assert second["next"] is None
    identity = second["rows"][-1]["interchange_id"]
    shown = (await client.get(f"/interchanges/{identity}")).json()
    assert (shown["claims"], shown["decisions"]) == ({"sent": 1}, [])
    content = await client.get(f"/interchanges/{identity}/content")
    assert content.headers["content-type"] == "application/edi-x12"
    assert content.content.startswith(b"ISA")
    assert (await client.get("/interchanges", params={"state": "held"})).json()["rows"] == []


async def test_a_decision_needs_its_scope_and_a_state_it_can_be_made_in(
    desk: Desk, client: httpx.AsyncClient, claim: MakeClaim
) -> None:
    await desk.code(claim(1))
    await desk.round()
    (identity,) = (await desk.rows("SELECT interchange_id FROM interchange"))[0]
    path = f"/interchanges/{identity}/resend"
    reader = await _key(desk.pool, "submission:read")
    assert (await client.post(path, headers=reader)).json()["code"] == "scope-missing"
    content = await client.get(f"/interchanges/{identity}/content", headers=reader)
    assert content.json()["code"] == "scope-missing"
    refused = await client.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "interchange-state")
    again = await client.post(path, params={"again": True})
    assert (again.status_code, again.json()["state"]) == (200, "formed")
    assert [one["action"] for one in again.json()["decisions"]] == ["resend"]
    missing = await client.post(f"/interchanges/{claim(7).id}/hold")
    assert missing.json()["code"] == "interchange-unknown"
    assert (await client.post(f"/interchanges/{identity}/burn")).status_code == 422


async def test_the_worklists_are_there(
    desk: Desk, client: httpx.AsyncClient, claim: MakeClaim, samples: Path
) -> None:
    await desk.code(claim(1), claim(2))
    await desk.round()
    folder = desk.mailbox / "from-payer"
    folder.mkdir(parents=True, exist_ok=True)
    content = (samples / "277CA/cosyte_x12__golden__277ca.edi").read_bytes()
    (folder / "stray.277ca").write_bytes(content)
    await desk.round(desk.settings.watchdog_999_s)
    await desk.take_answers()
    late = (await client.get("/overdue", params={"limit": 1})).json()
    assert (late["rows"][0]["expected"], len(late["rows"])) == ("999", 1)
    rest = (await client.get("/overdue", params={"cursor": late["next"]})).json()
    assert len(rest["rows"]) == 1
    unrelated = (await client.get("/acknowledgements/unrelated")).json()["rows"]
    assert {row["file_name"] for row in unrelated} == {"stray.277ca"}
    assert (await client.get("/statuses")).json() == [
        {"payer": "clearinghouse", "status": "sent", "claims": 2}
    ]
    (channel,) = (await client.get("/payers")).json()
    assert (channel["failures"], channel["unsent"], channel["held"]) == (0, 0, 0)
    await desk.pool.execute("UPDATE claim SET status = 'adjudicated'")
    assert (await client.get("/overdue")).json()["rows"] == [], "what came after all is off it"


async def test_the_command_checks_a_file_of_profiles(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(
        '[default]\nusage = "P"\n\n[[payers]]\nname = "state"\npayer_identifiers = ["SMCD1"]\n'
        'receiver = { identifier = "STATE", name = "STATE" }\n'
        'transport = { kind = "folder" }\n'
    )
    assert command.check_profiles(path) == 0
    assert "SMCD1" in capsys.readouterr().out
    path.write_text("[default]\nusagee = 1\n")
    with pytest.raises(CommandError, match=r"default\.usagee"):
        command.check_profiles(path)


async def test_the_commands_list_show_and_decide(
    desk: Desk,
    claim: MakeClaim,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLAIMWIRE_POSTGRES_ADMIN_DSN", desk.pool._connect_args[0])  # type: ignore[attr-defined]
    var = tmp_path / "no stack"
    await desk.code(claim(1))
    await desk.round()
    (identity,) = (await desk.rows("SELECT interchange_id FROM interchange"))[0]

    async def said(run: Callable[[], int]) -> str:
        assert await asyncio.to_thread(run) == 0
        return capsys.readouterr().out

    listed = await said(lambda: command.list_interchanges(var, None, None, 10, as_json=False))
    assert str(identity) in listed
    shown = json.loads(
        await said(lambda: command.show_interchange(var, identity, with_content=True))
    )
    assert shown["claims"] == {"sent": 1}
    assert shown["content"].startswith("ISA")
    assert "clearinghouse" in await said(lambda: command.payers(var, as_json=False))
    with pytest.raises(CommandError, match="--again"):
        await asyncio.to_thread(command.act, var, identity, "resend", as_json=False)
    told = await said(lambda: command.act(var, identity, "resend", again=True, as_json=False))
    assert told == f"{identity} is formed\n"
