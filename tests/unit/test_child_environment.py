"""What a process hands to its children: every setting, but no secret that they can read from a file themselves."""

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.commands.child_environment import child_environment
from appliance.settings import read_settings

READS = "from appliance.settings import read_settings as r; s = r(); print(s.database_url, s.s3_secret_key, s.port)"


@pytest.fixture
def credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as systemd makes it for a service."""
    (tmp_path / "meeshy_database_url").write_text("postgresql://meeshy:geheim@127.0.0.1/meeshy")
    (tmp_path / "meeshy_s3_secret_key").write_text("topsecret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    return tmp_path


def test_a_child_reads_the_credentials_itself_and_gets_none_of_them(credentials):
    settings = read_settings().model_copy(update={"port": 4711})

    environment = child_environment(settings)
    child = subprocess.run([sys.executable, "-c", READS], env=environment, capture_output=True, text=True, check=True)

    assert "geheim" not in "".join(environment.values())
    assert "topsecret" not in "".join(environment.values())
    assert child.stdout.split() == ["postgresql://meeshy:geheim@127.0.0.1/meeshy", "topsecret", "4711"]


def test_a_variable_that_came_before_the_credential_goes_to_the_child_too(credentials, monkeypatch):
    monkeypatch.setenv("MEESHY_S3_SECRET_KEY", "the variable's")

    environment = child_environment(read_settings())

    assert environment["MEESHY_S3_SECRET_KEY"] == "the variable's"
    assert "MEESHY_DATABASE_URL" not in environment


def test_without_credentials_a_child_gets_every_setting(monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    settings = read_settings().model_copy(update={"s3_secret_key": "topsecret"})

    environment = child_environment(settings)

    assert environment["MEESHY_S3_SECRET_KEY"] == "topsecret"
    assert {name for name in environment if name.startswith("MEESHY_")} == {
        f"MEESHY_{name.upper()}" for name in type(settings).model_fields
    }


def test_a_child_does_not_speak_for_the_service_to_systemd(monkeypatch):
    for name in ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"):
        monkeypatch.setenv(name, "7")

    environment = child_environment(read_settings())

    assert not {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"} & environment.keys()
