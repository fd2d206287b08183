"""The resources of a message, and what a reference in it means.

A reference is to a contained resource (`#id`), to an entry of the Bundle by its full address, or to
one by type and id. One that leads nowhere but carries a business identifier or a display is taken
for what it says: that is how most senders name a payer. Nothing is ever fetched.
"""

from collections.abc import Iterator, Mapping, Sequence

from services.intake.domain.fhir.elements import Element, Findings, below

NAMES_NOTHING = "the reference is to a resource that is not in the message"
HINT = "Send it in the Bundle or contained, or give the reference an identifier."


class Resources:
    """Every resource of a Bundle, by its addresses."""

    def __init__(self, entries: Sequence[tuple[str | None, Element]] = ()) -> None:
        self._by_address: dict[str, Element] = {}
        for address, resource in entries:
            kind, identity = resource.get("resourceType"), resource.get("id")
            if address is not None:
                self._by_address[address] = resource
            if isinstance(kind, str) and isinstance(identity, str):
                self._by_address.setdefault(f"{kind}/{identity}", resource)

    def find(self, address: str) -> Element | None:
        """The resource at this address: as it is, without its version, or by its last two steps."""
        plain = address.partition("/_history/")[0]
        found = self._by_address.get(address) or self._by_address.get(plain)
        if found is None and "/" in plain:
            found = self._by_address.get("/".join(plain.rsplit("/", 2)[-2:]))
        return found


class References:
    """References out of one resource: its contained ones come first."""

    def __init__(self, owner: Element, resources: Resources, findings: Findings) -> None:
        self._resources = resources
        self._findings = findings
        self._contained: dict[str, Element] = {
            identity: resource
            for _, _, resource in findings.objects_at(owner, "contained", "")
            if isinstance(identity := resource.get("id"), str)
        }

    def follow(self, owner: Element, name: str, path: str) -> Element | None:
        """The resource that `owner.name` refers to; for a logical reference, one made of its
        identifier and display. None, with a finding, for one that leads nowhere; None without one
        where there is no reference."""
        reference = self._findings.object_at(owner, name, path)
        if reference is None:
            return None
        return self.resource_of(reference, below(path, name))

    def resource_of(self, reference: Element, path: str) -> Element | None:
        """See `follow`."""
        address = self._findings.text_at(reference, "reference", path)
        found = None
        if address is not None:
            if address.startswith("#"):
                found = self._contained.get(address[1:])
            else:
                found = self._resources.find(address)
        if found is not None:
            return found
        identifier, display = reference.get("identifier"), reference.get("display")
        if isinstance(identifier, dict) or isinstance(display, str):
            made: dict[str, object] = {"resourceType": reference.get("type")}
            if isinstance(identifier, dict):
                made["identifier"] = [identifier]
            if isinstance(display, str):
                made["name"] = display
            return made
        if address is not None:
            self._findings.add("reference-unresolved", path, NAMES_NOTHING, HINT)
        return None


def entries_of(bundle: Element, findings: Findings) -> Iterator[tuple[int, str | None, Element]]:
    """Index, full address and resource of each entry of a Bundle."""
    for index, path, entry in findings.objects_at(bundle, "entry", "Bundle"):
        resource = findings.object_at(entry, "resource", path)
        if resource is not None:
            yield index, findings.text_at(entry, "fullUrl", path), resource


def type_of(resource: Mapping[str, object]) -> str:
    kind = resource.get("resourceType")
    return kind if isinstance(kind, str) else ""
