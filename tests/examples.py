"""How many examples a property test tries: a few in `make test`, many in `make fuzz`."""

import os
from typing import Any

from hypothesis import settings


def examples(count: int, *, fuzzed: int | None = None, **options: Any) -> settings:
    """So many examples; under the profile `fuzz` as many as that one says, or `fuzzed` where one
    example costs too much for that. `options` are those of Hypothesis."""
    if os.environ.get("HYPOTHESIS_PROFILE") == "fuzz":
        count = fuzzed or settings().max_examples
    return settings(max_examples=count, **options)
