"""The doctor's checks on a host of one's own: what is in order, what is not, and that every check is documented."""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.cli import main
from appliance.clock import SystemClock
from appliance.doctor.checks import CHECKS, examine
from appliance.doctor.machine import certificate_days, sync_ms
from appliance.settings import Settings
from appliance.storage.database import Database
from appliance.storage.migrate import READABLE_BY, migrate
from appliance.storage.site import set_site_value

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "data").mkdir()
    made = Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models", disk_reserve_bytes=0)
    database = Database(made.database)
    migrate(database)
    database.close()
    (made.data_dir / "objects").mkdir()
    return made


def states(findings):
    return {each.check: each.state for each in findings}


def test_every_check_is_documented_and_nothing_else_is():
    section = (ROOT / "docs/operations.md").read_text().split("\n## Doctor\n")[1].split("\n## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(CHECKS)


def test_a_host_without_models_and_workers_is_told_so_and_the_rest_is_in_order(settings):
    found = states(examine(settings))

    assert list(found) == list(CHECKS)
    assert {check for check, state in found.items() if state == "wrong"} == {"work"}
    assert found["models"] == "note"
    assert found["redis"] == found["voice_key"] == "unused"
    assert found["database"] == found["schema"] == found["object_store"] == found["clock"] == "ok"
    assert found["decoder"] in ("ok", "note")


def everything(folder):
    """Return what lies in a folder, without what SQLite keeps beside an open database."""
    return sorted(path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm")))


def test_no_file_stays_behind(settings):
    before = [path for path in everything(settings.data_dir) if path.is_file()]
    examine(settings)

    assert [path for path in everything(settings.data_dir) if path.is_file()] == before


def test_where_nobody_has_started_anything_nothing_is_made_and_every_check_tells_it(tmp_path):
    found = {each.check: each for each in examine(Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models"))}

    assert everything(tmp_path) == []
    assert list(found) == list(CHECKS)
    assert (found["database"].state, found["database"].says) == (
        "wrong", f"There is no {tmp_path / 'data' / 'meeshy.sqlite3'} yet.",
    )  # fmt: skip
    assert {found[check].state for check in ("schema", "clock", "voice_key", "work")} == {"wrong"}
    assert (found["object_store"].state, found["disk"].state) == ("note", "ok")
    assert "meeshy migrate" in found["database"].do


def test_an_empty_database_is_wrong_and_every_other_check_is_still_made(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "meeshy.sqlite3").touch()
    found = states(examine(Settings(data_dir=tmp_path / "data", models_dir=tmp_path / "models")))

    assert found["schema"] == "wrong"
    assert found["database"] == "ok"
    assert list(found) == list(CHECKS)


def test_a_database_that_is_away_is_told_by_each_check_that_needs_it(settings):
    away = settings.model_copy(update={"database_url": "postgresql://nobody:planted@127.0.0.1:1/none"})
    findings = examine(away)

    wrong = {each.check for each in findings if each.state == "wrong"}
    assert {"database", "schema", "clock", "voice_key", "work"} <= wrong
    assert "planted" not in str(findings)
    assert states(findings)["object_store"] == "ok"


@pytest.mark.parametrize(("needs", "state"), [("0001", "note"), ("9998", "wrong")])
def test_a_schema_of_a_newer_version_is_wrong_unless_this_one_runs_on_it(settings, needs, state):
    database = Database(settings.database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        set_site_value(connection, READABLE_BY, needs, 1.0)
    database.close()

    (schema,) = [each for each in examine(settings) if each.check == "schema"]
    assert (schema.state, "9999" in schema.says) == (state, True)


@pytest.mark.parametrize(("ahead_s", "state"), [(1, "ok"), (10, "note"), (100, "wrong")])
def test_a_clock_that_is_off_is_told(settings, ahead_s, state):
    class Ahead(SystemClock):
        def now_s(self):
            return super().now_s() + ahead_s

    assert states(examine(settings, Ahead()))["clock"] == state


def test_a_key_file_that_does_not_hold_a_key_is_wrong(settings):
    file = settings.data_dir / "voice.key"
    file.write_bytes(base64.b64encode(b"k" * 32))
    assert states(examine(settings))["voice_key"] == "ok"
    file.write_text("no key")
    assert states(examine(settings))["voice_key"] == "wrong"


def test_what_a_check_did_not_expect_is_one_finding_and_not_the_end_of_the_others(settings, tmp_path):
    damaged = tmp_path / "node.pem"
    damaged.write_text("-----BEGIN CERTIFICATE-----\nprivate words\n-----END CERTIFICATE-----\n")

    findings = examine(settings, certificate=damaged)

    assert list(states(findings)) == list(CHECKS)
    assert states(findings)["certificate"] == "wrong"
    assert "private words" not in str(findings)


def test_the_days_of_a_certificate_are_counted(tmp_path):
    now = datetime(2026, 11, 26, tzinfo=UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "head")])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now).not_valid_after(now + timedelta(days=40)).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "node.pem"
    assert certificate_days(now.timestamp(), file) is None
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    assert certificate_days(now.timestamp(), file) == pytest.approx(40)
    assert certificate_days((now + timedelta(days=41)).timestamp(), file) == pytest.approx(-1)


def test_the_time_of_a_write_is_measured_where_the_data_folder_will_be(tmp_path):
    assert sync_ms(tmp_path / "not" / "there") > 0
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_one_document_and_ends_by_what_is_wrong(settings, monkeypatch):
    monkeypatch.setenv("MEESHY_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MEESHY_MODELS_DIR", str(settings.models_dir))
    told = CliRunner().invoke(main, ["doctor", "--json"])

    assert told.exit_code == 1, "nobody works here"
    assert [each["check"] for each in json.loads(told.stdout)["findings"]] == list(CHECKS)
    text = CliRunner().invoke(main, ["doctor"])
    assert "wrong" in text.stdout
    assert "Start a worker" in " ".join(text.stdout.split())


def test_a_run_without_models_is_refused_before_anything_is_started(settings, monkeypatch):
    monkeypatch.setenv("MEESHY_MODELS_DIR", str(settings.models_dir))

    told = CliRunner().invoke(main, ["doctor", "--air-gap"])

    assert told.exit_code == 1
    assert "Models are missing" in told.stderr
