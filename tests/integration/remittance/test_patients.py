"""Patients' balances and bills over a real ledger: what is billed, when, and what never is."""

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from services.commands import bills
from services.commands.failures import CommandError
from services.commands.worklist import Api
from services.remittance.balances import patient_balances
from services.remittance.domain.balances import PatientBalance
from services.remittance.domain.commands import PatientPaid
from services.remittance.domain.patient_bill import Estimate
from services.remittance.statements import store
from services.remittance.statements.office import StatementError, StatementOffice
from services.remittance.statements.refunds import declare_refunds
from shared.messaging.handler import Unit
from tests.integration.remittance.patients import (
    NOW,
    VISIT_ANSWER,
    account_of,
    answered,
    submitted,
)

ACCOUNT = account_of("A")
ONE = (("99213", 10_000),)
"""A claim of one service."""


async def _balance(desk: Any, account_id: UUID = ACCOUNT) -> PatientBalance:
    async with desk.pool.acquire() as connection:
        found = await patient_balances(connection, [account_id])
    balance: PatientBalance = found[account_id]
    return balance


async def _told(desk: Any, name: str) -> list[dict[str, Any]]:
    rows = await desk.fetch("SELECT value FROM event WHERE type = $1 ORDER BY seq", name)
    return [json.loads(row[0]) for row in rows]


async def _command(desk: Any, command: Any) -> None:
    """Carries a command out as a batch of its own."""
    handler, units = desk.core.handler, [Unit(uuid4(), "", command)]
    async with desk.pool.acquire() as connection, connection.transaction():
        states = await handler.load(connection, units)
        decision = handler.decide(states, units[0], NOW)
        await handler.save(connection, decision.states, decision.rows)


# Balances


async def test_a_payers_answer_makes_a_balance_in_the_same_transaction(desk: Any) -> None:
    await desk.take(submitted("A"), answered([("A", *VISIT_ANSWER)], paid="169.2"))
    assert desk.parked == []
    (said,) = await _told(desk, "patient.balance-changed.v1")
    assert (said["share"], said["billable"], said["balance"]) == ("63.80", "63.80", "63.80")
    assert {row["bucket"]: row["amount"] for row in said["shares"]} == {
        "copay": "30.00",
        "coinsurance": "27.00",
        "deductible": "6.80",
    }
    assert "open" not in said
    text = json.dumps(said)
    assert not any(word in text for word in ("RIVERA", "JORDAN", "W1", '"A"'))


async def test_nothing_is_said_again_where_nothing_changed(desk: Any) -> None:
    remittance = answered([("A", *VISIT_ANSWER)], paid="169.2")
    await desk.take(submitted("A"), remittance)
    await desk.take(answered([("A", *VISIT_ANSWER)], paid="169.2"))  # the same content again
    assert len(await _told(desk, "patient.balance-changed.v1")) == 1


async def test_a_charge_alone_says_nothing_of_a_patient(desk: Any) -> None:
    await desk.take(submitted("A"))
    assert await _told(desk, "patient.balance-changed.v1") == []
    assert await desk.value("SELECT count(*) FROM patient_balance") == 0


async def test_what_a_second_plan_is_asked_for_first_is_not_billable(desk: Any) -> None:
    answer = ("1*100*80*20*12*P1*11*1", ("SVC*HC:99213*100*80**1", "CAS*PR*2*20"))
    await desk.take(submitted("A", ONE, second_payer=True), answered([("A", *answer)], paid="80"))
    balance = await _balance(desk)
    assert (balance.share, balance.billable) == (0, 0)
    later = ("2*100*15*5*12*P2*11*1", ("SVC*HC:99213*100*15**1", "CAS*OA*23*80", "CAS*PR*3*5"))
    await desk.take(answered([("A", *later)], paid="15", trace="T2", payer="PAY02"))
    assert desk.parked == []
    assert (await _balance(desk)).billable == 500


