"""Where a sentence was said when segments cut it."""

from appliance.engines.sentences import merge_segments
from appliance.stages.spans import sentence_spans


def test_a_sentence_over_two_segments_reaches_from_the_first_to_the_second():
    merged = merge_segments(["Ask not what your country", "can do for you."], "en")
    assert sentence_spans(merged, [(0.0, 2.0), (3.0, 4.0)]) == [(0.0, 4.0)]


def test_two_sentences_in_one_segment_share_it_by_their_length():
    merged = merge_segments(["Yes. Certainly."], "en")
    first, second = sentence_spans(merged, [(10.0, 24.0)])
    assert first == (10.0, 14.0)  # 4 of 14 characters
    assert second == (14.0, 24.0)
