"""A machine's workers are proven by those of its present pool alone, each by what it is there for."""

import pytest

from installer.target.failure import TargetFailed
from installer.target.workers import Proof, await_workers, judge_workers

POOL = {"roles": [{"role": "whisper", "processes_min": 1}, {"role": "voice", "processes_min": 1}]}
HEARS = {"living": True, "host": "head", "started_ago_s": 5.0, "families": ["hear"], "proven": False}
SPEAKS = {"living": True, "host": "head", "started_ago_s": 5.0, "families": ["synthesize", "finish"], "proven": True}


def judged(*workers, pool_age_s=10.0):
    return judge_workers({"figures": {"workers": list(workers)}}, POOL, "head", pool_age_s)


def test_all_that_the_pool_owes_work():
    assert judged(HEARS, SPEAKS) == Proof(wanted=2, working=2, silent=0)
    assert judged(HEARS, SPEAKS).holds


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        ((), "0 of 2"),
        ((HEARS,), "1 of 2"),
        ((HEARS, SPEAKS | {"proven": False}), "1 of 2 workers work, 1 have not spoken"),
        ((HEARS, SPEAKS | {"living": False}), "1 of 2"),
        ((HEARS, SPEAKS | {"host": "other"}), "1 of 2"),
        ((HEARS, SPEAKS | {"started_ago_s": 11.0}), "1 of 2"),
    ],
    ids=["none", "one", "silent", "dead", "elsewhere", "of the pool before"],
)
def test_what_does_not_count(workers, said):
    proof = judged(*workers)

    assert not proof.holds
    assert said in proof.says()


def test_one_that_has_not_spoken_yet_is_waited_for_though_others_are_enough():
    assert not judged(HEARS, SPEAKS, SPEAKS | {"proven": False}).holds


def test_without_a_database_nothing_is_proven():
    assert not judge_workers({"figures": None}, POOL, "head", 10.0).holds


def test_it_is_waited_for_and_then_told():
    proofs = iter([Proof(2, 0, 0), Proof(2, 1, 1), Proof(2, 2, 0)])
    assert await_workers(10, lambda: next(proofs), lambda: 0.0, lambda _: None).holds

    moments = iter(range(100))
    with pytest.raises(TargetFailed, match="1 of 2 workers work, 0 have not spoken yet after 5 s; journalctl"):
        await_workers(5, lambda: Proof(2, 1, 0), lambda: float(next(moments)), lambda _: None)
