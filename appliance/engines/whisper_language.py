"""Between BCP-47 and Whisper's language codes, and which language a whole recording is in."""

from collections.abc import Mapping, Sequence

from appliance.languages import NAMES

UNDETERMINED = "und"
"""BCP-47's tag where no language could be told: nothing was said."""

_WHISPER_CODES = {"jv": "jw"}  # openai/whisper names Javanese by the withdrawn code
_TAGS = {code: tag for tag, code in _WHISPER_CODES.items()}


def whisper_code(tag: str) -> str:
    """Return Whisper's code for a BCP-47 primary tag."""
    return _WHISPER_CODES.get(tag, tag)


def tag_probabilities(detected: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Return BCP-47 tags with probabilities from Whisper's `<|xx|>` tokens; unless nobody can ask for them."""
    tags = ((_TAGS.get(token[2:-2], token[2:-2]), probability) for token, probability in detected)
    return {tag: probability for tag, probability in tags if tag in NAMES}


def spoken_language(windows: Sequence[tuple[Mapping[str, float], float]]) -> tuple[str, float]:
    """Return a recording's language and its probability, from each window's probabilities weighted by speech.

    One language for the whole recording: a single window's slip would put a sentence of another language into it.
    """
    total_s = sum(speech_s for _, speech_s in windows)
    votes: dict[str, float] = {}
    for probabilities, speech_s in windows:
        for tag, probability in probabilities.items():
            votes[tag] = votes.get(tag, 0.0) + probability * speech_s
    if not votes or total_s <= 0:
        return UNDETERMINED, 0.0
    tag = max(sorted(votes), key=votes.__getitem__)
    return tag, votes[tag] / total_s
