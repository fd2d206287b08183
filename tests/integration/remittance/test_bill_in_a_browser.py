"""The bill in a real browser: on a phone, on a screen and on paper, in both languages, and readable
for people who do not see it.

`CLAIMWIRE_TEST_PICTURE=FILE.png` keeps a picture of it, as it stands in the README.
"""

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.remittance.domain.patient_bill import Estimate
from services.remittance.domain.patient_statement import Statement
from services.remittance.domain.patient_terms import (
    LANGUAGES,
    BillingTerms,
    Office,
    Wording,
)
from services.remittance.statements import html, store
from services.remittance.statements.changes import Rules
from services.remittance.statements.office import StatementOffice
from services.remittance.statements.paper import paper_of
from tests.integration.remittance.patients import (
    NOW,
    VISIT,
    account_of,
    answered,
    submitted,
)

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TERMS = BillingTerms(
    office=Office(
        name="Lakeside Family Clinic",
        pay_online="https://lakesideclinic.example/pay",
        hours=Wording(en="Monday to Friday, 8 to 5", es="lunes a viernes, de 8 a 5"),
    )
)
WIDTHS = (320, 390, 1200)
"""CSS pixels: the narrowest of WCAG 1.4.10, a phone of today, a screen."""
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
NUMBER = "LK-20417"
ANSWER = (
    "1*379*169.2*63.8*12*2026031400178*11*1",
    (
        "SVC*HC:99214*245*120.4**1",
        f"REF*6R*{NUMBER}-1",
        "CAS*CO*45*73",
        "CAS*PR*3*30**2*21.6",
        "SVC*HC:80053*68*21.6**1",
        f"REF*6R*{NUMBER}-2",
        "CAS*CO*45*41",
        "CAS*PR*2*5.4",
        "SVC*HC:J1885*48*27.2**1",
        f"REF*6R*{NUMBER}-3",
        "CAS*CO*45*14",
        "CAS*PR*1*6.8",
        "SVC*HC:36415*18*0**1",
        f"REF*6R*{NUMBER}-4",
        "CAS*CO*97*18",
    ),
)


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH (Debian: apt-get install chromium)")
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, headless=True, args=list(FLAGS)
        )
        yield opened
        await opened.close()


@pytest.fixture
async def statement(desk: Any) -> Statement:
    """A bill with all that a bill may have: services, a denial that nobody asks the patient for, an
    estimate, and care that still waits."""
    waits = submitted(NUMBER, (("71046", 18_000),), claim="2")
    await desk.take(submitted(NUMBER, VISIT), waits, answered([(NUMBER, *ANSWER)], paid="169.2"))
    assert desk.parked == []
    await desk.fetch("UPDATE denial SET state = 'closed'")
    office = StatementOffice(desk.pool, Rules(TERMS))
    expected = Estimate(amount=7_000, given_on=NOW.date())
    await office.load_estimate(NUMBER, "GFE 1", expected, "ada", NOW)
    made = await office.make(account_of(NUMBER), "ada", NOW)
    async with desk.pool.acquire() as connection:
        found = await store.statement(connection, made.id)
    assert found is not None
    return found


async def _violations(page: Any) -> list[tuple[str, int]]:
    from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]

    options = {"runOnly": {"type": "tag", "values": list(RULES)}}
    results = await Axe().run(page, options=options)
    return [(one["id"], len(one["nodes"])) for one in results.response["violations"]]


async def test_a_bill_is_accessible_and_fits_every_page(
    browser: Any, statement: Statement, tmp_path: Path
) -> None:
    page = browser.pages[0]
    for language in LANGUAGES:
        file = tmp_path / f"bill.{language}.html"
        file.write_text(html.bill_page(paper_of(statement, language, TERMS)), "utf-8")
        for media, widths in (("screen", WIDTHS), ("print", (816,))):
            await page.emulate_media(media=media)
            for width in widths:
                await page.set_viewport_size({"width": width, "height": 800})
                await page.goto(file.as_uri())
                assert await _violations(page) == [], (language, media, width)
                overflow = "document.documentElement.scrollWidth - window.innerWidth"
                assert await page.evaluate(overflow) <= 0, (language, media, width)
        text = await page.inner_text("main")
        for shown in ("$63.80", "2026031400178", "99214", "−$73.00", "$180.00", "$70.00"):
            assert shown in text
        assert await page.locator("html").get_attribute("lang") == language


async def test_a_bill_prints_on_few_sheets(
    browser: Any, statement: Statement, tmp_path: Path
) -> None:
    page = browser.pages[0]
    await page.set_content(html.bill_page(paper_of(statement, "en", TERMS)))
    printed = await page.pdf(prefer_css_page_size=True)
    assert printed.startswith(b"%PDF-")
    assert printed.count(b"/Type /Page\n") in (2, 3)


async def test_a_superseded_bill_says_so_first(
    browser: Any, statement: Statement, tmp_path: Path
) -> None:
    page = browser.pages[0]
    gone = replace(statement, status="superseded")
    await page.set_content(html.bill_page(paper_of(gone, "en", TERMS)))
    assert "Please do not pay it" in await page.inner_text(".notice")
    assert await _violations(page) == []


async def test_the_page_behind_a_link_is_accessible(browser: Any) -> None:
    page = browser.pages[0]
    await page.set_viewport_size({"width": 390, "height": 800})
    for is_over in (False, True):
        await page.set_content(html.link_page(TERMS, is_over=is_over))
        assert await _violations(page) == []


@pytest.mark.skipif("CLAIMWIRE_TEST_PICTURE" not in os.environ, reason="no picture is asked for")
async def test_takes_the_picture_of_the_readme(browser: Any, statement: Statement) -> None:
    picture = os.environ["CLAIMWIRE_TEST_PICTURE"]
    shown = replace(statement, id=UUID("b41d7c02-5f4e-4a6b-8a35-2f6b7c8d9e0f"))
    page = browser.pages[0]
    await page.set_viewport_size({"width": 880, "height": 1500})
    await page.set_content(html.bill_page(paper_of(shown, "en", TERMS)))
    await page.screenshot(path=picture)
