"""A stream is the whole utterance in pieces, the first of which comes before the last code is known."""

import numpy as np
import pytest

from appliance.engines.protocols import SpeakRequest
from appliance.errors import Cancelled, TextUnspeakable

pytestmark = pytest.mark.xtts

TEXT = "hello i will be ten minutes late please wait for me at the station"


def streamed(engine, request: SpeakRequest, **sizes: int) -> list[np.ndarray]:
    """Return the pieces of a stream whose pieces have so many codes."""
    arrays = {f"0.{name}": array for name, array in request.voice.arrays.items()}
    row = {"text": request.text, "language": request.language, "seed": request.seed, "voice": 0, **sizes}
    return [given["samples"] for _, given in engine._link.ask({"op": "stream", "row": row}, arrays)]


@pytest.mark.parametrize("number", range(3))
def test_one_piece_is_the_whole(greedy, voices, number):
    request = SpeakRequest(TEXT, "en", voices[number])
    whole = greedy.speak([request])[0].samples
    (piece,) = streamed(greedy, request, first=0, later=0)
    assert len(piece) == len(whole) and np.abs(piece - whole).max() <= 1e-5


@pytest.mark.parametrize("number", range(3))
def test_pieces_of_ten_codes_join_to_the_whole(greedy, voices, number):
    request = SpeakRequest(TEXT, "en", voices[number])
    whole = greedy.speak([request])[0].samples
    pieces = streamed(greedy, request, first=10, later=10)
    joined = np.concatenate(pieces)
    assert len(pieces) > 2
    assert len(joined) == len(whole) and np.abs(joined - whole).max() <= 2e-3


def test_a_stream_draws_the_codes_that_a_batch_draws_for_the_seed(drawing, voices):
    for seed in (0, 5):
        request = SpeakRequest(TEXT, "en", voices[1], seed)
        whole = drawing.speak([request])[0].samples
        joined = np.concatenate([piece.samples for piece in drawing.stream(request)])
        assert len(joined) == len(whole) and np.abs(joined - whole).max() <= 2e-3


def test_several_sentences_stream_one_after_the_other_as_they_are_spoken_whole(greedy, voices):
    request = SpeakRequest("Hello i will be ten minutes late. Please wait for me at the station.", "en", voices[2])
    whole = greedy.speak([request])[0].samples
    joined = np.concatenate([piece.samples for piece in greedy.stream(request)])
    assert len(joined) == len(whole) and np.abs(joined - whole).max() <= 2e-3


def test_the_first_piece_comes_while_the_sentence_is_being_made(greedy, voices):
    request = SpeakRequest(TEXT, "en", voices[0])
    whole = greedy.speak([request])[0].samples
    stream = greedy.stream(request)
    first = next(stream)
    stream.close()
    # What was given is less than a third, and the rest was never made: the stream was closed with it.
    assert 0 < len(first.samples) < len(whole) / 3


def test_a_closed_stream_leaves_the_process_ready_for_the_next(greedy, voices):
    starts, request = greedy._link.starts, SpeakRequest(TEXT, "en", voices[3])
    expected = greedy.speak([request])[0].samples
    for _ in range(3):
        stream = greedy.stream(request)
        next(stream)
        stream.close()
    assert np.array_equal(greedy.speak([request])[0].samples, expected)
    assert greedy._link.starts == starts


def test_a_stream_can_be_cancelled_from_another_place(endless, voices):
    # Two seconds of sound fill the socket, so the process cannot be done with its 7 s when the cancellation comes.
    stream = endless.stream(SpeakRequest(TEXT, "en", voices[0]))
    next(stream)
    endless.cancel()
    with pytest.raises(Cancelled):
        for _ in range(1000):
            next(stream)


def test_a_text_without_words_is_refused_before_anything_is_made(greedy, voices):
    with pytest.raises(TextUnspeakable):
        next(greedy.stream(SpeakRequest("?!", "en", voices[0])))
