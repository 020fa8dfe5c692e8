"""A profile's embedding, level, reference and roll-back follow what its samples are worth, not how many there are."""

from zlib import crc32

import numpy as np
import pytest

from appliance.voices import growth
from appliance.voices.growth import Sample, first, level, reference, stability, updated, worse

WIDTH = 16
SPEAKER = np.eye(WIDTH)[0]


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def sample(
    name: str, speech_s: float = 5.0, *, snr_db: float | None = 30.0, clipping: float = 0.0,
    bandwidth_hz: float = 8_000.0, off: float = 0.1,
) -> Sample:  # fmt: skip
    """A sample of SPEAKER whose embedding is off in a direction of its own."""
    direction = np.random.default_rng(crc32(name.encode())).standard_normal(WIDTH)
    return Sample(
        id=name, speech_s=speech_s, snr_db=snr_db, clipping_ratio=clipping, bandwidth_hz=bandwidth_hz,
        embedding=unit(SPEAKER + off * direction).astype(np.float32),
    )  # fmt: skip


def names(samples: list[Sample]) -> list[str]:
    return [found.id for found in samples]


def test_an_update_is_four_fifths_old_and_one_fifth_session_at_unit_length():
    old, session = np.eye(3)[0], np.eye(3)[1]
    assert updated(old, session) == pytest.approx(np.array([0.8, 0.2, 0.0]) / np.sqrt(0.68), abs=1e-6)
    assert updated(old, old) == pytest.approx(old)


def test_a_profile_begins_with_the_mean_of_its_samples_by_their_speech():
    one = Sample(id="a", speech_s=3, snr_db=30, clipping_ratio=0, bandwidth_hz=8000, embedding=np.eye(2)[0])
    other = Sample(id="b", speech_s=1, snr_db=30, clipping_ratio=0, bandwidth_hz=8000, embedding=np.eye(2)[1])
    assert first([one, other]) == pytest.approx(np.array([3, 1]) / np.sqrt(10))


@pytest.mark.parametrize(
    ("speech_s", "expected"),
    [(9.9, None), (10, "basic"), (49.9, "basic"), (50, "refined"), (179.9, "refined"), (180, "expert")],
)
def test_the_level_follows_seconds_of_speech(speech_s, expected):
    assert level([sample("a", speech_s / 2), sample("b", speech_s / 2)], 1.0) == expected


def test_many_calls_are_no_level_and_one_long_one_is():
    assert level([sample(str(n), 0.4) for n in range(20)], 1.0) is None
    assert level([sample("a", 12.0)], stability([sample("a", 12.0)])) == "basic"


@pytest.mark.parametrize("name", ["refined", "expert"])
def test_an_unstable_embedding_stays_a_level_below(name):
    enough = [sample("a", 100.0), sample("b", 100.0)]
    limit = growth.LEAST_STABILITY[name]
    below = growth.LEVELS[growth.LEVELS.index(name) - 1]
    assert level(enough, limit - 0.001) == below


def test_stability_rises_with_samples_and_falls_with_their_spread():
    def of(count: int, off: float) -> float:
        return stability([sample(f"s{n}", off=off) for n in range(count)])

    assert of(4, 0.2) < of(16, 0.2) < of(64, 0.2) <= 1
    assert of(16, 0.3) < of(16, 0.1)
    assert of(2, 0.0) == pytest.approx(1)


def test_stability_depends_on_the_samples_alone_and_one_sample_has_none():
    some = [sample(f"s{n}", 2.0 + n) for n in range(9)]
    assert stability(some) == stability(some[::-1])
    assert stability(some[:1]) == stability([]) == 0


def test_two_speakers_in_one_profile_are_unstable():
    strangers = [
        Sample(id=f"x{n}", speech_s=5, snr_db=30, clipping_ratio=0, bandwidth_hz=8000, embedding=np.eye(WIDTH)[n % 2])
        for n in range(2)
    ]
    assert stability(strangers) == pytest.approx(0)


def test_the_reference_is_the_cleanest_of_all_samples_not_the_latest():
    clean = [sample(f"clean{n}", 7.0, snr_db=35.0) for n in range(3)]
    poor = [sample(f"poor{n}", 7.0, snr_db=16.0) for n in range(6)]
    chosen = reference([*clean, *poor])
    assert set(names(chosen)) == {"clean0", "clean1", "clean2"}
    assert names(reference([*poor, *clean])) == names(chosen)


def test_the_reference_has_six_to_thirty_seconds():
    chosen = reference([sample(f"s{n}", 4.0) for n in range(60)])
    assert 26 <= sum(found.speech_s for found in chosen) <= 30
    few = reference([sample("good", 4.0, snr_db=40.0), sample("poor", 4.0, snr_db=16.0)])
    assert names(few) == ["good", "poor"]


def test_less_than_six_seconds_are_all_there_is_and_nothing_is_nothing():
    assert names(reference([sample("only", 3.0)])) == ["only"]
    assert reference([]) == []


def test_where_only_a_long_sample_is_left_it_joins():
    assert set(names(reference([sample("short", 4.0), sample("long", 45.0, snr_db=20.0)]))) == {"short", "long"}


@pytest.mark.parametrize(
    "poorer",
    [{"snr_db": 15.0}, {"snr_db": None}, {"clipping": 0.009}, {"bandwidth_hz": 5_000.0}, {"off": 0.6}],
)
def test_each_measure_decides_what_is_cleanest(poorer):
    assert names(reference([sample("a", 8.0, **poorer), sample("b", 8.0), sample("c", 8.0)]))[0] != "a"


def test_a_version_is_worse_only_beyond_the_noise_of_measuring():
    assert worse(0.90, 0.90 - 1.5 * growth.ALLOWED_NOISE)
    assert not worse(0.90, 0.90 - 0.5 * growth.ALLOWED_NOISE)
    assert not worse(0.90, 0.95)
