"""What a person does with a claim on the worklist, and what follows: pure, like every decision.

It is apart so that the rules of frequency codes and revisions stand in one place, and the tests
can drive them without a database. A rejection was never adjudicated: the claim goes out again as
what it was, mostly an original (frequency 1). A denial was: it is replaced (7) or voided (8), with
the payer's own claim number (837 CLM05-3, REF*F8; NUBC form locator 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.coding.domain.history import History
from services.coding.domain.verdict import Ruleset, verdict
from services.coding.domain.worklist.patching import Operation, patched, with_line_numbers
from shared.contract.claim import Claim
from shared.contract.envelope import Event, business_id
from shared.contract.events import ClaimCoded, ClaimHeld, ClaimReturned
from shared.contract.model import Finding

EVENT_SOURCE = "claimwire/coding"

Reason = Literal["held", "refused", "denied"]
Verb = Literal["fix", "release", "void", "return", "dismiss"]
Resolution = Literal["fixed", "released", "voided", "returned", "dismissed", "superseded"]

REPLACEMENT, VOID = "7", "8"

ALLOWED: Mapping[Reason, frozenset[Verb]] = {
    "held": frozenset(("fix", "release", "void", "return")),
    "refused": frozenset(("fix", "release", "void", "return", "dismiss")),
    "denied": frozenset(("fix", "void", "return", "dismiss")),
}
"""A denial is not released: the payer has decided, and the same claim again is a duplicate. A held
claim is not dismissed: it would never be paid, and nobody would be told."""
_INSTEAD: Mapping[tuple[Reason, Verb], str] = {
    ("denied", "release"): "Correct it, which replaces it, or dismiss it; an appeal is no claim.",
    ("held", "dismiss"): "Return it to the hospital, which then knows of it, or release it.",
}


class NotAllowedError(ValueError):
    """What cannot be done with this claim. `code` is stable, `hint` says what can be done."""

    def __init__(self, code: str, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Matter:
    """What an action is about. `claim` is the version that stands; `payer_claim_control_number` the
    payer's number, where it has adjudicated the claim."""

    entry_id: UUID
    reason: Reason
    claim: Claim
    findings: tuple[Finding, ...]
    payer_claim_control_number: str | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who acts, when, and by which rules the result is judged."""

    actor: str
    now: datetime
    ruleset: Ruleset
    history: History = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action comes to. `status` None leaves the claim's as it is; `resolution` is None
    while the claim stays on the worklist; `findings` are what the checks say of `claim`; `judged`
    whether it was judged anew."""

    claim: Claim
    status: Literal["coded", "held", "returned", "voided"] | None
    findings: tuple[Finding, ...]
    resolution: Resolution | None
    event: Event | None
    judged: bool = False


def fix(matter: Matter, operations: Sequence[Operation], at: Circumstances) -> Outcome:
    """The corrected claim, judged at once: it goes out if nothing blocks, else it stays with what
    remains. Raises PatchError and NotAllowedError."""
    _must_allow(matter, "fix")
    changed = patched(matter.claim, operations)
    if changed == matter.claim:
        raise NotAllowedError(
            "nothing-changed",
            "The patch changes nothing of the claim.",
            "To send the claim as it is, release it with a reason.",
        )
    return _judged(matter, _next(matter, changed, _replacement(matter, changed)), at)


def release(matter: Matter, at: Circumstances) -> Outcome:
    """The claim as it is, whatever is said against it. Raises NotAllowedError."""
    _must_allow(matter, "release")
    claim = matter.claim if matter.reason == "held" else _next(matter, matter.claim, {})
    findings = _verdict(claim, at)
    overridden = tuple(dict.fromkeys(one.code for one in findings if one.severity == "block"))
    told = (*(_as_warning(one) for one in findings), _override(overridden))
    coded = ClaimCoded(claim=claim, ruleset=at.ruleset.version, findings=told)
    event = _event(matter, claim, coded, at)
    return Outcome(claim, "coded", findings, "released", event, judged=True)