@pytest.mark.parametrize(
    ("answer", "paid", "kind"),
    [
        (("1*100*50*20*12*P1*11*1", ("CAS*CO*197*30", "CAS*PR*2*20")), "50", "denial"),
        (("4*100*0**12*P1*11*1", ("CAS*CO*197*100",)), "0", "denial"),
        (("1*50*30*20*12*P1*11*1", ("CAS*PR*2*20",)), "30", "payer_pending"),
    ],
)
async def test_a_share_is_not_billable_while_somebody_else_may_answer_for_it(
    desk: Any, answer: Any, paid: str, kind: str, office: StatementOffice
) -> None:
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid=paid))
    said = (await _told(desk, "patient.balance-changed.v1"))[-1:] or [{"open": [{"kind": kind}]}]
    assert kind in {one["kind"] for one in said[0]["open"]}
    assert (await _balance(desk)).billable == 0
    with pytest.raises(StatementError) as refused:
        await office.make(ACCOUNT, "ada", NOW)
    assert refused.value.code == "nothing-billable"


async def test_what_a_patient_pays_too_much_is_a_refund_with_a_deadline(desk: Any) -> None:
    answer = ("1*100*80*20*12*P1*11*1", ("CAS*PR*2*20",))
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid="80"))
    claim_id = await desk.value("SELECT id FROM claim")
    await _command(desk, PatientPaid(claim_id, "till 1", 2_500, "card", NOW.date(), "till"))
    said = (await _told(desk, "patient.balance-changed.v1"))[-1]
    assert (said["credit"], said["balance"]) == ("5.00", "-5.00")
    assert said["refund_due_on"] == str(NOW.date() + timedelta(days=30))


async def test_a_settled_credit_is_declared_a_refund_once_and_keeps_its_deadline(
    desk: Any,
) -> None:
    answer = ("1*100*80*20*12*P1*11*1", ("CAS*PR*2*20",))
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid="80"))
    claim_id = await desk.value("SELECT id FROM claim")
    await _command(desk, PatientPaid(claim_id, "till 1", 2_500, "card", NOW.date(), "till"))
    later = NOW + timedelta(days=3)
    assert await declare_refunds(desk.pool, desk.core.handler, later) == 1
    assert await declare_refunds(desk.pool, desk.core.handler, later) == 0
    said = (await _told(desk, "patient.balance-changed.v1"))[-1]
    assert (said.get("credit", "0.00"), said["refunds_due"]) == ("0.00", "5.00")
    assert said["refund_due_on"] == str(NOW.date() + timedelta(days=30))
    due = "SELECT sum(amount_cents) FROM leg JOIN account ON id = account_id WHERE kind = $1"
    assert await desk.value(due, "refunds_due") == -500


async def test_a_credit_is_not_given_back_while_the_share_may_still_grow(desk: Any) -> None:
    answer = ("1*100*50*20*12*P1*11*1", ("CAS*CO*197*30", "CAS*PR*2*20"))
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid="50"))
    claim_id = await desk.value("SELECT id FROM claim")
    await _command(desk, PatientPaid(claim_id, "till 1", 2_500, "card", NOW.date(), "till"))
    assert await declare_refunds(desk.pool, desk.core.handler, NOW) == 0
    assert (await _balance(desk)).credit == 500


# Bills


@pytest.fixture
async def billed(desk: Any) -> Any:
    await desk.take(submitted("A"), answered([("A", *VISIT_ANSWER)], paid="169.2"))
    return desk


async def test_a_due_bill_is_made_once_and_announced(billed: Any, office: StatementOffice) -> None:
    assert await office.make_due(NOW) == 1
    assert await office.make_due(NOW + timedelta(days=40)) == 0
    (ready,) = await _told(billed, "patient.statement-ready.v1")
    assert ready["amount_due"] == "63.80"
    assert ready["due_on"] == str(NOW.date() + timedelta(days=30))
    made = await _statement(billed, UUID(ready["statement_id"]))
    assert made.status == "ready"
    (claim,) = made.bill.claims
    visit, panel, drug, sample = claim.services
    assert (visit.charge, visit.discount, visit.paid, visit.share) == (24_500, 7_300, 12_040, 5_160)
    assert {(part.bucket, part.amount) for part in visit.shares} == {
        ("copay", 3_000),
        ("coinsurance", 2_160),
    }
    assert (panel.share, drug.share, sample.not_owed, sample.share) == (540, 680, 0, 0)
    assert claim.payers == ("Meridian Health Plan",)
    assert claim.payer_claim_control_number == "2026031400178"
    assert made.bill.total.rest == 0


