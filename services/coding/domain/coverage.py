"""Medical necessity: the diagnoses for which a payer's articles cover a procedure.

Tables of articles (as of local and national coverage determinations) are loaded by the operator. A
procedure that no article of the payer names is not judged.
"""

from collections.abc import Iterator

from services.coding.domain.reference import Article
from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import Service

_SHOWN = 6
_WAIVED = frozenset(("GA", "GX", "GY", "GZ"))
"""The hospital knows that it is not covered, and says so."""


def _not_covered(case: Case) -> Iterator[Breach]:
    table = case.reference.coverage.newest
    if table is None:
        return
    for service in case.services:
        articles = [each for each in table.find(service.code) if _applies(each, service.day, case)]
        if not articles or not _WAIVED.isdisjoint(service.modifiers):
            continue
        given = _diagnoses(case, service)
        if not any(each.diagnoses.cover(code) for each in articles for code in given):
            yield Breach(
                f"{service.path}.diagnosis_pointers",
                (service.code, *given),
                _hint(articles),
                f"{table.edition}, article {_names(articles)}",
            )


def _applies(article: Article, day: int, case: Case) -> bool:
    is_payers = not article.payer or article.payer == case.claim.payer.identifier
    return is_payers and article.first <= day <= article.last


def _diagnoses(case: Case, service: Service) -> list[str]:
    """Those the line points to; on institutional claims, which have no pointers, all."""
    diagnoses = case.claim.diagnoses
    if case.claim.kind == "institutional":
        return [each.code for each in diagnoses]
    pointers = service.line.diagnosis_pointers
    return [diagnoses[each - 1].code for each in pointers if 0 < each <= len(diagnoses)]


def _hint(articles: list[Article]) -> str:
    covered = [
        low if low == high else f"{low}-{high}"
        for each in articles
        for low, high in each.diagnoses.pairs[:_SHOWN]
    ]
    return (
        f"Article {_names(articles)} covers it for {', '.join(covered[:_SHOWN])} and what else it "
        "lists. Point to the diagnosis that the record supports, or add GA with a signed notice."
    )


def _names(articles: list[Article]) -> str:
    return ", ".join(sorted({each.article for each in articles}))


def concerns(case: Case) -> bool:
    """Where the table is loaded."""
    return bool(case.reference.coverage)


RULES = (
    Rule(
        "not-medically-necessary",
        "the payer covers this service, and not for the diagnoses that the line points to",
        "Point to the diagnosis that the record supports.",
        "Coverage article of the payer (42 USC 1395y(a)(1)(A); LCD or NCD for Medicare)",
        _not_covered,
        kinds=("professional", "institutional"),
    ),
)
