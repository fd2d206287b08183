"""`make up` and the compose file start the same programs, and tell them the same things."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.roster import EVERY_SERVICE, ROSTER, SERVICES, Program
from shared.settings import SECRET_FILE_SUFFIX, Settings, is_secret, variable

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = (REPOSITORY / "deploy" / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy" / "compose.yaml").read_text())


def image_command(service: dict[str, Any]) -> list[str]:
    """What the container runs: compose's own command, else the Dockerfile's last one."""
    if "command" in service:
        return list(service["command"])
    name = service["build"]["args"]["SERVICE"]
    last = re.findall(r'^CMD \["sh", "-c", "exec (.*)"\]$', DOCKERFILE, re.MULTILINE)[-1]
    return str(last).replace("${SERVICE}", name).split()


@pytest.mark.parametrize("program", ROSTER, ids=lambda program: program.name)
def test_compose_starts_each_program_as_the_local_stack_does(program: Program) -> None:
    service = COMPOSE["services"][program.name]
    transport = "/app/var/transport"
    assert tuple(image_command(service)) == program.command("python", transport)


@pytest.mark.parametrize("program", ROSTER, ids=lambda program: program.name)
def test_compose_tells_each_program_what_its_row_names(program: Program) -> None:
    wanted = {*program.variables, *(EVERY_SERVICE if program.is_service else ())}
    told = COMPOSE["services"][program.name].get("environment", {})
    assert wanted <= told.keys()


def test_compose_starts_no_service_the_roster_does_not_know() -> None:
    built = {
        name
        for name, service in COMPOSE["services"].items()
        if "SERVICE" in service.get("build", {}).get("args", {}) and "command" not in service
    }
    assert built == set(SERVICES)


def test_every_variable_of_the_roster_is_a_setting() -> None:
    known = {variable(field) for field in Settings.model_fields}
    known |= {variable(f) + SECRET_FILE_SUFFIX for f in Settings.model_fields if is_secret(f)}
    ours = {name for program in ROSTER for name in (*EVERY_SERVICE, *program.variables)}
    assert {name for name in ours if name.startswith("CLAIMWIRE_")} <= known
