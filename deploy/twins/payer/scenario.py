"""What the payer twin does to claims, as one checked document, and what it comes to for a claim.

A scenario is data: tables with weights, percentages of claims that something befalls, and `claims`
that script single ones. Every field has a default; a scenario that says nothing is the default
day. Amounts are integer cents here and decimal strings in a file; spans are `31d`, `12h`, `90s` or
a number of days. The README says what each field does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema
from pydantic.dataclasses import dataclass

from deploy.twins.payer.draws import draw, pick
from shared.money import Cents

DEFAULT_SEED = 1
"""Of a twin that is told none."""

_CHECKED = ConfigDict(extra="forbid")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,9})([smhd])", re.ASCII)


def span(value: object) -> object:
    """A length of time from `31d`, `12h`, `5m`, `90s` or a whole number of days."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return timedelta(days=value)
    if isinstance(value, str):
        match = _SPAN.fullmatch(value)
        if match is None:
            raise ValueError('a span is a number of days, or like "31d", "12h", "5m", "90s"')
        return timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    return value


def span_of(text: str) -> timedelta:
    """A length of time as a scenario writes it. Raises ValueError."""
    return TypeAdapter(Span).validate_python(int(text) if text.isdigit() else text)


def _some_weight(rows: Sequence["Fate | Denial | Refusal | CostShare"]) -> Sequence[object]:
    if not any(row.weight for row in rows):
        raise ValueError("a table to draw from has at least one row with a weight")
    return rows


Span = Annotated[
    timedelta,
    BeforeValidator(span),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^[0-9]+[smhd]$"},
            ]
        }
    ),
]
Percent = Annotated[int, Field(ge=0, le=100)]
Weight = Annotated[int, Field(ge=0)]
Code = Annotated[str, Field(min_length=1, max_length=20)]
Group = Literal["CO", "PR", "OA", "PI"]
AnswerKind = Literal["ta1", "999", "277ca", "277", "835"]
Way = Literal["truncated", "stripped", "lowered", "spaced", "zeroed"]


class Outcome(StrEnum):
    """What becomes of a claim at the twin."""

    PAID = "paid"
    """In full."""
    REDUCED = "reduced"
    """To the agreed price: CO 45 for the rest."""
    SPLIT = "split"
    """The agreed price, shared between payer and patient: PR 1, 2, 3."""
    PARTLY_DENIED = "partly_denied"
    """The last of several lines is denied, the others are reduced."""
    DENIED = "denied"
    REFUSED = "refused"
    """At the 277CA: never adjudicated."""
    SILENT = "silent"
    """Taken, and never heard of again: no 277CA, no 835, and a 276 finds nothing."""


PAYING = (Outcome.PAID, Outcome.REDUCED, Outcome.SPLIT, Outcome.PARTLY_DENIED)
NEVER_ADJUDICATED = (Outcome.REFUSED, Outcome.SILENT)


@dataclass(frozen=True, config=_CHECKED)
class Fate:
    outcome: Outcome
    weight: Weight


@dataclass(frozen=True, config=_CHECKED)
class Denial:
    """A claim adjustment reason (CARC) for the whole charge, and remark codes (RARC) beside it."""

    reason: Code
    weight: Weight = 1
    remarks: tuple[Code, ...] = ()
    group: Group = "CO"


@dataclass(frozen=True, config=_CHECKED)
class Refusal:
    """STC01 of a refusing 277CA: category, status, entity."""

    category: Literal["A3", "A6", "A7", "A8"]
    status: Code
    entity: str = ""
    weight: Weight = 1


@dataclass(frozen=True, config=_CHECKED)
class CostShare:
    """What the patient owes of the agreed price: first the deductible, then a copay, then a
    percentage of what is left."""

    weight: Weight = 1
    deductible: Cents = 0
    copay: Cents = 0
    coinsurance_percent: Percent = 0


@dataclass(frozen=True, config=_CHECKED)
class Bundle:
    """Lines with all of these codes are paid as one, under another code (SVC01; SVC06 says what was
    billed). The first of them carries the payment, the others CO 97."""

    codes: Annotated[tuple[Code, ...], Field(min_length=2)]
    into: Code


@dataclass(frozen=True, config=_CHECKED)
class DroppedModifiers:
    """Modifiers that SVC01 does without, on `percent` of claims. `is_shown`: SVC06 has them."""

    modifiers: tuple[Code, ...] = ()
    percent: Percent = 100
    is_shown: bool = True


