"""A bill as one HTML page that needs nothing from anywhere: for a screen, a phone and a printer."""

import base64
from functools import cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from services.remittance.domain.patient_terms import BillingTerms
from services.remittance.statements.catalogue import catalogue
from services.remittance.statements.paper import ClaimPart, Paper, Row

_TEMPLATES = Path(__file__).parent / "templates"


def bill_page(paper: Paper) -> str:
    """The bill."""
    environment = _environment()
    amounts_template = environment.get_template("amounts.html.j2")

    def amounts(row: Row, claim: ClaimPart) -> Markup:
        return Markup(amounts_template.render(row=row, claim=claim, t=paper.t))  # noqa: S704 - ours

    office = paper.terms.office
    return environment.get_template("bill.html.j2").render(
        paper=paper,
        bill=paper.bill,
        statement=paper.statement,
        t=paper.t,
        office=office,
        hours=office.hours.in_language(paper.language) if office.hours else None,
        amounts=amounts,
        css=_style(),
    )


def link_page(terms: BillingTerms, *, is_over: bool = False) -> str:
    """What a one-time link shows first: opening it by a machine must not use it up. Or, `is_over`,
    that it shows nothing any more."""
    texts = catalogue()
    return (
        _environment()
        .get_template("link.html.j2")
        .render(
            en=lambda key: texts.phrase(key, "en", terms),
            es=lambda key: texts.phrase(key, "es", terms),
            is_over=is_over,
            css=_style(),
        )
    )


@cache
def headers() -> dict[str, str]:
    """What goes with a page: nothing is loaded, kept, framed, or told to where a link leads."""
    digest = base64.b64encode(sha256(_style().encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }


@cache
def _style() -> Markup:
    return Markup((_TEMPLATES / "bill.css").read_text("utf-8"))  # noqa: S704 - our own file


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
