"""When a reading is accepted, and which of several is chosen."""

from dataclasses import dataclass

from appliance.receipts.verdict import best, faults


@dataclass(frozen=True)
class Reading:
    wer: float
    similarity: float | None = None


LIMITS = {"max_wer": 0.35, "min_similarity": 0.5}


def test_a_clear_reading_that_resembles_the_speaker_has_no_faults():
    assert faults(Reading(0.1, 0.7), voice_kind="matched", **LIMITS) == ()


def test_each_fault_is_named_with_its_figure_and_its_limit():
    found = faults(Reading(0.5, 0.3), voice_kind="matched", **LIMITS)
    assert found == ("word error rate 0.50 is above 0.35", "speaker similarity 0.30 is below 0.50")


def test_a_stock_voice_need_not_resemble_anybody():
    assert faults(Reading(0.1, 0.1), voice_kind="stock", **LIMITS) == ()


def test_a_similarity_that_could_not_be_measured_is_no_fault():
    assert faults(Reading(0.1, None), voice_kind="matched", **LIMITS) == ()


def test_the_best_reading_has_the_fewest_wrong_words_and_then_the_closest_voice():
    closest = Reading(0.1, 0.8)
    assert best([Reading(0.1, 0.6), closest, Reading(0.3, 0.9)]) is closest
