"""Size and hit rate of the phrase library over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from appliance.audio.decoder import DecoderPool
from appliance.housekeeping.house import House as Keeping
from appliance.housekeeping.phrases import bound_phrases, grow_phrases
from appliance.storage.tables import jobs
from tests.integration.api_house import House, open_house

STATS = "/api/v1/voice/phrases/stats"


@pytest.fixture
def house(tmp_path: Path, decoder: DecoderPool) -> Iterator[House]:
    with open_house(tmp_path, decoder) as house:
        yield house


def _stats(house: House, **asked: Any) -> Any:
    key = house.another_key("operations", "admin")
    return house.client.get(STATS, params=asked, headers=house.headers(None, key=key))


def _grow(house: House) -> None:
    with house.database.write() as connection:
        connection.execute(sa.update(jobs).values(finished_s=jobs.c.finished_s - 60))
    keeping = Keeping(house.database, house.objects, house.settings)
    grow_phrases(keeping)
    bound_phrases(keeping)


def test_growth_and_hits_show_by_pair_and_day(house: House) -> None:
    for number in range(3):
        house.finished_job("see you at the gate", "fr", user=f"user{number}")
    _grow(house)
    house.finished_job("see you at the gate", "fr", user="newcomer")
    _grow(house)

    answer = _stats(house)

    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["size"], body["most"]) == (1, house.settings.phrases_most)
    assert (body["hits"], body["own_hits"], body["misses"], body["hit_rate"]) == (1, 0, 3, 0.25)
    (pair,) = body["pairs"]
    assert (pair["source"], pair["target"], pair["size"]) == ("en", "fr", 1)
    assert (pair["corpus"], pair["used"], pair["ahead"]) == (0, 1, 0)
    (day,) = pair["days"]
    assert (day["size"], day["hits"], day["misses"], day["hit_rate"]) == (1, 1, 3, 0.25)


def test_nothing_in_it_is_personal(house: House) -> None:
    for number in range(3):
        house.finished_job("see you at the gate", "fr", user=f"user{number}")
    _grow(house)
    text = _stats(house).text
    assert "gate" not in text
    assert "user" not in text.replace('"used"', "")
    assert house.key.application_id not in text


def test_an_empty_library_answers_too(house: House) -> None:
    body = _stats(house, days=1).json()
    assert (body["size"], body["hits"], body["hit_rate"], body["pairs"]) == (0, 0, None, [])


def test_days_before_those_asked_for_are_left_out(house: House) -> None:
    house.finished_job("see you at the gate", "fr")
    with house.database.write() as connection:
        connection.execute(sa.update(jobs).values(finished_s=jobs.c.finished_s - 10 * 86_400))
    keeping = Keeping(house.database, house.objects, house.settings)
    grow_phrases(keeping)
    bound_phrases(keeping)
    assert _stats(house, days=5).json()["misses"] == 0
    assert _stats(house, days=20).json()["misses"] == 1


def test_it_needs_the_role_admin_and_a_number_of_days_within_bounds(house: House) -> None:
    assert house.client.get(STATS, headers=house.headers(None)).status_code == 403
    assert house.client.get(STATS).status_code == 401
    assert _stats(house, days=0).status_code == 400
    assert _stats(house, days=401).status_code == 400