async def _statement(desk: Any, statement_id: UUID) -> Any:
    async with desk.pool.acquire() as connection:
        return await store.statement(connection, statement_id)


async def test_asking_again_gives_the_same_bill_although_the_patient_paid_a_part(
    billed: Any, office: StatementOffice
) -> None:
    made = await office.make(ACCOUNT, "ada", NOW)
    claim_id = await billed.value("SELECT id FROM claim")
    await _command(billed, PatientPaid(claim_id, "till 1", 2_000, "card", NOW.date(), "till"))
    assert (await office.make(ACCOUNT, "ada", NOW)).id == made.id
    assert (await _balance(billed)).billable == 4_380


async def test_a_bill_whose_answer_is_taken_back_is_superseded_and_a_new_one_made(
    desk: Any, office: StatementOffice
) -> None:
    answer = ("1*100*80*20*12*P1*11*1", ("CAS*PR*2*20",))
    back = ("22*-100*-80*-20*12*P1*11*1", ("CAS*PR*2*-20",))
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid="80"))
    first = await office.make(ACCOUNT, "ada", NOW)
    await desk.take(submitted("B", ONE))
    both = [("A", *back), ("B", *answer)]
    await desk.take(answered(both, paid="0", trace="T2"))
    assert (await _balance(desk)).billable == 0
    assert (await _statement(desk, first.id)).status == "superseded"
    with pytest.raises(StatementError, match="Nothing"):
        await office.make(ACCOUNT, "ada", NOW)
    await desk.take(answered([("A", *answer)], paid="80", trace="T3"))
    assert (await _statement(desk, first.id)).status == "superseded"
    second = await office.make(ACCOUNT, "ada", NOW)
    assert second.id != first.id
    assert second.bill.amount_due == 2_000


async def test_a_denial_that_a_person_accepted_is_on_the_bill_as_not_owed(
    desk: Any, office: StatementOffice
) -> None:
    answer = ("1*100*50*20*12*P1*11*1", ("SVC*HC:99213*100*50**1", "CAS*CO*197*30", "CAS*PR*2*20"))
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid="50"))
    await desk.fetch("UPDATE denial SET state = 'closed'")
    made = await office.make(ACCOUNT, "ada", NOW)
    (claim,) = made.bill.claims
    assert [(one.kind, one.reason, one.amount) for one in claim.not_owed] == [
        ("denied", "197", 3_000)
    ]
    assert (made.bill.amount_due, claim.total.not_owed, claim.total.rest) == (2_000, 3_000, 0)


async def test_what_was_decided_for_the_visit_as_a_whole_is_a_row_of_its_own(
    desk: Any, office: StatementOffice
) -> None:
    answer = ("1*100*50*20*12*P1*11*1", ("CAS*CO*45*30", "CAS*PR*2*20"))
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid="50"))
    (claim,) = (await office.make(ACCOUNT, "ada", NOW)).bill.claims
    service, whole = claim.services
    assert (service.number, service.charge, service.share, service.rest) == (1, 10_000, 0, 10_000)
    assert (whole.number, whole.charge, whole.discount, whole.paid, whole.share) == (
        None,
        0,
        3_000,
        5_000,
        2_000,
    )
    assert claim.total.rest == 0


async def test_one_bill_waits_for_the_other_care_of_the_visit_until_its_day_comes_near(
    desk: Any, office: StatementOffice
) -> None:
    other = submitted("A", ONE, claim="2")
    await desk.take(submitted("A"), other, answered([_first_of_two()], paid="169.2"))
    assert await desk.value("SELECT statement_due_on FROM patient_balance") == (
        NOW.date() + timedelta(days=25)
    )
    assert await office.make_due(NOW) == 0
    assert await office.make_due(NOW + timedelta(days=25)) == 1
    (ready,) = await _told(desk, "patient.statement-ready.v1")
    made = await _statement(desk, UUID(ready["statement_id"]))
    (waits,) = made.bill.waiting
    assert (waits.charge, waits.reasons) == (10_000, ("payer_pending",))
    assert made.bill.total.charge == 37_900


