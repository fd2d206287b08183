"""What each program of the stack is told by its environment, and who has the last word.

From weakest to strongest: defaults for one machine, this process's environment, what the broker
needs, what the stack's caller gave, and the addresses only the stack knows. Passwords go by file,
as they do in containers, never by the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.ports import kept_port
from deploy.local.preparation import TRACES
from deploy.local.roster import MLLP_PORT, TRACE_RECEIVER, Program
from deploy.local.servers import POSTGRES_VARIABLES
from deploy.local.stack_folder import StackFolder

LOCAL_DEFAULTS = {
    "CLAIMWIRE_INTERCHANGE_WINDOW_S": "1.0",
    "CLAIMWIRE_MAILBOX_POLL_S": "0.5",
    "CLAIMWIRE_TRACE_SAMPLE_RATIO": "1.0",
}
"""One person waits, one payer answers and somebody looks: sooner than in production, where others
share it, and every claim is traced."""

_WITHHELD = (
    *POSTGRES_VARIABLES,
    *(f"{name}_FILE" for name in POSTGRES_VARIABLES),
    "CLAIMWIRE_TEST_KAFKA",
)
"""An administrator's address is no service's business."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every program of one stack."""

    folder: StackFolder
    bootstrap_servers: str
    broker_settings: Mapping[str, str]
    given: Mapping[str, str]
    traces_endpoint: str


def environment_of(program: Program, around: Surroundings, http_port: int | None) -> dict[str, str]:
    """The whole environment of a program; `http_port` is None for one without HTTP."""
    inherited = {name: text for name, text in os.environ.items() if name not in _WITHHELD}
    folder = around.folder
    own = {
        "CLAIMWIRE_VAR_DIR": str(folder.var_dir),
        "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS": around.bootstrap_servers,
        "OTEL_SERVICE_NAME": program.name,
        "PYTHONUNBUFFERED": "1",
    }
    # These only where the user has not said otherwise.
    local = LOCAL_DEFAULTS | {"CLAIMWIRE_BLOB_URL": folder.blob_dir.as_uri()}
    if program.is_service:
        local["OTEL_EXPORTER_OTLP_ENDPOINT"] = around.traces_endpoint
    local |= {name: _value_of(name, folder) for name in program.variables}
    if http_port is not None:
        owner = TRACES if program is TRACE_RECEIVER else program.name
        own["CLAIMWIRE_HTTP_PORT"] = str(http_port)
        own["CLAIMWIRE_POSTGRES_DSN_FILE"] = str(folder.secret(f"{owner}_dsn"))
    return local | inherited | dict(around.broker_settings) | dict(around.given) | own


def _value_of(variable: str, folder: StackFolder) -> str:
    """The value of a variable that only some programs of the roster need."""
    if variable == "CLAIMWIRE_TRANSPORT_DIR":
        return str(folder.transport_dir)
    if variable == MLLP_PORT:
        return str(kept_port(folder.port_file("mllp")))
    return str(folder.secret(variable.removeprefix("CLAIMWIRE_").removesuffix("_FILE").lower()))
