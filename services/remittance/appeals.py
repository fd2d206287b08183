"""An appeal packet: the letter from a template, its facts, the evidence and the lines, ready for a
person to sign.

It is apart because it is the one thing here that is read by people at a payer. The template is
data (`templates/appeal.txt`); nothing in the letter is invented, and what is not known is left out.
"""

import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, StrictUndefined

from services.remittance.domain.judging import Submission
from services.remittance.domain.policy import Policy
from services.remittance.questions import denial_rows
from shared.contract.claim import Claim, Party
from shared.database import Connection
from shared.money import format_cents

TEMPLATE = Path(__file__).parent / "templates" / "appeal.txt"

_CLAIM = """
SELECT content, payer_claim_control_number, accepted_at, acceptance_evidence FROM claim
JOIN claim_document ON claim_document.claim_id = claim.id WHERE claim.id = $1
"""
_BASIS = {
    "timely_filing": "The claim was filed in time; the evidence below shows when it was accepted.",
    "medical_necessity": "The service was medically necessary; the records are enclosed.",
    "authorization": "The authorization is enclosed, or none was required for this service.",
    "bundling": "The services are distinct, as the modifiers and the record show.",
    "duplicate": "This is no duplicate: see the dates and lines below.",
    "not_covered": "The plan's terms cover this service.",
    "benefit_limit": "The limit that is named was not reached.",
}


@dataclass(frozen=True, slots=True)
class Packet:
    """What the letter is made of. It holds PHI."""

    letter: str
    lines: tuple[tuple[str, ...], ...]
    """Heading, then one row a service line."""


async def packet(
    connection: Connection, claim_id: UUID, policy: Policy, today: date
) -> Packet | None:
    """The appeal of the denials of a claim that stand; None where none does."""
    rows = await denial_rows(connection, claim_id)
    found = await connection.fetchrow(_CLAIM, claim_id)
    if not rows or found is None:
        return None
    claim = Submission.model_validate_json(found["content"]).claim
    denials = [
        {
            "reason": f"{row['adjustment_group']}-{row['reason']}",
            "remarks": ", ".join(row["remarks"]),
            "line": row["line"],
            "amount": format_cents(row["amount_cents"]),
            "meaning": policy.explain(
                row["adjustment_group"],
                row["reason"],
                row["remarks"],
                row["payer_identifier"],
                row["amount_cents"],
            ).meaning,
            "basis": _BASIS.get(row["kind"]),
        }
        for row in rows
    ]
    # Plain text, not markup: what is escaped here would be wrong on paper.
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    letter = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        today=today,
        claim=claim,
        charge=format_cents(claim.charge),
        patient_name=_name(claim.patient or claim.subscriber),
        provider=claim.billing_provider,
        payer=claim.payer,
        payer_claim_number=found["payer_claim_control_number"],
        accepted_at=found["accepted_at"],
        evidence=found["acceptance_evidence"],
        denials=denials,
        total=format_cents(sum(row["amount_cents"] for row in rows)),
        deadline=min((row["due_on"] for row in rows if row["due_on"]), default=None),
        basis=[text for text in dict.fromkeys(one["basis"] for one in denials) if text],
    )
    return Packet(letter, (_HEADING, *_lines(claim)))


_HEADING = ("line", "date", "code", "modifiers", "units", "charge")


def _lines(claim: Claim) -> list[tuple[str, ...]]:
    return [
        (
            str(line.number),
            str(line.service_from or claim.statement_from or ""),
            line.procedure.code if line.procedure else line.revenue_code or "",
            " ".join(line.procedure.modifiers) if line.procedure else "",
            str(line.units or ""),
            format_cents(line.charge),
        )
        for line in claim.service_lines
    ]


def _name(person: Party) -> str:
    return " ".join(part for part in (person.first_name, person.name) if part)


def to_text(made: Packet) -> str:
    """The packet as plain text."""
    widths = [max(len(row[at]) for row in made.lines) for at in range(len(_HEADING))]
    table = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in made.lines
    )
    return f"{made.letter.rstrip()}\n\nService lines\n\n{table}\n"


def to_pdf(made: Packet) -> bytes:
    """The packet as a PDF on letter paper."""
    from reportlab.lib.pagesizes import letter  # type: ignore[import-untyped]
    from reportlab.lib.styles import getSampleStyleSheet  # type: ignore[import-untyped]
    from reportlab.platypus import (  # type: ignore[import-untyped]
        Paragraph,
        SimpleDocTemplate,
        Spacer,
        Table,
    )

    styles = getSampleStyleSheet()
    story: list[Any] = []
    for paragraph in made.letter.split("\n\n"):
        text = "<br/>".join(_escaped(line) for line in paragraph.splitlines())
        story += [Paragraph(text, styles["BodyText"]), Spacer(1, 8)]
    story += [Paragraph("Service lines", styles["Heading3"]), Table(made.lines, hAlign="LEFT")]
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=letter, title="Appeal", invariant=1).build(story)
    return out.getvalue()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
