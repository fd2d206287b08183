"""Whether today's schemas keep the promise of the last release: within a major version, only
optional additions.

Two readers are meant. A consumer written against the release must understand what we publish now;
and what was published then must still parse now. So nothing may be removed, retyped, newly
required, no longer required, or given another default (a default is left out on the wire, so a new
one would change what old events say). A list of values or a limit may be widened, never narrowed;
on the public topic it may not change at all, since its consumers are not ours to ask.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.schemas import JsonSchema

_EXACT = ("type", "format", "pattern", "additionalProperties", "uniqueItems")
_UPPER_LIMITS = ("maxLength", "maxItems", "maximum", "exclusiveMaximum", "maxProperties")
_LOWER_LIMITS = ("minLength", "minItems", "minimum", "exclusiveMinimum", "minProperties")
_CHOICES = ("anyOf", "oneOf", "allOf", "prefixItems")
_PROSE = {"title", "description", "examples", "$id", "$schema", "$defs", "$ref"}
_COMPARED = {
    *_EXACT,
    *_UPPER_LIMITS,
    *_LOWER_LIMITS,
    *_CHOICES,
    *("properties", "required", "items", "enum", "const", "default"),
}


@dataclass(frozen=True, slots=True)
class Break:
    """One broken promise: where, and what is wrong."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def breaks(released: Mapping[str, JsonSchema], today: Mapping[str, JsonSchema]) -> list[Break]:
    """All broken promises between two sets of schemas by name. Names that are new are fine."""
    found = []
    for name, schema in released.items():
        if name not in today:
            found.append(Break(name, "was removed"))
            continue
        comparison = _Comparison(schema, today[name], is_public=name.startswith("payment."))
        found.extend(comparison.run(name))
    return found


@dataclass
class _Comparison:
    """One schema, then and now. References are followed, each pair of them once."""

    old_root: JsonSchema
    new_root: JsonSchema
    is_public: bool
    seen: set[tuple[str, str]] = field(default_factory=set)

    def run(self, name: str) -> Iterator[Break]:
        yield from self._compare(self.old_root, self.new_root, name)

    def _compare(self, old: JsonSchema, new: JsonSchema, path: str) -> Iterator[Break]:
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if pair != ("None", "None"):
            if pair in self.seen:
                return
            self.seen.add(pair)
        old, new = _resolved(old, self.old_root), _resolved(new, self.new_root)
        unknown = (set(old) | set(new)) - _COMPARED - _PROSE
        for keyword in sorted(unknown):
            if old.get(keyword) != new.get(keyword):
                yield Break(path, f"{keyword} changed, of which no rule says that it may")
        yield from self._exact(old, new, path)
        yield from self._values(old, new, path)
        yield from self._limits(old, new, path)
        yield from self._properties(old, new, path)
        yield from self._choices(old, new, path)
        if "items" in old and "items" in new:
            yield from self._compare(old["items"], new["items"], f"{path}[]")
        elif "items" in old or "items" in new:
            yield Break(path, "items changed")

    def _exact(self, old: JsonSchema, new: JsonSchema, path: str) -> Iterator[Break]:
        for keyword in (*_EXACT, "default"):
            if old.get(keyword) != new.get(keyword):
                yield Break(path, f"{keyword} changed")

    def _values(self, old: JsonSchema, new: JsonSchema, path: str) -> Iterator[Break]:
        before, after = _enumerated(old), _enumerated(new)
        if before == after:
            return
        if before is None or after is None:
            yield Break(path, "a list of values came or went")
        elif before - after:
            yield Break(path, "values were removed from the list")
        elif self.is_public:
            yield Break(path, "values were added to a list of the public contract")

    def _limits(self, old: JsonSchema, new: JsonSchema, path: str) -> Iterator[Break]:
        for keyword in (*_UPPER_LIMITS, *_LOWER_LIMITS):
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            is_wider = after is None or (
                before is not None
                and (after > before if keyword in _UPPER_LIMITS else after < before)
            )
            if not is_wider:
                yield Break(path, f"{keyword} was narrowed")
            elif self.is_public:
                yield Break(path, f"{keyword} was widened in the public contract")

    def _properties(self, old: JsonSchema, new: JsonSchema, path: str) -> Iterator[Break]:
        before, after = old.get("properties", {}), new.get("properties", {})
        required_before, required_after = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(required_after - required_before):
            yield Break(f"{path}.{name}", "is newly required")
        for name in sorted((required_before - required_after) & set(after)):
            yield Break(f"{path}.{name}", "is no longer required: consumers rely on it")
        for name, schema in before.items():
            if name in after:
                yield from self._compare(schema, after[name], f"{path}.{name}")
            else:
                yield Break(f"{path}.{name}", "was removed")

    def _choices(self, old: JsonSchema, new: JsonSchema, path: str) -> Iterator[Break]:
        for keyword in _CHOICES:
            before, after = old.get(keyword, []), new.get(keyword, [])
            if len(before) != len(after):
                yield Break(path, f"{keyword} changed")
                continue
            for position, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from self._compare(one, other, f"{path}<{position}>")


def _resolved(schema: JsonSchema, root: JsonSchema) -> JsonSchema:
    """The schema with its reference, if any, followed; what stands beside a reference stays."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    target: Any = root
    for part in reference.removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, root), **schema}


def _enumerated(schema: JsonSchema) -> frozenset[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else frozenset(map(repr, values))
