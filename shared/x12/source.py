"""Functions made from tables: straight-line Python source, compiled once at import.

It is apart because both directions use it. Walking a table's parts for every segment of every claim
cost four times as much as the code one would write by hand, so that code is written here, from the
table alone (as `dataclasses` does); no text from a file ever becomes source.
"""

from collections.abc import Callable
from typing import Any


class Source:
    """The body of one function, line by line, and the objects that it names."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: dict[str, Any] = {}
        self._known: dict[int, str] = {}
        self._count = 0

    def add(self, depth: int, line: str) -> None:
        """A line, `depth` levels inside the function's body."""
        self._lines.append("    " * (depth + 1) + line)

    def fresh(self, prefix: str) -> str:
        """A local name that nothing else has."""
        self._count += 1
        return f"{prefix}{self._count}"

    def name(self, value: Any) -> str:
        """The name by which the function may use an object."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = self.fresh("k")
            self._names[known] = value
        return known

    def compile(self, name: str, arguments: str) -> Callable[..., Any]:
        """The function."""
        body = self._lines or ["    pass"]
        text = "\n".join([f"def {name}({arguments}):", *body])
        code = compile(text, f"<x12 {name}>", "exec")
        exec(code, self._names)  # noqa: S102 - source made from tables only, see above
        function: Callable[..., Any] = self._names[name]
        return function