@dataclass(frozen=True, config=_CHECKED)
class Mangling:
    """What is done to CLP01 on `percent` of claims."""

    percent: Percent = 0
    ways: Annotated[tuple[Way, ...], Field(min_length=1)] = ("truncated", "stripped", "zeroed")


@dataclass(frozen=True, config=_CHECKED)
class Delays:
    """From receipt to answer. `pended_percent` of claims wait `pended_for` longer; an 835 waits for
    the next payment run where runs are `run_every` so long."""

    ta1: Span = timedelta()
    syntax: Span = timedelta()
    """The 999."""
    clearinghouse: Span | None = None
    """A 277CA from a clearinghouse (A0) that comes before the payer's own; none where absent."""
    acceptance: Span = timedelta()
    """The payer's 277CA."""
    status: Span = timedelta()
    """The 277 to a 276."""
    payment: Span = timedelta(seconds=1)
    """The 835."""
    pended_percent: Percent = 0
    pended_for: Span = timedelta(days=10)
    run_every: Span | None = None


@dataclass(frozen=True, config=_CHECKED)
class Delivery:
    """What happens to answers of one kind on their way, in percent of files."""

    lost_percent: Percent = 0
    duplicated_percent: Percent = 0
    late_percent: Percent = 0
    late_by: Span = timedelta(days=5)


@dataclass(frozen=True, config=_CHECKED)
class Divisions:
    """A claim of several lines is answered as two (277CA A5), the second part `after` the first."""

    percent: Percent = 0
    after: Span = timedelta(days=7)


@dataclass(frozen=True, config=_CHECKED)
class Reversals:
    """Decisions that the payer takes back `after` it paid (CLP02 22), with a correction drawn from
    `into` in the same 835."""

    percent: Percent = 0
    after: Span = timedelta(days=20)
    into: Annotated[tuple[Fate, ...], AfterValidator(_some_weight)] = (
        Fate(Outcome.REDUCED, 3),
        Fate(Outcome.DENIED, 1),
    )


@dataclass(frozen=True, config=_CHECKED)
class Recovery:
    """How the payer gets back what it overpaid. `balance_forward`: at once from the same payment,
    and PLB FB carries what a payment is too small for. `overpayment`: PLB WO, first put off with
    a negative amount, then taken from later payments. Of one payment at most `most_percent`."""

    how: Literal["balance_forward", "overpayment"] = "balance_forward"
    most_percent: Annotated[int, Field(ge=1, le=100)] = 100


@dataclass(frozen=True, config=_CHECKED)
class Interest:
    """What the payer owes for paying later than `after`: simple interest, PLB L6 and AMT*I."""

    annual_percent: Percent = 0
    after: Span = timedelta(days=30)


@dataclass(frozen=True, config=_CHECKED)
class ProviderAdjustmentRule:
    """A PLB on `percent` of remittances. A positive amount lowers the payment."""

    reason: Code
    amount: Cents
    percent: Percent = 100
    reference: str | None = None


@dataclass(frozen=True, config=_CHECKED)
class Crossovers:
    """Claims whose patient's share is forwarded to another payer (CLP02 19, 20, 21; NM1*TT).
    Where that one `pays`, its own 835 comes `after`."""

    percent: Percent = 0
    payer_name: str = "SUPPLEMENTAL PLAN"
    payer_identifier: Code = "SUPP1"
    pays: bool = True
    after: Span = timedelta(days=5)


@dataclass(frozen=True, config=_CHECKED)
class WrongTotal:
    """An amount that is wrong on purpose: BPR02 of `percent` of remittances, or CLP04 or SVC03 of
    `percent` of claims."""

    level: Literal["transaction", "claim", "line"]
    percent: Percent = 100
    by: Cents = 100


@dataclass(frozen=True, config=_CHECKED)
class Script:
    """What becomes of the claims that `control_number` names, exactly or with `*` and `?`. What is
    left out is drawn as for any other claim. `turn`: "" the first sending, "2" the next after a
    refusal, "7" a replacement, "S" and "T" as a secondary or tertiary claim."""

    control_number: Annotated[str, Field(min_length=1)]
    turn: str = ""
    outcome: Outcome | None = None
    denial: Denial | None = None
    refusal: Refusal | None = None
    cost_share: CostShare | None = None
    agreed_percent: Percent | None = None
    payment_delay: Span | None = None
    is_divided: bool | None = None
    is_crossed_over: bool | None = None
    mangled: Way | Literal["no"] | None = None
    reversed_after: Span | None = None
    reversed_into: Outcome | None = None
    wrong_total: WrongTotal | None = None


