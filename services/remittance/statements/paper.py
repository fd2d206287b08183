"""A bill in one language, ready to be laid out: every text chosen, every amount written.

It is apart from the layouts so that HTML and PDF say the same.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from services.remittance.domain.patient_bill import (
    Bill,
    BilledClaim,
    BilledService,
    Money,
    NotOwedKind,
    Share,
    WaitingClaim,
)
from services.remittance.domain.patient_statement import Statement
from services.remittance.domain.patient_terms import BillingTerms, Language
from services.remittance.statements.catalogue import Catalogue, catalogue
from shared.money import format_cents

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre",
}


def written_cents(cents: int) -> str:
    """`$1,234.50`; `−$5.00`, with a true minus, for less than nothing."""
    whole, _, fraction = format_cents(abs(cents)).partition(".")
    return f"{'−' if cents < 0 else ''}${int(whole):,}.{fraction}"


def written_day(day: date | None, language: Language) -> str:
    """`March 5, 2026`, `5 de marzo de 2026`."""
    if day is None:
        return ""
    month = _MONTHS[language].split()[day.month - 1]
    if language == "es":
        return f"{day.day} de {month} de {day.year}"
    return f"{month} {day.day}, {day.year}"


@dataclass(frozen=True, slots=True)
class Row:
    """One service, or the visit as a whole, written out."""

    plain: str
    official: str | None
    day: str
    code: str
    units: str
    charge: str
    discount: str
    paid: str
    not_owed: str
    share: str
    share_of: tuple[str, ...]
    """The share by the plan's words for it."""
    zeros: frozenset[str]
    """The names of the amounts that are nothing."""
    is_whole: bool
    is_explained: bool
    """Its own amounts add up; else the rest is said for the visit as a whole."""


@dataclass(frozen=True, slots=True)
class Why:
    """An amount and the reason for it."""

    label: str
    why: str
    amount: str


