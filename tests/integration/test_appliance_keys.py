"""A key in a file of a machine is used to see whether it works, and made anew where it does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.access.keys import revoke_key
from appliance.audio.decoder import DecoderPool
from tests.ansible_code import load
from tests.integration.api_house import open_house
from tests.integration.api_serving import serving

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def keys():
    return load("plugins/module_utils/appliance_keys.py")


@pytest.fixture
def house(tmp_path):
    with DecoderPool() as decoder, open_house(tmp_path, decoder) as house:
        yield house


@pytest.fixture
def url(house):
    """The address of the house's API on a real port."""
    with serving(house) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def run(house):
    """The command line over the house's database."""
    environment = {**os.environ, "MEESHY_DATA_DIR": str(house.settings.data_dir)}

    def ran(words):
        command = [sys.executable, "-m", "appliance.cli", *words]
        return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout

    return ran


def valid(run, application: str) -> list[dict]:
    listed = json.loads(run(["keys", "list", "--json"]))["keys"]
    return [each for each in listed if each["application"] == application and each["revoked_s"] is None]


def test_a_key_is_made_once_for_its_owner_alone_and_left_while_it_works(keys, house, url, run, tmp_path):
    file = tmp_path / "key"
    assert keys.why_anew(file, "viewer", url) == "there is none"

    keys.make_key(file, "console", "viewer", run)

    assert keys.why_anew(file, "viewer", url) == ""
    assert file.stat().st_mode & 0o777 == 0o400


def test_a_revoked_key_and_one_of_another_role_are_made_anew_and_no_other_stays_valid(keys, house, url, run, tmp_path):
    file = tmp_path / "key"
    keys.make_key(file, "console", "viewer", run)
    assert keys.why_anew(file, "admin", url) == "its role is viewer"
    keys.make_key(file, "console", "admin", run)
    (only,) = valid(run, "console")
    assert (only["role"], keys.why_anew(file, "admin", url)) == ("admin", "")

    revoke_key(house.database, only["id"])

    assert keys.why_anew(file, "admin", url) == "the appliance refuses it"
    assert len(valid(run, "messenger")) == 1


def test_a_key_that_only_uses_the_appliance_is_asked_whether_it_is_taken_and_is_alone_after_another(
    keys, house, url, run, tmp_path
):
    file = tmp_path / "key"
    keys.make_key(file, "trial of head", "app", run)
    assert keys.why_anew(file, "app", url) == ""
    file.unlink()  # as rotate_secrets.yml does

    assert keys.why_anew(file, "app", url) == "there is none"
    keys.make_key(file, "trial of head", "app", run)

    (only,) = valid(run, "trial of head")
    assert (only["role"], keys.why_anew(file, "app", url)) == ("app", "")
    file.chmod(0o600)
    file.write_text("mk_unknown")
    assert keys.why_anew(file, "app", url) == "the appliance refuses it"


def test_an_appliance_that_does_not_answer_decides_nothing(keys, tmp_path):
    (tmp_path / "key").write_text("mk_x")

    with pytest.raises(OSError, match="refused"):
        keys.why_anew(tmp_path / "key", "viewer", "http://127.0.0.1:9")


def test_a_key_under_a_name_of_a_release_before_is_revoked_with_the_next(keys, house, url, run, tmp_path):
    file = tmp_path / "key"
    keys.make_key(file, "meeshy-trial", "app", run)
    file.unlink()

    keys.make_key(file, "trial of head", "app", run, ["meeshy-trial"])

    assert valid(run, "meeshy-trial") == []
    assert len(valid(run, "trial of head")) == 1
