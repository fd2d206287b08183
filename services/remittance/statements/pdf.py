"""A bill as a PDF of letter size: the same words and amounts as the page, for mail and for keeping.

The file's name, title and metadata tell of nobody.
"""

import io
import unicodedata
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor, white  # type: ignore[import-untyped]
from reportlab.lib.enums import TA_RIGHT  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import letter  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    CondPageBreak,
    Flowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from services.remittance.statements.paper import ClaimPart, Paper, Row, Why

_INK, _SOFT, _BRAND = HexColor("#1b262c"), HexColor("#4b5a62"), HexColor("#0b5560")
_WASH, _LINE = HexColor("#eef5f4"), HexColor("#c9d4d6")
_MARGIN = 17 * mm
_WIDTH = letter[0] - 2 * _MARGIN - 12  # the frame's own padding

_TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=10, leading=13.5, textColor=_INK)
_SMALL = ParagraphStyle("small", _TEXT, fontSize=8.5, leading=11, textColor=_SOFT)
_RIGHT = ParagraphStyle("right", _TEXT, alignment=TA_RIGHT)
_SMALL_RIGHT = ParagraphStyle("small right", _SMALL, fontSize=8, leading=10, alignment=TA_RIGHT)
_HEAD = ParagraphStyle("head", _SMALL, fontName="Helvetica-Bold")
_HEAD_RIGHT = ParagraphStyle("head right", _HEAD, alignment=TA_RIGHT)
_H1 = ParagraphStyle("h1", _TEXT, fontName="Helvetica-Bold", fontSize=20, leading=24)
_H2 = ParagraphStyle(
    "h2",
    _TEXT,
    fontName="Helvetica-Bold",
    fontSize=13,
    leading=16,
    textColor=_BRAND,
    spaceBefore=12,
    spaceAfter=4,
    keepWithNext=1,
)
_H3 = ParagraphStyle(
    "h3", _TEXT, fontName="Helvetica-Bold", spaceBefore=6, spaceAfter=2, keepWithNext=1
)
_ON_BRAND = ParagraphStyle("on brand", _TEXT, textColor=white, fontSize=11, leading=15)
_SUM = ParagraphStyle("sum", _ON_BRAND, fontName="Helvetica-Bold", fontSize=24, leading=28)


