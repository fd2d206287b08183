"""What FHIR does not say and a source's profile does: signatures, assignment, the payers' own
numbers, and whom a claim goes to that names no payer."""

from services.intake.domain.fhir.elements import Node
from services.intake.domain.profile import SourceProfile


def apply_profile(node: Node, profile: SourceProfile) -> None:
    """Fills in what the profile knows and the claim does not say."""
    if "kind" not in node:
        return
    node.setdefault("accepts_assignment", profile.accepts_assignment)
    node.setdefault("benefits_assigned", profile.benefits_assigned)
    node.setdefault("release_of_information", profile.release_of_information)
    if node["kind"] != "institutional":
        node.setdefault("provider_signature", True)
    payer = node.get("payer")
    if payer is not None:
        name_payer(payer, node, profile, is_own=True)
    for other in node.get("other_coverages", ()):
        other.setdefault("benefits_assigned", profile.benefits_assigned)
        other.setdefault("release_of_information", profile.release_of_information)
        name_payer(other["payer"], other, profile, is_own=False)


def name_payer(payer: Node, owner: Node, profile: SourceProfile, *, is_own: bool) -> None:
    """Puts the payer's own number in place of the sender's, where the profile has it; `owner` gets
    its filing indicator. The default is only for whom the claim is made to."""
    number = payer.get("identifier")
    entry = profile.payers.get(number) if number is not None else None
    if number is None and is_own:
        entry = profile.default_payer
    if entry is None:
        return
    payer["identifier"], payer["identifier_qualifier"] = entry.identifier, entry.qualifier
    if entry.name is not None:
        payer["name"] = entry.name
    if entry.filing_indicator is not None:
        owner["filing_indicator"] = entry.filing_indicator
