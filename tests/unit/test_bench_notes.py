"""What a burst's notes are made of."""

import numpy as np
import pytest
from scipy.io import wavfile

from appliance.bench.notes import BREATH_S, HUMAN_TEXTS, joinings, notes
from appliance.errors import CommandFailed
from models.packs.phrases import RECORDINGS_ORIGIN, load_base

RATE_HZ = 16_000


def record(folder, stem: str, length_s: float) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(round(length_s * RATE_HZ)) / RATE_HZ)
    wavfile.write(folder / f"{stem}.wav", RATE_HZ, (0.3 * tone).astype(np.float32))


def test_recordings_stand_alone_first_and_are_then_joined_by_speaker_in_turns():
    made = list(joinings(["jfk", "ann_1", "ann_2", "bob_1", "bob_2"]))

    assert made[:5] == [("jfk",), ("ann_1",), ("ann_2",), ("bob_1",), ("bob_2",)]
    assert made[5:] == [("ann_1", "ann_2"), ("bob_1", "bob_2"), ("ann_2", "ann_1"), ("bob_2", "bob_1")]


def test_no_two_notes_are_made_of_the_same_recordings():
    made = list(joinings(list(HUMAN_TEXTS)))

    assert len(made) == len(set(made)) >= 30


def test_a_joined_note_says_both_sentences_with_a_breath_between_them(tmp_path):
    record(tmp_path, "spk1_snt1", 1.0)
    record(tmp_path, "spk1_snt2", 2.0)

    written = notes(tmp_path / "notes", tmp_path, kokoro=None, count=3)

    assert written[2].text == f"{HUMAN_TEXTS['spk1_snt1']} {HUMAN_TEXTS['spk1_snt2']}"
    assert written[2].duration_s == pytest.approx(3.0 + BREATH_S)
    assert len({note.file.read_bytes() for note in written}) == 3


def test_too_few_recordings_are_refused_with_their_number(tmp_path):
    record(tmp_path, "jfk", 1.0)

    with pytest.raises(CommandFailed, match="1 notes only, 30"):
        notes(tmp_path / "notes", tmp_path, kokoro=None, count=30)


def test_what_the_recordings_say_stands_in_no_phrase_library():
    from appliance.bench.notes import CORPUS

    library = {phrase.text("en") for phrase in load_base(CORPUS) if phrase.origin != RECORDINGS_ORIGIN}

    assert not library & set(HUMAN_TEXTS.values())
