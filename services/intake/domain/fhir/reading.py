"""Reads FHIR JSON into the door's readings: a Claim, a Bundle, or several, one after another or one
a line.

One document is held at a time, at most 4 MiB of it. A record that is no claim is refused by
itself.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import BinaryIO, NoReturn
from uuid import UUID

from pydantic import ValidationError

from services.intake.domain import acceptance
from services.intake.domain.arrival import (
    ClaimRefusal,
    NotedClaim,
    Reading,
    Unreadable,
    capped,
)
from services.intake.domain.fhir import codes
from services.intake.domain.fhir.charges import read_charges
from services.intake.domain.fhir.claims import read_claim
from services.intake.domain.fhir.defaults import apply_profile
from services.intake.domain.fhir.elements import SOURCE, Element, Findings, Node
from services.intake.domain.fhir.paths import in_fhir
from services.intake.domain.fhir.references import Resources, entries_of, type_of
from services.intake.domain.json_claims import Rejoined
from services.intake.domain.json_findings import broken_json, path_of
from services.intake.domain.json_values import MAX_VALUE_BYTES, MalformedJsonError, values
from services.intake.domain.profile import SourceProfile
from shared.contract.claim import Claim
from shared.contract.model import Finding

BUNDLES = frozenset({"message", "transaction", "collection", "batch"})
"""Bundles that bring something; a searchset or a history tells what is there already."""
_BOM = b"\xef\xbb\xbf"
_MAX_NUMBER = 80
_NOBODY = UUID(int=0)


def read_fhir(stream: BinaryIO, profile: SourceProfile) -> Iterator[Reading]:
    """The claims of every resource in the stream, and each that is none or cannot be read."""
    head = stream.read(MAX_VALUE_BYTES)
    if len(head) < MAX_VALUE_BYTES:  # the common message is one document and needs no cutting
        with suppress(ValueError, RecursionError):
            document = _parsed(head.removeprefix(_BOM))
            if isinstance(document, dict):
                yield from _read_document(document, profile)
                return
    try:
        for text in values(Rejoined(head, stream)):
            yield from _read_text(text, profile)
    except MalformedJsonError as malformed:
        finding = Finding(
            code="json-invalid",
            path="$",
            message=f"not valid JSON: {malformed}",
            hint="Check for a cut-off message, missing quotes or commas, and UTF-8.",
            source=SOURCE,
        )
        yield Unreadable((finding,))


def _parsed(text: bytes) -> object:
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)


def _read_text(text: bytes, profile: SourceProfile) -> Iterator[Reading]:
    try:
        document = _parsed(text)
    except (ValueError, RecursionError) as error:
        yield Unreadable((broken_json(str(error)),))
        return
    if isinstance(document, dict):
        yield from _read_document(document, profile)


def _read_document(document: Element, profile: SourceProfile) -> Iterator[Reading]:
    kind = type_of(document)
    if kind == "Claim":
        yield _reading(document, Resources(), profile)
    elif kind == "Bundle":
        yield from _read_bundle(document, profile)
    else:
        yield Unreadable((_no_claim(kind),))


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


def _read_bundle(bundle: Element, profile: SourceProfile) -> Iterator[Reading]:
    if str(bundle.get("type")) not in BUNDLES:
        finding = Finding(
            code="bundle-type-not-taken",
            path="Bundle.type",
            message="the Bundle is none that brings claims",
            hint="Send a message, transaction, batch or collection.",
            source=SOURCE,
        )
        yield Unreadable((finding,))
        return
    findings = Findings()
    entries = list(entries_of(bundle, findings))
    if findings.is_blocked:
        yield Unreadable(capped(findings.found))
        return
    resources = Resources([(address, resource) for _, address, resource in entries])
    is_empty = True
    for index, _, resource in entries:
        if type_of(resource) == "Claim":
            is_empty = False
            yield _reading(resource, resources, profile, _request_of(bundle, index))
    if is_empty:
        for news in read_charges(bundle, entries, resources, profile):
            is_empty = False
            yield news
    if is_empty:
        kinds = [type_of(resource) for _, _, resource in entries]
        known = next((kind for kind in kinds if kind in codes.OTHER_RESOURCES), "Bundle")
        yield Unreadable((_no_claim(known),))


def _request_of(bundle: Element, index: int) -> str:
    request = bundle["entry"][index].get("request")
    method = request.get("method") if isinstance(request, dict) else None
    return method if isinstance(method, str) else ""


def _no_claim(kind: str) -> Finding:
    why = codes.OTHER_RESOURCES.get(kind, "there is neither a Claim in it nor a ChargeItem to bill")
    return Finding(
        code="resource-not-a-claim",
        path="resourceType",
        message=why,
        hint="Send a Claim, or a Bundle with one, or billable ChargeItems with their Encounter, "
        "Account and Coverage.",
        source=SOURCE,
    )


def _reading(
    resource: Element,
    resources: Resources,
    profile: SourceProfile,
    method: str = "",
) -> Reading:
    findings = Findings()
    if method not in ("", "POST", "PUT"):
        findings.add(
            "request-method",
            "Bundle.entry.request.method",
            "a claim is not deleted or changed in part",
            "Send the whole claim; take one back with frequency 8.",
        )
    node = read_claim(resource, resources, findings)
    apply_profile(node, profile)
    claim = None if findings.is_blocked else _built(node, findings)
    found = findings.found
    if claim is None or findings.is_blocked:
        number = node.get("patient_control_number")
        is_usable = isinstance(number, str) and len(number) <= _MAX_NUMBER
        return ClaimRefusal(capped(found), number if is_usable else None, node.get("charge"))
    return NotedClaim(claim, capped(found)) if found else claim


def _built(node: Node, findings: Findings) -> Claim | None:
    """The claim, held to the rules of the door while its findings can still be said in FHIR."""
    node |= {"id": _NOBODY, "source": "-"}
    try:
        claim = Claim.model_validate(node)
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False, include_context=False):
            findings.add(
                "value-too-long" if "too_long" in problem["type"] else "value-invalid",
                in_fhir(path_of(problem["loc"])),
                "the value does not fit the field of an 837 that it goes into",
            )
        return None
    for finding in acceptance.findings_of(claim):
        path = in_fhir(finding.path or "")
        findings.found.append(finding.model_copy(update={"path": path}))
    return claim
