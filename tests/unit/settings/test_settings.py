"""Settings: where they come from, what is refused, and that no secret is ever shown."""

import logging
import os
from pathlib import Path

import pytest

from services.coding import app as coding
from services.intake import app as intake
from services.remittance import app as remittance
from services.submission import app as submission
from shared.settings import (
    Settings,
    SettingsError,
    load,
    unknown_variables,
    variable,
    warn_of_public_keys,
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("CLAIMWIRE_", "OTEL_")):
            monkeypatch.delenv(name)


def test_every_setting_has_a_default_and_a_description() -> None:
    for name, field in Settings.model_fields.items():
        assert not field.is_required(), name
        assert field.description, name


def test_defaults_are_used_where_nothing_is_set() -> None:
    assert load() == Settings()


def test_the_environment_sets_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMWIRE_BATCH_MAX_UNITS", "250")
    monkeypatch.setenv("CLAIMWIRE_KAFKA_IDEMPOTENT_PRODUCER", "true")
    settings = load()
    assert settings.batch_max_units == 250
    assert settings.kafka_idempotent_producer is True


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMWIRE_HTTP_PORT", "")
    monkeypatch.setenv("CLAIMWIRE_BLOB_KEY", "")
    assert load().http_port == 0
    assert load().blob_key is None


def test_the_environment_wins_over_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file = tmp_path / "some.env"
    env_file.write_text(
        "# a comment\nCLAIMWIRE_HTTP_PORT=8001\nCLAIMWIRE_HTTP_HOST='0.0.0.0'\n"
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318\n"
    )
    monkeypatch.setenv("CLAIMWIRE_HTTP_PORT", "8002")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    settings = load(env_file)
    assert settings.http_port == 8002
    assert settings.http_host == "0.0.0.0"  # noqa: S104 - read, not bound
    assert os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"


def test_a_missing_env_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="env file"):
        load(tmp_path / "none.env")


def test_a_secret_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dsn").write_text("postgresql://user:hidden@host/db\n")
    monkeypatch.setenv("CLAIMWIRE_POSTGRES_DSN_FILE", str(tmp_path / "dsn"))
    assert load().postgres_dsn.get_secret_value() == "postgresql://user:hidden@host/db"


def test_a_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLAIMWIRE_POSTGRES_DSN_FILE", str(tmp_path / "dsn"))
    monkeypatch.setenv("CLAIMWIRE_POSTGRES_DSN", "postgresql://user:hidden@host/db")
    with pytest.raises(SettingsError, match="both set") as refused:
        load()
    assert "hidden" not in str(refused.value)


def test_a_secret_file_that_cannot_be_read_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLAIMWIRE_ACCOUNT_HASH_KEY_FILE", str(tmp_path / "gone"))
    with pytest.raises(SettingsError, match="CLAIMWIRE_ACCOUNT_HASH_KEY_FILE: FileNotFoundError"):
        load()


WRONG = {
    "CLAIMWIRE_BATCH_MAX_UNITS": "canary",
    "CLAIMWIRE_BLOB_KEY": "canary",
    "CLAIMWIRE_KAFKA_SECURITY_PROTOCOL": "canary",
    "CLAIMWIRE_TRACE_SAMPLE_RATIO": "1.5",
    "CLAIMWIRE_HTTP_PORT": "70000",
    "CLAIMWIRE_OUTBOX_HIGH_MARK": "0",
}


def test_all_wrong_values_are_named_at_once_and_none_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, text in WRONG.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as refused:
        load()
    lines = str(refused.value).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == sorted(WRONG)
    assert "canary" not in str(refused.value)
    assert "70000" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "given",
    [
        {"CLAIMWIRE_KAFKA_SESSION_TIMEOUT_MS": "6000"},
        {"CLAIMWIRE_KAFKA_HEARTBEAT_INTERVAL_MS": "3500"},
    ],
)
def test_a_heartbeat_has_to_fit_into_the_session(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    assert load()
    monkeypatch.setenv("CLAIMWIRE_KAFKA_SESSION_TIMEOUT_MS", "5000")
    with pytest.raises(SettingsError, match="at most half"):
        load()


def test_more_replicas_cannot_be_required_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMWIRE_KAFKA_MIN_INSYNC_REPLICAS", "2")
    with pytest.raises(SettingsError, match="REPLICATION_FACTOR"):
        load()


def test_an_unknown_variable_is_warned_of_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CLAIMWIRE_POSTGRES_DNS", "postgresql://user:hidden@host/db")
    with caplog.at_level(logging.WARNING, logger="claimwire.settings"):
        load()
    assert "CLAIMWIRE_POSTGRES_DNS is not a setting; did you mean CLAIMWIRE_POSTGRES_DSN?" in (
        caplog.text
    )
    assert "hidden" not in caplog.text


def test_a_file_variable_is_known_for_secrets_only() -> None:
    given = {"CLAIMWIRE_BLOB_KEY_FILE": "x", "CLAIMWIRE_HTTP_HOST_FILE": "x", "OTHER": "x"}
    assert unknown_variables(given) == ["CLAIMWIRE_HTTP_HOST_FILE"]


def test_secrets_are_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAIMWIRE_POSTGRES_DSN", "postgresql://user:hidden@host/db")
    monkeypatch.setenv("CLAIMWIRE_ACCOUNT_HASH_KEY", "hidden")
    settings = load()
    assert "hidden" not in f"{settings!r} {settings} {settings.model_dump()}"
    assert "hidden" not in settings.model_dump_json()


def test_a_key_that_everybody_knows_is_warned_of_by_the_service_that_hashes_with_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CLAIMWIRE_PATIENT_HASH_KEY", "a key of ours")
    settings = load()
    keys = [
        name
        for app in (intake, coding, submission, remittance)
        for name in app.service(settings).keys
    ]
    assert sorted(keys) == ["account_hash_key", "patient_hash_key"]
    warn_of_public_keys(settings, keys)
    assert [record.getMessage().split()[0] for record in caplog.records] == [
        "CLAIMWIRE_ACCOUNT_HASH_KEY"
    ]


def test_the_table_has_a_row_for_every_setting() -> None:
    rows = Settings.dump_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [variable(name) for name in Settings.model_fields]
    assert all(row.count(" | ") == 2 for row in rows)
