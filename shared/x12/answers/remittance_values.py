"""The nodes of an 835 made into remittance values, and what is odd about them told.

It is apart from the reader because it decides what is too odd to post: one bad claim blocks itself
and no other, and what is wrong with a date or a name does not block at all. An amount that is
absent counts as zero, which the balance then judges; one that cannot be read blocks.
"""

from dataclasses import fields

from shared.contract.model import Finding
from shared.contract.remittance import (
    BankAccount,
    InpatientOutcome,
    OutpatientOutcome,
    RemittanceAdjustment,
    RemittanceAmount,
    RemittanceClaim,
    RemittanceDate,
    RemittanceGroup,
    RemittanceHeader,
    RemittanceLine,
    RemittanceOrganization,
    RemittanceParty,
    RemittanceQuantity,
    RemittanceReference,
)
from shared.x12.answers.values import (
    address_of,
    adopt,
    adopt_all,
    contacts_of,
    gapped,
    having,
    procedure_of,
)
from shared.x12.envelope import Envelope
from shared.x12.errors import Severity
from shared.x12.segments import Node

ADJUSTMENT_GROUPS = frozenset({"CO", "PR", "OA", "PI", "CR"})

_PARTIES = (
    "patient",
    "insured",
    "corrected_insured",
    "rendering_provider",
    "crossover_carrier",
    "corrected_payer",
    "other_insured",
)
_CLAIM_MONEY = ("CLP01", "CLP02", "CLP03", "CLP04", "SVC02", "SVC03", "CAS")
"""Elements that, where they cannot be read, keep a claim from being posted."""
_REQUIRED = (
    ("patient_control_number", "CLP01"),
    ("status", "CLP02"),
    ("charge", "CLP03"),
    ("paid", "CLP04"),
)
_HEADER_FIELDS = frozenset(field.name for field in fields(RemittanceHeader))


def header_of(
    root: Node, envelope: Envelope, position: int, noted: tuple[Finding, ...]
) -> RemittanceHeader:
    """The header of what the set's own node holds so far; the node is left as it is."""
    node = {name: value for name, value in root.items() if name in _HEADER_FIELDS}
    for name in ("payer", "payee"):
        if name in node:
            node[name] = _organization(node[name])
    for name in ("sender_account", "receiver_account"):
        if name in node:
            node[name] = adopt(BankAccount, dict(node[name]))
    if "references" in node:
        node["references"] = adopt_all(RemittanceReference, node["references"])
    findings = findings_of_header(noted)
    if "amount" not in node:
        findings.append(_missing("BPR02", "the payment's amount"))
    if envelope.transaction is not None:
        node["transaction_control_number"] = envelope.transaction.control_number
    if envelope.interchange is not None:
        node["sender"] = envelope.interchange.sender
        node["receiver"] = envelope.interchange.receiver
    node["interchange_control_number"] = envelope.control.interchange
    node["group_control_number"] = envelope.control.group
    node["version"] = envelope.version or None
    node["position"] = position
    node["findings"] = tuple(findings)
    return adopt(RemittanceHeader, node)


def _missing(path: str, what: str, severity: Severity = "block") -> Finding:
    return Finding(
        code="element-missing",
        severity=severity,
        path=path,
        message=f"The 835 does not say {what}.",
        hint="Ask the payer for a corrected 835.",
    )


_CLAIM_LOOPS = ("2000", "2100", "2110")
_HEADER_MONEY = ("BPR02", "PLB04", "PLB06", "PLB08", "PLB10", "PLB12", "PLB14")


def findings_of_header(noted: tuple[Finding, ...]) -> list[Finding]:
    """Those that are about what stands before and after the claims. Only money blocks."""
    return [
        _softened(finding, _HEADER_MONEY)
        for finding in noted
        if not (finding.path or "").startswith(_CLAIM_LOOPS)
    ]


def findings_of_claim(noted: tuple[Finding, ...]) -> list[Finding]:
    """Those that are about a claim and the LX it stands under. Only money and identity block."""
    return [
        _softened(finding, _CLAIM_MONEY)
        for finding in noted
        if (finding.path or "").startswith(_CLAIM_LOOPS)
    ]


