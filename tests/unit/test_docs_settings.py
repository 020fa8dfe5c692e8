"""docs/settings.md tells every setting with its default, and every setting arrives from its variable."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.cli import main
from appliance.settings import Settings, read_settings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/settings.md"

ENVIRONMENT = {
    "data_dir": ("/srv/data", Path("/srv/data")),
    "models_dir": ("/srv/models", Path("/srv/models")),
    "model_mirror_url": ("http://fileserver/models", "http://fileserver/models"),
    "model_folder": ("/srv/files", "/srv/files"),
    "database_url": ("postgresql://db/meeshy", "postgresql://db/meeshy"),
    "redis_url": ("redis://queue/1", "redis://queue/1"),
    "cache_redis_url": ("redis://cache/0", "redis://cache/0"),
    "disk_reserve_bytes": ("0", 0),
    "s3_endpoint": ("objects.intranet:8333", "objects.intranet:8333"),
    "s3_bucket": ("voices", "voices"),
    "s3_access_key": ("access", "access"),
    "s3_secret_key": ("secret", "secret"),
    "s3_secure": ("false", False),
    "s3_region": ("eu-west-3", "eu-west-3"),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("0", 0),
    "licence": ("evaluation", "evaluation"),
    "model_preset": ("production", "production"),
    "xtts_python": ("/opt/xtts/bin/python", "/opt/xtts/bin/python"),
    "device": ("cuda", "cuda"),
    "threads": ("3", 3),
    "model_memory_bytes": ("6000000000", 6_000_000_000),
    "max_upload_bytes": ("1000", 1000),
    "max_audio_s": ("12.5", 12.5),
    "sla_s": ("3", 3.0),
    "sla_scale": ("2.5", 2.5),
    "most_waiting_jobs": ("0", 0),
    "requests_per_minute": ("0", 0),
    "batch_limits": ("hear=2", "hear=2"),
    "price_per_gpu_s": ("0.002", 0.002),
    "price_per_million_characters": ("20", 20.0),
    "price_per_gb_month": ("0.1", 0.1),
    "lease_s": ("4", 4.0),
    "poll_s": ("0.5", 0.5),
    "poll_rings": ("false", False),
    "attempts": ("5", 5),
    "result_ttl_s": ("60", 60.0),
    "transcription_ttl_s": ("61", 61.0),
    "translation_ttl_s": ("62", 62.0),
    "audio_ttl_s": ("63", 63.0),
    "phrase_audio_ttl_s": ("64", 64.0),
    "static_ttl_s": ("65", 65.0),
    "conditioning_ttl_s": ("66", 66.0),
    "source_ttl_s": ("30", 30.0),
    "webhooks_ttl_s": ("45", 45.0),
    "events_ttl_s": ("90", 90.0),
    "phrases_most": ("0", 0),
    "phrases_owners": ("5", 5),
    "phrases_half_life_s": ("60", 60.0),
    "phrases_ahead_per_hour": ("0", 0),
    "max_wer": ("0", 0.0),
    "min_similarity": ("1", 1.0),
    "speak_attempts": ("1", 1),
    "voice_key_file": ("/srv/voice.key", "/srv/voice.key"),
    "voice_samples_from_translations": ("true", True),
    "deepl_key": ("key", "key"),
    "deepl_url": ("https://api.deepl.com", "https://api.deepl.com"),
    "allow_deepl": ("true", True),
    "webhook_allow": ("hooks.intranet:8443", "hooks.intranet:8443"),
    "client_key": ("mk_key", "mk_key"),
    "metrics_open": ("true", True),
    "metrics_host": ("10.0.0.5", "10.0.0.5"),
    "metrics_port": ("9100", 9100),
    "metrics_ports": ("8", 8),
    "log_level": ("debug", "debug"),
}
"""For each setting a text other than its default, and the value that the text means."""


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"MEESHY_{name.upper()}", raising=False)


@pytest.fixture(scope="module")
def documented() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `MEESHY_(\w+)` \| (.+?) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert len(rows) == len({name for name, _, _ in rows})
    return {name.lower(): (default, meaning) for name, default, meaning in rows}


def test_every_setting_arrives_from_its_variable(monkeypatch):
    for name, (text, _) in ENVIRONMENT.items():
        monkeypatch.setenv(f"MEESHY_{name.upper()}", text)

    arrived, default = Settings().model_dump(), Settings.model_construct().model_dump()

    assert arrived == {name: value for name, (_, value) in ENVIRONMENT.items()}
    assert not [name for name in arrived if arrived[name] == default[name]]


def test_every_setting_is_documented_and_nothing_else_is(documented):
    assert set(documented) == set(Settings.model_fields)


def test_the_documented_defaults_are_in_force(documented):
    told = {name: "" if default == "empty" else default.strip("`") for name, (default, _) in documented.items()}
    told["models_dir"] = str(Path(told["models_dir"]).expanduser())

    assert Settings(**told) == Settings()


def test_what_zero_and_empty_mean_is_said(documented):
    for name, (default, meaning) in documented.items():
        if default == "empty":
            assert "Empty:" in meaning, name
        if default == "`0`":
            assert "`0`:" in meaning, name


def test_no_key_and_no_password_is_shown(monkeypatch):
    hidden = {
        "MEESHY_DATABASE_URL": "postgresql://meeshy:hunter2@db/meeshy",
        "MEESHY_REDIS_URL": "redis://:hunter2@queue/0",
        "MEESHY_S3_ENDPOINT": "objects:9000",
        "MEESHY_S3_ACCESS_KEY": "hunter2",
        "MEESHY_S3_SECRET_KEY": "hunter2",
        "MEESHY_DEEPL_KEY": "hunter2",
        "MEESHY_CLIENT_KEY": "hunter2",
    }
    for name, value in hidden.items():
        monkeypatch.setenv(name, value)
    for arguments in ([], ["--json"]):
        shown = CliRunner().invoke(main, ["settings", *arguments])
        assert shown.exit_code == 0, shown.output
        assert "hunter2" not in shown.output


def test_a_credential_of_systemd_is_a_setting_and_a_variable_comes_first(monkeypatch, tmp_path):
    (tmp_path / "meeshy_database_url").write_text("postgresql://meeshy:secret@db/meeshy")
    (tmp_path / "meeshy_redis_url").write_text("redis://:secret@queue/0")
    (tmp_path / "tls.key").write_text("another program's")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("MEESHY_REDIS_URL", "redis://variable/0")

    settings = read_settings()

    assert settings.database_url == "postgresql://meeshy:secret@db/meeshy"
    assert settings.redis_url == "redis://variable/0"


def test_without_credentials_the_environment_alone_counts(monkeypatch, tmp_path):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert read_settings() == Settings()

    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))
    assert read_settings() == Settings()
