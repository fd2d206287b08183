"""Every setting of every process, read from the environment once, at start.

One model for all services keeps one table true: the README's settings table, the compose file and
the local stack all come from the fields here. A variable is `CLAIMWIRE_` and the field's name in
capitals. A secret may also be read from a file, named by the variable with `_FILE` added. Use
`load()`; it reads secret files and an env file, warns of variables nobody knows, and its errors
name the variable and never its value.
"""

import base64
import binascii
import difflib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CLAIMWIRE_"
SECRET_FILE_SUFFIX = "_FILE"  # noqa: S105 - a name, no password

logger = logging.getLogger("claimwire.settings")

Count = Annotated[int, Gt(0)]
Milliseconds = Annotated[int, Gt(0)]
Seconds = Annotated[float, Gt(0)]
Ratio = Annotated[float, Ge(0), Le(1)]


class SettingsError(ValueError):
    """Settings that cannot be used. The text has one line per variable, and no values."""


class Settings(BaseSettings):
    """What can be set. Frozen: a process reads its settings once."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        description="Kafka brokers to start from, `host:port` with commas between.",
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to talk to the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism, where the protocol is a SASL one."
    )
    kafka_sasl_username: str | None = Field(None, description="SASL user.")
    kafka_sasl_password: SecretStr | None = Field(None, description="SASL password.")
    kafka_ssl_cafile: Path | None = Field(
        None, description="Certificate authorities to trust (PEM); the system's when not set."
    )
    kafka_ssl_certfile: Path | None = Field(
        None, description="Client certificate (PEM), where brokers ask for one."
    )
    kafka_ssl_keyfile: Path | None = Field(None, description="Key of the client certificate (PEM).")
    kafka_idempotent_producer: bool = Field(
        default=False,
        description="Producer without duplicates or reordering on retries: on for Apache Kafka, "
        "off for the embedded broker, which cannot.",
    )
    kafka_replication_factor: Count = Field(
        1, description="Copies of each partition: 3 in production."
    )
    kafka_min_insync_replicas: Count = Field(
        1, description="Copies that must have a record before it counts as written: 2 of 3."
    )
    kafka_session_timeout_ms: Milliseconds = Field(
        45_000, description="A consumer silent for so long has lost its partitions."
    )
    kafka_heartbeat_interval_ms: Milliseconds = Field(
        3_000, description="Time between a consumer's signs of life."
    )
    kafka_group_prefix: str = Field(
        "claimwire", description="Consumer groups are named `<prefix>.<service>`."
    )

    postgres_dsn: SecretStr = Field(
        SecretStr("postgresql://127.0.0.1:5432/claimwire"),
        description="PostgreSQL address of this service, as its own role.",
    )
    postgres_admin_dsn: SecretStr | None = Field(
        None, description="Address as an administrator; only roles and schemas are made with it."
    )
    service_dsn_dir: Path | None = Field(
        None,
        description="Folder with a file `<service>_dsn` for each service; deployment gives the "
        "roles the passwords that stand there.",
    )
    postgres_pool_max: Count = Field(6, description="Database connections of one process, at most.")

    batch_max_units: Count = Field(500, description="Units decided in one transaction, at most.")
    batch_wait_ms: Milliseconds = Field(
        50, description="How long to wait for a batch to fill before it is decided."
    )
    outbox_high_mark: Count = Field(
        20_000, description="Unsent events above which consumption pauses until half are sent."
    )
    fuse_in_a_row: Count = Field(
        50, description="Units parked one after another at which a service stops consuming."
    )
    fuse_window: Count = Field(1_000, description="Latest units of which `fuse_ratio` is taken.")
    fuse_ratio: Ratio = Field(
        0.5, description="Share of the window parked at which a service stops consuming."
    )
    stall_s: Seconds = Field(
        60.0, description="Without progress for so long on assigned work, a service is not ready."
    )
    stop_s: Seconds = Field(
        20.0, description="Time a service has to finish its batch when it is told to stop."
    )
    event_retention_days: Count = Field(
        90, description="Days that published events stay in a service's own log for recovery."
    )
    blob_retention_days: Count = Field(
        120,
        description="Days that large bodies stay in the blob store; longer where topics or the "
        "event log may still refer to them, and as long as a parked record does.",
    )

    http_host: str = Field("127.0.0.1", description="Address the service's HTTP listens on.")
    http_port: Annotated[int, Ge(0), Le(65535)] = Field(
        0, description="Port the service's HTTP listens on; 0 takes a free one."
    )
    http_max_body_bytes: Count = Field(
        2_000_000_000,
        description="Largest body that the HTTP door for claims takes, in bytes, compressed or "
        "not. It is streamed: memory does not grow with it.",
    )

    var_dir: Path = Field(
        Path("var"), description="Folder of what a process writes on this machine."
    )
    blob_url: str | None = Field(
        None,
        description="Where large bodies are kept: `file:///folder` or `s3://bucket/prefix` (its "
        "endpoint, region and credentials by `AWS_` variables, see above). Default: `blobs` in "
        "the var folder.",
    )
    blob_key: SecretStr | None = Field(
        None,
        description="Key that encrypts large bodies and the interchanges that were sent: 32 bytes "
        "in base64 (AES-256-GCM).",
    )
    claim_check_bytes: Count = Field(
        900_000, description="Bodies above this many bytes travel through the blob store."
    )

    default_source: str = Field(
        "hospital", description="Name of the sender where a message does not say its own."
    )
    source_profiles: Path | None = Field(
        None,
        description="JSON or TOML file of source profiles: what each hospital's HL7 fields and "
        "codes mean, and when an encounter is complete; built-in defaults when not set.",
    )
    encounter_poll_s: Seconds = Field(
        30.0,
        description="Time between looks for encounters whose hold is over or that are overdue.",
    )
    encounter_retention_days: Count = Field(
        400,
        description="Days that an encounter is kept after the last change to it once its claim was "
        "made: late charges make a replacement for so long, and are refused after it.",
    )
    mllp_host: str = Field(
        "127.0.0.1", description="Address the MLLP listener (HL7 v2) listens on."
    )
    mllp_port: Annotated[int, Ge(0), Le(65535)] | None = Field(
        None,
        description="Port of the MLLP listener; 0 takes a free one, not set: no listener. "
        "`claimwire up` chooses one where none is set.",
    )
    mllp_source: str | None = Field(
        None,
        description="Name of the sender of what comes by MLLP; where not set, the common name of "
        "its client certificate, else `default_source`.",
    )
    mllp_tls_certfile: Path | None = Field(
        None, description="Certificate (PEM) of the MLLP listener: with it, TLS only."
    )
    mllp_tls_keyfile: Path | None = Field(None, description="Key of that certificate (PEM).")
    mllp_tls_client_cafile: Path | None = Field(
        None, description="Authorities (PEM) whose client certificates MLLP senders must show."
    )
    mllp_max_connections: Count = Field(500, description="MLLP connections at once, at most.")
    mllp_idle_s: Seconds = Field(
        3600.0, description="An MLLP connection without a whole message for so long is closed."
    )
    remittance_policy: Path | None = Field(
        None,
        description="JSON file of remittance's policy: denial rows, deadlines by payer, prompt-pay "
        "rules, matching weights; built-in defaults when not set.",
    )
    account_hash_key: SecretStr = Field(
        SecretStr("claimwire-development-only"),
        description="Key of the account hash on `payments.posted`; set your own in production.",
    )
    patient_hash_key: SecretStr = Field(
        SecretStr("claimwire-development-only"),
        description="Key of the hash under which coding remembers a patient's day; set your own in "
        "production, and keep it: with another key coding forgets what earlier claims had.",
    )
    reference_dir: Path = Field(
        Path("var/reference"),
        description="Folder of the reference tables that `claimwire reference load` has loaded.",
    )
    patient_billing: Path | None = Field(
        None,
        description="JSON file of what is on patients' bills and when they go out: your name and "
        "telephone, how to pay, deadlines, your own words for services; built-in defaults when "
        "not set.",
    )
    statement_poll_s: Seconds = Field(
        60.0, description="Time between looks for patients' bills that are due."
    )
    transport_dir: Path = Field(
        Path("var/transport"),
        description="Folder of the payers' mailboxes: `<payer>/to-payer`, `<payer>/from-payer`.",
    )
    payer_profiles: Path | None = Field(
        None, description="JSON or TOML file of payer profiles; built-in defaults when not set."
    )
    interchange_max_claims: Count = Field(500, description="Claims in one interchange, at most.")
    interchange_window_s: Seconds = Field(
        5.0, description="A pending claim waits so long, at most, for its interchange to fill."
    )
    mailbox_poll_s: Seconds = Field(2.0, description="Time between looks into a payer's mailbox.")
    watchdog_poll_s: Seconds = Field(
        60.0, description="Time between looks for acknowledgements that are overdue."
    )
    watchdog_999_s: Seconds = Field(
        4 * 3600.0, description="A 999 is overdue so long after its interchange was sent."
    )
    watchdog_277ca_s: Seconds = Field(
        2 * 86_400.0, description="A 277CA is overdue so long after its interchange was sent."
    )

    watchdog_835_s: Seconds = Field(
        45 * 86_400.0, description="An 835 is overdue so long after its interchange was sent."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log line that is written."
    )
    trace_sample_ratio: Ratio = Field(
        0.1,
        description="Share of claims traced from the start. What is parked, held, refused or "
        "denied is always traced. Traces leave by the standard `OTEL_` variables, and only when "
        "they are set.",
    )

    @field_validator("blob_key")
    @classmethod
    def _is_aes_key(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None:
            decode_key(key)
        return key

    @model_validator(mode="after")
    def _agree(self) -> "Settings":
        if self.kafka_heartbeat_interval_ms * 2 > self.kafka_session_timeout_ms:
            raise ValueError(
                "CLAIMWIRE_KAFKA_HEARTBEAT_INTERVAL_MS must be at most half of "
                "CLAIMWIRE_KAFKA_SESSION_TIMEOUT_MS"
            )
        if self.kafka_min_insync_replicas > self.kafka_replication_factor:
            raise ValueError(
                "CLAIMWIRE_KAFKA_MIN_INSYNC_REPLICAS must not be above "
                "CLAIMWIRE_KAFKA_REPLICATION_FACTOR"
            )
        return self

    @classmethod
    def dump_table(cls) -> str:
        """The settings as a markdown table, in the order of their declaration."""
        rows = ["| variable | default | what it sets |", "|---|---|---|"]
        for name, field in cls.model_fields.items():
            text = (field.description or "").replace("|", "\\|")
            if is_secret(name):
                text += f" Or `{variable(name)}{SECRET_FILE_SUFFIX}`."
            rows.append(f"| `{variable(name)}` | {_shown(field.default)} | {text} |")
        return "\n".join(rows) + "\n"


def variable(field_name: str) -> str:
    """The environment variable of a field: `log_level` is `CLAIMWIRE_LOG_LEVEL`."""
    return PREFIX + field_name.upper()


def is_secret(field_name: str) -> bool:
    """Whether a field holds a secret, and so may also come from a file."""
    return "SecretStr" in str(Settings.model_fields[field_name].annotation)


def warn_of_public_keys(settings: Settings, names: Iterable[str]) -> None:
    """Says which of these keys are still the default, which everybody knows."""
    for name in names:
        if getattr(settings, name) == Settings.model_fields[name].default:
            logger.warning("%s is the default, which everybody knows: set your own", variable(name))


def decode_key(key: SecretStr) -> bytes:
    """The 32 bytes of an AES-256 key in base64; ValueError, without the key, when it is none."""
    try:
        decoded = base64.b64decode(key.get_secret_value(), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != 32:
        raise ValueError("a key is 32 bytes in base64 (`openssl rand -base64 32`)")
    return decoded


def load(env_file: str | os.PathLike[str] | None = None) -> Settings:
    """The settings of this process: the environment, then the env file, then the defaults.

    An env file's `OTEL_` and `AWS_` variables are put into the environment where it does not hold
    them, since the libraries that read them look nowhere else. Raises SettingsError.
    """
    from_file = _read_env_file(env_file) if env_file is not None else {}
    for name, value in from_file.items():
        if name.startswith(("OTEL_", "AWS_")):
            os.environ.setdefault(name, value)
    given = from_file | {name: text for name, text in os.environ.items() if text}
    for name in unknown_variables(given):
        logger.warning("%s is not a setting%s", name, _suggestion(name))
    values: dict[str, Any] = {
        name: given[variable(name)] for name in Settings.model_fields if given.get(variable(name))
    }
    values.update(_secret_files(given))
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(_reasons(error))) from None


def unknown_variables(given: Mapping[str, str]) -> list[str]:
    """Names with our prefix that no field answers to, sorted."""
    known = {variable(name) for name in Settings.model_fields}
    known |= {variable(n) + SECRET_FILE_SUFFIX for n in Settings.model_fields if is_secret(n)}
    return sorted(name for name in given if name.startswith(PREFIX) and name not in known)


def _read_env_file(env_file: str | os.PathLike[str]) -> dict[str, str]:
    if not Path(env_file).is_file():
        raise SettingsError("the env file is not there, or is no file")
    return {name: text for name, text in dotenv_values(env_file).items() if text is not None}


def _secret_files(given: Mapping[str, str]) -> dict[str, str]:
    secrets = {}
    for name in filter(is_secret, Settings.model_fields):
        file_variable = variable(name) + SECRET_FILE_SUFFIX
        path = given.get(file_variable)
        if not path:
            continue
        if given.get(variable(name)):
            raise SettingsError(f"{variable(name)} and {file_variable} are both set; keep one")
        try:
            secrets[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            raise SettingsError(f"{file_variable}: {type(error).__name__} on reading it") from None
    return secrets


def _suggestion(name: str) -> str:
    near = difflib.get_close_matches(name, [variable(field) for field in Settings.model_fields], 1)
    return f"; did you mean {near[0]}?" if near else ""


def _reasons(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        where = problem["loc"]
        reason = problem["msg"].removeprefix("Value error, ")
        yield f"{variable(str(where[0]))}: {reason}" if where else reason


def _shown(default: object) -> str:
    if default is None:
        return ""
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"