def void(matter: Matter, at: Circumstances) -> Outcome:
    """A void (frequency 8) of what the payer has adjudicated. Raises NotAllowedError."""
    _must_allow(matter, "void")
    number = matter.payer_claim_control_number
    if number is None:
        raise NotAllowedError(
            "never-adjudicated",
            "No payer has adjudicated this claim, so there is nothing to void.",
            "Return it to the hospital or dismiss it.",
        )
    claim = _next(matter, matter.claim, {"frequency": VOID, "payer_claim_control_number": number})
    findings = _verdict(claim, at)
    told = tuple(map(_as_warning, findings))
    coded = ClaimCoded(claim=claim, ruleset=at.ruleset.version, findings=told)
    event = _event(matter, claim, coded, at)
    return Outcome(claim, "voided", findings, "voided", event, judged=True)


def give_back(matter: Matter, note: str, at: Circumstances) -> Outcome:
    """The claim back to the hospital, with the reasons: it corrects and sends it again."""
    _must_allow(matter, "return")
    claim = matter.claim
    returned = ClaimReturned(
        revision=claim.revision,
        source=claim.source,
        patient_control_number=claim.patient_control_number,
        note=note,
        findings=matter.findings,
    )
    event = _event(matter, claim, returned, at)
    return Outcome(claim, "returned", matter.findings, "returned", event)


def dismiss(matter: Matter) -> Outcome:
    """Nothing more is to be done here; the claim stays as it is. Raises NotAllowedError."""
    _must_allow(matter, "dismiss")
    return Outcome(matter.claim, None, matter.findings, "dismissed", None)


def _must_allow(matter: Matter, verb: Verb) -> None:
    if verb not in ALLOWED[matter.reason]:
        raise NotAllowedError(
            "not-possible",
            f"A claim that is {matter.reason} cannot be handled by: {verb}.",
            _INSTEAD.get((matter.reason, verb), "See what is allowed in the entry."),
        )


def _replacement(matter: Matter, claim: Claim) -> dict[str, Any]:
    """What a corrected claim must say of the one before it."""
    if matter.reason != "denied":
        return {}
    number = matter.payer_claim_control_number or claim.payer_claim_control_number
    return {"frequency": REPLACEMENT, "payer_claim_control_number": number}


def _next(matter: Matter, claim: Claim, changes: Mapping[str, Any]) -> Claim:
    revision = matter.claim.revision + 1
    return with_line_numbers(claim.model_copy(update={**changes, "revision": revision}))


def _verdict(claim: Claim, at: Circumstances) -> tuple[Finding, ...]:
    rules = at.ruleset
    return verdict(claim, at.history, rules.reference, rules.rules, at.now.date())


def _judged(matter: Matter, claim: Claim, at: Circumstances) -> Outcome:
    findings = _verdict(claim, at)
    if any(one.severity == "block" for one in findings):
        held = ClaimHeld(claim=claim, ruleset=at.ruleset.version, findings=findings)
        event = _event(matter, claim, held, at)
        return Outcome(claim, "held", findings, None, event, judged=True)
    coded = ClaimCoded(claim=claim, ruleset=at.ruleset.version, findings=findings)
    event = _event(matter, claim, coded, at)
    return Outcome(claim, "coded", findings, "fixed", event, judged=True)


def _event(
    matter: Matter, claim: Claim, said: ClaimCoded | ClaimHeld | ClaimReturned, at: Circumstances
) -> Event:
    return Event(
        id=business_id("worklist", matter.entry_id, type(said).__name__, claim.revision, at.now),
        source=EVENT_SOURCE,
        subject=str(claim.id),
        time=at.now,
        data=said,
        sequence=claim.revision,
        causation_id=matter.entry_id,
    )


def _as_warning(finding: Finding) -> Finding:
    return (
        finding.model_copy(update={"severity": "warn"}) if finding.severity == "block" else finding
    )


def _override(codes: Sequence[str]) -> Finding:
    """Says downstream that a person took it on themselves. Who and why stays in the record here."""
    return Finding(
        code="released-by-hand",
        severity="inform",
        message="A person released this claim over: " + (", ".join(codes) or "the payer's refusal"),
        source="claimwire worklist",
    )
