"""The characters of what is written: separators, and what the standard's set does not have.

It is apart because nobody else may know real separators while writing. Segments are built with
ASCII control characters that the standard forbids in data; one look over the finished text then
finds every separator or foreign character that data would smuggle in.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from shared.x12.tokenizer import Separators

ELEMENT, SEGMENT, COMPONENT = "\x1d", "\x1e", "\x1f"


@dataclass(frozen=True, slots=True)
class _Finisher:
    """What one set of separators makes of the internal ones."""

    foreign: re.Pattern[str]
    replacements: dict[int, str]


@lru_cache(32)
def _finisher(separators: Separators) -> _Finisher:
    own = {
        separators.element,
        separators.component,
        separators.segment,
        separators.repetition,
    } - {" "}
    internal = ELEMENT + SEGMENT + COMPONENT
    foreign = re.compile(f"[^ -~{internal}]|[{re.escape(''.join(sorted(own)))}]")
    replacements = {
        ord(ELEMENT): separators.element,
        ord(COMPONENT): separators.component,
        ord(SEGMENT): separators.segment,
    }
    return _Finisher(foreign, replacements)


def finish(segments: list[str], separators: Separators) -> str:
    """The segments' text with real separators.

    A character that is a separator or outside of the extended set (ASCII) is replaced: accents are
    dropped, the rest becomes a space. `has_foreign_characters` tells beforehand where that happens.
    """
    text = SEGMENT.join(segments) + SEGMENT
    finisher = _finisher(separators)
    if finisher.foreign.search(text) is not None:
        text = without_accents(text)
        text = finisher.foreign.sub(" ", text)
        text = re.sub(f" +([{ELEMENT}{SEGMENT}{COMPONENT}])", r"\1", text)
    return text.translate(finisher.replacements)


_MARKS = dict.fromkeys(map(ord, ELEMENT + SEGMENT + COMPONENT), " ")


def without_marks(text: str) -> str:
    """Data without the marks that segments are built with: each is a space instead."""
    return text if text.isprintable() else text.translate(_MARKS)


def has_marks(document: str) -> bool:
    """Whether a JSON document holds one of those marks."""
    return re.search(r"\\u001[d-f]|[\x1d-\x1f]", document) is not None


def without_accents(text: str) -> str:
    """Letters without their marks: what the standard's character set can say of a name."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


def has_foreign_characters(text: str, separators: Separators) -> bool:
    """Whether `finish` would replace something in this data (accents apart)."""
    plain = without_accents(text)
    has_internal = any(mark in plain for mark in (ELEMENT, SEGMENT, COMPONENT))
    return has_internal or _finisher(separators).foreign.search(plain) is not None
