"""What a payer asks for and allows, as data: deadlines, cut-off times, timely filing, questions,
pace, and the fields it wants filled."""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from services.submission.domain.checked import Checked
from shared.contract.claim import Claim, ClaimKind, Text
from shared.contract.model import Finding, Model

DAY_S = 86_400.0
COUNTDOWN_PERCENT = (50, 25, 10, 0)
"""Of the time for filing that is left when it is said; 0: it is over."""


class Deadlines(Checked):
    """Seconds after sending at which an answer is overdue; the service's settings where absent."""

    syntax_s: float | None = Field(None, gt=0)
    """The 999."""
    acceptance_s: float | None = Field(None, gt=0)
    """The 277CA."""
    payment_s: float | None = Field(None, gt=0)
    """The 835: the payer's prompt-pay days."""


class Cutoff(Checked):
    """Times of day by which the payer must have a file for it to count as that day's."""

    times: Annotated[tuple[time, ...], Field(min_length=1, max_length=24)]
    time_zone: str = "UTC"
    margin_s: float = Field(600.0, ge=0, le=DAY_S)
    """So long before a cut-off, what waits is sent sooner: after a tenth of this, at most."""

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("a time zone's name, such as America/Chicago") from None
        return name

    def window_s(self, usual_s: float, now: datetime) -> float:
        """How long a claim waits for others now, at most."""
        return min(usual_s, self.margin_s / 10) if self.is_near(now) else usual_s

    def is_near(self, now: datetime) -> bool:
        """Whether a cut-off comes within the margin."""
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        ends = (
            datetime.combine(day, at, zone)
            for day in (today, today + timedelta(days=1))
            for at in self.times
        )
        return any(timedelta(0) <= end - now <= timedelta(seconds=self.margin_s) for end in ends)


class Filing(Checked):
    """Timely filing: days from the service (for a later payer: from the decision before it)."""

    days: int = Field(365, gt=0, le=3650)
    later_payer_days: int | None = Field(None, gt=0, le=3650)
    """For secondary and tertiary claims, where it differs."""

    def days_for(self, payer_sequence: str) -> int:
        return (self.later_payer_days if payer_sequence != "P" else None) or self.days


class StatusInquiry(Checked):
    """When to ask by a 276 for claims that have no 835 yet."""

    after_days: Annotated[tuple[float, ...], Field(min_length=1, max_length=20)]
    """Days after sending, rising: one question at each."""

    @field_validator("after_days")
    @classmethod
    def _rises(cls, days: tuple[float, ...]) -> tuple[float, ...]:
        if list(days) != sorted(set(days)) or days[0] <= 0:
            raise ValueError("days that rise, from above 0")
        return days

    def due(self, sent_at: datetime, asked: int) -> datetime | None:
        """When the question after `asked` earlier ones is due; None after the last."""
        if asked >= len(self.after_days):
            return None
        return sent_at + timedelta(days=self.after_days[asked])


class Pacing(Checked):
    """How quickly the payer wants to be sent to, and how it is treated while it is down."""

    between_sendings_s: float = Field(0.0, ge=0, le=DAY_S)
    failures_to_open: int = Field(1, ge=1, le=100)
    """Failures in a row after which the payer is left alone for a while."""
    rests_s: Annotated[tuple[float, ...], Field(min_length=1, max_length=20)] = (
        1.0,
        2.0,
        5.0,
        15.0,
        30.0,
        60.0,
    )
    """How long: after the first such failure, the second, ...; the last one from then on."""


_PATH = re.compile(r"^[a-z_]+(?:\[\])?(?:\.[a-z_]+(?:\[\])?)*$")


class RequiredField(Checked):
    """A field of the canonical claim without which the payer refuses. `[]` means each:
    `service_lines[].rendering_provider.npi`."""

    path: str
    kinds: tuple[ClaimKind, ...] = ("professional", "institutional", "dental")
    hint: Text | None = None
    severity: Literal["block"] = "block"

    @field_validator("path")
    @classmethod
    def _is_in_the_claim(cls, path: str) -> str:
        if not _PATH.match(path):
            raise ValueError("names with dots between, [] after a list")
        model: type[Model] = Claim
        for step in path.split("."):
            field = model.model_fields.get(step.removesuffix("[]"))
            if field is None:
                raise ValueError("no such field in the canonical claim")
            model = _model_of(field.annotation) or Model
        return path

    def findings(self, claim: Claim) -> tuple[Finding, ...]:
        """One finding for each place where the field is empty."""
        if claim.kind not in self.kinds:
            return ()
        return tuple(
            Finding(
                code="required-by-payer",
                path=where,
                message="This payer refuses claims without this field.",
                hint=self.hint,
                source="payer profile",
            )
            for where in _empty(claim, self.path.split("."))
        )


def _empty(value: object, steps: Sequence[str], where: str = "") -> list[str]:
    if not steps:
        return [where] if value in (None, "", ()) else []
    step, rest = steps[0], steps[1:]
    name = step.removesuffix("[]")
    inner = getattr(value, name, None)
    place = f"{where}.{name}" if where else name
    if not step.endswith("[]"):
        return _empty(inner, rest, place) if inner is not None or not rest else [place]
    if not isinstance(inner, tuple):
        return [place]
    return [found for at, one in enumerate(inner) for found in _empty(one, rest, f"{place}[{at}]")]


def _model_of(annotation: object) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_of(part)
        if found is not None:
            return found
    return None


def filing_start(claim: Claim) -> date | None:
    """The day from which timely filing counts: the last day of service; for a later payer the day
    of the last decision before it. None where the claim does not say."""
    if claim.payer_sequence != "P":
        decided = [
            day
            for coverage in claim.other_coverages
            for day in (
                coverage.adjudicated_on,
                *(
                    line.adjudicated_on
                    for service in claim.service_lines
                    for line in service.adjudications
                    if line.payer_identifier == coverage.payer.identifier
                ),
            )
            if day is not None
        ]
        if decided:
            return max(decided)
    days = [claim.statement_through, claim.statement_from, claim.discharged_on]
    for line in claim.service_lines:
        days += [line.service_through, line.service_from]
    return max((day for day in days if day is not None), default=None)


def last_filing_day(start: date, days: int) -> date:
    """The last day on which the claim is filed in time."""
    return start + timedelta(days=days)


def countdown_at(start: date, days: int, percent_left: int) -> datetime:
    """When so much of the time is left (UTC)."""
    elapsed = timedelta(days=days) * (100 - percent_left) / 100
    midnight = datetime.combine(start, time(), ZoneInfo("UTC"))
    # 0 is said when the last day is over.
    return midnight + (elapsed if percent_left else elapsed + timedelta(days=1))


def countdown(start: date, days: int, now: datetime) -> int | None:
    """The lowest step of the countdown that has been reached; None before the first."""
    reached = [step for step in COUNTDOWN_PERCENT if countdown_at(start, days, step) <= now]
    return min(reached, default=None)


def next_countdown(start: date, days: int, now: datetime) -> datetime | None:
    """When the next step comes; None after the last."""
    ahead = [countdown_at(start, days, step) for step in COUNTDOWN_PERCENT]
    return min((at for at in ahead if at > now), default=None)
