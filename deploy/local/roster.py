"""Who runs in the line: every program, how it is started and what it must be told.

One table, so that `make up` and the compose file cannot drift apart: a test compares them. What a
program is told is named here by the settings' own variables; the values come from whoever starts
it (ports and folders of this machine here, names of containers there).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """One process of the line. `module` and `arguments` follow `python -m`."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    """May hold `{transport_dir}`."""
    variables: tuple[str, ...] = ()
    """What it needs beyond what every service gets."""
    is_service: bool = True
    """A service has a schema, a role, a consumer group and HTTP."""
    has_http: bool = True

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").isalnum():
            raise ValueError("a program's name goes into file names: letters, digits and hyphens")

    def command(self, python: str, transport_dir: str) -> tuple[str, ...]:
        """The command line, `python` being the interpreter to use."""
        filled = (argument.format(transport_dir=transport_dir) for argument in self.arguments)
        return (python, "-m", self.module, *filled)


EVERY_SERVICE = (
    "CLAIMWIRE_KAFKA_BOOTSTRAP_SERVERS",
    "CLAIMWIRE_KAFKA_IDEMPOTENT_PRODUCER",
    "CLAIMWIRE_POSTGRES_DSN_FILE",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_SERVICE_NAME",
)
"""What every service is told, whoever starts it."""

MLLP_PORT = "CLAIMWIRE_MLLP_PORT"

ROSTER = (
    Program("intake", "services.intake", variables=(MLLP_PORT,)),
    Program("coding", "services.coding", variables=("CLAIMWIRE_PATIENT_HASH_KEY_FILE",)),
    Program("submission", "services.submission", variables=("CLAIMWIRE_TRANSPORT_DIR",)),
    Program("remittance", "services.remittance", variables=("CLAIMWIRE_ACCOUNT_HASH_KEY_FILE",)),
    Program(
        "payer-twin",
        "deploy.twins.payer",
        ("--root", "{transport_dir}"),
        is_service=False,
        has_http=False,
    ),
)
"""In the order of starting; stopping goes the other way."""

SERVICES = tuple(program.name for program in ROSTER if program.is_service)

TRACE_RECEIVER = Program("traces", "deploy.local.otlp", is_service=False)
"""Takes the collector's place on one machine; in containers a real collector stands there."""
