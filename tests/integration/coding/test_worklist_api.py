"""The worklist over HTTP: who may do what, what an answer holds, and a biller at work."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from deploy.twins.biller import Biller
from services.coding.app import NAME, service
from services.coding.http.routes import READ, WRITE
from services.commands import worklist as command
from services.commands.failures import CommandError
from shared import health
from shared.contract.events import ClaimCoded
from shared.http import keys
from shared.settings import Settings
from tests.integration.coding.office import Office, claim, denied, opened, received
from tests.integration.contexts import app_of, context_of

RIGHT_TOTAL = [{"op": "replace", "path": "/charge", "value": "100.00"}]
REASON = {"reason": "checked with the payer"}


class Api:
    """coding's HTTP over an office's database."""

    def __init__(self, office: Office, app: Starlette) -> None:
        self.office = office
        self.app = app
        transport = httpx.ASGITransport(app=app)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://coding")

    async def key(self, *scopes: str, source: str = "ada") -> str:
        key = keys.new_key()
        async with self.office.pool.acquire() as connection:
            await keys.create(connection, key, name=source, source=source, scopes=scopes)
        return key

    async def get(self, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(path, params=parameters)

    async def post(self, path: str, body: object, version: int | None) -> httpx.Response:
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        return await self.client.post(path, json=body, headers=headers)

    async def only_entry(self) -> dict[str, Any]:
        (entry,) = (await self.get("/worklist")).json()["rows"]
        found: dict[str, Any] = entry
        return found


@pytest.fixture(scope="module")
async def only_api(postgres: Any) -> AsyncIterator[Api]:
    async with opened(postgres) as (office,):
        settings = Settings()
        context = context_of(NAME, office.pool, settings, metrics="coding worklist api")
        api = Api(office, app_of(service(settings), context))
        api.client.headers["X-API-Key"] = await api.key("*")
        yield api
        await api.client.aclose()


@pytest.fixture
async def api(only_api: Api) -> Api:
    await only_api.office.clear()
    return only_api


async def test_the_list_names_nobody_and_the_entry_shows_the_claim(api: Api) -> None:
    await api.office.take(received(claim(charge=1)))
    listed = await api.get("/worklist", payer="PAY01", rule="claim-total", min_age_days=0)
    for of_the_patient in ("DOE", "PCN-1", "W1", "LINE1"):
        assert of_the_patient not in listed.text
    (entry,) = listed.json()["rows"]
    assert entry["at_stake"] == "0.01"
    shown = await api.get(f"/worklist/{entry['event_id']}")
    assert shown.headers["etag"] == '"1"'
    body = shown.json()
    assert body["claim"]["subscriber"]["name"] == "DOE"
    assert body["claim"]["service_lines"][0]["procedure"]["modifiers"] == []
    assert body["allowed"] == ["fix", "release", "return", "void"]


async def test_pages_follow_each_other_without_loss_or_repeat(api: Api) -> None:
    await api.office.take(*(received(claim(number, charge=number)) for number in range(1, 8)))
    seen: list[int] = []
    cursor = None
    while True:
        options = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/worklist", **options)).json()
        seen += [UUID(row["claim_id"]).int for row in page["rows"]]
        if (cursor := page["next"]) is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert (await api.get("/worklist", cursor="bm9uZQ")).status_code == 400


async def test_a_fix_goes_out_and_its_answer_says_so(api: Api) -> None:
    await api.office.take(received(claim(charge=1)))
    entry = await api.only_entry()
    path = f"/worklist/{entry['event_id']}/fix"
    trial = await api.client.post(
        path, json=RIGHT_TOTAL, params={"trial": "true"}, headers={"If-Match": '"1"'}
    )
    said = trial.json()
    assert (said["remaining"], said["is_trial"], said["has_gone_out"]) == ([], True, False)
    answer = await api.post(path, RIGHT_TOTAL, 1)
    assert answer.status_code == 200
    done = answer.json()
    assert (done["has_gone_out"], done["claim_revision"], done["remaining"]) == (True, 2, [])
    assert done["entry"]["resolution"] == "fixed"
    assert answer.headers["etag"] == '"2"'
    shown = (await api.get(f"/worklist/{entry['event_id']}")).json()
    assert shown["allowed"] == []
    (action,) = shown["actions"]
    assert (action["action"], action["patch"]) == ("fix", RIGHT_TOTAL)
    assert action["actor"].startswith("ada (")
    assert [(one["revision"], one["author"][:3]) for one in shown["revisions"]] == [
        (1, "hos"),
        (2, "ada"),
    ]
    before = await api.get(f"/worklist/{entry['event_id']}/revisions/1")
    assert before.json()["charge"] == "0.01"


async def test_a_change_says_which_version_it_changes(api: Api) -> None:
    await api.office.take(received(claim(charge=1)))
    entry = await api.only_entry()
    path = f"/worklist/{entry['event_id']}"
    assert (await api.post(f"{path}/release", REASON, None)).status_code == 428
    assigned = await api.post(f"{path}/assign", {"to": "ben"}, 1)
    assert (assigned.json()["assigned_to"], assigned.headers["etag"]) == ("ben", '"2"')
    late = await api.post(f"{path}/fix", RIGHT_TOTAL, 1)
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (
        412,
        "version-changed",
        2,
    )
    await api.office.take(received(claim(revision=2)))
    replaced = await api.post(f"{path}/fix", RIGHT_TOTAL, 2)
    assert (replaced.status_code, replaced.json()["resolution"]) == (412, "superseded")


async def test_what_cannot_be_done_is_a_problem_with_a_hint(api: Api) -> None:
    await api.office.take(received(claim()), denied(claim()))
    entry = await api.only_entry()
    path = f"/worklist/{entry['event_id']}"
    release = await api.post(f"{path}/release", REASON, 1)
    assert (release.status_code, release.json()["code"]) == (409, "not-possible")
    patch = [{"op": "replace", "path": "/chrage", "value": "77.77"}]
    bad = await api.post(f"{path}/fix", patch, 1)
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (422, "/chrage")
    assert "77.77" not in bad.text
    unknown = await api.post(f"/worklist/{UUID(int=5)}/release", REASON, 1)
    assert unknown.status_code == 404
    assert (await api.post(f"{path}/void", {"reason": ""}, 1)).status_code == 422
    assert await api.only_entry() == entry


async def test_a_key_may_do_what_its_scopes_say(api: Api) -> None:
    await api.office.take(received(claim(charge=1)))
    entry = await api.only_entry()
    path = f"/worklist/{entry['event_id']}"
    own = api.client.headers["X-API-Key"]
    try:
        api.client.headers["X-API-Key"] = await api.key(READ)
        assert (await api.get(path)).json()["allowed"] == []
        assert (await api.post(f"{path}/release", REASON, 1)).status_code == 403
        api.client.headers["X-API-Key"] = await api.key(WRITE)
        assert (await api.get("/worklist")).status_code == 403
        del api.client.headers["X-API-Key"]
        assert (await api.get("/worklist")).status_code == 401
    finally:
        api.client.headers["X-API-Key"] = own


@asynccontextmanager
async def listening(app: Starlette) -> AsyncIterator[str]:
    server = health.server(app)
    socket = health.listen("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        socket.close()


async def test_a_biller_fixes_what_the_hospital_twin_gets_wrong(api: Api) -> None:
    good = claim()
    bad_npi = good.billing_provider.model_copy(update={"npi": "1234567890"})
    await api.office.take(
        received(claim(1, charge=10_100)),
        received(claim(2, frequency="7")),
        received(claim(3, billing_provider=bad_npi)),
        received(claim(4, subscriber={"name": "DOE"})),
    )
    key = await api.key(READ, WRITE)

    def work(url: str) -> list[Any]:
        with Biller(url, key) as biller:
            return biller.work()

    async with listening(api.app) as url:
        worked = await asyncio.to_thread(work, url)
    assert {UUID(one.claim_id).int for one in worked} == {1, 2, 3}
    assert all(one.has_gone_out and one.charge == "100.00" for one in worked)
    coded = [e.data.claim for e in await api.office.said() if isinstance(e.data, ClaimCoded)]
    assert sorted(coded, key=lambda one: one.id.int) == [
        claim(number, revision=2) for number in (1, 2, 3)
    ]
    assert UUID((await api.only_entry())["claim_id"]).int == 4


async def test_the_command_line_works_the_same_list(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    await api.office.take(received(claim(1, charge=1)), received(claim(2)), denied(claim(2)))
    fixed, dismissed = sorted(
        (await api.get("/worklist")).json()["rows"], key=lambda row: row["claim_id"]
    )
    key = await api.key(READ, WRITE)

    def work(url: str) -> list[int]:
        at = command.Api(url, key)
        first, second = UUID(fixed["event_id"]), UUID(dismissed["event_id"])
        return [
            command.listing(at, {"payer": "PAY01", "rule": None}, 10, as_json=False),
            command.fix(at, first, json.dumps(RIGHT_TOTAL), is_trial=True),
            command.fix(at, first, json.dumps(RIGHT_TOTAL), is_trial=False),
            command.act(at, second, "dismiss", "accepted"),
            command.shown(at, second),
        ]

    async with listening(api.app) as url:
        assert await asyncio.to_thread(work, url) == [0, 0, 0, 0, 0]
        with pytest.raises(CommandError, match="The entry is closed"):
            await asyncio.to_thread(
                command.act, command.Api(url, key), UUID(fixed["event_id"]), "release", "again"
            )
    heading, *rows = capsys.readouterr().out.splitlines()[:3]
    assert heading.split()[:3] == ["entry", "reason", "payer"]
    assert {row.split()[1] for row in rows} == {"held", "denied"}
    assert (await api.get("/worklist")).json()["rows"] == []
