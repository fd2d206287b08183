"""A person's correction of a claim: JSON Patch (RFC 6902) on the canonical claim.

It is apart because a patch comes from outside: it must end in a whole claim or in a reason, cannot
touch what makes the claim itself, and cannot be lost in a misspelt field.
"""

import json
from base64 import b32encode
from collections.abc import Mapping, Sequence
from typing import Any

import jsonpatch
import jsonpointer
from pydantic import ValidationError

from shared.contract.claim import Claim, ServiceLine

MAX_OPERATIONS = 200
OPERATIONS = frozenset({"add", "remove", "replace", "move", "test"})
"""`copy` is left out: repeated, it makes a small patch a claim of any size."""
FIXED = ("id", "revision", "source", "kind", "patient_control_number")
"""What makes the claim the same claim, to us and to its payer."""

Operation = Mapping[str, Any]


class PatchError(ValueError):
    """A patch that is refused: where, and why, without a value of the claim."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def document_of(claim: Claim) -> dict[str, Any]:
    """The claim as a person and a patch see it: what is empty is left out, but lists are there even
    when they are empty, so that something can be put into them."""
    return claim.model_dump(mode="json", exclude_none=True)


def patched(claim: Claim, operations: Sequence[Operation]) -> Claim:
    """The claim with the patch applied. Raises PatchError, and then nothing of it is applied."""
    _check(operations)
    before = document = document_of(claim)
    for at, operation in enumerate(operations):
        document = _applied(document, operation, at)
    for name in FIXED:
        if document.get(name) != before[name]:
            raise PatchError(f"/{name}", "cannot be changed: it makes this claim the one it is")
    return _as_claim(document)


def _check(operations: Sequence[Operation]) -> None:
    if not operations:
        raise PatchError("$", "the patch is empty")
    if len(operations) > MAX_OPERATIONS:
        raise PatchError("$", f"the patch has more than {MAX_OPERATIONS} operations")
    for at, operation in enumerate(operations):
        if operation.get("op") not in OPERATIONS:
            raise PatchError(f"[{at}].op", f"must be one of {', '.join(sorted(OPERATIONS))}")
        if not isinstance(operation.get("path"), str):
            raise PatchError(f"[{at}].path", "must be a JSON pointer, such as /charge")


def _applied(document: dict[str, Any], operation: Operation, at: int) -> dict[str, Any]:
    path = str(operation["path"])
    try:
        result = jsonpatch.apply_patch(document, [dict(operation)])
    except jsonpatch.JsonPatchTestFailed:
        raise PatchError(
            path, f"[{at}]: the test does not hold: the claim is not as it was"
        ) from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError):
        raise PatchError(path, f"[{at}]: cannot be applied: is the path there?") from None
    if not isinstance(result, dict):
        raise PatchError(path, f"[{at}]: would leave no claim")
    return result


def _as_claim(document: dict[str, Any]) -> Claim:
    try:
        claim = Claim.model_validate_json(json.dumps(document), extra="forbid")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        path = "/" + "/".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise PatchError(path, "the claim has no such field") from None
        raise PatchError(path, first["msg"].removeprefix("Value error, ")) from None
    except (ValueError, RecursionError):
        raise PatchError("$", "the patch does not leave a claim") from None
    return claim


def differences(before: Claim, after: Claim) -> list[dict[str, Any]]:
    """The patch that makes one claim the other, without what is not the claim's content."""
    left, right = document_of(before), document_of(after)
    for document in (left, right):
        for name in (
            "revision",
            "frequency",
            "payer_claim_control_number",
            "submitter",
            "receiver",
        ):
            document.pop(name, None)
    patch: list[dict[str, Any]] = jsonpatch.make_patch(left, right).patch
    return patch


def has_all(claim: Claim, edits: Sequence[Operation]) -> bool:
    """Whether a claim has these edits already: applying them to it changes nothing."""
    document = document_of(claim)
    try:
        return bool(jsonpatch.apply_patch(document, [dict(edit) for edit in edits]) == document)
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError):
        return False


def with_line_numbers(claim: Claim) -> Claim:
    """The claim with a line control number (REF*6R) on lines that a person added: a payer's answer
    finds its line by it. Numbers that are there stay."""
    lines = claim.service_lines
    if all(line.line_control_number for line in lines):
        return claim
    stem = b32encode(claim.id.bytes[:10]).decode()
    return claim.model_copy(
        update={"service_lines": tuple(_numbered(line, stem, claim.revision) for line in lines)}
    )


def _numbered(line: ServiceLine, stem: str, revision: int) -> ServiceLine:
    if line.line_control_number:
        return line
    return line.model_copy(update={"line_control_number": f"{stem}R{revision}L{line.number}"})
