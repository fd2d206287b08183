"""Scenarios from files: YAML or JSON, checked, with what is wrong said in the file's own terms; and
those that come with the twin, by name."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from deploy.twins.payer.scenario import Scenario

SHIPPED = Path(__file__).parent / "scenarios"
_SCENARIO = TypeAdapter(Scenario)
_MOST_FAULTS = 20


class ScenarioError(ValueError):
    """A scenario that cannot be used. The text has one line per fault, and says where it is."""


def shipped_names() -> tuple[str, ...]:
    """The scenarios that come with the twin."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.yaml")))


def load_scenario(name: str) -> Scenario:
    """The shipped scenario of this name, or the one in this file. Raises ScenarioError."""
    shipped = SHIPPED / f"{name}.yaml"
    path = shipped if "/" not in name and shipped.exists() else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(shipped_names())
        raise ScenarioError(
            f"{path.name}: {error.strerror}; it is no file, and no scenario that comes with the"
            f" twin ({known})"
        ) from None
    return read_scenario(text, path.name)


def read_scenario(text: str, name: str = "scenario") -> Scenario:
    """A scenario of a YAML or JSON document. Raises ScenarioError."""
    try:
        document: Any = yaml.safe_load(text) or {}
        # As JSON, so that an amount must be a string: 12.50 unquoted would be a float.
        return _SCENARIO.validate_json(json.dumps(document, default=str))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        raise ScenarioError(f"{name}{place}: no YAML") from None
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise ScenarioError(
            "\n".join(
                f"{name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}"
                for fault in faults[:_MOST_FAULTS]
            )
        ) from None


def write_examples(folder: Path) -> None:
    """Every shipped scenario into a folder, to be changed there, with the JSON Schema for
    editors."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in shipped_names():
        (folder / f"{name}.yaml").write_text((SHIPPED / f"{name}.yaml").read_text())
    schema = json.dumps(_SCENARIO.json_schema(), indent=1)
    (folder / "scenario.schema.json").write_text(schema + "\n")
