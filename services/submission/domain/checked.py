"""The base of what people write into a file of profiles: a name that nobody knows is a fault there,
and not, as in an event, something from a later release."""

from collections.abc import Iterator

from pydantic import ConfigDict, ValidationError

from shared.contract.model import Model


class Checked(Model):
    """Frozen, silent about values in its errors, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def faults(error: ValidationError, where: str) -> Iterator[str]:
    """One line per fault, with its path: `payers[2].transport.host: Field required`."""
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        path = where
        for part in problem["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}"
        yield f"{path}: {problem['msg'].removeprefix('Value error, ')}"
