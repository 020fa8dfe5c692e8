"""Where speech is found, and how it is cut into rows."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.engines.whisper_windows import (
    FULL_WINDOW_S,
    LONGEST_GAP_S,
    LONGEST_WINDOW_S,
    MARGIN_S,
    TAIL_S,
    Span,
    padded_length_s,
    speech_spans,
    speech_windows,
)

FRAME_S = 0.032


def frames(*stretches: tuple[float, float]) -> list[float]:
    """Return frame probabilities from (seconds, probability) stretches."""
    return [p for seconds, p in stretches for _ in range(round(seconds / FRAME_S))]


def test_given_nothing_above_the_threshold_then_there_is_no_speech() -> None:
    assert speech_spans(frames((5, 0.45)), FRAME_S) == []


def test_given_no_frames_then_there_is_no_speech() -> None:
    assert speech_spans([], FRAME_S) == []


def test_given_one_loud_frame_among_quiet_ones_then_it_is_not_speech() -> None:
    assert speech_spans([*frames((2, 0.1)), 0.9, *frames((2, 0.1))], FRAME_S) == []


def test_given_speech_between_silences_then_its_place_is_found() -> None:
    (span,) = speech_spans(frames((1, 0.0), (2, 0.9), (1, 0.0)), FRAME_S)

    assert span.start_s == pytest.approx(1, abs=FRAME_S)
    assert span.end_s == pytest.approx(3, abs=FRAME_S)


def test_given_a_short_dip_inside_speech_then_it_stays_one_stretch() -> None:
    assert len(speech_spans(frames((1, 0.9), (0.2, 0.0), (1, 0.9)), FRAME_S)) == 1


def test_given_a_pause_then_speech_is_two_stretches_with_the_pause_between() -> None:
    first, second = speech_spans(frames((1, 0.9), (0.6, 0.0), (1, 0.9)), FRAME_S)

    assert first.end_s == pytest.approx(1, abs=FRAME_S)
    assert second.start_s == pytest.approx(1.6, abs=2 * FRAME_S)


def test_given_speech_with_hesitant_frames_then_they_do_not_end_it() -> None:
    assert len(speech_spans(frames((1, 0.9), (1, 0.4), (1, 0.9)), FRAME_S)) == 1


def test_given_a_minute_without_a_pause_then_it_is_cut_where_it_sounds_least_like_speech() -> None:
    probabilities = frames((20, 0.9), (0.1, 0.5), (40, 0.9))

    spans = speech_spans(probabilities, FRAME_S)

    assert spans[0].end_s == pytest.approx(20.0, abs=0.1)
    assert spans[0].start_s == 0
    assert spans[-1].end_s == pytest.approx(len(probabilities) * FRAME_S)
    assert all(a.end_s == b.start_s for a, b in pairwise(spans))
    assert all(span.length_s <= LONGEST_WINDOW_S for span in spans)


def test_given_a_short_note_then_it_is_one_row_with_margins_inside_the_recording() -> None:
    (window,) = speech_windows([Span(0.1, 1.0), Span(1.5, 2.0)], 2.1)

    assert (window.start_s, window.end_s) == (0.0, 2.1)
    assert window.speech_s == pytest.approx(1.4)


def test_given_silence_around_speech_then_the_row_leaves_it_out() -> None:
    (window,) = speech_windows([Span(10.0, 12.0)], 60.0)

    assert (window.start_s, window.end_s) == (10.0 - MARGIN_S, 12.0 + MARGIN_S)


def test_given_a_long_silence_between_two_sentences_then_they_are_two_rows() -> None:
    assert len(speech_windows([Span(0, 2), Span(2 + LONGEST_GAP_S + 1, 12)], 12)) == 2


def test_given_stretches_cut_without_a_pause_then_their_rows_touch_but_do_not_overlap() -> None:
    first, second = speech_windows([Span(0.0, 20.0), Span(20.0, 40.0)], 40.0)

    assert first.end_s == second.start_s == 20.0


@given(st.lists(st.floats(0, 1), max_size=1500))
def test_given_any_probabilities_then_rows_are_ordered_and_hold_every_stretch(
    probabilities: list[float],
) -> None:
    duration_s = len(probabilities) * FRAME_S
    spans = speech_spans(probabilities, FRAME_S)

    windows = speech_windows(spans, duration_s)

    assert [span for window in windows for span in window.speech] == spans
    assert all(0 <= w.start_s < w.end_s <= duration_s + 1e-6 and w.length_s <= LONGEST_WINDOW_S + 1e-6 for w in windows)
    assert all(a.end_s <= b.start_s + 1e-6 for a, b in pairwise(windows))


def test_given_an_unvalidated_model_then_every_row_is_padded_to_the_trained_window() -> None:
    assert {padded_length_s(s, shortened=False) for s in (0.5, 5, 28)} == {FULL_WINDOW_S}


@given(st.floats(0.01, LONGEST_WINDOW_S))
def test_given_a_validated_model_then_the_tail_is_never_tighter_than_eight_seconds(audio_s: float) -> None:
    padded_s = padded_length_s(audio_s, shortened=True)

    assert padded_s >= audio_s + TAIL_S or padded_s == FULL_WINDOW_S


def test_given_a_short_note_then_its_window_is_less_than_half_of_the_trained_one() -> None:
    assert padded_length_s(3.0, shortened=True) <= FULL_WINDOW_S / 2