def _first_of_two() -> tuple[str, str, list[str]]:
    """The answer for the first of two claims of an account, told by its line numbers."""
    status, segments = VISIT_ANSWER
    told = []
    number = 0
    for segment in segments:
        if segment.startswith("SVC") and number:
            told.append(f"REF*6R*A-{number}")
        number += segment.startswith("SVC")
        told.append(segment)
    return "A", status, [*told, f"REF*6R*A-{number}"]


async def test_a_bill_400_dollars_above_its_estimate_waits_for_a_person(
    desk: Any, office: StatementOffice
) -> None:
    answer = ("1*1000*500*500*12*P1*11*1", ("CAS*PR*1*500",))
    await office.load_estimate(
        "A", "GFE 1", Estimate(amount=10_000, given_on=date(2026, 1, 2)), "ada", NOW
    )
    await desk.take(submitted("A", (("99213", 100_000),)), answered([("A", *answer)], paid="500"))
    made = await office.make(ACCOUNT, "worker", NOW)
    assert (made.status, [one.code for one in made.findings]) == ("held", ["estimate-exceeded"])
    assert await _told(desk, "patient.statement-ready.v1") == []
    with pytest.raises(StatementError, match="held"):
        await office.link(made.id, "ada", NOW)
    freed = await office.release(made.id, "ada", "the patient agreed to more", NOW)
    assert freed.status == "ready"
    assert len(await _told(desk, "patient.statement-ready.v1")) == 1
    actions = await desk.fetch("SELECT actor, action, reason FROM statement_action ORDER BY id")
    assert [tuple(row) for row in actions] == [
        ("worker", "made", None),
        ("ada", "release", "the patient agreed to more"),
    ]


async def test_an_estimate_that_comes_later_holds_a_bill_that_was_ready(
    desk: Any, office: StatementOffice
) -> None:
    answer = ("1*1000*500*500*12*P1*11*1", ("CAS*PR*1*500",))
    await desk.take(submitted("A", (("99213", 100_000),)), answered([("A", *answer)], paid="500"))
    made = await office.make(ACCOUNT, "ada", NOW)
    near = Estimate(amount=10_001, given_on=date(2026, 1, 1))
    await office.load_estimate("A", "GFE 1", near, "ada", NOW)
    assert (await _statement(desk, made.id)).status == "ready"
    await office.load_estimate("A", "GFE 1", near.model_copy(update={"amount": 10_000}), "ada", NOW)
    assert (await _statement(desk, made.id)).status == "held"


async def test_two_makers_at_once_make_one_bill(billed: Any, office: StatementOffice) -> None:
    made = await asyncio.gather(*(office.make(ACCOUNT, "ada", NOW) for _ in range(3)))
    assert len({one.id for one in made}) == 1
    assert await billed.value("SELECT count(*) FROM statement") == 1


# HTTP


