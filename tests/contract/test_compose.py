"""The compose file and the Dockerfile hold together, as far as that can be seen without an engine:
the schema, the roster, what is told to whom, what is kept from whom, and what is in an image."""

import fnmatch
import importlib.resources
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from deploy import secret_files
from deploy.local.roster import EVERY_SERVICE, MLLP_PORT, ROSTER, SERVICES, Program
from shared.database import role_of
from shared.deployment import passwords_in
from shared.settings import SECRET_FILE_SUFFIX, Settings, is_secret, variable

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRETS = "/run/secrets/"


def ours() -> Iterator[tuple[str, str, str]]:
    """Every CLAIMWIRE_ variable of the compose file: container, name, value."""
    for container, service in CONTAINERS.items():
        for name, value in service.get("environment", {}).items():
            if name.startswith("CLAIMWIRE_"):
                yield container, name, value


def test_the_file_is_valid_by_the_compose_specification() -> None:
    schemas = importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
    schema = json.loads(schemas.joinpath("compose-spec.json").read_text())
    jsonschema.validators.validator_for(schema)(schema).validate(COMPOSE)


# Who runs, and what each is told


def test_every_program_of_the_line_has_a_container_and_nothing_else_is_ours() -> None:
    built = {name for name, service in CONTAINERS.items() if "build" in service}
    assert built == {program.name for program in ROSTER} | {"deployment"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_told_exactly_what_its_row_of_the_roster_names(service: str) -> None:
    (row,) = [program for program in ROSTER if program.name == service]
    told = CONTAINERS[service]["environment"]
    assert told.keys() == {*EVERY_SERVICE, *row.variables}
    assert told["OTEL_SERVICE_NAME"] == service
    assert CONTAINERS[service]["build"]["args"] == {"SERVICE": service}


def test_every_variable_is_a_setting() -> None:
    known = {variable(name) for name in Settings.model_fields}
    known |= {
        variable(name) + SECRET_FILE_SUFFIX for name in filter(is_secret, Settings.model_fields)
    }
    assert {name for _, name, _ in ours()} <= known


def test_every_value_is_one_that_its_setting_takes() -> None:
    given: dict[str, Any] = {
        name.removeprefix("CLAIMWIRE_").lower(): value
        for _, name, value in ours()
        if not name.endswith(SECRET_FILE_SUFFIX)
    }
    settings = Settings(**given)
    assert settings.kafka_bootstrap_servers == "kafka:9092"
    assert settings.kafka_idempotent_producer is True


def test_services_start_after_the_deployment_and_that_after_its_servers() -> None:
    for service in SERVICES:
        waits_for = CONTAINERS[service]["depends_on"]
        assert waits_for == {"deployment": {"condition": "service_completed_successfully"}}
    assert CONTAINERS["deployment"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
    }
    assert {"test"} <= CONTAINERS["kafka"]["healthcheck"].keys()
    assert {"test"} <= CONTAINERS["postgres"]["healthcheck"].keys()


def test_folders_that_services_share_are_volumes() -> None:
    for service in SERVICES:
        assert "blobs:/app/var/blobs" in CONTAINERS[service]["volumes"]
    for container in ("submission", "payer-twin"):
        assert "transport:/app/var/transport" in CONTAINERS[container]["volumes"]


@pytest.mark.parametrize("kind", ["networks", "volumes", "secrets", "configs"])
def test_what_is_declared_is_used_and_the_other_way_round(kind: str) -> None:
    used = set()
    for service in CONTAINERS.values():
        for one in service.get(kind, ()):
            used.add(one["source"] if isinstance(one, dict) else one.partition(":")[0])
    assert used == COMPOSE[kind].keys()


# Secrets


def test_a_secret_comes_by_a_file_that_the_container_is_given() -> None:
    for container, name, value in ours():
        if name.endswith(SECRET_FILE_SUFFIX):
            assert value.startswith(SECRETS), (container, name)
            assert value.removeprefix(SECRETS) in CONTAINERS[container]["secrets"]
        else:
            field = name.removeprefix("CLAIMWIRE_").lower()
            assert not is_secret(field), f"{name} of {container} is in plain sight"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_sees_no_other_services_password(service: str) -> None:
    given = set(CONTAINERS[service]["secrets"])
    assert {name for name in given if name.endswith("_dsn")} == {f"{service}_dsn"}


def test_the_secrets_that_are_made_are_those_that_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = secret_files.write(folder)
    declared = {name: Path(row["file"]).name for name, row in COMPOSE["secrets"].items()}
    assert set(made) == set(declared.values()) == declared.keys()
    assert secret_files.write(folder) == [], "what is there stays"
    assert folder.stat().st_mode & 0o077 == 0
    assert passwords_in(folder).keys() == set(SERVICES) == set(secret_files.SERVICES)
    for service in SERVICES:
        assert f"//{role_of(service)}:" in (folder / f"{service}_dsn").read_text()


# The network


def test_nothing_is_published_beyond_this_machine() -> None:
    published = [port for service in CONTAINERS.values() for port in service.get("ports", ())]
    assert published
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)
    assert not any("network_mode" in service for service in CONTAINERS.values())
    assert not any(service.get("privileged") for service in CONTAINERS.values())


