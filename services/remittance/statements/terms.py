"""The operator's file of billing terms."""

from pathlib import Path

from pydantic import ValidationError

from services.remittance.domain.patient_terms import DEFAULT_TERMS, BillingTerms
from shared.settings import SettingsError, variable


def load_terms(path: Path | None) -> BillingTerms:
    """The terms of this file, or the built-in ones. Raises SettingsError, which names the place
    and not the value."""
    if path is None:
        return DEFAULT_TERMS
    name = variable("patient_billing")
    try:
        return BillingTerms.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{name}: {type(error).__name__} on reading it") from None
    except ValidationError as error:
        places = (".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
        raise SettingsError(f"{name}: not as it should be at {', '.join(places)}") from None
