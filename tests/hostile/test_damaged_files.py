"""Property: a damaged recording is refused, or what was lost of it is told; it never ends or hangs the decoder."""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import MeeshyError
from appliance.testing.audio_files import CONTAINERS, noise, recording, sound_start, voice

LENGTH_S = 5.0
TOLERANCE_S = 0.2
FILES = {name: recording(name, voice(LENGTH_S) + noise(LENGTH_S, 0.002)) for name in CONTAINERS}
REFUSALS = {"audio_unreadable", "audio_empty", "audio_format_refused", "no_audio_stream", "too_many_channels"}

# Seeded, so that a run in CI is the same everywhere; each example is one process, 0.3 s on a quiet machine.
bounded = settings(
    max_examples=4, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
places = st.floats(0, 1, exclude_max=True)


def offset(share, start, data):
    return start + int(share * (len(data) - start))


def decode(decoder, data):
    """Return the decoded recording, None for a refusal that a user can understand."""
    try:
        return decoder.decode(bytes(data))
    except MeeshyError as error:
        assert error.code in REFUSALS | {"audio_missing", "audio_too_long"}
        return None


def check_that_ranges_make_sense(audio):
    ends_s = [0.0]
    for start_s, end_s in audio.missing:
        assert ends_s[-1] <= start_s < end_s
        ends_s.append(end_s)
    assert 0 < audio.duration_s <= 600.25


def check_that_all_time_is_accounted_for(audio):
    check_that_ranges_make_sense(audio)
    inside = [(start_s, min(end_s, audio.duration_s)) for start_s, end_s in audio.missing if start_s < audio.duration_s]
    filled_s = sum(end_s - start_s for start_s, end_s in inside)
    decoded_s = audio.duration_s - filled_s
    assert audio.recording.cut_short or decoded_s + audio.recording.missing_s >= LENGTH_S - TOLERANCE_S
    assert audio.duration_s <= LENGTH_S + 2 * TOLERANCE_S


@pytest.mark.parametrize("container", CONTAINERS)
@bounded
@given(flips=st.lists(st.tuples(places, st.integers(0, 7)), min_size=1, max_size=20))
def test_flipped_bits_in_the_sound_cost_what_is_told(decoder, container, flips):
    data = bytearray(FILES[container])
    for share, bit in flips:
        data[offset(share, sound_start(container, FILES[container]), data)] ^= 1 << bit

    audio = decode(decoder, data)

    if audio is not None:
        check_that_all_time_is_accounted_for(audio)


@pytest.mark.parametrize("container", CONTAINERS)
@bounded
@given(share=places, size=st.integers(1, 4000), fill=st.randoms(use_true_random=False))
def test_a_stretch_of_rubbish_in_the_sound_costs_what_is_told(decoder, container, share, size, fill):
    data = bytearray(FILES[container])
    start = offset(share, sound_start(container, data), data)
    size = min(size, len(data) - start)
    data[start : start + size] = fill.randbytes(size)

    audio = decode(decoder, data)

    if audio is not None:
        check_that_all_time_is_accounted_for(audio)


@pytest.mark.parametrize("container", CONTAINERS)
@bounded
@given(share=places)
def test_a_cut_anywhere_in_the_sound_costs_what_is_told(decoder, container, share):
    data = FILES[container]

    audio = decode(decoder, data[: offset(share, sound_start(container, data), data)])

    if audio is not None:
        check_that_all_time_is_accounted_for(audio)


@pytest.mark.parametrize("container", CONTAINERS)
@bounded
@given(flips=st.lists(st.tuples(places, st.integers(0, 7)), min_size=1, max_size=12), cut=st.floats(0.05, 1))
def test_damage_to_headers_gives_a_refusal_or_sound_that_makes_sense(decoder, container, flips, cut):
    data = bytearray(FILES[container])
    for share, bit in flips:
        data[int(share * min(len(data), 2000))] ^= 1 << bit

    audio = decode(decoder, data[: int(len(data) * cut)])

    if audio is not None:
        check_that_ranges_make_sense(audio)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("container", CONTAINERS)
def test_two_hundred_damaged_files_are_refused_or_accounted_for(decoder, container):
    start = sound_start(container, FILES[container])
    for seed in range(200):
        random = Random(seed)
        data = bytearray(FILES[container])
        for _ in range(random.randrange(1, 30)):
            data[random.randrange(start, len(data))] = random.randrange(256)
        if seed % 3 == 0:
            del data[random.randrange(start, len(data)) :]

        audio = decode(decoder, data)

        if audio is not None:
            check_that_all_time_is_accounted_for(audio)