def test_hl7_is_taken_over_mllp_from_this_machine() -> None:
    port = CONTAINERS["intake"]["environment"][MLLP_PORT]
    assert [one.rpartition(":")[2] for one in CONTAINERS["intake"]["ports"]] == [port]
    image = {
        name: value
        for word, rest in stages()["service"]
        if word == "ENV"
        for name, value in [pair.split("=", 1) for pair in rest.split()]
    }
    assert image["CLAIMWIRE_MLLP_HOST"] == "0.0.0.0"  # noqa: S104 - inside a container


def test_kafka_tells_each_side_an_address_that_it_can_reach() -> None:
    kafka = CONTAINERS["kafka"]["environment"]
    advertised = dict(one.split("://") for one in kafka["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listening = dict(one.split("://") for one in kafka["KAFKA_LISTENERS"].split(","))
    protocols = dict(
        one.split(":") for one in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert listening.keys() == protocols.keys()
    for name, address in advertised.items():
        assert address.rpartition(":")[2] == listening[name].rpartition(":")[2]
    assert advertised["PLAINTEXT"] == "kafka:9092"
    published = [port.rpartition(":")[0] for port in CONTAINERS["kafka"]["ports"]]
    assert [advertised["HOST"]] == published


# Images


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage, those of the stage it builds on before its own."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = list(found.get(base, []))
        found[name].append((word, rest))
    return found


def copied(stage: str, service: str) -> list[str]:
    """What an image takes from the repository."""
    sources = []
    for word, rest in stages()[stage]:
        if word == "COPY" and not rest.startswith("--from="):
            sources += rest.split()[:-1]
    return [source.replace("${SERVICE}", service) for source in sources]


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path into the build: its last pattern that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().split():
        pattern = line.removeprefix("!").removeprefix("**/")
        parts = path.split("/")
        places = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        if "**/" in line:
            places = parts
        if any(fnmatch.fnmatch(place, pattern) for place in places):
            sent = line.startswith("!")
    return sent


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_copied_is_in_the_build_and_nothing_else() -> None:
    stage_of = {"dependencies": "", "twin": "", **dict.fromkeys(SERVICES, "service")}
    wanted = {
        source.rstrip("/")
        for name, stage in stage_of.items()
        for source in copied(stage or name, name)
    }
    assert all((ROOT / source).exists() for source in wanted)
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    sent = {path for path in tracked if is_sent(path)}
    assert sent == {
        path for path in tracked if any(path == one or path.startswith(f"{one}/") for one in wanted)
    }
    assert not is_sent("shared/contract/__pycache__/claim.cpython-313.pyc")
    assert not is_sent("deploy/secrets/admin_dsn")


@pytest.mark.parametrize("stage", ["service", "twin"])
def test_a_container_runs_as_nobody_in_particular(stage: str) -> None:
    words = stages()[stage]
    (user,) = [rest for word, rest in words if word == "USER"]
    assert user.isdigit()
    assert int(user) > 0
    assert words.index(("USER", user)) < [word for word, _ in words].index("CMD")


def test_a_service_is_asked_for_its_health() -> None:
    (check,) = [rest for word, rest in stages()["service"] if word == "HEALTHCHECK"]
    environment = dict(
        pair.split("=", 1)
        for word, rest in stages()["service"]
        if word == "ENV"
        for pair in rest.split()
    )
    port = environment["CLAIMWIRE_HTTP_PORT"]
    assert f"127.0.0.1:{port}/health/ready" in check
    assert ("EXPOSE", port) in stages()["service"]
    assert environment["CLAIMWIRE_HTTP_HOST"] == "0.0.0.0"  # noqa: S104 - inside a container


@pytest.mark.parametrize("program", ROSTER, ids=lambda program: program.name)
def test_a_program_finds_all_it_imports_in_its_image(program: Program, tmp_path: Path) -> None:
    app = tmp_path / "app"
    for source in copied("service" if program.is_service else "twin", program.name):
        target = app / source
        if (ROOT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, target, ignore=ignored, dirs_exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, target)
    entry = "app" if program.is_service else "__main__"
    probe = (
        "import sys, importlib\n"
        f"importlib.import_module('{program.module}.{entry}')\n"
        "import shared.runner, shared.deployment\n"
        "for name, module in sys.modules.items():\n"
        "    if name.partition('.')[0] in ('shared', 'services', 'deploy', 'tests'):\n"
        "        print(getattr(module, '__file__', None) or list(module.__path__)[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=app, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    places = [Path(line) for line in done.stdout.splitlines()]
    assert places
    outside = [place for place in places if not place.is_relative_to(app)]
    assert not outside