def _in_order(ends: tuple[int, int]) -> tuple[int, int]:
    if ends[0] > ends[1]:
        raise ValueError("the lower end of a range comes first")
    return ends


_Fates = Annotated[tuple[Fate, ...], AfterValidator(_some_weight)]
_Denials = Annotated[tuple[Denial, ...], AfterValidator(_some_weight)]
_Refusals = Annotated[tuple[Refusal, ...], AfterValidator(_some_weight)]
_CostShares = Annotated[tuple[CostShare, ...], AfterValidator(_some_weight)]
_Range = Annotated[tuple[Percent, Percent], AfterValidator(_in_order)]


@dataclass(frozen=True, config=_CHECKED)
class Scenario:
    """Everything that a twin does. The defaults are the default day."""

    fates: _Fates = (
        Fate(Outcome.PAID, 36),
        Fate(Outcome.REDUCED, 27),
        Fate(Outcome.SPLIT, 20),
        Fate(Outcome.DENIED, 11),
        Fate(Outcome.REFUSED, 4),
        Fate(Outcome.SILENT, 2),
    )
    denials: _Denials = (
        Denial("29", 2),
        Denial("50", 3),
        Denial("197", 3),
        Denial("16", 3, remarks=("M76",)),
        Denial("97", 1, remarks=("M15",)),
    )
    refusals: _Refusals = (
        Refusal("A7", "164", "IL", 3),
        Refusal("A7", "562", "85", 2),
        Refusal("A3", "33", "IL", 2),
        Refusal("A6", "254", "", 1),
    )
    cost_shares: _CostShares = (
        CostShare(4, copay=3000),
        CostShare(4, coinsurance_percent=20),
        CostShare(3, deductible=7500, coinsurance_percent=20),
        CostShare(1, deductible=50_000),
    )
    agreed_percent: _Range = (55, 90)
    """Agreed prices of codes without a price, in percent of the charge, both ends included."""
    name: str = "everyday"
    description: str = ""
    prices: Mapping[str, Cents] = Field(default_factory=dict)
    """The fee schedule: the agreed price of one unit, by procedure code or else revenue code."""
    filing_limit: Span | None = None
    """A service older than this at receipt is denied with CO 29, whatever was drawn."""
    denies_duplicates: bool = True
    """The same claim again as an original is denied with CO 18; else it is paid again."""
    bundles: tuple[Bundle, ...] = ()
    changed_codes: Mapping[str, Code] = Field(default_factory=dict)
    """Codes that are paid as others (SVC01, SVC06, remark N22)."""
    dropped_modifiers: DroppedModifiers = DroppedModifiers()
    claim_level_percent: Percent = 0
    """Institutional claims answered without service lines, all adjustments at the claim."""
    control_numbers: Mangling = Mangling()
    delays: Delays = Delays()
    deliveries: Mapping[AnswerKind, Delivery] = Field(default_factory=dict)
    divisions: Divisions = Divisions()
    reversals: Reversals = Reversals()
    recovery: Recovery = Recovery()
    interest: Interest = Interest()
    provider_adjustments: tuple[ProviderAdjustmentRule, ...] = ()
    crossovers: Crossovers = Crossovers()
    wrong_totals: tuple[WrongTotal, ...] = ()
    claims: tuple[Script, ...] = ()

    def script(self, patient_control_number: str, turn: str = "") -> Script | None:
        """The first script that names this claim at this turn."""
        for one in self.claims:
            if one.turn == turn and fnmatchcase(patient_control_number, one.control_number):
                return one
        return None


EVERYDAY = Scenario()


def expected_outcome(
    patient_control_number: str, seed: int, scenario: Scenario = EVERYDAY, turn: str = ""
) -> Outcome:
    """What the twin will do with a claim it can read, before it does. At any turn but the first no
    claim is refused or forgotten but by a script."""
    script = scenario.script(patient_control_number, turn)
    if script is not None and script.outcome is not None:
        return script.outcome
    fates = scenario.fates
    if turn:
        kept = [fate for fate in fates if fate.outcome not in NEVER_ADJUDICATED and fate.weight]
        fates = tuple(kept) or (Fate(Outcome.PAID, 1),)
    return pick(fates, draw(patient_control_number, seed, purpose_at("fate", turn))).outcome


def purpose_at(purpose: str, turn: str) -> str:
    """The purpose of a draw at a turn; the first turn has no mark."""
    return f"{purpose}\x1f{turn}" if turn else purpose


def with_payment_delay(scenario: Scenario, delay: timedelta) -> Scenario:
    """The scenario with another time until its 835s."""
    return replace(scenario, delays=replace(scenario.delays, payment=delay))
