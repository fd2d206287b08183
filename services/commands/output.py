"""What the commands print: JSON for machines, plain text otherwise."""

import json
import sys
from typing import Any


def show(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