def bill_pdf(paper: Paper) -> bytes:
    """The bill's bytes. The same bill gives the same bytes."""
    out = io.BytesIO()
    title = f"{paper.t('title')} {paper.number}"
    document = SimpleDocTemplate(
        out,
        pagesize=letter,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=15 * mm,
        bottomMargin=18 * mm,
        title=_latin(title),
        author=_latin(paper.sender[0]) if paper.sender else None,
        lang="es-US" if paper.language == "es" else "en-US",
        invariant=1,
    )

    def foot(canvas: Canvas, _: object) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 8.5)
        canvas.setFillColor(_SOFT)
        number = f"{paper.t('statement')} {paper.number}"
        canvas.drawString(_MARGIN, 10 * mm, _latin(number))
        page = f"{paper.t('page')} {canvas.getPageNumber()}"
        canvas.drawRightString(letter[0] - _MARGIN, 10 * mm, _latin(page))
        canvas.restoreState()

    document.build(list(_flow(paper)), onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _flow(paper: Paper) -> Iterator[Flowable]:
    t = paper.t
    yield _letterhead(paper)
    yield Spacer(1, 6 * mm)
    yield _p(t("title"), _H1)
    yield Spacer(1, 2 * mm)
    for status, key in (("superseded", "replaced"), ("held", "on_hold")):
        if paper.statement.status == status:
            yield _p(t(key), _H3)
    yield _due(paper)
    yield _facts(paper)
    yield _p(t("how_we_got"), _H2)
    yield _steps(paper)
    if paper.estimate:
        text = f"{t('estimate_was')} {paper.estimate}. {t('estimate_is')} {paper.billed}."
        dispute = f" {t('estimate_dispute')}" if paper.is_above_estimate else ""
        yield _p(f"{t('estimate')}: {text}{dispute}", _TEXT)
    yield _p(t("your_services"), _H2)
    yield _p(t("services_hint"), _SMALL)
    for claim in paper.claims:
        yield from _claim(paper, claim)
    if paper.not_owed:
        yield _p(t("not_owe"), _H2)
        yield _p(t("not_owe_lead"), _TEXT)
        yield _whys(paper.not_owed)
    if paper.waiting:
        yield _p(t("not_yet"), _H2)
        yield _p(t("not_yet_lead"), _TEXT)
        yield _whys(
            [
                Why(f"{one.service}, {one.day}", " ".join(one.why), one.charge)
                for one in paper.waiting
            ]
        )
    if paper.refund:
        yield _p(t("refund"), _H2)
        yield _p(f"{t('refund_lead')} {paper.refund}.", _TEXT)
    yield CondPageBreak(40 * mm)
    yield from _how(paper)


def _letterhead(paper: Paper) -> Flowable:
    lines = [*paper.sender, *([paper.phone] if paper.phone else [])]
    sender = [_p(lines[0], _H3)] if lines else []
    sender += [_p(line, _SMALL) for line in lines[1:]]
    person = paper.bill.addressee
    to = [_p(line, _TEXT) for line in (person.name, *person.address)] if person else []
    return _table([[sender, to]], [_WIDTH * 0.58, _WIDTH * 0.42])


def _due(paper: Paper) -> Flowable:
    t = paper.t
    left = [_p(t("please_pay"), _ON_BRAND), _p(paper.amount_due, _SUM)]
    right = [_p(t("pay_by"), _ON_BRAND), _p(paper.due_on, _ON_BRAND, bold=True)]
    table = _table([[left, right]], [_WIDTH * 0.6, _WIDTH * 0.4])
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), _BRAND),
                ("ROUNDEDCORNERS", [6, 6, 6, 6]),
                ("LEFTPADDING", (0, 0), (-1, -1), 12),
                ("TOPPADDING", (0, 0), (-1, -1), 8),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 10),
            ]
        )
    )
    return table


def _facts(paper: Paper) -> Flowable:
    t, bill = paper.t, paper.bill
    facts = [
        (t("patient"), bill.patient.name if bill.patient else ""),
        (t("account"), bill.account_number),
        (t("statement"), paper.number),
        (t("bill_date"), paper.made_on),
    ]
    cells = [[_p(label, _SMALL), _p(value, _TEXT, bold=True)] for label, value in facts]
    table = _table([cells], [_WIDTH / 4] * 4)
    table.setStyle(TableStyle([("TOPPADDING", (0, 0), (-1, -1), 8)]))
    return table


def _steps(paper: Paper) -> Flowable:
    rows = [
        [_p(step.label, _TEXT, bold=step.is_result), _p(step.amount, _RIGHT, bold=step.is_result)]
        for step in paper.steps
    ]
    table = _table(rows, [_WIDTH * 0.5, _WIDTH * 0.2])
    table.hAlign = "LEFT"
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -2), 0.5, _LINE),
                ("LINEBELOW", (0, -1), (-1, -1), 1.5, _BRAND),
            ]
        )
    )
    return table


def _claim(paper: Paper, claim: ClaimPart) -> Iterator[Flowable]:
    t = paper.t
    yield _p(f"{t('for_care')} {claim.provider or (paper.sender or ('',))[0]}", _H3)
    if claim.number:
        yield _p(
            f"{t('insurance')}: {claim.payers}. {t('claim_number')}: {claim.number}",
            _TEXT,
            bold=True,
        )
        yield _p(t("match_letter"), _SMALL)
    heads = ["service", "price", "less_discount", "less_paid", "left_for_you"]
    if claim.has_not_owed:
        heads.insert(4, "less_not_owed")
    rows: list[list[object]] = [
        [_p(t(head), _HEAD_RIGHT if at else _HEAD) for at, head in enumerate(heads)]
    ]
    rows += [[_service(paper, row), *_amounts(row, claim)] for row in claim.rows]
    rows.append([_p(t("total"), _TEXT, bold=True), *_amounts(claim.total, claim, bold=True)])
    column = 23 * mm
    width = _WIDTH - column * (len(heads) - 1)
    table = _table(rows, [width] + [column] * (len(heads) - 1), repeat_rows=1)
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 1.2, _BRAND),
                ("LINEBELOW", (0, 1), (-1, -2), 0.5, _LINE),
                ("BACKGROUND", (0, -1), (-1, -1), _WASH),
                ("VALIGN", (0, 0), (-1, 0), "BOTTOM"),
            ]
        )
    )
    yield table
    if claim.shares:
        yield KeepTogether([_p(t("why_share"), _H3), _whys(claim.shares)])