@dataclass(frozen=True, slots=True)
class ClaimPart:
    payers: str
    number: str
    provider: str
    rows: tuple[Row, ...]
    total: Row
    shares: tuple[Why, ...]
    has_not_owed: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    service: str
    day: str
    charge: str
    payers: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step from the full price to the amount due."""

    label: str
    amount: str
    is_result: bool = False


@dataclass(frozen=True, slots=True)
class Paper:
    language: Language
    t: Callable[[str], str]
    """A phrase by its key."""
    statement: Statement
    bill: Bill
    terms: BillingTerms
    number: str
    made_on: str
    due_on: str
    amount_due: str
    refund: str | None
    steps: tuple[Step, ...]
    claims: tuple[ClaimPart, ...]
    not_owed: tuple[Why, ...]
    waiting: tuple[Waiting, ...]
    sender: tuple[str, ...]
    phone: str | None
    estimate: str | None
    billed: str
    is_above_estimate: bool


def paper_of(
    statement: Statement,
    language: Language,
    terms: BillingTerms,
    texts: Catalogue | None = None,
) -> Paper:
    """The statement in this language."""
    writer = _Writer(texts or catalogue(), language, terms)
    bill = statement.bill
    provider = bill.provider
    name = terms.office.name or (provider.name if provider else "")
    address = terms.office.address or (provider.address if provider else ())
    estimate = bill.estimate
    return Paper(
        language=language,
        t=writer.t,
        statement=statement,
        bill=bill,
        terms=terms,
        number=number_of(statement),
        made_on=written_day(statement.made_on, language),
        due_on=written_day(statement.due_on, language),
        amount_due=written_cents(bill.amount_due),
        refund=written_cents(bill.refund) if bill.refund else None,
        steps=tuple(writer.steps(bill)),
        claims=tuple(writer.claim(claim) for claim in bill.claims),
        not_owed=tuple(writer.not_owed(bill)),
        waiting=tuple(writer.waiting(one) for one in bill.waiting),
        sender=tuple(line for line in (name, *address) if line),
        phone=terms.office.phone or bill.provider_phone,
        estimate=written_cents(estimate.amount) if estimate else None,
        billed=written_cents(bill.total.share),
        is_above_estimate=any(one.code == "estimate-exceeded" for one in statement.findings),
    )


def number_of(statement: Statement) -> str:
    """What people call the bill: short enough to read out on the telephone."""
    digits = statement.id.hex[:8].upper()
    return f"{digits[:4]}-{digits[4:]}"


@dataclass(frozen=True, slots=True)
class _Writer:
    texts: Catalogue
    language: Language
    terms: BillingTerms

    def t(self, key: str) -> str:
        return self.texts.phrase(key, self.language, self.terms)

    def steps(self, bill: Bill) -> Iterator[Step]:
        total = bill.total
        yield Step(self.t("full_price"), written_cents(total.charge))
        for key, cents in (
            ("discount", total.discount),
            ("plan_paid", total.paid),
            ("not_owed_total", total.not_owed),
        ):
            if cents:
                yield Step(self.t(key), written_cents(-cents))
        yield Step(self.t("your_share"), written_cents(total.share), is_result=True)
        applied = total.share - bill.amount_due
        if applied:
            yield Step(self.t("you_paid"), written_cents(-applied))
        yield Step(self.t("amount_due"), written_cents(bill.amount_due), is_result=True)

    def claim(self, claim: BilledClaim) -> ClaimPart:
        return ClaimPart(
            payers=", ".join(claim.payers),
            number=claim.payer_claim_control_number or "",
            provider=claim.provider or "",
            rows=tuple(self.row(service) for service in claim.services),
            total=self._row(claim.total, self.t("total")),
            shares=tuple(self.share(part) for part in claim.shares),
            has_not_owed=bool(claim.total.not_owed),
        )

    def row(self, service: BilledService) -> Row:
        if service.number is None:
            return self._row(
                service, self.t("visit_as_whole"), is_whole=True, shares=service.shares
            )
        words = self.texts.service(service.code, service.revenue_code, self.language, self.terms)
        code = "-".join((service.code or service.revenue_code or "", *service.modifiers))
        units = service.units
        return self._row(
            service,
            words.plain,
            official=words.official,
            day=self._days(service),
            code=code,
            units=f"{units.normalize():f}" if units is not None and units != 1 else "",
            shares=service.shares,
        )

    def _days(self, service: BilledService) -> str:
        first = written_day(service.service_from, self.language)
        last = written_day(service.service_through, self.language)
        return f"{first} – {last}" if last and last != first else first

    def _row(
        self,
        money: Money,
        plain: str,
        *,
        official: str | None = None,
        day: str = "",
        code: str = "",
        units: str = "",
        is_whole: bool = False,
        shares: Sequence[Share] = (),
    ) -> Row:
        return Row(
            plain=plain,
            official=official,
            day=day,
            code=code,
            units=units,
            charge=written_cents(money.charge),
            discount=written_cents(-money.discount),
            paid=written_cents(-money.paid),
            not_owed=written_cents(-money.not_owed),
            share=written_cents(money.share),
            share_of=tuple(
                f"{self.t(part.bucket)} {written_cents(part.amount)}" for part in shares
            ),
            zeros=frozenset(
                name for name in ("discount", "paid", "not_owed") if not getattr(money, name)
            ),
            is_whole=is_whole,
            is_explained=money.rest == 0,
        )

    def share(self, part: Share) -> Why:
        why = self.t(f"{part.bucket}_why")
        if part.bucket == "other":
            why = self.texts.reason(part.reason, self.language) or why
        return Why(self.t(part.bucket), why, written_cents(part.amount))

    def not_owed(self, bill: Bill) -> Iterator[Why]:
        """Every reason once, over all claims of the bill, the largest amount first."""
        sums: dict[tuple[NotOwedKind, str], int] = {}
        for claim in bill.claims:
            for part in claim.not_owed:
                key = part.kind, part.reason
                sums[key] = sums.get(key, 0) + part.amount
        for (kind, reason), cents in sorted(sums.items(), key=lambda one: -abs(one[1])):
            if cents:
                yield Why(*self._why_not(kind, reason), written_cents(cents))

    def _why_not(self, kind: NotOwedKind, code: str) -> tuple[str, str]:
        reason = self.texts.reason(code, self.language)
        if kind == "given_up":
            return self.t("given_up"), reason or ""
        if kind == "denied":
            return self.t("plan_said_no"), reason or ""
        return reason or self.t("unknown_reason"), ""

    def waiting(self, one: WaitingClaim) -> Waiting:
        words = self.texts.service(one.code, one.revenue_code, self.language, self.terms)
        more = f" (+{one.services - 1})" if one.services > 1 else ""
        return Waiting(
            service=words.plain + more,
            day=written_day(one.service_from, self.language),
            charge=written_cents(one.charge),
            payers=", ".join(one.payers),
            why=tuple(self.t(kind) for kind in one.reasons),
        )