async def test_the_command_line_writes_the_bill_with_the_most_to_pay(
    desk: Any, app: Starlette, key: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ("1*100*80*20*12*P1*11*1", ("CAS*PR*2*20",))
    await desk.take(submitted("A"), submitted("B", ONE))
    await desk.take(answered([("A", *VISIT_ANSWER), ("B", *small)], paid="249.2"))
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it has no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    api = Api(f"http://127.0.0.1:{port}", key)
    paths = await asyncio.to_thread(bills.written, api, tmp_path / "bills")
    assert sorted("".join(path.suffixes) for path in paths) == [
        ".en.html",
        ".en.pdf",
        ".es.html",
        ".es.pdf",
    ]
    assert "$63.80" in next(path for path in paths if path.match("*.en.html")).read_text("utf-8")
    assert await asyncio.to_thread(bills.listing, api, "ready", 50, as_json=True) == 0
    assert '"amount_due": "63.80"' in capsys.readouterr().out
    (statement_id,) = {path.name.partition(".")[0] for path in paths}
    await asyncio.to_thread(bills.decide, api, UUID(statement_id), "hold", "to look at")
    assert (await _statement(desk, UUID(statement_id))).status == "held"
    given = tmp_path / "estimate.json"
    given.write_text(
        json.dumps(
            {
                "patient_control_number": "B",
                "reference": "GFE 1",
                "amount": "20.00",
                "given_on": "2026-01-02",
            }
        )
    )
    assert await asyncio.to_thread(bills.estimate, api, given) == 0
    with pytest.raises(CommandError, match="no such statement"):
        await asyncio.to_thread(bills.decide, api, uuid4(), "release", "x")
    server.should_exit = True
    await serving


async def test_a_bill_is_json_html_or_pdf_as_it_is_asked_for(
    billed: Any, client: httpx.AsyncClient
) -> None:
    (row,) = (await client.get("/patient-balances", params={"billable": True})).json()["rows"]
    assert (row["billable"], row["account_id"]) == ("63.80", str(ACCOUNT))
    made = (await client.post(f"/patient-balances/{ACCOUNT}/statement")).json()
    path = f"/statements/{made['statement_id']}"
    assert (await client.get(path)).json()["bill"]["amount_due"] == "63.80"
    page = await client.get(path, headers={"Accept": "text/html"}, params={"language": "es"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert '<html lang="es">' in page.text
    assert "Jordan Rivera" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    paper = await client.get(path, headers={"Accept": "application/pdf"})
    assert paper.content.startswith(b"%PDF-")
    assert "RIVERA" not in paper.headers["content-disposition"].upper()
    (listed,) = (await client.get("/statements", params={"status": "ready"})).json()["rows"]
    assert listed["statement_id"] == made["statement_id"]
    assert "Jordan" not in json.dumps(listed)


async def test_a_link_shows_the_bill_once_and_a_look_at_it_does_not_use_it_up(
    billed: Any, client: httpx.AsyncClient
) -> None:
    made = (await client.post(f"/patient-balances/{ACCOUNT}/statement")).json()
    link = (await client.post(f"/statements/{made['statement_id']}/link")).json()["path"]
    del client.headers["X-API-Key"]
    for _ in range(2):
        first = await client.get(link)
        assert first.status_code == 200
        assert "Jordan" not in first.text
    shown = await client.post(link, data={"language": "es"})
    assert "Jordan Rivera" in shown.text
    assert '<html lang="es">' in shown.text
    again = await client.post(link, data={"language": "es"})
    assert again.status_code == 404
    assert "Jordan" not in again.text
    assert (await client.get(f"/statements/{made['statement_id']}")).status_code == 401


async def test_hold_and_release_over_http_keep_who_and_why(
    billed: Any, client: httpx.AsyncClient
) -> None:
    made = (await client.post(f"/patient-balances/{ACCOUNT}/statement")).json()
    path = f"/statements/{made['statement_id']}"
    held = await client.post(f"{path}/hold", json={"reason": "checking an address"})
    assert held.json()["status"] == "held"
    assert (await client.post(f"{path}/link")).json()["code"] == "not-ready"
    freed = await client.post(f"{path}/release", json={"reason": "checked"})
    assert freed.json()["status"] == "ready"
    assert (
        await client.post(f"/statements/{uuid4()}/hold", json={"reason": "x"})
    ).status_code == 404


async def test_a_claim_by_claim_balance_says_what_is_open_and_why(
    desk: Any, client: httpx.AsyncClient
) -> None:
    answer = ("1*100*50*20*12*P1*11*1", ("CAS*CO*197*30", "CAS*PR*2*20"))
    await desk.take(submitted("A", ONE), answered([("A", *answer)], paid="50"))
    shown = (await client.get(f"/patient-balances/{ACCOUNT}")).json()
    (claim,) = shown["claims"]
    assert (claim["share"], claim["billable"], claim["denied"]) == ("20.00", "0.00", "30.00")
    assert [one["kind"] for one in claim["open"]] == ["denial"]
    assert (await client.get(f"/patient-balances/{uuid4()}")).status_code == 404
