"""What every second cache level does, whatever keeps it."""

import time

import pytest

from appliance.cache.answers import Answer
from appliance.cache.interface import Cache
from appliance.cache.keys import digest
from appliance.cache.kinds import Kind
from appliance.owner import Owner

ALICE, BOB = Owner("app", "alice"), Owner("app", "bob")
A_DAY_S = 86400.0


def key_of(name: str) -> str:
    return digest("test", name)


def answer(
    name: str, value: object = "hello", owner: Owner = ALICE, kind: Kind = Kind.TRANSLATION, lasts_s: float = A_DAY_S,
    job_id: str = "job_1",
) -> Answer:  # fmt: skip
    return Answer(key_of(name), owner, kind, value, lasts_s, job_id)


def knows(cache: Cache, *names: str, kind: Kind = Kind.TRANSLATION) -> set[str]:
    found = cache.recall(kind, [key_of(name) for name in names])
    return {name for name in names if key_of(name) in found}


@pytest.mark.parametrize("kind", [Kind.TRANSLATION, Kind.AUDIO])
def test_what_is_kept_is_recalled_by_every_process(new_cache, kind):
    value = {"text": "Grüße, 世界", "score": -0.25, "engines": ["a", "b"], "none": None}
    new_cache().keep([answer("one", value, kind=kind), answer("two", [1, 2], kind=kind)])
    found = new_cache().recall(kind, [key_of("one"), key_of("two"), key_of("three")])
    assert found == {key_of("one"): value, key_of("two"): [1, 2]}


def test_a_later_value_takes_the_place_of_an_earlier_one(cache):
    cache.keep([answer("one", "first")])
    cache.keep([answer("one", "second")])
    assert cache.recall(Kind.TRANSLATION, [key_of("one")]) == {key_of("one"): "second"}


def test_nothing_is_asked_and_nothing_kept_without_keys(cache):
    cache.keep([])
    assert cache.recall(Kind.TRANSLATION, []) == {}
    assert cache.lease([], "me", 1.0) == set()


def test_what_has_expired_is_not_recalled(cache):
    cache.keep([answer("brief", lasts_s=0.05), answer("long")])
    until_s = time.monotonic() + 5
    while knows(cache, "brief") and time.monotonic() < until_s:
        time.sleep(0.01)
    assert knows(cache, "brief", "long") == {"long"}


def test_a_deleted_job_takes_its_answers_along_and_no_others(cache):
    cache.keep([answer("hers"), answer("spoken", kind=Kind.AUDIO), answer("other", job_id="job_2")])
    cache.forget_job(ALICE, "job_1")
    assert knows(cache, "hers", "other") == {"other"}
    assert not knows(cache, "spoken", kind=Kind.AUDIO)


def test_an_owner_who_is_erased_leaves_nothing_and_others_everything(cache):
    cache.keep([answer("hers", job_id="job_1"), answer("spoken", kind=Kind.AUDIO, job_id="job_2")])
    cache.keep([answer("his", owner=BOB)])
    cache.forget_owner(ALICE)
    assert knows(cache, "hers", "his") == {"his"}
    assert not knows(cache, "spoken", kind=Kind.AUDIO)


def test_an_owner_can_be_forgotten_kind_by_kind(cache):
    cache.keep([answer("hers"), answer("spoken", kind=Kind.AUDIO)])
    cache.forget_owner(ALICE, [Kind.AUDIO])
    assert knows(cache, "hers") == {"hers"}
    assert not knows(cache, "spoken", kind=Kind.AUDIO)


def test_forgetting_what_is_not_there_is_fine(cache):
    cache.keep([answer("hers")])
    cache.forget_job(ALICE, "job_nobody")
    cache.forget_owner(BOB)
    assert knows(cache, "hers") == {"hers"}


def test_where_hosts_share_a_cache_one_of_several_gets_the_lease(new_cache):
    first, second = new_cache(), new_cache()
    keys = {key_of("one"), key_of("two")}
    assert first.lease(keys, "first", 60.0) == keys
    others = second.lease({*keys, key_of("three")}, "second", 60.0)
    assert others == ({key_of("three")} if second.beside else {*keys, key_of("three")})


def test_a_lease_ends_by_itself(new_cache):
    first, second = new_cache(), new_cache()
    first.lease([key_of("one")], "first", 0.05)
    until_s = time.monotonic() + 5
    while not (got := second.lease([key_of("one")], "second", 60.0)) and time.monotonic() < until_s:
        time.sleep(0.01)
    assert got == {key_of("one")}


def test_keeping_an_answer_ends_the_lease_on_it(new_cache):
    first, second = new_cache(), new_cache()
    first.lease([key_of("one")], "first", 60.0)
    first.keep([answer("one")])
    assert second.lease([key_of("one")], "second", 60.0) == {key_of("one")}


def test_a_lease_is_no_answer(cache):
    cache.lease([key_of("one")], "me", 60.0)
    assert not any(knows(cache, "one", kind=kind) for kind in (Kind.TRANSLATION, Kind.AUDIO))
