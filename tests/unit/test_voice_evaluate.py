"""The evaluation's bookkeeping."""

from pathlib import Path

import numpy as np
from scipy.io import wavfile

from appliance.voices.evaluate import EvaluationRow, as_table, means, recorded_speakers

ROWS = [
    EvaluationRow("ann", "nearest", 0.6, 2.0, 10.0),
    EvaluationRow("ann", "matched", 0.8, 1.0, 8.0),
    EvaluationRow("bob", "nearest", 0.7, None, 20.0),
    EvaluationRow("bob", "matched", 0.9, 0.0, 6.0),
]


def test_means_are_per_method_and_leave_unmeasurable_values_out() -> None:
    nearest, matched = means(ROWS)
    assert (nearest.method, round(nearest.similarity, 6), nearest.pitch_semitones, nearest.mfcc_db) == (
        "nearest",
        0.65,
        2.0,
        15.0,
    )
    assert (matched.speaker, round(matched.similarity, 6), matched.pitch_semitones) == ("mean of 2", 0.85, 0.5)


def test_the_table_has_a_line_per_row() -> None:
    lines = as_table(ROWS).splitlines()
    assert len(lines) == 5
    assert lines[3].split() == ["bob", "nearest", "0.700", "-", "20.0"]


def test_recordings_are_joined_per_person_whatever_their_rate_and_number_format(tmp_path: Path) -> None:
    wavfile.write(tmp_path / "ann_1.wav", 8_000, np.full(8_000, 16_384, np.int16))
    wavfile.write(tmp_path / "ann_2.wav", 16_000, np.full((16_000, 2), 0.5, np.float32))
    wavfile.write(tmp_path / "bob-1.wav", 22_050, np.zeros(22_050, np.float32))
    wavfile.write(tmp_path / "meeting_1.wav", 16_000, np.zeros(16_000, np.float32))
    ann, bob = recorded_speakers(tmp_path)
    assert (ann.name, len(ann.samples), bob.name, len(bob.samples)) == ("ann", 32_000, "bob", 16_000)
    assert np.allclose(ann.samples[4_000:12_000], 0.5, atol=0.01) and np.allclose(ann.samples[20_000:], 0.5, atol=0.01)
