"""How the X12 engine says what is wrong: one error class, and problems that belong to no claim.

It is apart so that every layer of the engine can speak of errors without importing another.
Neither ever holds a value from the data.
"""

from dataclasses import dataclass
from typing import Literal

from shared.contract.model import Finding

Severity = Literal["block", "warn", "inform"]


class X12Error(ValueError):
    """What stops the reading or writing of an interchange; `code` is stable, `hint` says what to
    do.

    `path` is a place such as `2300/CLM02`, `position` the segment's ordinal in its transaction set
    (ST = 1) or, where no set is open, in the file.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        path: str | None = None,
        position: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" + (f" ({path})" if path else ""))
        self.code = code
        self.message = message
        self.path = path
        self.position = position
        self.hint = hint

    def finding(self, severity: Severity = "block") -> Finding:
        """The same as a finding of the contract."""
        return Finding(
            code=self.code,
            severity=severity,
            path=self.path,
            message=self.message,
            hint=self.hint,
            position=self.position,
        )


@dataclass(frozen=True, slots=True)
class ControlNumbers:
    """Which interchange, group and set something stood in; None where there was none."""

    interchange: str | None = None
    group: str | None = None
    transaction: str | None = None


@dataclass(frozen=True, slots=True)
class X12Problem:
    """What is wrong with an envelope, a transaction set or the file: with no single claim in it."""

    findings: tuple[Finding, ...]
    control: ControlNumbers = ControlNumbers()
