"""Checks across lines on claims of very many of them: the same findings as comparing every line
with every other, at a cost that grows with different codes and modifiers."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from services.coding.domain import duplicates, pairs, unit_limits
from services.coding.domain.history import EarlierLine
from services.coding.domain.modifier_table import ANATOMIC, PASSES_PAIR
from services.coding.domain.reference import BEGINNING, END, PairEdit, Reference, UnitLimit
from services.coding.domain.rule import Case, apply
from services.coding.reference import kinds
from shared.contract.claim import ServiceLine
from tests.examples import examples
from tests.unit.coding.claims import NPI, SERVED, TODAY, line, lines_of, professional
from tests.unit.coding.tables import editions, table

CODES = ("11042", "97597", "93000", "80053")
EDITS = (
    PairEdit("11042", "97597", "1", BEGINNING, END, ""),
    PairEdit("93000", "11042", "0", BEGINNING, END, ""),
    PairEdit("97597", "80053", "1", BEGINNING, END, ""),
)
LIMITS = {"11042": UnitLimit(3, 1), "97597": UnitLimit(4, 2), "93000": UnitLimit(2, 3)}
REFERENCE = Reference(
    "test",
    pairs={"practitioner": editions(table("ncci-ptp", map(kinds.pair_row, EDITS)))},
    limits={
        "practitioner": editions(
            table(
                "ncci-mue",
                [kinds.limit_row(code, BEGINNING, END, each) for code, each in LIMITS.items()],
            )
        )
    },
)
MODIFIERS = st.lists(st.sampled_from(("59", "LT", "RT", "F1", "26", "XS")), max_size=2)
LINES = lines_of(CODES, MODIFIERS, 3)
EARLIER = st.builds(
    lambda code, modifiers, units: EarlierLine(
        UUID(int=8), "professional", SERVED, NPI, code, tuple(modifiers), Decimal(units), 10_000
    ),
    st.sampled_from(CODES),
    MODIFIERS,
    st.integers(1, 3),
)

Said = tuple[str, str | None]


def said(case: Case) -> list[Said]:
    rules = (*pairs.RULES, *unit_limits.RULES, *duplicates.RULES)
    return [(each.code, each.path) for each in apply(rules, case)]


def every_two(lines: Sequence[ServiceLine], history: Sequence[EarlierLine]) -> set[Said]:
    """What the rules say, each line compared with every other."""
    given = [(at, each.procedure, each.units, each.charge) for at, each in enumerate(lines)]
    ours = [
        (f"service_lines[{at}]", procedure.code, set(procedure.modifiers), units, charge)
        for at, procedure, units, charge in given
        if procedure is not None and units is not None
    ]
    theirs = [(None, each.code, set(each.modifiers), each.units, each.charge) for each in history]
    both = [*ours, *theirs]
    found: set[Said] = set()
    for edit in EDITS:
        rule = "pair-needs-modifier" if edit.indicator == "1" else "pair-never-together"
        for first_path, first, before in (each[:3] for each in both):
            for second_path, second, after in (other[:3] for other in both):
                if (first, second) != (edit.column_1, edit.column_2):
                    continue
                passes = (PASSES_PAIR & (before | after)) - (ANATOMIC & before & after)
                path = second_path or first_path
                if path and not (passes and edit.indicator == "1"):
                    found.add((rule, f"{path}.procedure"))
    for path, code, _, units, _ in ours:
        limit = LIMITS.get(code)
        if limit is not None:
            day = sum(other for _, same, _, other, _ in both if same == code)
            if (units if limit.indicator == 1 else day) > limit.value:
                name = {1: "units-over-line-limit", 2: "units-over-day-limit"}
                rule = name.get(limit.indicator, "units-over-clinical-limit")
                found.add((rule, f"{path}.units"))
    return found


@examples(200)
@given(st.lists(LINES, max_size=14), st.lists(EARLIER, max_size=6))
def test_lines_are_judged_as_if_each_was_compared_with_every_other(
    lines: list[ServiceLine], history: list[EarlierLine]
) -> None:
    found = said(Case(professional(*lines), TODAY, REFERENCE, tuple(history)))
    across = {each for each in found if each[0].startswith(("pair-", "units-over"))}
    assert across == every_two(professional(*lines).service_lines, history)
    again = [path for code, path in found if code == "service-billed-already"]
    assert again == [
        f"service_lines[{at}]"
        for at, each in enumerate(professional(*lines).service_lines)
        if each.procedure is not None
        and any(
            (other.code, sorted(other.modifiers), other.units)
            == (each.procedure.code, sorted(each.procedure.modifiers), each.units)
            for other in history
        )
    ]


@examples(100)
@given(st.lists(LINES, max_size=14), st.lists(EARLIER, max_size=6))
def test_denied_lines_come_in_the_order_of_comparing_each_with_every_other(
    lines: list[ServiceLine], history: list[EarlierLine]
) -> None:
    case = Case(professional(*lines), TODAY, REFERENCE, tuple(history))
    for hit in case.pair_hits:
        expected: dict[str, None] = {}
        for first in hit.first:
            for second in hit.second:
                told = second.line or first.line
                if told is not None and not (set(first.modifiers) | set(second.modifiers)) & {"59"}:
                    expected[told.path] = None
        found = pairs.denied(hit, lambda one, other: "59" in one | other)
        assert [each.path for each in found] == list(expected)


@examples(50)
@given(st.sets(st.sampled_from((*CODES, "99213", "É9213", "J1885")), max_size=7))
def test_a_table_says_of_all_pairs_at_once_what_it_says_of_each(codes: set[str]) -> None:
    pair_table = REFERENCE.pairs["practitioner"].newest
    assert pair_table is not None
    ordered = sorted(codes)
    each = [edit for two in combinations(ordered, 2) for edit in pair_table.find("".join(two))]
    assert list(pair_table.find_pairs(ordered)) == each


def test_modifiers_of_hundreds_of_lines_are_compared_once_for_each_combination() -> None:
    lines = [line(CODES[at % 2], *(("LT",) if at % 3 else ())) for at in range(998)]
    (hit,) = Case(professional(*lines), TODAY, REFERENCE).pair_hits
    compared = []

    def passes(one: frozenset[str], other: frozenset[str]) -> bool:
        compared.append((one, other))
        return True

    assert not list(pairs.denied(hit, passes))
    assert len(compared) == len(set(compared)) == 4