def _service(paper: Paper, row: Row) -> list[Flowable]:
    t = paper.t
    small = [row.day] if row.day else []
    if row.code:
        units = f", {t('units')} {row.units}" if row.units else ""
        small.append(f"{t('code')} {row.code}{units}")
    if row.is_whole:
        small.append(t("whole_hint"))
    parts: list[Flowable] = [_p(row.plain, _TEXT, bold=True)]
    if small:
        parts.append(_p(". ".join(small), _SMALL))
    if row.official:
        parts.append(_p(f"{t('official_name')}: {row.official}", _SMALL))
    return parts


def _amounts(row: Row, claim: ClaimPart, *, bold: bool = False) -> list[object]:
    amounts = [row.discount, row.paid, *([row.not_owed] if claim.has_not_owed else []), row.share]
    if not (row.is_explained or row.is_whole):
        amounts = [""] * len(amounts)
    cells: list[object] = [_p(text, _RIGHT, bold=bold) for text in (row.charge, *amounts[:-1])]
    share = [_p(amounts[-1], _RIGHT, bold=True)]
    if amounts[-1]:
        share += [_p(text, _SMALL_RIGHT) for text in row.share_of]
    return [*cells, share]


def _whys(parts: Sequence[Why]) -> Flowable:
    rows = []
    for part in parts:
        words = [_p(part.label, _TEXT, bold=bool(part.why))]
        words += [_p(part.why, _TEXT)] if part.why else []
        rows.append([words, _p(part.amount, _RIGHT, bold=True)])
    table = _table(rows, [_WIDTH - 30 * mm, 30 * mm])
    table.setStyle(TableStyle([("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE)]))
    return table


def _how(paper: Paper) -> Iterator[Flowable]:
    t, office = paper.t, paper.terms.office
    pay = [f"{t('pay_with')}: {paper.number}"]
    if office.pay_online:
        pay.append(f"{t('online')}: {office.pay_online}")
    if paper.phone:
        hours = f" ({office.hours.in_language(paper.language)})" if office.hours else ""
        pay.append(f"{t('by_phone')}: {paper.phone}{hours}")
    pay.append(f"{t('by_mail')}: {', '.join(office.pay_by_mail or paper.sender)}")
    pay.append(t("cannot_pay"))
    ask = [t(key) for key in ("ask_us", "dispute", "ask_plan", "federal_help")]
    for title, lines in ((t("how_to_pay"), pay), (t("questions"), ask)):
        yield KeepTogether([_p(title, _H2), *(_p(line, _TEXT) for line in lines)])


def _table(
    rows: Sequence[Sequence[object]], widths: Sequence[float], repeat_rows: int = 0
) -> Table:
    table = Table([list(row) for row in rows], colWidths=list(widths), repeatRows=repeat_rows)
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return table


def _p(text: str, style: ParagraphStyle, *, bold: bool = False) -> Paragraph:
    words = escape(_latin(text))
    return Paragraph(f"<b>{words}</b>" if bold else words, style)


def _latin(text: str) -> str:
    """The text in the characters of every PDF reader: others without their marks, else `?`."""
    text = text.replace("\u2212", "\u2013")  # the fonts have no minus sign
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        plain = unicodedata.normalize("NFKD", text)
        plain = "".join(mark for mark in plain if not unicodedata.combining(mark))
        return plain.encode("cp1252", "replace").decode("cp1252")
    return text
