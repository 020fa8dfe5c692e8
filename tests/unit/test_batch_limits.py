"""How large a batch may be: by default, by the site's setting, by the device, by the command line."""

from types import MappingProxyType

import pytest
from click.testing import CliRunner

from appliance.catalog.catalog import Catalog
from appliance.cli import main
from appliance.errors import CommandFailed
from appliance.jobs.items import hear_key
from appliance.pool.inventory import parse_inventory
from appliance.pool.layout import lay_out
from appliance.pool.process import environment_for
from appliance.workers.roles import BATCH_LIMITS, ROLES, limits_of, limits_of_role
from tests.unit.one_card import CARD

DEFAULTS = {"hear": 8, "translate": 50, "synthesize": 4, "finish": 8, "enrol": 2}
WRONG = ("heer=2", "hear", "hear=", "hear=0", "hear=-1", "hear=2.5", "=3", "hear:2")


def test_eight_clips_are_heard_fifty_sentences_translated_and_four_utterances_spoken_together():
    assert BATCH_LIMITS == DEFAULTS
    assert {role: limits_of_role(role, "") for role in ROLES} == {
        role: {family: DEFAULTS[family] for family in families} for role, families in ROLES.items()
    }


@pytest.mark.parametrize(
    ("duration_s", "length"),
    [(0.5, "short"), (4.999, "short"), (5.0, "medium"), (15.0, "medium"), (15.001, "long"), (300.0, "long")],
)
def test_clips_are_heard_with_those_of_their_class(duration_s, length):
    assert hear_key(duration_s) == f"hear:{length}"


def test_what_is_named_changes_the_last_word_holds_and_the_rest_stays():
    families = MappingProxyType({"hear": 8, "translate": 50})
    assert limits_of(families, "") == {"hear": 8, "translate": 50}
    assert limits_of(families, " hear=16 , ,hear=2") == {"hear": 2, "translate": 50}


@pytest.mark.parametrize("entry", WRONG)
def test_what_is_no_limit_is_told_with_the_families_that_there_are(entry):
    with pytest.raises(CommandFailed) as refused:
        limits_of({"hear": 8, "finish": 8}, f"finish=2,{entry}")
    assert refused.value.detail.startswith(f"'{entry}' is no batch limit: a family of hear, finish")


def test_a_site_names_families_of_every_role_and_a_command_line_those_of_its_own():
    assert limits_of_role("voice", "hear=2,synthesize=6") == {"synthesize": 6}
    assert limits_of_role("voice", "hear=2,synthesize=6", "synthesize=1") == {"synthesize": 1}
    with pytest.raises(CommandFailed, match="'hear=2' is no batch limit: a family of synthesize"):
        limits_of_role("voice", "", "hear=2")
    with pytest.raises(CommandFailed, match="'heer=2' is no batch limit"):
        limits_of_role("voice", "heer=2")


@pytest.mark.parametrize(
    ("arguments", "site"),
    [
        (("worker", "--batch", "hear=0"), ""),
        (("worker", "--role", "voice", "--batch", "synthesize=2", "--batch", "hear=2"), ""),
        (("worker", "--role", "voice"), "heer=2"),
        (("serve",), "heer=2"),
        (("pool", "--inventory", "{inventory}"), "heer=2"),
    ],
)
def test_a_command_with_a_wrong_one_does_not_start(tmp_path, monkeypatch, arguments, site):
    inventory = tmp_path / "site.toml"
    inventory.write_text(CARD)
    monkeypatch.setenv("MEESHY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MEESHY_BATCH_LIMITS", site)
    told = CliRunner().invoke(main, [part.format(inventory=inventory) for part in arguments])
    assert told.exit_code != 0
    assert "is no batch limit" in told.output


def of_card(batch):
    (place,) = lay_out(parse_inventory(CARD + batch), Catalog.load(), "production")
    return place


def test_a_devices_limits_are_its_workers_and_go_before_the_sites():
    place = of_card("batch = { hear = 16 }\n[device.roles.voice]\nmax = 1\nbatch = { synthesize = 6 }\n")
    site = {"MEESHY_BATCH_LIMITS": "hear=2,translate=20"}
    of_role = {
        role: limits_of_role(role, environment_for(place, role, site)["MEESHY_BATCH_LIMITS"])
        for role in ("whisper", "voice")
    }
    assert of_role == {
        "whisper": {"hear": 16, "translate": 20, "finish": 8, "enrol": 2},
        "voice": {"synthesize": 6},
    }


def test_a_device_that_names_none_leaves_the_setting_as_it_is():
    place = of_card("")
    assert "MEESHY_BATCH_LIMITS" not in environment_for(place, "whisper", {})
    assert environment_for(place, "whisper", {"MEESHY_BATCH_LIMITS": "hear=2"})["MEESHY_BATCH_LIMITS"] == "hear=2"


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ("batch = { heer = 2 }", "card-0: roles.whisper.batch: whisper does not take heer; it takes: hear, translate"),
        ("batch = { synthesize = 2 }", "whisper does not take synthesize"),
        ("batch = { hear = 0 }", "Expected `int` >= 1"),
    ],
)
def test_a_mistake_in_an_inventory_is_told(batch, told):
    with pytest.raises(CommandFailed) as refused:
        of_card(batch)
    assert told in refused.value.detail
