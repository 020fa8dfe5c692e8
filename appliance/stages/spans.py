"""Where in a recording each sentence was said, when a sentence may span several segments or share one."""

from collections.abc import Sequence

from appliance.engines.sentences import MergedSentence

Span = tuple[float, float]


def sentence_spans(sentences: Sequence[MergedSentence], segment_spans_s: Sequence[Span]) -> list[Span]:
    """Return start and end in seconds per sentence.

    Within a segment the place is taken from the share of its characters, as speech runs at a nearly even rate.
    """
    total = [0] * len(segment_spans_s)
    for sentence in sentences:
        for share in sentence.shares:
            total[share.segment] += share.characters
    used = [0] * len(segment_spans_s)
    spans = []
    for sentence in sentences:
        edges = []
        for share in sentence.shares:
            start_s, end_s = segment_spans_s[share.segment]
            per_character_s = (end_s - start_s) / max(1, total[share.segment])
            edges.append(start_s + used[share.segment] * per_character_s)
            used[share.segment] += share.characters
            edges.append(start_s + used[share.segment] * per_character_s)
        spans.append((round(edges[0], 3), round(edges[-1], 3)))
    return spans