def _softened(finding: Finding, money: tuple[str, ...]) -> Finding:
    element = (finding.path or "").rpartition("/")[2]
    if finding.severity != "block" or element.startswith(money):
        return finding
    return finding.model_copy(update={"severity": "warn"})


def _organization(node: Node) -> RemittanceOrganization:
    own = dict(node)
    if "address" in own:
        own["address"] = address_of(own["address"])
    if "references" in own:
        own["references"] = adopt_all(RemittanceReference, own["references"])
    if "contacts" in own:
        own["contacts"] = contacts_of(own["contacts"])
    return adopt(RemittanceOrganization, own)


def group_of(node: Node) -> RemittanceGroup:
    """The LX and its summaries; the node is left as it is."""
    own = dict(node)
    if "summary" in own:
        own["summary"] = gapped(own["summary"], 6, 24)
    if "inpatient_summary" in own:
        own["inpatient_summary"] = gapped(own["inpatient_summary"], 1, 19)
    return adopt(RemittanceGroup, own)


def claim_of(node: Node, position: int, findings: list[Finding]) -> RemittanceClaim:
    """A claim of its loop's node, which must not be used again."""
    for name, element in _REQUIRED:
        if name not in node:
            findings.append(_missing(f"2100/{element}", "what every claim must say"))
    for name in _PARTIES:
        if name in node:
            node[name] = adopt(RemittanceParty, node[name])
    if "inpatient" in node:
        node["inpatient"] = adopt(InpatientOutcome, node["inpatient"])
    if "outpatient" in node:
        node["outpatient"] = adopt(OutpatientOutcome, node["outpatient"])
    if "contacts" in node:
        node["contacts"] = contacts_of(node["contacts"])
    _adopt_lists(node, "2100", findings)
    lines = node.get("lines")
    if lines is not None:
        node["lines"] = tuple(
            [_line(line, number, findings) for number, line in enumerate(lines, 1)]
        )
    node["position"] = position
    node["findings"] = tuple(findings)
    return adopt(RemittanceClaim, node)


def _line(node: Node, number: int, findings: list[Finding]) -> RemittanceLine:
    path = f"2110[{number}]"
    for name in ("procedure", "submitted_procedure"):
        if name in node:
            node[name] = procedure_of(node[name])
    if "charge" not in node or "paid" not in node:
        findings.append(_missing(f"{path}/SVC", "what the line charges and pays", "warn"))
    if "remarks" in node:
        node["remarks"] = tuple([remark["code"] for remark in node["remarks"] if "code" in remark])
    if "other_remarks" in node:
        node["other_remarks"] = adopt_all(RemittanceReference, node["other_remarks"])
    _adopt_lists(node, path, findings)
    return adopt(RemittanceLine, node)


def _adopt_lists(node: Node, path: str, findings: list[Finding]) -> None:
    """The lists that claims and lines have alike; entries without their value are left out."""
    adjustments = node.get("adjustments")
    if adjustments is not None:
        findings.extend(
            _odd_adjustment(path, adjustment)
            for adjustment in adjustments
            if adjustment.get("group") not in ADJUSTMENT_GROUPS or "amount" not in adjustment
        )
        node["adjustments"] = adopt_all(RemittanceAdjustment, adjustments)
    if "references" in node:
        node["references"] = adopt_all(RemittanceReference, node["references"])
    if "dates" in node:
        node["dates"] = adopt_all(RemittanceDate, having("on", node["dates"]))
    if "amounts" in node:
        node["amounts"] = adopt_all(RemittanceAmount, having("amount", node["amounts"]))
    if "quantities" in node:
        node["quantities"] = adopt_all(RemittanceQuantity, having("quantity", node["quantities"]))


def _odd_adjustment(path: str, node: Node) -> Finding:
    if "amount" not in node:
        return _missing(f"{path}/CAS", "an adjustment's amount", "warn")
    return Finding(
        code="adjustment-group-unknown",
        path=f"{path}/CAS01",
        message="The adjustment's group is none of CO, PR, OA and PI: nobody knows who bears it.",
        hint="Ask the payer for a corrected 835.",
        source="005010X221A1 CAS01",
    )
