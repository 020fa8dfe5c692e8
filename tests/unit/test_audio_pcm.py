import io
import wave

import numpy as np

from appliance.audio.pcm import pcm_of, samples_of
from appliance.audio.wav import wav_bytes


def test_every_sixteen_bit_value_survives_the_way_there_and_back():
    pcm = np.arange(-32768, 32768, dtype="<i2").tobytes()

    assert pcm_of(samples_of(pcm)) == pcm


def test_samples_are_float32_between_minus_one_and_one():
    samples = samples_of(np.array([-32768, 0, 16384], dtype="<i2").tobytes())

    assert samples.dtype == np.float32
    assert samples.tolist() == [-1.0, 0.0, 0.5]


def test_what_is_too_loud_is_cut_off_and_never_wraps_around():
    assert np.frombuffer(pcm_of(np.array([1.5, -1.5])), "<i2").tolist() == [32767, -32768]


def test_a_wav_file_reads_back_with_the_standard_library():
    pcm = pcm_of(np.linspace(-1, 1, 100))

    with wave.open(io.BytesIO(wav_bytes(pcm, 24_000))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        assert file.readframes(1000) == pcm
