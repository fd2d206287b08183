"""Reads an operator's policy file.

It is apart from the policy itself, which is pure.
"""

from pathlib import Path

from pydantic import ValidationError

from services.remittance.domain.policy import DEFAULT, Policy
from shared.settings import SettingsError


def load_policy(path: Path | None) -> Policy:
    """The policy of a JSON file, over our defaults. Raises SettingsError, with the places that are
    wrong and no values."""
    if path is None:
        return DEFAULT
    try:
        return Policy.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"CLAIMWIRE_REMITTANCE_POLICY: {type(error).__name__}") from None
    except ValidationError as error:
        places = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError(f"CLAIMWIRE_REMITTANCE_POLICY: {places}") from None
